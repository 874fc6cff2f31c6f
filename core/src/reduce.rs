//! Reductions, and the fixed tree in which losses are added.
//!
//! # The tree
//!
//! The order of a sum is part of its result, so it is fixed, whatever does the work:
//!
//! - A block is [`BLOCK`] = 4096 consecutive terms: elements, rows of classes, or the exponentials of one
//!   row, where the first largest class has +0 in its place. Lane `l` of 256 adds the block's terms `l`,
//!   `l + 256`, `l + 512`, … in turn, beginning with +0. Then the lanes fold in halves:
//!   `lane[i] += lane[i + h]` for h = 128, 64, …, 1.
//! - Block sums combine as a binary counter does. Blocks `[j 2^k, (j + 1) 2^k)` form a node of level k,
//!   the sum of the two nodes of level k - 1 below it. At the end what is left, nodes of falling level
//!   from the first block to the last, merges from the lowest level up.
//! - A short block is one padded with +0. That changes no bits, as no lane ever holds -0, so lanes that
//!   hold nothing are skipped.
//!
//! A machine with vectors adds to all lanes side by side. One without finishes lane after lane, in the order in which
//! the folds pair them, and keeps 8 sums instead of 256. The threads of a GPU share the lanes among them.
//!
//! One term passes through at most 16 + 8 additions in its block and one a level above it, so a sum of n
//! terms in `f64` has a relative error below (24 + log2(n / 4096)) 2^-53 of the sum of the terms'
//! magnitudes: below 2^-46 for any n that fits a 64-bit `usize`.
//!
//! Sums for `f64` elements are kept as pairs: each addition's rounding error is found (Knuth's TwoSum)
//! and added up beside the sum, in the same tree.

use crate::dispatch::VECTORS;
use crate::element::Element;
use crate::error::{Argument, Error};
use crate::quick;
use crate::team::Team;
use crate::wide::{Pair, Wide, two_sum};
use core::marker::PhantomData;
use core::ops::Mul;

/// How many terms a block of the fixed tree has.
///
/// ```
/// use trueloss::{BLOCK, Error, Mse};
///
/// let partial = |start| Mse::new().partial(&[1.0_f32], &[0.0], start);
/// assert!(partial(3 * BLOCK).is_ok());
/// assert_eq!(partial(7).err(), Some(Error::NotOnBlockBoundary { at: 7 }));
/// ```
pub const BLOCK: usize = 4096;

/// How many lanes add up a block.
pub(crate) const LANES: usize = 256;

/// How many terms are evaluated before they are added: a small buffer, so that the evaluation is a loop
/// of its own. Also how many outputs are written before their rounding tests are looked at: what one failure
/// sends to the formula of record. Without vectors, terms are evaluated one by one, and a few outputs share what
/// does not depend on the class.
pub(crate) const CHUNK: usize = if VECTORS { 64 } else { 4 };

/// What is returned for many losses: PyTorch's `reduction`. Its 'none' is the `_each` methods.
///
/// ```
/// use trueloss::{Mse, Reduction};
///
/// let of_nothing = |reduction| Mse::new().reduction(reduction).forward(&[0.0_f32; 0], &[]);
/// assert_eq!(of_nothing(Reduction::Sum)?, 0.0);
/// assert!(of_nothing(Reduction::default())?.is_nan());
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum over the count, or over the sum of the weights: each loss's page says which. The mean of
    /// nothing is NaN.
    #[default]
    Mean,
    /// The sum. That of nothing is 0.
    Sum,
}

impl Reduction {
    /// What a sum of losses, or a `grad_output`, is divided by: the weights, which a sum does not need.
    pub(crate) fn divisor<W: Wide>(self, weights: impl FnOnce() -> W) -> W {
        match self {
            Self::Mean => weights(),
            Self::Sum => W::from(1.0),
        }
    }
}

/// value / divisor, and NaN for the mean of nothing.
#[doc(hidden)]
pub fn divide<W: Wide>(value: W, divisor: W) -> f64 {
    if divisor.high() == 0.0 {
        f64::NAN
    } else {
        (value / divisor).round()
    }
}

