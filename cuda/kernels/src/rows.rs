//! The functions of rows of classes. A row is the work of a thread, of a warp or of a block.

use crate::checks;
use crate::machine::{Block, Machine, THREADS, WARP, Warp};
use crate::memory::{Labels, Outputs, Places, Slice};
use crate::tree::Divisor;
use trueloss::device::{self, Alone, Extent, RowLosses, RowOutputs, ThreadGroup, at, divide};
use trueloss::{Classes, CrossEntropy, Element, Nll};

/// How many threads share a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// One.
    Thread,
    /// 32.
    Warp,
    /// 256.
    Block,
}

impl Spread {
    /// How many rows a block of threads takes at a time.
    pub const fn rows(self) -> usize {
        match self {
            Self::Thread => THREADS,
            Self::Warp => THREADS / WARP,
            Self::Block => 1,
        }
    }
}

/// What there is of each row; each function takes what it needs.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RowArgs<T: Element> {
    /// Logits, or their logarithms of softmax.
    pub input: Slice<T>,
    /// Where the rows lie in it.
    pub extent: Extent,
    /// The class of each row,
    pub labels: Labels,
    /// or the probability of each class.
    pub probabilities: Slice<T>,
    /// A weight for each class, or none.
    pub weight: Slice<T>,
    /// The label of rows that don't count.
    pub ignore_index: i64,
    /// Cross-entropy's option.
    pub label_smoothing: f64,
    /// What the gradient of each row (of each class, for an activation) is multiplied by, or none: then all are by
    /// `scale` over the divisor.
    pub grad_output: Slice<T>,
    /// See `grad_output`.
    pub scale: f64,
    /// See `grad_output`.
    pub divisor: Divisor,
    /// Where the rounded losses go, or nowhere.
    pub losses: Places<T>,
    /// Where the losses go before they are rounded, or nowhere.
    pub terms: Places<f64>,
    /// Where the gradients, or an activation's values, go, or nowhere.
    pub output: Places<T>,
    /// The report of the checks before it, or nowhere.
    pub report: Places<u64>,
}

impl<T: Element> RowArgs<T> {
    /// # Safety
    ///
    /// That of a launch, see `list`.
    #[inline(always)]
    unsafe fn classes<'a>(&self) -> Classes<'a, T> {
        // SAFETY: the caller's promise.
        Classes::of(unsafe { self.input.read() }, self.extent)
    }

    /// # Safety
    ///
    /// That of a launch, see `list`.
    #[inline(always)]
    unsafe fn weight<'a>(&self) -> Option<&'a [T]> {
        // SAFETY: the caller's promise.
        (!self.weight.is_empty()).then(|| unsafe { self.weight.read() })
    }
}

/// Calls `work(row)` for the rows that are this group's.
#[inline(always)]
fn each_row<M: Machine, K: ThreadGroup, T: Element>(
    machine: M,
    _: K,
    args: &RowArgs<T>,
    mut work: impl FnMut(usize),
) {
    if checks::found(machine, args.report, args.labels) {
        return;
    }
    let teams = THREADS / K::THREADS;
    let mut row = machine.block() * teams + machine.thread() / K::THREADS;
    while row < args.extent.rows() {
        work(row);
        row += machine.blocks() * teams;
    }
}

#[inline(always)]
fn losses<M: Machine, K: ThreadGroup, T: Element>(
    machine: M,
    group: K,
    args: &RowArgs<T>,
    function: impl RowLosses<T>,
) {
    // SAFETY: that of a launch, see `list`; a class is written to by the one thread that has it.
    let (grad_output, mut output) = unsafe { (args.grad_output.read(), Outputs::new(args.output)) };
    let valued = !(args.losses.is_empty() && args.terms.is_empty());
    each_row(machine, group, args, |row| {
        let scale = (!args.output.is_empty()).then(|| {
            if grad_output.is_empty() {
                // SAFETY: as above.
                divide(T::Real::from(args.scale), unsafe { args.divisor.read() })
            } else {
                at(grad_output, row)
            }
        });
        let loss = function.row(group, row, valued, scale, &mut output);
        if group.rank() == 0 {
            put(args, row, loss);
        }
    });
}

/// Writes the loss of a row wherever it is wanted.
#[inline(always)]
fn put<T: Element>(args: &RowArgs<T>, row: usize, loss: f64) {
    // SAFETY: that of a launch, see `list`; one thread for each row.
    unsafe {
        if !args.losses.is_empty() {
            args.losses.put(row, T::narrow(loss));
        }
        if !args.terms.is_empty() {
            args.terms.put(row, loss);
        }
    }
}

