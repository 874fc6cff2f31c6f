//! Vectors of floats behind one trait, so that a formula is written once for all of them.
//!
//! [`Lanes`] has the operations that every vector has, [`Single`] and [`Double`] those of `f32` and of `f64`. A file for each
//! instruction set implements them with intrinsics. [`X2`] is two vectors side by side and is a vector again: their chains
//! of dependent instructions overlap, which AVX2 needs to reach its throughput.
//!
//! # Safety
//!
//! A CPU may lack the instructions. Vectors are made only from a token ([`Width`]) or from other vectors; a token's
//! constructor is `unsafe` and is called by [`dispatch`](crate::dispatch) alone, after detection. So a vector proves that the
//! instructions of its operations exist.
//!
//! All functions here are `#[inline(always)]`: a function of its own would be compiled without the features of the width.

use core::ops::{Add, Div, Mul, Neg, Sub};

#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub(crate) mod avx2;
#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub(crate) mod avx512;
#[cfg(test)]
mod scalar;
pub(crate) mod tables;
#[cfg(test)]
mod tests;

/// How many elements are evaluated before their rounding tests are looked at: the bits of a `u32`. Every vector's
/// length divides it.
pub(crate) const GROUP: usize = 32;

/// The vectors of one instruction set.
pub(crate) trait Width: Copy {
    type Single: Single<Token = Self>;
    type Double: Double<Token = Self>;
}

/// A vector of floats.
pub(crate) trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    type Scalar: Copy + Default;
    type Mask: Copy;
    type Token: Copy;

    /// How many floats.
    const N: usize;

    /// `x` as two numbers of the type of the lanes.
    fn split(x: f64) -> (f64, f64);

    /// `x`, rounded to the type of the lanes, in each lane.
    fn splat(token: Self::Token, x: f64) -> Self;

    /// The same; `self` proves that the instructions exist.
    fn constant(self, x: f64) -> Self;

    /// The floats from `from[at]` on; zeros for each register of the machine that does not lie inside the slice.
    fn load(token: Self::Token, from: &[Self::Scalar], at: usize) -> Self;

    /// Stores to `to[at]` and on, but for each register that has no room in the slice.
    fn store(self, to: &mut [Self::Scalar], at: usize);

    /// self * b + c, rounded once.
    fn mul_add(self, b: Self, c: Self) -> Self;

    /// self * b - c, rounded once.
    fn mul_sub(self, b: Self, c: Self) -> Self;

    /// c - self * b, rounded once.
    fn neg_mul_add(self, b: Self, c: Self) -> Self;

    /// -(self * b) - c, rounded once.
    fn neg_mul_sub(self, b: Self, c: Self) -> Self;

    /// The larger one, and `other` if one is NaN or both are zeros.
    fn max(self, other: Self) -> Self;

    /// The smaller one, and `other` if one is NaN or both are zeros.
    fn min(self, other: Self) -> Self;

    fn abs(self) -> Self;

    /// `self` with its sign flipped where `sign` is negative (-0 and NaN too, by their sign bits).
    fn flip_sign(self, sign: Self) -> Self;

    /// k and m with self = 2^k m and m in [1, 2), for a positive normal number.
    fn exponent_and_significand(self) -> (Self, Self);

    /// self < other, and false for NaN, as are the next two.
    fn lt(self, other: Self) -> Self::Mask;

    fn le(self, other: Self) -> Self::Mask;

    fn eq(self, other: Self) -> Self::Mask;

    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;

    fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask;

    /// `yes` where the mask is set, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// A bit for each lane.
    fn bits(mask: Self::Mask) -> u32;
}

/// A vector of `f32`.
pub(crate) trait Single: Lanes<Scalar = f32> {
    /// How many entries the tables have: 8 or 16.
    const TABLE: usize;

    /// `reciprocal` is within 2^-this of 1/x.
    const RECIPROCAL_BITS: u32;