/// What the nodes of the tree hold.
#[doc(hidden)]
pub trait Node: Copy + Default {
    /// The node above two others.
    fn merge(self, other: Self) -> Self;
}

/// A number that terms are added to.
#[doc(hidden)]
pub trait Sum: Node {
    /// What formulas are evaluated in that the sum is part of.
    type Wide: Wide;
    /// The sum with one more term.
    fn add(self, term: impl Wide) -> Self;
    /// What it comes to.
    fn wide(self) -> Self::Wide;
    /// The sum with each of its parts changed.
    fn map(self, part: impl FnMut(u64) -> u64) -> Self;
}

impl Node for f64 {
    #[inline(always)]
    fn merge(self, other: Self) -> Self {
        self + other
    }
}

impl Sum for f64 {
    type Wide = f64;

    #[inline(always)]
    fn add(self, term: impl Wide) -> Self {
        self + term.high()
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn map(self, mut part: impl FnMut(u64) -> u64) -> Self {
        Self::from_bits(part(self.to_bits()))
    }
}

/// A sum and the sum of the rounding errors made on the way.
///
/// Within 2^-92 of its terms' magnitudes, for up to 2^64 of them (`compensated` in `verify/proofs`).
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Compensated {
    high: f64,
    low: f64,
}

impl Compensated {
    /// What it comes to, as what formulas are evaluated in: rounded where that is an `f64`.
    #[inline(always)]
    pub(crate) fn to<W: Wide>(self) -> W {
        let sum = self.wide();
        W::of_parts(sum.high(), sum.low())
    }
}

impl Node for Compensated {
    #[inline(always)]
    fn merge(self, other: Self) -> Self {
        let (high, lost) = two_sum(self.high, other.high);
        Self {
            high,
            low: (self.low + other.low) + lost,
        }
    }
}

impl Sum for Compensated {
    type Wide = Pair;

    #[inline(always)]
    fn add(self, term: impl Wide) -> Self {
        let (high, lost) = two_sum(self.high, term.high());
        Self {
            high,
            low: self.low + (lost + term.low()),
        }
    }

    /// The rounding errors around an infinity are NaN: they count only where the sum is finite. The low part comes to more
    /// than a few u of the high one where terms cancel, or after many of them.
    #[inline(always)]
    fn wide(self) -> Pair {
        let (high, low) = if self.high.is_finite() {
            two_sum(self.high, self.low)
        } else {
            (self.high, 0.0)
        };
        Pair::of_parts(high, low)
    }

    #[inline(always)]
    fn map(self, mut part: impl FnMut(u64) -> u64) -> Self {
        Self {
            high: f64::from_bits(part(self.high.to_bits())),
            low: f64::from_bits(part(self.low.to_bits())),
        }
    }
}

/// The terms of a sum.
pub(crate) trait Terms {
    /// `f64`, or what the sum's formulas are evaluated in.
    type Term: Wide;

    /// Evaluates the terms from `start` on, one for each place of `out`: at most [`CHUNK`]. Called once for each
    /// term, in any order.
    fn fill(&mut self, start: usize, out: &mut [Self::Term]);

    /// Adds the terms `first`, `first + LANES`, … below `len` to a lane.
    #[inline(always)]
    fn add_lane<S: Sum>(&mut self, mut sum: S, first: usize, len: usize) -> S {
        for start in (first..len).step_by(LANES) {
            let mut term = [Self::Term::default()];
            self.fill(start, &mut term);
            sum = sum.add(term[0]);
        }
        sum
    }
}

/// A closure as [`Terms`]; a function of its own, so that the closure's type can be inferred.
#[inline(always)]
pub(crate) fn terms<F: FnMut(usize, &mut [f64])>(fill: F) -> F {
    fill
}

impl<F: FnMut(usize, &mut [f64])> Terms for F {
    type Term = f64;

    #[inline(always)]
    fn fill(&mut self, start: usize, out: &mut [f64]) {
        self(start, out);
    }
}

/// The same, of terms that are not rounded before they are added.
pub(crate) struct WideTerms<F, W> {
    fill: F,
    of: PhantomData<W>,
}

/// See [`WideTerms`].
#[inline(always)]
pub(crate) fn wide_terms<W: Wide, F: FnMut(usize, &mut [W])>(fill: F) -> WideTerms<F, W> {
    let of = PhantomData;
    WideTerms { fill, of }
}

impl<W: Wide, F: FnMut(usize, &mut [W])> Terms for WideTerms<F, W> {
    type Term = W;

