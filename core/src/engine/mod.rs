//! How calls run.

pub(crate) mod activation_call;
// Some machines have no lanes, and use little of it.
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod batch;
pub mod dispatch;
pub(crate) mod element_call;
pub(crate) mod element_loss;
pub(crate) mod element_map;
pub(crate) mod estimates;
pub(crate) mod fixed_losses;
#[cfg(test)]
pub(crate) mod formula_tests;
pub(crate) mod groups;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod lane_element;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod lane_inputs;
#[cfg_attr(
    not(all(feature = "std", feature = "half", target_arch = "x86_64")),
    allow(dead_code)
)]
pub(crate) mod log_sum;
pub(crate) mod rounding_test;
pub(crate) mod row_groups;
pub(crate) mod row_loss;
pub(crate) mod row_map;
pub(crate) mod row_outputs;
pub(crate) mod threads;
pub(crate) mod transposed_rows;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod try_lanes;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
pub(crate) mod uncertain;
