//! The fast paths of losses in lanes have the bits of the reference formulas: every type, option and direction.

use super::bce::Bce;
use super::bce_lanes::BceFormula;
use super::bce_with_logits::BceWithLogits;
use super::bce_with_logits_lanes::{self, LogitsFormula, WeightedLogitsFormula};
use super::focal_with_logits::FocalWithLogits;
use super::focal_with_logits_lanes::FocalFormula;
use super::huber::{Huber, HuberFormula};
use super::mse::{Mse, MseFormula};
use super::soft_margin::{SignTargets, SoftMargin};
use crate::engine::batch::UNCERTAIN;
use crate::engine::dispatch::{Width, width};
use crate::engine::element_call::ElementLossCall;
use crate::engine::element_loss::LaneLoss;
use crate::engine::formula_tests::{check_units, logits};
use crate::engine::try_lanes::TryLanes;
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

/// Zeros, subnormal numbers, and what x (1 - x) = 1e-12 and ln x = -100 are near to.
const PROBABILITIES: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    0.5,
    1e-45,
    3.8e-44,
    4.2e-44,
    1e-39,
    1.2e-38,
    1e-30,
    1e-12,
    1.000_000_1e-12,
    0.999_999_94,
    0.999_999,
    0.500_000_06,
    0.25,
];

fn bits<T: TryLanes>(x: T) -> u64 {
    let x: f64 = x.decode();
    if x.is_nan() { 0 } else { x.to_bits() }
}

/// Compares every direction of a loss with the reference formulas.
fn check_bits<T: TryLanes + Debug, L: LaneLoss<T> + Debug>(loss: &L, x: &[T], y: &[T], g: &[T]) {
    let call = ElementLossCall::new(loss, x, y).unwrap();
    let same = |output: &[T], direction: &str, expected: &dyn Fn(usize) -> f64| {
        for (i, &actual) in output.iter().enumerate() {
            let expected = T::encode(expected(i));
            assert_eq!(
                bits(actual),
                bits(expected),
                "{direction} of {loss:?} of {:?}, {:?}, g {:?}: {actual:?} not {expected:?}",
                x[i],
                y[i],
                g[i]
            );
        }
    };
    let mut output = vec![T::zero(); x.len()];
    call.forward_each(&mut output).unwrap();
    same(&output, "value", &|i| call.value_of(call.read(i)));
    call.backward_each(g, &mut output).unwrap();
    same(&output, "gradient times g", &|i| {
        call.gradient_of(call.read(i), g[i].decode())
    });
    let divisor = loss.reduction().divisor(|| x.len() as f64);
    // With small ones, of which vectors of `f32` lose digits.
    for grad_output in [g[0], g[x.len() / 2], T::encode(1e-40), T::encode(-6e-8)] {
        let scale = divide(grad_output.decode(), divisor);
        call.backward(grad_output, &mut output).unwrap();
        let direction = format!("gradient times {scale}");
        same(&output, &direction, &|i| {
            call.gradient_of(call.read(i), scale)
        });
    }
    let expected = call.partial(0).unwrap().finish(loss.reduction()).unwrap();
    let len = x.len();
    assert_eq!(bits(call.forward()), bits(expected), "{loss:?} of {len}");
    let loss = call.forward_backward(&mut output).unwrap();
    assert_eq!(bits(loss), bits(expected), "with gradient, of {len}");
    let scale = divide(1.0, divisor);
    same(&output, "gradient with loss", &|i| {
        call.gradient_of(call.read(i), scale)
    });
}

/// Losses with options, of inputs of several kinds and of lengths with and without a rest.
fn check_all_losses<T: TryLanes + Debug>(rounds: usize) {
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
        check_bits(&SoftMargin::new().reduction(reduction), &x, &signs, &g);
        let (alpha, gamma) = (
            [0.25, -1.0, 0.0, 1.0, 0.3, 1e-30][round % 6],
            [2.0, 0.0, 0.5, 1.0, 5.0, 40.0, 1000.0][round % 7],
        );
        let focal = FocalWithLogits::new().alpha(alpha).gamma(gamma);
        check_bits(&focal.reduction(reduction), &x, &hard, &g);
        let z = elements(len, &mut || match kind {
            0 => 3.0 * random.normal(),
            1 => 1e-3 * random.normal(),
            2 => 1e20 * random.normal(),
            _ => random.pick(&SPECIAL),
        });
        check_bits(&Mse::new().reduction(reduction), &x, &z, &g);
        let delta = [1.0, 0.5, 3.0, 1e-60, 1e300, 0.1, 1.1e-40][round % 7];
        check_bits(&Huber::new().delta(delta).reduction(reduction), &x, &z, &g);
        let p = elements(len, &mut || match kind {
            0 => random.next(),
            1 => 0.5 * random.next().powi(20),
            2 => 1.0 - random.next().powi(10),
            _ => random.pick(&PROBABILITIES),
        });
        for y in [&hard, &soft] {
            check_bits(&Bce::new().reduction(reduction), &p, y, &g);
            check_bits(&BceWithLogits::new().reduction(reduction), &x, y, &g);
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
                check_bits(&both.reduction(reduction), &x, y, &g);
                check_bits(&BceWithLogits::new().pos_weight(&weight), &x, y, &g);
                check_bits(&BceWithLogits::new().weight(&weight), &x, y, &g);
                check_bits(&Bce::new().weight(&weight).reduction(reduction), &p, y, &g);
            }
        }
    }
}

