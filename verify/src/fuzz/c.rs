//! The C interface: the same bits and the same errors as core, and no pointer followed that can be seen to be wrong.

use std::ptr::{null, null_mut};

use arbitrary::{Result, Unstructured};
use trueloss::Reduction;
use trueloss::device::NUMBERS;
use trueloss_capi::library::{TRUELOSS_REDUCTION_MEAN, TRUELOSS_REDUCTION_SUM};
use trueloss_capi::status::*;
use trueloss_capi::{functions_f32 as of_f32, functions_f64 as of_f64};
use trueloss_capi::{losses_f32, losses_f64};
use trueloss_digest::call::{Core, Direction, ElementFunction, RowFunction};

use crate::allocations;

use super::properties::{answer, bits, sentinel};
use super::question::{Kind, Number, Question, any_bits};

/// The arguments of a call as C has them. A function looks at what it takes.
pub(super) struct Arguments<T> {
    input: *const T,
    len: usize,
    shape: *const usize,
    rank: usize,
    target: *const T,
    labels: *const i64,
    /// Where they can be, options that are all defaults are a null pointer.
    null_options: bool,
    weight: *const T,
    weight_len: usize,
    pos_weight: *const T,
    pos_weight_len: usize,
    reduction: u32,
    error: *mut trueloss_error,
    ignore_index: i64,
    label_smoothing: f64,
    beta: f64,
    numbers: [f64; NUMBERS],
    grad_output: T,
    grad_outputs: *const T,
    loss: *mut T,
    out: *mut T,
}

/// An element that the C interface has.
pub(super) trait Interface: Number {
    /// Calls the function of this direction; where there is none, those that make the loss by way of a partial result.
    ///
    /// # Safety
    ///
    /// That of the interface.
    unsafe fn call(
        kind: Kind,
        direction: Option<Direction>,
        a: &Arguments<Self>,
    ) -> trueloss_status;
}

/// The functions of a loss, whose arguments begin alike.
macro_rules! loss {
    (
        [$forward:ident $forward_each:ident $backward:ident $backward_each:ident $forward_backward:ident $partial:ident]
        $of:ident $types:ident $storage:ident $finish:ident ($a:ident $direction:ident) $options:expr => $($begin:expr),+
    ) => {{
        let options = $options;
        let options = if $a.null_options { null() } else { &raw const options };
        // SAFETY: the caller's promise.
        unsafe {
            match $direction {
                Some(Direction::Forward) => $of::$forward($($begin),+, options, $a.loss),
                Some(Direction::ForwardEach) => $of::$forward_each($($begin),+, options, $a.out),
                Some(Direction::Backward) => {
                    $of::$backward($($begin),+, options, $a.grad_output, $a.out)
                }
                Some(Direction::BackwardEach) => {
                    $of::$backward_each($($begin),+, options, $a.grad_outputs, $a.out)
                }
                Some(Direction::ForwardBackward) => {
                    $of::$forward_backward($($begin),+, options, $a.loss, $a.out)
                }
                None => {
                    let mut partial = $types::$storage { opaque: [0; 512] };
                    match $of::$partial($($begin),+, options, 0, &mut partial) {
                        TRUELOSS_OK => $types::$finish(&partial, $a.reduction, $a.loss),
                        refused => refused,
                    }
                }
            }
        }
    }};
}

/// The two functions of an activation.
macro_rules! activation {
    (
        [$forward:ident $backward:ident] $of:ident ($a:ident $direction:ident)
        $($before:expr),+; $($after:expr),*
    ) => {
        // SAFETY: the caller's promise.
        unsafe {
            match $direction {
                Some(Direction::BackwardEach) => {
                    activation!(@ $of $backward $a; $($before),+; $($after),*)
                }
                _ => $of::$forward($($before),+, $($after,)* $a.out),
            }
        }
    };
    // The number of elements comes behind the gradient, the shape before it.
    (@ $of:ident $backward:ident $a:ident; $input:expr, $len:expr; $($beta:expr),*) => {
        $of::$backward($input, $a.grad_outputs, $len, $($beta,)* $a.out)
    };
    (@ $of:ident $backward:ident $a:ident; $input:expr, $shape:expr, $rank:expr, $dim:expr;) => {
        $of::$backward($input, $shape, $rank, $dim, $a.grad_outputs, $a.out)
    };
}

