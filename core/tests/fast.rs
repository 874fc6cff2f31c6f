//! The fast paths of `f32` have the bits of the reference formulas, at the width in force.
//!
//! The reference formulas are reached where there are no fast paths: functions of single numbers, partials, and
//! rows that do not lie one after the other.

// Only `bits` of it.
#[allow(dead_code, unused_macros)]
mod common;
#[allow(dead_code)]
#[path = "common/kernels.rs"]
mod kernels;
#[path = "common/random.rs"]
mod random;

use common::bits;
use kernels::{Elements, Logits, OfElements, OfRows, Rows, Table};
use random::Random;
use trueloss::activation::{log_sigmoid_gradient, sigmoid_gradient, softplus_gradient};
use trueloss::bce_with_logits::{gradient, value};
use trueloss::{
    BceWithLogits, Classes, LogSigmoid, Reduction, Sigmoid, Softplus, log_sigmoid,
    log_sigmoid_derivative, sigmoid, sigmoid_derivative, softplus, softplus_derivative,
};

/// Which part of all cases is tried: an unoptimised build, which may be one of thousands of mutants, tries a few.
const ONE_IN: u32 = if cfg!(debug_assertions) { 17 } else { 1 };

const REDUCTIONS: [Reduction; 2] = [Reduction::Mean, Reduction::Sum];

