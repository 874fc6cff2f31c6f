//! Binary cross-entropy of logits.
//
// Its methods, `forward` to `partial`, are in `front/methods.rs`, once for all losses.

use crate::activation::sigmoid::{exp_neg_abs, linear_sigmoid};
use crate::activation::softplus::softplus_linear;
use crate::check::Domain;
use crate::engine::element_loss::{Domains, ElementwiseLoss, FromOptions, Options};
use crate::engine::element_map::FastElement;
use crate::engine::fixed_losses;
use crate::engine::rounding_test::{Bracket, FAST_ERROR};
use crate::number::arithmetic::Arithmetic;
use crate::number::double_double::DoubleDouble;
use crate::number::elementary::log1p_unit_with;
use crate::number::fixed::{SoftFloat, mul_high};
use crate::number::format::Format;
use crate::number::pair::Pair;
use crate::number::real::{Real, mul_zero_wins};
use crate::number::{fast_elementary, fixed};
use crate::sum::reduction::Reduction;

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
/// Error: `f32`, `f16`, `bf16`: on a hard label (y = 0 or 1) without weights correctly rounded, value and gradient;
/// else below 0.5001 ULP, at soft targets too, with three exceptions where terms of different sign nearly cancel. With a
/// `pos_weight`, the gradient at a soft target may come nearer to 0 than any precision reaches: it is within 0.5001
/// ULP + 2^-100 of the sum of its two terms' magnitudes. The loss of a soft target with a negative `pos_weight`, and a
/// reduced loss with negative weights, are within 0.5001 ULP + 2^-46 of the sum of their terms' magnitudes.
/// `f64`: see the table of bounds in the README.
///
/// Errors: [`Error::Length`](crate::Error::Length); [`Error::OutsideUnitInterval`](crate::Error::OutsideUnitInterval) for a target outside [0, 1] or NaN;
/// [`Error::Broadcast`](crate::Error::Broadcast) and [`Error::NotFinite`](crate::Error::NotFinite) for a weight that does not fit or is not finite.
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
///
/// ```
/// use trueloss::bce_with_logits::value;
///
/// assert_eq!(value::<f64>(0.0, 0.25, 1.0), core::f64::consts::LN_2);
/// // Only the positive class is weighted.
/// assert_eq!(value::<f64>(3.0, 0.0, 7.0), value::<f64>(3.0, 0.0, 1.0));
/// ```
#[inline(always)]
pub fn value<T: Format>(x: f64, y: f64, pos_weight: f64) -> f64 {
    real_value::<T>(x, y, pos_weight).round()
}

/// `f64`: within 0.2 u, as softplus is.
#[inline(always)]
fn real_value<T: Format>(x: f64, y: f64, pos_weight: f64) -> T::Real {
    let negative = T::Real::difference(1.0, y);
    let positive = T::Real::product(pos_weight, y);
    let wrong = if x >= 0.0 { negative } else { positive };
    let log1p = T::Real::log1p_unit(exp_neg_abs(T::Real::from(x)));
    let linear = T::Real::from(softplus_linear::<T>(x));
    mul_zero_wins(wrong, linear) + (negative + positive) * log1p
}

/// Its gradient with respect to x, (1 - y) sigma(x) - c y sigma(-x).
///
/// With t = exp(-|x|), sigma(x) is 1 / (1 + t) or t / (1 + t); over the common denominator the
/// numerator is exact at hard labels. Near 0 the hard labels need the sigmoid's own treatment of ties,
/// see [`sigmoid_value`](crate::activation::sigmoid_value).
///
/// At a soft target the two terms of the numerator may cancel. Where too little is left of the sum of their magnitudes, the
/// gradient is evaluated again in double-double. The error is below 2^-38 of the gradient, and 2^-100 of
/// that sum. With a `pos_weight` of 1 only the target nearest to sigma(x) comes near 0: `trueloss sweep --soft-targets` tries that
/// of every `f32`.
///
/// `f64`: within 0.4 u, or 2^-100 of the sum.
///
/// ```
/// use trueloss::bce_with_logits::gradient;
///
/// assert_eq!(gradient::<f64>(0.0, 1.0, 1.0), -0.5);
/// assert_eq!(gradient::<f64>(f64::NEG_INFINITY, 1.0, 3.0), -3.0);
/// ```
#[inline(always)]
pub fn gradient<T: Format>(x: f64, y: f64, pos_weight: f64) -> f64 {
    real_gradient::<T>(x, y, pos_weight).round()
}

