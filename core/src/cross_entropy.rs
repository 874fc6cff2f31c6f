//! Cross-entropy of logits, with class indices or class probabilities.

use crate::classes::{
    ClassIndex, Classes, Indices, Labels, Layout, Output, Row, RowLoss, Scale, SoftmaxParts,
    methods, record_chunk,
};
use crate::dispatch::INTEGER;
use crate::double_double::DoubleDouble;
use crate::element::Element;
use crate::elementary::log1p;
use crate::error::{Argument, Error, check_length, check_unit_interval};
use crate::instance::Loss;
use crate::integer::{self, Positive};
use crate::quick::{self, Arithmetic, Estimate, FEW, Kept, LANES, NARROW, Near, Rows, WIDE};
use crate::reduce::{self, CHUNK, Compensated, Partial, Reduction, Sum, check_finite, weigh};
use crate::team::{Alone, Team};
use crate::wide::{Pair, Wide};
use core::ops::{Add, Mul};

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
pub fn value<W: Wide>(below_max: W, log1p: W) -> W {
    below_max + log1p
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
pub fn gradient<W: Wide>(e: W, others: W, is_label: bool, is_max: bool) -> W {
    let numerator = match (is_label, is_max) {
        (false, _) => e,
        (true, true) => -others,
        (true, false) => e - (others + 1.0),
    };
    numerator.over_one_plus(others)
}

/// What the gradients of a row share that has a factor v_j for every class: S, v_j at the first class with the largest
/// logit, and the sum of the others. In any arithmetic.
#[derive(Clone, Copy)]
struct Shared<N> {
    others: N,
    at_max: N,
    rest: N,
}

impl<N: Copy + Add<Output = N> + Mul<Output = N>> Shared<N> {
    /// The two terms of the numerator of V p_j - v_j, V being the sum of the v_j, and `denominator` 1 + S.
    ///
    /// At the class with the largest logit V - v_j is `rest`, so that nothing cancels where it is 0: a probability of 1
    /// there is a label. Elsewhere the two terms may cancel, down to what the rounding of the arguments has left.
    #[inline(always)]
    fn terms(&self, e: N, denominator: N, v: N, is_max: bool) -> [N; 2] {
        if is_max {
            [self.rest, v * self.others]
        } else {
            [(self.at_max + self.rest) * e, v * denominator]
        }
    }
}

impl Shared<f64> {
    /// Of magnitudes: the sum of those of the two terms.
    #[inline(always)]
    fn magnitude(&self, e: f64, v: f64, is_max: bool) -> f64 {
        let [positive, negative] = self.terms(e, 1.0 + self.others, v.abs(), is_max);
        positive + negative
    }
}

/// The gradients of a row in one arithmetic, and where too little of the sum of their terms' magnitudes is left of a
/// difference: there they are evaluated again in the next arithmetic, for `f32` in pairs, and then in double-double.
///
/// A numerator is within E u of that sum, which is [`Wide::MOST_ERROR`] u of it or less as long as E / MOST_ERROR of the
/// sum is left.
///
/// In `f64`, with u = 2^-53: a v_j is within 4.1 u and e_j within (1.7 + d_j) u, d_j = m - x_j being rounded. A sum has
/// K roundings a term, [`reduce::roundings`], and that of the v_j one more for the largest logit's. So V e_j is within
/// (7.8 + K + d_j) u. 1 + S is within (2.7 + K) u and the mean of the d_k weighted by e_k / (1 + S), which as an
/// entropy is below ln C + 0.3 for C classes: v_j (1 + S) is within (8.1 + K + ln C) u. At the largest logit S is
/// within (1.7 + K) u and the mean of the d_k weighted by e_k / S, which is below ln(C / S): v_m S is within
/// (6.8 + K + ln(C / S)) u. Where d_j, or ln(C / S), is below 11.1, E is 8.1 + K + the larger of 11.1 and ln C.
/// Elsewhere d_j is below 400, or an `f32` could not show the term after all factors, and E below 512.
///
/// In pairs e_j and S are within 0.1 u, and so are the numerator's terms. The denominator's 0.1 u is of the gradient.
struct Differences<W> {
    shared: Shared<W>,
    magnitudes: Shared<f64>,
    /// S / C, whose logarithm is as near to 0 as that of an exponential has to be.
    mean: f64,
    /// The parts of the terms below which a difference is too small, where the exponential that counts is at least
    /// [`COMMON`], and where not.
    cancelled: [f64; 2],
}

/// e^-11.09.
const COMMON: f64 = 1.0 / (1 << 16) as f64;

impl<W: Wide> Differences<W> {
    /// For elements whose own arithmetic is `T`.
    #[inline(always)]
    fn new<T: Wide>(shared: Shared<W>, magnitudes: Shared<f64>, classes: usize) -> Self {
        let errors = if W::IS_PAIR {
            [0.1, 0.1]
        } else {
            let log = 0.7 * f64::from(usize::BITS - classes.leading_zeros());
            let moved = if log > 11.1 { log } else { 11.1 };
            [8.1 + f64::from(reduce::roundings(classes)) + moved, 512.0]
        };
        Self {
            shared,
            magnitudes,
            mean: magnitudes.others / classes as f64,
            cancelled: errors.map(|error| error / T::MOST_ERROR),
        }
    }

    /// The gradient of a class, and whether it is to be evaluated again; `denominator` is 1 + S.
    #[inline(always)]
    fn gradient<T: Wide>(&self, e: W, v: W, denominator: W, is_max: bool) -> (W, bool) {
        let [positive, negative] = self.shared.terms(e, denominator, v, is_max);
        let numerator = positive - negative;
        let magnitude = self.magnitudes.magnitude(e.high(), v.high(), is_max);
        let exponential = if is_max { self.mean } else { e.high() };
        let [common, far] = self.cancelled;
        let cancelled = if exponential < COMMON { far } else { common };
        let is_small = numerator.high().abs() < cancelled * magnitude;
        // A sum of tiny exponentials may have terms that are tinier.
        let (exponential, tiny) = if is_max {
            (self.magnitudes.others, T::TINY * TINY_SUM)
        } else {
            (e.high(), T::TINY)
        };
        let has_lost_digits = (0.0 < exponential) & (exponential < tiny);
        (
            numerator.over_one_plus(self.shared.others),
            is_small | has_lost_digits,
        )
    }
}

/// 2^160.
const TINY_SUM: f64 = f64::from_bits((1023 + 160) << 52);

/// v_j at the class with the largest logit, the sum of the others, and whether this thread has seen a negative one.
struct Total<W> {
    at_max: W,
    rest: W,
    negative: bool,
}

/// What the gradients of a row share, in double-double.
///
/// Each e_j is within 22 u^2 and each v_j within 31 u^2 (an exact difference, a quotient, two products and a sum). So
/// are their sums, with 1720 u^2 more for up to 2^27 classes. Either term of the gradient has two products and a sum
/// beside that, 27 u^2: their difference is within 1800 u^2 < 2^-95 of sum_i |v_i| p_j + |v_j|.
struct Doubles {
    shared: Shared<DoubleDouble>,
    factors: DoubleFactors,
}

/// 1 - e and e/C in double-double.
#[derive(Clone, Copy)]
struct DoubleFactors {
    own: DoubleDouble,
    uniform: DoubleDouble,
}

impl DoubleFactors {
    fn new(smoothing: f64, classes: usize) -> Self {
        Self {
            own: DoubleDouble::sum(1.0, -smoothing),
            uniform: DoubleDouble::new(smoothing) / DoubleDouble::new(classes as f64),
        }
    }

    /// w ((1 - e) q + e/C).
    #[inline(always)]
    fn of(self, weight: f64, q: f64) -> DoubleDouble {
        DoubleDouble::new(weight) * (self.own * DoubleDouble::new(q) + self.uniform)
    }
}

/// How a gradient is evaluated whose terms cancel.
enum Finer {
    Pairs(Differences<Pair>),
    Exact(Doubles),
}

/// The classes of a row whose gradients are to be evaluated again: a list, as long as there is room for them.
#[derive(Default)]
struct Cancelled {
    classes: [usize; Self::MOST],
    count: usize,
}

impl Cancelled {
    const MOST: usize = 16;

    #[inline(always)]
    fn push(&mut self, class: usize) {
        if let Some(place) = self.classes.get_mut(self.count) {
            *place = class;
        }
        self.count += 1;
    }

    /// The list, if all of them are on it.
    #[inline(always)]
    fn list(&self) -> Option<&[usize]> {
        self.classes.get(..self.count)
    }
}

/// The factors v_j of a row whose target is not a single class: `fill(start, out)` gives those of the
/// classes from `start` on.
trait Factors<T: Element> {
    fn fill<W: Wide>(&self, start: usize, out: &mut [W]);

    fn double_factors(&self) -> DoubleFactors;

    /// v_j in double-double.
    fn double(&self, factors: DoubleFactors, j: usize) -> DoubleDouble;

    #[inline(always)]
    fn total<S: Sum, M: Team>(
        &self,
        team: M,
        parts: &SoftmaxParts,
        classes: usize,
    ) -> Total<S::Wide> {
        let mut at_max = S::Wide::default();
        let mut negative = false;
        let rest: S = reduce::sum(
            team,
            classes,
            reduce::wide_terms(|start, out: &mut [S::Wide]| {
                self.fill(start, out);
                negative |= out.iter().fold(false, |any, v| any | (v.high() < 0.0));
                if let Some(v) = parts.at_max(start, out) {
                    at_max = core::mem::take(v);
                }
            }),
        );
        let of_one =
            |part: f64| f64::from_bits(team.ask(part.to_bits(), parts.argmax % M::THREADS));
        Total {
            at_max: S::Wide::of_parts(of_one(at_max.high()), of_one(at_max.low())),
            rest: rest.wide(),
            negative,
        }
    }

    /// The sum of the magnitudes of the v_j but that at the class with the largest logit.
    #[inline(always)]
    fn magnitude<M: Team>(
        &self,
        team: M,
        parts: &SoftmaxParts,
        classes: usize,
        total: &Total<T::Wide>,
    ) -> f64 {
        if !team.any(total.negative) {
            return total.rest.high();
        }
        let rest: T::Sum = reduce::sum(
            team,
            classes,
            reduce::wide_terms(|start, out: &mut [T::Wide]| {
                self.fill(start, out);
                if let Some(v) = parts.at_max(start, out) {
                    *v = T::Wide::default();
                }
                for v in out {
                    *v = T::Wide::from(v.high().abs());
                }
            }),
        );
        rest.wide().high()
    }

    /// sum_j v_j (m - x_j) + V log1p(S): terms that are never negative where the v_j are not.
    ///
    /// `f64`: log1p(S) is within 0.2 u, and so the sum, where they are not.
    fn value<M: Team>(&self, team: M, row: &Row<'_, T>, parts: &SoftmaxParts) -> f64 {
        let Total { at_max, rest, .. } = self.total::<T::Sum, M>(team, parts, row.layout.classes);
        let mut logits = [0.0; CHUNK];
        let below: T::Sum = reduce::sum(
            team,
            row.layout.classes,
            reduce::wide_terms(|start, out: &mut [T::Wide]| {
                let (logits, _) = logits.split_at_mut(out.len().min(CHUNK));
                self.fill(start, out);
                row.read(start, logits);
                for ((j, v), &x) in (start..).zip(out).zip(logits.iter()) {
                    *v = weigh(*v, parts.below_max::<T::Wide>(j, x));
                }
            }),
        );
        (below.wide() + weigh(at_max + rest, parts.log1p::<T::Wide>())).round()
    }

    #[inline(always)]
    fn gradient<M: Team>(
        &self,
        team: M,
        row: &Row<'_, T>,
        parts: &SoftmaxParts,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let classes = row.layout.classes;
        let total = self.total::<T::Sum, M>(team, parts, classes);
        let magnitudes = Shared {
            others: parts.others,
            at_max: total.at_max.high().abs(),
            rest: self.magnitude(team, parts, classes, &total),
        };
        let shared = Shared {
            others: parts.wide_others(),
            at_max: total.at_max,
            rest: total.rest,
        };
        let plain = Differences::new::<T::Wide>(shared, magnitudes, classes);
        let mut cancelled = Cancelled::default();
        layout.write_all(team, grad_input, |start, out| {
            let mut again = [false; CHUNK];
            if self.chunk(row, parts, &plain, scale, start, out, &mut again) {
                for (j, _) in (start..).zip(again).filter(|(_, again)| *again) {
                    cancelled.push(j);
                }
            }
        });
        // All threads of the team go on to the next arithmetic with all that they have, or none: the bits do not depend
        // on how many they are.
        let mut open = cancelled.count > 0;
        let mut finer = None;
        while team.any(open) {
            let next = match finer {
                None if !T::Wide::IS_PAIR => Finer::Pairs(self.pairs(team, row, parts, magnitudes)),
                _ => Finer::Exact(self.doubles(team, row, parts)),
            };
            open = false;
            if let Some(list) = cancelled.list() {
                for &j in list {
                    let (gradient, again) = self.finer_gradient(row, parts, &next, scale, j);
                    layout.write(grad_input, j, &[gradient]);
                    open |= again;
                }
            } else {
                layout.write_all(team, grad_input, |start, out| {
                    let mut again = [false; CHUNK];
                    self.chunk(row, parts, &plain, scale, start, out, &mut again);
                    for ((j, out), _) in (start..).zip(out).zip(again).filter(|(_, again)| *again) {
                        let again;
                        (*out, again) = self.finer_gradient(row, parts, &next, scale, j);
                        open |= again;
                    }
                });
            }
            finer = Some(next);
        }
    }

    /// The gradients of classes from `start` on, and which of them are to be evaluated `again`: whether any is.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn chunk<W: Wide>(
        &self,
        row: &Row<'_, T>,
        parts: &SoftmaxParts,
        plain: &Differences<W>,
        scale: f64,
        start: usize,
        out: &mut [f64],
        again: &mut [bool],
    ) -> bool {
        let mut factors = [W::default(); CHUNK];
        let mut exponentials = [W::default(); CHUNK];
        let len = out.len().min(CHUNK);
        let (factors, _) = factors.split_at_mut(len);
        let (exponentials, _) = exponentials.split_at_mut(len);
        self.fill(start, factors);
        row.wide_exponentials(parts, start, exponentials);
        let denominator = plain.shared.others + 1.0;
        let mut any = false;
        for ((((j, out), &e), &v), again) in (start..)
            .zip(out)
            .zip(exponentials.iter())
            .zip(factors.iter())
            .zip(again)
        {
            let is_max = j == parts.argmax;
            let gradient;
            (gradient, *again) = plain.gradient::<T::Wide>(e, v, denominator, is_max);
            any |= *again;
            *out = (gradient * scale).round();
        }
        any
    }

    /// The gradient of class j, and whether it is to be evaluated again.
    #[cold]
    #[inline(never)]
    fn finer_gradient(
        &self,
        row: &Row<'_, T>,
        parts: &SoftmaxParts,
        finer: &Finer,
        scale: f64,
        j: usize,
    ) -> (f64, bool) {
        match finer {
            Finer::Pairs(pairs) => {
                let (mut gradient, mut again) = ([0.0], [false]);
                self.chunk(row, parts, pairs, scale, j, &mut gradient, &mut again);
                (gradient[0], again[0])
            }
            Finer::Exact(doubles) => {
                let gradient = self.double_gradient(row, parts, doubles, j);
                ((gradient * scale).round(), false)
            }
        }
    }

    #[inline(always)]
    fn pairs<M: Team>(
        &self,
        team: M,
        row: &Row<'_, T>,
        parts: &SoftmaxParts,
        magnitudes: Shared<f64>,
    ) -> Differences<Pair> {
        let classes = row.layout.classes;
        let others: Compensated = row.others(team, *parts);
        let total = self.total::<Compensated, M>(team, parts, classes);
        let shared = Shared {
            others: others.wide(),
            at_max: total.at_max,
            rest: total.rest,
        };
        Differences::new::<T::Wide>(shared, magnitudes, classes)
    }

    #[cold]
    #[inline(never)]
    fn doubles<M: Team>(&self, team: M, row: &Row<'_, T>, parts: &SoftmaxParts) -> Doubles {
        let classes = row.layout.classes;
        let factors = self.double_factors();
        let but_at_max = |start, terms: &mut [Pair]| {
            if let Some(zero) = parts.at_max(start, terms) {
                *zero = Pair::default();
            }
        };
        let mut logits = [0.0; CHUNK];
        let others: Compensated = reduce::sum(
            team,
            classes,
            reduce::wide_terms(|start, out: &mut [Pair]| {
                let (logits, _) = logits.split_at_mut(out.len().min(CHUNK));
                row.read(start, logits);
                for (e, &x) in out.iter_mut().zip(logits.iter()) {
                    *e = DoubleDouble::sum(x, -parts.max).whole_exp().pair();
                }
                but_at_max(start, out);
            }),
        );
        let rest: Compensated = reduce::sum(
            team,
            classes,
            reduce::wide_terms(|start, out: &mut [Pair]| {
                for (j, v) in (start..).zip(out.iter_mut()) {
                    *v = self.double(factors, j).pair();
                }
                but_at_max(start, out);
            }),
        );
        let shared = Shared {
            others: DoubleDouble::of(others.wide()),
            at_max: self.double(factors, parts.argmax),
            rest: DoubleDouble::of(rest.wide()),
        };
        Doubles { shared, factors }
    }

    /// The gradient of class j.
    #[inline(always)]
    fn double_gradient(
        &self,
        row: &Row<'_, T>,
        parts: &SoftmaxParts,
        doubles: &Doubles,
        j: usize,
    ) -> Pair {
        let v = self.double(doubles.factors, j);
        let e = DoubleDouble::sum(row.get(j), -parts.max).whole_exp();
        let denominator = DoubleDouble::new(1.0) + doubles.shared.others;
        let [positive, negative] = doubles.shared.terms(e, denominator, v, j == parts.argmax);
        ((positive - negative) / denominator).pair()
    }
}

