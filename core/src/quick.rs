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

use crate::dispatch::VECTORS;
use crate::element::Element;
use crate::elementary::{EXP, EXP2_SHORT, LN2_HI, LN2_LO, LOG2_E, MAGIC, log, polynomial};
use crate::reduce::{self, BLOCK, CHUNK};

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
/// arrays of this length are what the compiler vectorises. One where there are no vectors.
pub(crate) const LANES: usize = if VECTORS { 16 } else { 1 };

/// How many elements share one logarithm. Their factors are at most 2, so the product is at most 2^512.
const STRETCH: usize = 512;

/// How many exponentials of a row are added in lanes that are then put together: so many that no term passes through
/// more additions than [`row_error`] has.
const ROW_STRETCH: usize = if VECTORS { STRETCH } else { 64 };

/// The smallest argument of the exponentials here; those below are taken for it. e^-300 < 2^-432, which times the
/// largest `f32` is still far below the smallest: no result can tell.
const LOWEST: f64 = -300.0;

/// A logit whose exponential is e^[`LOWEST`], in the place of those that a group lacks.
pub(crate) const PADDING: f64 = -1000.0;

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
    let (f, shifted) = split_short::<A>(a);
    scale_by_power(polynomial::<A, _>(&EXP2_SHORT, f), shifted)
}

/// f, and k in the low bits of the second number.
#[inline(always)]
fn split_short<A: Arithmetic>(a: f64) -> (f64, f64) {
    let a = if a < LOWEST { LOWEST } else { a };
    let shifted = A::mul_add(a, LOG2_E, MAGIC);
    let k = shifted - MAGIC;
    (A::mul_add(a, LOG2_E, -k), shifted)
}

/// e^a for a <= 0, NaN for NaN.
///
/// Relative error below 2 u above [`LOWEST`]: [`elementary::exp`](crate::elementary::exp) with fused operations,
/// and without what subnormal results need. e^0 is 1.
#[inline(always)]
pub(crate) fn exp<A: Arithmetic>(a: f64) -> f64 {
    let (r, shifted) = split::<A>(a);
    let significand = 1.0 + A::mul_add(r * r, polynomial::<A, _>(&EXP, r), r);
    scale_by_power(significand, shifted)
}

/// r, and k in the low bits of the second number.
#[inline(always)]
fn split<A: Arithmetic>(a: f64) -> (f64, f64) {
    let a = if a < LOWEST { LOWEST } else { a };
    let shifted = A::mul_add(a, LOG2_E, MAGIC);
    let k = shifted - MAGIC;
    let r = A::mul_add(-k, LN2_LO, A::mul_add(-k, LN2_HI, a));
    (r, shifted)
}

/// [`exp`], or [`exp_short`] where `SHORT`, of each x - max.
///
/// In two loops, each with few enough constants for 16 vector registers: in one, they would be fetched anew for each
/// vector. Horner's rule for the same reason, in the place of a polynomial in pairs; its roundings are no larger.
/// Arrays of [`CHUNK`] are so long that the compiler leaves the loops what they are and vectorises them; those of
/// [`LANES`] are not, and get one loop. `shifts` is room for what the first loop leaves to the second.
#[inline(always)]
fn exponentials<A: Arithmetic, T: Element, const SHORT: bool, const N: usize>(
    x: &[T; N],
    max: &[f64; N],
    shifts: &mut [f64; N],
    out: &mut [f64; N],
) {
    if N <= LANES {
        for i in 0..N {
            let a = x[i].widen() - max[i];
            out[i] = if SHORT {
                exp_short::<A>(a)
            } else {
                exp::<A>(a)
            };
        }
        return;
    }
    for i in 0..N {
        let a = x[i].widen() - max[i];
        (out[i], shifts[i]) = if SHORT {
            split_short::<A>(a)
        } else {
            split::<A>(a)
        };
    }
    for i in 0..N {
        let r = out[i];
        let significand = if SHORT {
            horner::<A, _>(&EXP2_SHORT, r)
        } else {
            1.0 + A::mul_add(r * r, horner::<A, _>(&EXP, r), r)
        };
        out[i] = scale_by_power(significand, shifts[i]);
    }
}

