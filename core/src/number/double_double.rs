//! Double-double arithmetic: numbers of about 106 bits as sums of two `f64`, for differences in which the digits of one
//! `f64` cancel.
//!
//! From + - * / alone, as in [`elementary`](crate::elementary).
//!
//! Below, u = 2^-53. Errors are relative to the exact result of the operation on the pairs that it is given, or, of sums,
//! to the sum of their magnitudes. They hold where nothing overflows, and nothing that counts is subnormal.

use crate::number::elementary::{LN2_HI, LN2_LO, LOG2_E, MAGIC};
use crate::number::error_free::{two_product, two_sum};
use crate::number::pair::Pair;
use core::ops::{Add, Div, Mul, Sub};

/// The first 41 bits of ln(2) - [`LN2_HI`]. The product with an integer below 2^12 is exact.
const LN2_MIDDLE: f64 = f64::from_bits(0x3d2e_f357_93c7_6000); // 5.4979230187072099e-14

/// What is left of ln(2), rounded: together they are within 2^-140 of it.
const LN2_LOWEST: f64 = f64::from_bits(0x3a8c_c01f_97b5_7a08); // 1.1612227229362532e-26

const _: () = assert!(LN2_MIDDLE + LN2_LOWEST == LN2_LO);

/// The coefficients 1/n! of e^r for n from 0 on, within u^2 of themselves.
const TERMS: [DoubleDouble; 15] = {
    let mut terms = [DoubleDouble::ONE; 15];
    let mut n = 1;
    while n < terms.len() {
        terms[n] = reciprocal_factorial(n);
        n += 1;
    }
    terms
};

/// The next ones, rounded.
pub(crate) const TAIL: [f64; 8] = {
    let mut tail = [0.0; 8];
    let mut n = 0;
    while n < tail.len() {
        tail[n] = reciprocal_factorial(TERMS.len() + n).hi;
        n += 1;
    }
    tail
};

/// 1/n! from its first 127 bits after the point: the first 53 that are not 0, and the rest.
const fn reciprocal_factorial(n: usize) -> DoubleDouble {
    const UNIT: f64 = f64::from_bits((1023 - 127) << 52);
    let mut bits = 1_u128 << 127;
    let mut i = 1;
    while i <= n {
        bits /= i as u128;
        i += 1;
    }
    let dropped = 128 - 53 - bits.leading_zeros();
    let lo = bits & ((1 << dropped) - 1);
    DoubleDouble {
        hi: (bits - lo) as f64 * UNIT,
        lo: lo as f64 * UNIT,
    }
}

/// high + low, with |low| <= u |high| or, of constants, 2 u |high|.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DoubleDouble {
    hi: f64,
    lo: f64,
}

impl DoubleDouble {
    const ONE: Self = Self::new(1.0);

    #[inline(always)]
    pub(crate) const fn new(value: f64) -> Self {
        let lo = 0.0;
        Self { hi: value, lo }
    }

    /// a + b, exactly.
    #[inline(always)]
    pub(crate) fn sum(a: f64, b: f64) -> Self {
        let (hi, lo) = two_sum(a, b);
        Self { hi, lo }
    }

    /// a * b, within 4 u^2: exactly, but for the product of two trailing parts of 27 bits. That of two `f32` is exact.
    #[inline(always)]
    pub(crate) fn product(a: f64, b: f64) -> Self {
        let (hi, lo) = two_product(a, b);
        Self { hi, lo }
    }

    /// high + low, exactly, for a `hi` that is a multiple of the unit in low's last place (Dekker).
    #[inline(always)]
    fn normal(hi: f64, lo: f64) -> Self {
        let sum = hi + lo;
        Self {
            hi: sum,
            lo: lo - (sum - hi),
        }
    }

    /// Of a pair that is not too far from one, exactly.
    #[inline(always)]
    pub(crate) fn of(pair: Pair) -> Self {
        Self::sum(pair.hi, pair.lo)
    }

