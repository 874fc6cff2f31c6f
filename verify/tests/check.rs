//! `trueloss probe` and `trueloss check`: what is asked, what is found in answers, and what is made of broken files.

mod promised;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use promised::promised;
use proptest::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use trueloss_digest::call::ElementFunction;
use trueloss_verify::case::{self, Case};
use trueloss_verify::check::{self, Tensor};
use trueloss_verify::claims::Direction;
use trueloss_verify::generate::ElementType;
use trueloss_verify::kernels;
use trueloss_verify::oracle::{Call, Function, Reduction, Target};
use trueloss_verify::probe::{self, Options};

/// A tensor: its name, type, shape and bytes.
type Named = (String, Dtype, Vec<usize>, Vec<u8>);

/// A file's.
type Tensors = Vec<Named>;

fn take_apart(bytes: &[u8]) -> (Tensors, HashMap<String, String>) {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let file = SafeTensors::deserialize(bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let shape = view.shape().to_vec();
        (name, view.dtype(), shape, view.data().to_vec())
    });
    (tensors.collect(), header.metadata().clone().unwrap())
}

fn put_together(tensors: &Tensors, metadata: HashMap<String, String>) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    safetensors::serialize(views, Some(metadata)).unwrap()
}

/// A file with answers of f32 in it.
fn filled(file: &[u8], answers: &[(&str, &[f32])]) -> Vec<u8> {
    let case = Case::from_bytes(file).unwrap();
    let (mut tensors, metadata) = take_apart(file);
    for (name, numbers) in answers {
        let shape = match *name {
            "grad_input" => &case.call.shape,
            _ => &case.output_shape,
        };
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        tensors.push(((*name).to_owned(), Dtype::F32, shape.clone(), bytes));
    }
    put_together(&tensors, metadata)
}

/// A file with the kernels' answers to another call in it.
fn answered(file: &[u8], other: impl Fn(Call) -> Call) -> Vec<u8> {
    let call = other(Case::from_bytes(file).unwrap().call);
    let (loss, gradient) = (
        kernels::forward::<f32>(&call),
        kernels::backward::<f32>(&call),
    );
    filled(
        file,
        &[("loss", &loss.unwrap()), ("grad_input", &gradient.unwrap())],
    )
}

fn small(options: Options) -> Options {
    Options {
        elements: 96,
        classes: 5,
        ..options
    }
}

fn a_probe(function: Function, options: Options) -> Vec<u8> {
    probe::probe(function, &small(options)).unwrap()
}

fn judge(file: &[u8]) -> Vec<Tensor> {
    check::check_bytes(file).unwrap()
}

#[test]
fn the_kernels_pass_every_probe() {
    for dtype in ElementType::ALL {
        let base = small(Options {
            dtype,
            ..Options::default()
        });
        let probes = probe::all(&base);
        assert_eq!(probes.len(), 54);
        for function in Function::ALL {
            let has_one = probes.iter().any(|(_, other, _)| *other == function);
            assert!(has_one, "{function}");
        }
        for (name, function, options) in probes {
            let file = probe::probe(function, &options).unwrap();
            assert_eq!(file, probe::probe(function, &options).unwrap(), "{name}");
            let other = Options {
                seed: 2,
                ..options.clone()
            };
            assert_ne!(file, probe::probe(function, &other).unwrap(), "{name}");
            // The answers beside the questions.
            let case = Case::from_bytes(&file).unwrap();
            let (mut tensors, metadata) = take_apart(&file);
            tensors.extend(take_apart(&case.evaluate().unwrap()).0);
            let judged = judge(&put_together(&tensors, metadata));
            assert_eq!(judged.len(), 2, "{name}");
            for tensor in &judged {
                let found = &tensor.answers;
                assert_eq!(*found, tensor.trueloss, "{name}");
                assert!(
                    tensor.conventions.is_empty(),
                    "{name}: {:?}",
                    tensor.conventions
                );
                assert!(found.worst_ulp < f64::INFINITY, "{name}: {tensor:?}");
                let direction = match tensor.tensor {
                    "grad_input" => Direction::Gradient,
                    _ => Direction::Forward,
                };
                let bound = promised(&case.call, dtype, direction);
                // A tally knows no terms. Where the bound has a part in them that inputs at random come near, or those made to
                // cancel do, nothing is asked; and correctly rounded is not told from 0.5001 ULP.
                let asked = |kind: &str| {
                    let cancels = kind == "cancellation" && bound.terms > 0.0;
                    !cancels && bound.terms < 2_f64.powi(-60)
                };
                for kind in &tensor.kinds {
                    // No row is about all of these in f64, whose exponentials leave its range.
                    let plain = [
                        "ordinary",
                        "near-ties",
                        "ties of the maximum",
                        "cancellation",
                    ];
                    let is_claimed = dtype != ElementType::F64 || plain.contains(&&*kind.kind);
                    let ulp = if is_claimed {
                        bound.ulp.max(0.5001)
                    } else {
                        5.0
                    };
                    let within = kind.answers.within(ulp) || !asked(&kind.kind);
                    assert!(within, "{name}, {bound}: {kind:?}");
                }
                if tensor.kinds.is_empty() {
                    // A loss that is reduced, of terms that are not negative: none cancels.
                    assert!(found.within(bound.ulp), "{name}, {bound}: {found:?}");
                }
                if !tensor.kinds.is_empty() {
                    let answers: usize = tensor.kinds.iter().map(|kind| kind.answers.answers).sum();
                    assert_eq!(answers, found.answers, "{name}");
                }
            }
        }
    }
}

