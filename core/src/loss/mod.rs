//! The losses: one loss, one file.

pub mod bce;
pub mod bce_with_logits;
pub mod cross_entropy;
pub mod focal_with_logits;
pub mod huber;
pub mod mse;
pub mod nll;