    /// As a pair.
    #[inline(always)]
    pub(crate) fn pair(self) -> Pair {
        Pair::new((self.hi, self.lo))
    }

    /// Rounded to an `f64`.
    #[inline(always)]
    pub(crate) fn value(self) -> f64 {
        self.hi
    }

    /// Times 2^exponent, for exponents from -1022 to 1023.
    #[inline(always)]
    pub(crate) fn times_power(self, exponent: i32) -> Self {
        let power = f64::from_bits(((i64::from(exponent) + 1023) << 52).cast_unsigned());
        Self {
            hi: self.hi * power,
            lo: self.lo * power,
        }
    }

    /// e^self, for a number from -1500 to 0, as a number from 0.7 to 1.42, within 22 u^2 = 2^-101.5 of itself, and the
    /// exponent of the power of two that it is to be multiplied by.
    ///
    /// self = k ln 2 + r, |r| <= 0.3466. The products of k with the first two parts of ln 2 are exact, and so is the
    /// first difference, as in [`elementary::exp`](crate::elementary::exp). The low parts are rounded at u^2: r is
    /// within u^2.
    ///
    /// e^r is the sum of r^n/n! up to r^22/22!, which leaves 2^-109, by Horner's rule. From r^15/15! on, 2^-62 of the sum,
    /// in `f64`. Each step before that has a product (12 u^2) and a sum (3 u^2): the last one, of 0.42 at most, and 1,
    /// 9.3 u^2, the one before it, of 0.2, and 1, 6 u^2, the one before that 2.5 u^2; together below
    /// 9.3 + 0.35 (6 + 0.35 (2.5 + …)) < 12 u^2, with the error of r 13.5 u^2, of a sum of at least 0.707.
    #[inline(always)]
    pub(crate) fn exp(self) -> (Self, i32) {
        let shifted = self.hi * LOG2_E + MAGIC;
        let k = shifted - MAGIC;
        let r = Self::sum(self.hi - k * LN2_HI, -(k * LN2_MIDDLE))
            + Self::sum(self.lo, -(k * LN2_LOWEST));
        let tail = TAIL.iter().rev().fold(0.0, |sum, term| term + r.hi * sum);
        let sum = TERMS
            .iter()
            .rev()
            .fold(Self::new(tail), |sum, &term| term + r * sum);
        (sum, shifted.to_bits() as i32)
    }

    /// e^self for a number from -infinity to 0: [`exp`](Self::exp) multiplied out. What is below 2^-1022 - 2^-53 loses digits.
    #[inline(always)]
    pub(crate) fn whole_exp(self) -> Self {
        if self.hi < -746.0 {
            return Self::new(0.0);
        }
        let (significand, exponent) = self.exp();
        let half = exponent / 2;
        significand.times_power(half).times_power(exponent - half)
    }
}

/// Within 3 u^2: one rounding of the low parts' sum, below u^2, and one of what that makes together with the rounding error
/// of the high parts.
impl Add for DoubleDouble {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let sum = self.pair() + other.pair();
        Self::normal(sum.hi, sum.lo)
    }
}

impl Sub for DoubleDouble {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + Self {
            hi: -other.hi,
            lo: -other.lo,
        }
    }
}

