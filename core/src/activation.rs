//! Sigmoid, softplus, softmax and their logarithms: of one number, of slices, of rows, with their
//! gradients.
//!
//! The functions of `f64` named `…_value` and `…_gradient` are the formulas themselves, unrounded, for
//! the loops of others; everything else here calls them.

use crate::classes::{self, Classes, Layout, Output, Row, RowMap, SoftmaxParts};
use crate::double_double::DoubleDouble;
use crate::element::Element;
use crate::elementary::{self, log1p_unit_with};
use crate::elementwise::{Map, Quick, fill};
use crate::error::{Argument, Error, check_length, check_positive};
use crate::instance::Function;
use crate::quick::{self, Arithmetic, LANES, Near, QUICK_ERROR, Rows};
use crate::reduce::{self, Sum, weigh};
use crate::team::Team;
use crate::wide::Wide;

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

/// exp(-|x|).
#[inline(always)]
pub(crate) fn tail<W: Wide>(x: W) -> W {
    W::exp(if x.high() < 0.0 { x } else { -x })
}

/// sigma(x), as 1 / (1 + t) or t / (1 + t) with t = exp(-|x|): no cancellation on either side.
///
/// `f64`: t is within 0.1 u, and so is the quotient: d ln sigma / d ln t is at most 1.
#[inline(always)]
fn wide_sigmoid<T: Element>(x: T::Wide) -> T::Wide {
    let t = tail(x);
    let numerator = if x.high() < 0.0 {
        t
    } else {
        T::Wide::from(1.0)
    };
    let far = numerator.over_one_plus(t);
    if x.high().abs() < T::SIGMOID_LINEAR_BELOW {
        T::Wide::from(linear_sigmoid(x.high()))
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
pub fn sigmoid_value<T: Element>(x: f64) -> f64 {
    wide_sigmoid::<T>(T::Wide::from(x)).round()
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
pub fn sigmoid_gradient<T: Element>(x: f64) -> f64 {
    wide_sigmoid_gradient(T::Wide::from(x)).round()
}

/// `f64`: within 0.1 u, as t is.
#[inline(always)]
fn wide_sigmoid_gradient<W: Wide>(x: W) -> W {
    let t = tail(x);
    t.over_one_plus(t * (t + 2.0))
}

/// |x|, as softplus adds it to log1p(exp(-|x|)).
///
/// Of all 2^32 `f32` there is one whose softplus lies closer to the midpoint of two `f32` than an `f64` can
/// tell: 2^-33.5 ULP of an `f32` above it. Its |x| is taken 2^-53 larger, one last place of the result,
/// which is then on the right side. Everywhere else `f64` is enough, as
/// `trueloss sweep softplus` shows by trying all inputs.
#[inline(always)]
pub(crate) fn softplus_linear<T: Element>(x: f64) -> f64 {
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
pub fn softplus_value<T: Element>(x: f64, beta: f64) -> f64 {
    wide_softplus::<T>(x, beta).round()
}

/// `f64`: within 0.2 u: 0.1 of t, of which log1p leaves less, and 0.09 of log1p.
///
/// There a t that has lost digits below 2^-1022 counts, the more the smaller the `beta` is that it is divided by.
#[inline(always)]
fn wide_softplus<T: Element>(x: f64, beta: f64) -> T::Wide {
    let t = tail(T::Wide::product(beta, x));
    if T::Wide::IS_PAIR && beta != 1.0 && x < 0.0 && t.high() < T::Wide::TINY {
        return T::Wide::from(tiny_softplus(x, beta));
    }
    T::Wide::log1p_unit(t) / T::Wide::from(beta) + softplus_limit::<T>(x)
}

/// exp(beta x) / beta, which is softplus to the last digit where the exponential is below 2^-960.
///
/// The exponential is a number near 1 and a power of two, which comes last: the quotient is rounded once, and again only if
/// that makes it subnormal. Its first rounding is a quarter of an ULP at most then: 0.76 ULP, and 0.5001 of others.
#[cold]
#[inline(never)]
fn tiny_softplus(x: f64, beta: f64) -> f64 {
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

/// ln sigma(x), likewise.
#[inline(always)]
fn wide_log_sigmoid<T: Element>(x: f64) -> T::Wide {
    let t = tail(T::Wide::from(x));
    -(T::Wide::log1p_unit(t) + softplus_limit::<T>(-x))
}

/// max(x, 0).
#[inline(always)]
fn softplus_limit<T: Element>(x: f64) -> f64 {
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
pub fn softplus_gradient<T: Element>(x: f64, beta: f64) -> f64 {
    wide_sigmoid::<T>(T::Wide::product(beta, x)).round()
}

/// ln sigma(x) = -softplus(-x).
///
/// ```
/// use trueloss::activation::{log_sigmoid_value, softplus_value};
///
/// assert_eq!(log_sigmoid_value::<f64>(0.3), -softplus_value::<f64>(-0.3, 1.0));
/// ```
#[inline(always)]
pub fn log_sigmoid_value<T: Element>(x: f64) -> f64 {
    wide_log_sigmoid::<T>(x).round()
}

/// The derivative of log_sigmoid, sigma(-x).
///
/// ```
/// use trueloss::activation::{log_sigmoid_gradient, sigmoid_value};
///
/// assert_eq!(log_sigmoid_gradient::<f64>(0.3), sigmoid_value::<f64>(-0.3));
/// ```
#[inline(always)]
pub fn log_sigmoid_gradient<T: Element>(x: f64) -> f64 {
    sigmoid_value::<T>(-x)
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($x:ident) = $value:expr;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name<T: Element>(x: T) -> T {
            let $x = x.widen();
            T::narrow($value)
        }
    )*};
}

functions! {
    /// sigma(x) = 1 / (1 + exp(-x)).
    ///
    /// Correctly rounded for `f32`, `f16` and `bf16`; `f64`: see the table of bounds in the README. sigma(-inf) = 0,
    /// sigma(+inf) = 1, NaN for NaN.
    ///
    /// ```
    /// assert_eq!(trueloss::sigmoid(0.0_f32), 0.5);
    /// // Not 0: the smallest numbers are subnormal.
    /// assert_eq!(trueloss::sigmoid(-100.0_f32), 3.783506e-44);
    /// ```
    sigmoid(x) = sigmoid_value::<T>(x);
    /// The derivative of [`sigmoid`], sigma(x) sigma(-x), at x.
    ///
    /// Correctly rounded for `f32`, `f16` and `bf16`; never 0 before it is below the smallest number of the type. 0 at
    /// either infinity, NaN for NaN.
    ///
    /// ```
    /// // sigma(x) (1 - sigma(x)) would be 0: sigma(20) rounds to 1.
    /// assert_eq!(trueloss::sigmoid(20.0_f32), 1.0);
    /// assert_eq!(trueloss::sigmoid_derivative(20.0_f32), 2.0611537e-9);
    /// ```
    sigmoid_derivative(x) = sigmoid_gradient::<T>(x);
    /// ln sigma(x) = -softplus(-x).
    ///
    /// Correctly rounded for `f32`, `f16` and `bf16`. -inf at -inf, -0 at +inf, NaN for NaN.
    ///
    /// ```
    /// // The logarithm of a sigmoid that is 0, and of one that is 1.
    /// assert_eq!(trueloss::log_sigmoid(-200.0_f32), -200.0);
    /// assert_eq!(trueloss::log_sigmoid(100.0_f32), -3.783506e-44);
    /// ```
    log_sigmoid(x) = log_sigmoid_value::<T>(x);
    /// The derivative of [`log_sigmoid`], sigma(-x), at x.
    ///
    /// Correctly rounded for `f32`, `f16` and `bf16`. 1 at -inf, 0 at +inf, NaN for NaN.
    ///
    /// ```
    /// assert_eq!(trueloss::log_sigmoid_derivative(1.0_f32), trueloss::sigmoid(-1.0_f32));
    /// ```
    log_sigmoid_derivative(x) = log_sigmoid_gradient::<T>(x);
    /// softplus(x) = ln(1 + exp(x)). [`Softplus::value`] has PyTorch's `beta`.
    ///
    /// Correctly rounded for `f32`, `f16` and `bf16`. 0 at -inf, +inf at +inf, NaN for NaN.
    ///
    /// ```
    /// assert_eq!(trueloss::softplus(0.0_f32), core::f32::consts::LN_2);
    /// assert_eq!(trueloss::softplus(1e30_f32), 1e30);
    /// assert_eq!(trueloss::softplus(-100.0_f32), 3.783506e-44);
    /// ```
    softplus(x) = softplus_value::<T>(x, 1.0);
    /// The derivative of [`softplus`], sigma(x), at x.
    ///
    /// Correctly rounded for `f32`, `f16` and `bf16`. 0 at -inf, 1 at +inf, NaN for NaN.
    ///
    /// ```
    /// assert_eq!(trueloss::softplus_derivative(1.0_f32), trueloss::sigmoid(1.0_f32));
    /// ```
    softplus_derivative(x) = softplus_gradient::<T>(x, 1.0);
}

/// An activation that goes element by element: the formulas of record, and those of the fast paths.
pub(crate) trait Activation: Copy + Sync {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn value<T: Element>(&self, x: f64) -> T::Wide;

    fn gradient<T: Element>(&self, x: f64) -> T::Wide;

    /// The formulas of the fast paths: of x, and of x and what the derivative is multiplied by.
    type FastValue: Formula<1>;
    type FastGradient: Formula<2>;

    fn fast_value(&self) -> Self::FastValue;

    fn fast_gradient(&self) -> Self::FastGradient;
}

/// The value of each element.
#[derive(Clone, Copy)]
struct Forward<F>(F);

impl<T: Element, F: Activation> Map<T, 1> for Forward<F> {
    const PADDING: [f64; 1] = [0.0];

    #[inline(always)]
    fn record(&self, [x]: [f64; 1], _: f64, _: f64) -> f64 {
        self.0.value::<T>(x).round()
    }
}

/// The derivative at each element times its `grad_output`.
#[derive(Clone, Copy)]
struct Backward<F>(F);

impl<T: Element, F: Activation> Map<T, 2> for Backward<F> {
    const PADDING: [f64; 2] = [0.0, 0.0];

    #[inline(always)]
    fn record(&self, [x, scale]: [f64; 2], _: f64, _: f64) -> f64 {
        (self.0.gradient::<T>(x) * scale).round()
    }
}

/// A call of an activation that goes element by element, whose arguments have been checked.
pub(crate) struct ElementCall<'a, T, F> {
    activation: F,
    input: &'a [T],
}

impl<T: Element, F: Activation> ElementCall<'_, T, F> {
    pub(crate) fn forward(&self, output: &mut [T]) {
        let inputs = [self.input];
        if !T::fill_fast(&self.activation.fast_value(), inputs, output) {
            fill_of_record(Forward(self.activation), inputs, output);
        }
    }

    pub(crate) fn backward(&self, grad_output: &[T], grad_input: &mut [T]) {
        let inputs = [self.input, grad_output];
        if !T::fill_fast(&self.activation.fast_gradient(), inputs, grad_input) {
            fill_of_record(Backward(self.activation), inputs, grad_input);
        }
    }
}

/// The methods of an activation that goes element by element, and its function of one number.
macro_rules! elementwise_methods {
    ($activation:ident, $value:ident, $derivative:ident) => {
        /// The value of each element.
        ///
        /// # Errors
        ///
        /// [`Error::Length`] where `output` does not have the input's length, and those of the type's
        /// page.
        ///
        /// ```
        /// let mut output = [0.0_f32; 2];
        #[doc = concat!("trueloss::", stringify!($activation), "::new().forward(&[-1.0, 2.0], &mut output)?;")]
        #[doc = concat!("assert_eq!(output, [-1.0, 2.0].map(trueloss::", stringify!($value), "));")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn forward<T: Element>(&self, input: &[T], output: &mut [T]) -> Result<(), Error> {
            self.check()?;
            check_length(Argument::Output, input.len(), output.len())?;
            let activation = *self;
            <T as Function<_>>::forward(&ElementCall { activation, input }, output);
            Ok(())
        }

        /// The derivative at each element of `input` (not of the output), times that element's
        /// `grad_output`.
        ///
        /// # Errors
        ///
        /// [`Error::Length`] where `grad_output` or `grad_input` does not have the input's length, and
        /// those of the type's page.
        ///
        /// ```
        /// let (input, grad_output, mut grad_input) = ([-1.0_f32, 2.0], [1.0, 0.5], [0.0; 2]);
        #[doc = concat!("trueloss::", stringify!($activation), "::new().backward(&input, &grad_output, &mut grad_input)?;")]
        #[doc = concat!("let derivatives = input.map(trueloss::", stringify!($derivative), ");")]
        /// assert_eq!(grad_input, [derivatives[0], derivatives[1] / 2.0]);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn backward<T: Element>(
            &self,
            input: &[T],
            grad_output: &[T],
            grad_input: &mut [T],
        ) -> Result<(), Error> {
            self.check()?;
            check_length(Argument::GradOutput, input.len(), grad_output.len())?;
            check_length(Argument::GradInput, input.len(), grad_input.len())?;
            let activation = *self;
            let call = ElementCall { activation, input };
            <T as Function<_>>::backward(&call, grad_output, grad_input);
            Ok(())
        }
    };
}

