//! Calls of the allocator, counted, to see that the kernels make none.
//!
//! A program or test that wants to know makes [`Counting`] its `#[global_allocator]`. In others nothing is counted.
//!
//! ```
//! use trueloss_digest::allocations::{Counting, are_counted, within};
//!
//! #[global_allocator]
//! static ALLOCATOR: Counting = Counting;
//!
//! assert!(are_counted());
//! let (calls, loss) = within(|| trueloss::Mse::new().forward(&[1.0_f32], &[3.0]));
//! assert_eq!((calls, loss), (0, Ok(4.0)));
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts the calls of each thread.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: trueloss_digest::allocations::Counting = trueloss_digest::allocations::Counting;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Counting;

std::thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has nothing to count with.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed on as it is to the system's allocator, which keeps the contract. Counting neither
// allocates nor panics: the counter is a constant without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc_zeroed`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller keeps `dealloc`'s contract, and every pointer came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How often `work` calls the allocator, if that is counted, on this thread; and what it comes to.
///
/// ```
/// // Not counted here.
/// assert_eq!(trueloss_digest::allocations::within(|| vec![1]), (0, vec![1]));
/// ```
pub fn within<R>(work: impl FnOnce() -> R) -> (u64, R) {
    let before = CALLS.get();
    let result = work();
    (CALLS.get() - before, result)
}

/// Whether they are counted.
///
/// ```
/// assert!(!trueloss_digest::allocations::are_counted());
/// ```
pub fn are_counted() -> bool {
    within(|| drop(std::hint::black_box(std::vec![1_u8; 10]))).0 == 2
}
