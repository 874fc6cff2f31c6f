//! The functions that go element by element: each direction over the same cases.

use crate::hash::Hash;
use crate::number::{EDGES, Logits, Number, Random};
use crate::{Buffers, POS_WEIGHTS, Size, Visit, each_direction};
use trueloss::{
    Bce, BceWithLogits, Error, LogSigmoid, Mse, Reduction, Sigmoid, Softplus, binary_accuracy,
    log_sigmoid, log_sigmoid_derivative, sigmoid, sigmoid_derivative, softplus,
    softplus_derivative,
};

/// What a function takes. Each uses what it needs.
struct Elements<'a, T> {
    /// Logits, or probabilities for `Bce`.
    x: &'a [T],
    y: &'a [T],
    g: &'a [T],
    weight: Option<&'a [T]>,
    pos_weight: Option<&'a [T]>,
    grad_output: T,
    beta: f64,
}

/// A function in one direction: writes its outputs, and hashes them and its loss.
type Kernel<T> = fn(&Elements<'_, T>, &mut [T], &mut Hash) -> Result<(), Error>;

const LOGITS: [Logits; 4] = [
    Logits::Ordinary,
    Logits::Wide,
    Logits::Spread,
    Logits::Edges,
];

pub(crate) const REDUCTIONS: [Reduction; 2] = [Reduction::Mean, Reduction::Sum];

/// The inputs of case number `case`.
fn fill<'a, T: Number>(
    buffers: &'a mut Buffers<'_, T>,
    len: usize,
    case: u64,
    logits: Logits,
    probabilities: bool,
) -> (Elements<'a, T>, &'a mut [T]) {
    let mut random = Random::new(case);
    let Buffers { x, y, g, out, .. } = buffers;
    let [x, y, g, out] = [x, y, g, out].map(|buffer| &mut buffer[..len]);
    let weight = &mut buffers.weight[..len];
    for i in 0..len {
        x[i] = if probabilities {
            logits.probability(&mut random, i)
        } else {
            logits.next(&mut random, i)
        };
        // Each edge case beside both hard targets, then beside soft ones.
        y[i] = match (logits, i / EDGES) {
            (Logits::Edges, 0) => T::zero(),
            (Logits::Edges, 1) => T::one(),
            _ => random.unit(),
        };
        g[i] = logits.grad_output(&mut random);
        weight[i] = random.weight();
    }
    buffers.pos_weight.fill_with(|| random.weight::<T>().abs());
    let weighted = case % 2 == 1;
    let of_positives = if len.is_multiple_of(POS_WEIGHTS) {
        POS_WEIGHTS
    } else {
        1
    };
    let elements = Elements {
        x,
        y,
        g,
        weight: weighted.then_some(weight),
        pos_weight: weighted.then_some(&buffers.pos_weight[..of_positives]),
        grad_output: random.ordinary(),
        beta: if weighted { 2.5 } else { 1.0 },
    };
    (elements, out)
}

