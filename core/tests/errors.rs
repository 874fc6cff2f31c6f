//! Every way a call can be refused: with which [`Error`], and that nothing is written then.

#[macro_use]
mod common;

use common::{bits, cast};
use trueloss::{
    Argument, BLOCK, Bce, BceWithLogits, Classes, CrossEntropy, Element, Error, LogSigmoid,
    LogSoftmax, Mse, Nll, Reduction, Sigmoid, Softmax, Softplus, accuracy, binary_accuracy,
};

for_each_element_type!(
    elementwise_targets_of_another_length,
    elementwise_outputs_of_another_length,
    elementwise_weights,
    numbers_outside_the_unit_interval,
    shapes,
    labels_of_another_length,
    row_outputs_of_another_length,
    class_weights,
    label_smoothing,
    class_indices,
    ignored_before_the_range_check,
    probabilities,
    activations,
    activations_of_rows,
    accuracies,
    partials,
);

/// A number that no function here returns.
const SENTINEL: f64 = -1.25e-7;

fn sentinels<T: Element>(len: usize) -> Vec<T> {
    vec![T::narrow(SENTINEL); len]
}

fn assert_untouched<T: Element>(output: &[T]) {
    assert_eq!(bits(output), bits(&sentinels::<T>(output.len())));
}

/// The error is the one expected, and its text has everything that it knows.
#[track_caller]
fn assert_error<R>(result: Result<R, Error>, expected: Error) {
    let error = result.err().expect("the call is refused");
    assert_eq!(error, expected);
    let text = error.to_string();
    let known = match error {
        Error::Length {
            argument,
            expected,
            actual,
        } => vec![
            argument.to_string(),
            expected.to_string(),
            actual.to_string(),
        ],
        Error::Broadcast {
            argument,
            length,
            input,
        } => vec![argument.to_string(), length.to_string(), input.to_string()],
        Error::ShapeOverflow | Error::NoClasses => vec!["shape".into()],
        Error::Dimension { dim, rank } => vec!["dim".into(), dim.to_string(), rank.to_string()],
        Error::OutsideUnitInterval { argument, index } | Error::NotFinite { argument, index } => {
            vec![format!("{argument}[{index}]")]
        }
        Error::NotPositive { argument } => vec![argument.to_string()],
        Error::ClassIndex {
            index,
            class,
            classes,
        } => vec![
            format!("target[{index}]"),
            class.to_string(),
            classes.to_string(),
        ],
        Error::NotOnBlockBoundary { at } => vec![at.to_string(), BLOCK.to_string()],
        Error::NotAdjacent { expected, actual } => vec![expected.to_string(), actual.to_string()],
        _ => panic!("{error:?} is not covered"),
    };
    for part in known {
        assert!(text.contains(&part), "{text:?} does not say {part:?}");
    }
}

/// Each method of a loss refuses the arguments with the error, and writes nothing.
macro_rules! assert_refused {
    ($loss:expr, $input:expr, $target:expr, $rows:expr, $elements:expr, $error:expr) => {
        assert_refused!(
            $loss,
            $input,
            $target,
            $rows,
            $elements,
            $error,
            forward,
            forward_each,
            backward,
            backward_each,
            forward_backward,
            partial
        )
    };
    (
        $loss:expr, $input:expr, $target:expr, $rows:expr, $elements:expr, $error:expr,
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident,
        $forward_backward:ident, $partial:ident
    ) => {{
        let (loss, input, target, error) = ($loss, $input, $target, $error);
        let (mut losses, mut grad) = (sentinels::<T>($rows), sentinels::<T>($elements));
        let ones = vec![T::one(); $rows];
        assert_error(loss.$forward(input, target), error);
        assert_error(loss.$forward_each(input, target, &mut losses), error);
        assert_error(loss.$backward(input, target, T::one(), &mut grad), error);
        assert_error(loss.$backward_each(input, target, &ones, &mut grad), error);
        assert_error(loss.$forward_backward(input, target, &mut grad), error);
        assert_error(loss.$partial(input, target, 0), error);
        assert_untouched(&losses);
        assert_untouched(&grad);
    }};
}

