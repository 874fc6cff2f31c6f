//! PyTorch's own module samples: our answers against its answers in f64, and against the oracle.

mod promised;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use promised::promised;
use trueloss_verify::case::Case;
use trueloss_verify::claims::Direction;
use trueloss_verify::generate::ElementType;
use trueloss_verify::kernels;
use trueloss_verify::oracle::{self, Call, Exact};
use trueloss_verify::ulp::{self, Judged};

/// So far from PyTorch's f64 answer, relatively, an answer may be without an exception that says why.
const NEAR_PYTORCH: f64 = 1e-12;

/// Why an answer is farther from PyTorch's than [`NEAR_PYTORCH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// PyTorch subtracts the logit from log-sum-exp, and loses the digits of a small loss.
    LogSumExp,
    /// PyTorch subtracts 1 from the probability of the label, and loses the digits of a small difference.
    ProbabilityMinusOne,
    /// PyTorch subtracts rounded terms, and loses the digits of a small gradient at a soft target.
    ProbabilityMinusTarget,
    /// The terms of a softmax's gradient cancel, here as there: ours is within the bound's part in the terms.
    TermsCancel,
    /// A `threshold` below all inputs makes PyTorch's softplus the identity; here there is none.
    Threshold,
}

use Direction::{Forward, Gradient};
use Reason::{LogSumExp, ProbabilityMinusOne, ProbabilityMinusTarget, TermsCancel, Threshold};

