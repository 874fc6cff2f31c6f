//! Where the fast paths of activations are certain, and what is written where they are not.

use super::log_softmax::LogProbabilities;
use super::softmax::Probabilities;
use super::softplus::tiny_softplus;
use super::{LogSigmoid, LogSoftmax, Sigmoid, Softmax, Softplus};
use crate::engine::batch::UNCERTAIN;
use crate::engine::dispatch::{Width, has_lanes, width};
use crate::engine::row_map::RowMap;
use crate::engine::transposed_rows::{MAX_TRANSPOSED_CLASSES, TransposedRows};
use crate::front::functions::{
    log_sigmoid, log_sigmoid_derivative, sigmoid, softplus, softplus_derivative,
};
use crate::number::arithmetic::Plain;
use crate::rows::Classes;
use crate::rows::exponentials::ROW_CHUNK;
use crate::sum::thread_group::Alone;
use std::vec;
use std::vec::Vec;

/// Numbers of which a function comes close to the midpoint of two `f32`: with sigma(x) = 1/2 + x/4 - …, small
/// odd multiples of 2^-24; and the softplus of 0x39ea41d0.
const TIE: f32 = -1.0 / (1 << 24) as f32;
const SOFTPLUS_TIE: f32 = f32::from_bits(0x39ea_41d0);

#[test]
fn chunks_that_are_not_certain_are_those_of_record() {
    for x in [TIE, SOFTPLUS_TIE, f32::NAN] {
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

/// What every arithmetic leaves uncertain goes to the reference formula, and little else does: at each tie one number, of
/// ordinary numbers one in a hundred to `f64` at most.
#[test]
fn shares_done_again() {
    if !has_lanes() {
        return;
    }
    let counted = |call: &dyn Fn()| {
        UNCERTAIN.set([0; 2]);
        call();
        UNCERTAIN.get()
    };
    let mut ties = [0.25; 70];
    (ties[3], ties[68]) = (TIE, SOFTPLUS_TIE);
    let [_, references] = counted(&|| Sigmoid::new().forward(&ties, &mut [0.0; 70]).unwrap());
    assert_eq!(references, 1);
    let [_, references] = counted(&|| Softplus::new().forward(&ties, &mut [0.0; 70]).unwrap());
    assert_eq!(references, 1);

    const COUNT: usize = 60_000;
    let mut seed = 1_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 40) as f32 / (1 << 24) as f32
    };
    let x: Vec<f32> = (0..COUNT)
        .map(|_| 6.0 * (next() + next() + next() + next() - 2.0))
        .collect();
    let g: Vec<f32> = (0..COUNT).map(|_| next() - 0.5).collect();
    // Most in a thousand, of the tables of 8 and of 16.
    let most = |of_8: usize, of_16: usize| {
        let is_wide = width() == Width::Avx512;
        COUNT / 1000 * if is_wide { of_16 } else { of_8 }
    };
    let output = || vec![0.0; COUNT];
    for (name, limit, call) in [
        (
            "sigmoid",
            most(20, 5),
            &(|| Sigmoid::new().forward(&x, &mut output()).unwrap()) as &dyn Fn(),
        ),
        ("softplus", most(80, 30), &|| {
            Softplus::new().forward(&x, &mut output()).unwrap();
        }),
        ("log_sigmoid", most(80, 30), &|| {
            LogSigmoid::new().forward(&x, &mut output()).unwrap();
        }),
        ("sigmoid'", most(15, 5), &|| {
            Sigmoid::new().backward(&x, &g, &mut output()).unwrap();
        }),
        ("softplus'", most(20, 6), &|| {
            let softplus = Softplus::new().beta(0.7);
            softplus.backward(&x, &g, &mut output()).unwrap();
        }),
    ] {
        let [again, references] = counted(call);
        assert!(0 < again && again <= limit, "{name}: {again} of {limit}");
        assert!(references <= 20, "{name}: {references}");
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
