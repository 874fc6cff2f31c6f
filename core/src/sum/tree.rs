//! The fixed tree.

use crate::machine::{CHUNK, VECTORS};
use crate::number::accumulator::{Node, Sum};
use crate::sum::terms::{BLOCK, TREE_LANES, Terms};
use crate::sum::thread_group::ThreadGroup;

/// The sum of one block of `len` <= [`BLOCK`] terms, for the first thread of a team; what the others get is no sum.
#[inline(always)]
pub(crate) fn block<S: Sum, M: ThreadGroup>(group: M, len: usize, terms: impl Terms) -> S {
    // The same tree: a lane that gets no term is one that may be skipped.
    if M::THREADS > 1 {
        in_a_group(group, len, terms)
    } else if !VECTORS {
        lane_by_lane(len, terms)
    } else if len <= 16 {
        side_by_side::<S, 16>(len, terms)
    } else {
        side_by_side::<S, TREE_LANES>(len, terms)
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
        for (lane, &term) in lanes.iter_mut().skip(start % TREE_LANES).zip(first.iter()) {
            *lane = lane.add(term);
        }
        start += CHUNK;
    }
    let mut used = len.min(N).next_power_of_two();
    while used > 1 {
        used /= 2;
        let Some((lo, hi)) = lanes.split_at_mut_checked(used) else {
            break;
        };
        for (lane, &other) in lo.iter_mut().zip(hi.iter()) {
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
    let used = len.min(TREE_LANES).next_power_of_two();
    let unused = TREE_LANES.trailing_zeros() - used.trailing_zeros();
    let mut tree = Tree::<S, { TREE_LANES.trailing_zeros() as usize }>::new(0);
    for place in 0..used {
        let backwards = (place as u8).reverse_bits();
        let lane = usize::from(backwards) >> unused;
        tree.push(0, terms.add_lane(S::default(), lane, len));
    }
    tree.total()
}

/// The most lanes that a thread of a team of 32 has.
const MOST_LANES: usize = TREE_LANES / 32;

/// Each thread adds up the lanes `rank`, `rank + THREADS`, …; the folds by `THREADS` and more are its own, and those by
/// less put together what two threads have. A term belongs to thread `term % THREADS`.
#[inline(always)]
fn in_a_group<S: Sum, M: ThreadGroup>(group: M, len: usize, mut terms: impl Terms) -> S {
    let mut lanes = [S::default(); MOST_LANES];
    for (k, lane) in lanes.iter_mut().take(TREE_LANES / M::THREADS).enumerate() {
        *lane = terms.add_lane(*lane, group.rank() + k * M::THREADS, len);
    }
    let mut half = TREE_LANES / M::THREADS / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] = lanes[k].merge(lanes[k + half]);
        }
        half /= 2;
    }
    let [mut sum, ..] = lanes;
    let mut half = M::THREADS / 2;
    while half > 0 {
        sum = sum.merge(sum.map(|bits| group.shuffle_down(bits, half)));
        half /= 2;
    }
    sum
}

/// The sum of any number of terms, for every thread of a team.
#[inline(always)]
pub(crate) fn sum<S: Sum, M: ThreadGroup>(group: M, len: usize, mut terms: impl Terms) -> S {
    // Apart, so that what all but the longest rows need is inlined into kernels for wide vectors.
    let sum: S = if VECTORS && len <= BLOCK {
        block(
            group,
            len,
            Shifted {
                terms: &mut terms,
                start: 0,
            },
        )
    } else {
        whole(len, |start, len| {
            block(
                group,
                len,
                Shifted {
                    terms: &mut terms,
                    start,
                },
            )
        })
    };
    sum.map(|bits| group.shuffle(bits, 0))
}

/// The most roundings that a term of a sum of `len` terms goes through: the additions to its lane but the first one,
/// which is to +0, the folds, and a merge a level.
pub(crate) fn roundings(len: usize) -> u32 {
    let doublings = |n: usize| n.next_power_of_two().trailing_zeros();
    let in_lane = len.min(BLOCK).div_ceil(TREE_LANES).saturating_sub(1) as u32;
    in_lane + doublings(len.min(TREE_LANES)) + doublings(len.div_ceil(BLOCK))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::find;
    use crate::number::accumulator::Compensated;
    use crate::number::real::Real;
    use crate::sum::terms::terms;
    use crate::sum::thread_group::Alone;

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
        type Real = f64;

        fn add(self, _: impl Real) -> Self {
            self.merge(Self { most: 0, any: true })
        }

        fn real(self) -> f64 {
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
        let wide: S = side_by_side::<S, TREE_LANES>(terms.len(), &mut fill);
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
                same(&terms[..len], |sum: Compensated| [sum.hi, sum.lo]);
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
