//! Options of the losses of elements that have no weights, and the numbers of options as arguments.
//!
//! Written by tests/header.rs from core's list of losses; a change made here is lost.

use crate::call::options_of_elements;
use crate::status::{trueloss_argument, trueloss_error};

/// `delta`
pub const TRUELOSS_ARGUMENT_DELTA: trueloss_argument = 16;

/// `alpha`
pub const TRUELOSS_ARGUMENT_ALPHA: trueloss_argument = 17;

/// `gamma`
pub const TRUELOSS_ARGUMENT_GAMMA: trueloss_argument = 18;

/// Options of mse. All zeros, or a NULL in their place, are the default: the mean.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_mse_options {
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
    /// do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

options_of_elements!(trueloss_mse_options of f32: trueloss::Mse;);

/// Options of huber. All zeros, or a NULL in their place, are the default: the mean.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_huber_options {
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
    /// do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

options_of_elements!(trueloss_huber_options of f32: trueloss::Huber;);

/// Options of focal_with_logits. All zeros, or a NULL in their place, are the default: the mean.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_focal_with_logits_options {
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
    /// do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

options_of_elements!(trueloss_focal_with_logits_options of f32: trueloss::FocalWithLogits;);

/// Options of soft_margin. All zeros, or a NULL in their place, are the default: the mean.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct trueloss_soft_margin_options {
    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will
    /// do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}

options_of_elements!(trueloss_soft_margin_options of f32: trueloss::SoftMargin;);
