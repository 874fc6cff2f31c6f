//! Threads that work on one row, or on one block of the fixed tree, together.
//!
//! A CPU's thread works alone. On a GPU the threads of a warp or of a block form a [`ThreadGroup`]: each takes every
//! `THREADS`-th class or term, and what they find goes through the same tree of additions. So what is said of a row
//! is said once, for any team, and the bits are those of one thread.

/// A team, as one of its threads sees it.
///
/// All threads of a team call the methods that ask together, in the same order.
pub trait ThreadGroup: Copy {
    /// How many threads there are: 1, or a power of two from 32 to 256.
    const THREADS: usize;

    /// Which of them this one is.
    fn rank(self) -> usize;

    /// Gives the team `bits` and gets those that the thread of this rank gave.
    fn shuffle(self, bits: u64, rank: usize) -> u64;

    /// The same from the thread that is `by` further on, by a power of two: for a rank that is below `by` or a multiple of
    /// twice that. Others get what some thread gave.
    fn shuffle_down(self, bits: u64, by: usize) -> u64 {
        self.shuffle(bits, (self.rank() + by) % Self::THREADS)
    }

    /// Whether any thread has `found` something.
    fn any(self, found: bool) -> bool {
        let mut any = u64::from(found);
        let mut half = Self::THREADS / 2;
        while half > 0 {
            any |= self.shuffle_down(any, half);
            half /= 2;
        }
        self.shuffle(any, 0) != 0
    }

    /// The terms or classes below `len` that are this thread's.
    #[inline(always)]
    fn share(self, len: usize) -> impl Iterator<Item = usize> {
        (self.rank()..len).step_by(Self::THREADS)
    }
}

/// A thread with no others beside it.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl ThreadGroup for Alone {
    const THREADS: usize = 1;

    #[inline(always)]
    fn rank(self) -> usize {
        0
    }

    #[inline(always)]
    fn shuffle(self, bits: u64, _: usize) -> u64 {
        bits
    }
}
