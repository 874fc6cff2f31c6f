//! What must hold of a device: of a real one, and of an emulated one, which is the kernels' own code and the host's on the
//! CPU.
//!
//! Where there is no real one, it says how many checks it skips; with `TRUELOSS_REQUIRE_GPU=1` that is a failure.
//! With `TRUELOSS_REQUIRE_GPU=only` it runs on the real one alone and needs no other file of the build: `cuda/device.sh` takes
//! it to other machines. `TRUELOSS_DEVICE_SCALE` divides the sizes there, and `TRUELOSS_DEVICE_SET=small` selects the small
//! set of digests.
//!
//! `cargo test --release -p trueloss-cuda --test device -- NAME` runs the checks with NAME in their name, `--skip NAME` the
//! others.

mod suite;

use std::process::{Command, ExitCode};
use suite::{Chosen, Effort};
use trueloss_cuda::{Classes, Error, Gpu, Mse, Nll, devices};
use trueloss_digest::Set;

/// Names the driver that this process is to emulate.
const DRIVER: &str = "TRUELOSS_TEST_DRIVER";

/// An emulated driver: its name, the variables that make it, and what must come of it.
type Driver = (
    &'static str,
    &'static [(&'static str, &'static str)],
    fn() -> bool,
);

/// Each is that of a process of its own.
const DRIVERS: [Driver; 9] = [
    ("an emulated device", &[], emulated),
    (
        "an emulated device whose threads take turns in any order",
        &[("TRUELOSS_EMULATOR_ORDER", "271828")],
        emulated_in_part,
    ),
    (
        "an emulated device whose kernels begin as late as they may",
        &[("TRUELOSS_EMULATOR_LATE", "1")],
        emulated_in_part,
    ),
    (
        "an emulated device that runs the PTX",
        &[("TRUELOSS_EMULATOR_PTX", "1")],
        emulated_in_part,
    ),
    (
        "no device",
        &[("TRUELOSS_EMULATOR_DEVICES", "0")],
        no_device,
    ),
    (
        "two devices",
        &[("TRUELOSS_EMULATOR_DEVICES", "2")],
        two_devices,
    ),
    (
        "an old driver",
        &[("TRUELOSS_EMULATOR_DRIVER_VERSION", "11040")],
        old_driver,
    ),
    (
        "an old device",
        &[("TRUELOSS_EMULATOR_CAPABILITY", "6.1")],
        old_device,
    ),
    (
        "little memory",
        &[("TRUELOSS_EMULATOR_MEMORY", "1000000")],
        little_memory,
    ),
];

