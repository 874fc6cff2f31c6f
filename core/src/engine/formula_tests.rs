//! The errors of formulas, measured, against their units.

use super::dispatch::{LaneKernel, run_in_all_lanes};
use crate::number::formula::{Factor, Formula, LaneReal};
use crate::number::lanes::{GROUP, Lanes, Single, Width};
use crate::number::plain::PlainSingle;
use crate::number::single_pair::SinglePair;
use std::vec::Vec;
use trueloss_digest::random::SplitMix64;

/// The largest difference of a formula's value, or of its gradient, from the reference formula's, in each arithmetic, as a part
/// of what its units allow; and where.
#[derive(Clone, Copy)]
struct Worst<'a, F, const IN: usize> {
    formula: F,
    of_gradient: bool,
    inputs: &'a [Vec<f32>; IN],
    factors: &'a [f32],
}

impl<F: Formula<IN>, const IN: usize> LaneKernel for Worst<'_, F, IN> {
    type Output = [(f64, usize); 2];

    fn run<W: Width>(self, token: W) -> Self::Output {
        [
            self.in_arithmetic::<SinglePair<W::Single>>(token),
            self.in_arithmetic::<PlainSingle<W::Single>>(token),
        ]
    }
}

impl<F: Formula<IN>, const IN: usize> Worst<'_, F, IN> {
    fn in_arithmetic<R: LaneReal<F: Single>>(&self, token: <R::F as Lanes>::Token) -> (f64, usize) {
        let mut worst = (0.0, 0);
        for at in (0..self.factors.len()).step_by(R::F::N) {
            let inputs = (self.inputs.each_ref()).map(|input| R::F::load(token, input, at));
            let shared = self.formula.shared::<R>(inputs);
            let (within, units) = if self.of_gradient {
                let factor = Factor::of_each(R::F::load(token, self.factors, at));
                let within = self.formula.gradient(inputs, shared, factor);
                (within, F::gradient_units::<R>())
            } else {
                (self.formula.value(inputs, shared), F::value_units::<R>())
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
                let element = (self.inputs.each_ref()).map(|input| input[at + lane].into());
                let reference = if self.of_gradient {
                    let factor = self.factors[at + lane].into();
                    self.formula.reference_gradient(element, factor)
                } else {
                    self.formula.reference_value(element)
                };
                let [hi, lo, magnitude] = parts.map(|part| f64::from(part[lane]));
                let error = ((hi - reference) + lo).abs();
                let part = error / (magnitude * units * R::UNIT);
                if part > worst.0 {
                    worst = (part, at + lane);
                }
            }
        }
        worst
    }
}

/// A formula's errors are within its units, and reach `least` of them. A multiple of [`GROUP`] of inputs.
pub(crate) fn check_units<F: Formula<IN>, const IN: usize>(
    name: &str,
    formula: F,
    inputs: &[Vec<f32>; IN],
    least: f64,
) {
    let mut random = SplitMix64::new(6);
    let factors: Vec<f32> = (inputs[0].iter())
        .map(|_| random.unit() as f32 + 0.5)
        .collect();
    for of_gradient in [false, true] {
        let worst = run_in_all_lanes(Worst {
            formula,
            of_gradient,
            inputs,
            factors: &factors,
        });
        for (part, index) in worst.into_iter().flatten() {
            let element = inputs.each_ref().map(|input| input[index]);
            assert!(
                least < part && part < 1.0,
                "{name} {of_gradient} {element:?} {}: {part} of the bound",
                factors[index]
            );
        }
    }
}

/// Ordinary, wide and tiny numbers.
pub(crate) fn logits() -> Vec<f32> {
    let mut random = SplitMix64::new(5);
    let mut logits = Vec::new();
    for i in 0..1 << 17 {
        let wide = [8.0, 30.0, 118.0, 2_f32.powi(-(i / 4 % 32))][i as usize % 4];
        logits.push((random.unit() as f32 - 0.5) * wide);
    }
    logits
}
