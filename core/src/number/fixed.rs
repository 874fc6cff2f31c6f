//! Fast paths in integers, for machines without a unit for `f64`.
//!
//! There every operation of the reference formula is a call of some hundred instructions. Here a number is a significand
//! of 64 bits and an exponent, products are made of 32-bit ones, and the exponential has five of them. Results
//! have known errors and pass the rounding tests of [`rounding_test`](crate::engine::rounding_test), which keep the bits those
//! of the reference formula; what can't be told, and what is rare (NaN, logits from 128 on, results that are no normal number), is left to
//! that formula: every function here gives an `Option`, or is given only what it knows.
//!
//! Numbers are rounded down where nothing else is said. 'Units' of an integer are the values of its last bit.

use crate::number::elementary::{LOG2_E_UNITS, SIXTEENTH, SIXTEENTHS};
use crate::number::format::Format;

/// The product of two integers of 32 bits.
#[inline(always)]
fn wide(a: u32, b: u32) -> u64 {
    u64::from(a) * u64::from(b)
}

#[inline(always)]
fn hi(a: u64) -> u32 {
    (a >> 32) as u32
}

#[inline(always)]
fn lo(a: u64) -> u32 {
    a as u32
}

/// a b / 2^64, at most 3 too small: the product of the low halves is left out, and two more are rounded down.
#[inline(always)]
pub(crate) fn mul_high(a: u64, b: u64) -> u64 {
    let middle = (wide(hi(a), lo(b)) >> 32) + (wide(lo(a), hi(b)) >> 32);
    wide(hi(a), hi(b)) + middle
}

/// The `f32` that an element is; the fast paths have no other.
#[inline(always)]
pub(crate) fn single<T: Format>(x: T) -> f32 {
    x.decode() as f32
}

/// |x| in units of 2^-56, rounded down. None from 128 on, nor for NaN.
#[inline(always)]
pub(crate) fn magnitude(x: f32) -> Option<u64> {
    let bits = x.to_bits() & 0x7fff_ffff;
    if bits >= 128_f32.to_bits() {
        return None;
    }
    // A subnormal number gets a leading bit that it does not have, and is shifted out with it.
    let significand = u64::from(bits & 0x007f_ffff | 0x0080_0000);
    // x is its significand times 2^(exponent - 150).
    let exponent = bits >> 23;
    Some(match exponent.checked_sub(150 - 56) {
        Some(left) => significand << (left & 63),
        None => significand.checked_shr(150 - 56 - exponent).unwrap_or(0),
    })
}

/// x in units of 2^-56, rounded towards 0.
#[inline(always)]
pub(crate) fn fixed(x: f32) -> Option<i64> {
    let magnitude = magnitude(x)? as i64;
    Some(if x.is_sign_negative() {
        -magnitude
    } else {
        magnitude
    })
}

/// x from 0 to 1, but not 1, in units of 2^-64, rounded down.
#[inline(always)]
pub(crate) fn fraction(x: f32) -> u64 {
    let bits = x.to_bits();
    let significand = u64::from(bits & 0x007f_ffff | 0x0080_0000);
    let exponent = bits >> 23;
    match exponent.checked_sub(150 - 64) {
        Some(left) => significand << (left & 63),
        None => significand.checked_shr(150 - 64 - exponent).unwrap_or(0),
    }
}

/// A positive number: `significand` 2^(`exponent` - 63).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoftFloat {
    pub(crate) significand: u64,
    pub(crate) exponent: i32,
}

impl SoftFloat {
    /// A number in units of 2^-`bits`, brought to 63 bits after its leading one. 0 stays 0.
    #[inline(always)]
    pub(crate) fn new(units: u64, bits: u32) -> Self {
        let zeros = units.leading_zeros();
        Self {
            significand: units << (zeros & 63),
            exponent: 63 - (zeros + bits) as i32,
        }
    }

    /// The product. Of factors that have lost fewer than 8 leading bits, within 2^-45 of itself.
    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Self {
        Self {
            significand: mul_high(self.significand, other.significand),
            exponent: self.exponent + other.exponent + 1,
        }
    }

    /// In units of 2^-`bits`, rounded down, for a number below 2^(64 - bits).
    #[inline(always)]
    pub(crate) fn units(self, bits: u32) -> u64 {
        let shift = 63 - bits as i32 - self.exponent;
        self.significand.checked_shr(shift as u32).unwrap_or(0)
    }

