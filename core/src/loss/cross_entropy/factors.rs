//! Rows whose target is not a single class: label smoothing and class probabilities.

use crate::loss::cross_entropy::CrossEntropy;
use crate::loss::cross_entropy::differences::{
    Cancelled, Differences, DoubleFactors, Doubles, Finer, Shared,
};
use crate::machine::CHUNK;
use crate::number::accumulator::{Compensated, Sum};
use crate::number::double_double::DoubleDouble;
use crate::number::format::Format;
use crate::number::pair::Pair;
use crate::number::real::{Real, mul_zero_wins};
use crate::rows::row::{Row, SoftmaxParts};
use crate::rows::shape::{Layout, Output};
use crate::sum::terms::real_terms;
use crate::sum::thread_group::ThreadGroup;
use crate::sum::tree;

/// v_j at the class with the largest logit, the sum of the others, and whether this thread has seen a negative one.
pub(super) struct Total<W> {
    pub(super) at_max: W,
    pub(super) rest: W,
    pub(super) negative: bool,
}

/// The factors v_j of a row whose target is not a single class: `fill(start, out)` gives those of the
/// classes from `start` on.
pub(super) trait Factors<T: Format> {
    fn fill<W: Real>(&self, start: usize, out: &mut [W]);

    fn double_factors(&self) -> DoubleFactors;

    /// v_j in double-double.
    fn double(&self, factors: DoubleFactors, j: usize) -> DoubleDouble;

    #[inline(always)]
    fn total<S: Sum, M: ThreadGroup>(
        &self,
        group: M,
        parts: &SoftmaxParts,
        classes: usize,
    ) -> Total<S::Real> {
        let mut at_max = S::Real::default();
        let mut negative = false;
        let rest: S = tree::sum(
            group,
            classes,
            real_terms(|start, out: &mut [S::Real]| {
                self.fill(start, out);
                negative |= out.iter().fold(false, |any, v| any | (v.hi() < 0.0));
                if let Some(v) = parts.at_max(start, out) {
                    at_max = core::mem::take(v);
                }
            }),
        );
        let of_one =
            |part: f64| f64::from_bits(group.shuffle(part.to_bits(), parts.argmax % M::THREADS));
        Total {
            at_max: S::Real::of_parts(of_one(at_max.hi()), of_one(at_max.lo())),
            rest: rest.real(),
            negative,
        }
    }

    /// The sum of the magnitudes of the v_j but that at the class with the largest logit.
    #[inline(always)]
    fn magnitude<M: ThreadGroup>(
        &self,
        group: M,
        parts: &SoftmaxParts,
        classes: usize,
        total: &Total<T::Real>,
    ) -> f64 {
        if !group.any(total.negative) {
            return total.rest.hi();
        }
        let rest: T::Sum = tree::sum(
            group,
            classes,
            real_terms(|start, out: &mut [T::Real]| {
                self.fill(start, out);
                if let Some(v) = parts.at_max(start, out) {
                    *v = T::Real::default();
                }
                for v in out {
                    *v = T::Real::from(v.hi().abs());
                }
            }),
        );
        rest.real().hi()
    }

    /// sum_j v_j (m - x_j) + V log1p(S): terms that are never negative where the v_j are not.
    ///
    /// `f64`: log1p(S) is within 0.2 u, and so the sum, where they are not.
    fn value<M: ThreadGroup>(&self, group: M, row: &Row<'_, T>, parts: &SoftmaxParts) -> f64 {
        let Total { at_max, rest, .. } = self.total::<T::Sum, M>(group, parts, row.layout.classes);
        let mut logits = [0.0; CHUNK];
        let below: T::Sum = tree::sum(
            group,
            row.layout.classes,
            real_terms(|start, out: &mut [T::Real]| {
                let (logits, _) = logits.split_at_mut(out.len().min(CHUNK));
                self.fill(start, out);
                row.read(start, logits);
                for ((j, v), &x) in (start..).zip(out).zip(logits.iter()) {
                    *v = mul_zero_wins(*v, parts.max_minus_logit::<T::Real>(j, x));
                }
            }),
        );
        (below.real() + mul_zero_wins(at_max + rest, parts.log1p::<T::Real>())).round()
    }

