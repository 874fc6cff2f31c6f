//! Binary cross-entropy of probabilities in lanes: its formula for the fast paths.
//!
//! q = min(x, 1 - x) is exact: the difference of an x that is 1/2 or more and 1. With v the weight of the class whose probability
//! is q, and u that of the other, the loss is v (-ln q) + u ln(1 + q / (1 - q)): both terms are positive, and so are those of
//! each logarithm.

use crate::engine::batch::Wanted;
use crate::engine::element_loss::{ElementwiseLoss, LaneLoss};
use crate::engine::in_lanes::InLanes;
use crate::engine::rounding_test::SumEstimate;
use crate::loss::bce::{Bce, gradient, value};
use crate::number::formula::{Factor, Formula, LaneReal, Within, is_whole};
use crate::number::lanes::Lanes;
use crate::number::real::mul_zero_wins;

/// The largest loss of an element: where ln x is less than -100, that is taken.
const MOST: f64 = 100.0;

/// The least x (1 - x) that the gradient divides by.
const LEAST_VARIANCE: f64 = 1e-12;

/// What the loss and its gradient have in common.
#[derive(Clone, Copy)]
pub(super) struct Folded<R: LaneReal> {
    /// min(x, 1 - x), and what it lacks to 1.
    q: R::F,
    rest: R,
    /// Whether q is x.
    is_low: <R::F as Lanes>::Mask,
}

/// The loss of (x, y, weight).
#[derive(Clone, Copy)]
pub(super) struct Probabilities;

impl Formula<3> for Probabilities {
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

    type Shared<R: LaneReal> = Folded<R>;

    #[inline(always)]
    fn shared<R: LaneReal>(&self, [x, ..]: [R::F; 3]) -> Folded<R> {
        let one = x.constant(1.0);
        let is_low = x.le(x.constant(0.5));
        let q = R::F::select(is_low, x, one - x).abs();
        Folded {
            q,
            rest: R::from_lanes(-q).one_plus_unit(),
            is_low,
        }
    }

    #[inline(always)]
    fn value<R: LaneReal>(&self, [x, y, weight]: [R::F; 3], folded: Folded<R>) -> Within<R> {
        let Folded { q, rest, is_low } = folded;
        let zero = x.constant(0.0);
        // What is not normal stands for nothing, but 0 for what it is.
        let normal = x.constant(R::LEAST_NORMAL);
        let (of_q, square_of_q) = R::neg_ln(normal.max(q));
        let most = R::constant(x, MOST);
        let is_most = R::F::or(q.eq(zero), most.hi().lt(of_q.hi()));
        let of_q = R::select(is_most, most, of_q.normal());
        let ratio = rest.recip().normal().times(q).normal();
        let (of_rest, square_of_rest) = ratio.ln_1p();
        let positive = R::from_lanes(y);
        let negative = R::from_lanes(-y).one_plus_unit();
        let wrong = R::select(is_low, positive, negative);
        let right = R::select(is_low, negative, positive);
        let sum = wrong.mul(of_q).add(right.mul(of_rest.normal()));
        let mut magnitude = sum.hi();
        if R::LN_SQUARE > 0.0 {
            let square_units = R::LN_SQUARE / Self::value_units::<R>();
            let squares = square_of_q.mul_add(wrong.hi(), square_of_rest * right.hi());
            magnitude = squares.mul_add(x.constant(square_units), magnitude);
        }
        // A weight of 0 is a loss of 0, whatever the sign of the weight.
        let is_weightless = weight.eq(zero);
        let value = R::select(is_weightless, R::from_lanes(zero), sum.times(weight));
        let least = sum.hi().min(value.hi().abs());
        let is_certain = R::F::and(q.eq(zero), wrong.hi().eq(zero));
        let is_zero = R::F::or(is_weightless, is_certain);
        let is_known = R::F::or(normal.le(q), R::F::or(q.eq(zero), wrong.hi().eq(zero)));
        let magnitude = R::F::select(is_weightless, zero, magnitude * weight.abs());
        Within {
            value,
            magnitude,
            ok: R::F::and(is_known, is_whole::<R>(least, is_zero)),
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(
        &self,
        [x, y, weight]: [R::F; 3],
        folded: Folded<R>,
        factor: Factor<R>,
    ) -> Within<R> {
        let zero = x.constant(0.0);
        let residual = R::from_lanes(x).add(R::from_lanes(-y));
        let variance = folded.rest.times(folded.q);
        let least = x.constant(LEAST_VARIANCE);
        // Next to the least one it is not known which the reference formula takes.
        let distance = (variance.hi() - least).abs();
        let is_known = x.constant(LEAST_VARIANCE / 65536.0).lt(distance);
        let is_least = variance.hi().lt(least);
        let variance = R::select(is_least, R::constant(x, LEAST_VARIANCE), variance.normal());
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
            ok: R::F::and(is_known, is_whole::<R>(least, is_zero)),
        }
    }

    fn reference_value(&self, [x, y, weight]: [f64; 3]) -> f64 {
        mul_zero_wins(weight, value::<f32>(x, y))
    }

    fn reference_gradient(&self, [x, y, weight]: [f64; 3], factor: f64) -> f64 {
        gradient::<f32>(x, y) * (factor * weight)
    }
}

impl<T: InLanes> LaneLoss<T> for Bce<'_, T> {
    const IN_LANES: bool = !T::SHORT_IN_DOUBLE;

    fn in_lanes(
        &self,
        input: &[T],
        target: &[T],
        wanted: Wanted<'_, T>,
        output: &mut [T],
    ) -> Option<SumEstimate> {
        // A gradient is one quotient.
        if T::SHORT_IN_DOUBLE && matches!(wanted, Wanted::Gradients(_)) {
            return None;
        }
        T::evaluate(
            &Probabilities,
            [input, target, self.weight()],
            input.len(),
            wanted,
            output,
        )
    }
}
