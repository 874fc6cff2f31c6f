//! The GPU as a [`Machine`].

use crate::machine::Machine;
use core::arch::{asm, global_asm, nvptx};

/// The thread that runs this.
#[derive(Clone, Copy)]
pub(crate) struct Gpu;

// A place for each thread of a block: see `exchange`.
global_asm!(".shared .align 8 .b64 trueloss_exchange[256];");

// As an intrinsic, not in assembly: the compiler knows that it must not make two of one, for a warp would wait at both.
#[allow(improper_ctypes)]
unsafe extern "unadjusted" {
    #[link_name = "llvm.nvvm.shfl.sync.idx.i32"]
    fn shuffle(mask: i32, value: i32, lane: i32, clamp: i32) -> i32;
}

impl Machine for Gpu {
    #[inline(always)]
    fn thread(self) -> usize {
        // SAFETY: reads a register. So do the two below.
        unsafe { nvptx::_thread_idx_x() as usize }
    }

    #[inline(always)]
    fn block(self) -> usize {
        // SAFETY: see above.
        unsafe { nvptx::_block_idx_x() as usize }
    }

    #[inline(always)]
    fn blocks(self) -> usize {
        // SAFETY: see above.
        unsafe { nvptx::_grid_dim_x() as usize }
    }

    #[inline(always)]
    fn shuffle(self, bits: u64, lane: usize) -> u64 {
        let [low, high] = [bits as u32, (bits >> 32) as u32].map(|half| {
            // SAFETY: all threads of the warp are here.
            unsafe { shuffle(-1, half as i32, lane as i32, 31) as u32 }
        });
        u64::from(high) << 32 | u64::from(low)
    }

    #[inline(always)]
    fn exchange(self, bits: u64, thread: usize) -> u64 {
        // SAFETY: there are as many threads in a block as places, and this is the only one that writes to its own.
        unsafe {
            asm!(
                "{{",
                ".reg .u64 place;",
                "mov.u64 place, trueloss_exchange;",
                "mad.lo.u64 place, {thread}, 8, place;",
                "st.shared.u64 [place], {bits};",
                "}}",
                thread = in(reg64) self.thread() as u64,
                bits = in(reg64) bits,
                options(nostack),
            );
        }
        // SAFETY: all threads of the block are here. So they are below.
        unsafe { nvptx::_syncthreads() };
        let got: u64;
        // SAFETY: `thread` is one of the block, and has written.
        unsafe {
            asm!(
                "{{",
                ".reg .u64 place;",
                "mov.u64 place, trueloss_exchange;",
                "mad.lo.u64 place, {thread}, 8, place;",
                "ld.shared.u64 {got}, [place];",
                "}}",
                thread = in(reg64) thread as u64,
                got = out(reg64) got,
                options(nostack),
            );
        }
        // The next exchange must not write over what has not been read.
        // SAFETY: see above.
        unsafe { nvptx::_syncthreads() };
        got
    }

    #[inline(always)]
    unsafe fn maximum(self, address: u64, value: u64) {
        // SAFETY: the caller's promise.
        unsafe {
            asm!(
                "red.global.max.u64 [{address}], {value};",
                address = in(reg64) address,
                value = in(reg64) value,
                options(nostack),
            );
        }
    }
}

/// No kernel has a panic in it, as a test of the PTX shows: this is for the linker.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
