//! The exponentials of a row and their sum, for the fast paths.

use crate::machine::{CHUNK, LANES, VECTORS};
use crate::number::accumulator::fold;
use crate::number::arithmetic::Arithmetic;
use crate::number::elementary::{EXP, EXP2_SHORT};
use crate::number::fast_elementary::{
    exp, exp_short, horner, reduce, reduce_short, scale_by_power,
};
use crate::number::format::Format;
use crate::rows::row::of_limit;
use crate::rows::shape::Classes;
use crate::sum::terms::BLOCK;

/// How many exponentials of a row are added in lanes that are then put together: so many that no term passes through
/// more additions than [`row_error`] has.
const ROW_STRETCH: usize = if VECTORS { 512 } else { 64 };

/// How many exponentials of a row of many classes are made at a time. Without `std` there is little stack to keep them
/// on.
pub(crate) const ROW_CHUNK: usize = if VECTORS && cfg!(feature = "std") {
    CHUNK
} else {
    LANES
};

/// The most classes for which the sums here are as accurate as [`SumEstimate`](crate::engine::rounding_test::SumEstimate) needs them: 2^27 / 4096 additions are
/// 2^-38.
pub(crate) const MAX_FAST_CLASSES: usize = 1 << 27;

/// [`exp`], or [`exp_short`] where `SHORT`, of each x - max.
///
/// In two loops, each with few enough constants for 16 vector registers: in one, they would be fetched anew for each
/// vector. Horner's rule for the same reason, in the place of a polynomial in pairs; its roundings are no larger.
/// Arrays of [`CHUNK`] are so long that the compiler leaves the loops what they are and vectorises them; those of
/// [`LANES`] are not, and get one loop. `shifts` is room for what the first loop leaves to the second.
#[inline(always)]
pub(crate) fn shifted_exponentials<A: Arithmetic, T: Format, const SHORT: bool, const N: usize>(
    x: &[T; N],
    max: &[f64; N],
    shifts: &mut [f64; N],
    out: &mut [f64; N],
) {
    if N <= LANES {
        for i in 0..N {
            let a = x[i].decode() - max[i];
            out[i] = if SHORT {
                exp_short::<A>(a)
            } else {
                exp::<A>(a)
            };
        }
        return;
    }
    for i in 0..N {
        let a = x[i].decode() - max[i];
        (out[i], shifts[i]) = if SHORT {
            reduce_short::<A>(a)
        } else {
            reduce::<A>(a)
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

/// The chunk of a row that begins at `start`; `last`, filled up, where the row ends within it. It is filled up only
/// then, and not before: a choice between two places without more is one that the compiler makes anew at each access.
#[inline(always)]
pub(crate) fn chunk<'a, T: Format, const N: usize>(
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

/// How far an output of a row may be from its reference formula, as a part of itself, for a row of so many classes.
///
/// Exponentials are within 2 u on either side. The sum of a row's: 16 additions in a lane here, 32 with what comes before
/// them, 4 and 8 more to put lanes and stretches together, one for each 4096 classes; with one lane, 64 in a stretch and
/// 64 stretches; by the fixed tree, 24 and one a level. With the few u of the last steps, less than 200 u < 2^-45 and u
/// for each 4096 classes.
pub(crate) fn row_error(classes: usize) -> f64 {
    1.0 / (1_u64 << 45) as f64 + classes as f64 / (1_u64 << 63) as f64
}

/// The most classes of a row whose exponentials are kept, so that those of its sum are those of its outputs. Without
/// `std` there is little stack to keep them on.
pub(crate) const MAX_CACHED_CLASSES: usize = if VECTORS && cfg!(feature = "std") {
    1024
} else {
    0
};

/// The exponentials of a row, where it is short enough.
pub(crate) struct ExpCache([f64; MAX_CACHED_CLASSES]);

impl ExpCache {
    pub(crate) fn new() -> Self {
        Self([0.0; MAX_CACHED_CLASSES])
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
/// They are made `N` at a time: [`ROW_CHUNK`], or [`LANES`] in a row of few classes. They are left in `cache` where it has
/// places for them, with 0 for the one that is left out.
#[inline(always)]
pub(crate) fn others<A: Arithmetic, T: Format, const SHORT: bool, const N: usize>(
    row: &[T],
    max: f64,
    largest: Option<usize>,
    cache: &mut [f64],
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
                let e = match cache
                    .get_mut(start..)
                    .and_then(|cache| cache.first_chunk_mut())
                {
                    Some(e) => e,
                    None => &mut again,
                };
                let x = chunk(row, start, T::neg_infinity(), &mut last);
                shifted_exponentials::<A, T, SHORT, _>(x, &maxima, &mut shifts, e);
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

impl<T: Format> Classes<'_, T> {
    /// Whether rows have fast paths.
    pub(crate) fn has_fast(&self) -> bool {
        T::FAST && self.extent.stride == 1 && self.classes() <= MAX_FAST_CLASSES
    }
}
