//! The functions that go element by element: each direction over the same cases.

use crate::call::{Direction, ElementCall, ElementFunction, Library};
use crate::hash::Hash;
use crate::number::{EDGES, Logits, Number, Random};
use crate::{ACTIVATION, Buffers, Name, POS_WEIGHTS, Size, Visit, reductions};
use trueloss::Reduction;
use trueloss::device::{Domain, NUMBERS};

const LOGITS: [Logits; 4] = [
    Logits::Ordinary,
    Logits::Wide,
    Logits::Spread,
    Logits::Edges,
];

/// Call number `case`, and room for its outputs.
fn fill<'a, T: Number>(
    (function, direction): (ElementFunction, Direction),
    buffers: &'a mut Buffers<'_, T>,
    len: usize,
    case: u64,
    logits: Logits,
) -> (ElementCall<'a, T>, &'a mut [T]) {
    let arguments = function.arguments();
    let probabilities = arguments.is_some_and(|of| of.input == Domain::UnitInterval);
    let target = arguments.map(|of| of.target);
    let hard = matches!(target, Some(Domain::HardLabels | Domain::Signs));
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
            _ if hard && i % 2 == 0 => T::zero(),
            _ if hard => T::one(),
            _ => random.unit(),
        };
        if target == Some(Domain::Signs) && y[i] == T::zero() {
            y[i] = -T::one();
        }
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
    let call = ElementCall {
        function,
        direction,
        reduction: Reduction::Mean,
        input: x,
        target: y,
        weight: weighted.then_some(weight),
        pos_weight: weighted.then_some(&buffers.pos_weight[..of_positives]),
        grad_output: random.ordinary(),
        grad_outputs: g,
        beta: if weighted { 2.5 } else { 1.0 },
        numbers: arguments.map_or([0.0; NUMBERS], |arguments| {
            let other = |number| if weighted { number * 0.75 } else { number };
            arguments.defaults().map(other)
        }),
    };
    let outputs = call.outputs();
    (call, &mut out[..outputs])
}

/// Hashes what a library answers to a call. False where it has no such function.
type Answer<'a, T, E> = dyn FnMut(&ElementCall<'_, T>, &mut [T], &mut Hash) -> Result<bool, E> + 'a;

/// Visits the digest of a function in one direction, if there are answers to it.
fn digest<T: Number, E>(
    of: (ElementFunction, Direction),
    name: Name<'static>,
    buffers: &mut Buffers<'_, T>,
    size: &Size,
    visit: &mut Visit<'_>,
    answer: &mut Answer<'_, T, E>,
) -> Result<(), E> {
    let mut hash = Hash::new();
    let mut case = 0;
    for &len in size.lengths {
        for logits in LOGITS {
            // Without weights and with them.
            for _ in 0..2 {
                let (call, out) = fill(of, buffers, len, case, logits);
                if !answer(&call, out, &mut hash)? {
                    return Ok(());
                }
                case += 1;
            }
        }
    }
    visit(name, hash.finish());
    Ok(())
}

/// Visits the digests of all functions of elements.
pub(crate) fn each<T: Number, L: Library<T>>(
    library: &mut L,
    buffers: &mut Buffers<'_, T>,
    size: &Size,
    visit: &mut Visit<'_>,
) -> Result<(), L::Error> {
    let mut all = |function: ElementFunction, direction, name, answer: &mut Answer<'_, T, _>| {
        let name = Name::of::<T>(function.name(), name);
        digest((function, direction), name, buffers, size, visit, answer)
    };
    for function in ElementFunction::LOSSES {
        if !library.has(function) {
            continue;
        }
        for direction in Direction::ALL {
            all(
                function,
                direction,
                direction.name(),
                &mut |call, out, hash| slices(library, call, out, hash),
            )?;
        }
    }
    for function in ElementFunction::ACTIVATIONS {
        for (direction, name) in ACTIVATION {
            all(function, direction, name, &mut |call, out, hash| {
                slices(library, call, out, hash)
            })?;
        }
        for (direction, name) in [
            (Direction::ForwardEach, "value"),
            (Direction::BackwardEach, "derivative"),
        ] {
            all(function, direction, name, &mut |call, out, hash| {
                let answered = library.one_by_one(call, out)?;
                hash.numbers(out);
                Ok(answered)
            })?;
        }
    }
    // Of the inputs of the loss that it goes with.
    let of = (
        ElementFunction::BinaryCrossEntropyWithLogits,
        Direction::Forward,
    );
    let name = Name::of::<T>("binary_accuracy", "forward");
    digest(of, name, buffers, size, visit, &mut |call, _, hash| {
        hash.number(library.binary_accuracy(call.input, call.target)?);
        Ok(true)
    })
}

/// The functions of slices.
fn slices<T: Number, L: Library<T>>(
    library: &mut L,
    call: &ElementCall<'_, T>,
    out: &mut [T],
    hash: &mut Hash,
) -> Result<bool, L::Error> {
    for &reduction in reductions(call.direction) {
        let loss = library.elements(&ElementCall { reduction, ..*call }, out)?;
        hash.answer(loss, out);
    }
    Ok(true)
}
