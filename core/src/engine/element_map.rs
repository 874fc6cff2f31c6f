//! The loops over elements, written once for everything that goes element by element.
//!
//! They go in groups of [`LANES`], as loops over arrays, which the compiler turns into vectors of any width.

use crate::engine::dispatch::Kernel;
use crate::engine::estimates::estimates;
use crate::engine::groups::{Groups, GroupsMut};
use crate::engine::rounding_test::{Bracket, LogProduct, SumEstimate};
use crate::engine::threads::Granularity;
use crate::engine::try_lanes::TryLanes;
use crate::engine::{dispatch, fixed_losses, threads};
use crate::machine::{CHUNK, INTEGER, LANES};
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;

/// What a fast path says of one element: its output, and its loss as linear + ln(factor).
#[derive(Clone, Copy)]
pub(crate) struct FastElement {
    pub(crate) output: Bracket,
    pub(crate) linear: f64,
    pub(crate) factor: f64,
}

impl FastElement {
    /// An output without a loss.
    #[inline(always)]
    pub(crate) fn output(output: Bracket) -> Self {
        Self {
            output,
            linear: 0.0,
            factor: 1.0,
        }
    }
}

/// The weights of [`LANES`] elements.
pub(crate) struct Weights {
    pub(crate) weight: [f64; LANES],
    pub(crate) pos_weight: [f64; LANES],
}

/// A number for each element, from `K` inputs of it and its weights.
pub(crate) trait Map<T: Format, const K: usize>: Copy + Sync {
    /// The weights of the elements from `start` on.
    #[inline(always)]
    fn weights(&self, _start: usize) -> Weights {
        Weights {
            weight: [1.0; LANES],
            pos_weight: [1.0; LANES],
        }
    }

    /// The number, before it is rounded.
    fn reference(&self, inputs: [f64; K], weight: f64, pos_weight: f64) -> f64;

    /// The same by a formula without branches, and whether it is the number.
    #[inline(always)]
    fn branchless(&self, inputs: [f64; K], weight: f64, pos_weight: f64) -> (f64, bool) {
        (self.reference(inputs, weight, pos_weight), true)
    }

    /// Inputs for which the fast path says a loss of 0, and is certain.
    const PADDING: [f64; K];

    /// Whether there is a fast path.
    fn has_fast(&self) -> bool {
        false
    }

    /// The number, nearly, where all weights are 1.
    #[inline(always)]
    fn fast<A: Arithmetic>(&self, _inputs: [f64; K]) -> FastElement {
        FastElement::output(Bracket::UNKNOWN)
    }

    /// Whether there is a fast path in integers.
    const HAS_FIXED_POINT: bool = false;

    /// The number, if the fast path in integers is certain of it, where all weights are 1; adds the loss too.
    #[inline(always)]
    fn integer(&self, _inputs: [T; K], _losses: &mut fixed_losses::FixedLosses) -> Option<f32> {
        None
    }
}

/// The numbers of a group that [`Map::branchless`] has left open.
#[inline(always)]
pub(crate) fn reference_where_uncertain<T: Format, M: Map<T, K>, const K: usize>(
    map: &M,
    inputs: &[[T; LANES]; K],
    weights: &Weights,
    uncertain: &[u32; LANES],
    output: &mut [T; LANES],
) {
    if *uncertain == [0; LANES] {
        return;
    }
    for lane in 0..LANES {
        if uncertain[lane] != 0 {
            let (weight, pos_weight) = (weights.weight[lane], weights.pos_weight[lane]);
            output[lane] = T::encode(map.reference(across(inputs, lane), weight, pos_weight));
        }
    }
}

/// Stretches of the inputs, in groups. A loop, as in the two functions below: `array::from_fn` is inlined into a loop
/// of elements only as the compiler sees fit.
#[inline(always)]
pub(crate) fn groups<'a, T: Format, const K: usize>(
    inputs: &[&'a [T]; K],
    padding: [f64; K],
    start: usize,
    len: usize,
) -> [Groups<'a, T>; K] {
    let mut groups = [Groups::new(&[], T::zero()); K];
    for k in 0..K {
        let input = inputs[k].get(start..start + len).unwrap_or(&[]);
        groups[k] = Groups::new(input, T::encode(padding[k]));
    }
    groups
}

/// The groups that begin at `start`: copies, which nothing that is written can be part of, so that loops over
/// them need no look at what overlaps.
#[inline(always)]
pub(crate) fn groups_at<T: Format, const K: usize>(
    groups: &[Groups<'_, T>; K],
    start: usize,
) -> [[T; LANES]; K] {
    let mut copies = [[T::zero(); LANES]; K];
    for (copy, groups) in copies.iter_mut().zip(groups) {
        *copy = *groups.at(start);
    }
    copies
}

/// What one element has in each of the inputs.
#[inline(always)]
pub(crate) fn across<T: Format, const K: usize>(inputs: &[[T; LANES]; K], lane: usize) -> [f64; K] {
    let mut element = [0.0; K];
    for (x, lanes) in element.iter_mut().zip(inputs) {
        *x = lanes[lane].decode();
    }
    element
}

/// A map's output for the elements from `start` on.
struct Fill<'a, T, M, const K: usize> {
    map: M,
    inputs: [&'a [T]; K],
    start: usize,
    output: &'a mut [T],
}

impl<'a, T: Format, M: Map<T, K>, const K: usize> Fill<'a, T, M, K> {
    #[inline(always)]
    fn begin(self) -> Filling<'a, T, M, K> {
        Filling {
            inputs: groups(&self.inputs, M::PADDING, self.start, self.output.len()),
            map: self.map,
            start: self.start,
            output: GroupsMut::new(self.output),
        }
    }
}

