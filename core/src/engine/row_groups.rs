//! The loop of the fast paths over rows: in groups, side by side where they have few classes, else one after the other.

use crate::engine::transposed_rows::{MAX_TRANSPOSED_CLASSES, MIN_TRANSPOSED_ROWS, TransposedRows};
use crate::machine::LANES;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::rows::exponentials::{ExpCache, ROW_CHUNK};

/// What is done with a group of at most [`LANES`] rows, which begins at row `first` of a run.
///
/// A trait and not two closures, so that both are inlined into the loop.
pub(crate) trait RowGroups<A: Arithmetic, T: Format> {
    /// Rows of few classes, side by side.
    fn side_by_side(&mut self, rows: &mut TransposedRows<T>, first: usize, len: usize);

    /// Rows one after the other, `N` exponentials at a time.
    fn in_turn<const N: usize>(&mut self, cache: &mut Option<ExpCache>, first: usize, len: usize);
}

/// Does it with all groups of `len` rows of so many classes. `keeps_exponentials` says whether outputs are made of the
/// exponentials that the sum was made of.
#[inline(always)]
pub(crate) fn each_group<A: Arithmetic, T: Format>(
    classes: usize,
    len: usize,
    keeps_exponentials: bool,
    mut groups: impl RowGroups<A, T>,
) {
    let is_narrow = classes <= MAX_TRANSPOSED_CLASSES;
    let mut rows = (is_narrow && len >= MIN_TRANSPOSED_ROWS).then(|| TransposedRows::new(classes));
    let mut cache = (!is_narrow && keeps_exponentials).then(ExpCache::new);
    for first in (0..len).step_by(LANES) {
        let group = LANES.min(len - first);
        match &mut rows {
            Some(rows) if group >= MIN_TRANSPOSED_ROWS => groups.side_by_side(rows, first, group),
            _ if is_narrow => groups.in_turn::<LANES>(&mut cache, first, group),
            _ => groups.in_turn::<ROW_CHUNK>(&mut cache, first, group),
        }
    }
}
