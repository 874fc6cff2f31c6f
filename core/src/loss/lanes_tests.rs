//! The fast paths of losses in lanes have the bits of the reference formulas: every type, option and direction.

use super::bce_with_logits::BceWithLogits;
use super::focal_with_logits::FocalWithLogits;
use super::soft_margin::SoftMargin;
use crate::engine::batch::UNCERTAIN;
use crate::engine::dispatch::{Width, has_lanes, width};
use crate::engine::element_call::ElementLossCall;
use crate::engine::element_loss::LaneLoss;
use crate::engine::in_lanes::InLanes;
use crate::sum::reduction::{Reduction, divide};
use core::fmt::Debug;
use std::format;
use std::vec;
use std::vec::Vec;
use trueloss_digest::random::SplitMix64;

/// Pseudo-random numbers.
struct Random(SplitMix64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0.unit()
    }

    /// A sum of uniform numbers, of standard deviation 1.
    fn normal(&mut self) -> f64 {
        let mut sum = -6.0;
        for _ in 0..12 {
            sum += self.next();
        }
        sum
    }

    fn pick(&mut self, of: &[f64]) -> f64 {
        of[(self.next() * of.len() as f64) as usize]
    }
}

const SPECIAL: [f64; 22] = [
    0.0,
    -0.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1e-45,
    -1e-45,
    1e-38,
    -6e-8,
    1e-30,
    -1e30,
    3.3e38,
    59.99,
    -60.01,
    86.5,
    -88.0,
    104.0,
    -104.0,
    300.5,
    -301.0,
    20.0,
    -17.3,
];

fn bits<T: InLanes>(x: T) -> u64 {
    let x: f64 = x.decode();
    if x.is_nan() { 0 } else { x.to_bits() }
}

/// Compares every direction of a loss with the reference formulas.
fn same<T: InLanes + Debug, L: LaneLoss<T> + Debug>(loss: &L, x: &[T], y: &[T], g: &[T]) {
    let call = ElementLossCall::new(loss, x, y).unwrap();
    let what = |i: usize| format!("{loss:?} of {:?}, {:?}, g {:?}", x[i], y[i], g[i]);
    let mut output = vec![T::zero(); x.len()];
    call.forward_each(&mut output).unwrap();
    for (i, &actual) in output.iter().enumerate() {
        let expected = T::encode(call.value_of(call.read(i)));
        assert_eq!(
            bits(actual),
            bits(expected),
            "{actual:?} not {expected:?}: {}",
            what(i)
        );
    }
    call.backward_each(g, &mut output).unwrap();
    for (i, &actual) in output.iter().enumerate() {
        let expected = T::encode(call.gradient_of(call.read(i), g[i].decode()));
        assert_eq!(
            bits(actual),
            bits(expected),
            "{actual:?} not {expected:?}: {}",
            what(i)
        );
    }
    let divisor = loss.reduction().divisor(|| x.len() as f64);
    for grad_output in [g[0], g[x.len() / 2]] {
        let scale = divide(grad_output.decode(), divisor);
        call.backward(grad_output, &mut output).unwrap();
        for (i, &actual) in output.iter().enumerate() {
            let expected = T::encode(call.gradient_of(call.read(i), scale));
            let what = what(i);
            assert_eq!(
                bits(actual),
                bits(expected),
                "{actual:?} not {expected:?}: {scale} {what}"
            );
        }
    }
    let expected = call.partial(0).unwrap().finish(loss.reduction()).unwrap();
    assert_eq!(
        bits(call.forward()),
        bits(expected),
        "{loss:?} of {} elements",
        x.len()
    );
    assert_eq!(
        bits(call.forward_backward(&mut output).unwrap()),
        bits(expected)
    );
    let scale = divide(1.0, divisor);
    for (i, &actual) in output.iter().enumerate() {
        let expected = T::encode(call.gradient_of(call.read(i), scale));
        assert_eq!(
            bits(actual),
            bits(expected),
            "{actual:?} not {expected:?}: {}",
            what(i)
        );
    }
}

