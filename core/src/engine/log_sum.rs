//! Sums of losses of the form linear + ln(factor), in lanes.
//!
//! The sum of up to [`FACTORS`] losses in each lane is the sum of their linear terms and the logarithm of the product of their
//! factors.
//!
//! For elements of 16 bits, in plain `f32`. Sums of `f32` elements are as fast in `f64`
//! ([`LogProduct`](super::rounding_test::LogProduct)), as pairs of `f32` would be.

use super::dispatch::{self, LaneKernel};
use super::estimates::estimates;
use super::lane_element::LaneElement;
use super::rounding_test::SumEstimate;
use crate::number::elementary::log;
use crate::number::formula::LaneReal;
use crate::number::lanes::{GROUP, Lanes, Width};
use crate::number::plain::PlainSingle;

/// How many losses share a logarithm in each lane: with factors up to 2, their product is at most 2^32.
const FACTORS: usize = 32;

/// The largest relative error of one operation.
const UNIT: f64 = 1.0 / (1_u64 << 24) as f64;

/// How far a sum of linear terms is off, in units: a term's product and difference round at 2 u, and 33 sums at u of a partial
/// sum each.
const LINEAR: f64 = 35.0;

/// How far a loss is off in the logarithm of a product, in units of 1: 1 + t and the product round once for each factor.
const FACTOR: f64 = 2.1;

/// A loss of an input and a target of the form linear + ln(1 + t).
pub(crate) trait LogFormula: Copy + Sync {
    /// An input and a target whose loss is 0.
    const PADDING: [f64; 2];

    /// The linear term, at least 0, and 1 + t for a t in [0, 1] that is within `LaneReal::EXP` units.
    fn terms<R: LaneReal>(&self, inputs: [R::F; 2]) -> (R, R);
}

/// The sum of the losses; `None` if there are no lanes on this machine.
pub(crate) fn log_sum<T: LaneElement, F: LogFormula>(
    formula: &F,
    inputs: [&[T]; 2],
) -> Option<SumEstimate> {
    if !dispatch::has_lanes() {
        return None;
    }
    let len = inputs[0].len();
    Some(estimates(len, &mut [], |start, len, _: &mut [()]| {
        let mut inputs = inputs;
        for input in &mut inputs {
            *input = input.get(start..start + len).unwrap_or(&[]);
        }
        let sum = dispatch::run_in_lanes(LogSum { formula, inputs });
        // The width may be limited meanwhile: then the sum is unknown.
        sum.unwrap_or_else(|| SumEstimate::of(f64::NAN, 0.0))
    }))
}

struct LogSum<'a, T, F> {
    formula: &'a F,
    inputs: [&'a [T]; 2],
}

impl<T: LaneElement, F: LogFormula> LaneKernel for LogSum<'_, T, F> {
    type Output = SumEstimate;

    #[inline(always)]
    fn run<W: Width>(self, token: W) -> SumEstimate {
        let len = self.inputs[0].len();
        let mut total = SumEstimate::default();
        let mut start = 0;
        while start < len {
            let end = len.min(start + FACTORS * W::Single::N);
            total = total.merge(self.product(token, start, end));
            start = end;
        }
        total
    }
}

impl<T: LaneElement, F: LogFormula> LogSum<'_, T, F> {
    /// Elements `start..end`: at most [`FACTORS`] in each lane.
    #[inline(always)]
    fn product<W: Width>(&self, token: W, start: usize, end: usize) -> SumEstimate {
        let n = W::Single::N;
        let zero = W::Single::splat(token, 0.0);
        let mut linear = PlainSingle::from_lanes(zero);
        let mut factor = PlainSingle::constant(zero, 1.0);
        let [x, y] = self.inputs;
        let mut at = start;
        while at + n <= end {
            let lanes = [T::load(token, x, at), T::load(token, y, at)];
            let (term, one_plus) = self.formula.terms::<PlainSingle<_>>(lanes);
            linear = linear.add(term);
            factor = factor.mul(one_plus);
            at += n;
        }
        if at < end {
            let mut copies = F::PADDING.map(|padding| [T::encode(padding); GROUP]);
            for (copy, input) in copies.iter_mut().zip(self.inputs) {
                for (copy, &x) in copy.iter_mut().zip(input.get(at..end).unwrap_or(&[])) {
                    *copy = x;
                }
            }
            let lanes = [T::load(token, &copies[0], 0), T::load(token, &copies[1], 0)];
            let (term, one_plus) = self.formula.terms::<PlainSingle<_>>(lanes);
            linear = linear.add(term);
            factor = factor.mul(one_plus);
        }
        let (mut sum, mut product) = ([0.0; GROUP], [1.0; GROUP]);
        linear.hi().store(&mut sum, 0);
        factor.hi().store(&mut product, 0);
        let mut value = 0.0;
        for lane in 0..n {
            value += f64::from(sum[lane]);
        }
        // 16 products of 32 factors are at most 2^512.
        for products in product.chunks(16) {
            let mut product = 1.0;
            for &factor in products {
                product *= f64::from(factor);
            }
            value += log(product);
        }
        let exponential = <PlainSingle<W::Single> as LaneReal>::EXP;
        let relative = (LINEAR + exponential) * UNIT;
        SumEstimate::within(
            value,
            value * relative + (end - start) as f64 * FACTOR * UNIT,
        )
    }
}
