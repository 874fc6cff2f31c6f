//! Focal loss of logits in lanes: its formulas for the fast paths.
//!
//! z = x for y = 0 and -x for y = 1, and t = e^-|z|. The power sigma(z)^gamma is e^-E with E = gamma (max(-z, 0) + ln(1 + t)): what E
//! is off is lost in the power. |z| is exact, so the logarithm's error counts gamma ln(1 + t) times, and only the roundings of
//! the sum and the product count E times. Magnitudes hold these factors.

use crate::activation::logistic::exp_neg_abs_in_lanes;
use crate::engine::batch::Wanted;
use crate::engine::element_loss::LaneLoss;
use crate::engine::rounding_test::SumEstimate;
use crate::engine::try_lanes::TryLanes;
use crate::loss::focal_with_logits::{FocalWithLogits, NO_ALPHA, gradient, value};
use crate::number::formula::{Factor, Formula, LaneReal, Within, keeps_low_part};
use crate::number::lanes::Lanes;

/// What loss and gradient are made of.
#[derive(Clone, Copy)]
pub(super) struct FocalShared<R: LaneReal> {
    /// a sigma(z)^gamma.
    weighted_power: R,
    /// softplus(z).
    softplus: R,
    /// e^-|z|.
    t: R,
    /// Whether z is negative.
    is_below: <R::F as Lanes>::Mask,
    /// A number whose sign is that of x in z.
    sign: R::F,
    /// The error of `weighted_power` is at most this many times that of one power.
    error_growth: R::F,
    /// The logarithm's square, in units.
    square: R::F,
    /// Whether a is 0, exactly.
    is_zero: <R::F as Lanes>::Mask,
    ok: <R::F as Lanes>::Mask,
}

/// The loss: a sigma(z)^gamma softplus(z).
#[derive(Clone, Copy)]
pub(super) struct FocalFormula(pub(super) FocalWithLogits);

impl Formula<2> for FocalFormula {
    // Of the factor: the power's own, and the product with a, which rounds too; what E adds is in the magnitude. Of softplus: the
    // logarithm's and the sum's. And the product of the two.
    fn value_units<R: LaneReal>() -> f64 {
        2.0 * R::EXP + R::LN + 2.0 * R::SUM_OF_NORMAL + 6.0 * R::TIMES_NORMAL + R::REFERENCE
    }

    // As the loss; with a sigmoid's t, denominator and reciprocal, two products and the sum of the two terms, and the products
    // with the slope and with the factor, which rounds as gamma and a do.
    fn gradient_units<R: LaneReal>() -> f64 {
        3.0 * R::EXP
            + R::LN
            + R::RECIP_OF_NORMAL
            + 4.0 * R::SUM_OF_NORMAL
            + 11.0 * R::TIMES_NORMAL
            + R::REFERENCE
    }

    type Shared<R: LaneReal> = FocalShared<R>;

