//! Double-double arithmetic: numbers of about 106 bits as sums of two `f64`, for differences in which the digits of one
//! `f64` cancel.
//!
//! From + - * / alone, as in [`elementary`](crate::elementary).
//!
//! Below, u = 2^-53. Errors are relative to the exact result of the operation on the pairs that it is given, or, of sums,
//! to the sum of their magnitudes. They hold where nothing overflows, and nothing that counts is subnormal.

use crate::elementary::{LN2_HI, LN2_LO, LOG2_E, MAGIC, exp_pair};
use crate::wide::{Pair, Wide, two_product, two_sum};
use core::ops::{Add, Div, Mul, Sub};

/// The first 41 bits of ln(2) - [`LN2_HI`]. The product with an integer below 2^12 is exact.
const LN2_MIDDLE: f64 = f64::from_bits(0x3d2e_f357_93c7_6000); // 5.4979230187072099e-14

/// What is left of ln(2), rounded: together they are within 2^-140 of it.
const LN2_LOWEST: f64 = f64::from_bits(0x3a8c_c01f_97b5_7a08); // 1.1612227229362532e-26

const _: () = assert!(LN2_MIDDLE + LN2_LOWEST == LN2_LO);

/// high + low, with |low| <= u |high|.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    #[inline(always)]
    pub(crate) fn new(value: f64) -> Self {
        let low = 0.0;
        Self { high: value, low }
    }

    /// a + b, exactly.
    #[inline(always)]
    pub(crate) fn sum(a: f64, b: f64) -> Self {
        let (high, low) = two_sum(a, b);
        Self { high, low }
    }

    /// a * b, within 4 u^2: exactly, but for the product of two trailing parts of 27 bits. That of two `f32` is exact.
    #[inline(always)]
    pub(crate) fn product(a: f64, b: f64) -> Self {
        let (high, low) = two_product(a, b);
        Self { high, low }
    }

    /// high + low, exactly, for a `high` that is a multiple of the unit in low's last place (Dekker).
    #[inline(always)]
    fn normal(high: f64, low: f64) -> Self {
        let sum = high + low;
        Self {
            high: sum,
            low: low - (sum - high),
        }
    }

    /// Of a pair that is not too far from one, exactly.
    #[inline(always)]
    pub(crate) fn of(pair: Pair) -> Self {
        Self::sum(pair.high(), pair.low())
    }

    /// As a pair.
    #[inline(always)]
    pub(crate) fn pair(self) -> Pair {
        Pair::of_parts(self.high, self.low)
    }

    /// Rounded to an `f64`.
    #[inline(always)]
    pub(crate) fn value(self) -> f64 {
        self.high
    }

    /// Times 2^exponent, for exponents from -1022 to 1023.
    #[inline(always)]
    pub(crate) fn times_power(self, exponent: i32) -> Self {
        let power = f64::from_bits(((i64::from(exponent) + 1023) << 52).cast_unsigned());
        Self {
            high: self.high * power,
            low: self.low * power,
        }
    }

    /// e^self, for a number from -746 to 0, as a number from 0.7 to 1.42, within 22 u^2 = 2^-101.5 of itself, and the
    /// exponent of the power of two that it is to be multiplied by.
    ///
    /// self = k ln 2 + r, |r| <= 0.3466. The products of k with the first two parts of ln 2 are exact, and so is the
    /// first difference, as in [`elementary::exp`](crate::elementary::exp). The low parts are rounded at u^2: r is
    /// within u^2.
    ///
    /// e^r = 1 + r/1 (1 + r/2 (1 + r/3 (…))) up to r^22/22!, which leaves 2^-109. From r^15/15! on, 2^-57 of the sum,
    /// in `f64`. A step before that has a product (12 u^2), a quotient by an integer (4 u^2) and a sum (3 u^2), of a term of at most
    /// 0.42 in the last step, 0.2 in the one before it, 0.13 in the one before that: 11, 7 and 6 u^2 there, together below
    /// 11 + 0.35 (7 + 0.18 6.5) < 14 u^2, with the error of r 15.5 u^2, of a sum of at least 0.707.
    #[inline(always)]
    pub(crate) fn exp(self) -> (Self, i32) {
        let k = (self.high * LOG2_E + MAGIC) - MAGIC;
        let r = Self::sum(self.high - k * LN2_HI, -(k * LN2_MIDDLE))
            + Self::sum(self.low, -(k * LN2_LOWEST));
        let mut rest = 1.0;
        for n in (15..=22).rev() {
            rest = 1.0 + r.high * rest / f64::from(n);
        }
        let one = Self::new(1.0);
        let mut sum = Self::new(rest);
        for n in (1..=14).rev() {
            sum = one + r * sum / Self::new(f64::from(n));
        }
        (sum, k as i32)
    }

    /// e^self for a number from -infinity to 0: [`exp`](Self::exp) multiplied out. What is below 2^-1022 - 2^-53 loses digits.
    #[inline(always)]
    pub(crate) fn whole_exp(self) -> Self {
        if self.high < -746.0 {
            return Self::new(0.0);
        }
        let (significand, exponent) = self.exp();
        let half = exponent / 2;
        significand.times_power(half).times_power(exponent - half)
    }

    /// e^self for a number from -infinity to 0, within 0.1 u of itself: [`exp_pair`].
    #[inline(always)]
    pub(crate) fn short_exp(self) -> Self {
        Self::of(Pair::new(exp_pair(self.high, self.low)))
    }
}

/// Within 3 u^2: one rounding of the low parts' sum, below u^2, and one of what that makes together with the rounding error
/// of the high parts.
impl Add for DoubleDouble {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let high = Self::sum(self.high, other.high);
        Self::normal(high.high, high.low + (self.low + other.low))
    }
}

impl Sub for DoubleDouble {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + Self {
            high: -other.high,
            low: -other.low,
        }
    }
}

/// Within 12 u^2: 4 u^2 for the product of the high parts, 1 each for the three that low parts have a share in, of which one
/// is left out, and 5 for two sums.
impl Mul for DoubleDouble {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let high = Self::product(self.high, other.high);
        let low = self.high * other.low + self.low * other.high;
        Self::normal(high.high, high.low + low)
    }
}

/// Within 20 u^2; by an integer below 2^26 within 4 u^2.
///
/// Such an integer times the first quotient is exact, and so is what that leaves of the dividend's high part, below u of the
/// dividend. Two roundings are left, of numbers below 2 u: the sum with the low part and the second quotient. By a pair, the
/// product is within 4 u^2, and there are two more roundings, of numbers below 3 u; the low part is not divided by.
impl Div for DoubleDouble {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let quotient = self.high / other.high;
        let product = Self::product(quotient, other.high);
        let rest = ((self.high - product.high) - product.low) + self.low;
        let rest = rest - quotient * other.low;
        Self::normal(quotient, rest / other.high)
    }
}