/// The functions of a loss of elements, by its line in the list that is made for C.
macro_rules! elements {
    (
        $of:ident $types:ident $partial:ident $finish:ident $kind:ident $direction:ident $a:ident;
        $($variant:ident = $options:path { $($field:ident)* }, ($($number:literal)*), $functions:tt;)*
    ) => {
        match $kind {
            $(ElementFunction::$variant => loss!(
                $functions $of $types $partial $finish ($a $direction)
                { use $options as Options; Options { $($field: $a.$field),* } }
                => $a.input, $a.target, $a.len $(, $a.numbers[$number])*
            ),)*
            other => unreachable!("{} is no loss", other.name()),
        }
    };
}

macro_rules! interface {
    (
        $T:ident, $of:ident, $losses:ident, $each:ident, $partial:ident, $finish:ident,
        $nll_options:ident, $cross_entropy_options:ident;
        $nll:tt $cross_entropy:tt $probabilities:tt
        $sigmoid:tt $log_sigmoid:tt $softplus:tt $softmax:tt $log_softmax:tt
    ) => {
        impl Interface for $T {
            unsafe fn call(
                kind: Kind,
                direction: Option<Direction>,
                a: &Arguments<Self>,
            ) -> trueloss_status {
                let cross_entropy = $of::$cross_entropy_options {
                    weight: a.weight,
                    weight_len: a.weight_len,
                    ignore_index: a.ignore_index,
                    label_smoothing: a.label_smoothing,
                    reduction: a.reduction,
                    error: a.error,
                };
                match kind {
                    Kind::Rows(RowFunction::NllLoss) => loss!(
                        $nll $of $of $partial $finish (a direction)
                        $of::$nll_options {
                            weight: a.weight,
                            weight_len: a.weight_len,
                            ignore_index: a.ignore_index,
                            reduction: a.reduction,
                            error: a.error,
                        }
                        => a.input, a.shape, a.rank, a.labels
                    ),
                    Kind::Rows(RowFunction::CrossEntropy) => loss!(
                        $cross_entropy $of $of $partial $finish (a direction) cross_entropy
                        => a.input, a.shape, a.rank, a.labels
                    ),
                    Kind::Rows(RowFunction::CrossEntropyProbabilities) => loss!(
                        $probabilities $of $of $partial $finish (a direction) cross_entropy
                        => a.input, a.shape, a.rank, a.target
                    ),
                    Kind::Elements(ElementFunction::Sigmoid) => {
                        activation!($sigmoid $of (a direction) a.input, a.len;)
                    }
                    Kind::Elements(ElementFunction::LogSigmoid) => {
                        activation!($log_sigmoid $of (a direction) a.input, a.len;)
                    }
                    Kind::Elements(ElementFunction::Softplus) => {
                        activation!($softplus $of (a direction) a.input, a.len; a.beta)
                    }
                    Kind::Elements(loss) => trueloss_capi::$each!(
                        elements, $losses $of $partial $finish loss direction a;
                    ),
                    Kind::Rows(RowFunction::Softmax) => {
                        activation!($softmax $of (a direction) a.input, a.shape, a.rank, 1;)
                    }
                    Kind::Rows(RowFunction::LogSoftmax) => {
                        activation!($log_softmax $of (a direction) a.input, a.shape, a.rank, 1;)
                    }
                }
            }
        }
    };
}

