//! exp, log and log1p in `f64` from `+ - * /` and integer operations on the bits: the only
//! transcendental code there is.
//!
//! No table, no branch (selections only), no fused multiply-add: each step is fixed by IEEE 754, and a
//! loop over any of these functions can be vectorised without a change of bits.
//!
//! The polynomials are minimax fits made by `trueloss coefficients` (see `verify/src/coefficients.rs`);
//! the block between the markers is that program's output, and a test compares the two.
//!
//! Below, u = 2^-53 is the largest relative error of one rounding.

use crate::machine::{INTEGER, out_of_line_without_f64};
use crate::number::arithmetic::{Arithmetic, Plain};
use crate::number::error_free::two_sum;

// BEGIN GENERATED COEFFICIENTS
/// `Q` in `exp(r) = 1 + (r + r^2 Q(r))` for `|r| <= 0.34658`, just beyond `ln(2)/2`.
///
/// Low order first.
/// Relative error of the formula in exact arithmetic: at most 2^-57.91.
pub(crate) const EXP: [f64; 10] = [
    f64::from_bits(0x3fe0_0000_0000_000a), // 5.0000000000000111e-1
    f64::from_bits(0x3fc5_5555_5555_550d), // 1.6666666666666466e-1
    f64::from_bits(0x3fa5_5555_5555_07b9), // 4.1666666666528802e-2
    f64::from_bits(0x3f81_1111_1112_453e), // 8.3333333334701908e-3
    f64::from_bits(0x3f56_c16c_1843_1f73), // 1.3888888943700245e-3
    f64::from_bits(0x3f2a_01a0_1385_12a8), // 1.9841269546296459e-4
    f64::from_bits(0x3efa_0199_a208_bf57), // 2.4801493170467075e-5
    f64::from_bits(0x3ec7_1df0_cbe3_a9f2), // 2.7557558431774390e-6
    f64::from_bits(0x3e92_8ad4_d643_046d), // 2.7630195221720502e-7
    f64::from_bits(0x3e5a_d9ef_9000_b9b4), // 2.5007232729181350e-8
];

/// `P` in `2^f = P(f)` for `|f| <= 0.50001`, just beyond 1/2: for fast paths.
///
/// Low order first.
/// Relative error of the formula in exact arithmetic: at most 2^-34.53.
pub(crate) const EXP2_SHORT: [f64; 8] = [
    f64::from_bits(0x3fef_ffff_fffa_bb9a), // 9.9999999996167621e-1
    f64::from_bits(0x3fe6_2e42_ff11_63bf), // 6.9314718072848069e-1
    f64::from_bits(0x3fce_bfbe_0a4c_3a5f), // 2.4022651198216047e-1
    f64::from_bits(0x3fac_6b08_aaf1_1b0c), // 5.5504103533669719e-2
    f64::from_bits(0x3f83_b29d_c3c7_2f8b), // 9.6180272456860751e-3
    f64::from_bits(0x3f55_d8a7_09c5_bb2b), // 1.3333922607576358e-3
    f64::from_bits(0x3f24_46a2_36b6_7052), // 1.5469293735470791e-4
    f64::from_bits(0x3eef_e177_77d2_10de), // 1.5201916307335349e-5
];

/// `P` in `log(1 + f) = f - s (f - z P(z))`, with `s = f / (2 + f)` and `z = s^2`,
/// for `1 + f` from `sqrt(1/2)` to `sqrt(2)`, that is, `z <= 0.0294373`.
///
/// Low order first.
/// Relative error of the formula in exact arithmetic: at most 2^-66.60.
pub(crate) const LOG: [f64; 8] = [
    f64::from_bits(0x3fe5_5555_5555_5555), // 6.6666666666666663e-1
    f64::from_bits(0x3fd9_9999_9999_9d10), // 4.0000000000004921e-1
    f64::from_bits(0x3fd2_4924_9243_99bf), // 2.8571428569412299e-1
    f64::from_bits(0x3fcc_71c7_24b4_0fa4), // 2.2222222606808117e-1
    f64::from_bits(0x3fc7_45ce_1d54_2973), // 1.8181778366153942e-1
    f64::from_bits(0x3fc3_b202_254f_193e), // 1.5386988469817625e-1
    f64::from_bits(0x3fc0_f677_5381_7ff9), // 1.3252154900965232e-1
    f64::from_bits(0x3fc0_f0c1_8ab5_bf81), // 1.3234729073473875e-1
];

