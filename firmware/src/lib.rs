//! What the programs in `src/bin` share. They run on microcontrollers, other processors and in WebAssembly engines as
//! they run on a PC; `run.sh` builds and runs them on each.
#![no_std]

#[cfg(platform = "host")]
extern crate std;

pub mod platform;
pub mod stack;
pub mod train;
