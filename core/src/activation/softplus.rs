//! Softplus.
//
// Its methods, `forward` and `backward`, are in `front/methods.rs`, once for all activations.

use crate::activation::logistic::{
    above_far, exp_neg_abs_in_lanes, one_plus_exp_neg, scaled, times_beta,
};
use crate::activation::sigmoid::{double_sigmoid, exp_neg_abs, real_sigmoid};
use crate::check::check_positive;
use crate::engine::activation_call::Activation;
use crate::error::{Argument, Error};
use crate::number::arithmetic::Arithmetic;
use crate::number::double_double::DoubleDouble;
use crate::number::elementary::log1p_unit_with;
use crate::number::fast_elementary;
use crate::number::format::Format;
use crate::number::formula::{Factor, Formula, LaneReal, Within};
use crate::number::lanes::Lanes;
use crate::number::real::Real;

/// |x|, as softplus adds it to log1p(exp(-|x|)).
///
/// Of all 2^32 `f32` there is one whose softplus lies closer to the midpoint of two `f32` than an `f64` can
/// tell: 2^-33.5 ULP of an `f32` above it. Its |x| is taken 2^-53 larger, one last place of the result,
/// which is then on the right side. Everywhere else `f64` is enough, as
/// `trueloss sweep softplus` shows by trying all inputs.
#[inline(always)]
pub(crate) fn softplus_linear<T: Format>(x: f64) -> f64 {
    const LAST_PLACE: f64 = 1.0 / 9_007_199_254_740_992.0;
    let magnitude = x.abs();
    if magnitude == T::SOFTPLUS_NEAR_TIE {
        magnitude + LAST_PLACE
    } else {
        magnitude
    }
}

/// softplus(x) = ln(1 + exp(beta x)) / beta = max(x, 0) + log1p(exp(-|beta x|)) / beta.
///
/// ```
/// use trueloss::activation::softplus_value;
///
/// assert_eq!(softplus_value::<f64>(0.0, 1.0), core::f64::consts::LN_2);
/// assert_eq!(softplus_value::<f64>(0.0, 4.0), core::f64::consts::LN_2 / 4.0);
/// ```
#[inline(always)]
pub fn softplus_value<T: Format>(x: f64, beta: f64) -> f64 {
    real_softplus::<T>(x, beta).round()
}

/// `f64`: within 0.2 u: 0.1 of t, of which log1p leaves less, and 0.09 of log1p.
///
/// There a t that has lost digits below 2^-1022 counts, the more the smaller the `beta` is that it is divided by.
#[inline(always)]
fn real_softplus<T: Format>(x: f64, beta: f64) -> T::Real {
    let t = exp_neg_abs(T::Real::product(beta, x));
    if T::Real::IS_PAIR && beta != 1.0 && x < 0.0 && t.hi() < T::Real::TINY {
        return T::Real::from(tiny_softplus(x, beta));
    }
    T::Real::log1p_unit(t) / T::Real::from(beta) + softplus_limit::<T>(x)
}

/// exp(beta x) / beta, which is softplus to the last digit where the exponential is below 2^-960.
///
/// The exponential is a number near 1 and a power of two, which comes last: the quotient is rounded once, and again only if
/// that makes it subnormal. Its first rounding is a quarter of an ULP at most then: 0.76 ULP, and 0.5001 of others.
#[cold]
#[inline(never)]
pub(crate) fn tiny_softplus(x: f64, beta: f64) -> f64 {
    const POWER: i32 = 600;
    // Below that it is 0 for any beta.
    const LEAST: f64 = -1500.0;
    let product = DoubleDouble::product(beta, x);
    if product.value() < LEAST {
        return 0.0;
    }
    let (significand, exponent) = product.exp();
    // So that beta is neither subnormal nor near the largest number.
    let lift = if beta < 1.0 { POWER } else { -POWER };
    let quotient = significand / DoubleDouble::new(beta).times_power(lift);
    let exponent = exponent + lift;
    if exponent < -1700 {
        return 0.0;
    }
    // Where the result is not 0, only the second half can make it subnormal.
    let half = exponent / 2;
    DoubleDouble::new(quotient.value())
        .times_power(half)
        .times_power(exponent - half)
        .value()
}

