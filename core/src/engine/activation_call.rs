//! Calls of activations that go element by element.

use crate::engine::element_map::{Map, Quick, fill};
use crate::engine::rounding_test::{Near, QUICK_ERROR};
use crate::error::Error;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::number::real::Wide;

/// An activation that goes element by element: the formulas of record, and quick paths for both.
pub(crate) trait Activation: Copy + Sync {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn value<T: Format>(&self, x: f64) -> T::Wide;

    fn gradient<T: Format>(&self, x: f64) -> T::Wide;

    /// Whether these options have quick paths.
    fn has_quick(&self) -> bool {
        true
    }

    fn quick_value<A: Arithmetic>(x: f64) -> f64;

    fn quick_gradient<A: Arithmetic>(x: f64) -> f64;
}

/// The value of each element.
#[derive(Clone, Copy)]
pub(crate) struct Forward<F>(pub(crate) F);

impl<T: Format, F: Activation> Map<T, 1> for Forward<F> {
    const PADDING: [f64; 1] = [0.0];

    #[inline(always)]
    fn record(&self, [x]: [f64; 1], _: f64, _: f64) -> f64 {
        self.0.value::<T>(x).round()
    }

    fn has_quick(&self) -> bool {
        T::QUICK && self.0.has_quick()
    }

    #[inline(always)]
    fn quick<A: Arithmetic>(&self, [x]: [f64; 1]) -> Quick {
        Quick::output(Near::relative(F::quick_value::<A>(x), QUICK_ERROR))
    }
}

/// The derivative at each element times its `grad_output`.
#[derive(Clone, Copy)]
pub(crate) struct Backward<F>(pub(crate) F);

impl<T: Format, F: Activation> Map<T, 2> for Backward<F> {
    const PADDING: [f64; 2] = [0.0, 0.0];

    #[inline(always)]
    fn record(&self, [x, scale]: [f64; 2], _: f64, _: f64) -> f64 {
        (self.0.gradient::<T>(x) * scale).round()
    }

    fn has_quick(&self) -> bool {
        T::QUICK && self.0.has_quick()
    }

    #[inline(always)]
    fn quick<A: Arithmetic>(&self, [x, scale]: [f64; 2]) -> Quick {
        Quick::output(Near::finite(scale * F::quick_gradient::<A>(x), QUICK_ERROR))
    }
}

/// A call of an activation that goes element by element, whose arguments have been checked.
pub(crate) struct ElementCall<'a, T, F> {
    activation: F,
    input: &'a [T],
}

impl<'a, T: Format, F: Activation> ElementCall<'a, T, F> {
    pub(crate) fn new(&activation: &F, input: &'a [T]) -> Result<Self, Error> {
        activation.check()?;
        Ok(Self { activation, input })
    }

    pub(crate) fn forward(&self, output: &mut [T]) {
        fill(Forward(self.activation), [self.input], output);
    }

    pub(crate) fn backward(&self, grad_output: &[T], grad_input: &mut [T]) {
        let inputs = [self.input, grad_output];
        fill(Backward(self.activation), inputs, grad_input);
    }
}
