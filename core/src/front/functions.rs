//! The public functions of one number.

use super::element::Element;
use crate::activation::{
    log_sigmoid_gradient, log_sigmoid_value, sigmoid_gradient, sigmoid_value, softplus_gradient,
    softplus_value,
};

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
    /// softplus(x) = ln(1 + exp(x)). [`Softplus::value`](crate::Softplus::value) has PyTorch's `beta`.
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
