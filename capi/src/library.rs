//! What belongs to no element type: reductions, the library itself.

use core::ffi::c_char;
use trueloss::dispatch::{self, Width};

/// The sum over the count, or over the sum of the weights: each loss says which. The mean of nothing is NaN.
pub const TRUELOSS_REDUCTION_MEAN: u32 = 0;
/// The sum. That of nothing is 0.
pub const TRUELOSS_REDUCTION_SUM: u32 = 1;

/// How many elements or rows a block has: a partial result begins at a multiple of it.
pub const TRUELOSS_BLOCK: usize = 4096;
const _: () = assert!(TRUELOSS_BLOCK == trueloss::BLOCK);

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