#[inline(always)]
fn horner<A: Arithmetic, const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    coefficients
        .iter()
        .rev()
        .copied()
        .reduce(|sum, coefficient| A::mul_add(sum, x, coefficient))
        .unwrap_or(0.0)
}

/// How far a function of one exponential from [`exp`] may be from its formula of record, as a part of the sum
/// of its terms' magnitudes. The roundings are fewer than 20 u on either side. What decides is where a formula
/// of record is off on purpose: the sigmoid below 2^-13 (see
/// [`sigmoid_value`](crate::activation::sigmoid_value)) by 2^-42 of about 1/2.
pub(crate) const QUICK_ERROR: f64 = 1.0 / (1_u64 << 40) as f64;

/// Two numbers, before they are rounded, between which the result of the formula of record is certain to lie.
#[derive(Clone, Copy)]
pub(crate) struct Near {
    low: f64,
    high: f64,
    /// Whether the formula of record gives a zero the sign that these numbers have.
    signed: bool,
    /// Whether they are the result itself, whatever it is.
    exact: bool,
}

impl Near {
    /// Nothing is known: the answer is left to the formula of record.
    pub(crate) const UNKNOWN: Self = Self {
        low: f64::NAN,
        high: f64::NAN,
        signed: false,
        exact: false,
    };

    /// The result itself.
    #[inline(always)]
    pub(crate) fn exact(value: f64) -> Self {
        Self {
            low: value,
            high: value,
            signed: true,
            exact: true,
        }
    }

    /// Within a part `error` of `value`, and of its sign even where it rounds to zero.
    #[inline(always)]
    pub(crate) fn relative(value: f64, error: f64) -> Self {
        Self {
            low: value * (1.0 - error),
            high: value * (1.0 + error),
            signed: true,
            exact: false,
        }
    }

    /// The same, but nothing is known of an infinite value: a factor may have been infinite where what it multiplies
    /// is 0 by the formula of record.
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
            low: value - error,
            high: value + error,
            signed: false,
            exact: false,
        }
    }

    #[cfg(test)]
    pub(crate) fn limits(self) -> [f64; 2] {
        [self.low, self.high]
    }

    /// The element it rounds to, and whether that is certain. A NaN never is, and neither is a zero whose sign is
    /// not known: two zeros are equal whatever their signs.
    #[inline(always)]
    pub(crate) fn round<T: Element>(self) -> (T, bool) {
        let (low, high) = (T::narrow(self.low), T::narrow(self.high));
        let certain = (low == high) & (self.signed | (low != T::zero()));
        (low, certain | self.exact)
    }
}

/// A sum of losses from a quick path.
///
/// With exponentials from [`exp_short`], and each loss a function of them that does not magnify a relative error (as
/// ln(1 + t) does not), the losses are within 2^-34.3 of themselves; so is their sum, of the sum of their
/// magnitudes. The additions of a stretch (32 in a lane, 16 lanes, or 512 with one lane) and its logarithm add less than
/// 2^-43, the formula of record itself less than 2^-45. Together, below 2^-34, and u for every addition of estimates
/// that a term has gone through. What a loss loses absolutely, when its factor 1 + t is rounded and multiplied into
/// a product, is 2 u each; with 16 more products for each stretch, below 2^-51 for each loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Estimate {
    value: f64,
    magnitude: f64,
    count: f64,
    /// The most additions that a term has gone through.
    additions: f64,
}

impl Estimate {
    const RELATIVE: f64 = 1.0 / (1_u64 << 34) as f64;
    const ADDITION: f64 = 1.0 / (1_u64 << 53) as f64;
    const ABSOLUTE: f64 = 1.0 / (1_u64 << 51) as f64;

    /// The sum of `count` losses, all of them at least 0.
    #[inline(always)]
    pub(crate) fn of(value: f64, count: f64) -> Self {
        Self {
            value,
            magnitude: value,
            count,
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
            count: self.count + other.count,
            additions: additions + 1.0,
        }
    }

