//! A call of any function of `trueloss` as data, and what can answer one: a [`Library`].
//!
//! [`Core`] answers with the crate `trueloss`. Another library that claims its bits (the same kernels on a device) is
//! sent the same calls, and its answers are compared.

use core::fmt;
use trueloss::device::{Domain, FromOptions, NUMBERS, Options};
use trueloss::{
    ClassIndex, Classes, CrossEntropy, Element, Error, LogSigmoid, LogSoftmax, Nll, Reduction,
    Sigmoid, Softmax, Softplus, each_elementwise_loss,
};

macro_rules! element_functions {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, $about:tt;)*) => {
        /// A function that goes element by element.
        ///
        /// ```
        /// use trueloss_digest::call::ElementFunction;
        ///
        /// assert!(ElementFunction::LOSSES.contains(&ElementFunction::MseLoss));
        /// assert!(ElementFunction::ACTIVATIONS.contains(&ElementFunction::Softplus));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // Their names are the functions' own.
        pub enum ElementFunction {
            $($variant,)*
            Sigmoid,
            LogSigmoid,
            Softplus,
        }

        impl ElementFunction {
            /// The losses.
            pub const LOSSES: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// PyTorch's functional name.
            ///
            /// ```
            /// use trueloss_digest::call::ElementFunction;
            ///
            /// assert_eq!(ElementFunction::LogSigmoid.name(), "logsigmoid");
            /// ```
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Sigmoid => "sigmoid",
                    Self::LogSigmoid => "logsigmoid",
                    Self::Softplus => "softplus",
                }
            }

            /// What its arguments may be. None of an activation, which takes any number.
            ///
            /// ```
            /// use trueloss_digest::call::ElementFunction;
            ///
            /// assert!(ElementFunction::BinaryCrossEntropyWithLogits.arguments().is_some_and(|of| of.pos_weight));
            /// assert!(ElementFunction::Sigmoid.arguments().is_none());
            /// ```
            pub const fn arguments(self) -> Option<Arguments> {
                match self {
                    $(Self::$variant => Some(arguments::<f32, $loss>()),)*
                    Self::Sigmoid | Self::LogSigmoid | Self::Softplus => None,
                }
            }
        }
    };
}
each_elementwise_loss!(element_functions, 'static, f32);

impl ElementFunction {
    /// The activations, which have no target and no reduction.
    pub const ACTIVATIONS: [Self; 3] = [Self::Sigmoid, Self::LogSigmoid, Self::Softplus];
}

/// What the arguments of a loss of elements may be.
///
/// ```
/// use trueloss::device::Domain;
/// use trueloss_digest::call::ElementFunction;
///
/// let of_bce = ElementFunction::BinaryCrossEntropy.arguments().unwrap();
/// assert_eq!(of_bce.input, Domain::UnitInterval);
/// assert!(of_bce.weight && of_bce.numbers.is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arguments {
    /// What must hold of each input.
    pub input: Domain,
    /// What must hold of each target.
    pub target: Domain,
    /// Whether it has a `weight`.
    pub weight: bool,
    /// Whether it has a `pos_weight`.
    pub pos_weight: bool,
    /// Its options that are numbers, with what they are where nothing is said.
    pub numbers: &'static [(&'static str, f64)],
}

const fn arguments<T: Element, L: FromOptions<'static, T>>() -> Arguments {
    Arguments {
        input: L::INPUT,
        target: L::TARGET,
        weight: L::HAS_WEIGHT,
        pos_weight: L::HAS_POS_WEIGHT,
        numbers: L::NUMBERS,
    }
}

impl Arguments {
    /// The options that are numbers, where nothing is said of them.
    ///
    /// ```
    /// use trueloss_digest::call::ElementFunction;
    ///
    /// let huber = ElementFunction::HuberLoss.arguments().unwrap();
    /// assert_eq!((huber.numbers, huber.defaults()), (&[("delta", 1.0)][..], [1.0, 0.0]));
    /// ```
    pub const fn defaults(self) -> [f64; NUMBERS] {
        let mut defaults = [0.0; NUMBERS];
        let mut i = 0;
        while i < self.numbers.len() {
            defaults[i] = self.numbers[i].1;
            i += 1;
        }
        defaults
    }
}

