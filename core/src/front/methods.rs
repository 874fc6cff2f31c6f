//! The public methods of losses and activations, each written once.
//!
//! Examples are the same for every loss, and hold for every loss: a type gives two elements or rows, and targets towards
//! which the loss falls.

use super::compiled::{Function, Loss};
use super::element::Element;
use crate::activation::log_softmax::{LogProbabilities, LogSoftmax};
use crate::activation::softmax::{Probabilities, Softmax};
use crate::activation::{LogSigmoid, Sigmoid, Softplus};
use crate::check::check_length;
use crate::engine::activation_call;
use crate::engine::element_call::ElementLossCall;
use crate::engine::row_map::RowMapCall;
use crate::error::{Argument, Error};
use crate::loss::bce::Bce;
use crate::loss::bce_with_logits::BceWithLogits;
use crate::loss::cross_entropy::CrossEntropy;
use crate::loss::focal_with_logits::FocalWithLogits;
use crate::loss::huber::Huber;
use crate::loss::mse::Mse;
use crate::loss::nll::Nll;
use crate::rows::{ClassIndex, Classes};
use crate::sum::Partial;

/// The methods of a loss for one kind of target.
///
/// - `input: T` and `target: T`: the arguments' types, with `generics` of their own;
/// - `check`: makes a call of them, if they are legal;
/// - `setup`: lines of the examples that make `input` and `target`, of `len` elements in two losses.
macro_rules! methods {
    (
        $Loss:ident of $T:ident [$($generics:tt)*], $input:ty, $target:ty, $check:path;
        each: $each:literal, setup: [$($setup:literal),*], len: $len:literal;
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident,
        $forward_backward:ident, $partial:ident
    ) => {
        #[doc = concat!("The reduced loss of all ", $each, "s: their mean or sum.")]
        ///
        /// # Errors
        ///
        /// Those of the type's page.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($Loss), ", Reduction};")]
        ///
        $(#[doc = $setup])*
        #[doc = concat!("let loss = ", stringify!($Loss), "::new();")]
        #[doc = concat!("let mean = loss.", stringify!($forward), "(input, &target)?;")]
        #[doc = concat!("let sum = loss.reduction(Reduction::Sum).", stringify!($forward), "(input, &target)?;")]
        /// assert_eq!(mean, sum / 2.0);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $forward<$($generics)*>(&self, input: $input, target: &[$target]) -> Result<$T, Error> {
            Ok(<$T as Loss<_>>::forward(&$check(self, input, target)?))
        }

        #[doc = concat!("The loss of each ", $each, " (`reduction='none'`).")]
        ///
        /// # Errors
        ///
        #[doc = concat!("Those of the type's page, and [`Error::Length`] where `losses` does not have one entry for each ", $each, ".")]
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($Loss), "};")]
        ///
        $(#[doc = $setup])*
        #[doc = concat!("let loss = ", stringify!($Loss), "::new();")]
        /// let mut losses = [0.0; 2];
        #[doc = concat!("loss.", stringify!($forward_each), "(input, &target, &mut losses)?;")]
        /// // The mean is rounded once, from losses that are not.
        /// let mean = (losses[0] + losses[1]) / 2.0;
        #[doc = concat!("assert!((loss.", stringify!($forward), "(input, &target)? - mean).abs() <= mean * f32::EPSILON);")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $forward_each<$($generics)*>(
            &self,
            input: $input,
            target: &[$target],
            losses: &mut [$T],
        ) -> Result<(), Error> {
            <$T as Loss<_>>::forward_each(&$check(self, input, target)?, losses)
        }

        /// The gradient of the reduced loss with respect to the input, times `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($Loss), "};")]
        ///
        $(#[doc = $setup])*
        #[doc = concat!("let loss = ", stringify!($Loss), "::new();")]
        #[doc = concat!("let mut grad = [0.0; ", stringify!($len), "];")]
        #[doc = concat!("loss.", stringify!($backward), "(input, &target, 1.0, &mut grad)?;")]
        /// // A larger first input is nearer to its target: the loss falls.
        /// assert!(grad[0] < 0.0);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $backward<$($generics)*>(
            &self,
            input: $input,
            target: &[$target],
            grad_output: $T,
            grad_input: &mut [$T],
        ) -> Result<(), Error> {
            let call = $check(self, input, target)?;
            <$T as Loss<_>>::backward(&call, grad_output, grad_input)
        }

        #[doc = concat!("The gradient of each ", $each, "'s loss, times that ", $each, "'s `grad_output`.")]
        ///
        /// # Errors
        ///
        #[doc = concat!("Those of the type's page, and [`Error::Length`] where `grad_output` does not have one entry for each ", $each, ",")]
        /// or `grad_input` does not have the input's length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($Loss), "};")]
        ///
        $(#[doc = $setup])*
        #[doc = concat!("let loss = ", stringify!($Loss), "::new();")]
        #[doc = concat!("let (mut grad, mut mean) = ([0.0; ", stringify!($len), "], [0.0; ", stringify!($len), "]);")]
        #[doc = concat!("loss.", stringify!($backward_each), "(input, &target, &[0.5, 0.0], &mut grad)?;")]
        #[doc = concat!("loss.", stringify!($backward), "(input, &target, 1.0, &mut mean)?;")]
        #[doc = concat!("// In the mean of two ", $each, "s each counts a half; here the second does not count.")]
        /// assert_eq!((grad[0], grad[grad.len() - 1]), (mean[0], 0.0));
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $backward_each<$($generics)*>(
            &self,
            input: $input,
            target: &[$target],
            grad_output: &[$T],
            grad_input: &mut [$T],
        ) -> Result<(), Error> {
            let call = $check(self, input, target)?;
            <$T as Loss<_>>::backward_each(&call, grad_output, grad_input)
        }

        /// The reduced loss, and its gradient with a `grad_output` of 1, in one pass, with the bits that the two calls give.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($Loss), "};")]
        ///
        $(#[doc = $setup])*
        #[doc = concat!("let loss = ", stringify!($Loss), "::new();")]
        #[doc = concat!("let (mut both, mut grad) = ([0.0; ", stringify!($len), "], [0.0; ", stringify!($len), "]);")]
        #[doc = concat!("let value = loss.", stringify!($forward_backward), "(input, &target, &mut both)?;")]
        #[doc = concat!("loss.", stringify!($backward), "(input, &target, 1.0, &mut grad)?;")]
        #[doc = concat!("assert_eq!((value, both), (loss.", stringify!($forward), "(input, &target)?, grad));")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $forward_backward<$($generics)*>(
            &self,
            input: $input,
            target: &[$target],
            grad_input: &mut [$T],
        ) -> Result<$T, Error> {
            <$T as Loss<_>>::forward_backward(&$check(self, input, target)?, grad_input)
        }

        #[doc = concat!("The part of a larger batch's loss that comes from these ", $each, "s; `start` ", $each, "s come before them.")]
        #[doc = "A weight that broadcasts begins with the first of them."]
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::NotOnBlockBoundary`] where `start` is not a multiple of
        /// [`BLOCK`](crate::BLOCK), [`Error::ShapeOverflow`] where the batch has more than a `usize` counts.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($Loss), ", Reduction};")]
        ///
        $(#[doc = $setup])*
        #[doc = concat!("let loss = ", stringify!($Loss), "::new();")]
        #[doc = concat!("let whole = loss.", stringify!($partial), "(input, &target, 0)?;")]
        #[doc = concat!("assert_eq!(whole.finish(Reduction::Mean)?, loss.", stringify!($forward), "(input, &target)?);")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $partial<$($generics)*>(
            &self,
            input: $input,
            target: &[$target],
            start: usize,
        ) -> Result<Partial<$T>, Error> {
            <$T as Loss<_>>::partial(&$check(self, input, target)?, start)
        }
    };
    // A loss of elements.
    (elements $Loss:ident of $T:ident [$($generics:tt)*]; target: $example:literal) => {
        methods! {
            $Loss of $T [$($generics)*], &[$T], $T, ElementLossCall::new;
            each: "element", setup: ["let input = &[0.5_f32, 0.25];", $example], len: 2;
            forward, forward_each, backward, backward_each, forward_backward, partial
        }
    };
    // A loss of rows.
    (
        rows $Loss:ident of $T:ident [$($generics:tt)*], $target:ty, $check:path; target: $example:literal;
        $($method:ident),*
    ) => {
        methods! {
            $Loss of $T [$($generics)*], Classes<'_, $T>, $target, $check;
            each: "row",
            setup: [
                "let data = [-0.5_f32, -1.0, -2.0, -0.25];",
                "let input = Classes::new(&data, [2, 2])?;",
                $example
            ],
            len: 4;
            $($method),*
        }
    };
}

/// The methods of an activation, of elements or of rows: `setup` makes `input`, of two elements with a `grad_output`, and
/// `value` and `gradient` say what comes out.
macro_rules! activation_methods {
    (
        $Activation:ident, $input:ty, $elements:ident, $call:expr;
        each: $each:literal, setup: [$($setup:literal),*], value: $value:expr, gradient: $gradient:expr
    ) => {
        #[doc = concat!("The value of each ", $each, ".")]
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `output` does not have the input's length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($Activation), "};")]
        ///
        $(#[doc = $setup])*
        /// let mut output = [0.0; 2];
        #[doc = concat!(stringify!($Activation), "::new().forward(input, &mut output)?;")]
        #[doc = concat!("assert_eq!(output, ", $value, ");")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn forward<T: Element>(&self, input: $input, output: &mut [T]) -> Result<(), Error> {
            let call = $call(self, input)?;
            check_length(Argument::Output, input.$elements(), output.len())?;
            <T as Function<_>>::forward(&call, output);
            Ok(())
        }

        #[doc = concat!("The gradient of each ", $each, " with respect to the input (not the output), times its `grad_output`.")]
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_output` or `grad_input` does not have the input's
        /// length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($Activation), "};")]
        ///
        $(#[doc = $setup])*
        /// let mut grad_input = [0.0; 2];
        #[doc = concat!(stringify!($Activation), "::new().backward(input, &[1.0, 0.0], &mut grad_input)?;")]
        #[doc = concat!("assert_eq!(grad_input, ", $gradient, ");")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn backward<T: Element>(
            &self,
            input: $input,
            grad_output: &[T],
            grad_input: &mut [T],
        ) -> Result<(), Error> {
            let call = $call(self, input)?;
            check_length(Argument::GradOutput, input.$elements(), grad_output.len())?;
            check_length(Argument::GradInput, input.$elements(), grad_input.len())?;
            <T as Function<_>>::backward(&call, grad_output, grad_input);
            Ok(())
        }
    };
    // Of elements, with its functions of one number.
    (elements $Activation:ident, $value:ident, $derivative:ident) => {
        impl $Activation {
            activation_methods! {
                $Activation, &[T], len, activation_call::ActivationCall::new;
                each: "element",
                setup: ["let input = &[-1.0_f32, 2.0];"],
                value: concat!("input.map(trueloss::", stringify!($value), ")"),
                gradient: concat!("[trueloss::", stringify!($derivative), "(-1.0), 0.0]")
            }
        }
    };
    // Of rows: the value and the gradient of two equal logits.
    (rows $Activation:ident, $map:expr; value: $value:literal, gradient: $gradient:literal) => {
        impl $Activation {
            activation_methods! {
                $Activation, Classes<'_, T>, elements, |_, input| Ok::<_, Error>(RowMapCall::new($map, input));
                each: "row",
                setup: ["let input = Classes::new(&[7.0_f32, 7.0], [2])?;"],
                value: $value,
                gradient: $gradient
            }
        }
    };
}

