//! Losses of two arguments on every pair of 16-bit numbers: the part of [`crate::sweep`] that needs no proof, as f16 and
//! bf16 have few enough numbers to try them all.
//!
//! # What is compared
//!
//! All x and y that the loss takes: any two numbers for mse, any logit and a target in [0, 1] for bce_with_logits, both in
//! [0, 1] for bce. The claim is 0.5001 ULP, so an f64 reference decides: with u = 2^-53, and constants of one x (softplus,
//! sigmoid, logarithms) rounded once from MPFR, its relative error is below
//! - bce_with_logits, (1 - y) softplus(x) + y softplus(-x): terms that are not negative, each with two roundings and that of
//!   1 - y, and one more: 4 u;
//! - its gradient, sigma(x) - y: sigma(x) as a sum of two f64, high and low; where high - y rounds, the result is at least
//!   half of the larger of them, else the difference is exact; low + that rounds once: 3 u;
//! - bce, y a + (1 - y) b with a = -max(ln x, -100) and b = -max(ln(1 - x), -100): 4 u as well;
//! - its gradient, (x - y) / max(x (1 - x), 1e-12): 4 u;
//! - mse, (x - y)^2 and 2 (x - y): 3 u.
//!
//! An ULP of these formats is at least 2^-11 of a number, so that is 2^-39 ULP, and for a subnormal one less; the filter
//! wants an error of 0.5001 - 2^-20. Answers that it does not pass (infinities, NaN, what is near the largest number, and
//! what is wrong) are judged by the enclosures of [`crate::oracle`].

use rayon::prelude::*;
use trueloss::Element;
use trueloss::half::{bf16, f16};
use trueloss_digest::call::{self, Core, ElementCall, Library};

use crate::case::{self, Dtype};
use crate::claims::{Direction, NEAR, Outcome};
use crate::interval::Interval;
use crate::oracle::{self, Call, Function};
use crate::ulp::{self, Format};

/// Values of x that a part of a sweep has.
const PER_PART: u32 = 16;

/// How many parts there are.
pub const PARTS: u32 = (1 << 16) / PER_PART;

/// A format of 16 bits.
pub trait Half: Element + Format {
    /// The format.
    const DTYPE: Dtype;

    /// The number with these bits.
    fn of_bits(bits: u16) -> Self;
}

impl Half for f16 {
    const DTYPE: Dtype = Dtype::F16;

    fn of_bits(bits: u16) -> Self {
        f16::from_bits(bits)
    }
}

impl Half for bf16 {
    const DTYPE: Dtype = Dtype::BF16;

    fn of_bits(bits: u16) -> Self {
        bf16::from_bits(bits)
    }
}

/// The losses of two arguments.
pub const FUNCTIONS: [Function; 3] = [
    Function::MseLoss,
    Function::BinaryCrossEntropy,
    Function::BinaryCrossEntropyWithLogits,
];

/// All numbers of the format that lie in [0, 1], or all that there are.
fn numbers<T: Half>(unit: bool) -> Vec<T> {
    let all = (0..=u16::MAX).map(T::of_bits);
    all.filter(|y| !unit || (0.0..=1.0).contains(&Element::widen(*y)))
        .collect()
}

fn takes_unit_input(function: Function) -> bool {
    function == Function::BinaryCrossEntropy
}

fn takes_unit_target(function: Function) -> bool {
    function != Function::MseLoss
}

/// How many pairs there are.
pub fn count<T: Half>(function: Function) -> u64 {
    let of = |unit| numbers::<T>(unit).len() as u64;
    of(takes_unit_input(function)) * of(takes_unit_target(function))
}

/// Compares the answers to all pairs with the values of x of a part.
pub fn check<T: Half>(function: Function, direction: Direction, part: u32) -> Outcome {
    let targets = numbers::<T>(takes_unit_target(function));
    let wide: Vec<f64> = targets.iter().map(|y| y.widen()).collect();
    let mut outcome = Outcome::default();
    for bits in part * PER_PART..(part + 1) * PER_PART {
        let x = T::of_bits(bits as u16);
        if takes_unit_input(function) && !(0.0..=1.0).contains(&Element::widen(x)) {
            continue;
        }
        let answers = answers(function, direction, x, &targets);
        let mut found = Found::new(function, direction, x.widen());
        found.compare(&wide, &answers);
        outcome = outcome.and(found.outcome);
    }
    outcome
}

