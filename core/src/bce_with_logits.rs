//! Binary cross-entropy of logits.

use crate::activation::{linear_sigmoid, softplus_linear};
use crate::element::Element;
use crate::elementary::exp;
use crate::elementwise::{Checked, ElementwiseLoss, check_unit_interval, methods};
use crate::error::{Argument, Error};
use crate::reduce::{Partial, Reduction, weigh};

/// Binary cross-entropy of logits, `binary_cross_entropy_with_logits`.
///
/// Formula: l = w ((1 - y) softplus(x) + c y softplus(-x)) with c = `pos_weight`; the mean divides by
/// the count. Gradient: w ((1 - y) sigma(x) - c y sigma(-x)).
///
/// Shapes: any; `input`, `target` and what is written have the same length. `weight` and `pos_weight`
/// broadcast over the trailing dimensions: their lengths divide the input's.
///
/// Domain: any logit x, y in [0, 1]. Special values: (+inf, 1) and (-inf, 0) give 0, (+inf, 0) and
/// (-inf, 1) give +inf; gradients there are 0, w and -c w. A soft target at an infinite logit gives +inf.
/// A NaN logit gives a NaN for its element. The mean of nothing is NaN, its sum 0.
///
/// Error: `f32`: on a hard label (y = 0 or 1) without weights correctly rounded, value and gradient;
/// else below 0.5001 ULP, with two exceptions where terms of different sign nearly cancel. The gradient at a
/// soft target, which passes through 0, is within 0.5001 ULP + 2^-50 of the sum of its two terms' magnitudes
/// (2^-49 for that of a reduced loss). A reduced loss with negative weights is within 0.5001 ULP + 2^-46 of the
/// sum of its terms' magnitudes.
/// `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`]; [`Error::OutsideUnitInterval`] for a target outside [0, 1] or NaN;
/// [`Error::Broadcast`] and [`Error::NotFinite`] for a weight that does not fit or is not finite.
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html>
///
/// ```
/// use trueloss::BceWithLogits;
///
/// // A logit of 0 says 50/50, and costs ln 2.
/// let loss = BceWithLogits::new().pos_weight(&[1.0_f32]).forward(&[0.0], &[1.0])?;
/// assert_eq!(loss, core::f32::consts::LN_2);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BceWithLogits<'a, T> {
    weight: &'a [T],
    pos_weight: &'a [T],
    reduction: Reduction,
}

/// The loss of one element, unweighted.
///
/// softplus(x) = max(x, 0) + log1p(exp(-|x|)), so the loss is |x| times the weight of the wrong class
/// plus log1p(exp(-|x|)) times the weight of both: terms that are never negative, for any y in [0, 1]
/// and any pos_weight >= 0, so nothing cancels. The usual max(x, 0) - x y + log1p(exp(-|x|)) does, at
/// x = -20, y = 1e-8 down to 1% of the digits.
#[inline(always)]
pub fn value<T: Element>(x: f64, y: f64, pos_weight: f64) -> f64 {
    let (negative, positive) = (T::difference(1.0, y), T::product(pos_weight, y));
    let wrong = if x >= 0.0 { negative.0 } else { positive.0 };
    let (both, low) = T::sum(negative.0, positive.0);
    let both = (both, low + (negative.1 + positive.1));
    let t = exp(-x.abs());
    weigh(wrong, softplus_linear::<T>(x)) + T::scale(both, T::log1p_unit(t))
}

/// Its gradient with respect to x.
///
/// With t = exp(-|x|), sigma(x) is 1 / (1 + t) or t / (1 + t); over the common denominator the
/// numerator is exact at hard labels. Near 0 the hard labels need the sigmoid's own treatment of ties,
/// see [`sigmoid_value`](crate::activation::sigmoid_value).
#[inline(always)]
pub fn gradient<T: Element>(x: f64, y: f64, pos_weight: f64) -> f64 {
    let (negative, positive) = (1.0 - y, pos_weight * y);
    let t = exp(-x.abs());
    let numerator = if x >= 0.0 {
        negative - positive * t
    } else {
        negative * t - positive
    };
    let hard = y == 0.0 || y == 1.0;
    if hard && x.abs() < T::SIGMOID_LINEAR_BELOW {
        negative * linear_sigmoid(x) - positive * linear_sigmoid(-x)
    } else {
        numerator / (1.0 + t)
    }
}

impl<T: Element> ElementwiseLoss<T> for BceWithLogits<'_, T> {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn weight(&self) -> &[T] {
        self.weight
    }

    fn pos_weight(&self) -> &[T] {
        self.pos_weight
    }

    fn check(&self, _: &[T], target: &[T]) -> Result<(), Error> {
        check_unit_interval(Argument::Target, target)
    }

    #[inline(always)]
    fn value(x: f64, y: f64, pos_weight: f64) -> f64 {
        value::<T>(x, y, pos_weight)
    }

    #[inline(always)]
    fn gradient(x: f64, y: f64, pos_weight: f64) -> f64 {
        gradient::<T>(x, y, pos_weight)
    }
}

impl<T: Element> Default for BceWithLogits<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Element> BceWithLogits<'a, T> {
    /// The mean, unweighted.
    pub const fn new() -> Self {
        Self {
            weight: T::ONE,
            pos_weight: T::ONE,
            reduction: Reduction::Mean,
        }
    }

    /// A factor for each element's loss.
    pub const fn weight(mut self, weight: &'a [T]) -> Self {
        self.weight = weight;
        self
    }

    /// A factor for the loss of the positive class: above 1 for recall, below 1 for precision.
    pub const fn pos_weight(mut self, pos_weight: &'a [T]) -> Self {
        self.pos_weight = pos_weight;
        self
    }

    /// Mean or sum.
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    methods!(T);
}