interface!(
    f32, of_f32, losses_f32, each_elementwise_function_f32, trueloss_partial_f32, trueloss_partial_finish_f32,
    trueloss_nll_options_f32, trueloss_cross_entropy_options_f32;
    [trueloss_nll_forward_f32 trueloss_nll_forward_each_f32 trueloss_nll_backward_f32 trueloss_nll_backward_each_f32 trueloss_nll_forward_backward_f32 trueloss_nll_partial_f32]
    [trueloss_cross_entropy_forward_f32 trueloss_cross_entropy_forward_each_f32 trueloss_cross_entropy_backward_f32 trueloss_cross_entropy_backward_each_f32 trueloss_cross_entropy_forward_backward_f32 trueloss_cross_entropy_partial_f32]
    [trueloss_cross_entropy_forward_probabilities_f32 trueloss_cross_entropy_forward_each_probabilities_f32 trueloss_cross_entropy_backward_probabilities_f32 trueloss_cross_entropy_backward_each_probabilities_f32 trueloss_cross_entropy_forward_backward_probabilities_f32 trueloss_cross_entropy_partial_probabilities_f32]
    [trueloss_sigmoid_forward_f32 trueloss_sigmoid_backward_f32] [trueloss_log_sigmoid_forward_f32 trueloss_log_sigmoid_backward_f32] [trueloss_softplus_forward_f32 trueloss_softplus_backward_f32] [trueloss_softmax_forward_f32 trueloss_softmax_backward_f32] [trueloss_log_softmax_forward_f32 trueloss_log_softmax_backward_f32]
);
interface!(
    f64, of_f64, losses_f64, each_elementwise_function_f64, trueloss_partial_f64, trueloss_partial_finish_f64,
    trueloss_nll_options_f64, trueloss_cross_entropy_options_f64;
    [trueloss_nll_forward_f64 trueloss_nll_forward_each_f64 trueloss_nll_backward_f64 trueloss_nll_backward_each_f64 trueloss_nll_forward_backward_f64 trueloss_nll_partial_f64]
    [trueloss_cross_entropy_forward_f64 trueloss_cross_entropy_forward_each_f64 trueloss_cross_entropy_backward_f64 trueloss_cross_entropy_backward_each_f64 trueloss_cross_entropy_forward_backward_f64 trueloss_cross_entropy_partial_f64]
    [trueloss_cross_entropy_forward_probabilities_f64 trueloss_cross_entropy_forward_each_probabilities_f64 trueloss_cross_entropy_backward_probabilities_f64 trueloss_cross_entropy_backward_each_probabilities_f64 trueloss_cross_entropy_forward_backward_probabilities_f64 trueloss_cross_entropy_partial_probabilities_f64]
    [trueloss_sigmoid_forward_f64 trueloss_sigmoid_backward_f64] [trueloss_log_sigmoid_forward_f64 trueloss_log_sigmoid_backward_f64] [trueloss_softplus_forward_f64 trueloss_softplus_backward_f64] [trueloss_softmax_forward_f64 trueloss_softmax_backward_f64] [trueloss_log_softmax_forward_f64 trueloss_log_softmax_backward_f64]
);

/// The numbers that a call leads to, each in an allocation of its own size, so that a sanitizer sees a read beyond it.
struct Memory<T> {
    shape: Vec<usize>,
    loss: Vec<T>,
    out: Vec<T>,
    error: Box<trueloss_error>,
}

/// What nobody writes, to see what is written to.
const NO_ERROR: trueloss_error = trueloss_error {
    status: -1,
    argument: -1,
    index: 0,
    expected: 0,
    actual: 0,
};

impl<T: Interface> Memory<T> {
    fn new(question: &Question<T>, direction: Direction) -> Self {
        Self {
            shape: question.shape.to_vec(),
            loss: vec![sentinel()],
            out: vec![sentinel(); question.outputs(direction)],
            error: Box::new(NO_ERROR),
        }
    }

    fn arguments(&mut self, question: &Question<T>, reduction: Reduction) -> Arguments<T> {
        let optional = |weight: &Option<Vec<T>>| {
            weight
                .as_ref()
                .map_or((null(), 0), |w| (w.as_ptr(), w.len()))
        };
        let (weight, weight_len) = optional(&question.weight);
        let (pos_weight, pos_weight_len) = optional(&question.pos_weight);
        Arguments {
            input: question.input.as_ptr(),
            len: question.input.len(),
            shape: self.shape.as_ptr(),
            rank: self.shape.len(),
            target: question.target.as_ptr(),
            labels: question.labels.as_ptr(),
            null_options: false,
            weight,
            weight_len,
            pos_weight,
            pos_weight_len,
            reduction: match reduction {
                Reduction::Mean => TRUELOSS_REDUCTION_MEAN,
                _ => TRUELOSS_REDUCTION_SUM,
            },
            error: &raw mut *self.error,
            ignore_index: question.ignore_index,
            label_smoothing: question.label_smoothing,
            beta: question.beta,
            numbers: question.numbers,
            grad_output: question.grad_output,
            grad_outputs: question.grad_outputs.as_ptr(),
            loss: self.loss.as_mut_ptr(),
            out: self.out.as_mut_ptr(),
        }
    }

    fn is_untouched(&self) -> bool {
        let mut all = self.loss.iter().chain(&self.out);
        all.all(|x| x.to_bits() == sentinel::<T>().to_bits())
    }
}