/// [`sigmoid`] of slices.
///
/// Formula: sigma(x) = 1 / (1 + exp(-x)). Gradient: g sigma(x) sigma(-x).
///
/// Shapes: any; all slices have the input's length. Special values: those of [`sigmoid`].
///
/// Error: `f32`, `f16`, `bf16`: correctly rounded; the gradient below 0.5001 ULP, and correctly rounded where g is 1.
/// `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`].
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
    fn value<T: Element>(&self, x: f64) -> T::Wide {
        wide_sigmoid::<T>(T::Wide::from(x))
    }

    #[inline(always)]
    fn gradient<T: Element>(&self, x: f64) -> T::Wide {
        wide_sigmoid_gradient(T::Wide::from(x))
    }

    type FastValue = SigmoidValue;
    type FastGradient = SigmoidGradient;

    fn fast_value(&self) -> SigmoidValue {
        SigmoidValue
    }

    fn fast_gradient(&self) -> SigmoidGradient {
        SigmoidGradient
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

    elementwise_methods!(Sigmoid, sigmoid, sigmoid_derivative);
}

/// [`log_sigmoid`] of slices, `logsigmoid`.
///
/// Formula: ln sigma(x) = -softplus(-x). Gradient: g sigma(-x).
///
/// Shapes: any; all slices have the input's length. Special values: those of [`log_sigmoid`].
///
/// Error: `f32`, `f16`, `bf16`: correctly rounded; the gradient below 0.5001 ULP, and correctly rounded where g is 1.
/// `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`].
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html>
///
/// ```
/// let mut output = [0.0_f32; 2];
/// trueloss::LogSigmoid::new().forward(&[0.0, -1e30], &mut output)?;
/// assert_eq!(output, [-core::f32::consts::LN_2, -1e30]);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogSigmoid(());

