//! exp, log and log1p of the kernels against MPFR, within the errors that their pages derive.

use proptest::prelude::*;
use trueloss::device::{Pair, Real};
use trueloss::elementary::{exp, log, log1p, log1p_unit};
use trueloss_verify::generate::Sampler;
use trueloss_verify::interval::Interval;

/// The largest relative error of one rounding.
const U: f64 = 1.0 / 9_007_199_254_740_992.0;

const SMALLEST: f64 = f64::from_bits(1);

fn point(x: f64) -> Interval {
    Interval::from_f64(x, 160)
}

/// The sum of a pair's parts.
fn sum(pair: Pair) -> Interval {
    point(pair.hi()) + &point(pair.lo())
}

fn check(what: &str, x: f64, got: f64, exact: &Interval, relative: f64, absolute: f64) {
    check_sum(what, x, &Pair::from(got), exact, relative, absolute);
}

/// |got - exact| <= relative |exact| + absolute, `absolute` in units of the smallest subnormal.
fn check_sum(what: &str, x: f64, got: &Pair, exact: &Interval, relative: f64, absolute: f64) {
    // 2^200 times both sides: f64 can't say 0.6 of the smallest subnormal.
    let scale = point(200_f64.exp2());
    let error = ((sum(*got) - exact) * &scale).magnitude();
    let got = got.round();
    let bound = relative * (scale.clone() * exact).mignitude() + absolute * (-874_f64).exp2();
    assert!(
        error <= bound,
        "{what}({x:e}) = {got:e}: error {error:e}, bound {bound:e}, both times 2^200"
    );
}

fn samples(strategy: impl Strategy<Value = f64>) -> impl Iterator<Item = f64> {
    let mut sampler = Sampler::new(2);
    (0..60_000).map(move |_| sampler.sample(&strategy))
}

fn pairs(
    a: impl Strategy<Value = f64>,
    b: impl Strategy<Value = f64>,
) -> impl Iterator<Item = (f64, f64)> {
    let mut sampler = Sampler::new(3);
    let both = (a, b);
    (0..60_000).map(move |_| sampler.sample(&both))
}

/// Positive numbers of every magnitude in a range of exponents.
fn every_magnitude(exponents: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    (exponents, 1.0..2.0).prop_map(|(e, m): (f64, f64)| m * e.floor().exp2())
}

#[test]
fn exp_within_its_bound() {
    let arguments = prop_oneof![
        -1.0..0.0,
        -40.0..0.0,
        -746.0..0.0,
        every_magnitude(-80.0..9.0).prop_map(|x| -x)
    ];
    for x in samples(arguments) {
        let exact = point(x).exp();
        if exact.magnitude() < f64::MIN_POSITIVE {
            check("exp", x, exp(x), &exact, 0.0, 1.5);
        } else {
            check("exp", x, exp(x), &exact, 1.9 * U, 0.0);
        }
    }
    assert_eq!(
        (exp(0.0), exp(-0.0), exp(f64::NEG_INFINITY)),
        (1.0, 1.0, 0.0)
    );
}

#[test]
fn log_within_its_bound() {
    let arguments = prop_oneof![
        every_magnitude(-1022.0..1023.0),
        0.5..2.0,
        (-1e-6..1e-6).prop_map(|x| 1.0 + x)
    ];
    for x in samples(arguments) {
        check("log", x, log(x), &point(x).ln(), 4.0 * U, 0.0);
    }
    assert_eq!(log(1.0), 0.0);
    // The clamp of binary cross-entropy takes care of these.
    assert!(log(0.0) < -700.0 && log(SMALLEST) < -700.0);
}

#[test]
fn log1p_within_its_bound() {
    let arguments = prop_oneof![
        every_magnitude(-1074.0..60.0),
        every_magnitude(-60.0..-1.0).prop_map(|x| -x),
        -0.999_999..4.0,
        (-1074.0..0.0).prop_map(|e: f64| e.exp2() - 1.0)
    ];
    for x in samples(arguments.prop_filter("in the domain", |&x| x > -1.0)) {
        check("log1p", x, log1p(x), &point(x).ln_1p(), 4.0 * U, 1.0);
    }
    assert_eq!((log1p(0.0), log1p(1.0)), (0.0, std::f64::consts::LN_2));
    assert!(log1p(-1.0) < -700.0 && log1p(-1.0).is_finite());
}

#[test]
fn log1p_unit_within_its_bound() {
    for t in samples(prop_oneof![0.0..1.0, every_magnitude(-1074.0..0.0)]) {
        check(
            "log1p_unit",
            t,
            log1p_unit(t),
            &point(t).ln_1p(),
            3.0 * U,
            1.0,
        );
    }
    assert_eq!(log1p_unit(0.0), 0.0);
}