/// Each method of a loss refuses outputs, and gradients of outputs, of any other length.
macro_rules! assert_lengths_refused {
    ($loss:expr, $input:expr, $target:expr, $rows:expr, $elements:expr) => {
        assert_lengths_refused!(
            $loss,
            $input,
            $target,
            $rows,
            $elements,
            forward_each,
            backward,
            backward_each,
            forward_backward
        )
    };
    (
        $loss:expr, $input:expr, $target:expr, $rows:expr, $elements:expr,
        $forward_each:ident, $backward:ident, $backward_each:ident, $forward_backward:ident
    ) => {{
        let (loss, input, target) = ($loss, $input, $target);
        let (rows, elements): (usize, usize) = ($rows, $elements);
        let ones = vec![T::one(); rows];
        for actual in [0, rows - 1, rows + 1] {
            let (expected, scales) = (rows, vec![T::one(); actual]);
            let (mut losses, mut grad) = (sentinels::<T>(actual), sentinels::<T>(elements));
            let error = Error::Length {
                argument: Argument::Losses,
                expected,
                actual,
            };
            assert_error(loss.$forward_each(input, target, &mut losses), error);
            let error = Error::Length {
                argument: Argument::GradOutput,
                expected,
                actual,
            };
            assert_error(
                loss.$backward_each(input, target, &scales, &mut grad),
                error,
            );
            assert_untouched(&losses);
            assert_untouched(&grad);
        }
        for actual in [0, elements - 1, elements + 1] {
            let mut grad = sentinels::<T>(actual);
            let error = Error::Length {
                argument: Argument::GradInput,
                expected: elements,
                actual,
            };
            assert_error(loss.$backward(input, target, T::one(), &mut grad), error);
            assert_error(loss.$backward_each(input, target, &ones, &mut grad), error);
            assert_error(loss.$forward_backward(input, target, &mut grad), error);
            assert_untouched(&grad);
        }
    }};
}

#[test]
fn arguments_have_the_names_of_the_parameters() {
    let names = [
        (Argument::Input, "input"),
        (Argument::Target, "target"),
        (Argument::Weight, "weight"),
        (Argument::PosWeight, "pos_weight"),
        (Argument::GradOutput, "grad_output"),
        (Argument::GradInput, "grad_input"),
        (Argument::Losses, "losses"),
        (Argument::Output, "output"),
        (Argument::LabelSmoothing, "label_smoothing"),
        (Argument::Beta, "beta"),
    ];
    for (argument, name) in names {
        assert_eq!(argument.to_string(), name);
    }
}

fn elementwise_targets_of_another_length<T: Element>() {
    let x = cast::<T, 3>([0.25, 0.5, 0.75]);
    for actual in [0, 2, 4] {
        let y = vec![T::zero(); actual];
        let error = Error::Length {
            argument: Argument::Target,
            expected: 3,
            actual,
        };
        assert_refused!(Mse::new(), &x, &y, 3, 3, error);
        assert_refused!(Bce::new(), &x, &y, 3, 3, error);
        assert_refused!(BceWithLogits::new(), &x, &y, 3, 3, error);
    }
}

fn elementwise_outputs_of_another_length<T: Element>() {
    let (x, y) = (
        cast::<T, 3>([0.25, 0.5, 0.75]),
        cast::<T, 3>([0.0, 1.0, 0.5]),
    );
    assert_lengths_refused!(Mse::new(), &x, &y, 3, 3);
    assert_lengths_refused!(Bce::new(), &x, &y, 3, 3);
    assert_lengths_refused!(BceWithLogits::new(), &x, &y, 3, 3);
}

