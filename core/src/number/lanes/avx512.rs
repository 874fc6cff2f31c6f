//! AVX-512 (F, BW, DQ, VL): 16 `f32` or 8 `f64`.
#![allow(unsafe_code)]

use super::tables::{CENTRE_16, LN_16, LN_REST_16, POWER_16, POWER_REST_16};
use super::{Aligned, Double, Lanes, MaskBits, Single, Width, X2, vector, without_index};
use core::arch::x86_64::*;

/// The CPU has AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    ///
    /// The CPU must have AVX-512 F, BW, DQ and VL.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

impl Width for Avx512 {
    type Single = X2<F32x16>;
    type Double = X2<F64x8>;
}

#[derive(Clone, Copy)]
pub(crate) struct F32x16(__m512);

#[derive(Clone, Copy)]
pub(crate) struct F64x8(__m512d);

impl MaskBits for __mmask16 {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        self.into()
    }
}

impl MaskBits for __mmask8 {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        self.into()
    }
}

/// Helpers of two instructions or with their arguments in another order, as `unsafe` as their intrinsics.
macro_rules! helpers {
    ($($name:ident($($arg:ident: $Type:ty),*) -> $Result:ty = $value:expr;)*) => {$(
        /// # Safety
        ///
        /// The CPU must have AVX-512 F, BW, DQ and VL.
        #[inline(always)]
        unsafe fn $name($($arg: $Type),*) -> $Result {
            // SAFETY: the caller's.
            unsafe { $value }
        }
    )*};
}

helpers! {
    significand_ps(x: __m512) -> __m512 =
        _mm512_getmant_ps::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(x);
    significand_pd(x: __m512d) -> __m512d =
        _mm512_getmant_pd::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(x);
    flip_sign_ps(x: __m512, sign: __m512) -> __m512 =
        _mm512_xor_ps(x, _mm512_and_ps(sign, _mm512_set1_ps(-0.0)));
    flip_sign_pd(x: __m512d, sign: __m512d) -> __m512d =
        _mm512_xor_pd(x, _mm512_and_pd(sign, _mm512_set1_pd(-0.0)));
    select_ps(mask: __mmask16, yes: __m512, no: __m512) -> __m512 =
        _mm512_mask_blend_ps(mask, no, yes);
    select_pd(mask: __mmask8, yes: __m512d, no: __m512d) -> __m512d =
        _mm512_mask_blend_pd(mask, no, yes);
    entry(table: &Aligned<[f32; 16]>, index: __m512i) -> __m512 =
        _mm512_permutexvar_ps(index, _mm512_load_ps(table.0.as_ptr()));
}

vector! {
    F32x16(__m512) of 16 f32, mask __mmask16, token Avx512;
    splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps;
    operators Add add _mm512_add_ps Sub sub _mm512_sub_ps Mul mul _mm512_mul_ps Div div _mm512_div_ps;
    fused mul_add _mm512_fmadd_ps mul_sub _mm512_fmsub_ps neg_mul_add _mm512_fnmadd_ps
        neg_mul_sub _mm512_fnmsub_ps;
    binary max _mm512_max_ps min _mm512_min_ps;
    abs _mm512_abs_ps, exponent _mm512_getexp_ps, significand significand_ps, flip_sign flip_sign_ps, select select_ps, compare _mm512_cmp_ps_mask
}

vector! {
    F64x8(__m512d) of 8 f64, mask __mmask8, token Avx512;
    splat _mm512_set1_pd, load _mm512_loadu_pd, store _mm512_storeu_pd;
    operators Add add _mm512_add_pd Sub sub _mm512_sub_pd Mul mul _mm512_mul_pd Div div _mm512_div_pd;
    fused mul_add _mm512_fmadd_pd mul_sub _mm512_fmsub_pd neg_mul_add _mm512_fnmadd_pd
        neg_mul_sub _mm512_fnmsub_pd;
    binary max _mm512_max_pd min _mm512_min_pd;
    abs _mm512_abs_pd, exponent _mm512_getexp_pd, significand significand_pd, flip_sign flip_sign_pd, select select_pd, compare _mm512_cmp_pd_mask
}

static POWERS: Aligned<[u32; 16]> = Aligned(without_index(POWER_16));
static POWER_RESTS: Aligned<[f32; 16]> = Aligned(POWER_REST_16);
static CENTRES: Aligned<[f32; 16]> = Aligned(CENTRE_16);
static LNS: Aligned<[f32; 16]> = Aligned(LN_16);
static LN_RESTS: Aligned<[f32; 16]> = Aligned(LN_REST_16);

