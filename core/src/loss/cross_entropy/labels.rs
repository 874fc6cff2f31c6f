//! Rows with labels: the reference formulas, and where there are fast paths.

use crate::engine::rounding_test::Estimate;
use crate::engine::row_loss::{RowLoss, Scale};
use crate::loss::cross_entropy::factors::Factors;
use crate::loss::cross_entropy::fast::EachLoss;
use crate::loss::cross_entropy::fixed_point::MOST_INTEGER_CLASSES;
use crate::loss::cross_entropy::label_call::Labelled;
use crate::loss::cross_entropy::value;
use crate::machine::INTEGER;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::number::real::{Wide, weigh};

use crate::rows::row::SoftmaxParts;
use crate::rows::shape::{Classes, Layout, Output};
use crate::sum::reduction::Reduction;
use crate::sum::thread_group::Team;

impl<T: Format> RowLoss<T> for Labelled<'_, T> {
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
    fn parts<M: Team>(&self, team: M, row: usize) -> Self::Parts {
        let label = self.labels.get(row)?;
        Some((label, self.input.row(row).softmax_parts(team)))
    }

    fn value<M: Team>(&self, team: M, row: usize, parts: &Self::Parts) -> f64 {
        let Some((label, parts)) = parts else {
            return 0.0;
        };
        let row = self.input.row(row);
        if self.options.label_smoothing == 0.0 {
            let below_max = parts.below_max(*label, row.get(*label));
            let weight = self.options.class_weight(*label);
            weigh(weight, value::<T::Wide>(below_max, parts.log1p())).round()
        } else {
            self.smoothed(*label).value(team, &row, parts)
        }
    }

    #[inline(always)]
    fn gradient<M: Team>(
        &self,
        team: M,
        row: usize,
        parts: &Self::Parts,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let row = self.input.row(row);
        let Some((label, parts)) = parts else {
            layout.write_all(team, grad_input, |_, out| out.fill(0.0));
            return;
        };
        if self.options.label_smoothing == 0.0 {
            let scale = T::Wide::product(scale, self.options.class_weight(*label));
            layout.write_all(team, grad_input, |start, out| {
                self.chunk_of_gradient(&row, *label, parts, scale, start, out);
            });
        } else {
            self.smoothed(*label)
                .gradient(team, &row, parts, scale, layout, grad_input);
        }
    }

    fn has_quick(&self) -> bool {
        let integer = self.options.weight.is_none() && self.input.classes() <= MOST_INTEGER_CLASSES;
        self.options.label_smoothing == 0.0 && self.input.has_quick() && (integer || !INTEGER)
    }

    #[inline(always)]
    fn quick<A: Arithmetic>(
        &self,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        grad_input: &mut [T],
    ) -> Estimate {
        if INTEGER {
            return self.integer(start, len, scale, grad_input);
        }
        let mut total = Estimate::default();
        if grad_input.is_empty() {
            self.quick_groups::<A, true>(start, len, scale, grad_input, &mut total);
        } else {
            self.quick_groups::<A, false>(start, len, scale, grad_input, &mut total);
        }
        total
    }

    #[inline(always)]
    fn quick_each<A: Arithmetic>(&self, start: usize, losses: &mut [T]) {
        let len = losses.len();
        let write = EachLoss {
            labelled: self,
            start,
            losses,
        };
        self.quick_groups::<A, false>(start, len, Scale::All(0.0), &mut [], write);
    }
}