fn elementwise_weights<T: Element>() {
    let (x, y) = (cast::<T, 4>([0.25; 4]), cast::<T, 4>([1.0; 4]));
    for length in [0, 3, 5, 8] {
        let w = vec![T::one(); length];
        let broadcast = |argument| Error::Broadcast {
            argument,
            length,
            input: 4,
        };
        let (weight, pos_weight) = (broadcast(Argument::Weight), broadcast(Argument::PosWeight));
        assert_refused!(Bce::new().weight(&w), &x, &y, 4, 4, weight);
        assert_refused!(BceWithLogits::new().weight(&w), &x, &y, 4, 4, weight);
        assert_refused!(
            BceWithLogits::new().pos_weight(&w),
            &x,
            &y,
            4,
            4,
            pos_weight
        );
    }
    for (bad, index) in [T::nan(), T::infinity(), T::neg_infinity()]
        .into_iter()
        .zip([0, 1, 3])
    {
        let mut w = cast::<T, 4>([1.0, 0.0, -1.0, 2.0]);
        w[index] = bad;
        let not_finite = |argument| Error::NotFinite { argument, index };
        let (weight, pos_weight) = (
            not_finite(Argument::Weight),
            not_finite(Argument::PosWeight),
        );
        assert_refused!(Bce::new().weight(&w), &x, &y, 4, 4, weight);
        assert_refused!(BceWithLogits::new().weight(&w), &x, &y, 4, 4, weight);
        assert_refused!(
            BceWithLogits::new().pos_weight(&w),
            &x,
            &y,
            4,
            4,
            pos_weight
        );
    }
}

fn numbers_outside_the_unit_interval<T: Element>() {
    let (x, y) = (
        cast::<T, 3>([0.25, 0.5, 0.75]),
        cast::<T, 3>([0.0, 1.0, 0.5]),
    );
    let bad = [
        T::nan(),
        T::infinity(),
        T::neg_infinity(),
        T::one() + T::epsilon(),
        -T::min_positive_value(),
        T::narrow(-1.0),
        T::narrow(2.0),
    ];
    for (at, bad) in bad.into_iter().enumerate() {
        let index = at % 3;
        let outside = |argument| Error::OutsideUnitInterval { argument, index };
        let (mut bad_x, mut bad_y) = (x, y);
        (bad_x[index], bad_y[index]) = (bad, bad);
        let (input, target) = (outside(Argument::Input), outside(Argument::Target));
        assert_refused!(Bce::new(), &bad_x, &y, 3, 3, input);
        assert_refused!(Bce::new(), &x, &bad_y, 3, 3, target);
        assert_refused!(BceWithLogits::new(), &x, &bad_y, 3, 3, target);
        assert_error(binary_accuracy(&x, &bad_y), target);
        assert!(binary_accuracy(&bad_x, &y).is_ok());
        assert!(BceWithLogits::new().forward(&bad_x, &y).is_ok());
        assert!(Mse::new().forward(&bad_x, &bad_y).is_ok());
    }
    // -0 is 0.
    assert!(
        Bce::new()
            .forward(&[T::neg_zero()], &[T::neg_zero()])
            .is_ok()
    );
}

fn shapes<T: Element>() {
    let x = [T::one(); 6];
    let length = |expected, actual| Error::Length {
        argument: Argument::Input,
        expected,
        actual,
    };
    assert_error(Classes::new(&x, [2, 4]), length(8, 6));
    assert_error(Classes::new(&x, [5]), length(5, 6));
    assert_error(Classes::new(&x, [2, 3, 2]), length(12, 6));
    assert_error(Classes::new(&x, [0, 3]), length(0, 6));
    assert_error(Classes::new(&x[..0], [1]), length(1, 0));

    for shape in [&[0][..], &[6, 0], &[2, 0, 3], &[0, 0]] {
        assert_error(Classes::new(&x, shape), Error::NoClasses);
    }
    for (shape, dim) in [(&[][..], 0), (&[6], 1), (&[2, 3], 2), (&[2, 3], usize::MAX)] {
        let rank = shape.len();
        assert_error(
            Classes::along(&x, shape, dim),
            Error::Dimension { dim, rank },
        );
    }
    assert_error(Classes::new(&x, []), Error::Dimension { dim: 0, rank: 0 });

    let half = 1 << (usize::BITS / 2);
    for shape in [
        &[usize::MAX, 2][..],
        &[2, usize::MAX],
        &[half, half],
        &[3, 2, usize::MAX],
        &[half, 1, half],
    ] {
        for dim in 0..shape.len() {
            assert_error(Classes::along(&x, shape, dim), Error::ShapeOverflow);
        }
    }
    // Nothing is as much as it seems beside a 0.
    for shape in [[usize::MAX, 2, 0], [0, usize::MAX, 2], [0, 2, usize::MAX]] {
        assert_eq!(Classes::new(&x[..0], shape).map(|x| x.rows()), Ok(0));
    }
}

