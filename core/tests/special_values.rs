//! Infinities, NaN, zeros and nothing: the values are limits where there are limits.

#[macro_use]
mod common;

use common::{bits, cast};
use trueloss::elementary::{exp, log1p, log1p_unit};
#[cfg(feature = "half")]
use trueloss::half;
use trueloss::{
    Bce, BceWithLogits, Classes, CrossEntropy, Element, LogSigmoid, LogSoftmax, Mse, Nll,
    Reduction, Sigmoid, Softmax, Softplus, accuracy, binary_accuracy, log_sigmoid,
    log_sigmoid_derivative, sigmoid, sigmoid_derivative, softplus, softplus_derivative,
};

for_each_element_type!(
    activations_at_infinity,
    softmax_at_infinity,
    softmax_of_infinite_gradients,
    mse_at_infinity,
    bce_at_its_ends,
    bce_with_logits_at_infinity,
    weights_of_zero_on_infinities,
    nll_at_infinity,
    cross_entropy_at_infinity,
    cross_entropy_of_one_class,
    smoothing_at_infinity,
    probabilities_at_infinity,
    ignored_rows,
    nothing,
    weights_that_sum_to_zero,
    accuracy_of_what_has_no_largest,
    nan_of_every_kind,
    nan_stays_in_its_row,
);

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Equal as numbers (0 is -0), and NaN where NaN is expected.
#[track_caller]
fn assert_values<T: Element>(actual: &[T], expected: &[f64], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let same = |(a, e): (&T, &f64)| {
        if e.is_nan() {
            a.is_nan()
        } else {
            a.widen() == *e
        }
    };
    assert!(
        actual.iter().zip(expected).all(same),
        "{what}: {actual:?} is not {expected:?}"
    );
}

/// The losses and gradients of a loss, each element by itself.
macro_rules! each {
    ($loss:expr, $input:expr, $target:expr, $scales:expr) => {
        each!($loss, $input, $target, $scales, forward_each, backward_each)
    };
    ($loss:expr, $input:expr, $target:expr, $scales:expr, $forward:ident, $backward:ident) => {{
        let (loss, input, target, scales): (_, _, _, &[T]) = ($loss, $input, $target, $scales);
        let (mut losses, mut grad) = (vec![T::zero(); scales.len()], vec![T::one(); len(&input)]);
        loss.$forward(input, target, &mut losses).unwrap();
        loss.$backward(input, target, scales, &mut grad).unwrap();
        (losses, grad)
    }};
}

/// How many elements an input has, whatever its shape.
trait Input {
    fn elements(&self) -> usize;
}

impl<T: Element> Input for Classes<'_, T> {
    fn elements(&self) -> usize {
        Classes::elements(self)
    }
}

impl<T: Element, const N: usize> Input for &[T; N] {
    fn elements(&self) -> usize {
        N
    }
}

fn len(input: &impl Input) -> usize {
    input.elements()
}

fn activations_at_infinity<T: Element>() {
    let x = cast::<T, 2>([-INF, INF]);
    assert_values(&x.map(sigmoid), &[0.0, 1.0], "sigmoid");
    assert_values(&x.map(sigmoid_derivative), &[0.0, 0.0], "its derivative");
    assert_eq!(bits(&x.map(log_sigmoid)), bits(&cast::<T, 2>([-INF, -0.0])));
    assert_values(
        &x.map(log_sigmoid_derivative),
        &[1.0, 0.0],
        "its derivative",
    );
    assert_values(&x.map(softplus), &[0.0, INF], "softplus");
    assert_values(&x.map(softplus_derivative), &[0.0, 1.0], "its derivative");

    let ones = [T::one(); 2];
    macro_rules! check {
        ($($f:expr => $values:expr, $gradients:expr;)*) => {$(
            let (mut output, mut grad) = ([T::zero(); 2], [T::zero(); 2]);
            $f.forward(&x, &mut output).unwrap();
            $f.backward(&x, &ones, &mut grad).unwrap();
            assert_values(&output, &$values, stringify!($f));
            assert_values(&grad, &$gradients, stringify!($f));
        )*};
    }
    check! {
        Sigmoid::new() => [0.0, 1.0], [0.0, 0.0];
        LogSigmoid::new() => [-INF, 0.0], [1.0, 0.0];
        Softplus::new() => [0.0, INF], [0.0, 1.0];
        Softplus::new().beta(5e-324) => [0.0, INF], [0.0, 1.0];
        Softplus::new().beta(1e-3) => [0.0, INF], [0.0, 1.0];
        Softplus::new().beta(f64::MAX) => [0.0, INF], [0.0, 1.0];
    }
}

