//! Pairs of `f32` in lanes: the arithmetic of the fast paths of `f32` elements.
//!
//! A pair is the unevaluated sum hi + lo. The parts need not be apart: lo may be up to 2^-11 of hi, so the sum has about
//! 24 + 11 bits at least. The unit is 2^-34. Below, u = 2^-24 is the largest relative error of one rounding to `f32`.

use super::formula::LaneReal;
use super::lanes::Single;
use super::lanes::tables::{
    EXP_8, EXP_16, INVERSE_8, INVERSE_16, LN_1P_8, LN_1P_16, STEP_8, STEP_16, STEP_LOW_8,
    STEP_LOW_16,
};

#[derive(Clone, Copy)]
pub(crate) struct SinglePair<F> {
    hi: F,
    lo: F,
}

/// 1.5 * 2^23. Adding it rounds a number below 2^22 to an integer, which then stands in the low bits.
pub(crate) const MAGIC: f64 = 12_582_912.0;

/// Horner's rule; coefficients of rising order.
#[inline(always)]
pub(crate) fn horner<F: Single, const N: usize>(coefficients: &[f32; N], x: F) -> F {
    let mut sum = x.constant(coefficients[N - 1].into());
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = sum.mul_add(x, x.constant(coefficients[i].into()));
    }
    sum
}

impl<F: Single> SinglePair<F> {
    /// a + b exactly (Knuth).
    #[inline(always)]
    fn two_sum(a: F, b: F) -> Self {
        let hi = a + b;
        let b_part = hi - a;
        let lo = (a - (hi - b_part)) + (b - b_part);
        Self { hi, lo }
    }

    /// The same for |a| >= |b|, or an a of 0 (Dekker).
    #[inline(always)]
    fn fast_two_sum(a: F, b: F) -> Self {
        let hi = a + b;
        let lo = b - (hi - a);
        Self { hi, lo }
    }
}

impl<F: Single> LaneReal for SinglePair<F> {
    type F = F;
    const UNIT: f64 = 1.0 / (1_u64 << 34) as f64;
    // Each is derived beside its function.
    const EXP: f64 = if F::TABLE == 16 { 0.95 } else { 3.3 };
    const RECIP: f64 = if F::TABLE == 16 { 0.9 } else { 3.2 };
    const RECIP_OF_NORMAL: f64 = if F::RECIPROCAL_BITS >= 14 { 0.2 } else { 0.8 };
    const SUM: f64 = if F::TABLE == 16 { 0.25 } else { 0.6 };
    const SUM_OF_NORMAL: f64 = 0.01;
    const TIMES: f64 = if F::TABLE == 16 { 0.4 } else { 1.1 };
    const TIMES_NORMAL: f64 = 0.01;
    // 2^-44: the low part, 2^-24 of it, rounds twice.
    const DIFFERENCE: f64 = 1.0 / 1024.0;
    const LN: f64 = 1.0;
    const LN_SQUARE: f64 = 4096.0;
    const BRACKET: f64 = if F::TABLE == 16 { 0.35 } else { 1.45 };
    const REFERENCE: f64 = 1.0 / 128.0;
    const FAR: f64 = 60.0;
    const VANISHES: bool = false;
    // 2^-100: a unit of it, 2^-134, is far above the smallest subnormal, 2^-149.
    const LEAST: f64 = f64::from_bits((1023 - 100) << 52);

    #[inline(always)]
    fn from_lanes(x: F) -> Self {
        Self {
            hi: x,
            lo: x.constant(0.0),
        }
    }

    #[inline(always)]
    fn hi(self) -> F {
        self.hi
    }

    #[inline(always)]
    fn parts(self) -> (F, F) {
        (self.hi, self.lo)
    }

    #[inline(always)]
    fn select(mask: F::Mask, yes: Self, no: Self) -> Self {
        Self {
            hi: F::select(mask, yes.hi, no.hi),
            lo: F::select(mask, yes.lo, no.lo),
        }
    }

