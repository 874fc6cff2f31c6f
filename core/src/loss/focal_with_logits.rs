//! Focal loss of logits.
//
// Its methods, `forward` to `partial`, are in `front/methods.rs`, once for all losses.

use crate::activation::sigmoid::exp_neg_abs;
use crate::check::Domain;
use crate::engine::element_loss::{Domains, ElementwiseLoss, FromOptions, Options};
use crate::error::{Argument, Error};
use crate::number::format::Format;
use crate::number::real::{Real, mul_zero_wins};
use crate::sum::reduction::Reduction;

/// Focal loss of logits, torchvision's `sigmoid_focal_loss`: binary cross-entropy in which elements that are classified
/// well count little, so that many easy ones don't outweigh the few hard ones.
///
/// Formula, for hard labels: with z = x for y = 0 and z = -x for y = 1, 1 - p_t = sigma(z) is the probability of the wrong
/// class, and l = a sigma(z)^gamma softplus(z), where a = `alpha` for y = 1 and 1 - `alpha` for y = 0, or 1 without
/// `alpha`; the mean divides by the count. Gradient: a sigma(z)^gamma (gamma sigma(-z) softplus(z) + sigma(z)), with the
/// sign of x in z. A `gamma` of 0 without `alpha` is binary cross-entropy.
///
/// Shapes: any; `input`, `target` and what is written have the same length.
///
/// Domain: any logit x; y is 0 or 1. (torchvision's formula takes soft targets too, for which its gradient cancels.) `alpha`
/// lies in [0, 1], or is -1, which is torchvision's word for none; `gamma` lies in [0, 1000]. Special values: z = -inf
/// gives 0, with a gradient of 0; z = +inf gives +inf, with a gradient of a or -a. Where a is 0, so are both. A NaN logit
/// gives a NaN for its element. The mean of nothing is NaN, its sum 0.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP, reduced or not. `f64`: 0.14 `gamma` + 0.8 ULP for a loss and 0.14
/// `gamma` + 0.9 for a gradient, up to a `gamma` of 4 and as long as no power is below 2^-960; see the table of bounds in
/// the README.
///
/// Errors: [`Error::Length`]; [`Error::NotHardLabel`] for a target that is neither 0 nor 1;
/// [`Error::OutsideUnitInterval`] and [`Error::OutsideRange`] for an `alpha` and a `gamma` that are not as above.
///
/// Source: <https://pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html>,
/// <https://arxiv.org/abs/1708.02002>
///
/// ```
/// use trueloss::{BceWithLogits, FocalWithLogits};
///
/// let (x, y) = ([0.3_f32, -4.0], [1.0, 0.0]);
/// let bce = BceWithLogits::new().forward(&x, &y)?;
/// let focal = FocalWithLogits::new().without_alpha();
/// assert_eq!(focal.gamma(0.0).forward(&x, &y)?, bce);
/// assert!(focal.gamma(2.0).forward(&x, &y)? < bce);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FocalWithLogits {
    pub(super) alpha: f64,
    pub(super) gamma: f64,
    reduction: Reduction,
}

/// What stands for no `alpha`.
pub(super) const NO_ALPHA: f64 = -1.0;

/// The largest `gamma`. Its product with anything stays far inside the range of `f64`.
const MOST_GAMMA: u16 = 1000;

/// What loss and gradient are made of.
struct FocalParts<W> {
    /// a sigma(z)^gamma.
    factor: W,
    /// softplus(z).
    softplus: W,
    /// sigma(z).
    wrong: W,
    /// sigma(-z).
    right: W,
}

