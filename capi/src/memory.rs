//! The caller's memory, made into slices once it has been checked.

use crate::status::*;
use core::slice;

/// Why a call is refused.
pub(crate) type Failure = trueloss_error;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A range of addresses that belongs to an argument.
#[derive(Clone, Copy)]
struct Region {
    start: usize,
    end: usize,
    access: Access,
}

/// The most arguments that one call has: `shape`, `input`, `target`, `weight`, `pos_weight`, `grad_output`, `loss` and
/// `grad_input`.
const REGIONS: usize = 8;

/// The memory of one call's arguments. What it hands out does not overlap, but for inputs, which may.
pub(crate) struct Memory {
    regions: [Option<Region>; REGIONS],
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self {
            regions: [None; REGIONS],
        }
    }

    /// Checks what can be checked of a pointer to `len` > 0 elements, and takes note of where they are.
    fn enter<T>(
        &mut self,
        argument: trueloss_argument,
        pointer: *const T,
        len: usize,
        access: Access,
    ) -> Result<(), Failure> {
        let refused = |status| Err(Failure::new(status, argument));
        if pointer.is_null() {
            return refused(TRUELOSS_ERROR_NULL_POINTER);
        }
        if !pointer.is_aligned() {
            return refused(TRUELOSS_ERROR_MISALIGNED);
        }
        let start = pointer.addr();
        let end = len
            .checked_mul(size_of::<T>())
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .and_then(|bytes| start.checked_add(bytes));
        let Some(end) = end else {
            return refused(TRUELOSS_ERROR_TOO_LARGE);
        };
        let overlaps = self.regions.iter().flatten().any(|other| {
            (access == Access::Write || other.access == Access::Write)
                && start < other.end
                && other.start < end
        });
        if overlaps {
            return refused(TRUELOSS_ERROR_OVERLAP);
        }
        // A region without a slot would go unchecked: that call is refused.
        let Some(slot) = self.regions.iter_mut().find(|slot| slot.is_none()) else {
            return refused(TRUELOSS_ERROR_OTHER);
        };
        *slot = Some(Region { start, end, access });
        Ok(())
    }

    /// An input of `len` elements. The pointer is not looked at where there are none.
    ///
    /// # Safety
    ///
    /// A pointer that is not null leads to `len` initialised elements, which nobody writes to within `'a`, unless
    /// they belong to an output of the same `Memory`.
    pub(crate) unsafe fn input<'a, T>(
        &mut self,
        argument: trueloss_argument,
        pointer: *const T,
        len: usize,
    ) -> Result<&'a [T], Failure> {
        if len == 0 {
            return Ok(&[]);
        }
        self.enter(argument, pointer, len, Access::Read)?;
        // SAFETY: not null, aligned, at most isize::MAX bytes, and disjoint from every output by the check
        // above; the rest is the caller's promise.
        Ok(unsafe { slice::from_raw_parts(pointer, len) })
    }

    /// An input that may be absent: null, and then with a length of 0.
    ///
    /// # Safety
    ///
    /// As for [`input`](Self::input).
    pub(crate) unsafe fn optional<'a, T>(
        &mut self,
        argument: trueloss_argument,
        pointer: *const T,
        len: usize,
    ) -> Result<Option<&'a [T]>, Failure> {
        if pointer.is_null() && len == 0 {
            return Ok(None);
        }
        // SAFETY: the caller's promise.
        unsafe { self.input(argument, pointer, len) }.map(Some)
    }

    /// An output of `len` elements, numbers that are written and not read. A caller in another language need not initialise
    /// them, one in Rust must.
    ///
    /// # Safety
    ///
    /// A pointer that is not null leads to `len` elements, initialised where the caller is Rust, that nobody else reads or
    /// writes within `'a`, unless they belong to another argument of the same `Memory`.
    pub(crate) unsafe fn output<'a, T>(
        &mut self,
        argument: trueloss_argument,
        pointer: *mut T,
        len: usize,
    ) -> Result<&'a mut [T], Failure> {
        if len == 0 {
            return Ok(&mut []);
        }
        self.enter(argument, pointer, len, Access::Write)?;
        // SAFETY: not null, aligned, at most isize::MAX bytes, and disjoint from every other argument by the
        // check above; the rest is the caller's promise. That includes initialised elements where the caller is Rust. Memory
        // of another language holds some bits or other, whatever that language calls them, and any bits are a number.
        Ok(unsafe { slice::from_raw_parts_mut(pointer, len) })
    }

    /// An output of one number.
    ///
    /// # Safety
    ///
    /// As for [`output`](Self::output).
    pub(crate) unsafe fn output_one<'a, T>(
        &mut self,
        argument: trueloss_argument,
        pointer: *mut T,
    ) -> Result<&'a mut T, Failure> {
        self.enter(argument, pointer, 1, Access::Write)?;
        // SAFETY: as for a slice of one element.
        Ok(unsafe { &mut *pointer })
    }

    /// Checks a pointer to one object as [`output_one`](Self::output_one) and [`input`](Self::input) do, and leaves it
    /// to the caller to follow it.
    pub(crate) fn check_one<T>(
        &mut self,
        argument: trueloss_argument,
        pointer: *const T,
        access: Access,
    ) -> Result<(), Failure> {
        self.enter(argument, pointer, 1, access)
    }
}

/// What the call comes to as a status, with the detail of a failure written to where the caller wants it.
///
/// # Safety
///
/// `error` is null or may be written to.
pub(crate) unsafe fn report(
    result: Result<(), Failure>,
    error: *mut trueloss_error,
) -> trueloss_status {
    let Err(failure) = result else {
        return TRUELOSS_OK;
    };
    if !error.is_null() {
        // SAFETY: not null; the rest is the caller's promise. No slice is in use any more.
        unsafe { error.write_unaligned(failure) };
    }
    failure.status
}
