//! Logits of shape (C), (N, C) or (N, C, d1..dK), seen as rows of C classes with a stride.

use crate::dispatch::{self, INTEGER, Kernel};
use crate::element::Element;
use crate::error::{Argument, Error, check_length};
use crate::parallel::{self, Parts};
use crate::quick::{self, Arithmetic, Estimate, FEW, Kept, LANES, NARROW, Rows, WIDE};
use crate::reduce::{self, CHUNK, Compensated, Reduction, Sum, Terms, Weighted, check_finite};
use crate::team::{Alone, Team};
use crate::wide::Wide;
use core::marker::PhantomData;

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
    extent: Extent,
}

impl<'a, T: Element> Classes<'a, T> {
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
    fn layout_from(&self, start: usize, row: usize) -> Layout {
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

    pub(crate) fn row(&self, row: usize) -> Row<'a, T> {
        Row {
            data: self.data,
            layout: self.layout(row),
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

    /// Whether rows have quick paths.
    pub(crate) fn has_quick(&self) -> bool {
        T::QUICK && self.extent.stride == 1 && self.extent.classes <= quick::MOST_CLASSES
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
    offset: usize,
    stride: usize,
    pub(crate) classes: usize,
}

impl Layout {
    /// The number of class `j`, widened; NaN past the last class, which the callers' checks rule out.
    #[inline(always)]
    pub(crate) fn get<T: Element>(self, data: &[T], j: usize) -> f64 {
        data.get(self.offset + j * self.stride)
            .map_or(f64::NAN, |x| x.widen())
    }

    /// Reads classes `start..start + out.len()`, widened.
    #[inline(always)]
    pub(crate) fn read<T: Element>(self, data: &[T], start: usize, out: &mut [f64]) {
        let data = data.get(self.offset + start * self.stride..).unwrap_or(&[]);
        if self.stride == 1 {
            for (out, x) in out.iter_mut().zip(data) {
                *out = x.widen();
            }
        } else {
            for (out, x) in out.iter_mut().zip(data.iter().step_by(self.stride.max(1))) {
                *out = x.widen();
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
    pub(crate) fn write_all<T: Element, M: Team>(
        self,
        team: M,
        output: &mut (impl Output<T> + ?Sized),
        mut values: impl FnMut(usize, &mut [f64]),
    ) {
        if M::THREADS > 1 {
            for j in team.share(self.classes) {
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

impl<T: Element> Output<T> for [T] {
    #[inline(always)]
    fn write(&mut self, first: usize, stride: usize, values: &[f64]) {
        let data = self.get_mut(first..).unwrap_or(&mut []);
        if stride == 1 {
            for (x, &value) in data.iter_mut().zip(values) {
                *x = T::narrow(value);
            }
        } else {
            for (x, &value) in data.iter_mut().step_by(stride.max(1)).zip(values) {
                *x = T::narrow(value);
            }
        }
    }
}

/// One row of logits.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a, T> {
    data: &'a [T],
    pub(crate) layout: Layout,
}

impl<T: Element> Row<'_, T> {
    /// The logit of class `j`.
    #[inline(always)]
    pub(crate) fn get(&self, j: usize) -> f64 {
        self.layout.get(self.data, j)
    }

    #[inline(always)]
    pub(crate) fn read(&self, start: usize, out: &mut [f64]) {
        self.layout.read(self.data, start, out);
    }

    /// `out` becomes `f(e_j)` of classes `start..start + out.len()`, at most [`CHUNK`].
    #[inline(always)]
    pub(crate) fn of_exponentials(
        &self,
        parts: &SoftmaxParts,
        start: usize,
        out: &mut [f64],
        f: impl Fn(T::Wide) -> f64,
    ) {
        let mut exponentials = [T::Wide::default(); CHUNK];
        let (exponentials, _) = exponentials.split_at_mut(out.len().min(CHUNK));
        self.wide_exponentials(parts, start, exponentials);
        for (out, &e) in out.iter_mut().zip(exponentials.iter()) {
            *out = f(e);
        }
    }

    /// e_j of classes `start..start + out.len()`, at most [`CHUNK`], not rounded: exactly 1 at the first largest, also
    /// where that is +inf.
    #[inline(always)]
    pub(crate) fn wide_exponentials<W: Wide>(
        &self,
        parts: &SoftmaxParts,
        start: usize,
        out: &mut [W],
    ) {
        let mut logits = [0.0; CHUNK];
        let (logits, _) = logits.split_at_mut(out.len().min(CHUNK));
        self.read(start, logits);
        for (e, &x) in out.iter_mut().zip(logits.iter()) {
            *e = parts.exponential(x);
        }
        if let Some(at_max) = parts.at_max(start, out) {
            *at_max = W::from(1.0);
        }
    }

    /// The largest logit and the first class that has it. NaN are passed over: a row of nothing but NaN
    /// and -inf gives -inf.
    #[inline(always)]
    pub(crate) fn max<M: Team>(&self, team: M) -> (f64, usize) {
        let Layout {
            offset,
            stride,
            classes,
        } = self.layout;
        if M::THREADS > 1 {
            return self.max_in_a_team(team);
        }
        let row = self.data.get(offset..).unwrap_or(&[]);
        if stride == 1 {
            let row = row.get(..classes).unwrap_or(&[]);
            let max = quick::max(row);
            return (max, quick::position(row, max));
        }
        let (mut max, mut argmax) = (f64::NEG_INFINITY, 0);
        for (j, x) in row.iter().step_by(stride.max(1)).take(classes).enumerate() {
            let x = x.widen();
            if x > max {
                (max, argmax) = (x, j);
            }
        }
        (max, argmax)
    }

    /// The same, each thread looking at its share and then at what another has found.
    #[inline(always)]
    fn max_in_a_team<M: Team>(&self, team: M) -> (f64, usize) {
        let (mut max, mut argmax) = (f64::NEG_INFINITY, 0);
        for j in team.share(self.layout.classes) {
            let x = self.get(j);
            if x > max {
                (max, argmax) = (x, j);
            }
        }
        let mut half = M::THREADS / 2;
        while half > 0 {
            let other = f64::from_bits(team.ask_above(max.to_bits(), half));
            let at = team.ask_above(argmax as u64, half) as usize;
            if other > max || (other == max && at < argmax) {
                (max, argmax) = (other, at);
            }
            half /= 2;
        }
        let max = f64::from_bits(team.ask(max.to_bits(), 0));
        (max, team.ask(argmax as u64, 0) as usize)
    }

    pub(crate) fn has_nan<M: Team>(&self, team: M) -> bool {
        team.any(
            team.share(self.layout.classes)
                .fold(false, |any, j| any | self.get(j).is_nan()),
        )
    }

    /// S, of a row whose largest logit is known.
    #[inline(always)]
    pub(crate) fn others<S: Sum, M: Team>(&self, team: M, parts: SoftmaxParts) -> S {
        let terms = Others::<T, S::Wide> {
            row: self,
            parts,
            of: PhantomData,
        };
        reduce::sum(team, self.layout.classes, terms)
    }

    /// Softmax's parts.
    #[inline(always)]
    pub(crate) fn softmax_parts<M: Team>(&self, team: M) -> SoftmaxParts {
        let (max, argmax) = self.max(team);
        let mut parts = SoftmaxParts {
            max,
            argmax,
            others: 0.0,
            others_low: 0.0,
        };
        let others = self.others::<T::Sum, M>(team, parts).wide();
        parts.others = quick::of_limit(others.high(), max);
        parts.others_low = others.low();
        parts
    }
}

/// The terms of S.
struct Others<'a, 'b, T, W> {
    row: &'a Row<'b, T>,
    parts: SoftmaxParts,
    of: PhantomData<W>,
}

impl<T: Element, W: Wide> Terms for Others<'_, '_, T, W> {
    type Term = W;

    #[inline(always)]
    fn fill(&mut self, start: usize, out: &mut [W]) {
        self.row.wide_exponentials(&self.parts, start, out);
        if let Some(one) = self.parts.at_max(start, out) {
            *one = W::default();
        }
    }
}

/// A row's softmax, kept apart: p_j = e_j / (1 + S) with e_j = exp(x_j - m), m the largest logit and
/// S the sum of e_j over the classes other than the first one that has it.
///
/// log-sum-exp is m + log1p(S). S carries the digits that 1 + S would lose: where one class is certain,
/// the loss and the gradient of that class are S, not what is left of it beside 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoftmaxParts {
    pub(crate) max: f64,
    pub(crate) argmax: usize,
    /// S,
    pub(crate) others: f64,
    /// and what it lacks, for `f64` elements.
    pub(crate) others_low: f64,
}

impl SoftmaxParts {
    /// e_j but for the first largest class.
    ///
    /// `f64`: within 0.1 u, as the difference is exact. So is S, then.
    #[inline(always)]
    pub(crate) fn exponential<W: Wide>(&self, x: f64) -> W {
        W::exp(W::difference(x, self.max))
    }

    /// S.
    #[inline(always)]
    pub(crate) fn wide_others<W: Wide>(&self) -> W {
        W::of_parts(self.others, self.others_low)
    }

    /// The entry of the first largest class, where it is among the classes from `start` on.
    #[inline(always)]
    pub(crate) fn at_max<'b, X>(&self, start: usize, out: &'b mut [X]) -> Option<&'b mut X> {
        self.argmax
            .checked_sub(start)
            .and_then(|at| out.get_mut(at))
    }

    /// m - x_j, the first of the two terms of -log p_j: 0 at the first largest, also where that is +inf.
    #[inline(always)]
    pub(crate) fn below_max<W: Wide>(&self, j: usize, x: f64) -> W {
        if j == self.argmax {
            W::default()
        } else {
            W::difference(self.max, x)
        }
    }

    /// log1p(S), the second.
    #[inline(always)]
    pub(crate) fn log1p<W: Wide>(&self) -> W {
        W::log1p(self.wide_others())
    }
}

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
        match reduce::find(labels, illegal) {
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
    pub(crate) fn weight<T: Element>(&self, row: usize, weight: Option<&[T]>) -> f64 {
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
pub(crate) fn class_weight<T: Element>(weight: Option<&[T]>, class: usize) -> f64 {
    weight
        .and_then(|weight| weight.get(class))
        .map_or(1.0, |weight| weight.widen())
}

/// What the gradients of rows are multiplied by.
#[derive(Clone, Copy)]
pub(crate) enum Scale<'a, T> {
    /// All by the same.
    All(f64),
    /// Each by its own.
    Each(&'a [T]),
}

impl<T: Element> Scale<'_, T> {
    #[inline(always)]
    pub(crate) fn of(self, row: usize) -> f64 {
        match self {
            Self::All(scale) => scale,
            Self::Each(scales) => scales.get(row).map_or(f64::NAN, |scale| scale.widen()),
        }
    }
}

/// What a loss of classes says of one row; the loops over rows are written once, below.
pub(crate) trait RowLoss<T: Element>: Sync {
    /// What value and gradient of a row share.
    type Parts;

    fn input(&self) -> Classes<'_, T>;

    fn reduction(&self) -> Reduction;

    /// What the row counts in the mean: 0 where it is ignored.
    fn weight(&self, row: usize) -> f64;

    fn parts<M: Team>(&self, team: M, row: usize) -> Self::Parts;

    /// The row's loss, weighted, unrounded.
    fn value<M: Team>(&self, team: M, row: usize, parts: &Self::Parts) -> f64;

    /// Writes the gradient of the row's loss times `scale`, where `layout` says. An ignored row gets zeros, whatever
    /// `scale` is.
    fn gradient<M: Team>(
        &self,
        team: M,
        row: usize,
        parts: &Self::Parts,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    );

    /// Whether there are quick paths: the two functions below.
    fn has_quick(&self) -> bool {
        false
    }

    /// The sum of the losses of some rows, by the quick path, and their gradients, times each row's `scale`, where
    /// `grad_input` has places for them. Those are certain.
    fn quick<A: Arithmetic>(
        &self,
        _start: usize,
        _len: usize,
        _scale: Scale<'_, T>,
        _grad_input: &mut [T],
    ) -> Estimate {
        Estimate::default()
    }

    /// The losses of some rows. Those are certain too.
    fn quick_each<A: Arithmetic>(&self, _start: usize, _losses: &mut [T]) {}

    /// The gradients of a run of rows, from `start` on.
    #[inline(always)]
    fn gradients(&self, start: usize, len: usize, scale: Scale<'_, T>, grad_input: &mut [T]) {
        for row in start..start + len {
            self.gradient_of_row(
                start,
                row,
                &self.parts(Alone, row),
                scale.of(row),
                grad_input,
            );
        }
    }

    /// The gradient of one of a run of rows, `grad_input` being that run's.
    #[inline(always)]
    fn gradient_of_row(
        &self,
        start: usize,
        row: usize,
        parts: &Self::Parts,
        scale: f64,
        grad_input: &mut [T],
    ) {
        let layout = self.input().layout_from(start, row);
        self.gradient(Alone, row, parts, scale, layout, grad_input);
    }

    /// The losses of one block of rows; their gradients times `scale` too, where `grad_input` has places for them: the
    /// block's own, or all there are where a row's are not neighbours.
    fn losses(&self, start: usize, len: usize, scale: f64, grad_input: &mut [T]) -> T::Sum {
        let input = self.input();
        let terms = reduce::terms(|from: usize, out: &mut [f64]| {
            let first = start + from;
            let elements = from * input.extent.classes..(from + out.len()) * input.extent.classes;
            let (grad, separate) = if input.extent.stride == 1 {
                (grad_input.get_mut(elements).unwrap_or(&mut []), true)
            } else {
                let separate = grad_input.is_empty();
                (&mut *grad_input, separate)
            };
            spread(
                &input,
                out.len(),
                separate,
                grad,
                out,
                |start, _, grad, out| {
                    dispatch::run(RowsOfRecord {
                        loss: self,
                        start: first + start,
                        scale,
                        losses: out,
                        grad_input: grad,
                    });
                },
                |(), ()| (),
            );
        });
        reduce::block(Alone, len, terms)
    }

    /// The weights of one block of rows.
    fn weights(&self, start: usize, len: usize) -> Compensated {
        let terms = reduce::terms(|from: usize, out: &mut [f64]| {
            for (row, out) in (start + from..).zip(out) {
                *out = self.weight(row);
            }
        });
        reduce::block(Alone, len, terms)
    }

    /// The sum of what the rows count, where each counts 0 or 1: how many there are. Sums of ones are exact in any
    /// order.
    fn count(&self) -> Option<usize>;

    /// What the sum of the losses, and a `grad_output`, is divided by.
    fn divisor(&self) -> T::Wide {
        self.reduction().divisor(|| {
            if let Some(count) = self.count() {
                return T::Wide::from(count as f64);
            }
            let weights: Compensated =
                reduce::whole(self.input().rows(), |start, len| self.weights(start, len));
            weights.to()
        })
    }

    /// The reduced loss by the formula of record, and its gradient times `scale`, where `grad_input` has places.
    fn reduced(&self, divisor: T::Wide, scale: f64, grad_input: &mut [T]) -> T {
        let (rows, extent) = (self.input().rows(), self.input().extent);
        let losses: T::Sum = if extent.stride == 1 || grad_input.is_empty() {
            parallel::blocks(rows, extent.classes, grad_input, |start, len, grad| {
                self.losses(start, len, scale, grad)
            })
        } else {
            reduce::whole(rows, |start, len| {
                self.losses(start, len, scale, grad_input)
            })
        };
        T::narrow(reduce::divide(losses.wide(), divisor))
    }

    /// The sum of the losses by the quick path, and gradients, as for [`quick`](Self::quick).
    fn estimate(&self, scale: Scale<'_, T>, grad_input: &mut [T]) -> Estimate {
        let input = self.input();
        let work = |start, len, grad_input: &mut [T], _: &mut [()]| {
            T::quick(QuickRows {
                loss: self,
                start,
                len,
                scale,
                grad_input,
            })
        };
        spread(
            &input,
            input.rows(),
            true,
            grad_input,
            &mut [],
            work,
            Estimate::merge,
        )
    }

    fn forward(&self) -> T {
        let divisor = self.divisor();
        let quick = self
            .has_quick()
            .then(|| self.estimate(Scale::All(0.0), &mut []))
            .and_then(|losses| losses.round(divisor.round()));
        quick.unwrap_or_else(|| self.reduced(divisor, 0.0, &mut []))
    }

    fn forward_each(&self, losses: &mut [T]) -> Result<(), Error> {
        let input = self.input();
        check_length(Argument::Losses, input.rows(), losses.len())?;
        let quick = self.has_quick() && !INTEGER;
        let work = |start, _, _: &mut [()], losses: &mut [T]| {
            if quick {
                T::quick(QuickEach {
                    loss: self,
                    start,
                    losses,
                });
            } else {
                dispatch::run(Each {
                    loss: self,
                    start,
                    losses,
                });
            }
        };
        spread(
            &input,
            input.rows(),
            true,
            &mut [],
            losses,
            work,
            |(), ()| (),
        );
        Ok(())
    }

    fn check_grad_input(&self, grad_input: &[T]) -> Result<(), Error> {
        check_length(
            Argument::GradInput,
            self.input().elements(),
            grad_input.len(),
        )
    }

    /// The gradient of each row times a `scale` of its own.
    fn scaled(&self, scale: Scale<'_, T>, grad_input: &mut [T]) {
        if self.has_quick() {
            self.estimate(scale, grad_input);
            return;
        }
        let input = self.input();
        let work = |start, len, grad_input: &mut [T], _: &mut [()]| {
            dispatch::run(Gradients {
                loss: self,
                start,
                len,
                scale,
                grad_input,
            });
        };
        let separate = input.extent.stride == 1;
        spread(
            &input,
            input.rows(),
            separate,
            grad_input,
            &mut [],
            work,
            |(), ()| (),
        );
    }

    fn backward(&self, grad_output: T, grad_input: &mut [T]) -> Result<(), Error> {
        self.check_grad_input(grad_input)?;
        let scale = reduce::divide(T::Wide::from(grad_output.widen()), self.divisor());
        self.scaled(Scale::All(scale), grad_input);
        Ok(())
    }

    fn backward_each(&self, grad_output: &[T], grad_input: &mut [T]) -> Result<(), Error> {
        check_length(Argument::GradOutput, self.input().rows(), grad_output.len())?;
        self.check_grad_input(grad_input)?;
        self.scaled(Scale::Each(grad_output), grad_input);
        Ok(())
    }

    fn forward_backward(&self, grad_input: &mut [T]) -> Result<T, Error> {
        self.check_grad_input(grad_input)?;
        let divisor = self.divisor();
        let scale = reduce::divide(T::Wide::from(1.0), divisor);
        if !self.has_quick() {
            return Ok(self.reduced(divisor, scale, grad_input));
        }
        Ok(self
            .estimate(Scale::All(scale), grad_input)
            .round(divisor.round())
            .unwrap_or_else(|| self.reduced(divisor, 0.0, &mut [])))
    }

    fn partial(&self, start: usize) -> Result<reduce::Partial<T>, Error> {
        reduce::Partial::new(start, self.input().rows(), |start, len| Weighted {
            losses: self.losses(start, len, 0.0, &mut []),
            weights: self.weights(start, len),
        })
    }
}

/// Spreads work on `rows` rows over threads; on one thread where rows do not have `separate` places to write to.
fn spread<T: Element, E: Send, U: Send, R: Send>(
    input: &Classes<'_, T>,
    rows: usize,
    separate: bool,
    elements: &mut [E],
    terms: &mut [U],
    work: impl Fn(usize, usize, &mut [E], &mut [U]) -> R + Sync,
    merge: impl Fn(R, R) -> R + Sync,
) -> R {
    if !separate {
        return work(0, rows, elements, terms);
    }
    let parts = Parts {
        width: input.extent.classes,
        unit: 1,
    };
    parallel::split(rows, parts, elements, terms, work, merge)
}

/// The losses, and perhaps the gradients, of a run of rows by the formula of record.
struct RowsOfRecord<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    scale: f64,
    losses: &'a mut [f64],
    grad_input: &'a mut [T],
}

impl<T: Element, L: RowLoss<T> + ?Sized> Kernel for RowsOfRecord<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        for (row, loss) in (self.start..).zip(self.losses) {
            let parts = self.loss.parts(Alone, row);
            if !self.grad_input.is_empty() {
                self.loss
                    .gradient_of_row(self.start, row, &parts, self.scale, self.grad_input);
            }
            *loss = self.loss.value(Alone, row, &parts);
        }
    }
}

/// The gradients of a run of rows by the formula of record.
struct Gradients<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    len: usize,
    scale: Scale<'a, T>,
    grad_input: &'a mut [T],
}

impl<T: Element, L: RowLoss<T> + ?Sized> Kernel for Gradients<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        self.loss
            .gradients(self.start, self.len, self.scale, self.grad_input);
    }
}

