//! How calls run.

pub(crate) mod activation_call;
pub mod dispatch;
pub(crate) mod element_call;
pub(crate) mod element_loss;
pub(crate) mod element_map;
pub(crate) mod fixed_losses;
pub(crate) mod groups;
pub(crate) mod rounding_test;
pub(crate) mod row_groups;
pub(crate) mod row_loss;
pub(crate) mod row_map;
pub(crate) mod row_outputs;
pub(crate) mod threads;
pub(crate) mod transposed_rows;
