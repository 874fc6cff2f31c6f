//! What the kernels of a GPU call: each function of elements or rows, as one thread of a [`ThreadGroup`] works on it. And what
//! calls any loss of elements needs to know of it: [`FromOptions`], for those of the list
//! [`each_elementwise_loss`].
//!
//! For `trueloss-cuda` and `trueloss-verify`; not an interface for others, and not kept stable. Everything here hands over
//! to the reference formulas. Nothing is checked: checks are kernels of their own, with the predicates at the end. What is
//! out of range is read as NaN.

use crate::activation::log_sigmoid::LogSigmoid;
use crate::activation::log_softmax::LogProbabilities;
use crate::activation::sigmoid::Sigmoid;
use crate::activation::softmax::Probabilities;
use crate::activation::softplus::Softplus;
use crate::engine::activation_call::Activation;
use crate::engine::element_call::ElementLossCall;
use crate::engine::element_loss::ElementwiseLoss;

use crate::engine::row_loss::RowLoss;
use crate::engine::row_map::RowMap;
use crate::error::Error;
use crate::front::metrics;
use crate::loss::cross_entropy::CrossEntropy;
use crate::loss::nll::Nll;
use crate::rows::labels::Labels;
use crate::rows::shape::Classes;
use crate::sum::partial::{Partial, Weighted};
use crate::sum::reduction::Reduction;
use crate::sum::terms::{BLOCK, TREE_LANES, Terms};
use crate::sum::tree;

pub use crate::check::{
    Domain, check_broadcast, check_length, check_unit_interval, is_soft, not_finite,
    outside_unit_interval,
};
pub use crate::engine::element_call::at;
pub use crate::engine::element_loss::{FromOptions, NUMBERS, Options};
pub use crate::front::metrics::is_right;
pub use crate::number::accumulator::{Compensated, Node, Sum};
pub use crate::number::format::Format;
pub use crate::number::pair::Pair;
pub use crate::number::real::Real;
pub use crate::rows::labels::Indices;
pub use crate::rows::shape::{Extent, Output};
pub use crate::sum::reduction::divide;
pub use crate::sum::thread_group::{Alone, ThreadGroup};

/// A function that goes element by element.
pub trait Elements<T: Format> {
    /// What is read of an element.
    type Inputs: Copy;

    /// Reads what there is of an element.
    fn read(&self, index: usize) -> Self::Inputs;

    /// The value at an element, unrounded.
    fn value(&self, inputs: Self::Inputs) -> f64;

    /// The gradient at an element times `scale`, unrounded.
    fn gradient(&self, inputs: Self::Inputs, scale: f64) -> f64;
}

/// Of a loss.
struct OfLoss<'a, T, L>(ElementLossCall<'a, T, L>);

impl<T: Format, L: ElementwiseLoss<T>> Elements<T> for OfLoss<'_, T, L> {
    type Inputs = [f64; 4];

    #[inline(always)]
    fn read(&self, index: usize) -> [f64; 4] {
        self.0.read(index)
    }

    #[inline(always)]
    fn value(&self, inputs: [f64; 4]) -> f64 {
        self.0.value_of(inputs)
    }

    #[inline(always)]
    fn gradient(&self, inputs: [f64; 4], scale: f64) -> f64 {
        self.0.gradient_of(inputs, scale)
    }
}

/// A loss, by its options.
#[inline(always)]
pub fn loss<'l, 'a: 'l, T: Format, L: FromOptions<'a, T> + 'l>(
    options: &'l L,
    input: &'l [T],
    target: &'l [T],
) -> impl Elements<T> + use<'l, 'a, T, L> {
    OfLoss(ElementLossCall::unchecked(options, input, target))
}

/// What is wrong with a loss's options that are numbers.
///
/// # Errors
///
/// The loss's own.
pub fn check_options<'a, T: Format, L: FromOptions<'a, T>>(
    numbers: [f64; NUMBERS],
) -> Result<(), Error> {
    let loss = L::from_options(Options {
        reduction: Reduction::Mean,
        weight: T::ONE,
        pos_weight: T::ONE,
        numbers,
    });
    loss.check_options()
}

/// Of an activation.
struct OfActivation<'a, T, F> {
    activation: F,
    input: &'a [T],
}

impl<T: Format, F: Activation> Elements<T> for OfActivation<'_, T, F> {
    type Inputs = f64;

    #[inline(always)]
    fn read(&self, index: usize) -> f64 {
        at(self.input, index)
    }

    #[inline(always)]
    fn value(&self, x: f64) -> f64 {
        self.activation.value::<T>(x).round()
    }

    #[inline(always)]
    fn gradient(&self, x: f64, scale: f64) -> f64 {
        (self.activation.gradient::<T>(x) * scale).round()
    }
}

