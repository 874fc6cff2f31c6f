//! The arithmetic of the formulas: plain `f64` for elements that are rounded from it, pairs of `f64` for `f64` elements.
//!
//! A formula is written once, in [`Real`]. A result is rounded once, at its end. With pairs all that a formula's
//! operations lose together is some 2^-100 of their terms, so what is left to speak of is the error of exp and log, and
//! that last rounding. A bound for `f64` elements that is derived beside a formula is that of the formula's value
//! before it is rounded, in units of u = 2^-53.

use crate::number::elementary;
use crate::number::error_free::{fast_two_sum, two_product, two_sum};
use crate::number::pair::{Pair, leading_quotient};
use crate::number::pair_elementary::{exp_pair, log_pair, log1p_pair};

use core::ops::{Add, Div, Mul, Neg, Sub};

/// A number that a formula works with.
#[doc(hidden)]
pub trait Real:
    Copy
    + Default
    + From<f64>
    + Neg<Output = Self>
    + Add<Output = Self>
    + Add<f64, Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Mul<f64, Output = Self>
    + Div<Output = Self>
{
    /// Whether it is a pair, and not one `f64`.
    const IS_PAIR: bool;

    /// What elements of this arithmetic allow a gradient whose terms cancel, before it is rounded: a relative error, in
    /// units of u. 2^-38, or 0.39 u and what the denominator adds.
    const MOST_ERROR: f64;

    /// Where less than this part of the sum of its two terms' magnitudes is left, the gradient of binary cross-entropy
    /// with logits is evaluated again, in double-double.
    const CANCELLED: f64;

    /// Below this an exponential has lost digits which an element can show: nowhere, for those that are rounded from
    /// one `f64`.
    const TINY: f64;

    /// A factor of a finite loss or gradient that no element can show, whatever its weight and the other factors are. Times
    /// a weight it is not 0, for weights of the elements' own type, or those of `f64` that the bounds are for.
    const LEAST_FACTOR: f64;

    /// a - b.
    fn difference(a: f64, b: f64) -> Self;

    /// a * b.
    fn product(a: f64, b: f64) -> Self;

    /// The number made of the two that [`hi`](Self::high) and [`lo`](Self::low) give.
    fn of_parts(hi: f64, lo: f64) -> Self;

    /// The number, nearly: what comparisons look at.
    fn hi(self) -> f64;

    /// What `hi` lacks.
    fn lo(self) -> f64;

    /// The nearest `f64`.
    fn round(self) -> f64;

    /// self / (1 + t), for t >= 0.
    fn over_one_plus(self, t: Self) -> Self;

    /// e^x for x <= 0.
    fn exp(x: Self) -> Self;

    /// ln x, for a normal positive x, and some number below -700 for 0 and subnormal ones.
    fn log(x: f64) -> Self;

    /// ln(1 + x) for x >= 0, or an `f64` above -1; some finite number below -700 for -1.
    fn log1p(x: Self) -> Self;

    /// The same for x in [0, 1].
    fn log1p_unit(x: Self) -> Self;
}

impl Real for f64 {
    const IS_PAIR: bool = false;
    const MOST_ERROR: f64 = 32768.0;
    const CANCELLED: f64 = 1.0 / 8192.0;
    const TINY: f64 = 0.0;
    // 2^-920: the weights of an f32 go down to 2^-149, and what it is multiplied by up to 2^258.
    const LEAST_FACTOR: f64 = f64::from_bits((1023 - 920) << 52);

    #[inline(always)]
    fn difference(a: f64, b: f64) -> Self {
        a - b
    }

    #[inline(always)]
    fn product(a: f64, b: f64) -> Self {
        a * b
    }

    #[inline(always)]
    fn of_parts(hi: f64, _: f64) -> Self {
        hi
    }

    #[inline(always)]
    fn hi(self) -> f64 {
        self
    }

    // The zero that is never seen in a sum.
    #[inline(always)]
    fn lo(self) -> f64 {
        -0.0
    }

    #[inline(always)]
    fn round(self) -> f64 {
        self
    }

    #[inline(always)]
    fn over_one_plus(self, t: Self) -> Self {
        self / (1.0 + t)
    }

    #[inline(always)]
    fn exp(x: Self) -> Self {
        elementary::exp(x)
    }

    #[inline(always)]
    fn log(x: f64) -> Self {
        elementary::log(x)
    }

    #[inline(always)]
    fn log1p(x: Self) -> Self {
        elementary::log1p(x)
    }

    #[inline(always)]
    fn log1p_unit(x: Self) -> Self {
        elementary::log1p_unit(x)
    }
}

impl Real for Pair {
    const IS_PAIR: bool = true;
    const MOST_ERROR: f64 = 0.39;
    const CANCELLED: f64 = 0.25;
    // 2^-960.
    const TINY: f64 = f64::from_bits((1023 - 960) << 52);
    // 2^-1000, where a pair has long lost digits.
    const LEAST_FACTOR: f64 = f64::from_bits((1023 - 1000) << 52);

    #[inline(always)]
    fn difference(a: f64, b: f64) -> Self {
        Self::new(two_sum(a, -b))
    }

    #[inline(always)]
    fn product(a: f64, b: f64) -> Self {
        Self::new(two_product(a, b))
    }

    #[inline(always)]
    fn of_parts(hi: f64, lo: f64) -> Self {
        Self { hi, lo }
    }

    #[inline(always)]
    fn hi(self) -> f64 {
        self.hi
    }

    #[inline(always)]
    fn lo(self) -> f64 {
        self.lo
    }

    // Also the high part where the sum is a NaN, and where it is the other zero.
    #[inline(always)]
    fn round(self) -> f64 {
        let sum = self.hi + self.lo;
        if (sum < self.hi) | (sum > self.hi) {
            sum
        } else {
            self.hi
        }
    }

    #[inline(always)]
    fn over_one_plus(self, t: Self) -> Self {
        let (hi, lost) = two_sum(1.0, t.hi);
        let denominator = Self {
            hi,
            lo: lost + t.lo,
        };
        let (leading, rest) = leading_quotient(self, denominator);
        Self::new(fast_two_sum(leading, rest))
    }

    #[inline(always)]
    fn exp(x: Self) -> Self {
        Self::new(exp_pair(x.hi, x.lo))
    }

    #[inline(always)]
    fn log(x: f64) -> Self {
        Self::new(log_pair(x))
    }

    #[inline(always)]
    fn log1p(x: Self) -> Self {
        Self::new(log1p_pair(x))
    }

    // The split of what is above sqrt(2) serves here too: ln 2 is then a constant, correctly rounded.
    #[inline(always)]
    fn log1p_unit(x: Self) -> Self {
        Self::log1p(x)
    }
}

/// weight * value, where a weight of zero takes nothing from an infinite value. NaN stays NaN.
#[inline(always)]
pub(crate) fn mul_zero_wins<X: Real, W: Real + Mul<X, Output = W>>(weight: X, value: W) -> W {
    if weight.hi() == 0.0 && !value.hi().is_nan() {
        W::default()
    } else {
        value * weight
    }
}