const SCALES: [f32; 12] = [
    1.0,
    -1.0,
    0.3,
    -2.5,
    0.0,
    -0.0,
    1e-40,
    -1e-45,
    1e38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// Numbers whose sigmoid or softplus is close to the midpoint of two `f32`, where paths part first.
fn near_tie(random: &mut Random) -> f64 {
    let sign = if random.below(2) == 0 { 1.0 } else { -1.0 };
    let softplus = f64::from(f32::from_bits(0x39ea_41d0));
    match random.below(4) {
        0 => sign * softplus,
        1 => 0.0 * sign,
        _ => sign * random.below(1 << 10) as f64 * 2f64.powi(-24),
    }
}

fn logits(kind: u64, random: &mut Random, len: usize) -> Vec<f32> {
    random.elements(len, |r| match kind {
        0 => Logits::Ordinary.next(r),
        1 => Logits::Wide.next(r),
        2 => Logits::Special.next(r),
        3 => near_tie(r),
        // Beyond what an exponential of f64 can hold.
        _ => r.within(2000.0),
    })
}
const KINDS: u64 = 5;

/// A function of one `f32`, by a fast path on slices and by its reference formula.
struct OfOne {
    name: &'static str,
    fast: fn(&[f32], &mut [f32]),
    reference: fn(f32) -> f32,
}

const ONES: [f32; STEP] = [1.0; STEP];
const ZEROS: [f32; STEP] = [0.0; STEP];
/// How many are compared at a time.
const STEP: usize = 4096;

const OF_ONE: [OfOne; 10] = [
    OfOne {
        name: "sigmoid",
        fast: |x, out| Sigmoid::new().forward(x, out).unwrap(),
        reference: sigmoid,
    },
    OfOne {
        name: "log_sigmoid",
        fast: |x, out| LogSigmoid::new().forward(x, out).unwrap(),
        reference: log_sigmoid,
    },
    OfOne {
        name: "softplus",
        fast: |x, out| Softplus::new().forward(x, out).unwrap(),
        reference: softplus,
    },
    OfOne {
        name: "sigmoid'",
        fast: |x, out| Sigmoid::new().backward(x, &ONES[..x.len()], out).unwrap(),
        reference: sigmoid_derivative,
    },
    OfOne {
        name: "log_sigmoid'",
        fast: |x, out| {
            LogSigmoid::new()
                .backward(x, &ONES[..x.len()], out)
                .unwrap()
        },
        reference: log_sigmoid_derivative,
    },
    OfOne {
        name: "softplus'",
        fast: |x, out| Softplus::new().backward(x, &ONES[..x.len()], out).unwrap(),
        reference: softplus_derivative,
    },
    OfOne {
        name: "bce_with_logits, y = 0",
        fast: |x, out| {
            let loss = BceWithLogits::new();
            loss.forward_each(x, &ZEROS[..x.len()], out).unwrap();
        },
        reference: |x| value::<f32>(x.into(), 0.0, 1.0) as f32,
    },
    OfOne {
        name: "bce_with_logits, y = 1",
        fast: |x, out| {
            let loss = BceWithLogits::new();
            loss.forward_each(x, &ONES[..x.len()], out).unwrap();
        },
        reference: |x| value::<f32>(x.into(), 1.0, 1.0) as f32,
    },
    OfOne {
        name: "bce_with_logits', y = 0",
        fast: |x, out| {
            let loss = BceWithLogits::new().reduction(Reduction::Sum);
            loss.backward(x, &ZEROS[..x.len()], 1.0, out).unwrap();
        },
        reference: |x| gradient::<f32>(x.into(), 0.0, 1.0) as f32,
    },
    OfOne {
        name: "bce_with_logits', y = 1",
        fast: |x, out| {
            let loss = BceWithLogits::new().reduction(Reduction::Sum);
            loss.backward(x, &ONES[..x.len()], 1.0, out).unwrap();
        },
        reference: |x| gradient::<f32>(x.into(), 1.0, 1.0) as f32,
    },
];

/// Compares both paths on `count` patterns of bits from `first` on, `stride` apart.
fn compare_patterns(first: u32, stride: u32, count: u32) {
    let mut out = [0.0_f32; STEP];
    let mut x = Vec::with_capacity(STEP);
    for start in (0..count).step_by(STEP) {
        let len = (count - start).min(STEP as u32);
        x.clear();
        x.extend((start..start + len).map(|i| {
            let pattern = first.wrapping_add(i.wrapping_mul(stride));
            f32::from_bits(pattern)
        }));
        for OfOne {
            name,
            fast,
            reference,
        } in &OF_ONE
        {
            let out = &mut out[..x.len()];
            fast(&x, out);
            for (&x, &actual) in x.iter().zip(out.iter()) {
                let expected = reference(x);
                let same = actual.to_bits() == expected.to_bits();
                assert!(
                    same || (actual.is_nan() && expected.is_nan()),
                    "{name} of {x:e} ({:#x}): {actual:e} is not {expected:e}",
                    x.to_bits(),
                );
            }
        }
    }
}

#[test]
fn functions_of_one_number() {
    // Odd, so that all low bits occur with all exponents.
    const STRIDE: u32 = 1009;
    compare_patterns(0, STRIDE * ONE_IN, u32::MAX / (STRIDE * ONE_IN));
    // Where ties are, without gaps, on either side of 0.
    let softplus = 0x39ea_41d0;
    for sign in [0, 1 << 31] {
        compare_patterns(sign | (softplus - 5000), 1, 10_000);
        compare_patterns(sign, 1, 10_000);
    }
}

#[test]
fn activations_times_finite_numbers_and_nan() {
    activations_times(|scale| !scale.is_infinite());
}

/// A derivative below the smallest `f64` times an infinity is a NaN; the fast exponentials never get that small.
#[test]
fn activations_times_infinity() {
    activations_times(f32::is_infinite);
}

fn activations_times(which: fn(f32) -> bool) {
    type Backward = fn(&[f32], &[f32], &mut [f32]);
    type Gradient = fn(f64) -> f64;
    let activations: [(&str, Backward, Gradient); 3] = [
        (
            "sigmoid",
            |x, g, out| Sigmoid::new().backward(x, g, out).unwrap(),
            sigmoid_gradient::<f32>,
        ),
        (
            "log_sigmoid",
            |x, g, out| LogSigmoid::new().backward(x, g, out).unwrap(),
            log_sigmoid_gradient::<f32>,
        ),
        (
            "softplus",
            |x, g, out| Softplus::new().backward(x, g, out).unwrap(),
            |x| softplus_gradient::<f32>(x, 1.0),
        ),
    ];
    let mut random = Random::new(5);
    let mut failures = Vec::new();
    for kind in 0..KINDS {
        let x = logits(kind, &mut random, 20_000 / ONE_IN as usize);
        for scale in SCALES.into_iter().filter(|&scale| which(scale)) {
            // A scale of a chunk's own now and then, so that no element depends on another's.
            let g: Vec<f32> = x
                .iter()
                .map(|_| if random.below(90) == 0 { 0.7 } else { scale })
                .collect();
            let mut out = vec![0.0; x.len()];
            for (name, backward, reference) in activations {
                backward(&x, &g, &mut out);
                let expected: Vec<f32> = x
                    .iter()
                    .zip(&g)
                    .map(|(&x, &g)| (f64::from(g) * reference(x.into())) as f32)
                    .collect();
                let differs = bits(&out)
                    .iter()
                    .zip(&bits(&expected))
                    .position(|(a, b)| a != b);
                if let Some(at) = differs {
                    failures.push(format!(
                        "{name}' of {:e} times {:e}: {:e} is not {:e}",
                        x[at], g[at], out[at], expected[at],
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Targets: hard ones, soft ones, and those that make a gradient pass through 0.
fn targets(random: &mut Random, x: &[f32]) -> Vec<f32> {
    let mut target = |x: f32| match random.below(5) {
        0 => sigmoid(x),
        1 => 0.5,
        // So near that the sign of the gradient is not seen in a few digits.
        2 => sigmoid(x) * (1.0 - 2_f32.powi(-(random.below(24) as i32))),
        _ => kernels::probability(random) as f32,
    };
    let in_unit = |y: f32| if y.is_nan() { 0.5 } else { y };
    x.iter().map(|&x| in_unit(target(x))).collect()
}

#[test]
fn gradients_and_losses_of_elements() {
    let mut random = Random::new(6);
    for kind in 0..KINDS {
        for len in [1, 17, 64, 65, 1000, 5000] {
            let x = logits(kind, &mut random, len);
            let y = targets(&mut random, &x);
            let pairs = || {
                x.iter()
                    .zip(&y)
                    .map(|(&x, &y)| (f64::from(x), f64::from(y)))
            };
            let mut out = vec![0.0; len];
            let loss = BceWithLogits::new();
            loss.forward_each(&x, &y, &mut out).unwrap();
            let expected: Vec<f32> = pairs()
                .map(|(x, y)| value::<f32>(x, y, 1.0) as f32)
                .collect();
            assert_eq!(bits(&out), bits(&expected), "losses of {kind}, {len}");
            for grad_output in SCALES {
                for reduction in REDUCTIONS {
                    let scale = match reduction {
                        Reduction::Mean => f64::from(grad_output) / len as f64,
                        Reduction::Sum => grad_output.into(),
                    };
                    let loss = loss.reduction(reduction);
                    loss.backward(&x, &y, grad_output, &mut out).unwrap();
                    let expected: Vec<f32> = pairs()
                        .map(|(x, y)| (scale * gradient::<f32>(x, y, 1.0)) as f32)
                        .collect();
                    assert_eq!(
                        bits(&out),
                        bits(&expected),
                        "{kind}, {len}, {grad_output:e}"
                    );
                    if grad_output == 1.0 {
                        loss.forward_backward(&x, &y, &mut out).unwrap();
                        assert_eq!(bits(&out), bits(&expected), "{kind}, {len}, with the loss");
                    }
                }
            }
            let g: Vec<f32> = x
                .iter()
                .map(|_| SCALES[random.below(12) as usize])
                .collect();
            loss.backward_each(&x, &y, &g, &mut out).unwrap();
            let expected: Vec<f32> = pairs()
                .zip(&g)
                .map(|((x, y), &g)| (f64::from(g) * gradient::<f32>(x, y, 1.0)) as f32)
                .collect();
            assert_eq!(bits(&out), bits(&expected), "each of {kind}, {len}");
        }
    }
}

/// Of short batches about one in 500 is too close to a tie for the fast path.
#[test]
fn reduced_losses_of_elements() {
    let mut random = Random::new(7);
    let mut out = vec![0.0; 10_000];
    for round in (0..30_000).step_by(ONE_IN as usize) {
        let len = match round {
            0..29_000 => 1 + round % 40,
            29_000..29_990 => 500 + round % 600,
            _ => 10_000 - round % 7,
        };
        let kind = if round % 10 == 0 {
            1 + random.below(KINDS - 1)
        } else {
            0
        };
        let x = logits(kind, &mut random, len);
        let y: Vec<f32> = random.elements(len, kernels::probability);
        for reduction in REDUCTIONS {
            let loss = BceWithLogits::new().reduction(reduction);
            let expected = loss.partial(&x, &y, 0).unwrap().finish(reduction).unwrap();
            let actual = loss.forward(&x, &y).unwrap();
            let with_gradient = loss.forward_backward(&x, &y, &mut out[..len]).unwrap();
            assert_eq!(
                bits(&[actual, with_gradient]),
                bits(&[expected; 2]),
                "{len} elements, {kind}, {reduction:?}",
            );
        }
    }
}

/// The kernels that have fast paths.
fn with_quick_paths<F>(table: Table<F>) -> Table<F> {
    let names = [
        "cross_entropy f",
        "cross_entropy b",
        "softmax f",
        "log_softmax f",
    ];
    let fast = |name: &str| names.iter().any(|with| name.starts_with(with));
    table.into_iter().filter(|(name, _)| fast(name)).collect()
}

/// Rows of which one is appended that does not count, so that there are at least two, and turned so that their
/// classes are not neighbours.
fn turned(x: &[f32], classes: usize) -> Vec<f32> {
    let rows = x.len() / classes;
    (0..classes)
        .flat_map(|j| (0..=rows).map(move |row| x.get(row * classes + j).copied().unwrap_or(0.0)))
        .collect()
}

/// Compares rows, as they are, with the same rows turned.
fn compare_rows(
    table: &Table<OfRows<f32>>,
    x: &[f32],
    classes: usize,
    random: &mut Random,
    of: &str,
) {
    let n = x.len() / classes;
    let all_ignored = random.below(12) == 0;
    let mut labels: Vec<i64> = (0..n)
        .map(|_| {
            let label = random.below(classes as u64) as i64;
            if all_ignored || random.below(8) == 0 {
                -100
            } else {
                label
            }
        })
        .collect();
    let weight: Vec<f32> = random.elements(classes, |r| (r.within(4.0) * 2.0).floor());
    let mut g: Vec<f32> = random.elements(n, kernels::grad_output);
    let there = turned(x, classes);
    let (len, turned_len) = (x.len(), there.len());
    let grad_output = SCALES[random.below(12) as usize];
    for reduction in REDUCTIONS {
        for weight in [None, Some(&*weight)] {
            let mut outputs = Vec::new();
            for (data, rows) in [(x, n), (&*there, n + 1)] {
                labels.resize(rows, -100);
                g.resize(rows, 1.0);
                let shape: &[usize] = if rows == n {
                    &[n, classes]
                } else {
                    &[1, classes, n + 1]
                };
                let input = Rows {
                    input: Classes::new(data, shape).unwrap(),
                    labels: &labels,
                    q: &[],
                    g: &g,
                    g_each: &[],
                    weight,
                    grad_output,
                    smoothing: 0.0,
                    reduction,
                };
                let mut out = vec![0.0; turned_len];
                for (name, kernel) in table {
                    let of_rows = name.ends_with("forward_each");
                    out.fill(0.0);
                    let loss = kernel(&input, &mut out[..data.len()]).unwrap();
                    let mut all = bits(&[loss]);
                    if of_rows {
                        all.extend(bits(&out[..n]));
                    } else if rows == n {
                        all.extend(bits(&out[..len]));
                    } else {
                        let back = |row| {
                            let out = &out;
                            (0..classes).map(move |j| out[j * rows + row])
                        };
                        all.extend(bits(&(0..n).flat_map(back).collect::<Vec<_>>()));
                    }
                    outputs.push(all);
                }
            }
            let (fast, reference) = outputs.split_at(table.len());
            for ((name, _), (fast, reference)) in table.iter().zip(fast.iter().zip(reference)) {
                let differs = fast.iter().zip(reference).position(|(a, b)| a != b);
                assert_eq!(
                    differs, None,
                    "{name} of {n} rows of {classes}, {of}, weights {weight:?}, {reduction:?}, \
                     times {grad_output:e}",
                );
            }
        }
    }
}

#[test]
fn rows_of_all_sizes() {
    let table = with_quick_paths(kernels::of_rows());
    assert_eq!(table.len(), 7);
    let mut random = Random::new(8);
    for classes in [1, 2, 3, 10, 31, 32, 33, 64, 65, 100, 1000, 5000] {
        for n in [1, 15, 16, 17, 40] {
            for kind in 0..KINDS {
                if n * classes <= 50_000 / ONE_IN as usize {
                    let x = logits(kind, &mut random, n * classes);
                    compare_rows(&table, &x, classes, &mut random, &format!("kind {kind}"));
                }
            }
        }
    }
}

/// Batches of a few rows, whose means come close to ties often enough.
#[test]
fn many_small_batches_of_rows() {
    let table = with_quick_paths(kernels::of_rows());
    let mut random = Random::new(9);
    for round in 0..6000 / ONE_IN {
        let classes = [2, 3, 5, 32, 33, 40][random.below(6) as usize];
        let n = 1 + random.below(20) as usize;
        let x = logits(0, &mut random, n * classes);
        compare_rows(&table, &x, classes, &mut random, &format!("round {round}"));
    }
}

/// Two logits that count: the sigmoid and softplus of their difference, and so their ties.
#[test]
fn rows_at_ties() {
    let table = with_quick_paths(kernels::of_rows());
    let mut random = Random::new(10);
    for classes in [2, 7, 32, 33, 150] {
        for padding in [f32::NEG_INFINITY, -200.0] {
            for _ in 0..100_u32.div_ceil(ONE_IN) {
                let n = 1 + random.below(33) as usize;
                let mut x = vec![padding; n * classes];
                for row in x.chunks_mut(classes) {
                    let second = 1 + random.below(classes as u64 - 1) as usize;
                    row[0] = near_tie(&mut random) as f32;
                    row[second] = 0.0;
                }
                compare_rows(&table, &x, classes, &mut random, "ties");
            }
        }
    }
}

/// Mean and sum of the other losses, which have no fast path, against partials: what `forward` and `partial` share
/// is the tree.
#[test]
fn reductions_are_those_of_partials() {
    let table: Table<OfElements<f32>> = kernels::of_elements();
    let mut random = Random::new(11);
    for len in [1, 100, 5000] {
        let x = logits(0, &mut random, len);
        let p: Vec<f32> = random.elements(len, kernels::probability);
        for weight in [&[1.0][..], &[-0.5]] {
            let input = Elements {
                x: &x,
                p: &p,
                y: &p,
                hard: &kernels::hard(&p),
                g: &x,
                weight,
                pos_weight: &[1.0],
                grad_output: 1.0,
                beta: 1.0,
                reduction: Reduction::Mean,
            };
            let mut out = vec![0.0; len];
            for name in [
                "mse_loss",
                "binary_cross_entropy",
                "binary_cross_entropy_with_logits",
            ] {
                let of = |method: &str| {
                    let (_, kernel) = table
                        .iter()
                        .find(|(kernel, _)| *kernel == format!("{name} {method}"))
                        .unwrap();
                    *kernel
                };
                let partial = of("partial")(&input, &mut out).unwrap();
                for method in ["forward", "forward_backward"] {
                    let loss = of(method)(&input, &mut out).unwrap();
                    assert_eq!(bits(&[loss]), bits(&[partial]), "{name} {method} of {len}");
                }
            }
        }
    }
}
