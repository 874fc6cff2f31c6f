//! Functions of one argument on runs of consecutive `f32`, as Taylor expansions whose first coefficient is from MPFR:
//! what a sweep over all inputs compares answers with.
//!
//! # Why the expansions can be trusted
//!
//! Let s = sigma(x), q = sigma(-x) = 1 - s, and |d| <= 2^-9 for every x + d of a run about x. From s' = s q and
//! q' = -s q follow the series of s and q: with s = sum a_k d^k, q = sum b_k d^k,
//!
//! ```text
//! (k + 1) a_(k+1) = sum over i of a_i b_(k-i),    b_(k+1) = -a_(k+1),
//! ```
//!
//! and every function here is one of them, a derivative or an integral of one, or the negative of that.
//!
//! **Truncation.** sigma has its poles at odd multiples of i pi. On a circle of radius 2 about x <= 0, w = exp(x + z) has
//! an argument of at most 2, so |1 + w| >= sin 2 > 0.909 and |sigma(x + z)| = |w / (1 + w)| <= e^2 e^x / 0.909 <=
//! 16.3 sigma(x). By Cauchy's estimate |a_n| <= 16.3 m / 2^n, for m = min(s, q); for x > 0 the same holds with q in place
//! of s, as |a_n| = |b_n| for n >= 1. With terms up to d^5 what is left out is, relative to the function:
//! - s and q: 16.3 * 2^-60 * 1.01 < 2^-55;
//! - s q = sum (n + 1) a_(n+1) d^n, which is at least m / 2: 16.3 * 7 * 2^-60 * 1.01 < 2^-53;
//! - softplus, whose coefficients are a_(n-1) / n, and which is at least s: 16.3 * 2^-59 / 6 < 2^-57; likewise
//!   softplus(-x) with q.
//!
//! **Arithmetic.** The first coefficient has one rounding to f64 (u = 2^-53, counted twice, for the enclosure's width).
//! |c_1 d| <= 2^-9 |c_0| for each function (c_1 / c_0 is q, -s, q - s, s / softplus(x) <= 1), and the terms after it are
//! smaller still, so that the errors of the other coefficients and of all but the last operation, a dozen u at most, count
//! 2^-5 u; the last addition adds u. With the truncation: below 5 u < 2^-50, of which 2^-45 is the margin, as in
//! [`crate::filter`].
//!
//! **Far out**, from |x| = 128 on, sigma(-|x|) < 2^-184 is below half the smallest `f32`: there the functions are 0, 1,
//! x or 0 with a relative error, or an absolute one next to 0, of no account, and no `f32` can be told from that.

use crate::filter::{self, OneArgument};
use crate::ulp::Format;

/// Coefficients of an expansion.
const TERMS: usize = 6;

/// How many inputs a run has at most: 2^16.
const LONGEST_RUN_BITS: u32 = 16;

/// From 2^FAR on nothing but limits is left.
const FAR: i32 = 7;

/// Bits for the coefficient that MPFR gives.
const PRECISION: u32 = 80;

/// The length of the run which begins at the `f32` of these bits, as a power of two: all its numbers have one sign and one
/// exponent, and lie within 2^-9 of the middle, or far out. `None` for infinities and NaN.
///
/// Runs are as long as they may be, up to 2^16, and begin at multiples of their length.
fn run_bits(bits: u32) -> Option<u32> {
    let exponent = (bits >> 23 & 0xff) as i32 - 127;
    // An ULP is 2^(exponent - 23), and half the run is to be 2^-9.
    let within = 15 - exponent;
    match exponent {
        128 => None,
        FAR.. => Some(LONGEST_RUN_BITS),
        _ => Some(within.cast_unsigned().min(LONGEST_RUN_BITS)),
    }
}

/// A function on a run of inputs.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    middle: f64,
    coefficients: [f64; TERMS],
}

impl Expansion {
    /// Of the function about `middle`.
    pub fn new(function: OneArgument, middle: f32) -> Self {
        let coefficients = if middle.abs() < 2_f32.powi(FAR) {
            near(function, middle)
        } else {
            far(function, middle)
        };
        Self {
            middle: f64::from(middle),
            coefficients,
        }
    }

