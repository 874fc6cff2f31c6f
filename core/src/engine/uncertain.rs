//! Lists of elements that the first arithmetic has left uncertain.

use crate::number::lanes::GROUP;

/// How many elements share a list.
pub(crate) const BATCH: usize = 32 * GROUP;

/// How many elements are gathered at a time: two or four vectors of `f64`.
pub(crate) const GATHERED: usize = 16;

/// Which elements of a batch are uncertain: a bit for each.
pub(crate) struct Uncertain {
    start: usize,
    bits: [u32; BATCH / GROUP],
    groups: usize,
    /// The group that is gathered next.
    group: usize,
    /// Which values are missing in a sum. Those of other bits have been added.
    missing: [u32; BATCH / GROUP],
    any: u32,
}

impl Uncertain {
    /// Of the batch that begins at `start`.
    #[inline(always)]
    pub(crate) fn new(start: usize) -> Self {
        Self {
            start,
            bits: [0; BATCH / GROUP],
            groups: 0,
            group: 0,
            missing: [0; BATCH / GROUP],
            any: 0,
        }
    }

    /// Adds the next group: its uncertain elements and, if `sums`, the values that its sum lacks.
    #[inline(always)]
    pub(crate) fn push(&mut self, uncertain: u32, missing: u32, sums: bool) {
        if let Some(bits) = self.bits.get_mut(self.groups) {
            *bits = uncertain | missing;
            if sums {
                self.missing[self.groups] = missing;
            }
        }
        self.groups += 1;
        self.any |= uncertain | missing;
    }

    #[inline(always)]
    pub(crate) fn any(&self) -> bool {
        self.any != 0
    }

    /// Moves the indices of up to [`GATHERED`] uncertain elements into `list`, and returns how many.
    #[inline(always)]
    pub(crate) fn take(&mut self, list: &mut [usize; GATHERED]) -> usize {
        let mut count = 0;
        for group in self.group..self.groups.min(self.bits.len()) {
            self.group = group;
            let bits = &mut self.bits[group];
            while *bits != 0 {
                if count == GATHERED {
                    return count;
                }
                let lane = bits.trailing_zeros() as usize;
                list[count] = self.start + group * GROUP + lane;
                *bits &= *bits - 1;
                count += 1;
            }
        }
        self.group = self.groups;
        count
    }

    /// Whether an element's value is missing in a sum.
    #[inline(always)]
    pub(crate) fn is_missing(&self, index: usize) -> bool {
        let place = index - self.start;
        let bits = self.missing.get(place / GROUP).copied().unwrap_or(0);
        bits >> (place % GROUP) & 1 != 0
    }
}
