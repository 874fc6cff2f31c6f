//! A GPU for the tests of `trueloss-cuda`, made of the CPU.
//!
//! - [`executor`] runs a kernel of [`trueloss_kernels`]: every thread of every block, with the barriers between them.
//!
//! What it can't show: anything of the PTX, and blocks that run at the same time.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod executor;