/// All parts from t = exp(-|z|) and log1p(t); sigma(z)^gamma is exp(-E) with E = gamma softplus(-z). There is no
/// subtraction but in 1 - `alpha`, so nothing cancels, and all that is lost in E is lost absolutely in the power.
///
/// With u = 2^-53, for `f32` and narrower elements: softplus is within 5 u, so that E is within 6 u of itself, and the
/// power within (6 E + 2) u. What an `f32` can show after a `grad_output` below 2^128 is above 2^-278; softplus and `gamma`
/// together are below 2^17 where the power is not 1, so that E is below 205, and the power within 2^-42.
///
/// `f64`: log1p(t) is within 0.2 u of itself, and so within 0.14 u absolutely; |z| is exact. The power is within
/// (0.14 `gamma` + 0.1) u, softplus within 0.2 u and the sigmoids within 0.1 u: the loss within (0.14 `gamma` + 0.3) u,
/// the gradient within (0.14 `gamma` + 0.4) u.
#[inline(always)]
fn parts<W: Real>(x: f64, y: f64, alpha: f64, gamma: f64) -> FocalParts<W> {
    let positive = y == 1.0;
    let z = if positive { -x } else { x };
    let t = exp_neg_abs(W::from(z));
    let log = W::log1p_unit(t);
    let (softplus, reflected) = if z >= 0.0 {
        (log + z, log)
    } else {
        (log, log + -z)
    };
    let (small, large) = (t.over_one_plus(t), W::from(1.0).over_one_plus(t));
    let (wrong, right) = if z >= 0.0 {
        (large, small)
    } else {
        (small, large)
    };
    let exponent = if gamma == 0.0 {
        W::default()
    } else {
        -(reflected * gamma)
    };
    let power = W::exp(exponent);
    let weight = if alpha == NO_ALPHA {
        W::from(1.0)
    } else if positive {
        W::from(alpha)
    } else {
        W::difference(1.0, alpha)
    };
    FocalParts {
        factor: power * weight,
        softplus,
        wrong,
        right,
    }
}

/// The loss of one element, for a y of 0 or 1. See [`FocalWithLogits`] for what `alpha` and `gamma` may be.
///
/// ```
/// // ln(2) / 4, and a quarter of that for the positive class.
/// let loss = trueloss::focal_with_logits::value::<f32>(0.0, 1.0, 0.25, 2.0);
/// assert_eq!(loss, core::f64::consts::LN_2 / 16.0);
/// ```
#[inline(always)]
pub fn value<T: Format>(x: f64, y: f64, alpha: f64, gamma: f64) -> f64 {
    real_value::<T::Real>(x, y, alpha, gamma).round()
}

/// Its derivative with respect to x.
///
/// ```
/// // Without a power and without weights: that of binary cross-entropy.
/// let gradient = trueloss::focal_with_logits::gradient::<f32>(0.0, 1.0, -1.0, 0.0);
/// assert_eq!(gradient, -0.5);
/// ```
#[inline(always)]
pub fn gradient<T: Format>(x: f64, y: f64, alpha: f64, gamma: f64) -> f64 {
    real_gradient::<T::Real>(x, y, alpha, gamma).round()
}

#[inline(always)]
fn real_value<W: Real>(x: f64, y: f64, alpha: f64, gamma: f64) -> W {
    let parts = parts::<W>(x, y, alpha, gamma);
    mul_zero_wins(parts.factor, parts.softplus)
}

#[inline(always)]
fn real_gradient<W: Real>(x: f64, y: f64, alpha: f64, gamma: f64) -> W {
    let parts = parts::<W>(x, y, alpha, gamma);
    let slope = mul_zero_wins(parts.right, parts.softplus) * gamma + parts.wrong;
    let gradient = parts.factor * slope;
    if y == 1.0 { -gradient } else { gradient }
}

impl<T: Format> ElementwiseLoss<T> for FocalWithLogits {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    const WEIGHTED: bool = false;

    const DOMAINS: Domains = Domains {
        input: Domain::Any,
        target: Domain::HardLabels,
    };

    fn check_options(&self) -> Result<(), Error> {
        if self.alpha != NO_ALPHA && !(0.0..=1.0).contains(&self.alpha) {
            let argument = Argument::Option("alpha");
            return Err(Error::OutsideUnitInterval { argument, index: 0 });
        }
        if !(0.0..=f64::from(MOST_GAMMA)).contains(&self.gamma) {
            return Err(Error::OutsideRange {
                argument: Argument::Option("gamma"),
                least: 0,
                most: MOST_GAMMA,
            });
        }
        Ok(())
    }