/// The losses of a run of rows, each rounded, by the formula of record.
struct Each<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    losses: &'a mut [T],
}

impl<T: Element, L: RowLoss<T> + ?Sized> Kernel for Each<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        for (row, loss) in (self.start..).zip(self.losses) {
            *loss = T::narrow(self.loss.value(Alone, row, &self.loss.parts(Alone, row)));
        }
    }
}

/// [`RowLoss::quick`].
struct QuickRows<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    len: usize,
    scale: Scale<'a, T>,
    grad_input: &'a mut [T],
}

impl<T: Element, L: RowLoss<T> + ?Sized> Kernel for QuickRows<'_, T, L> {
    type Output = Estimate;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> Estimate {
        self.loss
            .quick::<A>(self.start, self.len, self.scale, self.grad_input)
    }
}

/// [`RowLoss::quick_each`].
struct QuickEach<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    losses: &'a mut [T],
}

impl<T: Element, L: RowLoss<T> + ?Sized> Kernel for QuickEach<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        self.loss.quick_each::<A>(self.start, self.losses);
    }
}

/// An output for each class of each row.
pub(crate) trait RowMap<T: Element>: Sync {
    /// The outputs of a row's classes from `start` on, before they are rounded.
    fn record(&self, row: &Row<'_, T>, parts: &SoftmaxParts, start: usize, out: &mut [f64]);

    /// The gradient of a row, times its classes' `grad_output`, to its places in `grad_input`.
    fn gradient<M: Team>(
        &self,
        team: M,
        row: &Row<'_, T>,
        grad_output: &[T],
        places: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    );

    /// Whether the quick path needs S to its own last digits, not to those of 1 + S.
    const OF_OTHERS: bool;

    /// A row by the quick path, from its parts and perhaps the exponentials that [`quick::others`] has left; what is
    /// not certain by `record`.
    fn quick_wide<A: Arithmetic, const N: usize>(
        &self,
        row: &[T],
        parts: &SoftmaxParts,
        kept: &[f64],
        output: &mut [T],
        record: &mut impl FnMut(usize, &mut [T]),
    );

    /// Rows of few classes by the quick path, and which of them are certain.
    fn quick_narrow(&self, rows: &mut Rows<T>) -> [bool; LANES];
}

/// The outputs of all rows, or, with a `grad_output`, their gradients.
pub(crate) fn map_rows<T: Element>(
    map: &impl RowMap<T>,
    input: Classes<'_, T>,
    grad_output: Option<&[T]>,
    output: &mut [T],
) {
    let work = |start, len, output: &mut [T], _: &mut [()]| {
        let rows = MappedRows {
            map,
            input,
            start,
            len,
            output,
        };
        if let Some(grad_output) = grad_output {
            dispatch::run(MappedGradients { rows, grad_output });
        } else if input.has_quick() && !INTEGER {
            T::quick(QuickMappedRows(rows));
        } else {
            dispatch::run(rows);
        }
    };
    let separate = input.extent.stride == 1;
    spread(
        &input,
        input.rows(),
        separate,
        output,
        &mut [],
        work,
        |(), ()| (),
    );
}

/// A run of rows, by the formula of record.
struct MappedRows<'a, T, M> {
    map: &'a M,
    input: Classes<'a, T>,
    start: usize,
    len: usize,
    output: &'a mut [T],
}

