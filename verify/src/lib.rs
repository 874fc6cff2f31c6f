//! The oracle that holds [`trueloss`] to what it promises: every loss and gradient as an enclosure of arbitrary precision.
//!
//! - [`oracle`] says what a call is worth, exactly; [`interval`] is its arithmetic.
//! - [`ulp`] says how far an answer is from that, as an upper bound.
//! - [`case`] reads and writes calls and answers as files.
//!
//! ```
//! use trueloss_verify::oracle::{self, Call, Function};
//! use trueloss_verify::ulp;
//!
//! // What softmax, log and nll_loss make of these logits in f32 is an infinity.
//! let call = Call::new(Function::CrossEntropy, &[1, 2], &[0.0, 200.0]).classes(&[0]);
//! let judged = ulp::judge(&[f32::INFINITY, 200.0], |prec| {
//!     [oracle::forward(&call, prec), oracle::forward(&call, prec)].concat()
//! });
//! assert_eq!(judged[0].ulp, f64::INFINITY);
//! assert_eq!(judged[1].correctly_rounded, Some(true));
//! ```
//!
//! The other modules are the command `trueloss`, and are public for the repository's tests, fuzz targets and benchmarks. They
//! are hidden here, and change without notice.

#[doc(hidden)]
pub mod case;
#[doc(hidden)]
pub mod certificate;
#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod claims;
#[doc(hidden)]
pub mod coefficients;
mod conventions;
#[doc(hidden)]
pub mod curves;
#[doc(hidden)]
pub mod equivalences;
#[doc(hidden)]
pub mod eval;
#[doc(hidden)]
pub mod expansion;
#[doc(hidden)]
pub mod filter;
#[doc(hidden)]
pub mod fuzz;
#[doc(hidden)]
pub mod generate;
pub mod interval;
#[doc(hidden)]
pub mod kernels;
#[doc(hidden)]
pub mod losses;
mod monotone;
#[doc(hidden)]
pub mod naive;
pub mod oracle;
#[doc(hidden)]
pub mod pairs;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod proofs;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod search;
#[doc(hidden)]
pub mod soak;
#[doc(hidden)]
pub mod soft;
#[doc(hidden)]
pub mod sweep;
pub mod ulp;

pub use trueloss_digest::allocations;
