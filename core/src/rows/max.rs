//! The largest element of a row.

use crate::machine::{CHUNK, LANES};
use crate::number::format::Format;

/// The largest element of a row; NaN are passed over, and a row of nothing else has -inf.
#[inline(always)]
pub(crate) fn max<T: Format>(row: &[T]) -> f64 {
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
    rest.iter().fold(max, |max, &x| larger(x, max)).decode()
}

/// The larger of two; `max` where x is NaN.
#[inline(always)]
fn larger<T: Format>(x: T, max: T) -> T {
    if x > max { x } else { max }
}

/// The first place that has the largest element; 0 where none has, as all are NaN.
#[inline(always)]
pub(crate) fn position<T: Format>(row: &[T], max: f64) -> usize {
    let max = T::encode(max);
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
