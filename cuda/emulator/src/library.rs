//! Finding the shared library, and loading it.

use std::env;
use std::path::{Path, PathBuf};

/// The driver as a shared library, as cargo has built it beside the test that runs.
///
/// # Panics
///
/// Where there is none.
pub fn library() -> PathBuf {
    let name = libloading::library_filename("trueloss_emulator");
    let test = env::current_exe().expect("a test knows where it is");
    // Tests lie in `target/release/deps`, as the library does; examples, and programs, beside that folder or above it.
    test.ancestors()
        .skip(1)
        .take(3)
        .flat_map(|folder| [folder.join(&name), folder.join("deps").join(&name)])
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!(
                "no {} near {}: cargo builds it with whatever depends on trueloss-emulator",
                Path::new(&name).display(),
                test.display()
            )
        })
}

/// Loads the driver, so that a program that asks for NVIDIA's gets this one. To be called before it asks.
///
/// Which one it got can be seen by the device's name, [`NAME`](crate::driver::NAME).
///
/// # Panics
///
/// Where the library is not there or can't be loaded.
#[cfg(target_os = "linux")]
pub fn load() {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    let path = library();
    // SAFETY: the library has no initialisers but those of Rust's standard library.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) };
    match library {
        // It stays: whoever asks for a library of its name later gets this one.
        Ok(library) => std::mem::forget(library),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// Elsewhere a library that is loaded is not found by its name again.
#[cfg(not(target_os = "linux"))]
pub fn load() {
    panic!("the emulated driver is for Linux");
}