/// Visits the digest of each direction of a function.
fn digest<T: Number>(
    function: &'static str,
    directions: &[(&'static str, Kernel<T>)],
    probabilities: bool,
    buffers: &mut Buffers<'_, T>,
    size: &Size,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    each_direction(function, T::NAME, directions, visit, |kernel, hash| {
        let mut case = 0;
        for &len in size.lengths {
            for logits in LOGITS {
                // Without weights and with them.
                for _ in 0..2 {
                    let (elements, out) = fill(buffers, len, case, logits, probabilities);
                    kernel(&elements, out, hash)?;
                    case += 1;
                }
            }
        }
        Ok(())
    })
}

/// The five directions of a loss.
macro_rules! loss {
    ($loss:expr) => {
        &[
            (
                "forward",
                (|e, _, hash| {
                    for reduction in REDUCTIONS {
                        hash.number($loss(e).reduction(reduction).forward(e.x, e.y)?);
                    }
                    Ok(())
                }) as Kernel<T>,
            ),
            ("forward_each", |e, out, hash| {
                $loss(e).forward_each(e.x, e.y, out)?;
                hash.numbers(out);
                Ok(())
            }),
            ("backward", |e, out, hash| {
                for reduction in REDUCTIONS {
                    let loss = $loss(e).reduction(reduction);
                    loss.backward(e.x, e.y, e.grad_output, out)?;
                    hash.numbers(out);
                }
                Ok(())
            }),
            ("backward_each", |e, out, hash| {
                $loss(e).backward_each(e.x, e.y, e.g, out)?;
                hash.numbers(out);
                Ok(())
            }),
            ("forward_backward", |e, out, hash| {
                for reduction in REDUCTIONS {
                    let loss = $loss(e).reduction(reduction);
                    hash.number(loss.forward_backward(e.x, e.y, out)?);
                    hash.numbers(out);
                }
                Ok(())
            }),
        ]
    };
}

/// The two directions of an activation of slices, and the same of one number.
macro_rules! activation {
    ($activation:expr, $value:expr, $derivative:expr) => {
        &[
            (
                "forward",
                (|e, out, hash| {
                    $activation(e).forward(e.x, out)?;
                    hash.numbers(out);
                    Ok(())
                }) as Kernel<T>,
            ),
            ("backward", |e, out, hash| {
                $activation(e).backward(e.x, e.g, out)?;
                hash.numbers(out);
                Ok(())
            }),
            ("value", |e, _, hash| {
                for &x in e.x {
                    hash.number($value(e, x)?);
                }
                Ok(())
            }),
            ("derivative", |e, _, hash| {
                for &x in e.x {
                    hash.number($derivative(e, x)?);
                }
                Ok(())
            }),
        ]
    };
}

/// Visits the digests of all functions of elements.
pub(crate) fn each<T: Number>(
    buffers: &mut Buffers<'_, T>,
    size: &Size,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    fn bce<'b, T: Number>(e: &Elements<'b, T>) -> Bce<'b, T> {
        let loss = Bce::new();
        e.weight.map_or(loss, |weight| loss.weight(weight))
    }
    fn logits<'b, T: Number>(e: &Elements<'b, T>) -> BceWithLogits<'b, T> {
        let loss = BceWithLogits::new();
        let loss = e.weight.map_or(loss, |weight| loss.weight(weight));
        e.pos_weight.map_or(loss, |weight| loss.pos_weight(weight))
    }
    fn with_beta<T>(e: &Elements<'_, T>) -> Softplus {
        Softplus::new().beta(e.beta)
    }
    type Of<'a, T> = &'a Elements<'a, T>;

    let mut all = |function, directions: &[(&'static str, Kernel<T>)], probabilities| {
        digest(function, directions, probabilities, buffers, size, visit)
    };
    all("mse_loss", loss!(|_: Of<'_, T>| Mse::new()), false)?;
    all("binary_cross_entropy", loss!(bce), true)?;
    all("binary_cross_entropy_with_logits", loss!(logits), false)?;
    let sigmoid = activation!(
        |_: Of<'_, T>| Sigmoid::new(),
        |_: Of<'_, T>, x| Ok::<_, Error>(sigmoid(x)),
        |_: Of<'_, T>, x| Ok::<_, Error>(sigmoid_derivative(x))
    );
    all("sigmoid", sigmoid, false)?;
    let log_sigmoid = activation!(
        |_: Of<'_, T>| LogSigmoid::new(),
        |_: Of<'_, T>, x| Ok::<_, Error>(log_sigmoid(x)),
        |_: Of<'_, T>, x| Ok::<_, Error>(log_sigmoid_derivative(x))
    );
    all("logsigmoid", log_sigmoid, false)?;
    // With a beta of 1 by the functions that have none.
    let softplus = activation!(
        with_beta,
        |e: Of<'_, T>, x| match e.beta {
            1.0 => Ok(softplus(x)),
            _ => with_beta(e).value(x),
        },
        |e: Of<'_, T>, x| match e.beta {
            1.0 => Ok(softplus_derivative(x)),
            _ => with_beta(e).derivative(x),
        }
    );
    all("softplus", softplus, false)?;
    let accuracy: (_, Kernel<T>) = ("forward", |e, _, hash| {
        hash.number(binary_accuracy(e.x, e.y)?);
        Ok(())
    });
    all("binary_accuracy", &[accuracy], false)
}
