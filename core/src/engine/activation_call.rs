//! Calls of activations that go element by element.

use crate::engine::batch::{Factors, Wanted};
use crate::engine::element_map::{FastElement, Map, fill_without_lanes};
use crate::engine::rounding_test::{Bracket, FAST_ERROR};
use crate::engine::try_lanes::TryLanes;
use crate::error::Error;
use crate::number::arithmetic::Arithmetic;
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

    /// The formula of the fast paths. Its gradient may assume that the factor is a number of the element type.
    type Fast: Formula<1>;

    fn fast(&self) -> Self::Fast;

    /// Whether these options have fast paths on machines without lanes: the two functions below, in one `f64`.
    fn has_fast_double(&self) -> bool {
        true
    }

    fn double_value<A: Arithmetic>(x: f64) -> f64;

    fn double_gradient<A: Arithmetic>(x: f64) -> f64;
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

    fn has_fast(&self) -> bool {
        T::FAST && self.0.has_fast_double()
    }

    #[inline(always)]
    fn fast<A: Arithmetic>(&self, [x]: [f64; 1]) -> FastElement {
        FastElement::output(Bracket::relative(F::double_value::<A>(x), FAST_ERROR))
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

    fn has_fast(&self) -> bool {
        T::FAST && self.0.has_fast_double()
    }

    #[inline(always)]
    fn fast<A: Arithmetic>(&self, [x, scale]: [f64; 2]) -> FastElement {
        FastElement::output(Bracket::finite(
            scale * F::double_gradient::<A>(x),
            FAST_ERROR,
        ))
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

impl<T: TryLanes, F: Activation> ActivationCall<'_, T, F> {
    /// Writes what is wanted, in lanes. Returns false, and writes nothing, if there are none.
    fn evaluate_in_lanes(&self, wanted: Wanted<'_, T>, output: &mut [T]) -> bool {
        let formula = self.activation.fast();
        T::evaluate(&formula, [self.input], self.input.len(), wanted, output).is_some()
    }

    pub(crate) fn forward(&self, output: &mut [T]) {
        if !self.evaluate_in_lanes(Wanted::Values, output) {
            fill_without_lanes(Forward(self.activation), [self.input], output);
        }
    }

    pub(crate) fn backward(&self, grad_output: &[T], grad_input: &mut [T]) {
        let wanted = Wanted::Gradients(Factors::Each(grad_output));
        if !self.evaluate_in_lanes(wanted, grad_input) {
            let inputs = [self.input, grad_output];
            fill_without_lanes(Backward(self.activation), inputs, grad_input);
        }
    }
}