    /// About 1/x. Its bits differ between processors: for results that a rounding test covers.
    fn reciprocal(self) -> Self;

    /// For shifted = 1.5 2^23 + i: (h, d) with 2^(i/TABLE) = h e^d, where h is normal.
    fn power(shifted: Self) -> (Self, Self);

    /// For shifted = 1.5 2^23 + i and i from 0 to TABLE - 1: c near 1 / (1 + i / (TABLE - 1)), and -ln c as two numbers.
    fn centre(shifted: Self) -> (Self, Self, Self);

    /// `f16` numbers, by their bits.
    #[cfg(feature = "half")]
    fn load_f16(token: Self::Token, from: &[u16], at: usize) -> Self;

    /// `bf16` numbers, by their bits.
    #[cfg(feature = "half")]
    fn load_bf16(token: Self::Token, from: &[u16], at: usize) -> Self;

    /// Stores `lo` rounded to `f16`, ties to even, and tells where `hi` rounds to the same number.
    #[cfg(feature = "half")]
    fn store_f16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32;

    /// The same for `bf16`. Neither may be NaN.
    #[cfg(feature = "half")]
    fn store_bf16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32;
}

/// A vector of `f64`.
pub(crate) trait Double: Lanes<Scalar = f64> {
    /// self * 2^i for shifted = 1.5 2^52 + i, where the result is normal.
    fn scale(self, shifted: Self) -> Self;
}

/// Two vectors side by side.
#[derive(Clone, Copy)]
pub(crate) struct X2<F>(F, F);

/// Operators of [`X2`], part by part.
macro_rules! operator {
    ($Trait:ident, $method:ident) => {
        impl<F: Lanes> $Trait for X2<F> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                X2(self.0.$method(other.0), self.1.$method(other.1))
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<F: Lanes> Neg for X2<F> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        X2(-self.0, -self.1)
    }
}

/// Methods of [`X2`], part by part: of three vectors, of two, of two with a mask for a result.
macro_rules! methods {
    (ternary $($three:ident)*; binary $($two:ident)*; compare $($compare:ident)*) => {
        $(#[inline(always)]
        fn $three(self, b: Self, c: Self) -> Self {
            X2(self.0.$three(b.0, c.0), self.1.$three(b.1, c.1))
        })*

        $(#[inline(always)]
        fn $two(self, other: Self) -> Self {
            X2(self.0.$two(other.0), self.1.$two(other.1))
        })*

        $(#[inline(always)]
        fn $compare(self, other: Self) -> Self::Mask {
            (self.0.$compare(other.0), self.1.$compare(other.1))
        })*
    };
}

impl<F: Lanes> Lanes for X2<F> {
    type Scalar = F::Scalar;
    type Mask = (F::Mask, F::Mask);
    type Token = F::Token;
    const N: usize = 2 * F::N;

    #[inline(always)]
    fn split(x: f64) -> (f64, f64) {
        F::split(x)
    }

    #[inline(always)]
    fn splat(token: F::Token, x: f64) -> Self {
        let half = F::splat(token, x);
        X2(half, half)
    }

    #[inline(always)]
    fn constant(self, x: f64) -> Self {
        let half = self.0.constant(x);
        X2(half, half)
    }

    #[inline(always)]
    fn load(token: F::Token, from: &[F::Scalar], at: usize) -> Self {
        X2(F::load(token, from, at), F::load(token, from, at + F::N))
    }

    #[inline(always)]
    fn store(self, to: &mut [F::Scalar], at: usize) {
        self.0.store(to, at);
        self.1.store(to, at + F::N);
    }

    methods! {
        ternary mul_add mul_sub neg_mul_add neg_mul_sub;
        binary max min flip_sign;
        compare lt le eq
    }

    #[inline(always)]
    fn abs(self) -> Self {
        X2(self.0.abs(), self.1.abs())
    }

