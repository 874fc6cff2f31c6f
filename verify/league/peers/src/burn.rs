//! burn: the losses of burn-nn and the activations of burn-tensor, on its backend for the CPU, gradients through autodiff.

use burn::nn::loss::{BinaryCrossEntropyLossConfig, CrossEntropyLossConfig, MseLoss, Reduction};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::{Answer, Probe};

pub(crate) fn answer(probe: &Probe) -> Answer {
    probe.refuse(&["pos_weight", "ignore_index", "positions", "probabilities"])?;
    match probe.function.as_str() {
        "nll_loss" => return Err("no such function".to_owned()),
        "cross_entropy" | "binary_cross_entropy" | "binary_cross_entropy_with_logits" => {
            probe.refuse(&["none", "sum"])?;
            if probe.has.iter().any(|name| name == "weight") {
                return Err("weights are of classes, and above 0".to_owned());
            }
            if probe.target.iter().any(|y| y.fract() != 0.0) {
                return Err("targets are integers".to_owned());
            }
        }
        _ => {}
    }
    Ok(match probe.shape[..] {
        [_] => elements(probe),
        _ => rows(probe),
    })
}

fn tensor<const D: usize>(numbers: &[f32], shape: &[usize], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), shape.to_vec()), device)
}

/// The numbers of the result, and of the gradient of its sum, times grad_output.
fn answers<const D: usize, const R: usize>(
    probe: &Probe,
    input: &Tensor<D>,
    result: Tensor<R>,
) -> (Vec<f32>, Vec<f32>) {
    let shape = result.dims();
    let grad_output = tensor::<R>(&probe.grad_output, &shape, &input.device());
    let gradients = (result.clone() * grad_output).sum().backward();
    let gradient = input.grad(&gradients).expect("the input has a gradient");
    let flat = |data: TensorData| data.try_to_vec().expect("of f32");
    (flat(result.into_data()), flat(gradient.into_data()))
}

fn elements(probe: &Probe) -> (Vec<f32>, Vec<f32>) {
    let device = Device::flex().autodiff();
    let input = tensor::<1>(&probe.input, &probe.shape, &device).require_grad();
    let x = input.clone();
    let result = match probe.function.as_str() {
        "mse_loss" => {
            let target = tensor::<1>(&probe.target, &probe.shape, &device);
            let loss = MseLoss::new();
            match probe.reduction.as_str() {
                "none" => loss.forward_no_reduction(x, target),
                "sum" => loss.forward(x, target, Reduction::Sum),
                _ => loss.forward(x, target, Reduction::Mean),
            }
        }
        "sigmoid" => activation::sigmoid(x),
        "logsigmoid" => activation::log_sigmoid(x),
        "softplus" => activation::softplus(x, probe.number("beta", 1.0)),
        name => {
            let target: Vec<i64> = probe.target.iter().map(|&y| y as i64).collect();
            let target = TensorData::new(target, probe.shape.clone());
            let target = Tensor::<1, Int>::from_data(target, &device);
            let logits = name == "binary_cross_entropy_with_logits";
            let config = BinaryCrossEntropyLossConfig::new().with_logits(logits);
            config.init(&device).forward(x, target)
        }
    };
    answers(probe, &input, result)
}

fn rows(probe: &Probe) -> (Vec<f32>, Vec<f32>) {
    let device = Device::flex().autodiff();
    let input = tensor::<2>(&probe.input, &probe.shape, &device).require_grad();
    let x = input.clone();
    match probe.function.as_str() {
        "softmax" => answers(probe, &input, activation::softmax(x, probe.dim())),
        "log_softmax" => answers(probe, &input, activation::log_softmax(x, probe.dim())),
        _ => {
            let labels = TensorData::new(probe.labels.clone(), [probe.labels.len()]);
            let labels = Tensor::<1, Int>::from_data(labels, &device);
            let mut config = CrossEntropyLossConfig::new();
            let smoothing = probe.number("label_smoothing", 0.0);
            if smoothing != 0.0 {
                config = config.with_smoothing(Some(smoothing as f32));
            }
            answers(probe, &input, config.init(&device).forward(x, labels))
        }
    }
}
