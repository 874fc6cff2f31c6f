//! Picks the platform that the target is, and the linker script of the machine that is emulated.

use std::env::var;
use std::path::PathBuf;
use std::{fs, io};

const PLATFORMS: [&str; 6] = ["host", "cortex_m", "riscv", "aarch64", "wasm", "bochs"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=link");
    let names = PLATFORMS.map(|name| format!("\"{name}\"")).join(", ");
    println!("cargo:rustc-check-cfg=cfg(platform, values({names}))");

    let of = |name: &str| var(format!("CARGO_CFG_{name}")).unwrap_or_default();
    let target = var("TARGET").unwrap_or_default();
    let bare = of("TARGET_OS") == "none";
    let platform = match of("TARGET_ARCH").as_str() {
        "arm" if bare => "cortex_m",
        "riscv32" | "riscv64" if bare => "riscv",
        "aarch64" if bare => "aarch64",
        "wasm32" => "wasm",
        // The host's own target without its operating system: see run.sh.
        "x86_64" if var("CARGO_CFG_BOCHS").is_ok() => "bochs",
        _ if bare => return Err(io::Error::other(format!("no platform for {target}"))),
        _ => "host",
    };
    println!("cargo:rustc-cfg=platform=\"{platform}\"");

    // What cortex-m-rt and riscv-rt include in their own linker scripts is called memory.x.
    let memory = match (platform, target.starts_with("thumbv6m")) {
        ("cortex_m", true) => "microbit.x",
        ("cortex_m", false) => "mps2.x",
        ("riscv", _) => "virt.x",
        _ => "",
    };
    let link = PathBuf::from(var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("link");
    let out = PathBuf::from(var("OUT_DIR").unwrap_or_default());
    if !memory.is_empty() {
        fs::copy(link.join(memory), out.join("memory.x"))?;
        println!("cargo:rustc-link-search={}", out.display());
        if platform == "riscv" {
            println!("cargo:rustc-link-arg-bins=-Tmemory.x");
        }
        println!("cargo:rustc-link-arg-bins=-Tlink.x");
    }
    if platform == "aarch64" || platform == "bochs" {
        let script = link.join(format!("{platform}.x"));
        println!("cargo:rustc-link-arg-bins=-T{}", script.display());
    }
    Ok(())
}