impl<T: Format, M: Map<T, K>, const K: usize> Fill<'_, T, M, K> {
    #[inline(always)]
    fn integer(self) -> SumEstimate {
        let mut losses = fixed_losses::FixedLosses::new();
        for (i, out) in (self.start..).zip(self.output) {
            let inputs = self
                .inputs
                .map(|input| input.get(i).copied().unwrap_or(T::zero()));
            *out = match self.map.integer(inputs, &mut losses) {
                Some(value) => T::encode(value.into()),
                None => T::encode(self.map.reference(inputs.map(T::decode), 1.0, 1.0)),
            };
        }
        losses.estimate()
    }
}

/// The same, in groups.
struct Filling<'a, T, M, const K: usize> {
    map: M,
    inputs: [Groups<'a, T>; K],
    start: usize,
    output: GroupsMut<'a, T>,
}

impl<T: Format, M: Map<T, K>, const K: usize> Filling<'_, T, M, K> {
    /// Elements `from..to` of the output by the reference formula.
    #[inline(always)]
    fn reference(&mut self, from: usize, to: usize) {
        for at in (from..to).step_by(LANES) {
            let inputs = groups_at(&self.inputs, at);
            let weights = self.map.weights(self.start + at);
            let mut output = [T::zero(); LANES];
            let mut uncertain = [0; LANES];
            for lane in 0..LANES {
                let (value, certain) = self.map.branchless(
                    across(&inputs, lane),
                    weights.weight[lane],
                    weights.pos_weight[lane],
                );
                output[lane] = T::encode(value);
                uncertain[lane] = u32::from(!certain);
            }
            reference_where_uncertain(&self.map, &inputs, &weights, &uncertain, &mut output);
            *self.output.at(at) = output;
        }
    }

    /// The same by the fast path, and whether all of them are certain.
    #[inline(always)]
    fn fast<A: Arithmetic>(&mut self, from: usize, to: usize, losses: &mut LogProduct) -> bool {
        let mut uncertain = [0; LANES];
        for at in (from..to).step_by(LANES) {
            let inputs = groups_at(&self.inputs, at);
            let mut output = [T::zero(); LANES];
            for lane in 0..LANES {
                let fast = self.map.fast::<A>(across(&inputs, lane));
                let (rounded, certain) = fast.output.round();
                output[lane] = rounded;
                uncertain[lane] |= u32::from(!certain);
                losses.add(lane, fast.linear, fast.factor);
            }
            *self.output.at(at) = output;
        }
        uncertain == [0; LANES]
    }
}

impl<T: Format, M: Map<T, K>, const K: usize> Kernel for Fill<'_, T, M, K> {
    type Output = SumEstimate;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> SumEstimate {
        if INTEGER {
            return self.integer();
        }
        let mut filling = self.begin();
        let len = filling.output.len();
        let mut total = SumEstimate::default();
        for start in (0..len).step_by(LogProduct::LEN) {
            let end = len.min(start + LogProduct::LEN);
            let mut losses = LogProduct::new();
            for from in (start..end).step_by(CHUNK) {
                let to = end.min(from + CHUNK);
                if !filling.fast::<A>(from, to, &mut losses) {
                    filling.reference(from, to);
                }
            }
            total = total.merge(losses.finish(end - start));
        }
        filling.output.finish();
        total
    }
}

/// The same by the reference formula alone.
struct ReferenceFill<'a, T, M, const K: usize>(Fill<'a, T, M, K>);

impl<T: Format, M: Map<T, K>, const K: usize> Kernel for ReferenceFill<'_, T, M, K> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        let mut filling = self.0.begin();
        filling.reference(0, filling.output.len());
        filling.output.finish();
    }
}

/// Fills `output` from inputs of its length, at the width in force. Returns the sum of the losses if there is a fast path.
pub(crate) fn fill<T: Format, M: Map<T, K>, const K: usize>(
    map: M,
    inputs: [&[T]; K],
    output: &mut [T],
) -> SumEstimate {
    estimates(output.len(), output, |start, _, output: &mut [T]| {
        let fill = Fill {
            map,
            inputs,
            start,
            output,
        };
        if map.has_fast() && (M::HAS_FIXED_POINT || !INTEGER) {
            dispatch::run_fast::<T, _>(fill)
        } else {
            dispatch::run(ReferenceFill(fill));
            SumEstimate::default()
        }
    })
}

/// Fills `output` from inputs of its length where there are no lanes, or none for the type: by the fast path in one `f64`, or by
/// the reference formula. For types that have lanes it is compiled for the baseline alone.
pub(crate) fn fill_without_lanes<T: TryLanes, M: Map<T, K>, const K: usize>(
    map: M,
    inputs: [&[T]; K],
    output: &mut [T],
) {
    let part = |start, _, output: &mut [T], _: &mut [()]| {
        let fill = Fill {
            map,
            inputs,
            start,
            output,
        };
        if map.has_fast() && (M::HAS_FIXED_POINT || !INTEGER) {
            dispatch::run_at_baseline(fill);
        } else if T::HAS_LANES && dispatch::HAS_WIDTHS {
            dispatch::run_at_baseline(ReferenceFill(fill));
        } else {
            dispatch::run(ReferenceFill(fill));
        }
    };
    let len = output.len();
    threads::in_parts(
        len,
        Granularity::ELEMENTS,
        output,
        &mut [],
        part,
        |(), ()| (),
    );
}
