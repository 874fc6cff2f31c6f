//! What the functions have in common: inputs with their shapes, options, and the ways to call a loss.

use crate::memory::{Access, Failure, Memory, report};
use crate::status::*;
use trueloss::device::NUMBERS;
use trueloss::{Classes, CrossEntropy, Element, Error, Nll, Partial, Reduction};

/// An input as C gives it: a pointer, and how many elements are behind it.
pub(crate) trait Source<'a> {
    /// The type of its elements.
    type Element: Element;
    /// What the kernels take it as.
    type Input: Copy;

    /// # Safety
    ///
    /// That of the crate.
    unsafe fn read(&self, memory: &mut Memory) -> Result<Operand<Self::Input>, Failure>;
}

/// An input and its sizes.
#[derive(Clone, Copy)]
pub(crate) struct Operand<Input> {
    input: Input,
    elements: usize,
    /// How many losses it has: one for each element, or for each row.
    losses: usize,
}

/// Elements without a shape.
pub(crate) struct Flat<T> {
    input: *const T,
    len: usize,
}

pub(crate) fn flat<T>(input: *const T, len: usize) -> Flat<T> {
    Flat { input, len }
}

impl<'a, T: Element> Source<'a> for Flat<T> {
    type Element = T;
    type Input = &'a [T];

    unsafe fn read(&self, memory: &mut Memory) -> Result<Operand<&'a [T]>, Failure> {
        Ok(Operand {
            // SAFETY: the caller's promise.
            input: unsafe { memory.input(TRUELOSS_ARGUMENT_INPUT, self.input, self.len) }?,
            elements: self.len,
            losses: self.len,
        })
    }
}

/// Elements with a shape, taken as rows.
pub(crate) struct Rows<T> {
    input: *const T,
    shape: *const usize,
    rank: usize,
    /// The dimension along which a row lies; none for the one that classes have.
    dim: Option<usize>,
}

/// Rows of classes: the shape is (C), (N, C) or (N, C, d1..dK).
pub(crate) fn classes<T>(input: *const T, shape: *const usize, rank: usize) -> Rows<T> {
    Rows {
        input,
        shape,
        rank,
        dim: None,
    }
}

/// Rows along any dimension.
pub(crate) fn along<T>(input: *const T, shape: *const usize, rank: usize, dim: usize) -> Rows<T> {
    Rows {
        input,
        shape,
        rank,
        dim: Some(dim),
    }
}

impl<'a, T: Element> Source<'a> for Rows<T> {
    type Element = T;
    type Input = Classes<'a, T>;

    unsafe fn read(&self, memory: &mut Memory) -> Result<Operand<Classes<'a, T>>, Failure> {
        // SAFETY: the caller's promise.
        let shape = unsafe { memory.input(TRUELOSS_ARGUMENT_SHAPE, self.shape, self.rank) }?;
        let rows = |data| match self.dim {
            None => Classes::new(data, shape),
            Some(dim) => Classes::along(data, shape, dim),
        };
        // How many elements the shape has is what is missing where there are none.
        let elements = match rows(&[]) {
            Ok(_) => 0,
            Err(Error::Length { expected, .. }) => expected,
            Err(error) => return Err(error.into()),
        };
        // SAFETY: the caller's promise.
        let data = unsafe { memory.input(TRUELOSS_ARGUMENT_INPUT, self.input, elements) }?;
        let input = rows(data)?;
        Ok(Operand {
            input,
            elements,
            losses: input.rows(),
        })
    }
}

/// A type that targets may have.
pub(crate) trait Target: 'static {
    /// How many there are for one input.
    fn count<Input>(input: &Operand<Input>) -> usize;
}

/// A class index for each row.
impl Target for i64 {
    fn count<Input>(input: &Operand<Input>) -> usize {
        input.losses
    }
}

/// A value or a probability for each element.
impl Target for f32 {
    fn count<Input>(input: &Operand<Input>) -> usize {
        input.elements
    }
}

/// Likewise.
impl Target for f64 {
    fn count<Input>(input: &Operand<Input>) -> usize {
        input.elements
    }
}

