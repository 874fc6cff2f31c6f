//! The tutorial, for real: three data sets, three losses, one linear model, no framework.
//!
//! | data          | question                        | loss            | classes |
//! |---------------|---------------------------------|-----------------|---------|
//! | diabetes      | how far did the disease get?    | `Mse`           | none    |
//! | breast_cancer | is the tumour benign?           | `BceWithLogits` | 2       |
//! | iris          | which of three species is this? | `CrossEntropy`  | 3       |
//!
//! Run it with `cargo run -p trueloss --example tutorial`.

use std::error::Error;
use std::f32::consts::LN_2;
use std::path::Path;
use trueloss::{
    Bce, BceWithLogits, Classes, CrossEntropy, Mse, Sigmoid, accuracy, binary_accuracy,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

// The data.

/// A table of numbers: `inputs` standardised features a row, and what is to be predicted from them.
pub struct Data {
    /// How many features a row has.
    pub inputs: usize,
    /// Row after row.
    pub features: Vec<f32>,
    /// As it stands in the file: a number to predict, or a class.
    pub target: Vec<f64>,
}

impl Data {
    /// Reads a file of `examples/data`. Its last column is the target.
    pub fn read(name: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples/data")
            .join(name);
        let file = path.display();
        let mut reader = csv::Reader::from_path(&path).map_err(|e| format!("{file}: {e}"))?;
        let headers = reader
            .headers()
            .map_err(|e| format!("{file}: {e}"))?
            .clone();
        if headers.iter().next_back() != Some("target") {
            return Err(format!("{file}: the last column is not named target").into());
        }

        let mut columns = vec![Vec::new(); headers.len()];
        for record in reader.records() {
            let record = record.map_err(|e| format!("{file}: {e}"))?;
            for ((column, name), field) in columns.iter_mut().zip(&headers).zip(&record) {
                let number: f64 = field
                    .parse()
                    .map_err(|_| format!("{file}: column {name}: {field:?} is not a number"))?;
                column.push(number);
            }
        }

        let target = columns.pop().unwrap_or_default();
        let mut standardised = Vec::new();
        for (column, name) in columns.iter().zip(&headers) {
            let column = standardise(column)
                .ok_or_else(|| format!("{file}: column {name} is empty or constant"))?;
            standardised.push(column);
        }
        let features = (0..target.len())
            .flat_map(|row| standardised.iter().map(move |column| column[row]))
            .collect();
        Ok(Self {
            inputs: standardised.len(),
            features,
            target,
        })
    }
}

/// Shifted and scaled to mean 0 and variance 1; `None` where that can't be done.
///
/// Gradient descent has one learning rate for all weights, so the features had better be of one size.
pub fn standardise(column: &[f64]) -> Option<Vec<f32>> {
    let n = column.len() as f64;
    let mean = column.iter().sum::<f64>() / n;
    let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let scaled = |x| ((x - mean) / variance.sqrt()) as f32;
    (variance > 0.0).then(|| column.iter().map(|&x| scaled(x)).collect())
}

// The model.

/// A linear model: logits Z = X W + b, for n rows of features X.
///
/// Row r, output c: `z[r,c] = sum over j of x[r,j] w[j,c] + b[c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// One row of weights an input, in each one weight an output.
    pub weights: Vec<f32>,
    /// One bias an output.
    pub bias: Vec<f32>,
}

