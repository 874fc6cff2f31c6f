//! Lengths, shapes and options that do not fit.

use arbitrary::{Result, Unstructured};
use trueloss::{Classes, Error, Reduction};
use trueloss_digest::call::{Direction, Library};

use super::properties::{self, answer, is_legal};
use super::question::{Kind, Number, Question, any_bits, list};

/// More than any legal call has.
const MOST_OUTPUTS: usize = 1 << 17;

/// Some functions of each kind, with what is wrong with the call chosen by the bytes: nothing, one thing, or much.
pub(super) fn check<T: Number, L: Library<T>>(
    bytes: &mut Unstructured<'_>,
    library: &mut L,
) -> Result<()> {
    if bytes.ratio(1, 4)? {
        return along::<T>(bytes);
    }
    let mut question = Question::<T>::legal(*bytes.choose(&Kind::all())?, bytes)?;
    for _ in 0..bytes.int_in_range(0..=3_u8)? {
        spoil(&mut question, bytes)?;
    }
    let directions: &[Direction] = if question.kind.is_activation() {
        &[Direction::ForwardEach, Direction::BackwardEach]
    } else {
        &Direction::ALL
    };
    let reduction = *bytes.choose(&[Reduction::Mean, Reduction::Sum])?;
    // One in four outputs is of another length.
    let (longer, shorter) = match bytes.arbitrary::<u8>()? {
        change @ 0..64 => (usize::from(change % 3), usize::from(change / 3 % 3)),
        _ => (0, 0),
    };
    let mut legal = true;
    for &direction in directions {
        // Beside a size of 0 there may be one that asks for more outputs than fit a memory.
        let outputs = question.outputs(direction).min(MOST_OUTPUTS);
        let outputs = (outputs + longer).saturating_sub(shorter);
        let answered = answer(&question, library, direction, reduction, outputs);
        let expected = is_legal(&question, direction, outputs);
        assert_eq!(
            answered.is_ok(),
            expected,
            "{direction:?} with {outputs} outputs: {answered:?}\n{question:?}"
        );
        legal &= is_legal(&question, direction, question.outputs(direction));
    }
    if legal {
        properties::check(&question, library);
    }
    Ok(())
}

/// Makes one thing something else, which may be legal too.
fn spoil<T: Number>(question: &mut Question<T>, bytes: &mut Unstructured<'_>) -> Result<()> {
    fn change<N: Copy>(list: &mut Vec<N>, bytes: &mut Unstructured<'_>, number: N) -> Result<()> {
        let place = usize::from(bytes.arbitrary::<u8>()?) % (list.len() + 1);
        match bytes.arbitrary::<u8>()? % 4 {
            0 => list.truncate(place),
            1 => list.insert(place, number),
            _ => {
                if let Some(x) = list.get_mut(place) {
                    *x = number;
                }
            }
        }
        Ok(())
    }
    let number: T = any_bits(bytes)?;
    match bytes.arbitrary::<u8>()? % 12 {
        0 => change(&mut question.input, bytes, number)?,
        1 => change(&mut question.target, bytes, number)?,
        2 => change(question.weight.get_or_insert_default(), bytes, number)?,
        3 => change(question.pos_weight.get_or_insert_default(), bytes, number)?,
        4 => change(&mut question.grad_outputs, bytes, number)?,
        5 => {
            let label = bytes.arbitrary()?;
            change(&mut question.labels, bytes, label)?;
        }
        6 => question.ignore_index = bytes.arbitrary()?,
        7 => question.label_smoothing = any_bits(bytes)?,
        8 => {
            let arguments = question.kind.function().arguments();
            let options = arguments.map_or(0, |of| of.numbers.len());
            match question.numbers.get_mut(..options).unwrap_or(&mut []) {
                [] => question.beta = any_bits(bytes)?,
                numbers => {
                    let which = usize::from(bytes.arbitrary::<u8>()?) % numbers.len();
                    numbers[which] = any_bits(bytes)?;
                }
            }
        }
        9 => question.grad_output = number,
        10 => {
            let place = bytes.arbitrary::<u8>()? % 3;
            question.shape[usize::from(place)] = size(bytes)?;
        }
        _ => question.shape = [size(bytes)?, size(bytes)?, size(bytes)?],
    }
    Ok(())
}

/// The size of a dimension: a small one, or one whose product with others is more than can be counted.
fn size(bytes: &mut Unstructured<'_>) -> Result<usize> {
    Ok(match bytes.arbitrary::<u8>()? {
        small @ 0..192 => usize::from(small % 6),
        power @ 192..240 => 1 << (power - 192 + 16),
        _ => bytes.arbitrary()?,
    })
}

/// Rows along any dimension of any shape are what arithmetic without bounds says.
fn along<T: Number>(bytes: &mut Unstructured<'_>) -> Result<()> {
    let rank = bytes.int_in_range(0..=5_usize)?;
    let shape = list(bytes, rank, size)?;
    let dim = match bytes.arbitrary::<u8>()? {
        255 => bytes.arbitrary()?,
        dim => usize::from(dim % 6),
    };
    // None where a product is more than can be counted. Where a size is 0, so is the product, whatever the others are.
    let product = |sizes: &[usize]| {
        let product = |all: usize, &size: &usize| all.checked_mul(size);
        match sizes.contains(&0) {
            true => Some(0),
            false => sizes.iter().try_fold(1, product),
        }
    };
    let fitting = product(&shape).filter(|&len| len <= 1 << 12);
    let len = match bytes.arbitrary::<u8>()? {
        other @ 0..64 => usize::from(other),
        _ => fitting.unwrap_or(0),
    };
    let data = vec![T::zero(); len];
    let found = Classes::along(&data, &shape, dim).map(|rows| {
        assert_eq!(rows.elements(), len);
        (rows.rows(), rows.classes())
    });
    let expected = match (shape.get(dim), product(&shape)) {
        (None, _) => Err(Error::Dimension { dim, rank }),
        (Some(0), _) => Err(Error::NoClasses),
        (_, None) => Err(Error::ShapeOverflow),
        (_, Some(expected)) if expected != len => Err(Error::Length {
            argument: trueloss::Argument::Input,
            expected,
            actual: len,
        }),
        (Some(&classes), Some(len)) => Ok((len / classes, classes)),
    };
    assert_eq!(found, expected, "{shape:?}, dimension {dim}");
    if dim == usize::from(rank > 1) {
        let of_classes = Classes::new(&data, &shape).map(|rows| (rows.rows(), rows.classes()));
        assert_eq!(of_classes, found, "{shape:?}");
    }
    Ok(())
}
