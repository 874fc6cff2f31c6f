//! Logits of shape (C), (N, C) or (N, C, d1..dK), seen as rows of C classes with a stride.

pub(crate) mod exponentials;
pub(crate) mod labels;
pub(crate) mod max;
pub(crate) mod row;
pub(crate) mod shape;

pub use labels::ClassIndex;
pub use shape::Classes;