#[test]
fn a_probe_has_its_kinds() {
    let kinds = |function, options| -> Vec<String> {
        let file = a_probe(function, options);
        let case = Case::from_bytes(&file).unwrap();
        let kinds = probe::read_kinds(&case.metadata["kinds"], 96).unwrap();
        assert!(case.metadata["source"].starts_with("trueloss probe "));
        kinds
    };
    let bce = kinds(Function::BinaryCrossEntropyWithLogits, Options::default());
    for kind in [
        "edges",
        "tails",
        "tiny loss",
        "cancellation",
        "limits",
        "NaN",
        "near-ties",
    ] {
        assert!(bce.iter().any(|k| k == kind), "{kind}");
    }
    let smoothed = Options {
        label_smoothing: 0.1,
        ignore_index: Some(2),
        ..Options::default()
    };
    let rows = kinds(Function::CrossEntropy, smoothed);
    for kind in [
        "ties of the maximum",
        "-inf",
        "ignored rows",
        "large logits",
        "cancellation",
    ] {
        assert!(rows.iter().any(|k| k == kind), "{kind}");
    }
    // Correctly rounded answers to near-ties are off by nearly half a unit.
    for function in [Function::Softplus, Function::BinaryCrossEntropyWithLogits] {
        let file = a_probe(function, Options::default());
        for tensor in judge(&answered(&file, |call| call)) {
            let ties = tensor.kinds.iter().find(|kind| kind.kind == "near-ties");
            let found = ties.unwrap().answers;
            assert!(
                (0.49..=0.5001).contains(&found.worst_ulp),
                "{function}: {found:?}"
            );
            assert!(found.mean_ulp > 0.33, "{function}: {found:?}");
        }
    }
}

#[test]
fn options_that_a_function_lacks_are_refused() {
    let refuse = |function, options| probe::probe(function, &options).unwrap_err();
    let weight = Options {
        weight: true,
        ..Options::default()
    };
    assert_eq!(refuse(Function::Sigmoid, weight), "sigmoid has no --weight");
    let beta = Options {
        beta: 2.0,
        ..Options::default()
    };
    assert_eq!(refuse(Function::MseLoss, beta), "mse_loss has no --beta");
    let mean = Options {
        reduction: Reduction::Mean,
        ..Options::default()
    };
    assert_eq!(
        refuse(Function::Softmax, mean),
        "softmax has no --reduction"
    );
}

#[test]
fn sizes_and_layouts() {
    let tiny = |options: Options| {
        let sizes = |elements, classes| Options {
            elements,
            classes,
            ..options.clone()
        };
        for (elements, classes) in [(1, 1), (2, 1), (3, 2), (7, 3), (2500, 2)] {
            let file = probe::probe(Function::CrossEntropy, &sizes(elements, classes)).unwrap();
            for tensor in judge(&answered(&file, |call| call)) {
                let exempt = tensor.kinds.iter().any(|kind| kind.kind == "cancellation");
                assert!(
                    tensor.answers.within(0.5001) || exempt,
                    "{elements} {classes} {tensor:?}"
                );
            }
        }
    };
    tiny(Options::default());
    tiny(Options {
        positions: 3,
        ignore_index: Some(0),
        weight: true,
        ..Options::default()
    });
    // More than is judged at a time, with weights that are repeated.
    for (function, options) in [
        (
            Function::Softplus,
            Options {
                beta: 3.0,
                grad_output: true,
                ..Options::default()
            },
        ),
        (
            Function::BinaryCrossEntropyWithLogits,
            Options {
                weight: true,
                pos_weight: true,
                grad_output: true,
                ..Options::default()
            },
        ),
        (
            Function::LogSoftmax,
            Options {
                dim: 0,
                ..Options::default()
            },
        ),
        (
            Function::LogSoftmax,
            Options {
                positions: 4,
                ..Options::default()
            },
        ),
    ] {
        let options = Options {
            elements: 3001,
            classes: 3,
            ..options
        };
        let file = probe::probe(function, &options).unwrap();
        for tensor in judge(&answered(&file, |call| call)) {
            let each = tensor
                .kinds
                .iter()
                .filter(|kind| kind.kind != "cancellation");
            for kind in each {
                assert!(kind.answers.within(0.5001), "{function} {kind:?}");
            }
        }
    }
}

