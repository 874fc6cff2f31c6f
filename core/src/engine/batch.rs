//! A formula's values and gradients, in batches.
//!
//! Every element of a batch is evaluated in the element type's own arithmetic, in lanes. The rounding test leaves some
//! uncertain: a few percent of ordinary numbers (`loss/tests.rs` has the limits), and all that is out of range. Those are listed,
//! gathered, evaluated in lanes of `f64`, rounded and scattered. What even `f64` leaves uncertain, one element in 2^13 of these,
//! is left to the reference formula.
//!
//! A sum adds values lane by lane, as they come. Those that are out of range are added from `f64`. A sum is rounded only where its
//! error leaves no choice ([`SumEstimate::round`]).
//!
//! Each formula, element type and width has one kernel. It has three loops (values, gradients, both), which share one loop for
//! uncertain elements.

use super::dispatch::{self, LaneKernel};
use super::lane_element::{self, LaneElement};
use super::lane_inputs::{InputGroups, Inputs};
use super::rounding_test::SumEstimate;
use super::threads::{self, Granularity};
use super::uncertain::{BATCH, GATHERED, Uncertain};
use crate::number::formula::{Factor, Formula, LaneReal, Within};
use crate::number::lanes::{GROUP, Lanes, Single, Width};
use crate::number::plain::PlainDouble;
#[cfg(test)]
use core::cell::Cell;
use core::ops::Range;

/// The error of a batch's sum, in `SUM_OF_NORMAL` of the sum of magnitudes. A lane makes at most 32 additions; the rest is for the
/// roundings of the sum of magnitudes itself.
const ADDITIONS: f64 = 34.0;

/// What gradients are multiplied by.
#[derive(Clone, Copy)]
pub(crate) enum Factors<'a, T> {
    All(f64),
    Each(&'a [T]),
}

/// What a call asks for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a, T> {
    /// The sum of the values.
    Sum,
    /// The same from `f64` alone: more exact.
    SumInDouble,
    /// Each value, written.
    Values,
    /// Each gradient, written.
    Gradients(Factors<'a, T>),
    /// The sum, and each gradient, written.
    SumAndGradients(Factors<'a, T>),
}

impl<'a, T: Copy> Wanted<'a, T> {
    #[inline(always)]
    fn sums(&self) -> bool {
        matches!(
            self,
            Self::Sum | Self::SumInDouble | Self::SumAndGradients(_)
        )
    }

    #[inline(always)]
    fn values(&self) -> bool {
        self.sums() || matches!(self, Self::Values)
    }

    #[inline(always)]
    fn factors(&self) -> Option<Factors<'a, T>> {
        match *self {
            Self::Gradients(factors) | Self::SumAndGradients(factors) => Some(factors),
            _ => None,
        }
    }

    /// The same of the factors that `of` gives.
    #[inline(always)]
    fn with_factors<'b>(self, of: impl FnOnce(&'a [T]) -> &'b [T]) -> Wanted<'b, T> {
        let part = |factors| match factors {
            Factors::All(factor) => Factors::All(factor),
            Factors::Each(factors) => Factors::Each(of(factors)),
        };
        match self {
            Self::Sum => Wanted::Sum,
            Self::SumInDouble => Wanted::SumInDouble,
            Self::Values => Wanted::Values,
            Self::Gradients(factors) => Wanted::Gradients(part(factors)),
            Self::SumAndGradients(factors) => Wanted::SumAndGradients(part(factors)),
        }
    }
}

/// Evaluates a formula of `len` elements. An input has that length, or is shorter and repeated. The output has it, or is empty if
/// only a sum is wanted. Returns `None`, and writes nothing, if this machine has no lanes.
pub(crate) fn evaluate<T: LaneElement, F: Formula<IN>, const IN: usize>(
    formula: &F,
    inputs: [&[T]; IN],
    len: usize,
    wanted: Wanted<'_, T>,
    output: &mut [T],
) -> Option<SumEstimate> {
    if !dispatch::has_lanes() {
        return None;
    }
    let part = |start: usize, count: usize, output: &mut [T], _: &mut [()]| {
        let inputs = Inputs::part(inputs, len, start, count);
        let wanted = wanted.with_factors(|each| each.get(start..start + count).unwrap_or(&[]));
        evaluate_part(formula, inputs, count, wanted, output)
    };
    // The width may be limited meanwhile: then a part is not written, and the caller writes all of them.
    threads::in_parts(len, Granularity::ELEMENTS, output, &mut [], part, |a, b| {
        Some(a?.merge(b?))
    })
}

