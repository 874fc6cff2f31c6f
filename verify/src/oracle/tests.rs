//! Three checks of the formulas: points worked out by hand (the edge cases first), the textbook form of each function
//! evaluated naively with 4,000 bits, and every gradient against differences of the forward function.

use super::*;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const PREC: u32 = 128;

/// Asserts that each value is what is expected, to the nearest f64.
#[track_caller]
fn assert_values(exact: &[Exact], expected: &[f64]) {
    assert_eq!(exact.len(), expected.len());
    for (i, (exact, &expected)) in exact.iter().zip(expected).enumerate() {
        let agrees = match &exact.value {
            Value::Nan => expected.is_nan(),
            Value::Infinite { negative } => expected == if *negative { -INF } else { INF },
            Value::Number(x) => {
                let (lo, hi) = (x.lo().to_f64(), x.hi().to_f64());
                lo == expected && hi == expected
            }
        };
        assert!(agrees, "value {i} is {:?}, not {expected:e}", exact.value);
    }
}

#[track_caller]
fn assert_exactly(exact: &Exact, expected: f64) {
    let number = exact.value.number().unwrap();
    assert!(
        number.is_point() && *number.lo() == expected,
        "{number:?} is not exactly {expected}"
    );
}

fn activation(function: Function, input: &[f64]) -> Call {
    Call::new(function, &[input.len()], input).dim(0)
}

fn elementwise(function: Function, input: &[f64], target: &[f64]) -> Call {
    Call::new(function, &[input.len()], input)
        .values(target)
        .reduction(Reduction::None)
}

fn rows(function: Function, shape: &[usize], input: &[f64]) -> Call {
    Call::new(function, shape, input).reduction(Reduction::None)
}

// ---------------------------------------------------------------------------------------------------------------
// By hand.

#[test]
fn names_are_parsed() {
    for function in Function::ALL {
        assert_eq!(function.name().parse(), Ok(function));
    }
    for reduction in [Reduction::None, Reduction::Mean, Reduction::Sum] {
        assert_eq!(reduction.to_string().parse(), Ok(reduction));
    }
    assert!("hinge".parse::<Function>().is_err() && "max".parse::<Reduction>().is_err());
}

#[test]
fn activations_of_one_number() {
    let x = [0.0, INF, -INF, NAN, 40.0, -40.0, -1e308, 1e308];
    let sigmoid = forward(&activation(Function::Sigmoid, &x), PREC);
    assert_values(
        &sigmoid,
        &[0.5, 1.0, 0.0, NAN, 1.0, 4.248354255291589e-18, 0.0, 1.0],
    );
    assert_exactly(&sigmoid[0], 0.5);
    assert_exactly(&backward(&activation(Function::Sigmoid, &x), PREC)[0], 0.25);
    let gradient = backward(&activation(Function::Sigmoid, &x), PREC);
    assert_values(
        &gradient,
        &[
            0.25,
            0.0,
            0.0,
            NAN,
            4.248354255291589e-18,
            4.248354255291589e-18,
            0.0,
            0.0,
        ],
    );
    let softplus = forward(&activation(Function::Softplus, &x), PREC);
    let ln2 = std::f64::consts::LN_2;
    assert_values(
        &softplus,
        &[ln2, INF, 0.0, NAN, 40.0, 4.248354255291589e-18, 0.0, 1e308],
    );
    let log_sigmoid = forward(&activation(Function::LogSigmoid, &x), PREC);
    assert_values(
        &log_sigmoid,
        &[
            -ln2,
            0.0,
            -INF,
            NAN,
            -4.248354255291589e-18,
            -40.0,
            -1e308,
            0.0,
        ],
    );
    let gradient = backward(&activation(Function::LogSigmoid, &x), PREC);
    assert_values(
        &gradient,
        &[0.5, 0.0, 1.0, NAN, 4.248354255291589e-18, 1.0, 1.0, 0.0],
    );
    let beta = forward(&activation(Function::Softplus, &x).beta(2.0), PREC);
    assert_values(&beta[..4], &[ln2 / 2.0, INF, 0.0, NAN]);
    // No threshold: above 20 the tail is still there.
    let tail = forward(&activation(Function::Softplus, &[21.0]), PREC)[0]
        .value
        .number()
        .unwrap()
        .clone();
    assert!(tail.lo().clone() - 21 > 7.5e-10);
}

#[test]
fn incoming_gradients_may_be_anything() {
    let call =
        activation(Function::Sigmoid, &[INF, 0.0, INF, 0.0]).grad_output(&[INF, -INF, NAN, NAN]);
    assert_values(&backward(&call, PREC), &[0.0, -INF, NAN, NAN]);
    let call = elementwise(Function::MseLoss, &[1.0, 2.0], &[1.0, 1.0]).grad_output(&[INF, INF]);
    assert_values(&backward(&call, PREC), &[0.0, INF]);
    let call = rows(
        Function::CrossEntropy,
        &[3, 2],
        &[NAN, 0.0, 0.0, 0.0, 0.0, 0.0],
    )
    .classes(&[-100, 0, 1]);
    let call = call.grad_output(&[NAN, NAN, INF]);
    assert_values(&backward(&call, PREC), &[0.0, 0.0, NAN, NAN, INF, -INF]);
}

