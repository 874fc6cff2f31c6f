//! The functions of the losses of elements for `float`, and their options where they have weights.
//!
//! Written by tests/header.rs from core's list of losses; a change made here is lost.

use crate::call::{call_with, flat, options_of_elements};
use crate::functions_f32::trueloss_partial_f32;
use crate::losses::*;
use crate::status::*;

/// Options of bce. All zeros, or a NULL in their place, are the default: the mean, unweighted.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_bce_options_f32 {
    /// Factors for the elements' losses, which broadcast over trailing dimensions: their count
    /// divides the input's. NULL for none.
    pub weight: *const f32,
    /// How many numbers `weight` has.
    pub weight_len: usize,
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
    /// do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

options_of_elements!(trueloss_bce_options_f32 of f32: trueloss::Bce<'a, f32>; weight weight_len);

/// Options of bce_with_logits. All zeros, or a NULL in their place, are the default: the mean,
/// unweighted.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_bce_with_logits_options_f32 {
    /// Factors for the elements' losses, which broadcast over trailing dimensions: their count
    /// divides the input's. NULL for none.
    pub weight: *const f32,
    /// How many numbers `weight` has.
    pub weight_len: usize,
    /// Factors for the loss of the positive class, which broadcast likewise. NULL for none.
    pub pos_weight: *const f32,
    /// How many numbers `pos_weight` has.
    pub pos_weight_len: usize,
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
    /// do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

options_of_elements!(trueloss_bce_with_logits_options_f32 of f32: trueloss::BceWithLogits<'a, f32>; weight weight_len pos_weight pos_weight_len);

/// Mean squared error: the loss of an element is (x - y)^2.
///
/// `input` and `target` have `len` numbers. `*loss` gets one number, the mean or the sum; the mean
/// divides by `len`. `options` may be NULL.
///
/// Errors: those of every function.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_mse_forward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_mse_options,
    loss: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward(loss) }
}

/// The loss of each element, as `trueloss_mse_forward_f32` has it before the reduction: `losses`
/// gets `len` numbers.
///
/// Errors: as for `trueloss_mse_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_mse_forward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_mse_options,
    losses: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward_each(losses) }
}

/// The gradient of what `trueloss_mse_forward_f32` gives with respect to the input, times
/// `grad_output`: 2 (x - y) g. `grad_input` gets `len` numbers.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_mse_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_mse_options,
    grad_output: f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).backward(grad_output, grad_input) }
}

/// The gradient of each element's loss, times that element's own `grad_output`, of which there are
/// `len`. `grad_input` gets `len` numbers.
///
/// Errors: as for `trueloss_mse_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_mse_backward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_mse_options,
    grad_output: *const f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).backward_each(grad_output, grad_input) }
}

/// Both `trueloss_mse_forward_f32` and `trueloss_mse_backward_f32` with a `grad_output` of 1: the
/// same bits, in one call.
///
/// Errors: as for `trueloss_mse_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_mse_forward_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_mse_options,
    loss: *mut f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these elements, `start` of which come before
/// them. The reduction does not matter yet.
///
/// Errors: as for `trueloss_mse_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
/// not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
/// size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_mse_partial_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_mse_options,
    start: usize,
    partial: *mut trueloss_partial_f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).partial(start, partial) }
}

/// Binary cross-entropy of probabilities: the loss of an element is w (-y max(ln x, -100) - (1 - y)
/// max(ln(1 - x), -100)).
///
/// `input` and `target` have `len` numbers between 0 and 1. `*loss` gets one number, the mean or
/// the sum; the mean divides by `len`. `options` may be NULL.
///
/// Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for an input or target outside [0, 1] or NaN;
/// TRUELOSS_ERROR_BROADCAST and TRUELOSS_ERROR_NOT_FINITE for a weight that does not fit or is not
/// finite.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_forward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_options_f32,
    loss: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward(loss) }
}

/// The loss of each element, as `trueloss_bce_forward_f32` has it before the reduction: `losses`
/// gets `len` numbers.
///
/// Errors: as for `trueloss_bce_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_forward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_options_f32,
    losses: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward_each(losses) }
}

/// The gradient of what `trueloss_bce_forward_f32` gives with respect to the input, times
/// `grad_output`: w (x - y) / max(x (1 - x), 1e-12) g. `grad_input` gets `len` numbers.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_options_f32,
    grad_output: f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).backward(grad_output, grad_input) }
}

/// The gradient of each element's loss, times that element's own `grad_output`, of which there are
/// `len`. `grad_input` gets `len` numbers.
///
/// Errors: as for `trueloss_bce_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_backward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_options_f32,
    grad_output: *const f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).backward_each(grad_output, grad_input) }
}

