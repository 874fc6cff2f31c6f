//! A GPU for the tests of `trueloss-cuda`, made of the CPU.
//!
//! - [`executor`] runs a kernel of [`trueloss_kernels`]: every thread of every block, with the barriers between them.
//! - [`driver`] has the functions of NVIDIA's driver that cudarc calls, in a shared library which a test [`load`]s
//!   before cudarc looks for the driver. What cudarc then calls a device is memory of the host, and a launch
//!   is a call of the executor.
//!
//! What it can't show: anything of the PTX but the names in it, and copies or kernels that run at the same time, as here
//! each has ended when the call that starts it returns.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod driver;
pub mod executor;
mod library;
mod memory;

pub use library::{library, load};
