//! Binary cross-entropy of logits in lanes: its formulas for the fast paths, without weights.
//!
//! z = x and v = y for y <= 1/2; z = -x and v = 1 - y, which is exact, beyond. The loss is the same for (z, v), and the
//! gradient the opposite: (1 - v) softplus(z) + v softplus(-z) = max(z, 0) - z v + ln(1 + e^-|z|), and sigma(z) - v. With v <= 1/2
//! the linear part is z (1 - v) or |z| v: at least half of z, so that nothing cancels there, and a hard label is v = 0.

use crate::activation::logistic::{above_far, exp_neg_abs_in_lanes, one_plus_exp_neg};
use crate::engine::batch::FillInLanes;
use crate::engine::element_loss::{ElementwiseLoss, LaneLoss};
use crate::engine::log_sum::LogFormula;
use crate::engine::rounding_test::SumEstimate;
use crate::loss::bce_with_logits::{BceWithLogits, gradient, value};
use crate::number::formula::{Formula, LaneReal, Within};
use crate::number::lanes::Lanes;

/// z, v, and a number whose sign is that of the gradient to the one of (z, v).
#[inline(always)]
fn fold<F: Lanes>(x: F, y: F) -> (F, F, F) {
    let sign = x.constant(0.5) - y;
    (x.flip_sign(sign), y.min(x.constant(1.0) - y), sign)
}

/// max(z, 0) - z v.
#[inline(always)]
fn linear<R: LaneReal>(z: R::F, v: R::F) -> R {
    let zero = z.constant(0.0);
    // z is the second operand: NaN stays. Hard labels need no more.
    let positive = R::from_lanes(zero.max(z));
    if R::F::bits(zero.lt(v)) == 0 {
        positive
    } else {
        positive.add(R::from_lanes(z).times(-v))
    }
}

/// The loss.
#[derive(Clone, Copy)]
struct Value;

impl Formula<2> for Value {
    // As softplus: the linear part adds a product and a sum, and both are of numbers that are not negative.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::LN + 2.0 * (R::TIMES_NORMAL + R::SUM_OF_NORMAL) + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> Within<R> {
        let (z, v, _) = fold(x, y);
        let (t, ok) = exp_neg_abs_in_lanes::<R>(z, z.constant(0.0));
        let (ln, square) = t.ln_1p();
        let value = linear::<R>(z, v).add(ln);
        let mut magnitude = value.hi();
        if R::LN_SQUARE > 0.0 {
            let square_units = R::LN_SQUARE / Self::units::<R>();
            magnitude = square.mul_add(x.constant(square_units), magnitude);
        }
        Within {
            value,
            magnitude,
            ok,
        }
    }

    fn reference(&self, [x, y]: [f64; 2]) -> f64 {
        value::<f32>(x, y, 1.0)
    }
}

impl LogFormula for Value {
    const PADDING: [f64; 2] = [-1000.0, 0.0];

    #[inline(always)]
    fn terms<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> (R, R) {
        let (z, v, _) = fold(x, y);
        // Beyond `FAR` e^-|z| is below 2^-86, and so is what this leaves out.
        let (t, _) = exp_neg_abs_in_lanes::<R>(z, z.constant(0.0));
        (linear(z, v), t.one_plus_unit())
    }
}

/// sigma(z) - v and the magnitude of its error, of either sign.
#[inline(always)]
fn difference<R: LaneReal>(z: R::F, v: R::F) -> (R, R::F) {
    let sigmoid = one_plus_exp_neg::<R>(z, z.constant(0.0)).recip();
    let difference = R::from_lanes(-v).add(sigmoid);
    let part = z.constant(R::DIFFERENCE);
    let magnitude = difference.hi().abs().mul_add(part, sigmoid.hi());
    (difference, magnitude)
}

/// Whether a gradient, and its sign, is what it was before it was multiplied by a factor: that is 0, and the sign was known, or
/// the magnitude has kept its low part. The sign of a pair is that of its high part where that is 2^-7 of the magnitude: the low
/// part of the sigmoid is 2^-9.5 of it at most.
#[inline(always)]
fn is_kept<R: LaneReal>(
    difference: R,
    magnitude: R::F,
    scaled: R::F,
    factor: R::F,
) -> <R::F as Lanes>::Mask {
    let is_zero = factor.eq(factor.constant(0.0));
    let part = factor.constant(1.0 / 128.0);
    let has_sign = (magnitude * part).lt(difference.hi().abs());
    let is_large = factor.constant(R::LEAST).le(scaled);
    R::F::or(is_large, R::F::and(is_zero, has_sign))
}

/// The gradient times `scale`.
#[derive(Clone, Copy)]
struct Gradient {
    scale: f64,
}

impl Formula<2> for Gradient {
    const SIGNED_ZERO: bool = false;

    // As sigmoid; the difference is in its magnitude.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM + R::RECIP + R::TIMES + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> Within<R> {
        let (z, v, sign) = fold(x, y);
        let (difference, magnitude) = difference::<R>(z, v);
        let scale = R::constant(x, self.scale);
        let scaled = magnitude * scale.hi().abs();
        let kept = is_kept(difference, magnitude, scaled, scale.hi());
        Within {
            value: difference.normal().mul(scale).flip_sign(sign),
            magnitude: scaled,
            ok: R::F::and(above_far::<R>(z), kept),
        }
    }

    fn reference(&self, [x, y]: [f64; 2]) -> f64 {
        gradient::<f32>(x, y, 1.0) * self.scale
    }
}

/// The gradient times a number of each element.
#[derive(Clone, Copy)]
struct GradientEach;

impl Formula<3> for GradientEach {
    const SIGNED_ZERO: bool = false;

    fn units<R: LaneReal>() -> f64 {
        Gradient::units::<R>()
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y, g]: [R::F; 3]) -> Within<R> {
        let (z, v, sign) = fold(x, y);
        let (difference, magnitude) = difference::<R>(z, v);
        let scaled = magnitude * g.abs();
        let kept = is_kept(difference, magnitude, scaled, g);
        Within {
            value: difference.times(g).flip_sign(sign),
            magnitude: scaled,
            ok: R::F::and(above_far::<R>(z), kept),
        }
    }

    fn reference(&self, [x, y, g]: [f64; 3]) -> f64 {
        gradient::<f32>(x, y, 1.0) * g
    }
}

impl<T: FillInLanes> LaneLoss<T> for BceWithLogits<'_, T> {
    fn sum_in_lanes(&self, input: &[T], target: &[T]) -> Option<SumEstimate> {
        if is_weighted(self) {
            return None;
        }
        T::log_sum_in_lanes(&Value, [input, target])
    }

    fn values_in_lanes(&self, input: &[T], target: &[T], losses: &mut [T]) -> bool {
        !is_weighted(self) && T::fill_in_lanes(&Value, [input, target], losses)
    }

    fn gradients_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        scale: f64,
        grad_input: &mut [T],
    ) -> bool {
        !is_weighted(self) && T::fill_in_lanes(&Gradient { scale }, [input, target], grad_input)
    }

    fn gradients_each_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        grad_output: &[T],
        grad_input: &mut [T],
    ) -> bool {
        let inputs = [input, target, grad_output];
        !is_weighted(self) && T::fill_in_lanes(&GradientEach, inputs, grad_input)
    }
}

fn is_weighted<T: FillInLanes>(loss: &BceWithLogits<'_, T>) -> bool {
    loss.weight() != T::ONE || loss.pos_weight() != T::ONE
}