    /// 1 / D for a D whose significand D' has its leading bit set, within 2^-54 of itself.
    ///
    /// 24/17 - 8/17 D' is within 1/17 of 1/D', relatively. Newton's step r (2 - D' r) squares that: three in 32 bits leave
    /// 2^-32.6. Of their roundings the last step's count, 2^-30 for 2 - D' r and 2^-30 for r >= 1/2, and the 2^-31 by which
    /// D' itself was rounded: together below 2^-28. One more step, for which 1 - D' r is found exactly and then cut to 28
    /// bits, leaves 2^-56 and 2^-56.
    #[inline(never)]
    pub(crate) fn recip(self) -> Self {
        const OFFSET: u32 = ((24_u64 << 31) / 17) as u32;
        const SLOPE: u32 = ((8_u64 << 32) / 17) as u32;
        // D' in units of 2^-31, and r too.
        let d = hi(self.significand);
        let mut r = OFFSET - hi(wide(SLOPE, d));
        for _ in 0..3 {
            // 2 - D' r in units of 2^-30.
            let correction = hi((1 << 63) - wide(d, r));
            r = (wide(r, correction) >> 30) as u32;
        }
        // 1 - D' r in units of 2^-64: of D' r, which is near 1, only what is after the point.
        let product = (wide(d, r) << 2).wrapping_add(wide(lo(self.significand), r) >> 30);
        let missing = product.wrapping_neg() as i64;
        // In units of 2^-30 and 2^-56.
        let correction = i64::from((r >> 1) as i32) * i64::from((missing >> 8) as i32);
        Self {
            significand: (u64::from(r) << 32).wrapping_add_signed(correction >> 23),
            exponent: -self.exponent,
        }
    }

    /// The `f32` that it, or its negative, rounds to, if whatever is within `error` rounds to the same normal number.
    /// `error` is in units of 2^-55 of the leading bit's value.
    #[inline(never)]
    pub(crate) fn round(self, negative: bool, error: u32) -> Option<f32> {
        let zeros = self.significand.leading_zeros();
        let significand = self.significand.checked_shl(zeros)?;
        let biased = self.exponent - zeros as i32 + 127;
        // What a rounding up may carry into is a number still.
        if !(1..254).contains(&biased) {
            return None;
        }
        // What comes after the 24 bits that are kept, in units of 2^-55 of the leading bit.
        let rest = (significand >> 8) as u32;
        const MIDPOINT: u32 = 1 << 31;
        if rest.wrapping_sub(MIDPOINT - error) <= 2 * error {
            return None;
        }
        let bits =
            ((biased as u32) << 23) + ((significand >> 40) as u32 & 0x007f_ffff) + (rest >> 31);
        Some(f32::from_bits(u32::from(negative) << 31 | bits))
    }
}

/// The error of what is made of one exponential, as a part of itself: 2^-34, see [`exp`].
pub(crate) const ERROR: u32 = (1 << 22) + 2;

/// The same for a ratio of two such: 2^-33.
pub(crate) const RATIO_ERROR: u32 = (1 << 23) + 2;

