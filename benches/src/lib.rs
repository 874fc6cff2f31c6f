//! The calls that are measured: one for each function, direction, element type and shape.
//!
//! The criterion groups (`benches/losses.rs`) time them, the binary `count` runs them under callgrind.

use std::fmt;
use std::str::FromStr;
use trueloss::device::{Domain, FromOptions};
use trueloss::{
    Classes, CrossEntropy, Element, Error, LogSigmoid, LogSoftmax, Nll, Sigmoid, Softmax, Softplus,
};
use trueloss_digest::random::SplitMix64;

macro_rules! functions {
    ($a:lifetime, $T:ty; $($variant:ident = $of:literal of $loss:ty, {
        $Loss:ident, $snake:ident, $($about:tt)*
    };)*) => {
        /// A function of the crate. Cross-entropy counts twice, as it has two kinds of targets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Function {
            $($Loss,)*
            Nll,
            CrossEntropy,
            CrossEntropyProbabilities,
            Sigmoid,
            LogSigmoid,
            Softplus,
            Softmax,
            LogSoftmax,
        }

        impl Function {
            /// All functions.
            pub const ALL: [Self; [$(stringify!($Loss)),*].len() + 8] = [
                $(Self::$Loss,)*
                Self::Nll,
                Self::CrossEntropy,
                Self::CrossEntropyProbabilities,
                Self::Sigmoid,
                Self::LogSigmoid,
                Self::Softplus,
                Self::Softmax,
                Self::LogSoftmax,
            ];

            /// Its name in tables and on command lines.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Loss => stringify!($snake),)*
                    Self::Nll => "nll",
                    Self::CrossEntropy => "cross_entropy",
                    Self::CrossEntropyProbabilities => "cross_entropy_probabilities",
                    Self::Sigmoid => "sigmoid",
                    Self::LogSigmoid => "log_sigmoid",
                    Self::Softplus => "softplus",
                    Self::Softmax => "softmax",
                    Self::LogSoftmax => "log_softmax",
                }
            }

            /// What input and target of a loss of elements may be.
            const fn domains(self) -> Option<(Domain, Domain)> {
                match self {
                    $(Self::$Loss => Some((
                        <$loss as FromOptions<'static, f32>>::INPUT,
                        <$loss as FromOptions<'static, f32>>::TARGET,
                    )),)*
                    _ => None,
                }
            }
        }
    };
}
trueloss::each_elementwise_loss!(functions, 'static, f32);

impl Function {
    /// Whether it works on rows of classes rather than on elements one by one.
    pub const fn of_rows(self) -> bool {
        matches!(
            self,
            Self::Nll
                | Self::CrossEntropy
                | Self::CrossEntropyProbabilities
                | Self::Softmax
                | Self::LogSoftmax
        )
    }

    /// The directions it has. An activation has no call that does both.
    pub const fn directions(self) -> &'static [Direction] {
        match self {
            Self::Sigmoid
            | Self::LogSigmoid
            | Self::Softplus
            | Self::Softmax
            | Self::LogSoftmax => &[Direction::Forward, Direction::Backward],
            _ => &[
                Direction::Forward,
                Direction::Backward,
                Direction::ForwardBackward,
            ],
        }
    }
}

/// What a call computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The mean loss, or the outputs.
    Forward,
    /// The gradient.
    Backward,
    /// Both in one call.
    ForwardBackward,
}

impl Direction {
    /// Its name in tables and on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::ForwardBackward => "forward_backward",
        }
    }
}

/// Rows of classes; elements one by one are a single row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many rows, or 1.
    pub rows: usize,
    /// How many elements a row has.
    pub columns: usize,
}

impl Shape {
    /// Elements one by one.
    pub const fn elements(columns: usize) -> Self {
        Self { rows: 1, columns }
    }

    /// Rows of classes.
    pub const fn classes(rows: usize, columns: usize) -> Self {
        Self { rows, columns }
    }

    /// How many elements there are.
    pub const fn len(self) -> usize {
        self.rows * self.columns
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows == 1 {
            write!(f, "{}", self.columns)
        } else {
            write!(f, "{}x{}", self.rows, self.columns)
        }
    }
}

impl FromStr for Shape {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rows, columns) = text.split_once('x').unwrap_or(("1", text));
        Ok(Self {
            rows: rows.parse()?,
            columns: columns.parse()?,
        })
    }
}

/// An element type that a fixed-seed number can be turned into.
pub trait FromF64: Element {
    /// Its name in tables and on command lines.
    const NAME: &'static str;

    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
}

impl FromF64 for f32 {
    const NAME: &'static str = "f32";

    fn from_f64(x: f64) -> Self {
        x as f32
    }
}

impl FromF64 for f64 {
    const NAME: &'static str = "f64";

    fn from_f64(x: f64) -> Self {
        x
    }
}