/// A function of rows of classes.
///
/// ```
/// use trueloss_digest::call::RowFunction;
///
/// assert!(RowFunction::LOSSES.contains(&RowFunction::CrossEntropyProbabilities));
/// assert!(RowFunction::ACTIVATIONS.contains(&RowFunction::LogSoftmax));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Their names are the functions' own.
pub enum RowFunction {
    NllLoss,
    CrossEntropy,
    /// Cross-entropy with class probabilities as targets.
    CrossEntropyProbabilities,
    Softmax,
    LogSoftmax,
}

impl RowFunction {
    /// The losses.
    pub const LOSSES: [Self; 3] = [
        Self::NllLoss,
        Self::CrossEntropy,
        Self::CrossEntropyProbabilities,
    ];
    /// The activations, which have no target and no reduction.
    pub const ACTIVATIONS: [Self; 2] = [Self::Softmax, Self::LogSoftmax];

    /// PyTorch's functional name; `cross_entropy_probabilities` for class probabilities as targets.
    ///
    /// ```
    /// use trueloss_digest::call::RowFunction;
    ///
    /// assert_eq!(RowFunction::NllLoss.name(), "nll_loss");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::NllLoss => "nll_loss",
            Self::CrossEntropy => "cross_entropy",
            Self::CrossEntropyProbabilities => "cross_entropy_probabilities",
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log_softmax",
        }
    }

    /// Whether it is an activation.
    ///
    /// ```
    /// use trueloss_digest::call::RowFunction;
    ///
    /// assert!(RowFunction::Softmax.is_activation() && !RowFunction::NllLoss.is_activation());
    /// ```
    pub const fn is_activation(self) -> bool {
        matches!(self, Self::Softmax | Self::LogSoftmax)
    }
}

/// What of a function is asked for: the method of a loss.
///
/// An activation has no reduction. Its values are `ForwardEach` and its gradient is `BackwardEach`, though its methods
/// are called `forward` and `backward`; it has no other direction.
///
/// ```
/// use trueloss_digest::call::Direction;
///
/// assert_eq!(Direction::ALL.len(), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The reduced loss, which is returned. Nothing is written.
    Forward,
    /// The loss of each element or row, or the values of an activation.
    ForwardEach,
    /// The gradient of the reduced loss with respect to the input, times `grad_output`.
    Backward,
    /// The gradient with respect to the input of each loss or value, times its own number of `grad_outputs`.
    BackwardEach,
    /// The reduced loss, which is returned, and its gradient with respect to the input.
    ForwardBackward,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Forward,
        Self::ForwardEach,
        Self::Backward,
        Self::BackwardEach,
        Self::ForwardBackward,
    ];

    /// The name of a loss's method.
    ///
    /// ```
    /// use trueloss_digest::call::Direction;
    ///
    /// assert_eq!(Direction::ForwardEach.name(), "forward_each");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::ForwardEach => "forward_each",
            Self::Backward => "backward",
            Self::BackwardEach => "backward_each",
            Self::ForwardBackward => "forward_backward",
        }
    }

    /// Whether it is about each element or row, and not about a reduced loss.
    ///
    /// ```
    /// use trueloss_digest::call::Direction;
    ///
    /// assert!(Direction::ForwardEach.is_each() && !Direction::Forward.is_each());
    /// ```
    pub const fn is_each(self) -> bool {
        matches!(self, Self::ForwardEach | Self::BackwardEach)
    }
}

/// A call of a function that goes element by element. A function looks at what it takes; the rest may be anything.
///
/// ```
/// use trueloss_digest::call::{Core, Direction, ElementCall, ElementFunction, Library};
///
/// let call = ElementCall {
///     target: &[0.0, 4.0],
///     ..ElementCall::new(ElementFunction::MseLoss, Direction::Forward, &[1.0_f32, 2.0])
/// };
/// assert_eq!(Core.elements(&call, &mut [])?, Some(2.5));
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ElementCall<'a, T> {
    /// The function.
    pub function: ElementFunction,
    /// What of it.
    pub direction: Direction,
    /// Of the loss, in the directions that reduce it.
    pub reduction: Reduction,
    /// The predictions, probabilities or logits.
    pub input: &'a [T],
    /// A loss's: as many as there are inputs.
    pub target: &'a [T],
    /// Of binary cross-entropy, from either input; its length divides the input's.
    pub weight: Option<&'a [T]>,
    /// Of binary cross-entropy with logits; its length divides the input's.
    pub pos_weight: Option<&'a [T]>,
    /// For [`Direction::Backward`].
    pub grad_output: T,
    /// For [`Direction::BackwardEach`]: as many as there are inputs.
    pub grad_outputs: &'a [T],
    /// Softplus's.
    pub beta: f64,
    /// A loss's options that are numbers, in the order of [`Arguments::numbers`].
    pub numbers: [f64; NUMBERS],
}

