//! The fast path for labels in integers.

use crate::engine::fixed_losses;
use crate::engine::rounding_test::SumEstimate;
use crate::engine::row_loss::{RowLoss, Scale};
use crate::loss::cross_entropy::label_call::LabelCall;
use crate::number::fixed;
use crate::number::fixed::SoftFloat;
use crate::number::format::Format;
use crate::number::real::Real;
use crate::sum::thread_group::Alone;

/// The most classes of a row that is worked on in integers.
pub(crate) const MAX_FIXED_POINT_CLASSES: usize = 4096;

/// The fast path in integers.
///
/// S is in units of 2^-(62 - b) for a number of classes C below 2^b, so that 1 + S does not overflow. Every
/// exponential is rounded down to a unit, at most C units in all, which is C^2 2^-61 of a loss, absolutely.
impl<T: Format> LabelCall<'_, T> {
    /// See [`RowLoss::fast`].
    pub(super) fn integer(
        &self,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        grad: &mut [T],
    ) -> SumEstimate {
        let mut losses = fixed_losses::FixedLosses::new();
        let classes = self.input.classes();
        let mut grads = grad.chunks_exact_mut(classes.max(1));
        for row in start..start + len {
            let grad = grads.next().unwrap_or(&mut []);
            let Some(label) = self.labels.get(row) else {
                grad.fill(T::zero());
                continue;
            };
            let Some(parts) = self.fixed_parts(row, label) else {
                losses.add_unknown();
                if !grad.is_empty() {
                    self.gradients(row, 1, scale, grad);
                }
                continue;
            };
            losses.add(parts.at_label, parts.sum, 2 + ((classes * classes) >> 10));
            if !grad.is_empty() {
                self.fixed_gradient(row, label, &parts, scale, grad);
            }
        }
        losses.estimate()
    }

    /// The parts of a row, if all its logits are below 128 in magnitude.
    #[inline(always)]
    pub(super) fn fixed_parts(&self, row: usize, label: usize) -> Option<FixedParts> {
        let logits = self.input.contiguous(row, 1)?;
        let bits = 62 - (usize::BITS - logits.len().leading_zeros());
        let (mut max, mut argmax) = (i64::MIN, 0);
        for (j, &x) in logits.iter().enumerate() {
            let x = fixed::fixed(fixed::single(x))?;
            if x > max {
                (max, argmax) = (x, j);
            }
        }
        let mut parts = FixedParts {
            max,
            argmax,
            bits,
            others: 0,
            at_label: 0,
            sum: SoftFloat::new(1 << bits, bits),
        };
        for (j, &x) in logits.iter().enumerate() {
            let max_minus_logit = parts.max_minus_logit(x);
            if j == label {
                parts.at_label = max_minus_logit;
            }
            if j != argmax {
                parts.others += fixed::exp(max_minus_logit).units(bits);
            }
        }
        parts.sum = SoftFloat::new((1 << bits) + parts.others, bits);
        Some(parts)
    }

    /// The gradient of a row: e_j / (1 + S), and at the label -S / (1 + S) or -((1 + S) - e_y) / (1 + S). Exponentials and
    /// sums of them are within 2^-34.4 of themselves, so that each ratio is within 2^-33.4; S of itself, with
    /// what was rounded down, only where it has 34 bits more than its C units.
    #[inline(always)]
    pub(super) fn fixed_gradient(
        &self,
        row: usize,
        label: usize,
        parts: &FixedParts,
        scale: Scale<'_, T>,
        grad: &mut [T],
    ) {
        let logits = self.input.contiguous(row, 1).unwrap_or(&[]);
        let recip = parts.sum.recip();
        let fixed_scale = fixed_losses::FixedScale::new(scale.of(row));
        let mut reference = None;
        for (j, (&x, grad)) in logits.iter().zip(grad).enumerate() {
            let near = if j != label {
                Some(fixed::exp(parts.max_minus_logit(x)))
            } else if label != parts.argmax {
                let e = fixed::exp(parts.at_label).units(parts.bits);
                Some(SoftFloat::new(
                    (1 << parts.bits) + parts.others - e,
                    parts.bits,
                ))
            } else {
                let known = parts.others >> 34 >= logits.len() as u64;
                known.then(|| SoftFloat::new(parts.others, parts.bits))
            };
            let rounded = fixed_scale.zip(near).and_then(|(scale, near)| {
                scale.round(near.times(recip), j == label, fixed::RATIO_ERROR)
            });
            *grad = match rounded {
                Some(value) => T::encode(value.into()),
                None => {
                    let reference_row = self.input.row(row);
                    let parts = reference.get_or_insert_with(|| reference_row.softmax_parts(Alone));
                    let scale = T::Real::product(scale.of(row), self.options.class_weight(label));
                    let mut out = [0.0];
                    self.chunk_of_gradient(&reference_row, label, parts, scale, j, &mut out);
                    T::encode(out[0])
                }
            };
        }
    }
}

/// Softmax's parts of a row in integers: logits in units of 2^-56, S in units of 2^-`bits`, 1 + S, and m - x_y.
pub(super) struct FixedParts {
    pub(super) max: i64,
    pub(super) argmax: usize,
    pub(super) bits: u32,
    pub(super) others: u64,
    pub(super) at_label: u64,
    pub(super) sum: SoftFloat,
}

impl FixedParts {
    /// m - x_j of a logit below 128 in magnitude.
    #[inline(always)]
    pub(super) fn max_minus_logit<T: Format>(&self, x: T) -> u64 {
        let x = fixed::fixed(fixed::single(x)).unwrap_or(0);
        self.max.wrapping_sub(x) as u64
    }
}