/// A call with its arguments and the place for its results.
pub struct Call<T> {
    function: Function,
    direction: Direction,
    shape: Shape,
    input: Vec<T>,
    /// Targets of the element-wise losses, class probabilities, or an activation's `grad_output`.
    target: Vec<T>,
    labels: Vec<i64>,
    output: Vec<T>,
}

impl<T: FromF64> Call<T> {
    /// Arguments of a fixed seed: logits of a normal distribution with deviation 3, probabilities of a uniform
    /// one, targets 0 or 1.
    pub fn new(function: Function, direction: Direction, shape: Shape) -> Self {
        let mut random = Random(SplitMix64::new(0x7472_7565_6c6f_7373));
        let len = shape.len();
        let input = (0..len)
            .map(|_| match (function, function.domains()) {
                (_, Some((Domain::UnitInterval, _))) => random.uniform(),
                (Function::Nll, _) => -5.0 * random.uniform(),
                _ => 3.0 * random.normal(),
            })
            .map(T::from_f64)
            .collect();
        let target = match (function, function.domains()) {
            (Function::Nll | Function::CrossEntropy, _) => Vec::new(),
            (_, Some((_, Domain::UnitInterval | Domain::HardLabels))) => (0..len)
                .map(|_| random.uniform().round())
                .map(T::from_f64)
                .collect(),
            (_, Some((_, Domain::Signs))) => (0..len)
                .map(|_| 2.0 * random.uniform().round() - 1.0)
                .map(T::from_f64)
                .collect(),
            (Function::CrossEntropyProbabilities, _) => (0..len)
                .map(|_| 2.0 * random.uniform() / shape.columns as f64)
                .map(T::from_f64)
                .collect(),
            _ => (0..len).map(|_| T::from_f64(random.normal())).collect(),
        };
        let labels = match function {
            Function::Nll | Function::CrossEntropy => (0..shape.rows)
                .map(|_| (random.uniform() * shape.columns as f64) as i64)
                .collect(),
            _ => Vec::new(),
        };
        Self {
            function,
            direction,
            shape,
            input,
            target,
            labels,
            output: vec![T::from_f64(0.0); len],
        }
    }

    /// Makes the call. The result is the loss, where there is one.
    ///
    /// # Errors
    ///
    /// Those of the function; there are none, as the arguments are right.
    pub fn run(&mut self) -> Result<T, Error> {
        let (x, y, out) = (&self.input[..], &self.target[..], &mut self.output[..]);
        let labels = &self.labels[..];
        let one = T::from_f64(1.0);
        let classes = || Classes::new(x, [self.shape.rows, self.shape.columns]);
        macro_rules! activation {
            ($options:expr, $input:expr) => {{
                match self.direction {
                    Direction::Backward => $options.backward($input, y, out)?,
                    _ => $options.forward($input, out)?,
                }
                Ok(one)
            }};
        }
        macro_rules! loss {
            ($options:expr, $input:expr, $target:expr, $forward:ident, $backward:ident, $both:ident) => {
                match self.direction {
                    Direction::Forward => $options.$forward($input, $target),
                    Direction::Backward => {
                        $options.$backward($input, $target, one, out)?;
                        Ok(one)
                    }
                    Direction::ForwardBackward => $options.$both($input, $target, out),
                }
            };
            ($options:expr, $input:expr, $target:expr) => {
                loss!(
                    $options,
                    $input,
                    $target,
                    forward,
                    backward,
                    forward_backward
                )
            };
        }
        macro_rules! run {
            ($a:lifetime, $T:ty; $($variant:ident = $of:literal of $loss:ty, {
                $Loss:ident, $snake:ident, $($about:tt)*
            };)*) => {
                match self.function {
                    $(Function::$Loss => loss!(trueloss::$Loss::new(), x, y),)*
                    Function::Nll => loss!(Nll::new(), classes()?, labels),
                    Function::CrossEntropy => loss!(CrossEntropy::new(), classes()?, labels),
                    Function::CrossEntropyProbabilities => loss!(
                        CrossEntropy::new(),
                        classes()?,
                        y,
                        forward_probabilities,
                        backward_probabilities,
                        forward_backward_probabilities
                    ),
                    Function::Sigmoid => activation!(Sigmoid::new(), x),
                    Function::LogSigmoid => activation!(LogSigmoid::new(), x),
                    Function::Softplus => activation!(Softplus::new(), x),
                    Function::Softmax => activation!(Softmax::new(), classes()?),
                    Function::LogSoftmax => activation!(LogSoftmax::new(), classes()?),
                }
            };
        }
        trueloss::each_elementwise_loss!(run, '_, T)
    }
}

struct Random(SplitMix64);

impl Random {
    /// Uniform in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.0.unit()
    }

    /// Close to the standard normal distribution: the sum of twelve uniform numbers has its variance.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
