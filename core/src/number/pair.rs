//! Pairs of `f64`: what formulas of `f64` elements are evaluated in.

use crate::machine::INTEGER;
use crate::number::error_free::{leading_bits, split, two_product, two_sum};
use core::ops::{Add, Div, Mul, Neg, Sub};

/// high + low, with a `low` of at most a few u of `high`, unless terms have cancelled.
///
/// Where `high` is infinite or NaN, `low` may be anything, and where `high` comes from dividing by an infinity too: it
/// counts only as far as the sum is a number. Below 2^-969 a product's low part is lost in subnormal numbers: 2^-1073 at
/// most.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair {
    pub(crate) high: f64,
    pub(crate) low: f64,
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
