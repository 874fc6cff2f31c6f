//! What the fast paths share: their arithmetic, their exponentials, and the rounding tests that make their
//! answers those of the reference formulas.
//!
//! # Why the bits are the same
//!
//! A fast path evaluates its function in `f64` with an error that is known, but larger than that of the formula of
//! record: terms are left out, multiplications and additions fused, sums taken in another order, logarithms
//! replaced by that of a product. Let q be its result and E a bound on how far the result of the formula of
//! record, before it is rounded to the element type, can be from q. Rounding is monotone: if q - E and
//! q + E round to the same element, so does everything between them, and that element is the answer. Otherwise
//! the reference formula is evaluated. So the bounds below decide how often the fast path has been in vain, and, if
//! one were wrong, whether bits would change; tests compare both paths on all `f32` where there is one
//! argument.
//!
//! All of this needs elements with fewer digits than `f64`: fast paths are for `f32`
//! ([`Format::FAST`]).
//!
//! Below, u = 2^-53 is the largest relative error of one rounding, and of a fused multiply-add. `Plain`
//! arithmetic rounds twice where `Fused` does once; the bounds hold for both.

use crate::machine::LANES;
use crate::number::accumulator::fold;
use crate::number::elementary::log;
use crate::number::format::Format;
use crate::sum::reduction::divide;

/// How many elements share one logarithm. Their factors are at most 2, so the product is at most 2^512.
const LOG_PRODUCT_LEN: usize = 512;

/// How far a function of one exponential from [`exp`](crate::number::fast_elementary::exp) may be from its reference formula, as a part of the sum
/// of its terms' magnitudes. The roundings are fewer than 20 u on either side. What decides is where a formula
/// is off on purpose: the sigmoid below 2^-13 (see
/// [`sigmoid_value`](crate::activation::sigmoid_value)) by 2^-42 of about 1/2.
pub(crate) const FAST_ERROR: f64 = 1.0 / (1_u64 << 40) as f64;

/// Two numbers, before they are rounded, between which the result of the reference formula is certain to lie.
#[derive(Clone, Copy)]
pub(crate) struct Bracket {
    lo: f64,
    hi: f64,
    /// Whether the reference formula gives a zero the sign that these numbers have.
    signed: bool,
    /// Whether they are the result itself, whatever it is.
    exact: bool,
}

impl Bracket {
    /// Nothing is known: the answer is left to the reference formula.
    pub(crate) const UNKNOWN: Self = Self {
        lo: f64::NAN,
        hi: f64::NAN,
        signed: false,
        exact: false,
    };

    /// The result itself.
    #[inline(always)]
    pub(crate) fn exact(value: f64) -> Self {
        Self {
            lo: value,
            hi: value,
            signed: true,
            exact: true,
        }
    }

    /// Between two numbers of one sign, and of that sign even where it rounds to zero.
    #[inline(always)]
    pub(crate) fn between(lo: f64, hi: f64) -> Self {
        Self {
            lo,
            hi,
            signed: true,
            exact: false,
        }
    }

    /// Within a part `error` of `value`, and of its sign even where it rounds to zero.
    #[inline(always)]
    pub(crate) fn relative(value: f64, error: f64) -> Self {
        Self::between(value * (1.0 - error), value * (1.0 + error))
    }

    /// The same, but nothing is known of an infinite value: a factor may have been infinite where what it multiplies
    /// is 0 by the reference formula.
    #[inline(always)]
    pub(crate) fn finite(value: f64, error: f64) -> Self {
        if value.abs() < f64::INFINITY {
            Self::relative(value, error)
        } else {
            Self::UNKNOWN
        }
    }

    /// Within `error` of `value`, of either sign.
    #[inline(always)]
    pub(crate) fn absolute(value: f64, error: f64) -> Self {
        Self {
            lo: value - error,
            hi: value + error,
            signed: false,
            exact: false,
        }
    }

    #[cfg(test)]
    pub(crate) fn limits(self) -> [f64; 2] {
        [self.lo, self.hi]
    }

