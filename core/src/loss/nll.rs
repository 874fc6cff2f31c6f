//! Negative log-likelihood.
//
// Its methods, `forward` to `partial`, are in `front/methods.rs`, once for all losses.

use crate::engine::row_loss::RowLoss;
use crate::error::Error;
use crate::number::format::Format;
use crate::number::real::mul_zero_wins;
use crate::rows::labels::{ClassIndex, Indices, Labels};
use crate::rows::shape::{Classes, Layout, Output};
use crate::sum::reduction::Reduction;
use crate::sum::thread_group::ThreadGroup;

/// Negative log-likelihood of log-probabilities, `nll_loss`.
///
/// Formula: l = -w_y x_y for a row x with label y; the mean divides by the sum of w_y. Gradient: -w_y at
/// the label, 0 elsewhere.
///
/// Shapes: `input` is (C), (N, C) or (N, C, d1..dK), `target` and the losses of `_each` are the same
/// without C, `weight` has C entries.
///
/// Special values: rows whose label is `ignore_index` (default -100, looked at before the range check)
/// have loss 0 and gradient 0 and do not count. A weight of 0 on an infinite log-probability gives 0. The
/// mean of nothing, or of weights that sum to 0, is NaN, and so is the gradient at the label of each row that counts.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP; a reduced loss + 2^-46 of the sum of the terms' magnitudes, where
/// these cancel (log-probabilities of both signs, negative weights). `f64`: see the table of bounds in the README. No bound
/// holds for a mean whose weights have both signs and cancel to less than 2^-24 of their magnitudes.
///
/// Errors: [`Error::Length`]; [`Error::ClassIndex`] for a label outside `0..C`; [`Error::NotFinite`] for
/// a weight that is not finite.
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html>
///
/// ```
/// use trueloss::{Classes, Nll};
///
/// let log_probabilities = [-0.5_f32, -1.0, -2.0, -0.25];
/// let loss = Nll::new().forward(Classes::new(&log_probabilities, [2, 2])?, &[0_u8, 1])?;
/// assert_eq!(loss, 0.375);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nll<'a, T> {
    weight: Option<&'a [T]>,
    ignore_index: i64,
    reduction: Reduction,
}

/// A call whose arguments have been checked.
pub(crate) struct NllCall<'a, T> {
    options: &'a Nll<'a, T>,
    input: Classes<'a, T>,
    labels: Labels<'a>,
}

/// The loss of one row, unweighted: -x_y.
///
/// ```
/// assert_eq!(trueloss::nll::value(-0.25), 0.25);
/// ```
#[inline(always)]
pub fn value(log_probability: f64) -> f64 {
    -log_probability
}

/// Its derivative with respect to x_y: -1.
///
/// ```
/// assert_eq!(trueloss::nll::gradient(), -1.0);
/// ```
#[inline(always)]
pub fn gradient() -> f64 {
    -1.0
}

impl<T: Format> RowLoss<T> for NllCall<'_, T> {
    /// The label; none where the row is ignored.
    type Parts = Option<usize>;

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

    fn parts<M: ThreadGroup>(&self, _: M, row: usize) -> Option<usize> {
        self.labels.get(row)
    }

    fn value<M: ThreadGroup>(&self, _: M, row: usize, label: &Option<usize>) -> f64 {
        match *label {
            None => 0.0,
            Some(label) => mul_zero_wins(self.weight(row), value(self.input.row(row).get(label))),
        }
    }

    fn gradient<M: ThreadGroup>(
        &self,
        group: M,
        row: usize,
        label: &Option<usize>,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        layout.write_all(group, grad_input, |start, out| {
            out.fill(0.0);
            if let Some(at) = label
                .and_then(|label| label.checked_sub(start))
                .and_then(|at| out.get_mut(at))
            {
                *at = scale * (self.weight(row) * gradient());
            }
        });
    }
}

impl<T: Format> Default for Nll<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Format> Nll<'a, T> {
    /// The mean, unweighted, with labels of -100 ignored.
    ///
    /// ```
    /// use trueloss::{Classes, Nll};
    ///
    /// let input = Classes::new(&[-1.0_f32, -2.0, -3.0, -4.0], [2, 2])?;
    /// assert_eq!(Nll::new().forward(input, &[0_u8, 1])?, 2.5);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self {
            weight: None,
            ignore_index: -100,
            reduction: Reduction::Mean,
        }
    }

    /// A weight for each class.
    ///
    /// ```
    /// use trueloss::{Classes, Nll};
    ///
    /// let input = Classes::new(&[-1.0_f32, -2.0, -3.0, -4.0], [2, 2])?;
    /// // The mean divides by the weights, 3 + 1.
    /// let loss = Nll::new().weight(&[3.0, 1.0]).forward(input, &[0_u8, 1])?;
    /// assert_eq!(loss, 1.75);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn weight(mut self, weight: &'a [T]) -> Self {
        self.weight = Some(weight);
        self
    }

    /// The label of rows that don't count. It may be one of the classes.
    ///
    /// ```
    /// use trueloss::{Classes, Nll};
    ///
    /// let input = Classes::new(&[-1.0_f32, -2.0, -3.0, -4.0], [2, 2])?;
    /// let loss = Nll::new().ignore_index(-1).forward(input, &[0, -1])?;
    /// assert_eq!(loss, 1.0);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = ignore_index;
        self
    }

    /// Mean or sum.
    ///
    /// ```
    /// use trueloss::{Classes, Nll, Reduction};
    ///
    /// let input = Classes::new(&[-1.0_f32, -2.0, -3.0, -4.0], [2, 2])?;
    /// let sum = Nll::new().reduction(Reduction::Sum);
    /// assert_eq!(sum.forward(input, &[0_u8, 1])?, 5.0);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    pub(crate) fn check<'b, I: ClassIndex>(
        &'b self,
        input: Classes<'b, T>,
        target: &'b [I],
    ) -> Result<NllCall<'b, T>, Error> {
        input.check_weight(self.weight)?;
        let labels = Labels::check(
            target,
            Some(self.ignore_index),
            input.rows(),
            input.classes(),
        )?;
        Ok(NllCall {
            options: self,
            input,
            labels,
        })
    }

    /// For arguments that are checked elsewhere.
    pub(crate) fn unchecked<'b>(
        &'b self,
        input: Classes<'b, T>,
        labels: Indices<'b>,
    ) -> impl RowLoss<T> + 'b {
        NllCall {
            options: self,
            input,
            labels: Labels::unchecked(labels, Some(self.ignore_index)),
        }
    }
}
