//! Status codes, and where in the arguments the error is.

use core::ffi::{CStr, c_char};
use trueloss::{Argument, Error};

/// What a function returns: TRUELOSS_OK or one of the TRUELOSS_ERROR codes.
pub type trueloss_status = i32;

/// All is well, and the outputs are written.
pub const TRUELOSS_OK: trueloss_status = 0;
/// An array has the wrong length: a weight of classes that has not one entry for each class.
pub const TRUELOSS_ERROR_LENGTH: trueloss_status = 1;
/// A weight's length does not divide the input's, so it does not broadcast over it.
pub const TRUELOSS_ERROR_BROADCAST: trueloss_status = 2;
/// A shape or batch holds more elements than a size_t can count.
pub const TRUELOSS_ERROR_SHAPE_OVERFLOW: trueloss_status = 3;
/// The class dimension has size 0.
pub const TRUELOSS_ERROR_NO_CLASSES: trueloss_status = 4;
/// A dimension that the shape does not have.
pub const TRUELOSS_ERROR_DIMENSION: trueloss_status = 5;
/// A number outside [0, 1], or NaN.
pub const TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL: trueloss_status = 6;
/// A number that is infinite or NaN where only finite ones are legal.
pub const TRUELOSS_ERROR_NOT_FINITE: trueloss_status = 7;
/// A number that must be positive and finite and is not.
pub const TRUELOSS_ERROR_NOT_POSITIVE: trueloss_status = 8;
/// A class index below 0, or not below the number of classes, that is not the ignored one.
pub const TRUELOSS_ERROR_CLASS_INDEX: trueloss_status = 9;
/// A partial result must begin at a multiple of TRUELOSS_BLOCK elements or rows.
pub const TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY: trueloss_status = 10;
/// A partial result is not the one that follows, or not the whole.
pub const TRUELOSS_ERROR_NOT_ADJACENT: trueloss_status = 11;
/// A target that is neither 0 nor 1, or NaN.
pub const TRUELOSS_ERROR_NOT_HARD_LABEL: trueloss_status = 12;
/// A target that is neither -1 nor 1, or NaN.
pub const TRUELOSS_ERROR_NOT_SIGN: trueloss_status = 13;
/// An option outside its range, or NaN.
pub const TRUELOSS_ERROR_OUTSIDE_RANGE: trueloss_status = 14;
/// A pointer is NULL that may not be.
pub const TRUELOSS_ERROR_NULL_POINTER: trueloss_status = 32;
/// A pointer is not aligned for what it points to.
pub const TRUELOSS_ERROR_MISALIGNED: trueloss_status = 33;
/// An array is larger than half of the address space, or goes beyond its end.
pub const TRUELOSS_ERROR_TOO_LARGE: trueloss_status = 34;
/// An output overlaps an input or another output.
pub const TRUELOSS_ERROR_OVERLAP: trueloss_status = 35;
/// A reduction that is neither TRUELOSS_REDUCTION_MEAN nor TRUELOSS_REDUCTION_SUM.
pub const TRUELOSS_ERROR_REDUCTION: trueloss_status = 36;
/// A partial result that none of the functions has made.
pub const TRUELOSS_ERROR_NOT_A_PARTIAL: trueloss_status = 37;
/// An error that this interface has no code for.
pub const TRUELOSS_ERROR_OTHER: trueloss_status = 63;

/// The argument that an error is about: one of the TRUELOSS_ARGUMENT numbers.
pub type trueloss_argument = i32;

/// None in particular.
pub const TRUELOSS_ARGUMENT_NONE: trueloss_argument = 0;
/// `input`
pub const TRUELOSS_ARGUMENT_INPUT: trueloss_argument = 1;
/// `target`
pub const TRUELOSS_ARGUMENT_TARGET: trueloss_argument = 2;
/// `weight`
pub const TRUELOSS_ARGUMENT_WEIGHT: trueloss_argument = 3;
/// `pos_weight`
pub const TRUELOSS_ARGUMENT_POS_WEIGHT: trueloss_argument = 4;
/// `grad_output`
pub const TRUELOSS_ARGUMENT_GRAD_OUTPUT: trueloss_argument = 5;
/// `grad_input`
pub const TRUELOSS_ARGUMENT_GRAD_INPUT: trueloss_argument = 6;
/// `losses`, or `loss`
pub const TRUELOSS_ARGUMENT_LOSSES: trueloss_argument = 7;
/// `output`, or `accuracy`
pub const TRUELOSS_ARGUMENT_OUTPUT: trueloss_argument = 8;
/// `label_smoothing`
pub const TRUELOSS_ARGUMENT_LABEL_SMOOTHING: trueloss_argument = 9;
/// `beta`. Not reported yet: the functions that have one return the code alone.
pub const TRUELOSS_ARGUMENT_BETA: trueloss_argument = 10;
/// `shape` and `rank`, or `dim`
pub const TRUELOSS_ARGUMENT_SHAPE: trueloss_argument = 11;
/// `options`. Not reported yet: of options that are misaligned the code alone is returned.
pub const TRUELOSS_ARGUMENT_OPTIONS: trueloss_argument = 12;
/// `reduction`
pub const TRUELOSS_ARGUMENT_REDUCTION: trueloss_argument = 13;
/// A partial result, or where it begins
pub const TRUELOSS_ARGUMENT_PARTIAL: trueloss_argument = 14;

