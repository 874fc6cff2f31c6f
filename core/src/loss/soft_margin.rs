//! Soft margin loss.
//
// Its methods, `forward` to `partial`, are in `front/methods.rs`, once for all losses.

use crate::activation::softplus::Softplus;
use crate::check::Domain;
use crate::engine::activation_call::Activation;
use crate::engine::batch::Wanted;
use crate::engine::element_loss::{Domains, ElementwiseLoss, FromOptions, LaneLoss, Options};
use crate::engine::element_map::FastElement;
use crate::engine::fixed_losses;
use crate::engine::rounding_test::{Bracket, SumEstimate};
use crate::engine::try_lanes::TryLanes;
use crate::loss::bce_with_logits::BceWithLogits;
use crate::loss::bce_with_logits_lanes::{Targets, unweighted};
use crate::number::arithmetic::Arithmetic;
use crate::number::fast_elementary;
use crate::number::format::Format;
use crate::number::lanes::Lanes;
use crate::number::real::Real;
use crate::sum::reduction::Reduction;

/// Soft margin loss, `soft_margin_loss`: the loss of logistic regression, for labels of -1 and 1.
///
/// Formula: l = softplus(-y x) = ln(1 + exp(-y x)); the mean divides by the count. Gradient: -y sigma(-y x). It is
/// [`BceWithLogits`](crate::BceWithLogits) without weights for the labels (y + 1) / 2, to the bit for all elements but `f64`.
///
/// Shapes: any; `input`, `target` and what is written have the same length.
///
/// Domain: any logit x; y is -1 or 1. Special values: y x = +inf gives 0, with a gradient of 0; y x = -inf gives +inf, with a
/// gradient of -y. A NaN logit gives a NaN for its element. The mean of nothing is NaN, its sum 0.
///
/// Error: `f32`, `f16`, `bf16`: correctly rounded, value and gradient; below 0.5001 ULP where they are reduced or the gradient has a
/// factor. `f64`: what softplus and the sigmoid have; see the table of bounds in the README.
///
/// Errors: [`Error::Length`](crate::Error::Length); [`Error::NotSign`](crate::Error::NotSign) for a target that is neither -1 nor 1.
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html>
///
/// ```
/// use trueloss::{BceWithLogits, SoftMargin};
///
/// let x = [2.0_f32, -40.0];
/// let mut grad = [0.0; 2];
/// let loss = SoftMargin::new().forward_backward(&x, &[1.0, -1.0], &mut grad)?;
/// assert_eq!(loss, BceWithLogits::new().forward(&x, &[1.0, 0.0])?);
/// // Not 0: the second logit is on the right side, and by far.
/// assert_eq!(grad, [-0.059_601_46, 2.124_177_1e-18]);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoftMargin {
    reduction: Reduction,
}

/// The loss of one element, for a y of -1 or 1: softplus(-y x).
///
/// The product is x or -x, so that nothing is lost before softplus, and its bounds are those of the loss: correctly rounded for an
/// `f32` (see [`softplus_value`](crate::activation::softplus_value)), within 0.2 u for an `f64`, with u = 2^-53.
///
/// ```
/// use trueloss::{activation::softplus_value, soft_margin::value};
///
/// assert_eq!(value::<f64>(0.0, 1.0), core::f64::consts::LN_2);
/// assert_eq!(value::<f64>(0.3, 1.0), softplus_value::<f64>(-0.3, 1.0));
/// ```
#[inline(always)]
pub fn value<T: Format>(x: f64, y: f64) -> f64 {
    real_value::<T>(x, y).round()
}

/// Its derivative with respect to x: -y sigma(-y x).
///
/// A sigmoid and its sign: correctly rounded for an `f32` (see [`sigmoid_value`](crate::activation::sigmoid_value)), within 0.1 u for
/// an `f64`.
///
/// ```
/// use trueloss::{activation::sigmoid_value, soft_margin::gradient};
///
/// assert_eq!(gradient::<f64>(0.0, 1.0), -0.5);
/// assert_eq!(gradient::<f64>(0.3, -1.0), sigmoid_value::<f64>(0.3));
/// ```
#[inline(always)]
pub fn gradient<T: Format>(x: f64, y: f64) -> f64 {
    real_gradient::<T>(x, y).round()
}

