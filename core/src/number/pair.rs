//! Pairs of `f64`: what formulas of `f64` elements are evaluated in.

use crate::machine::out_of_line_without_f64;
use crate::number::error_free::{leading_bits, split_bits, two_product, two_sum};
use core::ops::{Add, Div, Mul, Neg, Sub};

/// high + low, with a `lo` of at most a few u of `hi`, unless terms have cancelled.
///
/// Where `hi` is infinite or NaN, `lo` may be anything, and where `hi` comes from dividing by an infinity too: it
/// counts only as far as the sum is a number. Below 2^-969 a product's low part is lost in subnormal numbers: 2^-1073 at
/// most.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair {
    pub(crate) hi: f64,
    pub(crate) lo: f64,
}

impl Pair {
    #[inline(always)]
    pub(crate) fn new((hi, lo): (f64, f64)) -> Self {
        Self { hi, lo }
    }
}

impl From<f64> for Pair {
    #[inline(always)]
    fn from(hi: f64) -> Self {
        Self { hi, lo: 0.0 }
    }
}

impl Neg for Pair {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self {
            hi: -self.hi,
            lo: -self.lo,
        }
    }
}

// The sums of the low parts round: a few u of u.
impl Add for Pair {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        sum(self, other)
    }
}

impl Add<f64> for Pair {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: f64) -> Self {
        let (hi, lost) = two_sum(self.hi, other);
        let lo = lost + self.lo;
        Self { hi, lo }
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
        product(self, other)
    }
}

impl Mul<f64> for Pair {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        let (hi, lost) = two_product(self.hi, other);
        let lo = lost + self.lo * other;
        Self { hi, lo }
    }
}

// What a quotient of the high parts leaves, divided in turn: 2^-53 of it is found with an error of a few u.
impl Div for Pair {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let hi = self.hi / other.hi;
        let (back, lost) = two_product(hi, other.hi);
        let rest = ((self.hi - back) - lost) + (self.lo - hi * other.lo);
        Self {
            hi,
            lo: rest / other.hi,
        }
    }
}

/// The 26 leading bits of a / b, nearly, and the rest, which is below 2^-24 of them: for a b from 1/2 to 2^1000.
///
/// One division, and no product that rounds: those of the leading bits with the two parts of b have 53 bits. What the
/// first leaves of a is below 2^-24 of it, so that this difference is exact, and the other differences, and the
/// product with the reciprocal, are within a few u of the rest: 2^-74 of the quotient.
#[inline(always)]
pub(crate) fn leading_quotient(a: Pair, b: Pair) -> (f64, f64) {
    out_of_line_without_f64!(|a: Pair, b: Pair| -> (f64, f64) {
        let reciprocal = 1.0 / b.hi;
        let quotient = leading_bits(a.hi * reciprocal);
        let (b1, b2) = split_bits(b.hi);
        let rest = ((a.hi - quotient * b1) - quotient * b2) + (a.lo - quotient * b.lo);
        (quotient, rest * reciprocal)
    })
}

#[inline(always)]
fn sum(a: Pair, b: Pair) -> Pair {
    out_of_line_without_f64!(|a: Pair, b: Pair| -> Pair {
        let (hi, lost) = two_sum(a.hi, b.hi);
        let lo = lost + (a.lo + b.lo);
        Pair { hi, lo }
    })
}

#[inline(always)]
fn product(a: Pair, b: Pair) -> Pair {
    out_of_line_without_f64!(|a: Pair, b: Pair| -> Pair {
        let (hi, lost) = two_product(a.hi, b.hi);
        let lo = lost + (a.hi * b.lo + a.lo * b.hi);
        Pair { hi, lo }
    })
}
