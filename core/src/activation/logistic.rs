//! What the formulas of the logistic functions share: exponentials of bounded arguments, in any arithmetic over lanes.

use crate::number::formula::{Factor, LaneReal, Within, keeps_low_part};
use crate::number::lanes::Lanes;

/// Below x = -`FAR` nothing is certain, unless e^x vanishes there.
#[inline(always)]
pub(crate) fn above_far<R: LaneReal>(x: R::F) -> <R::F as Lanes>::Mask {
    if R::VANISHES {
        x.eq(x)
    } else {
        x.constant(-R::FAR).lt(x)
    }
}

/// A positive derivative times a factor. It is certain where `ok` and where the product keeps its low part.
#[inline(always)]
pub(crate) fn scaled<R: LaneReal>(
    derivative: R,
    factor: Factor<R>,
    ok: <R::F as Lanes>::Mask,
) -> Within<R> {
    let value = derivative.times(factor.value.hi());
    let magnitude = value.hi().abs();
    Within {
        value,
        magnitude,
        ok: R::F::and(ok, keeps_low_part::<R>(magnitude, factor.is_zero())),
    }
}

/// 1 + e^-x, for an x that is not below -`FAR`.
#[inline(always)]
pub(crate) fn one_plus_exp_neg<R: LaneReal>(x: R::F, x_low: R::F) -> R {
    // The bound is the second operand's if it is NaN. e^-86 is not seen beside 1.
    let far = x.constant(-R::FAR);
    let near = x.constant(86.0).min(x);
    R::exp_neg(far.max(near), x_low).one_plus()
}

/// beta x as two numbers, of which the second is 0 where the first is beyond `FAR`.
#[inline(always)]
pub(crate) fn times_beta<R: LaneReal>(beta: f64, x: R::F) -> (R::F, R::F) {
    let (hi, lo) = R::F::split(if R::holds(beta) { beta } else { f64::NAN });
    let (hi, lo, zero) = (x.constant(hi), x.constant(lo), x.constant(0.0));
    let product = x * hi;
    if beta.abs() == 1.0 {
        return (product, zero);
    }
    let rest = x.mul_add(lo, x.mul_sub(hi, product));
    let is_near = product.abs().lt(x.constant(R::FAR));
    (product, R::F::select(is_near, rest, zero))
}

/// e^-|x|, normal, and whether that is so: |x| is not beyond `FAR`, or e^-`FAR` stands for the power.
#[inline(always)]
pub(crate) fn exp_neg_abs_in_lanes<R: LaneReal>(
    x: R::F,
    x_low: R::F,
) -> (R, <R::F as Lanes>::Mask) {
    let far = x.constant(R::FAR);
    let magnitude = x.abs();
    // The magnitude is the second operand: NaN stays.
    let t = R::exp_neg(far.min(magnitude), x_low.flip_sign(x)).normal();
    let is_near = if R::VANISHES {
        x.eq(x)
    } else {
        magnitude.lt(far)
    };
    (t, is_near)
}

/// Where e^-a, of the reference formulas in one `f64`, is 0; and where that is known.
#[inline(always)]
pub(crate) fn vanishes<R: LaneReal>(a: R::F) -> (<R::F as Lanes>::Mask, <R::F as Lanes>::Mask) {
    let (some, none) = (a.constant(745.0), a.constant(746.0));
    let vanished = none.lt(a);
    (vanished, R::F::or(a.lt(some), vanished))
}

/// Whether `difference` times a factor is certain: `least`, the smallest magnitude among the products on the way, has kept its low
/// part. If the factor is 0, only the sign must be certain: that of the high part is, above 2^-7 of `magnitude`, because the low
/// part of a sigmoid is at most 2^-9.5 of it.
#[inline(always)]
pub(crate) fn keeps_sign_and_low_part<R: LaneReal>(
    difference: R,
    magnitude: R::F,
    least: R::F,
    factor_is_zero: <R::F as Lanes>::Mask,
) -> <R::F as Lanes>::Mask {
    let part = magnitude.constant(1.0 / 128.0);
    let has_sign = (magnitude * part).lt(difference.hi().abs());
    keeps_low_part::<R>(least, R::F::and(factor_is_zero, has_sign))
}
