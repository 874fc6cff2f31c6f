//! Huber's loss.
//
// Its methods, `forward` to `partial`, are in `front/methods.rs`, once for all losses.

use crate::check::{Domain, check_positive};
use crate::engine::batch::Wanted;
use crate::engine::element_loss::{Domains, ElementwiseLoss, FromOptions, LaneLoss, Options};
use crate::engine::rounding_test::SumEstimate;
use crate::engine::try_lanes::TryLanes;
use crate::error::{Argument, Error};
use crate::number::format::Format;
use crate::number::formula::{
    Factor, Formula, LaneReal, Within, has_exact_difference, has_exact_product, is_representable,
    keeps_low_part,
};
use crate::number::lanes::Lanes;
use crate::number::real::Real;
use crate::sum::reduction::Reduction;

/// Huber's loss, `huber_loss`: squares of small residuals, and the magnitudes of large ones, so that outliers don't
/// outweigh the rest.
///
/// Formula: with r = x - y and d = `delta`, l = r^2 / 2 where |r| <= d, and d (|r| - d / 2) beyond; the mean divides by
/// the count. Gradient: r where |r| <= d, and d or -d beyond, with the sign of r. For a `delta` of 1 it is PyTorch's
/// `smooth_l1_loss` with a `beta` of 1.
///
/// Shapes: any; `input`, `target` and what is written have the same length.
///
/// Special values: an infinite x or y gives +inf, and a gradient of d or -d; two infinities of one sign give NaN, as their
/// difference has no limit. The mean of nothing is NaN, its sum 0.
///
/// Error: `f32`, `f16`, `bf16`: below 0.5001 ULP, reduced or not. `f64`: see the table of bounds in the README; a product
/// beyond the range of `f64` is +inf, and squares below it are lost from a sum.
///
/// Errors: [`Error::Length`]; [`Error::NotPositive`] for a `delta` that is not positive and finite.
///
/// Source: <https://pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html>
///
/// ```
/// use trueloss::Huber;
///
/// let mut grad = [0.0_f32; 2];
/// let loss = Huber::new().delta(2.0).forward_backward(&[1.0, 8.0], &[0.0, 3.0], &mut grad)?;
/// assert_eq!((loss, grad), (4.25, [0.5, 1.0]));
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    delta: f64,
    reduction: Reduction,
}

/// The loss of one element: r^2 / 2, or d (|r| - d / 2).
///
/// At |r| = d the two are the same to the second order, (|r| - d)^2 / 2 apart, so it does not matter that the comparison
/// is with a rounded r. |r| - d / 2 is at least half of |r| there: the error of r counts at most twice. With u = 2^-53
/// the loss is within 5 u for all elements but `f64`, and within 2^-70 for those.
///
/// ```
/// assert_eq!(trueloss::huber::value::<f32>(3.0, 0.5, 1.0), 2.0);
/// ```
#[inline(always)]
pub fn value<T: Format>(x: f64, y: f64, delta: f64) -> f64 {
    real_value::<T::Real>(x, y, delta).round()
}

/// Its derivative with respect to x: r, or d with the sign of r.
///
/// ```
/// assert_eq!(trueloss::huber::gradient::<f32>(3.0, 0.5, 1.0), 1.0);
/// ```
#[inline(always)]
pub fn gradient<T: Format>(x: f64, y: f64, delta: f64) -> f64 {
    real_gradient::<T::Real>(x, y, delta).round()
}

#[inline(always)]
fn real_value<W: Real>(x: f64, y: f64, delta: f64) -> W {
    let residual = W::difference(x, y);
    let magnitude = if residual.hi() < 0.0 {
        -residual
    } else {
        residual
    };
    if magnitude.hi() > delta {
        (magnitude + (-0.5 * delta)) * delta
    } else {
        residual * residual * 0.5
    }
}

// A residual that is NaN is its own gradient.
#[inline(always)]
fn real_gradient<W: Real>(x: f64, y: f64, delta: f64) -> W {
    let residual = W::difference(x, y);
    if residual.hi() > delta {
        W::from(delta)
    } else if residual.hi() < -delta {
        W::from(-delta)
    } else {
        residual
    }
}

impl<T: Format> ElementwiseLoss<T> for Huber {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    const WEIGHTED: bool = false;

    const DOMAINS: Domains = Domains {
        input: Domain::Any,
        target: Domain::Any,
    };

    fn check_options(&self) -> Result<(), Error> {
        check_positive(Argument::Option("delta"), self.delta)
    }

    #[inline(always)]
    fn value(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_value(x, y, self.delta)
    }

    #[inline(always)]
    fn gradient(&self, x: f64, y: f64, _: f64) -> T::Real {
        real_gradient(x, y, self.delta)
    }
}