fn softmax_at_infinity<T: Element>() {
    for (x, p, log_p) in [
        ([-INF, 2.0, -INF], [0.0, 1.0, 0.0], [-INF, 0.0, -INF]),
        ([INF, 2.0, 3.0], [1.0, 0.0, 0.0], [0.0, -INF, -INF]),
        ([2.0, -INF, INF], [0.0, 0.0, 1.0], [-INF, -INF, 0.0]),
        ([INF, 2.0, INF], [NAN; 3], [NAN; 3]),
        ([INF, -INF, INF], [NAN; 3], [NAN; 3]),
        ([-INF; 3], [NAN; 3], [NAN; 3]),
        ([INF; 3], [NAN; 3], [NAN; 3]),
        ([NAN, INF, 0.0], [NAN; 3], [NAN; 3]),
        ([NAN, -INF, -INF], [NAN; 3], [NAN; 3]),
        ([NAN; 3], [NAN; 3], [NAN; 3]),
    ] {
        let what = format!("{x:?}");
        let x = cast::<T, 3>(x);
        let rows = Classes::new(&x, [3]).unwrap();
        let (mut output, mut grad) = ([T::zero(); 3], [T::zero(); 3]);
        let g = cast::<T, 3>([1.0, 2.0, -4.0]);
        Softmax::new().forward(rows, &mut output).unwrap();
        assert_values(&output, &p, &what);
        Softmax::new().backward(rows, &g, &mut grad).unwrap();
        // p is 0 or 1: so is p_j (g_j - g p).
        assert_values(&grad, &p.map(|p| 0.0 * p), &what);
        LogSoftmax::new().forward(rows, &mut output).unwrap();
        assert_values(&output, &log_p, &what);
        LogSoftmax::new().backward(rows, &g, &mut grad).unwrap();
        let expected = [0, 1, 2].map(|j| g[j].widen() + p[j]);
        assert_values(&grad, &expected, &what);
    }
    for (x, p) in [(5.0, 1.0), (INF, 1.0), (-INF, NAN), (NAN, NAN)] {
        let x = [T::narrow(x)];
        let mut output = [T::zero()];
        let rows = Classes::new(&x, [1]).unwrap();
        Softmax::new().forward(rows, &mut output).unwrap();
        assert_values(&output, &[p], "softmax of one class");
        LogSoftmax::new().forward(rows, &mut output).unwrap();
        assert_values(&output, &[p - 1.0], "log_softmax of one class");
    }
}

/// Those that come in. One that is infinite takes from the others what their differences from it would be, and is nothing
/// where the probability is 0.
fn softmax_of_infinite_gradients<T: Element>() {
    let x = cast::<T, 3>([0.0, 0.0, -INF]);
    let rows = Classes::new(&x, [3]).unwrap();
    for (g, softmax, log_softmax) in [
        ([INF, 0.0, 0.0], [NAN, -INF, 0.0], [NAN, -INF, 0.0]),
        ([0.0, INF, 1.0], [-INF, NAN, 0.0], [-INF, NAN, 1.0]),
        ([1.0, 2.0, INF], [-0.25, 0.25, 0.0], [-INF, -INF, INF]),
        ([1.0, NAN, 3.0], [NAN; 3], [NAN; 3]),
    ] {
        let what = format!("{g:?}");
        let g = cast::<T, 3>(g);
        let mut grad = [T::zero(); 3];
        Softmax::new().backward(rows, &g, &mut grad).unwrap();
        assert_values(&grad, &softmax, &what);
        LogSoftmax::new().backward(rows, &g, &mut grad).unwrap();
        assert_values(&grad, &log_softmax, &what);
    }
}

fn mse_at_infinity<T: Element>() {
    let x = cast::<T, 5>([INF, -INF, 1.0, INF, NAN]);
    let y = cast::<T, 5>([0.0, INF, -INF, INF, 1.0]);
    let (losses, grad) = each!(Mse::new(), &x, &y, &[T::one(); 5]);
    assert_values(&losses, &[INF, INF, INF, NAN, NAN], "losses");
    assert_values(&grad, &[INF, -INF, INF, NAN, NAN], "gradients");
    assert_values(
        &[Mse::new().forward(&x[..3], &y[..3]).unwrap()],
        &[INF],
        "mean",
    );
}