impl<T: Element, M: RowMap<T>> MappedRows<'_, T, M> {
    #[inline(always)]
    fn row_of_record(&mut self, row: usize) {
        let layout = self.input.layout_from(self.start, row);
        let row = self.input.row(row);
        let parts = row.softmax_parts(Alone);
        layout.write_all(Alone, self.output, |start, out| {
            self.map.record(&row, &parts, start, out);
        });
    }
}

impl<T: Element, M: RowMap<T>> Kernel for MappedRows<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(mut self) {
        for row in self.start..self.start + self.len {
            self.row_of_record(row);
        }
    }
}

/// The gradients of a run of rows.
struct MappedGradients<'a, T, M> {
    rows: MappedRows<'a, T, M>,
    grad_output: &'a [T],
}

impl<T: Element, M: RowMap<T>> Kernel for MappedGradients<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        let rows = self.rows;
        for row in rows.start..rows.start + rows.len {
            let places = rows.input.layout_from(rows.start, row);
            let row = rows.input.row(row);
            rows.map
                .gradient(Alone, &row, self.grad_output, places, rows.output);
        }
    }
}

/// A run of rows, by the quick path.
struct QuickMappedRows<'a, T, M>(MappedRows<'a, T, M>);

impl<T: Element, M: RowMap<T>> QuickMappedRows<'_, T, M> {
    #[inline(always)]
    fn narrow<A: Arithmetic>(mut self) {
        let MappedRows {
            map,
            input,
            start,
            len,
            ..
        } = self.0;
        let classes = input.extent.classes;
        let mut rows = Rows::new(classes);
        for first in (0..len).step_by(LANES) {
            let group = LANES.min(len - first);
            let logits = input.contiguous(start + first, group).unwrap_or(&[]);
            rows.read::<A, false>(logits);
            let certain = map.quick_narrow(&mut rows);
            for lane in 0..group.min(LANES) {
                let row = first + lane;
                if certain[lane] {
                    let output = self.0.output.get_mut(row * classes..(row + 1) * classes);
                    rows.write(lane, output.unwrap_or(&mut []));
                } else {
                    self.0.row_of_record(start + row);
                }
            }
        }
    }

    #[inline(always)]
    fn wide<A: Arithmetic, const N: usize>(self) {
        let MappedRows {
            map,
            input,
            start,
            len,
            output,
        } = self.0;
        let mut kept = (!M::OF_OTHERS && input.extent.classes > NARROW).then(Kept::new);
        for (row, output) in
            (start..start + len).zip(output.chunks_mut(input.extent.classes.max(1)))
        {
            let logits = input.contiguous(row, 1).unwrap_or(&[]);
            let kept = match &mut kept {
                Some(kept) => kept.of(input.extent.classes),
                None => &mut [],
            };
            let max = quick::max(logits);
            let (argmax, largest) = if M::OF_OTHERS {
                let argmax = quick::position(logits, max);
                (argmax, Some(argmax))
            } else {
                (0, None)
            };
            let others = quick::others::<A, T, false, N>(logits, max, largest, kept);
            let nearly = SoftmaxParts {
                max,
                argmax,
                others,
                others_low: 0.0,
            };
            let row = input.row(row);
            let mut parts = None;
            map.quick_wide::<A, N>(logits, &nearly, kept, output, &mut |start, output| {
                let parts = parts.get_or_insert_with(|| row.softmax_parts(Alone));
                record_chunk(output, |out| map.record(&row, parts, start, out));
            });
        }
    }
}

