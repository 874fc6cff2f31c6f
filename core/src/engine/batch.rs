//! A function of each element, in batches.
//!
//! Every element of a batch is evaluated in the element type's own arithmetic, in lanes. The rounding test leaves some
//! uncertain: 1% of ordinary numbers, and all that is out of range. Those are listed, gathered, evaluated in lanes of `f64`,
//! rounded and scattered. What even `f64` leaves uncertain, one element in 2^13 of these, is left to the reference formula.

use super::dispatch::{self, LaneKernel};
use super::lane_element::{self, LaneElement};
use super::lane_inputs::{InputGroups, Inputs};
use super::threads::{self, Granularity};
use crate::number::format::Format;
use crate::number::formula::{Formula, LaneReal};
use crate::number::lanes::{GROUP, Lanes, Width};
use crate::number::plain::PlainDouble;
#[cfg(test)]
use core::cell::Cell;

/// How many elements share a list of uncertain ones.
pub(crate) const BATCH: usize = 32 * GROUP;

/// How many elements are gathered at a time: two or four vectors of `f64`.
pub(crate) const GATHERED: usize = 16;

/// Fills `output` from inputs of its length, or shorter ones that are repeated. False if there are no lanes on this machine:
/// then nothing is written.
pub(crate) fn fill<T: LaneElement, F: Formula<IN>, const IN: usize>(
    formula: &F,
    inputs: [&[T]; IN],
    output: &mut [T],
) -> bool {
    if !dispatch::has_lanes() {
        return false;
    }
    let whole = output.len();
    let part = |start: usize, len: usize, output: &mut [T], _: &mut [()]| {
        let fill = Fill {
            formula,
            inputs: Inputs::part(inputs, whole, start, len),
            output,
        };
        dispatch::run_in_lanes(fill).is_some()
    };
    // The width may be limited meanwhile: then a part is not written, and the caller writes all of them.
    let granularity = Granularity::ELEMENTS;
    threads::in_parts(whole, granularity, output, &mut [], part, |a, b| a && b)
}

#[cfg(test)]
std::thread_local! {
    /// How many elements the first arithmetic has left uncertain on this thread, and how many `f64` has.
    pub(crate) static UNCERTAIN: Cell<[usize; 2]> = const { Cell::new([0; 2]) };
}

/// Counts elements that one of the arithmetics has left uncertain.
#[cfg(test)]
pub(crate) fn count(arithmetic: usize, elements: usize) {
    let mut counts = UNCERTAIN.get();
    counts[arithmetic] += elements;
    UNCERTAIN.set(counts);
}

/// Which elements of a batch are uncertain: a bit for each.
pub(crate) struct Uncertain {
    start: usize,
    bits: [u32; BATCH / GROUP],
    groups: usize,
    /// The group that is gathered next.
    group: usize,
    pub(crate) any: u32,
}

impl Uncertain {
    /// Of the batch that begins at `start`.
    #[inline(always)]
    pub(crate) fn new(start: usize) -> Self {
        Self {
            start,
            bits: [0; BATCH / GROUP],
            groups: 0,
            group: 0,
            any: 0,
        }
    }

    /// Those of the next group.
    #[inline(always)]
    pub(crate) fn push(&mut self, uncertain: u32) {
        if let Some(bits) = self.bits.get_mut(self.groups) {
            *bits = uncertain;
        }
        self.groups += 1;
        self.any |= uncertain;
    }

    /// Forgets what lies beyond the first `count` elements of the last group.
    #[inline(always)]
    fn keep_of_last(&mut self, count: usize) {
        if let Some(bits) = self.bits.get_mut(self.groups - 1) {
            *bits &= (1 << count) - 1;
        }
    }