    #[inline(always)]
    fn exponent_and_significand(self) -> (Self, Self) {
        let (a, b) = (
            self.0.exponent_and_significand(),
            self.1.exponent_and_significand(),
        );
        (X2(a.0, b.0), X2(a.1, b.1))
    }

    #[inline(always)]
    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        (F::and(a.0, b.0), F::and(a.1, b.1))
    }

    #[inline(always)]
    fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        (F::or(a.0, b.0), F::or(a.1, b.1))
    }

    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        X2(
            F::select(mask.0, yes.0, no.0),
            F::select(mask.1, yes.1, no.1),
        )
    }

    #[inline(always)]
    fn bits(mask: Self::Mask) -> u32 {
        F::bits(mask.0) | F::bits(mask.1) << F::N
    }
}

impl<F: Single> Single for X2<F> {
    const TABLE: usize = F::TABLE;
    const RECIPROCAL_BITS: u32 = F::RECIPROCAL_BITS;

    #[inline(always)]
    fn reciprocal(self) -> Self {
        X2(self.0.reciprocal(), self.1.reciprocal())
    }

    #[inline(always)]
    fn power(shifted: Self) -> (Self, Self) {
        let (a, b) = (F::power(shifted.0), F::power(shifted.1));
        (X2(a.0, b.0), X2(a.1, b.1))
    }

