//! The correctly rounded value of a function of one f32 argument, fast enough for all 2^32 of them.
//!
//! A reference in f64 decides nearly every argument; one whose reference lies too near to a rounding boundary of f32
//! is decided by the enclosure of [`crate::oracle`].
//!
//! # Why the filter can be trusted
//!
//! `libm` states at most 1 ULP, a relative error u = 2^-52, for exp and log1p; each operation of f64 adds at most
//! u/2. With t = exp(-|x|), all quantities positive, so that no error is amplified by cancellation:
//! - 1 + t: t's error counts t/(1+t) <= 1/2 of itself, so u; 1/(1+t): 1.5 u; t/(1+t): 1 + 0.5 + 0.5 = 2 u at most;
//! - t/(1+t)^2: 1 u of t (its share in the denominator has the opposite sign), 3 roundings and one more of 1+t
//!   counted twice: 3 u;
//! - ln(1+t): the relative error of t counts at most once (t/((1+t) ln(1+t)) <= 1): 2 u; x + ln(1+t): 2.5 u.
//!
//! All are below 8 u = 2^-49. t is subnormal or zero, and has no relative error to speak of, only for |x| > 708,
//! where every result that is not dominated by another term is below 2^-1000 and rounds to 0 in f32.
//! The filter leaves 2^-45, sixteen times as much; [`audit`] measures the reference against the enclosure.

use crate::interval::Interval;
use crate::oracle::{self, Value};
use crate::ulp::{self, FIRST_PREC, Format, LAST_PREC, round};

/// A function of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OneArgument {
    /// sigma(x); also the derivative of softplus, and of BCE-with-logits on a label 0.
    Sigmoid,
    /// sigma(x) sigma(-x).
    SigmoidDerivative,
    /// ln sigma(x).
    LogSigmoid,
    /// sigma(-x).
    LogSigmoidDerivative,
    /// ln(1 + exp(x)); also BCE-with-logits on a label 0.
    Softplus,
    /// -ln sigma(x) = softplus(-x): BCE-with-logits on a label 1.
    NegLogSigmoid,
    /// -sigma(-x), the derivative of [`OneArgument::NegLogSigmoid`].
    NegLogSigmoidDerivative,
}

impl OneArgument {
    /// All of them.
    pub const ALL: [OneArgument; 7] = [
        OneArgument::Sigmoid,
        OneArgument::SigmoidDerivative,
        OneArgument::LogSigmoid,
        OneArgument::LogSigmoidDerivative,
        OneArgument::Softplus,
        OneArgument::NegLogSigmoid,
        OneArgument::NegLogSigmoidDerivative,
    ];

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            OneArgument::Sigmoid => "sigmoid",
            OneArgument::SigmoidDerivative => "sigmoid derivative",
            OneArgument::LogSigmoid => "log_sigmoid",
            OneArgument::LogSigmoidDerivative => "log_sigmoid derivative",
            OneArgument::Softplus => "softplus",
            OneArgument::NegLogSigmoid => "-log_sigmoid",
            OneArgument::NegLogSigmoidDerivative => "-log_sigmoid derivative",
        }
    }

    /// Its exact value.
    pub fn exact(self, x: f32, prec: u32) -> Value {
        let x = f64::from(x);
        match self {
            OneArgument::Sigmoid => oracle::sigmoid(x, prec),
            OneArgument::SigmoidDerivative => oracle::sigmoid_derivative(x, prec),
            OneArgument::LogSigmoid => oracle::log_sigmoid(x, prec),
            OneArgument::LogSigmoidDerivative => oracle::log_sigmoid_derivative(x, prec),
            OneArgument::Softplus => oracle::softplus(x, prec),
            OneArgument::NegLogSigmoid => -oracle::log_sigmoid(x, prec),
            OneArgument::NegLogSigmoidDerivative => -oracle::log_sigmoid_derivative(x, prec),
        }
    }

    /// Its value in f64, with a relative error below 2^-49.
    #[inline]
    fn reference(self, x: f64) -> f64 {
        match self {
            OneArgument::Sigmoid => sigmoid(x),
            OneArgument::SigmoidDerivative => {
                let t = libm::exp(-x.abs());
                t / ((1.0 + t) * (1.0 + t))
            }
            OneArgument::LogSigmoid => -softplus(-x),
            OneArgument::LogSigmoidDerivative => sigmoid(-x),
            OneArgument::Softplus => softplus(x),
            OneArgument::NegLogSigmoid => softplus(-x),
            OneArgument::NegLogSigmoidDerivative => -sigmoid(-x),
        }
    }
}

#[inline]
fn sigmoid(x: f64) -> f64 {
    let t = libm::exp(-x.abs());
    if x < 0.0 {
        t / (1.0 + t)
    } else {
        1.0 / (1.0 + t)
    }
}

