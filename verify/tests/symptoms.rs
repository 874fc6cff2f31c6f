//! Symptoms reported against public libraries, each as the test of the right answer, by the oracle or by definition.
//!
//! Names say what fails elsewhere. Numbers are those of the issues.

mod promised;

use promised::promised;
use trueloss::half::{bf16, f16};
use trueloss::{
    BLOCK, BceWithLogits, Classes, CrossEntropy, Element, Error, Mse, Nll, Reduction, log_sigmoid,
    log_sigmoid_derivative, sigmoid_derivative, softplus,
};
use trueloss_digest::random::SplitMix64;
use trueloss_verify::claims::Direction;
use trueloss_verify::generate::ElementType;
use trueloss_verify::kernels;
use trueloss_verify::oracle::{self, Call, Function, Value};
use trueloss_verify::ulp::{self, Format};

use Function::{BinaryCrossEntropyWithLogits, CrossEntropy as CrossEntropyLoss, LogSigmoid};

/// An element type by its name in the table of claims.
trait Judged: Element + Format {
    const TYPE: ElementType;
}

impl Judged for f32 {
    const TYPE: ElementType = ElementType::F32;
}

impl Judged for f64 {
    const TYPE: ElementType = ElementType::F64;
}

impl Judged for bf16 {
    const TYPE: ElementType = ElementType::BF16;
}

/// The losses and gradients of a call, each shown to be right by the oracle.
fn right<T: Judged>(call: &Call) -> (Vec<T>, Vec<T>) {
    let values = kernels::forward::<T>(call).unwrap();
    let gradients = kernels::backward::<T>(call).unwrap();
    let check = |answers: &[T], direction: Direction, judged: Vec<ulp::Judged>| {
        let bound = promised(call, T::TYPE, direction);
        for (i, judged) in judged.iter().enumerate() {
            assert!(
                judged.within(bound.ulp, bound.terms),
                "[{i}]: {:?} is {} ULP from {:e}, not {bound}, in {call:?}",
                answers[i],
                judged.ulp,
                judged.exact
            );
        }
    };
    let exact = ulp::judge(&values, |prec| oracle::forward(call, prec));
    check(&values, Direction::Forward, exact);
    let exact = ulp::judge(&gradients, |prec| oracle::backward(call, prec));
    check(&gradients, Direction::Gradient, exact);
    (values, gradients)
}

