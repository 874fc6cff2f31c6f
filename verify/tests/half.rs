//! Elements of 16 bits: their conversions, and the functions of one number, which the table of claims has as slices.

use proptest::prelude::*;
use trueloss::half::{bf16, f16};
use trueloss::{Element, LogSigmoid, Sigmoid, Softplus};
use trueloss_verify::generate::Sampler;
use trueloss_verify::ulp::Format;

/// What the tests ask of an element besides its traits.
trait Half: Element + Format {
    fn of(bits: u16) -> Self;
    fn bits(self) -> u16;
    /// Crate half's own conversion, in software on every machine. In this direction it is exact.
    fn exactly(self) -> f64;
}

impl Half for f16 {
    fn of(bits: u16) -> Self {
        Self::from_bits(bits)
    }
    fn bits(self) -> u16 {
        self.to_bits()
    }
    fn exactly(self) -> f64 {
        self.to_f64_const()
    }
}

impl Half for bf16 {
    fn of(bits: u16) -> Self {
        Self::from_bits(bits)
    }
    fn bits(self) -> u16 {
        self.to_bits()
    }
    fn exactly(self) -> f64 {
        self.to_f64_const()
    }
}

/// `narrow` gives what MPFR gives, the sign of a zero included; of a NaN the one that the type has a name for.
fn rounds_right<T: Half>(value: f64) {
    let (got, right) = (T::narrow(value), T::from_f64_nearest(value));
    let right = if value.is_nan() { T::nan() } else { right };
    assert_eq!(got.bits(), right.bits(), "{}: {value:e}", T::NAME);
}

/// Of `value` and its neighbours, with both signs.
fn rounds_right_about<T: Half>(value: f64) {
    for value in [value.next_down(), value, value.next_up()] {
        rounds_right::<T>(value);
        rounds_right::<T>(-value);
    }
}

fn converts<T: Half>() {
    for x in (0..=u16::MAX).map(T::of) {
        let wide = x.widen();
        if x.is_nan() {
            assert!(wide.is_nan());
        } else {
            assert_eq!(wide.to_bits(), x.exactly().to_bits());
            assert_eq!(T::narrow(wide).bits(), x.bits());
        }
        rounds_right::<T>(wide);
    }
    // The midpoints, that of the largest number and the power of two above it included, and the numbers themselves.
    let limit = 2_f64.powi(T::MAX_EXPONENT);
    let numbers = (0..).map(|bits| T::of(bits).exactly());
    let mut below = 0.0;
    for number in numbers.take_while(|x| x.is_finite()).skip(1).chain([limit]) {
        rounds_right_about::<T>((below + number) / 2.0);
        rounds_right_about::<T>(number);
        below = number;
    }
    assert_eq!(below, limit);
    for special in [0.0, f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE] {
        rounds_right_about::<T>(special);
    }
    let mut sampler = Sampler::new(3);
    let (least, most) = (T::MIN_EXPONENT - 3, T::MAX_EXPONENT + 2);
    let values = prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (least..most, 1.0..2.0).prop_map(|(e, x): (i32, f64)| x * 2_f64.powi(e)),
    ];
    for _ in 0..400_000 {
        rounds_right_about::<T>(sampler.sample(&values));
    }
}

#[test]
fn f16_converts() {
    converts::<f16>();
}

#[test]
fn bf16_converts() {
    converts::<bf16>();
}

/// Of all inputs, by the slices' functions and one by one.
fn slices_are_numbers_one_by_one<T: Half>() {
    let x: Vec<T> = (0..=u16::MAX).map(T::of).collect();
    let ones = vec![T::one(); x.len()];
    macro_rules! check {
        ($($slices:ident, $value:ident, $derivative:ident;)*) => {$(
            let (mut values, mut derivatives) = (ones.clone(), ones.clone());
            $slices::new().forward(&x, &mut values).unwrap();
            $slices::new().backward(&x, &ones, &mut derivatives).unwrap();
            for ((&x, value), derivative) in x.iter().zip(values).zip(derivatives) {
                assert_eq!(trueloss::$value(x).bits(), value.bits(), "{x:?}");
                assert_eq!(trueloss::$derivative(x).bits(), derivative.bits(), "{x:?}");
            }
        )*};
    }
    check! {
        Sigmoid, sigmoid, sigmoid_derivative;
        LogSigmoid, log_sigmoid, log_sigmoid_derivative;
        Softplus, softplus, softplus_derivative;
    }
}

#[test]
fn f16_one_by_one() {
    slices_are_numbers_one_by_one::<f16>();
}

#[test]
fn bf16_one_by_one() {
    slices_are_numbers_one_by_one::<bf16>();
}
