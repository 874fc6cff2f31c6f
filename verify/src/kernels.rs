//! The kernels of `trueloss`, run on a [`Call`]: the one place that knows which method answers which call.

use trueloss::{
    Bce, BceWithLogits, Classes, CrossEntropy, Element, Error, LogSigmoid, LogSoftmax, Mse, Nll,
    Sigmoid, Softmax, Softplus,
};

use crate::oracle::{Call, Function, Reduction, Target};

/// The loss (one entry), the losses (`reduction=none`: one for each element or row) or the activation's outputs, as
/// [`oracle::forward`](crate::oracle::forward) has them.
///
/// # Errors
///
/// The kernel's.
///
/// # Panics
///
/// Where the target is of a kind that the function does not take.
pub fn forward<T: Element>(call: &Call) -> Result<Vec<T>, Error> {
    Ok(run(call, Pass::Forward)?.values)
}

/// The gradient with respect to the input, times `grad_output`, as [`oracle::backward`](crate::oracle::backward) has it.
///
/// # Errors
///
/// The kernel's.
///
/// # Panics
///
/// Where the target is of a kind that the function does not take.
pub fn backward<T: Element>(call: &Call) -> Result<Vec<T>, Error> {
    Ok(run(call, Pass::Backward)?.gradients)
}

/// A reduced loss and its gradient, from one call. `grad_output` is not looked at: it is 1.
///
/// # Errors
///
/// The kernel's.
///
/// # Panics
///
/// For an activation and for `reduction=none`, which have no such method, and where the target is of a kind that the
/// function does not take.
pub fn forward_backward<T: Element>(call: &Call) -> Result<(T, Vec<T>), Error> {
    assert!(
        !call.function.is_activation() && call.reduction != Reduction::None,
        "{} with reduction={} has no forward_backward",
        call.function,
        call.reduction
    );
    let answer = run(call, Pass::Both)?;
    Ok((answer.values[0], answer.gradients))
}

/// Which methods to call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Forward,
    Backward,
    Both,
}

/// What they gave; empty where it was not asked for.
struct Answer<T> {
    values: Vec<T>,
    gradients: Vec<T>,
}

impl<T> Answer<T> {
    fn values(values: Vec<T>) -> Self {
        Answer {
            values,
            gradients: vec![],
        }
    }

    fn gradients(gradients: Vec<T>) -> Self {
        Answer {
            values: vec![],
            gradients,
        }
    }
}

/// The elements that a call's numbers were before they were widened.
fn narrow<T: Element>(numbers: &[f64]) -> Vec<T> {
    let narrow = |&x: &f64| {
        let element = T::narrow(x);
        debug_assert!(
            element.widen() == x || x.is_nan(),
            "{x:e} is not an element of the type that it is narrowed to"
        );
        element
    };
    numbers.iter().map(narrow).collect()
}

/// An activation's method of the same kind.
macro_rules! activation {
    ($activation:expr, $input:expr, $call:expr, $pass:expr) => {{
        let (activation, input, len) = ($activation, $input, $call.input.len());
        let mut out = vec![T::default(); len];
        if $pass == Pass::Forward {
            activation.forward(input, &mut out)?;
            Answer::values(out)
        } else {
            activation.backward(input, &grad_outputs($call, len), &mut out)?;
            Answer::gradients(out)
        }
    }};
}

/// A loss's method of the same kind, by the names that it has for targets of this type.
macro_rules! loss {
    (
        $loss:expr, $input:expr, $target:expr, $outputs:expr, $call:expr, $pass:expr;
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident, $forward_backward:ident
    ) => {{
        let (loss, input, target) = ($loss, $input, $target);
        let mut gradients = vec![T::default(); $call.input.len()];
        match (reduction($call), $pass) {
            (Some(reduction), Pass::Forward) => {
                Answer::values(vec![loss.reduction(reduction).$forward(input, target)?])
            }
            (Some(reduction), Pass::Backward) => {
                let grad_output = grad_outputs($call, 1)[0];
                loss.reduction(reduction)
                    .$backward(input, target, grad_output, &mut gradients)?;
                Answer::gradients(gradients)
            }
            (Some(reduction), Pass::Both) => {
                let loss = loss.reduction(reduction);
                let value = loss.$forward_backward(input, target, &mut gradients)?;
                Answer {
                    values: vec![value],
                    gradients,
                }
            }
            (None, Pass::Forward) => {
                let mut losses = vec![T::default(); $outputs];
                loss.$forward_each(input, target, &mut losses)?;
                Answer::values(losses)
            }
            (None, _) => {
                let grad_outputs = grad_outputs($call, $outputs);
                loss.$backward_each(input, target, &grad_outputs, &mut gradients)?;
                Answer::gradients(gradients)
            }
        }
    }};
    ($loss:expr, $input:expr, $target:expr, $outputs:expr, $call:expr, $pass:expr) => {
        loss!(
            $loss, $input, $target, $outputs, $call, $pass;
            forward, forward_each, backward, backward_each, forward_backward
        )
    };
}

