//! The oracle, the table of claims and the generators that hold `trueloss` to what it promises.

pub mod coefficients;
pub mod interval;
pub mod oracle;
pub mod ulp;