fn evaluate_part<T: LaneElement, F: Formula<IN>, const IN: usize>(
    formula: &F,
    inputs: Inputs<'_, T, IN>,
    len: usize,
    wanted: Wanted<'_, T>,
    output: &mut [T],
) -> Option<SumEstimate> {
    let rest = len % GROUP;
    let full = len - rest;
    let (of_groups, of_rest) = output.split_at_mut(full.min(output.len()));
    let mut sum = SumEstimate::default();
    if full != 0 {
        sum = dispatch::run_in_lanes(Batches {
            formula,
            inputs,
            len: full,
            counted: u32::MAX,
            wanted,
            output: of_groups,
        })?;
    }
    if rest != 0 {
        // Pads the rest to a full group with NaN, which is added to no sum.
        let mut copies = [[T::nan(); GROUP]; IN];
        for (k, copies) in copies.iter_mut().enumerate() {
            for (copy, index) in copies.iter_mut().zip(full..len) {
                *copy = inputs.at(k, index);
            }
        }
        let mut factors = [T::nan(); GROUP];
        let wanted = wanted.with_factors(|each| {
            for (copy, &factor) in factors.iter_mut().zip(each.get(full..).unwrap_or(&[])) {
                *copy = factor;
            }
            &factors
        });
        let mut rounded = [T::zero(); GROUP];
        let of_copies = dispatch::run_in_lanes(Batches {
            formula,
            inputs: Inputs::all(copies.each_ref().map(|copies| &copies[..])),
            len: GROUP,
            counted: (1 << rest) - 1,
            wanted,
            output: &mut rounded,
        })?;
        for (out, rounded) in of_rest.iter_mut().zip(rounded) {
            *out = rounded;
        }
        sum = if full == 0 {
            of_copies
        } else {
            sum.merge(of_copies)
        };
    }
    Some(sum)
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

/// Groups of elements, all of them full.
struct Batches<'a, T, F, const IN: usize> {
    formula: &'a F,
    inputs: Inputs<'a, T, IN>,
    len: usize,
    /// Which elements of a group count.
    counted: u32,
    wanted: Wanted<'a, T>,
    output: &'a mut [T],
}

/// What is added up.
#[derive(Clone, Copy)]
struct Total<R: LaneReal> {
    value: R,
    magnitude: R::F,
}

impl<T: LaneElement, F: Formula<IN>, const IN: usize> LaneKernel for Batches<'_, T, F, IN> {
    type Output = SumEstimate;

    #[inline(always)]
    fn run<W: Width>(mut self, token: W) -> SumEstimate {
        let mut groups = InputGroups::new(self.inputs);
        if F::BROADCASTS {
            groups.repeat();
        }
        let mut total = SumEstimate::default();
        let mut start = 0;
        while start < self.len {
            let end = self.len.min(start + BATCH);
            let sum = self.batch(token, &mut groups, start, end);
            if self.sums() {
                total = if start == 0 { sum } else { total.merge(sum) };
            }
            start = end;
        }
        total
    }
}