/// max(x, 0).
#[inline(always)]
pub(crate) fn softplus_limit<T: Format>(x: f64) -> f64 {
    if x < 0.0 {
        0.0
    } else {
        softplus_linear::<T>(x)
    }
}

/// The derivative of softplus, sigma(beta x).
///
/// ```
/// use trueloss::activation::{sigmoid_value, softplus_gradient};
///
/// assert_eq!(softplus_gradient::<f64>(0.5, 2.0), sigmoid_value::<f64>(1.0));
/// ```
#[inline(always)]
pub fn softplus_gradient<T: Format>(x: f64, beta: f64) -> f64 {
    real_sigmoid::<T>(T::Real::product(beta, x)).round()
}

/// softplus(x) in one `f64`, as [`softplus_value`] has it for a `beta` of 1.
#[inline(always)]
pub(super) fn double_softplus<A: Arithmetic>(x: f64) -> f64 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + log1p_unit_with::<A>(fast_elementary::exp::<A>(-x.abs()))
}

/// Softplus of slices, with `beta`.
///
/// Formula: ln(1 + exp(beta x)) / beta, as max(x, 0) + log1p(exp(-|beta x|)) / beta. Gradient:
/// g sigma(beta x). There is no `threshold`: PyTorch's dodges an overflow that this form does not have.
///
/// Shapes: any; all slices have the input's length. Special values: those of [`softplus`](crate::softplus).
///
/// Error: `f32`, `f16`, `bf16`: correctly rounded where beta is 1, else below 0.5001 ULP; the gradient below 0.5001
/// ULP, and correctly rounded where beta and g are 1. `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`]; [`Error::NotPositive`] for a beta that is not positive and finite.
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html>
///
/// ```
/// let mut output = [0.0_f32; 2];
/// trueloss::Softplus::new().beta(2.0).forward(&[0.0, 50.0], &mut output)?;
/// assert_eq!(output, [core::f32::consts::LN_2 / 2.0, 50.0]);
/// assert_eq!(trueloss::Softplus::new().beta(2.0).value(-100.0_f32)?, 0.0);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softplus {
    beta: f64,
}

impl Default for Softplus {
    fn default() -> Self {
        Self::new()
    }
}

impl Activation for Softplus {
    fn check(&self) -> Result<(), Error> {
        check_positive(Argument::Beta, self.beta)
    }

    #[inline(always)]
    fn value<T: Format>(&self, x: f64) -> T::Real {
        real_softplus::<T>(x, self.beta)
    }

    #[inline(always)]
    fn gradient<T: Format>(&self, x: f64) -> T::Real {
        real_sigmoid::<T>(T::Real::product(self.beta, x))
    }

    type Fast = SoftplusFormula;

    fn fast(&self) -> SoftplusFormula {
        SoftplusFormula::new(self.beta)
    }

    fn has_fast_double(&self) -> bool {
        self.beta == 1.0
    }

    #[inline(always)]
    fn double_value<A: Arithmetic>(x: f64) -> f64 {
        double_softplus::<A>(x)
    }

    #[inline(always)]
    fn double_gradient<A: Arithmetic>(x: f64) -> f64 {
        double_sigmoid::<A>(x)
    }
}