#[inline(always)]
fn real_gradient<T: Format>(x: f64, y: f64, pos_weight: f64) -> T::Real {
    let (gradient, is_near) = branchless_gradient::<T>(x, y, pos_weight);
    if is_near {
        gradient
    } else {
        let pair = cancelling_gradient(x, y, pos_weight);
        T::Real::of_parts(pair.hi(), pair.lo())
    }
}

/// The gradient where its terms do not cancel, and whether they do not. It can be vectorised.
///
/// With u = 2^-53: for `f32` and narrower elements c y is exact, and 1 - y within u; t is within 1.9 u. With the product of the
/// two, and their difference, the numerator is within 3.9 u of the sum of its terms' magnitudes and u of itself. The denominator
/// and the quotient add 3 u. So as long as the numerator is 2^-13 of the sum, the gradient is within (3.9 2^13 + 4) u, which
/// with three roundings of factors is below 2^-38.
///
/// `f64`: t is within 0.1 u, so that the numerator is within 0.1 u of the larger term: where a quarter of the sum of the terms
/// is left, that is 5/8 of it, and 0.25 u of the numerator. The denominator is within 0.05 u: 0.3 u in all. Where t is so small
/// that a pair has lost digits of it, the gradient is left to double-double too.
#[inline(always)]
fn branchless_gradient<T: Format>(x: f64, y: f64, pos_weight: f64) -> (T::Real, bool) {
    let t = exp_neg_abs(T::Real::from(x));
    let negative = T::Real::difference(1.0, y);
    let positive = T::Real::product(pos_weight, y);
    let (negative_term, positive_term) = if x >= 0.0 {
        (negative, positive * t)
    } else {
        (negative * t, positive)
    };
    let numerator = negative_term - positive_term;
    let hard = y == 0.0 || y == 1.0;
    if hard && x.abs() < T::SIGMOID_LINEAR_BELOW {
        let gradient = negative * linear_sigmoid(x) - positive * linear_sigmoid(-x);
        (gradient, true)
    } else {
        let magnitude = negative_term.hi().abs() + positive_term.hi().abs();
        let cancels = numerator.hi().abs() < T::Real::CANCELLED * magnitude;
        let is_tiny = (0.0 < t.hi()) & (t.hi() < T::Real::TINY);
        (numerator.over_one_plus(t), !(cancels | is_tiny))
    }
}

/// The gradient in double-double, for |x| below 746.
///
/// With u = 2^-53: 1 - y is exact, c y within 4 u^2, and t 22 u^2; with the products, 12 u^2 each, either term is within 38 u^2,
/// their difference, which adds 3 u^2 of the sum of their magnitudes, within 64 u^2 = 2^-100 of that. What follows is
/// relative to the result, and below u with its rounding.
///
/// So that nothing is lost below 2^-1022, numbers that are all small are taken times 2^`lift`: where the terms
/// cancel, neither is much larger than t.
#[cold]
#[inline(never)]
fn cancelling_gradient(x: f64, y: f64, pos_weight: f64) -> Pair {
    const SMALL: i32 = -500;
    const SMALL_PRODUCT: f64 = f64::from_bits((1023 - 400) << 52);
    let (significand, exponent) = DoubleDouble::new(-x.abs()).exp();
    let negative = DoubleDouble::sum(1.0, -y);
    let is_small = exponent < SMALL && (x >= 0.0 || (pos_weight * y).abs() < SMALL_PRODUCT);
    let lift = if is_small { -SMALL } else { 0 };
    let lifted = significand.times_power((exponent + lift).max(-1022));
    let t = significand.times_power(exponent.max(-1022));
    let numerator = if x >= 0.0 {
        negative.times_power(lift) - DoubleDouble::product(pos_weight, y) * lifted
    } else {
        let half = |x: f64| DoubleDouble::new(x).times_power(lift / 2).value();
        negative * lifted - DoubleDouble::product(half(pos_weight), half(y))
    };
    let gradient = numerator / (DoubleDouble::new(1.0) + t);
    gradient.times_power(-lift).pair()
}

