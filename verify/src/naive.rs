//! The losses as one would write them down, in `f32`, for the report and the certificate to show what that costs. Nothing
//! is measured against them.

use libm::{expf, log1pf, logf};

use crate::oracle::{Call, Function, Target};

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

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + expf(-x))
}

/// The forms of most libraries, of a call without weights or a reduction: the losses or outputs, and the gradient.
pub fn answers(call: &Call) -> (Vec<f32>, Vec<f32>) {
    let input: Vec<f32> = call.input.iter().map(|&x| x as f32).collect();
    if call.function.has_rows() {
        return rows(call, &input);
    }
    let target = |i| match &call.target {
        Target::Values(y) => y[i] as f32,
        _ => 0.0,
    };
    let answers = input.iter().enumerate().map(|(i, &x)| {
        let y = target(i);
        match call.function {
            Function::Sigmoid => (sigmoid(x), sigmoid(x) * (1.0 - sigmoid(x))),
            Function::LogSigmoid => (-max_less_product(x, 1.0), sigmoid(-x)),
            Function::Softplus => (max_less_product(x, 0.0), sigmoid(x)),
            Function::BinaryCrossEntropyWithLogits => (max_less_product(x, y), sigmoid(x) - y),
            Function::BinaryCrossEntropy => {
                let log = |p: f32| logf(p).max(-100.0);
                let loss = -(y * log(x) + (1.0 - y) * log(1.0 - x));
                (loss, (x - y) / (x * (1.0 - x)).max(1e-12))
            }
            _ => ((x - y) * (x - y), 2.0 * (x - y)),
        }
    });
    let gradients = call.grad_output.iter().cycle();
    let scaled = answers
        .zip(gradients)
        .map(|((value, gradient), &g)| (value, gradient * g as f32));
    scaled.unzip()
}

fn rows(call: &Call, input: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut answers = (vec![], vec![]);
    for (i, row) in input.chunks_exact(call.shape[1]).enumerate() {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials = row.iter().map(|&x| expf(x - max));
        let sum: f32 = exponentials.clone().sum();
        let probabilities: Vec<f32> = exponentials.map(|e| e / sum).collect();
        let classes = 0..row.len();
        let g = |j| call.grad_output[(i * row.len() + j) % call.grad_output.len()] as f32;
        match (&call.target, call.function) {
            (Target::Classes(labels), _) => {
                let label = labels[i] as usize;
                answers.0.push(log_of_shifted_sum(row, label));
                let hit = |j| f32::from(u8::from(j == label));
                answers.1.extend(classes.map(|j| probabilities[j] - hit(j)));
            }
            (_, Function::Softmax) => {
                let sum: f32 = classes.clone().map(|j| probabilities[j] * g(j)).sum();
                answers.0.extend(&probabilities);
                answers
                    .1
                    .extend(classes.map(|j| probabilities[j] * (g(j) - sum)));
            }
            _ => {
                let total: f32 = classes.clone().map(g).sum();
                answers.0.extend(row.iter().map(|x| x - max - logf(sum)));
                answers
                    .1
                    .extend(classes.map(|j| g(j) - probabilities[j] * total));
            }
        }
    }
    answers
}