impl<'a, T: Element> ElementCall<'a, T> {
    /// A call with the options as they are where nothing is said of them, a mean, no target yet, and a `grad_output` of 1.
    ///
    /// ```
    /// use trueloss_digest::call::{Core, Direction, ElementCall, ElementFunction, Library};
    ///
    /// let sigmoid = ElementCall::new(ElementFunction::Sigmoid, Direction::ForwardEach, &[0.0_f32]);
    /// let mut value = [0.0];
    /// Core.elements(&sigmoid, &mut value)?;
    /// assert_eq!(value, [0.5]);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn new(function: ElementFunction, direction: Direction, input: &'a [T]) -> Self {
        Self {
            function,
            direction,
            reduction: Reduction::Mean,
            input,
            target: &[],
            weight: None,
            pos_weight: None,
            grad_output: T::one(),
            grad_outputs: &[],
            beta: 1.0,
            numbers: function
                .arguments()
                .map_or([0.0; NUMBERS], Arguments::defaults),
        }
    }
}

impl<T> ElementCall<'_, T> {
    /// How many numbers are written.
    ///
    /// ```
    /// use trueloss_digest::call::{Direction, ElementCall, ElementFunction};
    ///
    /// let call = ElementCall {
    ///     target: &[0.0, 4.0],
    ///     ..ElementCall::new(ElementFunction::MseLoss, Direction::Backward, &[1.0_f32, 2.0])
    /// };
    /// assert_eq!(call.outputs(), 2);
    /// ```
    pub const fn outputs(&self) -> usize {
        match self.direction {
            Direction::Forward => 0,
            _ => self.input.len(),
        }
    }
}

/// Class indices, of either type that frameworks use.
///
/// ```
/// use trueloss_digest::call::{Core, Labels, Library};
///
/// let accuracy = Core.accuracy(&[0.5_f32, 2.0], [1, 2, 1], Labels::I64(&[1]))?;
/// assert_eq!(accuracy, 1.0);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The types' own names.
pub enum Labels<'a> {
    I32(&'a [i32]),
    I64(&'a [i64]),
}

/// A call of a function of rows of classes. A function looks at what it takes; the rest may be anything.
///
/// ```
/// use trueloss_digest::call::{Core, Direction, Labels, Library, RowCall, RowFunction};
///
/// // Two rows of three logits, one after the other.
/// let call = RowCall {
///     labels: Labels::I32(&[0, 2]),
///     ..RowCall::new(RowFunction::CrossEntropy, Direction::Forward, &[0.0_f32; 6], [2, 3, 1])
/// };
/// assert_eq!(Core.rows(&call, &mut [])?, Some(1.0986123));
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RowCall<'a, T> {
    /// The function.
    pub function: RowFunction,
    /// What of it.
    pub direction: Direction,
    /// Of the loss, in the directions that reduce it.
    pub reduction: Reduction,
    /// The logits, or log-probabilities.
    pub data: &'a [T],
    /// `[outer, classes, stride]`: of each of `outer` blocks `stride` rows, whose classes lie `stride` elements apart.
    /// Every shape and dimension comes down to this.
    pub shape: [usize; 3],
    /// One a row, for the losses that take class indices.
    pub labels: Labels<'a>,
    /// As many as there are logits, for [`RowFunction::CrossEntropyProbabilities`].
    pub probabilities: &'a [T],
    /// One a class.
    pub weight: Option<&'a [T]>,
    /// The label of rows that don't count.
    pub ignore_index: i64,
    /// Cross-entropy's.
    pub label_smoothing: f64,
    /// For [`Direction::Backward`].
    pub grad_output: T,
    /// For [`Direction::BackwardEach`]: one a row for a loss, one a logit for an activation.
    pub grad_outputs: &'a [T],
}