/// The same in both element types; what is returned is f32's.
fn right_in_both(call: &Call) -> (Vec<f32>, Vec<f32>) {
    right::<f64>(call);
    right::<f32>(call)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Numbers without a pattern, in [-scale, scale].
fn numbers(count: usize, scale: f32, seed: u64) -> Vec<f32> {
    let mut random = SplitMix64::new(seed);
    let next = |_| ((random.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0) * scale;
    (0..count).map(next).collect()
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[test]
fn symptom_01_gradient_and_loss_vanish_at_37_43() {
    // Elsewhere the gradient p_y - 1 and the loss lse - x_y are 0 here (pytorch #195678, jax #40384).
    let x = f64::from(37.43_f32);
    let call = Call::new(CrossEntropyLoss, &[1, 2], &[x, 0.0]).classes(&[0]);
    let (loss, gradient) = right_in_both(&call);
    assert!(loss[0] > 5.5e-17 && gradient[0] < -5.5e-17 && gradient[1] > 5.5e-17);
    let call = Call::new(CrossEntropyLoss, &[1, 2], &[37.43, 0.0]).classes(&[0]);
    let (_, gradient) = right::<f64>(&call);
    assert!((gradient[0] + 5.55e-17).abs() < 0.01e-17);
}

#[test]
fn symptom_02_bce_with_logits_vanishes_at_40() {
    // Elsewhere the gradient at (40, 1) and the loss at (-40, 0) are 0 (pytorch #195529, #195677).
    let call = Call::new(BinaryCrossEntropyWithLogits, &[2], &[40.0, -40.0])
        .values(&[1.0, 0.0])
        .reduction(oracle::Reduction::None);
    let (losses, gradients) = right_in_both(&call);
    assert_eq!(losses, [4.248_354e-18; 2]);
    assert_eq!(gradients, [-4.248_354e-18, 4.248_354e-18]);
}

#[test]
fn symptom_03_second_derivative_of_log_sigmoid_is_lost_from_17_on() {
    // Elsewhere it is computed as -sigma(x) (1 - sigma(x)) with a sigma that is 1 (pytorch #195530).
    let f64_bound = promised(
        &Call::new(Function::Sigmoid, &[1], &[0.0]),
        ElementType::F64,
        Direction::Gradient,
    );
    for i in -1000..=1000_i16 {
        let x = f32::from(i) / 10.0;
        let second = -sigmoid_derivative(x);
        let judged = ulp::judge(&[second], |prec| {
            let value = -oracle::sigmoid_derivative(f64::from(x), prec);
            vec![oracle::Exact::of(value)]
        });
        assert!(judged[0].within(0.5, 0.0), "{x}: {second:e}");
        assert!(second < 0.0, "{x}");
        let second = -sigmoid_derivative(f64::from(x));
        let judged = ulp::judge(&[second], |prec| {
            let value = -oracle::sigmoid_derivative(f64::from(x), prec);
            vec![oracle::Exact::of(value)]
        });
        assert!(judged[0].within(f64_bound.ulp, 0.0), "{x}: {second:e}");
    }
}

#[test]
fn symptom_04_log_sum_exp_swallows_the_loss_of_large_logits() {
    // Elsewhere lse - x_y is 0 at logits of 1e8, where the loss is ln 2 (mlx #4188, pytorch #11752).
    let call = Call::new(CrossEntropyLoss, &[1, 2], &[1e8, 1e8]).classes(&[1]);
    let (loss, gradient) = right_in_both(&call);
    assert_eq!(loss, [std::f32::consts::LN_2]);
    assert_eq!(gradient, [0.5, -0.5]);
    let huge = f64::from(1e30_f32);
    right_in_both(&Call::new(Function::LogSoftmax, &[3], &[huge, huge, 0.0]));
}

#[test]
fn symptom_05_probability_minus_one_rounds_in_bf16() {
    // Elsewhere p_y is rounded to bf16 before 1 is subtracted: 17 % off at p = 0.99 (Liger #1329).
    let call = Call::new(CrossEntropyLoss, &[1, 2], &[4.59375, 0.0]).classes(&[0]);
    let (_, gradient) = right::<bf16>(&call);
    let gradient = f64::from(gradient[0]);
    assert!((0.98..0.995).contains(&(1.0 + gradient)));
    let p_in_bf16 = f64::from(bf16::from_f64(1.0 + gradient));
    assert!(((p_in_bf16 - 1.0) / gradient - 1.0).abs() > 0.15);
    // In f32 the digits are lost nearer to p = 1.
    right_in_both(&call);
    for x in [9.0, 12.0, 15.0, 16.5, 20.0, 80.0] {
        let call = Call::new(CrossEntropyLoss, &[1, 2], &[x, 0.0]).classes(&[0]);
        let (_, gradient) = right_in_both(&call);
        assert_eq!(gradient[0], -gradient[1]);
    }
}

#[test]
fn symptom_06_log_of_sigmoid_is_not_finite() {
    // Elsewhere ln(sigma(x)) of a sigma that is 0 gives -inf, and NaN in the gradient (candle #2561).
    let huge = f64::from(3e38_f32);
    let x = [-1000.0, -104.0, -90.0, 90.0, 1000.0, -huge, huge];
    let (values, gradients) = right::<f32>(&Call::new(LogSigmoid, &[7], &x));
    assert_eq!(values[0], -1000.0);
    assert!(values.iter().all(|y| y.is_finite()) && gradients.iter().all(|g| g.is_finite()));
    right::<f64>(&Call::new(LogSigmoid, &[3], &[-1e5, -746.0, 746.0]));
    let call = Call::new(
        BinaryCrossEntropyWithLogits,
        &[4],
        &[1000.0, -1000.0, huge, -huge],
    )
    .values(&[0.0, 1.0, 1.0, 0.0])
    .reduction(oracle::Reduction::None);
    assert_eq!(right_in_both(&call).0, [1000.0, 1000.0, 0.0, 0.0]);
}

#[test]
fn symptom_07_infinite_logits_give_nan() {
    // Elsewhere x - x y, inf - inf or 0 inf is NaN (pytorch #102894, #49844, #135359).
    let inf = f64::INFINITY;
    let call = Call::new(BinaryCrossEntropyWithLogits, &[4], &[inf, inf, -inf, -inf])
        .values(&[1.0, 0.0, 0.0, 1.0])
        .reduction(oracle::Reduction::None);
    let (losses, gradients) = right_in_both(&call);
    assert_eq!(losses, [0.0, f32::INFINITY, 0.0, f32::INFINITY]);
    assert_eq!(gradients, [0.0, 1.0, 0.0, -1.0]);
    let call = Call::new(
        CrossEntropyLoss,
        &[4, 3],
        &[
            -inf, 1.0, 1.0, // the label has a chance
            -inf, 1.0, 1.0, // and here it has none
            inf, 1.0, 1.0, // the label is certain
            inf, 1.0, 1.0, // another class is
        ],
    )
    .classes(&[1, 0, 0, 1])
    .reduction(oracle::Reduction::None);
    let (losses, gradients) = right_in_both(&call);
    assert_eq!(
        losses,
        [std::f32::consts::LN_2, f32::INFINITY, 0.0, f32::INFINITY]
    );
    assert_eq!(gradients[..3], [0.0, -0.5, 0.5]);
    assert_eq!(gradients[6..], [0.0, 0.0, 0.0, 1.0, -1.0, 0.0]);
    // Where there is no limit, a NaN, and for that row alone.
    let call = Call::new(CrossEntropyLoss, &[3, 2], &[-inf, -inf, inf, inf, 0.0, 0.0])
        .classes(&[0, 0, 0])
        .reduction(oracle::Reduction::None);
    let (losses, _) = right_in_both(&call);
    assert!(losses[0].is_nan() && losses[1].is_nan() && losses[2] == std::f32::consts::LN_2);
}

#[test]
fn symptom_08_zero_times_infinity_in_soft_targets() {
    // Elsewhere a probability of 0 at a logit of -inf gives NaN (optax #896, #1762).
    let inf = f64::INFINITY;
    let call = Call::new(CrossEntropyLoss, &[2, 3], &[0.0, -inf, 0.0, 1.0, 2.0, -inf])
        .values(&[0.5, 0.0, 0.5, 1.0, 0.0, 0.0])
        .reduction(oracle::Reduction::None);
    let (losses, gradients) = right_in_both(&call);
    assert_eq!(losses[0], std::f32::consts::LN_2);
    assert_eq!((gradients[1], gradients[5]), (0.0, 0.0));
    // A class of weight 0, with smoothing on.
    let call = Call::new(CrossEntropyLoss, &[1, 3], &[0.0, -inf, 0.0])
        .classes(&[0])
        .weight(&[1.0, 0.0, 1.0])
        .label_smoothing(0.1);
    assert!(right_in_both(&call).0[0].is_finite());
    let call = Call::new(Function::NllLoss, &[1, 2], &[-inf, -1.0])
        .classes(&[0])
        .weight(&[0.0, 1.0])
        .reduction(oracle::Reduction::Sum);
    assert_eq!(right_in_both(&call).0, [0.0]);
}

#[test]
fn symptom_09_ignored_rows_of_infinities_poison_the_gradient() {
    // Elsewhere the gradient of an ignored row is 0 NaN = NaN (pytorch #11551).
    let inf = f64::INFINITY;
    let input = [-inf, -inf, 0.5, 1.5, f64::NAN, inf];
    for smoothing in [0.0, 0.25] {
        for reduction in [
            oracle::Reduction::Mean,
            oracle::Reduction::Sum,
            oracle::Reduction::None,
        ] {
            let call = Call::new(CrossEntropyLoss, &[3, 2], &input)
                .classes(&[-100, 1, -100])
                .label_smoothing(smoothing)
                .reduction(reduction);
            let (losses, gradients) = right_in_both(&call);
            assert!(losses.iter().all(|loss| loss.is_finite()));
            assert!(gradients.iter().all(|gradient| gradient.is_finite()));
            assert_eq!(bits(&gradients[..2]), [0, 0]);
            assert_eq!(bits(&gradients[4..]), [0, 0]);
        }
    }
}

#[test]
fn symptom_10_padding_counts_in_the_mean() {
    // Elsewhere the mean divides by all rows, padding included (burn #5568).
    let input = numbers(8 * 5, 4.0, 10);
    let target = [3, 0, 0, 4, 0, 1, 2, 0];
    let padded = Call::new(CrossEntropyLoss, &[8, 5], &widened(&input))
        .classes(&target)
        .ignore_index(0);
    let (with_padding, gradients) = right_in_both(&padded);
    let kept: Vec<usize> = (0..8).filter(|&row| target[row] != 0).collect();
    let rows: Vec<f32> = kept
        .iter()
        .flat_map(|&row| &input[5 * row..5 * row + 5])
        .copied()
        .collect();
    let labels: Vec<i64> = kept.iter().map(|&row| target[row]).collect();
    let without = Call::new(CrossEntropyLoss, &[kept.len(), 5], &widened(&rows)).classes(&labels);
    let (without_padding, their_gradients) = right_in_both(&without);
    assert_eq!(with_padding, without_padding);
    for (i, &row) in kept.iter().enumerate() {
        assert_eq!(
            gradients[5 * row..5 * row + 5],
            their_gradients[5 * i..5 * i + 5]
        );
    }
}

#[test]
fn symptom_11_means_of_f16_overflow_or_lose_count() {
    // Elsewhere the sum of an f16 mean overflows at 65504, or its count stops at 2048 (pytorch #85791, #29429,
    // #61523). And f32's own limits: a sum beyond 3.4e38 and a count beyond 2^24.
    let count = 70_000;
    let [input, target] = [200.0, 0.0].map(|x| vec![f16::from_f64(x); count]);
    assert_eq!(
        Mse::new().forward(&input, &target),
        Ok(f16::from_f64(40_000.0))
    );
    let large = vec![1e19_f32; 100];
    assert_eq!(Mse::new().forward(&large, &[0.0; 100]), Ok(1e38));
    let sum = Mse::new().reduction(Reduction::Sum);
    assert_eq!(sum.forward(&large, &[0.0; 100]), Ok(f32::INFINITY));
    let count = (1 << 24) + 3;
    let ones = vec![1.0_f32; count];
    let zeros = vec![0.0_f32; count];
    assert_eq!(Mse::new().forward(&ones, &zeros), Ok(1.0));
    assert_eq!(sum.forward(&ones, &zeros), Ok(count as f32));
    // The weights of a class loss are counted in the same way.
    let mean = Nll::new()
        .weight(&[1.0])
        .forward(Classes::new(&ones, [count, 1]).unwrap(), &vec![0_u8; count]);
    assert_eq!(mean, Ok(-1.0));
}

#[test]
fn symptom_12_long_sums_drift() {
    // Elsewhere an f32 sum of many equal terms is off in its leading digits (pytorch #55657).
    let count = 10_000_019;
    let x = 0.1_f32;
    let significand = (u128::from(x.to_bits()) & 0x7f_ffff) | 0x80_0000;
    let exact = (significand * significand * count as u128) as f32 / 2_f32.powi(2 * 27);
    let (input, zeros) = (vec![x; count], vec![0.0; count]);
    let sum = Mse::new().reduction(Reduction::Sum);
    assert_eq!(sum.forward(&input, &zeros), Ok(exact));
    assert_eq!(Mse::new().forward(&input, &zeros), Ok(x * x));
    let naive: f32 = input.iter().map(|x| x * x).sum();
    assert!((naive / exact - 1.0).abs() > 1e-3);
    // Terms without a pattern.
    for seed in 0..20 {
        let (input, target) = (
            numbers(10_007, 30.0, seed),
            numbers(10_007, 1.0, 100 + seed),
        );
        for reduction in [oracle::Reduction::Sum, oracle::Reduction::Mean] {
            let call = Call::new(Function::MseLoss, &[10_007], &widened(&input))
                .values(&widened(&target))
                .reduction(reduction);
            let loss = kernels::forward::<f32>(&call).unwrap();
            let judged = ulp::judge(&loss, |prec| oracle::forward(&call, prec));
            let bound = promised(&call, ElementType::F32, Direction::Forward);
            assert!(
                judged[0].within(bound.ulp, bound.terms),
                "{}",
                judged[0].ulp
            );
        }
    }
}

#[test]
fn symptom_13_one_grad_output_scales_all_rows() {
    // Elsewhere the gradient of reduction=none takes grad_output[0] for every row (Liger #968).
    let input = numbers(4 * 3, 5.0, 14);
    let grad_output = [1.0, -2.5, 0.0, 1e-3_f32];
    let call = Call::new(CrossEntropyLoss, &[4, 3], &widened(&input))
        .classes(&[0, 1, 2, 1])
        .reduction(oracle::Reduction::None)
        .grad_output(&widened(&grad_output));
    let (_, gradients) = right_in_both(&call);
    assert_eq!(gradients[6..9], [0.0; 3]);
    let target = [0.5, 0.25, 1.0, 0.0];
    let call = Call::new(BinaryCrossEntropyWithLogits, &[4], &widened(&input[..4]))
        .values(&target)
        .reduction(oracle::Reduction::None)
        .grad_output(&widened(&grad_output));
    right_in_both(&call);
    // A grad_output that is too short is an error, and writes nothing.
    let mut untouched = [7.0_f32; 12];
    let result = CrossEntropy::new().backward_each(
        Classes::new(&input, [4, 3]).unwrap(),
        &[0_i64, 1, 2, 1],
        &[1.0],
        &mut untouched,
    );
    assert!(matches!(
        result,
        Err(Error::Length {
            expected: 4,
            actual: 1,
            ..
        })
    ));
    assert_eq!(untouched, [7.0; 12]);
}

#[test]
fn symptom_14_weights_smoothing_and_ignored_rows_read_out_of_bounds() {
    // Elsewhere the weight of an ignored row is looked up at its label, -100 (pytorch #69339).
    let input = numbers(6 * 4, 6.0, 15);
    for ignore_index in [-100, 2, 1 << 40, i64::MIN] {
        let target = [0, ignore_index, 3, ignore_index, 1, ignore_index];
        for reduction in [
            oracle::Reduction::Mean,
            oracle::Reduction::Sum,
            oracle::Reduction::None,
        ] {
            let call = Call::new(CrossEntropyLoss, &[6, 4], &widened(&input))
                .classes(&target)
                .weight(&[0.5, 2.0, 1.0, 0.25])
                .label_smoothing(0.125)
                .ignore_index(ignore_index)
                .reduction(reduction);
            let (_, gradients) = right_in_both(&call);
            for row in [1, 3, 5] {
                assert_eq!(bits(&gradients[4 * row..4 * row + 4]), [0; 4]);
            }
        }
    }
    let result = CrossEntropy::new().forward(Classes::new(&input, [6, 4]).unwrap(), &[-1_i64; 6]);
    assert!(matches!(
        result,
        Err(Error::ClassIndex {
            index: 0,
            class: -1,
            ..
        })
    ));
}

#[test]
fn symptom_15_offsets_overflow_32_bits() {
    // Elsewhere int32 offsets overflow on large tensors (pytorch #190139). Here they are usize. More than 2^32
    // elements would take 16 GiB; what is shown is that rows millions of elements apart are found, and that a shape
    // whose product overflows is an error. What is left: an index past 2^32 that is really read.
    let (outer, classes, stride) = (2, 3, 1_000_003);
    let input = numbers(outer * classes * stride, 8.0, 16);
    let target: Vec<u8> = (0..outer * stride).map(|row| (row % 3) as u8).collect();
    let whole = Classes::new(&input, [outer, classes, stride]).unwrap();
    assert_eq!(whole.rows(), outer * stride);
    let mut losses = vec![0.0; whole.rows()];
    let mut gradients = vec![0.0; input.len()];
    let loss = CrossEntropy::new();
    loss.forward_each(whole, &target, &mut losses).unwrap();
    let ones = vec![1.0; whole.rows()];
    loss.backward_each(whole, &target, &ones, &mut gradients)
        .unwrap();
    let last = whole.rows() - 1;
    for row in [0, 1, stride - 1, stride, stride + 1, last - 1, last] {
        let at = |class| (row / stride * classes + class) * stride + row % stride;
        let logits: Vec<f32> = (0..classes).map(|class| input[at(class)]).collect();
        let alone = Classes::new(&logits, [1, classes]).unwrap();
        let mut gradient = [0.0; 3];
        let label = &target[row..=row];
        let expected = loss.forward_backward(alone, label, &mut gradient).unwrap();
        assert_eq!(losses[row].to_bits(), expected.to_bits(), "row {row}");
        let found: Vec<f32> = (0..classes).map(|class| gradients[at(class)]).collect();
        assert_eq!(bits(&found), bits(&gradient), "row {row}");
    }
    let overflow = Classes::<f32>::new(&[], [1 << 32, 2, 1 << 31]);
    assert!(matches!(overflow, Err(Error::ShapeOverflow)));
    let short = Classes::<f32>::new(&[0.0; 2], [1 << 31, 2, 2]);
    let expected = 1_usize << 33;
    assert!(matches!(short, Err(Error::Length { expected: e, actual: 2, .. }) if e == expected));
}

/// The loss of symptom 16, whole, from several threads and in parts that are merged: the bits of one tree.
fn one_tree<T: Judged + Send + Sync>(
    images: usize,
    input: &[T],
    target: &[i64],
    weight: &[T],
) -> T {
    let classes = weight.len();
    let loss = Nll::new().weight(weight);
    let whole = Classes::new(input, [images, classes, 64, 64]).unwrap();
    let once = loss.forward(whole, target).unwrap();
    let assert_same = |other: T| assert!(other == once, "{other:?} is not {once:?}");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut gradient = vec![T::zero(); input.len()];
                assert_same(loss.forward_backward(whole, target, &mut gradient).unwrap());
            });
        }
    });
    // An image has as many pixels as a block has elements, so a batch may be cut between any two images.
    let (pixels, elements) = (BLOCK, BLOCK * classes);
    for cut in 1..images {
        let part = |range: std::ops::Range<usize>| {
            let logits = &input[range.start * elements..range.end * elements];
            let logits = Classes::new(logits, [range.len(), classes, 64, 64]).unwrap();
            let labels = &target[range.start * pixels..range.end * pixels];
            loss.partial(logits, labels, range.start * pixels).unwrap()
        };
        let mut first = part(0..cut);
        first.merge(&part(cut..images)).unwrap();
        assert_same(first.finish(Reduction::Mean).unwrap());
    }
    once
}

