//! Focal loss of logits in lanes: its formulas for the fast paths.
//!
//! z = x for y = 0 and -x for y = 1, and t = e^-|z|. The power sigma(z)^gamma is e^-E with E = gamma (max(-z, 0) + ln(1 + t)): what E
//! is off is lost in the power. |z| is exact, so the logarithm's error counts gamma ln(1 + t) times, and only the roundings of
//! the sum and the product count E times. Magnitudes hold these factors.

use crate::activation::logistic::exp_neg_abs_in_lanes;
use crate::engine::element_loss::LaneLoss;
use crate::engine::fill_in_lanes::FillInLanes;
use crate::engine::rounding_test::SumEstimate;
use crate::loss::focal_with_logits::{FocalWithLogits, NO_ALPHA, gradient, value};
use crate::number::formula::{Formula, LaneReal, Within};
use crate::number::lanes::Lanes;

/// What loss and gradient are made of.
struct Parts<R: LaneReal> {
    /// a sigma(z)^gamma.
    factor: R,
    /// softplus(z).
    softplus: R,
    /// e^-|z|.
    t: R,
    /// Whether z is negative.
    is_below: <R::F as Lanes>::Mask,
    /// A number whose sign is that of x in z.
    sign: R::F,
    /// How many times its units the factor is off.
    growth: R::F,
    /// The logarithm's square, in units.
    square: R::F,
    /// Whether a is 0, exactly.
    is_zero: <R::F as Lanes>::Mask,
    ok: <R::F as Lanes>::Mask,
}

#[inline(always)]
fn parts<R: LaneReal>(loss: &FocalWithLogits, x: R::F, y: R::F, units: f64) -> Parts<R> {
    let (zero, one) = (x.constant(0.0), x.constant(1.0));
    let sign = x.constant(0.5) - y;
    let z = x.flip_sign(sign);
    let (t, is_near) = exp_neg_abs_in_lanes::<R>(z, zero);
    let (ln, square) = t.ln_1p();
    let square = square * x.constant(R::LN_SQUARE / units);
    // z is the second operand: NaN stays.
    let softplus = R::from_lanes(zero.max(z)).add(ln);
    let reflected = R::from_lanes(zero.max(-z)).add(ln);
    let exponent = reflected.normal().mul(R::constant(x, loss.gamma)).normal();
    // Beyond `FAR` the power vanishes, and so does what it is off, or nothing is certain.
    let far = x.constant(R::FAR);
    let (hi, lo) = exponent.parts();
    let in_range = hi.lt(far);
    let hi = far.min(hi);
    let power = R::exp_neg(hi, R::F::select(in_range, lo, zero)).normal();
    let rounding = (R::SUM_OF_NORMAL + 2.0 * R::TIMES_NORMAL) / units;
    let growth = (ln.hi() + square).mul_add(x.constant(loss.gamma), one);
    let growth = hi.mul_add(x.constant(rounding), growth);
    let ok = if R::VANISHES {
        is_near
    } else {
        R::F::and(is_near, in_range)
    };
    let [negative, positive] = if loss.alpha == NO_ALPHA {
        [1.0, 1.0]
    } else {
        [1.0 - loss.alpha, loss.alpha]
    };
    let weight = R::select(
        zero.lt(y),
        R::constant(x, positive),
        R::constant(x, negative),
    );
    // One that is 0 as an `f32` need not be 0.
    let [at_negative, at_positive] = [unless_zero(negative), unless_zero(positive)];
    let is_zero =
        R::F::select(zero.lt(y), x.constant(at_positive), x.constant(at_negative)).eq(zero);
    Parts {
        factor: power.mul(weight),
        softplus: softplus.normal(),
        t,
        is_below: z.lt(zero),
        sign,
        growth,
        square,
        is_zero,
        ok,
    }
}

/// 0 for 0, and 1 for all else.
#[inline(always)]
fn unless_zero(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { 1.0 }
}

/// Whether a result is 0 because a factor is, or large enough.
#[inline(always)]
fn is_whole<R: LaneReal>(
    result: R::F,
    factor_is_zero: <R::F as Lanes>::Mask,
) -> <R::F as Lanes>::Mask {
    R::F::or(factor_is_zero, result.constant(R::LEAST).le(result))
}

/// The loss.
#[derive(Clone, Copy)]
struct Value(FocalWithLogits);

