//! Losses of rows: what a loss says of one row, and the loops over rows.

use crate::check::check_length;
use crate::engine::dispatch::Kernel;
use crate::engine::rounding_test::SumEstimate;
use crate::engine::threads::Granularity;
use crate::engine::{dispatch, threads};
use crate::error::{Argument, Error};
use crate::machine::INTEGER;
use crate::number::accumulator::{Compensated, Sum};
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::number::real::Real;
use crate::rows::shape::{Classes, Layout, Output};
use crate::sum::partial::{Partial, Weighted};
use crate::sum::reduction::{Reduction, divide};
use crate::sum::terms::terms;
use crate::sum::thread_group::{Alone, ThreadGroup};
use crate::sum::tree;

/// What the gradients of rows are multiplied by.
#[derive(Clone, Copy)]
pub(crate) enum Scale<'a, T> {
    /// All by the same.
    All(f64),
    /// Each by its own.
    Each(&'a [T]),
}

impl<T: Format> Scale<'_, T> {
    #[inline(always)]
    pub(crate) fn of(self, row: usize) -> f64 {
        match self {
            Self::All(scale) => scale,
            Self::Each(scales) => scales.get(row).map_or(f64::NAN, |scale| scale.decode()),
        }
    }
}

/// What a loss of classes says of one row; the loops over rows are written once, below.
pub(crate) trait RowLoss<T: Format>: Sync {
    /// What value and gradient of a row share.
    type Parts;

    fn input(&self) -> Classes<'_, T>;

    fn reduction(&self) -> Reduction;

    /// What the row counts in the mean: 0 where it is ignored.
    fn weight(&self, row: usize) -> f64;

    fn parts<M: ThreadGroup>(&self, group: M, row: usize) -> Self::Parts;

    /// The row's loss, weighted, unrounded.
    fn value<M: ThreadGroup>(&self, group: M, row: usize, parts: &Self::Parts) -> f64;

    /// Writes the gradient of the row's loss times `scale`, where `layout` says. An ignored row gets zeros, whatever
    /// `scale` is.
    fn gradient<M: ThreadGroup>(
        &self,
        group: M,
        row: usize,
        parts: &Self::Parts,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    );

    /// Whether there are fast paths: the two functions below.
    fn has_fast(&self) -> bool {
        false
    }

    /// The sum of the losses of some rows, by the fast path, and their gradients, times each row's `scale`, where
    /// `grad_input` has places for them. Those are certain.
    fn fast<A: Arithmetic>(
        &self,
        _start: usize,
        _len: usize,
        _scale: Scale<'_, T>,
        _grad_input: &mut [T],
    ) -> SumEstimate {
        SumEstimate::default()
    }

