//! How fast paths run: their rounding test, and batches of what it leaves uncertain.

pub(crate) mod batch;
pub(crate) mod rounding_test;
