//! Logits of shape (C), (N, C) or (N, C, d1..dK), seen as rows of C classes with a stride.

use crate::element::Element;
use crate::elementary::{exp_of_sum, log1p};
use crate::error::{Argument, Error, check_length};
use crate::reduce::{self, CHUNK, Reduction, Sum, Weighted, check_finite};

/// A slice seen as rows of classes.
///
/// Of shape (C), (N, C) or (N, C, d1..dK), in row-major order: one row for each of the N d1..dK
/// positions. A row's classes lie d1..dK elements apart. A function of (N, C, d1..dK) gives each row the
/// bits it has alone.
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a, T> {
    data: &'a [T],
    outer: usize,
    classes: usize,
    stride: usize,
}

impl<'a, T: Element> Classes<'a, T> {
    /// `data` of a `shape` whose classes are its second dimension, or its first where it has only one.
    ///
    /// # Errors
    ///
    /// As for [`along`](Self::along).
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
    pub fn along(data: &'a [T], shape: impl AsRef<[usize]>, dim: usize) -> Result<Self, Error> {
        let shape = shape.as_ref();
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
        let (Some(outer), Some(stride), Some(elements)) =
            (product(before), product(after), product(shape))
        else {
            return Err(Error::ShapeOverflow);
        };
        check_length(Argument::Input, elements, data.len())?;
        Ok(Self {
            data,
            outer,
            classes,
            stride,
        })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.outer * self.stride
    }

    /// How many classes each row has.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many elements there are.
    pub fn elements(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn layout(&self, row: usize) -> Layout {
        // A stride of 0 leaves no rows to ask for.
        let stride = self.stride.max(1);
        Layout {
            offset: row / stride * (self.classes * stride) + row % stride,
            stride: self.stride,
            classes: self.classes,
        }
    }

    pub(crate) fn row(&self, row: usize) -> Row<'a, T> {
        Row {
            data: self.data,
            layout: self.layout(row),
        }
    }

