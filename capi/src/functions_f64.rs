//! The functions of `double`, in C's words, and what their options and partial results look like: all but the losses of elements,
//! which `losses_f64.rs` has.
//!
//! The file of `double` is the other one with the type's name changed, by `tests/header.rs`: change the other.

use crate::call::{
    Options, activation, activation_gradient, along, call, classes, flat, metric, reduction,
};
use crate::library::*;
use crate::memory::{Failure, Memory};
use crate::partial::{self, Storage};
use crate::status::*;
use core::ptr::{null, null_mut};
use trueloss::device::NUMBERS;
use trueloss::{CrossEntropy, LogSigmoid, LogSoftmax, Nll, Sigmoid, Softmax, Softplus};

/// Options of nll. The default, which a NULL in their place stands for, is
/// TRUELOSS_NLL_OPTIONS_DEFAULT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_nll_options_f64 {
    /// A weight for each class; NULL for none.
    pub weight: *const f64,
    /// How many numbers `weight` has.
    pub weight_len: usize,
    /// The label of rows that don't count: -100 by default. It may be one of the classes.
    pub ignore_index: i64,
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

impl Default for trueloss_nll_options_f64 {
    fn default() -> Self {
        Self {
            weight: null(),
            weight_len: 0,
            ignore_index: -100,
            reduction: TRUELOSS_REDUCTION_MEAN,
            error: null_mut(),
        }
    }
}

impl<'a> Options<'a> for trueloss_nll_options_f64 {
    type Loss = Nll<'a, f64>;

    fn error(&self) -> *mut trueloss_error {
        self.error
    }

    unsafe fn loss(&self, _: [f64; NUMBERS], memory: &mut Memory) -> Result<Self::Loss, Failure> {
        let mut loss = Nll::new()
            .reduction(reduction(self.reduction)?)
            .ignore_index(self.ignore_index);
        // SAFETY: the caller's promise.
        let weight =
            unsafe { memory.optional(TRUELOSS_ARGUMENT_WEIGHT, self.weight, self.weight_len) }?;
        if let Some(weight) = weight {
            loss = loss.weight(weight);
        }
        Ok(loss)
    }
}

/// The default options of nll, as TRUELOSS_NLL_OPTIONS_DEFAULT has them.
#[unsafe(no_mangle)]
pub extern "C" fn trueloss_nll_options_default_f64() -> trueloss_nll_options_f64 {
    trueloss_nll_options_f64::default()
}

/// Options of cross_entropy. The default, which a NULL in their place stands for, is
/// TRUELOSS_CROSS_ENTROPY_OPTIONS_DEFAULT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_cross_entropy_options_f64 {
    /// A weight for each class; NULL for none.
    pub weight: *const f64,
    /// How many numbers `weight` has.
    pub weight_len: usize,
    /// The label of rows that don't count: -100 by default. It may be one of the classes. Class
    /// probabilities have none.
    pub ignore_index: i64,
    /// How much of the target, from 0 to 1, is spread evenly over all classes.
    pub label_smoothing: f64,
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

impl Default for trueloss_cross_entropy_options_f64 {
    fn default() -> Self {
        Self {
            weight: null(),
            weight_len: 0,
            ignore_index: -100,
            label_smoothing: 0.0,
            reduction: TRUELOSS_REDUCTION_MEAN,
            error: null_mut(),
        }
    }
}

impl<'a> Options<'a> for trueloss_cross_entropy_options_f64 {
    type Loss = CrossEntropy<'a, f64>;

    fn error(&self) -> *mut trueloss_error {
        self.error
    }

    unsafe fn loss(&self, _: [f64; NUMBERS], memory: &mut Memory) -> Result<Self::Loss, Failure> {
        let mut loss = CrossEntropy::new()
            .reduction(reduction(self.reduction)?)
            .ignore_index(self.ignore_index)
            .label_smoothing(self.label_smoothing);
        // SAFETY: the caller's promise.
        let weight =
            unsafe { memory.optional(TRUELOSS_ARGUMENT_WEIGHT, self.weight, self.weight_len) }?;
        if let Some(weight) = weight {
            loss = loss.weight(weight);
        }
        Ok(loss)
    }
}

