//! The fast path for labels.

use crate::engine::rounding_test::{Bracket, SumEstimate};
use crate::engine::row_loss::{RowLoss, Scale};
use crate::engine::row_map::write_chunk;
use crate::engine::row_outputs;
use crate::engine::transposed_rows::{MAX_TRANSPOSED_CLASSES, MIN_TRANSPOSED_ROWS, TransposedRows};
use crate::loss::cross_entropy::label_call::LabelCall;
use crate::loss::cross_entropy::{gradient, value};
use crate::machine::LANES;
use crate::number::arithmetic::Arithmetic;
use crate::number::elementary::log1p;
use crate::number::fast_elementary;
use crate::number::format::Format;
use crate::number::real::{Real, mul_zero_wins};
use crate::rows::exponentials::{ExpCache, ROW_CHUNK, others, row_error};
use crate::rows::max;
use crate::sum::thread_group::Alone;

/// How far the gradient at the label may be from its reference formula, in [`row_error`]s: where another class
/// has the largest logit it is a difference, e_y - (1 + S), of which S >= e_y and 1 are at least half.
const LABEL_ERROR: f64 = 4.0;

/// The fast paths of a label's loss and gradient: the formulas above, with softmax's parts from fast exponentials.
/// Only the test of the label's own gradient needs more room than that of the others.
impl<T: Format> LabelCall<'_, T> {
    /// The gradient at the label of a row.
    #[inline(always)]
    pub(super) fn fast_at_label(&self, e: f64, others: f64, is_max: bool, scale: f64) -> (T, bool) {
        let error = LABEL_ERROR * row_error(self.input.classes());
        Bracket::relative(scale * gradient(e, others, true, is_max), error).round()
    }

    /// What a row's exponentials are multiplied by, so that they become the gradient: NaN, which is never certain,
    /// where the scale is so large that it would bring up what [`fast_elementary::exp`] leaves out.
    #[inline(always)]
    pub(super) fn fast_scale(&self, label: usize, scale: f64) -> f64 {
        let scale = scale * self.options.class_weight(label);
        if scale.abs() <= f64::from(f32::MAX) {
            scale
        } else {
            f64::NAN
        }
    }

    /// Rows `start..start + len`, at most [`LANES`], of few classes, with their losses and weights.
    #[inline(always)]
    pub(super) fn fast_transposed<A: Arithmetic, const SHORT: bool>(
        &self,
        rows: &mut TransposedRows<T>,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        grad_input: &mut [T],
    ) -> RowLossParts {
        let classes = self.input.classes();
        let logits = self.input.contiguous(start, len).unwrap_or(&[]);
        rows.read::<A, SHORT>(logits);
        let labels = self.labels.group(start);
        let with_gradient = !SHORT && !grad_input.is_empty();
        let mut below = RowLossParts::new(rows.others);
        let mut scales = [0.0; LANES];
        let mut at_label = [(T::zero(), true); LANES];
        for lane in 0..len.min(LANES) {
            let Some(label) = labels[lane] else {
                continue;
            };
            let is_max = label == rows.argmax[lane];
            below.max_minus_logit[lane] = if is_max {
                0.0
            } else {
                rows.max[lane] - rows.logit(lane, label)
            };
            below.counts(lane, self.options.class_weight(label));
            if with_gradient {
                let e = rows.exponential(lane, label);
                let scale = self.fast_scale(label, scale.of(start + lane));
                at_label[lane] = self.fast_at_label(e, rows.others[lane], is_max, scale);
                scales[lane] = scale / (1.0 + rows.others[lane]);
            }
        }
        if with_gradient {
            let certain = rows.scale_exponentials(&scales);
            for (lane, grad) in (0..len.min(LANES)).zip(grad_input.chunks_exact_mut(classes.max(1)))
            {
                let row = start + lane;
                let Some(label) = labels[lane] else {
                    grad.fill(T::zero());
                    continue;
                };
                let (gradient, certain_at_label) = at_label[lane];
                if certain[lane] & certain_at_label {
                    rows.set(lane, label, gradient);
                    rows.write(lane, grad);
                } else {
                    self.gradients(row, 1, scale, grad);
                }
            }
        }
        below
    }

    /// The same for rows of many classes.
    #[inline(always)]
    pub(super) fn fast_row<A: Arithmetic, const SHORT: bool, const N: usize>(
        &self,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        cache: &mut Option<ExpCache>,
        grad_input: &mut [T],
    ) -> RowLossParts {
        let classes = self.input.classes();
        let mut below = RowLossParts::new([0.0; LANES]);
        let with_gradient = !SHORT && !grad_input.is_empty();
        for lane in 0..len.min(LANES) {
            let grad = grad_input
                .get_mut(lane * classes..(lane + 1) * classes)
                .unwrap_or(&mut []);
            let Some(label) = self.labels.get(start + lane) else {
                grad.fill(T::zero());
                continue;
            };
            let row = self.input.contiguous(start + lane, 1).unwrap_or(&[]);
            let max = max::max(row);
            let logit = row.get(label).map_or(f64::NAN, |x| x.decode());
            // The label is left out of S where it has the largest logit, if perhaps not alone: S is the same.
            // Where it has not, the loss is at least ln 2, and S need not be known better than 1 + S is.
            let is_max = logit == max;
            let largest = is_max.then_some(label);
            let cache = match cache {
                Some(cache) => cache.of(classes),
                None => &mut [],
            };
            let others = others::<A, T, SHORT, N>(row, max, largest, cache);
            below.max_minus_logit[lane] = max - logit;
            below.others[lane] = others;
            below.counts(lane, self.options.class_weight(label));
            if with_gradient {
                self.fast_gradient::<A, N>(
                    start + lane,
                    row,
                    label,
                    max,
                    others,
                    cache,
                    scale,
                    grad,
                );
            }
        }
        below
    }

    /// The gradient of a row of many classes.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub(super) fn fast_gradient<A: Arithmetic, const N: usize>(
        &self,
        row: usize,
        logits: &[T],
        label: usize,
        max: f64,
        others: f64,
        cache: &[f64],
        scale: Scale<'_, T>,
        grad: &mut [T],
    ) {
        let fast_scale = self.fast_scale(label, scale.of(row));
        let mut parts = None;
        let mut reference = |start: usize, grad: &mut [T]| {
            let parts = parts.get_or_insert_with(|| self.input.row(row).softmax_parts(Alone));
            let scale = T::Real::product(scale.of(row), self.options.class_weight(label));
            write_chunk(grad, |out| {
                self.chunk_of_gradient(&self.input.row(row), label, parts, scale, start, out);
            });
        };
        row_outputs::scaled_exponentials::<A, T, N>(
            logits,
            max,
            cache,
            fast_scale / (1.0 + others),
            grad,
            &mut reference,
        );
        let logit = logits.get(label).map_or(f64::NAN, |x| x.decode());
        let e = fast_elementary::exp::<A>(logit - max);
        let (gradient, certain) = self.fast_at_label(e, others, logit == max, fast_scale);
        if let Some(at_label) = grad.get_mut(label) {
            if certain {
                *at_label = gradient;
            } else {
                reference(label, core::slice::from_mut(at_label));
            }
        }
    }

    /// All rows of a run in groups, with short exponentials, which are enough for a sum of losses alone, or with those
    /// that gradients and single losses need. Gradients are written where `grad_input` has places; `done(first,
    /// below)` takes the losses of a group.
    #[inline(always)]
    pub(super) fn fast_groups<A: Arithmetic, const SHORT: bool>(
        &self,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        grad_input: &mut [T],
        mut done: impl Done<T>,
    ) {
        let classes = self.input.classes();
        let mut rows = (classes <= MAX_TRANSPOSED_CLASSES && len >= MIN_TRANSPOSED_ROWS)
            .then(|| TransposedRows::new(classes));
        let mut cache =
            (classes > MAX_TRANSPOSED_CLASSES && !grad_input.is_empty()).then(ExpCache::new);
        for first in (0..len).step_by(LANES) {
            let group = LANES.min(len - first);
            let grad = grad_input
                .get_mut(first * classes..(first + group) * classes)
                .unwrap_or(&mut []);
            let below = match &mut rows {
                Some(rows) if group >= MIN_TRANSPOSED_ROWS => {
                    self.fast_transposed::<A, SHORT>(rows, start + first, group, scale, grad)
                }
                _ if classes <= MAX_TRANSPOSED_CLASSES => {
                    self.fast_row::<A, SHORT, LANES>(start + first, group, scale, &mut cache, grad)
                }
                _ => self.fast_row::<A, SHORT, ROW_CHUNK>(
                    start + first,
                    group,
                    scale,
                    &mut cache,
                    grad,
                ),
            };
            done.done(first, &below);
        }
    }
}

