//! Sigmoid.
//
// Its methods, `forward` and `backward`, are in `front/methods.rs`, once for all activations.

use crate::activation::logistic::{above_far, exp_neg_abs_in_lanes, one_plus_exp_neg, scaled};
use crate::engine::activation_call::Activation;
use crate::number::arithmetic::Arithmetic;
use crate::number::fast_elementary;
use crate::number::format::Format;
use crate::number::formula::{Factor, Formula, LaneReal, Within};
use crate::number::lanes::Lanes;
use crate::number::real::Real;

/// exp(-|x|).
#[inline(always)]
pub(crate) fn exp_neg_abs<W: Real>(x: W) -> W {
    W::exp(if x.hi() < 0.0 { x } else { -x })
}

/// sigma(x) for a tiny x: 1/2 + x/4, a little closer to 1/2.
///
/// The exact value is 1/2 + x/4 - x^3/48 + …: where 1/2 + x/4 is the midpoint of two f32, on the side of
/// 1/2, by less than `f64` can hold. With x/4 made smaller by one part in 2^27 the sum leaves the
/// midpoint on that side. For |x| < 2^-13 that is at most 2^-42, while x/4 has no bits below one part
/// in 2^23 of itself, so that no sum that is not a midpoint comes near one.
#[inline(always)]
pub(crate) fn linear_sigmoid(x: f64) -> f64 {
    const SLOPE: f64 = 0.25 - 0.25 / 134_217_728.0;
    0.5 + x * SLOPE
}

/// sigma(x), as 1 / (1 + t) or t / (1 + t) with t = exp(-|x|): no cancellation on either side.
///
/// `f64`: t is within 0.1 u, and so is the quotient: d ln sigma / d ln t is at most 1.
#[inline(always)]
pub(crate) fn real_sigmoid<T: Format>(x: T::Real) -> T::Real {
    let t = exp_neg_abs(x);
    let numerator = if x.hi() < 0.0 { t } else { T::Real::from(1.0) };
    let far = numerator.over_one_plus(t);
    if x.hi().abs() < T::SIGMOID_LINEAR_BELOW {
        T::Real::from(linear_sigmoid(x.hi()))
    } else {
        far
    }
}

/// sigma(x) = 1 / (1 + exp(-x)), for an x of type `T`.
///
/// For `f32` the result lies on the right side of every midpoint of two `f32`: rounding it gives the correctly
/// rounded sigmoid. That takes a formula of its own below 2^-13, where the exact value is closer to some
/// midpoints than `f64` can tell; the error is up to 2^-42 there, and a few 2^-53 elsewhere.
///
/// ```
/// use trueloss::activation::sigmoid_value;
///
/// // Unrounded: for an `f32`, an `f64` still.
/// assert_eq!(sigmoid_value::<f32>(0.0), 0.5);
/// assert_eq!(sigmoid_value::<f32>(1.0) as f32, trueloss::sigmoid(1.0_f32));
/// ```
#[inline(always)]
pub fn sigmoid_value<T: Format>(x: f64) -> f64 {
    real_sigmoid::<T>(T::Real::from(x)).round()
}

/// sigma'(x) = sigma(x) sigma(-x) = t / (1 + t)^2 with t = exp(-|x|).
///
/// The square is 1 + t (2 + t): one rounding where t is small.
///
/// ```
/// use trueloss::activation::sigmoid_gradient;
///
/// assert_eq!(sigmoid_gradient::<f64>(0.0), 0.25);
/// // An even function, to the bit.
/// assert_eq!(sigmoid_gradient::<f64>(3.7), sigmoid_gradient::<f64>(-3.7));
/// ```
#[inline(always)]
pub fn sigmoid_gradient<T: Format>(x: f64) -> f64 {
    real_sigmoid_gradient(T::Real::from(x)).round()
}

/// `f64`: within 0.1 u, as t is.
#[inline(always)]
fn real_sigmoid_gradient<W: Real>(x: W) -> W {
    let t = exp_neg_abs(x);
    t.over_one_plus(t * (t + 2.0))
}

