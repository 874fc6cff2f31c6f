//! A PC without an operating system and without a BIOS, in the emulator Bochs, which has AVX-512 where the machine has
//! none.
//!
//! The program is the ROM that the processor starts in. It copies itself to RAM, enters long mode, allows vectors of
//! 512 bits, prints through Bochs' port 0xe9 and ends it through port 0x8900.

use core::arch::{asm, global_asm};

// From the reset vector, 16 bytes below 4 GiB, by way of protected mode. The first GiB is mapped to itself in pages of
// 2 MiB: page tables at 0x1000, 0x2000 and 0x3000.
global_asm!(
    ".section .boot, \"ax\"",
    ".code16",
    "boot16:",
    "cli",
    "lgdtl %cs:(boot_gdt_pointer - 0xffff0000)",
    "movl $1, %eax",
    "movl %eax, %cr0",
    "ljmpl $8, $boot32",
    ".code32",
    "boot32:",
    "movw $16, %ax",
    "movw %ax, %ds",
    "movw %ax, %es",
    "movw %ax, %ss",
    "cld",
    // The program, with its data, and zeros for the rest.
    "movl $_rom_start, %esi",
    "movl $_ram_start, %edi",
    "movl $_rom_words, %ecx",
    "rep movsl",
    "movl $_bss_start, %edi",
    "movl $_bss_words, %ecx",
    "xorl %eax, %eax",
    "rep stosl",
    "movl $0x1000, %edi",
    "movl $0xc00, %ecx",
    "rep stosl",
    "movl $0x2003, 0x1000",
    "movl $0x3003, 0x2000",
    "movl $0x3000, %edi",
    "movl $0x83, %eax",
    "1: movl %eax, (%edi)",
    "addl $0x200000, %eax",
    "addl $8, %edi",
    "cmpl $0x4000, %edi",
    "jb 1b",
    "ljmpl $8, $enter",
    ".balign 8",
    "boot_gdt:",
    ".quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff",
    "boot_gdt_pointer:",
    ".word 23",
    ".long boot_gdt",
    ".section .reset, \"ax\"",
    ".code16",
    ".global _reset",
    "_reset: .byte 0xe9",
    // Relative to the next instruction, modulo 2^16.
    ".word boot16 - 0xffff0000 - 0xfff3 + 0x10000",
    ".fill 13, 1, 0x90",
    // In RAM, which is mapped when paging is on; the ROM is not.
    ".section .text.enter, \"ax\"",
    ".code32",
    "enter:",
    "lgdtl long_gdt_pointer",
    "movl $0x1000, %eax",
    "movl %eax, %cr3",
    // CR4: PAE, OSFXSR, OSXMMEXCPT, OSXSAVE. EFER: LME. CR0: PE, MP, PG.
    "movl $0x40620, %eax",
    "movl %eax, %cr4",
    "movl $0xc0000080, %ecx",
    "rdmsr",
    "orl $0x100, %eax",
    "wrmsr",
    "movl $0x80000003, %eax",
    "movl %eax, %cr0",
    "ljmpl $24, $boot64",
    ".balign 8",
    "long_gdt:",
    ".quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff",
    "long_gdt_pointer:",
    ".word 31",
    ".long long_gdt",
    ".code64",
    "boot64:",
    "movw $16, %ax",
    "movw %ax, %ds",
    "movw %ax, %es",
    "movw %ax, %ss",
    "movq $_stack_top, %rsp",
    // XCR0: x87, SSE, AVX and the three parts of AVX-512.
    "xorl %ecx, %ecx",
    "xorl %edx, %edx",
    "movl $0xe7, %eax",
    "xsetbv",
    "call trueloss_main",
    "2: hlt",
    "jmp 2b",
    options(att_syntax)
);

fn out(port: u16, byte: u8) {
    // SAFETY: there is nothing but Bochs behind the two ports that are written.
    unsafe { asm!("out dx, al", in("dx") port, in("al") byte, options(nomem, nostack)) }
}

pub(crate) fn write(bytes: &[u8]) {
    for &byte in bytes {
        out(0xe9, byte);
    }
}

/// There is no exit status: the last line that is printed says what it would be.
pub(crate) fn exit(_: i32) -> ! {
    for &byte in b"Shutdown" {
        out(0x8900, byte);
    }
    loop {
        core::hint::spin_loop();
    }
}

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

/// The host's core library names it, though nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// What the compiler takes for granted, and the C library has on the host that this is built for.
mod memory {
    use core::arch::asm;

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        // SAFETY: the caller's: `len` bytes can be read from `from` on and written from `to` on.
        unsafe {
            asm!("rep movsb", inout("rcx") len => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags));
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        if (to as usize).wrapping_sub(from as usize) >= len {
            // SAFETY: the caller's; and no byte is written before it is read.
            return unsafe { memcpy(to, from, len) };
        }
        // SAFETY: the caller's; from the last byte to the first, as the destination lies behind the source.
        unsafe {
            asm!("std", "rep movsb", "cld", inout("rcx") len => _,
                inout("rdi") to.wrapping_add(len).wrapping_sub(1) => _,
                inout("rsi") from.wrapping_add(len).wrapping_sub(1) => _, options(nostack));
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
        // SAFETY: the caller's: `len` bytes can be written from `to` on.
        unsafe {
            asm!("rep stosb", inout("rcx") len => _, inout("rdi") to => _, in("al") byte as u8,
                options(nostack, preserves_flags));
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        for i in 0..len {
            // SAFETY: the caller's: `len` bytes can be read from both.
            let (a, b) = unsafe { (a.add(i).read_volatile(), b.add(i).read_volatile()) };
            if a != b {
                return i32::from(a) - i32::from(b);
            }
        }
        0
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        // SAFETY: the caller's.
        unsafe { memcmp(a, b, len) }
    }
}
