//! What the quick paths share: their arithmetic, their exponentials, and the rounding tests that make their
//! answers those of the formulas of record.
//!
//! # Why the bits are the same
//!
//! A quick path evaluates its function in `f64` with an error that is known, but larger than that of the formula of
//! record: terms are left out, multiplications and additions fused, sums taken in another order, logarithms
//! replaced by that of a product. Let q be its result and E a bound on how far the result of the formula of
//! record, before it is rounded to the element type, can be from q. Rounding is monotone: if q - E and
//! q + E round to the same element, so does everything between them, and that element is the answer. Otherwise
//! the formula of record is evaluated. So the bounds below decide how often the quick path has been in vain, and, if
//! one were wrong, whether bits would change; tests compare both paths on all `f32` where there is one
//! argument.
//!
//! All of this needs elements with fewer digits than `f64`: quick paths are for `f32`
//! ([`Element::QUICK`]).
//!
//! Below, u = 2^-53 is the largest relative error of one rounding, and of a fused multiply-add. `Plain`
//! arithmetic rounds twice where `Fused` does once; the bounds hold for both.

use crate::element::Element;
use crate::elementary::{EXP, EXP2_SHORT, LN2_HI, LN2_LO, LOG1P_UNIT, LOG2_E, MAGIC, log};
use crate::reduce::{self, Node};

/// The arithmetic of a quick path.
pub(crate) trait Arithmetic: Copy {
    /// a * b + c, rounded once or twice.
    fn mul_add(a: f64, b: f64, c: f64) -> f64;
}

/// Multiplication and addition: what every machine has.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Arithmetic for Plain {
    #[inline(always)]
    fn mul_add(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
}

/// Fused multiply-add, on a machine that has one. `WIDTH` keeps apart the code for different machines: each
/// has its own copy of every generic function, so that all of it can be inlined into a function
/// compiled for that machine.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[derive(Clone, Copy)]
pub(crate) struct Fused<const WIDTH: usize>;

#[cfg(all(feature = "std", target_arch = "x86_64"))]
impl<const WIDTH: usize> Arithmetic for Fused<WIDTH> {
    #[inline(always)]
    fn mul_add(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }
}

/// How many elements, or rows, are worked on side by side: two vectors of AVX-512, four of AVX2. Loops over
/// arrays of this length are what the compiler vectorises.
pub(crate) const LANES: usize = 16;

/// How many elements are evaluated before their rounding tests are looked at: what one failure sends to the
/// formula of record.
pub(crate) const CHUNK: usize = 64;

/// How many elements share one logarithm. Their factors are at most 2, so the product is at most 2^512.
const STRETCH: usize = 512;

/// The smallest argument of the exponentials here; those below are taken for it. e^-300 < 2^-432, which times the
/// largest `f32` is still far below the smallest: no result can tell.
const LOWEST: f64 = -300.0;

/// A logit whose exponential is e^[`LOWEST`], in the place of those that a group lacks.
pub(crate) const PADDING: f64 = -1000.0;

/// A polynomial with coefficients of rising order, an even number of them, in pairs.
#[inline(always)]
fn polynomial<A: Arithmetic, const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    const { assert!(N.is_multiple_of(2)) };
    let square = x * x;
    let (pairs, _) = coefficients.as_chunks::<2>();
    pairs
        .iter()
        .rev()
        .map(|[low, high]| A::mul_add(*high, x, *low))
        .reduce(|sum, pair| A::mul_add(sum, square, pair))
        .unwrap_or(0.0)
}

