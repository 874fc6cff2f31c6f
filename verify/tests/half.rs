//! Elements of 16 bits: their conversions.

use proptest::prelude::*;
use trueloss::Element;
use trueloss::half::{bf16, f16};
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
