//! What the tests of the contract share.

use trueloss::Element;

/// Runs generic tests for every type of element.
macro_rules! for_each_element_type {
    ($($test:ident),* $(,)?) => {
        mod f32 {
            $(#[test] fn $test() { super::$test::<f32>() })*
        }
        mod f64 {
            $(#[test] fn $test() { super::$test::<f64>() })*
        }
        #[cfg(feature = "half")]
        mod f16 {
            $(#[test] fn $test() { super::$test::<trueloss::half::f16>() })*
        }
        #[cfg(feature = "half")]
        mod bf16 {
            $(#[test] fn $test() { super::$test::<trueloss::half::bf16>() })*
        }
    };
}

/// Numbers as elements.
pub(crate) fn cast<T: Element, const N: usize>(values: [f64; N]) -> [T; N] {
    values.map(T::narrow)
}

/// The bits of elements: equal where two slices are, and -0 is not 0. Every NaN is the same one, as
/// IEEE 754 does not say which one an operation returns.
pub(crate) fn bits<T: Element>(values: &[T]) -> Vec<u64> {
    let bits = |x: &T| if x.is_nan() { f64::NAN } else { x.widen() }.to_bits();
    values.iter().map(bits).collect()
}
