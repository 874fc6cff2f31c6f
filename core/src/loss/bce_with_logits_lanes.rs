//! Binary cross-entropy of logits in lanes: its formulas for the fast paths.
//!
//! Without weights. Soft margin loss is the same loss with labels of -1 and 1:
//!
//! z = x and v = y for y <= 1/2; z = -x and v = 1 - y, which is exact, beyond. The loss is the same for (z, v), and the
//! gradient the opposite: (1 - v) softplus(z) + v softplus(-z) = max(z, 0) - z v + ln(1 + e^-|z|), and sigma(z) - v. With v <= 1/2
//! the linear part is z (1 - v) or |z| v: at least half of z, so that nothing cancels there, and a hard label is v = 0.

use crate::activation::logistic::{
    above_far, exp_neg_abs_in_lanes, keeps_sign_and_low_part, vanishes,
};
use crate::engine::batch::Wanted;
use crate::engine::element_loss::{ElementwiseLoss, LaneLoss};
use crate::engine::log_sum::LogFormula;
use crate::engine::rounding_test::SumEstimate;
use crate::engine::try_lanes::TryLanes;
use crate::loss::bce_with_logits::{BceWithLogits, gradient, value};
use crate::number::formula::{Factor, Formula, LaneReal, Within, keeps_low_part, weighted};
use crate::number::lanes::Lanes;
use crate::number::real::mul_zero_wins;
use core::marker::PhantomData;

/// How targets are encoded.
pub(crate) trait Targets: Copy + Sync {
    /// The target of the negative class, whose loss at a logit of -1000 is 0.
    const NEGATIVE: f64;

    /// z, v and `sign`: the gradient is that of (z, v), negated where `sign` is negative.
    fn fold<F: Lanes>(x: F, y: F) -> (F, F, F);

    /// The `sign` to use where the gradient of (z, v) is 0: +0 if the reference formula subtracts two zeros, else `sign` itself.
    fn sign_of_zero<F: Lanes>(sign: F) -> F;

    /// The reference formulas: the loss and its gradient, unrounded.
    fn value(x: f64, y: f64) -> f64;

    fn gradient(x: f64, y: f64) -> f64;
}

/// Targets in [0, 1].
#[derive(Clone, Copy)]
pub(crate) struct ProbabilityTargets;

impl Targets for ProbabilityTargets {
    const NEGATIVE: f64 = 0.0;

    #[inline(always)]
    fn fold<F: Lanes>(x: F, y: F) -> (F, F, F) {
        let sign = x.constant(0.5) - y;
        (x.flip_sign(sign), y.min(x.constant(1.0) - y), sign)
    }