/// v_j = w_j ((1 - e) q_j + e/C).
struct Probabilities<'a, T> {
    options: &'a CrossEntropy<'a, T>,
    target: &'a [T],
    layout: Layout,
}

impl<T: Element> Factors<T> for Probabilities<'_, T> {
    #[inline(always)]
    fn fill<W: Wide>(&self, start: usize, out: &mut [W]) {
        let (own, uniform) = self.options.smoothed_parts::<W>(self.layout.classes);
        let mut probabilities = [0.0; CHUNK];
        let (probabilities, _) = probabilities.split_at_mut(out.len().min(CHUNK));
        self.layout.read(self.target, start, probabilities);
        for ((j, v), &q) in (start..).zip(out).zip(probabilities.iter()) {
            *v = (own * q + uniform) * self.options.class_weight(j);
        }
    }

    fn double_factors(&self) -> DoubleFactors {
        DoubleFactors::new(self.options.label_smoothing, self.layout.classes)
    }

    #[inline(always)]
    fn double(&self, factors: DoubleFactors, j: usize) -> DoubleDouble {
        let q = self.layout.get(self.target, j);
        factors.of(self.options.class_weight(j), q)
    }
}

/// v_j = (1 - e) w_y [j = y] + (e/C) w_j.
struct Smoothed<'a, T> {
    options: &'a CrossEntropy<'a, T>,
    label: usize,
    classes: usize,
}