#[test]
fn mse() {
    let call = elementwise(
        Function::MseLoss,
        &[1.5, 0.1, INF, INF, -INF, NAN],
        &[0.5, 0.3, 1.0, INF, INF, 0.0],
    );
    let loss = forward(&call, PREC);
    assert_exactly(&loss[0], 1.0);
    assert_values(&loss[2..], &[INF, NAN, INF, NAN]);
    assert_values(
        &backward(&call, PREC),
        &[2.0, 2.0 * (0.1 - 0.3), INF, NAN, -INF, NAN],
    );
    let mean = Call::new(Function::MseLoss, &[2, 2], &[1.0, 2.0, 3.0, 4.0]).values(&[0.0; 4]);
    assert_exactly(&forward(&mean, PREC)[0], 7.5);
    let gradient = backward(&mean.grad_output(&[2.0]), PREC);
    assert_values(&gradient, &[1.0, 2.0, 3.0, 4.0]);
    // f64's own ends.
    let call = elementwise(Function::MseLoss, &[1e308], &[-1e308]);
    assert!(
        forward(&call, PREC)[0]
            .value
            .number()
            .unwrap()
            .lo()
            .is_finite()
    );
    // A weight scales, zero times infinity is zero.
    let call = elementwise(Function::MseLoss, &[INF, 1.0], &[0.0, 3.0]).weight(&[0.0, -2.0]);
    assert_values(&forward(&call, PREC), &[0.0, -8.0]);
    assert_values(&backward(&call, PREC), &[0.0, 8.0]);
    // A grad_output of 0 does not take an infinite derivative with it.
    let call = elementwise(Function::MseLoss, &[INF, 1.0], &[0.0, 3.0]).grad_output(&[0.0; 2]);
    assert_values(&backward(&call, PREC), &[NAN, 0.0]);
}

#[test]
fn empty_batches() {
    for function in [
        Function::MseLoss,
        Function::BinaryCrossEntropy,
        Function::BinaryCrossEntropyWithLogits,
    ] {
        let call = Call::new(function, &[0], &[]).values(&[]);
        assert_values(&forward(&call, PREC), &[NAN]);
        assert_values(
            &forward(&call.clone().reduction(Reduction::Sum), PREC),
            &[0.0],
        );
        assert_values(
            &forward(&call.clone().reduction(Reduction::None), PREC),
            &[],
        );
        assert_values(&backward(&call, PREC), &[]);
    }
    for function in [Function::NllLoss, Function::CrossEntropy] {
        let call = Call::new(function, &[0, 3], &[]).classes(&[]);
        assert_values(&forward(&call, PREC), &[NAN]);
        assert_values(&forward(&call.reduction(Reduction::Sum), PREC), &[0.0]);
    }
    assert_values(
        &forward(
            &Call::new(Function::CrossEntropy, &[0, 3], &[]).values(&[]),
            PREC,
        ),
        &[NAN],
    );
}

#[test]
fn binary_cross_entropy_is_clamped() {
    let call = elementwise(
        Function::BinaryCrossEntropy,
        &[0.0, 0.0, 1.0, 1.0, 0.5, 1e-50],
        &[1.0, 0.0, 1.0, 0.0, 0.5, 1.0],
    );
    let ln2 = std::f64::consts::LN_2;
    assert_values(&forward(&call, PREC), &[100.0, 0.0, 0.0, 100.0, ln2, 100.0]);
    // PyTorch's gradient: (x - y) / 1e-12 at the ends, whatever the clamp of the loss does.
    assert_values(&backward(&call, PREC), &[-1e12, 0.0, 0.0, 1e12, 0.0, -1e12]);
    let mean =
        elementwise(Function::BinaryCrossEntropy, &[0.0, 1.0], &[1.0, 1.0]).weight(&[3.0, 5.0]);
    assert_values(&forward(&mean.reduction(Reduction::Mean), PREC), &[150.0]);
    assert_values(
        &backward(
            &elementwise(Function::BinaryCrossEntropy, &[0.25], &[1.0]),
            PREC,
        ),
        &[-4.0],
    );
}

#[test]
fn bce_with_logits_special_values() {
    let x = [INF, INF, -INF, -INF, NAN, INF, -INF];
    let y = [1.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.25];
    let call = elementwise(Function::BinaryCrossEntropyWithLogits, &x, &y);
    assert_values(&forward(&call, PREC), &[0.0, INF, 0.0, INF, NAN, INF, INF]);
    assert_values(
        &backward(&call, PREC),
        &[0.0, 1.0, 0.0, -1.0, NAN, 0.5, -0.25],
    );
    let weighted = call.clone().weight(&[0.0]);
    assert_values(
        &forward(&weighted, PREC),
        &[0.0, 0.0, 0.0, 0.0, NAN, 0.0, 0.0],
    );
    let weighted = call.weight(&[-2.0]).pos_weight(&[3.0]);
    assert_values(
        &forward(&weighted, PREC),
        &[0.0, -INF, 0.0, -INF, NAN, -INF, -INF],
    );
    assert_values(
        &backward(&weighted, PREC),
        &[0.0, -2.0, 0.0, 6.0, NAN, -1.0, 1.5],
    );
    // Published symptoms: gradients and losses that others round to 0.
    let call = elementwise(
        Function::BinaryCrossEntropyWithLogits,
        &[40.0, -40.0],
        &[1.0, 0.0],
    );
    assert_values(
        &forward(&call, PREC),
        &[4.248354255291589e-18, 4.248354255291589e-18],
    );
    assert_values(
        &backward(&call, PREC),
        &[-4.248354255291589e-18, 4.248354255291589e-18],
    );
    // pos_weight = 1 is the same as none, weights broadcast over the last dimension.
    let call =
        Call::new(Function::BinaryCrossEntropyWithLogits, &[2, 2], &[0.0; 4]).values(&[1.0; 4]);
    let call = call
        .reduction(Reduction::None)
        .pos_weight(&[1.0, 2.0])
        .weight(&[1.0, 1.0, 3.0, 3.0]);
    assert_values(&backward(&call, PREC), &[-0.5, -1.0, -1.5, -3.0]);
}

