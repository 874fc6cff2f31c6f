//! Work spread over threads, with the feature `parallel`; one after the other without it.
//!
//! No bit depends on how work is spread: what is written at one place depends on the inputs there alone, sums
//! are those of the fixed tree, and a rounding test's estimates decide nothing but how a result is found.

use crate::reduce::{BLOCK, Node, whole};
#[cfg(feature = "parallel")]
use crate::reduce::{RUN, Tree};

/// How many elements are worth a thread's while: some tens of microseconds.
#[cfg(feature = "parallel")]
const GRAIN: usize = 16 * BLOCK;

/// How work on a number of terms may be taken apart.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    /// How many elements a term has: 1, or the classes of a row.
    pub(crate) width: usize,
    /// Parts begin at multiples of this many terms.
    pub(crate) unit: usize,
}

impl Parts {
    /// Of elements, in blocks of the fixed tree.
    pub(crate) const ELEMENTS: Self = Self {
        width: 1,
        unit: BLOCK,
    };
}

/// Does `work(start, len, elements, terms)` for `len` terms, in parts. Of the two slices, which may be empty, each
/// part gets its own places: those of its elements, and one for each of its terms. `merge` puts together what
/// two neighbouring parts give.
pub(crate) fn split<T: Send, U: Send, R: Send>(
    len: usize,
    parts: Parts,
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

/// The node over `len` elements, from those of single blocks: `block(start, len, out)` gives that of the elements
/// from `start` on, and has their places in `out`, if `out` is not empty.
pub(crate) fn blocks<T: Send, N: Node + Send>(
    len: usize,
    out: &mut [T],
    block: impl Fn(usize, usize, &mut [T]) -> N + Sync,
) -> N {
    #[cfg(feature = "parallel")]
    if len > BLOCK {
        let part = |start, len, out: &mut [T], _: &mut [()]| {
            let mut tree = Tree::<N, RUN>::new(start / BLOCK);
            tree.extend(len, |from, size| {
                let places = out.get_mut(from..from + size).unwrap_or(&mut []);
                block(start + from, size, places)
            });
            tree
        };
        let merge = |mut left: Tree<N, RUN>, right: Tree<N, RUN>| {
            left.append(&right);
            left
        };
        return split(len, Parts::ELEMENTS, out, &mut [], part, merge).total();
    }
    whole(len, |start, len| {
        let places = out.get_mut(start..start + len).unwrap_or(&mut []);
        block(start, len, places)
    })
}