impl Linear {
    /// All weights 0: every logit is 0 then, and no class is preferred.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            weights: vec![0.0; inputs * outputs],
            bias: vec![0.0; outputs],
        }
    }

    /// The logits, row after row.
    pub fn forward(&self, features: &[f32]) -> Vec<f32> {
        let (inputs, outputs) = (self.weights.len() / self.bias.len(), self.bias.len());
        let mut logits = Vec::new();
        for x in features.chunks_exact(inputs) {
            let mut z = self.bias.clone();
            for (x, w) in x.iter().zip(self.weights.chunks_exact(outputs)) {
                for (z, w) in z.iter_mut().zip(w) {
                    *z += x * w;
                }
            }
            logits.extend(z);
        }
        logits
    }

    /// The gradient of the loss with respect to weights and bias: as many numbers as the model has, so
    /// it comes in the model's own type.
    ///
    /// The loss L depends on the weights through the logits alone, and the loss function has already
    /// given us G, its derivative by each logit: `g[r,c] = dL/dz[r,c]`. The chain rule does the rest. The
    /// formula for `z[r,c]` above says that `dz[r,c]/dw[j,c] = x[r,j]` and `dz[r,c]/db[c] = 1`, and that
    /// no other output's logits depend on `w[j,c]` and `b[c]`. So, summed over the rows r,
    ///
    /// ```text
    /// dL/dw[j,c] = sum over r of x[r,j] g[r,c]      that is, X transposed times G
    /// dL/db[c]   = sum over r of g[r,c]
    /// ```
    ///
    /// There is no division by n: the loss is a mean, so its G has it.
    pub fn gradient(&self, features: &[f32], grad_logits: &[f32]) -> Self {
        let (inputs, outputs) = (self.weights.len() / self.bias.len(), self.bias.len());
        let mut gradient = Self::new(inputs, outputs);
        let rows = features
            .chunks_exact(inputs)
            .zip(grad_logits.chunks_exact(outputs));
        for (x, g) in rows {
            for (x, dw) in x.iter().zip(gradient.weights.chunks_exact_mut(outputs)) {
                for (dw, g) in dw.iter_mut().zip(g) {
                    *dw += x * g;
                }
            }
            for (db, g) in gradient.bias.iter_mut().zip(g) {
                *db += g;
            }
        }
        gradient
    }

    /// One step downhill.
    pub fn descend(&mut self, gradient: &Self, rate: f32) {
        for (w, dw) in self.weights.iter_mut().zip(&gradient.weights) {
            *w -= rate * dw;
        }
        for (b, db) in self.bias.iter_mut().zip(&gradient.bias) {
            *b -= rate * db;
        }
    }
}

// The training.

/// What one line of the printed table says.
pub struct Line {
    /// How many steps were taken before it.
    pub step: usize,
    /// The loss over all rows.
    pub loss: f32,
    /// The share of rows that the model gets right; regression has none.
    pub accuracy: Option<f32>,
}

/// A trained model, and how it got there.
pub struct Training {
    /// The model after the last step.
    pub model: Linear,
    /// The printed table.
    pub lines: Vec<Line>,
}

impl Training {
    /// The loss before the first step.
    pub fn first_loss(&self) -> f32 {
        self.lines.first().map_or(f32::NAN, |line| line.loss)
    }

    /// The loss after the last step.
    pub fn last_loss(&self) -> f32 {
        self.lines.last().map_or(f32::NAN, |line| line.loss)
    }

    /// The accuracy after the last step.
    pub fn last_accuracy(&self) -> f32 {
        let last = self.lines.last();
        last.and_then(|line| line.accuracy).unwrap_or(f32::NAN)
    }
}

/// The steps that the table shows, besides the last one: most of the way is gone in the first few.
const PRINTED: [usize; 12] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

/// Full-batch gradient descent: every step sees all rows.
///
/// `evaluate(logits, grad_logits)` fills in the gradient and returns the loss, and the accuracy if there
/// is such a thing.
fn train(
    data: &Data,
    outputs: usize,
    rate: f32,
    steps: usize,
    evaluate: impl Fn(&[f32], &mut [f32]) -> Result<(f32, Option<f32>)>,
) -> Result<Training> {
    println!("{steps} steps of gradient descent, learning rate {rate}, all weights start at 0.\n");
    println!("  step      loss  accuracy");
    let mut model = Linear::new(data.inputs, outputs);
    let mut grad_logits = vec![0.0; data.target.len() * outputs];
    let mut lines = Vec::new();
    for step in 0..=steps {
        let logits = model.forward(&data.features);
        let (loss, accuracy) = evaluate(&logits, &mut grad_logits)?;
        if step == steps || PRINTED.contains(&step) {
            let percent = accuracy.map_or("-".into(), |a| format!("{:.2}%", 100.0 * a));
            println!("{step:>6}  {loss:.6}  {percent:>8}");
            lines.push(Line {
                step,
                loss,
                accuracy,
            });
        }
        if step < steps {
            model.descend(&model.gradient(&data.features, &grad_logits), rate);
        }
    }
    println!();
    Ok(Training { model, lines })
}

