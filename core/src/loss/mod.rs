//! The losses: one loss, one file.

pub mod bce;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
mod bce_lanes;
pub mod bce_with_logits;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
mod bce_with_logits_lanes;
pub mod cross_entropy;
pub mod focal_with_logits;
#[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
mod focal_with_logits_lanes;
pub mod huber;
pub mod mse;
pub mod nll;
pub mod soft_margin;
#[cfg(test)]
mod tests;
