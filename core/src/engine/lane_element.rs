//! Elements in lanes: how they are loaded, and how results are rounded, with Ziv's rounding test.
//!
//! A fast path knows its value up to an error e, and rounding is monotone: if value - e and value + e round to the same
//! element, so does the reference formula's unrounded value between them, and that element is the answer. Otherwise the
//! formula is evaluated in the next arithmetic.

use crate::number::format::Format;
use crate::number::formula::{LaneReal, Within};
use crate::number::lanes::{Lanes, Single, Width};
use crate::number::single_pair::SinglePair;

/// An element type that has fast paths in lanes: how lanes are loaded, and how a value in lanes is rounded and stored.
pub(crate) trait LaneElement: Format {
    /// The arithmetic of the first tier.
    type Fast<W: Width>: LaneReal<F = W::Single>;

    /// The elements from `from[at]` on: exact.
    fn load<W: Width>(token: W, from: &[Self], at: usize) -> W::Single;

    /// Stores `lo`, rounded, and tells where `hi` rounds to the same element. NaN never does.
    fn store_rounded<F: Single>(lo: F, hi: F, to: &mut [Self], at: usize) -> u32;
}

impl LaneElement for f32 {
    type Fast<W: Width> = SinglePair<W::Single>;

    #[inline(always)]
    fn load<W: Width>(token: W, from: &[f32], at: usize) -> W::Single {
        W::Single::load(token, from, at)
    }

    #[inline(always)]
    fn store_rounded<F: Single>(lo: F, hi: F, to: &mut [f32], at: usize) -> u32 {
        lo.store(to, at);
        F::bits(lo.eq(hi))
    }
}

#[cfg(feature = "half")]
mod half {
    use super::{LaneElement, Single, Width};
    use crate::number::plain::PlainSingle;
    use ::half::slice::HalfFloatSliceExt;
    use ::half::{bf16, f16};

    macro_rules! half {
        ($T:ident, $load:ident, $store:ident) => {
            impl LaneElement for $T {
                type Fast<W: Width> = PlainSingle<W::Single>;

                #[inline(always)]
                fn load<W: Width>(token: W, from: &[$T], at: usize) -> W::Single {
                    W::Single::$load(token, from.reinterpret_cast(), at)
                }

                #[inline(always)]
                fn store_rounded<F: Single>(lo: F, hi: F, to: &mut [$T], at: usize) -> u32 {
                    // The comparisons are false for NaN. Where the two are equal there is no error; so zeros of two signs are
                    // those of a -0.
                    let stored = F::$store(lo, hi, to.reinterpret_cast_mut(), at);
                    stored & F::bits(lo.le(hi)) | F::bits(lo.eq(hi))
                }
            }
        };
    }
    half!(f16, load_f16, store_f16);
    half!(bf16, load_bf16, store_bf16);
}

/// The ends of the interval in which the reference formula's unrounded value lies.
#[inline(always)]
pub(crate) fn interval<R: LaneReal>(within: &Within<R>, units: f64) -> (R::F, R::F) {
    let units = within.magnitude.constant((units + R::BRACKET) * R::UNIT);
    within.value.bracket(within.magnitude * units)
}

/// Stores the values rounded, and gives a bit for each one that is certain.
#[inline(always)]
pub(crate) fn store<T: LaneElement, R: LaneReal<F: Single>>(
    within: &Within<R>,
    units: f64,
    to: &mut [T],
    at: usize,
) -> u32 {
    let (lo, hi) = interval(within, units);
    T::store_rounded(lo, hi, to, at) & R::F::bits(within.ok)
}
