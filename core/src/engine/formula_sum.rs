//! Sums of a formula's values in lanes.
//!
//! The values are added as they come from the element type's own arithmetic, lane by lane; those that it leaves uncertain
//! are evaluated in `f64`. The sum is rounded only where its error leaves no choice
//! ([`SumEstimate::round`](super::rounding_test::SumEstimate::round)).

use super::batch::{BATCH, GATHERED, Interval, Uncertain, gather, interval, reference};
use super::dispatch::{self, LaneKernel};
use super::estimates::estimates;
use super::lane_element::LaneElement;
use super::lane_inputs::{InputGroups, Inputs};
use super::rounding_test::SumEstimate;
use crate::number::formula::{Formula, LaneReal};
use crate::number::lanes::{GROUP, Lanes, Single, Width};

/// How far the sum of a batch is off, in units of the sum of magnitudes: a lane adds at most 32 values, at
/// `SUM_OF_NORMAL` each; and what the sum of magnitudes loses.
const ADDITIONS: f64 = 34.0;

/// The sum of `len` values; `None` if there are no lanes on this machine.
pub(crate) fn formula_sum<T: LaneElement, F: Formula<IN>, const IN: usize>(
    formula: &F,
    inputs: [&[T]; IN],
    whole: usize,
) -> Option<SumEstimate> {
    if !dispatch::has_lanes() {
        return None;
    }
    Some(estimates(whole, &mut [], |start, len, _: &mut [()]| {
        let inputs = Inputs::part(inputs, whole, start, len);
        let sum = dispatch::run_in_lanes(FormulaSum {
            formula,
            inputs,
            len,
        });
        // The width may be limited meanwhile: then the sum is unknown.
        sum.unwrap_or_else(|| SumEstimate::of(f64::NAN, 0.0))
    }))
}

struct FormulaSum<'a, T, F, const IN: usize> {
    formula: &'a F,
    inputs: Inputs<'a, T, IN>,
    len: usize,
}

/// The sum of the lanes. At most a group of them.
#[inline(always)]
fn across<F: Single>(lanes: F) -> f64 {
    let mut copy = [0.0; GROUP];
    lanes.store(&mut copy, 0);
    let mut sum = 0.0;
    for x in copy {
        sum += f64::from(x);
    }
    sum
}

/// What is added up.
#[derive(Clone, Copy)]
struct Total<R: LaneReal> {
    value: R,
    magnitude: R::F,
}

impl<T: LaneElement, F: Formula<IN>, const IN: usize> LaneKernel for FormulaSum<'_, T, F, IN> {
    type Output = SumEstimate;

    #[inline(always)]
    fn run<W: Width>(self, token: W) -> SumEstimate {
        let mut groups = InputGroups::new(self.inputs);
        if F::BROADCASTS {
            groups.repeat();
        }
        let mut total = SumEstimate::default();
        let mut start = 0;
        while start < self.len {
            let end = self.len.min(start + BATCH);
            total = total.merge(self.batch(token, &mut groups, start, end));
            start = end;
        }
        total
    }
}

impl<T: LaneElement, F: Formula<IN>, const IN: usize> FormulaSum<'_, T, F, IN> {
    /// Elements `start..end`: at most [`BATCH`].
    #[inline(always)]
    fn batch<W: Width>(
        &self,
        token: W,
        groups: &mut InputGroups<'_, T, IN>,
        start: usize,
        end: usize,
    ) -> SumEstimate {
        let zero = W::Single::splat(token, 0.0);
        let mut total = Total {
            value: T::Fast::<W>::from_lanes(zero),
            magnitude: zero,
        };
        let mut uncertain = Uncertain::new(start);
        let mut at = start;
        while at + GROUP <= end {
            let certain = if F::BROADCASTS {
                let (inputs, begin) = groups.next();
                self.group(token, &inputs, begin, &mut total)
            } else {
                self.group(token, &self.inputs.values, [at; IN], &mut total)
            };
            uncertain.push(!certain);
            at += GROUP;
        }
        // Fewer than a group are left to `f64`.
        if at < end {
            uncertain.push((1 << (end - at)) - 1);
        }
        let (hi, lo) = total.value.parts();
        let (value, magnitude) = (across(hi) + across(lo), across(total.magnitude));
        let units = F::units::<T::Fast<W>>() + ADDITIONS * T::Fast::<W>::SUM_OF_NORMAL;
        let mut sum =
            SumEstimate::of_terms(value, magnitude, magnitude * (units * T::Fast::<W>::UNIT));
        let mut list = [0; GATHERED];
        loop {
            let count = uncertain.gather(&mut list);
            if count == 0 {
                break;
            }
            sum = sum.merge(self.gathered(token, &list, count));
        }
        sum
    }

    /// Adds a group, but for what is uncertain: a bit for each element that is certain.
    #[inline(always)]
    fn group<W: Width>(
        &self,
        token: W,
        inputs: &[&[T]; IN],
        begin: [usize; IN],
        total: &mut Total<T::Fast<W>>,
    ) -> u32 {
        let zero = W::Single::splat(token, 0.0);
        let mut certain = 0;
        let mut lane = 0;
        while lane < GROUP {
            let mut lanes = [zero; IN];
            for k in 0..IN {
                lanes[k] = T::load(token, inputs[k], begin[k] + lane);
            }
            let within = self.formula.eval::<T::Fast<W>>(lanes);
            // Infinities and NaN too are left to `f64`.
            let is_finite = within.magnitude.lt(zero.constant(f32::MAX.into()));
            let ok = W::Single::and(within.ok, is_finite);
            let none = T::Fast::<W>::from_lanes(zero);
            let value = T::Fast::<W>::select(ok, within.value, none);
            total.value = total.value.add(value);
            total.magnitude = total.magnitude + W::Single::select(ok, within.magnitude, zero);
            certain |= W::Single::bits(ok) << lane;
            lane += W::Single::N;
        }
        certain
    }

    /// The sum of the first `count` elements of a list.
    #[inline(always)]
    fn gathered<W: Width>(&self, token: W, list: &[usize; GATHERED], count: usize) -> SumEstimate {
        let inputs = gather(&self.inputs, list, count);
        let Interval { lo, hi, ok } = interval(token, self.formula, &inputs);
        let (mut value, mut magnitude, mut error) = (0.0, 0.0, 0.0);
        for i in 0..count.min(GATHERED) {
            let mut element = 0.5 * (lo[i] + hi[i]);
            let mut element_error = 0.5 * (hi[i] - lo[i]);
            let is_finite = element_error < f64::INFINITY;
            if ok[i] == 0 || !is_finite {
                let mut inputs_of_one = [0.0; IN];
                for (x, gathered) in inputs_of_one.iter_mut().zip(&inputs) {
                    *x = gathered[i];
                }
                element = reference(self.formula, inputs_of_one);
                element_error = 0.0;
            }
            value += element;
            magnitude += element.abs();
            error += element_error;
        }
        SumEstimate::of_terms(value, magnitude, error)
    }
}