/// Both `trueloss_bce_forward_f32` and `trueloss_bce_backward_f32` with a `grad_output` of 1: the
/// same bits, in one call.
///
/// Errors: as for `trueloss_bce_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_forward_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_options_f32,
    loss: *mut f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these elements, `start` of which come before
/// them. The reduction does not matter yet.
///
/// Errors: as for `trueloss_bce_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start` is
/// not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than a
/// size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_partial_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_options_f32,
    start: usize,
    partial: *mut trueloss_partial_f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).partial(start, partial) }
}

/// Binary cross-entropy of logits: the loss of an element is w ((1 - y) softplus(x) + c y
/// softplus(-x)), where c is its pos_weight.
///
/// `input` and `target` have `len` numbers, the targets between 0 and 1. `*loss` gets one number,
/// the mean or the sum; the mean divides by `len`. `options` may be NULL.
///
/// Errors: TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for a target outside [0, 1] or NaN;
/// TRUELOSS_ERROR_BROADCAST and TRUELOSS_ERROR_NOT_FINITE for a weight that does not fit or is not
/// finite.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_with_logits_forward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_with_logits_options_f32,
    loss: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward(loss) }
}

/// The loss of each element, as `trueloss_bce_with_logits_forward_f32` has it before the reduction:
/// `losses` gets `len` numbers.
///
/// Errors: as for `trueloss_bce_with_logits_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_with_logits_forward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_with_logits_options_f32,
    losses: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward_each(losses) }
}

/// The gradient of what `trueloss_bce_with_logits_forward_f32` gives with respect to the input,
/// times `grad_output`: w ((1 - y) sigma(x) - c y sigma(-x)) g. `grad_input` gets `len` numbers.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_with_logits_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_with_logits_options_f32,
    grad_output: f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).backward(grad_output, grad_input) }
}

/// The gradient of each element's loss, times that element's own `grad_output`, of which there are
/// `len`. `grad_input` gets `len` numbers.
///
/// Errors: as for `trueloss_bce_with_logits_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_with_logits_backward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_with_logits_options_f32,
    grad_output: *const f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).backward_each(grad_output, grad_input) }
}

/// Both `trueloss_bce_with_logits_forward_f32` and `trueloss_bce_with_logits_backward_f32` with a
/// `grad_output` of 1: the same bits, in one call.
///
/// Errors: as for `trueloss_bce_with_logits_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_with_logits_forward_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_with_logits_options_f32,
    loss: *mut f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these elements, `start` of which come before
/// them. The reduction does not matter yet.
///
/// Errors: as for `trueloss_bce_with_logits_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY
/// where `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch
/// has more than a size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_bce_with_logits_partial_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_bce_with_logits_options_f32,
    start: usize,
    partial: *mut trueloss_partial_f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).partial(start, partial) }
}

/// Huber's loss: the loss of an element is with r = x - y, r^2 / 2 where |r| <= delta, and delta
/// (|r| - delta / 2) beyond.
///
/// `input` and `target` have `len` numbers. `*loss` gets one number, the mean or the sum; the mean
/// divides by `len`. `options` may be NULL.
///
/// `delta`: how large a residual may be whose square counts: a finite number above 0. PyTorch's
/// default is 1.
///
/// Errors: TRUELOSS_ERROR_NOT_POSITIVE for `delta` where it is not as above.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_huber_forward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    delta: f64,
    options: *const trueloss_huber_options,
    loss: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [delta], options).forward(loss) }
}

/// The loss of each element, as `trueloss_huber_forward_f32` has it before the reduction: `losses`
/// gets `len` numbers.
///
/// Errors: as for `trueloss_huber_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_huber_forward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    delta: f64,
    options: *const trueloss_huber_options,
    losses: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [delta], options).forward_each(losses) }
}

/// The gradient of what `trueloss_huber_forward_f32` gives with respect to the input, times
/// `grad_output`: r g where |r| <= delta, and delta g with the sign of r beyond. `grad_input` gets
/// `len` numbers.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_huber_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    delta: f64,
    options: *const trueloss_huber_options,
    grad_output: f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [delta], options).backward(grad_output, grad_input) }
}

/// The gradient of each element's loss, times that element's own `grad_output`, of which there are
/// `len`. `grad_input` gets `len` numbers.
///
/// Errors: as for `trueloss_huber_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_huber_backward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    delta: f64,
    options: *const trueloss_huber_options,
    grad_output: *const f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [delta], options).backward_each(grad_output, grad_input) }
}

