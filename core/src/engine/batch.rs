//! A function of each element, in batches.
//!
//! Every element of a batch is evaluated in the element type's own arithmetic, in lanes. The rounding test leaves some
//! uncertain: 1% of ordinary numbers, and all that is out of range. Those are listed, gathered, evaluated in lanes of `f64`,
//! rounded and scattered. What even `f64` leaves uncertain, one element in 2^13 of these, is left to the reference formula.

use super::dispatch::{self, LaneKernel};
use super::lane_element::{self, LaneElement};
use super::log_sum::LogFormula;
#[cfg(feature = "half")]
use super::log_sum::log_sum;
use super::rounding_test::SumEstimate;
use super::threads::{self, Granularity};
use crate::number::format::Format;
use crate::number::formula::Formula;
use crate::number::lanes::{GROUP, Lanes, Width};
use crate::number::plain::PlainDouble;
#[cfg(test)]
use core::cell::Cell;

/// How many elements share a list of uncertain ones.
const BATCH: usize = 32 * GROUP;

/// How many elements are gathered at a time: two or four vectors of `f64`.
const GATHERED: usize = 16;

/// An element type, whether or not it has fast paths in lanes.
pub(crate) trait FillInLanes: Format {
    /// Fills `output` by the fast path of a formula. False if there is none on this machine: then nothing is written.
    fn fill_in_lanes<F: Formula<IN>, const IN: usize>(
        _formula: &F,
        _inputs: [&[Self]; IN],
        _output: &mut [Self],
    ) -> bool {
        false
    }

    /// The sum of losses in lanes. `None` if there is no fast path on this machine.
    fn log_sum_in_lanes<F: LogFormula>(_formula: &F, _inputs: [&[Self]; 2]) -> Option<SumEstimate> {
        None
    }
}

impl FillInLanes for f64 {}

impl FillInLanes for f32 {
    fn fill_in_lanes<F: Formula<IN>, const IN: usize>(
        formula: &F,
        inputs: [&[Self]; IN],
        output: &mut [Self],
    ) -> bool {
        fill(formula, inputs, output)
    }
}

#[cfg(feature = "half")]
macro_rules! half {
    ($T:ty) => {
        impl FillInLanes for $T {
            fn fill_in_lanes<F: Formula<IN>, const IN: usize>(
                formula: &F,
                inputs: [&[Self]; IN],
                output: &mut [Self],
            ) -> bool {
                fill(formula, inputs, output)
            }

            fn log_sum_in_lanes<F: LogFormula>(
                formula: &F,
                inputs: [&[Self]; 2],
            ) -> Option<SumEstimate> {
                log_sum(formula, inputs)
            }
        }
    };
}
#[cfg(feature = "half")]
half!(::half::f16);
#[cfg(feature = "half")]
half!(::half::bf16);

/// Fills `output` from inputs of its length. False if there are no lanes on this machine: then nothing is written.
pub(crate) fn fill<T: LaneElement, F: Formula<IN>, const IN: usize>(
    formula: &F,
    inputs: [&[T]; IN],
    output: &mut [T],
) -> bool {
    if !dispatch::has_lanes() {
        return false;
    }
    let len = output.len();
    let part = |start: usize, len: usize, output: &mut [T], _: &mut [()]| {
        let mut inputs = inputs;
        for input in &mut inputs {
            *input = input.get(start..start + len).unwrap_or(&[]);
        }
        let fill = Fill {
            formula,
            inputs,
            output,
        };
        dispatch::run_in_lanes(fill).is_some()
    };
    // The width may be limited meanwhile: then a part is not written, and the caller writes all of them.
    let whole = Granularity::ELEMENTS;
    threads::in_parts(len, whole, output, &mut [], part, |a, b| a && b)
}

#[cfg(test)]
std::thread_local! {
    /// How many elements the first arithmetic has left uncertain on this thread, and how many `f64` has.
    pub(crate) static UNCERTAIN: Cell<[usize; 2]> = const { Cell::new([0; 2]) };
}

/// Counts elements that one of the arithmetics has left uncertain.
#[cfg(test)]
fn count(arithmetic: usize, elements: usize) {
    let mut counts = UNCERTAIN.get();
    counts[arithmetic] += elements;
    UNCERTAIN.set(counts);
}

struct Fill<'a, T, F, const IN: usize> {
    formula: &'a F,
    inputs: [&'a [T]; IN],
    output: &'a mut [T],
}

impl<T: LaneElement, F: Formula<IN>, const IN: usize> LaneKernel for Fill<'_, T, F, IN> {
    type Output = ();

    #[inline(always)]
    fn run<W: Width>(mut self, token: W) {
        let len = self.output.len();
        let mut start = 0;
        while start < len {
            let end = len.min(start + BATCH);
            self.batch(token, start, end);
            start = end;
        }
    }
}