impl<T: LaneElement, F: Formula<IN>, const IN: usize> Batches<'_, T, F, IN> {
    /// Whether the sum of the values is wanted.
    #[inline(always)]
    fn sums(&self) -> bool {
        F::IS_LOSS && self.wanted.sums()
    }

    /// Elements `start..end`: at most [`BATCH`].
    #[inline(always)]
    fn batch<W: Width>(
        &mut self,
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
        let (values, gradients) = (self.wanted.values(), self.wanted.factors().is_some());
        // One loop per case keeps fewer values in registers.
        if F::IS_LOSS && matches!(self.wanted, Wanted::SumInDouble) {
            for _ in (start..end).step_by(GROUP) {
                uncertain.push(0, self.counted, true);
            }
        } else if F::IS_LOSS && values && gradients {
            self.groups::<true, true, W>(token, groups, start..end, &mut total, &mut uncertain);
        } else if values {
            self.groups::<true, false, W>(token, groups, start..end, &mut total, &mut uncertain);
        } else {
            self.groups::<false, true, W>(token, groups, start..end, &mut total, &mut uncertain);
        }
        let mut sum = SumEstimate::default();
        if self.sums() {
            let (hi, lo) = total.value.parts();
            let (value, magnitude) = (across(hi) + across(lo), across(total.magnitude));
            let units = F::value_units::<T::Fast<W>>() + ADDITIONS * T::Fast::<W>::SUM_OF_NORMAL;
            let error = magnitude * (units * T::Fast::<W>::UNIT);
            sum = SumEstimate::of_terms(value, magnitude, error);
        }
        if uncertain.any() {
            let mut list = [0; GATHERED];
            loop {
                let count = uncertain.take(&mut list);
                if count == 0 {
                    break;
                }
                let sum_of_missing = self.evaluate_in_double(token, &list, count, &uncertain);
                sum = sum.merge(sum_of_missing);
            }
        }
        sum
    }

    /// Evaluates groups of elements in the first arithmetic.
    #[inline(always)]
    fn groups<const VALUES: bool, const GRADIENTS: bool, W: Width>(
        &mut self,
        token: W,
        groups: &mut InputGroups<'_, T, IN>,
        places: Range<usize>,
        total: &mut Total<T::Fast<W>>,
        uncertain: &mut Uncertain,
    ) {
        let mut at = places.start;
        while at < places.end {
            let (uncertain_lanes, missing_lanes) = if F::BROADCASTS {
                let (inputs, begin) = groups.next();
                self.group::<VALUES, GRADIENTS, W>(token, &inputs, begin, at, total)
            } else {
                let inputs = self.inputs.values;
                self.group::<VALUES, GRADIENTS, W>(token, &inputs, [at; IN], at, total)
            };
            uncertain.push(
                uncertain_lanes & self.counted,
                missing_lanes & self.counted,
                F::IS_LOSS,
            );
            at += GROUP;
        }
    }

    /// A group of elements that begins at `at`: a bit for each that is uncertain, and for each value that is not in the sum.
    #[inline(always)]
    fn group<const VALUES: bool, const GRADIENTS: bool, W: Width>(
        &mut self,
        token: W,
        inputs: &[&[T]; IN],
        begin: [usize; IN],
        at: usize,
        total: &mut Total<T::Fast<W>>,
    ) -> (u32, u32) {
        let zero = W::Single::splat(token, 0.0);
        let (mut uncertain_lanes, mut missing_lanes) = (0, 0);
        // Arrays of known length: bounds are checked once per group.
        let mut groups: [&[T]; IN] = [&[]; IN];
        for k in 0..IN {
            match group_at(inputs[k], begin[k]) {
                Some(group) => groups[k] = group,
                None => return (u32::MAX, u32::MAX),
            }
        }
        let (mut each, mut factor_of_all) = (None, None);
        if GRADIENTS {
            match self.wanted.factors() {
                Some(Factors::All(factor)) if F::IS_LOSS => factor_of_all = Some(factor),
                Some(Factors::Each(factors)) => each = group_at(factors, at),
                _ => {}
            }
        }
        let sums = F::IS_LOSS && (GRADIENTS || self.sums());
        let mut output = (self.output.get_mut(at..)).and_then(|output| output.first_chunk_mut());
        let mut lane = 0;
        while lane < GROUP {
            let all = u32::MAX >> (GROUP - W::Single::N);
            let mut lanes = [zero; IN];
            for k in 0..IN {
                lanes[k] = T::load(token, groups[k], lane);
            }
            let shared = self.formula.shared::<T::Fast<W>>(lanes);
            if VALUES {
                let within = self.formula.value::<T::Fast<W>>(lanes, shared);
                if sums {
                    let added = add(&within, total);
                    missing_lanes |= (added ^ all) << lane;
                } else {
                    let units = F::value_units::<T::Fast<W>>();
                    let certain = store(&within, units, output.as_deref_mut(), lane);
                    uncertain_lanes |= (certain ^ all) << lane;
                }
            }
            if GRADIENTS {
                let factor = match (each, factor_of_all) {
                    (Some(each), _) => Factor::of_each(T::load(token, each, lane)),
                    (_, Some(factor)) => Factor::of_all(zero, factor),
                    _ => Factor::of_each(zero),
                };
                let within = self.formula.gradient::<T::Fast<W>>(lanes, shared, factor);
                let units = F::gradient_units::<T::Fast<W>>();
                let certain = store(&within, units, output.as_deref_mut(), lane);
                uncertain_lanes |= (certain ^ all) << lane;
            }
            lane += W::Single::N;
        }
        (uncertain_lanes, missing_lanes)
    }

    /// Evaluates the first `count` elements of a list in `f64`. Returns the sum of the values that the batch's sum lacks.
    #[inline(always)]
    fn evaluate_in_double<W: Width>(
        &mut self,
        token: W,
        list: &[usize; GATHERED],
        count: usize,
        uncertain: &Uncertain,
    ) -> SumEstimate {
        let inputs = self.decode(list);
        #[cfg(test)]
        self::count(0, count);
        let element = |i: usize| inputs.each_ref().map(|gathered| gathered[i]);
        if let Some(factors) = self.wanted.factors() {
            let mut factor = [0.0; GATHERED];
            for (factor, &index) in factor.iter_mut().zip(list) {
                *factor = match factors {
                    Factors::All(factor) => factor,
                    Factors::Each(each) => each.get(index).map_or(0.0, |factor| factor.decode()),
                };
            }
            let within = self.brackets::<true, W>(token, &inputs, &factor);
            self.scatter(list, count, &inputs, &within, |formula, i| {
                formula.reference_gradient(element(i), factor[i])
            });
        }
        if !self.wanted.values() {
            return SumEstimate::default();
        }
        let value = self.brackets::<false, W>(token, &inputs, &[0.0; GATHERED]);
        if !self.sums() {
            self.scatter(list, count, &inputs, &value, |formula, i| {
                formula.reference_value(element(i))
            });
            return SumEstimate::default();
        }
        let (mut sum, mut magnitude, mut error) = (0.0, 0.0, 0.0);
        for i in 0..count.min(GATHERED) {
            if !uncertain.is_missing(list[i]) {
                continue;
            }
            let (lo, hi) = (value.lo[i], value.hi[i]);
            let mut term = 0.5 * (lo + hi);
            let mut term_error = 0.5 * (hi - lo);
            let is_finite = term_error < f64::INFINITY;
            if value.ok[i] == 0 || !is_finite {
                term = reference(self.formula, |formula| formula.reference_value(element(i)));
                term_error = 0.0;
            }
            sum += term;
            magnitude += term.abs();
            error += term_error;
        }
        SumEstimate::of_terms(sum, magnitude, error)
    }

    /// Brackets of the reference formula's values, or of its gradients times a factor each.
    #[inline(always)]
    fn brackets<const GRADIENTS: bool, W: Width>(
        &self,
        token: W,
        inputs: &[[f64; GATHERED]; IN],
        factors: &[f64; GATHERED],
    ) -> Brackets {
        let mut brackets = Brackets {
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
            let shared = self.formula.shared::<PlainDouble<W::Double>>(lanes);
            let (within, units) = if GRADIENTS {
                let factor = Factor::of_each(W::Double::load(token, factors, at));
                let within = self.formula.gradient(lanes, shared, factor);
                (within, F::gradient_units::<PlainDouble<W::Double>>())
            } else {
                let within = self.formula.value(lanes, shared);
                (within, F::value_units::<PlainDouble<W::Double>>())
            };
            let (lo, hi) = lane_element::interval(&within, units);
            lo.store(&mut brackets.lo, at);
            hi.store(&mut brackets.hi, at);
            let bits = W::Double::bits(within.ok);
            for lane in 0..W::Double::N {
                brackets.ok[at + lane] = bits >> lane & 1;
            }
            at += W::Double::N;
        }
        brackets
    }

    /// The elements of a list, exactly.
    #[inline(always)]
    fn decode(&self, list: &[usize; GATHERED]) -> [[f64; GATHERED]; IN] {
        let mut gathered = [[0.0; GATHERED]; IN];
        for (k, gathered) in gathered.iter_mut().enumerate() {
            let mut elements = [T::zero(); GATHERED];
            for (element, &index) in elements.iter_mut().zip(list) {
                *element = self.inputs.at(k, index);
            }
            for i in 0..GATHERED {
                gathered[i] = elements[i].decode();
            }
        }
        gathered
    }

    /// Writes the first `count` results of a list: rounded where that is certain, else by the reference formula.
    #[inline(always)]
    fn scatter(
        &mut self,
        list: &[usize; GATHERED],
        count: usize,
        inputs: &[[f64; GATHERED]; IN],
        within: &Brackets,
        of: impl Fn(&F, usize) -> f64,
    ) {
        let (rounded, certain) = within.round::<T>();
        for i in 0..count.min(GATHERED) {
            let output = if certain[i] {
                rounded[i]
            } else if inputs[0][i].is_nan() {
                T::nan()
            } else {
                T::encode(reference(self.formula, |formula| of(formula, i)))
            };
            if let Some(out) = self.output.get_mut(list[i]) {
                *out = output;
            }
        }
    }
}

