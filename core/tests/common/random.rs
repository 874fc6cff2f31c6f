//! Numbers that look random and are the same in every run.

use trueloss::Element;

/// Knuth's linear congruential generator; its upper bits are used.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed);
        random.below(1);
        random
    }

    /// An integer below `n`, for an `n` below 2^32.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        const A: u64 = 6_364_136_223_846_793_005;
        const C: u64 = 1_442_695_040_888_963_407;
        self.0 = self.0.wrapping_mul(A).wrapping_add(C);
        ((self.0 >> 32) * n) >> 32
    }

    /// From 0 to 1, both included, in steps of 2^-20.
    pub(crate) fn unit(&mut self) -> f64 {
        self.below((1 << 20) + 1) as f64 / f64::from(1 << 20)
    }

    /// From -`magnitude` to `magnitude`.
    pub(crate) fn within(&mut self, magnitude: f64) -> f64 {
        (2.0 * self.unit() - 1.0) * magnitude
    }

    /// Of either sign, with a magnitude from 2^-`exponent` to 2^`exponent`.
    pub(crate) fn of_any_magnitude(&mut self, exponent: u64) -> f64 {
        let power = self.below(2 * exponent) as i32 - exponent as i32;
        let sign = if self.below(2) == 0 { 1.0 } else { -1.0 };
        sign * (1.0 + self.unit()) * 2f64.powi(power)
    }

    /// As many elements, each made by `next`.
    pub(crate) fn elements<T: Element>(
        &mut self,
        len: usize,
        next: impl Fn(&mut Self) -> f64,
    ) -> Vec<T> {
        (0..len).map(|_| T::narrow(next(self))).collect()
    }
}
