//! One float a number, in lanes: `f32` for the fast paths of elements of 16 bits, `f64` for what the arithmetics of `f32`
//! leave uncertain.

use super::elementary;
use super::formula::LaneReal;
use super::lanes::tables::{
    EXP_SHORT_8, EXP_SHORT_16, INVERSE_8, INVERSE_16, LN_1P_SHORT_8, LN_1P_SHORT_16, STEP_8,
    STEP_16, STEP_LOW_8, STEP_LOW_16,
};
use super::lanes::{Double, Single};
use super::single_pair::{MAGIC, horner};

/// The operations that are one of the lanes.
macro_rules! operations {
    () => {
        #[inline(always)]
        fn from_lanes(x: F) -> Self {
            Self(x)
        }

        #[inline(always)]
        fn constant(like: F, x: f64) -> Self {
            Self(like.constant(x))
        }

        #[inline(always)]
        fn hi(self) -> F {
            self.0
        }

        #[inline(always)]
        fn parts(self) -> (F, F) {
            (self.0, self.0.constant(0.0))
        }

        #[inline(always)]
        fn select(mask: F::Mask, yes: Self, no: Self) -> Self {
            Self(F::select(mask, yes.0, no.0))
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(self.0 + other.0)
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(self.0 * other.0)
        }

        #[inline(always)]
        fn times(self, x: F) -> Self {
            Self(self.0 * x)
        }

        #[inline(always)]
        fn flip_sign(self, sign: F) -> Self {
            Self(self.0.flip_sign(sign))
        }

        #[inline(always)]
        fn le(self, other: Self) -> F::Mask {
            self.0.le(other.0)
        }

        #[inline(always)]
        fn normal(self) -> Self {
            self
        }

        #[inline(always)]
        fn one_plus(self) -> Self {
            Self(self.0.constant(1.0) + self.0)
        }

        #[inline(always)]
        fn one_plus_unit(self) -> Self {
            self.one_plus()
        }

        #[inline(always)]
        fn bracket(self, error: F) -> (F, F) {
            (self.0 - error, self.0 + error)
        }
    };
}

/// `f32`. u = 2^-24 is the unit.
#[derive(Clone, Copy)]
pub(crate) struct PlainSingle<F>(F);

impl<F: Single> LaneReal for PlainSingle<F> {
    type F = F;
    const UNIT: f64 = 1.0 / (1_u64 << 24) as f64;
    const EXP: f64 = if F::TABLE == 16 { 1.2 } else { 1.7 };
    const RECIP: f64 = if F::RECIPROCAL_BITS >= 14 { 1.2 } else { 3.5 };
    const RECIP_OF_NORMAL: f64 = Self::RECIP;
    const SUM: f64 = 1.0;
    const SUM_OF_NORMAL: f64 = 1.0;
    const TIMES: f64 = 1.0;
    const TIMES_NORMAL: f64 = 1.0;
    const DIFFERENCE: f64 = 2.0;
    const LN: f64 = 4.0;
    const LN_SQUARE: f64 = 0.0;
    const BRACKET: f64 = 1.1;
    const REFERENCE: f64 = 0.01;
    const FAR: f64 = 60.0;
    const VANISHES: bool = false;
    const LEAST: f64 = f64::from_bits((1023 - 100) << 52);

    operations!();

    /// y + y e for an estimate y and e = 1 - y d: off by e^2, below 2^-27.8 or 2^-22.8, and the rounding.
    #[inline(always)]
    fn recip(self) -> Self {
        let y = self.0.reciprocal();
        let e = self.0.neg_mul_add(y, y.constant(1.0));
        Self(e.mul_add(y, y))
    }

    /// As [`SinglePair`](super::single_pair::SinglePair) has it, rounded: h + h p rounds once (u), p = r + (r^2 q(r) + s) is below
    /// 2^-4.5 (T = 8) and rounds at 2^-5.5 u; the polynomial is off by 2^-29.2 (T = 16) or 2^-25.2, 0.44 u. Relative to
    /// e^r >= 0.957 (0.978): 1.7 u (1.2 u).
    #[inline(always)]
    fn exp_neg(x: F, x_low: F) -> Self {
        let (inverse, step, step_low) = if F::TABLE == 16 {
            (INVERSE_16, STEP_16, STEP_LOW_16)
        } else {
            (INVERSE_8, STEP_8, STEP_LOW_8)
        };
        let magic = x.constant(MAGIC);
        let shifted = x.neg_mul_add(x.constant(inverse.into()), magic);
        let k = shifted - magic;
        let r = k.neg_mul_sub(x.constant(step.into()), x);
        let (h, d) = F::power(shifted);
        let s = k.neg_mul_add(x.constant(step_low.into()), d - x_low);
        let q = if F::TABLE == 16 {
            horner(&EXP_SHORT_16, r)
        } else {
            horner(&EXP_SHORT_8, r)
        };
        let p = r + (r * r).mul_add(q, s);
        Self(h.mul_add(p, h))
    }