    /// The value, with a relative error below 2^-50.
    #[inline(always)]
    pub fn at(&self, x: f64) -> f64 {
        // Two f32 of one exponent: exact.
        let d = x - self.middle;
        let [c0, c1, c2, c3, c4, c5] = self.coefficients;
        c0 + d * (c1 + d * (c2 + d * (c3 + d * (c4 + d * c5))))
    }
}

/// The nearest f64, or one next to it.
fn constant(function: OneArgument, x: f32) -> f64 {
    function
        .exact(x, PRECISION)
        .number()
        .expect("a finite argument has a finite value")
        .approximate()
}

fn near(function: OneArgument, x: f32) -> [f64; TERMS] {
    let mut a = [0.0; TERMS + 1];
    let mut b = [0.0; TERMS + 1];
    a[0] = constant(OneArgument::Sigmoid, x);
    b[0] = constant(OneArgument::LogSigmoidDerivative, x);
    for k in 0..TERMS {
        let product: f64 = (0..=k).map(|i| a[i] * b[k - i]).sum();
        a[k + 1] = product / (k + 1) as f64;
        b[k + 1] = -a[k + 1];
    }
    let integral = |series: &[f64; TERMS + 1], n: usize| series[n - 1] / n as f64;
    let mut coefficients = [0.0; TERMS];
    for (n, c) in coefficients.iter_mut().enumerate().skip(1) {
        *c = match function {
            OneArgument::Sigmoid => a[n],
            OneArgument::LogSigmoidDerivative => b[n],
            OneArgument::NegLogSigmoidDerivative => -b[n],
            OneArgument::SigmoidDerivative => (n + 1) as f64 * a[n + 1],
            OneArgument::Softplus => integral(&a, n),
            OneArgument::LogSigmoid => integral(&b, n),
            OneArgument::NegLogSigmoid => -integral(&b, n),
        };
    }
    coefficients[0] = constant(function, x);
    coefficients
}

fn far(function: OneArgument, x: f32) -> [f64; TERMS] {
    let positive = x > 0.0;
    let line = |slope: f64| [slope * f64::from(x), slope, 0.0, 0.0, 0.0, 0.0];
    let level = |value: f64| [value, 0.0, 0.0, 0.0, 0.0, 0.0];
    match (function, positive) {
        (OneArgument::Sigmoid, true) | (OneArgument::LogSigmoidDerivative, false) => level(1.0),
        (OneArgument::NegLogSigmoidDerivative, false) => level(-1.0),
        (OneArgument::Softplus, true) | (OneArgument::LogSigmoid, false) => line(1.0),
        (OneArgument::NegLogSigmoid, false) => line(-1.0),
        _ => level(0.0),
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Inputs that the expansion left to the enclosure.
    pub undecided: u64,
    /// Inputs to which an answer is not correctly rounded.
    pub wrong: u64,
    /// The first of them: x, the answer and the right one.
    pub first_wrong: Option<[f32; 3]>,
    /// The largest distance of an answer from the exact value, in ULP; infinite where a class is wrong.
    pub worst_ulp: f64,
    /// Where that was.
    pub worst_at: f32,
}

impl Found {
    /// An input that the loop over many of them left aside. `right` is the correctly rounded value, if that is known.
    #[cold]
    fn judge(&mut self, function: OneArgument, x: f32, right: Option<f32>, answers: [f32; 2]) {
        let right = right.unwrap_or_else(|| {
            self.undecided += 1;
            filter::by_enclosure(function, x)
        });
        let mut wrong = answers.iter().filter(|&&answer| !answer.is_same(right));
        if let Some(&answer) = wrong.next() {
            self.wrong += 1;
            self.first_wrong.get_or_insert([x, answer, right]);
            self.at_worst(x, filter::error_in_ulp(function, x, answer));
        }
    }

    fn at_worst(&mut self, x: f32, ulp: f64) {
        if ulp > self.worst_ulp {
            (self.worst_ulp, self.worst_at) = (ulp, x);
        }
    }
}

/// Compares two answers to each of the `f32` with the bits `first`, `first` + 1, … with the correctly rounded value:
/// those of the reference formula, and those of the methods for slices.
///
/// # Panics
///
/// If `first` and the number of answers are not multiples of the runs' lengths there, for which a multiple of 2^16 will do.
pub fn compare(function: OneArgument, first: u32, answers: [&[f32]; 2]) -> Found {
    let mut found = Found::default();
    let mut done = 0;
    let len = answers[0].len();
    assert_eq!(answers[1].len(), len);
    while done < len {
        let bits = first + done as u32;
        let Some(run) = run_bits(bits) else {
            for (i, (&a, &b)) in answers[0].iter().zip(answers[1]).enumerate().skip(done) {
                let x = f32::from_bits(first + i as u32);
                found.judge(function, x, x.is_nan().then_some(x), [a, b]);
            }
            return found;
        };
        let run = 1 << run;
        assert!(
            (bits as usize).is_multiple_of(run) && done + run <= len,
            "not a whole run"
        );
        let expansion = Expansion::new(function, f32::from_bits(bits + run as u32 / 2));
        let [a, b] = answers.map(|answers| answers[done..done + run].as_chunks().0);
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            let bits = bits + (i * BLOCK) as u32;
            let (aside, worst) = block(&expansion, bits, [a, b], found.worst_ulp);
            if aside || worst {
                one_by_one(&mut found, function, &expansion, bits, [a, b]);
            }
        }
        done += run;
    }
    found
}

