//! Work spread over threads, with the feature `parallel`; one after the other without it.
//!
//! No bit depends on how work is spread: what is written at one place depends on the inputs there alone, sums
//! are those of the fixed tree, and a rounding test's estimates decide nothing but how a result is found.

use crate::number::accumulator::Node;
use crate::sum::terms::BLOCK;
use crate::sum::tree::whole;

#[cfg(feature = "parallel")]
use crate::sum::tree::{RUN, Tree};

/// How many elements are worth a thread's while: some tens of microseconds.
#[cfg(feature = "parallel")]
const GRAIN: usize = 16 * BLOCK;

/// How work on a number of terms may be taken apart.
#[derive(Clone, Copy)]
pub(crate) struct Granularity {
    /// How many elements a term has: 1, or the classes of a row.
    pub(crate) width: usize,
    /// Parts begin at multiples of this many terms.
    pub(crate) unit: usize,
}

impl Granularity {
    /// Of elements, in blocks of the fixed tree.
    pub(crate) const ELEMENTS: Self = Self {
        width: 1,
        unit: BLOCK,
    };
}

/// Does `work(start, len, elements, terms)` for `len` terms, in parts. Of the two slices, which may be empty, each
/// part gets its own places: those of its elements, and one for each of its terms. `merge` puts together what
/// two neighbouring parts give.
pub(crate) fn in_parts<T: Send, U: Send, R: Send>(
    len: usize,
    parts: Granularity,
    elements: &mut [T],
    terms: &mut [U],
    work: impl Fn(usize, usize, &mut [T], &mut [U]) -> R + Sync,
    merge: impl Fn(R, R) -> R + Sync,
) -> R {
    #[cfg(feature = "parallel")]
    {
        let grain = (GRAIN / parts.width.max(1)).max(1);
        let grain = grain.next_multiple_of(parts.unit);
        if len > grain && rayon::current_num_threads() > 1 {
            return halves(0, len, parts.width, grain, elements, terms, &work, &merge);
        }
    }
    let _ = (parts.width, parts.unit, merge);
    work(0, len, elements, terms)
}

#[cfg(feature = "parallel")]
#[allow(clippy::too_many_arguments)]
fn halves<T: Send, U: Send, R: Send>(
    start: usize,
    len: usize,
    width: usize,
    grain: usize,
    elements: &mut [T],
    terms: &mut [U],
    work: &(impl Fn(usize, usize, &mut [T], &mut [U]) -> R + Sync),
    merge: &(impl Fn(R, R) -> R + Sync),
) -> R {
    if len <= grain {
        return work(start, len, elements, terms);
    }
    let middle = len.div_ceil(grain) / 2 * grain;
    let (elements, more_elements) = elements.split_at_mut((middle * width).min(elements.len()));
    let (terms, more_terms) = terms.split_at_mut(middle.min(terms.len()));
    let (left, right) = rayon::join(
        || halves(start, middle, width, grain, elements, terms, work, merge),
        || {
            let (start, len) = (start + middle, len - middle);
            halves(
                start,
                len,
                width,
                grain,
                more_elements,
                more_terms,
                work,
                merge,
            )
        },
    );
    merge(left, right)
}

/// The node over `len` terms of `width` elements each, from those of single blocks: `block(start, len, out)` gives that of
/// the terms from `start` on, and has the places of their elements in `out`, if `out` is not empty.
pub(crate) fn blocks<T: Send, N: Node + Send>(
    len: usize,
    width: usize,
    out: &mut [T],
    block: impl Fn(usize, usize, &mut [T]) -> N + Sync,
) -> N {
    #[cfg(feature = "parallel")]
    if len > BLOCK {
        let part = |start, len, out: &mut [T], _: &mut [()]| {
            let mut tree = Tree::<N, RUN>::new(start / BLOCK);
            tree.extend(len, |from, size| {
                let places = out.get_mut(from * width..(from + size) * width);
                block(start + from, size, places.unwrap_or(&mut []))
            });
            tree
        };
        let merge = |mut left: Tree<N, RUN>, right: Tree<N, RUN>| {
            left.append(&right);
            left
        };
        let parts = Granularity { width, unit: BLOCK };
        return in_parts(len, parts, out, &mut [], part, merge).total();
    }
    whole(len, |start, len| {
        let places = out.get_mut(start * width..(start + len) * width);
        block(start, len, places.unwrap_or(&mut []))
    })
}

#[cfg(test)]
#[cfg(feature = "parallel")]
mod tests {
    use super::{BLOCK, GRAIN, Granularity, Node, blocks, in_parts, whole};
    use rayon::{ThreadPool, ThreadPoolBuilder};
    use std::format;
    use std::vec;
    use std::vec::Vec;