impl Single for F32x16 {
    const TABLE: usize = 16;
    const RECIPROCAL_BITS: u32 = 14;

    #[inline(always)]
    fn reciprocal(self) -> Self {
        // SAFETY: the vector proves that the instruction exists.
        unsafe { F32x16(_mm512_rcp14_ps(self.0)) }
    }

    #[inline(always)]
    fn power(shifted: Self) -> (Self, Self) {
        // SAFETY: the vector proves that the instructions exist. The tables are aligned, and have 64 bytes each.
        unsafe {
            let index = _mm512_castps_si512(shifted.0);
            let powers = _mm512_load_si512(POWERS.0.as_ptr().cast());
            let power = _mm512_permutexvar_epi32(index, powers);
            let power = _mm512_add_epi32(power, _mm512_slli_epi32::<19>(index));
            (
                F32x16(_mm512_castsi512_ps(power)),
                F32x16(entry(&POWER_RESTS, index)),
            )
        }
    }

    #[inline(always)]
    fn centre(shifted: Self) -> (Self, Self, Self) {
        // SAFETY: the vector proves that the instructions exist.
        unsafe {
            let index = _mm512_castps_si512(shifted.0);
            (
                F32x16(entry(&CENTRES, index)),
                F32x16(entry(&LNS, index)),
                F32x16(entry(&LN_RESTS, index)),
            )
        }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_f16(token: Avx512, from: &[u16], at: usize) -> Self {
        match from.get(at..).and_then(|from| from.first_chunk::<16>()) {
            // SAFETY: the token proves that the instructions exist; 32 bytes are read, as the array has.
            Some(from) => unsafe {
                F32x16(_mm512_cvtph_ps(_mm256_loadu_si256(from.as_ptr().cast())))
            },
            None => Self::splat(token, 0.0),
        }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn load_bf16(token: Avx512, from: &[u16], at: usize) -> Self {
        match from.get(at..).and_then(|from| from.first_chunk::<16>()) {
            // SAFETY: as above.
            Some(from) => unsafe {
                let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.as_ptr().cast()));
                F32x16(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide)))
            },
            None => Self::splat(token, 0.0),
        }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_f16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32 {
        let Some(to) = to.get_mut(at..).and_then(|to| to.first_chunk_mut::<16>()) else {
            return 0;
        };
        // SAFETY: the vectors prove that the instructions exist; 32 bytes are written, as the array has.
        unsafe {
            let lo = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(lo.0);
            let hi = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(hi.0);
            _mm256_storeu_si256(to.as_mut_ptr().cast(), lo);
            _mm256_cmpeq_epi16_mask(lo, hi).into()
        }
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn store_bf16(lo: Self, hi: Self, to: &mut [u16], at: usize) -> u32 {
        let Some(to) = to.get_mut(at..).and_then(|to| to.first_chunk_mut::<16>()) else {
            return 0;
        };
        // SAFETY: as above.
        unsafe {
            let lo = round_bf16(_mm512_castps_si512(lo.0));
            let hi = round_bf16(_mm512_castps_si512(hi.0));
            _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(lo));
            _mm512_cmpeq_epi32_mask(lo, hi).into()
        }
    }
}

/// The upper halves after rounding to nearest, ties to even: half a unit less one is added, and one more where the last
/// bit that stays is odd.
///
/// # Safety
///
/// The CPU must have AVX-512 F.
#[cfg(feature = "half")]
#[inline(always)]
unsafe fn round_bf16(x: __m512i) -> __m512i {
    // SAFETY: the caller's.
    unsafe {
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(x), _mm512_set1_epi32(1));
        let x = _mm512_add_epi32(_mm512_add_epi32(x, _mm512_set1_epi32(0x7fff)), odd);
        _mm512_srli_epi32::<16>(x)
    }
}

impl Double for F64x8 {
    #[inline(always)]
    fn scale(self, shifted: Self) -> Self {
        // SAFETY: the vectors prove that the instructions exist.
        unsafe {
            let power = _mm512_slli_epi64::<52>(_mm512_castpd_si512(shifted.0));
            let bits = _mm512_add_epi64(_mm512_castpd_si512(self.0), power);
            F64x8(_mm512_castsi512_pd(bits))
        }
    }
}
