//! What belongs to no element type: reductions, the options of mse, the library itself.

use crate::call::{Options, reduction};
use crate::memory::{Failure, Memory};
use crate::status::trueloss_error;
use core::ffi::c_char;
use trueloss::Mse;
use trueloss::dispatch::{self, Width};

/// The sum over the count, or over the sum of the weights: each loss says which. The mean of nothing is NaN.
pub const TRUELOSS_REDUCTION_MEAN: u32 = 0;
/// The sum. That of nothing is 0.
pub const TRUELOSS_REDUCTION_SUM: u32 = 1;

/// How many elements or rows a block has: a partial result begins at a multiple of it.
pub const TRUELOSS_BLOCK: usize = 4096;
const _: () = assert!(TRUELOSS_BLOCK == trueloss::BLOCK);

/// Options of mse. All zeros, or a NULL in their place, are the default: the mean.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_mse_options {
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

impl Default for trueloss_mse_options {
    fn default() -> Self {
        Self {
            reduction: TRUELOSS_REDUCTION_MEAN,
            error: core::ptr::null_mut(),
        }
    }
}

impl Options<'_> for trueloss_mse_options {
    type Loss = Mse;

    fn error(&self) -> *mut trueloss_error {
        self.error
    }

    unsafe fn loss(&self, _: &mut Memory) -> Result<Mse, Failure> {
        Ok(Mse::new().reduction(reduction(self.reduction)?))
    }
}

/// The version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn trueloss_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

fn number(width: Width) -> u32 {
    match width {
        Width::Avx512 => 2,
        Width::Avx2 => 1,
        _ => 0,
    }
}

/// The SIMD width in force: 0 for what the library was compiled for, 1 for AVX2, 2 for AVX-512. The bits of
/// every result are the same at all of them.
#[unsafe(no_mangle)]
pub extern "C" fn trueloss_simd_width() -> u32 {
    number(dispatch::width())
}

/// Allows SIMD widths up to this one, in the whole process, and returns the one that is then in force. For
/// measuring, and for tests.
#[unsafe(no_mangle)]
pub extern "C" fn trueloss_limit_simd_width(widest: u32) -> u32 {
    number(dispatch::limit(match widest {
        0 => Width::Baseline,
        1 => Width::Avx2,
        _ => Width::Avx512,
    }))
}
