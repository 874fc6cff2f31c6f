//! Where the fast paths of activations are certain, and what is written where they are not.

use super::log_softmax::LogProbabilities;
use super::softmax::Probabilities;
use super::softplus::tiny_softplus;
use super::{LogSigmoid, LogSoftmax, Sigmoid, Softmax, Softplus};
use crate::engine::activation_call::{Activation, Backward, Forward};
use crate::engine::element_map::{FastElement, Map};
use crate::engine::row_map::RowMap;
use crate::engine::transposed_rows::{MAX_TRANSPOSED_CLASSES, TransposedRows};
use crate::front::functions::{
    log_sigmoid, log_sigmoid_derivative, sigmoid, softplus, softplus_derivative,
};
use crate::number::arithmetic::Plain;
use crate::rows::Classes;
use crate::rows::exponentials::ROW_CHUNK;
use crate::sum::thread_group::Alone;

/// Numbers of which a function comes close to the midpoint of two `f32`: with sigma(x) = 1/2 + x/4 - …, small
/// odd multiples of 2^-24; and the softplus of 0x39ea41d0.
const TIE: f32 = -1.0 / (1 << 24) as f32;
const SOFTPLUS_TIE: f32 = f32::from_bits(0x39ea_41d0);

fn certain<const K: usize>(map: impl Map<f32, K>, inputs: [f32; K]) -> bool {
    let fast = map.fast::<Plain>(inputs.map(f64::from));
    let (_, certain) = fast.output.round::<f32>();
    certain
}

#[test]
fn chunks_that_are_not_certain_are_those_of_record() {
    for (x, softplus_is_certain) in [(TIE, true), (SOFTPLUS_TIE, false), (f32::NAN, false)] {
        let sigmoid_is_certain = x == SOFTPLUS_TIE;
        assert_eq!(certain(Forward(Sigmoid::new()), [x]), sigmoid_is_certain);
        assert_eq!(
            certain(Backward(Softplus::new()), [x, 1.0]),
            sigmoid_is_certain
        );
        assert_eq!(
            certain(Backward(LogSigmoid::new()), [-x, 1.0]),
            sigmoid_is_certain
        );
        assert_eq!(certain(Forward(Softplus::new()), [x]), softplus_is_certain);
        assert_eq!(
            certain(Forward(LogSigmoid::new()), [-x]),
            softplus_is_certain
        );
        // In a chunk with others, which stay what they are.
        let mut input = [0.3; 70];
        (input[5], input[66]) = (x, x);
        let mut output = [0.0; 70];
        Sigmoid::new().forward(&input, &mut output).unwrap();
        same(output, input.map(sigmoid));
        Softplus::new().forward(&input, &mut output).unwrap();
        same(output, input.map(softplus));
        Softplus::new()
            .backward(&input, &[1.0; 70], &mut output)
            .unwrap();
        same(output, input.map(softplus_derivative));
        let input = input.map(|x| -x);
        LogSigmoid::new().forward(&input, &mut output).unwrap();
        same(output, input.map(log_sigmoid));
        LogSigmoid::new()
            .backward(&input, &[1.0; 70], &mut output)
            .unwrap();
        same(output, input.map(log_sigmoid_derivative));
    }
}

fn same(actual: [f32; 70], expected: [f32; 70]) {
    let bits = |x: f32| if x.is_nan() { 0 } else { x.to_bits() };
    assert_eq!(actual.map(bits), expected.map(bits));
}

/// The fast answer would be another: nothing but the reference formula gives these.
#[test]
fn fast_answers_at_ties_are_wrong() {
    let fast = |map: FastElement| map.output.round::<f32>().0;
    let of = fast(Forward(Sigmoid::new()).fast_of(TIE));
    assert_ne!(of, sigmoid(TIE));
    let of = fast(Forward(Softplus::new()).fast_of(SOFTPLUS_TIE));
    assert_ne!(of, softplus(SOFTPLUS_TIE));
}

impl<F: Activation> Forward<F> {
    fn fast_of(self, x: f32) -> FastElement {
        Map::<f32, 1>::fast::<Plain>(&self, [f64::from(x)])
    }
}

/// Softmax and its logarithm of two classes that count, alone, with more beside them, and in long rows.
#[test]
fn rows_that_are_not_certain_are_those_of_record() {
    for (tie, of_softmax) in [(TIE, true), (SOFTPLUS_TIE, false)] {
        for classes in [2, 20, 32, 33, 100] {
            let mut row = [-200.0; 100];
            let row = &mut row[..classes];
            (row[0], row[classes - 1]) = (tie, 0.0);
            if classes <= MAX_TRANSPOSED_CLASSES {
                let mut rows = TransposedRows::new(classes);
                rows.read::<Plain, false>(row);
                let certain = if of_softmax {
                    Probabilities.fast_transposed(&mut rows)
                } else {
                    LogProbabilities.fast_transposed(&mut rows)
                };
                assert!(!certain[0], "{tie:e}, {classes}");
            } else {
                let input = Classes::new(row, [classes]).unwrap();
                let parts = input.row(0).softmax_parts(Alone);
                let mut recorded = 0;
                let mut reference = |_: usize, _: &mut [f32]| recorded += 1;
                let mut output = [0.0; 100];
                let output = &mut output[..classes];
                if of_softmax {
                    Probabilities.fast_row::<Plain, { ROW_CHUNK }>(
                        row,
                        &parts,
                        &[],
                        output,
                        &mut reference,
                    );
                } else {
                    LogProbabilities.fast_row::<Plain, { ROW_CHUNK }>(
                        row,
                        &parts,
                        &[],
                        output,
                        &mut reference,
                    );
                }
                assert_ne!(recorded, 0, "{tie:e}, {classes}");
            }
            let input = Classes::new(row, [1, classes]).unwrap();
            let (mut softmax, mut log_softmax) = ([0.0; 100], [0.0; 100]);
            let output = &mut softmax[..classes];
            Softmax::new().forward(input, output).unwrap();
            assert_eq!(
                [output[0], output[classes - 1]],
                [sigmoid(tie), sigmoid(-tie)]
            );
            let output = &mut log_softmax[..classes];
            LogSoftmax::new().forward(input, output).unwrap();
            // Not `log_sigmoid`, which mends its tie.
            let parts = input.row(0).softmax_parts(Alone);
            let reference = |j: usize| {
                -(parts.max_minus_logit::<f64>(j, row[j].into()) + parts.log1p::<f64>()) as f32
            };
            let expected = [reference(0), reference(classes - 1)];
            assert_eq!([output[0], output[classes - 1]], expected);
        }
    }
}

/// The exponential alone may be far below what an `f64` can show, and the quotient not.
#[test]
fn tiny_softplus_goes_to_zero() {
    for (product, beta, exact) in [
        (-1499.0, 0.5, 0.0),
        (-1400.0, 4.0, 0.0),
        (-1200.0, 1.5, 0.0),
        (-1180.0, 1e300, 0.0),
        (-1200.0, 1e-300, 7.024601888177347e-222),
        (-745.0, 0.5, 5e-324),
    ] {
        let answer = tiny_softplus(product / beta, beta);
        let error = (answer - exact).abs();
        assert!(error <= 1e-12 * exact, "{product} / {beta:e}: {answer:e}");
    }
}