/// The files and directions with answers that are not PyTorch's, and how many. Each is needed, and no other.
#[rustfmt::skip]
const EXCEPTIONS: &[(&str, Direction, usize, Reason)] = &[
    ("CrossEntropyLoss-003", Gradient, 4, ProbabilityMinusOne),
    ("CrossEntropyLoss-006", Gradient, 1, ProbabilityMinusTarget),
    ("CrossEntropyLoss-009", Gradient, 2, ProbabilityMinusOne),
    ("CrossEntropyLoss-012", Gradient, 5, ProbabilityMinusOne),
    ("CrossEntropyLoss-018", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-021", Gradient, 4, ProbabilityMinusOne),
    ("CrossEntropyLoss-034", Gradient, 1, ProbabilityMinusTarget),
    ("CrossEntropyLoss-036", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-038", Gradient, 8, ProbabilityMinusOne),
    ("CrossEntropyLoss-042", Gradient, 1, ProbabilityMinusTarget),
    ("CrossEntropyLoss-044", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-047", Gradient, 6, ProbabilityMinusOne),
    ("CrossEntropyLoss-051", Gradient, 2, ProbabilityMinusTarget),
    ("CrossEntropyLoss-053", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-055", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-056", Gradient, 3, ProbabilityMinusOne),
    ("CrossEntropyLoss-070", Forward, 1, LogSumExp),
    ("CrossEntropyLoss-070", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-073", Forward, 3, LogSumExp),
    ("CrossEntropyLoss-073", Gradient, 3, ProbabilityMinusOne),
    ("CrossEntropyLoss-075", Gradient, 1, ProbabilityMinusTarget),
    ("CrossEntropyLoss-077", Forward, 2, LogSumExp),
    ("CrossEntropyLoss-077", Gradient, 3, ProbabilityMinusTarget),
    ("CrossEntropyLoss-079", Forward, 1, LogSumExp),
    ("CrossEntropyLoss-079", Gradient, 2, ProbabilityMinusOne),
    ("CrossEntropyLoss-081", Forward, 1, LogSumExp),
    ("CrossEntropyLoss-081", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-082", Forward, 3, LogSumExp),
    ("CrossEntropyLoss-082", Gradient, 2, ProbabilityMinusOne),
    ("CrossEntropyLoss-088", Forward, 1, LogSumExp),
    ("CrossEntropyLoss-088", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-089", Forward, 2, LogSumExp),
    ("CrossEntropyLoss-089", Gradient, 2, ProbabilityMinusOne),
    ("CrossEntropyLoss-090", Forward, 1, LogSumExp),
    ("CrossEntropyLoss-090", Gradient, 1, ProbabilityMinusOne),
    ("CrossEntropyLoss-091", Forward, 1, LogSumExp),
    ("CrossEntropyLoss-091", Gradient, 1, ProbabilityMinusOne),
    ("LogSoftmax-001", Forward, 18, LogSumExp),
    ("Softmax-002", Gradient, 1, TermsCancel),
    ("Softplus-002", Forward, 200, Threshold),
    ("Softplus-002", Gradient, 200, Threshold),
    ("Softplus-003", Forward, 1, Threshold),
    ("Softplus-003", Gradient, 1, Threshold),
];

/// PyTorch's samples: its inputs, and its answers in f32 and f64.
fn samples() -> Vec<(String, Case)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 172);
    let name = |file: &Path| file.file_stem().unwrap().to_str().unwrap().to_owned();
    let read = |file: PathBuf| (name(&file), Case::read(&file).unwrap());
    files.into_iter().map(read).collect()
}

fn exact(call: &Call, direction: Direction, prec: u32) -> Vec<Exact> {
    match direction {
        Forward => oracle::forward(call, prec),
        Gradient => oracle::backward(call, prec),
    }
}

fn ours<T: trueloss::Element>(call: &Call, direction: Direction) -> Vec<T> {
    match direction {
        Forward => kernels::forward(call).unwrap(),
        Gradient => kernels::backward(call).unwrap(),
    }
}

fn judge<T: trueloss::Element + ulp::Format>(
    call: &Call,
    direction: Direction,
    answers: &[T],
) -> Vec<Judged> {
    ulp::judge(answers, |prec| exact(call, direction, prec))
}

/// Both NaN, the same infinity, or numbers whose difference is small beside the second.
fn is_near(ours: f64, theirs: f64) -> bool {
    ours == theirs
        || ours.is_nan() && theirs.is_nan()
        || (ours - theirs).abs() <= NEAR_PYTORCH * theirs.abs() && theirs.is_finite()
}

#[test]
fn f64_answers_are_pytorchs_except_where_it_is_wrong() {
    let reasons: HashMap<_, _> = EXCEPTIONS
        .iter()
        .map(|&(name, direction, _, reason)| ((name, direction), reason))
        .collect();
    let mut found = vec![];
    let (mut elements, mut far_elements, mut worst) = (0, 0, 0.0_f64);
    let samples = samples();
    for (name, case) in &samples {
        for (direction, theirs) in [
            (Forward, &case.answers_f64.loss),
            (Gradient, &case.answers_f64.grad_input),
        ] {
            let ours: Vec<f64> = ours(&case.call, direction);
            let theirs = theirs.as_ref().expect("PyTorch's f64 answer");
            assert_eq!(ours.len(), theirs.len(), "{name}");
            elements += ours.len();
            let bound = promised(&case.call, ElementType::F64, direction);
            let our_verdicts = judge(&case.call, direction, &ours);
            for (i, judged) in our_verdicts.iter().enumerate() {
                assert!(
                    judged.within(bound.ulp, bound.terms),
                    "{name} {direction:?} [{i}]: {:e} is {} ULP from {:e}, not {bound}",
                    ours[i],
                    judged.ulp,
                    judged.exact
                );
            }
            let far: Vec<_> = (0..ours.len())
                .filter(|&i| !is_near(ours[i], theirs[i]))
                .collect();
            if far.is_empty() {
                continue;
            }
            far_elements += far.len();
            let their_verdicts = judge(&case.call, direction, theirs);
            let reason = reasons.get(&(name.as_str(), direction)).copied();
            for &i in &far {
                let (judged, theirs_judged) = (our_verdicts[i], their_verdicts[i]);
                let described = format!(
                    "{name} {direction:?} [{i}]: {:e} is {} ULP from {:e}; PyTorch's {:e} is {}",
                    ours[i], judged.ulp, judged.exact, theirs[i], theirs_judged.ulp
                );
                // The part in the terms is for what cancels, and for nothing else.
                let cancels = reason == Some(TermsCancel);
                assert!(cancels || judged.within(bound.ulp, 0.0), "{described}");
                assert!(judged.ulp < theirs_judged.ulp, "{described}");
                if !cancels {
                    worst = worst.max(judged.ulp);
                }
            }
            if reason == Some(Threshold) {
                let threshold: f64 = case.metadata["threshold"].parse().unwrap();
                assert!(
                    case.call
                        .input
                        .iter()
                        .all(|x| x * case.call.beta > threshold)
                );
            }
            found.push((name.as_str(), direction, far.len()));
        }
    }
    println!(
        "{} files, {elements} answers in f64, all within their bounds: {} within {NEAR_PYTORCH:e} of PyTorch's; the other \
         {far_elements} at most {worst:.3} ULP off but for gradients that cancel, and nearer to the exact value than PyTorch's",
        samples.len(),
        elements - far_elements
    );
    let expected: Vec<_> = EXCEPTIONS
        .iter()
        .map(|&(name, direction, count, _)| (name, direction, count))
        .collect();
    for exception in &found {
        assert!(
            expected.contains(exception),
            "not the exceptions that are listed: {exception:?}"
        );
    }
    for exception in &expected {
        assert!(found.contains(exception), "no longer needed: {exception:?}");
    }
}

#[test]
fn f32_answers_are_within_their_bound() {
    let samples = samples();
    let (mut elements, mut rounded, mut cancelled, mut worst) = (0, 0, 0, 0.0_f64);
    for (name, case) in &samples {
        for direction in [Forward, Gradient] {
            let ours: Vec<f32> = ours(&case.call, direction);
            let bound = promised(&case.call, ElementType::F32, direction);
            for (i, judged) in judge(&case.call, direction, &ours).iter().enumerate() {
                elements += 1;
                rounded += usize::from(judged.correctly_rounded == Some(true));
                if judged.within(bound.ulp, 0.0) {
                    worst = worst.max(judged.ulp);
                    continue;
                }
                cancelled += 1;
                assert!(
                    direction == Gradient && judged.within(bound.ulp, bound.terms),
                    "{name} {direction:?} [{i}]: {:e} is {} ULP from {:e}",
                    ours[i],
                    judged.ulp,
                    judged.exact
                );
            }
        }
    }
    println!(
        "{} files, {elements} answers in f32: {rounded} correctly rounded, at most {worst:.6} ULP off; \
         {cancelled} gradients that cancel within the absolute bound",
        samples.len()
    );
}

#[test]
fn one_pass_gives_the_bits_of_two() {
    for (name, case) in samples() {
        let call = case.call;
        if call.function.is_activation() || call.reduction == oracle::Reduction::None {
            continue;
        }
        assert_eq!(call.grad_output, [1.0]);
        let (loss, gradient) = kernels::forward_backward::<f32>(&call).unwrap();
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&[loss]), bits(&ours(&call, Forward)), "{name}");
        assert_eq!(bits(&gradient), bits(&ours(&call, Gradient)), "{name}");
    }
}
