//! One row of logits, and its softmax in parts.

use crate::machine::CHUNK;
use crate::number::accumulator::Sum;
use crate::number::format::Format;
use crate::number::real::Real;
use crate::rows::max;
use crate::rows::shape::{Classes, Layout};
use crate::sum::terms::Terms;
use crate::sum::thread_group::ThreadGroup;
use crate::sum::tree;
use core::marker::PhantomData;

impl<'a, T: Format> Classes<'a, T> {
    /// One of the rows.
    pub(crate) fn row(&self, row: usize) -> Row<'a, T> {
        Row {
            data: self.data(),
            layout: self.layout(row),
        }
    }
}

/// One row of logits.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a, T> {
    data: &'a [T],
    pub(crate) layout: Layout,
}

impl<T: Format> Row<'_, T> {
    /// The logit of class `j`.
    #[inline(always)]
    pub(crate) fn get(&self, j: usize) -> f64 {
        self.layout.get(self.data, j)
    }

    #[inline(always)]
    pub(crate) fn read(&self, start: usize, out: &mut [f64]) {
        self.layout.read(self.data, start, out);
    }

    /// `out` becomes `f(e_j)` of classes `start..start + out.len()`, at most [`CHUNK`].
    #[inline(always)]
    pub(crate) fn of_exponentials(
        &self,
        parts: &SoftmaxParts,
        start: usize,
        out: &mut [f64],
        f: impl Fn(T::Real) -> f64,
    ) {
        let mut exponentials = [T::Real::default(); CHUNK];
        let (exponentials, _) = exponentials.split_at_mut(out.len().min(CHUNK));
        self.real_exponentials(parts, start, exponentials);
        for (out, &e) in out.iter_mut().zip(exponentials.iter()) {
            *out = f(e);
        }
    }

    /// e_j of classes `start..start + out.len()`, at most [`CHUNK`], not rounded: exactly 1 at the first largest, also
    /// where that is +inf.
    #[inline(always)]
    pub(crate) fn real_exponentials<W: Real>(
        &self,
        parts: &SoftmaxParts,
        start: usize,
        out: &mut [W],
    ) {
        let mut logits = [0.0; CHUNK];
        let (logits, _) = logits.split_at_mut(out.len().min(CHUNK));
        self.read(start, logits);
        for (e, &x) in out.iter_mut().zip(logits.iter()) {
            *e = parts.exponential(x);
        }
        if let Some(at_max) = parts.at_max(start, out) {
            *at_max = W::from(1.0);
        }
    }

    /// The largest logit and the first class that has it. NaN are passed over: a row of nothing but NaN
    /// and -inf gives -inf.
    #[inline(always)]
    pub(crate) fn max<M: ThreadGroup>(&self, group: M) -> (f64, usize) {
        let Layout {
            offset,
            stride,
            classes,
        } = self.layout;
        if M::THREADS > 1 {
            return self.max_in_a_group(group);
        }
        let row = self.data.get(offset..).unwrap_or(&[]);
        if stride == 1 {
            let row = row.get(..classes).unwrap_or(&[]);
            let max = max::max(row);
            return (max, max::position(row, max));
        }
        let (mut max, mut argmax) = (f64::NEG_INFINITY, 0);
        for (j, x) in row.iter().step_by(stride.max(1)).take(classes).enumerate() {
            let x = x.decode();
            if x > max {
                (max, argmax) = (x, j);
            }
        }
        (max, argmax)
    }

    /// The same, each thread looking at its share and then at what another has found.
    #[inline(always)]
    fn max_in_a_group<M: ThreadGroup>(&self, group: M) -> (f64, usize) {
        let (mut max, mut argmax) = (f64::NEG_INFINITY, 0);
        for j in group.share(self.layout.classes) {
            let x = self.get(j);
            if x > max {
                (max, argmax) = (x, j);
            }
        }
        let mut half = M::THREADS / 2;
        while half > 0 {
            let other = f64::from_bits(group.shuffle_down(max.to_bits(), half));
            let at = group.shuffle_down(argmax as u64, half) as usize;
            if other > max || (other == max && at < argmax) {
                (max, argmax) = (other, at);
            }
            half /= 2;
        }
        let max = f64::from_bits(group.shuffle(max.to_bits(), 0));
        (max, group.shuffle(argmax as u64, 0) as usize)
    }

    pub(crate) fn has_nan<M: ThreadGroup>(&self, group: M) -> bool {
        group.any(
            group
                .share(self.layout.classes)
                .fold(false, |any, j| any | self.get(j).is_nan()),
        )
    }

    /// S, of a row whose largest logit is known.
    #[inline(always)]
    pub(crate) fn others<S: Sum, M: ThreadGroup>(&self, group: M, parts: SoftmaxParts) -> S {
        let terms = Others::<T, S::Real> {
            row: self,
            parts,
            of: PhantomData,
        };
        tree::sum(group, self.layout.classes, terms)
    }

    /// Softmax's parts.
    #[inline(always)]
    pub(crate) fn softmax_parts<M: ThreadGroup>(&self, group: M) -> SoftmaxParts {
        let (max, argmax) = self.max(group);
        let mut parts = SoftmaxParts {
            max,
            argmax,
            others: 0.0,
            others_lo: 0.0,
        };
        let others = self.others::<T::Sum, M>(group, parts).real();
        parts.others = of_limit(others.hi(), max);
        parts.others_lo = others.lo();
        parts
    }
}

