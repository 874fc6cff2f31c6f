//! Slices in groups of [`LANES`].

use crate::machine::LANES;
use crate::number::format::Format;

/// A slice in groups of [`LANES`], the last one filled up. References to whole groups, so that every loop has one
/// body, which the compiler sees to be of that length.
#[derive(Clone, Copy)]
pub(crate) struct Groups<'a, T> {
    data: &'a [T],
    last: [T; LANES],
}

impl<'a, T: Format> Groups<'a, T> {
    #[inline(always)]
    pub(crate) fn new(data: &'a [T], padding: T) -> Self {
        let mut last = [padding; LANES];
        let (_, rest) = data.as_chunks::<LANES>();
        for (lane, &x) in last.iter_mut().zip(rest) {
            *lane = x;
        }
        Self { data, last }
    }

    /// The group that begins at `start`.
    #[inline(always)]
    pub(crate) fn at(&self, start: usize) -> &[T; LANES] {
        self.data
            .get(start..)
            .and_then(|data| data.first_chunk())
            .unwrap_or(&self.last)
    }
}

/// A slice to be written in groups of [`LANES`].
pub(crate) struct GroupsMut<'a, T> {
    data: &'a mut [T],
    last: [T; LANES],
}

impl<'a, T: Format> GroupsMut<'a, T> {
    #[inline(always)]
    pub(crate) fn new(data: &'a mut [T]) -> Self {
        Self {
            data,
            last: [T::zero(); LANES],
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// The group that begins at `start`.
    #[inline(always)]
    pub(crate) fn at(&mut self, start: usize) -> &mut [T; LANES] {
        self.data
            .get_mut(start..)
            .and_then(|data| data.first_chunk_mut())
            .unwrap_or(&mut self.last)
    }

    /// Writes what there is of the last group.
    #[inline(always)]
    pub(crate) fn finish(&mut self) {
        let (_, rest) = self.data.as_chunks_mut::<LANES>();
        for (x, &lane) in rest.iter_mut().zip(&self.last) {
            *x = lane;
        }
    }
}