    /// With a group of terms, of which so many count; the others are 0.
    #[inline(always)]
    pub(crate) fn add_group(&mut self, terms: &[f64; LANES], count: f64) {
        self.value += fold(*terms);
        self.magnitude += fold(terms.map(f64::abs));
        self.count += count;
        self.additions += f64::from(1 + LANES.ilog2());
    }

    /// How far the sum may be from that of the formulas of record.
    #[inline(always)]
    fn error(self) -> f64 {
        let relative = Self::RELATIVE + self.additions * Self::ADDITION;
        self.magnitude * relative + self.count * Self::ABSOLUTE
    }

    /// The reduced loss, where it is certain: a divisor of 0 leaves a NaN, which never is.
    #[inline(always)]
    pub(crate) fn round<T: Element>(self, divisor: f64) -> Option<T> {
        let error = self.error();
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
        Estimate::of(linear + log(product), len as f64)
    }
}

/// A slice in groups of [`LANES`], the last one filled up. References to whole groups, so that every loop has one
/// body, which the compiler sees to be of that length.
#[derive(Clone, Copy)]
pub(crate) struct Groups<'a, T> {
    data: &'a [T],
    last: [T; LANES],
}

impl<'a, T: Element> Groups<'a, T> {
    #[inline(always)]
    pub(crate) fn new(data: &'a [T], padding: T) -> Self {
        let mut last = [padding; LANES];
        let (_, rest) = data.as_chunks::<LANES>();
        for (lane, &x) in last.iter_mut().zip(rest) {
            *lane = x;
        }
        Self { data, last }
    }

    /// The group that begins at `start`.
    #[inline(always)]
    pub(crate) fn at(&self, start: usize) -> &[T; LANES] {
        self.data
            .get(start..)
            .and_then(|data| data.first_chunk())
            .unwrap_or(&self.last)
    }
}

/// A slice to be written in groups of [`LANES`].
pub(crate) struct GroupsMut<'a, T> {
    data: &'a mut [T],
    last: [T; LANES],
}

impl<'a, T: Element> GroupsMut<'a, T> {
    #[inline(always)]
    pub(crate) fn new(data: &'a mut [T]) -> Self {
        Self {
            data,
            last: [T::zero(); LANES],
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// The group that begins at `start`.
    #[inline(always)]
    pub(crate) fn at(&mut self, start: usize) -> &mut [T; LANES] {
        self.data
            .get_mut(start..)
            .and_then(|data| data.first_chunk_mut())
            .unwrap_or(&mut self.last)
    }

    /// Writes what there is of the last group.
    #[inline(always)]
    pub(crate) fn finish(&mut self) {
        let (_, rest) = self.data.as_chunks_mut::<LANES>();
        for (x, &lane) in rest.iter_mut().zip(&self.last) {
            *x = lane;
        }
    }
}

/// The chunk of a row that begins at `start`; `last`, filled up, where the row ends within it. It is filled up only
/// then, and not before: a choice between two places without more is one that the compiler makes anew at each access.
#[inline(always)]
fn chunk<'a, T: Element, const N: usize>(
    row: &'a [T],
    start: usize,
    padding: T,
    last: &'a mut [T; N],
) -> &'a [T; N] {
    let rest = row.get(start..).unwrap_or(&[]);
    match rest.first_chunk() {
        Some(chunk) => chunk,
        None => {
            *last = [padding; N];
            for (place, &x) in last.iter_mut().zip(rest) {
                *place = x;
            }
            last
        }
    }
}

/// How far an output of a row may be from its formula of record, as a part of itself, for a row of so many classes.
///
/// Exponentials are within 2 u on either side. The sum of a row's: 16 additions in a lane here, 32 with what comes before
/// them, 4 and 8 more to put lanes and stretches together, one for each 4096 classes; with one lane, 64 in a stretch and
/// 64 stretches; by the fixed tree, 24 and one a level. With the few u of the last steps, less than 200 u < 2^-45 and u
/// for each 4096 classes.
pub(crate) fn row_error(classes: usize) -> f64 {
    1.0 / (1_u64 << 45) as f64 + classes as f64 / (1_u64 << 63) as f64
}