/// Both `trueloss_huber_forward_f32` and `trueloss_huber_backward_f32` with a `grad_output` of 1:
/// the same bits, in one call.
///
/// Errors: as for `trueloss_huber_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_huber_forward_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    delta: f64,
    options: *const trueloss_huber_options,
    loss: *mut f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [delta], options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these elements, `start` of which come before
/// them. The reduction does not matter yet.
///
/// Errors: as for `trueloss_huber_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where `start`
/// is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has more than
/// a size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_huber_partial_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    delta: f64,
    options: *const trueloss_huber_options,
    start: usize,
    partial: *mut trueloss_partial_f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [delta], options).partial(start, partial) }
}

/// Focal loss of logits: the loss of an element is a sigma(z)^gamma softplus(z), with z = x and a =
/// 1 - alpha for y = 0, and z = -x and a = alpha for y = 1.
///
/// `input` and `target` have `len` numbers, the targets 0 or 1. `*loss` gets one number, the mean
/// or the sum; the mean divides by `len`. `options` may be NULL.
///
/// `alpha`: the weight of the positive class, from 0 to 1; that of the other is what it lacks to 1.
/// -1 is none: both weights are 1. PyTorch's default is 0.25.
///
/// `gamma`: the power of the probability of the wrong class, from 0 to 1000. PyTorch's default is
/// 2.
///
/// Errors: TRUELOSS_ERROR_NOT_HARD_LABEL for a target that is neither 0 nor 1;
/// TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for `alpha` where it is not as above;
/// TRUELOSS_ERROR_OUTSIDE_RANGE for `gamma` where it is not as above.
///
/// <https://pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_focal_with_logits_forward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    alpha: f64,
    gamma: f64,
    options: *const trueloss_focal_with_logits_options,
    loss: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [alpha, gamma], options).forward(loss) }
}

/// The loss of each element, as `trueloss_focal_with_logits_forward_f32` has it before the
/// reduction: `losses` gets `len` numbers.
///
/// Errors: as for `trueloss_focal_with_logits_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_focal_with_logits_forward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    alpha: f64,
    gamma: f64,
    options: *const trueloss_focal_with_logits_options,
    losses: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [alpha, gamma], options).forward_each(losses) }
}

/// The gradient of what `trueloss_focal_with_logits_forward_f32` gives with respect to the input,
/// times `grad_output`: a sigma(z)^gamma (gamma sigma(-z) softplus(z) + sigma(z)) g, with the sign
/// of x in z. `grad_input` gets `len` numbers.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_focal_with_logits_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    alpha: f64,
    gamma: f64,
    options: *const trueloss_focal_with_logits_options,
    grad_output: f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [alpha, gamma], options).backward(grad_output, grad_input) }
}

/// The gradient of each element's loss, times that element's own `grad_output`, of which there are
/// `len`. `grad_input` gets `len` numbers.
///
/// Errors: as for `trueloss_focal_with_logits_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_focal_with_logits_backward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    alpha: f64,
    gamma: f64,
    options: *const trueloss_focal_with_logits_options,
    grad_output: *const f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [alpha, gamma], options).backward_each(grad_output, grad_input) }
}

/// Both `trueloss_focal_with_logits_forward_f32` and `trueloss_focal_with_logits_backward_f32` with
/// a `grad_output` of 1: the same bits, in one call.
///
/// Errors: as for `trueloss_focal_with_logits_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_focal_with_logits_forward_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    alpha: f64,
    gamma: f64,
    options: *const trueloss_focal_with_logits_options,
    loss: *mut f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [alpha, gamma], options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these elements, `start` of which come before
/// them. The reduction does not matter yet.
///
/// Errors: as for `trueloss_focal_with_logits_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY
/// where `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch
/// has more than a size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_focal_with_logits_partial_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    alpha: f64,
    gamma: f64,
    options: *const trueloss_focal_with_logits_options,
    start: usize,
    partial: *mut trueloss_partial_f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [alpha, gamma], options).partial(start, partial) }
}

/// Soft margin loss: the loss of an element is softplus(-y x).
///
/// `input` and `target` have `len` numbers, the targets -1 or 1. `*loss` gets one number, the mean
/// or the sum; the mean divides by `len`. `options` may be NULL.
///
/// Errors: TRUELOSS_ERROR_NOT_SIGN for a target that is neither -1 nor 1.
///
/// <https://pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html>
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_soft_margin_forward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_soft_margin_options,
    loss: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward(loss) }
}

/// The loss of each element, as `trueloss_soft_margin_forward_f32` has it before the reduction:
/// `losses` gets `len` numbers.
///
/// Errors: as for `trueloss_soft_margin_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_soft_margin_forward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_soft_margin_options,
    losses: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward_each(losses) }
}