/// The default options of cross_entropy, as TRUELOSS_CROSS_ENTROPY_OPTIONS_DEFAULT has them.
#[unsafe(no_mangle)]
pub extern "C" fn trueloss_cross_entropy_options_default_f64() -> trueloss_cross_entropy_options_f64
{
    trueloss_cross_entropy_options_f64::default()
}

/// Negative log-likelihood of log-probabilities: the loss of a row x with label y is -w_y x_y.
///
/// `input` has a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK); `target` has a class index
/// for each row, so the same shape without C. `*loss` gets one number, the mean or the sum; the
/// mean divides by the sum of the w_y. `options` may be NULL.
///
/// Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
/// TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C;
/// TRUELOSS_ERROR_LENGTH and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is
/// not finite.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_nll_forward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_nll_options_f64,
    loss: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward(loss) }
}

/// The loss of each row, as `trueloss_nll_forward_f64` has it before the reduction: `losses` gets
/// one number for each row.
///
/// Errors: as for `trueloss_nll_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_nll_forward_each_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_nll_options_f64,
    losses: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward_each(losses) }
}

/// The gradient of what `trueloss_nll_forward_f64` gives with respect to the input, times
/// `grad_output`: -w_y g at the label, 0 elsewhere. `grad_input` gets as many numbers as `input`
/// has.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_nll_backward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_nll_options_f64,
    grad_output: f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).backward(grad_output, grad_input) }
}

/// The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
/// each row. `grad_input` gets as many numbers as `input` has.
///
/// Errors: as for `trueloss_nll_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_nll_backward_each_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_nll_options_f64,
    grad_output: *const f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(classes(input, shape, rank), target, options).backward_each(grad_output, grad_input)
    }
}

/// Both `trueloss_nll_forward_f64` and `trueloss_nll_backward_f64` with a `grad_output` of 1: the
/// same bits, in one call.
///
/// Errors: as for `trueloss_nll_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_nll_forward_backward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_nll_options_f64,
    loss: *mut f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these rows, `start` of which come before them.
/// The reduction does not matter yet.
///
/// Errors: as for `trueloss_nll_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
/// not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
/// size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_nll_partial_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_nll_options_f64,
    start: usize,
    partial: *mut trueloss_partial_f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).partial(start, partial) }
}

/// Cross-entropy of logits, with class indices: the loss of a row x with label y is w_y (ln sum_i
/// exp(x_i) - x_y), and with label smoothing e it is (1 - e) times that + e/C sum_j w_j (ln sum_i
/// exp(x_i) - x_j).
///
/// `input` has a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK); `target` has a class index
/// for each row, so the same shape without C. `*loss` gets one number, the mean or the sum; the
/// mean divides by the sum of the w_y. `options` may be NULL.
///
/// Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
/// TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C;
/// TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a label smoothing outside [0, 1]; TRUELOSS_ERROR_LENGTH
/// and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is not finite.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_forward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_cross_entropy_options_f64,
    loss: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward(loss) }
}

/// The loss of each row, as `trueloss_cross_entropy_forward_f64` has it before the reduction:
/// `losses` gets one number for each row.
///
/// Errors: as for `trueloss_cross_entropy_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_forward_each_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_cross_entropy_options_f64,
    losses: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward_each(losses) }
}

/// The gradient of what `trueloss_cross_entropy_forward_f64` gives with respect to the input, times
/// `grad_output`: without label smoothing w_y (p_j - [j = y]) g with p = softmax(x). `grad_input`
/// gets as many numbers as `input` has.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_backward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_cross_entropy_options_f64,
    grad_output: f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).backward(grad_output, grad_input) }
}