#[test]
fn symptom_16_nll_of_images_is_not_deterministic() {
    // Elsewhere nll_loss2d adds in the order in which threads arrive (pytorch #71367).
    let (images, weight) = (7, [0.1, 0.7, 1.3_f32]);
    let elements = weight.len() * BLOCK;
    // The last three images take back what the three before them add: what is left of a small first one shows every
    // rounding on the way.
    let first = numbers(elements, 1e-9, 16);
    let added = numbers(3 * elements, 30.0, 17);
    let taken = added.iter().map(|x| -x);
    let input: Vec<f32> = first.iter().chain(&added).copied().chain(taken).collect();
    let target: Vec<i64> = (0..images * BLOCK)
        .map(|row| (row * row % 3) as i64)
        .collect();
    let loss = one_tree(images, &input, &target, &weight);
    let call = Call::new(
        Function::NllLoss,
        &[images, weight.len(), BLOCK],
        &widened(&input),
    )
    .classes(&target)
    .weight(&widened(&weight));
    let judged = ulp::judge(&[loss], |prec| oracle::forward(&call, prec));
    // The terms have both signs: the bound is one of their magnitudes.
    let bound = promised(&call, ElementType::F32, Direction::Forward);
    assert!(
        judged[0].within(bound.ulp, bound.terms),
        "{}",
        judged[0].ulp
    );
    one_tree(images, &call.input, &target, &widened(&weight));
}