/// `P` in `log(1 + f) = f - s (f - z P(z))`, with `s = f / (2 + f)` and `z = s^2`,
/// for `f` from 0 to 1, that is, `z <= 1/9`.
///
/// Low order first.
/// Relative error of the formula in exact arithmetic: at most 2^-59.41.
pub(crate) const LOG1P_UNIT: [f64; 10] = [
    f64::from_bits(0x3fe5_5555_5555_5535), // 6.6666666666666308e-1
    f64::from_bits(0x3fd9_9999_999a_074f), // 4.0000000000155905e-1
    f64::from_bits(0x3fd2_4924_9208_c691), // 2.8571428548011918e-1
    f64::from_bits(0x3fcc_71c7_41c6_9850), // 2.2222223960597143e-1
    f64::from_bits(0x3fc7_45cb_401a_dbdb), // 1.8181744222758209e-1
    f64::from_bits(0x3fc3_b1dd_b4c6_1cf2), // 1.5386554076051301e-1
    f64::from_bits(0x3fc1_067c_71f9_3d11), // 1.3301044049374203e-1
    f64::from_bits(0x3fbe_fd82_befb_b5a4), // 1.2105576670338408e-1
    f64::from_bits(0x3fb5_5b18_e79b_c59f), // 8.3421284241714563e-2
    f64::from_bits(0x3fc5_c788_0d3d_0308), // 1.7015171667483053e-1
];

/// `q` in `2^(u/16) = 1 + u q(u)` for `u` from 0 to 1, in integers.
///
/// Low order first, with 36, 42, 48 and 54 bits after the point, rounded to nearest; the
/// lowest has another 1/2 unit in it, for a product that is rounded down.
/// Relative error of the formula in exact arithmetic, before that rounding: at most 2^-38.37.
pub(crate) const SIXTEENTH: [u32; 4] = [
    0xb172_17f2, // 2^36 * 4.332169870e-2
    0xf5fd_fef2, // 2^42 * 9.383856636e-4
    0xe34c_f778, // 2^48 * 1.354817456e-5
    0xa0f1_a476, // 2^54 * 1.498907020e-7
];

/// `2^(i/16)` in units of 2^-63, rounded down.
pub(crate) const SIXTEENTHS: [u64; 16] = [
    0x8000_0000_0000_0000,
    0x85aa_c367_cc48_7b14,
    0x8b95_c1e3_ea8b_d6e6,
    0x91c3_d373_ab11_c336,
    0x9837_f051_8db8_a96f,
    0x9ef5_3260_91a1_11ad,
    0xa5fe_d6a9_b151_38ea,
    0xad58_3eea_42a1_4ac6,
    0xb504_f333_f9de_6484,
    0xbd08_a39f_580c_36be,
    0xc567_2a11_5506_dadd,
    0xce24_8c15_1f84_80e3,
    0xd744_fcca_d69d_6af4,
    0xe0cc_deec_2a94_e111,
    0xeac0_c6e7_dd24_392e,
    0xf525_7d15_2486_cc2c,
];

/// The base-2 logarithm of e in units of 2^-63, rounded down.
pub(crate) const LOG2_E_UNITS: u64 = 0xb8aa_3b29_5c17_f0bb;

/// The first 42 bits of `ln(2)`.
/// The product with an integer below 2^11 is exact.
pub(crate) const LN2_HI: f64 = f64::from_bits(0x3fe6_2e42_fefa_3800); // 6.9314718055989033e-1

/// `ln(2) - LN2_HI`, rounded.
/// `LN2_HI + LN2_LO` is within 2^-102.01 of `ln(2)`.
pub(crate) const LN2_LO: f64 = f64::from_bits(0x3d2e_f357_93c7_6730); // 5.4979230187083712e-14

/// The base-2 logarithm of e, rounded.
pub(crate) const LOG2_E: f64 = f64::from_bits(0x3ff7_1547_652b_82fe); // 1.4426950408889634e0
// END GENERATED COEFFICIENTS

/// 1.5 * 2^52. Adding it rounds a number below 2^51 to an integer, which then stands in the low bits.
pub(crate) const MAGIC: f64 = 6_755_399_441_055_744.0;

/// The bits of 1.
const ONE: u64 = 0x3ff0_0000_0000_0000;

/// The bits of the largest double below sqrt(1/2).
const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcc;

/// A polynomial with coefficients of rising order, an even number of them: pairs, so that half of the work
/// can overlap, then Horner's rule in x^2.
#[inline(always)]
pub(crate) fn polynomial<A: Arithmetic, const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    const { assert!(N.is_multiple_of(2)) };
    let square = x * x;
    let (pairs, _) = coefficients.as_chunks::<2>();
    pairs
        .iter()
        .rev()
        .map(|[lo, hi]| A::mul_add(*hi, x, *lo))
        .reduce(|sum, pair| A::mul_add(sum, square, pair))
        .unwrap_or(0.0)
}

