//! The outputs of a row by the fast path.

use crate::engine::rounding_test::Near;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::rows::exponentials::{chunk, row_error, shifted_exponentials};

/// How an output of one class is estimated, from its logit, and its exponential where that is at hand.
pub(crate) trait Estimated: Copy {
    /// Whether it is one of the exponential.
    const OF_EXPONENTIAL: bool;

    fn near(self, x: f64, e: f64) -> Near;
}

/// e_j * scale.
#[derive(Clone, Copy)]
pub(crate) struct Scaled {
    low: f64,
    high: f64,
}

impl Scaled {
    /// Within a part `error` of it.
    #[inline(always)]
    pub(crate) fn new(scale: f64, error: f64) -> Self {
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
        Near::between(e * self.low, e * self.high)
    }
}

/// -((max - x_j) + log1p).
#[derive(Clone, Copy)]
pub(crate) struct BelowMax {
    pub(crate) max: f64,
    pub(crate) log1p: f64,
    pub(crate) error: f64,
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
pub(crate) fn scaled_exponentials<A: Arithmetic, T: Format, const N: usize>(
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
pub(crate) fn below_max<A: Arithmetic, T: Format, const N: usize>(
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
fn by_chunk<A: Arithmetic, T: Format, O: Estimated, const N: usize>(
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
        let x = chunk(row, from, T::encode(max), &mut last);
        let e = match kept.get(from..).and_then(|kept| kept.first_chunk()) {
            Some(e) => e,
            None => {
                if O::OF_EXPONENTIAL {
                    shifted_exponentials::<A, T, false, _>(x, &maxima, &mut shifts, &mut again);
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
            let (value, certain) = each.near(x[i].decode(), e[i]).round();
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
