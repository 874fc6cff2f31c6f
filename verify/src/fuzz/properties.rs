//! What must hold of the answers to one call.
//!
//! - A call is refused if and only if it is not legal, and then nothing is written.
//! - Methods that say the same say it in the same bits: forward and forward_backward, backward and forward_backward, a sum's
//!   gradient and those of each loss with the same `grad_output`; slices and functions of one number.
//! - An element or row has the bits it has alone, and a sum of one loss is that loss.
//! - Answers are within the bound that the table of claims has for such calls, by the oracle.
//! - A NaN has a cause: the exact value is none. That is so where there is a NaN among the numbers that the answer depends on;
//!   where a row has more than one +inf, or nothing above -inf; where a difference of infinities is asked for; and in the mean of
//!   nothing or of weights that sum to 0, or whose signs differ and which cancel to less than a rounding error. Where a `grad_output` is not finite, where one of 0 meets the infinite derivative that
//!   mse has at an infinite difference, or where numbers of `f64` leave its range on the way, nothing is promised.

use std::ops::RangeInclusive;

use trueloss::Reduction;
use trueloss_digest::call::{self, Library};

use crate::claims::{self, Direction};
use crate::generate::ElementType;
use crate::losses;
use crate::oracle::{self, Exact, Function, Value};
use crate::ulp;

use super::bounds;
use super::question::{Kind, Number, Question};

/// The precisions that answers are measured with, for types of up to 24 digits and for `f64`: few bits are quick, and a
/// value that more would be needed for, one that cancels to zero, is within every bound then, as it is far below the smallest
/// number of the type: 2^-149 and 2^-1074.
const PRECISIONS: [RangeInclusive<u32>; 2] = [64..=1024, 128..=2048];

/// Calls with more numbers are held to the laws alone: the oracle would take too long.
const MOST_FOR_THE_ORACLE: usize = 256;

/// What outputs are filled with, to see what is written to.
pub(super) fn sentinel<T: Number>() -> T {
    T::narrow(-1.0625)
}