/// The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
/// each row. `grad_input` gets as many numbers as `input` has.
///
/// Errors: as for `trueloss_cross_entropy_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_backward_each_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_cross_entropy_options_f64,
    grad_output: *const f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(classes(input, shape, rank), target, options).backward_each(grad_output, grad_input)
    }
}

/// Both `trueloss_cross_entropy_forward_f64` and `trueloss_cross_entropy_backward_f64` with a
/// `grad_output` of 1: the same bits, in one call.
///
/// Errors: as for `trueloss_cross_entropy_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_forward_backward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_cross_entropy_options_f64,
    loss: *mut f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these rows, `start` of which come before them.
/// The reduction does not matter yet.
///
/// Errors: as for `trueloss_cross_entropy_forward_f64`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where
/// `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has
/// more than a size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_partial_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    options: *const trueloss_cross_entropy_options_f64,
    start: usize,
    partial: *mut trueloss_partial_f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).partial(start, partial) }
}

/// Cross-entropy of logits, with class probabilities q: the loss of a row x is sum_j v_j (ln sum_i
/// exp(x_i) - x_j), with v_j = w_j ((1 - e) q_j + e/C) and label smoothing e.
///
/// `input` and `target` have a `shape` of `rank` sizes: (C), (N, C) or (N, C, d1..dK). The targets
/// are finite; they are not normalised, nor checked to be. `*loss` gets one number, the mean or the
/// sum; the mean divides by the count of rows. `options` may be NULL.
///
/// Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
/// TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_NOT_FINITE for a target that is not finite;
/// TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a label smoothing outside [0, 1]; TRUELOSS_ERROR_LENGTH
/// and TRUELOSS_ERROR_NOT_FINITE for a weight that has not C entries or is not finite.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_forward_probabilities_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const f64,
    options: *const trueloss_cross_entropy_options_f64,
    loss: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward(loss) }
}

/// The loss of each row, as `trueloss_cross_entropy_forward_probabilities_f64` has it before the
/// reduction: `losses` gets one number for each row.
///
/// Errors: as for `trueloss_cross_entropy_forward_probabilities_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_forward_each_probabilities_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const f64,
    options: *const trueloss_cross_entropy_options_f64,
    losses: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward_each(losses) }
}

/// The gradient of what `trueloss_cross_entropy_forward_probabilities_f64` gives with respect to
/// the input, times `grad_output`: (V p_j - v_j) g with p = softmax(x) and V the sum of the v_j.
/// `grad_input` gets as many numbers as `input` has.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_backward_probabilities_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const f64,
    options: *const trueloss_cross_entropy_options_f64,
    grad_output: f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).backward(grad_output, grad_input) }
}

/// The gradient of each row's loss, times that row's own `grad_output`, of which there is one for
/// each row. `grad_input` gets as many numbers as `input` has.
///
/// Errors: as for `trueloss_cross_entropy_forward_probabilities_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_backward_each_probabilities_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const f64,
    options: *const trueloss_cross_entropy_options_f64,
    grad_output: *const f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(classes(input, shape, rank), target, options).backward_each(grad_output, grad_input)
    }
}

/// Both `trueloss_cross_entropy_forward_probabilities_f64` and
/// `trueloss_cross_entropy_backward_probabilities_f64` with a `grad_output` of 1: the same bits, in
/// one call.
///
/// Errors: as for `trueloss_cross_entropy_forward_probabilities_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_forward_backward_probabilities_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const f64,
    options: *const trueloss_cross_entropy_options_f64,
    loss: *mut f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these rows, `start` of which come before them.
/// The reduction does not matter yet.
///
/// Errors: as for `trueloss_cross_entropy_forward_probabilities_f64`;
/// TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is not a multiple of TRUELOSS_BLOCK,
/// TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_cross_entropy_partial_probabilities_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const f64,
    options: *const trueloss_cross_entropy_options_f64,
    start: usize,
    partial: *mut trueloss_partial_f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call(classes(input, shape, rank), target, options).partial(start, partial) }
}

