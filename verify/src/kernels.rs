//! The kernels of `trueloss`, or of another [`Library`], run on a [`Call`].

use trueloss::{Classes, Element, Error};
use trueloss_digest::call::{
    Core, Direction, ElementCall, ElementFunction, Labels, Library, RowCall, RowFunction,
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
    forward_of(&mut Core, call)
}

/// [`forward`], by any library.
///
/// # Errors
///
/// The library's. Where the call's shape has no such rows, [`Classes::along`]'s.
///
/// # Panics
///
/// As for [`forward`].
pub fn forward_of<T: Element, L: Library<T>>(
    library: &mut L,
    call: &Call,
) -> Result<Vec<T>, L::Error>
where
    L::Error: From<Error>,
{
    let direction = if is_reduced(call) {
        Direction::Forward
    } else {
        Direction::ForwardEach
    };
    let (loss, written) = run(library, call, direction)?;
    Ok(loss.map_or(written, |loss| vec![loss]))
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
    backward_of(&mut Core, call)
}

/// [`backward`], by any library.
///
/// # Errors
///
/// As for [`forward_of`].
///
/// # Panics
///
/// As for [`backward`].
pub fn backward_of<T: Element, L: Library<T>>(
    library: &mut L,
    call: &Call,
) -> Result<Vec<T>, L::Error>
where
    L::Error: From<Error>,
{
    let direction = if is_reduced(call) {
        Direction::Backward
    } else {
        Direction::BackwardEach
    };
    let (_, gradients) = run(library, call, direction)?;
    Ok(gradients)
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
    forward_backward_of(&mut Core, call)
}

/// [`forward_backward`], by any library.
///
/// # Errors
///
/// As for [`forward_of`].
///
/// # Panics
///
/// As for [`forward_backward`], and where the library returns no loss.
pub fn forward_backward_of<T: Element, L: Library<T>>(
    library: &mut L,
    call: &Call,
) -> Result<(T, Vec<T>), L::Error>
where
    L::Error: From<Error>,
{
    assert!(
        is_reduced(call),
        "{} with reduction={} has no forward_backward",
        call.function,
        call.reduction
    );
    let (loss, gradients) = run(library, call, Direction::ForwardBackward)?;
    let loss = loss.unwrap_or_else(|| panic!("{} was returned no loss", call.function));
    Ok((loss, gradients))
}