fn bce_at_its_ends<T: Element>() {
    let x = cast::<T, 4>([0.0, 1.0, 0.0, 1.0]);
    let y = cast::<T, 4>([0.0, 1.0, 1.0, 0.0]);
    let (losses, grad) = each!(Bce::new(), &x, &y, &[T::one(); 4]);
    assert_values(&losses, &[0.0, 0.0, 100.0, 100.0], "losses");
    let slope = T::narrow(1.0 / 1e-12).widen();
    assert_values(&grad, &[0.0, 0.0, -slope, slope], "gradients");
    let half = cast::<T, 2>([0.5; 2]);
    let (losses, _) = each!(Bce::new(), &cast::<T, 2>([0.0, 1.0]), &half, &half);
    assert_values(&losses, &[50.0, 50.0], "soft targets");
    // The sign of a zero is none of its exponent.
    let minus = cast::<T, 3>([-0.0; 3]);
    let (losses, _) = each!(
        Bce::new(),
        &minus,
        &cast::<T, 3>([0.0, 1.0, 0.5]),
        &[T::one(); 3]
    );
    assert_values(&losses, &[0.0, 100.0, 50.0], "-0");
    // The smallest numbers are clamped too, those of an f32 from 2^-145 on. An f16 has none as small.
    let tiny = [T::min_positive_value() * T::epsilon()];
    let (losses, _) = each!(Bce::new(), &tiny, &[T::one()], &[T::one()]);
    let expected = T::narrow((-tiny[0].widen().ln()).min(100.0)).widen();
    assert_values(&losses, &[expected], "the smallest number");
    assert_eq!(
        bits(&[T::zero()]),
        bits(&[Bce::new().forward(&x[..2], &y[..2]).unwrap()])
    );
}

fn bce_with_logits_at_infinity<T: Element>() {
    let x = cast::<T, 8>([INF, INF, -INF, -INF, INF, -INF, NAN, NAN]);
    let y = cast::<T, 8>([1.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.0, 1.0]);
    let (losses, grad) = each!(BceWithLogits::new(), &x, &y, &[T::one(); 8]);
    let expected = [0.0, INF, 0.0, INF, INF, INF, NAN, NAN];
    assert_values(&losses, &expected, "losses");
    let expected = [0.0, 1.0, 0.0, -1.0, 0.5, -0.5, NAN, NAN];
    assert_values(&grad, &expected, "gradients");

    let (w, c) = ([T::narrow(3.0)], [T::narrow(2.5)]);
    let weighted = BceWithLogits::new().weight(&w).pos_weight(&c);
    let (losses, grad) = each!(weighted, &x, &y, &[T::one(); 8]);
    let expected = [0.0, INF, 0.0, INF, INF, INF, NAN, NAN];
    assert_values(&losses, &expected, "weighted losses");
    let expected = [0.0, 3.0, 0.0, -7.5, 1.5, -3.75, NAN, NAN];
    assert_values(&grad, &expected, "weighted gradients");
    let w = [T::narrow(-1.0)];
    let (losses, _) = each!(BceWithLogits::new().weight(&w), &x, &y, &[T::one(); 8]);
    let expected = [0.0, -INF, 0.0, -INF, -INF, -INF, NAN, NAN];
    assert_values(&losses, &expected, "negative weights");
    // The largest finite logits are exact where they are wrong and 0 where they are right.
    let max = T::max_value();
    let (losses, grad) = each!(
        BceWithLogits::new(),
        &[max, max, -max, -max],
        &cast::<T, 4>([1.0, 0.0, 0.0, 1.0]),
        &[T::one(); 4]
    );
    assert_values(&losses, &[0.0, max.widen(), 0.0, max.widen()], "largest");
    assert_values(&grad, &[0.0, 1.0, 0.0, -1.0], "largest");
}

fn weights_of_zero_on_infinities<T: Element>() {
    let zero = [T::zero()];
    let (x, y) = (
        cast::<T, 3>([INF, -INF, NAN]),
        cast::<T, 3>([0.0, 1.0, 0.5]),
    );
    let (losses, grad) = each!(BceWithLogits::new().weight(&zero), &x, &y, &[T::one(); 3]);
    assert_values(&losses, &[0.0, 0.0, NAN], "weight");
    assert_values(&grad, &[0.0, 0.0, NAN], "weight");
    let y = cast::<T, 3>([1.0; 3]);
    let (losses, grad) = each!(
        BceWithLogits::new().pos_weight(&zero),
        &x,
        &y,
        &[T::one(); 3]
    );
    assert_values(&losses, &[0.0, 0.0, NAN], "pos_weight");
    assert_values(&grad, &[0.0, 0.0, NAN], "pos_weight");
    let sum = BceWithLogits::new().weight(&zero).reduction(Reduction::Sum);
    assert_values(&[sum.forward(&x[..2], &y[..2]).unwrap()], &[0.0], "sum");

    let x = cast::<T, 4>([-INF, 0.0, INF, -INF]);
    let rows = Classes::new(&x, [2, 2]).unwrap();
    let w = cast::<T, 2>([0.0, 1.0]);
    let (labels, ones) = ([0_u8, 0], [T::one(); 2]);
    let (losses, grad) = each!(Nll::new().weight(&w), rows, &labels, &ones);
    assert_values(&losses, &[0.0; 2], "nll");
    assert_values(&grad, &[0.0; 4], "nll");
    let (losses, grad) = each!(CrossEntropy::new().weight(&w), rows, &labels, &ones);
    assert_values(&losses, &[0.0; 2], "cross-entropy");
    assert_values(&grad, &[0.0; 4], "cross-entropy");
}

