//! Calls of activations that go element by element.

use crate::engine::batch::FillInLanes;
use crate::engine::element_map::{Map, fill_by_reference};
use crate::error::Error;
use crate::number::format::Format;
use crate::number::formula::Formula;
use crate::number::real::Real;

/// An activation that goes element by element: the reference formulas, and those of the fast paths.
pub(crate) trait Activation: Copy + Sync {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn value<T: Format>(&self, x: f64) -> T::Real;

    fn gradient<T: Format>(&self, x: f64) -> T::Real;

    /// The formulas of the fast paths: of x, and of x and what the derivative is multiplied by.
    type FastValue: Formula<1>;
    type FastGradient: Formula<2>;

    fn fast_value(&self) -> Self::FastValue;

    fn fast_gradient(&self) -> Self::FastGradient;
}

/// The value of each element.
#[derive(Clone, Copy)]
pub(crate) struct Forward<F>(pub(crate) F);

impl<T: Format, F: Activation> Map<T, 1> for Forward<F> {
    const PADDING: [f64; 1] = [0.0];

    #[inline(always)]
    fn reference(&self, [x]: [f64; 1], _: f64, _: f64) -> f64 {
        self.0.value::<T>(x).round()
    }
}

/// The derivative at each element times its `grad_output`.
#[derive(Clone, Copy)]
pub(crate) struct Backward<F>(pub(crate) F);

impl<T: Format, F: Activation> Map<T, 2> for Backward<F> {
    const PADDING: [f64; 2] = [0.0, 0.0];

    #[inline(always)]
    fn reference(&self, [x, scale]: [f64; 2], _: f64, _: f64) -> f64 {
        (self.0.gradient::<T>(x) * scale).round()
    }
}

/// A call of an activation that goes element by element, whose arguments have been checked.
pub(crate) struct ActivationCall<'a, T, F> {
    activation: F,
    input: &'a [T],
}

impl<'a, T: Format, F: Activation> ActivationCall<'a, T, F> {
    pub(crate) fn new(&activation: &F, input: &'a [T]) -> Result<Self, Error> {
        activation.check()?;
        Ok(Self { activation, input })
    }
}

impl<T: FillInLanes, F: Activation> ActivationCall<'_, T, F> {
    pub(crate) fn forward(&self, output: &mut [T]) {
        let inputs = [self.input];
        if !T::fill_in_lanes(&self.activation.fast_value(), inputs, output) {
            fill_by_reference(Forward(self.activation), inputs, output);
        }
    }

    pub(crate) fn backward(&self, grad_output: &[T], grad_input: &mut [T]) {
        let inputs = [self.input, grad_output];
        if !T::fill_in_lanes(&self.activation.fast_gradient(), inputs, grad_input) {
            fill_by_reference(Backward(self.activation), inputs, grad_input);
        }
    }
}
