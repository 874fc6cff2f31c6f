//! Calls with class probabilities.

use crate::engine::row_loss::RowLoss;
use crate::loss::cross_entropy::CrossEntropy;
use crate::loss::cross_entropy::factors::{Factors, Probabilities};
use crate::number::format::Format;
use crate::rows::row::SoftmaxParts;
use crate::rows::shape::{Classes, Layout, Output};
use crate::sum::reduction::Reduction;
use crate::sum::thread_group::ThreadGroup;

/// A call with class probabilities whose arguments have been checked.
pub(crate) struct ProbabilityCall<'a, T> {
    pub(super) options: &'a CrossEntropy<'a, T>,
    pub(super) input: Classes<'a, T>,
    pub(super) target: &'a [T],
}

impl<T: Format> ProbabilityCall<'_, T> {
    pub(super) fn factors(&self, row: usize) -> Probabilities<'_, T> {
        Probabilities {
            options: self.options,
            target: self.target,
            layout: self.input.layout(row),
        }
    }
}

impl<T: Format> RowLoss<T> for ProbabilityCall<'_, T> {
    type Parts = SoftmaxParts;

    fn input(&self) -> Classes<'_, T> {
        self.input
    }

    fn reduction(&self) -> Reduction {
        self.options.reduction
    }

    fn weight(&self, _: usize) -> f64 {
        1.0
    }

    fn count(&self) -> Option<usize> {
        Some(self.input.rows())
    }

    #[inline(always)]
    fn parts<M: ThreadGroup>(&self, group: M, row: usize) -> SoftmaxParts {
        self.input.row(row).softmax_parts(group)
    }

    fn value<M: ThreadGroup>(&self, group: M, row: usize, parts: &SoftmaxParts) -> f64 {
        self.factors(row).value(group, &self.input.row(row), parts)
    }

    #[inline(always)]
    fn gradient<M: ThreadGroup>(
        &self,
        group: M,
        row: usize,
        parts: &SoftmaxParts,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let logits = self.input.row(row);
        self.factors(row)
            .gradient(group, &logits, parts, scale, layout, grad_input);
    }
}
