//! The types that inputs, targets and outputs may have.

use crate::reduce::Sum;
use crate::wide::{Pair, Wide};
use num_traits::float::FloatCore;

#[cfg(feature = "half")]
mod half;

/// An element type: `f32` or `f64`, and with the feature `half` also `half::f16` or `half::bf16`. Sealed.
///
/// What the pages of the functions say of `f32` holds for the types of 16 bits too, in their own ULP.
///
/// Arithmetic is done in `f64` whatever the element is, with pairs of them for `f64` elements; the trait says how an
/// element is widened and rounded.
///
/// ```
/// use trueloss::Element;
///
/// fn mean_of_sigmoids<T: Element>(logits: [T; 2]) -> T {
///     let sum: f64 = logits.map(|x| trueloss::sigmoid(x).widen()).iter().sum();
///     T::narrow(sum / 2.0)
/// }
/// assert_eq!(mean_of_sigmoids([-3.0_f32, 3.0]), 0.5);
/// ```
pub trait Element:
    FloatCore + Default + core::fmt::Debug + Send + Sync + sealed::Sealed + 'static
{
    /// What formulas are evaluated in: pairs for `f64`, and `f64` for the others.
    #[doc(hidden)]
    type Wide: Wide;

    /// What a sum of losses is kept in: a compensated pair for `f64`, and `f64` for the others.
    #[doc(hidden)]
    type Sum: Sum<Wide = Self::Wide> + core::fmt::Debug + Send;

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
    ///
    /// ```
    /// assert_eq!(trueloss::Element::widen(0.1_f32), 0.10000000149011612);
    /// ```
    fn widen(self) -> f64;

    /// The element nearest to `value`, ties to even.
    ///
    /// ```
    /// assert_eq!(<f32 as trueloss::Element>::narrow(0.1), 0.1_f32);
    /// ```
    fn narrow(value: f64) -> Self;
}

impl Element for f32 {
    type Wide = f64;
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
}

impl Element for f64 {
    type Wide = Pair;
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
}

mod sealed {
    use crate::dispatch::{self, Kernel};
    use crate::instance::Instances;
    use crate::number::formula::Formula;

    /// The methods of an element type that has fast paths in lanes.
    macro_rules! fast_in_lanes {
        () => {
            #[inline]
            fn fill_fast<F: crate::number::formula::Formula<IN>, const IN: usize>(
                formula: &F,
                inputs: [&[Self]; IN],
                output: &mut [Self],
            ) -> bool {
                crate::engine::batch::fill(formula, inputs, output)
            }
        };
    }
    pub(super) use fast_in_lanes;

    // Only this crate has kernels to call it with.
    #[allow(private_bounds, private_interfaces)]
    pub trait Sealed: Instances + Sized {
        /// Runs the kernel of a quick path. This default is for elements that have none: nothing is compiled
        /// for them.
        fn quick<K: Kernel<Output: Default>>(_kernel: K) -> K::Output {
            K::Output::default()
        }

        /// Fills `output` by the fast path of a formula. False if there is none: then nothing is written. This default is for
        /// elements without fast paths in lanes.
        fn fill_fast<F: Formula<IN>, const IN: usize>(
            _formula: &F,
            _inputs: [&[Self]; IN],
            _output: &mut [Self],
        ) -> bool {
            false
        }
    }

    #[allow(private_bounds, private_interfaces)]
    impl Sealed for f32 {
        #[inline]
        fn quick<K: Kernel>(kernel: K) -> K::Output {
            dispatch::run(kernel)
        }

        fast_in_lanes!();
    }

    impl Sealed for f64 {}
}
