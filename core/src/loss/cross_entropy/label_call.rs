//! A call with labels: the reference formulas of its rows.

use crate::loss::cross_entropy::factors::Smoothed;
use crate::loss::cross_entropy::{CrossEntropy, gradient};
use crate::number::format::Format;
use crate::number::real::Real;
use crate::rows::labels::Labels;
use crate::rows::row::{Row, SoftmaxParts};
use crate::rows::shape::Classes;

/// A call with labels whose arguments have been checked, with label smoothing or without.
///
/// They are two types, so that a program which uses one of them is not linked with the code of both.
pub(crate) struct LabelCall<'a, T, const SMOOTHED: bool> {
    pub(super) options: &'a CrossEntropy<'a, T>,
    pub(super) input: Classes<'a, T>,
    pub(super) labels: Labels<'a>,
}

impl<'a, T: Format> LabelCall<'a, T, false> {
    /// Whether its options smooth labels.
    #[inline(always)]
    pub(crate) fn is_smoothed(&self) -> bool {
        self.options.is_smoothed()
    }

    /// The same call with the label smoothing that its options have.
    pub(crate) fn smoothed(&self) -> LabelCall<'a, T, true> {
        LabelCall {
            options: self.options,
            input: self.input,
            labels: self.labels,
        }
    }
}

impl<T: Format, const SMOOTHED: bool> LabelCall<'_, T, SMOOTHED> {
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

    pub(super) fn factors(&self, label: usize) -> Smoothed<'_, T> {
        Smoothed {
            options: self.options,
            label,
            classes: self.input.classes(),
        }
    }
}
