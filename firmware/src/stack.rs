//! How much stack a call takes: it is painted before and looked at after.

/// Runs `work`. Returns how many bytes of stack it needed, beyond what is in use where it is called; `None` on machines
/// with an operating system, whose stack grows by itself, and others where this has not been written.
pub fn depth(work: &mut dyn FnMut()) -> Option<usize> {
    // Opaque, so that it is not inlined: its variables would lie in the caller's frame, above what is painted.
    let work = core::hint::black_box(work);
    let painted = machine::paint();
    work();
    painted.map(machine::Painted::depth)
}

#[cfg(any(platform = "cortex_m", platform = "riscv"))]
mod machine {
    use core::arch::asm;

    /// Not a number that a program is likely to leave behind.
    const PATTERN: u32 = 0xa5c3_96e7;
    /// The most that is painted.
    const MOST: usize = 48 * 1024;

    /// A stretch of the stack that was filled with the pattern.
    pub(super) struct Painted {
        bottom: *mut u32,
        top: *mut u32,
    }

    unsafe extern "C" {
        /// Where the stack ends, at the latest: the first address above the program's data.
        #[link_name = "__sheap"]
        static mut END_OF_DATA: u32;
    }

    #[inline(always)]
    fn stack_pointer() -> usize {
        let pointer;
        // SAFETY: it copies one register to another.
        unsafe {
            #[cfg(target_arch = "arm")]
            asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags));
            #[cfg(not(target_arch = "arm"))]
            asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags));
        }
        pointer
    }

    /// Paints what is below the stack pointer. Inlined, so that no frame but the caller's is above.
    #[inline(always)]
    pub(super) fn paint() -> Option<Painted> {
        // A machine without interrupts writes nothing below the stack pointer.
        let top = stack_pointer() & !3;
        let bottom = (&raw mut END_OF_DATA).addr().max(top.saturating_sub(MOST));
        let painted = Painted {
            bottom: bottom as *mut u32,
            top: top as *mut u32,
        };
        let mut word = painted.bottom;
        while word < painted.top {
            // SAFETY: between the end of the program's data and the stack pointer, where nothing is.
            unsafe { word.write_volatile(PATTERN) };
            word = word.wrapping_add(1);
        }
        Some(painted)
    }

    impl Painted {
        /// How far below the top the pattern is gone.
        pub(super) fn depth(self) -> usize {
            let mut word = self.bottom;
            // SAFETY: `paint` has written these words, and what has been written to them since is numbers too.
            while word < self.top && unsafe { word.read_volatile() } == PATTERN {
                word = word.wrapping_add(1);
            }
            assert!(word > self.bottom, "the stack may have overflowed");
            self.top.addr() - word.addr()
        }
    }
}

#[cfg(not(any(platform = "cortex_m", platform = "riscv")))]
mod machine {
    pub(super) enum Painted {}

    pub(super) fn paint() -> Option<Painted> {
        None
    }

    impl Painted {
        pub(super) fn depth(self) -> usize {
            match self {}
        }
    }
}
