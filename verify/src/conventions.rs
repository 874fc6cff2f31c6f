//! What somebody else's answers may be where they are not those of the convention: the answers of another one.
//!
//! Each [`Other`] is a call that gives them, so that the oracle itself says what they would be.

use rayon::prelude::*;

use crate::oracle::{self, Call, Function, Reduction, Target};
use crate::ulp::Format;

/// The precision in which other conventions are evaluated. They need to be told apart, and no more.
const PREC: u32 = 128;

/// In larger inputs no other convention is looked for: there are some twenty, and each takes as long as the judgement.
const LARGEST: usize = 1 << 15;

/// Another convention.
struct Other {
    words: String,
    call: Call,
    /// What its answers are multiplied by.
    factor: f64,
    /// The activation that the input went through before.
    through: Option<Call>,
}

impl Other {
    fn new(words: impl Into<String>, call: Call) -> Self {
        Other {
            words: words.into(),
            call,
            factor: 1.0,
            through: None,
        }
    }

    fn times(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    fn forward(&self) -> Vec<f64> {
        self.scale(&oracle::forward(&self.call, PREC))
    }

    fn backward(&self) -> Vec<f64> {
        let gradient = oracle::backward(&self.call, PREC);
        match &self.through {
            None => self.scale(&gradient),
            // The chain rule.
            Some(activation) => {
                let incoming: Vec<f64> = gradient.iter().map(approximate).collect();
                let activation = activation.clone().grad_output(&incoming);
                self.scale(&oracle::backward(&activation, PREC))
            }
        }
    }

    fn scale(&self, exact: &[oracle::Exact]) -> Vec<f64> {
        exact
            .iter()
            .map(|exact| self.factor * approximate(exact))
            .collect()
    }
}

/// The nearest f64, or one beside it.
pub(crate) fn approximate(exact: &oracle::Exact) -> f64 {
    match &exact.value {
        oracle::Value::Nan => f64::NAN,
        oracle::Value::Infinite { negative: true } => f64::NEG_INFINITY,
        oracle::Value::Infinite { negative: false } => f64::INFINITY,
        oracle::Value::Number(interval) => interval.approximate(),
    }
}

/// Which conventions other than the call's own explain its answers, in words: those that explain most of them, if any
/// explains at least half of those answers in which it differs from the call's, and far more than that.
///
/// `exact` are the right answers, approximately.
pub(crate) fn recognise<T: Format>(
    call: &Call,
    is_gradient: bool,
    got: &[f64],
    exact: &[f64],
) -> Vec<String> {
    // Answers in the type itself, with half of its bits lost, still tell conventions apart.
    let tolerance = 2_f64.powi(-(T::MANTISSA_BITS.min(24) as i32 / 2));
    let smallest = 2_f64.powi(T::MIN_EXPONENT + T::MANTISSA_BITS as i32);
    let agree = |a: f64, b: f64| a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs());
    let right = got.iter().zip(exact).all(|(&got, &exact)| {
        agree(got, exact) || got.is_nan() && exact.is_nan() || got.abs().max(exact.abs()) < smallest
    });
    if right || call.input.len() > LARGEST {
        return vec![];
    }
    let mut best = (0, vec![]);
    let answers = |other: Other| {
        let answers = if is_gradient {
            other.backward()
        } else {
            other.forward()
        };
        (other.words, answers)
    };
    let all: Vec<(String, Vec<f64>)> = others(call).into_par_iter().map(answers).collect();
    for (mut words, answers) in all {
        if answers.len() != got.len() {
            continue;
        }
        let (mut differ, mut theirs, mut ours, mut explained) = (0, 0, 0, 0);
        for ((&got, &exact), &other) in got.iter().zip(exact).zip(&answers) {
            explained += usize::from(agree(got, other));
            let distinct = (exact - other).abs() > 4.0 * tolerance * exact.abs().max(other.abs());
            if distinct && exact.abs().max(other.abs()) > smallest {
                differ += 1;
                theirs += usize::from(agree(got, other));
                ours += usize::from(agree(got, exact));
            }
        }
        if theirs == 0 || 2 * theirs < differ || theirs < 4 * ours {
            continue;
        }
        if differ > 1 {
            words += &format!(" ({theirs} of the {differ} answers that this changes)");
        }
        if explained > best.0 {
            best = (explained, vec![]);
        }
        if explained == best.0 {
            best.1.push(words);
        }
    }
    best.1
}