    /// The element it rounds to, and whether that is certain. A NaN never is, and neither is a zero whose sign is
    /// not known: two zeros are equal whatever their signs.
    #[inline(always)]
    pub(crate) fn round<T: Format>(self) -> (T, bool) {
        let (lo, hi) = (T::encode(self.lo), T::encode(self.hi));
        let certain = (lo == hi) & (self.signed | (lo != T::zero()));
        (lo, certain | self.exact)
    }
}

/// A sum of losses from a fast path.
///
/// With exponentials from [`exp_short`](crate::number::fast_elementary::exp_short), and each loss a function of them that does not magnify a relative error (as
/// ln(1 + t) does not), the losses are within 2^-34.3 of themselves; so is their sum, of the sum of their
/// magnitudes. The additions of a stretch (32 in a lane, 16 lanes, or 512 with one lane) and its logarithm add less than
/// 2^-43, the reference formula itself less than 2^-45. Together, below 2^-34, and u for every addition of estimates
/// that a term has gone through. What a loss loses absolutely, when its factor 1 + t is rounded and multiplied into
/// a product, is 2 u each; with 16 more products for each stretch, below 2^-51 for each loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SumEstimate {
    value: f64,
    magnitude: f64,
    /// How far the value may be off, but for the additions of estimates.
    error: f64,
    /// The most additions that a term has gone through.
    additions: f64,
}

impl SumEstimate {
    const RELATIVE: f64 = 1.0 / (1_u64 << 34) as f64;
    const ADDITION: f64 = 1.0 / (1_u64 << 53) as f64;
    const ABSOLUTE: f64 = 1.0 / (1_u64 << 51) as f64;

    /// The sum of `count` losses, all of them at least 0.
    #[inline(always)]
    pub(crate) fn of(value: f64, count: f64) -> Self {
        Self::within(value, value * Self::RELATIVE + count * Self::ABSOLUTE)
    }

    /// A sum of losses, all of them at least 0, that is within `error` of that of the reference formulas.
    #[inline(always)]
    pub(crate) fn within(value: f64, error: f64) -> Self {
        Self {
            value,
            magnitude: value,
            error,
            additions: 0.0,
        }
    }

    /// A sum of at most 2^10 losses of either sign that is within `error` of that of the same losses by the reference
    /// formulas. The reference formula's own sum is off by less than 2^-45 of `magnitude`, this one by less than 2^-42.
    #[inline(always)]
    pub(crate) fn of_terms(value: f64, magnitude: f64, error: f64) -> Self {
        const SUMS: f64 = 1.0 / (1_u64 << 41) as f64;
        Self {
            value,
            magnitude,
            error: error + magnitude * SUMS,
            additions: 0.0,
        }
    }

    #[cfg(test)]
    pub(crate) fn value(self) -> f64 {
        self.value
    }

    /// The sum of two.
    #[inline(always)]
    pub(crate) fn merge(self, other: Self) -> Self {
        let fewer = self.additions < other.additions;
        let additions = if fewer { other } else { self }.additions;
        Self {
            value: self.value + other.value,
            magnitude: self.magnitude + other.magnitude,
            error: self.error + other.error,
            additions: additions + 1.0,
        }
    }

    /// With a group of terms, of which so many count; the others are 0.
    #[inline(always)]
    pub(crate) fn add_group(&mut self, terms: &[f64; LANES], count: f64) {
        self.value += fold(*terms);
        let magnitude = fold(terms.map(f64::abs));
        self.magnitude += magnitude;
        self.error += magnitude * Self::RELATIVE + count * Self::ABSOLUTE;
        self.additions += f64::from(1 + LANES.ilog2());
    }

    /// How far the sum may be from that of the reference formulas.
    #[inline(always)]
    fn error(self) -> f64 {
        self.error + self.magnitude * (self.additions * Self::ADDITION)
    }

    /// The reduced loss, where it is certain: a divisor of 0 leaves a NaN, which never is.
    #[inline(always)]
    pub(crate) fn round<T: Format>(self, divisor: f64) -> Option<T> {
        let error = self.error();
        let lo: T = T::encode(divide(self.value - error, divisor));
        let hi = T::encode(divide(self.value + error, divisor));
        // A sum that may have either sign must not round to two zeros.
        (lo == hi && self.value.abs() >= error).then_some(lo)
    }
}

