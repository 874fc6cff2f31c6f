//! The outputs of a row by the fast path.

use crate::engine::rounding_test::Bracket;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::rows::exponentials::{chunk, row_error, shifted_exponentials};

/// How an output of one class is estimated, from its logit, and its exponential where that is at hand.
pub(crate) trait Estimated: Copy {
    /// Whether it is one of the exponential.
    const OF_EXPONENTIAL: bool;

    fn near(self, x: f64, e: f64) -> Bracket;
}

/// e_j * scale.
#[derive(Clone, Copy)]
pub(crate) struct Scaled {
    lo: f64,
    hi: f64,
}

impl Scaled {
    /// Within a part `error` of it.
    #[inline(always)]
    pub(crate) fn new(scale: f64, error: f64) -> Self {
        Self {
            lo: scale * (1.0 - error),
            hi: scale * (1.0 + error),
        }
    }
}

impl Estimated for Scaled {
    const OF_EXPONENTIAL: bool = true;

    #[inline(always)]
    fn near(self, _: f64, e: f64) -> Bracket {
        Bracket::between(e * self.lo, e * self.hi)
    }
}

/// -((max - x_j) + log1p).
#[derive(Clone, Copy)]
pub(crate) struct LogProbability {
    pub(crate) max: f64,
    pub(crate) log1p: f64,
    pub(crate) error: f64,
}

impl Estimated for LogProbability {
    const OF_EXPONENTIAL: bool = false;

    #[inline(always)]
    fn near(self, x: f64, _: f64) -> Bracket {
        Bracket::relative(-((self.max - x) + self.log1p), self.error)
    }
}

/// Writes e_j * scale for each class of a row, with the exponentials that [`others`](crate::rows::exponentials::others) has left in `cache`, or new ones
/// where there is none. Where a chunk is not certain, `reference(start, out)` writes it.
#[inline(always)]
pub(crate) fn scaled_exponentials<A: Arithmetic, T: Format, const N: usize>(
    row: &[T],
    max: f64,
    cache: &[f64],
    scale: f64,
    output: &mut [T],
    reference: &mut impl FnMut(usize, &mut [T]),
) {
    let each = Scaled::new(scale, row_error(row.len()));
    by_chunk::<A, T, _, N>(row, max, cache, output, reference, each);
}

/// Writes -((max - x_j) + log1p) for each class of a row.
#[inline(always)]
pub(crate) fn log_probabilities<A: Arithmetic, T: Format, const N: usize>(
    row: &[T],
    max: f64,
    log1p: f64,
    output: &mut [T],
    reference: &mut impl FnMut(usize, &mut [T]),
) {
    let error = row_error(row.len());
    let each = LogProbability { max, log1p, error };
    by_chunk::<A, T, _, N>(row, max, &[], output, reference, each);
}

#[inline(always)]
fn by_chunk<A: Arithmetic, T: Format, O: Estimated, const N: usize>(
    row: &[T],
    max: f64,
    cache: &[f64],
    output: &mut [T],
    reference: &mut impl FnMut(usize, &mut [T]),
    each: O,
) {
    let maxima = [max; N];
    let (mut shifts, mut again) = ([0.0; N], [0.0; N]);
    let (mut last, mut last_out) = ([T::zero(); N], [T::zero(); N]);
    for from in (0..row.len()).step_by(N) {
        // What is not there must not be uncertain.
        let x = chunk(row, from, T::encode(max), &mut last);
        let e = match cache.get(from..).and_then(|cache| cache.first_chunk()) {
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
        let mut uncertain = 0;
        for i in 0..N {
            let (value, certain) = each.near(x[i].decode(), e[i]).round();
            out[i] = value;
            uncertain |= u32::from(!certain);
        }
        if rest.len() < N {
            for (out, &value) in rest.iter_mut().zip(&last_out) {
                *out = value;
            }
        }
        if uncertain != 0 {
            let to = rest.len().min(N);
            reference(from, rest.get_mut(..to).unwrap_or(&mut []));
        }
    }
}