/// What a mean may be divided by, and what that is in words.
fn divisors(call: &Call) -> Vec<(f64, &'static str)> {
    let elements = call.input.len() as f64;
    let mut divisors = vec![];
    if let Some(&leading) = call.shape.first() {
        divisors.push((leading as f64, "the size of the first dimension"));
    }
    if call.function.has_rows() {
        let rows = call.rows();
        if let Target::Classes(labels) = &call.target {
            let counted = || labels.iter().filter(|&&label| label != call.ignore_index);
            if let Some(weight) = &call.weight {
                let sum: f64 = counted().map(|&label| weight[label as usize]).sum();
                divisors.push((sum, "the sum of the labels' weights"));
            }
            divisors.push((
                counted().count() as f64,
                "the number of rows that are not ignored",
            ));
        }
        divisors.push((rows.count() as f64, "the number of all rows"));
        divisors.push((elements, "the number of logits"));
    } else {
        if let Some(weight) = &call.weight {
            let sum: f64 = (0..call.input.len())
                .map(|i| weight[i % weight.len()])
                .sum();
            divisors.push((sum, "the sum of the weights"));
        }
        divisors.push((elements, "the number of elements"));
    }
    divisors
}

/// What the mean of this call divides by, in words.
fn divisor_in_words(call: &Call) -> &'static str {
    match (&call.target, &call.weight, call.function.has_rows()) {
        (_, _, false) => "the number of elements",
        (Target::Classes(_), Some(_), _) => "the sum of the labels' weights",
        (Target::Classes(_), None, _) => "the number of rows that are not ignored",
        _ => "the number of all rows",
    }
}

/// The call with probabilities instead of labels, for coefficients v_j of row and class that are no PyTorch option; summed,
/// and to be divided by `factor`'s reciprocal. None where the call has no labels.
fn with_coefficients(call: &Call, v: impl Fn(usize, usize, usize) -> f64) -> Option<(Call, f64)> {
    let (Function::CrossEntropy, Target::Classes(labels)) = (call.function, &call.target) else {
        return None;
    };
    let rows = call.rows();
    let mut values = vec![0.0; call.input.len()];
    let mut input = call.input.clone();
    for (row, &label) in labels.iter().enumerate() {
        for class in 0..rows.classes {
            let at = rows.index(row, class);
            if label == call.ignore_index {
                input[at] = 0.0;
            } else {
                values[at] = v(row, label as usize, class);
            }
        }
    }
    let mut other = call.clone().values(&values);
    other.input = input;
    other.weight = None;
    other.label_smoothing = 0.0;
    let mut factor = 1.0;
    if call.reduction == Reduction::Mean {
        other.reduction = Reduction::Sum;
        let wanted = divisor_in_words(call);
        let divisor = divisors(call)
            .into_iter()
            .find(|(_, words)| *words == wanted);
        factor = divisor.map_or(f64::NAN, |(divisor, _)| 1.0 / divisor);
    }
    Some((other, factor))
}