#[inline]
fn softplus(x: f64) -> f64 {
    let log = libm::log1p(libm::exp(-x.abs()));
    if x > 0.0 { x + log } else { log }
}

/// Bits of an f64's significand that f32 drops.
const DROPPED: u32 = 29;

/// 2^-45 of a significand, in its last places: at most 2^53 * 2^-45.
const MARGIN: u64 = 1 << 8;

/// 2^150: f32's subnormal numbers become even integers, the boundaries between them odd ones.
const SUBNORMAL_SCALE: f64 = f64::from_bits((1023 + 150) << 52);

/// Whether a rounding boundary of f32 lies within 2^-45 of |r|.
#[inline]
fn is_near_boundary(r: f64) -> bool {
    let r = r.abs();
    if r < f64::from(f32::MIN_POSITIVE) {
        let scaled = r * SUBNORMAL_SCALE;
        let odd = 2.0 * (0.5 * scaled).floor() + 1.0;
        return (scaled - odd).abs() <= scaled * f64::from_bits((1023 - 45) << 52);
    }
    // The boundary of overflow, MAX + ulp/2, has the pattern of every other one.
    let dropped = r.to_bits() & ((1 << DROPPED) - 1);
    dropped.abs_diff(1 << (DROPPED - 1)) <= MARGIN
}

/// The correctly rounded value, or, where a rounding boundary lies within 2^-45 of it, the f64 reference.
#[inline]
pub fn decide(function: OneArgument, x: f32) -> Result<f32, f64> {
    let r = function.reference(f64::from(x));
    if is_near_boundary(r) {
        Err(r)
    } else {
        Ok(r as f32)
    }
}

/// The error of an answer in ULP of the exact value, from the f64 reference: good to 2^-20 ULP, for reports.
/// Infinite if the class is wrong.
pub fn error_in_ulp(function: OneArgument, x: f32, got: f32) -> f64 {
    let r = function.reference(f64::from(x));
    if !r.is_finite() || !got.is_finite() {
        let right = Format::is_same(got, r as f32);
        return if right { 0.0 } else { f64::INFINITY };
    }
    (f64::from(got) - r).abs() / ulp::of_f32(r)
}

/// The correctly rounded value, and whether it took the enclosure.
#[inline]
pub fn correctly_rounded(function: OneArgument, x: f32) -> (f32, bool) {
    match decide(function, x) {
        Ok(value) => (value, false),
        Err(_) => (by_enclosure(function, x), true),
    }
}

/// The correctly rounded value by the enclosure alone.
#[cold]
pub fn by_enclosure(function: OneArgument, x: f32) -> f32 {
    let mut prec = FIRST_PREC;
    loop {
        if let Some(value) = round(&function.exact(x, prec)) {
            return value;
        }
        // exp of a nonzero rational number is transcendental, so no value but those at 0, which are
        // enclosed exactly or are transcendental themselves, can lie on a boundary for ever.
        assert!(
            prec < LAST_PREC,
            "{} at {x:e} is undecided at {prec} bits",
            function.name()
        );
        prec *= 2;
    }
}

/// What [`audit`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audit {
    /// Arguments compared.
    pub inputs: u64,
    /// Those that the filter left to the enclosure.
    pub undecided: u64,
    /// Where the filter decided wrongly: must be empty.
    pub wrong: Vec<f32>,
    /// The reference's largest relative error among results that are normal in f32: must be below 2^-49.
    pub worst_relative_error: f64,
    /// Where that was.
    pub worst_at: f32,
}

impl Audit {
    /// Whether the filter keeps what its argument promises.
    pub fn passes(&self) -> bool {
        self.wrong.is_empty() && self.worst_relative_error <= 2_f64.powi(-49)
    }
}