    /// Writes up to [`GATHERED`] of them into `list`, and forgets them: how many.
    #[inline(always)]
    pub(crate) fn gather(&mut self, list: &mut [usize; GATHERED]) -> usize {
        let mut count = 0;
        for group in self.group..self.groups.min(self.bits.len()) {
            self.group = group;
            let bits = &mut self.bits[group];
            while *bits != 0 {
                if count == GATHERED {
                    return count;
                }
                let lane = bits.trailing_zeros() as usize;
                list[count] = self.start + group * GROUP + lane;
                *bits &= *bits - 1;
                count += 1;
            }
        }
        self.group = self.groups;
        count
    }
}

struct Fill<'a, T, F, const IN: usize> {
    formula: &'a F,
    inputs: Inputs<'a, T, IN>,
    output: &'a mut [T],
}

impl<T: LaneElement, F: Formula<IN>, const IN: usize> LaneKernel for Fill<'_, T, F, IN> {
    type Output = ();

    #[inline(always)]
    fn run<W: Width>(mut self, token: W) {
        let len = self.output.len();
        let mut groups = InputGroups::new(self.inputs);
        if F::BROADCASTS {
            groups.repeat();
        }
        let mut start = 0;
        while start < len {
            let end = len.min(start + BATCH);
            self.batch(token, &mut groups, start, end);
            start = end;
        }
    }
}

impl<T: LaneElement, F: Formula<IN>, const IN: usize> Fill<'_, T, F, IN> {
    /// Elements `start..end`: at most [`BATCH`]. Those that do not fill a group are copied to one of zeros. The formula is
    /// written into the machine code once, as it is long: hence the loop over these two.
    #[inline(always)]
    fn batch<W: Width>(
        &mut self,
        token: W,
        input_groups: &mut InputGroups<'_, T, IN>,
        start: usize,
        end: usize,
    ) {
        let rest = (end - start) % GROUP;
        let mut uncertain = Uncertain::new(start);
        let mut copies = [[T::zero(); GROUP]; IN];
        for (k, copy) in copies.iter_mut().enumerate() {
            for (index, copy) in (end - rest..end).zip(copy) {
                *copy = self.inputs.at(k, index);
            }
        }
        let mut rounded = [T::zero(); GROUP];
        let mut at = start;
        let mut full = end - rest;
        let mut values = self.inputs.values;
        let mut output = &mut *self.output;
        let mut is_rest = false;
        loop {
            while at + GROUP <= full {
                let certain = if F::BROADCASTS && !is_rest {
                    let (inputs, begin) = input_groups.next();
                    group(token, self.formula, &inputs, begin, output, at)
                } else {
                    group(token, self.formula, &values, [at; IN], output, at)
                };
                uncertain.push(!certain);
                at += GROUP;
            }
            if is_rest || rest == 0 {
                break;
            }
            is_rest = true;
            for (value, copy) in values.iter_mut().zip(&copies) {
                *value = copy;
            }
            output = &mut rounded;
            (at, full) = (0, GROUP);
        }
        if rest != 0 {
            uncertain.keep_of_last(rest);
            for (out, x) in self.output.iter_mut().skip(end - rest).zip(rounded) {
                *out = x;
            }
        }
        if uncertain.any != 0 {
            let mut list = [0; GATHERED];
            loop {
                let count = uncertain.gather(&mut list);
                if count == 0 {
                    break;
                }
                self.gathered(token, &list, count);
            }
        }
    }

    /// Evaluates the first `count` elements of a list in `f64`.
    #[inline(always)]
    fn gathered<W: Width>(&mut self, token: W, list: &[usize; GATHERED], count: usize) {
        let inputs = gather(&self.inputs, list, count);
        let Interval { lo, hi, ok } = interval(token, self.formula, &inputs);
        let mut rounded = [T::zero(); GATHERED];
        let mut certain = [false; GATHERED];
        for i in 0..GATHERED {
            let (low, high) = (T::encode(lo[i]), T::encode(hi[i]));
            rounded[i] = low;
            // An infinity may come from a factor that is infinite, beside one that is 0 in the reference formula.
            let is_finite = lo[i].abs() < f64::INFINITY;
            // An interval on one side of 0 has its sign. Far from 0 the reference formulas may give a 0 of their own.
            let is_near = inputs[0][i].abs() < <PlainDouble<W::Double> as LaneReal>::FAR;
            let is_one_sided = ((lo[i] > 0.0) & (hi[i] > 0.0)) | ((lo[i] < 0.0) & (hi[i] < 0.0));
            let has_sign = F::SIGNED_ZERO | (low != T::zero()) | (is_near & is_one_sided);
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
                T::encode(reference(self.formula, element))
            };
            if let Some(out) = self.output.get_mut(list[i]) {
                *out = output;
            }
        }
    }
}

