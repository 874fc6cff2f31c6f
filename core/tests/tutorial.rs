//! The tutorial keeps its promises.

// Its `main`, which only prints, has no caller here.
#[expect(dead_code)]
#[path = "../examples/tutorial.rs"]
pub mod tutorial;

use std::error::Error;
use trueloss::{BceWithLogits, Classes, CrossEntropy, Mse};
use tutorial::{
    Data, Linear, Training, least_squares, standardise, train_breast_cancer, train_diabetes,
    train_iris,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Trains twice: the same bits, and a loss that never rises.
fn trained(train: fn(&Data) -> Result<Training>, data: &Data) -> Result<Training> {
    let (training, again) = (train(data)?, train(data)?);
    for pair in training.lines.windows(2) {
        assert!(
            pair[1].loss <= pair[0].loss,
            "the loss rises from {} at step {} to {} at step {}",
            pair[0].loss,
            pair[0].step,
            pair[1].loss,
            pair[1].step
        );
    }
    assert_eq!(bits(&training.model), bits(&again.model));
    Ok(training)
}

fn bits(model: &Linear) -> Vec<u32> {
    let parameters = model.weights.iter().chain(&model.bias);
    parameters.map(|w| w.to_bits()).collect()
}

#[test]
fn diabetes_comes_to_the_least_squares_optimum() -> Result<()> {
    let data = Data::read("diabetes.csv")?;
    let training = trained(train_diabetes, &data)?;
    let first = training.first_loss();
    assert!((first - 1.0).abs() <= 1e-6, "first loss {first}");
    let (last, optimum) = (f64::from(training.last_loss()), least_squares(&data)?);
    assert!((last - optimum).abs() <= 1e-4, "{last} is not {optimum}");
    Ok(())
}

#[test]
fn breast_cancer_starts_at_ln_2_and_is_told_apart() -> Result<()> {
    let training = trained(train_breast_cancer, &Data::read("breast_cancer.csv")?)?;
    // ln 2 = 0.693147180559945309…
    assert_eq!(training.first_loss().to_bits(), 0x3f31_7218);
    let accuracy = training.last_accuracy();
    assert!(accuracy >= 0.96, "accuracy {accuracy}");
    Ok(())
}

#[test]
fn iris_starts_at_ln_3_and_is_told_apart() -> Result<()> {
    let training = trained(train_iris, &Data::read("iris.csv")?)?;
    // ln 3 = 1.098612288668109691…
    assert_eq!(training.first_loss().to_bits(), 0x3f8c_9f54);
    let accuracy = training.last_accuracy();
    assert!(accuracy >= 0.96, "accuracy {accuracy}");
    Ok(())
}

/// Compares the gradient with sums over the rows in `f64`, for which `slope(row, logits)` gives the
/// derivative of that row's loss by each of its logits from the textbook.
fn check_gradient(
    data: &Data,
    outputs: usize,
    grad_logits: impl Fn(&[f32], &mut [f32]) -> Result<()>,
    slope: impl Fn(usize, &[f64]) -> Vec<f64>,
) -> Result<()> {
    // Weights of both signs that differ from their neighbours, so that exchanged ones show.
    let mut model = Linear::new(data.inputs, outputs);
    for (i, w) in model.weights.iter_mut().chain(&mut model.bias).enumerate() {
        *w = ((i * 7 + 3) % 11) as f32 / 32.0 - 0.15;
    }
    let rows = data.target.len();
    let mut grad = vec![0.0; rows * outputs];
    grad_logits(&model.forward(&data.features), &mut grad)?;
    let gradient = model.gradient(&data.features, &grad);
    assert_eq!(gradient.weights.len(), data.inputs * outputs);
    assert_eq!(gradient.bias.len(), outputs);

    let feature = |row: usize, j: usize| f64::from(data.features[row * data.inputs + j]);
    let slopes: Vec<Vec<f64>> = (0..rows)
        .map(|row| {
            let logit = |c: usize| {
                let products = (0..data.inputs)
                    .map(|j| feature(row, j) * f64::from(model.weights[j * outputs + c]));
                products.sum::<f64>() + f64::from(model.bias[c])
            };
            slope(row, &(0..outputs).map(logit).collect::<Vec<_>>())
        })
        .collect();
    // The model rounds every product and every sum to f32, the sums over rows here do not. That comes to
    // less than 1e-5 of the terms' magnitudes; a wrong formula errs by about as much as they are.
    let compare = |what: String, actual: f32, terms: &dyn Fn(usize) -> f64| {
        let exact = (0..rows).map(terms).sum::<f64>() / rows as f64;
        let size = (0..rows).map(|row| terms(row).abs()).sum::<f64>() / rows as f64;
        let error = (f64::from(actual) - exact).abs() / size;
        assert!(error <= 1e-5, "{what}: {actual} is not {exact}");
    };
    for (c, &db) in gradient.bias.iter().enumerate() {
        compare(format!("bias {c}"), db, &|row| slopes[row][c]);
        for j in 0..data.inputs {
            let dw = gradient.weights[j * outputs + c];
            compare(format!("weight {j}, {c}"), dw, &|row| {
                feature(row, j) * slopes[row][c]
            });
        }
    }
    Ok(())
}

#[test]
fn gradients_are_sums_over_rows() -> Result<()> {
    let data = Data::read("diabetes.csv")?;
    let target = standardise(&data.target).ok_or("constant")?;
    check_gradient(
        &data,
        1,
        |z, grad| Ok(Mse::new().forward_backward(z, &target, grad).map(|_| ())?),
        |row, z| vec![2.0 * (z[0] - f64::from(target[row]))],
    )?;

    let data = Data::read("breast_cancer.csv")?;
    let target: Vec<f32> = data.target.iter().map(|&y| y as f32).collect();
    check_gradient(
        &data,
        1,
        |z, grad| {
            let loss = BceWithLogits::new().forward_backward(z, &target, grad);
            Ok(loss.map(|_| ())?)
        },
        |row, z| vec![1.0 / (1.0 + (-z[0]).exp()) - data.target[row]],
    )?;

    let data = Data::read("iris.csv")?;
    let labels: Vec<u8> = data.target.iter().map(|&y| y as u8).collect();
    check_gradient(
        &data,
        3,
        |z, grad| {
            let logits = Classes::new(z, [labels.len(), 3])?;
            let loss = CrossEntropy::new().forward_backward(logits, &labels, grad);
            Ok(loss.map(|_| ())?)
        },
        |row, z| {
            let total: f64 = z.iter().map(|z| z.exp()).sum();
            let label = usize::from(labels[row]);
            let one_hot = |c| if c == label { 1.0 } else { 0.0 };
            let softmax = z.iter().map(|z| z.exp() / total);
            softmax.enumerate().map(|(c, p)| p - one_hot(c)).collect()
        },
    )
}

#[test]
fn the_data_is_whole_and_features_have_mean_0_and_variance_1() -> Result<()> {
    for (name, rows, inputs) in [
        ("diabetes.csv", 442, 10),
        ("breast_cancer.csv", 569, 30),
        ("iris.csv", 150, 4),
    ] {
        let data = Data::read(name)?;
        assert_eq!((data.target.len(), data.inputs), (rows, inputs), "{name}");
        let n = data.target.len() as f64;
        for j in 0..data.inputs {
            let column = || data.features.iter().skip(j).step_by(data.inputs);
            let mean = column().map(|&x| f64::from(x)).sum::<f64>() / n;
            let variance = column().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
            assert!(mean.abs() <= 1e-6, "{name}, column {j}: mean {mean}");
            assert!(
                (variance - 1.0).abs() <= 1e-6,
                "{name}, column {j}: variance {variance}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_missing_file_is_named() {
    let message = Data::read("no_such_file.csv").map_or_else(|e| e.to_string(), |_| String::new());
    assert!(message.contains("no_such_file.csv"), "{message:?}");
}

#[test]
fn a_constant_column_is_refused() {
    assert_eq!(standardise(&[3.0, 3.0]), None);
    assert_eq!(standardise(&[]), None);
    assert_eq!(standardise(&[1.0, 3.0]), Some(vec![-1.0, 1.0]));
}