    /// A weight a class, if any, and all of them finite.
    pub(crate) fn check_weight(&self, weight: Option<&[T]>) -> Result<(), Error> {
        let Some(weight) = weight else { return Ok(()) };
        check_length(Argument::Weight, self.classes, weight.len())?;
        check_finite(Argument::Weight, weight)
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
    /// Reads classes `start..start + out.len()`, widened.
    #[inline(always)]
    pub(crate) fn read<T: Element>(self, data: &[T], start: usize, out: &mut [f64]) {
        let data = data.get(self.offset + start * self.stride..).unwrap_or(&[]);
        if self.stride == 1 {
            for (out, x) in out.iter_mut().zip(data) {
                *out = x.widen();
            }
        } else {
            for (out, x) in out.iter_mut().zip(data.iter().step_by(self.stride)) {
                *out = x.widen();
            }
        }
    }

    /// Rounds and writes classes `start..start + values.len()`.
    #[inline(always)]
    pub(crate) fn write<T: Element>(self, data: &mut [T], start: usize, values: &[f64]) {
        let data = data
            .get_mut(self.offset + start * self.stride..)
            .unwrap_or(&mut []);
        if self.stride == 1 {
            for (x, &value) in data.iter_mut().zip(values) {
                *x = T::narrow(value);
            }
        } else {
            for (x, &value) in data.iter_mut().step_by(self.stride).zip(values) {
                *x = T::narrow(value);
            }
        }
    }

    /// Writes a whole row, `values(start, out)` giving its classes from `start` on.
    pub(crate) fn write_all<T: Element>(
        self,
        data: &mut [T],
        mut values: impl FnMut(usize, &mut [f64]),
    ) {
        let mut buffer = [0.0; CHUNK];
        let mut start = 0;
        while start < self.classes {
            let (out, _) = buffer.split_at_mut(CHUNK.min(self.classes - start));
            values(start, out);
            self.write(data, start, out);
            start += CHUNK;
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
    /// The logit of class `j`; NaN past the last class, which the callers' checks rule out.
    #[inline(always)]
    pub(crate) fn get(&self, j: usize) -> f64 {
        self.data
            .get(self.layout.offset + j * self.layout.stride)
            .map_or(f64::NAN, |x| x.widen())
    }

    #[inline(always)]
    pub(crate) fn read(&self, start: usize, out: &mut [f64]) {
        self.layout.read(self.data, start, out);
    }

    /// Reads e_j of classes `start..start + out.len()`.
    #[inline(always)]
    pub(crate) fn exponentials(&self, parts: &SoftmaxParts, start: usize, out: &mut [f64]) {
        self.read(start, out);
        parts.exponentials::<T>(start, out);
    }

    /// The largest logit and the first class that has it. NaN are passed over: a row of nothing but NaN
    /// and -inf gives -inf.
    pub(crate) fn max(&self) -> (f64, usize) {
        let mut buffer = [0.0; CHUNK];
        let (mut max, mut argmax) = (f64::NEG_INFINITY, 0);
        let mut start = 0;
        while start < self.layout.classes {
            let (chunk, _) = buffer.split_at_mut(CHUNK.min(self.layout.classes - start));
            self.read(start, chunk);
            for (j, &x) in chunk.iter().enumerate() {
                if x > max {
                    (max, argmax) = (x, start + j);
                }
            }
            start += CHUNK;
        }
        (max, argmax)
    }

    pub(crate) fn has_nan(&self) -> bool {
        (0..self.layout.classes).any(|j| self.get(j).is_nan())
    }

    /// Softmax's parts.
    pub(crate) fn softmax_parts(&self) -> SoftmaxParts {
        let (max, argmax) = self.max();
        let mut parts = SoftmaxParts {
            max,
            argmax,
            others: 0.0,
        };
        let others: T::Sum = reduce::sum(
            self.layout.classes,
            reduce::terms(|start, out| {
                self.exponentials(&parts, start, out);
                if let Some(one) = parts.at_max(start, out) {
                    *one = 0.0;
                }
            }),
        );
        // A row of -inf has no limit: some classes may go to -inf faster than others.
        parts.others = if max == f64::NEG_INFINITY {
            f64::NAN
        } else {
            others.value()
        };
        parts
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
    pub(crate) others: f64,
}

impl SoftmaxParts {
    /// Turns logits, those of the classes from `start` on, into e_j. Exactly 1 at the first largest, also
    /// where that is +inf.
    #[inline(always)]
    fn exponentials<T: Element>(&self, start: usize, logits: &mut [f64]) {
        for x in logits.iter_mut() {
            let (high, low) = T::difference(*x, self.max);
            *x = exp_of_sum(high, low);
        }
        if let Some(one) = self.at_max(start, logits) {
            *one = 1.0;
        }
    }

    /// The entry of the first largest class, where it is among the classes from `start` on.
    #[inline(always)]
    pub(crate) fn at_max<'b>(&self, start: usize, out: &'b mut [f64]) -> Option<&'b mut f64> {
        self.argmax
            .checked_sub(start)
            .and_then(|at| out.get_mut(at))
    }

    /// m - x_j, the first of the two terms of -log p_j: 0 at the first largest, also where that is +inf.
    #[inline(always)]
    pub(crate) fn below_max(&self, j: usize, x: f64) -> f64 {
        if j == self.argmax { 0.0 } else { self.max - x }
    }

    /// log1p(S), the second.
    #[inline(always)]
    pub(crate) fn log1p(&self) -> f64 {
        log1p(self.others)
    }
}

/// A type of class indices: `i64`, `i32`, `u32`, `u16`, `u8` or `usize`. Sealed.
pub trait ClassIndex: Copy + sealed::Sealed {
    /// The index as an `i64`, saturated to its range.
    fn to_i64(self) -> i64;
}

macro_rules! class_index {
    ($($index:ty),*) => {$(
        impl sealed::Sealed for $index {}
        impl ClassIndex for $index {
            #[inline(always)]
            fn to_i64(self) -> i64 {
                i64::try_from(self).unwrap_or(i64::MAX)
            }
        }
    )*};
}

class_index!(i64, i32, u32, u16, u8, usize);

mod sealed {
    pub trait Sealed {}
}

/// Labels that have been checked: one a row, each the ignored index or below the number of classes.
#[derive(Clone, Copy)]
pub(crate) struct Labels<'a, I> {
    labels: &'a [I],
    ignore_index: Option<i64>,
}

impl<'a, I: ClassIndex> Labels<'a, I> {
    pub(crate) fn check(
        labels: &'a [I],
        ignore_index: Option<i64>,
        rows: usize,
        classes: usize,
    ) -> Result<Self, Error> {
        check_length(Argument::Target, rows, labels.len())?;
        for (index, label) in labels.iter().enumerate() {
            let class = label.to_i64();
            let legal = usize::try_from(class).is_ok_and(|class| class < classes);
            if Some(class) != ignore_index && !legal {
                return Err(Error::ClassIndex {
                    index,
                    class,
                    classes,
                });
            }
        }
        Ok(Self {
            labels,
            ignore_index,
        })
    }

