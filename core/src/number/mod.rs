//! How a number is computed: it knows no slices and no losses.

pub(crate) mod accumulator;
pub(crate) mod arithmetic;
pub(crate) mod double_double;
pub mod elementary;
pub(crate) mod error_free;
pub(crate) mod fast_elementary;
pub(crate) mod fixed;
pub(crate) mod format;
#[cfg(feature = "half")]
mod half;
pub(crate) mod pair;
pub(crate) mod pair_elementary;
pub(crate) mod real;
