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

    /// With one more term.
    #[inline(always)]
    pub(crate) fn add(&mut self, term: f64) {
        self.value += term;
        self.magnitude += term.abs();
        self.count += 1.0;
        self.additions += 1.0;
    }

    /// The reduced loss, where it is certain: a divisor of 0 leaves a NaN, which never is.
    #[inline(always)]
    pub(crate) fn round<T: Element>(self, divisor: f64) -> Option<T> {
        let relative = Self::RELATIVE + self.additions * Self::ADDITION;
        let error = self.magnitude * relative + self.count * Self::ABSOLUTE;
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
            additions: 0.0,
        }
    }
}

/// A slice in groups of [`LANES`], the last one filled up. References to whole groups, so that every loop has one
/// body, which the compiler sees to be of that length.
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

    /// Elements `from..to`, after [`finish`](Self::finish) where they reach into the last group.
    #[inline(always)]
    pub(crate) fn stretch(&mut self, from: usize, to: usize) -> &mut [T] {
        self.data.get_mut(from..to).unwrap_or(&mut [])
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

/// The largest element of a row; NaN are passed over, and a row of nothing else has -inf.
#[inline(always)]
pub(crate) fn max<T: Element>(row: &[T]) -> f64 {
    let groups = Groups::new(row, T::neg_infinity());
    let mut lanes = [T::neg_infinity(); LANES];
    for start in (0..row.len()).step_by(LANES) {
        let x = *groups.at(start);
        for lane in 0..LANES {
            lanes[lane] = if x[lane] > lanes[lane] {
                x[lane]
            } else {
                lanes[lane]
            };
        }
    }
    let mut max = T::neg_infinity();
    for x in lanes {
        max = if x > max { x } else { max };
    }
    max.widen()
}

/// The first place that has the largest element; 0 where none has, as all are NaN.
#[inline(always)]
pub(crate) fn position<T: Element>(row: &[T], max: f64) -> usize {
    let max = T::narrow(max);
    reduce::find(row, |x| x == max).unwrap_or(0)
}

/// The sum of exp(x - max) over a row without one of the largest elements, by [`exp_short`] where `SHORT`: `largest` is the
/// place of one. Where none is given, 1 is taken from the sum of all, and what is returned has the absolute error
/// that the sum of all has relatively. NaN where the largest is -inf, as a row of nothing but -inf and NaN has no
/// limit.
#[inline(always)]
pub(crate) fn others<A: Arithmetic, T: Element, const SHORT: bool>(
    row: &[T],
    max: f64,
    largest: Option<usize>,
) -> f64 {
    let groups = Groups::new(row, T::neg_infinity());
    // The group of the one that is left out, with something that adds nothing in its place.
    let place = largest.unwrap_or(usize::MAX);
    let group = place - place % LANES;
    let mut masked = *groups.at(group);
    masked[place % LANES] = T::neg_infinity();
    let mut total = 0.0;
    for block in (0..row.len()).step_by(BLOCK) {
        let end = row.len().min(block + BLOCK);
        let mut sum = 0.0;
        for stretch in (block..end).step_by(ROW_STRETCH) {
            let mut lanes = [0.0; LANES];
            for start in (stretch..end.min(stretch + ROW_STRETCH)).step_by(LANES) {
                let x = *if start == group {
                    &masked
                } else {
                    groups.at(start)
                };
                for lane in 0..LANES {
                    let a = x[lane].widen() - max;
                    lanes[lane] += if SHORT {
                        exp_short::<A>(a)
                    } else {
                        exp::<A>(a)
                    };
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

/// An output of one class, from its logit, and its exponential where that is at hand.
pub(crate) trait Output: Copy {
    fn near(self, x: f64, e: f64) -> Near;
}

/// e_j * scale.
#[derive(Clone, Copy)]
struct Scaled {
    scale: f64,
    error: f64,
}

impl Output for Scaled {
    #[inline(always)]
    fn near(self, _: f64, e: f64) -> Near {
        Near::relative(e * self.scale, self.error)
    }
}

/// -((max - x_j) + log1p).
#[derive(Clone, Copy)]
struct BelowMax {
    max: f64,
    log1p: f64,
    error: f64,
}

impl Output for BelowMax {
    #[inline(always)]
    fn near(self, x: f64, _: f64) -> Near {
        Near::relative(-((self.max - x) + self.log1p), self.error)
    }
}

/// Writes e_j * scale for each class of a row. Where a chunk is not certain, `record(start, out)` writes it.
#[inline(always)]
pub(crate) fn scaled_exponentials<A: Arithmetic, T: Element>(
    row: &[T],
    max: f64,
    scale: f64,
    output: &mut [T],
    record: &mut impl FnMut(usize, &mut [T]),
) {
    let error = row_error(row.len());
    by_chunk::<A, T>(row, max, output, record, Scaled { scale, error });
}

/// Writes -((max - x_j) + log1p) for each class of a row.
#[inline(always)]
pub(crate) fn below_max<A: Arithmetic, T: Element>(
    row: &[T],
    max: f64,
    log1p: f64,
    output: &mut [T],
    record: &mut impl FnMut(usize, &mut [T]),
) {
    let error = row_error(row.len());
    let each = BelowMax { max, log1p, error };
    by_chunk::<A, T>(row, max, output, record, each);
}

#[inline(always)]
fn by_chunk<A: Arithmetic, T: Element>(
    row: &[T],
    max: f64,
    output: &mut [T],
    record: &mut impl FnMut(usize, &mut [T]),
    each: impl Output,
) {
    // What is not there must not be uncertain.
    let groups = Groups::new(row, T::narrow(max));
    let mut output = GroupsMut::new(output);
    for from in (0..row.len()).step_by(CHUNK) {
        let to = row.len().min(from + CHUNK);
        let mut open = [0; LANES];
        for start in (from..to).step_by(LANES) {
            let x = *groups.at(start);
            let mut out = [T::zero(); LANES];
            for lane in 0..LANES {
                let x = x[lane].widen();
                let (value, certain) = each.near(x, exp::<A>(x - max)).round();
                out[lane] = value;
                open[lane] |= u32::from(!certain);
            }
            *output.at(start) = out;
        }
        if to == row.len() {
            output.finish();
        }
        if open != [0; LANES] {
            record(from, output.stretch(from, to));
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
        let mut each = [Scaled { scale: 0.0, error }; LANES];
        for lane in 0..LANES {
            each[lane].scale = scale[lane];
        }
        self.each(&each)
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
    fn each(&mut self, each: &[impl Output; LANES]) -> [bool; LANES] {
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

        let round = |value: f64| {
            let mut estimate = Estimate::default();
            estimate.add(value);
            estimate.round::<f32>(1.0)
        };
        assert_eq!(round(midpoint), None);
        assert_eq!(round(1.0), Some(1.0));
        assert_eq!(round(f64::NAN), None);
        // Below what a product of factors can tell.
        assert_eq!(round(1e-17), None);
        // Terms that cancel may leave a zero of either sign.
        let mut estimate = Estimate::default();
        estimate.add(1e-20);
        estimate.add(-1e-20);
        assert_eq!(estimate.round::<f32>(1e35), None);
    }
}
