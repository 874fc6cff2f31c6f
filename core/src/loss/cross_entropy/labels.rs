//! Rows with labels: the reference formulas, and where there are fast paths.

use crate::engine::rounding_test::SumEstimate;
use crate::engine::row_loss::{RowLoss, Scale};
use crate::loss::cross_entropy::factors::Factors;
use crate::loss::cross_entropy::fast::EachLoss;
use crate::loss::cross_entropy::fixed_point::MAX_FIXED_POINT_CLASSES;
use crate::loss::cross_entropy::label_call::LabelCall;
use crate::loss::cross_entropy::value;
use crate::machine::INTEGER;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::number::real::{Real, mul_zero_wins};

use crate::rows::row::SoftmaxParts;
use crate::rows::shape::{Classes, Layout, Output};
use crate::sum::reduction::Reduction;
use crate::sum::thread_group::ThreadGroup;

impl<T: Format> RowLoss<T> for LabelCall<'_, T> {
    /// The label and softmax's parts; none where the row is ignored.
    type Parts = Option<(usize, SoftmaxParts)>;

    fn input(&self) -> Classes<'_, T> {
        self.input
    }

    fn reduction(&self) -> Reduction {
        self.options.reduction
    }

    fn weight(&self, row: usize) -> f64 {
        self.labels.weight(row, self.options.weight)
    }

    fn count(&self) -> Option<usize> {
        let unweighted = self.options.weight.is_none();
        unweighted.then(|| self.labels.count())
    }

    #[inline(always)]
    fn parts<M: ThreadGroup>(&self, group: M, row: usize) -> Self::Parts {
        let label = self.labels.get(row)?;
        Some((label, self.input.row(row).softmax_parts(group)))
    }

    fn value<M: ThreadGroup>(&self, group: M, row: usize, parts: &Self::Parts) -> f64 {
        let Some((label, parts)) = parts else {
            return 0.0;
        };
        let row = self.input.row(row);
        if self.options.label_smoothing == 0.0 {
            let max_minus_logit = parts.max_minus_logit(*label, row.get(*label));
            let weight = self.options.class_weight(*label);
            mul_zero_wins(weight, value::<T::Real>(max_minus_logit, parts.log1p())).round()
        } else {
            self.smoothed(*label).value(group, &row, parts)
        }
    }

    #[inline(always)]
    fn gradient<M: ThreadGroup>(
        &self,
        group: M,
        row: usize,
        parts: &Self::Parts,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let row = self.input.row(row);
        let Some((label, parts)) = parts else {
            layout.write_all(group, grad_input, |_, out| out.fill(0.0));
            return;
        };
        if self.options.label_smoothing == 0.0 {
            let scale = T::Real::product(scale, self.options.class_weight(*label));
            layout.write_all(group, grad_input, |start, out| {
                self.chunk_of_gradient(&row, *label, parts, scale, start, out);
            });
        } else {
            self.smoothed(*label)
                .gradient(group, &row, parts, scale, layout, grad_input);
        }
    }

    fn has_fast(&self) -> bool {
        let integer =
            self.options.weight.is_none() && self.input.classes() <= MAX_FIXED_POINT_CLASSES;
        self.options.label_smoothing == 0.0 && self.input.has_fast() && (integer || !INTEGER)
    }

    #[inline(always)]
    fn fast<A: Arithmetic>(
        &self,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        grad_input: &mut [T],
    ) -> SumEstimate {
        if INTEGER {
            return self.integer(start, len, scale, grad_input);
        }
        let mut total = SumEstimate::default();
        if grad_input.is_empty() {
            self.fast_groups::<A, true>(start, len, scale, grad_input, &mut total);
        } else {
            self.fast_groups::<A, false>(start, len, scale, grad_input, &mut total);
        }
        total
    }

    #[inline(always)]
    fn fast_each<A: Arithmetic>(&self, start: usize, losses: &mut [T]) {
        let len = losses.len();
        let write = EachLoss {
            call: self,
            start,
            losses,
        };
        self.fast_groups::<A, false>(start, len, Scale::All(0.0), &mut [], write);
    }
}