impl Activation for LogSigmoid {
    #[inline(always)]
    fn value<T: Element>(&self, x: f64) -> T::Wide {
        wide_log_sigmoid::<T>(x)
    }

    #[inline(always)]
    fn gradient<T: Element>(&self, x: f64) -> T::Wide {
        wide_sigmoid::<T>(T::Wide::from(-x))
    }

    type FastValue = SoftplusValue;
    type FastGradient = ScaledSigmoid;

    fn fast_value(&self) -> SoftplusValue {
        SoftplusValue::LOG_SIGMOID
    }

    fn fast_gradient(&self) -> ScaledSigmoid {
        ScaledSigmoid { beta: -1.0 }
    }
}

impl LogSigmoid {
    /// There are no options.
    ///
    /// ```
    /// assert_eq!(trueloss::LogSigmoid::new(), trueloss::LogSigmoid::default());
    /// ```
    pub const fn new() -> Self {
        Self(())
    }

    elementwise_methods!(LogSigmoid, log_sigmoid, log_sigmoid_derivative);
}

/// Softplus of slices, with `beta`.
///
/// Formula: ln(1 + exp(beta x)) / beta, as max(x, 0) + log1p(exp(-|beta x|)) / beta. Gradient:
/// g sigma(beta x). There is no `threshold`: PyTorch's dodges an overflow that this form does not have.
///
/// Shapes: any; all slices have the input's length. Special values: those of [`softplus`].
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
    fn value<T: Element>(&self, x: f64) -> T::Wide {
        wide_softplus::<T>(x, self.beta)
    }

    #[inline(always)]
    fn gradient<T: Element>(&self, x: f64) -> T::Wide {
        wide_sigmoid::<T>(T::Wide::product(self.beta, x))
    }

    type FastValue = SoftplusValue;
    type FastGradient = ScaledSigmoid;

    fn fast_value(&self) -> SoftplusValue {
        SoftplusValue::new(self.beta)
    }

    fn fast_gradient(&self) -> ScaledSigmoid {
        ScaledSigmoid { beta: self.beta }
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
    pub fn value<T: Element>(&self, x: T) -> Result<T, Error> {
        self.check()?;
        Ok(T::narrow(softplus_value::<T>(x.widen(), self.beta)))
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
    pub fn derivative<T: Element>(&self, x: T) -> Result<T, Error> {
        self.check()?;
        Ok(T::narrow(softplus_gradient::<T>(x.widen(), self.beta)))
    }

    elementwise_methods!(Softplus, softplus, softplus_derivative);
}

/// Softmax: p_j = e_j / (1 + S).
///
/// Its gradient is p_j (h_j - sum_k p_k h_k) with h_k = g_k - c for any c. That is g_m, of the first class m with the
/// largest logit, where p_m > 1/4: h_m is 0, and the terms which would cancel where p_m is near 1 are gone. Where g is
/// that of a loss with one label the gradient keeps its digits, however small it is. Where p_m is smaller c is 0, as
/// the shift could lose the digits of g_k beside a g_m that counts little. Up to there it costs little where it gains
/// nothing: |g_m| <= 4 p_m |g_m|, so that Σ = p_j (|h_j| + sum_k p_k |h_k|) is at most 9 times what it is with c = 0.
///
/// The error is relative to Σ, but for what is relative to the result: the difference, p_j and the last rounding.
/// - `f32`: h_j is within u, e_j within (1.9 + |x_j - m|) u, and the sum over k adds at most 57 u to that; 1 + S is
///   within 93 u. With |x_j - m| + |x_k - m| below 193, or nothing of the product would show, that is 351 u < 2^-44.
/// - `f64`: h_k is exact, e_k and S are within 0.1 u: 0.2 u of the terms, and 0.2 u of the result.
pub(crate) struct Probabilities;

impl Probabilities {
    /// c. An infinity would leave no numbers to subtract from.
    #[inline(always)]
    fn shift(parts: &SoftmaxParts, at_max: f64) -> f64 {
        if parts.others < 3.0 && at_max.is_finite() {
            at_max
        } else {
            0.0
        }
    }
}

impl<T: Element> RowMap<T> for Probabilities {
    const OF_OTHERS: bool = false;

    #[inline(always)]
    fn record(&self, row: &Row<'_, T>, parts: &SoftmaxParts, start: usize, out: &mut [f64]) {
        // `f64`: e_j and S are within 0.1 u each, and so p_j within 0.2 u.
        let others = parts.wide_others();
        row.of_exponentials(parts, start, out, |e| e.over_one_plus(others).round());
    }

    #[inline(always)]
    fn gradient<M: Team>(
        &self,
        team: M,
        row: &Row<'_, T>,
        grad_output: &[T],
        places: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let parts = row.softmax_parts(team);
        let others = parts.wide_others::<T::Wide>();
        let shift = Self::shift(&parts, row.layout.get(grad_output, parts.argmax));
        let mut buffer = [0.0; reduce::CHUNK];
        let dot: T::Sum = reduce::sum(
            team,
            row.layout.classes,
            reduce::wide_terms(|start, out: &mut [T::Wide]| {
                let (grad, _) = buffer.split_at_mut(out.len().min(reduce::CHUNK));
                row.layout.read(grad_output, start, grad);
                row.wide_exponentials(&parts, start, out);
                for (e, &g) in out.iter_mut().zip(grad.iter()) {
                    *e = weigh(*e, T::Wide::difference(g, shift));
                }
            }),
        );
        let dot = dot.wide() / (others + 1.0);
        let mut buffer = [T::Wide::default(); reduce::CHUNK];
        places.write_all(team, grad_input, |start, out| {
            let (exponentials, _) = buffer.split_at_mut(out.len().min(reduce::CHUNK));
            row.wide_exponentials(&parts, start, exponentials);
            row.layout.read(grad_output, start, out);
            for (g, e) in out.iter_mut().zip(exponentials.iter()) {
                let h = T::Wide::difference(*g, shift);
                *g = weigh(e.over_one_plus(others), h - dot).round();
            }
        });
    }

    #[inline(always)]
    fn quick_wide<A: Arithmetic, const N: usize>(
        &self,
        row: &[T],
        parts: &SoftmaxParts,
        kept: &[f64],
        output: &mut [T],
        record: &mut impl FnMut(usize, &mut [T]),
    ) {
        let scale = 1.0 / (1.0 + parts.others);
        quick::scaled_exponentials::<A, T, N>(row, parts.max, kept, scale, output, record);
    }

    #[inline(always)]
    fn quick_narrow(&self, rows: &mut Rows<T>) -> [bool; LANES] {
        let scale = rows.others.map(|others| 1.0 / (1.0 + others));
        rows.scale_exponentials(&scale)
    }
}

/// Its logarithm: -((m - x_j) + log1p(S)).
///
/// Its gradient is g_j - p_j sum_k g_k. At the first class m with the largest logit p_m may be so near 1 that g_m
/// cancels: there it is (g_m S - sum_k g_k) / (1 + S), over the k other than m. Elsewhere p_j <= 1/2 sees to it that
/// the part of g_j in the second term is at most half of the first.
///
/// Its error, but for what is relative to the result, is relative to Σ = |g_j| (1 - p_j) + p_j sum_k |g_k|, over the k
/// other than j:
/// - `f32`: e_j is within (1.9 + |x_j - m|) u, |x_j - m| below 282 where it shows, and so is S with 57 u more for its
///   additions, as many as the other sum has; 1 + S is within 93 u. Below 439 u < 2^-44.
/// - `f64`: p_j is within 0.2 u, S and 1 + S within 0.1 u: 0.2 u of the terms, and 0.1 u of the result.
pub(crate) struct LogProbabilities;

impl<T: Element> RowMap<T> for LogProbabilities {
    const OF_OTHERS: bool = true;

    #[inline(always)]
    fn record(&self, row: &Row<'_, T>, parts: &SoftmaxParts, start: usize, out: &mut [f64]) {
        // `f64`: S is within 0.1 u, and its logarithm, which is one of two terms of one sign, within 0.2 u.
        let log1p: T::Wide = parts.log1p();
        row.read(start, out);
        for (j, x) in (start..).zip(out) {
            *x = (-(parts.below_max::<T::Wide>(j, *x) + log1p)).round();
        }
    }

    #[inline(always)]
    fn gradient<M: Team>(
        &self,
        team: M,
        row: &Row<'_, T>,
        grad_output: &[T],
        places: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let parts = row.softmax_parts(team);
        let others = parts.wide_others::<T::Wide>();
        let at_max = row.layout.get(grad_output, parts.argmax);
        let rest: T::Sum = reduce::sum(
            team,
            row.layout.classes,
            reduce::terms(|start, out| {
                row.layout.read(grad_output, start, out);
                if let Some(at_max) = parts.at_max(start, out) {
                    *at_max = 0.0;
                }
            }),
        );
        let rest = rest.wide();
        let total = rest + at_max;
        let mut buffer = [T::Wide::default(); reduce::CHUNK];
        places.write_all(team, grad_input, |start, out| {
            let (exponentials, _) = buffer.split_at_mut(out.len().min(reduce::CHUNK));
            row.wide_exponentials(&parts, start, exponentials);
            row.layout.read(grad_output, start, out);
            for (g, e) in out.iter_mut().zip(exponentials.iter()) {
                *g = (-weigh(e.over_one_plus(others), total) + *g).round();
            }
            // Where a g_k is infinite, there are no digits to keep.
            if let Some(out) = parts.at_max(start, out)
                && total.high().is_finite()
            {
                *out = (others * at_max - rest).over_one_plus(others).round();
            }
        });
    }

    #[inline(always)]
    fn quick_wide<A: Arithmetic, const N: usize>(
        &self,
        row: &[T],
        parts: &SoftmaxParts,
        _: &[f64],
        output: &mut [T],
        record: &mut impl FnMut(usize, &mut [T]),
    ) {
        quick::below_max::<A, T, N>(row, parts.max, parts.log1p(), output, record);
    }

    #[inline(always)]
    fn quick_narrow(&self, rows: &mut Rows<T>) -> [bool; LANES] {
        let mut log1p = [0.0; LANES];
        for (log1p, others) in log1p.iter_mut().zip(rows.others) {
            *log1p = elementary::log1p(others);
        }
        rows.below_max(&log1p)
    }
}

/// A call of a function of rows, likewise.
pub(crate) struct RowCall<'a, T, M> {
    map: M,
    input: Classes<'a, T>,
}