/// e^x for x <= 0.
///
/// Relative error below 1.9 u (1.1 ULP), absolute error of subnormal results below 1.5 of the smallest
/// subnormal. e^0 = 1, e^-inf = 0, NaN for NaN. Arguments above 0 are outside the domain: no stable form
/// of a loss has one.
///
/// x = k ln 2 + r with |r| <= ln(2)/2, e^x = 2^k (1 + (r + r^2 Q(r))). `LN2_HI` has 42 bits and k has
/// 11, so `k * LN2_HI` is exact, and so is its difference from x: both are multiples of the smaller
/// one's last place, and the difference is below 1/2. What remains: the rounding of r (u/4, as r is
/// below 1/2), of the inner sum (u/4) and of the outer one (u), the polynomial's own error and what
/// its roundings leave after multiplication by r^2 <= 0.121 (u/4 together).
///
/// ```
/// use trueloss::elementary::exp;
///
/// assert_eq!((exp(0.0), exp(-1.0)), (1.0, 0.36787944117144233));
/// assert_eq!(exp(f64::NEG_INFINITY), 0.0);
/// ```
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    out_of_line_without_f64!(|x: f64| -> f64 {
        // e^-746 is below half the smallest subnormal. The comparison lets a NaN through.
        let x = if x < -746.0 { -746.0 } else { x };
        let shifted = x * LOG2_E + MAGIC;
        let k = shifted - MAGIC;
        let r = (x - k * LN2_HI) - k * LN2_LO;
        let significand = 1.0 + (r + r * r * polynomial::<Plain, _>(&EXP, r));
        let (scale, unlift) = power_of_two(shifted);
        significand * scale * unlift
    })
}

/// 2^k by its bits, as two factors, for the k in the low bits of `shifted`. Where the result may be subnormal they are
/// 2^(k + 64) and 2^-64, so that it is rounded once. For products rather than sums of bits, so that a NaN stays one.
#[inline(always)]
pub(crate) fn power_of_two(shifted: f64) -> (f64, f64) {
    let subnormal = shifted - MAGIC < -960.0;
    let lift = if subnormal { 64 } else { 0 };
    let scale = f64::from_bits((shifted.to_bits().wrapping_add(lift) << 52).wrapping_add(ONE));
    let unlift = if subnormal {
        1.0 / 18_446_744_073_709_551_616.0
    } else {
        1.0
    };
    (scale, unlift)
}

/// log(1 + f) = f - s (f - R(s^2)), s = f / (2 + f): with the leading term exact, the error of a small
/// f's logarithm is that of its last subtraction.
#[inline(always)]
fn log_near_one<A: Arithmetic, const N: usize>(coefficients: &[f64; N], f: f64) -> f64 {
    if INTEGER {
        plain_log(coefficients, f)
    } else {
        log_formula::<A, N>(coefficients, f)
    }
}

/// See [`out_of_line_without_f64`], which knows no generic functions.
#[inline(never)]
fn plain_log<const N: usize>(coefficients: &[f64; N], f: f64) -> f64 {
    log_formula::<Plain, N>(coefficients, f)
}

#[inline(always)]
fn log_formula<A: Arithmetic, const N: usize>(coefficients: &[f64; N], f: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let rest = A::mul_add(-z, polynomial::<A, N>(coefficients, z), f);
    A::mul_add(-s, rest, f)
}

/// x = 2^e m with m in [sqrt(1/2), sqrt(2)), e as an integer, for a normal positive x.
///
/// At 0 it gives m = 1 and e = -1023: a logarithm of -709, finite, which the clamp of binary
/// cross-entropy at -100 takes care of.
#[inline(always)]
pub(crate) fn split_exponent(x: f64) -> (i64, f64) {
    const LIFT: u64 = 1024;
    // Lifted, so that it is positive: no vector unit before AVX-512 shifts the sign in.
    let lifted = x
        .to_bits()
        .wrapping_sub(SQRT_HALF + 1)
        .wrapping_add(LIFT << 52);
    let e = (lifted >> 52) as i64 - LIFT as i64;
    (
        e,
        f64::from_bits(x.to_bits().wrapping_sub((e << 52) as u64)),
    )
}

/// 2^-e.
#[inline(always)]
pub(crate) fn power_of_minus(e: i64) -> f64 {
    f64::from_bits(ONE.wrapping_sub((e << 52) as u64))
}

/// The integer as a double by its bits: no vector unit before AVX-512 has a conversion.
#[inline(always)]
pub(crate) fn to_double(e: i64) -> f64 {
    f64::from_bits(MAGIC.to_bits().wrapping_add(e as u64)) - MAGIC
}

/// e ln 2 + low, the logarithm put together again. Exact where e is 0.
#[inline(always)]
fn join(e: i64, lo: f64) -> f64 {
    let e = to_double(e);
    e * LN2_HI + (lo + e * LN2_LO)
}

