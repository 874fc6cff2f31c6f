//! What a formula is: written once, evaluated in several arithmetics, with a bound for each.
//!
//! The arithmetics are over lanes: [`Plain`](super::plain) `f32` for elements of 16 bits, pairs of `f32`
//! ([`SinglePair`](super::single_pair)) for `f32`, and plain `f64` for what these leave uncertain.
//!
//! A formula gives its value and its gradient with a bound: each is within its units of [`LaneReal::UNIT`] of `magnitude` of the
//! reference formula's unrounded one. The rounding test ([`crate::engine::lane_element`]) does the rest.

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

    /// How far the reference formulas are from the exact functions, relatively, in units: 2^-41 for a sigmoid near 0, see
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

    /// A small normal number: 2^-126 unless overridden.
    const SMALL_NORMAL: f64 = f64::from_bits((1023 - 126) << 52);

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

    /// The same for a normal t in [-1, 1].
    fn one_plus_unit(self) -> Self;

    /// e^-(hi + lo) for a sum from -`FAR` to 86, or `FAR` where that is more; lo is what hi lacks: at most an ULP of it.
    fn exp_neg(hi: Self::F, lo: Self::F) -> Self;

    /// ln(1 + t) for a normal t in [0, 1], and the square that `LN_SQUARE` counts.
    fn ln_1p(self) -> (Self, Self::F);

    /// -ln x for a normal x up to 1/2, and the square that `LN_SQUARE` counts: off by [`NEG_LN`](Self::NEG_LN).
    ///
    /// x = 2^k m with m in [1, 2), so -ln x = -k ln 2 - ln m. The result is at least ln 2, so -k ln 2 is at most twice the result.
    #[inline(always)]
    fn neg_ln(x: Self::F) -> (Self, Self::F) {
        let (k, m) = x.exponent_and_significand();
        let (ln, square) = Self::from_lanes(m - x.constant(1.0)).ln_1p();
        let power = Self::constant(x, core::f64::consts::LN_2).times(-k);
        let minus = -x.constant(1.0);
        (power.add(ln.flip_sign(minus)), square)
    }

    /// How far `neg_ln` is off, in units of the logarithm, besides `LN_SQUARE`: ln 2 and its product round, the sum, and ln m.
    const NEG_LN: f64 = 4.0 * Self::TIMES_NORMAL + Self::SUM_OF_NORMAL + Self::LN;

    /// The magnitude of a formula of so many units, with what `LN_SQUARE` adds for a square.
    #[inline(always)]
    fn with_square(magnitude: Self::F, square: Self::F, units: f64) -> Self::F {
        if Self::LN_SQUARE > 0.0 {
            square.mul_add(square.constant(Self::LN_SQUARE / units), magnitude)
        } else {
            magnitude
        }
    }

    /// x - y.
    #[inline(always)]
    fn difference(x: Self::F, y: Self::F) -> Self {
        Self::from_lanes(x).add(Self::from_lanes(-y))
    }

    /// Whether sums and products are those of the reference formulas, to the bit.
    const IS_REFERENCE: bool = false;

    /// The `magnitude` of a result made only of the reference formula's own sums and products: 0 where `exact`, and in `f64`, where
    /// these are the same operations.
    #[inline(always)]
    fn error_magnitude(magnitude: Self::F, exact: <Self::F as Lanes>::Mask) -> Self::F {
        let zero = magnitude.constant(0.0);
        if Self::IS_REFERENCE {
            zero
        } else {
            Self::F::select(exact, zero, magnitude)
        }
    }

    /// self <= other, for normal numbers.
    fn le(self, other: Self) -> <Self::F as Lanes>::Mask;

    /// self - error and self + error, each rounded to the lanes' type.
    fn bracket(self, error: Self::F) -> (Self::F, Self::F);

    /// A constant, of lanes whose existence `like` proves.
    fn constant(like: Self::F, x: f64) -> Self;

    /// Whether `constant` has all digits of the arithmetic: a number near the ends of the range may have few.
    fn holds(x: f64) -> bool {
        let (_, rest) = Self::F::split(x);
        rest == 0.0 || (x.abs() >= Self::LEAST && rest.is_finite())
    }

    /// The same, or NaN where that has lost digits: then nothing is certain.
    #[inline(always)]
    fn option(like: Self::F, x: f64) -> Self {
        Self::constant(like, if Self::holds(x) { x } else { f64::NAN })
    }
}

/// A value that is within a formula's units of `magnitude`, where `ok`.
#[derive(Clone, Copy)]
pub(crate) struct Within<R: LaneReal> {
    pub(crate) value: R,
    pub(crate) magnitude: R::F,
    pub(crate) ok: <R::F as Lanes>::Mask,
}