    #[inline(always)]
    fn fill(&mut self, start: usize, out: &mut [W]) {
        (self.fill)(start, out);
    }
}

/// The sum of one block of `len` <= [`BLOCK`] terms, for the first thread of a team; what the others get is no sum.
#[inline(always)]
pub(crate) fn block<S: Sum, M: Team>(team: M, len: usize, terms: impl Terms) -> S {
    // The same tree: a lane that gets no term is one that may be skipped.
    if M::THREADS > 1 {
        in_a_team(team, len, terms)
    } else if !VECTORS {
        lane_by_lane(len, terms)
    } else if len <= 16 {
        side_by_side::<S, 16>(len, terms)
    } else {
        side_by_side::<S, LANES>(len, terms)
    }
}

/// Adds to all lanes in turn, then folds them.
#[inline(always)]
fn side_by_side<S: Sum, const N: usize>(len: usize, mut terms: impl Terms) -> S {
    let mut lanes = [S::default(); N];
    let mut buffer = [Default::default(); CHUNK];
    let mut start = 0;
    while start < len {
        let (first, _) = buffer.split_at_mut(CHUNK.min(len - start));
        terms.fill(start, first);
        for (lane, &term) in lanes.iter_mut().skip(start % LANES).zip(first.iter()) {
            *lane = lane.add(term);
        }
        start += CHUNK;
    }
    let mut used = len.min(N).next_power_of_two();
    while used > 1 {
        used /= 2;
        let Some((low, high)) = lanes.split_at_mut_checked(used) else {
            break;
        };
        for (lane, &other) in low.iter_mut().zip(high.iter()) {
            *lane = lane.merge(other);
        }
    }
    lanes[0]
}

/// Adds up one lane after the other, each being added to those before it as soon as the folds would.
///
/// The last fold adds the odd lanes to the even ones, the one before it those whose second bit is set to the others,
/// and so on: with the lanes in the order of their numbers' bits read backwards, every fold adds neighbours.
#[inline(always)]
fn lane_by_lane<S: Sum>(len: usize, mut terms: impl Terms) -> S {
    let used = len.min(LANES).next_power_of_two();
    let unused = LANES.trailing_zeros() - used.trailing_zeros();
    let mut tree = Tree::<S, { LANES.trailing_zeros() as usize }>::new(0);
    for place in 0..used {
        let backwards = (place as u8).reverse_bits();
        let lane = usize::from(backwards) >> unused;
        tree.push(0, terms.add_lane(S::default(), lane, len));
    }
    tree.total()
}

/// The most lanes that a thread of a team of 32 has.
const MOST_LANES: usize = LANES / 32;

/// Each thread adds up the lanes `rank`, `rank + THREADS`, …; the folds by `THREADS` and more are its own, and those by
/// less put together what two threads have. A term belongs to thread `term % THREADS`.
#[inline(always)]
fn in_a_team<S: Sum, M: Team>(team: M, len: usize, mut terms: impl Terms) -> S {
    let mut lanes = [S::default(); MOST_LANES];
    for (k, lane) in lanes.iter_mut().take(LANES / M::THREADS).enumerate() {
        *lane = terms.add_lane(*lane, team.rank() + k * M::THREADS, len);
    }
    let mut half = LANES / M::THREADS / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] = lanes[k].merge(lanes[k + half]);
        }
        half /= 2;
    }
    let [mut sum, ..] = lanes;
    let mut half = M::THREADS / 2;
    while half > 0 {
        sum = sum.merge(sum.map(|bits| team.ask_above(bits, half)));
        half /= 2;
    }
    sum
}