impl<'a, T: Element> RowCall<'a, T> {
    /// A call with the options as they are where nothing is said of them, a mean, no target yet, and a `grad_output` of 1.
    ///
    /// ```
    /// use trueloss_digest::call::{Core, Direction, Library, RowCall, RowFunction};
    ///
    /// let softmax = RowCall::new(RowFunction::Softmax, Direction::ForwardEach, &[0.0_f32; 4], [1, 4, 1]);
    /// let mut probabilities = [0.0; 4];
    /// Core.rows(&softmax, &mut probabilities)?;
    /// assert_eq!(probabilities, [0.25; 4]);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn new(
        function: RowFunction,
        direction: Direction,
        data: &'a [T],
        shape: [usize; 3],
    ) -> Self {
        Self {
            function,
            direction,
            reduction: Reduction::Mean,
            data,
            shape,
            labels: Labels::I64(&[]),
            probabilities: &[],
            weight: None,
            ignore_index: -100,
            label_smoothing: 0.0,
            grad_output: T::one(),
            grad_outputs: &[],
        }
    }
}

impl<T> RowCall<'_, T> {
    /// How many rows there are.
    ///
    /// ```
    /// use trueloss_digest::call::{Direction, Labels, RowCall, RowFunction};
    ///
    /// // Two rows of three logits, one after the other.
    /// let call = RowCall {
    ///     labels: Labels::I32(&[0, 2]),
    ///     ..RowCall::new(RowFunction::CrossEntropy, Direction::Forward, &[0.0_f32; 6], [2, 3, 1])
    /// };
    /// assert_eq!(call.rows(), 2);
    /// ```
    pub const fn rows(&self) -> usize {
        self.shape[0] * self.shape[2]
    }

    /// How many numbers are written.
    ///
    /// ```
    /// use trueloss_digest::call::{Direction, Labels, RowCall, RowFunction};
    ///
    /// // Two rows of three logits, one after the other.
    /// let call = RowCall {
    ///     labels: Labels::I32(&[0, 2]),
    ///     ..RowCall::new(RowFunction::CrossEntropy, Direction::ForwardEach, &[0.0_f32; 6], [2, 3, 1])
    /// };
    /// assert_eq!(call.outputs(), 2);
    /// ```
    pub const fn outputs(&self) -> usize {
        match self.direction {
            Direction::Forward => 0,
            Direction::ForwardEach if !self.function.is_activation() => self.rows(),
            _ => self.data.len(),
        }
    }
}

/// Something that answers calls.
///
/// `out` has as many numbers as the call's `outputs` says: losses, values or gradients are written there. A reduced
/// loss is returned, in the directions that have one.
///
/// Bad input is an error. A direction that the function does not have, a reduced one of an activation, is a mistake of
/// the caller, for which a library may panic.
///
/// ```
/// use trueloss::Element;
/// use trueloss_digest::call::{ElementCall, Labels, Library, RowCall};
///
/// /// A library that has nothing.
/// struct Nothing;
///
/// impl<T: Element> Library<T> for Nothing {
///     type Error = String;
///     fn elements(&mut self, call: &ElementCall<'_, T>, _: &mut [T]) -> Result<Option<T>, String> {
///         Err(format!("no {}", call.function.name()))
///     }
///     fn rows(&mut self, call: &RowCall<'_, T>, _: &mut [T]) -> Result<Option<T>, String> {
///         Err(format!("no {}", call.function.name()))
///     }
///     fn binary_accuracy(&mut self, _: &[T], _: &[T]) -> Result<T, String> {
///         Err("no accuracy".to_owned())
///     }
///     fn accuracy(&mut self, _: &[T], _: [usize; 3], _: Labels<'_>) -> Result<T, String> {
///         Err("no accuracy".to_owned())
///     }
/// }
///
/// let refused = trueloss_digest::each_of(&mut Nothing, trueloss_digest::Set::Small, &mut |_, _| {});
/// assert!(refused.is_err());
/// ```
pub trait Library<T: Element> {
    /// Why a call was not answered.
    type Error: fmt::Debug + fmt::Display;

    /// Whether it has a loss of elements. One that it does not have is not asked for.
    ///
    /// ```
    /// use trueloss_digest::call::{Core, ElementFunction, Library};
    ///
    /// assert!(Library::<f32>::has(&Core, ElementFunction::HuberLoss));
    /// ```
    fn has(&self, _loss: ElementFunction) -> bool {
        true
    }