impl Mse {
    methods! { elements Mse of T [T: Element]; target: "let target = [1.0, 0.0];" }
}

impl Huber {
    methods! { elements Huber of T [T: Element]; target: "let target = [1.0, 0.0];" }
}

impl FocalWithLogits {
    methods! { elements FocalWithLogits of T [T: Element]; target: "let target = [1.0, 0.0];" }
}

impl<T: Element> Bce<'_, T> {
    methods! { elements Bce of T []; target: "let target = [1.0, 0.0];" }
}

impl<T: Element> BceWithLogits<'_, T> {
    methods! { elements BceWithLogits of T []; target: "let target = [1.0, 0.0];" }
}

impl<T: Element> Nll<'_, T> {
    methods! {
        rows Nll of T [I: ClassIndex], I, Self::check; target: "let target = [0_u8, 1];";
        forward, forward_each, backward, backward_each, forward_backward, partial
    }
}

impl<T: Element> CrossEntropy<'_, T> {
    methods! {
        rows CrossEntropy of T [I: ClassIndex], I, Self::check; target: "let target = [0_u8, 1];";
        forward, forward_each, backward, backward_each, forward_backward, partial
    }

    methods! {
        rows CrossEntropy of T [], T, Self::check_probabilities; target: "let target = [0.75, 0.25, 0.125, 0.875];";
        forward_probabilities, forward_each_probabilities, backward_probabilities,
        backward_each_probabilities, forward_backward_probabilities, partial_probabilities
    }
}

activation_methods! { elements Sigmoid, sigmoid, sigmoid_derivative }
activation_methods! { elements LogSigmoid, log_sigmoid, log_sigmoid_derivative }
activation_methods! { elements Softplus, softplus, softplus_derivative }
activation_methods! { rows Softmax, Probabilities; value: "[0.5, 0.5]", gradient: "[0.25, -0.25]" }
activation_methods! {
    rows LogSoftmax, LogProbabilities; value: "[-core::f32::consts::LN_2; 2]", gradient: "[0.5, -0.5]"
}
