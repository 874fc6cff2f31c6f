//! How far an answer is from the exact value, in units in the last place (ULP), as a proven upper bound.
//!
//! The ULP of a format at a real number z is the distance between neighbouring numbers of the format in z's binade:
//! 2^(e - p) for 2^(e-1) <= |z| < 2^e and p significand bits, never less than the smallest subnormal number, never
//! more than the ULP of the largest finite one.
//!
//! Nothing here can be passed by a NaN: an answer of the wrong class (a NaN for a number, an infinity for a number
//! that does not round to it) has an infinite error, and claims are tested as `error <= bound`.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use rug::Float;
use rug::float::Round;
use rug::ops::{DivAssignRound, SubAssignRound, SubFromRound};
use trueloss::half::{bf16, f16};

use crate::interval::Interval;
use crate::oracle::{Exact, Value};

/// The precision that [`judge`] starts with.
pub const FIRST_PREC: u32 = 128;

/// The precision at which [`judge`] gives up.
pub const LAST_PREC: u32 = 8192;

/// An enclosure is narrow when it is at most 2^NARROW ULP wide.
const NARROW: i32 = -20;

/// A binary floating-point format of IEEE 754.
///
/// ```
/// use trueloss::half::bf16;
/// use trueloss_verify::ulp::Format;
///
/// assert_eq!((<bf16 as Format>::NAME, <bf16 as Format>::MANTISSA_BITS), ("bf16", 8));
/// ```
pub trait Format: Copy {
    /// Its name in Rust.
    const NAME: &'static str;
    /// Significand bits, the hidden one included.
    const MANTISSA_BITS: u32;
    /// The exponent of the smallest subnormal number, 2^MIN_EXPONENT.
    const MIN_EXPONENT: i32;
    /// All finite numbers are below 2^MAX_EXPONENT.
    const MAX_EXPONENT: i32;
    /// Rounds once, to nearest, ties to even; subnormal numbers and overflow included.
    ///
    /// ```
    /// use rug::Float;
    /// use trueloss_verify::ulp::Format;
    ///
    /// let third = Float::with_val(200, 1) / 3;
    /// assert_eq!(f32::from_float_nearest(&third), 1.0 / 3.0);
    /// ```
    fn from_float_nearest(x: &Float) -> Self;
    /// Rounds an f64 to nearest: NaN and infinities keep their class.
    ///
    /// ```
    /// use trueloss_verify::ulp::Format;
    ///
    /// assert_eq!(f32::from_f64_nearest(0.1), 0.1);
    /// assert_eq!(f32::from_f64_nearest(1e300), f32::INFINITY);
    /// ```
    fn from_f64_nearest(x: f64) -> Self;
    /// The same number as f64.
    ///
    /// ```
    /// use trueloss_verify::ulp::Format;
    ///
    /// assert_eq!(Format::to_f64(0.5_f32), 0.5);
    /// ```
    fn to_f64(self) -> f64;
    /// Whether both are the same number; both zeros are, and all NaNs.
    ///
    /// ```
    /// use trueloss_verify::ulp::Format;
    ///
    /// assert!(0.0_f32.is_same(-0.0) && f32::NAN.is_same(f32::NAN) && !1.0_f32.is_same(2.0));
    /// ```
    fn is_same(self, other: Self) -> bool {
        let (a, b) = (self.to_f64(), other.to_f64());
        a == b || a.is_nan() && b.is_nan()
    }
}

