//! The losses as one would write them down, in `f32`, for the report to show what that costs. Nothing is
//! measured against them.

use libm::{expf, log1pf, logf};

/// -ln(softmax(x)_y): the textbook's form.
pub fn log_of_softmax(row: &[f32], label: usize) -> f32 {
    let sum: f32 = row.iter().map(|&x| expf(x)).sum();
    -logf(expf(row[label]) / sum)
}

/// ln(sum exp(x - m)) - (x_y - m), with m the largest logit: the form of most libraries, PyTorch's too.
pub fn log_of_shifted_sum(row: &[f32], label: usize) -> f32 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = row.iter().map(|&x| expf(x - max)).sum();
    logf(sum) - (row[label] - max)
}

/// -y ln(sigma(x)) - (1 - y) ln(1 - sigma(x)): the textbook's form.
pub fn log_of_sigmoid(x: f32, y: f32) -> f32 {
    let p = 1.0 / (1.0 + expf(-x));
    let term = |weight: f32, p: f32| {
        if weight == 0.0 {
            0.0
        } else {
            -weight * logf(p)
        }
    };
    term(y, p) + term(1.0 - y, 1.0 - p)
}

/// max(x, 0) - x y + ln(1 + exp(-|x|)): the form of most libraries.
pub fn max_less_product(x: f32, y: f32) -> f32 {
    x.max(0.0) - x * y + log1pf(expf(-x.abs()))
}