fn nll_at_infinity<T: Element>() {
    let x = cast::<T, 6>([-INF, 0.0, INF, NAN, -1.0, NAN]);
    let rows = Classes::new(&x, [3, 2]).unwrap();
    let (losses, grad) = each!(Nll::new(), rows, &[0_u8, 0, 0], &[T::one(); 3]);
    assert_values(&losses, &[INF, -INF, 1.0], "only the label's counts");
    assert_values(&grad, &[-1.0, 0.0, -1.0, 0.0, -1.0, 0.0], "gradients");
    let (losses, _) = each!(Nll::new(), rows, &[1_u8, 1, 1], &[T::one(); 3]);
    assert_values(&losses, &[0.0, NAN, NAN], "NaN at the label");
    // A NaN of grad_output reaches the label and nothing else.
    let (_, grad) = each!(
        Nll::new(),
        rows,
        &[0_u8, 1, 0],
        &cast::<T, 3>([NAN, INF, 1.0])
    );
    assert_values(&grad, &[NAN, 0.0, 0.0, -INF, -1.0, 0.0], "scaled");
}

fn cross_entropy_at_infinity<T: Element>() {
    let rest = [0.0; 3];
    for (x, y, loss, grad) in [
        ([-INF, 7.0, -INF], 1, 0.0, rest),
        ([-INF, 7.0, -INF], 0, INF, [-1.0, 1.0, 0.0]),
        ([-INF, 7.0, 7.0], 0, INF, [-1.0, 0.5, 0.5]),
        ([0.0, 7.0, INF], 2, 0.0, rest),
        ([0.0, 7.0, INF], 0, INF, [-1.0, 0.0, 1.0]),
        ([-INF, 7.0, INF], 0, INF, [-1.0, 0.0, 1.0]),
        ([INF, 7.0, INF], 0, NAN, [NAN; 3]),
        ([INF, 7.0, INF], 1, NAN, [NAN; 3]),
        ([INF, INF, INF], 2, NAN, [NAN; 3]),
        ([-INF; 3], 0, NAN, [NAN; 3]),
        ([NAN, 7.0, 0.0], 0, NAN, [NAN; 3]),
        ([NAN, 7.0, 0.0], 1, NAN, [NAN; 3]),
        ([NAN, INF, 0.0], 1, NAN, [NAN; 3]),
        ([NAN, INF, 0.0], 2, NAN, [NAN; 3]),
        ([NAN, -INF, -INF], 2, NAN, [NAN; 3]),
    ] {
        let what = format!("{x:?}, {y}");
        let x = cast::<T, 3>(x);
        let rows = Classes::new(&x, [3]).unwrap();
        let (losses, gradients) = each!(CrossEntropy::new(), rows, &[y], &[T::one()]);
        assert_values(&losses, &[loss], &what);
        assert_values(&gradients, &grad, &what);
        let mut both = [T::zero(); 3];
        let reduced = CrossEntropy::new().forward_backward(rows, &[y], &mut both);
        assert_values(&[reduced.unwrap()], &[loss], &what);
        assert_values(&both, &grad, &what);
        // The same as a probability of 1.
        let mut q = [T::zero(); 3];
        q[y as usize] = T::one();
        let (losses, gradients) = each!(
            CrossEntropy::new(),
            rows,
            &q,
            &[T::one()],
            forward_each_probabilities,
            backward_each_probabilities
        );
        assert_values(&losses, &[loss], &what);
        assert_values(&gradients, &grad, &what);
    }
}

fn cross_entropy_of_one_class<T: Element>() {
    for (x, loss) in [(3.0, 0.0), (INF, 0.0), (-INF, NAN), (NAN, NAN)] {
        let x = [T::narrow(x)];
        let rows = Classes::new(&x, [1, 1]).unwrap();
        for smoothing in [0.0, 0.3, 1.0] {
            let ce = CrossEntropy::new().label_smoothing(smoothing);
            let (losses, grad) = each!(ce, rows, &[0_u8], &[T::one()]);
            assert_values(&losses, &[loss], "loss");
            assert_values(&grad, &[loss], "gradient");
        }
    }
}

