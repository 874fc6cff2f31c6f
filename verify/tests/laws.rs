//! Laws of the functions, as properties of random calls: what anyone may rely on without an oracle at hand.
//!
//! Where a law cannot hold to the bit it has a tolerance, and that is derived from the table of bounds: each answer is within
//! B ULP of its exact value (and within b Σ more where its terms can cancel), exact values keep the law, and so the
//! distance between the two sides is at most the sum of what their answers may be off.
//!
//! Laws that have a home elsewhere are not repeated here:
//! - elements and rows do not see their neighbours, a sum of one is that one, methods agree, on calls of arbitrary bytes:
//!   `src/fuzz/properties.rs`, run by `tests/fuzz.rs` and `trueloss soak`; on fixed numbers and for all shapes around a
//!   chunk: `core/tests/laws.rs`. Here the neighbours change and the row stays;
//! - every grouping of partials of fixed sums of special terms: `core/tests/tree.rs`. Here calls are split, of arbitrary bits;
//! - log_sigmoid(x) = -softplus(-x) on arbitrary bits of `f32` and `f64`: `src/fuzz/properties.rs`. Here all 16-bit numbers;
//! - monotonicity of `f32` functions over all 2^32 numbers: `trueloss sweep`. Here the other types, and rows;
//! - identities between functions (two classes are binary, a softmax is a log_softmax's exponential): `src/equivalences.rs`.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use rug::Float;
use trueloss::half::{bf16, f16};
use trueloss::{
    BLOCK, Bce, BceWithLogits, Classes, CrossEntropy, Element, LogSigmoid, LogSoftmax, Mse, Nll,
    Partial, Reduction, Sigmoid, Softmax, Softplus,
};
use trueloss_verify::claims::{self, Bound, Direction};
use trueloss_verify::generate::{self, ElementType};
use trueloss_verify::oracle::Function;
use trueloss_verify::ulp::Format;