/// Regression: a standardised number, and its mean squared error.
pub fn train_diabetes(data: &Data) -> Result<Training> {
    let target = standardise(&data.target).ok_or("diabetes: all targets are the same")?;
    train(data, 1, 0.2, 5000, |prediction, grad| {
        let loss = Mse::new().forward_backward(prediction, &target, grad)?;
        Ok((loss, None))
    })
}

/// Two classes: one logit a row, above 0 for "benign", and the binary cross-entropy of the logits.
pub fn train_breast_cancer(data: &Data) -> Result<Training> {
    let target: Vec<f32> = data.target.iter().map(|&y| y as f32).collect();
    train(data, 1, 0.5, 1000, |logits, grad| {
        let loss = BceWithLogits::new().forward_backward(logits, &target, grad)?;
        Ok((loss, Some(binary_accuracy(logits, &target)?)))
    })
}

/// Three classes: three logits a row, of which the largest wins, and their cross-entropy.
pub fn train_iris(data: &Data) -> Result<Training> {
    let target: Vec<u8> = data.target.iter().map(|&y| y as u8).collect();
    train(data, 3, 0.5, 1000, |logits, grad| {
        let logits = Classes::new(logits, [target.len(), 3])?;
        let loss = CrossEntropy::new().forward_backward(logits, &target, grad)?;
        Ok((loss, Some(accuracy(logits, &target)?)))
    })
}

/// The smallest mean squared error that any linear model can have on the standardised target.
///
/// It has a closed form: where the gradient is 0, the normal equations A'A w = A'y hold, with A the
/// features and a column of ones for the bias. Solved in `f64` by elimination, which needs no pivoting as
/// A'A is positive definite.
pub fn least_squares(data: &Data) -> Result<f64> {
    let target = standardise(&data.target).ok_or("diabetes: all targets are the same")?;
    let size = data.inputs + 1;
    // Each row of A with its y behind it; A'A and A'y side by side come out of one sum.
    let rows: Vec<Vec<f64>> = data
        .features
        .chunks_exact(data.inputs)
        .zip(&target)
        .map(|(x, &y)| x.iter().chain(&[1.0, y]).map(|&v| f64::from(v)).collect())
        .collect();
    let mut system = vec![vec![0.0; size + 1]; size];
    for row in &rows {
        for (equation, a) in system.iter_mut().zip(row) {
            for (coefficient, b) in equation.iter_mut().zip(row) {
                *coefficient += a * b;
            }
        }
    }
    for pivot in 0..size {
        let scale = system[pivot][pivot];
        let solved: Vec<f64> = system[pivot].iter().map(|c| c / scale).collect();
        for equation in &mut system {
            let factor = equation[pivot];
            for (coefficient, s) in equation.iter_mut().zip(&solved) {
                *coefficient -= factor * s;
            }
        }
        system[pivot] = solved;
    }
    // What is left reads: weight = number.
    let squares = rows.iter().map(|row| {
        let prediction: f64 = system.iter().zip(row).map(|(e, x)| e[size] * x).sum();
        (prediction - row[size]).powi(2)
    });
    Ok(squares.sum::<f64>() / rows.len() as f64)
}

// Why raw logits go into the loss.

const THE_QUESTION: &str = "\
A sigmoid before the loss looks harmless. But from a logit of about 17 on, the f32
nearest to the probability is 1, and what told 17 from 70 is gone. Below are rows of
breast_cancer with their logits times 10, by either way. No function is to blame, as
each one rounds its result just once: the digits are lost in between, with the
probability.
";