/// The losses of [`LANES`] rows in parts: (m - x_y) + log1p(S), and the weight of their label. A row that is ignored
/// does not count.
pub(super) struct RowLossParts {
    pub(super) max_minus_logit: [f64; LANES],
    pub(super) others: [f64; LANES],
    pub(super) weight: [f64; LANES],
    pub(super) counted: [bool; LANES],
}

impl RowLossParts {
    #[inline(always)]
    pub(super) fn new(others: [f64; LANES]) -> Self {
        Self {
            max_minus_logit: [0.0; LANES],
            others,
            weight: [0.0; LANES],
            counted: [false; LANES],
        }
    }

    #[inline(always)]
    pub(super) fn counts(&mut self, lane: usize, weight: f64) {
        (self.weight[lane], self.counted[lane]) = (weight, true);
    }

    /// The losses, weighted; 0 for rows that are ignored.
    #[inline(always)]
    pub(super) fn values(&self) -> [f64; LANES] {
        let mut values = [0.0; LANES];
        for lane in 0..LANES {
            values[lane] = value(self.max_minus_logit[lane], log1p(self.others[lane]));
        }
        for lane in 0..LANES {
            let weighted = mul_zero_wins(self.weight[lane], values[lane]);
            values[lane] = if self.counted[lane] { weighted } else { 0.0 };
        }
        values
    }
}

/// What takes the losses of groups of rows; not a closure, so that it is inlined into each loop over groups.
pub(super) trait Done<T> {
    fn done(&mut self, first: usize, below: &RowLossParts);
}

impl<T: Format> Done<T> for &mut SumEstimate {
    #[inline(always)]
    fn done(&mut self, _: usize, below: &RowLossParts) {
        let count = below.counted.iter().filter(|&&counted| counted).count();
        self.add_group(&below.values(), count as f64);
    }
}

/// Writes the loss of each row.
pub(crate) struct EachLoss<'a, T> {
    pub(super) call: &'a LabelCall<'a, T>,
    pub(super) start: usize,
    pub(super) losses: &'a mut [T],
}

impl<T: Format> Done<T> for EachLoss<'_, T> {
    #[inline(always)]
    fn done(&mut self, first: usize, below: &RowLossParts) {
        let error = row_error(self.call.input.classes());
        let values = below.values();
        let losses = self.losses.get_mut(first..).unwrap_or(&mut []);
        for (lane, loss) in (0..LANES).zip(losses) {
            let (rounded, certain) = Bracket::relative(values[lane], error).round();
            *loss = if certain {
                rounded
            } else {
                let row = self.start + first + lane;
                T::encode(self.call.value(Alone, row, &self.call.parts(Alone, row)))
            };
        }
    }
}
