//! Logits of shape (C), (N, C) or (N, C, d1..dK), seen as rows of C classes with a stride.

use crate::check::{check_finite, check_length};
use crate::error::{Argument, Error};
use crate::machine::CHUNK;
use crate::number::format::Format;
use crate::sum::thread_group::ThreadGroup;

/// A slice seen as rows of classes.
///
/// Of shape (C), (N, C) or (N, C, d1..dK), in row-major order: one row for each of the N d1..dK
/// positions. A row's classes lie d1..dK elements apart. A function of (N, C, d1..dK) gives each row the
/// bits it has alone.
///
/// ```
/// use trueloss::{Classes, Softmax};
///
/// // Shape (1, 2, 3): three rows of two classes, which lie three elements apart.
/// let data = [0.0_f32, 9.0, 1.0, 0.0, 9.0, 1.0];
/// let mut output = [0.0; 6];
/// Softmax::new().forward(Classes::new(&data, [1, 2, 3])?, &mut output)?;
/// assert_eq!(output, [0.5; 6]);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a, T> {
    data: &'a [T],
    pub(crate) extent: Extent,
}

impl<'a, T: Format> Classes<'a, T> {
    /// `data` of a `shape` whose classes are its second dimension, or its first where it has only one.
    ///
    /// # Errors
    ///
    /// As for [`along`](Self::along).
    ///
    /// ```
    /// use trueloss::{Argument, Classes, Error};
    ///
    /// let data = [0.0_f32; 6];
    /// assert_eq!(Classes::new(&data, [2, 3])?.classes(), 3);
    /// assert_eq!(Classes::new(&data, [6])?.classes(), 6);
    /// let error = Error::Length { argument: Argument::Input, expected: 8, actual: 6 };
    /// assert_eq!(Classes::new(&data, [2, 4]).err(), Some(error));
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn new(data: &'a [T], shape: impl AsRef<[usize]>) -> Result<Self, Error> {
        let shape = shape.as_ref();
        Self::along(data, shape, usize::from(shape.len() > 1))
    }

    /// `data` of a `shape` whose rows run along dimension `dim`: what softmax over `dim` sees.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] where `shape` has no dimension `dim`, [`Error::NoClasses`] where its size is
    /// 0, [`Error::ShapeOverflow`] and [`Error::Length`] where the shape is not that of `data`.
    ///
    /// ```
    /// use trueloss::Classes;
    ///
    /// let columns = Classes::along(&[0.0_f32; 6], [2, 3], 0)?;
    /// assert_eq!((columns.rows(), columns.classes()), (3, 2));
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn along(data: &'a [T], shape: impl AsRef<[usize]>, dim: usize) -> Result<Self, Error> {
        let extent = Extent::along(shape.as_ref(), dim)?;
        check_length(Argument::Input, extent.elements(), data.len())?;
        Ok(Self::of(data, extent))
    }

    /// For data that is checked elsewhere.
    #[doc(hidden)]
    #[inline(always)]
    pub fn of(data: &'a [T], extent: Extent) -> Self {
        Self { data, extent }
    }

    /// How many rows there are.
    ///
    /// ```
    /// assert_eq!(trueloss::Classes::new(&[0.0_f32; 24], [2, 3, 4])?.rows(), 8);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn rows(&self) -> usize {
        self.extent.rows()
    }

    /// How many classes each row has.
    ///
    /// ```
    /// assert_eq!(trueloss::Classes::new(&[0.0_f32; 24], [2, 3, 4])?.classes(), 3);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn classes(&self) -> usize {
        self.extent.classes
    }

    /// How many elements there are.
    ///
    /// ```
    /// assert_eq!(trueloss::Classes::new(&[0.0_f32; 24], [2, 3, 4])?.elements(), 24);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn elements(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn data(&self) -> &'a [T] {
        self.data
    }

    pub(crate) fn layout(&self, row: usize) -> Layout {
        // A stride of 0 leaves no rows to ask for.
        let stride = self.extent.stride.max(1);
        Layout {
            offset: row / stride * (self.extent.classes * stride) + row % stride,
            stride: self.extent.stride,
            classes: self.extent.classes,
        }
    }

    /// Where a row lies in a slice of its own for the rows from `start` on, or in one for all rows where they are not
    /// neighbours.
    #[inline(always)]
    pub(crate) fn layout_from(&self, start: usize, row: usize) -> Layout {
        let base = if self.extent.stride == 1 {
            start * self.extent.classes
        } else {
            0
        };
        let layout = self.layout(row);
        Layout {
            offset: layout.offset - base,
            ..layout
        }
    }

    /// The rows from `start` on, one after the other, where a row's classes are neighbours.
    #[inline(always)]
    pub(crate) fn contiguous(&self, start: usize, rows: usize) -> Option<&'a [T]> {
        if self.extent.stride != 1 {
            return None;
        }
        let from = start * self.extent.classes;
        self.data.get(from..from + rows * self.extent.classes)
    }

    /// A weight a class, if any, and all of them finite.
    pub(crate) fn check_weight(&self, weight: Option<&[T]>) -> Result<(), Error> {
        let Some(weight) = weight else { return Ok(()) };
        check_length(Argument::Weight, self.extent.classes, weight.len())?;
        check_finite(Argument::Weight, weight)
    }
}