/// The ways to call a loss, alike for all of them.
pub(crate) trait Loss<T: Element, Input, Target> {
    fn forward(&self, input: Input, target: &[Target]) -> Result<T, Error>;
    fn forward_each(&self, input: Input, target: &[Target], losses: &mut [T]) -> Result<(), Error>;
    fn backward(
        &self,
        input: Input,
        target: &[Target],
        grad_output: T,
        grad_input: &mut [T],
    ) -> Result<(), Error>;
    fn backward_each(
        &self,
        input: Input,
        target: &[Target],
        grad_output: &[T],
        grad_input: &mut [T],
    ) -> Result<(), Error>;
    fn forward_backward(
        &self,
        input: Input,
        target: &[Target],
        grad_input: &mut [T],
    ) -> Result<T, Error>;
    fn partial(&self, input: Input, target: &[Target], start: usize) -> Result<Partial<T>, Error>;
}

/// A [`Loss`] is the loss's own methods, by their names for this kind of target.
macro_rules! loss {
    (
        [$($generics:tt)*] $loss:ty, of $T:ty, $input:ty, $target:ty;
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident,
        $forward_backward:ident, $partial:ident
    ) => {
        impl<'a, $($generics)*> Loss<$T, $input, $target> for $loss {
            fn forward(&self, input: $input, target: &[$target]) -> Result<$T, Error> {
                self.$forward(input, target)
            }

            fn forward_each(
                &self,
                input: $input,
                target: &[$target],
                losses: &mut [$T],
            ) -> Result<(), Error> {
                self.$forward_each(input, target, losses)
            }

            fn backward(
                &self,
                input: $input,
                target: &[$target],
                grad_output: $T,
                grad_input: &mut [$T],
            ) -> Result<(), Error> {
                self.$backward(input, target, grad_output, grad_input)
            }

            fn backward_each(
                &self,
                input: $input,
                target: &[$target],
                grad_output: &[$T],
                grad_input: &mut [$T],
            ) -> Result<(), Error> {
                self.$backward_each(input, target, grad_output, grad_input)
            }

            fn forward_backward(
                &self,
                input: $input,
                target: &[$target],
                grad_input: &mut [$T],
            ) -> Result<$T, Error> {
                self.$forward_backward(input, target, grad_input)
            }

            fn partial(
                &self,
                input: $input,
                target: &[$target],
                start: usize,
            ) -> Result<Partial<$T>, Error> {
                self.$partial(input, target, start)
            }
        }
    };
    ([$($generics:tt)*] $loss:ty, of $T:ty, $input:ty, $target:ty) => {
        loss!(
            [$($generics)*] $loss, of $T, $input, $target;
            forward, forward_each, backward, backward_each, forward_backward, partial
        );
    };
    (probabilities of $T:ty) => {
        loss!(
            [] CrossEntropy<'_, $T>, of $T, Classes<'a, $T>, $T;
            forward_probabilities, forward_each_probabilities, backward_probabilities,
            backward_each_probabilities, forward_backward_probabilities, partial_probabilities
        );
    };
}