impl<T: Element, M: RowMap<T>> RowCall<'_, T, M> {
    pub(crate) fn forward(&self, output: &mut [T]) {
        classes::map_rows(&self.map, self.input, None, output);
    }

    pub(crate) fn backward(&self, grad_output: &[T], grad_input: &mut [T]) {
        classes::map_rows(&self.map, self.input, Some(grad_output), grad_input);
    }
}

/// The methods of an activation of rows, what its outputs are called, and examples: the outputs of two rows, and the gradient
/// of the first of two equal logits.
macro_rules! row_methods {
    ($activation:ident, $map:expr, $outputs:literal, $values:literal, $gradient:literal) => {
        /// There are no options.
        ///
        /// ```
        #[doc = concat!("use trueloss::", stringify!($activation), ";")]
        ///
        #[doc = concat!("assert_eq!(", stringify!($activation), "::new(), ", stringify!($activation), "::default());")]
        /// ```
        pub const fn new() -> Self {
            Self(())
        }

        #[doc = $outputs]
        ///
        /// # Errors
        ///
        /// [`Error::Length`] where `output` does not have the input's length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($activation), "};")]
        ///
        /// let data = [0.0_f32, 0.0, -1e4, 1e4];
        /// let mut output = [0.0; 4];
        #[doc = concat!(stringify!($activation), "::new().forward(Classes::new(&data, [2, 2])?, &mut output)?;")]
        #[doc = concat!("assert_eq!(output, ", $values, ");")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn forward<T: Element>(
            &self,
            input: Classes<'_, T>,
            output: &mut [T],
        ) -> Result<(), Error> {
            check_length(Argument::Output, input.elements(), output.len())?;
            <T as Function<_>>::forward(&RowCall { map: $map, input }, output);
            Ok(())
        }

        /// The gradient of each row, times that row's `grad_output`.
        ///
        /// # Errors
        ///
        /// [`Error::Length`] where `grad_output` or `grad_input` does not have the input's length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($activation), "};")]
        ///
        /// let input = Classes::new(&[7.0_f32, 7.0], [2])?;
        /// let mut grad_input = [0.0; 2];
        #[doc = concat!(stringify!($activation), "::new().backward(input, &[1.0, 0.0], &mut grad_input)?;")]
        #[doc = concat!("assert_eq!(grad_input, ", $gradient, ");")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn backward<T: Element>(
            &self,
            input: Classes<'_, T>,
            grad_output: &[T],
            grad_input: &mut [T],
        ) -> Result<(), Error> {
            check_length(Argument::GradOutput, input.elements(), grad_output.len())?;
            check_length(Argument::GradInput, input.elements(), grad_input.len())?;
            <T as Function<_>>::backward(&RowCall { map: $map, input }, grad_output, grad_input);
            Ok(())
        }
    };
}