/// A group of elements, if there is one.
#[inline(always)]
fn group_at<T>(from: &[T], at: usize) -> Option<&[T; GROUP]> {
    from.get(at..).and_then(|from| from.first_chunk())
}

/// Stores values rounded, and gives a bit for each one that is certain: none where there is no room.
#[inline(always)]
fn store<T: LaneElement, R: LaneReal<F: Single>>(
    within: &Within<R>,
    units: f64,
    to: Option<&mut [T; GROUP]>,
    at: usize,
) -> u32 {
    match to {
        Some(to) => lane_element::store(within, units, to, at),
        None => 0,
    }
}

/// Adds the values that are in range to a total: a bit for each of them.
#[inline(always)]
fn add<R: LaneReal<F: Single>>(within: &Within<R>, total: &mut Total<R>) -> u32 {
    let zero = within.magnitude.constant(0.0);
    // Infinities and NaN are left to `f64`.
    let is_finite = within.magnitude.lt(zero.constant(f32::MAX.into()));
    let ok = R::F::and(within.ok, is_finite);
    let value = R::select(ok, within.value, R::from_lanes(zero));
    total.value = total.value.add(value);
    // The additions round, also where a value is exact.
    let magnitude = within.magnitude.max(within.value.hi().abs());
    total.magnitude = total.magnitude + R::F::select(ok, magnitude, zero);
    R::F::bits(ok)
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

/// Between what numbers the reference formula's unrounded results lie, where `ok` is 1.
struct Brackets {
    lo: [f64; GATHERED],
    hi: [f64; GATHERED],
    ok: [u32; GATHERED],
}

impl Brackets {
    /// The elements they round to, and whether that is certain.
    #[inline(always)]
    fn round<T: LaneElement>(&self) -> ([T; GATHERED], [bool; GATHERED]) {
        let mut rounded = [T::zero(); GATHERED];
        let mut certain = [false; GATHERED];
        for i in 0..GATHERED {
            let (lo, hi) = (self.lo[i], self.hi[i]);
            let (low, high) = (T::encode(lo), T::encode(hi));
            rounded[i] = low;
            // An infinity may come from a factor that is infinite, beside one that is 0 in the reference formula.
            let is_finite = lo.abs() < f64::INFINITY;
            // A zero of an interval with numbers of both signs may have either.
            let has_sign =
                (low != T::zero()) | ((lo > 0.0) == (hi > 0.0)) & ((lo < 0.0) == (hi < 0.0));
            certain[i] = (self.ok[i] != 0) & is_finite & has_sign & (low == high);
        }
        (rounded, certain)
    }
}

/// A reference formula.
#[cold]
#[inline(never)]
fn reference<F>(formula: &F, of: impl FnOnce(&F) -> f64) -> f64 {
    #[cfg(test)]
    count(1, 1);
    of(formula)
}