/// (2, 3, 2): four rows of three classes.
fn logits<T: Element>() -> [T; 12] {
    cast([
        0.0, 1.0, -1.0, 2.0, 0.5, 0.25, 3.0, -2.0, 1.5, 0.75, -0.5, 1.25,
    ])
}

const SHAPE: [usize; 3] = [2, 3, 2];

fn labels_of_another_length<T: Element>() {
    let x = logits::<T>();
    let x = Classes::new(&x, SHAPE).unwrap();
    for actual in [0, 3, 5, 12] {
        let (labels, error) = (
            vec![0_i64; actual],
            Error::Length {
                argument: Argument::Target,
                expected: 4,
                actual,
            },
        );
        assert_refused!(Nll::new(), x, &labels, 4, 12, error);
        assert_refused!(CrossEntropy::new(), x, &labels, 4, 12, error);
        let smoothed = CrossEntropy::new().label_smoothing(0.1);
        assert_refused!(smoothed, x, &labels, 4, 12, error);
    }
}

fn row_outputs_of_another_length<T: Element>() {
    let x = logits::<T>();
    let x = Classes::new(&x, SHAPE).unwrap();
    let labels = [0_i64, 1, -100, 2];
    assert_lengths_refused!(Nll::new(), x, &labels, 4, 12);
    assert_lengths_refused!(CrossEntropy::new(), x, &labels, 4, 12);
    let smoothed = CrossEntropy::new().label_smoothing(0.1);
    assert_lengths_refused!(smoothed, x, &labels, 4, 12);
    assert_lengths_refused!(
        CrossEntropy::new(),
        x,
        &[T::zero(); 12],
        4,
        12,
        forward_each_probabilities,
        backward_probabilities,
        backward_each_probabilities,
        forward_backward_probabilities
    );
}

/// As [`assert_refused`], for a cross-entropy with class probabilities.
macro_rules! assert_probabilities_refused {
    ($loss:expr, $input:expr, $target:expr, $error:expr) => {
        assert_refused!(
            $loss,
            $input,
            $target,
            4,
            12,
            $error,
            forward_probabilities,
            forward_each_probabilities,
            backward_probabilities,
            backward_each_probabilities,
            forward_backward_probabilities,
            partial_probabilities
        )
    };
}

fn class_weights<T: Element>() {
    let x = logits::<T>();
    let x = Classes::new(&x, SHAPE).unwrap();
    let (labels, q) = ([0_i64, 1, -100, 2], [T::zero(); 12]);
    let lengths = [0, 1, 2, 4, 12].map(|actual| {
        let error = Error::Length {
            argument: Argument::Weight,
            expected: 3,
            actual,
        };
        (vec![T::one(); actual], error)
    });
    let bad = [T::nan(), T::infinity(), T::neg_infinity()];
    let values = [0, 1, 2].map(|index| {
        let mut weight = vec![T::one(); 3];
        weight[index] = bad[index];
        let error = Error::NotFinite {
            argument: Argument::Weight,
            index,
        };
        (weight, error)
    });
    for (weight, error) in lengths.into_iter().chain(values) {
        assert_refused!(Nll::new().weight(&weight), x, &labels, 4, 12, error);
        let ce = CrossEntropy::new().weight(&weight);
        assert_refused!(ce, x, &labels, 4, 12, error);
        assert_probabilities_refused!(ce, x, &q, error);
    }
}

fn label_smoothing<T: Element>() {
    let x = logits::<T>();
    let x = Classes::new(&x, SHAPE).unwrap();
    let (labels, q) = ([0_i64, 1, -100, 2], [T::zero(); 12]);
    let above = 1.0 + f64::EPSILON;
    for smoothing in [
        f64::NAN,
        above,
        -5e-324,
        -1.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        let ce = CrossEntropy::new().label_smoothing(smoothing);
        let error = Error::OutsideUnitInterval {
            argument: Argument::LabelSmoothing,
            index: 0,
        };
        assert_refused!(ce, x, &labels, 4, 12, error);
        assert_probabilities_refused!(ce, x, &q, error);
    }
    for smoothing in [-0.0, 0.0, 1.0] {
        let ce = CrossEntropy::new().label_smoothing(smoothing);
        assert!(ce.forward(x, &labels).is_ok());
    }
}

