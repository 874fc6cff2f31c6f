//! Softmax.
//
// Its methods, `forward` and `backward`, are in `front/methods.rs`, once for all activations.

use crate::engine::row_map::RowMap;
use crate::engine::row_outputs;
use crate::engine::transposed_rows::TransposedRows;
use crate::machine::{CHUNK, LANES};
use crate::number::accumulator::Sum;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::number::real::{Real, mul_zero_wins};
use crate::rows::row::{Row, SoftmaxParts};
use crate::rows::shape::{Layout, Output};
use crate::sum::terms::real_terms;
use crate::sum::thread_group::ThreadGroup;
use crate::sum::tree;

/// Softmax of rows.
///
/// Formula: p_j = exp(x_j) / sum_i exp(x_i), as e_j / (1 + S), where e_j = exp(x_j - m), m is the row's
/// largest logit and S the sum of the others' e_j. Gradient: p_j (g_j - sum_i g_i p_i), of the input (not
/// of the output).
///
/// Shapes: rows along any dimension, see [`Classes`](crate::Classes); outputs and gradients have the input's length.
///
/// Special values: p = 0 at -inf; the limit at one +inf, that is p = 1 there and 0 elsewhere; NaN for the
/// row at a NaN, at more than one +inf, and where all are -inf.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP. The gradient, a difference that may cancel, is within 0.5001 ULP +
/// 2^-44 p_j (|h_j| + sum_i |h_i| p_i), where h_i is g_i less that of the first class with the largest logit, if this
/// class's probability is above 1/4 and its g finite; else g_i itself. `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`](crate::Error::Length), and those of [`Classes::along`](crate::Classes::along).
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html>
///
/// ```
/// use trueloss::{Classes, Softmax};
///
/// let mut output = [0.0_f32; 3];
/// Softmax::new().forward(Classes::new(&[7.0, 7.0, -1e4], [3])?, &mut output)?;
/// assert_eq!(output, [0.5, 0.5, 0.0]);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Softmax(());

impl Softmax {
    /// There are no options.
    ///
    /// ```
    /// use trueloss::Softmax;
    ///
    /// assert_eq!(Softmax::new(), Softmax::default());
    /// ```
    pub const fn new() -> Self {
        Self(())
    }
}

/// Softmax: p_j = e_j / (1 + S).
///
/// Its gradient is p_j (h_j - sum_k p_k h_k) with h_k = g_k - c for any c. That is g_m, of the first class m with the
/// largest logit, where p_m > 1/4: h_m is 0, and the terms which would cancel where p_m is near 1 are gone. Where g is
/// that of a loss with one label the gradient keeps its digits, however small it is. Where p_m is smaller c is 0, as
/// the shift could lose the digits of g_k beside a g_m that counts little. Up to there it costs little where it gains
/// nothing: |g_m| <= 4 p_m |g_m|, so that Σ = p_j (|h_j| + sum_k p_k |h_k|) is at most 9 times what it is with c = 0.
///
/// The error is relative to Σ, but for what is relative to the result: the difference, p_j and the last rounding.
/// - `f32`: h_j is within u, e_j within (1.9 + |x_j - m|) u, and the sum over k adds at most 57 u to that; 1 + S is
///   within 93 u. With |x_j - m| + |x_k - m| below 193, or nothing of the product would show, that is 351 u < 2^-44.
/// - `f64`: h_k is exact, e_k and S are within 0.1 u: 0.2 u of the terms, and 0.2 u of the result.
pub(crate) struct Probabilities;

impl Probabilities {
    /// c. An infinity would leave no numbers to subtract from.
    #[inline(always)]
    fn shift(parts: &SoftmaxParts, at_max: f64) -> f64 {
        if parts.others < 3.0 && at_max.is_finite() {
            at_max
        } else {
            0.0
        }
    }
}

impl<T: Format> RowMap<T> for Probabilities {
    const OF_OTHERS: bool = false;

    #[inline(always)]
    fn reference(&self, row: &Row<'_, T>, parts: &SoftmaxParts, start: usize, out: &mut [f64]) {
        // `f64`: e_j and S are within 0.1 u each, and so p_j within 0.2 u.
        let others = parts.real_others();
        row.of_exponentials(parts, start, out, |e| e.over_one_plus(others).round());
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
        let shift = Self::shift(&parts, row.layout.get(grad_output, parts.argmax));
        let mut buffer = [0.0; CHUNK];
        let dot: T::Sum = tree::sum(
            group,
            row.layout.classes,
            real_terms(|start, out: &mut [T::Real]| {
                let (grad, _) = buffer.split_at_mut(out.len().min(CHUNK));
                row.layout.read(grad_output, start, grad);
                row.real_exponentials(&parts, start, out);
                for (e, &g) in out.iter_mut().zip(grad.iter()) {
                    *e = mul_zero_wins(*e, T::Real::difference(g, shift));
                }
            }),
        );
        let dot = dot.real() / (others + 1.0);
        let mut buffer = [T::Real::default(); CHUNK];
        places.write_all(group, grad_input, |start, out| {
            let (exponentials, _) = buffer.split_at_mut(out.len().min(CHUNK));
            row.real_exponentials(&parts, start, exponentials);
            row.layout.read(grad_output, start, out);
            for (g, e) in out.iter_mut().zip(exponentials.iter()) {
                let h = T::Real::difference(*g, shift);
                *g = mul_zero_wins(e.over_one_plus(others), h - dot).round();
            }
        });
    }

    #[inline(always)]
    fn fast_row<A: Arithmetic, const N: usize>(
        &self,
        row: &[T],
        parts: &SoftmaxParts,
        cache: &[f64],
        output: &mut [T],
        reference: &mut impl FnMut(usize, &mut [T]),
    ) {
        let scale = 1.0 / (1.0 + parts.others);
        row_outputs::scaled_exponentials::<A, T, N>(
            row, parts.max, cache, scale, output, reference,
        );
    }

    #[inline(always)]
    fn fast_transposed(&self, rows: &mut TransposedRows<T>) -> [bool; LANES] {
        let scale = rows.others.map(|others| 1.0 / (1.0 + others));
        rows.scale_exponentials(&scale)
    }
}