/// e^-a for `a` in units of 2^-56; from 128 on, some number below 2^-184.
///
/// Relative error from -2^-34.4 to 2^-35.6. -a log2(e) = k + i/16 + u/16 with u from 0 to 1: the constant and the product
/// are off by 2^-52 at most. 2^k is the exponent, 2^(i/16) from a table, 2^(u/16) = 1 + u q(u). In units of 2^-36, q
/// loses up to 1 where its last product is rounded down, which half a unit in its constant makes up for on average,
/// 1/2 where that constant was rounded, and 2 (2^-6 + 2^-12) in the terms before it: 1.04 either way. u is up to 2^-32
/// too small, which is 0.72 down; the product u q up to 1 down; the polynomial is off by 0.2: from -2.96 to 1.24.
#[inline(never)]
pub(crate) fn exp(a: u64) -> SoftFloat {
    if a >= 128 << 56 {
        return SoftFloat {
            significand: 1 << 63,
            exponent: -255,
        };
    }
    // In units of 2^-55.
    let power = mul_high(a, LOG2_E_UNITS).wrapping_neg();
    let u = (power >> 19) as u32;
    let mut q = 0;
    for coefficient in SIXTEENTH.into_iter().rev() {
        q = coefficient + (wide(u, q) >> 38) as u32;
    }
    let above_one = hi(wide(u, q));
    let sixteenth = SIXTEENTHS[(power >> 51) as usize & 15];
    let product = wide(hi(sixteenth), above_one) + (wide(lo(sixteenth), above_one) >> 32);
    SoftFloat {
        significand: sixteenth + (product >> 4),
        exponent: (power as i64 >> 55) as i32,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::number::elementary;
    use std::vec::Vec;

    pub(crate) const UNIT: f64 = 1.0 / (1_u64 << 56) as f64;

    pub(crate) fn random(seed: &mut u64) -> u64 {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *seed ^ *seed >> 29
    }

    /// A positive number to the 53 bits that an `f64` has.
    pub(crate) fn value(x: SoftFloat) -> f64 {
        x.significand as f64 * 2_f64.powi(x.exponent - 63)
    }

    #[test]
    fn products_are_at_most_three_too_small() {
        let mut seed = 1;
        let mut pairs: Vec<_> = [
            (u64::MAX, u64::MAX),
            (1 << 63, 1 << 63),
            (u64::MAX, 1),
            (0, u64::MAX),
        ]
        .to_vec();
        pairs.extend((0..100_000).map(|_| (random(&mut seed), random(&mut seed))));
        for (a, b) in pairs {
            let exact = ((u128::from(a) * u128::from(b)) >> 64) as u64;
            let missing = exact - mul_high(a, b);
            assert!(missing < 3, "{a:x} {b:x}: {missing}");
        }
        assert_eq!(mul_high(1 << 63, 1 << 63), 1 << 62);
    }

    #[test]
    fn numbers_are_rounded_down() {
        let mut seed = 2;
        for _ in 0..200_000 {
            let x = f32::from_bits(random(&mut seed) as u32);
            let expected = (x.abs() < 128.0).then(|| (f64::from(x.abs()) / UNIT) as u64);
            assert_eq!(magnitude(x), expected, "{x:e}");
            assert_eq!(
                fixed(x),
                expected.map(|x_abs| x_abs as i64 * if x < 0.0 { -1 } else { 1 })
            );
            let unit = x.abs() / f32::MAX;
            if unit < 1.0 {
                assert_eq!(
                    fraction(unit),
                    (f64::from(unit) * 2_f64.powi(64)) as u64,
                    "{unit:e}"
                );
            }
        }
        assert_eq!(magnitude(f32::NAN), None);
        assert_eq!(magnitude(0.0), Some(0));
        assert_eq!(
            fraction(1.0 - f32::EPSILON / 2.0),
            u64::MAX - ((1 << 40) - 1)
        );
    }

    /// The bounds that the documentation derives, on all of the table and of what lies between.
    #[test]
    fn exponentials_are_as_near_as_derived() {
        let (down, up) = (-(2_f64.powf(-34.4)), 2_f64.powf(-35.6));
        let mut seed = 3;
        let (mut lowest, mut highest) = (0_f64, 0_f64);
        for i in 0..4_000_000_u64 {
            let a = if i < 1_000_000 {
                random(&mut seed) >> 1
            } else {
                random(&mut seed) >> 1 >> (i % 60)
            };
            let e = exp(a);
            assert!(e.significand >> 63 == 1, "{a:x}");
            let exact = elementary::exp(-(a as f64 * UNIT));
            let error = value(e) / exact - 1.0;
            (lowest, highest) = (lowest.min(error), highest.max(error));
        }
        assert!(down < lowest && highest < up, "{lowest:e} {highest:e}");
        assert!(lowest < down / 2.0, "{lowest:e}");
        assert_eq!(value(exp(0)), 1.0);
        assert!(value(exp(128 << 56)) < 2_f64.powi(-184));
    }

    /// The sum in `exp` grows with u, so that the ends show that it does not overflow.
    #[test]
    fn no_exponential_overflows_its_significand() {
        for i in 0..16_u64 {
            // Arguments around the ones where one table entry gives way to the next.
            let middle = (i as f64 / 16.0 * core::f64::consts::LN_2 / UNIT) as u64;
            for a in middle.saturating_sub(2000)..middle + 2000 {
                let error = value(exp(a)) / elementary::exp(-(a as f64 * UNIT)) - 1.0;
                assert!(error.abs() < 2_f64.powf(-34.4), "{a:x}: {error:e}");
            }
        }
    }

    #[test]
    fn reciprocals_are_as_near_as_derived() {
        let mut seed = 4;
        let mut all: Vec<u64> =
            [1 << 63, u64::MAX, (1 << 63) + 1, (1 << 63) + (1 << 32) - 1].to_vec();
        all.extend((0..500_000).map(|_| random(&mut seed) | 1 << 63));
        for significand in all {
            let recip = SoftFloat {
                significand,
                exponent: 3,
            }
            .recip();
            // D times its reciprocal, in units of 2^-126.
            let product = u128::from(significand) * u128::from(recip.significand);
            let missing = product.abs_diff(1 << 126) as f64 * 2_f64.powi(-126);
            assert!(missing < 2_f64.powi(-54), "{significand:x}: {missing:e}");
            assert_eq!(recip.exponent, -3);
        }
    }

    #[test]
    fn only_what_is_certain_is_rounded() {
        let at = |rest: u64| SoftFloat {
            significand: 1 << 63 | rest << 8,
            exponent: 0,
        };
        let (midpoint, error) = (1_u64 << 31, 100);
        assert_eq!(at(0).round(false, error), Some(1.0));
        assert_eq!(at(midpoint - 101).round(false, error), Some(1.0));
        for near in midpoint - 100..=midpoint + 100 {
            assert_eq!(at(near).round(false, error), None);
        }
        assert_eq!(
            at(midpoint + 101).round(true, error),
            Some(-1.0 - f32::EPSILON)
        );
        // A carry into the exponent; leading zeros; numbers that are not normal.
        let all_ones = SoftFloat {
            significand: u64::MAX,
            exponent: 5,
        };
        assert_eq!(all_ones.round(false, error), Some(64.0));
        assert_eq!(
            SoftFloat {
                significand: 1,
                exponent: 0
            }
            .round(false, 1),
            Some(2_f32.powi(-63))
        );
        for exponent in [-127, 127, 1000, -1000] {
            assert_eq!(
                SoftFloat {
                    significand: 1 << 63,
                    exponent
                }
                .round(false, error),
                None
            );
        }
        assert_eq!(
            SoftFloat {
                significand: 0,
                exponent: 0
            }
            .round(false, error),
            None
        );
    }
}
