//! The logarithm of the sigmoid.
//
// Its methods, `forward` and `backward`, are in `front/methods.rs`, once for all activations.

use crate::activation::sigmoid::{double_sigmoid, exp_neg_abs, real_sigmoid, sigmoid_value};
use crate::activation::softplus::{SoftplusFormula, double_softplus, softplus_limit};
use crate::engine::activation_call::Activation;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::number::real::Real;

/// ln sigma(x), likewise.
#[inline(always)]
fn real_log_sigmoid<T: Format>(x: f64) -> T::Real {
    let t = exp_neg_abs(T::Real::from(x));
    -(T::Real::log1p_unit(t) + softplus_limit::<T>(-x))
}

/// ln sigma(x) = -softplus(-x).
///
/// ```
/// use trueloss::activation::{log_sigmoid_value, softplus_value};
///
/// assert_eq!(log_sigmoid_value::<f64>(0.3), -softplus_value::<f64>(-0.3, 1.0));
/// ```
#[inline(always)]
pub fn log_sigmoid_value<T: Format>(x: f64) -> f64 {
    real_log_sigmoid::<T>(x).round()
}

/// The derivative of log_sigmoid, sigma(-x).
///
/// ```
/// use trueloss::activation::{log_sigmoid_gradient, sigmoid_value};
///
/// assert_eq!(log_sigmoid_gradient::<f64>(0.3), sigmoid_value::<f64>(-0.3));
/// ```
#[inline(always)]
pub fn log_sigmoid_gradient<T: Format>(x: f64) -> f64 {
    sigmoid_value::<T>(-x)
}

/// [`log_sigmoid`](crate::log_sigmoid) of slices, `logsigmoid`.
///
/// Formula: ln sigma(x) = -softplus(-x). Gradient: g sigma(-x).
///
/// Shapes: any; all slices have the input's length. Special values: those of [`log_sigmoid`](crate::log_sigmoid).
///
/// Error: `f32`, `f16`, `bf16`: correctly rounded; the gradient below 0.5001 ULP, and correctly rounded where g is 1.
/// `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`](crate::Error::Length).
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
    fn value<T: Format>(&self, x: f64) -> T::Real {
        real_log_sigmoid::<T>(x)
    }

    #[inline(always)]
    fn gradient<T: Format>(&self, x: f64) -> T::Real {
        real_sigmoid::<T>(T::Real::from(-x))
    }

    type Fast = SoftplusFormula;

    fn fast(&self) -> SoftplusFormula {
        SoftplusFormula::LOG_SIGMOID
    }

    #[inline(always)]
    fn double_value<A: Arithmetic>(x: f64) -> f64 {
        -double_softplus::<A>(-x)
    }

    #[inline(always)]
    fn double_gradient<A: Arithmetic>(x: f64) -> f64 {
        double_sigmoid::<A>(-x)
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
}