    fn pool(threads: usize) -> ThreadPool {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap()
    }

    /// Places that nobody has written to.
    fn unwritten(len: usize) -> Vec<usize> {
        vec![usize::MAX; len]
    }

    /// Writes to all places, from number `start` on.
    fn number(places: &mut [usize], start: usize) {
        for (place, i) in places.iter_mut().zip(start..) {
            assert_eq!(*place, usize::MAX);
            *place = i;
        }
    }

    /// What was done with part of the work: from which term, how many, and how many places of either slice it got.
    type Part = (usize, usize, usize, usize);

    /// How work is taken apart. Each place is written once, by the part that it belongs to.
    fn parts(pool: &ThreadPool, len: usize, parts: Granularity, has_places: bool) -> Vec<Part> {
        let mut elements = unwritten(if has_places { len * parts.width } else { 0 });
        let mut terms = unwritten(if has_places { len } else { 0 });
        let done = pool.install(|| {
            in_parts(
                len,
                parts,
                &mut elements,
                &mut terms,
                |start, len, elements, terms| {
                    number(elements, start * parts.width);
                    number(terms, start);
                    vec![(start, len, elements.len(), terms.len())]
                },
                |mut left, right| {
                    left.extend(right);
                    left
                },
            )
        });
        assert!(elements.iter().copied().eq(0..elements.len()));
        assert!(terms.iter().copied().eq(0..terms.len()));
        done
    }

    #[test]
    fn parts_are_in_order_whole_units_and_worth_a_thread() {
        for threads in [1, 2, 3] {
            let pool = pool(threads);
            for (width, unit) in [
                (1, BLOCK),
                (1, 1),
                (7, 1),
                (1000, 1),
                (3 * GRAIN, 1),
                (0, 1),
            ] {
                let taken = Granularity { width, unit };
                // The fewest that make a part, as `GRAIN` has it: 16 blocks.
                let grain = (65536 / width.max(1)).max(1).next_multiple_of(unit);
                for len in [0, 1, grain, grain + 1, 2 * grain + 1, 7 * grain - 1] {
                    for has_places in [true, false] {
                        let of = format!("{len} of {width}, {unit}, on {threads}");
                        let done = parts(&pool, len, taken, has_places);
                        let mut end = 0;
                        for &(start, len, elements, terms) in &done {
                            assert_eq!(start, end, "{of}");
                            assert!(start.is_multiple_of(unit), "{of}");
                            assert_eq!(elements, if has_places { len * width } else { 0 }, "{of}");
                            assert_eq!(terms, if has_places { len } else { 0 }, "{of}");
                            end += len;
                        }
                        assert_eq!(end, len, "{of}");
                        // All that can be spread is, and no more.
                        let expected = if threads == 1 {
                            1
                        } else {
                            len.div_ceil(grain).max(1)
                        };
                        assert_eq!(done.len(), expected, "{of}");
                    }
                }
            }
        }
    }

    /// Tells every tree of nodes from every other, but by chance.
    #[derive(Clone, Copy, Debug, Default, PartialEq)]
    struct Shape(u64);

    impl Node for Shape {
        fn merge(self, other: Self) -> Self {
            let mixed = self.0.rotate_left(17) ^ other.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Self((mixed ^ mixed >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9))
        }
    }

    #[test]
    fn the_tree_over_blocks_is_that_of_one_thread() {
        let pools = [1, 2, 3, 8].map(pool);
        let leaf = |start: usize, len: usize| Shape((start * 8191 + len) as u64 + 1);
        for len in [
            0,
            1,
            BLOCK,
            BLOCK + 1,
            GRAIN,
            GRAIN + 1,
            5 * GRAIN + 3 * BLOCK + 7,
            8 * GRAIN,
        ] {
            let expected = whole(len, leaf);
            for (pool, width) in pools.iter().flat_map(|pool| [(pool, 1), (pool, 3)]) {
                let of = format!("{len} of {width} on {}", pool.current_num_threads());
                let mut out = unwritten(len * width);
                let node = pool.install(|| {
                    blocks(len, width, &mut out, |start, len, places| {
                        assert_eq!(places.len(), len * width);
                        number(places, start * width);
                        leaf(start, len)
                    })
                });
                assert_eq!(node, expected, "{of}");
                assert!(out.iter().copied().eq(0..len * width), "{of}");
                let node = pool.install(|| {
                    blocks(len, width, &mut [(); 0], |start, len, places| {
                        assert!(places.is_empty());
                        leaf(start, len)
                    })
                });
                assert_eq!(node, expected, "{of}, without places");
            }
        }
    }
}
