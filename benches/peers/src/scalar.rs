//! The usual stable formulas, one element after the other, in `f32` with the crate `libm`; sums in `f64`.

use crate::{Function, Peer, Task};
use libm::{expf, log1pf, logf};

struct Scalar {
    function: Function,
    backward: bool,
    input: Vec<f32>,
    target: Vec<f32>,
    labels: Vec<i64>,
    columns: usize,
    loss: f32,
    output: Vec<f32>,
}

pub(crate) fn prepare(task: &Task<'_>) -> Option<Box<dyn Peer>> {
    let writes = task.backward || !task.function.is_loss();
    Some(Box::new(Scalar {
        function: task.function,
        backward: task.backward,
        input: task.input.to_vec(),
        target: task.target.to_vec(),
        labels: task.labels.to_vec(),
        columns: task.columns,
        loss: 0.0,
        output: vec![0.0; if writes { task.input.len() } else { 0 }],
    }))
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + expf(-x))
}

fn softplus(x: f32) -> f32 {
    x.max(0.0) + log1pf(expf(-x.abs()))
}

impl Scalar {
    /// The mean of a loss of pairs.
    fn pairs(&mut self, value: impl Fn(f32, f32) -> f32, gradient: impl Fn(f32, f32) -> f32) {
        let n = self.input.len() as f32;
        let pairs = self.input.iter().zip(&self.target);
        let mut sum = 0.0;
        if self.backward {
            for ((&x, &y), out) in pairs.zip(&mut self.output) {
                sum += f64::from(value(x, y));
                *out = gradient(x, y) / n;
            }
        } else {
            for (&x, &y) in pairs {
                sum += f64::from(value(x, y));
            }
        }
        self.loss = (sum / f64::from(n)) as f32;
    }

    fn each(&mut self, value: impl Fn(f32) -> f32) {
        for (&x, out) in self.input.iter().zip(&mut self.output) {
            *out = value(x);
        }
    }

    fn rows(&mut self, mut each: impl FnMut(usize, &[f32], &mut [f32])) {
        let mut outputs = self.output.chunks_exact_mut(self.columns);
        for (row, x) in self.input.chunks_exact(self.columns).enumerate() {
            each(row, x, outputs.next().unwrap_or(&mut []));
        }
    }
}

fn max(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

impl Peer for Scalar {
    fn run(&mut self) {
        match self.function {
            Function::Mse => self.pairs(|x, y| (x - y) * (x - y), |x, y| 2.0 * (x - y)),
            Function::BceWithLogits => self.pairs(
                |x, y| x.max(0.0) - x * y + log1pf(expf(-x.abs())),
                |x, y| sigmoid(x) - y,
            ),
            Function::CrossEntropy => {
                let labels = std::mem::take(&mut self.labels);
                let mut sum = 0.0;
                let n = labels.len() as f32;
                self.rows(|row, x, out| {
                    let (max, label) = (max(x), labels[row] as usize);
                    let exponentials: f32 = x.iter().map(|x| expf(x - max)).sum();
                    sum += f64::from(logf(exponentials) - (x[label] - max));
                    for (x, out) in x.iter().zip(out.iter_mut()) {
                        *out = expf(x - max) / exponentials / n;
                    }
                    if let Some(out) = out.get_mut(label) {
                        *out -= 1.0 / n;
                    }
                });
                self.loss = (sum / f64::from(n)) as f32;
                self.labels = labels;
            }
            Function::Sigmoid => self.each(sigmoid),
            Function::LogSigmoid => self.each(|x| -softplus(-x)),
            Function::Softplus => self.each(softplus),
            Function::Softmax => self.rows(|_, x, out| {
                let max = max(x);
                for (x, out) in x.iter().zip(out.iter_mut()) {
                    *out = expf(x - max);
                }
                let sum: f32 = out.iter().sum();
                out.iter_mut().for_each(|out| *out /= sum);
            }),
            Function::LogSoftmax => self.rows(|_, x, out| {
                let max = max(x);
                let log = logf(x.iter().map(|x| expf(x - max)).sum());
                for (x, out) in x.iter().zip(out) {
                    *out = (x - max) - log;
                }
            }),
        }
    }

    fn read(&self) -> (f32, Vec<f32>) {
        (self.loss, self.output.clone())
    }
}