impl Format for f32 {
    const NAME: &'static str = "f32";
    const MANTISSA_BITS: u32 = 24;
    const MIN_EXPONENT: i32 = -149;
    const MAX_EXPONENT: i32 = 128;
    fn from_float_nearest(x: &Float) -> Self {
        x.to_f32_round(Round::Nearest)
    }
    fn from_f64_nearest(x: f64) -> Self {
        x as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Format for f64 {
    const NAME: &'static str = "f64";
    const MANTISSA_BITS: u32 = 53;
    const MIN_EXPONENT: i32 = -1074;
    const MAX_EXPONENT: i32 = 1024;
    fn from_float_nearest(x: &Float) -> Self {
        x.to_f64_round(Round::Nearest)
    }
    fn from_f64_nearest(x: f64) -> Self {
        x
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// The number of a format nearest to `x`, for formats whose numbers are numbers of f64.
///
/// The distance of neighbouring numbers is a power of two on either side of x; divided by it, x is rounded to an integer.
fn nearest<T: Format>(x: &Float) -> f64 {
    let Some(exponent) = x.get_exp() else {
        return x.to_f64();
    };
    let last_place = (exponent - T::MANTISSA_BITS as i32).max(T::MIN_EXPONENT);
    let mut rounded = x.clone();
    rounded >>= last_place;
    rounded.round_even_mut();
    rounded <<= last_place;
    let rounded = rounded.to_f64();
    if rounded.abs() < 2_f64.powi(T::MAX_EXPONENT) {
        rounded
    } else {
        f64::INFINITY.copysign(rounded)
    }
}

/// A format of 16 bits. What crate half is asked to convert is one of its numbers already: it does not round.
macro_rules! of_16_bits {
    ($T:ty, $mantissa_bits:expr, $min_exponent:expr, $max_exponent:expr) => {
        impl Format for $T {
            const NAME: &'static str = stringify!($T);
            const MANTISSA_BITS: u32 = $mantissa_bits;
            const MIN_EXPONENT: i32 = $min_exponent;
            const MAX_EXPONENT: i32 = $max_exponent;
            fn from_float_nearest(x: &Float) -> Self {
                <$T>::from_f64(nearest::<Self>(x))
            }
            fn from_f64_nearest(x: f64) -> Self {
                Self::from_float_nearest(&Float::with_val(53, x))
            }
            fn to_f64(self) -> f64 {
                <$T>::to_f64(self)
            }
        }
    };
}

of_16_bits!(f16, 11, -24, 16);
of_16_bits!(bf16, 8, -133, 128);

/// The ULP of an f32 at a finite number that need not be one; subnormal numbers have the smallest.
///
/// ```
/// use trueloss_verify::ulp::of_f32;
///
/// assert_eq!(of_f32(1.5), f64::from(f32::EPSILON));
/// assert_eq!(of_f32(1e-44), f64::from(f32::from_bits(1)));
/// ```
pub fn of_f32(x: f64) -> f64 {
    let x = x.abs().max(f64::from(f32::MIN_POSITIVE));
    let exponent = (x.to_bits() >> 52) as i32 - 1023;
    2_f64.powi(exponent - 23)
}

/// The correctly rounded value, if the enclosure decides it, that is if both of its ends round alike. The sign of a
/// zero means nothing.
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::sigmoid(-100.0, 128)), Some(3.783506e-44_f32));
/// ```
pub fn round<T: Format>(value: &Value) -> Option<T> {
    match value {
        Value::Nan => Some(T::from_f64_nearest(f64::NAN)),
        Value::Infinite { negative } => Some(T::from_f64_nearest(if *negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        })),
        Value::Number(interval) => {
            let lo = T::from_float_nearest(interval.lo());
            let alike = interval.is_point() || lo.is_same(T::from_float_nearest(interval.hi()));
            alike.then_some(lo)
        }
    }
}

/// The k for which 2^k is the ULP of T at every number of the enclosure, or the smallest of them.
fn ulp_exponent<T: Format>(interval: &Interval) -> i32 {
    let nearest_zero = if interval.is_nonnegative() {
        interval.lo()
    } else if interval.is_nonpositive() {
        interval.hi()
    } else {
        return T::MIN_EXPONENT;
    };
    let exponent = match nearest_zero.get_exp() {
        Some(exponent) => exponent.min(T::MAX_EXPONENT) - T::MANTISSA_BITS as i32,
        None if nearest_zero.is_zero() => T::MIN_EXPONENT,
        None => T::MAX_EXPONENT - T::MANTISSA_BITS as i32,
    };
    exponent.max(T::MIN_EXPONENT)
}

/// Whether all of the enclosure rounds to the infinity of this sign.
fn overflows<T: Format>(interval: &Interval, negative: bool) -> bool {
    let infinity = if negative {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    };
    let end = if negative {
        interval.hi()
    } else {
        interval.lo()
    };
    T::from_float_nearest(end).to_f64() == infinity
}

/// The distance of `got` from the farther end, rounded up.
fn farthest<Got: Copy>(got: Got, interval: &Interval) -> Float
where
    Float: SubAssignRound<Got, Round = Round, Ordering = Ordering>
        + SubFromRound<Got, Round = Round, Ordering = Ordering>,
{
    let mut above = interval.hi().clone();
    above.sub_assign_round(got, Round::Up);
    if interval.is_point() {
        // The other difference has the same magnitude, but may round the other way.
        if above.is_sign_negative() {
            above = interval.lo().clone();
            above.sub_from_round(got, Round::Up);
        }
        return above;
    }
    let mut below = interval.lo().clone();
    below.sub_from_round(got, Round::Up);
    if below > above { below } else { above }
}

/// An upper bound of |got - exact| in ULP of T at the exact value; infinite if the class is wrong.
///
/// A NaN is right for a NaN and for nothing else. An infinity is right, with error 0, for an exact value that is
/// infinite or that rounds to it; a finite answer to the latter counts by its distance.
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// let exact = oracle::sigmoid(-100.0, 128);
/// assert!(ulp::error(trueloss::sigmoid(-100.0_f32), &exact) <= 0.5);
/// // 27 of the smallest subnormal number.
/// assert!(ulp::error(0.0_f32, &exact) > 26.5);
/// assert_eq!(ulp::error(f32::NAN, &exact), f64::INFINITY);
/// ```
pub fn error<T: Format>(got: T, exact: &Value) -> f64 {
    let got = got.to_f64();
    let right = |right: bool| if right { 0.0 } else { f64::INFINITY };
    match exact {
        Value::Nan => right(got.is_nan()),
        Value::Infinite { negative } => right(got.is_infinite() && (got < 0.0) == *negative),
        Value::Number(interval) if got.is_infinite() => right(overflows::<T>(interval, got < 0.0)),
        Value::Number(_) if got.is_nan() => f64::INFINITY,
        Value::Number(interval) => {
            if !interval.is_bounded() {
                return f64::INFINITY;
            }
            let mut distance = farthest(got, interval);
            distance >>= ulp_exponent::<T>(interval);
            distance.to_f64_round(Round::Up)
        }
    }
}

/// What can be said about one answer.
///
/// ```
/// use trueloss_verify::oracle::{self, Exact};
/// use trueloss_verify::ulp;
///
/// let exact = |prec| vec![Exact::of(oracle::softplus(0.0, prec))];
/// let judged = ulp::judge(&[0.5_f32.ln()], exact)[0];
/// assert_eq!((judged.correctly_rounded, judged.exact), (Some(false), std::f64::consts::LN_2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// An upper bound of the error in ULP at the exact value; infinite if the class is wrong, or if there are more than an
    /// `f64` can tell.
    pub ulp: f64,
    /// Whether the answer is the number nearest to the exact value. None where no precision told the two candidates
    /// apart: then the exact value lies midway between them, as far as one can see.
    pub correctly_rounded: Option<bool>,
    /// The exact value, approximately: for reports.
    pub exact: f64,
    /// The bits it took.
    pub prec: u32,
    /// Upper bound of the error over the magnitude of the terms.
    error_per_magnitude: f64,
    /// Lower bound of the ULP over the magnitude of the terms.
    ulp_per_magnitude: f64,
}

