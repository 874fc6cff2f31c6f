//! The functions that go element by element. A block of threads takes blocks of the fixed tree.

use crate::checks;
use crate::machine::{Block, Machine};
use crate::memory::{Labels, Outputs, Places, Slice, SumOf};
use trueloss::device::{
    self, Elements, FromOptions, NUMBERS, Options, Output, ThreadGroup, at, is_right,
};
use trueloss::{BLOCK, Element, Reduction};

/// What there is of each element; each function takes what it needs.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ElementArgs<T: Element> {
    /// Logits, probabilities or predictions.
    pub input: Slice<T>,
    /// What they should be.
    pub target: Slice<T>,
    /// Weights, or none.
    pub weight: Slice<T>,
    /// Weights of the positive class, or none.
    pub pos_weight: Slice<T>,
    /// Options that are numbers: softplus's `beta`, or those of the loss.
    pub numbers: [f64; NUMBERS],
    /// What each gradient is multiplied by, or none: then all are by `scale`.
    pub grad_output: Slice<T>,
    /// See `grad_output`.
    pub scale: f64,
    /// Where the losses or values go, or nowhere.
    pub values: Places<T>,
    /// Where the gradients go, or nowhere.
    pub grad_input: Places<T>,
    /// Where the sum of each block's losses goes, or nowhere.
    pub sums: Places<SumOf<T>>,
    /// The report of the checks before it, or nowhere.
    pub report: Places<u64>,
}

/// How many elements a thread reads at a time, where their formula is cheap, so that it is memory that it waits for.
const CHEAP: usize = 4;

/// The same where arithmetic takes longer.
const COSTLY: usize = 1;

#[inline(always)]
fn each<const AHEAD: usize, M: Machine, T: Element>(
    machine: M,
    args: &ElementArgs<T>,
    function: impl Elements<T>,
) {
    if checks::found(machine, args.report, Labels::NONE) {
        return;
    }
    let group = Block(machine);
    let len = args.input.len();
    // SAFETY: that of a launch, see `list`; each index is written to by the one thread that has it.
    let (grad_output, mut values, mut gradients) = unsafe {
        (
            args.grad_output.read(),
            Outputs::new(args.values),
            Outputs::new(args.grad_input),
        )
    };
    let summed = !args.sums.is_empty();
    let valued = summed || !args.values.is_empty();
    let graded = !args.grad_input.is_empty();
    let mut block = machine.block();
    while block < len.div_ceil(BLOCK) {
        let start = block * BLOCK;
        let size = BLOCK.min(len - start);
        let read = |from| {
            let index = start + from;
            let scale = if grad_output.is_empty() {
                args.scale
            } else {
                at(grad_output, index)
            };
            (function.read(index), scale)
        };
        let mut term = |from, (inputs, scale)| {
            let index = start + from;
            // Where both are wanted they are evaluated side by side: what they have in common is evaluated once. Where
            // they are cheap it is not worth asking.
            let (value, gradient) = if AHEAD == CHEAP || valued && graded {
                (function.value(inputs), function.gradient(inputs, scale))
            } else if graded {
                (0.0, function.gradient(inputs, scale))
            } else {
                (function.value(inputs), 0.0)
            };
            if graded {
                gradients.write(index, 1, &[gradient]);
            }
            if !args.values.is_empty() {
                values.write(index, 1, &[value]);
            }
            value
        };
        if summed {
            let sum = device::block_ahead::<AHEAD, _, _, _>(group, size, read, term);
            if group.rank() == 0 {
                // SAFETY: one thread for each block.
                unsafe { args.sums.put(block, sum) };
            }
        } else {
            device::each_ahead::<AHEAD, _, _>(group, size, read, |from, inputs| {
                term(from, inputs);
            });
        }
        block += machine.blocks();
    }
}

/// Input and target.
///
/// # Safety
///
/// That of a launch, see `list`.
#[inline(always)]
unsafe fn pair<'a, T: Element>(args: &ElementArgs<T>) -> (&'a [T], &'a [T]) {
    // SAFETY: the caller's promise.
    unsafe { (args.input.read(), args.target.read()) }
}