#[test]
fn exp_as_a_pair_within_its_bound() {
    let arguments = prop_oneof![
        -1.0..0.0,
        -40.0..0.0,
        -746.0..0.0,
        every_magnitude(-80.0..9.0).prop_map(|x| -x),
        // Near multiples of ln(2) / 2: r at its largest, and near 0.
        (0..2000, -1e-3..1e-3).prop_map(|(k, x): (i32, f64)| -0.346_573_590 * f64::from(k) + x)
    ];
    for x in samples(arguments.prop_filter("in the domain", |&x| x <= 0.0)) {
        for part in [0.0, 0.499, -0.499] {
            let low = part * (x.next_up() - x);
            let got = Pair::exp(Pair::of_parts(x, low));
            let exact = (point(x) + &point(low)).exp();
            let absolute = if exact.magnitude() < (-960_f64).exp2() {
                1.0
            } else {
                0.0
            };
            check_sum("exp", x, &got, &exact, 0.1 * U, absolute);
        }
    }
    assert_eq!(Pair::exp(Pair::from(0.0)).round(), 1.0);
    assert_eq!(Pair::exp(Pair::from(f64::NEG_INFINITY)).round(), 0.0);
    // The low part goes with the high one where that is clamped.
    assert_eq!(Pair::exp(Pair::of_parts(-1e300, 1e283)).round(), 0.0);
}

#[test]
fn logarithms_as_pairs_within_their_bound() {
    let arguments = prop_oneof![
        every_magnitude(-1022.0..1023.0),
        0.5..2.0,
        (-1e-6..1e-6).prop_map(|x| 1.0 + x),
        // Near sqrt(1/2) and sqrt(2), where f is largest.
        (0.5..2.0, -1e-3..1e-3).prop_map(|(x, d): (f64, f64)| x.round().max(0.5)
            * std::f64::consts::FRAC_1_SQRT_2
            + d)
    ];
    for x in samples(arguments) {
        check_sum("log", x, &Pair::log(x), &point(x).ln(), 0.09 * U, 0.0);
    }
    let arguments = prop_oneof![
        every_magnitude(-900.0..60.0),
        every_magnitude(-60.0..-1.0).prop_map(|x| -x),
        -0.999_999..4.0,
        (-53.0..0.0).prop_map(|e: f64| e.exp2() - 1.0),
        0.40..0.42
    ];
    for x in samples(arguments.prop_filter("in the domain", |&x| x > -1.0)) {
        for part in [0.0, 0.499, -0.499] {
            // A pair that is not below 0, see `log1p_pair`.
            let low = if x > 0.0 { part * U * x } else { 0.0 };
            let exact = (point(x) + &point(low)).ln_1p();
            let got = Pair::log1p(Pair::of_parts(x, low));
            check_sum("log1p", x, &got, &exact, 0.09 * U, 0.0);
        }
    }
    let of = |x| Pair::log1p(Pair::from(x)).round();
    assert_eq!((of(0.0), of(1.0)), (0.0, std::f64::consts::LN_2));
    assert_eq!(of(SMALLEST), SMALLEST);
    assert!(of(-1.0) < -700.0 && of(-1.0).is_finite());
}

/// The operations on pairs lose no more than some 2^-100 (the quotients 2^-73) of their terms.
#[test]
fn pairs_are_nearly_exact() {
    let numbers = || every_magnitude(-40.0..40.0);
    for (a, b) in pairs(numbers(), numbers()) {
        let (one, other) = (Pair::difference(a, 0.3 * U * a), Pair::product(b, 1.0 - U));
        let (x, y) = (sum(one), sum(other));
        let tiny = (-100_f64).exp2();
        check_sum("+", a, &(one + other), &(x.clone() + &y), tiny, 0.0);
        check_sum("*", a, &(one * other), &(x.clone() * &y), tiny, 0.0);
        check_sum("* f64", a, &(one * b), &(x.clone() * &point(b)), tiny, 0.0);
        let quotient = x.clone() / &y;
        check_sum("/", a, &(one / other), &quotient, tiny, 0.0);
        let less = (-73_f64).exp2();
        let over = x / &(point(1.0) + &y);
        check_sum("/ (1 + t)", a, &one.over_one_plus(other), &over, less, 0.0);
    }
}

/// Whatever its payload: exponent arithmetic on a NaN's bits must not make a number of it.
#[test]
fn nan_stays_nan() {
    for payload in [
        0x7ff0_0000_0000_0001,
        0x7ff8_0000_0000_0001,
        0xfff8_0000_0000_0fff,
        0x7fff_ffff_ffff_ffff,
    ] {
        let nan = f64::from_bits(payload);
        assert!(
            exp(nan).is_nan() && log1p(nan).is_nan() && log1p_unit(nan).is_nan(),
            "{payload:x}"
        );
    }
}