/// The most classes for which the sums here are as accurate as [`Estimate`] needs them: 2^27 / 4096 additions are
/// 2^-38.
pub(crate) const MOST_CLASSES: usize = 1 << 27;

/// How many exponentials of a row of many classes are made at a time. Without `std` there is little stack to keep them
/// on.
pub(crate) const WIDE: usize = if VECTORS && cfg!(feature = "std") {
    CHUNK
} else {
    LANES
};

/// The largest element of a row; NaN are passed over, and a row of nothing else has -inf.
#[inline(always)]
pub(crate) fn max<T: Element>(row: &[T]) -> f64 {
    // Two sets of lanes, so that a comparison need not wait for the one before.
    let mut lanes = [[T::neg_infinity(); LANES]; 2];
    let (pairs, rest) = row.as_chunks::<{ 2 * LANES }>();
    for x in pairs {
        for lane in 0..LANES {
            lanes[0][lane] = larger(x[lane], lanes[0][lane]);
            lanes[1][lane] = larger(x[lane + LANES], lanes[1][lane]);
        }
    }
    let (groups, rest) = rest.as_chunks::<LANES>();
    for x in groups {
        for lane in 0..LANES {
            lanes[0][lane] = larger(x[lane], lanes[0][lane]);
        }
    }
    let [mut lanes, others] = lanes;
    for lane in 0..LANES {
        lanes[lane] = larger(others[lane], lanes[lane]);
    }
    let max = lanes
        .into_iter()
        .fold(T::neg_infinity(), |max, x| larger(x, max));
    rest.iter().fold(max, |max, &x| larger(x, max)).widen()
}

/// The larger of two; `max` where x is NaN.
#[inline(always)]
fn larger<T: Element>(x: T, max: T) -> T {
    if x > max { x } else { max }
}

/// The first place that has the largest element; 0 where none has, as all are NaN.
#[inline(always)]
pub(crate) fn position<T: Element>(row: &[T], max: f64) -> usize {
    let max = T::narrow(max);
    let mut start = 0;
    for chunk in row.chunks(CHUNK) {
        // Looked at as a whole: a loop that may end at any element is not vectorised.
        let any = chunk.iter().fold(0, |any, &x| any | u32::from(x == max));
        if any != 0 {
            let within = chunk.iter().position(|&x| x == max);
            return start + within.unwrap_or(0);
        }
        start += CHUNK;
    }
    0
}

/// The most classes of a row whose exponentials are kept, so that those of its sum are those of its outputs. Without
/// `std` there is little stack to keep them on.
const KEPT: usize = if VECTORS && cfg!(feature = "std") {
    1024
} else {
    0
};

/// The exponentials of a row, where it is short enough.
pub(crate) struct Kept([f64; KEPT]);

impl Kept {
    pub(crate) fn new() -> Self {
        Self([0.0; KEPT])
    }

    /// The places for a row's exponentials; none where it is too long.
    #[inline(always)]
    pub(crate) fn of(&mut self, classes: usize) -> &mut [f64] {
        self.0
            .get_mut(..classes.next_multiple_of(CHUNK))
            .unwrap_or(&mut [])
    }
}

