//! What a formula is: written once, evaluated in several arithmetics, with a bound for each.
//!
//! The arithmetics are over lanes: [`Plain`](super::plain) `f32` for elements of 16 bits, pairs of `f32`
//! ([`SinglePair`](super::single_pair)) for `f32`, and plain `f64` for what these leave uncertain.
//!
//! A formula gives its value with a bound: the value is within `units` of [`LaneReal::UNIT`] of `magnitude` of the reference
//! formula's unrounded value. The rounding test ([`crate::engine::lane_element`]) does the rest.

use super::lanes::Lanes;

/// A number of an arithmetic, in lanes.
///
/// Errors are relative, in units of [`UNIT`](Self::UNIT), and derived beside the operations.
pub(crate) trait LaneReal: Copy {
    type F: Lanes;

    /// What errors are measured in: about that of one operation.
    const UNIT: f64;

    /// How far `exp_neg` is off, relatively, in units.
    const EXP: f64;

    /// How far `recip` is off, relatively, in units, for a number that has a result of `exp_neg` in it.
    const RECIP: f64;

    /// The same for a normal number, see `normal`.
    const RECIP_OF_NORMAL: f64;

    /// How far `one_plus` is off, relatively, in units, of a number that comes from `exp_neg`; and of a normal one.
    const SUM: f64;
    const SUM_OF_NORMAL: f64;

    /// How far `times` is off, relatively, in units, of a number that comes from `recip`; and of a normal one, `mul` too.
    const TIMES: f64;
    const TIMES_NORMAL: f64;

    /// How far a difference with an exact number, and a product of it, are off, in units of the difference.
    const DIFFERENCE: f64;

    /// How far the two ends of `bracket` may be off, in units of the number.
    const BRACKET: f64;

    /// How far the reference formulas are from the exact functions, in units: 2^-42 for a sigmoid near 0, see
    /// [`sigmoid_value`](crate::activation::sigmoid_value), and some 2^-48 elsewhere.
    const REFERENCE: f64;

    /// How far `ln_1p` is off, in units of the logarithm: besides the error of its argument, which counts no more here than
    /// there, and `LN_SQUARE`.
    const LN: f64;

    /// The same in units of the square that `ln_1p` gives.
    const LN_SQUARE: f64;

    /// The largest a for `exp_neg`.
    const FAR: f64;

    /// Whether e^-a may be taken for 0 beyond `FAR`: times any number of the element type, e^-`FAR` rounds to 0.
    const VANISHES: bool;

    /// The smallest magnitude of a result at which no low part is lost to underflow.
    const LEAST: f64;

    fn from_lanes(x: Self::F) -> Self;

    /// The number, nearly.
    fn hi(self) -> Self::F;

    /// The number as a sum of two.
    fn parts(self) -> (Self::F, Self::F);

    /// `yes` where the mask is set, else `no`.
    fn select(mask: <Self::F as Lanes>::Mask, yes: Self, no: Self) -> Self;

    fn add(self, other: Self) -> Self;

    /// For normal numbers.
    fn mul(self, other: Self) -> Self;

    /// The opposite where `sign` is negative.
    fn flip_sign(self, sign: Self::F) -> Self;

    /// self * x, for a number that need not be normal.
    fn times(self, x: Self::F) -> Self;

    /// The same number with a low part that is below the last place of the high one.
    fn normal(self) -> Self;

    /// 1 / self, for a number from 1 to 2^124.
    fn recip(self) -> Self;

    /// 1 + t, for t >= 0.
    fn one_plus(self) -> Self;

    /// The same for a normal t in [0, 1].
    fn one_plus_unit(self) -> Self;

    /// e^-(hi + lo) for a sum from -`FAR` to 86, or `FAR` where that is more; lo is what hi lacks: at most an ULP of it.
    fn exp_neg(hi: Self::F, lo: Self::F) -> Self;

    /// ln(1 + t) for a normal t in [0, 1], and the square that `LN_SQUARE` counts.
    fn ln_1p(self) -> (Self, Self::F);

    /// self - error and self + error, each rounded to the lanes' type.
    fn bracket(self, error: Self::F) -> (Self::F, Self::F);

    /// A constant, of lanes whose existence `like` proves.
    fn constant(like: Self::F, x: f64) -> Self;
}

/// A value that is within a formula's units of `magnitude`, where `ok`.
#[derive(Clone, Copy)]
pub(crate) struct Within<R: LaneReal> {
    pub(crate) value: R,
    pub(crate) magnitude: R::F,
    pub(crate) ok: <R::F as Lanes>::Mask,
}

/// A function of `IN` numbers. Its options are in `self`.
pub(crate) trait Formula<const IN: usize>: Copy + Sync {
    /// Whether a result that rounds to 0 has the sign of the reference formula's. That has none where terms of two signs are
    /// both 0.
    const SIGNED_ZERO: bool = true;

    /// Whether inputs may be shorter than the output, and are then repeated: weights.
    const BROADCASTS: bool = false;

    /// How far the value may be off, in units of the magnitude.
    fn units<R: LaneReal>() -> f64;

    fn eval<R: LaneReal>(&self, inputs: [R::F; IN]) -> Within<R>;

    /// The reference formula, unrounded.
    fn reference(&self, inputs: [f64; IN]) -> f64;
}
