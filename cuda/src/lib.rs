//! [`trueloss`] on an NVIDIA GPU: the same kernels, the same bits.
//!
//! The kernels are `trueloss`'s own formulas, loops over rows and tree of additions, compiled to PTX, which this crate
//! ships. It needs the driver and nothing else: no toolkit, no compiler. What it returns has the bits that the CPU
//! returns, whatever the device.
//!
//! Each type here has the name, the options and the methods on slices of that in `trueloss`; where that takes slices, this
//! takes a [`Gpu`] and slices of cudarc's on the device: [`CudaSlice`](cudarc::driver::CudaSlice), or a view of one. The
//! address and length that any other [`DevicePtr`](cudarc::driver::DevicePtr) gives are trusted, as cudarc's own copies
//! trust them.
//!
//! Memory is the caller's. A call allocates on its stream, for as long as it runs, what sums need: those of blocks 8 bytes
//! for each 4096 elements or rows, 16 for `f64`, and those of class weights 16 for every type; losses of rows, of which
//! sums are made, 8 bytes more for each row, for both types.
//!
//! Calls are asynchronous. What is wrong with the arguments' lengths is an error at once; illegal numbers among
//! them are found by the device, before it writes anything, and [`Loss::wait`] and [`Done::wait`] return the
//! error then. See [`Gpu::without_checks`].
//!
//! Source: <https://docs.nvidia.com/cuda/parallel-thread-execution>, <https://docs.rs/cudarc>
#![deny(unsafe_op_in_unsafe_fn)]

mod activation;
mod classes;
mod cross_entropy;
mod element;
mod elementwise;
mod error;
mod gpu;
mod launch;
mod losses;
mod metrics;
mod nll;
mod pending;
mod work;

pub use activation::{LogSigmoid, LogSoftmax, Sigmoid, Softmax, Softplus};
pub use classes::{ClassIndex, Classes};
pub use cross_entropy::CrossEntropy;
pub use element::Element;
pub use error::Error;
pub use gpu::{Gpu, devices};
pub use losses::*;
pub use metrics::{accuracy, binary_accuracy};
pub use nll::Nll;
pub use pending::{Done, Loss};
pub use trueloss::Reduction;

/// The driver's interface, whose slices and streams the calls take.
pub use cudarc;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
