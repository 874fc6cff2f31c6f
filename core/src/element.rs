//! The types that inputs, targets and outputs may have.

use crate::elementary;
use crate::reduce::Sum;
use num_traits::float::FloatCore;

#[cfg(feature = "half")]
mod half;

/// An element type: `f32` or `f64`, and with the feature `half` also `half::f16` or `half::bf16`. Sealed.
///
/// What the pages of the functions say of `f32` holds for the types of 16 bits too, in their own ULP.
///
/// Arithmetic is done in `f64` whatever the element is; the trait says how an element is widened and
/// rounded, and where `f64` elements need more than a plain `f64` operation to keep their bound.
pub trait Element:
    FloatCore + Default + core::fmt::Debug + Send + Sync + sealed::Sealed + 'static
{
    /// What a sum of losses is kept in: a compensated pair for `f64`, and `f64` for the others.
    #[doc(hidden)]
    type Sum: Sum + core::fmt::Debug + Send;

    /// The weight that changes nothing, as the slice that broadcasts over every input.
    #[doc(hidden)]
    const ONE: &'static [Self];

    /// Whether the element has so few digits that a quick path can tell how a result will round.
    #[doc(hidden)]
    const QUICK: bool;

    /// Below this magnitude the sigmoid is taken as 1/2 + x (1/4 - tiny), see
    /// [`sigmoid_value`](crate::activation::sigmoid_value).
    #[doc(hidden)]
    const SIGMOID_LINEAR_BELOW: f64;

    /// The one positive number whose softplus `f64` can't place beside a midpoint, see
    /// [`activation`](crate::activation). NaN where there is none to mend.
    #[doc(hidden)]
    const SOFTPLUS_NEAR_TIE: f64;

    /// The element as an `f64`: exact.
    fn widen(self) -> f64;

    /// The element nearest to `value`, ties to even.
    fn narrow(value: f64) -> Self;

    /// a - b as the unevaluated sum of two numbers, the second of them 0 where the bound can do without, and
    /// anything where the first is infinite: `exp_of_sum` and `scale` drop it then.
    #[doc(hidden)]
    fn difference(a: f64, b: f64) -> (f64, f64);

    /// a + b, likewise.
    #[doc(hidden)]
    fn sum(a: f64, b: f64) -> (f64, f64) {
        Self::difference(a, -b)
    }

    /// a * b, likewise.
    #[doc(hidden)]
    fn product(a: f64, b: f64) -> (f64, f64);

    /// ln(1 + t) for t in [0, 1].
    #[doc(hidden)]
    fn log1p_unit(t: f64) -> f64;

    /// (pair.0 + pair.1) * b rounded once, or nearly so, for a pair as those above.
    #[doc(hidden)]
    fn scale(pair: (f64, f64), b: f64) -> f64;
}

impl Element for f32 {
    type Sum = f64;
    const QUICK: bool = true;
    const ONE: &'static [Self] = &[1.0];
    const SIGMOID_LINEAR_BELOW: f64 = 1.0 / 8192.0;
    // 0x39ea_41d0 as an f32, 4.468e-4.
    const SOFTPLUS_NEAR_TIE: f64 = f64::from_bits(0x3f3d_483a_0000_0000);

    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn narrow(value: f64) -> Self {
        value as f32
    }

    // The exponential of a difference d has the relative error that d has absolutely: 2^-53 |d|, below
    // 2^-46 where the result is not far below the smallest f32. That is 2^-22 ULP of an f32.
    #[inline(always)]
    fn difference(a: f64, b: f64) -> (f64, f64) {
        (a - b, 0.0)
    }

    #[inline(always)]
    fn product(a: f64, b: f64) -> (f64, f64) {
        (a * b, 0.0)
    }

    #[inline(always)]
    fn log1p_unit(t: f64) -> f64 {
        elementary::log1p_unit(t)
    }

    #[inline(always)]
    fn scale((high, _): (f64, f64), b: f64) -> f64 {
        high * b
    }
}

impl Element for f64 {
    type Sum = crate::reduce::Compensated;
    const QUICK: bool = false;
    const ONE: &'static [Self] = &[1.0];
    const SIGMOID_LINEAR_BELOW: f64 = 0.0;
    const SOFTPLUS_NEAR_TIE: f64 = f64::NAN;

    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }

    #[inline(always)]
    fn narrow(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn difference(a: f64, b: f64) -> (f64, f64) {
        two_sum(a, -b)
    }

    // Dekker's product with a split on the bits, which can't overflow: 26 leading bits and 27 trailing
    // ones. Only the product of the trailing parts may round, at 2^-106.
    #[inline(always)]
    fn product(a: f64, b: f64) -> (f64, f64) {
        let high = a * b;
        let split = |x: f64| {
            let leading = f64::from_bits(x.to_bits() & 0xffff_ffff_f800_0000);
            (leading, x - leading)
        };
        let ((a1, a2), (b1, b2)) = (split(a), split(b));
        (high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2)
    }

    // With the split, ln 2 is a constant: at t = 1, a logit of 0, the result is correctly rounded.
    #[inline(always)]
    fn log1p_unit(t: f64) -> f64 {
        elementary::log1p(t)
    }

    #[inline(always)]
    fn scale((high, low): (f64, f64), b: f64) -> f64 {
        let low = low * b;
        high * b + if low.is_finite() { low } else { 0.0 }
    }
}

/// a + b = high + low exactly (Knuth), where nothing overflows.
#[inline(always)]
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    let b_part = high - a;
    let a_part = high - b_part;
    (high, (a - a_part) + (b - b_part))
}

mod sealed {
    use crate::dispatch::{self, Kernel};
    use crate::instance::Instances;

    // Only this crate has kernels to call it with.
    #[allow(private_bounds, private_interfaces)]
    pub trait Sealed: Instances {
        /// Runs the kernel of a quick path. This default is for elements that have none: nothing is compiled
        /// for them.
        fn quick<K: Kernel<Output: Default>>(_kernel: K) -> K::Output {
            K::Output::default()
        }
    }

    #[allow(private_bounds, private_interfaces)]
    impl Sealed for f32 {
        #[inline]
        fn quick<K: Kernel>(kernel: K) -> K::Output {
            dispatch::run(kernel)
        }
    }

    impl Sealed for f64 {}
}