/// Where an error is. A function that fails fills in the one that `error` points to, in its options or among its
/// arguments, if that is not NULL; one that succeeds leaves it alone. What does not apply is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct trueloss_error {
    /// What the function returns.
    pub status: trueloss_status,
    /// The argument it is about.
    pub argument: trueloss_argument,
    /// Where in the argument: the index of the number that is not legal.
    pub index: usize,
    /// The number that the other arguments call for: a length (BROADCAST: the input's, which the weight's has to divide),
    /// the number of classes, the rank, where a partial has to begin.
    pub expected: usize,
    /// The number found in its place: a length, `dim`, where the partial begins. A class index is the target at `index`.
    pub actual: usize,
}

impl trueloss_error {
    pub(crate) fn new(status: trueloss_status, argument: trueloss_argument) -> Self {
        Self {
            status,
            argument,
            ..Self::default()
        }
    }
}

/// The number of the first option of a loss of elements that has no number above. The next ones follow, in the order of core's
/// list: losses_*.rs has their names.
pub(crate) const FIRST_OPTION: trueloss_argument = 16;

macro_rules! options {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, {
        $Loss:ident, $snake:ident, kernels $f32:ident $f64:ident: $cost:ident;
        $title:literal
        formula $formula:literal;
        gradient $gradient:literal;
        source $source:literal;
        weights $weights:tt;
        options { $($(#[$doc:meta])* $option:ident;)* }
    };)*) => {
        &[$($(concat!(stringify!($option), "\0"),)*)*]
    };
}

/// The options of all losses, each with the zero that C ends it with. Where two losses have an option of the same name, it has the
/// number of the first.
const OPTIONS: &[&str] = trueloss::each_elementwise_loss!(options, 'static, f32);

fn option(name: &str) -> trueloss_argument {
    let end = FIRST_OPTION + OPTIONS.len() as trueloss_argument;
    let found = (TRUELOSS_ARGUMENT_INPUT..end)
        .find(|&number| name_of(number).to_bytes() == name.as_bytes());
    found.unwrap_or(TRUELOSS_ARGUMENT_NONE)
}

/// The name of an argument.
fn name_of(argument: trueloss_argument) -> &'static CStr {
    let option = argument.checked_sub(FIRST_OPTION);
    let option = option.and_then(|at| OPTIONS.get(usize::try_from(at).ok()?));
    if let Some(name) = option {
        return CStr::from_bytes_with_nul(name.as_bytes()).unwrap_or(c"argument");
    }
    match argument {
        TRUELOSS_ARGUMENT_INPUT => c"input",
        TRUELOSS_ARGUMENT_TARGET => c"target",
        TRUELOSS_ARGUMENT_WEIGHT => c"weight",
        TRUELOSS_ARGUMENT_POS_WEIGHT => c"pos_weight",
        TRUELOSS_ARGUMENT_GRAD_OUTPUT => c"grad_output",
        TRUELOSS_ARGUMENT_GRAD_INPUT => c"grad_input",
        TRUELOSS_ARGUMENT_LOSSES => c"losses",
        TRUELOSS_ARGUMENT_OUTPUT => c"output",
        TRUELOSS_ARGUMENT_LABEL_SMOOTHING => c"label_smoothing",
        TRUELOSS_ARGUMENT_BETA => c"beta",
        TRUELOSS_ARGUMENT_SHAPE => c"shape",
        TRUELOSS_ARGUMENT_OPTIONS => c"options",
        TRUELOSS_ARGUMENT_REDUCTION => c"reduction",
        TRUELOSS_ARGUMENT_PARTIAL => c"partial",
        _ => c"argument",
    }
}

fn argument(argument: Argument) -> trueloss_argument {
    match argument {
        Argument::Input => TRUELOSS_ARGUMENT_INPUT,
        Argument::Target => TRUELOSS_ARGUMENT_TARGET,
        Argument::Weight => TRUELOSS_ARGUMENT_WEIGHT,
        Argument::PosWeight => TRUELOSS_ARGUMENT_POS_WEIGHT,
        Argument::GradOutput => TRUELOSS_ARGUMENT_GRAD_OUTPUT,
        Argument::GradInput => TRUELOSS_ARGUMENT_GRAD_INPUT,
        Argument::Losses => TRUELOSS_ARGUMENT_LOSSES,
        Argument::Output => TRUELOSS_ARGUMENT_OUTPUT,
        Argument::LabelSmoothing => TRUELOSS_ARGUMENT_LABEL_SMOOTHING,
        Argument::Beta => TRUELOSS_ARGUMENT_BETA,
        Argument::Option(name) => option(name),
        // The enum may grow; the tests try all that it has.
        _ => TRUELOSS_ARGUMENT_NONE,
    }
}

impl From<Error> for trueloss_error {
    fn from(error: Error) -> Self {
        let at = |status, about| Self::new(status, argument(about));
        match error {
            Error::Length {
                argument,
                expected,
                actual,
            } => Self {
                expected,
                actual,
                ..at(TRUELOSS_ERROR_LENGTH, argument)
            },
            Error::Broadcast {
                argument,
                length,
                input,
            } => Self {
                expected: input,
                actual: length,
                ..at(TRUELOSS_ERROR_BROADCAST, argument)
            },
            Error::ShapeOverflow => {
                Self::new(TRUELOSS_ERROR_SHAPE_OVERFLOW, TRUELOSS_ARGUMENT_SHAPE)
            }
            Error::NoClasses => Self::new(TRUELOSS_ERROR_NO_CLASSES, TRUELOSS_ARGUMENT_SHAPE),
            Error::Dimension { dim, rank } => Self {
                expected: rank,
                actual: dim,
                ..Self::new(TRUELOSS_ERROR_DIMENSION, TRUELOSS_ARGUMENT_SHAPE)
            },
            Error::OutsideUnitInterval { argument, index } => Self {
                index,
                ..at(TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL, argument)
            },
            Error::NotHardLabel { argument, index } => Self {
                index,
                ..at(TRUELOSS_ERROR_NOT_HARD_LABEL, argument)
            },
            Error::NotSign { argument, index } => Self {
                index,
                ..at(TRUELOSS_ERROR_NOT_SIGN, argument)
            },
            Error::OutsideRange { argument, .. } => at(TRUELOSS_ERROR_OUTSIDE_RANGE, argument),
            Error::NotFinite { argument, index } => Self {
                index,
                ..at(TRUELOSS_ERROR_NOT_FINITE, argument)
            },
            Error::NotPositive { argument } => at(TRUELOSS_ERROR_NOT_POSITIVE, argument),
            Error::ClassIndex { index, classes, .. } => Self {
                index,
                expected: classes,
                ..at(TRUELOSS_ERROR_CLASS_INDEX, Argument::Target)
            },
            Error::NotOnBlockBoundary { at } => Self {
                actual: at,
                ..Self::new(
                    TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY,
                    TRUELOSS_ARGUMENT_PARTIAL,
                )
            },
            Error::NotAdjacent { expected, actual } => Self {
                expected,
                actual,
                ..Self::new(TRUELOSS_ERROR_NOT_ADJACENT, TRUELOSS_ARGUMENT_PARTIAL)
            },
            _ => Self::new(TRUELOSS_ERROR_OTHER, TRUELOSS_ARGUMENT_NONE),
        }
    }
}

/// What the code means, in English, without a full stop. Never NULL, and valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn trueloss_status_message(status: trueloss_status) -> *const c_char {
    let message: &CStr = match status {
        TRUELOSS_OK => c"success",
        TRUELOSS_ERROR_LENGTH => c"an array has the wrong length",
        TRUELOSS_ERROR_BROADCAST => c"the length of a weight does not divide that of the input",
        TRUELOSS_ERROR_SHAPE_OVERFLOW => c"a shape has more elements than a size_t can count",
        TRUELOSS_ERROR_NO_CLASSES => c"a shape has no classes",
        TRUELOSS_ERROR_DIMENSION => c"the shape does not have this dimension",
        TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL => c"a number is not between 0 and 1",
        TRUELOSS_ERROR_NOT_FINITE => c"a number is not finite",
        TRUELOSS_ERROR_NOT_POSITIVE => c"a number is not above 0 and finite",
        TRUELOSS_ERROR_CLASS_INDEX => c"a class index is out of range",
        TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY => c"a partial does not begin at a block boundary",
        TRUELOSS_ERROR_NOT_ADJACENT => c"a partial is not the one that follows, or not the whole",
        TRUELOSS_ERROR_NOT_HARD_LABEL => c"a target is neither 0 nor 1",
        TRUELOSS_ERROR_NOT_SIGN => c"a target is neither -1 nor 1",
        TRUELOSS_ERROR_OUTSIDE_RANGE => c"an option is out of its range",
        TRUELOSS_ERROR_NULL_POINTER => c"a pointer is null",
        TRUELOSS_ERROR_MISALIGNED => c"a pointer is not aligned for its type",
        TRUELOSS_ERROR_TOO_LARGE => c"an array is too large for the address space",
        TRUELOSS_ERROR_OVERLAP => c"an output overlaps another argument",
        TRUELOSS_ERROR_REDUCTION => c"the reduction is neither mean nor sum",
        TRUELOSS_ERROR_NOT_A_PARTIAL => c"this is not a partial result",
        _ => c"unknown error",
    };
    message.as_ptr()
}