#[test]
fn symptom_17_gradient_of_soft_targets_that_do_not_sum_to_one() {
    // Elsewhere the gradient is softmax - y whatever y sums to; it is softmax sum(y) - y (ggml, meganeura).
    let input = [1.0, -2.0, 0.5];
    for target in [[0.5, 0.25, 0.75], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]] {
        let call = Call::new(CrossEntropyLoss, &[1, 3], &input).values(&target);
        let (_, gradient) = right_in_both(&call);
        let total: f64 = target.iter().sum();
        let sum: f32 = gradient.iter().sum();
        // softmax - y would sum to 1 - total.
        assert!(sum.abs() < 1e-6, "{sum} for {total}");
    }
}

#[test]
fn symptom_18_pos_weight_of_one_differs_from_none() {
    // Elsewhere the two take different formulas, with different digits (pytorch #13773).
    let input = numbers(5000, 60.0, 18);
    let target: Vec<f32> = numbers(5000, 1.0, 19)
        .iter()
        .enumerate()
        .map(|(i, y)| match i % 3 {
            0 => y.abs(),
            hard => (hard - 1) as f32,
        })
        .collect();
    let none = BceWithLogits::new();
    for weight in [vec![1.0], vec![1.0; 8], vec![1.0; 5000]] {
        let one = none.pos_weight(&weight);
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let [none, one] = [none, one].map(|loss| {
                let mut gradient = vec![0.0; 5000];
                let loss = loss.reduction(reduction);
                let value = loss
                    .forward_backward(&input, &target, &mut gradient)
                    .unwrap();
                (value.to_bits(), bits(&gradient))
            });
            assert_eq!(none, one);
        }
        let [none, one] = [none, one].map(|loss| {
            let mut losses = vec![0.0; 5000];
            loss.forward_each(&input, &target, &mut losses).unwrap();
            bits(&losses)
        });
        assert_eq!(none, one);
    }
}