/// sigma(x) from t = exp(-|x|) in one `f64`, as [`sigmoid_value`] has it beyond the neighbourhood of 0.
#[inline(always)]
pub(super) fn double_sigmoid<A: Arithmetic>(x: f64) -> f64 {
    let t = fast_elementary::exp::<A>(-x.abs());
    (if x < 0.0 { t } else { 1.0 }) / (1.0 + t)
}

/// [`sigmoid`](crate::sigmoid) of slices.
///
/// Formula: sigma(x) = 1 / (1 + exp(-x)). Gradient: g sigma(x) sigma(-x).
///
/// Shapes: any; all slices have the input's length. Special values: those of [`sigmoid`](crate::sigmoid).
///
/// Error: `f32`, `f16`, `bf16`: correctly rounded; the gradient below 0.5001 ULP, and correctly rounded where g is 1.
/// `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`](crate::Error::Length).
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.sigmoid.html>
///
/// ```
/// let mut output = [0.0_f32; 2];
/// trueloss::Sigmoid::new().forward(&[0.0, -100.0], &mut output)?;
/// assert_eq!(output, [0.5, 3.783506e-44]);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sigmoid(());

impl Activation for Sigmoid {
    #[inline(always)]
    fn value<T: Format>(&self, x: f64) -> T::Real {
        real_sigmoid::<T>(T::Real::from(x))
    }

    #[inline(always)]
    fn gradient<T: Format>(&self, x: f64) -> T::Real {
        real_sigmoid_gradient(T::Real::from(x))
    }

    type Fast = SigmoidFormula;

    fn fast(&self) -> SigmoidFormula {
        SigmoidFormula
    }

    #[inline(always)]
    fn double_value<A: Arithmetic>(x: f64) -> f64 {
        double_sigmoid::<A>(x)
    }

    #[inline(always)]
    fn double_gradient<A: Arithmetic>(x: f64) -> f64 {
        let t = fast_elementary::exp::<A>(-x.abs());
        t / (1.0 + t * (2.0 + t))
    }
}

impl Sigmoid {
    /// There are no options.
    ///
    /// ```
    /// assert_eq!(trueloss::Sigmoid::new(), trueloss::Sigmoid::default());
    /// ```
    pub const fn new() -> Self {
        Self(())
    }
}

/// sigma(x) = 1 / (1 + e^-x), also for negative x: e^-x is a number up to 2^87. And g t / (1 + t)^2 with t = e^-|x|.
#[derive(Clone, Copy)]
pub(crate) struct SigmoidFormula;

impl Formula<1> for SigmoidFormula {
    const IS_LOSS: bool = false;

    // Of 1 + e^-x: the exponential's error, and the sum of the low parts.
    fn value_units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM + R::RECIP + R::REFERENCE
    }

    // t counts (1 - t) / (1 + t) times its error, the sum and its reciprocal twice; with three products.
    fn gradient_units<R: LaneReal>() -> f64 {
        R::EXP
            + 2.0 * (R::SUM_OF_NORMAL + R::RECIP_OF_NORMAL)
            + 3.0 * R::TIMES_NORMAL
            + R::REFERENCE
    }

    type Shared<R: LaneReal> = ();

    #[inline(always)]
    fn shared<R: LaneReal>(&self, _: [R::F; 1]) {}

    #[inline(always)]
    fn value<R: LaneReal>(&self, [x]: [R::F; 1], (): ()) -> Within<R> {
        let value = one_plus_exp_neg::<R>(x, x.constant(0.0)).recip();
        Within {
            value,
            magnitude: value.hi(),
            ok: above_far::<R>(x),
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(&self, [x]: [R::F; 1], (): (), factor: Factor<R>) -> Within<R> {
        let (t, is_near) = exp_neg_abs_in_lanes::<R>(x, x.constant(0.0));
        let recip = t.one_plus_unit().recip().normal();
        scaled(t.mul(recip).mul(recip), factor, is_near)
    }

    fn reference_value(&self, [x]: [f64; 1]) -> f64 {
        sigmoid_value::<f32>(x)
    }

    fn reference_gradient(&self, [x]: [f64; 1], factor: f64) -> f64 {
        sigmoid_gradient::<f32>(x) * factor
    }
}