#[test]
fn nll() {
    let call = Call::new(
        Function::NllLoss,
        &[3, 2],
        &[-1.0, -2.0, -INF, NAN, -3.0, -4.0],
    )
    .classes(&[1, 0, -100]);
    let none = call.clone().reduction(Reduction::None);
    assert_values(&forward(&none, PREC), &[2.0, INF, 0.0]);
    assert_values(
        &forward(&none.clone().weight(&[0.0, 2.0]), PREC),
        &[4.0, 0.0, 0.0],
    );
    assert_values(
        &backward(&none.clone().weight(&[0.5, 2.0]), PREC),
        &[0.0, -2.0, -0.5, 0.0, 0.0, 0.0],
    );
    let mean = call.clone().weight(&[0.0, 2.0]);
    assert_values(&forward(&mean, PREC), &[2.0]);
    assert_values(&backward(&mean, PREC), &[0.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
    // Weights that sum to zero.
    let cancelled = call.weight(&[-2.0, 2.0]);
    assert_values(&forward(&cancelled, PREC), &[NAN]);
    assert_values(&backward(&cancelled, PREC), &[0.0, NAN, NAN, 0.0, 0.0, 0.0]);
    // One dimension: one row.
    let single = Call::new(Function::NllLoss, &[2], &[-1.0, -5.0]).classes(&[1]);
    assert_values(&forward(&single, PREC), &[5.0]);
}

#[test]
fn cross_entropy_special_values() {
    let e =
        |shape: &[usize], x: &[f64], y: &[i64]| rows(Function::CrossEntropy, shape, x).classes(y);
    let ln2 = std::f64::consts::LN_2;
    // Minus infinity: probability and gradient 0.
    let call = e(
        &[3, 3],
        &[0.0, 0.0, -INF, 0.0, 0.0, -INF, -INF, 5.0, -INF],
        &[0, 2, 1],
    );
    assert_values(&forward(&call, PREC), &[ln2, INF, 0.0]);
    assert_values(
        &backward(&call, PREC),
        &[-0.5, 0.5, 0.0, 0.5, 0.5, -1.0, 0.0, 0.0, 0.0],
    );
    // One plus infinity is a limit; two, or none above minus infinity, are not.
    let call = e(
        &[4, 2],
        &[INF, 0.0, INF, 0.0, INF, INF, -INF, -INF],
        &[0, 1, 0, 0],
    );
    assert_values(&forward(&call, PREC), &[0.0, INF, NAN, NAN]);
    assert_values(
        &backward(&call, PREC),
        &[0.0, 0.0, 1.0, -1.0, NAN, NAN, NAN, NAN],
    );
    // NaN stays in its row, and an ignored row is zero whatever it holds.
    let call = e(&[3, 2], &[NAN, 0.0, 0.0, 0.0, NAN, INF], &[1, 1, -100]);
    assert_values(&forward(&call, PREC), &[NAN, ln2, 0.0]);
    assert_values(&backward(&call, PREC), &[NAN, NAN, 0.5, -0.5, 0.0, 0.0]);
    // A zero weight: times infinity zero, times NaN NaN.
    let call = e(&[2, 2], &[0.0, -INF, NAN, 0.0], &[1, 1]).weight(&[1.0, 0.0]);
    assert_values(&forward(&call, PREC), &[0.0, NAN]);
    assert_values(&backward(&call, PREC), &[0.0, 0.0, NAN, NAN]);
    // ignore_index may be a class.
    let call = e(&[2, 2], &[0.0; 4], &[1, 0])
        .ignore_index(1)
        .reduction(Reduction::Mean);
    assert_values(&forward(&call, PREC), &[ln2]);
    assert_values(&backward(&call, PREC), &[0.0, 0.0, -0.5, 0.5]);
    // All ignored, and weights that sum to zero.
    let call = e(&[2, 2], &[0.0; 4], &[-100, -100]);
    assert_values(
        &forward(&call.clone().reduction(Reduction::Mean), PREC),
        &[NAN],
    );
    assert_values(
        &forward(&call.clone().reduction(Reduction::Sum), PREC),
        &[0.0],
    );
    assert_values(&backward(&call.reduction(Reduction::Mean), PREC), &[0.0; 4]);
    let call = e(&[3, 2], &[0.0; 6], &[0, 1, -100])
        .weight(&[0.1, -0.1])
        .reduction(Reduction::Mean);
    assert_values(&forward(&call, PREC), &[NAN]);
    assert_values(&backward(&call, PREC), &[NAN, NAN, NAN, NAN, 0.0, 0.0]);
    // One class.
    let call = e(&[4, 1], &[3.0, INF, -INF, NAN], &[0, 0, 0, 0]);
    assert_values(&forward(&call, PREC), &[0.0, 0.0, NAN, NAN]);
    assert_values(&backward(&call, PREC), &[0.0, 0.0, NAN, NAN]);
    assert_exactly(&forward(&call, PREC)[0], 0.0);
    // Published symptoms: huge equal logits, and a loss that others round to 0.
    assert_values(&forward(&e(&[1, 2], &[1e8, 1e8], &[0]), PREC), &[ln2]);
    let call = e(&[1, 2], &[37.43, 0.0], &[0]);
    assert_values(&forward(&call, PREC), &[5.550_825_086_253_719_4e-17]);
    // Logits at f64's ends.
    assert_values(&forward(&e(&[1, 2], &[1e308, -1e308], &[0]), PREC), &[0.0]);
    assert_values(&forward(&e(&[1, 2], &[1e308, 1.0], &[1]), PREC), &[1e308]);
}

#[test]
fn smoothing_and_probabilities() {
    let ln2 = std::f64::consts::LN_2;
    // Probability 0 on minus infinity contributes nothing; smoothing puts weight there.
    let x = [0.0, 0.0, -INF];
    let call = rows(Function::CrossEntropy, &[1, 3], &x).values(&[1.0, 0.0, 0.0]);
    assert_values(&forward(&call, PREC), &[ln2]);
    assert_values(&forward(&call.clone().label_smoothing(0.5), PREC), &[INF]);
    assert_values(
        &forward(&call.label_smoothing(0.5).weight(&[1.0, 1.0, 0.0]), PREC),
        &[5.0 / 6.0 * ln2],
    );
    let call = rows(Function::CrossEntropy, &[1, 3], &x)
        .classes(&[0])
        .label_smoothing(0.5);
    assert_values(
        &forward(&call.clone().weight(&[1.0, 1.0, 0.0]), PREC),
        &[5.0 / 6.0 * ln2],
    );
    assert_values(&backward(&call, PREC), &[-1.0 / 6.0, 1.0 / 3.0, -1.0 / 6.0]);
    // One plus infinity: every class with some weight but this one costs infinity.
    let limit =
        rows(Function::CrossEntropy, &[2, 2], &[INF, 0.0, INF, 0.0]).values(&[1.0, 0.0, 0.5, 0.5]);
    assert_values(&forward(&limit, PREC), &[0.0, INF]);
    assert_values(&backward(&limit, PREC), &[0.0, 0.0, 0.5, -0.5]);
    // Probabilities that do not sum to 1: the gradient is V p - v.
    let call = rows(Function::CrossEntropy, &[1, 2], &[0.0, 0.0]).values(&[1.0, 2.0]);
    assert_values(&forward(&call, PREC), &[3.0 * ln2]);
    assert_values(&backward(&call, PREC), &[0.5, -0.5]);
    // The mean of probabilities divides by rows, that of classes by weights.
    let shape = [2, 2];
    let weight = [3.0, 1.0];
    let soft = Call::new(Function::CrossEntropy, &shape, &[0.0; 4])
        .values(&[1.0, 0.0, 0.0, 1.0])
        .weight(&weight);
    assert_values(&forward(&soft, PREC), &[2.0 * ln2]);
    let hard = Call::new(Function::CrossEntropy, &shape, &[0.0; 4])
        .classes(&[0, 1])
        .weight(&weight);
    assert_values(&forward(&hard, PREC), &[ln2]);
    // Full smoothing ignores the target; its gradient at equal logits is a zero that only precision finds.
    let call = rows(Function::CrossEntropy, &[1, 3], &[1.0; 3])
        .classes(&[0])
        .label_smoothing(1.0);
    for gradient in backward(&call, PREC) {
        let number = gradient.value.number().unwrap();
        assert!(*number.lo() <= 0 && *number.hi() >= 0 && number.width() < 1e-37);
    }
}

#[test]
fn softmax_and_its_logarithm() {
    for n in [1, 2, 4, 8] {
        for p in forward(&activation(Function::Softmax, &vec![0.3; n]), PREC) {
            assert_exactly(&p, 1.0 / n as f64);
        }
    }
    assert_values(
        &forward(&activation(Function::Softmax, &[7.0; 3]), PREC),
        &[1.0 / 3.0; 3],
    );
    let x = [
        0.0, -INF, 0.0, INF, 0.0, -INF, INF, INF, 0.0, -INF, -INF, -INF, NAN, 0.0, 0.0,
    ];
    let call = Call::new(Function::Softmax, &[5, 3], &x);
    let n = NAN;
    let expected = [0.5, 0.0, 0.5, 1.0, 0.0, 0.0, n, n, n, n, n, n, n, n, n];
    assert_values(&forward(&call, PREC), &expected);
    let ln2 = std::f64::consts::LN_2;
    let call = Call::new(Function::LogSoftmax, &[5, 3], &x);
    assert_values(
        &forward(&call, PREC),
        &[-ln2, -INF, -ln2, 0.0, -INF, -INF, n, n, n, n, n, n, n, n, n],
    );
    let softmax = Call::new(Function::Softmax, &[2, 2], &[0.0, 0.0, INF, 0.0])
        .grad_output(&[1.0, 3.0, 5.0, 7.0]);
    assert_values(&backward(&softmax, PREC), &[-0.5, 0.5, 0.0, 0.0]);
    let log_softmax = Call::new(Function::LogSoftmax, &[2, 2], &[0.0, 0.0, INF, 0.0])
        .grad_output(&[1.0, 3.0, 5.0, 7.0]);
    assert_values(&backward(&log_softmax, PREC), &[-1.0, 1.0, -7.0, 7.0]);
    // A single number, and the first dimension.
    assert_values(
        &forward(&Call::new(Function::LogSoftmax, &[], &[3.0]), PREC),
        &[0.0],
    );
    let first = Call::new(Function::Softmax, &[2, 2], &[0.0, INF, 0.0, 1.0]).dim(0);
    assert_values(&forward(&first, PREC), &[0.5, 1.0, 0.5, 0.0]);
}

#[test]
fn magnitudes_bound_the_terms() {
    let near = |exact: &Exact, expected: f64| {
        assert!(
            exact.magnitude >= expected && exact.magnitude <= expected * (1.0 + 1e-12),
            "{exact:?} {expected}"
        );
    };
    near(
        &forward(&activation(Function::Sigmoid, &[0.0]), PREC)[0],
        0.5,
    );
    near(
        &backward(
            &elementwise(Function::BinaryCrossEntropyWithLogits, &[0.0], &[0.5]),
            PREC,
        )[0],
        0.5,
    );
    let call = rows(Function::CrossEntropy, &[1, 2], &[0.0, 0.0])
        .classes(&[0])
        .weight(&[-2.0, 1.0]);
    near(&backward(&call, PREC)[0], 3.0);
    near(&backward(&call, PREC)[1], 1.0);
    // Terms 2 and -1, divided by 2 - 1: that this is a difference too is no part of the terms.
    let call = Call::new(Function::NllLoss, &[2, 2], &[-1.0; 4])
        .classes(&[0, 1])
        .weight(&[2.0, -1.0]);
    assert_values(&forward(&call, PREC), &[1.0]);
    near(&forward(&call, PREC)[0], 3.0);
    near(&backward(&call, PREC)[0], 2.0);
    let call = Call::new(Function::Softmax, &[2], &[0.0, 0.0])
        .dim(0)
        .grad_output(&[1.0, -3.0]);
    near(&backward(&call, PREC)[0], 1.0);
    let call = Call::new(Function::LogSoftmax, &[2], &[0.0, 0.0])
        .dim(0)
        .grad_output(&[1.0, -3.0]);
    near(&backward(&call, PREC)[1], 2.0);
    // p is 1/4 each, with S = 3: either may be meant, and the larger is that of 1, 1, 1 and 5, not of 0, 0, 0 and 4.
    let four = |grad: &[f64]| {
        Call::new(Function::Softmax, &[4], &[2.0; 4])
            .dim(0)
            .grad_output(grad)
    };
    near(&backward(&four(&[1.0, 1.0, 1.0, 5.0]), PREC)[0], 0.75);
    // 5, 0, 0, 0, not 0, -5, -5, -5.
    near(&backward(&four(&[5.0, 0.0, 0.0, 0.0]), PREC)[1], 2.1875);
    // One more, and it is that of g_k: 3, 3, 3, 3, 8.
    let call = Call::new(Function::Softmax, &[5], &[2.0; 5])
        .dim(0)
        .grad_output(&[3.0, 3.0, 3.0, 3.0, 8.0]);
    near(&backward(&call, PREC)[0], 1.4);
}

/// Where one class is far ahead its g is not among the terms: e^-100 and less is left of each.
#[test]
fn magnitudes_of_a_certain_class() {
    let x = [0.0, 100.0, -3.0];
    for (function, grad) in [
        (Function::Softmax, [0.0, -1.0, 0.0]),
        (Function::Softmax, [7.0, 8.0, 9.0]),
        (Function::LogSoftmax, [0.0, -1.0, 0.0]),
    ] {
        let call = Call::new(function, &[3], &x).dim(0).grad_output(&grad);
        for exact in backward(&call, 512) {
            let value = exact.value.magnitude();
            assert!(exact.magnitude < 3e-43, "{exact:?}");
            assert!(exact.magnitude < 2.5 * value, "{exact:?} {value:e}");
        }
    }
    // The limit.
    let call = Call::new(Function::LogSoftmax, &[2], &[INF, 0.0])
        .dim(0)
        .grad_output(&[-1.0, 0.0]);
    let exact = backward(&call, PREC);
    assert_values(&exact, &[0.0, 0.0]);
    assert_eq!(exact[0].magnitude, 0.0);
    assert_eq!(exact[1].magnitude, 0.0);
}

#[test]
fn illegal_calls_say_why() {
    let refuses = |call: Call, reason: &str| {
        let panic = std::panic::catch_unwind(|| forward(&call, PREC)).unwrap_err();
        let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(message.contains(reason), "{message}");
    };
    refuses(Call::new(Function::Sigmoid, &[3], &[0.0]), "shape");
    refuses(Call::new(Function::MseLoss, &[1], &[0.0]), "no target");
    refuses(
        elementwise(Function::BinaryCrossEntropy, &[1.5], &[0.0]),
        "input outside",
    );
    refuses(
        elementwise(Function::BinaryCrossEntropyWithLogits, &[1.5], &[NAN]),
        "target outside",
    );
    refuses(
        rows(Function::CrossEntropy, &[1, 2], &[0.0, 0.0]).classes(&[2]),
        "class 2 of 2",
    );
    refuses(
        rows(Function::CrossEntropy, &[1, 2], &[0.0, 0.0])
            .classes(&[1])
            .weight(&[1.0]),
        "weights",
    );
    refuses(
        rows(Function::CrossEntropy, &[1, 2], &[0.0, 0.0])
            .classes(&[1])
            .label_smoothing(NAN),
        "smoothing",
    );
}

// ---------------------------------------------------------------------------------------------------------------
// Against the textbook.

/// Multiples of 2^-8 in [-8, 8), from a linear congruential generator.
fn numbers(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 52) as f64 - 2048.0) / 256.0
    };
    (0..n).map(|_| next()).collect()
}