/// Inputs that are compared before anyone asks how it went.
const BLOCK: usize = 64;

/// 2^-45 of a value, in ULP of an f32: at most 2^24 of them.
const MARGIN: f64 = 1.0 / (1 << 21) as f64;

/// The f32 nearest to r, and its distance in ULP of r: exact, but for overflow, where it is infinite. A rounding boundary
/// is near where it is close to 1/2.
#[inline(always)]
fn rounded(r: f64) -> (f32, f64) {
    const SMALLEST_NORMAL: u64 = 1023 - 126;
    let exponent = (r.to_bits() >> 52 & 0x7ff).max(SMALLEST_NORMAL);
    let per_ulp = f64::from_bits((2 * 1023 + 23 - exponent) << 52);
    let right = r as f32;
    (right, (f64::from(right) - r).abs() * per_ulp)
}

/// Whether one of the answers has to be looked at by itself, and whether there is a worse distance than `worst`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn block(
    expansion: &Expansion,
    first: u32,
    answers: [&[f32; BLOCK]; 2],
    worst: f64,
) -> (bool, bool) {
    let (mut aside, mut worse) = (0_u64, 0_u64);
    for (i, (&a, &b)) in answers[0].iter().zip(answers[1]).enumerate() {
        let x = f32::from_bits(first + i as u32);
        let (right, distance) = rounded(expansion.at(f64::from(x)));
        let wrong = (a != right) | (b != right);
        // No comparison with NaN is true, and there is none where a function of a number has a value.
        aside |= u64::from(wrong) | u64::from(distance > 0.5 - MARGIN);
        worse |= u64::from(distance > worst);
    }
    (aside != 0, worse != 0)
}