/// [`Sigmoid`].
#[inline(always)]
pub fn sigmoid<T: Format>(input: &[T]) -> impl Elements<T> {
    let activation = Sigmoid::new();
    OfActivation { activation, input }
}

/// [`LogSigmoid`].
#[inline(always)]
pub fn log_sigmoid<T: Format>(input: &[T]) -> impl Elements<T> {
    let activation = LogSigmoid::new();
    OfActivation { activation, input }
}

/// [`Softplus`].
#[inline(always)]
pub fn softplus<T: Format>(beta: f64, input: &[T]) -> impl Elements<T> {
    let activation = Softplus::new().beta(beta);
    OfActivation { activation, input }
}

/// The sum of a block of `len` terms in the fixed tree, for the first thread of the team.
#[inline(always)]
pub fn block<S: Sum, M: ThreadGroup>(
    group: M,
    len: usize,
    mut term: impl FnMut(usize) -> f64,
) -> S {
    block_ahead::<1, _, _, _>(group, len, |_| (), |index, ()| term(index))
}

/// The same of `term(index, read(index))`, of which `AHEAD` are read before the first of them is evaluated, so that a
/// thread waits for memory once for all of them.
#[inline(always)]
pub fn block_ahead<const AHEAD: usize, S: Sum, M: ThreadGroup, I: Copy>(
    group: M,
    len: usize,
    read: impl Fn(usize) -> I,
    term: impl FnMut(usize, I) -> f64,
) -> S {
    tree::block(group, len, ReadAhead::<AHEAD, _, _> { read, term })
}

/// Calls `work(index, read(index))` for the indices below `len` that are this thread's, reading ahead likewise.
#[inline(always)]
pub fn each_ahead<const AHEAD: usize, M: ThreadGroup, I: Copy>(
    group: M,
    len: usize,
    read: impl Fn(usize) -> I,
    work: impl FnMut(usize, I),
) {
    read_ahead::<AHEAD, I>(group.rank(), len, M::THREADS, read, work);
}

/// Terms that are read apart from being evaluated.
struct ReadAhead<const AHEAD: usize, R, F> {
    read: R,
    term: F,
}

impl<const AHEAD: usize, I: Copy, R: Fn(usize) -> I, F: FnMut(usize, I) -> f64> Terms
    for ReadAhead<AHEAD, R, F>
{
    type Term = f64;

    #[inline(always)]
    fn fill(&mut self, start: usize, out: &mut [f64]) {
        for (index, out) in (start..).zip(out) {
            *out = (self.term)(index, (self.read)(index));
        }
    }

    #[inline(always)]
    fn add_lane<S: Sum>(&mut self, mut sum: S, first: usize, len: usize) -> S {
        read_ahead::<AHEAD, I>(first, len, TREE_LANES, &self.read, |index, inputs| {
            sum = sum.add((self.term)(index, inputs));
        });
        sum
    }
}

/// Of `first`, `first + step`, … below `len`.
#[inline(always)]
fn read_ahead<const AHEAD: usize, I: Copy>(
    first: usize,
    len: usize,
    step: usize,
    read: impl Fn(usize) -> I,
    mut work: impl FnMut(usize, I),
) {
    for start in (first..len).step_by(AHEAD * step) {
        // What is past the end is read too, as NaN or as what belongs to others, and left.
        let inputs: [I; AHEAD] = core::array::from_fn(|k| read(start + k * step));
        for (k, inputs) in inputs.into_iter().enumerate() {
            let index = start + k * step;
            if index < len {
                work(index, inputs);
            }
        }
    }
}

/// A loss of rows.
pub trait RowLosses<T: Format> {
    /// The loss of a row, weighted and unrounded, where `value`; and its gradient times a scale, if there is one, which
    /// is written to its places in `grad_input`.
    fn row<M: ThreadGroup>(
        &self,
        group: M,
        row: usize,
        value: bool,
        scale: Option<f64>,
        grad_input: &mut impl Output<T>,
    ) -> f64;
}

struct OfRows<L>(L);

impl<T: Format, L: RowLoss<T>> RowLosses<T> for OfRows<L> {
    #[inline(always)]
    fn row<M: ThreadGroup>(
        &self,
        group: M,
        row: usize,
        value: bool,
        scale: Option<f64>,
        grad_input: &mut impl Output<T>,
    ) -> f64 {
        let parts = self.0.parts(group, row);
        if let Some(scale) = scale {
            let layout = self.0.input().layout(row);
            self.0
                .gradient(group, row, &parts, scale, layout, grad_input);
        }
        if value {
            self.0.value(group, row, &parts)
        } else {
            0.0
        }
    }
}

