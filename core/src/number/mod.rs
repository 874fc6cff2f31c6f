//! How a number is computed: it knows no slices and no losses.

pub(crate) mod accumulator;
pub(crate) mod arithmetic;
pub(crate) mod double_double;
pub mod elementary;
pub(crate) mod error_free;
pub(crate) mod fast_elementary;
pub(crate) mod fixed;
pub(crate) mod format;
// Some machines have no lanes, and use little of it.
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod formula;
#[cfg(feature = "half")]
mod half;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod lanes;
pub(crate) mod pair;
pub(crate) mod pair_elementary;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod plain;
pub(crate) mod real;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod single_pair;