/// The argument's name in the signatures; "argument" for a number that is none of the TRUELOSS_ARGUMENT
/// ones. Never NULL, and valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn trueloss_argument_name(argument: trueloss_argument) -> *const c_char {
    name_of(argument).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::vec;

    #[test]
    fn every_argument_has_its_number_and_name() {
        let arguments = [
            Argument::Input,
            Argument::Target,
            Argument::Weight,
            Argument::PosWeight,
            Argument::GradOutput,
            Argument::GradInput,
            Argument::Losses,
            Argument::Output,
            Argument::LabelSmoothing,
            Argument::Beta,
            Argument::Option("delta"),
            Argument::Option("gamma"),
        ];
        for about in arguments {
            let name = trueloss_argument_name(argument(about));
            // SAFETY: a C string that lives for ever.
            let name = unsafe { CStr::from_ptr(name) };
            assert_eq!(name.to_string_lossy(), std::format!("{about}"));
        }
    }

    #[test]
    fn every_error_has_its_status_and_detail() {
        let argument = Argument::PosWeight;
        let (index, expected, actual) = (3, 5, 7);
        let at = |status, argument, index, expected, actual| trueloss_error {
            status,
            argument,
            index,
            expected,
            actual,
        };
        let (about, shape, partial) = (
            TRUELOSS_ARGUMENT_POS_WEIGHT,
            TRUELOSS_ARGUMENT_SHAPE,
            TRUELOSS_ARGUMENT_PARTIAL,
        );
        let errors = vec![
            (
                Error::Length {
                    argument,
                    expected,
                    actual,
                },
                at(TRUELOSS_ERROR_LENGTH, about, 0, 5, 7),
            ),
            (
                Error::Broadcast {
                    argument,
                    length: 7,
                    input: 5,
                },
                at(TRUELOSS_ERROR_BROADCAST, about, 0, 5, 7),
            ),
            (
                Error::ShapeOverflow,
                at(TRUELOSS_ERROR_SHAPE_OVERFLOW, shape, 0, 0, 0),
            ),
            (
                Error::NoClasses,
                at(TRUELOSS_ERROR_NO_CLASSES, shape, 0, 0, 0),
            ),
            (
                Error::Dimension { dim: 7, rank: 5 },
                at(TRUELOSS_ERROR_DIMENSION, shape, 0, 5, 7),
            ),
            (
                Error::OutsideUnitInterval { argument, index },
                at(TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL, about, 3, 0, 0),
            ),
            (
                Error::NotHardLabel { argument, index },
                at(TRUELOSS_ERROR_NOT_HARD_LABEL, about, 3, 0, 0),
            ),
            (
                Error::NotSign { argument, index },
                at(TRUELOSS_ERROR_NOT_SIGN, about, 3, 0, 0),
            ),
            (
                Error::OutsideRange {
                    argument,
                    least: 0,
                    most: 9,
                },
                at(TRUELOSS_ERROR_OUTSIDE_RANGE, about, 0, 0, 0),
            ),
            (
                Error::NotFinite { argument, index },
                at(TRUELOSS_ERROR_NOT_FINITE, about, 3, 0, 0),
            ),
            (
                Error::NotPositive { argument },
                at(TRUELOSS_ERROR_NOT_POSITIVE, about, 0, 0, 0),
            ),
            (
                Error::ClassIndex {
                    index,
                    class: -1,
                    classes: 5,
                },
                at(
                    TRUELOSS_ERROR_CLASS_INDEX,
                    TRUELOSS_ARGUMENT_TARGET,
                    3,
                    5,
                    0,
                ),
            ),
            (
                Error::NotOnBlockBoundary { at: 7 },
                at(TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY, partial, 0, 0, 7),
            ),
            (
                Error::NotAdjacent { expected, actual },
                at(TRUELOSS_ERROR_NOT_ADJACENT, partial, 0, 5, 7),
            ),
        ];
        let statuses: HashSet<_> = errors.iter().map(|(_, detail)| detail.status).collect();
        assert_eq!(statuses.len(), errors.len());
        for (error, detail) in errors {
            assert_eq!(trueloss_error::from(error), detail, "{error}");
        }
    }
}