/// Some answers, of all magnitudes: what tells one version from another.
pub fn sample<T: Half>(function: Function, direction: Direction) -> Vec<f32> {
    let spread = |unit| {
        numbers::<T>(unit)
            .into_iter()
            .step_by(251)
            .collect::<Vec<T>>()
    };
    let targets = spread(takes_unit_target(function));
    spread(takes_unit_input(function))
        .into_par_iter()
        .flat_map_iter(|x| answers(function, direction, x, &targets))
        .map(|answer| answer.widen() as f32)
        .collect()
}

fn answers<T: Half>(function: Function, direction: Direction, x: T, targets: &[T]) -> Vec<T> {
    let of_elements = function.of_elements().expect("a function of elements");
    let direction = match direction {
        Direction::Forward => call::Direction::ForwardEach,
        Direction::Gradient => call::Direction::BackwardEach,
    };
    let input = vec![x; targets.len()];
    let call = ElementCall {
        target: targets,
        grad_outputs: &vec![T::one(); targets.len()],
        ..ElementCall::new(of_elements, direction, &input)
    };
    let mut out = vec![T::zero(); targets.len()];
    Core.elements(&call, &mut out)
        .unwrap_or_else(|error| panic!("{function}: {error}"));
    out
}

/// What the reference needs of one x: see the top of this file.
#[derive(Clone, Copy)]
enum Reference {
    /// (1 - y) a + y b.
    Mixed { a: f64, b: f64 },
    /// (high - y) + low.
    Difference { high: f64, low: f64 },
    /// (x - y) / divisor.
    Quotient { x: f64, divisor: f64 },
    /// (x - y)^2.
    Square { x: f64 },
}

impl Reference {
    /// None where x is not finite.
    fn new(function: Function, direction: Direction, x: f64) -> Option<Self> {
        if !x.is_finite() {
            return None;
        }
        let nearest = |value: oracle::Value| -> f64 {
            value
                .number()
                .expect("a finite argument has a finite value")
                .approximate()
        };
        const PREC: u32 = 128;
        Some(match (function, direction) {
            (Function::MseLoss, Direction::Forward) => Self::Square { x },
            (Function::MseLoss, Direction::Gradient) => Self::Quotient { x, divisor: 0.5 },
            (Function::BinaryCrossEntropyWithLogits, Direction::Forward) => Self::Mixed {
                a: nearest(oracle::softplus(x, PREC)),
                b: nearest(oracle::softplus(-x, PREC)),
            },
            (Function::BinaryCrossEntropyWithLogits, Direction::Gradient) => {
                let exact = oracle::sigmoid(x, PREC);
                let high = nearest(exact.clone());
                let low = nearest(exact.minus(oracle::Value::from_f64(high, PREC)));
                Self::Difference { high, low }
            }
            (Function::BinaryCrossEntropy, Direction::Forward) => {
                let clamped = |p: Interval| -> f64 {
                    if p.is_zero() {
                        return 100.0;
                    }
                    (-p.ln())
                        .min(&Interval::from_f64(100.0, PREC))
                        .approximate()
                };
                let x = Interval::from_f64(x, 2048);
                Self::Mixed {
                    b: clamped(x.clone()),
                    a: clamped(Interval::from_f64(1.0, 2048) - &x),
                }
            }
            (Function::BinaryCrossEntropy, Direction::Gradient) => Self::Quotient {
                x,
                divisor: (x * (1.0 - x)).max(1e-12),
            },
            _ => panic!("{function}: not a loss of two arguments"),
        })
    }
}

/// Answers that are compared before anyone asks how it went.
const BLOCK: usize = 64;

/// What is left of the bound for the reference's own error, in ULP.
const MARGIN: f64 = 1.0 / (1 << 20) as f64;

