//! The least program: one number, printed on any platform.
#![no_std]
#![no_main]
use trueloss_firmware::println;
trueloss_firmware::entry!(run);

fn run() -> i32 {
    println!("sigmoid(1) = {}", trueloss::sigmoid(1.0_f32));
    0
}
