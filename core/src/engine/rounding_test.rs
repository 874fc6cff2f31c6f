//! Ziv's rounding test, for each element type.
//!
//! A fast path knows its value up to an error e, and rounding is monotone: if value - e and value + e round to the same
//! element, so does the reference formula's unrounded value between them, and that element is the answer. Otherwise the
//! formula is evaluated in the next arithmetic.

use crate::element::Element;
use crate::number::formula::{Formula, Real, Within};
use crate::number::lanes::{Lanes, Single, Width};
use crate::number::plain::PlainSingle;
use crate::number::single_pair::SinglePair;

/// An element type that has fast paths: how lanes are loaded, and how a value in lanes is rounded and stored.
pub(crate) trait FastElement: Element {
    /// The arithmetic of the first tier.
    type Real<W: Width>: Real<F = W::Single>;

    /// The elements from `from[at]` on: exact.
    fn load<W: Width>(token: W, from: &[Self], at: usize) -> W::Single;

    /// Stores `lo`, rounded, and tells where `hi` rounds to the same element. NaN never does.
    fn store_rounded<F: Single>(lo: F, hi: F, to: &mut [Self], at: usize) -> u32;
}

impl FastElement for f32 {
    type Real<W: Width> = SinglePair<W::Single>;

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
    use super::{FastElement, PlainSingle, Single, Width};
    use ::half::slice::HalfFloatSliceExt;
    use ::half::{bf16, f16};

    macro_rules! half {
        ($T:ident, $load:ident, $store:ident) => {
            impl FastElement for $T {
                type Real<W: Width> = PlainSingle<W::Single>;

                #[inline(always)]
                fn load<W: Width>(token: W, from: &[$T], at: usize) -> W::Single {
                    W::Single::$load(token, from.reinterpret_cast(), at)
                }

                #[inline(always)]
                fn store_rounded<F: Single>(lo: F, hi: F, to: &mut [$T], at: usize) -> u32 {
                    // The comparison is false for NaN.
                    F::$store(lo, hi, to.reinterpret_cast_mut(), at) & F::bits(lo.le(hi))
                }
            }
        };
    }
    half!(f16, load_f16, store_f16);
    half!(bf16, load_bf16, store_bf16);
}

/// The ends of the interval in which the reference formula's unrounded value lies.
#[inline(always)]
pub(crate) fn interval<F: Formula<IN>, R: Real, const IN: usize>(within: &Within<R>) -> (R::F, R::F) {
    let units = F::units::<R>() + R::BRACKET;
    let error = within.magnitude * within.magnitude.constant(units * R::UNIT);
    within.value.bracket(error)
}

/// Stores the values rounded, and gives a bit for each one that is certain.
#[inline(always)]
pub(crate) fn store<T: FastElement, F: Formula<IN>, R: Real<F: Single>, const IN: usize>(
    within: &Within<R>,
    to: &mut [T],
    at: usize,
) -> u32 {
    let (lo, hi) = interval::<F, R, IN>(within);
    T::store_rounded(lo, hi, to, at) & R::F::bits(within.ok)
}
