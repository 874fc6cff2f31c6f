//! The sum over part of a batch.

use crate::error::Error;
use crate::number::accumulator::{Compensated, Node, Sum};
use crate::number::format::Format;
use crate::sum::reduction::{Reduction, divide};
use crate::sum::terms::BLOCK;
use crate::sum::tree::{RUN, Tree};

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
pub struct Partial<T: Format> {
    start: usize,
    end: usize,
    tree: Tree<Weighted<T::Sum>, RUN>,
}

impl<T: Format> Partial<T> {
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
        Ok(T::encode(divide(total.losses.real(), divisor)))
    }
}
