//! AVX2, FMA and F16C: 8 `f32` or 4 `f64`.
#![allow(unsafe_code)]

use super::tables::{CENTRE_8, LN_8, LN_REST_8, POWER_8, POWER_REST_8};
use super::{Aligned, Double, Lanes, MaskBits, Single, Width, X2, vector, without_index};
use core::arch::x86_64::*;

/// The CPU has AVX2, FMA and F16C.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// # Safety
    ///
    /// The CPU must have AVX2, FMA and F16C.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

impl Width for Avx2 {
    type Single = X2<X2<F32x8>>;
    type Double = X2<X2<F64x4>>;
}

#[derive(Clone, Copy)]
pub(crate) struct F32x8(__m256);

#[derive(Clone, Copy)]
pub(crate) struct F64x4(__m256d);

impl MaskBits for __m256 {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: a mask comes from a comparison of vectors, which prove that the instruction exists.
        unsafe { _mm256_and_ps(self, other) }
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_or_ps(self, other) }
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        // SAFETY: as above.
        unsafe { _mm256_movemask_ps(self).cast_unsigned() }
    }
}

impl MaskBits for __m256d {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_and_pd(self, other) }
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_or_pd(self, other) }
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        // SAFETY: as above.
        unsafe { _mm256_movemask_pd(self).cast_unsigned() }
    }
}

/// Helpers of two instructions or with their arguments in another order, as `unsafe` as their intrinsics.
macro_rules! helpers {
    ($($name:ident($($arg:ident: $Type:ty),*) -> $Result:ty = $value:expr;)*) => {$(
        /// # Safety
        ///
        /// The CPU must have AVX2.
        #[inline(always)]
        unsafe fn $name($($arg: $Type),*) -> $Result {
            // SAFETY: the caller's.
            unsafe { $value }
        }
    )*};
}

helpers! {
    abs_ps(x: __m256) -> __m256 = _mm256_andnot_ps(_mm256_set1_ps(-0.0), x);
    abs_pd(x: __m256d) -> __m256d = _mm256_andnot_pd(_mm256_set1_pd(-0.0), x);
    exponent_ps(x: __m256) -> __m256 = _mm256_sub_ps(
        _mm256_cvtepi32_ps(_mm256_srli_epi32::<23>(_mm256_castps_si256(x))),
        _mm256_set1_ps(127.0),
    );
    // The exponent below 2^52, as the last bits of 2^52 and more.
    exponent_pd(x: __m256d) -> __m256d = _mm256_sub_pd(
        _mm256_or_pd(
            _mm256_castsi256_pd(_mm256_srli_epi64::<52>(_mm256_castpd_si256(x))),
            _mm256_set1_pd(4_503_599_627_370_496.0),
        ),
        _mm256_set1_pd(4_503_599_627_370_496.0 + 1023.0),
    );
    significand_ps(x: __m256) -> __m256 = _mm256_or_ps(
        _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x007f_ffff))),
        _mm256_set1_ps(1.0),
    );
    significand_pd(x: __m256d) -> __m256d = _mm256_or_pd(
        _mm256_and_pd(x, _mm256_castsi256_pd(_mm256_set1_epi64x(0x000f_ffff_ffff_ffff))),
        _mm256_set1_pd(1.0),
    );
    flip_sign_ps(x: __m256, sign: __m256) -> __m256 =
        _mm256_xor_ps(x, _mm256_and_ps(sign, _mm256_set1_ps(-0.0)));
    flip_sign_pd(x: __m256d, sign: __m256d) -> __m256d =
        _mm256_xor_pd(x, _mm256_and_pd(sign, _mm256_set1_pd(-0.0)));
    select_ps(mask: __m256, yes: __m256, no: __m256) -> __m256 = _mm256_blendv_ps(no, yes, mask);
    select_pd(mask: __m256d, yes: __m256d, no: __m256d) -> __m256d = _mm256_blendv_pd(no, yes, mask);
    entry(table: &Aligned<[f32; 8]>, index: __m256i) -> __m256 =
        _mm256_permutevar8x32_ps(_mm256_load_ps(table.0.as_ptr()), index);
}

vector! {
    F32x8(__m256) of 8 f32, mask __m256, token Avx2;
    splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps;
    operators Add add _mm256_add_ps Sub sub _mm256_sub_ps Mul mul _mm256_mul_ps Div div _mm256_div_ps;
    fused mul_add _mm256_fmadd_ps mul_sub _mm256_fmsub_ps neg_mul_add _mm256_fnmadd_ps
        neg_mul_sub _mm256_fnmsub_ps;
    binary max _mm256_max_ps min _mm256_min_ps;
    abs abs_ps, exponent exponent_ps, significand significand_ps, flip_sign flip_sign_ps, select select_ps, compare _mm256_cmp_ps
}

vector! {
    F64x4(__m256d) of 4 f64, mask __m256d, token Avx2;
    splat _mm256_set1_pd, load _mm256_loadu_pd, store _mm256_storeu_pd;
    operators Add add _mm256_add_pd Sub sub _mm256_sub_pd Mul mul _mm256_mul_pd Div div _mm256_div_pd;
    fused mul_add _mm256_fmadd_pd mul_sub _mm256_fmsub_pd neg_mul_add _mm256_fnmadd_pd
        neg_mul_sub _mm256_fnmsub_pd;
    binary max _mm256_max_pd min _mm256_min_pd;
    abs abs_pd, exponent exponent_pd, significand significand_pd, flip_sign flip_sign_pd, select select_pd, compare _mm256_cmp_pd
}