const SOFTPLUS: Softplus = Softplus::new();

#[inline(always)]
fn real_value<T: Format>(x: f64, y: f64) -> T::Real {
    Activation::value::<T>(&SOFTPLUS, -y * x)
}

#[inline(always)]
fn real_gradient<T: Format>(x: f64, y: f64) -> T::Real {
    Activation::gradient::<T>(&SOFTPLUS, -y * x) * -y
}

/// The loss that it is, which has fast paths.
type OfLabels<T> = BceWithLogits<'static, T>;

/// The label of that: 0 for -1.
#[inline(always)]
fn label(y: f64) -> f64 {
    if y > 0.0 { 1.0 } else { 0.0 }
}

impl<T: Format> ElementwiseLoss<T> for SoftMargin {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    const WEIGHTED: bool = false;

    const DOMAINS: Domains = Domains {
        input: Domain::Any,
        target: Domain::Signs,
    };

    #[inline(always)]
    fn value(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_value::<T>(x, y)
    }

    #[inline(always)]
    fn gradient(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_gradient::<T>(x, y)
    }

    const FAST: bool = true;

    const PADDING: [f64; 2] = [fast_elementary::PADDING, -1.0];

    #[inline(always)]
    fn fast_term<A: Arithmetic>(x: f64, y: f64) -> (f64, f64) {
        OfLabels::<T>::fast_term::<A>(x, label(y))
    }

    #[inline(always)]
    fn fast_value<A: Arithmetic>(x: f64, y: f64) -> Bracket {
        OfLabels::<T>::fast_value::<A>(x, label(y))
    }

    #[inline(always)]
    fn fast_gradient<A: Arithmetic>(x: f64, y: f64, scale: f64) -> FastElement {
        OfLabels::<T>::fast_gradient::<A>(x, label(y), scale)
    }

    const HAS_FIXED_POINT: bool = true;

    #[inline(always)]
    fn integer(
        x: f32,
        y: f32,
        scale: Option<fixed_losses::FixedScale>,
        losses: &mut fixed_losses::FixedLosses,
    ) -> Option<f32> {
        let label = if y > 0.0 { 1.0 } else { 0.0 };
        OfLabels::<T>::integer(x, label, scale, losses)
    }
}

/// Labels of -1 and 1 in lanes.
#[derive(Clone, Copy)]
pub(super) struct SignTargets;

impl Targets for SignTargets {
    const NEGATIVE: f64 = -1.0;

    #[inline(always)]
    fn fold<F: Lanes>(x: F, y: F) -> (F, F, F) {
        let sign = -y;
        (x.flip_sign(sign), x.constant(0.0), sign)
    }

    #[inline(always)]
    fn sign_of_zero<F: Lanes>(sign: F) -> F {
        sign
    }

    fn value(x: f64, y: f64) -> f64 {
        value::<f32>(x, y)
    }

    fn gradient(x: f64, y: f64) -> f64 {
        gradient::<f32>(x, y)
    }
}

impl<T: TryLanes> LaneLoss<T> for SoftMargin {
    const ALWAYS_IN_LANES: bool = true;

    fn evaluate_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        wanted: Wanted<'_, T>,
        output: &mut [T],
    ) -> Option<SumEstimate> {
        unweighted::<SignTargets, T>(input, target, wanted, output)
    }
}

impl<'a, T: Format> FromOptions<'a, T> for SoftMargin {
    fn from_options(options: Options<'a, T>) -> Self {
        Self::new().reduction(options.reduction)
    }
}