/// The sum over part of a batch, made by the functions named `partial`, from which the loss of the whole can be made
/// with the bits that one call over all of it gives. Partials may be copied, and kept on other threads.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_partial_f64 {
    /// Of no interest to others. Zeros are no partial, and are refused.
    pub opaque: [u64; 512],
}

impl Storage for trueloss_partial_f64 {
    type Element = f64;
}

/// Appends to `whole` the partial that follows it.
///
/// Errors: TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `whole` does not end at a multiple of
/// TRUELOSS_BLOCK, so that nothing can follow it; TRUELOSS_ERROR_NOT_ADJACENT where `next` does not
/// begin there; TRUELOSS_ERROR_NOT_A_PARTIAL. `whole` is then as before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_partial_merge_f64(
    whole: *mut trueloss_partial_f64,
    next: *const trueloss_partial_f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { partial::merge(whole, next) }
}

/// The loss of the whole batch: `*loss` gets the mean or sum, as `reduction` says
/// (TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM).
///
/// Errors: TRUELOSS_ERROR_NOT_ADJACENT where the partial does not begin at 0;
/// TRUELOSS_ERROR_NOT_A_PARTIAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_partial_finish_f64(
    partial: *const trueloss_partial_f64,
    reduction: u32,
    loss: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { partial::finish(partial, reduction, loss) }
}

/// The sigmoid of each number, sigma(x) = 1 / (1 + exp(-x)). `input` and `output` have `len`
/// numbers.
///
/// Errors: those of every function.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.sigmoid.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_sigmoid_forward_f64(
    input: *const f64,
    len: usize,
    output: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation(flat(input, len), output, |x, out| {
            Sigmoid::new().forward(x, out)
        })
    }
}

/// The derivative at each number of `input` (not of the output), times its `grad_output`: g
/// sigma(x) sigma(-x). All arrays have `len` numbers.
///
/// Errors: as for `trueloss_sigmoid_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_sigmoid_backward_f64(
    input: *const f64,
    grad_output: *const f64,
    len: usize,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation_gradient(flat(input, len), grad_output, grad_input, |x, g, out| {
            Sigmoid::new().backward(x, g, out)
        })
    }
}

/// The logarithm of the sigmoid of each number, ln sigma(x) = -ln(1 + exp(-x)). `input` and
/// `output` have `len` numbers.
///
/// Errors: those of every function.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_log_sigmoid_forward_f64(
    input: *const f64,
    len: usize,
    output: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation(flat(input, len), output, |x, out| {
            LogSigmoid::new().forward(x, out)
        })
    }
}

/// The derivative at each number of `input` (not of the output), times its `grad_output`: g
/// sigma(-x). All arrays have `len` numbers.
///
/// Errors: as for `trueloss_log_sigmoid_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_log_sigmoid_backward_f64(
    input: *const f64,
    grad_output: *const f64,
    len: usize,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation_gradient(flat(input, len), grad_output, grad_input, |x, g, out| {
            LogSigmoid::new().backward(x, g, out)
        })
    }
}

/// The softplus of each number, ln(1 + exp(beta x)) / beta. `input` and `output` have `len`
/// numbers.
///
/// Errors: TRUELOSS_ERROR_NOT_POSITIVE for a `beta` that is not positive and finite.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_softplus_forward_f64(
    input: *const f64,
    len: usize,
    beta: f64,
    output: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation(flat(input, len), output, |x, out| {
            Softplus::new().beta(beta).forward(x, out)
        })
    }
}

/// The derivative at each number of `input` (not of the output), times its `grad_output`: g
/// sigma(beta x). All arrays have `len` numbers.
///
/// Errors: as for `trueloss_softplus_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_softplus_backward_f64(
    input: *const f64,
    grad_output: *const f64,
    len: usize,
    beta: f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation_gradient(flat(input, len), grad_output, grad_input, |x, g, out| {
            Softplus::new().beta(beta).backward(x, g, out)
        })
    }
}

