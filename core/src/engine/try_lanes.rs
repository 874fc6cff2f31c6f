//! Element types, with or without fast paths in lanes.

use super::batch::{Wanted, evaluate};
use super::log_sum::LogFormula;
#[cfg(feature = "half")]
use super::log_sum::log_sum;
use super::rounding_test::SumEstimate;
use crate::number::format::Format;
use crate::number::formula::Formula;

/// An element type, whether or not it has fast paths in lanes.
pub(crate) trait TryLanes: Format {
    /// Whether there are fast paths on machines with lanes.
    const HAS_LANES: bool = false;

    /// Whether `f64` loops that the compiler vectorises are as fast as lanes, for formulas of few operations and for sums that
    /// share a logarithm.
    const PREFERS_DOUBLE: bool = true;

    /// Evaluates a formula of `len` elements; see [`batch`](super::batch). `None` if there is no fast path on this machine:
    /// then nothing is written.
    fn evaluate<F: Formula<IN>, const IN: usize>(
        _formula: &F,
        _inputs: [&[Self]; IN],
        _len: usize,
        _wanted: Wanted<'_, Self>,
        _output: &mut [Self],
    ) -> Option<SumEstimate> {
        None
    }

    /// The sum of losses of the form linear + ln(factor): with one logarithm for many.
    fn log_sum<F: LogFormula>(_formula: &F, _inputs: [&[Self]; 2]) -> Option<SumEstimate> {
        None
    }
}

impl TryLanes for f64 {}

/// What every type with lanes has.
macro_rules! in_lanes {
    () => {
        const HAS_LANES: bool = true;

        fn evaluate<F: Formula<IN>, const IN: usize>(
            formula: &F,
            inputs: [&[Self]; IN],
            len: usize,
            wanted: Wanted<'_, Self>,
            output: &mut [Self],
        ) -> Option<SumEstimate> {
            evaluate(formula, inputs, len, wanted, output)
        }
    };
}

impl TryLanes for f32 {
    in_lanes!();
}

#[cfg(feature = "half")]
macro_rules! half {
    ($T:ty) => {
        impl TryLanes for $T {
            in_lanes!();

            const PREFERS_DOUBLE: bool = false;

            fn log_sum<F: LogFormula>(formula: &F, inputs: [&[Self]; 2]) -> Option<SumEstimate> {
                log_sum(formula, inputs)
            }
        }
    };
}
#[cfg(feature = "half")]
half!(::half::f16);
#[cfg(feature = "half")]
half!(::half::bf16);
