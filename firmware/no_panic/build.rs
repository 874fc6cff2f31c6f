//! The program has no start-up code and no standard library on any machine.
fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        println!("cargo::rustc-link-arg-bins=-nostartfiles");
        // For memcpy and its like, which core libraries of other targets bring with them.
        println!("cargo::rustc-link-arg-bins=-lc");
    }
}