/// A file of sigmoid with answers.
fn sigmoid(input: &[f32], output: &[f32]) -> Vec<u8> {
    let bytes = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let tensors = vec![
        (
            "input".to_owned(),
            Dtype::F32,
            vec![input.len()],
            bytes(input),
        ),
        (
            "output".to_owned(),
            Dtype::F32,
            vec![output.len()],
            bytes(output),
        ),
    ];
    put_together(
        &tensors,
        HashMap::from([("function".to_owned(), "sigmoid".to_owned())]),
    )
}

#[test]
fn what_is_wrong_is_counted_by_what_it_is() {
    let input = [0.0, 0.0, 0.0, -100.0, f32::NAN, 0.0, 0.0, 0.0];
    let half = 0.5_f32;
    let right = [half, half, half, 3.8e-44, f32::NAN, half, half, half];
    let judged = judge(&sigmoid(&input, &right));
    assert!(
        judged.len() == 1 && judged[0].answers.within(0.5),
        "{judged:?}"
    );
    assert_eq!(judged[0].tensor, "output");

    let two_up = half.next_up().next_up();
    let wrong = [two_up, f32::NAN, f32::INFINITY, 0.0, 1.0, -half, half, half];
    let judged = judge(&sigmoid(&input, &wrong));
    let found = judged[0].answers;
    assert_eq!(found.answers, 8);
    assert_eq!(found.worst_ulp, f64::INFINITY);
    assert_eq!(found.above_one_ulp, 6);
    assert_eq!((found.wrong_zeros, found.wrong_signs), (1, 1));
    assert_eq!((found.nan_for_number, found.number_for_nan), (1, 1));
    assert_eq!(
        (found.infinity_for_number, found.number_for_infinity),
        (1, 0)
    );
    // 2, the zero's 26.6, and a distance of 1 where the ULP is 2^-24, over five answers with a measure.
    let mean = (2.0 + 26.545_886 + 2_f64.powi(24)) / 5.0;
    assert!((found.mean_ulp - mean).abs() < 0.01, "{}", found.mean_ulp);
    let worst = judged[0].worst.as_ref().unwrap();
    assert_eq!((&worst.index[..], worst.exact), (&[1][..], 0.5));
    assert_eq!(
        (
            &worst.got.value[..],
            &worst.input.as_ref().unwrap().bits[..]
        ),
        ("NaN", "0x00000000")
    );

    // An infinity that is due is missed, and has the wrong sign.
    let file = probe::probe(Function::Softplus, &Options::default()).unwrap();
    let due = |replace: f32| {
        let call = Case::from_bytes(&file).unwrap().call;
        let mut output = kernels::forward::<f32>(&call).unwrap();
        for x in output.iter_mut().filter(|x| x.is_infinite()) {
            *x = replace;
        }
        judge(&filled(&file, &[("output", &output)]))[0].answers
    };
    assert!(due(f32::INFINITY).within(0.5));
    let (large, opposite) = (due(f32::MAX), due(f32::NEG_INFINITY));
    assert!(
        large.number_for_infinity > 0 && large.wrong_signs == 0,
        "{large:?}"
    );
    assert_eq!(opposite.wrong_signs, large.number_for_infinity);
    assert!(!large.within(f64::MAX) && !opposite.within(f64::MAX));
}

#[test]
fn no_nan_passes() {
    for (name, function, options) in probe::all(&small(Options::default())) {
        let file = probe::probe(function, &options).unwrap();
        let call = Case::from_bytes(&file).unwrap().call;
        let nan = |len| vec![f32::NAN; len];
        let (loss, gradient) = (nan(call.outputs()), nan(call.input.len()));
        let judged = judge(&filled(
            &file,
            &[("loss", &loss), ("grad_input", &gradient)],
        ));
        for tensor in judged {
            let found = tensor.answers;
            assert!(!found.within(f64::MAX), "{name}");
            assert!(
                found.nan_for_number > 0 && found.above_one_ulp == found.nan_for_number,
                "{name}"
            );
            assert!(
                !tensor.trueloss.mean_ulp.is_nan() && !found.mean_ulp.is_nan(),
                "{name}"
            );
        }
    }
}

/// What a file's answers are recognised as, loss and gradient.
fn recognised(file: &[u8]) -> [String; 2] {
    let judged = judge(file);
    [0, 1].map(|i| judged[i].conventions.join("; or "))
}

/// Asserts that the kernels' answers to another call are recognised, in the gradient and, where it is asked, in the loss.
fn recognise(file: &[u8], words: &str, in_loss: bool, other: impl Fn(Call) -> Call) {
    let [loss, gradient] = recognised(&answered(file, other));
    assert!(
        gradient.contains(words),
        "gradient: {gradient:?} for {words:?}"
    );
    assert!(
        loss.contains(words) || !in_loss,
        "loss: {loss:?} for {words:?}"
    );
}