/// Softmax of rows.
///
/// Formula: p_j = exp(x_j) / sum_i exp(x_i), as e_j / (1 + S), where e_j = exp(x_j - m), m is the row's
/// largest logit and S the sum of the others' e_j. Gradient: p_j (g_j - sum_i g_i p_i), of the input (not
/// of the output).
///
/// Shapes: rows along any dimension, see [`Classes`]; outputs and gradients have the input's length.
///
/// Special values: p = 0 at -inf; the limit at one +inf, that is p = 1 there and 0 elsewhere; NaN for the
/// row at a NaN, at more than one +inf, and where all are -inf.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP. The gradient, a difference that may cancel, is within 0.5001 ULP +
/// 2^-44 p_j (|h_j| + sum_i |h_i| p_i), where h_i is g_i less that of the first class with the largest logit, if this
/// class's probability is above 1/4 and its g finite; else g_i itself. `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`], and those of [`Classes::along`].
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html>
///
/// ```
/// use trueloss::{Classes, Softmax};
///
/// let mut output = [0.0_f32; 3];
/// Softmax::new().forward(Classes::new(&[7.0, 7.0, -1e4], [3])?, &mut output)?;
/// assert_eq!(output, [0.5, 0.5, 0.0]);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Softmax(());

impl Softmax {
    row_methods!(
        Softmax,
        Probabilities,
        "The softmax of each row.",
        "[0.5, 0.5, 0.0, 1.0]",
        "[0.25, -0.25]"
    );
}