/// The sum of any number of terms, for every thread of a team.
#[inline(always)]
pub(crate) fn sum<S: Sum, M: Team>(team: M, len: usize, mut terms: impl Terms) -> S {
    // Apart, so that what all but the longest rows need is inlined into kernels for wide vectors.
    let sum: S = if VECTORS && len <= BLOCK {
        block(
            team,
            len,
            Shifted {
                terms: &mut terms,
                start: 0,
            },
        )
    } else {
        whole(len, |start, len| {
            block(
                team,
                len,
                Shifted {
                    terms: &mut terms,
                    start,
                },
            )
        })
    };
    sum.map(|bits| team.ask(bits, 0))
}

/// The most roundings that a term of a sum of `len` terms goes through: the additions to its lane but the first one,
/// which is to +0, the folds, and a merge a level.
pub(crate) fn roundings(len: usize) -> u32 {
    let doublings = |n: usize| n.next_power_of_two().trailing_zeros();
    let in_lane = len.min(BLOCK).div_ceil(LANES).saturating_sub(1) as u32;
    in_lane + doublings(len.min(LANES)) + doublings(len.div_ceil(BLOCK))
}

/// The terms from `start` on.
struct Shifted<'a, F> {
    terms: &'a mut F,
    start: usize,
}

impl<F: Terms> Terms for Shifted<'_, F> {
    type Term = F::Term;

    #[inline(always)]
    fn fill(&mut self, start: usize, out: &mut [F::Term]) {
        self.terms.fill(self.start + start, out);
    }
}

/// The node over `len` terms, from those of single blocks: `block(start, len)` gives that of the terms from
/// `start` on.
pub(crate) fn whole<N: Node>(len: usize, mut block: impl FnMut(usize, usize) -> N) -> N {
    if len <= BLOCK {
        block(0, len)
    } else {
        let mut tree = Tree::<N, LEVELS>::new(0);
        tree.extend(len, block);
        tree.total()
    }
}

/// How many levels a tree over blocks may have, and so the most nodes that it can leave on the way down to its last
/// block.
const LEVELS: usize = (usize::BITS - BLOCK.trailing_zeros()) as usize;

/// The most nodes that a run of blocks which begins anywhere can leave: on the way up from its first block too.
pub(crate) const RUN: usize = 2 * LEVELS;

/// The nodes of the tree over a run of leaves, blocks or lanes, which need not begin at leaf 0: those that have no
/// parent within the run, from left to right. There is room for `NODES` of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree<N, const NODES: usize> {
    start: usize,
    /// The leaf after the last one.
    end: usize,
    len: usize,
    nodes: [N; NODES],
}

impl<N: Node, const NODES: usize> Tree<N, NODES> {
    /// The tree over no leaves before the one at `start`.
    #[inline(always)]
    pub(crate) fn new(start: usize) -> Self {
        Self {
            start,
            end: start,
            len: 0,
            nodes: [N::default(); NODES],
        }
    }

    /// Appends the blocks of `len` terms; `block` as for [`whole`].
    #[inline(always)]
    pub(crate) fn extend(&mut self, len: usize, mut block: impl FnMut(usize, usize) -> N) {
        let mut start = 0;
        while start < len {
            let size = BLOCK.min(len - start);
            self.push(0, block(start, size));
            start += size;
        }
    }

    /// Appends the node of 2^level leaves that begins where the run ends, then merges what has become
    /// two halves of one node.
    fn push(&mut self, level: u32, node: N) {
        let (mut node, mut size) = (node, 1 << level);
        self.end += size;
        // A node is the right half of another where that one's size divides its end. The left half is the last node
        // before it, if the run begins early enough.
        while self.end.is_multiple_of(2 * size)
            && self.end - self.start >= 2 * size
            && let Some(last) = self.len.checked_sub(1)
            && let Some(&left) = self.nodes.get(last)
        {
            node = left.merge(node);
            size *= 2;
            self.len = last;
        }
        if let Some(slot) = self.nodes.get_mut(self.len) {
            *slot = node;
            self.len += 1;
        }
    }

    /// Appends the nodes of the run of leaves that follows.
    pub(crate) fn append(&mut self, next: &Self) {
        for &node in next.nodes.iter().take(next.len) {
            // The largest that begins here and is not longer than the rest.
            let rest = next.end - self.end;
            let level = rest.checked_ilog2().unwrap_or(0);
            self.push(level.min(self.end.trailing_zeros()), node);
        }
    }

