//! What runs a kernel, and its threads as teams.

use trueloss::device::ThreadGroup;

/// How many threads a block has.
pub const THREADS: usize = 256;

/// How many threads a warp has.
pub const WARP: usize = 32;

/// What runs a kernel, as one of its threads sees it.
pub trait Machine: Copy {
    /// This thread's number in its block, below [`THREADS`].
    fn thread(self) -> usize;

    /// The number of its block.
    fn block(self) -> usize;

    /// How many blocks there are.
    fn blocks(self) -> usize;

    /// Gives the warp `bits`, and gets those that the thread in this place of it gave. All threads of a warp call it
    /// together.
    fn shuffle(self, bits: u64, lane: usize) -> u64;

    /// The same among all threads of a block.
    fn exchange(self, bits: u64, thread: usize) -> u64;

    /// Makes the number at an address the larger one of itself and `value`, whatever other threads do to it.
    ///
    /// # Safety
    ///
    /// A `u64` that nothing but calls of this reads or writes meanwhile lies there.
    unsafe fn maximum(self, address: u64, value: u64);
}

/// The threads of a warp as a group.
#[derive(Clone, Copy)]
pub struct Warp<M>(pub M);

impl<M: Machine> ThreadGroup for Warp<M> {
    const THREADS: usize = WARP;

    #[inline(always)]
    fn rank(self) -> usize {
        self.0.thread() % WARP
    }

    #[inline(always)]
    fn shuffle(self, bits: u64, rank: usize) -> u64 {
        self.0.shuffle(bits, rank % WARP)
    }
}

/// The threads of a block as a group.
#[derive(Clone, Copy)]
pub struct Block<M>(pub M);

impl<M: Machine> ThreadGroup for Block<M> {
    const THREADS: usize = THREADS;

    #[inline(always)]
    fn rank(self) -> usize {
        self.0.thread()
    }

    #[inline(always)]
    fn shuffle(self, bits: u64, rank: usize) -> u64 {
        self.0.exchange(bits, rank % THREADS)
    }

    // A thread whose rank is below `by`, or a multiple of twice that, asks within its warp.
    #[inline(always)]
    fn shuffle_down(self, bits: u64, by: usize) -> u64 {
        if by < WARP {
            self.0.shuffle(bits, (self.rank() + by) % WARP)
        } else {
            self.0.exchange(bits, (self.rank() + by) % THREADS)
        }
    }
}
