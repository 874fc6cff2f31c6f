//! Binary cross-entropy of probabilities in lanes: its formula for the fast paths.
//!
//! q = min(x, 1 - x) is exact: 1 - x is, for x from 1/2 to 1 (Sterbenz). With v the weight of the class whose probability
//! is q, and u that of the other, the loss is v (-ln q) + u ln(1 + q / (1 - q)): both terms are positive, and so are those of
//! each logarithm.

use crate::engine::batch::Wanted;
use crate::engine::element_loss::{ElementwiseLoss, LaneLoss};
use crate::engine::rounding_test::SumEstimate;
use crate::engine::try_lanes::TryLanes;
use crate::loss::bce::{Bce, MAX_NEG_LN, MIN_VARIANCE, gradient, value};
use crate::number::formula::{Factor, Formula, LaneReal, Within, keeps_low_part, weighted};
use crate::number::lanes::Lanes;
use crate::number::real::mul_zero_wins;

/// What the loss and its gradient have in common.
#[derive(Clone, Copy)]
pub(super) struct BceShared<R: LaneReal> {
    /// min(x, 1 - x), and what it lacks to 1.
    q: R::F,
    rest: R,
    /// Whether q is x.
    is_low: <R::F as Lanes>::Mask,
}

/// The loss of (x, y, weight).
#[derive(Clone, Copy)]
pub(super) struct BceFormula;

impl Formula<3> for BceFormula {
    const BROADCASTS: bool = true;

    // The terms are positive, so that the worse one counts: its logarithm, of q, or of 1 + q / (1 - q), which loses what the
    // difference, its reciprocal and the product do; the weight of its class and the product with it; the sum; the weight.
    fn value_units<R: LaneReal>() -> f64 {
        R::NEG_LN
            + R::RECIP_OF_NORMAL
            + 3.0 * R::SUM_OF_NORMAL
            + 3.0 * R::TIMES_NORMAL
            + R::REFERENCE
    }

    // The residual; 1 - x, its product, or the constant in its place, and its reciprocal; three products, and the factor's own
    // rounding.
    fn gradient_units<R: LaneReal>() -> f64 {
        2.0 * R::SUM_OF_NORMAL + 5.0 * R::TIMES_NORMAL + R::RECIP_OF_NORMAL + R::REFERENCE
    }

    type Shared<R: LaneReal> = BceShared<R>;

    #[inline(always)]
    fn shared<R: LaneReal>(&self, [x, ..]: [R::F; 3]) -> BceShared<R> {
        let one = x.constant(1.0);
        let is_low = x.le(x.constant(0.5));
        let q = R::F::select(is_low, x, one - x).abs();
        BceShared {
            q,
            rest: R::from_lanes(-q).one_plus_unit(),
            is_low,
        }
    }

    #[inline(always)]
    fn value<R: LaneReal>(&self, [x, y, weight]: [R::F; 3], folded: BceShared<R>) -> Within<R> {
        let BceShared { q, rest, is_low } = folded;
        let zero = x.constant(0.0);
        // A q below `SMALL_NORMAL` is replaced by it, and `is_known` leaves it uncertain. A q of 0 has the largest loss.
        let normal = x.constant(R::SMALL_NORMAL);
        let (of_q, square_of_q) = R::neg_ln(normal.max(q));
        let most = R::constant(x, MAX_NEG_LN);
        let is_most = R::F::or(q.eq(zero), most.hi().lt(of_q.hi()));
        let of_q = R::select(is_most, most, of_q.normal());
        let ratio = rest.recip().normal().times(q).normal();
        let (of_rest, square_of_rest) = ratio.ln_1p();
        // As the reference formula has it: it decides on the sign of a loss of 0.
        let minus_zero = R::from_lanes(-zero);
        let of_rest = R::select(q.eq(zero), minus_zero, of_rest.normal());
        let positive = R::from_lanes(y);
        let negative = R::from_lanes(-y).one_plus_unit();
        let wrong = R::select(is_low, positive, negative);
        let right = R::select(is_low, negative, positive);
        let sum = wrong.mul(of_q).add(right.mul(of_rest));
        // Not -0: the ends of its interval would be zeros of two signs.
        let magnitude = sum.hi().abs();
        let squares = square_of_q.mul_add(wrong.hi(), square_of_rest * right.hi());
        let magnitude = R::with_square(magnitude, squares, Self::value_units::<R>());
        let (value, magnitude, is_weightless) = weighted(sum, magnitude, weight);
        let least = sum.hi().min(value.hi().abs());
        let is_right = R::F::and(q.eq(zero), wrong.hi().eq(zero));
        let is_zero = R::F::or(is_weightless, is_right);
        let is_known = R::F::or(normal.le(q), R::F::or(q.eq(zero), wrong.hi().eq(zero)));
        Within {
            value,
            magnitude,
            ok: R::F::and(is_known, keeps_low_part::<R>(least, is_zero)),
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(
        &self,
        [x, y, weight]: [R::F; 3],
        folded: BceShared<R>,
        factor: Factor<R>,
    ) -> Within<R> {
        let zero = x.constant(0.0);
        let residual = R::difference(x, y);
        let variance = folded.rest.times(folded.q);
        let min_variance = x.constant(MIN_VARIANCE);
        // Next to the least one it is not known which the reference formula takes.
        let distance = (variance.hi() - min_variance).abs();
        let is_known = x.constant(MIN_VARIANCE / 65536.0).lt(distance);
        let is_least = variance.hi().lt(min_variance);
        let variance = R::select(is_least, R::constant(x, MIN_VARIANCE), variance.normal());
        // In `f64` these are the reference formula's own operations: there is no error.
        if R::IS_REFERENCE {
            let slope = residual.hi() / variance.hi();
            let value = slope * (factor.value.hi() * weight);
            return Within {
                value: R::from_lanes(value),
                magnitude: zero,
                ok: x.eq(x),
            };
        }
        let slope = residual.mul(variance.recip().normal());
        let scaled = slope.mul(factor.value);
        let value = scaled.times(weight);
        let magnitude = value.hi().abs();
        let least = residual.hi().abs().min(scaled.hi().abs()).min(magnitude);
        let is_zero = R::F::or(factor.is_zero(), residual.hi().eq(zero));
        let is_zero = R::F::or(is_zero, weight.eq(zero));
        Within {
            value,
            magnitude,
            ok: R::F::and(is_known, keeps_low_part::<R>(least, is_zero)),
        }
    }

    fn reference_value(&self, [x, y, weight]: [f64; 3]) -> f64 {
        mul_zero_wins(weight, value::<f32>(x, y))
    }

    fn reference_gradient(&self, [x, y, weight]: [f64; 3], factor: f64) -> f64 {
        gradient::<f32>(x, y) * (factor * weight)
    }
}

impl<T: TryLanes> LaneLoss<T> for Bce<'_, T> {
    const ALWAYS_IN_LANES: bool = !T::PREFERS_DOUBLE;

    fn evaluate_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        wanted: Wanted<'_, T>,
        output: &mut [T],
    ) -> Option<SumEstimate> {
        // A gradient is one quotient.
        if T::PREFERS_DOUBLE && matches!(wanted, Wanted::Gradients(_)) {
            return None;
        }
        T::evaluate(
            &BceFormula,
            [input, target, self.weight()],
            input.len(),
            wanted,
            output,
        )
    }
}