fn main() -> ExitCode {
    let passed = match std::env::var(DRIVER) {
        Ok(name) => {
            trueloss_emulator::load();
            let driver = DRIVERS.iter().find(|(of, ..)| *of == name);
            let (_, _, check) = driver.expect("the name is one of them");
            check()
        }
        Err(_) => real() & (required("only") || every_emulated()),
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn chosen() -> Chosen {
    Chosen::new(std::env::args().skip(1))
}

/// Whether a real device is asked for in this way.
fn required(how: &str) -> bool {
    std::env::var_os("TRUELOSS_REQUIRE_GPU").is_some_and(|set| set == how)
}

fn real() -> bool {
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        Err(error) => {
            println!(
                "{0} of {0} checks need a GPU and were skipped: {error}",
                suite::COUNT
            );
            return !required("1") && !required("only");
        }
    };
    let name = gpu.stream().context().name();
    println!(
        "on {}:",
        name.as_deref().unwrap_or("a device without a name")
    );
    let scale = suite::device::scale();
    let small = std::env::var_os("TRUELOSS_DEVICE_SET").is_some_and(|set| set == "small");
    let effort = Effort {
        digests: if small { Set::Small } else { Set::Full },
        elements: (20_000 / scale as u64).max(1),
        classes: (1_000_000 / scale).max(5000),
        batch: (40_000_000 / scale).max(300_000),
        print: true,
    };
    suite::run(&gpu, effort, &chosen())
}

fn every_emulated() -> bool {
    let program = std::env::current_exe().expect("this program has a path");
    let mut passed = true;
    for (name, variables, _) in DRIVERS {
        println!("{name}:");
        let mut command = Command::new(&program);
        command
            .args(std::env::args().skip(1))
            .env(DRIVER, name)
            .envs(variables.iter().copied());
        let this = command.status().is_ok_and(|status| status.success());
        println!("{name} ... {}", if this { "ok" } else { "FAILED" });
        passed &= this;
    }
    passed
}

/// No result depends on which thread comes first, nor on who compiled the kernels.
/// With `TRUELOSS_FULL=1` on everything, which takes the PTX some minutes.
fn emulated_in_part() -> bool {
    if std::env::var_os("TRUELOSS_FULL").is_some_and(|set| set == "1") {
        return emulated();
    }
    let gpu = Gpu::new(0).expect("there is an emulated device");
    let effort = Effort {
        digests: Set::Small,
        elements: 200,
        classes: 5000,
        batch: 300_000,
        print: false,
    };
    suite::run(&gpu, effort, &chosen())
}

fn emulated() -> bool {
    let gpu = Gpu::new(0).expect("there is an emulated device");
    let effort = Effort {
        digests: Set::Full,
        elements: 1000,
        classes: 100_000,
        batch: 3 << 20,
        print: false,
    };
    suite::run(&gpu, effort, &chosen())
}

fn no_device() -> bool {
    assert_eq!(devices(), Ok(0));
    let error = Gpu::new(0).map(|_| ()).expect_err("there is none");
    assert_eq!(error, Error::NoDevice { ordinal: 0 });
    true
}

fn two_devices() -> bool {
    assert_eq!(devices(), Ok(2));
    let (first, second) = (Gpu::new(0).expect("one"), Gpu::new(1).expect("two"));
    let error = Gpu::new(2).map(|_| ()).expect_err("no more");
    assert_eq!(error, Error::NoDevice { ordinal: 2 });
    let here = first.stream().clone_htod(&[1.0_f32]).expect("room");
    let there = second.stream().clone_htod(&[1.0_f32]).expect("room");
    let loss = Mse::new().forward(&first, &here, &there).map(|_| ());
    assert_eq!(loss, Err(Error::OtherDevice));
    let other = first.with_stream(second.stream().clone()).map(|_| ());
    assert_eq!(other, Err(Error::OtherDevice));
    true
}

fn old_driver() -> bool {
    let (found, needed) = ((11, 4), (12, 0));
    let expected = Error::DriverTooOld { found, needed };
    assert_eq!(devices(), Err(expected));
    assert_eq!(Gpu::new(0).map(|_| ()), Err(expected));
    true
}

fn old_device() -> bool {
    let (found, needed) = ((6, 1), (7, 0));
    let expected = Error::DeviceTooOld { found, needed };
    assert_eq!(Gpu::new(0).map(|_| ()), Err(expected));
    true
}

fn little_memory() -> bool {
    let gpu = Gpu::new(0).expect("one");
    let stream = gpu.stream();
    // Two inputs that leave little, and rows that take 8 bytes each.
    let input = stream.alloc_zeros::<f32>(100_000).expect("400,000 bytes");
    let labels = stream.alloc_zeros::<u8>(100_000).expect("100,000 bytes");
    let classes = Classes::new(&input, [100_000, 1]).expect("fits");
    let error = Nll::new().forward(&gpu, classes, &labels).map(|_| ());
    let error = error.expect_err("800,000 bytes more");
    assert!(error.is_out_of_memory(), "{error}");
    assert!(error.to_string().contains("OUT_OF_MEMORY"), "{error}");
    // What takes less still works.
    let loss = Mse::new().forward(&gpu, &input, &input).expect("room");
    assert_eq!(loss.wait(), Ok(0.0));
    true
}