fn class_indices<T: Element>() {
    let x = logits::<T>();
    let x = Classes::new(&x, SHAPE).unwrap();
    macro_rules! refuse {
        ($($index:ty: $bad:expr => $class:expr;)*) => {$(
            for index in 0..4 {
                let mut labels = [0, 1, 2, 0].map(|label: u8| label as $index);
                labels[index] = $bad;
                let error = Error::ClassIndex { index, class: $class, classes: 3 };
                assert_refused!(Nll::new(), x, &labels, 4, 12, error);
                assert_refused!(CrossEntropy::new(), x, &labels, 4, 12, error);
                assert_error(accuracy(x, &labels), error);
            }
        )*};
    }
    refuse! {
        i64: 3 => 3;
        i64: -1 => -1;
        i64: i64::MAX => i64::MAX;
        i64: i64::MIN => i64::MIN;
        i32: 3 => 3;
        i32: -1 => -1;
        i32: i32::MIN => i64::from(i32::MIN);
        u32: u32::MAX => i64::from(u32::MAX);
        u16: 3 => 3;
        u8: 255 => 255;
        usize: 3 => 3;
        usize: usize::MAX => i64::try_from(usize::MAX).unwrap_or(i64::MAX);
    }
    // The first one is named.
    let error = Error::ClassIndex {
        index: 1,
        class: 7,
        classes: 3,
    };
    assert_error(CrossEntropy::new().forward(x, &[0_i64, 7, -1, 9]), error);
    // Accuracy ignores nothing.
    let error = Error::ClassIndex {
        index: 0,
        class: -100,
        classes: 3,
    };
    assert_error(accuracy(x, &[-100_i64, 0, 0, 0]), error);
}

fn ignored_before_the_range_check<T: Element>() {
    let x = logits::<T>();
    let x = Classes::new(&x, SHAPE).unwrap();
    for ignored in [-100, -1, 0, 2, 3, 1 << 40, i64::MIN, i64::MAX] {
        let labels = [1, ignored, 1, ignored];
        assert!(Nll::new().ignore_index(ignored).forward(x, &labels).is_ok());
        let ce = CrossEntropy::new().ignore_index(ignored);
        assert!(ce.forward(x, &labels).is_ok());
    }
    // With another one, -100 is an index like any other.
    let (labels, error) = (
        [0_i64, -100, -1, 2],
        Error::ClassIndex {
            index: 1,
            class: -100,
            classes: 3,
        },
    );
    assert_refused!(Nll::new().ignore_index(-1), x, &labels, 4, 12, error);
    let ce = CrossEntropy::new().ignore_index(-1);
    assert_refused!(ce, x, &labels, 4, 12, error);
}

fn probabilities<T: Element>() {
    let x = logits::<T>();
    let x = Classes::new(&x, SHAPE).unwrap();
    for actual in [0, 4, 11, 13] {
        let error = Error::Length {
            argument: Argument::Target,
            expected: 12,
            actual,
        };
        assert_probabilities_refused!(CrossEntropy::new(), x, &vec![T::zero(); actual], error);
    }
    for bad in [T::nan(), T::infinity(), T::neg_infinity()] {
        let mut q = [T::one(); 12];
        q[4] = bad;
        let error = Error::NotFinite {
            argument: Argument::Target,
            index: 4,
        };
        assert_probabilities_refused!(CrossEntropy::new(), x, &q, error);
    }
}

fn activations<T: Element>() {
    let (x, ones) = (cast::<T, 3>([0.25, 0.5, 0.75]), [T::one(); 3]);
    for actual in [0, 2, 4] {
        let mut output = sentinels::<T>(actual);
        let mut grad = sentinels::<T>(3);
        let scales = vec![T::one(); actual];
        let length = |argument| Error::Length {
            argument,
            expected: 3,
            actual,
        };
        macro_rules! refuse {
            ($($f:expr),*) => {$(
                let error = length(Argument::Output);
                assert_error($f.forward(&x, &mut output), error);
                let error = length(Argument::GradOutput);
                assert_error($f.backward(&x, &scales, &mut grad), error);
                let error = length(Argument::GradInput);
                assert_error($f.backward(&x, &ones, &mut output), error);
            )*};
        }
        refuse!(Sigmoid::new(), LogSigmoid::new(), Softplus::new());
        assert_untouched(&output);
        assert_untouched(&grad);
    }
    let mut output = sentinels::<T>(3);
    for beta in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (softplus, error) = (
            Softplus::new().beta(beta),
            Error::NotPositive {
                argument: Argument::Beta,
            },
        );
        assert_error(softplus.forward(&x, &mut output), error);
        assert_error(softplus.backward(&x, &ones, &mut output), error);
        assert_untouched(&output);
    }
    for beta in [5e-324, f64::MAX] {
        assert!(Softplus::new().beta(beta).forward(&x, &mut output).is_ok());
    }
}

