//! The arithmetic of the formulas: plain `f64` for elements that are rounded from it, pairs of `f64` for `f64` elements.
//!
//! A formula is written once, in [`Wide`]. A result is rounded once, at its end. With pairs all that a formula's
//! operations lose together is some 2^-100 of their terms, so what is left to speak of is the error of exp and log, and
//! that last rounding. A bound for `f64` elements that is derived beside a formula is that of the formula's value
//! before it is rounded, in units of u = 2^-53.

use crate::dispatch::INTEGER;
use crate::elementary;
use core::ops::{Add, Div, Mul, Neg, Sub};

/// A number that a formula works with.
#[doc(hidden)]
pub trait Wide:
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

    /// The number made of the two that [`high`](Self::high) and [`low`](Self::low) give.
    fn of_parts(high: f64, low: f64) -> Self;

    /// The number, nearly: what comparisons look at.
    fn high(self) -> f64;

    /// What `high` lacks.
    fn low(self) -> f64;

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

impl Wide for f64 {
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
    fn of_parts(high: f64, _: f64) -> Self {
        high
    }

    #[inline(always)]
    fn high(self) -> f64 {
        self
    }

    // The zero that is never seen in a sum.
    #[inline(always)]
    fn low(self) -> f64 {
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

/// high + low, with a `low` of at most a few u of `high`, unless terms have cancelled.
///
/// Where `high` is infinite or NaN, `low` may be anything, and where `high` comes from dividing by an infinity too: it
/// counts only as far as the sum is a number. Below 2^-969 a product's low part is lost in subnormal numbers: 2^-1073 at
/// most.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair {
    high: f64,
    low: f64,
}

impl Pair {
    #[inline(always)]
    pub(crate) fn new((high, low): (f64, f64)) -> Self {
        Self { high, low }
    }
}

impl From<f64> for Pair {
    #[inline(always)]
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Neg for Pair {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self {
            high: -self.high,
            low: -self.low,
        }
    }
}

// The sums of the low parts round: a few u of u.
impl Add for Pair {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        if INTEGER {
            called_sum(self, other)
        } else {
            inlined_sum(self, other)
        }
    }
}

impl Add<f64> for Pair {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: f64) -> Self {
        let (high, lost) = two_sum(self.high, other);
        let low = lost + self.low;
        Self { high, low }
    }
}

impl Sub for Pair {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

// Without low * low, which is a few u^2.
impl Mul for Pair {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        if INTEGER {
            called_product(self, other)
        } else {
            inlined_product(self, other)
        }
    }
}

impl Mul<f64> for Pair {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        let (high, lost) = two_product(self.high, other);
        let low = lost + self.low * other;
        Self { high, low }
    }
}

// What a quotient of the high parts leaves, divided in turn: 2^-53 of it is found with an error of a few u.
impl Div for Pair {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let high = self.high / other.high;
        let (back, lost) = two_product(high, other.high);
        let rest = ((self.high - back) - lost) + (self.low - high * other.low);
        Self {
            high,
            low: rest / other.high,
        }
    }
}

/// See `called_exp` in `elementary.rs`.
#[inline(never)]
fn called_sum(a: Pair, b: Pair) -> Pair {
    inlined_sum(a, b)
}

#[inline(always)]
fn inlined_sum(a: Pair, b: Pair) -> Pair {
    let (high, lost) = two_sum(a.high, b.high);
    let low = lost + (a.low + b.low);
    Pair { high, low }
}

/// See `called_exp` in `elementary.rs`.
#[inline(never)]
fn called_product(a: Pair, b: Pair) -> Pair {
    inlined_product(a, b)
}

#[inline(always)]
fn inlined_product(a: Pair, b: Pair) -> Pair {
    let (high, lost) = two_product(a.high, b.high);
    let low = lost + (a.high * b.low + a.low * b.high);
    Pair { high, low }
}

impl Wide for Pair {
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
    fn of_parts(high: f64, low: f64) -> Self {
        Self { high, low }
    }