impl Judged {
    /// max(0, |error| - ulp_bound ULP) over the magnitude of the terms, rounded up: what an absolute part of a claim
    /// has to cover. Infinite if the class is wrong, with one exception: an infinity for a finite value counts as the
    /// number it stands for first, 2^[`MAX_EXPONENT`](Format::MAX_EXPONENT). Where terms that large cancel, a value within
    /// the absolute part may be one that overflows.
    ///
    /// ```
    /// use trueloss_verify::oracle::{Exact, Value};
    /// use trueloss_verify::ulp;
    ///
    /// // The sum of two terms of magnitude 1 is 0. An answer of 2^-30 is off by 2^-31 of them.
    /// let zero = |prec| vec![Exact { value: Value::from_f64(0.0, prec), magnitude: 2.0 }];
    /// let judged = ulp::judge(&[2.0_f32.powi(-30)], zero)[0];
    /// let excess = judged.excess(0.0);
    /// assert!(excess >= 2.0_f64.powi(-31) && excess < 2.0_f64.powi(-30));
    /// ```
    pub fn excess(&self, ulp_bound: f64) -> f64 {
        if self.ulp <= ulp_bound {
            return 0.0;
        }
        let covered = if ulp_bound > 0.0 {
            (ulp_bound * self.ulp_per_magnitude).next_down().max(0.0)
        } else {
            0.0
        };
        let excess = self.error_per_magnitude - covered;
        // `max` would turn a NaN into a pass.
        if excess <= 0.0 { 0.0 } else { excess.next_up() }
    }

