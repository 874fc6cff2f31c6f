//! exp, log and log1p of pairs of `f64`.
//!
//! Below, u = 2^-53 is the largest relative error of one rounding.

use crate::machine::out_of_line_without_f64;
use crate::number::arithmetic::Plain;
use crate::number::elementary::{
    EXP, LN2_HI, LN2_LO, LOG, LOG2_E, MAGIC, polynomial, power_of_minus, power_of_two,
    split_exponent, to_double,
};
use crate::number::error_free::{fast_two_sum, two_sum};
use crate::number::pair::{Pair, leading_quotient};

/// e^(x + low) as a pair, for x <= 0 and a `lo` that is at most an ULP of x: what was lost where a difference or product
/// was rounded to x.
///
/// Relative error below 0.1 u. Where the result is below 2^-960, each of the two parts is a multiple of 2^-1074: the low
/// one is off by up to half of that. A subnormal result is the high part alone, which is off by no more: both together
/// would be by twice that.
///
/// r is a pair too: r + r_low. Its bits down to 2^-25, `leading`, have a square that is a multiple of 2^-50, so
/// that 1 + leading + leading^2 / 2 is exact. With rest = r + r_low - leading, below 2^-25.9, and Q'(r) = Q(r) - 1/2, the
/// rest of 1 + r + r^2 Q(r) is rest (1 + leading + rest / 2) + r^2 Q'(r). In units of u, of an e^r of at least 0.707:
/// - the polynomial's own error: 0.034;
/// - r^2 Q'(r) is at most 0.0091 e^r, and takes 4.4 roundings: one for the square, one for the product, and of Q' one
///   for its last sum, one for c1 r, and of the terms above, which are less than a tenth of it, four: 0.040;
/// - it is evaluated at r, not at r + r_low, which is up to u / 4 away, and has a slope of at most 0.076 e^r there: 0.019;
/// - the last sum, below 2^-7, rounds at 2^-61: 0.006.
#[inline(always)]
pub(crate) fn exp_pair(x: f64, lo: f64) -> (f64, f64) {
    out_of_line_without_f64!(|x: f64, lo: f64| -> (f64, f64) {
        /// Q'.
        const TAIL: [f64; 10] = {
            let mut tail = EXP;
            tail[0] -= 0.5;
            tail
        };
        /// 1.5 * 2^27. Adding it rounds a number below 2^26 to a multiple of 2^-25.
        const GRID: f64 = 201_326_592.0;
        let (x, lo) = if x < -746.0 { (-746.0, 0.0) } else { (x, lo) };
        let shifted = x * LOG2_E + MAGIC;
        let k = shifted - MAGIC;
        // Where the second is the larger one, both are below 2^-33, and what this loses is 2^-86.
        let (a, b) = (x - k * LN2_HI, k * LN2_LO - lo);
        let (r, r_low) = fast_two_sum(a, -b);
        let leading = (r + GRID) - GRID;
        let rest = (r - leading) + r_low;
        let hi = 1.0 + (leading + leading * (0.5 * leading));
        let lo = rest + rest * (leading + 0.5 * rest) + r * r * polynomial::<Plain, _>(&TAIL, r);
        let (hi, lo) = fast_two_sum(hi, lo);
        let (scale, unlift) = power_of_two(shifted);
        let hi = hi * scale * unlift;
        let lo = lo * scale * unlift;
        (hi, if hi < f64::MIN_POSITIVE { 0.0 } else { lo })
    })
}

/// e ln 2 + ln(1 + f) as a pair, for an f from sqrt(1/2) - 1 to sqrt(2) - 1.
///
/// Relative error below 0.09 u.
///
/// With s = f / (2 + f), f - s f is 2 s, so that the formula above is log(1 + f) = 2 s + s z P(z). Here 2 s, as
/// f / (1 + f / 2), is known to 2^-74. s z P(z) is at most 0.0099 of the logarithm, and takes some 7 roundings: one for s,
/// three for z, one for P's last sum and a fifth of one for its others, two products; and the sum with what is left of
/// 2 s takes one more. Where e is not 0, the logarithm is larger than its part of f, and e ln 2 is exact to 2^-91.
#[inline(always)]
fn log_of_parts(e: i64, f: Pair) -> (f64, f64) {
    out_of_line_without_f64!(|e: i64, f: Pair| -> (f64, f64) {
        let half = 0.5 * f.hi;
        let (one_and_half, lost) = fast_two_sum(1.0, half);
        let denominator = Pair::new((one_and_half, lost + 0.5 * f.lo));
        let (leading, rest) = leading_quotient(f, denominator);
        let s = 0.5 * (leading + rest);
        let z = s * s;
        let tail = rest + s * (z * polynomial::<Plain, _>(&LOG, z));
        let e = to_double(e);
        let (hi, lost) = fast_two_sum(e * LN2_HI, leading);
        fast_two_sum(hi, lost + (tail + e * LN2_LO))
    })
}

/// [`log`](crate::number::elementary::log) as a pair. Relative error below 0.09 u.
#[inline(always)]
pub(crate) fn log_pair(x: f64) -> (f64, f64) {
    let (e, m) = split_exponent(x);
    log_of_parts(e, Pair::from(m - 1.0))
}

/// [`log1p`](crate::number::elementary::log1p) of a pair, as a pair, for an x that has no low part where it is negative. Relative error below 0.09 u.
#[inline(always)]
pub(crate) fn log1p_pair(x: Pair) -> (f64, f64) {
    let (sum, lost) = two_sum(1.0, x.hi);
    let (e, m) = split_exponent(sum);
    let scaled = fast_two_sum(m - 1.0, (lost + x.lo) * power_of_minus(e));
    let f = if e == 0 { x } else { Pair::new(scaled) };
    log_of_parts(e, f)
}