    #[inline(always)]
    fn value(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_value(x, y, self.alpha, self.gamma)
    }

    #[inline(always)]
    fn gradient(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_gradient(x, y, self.alpha, self.gamma)
    }
}

impl<'a, T: Format> FromOptions<'a, T> for FocalWithLogits {
    const NUMBERS: &'static [(&'static str, f64)] = &[("alpha", 0.25), ("gamma", 2.0)];

    fn from_options(options: Options<'a, T>) -> Self {
        let [alpha, gamma] = options.numbers;
        Self::new()
            .alpha(alpha)
            .gamma(gamma)
            .reduction(options.reduction)
    }
}

impl Default for FocalWithLogits {
    fn default() -> Self {
        Self::new()
    }
}

impl FocalWithLogits {
    /// The mean, with an `alpha` of 0.25 and a `gamma` of 2.
    ///
    /// ```
    /// use trueloss::FocalWithLogits;
    ///
    /// assert_eq!(FocalWithLogits::new(), FocalWithLogits::default().alpha(0.25).gamma(2.0));
    /// ```
    pub const fn new() -> Self {
        Self {
            alpha: 0.25,
            gamma: 2.0,
            reduction: Reduction::Mean,
        }
    }

    /// The weight of the positive class; that of the other is what it lacks to 1.
    ///
    /// ```
    /// use trueloss::FocalWithLogits;
    ///
    /// let loss = FocalWithLogits::new().alpha(0.75);
    /// assert_eq!(loss.forward(&[0.0_f32], &[1.0])?, 3.0 * loss.forward(&[0.0], &[0.0])?);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Both classes have a weight of 1.
    ///
    /// ```
    /// use trueloss::FocalWithLogits;
    ///
    /// let loss = FocalWithLogits::new().without_alpha();
    /// assert_eq!(loss.forward(&[0.5_f32], &[1.0])?, loss.forward(&[-0.5], &[0.0])?);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn without_alpha(mut self) -> Self {
        self.alpha = NO_ALPHA;
        self
    }

    /// The power of the probability of the wrong class.
    ///
    /// ```
    /// use trueloss::FocalWithLogits;
    ///
    /// // At a logit of 0 that probability is 1 / 2.
    /// let [once, twice] = [1.0, 2.0].map(|gamma| FocalWithLogits::new().gamma(gamma));
    /// assert_eq!(once.forward(&[0.0_f32], &[1.0])?, 2.0 * twice.forward(&[0.0], &[1.0])?);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// Mean or sum.
    ///
    /// ```
    /// use trueloss::{FocalWithLogits, Reduction};
    ///
    /// let mean = FocalWithLogits::new();
    /// let sum = mean.reduction(Reduction::Sum);
    /// assert_eq!(sum.forward(&[0.0_f32; 2], &[1.0; 2])?, 2.0 * mean.forward(&[0.0; 2], &[1.0; 2])?);
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
    use crate::loss::bce_with_logits;
    use std::format;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn limits() {
        // x, y, the loss and the gradient.
        for [x, y, loss, slope] in [
            [-INF, 0.0, 0.0, 0.0],
            [INF, 1.0, 0.0, 0.0],
            [INF, 0.0, INF, 0.75],
            [-INF, 1.0, INF, -0.25],
            [1e30, 0.0, 0.75 * 1e30, 0.75],
            [-1e30, 0.0, 0.0, 0.0],
        ] {
            for gamma in [0.0, 0.5, 2.0, 1000.0] {
                assert_eq!(value::<f32>(x, y, 0.25, gamma), loss, "{x} {y} {gamma}");
                assert_eq!(value::<f64>(x, y, 0.25, gamma), loss, "{x} {y} {gamma}");
                assert_eq!(gradient::<f32>(x, y, 0.25, gamma), slope, "{x} {y} {gamma}");
                assert_eq!(gradient::<f64>(x, y, 0.25, gamma), slope, "{x} {y} {gamma}");
            }
        }
        // Nothing comes from a class without a weight, but a NaN does.
        for [x, y, alpha] in [[INF, 0.0, 1.0], [-INF, 1.0, 0.0], [3.0, 1.0, 0.0]] {
            assert_eq!(value::<f32>(x, y, alpha, 2.0), 0.0);
            assert_eq!(value::<f64>(x, y, alpha, 2.0), 0.0);
            assert_eq!(gradient::<f32>(x, y, alpha, 2.0), 0.0);
            assert_eq!(gradient::<f64>(x, y, alpha, 2.0), 0.0);
        }
        for (y, alpha, gamma) in [(0.0, 0.25, 0.0), (1.0, 0.0, 2.0), (0.0, 1.0, 3.0)] {
            assert!(value::<f32>(f64::NAN, y, alpha, gamma).is_nan());
            assert!(value::<f64>(f64::NAN, y, alpha, gamma).is_nan());
            assert!(gradient::<f32>(f64::NAN, y, alpha, gamma).is_nan());
            assert!(gradient::<f64>(f64::NAN, y, alpha, gamma).is_nan());
        }
    }

    /// Without a power and a weight it is binary cross-entropy. In `f64`, which rounds once, to the last bit or the next.
    #[test]
    fn a_gamma_of_0_is_binary_cross_entropy() {
        for i in -400..400 {
            let x = f64::from(i) / 16.0;
            for y in [0.0, 1.0] {
                let (focal, bce) = (
                    value::<f64>(x, y, NO_ALPHA, 0.0),
                    bce_with_logits::value::<f64>(x, y, 1.0),
                );
                assert!((focal - bce).abs() <= f64::EPSILON * bce, "{x} {y}");
                let (focal, bce) = (
                    gradient::<f64>(x, y, NO_ALPHA, 0.0),
                    bce_with_logits::gradient::<f64>(x, y, 1.0),
                );
                assert!((focal - bce).abs() <= f64::EPSILON * bce.abs(), "{x} {y}");
            }
        }
    }

    #[test]
    fn targets_and_options_are_checked() {
        let mut grad = [7.0_f32; 2];
        for bad in [0.5, -1.0, f32::NAN, f32::INFINITY] {
            let (argument, index) = (Argument::Target, 1);
            let error = Error::NotHardLabel { argument, index };
            let loss = FocalWithLogits::new();
            assert_eq!(loss.forward(&[1.0, 2.0], &[1.0, bad]), Err(error));
            assert_eq!(
                loss.forward_backward(&[1.0, 2.0], &[1.0, bad], &mut grad),
                Err(error)
            );
            assert_eq!(format!("{error}"), "target[1]: expected 0 or 1");
        }
        for alpha in [-0.5, 1.5, f64::NAN, -INF] {
            let argument = Argument::Option("alpha");
            let error = Error::OutsideUnitInterval { argument, index: 0 };
            let loss = FocalWithLogits::new().alpha(alpha);
            assert_eq!(loss.forward(&[1.0_f32], &[1.0]), Err(error));
        }
        for gamma in [-0.5, 1000.5, f64::NAN, INF] {
            let error = Error::OutsideRange {
                argument: Argument::Option("gamma"),
                least: 0,
                most: 1000,
            };
            let loss = FocalWithLogits::new().gamma(gamma);
            assert_eq!(loss.forward(&[1.0_f32], &[1.0]), Err(error));
            let message = "gamma: expected a number from 0 to 1000";
            assert_eq!(format!("{error}"), message);
        }
        assert_eq!(grad, [7.0; 2]);
        // -0 is 0.
        assert!(FocalWithLogits::new().forward(&[1.0], &[-0.0_f32]).is_ok());
    }
}