    /// A function that goes element by element.
    ///
    /// # Errors
    ///
    /// The library's.
    ///
    /// ```
    /// use trueloss_digest::call::{Core, Direction, ElementCall, ElementFunction, Library};
    ///
    /// let call = ElementCall {
    ///     target: &[0.0, 4.0],
    ///     grad_outputs: &[1.0, 1.0],
    ///     ..ElementCall::new(ElementFunction::MseLoss, Direction::BackwardEach, &[1.0_f32, 2.0])
    /// };
    /// let mut gradient = [0.0; 2];
    /// assert_eq!(Core.elements(&call, &mut gradient)?, None);
    /// assert_eq!(gradient, [2.0, -4.0]);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    fn elements(
        &mut self,
        call: &ElementCall<'_, T>,
        out: &mut [T],
    ) -> Result<Option<T>, Self::Error>;

    /// A function of rows of classes.
    ///
    /// # Errors
    ///
    /// The library's.
    ///
    /// ```
    /// use trueloss_digest::call::{Core, Direction, Labels, Library, RowCall, RowFunction};
    ///
    /// // Two rows of three logits, one after the other.
    /// let call = RowCall {
    ///     labels: Labels::I32(&[0, 2]),
    ///     ..RowCall::new(RowFunction::CrossEntropy, Direction::ForwardBackward, &[0.0_f32; 6], [2, 3, 1])
    /// };
    /// let mut gradient = [0.0; 6];
    /// assert_eq!(Core.rows(&call, &mut gradient)?, Some(1.0986123));
    /// assert_eq!(gradient, [-1.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0, -1.0 / 3.0]);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    fn rows(&mut self, call: &RowCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Self::Error>;

    /// The share of logits whose sign is that of the target, 0 or 1.
    ///
    /// # Errors
    ///
    /// The library's.
    ///
    /// ```
    /// use trueloss_digest::call::{Core, Library};
    ///
    /// assert_eq!(Core.binary_accuracy(&[2.0_f32, 3.0], &[1.0, 0.0])?, 0.5);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    fn binary_accuracy(&mut self, input: &[T], target: &[T]) -> Result<T, Self::Error>;

    /// The share of rows whose largest logit is at the label; `shape` is that of a [`RowCall`].
    ///
    /// # Errors
    ///
    /// The library's.
    ///
    /// ```
    /// use trueloss_digest::call::{Core, Labels, Library};
    ///
    /// // Three classes of two rows, which lie side by side.
    /// let data = [1.0_f32, 5.0, 2.0, 6.0, 3.0, 4.0];
    /// assert_eq!(Core.accuracy(&data, [1, 3, 2], Labels::I32(&[2, 1]))?, 1.0);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    fn accuracy(
        &mut self,
        data: &[T],
        shape: [usize; 3],
        labels: Labels<'_>,
    ) -> Result<T, Self::Error>;

    /// An activation's values or derivatives by its function of one number, without `grad_outputs`. False, and nothing
    /// is written, where the library has no such functions.
    ///
    /// # Errors
    ///
    /// The library's.
    ///
    /// ```
    /// use trueloss_digest::call::{Core, Direction, ElementCall, ElementFunction, Library};
    ///
    /// let call = ElementCall::new(ElementFunction::Sigmoid, Direction::ForwardEach, &[1.0_f32, 2.0]);
    /// let mut values = [0.0; 2];
    /// assert!(Core.one_by_one(&call, &mut values)?);
    /// assert_eq!(values, [1.0, 2.0].map(trueloss::sigmoid));
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    fn one_by_one(
        &mut self,
        _call: &ElementCall<'_, T>,
        _out: &mut [T],
    ) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

/// What a loss answers to a call.
macro_rules! answer_of_loss {
    ($loss:expr, $call:expr, $x:expr, $y:expr, $out:expr) => {{
        let (loss, call, x, y, out) = ($loss, $call, $x, $y, $out);
        match call.direction {
            Direction::Forward => loss.forward(x, y).map(Some),
            Direction::ForwardEach => loss.forward_each(x, y, out).map(|()| None),
            Direction::Backward => loss.backward(x, y, call.grad_output, out).map(|()| None),
            Direction::BackwardEach => loss
                .backward_each(x, y, call.grad_outputs, out)
                .map(|()| None),
            Direction::ForwardBackward => loss.forward_backward(x, y, out).map(Some),
        }
    }};
}
/// The crate `trueloss`: the one place that knows which method answers which call.
///
/// # Panics
///
/// In the directions of a reduced loss, for an activation.
///
/// ```
/// use trueloss_digest::call::{Core, Library};
///
/// assert_eq!(Core.binary_accuracy(&[-1.0_f64], &[0.0])?, 1.0);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Core;

