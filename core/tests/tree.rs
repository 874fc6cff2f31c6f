//! Sums have the bits of the fixed tree, as [`trueloss::reduce`] describes it.
//!
//! The description is followed here to the letter: all blocks padded, all lanes folded, every node of
//! the counter kept with its level. A result in `f32` shows the order of its additions only where these
//! cancel, or where it lies on the midpoint of two `f32`; so that is what the terms are chosen for.

#[path = "common/random.rs"]
mod random;

use random::Random;
use trueloss::elementary::exp;
use trueloss::{Bce, Classes, Element, Mse, Nll, Partial, Reduction, Softmax};

const BLOCK: usize = 4096;
const LANES: usize = 256;

/// A sum as `f32` and `f64` elements keep it.
trait Naive: Element {
    type Total: Copy;
    const ZERO: Self::Total;
    fn plus(a: Self::Total, b: Self::Total) -> Self::Total;
    fn term(term: f64) -> Self::Total;
    fn value(sum: Self::Total) -> f64;
    fn mean(sum: Self::Total, divisor: Self::Total) -> f64;
}

impl Naive for f32 {
    type Total = f64;
    const ZERO: f64 = 0.0;
    fn plus(a: f64, b: f64) -> f64 {
        a + b
    }
    fn term(term: f64) -> f64 {
        term
    }
    fn value(sum: f64) -> f64 {
        sum
    }
    fn mean(sum: f64, divisor: f64) -> f64 {
        sum / divisor
    }
}

/// The sum and its rounding errors.
impl Naive for f64 {
    type Total = (f64, f64);
    const ZERO: (f64, f64) = (0.0, 0.0);
    fn plus(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
        let sum = a.0 + b.0;
        let (small, large) = if a.0.abs() < b.0.abs() {
            (a.0, b.0)
        } else {
            (b.0, a.0)
        };
        // Dekker's way to the same error as Knuth's, which needs no comparison.
        let lost = small - (sum - large);
        (sum, (a.1 + b.1) + lost)
    }
    fn term(term: f64) -> (f64, f64) {
        (term, 0.0)
    }
    fn value(sum: (f64, f64)) -> f64 {
        // The rounding errors of an infinite sum are no numbers.
        if sum.0.is_finite() {
            sum.0 + sum.1
        } else {
            sum.0
        }
    }
    /// Rounded once. The fused product is a way to the quotient's error that core does not go.
    fn mean(sum: (f64, f64), divisor: (f64, f64)) -> f64 {
        let [sum, divisor] = [sum, divisor].map(|x| Self::plus((x.0, 0.0), (x.1, 0.0)));
        let quotient = sum.0 / divisor.0;
        let rest = (-quotient).mul_add(divisor.0, sum.0) + (sum.1 - quotient * divisor.1);
        quotient + rest / divisor.0
    }
}

fn naive_block<T: Naive>(terms: &[f64]) -> T::Total {
    let mut padded = [0.0; BLOCK];
    padded[..terms.len()].copy_from_slice(terms);
    let mut lanes = [T::ZERO; LANES];
    for (i, &term) in padded.iter().enumerate() {
        lanes[i % LANES] = T::plus(lanes[i % LANES], T::term(term));
    }
    for h in [128, 64, 32, 16, 8, 4, 2, 1] {
        for i in 0..h {
            lanes[i] = T::plus(lanes[i], lanes[i + h]);
        }
    }
    lanes[0]
}

fn naive_sum<T: Naive>(terms: &[f64]) -> f64 {
    T::value(naive_total::<T>(terms))
}

fn naive_total<T: Naive>(terms: &[f64]) -> T::Total {
    let mut nodes: Vec<(u32, T::Total)> = Vec::new();
    for block in terms.chunks(BLOCK) {
        nodes.push((0, naive_block::<T>(block)));
        while let [.., (left_level, left), (level, right)] = nodes[..] {
            if left_level != level {
                break;
            }
            nodes.truncate(nodes.len() - 2);
            nodes.push((level + 1, T::plus(left, right)));
        }
    }
    let mut total = nodes.pop().map_or(T::ZERO, |(_, node)| node);
    while let Some((_, left)) = nodes.pop() {
        total = T::plus(left, total);
    }
    total
}

fn lengths() -> impl Iterator<Item = usize> {
    let long = [
        767,
        769,
        2048,
        4095,
        4096,
        4097,
        8191,
        8192,
        8193,
        3 * BLOCK,
        5 * BLOCK + 1234,
        6 * BLOCK + 1234,
        7 * BLOCK,
        7 * BLOCK + 1,
        15 * BLOCK - 1,
        16 * BLOCK,
    ];
    (0..=600).chain(long)
}

