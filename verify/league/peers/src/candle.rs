//! candle: the functions of candle-nn, gradients through `Var` and `backward`.

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{loss, ops};

use crate::{Answer, Probe};

pub(crate) fn answer(probe: &Probe) -> Answer {
    probe.refuse(&[
        "none",
        "sum",
        "weight",
        "pos_weight",
        "ignore_index",
        "label_smoothing",
        "positions",
        "probabilities",
    ])?;
    if matches!(
        probe.function.as_str(),
        "logsigmoid" | "softplus" | "binary_cross_entropy"
    ) {
        return Err("no such function".to_owned());
    }
    call(probe).map_err(|error| error.to_string())
}

fn call(probe: &Probe) -> Result<(Vec<f32>, Vec<f32>)> {
    let cpu = Device::Cpu;
    let input = Var::from_tensor(&Tensor::from_slice(
        &probe.input,
        probe.shape.as_slice(),
        &cpu,
    )?)?;
    let x = input.as_tensor();
    let target = match probe.target.is_empty() {
        true => {
            let labels: Vec<u32> = probe.labels.iter().map(|&label| label as u32).collect();
            Tensor::from_slice(&labels, labels.len(), &cpu)?
        }
        false => Tensor::from_slice(&probe.target, probe.shape.as_slice(), &cpu)?,
    };
    let result = match probe.function.as_str() {
        "mse_loss" => loss::mse(x, &target)?,
        "binary_cross_entropy_with_logits" => loss::binary_cross_entropy_with_logit(x, &target)?,
        "nll_loss" => loss::nll(x, &target)?,
        "cross_entropy" => loss::cross_entropy(x, &target)?,
        "sigmoid" => ops::sigmoid(x)?,
        "softmax" => ops::softmax(x, probe.dim())?,
        "log_softmax" => ops::log_softmax(x, probe.dim())?,
        other => candle_core::bail!("{other} was refused before"),
    };
    let grad_output = Tensor::from_slice(&probe.grad_output, result.dims(), &cpu)?;
    let gradients = (&result * grad_output)?.sum_all()?.backward()?;
    let gradient = gradients
        .get(&input)
        .ok_or_else(|| candle_core::Error::Msg("no gradient".to_owned()))?;
    Ok((flat(&result)?, flat(gradient)?))
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}