fn smoothing_at_infinity<T: Element>() {
    let ce = CrossEntropy::new().label_smoothing(0.5);
    let w = cast::<T, 2>([1.0, 0.0]);
    for (x, loss, grad) in [
        ([-INF, 1.0], INF, [-0.75, 0.75]),
        ([1.0, -INF], INF, [0.25, -0.25]),
        ([INF, 1.0], INF, [0.25, -0.25]),
        ([INF, INF], NAN, [NAN; 2]),
        ([-INF, -INF], NAN, [NAN; 2]),
        ([NAN, 0.0], NAN, [NAN; 2]),
    ] {
        let what = format!("{x:?}");
        let x = cast::<T, 2>(x);
        let rows = Classes::new(&x, [2]).unwrap();
        let (losses, gradients) = each!(ce, rows, &[0_u8], &[T::one()]);
        assert_values(&losses, &[loss], &what);
        assert_values(&gradients, &grad, &what);
    }
    // No smoothing is so little that it is none, and no weight: any of T's, or of f64 one that bounds are for.
    for smoothing in [5e-324, 1e-310, 1e-300, 1e-30] {
        for least in [1.0, 1e-7, 1e-22, 1e-45] {
            if T::narrow(least) == T::zero()
                || T::narrow(least).widen() < 1e-22 && T::narrow(1e-99) > T::zero()
            {
                continue;
            }
            let (x, w) = (cast::<T, 3>([-INF, 1.0, 0.0]), cast::<T, 3>([least; 3]));
            let rows = Classes::new(&x, [3]).unwrap();
            let ce = ce.label_smoothing(smoothing).weight(&w);
            let loss = ce.reduction(Reduction::Sum).forward(rows, &[1_u8]);
            assert_values(&[loss.unwrap()], &[INF], "smoothing");
        }
    }
    // A class that weighs nothing may be as unlikely as it likes.
    for (x, loss, grad) in [
        ([1.0, -INF], 0.0, [0.0, 0.0]),
        ([INF, 1.0], 0.0, [0.0, 0.0]),
        ([-INF, 1.0], INF, [-0.75, 0.75]),
    ] {
        let x = cast::<T, 2>(x);
        let rows = Classes::new(&x, [2]).unwrap();
        let (losses, gradients) = each!(ce.weight(&w), rows, &[0_u8], &[T::one()]);
        assert_values(&losses, &[loss], "weighted");
        assert_values(&gradients, &grad, "weighted");
    }
}

fn probabilities_at_infinity<T: Element>() {
    for (x, q, loss, grad) in [
        (
            [-INF, 0.0, 0.0],
            [0.0, 0.5, 0.5],
            std::f64::consts::LN_2,
            [0.0; 3],
        ),
        ([-INF, 0.0, 0.0], [0.5, 0.5, 0.0], INF, [-0.5, 0.0, 0.5]),
        ([INF, 0.0, 0.0], [1.0, 0.0, 0.0], 0.0, [0.0; 3]),
        ([INF, 0.0, 0.0], [0.5, 0.5, 0.0], INF, [0.5, -0.5, 0.0]),
        ([-INF; 3], [0.0; 3], NAN, [NAN; 3]),
        ([NAN, 0.0, 0.0], [0.0, 1.0, 0.0], NAN, [NAN; 3]),
        ([0.0; 3], [0.0; 3], 0.0, [0.0; 3]),
    ] {
        let what = format!("{x:?}, {q:?}");
        let (x, q) = (cast::<T, 3>(x), cast::<T, 3>(q));
        let rows = Classes::new(&x, [3]).unwrap();
        let (losses, gradients) = each!(
            CrossEntropy::new(),
            rows,
            &q,
            &[T::one()],
            forward_each_probabilities,
            backward_each_probabilities
        );
        assert_values(&losses, &[T::narrow(loss).widen()], &what);
        assert_values(&gradients, &grad, &what);
    }
}

/// Exactly 0, whatever the logits and the gradient from above, and nothing in the mean.
fn ignored_rows<T: Element>() {
    let bad = [
        [NAN; 3],
        [INF; 3],
        [-INF; 3],
        [NAN, INF, -INF],
        [0.0, -INF, INF],
    ];
    for ignored in [-100, 1] {
        for bad in bad {
            let [a, b, c] = bad;
            let x = cast::<T, 6>([a, b, c, 0.5, 2.0, -1.0]);
            let rows = Classes::new(&x, [2, 3]).unwrap();
            let alone = Classes::new(&x[3..], [1, 3]).unwrap();
            let labels = [ignored, 2];
            macro_rules! check {
                ($loss:expr) => {
                    let loss = $loss.ignore_index(ignored);
                    for g in [1.0, 0.0, NAN, INF, -INF] {
                        let (losses, grad) = each!(loss, rows, &labels, &cast::<T, 2>([g, 1.0]));
                        assert_eq!(bits(&losses[..1]), [0]);
                        assert_eq!(bits(&grad[..3]), [0; 3]);
                        let mut grad = [T::one(); 6];
                        loss.backward(rows, &labels, T::narrow(g), &mut grad)
                            .unwrap();
                        assert_eq!(bits(&grad[..3]), [0; 3]);
                    }
                    let (mut grad, mut grad_alone) = ([T::one(); 6], [T::one(); 3]);
                    let mean = loss.forward_backward(rows, &labels, &mut grad).unwrap();
                    let mean_alone = loss.forward_backward(alone, &[2], &mut grad_alone).unwrap();
                    assert_eq!(bits(&[mean]), bits(&[mean_alone]));
                    assert_eq!(bits(&[mean]), bits(&[loss.forward(rows, &labels).unwrap()]));
                    assert_eq!(bits(&grad[..3]), [0; 3]);
                    assert_eq!(bits(&grad[3..]), bits(&grad_alone));

                    // All of them ignored.
                    let labels = [ignored; 2];
                    let mut grad = [T::one(); 6];
                    let mean = loss.forward_backward(rows, &labels, &mut grad).unwrap();
                    assert!(mean.is_nan());
                    assert_eq!(bits(&grad), [0; 6]);
                    let sum = loss.reduction(Reduction::Sum);
                    assert_eq!(bits(&[sum.forward(rows, &labels).unwrap()]), [0]);
                };
            }
            let w = cast::<T, 3>([2.0, 0.5, 3.0]);
            check!(Nll::new());
            check!(Nll::new().weight(&w));
            check!(CrossEntropy::new());
            check!(CrossEntropy::new().weight(&w));
            check!(CrossEntropy::new().label_smoothing(0.2));
            check!(CrossEntropy::new().label_smoothing(0.2).weight(&w));
        }
    }
}

