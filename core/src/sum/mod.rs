//! Reductions, and the fixed tree in which losses are added.
//!
//! # The tree
//!
//! The order of a sum is part of its result, so it is fixed, whatever does the work:
//!
//! - A block is [`BLOCK`] = 4096 consecutive terms: elements, rows of classes, or the exponentials of one
//!   row, where the first largest class has +0 in its place. Lane `l` of 256 adds the block's terms `l`,
//!   `l + 256`, `l + 512`, … in turn, beginning with +0. Then the lanes fold in halves:
//!   `lane[i] += lane[i + h]` for h = 128, 64, …, 1.
//! - Block sums combine as a binary counter does. Blocks `[j 2^k, (j + 1) 2^k)` form a node of level k,
//!   the sum of the two nodes of level k - 1 below it. At the end what is left, nodes of falling level
//!   from the first block to the last, merges from the lowest level up.
//! - A short block is one padded with +0. That changes no bits, as no lane ever holds -0, so lanes that
//!   hold nothing are skipped.
//!
//! A machine with vectors adds to all lanes side by side. One without finishes lane after lane, in the order in which
//! the folds pair them, and keeps 8 sums instead of 256. The threads of a GPU share the lanes among them.
//!
//! One term passes through at most 16 + 8 additions in its block and one a level above it, so a sum of n
//! terms in `f64` has a relative error below (24 + log2(n / 4096)) 2^-53 of the sum of the terms'
//! magnitudes: below 2^-46 for any n that fits a 64-bit `usize`.
//!
//! Sums for `f64` elements are kept as pairs: each addition's rounding error is found (Knuth's TwoSum)
//! and added up beside the sum, in the same tree.

pub(crate) mod partial;
pub(crate) mod reduction;
pub(crate) mod terms;
pub(crate) mod thread_group;
pub(crate) mod tree;

pub use partial::Partial;
pub use reduction::Reduction;
pub use terms::BLOCK;
