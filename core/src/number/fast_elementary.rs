//! Exponentials for the fast paths, and horner's rule.

use crate::number::arithmetic::Arithmetic;
use crate::number::elementary::{EXP, EXP2_SHORT, LN2_HI, LN2_LO, LOG2_E, MAGIC, polynomial};

/// The smallest argument of the exponentials here; those below are taken for it. e^-300 < 2^-432, which times the
/// largest `f32` is still far below the smallest: no result can tell.
const LOWEST: f64 = -300.0;

/// A logit whose exponential is e^[`LOWEST`], in the place of those that a group lacks.
pub(crate) const PADDING: f64 = -1000.0;

/// 2^k times a number near 1, k in the low bits of `shifted` and the result no subnormal number. As the
/// product is made by adding to the bits, a NaN must have no bit set among those that reach its exponent: that of an
/// `f32` has none in its 29 lowest bits, and an operation's own NaN has none at all.
#[inline(always)]
pub(crate) fn scale_by_power(significand: f64, shifted: f64) -> f64 {
    f64::from_bits(significand.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// e^a for a <= 0, NaN for NaN.
///
/// Relative error below 2^-34.3 above [`LOWEST`]. a log2(e) = k + f with |f| <= 1/2, 2^f a polynomial: 2^-34.5
/// (see [`EXP2_SHORT`]). |a log2(e)| is below 2^8.76, so that its rounding and that of the constant move f by
/// at most 1.5 * 2^8.76 u, and the result by 2^-44.1 of itself; the polynomial's roundings are a few u.
#[inline(always)]
pub(crate) fn exp_short<A: Arithmetic>(a: f64) -> f64 {
    let (f, shifted) = reduce_short::<A>(a);
    scale_by_power(polynomial::<A, _>(&EXP2_SHORT, f), shifted)
}

/// f, and k in the low bits of the second number.
#[inline(always)]
pub(crate) fn reduce_short<A: Arithmetic>(a: f64) -> (f64, f64) {
    let a = if a < LOWEST { LOWEST } else { a };
    let shifted = A::mul_add(a, LOG2_E, MAGIC);
    let k = shifted - MAGIC;
    (A::mul_add(a, LOG2_E, -k), shifted)
}

/// e^a for a <= 0, NaN for NaN.
///
/// Relative error below 2 u above [`LOWEST`]: [`elementary::exp`](crate::elementary::exp) with fused operations,
/// and without what subnormal results need. e^0 is 1.
#[inline(always)]
pub(crate) fn exp<A: Arithmetic>(a: f64) -> f64 {
    let (r, shifted) = reduce::<A>(a);
    let significand = 1.0 + A::mul_add(r * r, polynomial::<A, _>(&EXP, r), r);
    scale_by_power(significand, shifted)
}

/// r, and k in the low bits of the second number.
#[inline(always)]
pub(crate) fn reduce<A: Arithmetic>(a: f64) -> (f64, f64) {
    let a = if a < LOWEST { LOWEST } else { a };
    let shifted = A::mul_add(a, LOG2_E, MAGIC);
    let k = shifted - MAGIC;
    let r = A::mul_add(-k, LN2_LO, A::mul_add(-k, LN2_HI, a));
    (r, shifted)
}

#[inline(always)]
pub(crate) fn horner<A: Arithmetic, const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    coefficients
        .iter()
        .rev()
        .copied()
        .reduce(|sum, coefficient| A::mul_add(sum, x, coefficient))
        .unwrap_or(0.0)
}