/// The gradient of what `trueloss_soft_margin_forward_f32` gives with respect to the input, times
/// `grad_output`: -y sigma(-y x) g. `grad_input` gets `len` numbers.
///
/// Errors: as there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_soft_margin_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_soft_margin_options,
    grad_output: f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).backward(grad_output, grad_input) }
}

/// The gradient of each element's loss, times that element's own `grad_output`, of which there are
/// `len`. `grad_input` gets `len` numbers.
///
/// Errors: as for `trueloss_soft_margin_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_soft_margin_backward_each_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_soft_margin_options,
    grad_output: *const f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).backward_each(grad_output, grad_input) }
}

/// Both `trueloss_soft_margin_forward_f32` and `trueloss_soft_margin_backward_f32` with a
/// `grad_output` of 1: the same bits, in one call.
///
/// Errors: as for `trueloss_soft_margin_forward_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_soft_margin_forward_backward_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_soft_margin_options,
    loss: *mut f32,
    grad_input: *mut f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).forward_backward(loss, grad_input) }
}

/// The part of a larger batch's loss that comes from these elements, `start` of which come before
/// them. The reduction does not matter yet.
///
/// Errors: as for `trueloss_soft_margin_forward_f32`; TRUELOSS_ERROR_NOT_ON_BLOCK_BOUNDARY where
/// `start` is not a multiple of TRUELOSS_BLOCK, TRUELOSS_ERROR_SHAPE_OVERFLOW where the batch has
/// more than a size_t counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trueloss_soft_margin_partial_f32(
    input: *const f32,
    target: *const f32,
    len: usize,
    options: *const trueloss_soft_margin_options,
    start: usize,
    partial: *mut trueloss_partial_f32,
) -> trueloss_status {
    // SAFETY: the caller's promise.
    unsafe { call_with(flat(input, len), target, [], options).partial(start, partial) }
}

/// Calls a macro with the functions of each loss: its options and their fields, the places of the options that are numbers, and
/// forward, forward_each, backward, backward_each, forward_backward and partial. For tests that call all of them.
#[doc(hidden)]
#[macro_export]
macro_rules! each_elementwise_function_f32 {
    ($($then:ident)::+ $(, $($more:tt)*)?) => {
        $($then)::+! {
            $($($more)*)?
            MseLoss = $crate::losses::trueloss_mse_options { reduction error }, (), [trueloss_mse_forward_f32 trueloss_mse_forward_each_f32 trueloss_mse_backward_f32 trueloss_mse_backward_each_f32 trueloss_mse_forward_backward_f32 trueloss_mse_partial_f32];
            BinaryCrossEntropy = $crate::losses_f32::trueloss_bce_options_f32 { weight weight_len reduction error }, (), [trueloss_bce_forward_f32 trueloss_bce_forward_each_f32 trueloss_bce_backward_f32 trueloss_bce_backward_each_f32 trueloss_bce_forward_backward_f32 trueloss_bce_partial_f32];
            BinaryCrossEntropyWithLogits = $crate::losses_f32::trueloss_bce_with_logits_options_f32 { weight weight_len pos_weight pos_weight_len reduction error }, (), [trueloss_bce_with_logits_forward_f32 trueloss_bce_with_logits_forward_each_f32 trueloss_bce_with_logits_backward_f32 trueloss_bce_with_logits_backward_each_f32 trueloss_bce_with_logits_forward_backward_f32 trueloss_bce_with_logits_partial_f32];
            HuberLoss = $crate::losses::trueloss_huber_options { reduction error }, (0), [trueloss_huber_forward_f32 trueloss_huber_forward_each_f32 trueloss_huber_backward_f32 trueloss_huber_backward_each_f32 trueloss_huber_forward_backward_f32 trueloss_huber_partial_f32];
            SigmoidFocalLoss = $crate::losses::trueloss_focal_with_logits_options { reduction error }, (0 1), [trueloss_focal_with_logits_forward_f32 trueloss_focal_with_logits_forward_each_f32 trueloss_focal_with_logits_backward_f32 trueloss_focal_with_logits_backward_each_f32 trueloss_focal_with_logits_forward_backward_f32 trueloss_focal_with_logits_partial_f32];
            SoftMarginLoss = $crate::losses::trueloss_soft_margin_options { reduction error }, (), [trueloss_soft_margin_forward_f32 trueloss_soft_margin_forward_each_f32 trueloss_soft_margin_backward_f32 trueloss_soft_margin_backward_each_f32 trueloss_soft_margin_forward_backward_f32 trueloss_soft_margin_partial_f32];
        }
    };
}
