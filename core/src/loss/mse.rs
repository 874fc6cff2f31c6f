//! Mean squared error.
//
// Its methods, `forward` to `partial`, are in `front/methods.rs`, once for all losses.

use crate::check::Domain;
use crate::engine::batch::Wanted;
use crate::engine::element_loss::{Domains, ElementwiseLoss, FromOptions, LaneLoss, Options};
use crate::engine::element_map::FastElement;
use crate::engine::rounding_test::{Bracket, SumEstimate};
use crate::engine::try_lanes::TryLanes;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::number::formula::{
    Factor, Formula, LaneReal, Within, has_exact_difference, has_exact_product, keeps_low_part,
};
use crate::number::lanes::Lanes;
use crate::number::real::Real;
use crate::sum::reduction::Reduction;

/// Mean squared error, `mse_loss`.
///
/// Formula: l = (x - y)^2; the mean divides by the count. Gradient: 2 (x - y).
///
/// Shapes: any; `input`, `target` and what is written have the same length.
///
/// Special values: an infinite x or y gives +inf, two infinities of one sign NaN, as their difference
/// has no limit. Where the difference is infinite a `grad_output` of 0 gives a gradient of NaN. The mean of nothing is NaN,
/// its sum 0.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP, reduced or not. `f64`: see the table of bounds in the README; a sum
/// of squares beyond the range of `f64` is +inf, and squares below it are lost from the sum.
///
/// Errors: [`Error::Length`](crate::Error::Length).
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html>
///
/// ```
/// use trueloss::Mse;
///
/// let mut grad = [0.0_f32; 2];
/// let loss = Mse::new().forward_backward(&[1.0, 2.5], &[1.5, 2.0], &mut grad)?;
/// assert_eq!((loss, grad), (0.25, [-0.5, 0.5]));
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mse {
    reduction: Reduction,
}

/// The loss of one element: (x - y)^2.
///
/// ```
/// assert_eq!(trueloss::mse::value::<f32>(3.0, 0.5), 6.25);
/// ```
#[inline(always)]
pub fn value<T: Format>(x: f64, y: f64) -> f64 {
    real_value::<T::Real>(x, y).round()
}

/// Its derivative with respect to x: 2 (x - y).
///
/// ```
/// assert_eq!(trueloss::mse::gradient::<f32>(3.0, 0.5), 5.0);
/// ```
#[inline(always)]
pub fn gradient<T: Format>(x: f64, y: f64) -> f64 {
    real_gradient::<T::Real>(x, y).round()
}

#[inline(always)]
fn real_value<W: Real>(x: f64, y: f64) -> W {
    let residual = W::difference(x, y);
    residual * residual
}

#[inline(always)]
fn real_gradient<W: Real>(x: f64, y: f64) -> W {
    let residual = W::difference(x, y);
    residual + residual
}

impl<T: Format> ElementwiseLoss<T> for Mse {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    const DOMAINS: Domains = Domains {
        input: Domain::Any,
        target: Domain::Any,
    };

    #[inline(always)]
    fn value(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_value(x, y)
    }

    #[inline(always)]
    fn gradient(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_gradient(x, y)
    }

    const WEIGHTED: bool = false;

    // The formulas are what they are; what is quicker is a sum without the fixed tree.
    const FAST: bool = true;

    #[inline(always)]
    fn fast_term<A: Arithmetic>(x: f64, y: f64) -> (f64, f64) {
        (value::<T>(x, y), 1.0)
    }

    #[inline(always)]
    fn fast_value<A: Arithmetic>(x: f64, y: f64) -> Bracket {
        Bracket::exact(value::<T>(x, y))
    }

    #[inline(always)]
    fn fast_gradient<A: Arithmetic>(x: f64, y: f64, scale: f64) -> FastElement {
        FastElement {
            output: Bracket::exact(scale * gradient::<T>(x, y)),
            linear: value::<T>(x, y),
            factor: 1.0,
        }
    }
}

/// The formula in lanes: r^2 and 2 g r of a residual r = x - y.
#[derive(Clone, Copy)]
pub(super) struct MseFormula;

impl Formula<2> for MseFormula {
    // The residual, twice, and its square.
    fn value_units<R: LaneReal>() -> f64 {
        2.0 * R::SUM_OF_NORMAL + 2.0 * R::TIMES_NORMAL + R::REFERENCE
    }

    // The residual; the product and the factor's own rounding.
    fn gradient_units<R: LaneReal>() -> f64 {
        R::SUM_OF_NORMAL + 2.0 * R::TIMES_NORMAL + R::REFERENCE
    }

    /// The residual, and where it is exact.
    type Shared<R: LaneReal> = (R, <R::F as Lanes>::Mask);

    #[inline(always)]
    fn shared<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> Self::Shared<R> {
        let residual = R::difference(x, y);
        (residual, has_exact_difference(x, y))
    }

    #[inline(always)]
    fn value<R: LaneReal>(
        &self,
        [x, _]: [R::F; 2],
        (residual, is_exact): Self::Shared<R>,
    ) -> Within<R> {
        let value = residual.mul(residual);
        let is_zero = residual.hi().eq(x.constant(0.0));
        let is_exact = R::F::and(is_exact, has_exact_product(residual.hi(), residual.hi()));
        Within {
            value,
            magnitude: R::error_magnitude(value.hi(), is_exact),
            ok: keeps_low_part::<R>(value.hi(), is_zero),
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(
        &self,
        [x, _]: [R::F; 2],
        (residual, is_exact): Self::Shared<R>,
        factor: Factor<R>,
    ) -> Within<R> {
        let slope = residual.add(residual);
        let value = slope.mul(factor.value);
        let magnitude = value.hi().abs();
        let least = magnitude.min(slope.hi().abs());
        let is_zero = R::F::or(factor.is_zero(), slope.hi().eq(x.constant(0.0)));
        let is_exact = R::F::and(is_exact, factor.has_exact_product(slope.hi()));
        Within {
            value,
            magnitude: R::error_magnitude(magnitude, is_exact),
            ok: keeps_low_part::<R>(least, is_zero),
        }
    }

    fn reference_value(&self, [x, y]: [f64; 2]) -> f64 {
        value::<f32>(x, y)
    }

    fn reference_gradient(&self, [x, y]: [f64; 2], factor: f64) -> f64 {
        gradient::<f32>(x, y) * factor
    }
}

impl<T: TryLanes> LaneLoss<T> for Mse {
    const ALWAYS_IN_LANES: bool = !T::PREFERS_DOUBLE;

    fn evaluate_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        wanted: Wanted<'_, T>,
        output: &mut [T],
    ) -> Option<SumEstimate> {
        if T::PREFERS_DOUBLE {
            return None;
        }
        T::evaluate(&MseFormula, [input, target], input.len(), wanted, output)
    }
}

impl<'a, T: Format> FromOptions<'a, T> for Mse {
    fn from_options(options: Options<'a, T>) -> Self {
        Self::new().reduction(options.reduction)
    }
}

impl Mse {
    /// The mean.
    ///
    /// ```
    /// assert_eq!(trueloss::Mse::new().forward(&[3.0_f32, 1.0], &[1.0, 1.0])?, 2.0);
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
    /// use trueloss::{Mse, Reduction};
    ///
    /// let sum = Mse::new().reduction(Reduction::Sum);
    /// assert_eq!(sum.forward(&[3.0_f32, 1.0], &[1.0, 1.0])?, 4.0);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}