    /// The row's class; none where the row is ignored.
    #[inline(always)]
    pub(crate) fn get(&self, row: usize) -> Option<usize> {
        self.labels
            .get(row)
            .map(|label| label.to_i64())
            .filter(|&class| Some(class) != self.ignore_index)
            .and_then(|class| usize::try_from(class).ok())
    }

    /// What the row counts in a mean: its class's weight, 0 where it is ignored.
    pub(crate) fn weight<T: Element>(&self, row: usize, weight: Option<&[T]>) -> f64 {
        self.get(row)
            .map_or(0.0, |label| class_weight(weight, label))
    }
}

/// The weight of a class, 1 where there are none.
#[inline(always)]
pub(crate) fn class_weight<T: Element>(weight: Option<&[T]>, class: usize) -> f64 {
    weight
        .and_then(|weight| weight.get(class))
        .map_or(1.0, |weight| weight.widen())
}

/// What a loss of classes says of one row; the loops over rows are written once, below.
pub(crate) trait RowLoss<T: Element> {
    /// What value and gradient of a row share.
    type Parts;

    fn input(&self) -> Classes<'_, T>;

    fn reduction(&self) -> Reduction;

    /// What the row counts in the mean: 0 where it is ignored.
    fn weight(&self, row: usize) -> f64;

    fn parts(&self, row: usize) -> Self::Parts;

    /// The row's loss, weighted, unrounded.
    fn value(&self, row: usize, parts: &Self::Parts) -> f64;

    /// Writes the gradient of the row's loss times `scale`. An ignored row gets zeros, whatever `scale` is.
    fn gradient(&self, row: usize, parts: &Self::Parts, scale: f64, grad_input: &mut [T]);

    /// The losses of one block of rows.
    fn losses(&self, start: usize, len: usize) -> T::Sum {
        block_of_rows(start, len, |row| self.value(row, &self.parts(row)))
    }

    /// The weights of one block of rows.
    fn weights(&self, start: usize, len: usize) -> T::Sum {
        block_of_rows(start, len, |row| self.weight(row))
    }

    /// What the sum of the losses, and a `grad_output`, is divided by.
    fn divisor(&self) -> f64 {
        self.reduction().divisor(|| {
            let weights: T::Sum =
                reduce::whole(self.input().rows(), |start, len| self.weights(start, len));
            weights.value()
        })
    }

    fn forward(&self) -> T {
        let losses: T::Sum =
            reduce::whole(self.input().rows(), |start, len| self.losses(start, len));
        T::narrow(reduce::divide(losses.value(), self.divisor()))
    }

    fn forward_each(&self, losses: &mut [T]) -> Result<(), Error> {
        check_length(Argument::Losses, self.input().rows(), losses.len())?;
        for (row, loss) in losses.iter_mut().enumerate() {
            *loss = T::narrow(self.value(row, &self.parts(row)));
        }
        Ok(())
    }

    fn check_grad_input(&self, grad_input: &[T]) -> Result<(), Error> {
        check_length(
            Argument::GradInput,
            self.input().elements(),
            grad_input.len(),
        )
    }