impl<T: Element> Factors<T> for Smoothed<'_, T> {
    #[inline(always)]
    fn fill<W: Wide>(&self, start: usize, out: &mut [W]) {
        let (own, uniform) = self.options.smoothed_parts::<W>(self.classes);
        for (j, v) in (start..).zip(out) {
            let weight = self.options.class_weight(j);
            let own = if j == self.label {
                own * weight
            } else {
                W::default()
            };
            *v = own + uniform * weight;
        }
    }

    fn double_factors(&self) -> DoubleFactors {
        DoubleFactors::new(self.options.label_smoothing, self.classes)
    }

    #[inline(always)]
    fn double(&self, factors: DoubleFactors, j: usize) -> DoubleDouble {
        let q = if j == self.label { 1.0 } else { 0.0 };
        factors.of(self.options.class_weight(j), q)
    }
}

/// A call with labels whose arguments have been checked.
pub(crate) struct Labelled<'a, T> {
    options: &'a CrossEntropy<'a, T>,
    input: Classes<'a, T>,
    labels: Labels<'a>,
}

/// How far the gradient at the label may be from its formula of record, in [`quick::row_error`]s: where another class
/// has the largest logit it is a difference, e_y - (1 + S), of which S >= e_y and 1 are at least half.
const LABEL_ERROR: f64 = 4.0;