    // What is in units of the loss here is less in units of the gradient, which are more.
    #[inline(always)]
    fn shared<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> FocalShared<R> {
        let FocalWithLogits { alpha, gamma, .. } = self.0;
        let units = Self::value_units::<R>();
        let (zero, one) = (x.constant(0.0), x.constant(1.0));
        let sign = x.constant(0.5) - y;
        let z = x.flip_sign(sign);
        let (t, is_near) = exp_neg_abs_in_lanes::<R>(z, zero);
        let (ln, square) = t.ln_1p();
        let square = square * x.constant(R::LN_SQUARE / units);
        // z is the second operand: NaN stays.
        let softplus = R::from_lanes(zero.max(z)).add(ln);
        let reflected = R::from_lanes(zero.max(-z)).add(ln);
        let exponent = reflected.normal().mul(R::option(x, gamma)).normal();
        // Beyond `FAR` the power vanishes, and so does what it is off, or nothing is certain.
        let far = x.constant(R::FAR);
        let (hi, lo) = exponent.parts();
        let in_range = hi.lt(far);
        let hi = far.min(hi);
        let power = R::exp_neg(hi, R::F::select(in_range, lo, zero)).normal();
        let rounding = (R::SUM_OF_NORMAL + 2.0 * R::TIMES_NORMAL) / units;
        let growth = (ln.hi() + square).mul_add(x.constant(gamma), one);
        let growth = hi.mul_add(x.constant(rounding), growth);
        let ok = if R::VANISHES {
            is_near
        } else {
            R::F::and(is_near, in_range)
        };
        let [negative, positive] = if alpha == NO_ALPHA {
            [1.0, 1.0]
        } else {
            [1.0 - alpha, alpha]
        };
        let is_positive = zero.lt(y);
        let of_negative = Factor::<R>::of_all(x, negative);
        let of_positive = Factor::<R>::of_all(x, positive);
        let weight = R::select(is_positive, of_positive.value, of_negative.value);
        let [if_negative, if_positive] = [of_negative.nonzero, of_positive.nonzero];
        FocalShared {
            weighted_power: power.mul(weight),
            softplus: softplus.normal(),
            t,
            is_below: z.lt(zero),
            sign,
            error_growth: growth,
            square,
            is_zero: R::F::select(is_positive, if_positive, if_negative).eq(zero),
            ok,
        }
    }

    #[inline(always)]
    fn value<R: LaneReal>(&self, _: [R::F; 2], parts: FocalShared<R>) -> Within<R> {
        let value = parts.weighted_power.mul(parts.softplus);
        let factor = parts.weighted_power.hi();
        let magnitude =
            (factor * parts.square).mul_add(parts.error_growth, value.hi() * parts.error_growth);
        let least = factor.min(value.hi());
        Within {
            value,
            magnitude,
            ok: R::F::and(parts.ok, keeps_low_part::<R>(least, parts.is_zero)),
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(
        &self,
        [x, _]: [R::F; 2],
        parts: FocalShared<R>,
        factor: Factor<R>,
    ) -> Within<R> {
        let large = parts.t.one_plus_unit().recip().normal();
        let small = parts.t.mul(large);
        let wrong = R::select(parts.is_below, small, large);
        let right = R::select(parts.is_below, large, small);
        let gamma = R::option(x, self.0.gamma);
        let slope = right.mul(parts.softplus).mul(gamma).add(wrong);
        // The factors one after the other: no product on the way may lose its low part.
        let unscaled = parts.weighted_power.mul(slope);
        let value = unscaled.mul(factor.value);
        let least = parts.weighted_power.hi().min(unscaled.hi());
        let least = least.min(value.hi().abs());
        let scale = parts.weighted_power.hi() * factor.magnitude();
        let square = parts.square * gamma.hi();
        let magnitude = scale * parts.error_growth * (slope.hi() + square);
        let is_zero = R::F::or(factor.is_zero(), parts.is_zero);
        Within {
            value: value.flip_sign(parts.sign),
            magnitude,
            ok: R::F::and(parts.ok, keeps_low_part::<R>(least, is_zero)),
        }
    }

    fn reference_value(&self, [x, y]: [f64; 2]) -> f64 {
        value::<f32>(x, y, self.0.alpha, self.0.gamma)
    }

    fn reference_gradient(&self, [x, y]: [f64; 2], factor: f64) -> f64 {
        gradient::<f32>(x, y, self.0.alpha, self.0.gamma) * factor
    }
}

impl<T: TryLanes> LaneLoss<T> for FocalWithLogits {
    const ALWAYS_IN_LANES: bool = true;

    fn evaluate_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        wanted: Wanted<'_, T>,
        output: &mut [T],
    ) -> Option<SumEstimate> {
        T::evaluate(
            &FocalFormula(*self),
            [input, target],
            input.len(),
            wanted,
            output,
        )
    }
}