/// The sum of losses of the form linear + ln(factor), with factors from 1 to 2, for up to [`LOG_PRODUCT_LEN`] of them:
/// the sum of the linear terms and the logarithm of the product.
#[derive(Clone, Copy)]
pub(crate) struct LogProduct {
    linear: [f64; LANES],
    factor: [f64; LANES],
}

impl LogProduct {
    pub(crate) const LEN: usize = LOG_PRODUCT_LEN;

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
    pub(crate) fn finish(&self, len: usize) -> SumEstimate {
        let mut linear = 0.0;
        let mut product = 1.0;
        for lane in 0..LANES {
            linear += self.linear[lane];
            product *= self.factor[lane];
        }
        SumEstimate::of(linear + log(product), len as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::row_outputs::{Estimated, Scaled, scaled_exponentials};
    use crate::machine::CHUNK;
    use crate::number::arithmetic::Plain;
    use crate::rows::exponentials::{
        ExpCache, MAX_CACHED_CLASSES, MAX_FAST_CLASSES, ROW_CHUNK, others, row_error,
    };
    use crate::rows::max::{max, position};

    /// Numbers from -8 to 8 of a known sequence.
    fn row<const N: usize>() -> [f32; N] {
        let mut seed = 1_u64;
        [0; N].map(|_: u8| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f32 / (1 << 20) as f32 - 8.0
        })
    }

    /// Rows of all remainders, in which the largest number is in each place, twice, or nowhere for NaN.
    #[test]
    fn largest_and_its_first_place() {
        let mut row = row::<200>();
        for len in 1..200 {
            let row = &mut row[..len];
            for place in (0..len).step_by(7) {
                let before = row[place];
                row[place] = 9.0;
                row[len - 1] = 9.0;
                row[0] = if place == 0 { 9.0 } else { f32::NAN };
                assert_eq!(max(row), 9.0);
                assert_eq!(position(row, 9.0), place, "of {len}");
                row[place] = before;
            }
            row.fill(f32::NAN);
            assert_eq!(max(row), f64::NEG_INFINITY);
            assert_eq!(position(row, f64::NEG_INFINITY), 0);
            row.copy_from_slice(&self::row::<200>()[..len]);
        }
    }

    /// The exponentials that the sum leaves behind are those that the outputs make for themselves, and the one that
    /// is left out is 0. Rows too long to be kept have none.
    #[test]
    fn kept_exponentials_are_those_of_the_row() {
        let row = row::<1024>();
        for classes in [33, 64, 65, 1000, 1024] {
            let row = &row[..classes];
            let largest = max(row);
            let place = position(row, largest);
            let mut cache = ExpCache::new();
            let cache = cache.of(classes);
            assert_eq!(
                cache.len(),
                if MAX_CACHED_CLASSES == 0 {
                    0
                } else {
                    classes.next_multiple_of(CHUNK)
                }
            );
            let sum = |place, cache: &mut [f64]| {
                others::<Plain, f32, false, ROW_CHUNK>(row, largest, place, cache)
            };
            let (without, with) = (sum(Some(place), &mut []), sum(Some(place), cache));
            assert_eq!(without, with);
            assert!(cache.get(place).is_none_or(|&e| e == 0.0));
            assert!((sum(None, cache) - with).abs() < 1e-12 * with);
            let mut outputs = [[0.0_f32; 1024]; 2];
            for (output, cache) in outputs.iter_mut().zip([&[][..], &*cache]) {
                let reference = &mut |_: usize, _: &mut [f32]| {};
                let output = &mut output[..classes];
                let scale = 1.0 / (1.0 + with);
                scaled_exponentials::<Plain, f32, ROW_CHUNK>(
                    row, largest, cache, scale, output, reference,
                );
                assert!(output.iter().all(|&p| p > 0.0));
            }
            assert_eq!(outputs[0], outputs[1]);
        }
        assert!(ExpCache::new().of(1025).is_empty());
    }

    /// Margins: too narrow, and a wrong bit passes the test of rounding; too wide, and the fast paths are none.
    #[test]
    fn margins_are_those_derived() {
        const U: f64 = f64::EPSILON / 2.0;
        let [lo, hi] = Bracket::absolute(3.0, 0.25).limits();
        assert_eq!((lo, hi), (2.75, 3.25));
        let [lo, hi] = Bracket::relative(-3.0, 0.25).limits();
        assert_eq!((lo, hi), (-2.25, -3.75));
        let [lo, hi] = Scaled::new(3.0, 0.25).near(0.0, 0.5).limits();
        assert_eq!((lo, hi), (1.125, 1.875));
        for classes in [1, 4096, 1 << 20, MAX_FAST_CLASSES] {
            let additions = classes as f64 / 4096.0;
            let error = row_error(classes);
            assert!((200.0 + additions) * U <= error && error <= (256.0 + 4.0 * additions) * U);
        }

        let of = |magnitude: f64, count: f64, additions: f64| {
            magnitude * (2f64.powi(-34) + additions * U) + count * 4.0 * U
        };
        let (one, two) = (SumEstimate::of(3.0, 2.0), SumEstimate::of(5.0, 7.0));
        assert_eq!(one.error(), of(3.0, 2.0, 0.0));
        let both = one.merge(two);
        assert_eq!(both.error(), of(8.0, 9.0, 1.0));
        // As many additions as the deeper of the two has, and one.
        for all in [both.merge(one), one.merge(both)] {
            assert_eq!((all.value(), all.error()), (11.0, of(11.0, 11.0, 2.0)));
        }
        let mut group = [0.0; LANES];
        group[LANES - 1] = -2.0;
        group[0] += 1.0;
        let (sum, magnitude) = (
            group.iter().sum::<f64>(),
            group.map(f64::abs).iter().sum::<f64>(),
        );
        let mut grown = both;
        grown.add_group(&group, 2.0);
        let additions = 2.0 + f64::from(LANES.ilog2());
        assert_eq!(grown.value(), 8.0 + sum);
        assert_eq!(grown.error(), of(8.0 + magnitude, 11.0, additions));
    }

    /// What the tests of rounding refuse: what may round to two numbers, to zeros of two signs, or to none.
    #[test]
    fn what_is_not_certain() {
        let certain = |near: Bracket| near.round::<f32>().1;
        let midpoint = 1.0 + 1.0 / (1 << 24) as f64;
        assert!(!certain(Bracket::relative(midpoint, FAST_ERROR)));
        assert!(!certain(Bracket::relative(
            midpoint * (1.0 + FAST_ERROR / 2.0),
            FAST_ERROR
        )));
        assert!(certain(Bracket::relative(
            midpoint * (1.0 + 4.0 * FAST_ERROR),
            FAST_ERROR
        )));
        assert!(!certain(Bracket::absolute(0.0, 1e-60)));
        assert!(!certain(Bracket::absolute(1e-60, 1e-61)));
        assert!(certain(Bracket::relative(1e-60, FAST_ERROR)));
        assert!(certain(Bracket::relative(-0.0, FAST_ERROR)));
        assert!(!certain(Bracket::relative(f64::NAN, FAST_ERROR)));
        assert!(!certain(Bracket::absolute(f64::INFINITY, f64::INFINITY)));
        assert!(!certain(Bracket::UNKNOWN));

        let add = |estimate: &mut SumEstimate, term: f64| {
            let mut terms = [0.0; LANES];
            terms[0] = term;
            estimate.add_group(&terms, 1.0);
        };
        let round = |value: f64| {
            let mut estimate = SumEstimate::default();
            add(&mut estimate, value);
            estimate.round::<f32>(1.0)
        };
        assert_eq!(round(midpoint), None);
        assert_eq!(round(1.0), Some(1.0));
        assert_eq!(round(f64::NAN), None);
        // Below what a product of factors can tell.
        assert_eq!(round(1e-17), None);
        // Terms that cancel may leave a zero of either sign.
        let mut estimate = SumEstimate::default();
        add(&mut estimate, 1e-20);
        add(&mut estimate, -1e-20);
        assert_eq!(estimate.round::<f32>(1e35), None);
    }
}