const TEXTBOOK: u32 = 4000;

fn big(x: f64) -> Float {
    Float::with_val(TEXTBOOK, x)
}

fn contains(exact: &Exact, naive: &Float) -> bool {
    exact.value.number().is_some_and(|x| {
        // The naive value is itself rounded, far below 128 bits: give it that much.
        let mut slack = Float::with_val(TEXTBOOK, 1);
        slack >>= 1000;
        Interval::new(naive.clone() - &slack, naive.clone() + &slack).overlaps(x)
            && x.width() < 1e-30
    })
}

#[test]
fn values_are_the_textbook_ones() {
    for x in numbers(1, 200)
        .into_iter()
        .chain([100.0, -100.0, 500.0, -500.0])
    {
        let exp = |x: f64| big(x).exp();
        let sigma = (exp(-x) + 1u32).recip();
        let softplus = (exp(x) + 1u32).ln();
        let one = |function| forward(&activation(function, &[x]), PREC).remove(0);
        assert!(contains(&one(Function::Sigmoid), &sigma), "{x}");
        assert!(contains(&one(Function::Softplus), &softplus), "{x}");
        assert!(
            contains(&one(Function::LogSigmoid), &sigma.clone().ln()),
            "{x}"
        );
        let beta = forward(&activation(Function::Softplus, &[x]).beta(0.5), PREC).remove(0);
        assert!(contains(&beta, &((exp(0.5 * x) + 1u32).ln() * 2u32)), "{x}");
        for y in [0.0, 0.25, 1.0] {
            // PyTorch's documented form, w and c included: -w (c y ln sigma(x) + (1 - y) ln(1 - sigma(x))).
            let complement = big(1.0) - &sigma;
            let naive = -(big(3.0) * y * sigma.clone().ln() + big(1.0 - y) * complement.ln()) * 0.7;
            let call = elementwise(Function::BinaryCrossEntropyWithLogits, &[x], &[y])
                .pos_weight(&[3.0])
                .weight(&[0.7]);
            assert!(contains(&forward(&call, PREC)[0], &naive), "{x} {y}");
            let p = (x + 8.5) / 17.0;
            if (0.0..=1.0).contains(&p) {
                let naive = -(big(y) * big(p).ln() + big(1.0 - y) * (big(1.0) - p).ln());
                assert!(contains(
                    &forward(&elementwise(Function::BinaryCrossEntropy, &[p], &[y]), PREC)[0],
                    &naive
                ));
            }
        }
    }
}

