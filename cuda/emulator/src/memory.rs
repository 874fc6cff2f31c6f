//! The memory of an emulated device, on the host.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;
use std::ops::Bound;

/// What new memory is full of: what rests on zeros shows.
pub(crate) const POISON: u8 = 0xa5;

/// What lies behind each allocation,
const GUARD: u8 = 0x5c;

/// and how much of it.
const GUARD_BYTES: usize = 256;

/// To how many bytes addresses are aligned, as NVIDIA's are.
const ALIGNMENT: usize = 256;

/// An allocation.
struct Allocation {
    /// Whose memory it is: a device's, or the host's.
    owner: Owner,
    bytes: usize,
}

/// Whose memory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Device(i32),
    /// That of the host, pinned.
    Host,
}

/// All allocations, by their addresses.
#[derive(Default)]
pub(crate) struct Memory {
    live: BTreeMap<u64, Allocation>,
}

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(GUARD_BYTES)?, ALIGNMENT).ok()
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self {
            live: BTreeMap::new(),
        }
    }

    /// How many bytes of this owner are allocated.
    pub(crate) fn used(&self, owner: Owner) -> usize {
        let of_owner = self.live.values().filter(|of| of.owner == owner);
        of_owner.map(|of| of.bytes).sum()
    }

    /// Poisoned memory, if the host has as much.
    pub(crate) fn allocate(&mut self, owner: Owner, bytes: usize) -> Option<u64> {
        let layout = layout(bytes)?;
        // SAFETY: the layout has a size, at least that of the guard.
        let start = unsafe { alloc(layout) };
        if start.is_null() {
            return None;
        }
        // SAFETY: within the allocation.
        unsafe {
            start.write_bytes(POISON, bytes);
            start.add(bytes).write_bytes(GUARD, GUARD_BYTES);
        }
        let address = start as u64;
        self.live.insert(address, Allocation { owner, bytes });
        Some(address)
    }

    /// Frees what begins at this address, on the host or on any device; false where nothing does.
    ///
    /// # Panics
    ///
    /// Where something was written behind it.
    pub(crate) fn free(&mut self, on_host: bool, address: u64) -> bool {
        let is_there = |of: &&Allocation| (of.owner == Owner::Host) == on_host;
        let found = self.live.get(&address).filter(is_there);
        let Some(layout) = found.and_then(|of| layout(of.bytes)) else {
            return false;
        };
        let fault = found.and_then(|of| damage(address, of));
        self.live.remove(&address);
        // SAFETY: allocated with this layout, and not freed before.
        unsafe { dealloc(address as *mut u8, layout) };
        if let Some(fault) = fault {
            panic!("{fault}, as was seen when it was freed");
        }
        true
    }

    /// Frees all memory of an owner.
    pub(crate) fn free_all(&mut self, owner: Owner) {
        let of_owner = self.live.iter().filter(|(_, of)| of.owner == owner);
        let addresses: Vec<u64> = of_owner.map(|(&address, _)| address).collect();
        for address in addresses {
            self.free(owner == Owner::Host, address);
        }
    }

    /// Whether these bytes lie in one allocation of a device.
    pub(crate) fn has(&self, address: u64, bytes: usize) -> bool {
        let upto = (Bound::Unbounded, Bound::Included(address));
        let Some((&start, allocation)) = self.live.range(upto).next_back() else {
            return false;
        };
        // What is left of it from the address on; an address past its end is behind it.
        let rest = (allocation.bytes as u64).checked_sub(address - start);
        allocation.owner != Owner::Host && rest.is_some_and(|rest| bytes as u64 <= rest)
    }

    /// # Panics
    ///
    /// Where something was written behind an allocation.
    pub(crate) fn check(&self, by: &str) {
        for (&address, allocation) in &self.live {
            if let Some(fault) = damage(address, allocation) {
                panic!("{fault}, by {by}");
            }
        }
    }
}

/// What is wrong with the guard of an allocation.
fn damage(address: u64, allocation: &Allocation) -> Option<String> {
    let guard = (address as *const u8).wrapping_add(allocation.bytes);
    // SAFETY: the guard is part of the allocation, which is live.
    let guard = unsafe { std::slice::from_raw_parts(guard, GUARD_BYTES) };
    let at = guard.iter().position(|&byte| byte != GUARD)?;
    Some(format!(
        "{at} bytes behind the end of an allocation of {} bytes, memory was written to",
        allocation.bytes
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const OWNER: Owner = Owner::Device(0);

    #[test]
    fn live_and_freed() {
        let mut memory = Memory::new();
        let address = memory.allocate(OWNER, 100).expect("memory");
        assert!(address.is_multiple_of(256));
        assert_eq!(
            (memory.used(OWNER), memory.used(Owner::Device(1))),
            (100, 0)
        );
        for (offset, bytes, inside) in [
            (0, 100, true),
            (0, 101, false),
            (99, 1, true),
            (99, 2, false),
            (100, 0, true),
            (101, 0, false),
            (1, usize::MAX, false),
        ] {
            assert_eq!(
                memory.has(address + offset, bytes),
                inside,
                "{offset} {bytes}"
            );
        }
        assert!(!memory.has(address - 1, 1));
        assert!(!memory.free(false, address + 1));
        assert!(memory.free(false, address));
        assert!(!memory.free(false, address));
        assert!(!memory.has(address, 1));
        assert_eq!(memory.allocate(OWNER, usize::MAX), None);
    }

    #[test]
    fn memory_of_the_host_is_none_of_the_device() {
        let mut memory = Memory::new();
        let address = memory.allocate(Owner::Host, 8).expect("memory");
        assert!(!memory.has(address, 8));
        assert!(!memory.free(false, address));
        assert!(memory.free(true, address));
    }

    #[test]
    fn poison_and_guard() {
        let mut memory = Memory::new();
        let address = memory.allocate(OWNER, 3).expect("memory");
        let bytes = address as *mut u8;
        for offset in 0..3 {
            // SAFETY: within the allocation.
            unsafe { assert_eq!(bytes.add(offset).read(), POISON) };
        }
        memory.check("nobody");
        // SAFETY: within the allocation's guard.
        unsafe { bytes.add(3 + 17).write(0) };
        let run = |work: &mut dyn FnMut()| {
            let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("a panic");
            crate::executor::message(panic.as_ref()).to_owned()
        };
        let fault = "17 bytes behind the end of an allocation of 3 bytes, memory was written to";
        assert_eq!(
            run(&mut || memory.check("somebody")),
            format!("{fault}, by somebody")
        );
        assert_eq!(
            run(&mut || assert!(memory.free(false, address))),
            format!("{fault}, as was seen when it was freed")
        );
        assert_eq!(memory.used(OWNER), 0);
    }
}
