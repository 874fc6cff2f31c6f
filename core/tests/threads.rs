//! The bits are the same for any number of threads.
#![cfg(feature = "parallel")]

// Only `bits` of it.
#[allow(dead_code, unused_macros)]
mod common;
#[allow(dead_code)]
#[path = "common/kernels.rs"]
mod kernels;
#[path = "common/random.rs"]
mod random;

use common::bits;
use kernels::{Elements, Logits, Rows, Table};
use random::Random;
use rayon::{ThreadPool, ThreadPoolBuilder};
use trueloss::{Classes, Element, Error, Reduction};

/// More than the machine may have, and numbers that do not divide the work evenly.
const THREADS: &[usize] = if cfg!(debug_assertions) {
    &[1, 3]
} else {
    &[1, 3, 8]
};

/// Long enough to be split, and not a whole number of anything.
const LEN: usize = if cfg!(debug_assertions) {
    1 << 16
} else {
    1 << 18
} + 5 * 4096
    + 78;

/// Rows of few classes, more than a block of them; of many; longer than a block; few and long; not contiguous.
/// Unoptimised, just enough to be split.
const SHAPES: [[usize; 3]; 6] = if cfg!(debug_assertions) {
    [
        [14_001, 5, 1],
        [701, 100, 1],
        [15, 5000, 1],
        [2, 70_003, 1],
        [3, 5, 5_000],
        [1, 3, 30_001],
    ]
} else {
    [
        [60_001, 5, 1],
        [3000, 100, 1],
        [70, 5000, 1],
        [3, 100_003, 1],
        [3, 100, 1000],
        [1, 7, 40_003],
    ]
};

/// What no kernel returns: a place that is not written keeps it.
const UNWRITTEN: f64 = 1234.5;

#[test]
fn elements_and_rows_of_f32() {
    compare::<f32>();
}

#[test]
fn elements_and_rows_of_f64() {
    compare::<f64>();
}

#[cfg(feature = "half")]
#[test]
fn elements_and_rows_of_16_bits() {
    compare::<trueloss::half::f16>();
    compare::<trueloss::half::bf16>();
}

fn compare<T: Element>() {
    let pools: Vec<ThreadPool> = THREADS
        .iter()
        .map(|&threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap()
        })
        .collect();
    let mut random = Random::new(23);
    let one = [T::one()];
    let logits = Logits::Wide;
    // The second half mirrors the first, with weights of the other sign: the exact sum is 0, and what a sum of
    // rounded numbers leaves of it depends on every addition's place.
    let mut p: Vec<T> = random.elements(LEN, kernels::probability);
    let mut x: Vec<T> = random.elements(LEN, |r| logits.next(r));
    let g: Vec<T> = random.elements(LEN, kernels::grad_output);
    // Up to 2^15, which is an f16 too.
    let mut weight: Vec<T> = random.elements(LEN, |r| r.of_any_magnitude(15));
    for i in 0..LEN.div_ceil(2) {
        let mirrored = LEN - 1 - i;
        (p[i], x[i], weight[i]) = (p[mirrored], x[mirrored], T::zero() - weight[mirrored]);
    }
    for weight in [&one[..], &weight] {
        let input = Elements {
            x: &x,
            p: &p,
            y: &p,
            hard: &kernels::hard(&p),
            g: &g,
            weight,
            pos_weight: &one,
            grad_output: T::narrow(0.7),
            beta: 1.0,
            reduction: Reduction::Mean,
        };
        compare_kernels(&pools, &kernels::of_elements(), &input, LEN);
    }
    for shape in SHAPES {
        let [outer, classes, inner] = shape;
        let (rows, len) = (outer * inner, outer * classes * inner);
        let x: Vec<T> = random.elements(len, |r| logits.next(r));
        let q: Vec<T> = random.elements(len, kernels::probability);
        let g: Vec<T> = random.elements(rows, kernels::grad_output);
        let weight: Vec<T> = random.elements(classes, |r| r.within(2.0));
        let labels: Vec<i64> = (0..rows)
            .map(|row| match row % 9 {
                0 => -100,
                _ => random.below(classes as u64) as i64,
            })
            .collect();
        let plain = Rows {
            input: Classes::new(&x, shape).unwrap(),
            labels: &labels,
            q: &q,
            g: &g,
            g_each: &q,
            weight: None,
            grad_output: T::narrow(0.7),
            smoothing: 0.0,
            reduction: Reduction::Mean,
        };
        compare_kernels(&pools, &kernels::of_rows(), &plain, len);
        let smoothed = Rows {
            weight: Some(&weight),
            smoothing: 0.1,
            reduction: Reduction::Sum,
            ..plain
        };
        compare_kernels(&pools, &kernels::of_rows(), &smoothed, len);
        if inner == 1 {
            continue;
        }
        // The same rows one after the other, which threads write to as well.
        let [x, q] = [&x, &q].map(|side_by_side| one_after_the_other(side_by_side, shape));
        let alike = Rows {
            input: Classes::new(&x, [rows, classes, 1]).unwrap(),
            q: &q,
            g_each: &q,
            ..plain
        };
        for (name, kernel) in kernels::of_rows() {
            let [mut out, mut out_alike] = [(); 2].map(|()| vec![T::narrow(UNWRITTEN); len]);
            let loss = kernel(&plain, &mut out).unwrap();
            let loss_alike = kernel(&alike, &mut out_alike).unwrap();
            // A number for each row, or one for each logit.
            if bits(&out[rows..]) != bits(&vec![T::narrow(UNWRITTEN); len - rows]) {
                out = one_after_the_other(&out, shape);
            }
            let of_both = [(loss, out), (loss_alike, out_alike)];
            let [expected, found] = of_both.map(|(loss, out)| (bits(&[loss]), bits(&out)));
            assert!(expected == found, "{name} of {shape:?}, by layout");
        }
    }
}

/// The elements of rows that lie side by side, those of each row together.
fn one_after_the_other<T: Element>(side_by_side: &[T], [_, classes, inner]: [usize; 3]) -> Vec<T> {
    let blocks = side_by_side.chunks(classes * inner);
    let rows =
        blocks.flat_map(|block| (0..inner).map(|first| block[first..].iter().step_by(inner)));
    rows.flatten().copied().collect()
}

/// Runs every kernel with every number of threads.
fn compare_kernels<I: Sync, T: Element>(
    pools: &[ThreadPool],
    table: &Table<impl Fn(&I, &mut [T]) -> Result<T, Error> + Sync>,
    input: &I,
    len: usize,
) {
    let mut out = vec![T::zero(); len];
    for (name, kernel) in table {
        let mut of_one = None;
        for (pool, threads) in pools.iter().zip(THREADS) {
            out.fill(T::narrow(UNWRITTEN));
            let loss = pool.install(|| kernel(input, &mut out)).unwrap();
            let all = (bits(&[loss]), bits(&out));
            let expected = of_one.get_or_insert_with(|| all.clone());
            assert!(*expected == all, "{name} of {len}, {threads} threads");
        }
    }
}