impl<T: LaneElement, F: Formula<IN>, const IN: usize> Fill<'_, T, F, IN> {
    /// Elements `start..end`: at most [`BATCH`].
    #[inline(always)]
    fn batch<W: Width>(&mut self, token: W, start: usize, end: usize) {
        let mut uncertain = [0_u32; BATCH / GROUP];
        let mut any = 0;
        let mut at = start;
        let mut groups = uncertain.iter_mut();
        while at + GROUP <= end {
            let certain = group(token, self.formula, &self.inputs, at, self.output, at);
            if let Some(bits) = groups.next() {
                *bits = !certain;
            }
            any |= !certain;
            at += GROUP;
        }
        if at < end {
            let certain = self.last_group(token, at, end);
            let bits = !certain & ((1 << (end - at)) - 1);
            if let Some(last) = groups.next() {
                *last = bits;
            }
            any |= bits;
        }
        if any != 0 {
            self.again(token, start, &uncertain);
        }
    }

    /// Elements `at..end`, fewer than a group: copies of them, filled up with zeros.
    #[inline(always)]
    fn last_group<W: Width>(&mut self, token: W, at: usize, end: usize) -> u32 {
        let mut copies = [[T::zero(); GROUP]; IN];
        for (copy, input) in copies.iter_mut().zip(&self.inputs) {
            for (copy, &x) in copy.iter_mut().zip(input.get(at..end).unwrap_or(&[])) {
                *copy = x;
            }
        }
        let mut inputs: [&[T]; IN] = [&[]; IN];
        for (input, copy) in inputs.iter_mut().zip(&copies) {
            *input = copy;
        }
        let mut rounded = [T::zero(); GROUP];
        let certain = group(token, self.formula, &inputs, 0, &mut rounded, 0);
        for (out, x) in self.output.iter_mut().skip(at).zip(rounded) {
            *out = x;
        }
        certain
    }

    /// Evaluates again what is uncertain of the batch from `start` on: a bit for each element.
    #[inline(always)]
    fn again<W: Width>(&mut self, token: W, start: usize, uncertain: &[u32; BATCH / GROUP]) {
        let mut list = [0; GATHERED];
        let mut count = 0;
        for (group, &bits) in uncertain.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                list[count % GATHERED] = start + group * GROUP + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                count += 1;
                if count == GATHERED {
                    self.gathered(token, &list, count);
                    count = 0;
                }
            }
        }
        if count > 0 {
            self.gathered(token, &list, count);
        }
    }

    /// Evaluates the first `count` elements of a list in `f64`.
    #[inline(always)]
    fn gathered<W: Width>(&mut self, token: W, list: &[usize; GATHERED], count: usize) {
        #[cfg(test)]
        self::count(0, count);
        let mut inputs = [[0.0; GATHERED]; IN];
        for (gathered, input) in inputs.iter_mut().zip(&self.inputs) {
            let mut elements = [T::zero(); GATHERED];
            for (element, &index) in elements.iter_mut().zip(list) {
                *element = input.get(index).copied().unwrap_or(T::zero());
            }
            for i in 0..GATHERED {
                gathered[i] = elements[i].decode();
            }
        }
        let (mut lo, mut hi) = ([0.0; GATHERED], [0.0; GATHERED]);
        let mut ok = [0_u32; GATHERED];
        let mut at = 0;
        while at < GATHERED {
            let mut lanes = [W::Double::splat(token, 0.0); IN];
            for (lanes, gathered) in lanes.iter_mut().zip(&inputs) {
                *lanes = W::Double::load(token, gathered, at);
            }
            let within = self.formula.eval::<PlainDouble<W::Double>>(lanes);
            let (low, high) = lane_element::interval::<F, _, IN>(&within);
            low.store(&mut lo, at);
            high.store(&mut hi, at);
            let bits = W::Double::bits(within.ok);
            for lane in 0..W::Double::N {
                ok[at + lane] = bits >> lane & 1;
            }
            at += W::Double::N;
        }
        let mut rounded = [T::zero(); GATHERED];
        let mut certain = [false; GATHERED];
        for i in 0..GATHERED {
            let (low, high) = (T::encode(lo[i]), T::encode(hi[i]));
            rounded[i] = low;
            // An infinity may come from a factor that is infinite, beside one that is 0 in the reference formula.
            let is_finite = lo[i].abs() < f64::INFINITY;
            let has_sign = F::SIGNED_ZERO | (low != T::zero());
            certain[i] = (ok[i] != 0) & is_finite & has_sign & (low == high);
        }
        for i in 0..count.min(GATHERED) {
            let output = if certain[i] {
                rounded[i]
            } else if inputs[0][i].is_nan() {
                T::nan()
            } else {
                let mut element = [0.0; IN];
                for (x, gathered) in element.iter_mut().zip(&inputs) {
                    *x = gathered[i];
                }
                reference(self.formula, element)
            };
            if let Some(out) = self.output.get_mut(list[i]) {
                *out = output;
            }
        }
    }
}

/// A group of elements: a bit for each that is certain.
#[inline(always)]
fn group<W: Width, T: LaneElement, F: Formula<IN>, const IN: usize>(
    token: W,
    formula: &F,
    inputs: &[&[T]; IN],
    at: usize,
    output: &mut [T],
    output_at: usize,
) -> u32 {
    let mut certain = 0;
    let mut lane = 0;
    while lane < GROUP {
        let mut lanes = [W::Single::splat(token, 0.0); IN];
        for (lanes, input) in lanes.iter_mut().zip(inputs) {
            *lanes = T::load(token, input, at + lane);
        }
        let within = formula.eval::<T::Fast<W>>(lanes);
        let bits = lane_element::store::<T, F, _, IN>(&within, output, output_at + lane);
        certain |= bits << lane;
        lane += W::Single::N;
    }
    certain
}

/// The reference formula, rounded.
#[cold]
#[inline(never)]
fn reference<T: LaneElement, F: Formula<IN>, const IN: usize>(formula: &F, inputs: [f64; IN]) -> T {
    #[cfg(test)]
    count(1, 1);
    T::encode(formula.reference(inputs))
}