/// The terms of S.
struct Others<'a, 'b, T, W> {
    row: &'a Row<'b, T>,
    parts: SoftmaxParts,
    of: PhantomData<W>,
}

impl<T: Format, W: Real> Terms for Others<'_, '_, T, W> {
    type Term = W;

    #[inline(always)]
    fn fill(&mut self, start: usize, out: &mut [W]) {
        self.row.real_exponentials(&self.parts, start, out);
        if let Some(one) = self.parts.at_max(start, out) {
            *one = W::default();
        }
    }
}

/// A row's softmax, kept apart: p_j = e_j / (1 + S) with e_j = exp(x_j - m), m the largest logit and
/// S the sum of e_j over the classes other than the first one that has it.
///
/// log-sum-exp is m + log1p(S). S carries the digits that 1 + S would lose: where one class is certain,
/// the loss and the gradient of that class are S, not what is left of it beside 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoftmaxParts {
    pub(crate) max: f64,
    pub(crate) argmax: usize,
    /// S,
    pub(crate) others: f64,
    /// and what it lacks, for `f64` elements.
    pub(crate) others_lo: f64,
}

impl SoftmaxParts {
    /// e_j but for the first largest class.
    ///
    /// `f64`: within 0.1 u, as the difference is exact. So is S, then.
    #[inline(always)]
    pub(crate) fn exponential<W: Real>(&self, x: f64) -> W {
        W::exp(W::difference(x, self.max))
    }

    /// S.
    #[inline(always)]
    pub(crate) fn real_others<W: Real>(&self) -> W {
        W::of_parts(self.others, self.others_lo)
    }

    /// The entry of the first largest class, where it is among the classes from `start` on.
    #[inline(always)]
    pub(crate) fn at_max<'b, X>(&self, start: usize, out: &'b mut [X]) -> Option<&'b mut X> {
        self.argmax
            .checked_sub(start)
            .and_then(|at| out.get_mut(at))
    }

    /// m - x_j, the first of the two terms of -log p_j: 0 at the first largest, also where that is +inf.
    #[inline(always)]
    pub(crate) fn max_minus_logit<W: Real>(&self, j: usize, x: f64) -> W {
        if j == self.argmax {
            W::default()
        } else {
            W::difference(self.max, x)
        }
    }

    /// log1p(S), the second.
    #[inline(always)]
    pub(crate) fn log1p<W: Real>(&self) -> W {
        W::log1p(self.real_others())
    }
}

/// A row's S, NaN where the largest logit is -inf: a row of nothing but -inf has no limit, as some classes may go to
/// -inf faster than others.
#[inline(always)]
pub(crate) fn of_limit(others: f64, max: f64) -> f64 {
    if max == f64::NEG_INFINITY {
        f64::NAN
    } else {
        others
    }
}
