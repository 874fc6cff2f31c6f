//! The kernels, compiled once.
//!
//! A generic function is compiled anew in every crate that calls it, and kernels are large: loops for up to three SIMD
//! widths, with everything they call inlined into them. But there are few element types: for each of them, all
//! kernels are here as functions that are not generic, which are compiled with this crate. Other crates compile no more
//! than the checks of arguments.
//!
//! They are many functions, so that a program is linked with those alone that it calls.

use crate::activation::log_sigmoid::LogSigmoid;
use crate::activation::log_softmax::LogProbabilities;
use crate::activation::sigmoid::Sigmoid;
use crate::activation::softmax::Probabilities;
use crate::activation::softplus::Softplus;
use crate::engine::activation_call;
use crate::engine::element_call::ElementLossCall;
use crate::engine::row_loss::RowLoss;
use crate::engine::row_map::RowMapCall;
use crate::error::Error;
use crate::loss::cross_entropy::label_call::LabelCall;
use crate::loss::cross_entropy::probabilities::ProbabilityCall;
use crate::loss::nll;
use crate::number::format::Format;
use crate::sum::partial::Partial;

/// An element type as the kernels of a loss have it: what they make of a call whose arguments have been checked.
pub trait Loss<Call>: Sized {
    fn forward(call: &Call) -> Self;

    fn forward_each(call: &Call, losses: &mut [Self]) -> Result<(), Error>;

    fn backward(call: &Call, grad_output: Self, grad_input: &mut [Self]) -> Result<(), Error>;

    fn backward_each(
        call: &Call,
        grad_output: &[Self],
        grad_input: &mut [Self],
    ) -> Result<(), Error>;

    fn forward_backward(call: &Call, grad_input: &mut [Self]) -> Result<Self, Error>;

    fn partial(call: &Call, start: usize) -> Result<Partial<Self>, Error>
    where
        Self: Format;
}

/// The same for a function that is no loss.
pub trait Function<Call>: Sized {
    fn forward(call: &Call, output: &mut [Self]);

    fn backward(call: &Call, grad_output: &[Self], grad_input: &mut [Self]);
}

/// Hands over the calls that there are, with `$T` for the element type: a line for each loss of rows and each function.
/// Those of losses of elements have a list of their own, [`each_elementwise_loss`].
macro_rules! with_calls {
    ($macro:ident, $T:ty) => {
        $macro! {
            $T;
            losses {
                nll::NllCall<'a, $T>,
                LabelCall<'a, $T>,
                ProbabilityCall<'a, $T>,
            }
            functions {
                activation_call::ActivationCall<'a, $T, Sigmoid>,
                activation_call::ActivationCall<'a, $T, LogSigmoid>,
                activation_call::ActivationCall<'a, $T, Softplus>,
                RowMapCall<'a, $T, Probabilities>,
                RowMapCall<'a, $T, LogProbabilities>,
            }
        }
    };
}

macro_rules! bounds {
    ($T:ty; losses { $($loss:ty,)* } functions { $($function:ty,)* }) => {
        /// An element type that has all kernels.
        #[allow(private_bounds)]
        pub trait Compiled:
            ElementwiseCompiled $(+ for<'a> Loss<$loss>)* $(+ for<'a> Function<$function>)*
        {
        }
    };
}

macro_rules! elementwise_bounds {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty;)*) => {
        /// The same of losses of elements.
        #[allow(private_bounds)]
        pub trait ElementwiseCompiled: Sized $(+ for<$a> Loss<ElementLossCall<$a, Self, $loss>>)* {}
    };
}

macro_rules! elementwise_instances {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty;)*) => {
        $(losses!($T, ElementLossCall<$a, $T, $loss>);)*

        impl ElementwiseCompiled for $T {}
    };
}

macro_rules! losses {
    ($T:ty, $loss:ty) => {
        impl<'a> Loss<$loss> for $T {
            fn forward(call: &$loss) -> $T {
                call.forward()
            }

            fn forward_each(call: &$loss, losses: &mut [$T]) -> Result<(), Error> {
                call.forward_each(losses)
            }

            fn backward(call: &$loss, grad_output: $T, grad_input: &mut [$T]) -> Result<(), Error> {
                call.backward(grad_output, grad_input)
            }

            fn backward_each(
                call: &$loss,
                grad_output: &[$T],
                grad_input: &mut [$T],
            ) -> Result<(), Error> {
                call.backward_each(grad_output, grad_input)
            }

            fn forward_backward(call: &$loss, grad_input: &mut [$T]) -> Result<$T, Error> {
                call.forward_backward(grad_input)
            }

            fn partial(call: &$loss, start: usize) -> Result<Partial<$T>, Error> {
                call.partial(start)
            }
        }
    };
}

macro_rules! instances {
    ($T:ty; losses { $($loss:ty,)* } functions { $($function:ty,)* }) => {
        $(losses!($T, $loss);)*

        $(impl<'a> Function<$function> for $T {
            fn forward(call: &$function, output: &mut [$T]) {
                call.forward(output);
            }

            fn backward(call: &$function, grad_output: &[$T], grad_input: &mut [$T]) {
                call.backward(grad_output, grad_input);
            }
        })*

        impl Compiled for $T {}
    };
}

macro_rules! element {
    ($T:ty) => {
        with_calls!(instances, $T);
        each_elementwise_loss!(elementwise_instances, 'a, $T);
    };
}

with_calls!(bounds, Self);

each_elementwise_loss!(elementwise_bounds, 'a, Self);

element!(f32);

element!(f64);

#[cfg(feature = "half")]
element!(half::f16);

#[cfg(feature = "half")]
element!(half::bf16);