/// The softmax of each row, p_j = exp(x_j) / sum_i exp(x_i). `input` has a `shape` of `rank` sizes,
/// of any rank; a row lies along dimension `dim`. `output` gets as many numbers.
///
/// Errors: TRUELOSS_ERROR_DIMENSION where `dim` is not below `rank`, TRUELOSS_ERROR_NO_CLASSES
/// where its size is 0, TRUELOSS_ERROR_SHAPE_OVERFLOW.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_softmax_forward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    dim: usize,
    output: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation(along(input, shape, rank, dim), output, |x, out| {
            Softmax::new().forward(x, out)
        })
    }
}

/// The gradient with respect to `input` (not to the output): p_j (g_j - sum_i g_i p_i).
/// `grad_output` has the input's shape, and so has what `grad_input` gets.
///
/// Errors: as for `trueloss_softmax_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_softmax_backward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    dim: usize,
    grad_output: *const f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation_gradient(
            along(input, shape, rank, dim),
            grad_output,
            grad_input,
            |x, g, out| Softmax::new().backward(x, g, out),
        )
    }
}

/// The logarithm of the softmax of each row, x_j - ln sum_i exp(x_i). `input` has a `shape` of
/// `rank` sizes, of any rank; a row lies along dimension `dim`. `output` gets as many numbers.
///
/// Errors: TRUELOSS_ERROR_DIMENSION where `dim` is not below `rank`, TRUELOSS_ERROR_NO_CLASSES
/// where its size is 0, TRUELOSS_ERROR_SHAPE_OVERFLOW.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_log_softmax_forward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    dim: usize,
    output: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation(along(input, shape, rank, dim), output, |x, out| {
            LogSoftmax::new().forward(x, out)
        })
    }
}

/// The gradient with respect to `input` (not to the output): g_j - p_j sum_i g_i. `grad_output` has
/// the input's shape, and so has what `grad_input` gets.
///
/// Errors: as for `trueloss_log_softmax_forward_f64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_log_softmax_backward_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    dim: usize,
    grad_output: *const f64,
    grad_input: *mut f64,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        activation_gradient(
            along(input, shape, rank, dim),
            grad_output,
            grad_input,
            |x, g, out| LogSoftmax::new().backward(x, g, out),
        )
    }
}

/// The share of rows whose largest logit is at the label; the first of equal logits is taken. A row
/// with a NaN is wrong; of no rows it is NaN. `input` has a `shape` of `rank` sizes: (C), (N, C) or
/// (N, C, d1..dK); `target` has a class index for each row, so the same shape without C.
/// `*accuracy` gets one number; `error` may be NULL.
///
/// Errors: TRUELOSS_ERROR_DIMENSION for a rank of 0, TRUELOSS_ERROR_NO_CLASSES where C is 0,
/// TRUELOSS_ERROR_SHAPE_OVERFLOW; TRUELOSS_ERROR_CLASS_INDEX for a label outside 0..C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_accuracy_f64(
    input: *const f64,
    shape: *const usize,
    rank: usize,
    target: *const i64,
    accuracy: *mut f64,
    error: *mut trueloss_error,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        metric(
            classes(input, shape, rank),
            target,
            accuracy,
            error,
            trueloss::accuracy,
        )
    }
}

/// The share of elements where (x > 0) says what the target, 1 or not, says. A NaN is wrong; of no
/// elements it is NaN. `input` and `target` have `len` numbers, the targets between 0 and 1.
/// `*accuracy` gets one number; `error` may be NULL.
///
/// Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a target outside [0, 1] or NaN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_binary_accuracy_f64(
    input: *const f64,
    target: *const f64,
    len: usize,
    accuracy: *mut f64,
    error: *mut trueloss_error,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe {
        metric(
            flat(input, len),
            target,
            accuracy,
            error,
            trueloss::binary_accuracy,
        )
    }
}
