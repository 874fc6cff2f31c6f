//! Accuracy.

use crate::check::{check_all_in_unit_interval, check_length};
use crate::error::{Argument, Error};
use crate::number::format::Format;
use crate::rows::labels::{ClassIndex, Labels};
use crate::rows::shape::Classes;
use crate::sum::thread_group::{Alone, ThreadGroup};

/// The share of rows whose largest logit is at the label; the first of equal logits is taken.
///
/// Shapes: `input` is (C), (N, C) or (N, C, d1..dK), `target` the same without C. A row with a NaN logit
/// has no largest one and counts as wrong. The accuracy of nothing is NaN. Within 0.5001 ULP.
///
/// # Errors
///
/// [`Error::Length`]; [`Error::ClassIndex`] for a label outside `0..C`.
///
/// ```
/// use trueloss::{Classes, accuracy};
///
/// let logits = Classes::new(&[0.1_f32, 0.9, 2.0, 2.0], [2, 2])?;
/// assert_eq!(accuracy(logits, &[1_u8, 1])?, 0.5);
/// # Ok::<(), trueloss::Error>(())
/// ```
pub fn accuracy<T: Format, I: ClassIndex>(input: Classes<'_, T>, target: &[I]) -> Result<T, Error> {
    let labels = Labels::check(target, None, input.rows(), input.classes())?;
    let right = (0..input.rows()).filter(|&row| is_row_right(Alone, input, labels, row));
    Ok(share(right.count(), input.rows()))
}

/// Whether a row's largest logit is at its label.
#[inline(always)]
pub(crate) fn is_row_right<T: Format, M: ThreadGroup>(
    group: M,
    input: Classes<'_, T>,
    labels: Labels<'_>,
    row: usize,
) -> bool {
    let logits = input.row(row);
    labels.get(row) == Some(logits.max(group).1) && !logits.has_nan(group)
}

/// Whether (logit > 0) says what the target says.
#[doc(hidden)]
#[inline(always)]
pub fn is_right<T: Format>(logit: T, target: T) -> bool {
    !logit.is_nan() && (logit > T::zero()) == (target == T::one())
}

/// The share of elements where (logit > 0) says what the target, 1 or not, says.
///
/// A logit is above 0 exactly where its sigmoid is above 1/2, so no sigmoid is needed. Shapes: any, of
/// one length. A NaN logit counts as wrong. The accuracy of nothing is NaN. Within 0.5001 ULP.
///
/// # Errors
///
/// [`Error::Length`]; [`Error::OutsideUnitInterval`] for a target outside [0, 1] or NaN.
///
/// ```
/// let accuracy = trueloss::binary_accuracy(&[0.3_f32, -2.0, 0.0, 1.0], &[1.0, 0.0, 0.0, 0.0])?;
/// assert_eq!(accuracy, 0.75);
/// # Ok::<(), trueloss::Error>(())
/// ```
pub fn binary_accuracy<T: Format>(input: &[T], target: &[T]) -> Result<T, Error> {
    check_length(Argument::Target, input.len(), target.len())?;
    check_all_in_unit_interval(Argument::Target, target)?;
    let right = input.iter().zip(target).filter(|&(&x, &y)| is_right(x, y));
    Ok(share(right.count(), input.len()))
}

fn share<T: Format>(part: usize, whole: usize) -> T {
    T::encode(part as f64 / whole as f64)
}
