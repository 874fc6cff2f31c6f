//! Binary cross-entropy of logits in lanes: its formulas for the fast paths.
//!
//! Without weights, and for soft margin loss, which is that of other labels:
//!
//! z = x and v = y for y <= 1/2; z = -x and v = 1 - y, which is exact, beyond. The loss is the same for (z, v), and the
//! gradient the opposite: (1 - v) softplus(z) + v softplus(-z) = max(z, 0) - z v + ln(1 + e^-|z|), and sigma(z) - v. With v <= 1/2
//! the linear part is z (1 - v) or |z| v: at least half of z, so that nothing cancels there, and a hard label is v = 0.

use crate::activation::logistic::{above_far, exp_neg_abs_in_lanes, is_whole, one_plus_exp_neg};
use crate::engine::element_loss::{ElementwiseLoss, LaneLoss};
use crate::engine::fill_in_lanes::FillInLanes;
use crate::engine::log_sum::LogFormula;
use crate::engine::rounding_test::SumEstimate;
use crate::loss::bce_with_logits::{BceWithLogits, gradient, value};
use crate::number::formula::{Formula, LaneReal, Within};
use crate::number::lanes::Lanes;
use crate::number::real::mul_zero_wins;
use core::marker::PhantomData;

/// What the targets of a loss say.
pub(crate) trait Targets: Copy + Sync {
    /// A target for which a logit of -1000 costs nothing.
    const NEGATIVE: f64;

    /// z, v, and a number whose sign is that of the gradient to the one of (z, v).
    fn fold<F: Lanes>(x: F, y: F) -> (F, F, F);

    /// The reference formulas: the loss and its gradient, unrounded.
    fn value(x: f64, y: f64) -> f64;

    fn gradient(x: f64, y: f64) -> f64;
}

/// Targets in [0, 1].
#[derive(Clone, Copy)]
pub(crate) struct Probabilities;

impl Targets for Probabilities {
    const NEGATIVE: f64 = 0.0;

    #[inline(always)]
    fn fold<F: Lanes>(x: F, y: F) -> (F, F, F) {
        let sign = x.constant(0.5) - y;
        (x.flip_sign(sign), y.min(x.constant(1.0) - y), sign)
    }

    fn value(x: f64, y: f64) -> f64 {
        value::<f32>(x, y, 1.0)
    }

    fn gradient(x: f64, y: f64) -> f64 {
        gradient::<f32>(x, y, 1.0)
    }
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
struct Value<Y>(PhantomData<Y>);

impl<Y: Targets> Formula<2> for Value<Y> {
    // As softplus: the linear part adds a product and a sum, and both are of numbers that are not negative.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::LN + 2.0 * (R::TIMES_NORMAL + R::SUM_OF_NORMAL) + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> Within<R> {
        let (z, v, _) = Y::fold(x, y);
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
        Y::value(x, y)
    }
}

impl<Y: Targets> LogFormula for Value<Y> {
    const PADDING: [f64; 2] = [-1000.0, Y::NEGATIVE];

    #[inline(always)]
    fn terms<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> (R, R) {
        let (z, v, _) = Y::fold(x, y);
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
struct Gradient<Y> {
    scale: f64,
    targets: PhantomData<Y>,
}

impl<Y: Targets> Formula<2> for Gradient<Y> {
    const SIGNED_ZERO: bool = false;

    // As sigmoid; the difference is in its magnitude.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM + R::RECIP + R::TIMES + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> Within<R> {
        let (z, v, sign) = Y::fold(x, y);
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
        Y::gradient(x, y) * self.scale
    }
}

/// The gradient times a number of each element.
#[derive(Clone, Copy)]
struct GradientEach<Y>(PhantomData<Y>);

impl<Y: Targets> Formula<3> for GradientEach<Y> {
    const SIGNED_ZERO: bool = false;

    fn units<R: LaneReal>() -> f64 {
        Gradient::<Y>::units::<R>()
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y, g]: [R::F; 3]) -> Within<R> {
        let (z, v, sign) = Y::fold(x, y);
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
        Y::gradient(x, y) * g
    }
}

/// (1 - y) and c y, the weights of the two classes, each exact but for one rounding; and whether the second is that.
#[inline(always)]
fn class_weights<R: LaneReal>(y: R::F, pos_weight: R::F) -> (R, R, <R::F as Lanes>::Mask) {
    let zero = y.constant(0.0);
    let negative = R::from_lanes(y.constant(1.0)).add(R::from_lanes(-y));
    let positive = R::from_lanes(y).times(pos_weight);
    let ok = R::F::or(is_whole(positive, pos_weight), y.eq(zero));
    (negative, positive, ok)
}

