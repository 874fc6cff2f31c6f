#![no_main]

use libfuzzer_sys::fuzz_target;
use trueloss_verify::fuzz::Target;

fuzz_target!(|bytes: &[u8]| Target::ElementwiseLosses.run(bytes));