/// A file with the answers to what an activation makes of its input.
fn after(file: &[u8], activation: Function) -> Vec<u8> {
    let call = Case::from_bytes(file).unwrap().call;
    let first = Call::new(activation, &call.shape, &call.input);
    let widened = |x: Vec<f32>| x.into_iter().map(f64::from).collect::<Vec<f64>>();
    let second = Call {
        input: widened(kernels::forward(&first).unwrap()),
        ..call
    };
    let loss: Vec<f32> = kernels::forward(&second).unwrap();
    let incoming = widened(kernels::backward(&second).unwrap());
    let gradient: Vec<f32> = kernels::backward(&first.grad_output(&incoming)).unwrap();
    filled(file, &[("loss", &loss), ("grad_input", &gradient)])
}

#[test]
fn other_conventions_of_options_are_recognised() {
    let bce = Options {
        weight: true,
        pos_weight: true,
        grad_output: true,
        ..Options::default()
    };
    let none = a_probe(Function::BinaryCrossEntropyWithLogits, bce.clone());
    let mean = a_probe(
        Function::BinaryCrossEntropyWithLogits,
        Options {
            reduction: Reduction::Mean,
            ..bce
        },
    );
    for file in [&none, &mean] {
        recognise(file, "weight is ignored", true, |c| Call {
            weight: None,
            ..c
        });
        recognise(file, "pos_weight is ignored", true, |c| Call {
            pos_weight: None,
            ..c
        });
        recognise(file, "applied to positive and negative", true, |mut c| {
            let repeated = c.pos_weight.take().unwrap();
            for (i, w) in c.weight.as_mut().unwrap().iter_mut().enumerate() {
                *w = f64::from((*w * repeated[i % 4]) as f32);
            }
            c
        });
        recognise(file, "grad_output is ignored", false, |c| {
            c.grad_output(&[1.0])
        });
    }
    recognise(&none, "taken to be the first", false, |mut c| {
        c.grad_output.truncate(1);
        c
    });
    // The loss of -x and 1 - y; its gradient has the other sign.
    let call = Case::from_bytes(&none).unwrap().call;
    let mut mirrored = call.clone();
    mirrored.input.iter_mut().for_each(|x| *x = -*x);
    if let Target::Values(y) = &mut mirrored.target {
        y.iter_mut().for_each(|y| *y = f64::from((1.0 - *y) as f32));
    }
    let loss: Vec<f32> = kernels::forward(&mirrored).unwrap();
    let gradient: Vec<f32> = kernels::backward(&mirrored).unwrap();
    let gradient: Vec<f32> = gradient.iter().map(|g| -g).collect();
    let both = recognised(&filled(
        &none,
        &[("loss", &loss), ("grad_input", &gradient)],
    ));
    for words in both {
        assert!(
            words.contains("applied to the negative targets"),
            "{words:?}"
        );
    }

    let softplus = a_probe(
        Function::Softplus,
        Options {
            beta: 2.5,
            ..Options::default()
        },
    );
    recognise(&softplus, "beta is ignored", true, |c| c.beta(1.0));
    let call = Case::from_bytes(&softplus).unwrap().call;
    let times = |x: Vec<f32>| x.into_iter().map(|x| x * 2.5).collect::<Vec<f32>>();
    let loss = times(kernels::forward(&call).unwrap());
    let gradient = times(kernels::backward(&call).unwrap());
    for words in recognised(&filled(
        &softplus,
        &[("loss", &loss), ("grad_input", &gradient)],
    )) {
        assert!(words.contains("not divided by beta"), "{words:?}");
    }
}