/// The sum of exp(x - max) over a row without one of the largest elements, by [`exp_short`] where `SHORT`: `largest`
/// is the place of one. Where none is given, 1 is taken from the sum of all, and what is returned has the absolute error
/// that the sum of all has relatively. NaN where the largest is -inf, as a row of nothing but -inf and NaN has no
/// limit.
///
/// They are made `N` at a time: [`WIDE`], or [`LANES`] in a row of few classes. They are left in `kept` where it has
/// places for them, with 0 for the one that is left out.
#[inline(always)]
pub(crate) fn others<A: Arithmetic, T: Element, const SHORT: bool, const N: usize>(
    row: &[T],
    max: f64,
    largest: Option<usize>,
    kept: &mut [f64],
) -> f64 {
    let maxima = [max; N];
    let (mut shifts, mut again) = ([0.0; N], [0.0; N]);
    let mut last = [T::neg_infinity(); N];
    let mut total = 0.0;
    for block in (0..row.len()).step_by(BLOCK) {
        let end = row.len().min(block + BLOCK);
        let mut sum = 0.0;
        for stretch in (block..end).step_by(ROW_STRETCH) {
            let mut lanes = [0.0; LANES];
            for start in (stretch..end.min(stretch + ROW_STRETCH)).step_by(N) {
                let e = match kept
                    .get_mut(start..)
                    .and_then(|kept| kept.first_chunk_mut())
                {
                    Some(e) => e,
                    None => &mut again,
                };
                let x = chunk(row, start, T::neg_infinity(), &mut last);
                exponentials::<A, T, SHORT, _>(x, &maxima, &mut shifts, e);
                let place = largest.map(|place| place.wrapping_sub(start));
                if let Some(one) = place.and_then(|place| e.get_mut(place)) {
                    *one = 0.0;
                }
                let (groups, _) = e.as_chunks::<LANES>();
                for group in groups {
                    for lane in 0..LANES {
                        lanes[lane] += group[lane];
                    }
                }
            }
            sum += fold(lanes);
        }
        total += sum;
    }
    let one = if largest.is_none() { 1.0 } else { 0.0 };
    of_limit(total - one, max)
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

/// The sum of the lanes, in halves.
#[inline(always)]
fn fold(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// How an output of one class is estimated, from its logit, and its exponential where that is at hand.
pub(crate) trait Estimated: Copy {
    /// Whether it is one of the exponential.
    const OF_EXPONENTIAL: bool;

    fn near(self, x: f64, e: f64) -> Near;
}

/// e_j * scale.
#[derive(Clone, Copy)]
struct Scaled {
    low: f64,
    high: f64,
}

impl Scaled {
    /// Within a part `error` of it.
    #[inline(always)]
    fn new(scale: f64, error: f64) -> Self {
        Self {
            low: scale * (1.0 - error),
            high: scale * (1.0 + error),
        }
    }
}

impl Estimated for Scaled {
    const OF_EXPONENTIAL: bool = true;

    #[inline(always)]
    fn near(self, _: f64, e: f64) -> Near {
        Near {
            low: e * self.low,
            high: e * self.high,
            signed: true,
            exact: false,
        }
    }
}

/// -((max - x_j) + log1p).
#[derive(Clone, Copy)]
struct BelowMax {
    max: f64,
    log1p: f64,
    error: f64,
}

impl Estimated for BelowMax {
    const OF_EXPONENTIAL: bool = false;

    #[inline(always)]
    fn near(self, x: f64, _: f64) -> Near {
        Near::relative(-((self.max - x) + self.log1p), self.error)
    }
}

/// Writes e_j * scale for each class of a row, with the exponentials that [`others`] has left in `kept`, or new ones
/// where there is none. Where a chunk is not certain, `record(start, out)` writes it.
#[inline(always)]
pub(crate) fn scaled_exponentials<A: Arithmetic, T: Element, const N: usize>(
    row: &[T],
    max: f64,
    kept: &[f64],
    scale: f64,
    output: &mut [T],
    record: &mut impl FnMut(usize, &mut [T]),
) {
    let each = Scaled::new(scale, row_error(row.len()));
    by_chunk::<A, T, _, N>(row, max, kept, output, record, each);
}

/// Writes -((max - x_j) + log1p) for each class of a row.
#[inline(always)]
pub(crate) fn below_max<A: Arithmetic, T: Element, const N: usize>(
    row: &[T],
    max: f64,
    log1p: f64,
    output: &mut [T],
    record: &mut impl FnMut(usize, &mut [T]),
) {
    let error = row_error(row.len());
    let each = BelowMax { max, log1p, error };
    by_chunk::<A, T, _, N>(row, max, &[], output, record, each);
}

#[inline(always)]
fn by_chunk<A: Arithmetic, T: Element, O: Estimated, const N: usize>(
    row: &[T],
    max: f64,
    kept: &[f64],
    output: &mut [T],
    record: &mut impl FnMut(usize, &mut [T]),
    each: O,
) {
    let maxima = [max; N];
    let (mut shifts, mut again) = ([0.0; N], [0.0; N]);
    let (mut last, mut last_out) = ([T::zero(); N], [T::zero(); N]);
    for from in (0..row.len()).step_by(N) {
        // What is not there must not be uncertain.
        let x = chunk(row, from, T::narrow(max), &mut last);
        let e = match kept.get(from..).and_then(|kept| kept.first_chunk()) {
            Some(e) => e,
            None => {
                if O::OF_EXPONENTIAL {
                    exponentials::<A, T, false, _>(x, &maxima, &mut shifts, &mut again);
                }
                &again
            }
        };
        let rest = output.get_mut(from..).unwrap_or(&mut []);
        let out = match rest.first_chunk_mut() {
            Some(out) => out,
            None => {
                last_out = [T::zero(); N];
                &mut last_out
            }
        };
        let mut open = 0;
        for i in 0..N {
            let (value, certain) = each.near(x[i].widen(), e[i]).round();
            out[i] = value;
            open |= u32::from(!certain);
        }
        if rest.len() < N {
            for (out, &value) in rest.iter_mut().zip(&last_out) {
                *out = value;
            }
        }
        if open != 0 {
            let to = rest.len().min(N);
            record(from, rest.get_mut(..to).unwrap_or(&mut []));
        }
    }
}

/// The most classes of rows that are worked on side by side, one a lane. None without `std`, where there are no wide vectors
/// to gain from it and little stack to keep them on.
pub(crate) const NARROW: usize = if VECTORS && cfg!(feature = "std") {
    32
} else {
    0
};

/// With fewer rows than this left, they are worked on one by one.
pub(crate) const FEW: usize = 6;

/// [`LANES`] rows of up to [`NARROW`] classes, turned so that a lane is a row.
pub(crate) struct Rows<T> {
    classes: usize,
    logits: [[T; LANES]; NARROW],
    exponentials: [[f64; LANES]; NARROW],
    pub(crate) max: [f64; LANES],
    pub(crate) argmax: [usize; LANES],
    pub(crate) others: [f64; LANES],
}

impl<T: Element> Rows<T> {
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            classes,
            logits: [[T::zero(); LANES]; NARROW],
            exponentials: [[0.0; LANES]; NARROW],
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
                let a = logits[lane].widen() - max[lane].widen();
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
            self.max[lane] = max[lane].widen();
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
    pub(crate) fn below_max(&mut self, log1p: &[f64; LANES]) -> [bool; LANES] {
        let (max, error) = (0.0, row_error(self.classes));
        let mut each = [BelowMax {
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
        let mut open = [0_u32; LANES];
        let rows = self.logits.iter_mut().zip(&self.exponentials);
        for (logits, exponentials) in rows.take(self.classes) {
            for lane in 0..LANES {
                let near = each[lane].near(logits[lane].widen(), exponentials[lane]);
                let (rounded, certain) = near.round();
                logits[lane] = rounded;
                open[lane] |= u32::from(!certain);
            }
        }
        open.map(|open| open == 0)
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
            .map_or(f64::NAN, |logits| logits[lane].widen())
    }

    /// Writes what the logits have become, for one row.
    #[inline(always)]
    pub(crate) fn write(&self, lane: usize, row: &mut [T]) {
        for (x, logits) in row.iter_mut().zip(&self.logits) {
            *x = logits[lane];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let mut kept = Kept::new();
            let kept = kept.of(classes);
            assert_eq!(
                kept.len(),
                if KEPT == 0 {
                    0
                } else {
                    classes.next_multiple_of(CHUNK)
                }
            );
            let sum = |place, kept: &mut [f64]| {
                others::<Plain, f32, false, WIDE>(row, largest, place, kept)
            };
            let (without, with) = (sum(Some(place), &mut []), sum(Some(place), kept));
            assert_eq!(without, with);
            assert!(kept.get(place).is_none_or(|&e| e == 0.0));
            assert!((sum(None, kept) - with).abs() < 1e-12 * with);
            let mut outputs = [[0.0_f32; 1024]; 2];
            for (output, kept) in outputs.iter_mut().zip([&[][..], &*kept]) {
                let record = &mut |_: usize, _: &mut [f32]| {};
                let output = &mut output[..classes];
                let scale = 1.0 / (1.0 + with);
                scaled_exponentials::<Plain, f32, WIDE>(row, largest, kept, scale, output, record);
                assert!(output.iter().all(|&p| p > 0.0));
            }
            assert_eq!(outputs[0], outputs[1]);
        }
        assert!(Kept::new().of(1025).is_empty());
    }

    /// Margins: too narrow, and a wrong bit passes the test of rounding; too wide, and the quick paths are none.
    #[test]
    fn margins_are_those_derived() {
        const U: f64 = f64::EPSILON / 2.0;
        let [low, high] = Near::absolute(3.0, 0.25).limits();
        assert_eq!((low, high), (2.75, 3.25));
        let [low, high] = Near::finite(-3.0, 0.25).limits();
        assert_eq!((low, high), (-2.25, -3.75));
        let [low, high] = Scaled::new(3.0, 0.25).near(0.0, 0.5).limits();
        assert_eq!((low, high), (1.125, 1.875));
        for classes in [1, 4096, 1 << 20, MOST_CLASSES] {
            let additions = classes as f64 / 4096.0;
            let error = row_error(classes);
            assert!((200.0 + additions) * U <= error && error <= (256.0 + 4.0 * additions) * U);
        }

        let of = |magnitude: f64, count: f64, additions: f64| {
            magnitude * (2f64.powi(-34) + additions * U) + count * 4.0 * U
        };
        let (one, two) = (Estimate::of(3.0, 2.0), Estimate::of(5.0, 7.0));
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
        let certain = |near: Near| near.round::<f32>().1;
        let midpoint = 1.0 + 1.0 / (1 << 24) as f64;
        assert!(!certain(Near::relative(midpoint, QUICK_ERROR)));
        assert!(!certain(Near::relative(
            midpoint * (1.0 + QUICK_ERROR / 2.0),
            QUICK_ERROR
        )));
        assert!(certain(Near::relative(
            midpoint * (1.0 + 4.0 * QUICK_ERROR),
            QUICK_ERROR
        )));
        assert!(!certain(Near::absolute(0.0, 1e-60)));
        assert!(!certain(Near::absolute(1e-60, 1e-61)));
        assert!(certain(Near::relative(1e-60, QUICK_ERROR)));
        assert!(certain(Near::relative(-0.0, QUICK_ERROR)));
        assert!(!certain(Near::relative(f64::NAN, QUICK_ERROR)));
        assert!(!certain(Near::absolute(f64::INFINITY, f64::INFINITY)));
        assert!(!certain(Near::UNKNOWN));

        let add = |estimate: &mut Estimate, term: f64| {
            let mut terms = [0.0; LANES];
            terms[0] = term;
            estimate.add_group(&terms, 1.0);
        };
        let round = |value: f64| {
            let mut estimate = Estimate::default();
            add(&mut estimate, value);
            estimate.round::<f32>(1.0)
        };
        assert_eq!(round(midpoint), None);
        assert_eq!(round(1.0), Some(1.0));
        assert_eq!(round(f64::NAN), None);
        // Below what a product of factors can tell.
        assert_eq!(round(1e-17), None);
        // Terms that cancel may leave a zero of either sign.
        let mut estimate = Estimate::default();
        add(&mut estimate, 1e-20);
        add(&mut estimate, -1e-20);
        assert_eq!(estimate.round::<f32>(1e35), None);
    }
}
