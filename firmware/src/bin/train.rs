//! Trains two classifiers where it runs, see [`trueloss_firmware::train`], and prints how that went, the bits of the
//! weights, and on a microcontroller how much stack it took. All but the stack is the same on every machine.
#![no_std]
#![no_main]

use trueloss::Error;
use trueloss_firmware::platform::print;
use trueloss_firmware::train::{Training, train_iris, train_vibration};
use trueloss_firmware::{println, stack};

trueloss_firmware::entry!(run);

fn run() -> i32 {
    show("iris: cross_entropy of 3 classes", train_iris)
        + show("vibration: bce_with_logits", train_vibration)
}

/// Returns 0, or 1 after an error.
fn show<const INPUTS: usize, const OUTPUTS: usize>(
    title: &str,
    train: fn() -> Result<Training<INPUTS, OUTPUTS>, Error>,
) -> i32 {
    println!("{title}");
    let mut trained = None;
    let depth = stack::depth(&mut || trained = Some(train()));
    let training = match trained {
        Some(Ok(training)) => training,
        Some(Err(error)) => {
            println!("error: {error}");
            return 1;
        }
        None => return 1,
    };
    println!("  step      loss     right");
    for line in &training.lines {
        let (loss, right) = (scaled(line.loss, 1e6), scaled(line.accuracy, 1e4));
        println!(
            "{:6}  {}.{:06}   {:3}.{:02}%",
            line.step,
            loss / 1_000_000,
            loss % 1_000_000,
            right / 100,
            right % 100,
        );
    }
    print(format_args!("weights"));
    for bits in training.model.bits() {
        print(format_args!(" {bits:08x}"));
    }
    println!("");
    if let Some(depth) = depth {
        println!("stack: {depth} bytes");
    }
    println!("");
    0
}

/// To be printed as an integer: printing a float needs kilobytes of tables and stack.
fn scaled(x: f32, by: f32) -> u32 {
    (x * by + 0.5) as u32
}
