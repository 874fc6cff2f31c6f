//! The formulas that are usual on such machines, in `f32` from end to end, with the crate libm.

use crate::CLASSES;
use libm::{expf, log1pf, logf};

fn mean(losses: impl ExactSizeIterator<Item = f32>) -> f32 {
    let n = losses.len() as f32;
    losses.sum::<f32>() / n
}

/// The mean of `loss` over pairs.
fn mean_of_pairs(x: &[f32], y: &[f32], loss: impl Fn(f32, f32) -> f32) -> f32 {
    mean(x.iter().zip(y).map(|(&x, &y)| loss(x, y)))
}

/// The gradient of that mean, from that of the loss of a pair.
fn gradient_of_pairs(
    x: &[f32],
    y: &[f32],
    g: f32,
    out: &mut [f32],
    slope: impl Fn(f32, f32) -> f32,
) {
    let scale = g / x.len() as f32;
    for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
        *out = slope(x, y) * scale;
    }
}

pub(crate) fn mse(x: &[f32], y: &[f32]) -> f32 {
    mean_of_pairs(x, y, |x, y| (x - y) * (x - y))
}

pub(crate) fn mse_backward(x: &[f32], y: &[f32], g: f32, out: &mut [f32]) {
    gradient_of_pairs(x, y, g, out, |x, y| 2.0 * (x - y));
}

pub(crate) fn bce(p: &[f32], y: &[f32]) -> f32 {
    mean_of_pairs(p, y, |p, y| {
        -(y * logf(p).max(-100.0) + (1.0 - y) * log1pf(-p).max(-100.0))
    })
}

pub(crate) fn bce_backward(p: &[f32], y: &[f32], g: f32, out: &mut [f32]) {
    gradient_of_pairs(p, y, g, out, |p, y| (p - y) / (p * (1.0 - p)).max(1e-12));
}

pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + expf(-x))
}

pub(crate) fn sigmoid_derivative(x: f32) -> f32 {
    let p = sigmoid(x);
    p * (1.0 - p)
}

pub(crate) fn softplus(x: f32) -> f32 {
    x.max(0.0) + log1pf(expf(-x.abs()))
}

pub(crate) fn bce_with_logits(x: &[f32], y: &[f32]) -> f32 {
    mean_of_pairs(x, y, |x, y| softplus(x) - x * y)
}

pub(crate) fn bce_with_logits_backward(x: &[f32], y: &[f32], g: f32, out: &mut [f32]) {
    gradient_of_pairs(x, y, g, out, |x, y| sigmoid(x) - y);
}

pub(crate) fn map(x: &[f32], out: &mut [f32], value: impl Fn(f32) -> f32) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = value(x);
    }
}

/// The chain rule through an activation.
pub(crate) fn chain(x: &[f32], g: &[f32], out: &mut [f32], derivative: impl Fn(f32) -> f32) {
    for ((out, &x), g) in out.iter_mut().zip(x).zip(g) {
        *out = g * derivative(x);
    }
}

fn rows<'a>(x: &'a [f32], labels: &'a [u8]) -> impl ExactSizeIterator<Item = (&'a [f32], usize)> {
    let labels = labels.iter().map(|&label| usize::from(label));
    x.chunks_exact(CLASSES).zip(labels)
}

pub(crate) fn nll(x: &[f32], labels: &[u8]) -> f32 {
    mean(rows(x, labels).map(|(x, label)| -x[label]))
}

pub(crate) fn nll_backward(labels: &[u8], g: f32, out: &mut [f32]) {
    out.fill(0.0);
    for (row, &label) in out.chunks_exact_mut(CLASSES).zip(labels) {
        row[usize::from(label)] = -g / labels.len() as f32;
    }
}

/// The largest of a row, and the sum of exp(x - max).
fn max_and_sum(x: &[f32]) -> (f32, f32) {
    let max = x.iter().fold(f32::NEG_INFINITY, |max, &x| max.max(x));
    (max, x.iter().map(|&x| expf(x - max)).sum())
}

fn log_sum_exp(x: &[f32]) -> f32 {
    let (max, sum) = max_and_sum(x);
    max + logf(sum)
}

pub(crate) fn cross_entropy(x: &[f32], labels: &[u8]) -> f32 {
    mean(rows(x, labels).map(|(x, label)| log_sum_exp(x) - x[label]))
}

/// One row of softmax: the exponentials are kept in the output. Gives log-sum-exp's two parts.
fn softmax_row(x: &[f32], out: &mut [f32]) -> (f32, f32) {
    let max = x.iter().fold(f32::NEG_INFINITY, |max, &x| max.max(x));
    let mut sum = 0.0;
    for (out, &x) in out.iter_mut().zip(x) {
        *out = expf(x - max);
        sum += *out;
    }
    for out in out {
        *out /= sum;
    }
    (max, sum)
}

pub(crate) fn cross_entropy_backward(x: &[f32], labels: &[u8], g: f32, out: &mut [f32]) {
    let scale = g / labels.len() as f32;
    for ((x, label), out) in rows(x, labels).zip(out.chunks_exact_mut(CLASSES)) {
        softmax_row(x, out);
        out[label] -= 1.0;
        for out in out {
            *out *= scale;
        }
    }
}

pub(crate) fn cross_entropy_forward_backward(x: &[f32], labels: &[u8], out: &mut [f32]) -> f32 {
    let scale = 1.0 / labels.len() as f32;
    let mut total = 0.0;
    for ((x, label), out) in rows(x, labels).zip(out.chunks_exact_mut(CLASSES)) {
        let (max, sum) = softmax_row(x, out);
        total += max + logf(sum) - x[label];
        out[label] -= 1.0;
        for out in out {
            *out *= scale;
        }
    }
    total * scale
}

pub(crate) fn softmax(x: &[f32], out: &mut [f32]) {
    for (x, out) in x.chunks_exact(CLASSES).zip(out.chunks_exact_mut(CLASSES)) {
        softmax_row(x, out);
    }
}

pub(crate) fn softmax_backward(x: &[f32], g: &[f32], out: &mut [f32]) {
    softmax(x, out);
    for (g, out) in g.chunks_exact(CLASSES).zip(out.chunks_exact_mut(CLASSES)) {
        let dot: f32 = out.iter().zip(g).map(|(p, g)| p * g).sum();
        for (out, g) in out.iter_mut().zip(g) {
            *out *= g - dot;
        }
    }
}

pub(crate) fn log_softmax(x: &[f32], out: &mut [f32]) {
    for (x, out) in x.chunks_exact(CLASSES).zip(out.chunks_exact_mut(CLASSES)) {
        let log_sum_exp = log_sum_exp(x);
        for (out, x) in out.iter_mut().zip(x) {
            *out = x - log_sum_exp;
        }
    }
}

pub(crate) fn log_softmax_backward(x: &[f32], g: &[f32], out: &mut [f32]) {
    softmax(x, out);
    for (g, out) in g.chunks_exact(CLASSES).zip(out.chunks_exact_mut(CLASSES)) {
        let sum: f32 = g.iter().sum();
        for (out, g) in out.iter_mut().zip(g) {
            *out = g - *out * sum;
        }
    }
}