#[inline(always)]
pub(crate) fn nll<M: Machine, K: ThreadGroup, T: Element>(machine: M, group: K, args: &RowArgs<T>) {
    // SAFETY: that of a launch, see `list`.
    let (input, labels, weight) = unsafe { (args.classes(), args.labels.read(), args.weight()) };
    let options = Nll::new().ignore_index(args.ignore_index);
    let options = weight.map_or(options, |weight| options.weight(weight));
    losses(machine, group, args, device::nll(&options, input, labels));
}

#[inline(always)]
fn cross_entropy_options<'a, T: Element>(
    args: &RowArgs<T>,
    weight: Option<&'a [T]>,
) -> CrossEntropy<'a, T> {
    let options = CrossEntropy::new()
        .ignore_index(args.ignore_index)
        .label_smoothing(args.label_smoothing);
    weight.map_or(options, |weight| options.weight(weight))
}

#[inline(always)]
pub(crate) fn cross_entropy<M: Machine, K: ThreadGroup, T: Element>(
    machine: M,
    group: K,
    args: &RowArgs<T>,
) {
    // SAFETY: that of a launch, see `list`.
    let (input, labels, weight) = unsafe { (args.classes(), args.labels.read(), args.weight()) };
    let options = cross_entropy_options(args, weight);
    let function = device::cross_entropy(&options, input, labels);
    losses(machine, group, args, function);
}

#[inline(always)]
pub(crate) fn cross_entropy_probabilities<M: Machine, K: ThreadGroup, T: Element>(
    machine: M,
    group: K,
    args: &RowArgs<T>,
) {
    // SAFETY: that of a launch, see `list`.
    let (input, target, weight) =
        unsafe { (args.classes(), args.probabilities.read(), args.weight()) };
    let options = cross_entropy_options(args, weight);
    let function = device::cross_entropy_probabilities(&options, input, target);
    losses(machine, group, args, function);
}

/// 1 for a row that is right.
#[inline(always)]
pub(crate) fn accuracy<M: Machine, K: ThreadGroup, T: Element>(
    machine: M,
    group: K,
    args: &RowArgs<T>,
) {
    // SAFETY: that of a launch, see `list`.
    let (input, labels) = unsafe { (args.classes(), args.labels.read()) };
    each_row(machine, group, args, |row| {
        let right = device::is_row_right(group, input, labels, row);
        if group.rank() == 0 {
            put(args, row, if right { 1.0 } else { 0.0 });
        }
    });
}

#[inline(always)]
fn outputs<M: Machine, K: ThreadGroup, T: Element>(
    machine: M,
    group: K,
    args: &RowArgs<T>,
    function: impl RowOutputs<T>,
) {
    // SAFETY: that of a launch, see `list`; a class is written to by the one thread that has it.
    let mut output = unsafe { Outputs::new(args.output) };
    each_row(machine, group, args, |row| {
        function.row(group, row, &mut output)
    });
}

#[inline(always)]
pub(crate) fn softmax<M: Machine, K: ThreadGroup, T: Element>(
    machine: M,
    group: K,
    args: &RowArgs<T>,
) {
    // SAFETY: that of a launch, see `list`.
    let (input, grad_output) = unsafe { (args.classes(), args.grad_output.read()) };
    let grad_output = (!grad_output.is_empty()).then_some(grad_output);
    outputs(machine, group, args, device::softmax(input, grad_output));
}

#[inline(always)]
pub(crate) fn log_softmax<M: Machine, K: ThreadGroup, T: Element>(
    machine: M,
    group: K,
    args: &RowArgs<T>,
) {
    // SAFETY: that of a launch, see `list`.
    let (input, grad_output) = unsafe { (args.classes(), args.grad_output.read()) };
    let grad_output = (!grad_output.is_empty()).then_some(grad_output);
    outputs(
        machine,
        group,
        args,
        device::log_softmax(input, grad_output),
    );
}

/// A function of rows for each [`Spread`].
macro_rules! spreads {
    ($($function:ident: $thread:ident, $warp:ident, $block:ident;)*) => {$(
        #[inline(always)]
        pub(crate) fn $thread<M: Machine, T: Element>(machine: M, args: &RowArgs<T>) {
            $function(machine, Alone, args);
        }

        #[inline(always)]
        pub(crate) fn $warp<M: Machine, T: Element>(machine: M, args: &RowArgs<T>) {
            $function(machine, Warp(machine), args);
        }

        #[inline(always)]
        pub(crate) fn $block<M: Machine, T: Element>(machine: M, args: &RowArgs<T>) {
            $function(machine, Block(machine), args);
        }
    )*};
}

spreads! {
    nll: nll_thread, nll_warp, nll_block;
    cross_entropy: cross_entropy_thread, cross_entropy_warp, cross_entropy_block;
    cross_entropy_probabilities: probabilities_thread, probabilities_warp, probabilities_block;
    accuracy: accuracy_thread, accuracy_warp, accuracy_block;
    softmax: softmax_thread, softmax_warp, softmax_block;
    log_softmax: log_softmax_thread, log_softmax_warp, log_softmax_block;
}
