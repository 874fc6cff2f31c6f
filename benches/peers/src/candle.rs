//! candle: the functions of candle-nn, gradients through `Var` and `backward`.

use crate::{Function, Peer, Task};
use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{loss, ops};

struct Candle {
    function: Function,
    backward: bool,
    input: Var,
    target: Tensor,
    loss: Option<Tensor>,
    output: Option<Tensor>,
}

pub(crate) fn prepare(task: &Task<'_>) -> Option<Box<dyn Peer>> {
    // candle-nn has no function for these two.
    if matches!(task.function, Function::LogSigmoid | Function::Softplus) {
        return None;
    }
    let make = || -> Result<Candle> {
        let cpu = Device::Cpu;
        let shape = (task.rows, task.columns);
        let input = Tensor::from_slice(task.input, shape, &cpu)?;
        let target = match task.function {
            Function::CrossEntropy => Tensor::from_slice(task.labels, task.rows, &cpu)?,
            Function::Mse | Function::BceWithLogits => {
                Tensor::from_slice(task.target, shape, &cpu)?
            }
            _ => Tensor::zeros(1, candle_core::DType::F32, &cpu)?,
        };
        Ok(Candle {
            function: task.function,
            backward: task.backward,
            input: Var::from_tensor(&input)?,
            target,
            loss: None,
            output: None,
        })
    };
    Some(Box::new(make().expect("candle takes these tensors")))
}

impl Candle {
    fn call(&mut self) -> Result<()> {
        // The graph for a gradient is made only where one is wanted.
        let detached;
        let input = if self.backward {
            self.input.as_tensor()
        } else {
            detached = self.input.as_detached_tensor();
            &detached
        };
        let result = match self.function {
            Function::Mse => loss::mse(input, &self.target)?,
            Function::BceWithLogits => loss::binary_cross_entropy_with_logit(input, &self.target)?,
            Function::CrossEntropy => loss::cross_entropy(input, &self.target)?,
            Function::Sigmoid => ops::sigmoid(input)?,
            Function::Softmax => ops::softmax(input, 1)?,
            Function::LogSoftmax => ops::log_softmax(input, 1)?,
            Function::LogSigmoid | Function::Softplus => unreachable!("not prepared"),
        };
        if self.backward {
            let gradients = result.backward()?;
            self.output = gradients.get(&self.input).cloned();
        }
        if self.function.is_loss() {
            self.loss = Some(result);
        } else {
            self.output = Some(result);
        }
        Ok(())
    }
}

impl Peer for Candle {
    fn run(&mut self) {
        // What the last call returned is freed first, as a training loop would, so that its memory can be used again.
        (self.loss, self.output) = (None, None);
        self.call().expect("candle computes this");
    }

    fn read(&self) -> (f32, Vec<f32>) {
        let loss = self
            .loss
            .as_ref()
            .map_or(0.0, |loss| loss.to_scalar().expect("a loss is one number"));
        let output = self.output.as_ref().map_or(Vec::new(), |output| {
            let flat = output.flatten_all().expect("a tensor can be flat");
            flat.to_vec1().expect("of f32")
        });
        (loss, output)
    }
}
