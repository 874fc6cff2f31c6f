//! Rows of few classes, side by side.

use crate::engine::row_outputs::{Estimated, LogProbability, Scaled};
use crate::machine::{LANES, VECTORS};
use crate::number::arithmetic::Arithmetic;
use crate::number::fast_elementary::{exp, exp_short};
use crate::number::format::Format;
use crate::rows::exponentials::row_error;
use crate::rows::row::of_limit;

/// The most classes of rows that are worked on side by side, one a lane. None without `std`, where there are no wide vectors
/// to gain from it and little stack to keep them on.
pub(crate) const MAX_TRANSPOSED_CLASSES: usize = if VECTORS && cfg!(feature = "std") {
    32
} else {
    0
};

/// With fewer rows than this left, they are worked on one by one.
pub(crate) const MIN_TRANSPOSED_ROWS: usize = 6;

/// [`LANES`] rows of up to [`MAX_TRANSPOSED_CLASSES`] classes, turned so that a lane is a row.
pub(crate) struct TransposedRows<T> {
    classes: usize,
    logits: [[T; LANES]; MAX_TRANSPOSED_CLASSES],
    exponentials: [[f64; LANES]; MAX_TRANSPOSED_CLASSES],
    pub(crate) max: [f64; LANES],
    pub(crate) argmax: [usize; LANES],
    pub(crate) others: [f64; LANES],
}

impl<T: Format> TransposedRows<T> {
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            classes,
            logits: [[T::zero(); LANES]; MAX_TRANSPOSED_CLASSES],
            exponentials: [[0.0; LANES]; MAX_TRANSPOSED_CLASSES],
            max: [0.0; LANES],
            argmax: [0; LANES],
            others: [0.0; LANES],
        }
    }

    /// Reads rows that lie one after the other, and finds their parts.
    #[inline(always)]
    pub(crate) fn read<A: Arithmetic, const SHORT: bool>(&mut self, rows: &[T]) {
        for (lane, row) in (0..LANES).zip(rows.chunks_exact(self.classes.max(1))) {
            for (logits, &x) in self.logits.iter_mut().zip(row) {
                logits[lane] = x;
            }
        }
        let mut max = [T::neg_infinity(); LANES];
        let mut argmax = [0_u32; LANES];
        for (j, logits) in (0..).zip(self.logits.iter().take(self.classes)) {
            for lane in 0..LANES {
                let larger = logits[lane] > max[lane];
                max[lane] = if larger { logits[lane] } else { max[lane] };
                argmax[lane] = if larger { j } else { argmax[lane] };
            }
        }
        let mut others = [0.0; LANES];
        let rows = self.logits.iter().zip(&mut self.exponentials);
        for (j, (logits, exponentials)) in (0..).zip(rows.take(self.classes)) {
            for lane in 0..LANES {
                let a = logits[lane].decode() - max[lane].decode();
                let e = if SHORT {
                    exp_short::<A>(a)
                } else {
                    exp::<A>(a)
                };
                if !SHORT {
                    exponentials[lane] = e;
                }
                others[lane] += if argmax[lane] == j { 0.0 } else { e };
            }
        }
        for lane in 0..LANES {
            self.max[lane] = max[lane].decode();
            self.others[lane] = of_limit(others[lane], self.max[lane]);
            self.argmax[lane] = argmax[lane] as usize;
        }
    }

    /// Turns the logits into e_j * scale of their row, and says for which rows that is certain.
    #[inline(always)]
    pub(crate) fn scale_exponentials(&mut self, scale: &[f64; LANES]) -> [bool; LANES] {
        let error = row_error(self.classes);
        self.each(&scale.map(|scale| Scaled::new(scale, error)))
    }

    /// Turns the logits into -((max - x_j) + log1p) of their row, and says for which rows that is certain.
    #[inline(always)]
    pub(crate) fn log_probabilities(&mut self, log1p: &[f64; LANES]) -> [bool; LANES] {
        let (max, error) = (0.0, row_error(self.classes));
        let mut each = [LogProbability {
            max,
            log1p: 0.0,
            error,
        }; LANES];
        for lane in 0..LANES {
            (each[lane].max, each[lane].log1p) = (self.max[lane], log1p[lane]);
        }
        self.each(&each)
    }

    #[inline(always)]
    fn each(&mut self, each: &[impl Estimated; LANES]) -> [bool; LANES] {
        let mut uncertain = [0_u32; LANES];
        let rows = self.logits.iter_mut().zip(&self.exponentials);
        for (logits, exponentials) in rows.take(self.classes) {
            for lane in 0..LANES {
                let near = each[lane].near(logits[lane].decode(), exponentials[lane]);
                let (rounded, certain) = near.round();
                logits[lane] = rounded;
                uncertain[lane] |= u32::from(!certain);
            }
        }
        uncertain.map(|uncertain| uncertain == 0)
    }

    /// Puts one number in the place of a logit.
    #[inline(always)]
    pub(crate) fn set(&mut self, lane: usize, class: usize, value: T) {
        if let Some(logits) = self.logits.get_mut(class) {
            logits[lane] = value;
        }
    }

    /// The exponential of a logit.
    #[inline(always)]
    pub(crate) fn exponential(&self, lane: usize, class: usize) -> f64 {
        self.exponentials
            .get(class)
            .map_or(f64::NAN, |exponentials| exponentials[lane])
    }

    /// The logit of a class, before another has taken its place.
    #[inline(always)]
    pub(crate) fn logit(&self, lane: usize, class: usize) -> f64 {
        self.logits
            .get(class)
            .map_or(f64::NAN, |logits| logits[lane].decode())
    }

    /// Writes what the logits have become, for one row.
    #[inline(always)]
    pub(crate) fn write(&self, lane: usize, row: &mut [T]) {
        for (x, logits) in row.iter_mut().zip(&self.logits) {
            *x = logits[lane];
        }
    }
}
