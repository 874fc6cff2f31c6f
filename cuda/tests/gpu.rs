//! What must hold of a real device. Where there is none, it says what it skips; with `TRUELOSS_REQUIRE_GPU=1` that is a
//! failure.
//!
//! `cargo test --release -p trueloss-cuda --test gpu -- NAME` runs those with NAME in their name.

mod suite;

use std::process::ExitCode;
use suite::Effort;
use trueloss_cuda::Gpu;
use trueloss_digest::Set;

fn main() -> ExitCode {
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        Err(error) => {
            println!(
                "{0} of {0} checks need a GPU and were skipped: {error}",
                suite::COUNT
            );
            let required = std::env::var_os("TRUELOSS_REQUIRE_GPU").is_some_and(|set| set == "1");
            return ExitCode::from(u8::from(required));
        }
    };
    let name = gpu.stream().context().name();
    println!(
        "on {}",
        name.as_deref().unwrap_or("a device without a name")
    );
    let effort = Effort {
        digests: Set::Full,
        elements: 100_000,
        classes: 1_000_000,
        batch: 40_000_000,
    };
    suite::run(&gpu, effort, std::env::args().nth(1).as_deref())
}