    /// Whether the claim `|error| <= ulp_bound ULP + absolute * magnitude` is shown to hold here.
    ///
    /// An `ulp_bound` of exactly 0.5 without an absolute part means: correctly rounded.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Exact};
    /// use trueloss_verify::ulp;
    ///
    /// let exact = |prec| vec![Exact::of(oracle::sigmoid(1.0, prec))];
    /// let right = trueloss::sigmoid(1.0_f32);
    /// let judged = ulp::judge(&[right, right.next_up()], |prec| [exact(prec), exact(prec)].concat());
    /// assert!(judged[0].within(0.5, 0.0) && !judged[1].within(0.5, 0.0) && judged[1].within(1.5, 0.0));
    /// ```
    pub fn within(&self, ulp_bound: f64, absolute: f64) -> bool {
        if ulp_bound == 0.5 && self.correctly_rounded == Some(true) {
            return true;
        }
        if ulp_bound == 0.5 && absolute == 0.0 {
            return false;
        }
        self.ulp <= ulp_bound || absolute > 0.0 && self.excess(ulp_bound) <= absolute
    }
}

/// Whether the enclosure is at most 2^NARROW ULP wide.
fn is_narrow<T: Format>(interval: &Interval) -> bool {
    interval.is_bounded() && {
        let mut width = interval.width();
        width >>= ulp_exponent::<T>(interval);
        width.get_exp().is_none_or(|exponent| exponent <= NARROW)
    }
}

/// What a judgement is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The error in ULP.
    Error,
    /// That, and whether the answer is correctly rounded.
    Rounding,
}

/// Whether more bits could still change what is said about `got`.
fn is_decided<T: Format>(got: T, exact: &Value, wanted: Wanted) -> bool {
    let Value::Number(interval) = exact else {
        return true;
    };
    if interval.is_point() {
        return true;
    }
    // An enclosure whose ends round to different numbers, neither of them the answer, decides too.
    let rounding_matters = || {
        if wanted == Wanted::Error {
            return false;
        }
        let [lo, hi] = [interval.lo(), interval.hi()].map(T::from_float_nearest);
        !lo.is_same(hi) && (got.is_same(lo) || got.is_same(hi))
    };
    is_narrow::<T>(interval) && !rounding_matters()
}

fn is_correctly_rounded<T: Format>(got: T, exact: &Value) -> Option<bool> {
    match (round::<T>(exact), exact) {
        (Some(right), _) => Some(right.is_same(got)),
        (None, Value::Number(interval)) => {
            let candidate = [interval.lo(), interval.hi()]
                .map(T::from_float_nearest)
                .iter()
                .any(|c| c.is_same(got));
            // Of two neighbouring candidates neither is the answer; a wide enclosure says nothing.
            if candidate || !is_narrow::<T>(interval) {
                None
            } else {
                Some(false)
            }
        }
        (None, _) => None,
    }
}

