//! How numbers are computed: vectors of floats, the arithmetics made of them, and what a formula is.

pub(crate) mod formula;
pub(crate) mod lanes;
pub(crate) mod plain;
pub(crate) mod single_pair;