#[cold]
fn one_by_one(
    found: &mut Found,
    function: OneArgument,
    expansion: &Expansion,
    first: u32,
    answers: [&[f32; BLOCK]; 2],
) {
    for (i, (&a, &b)) in answers[0].iter().zip(answers[1]).enumerate() {
        let x = f32::from_bits(first + i as u32);
        let answers = [a, b];
        let (right, distance) = rounded(expansion.at(f64::from(x)));
        if distance > 0.5 - MARGIN {
            found.judge(function, x, None, answers);
        } else if answers != [right; 2] {
            found.judge(function, x, Some(right), answers);
        }
        if distance.is_finite() {
            found.at_worst(x, distance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;
    use crate::interval::Interval;

    /// Inputs of every run length, both signs, at the ends of runs and within; and far out.
    fn inputs() -> impl Iterator<Item = f32> {
        let ends = (0..=0xfe_u32).flat_map(|exponent| {
            let first = exponent << 23;
            let run = 1 << run_bits(first).expect("a number");
            [0, 1, run / 2, run - 1, run, (1 << 23) - 1].map(|offset| first + offset)
        });
        ends.flat_map(|bits| [bits, bits | 1 << 31])
            .map(f32::from_bits)
            .chain(generate::spread(0, 1 << 12))
            .filter(|x| x.is_finite())
    }

    fn expansion_at(function: OneArgument, x: f32) -> Expansion {
        let run = 1 << run_bits(x.to_bits()).expect("a number");
        Expansion::new(
            function,
            f32::from_bits((x.to_bits() & !(run - 1)) + run / 2),
        )
    }

    #[test]
    fn expansions_are_within_their_bound() {
        for function in OneArgument::ALL {
            for x in inputs() {
                let value = expansion_at(function, x).at(f64::from(x));
                let exact = function.exact(x, 160);
                let exact = exact.number().expect("a number");
                if exact.magnitude() < 2_f64.powi(-180) {
                    assert_eq!(value as f32, 0.0, "{} of {x:e}", function.name());
                    continue;
                }
                let error = (Interval::from_f64(value, 160) - exact) / exact;
                assert!(
                    error.magnitude() <= 2_f64.powi(-50),
                    "{} of {x:e}: 2^{:.1}",
                    function.name(),
                    error.magnitude().log2()
                );
            }
        }
    }

    #[test]
    fn runs_keep_to_their_width() {
        for bits in (0..0x7f80_0000_u32).step_by(1 << 9) {
            let run = 1 << run_bits(bits).expect("a number");
            let first = bits & !(run - 1);
            let [a, m, b] = [first, first + run / 2, first + run - 1].map(f32::from_bits);
            assert!(a.abs() >= 128.0 || f64::from(m) - f64::from(a) <= 2_f64.powi(-9));
            assert!(a.abs() >= 128.0 || f64::from(b) - f64::from(m) <= 2_f64.powi(-9));
        }
    }

    /// All answers right, or one of them changed by one in the last place, in either slice: near a tie and away from one.
    #[test]
    fn a_wrong_answer_is_found() {
        let function = OneArgument::Softplus;
        // The inputs around the one nearest to a tie of all.
        let first = 0x39ea_0000;
        let inputs: Vec<f32> = (0..1 << 16).map(|i| f32::from_bits(first + i)).collect();
        let right: Vec<f32> = inputs
            .iter()
            .map(|&x| filter::correctly_rounded(function, x).0)
            .collect();
        let found = compare(function, first, [&right, &right]);
        assert_eq!((found.wrong, found.first_wrong), (0, None));
        assert!(found.undecided >= 1);
        assert!(found.worst_ulp > 0.499_999 && found.worst_ulp <= 0.5);
        for at in [0, 0x41d0, 0xffff] {
            let mut wrong = right.clone();
            wrong[at] = wrong[at].next_up();
            for answers in [[&wrong, &right], [&right, &wrong]] {
                let found = compare(function, first, answers.map(|a| &a[..]));
                assert_eq!(found.wrong, 1);
                assert_eq!(found.first_wrong, Some([inputs[at], wrong[at], right[at]]));
                assert!(found.worst_ulp > 0.5);
            }
        }
    }

    #[test]
    fn no_number_for_nan_and_nan_for_no_number() {
        let (infinity, nan) = (0x7f80_0000, f32::NAN);
        let mut answers = vec![nan; 1 << 16];
        answers[0] = 1.0;
        let found = compare(OneArgument::Sigmoid, infinity, [&answers, &answers]);
        assert_eq!(found.wrong, 0);
        let mut number = answers.clone();
        number[7] = 1.0;
        let found = compare(OneArgument::Sigmoid, infinity, [&answers, &number]);
        assert_eq!(found.wrong, 1);
        let ones = 0x3f80_0000;
        let mut answers: Vec<f32> = (0..1 << 16)
            .map(|i| filter::correctly_rounded(OneArgument::Sigmoid, f32::from_bits(ones + i)).0)
            .collect();
        answers[9] = nan;
        let found = compare(OneArgument::Sigmoid, ones, [&answers, &answers]);
        assert_eq!(found.wrong, 1);
        assert!(found.worst_ulp.is_infinite());
    }
}