    #[inline(always)]
    fn sign_of_zero<F: Lanes>(sign: F) -> F {
        sign.constant(0.0)
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

/// What the loss and its gradient have in common.
#[derive(Clone, Copy)]
pub(crate) struct LogitsShared<R: LaneReal> {
    z: R::F,
    v: R::F,
    sign: R::F,
    /// e^-|z|.
    t: R,
    is_near: <R::F as Lanes>::Mask,
}

/// The loss without weights.
#[derive(Clone, Copy)]
pub(crate) struct LogitsFormula<Y>(PhantomData<Y>);

impl<Y: Targets> LogitsFormula<Y> {
    pub(crate) const FORMULA: Self = Self(PhantomData);
}

impl<Y: Targets> Formula<2> for LogitsFormula<Y> {
    // As softplus: the linear part adds a product and a sum, and both are of numbers that are not negative.
    fn value_units<R: LaneReal>() -> f64 {
        R::EXP + R::LN + 2.0 * (R::TIMES_NORMAL + R::SUM_OF_NORMAL) + R::REFERENCE
    }

    // Of the sigmoid, t / (1 + t) or 1 / (1 + t): that of t, the sum, its reciprocal, the product. Of the factor: its own rounding
    // and that of the product. The difference is in the magnitude.
    fn gradient_units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM_OF_NORMAL + R::RECIP_OF_NORMAL + 2.0 * R::TIMES_NORMAL + R::REFERENCE
    }

    type Shared<R: LaneReal> = LogitsShared<R>;

    #[inline(always)]
    fn shared<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> LogitsShared<R> {
        let (z, v, sign) = Y::fold(x, y);
        let (t, is_near) = exp_neg_abs_in_lanes::<R>(z, z.constant(0.0));
        LogitsShared {
            z,
            v,
            sign,
            t,
            is_near,
        }
    }

    #[inline(always)]
    fn value<R: LaneReal>(&self, _: [R::F; 2], folded: LogitsShared<R>) -> Within<R> {
        let (ln, square) = folded.t.ln_1p();
        let value = linear::<R>(folded.z, folded.v).add(ln);
        Within {
            value,
            magnitude: R::with_square(value.hi(), square, Self::value_units::<R>()),
            ok: folded.is_near,
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(
        &self,
        _: [R::F; 2],
        folded: LogitsShared<R>,
        factor: Factor<R>,
    ) -> Within<R> {
        let LogitsShared { z, v, t, .. } = folded;
        let zero = z.constant(0.0);
        let recip = t.one_plus_unit().recip().normal();
        let mut sigmoid = R::select(z.lt(zero), t.mul(recip), recip);
        let mut sign = folded.sign;
        let mut ok = above_far::<R>(z);
        if R::VANISHES {
            let (vanished, known) = vanishes::<R>(-z);
            sigmoid = R::select(vanished, R::from_lanes(zero), sigmoid);
            let is_zero = R::F::and(vanished, v.eq(zero));
            sign = R::F::select(is_zero, Y::sign_of_zero(sign), sign);
            ok = R::F::or(known, zero.lt(v));
        }
        // Hard labels need no difference.
        let mut difference = sigmoid;
        let mut magnitude = sigmoid.hi();
        if R::F::bits(zero.lt(v)) != 0 {
            difference = R::from_lanes(-v).add(sigmoid);
            let part = z.constant(R::DIFFERENCE);
            magnitude = difference.hi().abs().mul_add(part, magnitude);
            difference = difference.normal();
        }
        let scaled = magnitude * factor.magnitude();
        let kept = keeps_sign_and_low_part(difference, magnitude, scaled, factor.is_zero());
        Within {
            value: difference.mul(factor.value).flip_sign(sign),
            magnitude: scaled,
            ok: R::F::and(ok, kept),
        }
    }

    fn reference_value(&self, [x, y]: [f64; 2]) -> f64 {
        Y::value(x, y)
    }

    fn reference_gradient(&self, [x, y]: [f64; 2], factor: f64) -> f64 {
        Y::gradient(x, y) * factor
    }
}

impl<Y: Targets> LogFormula for LogitsFormula<Y> {
    const PADDING: [f64; 2] = [-1000.0, Y::NEGATIVE];

    #[inline(always)]
    fn terms<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> (R, R) {
        let (z, v, _) = Y::fold(x, y);
        // Beyond `FAR` e^-|z| is below 2^-86, and so is what this leaves out.
        let (t, _) = exp_neg_abs_in_lanes::<R>(z, z.constant(0.0));
        (linear(z, v), t.one_plus_unit())
    }
}

/// What the weighted loss and its gradient have in common.
#[derive(Clone, Copy)]
pub(super) struct WeightedLogitsShared<R: LaneReal> {
    /// e^-|x|.
    t: R,
    is_near: <R::F as Lanes>::Mask,
    /// 1 - y and c y, each rounded once.
    negative: R,
    positive: R,
    /// Whether `positive` has kept its low part.
    positive_is_whole: <R::F as Lanes>::Mask,
    is_below: <R::F as Lanes>::Mask,
}

/// The loss with weights, of (x, y, weight, pos_weight): w (|x| u + (1 - y + c y) ln(1 + e^-|x|)), where u is the weight of
/// the wrong class. With t = e^-|x| the gradient is w ((1 - y) - c y t) / (1 + t) for an x that is not negative, and
/// w ((1 - y) t - c y) / (1 + t) for a negative x.
#[derive(Clone, Copy)]
pub(super) struct WeightedLogitsFormula;

impl Formula<4> for WeightedLogitsFormula {
    const BROADCASTS: bool = true;

    // The weights of the classes, their sum, its product with the logarithm, the sum with the linear term, the weight.
    fn value_units<R: LaneReal>() -> f64 {
        R::EXP + R::LN + 3.0 * R::TIMES_NORMAL + 3.0 * R::SUM_OF_NORMAL + R::REFERENCE
    }

    // t counts once in a term and t / (1 + t) in the denominator. The weights of the classes, a term's product, the difference;
    // the denominator, its reciprocal, the quotient, the weight, the factor and its own rounding.
    fn gradient_units<R: LaneReal>() -> f64 {
        1.5 * R::EXP
            + R::RECIP_OF_NORMAL
            + 3.0 * R::SUM_OF_NORMAL
            + 6.0 * R::TIMES_NORMAL
            + R::REFERENCE
    }

    type Shared<R: LaneReal> = WeightedLogitsShared<R>;

    #[inline(always)]
    fn shared<R: LaneReal>(&self, [x, y, _, pos_weight]: [R::F; 4]) -> WeightedLogitsShared<R> {
        let zero = x.constant(0.0);
        let (mut t, mut is_near) = exp_neg_abs_in_lanes::<R>(x, zero);
        if R::VANISHES {
            // Then terms are zeros as in the reference formulas, and so are the signs of their sums.
            let (vanished, known) = vanishes::<R>(x.abs());
            t = R::select(vanished, R::from_lanes(zero), t);
            // Three factors of an `f32` may show what stands for the power beyond `FAR`.
            let is_below_far = x.abs().lt(x.constant(R::FAR));
            is_near = R::F::and(known, R::F::or(is_below_far, vanished));
        }
        let negative = R::from_lanes(-y).one_plus_unit();
        let positive = R::from_lanes(y).times(pos_weight);
        let has_no_positive = R::F::or(pos_weight.eq(zero), y.eq(zero));
        WeightedLogitsShared {
            t,
            is_near,
            negative,
            positive,
            positive_is_whole: keeps_low_part::<R>(positive.hi().abs(), has_no_positive),
            is_below: x.lt(zero),
        }
    }

    #[inline(always)]
    fn value<R: LaneReal>(
        &self,
        [x, _, weight, _]: [R::F; 4],
        shared: WeightedLogitsShared<R>,
    ) -> Within<R> {
        let WeightedLogitsShared {
            negative, positive, ..
        } = shared;
        let (ln, square) = shared.t.ln_1p();
        let wrong = R::select(shared.is_below, positive, negative);
        let linear = wrong.times(x.abs());
        let logarithm = negative.add(positive).mul(ln);
        let sum = linear.add(logarithm);
        let both = negative.hi().abs() + positive.hi().abs();
        let unweighted = both.mul_add(ln.hi(), linear.hi().abs());
        let unweighted = R::with_square(unweighted, square * both, Self::value_units::<R>());
        // An x that is NaN is not near.
        let (value, magnitude, is_weightless) = weighted(sum, unweighted, weight);
        let is_normal = keeps_low_part::<R>(magnitude.min(unweighted), is_weightless);
        let is_known = R::F::and(shared.is_near, shared.positive_is_whole);
        Within {
            value,
            magnitude,
            ok: R::F::and(is_known, is_normal),
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(
        &self,
        [_, _, weight, _]: [R::F; 4],
        shared: WeightedLogitsShared<R>,
        factor: Factor<R>,
    ) -> Within<R> {
        let zero = weight.constant(0.0);
        let WeightedLogitsShared {
            t,
            negative,
            positive,
            is_below,
            ..
        } = shared;
        let has_no_terms = R::F::and(negative.hi().eq(zero), positive.hi().eq(zero));
        let small = R::select(is_below, negative, positive).mul(t);
        let negative = R::select(is_below, small, negative);
        let positive = R::select(is_below, positive, small);
        let difference = negative.add(positive.flip_sign(-zero.constant(1.0)));
        let recip = t.one_plus_unit().recip().normal();
        let terms = negative.hi().abs() + positive.hi().abs();
        // The factors one after the other: no product on the way may lose its low part.
        let scaled = terms * recip.hi() * factor.magnitude();
        let magnitude = scaled * weight.abs();
        let least = terms.min(scaled).min(magnitude);
        let is_zero = R::F::or(weight.eq(zero), factor.is_zero());
        let kept = keeps_sign_and_low_part(difference, terms, least, is_zero);
        // A class without a weight. In `f64` no product with t is lost, but t may be 0.
        let is_zero_sum = if R::VANISHES {
            terms.eq(zero)
        } else {
            has_no_terms
        };
        let kept = R::F::or(kept, is_zero_sum);
        let is_known = R::F::and(shared.is_near, shared.positive_is_whole);
        Within {
            value: difference.mul(recip).mul(factor.value).times(weight),
            magnitude,
            ok: R::F::and(is_known, kept),
        }
    }

    fn reference_value(&self, [x, y, weight, pos_weight]: [f64; 4]) -> f64 {
        mul_zero_wins(weight, value::<f32>(x, y, pos_weight))
    }

    fn reference_gradient(&self, [x, y, weight, pos_weight]: [f64; 4], factor: f64) -> f64 {
        gradient::<f32>(x, y, pos_weight) * (factor * weight)
    }
}

impl<T: TryLanes> LaneLoss<T> for BceWithLogits<'_, T> {
    const ALWAYS_IN_LANES: bool = true;

    fn evaluate_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        wanted: Wanted<'_, T>,
        output: &mut [T],
    ) -> Option<SumEstimate> {
        if self.weight() == T::ONE && self.pos_weight() == T::ONE {
            return unweighted::<ProbabilityTargets, T>(input, target, wanted, output);
        }
        let inputs = [input, target, self.weight(), self.pos_weight()];
        T::evaluate(&WeightedLogitsFormula, inputs, input.len(), wanted, output)
    }
}

/// The fast paths without weights, for targets of either kind.
pub(crate) fn unweighted<Y: Targets, T: TryLanes>(
    input: &[T],
    target: &[T],
    wanted: Wanted<'_, T>,
    output: &mut [T],
) -> Option<SumEstimate> {
    let formula = LogitsFormula::<Y>::FORMULA;
    match wanted {
        Wanted::Sum => return T::log_sum(&formula, [input, target]),
        // One `f64` loop writes the gradients and shares one logarithm among many losses.
        Wanted::SumAndGradients(_) if T::PREFERS_DOUBLE => return None,
        _ => {}
    }
    T::evaluate(&formula, [input, target], input.len(), wanted, output)
}