macro_rules! losses_of_elements {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, $about:tt;)*) => {
        $(loss!([T: Element] $loss, of T, &'a [T], T);)*
    };
}

trueloss::each_elementwise_loss!(losses_of_elements, '_, T);
loss!([T: Element] Nll<'_, T>, of T, Classes<'a, T>, i64);
loss!([T: Element] CrossEntropy<'_, T>, of T, Classes<'a, T>, i64);
loss!(probabilities of f32);
loss!(probabilities of f64);

/// Options as C gives them.
pub(crate) trait Options<'a>: Copy + Default {
    /// The loss that they are options of.
    type Loss;

    /// Where the detail of a failure is wanted.
    fn error(&self) -> *mut trueloss_error;

    /// `numbers` are the options that are numbers, which a function takes as arguments of their own: zeros are no default of
    /// theirs.
    ///
    /// # Safety
    ///
    /// That of the crate.
    unsafe fn loss(
        &self,
        numbers: [f64; NUMBERS],
        memory: &mut Memory,
    ) -> Result<Self::Loss, Failure>;
}

/// What [`Options`] of a loss of elements are, by its weights and how many numbers each has.
macro_rules! options_of_elements {
    ($options:ident of $T:ty: $loss:ty; $($weight:ident $len:ident)*) => {
        impl Default for $options {
            fn default() -> Self {
                Self {
                    $($weight: core::ptr::null(), $len: 0,)*
                    reduction: $crate::library::TRUELOSS_REDUCTION_MEAN,
                    error: core::ptr::null_mut(),
                }
            }
        }

        impl<'a> $crate::call::Options<'a> for $options {
            type Loss = $loss;

            fn error(&self) -> *mut trueloss_error {
                self.error
            }

            unsafe fn loss(
                &self,
                numbers: [f64; trueloss::device::NUMBERS],
                _memory: &mut $crate::memory::Memory,
            ) -> Result<Self::Loss, $crate::memory::Failure> {
                #[allow(unused_mut)] // Without weights.
                let mut options = trueloss::device::Options {
                    reduction: $crate::call::reduction(self.reduction)?,
                    weight: <$T as trueloss::device::Format>::ONE,
                    pos_weight: <$T as trueloss::device::Format>::ONE,
                    numbers,
                };
                $(
                    let argument = $crate::call::argument_of!($weight);
                    // SAFETY: the caller's promise.
                    let weight = unsafe { _memory.optional(argument, self.$weight, self.$len) }?;
                    options.$weight = weight.unwrap_or(options.$weight);
                )*
                Ok(<$loss as trueloss::device::FromOptions<'_, $T>>::from_options(options))
            }
        }
    };
}
pub(crate) use options_of_elements;

/// The number of a weight as an argument.
macro_rules! argument_of {
    (weight) => {
        $crate::status::TRUELOSS_ARGUMENT_WEIGHT
    };
    (pos_weight) => {
        $crate::status::TRUELOSS_ARGUMENT_POS_WEIGHT
    };
}
pub(crate) use argument_of;

pub(crate) fn reduction(reduction: u32) -> Result<Reduction, Failure> {
    match reduction {
        crate::library::TRUELOSS_REDUCTION_MEAN => Ok(Reduction::Mean),
        crate::library::TRUELOSS_REDUCTION_SUM => Ok(Reduction::Sum),
        _ => Err(Failure::new(
            TRUELOSS_ERROR_REDUCTION,
            TRUELOSS_ARGUMENT_REDUCTION,
        )),
    }
}

/// A loss of an input and a target, under options that may be null.
pub(crate) struct Call<S, Y, O> {
    input: S,
    target: *const Y,
    numbers: [f64; NUMBERS],
    options: *const O,
}

pub(crate) fn call<S, Y, O>(input: S, target: *const Y, options: *const O) -> Call<S, Y, O> {
    call_with(input, target, [], options)
}

/// With options that are numbers.
pub(crate) fn call_with<const N: usize, S, Y, O>(
    input: S,
    target: *const Y,
    some: [f64; N],
    options: *const O,
) -> Call<S, Y, O> {
    let mut numbers = [0.0; NUMBERS];
    for (to, number) in numbers.iter_mut().zip(some) {
        *to = number;
    }
    Call {
        input,
        target,
        numbers,
        options,
    }
}

/// A call's arguments, checked and read.
struct Arguments<'a, Input, Y, L> {
    loss: L,
    input: Operand<Input>,
    target: &'a [Y],
}

impl<'a, S, Y, O> Call<S, Y, O>
where
    S: Source<'a>,
    Y: Target,
    O: Options<'a>,
    O::Loss: Loss<S::Element, S::Input, Y>,
{
    /// Reads the arguments, hands them on, and reports.
    ///
    /// # Safety
    ///
    /// That of the crate.
    unsafe fn run(
        self,
        body: impl FnOnce(Arguments<'a, S::Input, Y, O::Loss>, &mut Memory) -> Result<(), Failure>,
    ) -> trueloss_status {
        let mut options = O::default();
        if !self.options.is_null() {
            if !self.options.is_aligned() {
                return TRUELOSS_ERROR_MISALIGNED;
            }
            // SAFETY: neither null nor misaligned; the rest is the caller's promise.
            options = unsafe { *self.options };
        }
        let mut memory = Memory::new();
        let memory = &mut memory;
        let arguments = || {
            // SAFETY: the caller's promise.
            let loss = unsafe { options.loss(self.numbers, memory) }?;
            // SAFETY: the caller's promise.
            let input = unsafe { self.input.read(memory) }?;
            let count = Y::count(&input);
            // SAFETY: the caller's promise.
            let target = unsafe { memory.input(TRUELOSS_ARGUMENT_TARGET, self.target, count) }?;
            body(
                Arguments {
                    loss,
                    input,
                    target,
                },
                memory,
            )
        };
        let result = arguments();
        // SAFETY: the caller's promise.
        unsafe { report(result, options.error()) }
    }

    /// # Safety
    ///
    /// That of the crate, here and below.
    pub(crate) unsafe fn forward(self, loss: *mut S::Element) -> trueloss_status {
        let body = |call: Arguments<'a, S::Input, Y, O::Loss>, memory: &mut Memory| {
            // SAFETY: the caller's promise.
            let loss = unsafe { memory.output_one(TRUELOSS_ARGUMENT_LOSSES, loss) }?;
            *loss = call.loss.forward(call.input.input, call.target)?;
            Ok(())
        };
        // SAFETY: the caller's promise.
        unsafe { self.run(body) }
    }

    pub(crate) unsafe fn forward_each(self, losses: *mut S::Element) -> trueloss_status {
        let body = |call: Arguments<'a, S::Input, Y, O::Loss>, memory: &mut Memory| {
            let Operand {
                input, losses: len, ..
            } = call.input;
            // SAFETY: the caller's promise.
            let losses = unsafe { memory.output(TRUELOSS_ARGUMENT_LOSSES, losses, len) }?;
            Ok(call.loss.forward_each(input, call.target, losses)?)
        };
        // SAFETY: the caller's promise.
        unsafe { self.run(body) }
    }

    pub(crate) unsafe fn backward(
        self,
        grad_output: S::Element,
        grad_input: *mut S::Element,
    ) -> trueloss_status {
        let body = |call: Arguments<'a, S::Input, Y, O::Loss>, memory: &mut Memory| {
            let Operand {
                input, elements, ..
            } = call.input;
            // SAFETY: the caller's promise.
            let grad_input =
                unsafe { memory.output(TRUELOSS_ARGUMENT_GRAD_INPUT, grad_input, elements) }?;
            Ok(call
                .loss
                .backward(input, call.target, grad_output, grad_input)?)
        };
        // SAFETY: the caller's promise.
        unsafe { self.run(body) }
    }

    pub(crate) unsafe fn backward_each(
        self,
        grad_output: *const S::Element,
        grad_input: *mut S::Element,
    ) -> trueloss_status {
        let body = |call: Arguments<'a, S::Input, Y, O::Loss>, memory: &mut Memory| {
            let Operand {
                input,
                elements,
                losses,
            } = call.input;
            // SAFETY: the caller's promise.
            let grad_output =
                unsafe { memory.input(TRUELOSS_ARGUMENT_GRAD_OUTPUT, grad_output, losses) }?;
            // SAFETY: the caller's promise.
            let grad_input =
                unsafe { memory.output(TRUELOSS_ARGUMENT_GRAD_INPUT, grad_input, elements) }?;
            Ok(call
                .loss
                .backward_each(input, call.target, grad_output, grad_input)?)
        };
        // SAFETY: the caller's promise.
        unsafe { self.run(body) }
    }

    pub(crate) unsafe fn forward_backward(
        self,
        loss: *mut S::Element,
        grad_input: *mut S::Element,
    ) -> trueloss_status {
        let body = |call: Arguments<'a, S::Input, Y, O::Loss>, memory: &mut Memory| {
            let Operand {
                input, elements, ..
            } = call.input;
            // SAFETY: the caller's promise.
            let loss = unsafe { memory.output_one(TRUELOSS_ARGUMENT_LOSSES, loss) }?;
            // SAFETY: the caller's promise.
            let grad_input =
                unsafe { memory.output(TRUELOSS_ARGUMENT_GRAD_INPUT, grad_input, elements) }?;
            *loss = call.loss.forward_backward(input, call.target, grad_input)?;
            Ok(())
        };
        // SAFETY: the caller's promise.
        unsafe { self.run(body) }
    }

    /// `partial` is where a [`Storage`](crate::partial::Storage) is wanted.
    pub(crate) unsafe fn partial<P: crate::partial::Storage<Element = S::Element>>(
        self,
        start: usize,
        partial: *mut P,
    ) -> trueloss_status {
        let body = |call: Arguments<'a, S::Input, Y, O::Loss>, memory: &mut Memory| {
            memory.check_one(TRUELOSS_ARGUMENT_PARTIAL, partial, Access::Write)?;
            let value = call.loss.partial(call.input.input, call.target, start)?;
            // SAFETY: checked above; the rest is the caller's promise.
            unsafe { crate::partial::store(value, partial) };
            Ok(())
        };
        // SAFETY: the caller's promise.
        unsafe { self.run(body) }
    }
}