    /// As `SinglePair` has it, rounded. Where ln is 0, r is t and the sum rounds once (u), r^2 p(r) at 2^-4.8 u. Elsewhere r
    /// rounds at 2^-28.8, ln is off by half its last place, and is at most twice the logarithm: 1 u each; with the sum and the
    /// polynomial (2^-24.5 of r for T = 16) below 4 u.
    #[inline(always)]
    fn ln_1p(self) -> (Self, F) {
        let t = self.0;
        let count = t.constant((F::TABLE - 1) as f64);
        let (c, ln, _) = F::centre(t.mul_add(count, t.constant(MAGIC)));
        let r = t.mul_sub(c, t.constant(1.0) - c);
        let p = if F::TABLE == 16 {
            horner(&LN_1P_SHORT_16, r)
        } else {
            horner(&LN_1P_SHORT_8, r)
        };
        let sum = ln + (r * r).mul_add(p, r);
        (Self(sum), r)
    }
}

/// `f64`. u = 2^-53 is the unit.
#[derive(Clone, Copy)]
pub(crate) struct PlainDouble<F>(F);

/// Horner's rule; coefficients of rising order.
#[inline(always)]
fn horner_double<F: Double, const N: usize>(coefficients: &[f64; N], x: F) -> F {
    let mut sum = x.constant(coefficients[N - 1]);
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = sum.mul_add(x, x.constant(coefficients[i]));
    }
    sum
}

impl<F: Double> LaneReal for PlainDouble<F> {
    type F = F;
    const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
    // With the rounding of an argument below 300 that is a product.
    const EXP: f64 = 302.0;
    const RECIP: f64 = 1.0;
    const RECIP_OF_NORMAL: f64 = Self::RECIP;
    const SUM: f64 = 1.0;
    const SUM_OF_NORMAL: f64 = 1.0;
    const TIMES: f64 = 1.0;
    const TIMES_NORMAL: f64 = 1.0;
    const DIFFERENCE: f64 = 2.0;
    const LN: f64 = 3.0;
    const LN_SQUARE: f64 = 0.0;
    const BRACKET: f64 = 1.1;
    // 2^-41 and 2^-48.
    const REFERENCE: f64 = 4128.0;
    const FAR: f64 = 300.0;
    const VANISHES: bool = true;
    // 2^-960.
    const LEAST: f64 = f64::from_bits((1023 - 960) << 52);
    const IS_REFERENCE: bool = true;
    // 2^-1000.
    const SMALL_NORMAL: f64 = f64::from_bits((1023 - 1000) << 52);

    operations!();

    #[inline(always)]
    fn recip(self) -> Self {
        Self(self.0.constant(1.0) / self.0)
    }

    /// [`elementary::exp`] with fused operations, without what subnormal results need: below 2 u.
    #[inline(always)]
    fn exp_neg(x: F, x_low: F) -> Self {
        let magic = x.constant(elementary::MAGIC);
        let shifted = x.neg_mul_add(x.constant(elementary::LOG2_E), magic);
        let k = shifted - magic;
        let r = k.neg_mul_sub(x.constant(elementary::LN2_HI), x);
        let r = k.neg_mul_add(x.constant(elementary::LN2_LO), r - x_low);
        let rest = (r * r).mul_add(horner_double(&elementary::EXP, r), r);
        Self((x.constant(1.0) + rest).scale(shifted))
    }

    /// [`elementary::log1p_unit`] with fused operations: below 3 u.
    #[inline(always)]
    fn ln_1p(self) -> (Self, F) {
        let t = self.0;
        let s = t / (t.constant(2.0) + t);
        let z = s * s;
        let rest = z.neg_mul_add(horner_double(&elementary::LOG1P_UNIT, z), t);
        let ln = s.neg_mul_add(rest, t);
        (Self(ln), z)
    }
}