/// One call: as core answers it, or with a pointer or number that is wrong.
pub(super) fn check<T: Interface>(bytes: &mut Unstructured<'_>) -> Result<()> {
    let mut question = Question::<T>::legal(*bytes.choose(&Kind::all())?, bytes)?;
    let direction = if question.kind.is_activation() {
        *bytes.choose(&[Direction::ForwardEach, Direction::BackwardEach])?
    } else {
        *bytes.choose(&Direction::ALL)?
    };
    let reduction = *bytes.choose(&[Reduction::Mean, Reduction::Sum])?;
    if bytes.ratio(1, 3)? {
        return hostile(&question, direction, reduction, bytes);
    }
    if bytes.ratio(1, 3)? {
        spoil(&mut question, bytes)?;
    }
    like_core(&question, direction, reduction);
    Ok(())
}

/// Makes a number something else, and no length.
fn spoil<T: Interface>(question: &mut Question<T>, bytes: &mut Unstructured<'_>) -> Result<()> {
    let place = usize::from(bytes.arbitrary::<u8>()?);
    let number: T = any_bits(bytes)?;
    let set = |numbers: &mut Vec<T>| {
        if let Some(i) = place.checked_rem(numbers.len()) {
            numbers[i] = number;
        }
    };
    match bytes.arbitrary::<u8>()? % 8 {
        0 => set(&mut question.input),
        1 => set(&mut question.target),
        2 => question.weight.iter_mut().for_each(set),
        3 => question.pos_weight.iter_mut().for_each(set),
        4 => question.label_smoothing = any_bits(bytes)?,
        5 => question.beta = any_bits(bytes)?,
        6 => question.numbers[place % NUMBERS] = any_bits(bytes)?,
        _ => {
            if let Some(i) = place.checked_rem(question.labels.len()) {
                question.labels[i] = bytes.arbitrary()?;
            }
        }
    }
    Ok(())
}

/// The same bits as core's or the same error, which is told where it is asked for.
fn like_core<T: Interface>(question: &Question<T>, direction: Direction, reduction: Reduction) {
    let outputs = question.outputs(direction);
    let expected = answer(question, &mut Core, direction, reduction, outputs);
    let mut directions = vec![Some(direction)];
    if direction == Direction::Forward {
        directions.push(None);
    }
    let is_default = question.weight.is_none()
        && question.pos_weight.is_none()
        && question.ignore_index == -100
        && question.label_smoothing == 0.0
        && reduction == Reduction::Mean;
    for null_options in [false, true] {
        if null_options && !is_default {
            continue;
        }
        for &direction in &directions {
            let mut memory = Memory::new(question, direction.unwrap_or(Direction::Forward));
            let arguments = Arguments {
                null_options,
                ..memory.arguments(question, reduction)
            };
            let call = || {
                // SAFETY: the pointers lead to as many numbers as a call of this shape has, and outputs are nobody else's.
                unsafe { T::call(question.kind, direction, &arguments) }
            };
            let (calls, status) = allocations::within(call);
            assert_eq!(calls, 0, "the allocator was called\n{question:?}");
            match &expected {
                Ok((loss, out)) => {
                    assert_eq!(status, TRUELOSS_OK, "{direction:?}\n{question:?}");
                    let loss = loss.unwrap_or(sentinel());
                    assert_eq!(
                        bits(&memory.loss),
                        bits(&[loss]),
                        "{direction:?}\n{question:?}"
                    );
                    assert_eq!(bits(&memory.out), bits(out), "{direction:?}\n{question:?}");
                    assert_eq!(*memory.error, NO_ERROR);
                }
                Err(error) => {
                    let expected = trueloss_error::from(*error);
                    assert_eq!(status, expected.status, "{error}\n{question:?}");
                    assert!(memory.is_untouched(), "{error}\n{question:?}");
                    if !question.kind.is_activation() && !null_options {
                        assert_eq!(*memory.error, expected, "{error}\n{question:?}");
                    }
                }
            }
        }
    }
}