impl SoftMargin {
    /// The mean.
    ///
    /// ```
    /// let loss = trueloss::SoftMargin::new().forward(&[0.0_f32], &[-1.0])?;
    /// assert_eq!(loss, core::f32::consts::LN_2);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self {
            reduction: Reduction::Mean,
        }
    }

    /// Mean or sum.
    ///
    /// ```
    /// use trueloss::{Reduction, SoftMargin};
    ///
    /// let sum = SoftMargin::new().reduction(Reduction::Sum);
    /// assert_eq!(sum.forward(&[0.0_f32, 0.0], &[-1.0, 1.0])?, 2.0 * core::f32::consts::LN_2);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Argument, Error};
    use crate::loss::bce_with_logits;
    use std::format;

    const INF: f64 = f64::INFINITY;

    fn both<T: Format>(x: f64, y: f64) -> [f64; 2] {
        [value::<T>(x, y), gradient::<T>(x, y)]
    }

    #[test]
    fn limits() {
        for [x, y, loss, slope] in [
            [INF, 1.0, 0.0, 0.0],
            [-INF, -1.0, 0.0, 0.0],
            [-INF, 1.0, INF, -1.0],
            [INF, -1.0, INF, 1.0],
            [-1e30, 1.0, 1e30, -1.0],
            [1e30, 1.0, 0.0, 0.0],
        ] {
            assert_eq!(both::<f32>(x, y), [loss, slope], "{x}, {y}");
            assert_eq!(both::<f64>(x, y), [loss, slope], "{x}, {y}");
        }
        for y in [-1.0, 1.0] {
            assert!(both::<f32>(f64::NAN, y).into_iter().all(f64::is_nan));
            assert!(both::<f64>(f64::NAN, y).into_iter().all(f64::is_nan));
        }
        // Beyond 17 an f32, and beyond 37 an f64, cannot hold 1 + exp(-x).
        let [loss, slope] = both::<f64>(40.0, 1.0);
        assert!((loss / 4.248_354_255_291_589e-18 - 1.0).abs() < 1e-15);
        assert!((loss + slope).abs() < 1e-33);
    }

    /// Its formulas are softplus's, its fast paths those of the other loss: the two have the same bits.
    #[test]
    fn labels_of_0_and_1_have_the_same_bits() {
        for i in -4000..4000 {
            let x = f64::from(i as f32 / 64.0);
            for y in [-1.0, 1.0] {
                let other = [
                    bce_with_logits::value::<f32>(x, label(y), 1.0),
                    bce_with_logits::gradient::<f32>(x, label(y), 1.0),
                ];
                assert_eq!(both::<f32>(x, y), other, "{x}, {y}");
            }
        }
    }

    #[test]
    fn other_targets_are_refused() {
        let mut grad = [7.0_f32; 2];
        for bad in [0.0, 0.5, -2.0, f32::NAN, f32::INFINITY] {
            let (argument, index) = (Argument::Target, 1);
            let error = Error::NotSign { argument, index };
            let loss = SoftMargin::new();
            assert_eq!(loss.forward(&[1.0, 2.0], &[1.0, bad]), Err(error));
            assert_eq!(
                loss.forward_backward(&[1.0, 2.0], &[-1.0, bad], &mut grad),
                Err(error)
            );
            assert_eq!(format!("{error}"), "target[1]: expected -1 or 1");
        }
        assert_eq!(grad, [7.0; 2]);
    }

    #[test]
    fn means_divide_by_the_count() {
        let ln_2 = core::f64::consts::LN_2;
        let mut grad = [0.0; 2];
        let loss = SoftMargin::new();
        let (x, y) = ([0.0_f64, 0.0], [1.0, -1.0]);
        assert_eq!(loss.forward_backward(&x, &y, &mut grad), Ok(ln_2));
        assert_eq!(grad, [-0.25, 0.25]);
        let sum = loss.reduction(Reduction::Sum);
        assert_eq!(sum.forward(&x, &y), Ok(2.0 * ln_2));
    }
}