pub(super) fn bits<T: Number>(numbers: &[T]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// A reduced loss, if any, and what was written.
pub(super) type Answer<T> = (Option<T>, Vec<T>);

/// Asks a library, and sees that a call which is refused writes nothing.
pub(super) fn answer<T: Number, L: Library<T>>(
    question: &Question<T>,
    library: &mut L,
    direction: call::Direction,
    reduction: Reduction,
    outputs: usize,
) -> Result<Answer<T>, L::Error> {
    let mut out = vec![sentinel::<T>(); outputs];
    match question.ask(library, direction, reduction, &mut out) {
        Ok(loss) => Ok((loss, out)),
        Err(error) => {
            let untouched = out.iter().all(|x| x.to_bits() == sentinel::<T>().to_bits());
            assert!(
                untouched,
                "{error}, but something was written: {out:?}\n{question:?}"
            );
            Err(error)
        }
    }
}

/// The answer to a legal call.
fn ask<T: Number, L: Library<T>>(
    question: &Question<T>,
    library: &mut L,
    direction: call::Direction,
    reduction: Reduction,
) -> Answer<T> {
    let outputs = question.outputs(direction);
    answer(question, library, direction, reduction, outputs)
        .unwrap_or_else(|error| panic!("a legal call is refused: {error}\n{question:?}"))
}

/// Holds a library to everything above, for a legal call.
pub(super) fn check<T: Number, L: Library<T>>(question: &Question<T>, library: &mut L) {
    if question.kind.is_activation() {
        activation(question, library);
    } else {
        loss(question, library);
    }
}

macro_rules! assert_same {
    ($a:expr, $b:expr, $what:expr, $question:expr) => {{
        let (a, b) = (&$a, &$b);
        assert_eq!(bits(a), bits(b), "{}: {a:?}, {b:?}\n{:?}", $what, $question);
    }};
}

fn loss<T: Number, L: Library<T>>(question: &Question<T>, library: &mut L) {
    use call::Direction::*;
    let Some(rows) = question.rows() else { return };
    let (_, losses) = ask(question, library, ForwardEach, Reduction::Sum);
    let (_, gradients) = ask(question, library, BackwardEach, Reduction::Sum);
    let judged = question.judged;
    if judged == oracle::Reduction::None {
        within_bounds(question, judged, Direction::Forward, &losses);
        within_bounds(question, judged, Direction::Gradient, &gradients);
    }
    for reduction in [Reduction::Mean, Reduction::Sum] {
        let (forward, _) = ask(question, library, Forward, reduction);
        let (both, both_gradients) = ask(question, library, ForwardBackward, reduction);
        assert_same!(
            *forward.as_slice(),
            *both.as_slice(),
            "forward_backward's loss",
            question
        );
        let unit = Question {
            grad_output: T::one(),
            ..question.clone()
        };
        let (_, of_one) = ask(&unit, library, Backward, reduction);
        assert_same!(
            of_one,
            both_gradients,
            "forward_backward's gradient",
            question
        );
        let (_, reduced) = ask(question, library, Backward, reduction);
        let of_oracle = match reduction {
            Reduction::Mean => oracle::Reduction::Mean,
            _ => oracle::Reduction::Sum,
        };
        if judged == of_oracle {
            within_bounds(question, judged, Direction::Forward, forward.as_slice());
            within_bounds(question, judged, Direction::Gradient, &reduced);
        }
        if reduction == Reduction::Sum {
            let alike = Question {
                grad_outputs: vec![question.grad_output; rows],
                ..question.clone()
            };
            let (_, each) = ask(&alike, library, BackwardEach, reduction);
            assert_same!(reduced, each, "gradients of a sum and of each", question);
        }
    }
    for row in (0..rows).take(16) {
        let alone = question.alone(row);
        let (_, loss) = ask(&alone, library, ForwardEach, Reduction::Sum);
        assert_same!(loss, losses[row..=row], "a loss alone", question);
        let (_, gradient) = ask(&alone, library, BackwardEach, Reduction::Sum);
        let among: Vec<T> = question.places(row).iter().map(|&i| gradients[i]).collect();
        assert_same!(gradient, among, "a gradient alone", question);
        let (sum, _) = ask(&alone, library, Forward, Reduction::Sum);
        // As numbers: a sum begins with +0, so that one of -0 is +0.
        let is_same = sum.is_some_and(|sum| sum.is_same(loss[0]));
        assert!(is_same, "a sum of one: {sum:?}, {loss:?}\n{question:?}");
    }
}

fn activation<T: Number, L: Library<T>>(question: &Question<T>, library: &mut L) {
    use call::Direction::{BackwardEach, ForwardEach};
    let (_, values) = ask(question, library, ForwardEach, Reduction::Sum);
    let (_, gradients) = ask(question, library, BackwardEach, Reduction::Sum);
    within_bounds(
        question,
        oracle::Reduction::None,
        Direction::Forward,
        &values,
    );
    within_bounds(
        question,
        oracle::Reduction::None,
        Direction::Gradient,
        &gradients,
    );
    for row in (0..question.rows().unwrap_or(0)).take(16) {
        let alone = question.alone(row);
        let take =
            |from: &[T]| -> Vec<T> { question.places(row).iter().map(|&i| from[i]).collect() };
        let (_, value) = ask(&alone, library, ForwardEach, Reduction::Sum);
        assert_same!(value, take(&values), "a value alone", question);
        let (_, gradient) = ask(&alone, library, BackwardEach, Reduction::Sum);
        assert_same!(gradient, take(&gradients), "a gradient alone", question);
    }
    let Kind::Elements(function) = question.kind else {
        return;
    };
    let [one_by_one, one_by_one_derivatives] = [ForwardEach, BackwardEach].map(|direction| {
        let call = question.elements(function, direction, Reduction::Sum);
        let mut out = vec![sentinel::<T>(); question.input.len()];
        library
            .one_by_one(&call, &mut out)
            .unwrap_or_else(|error| panic!("{error}\n{question:?}"));
        out
    });
    assert_same!(one_by_one, values, "one by one", question);
    let unit = Question {
        grad_outputs: vec![T::one(); question.input.len()],
        ..question.clone()
    };
    let (_, derivatives) = ask(&unit, library, BackwardEach, Reduction::Sum);
    assert_same!(
        one_by_one_derivatives,
        derivatives,
        "derivatives one by one",
        question
    );
    if function == call::ElementFunction::LogSigmoid {
        let softplus = Question {
            kind: Kind::Elements(call::ElementFunction::Softplus),
            input: question.input.iter().map(|&x| -x).collect(),
            beta: 1.0,
            ..question.clone()
        };
        let (_, softplus) = ask(&softplus, library, ForwardEach, Reduction::Sum);
        let negated: Vec<T> = softplus.iter().map(|&x| -x).collect();
        assert_same!(values, negated, "log_sigmoid(x) = -softplus(-x)", question);
    }
}

/// Answers to a legal call are what the table of claims promises. Where it promises nothing, a NaN has a cause still.
fn within_bounds<T: Number>(
    question: &Question<T>,
    reduction: oracle::Reduction,
    direction: Direction,
    got: &[T],
) {
    if question.input.len() > MOST_FOR_THE_ORACLE {
        return;
    }
    let call = question.exact(reduction);
    if direction == Direction::Gradient && call.grad_output.iter().any(|g| !g.is_finite())
        || T::TYPE == ElementType::F64 && !bounds::in_range(&call, direction)
        || claims::divisor_cancels(&call)
    {
        return;
    }
    let exact = |prec| match direction {
        Direction::Forward => oracle::forward(&call, prec),
        Direction::Gradient => oracle::backward(&call, prec),
    };
    let Some(bound) = bounds::promised(&call, T::TYPE, direction) else {
        for (got, Exact { value, .. }) in got.iter().zip(exact(ulp::FIRST_PREC)) {
            // An enclosure without bounds may hide that there is no value.
            let is_known = value.number().is_none_or(|number| number.is_bounded());
            let is_nan = matches!(value, Value::Nan);
            assert!(
                !is_known || got.is_nan() == is_nan,
                "{got:?} for {value:?}\n{call:?}"
            );
        }
        return;
    };
    // A bound of 0.5 means correctly rounded, which is a matter of its own.
    let judged = if bound.ulp == 0.5 {
        ulp::judge(got, exact)
    } else {
        let [of_few, of_many] = PRECISIONS;
        let precisions = if T::MANTISSA_BITS > 24 {
            of_many
        } else {
            of_few
        };
        ulp::measure_within(got, precisions, exact)
    };
    for (i, (got, judged)) in got.iter().zip(&judged).enumerate() {
        assert!(
            judged.within(bound.ulp, bound.terms),
            "{} {} {} of {}: {got:?}, exact {:e}, {} ULP, promised {bound}\n{call:?}",
            T::TYPE.name(),
            direction.name(),
            claims::describe(&call, direction, i),
            call.function,
            judged.exact,
            judged.ulp,
        );
    }
}

/// Whether a call is legal, of this direction and with as many outputs: `semantics` in one place, beside the errors of
/// core.
pub(super) fn is_legal<T: Number>(
    question: &Question<T>,
    direction: call::Direction,
    outputs: usize,
) -> bool {
    let len = question.input.len();
    let Some(rows) = question.rows() else {
        return false;
    };
    let finite = |numbers: &[T]| numbers.iter().all(|x| x.is_finite());
    let smoothing = (0.0..=1.0).contains(&question.label_smoothing);
    let target = question.target.len() == len;
    let broadcasts = |weight: &Option<Vec<T>>| {
        let fits = |weight: &Vec<T>| match weight.len() {
            0 => len == 0,
            n => len.is_multiple_of(n) && finite(weight),
        };
        weight.as_ref().is_none_or(fits)
    };
    let [outer, classes, stride] = question.shape;
    let a_class = question
        .weight
        .as_ref()
        .is_none_or(|weight| weight.len() == classes && finite(weight));
    let labels = || {
        question.labels.len() == rows
            && question.labels.iter().all(|&label| {
                label == question.ignore_index
                    || usize::try_from(label).is_ok_and(|label| label < classes)
            })
    };
    let is_shape = || {
        let sizes = [outer, classes, stride].map(|size| size as u128);
        classes > 0 && sizes.into_iter().fold(1, u128::saturating_mul) == len as u128
    };
    let arguments = match (question.kind, question.kind.function()) {
        (Kind::Elements(_), function) => match function {
            Function::Softplus => question.beta > 0.0 && question.beta.is_finite(),
            _ => function.arguments().is_none_or(|of| {
                let within = |domain, numbers: &[T]| {
                    let mut numbers = numbers.iter();
                    numbers.all(|x| oracle::contains(domain, x.widen()))
                };
                target
                    && within(of.input, &question.input)
                    && within(of.target, &question.target)
                    && (!of.weight || broadcasts(&question.weight))
                    && (!of.pos_weight || broadcasts(&question.pos_weight))
                    && losses::of(function).are_legal(question.numbers)
            }),
        },
        (Kind::Rows(_), function) => {
            is_shape()
                && match function {
                    Function::NllLoss => a_class && labels(),
                    Function::CrossEntropy if question.kind.takes_labels() => {
                        a_class && smoothing && labels()
                    }
                    Function::CrossEntropy => {
                        a_class && smoothing && target && finite(&question.target)
                    }
                    _ => true,
                }
        }
    };
    let grads = match direction {
        call::Direction::BackwardEach if question.kind.is_activation() => {
            question.grad_outputs.len() == len
        }
        call::Direction::BackwardEach => question.grad_outputs.len() == rows,
        _ => true,
    };
    let written = direction == call::Direction::Forward || outputs == question.outputs(direction);
    arguments && grads && written
}
