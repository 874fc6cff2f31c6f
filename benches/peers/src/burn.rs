//! burn: the losses of burn-nn and the activations of burn-tensor, on a backend for the CPU, gradients through autodiff.

use crate::{Function, Peer, Task};
use burn::nn::loss::{
    BinaryCrossEntropyLoss, BinaryCrossEntropyLossConfig, CrossEntropyLoss, CrossEntropyLossConfig,
    MseLoss, Reduction,
};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

struct Burn {
    function: Function,
    backward: bool,
    input: Tensor<2>,
    target: Tensor<2>,
    hard_target: Tensor<2, Int>,
    labels: Tensor<1, Int>,
    bce_with_logits: BinaryCrossEntropyLoss,
    cross_entropy: CrossEntropyLoss,
    loss: Option<Tensor<1>>,
    output: Option<Tensor<2>>,
}

/// burn advises against this backend now, and for `flex`; much of what is written about burn is about this one.
#[allow(deprecated)]
pub(crate) fn ndarray() -> Device {
    Device::ndarray()
}

pub(crate) fn prepare(task: &Task<'_>, device: Device) -> Option<Box<dyn Peer>> {
    let device = if task.backward {
        device.autodiff()
    } else {
        device
    };
    let shape = [task.rows, task.columns];
    let floats = |values: &[f32], shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device)
    };
    let input = floats(task.input, shape);
    let target = match task.function {
        Function::Mse => floats(task.target, shape),
        _ => floats(&[0.0], [1, 1]),
    };
    // burn's loss takes integers.
    let (hard, hard_shape) = match task.function {
        Function::BceWithLogits => (task.target.iter().map(|&y| y as i64).collect(), shape),
        _ => (vec![0], [1, 1]),
    };
    let (labels, labels_shape) = match task.function {
        Function::CrossEntropy => (task.labels.to_vec(), [task.rows]),
        _ => (vec![0], [1]),
    };
    Some(Box::new(Burn {
        function: task.function,
        backward: task.backward,
        input: if task.backward {
            input.require_grad()
        } else {
            input
        },
        target,
        hard_target: Tensor::from_data(TensorData::new(hard, hard_shape), &device),
        labels: Tensor::from_data(TensorData::new(labels, labels_shape), &device),
        bce_with_logits: BinaryCrossEntropyLossConfig::new()
            .with_logits(true)
            .init(&device),
        cross_entropy: CrossEntropyLossConfig::new().init(&device),
        loss: None,
        output: None,
    }))
}

impl Peer for Burn {
    fn run(&mut self) {
        // What the last call returned is freed first, as a training loop would, so that its memory can be used again.
        (self.loss, self.output) = (None, None);
        // A clone is a second reference to the same numbers.
        let input = self.input.clone();
        match self.function {
            Function::Mse => {
                let target = self.target.clone();
                self.loss = Some(MseLoss::new().forward(input, target, Reduction::Mean));
            }
            Function::BceWithLogits => {
                let target = self.hard_target.clone();
                self.loss = Some(self.bce_with_logits.forward(input, target));
            }
            Function::CrossEntropy => {
                let labels = self.labels.clone();
                self.loss = Some(self.cross_entropy.forward(input, labels));
            }
            Function::Sigmoid => self.output = Some(activation::sigmoid(input)),
            Function::LogSigmoid => self.output = Some(activation::log_sigmoid(input)),
            Function::Softplus => self.output = Some(activation::softplus(input, 1.0)),
            Function::Softmax => self.output = Some(activation::softmax(input, 1)),
            Function::LogSoftmax => self.output = Some(activation::log_softmax(input, 1)),
        }
        if let (true, Some(loss)) = (self.backward, &self.loss) {
            self.output = self.input.grad(&loss.backward());
        }
    }

    fn read(&self) -> (f32, Vec<f32>) {
        let loss = self.loss.as_ref().map_or(0.0, |loss| {
            loss.clone().into_data().try_to_vec().expect("of f32")[0]
        });
        let output = self.output.as_ref().map_or(Vec::new(), |output| {
            output.clone().into_data().try_to_vec().expect("of f32")
        });
        (loss, output)
    }
}
