//! Loss functions whose every answer is the right one.
//!
//! `trueloss` holds the loss functions of machine learning, forward and gradient: mean squared error, Huber's,
//! binary cross-entropy (of probabilities and of logits), focal loss, negative log-likelihood and cross-entropy,
//! with sigmoid, softplus, softmax and their logarithms, and accuracy. It needs no `std`, allocates
//! nothing, calls no platform's `libm`, and never panics.
//!
//! ```
//! use trueloss::{BceWithLogits, Classes, CrossEntropy, Reduction};
//!
//! # fn main() -> Result<(), trueloss::Error> {
//! // Raw logits go into the loss: no sigmoid, no softmax before it.
//! let loss = BceWithLogits::new().forward(&[2.0_f32, -40.0], &[1.0, 0.0])?;
//! assert_eq!(loss, 0.063_464_01);
//!
//! let logits = [2.0_f32, 1.0, 0.1, 0.5, 2.5, 0.3];
//! let labels = [0_i64, 1];
//! let mut grad = [0.0; 6];
//! let ce = CrossEntropy::new().label_smoothing(0.1).reduction(Reduction::Mean);
//! let loss = ce.forward_backward(Classes::new(&logits, [2, 3])?, &labels, &mut grad)?;
//! assert!(loss > 0.0 && grad[0] < 0.0);
//! # Ok(())
//! # }
//! ```
//!
//! Elements are `f32` or `f64`; with the feature `half` also `half::f16` or `half::bf16`, of the crate half, which is
//! re-exported. What is said of `f32`, here and on every page, holds for these two as well: for numbers of one
//! argument the nearest of their type, for others 0.5001 of their own ULP, and what stands beside it.
//!
//! # What holds for every function
//!
//! - **One arithmetic.** Inputs are widened to `f64`, one stable formula is evaluated with `+ - * /`,
//!   comparisons and integer operations on the bits, and the result is rounded once. There is no fused
//!   multiply-add and no operation whose result may vary, so every target that conforms to IEEE 754
//!   gives the same bits. A host that flushes subnormal numbers to zero does not conform.
//! - **Error bounds.** `f32` functions of one argument are correctly rounded; those of more are within
//!   0.5001 ULP, with the exceptions that their pages state. `f64` elements have bounds of their own.
//!   The bounds are stated on each item, and `trueloss-verify` measures every one of them against
//!   arbitrary precision.
//! - **Reductions are defined.** Element losses are added unrounded in one fixed tree
//!   (see [`reduce`]), so the bits of a sum depend on nothing but its terms.
//! - **Special values are limits.** An infinite logit gives the limit of the exact function where there
//!   is one and a NaN where there is none; a NaN gives a NaN for its element or row and for nothing else.
//! - **One answer at every speed.** With the feature `std` the widest SIMD instructions of the CPU are used
//!   (see [`dispatch`]), with `parallel` its cores (rayon); fast paths with a rounding test return the bits of
//!   the reference formulas. None of this changes a bit of any result. On microcontrollers without a unit for `f64` they are in
//!   integers; one that has it, such as a Cortex-M7, uses it with the feature `f64-unit`.
//! - **Bad input is an [`Error`]**, returned before anything is written.
//!
//! The formulas are those of PyTorch 2.15 (`torch.nn.functional`) unless a page says otherwise.
#![no_std]
#![deny(unsafe_code)]
// Loops over lanes index several arrays of one length.
#![allow(clippy::needless_range_loop)]
// Without vectors there is one lane, and there are no narrow rows.
#![allow(clippy::absurd_extreme_comparisons, clippy::modulo_one)]

#[cfg(any(feature = "std", test))]
extern crate std;

/// The losses that go element by element, a line each: PyTorch's functional name, as an identifier too, and the type. From
/// this list are made the kernels of each element type, the digests, and the verifier's functions.
#[doc(hidden)]
#[macro_export]
macro_rules! each_elementwise_loss {
    ($then:ident, $a:lifetime, $T:ty) => {
        $then! {
            $a, $T;
            MseLoss = "mse_loss" of $crate::Mse;
            BinaryCrossEntropy = "binary_cross_entropy" of $crate::Bce<$a, $T>;
            BinaryCrossEntropyWithLogits = "binary_cross_entropy_with_logits" of $crate::BceWithLogits<$a, $T>;
            HuberLoss = "huber_loss" of $crate::Huber;
            SigmoidFocalLoss = "sigmoid_focal_loss" of $crate::FocalWithLogits;
        }
    };
}

// Layers: each uses only those above it in this list. `.ci/layers.py` checks it.
pub mod activation;
mod check;
mod engine;
pub mod error;
mod front;
mod loss;
mod machine;
mod number;
#[doc(hidden)]
pub mod rows;
#[doc(hidden)]
pub mod sum;

pub use activation::{LogSigmoid, LogSoftmax, Sigmoid, Softmax, Softplus};
pub use engine::dispatch;
pub use error::{Argument, Error};
#[doc(hidden)]
pub use front::device;
pub use front::element::{self, Element};
pub use front::functions::{
    log_sigmoid, log_sigmoid_derivative, sigmoid, sigmoid_derivative, softplus, softplus_derivative,
};
pub use front::metrics::{self, accuracy, binary_accuracy};
#[cfg(feature = "half")]
pub use half;
pub use loss::bce::{self, Bce};
pub use loss::bce_with_logits::{self, BceWithLogits};
pub use loss::cross_entropy::{self, CrossEntropy};
pub use loss::focal_with_logits::{self, FocalWithLogits};
pub use loss::huber::{self, Huber};
pub use loss::mse::{self, Mse};
pub use loss::nll::{self, Nll};
pub use number::elementary;
#[doc(inline)]
pub use rows as classes;
pub use rows::{ClassIndex, Classes};
#[doc(inline)]
pub use sum as reduce;
pub use sum::{BLOCK, Partial, Reduction};

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