/// [`Nll`].
#[inline(always)]
pub fn nll<'a, T: Format>(
    options: &'a Nll<'a, T>,
    input: Classes<'a, T>,
    labels: Indices<'a>,
) -> impl RowLosses<T> + 'a {
    OfRows(options.unchecked(input, labels))
}

/// [`CrossEntropy`] with labels.
#[inline(always)]
pub fn cross_entropy<'a, T: Format>(
    options: &'a CrossEntropy<'a, T>,
    input: Classes<'a, T>,
    labels: Indices<'a>,
) -> impl RowLosses<T> + 'a {
    OfRows(options.unchecked(input, labels))
}

/// [`CrossEntropy`] with probabilities.
#[inline(always)]
pub fn cross_entropy_probabilities<'a, T: Format>(
    options: &'a CrossEntropy<'a, T>,
    input: Classes<'a, T>,
    target: &'a [T],
) -> impl RowLosses<T> + 'a {
    OfRows(options.unchecked_probabilities(input, target))
}

/// What a row counts in the mean of a loss with labels: the weight of its class, 0 where it is ignored.
#[inline(always)]
pub fn label_weight<T: Format>(
    labels: Indices<'_>,
    ignore_index: i64,
    weight: Option<&[T]>,
    row: usize,
) -> f64 {
    Labels::unchecked(labels, Some(ignore_index)).weight(row, weight)
}

/// Softmax or its logarithm, or the gradient of either.
pub trait RowOutputs<T: Format> {
    /// Writes the outputs of a row to its places.
    fn row<M: ThreadGroup>(&self, group: M, row: usize, output: &mut impl Output<T>);
}

struct OutputsOf<'a, T, F> {
    map: F,
    input: Classes<'a, T>,
    grad_output: Option<&'a [T]>,
}

impl<T: Format, F: RowMap<T>> RowOutputs<T> for OutputsOf<'_, T, F> {
    #[inline(always)]
    fn row<M: ThreadGroup>(&self, group: M, row: usize, output: &mut impl Output<T>) {
        let row = self.input.row(row);
        if let Some(grad_output) = self.grad_output {
            self.map
                .gradient(group, &row, grad_output, row.layout, output);
            return;
        }
        let parts = row.softmax_parts(group);
        row.layout.write_all(group, output, |start, out| {
            self.map.reference(&row, &parts, start, out);
        });
    }
}

/// [`Softmax`](crate::Softmax), or its gradient where there is a `grad_output`.
#[inline(always)]
pub fn softmax<'a, T: Format>(
    input: Classes<'a, T>,
    grad_output: Option<&'a [T]>,
) -> impl RowOutputs<T> + 'a {
    OutputsOf {
        map: Probabilities,
        input,
        grad_output,
    }
}

/// [`LogSoftmax`](crate::LogSoftmax), likewise.
#[inline(always)]
pub fn log_softmax<'a, T: Format>(
    input: Classes<'a, T>,
    grad_output: Option<&'a [T]>,
) -> impl RowOutputs<T> + 'a {
    OutputsOf {
        map: LogProbabilities,
        input,
        grad_output,
    }
}

/// Whether a row's largest logit is at its label, as [`accuracy`](crate::accuracy) counts it.
#[inline(always)]
pub fn is_row_right<T: Format, M: ThreadGroup>(
    group: M,
    input: Classes<'_, T>,
    labels: Indices<'_>,
    row: usize,
) -> bool {
    metrics::is_row_right(group, input, Labels::unchecked(labels, None), row)
}

/// The label of a row, if it is neither a class nor ignored.
#[inline(always)]
pub fn illegal_label(
    labels: Indices<'_>,
    ignore_index: Option<i64>,
    classes: usize,
    row: usize,
) -> Option<i64> {
    Labels::unchecked(labels, ignore_index).illegal(row, classes)
}

/// The loss that a sum comes to.
#[inline(always)]
pub fn reduced<T: Format>(losses: T::Sum, divisor: T::Real) -> T {
    T::encode(divide(losses.real(), divisor))
}

/// The partial over `len` elements or rows from `start` on, from what each block's losses and weights add up to.
///
/// # Errors
///
/// Those of a loss's `partial`.
pub fn partial<T: Format>(
    start: usize,
    len: usize,
    sums: impl Fn(usize) -> (T::Sum, Compensated),
) -> Result<Partial<T>, Error> {
    Partial::new(start, len, |from, _| {
        let (losses, weights) = sums(from / BLOCK);
        Weighted { losses, weights }
    })
}
