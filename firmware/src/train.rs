//! A classifier that learns on the device itself: a linear model, trained by gradient descent in small batches.
//!
//! | data      | question                        | loss            | outputs |
//! |-----------|---------------------------------|-----------------|---------|
//! | iris      | which of three species is this? | `CrossEntropy`  | 3       |
//! | vibration | does the bearing knock?         | `BceWithLogits` | 1       |
//!
//! The loss is right to the last bit and the same everywhere. What is around it here, the model, is `+ - *` of `f32` in
//! a fixed order, so all of the training is: the weights have the same bits on every machine.

use trueloss::{BceWithLogits, Classes, CrossEntropy, Error, accuracy, binary_accuracy};

/// How many rows one step sees.
pub const BATCH: usize = 30;

/// How many lines the table of a training has.
pub const LINES: usize = 8;

/// A linear model: the logits of a row x are x W + b.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear<const INPUTS: usize, const OUTPUTS: usize> {
    /// One row of weights an input, in each one weight an output.
    pub weights: [[f32; OUTPUTS]; INPUTS],
    /// One bias an output.
    pub bias: [f32; OUTPUTS],
}

impl<const INPUTS: usize, const OUTPUTS: usize> Linear<INPUTS, OUTPUTS> {
    const ZERO: Self = Self {
        weights: [[0.0; OUTPUTS]; INPUTS],
        bias: [0.0; OUTPUTS],
    };

    /// The logits of one row.
    fn logits(&self, x: &[f32; INPUTS]) -> [f32; OUTPUTS] {
        let mut logits = self.bias;
        for (x, w) in x.iter().zip(&self.weights) {
            for (z, w) in logits.iter_mut().zip(w) {
                *z += x * w;
            }
        }
        logits
    }

