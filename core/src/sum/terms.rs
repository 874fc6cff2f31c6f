//! The terms of a sum.

use crate::number::accumulator::Sum;
use crate::number::real::Real;
use core::marker::PhantomData;

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
pub(crate) const TREE_LANES: usize = 256;

/// The terms of a sum.
pub(crate) trait Terms {
    /// `f64`, or what the sum's formulas are evaluated in.
    type Term: Real;

    /// Evaluates the terms from `start` on, one for each place of `out`: at most [`CHUNK`](crate::machine::CHUNK). Called once for each
    /// term, in any order.
    fn fill(&mut self, start: usize, out: &mut [Self::Term]);

    /// Adds the terms `first`, `first + TREE_LANES`, … below `len` to a lane.
    #[inline(always)]
    fn add_lane<S: Sum>(&mut self, mut sum: S, first: usize, len: usize) -> S {
        for start in (first..len).step_by(TREE_LANES) {
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
pub(crate) struct RealTerms<F, W> {
    fill: F,
    of: PhantomData<W>,
}

/// See [`RealTerms`].
#[inline(always)]
pub(crate) fn real_terms<W: Real, F: FnMut(usize, &mut [W])>(fill: F) -> RealTerms<F, W> {
    let of = PhantomData;
    RealTerms { fill, of }
}

impl<W: Real, F: FnMut(usize, &mut [W])> Terms for RealTerms<F, W> {
    type Term = W;

    #[inline(always)]
    fn fill(&mut self, start: usize, out: &mut [W]) {
        (self.fill)(start, out);
    }
}
