//! Checks of arguments: what is wrong with a call is found here, before anything is written.

use crate::error::{Argument, Error};
use crate::machine::{CHUNK, LANES};
use num_traits::float::FloatCore;

/// `Ok` for an option that is positive and finite.
pub(crate) fn check_positive(argument: Argument, option: f64) -> Result<(), Error> {
    if option > 0.0 && option.is_finite() {
        Ok(())
    } else {
        Err(Error::NotPositive { argument })
    }
}

/// `Ok` for an option in [0, 1].
#[doc(hidden)]
pub fn check_unit_interval(argument: Argument, option: f64) -> Result<(), Error> {
    if (0.0..=1.0).contains(&option) {
        Ok(())
    } else {
        let index = 0;
        Err(Error::OutsideUnitInterval { argument, index })
    }
}

/// `Ok` when a slice has the length that the other arguments call for.
#[doc(hidden)]
pub fn check_length(argument: Argument, expected: usize, actual: usize) -> Result<(), Error> {
    if expected == actual {
        Ok(())
    } else {
        Err(Error::Length {
            argument,
            expected,
            actual,
        })
    }
}

/// Which numbers are legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// All, infinities and NaN too.
    Any,
    /// Those in [0, 1].
    UnitInterval,
    /// 0 and 1.
    HardLabels,
}

impl Domain {
    /// All of `values` lie in it.
    pub(crate) fn check<T: FloatCore>(self, argument: Argument, values: &[T]) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::UnitInterval => check_all_in_unit_interval(argument, values),
            Self::HardLabels => match find(values, is_soft) {
                Some(index) => Err(Error::NotHardLabel { argument, index }),
                None => Ok(()),
            },
        }
    }
}

/// Not in [0, 1], or NaN.
#[doc(hidden)]
#[inline(always)]
pub fn outside_unit_interval<T: FloatCore>(value: T) -> bool {
    !((value >= T::zero()) & (value <= T::one()))
}

/// Neither 0 nor 1, or NaN.
#[doc(hidden)]
#[inline(always)]
pub fn is_soft<T: FloatCore>(value: T) -> bool {
    !((value == T::zero()) | (value == T::one()))
}

/// All of `values` lie in [0, 1].
pub(crate) fn check_all_in_unit_interval<T: FloatCore>(
    argument: Argument,
    values: &[T],
) -> Result<(), Error> {
    match find(values, outside_unit_interval) {
        Some(index) => Err(Error::OutsideUnitInterval { argument, index }),
        None => Ok(()),
    }
}

/// The length of a slice of weights divides the input's.
#[doc(hidden)]
pub fn check_broadcast(argument: Argument, length: usize, input: usize) -> Result<(), Error> {
    let fits = match length {
        0 => input == 0,
        length => input.is_multiple_of(length),
    };
    if fits {
        Ok(())
    } else {
        Err(Error::Broadcast {
            argument,
            length,
            input,
        })
    }
}

/// The same, and all of them are finite.
pub(crate) fn check_weights<T: FloatCore>(
    argument: Argument,
    weights: &[T],
    input: usize,
) -> Result<(), Error> {
    check_broadcast(argument, weights.len(), input)?;
    check_finite(argument, weights)
}

/// Infinite or NaN.
#[doc(hidden)]
#[inline(always)]
pub fn not_finite<T: FloatCore>(value: T) -> bool {
    !value.is_finite()
}

/// All of `values` are finite.
pub(crate) fn check_finite<T: FloatCore>(argument: Argument, values: &[T]) -> Result<(), Error> {
    match find(values, not_finite) {
        Some(index) => Err(Error::NotFinite { argument, index }),
        None => Ok(()),
    }
}

/// The first of `values` that is at fault. In chunks, each looked at as a whole: a loop that may end at any
/// element is not vectorised.
#[inline(always)]
pub(crate) fn find<T: Copy>(values: &[T], fault: impl Fn(T) -> bool) -> Option<usize> {
    const WIDTH: usize = LANES;
    let mut start = 0;
    for chunk in values.chunks(4 * CHUNK) {
        let mut any = [0_u32; WIDTH];
        let (groups, rest) = chunk.as_chunks::<WIDTH>();
        for group in groups {
            for (any, &value) in any.iter_mut().zip(group) {
                *any |= u32::from(fault(value));
            }
        }
        if any != [0; WIDTH] || rest.iter().any(|&value| fault(value)) {
            return chunk
                .iter()
                .position(|&value| fault(value))
                .map(|within| start + within);
        }
        start += chunk.len();
    }
    None
}