/// What the loss and its gradient have in common.
#[derive(Clone, Copy)]
pub(super) struct HuberShared<R: LaneReal> {
    magnitude: R,
    /// A number with its sign.
    sign: R::F,
    /// Whether it is at most delta.
    is_inside: <R::F as Lanes>::Mask,
    /// Whether it is exact, and delta is.
    is_exact: <R::F as Lanes>::Mask,
}

/// The formula in lanes.
///
/// Where the comparison of a rounded residual with a rounded delta errs, the two are within what both roundings are, and so are
/// the gradients; the losses are apart to the second order.
#[derive(Clone, Copy)]
pub(super) struct HuberFormula {
    pub(super) delta: f64,
}

impl Formula<2> for HuberFormula {
    // |r| - d / 2 is at least |r| / 2, so that r counts twice and d / 2 once; the sum, d, and the product. A square takes less.
    fn value_units<R: LaneReal>() -> f64 {
        3.0 * R::SUM_OF_NORMAL + 4.0 * R::TIMES_NORMAL + R::REFERENCE
    }

    // The residual, or delta, and both where the comparison errs; the product and the factor's own rounding.
    fn gradient_units<R: LaneReal>() -> f64 {
        R::SUM_OF_NORMAL + 4.0 * R::TIMES_NORMAL + R::REFERENCE
    }

    type Shared<R: LaneReal> = HuberShared<R>;

    #[inline(always)]
    fn shared<R: LaneReal>(&self, [x, y]: [R::F; 2]) -> HuberShared<R> {
        let residual = R::difference(x, y);
        let sign = residual.hi();
        let magnitude = residual.flip_sign(sign);
        let zero = x.constant(0.0);
        let is_exact = if is_representable::<R::F>(self.delta) {
            has_exact_difference(x, y)
        } else {
            zero.lt(zero)
        };
        HuberShared {
            magnitude,
            sign,
            is_inside: magnitude.le(R::option(x, self.delta)),
            is_exact,
        }
    }

    #[inline(always)]
    fn value<R: LaneReal>(&self, [x, _]: [R::F; 2], residual: HuberShared<R>) -> Within<R> {
        let HuberShared {
            magnitude,
            is_inside,
            ..
        } = residual;
        let (delta, one_half) = (R::option(x, self.delta), R::constant(x, 0.5));
        let less = R::option(x, -0.5 * self.delta);
        // r (r / 2), or (r - delta / 2) delta.
        let beyond = magnitude.add(less);
        let first = R::select(is_inside, magnitude, beyond);
        let second = R::select(is_inside, magnitude.times(one_half.hi()), delta);
        let value = first.mul(second);
        let is_exact_sum = has_exact_difference(magnitude.hi(), -less.hi());
        let is_exact = R::F::or(is_inside, is_exact_sum);
        let is_exact = R::F::and(is_exact, has_exact_product(first.hi(), second.hi()));
        let is_zero = magnitude.hi().eq(x.constant(0.0));
        Within {
            value,
            magnitude: R::error_magnitude(value.hi(), R::F::and(residual.is_exact, is_exact)),
            ok: keeps_low_part::<R>(value.hi(), is_zero),
        }
    }

    #[inline(always)]
    fn gradient<R: LaneReal>(
        &self,
        [x, _]: [R::F; 2],
        residual: HuberShared<R>,
        factor: Factor<R>,
    ) -> Within<R> {
        let HuberShared {
            magnitude, sign, ..
        } = residual;
        let delta = R::option(x, self.delta);
        let slope = R::select(residual.is_inside, magnitude, delta);
        let value = slope.mul(factor.value).flip_sign(sign);
        let is_exact = R::F::and(residual.is_exact, factor.has_exact_product(slope.hi()));
        let magnitude = value.hi().abs();
        let least = magnitude.min(slope.hi());
        let is_zero = R::F::or(factor.is_zero(), sign.eq(x.constant(0.0)));
        // Not NaN.
        let has_sign = sign.eq(sign);
        Within {
            value,
            magnitude: R::error_magnitude(magnitude, is_exact),
            ok: R::F::and(has_sign, keeps_low_part::<R>(least, is_zero)),
        }
    }

    fn reference_value(&self, [x, y]: [f64; 2]) -> f64 {
        value::<f32>(x, y, self.delta)
    }

    fn reference_gradient(&self, [x, y]: [f64; 2], factor: f64) -> f64 {
        gradient::<f32>(x, y, self.delta) * factor
    }
}

impl<T: TryLanes> LaneLoss<T> for Huber {
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
        T::evaluate(
            &HuberFormula { delta: self.delta },
            [input, target],
            input.len(),
            wanted,
            output,
        )
    }
}

