//! WebAssembly: the program imports `print` and `exit` and exports `main`. `wasm.js` runs it under Node.

mod import {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn print(text: *const u8, len: usize);
        pub(super) safe fn exit(code: i32) -> !;
    }
}

pub(crate) fn write(bytes: &[u8]) {
    // SAFETY: the import reads `len` bytes from `text` on, and these are `bytes`.
    unsafe { import::print(bytes.as_ptr(), bytes.len()) }
}

pub(crate) fn exit(code: i32) -> ! {
    import::exit(code)
}

/// Makes `$main: fn() -> i32` the program's main function.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// What the engine calls.
        #[unsafe(no_mangle)]
        pub extern "C" fn main() {
            $crate::platform::exit($main())
        }
    };
}
