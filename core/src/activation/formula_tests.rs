//! The formulas' errors, measured, against their units; and their special values.

use super::sigmoid::{SigmoidGradient, SigmoidValue};
use super::softplus::{ScaledSigmoid, SoftplusFormula};
use crate::engine::dispatch::{LaneKernel, run_in_lanes};
use crate::number::formula::{Formula, LaneReal};
use crate::number::lanes::{GROUP, Lanes, Single, Width};
use crate::number::plain::PlainSingle;
use crate::number::single_pair::SinglePair;
use std::vec::Vec;

/// The largest error of a formula in each arithmetic of the width in force, as a part of what its units allow.
struct Worst<'a, F, E, const IN: usize> {
    formula: F,
    exact: E,
    inputs: &'a [Vec<f32>; IN],
}

impl<F: Formula<IN>, E: Fn([f64; IN]) -> f64, const IN: usize> LaneKernel for Worst<'_, F, E, IN> {
    type Output = [(f64, [f64; IN]); 2];

    fn run<W: Width>(self, token: W) -> Self::Output {
        [
            self.in_arithmetic::<SinglePair<W::Single>>(token),
            self.in_arithmetic::<PlainSingle<W::Single>>(token),
        ]
    }
}

impl<F: Formula<IN>, E: Fn([f64; IN]) -> f64, const IN: usize> Worst<'_, F, E, IN> {
    fn in_arithmetic<R: LaneReal<F: Single>>(
        &self,
        token: <R::F as Lanes>::Token,
    ) -> (f64, [f64; IN]) {
        let mut worst = (0.0, [0.0; IN]);
        for at in (0..self.inputs[0].len()).step_by(R::F::N) {
            let mut lanes = [R::F::splat(token, 0.0); IN];
            for (lanes, input) in lanes.iter_mut().zip(self.inputs) {
                *lanes = R::F::load(token, input, at);
            }
            let within = self.formula.eval::<R>(lanes);
            let hi = within.value.hi();
            // What the high part lacks.
            let rest = within.value.add(R::from_lanes(-hi));
            let (lo, _) = rest.bracket(hi.constant(0.0));
            let mut parts = [[0.0; GROUP]; 3];
            hi.store(&mut parts[0], 0);
            lo.store(&mut parts[1], 0);
            within.magnitude.store(&mut parts[2], 0);
            let ok = R::F::bits(within.ok);
            for lane in 0..R::F::N {
                if ok >> lane & 1 == 0 {
                    continue;
                }
                let mut element = [0.0; IN];
                for (x, input) in element.iter_mut().zip(self.inputs) {
                    *x = input[at + lane].into();
                }
                let [hi, lo, magnitude] = parts.map(|part| f64::from(part[lane]));
                let error = ((hi - (self.exact)(element)) + lo).abs();
                let part = error / (magnitude * F::units::<R>() * R::UNIT);
                if part > worst.0 {
                    worst = (part, element);
                }
            }
        }
        worst
    }
}

/// Ordinary, wide and tiny numbers. The second column has no number near 0.
fn inputs<const IN: usize>() -> [Vec<f32>; IN] {
    let mut seed = 5_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 32) as f32 / (1_u64 << 32) as f32
    };
    let mut inputs = [const { Vec::new() }; IN];
    for i in 0..1 << 17 {
        let wide = [8.0, 30.0, 118.0, 2_f32.powi(-(i / 4 % 32))][i as usize % 4];
        for (k, input) in inputs.iter_mut().enumerate() {
            let x = next() - 0.5;
            input.push(if k == 0 { x * wide } else { x + 1.0 });
        }
    }
    inputs
}

fn check<F: Formula<IN>, const IN: usize>(
    name: &str,
    formula: F,
    exact: impl Fn([f64; IN]) -> f64,
) {
    let inputs = &inputs();
    let Some(worst) = run_in_lanes(Worst {
        formula,
        exact,
        inputs,
    }) else {
        return;
    };
    for (part, at) in worst {
        assert!(
            0.1 < part && part < 1.0,
            "{name} {at:?}: {part} of the bound"
        );
    }
}

/// Of `f64`, whose own functions are good enough to measure those of `f32` pairs with.
#[test]
fn errors_are_within_the_units() {
    let t = |x: f64| (-x.abs()).exp();
    let sigmoid = |x: f64| if x < 0.0 { t(x) } else { 1.0 } / (1.0 + t(x));
    let softplus = |x: f64, beta: f64| x.max(0.0) + t(beta * x).ln_1p() / beta;
    check("sigmoid", SigmoidValue, |[x]| sigmoid(x));
    check("sigmoid'", SigmoidGradient, |[x, g]| {
        g * t(x) / ((1.0 + t(x)) * (1.0 + t(x)))
    });
    for beta in [1.0, -1.0, 2.5, 0.7] {
        check("softplus'", ScaledSigmoid { beta }, |[x, g]| {
            g * sigmoid(beta * x)
        });
    }
    for beta in [1.0, 2.5, 0.3] {
        check("softplus", SoftplusFormula::new(beta), |[x]| {
            softplus(x, beta)
        });
    }
    check("log_sigmoid", SoftplusFormula::LOG_SIGMOID, |[x]| {
        -softplus(-x, 1.0)
    });
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
        86.5,
        -100.0,
    ];
    let beta = 0.7;
    let (x, g): (Vec<f32>, Vec<f32>) = numbers
        .iter()
        .flat_map(|&x| numbers.map(|g| (x, g)))
        .unzip();
    let same = |formula: &dyn Fn(&mut [f32]) -> bool, reference: &dyn Fn(usize) -> f64| {
        let mut output = std::vec![0.0; x.len()];
        if formula(&mut output) {
            for (i, &actual) in output.iter().enumerate() {
                let expected = reference(i) as f32;
                assert!(
                    actual.to_bits() == expected.to_bits() || actual.is_nan() && expected.is_nan(),
                    "{} {}: {actual} is not {expected}",
                    x[i],
                    g[i]
                );
            }
        }
    };
    let of = |i: usize| [x[i].into(), g[i].into()];
    use crate::engine::batch::fill;
    let softplus = SoftplusFormula::new(beta);
    same(&|out| fill(&softplus, [&x], out), &|i| {
        softplus.reference([x[i].into()])
    });
    let log_sigmoid = SoftplusFormula::LOG_SIGMOID;
    same(&|out| fill(&log_sigmoid, [&x], out), &|i| {
        log_sigmoid.reference([x[i].into()])
    });
    same(&|out| fill(&SigmoidValue, [&x], out), &|i| {
        SigmoidValue.reference([x[i].into()])
    });
    same(&|out| fill(&SigmoidGradient, [&x, &g], out), &|i| {
        SigmoidGradient.reference(of(i))
    });
    for beta in [1.0, -1.0, beta] {
        let gradient = ScaledSigmoid { beta };
        same(&|out| fill(&gradient, [&x, &g], out), &|i| {
            gradient.reference(of(i))
        });
    }
}