fn reduction(call: &Call) -> Option<trueloss::Reduction> {
    match call.reduction {
        Reduction::None => None,
        Reduction::Mean => Some(trueloss::Reduction::Mean),
        Reduction::Sum => Some(trueloss::Reduction::Sum),
    }
}

/// One grad_output for each output, whether the call has as many or one for all.
fn grad_outputs<T: Element>(call: &Call, outputs: usize) -> Vec<T> {
    match call.grad_output[..] {
        [one] => vec![narrow(&[one])[0]; outputs],
        _ => narrow(&call.grad_output),
    }
}

fn run<T: Element>(call: &Call, pass: Pass) -> Result<Answer<T>, Error> {
    let input: &[T] = &narrow(&call.input);
    let weight: Option<Vec<T>> = call.weight.as_deref().map(narrow);
    let pos_weight: Option<Vec<T>> = call.pos_weight.as_deref().map(narrow);
    let values = || -> Vec<T> {
        match &call.target {
            Target::Values(target) => narrow(target),
            other => panic!(
                "{} takes targets that are numbers, not {other:?}",
                call.function
            ),
        }
    };
    // A single number is a row of one class.
    let rows = |dim| match call.shape[..] {
        [] => Classes::along(input, [1], dim),
        _ => Classes::along(input, &call.shape, dim),
    };
    Ok(match call.function {
        Function::Sigmoid => activation!(Sigmoid::new(), input, call, pass),
        Function::LogSigmoid => activation!(LogSigmoid::new(), input, call, pass),
        Function::Softplus => activation!(Softplus::new().beta(call.beta), input, call, pass),
        Function::Softmax => activation!(Softmax::new(), rows(call.dim)?, call, pass),
        Function::LogSoftmax => activation!(LogSoftmax::new(), rows(call.dim)?, call, pass),
        Function::MseLoss => loss!(Mse::new(), input, &values(), input.len(), call, pass),
        Function::BinaryCrossEntropy => {
            let mut loss = Bce::new();
            if let Some(weight) = &weight {
                loss = loss.weight(weight);
            }
            loss!(loss, input, &values(), input.len(), call, pass)
        }
        Function::BinaryCrossEntropyWithLogits => {
            let mut loss = BceWithLogits::new();
            if let Some(weight) = &weight {
                loss = loss.weight(weight);
            }
            if let Some(pos_weight) = &pos_weight {
                loss = loss.pos_weight(pos_weight);
            }
            loss!(loss, input, &values(), input.len(), call, pass)
        }
        Function::NllLoss => {
            let input = Classes::new(input, &call.shape)?;
            let mut loss = Nll::new().ignore_index(call.ignore_index);
            if let Some(weight) = &weight {
                loss = loss.weight(weight);
            }
            match &call.target {
                Target::Classes(target) => loss!(loss, input, target, input.rows(), call, pass),
                other => panic!("nll_loss takes class indices, not {other:?}"),
            }
        }
        Function::CrossEntropy => {
            let input = Classes::new(input, &call.shape)?;
            let mut loss = CrossEntropy::new()
                .ignore_index(call.ignore_index)
                .label_smoothing(call.label_smoothing);
            if let Some(weight) = &weight {
                loss = loss.weight(weight);
            }
            match &call.target {
                Target::Classes(target) => loss!(loss, input, target, input.rows(), call, pass),
                Target::Values(_) => loss!(
                    loss, input, &values(), input.rows(), call, pass;
                    forward_probabilities, forward_each_probabilities, backward_probabilities,
                    backward_each_probabilities, forward_backward_probabilities
                ),
                Target::None => panic!("cross_entropy takes a target"),
            }
        }
    })
}
