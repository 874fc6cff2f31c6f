//! The functions of rows of classes: each direction over the same cases.

use crate::call::{Direction, Labels, Library, RowCall, RowFunction};
use crate::hash::Hash;
use crate::number::{Logits, Number, Random};
use crate::{ACTIVATION, Buffers, Name, Size, Visit, reductions};
use trueloss::Reduction;

const LOGITS: [Logits; 5] = [
    Logits::Ordinary,
    Logits::Ties,
    Logits::Wide,
    Logits::Special,
    Logits::Spread,
];

/// Call number `case`, and room for its outputs.
fn fill<'a, T: Number>(
    (function, direction): (RowFunction, Direction),
    buffers: &'a mut Buffers<'_, T>,
    shape: [usize; 3],
    case: u64,
    logits: Logits,
) -> (RowCall<'a, T>, &'a mut [T]) {
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
    let grad_outputs = if function.is_activation() { len } else { rows };
    let call = RowCall {
        function,
        direction,
        reduction: Reduction::Mean,
        data: x,
        shape,
        labels: Labels::I32(labels),
        probabilities: q,
        weight: (case % 2 == 1).then_some(weight),
        // A label that there is, in one case of three.
        ignore_index: if case % 3 == 1 { 0 } else { -100 },
        label_smoothing: if case % 4 == 3 { 0.1 } else { 0.0 },
        grad_output: random.ordinary(),
        grad_outputs: &g[..grad_outputs],
    };
    let outputs = call.outputs();
    (call, &mut out[..outputs])
}

/// Hashes what a library answers to a call.
type Answer<'a, T, E> = dyn FnMut(&RowCall<'_, T>, &mut [T], &mut Hash) -> Result<(), E> + 'a;

/// Visits the digest of a function in one direction.
fn digest<T: Number, E>(
    of: (RowFunction, Direction),
    name: Name<'static>,
    buffers: &mut Buffers<'_, T>,
    size: &Size,
    visit: &mut Visit<'_>,
    answer: &mut Answer<'_, T, E>,
) -> Result<(), E> {
    let mut hash = Hash::new();
    let mut case = 0;
    for &shape in size.shapes {
        for logits in LOGITS {
            let (call, out) = fill(of, buffers, shape, case, logits);
            answer(&call, out, &mut hash)?;
            case += 1;
        }
    }
    visit(name, hash.finish());
    Ok(())
}

/// Visits the digests of all functions of rows.
pub(crate) fn each<T: Number, L: Library<T>>(
    library: &mut L,
    buffers: &mut Buffers<'_, T>,
    size: &Size,
    visit: &mut Visit<'_>,
) -> Result<(), L::Error> {
    let mut all = |function: RowFunction, direction, name| {
        let name = Name::of::<T>(function.name(), name);
        digest(
            (function, direction),
            name,
            buffers,
            size,
            visit,
            &mut |call, out, hash| {
                for &reduction in reductions(direction) {
                    let loss = library.rows(&RowCall { reduction, ..*call }, out)?;
                    hash.answer(loss, out);
                }
                Ok(())
            },
        )
    };
    for function in RowFunction::LOSSES {
        for direction in Direction::ALL {
            all(function, direction, direction.name())?;
        }
    }
    for function in RowFunction::ACTIVATIONS {
        for (direction, name) in ACTIVATION {
            all(function, direction, name)?;
        }
    }
    // Of the inputs of the loss that it goes with.
    let of = (RowFunction::CrossEntropy, Direction::Forward);
    let name = Name::of::<T>("accuracy", "forward");
    digest(of, name, buffers, size, visit, &mut |call, _, hash| {
        hash.number(library.accuracy(call.data, call.shape, call.labels)?);
        Ok(())
    })
}