/// The quick paths of a label's loss and gradient: the formulas above, with softmax's parts from quick exponentials.
/// Only the test of the label's own gradient needs more room than that of the others.
impl<T: Element> Labelled<'_, T> {
    /// The gradient at the label of a row.
    #[inline(always)]
    fn quick_at_label(&self, e: f64, others: f64, is_max: bool, scale: f64) -> (T, bool) {
        let error = LABEL_ERROR * quick::row_error(self.input.classes());
        Near::relative(scale * gradient(e, others, true, is_max), error).round()
    }

    /// What a row's exponentials are multiplied by, so that they become the gradient: NaN, which is never certain,
    /// where the scale is so large that it would bring up what [`quick::exp`] leaves out.
    #[inline(always)]
    fn quick_scale(&self, label: usize, scale: f64) -> f64 {
        let scale = scale * self.options.class_weight(label);
        if scale.abs() <= f64::from(f32::MAX) {
            scale
        } else {
            f64::NAN
        }
    }

    /// Rows `start..start + len`, at most [`LANES`], of few classes, with their losses and weights.
    #[inline(always)]
    fn quick_narrow<A: Arithmetic, const SHORT: bool>(
        &self,
        rows: &mut Rows<T>,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        grad_input: &mut [T],
    ) -> Below {
        let classes = self.input.classes();
        let logits = self.input.contiguous(start, len).unwrap_or(&[]);
        rows.read::<A, SHORT>(logits);
        let labels = self.labels.group(start);
        let with_gradient = !SHORT && !grad_input.is_empty();
        let mut below = Below::new(rows.others);
        let mut scales = [0.0; LANES];
        let mut at_label = [(T::zero(), true); LANES];
        for lane in 0..len.min(LANES) {
            let Some(label) = labels[lane] else {
                continue;
            };
            let is_max = label == rows.argmax[lane];
            below.below_max[lane] = if is_max {
                0.0
            } else {
                rows.max[lane] - rows.logit(lane, label)
            };
            below.counts(lane, self.options.class_weight(label));
            if with_gradient {
                let e = rows.exponential(lane, label);
                let scale = self.quick_scale(label, scale.of(start + lane));
                at_label[lane] = self.quick_at_label(e, rows.others[lane], is_max, scale);
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
    fn quick_wide<A: Arithmetic, const SHORT: bool, const N: usize>(
        &self,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        kept: &mut Option<Kept>,
        grad_input: &mut [T],
    ) -> Below {
        let classes = self.input.classes();
        let mut below = Below::new([0.0; LANES]);
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
            let max = quick::max(row);
            let logit = row.get(label).map_or(f64::NAN, |x| x.widen());
            // The label is left out of S where it has the largest logit, if perhaps not alone: S is the same.
            // Where it has not, the loss is at least ln 2, and S need not be known better than 1 + S is.
            let is_max = logit == max;
            let largest = is_max.then_some(label);
            let kept = match kept {
                Some(kept) => kept.of(classes),
                None => &mut [],
            };
            let others = quick::others::<A, T, SHORT, N>(row, max, largest, kept);
            below.below_max[lane] = max - logit;
            below.others[lane] = others;
            below.counts(lane, self.options.class_weight(label));
            if with_gradient {
                self.quick_gradient::<A, N>(
                    start + lane,
                    row,
                    label,
                    max,
                    others,
                    kept,
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
    fn quick_gradient<A: Arithmetic, const N: usize>(
        &self,
        row: usize,
        logits: &[T],
        label: usize,
        max: f64,
        others: f64,
        kept: &[f64],
        scale: Scale<'_, T>,
        grad: &mut [T],
    ) {
        let quick_scale = self.quick_scale(label, scale.of(row));
        let mut parts = None;
        let mut record = |start: usize, grad: &mut [T]| {
            let parts = parts.get_or_insert_with(|| self.input.row(row).softmax_parts(Alone));
            let scale = T::Wide::product(scale.of(row), self.options.class_weight(label));
            record_chunk(grad, |out| {
                self.chunk_of_gradient(&self.input.row(row), label, parts, scale, start, out);
            });
        };
        quick::scaled_exponentials::<A, T, N>(
            logits,
            max,
            kept,
            quick_scale / (1.0 + others),
            grad,
            &mut record,
        );
        let logit = logits.get(label).map_or(f64::NAN, |x| x.widen());
        let e = quick::exp::<A>(logit - max);
        let (gradient, certain) = self.quick_at_label(e, others, logit == max, quick_scale);
        if let Some(at_label) = grad.get_mut(label) {
            if certain {
                *at_label = gradient;
            } else {
                record(label, core::slice::from_mut(at_label));
            }
        }
    }

    /// All rows of a run in groups, with short exponentials, which are enough for a sum of losses alone, or with those
    /// that gradients and single losses need. Gradients are written where `grad_input` has places; `done(first,
    /// below)` takes the losses of a group.
    #[inline(always)]
    fn quick_groups<A: Arithmetic, const SHORT: bool>(
        &self,
        start: usize,
        len: usize,
        scale: Scale<'_, T>,
        grad_input: &mut [T],
        mut done: impl Done<T>,
    ) {
        let classes = self.input.classes();
        let mut rows = (classes <= NARROW && len >= FEW).then(|| Rows::new(classes));
        let mut kept = (classes > NARROW && !grad_input.is_empty()).then(Kept::new);
        for first in (0..len).step_by(LANES) {
            let group = LANES.min(len - first);
            let grad = grad_input
                .get_mut(first * classes..(first + group) * classes)
                .unwrap_or(&mut []);
            let below = match &mut rows {
                Some(rows) if group >= FEW => {
                    self.quick_narrow::<A, SHORT>(rows, start + first, group, scale, grad)
                }
                _ if classes <= NARROW => {
                    self.quick_wide::<A, SHORT, LANES>(start + first, group, scale, &mut kept, grad)
                }
                _ => {
                    self.quick_wide::<A, SHORT, WIDE>(start + first, group, scale, &mut kept, grad)
                }
            };
            done.done(first, &below);
        }
    }
}

/// The most classes of a row that is worked on in integers.
const MOST_INTEGER_CLASSES: usize = 4096;

/// The quick path in integers.
///
/// S is in units of 2^-(62 - b) for a number of classes C below 2^b, so that 1 + S does not overflow. Every
/// exponential is rounded down to a unit, at most C units in all, which is C^2 2^-61 of a loss, absolutely.
impl<T: Element> Labelled<'_, T> {
    /// See [`RowLoss::quick`].
    fn integer(&self, start: usize, len: usize, scale: Scale<'_, T>, grad: &mut [T]) -> Estimate {
        let mut losses = integer::Losses::new();
        let classes = self.input.classes();
        let mut grads = grad.chunks_exact_mut(classes.max(1));
        for row in start..start + len {
            let grad = grads.next().unwrap_or(&mut []);
            let Some(label) = self.labels.get(row) else {
                grad.fill(T::zero());
                continue;
            };
            let Some(parts) = self.integer_parts(row, label) else {
                losses.add_unknown();
                if !grad.is_empty() {
                    self.gradients(row, 1, scale, grad);
                }
                continue;
            };
            losses.add(parts.at_label, parts.sum, 2 + ((classes * classes) >> 10));
            if !grad.is_empty() {
                self.integer_gradient(row, label, &parts, scale, grad);
            }
        }
        losses.estimate()
    }

    /// The parts of a row, if all its logits are below 128 in magnitude.
    #[inline(always)]
    fn integer_parts(&self, row: usize, label: usize) -> Option<IntegerParts> {
        let logits = self.input.contiguous(row, 1)?;
        let bits = 62 - (usize::BITS - logits.len().leading_zeros());
        let (mut max, mut argmax) = (i64::MIN, 0);
        for (j, &x) in logits.iter().enumerate() {
            let x = integer::fixed(integer::single(x))?;
            if x > max {
                (max, argmax) = (x, j);
            }
        }
        let mut parts = IntegerParts {
            max,
            argmax,
            bits,
            others: 0,
            at_label: 0,
            sum: Positive::new(1 << bits, bits),
        };
        for (j, &x) in logits.iter().enumerate() {
            let below_max = parts.below_max(x);
            if j == label {
                parts.at_label = below_max;
            }
            if j != argmax {
                parts.others += integer::exp(below_max).units(bits);
            }
        }
        parts.sum = Positive::new((1 << bits) + parts.others, bits);
        Some(parts)
    }

    /// The gradient of a row: e_j / (1 + S), and at the label -S / (1 + S) or -((1 + S) - e_y) / (1 + S). Exponentials and
    /// sums of them are within 2^-34.4 of themselves, so that each ratio is within 2^-33.4; S of itself, with
    /// what was rounded down, only where it has 34 bits more than its C units.
    #[inline(always)]
    fn integer_gradient(
        &self,
        row: usize,
        label: usize,
        parts: &IntegerParts,
        scale: Scale<'_, T>,
        grad: &mut [T],
    ) {
        let logits = self.input.contiguous(row, 1).unwrap_or(&[]);
        let recip = parts.sum.recip();
        let integer_scale = integer::Scale::new(scale.of(row));
        let mut of_record = None;
        for (j, (&x, grad)) in logits.iter().zip(grad).enumerate() {
            let near = if j != label {
                Some(integer::exp(parts.below_max(x)))
            } else if label != parts.argmax {
                let e = integer::exp(parts.at_label).units(parts.bits);
                Some(Positive::new(
                    (1 << parts.bits) + parts.others - e,
                    parts.bits,
                ))
            } else {
                let known = parts.others >> 34 >= logits.len() as u64;
                known.then(|| Positive::new(parts.others, parts.bits))
            };
            let rounded = integer_scale.zip(near).and_then(|(scale, near)| {
                scale.round(near.times(recip), j == label, integer::RATIO_ERROR)
            });
            *grad = match rounded {
                Some(value) => T::narrow(value.into()),
                None => {
                    let row_of_record = self.input.row(row);
                    let parts = of_record.get_or_insert_with(|| row_of_record.softmax_parts(Alone));
                    let scale = T::Wide::product(scale.of(row), self.options.class_weight(label));
                    let mut out = [0.0];
                    self.chunk_of_gradient(&row_of_record, label, parts, scale, j, &mut out);
                    T::narrow(out[0])
                }
            };
        }
    }
}

/// Softmax's parts of a row in integers: logits in units of 2^-56, S in units of 2^-`bits`, 1 + S, and m - x_y.
struct IntegerParts {
    max: i64,
    argmax: usize,
    bits: u32,
    others: u64,
    at_label: u64,
    sum: Positive,
}

impl IntegerParts {
    /// m - x_j of a logit below 128 in magnitude.
    #[inline(always)]
    fn below_max<T: Element>(&self, x: T) -> u64 {
        let x = integer::fixed(integer::single(x)).unwrap_or(0);
        self.max.wrapping_sub(x) as u64
    }
}

/// The losses of [`LANES`] rows in parts: (m - x_y) + log1p(S), and the weight of their label. A row that is ignored
/// does not count.
struct Below {
    below_max: [f64; LANES],
    others: [f64; LANES],
    weight: [f64; LANES],
    counted: [bool; LANES],
}

impl Below {
    #[inline(always)]
    fn new(others: [f64; LANES]) -> Self {
        Self {
            below_max: [0.0; LANES],
            others,
            weight: [0.0; LANES],
            counted: [false; LANES],
        }
    }

    #[inline(always)]
    fn counts(&mut self, lane: usize, weight: f64) {
        (self.weight[lane], self.counted[lane]) = (weight, true);
    }

    /// The losses, weighted; 0 for rows that are ignored.
    #[inline(always)]
    fn values(&self) -> [f64; LANES] {
        let mut values = [0.0; LANES];
        for lane in 0..LANES {
            values[lane] = value(self.below_max[lane], log1p(self.others[lane]));
        }
        for lane in 0..LANES {
            let weighted = weigh(self.weight[lane], values[lane]);
            values[lane] = if self.counted[lane] { weighted } else { 0.0 };
        }
        values
    }
}

/// What takes the losses of groups of rows; not a closure, so that it is inlined into each loop over groups.
trait Done<T> {
    fn done(&mut self, first: usize, below: &Below);
}

impl<T: Element> Done<T> for &mut Estimate {
    #[inline(always)]
    fn done(&mut self, _: usize, below: &Below) {
        let count = below.counted.iter().filter(|&&counted| counted).count();
        self.add_group(&below.values(), count as f64);
    }
}

/// Writes the loss of each row.
struct EachLoss<'a, T> {
    labelled: &'a Labelled<'a, T>,
    start: usize,
    losses: &'a mut [T],
}

impl<T: Element> Done<T> for EachLoss<'_, T> {
    #[inline(always)]
    fn done(&mut self, first: usize, below: &Below) {
        let error = quick::row_error(self.labelled.input.classes());
        let values = below.values();
        let losses = self.losses.get_mut(first..).unwrap_or(&mut []);
        for (lane, loss) in (0..LANES).zip(losses) {
            let (rounded, certain) = Near::relative(values[lane], error).round();
            *loss = if certain {
                rounded
            } else {
                let row = self.start + first + lane;
                T::narrow(
                    self.labelled
                        .value(Alone, row, &self.labelled.parts(Alone, row)),
                )
            };
        }
    }
}

impl<T: Element> RowLoss<T> for Labelled<'_, T> {
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

impl<T: Element> Labelled<'_, T> {
    /// The gradient of a row's classes from `start` on.
    #[inline(always)]
    fn chunk_of_gradient(
        &self,
        row: &Row<'_, T>,
        label: usize,
        parts: &SoftmaxParts,
        scale: T::Wide,
        start: usize,
        out: &mut [f64],
    ) {
        let others = parts.wide_others();
        let of =
            |e: T::Wide, is_label, is_max| (gradient(e, others, is_label, is_max) * scale).round();
        row.of_exponentials(parts, start, out, |e| of(e, false, false));
        // Apart, so that there is nothing to choose in the loop.
        let at_label = label.checked_sub(start).and_then(|at| out.get_mut(at));
        if let Some(at_label) = at_label {
            let e: T::Wide = parts.exponential(row.get(label));
            *at_label = of(e, true, label == parts.argmax);
        }
    }

    fn smoothed(&self, label: usize) -> Smoothed<'_, T> {
        Smoothed {
            options: self.options,
            label,
            classes: self.input.classes(),
        }
    }
}

