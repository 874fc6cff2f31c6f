//! Cross-entropy of logits, with class indices or class probabilities.
//
// Its methods, `forward` to `partial`, are in `front/methods.rs`, once for all losses.

use crate::check::{check_finite, check_length, check_unit_interval};
use crate::engine::row_loss::RowLoss;
use crate::error::{Argument, Error};
use crate::loss::cross_entropy::label_call::LabelCall;
use crate::loss::cross_entropy::probabilities::ProbabilityCall;
use crate::number::format::Format;
use crate::number::real::Real;
use crate::rows::labels::{ClassIndex, Indices, Labels, class_weight};
use crate::rows::shape::Classes;
use crate::sum::reduction::Reduction;

mod differences;
mod factors;
mod fast;
mod fixed_point;
pub(crate) mod label_call;
mod labels;
pub(crate) mod probabilities;

/// Cross-entropy of logits, `cross_entropy`.
///
/// Formula, for a row x with l_j = lse(x) - x_j and lse(x) = ln sum_i exp(x_i):
/// - class index y: l = w_y l_y; with label smoothing e: (1 - e) w_y l_y + (e/C) sum_j w_j l_j. The mean
///   divides by the sum of w_y.
/// - class probabilities q (the methods named `…_probabilities`): l = sum_j w_j q'_j l_j with
///   q' = (1 - e) q + e/C. The mean divides by the count of rows, not by the weights. Probabilities are
///   finite numbers; they are not normalised, nor checked to be.
///
/// Gradient: V p_j - v_j, where p is softmax(x), v_j the factor of l_j above and V the sum of the v_j: for
/// a class index, w_y (p_j - [j = y]).
///
/// The logits go in raw: no softmax before it.
///
/// Shapes: `input` is (C), (N, C) or (N, C, d1..dK); labels and the losses of `_each` are the same without
/// C; probabilities have the input's shape; `weight` has C entries.
///
/// Special values: a logit of -inf has p = 0, and makes the loss +inf where the target is there; a zero
/// weight or probability on it contributes 0. One +inf: the limit. More than one, all -inf, or a NaN: NaN
/// for the row. Rows whose label is `ignore_index` (default -100, looked at before the range check) have
/// loss 0 and gradient 0 whatever their logits, and do not count. The mean of nothing, or of weights that
/// sum to 0, is NaN, and so are the gradients of the rows that count.
///
/// Error, for probabilities that are not negative: `f32`, `f16`, `bf16`: the loss below 0.5001 ULP (with negative
/// weights, 0.5001 ULP + 2^-44 of the sum of the terms' magnitudes), and so is the gradient for a class index without
/// smoothing. With smoothing or probabilities the gradient is a difference that may cancel: within 0.5001 ULP + 2^-95
/// (sum_i |v_i| p_j + |v_j|) of the row's factors, for up to 2^27 classes. `f64`: see the table of bounds in the README.
/// No bound holds for a mean whose weights have both signs and cancel to less than 2^-24 of their magnitudes.
///
/// Errors: [`Error::Length`]; [`Error::ClassIndex`] for a label outside `0..C`; [`Error::NotFinite`] for
/// a weight or probability that is not finite; [`Error::OutsideUnitInterval`] for a label smoothing outside [0, 1] or NaN.
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html>
///
/// ```
/// use trueloss::{Classes, CrossEntropy};
///
/// let logits = [100.0_f32, 0.0, 0.0, 0.0];
/// let logits = Classes::new(&logits, [2, 2])?;
/// let mut losses = [0.0; 2];
/// CrossEntropy::new().forward_each(logits, &[0_i64, 1], &mut losses)?;
/// assert_eq!(losses, [3.783506e-44, core::f32::consts::LN_2]);
/// let loss = CrossEntropy::new().forward_probabilities(logits, &[1.0, 0.0, 0.5, 0.5])?;
/// assert_eq!(loss, core::f32::consts::LN_2 / 2.0);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy<'a, T> {
    weight: Option<&'a [T]>,
    ignore_index: i64,
    label_smoothing: f64,
    reduction: Reduction,
}