/// The loss with weights, of (x, y, weight, pos_weight): w (|x| v + (1 - y + c y) ln(1 + e^-|x|)), where v is the weight of
/// the wrong class.
#[derive(Clone, Copy)]
struct WeightedValue;

impl Formula<4> for WeightedValue {
    const BROADCASTS: bool = true;
    // A negative weight of a class is a term of the other sign.
    const SIGNED_ZERO: bool = false;

    // The weights of the classes, their sum, its product with the logarithm, the sum with the linear term, the weight.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::LN + 3.0 * R::TIMES_NORMAL + 3.0 * R::SUM_OF_NORMAL + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y, weight, pos_weight]: [R::F; 4]) -> Within<R> {
        let zero = x.constant(0.0);
        let (t, is_near) = exp_neg_abs_in_lanes::<R>(x, zero);
        let (ln, square) = t.ln_1p();
        let (negative, positive, is_exact) = class_weights::<R>(y, pos_weight);
        let wrong = R::select(x.lt(zero), positive, negative);
        let linear = wrong.times(x.abs());
        let logarithm = negative.add(positive).mul(ln);
        let sum = linear.add(logarithm);
        let both = negative.hi().abs() + positive.hi().abs();
        let mut magnitude = both.mul_add(ln.hi(), linear.hi().abs());
        if R::LN_SQUARE > 0.0 {
            let square_units = R::LN_SQUARE / Self::units::<R>();
            magnitude = (square * both).mul_add(x.constant(square_units), magnitude);
        }
        // A weight of 0 is a loss of 0, whatever the sign of the weight. An x that is NaN is not near.
        let is_zero = weight.eq(zero);
        let value = R::select(is_zero, R::from_lanes(zero), sum.times(weight));
        let weighted = magnitude * weight.abs();
        let is_normal = x.constant(R::LEAST).le(weighted.min(magnitude));
        let is_normal = R::F::or(is_zero, is_normal);
        let magnitude = R::F::select(is_zero, zero, weighted);
        Within {
            value,
            magnitude,
            ok: R::F::and(R::F::and(is_near, is_exact), is_normal),
        }
    }

    fn reference(&self, [x, y, weight, pos_weight]: [f64; 4]) -> f64 {
        mul_zero_wins(weight, value::<f32>(x, y, pos_weight))
    }
}

/// The gradient with weights, of (x, y, weight, pos_weight, g), times `scale`: with t = e^-|x|,
/// w g ((1 - y) - c y t) / (1 + t) for an x that is not negative, and w g ((1 - y) t - c y) / (1 + t) for one that is.
#[derive(Clone, Copy)]
struct WeightedGradient {
    scale: f64,
}

impl Formula<5> for WeightedGradient {
    const BROADCASTS: bool = true;
    const SIGNED_ZERO: bool = false;

    // t counts once in a term and t / (1 + t) in the denominator. The weights of the classes, a term's product, the difference;
    // the denominator, its reciprocal, the quotient, the three factors, and the scale's own rounding.
    fn units<R: LaneReal>() -> f64 {
        1.5 * R::EXP
            + R::RECIP_OF_NORMAL
            + 3.0 * R::SUM_OF_NORMAL
            + 7.0 * R::TIMES_NORMAL
            + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y, weight, pos_weight, g]: [R::F; 5]) -> Within<R> {
        let zero = x.constant(0.0);
        let (t, is_near) = exp_neg_abs_in_lanes::<R>(x, zero);
        let (negative, positive, is_exact) = class_weights::<R>(y, pos_weight);
        let is_below = x.lt(zero);
        let small = R::select(is_below, negative, positive).mul(t);
        let negative = R::select(is_below, small, negative);
        let positive = R::select(is_below, positive, small);
        let difference = negative.add(positive.flip_sign(-x.constant(1.0)));
        let recip = t.one_plus_unit().recip().normal();
        let terms = negative.hi().abs() + positive.hi().abs();
        let scale = R::constant(x, self.scale);
        // The factors one after the other: no product on the way may lose its low part.
        let scaled = terms * recip.hi() * scale.hi().abs();
        let weighted = scaled * weight.abs();
        let magnitude = weighted * g.abs();
        let least = terms.min(scaled).min(weighted).min(magnitude);
        // Where all is 0, the sign is that of the difference, if that is known. A scale that is 0 as an `f32` need not be 0.
        let exact = x.constant(if self.scale == 0.0 { 0.0 } else { 1.0 });
        let factor = R::F::select(weight.eq(zero), weight, exact);
        let factor = R::F::select(g.eq(zero), g, factor);
        let kept = is_kept(difference, terms, least, factor);
        // A class without a weight.
        let kept = R::F::or(kept, terms.eq(zero));
        Within {
            value: difference.mul(recip).mul(scale).times(weight).times(g),
            magnitude,
            ok: R::F::and(R::F::and(is_near, is_exact), kept),
        }
    }

    fn reference(&self, [x, y, weight, pos_weight, g]: [f64; 5]) -> f64 {
        gradient::<f32>(x, y, pos_weight) * (self.scale * g * weight)
    }
}

