//! What must hold of a device, of an emulated one: the kernels' own code and the host's, on the CPU, and what the driver may
//! answer besides.
//!
//! `cargo test --release -p trueloss-cuda --test emulated -- NAME` runs those with NAME in their name.

mod suite;

use std::process::{Command, ExitCode};
use suite::Effort;
use trueloss_cuda::{Error, Gpu, Mse, devices};
use trueloss_digest::Set;

/// What an emulated driver may be told to say, and what comes of it. Each in a process of its own, as the driver is
/// that of the whole process.
const DRIVERS: [(&str, &[(&str, &str)], fn()); 5] = [
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

/// Marks a process that is to look at one driver.
const DRIVER: &str = "TRUELOSS_TEST_DRIVER";

fn main() -> ExitCode {
    trueloss_emulator::load();
    if let Ok(name) = std::env::var(DRIVER) {
        let driver = DRIVERS.iter().find(|(of, ..)| *of == name);
        let (_, _, check) = driver.expect("the name is one of them");
        check();
        return ExitCode::SUCCESS;
    }
    let only = std::env::args().nth(1);
    let gpu = Gpu::new(0).expect("there is an emulated device");
    let effort = Effort {
        digests: Set::Full,
        elements: 1000,
        classes: 100_000,
        batch: 3 << 20,
    };
    let suite = suite::run(&gpu, effort, only.as_deref());
    let program = std::env::current_exe().expect("this program has a path");
    let mut failed = 0;
    for (name, variables, _) in DRIVERS {
        if only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            continue;
        }
        let mut command = Command::new(&program);
        command.env(DRIVER, name).envs(variables.iter().copied());
        let passed = command.status().is_ok_and(|status| status.success());
        failed += usize::from(!passed);
        println!("{name} ... {}", if passed { "ok" } else { "FAILED" });
    }
    println!("{failed} of {} drivers failed", DRIVERS.len());
    if failed == 0 {
        suite
    } else {
        ExitCode::FAILURE
    }
}

fn no_device() {
    assert_eq!(devices(), Ok(0));
    let error = Gpu::new(0).map(|_| ()).expect_err("there is none");
    assert_eq!(error, Error::NoDevice { ordinal: 0 });
}

fn two_devices() {
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
}

fn old_driver() {
    let (found, needed) = ((11, 4), (12, 0));
    let expected = Error::DriverTooOld { found, needed };
    assert_eq!(devices(), Err(expected));
    assert_eq!(Gpu::new(0).map(|_| ()), Err(expected));
}

fn old_device() {
    let (found, needed) = ((6, 1), (7, 0));
    let expected = Error::DeviceTooOld { found, needed };
    assert_eq!(Gpu::new(0).map(|_| ()), Err(expected));
}

fn little_memory() {
    let gpu = Gpu::new(0).expect("one");
    let stream = gpu.stream();
    // Two inputs that leave little, and rows that take 8 bytes each.
    let input = stream.alloc_zeros::<f32>(100_000).expect("400,000 bytes");
    let labels = stream.alloc_zeros::<u8>(100_000).expect("100,000 bytes");
    let classes = trueloss_cuda::Classes::new(&input, [100_000, 1]).expect("fits");
    let nll = trueloss_cuda::Nll::new();
    let error = nll.forward(&gpu, classes, &labels).map(|_| ());
    let error = error.expect_err("800,000 bytes more");
    assert!(error.is_out_of_memory(), "{error}");
    assert!(error.to_string().contains("OUT_OF_MEMORY"), "{error}");
    // What takes less still works.
    let loss = Mse::new().forward(&gpu, &input, &input).expect("room");
    assert_eq!(loss.wait(), Ok(0.0));
}