fn verdict<T: Format>(got: T, exact: &Exact, prec: u32) -> Judged {
    let ulp = error(got, &exact.value);
    let mut judged = Judged {
        ulp,
        correctly_rounded: is_correctly_rounded(got, &exact.value),
        exact: f64::NAN,
        prec,
        error_per_magnitude: ulp,
        ulp_per_magnitude: 0.0,
    };
    match &exact.value {
        Value::Nan => {}
        Value::Infinite { negative } => {
            judged.exact = if *negative {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }
        }
        Value::Number(interval) => {
            judged.exact = interval.approximate();
            let magnitude_is_known = exact.magnitude > 0.0 && exact.magnitude < f64::INFINITY;
            let got = got.to_f64();
            if ulp > 0.0 && !got.is_nan() && magnitude_is_known && interval.is_bounded() {
                // Ratios, and not the error itself, which f64 could not hold where its own ULP is 2^-1074; nor the error in
                // ULP, which overflows where terms of 1 cancel to 0.
                let mut distance = if got.is_infinite() {
                    let mut least = Float::with_val(53, got.signum());
                    least <<= T::MAX_EXPONENT;
                    farthest(&least, interval)
                } else {
                    farthest(got, interval)
                };
                distance.div_assign_round(exact.magnitude, Round::Up);
                judged.error_per_magnitude = distance.to_f64_round(Round::Up);
                let mut ulp = Float::with_val(64, 1);
                ulp <<= ulp_exponent::<T>(interval);
                ulp.div_assign_round(exact.magnitude, Round::Down);
                judged.ulp_per_magnitude = ulp.to_f64_round(Round::Down);
            } else if ulp > 0.0 {
                judged.error_per_magnitude = f64::INFINITY;
            }
        }
    }
    judged
}

/// Judges answers against `exact(prec)`, which is evaluated at 128 bits, and again with twice as many, up to 8192,
/// as long as something is undecided: an enclosure wider than 2^-20 ULP, or one that a rounding boundary splits.
///
/// Panics if `exact` returns another number of values than there are answers.
///
/// ```
/// use trueloss_verify::oracle::{self, Call, Function, Reduction};
/// use trueloss_verify::ulp;
///
/// let call = Call::new(Function::MseLoss, &[2], &[3.0, 0.1]).values(&[1.0, 0.0]);
/// let call = call.reduction(Reduction::None);
/// let judged = ulp::judge(&[4.0_f64, 0.01], |prec| oracle::forward(&call, prec));
/// assert_eq!(judged[0].ulp, 0.0);
/// // 0.1 is a little more than a tenth, and so is its square than a hundredth.
/// assert_eq!(judged[1].correctly_rounded, Some(false));
/// ```
pub fn judge<T: Format>(got: &[T], exact: impl FnMut(u32) -> Vec<Exact>) -> Vec<Judged> {
    judge_as(got, Wanted::Rounding, FIRST_PREC..=LAST_PREC, exact)
}

/// [`judge`], but only for the error: `correctly_rounded` may stay open. An exact value that lies beside a midpoint
/// by less than any precision shows (a target's 1 - y less exp(-1e30), say) costs no more than others.
///
/// ```
/// use trueloss_verify::oracle::{self, Call, Function, Reduction};
/// use trueloss_verify::ulp;
///
/// let call = Call::new(Function::Sigmoid, &[2], &[1.0, 2.0]).reduction(Reduction::None);
/// let answers = [trueloss::sigmoid(1.0_f32), 0.88];
/// let judged = ulp::measure(&answers, |prec| oracle::forward(&call, prec));
/// assert_eq!(judged[0].correctly_rounded, Some(true));
/// assert!(judged[1].ulp > 13_000.0);
/// ```
pub fn measure<T: Format>(got: &[T], exact: impl FnMut(u32) -> Vec<Exact>) -> Vec<Judged> {
    judge_as(got, Wanted::Error, FIRST_PREC..=LAST_PREC, exact)
}

/// [`measure`] with other precisions to begin with and to give up at. Fewer bits can only make an error look larger.
pub(crate) fn measure_within<T: Format>(
    got: &[T],
    precisions: RangeInclusive<u32>,
    exact: impl FnMut(u32) -> Vec<Exact>,
) -> Vec<Judged> {
    judge_as(got, Wanted::Error, precisions, exact)
}