    /// The gradient of the loss by weights and biases, from that by the logits of the rows: X transposed times G, and
    /// the sum of G's rows.
    fn gradient(features: &[[f32; INPUTS]], grad_logits: &[[f32; OUTPUTS]]) -> Self {
        let mut gradient = Self::ZERO;
        for (x, g) in features.iter().zip(grad_logits) {
            for (x, dw) in x.iter().zip(&mut gradient.weights) {
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
    fn descend(&mut self, gradient: &Self, rate: f32) {
        let own = self.weights.as_flattened_mut().iter_mut();
        let slopes = gradient.weights.as_flattened().iter();
        for (w, dw) in own.chain(&mut self.bias).zip(slopes.chain(&gradient.bias)) {
            *w -= rate * dw;
        }
    }

    /// The bits of all weights, then of the biases.
    pub fn bits(&self) -> impl Iterator<Item = u32> {
        let weights = self.weights.as_flattened().iter();
        weights.chain(&self.bias).map(|w| w.to_bits())
    }
}

/// How a training is going: means over the steps since the line before, each taken before the step has learnt from
/// its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Line {
    /// How many steps have been taken.
    pub step: usize,
    /// The loss of a row.
    pub loss: f32,
    /// The share of the rows that were classified rightly.
    pub accuracy: f32,
}

/// A trained model, and how it got there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training<const INPUTS: usize, const OUTPUTS: usize> {
    /// The model after the last step.
    pub model: Linear<INPUTS, OUTPUTS>,
    /// The table to print.
    pub lines: [Line; LINES],
}

/// Trains for [`LINES`] times `every` steps. `batch(step, features, labels)` fills in the rows of a step, and
/// `evaluate(logits, labels, grad_logits)` gives their mean loss, the gradient and the accuracy.
fn train<const INPUTS: usize, const OUTPUTS: usize>(
    every: usize,
    rate: f32,
    mut batch: impl FnMut(usize, &mut [[f32; INPUTS]; BATCH], &mut [u8; BATCH]),
    evaluate: impl Fn(&[f32], &[u8; BATCH], &mut [f32]) -> Result<(f32, f32), Error>,
) -> Result<Training<INPUTS, OUTPUTS>, Error> {
    let mut model = Linear::ZERO;
    let mut lines = [Line::default(); LINES];
    let mut features = [[0.0; INPUTS]; BATCH];
    let mut labels = [0; BATCH];
    let mut logits = [[0.0; OUTPUTS]; BATCH];
    let mut grad_logits = [[0.0; OUTPUTS]; BATCH];
    let mut step = 0;
    for line in &mut lines {
        for _ in 0..every {
            batch(step, &mut features, &mut labels);
            for (z, x) in logits.iter_mut().zip(&features) {
                *z = model.logits(x);
            }
            let grad = grad_logits.as_flattened_mut();
            let (loss, accuracy) = evaluate(logits.as_flattened(), &labels, grad)?;
            line.loss += loss;
            line.accuracy += accuracy;
            model.descend(&Linear::gradient(&features, &grad_logits), rate);
            step += 1;
        }
        line.step = step;
        line.loss /= every as f32;
        line.accuracy /= every as f32;
    }
    Ok(Training { model, lines })
}

/// Fisher's irises: four lengths in tenths of a centimetre, and the species.
pub static IRIS: [[u8; 5]; 150] = tenths(include_bytes!("../../core/examples/data/iris.csv"));

/// Reads a CSV of numbers with at most one decimal, as tenths, and a class in the last column. It runs in the compiler:
/// what is not in this form does not compile.
const fn tenths<const ROWS: usize, const COLUMNS: usize>(csv: &[u8]) -> [[u8; COLUMNS]; ROWS] {
    let mut rows = [[0; COLUMNS]; ROWS];
    let mut at = 0;
    // The names of the columns.
    while csv[at] != b'\n' {
        at += 1;
    }
    at += 1;
    let mut row = 0;
    while row < ROWS {
        let mut column = 0;
        while column < COLUMNS {
            let (mut number, mut decimals) = (0, 0);
            let mut point = false;
            while csv[at] != b',' && csv[at] != b'\n' {
                if csv[at] == b'.' {
                    point = true;
                } else {
                    assert!(csv[at].is_ascii_digit(), "not a number");
                    number = 10 * number + (csv[at] - b'0');
                    decimals += point as u8;
                }
                at += 1;
            }
            let last = column + 1 == COLUMNS;
            assert!((csv[at] == b'\n') == last, "the wrong number of columns");
            assert!(decimals == !last as u8, "the wrong number of decimals");
            rows[row][column] = number;
            at += 1;
            column += 1;
        }
        row += 1;
    }
    assert!(at == csv.len(), "more rows than expected");
    rows
}

/// Row `row` of the irises, each length scaled to [-1, 1] by its smallest and its largest value: one division of
/// two integers.
fn iris(row: usize) -> ([f32; 4], u8) {
    const SMALLEST: [i16; 4] = [43, 20, 10, 1];
    const LARGEST: [i16; 4] = [79, 44, 69, 25];
    let [lengths @ .., species] = IRIS[row];
    let mut features = [0.0; 4];
    for (j, (x, length)) in features.iter_mut().zip(lengths).enumerate() {
        let middle = SMALLEST[j] + LARGEST[j];
        *x = f32::from(2 * i16::from(length) - middle) / f32::from(LARGEST[j] - SMALLEST[j]);
    }
    (features, species)
}

/// Three classes: three logits a row, of which the largest wins, and their cross-entropy.
pub fn train_iris() -> Result<Training<4, 3>, Error> {
    // Every fifth row, so that a batch has ten of each species.
    const BATCHES: usize = IRIS.len() / BATCH;
    train(
        6 * BATCHES,
        1.0,
        |step, features, labels| {
            for (i, (x, y)) in features.iter_mut().zip(labels).enumerate() {
                (*x, *y) = iris(step % BATCHES + BATCHES * i);
            }
        },
        |logits, labels, grad_logits| {
            let logits = Classes::new(logits, [BATCH, 3])?;
            let loss = CrossEntropy::new().forward_backward(logits, labels, grad_logits)?;
            Ok((loss, accuracy(logits, labels)?))
        },
    )
}

/// An accelerometer on the housing of a bearing, made of integers.
///
/// A sound bearing hums: noise. A worn one knocks besides, each time that a ball passes the damage.
#[derive(Clone, Debug)]
pub struct Sensor(u32);

impl Sensor {
    /// A sensor with what it will measure.
    pub fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// 16 random bits: the upper half of a linear congruential generator (the constants are those of Numerical
    /// Recipes).
    fn random(&mut self) -> i32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) as i32
    }

    /// What is measured in a window of time, as features, and whether the bearing is worn (1) or not (0). The features
    /// are the mean magnitude, the peak, and the mean step from one sample to the next.
    pub fn window(&mut self) -> ([f32; 3], u8) {
        const SAMPLES: i32 = 64;
        let worn = self.random() & 1;
        let force = 56 + self.random() % 96;
        let phase = self.random() % 16;
        let (mut magnitudes, mut peak, mut steps, mut before) = (0, 0, 0, 0);
        for i in 0..SAMPLES {
            // A bell of four uniform numbers.
            let mut a = -126;
            for _ in 0..4 {
                a += self.random() & 63;
            }
            if worn == 1 && i % 16 == phase {
                a += if a < 0 { -force } else { force };
            }
            magnitudes += a.abs();
            peak = peak.max(a.abs());
            steps += (a - before).abs();
            before = a;
        }
        // Sums of integers below 2^24 are exact as f32, and so are products with powers of two.
        let features = [
            (magnitudes - 30 * SAMPLES) as f32 * (1.0 / 512.0),
            (peak - 112) as f32 * (1.0 / 32.0),
            (steps - 44 * SAMPLES) as f32 * (1.0 / 512.0),
        ];
        (features, worn as u8)
    }
}

/// Two classes: one logit a row, above 0 for "worn", and the binary cross-entropy of the logits. Every step sees
/// windows that have not been seen before, as a device does.
pub fn train_vibration() -> Result<Training<3, 1>, Error> {
    let mut sensor = Sensor::new(1);
    train(
        25,
        0.5,
        |_, features, labels| {
            for (x, y) in features.iter_mut().zip(labels) {
                (*x, *y) = sensor.window();
            }
        },
        |logits, labels, grad_logits| {
            let target = labels.map(f32::from);
            let loss = BceWithLogits::new().forward_backward(logits, &target, grad_logits)?;
            Ok((loss, binary_accuracy(logits, &target)?))
        },
    )
}

#[cfg(test)]
mod tests;