#[test]
fn other_conventions_of_classes_are_recognised() {
    let smoothed = Options {
        weight: true,
        label_smoothing: 0.1,
        ignore_index: Some(1),
        reduction: Reduction::Mean,
        ..Options::default()
    };
    let file = a_probe(Function::CrossEntropy, smoothed.clone());
    recognise(&file, "label_smoothing is ignored", true, |c| {
        c.label_smoothing(0.0)
    });
    recognise(&file, "weight is ignored", true, |c| Call {
        weight: None,
        ..c
    });
    recognise(&file, "not ignored", true, |c| c.ignore_index(-100));
    recognise(&file, "a sum", true, |c| c.reduction(Reduction::Sum));
    let one_more = |divide: &dyn Fn(&Call) -> f64| {
        let call = Case::from_bytes(&file).unwrap().call;
        let sum = call.clone().reduction(Reduction::Sum);
        let loss: Vec<f32> = kernels::forward(&sum).unwrap();
        let gradient: Vec<f32> = kernels::backward(&sum).unwrap();
        let by = divide(&call) as f32;
        let over = |x: Vec<f32>| x.into_iter().map(|x| x / by).collect::<Vec<f32>>();
        recognised(&filled(
            &file,
            &[("loss", &over(loss)), ("grad_input", &over(gradient))],
        ))
    };
    for words in one_more(&|_| 96.0) {
        assert!(words.contains("the number of all rows, 96"), "{words:?}");
    }
    let counted = |call: &Call| match &call.target {
        Target::Classes(labels) => labels.iter().filter(|l| **l != 1).count() as f64,
        _ => 0.0,
    };
    for words in one_more(&counted) {
        assert!(words.contains("rows that are not ignored"), "{words:?}");
    }

    // Smoothing shared out among the C - 1 others.
    let unweighted = Options {
        weight: false,
        ignore_index: None,
        ..smoothed
    };
    let file = a_probe(Function::CrossEntropy, unweighted.clone());
    recognise(&file, "C - 1", true, |c| {
        let Target::Classes(labels) = c.target.clone() else {
            return c;
        };
        let q = |i: usize| {
            if labels[i / 5] == (i % 5) as i64 {
                0.9
            } else {
                0.025
            }
        };
        let q: Vec<f64> = (0..c.input.len()).map(|i| f64::from(q(i) as f32)).collect();
        c.values(&q).label_smoothing(0.0)
    });

    // The softmax twice, and not at all.
    for reduction in [Reduction::Mean, Reduction::None] {
        let plain = Options {
            reduction,
            label_smoothing: 0.0,
            ..unweighted.clone()
        };
        let file = a_probe(Function::CrossEntropy, plain);
        let both = recognised(&after(&file, Function::Softmax));
        for words in both {
            assert_eq!(words.split(" (").next(), Some("the softmax is taken twice"));
        }
        recognise(&file, "taken for log-probabilities", true, |c| Call {
            function: Function::NllLoss,
            ..c
        });
    }
    let softmax = a_probe(Function::Softmax, Options::default());
    recognise(&softmax, "over dimension 0 instead of 1", true, |c| {
        c.dim(0)
    });
}

#[test]
fn other_conventions_of_smoothing_with_weights_are_recognised() {
    let weighted = Options {
        weight: true,
        label_smoothing: 0.25,
        reduction: Reduction::Sum,
        ..Options::default()
    };
    let file = a_probe(Function::CrossEntropy, weighted);
    let with = |words, factor: fn(f64, f64) -> f64| {
        recognise(&file, words, true, |c| {
            let (Target::Classes(labels), Some(weight)) = (c.target.clone(), c.weight.clone())
            else {
                panic!("it has both");
            };
            let classes = weight.len();
            let factor = |i: usize| {
                let label = labels[i / classes] as usize;
                let hit = f64::from(u8::from(label == i % classes));
                f64::from(factor(weight[label], hit) as f32)
            };
            let factors: Vec<f64> = (0..c.input.len()).map(factor).collect();
            Call { weight: None, ..c }
                .values(&factors)
                .label_smoothing(0.0)
        });
    };
    with("has no class weights", |w, hit| 0.75 * w * hit + 0.25 / 5.0);
    with("multiplies the smoothed part", |w, hit| {
        w * (0.75 * hit + 0.25 / 5.0)
    });
}

#[test]
fn ignored_rows_that_count_are_recognised() {
    let options = Options {
        ignore_index: Some(-100),
        reduction: Reduction::Sum,
        ..Options::default()
    };
    for function in [Function::NllLoss, Function::CrossEntropy] {
        let file = a_probe(function, options.clone());
        for (class, words) in [
            (0, "rows of the first class"),
            (4, "rows of the last class"),
        ] {
            recognise(&file, words, true, |c| {
                let Target::Classes(mut labels) = c.target.clone() else {
                    panic!("it has labels");
                };
                labels
                    .iter_mut()
                    .filter(|label| **label == -100)
                    .for_each(|label| *label = class);
                c.classes(&labels)
            });
        }
    }
}

#[test]
fn other_functions_are_recognised() {
    use Function as F;
    for (function, other, words) in [
        (F::Sigmoid, F::LogSigmoid, "logsigmoid instead of sigmoid"),
        (
            F::LogSigmoid,
            F::Sigmoid,
            "sigmoid instead of its logarithm",
        ),
        (F::LogSigmoid, F::Softplus, "softplus instead of logsigmoid"),
        (F::Softmax, F::LogSoftmax, "log_softmax instead of softmax"),
        (
            F::LogSoftmax,
            F::Softmax,
            "softmax instead of its logarithm",
        ),
        (
            F::BinaryCrossEntropy,
            F::BinaryCrossEntropyWithLogits,
            "taken for logits, not for probabilities",
        ),
        (
            F::NllLoss,
            F::CrossEntropy,
            "taken for logits, not for log-probabilities",
        ),
    ] {
        let file = a_probe(function, Options::default());
        recognise(&file, words, true, |c| Call {
            function: other,
            ..c
        });
    }
    let file = a_probe(F::BinaryCrossEntropyWithLogits, Options::default());
    for words in recognised(&after(&file, F::Sigmoid)) {
        assert!(words.contains("the sigmoid is taken twice"), "{words:?}");
    }
    // Where all logits happen to be in [0, 1].
    let logits: Vec<f64> = (1..64).map(|i| f64::from(i) / 64.0).collect();
    let targets: Vec<f64> = (1..64).map(|i| f64::from(i % 4) / 4.0).collect();
    let call = Call::new(F::BinaryCrossEntropyWithLogits, &[63], &logits).values(&targets);
    let call = call.reduction(Reduction::None);
    let file = case::contents(&call, case::Dtype::F32, HashMap::new()).unwrap();
    recognise(
        &file,
        "taken for probabilities, not for logits",
        true,
        |c| Call {
            function: F::BinaryCrossEntropy,
            ..c
        },
    );
}

