//! The oracle, the table of claims and the generators that hold `trueloss` to what it promises.

pub mod case;
pub mod certificate;
pub mod check;
pub mod claims;
pub mod coefficients;
mod conventions;
pub mod curves;
pub mod equivalences;
pub mod eval;
pub mod expansion;
pub mod filter;
pub mod fuzz;
pub mod generate;
pub mod interval;
pub mod kernels;
pub mod losses;
pub mod naive;
pub mod oracle;
pub mod pairs;
pub mod probe;
pub mod proofs;
pub mod report;
pub mod search;
pub mod soft;
pub mod sweep;
pub mod ulp;

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