/// Terms of which the second half takes back the first: what is left is the rounding errors.
fn cancelling<T: Element>(random: &mut Random, len: usize) -> Vec<T> {
    let exponent = [3, 20, 90][random.below(3) as usize];
    let mut terms: Vec<T> = random.elements(len, |random| random.of_any_magnitude(exponent));
    for i in 0..len / 2 {
        terms[len - 1 - i] = -terms[i];
    }
    terms
}

#[track_caller]
fn assert_bits<T: Element>(actual: T, expected: f64, what: &str) {
    let (actual, expected) = (actual.widen(), T::narrow(expected).widen());
    assert!(
        actual.to_bits() == expected.to_bits() || actual.is_nan() && expected.is_nan(),
        "{what}: {actual:e} is not {expected:e}"
    );
}

/// 4097^2 is the midpoint of two `f32`, and a sum with it rounds up where anything of the rest survived.
/// Each of the rest alone does not; some of them together do, if they meet before.
#[test]
fn squares() {
    let mse = Mse::new().reduction(Reduction::Sum);
    let mut random = Random::new(1);
    let mut rounded_up = [0, 0];
    for len in lengths().skip(1) {
        let exponent = 15 + random.below(7) as i32;
        let mut x: Vec<f32> = random.elements(len, |random| {
            random.of_any_magnitude(3) * 2f64.powi(-exponent - 2)
        });
        x[random.below(len as u64) as usize] = 4097.0;
        let terms: Vec<f64> = x.iter().map(|&x| f64::from(x) * f64::from(x)).collect();
        let sum = mse.forward(&x, &vec![0.0; len]).unwrap();
        assert_bits(sum, naive_sum::<f32>(&terms), &format!("{len} squares"));
        rounded_up[usize::from(sum > 4097.0 * 4097.0)] += 1;
    }
    assert!(rounded_up.iter().all(|&n| n > 100), "{rounded_up:?}");
}

#[test]
fn one_node_of_each_level() {
    // 63 blocks are a tree of 32, one of 16, and so on.
    let len = 63 * BLOCK;
    let sum = Mse::new().reduction(Reduction::Sum);
    assert_eq!(
        sum.forward(&vec![1.0_f64; len], &vec![0.0; len]),
        Ok(len as f64)
    );
    let sum = Mse::new().reduction(Reduction::Sum);
    assert_eq!(
        sum.forward(&vec![1.0_f32; len], &vec![0.0; len]),
        Ok(len as f32)
    );
}