    pub(crate) fn total(&self) -> N {
        self.nodes
            .iter()
            .take(self.len)
            .copied()
            .rev()
            .reduce(|right, left| left.merge(right))
            .unwrap_or_default()
    }
}

/// A sum of losses and the sum of the weights that their mean is divided by.
///
/// That is compensated for every type of element: weights of both signs may cancel, and what a sum in `f64` has lost then
/// would be a larger part of what is left, and so of every result that is divided by it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weighted<S> {
    pub(crate) losses: S,
    pub(crate) weights: Compensated,
}

impl<S: Sum> Node for Weighted<S> {
    fn merge(self, other: Self) -> Self {
        Self {
            losses: self.losses.merge(other.losses),
            weights: self.weights.merge(other.weights),
        }
    }
}

/// The sum over part of a batch, from which the loss of the whole can be made with the bits that one
/// call over all of it would give.
///
/// Made by the `partial` method of a loss from a run of elements (rows, for losses of classes) that
/// begins at a multiple of [`BLOCK`] in the whole batch. Partials of adjacent runs merge, in any
/// grouping. All but the last one hold a whole number of blocks.
///
/// ```
/// use trueloss::{BLOCK, Mse, Reduction};
///
/// # fn main() -> Result<(), trueloss::Error> {
/// let (input, target) = ([0.1_f32; 3 * BLOCK + 7], [0.3_f32; 3 * BLOCK + 7]);
/// let mse = Mse::new();
/// let mut whole = mse.partial(&input[..BLOCK], &target[..BLOCK], 0)?;
/// let rest = mse.partial(&input[BLOCK..], &target[BLOCK..], BLOCK)?;
/// whole.merge(&rest)?;
/// assert_eq!(whole.finish(Reduction::Mean)?, mse.forward(&input, &target)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Partial<T: Element> {
    start: usize,
    end: usize,
    tree: Tree<Weighted<T::Sum>, RUN>,
}

impl<T: Element> Partial<T> {
    pub(crate) fn new(
        start: usize,
        len: usize,
        block: impl FnMut(usize, usize) -> Weighted<T::Sum>,
    ) -> Result<Self, Error> {
        if !start.is_multiple_of(BLOCK) {
            return Err(Error::NotOnBlockBoundary { at: start });
        }
        let end = start.checked_add(len).ok_or(Error::ShapeOverflow)?;
        Ok(Self::over(start, end, block))
    }

    /// Out of line and without another result, so that it is filled where its caller wants it: it is large.
    #[inline(never)]
    fn over(start: usize, end: usize, block: impl FnMut(usize, usize) -> Weighted<T::Sum>) -> Self {
        let mut partial = Self {
            start,
            end,
            tree: Tree::new(start / BLOCK),
        };
        partial.tree.extend(end - start, block);
        partial
    }

