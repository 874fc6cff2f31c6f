//! The functions of rows of classes: each direction over the same cases.

use crate::elements::REDUCTIONS;
use crate::hash::Hash;
use crate::number::{Logits, Number, Random};
use crate::{Buffers, Size, Visit, each_direction};
use trueloss::{Classes, CrossEntropy, Error, LogSoftmax, Nll, Softmax, accuracy};

/// What a function takes. Each uses what it needs.
struct Rows<'a, T> {
    x: Classes<'a, T>,
    labels: &'a [i32],
    /// Probabilities of the shape of `x`.
    q: &'a [T],
    /// A `grad_output` for each element; the first of them are those of the rows.
    g: &'a [T],
    weight: Option<&'a [T]>,
    /// The label of rows that are ignored: one that there is in one case of three.
    ignored: i64,
    grad_output: T,
    smoothing: f64,
}

/// A function in one direction: writes its outputs, and hashes them and its loss.
type Kernel<T> = fn(&Rows<'_, T>, &mut [T], &mut Hash) -> Result<(), Error>;

const LOGITS: [Logits; 5] = [
    Logits::Ordinary,
    Logits::Ties,
    Logits::Wide,
    Logits::Special,
    Logits::Spread,
];

/// The inputs of case number `case`.
fn fill<'a, T: Number>(
    buffers: &'a mut Buffers<'_, T>,
    shape: [usize; 3],
    case: u64,
    logits: Logits,
) -> Result<(Rows<'a, T>, &'a mut [T]), Error> {
    let [outer, classes, inner] = shape;
    let (len, rows) = (outer * classes * inner, outer * inner);
    let mut random = Random::new(case);
    let Buffers { x, y, g, out, .. } = buffers;
    let [x, q, g, out] = [x, y, g, out].map(|buffer| &mut buffer[..len]);
    let (weight, labels) = (&mut buffers.weight[..classes], &mut buffers.labels[..rows]);
    for i in 0..len {
        x[i] = logits.next(&mut random, i);
        q[i] = random.unit();
        g[i] = logits.grad_output(&mut random);
    }
    weight.fill_with(|| random.weight());
    labels.fill_with(|| random.below(classes as u64) as i32);
    let rows = Rows {
        x: Classes::new(x, shape)?,
        labels,
        q,
        g,
        weight: (case % 2 == 1).then_some(weight),
        ignored: if case % 3 == 1 { 0 } else { -100 },
        grad_output: random.ordinary(),
        smoothing: if case % 4 == 3 { 0.1 } else { 0.0 },
    };
    Ok((rows, out))
}

/// Visits the digest of each direction of a function.
fn digest<T: Number>(
    function: &'static str,
    directions: &[(&'static str, Kernel<T>)],
    buffers: &mut Buffers<'_, T>,
    size: &Size,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    each_direction(function, T::NAME, directions, visit, |kernel, hash| {
        let mut case = 0;
        for &shape in size.shapes {
            for logits in LOGITS {
                let (rows, out) = fill(buffers, shape, case, logits)?;
                kernel(&rows, out, hash)?;
                case += 1;
            }
        }
        Ok(())
    })
}

/// The five directions of a loss, by the names of its methods.
macro_rules! loss {
    (
        $loss:expr, $target:ident; $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident,
        $forward_backward:ident
    ) => {
        &[
            (
                "forward",
                (|r, _, hash| {
                    for reduction in REDUCTIONS {
                        let loss = $loss(r).reduction(reduction);
                        hash.number(loss.$forward(r.x, r.$target)?);
                    }
                    Ok(())
                }) as Kernel<T>,
            ),
            ("forward_each", |r, out, hash| {
                let losses = &mut out[..r.x.rows()];
                $loss(r).$forward_each(r.x, r.$target, losses)?;
                hash.numbers(losses);
                Ok(())
            }),
            ("backward", |r, out, hash| {
                for reduction in REDUCTIONS {
                    let loss = $loss(r).reduction(reduction);
                    loss.$backward(r.x, r.$target, r.grad_output, out)?;
                    hash.numbers(out);
                }
                Ok(())
            }),
            ("backward_each", |r, out, hash| {
                $loss(r).$backward_each(r.x, r.$target, &r.g[..r.x.rows()], out)?;
                hash.numbers(out);
                Ok(())
            }),
            ("forward_backward", |r, out, hash| {
                for reduction in REDUCTIONS {
                    let loss = $loss(r).reduction(reduction);
                    hash.number(loss.$forward_backward(r.x, r.$target, out)?);
                    hash.numbers(out);
                }
                Ok(())
            }),
        ]
    };
}

/// The two directions of an activation.
macro_rules! activation {
    ($activation:expr) => {
        &[
            (
                "forward",
                (|r, out, hash| {
                    $activation.forward(r.x, out)?;
                    hash.numbers(out);
                    Ok(())
                }) as Kernel<T>,
            ),
            ("backward", |r, out, hash| {
                $activation.backward(r.x, r.g, out)?;
                hash.numbers(out);
                Ok(())
            }),
        ]
    };
}

/// Visits the digests of all functions of rows.
pub(crate) fn each<T: Number>(
    buffers: &mut Buffers<'_, T>,
    size: &Size,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    fn nll<'b, T: Number>(r: &Rows<'b, T>) -> Nll<'b, T> {
        let loss = Nll::new().ignore_index(r.ignored);
        r.weight.map_or(loss, |weight| loss.weight(weight))
    }
    fn cross_entropy<'b, T: Number>(r: &Rows<'b, T>) -> CrossEntropy<'b, T> {
        let loss = CrossEntropy::new()
            .ignore_index(r.ignored)
            .label_smoothing(r.smoothing);
        r.weight.map_or(loss, |weight| loss.weight(weight))
    }

    let mut all = |function, directions: &[(&'static str, Kernel<T>)]| {
        digest(function, directions, buffers, size, visit)
    };
    let loss = loss!(
        nll, labels; forward, forward_each, backward, backward_each, forward_backward
    );
    all("nll_loss", loss)?;
    let loss = loss!(
        cross_entropy, labels; forward, forward_each, backward, backward_each, forward_backward
    );
    all("cross_entropy", loss)?;
    let loss = loss!(
        cross_entropy, q; forward_probabilities, forward_each_probabilities, backward_probabilities,
        backward_each_probabilities, forward_backward_probabilities
    );
    all("cross_entropy_probabilities", loss)?;
    all("softmax", activation!(Softmax::new()))?;
    all("log_softmax", activation!(LogSoftmax::new()))?;
    let accuracy: (_, Kernel<T>) = ("forward", |r, _, hash| {
        hash.number(accuracy(r.x, r.labels)?);
        Ok(())
    });
    all("accuracy", &[accuracy])
}