    #[inline(always)]
    fn high(self) -> f64 {
        self.high
    }

    #[inline(always)]
    fn low(self) -> f64 {
        self.low
    }

    // Also the high part where the sum is a NaN, and where it is the other zero.
    #[inline(always)]
    fn round(self) -> f64 {
        let sum = self.high + self.low;
        if (sum < self.high) | (sum > self.high) {
            sum
        } else {
            self.high
        }
    }

    #[inline(always)]
    fn over_one_plus(self, t: Self) -> Self {
        let (high, lost) = two_sum(1.0, t.high);
        let denominator = Self {
            high,
            low: lost + t.low,
        };
        let (leading, rest) = leading_quotient(self, denominator);
        Self::new(fast_two_sum(leading, rest))
    }

    #[inline(always)]
    fn exp(x: Self) -> Self {
        Self::new(elementary::exp_pair(x.high, x.low))
    }

    #[inline(always)]
    fn log(x: f64) -> Self {
        Self::new(elementary::log_pair(x))
    }

    #[inline(always)]
    fn log1p(x: Self) -> Self {
        Self::new(elementary::log1p_pair(x))
    }

    // The split of what is above sqrt(2) serves here too: ln 2 is then a constant, correctly rounded.
    #[inline(always)]
    fn log1p_unit(x: Self) -> Self {
        Self::log1p(x)
    }
}

/// a + b = high + low exactly (Knuth), where nothing overflows.
#[inline(always)]
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    let b_part = high - a;
    let a_part = high - b_part;
    (high, (a - a_part) + (b - b_part))
}

/// The same for |a| >= |b|, or an a of 0 (Dekker).
#[inline(always)]
pub(crate) fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    (high, b - (high - a))
}

/// The 26 leading bits of a number, and its other 27. On the bits, so that nothing can overflow.
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    let leading = leading_bits(x);
    (leading, x - leading)
}

#[inline(always)]
fn leading_bits(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & 0xffff_ffff_f800_0000)
}

/// a * b = high + low (Dekker). Only the product of the trailing parts may round, at 2^-106.
#[inline(always)]
pub(crate) fn two_product(a: f64, b: f64) -> (f64, f64) {
    if INTEGER {
        called_two_product(a, b)
    } else {
        inlined_two_product(a, b)
    }
}

/// See `called_exp` in `elementary.rs`.
#[inline(never)]
fn called_two_product(a: f64, b: f64) -> (f64, f64) {
    inlined_two_product(a, b)
}

#[inline(always)]
fn inlined_two_product(a: f64, b: f64) -> (f64, f64) {
    let high = a * b;
    let ((a1, a2), (b1, b2)) = (split(a), split(b));
    (high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2)
}

/// The 26 leading bits of a / b, nearly, and the rest, which is below 2^-24 of them: for a b from 1/2 to 2^1000.
///
/// One division, and no product that rounds: those of the leading bits with the two parts of b have 53 bits. What the
/// first leaves of a is below 2^-24 of it, so that this difference is exact, and the other differences, and the
/// product with the reciprocal, are within a few u of the rest: 2^-74 of the quotient.
#[inline(always)]
pub(crate) fn leading_quotient(a: Pair, b: Pair) -> (f64, f64) {
    if INTEGER {
        called_leading_quotient(a, b)
    } else {
        inlined_leading_quotient(a, b)
    }
}

/// See `called_exp` in `elementary.rs`.
#[inline(never)]
fn called_leading_quotient(a: Pair, b: Pair) -> (f64, f64) {
    inlined_leading_quotient(a, b)
}

#[inline(always)]
fn inlined_leading_quotient(a: Pair, b: Pair) -> (f64, f64) {
    let reciprocal = 1.0 / b.high;
    let quotient = leading_bits(a.high * reciprocal);
    let (b1, b2) = split(b.high);
    let rest = ((a.high - quotient * b1) - quotient * b2) + (a.low - quotient * b.low);
    (quotient, rest * reciprocal)
}
