//! A GPU for the tests of `trueloss-cuda`, made of the CPU.
//!
//! - [`executor`] runs a kernel of [`trueloss_kernels`]: every thread of every block, with the barriers between them.
//! - [`driver`] has the functions of NVIDIA's driver that cudarc calls, in a shared library which a test [`load`]s
//!   before cudarc looks for the driver. What cudarc then calls a device is memory of the host, and a launch
//!   is a call of the executor.
//!
//! With `TRUELOSS_EMULATOR_PTX=1` it runs the PTX that a program gives the driver, in place of the kernels as they are compiled
//! for this machine.
//!
//! What it can't show: what NVIDIA's compiler makes of the PTX, and copies or kernels that run at the same time, as here
//! each has ended when the call that starts it returns.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod driver;
pub mod executor;
mod library;
mod memory;
mod ptx;

pub use library::{library, load};