static POWERS: Aligned<[u32; 8]> = Aligned(without_index(POWER_8));
static POWER_RESTS: Aligned<[f32; 8]> = Aligned(POWER_REST_8);
static CENTRES: Aligned<[f32; 8]> = Aligned(CENTRE_8);
static LNS: Aligned<[f32; 8]> = Aligned(LN_8);
static LN_RESTS: Aligned<[f32; 8]> = Aligned(LN_REST_8);

impl Single for F32x8 {
    const TABLE: usize = 8;
    const RECIPROCAL_BITS: u32 = 11;

    #[inline(always)]
    fn reciprocal(self) -> Self {
        // SAFETY: the vector proves that the instruction exists.
        unsafe { F32x8(_mm256_rcp_ps(self.0)) }
    }

    #[inline(always)]
    fn power(shifted: Self) -> (Self, Self) {
        // SAFETY: the vector proves that the instructions exist. The table is aligned, and has 32 bytes.
        unsafe {
            let index = _mm256_castps_si256(shifted.0);
            let powers = _mm256_load_si256(POWERS.0.as_ptr().cast());
            let power = _mm256_permutevar8x32_epi32(powers, index);
            let power = _mm256_add_epi32(power, _mm256_slli_epi32::<20>(index));
            (
                F32x8(_mm256_castsi256_ps(power)),
                F32x8(entry(&POWER_RESTS, index)),
            )
        }
    }

    #[inline(always)]
    fn centre(shifted: Self) -> (Self, Self, Self) {
        // SAFETY: the vector proves that the instructions exist.
        unsafe {
            let index = _mm256_castps_si256(shifted.0);
            (
                F32x8(entry(&CENTRES, index)),
                F32x8(entry(&LNS, index)),
                F32x8(entry(&LN_RESTS, index)),
            )
        }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_f16(token: Avx2, from: &[u16], at: usize) -> Self {
        match from.get(at..).and_then(|from| from.first_chunk::<8>()) {
            // SAFETY: the token proves that the instructions exist; 16 bytes are read, as the array has.
            Some(from) => unsafe { F32x8(_mm256_cvtph_ps(_mm_loadu_si128(from.as_ptr().cast()))) },
            None => Self::splat(token, 0.0),
        }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_bf16(token: Avx2, from: &[u16], at: usize) -> Self {
        match from.get(at..).and_then(|from| from.first_chunk::<8>()) {
            // SAFETY: as above.
            Some(from) => unsafe {
                let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.as_ptr().cast()));
                F32x8(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide)))
            },
            None => Self::splat(token, 0.0),
        }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_f16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32 {
        let Some(to) = to.get_mut(at..).and_then(|to| to.first_chunk_mut::<8>()) else {
            return 0;
        };
        // SAFETY: the vectors prove that the instructions exist; 16 bytes are written, as the array has.
        unsafe {
            let lo = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(lo.0);
            let hi = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(hi.0);
            _mm_storeu_si128(to.as_mut_ptr().cast(), lo);
            let equal = _mm_cmpeq_epi16(lo, hi);
            _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())).cast_unsigned()
        }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_bf16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32 {
        let Some(to) = to.get_mut(at..).and_then(|to| to.first_chunk_mut::<8>()) else {
            return 0;
        };
        // SAFETY: as above.
        unsafe {
            let lo = round_bf16(_mm256_castps_si256(lo.0));
            let hi = round_bf16(_mm256_castps_si256(hi.0));
            let (first, second) = (
                _mm256_castsi256_si128(lo),
                _mm256_extracti128_si256::<1>(lo),
            );
            _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_packus_epi32(first, second));
            let equal = _mm256_cmpeq_epi32(lo, hi);
            _mm256_movemask_ps(_mm256_castsi256_ps(equal)).cast_unsigned()
        }
    }
}

/// The upper halves after rounding to nearest, ties to even: half a unit less one is added, and one more where the last
/// bit that stays is odd.
///
/// # Safety
///
/// The CPU must have AVX2.
#[cfg(feature = "half")]
#[inline(always)]
unsafe fn round_bf16(x: __m256i) -> __m256i {
    // SAFETY: the caller's.
    unsafe {
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(x), _mm256_set1_epi32(1));
        let x = _mm256_add_epi32(_mm256_add_epi32(x, _mm256_set1_epi32(0x7fff)), odd);
        _mm256_srli_epi32::<16>(x)
    }
}

impl Double for F64x4 {
    #[inline(always)]
    fn scale(self, shifted: Self) -> Self {
        // SAFETY: the vectors prove that the instructions exist.
        unsafe {
            let power = _mm256_slli_epi64::<52>(_mm256_castpd_si256(shifted.0));
            let bits = _mm256_add_epi64(_mm256_castpd_si256(self.0), power);
            F64x4(_mm256_castsi256_pd(bits))
        }
    }
}
