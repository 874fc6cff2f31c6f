//! Sigmoid, softplus, softmax and their logarithms: of one number, of slices, of rows, with their
//! gradients.
//!
//! The functions of `f64` named `…_value` and `…_gradient` are the formulas themselves, unrounded, for
//! the loops of others; everything else here calls them.

#[cfg(test)]
mod formula_tests;
pub(crate) mod log_sigmoid;
pub(crate) mod log_softmax;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod logistic;
pub(crate) mod sigmoid;
pub(crate) mod softmax;
pub(crate) mod softplus;
#[cfg(test)]
mod tests;

pub use log_sigmoid::{LogSigmoid, log_sigmoid_gradient, log_sigmoid_value};
pub use log_softmax::LogSoftmax;
pub use sigmoid::{Sigmoid, sigmoid_gradient, sigmoid_value};
pub use softmax::Softmax;
pub use softplus::{Softplus, softplus_gradient, softplus_value};
