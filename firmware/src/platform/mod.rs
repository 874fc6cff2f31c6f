//! Where a program runs: how it starts, prints and ends.
//!
//! A program is `#![no_std]`, `#![no_main]`, and names its main function:
//!
//! ```ignore
//! trueloss_firmware::entry!(run);
//!
//! fn run() -> i32 {
//!     println!("hello");
//!     0
//! }
//! ```
//!
//! Each platform is one file with `write(&[u8])`, `exit(i32) -> !` and the macro `entry!`. `build.rs` says which.

use core::fmt;

#[cfg_attr(platform = "host", path = "host.rs")]
#[cfg_attr(platform = "cortex_m", path = "cortex_m.rs")]
#[cfg_attr(platform = "riscv", path = "riscv.rs")]
#[cfg_attr(platform = "aarch64", path = "aarch64.rs")]
#[cfg_attr(platform = "wasm", path = "wasm.rs")]
#[cfg_attr(platform = "bochs", path = "bochs.rs")]
mod machine;

#[cfg(any(platform = "cortex_m", platform = "riscv", platform = "aarch64"))]
mod semihosting;

/// Ends the program with an exit status.
pub fn exit(code: i32) -> ! {
    machine::exit(code)
}

/// What is printed: the host's standard output, or that of the emulator.
pub struct Output;

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        machine::write(text.as_bytes());
        Ok(())
    }
}

/// Prints formatted text.
pub fn print(text: fmt::Arguments<'_>) {
    // Output never fails: there is nobody to tell.
    let _ = fmt::Write::write_fmt(&mut Output, text);
}

/// Prints formatted text and a new line.
#[macro_export]
macro_rules! println {
    ($($text:tt)*) => {
        $crate::platform::print(format_args!("{}\n", format_args!($($text)*)))
    };
}

#[cfg(not(platform = "host"))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    print(format_args!("{info}\n"));
    exit(101)
}