    /// The first element or row.
    ///
    /// ```
    /// use trueloss::{BLOCK, Mse};
    ///
    /// assert_eq!(Mse::new().partial(&[1.0_f32], &[0.0], BLOCK)?.start(), BLOCK);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn start(&self) -> usize {
        self.start
    }

    /// The element or row after the last one.
    ///
    /// ```
    /// use trueloss::{BLOCK, Mse};
    ///
    /// assert_eq!(Mse::new().partial(&[1.0_f32], &[0.0], BLOCK)?.end(), BLOCK + 1);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn end(&self) -> usize {
        self.end
    }

    /// Appends the partial that follows this one.
    ///
    /// # Errors
    ///
    /// [`Error::NotOnBlockBoundary`] where this one does not end at a multiple of [`BLOCK`], so that nothing can
    /// follow it, and [`Error::NotAdjacent`] where `next` does not begin there. Nothing changes then.
    ///
    /// ```
    /// use trueloss::{BLOCK, Error, Mse};
    ///
    /// let part = |len, start| Mse::new().partial(&[1.0_f32; BLOCK][..len], &[0.0; BLOCK][..len], start);
    /// let mut whole = part(BLOCK, 0)?;
    /// // One block is missing in between.
    /// let error = Error::NotAdjacent { expected: BLOCK, actual: 2 * BLOCK };
    /// assert_eq!(whole.merge(&part(5, 2 * BLOCK)?), Err(error));
    /// whole.merge(&part(5, BLOCK)?)?;
    /// assert_eq!(whole.end(), BLOCK + 5);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn merge(&mut self, next: &Self) -> Result<(), Error> {
        if !self.end.is_multiple_of(BLOCK) {
            return Err(Error::NotOnBlockBoundary { at: self.end });
        }
        if next.start != self.end {
            return Err(Error::NotAdjacent {
                expected: self.end,
                actual: next.start,
            });
        }
        self.tree.append(&next.tree);
        self.end = next.end;
        Ok(())
    }

    /// The loss of the whole batch.
    ///
    /// # Errors
    ///
    /// [`Error::NotAdjacent`] where the partial does not begin at 0.
    ///
    /// ```
    /// use trueloss::{Mse, Reduction};
    ///
    /// let partial = Mse::new().partial(&[1.0_f32, 3.0], &[0.0, 0.0], 0)?;
    /// assert_eq!(partial.finish(Reduction::Sum)?, 10.0);
    /// assert_eq!(partial.finish(Reduction::Mean)?, 5.0);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub fn finish(&self, reduction: Reduction) -> Result<T, Error> {
        if self.start != 0 {
            return Err(Error::NotAdjacent {
                expected: 0,
                actual: self.start,
            });
        }
        let total = self.tree.total();
        let divisor = reduction.divisor(|| total.weights.to());
        Ok(T::narrow(divide(total.losses.wide(), divisor)))
    }
}