/// Losses with options, of inputs of several kinds and of lengths with and without a rest.
fn of_type<T: InLanes + Debug>(rounds: usize) {
    let mut random = Random::new(7);
    let random = &mut random;
    let elements = |len: usize, next: &mut dyn FnMut() -> f64| -> Vec<T> {
        (0..len).map(|_| T::encode(next())).collect()
    };
    for round in 0..rounds {
        let len = [1, 7, 32, 33, 64, 100, 1000, 1024, 1091, 2048, 3001][round % 11];
        let kind = round % 4;
        let x = elements(len, &mut || match kind {
            0 | 1 => 3.0 * random.normal(),
            2 => 200.0 * random.next() - 100.0,
            _ => random.pick(&SPECIAL),
        });
        let g = elements(len, &mut || match round / 4 % 3 {
            0 => random.normal(),
            1 => 1.0,
            _ => random.pick(&SPECIAL),
        });
        let hard = elements(len, &mut || f64::from(u8::from(random.next() < 0.5)));
        let signs = elements(len, &mut || if random.next() < 0.5 { 1.0 } else { -1.0 });
        let mut soft = elements(len, &mut || random.next());
        for (y, x) in soft.iter_mut().zip(&x).step_by(2) {
            // Near the sigmoid, where the gradient's terms cancel.
            let x: f64 = x.decode();
            *y = T::encode(1.0 / (1.0 + (-x).exp()));
            if bits(*y) == 0 {
                *y = T::zero();
            }
        }
        let reduction = [Reduction::Mean, Reduction::Sum][round / 2 % 2];
        same(&SoftMargin::new().reduction(reduction), &x, &signs, &g);
        let (alpha, gamma) = (
            [0.25, -1.0, 0.0, 1.0, 0.3, 1e-30][round % 6],
            [2.0, 0.0, 0.5, 1.0, 5.0, 40.0, 1000.0][round % 7],
        );
        let focal = FocalWithLogits::new().alpha(alpha).gamma(gamma);
        same(&focal.reduction(reduction), &x, &hard, &g);
        for y in [&hard, &soft] {
            same(&BceWithLogits::new().reduction(reduction), &x, y, &g);
            for period in [1, 3, 10, 32, 33, 50, len] {
                if !len.is_multiple_of(period) {
                    continue;
                }
                let weight = elements(period, &mut || match round % 5 {
                    0..3 => random.next() + 0.1,
                    3 => random.normal(),
                    _ => random.pick(&[0.0, -0.0, 1e-40, 1e38, -2.0, 1.0, 65504.0]),
                });
                let weight: Vec<T> = weight
                    .into_iter()
                    .map(|w| {
                        if w.decode().abs() < f64::INFINITY {
                            w
                        } else {
                            T::encode(1.0)
                        }
                    })
                    .collect();
                let both = BceWithLogits::new()
                    .pos_weight(&weight[..1])
                    .weight(&weight);
                same(&both.reduction(reduction), &x, y, &g);
                same(&BceWithLogits::new().pos_weight(&weight), &x, y, &g);
                same(&BceWithLogits::new().weight(&weight), &x, y, &g);
            }
        }
    }
}

/// An unoptimised build tries a few.
const ROUNDS: usize = if cfg!(debug_assertions) { 9 } else { 22 };

#[test]
fn single() {
    of_type::<f32>(ROUNDS);
}

#[cfg(feature = "half")]
#[test]
fn half() {
    of_type::<::half::f16>(ROUNDS.div_ceil(2));
    of_type::<::half::bf16>(ROUNDS.div_ceil(2));
}

/// Of ordinary numbers little is done again in `f64`, and next to nothing by the reference formula.
#[test]
fn shares_done_again() {
    if !has_lanes() {
        return;
    }
    const COUNT: usize = 60_000;
    let random = &mut Random::new(3);
    let x: Vec<f32> = (0..COUNT).map(|_| 3.0 * random.normal() as f32).collect();
    let g: Vec<f32> = (0..COUNT).map(|_| random.normal() as f32).collect();
    let hard: Vec<f32> = x.iter().map(|_| f32::from(random.next() < 0.5)).collect();
    let soft: Vec<f32> = x.iter().map(|_| random.next() as f32).collect();
    let signs: Vec<f32> = hard.iter().map(|y| 2.0 * y - 1.0).collect();
    let most = |of_8: usize, of_16: usize| {
        let is_wide = width() == Width::Avx512;
        COUNT / 1000 * if is_wide { of_16 } else { of_8 }
    };
    let weighted = BceWithLogits::new().pos_weight(&[2.5]);
    let (focal, margin) = (FocalWithLogits::new(), SoftMargin::new());
    let output = &mut vec![0.0; COUNT];
    let mut counted = |name: &str, limits: [usize; 3], call: &dyn Fn(usize, &mut [f32])| {
        for (direction, limit) in limits.into_iter().enumerate() {
            UNCERTAIN.set([0; 2]);
            call(direction, output);
            let [again, references] = UNCERTAIN.get();
            assert!(again <= limit, "{name} {direction}: {again} of {limit}");
            assert!(references <= 40, "{name} {direction}: {references}");
        }
    };
    macro_rules! directions {
        ($loss:expr, $y:expr) => {
            &|direction, output| match direction {
                0 => $loss.forward_each(&x, $y, output).unwrap(),
                1 => $loss.backward_each(&x, $y, &g, output).unwrap(),
                _ => drop($loss.forward(&x, $y).unwrap()),
            }
        };
    }
    counted(
        "weighted",
        [most(120, 60), most(30, 15), 100],
        directions!(weighted, &hard),
    );
    counted(
        "weighted, soft",
        [most(120, 60), most(90, 40), 100],
        directions!(weighted, &soft),
    );
    counted(
        "focal",
        [most(120, 60), most(120, 60), 1000],
        directions!(focal, &hard),
    );
    counted(
        "soft margin",
        [most(80, 30), most(20, 6), 100],
        directions!(margin, &signs),
    );
}
