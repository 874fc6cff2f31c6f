//! The bits are the same at every SIMD width that the machine has.
//!
//! One test, as the width is a setting of the whole process.

// Only `bits` of it.
#[allow(dead_code, unused_macros)]
mod common;
#[path = "common/kernels.rs"]
mod kernels;
#[path = "common/random.rs"]
mod random;

use common::bits;
use kernels::{Elements, Logits, OfElements, OfRows, Rows, Table};
use random::Random;
use trueloss::dispatch::{Width, limit, width};
use trueloss::{Classes, Element, Error, Reduction};

/// Around the lengths of lanes, chunks, stretches and blocks; fewer where nothing is optimised.
const LENGTHS: &[usize] = if cfg!(debug_assertions) {
    &[0, 1, 16, 33, 65, 513, 4097]
} else {
    &[
        0, 1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 100, 511, 513, 4095, 4097, 10_000,
    ]
};
const ROWS: &[usize] = if cfg!(debug_assertions) {
    &[1, 17]
} else {
    &[1, 15, 16, 17, 40]
};
/// Around the lengths of lanes and chunks, of rows that lie side by side, and of blocks.
const CLASSES: &[usize] = if cfg!(debug_assertions) {
    &[1, 3, 33, 100]
} else {
    &[1, 2, 3, 10, 31, 32, 33, 64, 65, 100, 1000, 5000]
};
const REDUCTIONS: [Reduction; 2] = [Reduction::Mean, Reduction::Sum];
const GRAD_OUTPUTS: [f64; 6] = [1.0, 0.0, -2.5, 1e-40, 1e38, f64::INFINITY];

#[test]
fn every_width_has_the_bits_of_the_baseline() {
    let widest = of_this_machine();
    println!("widest: {widest:?}");
    for (at_most, expected) in [
        (Width::Baseline, Width::Baseline),
        (Width::Avx2, widest.min(Width::Avx2)),
        (Width::Avx512, widest),
    ] {
        assert_eq!(limit(at_most), expected);
    }
    compare::<f32>();
    compare::<f64>();
    #[cfg(feature = "half")]
    {
        compare::<trueloss::half::f16>();
        compare::<trueloss::half::bf16>();
    }
    assert_eq!(limit(Width::Avx512), widest);
}

/// The widest that this machine has, if the crate uses any.
fn of_this_machine() -> Width {
    #[cfg(all(feature = "std", target_arch = "x86_64", not(trueloss_scalar)))]
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
    {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        return if all { Width::Avx512 } else { Width::Avx2 };
    }
    Width::Baseline
}

fn compare<T: Element>() {
    let mut random = Random::new(17);
    let elements = kernels::of_elements();
    for &len in LENGTHS {
        for logits in Logits::ALL {
            for weighted in [false, true] {
                compare_elements::<T>(&mut random, &elements, len, logits, weighted);
            }
        }
    }
    let rows = kernels::of_rows();
    for &classes in CLASSES {
        for &n in ROWS {
            for logits in Logits::ALL {
                // Long rows take long, and have fewer edges to them.
                if classes * n <= 4000 {
                    compare_rows::<T>(&mut random, &rows, [n, classes, 1], logits);
                    compare_rows::<T>(&mut random, &rows, [n, classes, 1], logits);
                    compare_rows::<T>(&mut random, &rows, [2, classes, n], logits);
                } else if n <= 17 {
                    compare_rows::<T>(&mut random, &rows, [n, classes, 1], logits);
                }
            }
        }
        // All rows ignored, and no rows at all.
        compare_rows::<T>(&mut random, &rows, [0, classes, 1], Logits::Ordinary);
    }
}