    /// The low parts' sums round: of 2^-23 for normal numbers, at 2^-46.
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let Self { hi, lo } = Self::two_sum(self.hi, other.hi);
        let lo = lo + (self.lo + other.lo);
        Self { hi, lo }
    }

    /// Without lo * lo, 2^-48. The low part, at most 2^-22.4, rounds thrice: 2^-45.
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let hi = self.hi * other.hi;
        let lo = self.hi.mul_sub(other.hi, hi);
        let lo = self.hi.mul_add(other.lo, self.lo.mul_add(other.hi, lo));
        Self { hi, lo }
    }

    #[inline(always)]
    fn flip_sign(self, sign: F) -> Self {
        Self {
            hi: self.hi.flip_sign(sign),
            lo: self.lo.flip_sign(sign),
        }
    }

    /// The low part of a reciprocal is below 2^-11.6 (T = 16) or 2^-9.5 and rounds at 2^-36 or 2^-34: 0.3 or 1 unit.
    #[inline(always)]
    fn times(self, x: F) -> Self {
        let hi = self.hi * x;
        let lo = self.lo.mul_add(x, self.hi.mul_sub(x, hi));
        Self { hi, lo }
    }

    #[inline(always)]
    fn normal(self) -> Self {
        Self::fast_two_sum(self.hi, self.lo)
    }

    /// y (1 + e + e^2 + e^3) for an estimate y and e = 1 - y d.
    ///
    /// The estimate's own error is below 2^-13.9 or 2^-11.4. The low part of a d that has e^-a in it is up to 2^-12 (T = 16)
    /// or 2^-10 (T = 8) of d, so that e is below 2^-11.6 or 2^-9.5. Without e^4, 2^-46 or 2^-38, and with three roundings of
    /// numbers of that size, 2^-36 or 2^-34 each: 0.8 or 3.1 units. If d is normal, e is the estimate's error: three
    /// roundings of 2^-38 or 2^-36, 0.2 or 0.8 units.
    #[inline(always)]
    fn recip(self) -> Self {
        let y = self.hi.reciprocal();
        let e = self
            .lo
            .neg_mul_add(y, self.hi.neg_mul_add(y, y.constant(1.0)));
        let g = e.mul_add(e, e).mul_add(e, e);
        Self { hi: y, lo: y * g }
    }

    #[inline(always)]
    fn one_plus_unit(self) -> Self {
        let Self { hi, lo } = Self::fast_two_sum(self.hi.constant(1.0), self.hi);
        let lo = lo + self.lo;
        Self { hi, lo }
    }

    /// The low parts' sum rounds: 2^-37 (T = 16) or 2^-35 for an exponential, 2^-46 for a normal number.
    #[inline(always)]
    fn one_plus(self) -> Self {
        let Self { hi, lo } = Self::two_sum(self.hi.constant(1.0), self.hi);
        let lo = lo + self.lo;
        Self { hi, lo }
    }

    /// With T = `TABLE`: -a = k (ln 2)/T + r, |r| <= 0.5001 (ln 2)/T; 2^(k/T) = h e^d from the table; e^-a = h e^(r + s), where
    /// s is d, less the low parts of a and of k (ln 2)/T.
    ///
    /// r is exact: `STEP` has 21 bits, so that k `STEP` and a are multiples of the smaller one's last place, and their
    /// difference is below (ln 2)/T. h + h r is taken exactly, up to the rounding of its low part (2^-48). The rest,
    /// h (r^2 q(r) + s e^r), is 2^-12.0 (T = 16) or 2^-10.0 (T = 8) of h at most. In 2^-37 of h, for T = 16: r^2 rounds
    /// (2), q(r) near 1/2 rounds (2), the sum and its product with h round (1 each), the polynomial is off by 0.8, s,
    /// below 2^-19, by 2^-43, and s^2 / 2 is left out: 0.3; 7.1, and relative to e^r >= 0.978, 7.2. That is 0.9 units. For T = 8, in
    /// 2^-35: 2, 2, 1, 1, 0.2, and 6.5 relative to e^r >= 0.957: 3.3 units.
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
            horner(&EXP_16, r)
        } else {
            horner(&EXP_8, r)
        };
        let square = r * r;
        // s e^r
        let s = s.mul_add(square.mul_add(q, r), s);
        let rest = square.mul_add(q, s);
        let hi = h.mul_add(r, h);
        let lo = h.mul_sub(r, hi - h);
        let lo = h.mul_add(rest, lo);
        Self { hi, lo }
    }

    /// c near 1 / (1 + t) from a table of T = 8 or 16, by the integer nearest to (T - 1) t. r = t c - (1 - c) is
    /// (1 + t) c - 1: |r| <= 1/(2 T - 2). ln(1 + t) = -ln c + ln(1 + r).
    ///
    /// 1 - c is exact, as c is from 1/2 to 1; t c is a pair, and its high part's difference with 1 - c is exact (they are
    /// within a factor of 2, or c is 1). The low part s of (1 + t) c - 1 is below 2^-24: ln(1 + r + s) = r + s - r s + r^2 p(r), up to
    /// s^2.
    ///
    /// Half of r^2 is what rounds to `f32`: r^2 itself, p, their product, the sums with the tables' low part and with that of
    /// ln + r, and once more each where the result is added to something and where its error is: 7 times u/2 of r^2, below
    /// 4 u r^2, 4096 units of it. The tables' low part, 2^-25 of ln, rounds to 2^-49. The polynomial is off by 2^-36.8 r
    /// (T = 16) or 2^-34.2 r, and the logarithm is r or at least that: 0.2 or 0.9 units.
    #[inline(always)]
    fn ln_1p(self) -> (Self, F) {
        let t = self.hi;
        let one = t.constant(1.0);
        let count = t.constant((F::TABLE - 1) as f64);
        let (c, ln, ln_rest) = F::centre(t.mul_add(count, t.constant(MAGIC)));
        let scaled = t * c;
        let r = scaled - (one - c);
        let s = self.lo.mul_add(c, t.mul_sub(c, scaled));
        let square = r * r;
        let p = if F::TABLE == 16 {
            horner(&LN_1P_16, r)
        } else {
            horner(&LN_1P_8, r)
        };
        let rest = square.mul_add(p, r.neg_mul_add(s, s)) + ln_rest;
        let Self { hi, lo } = Self::fast_two_sum(ln, r);
        let lo = lo + rest;
        (Self { hi, lo }, square)
    }

    #[inline(always)]
    fn le(self, other: Self) -> F::Mask {
        let is_equal = F::and(self.hi.eq(other.hi), self.lo.le(other.lo));
        F::or(self.hi.lt(other.hi), is_equal)
    }

    #[inline(always)]
    fn constant(like: F, x: f64) -> Self {
        let hi = f64::from(x as f32);
        Self {
            hi: like.constant(hi),
            lo: like.constant(x - hi),
        }
    }

    #[inline(always)]
    fn bracket(self, error: F) -> (F, F) {
        (self.hi - (error - self.lo), self.hi + (self.lo + error))
    }
}
