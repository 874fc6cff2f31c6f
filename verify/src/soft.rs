//! The gradient of binary cross-entropy at soft targets, where it is hardest: sigma(x) - y for every `f32` x and the
//! targets next to sigma(x).
//!
//! A target that is not the `f32` nearest to sigma(x) leaves at least 2^-26 of the two terms; there what `bce_with_logits.rs`
//! derives is far below an ULP. So one dimension stands for all 2^64 pairs. The tests try the next targets, too.
//!
//! The judge is in integers: t = exp(-|x|) with 127 bits after its leading zeros, from a table by MPFR and a series in
//! fixed point. What it can't place beside the bound goes to MPFR.

use std::ops::Range;
use std::sync::OnceLock;

use rug::{Assign, Float};
use trueloss::bce_with_logits::gradient;

use crate::case::{self, Dtype};
use crate::claims::{NEAR, Outcome};
use crate::oracle;
use crate::ulp;

/// Beyond it sigma(x) is nearer to 0 than to the smallest `f32`, or to 1 than to any other.
const LARGEST: f32 = 104.0;

/// Below it sigma(x) = 1/2 + x/4 within 2^-56 of x/4, and 1/2 is its only neighbour that the terms nearly cancel at.
const LINEAR_BELOW: f32 = 1.0 / (1 << 26) as f32;

/// The bound, in ULP.
const BOUND: f64 = NEAR.ulp;

/// What the judge leaves to MPFR: 2^-20 ULP around the bound, where it is itself off by less, see [`reference`].
const MARGIN: f64 = 1.0 / (1 << 20) as f64;

/// How far apart the arguments in the table are: 2^-8.
const STEP_BITS: u32 = 8;

/// Tables of exp(-i/256) = significand 2^-(126 + exponent), with 127 significant bits, and of 2^127 / n!.
struct Tables {
    exp: Vec<(u128, u32)>,
    factorials: [u128; 13],
}

impl Tables {
    fn get() -> &'static Self {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(|| {
            let entries = (LARGEST as u32 + 1) << STEP_BITS;
            let mut value = Float::new(256);
            let exp = (0..entries)
                .map(|i| {
                    value.assign(-f64::from(i) / f64::from(1 << STEP_BITS));
                    value.exp_mut();
                    // The first is 1 = 1/2 2^1.
                    let exponent = value.get_exp().unwrap_or(0);
                    let scaled = Float::with_val(256, &value << (127 - exponent));
                    let significand = scaled.to_integer().and_then(|x| x.to_u128());
                    (significand.unwrap_or(0), (1 - exponent) as u32)
                })
                .collect();
            let mut factorial = 1;
            let factorials = std::array::from_fn(|n| {
                factorial *= n.max(1) as u128;
                (1 << 127) / factorial
            });
            Tables { exp, factorials }
        })
    }
}

/// The upper 128 of the 256 bits of a product, less up to 3.
fn mul_high(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    a1 * b1 + ((a1 * b0) >> 64) + ((a0 * b1) >> 64)
}

/// exp(-a) for an `f32` a from [`LINEAR_BELOW`] to [`LARGEST`]: a number from 1/2 to 2 in units of 2^-125, within 8 of them,
/// and the exponent of the power of 1/2 that it is to be multiplied by.
///
/// a = i/256 + r, exactly, in units of 2^-50. The series of e^-r has 13 terms, the next one is below 2^-136; each step
/// loses up to 4 of its units of 2^-127, and the next one multiplies that by r < 2^-8.
fn exp(a: f32, tables: &Tables) -> (u128, u32) {
    let fixed = (f64::from(a) * 2_f64.powi(50)) as u64;
    let (i, r) = (
        fixed >> (50 - STEP_BITS),
        fixed & ((1 << (50 - STEP_BITS)) - 1),
    );
    let r = u128::from(r) << 78;
    let mut sum = 0;
    for &coefficient in tables.factorials.iter().rev() {
        sum = coefficient - mul_high(r, sum);
    }
    let (significand, exponent) = tables.exp[i as usize];
    (mul_high(significand, sum), exponent)
}

/// sigma(x) - y in `f64`, and how far that may be off, in ULP of an `f32`.
///
/// N = (1 - y) - y t or (1 - y) t - y in integers: units are 2^-100, or with the exponent of t 2^-(100 + k), of which t loses one
/// and the product with y another. The quotient and the conversions are within 4 2^-53 of themselves.
fn reference(x: f32, y: f32, tables: &Tables) -> (f64, f64) {
    let unit = 2_f64.powi(-100);
    if x.abs() < LINEAR_BELOW {
        let value = f64::from(x) / 4.0 + (0.5 - f64::from(y));
        return (value, MARGIN / 4.0);
    }
    let (t, k) = exp(x.abs(), tables);
    let t = t >> 25;
    // y = bits 2^-shift.
    let exponent = (y.to_bits() >> 23).max(1);
    let bits = u128::from(y.to_bits() & 0x7f_ffff | u32::from(y.is_normal()) << 23);
    let shift = 150 - exponent;
    let times_y = |x: u128| (x * bits).checked_shr(shift).unwrap_or(0);
    let (numerator, scale) = if x >= 0.0 {
        let t = t.checked_shr(k).unwrap_or(0);
        let one = 1 << 100;
        // y is at least 2^-2, so that shift is at most 25.
        (
            (one - (bits << (100 - shift))) as i128 - times_y(t) as i128,
            1.0,
        )
    } else {
        // y is not far from t, so that y 2^k is below 2^2.
        let y = if shift >= 100 + k {
            bits >> (shift - 100 - k)
        } else {
            bits << (100 + k - shift)
        };
        (
            (t - times_y(t)) as i128 - y as i128,
            2_f64.powi(-(k as i32)),
        )
    };
    let t = t as f64 * unit * 2_f64.powi(-(k as i32));
    let value = numerator as f64 * unit * scale / (1.0 + t);
    let relative = 2_f64.powi(-50) + 4.0 / numerator.unsigned_abs() as f64;
    (value, relative * value.abs() / ulp::of_f32(value))
}

