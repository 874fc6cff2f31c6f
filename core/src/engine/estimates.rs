//! Sums of losses from fast paths, a block at a time.

use super::rounding_test::SumEstimate;
use super::threads::{self, Granularity};
use crate::sum::terms::BLOCK;

/// The sum of estimates of single blocks, with `block` as for [`parallel::blocks`](crate::engine::threads::blocks).
pub(crate) fn estimates<T: Send>(
    len: usize,
    out: &mut [T],
    block: impl Fn(usize, usize, &mut [T]) -> SumEstimate + Sync,
) -> SumEstimate {
    if len <= BLOCK {
        return block(0, len, out);
    }
    let part = |start, len, out: &mut [T], _: &mut [()]| {
        let mut total = SumEstimate::default();
        for from in (0..len).step_by(BLOCK) {
            let size = BLOCK.min(len - from);
            let places = out.get_mut(from..from + size).unwrap_or(&mut []);
            total = total.merge(block(start + from, size, places));
        }
        total
    };
    threads::in_parts(
        len,
        Granularity::ELEMENTS,
        out,
        &mut [],
        part,
        SumEstimate::merge,
    )
}