impl<T: FillInLanes> LaneLoss<T> for BceWithLogits<'_, T> {
    const IN_LANES: bool = true;

    fn sum_in_lanes(&self, input: &[T], target: &[T]) -> Option<SumEstimate> {
        if is_weighted(self) {
            let inputs = [input, target, self.weight(), self.pos_weight()];
            return T::sum_in_lanes(&WeightedValue, inputs, input.len());
        }
        unweighted::sum::<Probabilities, T>(input, target)
    }

    fn values_in_lanes(&self, input: &[T], target: &[T], losses: &mut [T]) -> bool {
        if is_weighted(self) {
            let inputs = [input, target, self.weight(), self.pos_weight()];
            return T::fill_in_lanes(&WeightedValue, inputs, losses);
        }
        unweighted::values::<Probabilities, T>(input, target, losses)
    }

    fn gradients_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        scale: f64,
        grad_input: &mut [T],
    ) -> bool {
        if is_weighted(self) {
            let inputs = [input, target, self.weight(), self.pos_weight(), T::ONE];
            return T::fill_in_lanes(&WeightedGradient { scale }, inputs, grad_input);
        }
        unweighted::gradients::<Probabilities, T>(input, target, scale, grad_input)
    }

    fn gradients_each_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        grad_output: &[T],
        grad_input: &mut [T],
    ) -> bool {
        if is_weighted(self) {
            let inputs = [input, target, self.weight(), self.pos_weight(), grad_output];
            return T::fill_in_lanes(&WeightedGradient { scale: 1.0 }, inputs, grad_input);
        }
        unweighted::gradients_each::<Probabilities, T>(input, target, grad_output, grad_input)
    }
}

/// The fast paths without weights, for targets of either kind.
pub(crate) mod unweighted {
    use super::{Gradient, GradientEach, Targets, Value};
    use crate::engine::fill_in_lanes::FillInLanes;
    use crate::engine::rounding_test::SumEstimate;
    use core::marker::PhantomData;

    pub(crate) fn sum<Y: Targets, T: FillInLanes>(
        input: &[T],
        target: &[T],
    ) -> Option<SumEstimate> {
        T::log_sum_in_lanes(&Value::<Y>(PhantomData), [input, target])
    }

    pub(crate) fn values<Y: Targets, T: FillInLanes>(
        input: &[T],
        target: &[T],
        losses: &mut [T],
    ) -> bool {
        T::fill_in_lanes(&Value::<Y>(PhantomData), [input, target], losses)
    }

    pub(crate) fn gradients<Y: Targets, T: FillInLanes>(
        input: &[T],
        target: &[T],
        scale: f64,
        grad_input: &mut [T],
    ) -> bool {
        let targets = PhantomData::<Y>;
        T::fill_in_lanes(&Gradient { scale, targets }, [input, target], grad_input)
    }

    pub(crate) fn gradients_each<Y: Targets, T: FillInLanes>(
        input: &[T],
        target: &[T],
        grad_output: &[T],
        grad_input: &mut [T],
    ) -> bool {
        let inputs = [input, target, grad_output];
        T::fill_in_lanes(&GradientEach::<Y>(PhantomData), inputs, grad_input)
    }
}

fn is_weighted<T: FillInLanes>(loss: &BceWithLogits<'_, T>) -> bool {
    loss.weight() != T::ONE || loss.pos_weight() != T::ONE
}