const THE_ANSWER: &str = "
Where the answer is right, the detour says that there is nothing left to learn. Where
it is wrong, the loss is minus ln 0, which Bce cuts off at 100 whatever the logit was,
and the gradient is anything but 1. So give the loss the logits: BceWithLogits and
CrossEntropy have sigmoid and softmax built in, and never round a probability.";

/// Prints what becomes of a loss when its logits take a detour through probabilities.
fn show_the_detour(logits: &[f32], target: &[f32]) -> Result<()> {
    // A model that has learned for longer is surer of itself; ten times surer shows the effect at once.
    let logits: Vec<f32> = logits.iter().map(|z| 10.0 * z).collect();
    let zeros = vec![0.0; logits.len()];
    let ones = vec![1.0; logits.len()];

    let (mut losses, mut grads) = (zeros.clone(), zeros.clone());
    BceWithLogits::new().forward_each(&logits, target, &mut losses)?;
    BceWithLogits::new().backward_each(&logits, target, &ones, &mut grads)?;

    // The detour, backwards too: through the loss of the probabilities, then through the sigmoid.
    let (mut probabilities, mut detour) = (zeros.clone(), zeros.clone());
    let (mut grad_probabilities, mut detour_grads) = (zeros.clone(), zeros);
    Sigmoid::new().forward(&logits, &mut probabilities)?;
    Bce::new().forward_each(&probabilities, target, &mut detour)?;
    Bce::new().backward_each(&probabilities, target, &ones, &mut grad_probabilities)?;
    Sigmoid::new().backward(&logits, &grad_probabilities, &mut detour_grads)?;

    println!("                                    loss                  gradient");
    println!("target   logit  probability      detour    logits      detour    logits");
    // Right answers first, then wrong ones. Beyond a logit of 104 the exact loss of a right one is below
    // the smallest f32, and 0 is the right answer by either way.
    for class in [1.0, 0.0] {
        let rows = (0..target.len()).filter(|&i| target[i] == class);
        let lost = rows.filter(|&i| probabilities[i] == 1.0 && losses[i] > 0.0);
        for i in lost.take(3) {
            println!(
                "{:>6}  {:>6.2}  {:>11}  {:>10}  {:>8.2e}  {:>10.2e}  {:>8.2e}",
                class, logits[i], probabilities[i], detour[i], losses[i], detour_grads[i], grads[i],
            );
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    println!("== diabetes: regression with Mse ==\n");
    let data = Data::read("diabetes.csv")?;
    let training = train_diabetes(&data)?;
    println!(
        "The first loss is {:.6}: predicting the mean costs the variance of the target,",
        training.first_loss()
    );
    println!("which is 1. The closed form shows how near to the optimum the steps have come:\n");
    println!("trained        {:.9}", training.last_loss());
    println!("least squares  {:.9}\n", least_squares(&data)?);

    println!("== breast_cancer: two classes with BceWithLogits ==\n");
    let data = Data::read("breast_cancer.csv")?;
    let training = train_breast_cancer(&data)?;
    println!(
        "The first loss is {}, and ln 2 as an f32 is {LN_2}: 0.69 means 50/50.",
        training.first_loss()
    );
    println!(
        "{:.2}% of the tumours are told apart in the end.\n",
        100.0 * training.last_accuracy()
    );
    let logits = training.model.forward(&data.features);
    let target: Vec<f32> = data.target.iter().map(|&y| y as f32).collect();

    println!("== iris: three classes with CrossEntropy ==\n");
    let data = Data::read("iris.csv")?;
    let training = train_iris(&data)?;
    println!(
        "The first loss is {}, and ln 3 as an f32 is {}: one in three.",
        training.first_loss(),
        3.0_f64.ln() as f32
    );
    println!(
        "{:.2}% of the flowers are named correctly in the end.\n",
        100.0 * training.last_accuracy()
    );

    println!("== why raw logits go into the loss ==\n");
    println!("{THE_QUESTION}");
    show_the_detour(&logits, &target)?;
    println!("{THE_ANSWER}");
    Ok(())
}