fn nothing<T: Element>() {
    let (x, no_labels): (&[T], &[u8]) = (&[], &[]);
    macro_rules! check {
        ($($loss:expr, $input:expr, $target:expr, $forward:ident, $backward:ident, $both:ident, $partial:ident;)*) => {$(
            let (loss, input, target) = ($loss, $input, $target);
            assert!(loss.$forward(input, target).unwrap().is_nan());
            assert!(loss.$both(input, target, &mut []).unwrap().is_nan());
            loss.$backward(input, target, T::one(), &mut []).unwrap();
            let partial = loss.$partial(input, target, 0).unwrap();
            assert!(partial.finish(Reduction::Mean).unwrap().is_nan());
            assert_eq!(bits(&[partial.finish(Reduction::Sum).unwrap()]), [0]);
            let loss = loss.reduction(Reduction::Sum);
            assert_eq!(bits(&[loss.$forward(input, target).unwrap()]), [0]);
        )*};
    }
    check! {
        Mse::new(), x, x, forward, backward, forward_backward, partial;
        Bce::new(), x, x, forward, backward, forward_backward, partial;
        Bce::new().weight(x), x, x, forward, backward, forward_backward, partial;
        BceWithLogits::new(), x, x, forward, backward, forward_backward, partial;
        BceWithLogits::new().weight(x).pos_weight(x), x, x,
            forward, backward, forward_backward, partial;
    }
    for shape in [&[0, 3][..], &[0, 3, 2], &[2, 3, 0], &[0, 1, 0, 5]] {
        let rows = Classes::new(x, shape).unwrap();
        assert_eq!((rows.rows(), rows.elements()), (0, 0));
        check! {
            Nll::new(), rows, no_labels, forward, backward, forward_backward, partial;
            CrossEntropy::new(), rows, no_labels, forward, backward, forward_backward, partial;
            CrossEntropy::new(), rows, x, forward_probabilities, backward_probabilities,
                forward_backward_probabilities, partial_probabilities;
        }
        assert!(accuracy(rows, no_labels).unwrap().is_nan());
        Softmax::new().forward(rows, &mut []).unwrap();
        LogSoftmax::new().backward(rows, &[], &mut []).unwrap();
    }
    assert!(binary_accuracy(x, x).unwrap().is_nan());
    Sigmoid::new().forward(x, &mut []).unwrap();
}

fn weights_that_sum_to_zero<T: Element>() {
    let x = cast::<T, 4>([-1.0, -2.0, -3.0, -0.5]);
    let rows = Classes::new(&x, [2, 2]).unwrap();
    for w in [[1.0, -1.0], [0.0, 0.0]] {
        let w = cast::<T, 2>(w);
        let (mut grad, labels) = ([T::zero(); 4], [0_u8, 1]);
        let nll = Nll::new().weight(&w);
        assert!(nll.forward(rows, &labels).unwrap().is_nan());
        assert!(
            nll.forward_backward(rows, &labels, &mut grad)
                .unwrap()
                .is_nan()
        );
        assert_values(&grad, &[NAN, 0.0, 0.0, NAN], "nll");
        let ce = CrossEntropy::new().weight(&w);
        assert!(ce.forward(rows, &labels).unwrap().is_nan());
        ce.backward(rows, &labels, T::one(), &mut grad).unwrap();
        assert_values(&grad, &[NAN; 4], "cross-entropy");
        // Means that divide by a count don't care.
        let mean = ce.forward_probabilities(rows, &cast::<T, 4>([0.0, 1.0, 0.0, 1.0]));
        assert!(!mean.unwrap().is_nan());
        let mean = BceWithLogits::new().weight(&w).forward(&x, &[T::zero(); 4]);
        assert!(!mean.unwrap().is_nan());
    }
}

