//! What the formulas of the logistic functions share: exponentials of bounded arguments, in any arithmetic over lanes.

use crate::number::formula::LaneReal;
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

/// A product with `factor`, where it has not lost its low part: it is 0 or at least `LEAST`.
#[inline(always)]
pub(crate) fn is_whole<R: LaneReal>(product: R, factor: R::F) -> <R::F as Lanes>::Mask {
    let least = factor.constant(R::LEAST);
    R::F::or(
        least.le(product.hi().abs()),
        factor.eq(factor.constant(0.0)),
    )
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
    let (hi, lo) = R::F::split(beta);
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
