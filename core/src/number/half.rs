//! Elements of 16 bits: `half::f16`, IEEE 754's binary16, and `half::bf16`, the upper half of an `f32`.
//!
//! They are for storage: arithmetic is that of `f64`, as for `f32`. So is everything that `f32` needs for its bounds.
//! An error that is small beside an ULP of `f32` is smaller still beside one of these, which have fewer digits; and of the
//! two remedies against near-ties, that for the sigmoid is as good here, and that for softplus is for a number which neither
//! type has. Numbers that `f16` does not reach are a subset of what is said of `f32` too.
//!
//! Crate half converts by instructions that some processors have, or through `f32`, which rounds twice. Here conversions
//! are operations on the bits and one addition, without a branch and the same on every machine. They are
//! written for any format of a sign, 15 - `M` bits of exponent and `M` of significand: 10 make an `f16`, 7 a `bf16`.

use crate::number::format::Format;
use half::{bf16, f16};

/// The bits of significand that an `f64` has and the format lacks.
const fn fewer<const M: u32>() -> u32 {
    52 - M
}

/// How much larger the exponent field of an `f64` is than that of the same normal number in the format: the difference of
/// the biases, at the field's place.
const fn rebias<const M: u32>() -> u64 {
    (1023 - ((1 << (14 - M)) - 1)) << 52
}

/// The smallest normal number of the format, whose exponent field is 1.
const fn min_normal<const M: u32>() -> f64 {
    f64::from_bits(rebias::<M>() + (1 << 52))
}

/// The power of two above all finite numbers of the format. Its exponent field would be that of the infinities.
const fn limit<const M: u32>() -> f64 {
    f64::from_bits(rebias::<M>() + (((1 << (15 - M)) - 1) << 52))
}

/// The number with these bits: exact.
///
/// Exponent and significand of a normal number move to their places in an `f64`, with the larger bias. A subnormal number
/// is f 2^e for a fraction f without a leading one, and e the exponent of the smallest normal number: (1 + f) 2^e, which is
/// what the bits say with an exponent field of 1, less 2^e. Infinities and NaN get the exponent field of all ones.
#[inline(always)]
fn widen<const M: u32>(bits: u16) -> f64 {
    let magnitude = u64::from(bits & 0x7fff) << fewer::<M>();
    let normal = f64::from_bits(magnitude + rebias::<M>());
    let subnormal = f64::from_bits(magnitude + min_normal::<M>().to_bits()) - min_normal::<M>();
    let special = f64::from_bits(magnitude | f64::INFINITY.to_bits());
    let finite = if normal < min_normal::<M>() {
        subnormal
    } else {
        normal
    };
    let widened = if normal < limit::<M>() {
        finite
    } else {
        special
    };
    f64::from_bits(widened.to_bits() | u64::from(bits & 0x8000) << 48)
}

/// The bits of the number nearest to `value`, ties to even; of the one quiet NaN for a NaN.
///
/// Let a be the magnitude of `value`, or the power of two above all finite numbers if that is smaller: all that is
/// larger rounds to infinity as well. Let 2^e be the largest power of two that is not above a, or that of the smallest
/// normal number if that is larger. Below 2^(e+1) the numbers of the format are multiples of q = 2^(e - `M`), and the result
/// is the multiple nearest to a. The `f64` in [2^52 q, 2^53 q) are the multiples of q too, and their bits count them. So the
/// sum of a and 2^52 q, which an addition rounds to the nearest of them, ties to even, is n q further than 2^52 q, with the
/// n that n q is nearest to a; n is at most 2^(`M`+1), far from 2^52. It is even where its last bit, that of the sum and
/// that of the result, is 0. In the format n is the significand with its leading one, which counts one step of the
/// exponent field: so n at the exponent field less one, and a significand that has rounded up to the next power of two
/// carries into the exponent, from the last one to that of infinity.
#[inline(always)]
fn narrow<const M: u32>(value: f64) -> u16 {
    const EXPONENT: u64 = 0x7ff << 52;
    let quiet_nan: u64 = ((1 << (16 - M)) - 1) << (M - 1);
    let magnitude = value.abs();
    // NaN is not below the limit.
    let a = if magnitude < limit::<M>() {
        magnitude
    } else {
        limit::<M>()
    };
    let normal = if a < min_normal::<M>() {
        min_normal::<M>()
    } else {
        a
    };
    let power = normal.to_bits() & EXPONENT;
    // 2^52 q.
    let unit = power + (u64::from(fewer::<M>()) << 52);
    let n = (f64::from_bits(unit) + a).to_bits() - unit;
    let rounded = n + ((power - min_normal::<M>().to_bits()) >> fewer::<M>());
    let signed = rounded | value.to_bits() >> 48 & 0x8000;
    (if value.is_nan() { quiet_nan } else { signed }) as u16
}

macro_rules! as_f32 {
    ($T:ty, $significand:expr) => {
        impl Format for $T {
            type Real = <f32 as Format>::Real;
            type Sum = <f32 as Format>::Sum;
            const FAST: bool = false;
            const ONE: &'static [Self] = &[Self::ONE];
            const SIGMOID_LINEAR_BELOW: f64 = <f32 as Format>::SIGMOID_LINEAR_BELOW;
            const SOFTPLUS_NEAR_TIE: f64 = <f32 as Format>::SOFTPLUS_NEAR_TIE;

            #[inline(always)]
            fn decode(self) -> f64 {
                widen::<$significand>(self.to_bits())
            }

            #[inline(always)]
            fn encode(value: f64) -> Self {
                Self::from_bits(narrow::<$significand>(value))
            }
        }
    };
}

as_f32!(f16, 10);

as_f32!(bf16, 7);

#[cfg(test)]
mod tests {
    use super::*;

    /// Of either sign and any payload.
    #[test]
    fn there_is_one_nan() {
        for bits in [1, 1 << 51, 1 << 63 | 1, u64::MAX] {
            let nan = f64::from_bits(f64::INFINITY.to_bits() | bits);
            assert_eq!(f16::encode(nan).to_bits(), 0x7e00);
            assert_eq!(bf16::encode(nan).to_bits(), 0x7fc0);
        }
    }
}
