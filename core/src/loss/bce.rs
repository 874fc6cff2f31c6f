//! Binary cross-entropy of probabilities.
//
// Its methods, `forward` to `partial`, are in `front/methods.rs`, once for all losses.

use crate::check::Domain;
use crate::engine::element_loss::{Domains, ElementwiseLoss, FromOptions, Options};
use crate::number::format::Format;
use crate::number::real::Real;
use crate::sum::reduction::Reduction;

/// Binary cross-entropy of probabilities, `binary_cross_entropy`.
///
/// Formula: l = w (-y max(ln x, -100) - (1 - y) max(ln(1 - x), -100)); the mean divides by the count,
/// never by the weights. Gradient: w (x - y) / max(x (1 - x), 1e-12), PyTorch's, which is not that of
/// the clamped form.
///
/// Where the probabilities come from logits, use [`BceWithLogits`](crate::BceWithLogits): a probability
/// near 1 has lost the digits that the loss is made of.
///
/// Shapes: any; `input`, `target` and what is written have the same length. `weight` broadcasts over the
/// trailing dimensions: its length divides the input's.
///
/// Domain: x and y in [0, 1]. x = 0 and x = 1 are finite by the clamp. The mean of nothing is NaN, its
/// sum 0.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP; a reduced loss with negative weights + 2^-46 of the sum of the terms'
/// magnitudes. `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`](crate::Error::Length); [`Error::OutsideUnitInterval`](crate::Error::OutsideUnitInterval) for an input or target outside [0, 1] or
/// NaN; [`Error::Broadcast`](crate::Error::Broadcast) and [`Error::NotFinite`](crate::Error::NotFinite) for a weight that does not fit or is not finite.
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html>
///
/// ```
/// use trueloss::Bce;
///
/// let loss = Bce::new().forward(&[0.5_f32, 1.0], &[1.0, 1.0])?;
/// assert_eq!(loss, core::f32::consts::LN_2 / 2.0);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bce<'a, T> {
    weight: &'a [T],
    reduction: Reduction,
}

/// The loss of one element, unweighted, for x and y in [0, 1].
///
/// Two terms that are never negative, so nothing cancels. Where x is so small that
/// [`log`](crate::elementary::log) does not hold, or x is 1, the logarithm is far below the clamp.
///
/// ```
/// assert_eq!(trueloss::bce::value::<f64>(0.5, 1.0), core::f64::consts::LN_2);
/// // Clamped.
/// assert_eq!(trueloss::bce::value::<f64>(0.0, 1.0), 100.0);
/// ```
#[inline(always)]
pub fn value<T: Format>(x: f64, y: f64) -> f64 {
    real_value::<T::Real>(x, y).round()
}

/// Its gradient with respect to x: (x - y) / max(x (1 - x), 1e-12).
///
/// ```
/// assert_eq!(trueloss::bce::gradient::<f64>(0.25, 1.0), -4.0);
/// ```
#[inline(always)]
pub fn gradient<T: Format>(x: f64, y: f64) -> f64 {
    real_gradient::<T::Real>(x, y).round()
}

/// PyTorch takes ln x and ln(1 - x) to be at least minus this.
pub(super) const MAX_NEG_LN: f64 = 100.0;

/// PyTorch divides a gradient by at least this.
pub(super) const MIN_VARIANCE: f64 = 1e-12;

/// `f64`: within 0.09 u, as the logarithms are.
#[inline(always)]
fn real_value<W: Real>(x: f64, y: f64) -> W {
    let clamp = |log: W| {
        if log.hi() < -MAX_NEG_LN {
            W::from(MAX_NEG_LN)
        } else {
            -log
        }
    };
    let of_zero = W::difference(1.0, y) * clamp(W::log1p(W::from(-x)));
    // A probability of -0 is 0, and its sign no part of the exponent.
    clamp(W::log(x.abs())) * y + of_zero
}

#[inline(always)]
fn real_gradient<W: Real>(x: f64, y: f64) -> W {
    let variance = W::difference(1.0, x) * x;
    let least = if variance.hi() < MIN_VARIANCE {
        W::from(MIN_VARIANCE)
    } else {
        variance
    };
    W::difference(x, y) / least
}

impl<T: Format> ElementwiseLoss<T> for Bce<'_, T> {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn weight(&self) -> &[T] {
        self.weight
    }

    const DOMAINS: Domains = Domains {
        input: Domain::UnitInterval,
        target: Domain::UnitInterval,
    };

    #[inline(always)]
    fn value(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_value(x, y)
    }

    #[inline(always)]
    fn gradient(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_gradient(x, y)
    }
}

impl<'a, T: Format> FromOptions<'a, T> for Bce<'a, T> {
    const HAS_WEIGHT: bool = true;

    fn from_options(options: Options<'a, T>) -> Self {
        let loss = Self::new().weight(options.weight);
        loss.reduction(options.reduction)
    }
}

impl<T: Format> Default for Bce<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Format> Bce<'a, T> {
    /// The mean, unweighted.
    ///
    /// ```
    /// let loss = trueloss::Bce::new().forward(&[0.5_f32], &[0.0])?;
    /// assert_eq!(loss, core::f32::consts::LN_2);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self {
            weight: T::ONE,
            reduction: Reduction::Mean,
        }
    }

    /// A factor for each element's loss.
    ///
    /// ```
    /// use trueloss::Bce;
    ///
    /// let (input, target) = ([0.5_f32; 4], [0.0; 4]);
    /// let mut losses = [0.0; 4];
    /// // Broadcast over pairs, as over the trailing dimension.
    /// Bce::new().weight(&[1.0, 0.0]).forward_each(&input, &target, &mut losses)?;
    /// assert_eq!(losses, [core::f32::consts::LN_2, 0.0, core::f32::consts::LN_2, 0.0]);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn weight(mut self, weight: &'a [T]) -> Self {
        self.weight = weight;
        self
    }

    /// Mean or sum.
    ///
    /// ```
    /// use trueloss::{Bce, Reduction};
    ///
    /// let sum = Bce::new().reduction(Reduction::Sum);
    /// assert_eq!(sum.forward(&[0.5_f32, 0.5], &[0.0, 1.0])?, 2.0 * core::f32::consts::LN_2);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}
