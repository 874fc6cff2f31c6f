//! Gradients whose terms may cancel, in one arithmetic.

use crate::number::double_double::DoubleDouble;
use crate::number::pair::Pair;
use crate::number::real::Real;
use crate::sum::tree::roundings;
use core::ops::{Add, Mul};

/// What the gradients of a row share that has a factor v_j for every class: S, v_j at the first class with the largest
/// logit, and the sum of the others. In any arithmetic.
#[derive(Clone, Copy)]
pub(crate) struct Shared<N> {
    pub(super) others: N,
    pub(super) at_max: N,
    pub(super) rest: N,
}

impl<N: Copy + Add<Output = N> + Mul<Output = N>> Shared<N> {
    /// The two terms of the numerator of V p_j - v_j, V being the sum of the v_j, and `denominator` 1 + S.
    ///
    /// At the class with the largest logit V - v_j is `rest`, so that nothing cancels where it is 0: a probability of 1
    /// there is a label. Elsewhere the two terms may cancel, down to what the rounding of the arguments has left.
    #[inline(always)]
    pub(super) fn terms(&self, e: N, denominator: N, v: N, is_max: bool) -> [N; 2] {
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
    pub(super) fn magnitude(&self, e: f64, v: f64, is_max: bool) -> f64 {
        let [positive, negative] = self.terms(e, 1.0 + self.others, v.abs(), is_max);
        positive + negative
    }
}

/// The gradients of a row in one arithmetic, and where too little of the sum of their terms' magnitudes is left of a
/// difference: there they are evaluated again in the next arithmetic, for `f32` in pairs, and then in double-double.
///
/// A numerator is within E u of that sum, which is [`Real::MOST_ERROR`] u of it or less as long as E / MOST_ERROR of the
/// sum is left.
///
/// In `f64`, with u = 2^-53: a v_j is within 4.1 u and e_j within (1.7 + d_j) u, d_j = m - x_j being rounded. A sum has
/// K roundings a term, [`roundings`], and that of the v_j one more for the largest logit's. So V e_j is within
/// (7.8 + K + d_j) u. 1 + S is within (2.7 + K) u and the mean of the d_k weighted by e_k / (1 + S), which as an
/// entropy is below ln C + 0.3 for C classes: v_j (1 + S) is within (8.1 + K + ln C) u. At the largest logit S is
/// within (1.7 + K) u and the mean of the d_k weighted by e_k / S, which is below ln(C / S): v_m S is within
/// (6.8 + K + ln(C / S)) u. Where d_j, or ln(C / S), is below 11.1, E is 8.1 + K + the larger of 11.1 and ln C.
/// Elsewhere d_j is below 400, or an `f32` could not show the term after all factors, and E below 512.
///
/// In pairs e_j and S are within 0.1 u, and so are the numerator's terms. The denominator's 0.1 u is of the gradient.
pub(crate) struct Differences<W> {
    pub(super) shared: Shared<W>,
    pub(super) magnitudes: Shared<f64>,
    /// S / C, whose logarithm is as near to 0 as that of an exponential has to be.
    pub(super) mean: f64,
    /// The parts of the terms below which a difference is too small, where the exponential that counts is at least
    /// [`COMMON`], and where not.
    pub(super) cancelled: [f64; 2],
}

/// e^-11.09.
const COMMON: f64 = 1.0 / (1 << 16) as f64;

impl<W: Real> Differences<W> {
    /// For elements whose own arithmetic is `T`.
    #[inline(always)]
    pub(super) fn new<T: Real>(shared: Shared<W>, magnitudes: Shared<f64>, classes: usize) -> Self {
        let errors = if W::IS_PAIR {
            [0.1, 0.1]
        } else {
            let log = 0.7 * f64::from(usize::BITS - classes.leading_zeros());
            let moved = if log > 11.1 { log } else { 11.1 };
            [8.1 + f64::from(roundings(classes)) + moved, 512.0]
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
    pub(super) fn gradient<T: Real>(&self, e: W, v: W, denominator: W, is_max: bool) -> (W, bool) {
        let [positive, negative] = self.shared.terms(e, denominator, v, is_max);
        let numerator = positive - negative;
        let magnitude = self.magnitudes.magnitude(e.hi(), v.hi(), is_max);
        let exponential = if is_max { self.mean } else { e.hi() };
        let [common, far] = self.cancelled;
        let cancelled = if exponential < COMMON { far } else { common };
        let is_small = numerator.hi().abs() < cancelled * magnitude;
        // A sum of tiny exponentials may have terms that are tinier.
        let (exponential, tiny) = if is_max {
            (self.magnitudes.others, T::TINY * TINY_SUM)
        } else {
            (e.hi(), T::TINY)
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

/// What the gradients of a row share, in double-double.
///
/// Each e_j is within 22 u^2 and each v_j within 31 u^2 (an exact difference, a quotient, two products and a sum). So
/// are their sums, with 1720 u^2 more for up to 2^27 classes. Either term of the gradient has two products and a sum
/// beside that, 27 u^2: their difference is within 1800 u^2 < 2^-95 of sum_i |v_i| p_j + |v_j|.
pub(crate) struct Doubles {
    pub(super) shared: Shared<DoubleDouble>,
    pub(super) factors: DoubleFactors,
}

/// 1 - e and e/C in double-double.
#[derive(Clone, Copy)]
pub(crate) struct DoubleFactors {
    pub(super) own: DoubleDouble,
    pub(super) uniform: DoubleDouble,
}

impl DoubleFactors {
    pub(super) fn new(smoothing: f64, classes: usize) -> Self {
        Self {
            own: DoubleDouble::sum(1.0, -smoothing),
            uniform: DoubleDouble::new(smoothing) / DoubleDouble::new(classes as f64),
        }
    }

    /// w ((1 - e) q + e/C).
    #[inline(always)]
    pub(super) fn of(self, weight: f64, q: f64) -> DoubleDouble {
        DoubleDouble::new(weight) * (self.own * DoubleDouble::new(q) + self.uniform)
    }
}

/// How a gradient is evaluated whose terms cancel.
pub(crate) enum Finer {
    Pairs(Differences<Pair>),
    Exact(Doubles),
}

/// The classes of a row whose gradients are to be evaluated again: a list, as long as there is room for them.
#[derive(Default)]
pub(crate) struct Cancelled {
    pub(super) classes: [usize; Self::MOST],
    pub(super) count: usize,
}

impl Cancelled {
    pub(super) const MOST: usize = 16;

    #[inline(always)]
    pub(super) fn push(&mut self, class: usize) {
        if let Some(place) = self.classes.get_mut(self.count) {
            *place = class;
        }
        self.count += 1;
    }

    /// The list, if all of them are on it.
    #[inline(always)]
    pub(super) fn list(&self) -> Option<&[usize]> {
        self.classes.get(..self.count)
    }
}