/// All combinations of numbers that products lose low parts of, or overflow with.
fn check_extremes<T: TryLanes + Debug>() {
    let numbers = |numbers: &[f64]| -> Vec<T> {
        let of_type = numbers.iter().map(|&x| T::encode(x));
        of_type.filter(|x| x.is_finite()).collect()
    };
    let x = numbers(&[
        0.0,
        -0.0,
        59.0,
        -59.0,
        50.0,
        -3.0,
        1.5,
        299.0,
        310.0,
        -310.0,
        400.0,
        700.0,
        -700.0,
        745.5,
        800.0,
        -800.0,
        1e38,
        -1e38,
        1e-13,
        -1e-40,
        1.163_269_4e-4,
        -1.145_517_1e-4,
    ]);
    let p = numbers(&[0.0, -0.0, 1.0, 0.5, 1e-13, 0.999_999_9, 1e-40, 1e-30, 0.25]);
    let factors = numbers(&[
        1.0,
        1e-24,
        1e-26,
        1e38,
        3e38,
        1e-40,
        -1e20,
        1e30,
        1_099_511_627_776.0,
        1.175_494_4e-38,
        1.989_091_1,
        0.0,
        -0.0,
    ]);
    let targets = numbers(&[0.0, -0.0, 1.0, 0.3, 1e-40]);
    for &y in &targets {
        let y_of_x = vec![y; x.len()];
        let y_of_p = vec![y; p.len()];
        for &g in &factors {
            let g_of_x = vec![g; x.len()];
            check_bits(&Mse::new(), &x, &y_of_x, &g_of_x);
            for delta in [1.0, 1e-44, 8192.0, 3e38] {
                check_bits(&Huber::new().delta(delta), &x, &y_of_x, &g_of_x);
            }
            check_bits(&BceWithLogits::new(), &x, &y_of_x, &g_of_x);
            for weight in factors.chunks(1) {
                check_bits(&Bce::new().weight(weight), &p, &y_of_p, &vec![g; p.len()]);
                for pos_weight in factors.chunks(1) {
                    let loss = BceWithLogits::new().weight(weight).pos_weight(pos_weight);
                    check_bits(&loss, &x, &y_of_x, &g_of_x);
                }
            }
        }
    }
    // Squares without an error, whose sum has one.
    let mut x = vec![T::zero(); 96];
    (x[0], x[32], x[64]) = (T::encode(4096.0), T::encode(256.0), T::encode(1.0));
    let (y, g) = (vec![T::zero(); 96], vec![T::encode(1.0); 96]);
    check_bits(&Mse::new().reduction(Reduction::Sum), &x, &y, &g);
    let huber = Huber::new().delta(8192.0).reduction(Reduction::Sum);
    check_bits(&huber, &x, &y, &g);
}

#[test]
fn extremes_keep_the_bits() {
    check_extremes::<f32>();
    #[cfg(feature = "half")]
    check_extremes::<::half::f16>();
    #[cfg(feature = "half")]
    check_extremes::<::half::bf16>();
}

/// An unoptimised build tries a few.
const ROUNDS: usize = if cfg!(debug_assertions) { 9 } else { 22 };

#[test]
fn f32_fast_paths_keep_the_bits() {
    check_all_losses::<f32>(ROUNDS);
}

#[cfg(feature = "half")]
#[test]
fn half_fast_paths_keep_the_bits() {
    check_all_losses::<::half::f16>(ROUNDS.div_ceil(2));
    check_all_losses::<::half::bf16>(ROUNDS.div_ceil(2));
}