fn is_reduced(call: &Call) -> bool {
    !call.function.is_activation() && call.reduction != Reduction::None
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

/// The grad_outputs that a direction takes: one for all, or one for each output, whether the call has as many or not.
fn grad_outputs<T: Element>(call: &Call, direction: Direction, outputs: usize) -> Vec<T> {
    match (direction, &call.grad_output[..]) {
        (Direction::Backward, numbers) => narrow(&numbers[..1]),
        (Direction::BackwardEach, &[one]) => vec![narrow(&[one])[0]; outputs],
        (Direction::BackwardEach, numbers) => narrow(numbers),
        _ => vec![],
    }
}

/// Asks a library. The loss, where the direction reduces it, and what was written.
fn run<T: Element, L: Library<T>>(
    library: &mut L,
    call: &Call,
    direction: Direction,
) -> Result<(Option<T>, Vec<T>), L::Error>
where
    L::Error: From<Error>,
{
    match call.function.of_elements() {
        Some(function) => elements(library, call, function, direction),
        None => rows(library, call, direction),
    }
}

fn elements<T: Element, L: Library<T>>(
    library: &mut L,
    call: &Call,
    function: ElementFunction,
    direction: Direction,
) -> Result<(Option<T>, Vec<T>), L::Error> {
    let target: Vec<T> = match &call.target {
        _ if call.function.is_activation() => vec![],
        Target::Values(target) => narrow(target),
        other => panic!(
            "{} takes targets that are numbers, not {other:?}",
            call.function
        ),
    };
    let input: Vec<T> = narrow(&call.input);
    let weight: Option<Vec<T>> = call.weight.as_deref().map(narrow);
    let pos_weight: Option<Vec<T>> = call.pos_weight.as_deref().map(narrow);
    let grad_outputs = grad_outputs(call, direction, input.len());
    let call = ElementCall {
        function,
        direction,
        reduction: reduction(call),
        input: &input,
        target: &target,
        weight: weight.as_deref(),
        pos_weight: pos_weight.as_deref(),
        grad_output: grad_outputs.first().copied().unwrap_or(T::one()),
        grad_outputs: &grad_outputs,
        beta: call.beta,
        numbers: call.numbers,
    };
    let mut out = vec![T::default(); call.outputs()];
    let loss = library.elements(&call, &mut out)?;
    Ok((loss, out))
}

fn rows<T: Element, L: Library<T>>(
    library: &mut L,
    call: &Call,
    direction: Direction,
) -> Result<(Option<T>, Vec<T>), L::Error>
where
    L::Error: From<Error>,
{
    let (function, labels, probabilities): (_, &[i64], Vec<T>) = match (call.function, &call.target)
    {
        (Function::Softmax, _) => (RowFunction::Softmax, &[], vec![]),
        (Function::LogSoftmax, _) => (RowFunction::LogSoftmax, &[], vec![]),
        (Function::NllLoss, Target::Classes(labels)) => (RowFunction::NllLoss, labels, vec![]),
        (Function::CrossEntropy, Target::Classes(labels)) => {
            (RowFunction::CrossEntropy, labels, vec![])
        }
        (Function::CrossEntropy, Target::Values(target)) => {
            (RowFunction::CrossEntropyProbabilities, &[], narrow(target))
        }
        (function, other) => panic!("{function} does not take {other:?} as its target"),
    };
    let data: Vec<T> = narrow(&call.input);
    let shape = three_dimensions(call, &data)?;
    let outputs = if function.is_activation() {
        data.len()
    } else {
        shape[0] * shape[2]
    };
    let weight: Option<Vec<T>> = call.weight.as_deref().map(narrow);
    let grad_outputs = grad_outputs(call, direction, outputs);
    let call = RowCall {
        function,
        direction,
        reduction: reduction(call),
        data: &data,
        shape,
        labels: Labels::I64(labels),
        probabilities: &probabilities,
        weight: weight.as_deref(),
        ignore_index: call.ignore_index,
        label_smoothing: call.label_smoothing,
        grad_output: grad_outputs.first().copied().unwrap_or(T::one()),
        grad_outputs: &grad_outputs,
    };
    let mut out = vec![T::default(); call.outputs()];
    let loss = library.rows(&call, &mut out)?;
    Ok((loss, out))
}

/// The shape of a call with rows as those before the classes, the classes, and those after them.
fn three_dimensions<T: Element>(call: &Call, data: &[T]) -> Result<[usize; 3], Error> {
    let (shape, dim): (&[usize], _) = match (call.function, &call.shape[..]) {
        // A single number is a row of one class.
        (Function::Softmax | Function::LogSoftmax, []) => (&[1], call.dim),
        (Function::Softmax | Function::LogSoftmax, shape) => (shape, call.dim),
        (_, shape) => (shape, usize::from(shape.len() > 1)),
    };
    let rows = Classes::along(data, shape, dim)?;
    // Where there are no rows, the sizes beside the 0 may be so large that their product is not to be had.
    let stride = if rows.rows() == 0 {
        1
    } else {
        shape[dim + 1..].iter().product()
    };
    Ok([rows.rows() / stride, rows.classes(), stride])
}

/// Where nothing is reduced, either will do.
fn reduction(call: &Call) -> trueloss::Reduction {
    match call.reduction {
        Reduction::None | Reduction::Mean => trueloss::Reduction::Mean,
        Reduction::Sum => trueloss::Reduction::Sum,
    }
}