fn accuracy_of_what_has_no_largest<T: Element>() {
    let x = cast::<T, 8>([NAN, 0.0, INF, INF, -INF, -INF, 2.0, INF]);
    let rows = Classes::new(&x, [4, 2]).unwrap();
    let share = accuracy(rows, &[1_u8, 0, 0, 1]).unwrap();
    assert_values(
        &[share],
        &[0.75],
        "a NaN is wrong, the first of equals is taken",
    );
    let x = cast::<T, 6>([NAN, 0.0, NAN, 1.0, NAN, NAN]);
    for x in [&x[..4], &x[1..5], &x[..3], &x[2..]] {
        let rows = Classes::new(x, [1, x.len()]).unwrap();
        for label in 0..x.len() as u8 {
            let share = accuracy(rows, &[label]).unwrap();
            assert_values(&[share], &[0.0], "any number of NaN is wrong");
        }
    }
    // The first of equals is taken of classes that are not contiguous, too.
    let x = cast::<T, 6>([1.0, 0.0, 2.0, 3.0, 2.0, 3.0]);
    let columns = Classes::new(&x, [1, 3, 2]).unwrap();
    for (label, expected) in [(0, 0.0), (1, 1.0), (2, 0.0)] {
        let share = accuracy(columns, &[label; 2]).unwrap();
        assert_values(&[share], &[expected], "the first of equals is taken");
    }
    let x = cast::<T, 4>([NAN, NAN, INF, -INF]);
    let share = binary_accuracy(&x, &cast::<T, 4>([0.0, 1.0, 1.0, 0.0])).unwrap();
    assert_values(&[share], &[0.5], "a NaN is wrong whatever the label");
}

/// NaN with payloads that arithmetic on the bits may take for something else: of either sign, with one
/// bit anywhere, with all of them, and with only such as are lost when a number is split in two.
trait Nans: Element {
    fn nans() -> Vec<Self>;
}

impl Nans for f32 {
    fn nans() -> Vec<Self> {
        let single = (0..23).map(|bit| 1 << bit);
        let payloads = single.chain([0x7f_ffff, 0x3f_ffff, 0x40_0001, 0x00_0fff, 0x55_5555]);
        payloads
            .flat_map(|payload| [0x7f80_0000, 0xff80_0000].map(|inf| f32::from_bits(inf | payload)))
            .collect()
    }
}

impl Nans for f64 {
    fn nans() -> Vec<Self> {
        const ALL: u64 = (1 << 52) - 1;
        let single = (0..52).map(|bit| 1 << bit);
        let payloads = single.chain([ALL, ALL >> 1, (1 << 51) | 1, (1 << 27) - 1, ALL / 3]);
        payloads
            .flat_map(|payload| {
                [0x7ff0 << 48, 0xfff0 << 48].map(|inf| f64::from_bits(inf | payload))
            })
            .collect()
    }
}

#[cfg(feature = "half")]
impl Nans for half::f16 {
    fn nans() -> Vec<Self> {
        let all = (0..=u16::MAX).map(Self::from_bits);
        all.filter(|x| x.is_nan()).collect()
    }
}

#[cfg(feature = "half")]
impl Nans for half::bf16 {
    fn nans() -> Vec<Self> {
        let all = (0..=u16::MAX).map(Self::from_bits);
        all.filter(|x| x.is_nan()).collect()
    }
}

