//! The answers of candle and burn to probes: `trueloss-league LIBRARY PROBES OUT`.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

mod burn;
mod candle;

/// One probe.
struct Probe {
    function: String,
    /// none, mean or sum.
    reduction: String,
    words: HashMap<String, String>,
    shape: Vec<usize>,
    input: Vec<f32>,
    target: Vec<f32>,
    labels: Vec<i64>,
    grad_output: Vec<f32>,
    /// Names of all tensors.
    has: Vec<String>,
}

/// The loss or output, and the gradient. Or why there is none.
type Answer = Result<(Vec<f32>, Vec<f32>), String>;

impl Probe {
    fn read(bytes: &[u8]) -> Result<Self, Box<dyn Error>> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let words = header.metadata().clone().unwrap_or_default();
        let file = SafeTensors::deserialize(bytes)?;
        let floats = |name: &str| match file.tensor(name) {
            Ok(tensor) if tensor.dtype() == Dtype::F32 => {
                let (numbers, _) = tensor.data().as_chunks();
                numbers.iter().map(|&x| f32::from_le_bytes(x)).collect()
            }
            _ => vec![],
        };
        let labels = match file.tensor("target") {
            Ok(tensor) if tensor.dtype() == Dtype::I64 => {
                let (labels, _) = tensor.data().as_chunks();
                labels.iter().map(|&x| i64::from_le_bytes(x)).collect()
            }
            _ => vec![],
        };
        Ok(Probe {
            function: words["function"].clone(),
            reduction: words.get("reduction").cloned().unwrap_or_default(),
            shape: file.tensor("input")?.shape().to_vec(),
            input: floats("input"),
            target: floats("target"),
            grad_output: floats("grad_output"),
            has: file.names().into_iter().map(str::to_owned).collect(),
            labels,
            words,
        })
    }

    fn number(&self, word: &str, default: f64) -> f64 {
        self.words
            .get(word)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    }

    /// Whether it is a loss of each of many x, for a chart.
    fn is_curve(&self) -> bool {
        self.words.contains_key("questions") && self.has.iter().any(|name| name == "target")
    }

    fn dim(&self) -> usize {
        self.number("dim", 1.0) as usize
    }

    /// Says no to options that are in use and that the library does not have.
    fn refuse(&self, names: &[&str]) -> Result<(), String> {
        // The libraries may have them; nobody has written the calls.
        if matches!(&*self.function, "huber_loss" | "sigmoid_focal_loss") {
            return Err("not asked".to_owned());
        }
        let has = |name: &str| self.has.iter().any(|n| n == name);
        for &name in names {
            let used = match name {
                "none" => self.reduction == "none",
                "sum" => self.reduction == "sum",
                "beta" => self.number("beta", 1.0) != 1.0,
                "label_smoothing" => self.number("label_smoothing", 0.0) != 0.0,
                "ignore_index" => self.words.contains_key("ignore_index"),
                "positions" => has("target") && self.shape.len() > 2,
                "probabilities" => self.function == "cross_entropy" && self.labels.is_empty(),
                _ => has(name),
            };
            if used {
                return Err(match name {
                    "none" | "sum" => format!("no reduction={name}"),
                    "positions" => "takes two dimensions".to_owned(),
                    "probabilities" => "takes labels".to_owned(),
                    _ => format!("no {name}"),
                });
            }
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, library, probes, out] = &arguments[..] else {
        return Err("expected LIBRARY PROBES OUT".into());
    };
    let (version, answer): (_, fn(&Probe) -> Answer) = match library.as_str() {
        "candle" => ("candle 0.11.1", candle::answer),
        "burn" => ("burn 0.22.1 (flex)", burn::answer),
        _ => return Err(format!("no library is called {library}").into()),
    };
    let mut missing = BTreeMap::new();
    for entry in fs::read_dir(probes)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let bytes = fs::read(&path)?;
        let probe = Probe::read(&bytes)?;
        let answers = if probe.is_curve() {
            one_by_one(&probe, answer)
        } else {
            answer(&probe)
        };
        match answers {
            Err(reason) => {
                missing.insert(name, reason);
            }
            Ok((loss, gradient)) => {
                let to = Path::new(out).join(path.file_name().unwrap_or_default());
                fs::write(to, filled(&bytes, &probe, &loss, &gradient)?)?;
            }
        }
    }
    let lines: Vec<String> = missing
        .iter()
        .map(|(name, reason)| format!("  {name:?}: {reason:?}"))
        .collect();
    let notes = format!(
        "{{\n \"version\": {version:?},\n \"missing\": {{\n{}\n }}\n}}\n",
        lines.join(",\n")
    );
    fs::write(Path::new(out).join("notes.json"), notes)?;
    Ok(())
}

/// Each element or row of a probe as a call of its own, of which the mean is the loss: for libraries that have no other.
fn one_by_one(probe: &Probe, answer: fn(&Probe) -> Answer) -> Answer {
    let count = probe.shape[0];
    let (mut losses, mut gradients) = (vec![], vec![]);
    for i in 0..count {
        let part = |numbers: &[f32]| {
            let each = numbers.len() / count;
            numbers[i * each..(i + 1) * each].to_vec()
        };
        let mut shape = probe.shape.clone();
        shape[0] = 1;
        let one = Probe {
            function: probe.function.clone(),
            reduction: "mean".to_owned(),
            words: probe.words.clone(),
            shape,
            input: part(&probe.input),
            target: part(&probe.target),
            labels: probe.labels.get(i).copied().into_iter().collect(),
            grad_output: part(&probe.grad_output),
            has: probe.has.clone(),
        };
        let (loss, gradient) = answer(&one)?;
        losses.extend(loss);
        gradients.extend(gradient);
    }
    Ok((losses, gradients))
}

/// The probe with the answers in it.
fn filled(
    probe: &[u8],
    read: &Probe,
    loss: &[f32],
    gradient: &[f32],
) -> Result<Vec<u8>, Box<dyn Error>> {
    let file = SafeTensors::deserialize(probe)?;
    let shape = file.tensor("grad_output")?.shape().to_vec();
    let bytes = |numbers: &[f32]| {
        numbers
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let (loss, gradient) = (bytes(loss), bytes(gradient));
    let mut tensors = file.tensors();
    tensors.push((
        "loss".to_owned(),
        TensorView::new(Dtype::F32, shape, &loss)?,
    ));
    tensors.push((
        "grad_input".to_owned(),
        TensorView::new(Dtype::F32, read.shape.clone(), &gradient)?,
    ));
    Ok(safetensors::serialize(tensors, Some(read.words.clone()))?)
}