impl<T: Element> Library<T> for Core {
    type Error = Error;

    fn elements(&mut self, call: &ElementCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        macro_rules! answers {
            ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, $about:tt;)*) => {
                match call.function {
                    $(ElementFunction::$variant => {
                        let loss = <$loss>::from_options(options(call));
                        answer_of_loss!(loss, call, call.input, call.target, out)
                    })*
                    _ => activation(call, out).map(|()| None),
                }
            };
        }
        each_elementwise_loss!(answers, '_, T)
    }

    fn rows(&mut self, call: &RowCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        let input = Classes::new(call.data, call.shape)?;
        match (call.function, call.labels) {
            (RowFunction::NllLoss, Labels::I32(labels)) => nll(call, input, labels, out),
            (RowFunction::NllLoss, Labels::I64(labels)) => nll(call, input, labels, out),
            (RowFunction::CrossEntropy, Labels::I32(labels)) => {
                cross_entropy(call, input, labels, out)
            }
            (RowFunction::CrossEntropy, Labels::I64(labels)) => {
                cross_entropy(call, input, labels, out)
            }
            (RowFunction::CrossEntropyProbabilities, _) => {
                cross_entropy_probabilities(call, input, out)
            }
            (RowFunction::Softmax, _) => softmax(call, input, out).map(|()| None),
            (RowFunction::LogSoftmax, _) => log_softmax(call, input, out).map(|()| None),
        }
    }

    fn binary_accuracy(&mut self, input: &[T], target: &[T]) -> Result<T, Error> {
        trueloss::binary_accuracy(input, target)
    }

    fn accuracy(&mut self, data: &[T], shape: [usize; 3], labels: Labels<'_>) -> Result<T, Error> {
        let input = Classes::new(data, shape)?;
        match labels {
            Labels::I32(labels) => trueloss::accuracy(input, labels),
            Labels::I64(labels) => trueloss::accuracy(input, labels),
        }
    }

    fn one_by_one(&mut self, call: &ElementCall<'_, T>, out: &mut [T]) -> Result<bool, Error> {
        for (&x, out) in call.input.iter().zip(out) {
            *out = of_one(call, x)?;
        }
        Ok(true)
    }
}

/// The options that a call has.
fn options<'a, T: Element>(call: &ElementCall<'a, T>) -> Options<'a, T> {
    Options {
        reduction: call.reduction,
        weight: call.weight.unwrap_or(T::ONE),
        pos_weight: call.pos_weight.unwrap_or(T::ONE),
        numbers: call.numbers,
    }
}

fn activation<T: Element>(call: &ElementCall<'_, T>, out: &mut [T]) -> Result<(), Error> {
    match call.function {
        ElementFunction::Sigmoid => sigmoid(call, out),
        ElementFunction::LogSigmoid => log_sigmoid(call, out),
        ElementFunction::Softplus => softplus(call, out),
        loss => unreachable!("{} is a loss", loss.name()),
    }
}

fn sigmoid<T: Element>(call: &ElementCall<'_, T>, out: &mut [T]) -> Result<(), Error> {
    let (sigmoid, x) = (Sigmoid::new(), call.input);
    match call.direction {
        Direction::ForwardEach => sigmoid.forward(x, out),
        Direction::BackwardEach => sigmoid.backward(x, call.grad_outputs, out),
        other => no_reduction(call.function.name(), other),
    }
}

fn log_sigmoid<T: Element>(call: &ElementCall<'_, T>, out: &mut [T]) -> Result<(), Error> {
    let (log_sigmoid, x) = (LogSigmoid::new(), call.input);
    match call.direction {
        Direction::ForwardEach => log_sigmoid.forward(x, out),
        Direction::BackwardEach => log_sigmoid.backward(x, call.grad_outputs, out),
        other => no_reduction(call.function.name(), other),
    }
}

fn softplus<T: Element>(call: &ElementCall<'_, T>, out: &mut [T]) -> Result<(), Error> {
    let (softplus, x) = (Softplus::new().beta(call.beta), call.input);
    match call.direction {
        Direction::ForwardEach => softplus.forward(x, out),
        Direction::BackwardEach => softplus.backward(x, call.grad_outputs, out),
        other => no_reduction(call.function.name(), other),
    }
}