/// Within 12 u^2: 4 u^2 for the product of the high parts, 1 each for the three that low parts have a share in, of which one
/// is left out, and 5 for two sums.
impl Mul for DoubleDouble {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let product = self.pair() * other.pair();
        Self::normal(product.hi, product.lo)
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
        let quotient = self.hi / other.hi;
        let product = Self::product(quotient, other.hi);
        let rest = ((self.hi - product.hi) - product.lo) + self.lo;
        let rest = rest - quotient * other.lo;
        Self::normal(quotient, rest / other.hi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::real::Real;

    /// n! (high + low) = 1, by the arithmetic of integers: high and low are multiples of 2^-127.
    #[test]
    fn reciprocals_of_factorials() {
        let units = |x: f64| (x * 2_f64.powi(127)) as u128;
        let mut factorial = 1;
        for (n, term) in TERMS.iter().enumerate() {
            factorial *= n.max(1) as u128;
            let one = (units(term.hi) + units(term.lo)) * factorial;
            assert!(one.abs_diff(1 << 127) <= factorial + (1 << 21), "{n}");
        }
    }

    /// e^(x + low) over 2^exponent, to 2^-107 of itself, from an arbitrary-precision library (mpmath).
    #[test]
    fn exponentials_are_as_near_as_derived() {
        let exact = [
            (0.0, 0.0, 0, 0x3ff0_0000_0000_0000, 0x0000_0000_0000_0000),
            (
                -0.3465735902,
                0.0,
                0,
                0x3fe6_a09e_6687_0173,
                0xbc8f_3103_1616_2654,
            ),
            (
                -0.34,
                1e-17,
                0,
                0x3fe6_c6d2_8e50_ebb5,
                0x3c8d_e807_67a5_f3b6,
            ),
            (
                -0.001,
                -5e-20,
                0,
                0x3fef_f7cf_e56f_1a9e,
                0xbc81_78fe_9fb0_622f,
            ),
            (
                -1e-300,
                0.0,
                0,
                0x3ff0_0000_0000_0000,
                0x81a5_6e1f_c2f8_f359,
            ),
            (
                -1.0,
                1e-16,
                -1,
                0x3fe7_8b56_362c_ef38,
                0x3c8c_1590_645e_9578,
            ),
            (
                -10.5,
                -8e-16,
                -15,
                0x3fec_dfc2_63f6_a0b3,
                0x3c8b_28fc_c0a6_1d14,
            ),
            (
                -700.0,
                5e-14,
                -1010,
                0x3ff1_4f2b_0fb9_3173,
                0xbc96_8754_220f_3181,
            ),
            (
                -745.9,
                0.0,
                -1076,
                0x3fed_ba77_30a2_864b,
                0x3c89_c6f4_aeab_fb16,
            ),
            (
                -1447.3,
                -1e-13,
                -2088,
                0x3fef_b924_f5f0_9094,
                0x3c69_2b8c_1159_6e83,
            ),
        ];
        let u = 2_f64.powi(-53);
        for (x, lo, exponent, hi, rest) in exact {
            let (sum, of_two) = DoubleDouble::sum(x, lo).exp();
            assert_eq!(of_two, exponent, "{x:e}");
            let exact = DoubleDouble::sum(f64::from_bits(hi), f64::from_bits(rest));
            // 22 u^2, and 2 u^2 for what is compared with and for the difference.
            let error = (sum - exact).value() / exact.value();
            assert!(error.abs() <= 24.0 * u * u, "{x:e}: {error:e}");
        }
    }

    /// Both exponentials beside each other: this one's error is far below the difference.
    #[test]
    fn exponentials_of_pairs_are_as_near_as_derived() {
        let of_pair = |x: DoubleDouble| DoubleDouble::of(Pair::exp(x.pair()));
        let mut worst: f64 = 0.0;
        for i in 0..200_000 {
            let x = DoubleDouble::sum(-f64::from(i) / 320.0, f64::from(i) * 1e-16);
            let (short, exact) = (of_pair(x), x.whole_exp());
            let error = (short - exact).value() / exact.value();
            worst = worst.max(error.abs());
        }
        let u = 2_f64.powi(-53);
        assert!((0.01 * u..0.1 * u).contains(&worst), "{worst:e}");
        assert_eq!(of_pair(DoubleDouble::new(0.0)), DoubleDouble::ONE);
        for below in [-746.1, -1e300, f64::NEG_INFINITY] {
            assert_eq!(of_pair(DoubleDouble::new(below)).value(), 0.0);
        }
        assert!(of_pair(DoubleDouble::new(f64::NAN)).value().is_nan());
        assert_eq!(
            DoubleDouble::new(f64::NEG_INFINITY).whole_exp().value(),
            0.0
        );
    }
}