impl<'a, T: Format> FromOptions<'a, T> for Huber {
    const NUMBERS: &'static [(&'static str, f64)] = &[("delta", 1.0)];

    fn from_options(options: Options<'a, T>) -> Self {
        Self::new()
            .delta(options.numbers[0])
            .reduction(options.reduction)
    }
}

impl Default for Huber {
    fn default() -> Self {
        Self::new()
    }
}

impl Huber {
    /// The mean, with a `delta` of 1.
    ///
    /// ```
    /// assert_eq!(trueloss::Huber::new(), trueloss::Huber::default());
    /// ```
    pub const fn new() -> Self {
        Self {
            delta: 1.0,
            reduction: Reduction::Mean,
        }
    }

    /// How large a residual may be whose square counts.
    ///
    /// ```
    /// // A residual of 3: 3^2 / 2, and 1 (3 - 1 / 2).
    /// let loss = trueloss::Huber::new();
    /// assert_eq!(loss.delta(5.0).forward(&[3.0], &[0.0])?, 4.5);
    /// assert_eq!(loss.delta(1.0).forward(&[3.0], &[0.0])?, 2.5);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn delta(mut self, delta: f64) -> Self {
        self.delta = delta;
        self
    }

    /// Mean or sum.
    ///
    /// ```
    /// use trueloss::{Huber, Reduction};
    ///
    /// let sum = Huber::new().reduction(Reduction::Sum);
    /// assert_eq!(sum.forward(&[1.0, 3.0], &[0.0, 0.0])?, 3.0);
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
    use std::format;

    const INF: f64 = f64::INFINITY;

    /// x, y, the loss and the gradient for a `delta` of 2.
    const CASES: [[f64; 4]; 9] = [
        [1.5, 0.5, 0.5, 1.0],
        [0.5, 1.5, 0.5, -1.0],
        [2.0, 0.0, 2.0, 2.0],
        [3.0, 0.0, 4.0, 2.0],
        [-1.0, 2.0, 4.0, -2.0],
        [INF, 0.0, INF, 2.0],
        [1.0, INF, INF, -2.0],
        [-INF, 5.0, INF, -2.0],
        [0.0, 0.0, 0.0, 0.0],
    ];

    #[test]
    fn both_sides_of_delta_and_their_limits() {
        let loss = Huber::new().delta(2.0);
        for [x, y, expected, slope] in CASES {
            let (mut losses, mut grad) = ([0.0_f32], [0.0_f32]);
            let (single_x, single_y) = ([x as f32], [y as f32]);
            loss.forward_each(&single_x, &single_y, &mut losses)
                .unwrap();
            loss.backward_each(&single_x, &single_y, &[1.0], &mut grad)
                .unwrap();
            assert_eq!((losses[0], grad[0]), (expected as f32, slope as f32));
            let (mut losses, mut grad) = ([0.0], [0.0]);
            loss.forward_each(&[x], &[y], &mut losses).unwrap();
            loss.backward_each(&[x], &[y], &[1.0], &mut grad).unwrap();
            assert_eq!((losses[0], grad[0]), (expected, slope));
        }
        for [x, y] in [[INF, INF], [f64::NAN, 0.0], [0.0, f64::NAN]] {
            assert!(value::<f64>(x, y, 2.0).is_nan());
            assert!(gradient::<f64>(x, y, 2.0).is_nan());
            assert!(value::<f32>(x, y, 2.0).is_nan());
            assert!(gradient::<f32>(x, y, 2.0).is_nan());
        }
    }

    #[test]
    fn a_delta_that_is_not_positive_and_finite_is_refused() {
        let argument = Argument::Option("delta");
        let error = Error::NotPositive { argument };
        for delta in [0.0, -0.0, -1.0, INF, f64::NAN] {
            let loss = Huber::new().delta(delta);
            let mut grad = [7.0_f32];
            assert_eq!(loss.forward(&[1.0_f32], &[2.0]), Err(error));
            assert_eq!(loss.backward(&[1.0], &[2.0], 1.0, &mut grad), Err(error));
            assert_eq!(grad, [7.0]);
        }
        let message = "delta: expected a finite number above 0";
        assert_eq!(format!("{error}"), message);
    }

    #[test]
    fn means_divide_by_the_count() {
        let (x, y) = ([3.0_f64, 0.5], [0.0, 0.0]);
        let mut grad = [0.0; 2];
        let loss = Huber::new();
        assert_eq!(loss.forward_backward(&x, &y, &mut grad), Ok(1.3125));
        assert_eq!(grad, [0.5, 0.25]);
        let sum = loss.reduction(Reduction::Sum);
        assert_eq!(sum.forward(&x, &y), Ok(2.625));
    }
}
