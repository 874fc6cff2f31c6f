//! What an element type has of fast paths in lanes.

use super::batch::fill;
use super::formula_sum::formula_sum;
use super::log_sum::LogFormula;
#[cfg(feature = "half")]
use super::log_sum::log_sum;
use super::rounding_test::SumEstimate;
use crate::number::format::Format;
use crate::number::formula::Formula;

/// An element type, whether or not it has fast paths in lanes.
pub(crate) trait FillInLanes: Format {
    /// Whether there are fast paths on machines with lanes.
    const HAS_LANES: bool = false;

    /// Fills `output` by the fast path of a formula. False if there is none on this machine: then nothing is written.
    fn fill_in_lanes<F: Formula<IN>, const IN: usize>(
        _formula: &F,
        _inputs: [&[Self]; IN],
        _output: &mut [Self],
    ) -> bool {
        false
    }

    /// The sum of `len` values of a formula. `None` if there is no fast path on this machine.
    fn sum_in_lanes<F: Formula<IN>, const IN: usize>(
        _formula: &F,
        _inputs: [&[Self]; IN],
        _len: usize,
    ) -> Option<SumEstimate> {
        None
    }

    /// The sum of losses of the form linear + ln(factor): the same, with one logarithm for many.
    fn log_sum_in_lanes<F: LogFormula>(_formula: &F, _inputs: [&[Self]; 2]) -> Option<SumEstimate> {
        None
    }
}

impl FillInLanes for f64 {}

/// What every type with lanes has.
macro_rules! in_lanes {
    () => {
        const HAS_LANES: bool = true;

        fn fill_in_lanes<F: Formula<IN>, const IN: usize>(
            formula: &F,
            inputs: [&[Self]; IN],
            output: &mut [Self],
        ) -> bool {
            fill(formula, inputs, output)
        }

        fn sum_in_lanes<F: Formula<IN>, const IN: usize>(
            formula: &F,
            inputs: [&[Self]; IN],
            len: usize,
        ) -> Option<SumEstimate> {
            formula_sum(formula, inputs, len)
        }
    };
}

impl FillInLanes for f32 {
    in_lanes!();
}

#[cfg(feature = "half")]
macro_rules! half {
    ($T:ty) => {
        impl FillInLanes for $T {
            in_lanes!();

            fn log_sum_in_lanes<F: LogFormula>(
                formula: &F,
                inputs: [&[Self]; 2],
            ) -> Option<SumEstimate> {
                log_sum(formula, inputs)
            }
        }
    };
}
#[cfg(feature = "half")]
half!(::half::f16);
#[cfg(feature = "half")]
half!(::half::bf16);