fn nll<T: Element, I: ClassIndex>(
    call: &RowCall<'_, T>,
    x: Classes<'_, T>,
    y: &[I],
    out: &mut [T],
) -> Result<Option<T>, Error> {
    let mut loss = Nll::new()
        .reduction(call.reduction)
        .ignore_index(call.ignore_index);
    if let Some(weight) = call.weight {
        loss = loss.weight(weight);
    }
    answer_of_loss!(loss, call, x, y, out)
}

fn cross_entropy<T: Element, I: ClassIndex>(
    call: &RowCall<'_, T>,
    x: Classes<'_, T>,
    y: &[I],
    out: &mut [T],
) -> Result<Option<T>, Error> {
    let loss = cross_entropy_options(call);
    answer_of_loss!(loss, call, x, y, out)
}

fn cross_entropy_probabilities<T: Element>(
    call: &RowCall<'_, T>,
    x: Classes<'_, T>,
    out: &mut [T],
) -> Result<Option<T>, Error> {
    let (loss, q) = (cross_entropy_options(call), call.probabilities);
    match call.direction {
        Direction::Forward => loss.forward_probabilities(x, q).map(Some),
        Direction::ForwardEach => loss.forward_each_probabilities(x, q, out).map(|()| None),
        Direction::Backward => loss
            .backward_probabilities(x, q, call.grad_output, out)
            .map(|()| None),
        Direction::BackwardEach => loss
            .backward_each_probabilities(x, q, call.grad_outputs, out)
            .map(|()| None),
        Direction::ForwardBackward => loss.forward_backward_probabilities(x, q, out).map(Some),
    }
}

fn cross_entropy_options<'a, T: Element>(call: &RowCall<'a, T>) -> CrossEntropy<'a, T> {
    let loss = CrossEntropy::new()
        .reduction(call.reduction)
        .ignore_index(call.ignore_index)
        .label_smoothing(call.label_smoothing);
    call.weight.map_or(loss, |weight| loss.weight(weight))
}

fn softmax<T: Element>(
    call: &RowCall<'_, T>,
    x: Classes<'_, T>,
    out: &mut [T],
) -> Result<(), Error> {
    let softmax = Softmax::new();
    match call.direction {
        Direction::ForwardEach => softmax.forward(x, out),
        Direction::BackwardEach => softmax.backward(x, call.grad_outputs, out),
        other => no_reduction(call.function.name(), other),
    }
}

fn log_softmax<T: Element>(
    call: &RowCall<'_, T>,
    x: Classes<'_, T>,
    out: &mut [T],
) -> Result<(), Error> {
    let log_softmax = LogSoftmax::new();
    match call.direction {
        Direction::ForwardEach => log_softmax.forward(x, out),
        Direction::BackwardEach => log_softmax.backward(x, call.grad_outputs, out),
        other => no_reduction(call.function.name(), other),
    }
}

/// An activation of one number. Softplus with a beta of 1 by the functions that have none.
fn of_one<T: Element>(call: &ElementCall<'_, T>, x: T) -> Result<T, Error> {
    let with_beta = Softplus::new().beta(call.beta);
    match (call.function, call.direction) {
        (ElementFunction::Sigmoid, Direction::ForwardEach) => Ok(trueloss::sigmoid(x)),
        (ElementFunction::Sigmoid, Direction::BackwardEach) => Ok(trueloss::sigmoid_derivative(x)),
        (ElementFunction::LogSigmoid, Direction::ForwardEach) => Ok(trueloss::log_sigmoid(x)),
        (ElementFunction::LogSigmoid, Direction::BackwardEach) => {
            Ok(trueloss::log_sigmoid_derivative(x))
        }
        (ElementFunction::Softplus, Direction::ForwardEach) => match call.beta {
            1.0 => Ok(trueloss::softplus(x)),
            _ => with_beta.value(x),
        },
        (ElementFunction::Softplus, Direction::BackwardEach) => match call.beta {
            1.0 => Ok(trueloss::softplus_derivative(x)),
            _ => with_beta.derivative(x),
        },
        (function, direction) => panic!(
            "{} has no function of one number for {}",
            function.name(),
            direction.name()
        ),
    }
}

fn no_reduction(function: &str, direction: Direction) -> ! {
    panic!(
        "{function} has no reduced loss, and so no {}",
        direction.name()
    )
}
