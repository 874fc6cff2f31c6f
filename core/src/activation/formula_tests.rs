//! The formulas' errors, measured, against their units; and their special values.

use super::sigmoid::SigmoidFormula;
use super::softplus::SoftplusFormula;
use crate::engine::batch::{Factors, Wanted, evaluate};
use crate::engine::dispatch::{LaneKernel, run_in_lanes};
use crate::number::formula::{Factor, Formula, LaneReal};
use crate::number::lanes::{GROUP, Lanes, Single, Width};
use crate::number::plain::PlainSingle;
use crate::number::single_pair::SinglePair;
use std::vec::Vec;
use trueloss_digest::random::SplitMix64;

/// The largest error of a formula's value, or of its gradient, in each arithmetic of the width in force, as a part of what its
/// units allow. The inputs are numbers and factors.
struct Worst<'a, F, E> {
    formula: F,
    of_gradient: bool,
    exact: E,
    inputs: &'a [Vec<f32>; 2],
}

impl<F: Formula<1>, E: Fn(f64, f64) -> f64> LaneKernel for Worst<'_, F, E> {
    type Output = [(f64, [f64; 2]); 2];

    fn run<W: Width>(self, token: W) -> Self::Output {
        [
            self.in_arithmetic::<SinglePair<W::Single>>(token),
            self.in_arithmetic::<PlainSingle<W::Single>>(token),
        ]
    }
}

impl<F: Formula<1>, E: Fn(f64, f64) -> f64> Worst<'_, F, E> {
    fn in_arithmetic<R: LaneReal<F: Single>>(
        &self,
        token: <R::F as Lanes>::Token,
    ) -> (f64, [f64; 2]) {
        let mut worst = (0.0, [0.0; 2]);
        for at in (0..self.inputs[0].len()).step_by(R::F::N) {
            let [x, g] = self
                .inputs
                .each_ref()
                .map(|input| R::F::load(token, input, at));
            let shared = self.formula.shared::<R>([x]);
            let (within, units) = if self.of_gradient {
                let factor = Factor::of_each(g);
                let within = self.formula.gradient([x], shared, factor);
                (within, F::gradient_units::<R>())
            } else {
                (self.formula.value([x], shared), F::value_units::<R>())
            };
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
                let [x, g] = self.inputs.each_ref().map(|input| input[at + lane].into());
                let [hi, lo, magnitude] = parts.map(|part| f64::from(part[lane]));
                let error = ((hi - (self.exact)(x, g)) + lo).abs();
                let part = error / (magnitude * units * R::UNIT);
                if part > worst.0 {
                    worst = (part, [x, g]);
                }
            }
        }
        worst
    }
}

/// Ordinary, wide and tiny numbers, and factors that are not near 0.
fn inputs() -> [Vec<f32>; 2] {
    let mut random = SplitMix64::new(5);
    let mut inputs = [const { Vec::new() }; 2];
    for i in 0..1 << 17 {
        let wide = [8.0, 30.0, 118.0, 2_f32.powi(-(i / 4 % 32))][i as usize % 4];
        inputs[0].push((random.unit() as f32 - 0.5) * wide);
        inputs[1].push(random.unit() as f32 + 0.5);
    }
    inputs
}

fn check<F: Formula<1>>(name: &str, formula: F, value: fn(f64) -> f64, slope: fn(f64) -> f64) {
    let inputs = &inputs();
    for of_gradient in [false, true] {
        let exact = |x, g| if of_gradient { slope(x) * g } else { value(x) };
        let Some(worst) = run_in_lanes(Worst {
            formula,
            of_gradient,
            exact,
            inputs,
        }) else {
            return;
        };
        for (part, at) in worst {
            assert!(
                0.1 < part && part < 1.0,
                "{name} {of_gradient} {at:?}: {part} of the bound"
            );
        }
    }
}

fn exp_neg_abs(x: f64) -> f64 {
    (-x.abs()).exp()
}

fn sigmoid(x: f64) -> f64 {
    let t = exp_neg_abs(x);
    if x < 0.0 {
        t / (1.0 + t)
    } else {
        1.0 / (1.0 + t)
    }
}

fn softplus(x: f64, beta: f64) -> f64 {
    x.max(0.0) + exp_neg_abs(beta * x).ln_1p() / beta
}

/// Of `f64`, whose own functions are good enough to measure those of `f32` pairs with.
#[test]
fn errors_are_within_the_units() {
    check("sigmoid", SigmoidFormula, sigmoid, |x| {
        let t = exp_neg_abs(x);
        t / ((1.0 + t) * (1.0 + t))
    });
    macro_rules! softplus {
        ($($beta:expr),*) => {$(
            check(
                "softplus",
                SoftplusFormula::new($beta),
                |x| softplus(x, $beta),
                |x| sigmoid($beta * x),
            );
        )*};
    }
    softplus!(1.0, 2.5, 0.7, 0.3);
    let log_sigmoid = SoftplusFormula::LOG_SIGMOID;
    check(
        "log_sigmoid",
        log_sigmoid,
        |x| -softplus(-x, 1.0),
        |x| sigmoid(-x),
    );
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
    for beta in [1.0, 0.7] {
        same(SoftplusFormula::new(beta), &x, &g);
    }
}