/// Each formula's errors are within its units, in `f32` pairs and in plain `f32`.
#[test]
fn errors_are_within_the_units() {
    let random = &mut Random::new(4);
    let x = logits();
    let mut column = |next: &dyn Fn(&mut Random) -> f64| -> Vec<f32> {
        x.iter().map(|_| next(random) as f32).collect()
    };
    let z = column(&|random| 3.0 * random.normal());
    let p = column(&|random| random.next().powi(3));
    let [weight, pos_weight] = [(); 2].map(|()| column(&|random| random.next() + 0.5));
    let soft = column(&Random::next);
    let hard = column(&|random| f64::from(u8::from(random.next() < 0.5)));
    let signs = column(&|random| if random.next() < 0.5 { 1.0 } else { -1.0 });
    // HuberFormula of pairs are exact.
    check_units("mse", MseFormula, &[x.clone(), z.clone()], 0.001);
    for delta in [0.3, 1.0, 7.7] {
        check_units(
            "huber",
            HuberFormula { delta },
            &[x.clone(), z.clone()],
            0.001,
        );
    }
    let loss = FocalWithLogits::new();
    for loss in [loss, loss.gamma(0.5).alpha(0.3), loss.gamma(5.0)] {
        check_units("focal", FocalFormula(loss), &[x.clone(), hard.clone()], 0.1);
    }
    let of_signs = LogitsFormula::<SignTargets>::FORMULA;
    check_units("soft margin", of_signs, &[x.clone(), signs], 0.1);
    for y in [&hard, &soft] {
        let probabilities = [p.clone(), y.clone(), weight.clone()];
        check_units("bce", BceFormula, &probabilities, 0.05);
        let logits = LogitsFormula::<bce_with_logits_lanes::ProbabilityTargets>::FORMULA;
        check_units("logits", logits, &[x.clone(), y.clone()], 0.1);
        let weighted = [x.clone(), y.clone(), weight.clone(), pos_weight.clone()];
        check_units("weighted logits", WeightedLogitsFormula, &weighted, 0.1);
    }
}

/// How many elements are done again in `f64`, and how many by the reference formula: for values and for gradients.
fn done_again<T: TryLanes, L: LaneLoss<T>>(loss: &L, x: &[T], y: &[T], g: &[T]) -> [[usize; 2]; 2] {
    let call = ElementLossCall::new(loss, x, y).unwrap();
    let output = &mut vec![T::zero(); x.len()];
    UNCERTAIN.set([0; 2]);
    call.forward_each(output).unwrap();
    let values = UNCERTAIN.replace([0; 2]);
    call.backward_each(g, output).unwrap();
    [values, UNCERTAIN.get()]
}

/// Of ordinary numbers little is done again in `f64`, and next to nothing by the reference formula. The limits are in
/// thousandths: without options, and of weighted and of focal losses.
fn shares_of<T: TryLanes>(limits: [usize; 3]) {
    const COUNT: usize = 60_000;
    let random = &mut Random::new(3);
    let mut elements = |next: &dyn Fn(&mut Random) -> f64| -> Vec<T> {
        (0..COUNT).map(|_| T::encode(next(random))).collect()
    };
    let x = elements(&|random| 3.0 * random.normal());
    let z = elements(&|random| 3.0 * random.normal());
    let g = elements(&Random::normal);
    let p = elements(&Random::next);
    let soft = elements(&Random::next);
    let hard = elements(&|random| f64::from(u8::from(random.next() < 0.5)));
    let signs = elements(&|random| if random.next() < 0.5 { 1.0 } else { -1.0 });
    let one = vec![T::encode(1.0); COUNT];
    let weight = &[T::encode(2.5)];
    let logits = BceWithLogits::new();
    let [most, of_weighted, of_focal] = limits.map(|limit| COUNT / 1000 * limit);
    for (name, limit, shares) in [
        ("mse", most, done_again(&Mse::new(), &x, &z, &g)),
        ("mse, exact", most, done_again(&Mse::new(), &x, &z, &one)),
        ("huber", most, done_again(&Huber::new(), &x, &z, &g)),
        (
            "huber, exact",
            most,
            done_again(&Huber::new(), &x, &z, &one),
        ),
        ("bce", most, done_again(&Bce::new(), &p, &hard, &g)),
        (
            "bce, soft",
            of_weighted,
            done_again(&Bce::new().weight(weight), &p, &soft, &g),
        ),
        ("logits", most, done_again(&logits, &x, &hard, &g)),
        ("logits, soft", most, done_again(&logits, &x, &soft, &g)),
        (
            "weighted",
            of_weighted,
            done_again(&logits.pos_weight(weight), &x, &hard, &g),
        ),
        (
            "weighted, soft",
            of_weighted,
            done_again(&logits.pos_weight(weight), &x, &soft, &g),
        ),
        (
            "focal",
            of_focal,
            done_again(&FocalWithLogits::new(), &x, &hard, &g),
        ),
        (
            "soft margin",
            most,
            done_again(&SoftMargin::new(), &x, &signs, &g),
        ),
    ] {
        for [again, references] in shares {
            assert!(
                again <= limit && references <= 40,
                "{name}: {shares:?} of {limit}"
            );
        }
    }
}

#[test]
fn shares_done_again() {
    // A table of 8 gives fewer digits than one of 16.
    if width() == Width::Avx512 {
        shares_of::<f32>([30, 60, 60]);
    } else {
        shares_of::<f32>([80, 120, 200]);
    }
    #[cfg(feature = "half")]
    shares_of::<::half::f16>([12, 15, 15]);
    #[cfg(feature = "half")]
    shares_of::<::half::bf16>([12, 15, 15]);
}