/// weight * value, where a weight of zero takes nothing from an infinite value. NaN stays NaN.
#[inline(always)]
pub(crate) fn weigh<X: Wide, W: Wide + Mul<X, Output = W>>(weight: X, value: W) -> W {
    if weight.high() == 0.0 && !value.high().is_nan() {
        W::default()
    } else {
        value * weight
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
pub(crate) fn check_weights<T: Element>(
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
pub fn not_finite<T: Element>(value: T) -> bool {
    !value.is_finite()
}

/// All of `values` are finite.
pub(crate) fn check_finite<T: Element>(argument: Argument, values: &[T]) -> Result<(), Error> {
    match find(values, not_finite) {
        Some(index) => Err(Error::NotFinite { argument, index }),
        None => Ok(()),
    }
}

/// The first of `values` that is at fault. In chunks, each looked at as a whole: a loop that may end at any
/// element is not vectorised.
#[inline(always)]
pub(crate) fn find<T: Copy>(values: &[T], fault: impl Fn(T) -> bool) -> Option<usize> {
    const WIDTH: usize = quick::LANES;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::Alone;

    /// The first of two, wherever they are.
    #[test]
    fn faults_are_found_at_every_place() {
        let mut values = [0_u8; 700];
        assert_eq!(find(&values, |value| value == 1), None);
        for place in 0..values.len() {
            values[place] = 1;
            values[(place + 300).min(699)] = 1;
            assert_eq!(find(&values, |value| value == 1), Some(place));
            values.fill(0);
        }
    }

    /// Counts the roundings on a term's way. Adding to +0 is none.
    #[derive(Clone, Copy, Debug, Default)]
    struct Roundings {
        most: u32,
        any: bool,
    }

    impl Node for Roundings {
        fn merge(self, other: Self) -> Self {
            if !self.any || !other.any {
                return if self.any { self } else { other };
            }
            Self {
                most: 1 + self.most.max(other.most),
                any: true,
            }
        }
    }

    impl Sum for Roundings {
        type Wide = f64;

        fn add(self, _: impl Wide) -> Self {
            self.merge(Self { most: 0, any: true })
        }

        fn wide(self) -> f64 {
            self.most.into()
        }

        fn map(self, _: impl FnMut(u64) -> u64) -> Self {
            self
        }
    }

    #[test]
    fn no_term_is_rounded_more_often_than_said() {
        for len in (1..600).chain([1000, 4095, 4096, 4097, 8192, 12_288, 12_289, 50_000]) {
            let count: Roundings = sum(Alone, len, terms(|_, _| ()));
            assert!(count.most <= roundings(len), "{len}: {count:?}");
            assert!(count.most + 1 >= roundings(len), "{len}: {count:?}");
        }
    }

    /// Terms of a known sequence: of many magnitudes and both signs, one in eight of them -0; `special` is among the
    /// first 70.
    fn sequence(special: f64) -> [f64; BLOCK] {
        let mut seed = 1_u64;
        let mut terms = [0.0; BLOCK];
        for term in &mut terms {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let significand = (seed >> 12) as i64 as f64 - 2f64.powi(51);
            let exponent = (seed >> 3 & 127) as i32;
            *term = match seed >> 61 {
                0 => -0.0,
                _ => significand * 2f64.powi(exponent - 64),
            };
        }
        terms[69] = special;
        terms
    }

    fn bits(x: f64) -> u64 {
        if x.is_nan() { 0 } else { x.to_bits() }
    }

    fn same<S: Sum>(terms: &[f64], parts: fn(S) -> [f64; 2]) {
        let mut asked = [0; BLOCK];
        let mut fill = |start: usize, out: &mut [f64]| {
            let end = start + out.len();
            asked[start..end].iter_mut().for_each(|asked| *asked += 1);
            out.copy_from_slice(&terms[start..end]);
        };
        let wide: S = side_by_side::<S, LANES>(terms.len(), &mut fill);
        let narrow: S = lane_by_lane(terms.len(), &mut fill);
        let (wide, narrow) = (parts(wide).map(bits), parts(narrow).map(bits));
        assert_eq!(wide, narrow, "{} terms", terms.len());
        assert!(asked[..terms.len()].iter().all(|&asked| asked == 2));
        assert!(asked[terms.len()..].iter().all(|&asked| asked == 0));
    }

    /// The two evaluations of a block give the same bits, of the sum and of its rounding errors.
    #[test]
    fn lanes_in_any_order() {
        for special in [1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let terms = sequence(special);
            let longer = [767, 768, 769, 1000, 2047, 2048, 3000, 4095, 4096];
            for len in (0..=600).chain(longer) {
                same(&terms[..len], |sum: f64| [sum, 0.0]);
                same(&terms[..len], |sum: Compensated| [sum.high, sum.low]);
            }
        }
        // No sum of zeros is -0.
        for len in 0..=600 {
            let sum: f64 = lane_by_lane(len, terms(|_, out: &mut [f64]| out.fill(-0.0)));
            assert_eq!(sum.to_bits(), 0);
        }
    }

    /// Which leaves there are below a node.
    #[derive(Clone, Copy, Debug, Default, PartialEq)]
    struct Leaves {
        start: u64,
        count: u64,
    }

    impl Node for Leaves {
        fn merge(self, other: Self) -> Self {
            assert_eq!(self.start + self.count, other.start);
            Self {
                start: self.start,
                count: self.count + other.count,
            }
        }
    }

    /// The longest runs of blocks: each has a place for all of its nodes.
    #[test]
    fn runs_have_room_for_all_their_nodes() {
        // From block 1 to the last but one of 2^51: a node of each size up, and of each down.
        let mut run = Tree::<Leaves, RUN>::new(1);
        let sizes = (0..LEVELS as u32 - 1).chain((0..LEVELS as u32 - 1).rev());
        let mut start = 1;
        for level in sizes {
            let count = 1 << level;
            run.push(level, Leaves { start, count });
            start += count;
        }
        assert_eq!(start, (1 << LEVELS) - 1);
        assert_eq!(run.len, 2 * LEVELS - 2);
        let all = Leaves {
            start: 1,
            count: start - 1,
        };
        assert_eq!(run.total(), all);
        // From block 0 to the last: a node of each size down.
        let mut all = Tree::<Leaves, LEVELS>::new(0);
        let mut start = 0;
        for level in (0..LEVELS as u32).rev() {
            let count = 1 << level;
            all.push(level, Leaves { start, count });
            start += count;
        }
        assert_eq!(
            all.total(),
            Leaves {
                start: 0,
                count: start
            }
        );
    }
}
