//! What can be wrong with a call: which argument, where in it, and what was expected.

use core::fmt;

/// The argument that an [`Error`] is about.
///
/// ```
/// assert_eq!(trueloss::Argument::PosWeight.to_string(), "pos_weight");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Argument {
    /// The logits, probabilities or predictions.
    Input,
    /// The labels, probabilities or values to be predicted.
    Target,
    /// The rescaling weights.
    Weight,
    /// The weight of the positive class.
    PosWeight,
    /// The gradient of what follows with respect to the loss or output.
    GradOutput,
    /// Where the gradient with respect to the input is written.
    GradInput,
    /// Where element or row losses are written.
    Losses,
    /// Where an activation's values are written.
    Output,
    /// The option of the same name.
    LabelSmoothing,
    /// The option of the same name.
    Beta,
    /// An option that is a number, by its name.
    Option(&'static str),
}

impl Argument {
    const fn name(self) -> &'static str {
        match self {
            Self::Option(name) => name,
            Self::Input => "input",
            Self::Target => "target",
            Self::Weight => "weight",
            Self::PosWeight => "pos_weight",
            Self::GradOutput => "grad_output",
            Self::GradInput => "grad_input",
            Self::Losses => "losses",
            Self::Output => "output",
            Self::LabelSmoothing => "label_smoothing",
            Self::Beta => "beta",
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call was refused. Nothing has been written when one is returned.
///
/// ```
/// use trueloss::{Argument, Error, Mse};
///
/// let mut losses = [7.0_f32; 2];
/// let error = Mse::new().forward_each(&[1.0, 2.0], &[1.0], &mut losses).unwrap_err();
/// assert_eq!(error, Error::Length { argument: Argument::Target, expected: 2, actual: 1 });
/// assert_eq!(error.to_string(), "target: expected 2 elements, found 1");
/// assert_eq!(losses, [7.0; 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// A slice has the wrong length.
    Length {
        /// Which slice.
        argument: Argument,
        /// The length that the other arguments call for.
        expected: usize,
        /// The length it has.
        actual: usize,
    },
    /// A weight's length does not divide the input's, so it does not broadcast over it.
    Broadcast {
        /// Which weight.
        argument: Argument,
        /// The weight's length.
        length: usize,
        /// The input's length.
        input: usize,
    },
    /// A shape or batch holds more elements than a `usize` can count.
    ShapeOverflow,
    /// The class dimension has size 0.
    NoClasses,
    /// A dimension that the shape does not have.
    Dimension {
        /// The dimension asked for.
        dim: usize,
        /// How many the shape has.
        rank: usize,
    },
    /// A number outside [0, 1], or NaN.
    OutsideUnitInterval {
        /// Where it was found.
        argument: Argument,
        /// At which index (0 for an option).
        index: usize,
    },
    /// A target that is neither 0 nor 1, or NaN, where only these are legal.
    NotHardLabel {
        /// Where it was found.
        argument: Argument,
        /// At which index.
        index: usize,
    },
    /// A number that is infinite or NaN where only finite ones are legal.
    NotFinite {
        /// Where it was found.
        argument: Argument,
        /// At which index (0 for an option).
        index: usize,
    },
    /// An option outside its range, or NaN.
    OutsideRange {
        /// Which one.
        argument: Argument,
        /// The least that it may be.
        least: u16,
        /// The most.
        most: u16,
    },
    /// A number that must be positive and finite and is not.
    NotPositive {
        /// Where it was found.
        argument: Argument,
    },
    /// A class index outside `0..classes` that is not the ignored one.
    ClassIndex {
        /// The row.
        index: usize,
        /// The class index found there (saturated to the range of `i64`).
        class: i64,
        /// How many classes there are.
        classes: usize,
    },
    /// A partial result must begin at a multiple of [`BLOCK`](crate::BLOCK) elements or rows.
    NotOnBlockBoundary {
        /// The element or row at which it begins, or at which the one before it ends.
        at: usize,
    },
    /// A partial result is not the one that follows, or not the whole.
    NotAdjacent {
        /// Where the next one has to begin.
        expected: usize,
        /// Where it begins.
        actual: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length {
                argument,
                expected,
                actual,
            } => write!(
                f,
                "{argument}: expected {expected} elements, found {actual}"
            ),
            Self::Broadcast {
                argument,
                length,
                input,
            } => write!(
                f,
                "{argument}: a length of {length} does not divide the input's length of {input}"
            ),
            Self::ShapeOverflow => f.write_str("shape: more elements than a usize can count"),
            Self::NoClasses => f.write_str("shape: expected at least one class"),
            Self::Dimension { dim, rank } => {
                write!(f, "dim: expected less than {rank}, found {dim}")
            }
            Self::OutsideUnitInterval { argument, index } => {
                write!(f, "{argument}[{index}]: expected a number between 0 and 1")
            }
            Self::NotHardLabel { argument, index } => {
                write!(f, "{argument}[{index}]: expected 0 or 1")
            }
            Self::NotFinite { argument, index } => {
                write!(f, "{argument}[{index}]: expected a finite number")
            }
            Self::OutsideRange {
                argument,
                least,
                most,
            } => write!(f, "{argument}: expected a number from {least} to {most}"),
            Self::NotPositive { argument } => {
                write!(f, "{argument}: expected a finite number above 0")
            }
            Self::ClassIndex {
                index,
                class,
                classes,
            } => write!(
                f,
                "target[{index}]: expected a class index below {classes}, found {class}"
            ),
            Self::NotOnBlockBoundary { at } => write!(
                f,
                "partial: {at} is not a multiple of the block of {} elements",
                crate::BLOCK
            ),
            Self::NotAdjacent { expected, actual } => write!(
                f,
                "partial: expected one that begins at {expected}, found one that begins at {actual}"
            ),
        }
    }
}

impl core::error::Error for Error {}
