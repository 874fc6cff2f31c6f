//! Partial sums in memory of the caller's.

use crate::call::reduction;
use crate::memory::{Access, Failure, Memory, report};
use crate::status::*;
use core::ptr;
use trueloss::{Element, Partial};

/// What C sees of a [`Partial`]: an object large enough for one.
pub(crate) trait Storage {
    type Element: Element;
}

/// What lies in it.
#[repr(C)]
struct Stored<T: Element> {
    tag: u64,
    partial: Partial<T>,
}

/// The sign that a storage holds a partial, and not zeros or whatever was there.
const TAG: u64 = u64::from_be_bytes(*b"trueloss");

/// Where the partial in a storage is.
fn stored<P: Storage>(storage: *const P) -> *const Stored<P::Element> {
    const {
        assert!(size_of::<Stored<P::Element>>() <= size_of::<P>());
        assert!(align_of::<Stored<P::Element>>() <= align_of::<P>());
    }
    storage.cast()
}

/// # Safety
///
/// `storage` is valid for writes and aligned.
pub(crate) unsafe fn store<P: Storage>(partial: Partial<P::Element>, storage: *mut P) {
    let stored = stored(storage).cast_mut();
    // SAFETY: the storage is large enough, as checked above; the rest is the caller's promise.
    unsafe { stored.write(Stored { tag: TAG, partial }) };
}

/// Checks that there is a partial in a storage.
///
/// # Safety
///
/// A pointer that is not null leads to a storage that has been written to, be it with zeros.
unsafe fn check<P: Storage>(
    memory: &mut Memory,
    storage: *const P,
    access: Access,
) -> Result<(), Failure> {
    memory.check_one(TRUELOSS_ARGUMENT_PARTIAL, storage, access)?;
    // SAFETY: the first thing in a storage is the tag; the rest is the caller's promise.
    let tag = unsafe { storage.cast::<u64>().read() };
    if tag == TAG {
        Ok(())
    } else {
        Err(Failure::new(
            TRUELOSS_ERROR_NOT_A_PARTIAL,
            TRUELOSS_ARGUMENT_PARTIAL,
        ))
    }
}

/// Appends `next` to `whole`.
///
/// # Safety
///
/// That of the crate; and both have been written to, be it with zeros.
pub(crate) unsafe fn merge<P: Storage>(whole: *mut P, next: *const P) -> trueloss_status {
    let body = || {
        let memory = &mut Memory::new();
        // SAFETY: the caller's promise.
        unsafe { check(memory, whole, Access::Write) }?;
        // SAFETY: the caller's promise.
        unsafe { check(memory, next, Access::Read) }?;
        // SAFETY: the tag says that `store` has filled it in, and nothing else is where it is.
        let whole = unsafe { &mut *stored(whole).cast_mut() };
        // SAFETY: as above.
        let next = unsafe { &*stored(next) };
        Ok(whole.partial.merge(&next.partial)?)
    };
    // SAFETY: no detail is wanted.
    unsafe { report(body(), ptr::null_mut()) }
}

/// The loss that `partial` comes to, written to `loss`.
///
/// # Safety
///
/// As for [`merge`].
pub(crate) unsafe fn finish<P: Storage>(
    partial: *const P,
    mean_or_sum: u32,
    loss: *mut P::Element,
) -> trueloss_status {
    let body = || {
        let memory = &mut Memory::new();
        let reduction = reduction(mean_or_sum)?;
        // SAFETY: the caller's promise.
        unsafe { check(memory, partial, Access::Read) }?;
        // SAFETY: the tag says that `store` has filled it in, and nobody writes to it.
        let partial = unsafe { &(*stored(partial)).partial };
        // SAFETY: the caller's promise.
        let loss = unsafe { memory.output_one(TRUELOSS_ARGUMENT_LOSSES, loss) }?;
        *loss = partial.finish(reduction)?;
        Ok(())
    };
    // SAFETY: no detail is wanted.
    unsafe { report(body(), ptr::null_mut()) }
}
