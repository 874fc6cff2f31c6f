//! The formats of elements: how one is widened and rounded, and what its formulas are evaluated in.

use crate::check::Checkable;
use crate::number::accumulator::{Compensated, Sum};
use crate::number::pair::Pair;
use crate::number::real::Real;

/// What the kernels know of an element type: how it is decoded and encoded, and what its formulas are evaluated in.
///
/// [`Element`](crate::Element), which callers see, is this and the kernels that are compiled for the type. This trait can't be
/// named outside the crate, so that there are no other elements.
pub trait Format: Checkable + Default + core::fmt::Debug + Send + Sync + 'static {
    /// What formulas are evaluated in: pairs for `f64`, and `f64` for the others.
    type Real: Real;

    /// What a sum of losses is kept in: a compensated pair for `f64`, and `f64` for the others.
    type Sum: Sum<Real = Self::Real> + core::fmt::Debug + Send;

    /// The weight that changes nothing, as the slice that broadcasts over every input.
    const ONE: &'static [Self];

    /// Whether the element has so few digits that a fast path can tell how a result will round.
    const FAST: bool;

    /// Below this magnitude the sigmoid is taken as 1/2 + x (1/4 - tiny), see
    /// [`sigmoid_value`](crate::activation::sigmoid_value).
    const SIGMOID_LINEAR_BELOW: f64;

    /// The one positive number whose softplus `f64` can't place beside a midpoint, see
    /// [`activation`](crate::activation). NaN where there is none to mend.
    const SOFTPLUS_NEAR_TIE: f64;

    /// The element as an `f64`: exact.
    fn decode(self) -> f64;

    /// The element nearest to `value`, ties to even.
    fn encode(value: f64) -> Self;
}

impl Format for f32 {
    type Real = f64;
    type Sum = f64;
    const FAST: bool = true;
    const ONE: &'static [Self] = &[1.0];
    const SIGMOID_LINEAR_BELOW: f64 = 1.0 / 8192.0;
    // 0x39ea_41d0 as an f32, 4.468e-4.
    const SOFTPLUS_NEAR_TIE: f64 = f64::from_bits(0x3f3d_483a_0000_0000);

    #[inline(always)]
    fn decode(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn encode(value: f64) -> Self {
        value as f32
    }
}

impl Format for f64 {
    type Real = Pair;
    type Sum = Compensated;
    const FAST: bool = false;
    const ONE: &'static [Self] = &[1.0];
    const SIGMOID_LINEAR_BELOW: f64 = 0.0;
    const SOFTPLUS_NEAR_TIE: f64 = f64::NAN;

    #[inline(always)]
    fn decode(self) -> f64 {
        self
    }

    #[inline(always)]
    fn encode(value: f64) -> Self {
        value
    }
}