/// The loss for a `pos_weight` of 1, as a linear term and a factor whose logarithm is the rest:
/// max(x, 0) - x y and 1 + t. The product x y of two `f32` is exact, so nothing is lost by cancellation.
#[inline(always)]
fn fast_term(x: f64, y: f64, t: f64) -> (f64, f64) {
    let positive = if x > 0.0 { x } else { 0.0 };
    (positive - x * y, 1.0 + t)
}

impl<T: Format> ElementwiseLoss<T> for BceWithLogits<'_, T> {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn weight(&self) -> &[T] {
        self.weight
    }

    fn pos_weight(&self) -> &[T] {
        self.pos_weight
    }

    const DOMAINS: Domains = Domains {
        input: Domain::Any,
        target: Domain::UnitInterval,
    };

    #[inline(always)]
    fn value(&self, x: f64, y: f64, pos_weight: f64) -> T::Real {
        real_value::<T>(x, y, pos_weight)
    }

    #[inline(always)]
    fn gradient(&self, x: f64, y: f64, pos_weight: f64) -> T::Real {
        real_gradient::<T>(x, y, pos_weight)
    }

    #[inline(always)]
    fn branchless_gradient(&self, x: f64, y: f64, pos_weight: f64) -> (T::Real, bool) {
        branchless_gradient::<T>(x, y, pos_weight)
    }

    const FAST: bool = true;

    const PADDING: [f64; 2] = [fast_elementary::PADDING, 0.0];

    #[inline(always)]
    fn fast_term<A: Arithmetic>(x: f64, y: f64) -> (f64, f64) {
        fast_term(x, y, fast_elementary::exp_short::<A>(-x.abs()))
    }

    #[inline(always)]
    fn fast_value<A: Arithmetic>(x: f64, y: f64) -> Bracket {
        let t = fast_elementary::exp::<A>(-x.abs());
        let (linear, _) = fast_term(x, y, t);
        Bracket::relative(linear + log1p_unit_with::<A>(t), FAST_ERROR)
    }

    // ((1 - y) - y t) / (1 + t) or ((1 - y) t - y) / (1 + t): each of the two terms, and so their difference, is within
    // a few u of the sum of their magnitudes. So is the reference formula, and nearer to the exact difference where they cancel.
    #[inline(always)]
    fn fast_gradient<A: Arithmetic>(x: f64, y: f64, scale: f64) -> FastElement {
        let t = fast_elementary::exp::<A>(-x.abs());
        let (negative, positive) = if x >= 0.0 { (1.0, t) } else { (t, 1.0) };
        let positive = y * positive;
        let difference = A::mul_add(1.0 - y, negative, -positive);
        let magnitude = A::mul_add(1.0 - y, negative, positive);
        let (linear, factor) = fast_term(x, y, t);
        let over = scale / factor;
        FastElement {
            output: Bracket::absolute(difference * over, magnitude * FAST_ERROR * over),
            linear,
            factor,
        }
    }

    const HAS_FIXED_POINT: bool = true;

    #[inline(always)]
    fn integer(
        x: f32,
        y: f32,
        scale: Option<fixed_losses::FixedScale>,
        losses: &mut fixed_losses::FixedLosses,
    ) -> Option<f32> {
        fixed_value_and_gradient(x, y, scale, losses)
    }
}