/// The values of an activation.
///
/// # Safety
///
/// That of the crate.
pub(crate) unsafe fn activation<'a, S: Source<'a>>(
    input: S,
    output: *mut S::Element,
    forward: impl FnOnce(S::Input, &mut [S::Element]) -> Result<(), Error>,
) -> trueloss_status {
    let memory = &mut Memory::new();
    let body = || {
        // SAFETY: the caller's promise.
        let Operand {
            input, elements, ..
        } = unsafe { input.read(memory) }?;
        // SAFETY: the caller's promise.
        let output = unsafe { memory.output(TRUELOSS_ARGUMENT_OUTPUT, output, elements) }?;
        Ok(forward(input, output)?)
    };
    let result = body();
    // SAFETY: no detail is wanted.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// The gradients of an activation.
///
/// # Safety
///
/// That of the crate.
pub(crate) unsafe fn activation_gradient<'a, S: Source<'a>>(
    input: S,
    grad_output: *const S::Element,
    grad_input: *mut S::Element,
    backward: impl FnOnce(S::Input, &[S::Element], &mut [S::Element]) -> Result<(), Error>,
) -> trueloss_status {
    let memory = &mut Memory::new();
    let body = || {
        // SAFETY: the caller's promise.
        let Operand {
            input, elements, ..
        } = unsafe { input.read(memory) }?;
        // SAFETY: the caller's promise.
        let grad_output =
            unsafe { memory.input(TRUELOSS_ARGUMENT_GRAD_OUTPUT, grad_output, elements) }?;
        // SAFETY: the caller's promise.
        let grad_input =
            unsafe { memory.output(TRUELOSS_ARGUMENT_GRAD_INPUT, grad_input, elements) }?;
        Ok(backward(input, grad_output, grad_input)?)
    };
    let result = body();
    // SAFETY: no detail is wanted.
    unsafe { report(result, core::ptr::null_mut()) }
}

/// A metric: one number for an input and a target.
///
/// # Safety
///
/// That of the crate.
pub(crate) unsafe fn metric<'a, S: Source<'a>, Y: Target>(
    input: S,
    target: *const Y,
    output: *mut S::Element,
    error: *mut trueloss_error,
    metric: impl FnOnce(S::Input, &[Y]) -> Result<S::Element, Error>,
) -> trueloss_status {
    let memory = &mut Memory::new();
    let body = || {
        // SAFETY: the caller's promise.
        let input = unsafe { input.read(memory) }?;
        let count = Y::count(&input);
        // SAFETY: the caller's promise.
        let target = unsafe { memory.input(TRUELOSS_ARGUMENT_TARGET, target, count) }?;
        // SAFETY: the caller's promise.
        let output = unsafe { memory.output_one(TRUELOSS_ARGUMENT_OUTPUT, output) }?;
        *output = metric(input.input, target)?;
        Ok(())
    };
    let result = body();
    // SAFETY: the caller's promise.
    unsafe { report(result, error) }
}