/// 2^k times a number near 1, k in the low bits of `shifted` and the result no subnormal number. As the
/// product is made by adding to the bits, a NaN must have no bit set among those that reach its exponent: that of an
/// `f32` has none in its 29 lowest bits, and an operation's own NaN has none at all.
#[inline(always)]
fn scale_by_power(significand: f64, shifted: f64) -> f64 {
    f64::from_bits(significand.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// e^a for a <= 0, NaN for NaN.
///
/// Relative error below 2^-34.3 above [`LOWEST`]. a log2(e) = k + f with |f| <= 1/2, 2^f a polynomial: 2^-34.5
/// (see [`EXP2_SHORT`]). |a log2(e)| is below 2^8.76, so that its rounding and that of the constant move f by
/// at most 1.5 * 2^8.76 u, and the result by 2^-44.1 of itself; the polynomial's roundings are a few u.
#[inline(always)]
pub(crate) fn exp_short<A: Arithmetic>(a: f64) -> f64 {
    let a = if a < LOWEST { LOWEST } else { a };
    let shifted = A::mul_add(a, LOG2_E, MAGIC);
    let k = shifted - MAGIC;
    let f = A::mul_add(a, LOG2_E, -k);
    scale_by_power(polynomial::<A, _>(&EXP2_SHORT, f), shifted)
}

/// e^a for a <= 0, NaN for NaN.
///
/// Relative error below 2 u above [`LOWEST`]: [`elementary::exp`](crate::elementary::exp) with fused operations,
/// and without what subnormal results need. e^0 is 1.
#[inline(always)]
pub(crate) fn exp<A: Arithmetic>(a: f64) -> f64 {
    let a = if a < LOWEST { LOWEST } else { a };
    let shifted = A::mul_add(a, LOG2_E, MAGIC);
    let k = shifted - MAGIC;
    let r = A::mul_add(-k, LN2_LO, A::mul_add(-k, LN2_HI, a));
    let significand = 1.0 + A::mul_add(r * r, polynomial::<A, _>(&EXP, r), r);
    scale_by_power(significand, shifted)
}

/// ln(1 + t) for t in [0, 1]: [`elementary::log1p_unit`](crate::elementary::log1p_unit) with fused operations.
/// Relative error below 3 u.
#[inline(always)]
pub(crate) fn log1p_unit<A: Arithmetic>(t: f64) -> f64 {
    let s = t / (2.0 + t);
    let z = s * s;
    A::mul_add(-s, A::mul_add(-z, polynomial::<A, _>(&LOG1P_UNIT, z), t), t)
}

/// How far a function of one exponential from [`exp`] may be from its formula of record, as a part of the sum
/// of its terms' magnitudes. The roundings are fewer than 20 u on either side. What decides is where a formula
/// of record is off on purpose: the sigmoid below 2^-13 (see
/// [`sigmoid_value`](crate::activation::sigmoid_value)) by 2^-42 of about 1/2.
pub(crate) const QUICK_ERROR: f64 = 1.0 / (1_u64 << 40) as f64;

/// A result of a quick path before it is rounded, and how far that of the formula of record can be from it.
#[derive(Clone, Copy)]
pub(crate) struct Near {
    value: f64,
    error: f64,
}

impl Near {
    /// Nothing is known: the answer is left to the formula of record.
    pub(crate) const UNKNOWN: Self = Self {
        value: f64::NAN,
        error: f64::NAN,
    };

    /// Within a part `error` of itself.
    #[inline(always)]
    pub(crate) fn relative(value: f64, error: f64) -> Self {
        Self {
            value,
            error: value * error,
        }
    }

    /// Within `error`, of either sign.
    #[inline(always)]
    pub(crate) fn absolute(value: f64, error: f64) -> Self {
        Self { value, error }
    }

    /// The element it rounds to, and whether that is certain. A NaN never is. Neither is a result whose sign is
    /// open, as two zeros are equal whatever their signs.
    #[inline(always)]
    pub(crate) fn round<T: Element>(self) -> (T, bool) {
        let low = T::narrow(self.value - self.error);
        let high = T::narrow(self.value + self.error);
        (low, (low == high) & (self.value.abs() >= self.error.abs()))
    }
}

/// A sum of losses from a quick path.
///
/// With exponentials from [`exp_short`], and each loss a function of them that does not magnify a relative error (as
/// ln(1 + t) does not), the losses are within 2^-34.3 of themselves; so is their sum, of the sum of their
/// magnitudes. The additions (fewer than 150 on the way of any term: 32 in a lane, 16 lanes, 8 stretches,
/// and one a level of the tree) and the logarithms add less than 2^-45, the formula of record itself less
/// than 2^-45. Together, below 2^-34. What a loss loses absolutely, when its factor 1 + t is rounded and multiplied into
/// a product, is 2 u each; with 16 more products for each stretch, below 2^-51 for each loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Estimate {
    value: f64,
    magnitude: f64,
    count: f64,
}

impl Node for Estimate {
    #[inline(always)]
    fn merge(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            magnitude: self.magnitude + other.magnitude,
            count: self.count + other.count,
        }
    }
}