/// Any loss that is not costly.
#[inline(always)]
pub(crate) fn cheap<'a, L: FromOptions<'a, T>, M: Machine, T: Element>(
    machine: M,
    args: &ElementArgs<T>,
) {
    loss::<CHEAP, L, _, _>(machine, args);
}

/// Any loss that is.
#[inline(always)]
pub(crate) fn costly<'a, L: FromOptions<'a, T>, M: Machine, T: Element>(
    machine: M,
    args: &ElementArgs<T>,
) {
    loss::<COSTLY, L, _, _>(machine, args);
}

#[inline(always)]
fn loss<'a, const AHEAD: usize, L: FromOptions<'a, T>, M: Machine, T: Element>(
    machine: M,
    args: &ElementArgs<T>,
) {
    // SAFETY: that of a launch, see `list`.
    let (input, target) = unsafe { pair(args) };
    let read = |has: bool, weights: Slice<T>| {
        if !has {
            return None;
        }
        // SAFETY: likewise.
        let weights = unsafe { weights.read() };
        (!<[T]>::is_empty(weights)).then_some(weights)
    };
    let weight = read(L::HAS_WEIGHT, args.weight);
    let pos_weight = read(L::HAS_POS_WEIGHT, args.pos_weight);
    let mut options = Options {
        // Each loss is asked for: what they come to is the tree's.
        reduction: Reduction::Mean,
        weight: T::ONE,
        pos_weight: T::ONE,
        numbers: args.numbers,
    };
    // Without weights they are constants, which the compiler takes out of the formula.
    if weight.is_none() && pos_weight.is_none() {
        let loss = L::from_options(options);
        each::<AHEAD, _, _>(machine, args, device::loss(&loss, input, target));
        return;
    }
    options.weight = weight.unwrap_or(T::ONE);
    options.pos_weight = pos_weight.unwrap_or(T::ONE);
    let loss = L::from_options(options);
    each::<AHEAD, _, _>(machine, args, device::loss(&loss, input, target));
}

#[inline(always)]
pub(crate) fn sigmoid<M: Machine, T: Element>(machine: M, args: &ElementArgs<T>) {
    // SAFETY: that of a launch, see `list`.
    let input = unsafe { args.input.read() };
    each::<COSTLY, _, _>(machine, args, device::sigmoid(input));
}

#[inline(always)]
pub(crate) fn log_sigmoid<M: Machine, T: Element>(machine: M, args: &ElementArgs<T>) {
    // SAFETY: that of a launch, see `list`.
    let input = unsafe { args.input.read() };
    each::<COSTLY, _, _>(machine, args, device::log_sigmoid(input));
}

#[inline(always)]
pub(crate) fn softplus<M: Machine, T: Element>(machine: M, args: &ElementArgs<T>) {
    // SAFETY: that of a launch, see `list`.
    let input = unsafe { args.input.read() };
    each::<COSTLY, _, _>(machine, args, device::softplus(args.numbers[0], input));
}

/// Counts 1 for each element that is right.
struct Right<'a, T> {
    input: &'a [T],
    target: &'a [T],
}

impl<T: Element> Elements<T> for Right<'_, T> {
    type Inputs = Option<(T, T)>;

    #[inline(always)]
    fn read(&self, index: usize) -> Option<(T, T)> {
        Some((*self.input.get(index)?, *self.target.get(index)?))
    }

    #[inline(always)]
    fn value(&self, pair: Option<(T, T)>) -> f64 {
        if pair.is_some_and(|(logit, target)| is_right(logit, target)) {
            1.0
        } else {
            0.0
        }
    }

    #[inline(always)]
    fn gradient(&self, _: Option<(T, T)>, _: f64) -> f64 {
        0.0
    }
}

#[inline(always)]
pub(crate) fn binary_accuracy<M: Machine, T: Element>(machine: M, args: &ElementArgs<T>) {
    // SAFETY: that of a launch, see `list`.
    let (input, target) = unsafe { pair(args) };
    each::<CHEAP, _, _>(machine, args, Right { input, target });
}