/// The loss of a row with a label, unweighted: l_y = (m - x_y) + log1p(S), for m the largest logit and S
/// the sum of exp(x_j - m) over the classes but the first one that has it.
///
/// Both terms are never negative. lse(x) - x_y would lose every digit where the loss is small beside the
/// logits.
/// `f64`: S is within 0.1 u, its logarithm within 0.2 u, and so the sum.
///
/// ```
/// use trueloss::{cross_entropy::value, elementary::log1p};
///
/// // The logits 4 and 4, and the label of one of them: S is 1.
/// assert_eq!(value(0.0, log1p(1.0)), core::f64::consts::LN_2);
/// ```
#[inline(always)]
pub fn value<W: Real>(max_minus_logit: W, log1p: W) -> W {
    max_minus_logit + log1p
}

/// Its gradient, p_j - [j = y], for e_j = exp(x_j - m) and S as above.
///
/// At the label, p_y - 1 would lose the digits that matter where p_y is near 1: there it is -S / (1 + S),
/// or (e_y - (1 + S)) / (1 + S) where another class has the largest logit, and S is at least e_y.
///
/// `f64`: e_j and S are within 0.1 u. So is the difference, within 0.2 u: (0.1 u) (e_y + S) is at most twice that part of
/// 1 + S - e_y, as S >= e_y and e_y <= 1. The quotient is within 0.3 u.
///
/// ```
/// use trueloss::cross_entropy::gradient;
///
/// // The logits 4 and 4 again: e is 1 of both, S is 1.
/// assert_eq!(gradient(1.0, 1.0, true, true), -0.5);
/// assert_eq!(gradient(1.0, 1.0, false, false), 0.5);
/// ```
#[inline(always)]
pub fn gradient<W: Real>(e: W, others: W, is_label: bool, is_max: bool) -> W {
    let numerator = match (is_label, is_max) {
        (false, _) => e,
        (true, true) => -others,
        (true, false) => e - (others + 1.0),
    };
    numerator.over_one_plus(others)
}

