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
    /// -1 and 1.
    Signs,
}

impl Domain {
    /// All of `values` lie in it.
    ///
    /// # Errors
    ///
    /// Where one does not.
    pub fn check<T: Checkable>(self, argument: Argument, values: &[T]) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::UnitInterval => check_all_in_unit_interval(argument, values),
            Self::HardLabels => match find(values, is_soft) {
                Some(index) => Err(Error::NotHardLabel { argument, index }),
                None => Ok(()),
            },
            Self::Signs => match find(values, is_no_sign) {
                Some(index) => Err(Error::NotSign { argument, index }),
                None => Ok(()),
            },
        }
    }
}

/// An element type whose values can be checked against a [`Domain`].
#[doc(hidden)]
pub trait Checkable: FloatCore {
    #[inline(always)]
    fn is_in_unit_interval(self) -> bool {
        (self >= Self::zero()) & (self <= Self::one())
    }

    #[inline(always)]
    fn is_hard_label(self) -> bool {
        (self == Self::zero()) | (self == Self::one())
    }

    #[inline(always)]
    fn is_sign(self) -> bool {
        self.abs() == Self::one()
    }

    /// Neither infinite nor NaN.
    #[inline(always)]
    fn is_finite_number(self) -> bool {
        self.is_finite()
    }
}

impl Checkable for f32 {}

impl Checkable for f64 {}

/// Checks by bits: the compiler does not vectorise comparisons of these types, and such loops take longer than a loss.
#[cfg(feature = "half")]
macro_rules! checkable_bits {
    ($T:ty) => {
        impl Checkable for $T {
            #[inline(always)]
            fn is_in_unit_interval(self) -> bool {
                (self.to_bits() <= Self::ONE.to_bits()) | (self.to_bits() == 0x8000)
            }

            #[inline(always)]
            fn is_hard_label(self) -> bool {
                (self.to_bits() & 0x7fff == 0) | (self.to_bits() == Self::ONE.to_bits())
            }

            #[inline(always)]
            fn is_sign(self) -> bool {
                self.to_bits() & 0x7fff == Self::ONE.to_bits()
            }

            #[inline(always)]
            fn is_finite_number(self) -> bool {
                self.to_bits() & 0x7fff < Self::INFINITY.to_bits()
            }
        }
    };
}
#[cfg(feature = "half")]
checkable_bits!(half::f16);
#[cfg(feature = "half")]
checkable_bits!(half::bf16);

/// Not in [0, 1], or NaN.
#[doc(hidden)]
#[inline(always)]
pub fn outside_unit_interval<T: Checkable>(value: T) -> bool {
    !value.is_in_unit_interval()
}

/// Neither 0 nor 1, or NaN.
#[doc(hidden)]
#[inline(always)]
pub fn is_soft<T: Checkable>(value: T) -> bool {
    !value.is_hard_label()
}

/// Neither -1 nor 1, or NaN.
#[doc(hidden)]
#[inline(always)]
pub fn is_no_sign<T: Checkable>(value: T) -> bool {
    !value.is_sign()
}

/// All of `values` lie in [0, 1].
pub(crate) fn check_all_in_unit_interval<T: Checkable>(
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
pub(crate) fn check_weights<T: Checkable>(
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
pub fn not_finite<T: Checkable>(value: T) -> bool {
    !value.is_finite_number()
}

/// All of `values` are finite.
pub(crate) fn check_finite<T: Checkable>(argument: Argument, values: &[T]) -> Result<(), Error> {
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

#[cfg(all(test, feature = "half"))]
mod tests {
    use super::{Checkable, FloatCore};
    use core::fmt::Debug;

    /// All numbers of 16 bits, against the same numbers as `f32`.
    fn bits_are_checked_as_numbers<T: Checkable + Debug>(of: fn(u16) -> T, number: fn(T) -> f32) {
        for bits in 0..=u16::MAX {
            let value = of(bits);
            let number = number(value);
            let expected = [
                (0.0..=1.0).contains(&number),
                number == 0.0 || number == 1.0,
                number == 1.0 || number == -1.0,
                FloatCore::is_finite(number),
            ];
            let actual = [
                value.is_in_unit_interval(),
                value.is_hard_label(),
                value.is_sign(),
                value.is_finite_number(),
            ];
            assert_eq!(actual, expected, "{value:?}");
        }
    }

    #[test]
    fn of_16_bits() {
        bits_are_checked_as_numbers(half::f16::from_bits, half::f16::to_f32);
        bits_are_checked_as_numbers(half::bf16::from_bits, half::bf16::to_f32);
    }
}
