//! Gradients and sums of losses by the fast paths in integers.

use crate::engine::rounding_test::SumEstimate;
use crate::number::elementary::{LN2_HI, LN2_LO, log};
use crate::number::fixed::SoftFloat;

/// What gradients are multiplied by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedScale {
    magnitude: SoftFloat,
    negative: bool,
}

impl FixedScale {
    /// None for a scale that is no normal number.
    #[inline(always)]
    pub(crate) fn new(scale: f64) -> Option<Self> {
        let bits = scale.to_bits();
        let exponent = (bits >> 52) as i32 & 0x7ff;
        if !(1..0x7ff).contains(&exponent) {
            return None;
        }
        Some(Self {
            magnitude: SoftFloat {
                significand: 1 << 63 | bits << 11,
                exponent: exponent - 1023,
            },
            negative: scale.is_sign_negative(),
        })
    }

    /// The gradient `x`, or its negative, times the scale, if it is certain; `error` as for [`SoftFloat::round`].
    #[inline(always)]
    pub(crate) fn round(&self, x: SoftFloat, negative: bool, error: u32) -> Option<f32> {
        x.times(self.magnitude)
            .round(negative != self.negative, error)
    }
}

/// A sum of losses of the form linear + ln(factor): the sum of the linear terms, and the product of the factors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedLosses {
    linear: u128,
    product: SoftFloat,
    count: usize,
    known: bool,
}

impl FixedLosses {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            linear: 0,
            product: SoftFloat {
                significand: 1 << 63,
                exponent: 0,
            },
            count: 0,
            known: true,
        }
    }

    /// A loss with `linear` in units of 2^-56, off by up to 8 of them, and a factor from 1 on, its leading bit set. What the
    /// loss may be off by absolutely is `count` times what one loss may, see [`SumEstimate`].
    #[inline(always)]
    pub(crate) fn add(&mut self, linear: u64, factor: SoftFloat, count: usize) {
        self.linear += u128::from(linear);
        self.count += count;
        let product = self.product.times(factor);
        let carried = product.significand >> 63 != 0;
        self.product = SoftFloat {
            significand: product.significand << u32::from(!carried),
            exponent: product.exponent - i32::from(!carried),
        };
    }

    /// A loss of which nothing is known.
    #[inline(always)]
    pub(crate) fn add_unknown(&mut self) {
        self.known = false;
    }

    /// The sum. Each product has lost up to 2^-60 of itself, and each linear term up to 2^-53.
    #[inline(always)]
    pub(crate) fn estimate(&self) -> SumEstimate {
        const UNIT: f64 = 1.0 / (1_u64 << 56) as f64;
        if !self.known {
            return SumEstimate::of(f64::NAN, 0.0);
        }
        let linear = ((self.linear >> 64) as u64) as f64 * 256.0 + self.linear as u64 as f64 * UNIT;
        let exponent = f64::from(self.product.exponent);
        let significand = self.product.significand as f64 * (UNIT / 128.0);
        let logarithm = exponent * LN2_HI + (log(significand) + exponent * LN2_LO);
        SumEstimate::of(linear + logarithm, self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::fixed::tests::{UNIT, random, value};

    /// Of 1000 losses of 1/4 + ln(3/2): the logarithm of the product is taken with all the digits that there are.
    #[test]
    fn sums_of_losses_have_all_digits() {
        let mut losses = FixedLosses::new();
        for _ in 0..1000 {
            losses.add(1 << 54, SoftFloat::new(3 << 61, 62), 1);
        }
        let exact = 250.0 + 1000.0 * 1.5_f64.ln();
        let sum = losses.estimate().value();
        assert!((sum - exact).abs() < 2_f64.powi(-48) * exact, "{sum}");
    }

    #[test]
    fn losses_add_up() {
        let mut losses = FixedLosses::new();
        let (mut linear, mut logarithm) = (0.0, 0.0);
        let mut seed = 5;
        for _ in 0..10_000 {
            let (a, units) = (random(&mut seed) >> 1, random(&mut seed) >> 8 | 1 << 50);
            let factor = SoftFloat::new(units, 50);
            losses.add(a, factor, 1);
            linear += a as f64 * UNIT;
            logarithm += value(factor).ln();
        }
        let sum = linear + logarithm;
        assert!((losses.estimate().value() / sum - 1.0).abs() < 1e-12);
        losses.add_unknown();
        assert!(losses.estimate().value().is_nan());
    }

    /// Scales that are no normal numbers are none.
    #[test]
    fn scales() {
        let (at, error) = (
            |rest: u64| SoftFloat {
                significand: 1 << 63 | rest << 8,
                exponent: 0,
            },
            100,
        );
        for scale in [0.0, -0.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE / 2.0] {
            assert!(FixedScale::new(scale).is_none());
        }
        let scale = FixedScale::new(-0.75).unwrap();
        assert_eq!(scale.round(at(0), false, error), Some(-0.75));
        assert_eq!(scale.round(at(0), true, error), Some(0.75));
    }
}