/// Whether products have kept their low parts: `least`, the smallest of their magnitudes, is at least [`LaneReal::LEAST`]. A result
/// of 0 has none to lose.
#[inline(always)]
pub(crate) fn keeps_low_part<R: LaneReal>(
    least: R::F,
    is_zero: <R::F as Lanes>::Mask,
) -> <R::F as Lanes>::Mask {
    R::F::or(is_zero, least.constant(R::LEAST).le(least))
}

/// A loss times its weight, and the magnitude of that; and where the weight is 0. There the loss is 0, whatever the weight's sign.
#[inline(always)]
pub(crate) fn weighted<R: LaneReal>(
    loss: R,
    magnitude: R::F,
    weight: R::F,
) -> (R, R::F, <R::F as Lanes>::Mask) {
    let zero = weight.constant(0.0);
    let is_weightless = weight.eq(zero);
    let loss = R::select(is_weightless, R::from_lanes(zero), loss.times(weight));
    let magnitude = R::F::select(is_weightless, zero, magnitude * weight.abs());
    (loss, magnitude, is_weightless)
}

/// Whether x is a number of the lanes' type.
pub(crate) fn is_representable<F: Lanes>(x: f64) -> bool {
    F::split(x).1 == 0.0
}

/// Where x - y is exact: both terms of the error that Knuth's sum of x and -y gives are 0.
#[inline(always)]
pub(crate) fn has_exact_difference<F: Lanes>(x: F, y: F) -> F::Mask {
    let difference = x - y;
    let part = x - difference;
    F::and(part.eq(y), (difference + part).eq(x))
}

/// Where a b is exact. Callers exclude products whose rounding error would underflow.
#[inline(always)]
pub(crate) fn has_exact_product<F: Lanes>(a: F, b: F) -> F::Mask {
    a.mul_sub(b, a * b).eq(a.constant(0.0))
}

/// The factor of a gradient: one for all elements, or one for each.
#[derive(Clone, Copy)]
pub(crate) struct Factor<R: LaneReal> {
    pub(crate) value: R,
    /// 0 where the factor is 0, and not 0 elsewhere, even where the lanes' type would underflow.
    pub(crate) nonzero: R::F,
    /// 1 where the lanes' type holds the factor exactly, else 0.
    representable: R::F,
}

impl<R: LaneReal> Factor<R> {
    /// One number for all elements, of lanes whose existence `like` proves.
    #[inline(always)]
    pub(crate) fn of_all(like: R::F, factor: f64) -> Self {
        Self {
            value: R::option(like, factor),
            nonzero: like.constant(nonzero(factor)),
            representable: like.constant(f64::from(u8::from(is_representable::<R::F>(factor)))),
        }
    }

    /// A number of each element.
    #[inline(always)]
    pub(crate) fn of_each(factors: R::F) -> Self {
        Self {
            value: R::from_lanes(factors),
            nonzero: factors,
            representable: factors.constant(1.0),
        }
    }

    #[inline(always)]
    pub(crate) fn is_zero(self) -> <R::F as Lanes>::Mask {
        self.nonzero.eq(self.nonzero.constant(0.0))
    }

    /// Where its product with a number is exact.
    #[inline(always)]
    pub(crate) fn has_exact_product(self, x: R::F) -> <R::F as Lanes>::Mask {
        let is_representable = x.constant(0.0).lt(self.representable);
        R::F::and(is_representable, has_exact_product(x, self.value.hi()))
    }

    /// Its magnitude, nearly.
    #[inline(always)]
    pub(crate) fn magnitude(self) -> R::F {
        self.value.hi().abs()
    }
}

/// 0 for 0, else 1.
#[inline(always)]
fn nonzero(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { 1.0 }
}

/// A function of `IN` numbers and its gradient with respect to the first, times a factor. Its options are in `self`.
///
/// A result that rounds to 0 has the sign of the reference formula's, or is not `ok`.
pub(crate) trait Formula<const IN: usize>: Copy + Sync {
    /// Whether inputs may be shorter than the output, and are then repeated: weights.
    const BROADCASTS: bool = false;

    /// Whether sums of values are asked for, and gradients times one factor for all.
    const IS_LOSS: bool = true;

    /// How far the value may be off, in units of its magnitude.
    fn value_units<R: LaneReal>() -> f64;

    /// How far the gradient may be off, in units of its magnitude.
    fn gradient_units<R: LaneReal>() -> f64;

    /// What the value and the gradient have in common.
    type Shared<R: LaneReal>: Copy;

    fn shared<R: LaneReal>(&self, inputs: [R::F; IN]) -> Self::Shared<R>;

    fn value<R: LaneReal>(&self, inputs: [R::F; IN], shared: Self::Shared<R>) -> Within<R>;

    fn gradient<R: LaneReal>(
        &self,
        inputs: [R::F; IN],
        shared: Self::Shared<R>,
        factor: Factor<R>,
    ) -> Within<R>;

    /// The reference formulas, unrounded.
    fn reference_value(&self, inputs: [f64; IN]) -> f64;

    fn reference_gradient(&self, inputs: [f64; IN], factor: f64) -> f64;
}