    /// The losses of some rows. Those are certain too.
    fn fast_each<A: Arithmetic>(&self, _start: usize, _losses: &mut [T]) {}

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
        let terms = terms(|from: usize, out: &mut [f64]| {
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
                    dispatch::run(ReferenceRows {
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
        tree::block(Alone, len, terms)
    }

    /// The weights of one block of rows.
    fn weights(&self, start: usize, len: usize) -> Compensated {
        let terms = terms(|from: usize, out: &mut [f64]| {
            for (row, out) in (start + from..).zip(out) {
                *out = self.weight(row);
            }
        });
        tree::block(Alone, len, terms)
    }

    /// The sum of what the rows count, where each counts 0 or 1: how many there are. Sums of ones are exact in any
    /// order.
    fn count(&self) -> Option<usize>;

    /// What the sum of the losses, and a `grad_output`, is divided by.
    fn divisor(&self) -> T::Real {
        self.reduction().divisor(|| {
            if let Some(count) = self.count() {
                return T::Real::from(count as f64);
            }
            let weights: Compensated =
                tree::whole(self.input().rows(), |start, len| self.weights(start, len));
            weights.to()
        })
    }

    /// The reduced loss by the reference formula, and its gradient times `scale`, where `grad_input` has places.
    fn reduced(&self, divisor: T::Real, scale: f64, grad_input: &mut [T]) -> T {
        let (rows, extent) = (self.input().rows(), self.input().extent);
        let losses: T::Sum = if extent.stride == 1 || grad_input.is_empty() {
            threads::blocks(rows, extent.classes, grad_input, |start, len, grad| {
                self.losses(start, len, scale, grad)
            })
        } else {
            tree::whole(rows, |start, len| {
                self.losses(start, len, scale, grad_input)
            })
        };
        T::encode(divide(losses.real(), divisor))
    }

    /// The sum of the losses by the fast path, and gradients, as for [`fast`](Self::fast).
    fn estimate(&self, scale: Scale<'_, T>, grad_input: &mut [T]) -> SumEstimate {
        let input = self.input();
        let work = |start, len, grad_input: &mut [T], _: &mut [()]| {
            dispatch::run_fast::<T, _>(FastRows {
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
            SumEstimate::merge,
        )
    }

    fn forward(&self) -> T {
        let divisor = self.divisor();
        let fast = self
            .has_fast()
            .then(|| self.estimate(Scale::All(0.0), &mut []))
            .and_then(|losses| losses.round(divisor.round()));
        fast.unwrap_or_else(|| self.reduced(divisor, 0.0, &mut []))
    }

    fn forward_each(&self, losses: &mut [T]) -> Result<(), Error> {
        let input = self.input();
        check_length(Argument::Losses, input.rows(), losses.len())?;
        let fast = self.has_fast() && !INTEGER;
        let work = |start, _, _: &mut [()], losses: &mut [T]| {
            if fast {
                dispatch::run_fast::<T, _>(FastEach {
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
        if self.has_fast() {
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
        let scale = divide(T::Real::from(grad_output.decode()), self.divisor());
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
        let scale = divide(T::Real::from(1.0), divisor);
        if !self.has_fast() {
            return Ok(self.reduced(divisor, scale, grad_input));
        }
        Ok(self
            .estimate(Scale::All(scale), grad_input)
            .round(divisor.round())
            .unwrap_or_else(|| self.reduced(divisor, 0.0, &mut [])))
    }

    fn partial(&self, start: usize) -> Result<Partial<T>, Error> {
        Partial::new(start, self.input().rows(), |start, len| Weighted {
            losses: self.losses(start, len, 0.0, &mut []),
            weights: self.weights(start, len),
        })
    }
}

/// Spreads work on `rows` rows over threads; on one thread where rows do not have `separate` places to write to.
pub(crate) fn spread<T: Format, E: Send, U: Send, R: Send>(
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
    let parts = Granularity {
        width: input.extent.classes,
        unit: 1,
    };
    threads::in_parts(rows, parts, elements, terms, work, merge)
}

/// The losses, and perhaps the gradients, of a run of rows by the reference formula.
struct ReferenceRows<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    scale: f64,
    losses: &'a mut [f64],
    grad_input: &'a mut [T],
}

impl<T: Format, L: RowLoss<T> + ?Sized> Kernel for ReferenceRows<'_, T, L> {
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

/// The gradients of a run of rows by the reference formula.
struct Gradients<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    len: usize,
    scale: Scale<'a, T>,
    grad_input: &'a mut [T],
}

impl<T: Format, L: RowLoss<T> + ?Sized> Kernel for Gradients<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        self.loss
            .gradients(self.start, self.len, self.scale, self.grad_input);
    }
}

/// The losses of a run of rows, each rounded, by the reference formula.
struct Each<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    losses: &'a mut [T],
}

impl<T: Format, L: RowLoss<T> + ?Sized> Kernel for Each<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        for (row, loss) in (self.start..).zip(self.losses) {
            *loss = T::encode(self.loss.value(Alone, row, &self.loss.parts(Alone, row)));
        }
    }
}

/// [`RowLoss::fast`].
struct FastRows<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    len: usize,
    scale: Scale<'a, T>,
    grad_input: &'a mut [T],
}

impl<T: Format, L: RowLoss<T> + ?Sized> Kernel for FastRows<'_, T, L> {
    type Output = SumEstimate;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> SumEstimate {
        self.loss
            .fast::<A>(self.start, self.len, self.scale, self.grad_input)
    }
}

/// [`RowLoss::fast_each`].
struct FastEach<'a, T, L: ?Sized> {
    loss: &'a L,
    start: usize,
    losses: &'a mut [T],
}

impl<T: Format, L: RowLoss<T> + ?Sized> Kernel for FastEach<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        self.loss.fast_each::<A>(self.start, self.losses);
    }
}
