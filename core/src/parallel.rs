//! Work spread over threads, with the feature `parallel`; one after the other without it.
//!
//! No bit depends on how work is spread: what is written at one place depends on the inputs there alone, sums
//! are those of the fixed tree, and a rounding test's estimates decide nothing but how a result is found.

use crate::reduce::{BLOCK, Node, Tree};

/// How many elements are worth a thread's while: some tens of microseconds.
#[cfg(feature = "parallel")]
const GRAIN: usize = 16 * BLOCK;

/// Does `work(start, len, out)` for `len` terms, in parts that begin at multiples of `unit`. A term has `width`
/// elements, and as many places in `out`, if `out` is not empty; each part gets its own. `merge` puts together what two
/// neighbouring parts give.
pub(crate) fn split<T: Send, R: Send>(
    len: usize,
    width: usize,
    unit: usize,
    out: &mut [T],
    work: impl Fn(usize, usize, &mut [T]) -> R + Sync,
    merge: impl Fn(R, R) -> R + Sync,
) -> R {
    #[cfg(feature = "parallel")]
    {
        let grain = (GRAIN / width.max(1)).max(1).next_multiple_of(unit);
        if len > grain && rayon::current_num_threads() > 1 {
            return halve(0, len, width, grain, out, &work, &merge);
        }
    }
    let _ = (width, unit, merge);
    work(0, len, out)
}

#[cfg(feature = "parallel")]
fn halve<T: Send, R: Send>(
    start: usize,
    len: usize,
    width: usize,
    grain: usize,
    out: &mut [T],
    work: &(impl Fn(usize, usize, &mut [T]) -> R + Sync),
    merge: &(impl Fn(R, R) -> R + Sync),
) -> R {
    if len <= grain {
        return work(start, len, out);
    }
    let middle = len.div_ceil(grain) / 2 * grain;
    let (left, right) = out.split_at_mut((middle * width).min(out.len()));
    let (left, right) = rayon::join(
        || halve(start, middle, width, grain, left, work, merge),
        || {
            let (start, len) = (start + middle, len - middle);
            halve(start, len, width, grain, right, work, merge)
        },
    );
    merge(left, right)
}

/// The node over `len` terms, from those of single blocks: `block(start, len, out)` gives that of the terms from
/// `start` on, and has their places in `out`, one a term, if `out` is not empty.
pub(crate) fn blocks<T: Send, N: Node + Send>(
    len: usize,
    out: &mut [T],
    block: impl Fn(usize, usize, &mut [T]) -> N + Sync,
) -> N {
    if len <= BLOCK {
        return block(0, len, out);
    }
    let part = |start, len, out: &mut [T]| {
        Tree::new(start / BLOCK, len, |from, size| {
            let places = out.get_mut(from..from + size).unwrap_or(&mut []);
            block(start + from, size, places)
        })
    };
    let merge = |mut left: Tree<N>, right: Tree<N>| {
        left.append(&right);
        left
    };
    split(len, 1, BLOCK, out, part, merge).total()
}