impl<T: Element, M: RowMap<T>> Kernel for QuickMappedRows<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        if self.0.input.extent.classes <= NARROW && self.0.len >= FEW {
            self.narrow::<A>();
        } else if self.0.input.extent.classes <= NARROW {
            self.wide::<A, LANES>();
        } else {
            self.wide::<A, WIDE>();
        }
    }
}

/// Rounds and writes a chunk of at most [`CHUNK`] outputs.
pub(crate) fn record_chunk<T: Element>(output: &mut [T], fill: impl FnOnce(&mut [f64])) {
    let mut buffer = [0.0; CHUNK];
    let (values, _) = buffer.split_at_mut(output.len().min(CHUNK));
    fill(values);
    for (out, value) in output.iter_mut().zip(values) {
        *out = T::narrow(*value);
    }
}

/// The public methods of a loss of classes, alike for every kind of target: the loss, the check that makes a
/// [`RowLoss`] of the arguments, the target's type and one for two rows of two classes, of the first and the second, and the
/// methods' names. The examples are the same for each, and hold of each.
macro_rules! methods {
    (
        $loss:ident, $check:ident, [$($generics:tt)*] $target:ty, $example:expr;
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident,
        $forward_backward:ident, $partial:ident
    ) => {
        /// The reduced loss of all rows: their mean or sum.
        ///
        /// # Errors
        ///
        /// Those of the type's page.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($loss), ", Reduction};")]
        ///
        /// let data = [-0.5_f32, -1.0, -2.0, -0.25];
        /// let input = Classes::new(&data, [2, 2])?;
        #[doc = concat!("let target = ", stringify!($example), ";")]
        #[doc = concat!("let loss = ", stringify!($loss), "::new();")]
        #[doc = concat!("let mean = loss.", stringify!($forward), "(input, &target)?;")]
        #[doc = concat!("let sum = loss.reduction(Reduction::Sum).", stringify!($forward), "(input, &target)?;")]
        /// assert_eq!(mean, sum / 2.0);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $forward<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
        ) -> Result<T, Error> {
            Ok(<T as Loss<_>>::forward(&self.$check(input, target)?))
        }

        /// The loss of each row (`reduction='none'`).
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `losses` does not have an entry a row.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($loss), "};")]
        ///
        /// let data = [-0.5_f32, -1.0, -2.0, -0.25];
        /// let input = Classes::new(&data, [2, 2])?;
        #[doc = concat!("let target = ", stringify!($example), ";")]
        #[doc = concat!("let loss = ", stringify!($loss), "::new();")]
        /// let mut losses = [0.0; 2];
        #[doc = concat!("loss.", stringify!($forward_each), "(input, &target, &mut losses)?;")]
        /// // The mean is rounded once, from losses that are not.
        /// let mean = (losses[0] + losses[1]) / 2.0;
        #[doc = concat!("assert!((loss.", stringify!($forward), "(input, &target)? - mean).abs() <= mean * f32::EPSILON);")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $forward_each<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            losses: &mut [T],
        ) -> Result<(), Error> {
            <T as Loss<_>>::forward_each(&self.$check(input, target)?, losses)
        }

        /// The gradient of the reduced loss with respect to the input, times `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's
        /// length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($loss), "};")]
        ///
        /// let data = [-0.5_f32, -1.0, -2.0, -0.25];
        /// let input = Classes::new(&data, [2, 2])?;
        #[doc = concat!("let target = ", stringify!($example), ";")]
        #[doc = concat!("let loss = ", stringify!($loss), "::new();")]
        /// let mut grad = [0.0; 4];
        #[doc = concat!("loss.", stringify!($backward), "(input, &target, 1.0, &mut grad)?;")]
        /// // A larger input for the class of the target lowers the loss.
        /// assert!(grad[0] < 0.0 && grad[3] < 0.0);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $backward<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            grad_output: T,
            grad_input: &mut [T],
        ) -> Result<(), Error> {
            let call = self.$check(input, target)?;
            <T as Loss<_>>::backward(&call, grad_output, grad_input)
        }

        /// The gradient of each row's loss, times that row's `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_output` does not have an entry a
        /// row or `grad_input` not the input's length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($loss), "};")]
        ///
        /// let data = [-0.5_f32, -1.0, -2.0, -0.25];
        /// let input = Classes::new(&data, [2, 2])?;
        #[doc = concat!("let target = ", stringify!($example), ";")]
        #[doc = concat!("let loss = ", stringify!($loss), "::new();")]
        /// let (mut grad, mut mean) = ([0.0; 4], [0.0; 4]);
        #[doc = concat!("loss.", stringify!($backward_each), "(input, &target, &[0.5, 0.0], &mut grad)?;")]
        #[doc = concat!("loss.", stringify!($backward), "(input, &target, 1.0, &mut mean)?;")]
        /// // In the mean of two rows each counts a half; here the second does not count.
        /// assert_eq!(grad, [mean[0], mean[1], 0.0, 0.0]);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $backward_each<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            grad_output: &[T],
            grad_input: &mut [T],
        ) -> Result<(), Error> {
            let call = self.$check(input, target)?;
            <T as Loss<_>>::backward_each(&call, grad_output, grad_input)
        }

        /// The reduced loss, and its gradient with a `grad_output` of 1, with the bits that the two
        /// calls give.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's
        /// length.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($loss), "};")]
        ///
        /// let data = [-0.5_f32, -1.0, -2.0, -0.25];
        /// let input = Classes::new(&data, [2, 2])?;
        #[doc = concat!("let target = ", stringify!($example), ";")]
        #[doc = concat!("let loss = ", stringify!($loss), "::new();")]
        /// let (mut both, mut grad) = ([0.0; 4], [0.0; 4]);
        #[doc = concat!("let value = loss.", stringify!($forward_backward), "(input, &target, &mut both)?;")]
        #[doc = concat!("loss.", stringify!($backward), "(input, &target, 1.0, &mut grad)?;")]
        #[doc = concat!("assert_eq!((value, both), (loss.", stringify!($forward), "(input, &target)?, grad));")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $forward_backward<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            grad_input: &mut [T],
        ) -> Result<T, Error> {
            <T as Loss<_>>::forward_backward(&self.$check(input, target)?, grad_input)
        }

        /// The part of a larger batch's loss that comes from these rows, `start` of which come before
        /// them.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::NotOnBlockBoundary`] where `start` is not a multiple
        /// of [`BLOCK`](crate::BLOCK), [`Error::ShapeOverflow`] where the batch has more than a `usize` counts.
        ///
        /// ```
        #[doc = concat!("use trueloss::{Classes, ", stringify!($loss), ", Reduction};")]
        ///
        /// let data = [-0.5_f32, -1.0, -2.0, -0.25];
        /// let input = Classes::new(&data, [2, 2])?;
        #[doc = concat!("let target = ", stringify!($example), ";")]
        #[doc = concat!("let loss = ", stringify!($loss), "::new();")]
        #[doc = concat!("let whole = loss.", stringify!($partial), "(input, &target, 0)?;")]
        #[doc = concat!("assert_eq!(whole.finish(Reduction::Mean)?, loss.", stringify!($forward), "(input, &target)?);")]
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn $partial<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            start: usize,
        ) -> Result<Partial<T>, Error> {
            <T as Loss<_>>::partial(&self.$check(input, target)?, start)
        }
    };
}
pub(crate) use methods;