/// The loss for a `pos_weight` of 1, added to `losses`, and the gradient times `scale`, if that is certain, in integers.
///
/// With one of two hard labels the gradient is 1 / (1 + t) or t / (1 + t), whose error is that of t, or less. With a
/// soft one it is the difference of [`gradient`]: t is in one of its terms, and in the denominator, so that it
/// is within 2^-33 of the sum of the terms' magnitudes, and within 8 units of 2^-62 for what was rounded down. The formula of
/// record is within 2^-50 of that sum everywhere.
#[inline(always)]
fn fixed_value_and_gradient(
    x: f32,
    y: f32,
    scale: Option<fixed_losses::FixedScale>,
    losses: &mut fixed_losses::FixedLosses,
) -> Option<f32> {
    let Some(magnitude) = fixed::magnitude(x) else {
        losses.add_unknown();
        return None;
    };
    let t = fixed::exp(magnitude);
    // In units of 2^-62.
    let tail = t.units(62);
    let factor = SoftFloat::new((1 << 62) + tail, 62);
    let (below, one) = (x.is_sign_negative(), y == 1.0);
    if one || y == 0.0 {
        let wrong = below == one;
        losses.add(if wrong { magnitude } else { 0 }, factor, 1);
        let recip = factor.recip();
        let gradient = if wrong { recip } else { t.times(recip) };
        return scale?.round(gradient, one, fixed::ERROR);
    }
    // y and 1 - y in units of 2^-64; a y that is less than one is left out.
    let positive = fixed::fraction(y);
    if positive == 0 {
        losses.add_unknown();
        return None;
    }
    let negative = positive.wrapping_neg();
    let wrong = if below { positive } else { negative };
    losses.add(mul_high(magnitude, wrong), factor, 1);
    let (negative, positive) = if below {
        (mul_high(negative, tail), positive >> 2)
    } else {
        (negative >> 2, mul_high(positive, tail))
    };
    let difference = negative.abs_diff(positive);
    // Of a difference in which few bits are left, nothing is known.
    let zeros = difference.leading_zeros();
    if zeros > 20 {
        return None;
    }
    let error = (((negative + positive) >> 33) + 8) << zeros >> 7;
    let gradient = SoftFloat::new(difference, 62).times(factor.recip());
    let error = u32::try_from(error).ok().filter(|&error| error < 1 << 30)?;
    scale?.round(gradient, positive > negative, error + 2)
}

impl<'a, T: Format> FromOptions<'a, T> for BceWithLogits<'a, T> {
    const HAS_WEIGHT: bool = true;
    const HAS_POS_WEIGHT: bool = true;

    fn from_options(options: Options<'a, T>) -> Self {
        let loss = Self::new().weight(options.weight);
        loss.pos_weight(options.pos_weight)
            .reduction(options.reduction)
    }
}