    #[inline(always)]
    fn centre(shifted: Self) -> (Self, Self, Self) {
        let (a, b) = (F::centre(shifted.0), F::centre(shifted.1));
        (X2(a.0, b.0), X2(a.1, b.1), X2(a.2, b.2))
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_f16(token: F::Token, from: &[u16], at: usize) -> Self {
        X2(
            F::load_f16(token, from, at),
            F::load_f16(token, from, at + F::N),
        )
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_bf16(token: F::Token, from: &[u16], at: usize) -> Self {
        X2(
            F::load_bf16(token, from, at),
            F::load_bf16(token, from, at + F::N),
        )
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_f16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32 {
        F::store_f16(lo.0, hi.0, to, at) | F::store_f16(lo.1, hi.1, to, at + F::N) << F::N
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_bf16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32 {
        F::store_bf16(lo.0, hi.0, to, at) | F::store_bf16(lo.1, hi.1, to, at + F::N) << F::N
    }
}

impl<F: Double> Double for X2<F> {
    #[inline(always)]
    fn scale(self, shifted: Self) -> Self {
        X2(self.0.scale(shifted.0), self.1.scale(shifted.1))
    }
}

/// A table whose first element is on a boundary of 64 bytes, so that vectors are loaded from it in one piece.
#[repr(align(64))]
pub(crate) struct Aligned<T>(pub(crate) T);

/// Bits of the numbers 2^(i/N) with i/N subtracted from the exponent: adding a shifted k to entry k mod N gives the bits of
/// 2^(k/N) for any k, without a mask.
pub(crate) const fn without_index<const N: usize>(powers: [f32; N]) -> [u32; N] {
    let mut bits = [0; N];
    let mut i = 0;
    while i < N {
        let index = (i as u32) << (23 - N.trailing_zeros());
        bits[i] = powers[i].to_bits().wrapping_sub(index);
        i += 1;
    }
    bits
}

/// What comparisons give.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
trait MaskBits {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn bits(self) -> u32;
}

/// The operators and methods of [`Lanes`] that are one intrinsic each.
///
/// Each `unsafe` block here calls an intrinsic whose target features the vector's existence proves (see the module), or
/// accesses memory that the line before it has shown to be inside the slice.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
macro_rules! vector {
    (
        $V:ident($register:ty) of $N:literal $scalar:ty, mask $Mask:ty, token $Token:ty;
        splat $splat:ident, load $load:ident, store $store:ident;
        operators $($Operator:ident $operator:ident $operation:ident)*;
        fused $($fused:ident $fma:ident)*;
        binary $($binary:ident $two:ident)*;
        abs $abs:ident, exponent $exponent:ident, significand $significand:ident, flip_sign $flip:ident, select $blend:ident, compare $cmp:ident
    ) => {
        $(impl core::ops::$Operator for $V {
            type Output = Self;

            #[inline(always)]
            fn $operator(self, other: Self) -> Self {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $V($operation(self.0, other.0)) }
            }
        })*

        impl core::ops::Neg for $V {
            type Output = Self;

            #[inline(always)]
            fn neg(self) -> Self {
                self.flip_sign(self.constant(-0.0))
            }
        }

        impl Lanes for $V {
            type Scalar = $scalar;
            type Mask = $Mask;
            type Token = $Token;
            const N: usize = $N;

            #[inline(always)]
            fn split(x: f64) -> (f64, f64) {
                let hi = f64::from(x as $scalar);
                (hi, x - hi)
            }

            #[inline(always)]
            fn splat(_: $Token, x: f64) -> Self {
                // SAFETY: the token proves that the instruction exists.
                unsafe { $V($splat(x as $scalar)) }
            }

            #[inline(always)]
            fn constant(self, x: f64) -> Self {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $V($splat(x as $scalar)) }
            }

            #[inline(always)]
            fn load(token: $Token, from: &[$scalar], at: usize) -> Self {
                match from.get(at..).and_then(|from| from.first_chunk::<$N>()) {
                    // SAFETY: the token proves that the instruction exists; it reads N numbers, as the array has.
                    Some(from) => unsafe { $V($load(from.as_ptr())) },
                    None => Self::splat(token, 0.0),
                }
            }

            #[inline(always)]
            fn store(self, to: &mut [$scalar], at: usize) {
                if let Some(to) = to.get_mut(at..).and_then(|to| to.first_chunk_mut::<$N>()) {
                    // SAFETY: the vector proves that the instruction exists; it writes N numbers, as the array has.
                    unsafe { $store(to.as_mut_ptr(), self.0) }
                }
            }

            $(#[inline(always)]
            fn $fused(self, b: Self, c: Self) -> Self {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $V($fma(self.0, b.0, c.0)) }
            })*

            $(#[inline(always)]
            fn $binary(self, other: Self) -> Self {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $V($two(self.0, other.0)) }
            })*

            #[inline(always)]
            fn abs(self) -> Self {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $V($abs(self.0)) }
            }

            #[inline(always)]
            fn exponent_and_significand(self) -> (Self, Self) {
                // SAFETY: the vector proves that the instructions exist.
                unsafe { ($V($exponent(self.0)), $V($significand(self.0))) }
            }

            #[inline(always)]
            fn flip_sign(self, sign: Self) -> Self {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $V($flip(self.0, sign.0)) }
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $Mask {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $cmp::<_CMP_LT_OQ>(self.0, other.0) }
            }

            #[inline(always)]
            fn le(self, other: Self) -> $Mask {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $cmp::<_CMP_LE_OQ>(self.0, other.0) }
            }

            #[inline(always)]
            fn eq(self, other: Self) -> $Mask {
                // SAFETY: the vector proves that the instruction exists.
                unsafe { $cmp::<_CMP_EQ_OQ>(self.0, other.0) }
            }

            #[inline(always)]
            fn and(a: $Mask, b: $Mask) -> $Mask {
                a.and(b)
            }

            #[inline(always)]
            fn or(a: $Mask, b: $Mask) -> $Mask {
                a.or(b)
            }

            #[inline(always)]
            fn select(mask: $Mask, yes: Self, no: Self) -> Self {
                // SAFETY: the vectors prove that the instruction exists.
                unsafe { $V($blend(mask, yes.0, no.0)) }
            }

            #[inline(always)]
            fn bits(mask: $Mask) -> u32 {
                mask.bits()
            }
        }
    };
}
#[cfg(all(feature = "std", target_arch = "x86_64"))]
use vector;
