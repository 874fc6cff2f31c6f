//! Error-free transformations: a sum or product of two `f64` and its rounding error.

use crate::machine::out_of_line_without_f64;

/// a + b = high + low exactly (Knuth), where nothing overflows.
#[inline(always)]
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let hi = a + b;
    let b_part = hi - a;
    let a_part = hi - b_part;
    (hi, (a - a_part) + (b - b_part))
}

/// The same for |a| >= |b|, or an a of 0 (Dekker).
#[inline(always)]
pub(crate) fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let hi = a + b;
    (hi, b - (hi - a))
}

/// The 26 leading bits of a number, and its other 27. On the bits, so that nothing can overflow.
#[inline(always)]
pub(crate) fn split_bits(x: f64) -> (f64, f64) {
    let leading = leading_bits(x);
    (leading, x - leading)
}

#[inline(always)]
pub(crate) fn leading_bits(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & 0xffff_ffff_f800_0000)
}

/// a * b = high + low (Dekker). Only the product of the trailing parts may round, at 2^-106.
#[inline(always)]
pub(crate) fn two_product(a: f64, b: f64) -> (f64, f64) {
    out_of_line_without_f64!(|a: f64, b: f64| -> (f64, f64) {
        let hi = a * b;
        let ((a1, a2), (b1, b2)) = (split_bits(a), split_bits(b));
        (hi, ((a1 * b1 - hi) + a1 * b2 + a2 * b1) + a2 * b2)
    })
}