/// A call with class probabilities whose arguments have been checked.
pub(crate) struct Soft<'a, T> {
    options: &'a CrossEntropy<'a, T>,
    input: Classes<'a, T>,
    target: &'a [T],
}

impl<T: Element> Soft<'_, T> {
    fn factors(&self, row: usize) -> Probabilities<'_, T> {
        Probabilities {
            options: self.options,
            target: self.target,
            layout: self.input.layout(row),
        }
    }
}

impl<T: Element> RowLoss<T> for Soft<'_, T> {
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
    fn parts<M: Team>(&self, team: M, row: usize) -> SoftmaxParts {
        self.input.row(row).softmax_parts(team)
    }

    fn value<M: Team>(&self, team: M, row: usize, parts: &SoftmaxParts) -> f64 {
        self.factors(row).value(team, &self.input.row(row), parts)
    }

    #[inline(always)]
    fn gradient<M: Team>(
        &self,
        team: M,
        row: usize,
        parts: &SoftmaxParts,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let logits = self.input.row(row);
        self.factors(row)
            .gradient(team, &logits, parts, scale, layout, grad_input);
    }
}

impl<T: Element> Default for CrossEntropy<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Element> CrossEntropy<'a, T> {
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
        crate::classes::class_weight(self.weight, class)
    }

    /// 1 - e and e/C, which is 0 only where e is, and no product with a weight is then: of an infinite logit it makes an
    /// infinite loss, be it ever so small.
    #[inline(always)]
    fn smoothed_parts<W: Wide>(&self, classes: usize) -> (W, W) {
        let smoothing = self.label_smoothing;
        let own = W::difference(1.0, smoothing);
        let uniform = W::from(smoothing) / W::from(classes as f64);
        if smoothing > 0.0 && uniform.high() < W::LEAST_FACTOR {
            return (own, W::from(W::LEAST_FACTOR));
        }
        (own, uniform)
    }

    fn check_options(&self, input: Classes<'_, T>) -> Result<(), Error> {
        check_unit_interval(Argument::LabelSmoothing, self.label_smoothing)?;
        input.check_weight(self.weight)
    }

    fn check<'b, I: ClassIndex>(
        &'b self,
        input: Classes<'b, T>,
        target: &'b [I],
    ) -> Result<Labelled<'b, T>, Error> {
        self.check_options(input)?;
        let labels = Labels::check(
            target,
            Some(self.ignore_index),
            input.rows(),
            input.classes(),
        )?;
        Ok(Labelled {
            options: self,
            input,
            labels,
        })
    }

    fn check_probabilities<'b>(
        &'b self,
        input: Classes<'b, T>,
        target: &'b [T],
    ) -> Result<Soft<'b, T>, Error> {
        self.check_options(input)?;
        check_length(Argument::Target, input.elements(), target.len())?;
        check_finite(Argument::Target, target)?;
        Ok(Soft {
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
    ) -> impl RowLoss<T> + 'b {
        Labelled {
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
        Soft {
            options: self,
            input,
            target,
        }
    }

    methods!(
        CrossEntropy, check, [I: ClassIndex] I, [0_u8, 1];
        forward, forward_each, backward, backward_each, forward_backward, partial
    );

    methods!(
        CrossEntropy, check_probabilities, [] T, [0.75, 0.25, 0.125, 0.875];
        forward_probabilities, forward_each_probabilities, backward_probabilities,
        backward_each_probabilities, forward_backward_probabilities, partial_probabilities
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::sigmoid;
    use crate::quick::Plain;

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
            let labelled = options.check(input, &label).unwrap();
            let estimate = labelled.quick::<Plain>(0, 1, Scale::All(0.0), &mut []);
            assert_eq!(estimate.round::<f32>(1.0), None);
            let parts = input.row(0).softmax_parts(Alone);
            let loss = value(parts.below_max(classes - 1, 0.0), parts.log1p());
            let near = Near::relative(loss, quick::row_error(classes));
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
            let labelled = options.check(input, &label).unwrap();
            let parts = input.row(0).softmax_parts(Alone);
            let e = crate::elementary::exp(f64::from(SIGMOID_TIE));
            let near = Near::relative(e / (1.0 + parts.others), quick::row_error(classes));
            assert!(!near.round::<f32>().1);
            let (_, certain) = labelled.quick_at_label(1.0, parts.others, true, 1.0);
            assert!(!certain);
            let sigma = sigmoid(SIGMOID_TIE);
            let grad = &mut [0.0; 100][..classes];
            options.backward(input, &label, 1.0, grad).unwrap();
            assert_eq!(
                [grad[0], grad[classes - 1]],
                [sigma, -sigma],
                "{classes} classes"
            );
            // Scales that the quick path refuses, and NaN.
            for (scale, expected) in [(f32::INFINITY, f32::INFINITY), (f32::NAN, f32::NAN)] {
                options
                    .backward_each(input, &label, &[scale], grad)
                    .unwrap();
                let same = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan());
                assert!(same(grad[0], expected) && same(grad[classes - 1], -expected));
            }
            assert!(labelled.quick_scale(0, f64::INFINITY).is_nan());
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
                let labelled = options.check(input, labels).unwrap();
                let estimate = labelled.quick::<Plain>(0, rows, Scale::All(0.0), &mut []);
                if estimate.round::<f32>(rows as f64).is_none() {
                    uncertain += 1;
                    let of_record = options.partial(input, labels, 0).unwrap();
                    let of_record = of_record.finish(Reduction::Mean).unwrap();
                    assert_eq!(options.forward(input, labels), Ok(of_record));
                    let grad = &mut [0.0; 200][..rows * classes];
                    assert_eq!(options.forward_backward(input, labels, grad), Ok(of_record));
                }
            }
            assert!(
                (4..100).contains(&uncertain),
                "{uncertain} of {classes} classes"
            );
        }
    }

    /// What the quick path in integers is certain of is what the formula of record gives; and that is nearly
    /// everything that is common.
    #[test]
    fn integers_give_the_bits_of_record_or_nothing() {
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
                let labelled = options.check(input, &label).unwrap();
                let parts = input.row(0).softmax_parts(Alone);
                let below_max = parts.below_max(label[0], row[label[0]].into());
                let loss = value::<f64>(below_max, parts.log1p()) as f32;
                let (grad, expected) = (&mut [0.0; 64][..classes], &mut [0.0; 64][..classes]);
                let estimate = labelled.integer(0, 1, Scale::All(-1.5), grad);
                if let Some(rounded) = estimate.round::<f32>(1.0) {
                    assert_eq!(rounded, loss, "{row:?}, {label:?}");
                    certain += 1;
                }
                labelled.gradients(0, 1, Scale::All(-1.5), expected);
                assert_eq!(grad, expected, "{row:?}, {label:?}");
            }
            // The loss of a single class is 0, with no digits.
            assert!((certain > 3900) == (classes > 1), "{certain} of {classes}");
        }
        let options = CrossEntropy::new();
        for unknown in [f32::NAN, f32::NEG_INFINITY, 128.0] {
            let row = [0.5, unknown, 1.0];
            let input = Classes::new(&row, [1, 3]).unwrap();
            let labelled = options.check(input, &[2]).unwrap();
            assert!(labelled.integer_parts(0, 2).is_none());
        }
    }

    /// Where a gradient's terms cancel, by its class and what is left of them.
    #[test]
    fn gradients_are_evaluated_again_where_too_little_is_left() {
        /// A row in which the terms of a class are e and 2 v, or at the largest logit `rest` and v S.
        fn again<W: Wide, T: Wide>(
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
            let roundings = f64::from(crate::reduce::roundings(classes));
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