impl<T: Format> Default for CrossEntropy<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Format> CrossEntropy<'a, T> {
    /// The mean, unweighted, without smoothing, with labels of -100 ignored.
    ///
    /// ```
    /// use trueloss::{Classes, CrossEntropy};
    ///
    /// let input = Classes::new(&[0.0_f32, 0.0, 0.0, 0.0], [2, 2])?;
    /// assert_eq!(CrossEntropy::new().forward(input, &[0_u8, 1])?, core::f32::consts::LN_2);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self {
            weight: None,
            ignore_index: -100,
            label_smoothing: 0.0,
            reduction: Reduction::Mean,
        }
    }

    /// A weight for each class.
    ///
    /// ```
    /// use trueloss::{Classes, CrossEntropy};
    ///
    /// let input = Classes::new(&[0.0_f32, 0.0, 0.0, 0.0], [2, 2])?;
    /// // The mean divides by the weights, 3 + 1.
    /// let loss = CrossEntropy::new().weight(&[3.0, 1.0]).forward(input, &[0_u8, 1])?;
    /// assert_eq!(loss, core::f32::consts::LN_2);
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
    /// use trueloss::{Classes, CrossEntropy};
    ///
    /// let input = Classes::new(&[0.0_f32, 0.0, 0.0, 0.0], [2, 2])?;
    /// let loss = CrossEntropy::new().ignore_index(-1).forward(input, &[0, -1])?;
    /// assert_eq!(loss, core::f32::consts::LN_2);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = ignore_index;
        self
    }

    /// How much of the target, from 0 to 1, is spread evenly over all classes.
    ///
    /// ```
    /// use trueloss::{Classes, CrossEntropy};
    ///
    /// let input = Classes::new(&[0.0_f32, 3.0], [1, 2])?;
    /// let smooth = CrossEntropy::new().label_smoothing(0.5);
    /// // As with the probabilities 0.25 and 0.75.
    /// let probabilities = CrossEntropy::new().forward_probabilities(input, &[0.25, 0.75])?;
    /// assert_eq!(smooth.forward(input, &[1_u8])?, probabilities);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }

    /// Mean or sum.
    ///
    /// ```
    /// use trueloss::{Classes, CrossEntropy, Reduction};
    ///
    /// let input = Classes::new(&[0.0_f32, 0.0, 0.0, 0.0], [2, 2])?;
    /// let sum = CrossEntropy::new().reduction(Reduction::Sum);
    /// assert_eq!(sum.forward(input, &[0_u8, 1])?, 2.0 * core::f32::consts::LN_2);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    fn class_weight(&self, class: usize) -> f64 {
        class_weight(self.weight, class)
    }

    /// 1 - e and e/C, which is 0 only where e is, and no product with a weight is then: of an infinite logit it makes an
    /// infinite loss, be it ever so small.
    #[inline(always)]
    fn smoothed_parts<W: Real>(&self, classes: usize) -> (W, W) {
        let smoothing = self.label_smoothing;
        let own = W::difference(1.0, smoothing);
        let uniform = W::from(smoothing) / W::from(classes as f64);
        if smoothing > 0.0 && uniform.hi() < W::LEAST_FACTOR {
            return (own, W::from(W::LEAST_FACTOR));
        }
        (own, uniform)
    }

    /// Whether labels are smoothed: which of the two types of a [`LabelCall`] it is.
    #[inline]
    pub(crate) fn is_smoothed(&self) -> bool {
        self.label_smoothing != 0.0
    }

    fn check_options(&self, input: Classes<'_, T>) -> Result<(), Error> {
        check_unit_interval(Argument::LabelSmoothing, self.label_smoothing)?;
        input.check_weight(self.weight)
    }

    pub(crate) fn check<'b, I: ClassIndex>(
        &'b self,
        input: Classes<'b, T>,
        target: &'b [I],
    ) -> Result<LabelCall<'b, T, false>, Error> {
        self.check_options(input)?;
        let labels = Labels::check(
            target,
            Some(self.ignore_index),
            input.rows(),
            input.classes(),
        )?;
        Ok(LabelCall {
            options: self,
            input,
            labels,
        })
    }

    pub(crate) fn check_probabilities<'b>(
        &'b self,
        input: Classes<'b, T>,
        target: &'b [T],
    ) -> Result<ProbabilityCall<'b, T>, Error> {
        self.check_options(input)?;
        check_length(Argument::Target, input.elements(), target.len())?;
        check_finite(Argument::Target, target)?;
        Ok(ProbabilityCall {
            options: self,
            input,
            target,
        })
    }

    /// For arguments that are checked elsewhere.
    pub(crate) fn unchecked<'b>(
        &'b self,
        input: Classes<'b, T>,
        labels: Indices<'b>,
    ) -> LabelCall<'b, T, false> {
        LabelCall {
            options: self,
            input,
            labels: Labels::unchecked(labels, Some(self.ignore_index)),
        }
    }

    /// Likewise.
    pub(crate) fn unchecked_probabilities<'b>(
        &'b self,
        input: Classes<'b, T>,
        target: &'b [T],
    ) -> impl RowLoss<T> + 'b {
        ProbabilityCall {
            options: self,
            input,
            target,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rounding_test::Bracket;
    use crate::engine::row_loss::Scale;
    use crate::front::functions::sigmoid;
    use crate::loss::cross_entropy::differences::{Differences, Shared};
    use crate::number::arithmetic::Plain;
    use crate::number::pair::Pair;
    use crate::rows::exponentials::row_error;
    use crate::sum::thread_group::Alone;
    use crate::sum::tree::roundings;

    /// Of two logits, softplus and sigmoid of their difference are loss and gradient: see the numbers that come near
    /// ties in `activation`. More classes beside them do not count. (What `softplus` mends at its tie, these rows
    /// do not.)
    const SOFTPLUS_TIE: f32 = f32::from_bits(0x39ea_41d0);
    const SIGMOID_TIE: f32 = -1.0 / (1 << 24) as f32;
    const CLASSES: [usize; 5] = [2, 20, 32, 33, 100];

    fn row(x: f32, classes: usize) -> [f32; 100] {
        let mut row = [-200.0; 100];
        (row[0], row[classes - 1]) = (x, 0.0);
        row
    }

    #[test]
    fn losses_that_are_not_certain_are_those_of_record() {
        for classes in CLASSES {
            let row = row(SOFTPLUS_TIE, classes);
            let logits = &row[..classes];
            let (options, label) = (CrossEntropy::new(), [classes - 1]);
            let input = Classes::new(logits, [1, classes]).unwrap();
            let call = options.check(input, &label).unwrap();
            let estimate = call.fast::<Plain, true>(0, 1, Scale::All(0.0), &mut []);
            assert_eq!(estimate.round::<f32>(1.0), None);
            let parts = input.row(0).softmax_parts(Alone);
            let loss = value(parts.max_minus_logit(classes - 1, 0.0), parts.log1p());
            let near = Bracket::relative(loss, row_error(classes));
            assert!(!near.round::<f32>().1);
            let expected = loss as f32;
            let mut losses = [0.0];
            options.forward_each(input, &label, &mut losses).unwrap();
            assert_eq!(losses, [expected], "{classes} classes");
            assert_eq!(options.forward(input, &label), Ok(expected));
            let grad = &mut [0.0; 100][..classes];
            assert_eq!(options.forward_backward(input, &label, grad), Ok(expected));
        }
    }

    /// The gradient at another class than the label, sigma(x), and that at the label, -sigma(x).
    #[test]
    fn gradients_that_are_not_certain_are_those_of_record() {
        for classes in CLASSES {
            let row = row(SIGMOID_TIE, classes);
            let logits = &row[..classes];
            let (options, label) = (CrossEntropy::new(), [classes - 1]);
            let input = Classes::new(logits, [1, classes]).unwrap();
            let call = options.check(input, &label).unwrap();
            let parts = input.row(0).softmax_parts(Alone);
            let e = crate::elementary::exp(f64::from(SIGMOID_TIE));
            let near = Bracket::relative(e / (1.0 + parts.others), row_error(classes));
            assert!(!near.round::<f32>().1);
            let (_, certain) = call.fast_at_label(1.0, parts.others, true, 1.0);
            assert!(!certain);
            let sigma = sigmoid(SIGMOID_TIE);
            let grad = &mut [0.0; 100][..classes];
            options.backward(input, &label, 1.0, grad).unwrap();
            assert_eq!(
                [grad[0], grad[classes - 1]],
                [sigma, -sigma],
                "{classes} classes"
            );
            // Scales that the fast path refuses, and NaN.
            for (scale, expected) in [(f32::INFINITY, f32::INFINITY), (f32::NAN, f32::NAN)] {
                options
                    .backward_each(input, &label, &[scale], grad)
                    .unwrap();
                let same = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan());
                assert!(same(grad[0], expected) && same(grad[classes - 1], -expected));
            }
            assert!(call.fast_scale(0, f64::INFINITY).is_nan());
        }
    }

    /// Batches of a known sequence, of which some have means near a tie.
    #[test]
    fn reduced_losses_that_are_not_certain_are_those_of_record() {
        for classes in [3, 40] {
            let mut seed = 1_u64;
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 40) as f32 / (1 << 24) as f32
            };
            let mut uncertain = 0;
            for round in 0..8000 {
                let rows = 1 + round % 5;
                let logits = [0.0; 200].map(|_: f32| next() * 8.0 - 4.0);
                let input = Classes::new(&logits[..rows * classes], [rows, classes]).unwrap();
                let labels = &[0, 1, 2, 1, 0][..rows];
                let options = CrossEntropy::new();
                let call = options.check(input, labels).unwrap();
                let estimate = call.fast::<Plain, true>(0, rows, Scale::All(0.0), &mut []);
                if estimate.round::<f32>(rows as f64).is_none() {
                    uncertain += 1;
                    let reference = options.partial(input, labels, 0).unwrap();
                    let reference = reference.finish(Reduction::Mean).unwrap();
                    assert_eq!(options.forward(input, labels), Ok(reference));
                    let grad = &mut [0.0; 200][..rows * classes];
                    assert_eq!(options.forward_backward(input, labels, grad), Ok(reference));
                }
            }
            assert!(
                (4..100).contains(&uncertain),
                "{uncertain} of {classes} classes"
            );
        }
    }

    /// What the fast path in integers is certain of is what the reference formula gives; and that is nearly
    /// everything that is common.
    #[test]
    fn integers_give_the_reference_bits_or_nothing() {
        let mut seed = 5_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f32 / (1 << 24) as f32
        };
        for classes in [1, 2, 10, 64] {
            let mut certain = 0;
            for label in 0..4000 {
                let row = [0.0; 64].map(|_: f32| next() * 20.0 - 10.0);
                let label = [label % classes];
                let input = Classes::new(&row[..classes], [1, classes]).unwrap();
                let options = CrossEntropy::new();
                let call = options.check(input, &label).unwrap();
                let parts = input.row(0).softmax_parts(Alone);
                let max_minus_logit = parts.max_minus_logit(label[0], row[label[0]].into());
                let loss = value::<f64>(max_minus_logit, parts.log1p()) as f32;
                let (grad, expected) = (&mut [0.0; 64][..classes], &mut [0.0; 64][..classes]);
                let estimate = call.fixed_point::<true>(0, 1, Scale::All(-1.5), grad);
                if let Some(rounded) = estimate.round::<f32>(1.0) {
                    assert_eq!(rounded, loss, "{row:?}, {label:?}");
                    certain += 1;
                }
                call.gradients(0, 1, Scale::All(-1.5), expected);
                assert_eq!(grad, expected, "{row:?}, {label:?}");
            }
            // The loss of a single class is 0, with no digits.
            assert!((certain > 3900) == (classes > 1), "{certain} of {classes}");
        }
        let options = CrossEntropy::new();
        for unknown in [f32::NAN, f32::NEG_INFINITY, 128.0] {
            let row = [0.5, unknown, 1.0];
            let input = Classes::new(&row, [1, 3]).unwrap();
            let call = options.check(input, &[2]).unwrap();
            assert!(call.fixed_parts(0, 2).is_none());
        }
    }

    /// Where a gradient's terms cancel, by its class and what is left of them.
    #[test]
    fn gradients_are_evaluated_again_where_too_little_is_left() {
        /// A row in which the terms of a class are e and 2 v, or at the largest logit `rest` and v S.
        fn again<W: Real, T: Real>(
            exponential: f64,
            classes: usize,
            is_max: bool,
            left: f64,
        ) -> bool {
            // (positive - negative) / (positive + negative) is what is left.
            let part = (1.0 - left) / (1.0 + left);
            let (others, rest, at_max, e, v);
            if is_max {
                others = exponential;
                (rest, at_max, e, v) = (0.5, 0.5 * part / others, 1.0, 0.5 * part / others);
            } else {
                (others, rest, at_max, e) = (1.0, 0.5, 0.5, exponential);
                v = 0.5 * part * e;
            }
            let magnitudes = Shared {
                others,
                at_max,
                rest,
            };
            let shared = Shared {
                others: W::from(others),
                at_max: W::from(at_max),
                rest: W::from(rest),
            };
            Differences::<W>::new::<T>(shared, magnitudes, classes)
                .gradient::<T>(W::from(e), W::from(v), W::from(1.0 + others), is_max)
                .1
        }
        let next_to = |limit: f64, again: &dyn Fn(f64) -> bool| {
            assert!(again(0.99 * limit) && !again(1.01 * limit), "{limit:e}");
        };
        for classes in [2, 40, 1000, 1_usize << 20] {
            // What may be off, in u, of terms of exponentials that count, and of others; 2^15 u may be.
            let bits = f64::from(usize::BITS - classes.leading_zeros());
            let roundings = f64::from(roundings(classes));
            let common = (8.1 + roundings + (0.7 * bits).max(11.1)) / 32768.0;
            let far = 512.0 / 32768.0;
            let limit = (-11.09_f64).exp();
            for (exponential, left) in [
                (0.5, common),
                (1.05 * limit, common),
                (0.95 * limit, far),
                (1e-90, far),
            ] {
                next_to(left, &|left| {
                    again::<f64, f64>(exponential, classes, false, left)
                });
                // Of the sum of them, on average.
                let others = exponential * classes as f64;
                next_to(left, &|left| again::<f64, f64>(others, classes, true, left));
            }
            // In pairs, for an f32 and for an f64.
            for is_max in [false, true] {
                for exponential in [0.3, 1e-30] {
                    next_to(0.1 / 32768.0, &|left| {
                        again::<Pair, f64>(exponential, classes, is_max, left)
                    });
                    next_to(0.1 / 0.39, &|left| {
                        again::<Pair, Pair>(exponential, classes, is_max, left)
                    });
                }
            }
            // Below 2^-960, or 2^-800 for a sum of them, a pair has lost digits; an f64 has not, and 0 has none.
            for (is_max, tiny) in [(false, -960), (true, -800)] {
                for (exponential, lost) in
                    [(2_f64.powi(tiny + 1), false), (2_f64.powi(tiny - 1), true)]
                {
                    assert_eq!(again::<Pair, Pair>(exponential, classes, is_max, 0.9), lost);
                    assert!(!again::<f64, f64>(exponential, classes, is_max, 0.9));
                }
            }
            assert!(!again::<Pair, Pair>(0.0, classes, false, 0.9));
        }
    }
}