#[test]
fn symptom_19_derivative_of_sigmoid_vanishes_from_16_75_on() {
    // Elsewhere sigma (1 - sigma) is 0 where sigma rounds to 1 (tt-metal #55724).
    let x: Vec<f64> = (0..400_u16).map(|i| 16.75 + f64::from(i) / 4.0).collect();
    let x: Vec<f64> = x.iter().map(|x| -x).chain(x.iter().copied()).collect();
    let (_, gradients) = right_in_both(&Call::new(Function::Sigmoid, &[800], &x));
    let positive = |(x, g): (&f64, &f32)| *g > 0.0 || x.abs() > 103.9;
    assert!(x.iter().zip(&gradients).all(positive));
    assert_eq!(
        sigmoid_derivative(16.75_f32),
        sigmoid_derivative(-16.75_f32)
    );
}

#[test]
fn symptom_20_narrow_ranges_and_correlations_miss_a_hundred_thousand_ulp() {
    // Elsewhere log_sigmoid is off by 131,000 ULP and softplus by 7,815, unseen by tests of narrow ranges and by
    // correlations (tt-metal #56381). Here: numbers of both signs and of every binade, each correctly rounded.
    type Case = (fn(f32) -> f32, fn(f64, u32) -> Value);
    let functions: [Case; 3] = [
        (log_sigmoid, oracle::log_sigmoid),
        (softplus, oracle::softplus),
        (log_sigmoid_derivative, oracle::log_sigmoid_derivative),
    ];
    // A prime step over all bit patterns, some of each of the 2 * 256 exponents.
    let patterns = (0..=u32::MAX).step_by(1_000_003);
    for x in patterns.map(f32::from_bits) {
        for (i, (function, exact)) in functions.iter().enumerate() {
            let got = function(x);
            let judged = ulp::judge(&[got], |prec| {
                vec![oracle::Exact::of(exact(f64::from(x), prec))]
            });
            assert!(judged[0].within(0.5, 0.0), "{i} at {x:e}: {got:e}");
        }
    }
}