impl<T: Format> Default for BceWithLogits<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Format> BceWithLogits<'a, T> {
    /// The mean, unweighted.
    ///
    /// ```
    /// let loss = trueloss::BceWithLogits::new().forward(&[0.0_f32], &[1.0])?;
    /// assert_eq!(loss, core::f32::consts::LN_2);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    pub const fn new() -> Self {
        Self {
            weight: T::ONE,
            pos_weight: T::ONE,
            reduction: Reduction::Mean,
        }
    }

    /// A factor for each element's loss.
    ///
    /// ```
    /// use trueloss::BceWithLogits;
    ///
    /// let mut losses = [0.0_f32; 2];
    /// BceWithLogits::new().weight(&[2.0, 0.0]).forward_each(&[0.0, 9.0], &[1.0, 0.0], &mut losses)?;
    /// assert_eq!(losses, [2.0 * core::f32::consts::LN_2, 0.0]);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn weight(mut self, weight: &'a [T]) -> Self {
        self.weight = weight;
        self
    }

    /// A factor for the loss of the positive class: above 1 for recall, below 1 for precision.
    ///
    /// ```
    /// use trueloss::BceWithLogits;
    ///
    /// let mut losses = [0.0_f32; 2];
    /// BceWithLogits::new().pos_weight(&[2.0]).forward_each(&[0.0, 0.0], &[1.0, 0.0], &mut losses)?;
    /// assert_eq!(losses, [2.0 * core::f32::consts::LN_2, core::f32::consts::LN_2]);
    /// # Ok::<(), trueloss::Error>(())
    /// ```
    #[must_use]
    pub const fn pos_weight(mut self, pos_weight: &'a [T]) -> Self {
        self.pos_weight = pos_weight;
        self
    }

    /// Mean or sum.
    ///
    /// ```
    /// use trueloss::{BceWithLogits, Reduction};
    ///
    /// let sum = BceWithLogits::new().reduction(Reduction::Sum);
    /// assert_eq!(sum.forward(&[0.0_f32, 0.0], &[1.0, 0.0])?, 2.0 * core::f32::consts::LN_2);
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
    use crate::engine::rounding_test::{LogProduct, SumEstimate};
    use crate::machine::LANES;
    use crate::number::arithmetic::Plain;

    type Loss = BceWithLogits<'static, f32>;

    /// See `softplus_linear`; and sigma(x) = 1/2 + x/4 - …, so that small odd multiples of 2^-24 are near ties.
    const SOFTPLUS_TIE: f32 = f32::from_bits(0x39ea_41d0);
    const SIGMOID_TIE: f32 = -1.0 / (1 << 24) as f32;

    fn bits(x: f32) -> u32 {
        if x.is_nan() { 0 } else { x.to_bits() }
    }

    #[test]
    fn losses_that_are_not_certain_are_those_of_record() {
        for (x, y) in [(SOFTPLUS_TIE, 0.0), (-SOFTPLUS_TIE, 1.0), (f32::NAN, 0.5)] {
            let near = Loss::fast_value::<Plain>(x.into(), f64::from(y));
            assert!(!near.round::<f32>().1);
            let mut losses = [0.0; 3];
            let (x, y) = ([1.0, x, 2.0], [0.5, y, 0.5]);
            Loss::new().forward_each(&x, &y, &mut losses).unwrap();
            let reference = value::<f32>(x[1].into(), y[1].into(), 1.0) as f32;
            assert_eq!(bits(losses[1]), bits(reference));
        }
    }

    /// Of the two ties, one for each target; a gradient of 0; and one that has no number.
    #[test]
    fn gradients_that_are_not_certain_are_those_of_record() {
        let cases = [
            (SIGMOID_TIE, 0.0),
            (-SIGMOID_TIE, 1.0),
            (0.0, 0.5),
            (f32::NAN, 0.5),
        ];
        for (x, y) in cases {
            for scale in [1.0, -1.0] {
                let fast = Loss::fast_gradient::<Plain>(x.into(), f64::from(y), scale.into());
                assert!(!fast.output.round::<f32>().1, "{x:e}, {y}");
                let (x, y) = ([1.0, x, 2.0], [0.5, y, 0.5]);
                let mut grad = [0.0; 3];
                let loss = Loss::new().reduction(Reduction::Sum);
                loss.backward(&x, &y, scale, &mut grad).unwrap();
                let reference = gradient::<f32>(x[1].into(), y[1].into(), 1.0);
                assert_eq!(bits(grad[1]), bits((f64::from(scale) * reference) as f32));
                loss.backward_each(&x, &y, &[scale; 3], &mut grad).unwrap();
                assert_eq!(bits(grad[1]), bits((f64::from(scale) * reference) as f32));
            }
        }
    }

    /// On either side, of the magnitudes of both terms of the gradient.
    #[test]
    fn margins_of_gradients_are_those_of_their_terms() {
        for (x, y, scale) in [
            (0.5, 0.25, 1.0),
            (2.0, 0.75, -0.125),
            (-3.0, 0.1, 1e30),
            (-20.0, 0.9, 7.0),
            (0.0, 0.5, 1.0),
        ] {
            let sigmoid = 1.0 / (1.0 + crate::elementary::exp(-x));
            let terms = [(1.0 - y) * sigmoid, y * (1.0 - sigmoid)];
            let fast = Loss::fast_gradient::<Plain>(x, y, scale);
            let exact = scale * (terms[0] - terms[1]);
            let margin = FAST_ERROR * (scale * (terms[0] + terms[1])).abs();
            for limit in fast.output.limits() {
                let part = (limit - exact).abs() / margin;
                assert!((0.99..1.01).contains(&part), "{x} {y} {scale}: {part}");
            }
        }
    }

    fn estimate(x: &[f32], y: &[f32]) -> SumEstimate {
        let mut losses = LogProduct::new();
        for (lane, (&x, &y)) in x.iter().zip(y).enumerate() {
            let (linear, factor) = Loss::fast_term::<Plain>(x.into(), y.into());
            losses.add(lane % LANES, linear, factor);
        }
        losses.finish(x.len())
    }

    /// Batches of a known sequence, of which some come near a tie.
    #[test]
    fn reduced_losses_that_are_not_certain_are_those_of_record() {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f32 / (1 << 24) as f32
        };
        let mut uncertain = 0;
        let (mut x, mut y) = ([SOFTPLUS_TIE; 40], [0.0; 40]);
        for round in 0..20_000 {
            let len = if round == 0 { 1 } else { 1 + round % 40 };
            let (batch, targets) = (&x[..len], &y[..len]);
            if estimate(batch, targets).round::<f32>(len as f64).is_none() {
                uncertain += 1;
                let loss = Loss::new();
                let reference = loss.partial(batch, targets, 0).unwrap();
                let reference = reference.finish(Reduction::Mean).unwrap();
                assert_eq!(loss.forward(batch, targets), Ok(reference));
                let with_gradient = loss.forward_backward(batch, targets, &mut [0.0; 40][..len]);
                assert_eq!(with_gradient, Ok(reference));
            } else {
                assert_ne!(round, 0);
            }
            x = x.map(|_| next() * 16.0 - 8.0);
            y = y.map(|_| next());
        }
        assert!((10..200).contains(&uncertain), "{uncertain}");
        // What has no mean, or no number, never is.
        assert_eq!(estimate(&[], &[]).round::<f32>(0.0), None);
        for x in [f32::NAN, f32::INFINITY] {
            assert_eq!(estimate(&[1.0, x], &[0.0; 2]).round::<f32>(2.0), None);
        }
    }

    /// What the fast path in integers is certain of is what the reference formula gives; and that is nearly
    /// everything that is common.
    #[test]
    fn integers_give_the_bits_of_record_or_nothing() {
        let mut seed = 9_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f32 / (1 << 24) as f32
        };
        let scale = fixed_losses::FixedScale::new(-0.3);
        let mut uncertain = 0;
        for i in 0..100_000 {
            let x = next() * 32.0 - 16.0;
            let y = [0.0, 1.0, next()][i % 3];
            let mut losses = fixed_losses::FixedLosses::new();
            match fixed_value_and_gradient(x, y, scale, &mut losses) {
                None => uncertain += 1,
                Some(fast) => {
                    let reference = (-0.3 * gradient::<f32>(x.into(), y.into(), 1.0)) as f32;
                    assert_eq!(bits(fast), bits(reference), "{x:e}, {y:e}");
                }
            }
            let loss = value::<f32>(x.into(), y.into(), 1.0);
            if let Some(rounded) = losses.estimate().round::<f32>(1.0) {
                assert_eq!(bits(rounded), bits(loss as f32), "{x:e}, {y:e}");
            }
        }
        assert!((10..1000).contains(&uncertain), "{uncertain}");
    }

    #[test]
    fn integers_leave_to_the_formula_of_record_what_they_do_not_know() {
        let scale = fixed_losses::FixedScale::new(1.0);
        let unknown = [
            (SIGMOID_TIE, 0.0),
            (-SIGMOID_TIE, 1.0),
            (0.0, 0.5),
            (3.0, f32::MIN_POSITIVE),
            (-90.0, 0.0),
            (128.0, 0.0),
            (f32::NEG_INFINITY, 1.0),
            (f32::NAN, 0.5),
        ];
        for (x, y) in unknown {
            let mut losses = fixed_losses::FixedLosses::new();
            let fast = fixed_value_and_gradient(x, y, scale, &mut losses);
            assert_eq!(fast, None, "{x:e}, {y:e}");
            let known = losses.estimate().round::<f32>(1.0).is_some();
            assert!(x.abs() < 100.0 || !known, "{x:e}, {y:e}");
        }
        let mut losses = fixed_losses::FixedLosses::new();
        fixed_value_and_gradient(SOFTPLUS_TIE, 0.0, None, &mut losses);
        assert_eq!(losses.estimate().round::<f32>(1.0), None);
    }
}