impl Formula<2> for Value {
    // Of the factor: the power's own, and the product with a, which rounds too; what E adds is in the magnitude. Of softplus: the
    // logarithm's and the sum's. And the product of the two.
    fn units<R: LaneReal>() -> f64 {
        2.0 * R::EXP + R::LN + 2.0 * R::SUM_OF_NORMAL + 6.0 * R::TIMES_NORMAL + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> Within<R> {
        let parts = parts::<R>(&self.0, x, y, Self::units::<R>());
        let value = parts.factor.mul(parts.softplus);
        let factor = parts.factor.hi();
        let magnitude = (factor * parts.square).mul_add(parts.growth, value.hi() * parts.growth);
        Within {
            value,
            magnitude,
            ok: R::F::and(
                parts.ok,
                is_whole::<R>(factor.min(value.hi()), parts.is_zero),
            ),
        }
    }

    fn reference(&self, [x, y]: [f64; 2]) -> f64 {
        value::<f32>(x, y, self.0.alpha, self.0.gamma)
    }
}

/// The gradient times g and `scale`, of (x, y, g).
#[derive(Clone, Copy)]
struct Gradient {
    loss: FocalWithLogits,
    scale: f64,
}

impl Formula<3> for Gradient {
    const BROADCASTS: bool = true;

    // As the loss; with a sigmoid's t, denominator and reciprocal, two products and the sum of the two terms, and the products
    // with the factor, g and the scale, which rounds as gamma and a do.
    fn units<R: LaneReal>() -> f64 {
        3.0 * R::EXP
            + R::LN
            + R::RECIP_OF_NORMAL
            + 4.0 * R::SUM_OF_NORMAL
            + 12.0 * R::TIMES_NORMAL
            + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, y, g]: [R::F; 3]) -> Within<R> {
        let zero = x.constant(0.0);
        let parts = parts::<R>(&self.loss, x, y, Self::units::<R>());
        let large = parts.t.one_plus_unit().recip().normal();
        let small = parts.t.mul(large);
        let wrong = R::select(parts.is_below, small, large);
        let right = R::select(parts.is_below, large, small);
        let gamma = R::constant(x, self.loss.gamma);
        let slope = right.mul(parts.softplus).mul(gamma).add(wrong);
        let scale = R::constant(x, self.scale);
        // The factors one after the other: no product on the way may lose its low part.
        let unscaled = parts.factor.mul(slope);
        let scaled = unscaled.mul(scale);
        let value = scaled.times(g);
        let least = parts.factor.hi().min(unscaled.hi());
        let least = least.min(scaled.hi().abs()).min(value.hi().abs());
        let factor = parts.factor.hi() * scale.hi().abs() * g.abs();
        let square = parts.square * gamma.hi();
        let magnitude = factor * parts.growth * (slope.hi() + square);
        let is_zero = R::F::or(g.eq(zero), parts.is_zero);
        let is_zero = R::F::or(is_zero, x.constant(unless_zero(self.scale)).eq(zero));
        Within {
            value: value.flip_sign(parts.sign),
            magnitude,
            ok: R::F::and(parts.ok, is_whole::<R>(least, is_zero)),
        }
    }

    fn reference(&self, [x, y, g]: [f64; 3]) -> f64 {
        gradient::<f32>(x, y, self.loss.alpha, self.loss.gamma) * (self.scale * g)
    }
}

impl<T: FillInLanes> LaneLoss<T> for FocalWithLogits {
    const IN_LANES: bool = true;

    fn sum_in_lanes(&self, input: &[T], target: &[T]) -> Option<SumEstimate> {
        T::sum_in_lanes(&Value(*self), [input, target], input.len())
    }

    fn values_in_lanes(&self, input: &[T], target: &[T], losses: &mut [T]) -> bool {
        T::fill_in_lanes(&Value(*self), [input, target], losses)
    }

    fn gradients_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        scale: f64,
        grad_input: &mut [T],
    ) -> bool {
        let gradient = Gradient { loss: *self, scale };
        T::fill_in_lanes(&gradient, [input, target, T::ONE], grad_input)
    }

    fn gradients_each_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        grad_output: &[T],
        grad_input: &mut [T],
    ) -> bool {
        let gradient = Gradient {
            loss: *self,
            scale: 1.0,
        };
        T::fill_in_lanes(&gradient, [input, target, grad_output], grad_input)
    }
}
