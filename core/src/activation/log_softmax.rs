//! The logarithm of softmax.
//
// Its methods, `forward` and `backward`, are in `front/methods.rs`, once for all activations.

use crate::engine::row_map::RowMap;
use crate::engine::row_outputs;
use crate::engine::transposed_rows::TransposedRows;
use crate::machine::{CHUNK, LANES};
use crate::number::accumulator::Sum;
use crate::number::arithmetic::Arithmetic;
use crate::number::elementary;
use crate::number::format::Format;
use crate::number::real::{Real, mul_zero_wins};
use crate::rows::row::{Row, SoftmaxParts};
use crate::rows::shape::{Layout, Output};
use crate::sum::terms::terms;
use crate::sum::thread_group::ThreadGroup;
use crate::sum::tree;

/// The logarithm of softmax, of rows.
///
/// Formula: ln p_j = (x_j - m) - log1p(S), with m and S as for [`Softmax`](crate::Softmax): two terms that are never
/// positive. Gradient: g_j - p_j sum_i g_i, of the input (not of the output).
///
/// Shapes: rows along any dimension, see [`Classes`](crate::Classes); outputs and gradients have the input's length.
///
/// Special values: -inf at -inf; the limit at one +inf, that is 0 there and -inf elsewhere; NaN for the
/// row at a NaN, at more than one +inf, and where all are -inf.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP. The gradient, a difference that may cancel, is within 0.5001 ULP +
/// 2^-44 (|g_j| (1 - p_j) + p_j sum_i |g_i|) with the sum over the i other than j. `f64`: see the table of bounds in
/// the README.
///
/// Errors: [`Error::Length`](crate::Error::Length), and those of [`Classes::along`](crate::Classes::along).
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html>
///
/// ```
/// use trueloss::{Classes, LogSoftmax};
///
/// let mut output = [0.0_f32; 2];
/// LogSoftmax::new().forward(Classes::new(&[1e8, 1e8], [2])?, &mut output)?;
/// assert_eq!(output, [-core::f32::consts::LN_2; 2]);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogSoftmax(());

impl LogSoftmax {
    /// There are no options.
    ///
    /// ```
    /// use trueloss::LogSoftmax;
    ///
    /// assert_eq!(LogSoftmax::new(), LogSoftmax::default());
    /// ```
    pub const fn new() -> Self {
        Self(())
    }
}

/// Its logarithm: -((m - x_j) + log1p(S)).
///
/// Its gradient is g_j - p_j sum_k g_k. At the first class m with the largest logit p_m may be so near 1 that g_m
/// cancels: there it is (g_m S - sum_k g_k) / (1 + S), over the k other than m. Elsewhere p_j <= 1/2 sees to it that
/// the part of g_j in the second term is at most half of the first.
///
/// Its error, but for what is relative to the result, is relative to Σ = |g_j| (1 - p_j) + p_j sum_k |g_k|, over the k
/// other than j:
/// - `f32`: e_j is within (1.9 + |x_j - m|) u, |x_j - m| below 282 where it shows, and so is S with 57 u more for its
///   additions, as many as the other sum has; 1 + S is within 93 u. Below 439 u < 2^-44.
/// - `f64`: p_j is within 0.2 u, S and 1 + S within 0.1 u: 0.2 u of the terms, and 0.1 u of the result.
pub(crate) struct LogProbabilities;

impl<T: Format> RowMap<T> for LogProbabilities {
    const OF_OTHERS: bool = true;

    #[inline(always)]
    fn reference(&self, row: &Row<'_, T>, parts: &SoftmaxParts, start: usize, out: &mut [f64]) {
        // `f64`: S is within 0.1 u, and its logarithm, which is one of two terms of one sign, within 0.2 u.
        let log1p: T::Real = parts.log1p();
        row.read(start, out);
        for (j, x) in (start..).zip(out) {
            *x = (-(parts.max_minus_logit::<T::Real>(j, *x) + log1p)).round();
        }
    }

    #[inline(always)]
    fn gradient<M: ThreadGroup>(
        &self,
        group: M,
        row: &Row<'_, T>,
        grad_output: &[T],
        places: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let parts = row.softmax_parts(group);
        let others = parts.real_others::<T::Real>();
        let at_max = row.layout.get(grad_output, parts.argmax);
        let rest: T::Sum = tree::sum(
            group,
            row.layout.classes,
            terms(|start, out| {
                row.layout.read(grad_output, start, out);
                if let Some(at_max) = parts.at_max(start, out) {
                    *at_max = 0.0;
                }
            }),
        );
        let rest = rest.real();
        let total = rest + at_max;
        let mut buffer = [T::Real::default(); CHUNK];
        places.write_all(group, grad_input, |start, out| {
            let (exponentials, _) = buffer.split_at_mut(out.len().min(CHUNK));
            row.real_exponentials(&parts, start, exponentials);
            row.layout.read(grad_output, start, out);
            for (g, e) in out.iter_mut().zip(exponentials.iter()) {
                *g = (-mul_zero_wins(e.over_one_plus(others), total) + *g).round();
            }
            // Where a g_k is infinite, there are no digits to keep.
            if let Some(out) = parts.at_max(start, out)
                && total.hi().is_finite()
            {
                *out = (others * at_max - rest).over_one_plus(others).round();
            }
        });
    }

    #[inline(always)]
    fn fast_row<A: Arithmetic, const N: usize>(
        &self,
        row: &[T],
        parts: &SoftmaxParts,
        _: &[f64],
        output: &mut [T],
        reference: &mut impl FnMut(usize, &mut [T]),
    ) {
        row_outputs::log_probabilities::<A, T, N>(row, parts.max, parts.log1p(), output, reference);
    }

    #[inline(always)]
    fn fast_transposed(&self, rows: &mut TransposedRows<T>) -> [bool; LANES] {
        let mut log1p = [0.0; LANES];
        for (log1p, others) in log1p.iter_mut().zip(rows.others) {
            *log1p = elementary::log1p(others);
        }
        rows.log_probabilities(&log1p)
    }
}