/// How many rows of how many classes there are, and how far apart a row's classes lie.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Extent {
    /// The product of the dimensions before that of the classes.
    pub outer: usize,
    pub classes: usize,
    /// The product of those after it.
    pub stride: usize,
}

#[doc(hidden)]
impl Extent {
    /// That of a shape whose rows run along dimension `dim`; errors are those of [`Classes::along`].
    #[inline]
    pub fn along(shape: &[usize], dim: usize) -> Result<Self, Error> {
        let (before, rest) = shape.split_at_checked(dim).unwrap_or((shape, &[]));
        let Some((&classes, after)) = rest.split_first() else {
            return Err(Error::Dimension {
                dim,
                rank: shape.len(),
            });
        };
        if classes == 0 {
            return Err(Error::NoClasses);
        }
        // A shape with a 0 in it has no elements, however large its other dimensions.
        let product = |sizes: &[usize]| {
            if shape.contains(&0) {
                Some(sizes.iter().fold(1, |all, &n| all * n.min(1)))
            } else {
                sizes
                    .iter()
                    .try_fold(1, |all: usize, &n| all.checked_mul(n))
            }
        };
        let (Some(outer), Some(stride), Some(_)) =
            (product(before), product(after), product(shape))
        else {
            return Err(Error::ShapeOverflow);
        };
        Ok(Self {
            outer,
            classes,
            stride,
        })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.outer * self.stride
    }

    /// How many elements there are.
    pub fn elements(&self) -> usize {
        self.outer * self.classes * self.stride
    }
}

/// Where a row's classes lie in a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) offset: usize,
    pub(crate) stride: usize,
    pub(crate) classes: usize,
}

impl Layout {
    /// The number of class `j`, widened; NaN past the last class, which the callers' checks rule out.
    #[inline(always)]
    pub(crate) fn get<T: Format>(self, data: &[T], j: usize) -> f64 {
        data.get(self.offset + j * self.stride)
            .map_or(f64::NAN, |x| x.decode())
    }

    /// Reads classes `start..start + out.len()`, widened.
    #[inline(always)]
    pub(crate) fn read<T: Format>(self, data: &[T], start: usize, out: &mut [f64]) {
        let data = data.get(self.offset + start * self.stride..).unwrap_or(&[]);
        if self.stride == 1 {
            for (out, x) in out.iter_mut().zip(data) {
                *out = x.decode();
            }
        } else {
            for (out, x) in out.iter_mut().zip(data.iter().step_by(self.stride.max(1))) {
                *out = x.decode();
            }
        }
    }

    /// Rounds and writes classes `start..start + values.len()`.
    #[inline(always)]
    pub(crate) fn write<T>(
        self,
        output: &mut (impl Output<T> + ?Sized),
        start: usize,
        values: &[f64],
    ) {
        output.write(self.offset + start * self.stride, self.stride, values);
    }

    /// Writes a whole row, `values(start, out)` giving its classes from `start` on.
    #[inline(always)]
    pub(crate) fn write_all<T: Format, M: ThreadGroup>(
        self,
        group: M,
        output: &mut (impl Output<T> + ?Sized),
        mut values: impl FnMut(usize, &mut [f64]),
    ) {
        if M::THREADS > 1 {
            for j in group.share(self.classes) {
                let mut value = [0.0];
                values(j, &mut value);
                self.write(output, j, &value);
            }
            return;
        }
        let mut buffer = [0.0; CHUNK];
        let mut start = 0;
        while start < self.classes {
            let (out, _) = buffer.split_at_mut(CHUNK.min(self.classes - start));
            values(start, out);
            self.write(output, start, out);
            start += CHUNK;
        }
    }
}

/// Where outputs go: a slice, or the memory of a GPU, which many threads write to.
#[doc(hidden)]
pub trait Output<T> {
    /// Rounds and writes `values` to `first`, `first + stride`, …
    fn write(&mut self, first: usize, stride: usize, values: &[f64]);
}

impl<T: Format> Output<T> for [T] {
    #[inline(always)]
    fn write(&mut self, first: usize, stride: usize, values: &[f64]) {
        let data = self.get_mut(first..).unwrap_or(&mut []);
        if stride == 1 {
            for (x, &value) in data.iter_mut().zip(values) {
                *x = T::encode(value);
            }
        } else {
            for (x, &value) in data.iter_mut().step_by(stride.max(1)).zip(values) {
                *x = T::encode(value);
            }
        }
    }
}