/// Terms of both signs, as negative weights make them: y = 1 at x = 0 costs 100.
#[test]
fn elements() {
    fn check<T: Naive>() {
        let mut random = Random::new(2);
        for len in lengths() {
            let weight: Vec<T> = cancelling(&mut random, len);
            let terms: Vec<f64> = weight.iter().map(|w| 100.0 * w.widen()).collect();
            let bce = Bce::new().weight(&weight).reduction(Reduction::Sum);
            let (x, y) = (vec![T::zero(); len], vec![T::one(); len]);
            let expected = naive_sum::<T>(&terms);
            let what = format!("{len} elements");
            assert_bits(bce.forward(&x, &y).unwrap(), expected, &what);
            let mut grad = vec![T::zero(); len];
            let sum = bce.forward_backward(&x, &y, &mut grad).unwrap();
            assert_bits(sum, expected, &what);
            let mean = bce.reduction(Reduction::Mean).forward(&x, &y).unwrap();
            let expected = T::mean(naive_total::<T>(&terms), T::term(len as f64));
            assert_bits(mean, expected, &what);
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Rows, and their weights, which are added in the same tree.
#[test]
fn rows() {
    fn check<T: Naive>() {
        let mut random = Random::new(3);
        for len in lengths() {
            let column: Vec<T> = cancelling(&mut random, len);
            let weight: Vec<T> = random.elements(2, |random| random.of_any_magnitude(3));
            let labels: Vec<u8> = (0..len).map(|_| random.below(2) as u8).collect();
            // With either label the weighted loss is the same, but for the rounding of these.
            let x: Vec<T> = column
                .iter()
                .flat_map(|&x| [x, x * weight[0] / weight[1]])
                .collect();
            let rows = Classes::new(&x, [len, 2]).unwrap();
            let chosen = || x.chunks(2).zip(&labels).map(|(x, &y)| (x, usize::from(y)));
            let terms: Vec<f64> = chosen()
                .map(|(x, y)| weight[y].widen() * -x[y].widen())
                .collect();
            let weights: Vec<f64> = chosen().map(|(_, y)| weight[y].widen()).collect();
            let nll = Nll::new().weight(&weight).reduction(Reduction::Sum);
            let what = format!("{len} rows");
            let sum = naive_total::<T>(&terms);
            assert_bits(nll.forward(rows, &labels).unwrap(), T::value(sum), &what);
            let mean = nll.reduction(Reduction::Mean).forward(rows, &labels);
            let weights = naive_total::<T>(&weights);
            let expected = if T::value(weights) == 0.0 {
                f64::NAN
            } else {
                T::mean(sum, weights)
            };
            assert_bits(mean.unwrap(), expected, &what);
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Zeros of either sign, infinities and NaN, wherever they are in a block.
#[test]
fn special_terms() {
    fn check<T: Naive>() {
        let mut random = Random::new(8);
        let mut kinds = [0; 4];
        for len in lengths().skip(1) {
            for special in [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
                let mut x: Vec<T> = if special == 0.0 {
                    vec![T::narrow(special); len]
                } else {
                    cancelling(&mut random, len)
                };
                for _ in 0..1 + random.below(2) {
                    let sign = if random.below(4) == 0 { -1.0 } else { 1.0 };
                    x[random.below(len as u64) as usize] = T::narrow(sign * special);
                }
                let terms: Vec<f64> = x.iter().map(|x| -x.widen()).collect();
                let rows = Classes::new(&x, [len, 1]).unwrap();
                let nll = Nll::new().reduction(Reduction::Sum);
                let sum = nll.forward(rows, &vec![0_u8; len]).unwrap();
                assert_bits(sum, naive_sum::<T>(&terms), &format!("{len}, {special}"));
                let sum = sum.widen();
                let kind = [sum == 0.0, sum.is_infinite(), sum.is_nan(), sum.is_finite()];
                kinds[kind.iter().position(|&is| is).unwrap()] += 1;
            }
        }
        assert!(kinds[..3].iter().all(|&n| n > 100), "{kinds:?}");
    }
    check::<f32>();
    check::<f64>();
}

/// The gradient of a softmax whose grad_output is 1 everywhere is 0 but for the rounding of the row's
/// two sums, that of the exponentials without the largest class's and that of all of them. Of `f32`: the terms of `f64`
/// are pairs, which this test can't make.
#[test]
fn exponentials() {
    fn check<T: Naive>() {
        let mut random = Random::new(4);
        let mut nonzero = 0;
        for classes in (1..=40).chain([300, 4095, 4097, 5000]) {
            // Multiples of 1/256: differences are exact.
            let x: Vec<T> = random.elements(classes, |random| random.below(1024) as f64 / 256.0);
            let logits: Vec<f64> = x.iter().map(|x| x.widen()).collect();
            let max = logits.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            let argmax = logits.iter().position(|&x| x == max).unwrap();
            let all: Vec<f64> = logits.iter().map(|x| exp(x - max)).collect();
            let mut others = all.clone();
            others[argmax] = 0.0;
            let others = naive_sum::<T>(&others);
            let denominator = 1.0 + others;
            // With a g of 1 everywhere: nothing is left of it where it is counted from that of the largest class.
            let h = if others < 3.0 { 0.0 } else { 1.0 };
            let terms: Vec<f64> = all.iter().map(|e| e * h).collect();
            let dot = naive_sum::<T>(&terms) / denominator;

            let rows = Classes::new(&x, [classes]).unwrap();
            let (mut p, mut grad) = (vec![T::zero(); classes], vec![T::zero(); classes]);
            Softmax::new().forward(rows, &mut p).unwrap();
            let ones = vec![T::one(); classes];
            Softmax::new().backward(rows, &ones, &mut grad).unwrap();
            for j in 0..classes {
                let what = format!("class {j} of {classes}");
                assert_bits(p[j], all[j] / denominator, &what);
                assert_bits(grad[j], (h - dot) * (all[j] / denominator), &what);
                nonzero += usize::from(!grad[j].is_zero());
            }
        }
        assert!(nonzero > 50, "{nonzero}");
    }
    check::<f32>();
}

/// Every way to make one partial of some runs: in one call, or by merging two partials of the parts.
fn groupings<T: Element>(
    from: usize,
    to: usize,
    leaf: &impl Fn(usize, usize) -> Partial<T>,
) -> Vec<Partial<T>> {
    let mut all = vec![leaf(from, to)];
    for middle in from + 1..to {
        for left in groupings(from, middle, leaf) {
            for right in groupings(middle, to, leaf) {
                let mut merged = left;
                merged.merge(&right).unwrap();
                assert_eq!((merged.start(), merged.end()), (left.start(), right.end()));
                all.push(merged);
            }
        }
    }
    all
}

#[test]
fn partials_in_every_grouping() {
    fn check<T: Naive>() {
        let mut random = Random::new(5);
        for len in [5 * BLOCK, 4 * BLOCK + 1234, 4 * BLOCK + 1] {
            let x: Vec<T> = cancelling(&mut random, len);
            let terms: Vec<f64> = x.iter().map(|x| -x.widen()).collect();
            let labels = vec![0_u8; len];
            let nll = Nll::new();
            let leaf = |from: usize, to: usize| {
                let run = from * BLOCK..(to * BLOCK).min(len);
                let rows = Classes::new(&x[run.clone()], [run.len(), 1]).unwrap();
                nll.partial(rows, &labels[run.clone()], run.start).unwrap()
            };
            let wholes = groupings(0, 5, &leaf);
            assert_eq!(wholes.len(), 51);
            let sum = naive_sum::<T>(&terms);
            for whole in wholes {
                assert_bits(whole.finish(Reduction::Sum).unwrap(), sum, "sum");
                let mean = whole.finish(Reduction::Mean).unwrap();
                assert_bits(mean, sum / len as f64, "mean");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// A run that begins anywhere, however long, waits for what comes before it.
#[test]
fn partials_of_long_runs() {
    let mut random = Random::new(6);
    let (blocks, len) = (13, 12 * BLOCK + 77);
    let weight: Vec<f32> = cancelling(&mut random, len);
    let terms: Vec<f64> = weight.iter().map(|&w| 100.0 * f64::from(w)).collect();
    let (x, y) = (vec![0.0; len], vec![1.0; len]);
    let leaf = |from: usize, to: usize| {
        let run = from * BLOCK..(to * BLOCK).min(len);
        let bce = Bce::new().weight(&weight[run.clone()]);
        bce.partial(&x[run.clone()], &y[run.clone()], run.start)
            .unwrap()
    };
    let expected = naive_sum::<f32>(&terms);
    // A run of 13 blocks leaves nodes of 8, 4 and 1.
    for first in 1..blocks {
        for second in first + 1..blocks {
            let (mut left, mut middle) = (leaf(0, first), leaf(first, second));
            middle.merge(&leaf(second, blocks)).unwrap();
            left.merge(&middle).unwrap();
            let what = format!("{first} and {second}");
            assert_bits(left.finish(Reduction::Sum).unwrap(), expected, &what);
        }
    }
}

/// For `f64` elements the errors of the sum come back: integers that cancel down to what a plain sum has
/// long lost give the exact sum, rounded once.
#[test]
fn compensated_sums_are_exact() {
    let sum = |terms: &[f64]| {
        let rows = Classes::new(terms, [terms.len(), 1]).unwrap();
        let nll = Nll::new().reduction(Reduction::Sum);
        -nll.forward(rows, &vec![0_u8; terms.len()]).unwrap()
    };
    assert_eq!(sum(&[1e16, 1.0, -1e16]), 1.0);
    assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100]), 2.0);
    assert_eq!(sum(&[1e16, -0.5, -1e16, 0.25]), -0.25);

    let mut random = Random::new(7);
    let mut plain_is_off = 0;
    for len in (2..300).chain([BLOCK, 3 * BLOCK + 100]) {
        let mut terms: Vec<f64> = random.elements(len, |random| {
            (random.within(1.0) * f64::from(1 << 20) * 2f64.powi(random.below(44) as i32)).trunc()
        });
        // The second half undoes most of it, in another order.
        for i in 0..len / 2 {
            terms[len - 1 - i] = -terms[i] + random.within(100.0).trunc();
        }
        let exact: i128 = terms.iter().map(|&term| term as i128).sum();
        assert_eq!(sum(&terms), exact as f64, "{len} terms");
        plain_is_off += usize::from(terms.iter().sum::<f64>() != exact as f64);
    }
    assert!(plain_is_off > 250, "{plain_is_off}");
}