/// The conventions that are known, each of them a legal call.
fn others(call: &Call) -> Vec<Other> {
    let mut others = vec![];
    let mut add = |other: Other| others.push(other);
    let with = |change: &dyn Fn(&mut Call)| {
        let mut other = call.clone();
        change(&mut other);
        other
    };
    let function = call.function;
    let (e, classes) = (
        call.label_smoothing,
        if function.has_rows() {
            call.rows().classes
        } else {
            1
        },
    );

    // Options that are overlooked.
    if call.weight.is_some() {
        add(Other::new("weight is ignored", with(&|c| c.weight = None)));
    }
    if let Some(pos_weight) = &call.pos_weight {
        add(Other::new(
            "pos_weight is ignored",
            with(&|c| c.pos_weight = None),
        ));
        // y softplus(-x) + c (1 - y) softplus(x) is the loss of -x and 1 - y; its derivative has the other sign.
        let mirrored = with(&|c| {
            c.input.iter_mut().for_each(|x| *x = -*x);
            if let Target::Values(values) = &mut c.target {
                values.iter_mut().for_each(|y| *y = 1.0 - *y);
            }
        });
        add(Other::new(
            "pos_weight is applied to the negative targets",
            mirrored.clone(),
        ));
        add(Other::new("pos_weight is applied to the negative targets", mirrored).times(-1.0));
        let both = |c: &mut Call| {
            let at = |i: usize, w: &[f64]| w[i % w.len()];
            let weight = |i| at(i, pos_weight) * c.weight.as_ref().map_or(1.0, |w| at(i, w));
            c.weight = Some((0..c.input.len()).map(weight).collect());
            c.pos_weight = None;
        };
        if !call.input.is_empty() {
            add(Other::new(
                "pos_weight is applied to positive and negative targets",
                with(&both),
            ));
        }
    }
    if e != 0.0 {
        add(Other::new(
            "label_smoothing is ignored",
            with(&|c| c.label_smoothing = 0.0),
        ));
        let weight = |class: usize| call.weight.as_ref().map_or(1.0, |w| w[class]);
        let hard = |label: usize, class: usize| f64::from(u8::from(label == class));
        if classes > 1 {
            let other = with_coefficients(call, |_, label, class| {
                let rest = e / (classes - 1) as f64;
                weight(class) * if label == class { 1.0 - e } else { rest }
            });
            if let Some((other, factor)) = other {
                let words = "label_smoothing is shared out among the other classes, C - 1 of them, not among all";
                add(Other::new(words, other).times(factor));
            }
        }
        if call.weight.is_some() {
            for (words, unweighted) in [
                ("the smoothed part of the loss has no class weights", true),
                ("the label's weight multiplies the smoothed part too", false),
            ] {
                let other = with_coefficients(call, |_, label, class| {
                    let share = e / classes as f64;
                    match unweighted {
                        true => weight(label) * (1.0 - e) * hard(label, class) + share,
                        false => weight(label) * ((1.0 - e) * hard(label, class) + share),
                    }
                });
                if let Some((other, factor)) = other {
                    add(Other::new(words, other).times(factor));
                }
            }
        }
    }
    if let Target::Classes(labels) = &call.target
        && labels.contains(&call.ignore_index)
    {
        if (0..classes as i64).contains(&call.ignore_index) {
            add(Other::new(
                "rows of ignore_index are not ignored",
                with(&|c| c.ignore_index = i64::MIN),
            ));
        }
        for (class, words) in [
            (0, "ignored rows count as rows of the first class"),
            (
                classes as i64 - 1,
                "ignored rows count as rows of the last class",
            ),
        ] {
            let replace = |c: &mut Call| {
                let old = c.ignore_index;
                c.ignore_index = i64::MIN;
                if let Target::Classes(labels) = &mut c.target {
                    labels
                        .iter_mut()
                        .filter(|l| **l == old)
                        .for_each(|l| *l = class);
                }
            };
            add(Other::new(words, with(&replace)));
        }
    }
    let arguments = function.arguments();
    for (i, &(name, default)) in arguments.iter().flat_map(|of| of.numbers).enumerate() {
        if call.numbers[i] != default {
            let words = format!("{name} is ignored");
            add(Other::new(words, with(&|c| c.numbers[i] = default)));
        }
    }
    if call.beta != 1.0 {
        add(Other::new("beta is ignored", with(&|c| c.beta = 1.0)));
        add(Other::new("not divided by beta", call.clone()).times(call.beta));
    }
    if call.grad_output.iter().any(|&g| g != 1.0) {
        add(Other::new(
            "grad_output is ignored",
            with(&|c| c.grad_output = vec![1.0]),
        ));
        if call.grad_output.len() > 1 {
            let first = |c: &mut Call| c.grad_output.truncate(1);
            add(Other::new(
                "every grad_output is taken to be the first",
                with(&first),
            ));
        }
    }

    // Reductions.
    if !function.is_activation() {
        let sum = with(&|c| c.reduction = Reduction::Sum);
        let own = divisor_in_words(call);
        match call.reduction {
            Reduction::Mean => {
                add(Other::new(
                    format!("not divided by {own}, a sum"),
                    sum.clone(),
                ));
                for (divisor, words) in divisors(call) {
                    if words != own && divisor != 0.0 {
                        let words = format!("divided by {words}, {divisor}, instead of {own}");
                        add(Other::new(words, sum.clone()).times(1.0 / divisor));
                    }
                }
            }
            Reduction::Sum | Reduction::None => {
                let what = if call.reduction == Reduction::Sum {
                    "the sum"
                } else {
                    "no reduction"
                };
                for (divisor, words) in divisors(call) {
                    if divisor != 0.0 {
                        let words = format!("divided by {words}, {divisor}, instead of {what}");
                        add(Other::new(words, call.clone()).times(1.0 / divisor));
                    }
                }
            }
        }
    }

    // Factors.
    add(Other::new("the sign is the opposite", call.clone()).times(-1.0));
    add(Other::new("half of what is due", call.clone()).times(0.5));
    add(Other::new("twice what is due", call.clone()).times(2.0));
    if !matches!(
        function,
        Function::MseLoss | Function::Sigmoid | Function::Softmax | Function::NllLoss
    ) {
        let base = "the logarithm is to the base";
        add(Other::new(format!("{base} 2"), call.clone()).times(std::f64::consts::LOG2_E));
        add(Other::new(format!("{base} 10"), call.clone()).times(std::f64::consts::LOG10_E));
    }

    // Another function in its place.
    let instead = |function: Function| with(&|c| c.function = function);
    match function {
        Function::Sigmoid => add(Other::new(
            "logsigmoid instead of sigmoid",
            instead(Function::LogSigmoid),
        )),
        Function::LogSigmoid => {
            add(Other::new(
                "sigmoid instead of its logarithm",
                instead(Function::Sigmoid),
            ));
            add(Other::new(
                "softplus instead of logsigmoid",
                instead(Function::Softplus),
            ));
        }
        Function::Softmax => {
            add(Other::new(
                "log_softmax instead of softmax",
                instead(Function::LogSoftmax),
            ));
        }
        Function::LogSoftmax => {
            add(Other::new(
                "softmax instead of its logarithm",
                instead(Function::Softmax),
            ));
        }
        Function::BinaryCrossEntropy => add(Other::new(
            "the input is taken for logits, not for probabilities",
            instead(Function::BinaryCrossEntropyWithLogits),
        )),
        Function::BinaryCrossEntropyWithLogits => {
            if call.input.iter().all(|x| (0.0..=1.0).contains(x)) && call.pos_weight.is_none() {
                let words = "the input is taken for probabilities, not for logits";
                add(Other::new(words, instead(Function::BinaryCrossEntropy)));
            }
            add(after(call, Function::Sigmoid, "the sigmoid is taken twice"));
        }
        Function::NllLoss => add(Other::new(
            "the input is taken for logits, not for log-probabilities",
            instead(Function::CrossEntropy),
        )),
        Function::CrossEntropy => {
            add(after(call, Function::Softmax, "the softmax is taken twice"));
            if e == 0.0 && matches!(call.target, Target::Classes(_)) {
                let words = "the input is taken for log-probabilities, not for logits";
                add(Other::new(words, instead(Function::NllLoss)));
            }
        }
        _ => {}
    }
    if matches!(function, Function::Softmax | Function::LogSoftmax) {
        for dim in (0..call.shape.len()).filter(|&dim| dim != call.dim) {
            let words = format!("over dimension {dim} instead of {}", call.dim);
            add(Other::new(words, call.clone().dim(dim)));
        }
    }
    others
}

/// The call on what an activation makes of its input.
fn after(call: &Call, activation: Function, words: &str) -> Other {
    let mut first = Call::new(activation, &call.shape, &call.input);
    if activation == Function::Softmax {
        first.dim = usize::from(call.shape.len() > 1);
    }
    let mut second = call.clone();
    second.input = oracle::forward(&first, PREC)
        .iter()
        .map(approximate)
        .collect();
    Other {
        through: Some(first),
        ..Other::new(words, second)
    }
}