#[test]
fn rows_are_the_textbook_ones() {
    let (n, c) = (40, 5);
    let mut x = numbers(2, n * c);
    x[3] = 300.0;
    x[7] = -400.0;
    let q: Vec<f64> = numbers(3, n * c).iter().map(|x| x.abs()).collect();
    let classes: Vec<i64> = q
        .chunks(c)
        .map(|q| (q[0] * 256.0) as i64 % c as i64)
        .collect();
    let w = [0.5, 2.0, 0.0, -1.5, 3.25];
    let e = 0.3;
    let log_softmax: Vec<Vec<Float>> = x
        .chunks(c)
        .map(|row| {
            let sum = row.iter().fold(big(0.0), |sum, &x| sum + big(x).exp());
            row.iter().map(|&x| (big(x).exp() / &sum).ln()).collect()
        })
        .collect();
    let call = |function| Call::new(function, &[n, c], &x).reduction(Reduction::None);
    let softmax = forward(&call(Function::Softmax), PREC);
    let logs = forward(&call(Function::LogSoftmax), PREC);
    let hard = forward(
        &call(Function::CrossEntropy).classes(&classes).weight(&w),
        PREC,
    );
    let smooth = forward(
        &call(Function::CrossEntropy)
            .classes(&classes)
            .weight(&w)
            .label_smoothing(e),
        PREC,
    );
    let soft = forward(
        &call(Function::CrossEntropy)
            .values(&q)
            .weight(&w)
            .label_smoothing(e),
        PREC,
    );
    for row in 0..n {
        let l = &log_softmax[row];
        let y = classes[row] as usize;
        for j in 0..c {
            assert!(contains(&logs[row * c + j], &l[j]));
            assert!(contains(&softmax[row * c + j], &l[j].clone().exp()));
        }
        assert!(contains(&hard[row], &-(big(w[y]) * &l[y])));
        let mean = (0..c).fold(big(0.0), |sum, j| sum + big(w[j]) * &l[j]) / c as u32;
        assert!(contains(
            &smooth[row],
            &-((big(1.0) - e) * w[y] * &l[y] + big(e) * mean)
        ));
        let soft_loss = (0..c).fold(big(0.0), |sum, j| {
            sum - ((big(1.0) - e) * q[row * c + j] + big(e) / c as u32) * w[j] * &l[j]
        });
        assert!(contains(&soft[row], &soft_loss));
    }
}