fn judge_as<T: Format>(
    got: &[T],
    wanted: Wanted,
    precisions: RangeInclusive<u32>,
    mut exact: impl FnMut(u32) -> Vec<Exact>,
) -> Vec<Judged> {
    let mut prec = *precisions.start();
    let mut judged: Vec<Option<Judged>> = vec![None; got.len()];
    loop {
        let values = exact(prec);
        assert_eq!(
            values.len(),
            got.len(),
            "the oracle and its subject give different numbers of values"
        );
        let mut all_decided = true;
        for ((judged, value), &got) in judged.iter_mut().zip(&values).zip(got) {
            if judged.is_some() {
                continue;
            }
            if prec >= *precisions.end() || is_decided(got, &value.value, wanted) {
                *judged = Some(verdict(got, value, prec));
            } else {
                all_decided = false;
            }
        }
        if all_decided {
            return judged.into_iter().flatten().collect();
        }
        prec *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(x: f64) -> Value {
        Value::from_f64(x, 128)
    }

    fn between(lo: f64, hi: f64) -> Value {
        Value::Number(Interval::new(
            Float::with_val(128, lo),
            Float::with_val(128, hi),
        ))
    }

    const TINY: f64 = 1.401298464324817e-45; // 2^-149

    #[test]
    fn ulp_in_every_binade() {
        assert_eq!(error(1.0_f32, &number(1.0)), 0.0);
        assert_eq!(error(1.0_f32.next_up(), &number(1.0)), 1.0);
        // Below a power of two the ULP is half as large.
        assert_eq!(error(1.0_f32.next_down(), &number(1.0)), 0.5);
        assert_eq!(error(1.0_f32, &number(f64::from(1.0_f32.next_down()))), 1.0);
        assert_eq!(error(-3.0_f32, &number(3.0)), 6.0 * 2_f64.powi(22));
        assert_eq!(error(1.0_f64.next_up(), &number(1.0)), 1.0);
        // Exact value between two numbers, and an enclosure: the farther end counts.
        assert_eq!(error(1.0_f32, &number(1.0 + 2_f64.powi(-25))), 0.25);
        assert_eq!(error(1.0_f32, &between(1.0, 1.0 + 2_f64.powi(-25))), 0.25);
    }

    #[test]
    fn subnormal_results() {
        assert_eq!(error(0.0_f32, &number(TINY / 4.0)), 0.25);
        assert_eq!(error(f32::from_bits(3), &number(1.5 * TINY)), 1.5);
        assert_eq!(
            error(
                f32::MIN_POSITIVE,
                &number(f64::from(f32::MIN_POSITIVE) - TINY)
            ),
            1.0
        );
        assert_eq!(error(-0.0_f32, &number(0.0)), 0.0);
        assert_eq!(error(f32::from_bits(1), &number(0.0)), 1.0);
        assert_eq!(error(f64::from_bits(1), &number(0.0)), 1.0);
        // 2^-1076: a quarter of f64's smallest number, and not expressible as one.
        let mut quarter = Float::with_val(128, 1);
        quarter >>= 1076;
        let exact = Value::Number(Interval::from_float(&quarter, 128));
        assert_eq!(error(0.0_f64, &exact), 0.25);
        assert_eq!(round::<f64>(&exact), Some(0.0));
    }

    #[test]
    fn rounding_to_subnormal_rounds_once() {
        // Just above the tie between 0 and 2^-149: a first rounding to 24 bits would land on the tie, then on 0.
        for (offset, right) in [(-60, f32::from_bits(1)), (-120, f32::from_bits(1))] {
            let mut x = Float::with_val(200, 1);
            let mut small = Float::with_val(200, 1);
            small <<= offset;
            x += small;
            x >>= 150;
            assert_eq!(f32::from_float_nearest(&x).to_bits(), right.to_bits());
        }
        let mut tie = Float::with_val(64, 3);
        tie >>= 150;
        assert_eq!(f32::from_float_nearest(&tie).to_bits(), 2);
        let mut tie = Float::with_val(64, 5);
        tie >>= 1075;
        assert_eq!(f64::from_float_nearest(&tie).to_bits(), 2);
    }

    #[test]
    fn overflow() {
        let max = f64::from(f32::MAX);
        let ulp = 2_f64.powi(104);
        let threshold = max + ulp / 2.0;
        assert_eq!(error(f32::INFINITY, &number(threshold)), 0.0);
        assert_eq!(
            error(f32::INFINITY, &number(threshold.next_down())),
            f64::INFINITY
        );
        assert_eq!(error(f32::NEG_INFINITY, &number(threshold)), f64::INFINITY);
        assert_eq!(error(f32::NEG_INFINITY, &number(-1e300)), 0.0);
        assert_eq!(error(f32::MAX, &number(threshold)), 0.5);
        assert_eq!(error(f32::MAX, &number(max + 3.0 * ulp)), 3.0);
        assert_eq!(
            error(f32::INFINITY, &Value::Infinite { negative: false }),
            0.0
        );
        assert_eq!(
            error(f32::INFINITY, &Value::Infinite { negative: true }),
            f64::INFINITY
        );
        assert_eq!(
            error(f32::MAX, &Value::Infinite { negative: false }),
            f64::INFINITY
        );
        assert_eq!(round::<f32>(&number(threshold)), Some(f32::INFINITY));
        assert_eq!(
            round::<f32>(&number(-threshold.next_down())),
            Some(f32::MIN)
        );
    }

    #[test]
    fn nan_is_right_for_nan_alone() {
        assert_eq!(error(f32::NAN, &Value::Nan), 0.0);
        assert_eq!(error(1.0_f32, &Value::Nan), f64::INFINITY);
        assert_eq!(error(f64::NAN, &number(1.0)), f64::INFINITY);
        assert_eq!(
            error(f32::NAN, &Value::Infinite { negative: false }),
            f64::INFINITY
        );
        assert_eq!(error(f32::INFINITY, &Value::Nan), f64::INFINITY);
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let judged = judge(&[wrong], |prec| vec![Exact::of(Value::from_f64(1.0, prec))])[0];
            assert!(!judged.within(0.5, 0.0) && !judged.within(f64::MAX, 0.0));
            assert!(!judged.within(4.0, 1e38) && judged.excess(4.0) > 1e38);
            if wrong.is_nan() {
                assert!(!judged.within(f64::MAX, f64::MAX) && judged.excess(4.0).is_infinite());
            }
        }
        let judged = judge(&[f32::NAN, 0.0], |_| {
            vec![Exact::of(Value::Nan), Exact::of(Value::Nan)]
        });
        assert!(judged[0].within(0.5, 0.0) && judged[0].within(0.0, 0.0) && judged[0].ulp == 0.0);
        assert!(!judged[1].within(f64::MAX, f64::MAX));
        // Bounds that are NaN hold nowhere.
        let far = judge(&[2.0_f32], |prec| {
            vec![Exact::of(Value::from_f64(1.0, prec))]
        });
        assert!(
            !far[0].within(f64::NAN, 0.0)
                && !far[0].within(f64::NAN, 1.0)
                && !far[0].within(1.0, f64::NAN)
        );
    }

    #[test]
    fn rounding_is_decided_or_not() {
        assert_eq!(
            round::<f32>(&between(1.0, 1.0 + 2_f64.powi(-26))),
            Some(1.0)
        );
        assert_eq!(round::<f32>(&between(1.0, 1.0 + 2_f64.powi(-23))), None);
        // Ties go to even.
        assert_eq!(round::<f32>(&number(1.0 + 2_f64.powi(-24))), Some(1.0));
        assert_eq!(
            round::<f32>(&number(1.0 + 3.0 * 2_f64.powi(-24))),
            Some(1.0 + 2_f32.powi(-22))
        );
        assert_eq!(round::<f32>(&between(-1e-50, 1e-50)), Some(0.0));
        assert!(round::<f32>(&Value::Nan).is_some_and(f32::is_nan));
    }

    #[test]
    fn precision_grows_until_all_is_decided() {
        // 1 + 2^-24 + 2^-300 with an enclosure of relative width 2^(2 - prec): near a tie until 512 bits.
        let near_tie = |prec: u32| {
            let mut x = Float::with_val(1000, 1);
            let mut small = Float::with_val(1000, 1);
            small >>= 24;
            x += &small;
            small >>= 276;
            x += small;
            vec![Exact::of(Value::Number(Interval::from_float(&x, prec)))]
        };
        let mut asked = vec![];
        let judged = judge(&[1.0_f32 + f32::EPSILON], |prec| {
            asked.push(prec);
            near_tie(prec)
        });
        assert_eq!(asked, [128, 256, 512]);
        assert_eq!(
            (judged[0].correctly_rounded, judged[0].prec),
            (Some(true), 512)
        );
        assert!(judged[0].within(0.5, 0.0));
        let judged = judge(&[1.0_f32], near_tie);
        assert_eq!(judged[0].correctly_rounded, Some(false));
        assert!(!judged[0].within(0.5, 0.0) && judged[0].within(0.5001, 0.0));
        // An answer that is neither candidate needs no more bits.
        let judged = judge(&[1.5_f32], near_tie);
        assert_eq!(
            (judged[0].correctly_rounded, judged[0].prec),
            (Some(false), 128)
        );
        // A zero that no precision can show to be one.
        let hidden = |prec: u32| {
            let mut small = Float::with_val(prec, 1);
            small >>= prec;
            vec![Exact::of(Value::Number(Interval::new(
                -small.clone(),
                small,
            )))]
        };
        let judged = judge(&[0.0_f32], hidden);
        assert!(judged[0].within(0.5, 0.0) && judged[0].prec == 256 && judged[0].ulp < 1e-6);
        // Nothing known stays a failure.
        let judged = judge(&[0.0_f32], |prec| {
            vec![Exact::of(Value::Number(Interval::unbounded(prec)))]
        });
        assert!(!judged[0].within(1e300, 1e300) && judged[0].correctly_rounded.is_none());
    }

    #[test]
    fn absolute_part_of_a_claim() {
        // Exact 2^-60, terms of magnitude 2, answer 0: 2^23 ULP, but 2^-61 of the terms.
        let exact = |prec| {
            vec![Exact {
                value: Value::from_f64(2_f64.powi(-60), prec),
                magnitude: 2.0,
            }]
        };
        let judged = judge(&[0.0_f32], exact);
        assert_eq!(judged[0].ulp, 2_f64.powi(23));
        assert!(judged[0].within(0.5, 2_f64.powi(-60)) && !judged[0].within(0.5, 2_f64.powi(-62)));
        assert!(
            judged[0].within(2_f64.powi(23), 0.0) && !judged[0].within(2_f64.powi(23) - 1.0, 0.0)
        );
        assert!(judged[0].within(2_f64.powi(22), 2_f64.powi(-62) * 1.01));
        assert!(!judged[0].within(2_f64.powi(22), 2_f64.powi(-62) * 0.99));
        // f64 beside an exact zero, as a part of the terms: the ULP is 2^-1074, and the error may be infinitely many.
        let beside_zero = |got: f64, magnitude| {
            let zero = |prec| Exact {
                value: Value::from_f64(0.0, prec),
                magnitude,
            };
            judge(&[got], |prec| vec![zero(prec)])[0]
        };
        assert!(!beside_zero(1.0, 1.0).within(4.0, 2_f64.powi(-50)));
        let judged = beside_zero(1e-17, 1.0);
        assert!(judged.within(4.0, 2_f64.powi(-50)) && !judged.within(4.0, 1e-18));
        let judged = beside_zero(1e-9, 1e20);
        assert_eq!(judged.ulp, f64::INFINITY);
        assert!(judged.within(4.0, 1.1e-29) && !judged.within(4.0, 0.9e-29));
    }

    #[test]
    fn an_infinity_within_the_absolute_part() {
        // Terms of 2^130 leave 2^127: -2^128 is at a distance of 3 * 2^127 = 0.375 of them, 2^128 at one of 0.125.
        let judged = |got: f32, magnitude: f64| {
            let exact = |prec| Exact {
                value: Value::from_f64(2_f64.powi(127), prec),
                magnitude,
            };
            judge(&[got], |prec| vec![exact(prec)])[0]
        };
        for (got, distance) in [(f32::INFINITY, 0.125), (f32::NEG_INFINITY, 0.375)] {
            let judged = judged(got, 2_f64.powi(130));
            assert_eq!(judged.ulp, f64::INFINITY);
            assert!(judged.within(0.5001, distance) && !judged.within(0.5001, distance * 0.999));
            assert!(!judged.within(0.5001, 0.0) && !judged.within(f64::MAX, 0.0));
        }
        assert!(!judged(f32::NAN, 2_f64.powi(130)).within(0.5001, 1.0));
        // Of no terms there is no part.
        assert!(!judged(f32::INFINITY, 0.0).within(0.5001, 1.0));
        // f64, whose 2^1024 is no number of it.
        let judged = judge(&[f64::INFINITY], |prec| {
            vec![Exact {
                value: Value::from_f64(2_f64.powi(1023), prec),
                magnitude: 2_f64.powi(1023),
            }]
        })[0];
        assert!(judged.within(4.0, 1.0) && !judged.within(4.0, 0.999));
    }
}