/// The first `count` elements of a list, exactly.
#[inline(always)]
pub(crate) fn gather<T: Format, const IN: usize>(
    inputs: &Inputs<'_, T, IN>,
    list: &[usize; GATHERED],
    _count: usize,
) -> [[f64; GATHERED]; IN] {
    #[cfg(test)]
    self::count(0, _count);
    let mut gathered = [[0.0; GATHERED]; IN];
    for (k, gathered) in gathered.iter_mut().enumerate() {
        let mut elements = [T::zero(); GATHERED];
        for (element, &index) in elements.iter_mut().zip(list) {
            *element = inputs.at(k, index);
        }
        for i in 0..GATHERED {
            gathered[i] = elements[i].decode();
        }
    }
    gathered
}

/// Between what numbers the reference formula's unrounded values lie, where `ok` is 1.
pub(crate) struct Interval {
    pub(crate) lo: [f64; GATHERED],
    pub(crate) hi: [f64; GATHERED],
    pub(crate) ok: [u32; GATHERED],
}

/// A formula in lanes of `f64`.
#[inline(always)]
pub(crate) fn interval<W: Width, F: Formula<IN>, const IN: usize>(
    token: W,
    formula: &F,
    inputs: &[[f64; GATHERED]; IN],
) -> Interval {
    let mut interval = Interval {
        lo: [0.0; GATHERED],
        hi: [0.0; GATHERED],
        ok: [0; GATHERED],
    };
    let mut at = 0;
    while at < GATHERED {
        let mut lanes = [W::Double::splat(token, 0.0); IN];
        for (lanes, gathered) in lanes.iter_mut().zip(inputs) {
            *lanes = W::Double::load(token, gathered, at);
        }
        let within = formula.eval::<PlainDouble<W::Double>>(lanes);
        let (low, high) = lane_element::interval::<F, _, IN>(&within);
        low.store(&mut interval.lo, at);
        high.store(&mut interval.hi, at);
        let bits = W::Double::bits(within.ok);
        for lane in 0..W::Double::N {
            interval.ok[at + lane] = bits >> lane & 1;
        }
        at += W::Double::N;
    }
    interval
}

/// A group of elements: a bit for each that is certain.
#[inline(always)]
fn group<W: Width, T: LaneElement, F: Formula<IN>, const IN: usize>(
    token: W,
    formula: &F,
    inputs: &[&[T]; IN],
    begin: [usize; IN],
    output: &mut [T],
    output_at: usize,
) -> u32 {
    let mut certain = 0;
    let mut lane = 0;
    while lane < GROUP {
        let mut lanes = [W::Single::splat(token, 0.0); IN];
        for k in 0..IN {
            lanes[k] = T::load(token, inputs[k], begin[k] + lane);
        }
        let within = formula.eval::<T::Fast<W>>(lanes);
        let bits = lane_element::store::<T, F, _, IN>(&within, output, output_at + lane);
        certain |= bits << lane;
        lane += W::Single::N;
    }
    certain
}

/// The reference formula.
#[cold]
#[inline(never)]
pub(crate) fn reference<F: Formula<IN>, const IN: usize>(formula: &F, inputs: [f64; IN]) -> f64 {
    #[cfg(test)]
    count(1, 1);
    formula.reference(inputs)
}