    fn backward(&self, grad_output: T, grad_input: &mut [T]) -> Result<(), Error> {
        self.check_grad_input(grad_input)?;
        let scale = reduce::divide(grad_output.widen(), self.divisor());
        for row in 0..self.input().rows() {
            self.gradient(row, &self.parts(row), scale, grad_input);
        }
        Ok(())
    }

    fn backward_each(&self, grad_output: &[T], grad_input: &mut [T]) -> Result<(), Error> {
        check_length(Argument::GradOutput, self.input().rows(), grad_output.len())?;
        self.check_grad_input(grad_input)?;
        for (row, scale) in grad_output.iter().enumerate() {
            self.gradient(row, &self.parts(row), scale.widen(), grad_input);
        }
        Ok(())
    }

    fn forward_backward(&self, grad_input: &mut [T]) -> Result<T, Error> {
        self.check_grad_input(grad_input)?;
        let divisor = self.divisor();
        let scale = reduce::divide(1.0, divisor);
        let losses: T::Sum = reduce::whole(self.input().rows(), |start, len| {
            block_of_rows(start, len, |row| {
                let parts = self.parts(row);
                self.gradient(row, &parts, scale, grad_input);
                self.value(row, &parts)
            })
        });
        Ok(T::narrow(reduce::divide(losses.value(), divisor)))
    }

    fn partial(&self, start: usize) -> Result<reduce::Partial<T>, Error> {
        reduce::Partial::new(start, self.input().rows(), |start, len| Weighted {
            losses: self.losses(start, len),
            weights: self.weights(start, len),
        })
    }
}

/// The sum of one number for each of the rows of a block.
fn block_of_rows<S: Sum>(start: usize, len: usize, mut term: impl FnMut(usize) -> f64) -> S {
    reduce::block(
        len,
        reduce::terms(|from, out| {
            for (row, out) in (start + from..).zip(out) {
                *out = term(row);
            }
        }),
    )
}

/// The public methods of a loss of classes, alike for every kind of target: the check that makes a
/// [`RowLoss`] of the arguments, the target's type, and the methods' names.
macro_rules! methods {
    (
        $check:ident, [$($generics:tt)*] $target:ty;
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident,
        $forward_backward:ident, $partial:ident
    ) => {
        /// The reduced loss of all rows: their mean or sum.
        ///
        /// # Errors
        ///
        /// Those of the type's page.
        pub fn $forward<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
        ) -> Result<T, Error> {
            Ok(self.$check(input, target)?.forward())
        }

        /// The loss of each row (`reduction='none'`).
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `losses` does not have an entry a row.
        pub fn $forward_each<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            losses: &mut [T],
        ) -> Result<(), Error> {
            self.$check(input, target)?.forward_each(losses)
        }

        /// The gradient of the reduced loss with respect to the input, times `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's
        /// length.
        pub fn $backward<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            grad_output: T,
            grad_input: &mut [T],
        ) -> Result<(), Error> {
            self.$check(input, target)?.backward(grad_output, grad_input)
        }

        /// The gradient of each row's loss, times that row's `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_output` does not have an entry a
        /// row or `grad_input` not the input's length.
        pub fn $backward_each<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            grad_output: &[T],
            grad_input: &mut [T],
        ) -> Result<(), Error> {
            self.$check(input, target)?.backward_each(grad_output, grad_input)
        }

        /// The reduced loss, and its gradient with a `grad_output` of 1, with the bits that the two
        /// calls give.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's
        /// length.
        pub fn $forward_backward<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            grad_input: &mut [T],
        ) -> Result<T, Error> {
            self.$check(input, target)?.forward_backward(grad_input)
        }

        /// The part of a larger batch's loss that comes from these rows, `start` of which come before
        /// them.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::NotOnBlockBoundary`] where `start` is not a multiple
        /// of [`BLOCK`](crate::BLOCK), [`Error::ShapeOverflow`] where the batch has more than a `usize` counts.
        pub fn $partial<$($generics)*>(
            &self,
            input: Classes<'_, T>,
            target: &[$target],
            start: usize,
        ) -> Result<Partial<T>, Error> {
            self.$check(input, target)?.partial(start)
        }
    };
}
pub(crate) use methods;