/// ln x for a normal positive x.
///
/// Relative error below 4.5 u. ln 1 = 0. Zero and subnormal numbers give some finite number below -700;
/// infinities and NaN are outside the domain.
///
/// ```
/// use trueloss::elementary::log;
///
/// assert_eq!((log(1.0), log(2.0)), (0.0, core::f64::consts::LN_2));
/// ```
#[inline(always)]
pub fn log(x: f64) -> f64 {
    let (e, m) = split_exponent(x);
    join(e, log_near_one::<Plain, _>(&LOG, m - 1.0))
}

/// ln(1 + x) for x > -1, and for x = -1 some finite number below -700.
///
/// Relative error below 5.5 u. Subnormal x come back unchanged. NaN for NaN; +inf is outside the domain.
///
/// Where 1 + x is within [sqrt(1/2), sqrt(2)), x itself is the f of [`log`]'s formula, exact; elsewhere
/// the rounding error of 1 + x, scaled, goes back into f.
///
/// ```
/// use trueloss::elementary::log1p;
///
/// // ln(1 + 1e-20), where the sum is 1 and its logarithm 0.
/// assert_eq!((log1p(1e-20), log1p(1.0)), (1e-20, core::f64::consts::LN_2));
/// ```
#[inline(always)]
pub fn log1p(x: f64) -> f64 {
    let (sum, lost) = two_sum(1.0, x);
    let (e, m) = split_exponent(sum);
    let unscale = power_of_minus(e);
    let f = if e == 0 {
        x
    } else {
        (m - 1.0) + lost * unscale
    };
    join(e, log_near_one::<Plain, _>(&LOG, f))
}

/// ln(1 + t) for t in [0, 1]: [`log1p`] without the split, for the loops over elements.
///
/// Relative error below 3 u. ln(1 + 0) = 0, NaN for NaN.
///
/// ```
/// use trueloss::elementary::log1p_unit;
///
/// assert_eq!(log1p_unit(0.0), 0.0);
/// // Within 3 u: the neighbour of the nearest `f64`.
/// assert_eq!(log1p_unit(1.0), core::f64::consts::LN_2.next_up());
/// ```
#[inline(always)]
pub fn log1p_unit(t: f64) -> f64 {
    log1p_unit_with::<Plain>(t)
}

/// The same in the arithmetic of a fast path. Relative error below 3 u.
#[inline(always)]
pub(crate) fn log1p_unit_with<A: Arithmetic>(t: f64) -> f64 {
    log_near_one::<A, _>(&LOG1P_UNIT, t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::pair_elementary::exp_pair;

    /// sqrt(1/2) rounded down is below it, and so is its double below sqrt(2).
    #[test]
    fn numbers_are_split_at_the_root() {
        let root = f64::from_bits(SQRT_HALF);
        assert_eq!(split_exponent(root), (-1, 2.0 * root));
        assert_eq!(split_exponent(root.next_up()), (0, root.next_up()));
        assert_eq!(split_exponent(2.0 * root), (0, 2.0 * root));
        assert_eq!(split_exponent(f64::MIN_POSITIVE), (-1022, 1.0));
        assert_eq!(split_exponent(0.0), (-1023, 1.0));
    }

    /// Of 1 + x, whose last bits are lost, the logarithm is known to the last bit of its own.
    #[test]
    fn what_a_sum_with_one_loses_counts() {
        for (x, log) in [
            (1.0679235787918866, 0.7265450018008301),
            (1.1479436995718981, 0.7645109656755058),
            (1.1300378802783089, 0.7561397637314174),
            (1.0010649173215207, 0.6936794975148923),
        ] {
            assert_eq!(log1p(x), log);
        }
    }

    /// e^(x + low) is e^x (1 + low) for a low part so small.
    #[test]
    fn the_low_part_of_an_argument_counts() {
        let lo = 2_f64.powi(-46);
        for x in [-3.0, -40.5, -123.4] {
            for lo in [lo, -lo] {
                let expected = exp(x) * (1.0 + lo);
                let error = exp_pair(x, lo).0 / expected - 1.0;
                assert!(error.abs() < 3.0 * f64::EPSILON, "{x} {lo:e}: {error:e}");
            }
        }
    }

    /// What is left of a subnormal exponential's low part is no part of it.
    #[test]
    fn subnormal_exponentials_have_no_low_part() {
        for x in [-708.5, -720.3, -744.0] {
            let (hi, lo) = exp_pair(x, 0.0);
            assert!(0.0 < hi && hi < f64::MIN_POSITIVE);
            // +0: with a high part of 0 its opposite is -0.
            assert_eq!(lo.to_bits(), 0, "{x}");
        }
        assert_ne!(exp_pair(-700.1, 0.0).1, 0.0);
    }
}