#[test]
fn enclosures_compose() {
    for x in numbers(4, 50) {
        let x = Interval::from_f64(x, PREC);
        let one = Interval::from_f64(1.0, PREC);
        let zero = Interval::from_f64(0.0, PREC);
        let y = Interval::from_f64(0.375, PREC);
        let composed = bce_of(&sigmoid_of(&x), &y);
        let direct = bce_with_logits_of(&x, &y, &one);
        assert!(composed.overlaps(&direct) && composed.width() < 1e-33);
        assert!(softplus_of(&x).overlaps(&-log_sigmoid_of(&-x.clone())));
        let row = [x.clone(), zero];
        let [p, q] = <[Interval; 2]>::try_from(softmax_of(&row)).unwrap();
        assert!(p.overlaps(&sigmoid_of(&x)) && q.overlaps(&sigmoid_of(&-x.clone())));
        assert!(log_sum_exp(&row).overlaps(&softplus_of(&x)));
        assert!(log_softmax_of(&row)[0].overlaps(&log_sigmoid_of(&x)));
        assert!(sigmoid_derivative_of(&x).overlaps(&(p.clone() * &q)));
        // (p - y) / (p (1 - p)) times p (1 - p).
        let chained = bce_gradient_of(&p, &y) * &sigmoid_derivative_of(&x);
        assert!(chained.overlaps(&bce_with_logits_gradient_of(&x, &y, &one)));
        // The forms on enclosures are the forms on numbers.
        let c = Interval::from_f64(2.5, PREC);
        let at = x.lo().to_f64();
        let number = |exact: Exact| exact.value.number().unwrap().clone();
        let forward = number(bce_with_logits(at, 0.375, 2.5, PREC));
        let backward = number(bce_with_logits_gradient(at, 0.375, 2.5, PREC));
        assert!(forward.overlaps(&bce_with_logits_of(&x, &y, &c)));
        assert!(backward.overlaps(&bce_with_logits_gradient_of(&x, &y, &c)));
        assert!(forward.width() < 1e-33 && backward.width() < 1e-33);
        // Wide enclosures contain what lies in them.
        let wide = Interval::new(x.lo().clone() - 1u32, x.hi().clone() + 3u32);
        assert!(
            sigmoid_of(&wide).encloses(&sigmoid_of(&x))
                && softplus_of(&wide).encloses(&softplus_of(&x))
        );
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Gradients against differences.

const DIFFERENCE_PREC: u32 = 400;

/// sum(grad_output * forward(call)).
fn total(call: &Call) -> Interval {
    let mut sum = Interval::from_f64(0.0, DIFFERENCE_PREC);
    for (i, output) in forward(call, DIFFERENCE_PREC).iter().enumerate() {
        let g = call.grad_output[if call.grad_output.len() == 1 { 0 } else { i }];
        sum.accumulate(
            &(output.value.number().unwrap().clone() * &Interval::from_f64(g, DIFFERENCE_PREC)),
        );
    }
    sum
}

/// Checks every entry of the gradient against the central difference of sixth order,
/// (-f(-3h) + 9 f(-2h) - 45 f(-h) + 45 f(h) - 9 f(2h) + f(3h)) / 60h, whose error is f'''''''(x) h^6 / 140.
///
/// The inputs are multiples of 2^-9 below 2^4, so that x + 3h with h = 2^-40 is exact in f64.
#[track_caller]
fn assert_gradient(call: &Call) {
    let h = 2_f64.powi(-40);
    let gradient = backward(call, DIFFERENCE_PREC);
    assert_eq!(gradient.len(), call.input.len());
    for (i, gradient) in gradient.iter().enumerate() {
        let mut difference = Interval::from_f64(0.0, DIFFERENCE_PREC);
        for (step, factor) in [(1, 45.0), (2, -9.0), (3, 1.0)] {
            let at = |step: i32| {
                let mut moved = call.clone();
                moved.input[i] += f64::from(step) * h;
                assert_eq!(moved.input[i] - call.input[i], f64::from(step) * h);
                total(&moved)
            };
            let factor = Interval::from_f64(factor, DIFFERENCE_PREC);
            difference.accumulate(&((at(step) - &at(-step)) * &factor));
        }
        let difference = difference / &Interval::from_f64(60.0 * h, DIFFERENCE_PREC);
        let gradient = gradient.value.number().unwrap();
        let error = (difference - gradient).magnitude();
        assert!(
            error < 2_f64.powi(-150),
            "{} entry {i}: off by {error:e}\n{call:?}",
            call.function
        );
    }
}

#[test]
fn gradients_of_activations() {
    let x = numbers(5, 24);
    let g = numbers(6, 24);
    for function in [Function::Sigmoid, Function::LogSigmoid, Function::Softplus] {
        assert_gradient(&Call::new(function, &[24], &x).grad_output(&g));
    }
    for beta in [0.3, 2.0] {
        assert_gradient(
            &Call::new(Function::Softplus, &[24], &x)
                .grad_output(&g)
                .beta(beta),
        );
    }
    for function in [Function::Softmax, Function::LogSoftmax] {
        for dim in 0..3 {
            assert_gradient(&Call::new(function, &[2, 3, 4], &x).grad_output(&g).dim(dim));
        }
        assert_gradient(&Call::new(function, &[24], &x).grad_output(&[2.0]).dim(0));
    }
}

/// A call with each reduction.
fn reductions(call: Call, outputs: usize) -> [Call; 3] {
    [
        call.clone()
            .reduction(Reduction::None)
            .grad_output(&numbers(7, outputs)),
        call.clone()
            .reduction(Reduction::Mean)
            .grad_output(&[-1.75]),
        call.reduction(Reduction::Sum).grad_output(&[0.625]),
    ]
}

#[test]
fn gradients_of_elementwise_losses() {
    let x = numbers(8, 12);
    let unit: Vec<f64> = numbers(9, 12).iter().map(|x| (x + 8.0) / 16.0).collect();
    let inner: Vec<f64> = x
        .iter()
        .map(|x| ((x + 8.0) / 16.0).clamp(1.0 / 16.0, 15.0 / 16.0))
        .collect();
    let hard: Vec<f64> = unit.iter().map(|y| y.round()).collect();
    let weight = numbers(10, 4);
    let pos_weight: Vec<f64> = numbers(11, 6).iter().map(|w| w.abs()).collect();
    let mut calls = vec![
        Call::new(Function::MseLoss, &[12], &x).values(&unit),
        Call::new(Function::MseLoss, &[3, 4], &x)
            .values(&unit)
            .weight(&weight),
        Call::new(Function::BinaryCrossEntropy, &[3, 4], &inner).values(&unit),
        Call::new(Function::BinaryCrossEntropy, &[3, 4], &inner)
            .values(&hard)
            .weight(&weight),
    ];
    for y in [&unit, &hard] {
        let call = Call::new(Function::BinaryCrossEntropyWithLogits, &[3, 4], &x).values(y);
        calls.push(call.clone());
        calls.push(call.clone().weight(&weight));
        calls.push(call.clone().pos_weight(&pos_weight));
        calls.push(call.weight(&weight).pos_weight(&pos_weight));
    }
    for call in calls.into_iter().flat_map(|call| reductions(call, 12)) {
        assert_gradient(&call);
    }
}

#[test]
fn gradients_of_class_losses() {
    let positive = [0.5, 2.0, 0.0, 3.25];
    let negative = [0.5, -2.0, 1.75, 3.25];
    for (shape, rows) in [
        (vec![4], 1),
        (vec![3, 4], 3),
        (vec![2, 4, 2], 4),
        (vec![1, 4, 3, 2], 6),
    ] {
        let x = numbers(12, rows * 4);
        let q: Vec<f64> = numbers(13, rows * 4)
            .iter()
            .map(|q| (q + 8.0) / 16.0)
            .collect();
        let classes: Vec<i64> = (0..rows as i64).map(|row| row * 3 % 4).collect();
        let mut ignored = classes.clone();
        ignored[rows / 2] = -100;
        let mut calls = vec![];
        for weight in [None, Some(positive), Some(negative)] {
            let weighted = |call: Call| match weight {
                None => call,
                Some(weight) => call.weight(&weight),
            };
            let classes = [(&classes, -100), (&ignored, -100), (&classes, 3)];
            for (classes, ignore_index) in classes {
                // A single row that is ignored has no mean to differentiate.
                if classes.iter().all(|&class| class == ignore_index) {
                    continue;
                }
                let nll = weighted(Call::new(Function::NllLoss, &shape, &x).classes(classes));
                calls.push(nll.ignore_index(ignore_index));
                for smoothing in [0.0, 0.3, 1.0] {
                    let call =
                        weighted(Call::new(Function::CrossEntropy, &shape, &x).classes(classes));
                    calls.push(call.ignore_index(ignore_index).label_smoothing(smoothing));
                }
            }
            for smoothing in [0.0, 0.3] {
                let call = weighted(Call::new(Function::CrossEntropy, &shape, &x).values(&q));
                calls.push(call.label_smoothing(smoothing));
            }
        }
        for call in calls.into_iter().flat_map(|call| reductions(call, rows)) {
            assert_gradient(&call);
        }
    }
}

#[test]
fn dimensions_are_rows_taken_one_by_one() {
    let (n, c, d) = (2, 3, 4);
    let x = numbers(14, n * c * d);
    let classes: Vec<i64> = (0..(n * d) as i64).map(|i| i % 3).collect();
    let whole = Call::new(Function::CrossEntropy, &[n, c, 2, 2], &x)
        .classes(&classes)
        .reduction(Reduction::None);
    let (losses, gradients) = (forward(&whole, PREC), backward(&whole, PREC));
    for row in 0..n * d {
        let at = |j: usize| (row / d * c + j) * d + row % d;
        let logits: Vec<f64> = (0..c).map(|j| x[at(j)]).collect();
        let single = Call::new(Function::CrossEntropy, &[c], &logits).classes(&[classes[row]]);
        let same =
            |a: &Exact, b: &Exact| a.value.number().unwrap().lo() == b.value.number().unwrap().lo();
        assert!(same(&forward(&single, PREC)[0], &losses[row]));
        for (j, gradient) in backward(&single, PREC).iter().enumerate() {
            assert!(same(gradient, &gradients[at(j)]));
        }
    }
}