#[test]
fn signs_factors_and_bases_are_recognised() {
    let plain = Options {
        reduction: Reduction::Mean,
        ..Options::default()
    };
    let scaled = |function, by: f32| {
        let file = a_probe(function, plain.clone());
        let call = Case::from_bytes(&file).unwrap().call;
        let times = |x: Vec<f32>| x.into_iter().map(|x| x * by).collect::<Vec<f32>>();
        let loss = times(kernels::forward(&call).unwrap());
        let gradient = times(kernels::backward(&call).unwrap());
        recognised(&filled(
            &file,
            &[("loss", &loss), ("grad_input", &gradient)],
        ))
    };
    for (function, by, expected) in [
        (Function::NllLoss, -1.0, "the sign is the opposite"),
        (Function::MseLoss, 0.5, "half of what is due"),
        (
            Function::CrossEntropy,
            std::f32::consts::LOG2_E,
            "to the base 2",
        ),
        (
            Function::BinaryCrossEntropy,
            std::f32::consts::LOG10_E,
            "to the base 10",
        ),
    ] {
        for words in scaled(function, by) {
            assert!(words.contains(expected), "{function}: {words:?}");
        }
    }
    // What no convention explains is not explained.
    for words in scaled(Function::MseLoss, 1.234) {
        assert_eq!(words, "");
    }
}

