//! A call with labels: the reference formulas of its rows.

use crate::loss::cross_entropy::factors::Smoothed;

use crate::loss::cross_entropy::{CrossEntropy, gradient};

use crate::number::format::Format;
use crate::number::real::Real;
use crate::rows::labels::Labels;
use crate::rows::row::{Row, SoftmaxParts};
use crate::rows::shape::Classes;

/// A call with labels whose arguments have been checked.
pub(crate) struct LabelCall<'a, T> {
    pub(super) options: &'a CrossEntropy<'a, T>,
    pub(super) input: Classes<'a, T>,
    pub(super) labels: Labels<'a>,
}

impl<T: Format> LabelCall<'_, T> {
    /// The gradient of a row's classes from `start` on.
    #[inline(always)]
    pub(super) fn chunk_of_gradient(
        &self,
        row: &Row<'_, T>,
        label: usize,
        parts: &SoftmaxParts,
        scale: T::Real,
        start: usize,
        out: &mut [f64],
    ) {
        let others = parts.real_others();
        let of =
            |e: T::Real, is_label, is_max| (gradient(e, others, is_label, is_max) * scale).round();
        row.of_exponentials(parts, start, out, |e| of(e, false, false));
        // Apart, so that there is nothing to choose in the loop.
        let at_label = label.checked_sub(start).and_then(|at| out.get_mut(at));
        if let Some(at_label) = at_label {
            let e: T::Real = parts.exponential(row.get(label));
            *at_label = of(e, true, label == parts.argmax);
        }
    }

    pub(super) fn smoothed(&self, label: usize) -> Smoothed<'_, T> {
        Smoothed {
            options: self.options,
            label,
            classes: self.input.classes(),
        }
    }
}