struct Found {
    function: Function,
    direction: Direction,
    x: f64,
    reference: Option<Reference>,
    outcome: Outcome,
}

impl Found {
    fn new(function: Function, direction: Direction, x: f64) -> Self {
        Self {
            function,
            direction,
            x,
            reference: Reference::new(function, direction, x),
            outcome: Outcome::default(),
        }
    }

    fn compare<T: Half>(&mut self, targets: &[f64], answers: &[T]) {
        self.outcome.inputs += targets.len() as u64;
        let Some(reference) = self.reference else {
            for (&y, &answer) in targets.iter().zip(answers) {
                self.judge(y, answer);
            }
            return;
        };
        let wide: Vec<f64> = answers.iter().map(|answer| answer.widen()).collect();
        for start in (0..targets.len()).step_by(BLOCK) {
            let end = targets.len().min(start + BLOCK);
            let (targets, wide) = (&targets[start..end], &wide[start..end]);
            let (aside, worst) = block::<T>(reference, targets, wide, self.outcome.worst_ulp);
            if aside || worst {
                for (i, (&y, &answer)) in targets.iter().zip(wide).enumerate() {
                    let (pass, error) = reference.error::<T>(y, answer);
                    if !pass {
                        self.judge(y, answers[start + i]);
                    } else if error > self.outcome.worst_ulp {
                        self.outcome.worst_ulp = error;
                        self.outcome.worst_at = self.place::<T>(y);
                    }
                }
            }
        }
    }

    fn place<T: Half>(&self, y: f64) -> String {
        case::place(&[("x", self.x), ("y", y)], T::DTYPE)
    }

    /// By the oracle; a NaN argument needs none.
    #[cold]
    fn judge<T: Half>(&mut self, y: f64, answer: T) {
        let got = Element::widen(answer);
        let right = if self.x.is_nan() || y.is_nan() {
            got.is_nan()
        } else {
            self.outcome.enclosures += 1;
            let call = Call::new(self.function, &[1], &[self.x])
                .values(&[y])
                .reduction(oracle::Reduction::None);
            let judged = ulp::measure(&[answer], |prec| match self.direction {
                Direction::Forward => oracle::forward(&call, prec),
                Direction::Gradient => oracle::backward(&call, prec),
            });
            let error = judged[0].ulp;
            if error > self.outcome.worst_ulp {
                self.outcome.worst_ulp = error;
                self.outcome.worst_at = self.place::<T>(y);
            }
            judged[0].within(NEAR.ulp, NEAR.terms)
        };
        if !right {
            if self.outcome.failures == 0 {
                self.outcome.first_failure = format!("{}, got {got:e}", self.place::<T>(y));
            }
            self.outcome.failures += 1;
        }
    }
}

impl Reference {
    #[inline(always)]
    fn at(self, y: f64) -> f64 {
        match self {
            Self::Mixed { a, b } => (1.0 - y) * a + y * b,
            Self::Difference { high, low } => (high - y) + low,
            Self::Quotient { x, divisor } => (x - y) / divisor,
            Self::Square { x } => (x - y) * (x - y),
        }
    }

    /// Whether an answer passes, and its error in ULP, which means something if it is a number.
    #[inline(always)]
    fn error<T: Half>(self, y: f64, answer: f64) -> (bool, f64) {
        let r = self.at(y);
        let digits = T::MANTISSA_BITS as u64 - 1;
        // The exponent fields, in f64, of the smallest normal number, and of the power of two above all finite ones.
        let smallest = (1023 + T::MIN_EXPONENT) as u64 + digits;
        let limit = f64::from_bits(((1023 + T::MAX_EXPONENT) as u64) << 52);
        let exponent = (r.to_bits() >> 52 & 0x7ff).max(smallest);
        let per_ulp = f64::from_bits((2 * 1023 + digits - exponent) << 52);
        let error = (answer - r).abs() * per_ulp;
        let infinite = answer == f64::INFINITY.copysign(r);
        let overflows = infinite & (r.abs() >= limit) & (r.abs() < f64::INFINITY);
        let pass = overflows | (error <= NEAR.ulp - MARGIN);
        (pass, if overflows { 0.0 } else { error })
    }
}