impl Softplus {
    /// With a `beta` of 1.
    ///
    /// ```
    /// let value = trueloss::Softplus::new().value(0.5_f32)?;
    /// assert_eq!(value, trueloss::softplus(0.5));
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self { beta: 1.0 }
    }

    /// How sharp the bend at 0 is: the larger, the closer to max(x, 0).
    ///
    /// ```
    /// use trueloss::{Argument, Error, Softplus};
    ///
    /// assert_eq!(Softplus::new().beta(4.0).value(0.0_f32)?, core::f32::consts::LN_2 / 4.0);
    /// let error = Error::NotPositive { argument: Argument::Beta };
    /// assert_eq!(Softplus::new().beta(0.0).value(0.0_f32), Err(error));
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// The value at one number.
    ///
    /// # Errors
    ///
    /// Those of the type's page.
    ///
    /// ```
    /// // softplus(2 x) / 2, which is x to the last digit where exp(-2 x) is below it.
    /// assert_eq!(trueloss::Softplus::new().beta(2.0).value(50.0_f32)?, 50.0);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn value<T: Format>(&self, x: T) -> Result<T, Error> {
        self.check()?;
        Ok(T::encode(softplus_value::<T>(x.decode(), self.beta)))
    }

    /// The derivative at one number.
    ///
    /// # Errors
    ///
    /// Those of the type's page.
    ///
    /// ```
    /// let derivative = trueloss::Softplus::new().beta(2.0).derivative(0.5_f32)?;
    /// assert_eq!(derivative, trueloss::sigmoid(1.0));
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn derivative<T: Format>(&self, x: T) -> Result<T, Error> {
        self.check()?;
        Ok(T::encode(softplus_gradient::<T>(x.decode(), self.beta)))
    }
}

/// softplus(x) = max(x, 0) + ln(1 + e^-|beta x|) / beta and its gradient g sigma(beta x); or those of
/// log_sigmoid(x) = -softplus(-x).
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
    const IS_LOSS: bool = false;

    // Of the logarithm: those of its argument and its own, the product with 1 / beta; and the sum.
    fn value_units<R: LaneReal>() -> f64 {
        R::EXP + R::LN + 2.0 * R::TIMES_NORMAL + R::SUM_OF_NORMAL + R::REFERENCE
    }

    // As the sigmoid, times g.
    fn gradient_units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM + R::RECIP + R::TIMES + R::REFERENCE
    }

    type Shared<R: LaneReal> = ();

    #[inline(always)]
    fn shared<R: LaneReal>(&self, _: [R::F; 1]) {}

    #[inline(always)]
    fn value<R: LaneReal>(&self, [x]: [R::F; 1], (): ()) -> Within<R> {
        let (scaled, scaled_low) = times_beta::<R>(self.beta, x);
        let (t, is_near) = exp_neg_abs_in_lanes::<R>(scaled, scaled_low);
        let (mut ln, square) = t.ln_1p();
        let mut ok = is_near;
        if self.beta != 1.0 {
            ln = ln.mul(R::constant(x, self.inverse));
            let least = x.constant(R::LEAST);
            ok = R::F::and(ok, least.le(ln.hi()));
        }
        let sign = x.constant(self.sign);
        // x is the second operand: NaN stays.
        let linear = x.constant(0.0).max(x.flip_sign(sign));
        let sum = R::from_lanes(linear).add(ln);
        // The square counts as the logarithm does.
        let units = Self::value_units::<R>() / self.inverse;
        let magnitude = R::with_square(sum.hi(), square, units);
        Within {
            value: sum.flip_sign(sign),
            magnitude,
            ok,
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(&self, [x]: [R::F; 1], (): (), factor: Factor<R>) -> Within<R> {
        let (x, x_low) = times_beta::<R>(self.beta * self.sign, x);
        let sigmoid = one_plus_exp_neg::<R>(x, x_low).recip();
        scaled(sigmoid, factor, above_far::<R>(x))
    }

    fn reference_value(&self, [x]: [f64; 1]) -> f64 {
        self.sign * softplus_value::<f32>(self.sign * x, self.beta)
    }

    fn reference_gradient(&self, [x]: [f64; 1], factor: f64) -> f64 {
        softplus_gradient::<f32>(x, self.beta * self.sign) * factor
    }
}
