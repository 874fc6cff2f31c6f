//! The upper part of the fixed tree: sums of terms that lie in memory, and the nodes above them.

use crate::checks;
use crate::machine::{Block, Machine, THREADS};
use crate::memory::{Labels, Places, Slice, SumOf};
use trueloss::device::{self, Node, Real, Sum, ThreadGroup};
use trueloss::{BLOCK, Element};

/// How many nodes a round of the kernels `tree` makes one of.
pub const TREE_WIDTH: usize = THREADS;

/// What a sum is divided by.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Divisor {
    /// The number,
    pub number: f64,
    /// unless it is here: the number, and what it lacks, see [`Real`].
    pub at: Slice<f64>,
}

impl Divisor {
    /// # Safety
    ///
    /// That of a launch, see `list`.
    #[inline(always)]
    pub(crate) unsafe fn read<W: Real>(&self) -> W {
        // SAFETY: the caller's promise.
        match unsafe { self.at.read() } {
            &[high, low] => W::of_parts(high, low),
            _ => W::from(self.number),
        }
    }
}

/// Nodes of one level of the tree.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TreeArgs<T: Element> {
    /// From the first block to the last.
    pub nodes: Slice<SumOf<T>>,
    /// Where those 8 levels above go,
    pub above: Places<SumOf<T>>,
    /// or, where there is but one, what it comes to, and what that lacks,
    pub total: Places<f64>,
    /// and that divided by the divisor and rounded.
    pub result: Places<T>,
    /// See `result`.
    pub divisor: Divisor,
    /// The report of the checks before it, or nowhere.
    pub report: Places<u64>,
}

/// Merges neighbours, and neighbours of those. Where nodes are lacking at the end, sums of nothing stand for them, which
/// change nothing: the counter that core uses leaves them out.
#[inline(always)]
pub(crate) fn tree<M: Machine, T: Element>(machine: M, args: &TreeArgs<T>) {
    if checks::found(machine, args.report, Labels::NONE) {
        return;
    }
    // SAFETY: that of a launch, see `list`.
    let nodes = unsafe { args.nodes.read() };
    let threads = Block(machine);
    let mut group = machine.block();
    // Even nothing has a sum.
    while group < nodes.len().div_ceil(TREE_WIDTH).max(1) {
        let mut node = nodes
            .get(group * TREE_WIDTH + threads.rank())
            .copied()
            .unwrap_or_default();
        let mut by = 1;
        while by < TREE_WIDTH {
            node = node.merge(node.map(|bits| threads.shuffle_down(bits, by)));
            by *= 2;
        }
        if threads.rank() == 0 {
            // SAFETY: as above; one thread for each place.
            unsafe {
                if !args.above.is_empty() {
                    args.above.put(group, node);
                }
                if !args.total.is_empty() {
                    let total = node.real();
                    args.total.put(0, total.hi());
                    args.total.put(1, total.lo());
                }
                if !args.result.is_empty() {
                    args.result
                        .put(0, device::reduced(node, args.divisor.read()));
                }
            }
        }
        group += machine.blocks();
    }
}

/// Terms of which the sum of each block is wanted.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TermArgs<T: Element> {
    /// The terms.
    pub terms: Slice<f64>,
    /// One for each block.
    pub sums: Places<SumOf<T>>,
    /// The report of the checks before it, or nowhere.
    pub report: Places<u64>,
}

/// Labels of whose weights the sum of each block is wanted.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct WeightArgs<T: Element> {
    /// The labels,
    pub labels: Labels,
    /// but for those that are ignored.
    pub ignore_index: i64,
    /// The weights of the classes; without them, 1.
    pub weight: Slice<T>,
    /// One for each block, compensated for every type of element, as in [`trueloss::Partial`]: what is above them is for
    /// `tree_f64`.
    pub sums: Places<SumOf<f64>>,
    /// The report of the checks before it, or nowhere.
    pub report: Places<u64>,
}

#[inline(always)]
fn blocks<M: Machine, S: Sum>(
    machine: M,
    sums: Places<S>,
    len: usize,
    term: impl Fn(usize) -> f64,
) {
    let threads = Block(machine);
    let mut block = machine.block();
    while block < len.div_ceil(BLOCK) {
        let start = block * BLOCK;
        let sum = device::block(threads, BLOCK.min(len - start), |from| term(start + from));
        if threads.rank() == 0 {
            // SAFETY: that of a launch, see `list`; one thread for each place.
            unsafe { sums.put(block, sum) };
        }
        block += machine.blocks();
    }
}

/// The sums of terms.
#[inline(always)]
pub(crate) fn terms<M: Machine, T: Element>(machine: M, args: &TermArgs<T>) {
    if checks::found(machine, args.report, Labels::NONE) {
        return;
    }
    // SAFETY: that of a launch, see `list`.
    let terms = unsafe { args.terms.read() };
    blocks(machine, args.sums, terms.len(), |index| {
        device::at(terms, index)
    });
}

/// The sums of what rows count in a mean.
#[inline(always)]
pub(crate) fn weights<M: Machine, T: Element>(machine: M, args: &WeightArgs<T>) {
    if checks::found(machine, args.report, args.labels) {
        return;
    }
    // SAFETY: that of a launch, see `list`.
    let (labels, weight) = unsafe { (args.labels.read(), args.weight.read()) };
    let weight = (!weight.is_empty()).then_some(weight);
    blocks(machine, args.sums, args.labels.len(), |row| {
        device::label_weight(labels, args.ignore_index, weight, row)
    });
}