impl Estimate {
    const RELATIVE: f64 = 1.0 / (1_u64 << 34) as f64;
    const ABSOLUTE: f64 = 1.0 / (1_u64 << 51) as f64;

    /// With one more term.
    #[inline(always)]
    pub(crate) fn add(&mut self, term: f64) {
        *self = self.merge(Self {
            value: term,
            magnitude: term.abs(),
            count: 1.0,
        });
    }

    /// The reduced loss, where it is certain: a divisor of 0 leaves a NaN, which never is.
    #[inline(always)]
    pub(crate) fn round<T: Element>(self, divisor: f64) -> Option<T> {
        let error = self.magnitude * Self::RELATIVE + self.count * Self::ABSOLUTE;
        let low: T = T::narrow(reduce::divide(self.value - error, divisor));
        let high = T::narrow(reduce::divide(self.value + error, divisor));
        // A sum that may have either sign must not round to two zeros.
        (low == high && self.value.abs() >= error).then_some(low)
    }
}

/// The sum of losses of the form linear + ln(factor), with factors from 1 to 2, for up to [`STRETCH`] of them:
/// the sum of the linear terms and the logarithm of the product.
#[derive(Clone, Copy)]
pub(crate) struct Stretch {
    linear: [f64; LANES],
    factor: [f64; LANES],
}

impl Stretch {
    pub(crate) const LEN: usize = STRETCH;

    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            linear: [0.0; LANES],
            factor: [1.0; LANES],
        }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, lane: usize, linear: f64, factor: f64) {
        self.linear[lane] += linear;
        self.factor[lane] *= factor;
    }

    /// The sum of `len` losses, all of them at least 0.
    #[inline(always)]
    pub(crate) fn finish(&self, len: usize) -> Estimate {
        let mut linear = 0.0;
        let mut product = 1.0;
        for lane in 0..LANES {
            linear += self.linear[lane];
            product *= self.factor[lane];
        }
        let value = linear + log(product);
        Estimate {
            value,
            magnitude: value,
            count: len as f64,
        }
    }
}

/// An array of `LANES` elements of a slice from `start` on, with `padding` for those beyond its end.
#[inline(always)]
pub(crate) fn load<T: Element>(data: &[T], start: usize, padding: T) -> [T; LANES] {
    let data = data.get(start..).unwrap_or(&[]);
    match data.first_chunk::<LANES>() {
        Some(full) => *full,
        None => {
            let mut lanes = [padding; LANES];
            for (lane, &x) in lanes.iter_mut().zip(data) {
                *lane = x;
            }
            lanes
        }
    }
}

/// Writes lanes to a slice from `start` on, as many as there is room for.
#[inline(always)]
pub(crate) fn store<T: Element>(data: &mut [T], start: usize, lanes: &[T; LANES]) {
    let data = data.get_mut(start..).unwrap_or(&mut []);
    match data.first_chunk_mut::<LANES>() {
        Some(full) => *full = *lanes,
        None => {
            for (x, &lane) in data.iter_mut().zip(lanes) {
                *x = lane;
            }
        }
    }
}