fn nan_of_every_kind<T: Nans>() {
    let one = [T::one()];
    for nan in T::nans() {
        let (x, what) = ([nan], format!("{:#x}", nan.widen().to_bits()));
        let assert_nan = |values: &[T], of: &str| {
            assert!(
                values.iter().all(|x| x.is_nan()),
                "{of} of {what}: {values:?}"
            );
        };
        for f in [exp, log1p, log1p_unit] {
            assert!(f(nan.widen()).is_nan(), "an elementary function of {what}");
        }
        let functions = [
            sigmoid,
            sigmoid_derivative,
            log_sigmoid,
            log_sigmoid_derivative,
            softplus,
            softplus_derivative,
        ];
        for f in functions {
            assert_nan(&x.map(f), "a function");
        }
        let mut out = [T::zero(); 2];
        let out = &mut out[..1];
        macro_rules! activations {
            ($($f:expr),*) => {$(
                $f.forward(&x, out).unwrap();
                assert_nan(out, stringify!($f));
                $f.backward(&x, &one, out).unwrap();
                assert_nan(out, stringify!($f));
                $f.backward(&one, &x, out).unwrap();
                assert_nan(out, stringify!($f));
            )*};
        }
        activations!(Sigmoid::new(), LogSigmoid::new(), Softplus::new());
        for beta in [5e-324, 1e-300, 0.3, 7.0, 1e300] {
            activations!(Softplus::new().beta(beta));
        }

        for other in [0.0, 1.0, -3.0, INF] {
            for (x, y) in [(nan, T::narrow(other)), (T::narrow(other), nan), (nan, nan)] {
                let (losses, grad) = each!(Mse::new(), &[x], &[y], &one);
                assert_nan(&losses, "a squared error");
                assert_nan(&grad, "its gradient");
                assert_nan(&[Mse::new().forward(&[x, x], &[y, y]).unwrap()], "a mean");
            }
        }
        for [y, w, c] in [
            [0.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [0.5, 1.0, 1.0],
            [0.3, 2.0, 0.7],
            [1.0, 0.0, 1.0],
            [1.0, 1.0, 0.0],
            [0.0, 0.0, 0.0],
        ] {
            let [y, w, c] = cast::<T, 3>([y, w, c]).map(|v| [v]);
            let bce = BceWithLogits::new().weight(&w).pos_weight(&c);
            let (losses, grad) = each!(bce, &x, &y, &one);
            assert_nan(&losses, "BCE-with-logits");
            assert_nan(&grad, "its gradient");
            assert_nan(&[bce.forward(&x, &y).unwrap()], "a mean");
            let (_, grad) = each!(BceWithLogits::new(), &one, &y, &x);
            assert_nan(&grad, "grad_output");
        }

        for at in 0..3 {
            let mut x = cast::<T, 3>([0.5, -INF, 2.0]);
            x[at] = nan;
            let rows = Classes::new(&x, [3]).unwrap();
            let mut out = [T::zero(); 3];
            Softmax::new().forward(rows, &mut out).unwrap();
            assert_nan(&out, "softmax");
            Softmax::new()
                .backward(rows, &[T::one(); 3], &mut out)
                .unwrap();
            assert_nan(&out, "its gradient");
            LogSoftmax::new().forward(rows, &mut out).unwrap();
            assert_nan(&out, "log_softmax");
            LogSoftmax::new()
                .backward(rows, &[T::one(); 3], &mut out)
                .unwrap();
            assert_nan(&out, "its gradient");
            let (losses, _) = each!(Nll::new(), rows, &[at], &one);
            assert_nan(&losses, "nll");
            let w = cast::<T, 3>([1.0, 0.0, 2.0]);
            let mut q = [T::zero(); 3];
            for label in 0..3_usize {
                for smoothing in [0.0, 0.1, 1.0] {
                    for ce in [CrossEntropy::new(), CrossEntropy::new().weight(&w)] {
                        let ce = ce.label_smoothing(smoothing);
                        let (losses, grad) = each!(ce, rows, &[label], &one);
                        assert_nan(&losses, "cross-entropy");
                        assert_nan(&grad, "its gradient");
                    }
                }
                q[label] = T::narrow(0.25);
                let (losses, grad) = each!(
                    CrossEntropy::new().weight(&w),
                    rows,
                    &q,
                    &one,
                    forward_each_probabilities,
                    backward_each_probabilities
                );
                assert_nan(&losses, "cross-entropy with probabilities");
                assert_nan(&grad, "its gradient");
            }
        }
    }
}

fn nan_stays_in_its_row<T: Element>() {
    let clean = cast::<T, 12>([
        0.0, 1.0, -1.0, 2.0, 0.5, 0.25, 3.0, -2.0, 1.5, 0.75, -0.5, 1.25,
    ]);
    let shape = [2, 3, 2];
    let (labels, ones) = ([0_u8, 1, 2, 0], [T::one(); 4]);
    for at in 0..12 {
        let mut x = clean;
        x[at] = T::nan();
        let row = at / 6 * 2 + at % 2;
        let (rows, clean) = (
            Classes::new(&x, shape).unwrap(),
            Classes::new(&clean, shape).unwrap(),
        );
        let (losses, grad) = each!(CrossEntropy::new(), rows, &labels, &ones);
        let (clean_losses, clean_grad) = each!(CrossEntropy::new(), clean, &labels, &ones);
        let expect = |clean: &[T], row_of: &dyn Fn(usize) -> usize| -> Vec<T> {
            let value = |(i, &x)| if row_of(i) == row { T::nan() } else { x };
            clean.iter().enumerate().map(value).collect()
        };
        assert_eq!(bits(&losses), bits(&expect(&clean_losses, &|row| row)));
        let row_of = |i| i / 6 * 2 + i % 2;
        assert_eq!(bits(&grad), bits(&expect(&clean_grad, &row_of)));
        let (mut p, mut clean_p) = ([T::zero(); 12], [T::zero(); 12]);
        Softmax::new().forward(rows, &mut p).unwrap();
        Softmax::new().forward(clean, &mut clean_p).unwrap();
        assert_eq!(bits(&p), bits(&expect(&clean_p, &row_of)));
        assert!(CrossEntropy::new().forward(rows, &labels).unwrap().is_nan());

        let (x, y) = (&x, &[T::one(); 12]);
        let (losses, grad) = each!(BceWithLogits::new(), x, y, y);
        for i in 0..12 {
            assert_eq!((losses[i].is_nan(), grad[i].is_nan()), (i == at, i == at));
        }
    }
}