/// Runs generic tests for every element type.
macro_rules! for_each_element_type {
    ($($test:ident),* $(,)?) => {
        mod of_f32 { $(#[test] fn $test() { super::$test::<f32>() })* }
        mod of_f64 { $(#[test] fn $test() { super::$test::<f64>() })* }
        mod of_f16 { $(#[test] fn $test() { super::$test::<trueloss::half::f16>() })* }
        mod of_bf16 { $(#[test] fn $test() { super::$test::<trueloss::half::bf16>() })* }
    };
}

for_each_element_type!(
    a_row_does_not_depend_on_its_neighbours,
    layouts_have_the_same_bits,
    partials_merge_in_any_grouping,
    a_rows_gradients_add_up_to_zero,
    probabilities_add_up_to_one,
    sigmoid_of_x_and_of_minus_x_add_up_to_one,
    softmax_rises_with_its_own_logit_and_falls_with_others,
    classes_may_be_permuted,
    the_gradient_of_a_mean_is_that_of_each_divided,
    weights_scale_losses,
    weights_of_a_weighted_mean_may_be_scaled,
);

/// An element type by its bits.
trait Bits: Element + Format {
    const TYPE: ElementType;
    fn of_bits(bits: u64) -> Self;
}

macro_rules! bits {
    ($($T:ident $bits:ty: $element:ident;)*) => {$(
        impl Bits for $T {
            const TYPE: ElementType = ElementType::$element;
            fn of_bits(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }
        }
    )*};
}
bits! { f32 u32: F32; f64 u64: F64; f16 u16: F16; bf16 u16: BF16; }

/// The same calls at every run; what fails is shrunk, and printed.
fn holds<S: Strategy>(cases: u32, calls: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let shown = TestRunner::new_with_rng(config, rng).run(&calls, law);
    shown.unwrap_or_else(|error| panic!("{error}"));
}

/// Bits at random: numbers of every magnitude, subnormal ones, infinities, NaN.
fn any_bits<T: Bits>() -> impl Strategy<Value = T> + Clone {
    any::<u64>().prop_map(T::of_bits)
}

/// Logits, of which one in four is of arbitrary bits.
fn any_logit<T: Bits>() -> impl Strategy<Value = T> + Clone {
    prop_oneof![1 => any_bits::<T>(), 3 => generate::logit(T::TYPE).prop_map(T::narrow)]
}

/// Finite logits, of which one in four is of arbitrary bits but for its class; in `f64` none whose exponential is subnormal
/// beside another's, as its bounds ask where there are factors.
fn finite_logit<T: Bits>() -> impl Strategy<Value = T> + Clone {
    any_logit::<T>().prop_map(|x| {
        let wide = x.widen();
        if !wide.is_finite() {
            T::one()
        } else if T::TYPE == ElementType::F64 && (300.0..1e12).contains(&wide.abs()) {
            T::narrow(wide * 1e-10)
        } else {
            x
        }
    })
}

/// A number from 0 to 1, half of them hard.
fn unit<T: Bits>() -> impl Strategy<Value = T> + Clone {
    prop_oneof![
        1 => Just(T::zero()),
        1 => Just(T::one()),
        2 => (0.0..=1.0).prop_map(T::narrow),
    ]
}

/// Numbers of classes around 1, the size of a chunk and the lanes of the tree.
fn classes() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![6 => 1..=12_usize, 1 => 60..=70_usize, 1 => 250..=530_usize]
}

/// A row of classes.
fn row<T: Bits>(logit: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = Vec<T>> {
    classes().prop_flat_map(move |c| vec(logit.clone(), c))
}

/// Equal where two slices are, every NaN being the same and -0 not 0.
fn bits<T: Bits>(numbers: &[T]) -> Vec<u64> {
    let bits = |x: &T| if x.is_nan() { f64::NAN } else { x.widen() }.to_bits();
    numbers.iter().map(bits).collect()
}

fn bound<T: Bits>(function: Function, variant: &str, direction: Direction) -> Bound {
    let mut table = claims::table().into_iter();
    let of = (function, variant, T::TYPE, direction);
    let claim = table.find(|claim| {
        (
            claim.function,
            claim.variant,
            claim.element,
            claim.direction,
        ) == of
    });
    claim
        .unwrap_or_else(|| panic!("{of:?} is not in the table"))
        .bound
}

fn power(exponent: i32) -> f64 {
    let bits = match exponent {
        -1022.. => ((exponent + 1023) as u64) << 52,
        _ => 1 << (exponent + 1074),
    };
    f64::from_bits(bits)
}

/// The ULP of the exact value that `answer` is within an ULP of, or a larger one: that of the answer's binade, and of the
/// next one where the answer is the last number before it.
fn ulp<T: Bits>(answer: T) -> f64 {
    let magnitude = answer.widen().abs();
    let digits = T::MANTISSA_BITS as i32;
    let of = |x: f64| {
        let exponent = (x.to_bits() >> 52) as i32 - 1022;
        power(
            (exponent - digits)
                .max(T::MIN_EXPONENT)
                .min(T::MAX_EXPONENT - digits),
        )
    };
    let unit = of(magnitude);
    of(magnitude + unit)
}

/// So many bits keep any sum of a thousand f64 exact.
const EXACT: u32 = 2200;

fn exact_sum(numbers: impl IntoIterator<Item = f64>) -> Float {
    numbers
        .into_iter()
        .fold(Float::new(EXACT), |sum, x| sum + x)
}

/// Distance of two numbers, rounded once.
fn distance(a: f64, b: f64) -> f64 {
    exact_sum([a, -b]).to_f64().abs()
}

/// For the roundings of a tolerance: it is computed in `f64`, from numbers that are not negative.
const ROUNDED: f64 = 1.0 + 1e-10;

fn labels(rows: usize, c: usize) -> impl Strategy<Value = Vec<i64>> {
    vec(0..c as i64, rows)
}

fn loss_and_gradient<T: Bits>(
    loss: &CrossEntropy<'_, T>,
    input: Classes<'_, T>,
    target: &[i64],
) -> (Vec<T>, Vec<T>) {
    let (mut losses, mut grad) = (
        vec![T::zero(); input.rows()],
        vec![T::zero(); input.elements()],
    );
    loss.forward_each(input, target, &mut losses).unwrap();
    loss.backward_each(input, target, &vec![T::one(); input.rows()], &mut grad)
        .unwrap();
    (losses, grad)
}

/// Batch invariance: whatever bits stand around a row, its own answers are the same to the bit.
fn a_row_does_not_depend_on_its_neighbours<T: Bits>() {
    let calls = (1..=6_usize, classes()).prop_flat_map(|(n, c)| {
        let rows = vec(any_bits::<T>(), n * c);
        (
            vec(any_logit::<T>(), c),
            rows.clone(),
            rows,
            0..n,
            0..c as i64,
            labels(n, c),
        )
    });
    holds(
        150,
        calls,
        |(row, mut some, mut others, at, label, mut labels)| {
            let c = row.len();
            let place = at * c..(at + 1) * c;
            labels[at] = label;
            some[place.clone()].copy_from_slice(&row);
            others[place.clone()].copy_from_slice(&row);
            let loss = CrossEntropy::<T>::new().label_smoothing(0.1);
            let answers = [&some, &others].map(|data| {
                let input = Classes::new(data, [data.len() / c, c]).unwrap();
                let (losses, grad) = loss_and_gradient(&loss, input, &labels);
                let (mut p, mut p_grad) =
                    (vec![T::zero(); data.len()], vec![T::zero(); data.len()]);
                Softmax::new().forward(input, &mut p).unwrap();
                LogSoftmax::new()
                    .backward(input, data, &mut p_grad)
                    .unwrap();
                let of_row = [grad, p, p_grad].map(|all| bits(&all[place.clone()]));
                (bits(&losses[at..=at]), of_row)
            });
            prop_assert_eq!(&answers[0], &answers[1]);
            // Elements: all but one of them change.
            let at = at * c;
            let answers = [&some, &others].map(|x| {
                let y = vec![T::one(); x.len()];
                let (mut losses, mut grad) = (vec![T::zero(); x.len()], vec![T::zero(); x.len()]);
                BceWithLogits::new()
                    .forward_each(x, &y, &mut losses)
                    .unwrap();
                Sigmoid::new().backward(x, &y, &mut grad).unwrap();
                bits(&[losses[at], grad[at]])
            });
            prop_assert_eq!(&answers[0], &answers[1]);
            Ok(())
        },
    );
}

/// (N, C, d), and the same rows as (N d, C): the same bits, those of the reduced loss too, as the order of rows is the same.
fn layouts_have_the_same_bits<T: Bits>() {
    let calls = (1..=4_usize, classes(), 1..=5_usize).prop_flat_map(|(n, c, d)| {
        (
            Just((n, c, d)),
            vec(any_logit::<T>(), n * c * d),
            labels(n * d, c),
            vec(any_bits::<T>(), n * c * d),
        )
    });
    holds(150, calls, |((n, c, d), strided, labels, g)| {
        let place = |row: usize, j: usize| (row / d * c + j) * d + row % d;
        let side_by_side = |from: &[T]| -> Vec<T> {
            let rows = 0..n * d;
            rows.flat_map(|row| (0..c).map(move |j| place(row, j)))
                .map(|i| from[i])
                .collect()
        };
        let contiguous = side_by_side(&strided);
        let a = Classes::new(&strided, [n, c, d]).unwrap();
        let b = Classes::new(&contiguous, [n * d, c]).unwrap();
        let ce = CrossEntropy::<T>::new().label_smoothing(0.1);
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let losses =
                [a, b].map(|input| ce.reduction(reduction).forward(input, &labels).unwrap());
            prop_assert_eq!(bits(&losses[..1]), bits(&losses[1..]));
            let losses = [a, b].map(|input| {
                Nll::new()
                    .reduction(reduction)
                    .forward(input, &labels)
                    .unwrap()
            });
            prop_assert_eq!(bits(&losses[..1]), bits(&losses[1..]));
        }
        let [(each, grad), (each_too, grad_too)] =
            [a, b].map(|input| loss_and_gradient(&ce, input, &labels));
        prop_assert_eq!(bits(&each), bits(&each_too));
        prop_assert_eq!(bits(&side_by_side(&grad)), bits(&grad_too));
        // And along any dimension: (N, C, d) along 1 is as above, and a matrix along 0 is its transpose along 1.
        let (mut out, mut out_too) = (grad, grad_too);
        for softmax in [
            |input: Classes<'_, T>, _: &[T], out: &mut [T]| Softmax::new().forward(input, out),
            |input: Classes<'_, T>, g: &[T], out: &mut [T]| Softmax::new().backward(input, g, out),
            |input: Classes<'_, T>, g: &[T], out: &mut [T]| {
                LogSoftmax::new().backward(input, g, out)
            },
        ] {
            softmax(
                Classes::along(&strided, [n, c, d], 1).unwrap(),
                &g,
                &mut out,
            )
            .unwrap();
            softmax(b, &side_by_side(&g), &mut out_too).unwrap();
            prop_assert_eq!(bits(&side_by_side(&out)), bits(&out_too));
        }
        Ok(())
    });
}

/// A batch in parts at block boundaries, merged in any order that keeps neighbours together, has the bits of the whole.
fn partials_merge_in_any_grouping<T: Bits>() {
    // Some numbers of arbitrary bits, over and over: to generate each of so many would take long.
    let some = vec((any_bits::<T>(), unit::<T>()), 1..40);
    let len = (0..6 * BLOCK).prop_map(|len| len + 1);
    let calls = (
        some,
        len,
        vec(1..3_usize, 6),
        vec(any::<prop::sample::Index>(), 6),
    );
    holds(24, calls, |(some, len, sizes, order)| {
        let (x, y): (Vec<T>, Vec<T>) = some.into_iter().cycle().take(len).unzip();
        let loss = BceWithLogits::new();
        let mut parts: Vec<Partial<T>> = vec![];
        let mut start = 0;
        for size in sizes.iter().cycle() {
            let end = (start + size * BLOCK).min(len);
            parts.push(loss.partial(&x[start..end], &y[start..end], start).unwrap());
            start = end;
            if end == len {
                break;
            }
        }
        for at in order.iter().cycle() {
            if parts.len() == 1 {
                break;
            }
            let at = at.index(parts.len() - 1);
            let next = parts.remove(at + 1);
            parts[at].merge(&next).unwrap();
        }
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let merged = parts[0].finish(reduction).unwrap();
            let whole = loss.reduction(reduction).forward(&x, &y).unwrap();
            prop_assert_eq!(bits(&[merged]), bits(&[whole]));
        }
        Ok(())
    });
}

/// sum over j of (V p_j - v_j) = V - V = 0, and so for softmax and log_softmax: sum of p_j (g_j - s) = s - s with s = sum
/// of p_i g_i, sum of (g_j - p_j G) = G - G. Each gradient is within B ULP + b Σ_j of exact, so that the sum of what was
/// returned, which is exact here, is at most the sum of those from 0. Σ_j is what the two terms come to; for softmax and
/// log_softmax p_j (|g_j| + sum of p_i |g_i|) and |g_j| + p_j sum of |g_i|, which sum to at most 2 sum of |g_i|. (What those
/// take beyond the largest number of the type is no number to add.)
fn a_rows_gradients_add_up_to_zero<T: Bits>() {
    let g = generate::grad_output(T::TYPE).prop_map(T::narrow);
    let calls = row(finite_logit::<T>()).prop_flat_map(move |x| {
        let c = x.len();
        (Just(x), 0..c as i64, vec(unit::<T>(), c), vec(g.clone(), c))
    });
    holds(300, calls, |(x, label, q, g)| {
        let input = Classes::new(&x, [x.len()]).unwrap();
        let mut grad = vec![T::zero(); x.len()];
        let add_up = |grad: &[T], bound: Bound, terms: f64| {
            if grad.iter().any(|x| x.is_infinite()) && terms > T::max_value().widen() {
                return Ok(());
            }
            let sum = exact_sum(grad.iter().map(|x| x.widen())).to_f64().abs();
            let ulps: f64 = grad.iter().map(|&x| ulp(x)).sum();
            let tolerance = (bound.ulp * ulps + bound.terms * terms) * ROUNDED;
            prop_assert!(
                sum <= tolerance,
                "{sum:e} is more than {tolerance:e}: {grad:?}"
            );
            Ok(())
        };
        let ce = CrossEntropy::<T>::new();
        let gradient = |variant| bound::<T>(Function::CrossEntropy, variant, Direction::Gradient);
        ce.backward_each(input, &[label], &[T::one()], &mut grad)
            .unwrap();
        add_up(&grad, gradient("each, labels"), 2.0)?;
        ce.label_smoothing(0.3)
            .backward_each(input, &[label], &[T::one()], &mut grad)
            .unwrap();
        add_up(&grad, gradient("each, smoothing, weights"), 2.0)?;
        ce.backward_each_probabilities(input, &q, &[T::one()], &mut grad)
            .unwrap();
        let v: f64 = q.iter().map(|q| q.widen()).sum();
        add_up(&grad, gradient("each, probabilities, weights"), 2.0 * v)?;

        let terms = 2.0 * g.iter().map(|g| g.widen().abs()).sum::<f64>();
        Softmax::new().backward(input, &g, &mut grad).unwrap();
        add_up(
            &grad,
            bound::<T>(Function::Softmax, "", Direction::Gradient),
            terms,
        )?;
        LogSoftmax::new().backward(input, &g, &mut grad).unwrap();
        add_up(
            &grad,
            bound::<T>(Function::LogSoftmax, "", Direction::Gradient),
            terms,
        )
    });
}

/// Within the sum of the bounds of each.
fn probabilities_add_up_to_one<T: Bits>() {
    let bound = bound::<T>(Function::Softmax, "", Direction::Forward);
    assert_eq!(bound.terms, 0.0);
    holds(300, row(finite_logit::<T>()), |x| {
        let mut p = x.clone();
        Softmax::new()
            .forward(Classes::new(&x, [x.len()]).unwrap(), &mut p)
            .unwrap();
        let off = exact_sum(p.iter().map(|p| p.widen()).chain([-1.0]))
            .to_f64()
            .abs();
        let tolerance = bound.ulp * p.iter().map(|&p| ulp(p)).sum::<f64>() * ROUNDED;
        prop_assert!(
            off <= tolerance,
            "{off:e} is more than {tolerance:e}: {p:?}"
        );
        Ok(())
    });
}

/// Within the bounds of both: 0.5 ULP each, 0.9 in `f64`.
fn sigmoid_of_x_and_of_minus_x_add_up_to_one<T: Bits>() {
    let bound = bound::<T>(Function::Sigmoid, "", Direction::Forward);
    holds(2000, any_logit::<T>(), |x| {
        let [a, b] = [x, -x].map(trueloss::sigmoid);
        if x.is_nan() {
            prop_assert!(a.is_nan() && b.is_nan());
            return Ok(());
        }
        let off = exact_sum([a.widen(), b.widen(), -1.0]).to_f64().abs();
        let tolerance = bound.ulp * (ulp(a) + ulp(b)) * ROUNDED;
        prop_assert!(
            off <= tolerance,
            "{x:?}: {off:e} is more than {tolerance:e}"
        );
        Ok(())
    });
}

/// From one logit to the next number p_j rises in exact arithmetic, and the other probabilities fall. Both answers are
/// within B ULP, so that they may be in the wrong order by 2 B at most: for 0.5001 that is one number in the place of its
/// neighbour, at a near-tie, and for the 0.7 of `f64` it is one, too. Two would be wrong. Likewise the loss at j, which falls,
/// and log_softmax at j, which rises.
fn softmax_rises_with_its_own_logit_and_falls_with_others<T: Bits>() {
    let calls = row(finite_logit::<T>()).prop_flat_map(|x| {
        let c = x.len();
        (Just(x), 0..c)
    });
    holds(300, calls, |(x, j)| {
        let next = next_up(x[j]);
        if !next.is_finite() {
            return Ok(());
        }
        let answers = [x[j], next].map(|logit| {
            let mut x = x.clone();
            x[j] = logit;
            let input = Classes::new(&x, [x.len()]).unwrap();
            let (mut p, mut logs, mut loss) = (x.clone(), x.clone(), [T::zero()]);
            Softmax::new().forward(input, &mut p).unwrap();
            LogSoftmax::new().forward(input, &mut logs).unwrap();
            CrossEntropy::<T>::new()
                .forward_each(input, &[j as i64], &mut loss)
                .unwrap();
            (p, logs, loss[0])
        });
        let [(p, logs, loss), (p_next, logs_next, loss_next)] = &answers;
        let in_order = |low: T, high: T, function, variant| {
            let bound = bound::<T>(function, variant, Direction::Forward);
            let tolerance = bound.ulp * (ulp(low) + ulp(high)) * ROUNDED;
            if low == high {
                return Ok(());
            }
            let over = exact_sum([low.widen(), -high.widen()]).to_f64();
            prop_assert!(
                over <= tolerance,
                "{low:?}, {high:?} of {function:?} from {:?} to {next:?}",
                x[j]
            );
            Ok(())
        };
        for i in 0..x.len() {
            let (low, high) = if i == j { (p, p_next) } else { (p_next, p) };
            in_order(low[i], high[i], Function::Softmax, "")?;
            let (low, high) = if i == j {
                (logs, logs_next)
            } else {
                (logs_next, logs)
            };
            in_order(low[i], high[i], Function::LogSoftmax, "")?;
        }
        in_order(*loss_next, *loss, Function::CrossEntropy, "each, labels")
    });
}

/// The number after a finite one.
fn next_up<T: Bits>(x: T) -> T {
    let unit = ulp(x);
    // Half of a number's ULP may be a neighbour's, below a power of two.
    let candidates = [unit / 2.0, unit].map(|step| T::narrow(x.widen() + step));
    candidates.into_iter().find(|&next| next > x).unwrap_or(x)
}

/// f(P x) = P f(x) in exact arithmetic, and the label moves with its class. The order of the sum changes, so the bits may:
/// by twice the bound, of answers to one exact value.
fn classes_may_be_permuted<T: Bits>() {
    let calls = row(finite_logit::<T>()).prop_flat_map(|x| {
        let c = x.len();
        (
            Just(x),
            Just((0..c).collect::<Vec<_>>()).prop_shuffle(),
            0..c,
            vec(unit::<T>(), c),
        )
    });
    holds(300, calls, |(x, order, label, q)| {
        let c = x.len();
        let moved = |from: &[T]| -> Vec<T> { order.iter().map(|&i| from[i]).collect() };
        let new_label = order.iter().position(|&i| i == label).unwrap();
        let (x_too, q_too) = (moved(&x), moved(&q));
        let answers = [(&x, label, &q), (&x_too, new_label, &q_too)].map(|(x, label, q)| {
            let input = Classes::new(x, [c]).unwrap();
            let (mut p, mut logs) = (x.clone(), x.clone());
            Softmax::new().forward(input, &mut p).unwrap();
            LogSoftmax::new().forward(input, &mut logs).unwrap();
            let ce = CrossEntropy::<T>::new();
            let (losses, grad) = loss_and_gradient(&ce, input, &[label as i64]);
            let (smooth, _) = loss_and_gradient(&ce.label_smoothing(0.3), input, &[label as i64]);
            let mut of_q = [T::zero()];
            ce.forward_each_probabilities(input, q, &mut of_q).unwrap();
            [p, logs, grad, losses, smooth, of_q.to_vec()]
        });
        let [before, after] = answers;
        let of_ce = |variant, direction| bound::<T>(Function::CrossEntropy, variant, direction);
        let bounds = [
            bound::<T>(Function::Softmax, "", Direction::Forward),
            bound::<T>(Function::LogSoftmax, "", Direction::Forward),
            of_ce("each, labels", Direction::Gradient),
            of_ce("each, labels", Direction::Forward),
            of_ce("each, smoothing, weights", Direction::Forward),
            of_ce("each, probabilities, weights", Direction::Forward),
        ];
        for ((before, after), bound) in before.iter().zip(&after).zip(bounds) {
            assert_eq!(bound.terms, 0.0);
            let before = if before.len() == c {
                moved(before)
            } else {
                before.clone()
            };
            for (&a, &b) in before.iter().zip(after) {
                if !(a.is_finite() && b.is_finite()) {
                    // Of an exact value about the largest number or beyond it.
                    let at_the_end = |x: T| x.abs() >= T::max_value();
                    prop_assert!(
                        at_the_end(a)
                            && at_the_end(b)
                            && a.is_sign_negative() == b.is_sign_negative()
                    );
                    continue;
                }
                let tolerance = bound.ulp * (ulp(a) + ulp(b)) * ROUNDED;
                let off = distance(a.widen(), b.widen());
                prop_assert!(off <= tolerance, "{a:?} is not {b:?}");
            }
        }
        Ok(())
    });
}

/// m_i = e_i / n in exact arithmetic, so the answers differ by B_m ULP(m_i) + B_e ULP(e_i) / n at most, and b Σ of both.
/// (`core/tests/laws.rs` has the same for a `grad_output` of g / n, which rounds once more.)
fn the_gradient_of_a_mean_is_that_of_each_divided<T: Bits>() {
    let calls = vec((finite_logit::<T>(), unit::<T>(), unit::<T>()), 1..200);
    holds(200, calls, |elements| {
        let n = elements.len();
        let x: Vec<T> = elements.iter().map(|element| element.0).collect();
        let (p, y): (Vec<T>, Vec<T>) = elements
            .iter()
            .map(|element| (element.1, element.2))
            .unzip();
        let ones = vec![T::one(); n];
        let near =
            |function, each: &[T], mean: &[T], variants: [&str; 2], terms: f64, count: usize| {
                let [of_each, of_mean] =
                    variants.map(|variant| bound::<T>(function, variant, Direction::Gradient));
                for (&each, &mean) in each.iter().zip(mean) {
                    // Beyond the largest number, or below it by the division.
                    if !each.is_finite() {
                        continue;
                    }
                    let count = count as f64;
                    let mut off = exact_sum([each.widen()]) / count - mean.widen();
                    off.abs_mut();
                    let ulps = of_mean.ulp * ulp(mean) + of_each.ulp * ulp(each) / count;
                    let tolerance =
                        (ulps + (of_mean.terms + of_each.terms) * terms / count) * ROUNDED;
                    prop_assert!(
                        off <= tolerance,
                        "{function:?}: {mean:?} is not {each:?} / {count}"
                    );
                }
                Ok(())
            };
        macro_rules! elementwise {
            ($loss:expr, $input:expr, $target:expr, $function:ident, $variants:expr, $terms:expr) => {
                let (mut each, mut mean) = (ones.clone(), ones.clone());
                $loss
                    .backward_each($input, $target, &ones, &mut each)
                    .unwrap();
                $loss
                    .backward($input, $target, T::one(), &mut mean)
                    .unwrap();
                near(Function::$function, &each, &mean, $variants, $terms, n)?;
            };
        }
        // A difference that leaves the range of the element or of f64 is no number to divide.
        let small: Vec<T> = x
            .iter()
            .map(|&x| if x.widen().abs() < 1e150 { x } else { T::one() })
            .collect();
        elementwise!(
            Mse::new(),
            &small,
            &y,
            MseLoss,
            ["each", "mean or sum"],
            0.0
        );
        elementwise!(
            Bce::new(),
            &p,
            &y,
            BinaryCrossEntropy,
            ["each, weights", "mean or sum"],
            0.0
        );
        elementwise!(
            BceWithLogits::new(),
            &x,
            &y,
            BinaryCrossEntropyWithLogits,
            ["each", "mean or sum"],
            2.0
        );
        // Rows of two classes or of one; all weights are 1.
        let c = 1 + usize::from(n.is_multiple_of(2));
        let (rows, input) = (n / c, Classes::new(&x, [n / c, c]).unwrap());
        let labels: Vec<i64> = (0..rows).map(|row| (row % c) as i64).collect();
        let ce = CrossEntropy::<T>::new();
        let (_, each) = loss_and_gradient(&ce, input, &labels);
        let mut mean = ones.clone();
        ce.backward(input, &labels, T::one(), &mut mean).unwrap();
        let variants = ["each, labels", "mean or sum, labels, weights, ignored rows"];
        near(Function::CrossEntropy, &each, &mean, variants, 0.0, rows)
    });
}

/// A power of two times a weight is that power times the loss and the gradient, to the bit, where neither is subnormal nor
/// overflows: it changes exponents and nothing else. Any other factor k: k times an answer is within k B ULP of what the
/// answer to k times the weight is within B ULP of. (Weights and factors have so few digits that their product is exact.)
fn weights_scale_losses<T: Bits>() {
    let calls = (
        vec((finite_logit::<T>(), unit::<T>()), 1..50),
        1..=15_i32,
        1..=3_i32,
        3..=13_i32,
    );
    holds(300, calls, |(elements, w, exponent, factor)| {
        let (x, y): (Vec<T>, Vec<T>) = elements.into_iter().unzip();
        let n = x.len();
        let (w, two) = (f64::from(w), power(exponent));
        let input = Classes::new(&x, [n]).unwrap();
        let label = [(n / 2) as i64];
        let answers = |w: f64| {
            let w = [T::narrow(w)];
            let ws = vec![w[0]; n];
            let (mut losses, mut grad) = (vec![T::zero(); n], vec![T::zero(); n]);
            let loss = BceWithLogits::new().weight(&w);
            loss.forward_each(&x, &y, &mut losses).unwrap();
            loss.backward_each(&x, &y, &vec![T::one(); n], &mut grad)
                .unwrap();
            let (mut nll, mut ce) = ([T::zero()], [T::zero()]);
            Nll::new()
                .weight(&ws)
                .forward_each(input, &label, &mut nll)
                .unwrap();
            CrossEntropy::new()
                .weight(&ws)
                .forward_each(input, &label, &mut ce)
                .unwrap();
            [losses, grad, nll.to_vec(), ce.to_vec()]
        };
        let direction = [
            Direction::Forward,
            Direction::Gradient,
            Direction::Forward,
            Direction::Forward,
        ];
        let functions = [
            (Function::BinaryCrossEntropyWithLogits, "each, weights"),
            (Function::BinaryCrossEntropyWithLogits, "each, weights"),
            (Function::NllLoss, "each, weights, ignored rows"),
            (
                Function::CrossEntropy,
                "each, labels, weights, ignored rows",
            ),
        ];
        let of_one = answers(w);
        let smallest = power(T::MIN_EXPONENT + T::MANTISSA_BITS as i32);
        for (one, scaled) in of_one.iter().zip(answers(w * two)) {
            for (&one, scaled) in one.iter().zip(scaled) {
                let is_normal = one.widen().abs() >= smallest;
                if one.is_finite() && is_normal && scaled.is_finite() {
                    prop_assert_eq!(one.widen() * two, scaled.widen());
                }
            }
        }
        let k = f64::from(factor);
        let of_factor = answers(w * k);
        for (which, (one, scaled)) in of_one.iter().zip(&of_factor).enumerate() {
            let (function, variant) = functions[which];
            let bound = bound::<T>(function, variant, direction[which]);
            for (&one, &scaled) in one.iter().zip(scaled) {
                if !(one.is_finite() && scaled.is_finite()) {
                    continue;
                }
                let mut off = exact_sum([one.widen()]) * k - scaled.widen();
                off.abs_mut();
                // The terms of a gradient are at most w each.
                let terms = 2.0 * bound.terms * 2.0 * w * k;
                let tolerance = (bound.ulp * (ulp(scaled) + k * ulp(one)) + terms) * ROUNDED;
                prop_assert!(
                    off <= tolerance,
                    "{function:?}: {scaled:?} is not {k} times {one:?}"
                );
            }
        }
        Ok(())
    });
}

/// Where a mean divides by the weights, twice all weights are the same mean, and the same gradient, to the bit.
fn weights_of_a_weighted_mean_may_be_scaled<T: Bits>() {
    // A sum that leaves the range of f64 is no number to divide.
    let small =
        finite_logit::<T>().prop_map(|x| if x.widen().abs() < 1e150 { x } else { T::one() });
    let calls = (1..=12_usize, 1..=6_usize).prop_flat_map(|(c, n)| {
        (
            vec(small.clone(), n * c),
            labels(n, c),
            vec(1..=15_i32, c),
            1..=3_i32,
        )
    });
    holds(300, calls, |(x, labels, weights, exponent)| {
        let c = weights.len();
        let input = Classes::new(&x, [x.len() / c, c]).unwrap();
        let answers = [1.0, power(exponent)].map(|factor| {
            let weights: Vec<T> = weights
                .iter()
                .map(|&w| T::narrow(f64::from(w) * factor))
                .collect();
            let mut grad = vec![T::zero(); x.len()];
            let ce = CrossEntropy::new().weight(&weights);
            let losses = [
                ce.forward_backward(input, &labels, &mut grad).unwrap(),
                ce.label_smoothing(0.2).forward(input, &labels).unwrap(),
                Nll::new().weight(&weights).forward(input, &labels).unwrap(),
            ];
            (bits(&losses), bits(&grad))
        });
        prop_assert_eq!(&answers[0], &answers[1]);
        Ok(())
    });
}

/// All numbers of a 16-bit type in their order, NaN left out; -0 is before 0.
fn all_of_16_bits<T: Bits>() -> Vec<T> {
    let key = |x: &T| (x.widen(), x.is_sign_positive());
    let numbers = (0..1 << 16).map(T::of_bits);
    let mut numbers: Vec<T> = numbers.filter(|x| !x.is_nan()).collect();
    numbers.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap());
    numbers
}

/// Sigmoid, log_sigmoid and softplus rise, and those with fewer digits are correctly rounded: their answers never fall.
fn answers_never_fall<T: Bits>() {
    let x = all_of_16_bits::<T>();
    let mut out = x.clone();
    let mut never_fall = |name: &str, forward: &dyn Fn(&mut [T])| {
        forward(&mut out);
        for (x, out) in x.windows(2).zip(out.windows(2)) {
            assert!(
                out[0] <= out[1],
                "{name} of {:?} and {:?}: {:?}, {:?}",
                x[0],
                x[1],
                out[0],
                out[1]
            );
        }
    };
    never_fall("sigmoid", &|out| Sigmoid::new().forward(&x, out).unwrap());
    never_fall("log_sigmoid", &|out| {
        LogSigmoid::new().forward(&x, out).unwrap()
    });
    never_fall("softplus", &|out| Softplus::new().forward(&x, out).unwrap());
}

#[test]
fn activations_rise_over_all_f16() {
    answers_never_fall::<f16>();
}

#[test]
fn activations_rise_over_all_bf16() {
    answers_never_fall::<bf16>();
}

/// Both answers are within 0.9 ULP: below 2 ULP apart where they are in the wrong order, which is one number.
#[test]
fn activations_of_f64_fall_by_one_number_at_most() {
    let functions = [
        (Function::Sigmoid, trueloss::sigmoid as fn(f64) -> f64),
        (Function::LogSigmoid, trueloss::log_sigmoid),
        (Function::Softplus, trueloss::softplus),
    ];
    holds(5000, any_logit::<f64>(), |x| {
        let next = x.next_up();
        if next.is_nan() {
            return Ok(());
        }
        for (function, f) in functions {
            let bound = bound::<f64>(function, "", Direction::Forward);
            let (low, high) = (f(x), f(next));
            let tolerance = bound.ulp * (ulp(low) + ulp(high)) * ROUNDED;
            let in_order = low <= high || low - high <= tolerance;
            prop_assert!(
                in_order,
                "{function:?} of {x:e} and the next: {low:e}, {high:e}"
            );
        }
        Ok(())
    });
}

/// log_sigmoid(x) = -softplus(-x), and the same of their derivatives, to the bit, for every 16-bit number.
#[test]
fn log_sigmoid_is_minus_softplus_of_minus_x() {
    fn check<T: Bits>() {
        for x in (0..1 << 16).map(T::of_bits) {
            let (a, b) = (trueloss::log_sigmoid(x), -trueloss::softplus(-x));
            assert_eq!(bits(&[a]), bits(&[b]), "{x:?}");
            let (a, b) = (
                trueloss::log_sigmoid_derivative(x),
                trueloss::softplus_derivative(-x),
            );
            assert_eq!(bits(&[a]), bits(&[b]), "{x:?}");
        }
    }
    check::<f16>();
    check::<bf16>();
}