/// A legal call but for one pointer, length or number: refused for that, and nothing is written.
fn hostile<T: Interface>(
    question: &Question<T>,
    direction: Direction,
    reduction: Reduction,
    bytes: &mut Unstructured<'_>,
) -> Result<()> {
    fn off<P>(pointer: *const P) -> *const P {
        pointer.wrapping_byte_add(1)
    }
    let mut memory = Memory::new(question, direction);
    let good = memory.arguments(question, reduction);
    let (is_loss, of_rows) = (
        !question.kind.is_activation(),
        matches!(question.kind, Kind::Rows(_)),
    );
    let has_target = question.kind.takes_values() && good.len > 0;
    let has_labels = !question.labels.is_empty();
    let has_grads = direction == Direction::BackwardEach && !question.grad_outputs.is_empty();
    let has_out = !memory.out.is_empty();
    let returns = matches!(direction, Direction::Forward | Direction::ForwardBackward);
    let (has_input, len) = (good.len > 0, good.len);
    let is_empty_weight = question.weight.as_ref().is_none_or(Vec::is_empty);
    let of_elements = question.kind.function().arguments();
    let has_weight = is_loss && !is_empty_weight && of_elements.is_none_or(|of| of.weight);
    let huge = [usize::MAX >> 1, 1, 1];
    let overflowing = [1 << (usize::BITS / 2), 1, 1 << (usize::BITS / 2)];
    use Option::None as Nothing;
    let (applies, expected, bad) = match bytes.arbitrary::<u8>()? % 18 {
        0 => (
            has_input,
            TRUELOSS_ERROR_NULL_POINTER,
            Arguments {
                input: null(),
                ..good
            },
        ),
        1 => (
            has_target,
            TRUELOSS_ERROR_NULL_POINTER,
            Arguments {
                target: null(),
                ..good
            },
        ),
        2 => (
            has_labels,
            TRUELOSS_ERROR_NULL_POINTER,
            Arguments {
                labels: null(),
                ..good
            },
        ),
        3 => (
            has_grads,
            TRUELOSS_ERROR_NULL_POINTER,
            Arguments {
                grad_outputs: null(),
                ..good
            },
        ),
        4 => (
            has_out,
            TRUELOSS_ERROR_NULL_POINTER,
            Arguments {
                out: null_mut(),
                ..good
            },
        ),
        5 => (
            returns,
            TRUELOSS_ERROR_NULL_POINTER,
            Arguments {
                loss: null_mut(),
                ..good
            },
        ),
        6 => (
            of_rows,
            TRUELOSS_ERROR_NULL_POINTER,
            Arguments {
                shape: null(),
                ..good
            },
        ),
        7 => (
            has_weight,
            TRUELOSS_ERROR_NULL_POINTER,
            Arguments {
                weight: null(),
                ..good
            },
        ),
        8 => (
            has_input,
            TRUELOSS_ERROR_MISALIGNED,
            Arguments {
                input: off(good.input),
                ..good
            },
        ),
        9 => (
            has_target,
            TRUELOSS_ERROR_MISALIGNED,
            Arguments {
                target: off(good.target),
                ..good
            },
        ),
        10 => (
            has_labels,
            TRUELOSS_ERROR_MISALIGNED,
            Arguments {
                labels: off(good.labels),
                ..good
            },
        ),
        11 => {
            let out = off(good.out).cast_mut();
            (
                has_out,
                TRUELOSS_ERROR_MISALIGNED,
                Arguments { out, ..good },
            )
        }
        12 => {
            let out = good.input.cast_mut();
            (
                has_out && has_input,
                TRUELOSS_ERROR_OVERLAP,
                Arguments { out, ..good },
            )
        }
        13 => {
            // In the middle of the output, too.
            let loss = good.out.wrapping_add(memory.out.len() / 2);
            let both = direction == Direction::ForwardBackward && has_out;
            (both, TRUELOSS_ERROR_OVERLAP, Arguments { loss, ..good })
        }
        14 => {
            let reduction = bytes.arbitrary::<u32>()?.max(2);
            (
                is_loss,
                TRUELOSS_ERROR_REDUCTION,
                Arguments { reduction, ..good },
            )
        }
        15 => {
            // A weight that divides the length is legal whatever that is.
            let len = usize::MAX / 16 * 8 + len % 8;
            (
                !of_rows && has_input,
                TRUELOSS_ERROR_TOO_LARGE,
                Arguments { len, ..good },
            )
        }
        16 => {
            let shape = huge.as_ptr();
            (
                of_rows && has_input,
                TRUELOSS_ERROR_TOO_LARGE,
                Arguments { shape, ..good },
            )
        }
        _ => {
            let shape = overflowing.as_ptr();
            (
                of_rows,
                TRUELOSS_ERROR_SHAPE_OVERFLOW,
                Arguments { shape, ..good },
            )
        }
    };
    let Some(expected) = applies.then_some(expected).or(Nothing) else {
        return Ok(());
    };
    // SAFETY: pointers lead to what a call of this shape has, but for those that are to be refused before they are followed.
    let status = unsafe { T::call(question.kind, Some(direction), &bad) };
    assert_eq!(status, expected, "{direction:?}\n{question:?}");
    assert!(memory.is_untouched(), "{direction:?}\n{question:?}");
    if is_loss {
        assert_eq!(memory.error.status, expected, "{question:?}");
    }
    Ok(())
}