/// Whether an answer does not pass, and whether one that passes has an error above `worst`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn block<T: Half>(
    reference: Reference,
    targets: &[f64],
    answers: &[f64],
    worst: f64,
) -> (bool, bool) {
    let (mut aside, mut worse) = (0_u64, 0_u64);
    for (&y, &answer) in targets.iter().zip(answers) {
        let (pass, error) = reference.error::<T>(y, answer);
        aside |= u64::from(!pass);
        worse |= u64::from(error > worst);
    }
    (aside != 0, worse != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<T: Half>(
        function: Function,
        direction: Direction,
        x: T,
        change: impl Fn(usize, T) -> T,
    ) -> Outcome {
        let targets = numbers::<T>(takes_unit_target(function));
        let answers: Vec<T> = answers(function, direction, x, &targets)
            .into_iter()
            .enumerate()
            .map(|(i, answer)| change(i, answer))
            .collect();
        let wide: Vec<f64> = targets.iter().map(|y| y.widen()).collect();
        let mut found = Found::new(function, direction, x.widen());
        found.compare(&wide, &answers);
        found.outcome
    }

    /// The reference is within 2^-40 of the enclosure, for some x and y of all magnitudes.
    #[test]
    fn references_agree_with_the_oracle() {
        for function in FUNCTIONS {
            let inputs = numbers::<bf16>(takes_unit_input(function));
            let targets = numbers::<bf16>(takes_unit_target(function));
            for x in inputs.into_iter().step_by(97).map(Element::widen) {
                for y in targets.iter().step_by(1237).map(|y| y.widen()) {
                    for direction in [Direction::Forward, Direction::Gradient] {
                        let Some(reference) = Reference::new(function, direction, x) else {
                            continue;
                        };
                        let call = Call::new(function, &[1], &[x])
                            .values(&[y])
                            .reduction(oracle::Reduction::None);
                        let exact = match direction {
                            Direction::Forward => oracle::forward(&call, 256),
                            Direction::Gradient => oracle::backward(&call, 256),
                        };
                        let Some(exact) = exact[0].value.number().filter(|_| y.is_finite()) else {
                            continue;
                        };
                        let error = (Interval::from_f64(reference.at(y), 256) - exact).magnitude();
                        assert!(
                            error <= 2_f64.powi(-50) * exact.magnitude() + 2_f64.powi(-1000),
                            "{function} {} of {x:e}, {y:e}: {error:e}",
                            direction.name()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn wrong_answers_are_found() {
        let up = |x: bf16| bf16::from_bits(x.to_bits() + 1);
        for function in FUNCTIONS {
            for direction in [Direction::Forward, Direction::Gradient] {
                let x = bf16::of_bits(0x3f31);
                let right = found(function, direction, x, |_, answer| answer);
                assert!(right.passes() && right.worst_ulp > 0.49);
                for at in [0, 5_000, 16_000] {
                    let changed = |i, answer| if i == at { up(answer) } else { answer };
                    let wrong = found(function, direction, x, changed);
                    assert_eq!(wrong.failures, 1, "{function} {}", direction.name());
                    let nan = |i, answer| if i == at { bf16::NAN } else { answer };
                    let wrong = found(function, direction, x, nan);
                    assert_eq!(wrong.failures, 1, "{function} {}", direction.name());
                }
            }
        }
        // What overflows is infinite, with the right sign.
        let (function, direction) = (Function::MseLoss, Direction::Forward);
        let large = f16::of_bits(0x7bff);
        let right = found(function, direction, large, |_, answer| answer);
        assert_eq!(right.failures, 0, "{}", right.first_failure);
        for wrong in [f16::NEG_INFINITY, f16::MAX, f16::NAN] {
            let changed = |i, answer| if i == 3 { wrong } else { answer };
            assert_eq!(found(function, direction, large, changed).failures, 1);
        }
        // A number where there is none.
        let changed = |i, answer| if i == 3 { f16::ONE } else { answer };
        let nan = found(function, direction, f16::NAN, changed);
        assert_eq!(nan.failures, 1);
    }
}