fn compare_elements<T: Element>(
    random: &mut Random,
    table: &Table<OfElements<T>>,
    len: usize,
    logits: Logits,
    weighted: bool,
) {
    let one = [T::one()];
    let x: Vec<T> = random.elements(len, |r| logits.next(r));
    let p: Vec<T> = random.elements(len, kernels::probability);
    let y: Vec<T> = random.elements(len, kernels::probability);
    let g: Vec<T> = random.elements(len, kernels::grad_output);
    // A weight for each element, and one for all; with zeros and negative numbers.
    let weight: Vec<T> = random.elements(len, |r| (r.within(4.0) * 2.0).floor());
    let pos_weight: [T; 1] = [T::narrow(random.unit() * 3.0)];
    for reduction in REDUCTIONS {
        let input = Elements {
            x: &x,
            p: &p,
            y: &y,
            hard: &kernels::hard(&y),
            g: &g,
            weight: if weighted { &weight } else { &one },
            pos_weight: if weighted { &pos_weight } else { &one },
            grad_output: T::narrow(GRAD_OUTPUTS[random.below(6) as usize]),
            beta: if weighted { 2.5 } else { 1.0 },
            reduction,
        };
        let of = || format!("{len} elements, {logits:?}, weighted: {weighted}, {reduction:?}");
        compare_kernels(table, &input, len, of);
    }
}

fn compare_rows<T: Element>(
    random: &mut Random,
    table: &Table<OfRows<T>>,
    shape: [usize; 3],
    logits: Logits,
) {
    let [outer, classes, inner] = shape;
    let (rows, len) = (outer * inner, outer * classes * inner);
    let x: Vec<T> = random.elements(len, |r| logits.next(r));
    let q: Vec<T> = random.elements(len, kernels::probability);
    let g: Vec<T> = random.elements(rows, kernels::grad_output);
    let g_each: Vec<T> = random.elements(len, |r| r.within(3.0));
    let weight: Vec<T> = random.elements(classes, |r| (r.within(4.0) * 2.0).floor());
    let ignored_of_8 = [0, 1, 8][random.below(3) as usize];
    let labels: Vec<i64> = (0..rows)
        .map(|_| {
            let label = random.below(classes as u64) as i64;
            if random.below(8) < ignored_of_8 {
                -100
            } else {
                label
            }
        })
        .collect();
    for reduction in REDUCTIONS {
        let weighted = random.below(2) == 0;
        let smoothing = [0.0, 0.0, 0.1][random.below(3) as usize];
        let input = Rows {
            input: Classes::new(&x, shape).unwrap(),
            labels: &labels,
            q: &q,
            g: &g,
            g_each: &g_each,
            weight: weighted.then_some(&weight),
            grad_output: T::narrow(GRAD_OUTPUTS[random.below(6) as usize]),
            smoothing,
            reduction,
        };
        let of =
            || format!("{shape:?}, {logits:?}, weighted: {weighted}, {smoothing}, {reduction:?}");
        compare_kernels(table, &input, len, of);
    }
}

/// Runs every kernel at every width.
fn compare_kernels<I, T: Element>(
    table: &Table<impl Fn(&I, &mut [T]) -> Result<T, Error>>,
    input: &I,
    len: usize,
    of: impl Fn() -> String,
) {
    // What no kernel returns: a place that is not written keeps it.
    let untouched = T::narrow(1234.5);
    // Room for the losses of rows of one class too.
    let (mut expected, mut actual) = (vec![untouched; len], vec![untouched; len]);
    for (name, kernel) in table {
        let mut of_baseline = Vec::new();
        for wanted in Width::ALL {
            let in_force = limit(wanted);
            assert_eq!(in_force, width());
            if in_force != wanted {
                continue;
            }
            let out = if wanted == Width::Baseline {
                &mut expected
            } else {
                &mut actual
            };
            out.fill(untouched);
            let loss = kernel(input, out).unwrap();
            out.push(loss);
            if wanted == Width::Baseline {
                of_baseline = bits(out);
            } else {
                let differs = bits(out)
                    .iter()
                    .zip(&of_baseline)
                    .position(|(actual, expected)| actual != expected);
                assert_eq!(differs, None, "{name}, {wanted:?}, of {}", of());
            }
            out.pop();
        }
    }
    limit(Width::Avx512);
}
