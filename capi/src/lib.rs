//! The C interface of [`trueloss`]: `include/trueloss.h`, and the static and shared library behind it.
//!
//! Every function is one call of [`trueloss`] between the checks that C leaves to the callee: `memory` makes
//! slices of pointers, `call` puts arguments together, [`status`] turns errors into numbers. The functions
//! themselves are in [`functions_f32`], [`functions_f64`] and [`library`], and those of losses of elements, which are made
//! from core's list, in [`losses_f32`] and [`losses_f64`]; their documentation is that of the header.
//!
//! # Safety
//!
//! What the functions ask of their callers is the same for all of them. Each pointer is null, or leads to as many
//! elements as the arguments beside it say: initialised ones for an input, writable ones for an output. Outputs need not be
//! initialised by a caller in another language; a caller in Rust passes initialised memory, as for a `&mut [f32]`.
//! No other thread writes to any of them, or reads the outputs, during the call. What can be checked is checked:
//! null, alignment, sizes, and that no output overlaps another argument.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(clippy::multiple_unsafe_ops_per_block)]
// Names are those that C sees.
#![allow(non_camel_case_types)]
// Stated once, above.
#![allow(clippy::missing_safety_doc)]

// A library that C can link needs someone to handle panics, although none of its functions panics. Where there is an
// operating system that is the standard library, which nothing else here needs.
#[cfg(not(target_os = "none"))]
extern crate std;

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

mod call;
pub mod functions_f32;
pub mod functions_f64;
pub mod library;
// Written by tests/header.rs.
#[rustfmt::skip]
pub mod losses;
#[rustfmt::skip]
pub mod losses_f32;
#[rustfmt::skip]
pub mod losses_f64;
mod memory;
mod partial;
pub mod status;
