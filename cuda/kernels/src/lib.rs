//! The kernels of `trueloss-cuda`: what one thread of a GPU does.
//!
//! The formulas, the loops over a row and the fixed tree are those of [`trueloss`], compiled for the GPU: here is only
//! which thread works on what. A block of [`THREADS`] threads takes a block of the fixed tree, 4096 elements; or
//! a row of many classes; or 8 rows, one for each warp; or 256 rows, one for each thread. What a block leaves
//! is put together by the kernels `tree`, in as many rounds as it takes.
//!
//! Every kernel is a function of a [`Machine`], which says which thread this is and lets threads speak to each other. On
//! `nvptx64-nvidia-cuda` that is the GPU; elsewhere it is an emulator, so that kernels can be tested without one.
#![cfg_attr(target_arch = "nvptx64", no_std)]
#![cfg_attr(target_arch = "nvptx64", allow(internal_features))]
#![cfg_attr(
    target_arch = "nvptx64",
    feature(
        abi_ptx,
        abi_unadjusted,
        asm_experimental_arch,
        link_llvm_intrinsics,
        stdarch_nvptx
    )
)]

mod checks;
mod elements;
mod list;
mod machine;
mod memory;
#[cfg(target_arch = "nvptx64")]
mod ptx;
mod rows;
mod tree;

pub use checks::{CheckArgs, LABEL, NO_FAULT, REPORT, fault, read_report};
pub use elements::ElementArgs;
pub use list::{Kernel, run};
pub use machine::{Block, Machine, THREADS, WARP, Warp};
pub use memory::{Labels, Places, Slice, SumOf};
pub use rows::{RowArgs, Spread};
pub use tree::{Divisor, TREE_WIDTH, TermArgs, TreeArgs, WeightArgs};
/// Core's list of the losses of elements.
#[doc(hidden)]
pub use trueloss::each_elementwise_loss;
