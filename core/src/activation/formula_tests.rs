//! The formulas of activations: their errors against their units, and their special values.

use super::sigmoid::SigmoidFormula;
use super::softplus::SoftplusFormula;
use crate::engine::batch::{Factors, Wanted, evaluate};
use crate::engine::formula_tests::{check_units, logits};
use crate::number::formula::Formula;
use std::vec::Vec;

#[test]
fn errors_are_within_the_units() {
    let x = &[logits()];
    check_units("sigmoid", SigmoidFormula, x, 0.1);
    check_units("log_sigmoid", SoftplusFormula::LOG_SIGMOID, x, 0.1);
    for beta in [1.0, 2.5, 0.7, 0.3] {
        check_units("softplus", SoftplusFormula::new(beta), x, 0.1);
    }
}

/// A NaN, an infinity and the sign of zero go through every formula.
#[test]
fn special_values_are_those_of_the_reference() {
    let numbers = [
        0.0,
        -0.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        1e-45,
        -1e38,
        1e38,
        -3e37,
        // Gradients there are near a midpoint, and the reference formula far from the function.
        f32::from_bits(0x38f3_f49e),
        f32::from_bits(0xb8f0_39bc),
        f32::from_bits(0x3ffe_9a91),
        f32::from_bits(0x3fdc_b9d6),
        86.5,
        -100.0,
    ];
    let (x, g): (Vec<f32>, Vec<f32>) = numbers
        .iter()
        .flat_map(|&x| numbers.map(|g| (x, g)))
        .unzip();
    fn same<F: Formula<1>>(formula: F, x: &[f32], g: &[f32]) {
        let mut output = std::vec![0.0; x.len()];
        for of_gradient in [false, true] {
            let wanted = if of_gradient {
                Wanted::Gradients(Factors::Each(g))
            } else {
                Wanted::Values
            };
            if evaluate(&formula, [x], x.len(), wanted, &mut output).is_none() {
                return;
            }
            for (i, &actual) in output.iter().enumerate() {
                let expected = if of_gradient {
                    formula.reference_gradient([x[i].into()], g[i].into()) as f32
                } else {
                    formula.reference_value([x[i].into()]) as f32
                };
                assert!(
                    actual.to_bits() == expected.to_bits() || actual.is_nan() && expected.is_nan(),
                    "{} {}: {actual} is not {expected}",
                    x[i],
                    g[i]
                );
            }
        }
    }
    same(SigmoidFormula, &x, &g);
    same(SoftplusFormula::LOG_SIGMOID, &x, &g);
    for beta in [1.0, 0.7, 1e-36, 1e-40, 1e-60, 1e39, 1e60] {
        same(SoftplusFormula::new(beta), &x, &g);
    }
}