/// Compares the filter with the enclosure on the given arguments.
pub fn audit(function: OneArgument, inputs: impl IntoIterator<Item = f32>) -> Audit {
    let mut audit = Audit::default();
    for x in inputs {
        audit.inputs += 1;
        let right = by_enclosure(function, x);
        match decide(function, x) {
            Ok(value) if value == right || value.is_nan() && right.is_nan() => {}
            Ok(_) => audit.wrong.push(x),
            Err(_) => audit.undecided += 1,
        }
        if let Value::Number(exact) = function.exact(x, FIRST_PREC)
            && exact.mignitude() >= f64::from(f32::MIN_POSITIVE)
        {
            let reference = Interval::from_f64(function.reference(f64::from(x)), FIRST_PREC);
            let error = ((reference - &exact) / &exact).magnitude();
            if error > audit.worst_relative_error {
                (audit.worst_relative_error, audit.worst_at) = (error, x);
            }
        }
    }
    audit
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One f32 in a million, from both zeros to the NaNs.
    fn spaced() -> impl Iterator<Item = f32> {
        (0..=u32::MAX).step_by(65_537 * 16).map(f32::from_bits)
    }

    /// Arguments around which something changes.
    fn edges() -> Vec<f32> {
        let mut edges = vec![];
        for x in [
            0.0_f32, 1e-45, 2e-38, 1e-20, 2e-10, 1.2e-7, 1.2e-4, 0.5, 1.0, 16.0, 17.0, 18.0, 37.43,
        ] {
            edges.push(x);
        }
        edges.extend([
            86.0, 87.3, 88.0, 88.8, 100.0, 103.2, 103.9, 103.97, 104.0, 150.0, 708.0, 709.0,
        ]);
        edges.extend([744.0, 745.1, 746.0, 1e4, 1e30, f32::MAX, f32::INFINITY]);
        // Ties: 1/2 + x/4 halfway between two numbers, up to x^3/48.
        edges.extend((0..200).map(|k| (2 * k + 1) as f32 * 2_f32.powi(-23)));
        edges.extend((0..200).map(|k| (2 * k + 1) as f32 * 2_f32.powi(-24)));
        edges
            .iter()
            .flat_map(|&x| {
                [
                    x,
                    -x,
                    x.next_up(),
                    x.next_down(),
                    -x.next_up(),
                    -x.next_down(),
                ]
            })
            .collect()
    }

    #[test]
    fn filter_agrees_with_the_enclosure() {
        for function in OneArgument::ALL {
            let audit = audit(function, spaced().chain(edges()));
            assert!(audit.passes(), "{} {audit:?}", function.name());
            assert!(
                audit.undecided < audit.inputs / 4,
                "{} {audit:?}",
                function.name()
            );
        }
    }

    #[test]
    fn the_near_ties_of_sigmoid_are_left_to_the_enclosure() {
        let x = 2_f32.powi(-23);
        assert!(decide(OneArgument::Sigmoid, x).is_err());
        // 1/2 + x/4 is the tie, the exact value lies x^3/48 below it.
        assert_eq!(correctly_rounded(OneArgument::Sigmoid, x), (0.5, true));
        // At -x there is no tie: below 1/2 the numbers lie twice as dense.
        assert_eq!(
            correctly_rounded(OneArgument::Sigmoid, -x).0,
            0.5 - 2_f32.powi(-25)
        );
    }

    #[test]
    fn special_values() {
        use OneArgument::*;
        for (function, at_minus, at_plus) in [
            (Sigmoid, 0.0, 1.0),
            (SigmoidDerivative, 0.0, 0.0),
            (LogSigmoid, f32::NEG_INFINITY, 0.0),
            (LogSigmoidDerivative, 1.0, 0.0),
            (Softplus, 0.0, f32::INFINITY),
            (NegLogSigmoid, f32::INFINITY, 0.0),
            (NegLogSigmoidDerivative, -1.0, 0.0),
        ] {
            assert_eq!(decide(function, f32::NEG_INFINITY), Ok(at_minus));
            assert_eq!(decide(function, f32::INFINITY), Ok(at_plus));
            assert!(decide(function, f32::NAN).unwrap().is_nan());
            assert!(by_enclosure(function, f32::NAN).is_nan());
            assert_eq!(by_enclosure(function, f32::NEG_INFINITY), at_minus);
        }
        // Subnormal results: exp(-103.5) is 0.8 of the smallest number, exp(-104.2) is 0.4 of it.
        assert_eq!(correctly_rounded(Sigmoid, -103.5).0, f32::from_bits(1));
        assert_eq!(correctly_rounded(Softplus, -104.2).0, 0.0);
        assert_eq!(correctly_rounded(Softplus, f32::MAX).0, f32::MAX);
    }

    #[test]
    fn boundaries_are_seen() {
        let boundary = 1.0 + 2_f64.powi(-24);
        for (offset, near) in [
            (0.0, true),
            (2_f64.powi(-46), true),
            (-2_f64.powi(-46), true),
            (2_f64.powi(-42), false),
        ] {
            assert_eq!(is_near_boundary(boundary + offset), near);
        }
        let subnormal = 2_f64.powi(-150);
        for (value, near) in [
            (subnormal, true),
            (3.0 * subnormal, true),
            (3.0 * subnormal * (1.0 + 2_f64.powi(-46)), true),
            (3.0 * subnormal * (1.0 + 2_f64.powi(-43)), false),
            (2.0 * subnormal, false),
            (0.5 * subnormal, false),
            (0.0, false),
            (f64::from(f32::MIN_POSITIVE) - subnormal, true),
            (f64::from(f32::MIN_POSITIVE).next_down(), false),
        ] {
            assert_eq!(is_near_boundary(value), near, "{value:e}");
        }
    }
}