    #[inline(always)]
    fn gradient<M: ThreadGroup>(
        &self,
        group: M,
        row: &Row<'_, T>,
        parts: &SoftmaxParts,
        scale: f64,
        layout: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    ) {
        let classes = row.layout.classes;
        let total = self.total::<T::Sum, M>(group, parts, classes);
        let magnitudes = Shared {
            others: parts.others,
            at_max: total.at_max.hi().abs(),
            rest: self.magnitude(group, parts, classes, &total),
        };
        let shared = Shared {
            others: parts.real_others(),
            at_max: total.at_max,
            rest: total.rest,
        };
        let plain = Differences::new::<T::Real>(shared, magnitudes, classes);
        let mut cancelled = Cancelled::default();
        layout.write_all(group, grad_input, |start, out| {
            let mut again = [false; CHUNK];
            if self.chunk(row, parts, &plain, scale, start, out, &mut again) {
                for (j, _) in (start..).zip(again).filter(|(_, again)| *again) {
                    cancelled.push(j);
                }
            }
        });
        // All threads of the team go on to the next arithmetic with all that they have, or none: the bits do not depend
        // on how many they are.
        let mut uncertain = cancelled.count > 0;
        let mut finer = None;
        while group.any(uncertain) {
            let next = match finer {
                None if !T::Real::IS_PAIR => {
                    Finer::Pairs(self.pairs(group, row, parts, magnitudes))
                }
                _ => Finer::Exact(self.doubles(group, row, parts)),
            };
            uncertain = false;
            if let Some(list) = cancelled.list() {
                for &j in list {
                    let (gradient, again) = self.finer_gradient(row, parts, &next, scale, j);
                    layout.write(grad_input, j, &[gradient]);
                    uncertain |= again;
                }
            } else {
                layout.write_all(group, grad_input, |start, out| {
                    let mut again = [false; CHUNK];
                    self.chunk(row, parts, &plain, scale, start, out, &mut again);
                    for ((j, out), _) in (start..).zip(out).zip(again).filter(|(_, again)| *again) {
                        let again;
                        (*out, again) = self.finer_gradient(row, parts, &next, scale, j);
                        uncertain |= again;
                    }
                });
            }
            finer = Some(next);
        }
    }

    /// The gradients of classes from `start` on, and which of them are to be evaluated `again`: whether any is.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn chunk<W: Real>(
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
        row.real_exponentials(parts, start, exponentials);
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
            (gradient, *again) = plain.gradient::<T::Real>(e, v, denominator, is_max);
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
    fn pairs<M: ThreadGroup>(
        &self,
        group: M,
        row: &Row<'_, T>,
        parts: &SoftmaxParts,
        magnitudes: Shared<f64>,
    ) -> Differences<Pair> {
        let classes = row.layout.classes;
        let others: Compensated = row.others(group, *parts);
        let total = self.total::<Compensated, M>(group, parts, classes);
        let shared = Shared {
            others: others.real(),
            at_max: total.at_max,
            rest: total.rest,
        };
        Differences::new::<T::Real>(shared, magnitudes, classes)
    }

    #[cold]
    #[inline(never)]
    fn doubles<M: ThreadGroup>(&self, group: M, row: &Row<'_, T>, parts: &SoftmaxParts) -> Doubles {
        let classes = row.layout.classes;
        let factors = self.double_factors();
        let but_at_max = |start, terms: &mut [Pair]| {
            if let Some(zero) = parts.at_max(start, terms) {
                *zero = Pair::default();
            }
        };
        let mut logits = [0.0; CHUNK];
        let others: Compensated = tree::sum(
            group,
            classes,
            real_terms(|start, out: &mut [Pair]| {
                let (logits, _) = logits.split_at_mut(out.len().min(CHUNK));
                row.read(start, logits);
                for (e, &x) in out.iter_mut().zip(logits.iter()) {
                    *e = DoubleDouble::sum(x, -parts.max).whole_exp().pair();
                }
                but_at_max(start, out);
            }),
        );
        let rest: Compensated = tree::sum(
            group,
            classes,
            real_terms(|start, out: &mut [Pair]| {
                for (j, v) in (start..).zip(out.iter_mut()) {
                    *v = self.double(factors, j).pair();
                }
                but_at_max(start, out);
            }),
        );
        let shared = Shared {
            others: DoubleDouble::of(others.real()),
            at_max: self.double(factors, parts.argmax),
            rest: DoubleDouble::of(rest.real()),
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
pub(crate) struct Probabilities<'a, T> {
    pub(super) options: &'a CrossEntropy<'a, T>,
    pub(super) target: &'a [T],
    pub(super) layout: Layout,
}

impl<T: Format> Factors<T> for Probabilities<'_, T> {
    #[inline(always)]
    fn fill<W: Real>(&self, start: usize, out: &mut [W]) {
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
pub(crate) struct Smoothed<'a, T> {
    pub(super) options: &'a CrossEntropy<'a, T>,
    pub(super) label: usize,
    pub(super) classes: usize,
}

impl<T: Format> Factors<T> for Smoothed<'_, T> {
    #[inline(always)]
    fn fill<W: Real>(&self, start: usize, out: &mut [W]) {
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