fn activations_of_rows<T: Element>() {
    let (x, ones) = (logits::<T>(), [T::one(); 12]);
    let x = Classes::new(&x, SHAPE).unwrap();
    for actual in [0, 4, 11, 13] {
        let mut output = sentinels::<T>(actual);
        let mut grad = sentinels::<T>(12);
        let scales = vec![T::one(); actual];
        let length = |argument| Error::Length {
            argument,
            expected: 12,
            actual,
        };
        macro_rules! refuse {
            ($($f:expr),*) => {$(
                assert_error($f.forward(x, &mut output), length(Argument::Output));
                let error = length(Argument::GradOutput);
                assert_error($f.backward(x, &scales, &mut grad), error);
                let error = length(Argument::GradInput);
                assert_error($f.backward(x, &ones, &mut output), error);
            )*};
        }
        refuse!(Softmax::new(), LogSoftmax::new());
        assert_untouched(&output);
        assert_untouched(&grad);
    }
}

fn accuracies<T: Element>() {
    let x = logits::<T>();
    let length = |expected, actual| Error::Length {
        argument: Argument::Target,
        expected,
        actual,
    };
    assert_error(binary_accuracy(&x, &x[..3]), length(12, 3));
    let rows = Classes::new(&x, SHAPE).unwrap();
    assert_error(accuracy(rows, &[0_i64; 5]), length(4, 5));
}

fn partials<T: Element>() {
    let (x, mse) = (vec![T::one(); BLOCK + 1], Mse::new());
    let part = |from: usize, to: usize, start| mse.partial(&x[from..to], &x[from..to], start);
    for at in [1, BLOCK - 1, BLOCK + 1, 2 * BLOCK + 1] {
        assert_error(part(0, 3, at), Error::NotOnBlockBoundary { at });
        let rows = Classes::new(&x[..6], [2, 3]).unwrap();
        let labels = [0_u8, 1];
        let error = Error::NotOnBlockBoundary { at };
        assert_error(Nll::new().partial(rows, &labels, at), error);
        let ce = CrossEntropy::new();
        assert_error(ce.partial(rows, &labels, at), error);
        assert_error(ce.partial_probabilities(rows, &x[..6], at), error);
    }
    let last = usize::MAX - (BLOCK - 1);
    assert_error(part(0, BLOCK, last), Error::ShapeOverflow);
    assert!(part(0, BLOCK - 1, last).is_ok());

    // What is refused leaves the partial as it was.
    let first = part(0, BLOCK, 0).unwrap();
    let third = part(0, BLOCK, 2 * BLOCK).unwrap();
    let mut whole = first;
    let not_adjacent = |expected, actual| Error::NotAdjacent { expected, actual };
    assert_error(whole.merge(&third), not_adjacent(BLOCK, 2 * BLOCK));
    assert_error(whole.merge(&first), not_adjacent(BLOCK, 0));
    assert_eq!((whole.start(), whole.end()), (0, BLOCK));
    assert_eq!(whole.finish(Reduction::Mean), first.finish(Reduction::Mean));
    assert_error(third.finish(Reduction::Sum), not_adjacent(0, 2 * BLOCK));

    // Nothing begins where a short block ends, not even with nothing in it.
    let mut short = part(0, BLOCK + 1, 0).unwrap();
    let next = part(0, 0, 2 * BLOCK).unwrap();
    let error = Error::NotOnBlockBoundary { at: BLOCK + 1 };
    assert_error(short.merge(&next), error);
    // Nothing, where it fits, is no obstacle.
    let mut whole = first;
    whole.merge(&part(0, 0, BLOCK).unwrap()).unwrap();
    assert_eq!((whole.start(), whole.end()), (0, BLOCK));
}
