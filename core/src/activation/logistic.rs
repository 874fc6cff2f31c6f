//! The formulas of the logistic functions, for the fast paths: sigmoid and softplus, with their derivatives.

use super::sigmoid::{sigmoid_gradient, sigmoid_value};
use super::softplus::{softplus_gradient, softplus_value};
use crate::number::formula::{Formula, LaneReal, Within};
use crate::number::lanes::Lanes;

/// Below x = -`FAR` nothing is certain, unless e^x vanishes there.
#[inline(always)]
fn above_far<R: LaneReal>(x: R::F) -> <R::F as Lanes>::Mask {
    if R::VANISHES {
        x.eq(x)
    } else {
        x.constant(-R::FAR).lt(x)
    }
}

/// A product with `factor`, where it has not lost its low part: it is 0 or at least `LEAST`.
#[inline(always)]
fn is_whole<R: LaneReal>(product: R, factor: R::F) -> <R::F as Lanes>::Mask {
    let least = factor.constant(R::LEAST);
    R::F::or(
        least.le(product.hi().abs()),
        factor.eq(factor.constant(0.0)),
    )
}

/// 1 + e^-x, for an x that is not below -`FAR`.
#[inline(always)]
fn one_plus_exp_neg<R: LaneReal>(x: R::F, x_low: R::F) -> R {
    // The bound is the second operand's if it is NaN. e^-86 is not seen beside 1.
    let far = x.constant(-R::FAR);
    let near = x.constant(86.0).min(x);
    R::exp_neg(far.max(near), x_low).one_plus()
}

/// beta x as two numbers, of which the second is 0 where the first is beyond `FAR`.
#[inline(always)]
fn times_beta<R: LaneReal>(beta: f64, x: R::F) -> (R::F, R::F) {
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

/// sigma(x) = 1 / (1 + e^-x), also for negative x: e^-x is a number up to 2^87.
#[derive(Clone, Copy)]
pub(crate) struct SigmoidValue;

impl Formula<1> for SigmoidValue {
    // Of 1 + e^-x: the exponential's error, and the sum of the low parts.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM + R::RECIP + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x]: [R::F; 1]) -> Within<R> {
        let value = one_plus_exp_neg::<R>(x, x.constant(0.0)).recip();
        Within {
            value,
            magnitude: value.hi(),
            ok: above_far::<R>(x),
        }
    }

    fn reference(&self, [x]: [f64; 1]) -> f64 {
        sigmoid_value::<f32>(x)
    }
}

/// g sigma(beta x): the gradients of softplus, and of log_sigmoid with a `beta` of -1.
#[derive(Clone, Copy)]
pub(crate) struct ScaledSigmoid {
    pub(crate) beta: f64,
}

impl Formula<2> for ScaledSigmoid {
    // As `SigmoidValue`, times g.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM + R::RECIP + R::TIMES + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, g]: [R::F; 2]) -> Within<R> {
        let (x, x_low) = times_beta::<R>(self.beta, x);
        let value = one_plus_exp_neg::<R>(x, x_low).recip().times(g);
        Within {
            value,
            magnitude: value.hi().abs(),
            ok: R::F::and(above_far::<R>(x), is_whole(value, g)),
        }
    }

    fn reference(&self, [x, g]: [f64; 2]) -> f64 {
        softplus_gradient::<f32>(x, self.beta) * g
    }
}

/// g sigma'(x) = g t / (1 + t)^2 with t = e^-|x|: the gradient of sigmoid.
#[derive(Clone, Copy)]
pub(crate) struct SigmoidGradient;

impl Formula<2> for SigmoidGradient {
    // t counts (1 - t) / (1 + t) times its error, the sum and its reciprocal twice; with three products.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + 2.0 * (R::SUM_OF_NORMAL + R::RECIP_OF_NORMAL) + 3.0 * R::TIMES_NORMAL + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, g]: [R::F; 2]) -> Within<R> {
        let (t, is_near) = exp_neg_abs::<R>(x, x.constant(0.0));
        let recip = t.one_plus().recip().normal();
        let value = t.mul(recip).mul(recip).times(g);
        Within {
            value,
            magnitude: value.hi().abs(),
            ok: R::F::and(is_near, is_whole(value, g)),
        }
    }

    fn reference(&self, [x, g]: [f64; 2]) -> f64 {
        sigmoid_gradient::<f32>(x) * g
    }
}

/// softplus(x) = max(x, 0) + ln(1 + e^-|beta x|) / beta, or log_sigmoid(x) = -softplus(-x).
#[derive(Clone, Copy)]
pub(crate) struct SoftplusFormula {
    beta: f64,
    inverse: f64,
    /// 1, or -1 for log_sigmoid.
    sign: f64,
}

impl SoftplusFormula {
    pub(crate) fn new(beta: f64) -> Self {
        Self {
            beta,
            inverse: 1.0 / beta,
            sign: 1.0,
        }
    }

    pub(crate) const LOG_SIGMOID: Self = Self {
        beta: 1.0,
        inverse: 1.0,
        sign: -1.0,
    };
}

impl Formula<1> for SoftplusFormula {
    // Of the logarithm: those of its argument and its own, the product with 1 / beta; and the sum.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::LN + 2.0 * R::TIMES_NORMAL + R::SUM_OF_NORMAL + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x]: [R::F; 1]) -> Within<R> {
        let (scaled, scaled_low) = times_beta::<R>(self.beta, x);
        let (t, is_near) = exp_neg_abs::<R>(scaled, scaled_low);
        let (mut ln, square) = t.ln_1p();
        let mut ok = is_near;
        if self.beta != 1.0 {
            ln = ln.mul(R::constant(x, self.inverse));
            ok = R::F::and(ok, is_whole(ln, x.constant(1.0)));
        }
        let sign = x.constant(self.sign);
        // x is the second operand: NaN stays.
        let linear = x.constant(0.0).max(x.flip_sign(sign));
        let sum = R::from_lanes(linear).add(ln);
        let mut magnitude = sum.hi();
        if R::LN_SQUARE > 0.0 {
            let square_units = R::LN_SQUARE / Self::units::<R>() * self.inverse;
            magnitude = square.mul_add(x.constant(square_units), magnitude);
        }
        Within {
            value: sum.flip_sign(sign),
            magnitude,
            ok,
        }
    }

    fn reference(&self, [x]: [f64; 1]) -> f64 {
        self.sign * softplus_value::<f32>(self.sign * x, self.beta)
    }
}

/// e^-|x|, normal, and whether that is so: |x| is not beyond `FAR`, or e^-`FAR` stands for the power.
#[inline(always)]
fn exp_neg_abs<R: LaneReal>(x: R::F, x_low: R::F) -> (R, <R::F as Lanes>::Mask) {
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
