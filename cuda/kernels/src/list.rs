//! The list of kernels: a line each, but for those of losses of elements, which core's list has. It makes their entry points on
//! the GPU, and the table by which an emulator finds them.
//!
//! # Safety of a launch
//!
//! Whoever launches a kernel promises that every slice and every place in its arguments is there until it has ended,
//! holds numbers of its type, is as long as it says, and that the places are neither read nor written by anything else
//! meanwhile: not by another kernel, nor through another of its own arguments. Lengths need not fit each other: what
//! is past an end is read as NaN and not written. This is what `unsafe` in this crate rests on.

use crate::checks::{self, CheckArgs};
use crate::elements::{self, ElementArgs};
use crate::machine::Machine;
use crate::rows::{self, RowArgs};
use crate::tree::{self, TermArgs, TreeArgs, WeightArgs};

macro_rules! kernels {
    ($($name:ident($args:ty) = $body:path;)*) => {
        /// A kernel, by its name in the PTX.
        #[allow(non_camel_case_types, missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kernel {
            $($name,)*
        }

        impl Kernel {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name of its entry point.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The size of its arguments.
            pub const fn size_of_args(self) -> usize {
                match self {
                    $(Self::$name => size_of::<$args>(),)*
                }
            }
        }

        /// Runs one thread of a kernel.
        ///
        /// # Safety
        ///
        /// That of a launch, see above; the kernel's arguments lie at `args`.
        pub unsafe fn run<M: Machine>(kernel: Kernel, machine: M, args: *const u8) {
            match kernel {
                // SAFETY: the caller's promise.
                $(Kernel::$name => $body(machine, unsafe { &*args.cast::<$args>() }),)*
            }
        }

        #[cfg(target_arch = "nvptx64")]
        mod entry {
            use super::*;
            use crate::ptx::Gpu;

            $(
                #[unsafe(no_mangle)]
                unsafe extern "ptx-kernel" fn $name(args: $args) {
                    $body(Gpu, &args);
                }
            )*
        }
    };
}