/// An empty directory for a test.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("check")
        .join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn trueloss(arguments: &[&str], files: &[PathBuf]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueloss"));
    command.args(arguments).args(files).output().unwrap()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_commands() {
    let directory = directory("commands");
    let file = directory.join("probe.safetensors");
    let out = file.to_str().unwrap();
    let probe = [
        "probe",
        "cross_entropy",
        "--elements",
        "40",
        "--classes",
        "3",
        "--out",
        out,
    ];
    let output = trueloss(&probe, &[]);
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    // Without answers.
    let files = [file.clone()];
    let output = trueloss(&["check"], &files);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        lines(&output.stderr),
        [format!(
            "{out}: neither `loss` nor `grad_input`: nothing to judge"
        )]
    );
    assert!(output.stdout.is_empty());

    // Answers that are off, and no more is asked than to say so.
    let questions = fs::read(&file).unwrap();
    let call = Case::from_bytes(&questions).unwrap().call;
    let right: Vec<f32> = kernels::forward(&call).unwrap();
    let mut wrong = right.clone();
    wrong[0] *= 1.5;
    fs::write(&file, filled(&questions, &[("loss", &wrong)])).unwrap();
    let output = trueloss(&["check"], &files);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    assert!(
        lines(&output.stdout)
            .iter()
            .any(|line| line.contains("probe") && line.contains("loss"))
    );
    let output = trueloss(&["check", "--max-ulp", "4"], &files);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        lines(&output.stderr)[0].ends_with("ULP, more than 4"),
        "{output:?}"
    );
    for bad in ["nan", "-1", "four"] {
        assert_eq!(
            trueloss(&["check", "--max-ulp", bad], &files).status.code(),
            Some(2),
            "{bad}"
        );
    }

    // JSON beside the table, or in its place.
    let json = directory.join("found.json");
    let output = trueloss(&["check", "--json", json.to_str().unwrap()], &files);
    assert!(output.status.success() && !output.stdout.is_empty());
    let text = fs::read_to_string(&json).unwrap();
    let output = trueloss(&["check", "--json", "-"], &files);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let tensor = &found["files"][0]["tensors"][0];
    assert_eq!(tensor["tensor"], "loss");
    assert_eq!(tensor["answers"]["answers"], 40);
    assert_eq!(tensor["worst"]["index"][0], 0);
    assert!(tensor["answers"]["worst_ulp"].as_f64().unwrap() > 1e6);
    assert!(tensor["trueloss"]["worst_ulp"].as_f64().unwrap() <= 0.5001);
    assert!(tensor["kinds"][0]["kind"].is_string() && tensor["kinds"][0]["worst_ulp"].is_number());

    // A NaN is more than any bound, and a string in JSON.
    wrong[0] = f32::NAN;
    fs::write(&file, filled(&questions, &[("loss", &wrong)])).unwrap();
    let output = trueloss(&["check", "--max-ulp", "1e308", "--json", "-"], &files);
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["overall"]["worst_ulp"], "inf");
    fs::write(&file, filled(&questions, &[("loss", &right)])).unwrap();
    assert!(
        trueloss(&["check", "--max-ulp", "0.5001"], &files)
            .status
            .success()
    );

    // A folder of all; nowhere to write.
    let all = directory.join("all");
    let arguments = [
        "probe",
        "--all",
        "--elements",
        "8",
        "--classes",
        "2",
        "--out",
    ];
    assert!(
        trueloss(&arguments, std::slice::from_ref(&all))
            .status
            .success()
    );
    assert_eq!(fs::read_dir(&all).unwrap().count(), 54);
    let output = trueloss(&["probe", "sigmoid", "--out"], &[all]);
    assert_eq!(
        (output.status.code(), lines(&output.stderr).len()),
        (Some(1), 1)
    );
    assert_eq!(
        trueloss(&["probe", "--out", "x"], &[]).status.code(),
        Some(2)
    );
    assert_eq!(
        trueloss(&["probe", "hinge", "--out", "x"], &[])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn an_option_that_would_be_ignored_is_refused() {
    let directory = directory("ignored-options");
    let out = directory.join("out");
    // What clap says, and nothing is done.
    let refuse = |arguments: &[&str]| {
        let output = trueloss(arguments, std::slice::from_ref(&out));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(!out.exists(), "{arguments:?}");
    };
    // Of the report, before a command.
    for command in [&["bounds"][..], &["probe", "sigmoid", "--out"]] {
        let arguments = [&["--seed", "7"][..], command].concat();
        let output = trueloss(&arguments, std::slice::from_ref(&out));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let problem = String::from_utf8(output.stderr).unwrap();
        assert!(problem.contains("--seed"), "{problem}");
    }
    // Of all that --all and --curves take, everything else is refused. None is forgotten here: the help has them all.
    let help = trueloss(&["probe", "--help"], &[]);
    let help = String::from_utf8(help.stdout).unwrap();
    let options: [(&str, &[&str]); 16] = [
        ("reduction", &["mean"]),
        ("dtype", &["f64"]),
        ("elements", &["8"]),
        ("classes", &["2"]),
        ("weight", &[]),
        ("pos-weight", &[]),
        ("ignore-index", &["1"]),
        ("label-smoothing", &["0.1"]),
        ("probabilities", &[]),
        ("hard-targets", &[]),
        ("beta", &["2"]),
        ("dim", &["0"]),
        ("positions", &["2"]),
        ("grad-output", &[]),
        ("seed", &["9"]),
        ("all", &[]),
    ];
    let names = help.lines().filter_map(|line| {
        let name = line.trim_start().trim_start_matches("-h, ");
        name.strip_prefix("--")?.split([' ', '=']).next()
    });
    for name in names.filter(|name| !["out", "curves", "help"].contains(name)) {
        assert!(options.iter().any(|(known, _)| *known == name), "{name}");
    }
    for (name, value) in options {
        let option = format!("--{name}");
        let with = |mode| [&["probe", mode, &option], value, &["--out"]].concat();
        refuse(&with("--curves"));
        if !["dtype", "elements", "classes", "seed", "all"].contains(&name) {
            refuse(&with("--all"));
        }
    }
}

#[test]
fn the_help_names_every_function_and_option() {
    for command in ["eval", "probe"] {
        let help = trueloss(&[command, "--help"], &[]);
        let help = String::from_utf8(help.stdout).unwrap();
        let words: Vec<&str> = help
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .collect();
        for function in Function::ALL {
            assert!(words.contains(&function.name()), "{command}: {function}");
        }
        let arguments = ElementFunction::LOSSES.into_iter();
        let arguments = arguments.filter_map(ElementFunction::arguments);
        for (name, _) in arguments.flat_map(|of| of.numbers) {
            assert!(words.contains(name) || command == "probe", "{name}");
        }
        for element in ElementType::ALL {
            let name = element.name();
            let is_named = words.iter().any(|word| word.eq_ignore_ascii_case(name));
            assert!(is_named, "{command}: {name}");
        }
    }
}

#[test]
fn a_sweep_of_pairs_alone_says_that_they_are_left_out() {
    let problem = |function: &str| {
        let output = trueloss(&["sweep", function, "--one-argument"], &[]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        lines(&output.stderr).concat()
    };
    assert_eq!(
        problem("mse_loss"),
        "mse_loss: has two arguments, and --one-argument leaves pairs out"
    );
    assert_eq!(
        problem("cross_entropy"),
        "cross_entropy: has too many arguments for all of them to be tried"
    );
}

#[test]
fn files_that_cannot_be_judged_take_one_line_each() {
    let directory = directory("malformed");
    let questions = a_probe(Function::CrossEntropy, Options::default());
    let good = answered(&questions, |call| call);
    let (tensors, metadata) = take_apart(&good);
    let change = |name: &str, change: &dyn Fn(&mut Named)| {
        let mut tensors = tensors.clone();
        tensors.iter_mut().filter(|t| t.0 == name).for_each(change);
        put_together(&tensors, metadata.clone())
    };
    let with = |name: &str, value: &str| {
        let mut metadata = metadata.clone();
        metadata.insert(name.to_owned(), value.to_owned());
        put_together(&tensors, metadata)
    };
    let header = |length: u64| [&length.to_le_bytes()[..], &good[8..]].concat();
    let class = |t: &mut Named| t.3[0] = 99;
    let malformed = [
        ("empty", vec![], ""),
        ("text", b"not a case file, whatever its name".to_vec(), ""),
        ("zip", [b"PK\x03\x04".as_slice(), &[0; 60]].concat(), ""),
        ("truncated", good[..good.len() / 2].to_vec(), ""),
        ("header", good[..40].to_vec(), ""),
        ("huge", header(u64::MAX), ""),
        ("large", header(1 << 40), ""),
        (
            "nothing",
            questions.clone(),
            "neither `loss` nor `grad_input`",
        ),
        (
            "input",
            change("input", &|t| t.0 = "inputs".to_owned()),
            "no tensor `input`",
        ),
        (
            "target",
            change("target", &|t| t.0 = "labels".to_owned()),
            "no tensor `target`",
        ),
        (
            "dtype",
            change("input", &|t| t.1 = Dtype::I32),
            "input: expected F32, F64, F16 or BF16, found I32",
        ),
        (
            "loss-dtype",
            change("loss", &|t| t.1 = Dtype::I32),
            "loss: expected F32, found I32",
        ),
        (
            "loss-shape",
            change("loss", &|t| t.2 = vec![48, 2]),
            "loss: expected the shape [96]",
        ),
        (
            "grad-shape",
            change("grad_input", &|t| t.2.reverse()),
            "grad_input: expected the shape [96, 5]",
        ),
        (
            "class",
            change("target", &class),
            "target[0]: expected a class index below 5, found 99",
        ),
        (
            "function",
            with("function", "hinge_loss"),
            "no function is called `hinge_loss`",
        ),
        (
            "reduction",
            with("reduction", "average"),
            "no reduction is called `average`",
        ),
        ("smoothing", with("label_smoothing", "2"), "label_smoothing"),
        (
            "kinds",
            with("kinds", "ordinary:9"),
            "kinds: expected `name:count,…` of 96 in all",
        ),
        (
            "many-kinds",
            with("kinds", "ordinary:96,more:18446744073709551615"),
            "kinds: expected",
        ),
        (
            "more-kinds",
            with("kinds", "ordinary:97"),
            "kinds: expected",
        ),
        ("no-kinds", with("kinds", "\nnonsense"), "kinds: expected"),
    ];
    let mut files = vec![];
    for (name, bytes, _) in &malformed {
        let path = directory.join(name).with_extension("safetensors");
        fs::write(&path, bytes).unwrap();
        files.push(path);
    }
    let mut expected: Vec<&str> = malformed.iter().map(|(_, _, words)| *words).collect();
    files.push(directory.join("missing.safetensors"));
    files.push(directory.clone());
    expected.extend(["", ""]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        files.push(PathBuf::from("/dev/zero"));
        expected.push("not a regular file");
        let secret = directory.join("secret.safetensors");
        fs::write(&secret, &good).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
        // Root may read everything.
        if fs::File::open(&secret).is_err() {
            files.push(secret);
            expected.push("");
        }
    }
    let last = directory.join("good.safetensors");
    fs::write(&last, &good).unwrap();
    files.push(last);
    let output = trueloss(&["check", "--max-ulp", "0.5001"], &files);
    assert_eq!(output.status.code(), Some(1));
    let errors = lines(&output.stderr);
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for ((error, file), words) in errors.iter().zip(&files).zip(expected) {
        let problem = error.strip_prefix(&format!("{}: ", file.display()));
        let problem = problem.unwrap_or_else(|| panic!("{error:?}"));
        assert!(
            !problem.is_empty() && problem.starts_with(words),
            "{error:?} for {words:?}"
        );
    }
    // The last one is judged all the same.
    assert!(
        lines(&output.stdout)
            .iter()
            .any(|line| line.contains("good")),
        "{output:?}"
    );
}

/// Filled probes, small ones, to break.
fn whole_files() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let tiny = Options {
            elements: 6,
            classes: 3,
            ..Options::default()
        };
        let probes = probe::all(&tiny).into_iter();
        let file = |(_, function, options)| {
            let file = probe::probe(function, &options).unwrap();
            answered(&file, |call| call)
        };
        probes.map(file).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn broken_bytes_never_panic(
        which in 0..49_usize,
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        in_header in any::<bool>(),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = whole_files()[which].clone();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let end = if in_header { header } else { bytes.len() };
        for (at, byte) in flips {
            bytes[at.index(end)] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(end));
        }
        match check::check_bytes(&bytes) {
            Ok(tensors) => prop_assert!(!tensors.is_empty()),
            Err(line) => prop_assert!(!line.is_empty() && !line.contains('\n'), "{line:?}"),
        }
    }
}
