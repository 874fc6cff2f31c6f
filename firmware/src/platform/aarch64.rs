//! AArch64 without an operating system: a stack, the FPU, and off it goes.

pub(crate) use super::semihosting::{exit, write};

// CPACR_EL1.FPEN = 0b11: instructions of the FPU and of NEON don't trap. (Should the program have been started at a
// higher exception level, nothing traps them there after a reset.)
core::arch::global_asm!(
    ".section .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "ldr x0, =_stack_top",
    "mov sp, x0",
    "mov x0, #(3 << 20)",
    "msr cpacr_el1, x0",
    "isb",
    "ldr x0, =_bss_start",
    "ldr x1, =_bss_end",
    "1: cmp x0, x1",
    "b.hs 2f",
    "str xzr, [x0], #8",
    "b 1b",
    "2: bl trueloss_main",
    "3: b 3b",
);

/// Makes `$main: fn() -> i32` the program's main function.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// What the code above calls.
        #[unsafe(no_mangle)]
        extern "C" fn trueloss_main() -> ! {
            $crate::platform::exit($main())
        }
    };
}