/// Calls a macro with the list.
#[macro_export]
macro_rules! each_kernel {
    ($then:ident) => {
        $crate::each_elementwise_loss!($crate::each_kernel_with_losses, '_, _, [$then]);
    };
}

/// The losses of elements are core's list; all other kernels are listed here.
#[doc(hidden)]
#[macro_export]
macro_rules! each_kernel_with_losses {
    ([$then:ident] $a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, {
        $Loss:ident, $snake:ident, kernels $f32:ident $f64:ident: $cost:ident;
        $($about:tt)*
    };)*) => {
        $then! {
            check_unit_interval_f32(CheckArgs<f32>) = checks::unit_interval;
            check_unit_interval_f64(CheckArgs<f64>) = checks::unit_interval;
            check_hard_labels_f32(CheckArgs<f32>) = checks::hard_labels;
            check_hard_labels_f64(CheckArgs<f64>) = checks::hard_labels;
            check_signs_f32(CheckArgs<f32>) = checks::signs;
            check_signs_f64(CheckArgs<f64>) = checks::signs;
            check_finite_f32(CheckArgs<f32>) = checks::finite;
            check_finite_f64(CheckArgs<f64>) = checks::finite;
            check_labels(CheckArgs<u8>) = checks::labels;

            $(
                $f32(ElementArgs<f32>) = elements::$cost::<$loss, _, _>;
                $f64(ElementArgs<f64>) = elements::$cost::<$loss, _, _>;
            )*
            sigmoid_f32(ElementArgs<f32>) = elements::sigmoid;
            sigmoid_f64(ElementArgs<f64>) = elements::sigmoid;
            log_sigmoid_f32(ElementArgs<f32>) = elements::log_sigmoid;
            log_sigmoid_f64(ElementArgs<f64>) = elements::log_sigmoid;
            softplus_f32(ElementArgs<f32>) = elements::softplus;
            softplus_f64(ElementArgs<f64>) = elements::softplus;
            binary_accuracy_f32(ElementArgs<f32>) = elements::binary_accuracy;
            binary_accuracy_f64(ElementArgs<f64>) = elements::binary_accuracy;

            nll_thread_f32(RowArgs<f32>) = rows::nll_thread;
            nll_warp_f32(RowArgs<f32>) = rows::nll_warp;
            nll_block_f32(RowArgs<f32>) = rows::nll_block;
            nll_thread_f64(RowArgs<f64>) = rows::nll_thread;
            nll_warp_f64(RowArgs<f64>) = rows::nll_warp;
            nll_block_f64(RowArgs<f64>) = rows::nll_block;
            cross_entropy_thread_f32(RowArgs<f32>) = rows::cross_entropy_thread;
            cross_entropy_warp_f32(RowArgs<f32>) = rows::cross_entropy_warp;
            cross_entropy_block_f32(RowArgs<f32>) = rows::cross_entropy_block;
            cross_entropy_thread_f64(RowArgs<f64>) = rows::cross_entropy_thread;
            cross_entropy_warp_f64(RowArgs<f64>) = rows::cross_entropy_warp;
            cross_entropy_block_f64(RowArgs<f64>) = rows::cross_entropy_block;
            cross_entropy_probabilities_thread_f32(RowArgs<f32>) = rows::probabilities_thread;
            cross_entropy_probabilities_warp_f32(RowArgs<f32>) = rows::probabilities_warp;
            cross_entropy_probabilities_block_f32(RowArgs<f32>) = rows::probabilities_block;
            cross_entropy_probabilities_thread_f64(RowArgs<f64>) = rows::probabilities_thread;
            cross_entropy_probabilities_warp_f64(RowArgs<f64>) = rows::probabilities_warp;
            cross_entropy_probabilities_block_f64(RowArgs<f64>) = rows::probabilities_block;
            softmax_thread_f32(RowArgs<f32>) = rows::softmax_thread;
            softmax_warp_f32(RowArgs<f32>) = rows::softmax_warp;
            softmax_block_f32(RowArgs<f32>) = rows::softmax_block;
            softmax_thread_f64(RowArgs<f64>) = rows::softmax_thread;
            softmax_warp_f64(RowArgs<f64>) = rows::softmax_warp;
            softmax_block_f64(RowArgs<f64>) = rows::softmax_block;
            log_softmax_thread_f32(RowArgs<f32>) = rows::log_softmax_thread;
            log_softmax_warp_f32(RowArgs<f32>) = rows::log_softmax_warp;
            log_softmax_block_f32(RowArgs<f32>) = rows::log_softmax_block;
            log_softmax_thread_f64(RowArgs<f64>) = rows::log_softmax_thread;
            log_softmax_warp_f64(RowArgs<f64>) = rows::log_softmax_warp;
            log_softmax_block_f64(RowArgs<f64>) = rows::log_softmax_block;
            accuracy_thread_f32(RowArgs<f32>) = rows::accuracy_thread;
            accuracy_warp_f32(RowArgs<f32>) = rows::accuracy_warp;
            accuracy_block_f32(RowArgs<f32>) = rows::accuracy_block;
            accuracy_thread_f64(RowArgs<f64>) = rows::accuracy_thread;
            accuracy_warp_f64(RowArgs<f64>) = rows::accuracy_warp;
            accuracy_block_f64(RowArgs<f64>) = rows::accuracy_block;

            terms_f32(TermArgs<f32>) = tree::terms;
            terms_f64(TermArgs<f64>) = tree::terms;
            weights_f32(WeightArgs<f32>) = tree::weights;
            weights_f64(WeightArgs<f64>) = tree::weights;
            tree_f32(TreeArgs<f32>) = tree::tree;
            tree_f64(TreeArgs<f64>) = tree::tree;
        }
    };
}

each_kernel!(kernels);
