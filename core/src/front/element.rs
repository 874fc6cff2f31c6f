//! The types that inputs, targets and outputs may have.

use super::compiled::Compiled;
use crate::number::format::Format;

/// An element type: `f32` or `f64`, and with the feature `half` also `half::f16` or `half::bf16`. Sealed.
///
/// The pages of the functions say `f32` for the types of 16 bits too: what they say holds for these in their own ULP.
///
/// Arithmetic is done in `f64` whatever the element is, and in pairs of `f64` for `f64` elements. This trait says how an
/// element is widened and rounded. Signatures that say `Format` take any element: it is the part of this trait that the
/// kernels use, every element has it, and nothing else has.
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
pub trait Element: Format + Compiled {
    /// The element as an `f64`: exact.
    ///
    /// ```
    /// assert_eq!(trueloss::Element::widen(0.1_f32), 0.10000000149011612);
    /// ```
    #[inline(always)]
    fn widen(self) -> f64 {
        self.decode()
    }

    /// The element nearest to `value`, ties to even.
    ///
    /// ```
    /// assert_eq!(<f32 as trueloss::Element>::narrow(0.1), 0.1_f32);
    /// ```
    #[inline(always)]
    fn narrow(value: f64) -> Self {
        Self::encode(value)
    }
}

impl Element for f32 {}
impl Element for f64 {}
#[cfg(feature = "half")]
impl Element for half::f16 {}
#[cfg(feature = "half")]
impl Element for half::bf16 {}