/// The targets to try: the two `f32` next to sigma(x), and one more, without 0 and 1, which cancel nothing.
fn targets(x: f32) -> impl Iterator<Item = f32> {
    let t = libm::exp(-f64::from(x).abs());
    let sigma = if x >= 0.0 {
        1.0 / (1.0 + t)
    } else {
        t / (1.0 + t)
    };
    let nearest = sigma as f32;
    let around = if x.abs() < LINEAR_BELOW { 0..1 } else { 0..3 };
    let y = around.map(move |i| match i {
        0 => nearest,
        1 => nearest.next_down(),
        _ => nearest.next_up(),
    });
    y.filter(|&y| 0.0 < y && y < 1.0)
}

/// Judges the gradient for every x with these bits, of both signs, up to 104 in magnitude, and the target nearest to sigma(x).
pub fn sweep_part(bits: Range<u32>) -> Outcome {
    let tables = Tables::get();
    let mut outcome = Outcome::default();
    for x in bits.map(f32::from_bits).filter(|x| x.abs() <= LARGEST) {
        for y in targets(x).take(1) {
            let got = gradient::<f32>(x.into(), y.into(), 1.0) as f32;
            judge(&mut outcome, x, y, got, tables);
        }
    }
    outcome
}

fn judge(outcome: &mut Outcome, x: f32, y: f32, got: f32, tables: &Tables) {
    let (value, uncertain) = reference(x, y, tables);
    let mut error = (f64::from(got) - value).abs() / ulp::of_f32(value);
    outcome.inputs += 1;
    let mut within = error <= BOUND - MARGIN;
    // A NaN is uncertain.
    if !(uncertain <= MARGIN && (error - BOUND).abs() > MARGIN) {
        outcome.enclosures += 1;
        let exact = |prec| {
            vec![oracle::bce_with_logits_gradient(
                x.into(),
                y.into(),
                1.0,
                prec,
            )]
        };
        if let [judged] = ulp::measure(&[got], exact)[..] {
            error = judged.ulp;
            within = judged.within(BOUND, 0.0);
        }
    }
    if error > outcome.worst_ulp {
        outcome.worst_ulp = error;
        outcome.worst_at = case::place(&[("x", x.into()), ("y", y.into())], Dtype::F32);
    }
    if !within {
        if outcome.failures == 0 {
            outcome.first_failure = format!("x = {x:e}, y = {y:e}, got {got:e}, exact {value:e}");
        }
        outcome.failures += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of both signs and every magnitude up to [`LARGEST`].
    fn arguments(count: u32) -> impl Iterator<Item = f32> {
        (0..count)
            .map(|i| f32::from_bits(i.wrapping_mul(0x9e37_79b1)))
            .filter(|x| x.abs() <= LARGEST)
    }

    /// The judge's value, and how far it says that it may be off, against MPFR.
    #[test]
    fn the_judge_is_as_near_as_it_says() {
        let tables = Tables::get();
        let mut compared = 0;
        for x in arguments(20_000) {
            for y in targets(x) {
                let (value, uncertain) = reference(x, y, tables);
                let exact = oracle::bce_with_logits_gradient(x.into(), y.into(), 1.0, 256);
                let oracle::Value::Number(exact) = exact.value else {
                    panic!("{x:e}, {y:e}: no number");
                };
                let difference = exact - &crate::interval::Interval::from_f64(value, 256);
                let error = difference.magnitude() / ulp::of_f32(value);
                assert!(
                    error <= uncertain,
                    "{x:e}, {y:e}: {error:e} > {uncertain:e}"
                );
                compared += 1;
            }
        }
        assert!(compared > 10_000);
    }

    #[test]
    fn a_sample_passes_and_what_is_wrong_does_not() {
        let mut outcome = Outcome::default();
        for first in (0..=u32::MAX).step_by(1 << 21) {
            outcome = outcome.and(sweep_part(first..first + 4));
        }
        assert!(outcome.passes() && outcome.inputs > 1500, "{outcome:?}");
        assert!(outcome.enclosures < outcome.inputs / 10, "{outcome:?}");
        // The plain formula, where all its digits cancel; and neighbours of the right answer.
        let (x, tables) = (f32::from_bits(0x3d91_300f), Tables::get());
        let y = targets(x).next().unwrap();
        let right = gradient::<f32>(x.into(), y.into(), 1.0) as f32;
        for (got, wrong) in [
            (right, 0),
            (0.0, 1),
            (right.next_up(), 1),
            (right.next_down(), 1),
            (-right, 1),
            (f32::NAN, 1),
        ] {
            let mut outcome = Outcome::default();
            judge(&mut outcome, x, y, got, tables);
            assert_eq!(outcome.failures, wrong, "{got:e}");
        }
    }
}