/// The logarithm of softmax, of rows.
///
/// Formula: ln p_j = (x_j - m) - log1p(S), with m and S as for [`Softmax`]: two terms that are never
/// positive. Gradient: g_j - p_j sum_i g_i, of the input (not of the output).
///
/// Shapes: rows along any dimension, see [`Classes`]; outputs and gradients have the input's length.
///
/// Special values: -inf at -inf; the limit at one +inf, that is 0 there and -inf elsewhere; NaN for the
/// row at a NaN, at more than one +inf, and where all are -inf.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP. The gradient, a difference that may cancel, is within 0.5001 ULP +
/// 2^-44 (|g_j| (1 - p_j) + p_j sum_i |g_i|) with the sum over the i other than j. `f64`: see the table of bounds in
/// the README.
///
/// Errors: [`Error::Length`], and those of [`Classes::along`].
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html>
///
/// ```
/// use trueloss::{Classes, LogSoftmax};
///
/// let mut output = [0.0_f32; 2];
/// LogSoftmax::new().forward(Classes::new(&[1e8, 1e8], [2])?, &mut output)?;
/// assert_eq!(output, [-core::f32::consts::LN_2; 2]);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogSoftmax(());

impl LogSoftmax {
    row_methods!(
        LogSoftmax,
        LogProbabilities,
        "The logarithm of each row's softmax.",
        "[-core::f32::consts::LN_2, -core::f32::consts::LN_2, -2e4, 0.0]",
        "[0.5, -0.5]"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quick::Plain;
    use crate::team::Alone;

    /// Numbers of which a function comes close to the midpoint of two `f32`: with sigma(x) = 1/2 + x/4 - …, small
    /// odd multiples of 2^-24; and the softplus of 0x39ea41d0.
    const TIE: f32 = -1.0 / (1 << 24) as f32;
    const SOFTPLUS_TIE: f32 = f32::from_bits(0x39ea_41d0);

    fn certain<const K: usize>(map: impl Map<f32, K>, inputs: [f32; K]) -> bool {
        let quick = map.quick::<Plain>(inputs.map(f64::from));
        let (_, certain) = quick.output.round::<f32>();
        certain
    }

    #[test]
    fn chunks_that_are_not_certain_are_those_of_record() {
        for (x, softplus_is_certain) in [(TIE, true), (SOFTPLUS_TIE, false), (f32::NAN, false)] {
            let sigmoid_is_certain = x == SOFTPLUS_TIE;
            assert_eq!(certain(Forward(Sigmoid::new()), [x]), sigmoid_is_certain);
            assert_eq!(
                certain(Backward(Softplus::new()), [x, 1.0]),
                sigmoid_is_certain
            );
            assert_eq!(
                certain(Backward(LogSigmoid::new()), [-x, 1.0]),
                sigmoid_is_certain
            );
            assert_eq!(certain(Forward(Softplus::new()), [x]), softplus_is_certain);
            assert_eq!(
                certain(Forward(LogSigmoid::new()), [-x]),
                softplus_is_certain
            );
            // In a chunk with others, which stay what they are.
            let mut input = [0.3; 70];
            (input[5], input[66]) = (x, x);
            let mut output = [0.0; 70];
            Sigmoid::new().forward(&input, &mut output).unwrap();
            same(output, input.map(sigmoid));
            Softplus::new().forward(&input, &mut output).unwrap();
            same(output, input.map(softplus));
            Softplus::new()
                .backward(&input, &[1.0; 70], &mut output)
                .unwrap();
            same(output, input.map(softplus_derivative));
            let input = input.map(|x| -x);
            LogSigmoid::new().forward(&input, &mut output).unwrap();
            same(output, input.map(log_sigmoid));
            LogSigmoid::new()
                .backward(&input, &[1.0; 70], &mut output)
                .unwrap();
            same(output, input.map(log_sigmoid_derivative));
        }
    }

    fn same(actual: [f32; 70], expected: [f32; 70]) {
        let bits = |x: f32| if x.is_nan() { 0 } else { x.to_bits() };
        assert_eq!(actual.map(bits), expected.map(bits));
    }

    /// The quick answer would be another: nothing but the formula of record gives these.
    #[test]
    fn quick_answers_at_ties_are_wrong() {
        let quick = |map: Quick| map.output.round::<f32>().0;
        let of = quick(Forward(Sigmoid::new()).quick_of(TIE));
        assert_ne!(of, sigmoid(TIE));
        let of = quick(Forward(Softplus::new()).quick_of(SOFTPLUS_TIE));
        assert_ne!(of, softplus(SOFTPLUS_TIE));
    }

    impl<F: Activation> Forward<F> {
        fn quick_of(self, x: f32) -> Quick {
            Map::<f32, 1>::quick::<Plain>(&self, [f64::from(x)])
        }
    }

    /// Softmax and its logarithm of two classes that count, alone, with more beside them, and in long rows.
    #[test]
    fn rows_that_are_not_certain_are_those_of_record() {
        for (tie, of_softmax) in [(TIE, true), (SOFTPLUS_TIE, false)] {
            for classes in [2, 20, 32, 33, 100] {
                let mut row = [-200.0; 100];
                let row = &mut row[..classes];
                (row[0], row[classes - 1]) = (tie, 0.0);
                if classes <= quick::NARROW {
                    let mut rows = Rows::new(classes);
                    rows.read::<Plain, false>(row);
                    let certain = if of_softmax {
                        Probabilities.quick_narrow(&mut rows)
                    } else {
                        LogProbabilities.quick_narrow(&mut rows)
                    };
                    assert!(!certain[0], "{tie:e}, {classes}");
                } else {
                    let input = Classes::new(row, [classes]).unwrap();
                    let parts = input.row(0).softmax_parts(Alone);
                    let mut recorded = 0;
                    let mut record = |_: usize, _: &mut [f32]| recorded += 1;
                    let mut output = [0.0; 100];
                    let output = &mut output[..classes];
                    if of_softmax {
                        Probabilities.quick_wide::<Plain, { quick::WIDE }>(
                            row,
                            &parts,
                            &[],
                            output,
                            &mut record,
                        );
                    } else {
                        LogProbabilities.quick_wide::<Plain, { quick::WIDE }>(
                            row,
                            &parts,
                            &[],
                            output,
                            &mut record,
                        );
                    }
                    assert_ne!(recorded, 0, "{tie:e}, {classes}");
                }
                let input = Classes::new(row, [1, classes]).unwrap();
                let (mut softmax, mut log_softmax) = ([0.0; 100], [0.0; 100]);
                let output = &mut softmax[..classes];
                Softmax::new().forward(input, output).unwrap();
                assert_eq!(
                    [output[0], output[classes - 1]],
                    [sigmoid(tie), sigmoid(-tie)]
                );
                let output = &mut log_softmax[..classes];
                LogSoftmax::new().forward(input, output).unwrap();
                // Not `log_sigmoid`, which mends its tie.
                let parts = input.row(0).softmax_parts(Alone);
                let of_record = |j: usize| {
                    -(parts.below_max::<f64>(j, row[j].into()) + parts.log1p::<f64>()) as f32
                };
                let expected = [of_record(0), of_record(classes - 1)];
                assert_eq!([output[0], output[classes - 1]], expected);
            }
        }
    }

    /// The exponential alone may be far below what an `f64` can show, and the quotient not.
    #[test]
    fn tiny_softplus_goes_to_zero() {
        for (product, beta, exact) in [
            (-1499.0, 0.5, 0.0),
            (-1400.0, 4.0, 0.0),
            (-1200.0, 1.5, 0.0),
            (-1180.0, 1e300, 0.0),
            (-1200.0, 1e-300, 7.024601888177347e-222),
            (-745.0, 0.5, 5e-324),
        ] {
            let answer = tiny_softplus(product / beta, beta);
            let error = (answer - exact).abs();
            assert!(error <= 1e-12 * exact, "{product} / {beta:e}: {answer:e}");
        }
    }
}
