//! One `f32` or `f64` as a vector: the model that the tests compare the others with, bit for bit.

use super::tables::{CENTRE_16, LN_16, LN_REST_16, POWER_16, POWER_REST_16};
use super::{Double, Lanes, Single, Width, without_index};

impl Width for () {
    type Single = f32;
    type Double = f64;
}

macro_rules! scalar {
    ($V:ident, $Bits:ident, $digits:literal, $bias:literal) => {
        impl Lanes for $V {
            type Scalar = $V;
            type Mask = bool;
            type Token = ();
            const N: usize = 1;

            fn split(x: f64) -> (f64, f64) {
                let hi = f64::from(x as $V);
                (hi, x - hi)
            }

            fn splat((): (), x: f64) -> Self {
                x as $V
            }

            fn constant(self, x: f64) -> Self {
                x as $V
            }

            fn load((): (), from: &[$V], at: usize) -> Self {
                from.get(at).copied().unwrap_or(0.0)
            }

            fn store(self, to: &mut [$V], at: usize) {
                if let Some(to) = to.get_mut(at) {
                    *to = self;
                }
            }

            fn mul_add(self, b: Self, c: Self) -> Self {
                $V::mul_add(self, b, c)
            }

            fn mul_sub(self, b: Self, c: Self) -> Self {
                $V::mul_add(self, b, -c)
            }

            fn neg_mul_add(self, b: Self, c: Self) -> Self {
                $V::mul_add(-self, b, c)
            }

            fn neg_mul_sub(self, b: Self, c: Self) -> Self {
                $V::mul_add(-self, b, -c)
            }

            fn max(self, other: Self) -> Self {
                if self > other { self } else { other }
            }

            fn min(self, other: Self) -> Self {
                if self < other { self } else { other }
            }

            fn abs(self) -> Self {
                $V::abs(self)
            }

            fn exponent_and_significand(self) -> (Self, Self) {
                let exponent = (self.to_bits() >> $digits) as $V - $bias as $V;
                let significand = self.to_bits() % (1 << $digits) | ($bias << $digits);
                (exponent, $V::from_bits(significand))
            }

            fn flip_sign(self, sign: Self) -> Self {
                let sign = sign.to_bits() & (1 << ($Bits::BITS - 1));
                $V::from_bits(self.to_bits() ^ sign)
            }

            fn lt(self, other: Self) -> bool {
                self < other
            }

            fn le(self, other: Self) -> bool {
                self <= other
            }

            fn eq(self, other: Self) -> bool {
                self == other
            }

            fn and(a: bool, b: bool) -> bool {
                a && b
            }

            fn or(a: bool, b: bool) -> bool {
                a || b
            }

            fn select(mask: bool, yes: Self, no: Self) -> Self {
                if mask { yes } else { no }
            }

            fn bits(mask: bool) -> u32 {
                mask.into()
            }
        }
    };
}
scalar!(f32, u32, 23, 127);
scalar!(f64, u64, 52, 1023);

impl Single for f32 {
    const TABLE: usize = 16;
    const RECIPROCAL_BITS: u32 = 14;

    fn reciprocal(self) -> Self {
        1.0 / self
    }

    fn power(shifted: Self) -> (Self, Self) {
        let bits = shifted.to_bits();
        let index = (bits % 16) as usize;
        let power = without_index(POWER_16)[index].wrapping_add(bits << 19);
        (f32::from_bits(power), POWER_REST_16[index])
    }

    fn centre(shifted: Self) -> (Self, Self, Self) {
        let index = (shifted.to_bits() % 16) as usize;
        (CENTRE_16[index], LN_16[index], LN_REST_16[index])
    }

    #[cfg(feature = "half")]
    fn load_f16((): (), from: &[u16], at: usize) -> Self {
        let bits = from.get(at).copied().unwrap_or(0);
        crate::Element::widen(half::f16::from_bits(bits)) as f32
    }

    #[cfg(feature = "half")]
    fn load_bf16((): (), from: &[u16], at: usize) -> Self {
        let bits = from.get(at).copied().unwrap_or(0);
        f32::from_bits(u32::from(bits) << 16)
    }

    #[cfg(feature = "half")]
    fn store_f16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32 {
        store::<half::f16>(lo, hi, to, at, half::f16::to_bits)
    }

    #[cfg(feature = "half")]
    fn store_bf16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32 {
        store::<half::bf16>(lo, hi, to, at, half::bf16::to_bits)
    }
}

#[cfg(feature = "half")]
fn store<T: crate::Element>(
    lo: f32,
    hi: f32,
    to: &mut [u16],
    at: usize,
    bits: fn(T) -> u16,
) -> u32 {
    let (lo, hi) = (bits(T::narrow(lo.into())), bits(T::narrow(hi.into())));
    if let Some(to) = to.get_mut(at) {
        *to = lo;
    }
    (lo == hi).into()
}

impl Double for f64 {
    fn scale(self, shifted: Self) -> Self {
        f64::from_bits(self.to_bits().wrapping_add(shifted.to_bits() << 52))
    }
}
