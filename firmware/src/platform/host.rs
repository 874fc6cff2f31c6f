//! An operating system with `std`.

use std::io::Write;

pub(crate) fn write(bytes: &[u8]) {
    let _ = std::io::stdout().write_all(bytes);
}

pub(crate) fn exit(code: i32) -> ! {
    std::process::exit(code)
}

/// Makes `$main: fn() -> i32` the program's main function.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// What the C library's start calls.
        #[unsafe(no_mangle)]
        pub extern "C" fn main() -> i32 {
            $crate::platform::exit($main())
        }
    };
}
