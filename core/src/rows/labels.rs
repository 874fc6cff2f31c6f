//! The labels of rows.

use crate::check::{check_length, find};
use crate::error::{Argument, Error};
use crate::machine::LANES;
use crate::number::format::Format;

/// A type of class indices: `i64`, `i32`, `u32`, `u16`, `u8` or `usize`. Sealed.
///
/// ```
/// use trueloss::{Classes, Nll};
///
/// let input = Classes::new(&[-1.0_f32, -2.0], [2])?;
/// assert_eq!(Nll::new().forward(input, &[1_u8])?, Nll::new().forward(input, &[1_usize])?);
/// # Ok::<(), trueloss::Error>(())
/// ```
pub trait ClassIndex: Copy + sealed::Sealed {
    /// The index as an `i64`, saturated to its range.
    ///
    /// ```
    /// use trueloss::ClassIndex;
    ///
    /// assert_eq!(7_u8.to_i64(), 7);
    /// assert_eq!(usize::MAX.to_i64(), i64::try_from(usize::MAX).unwrap_or(i64::MAX));
    /// ```
    fn to_i64(self) -> i64;

    #[doc(hidden)]
    fn indices(labels: &[Self]) -> Indices<'_>;
}

/// Labels of any type, told apart when they are read, so that no loop need be compiled for each type.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Indices<'a> {
    I64(&'a [i64]),
    I32(&'a [i32]),
    U32(&'a [u32]),
    U16(&'a [u16]),
    U8(&'a [u8]),
    Usize(&'a [usize]),
}

impl Indices<'_> {
    #[inline(always)]
    fn get(self, row: usize) -> Option<i64> {
        match self {
            Self::I64(labels) => labels.get(row).map(|label| label.to_i64()),
            Self::I32(labels) => labels.get(row).map(|label| label.to_i64()),
            Self::U32(labels) => labels.get(row).map(|label| label.to_i64()),
            Self::U16(labels) => labels.get(row).map(|label| label.to_i64()),
            Self::U8(labels) => labels.get(row).map(|label| label.to_i64()),
            Self::Usize(labels) => labels.get(row).map(|label| label.to_i64()),
        }
    }
}

macro_rules! class_index {
    ($($index:ty: $variant:ident),*) => {$(
        impl sealed::Sealed for $index {}
        impl ClassIndex for $index {
            #[inline(always)]
            fn to_i64(self) -> i64 {
                i64::try_from(self).unwrap_or(i64::MAX)
            }

            fn indices(labels: &[Self]) -> Indices<'_> {
                Indices::$variant(labels)
            }
        }
    )*};
}

class_index!(i64: I64, i32: I32, u32: U32, u16: U16, u8: U8, usize: Usize);

mod sealed {
    pub trait Sealed {}
}

/// Labels that have been checked: one a row, each the ignored index or below the number of classes.
#[derive(Clone, Copy)]
pub(crate) struct Labels<'a> {
    labels: Indices<'a>,
    ignore_index: Option<i64>,
}

impl<'a> Labels<'a> {
    pub(crate) fn check<I: ClassIndex>(
        labels: &'a [I],
        ignore_index: Option<i64>,
        rows: usize,
        classes: usize,
    ) -> Result<Self, Error> {
        check_length(Argument::Target, rows, labels.len())?;
        let illegal = |label: I| is_illegal(label.to_i64(), ignore_index, classes);
        match find(labels, illegal) {
            Some(index) => Err(Error::ClassIndex {
                index,
                class: labels.get(index).map_or(0, |label| label.to_i64()),
                classes,
            }),
            None => Ok(Self {
                labels: I::indices(labels),
                ignore_index,
            }),
        }
    }

    /// For labels that are checked elsewhere.
    #[inline(always)]
    pub(crate) fn unchecked(labels: Indices<'a>, ignore_index: Option<i64>) -> Self {
        Self {
            labels,
            ignore_index,
        }
    }

    /// A row's label, if it is neither a class nor ignored.
    #[inline(always)]
    pub(crate) fn illegal(&self, row: usize, classes: usize) -> Option<i64> {
        let illegal = |&label: &i64| is_illegal(label, self.ignore_index, classes);
        self.labels.get(row).filter(illegal)
    }

    /// The row's class; none where the row is ignored.
    #[inline(always)]
    pub(crate) fn get(&self, row: usize) -> Option<usize> {
        self.labels
            .get(row)
            .filter(|&class| Some(class) != self.ignore_index)
            .and_then(|class| usize::try_from(class).ok())
    }

    /// The classes of a group of rows, as [`get`](Self::get) gives them.
    #[inline(always)]
    pub(crate) fn group(&self, start: usize) -> [Option<usize>; LANES] {
        match self.labels {
            Indices::I64(labels) => self.group_of(labels, start),
            Indices::I32(labels) => self.group_of(labels, start),
            Indices::U32(labels) => self.group_of(labels, start),
            Indices::U16(labels) => self.group_of(labels, start),
            Indices::U8(labels) => self.group_of(labels, start),
            Indices::Usize(labels) => self.group_of(labels, start),
        }
    }

    #[inline(always)]
    fn group_of<I: ClassIndex>(&self, labels: &[I], start: usize) -> [Option<usize>; LANES] {
        let mut group = [None; LANES];
        for (class, label) in group.iter_mut().zip(labels.get(start..).unwrap_or(&[])) {
            *class = Some(label.to_i64())
                .filter(|&label| Some(label) != self.ignore_index)
                .and_then(|label| usize::try_from(label).ok());
        }
        group
    }

    /// How many rows are not ignored.
    pub(crate) fn count(&self) -> usize {
        match self.labels {
            Indices::I64(labels) => self.count_of(labels),
            Indices::I32(labels) => self.count_of(labels),
            Indices::U32(labels) => self.count_of(labels),
            Indices::U16(labels) => self.count_of(labels),
            Indices::U8(labels) => self.count_of(labels),
            Indices::Usize(labels) => self.count_of(labels),
        }
    }

    fn count_of<I: ClassIndex>(&self, labels: &[I]) -> usize {
        let Some(ignored) = self.ignore_index else {
            return labels.len();
        };
        labels
            .iter()
            .filter(|label| label.to_i64() != ignored)
            .count()
    }

    /// What the row counts in a mean: its class's weight, 0 where it is ignored.
    pub(crate) fn weight<T: Format>(&self, row: usize, weight: Option<&[T]>) -> f64 {
        self.get(row)
            .map_or(0.0, |label| class_weight(weight, label))
    }
}

/// Neither a class nor the ignored index.
#[inline(always)]
fn is_illegal(class: i64, ignore_index: Option<i64>, classes: usize) -> bool {
    let legal = usize::try_from(class).is_ok_and(|class| class < classes);
    (Some(class) != ignore_index) & !legal
}

/// The weight of a class, 1 where there are none.
#[inline(always)]
pub(crate) fn class_weight<T: Format>(weight: Option<&[T]>, class: usize) -> f64 {
    weight
        .and_then(|weight| weight.get(class))
        .map_or(1.0, |weight| weight.decode())
}
