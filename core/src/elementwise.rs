//! The loops over elements, written once for everything that goes element by element.
//!
//! They go in groups of [`LANES`], as loops over arrays, which the compiler turns into vectors of any width.

use crate::device::at;
use crate::dispatch::{self, INTEGER, Kernel};
use crate::element::Element;
use crate::error::{Argument, Error, check_length};
use crate::integer;
use crate::parallel::{self, Parts};
use crate::quick::{Arithmetic, Estimate, Groups, GroupsMut, LANES, Near, Stretch};
use crate::reduce::{
    self, BLOCK, CHUNK, Compensated, Partial, Reduction, Sum, Terms, Weighted, weigh,
};
use crate::team::Alone;
use crate::wide::Wide;
use core::marker::PhantomData;

/// A loss of pairs of elements: its formula for one pair, and its options.
pub(crate) trait ElementwiseLoss<T: Element>: Copy + Sync {
    fn reduction(&self) -> Reduction;

    /// Slices that broadcast over the input; those that a loss does not have are [`Element::ONE`].
    fn weight(&self) -> &[T] {
        T::ONE
    }

    fn pos_weight(&self) -> &[T] {
        T::ONE
    }

    /// Whether it has weights at all.
    const WEIGHTED: bool = true;

    /// What must hold of each input and target.
    const DOMAINS: Domains;

    /// What must hold of its options that are numbers.
    fn check_options(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The unweighted loss of one element.
    fn value(&self, x: f64, y: f64, pos_weight: f64) -> T::Wide;

    /// Its derivative with respect to x.
    fn gradient(&self, x: f64, y: f64, pos_weight: f64) -> T::Wide;

    /// The same by a formula without branches, which loops can be vectorised with, and whether it is the derivative: where
    /// not, another formula gives it.
    #[inline(always)]
    fn plain_gradient(&self, x: f64, y: f64, pos_weight: f64) -> (T::Wide, bool) {
        (self.gradient(x, y, pos_weight), true)
    }

    /// Whether there are quick paths: the three functions below, for weights of 1.
    const QUICK: bool = false;

    /// An element that adds nothing to a sum, and whose value and gradient are certain.
    const PADDING: [f64; 2] = [0.0; 2];

    /// The loss as (linear, factor), standing for linear + ln(factor), for a sum: see [`Estimate`].
    #[inline(always)]
    fn quick_term<A: Arithmetic>(_x: f64, _y: f64) -> (f64, f64) {
        (f64::NAN, 1.0)
    }

    /// The loss.
    #[inline(always)]
    fn quick_value<A: Arithmetic>(_x: f64, _y: f64) -> Near {
        Near::UNKNOWN
    }

    /// The gradient times `scale`, and the loss as above.
    #[inline(always)]
    fn quick_gradient<A: Arithmetic>(_x: f64, _y: f64, _scale: f64) -> Quick {
        Quick::output(Near::UNKNOWN)
    }

    /// Whether there is a quick path in integers: the function below, for weights of 1.
    const HAS_INTEGER: bool = false;

    /// Adds the loss, and gives the gradient times `scale`, if that is given and it is certain.
    #[inline(always)]
    fn integer(
        _x: f32,
        _y: f32,
        _scale: Option<integer::Scale>,
        _losses: &mut integer::Losses,
    ) -> Option<f32> {
        None
    }
}

/// A loss that is made of its options as data, so that what calls any loss need not know each of them: the kernels of a
/// GPU, the digests, the verifier.
#[allow(private_bounds)]
pub trait FromOptions<'a, T: Element>: ElementwiseLoss<T> {
    /// What must hold of each input.
    const INPUT: Domain = Self::DOMAINS.input;

    /// What must hold of each target.
    const TARGET: Domain = Self::DOMAINS.target;

    /// Whether it has a `weight`.
    const HAS_WEIGHT: bool = false;

    /// Whether it has a `pos_weight`.
    const HAS_POS_WEIGHT: bool = false;

    /// Its options that are numbers, by their names in PyTorch, and what they are where nothing is said.
    const NUMBERS: &'static [(&'static str, f64)] = &[];

    /// The loss with these options, of which it takes those that it has.
    fn from_options(options: Options<'a, T>) -> Self;
}

/// The options of any loss. What a loss does not have may be anything.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a, T> {
    /// Of the loss.
    pub reduction: Reduction,
    /// `&[1]` is none.
    pub weight: &'a [T],
    /// `&[1]` is none.
    pub pos_weight: &'a [T],
    /// In the order of [`FromOptions::NUMBERS`].
    pub numbers: [f64; NUMBERS],
}

/// The most options that are numbers.
pub const NUMBERS: usize = 2;

/// Which numbers are legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// All, infinities and NaN too.
    Any,
    /// Those in [0, 1].
    UnitInterval,
    /// 0 and 1.
    HardLabels,
}

/// The domains of a loss's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Domains {
    pub(crate) input: Domain,
    pub(crate) target: Domain,
}

impl Domain {
    /// All of `values` lie in it.
    fn check<T: Element>(self, argument: Argument, values: &[T]) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::UnitInterval => check_unit_interval(argument, values),
            Self::HardLabels => match reduce::find(values, is_soft) {
                Some(index) => Err(Error::NotHardLabel { argument, index }),
                None => Ok(()),
            },
        }
    }
}

/// What a quick path says of one element: its output, and its loss as linear + ln(factor).
#[derive(Clone, Copy)]
pub(crate) struct Quick {
    pub(crate) output: Near,
    pub(crate) linear: f64,
    pub(crate) factor: f64,
}

impl Quick {
    /// An output without a loss.
    #[inline(always)]
    pub(crate) fn output(output: Near) -> Self {
        Self {
            output,
            linear: 0.0,
            factor: 1.0,
        }
    }
}

/// The weights of [`LANES`] elements.
pub(crate) struct Weights {
    weight: [f64; LANES],
    pos_weight: [f64; LANES],
}

/// A number for each element, from `K` inputs of it and its weights.
pub(crate) trait Map<T: Element, const K: usize>: Copy + Sync {
    /// The weights of the elements from `start` on.
    #[inline(always)]
    fn weights(&self, _start: usize) -> Weights {
        Weights {
            weight: [1.0; LANES],
            pos_weight: [1.0; LANES],
        }
    }

    /// The number, before it is rounded.
    fn record(&self, inputs: [f64; K], weight: f64, pos_weight: f64) -> f64;

    /// The same by a formula without branches, and whether it is the number.
    #[inline(always)]
    fn plain(&self, inputs: [f64; K], weight: f64, pos_weight: f64) -> (f64, bool) {
        (self.record(inputs, weight, pos_weight), true)
    }

    /// Inputs for which the quick path says a loss of 0, and is certain.
    const PADDING: [f64; K];

    /// Whether there is a quick path.
    fn has_quick(&self) -> bool {
        false
    }

    /// The number, nearly, where all weights are 1.
    #[inline(always)]
    fn quick<A: Arithmetic>(&self, _inputs: [f64; K]) -> Quick {
        Quick::output(Near::UNKNOWN)
    }

    /// Whether there is a quick path in integers.
    const HAS_INTEGER: bool = false;

    /// The number, if the quick path in integers is certain of it, where all weights are 1; adds the loss too.
    #[inline(always)]
    fn integer(&self, _inputs: [T; K], _losses: &mut integer::Losses) -> Option<f32> {
        None
    }
}

/// The numbers of a group that [`Map::plain`] has left open.
#[inline(always)]
fn record_open<T: Element, M: Map<T, K>, const K: usize>(
    map: &M,
    inputs: &[[T; LANES]; K],
    weights: &Weights,
    open: &[u32; LANES],
    output: &mut [T; LANES],
) {
    if *open == [0; LANES] {
        return;
    }
    for lane in 0..LANES {
        if open[lane] != 0 {
            let (weight, pos_weight) = (weights.weight[lane], weights.pos_weight[lane]);
            output[lane] = T::narrow(map.record(across(inputs, lane), weight, pos_weight));
        }
    }
}

/// Stretches of the inputs, in groups. A loop, as in the two functions below: `array::from_fn` is inlined into a loop
/// of elements only as the compiler sees fit.
#[inline(always)]
fn groups<'a, T: Element, const K: usize>(
    inputs: &[&'a [T]; K],
    padding: [f64; K],
    start: usize,
    len: usize,
) -> [Groups<'a, T>; K] {
    let mut groups = [Groups::new(&[], T::zero()); K];
    for k in 0..K {
        let input = inputs[k].get(start..start + len).unwrap_or(&[]);
        groups[k] = Groups::new(input, T::narrow(padding[k]));
    }
    groups
}

/// The groups that begin at `start`: copies, which nothing that is written can be part of, so that loops over
/// them need no look at what overlaps.
#[inline(always)]
fn groups_at<T: Element, const K: usize>(
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
fn across<T: Element, const K: usize>(inputs: &[[T; LANES]; K], lane: usize) -> [f64; K] {
    let mut element = [0.0; K];
    for (x, lanes) in element.iter_mut().zip(inputs) {
        *x = lanes[lane].widen();
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

impl<'a, T: Element, M: Map<T, K>, const K: usize> Fill<'a, T, M, K> {
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

impl<T: Element, M: Map<T, K>, const K: usize> Fill<'_, T, M, K> {
    #[inline(always)]
    fn integer(self) -> Estimate {
        let mut losses = integer::Losses::new();
        for (i, out) in (self.start..).zip(self.output) {
            let inputs = self
                .inputs
                .map(|input| input.get(i).copied().unwrap_or(T::zero()));
            *out = match self.map.integer(inputs, &mut losses) {
                Some(value) => T::narrow(value.into()),
                None => T::narrow(self.map.record(inputs.map(T::widen), 1.0, 1.0)),
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

impl<T: Element, M: Map<T, K>, const K: usize> Filling<'_, T, M, K> {
    /// Elements `from..to` of the output by the formula of record.
    #[inline(always)]
    fn record(&mut self, from: usize, to: usize) {
        for at in (from..to).step_by(LANES) {
            let inputs = groups_at(&self.inputs, at);
            let weights = self.map.weights(self.start + at);
            let mut output = [T::zero(); LANES];
            let mut open = [0; LANES];
            for lane in 0..LANES {
                let (value, certain) = self.map.plain(
                    across(&inputs, lane),
                    weights.weight[lane],
                    weights.pos_weight[lane],
                );
                output[lane] = T::narrow(value);
                open[lane] = u32::from(!certain);
            }
            record_open(&self.map, &inputs, &weights, &open, &mut output);
            *self.output.at(at) = output;
        }
    }

    /// The same by the quick path, and whether all of them are certain.
    #[inline(always)]
    fn quick<A: Arithmetic>(&mut self, from: usize, to: usize, losses: &mut Stretch) -> bool {
        let mut open = [0; LANES];
        for at in (from..to).step_by(LANES) {
            let inputs = groups_at(&self.inputs, at);
            let mut output = [T::zero(); LANES];
            for lane in 0..LANES {
                let quick = self.map.quick::<A>(across(&inputs, lane));
                let (rounded, certain) = quick.output.round();
                output[lane] = rounded;
                open[lane] |= u32::from(!certain);
                losses.add(lane, quick.linear, quick.factor);
            }
            *self.output.at(at) = output;
        }
        open == [0; LANES]
    }
}

impl<T: Element, M: Map<T, K>, const K: usize> Kernel for Fill<'_, T, M, K> {
    type Output = Estimate;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> Estimate {
        if INTEGER {
            return self.integer();
        }
        let mut filling = self.begin();
        let len = filling.output.len();
        let mut total = Estimate::default();
        for start in (0..len).step_by(Stretch::LEN) {
            let end = len.min(start + Stretch::LEN);
            let mut losses = Stretch::new();
            for from in (start..end).step_by(CHUNK) {
                let to = end.min(from + CHUNK);
                if !filling.quick::<A>(from, to, &mut losses) {
                    filling.record(from, to);
                }
            }
            total = total.merge(losses.finish(end - start));
        }
        filling.output.finish();
        total
    }
}

/// The same by the formula of record alone.
struct FillOfRecord<'a, T, M, const K: usize>(Fill<'a, T, M, K>);

impl<T: Element, M: Map<T, K>, const K: usize> Kernel for FillOfRecord<'_, T, M, K> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        let mut filling = self.0.begin();
        filling.record(0, filling.output.len());
        filling.output.finish();
    }
}

/// Fills `output` from inputs of its length, and gives the sum of the losses if the quick path knows it.
pub(crate) fn fill<T: Element, M: Map<T, K>, const K: usize>(
    map: M,
    inputs: [&[T]; K],
    output: &mut [T],
) -> Estimate {
    estimates(output.len(), output, |start, _, output: &mut [T]| {
        let fill = Fill {
            map,
            inputs,
            start,
            output,
        };
        if map.has_quick() && (M::HAS_INTEGER || !INTEGER) {
            T::quick(fill)
        } else {
            dispatch::run(FillOfRecord(fill));
            Estimate::default()
        }
    })
}

/// Fills `output` from inputs of its length by the formula of record.
pub(crate) fn fill_of_record<T: Element, M: Map<T, K>, const K: usize>(
    map: M,
    inputs: [&[T]; K],
    output: &mut [T],
) {
    let part = |start, _, output: &mut [T], _: &mut [()]| {
        dispatch::run(FillOfRecord(Fill {
            map,
            inputs,
            start,
            output,
        }));
    };
    let len = output.len();
    parallel::split(len, Parts::ELEMENTS, output, &mut [], part, |(), ()| ());
}

/// The sum of estimates of single blocks, with `block` as for [`parallel::blocks`].
fn estimates<T: Send>(
    len: usize,
    out: &mut [T],
    block: impl Fn(usize, usize, &mut [T]) -> Estimate + Sync,
) -> Estimate {
    if len <= BLOCK {
        return block(0, len, out);
    }
    let part = |start, len, out: &mut [T], _: &mut [()]| {
        let mut total = Estimate::default();
        for from in (0..len).step_by(BLOCK) {
            let size = BLOCK.min(len - from);
            let places = out.get_mut(from..from + size).unwrap_or(&mut []);
            total = total.merge(block(start + from, size, places));
        }
        total
    };
    parallel::split(len, Parts::ELEMENTS, out, &mut [], part, Estimate::merge)
}

/// Inputs and targets that have passed a loss's checks.
#[derive(Clone, Copy)]
pub(crate) struct Checked<'a, T, L> {
    loss: &'a L,
    input: &'a [T],
    target: &'a [T],
}

/// The loss of each element, from (x, y).
#[derive(Clone, Copy)]
struct Value<'a, T, L>(Checked<'a, T, L>);

impl<T: Element, L: ElementwiseLoss<T>> Map<T, 2> for Value<'_, T, L> {
    const PADDING: [f64; 2] = L::PADDING;

    #[inline(always)]
    fn weights(&self, start: usize) -> Weights {
        self.0.weights(start)
    }

    #[inline(always)]
    fn record(&self, [x, y]: [f64; 2], weight: f64, pos_weight: f64) -> f64 {
        let value = self.0.loss.value(x, y, pos_weight);
        if L::WEIGHTED {
            weigh(weight, value).round()
        } else {
            value.round()
        }
    }

    fn has_quick(&self) -> bool {
        self.0.has_quick()
    }

    #[inline(always)]
    fn quick<A: Arithmetic>(&self, [x, y]: [f64; 2]) -> Quick {
        Quick::output(L::quick_value::<A>(x, y))
    }
}

/// The gradient of each element times a scale of its own, from (x, y, scale).
#[derive(Clone, Copy)]
struct GradientEach<'a, T, L>(Checked<'a, T, L>);

impl<T: Element, L: ElementwiseLoss<T>> Map<T, 3> for GradientEach<'_, T, L> {
    const PADDING: [f64; 3] = [L::PADDING[0], L::PADDING[1], 0.0];

    #[inline(always)]
    fn weights(&self, start: usize) -> Weights {
        self.0.weights(start)
    }

    #[inline(always)]
    fn record(&self, [x, y, scale]: [f64; 3], weight: f64, pos_weight: f64) -> f64 {
        let gradient = self.0.loss.gradient(x, y, pos_weight);
        if L::WEIGHTED {
            (gradient * T::Wide::product(scale, weight)).round()
        } else {
            (gradient * scale).round()
        }
    }

    #[inline(always)]
    fn plain(&self, [x, y, scale]: [f64; 3], weight: f64, pos_weight: f64) -> (f64, bool) {
        let (gradient, certain) = self.0.loss.plain_gradient(x, y, pos_weight);
        let scaled = gradient * T::Wide::product(scale, weight);
        (scaled.round(), certain)
    }

    fn has_quick(&self) -> bool {
        self.0.has_quick()
    }

    #[inline(always)]
    fn quick<A: Arithmetic>(&self, [x, y, scale]: [f64; 3]) -> Quick {
        L::quick_gradient::<A>(x, y, scale)
    }

    const HAS_INTEGER: bool = L::HAS_INTEGER;

    #[inline(always)]
    fn integer(&self, [x, y, scale]: [T; 3], losses: &mut integer::Losses) -> Option<f32> {
        let scale = integer::Scale::new(scale.widen())?;
        L::integer(integer::single(x), integer::single(y), Some(scale), losses)
    }
}

/// The gradient of each element times one scale, from (x, y).
#[derive(Clone, Copy)]
struct Gradient<'a, T, L> {
    each: GradientEach<'a, T, L>,
    scale: f64,
}

impl<T: Element, L: ElementwiseLoss<T>> Map<T, 2> for Gradient<'_, T, L> {
    const PADDING: [f64; 2] = L::PADDING;

    #[inline(always)]
    fn weights(&self, start: usize) -> Weights {
        self.each.weights(start)
    }

    #[inline(always)]
    fn record(&self, [x, y]: [f64; 2], weight: f64, pos_weight: f64) -> f64 {
        self.each.record([x, y, self.scale], weight, pos_weight)
    }

    #[inline(always)]
    fn plain(&self, [x, y]: [f64; 2], weight: f64, pos_weight: f64) -> (f64, bool) {
        self.each.plain([x, y, self.scale], weight, pos_weight)
    }

    fn has_quick(&self) -> bool {
        self.each.has_quick()
    }

    #[inline(always)]
    fn quick<A: Arithmetic>(&self, [x, y]: [f64; 2]) -> Quick {
        self.each.quick::<A>([x, y, self.scale])
    }

    const HAS_INTEGER: bool = L::HAS_INTEGER;

    #[inline(always)]
    fn integer(&self, [x, y]: [T; 2], losses: &mut integer::Losses) -> Option<f32> {
        let scale = integer::Scale::new(self.scale);
        L::integer(integer::single(x), integer::single(y), scale, losses)
    }
}

/// The sum of one block's losses by the formula of record; their gradients times `scale` too, where
/// `grad_input` has places for them.
struct Losses<'a, T, L> {
    checked: &'a Checked<'a, T, L>,
    start: usize,
    len: usize,
    scale: f64,
    grad_input: &'a mut [T],
}

impl<T: Element, L: ElementwiseLoss<T>> Kernel for Losses<'_, T, L> {
    type Output = T::Sum;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> T::Sum {
        let Losses {
            checked,
            start,
            len,
            scale,
            grad_input,
        } = self;
        let with_gradient = !grad_input.is_empty();
        let mut terms = LossTerms {
            checked: *checked,
            inputs: groups(&[checked.input, checked.target], L::PADDING, start, len),
            start,
            scale,
            grad_input: GroupsMut::new(grad_input),
            arithmetic: PhantomData::<A>,
        };
        if with_gradient {
            let sum = reduce::block(Alone, len, Of::<_, true>(&mut terms));
            terms.grad_input.finish();
            sum
        } else {
            reduce::block(Alone, len, Of::<_, false>(&mut terms))
        }
    }
}

/// What the losses of a block come from. `A` keeps apart the code for different machines.
struct LossTerms<'a, A, T, L> {
    checked: Checked<'a, T, L>,
    inputs: [Groups<'a, T>; 2],
    start: usize,
    scale: f64,
    grad_input: GroupsMut<'a, T>,
    arithmetic: PhantomData<A>,
}

/// The losses as terms of a sum, their gradients written on the way where `GRADIENT`.
struct Of<'a, F, const GRADIENT: bool>(&'a mut F);

impl<A, T: Element, L: ElementwiseLoss<T>, const GRADIENT: bool> Terms
    for Of<'_, LossTerms<'_, A, T, L>, GRADIENT>
{
    type Term = f64;

    #[inline(always)]
    fn fill(&mut self, from: usize, out: &mut [f64]) {
        let terms = &mut *self.0;
        let value = Value(terms.checked);
        let gradient = terms.checked.gradient(terms.scale);
        for at in (0..out.len()).step_by(LANES) {
            let inputs = groups_at(&terms.inputs, from + at);
            let weights = terms.checked.weights(terms.start + from + at);
            let mut losses = [0.0; LANES];
            let mut gradients = [T::zero(); LANES];
            let mut open = [0; LANES];
            for lane in 0..LANES {
                let (weight, pos_weight) = (weights.weight[lane], weights.pos_weight[lane]);
                let element = across(&inputs, lane);
                losses[lane] = value.record(element, weight, pos_weight);
                if GRADIENT {
                    let (value, certain) = gradient.plain(element, weight, pos_weight);
                    gradients[lane] = T::narrow(value);
                    open[lane] = u32::from(!certain);
                }
            }
            if GRADIENT {
                record_open(&gradient, &inputs, &weights, &open, &mut gradients);
                *terms.grad_input.at(from + at) = gradients;
            }
            let out = out.get_mut(at..).unwrap_or(&mut []);
            match out.first_chunk_mut() {
                Some(full) => *full = losses,
                None => {
                    for (out, loss) in out.iter_mut().zip(losses) {
                        *out = loss;
                    }
                }
            }
        }
    }
}

/// The sum of one block's losses by the quick path.
struct QuickLosses<'a, T, L> {
    checked: &'a Checked<'a, T, L>,
    start: usize,
    len: usize,
}

impl<T: Element, L: ElementwiseLoss<T>> Kernel for QuickLosses<'_, T, L> {
    type Output = Estimate;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> Estimate {
        let sources = [self.checked.input, self.checked.target];
        if INTEGER {
            let mut losses = integer::Losses::new();
            let [x, y] = sources.map(|source| source.iter().skip(self.start).take(self.len));
            for (&x, &y) in x.zip(y) {
                L::integer(integer::single(x), integer::single(y), None, &mut losses);
            }
            return losses.estimate();
        }
        let groups = groups(&sources, L::PADDING, self.start, self.len);
        let mut total = Estimate::default();
        for from in (0..self.len).step_by(Stretch::LEN) {
            let to = self.len.min(from + Stretch::LEN);
            let mut losses = Stretch::new();
            for at in (from..to).step_by(LANES) {
                let inputs = groups_at(&groups, at);
                for lane in 0..LANES {
                    let [x, y] = across(&inputs, lane);
                    let (linear, factor) = L::quick_term::<A>(x, y);
                    losses.add(lane, linear, factor);
                }
            }
            total = total.merge(losses.finish(to - from));
        }
        total
    }
}

impl<'a, T: Element, L: ElementwiseLoss<T>> Checked<'a, T, L> {
    pub(crate) fn new(loss: &'a L, input: &'a [T], target: &'a [T]) -> Result<Self, Error> {
        check_length(Argument::Target, input.len(), target.len())?;
        reduce::check_weights(Argument::Weight, loss.weight(), input.len())?;
        reduce::check_weights(Argument::PosWeight, loss.pos_weight(), input.len())?;
        loss.check_options()?;
        L::DOMAINS.input.check(Argument::Input, input)?;
        L::DOMAINS.target.check(Argument::Target, target)?;
        Ok(Self {
            loss,
            input,
            target,
        })
    }

    /// For arguments that are checked elsewhere.
    #[inline(always)]
    pub(crate) fn unchecked(loss: &'a L, input: &'a [T], target: &'a [T]) -> Self {
        Self {
            loss,
            input,
            target,
        }
    }

    /// What is read of one element: input, target, weight and pos_weight.
    #[inline(always)]
    pub(crate) fn read(&self, index: usize) -> [f64; 4] {
        let weight = |weights: &[T]| match weights {
            [one] => one.widen(),
            _ => at(weights, index.checked_rem(weights.len()).unwrap_or(0)),
        };
        [
            at(self.input, index),
            at(self.target, index),
            weight(self.loss.weight()),
            weight(self.loss.pos_weight()),
        ]
    }

    /// The loss of one element by the formula of record.
    #[inline(always)]
    pub(crate) fn value_of(&self, [x, y, weight, pos_weight]: [f64; 4]) -> f64 {
        Value(*self).record([x, y], weight, pos_weight)
    }

    /// Its gradient times `scale`.
    #[inline(always)]
    pub(crate) fn gradient_of(&self, [x, y, weight, pos_weight]: [f64; 4], scale: f64) -> f64 {
        GradientEach(*self).record([x, y, scale], weight, pos_weight)
    }

    #[inline(always)]
    fn weights(&self, start: usize) -> Weights {
        Weights {
            weight: broadcast(self.loss.weight(), start),
            pos_weight: broadcast(self.loss.pos_weight(), start),
        }
    }

    /// Whether the quick paths apply.
    fn has_quick(&self) -> bool {
        let quick = if INTEGER { L::HAS_INTEGER } else { L::QUICK };
        T::QUICK && quick && self.loss.weight() == T::ONE && self.loss.pos_weight() == T::ONE
    }

    /// What the sum of the losses, and a `grad_output`, is divided by.
    fn divisor(&self) -> f64 {
        self.loss.reduction().divisor(|| self.input.len() as f64)
    }

    // `f64`: each loss is rounded before it is added, so that the sum is within 1 u of what its terms are within, and the
    // quotient is rounded once more.
    fn reduced(&self, losses: T::Sum) -> T {
        let divisor = T::Wide::from(self.divisor());
        T::narrow(reduce::divide(losses.wide(), divisor))
    }

    /// The losses of one block.
    fn block(&self, start: usize, len: usize, scale: f64, grad_input: &mut [T]) -> T::Sum {
        dispatch::run(Losses {
            checked: self,
            start,
            len,
            scale,
            grad_input,
        })
    }

    /// The reduced loss by the formula of record.
    fn forward_of_record(&self) -> T {
        self.reduced(parallel::blocks(
            self.input.len(),
            1,
            &mut [],
            |start, len, none: &mut [T]| self.block(start, len, 0.0, none),
        ))
    }

    pub(crate) fn forward(&self) -> T {
        if !self.has_quick() {
            return self.forward_of_record();
        }
        let losses = estimates(self.input.len(), &mut [], |start, len, _: &mut [()]| {
            T::quick(QuickLosses {
                checked: self,
                start,
                len,
            })
        });
        losses
            .round(self.divisor())
            .unwrap_or_else(|| self.forward_of_record())
    }

    pub(crate) fn forward_each(&self, losses: &mut [T]) -> Result<(), Error> {
        check_length(Argument::Losses, self.input.len(), losses.len())?;
        fill(Value(*self), [self.input, self.target], losses);
        Ok(())
    }

    fn gradient(&self, scale: f64) -> Gradient<'a, T, L> {
        Gradient {
            each: GradientEach(*self),
            scale,
        }
    }

    pub(crate) fn backward(&self, grad_output: T, grad_input: &mut [T]) -> Result<(), Error> {
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let scale = reduce::divide(grad_output.widen(), self.divisor());
        fill(self.gradient(scale), [self.input, self.target], grad_input);
        Ok(())
    }

    pub(crate) fn backward_each(
        &self,
        grad_output: &[T],
        grad_input: &mut [T],
    ) -> Result<(), Error> {
        check_length(Argument::GradOutput, self.input.len(), grad_output.len())?;
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let inputs = [self.input, self.target, grad_output];
        fill(GradientEach(*self), inputs, grad_input);
        Ok(())
    }

    pub(crate) fn forward_backward(&self, grad_input: &mut [T]) -> Result<T, Error> {
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let scale = reduce::divide(1.0, self.divisor());
        if self.has_quick() {
            let losses = fill(self.gradient(scale), [self.input, self.target], grad_input);
            return Ok(losses
                .round(self.divisor())
                .unwrap_or_else(|| self.forward_of_record()));
        }
        let len = self.input.len();
        Ok(
            self.reduced(parallel::blocks(len, 1, grad_input, |start, len, grad| {
                self.block(start, len, scale, grad)
            })),
        )
    }

    pub(crate) fn partial(&self, start: usize) -> Result<Partial<T>, Error> {
        Partial::new(start, self.input.len(), |start, len| Weighted {
            losses: self.block(start, len, 0.0, &mut []),
            weights: Compensated::default().add(len as f64),
        })
    }
}

/// The weights of the elements from `start` on.
#[inline(always)]
fn broadcast<T: Element>(weights: &[T], start: usize) -> [f64; LANES] {
    if let [one] = weights {
        return [one.widen(); LANES];
    }
    let mut lanes = [1.0; LANES];
    let mut at = start.checked_rem(weights.len()).unwrap_or(0);
    for lane in &mut lanes {
        *lane = weights.get(at).map_or(1.0, |weight| weight.widen());
        at += 1;
        if at == weights.len() {
            at = 0;
        }
    }
    lanes
}

/// Not in [0, 1], or NaN.
#[doc(hidden)]
#[inline(always)]
pub fn outside_unit_interval<T: Element>(value: T) -> bool {
    !((value >= T::zero()) & (value <= T::one()))
}

/// Neither 0 nor 1, or NaN.
#[doc(hidden)]
#[inline(always)]
pub fn is_soft<T: Element>(value: T) -> bool {
    !((value == T::zero()) | (value == T::one()))
}

/// All of `values` lie in [0, 1].
pub(crate) fn check_unit_interval<T: Element>(
    argument: Argument,
    values: &[T],
) -> Result<(), Error> {
    match reduce::find(values, outside_unit_interval) {
        Some(index) => Err(Error::OutsideUnitInterval { argument, index }),
        None => Ok(()),
    }
}

/// The public methods of an element-wise loss, alike for all of them. So are their examples, which hold of any loss that falls
/// towards its target.
macro_rules! methods {
    ($loss:ident, $T:ident $(, $bound:path)?) => {
        /// The reduced loss of all elements: their mean or sum.
        ///
        /// # Errors
        ///
        /// Those of the type's page.
        ///
        /// ```
        /// use trueloss::Reduction;
        ///
        #[doc = concat!("let loss = trueloss::", stringify!($loss), "::new();")]
        /// let (input, target) = ([0.5_f32, 0.25], [1.0, 0.0]);
        /// let mean = loss.forward(&input, &target)?;
        /// let sum = loss.reduction(Reduction::Sum).forward(&input, &target)?;
        /// assert_eq!(mean, sum / 2.0);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn forward$(<$T: $bound>)?(&self, input: &[$T], target: &[$T]) -> Result<$T, Error> {
            Ok(<$T as Loss<_>>::forward(&Checked::new(self, input, target)?))
        }

        /// The loss of each element (`reduction='none'`).
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `losses` does not have the input's
        /// length.
        ///
        /// ```
        #[doc = concat!("let loss = trueloss::", stringify!($loss), "::new();")]
        /// let mut losses = [0.0_f32; 2];
        /// loss.forward_each(&[0.5, 0.25], &[1.0, 0.0], &mut losses)?;
        /// assert_eq!(losses[1], loss.forward(&[0.25], &[0.0])?);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn forward_each$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            losses: &mut [$T],
        ) -> Result<(), Error> {
            <$T as Loss<_>>::forward_each(&Checked::new(self, input, target)?, losses)
        }

        /// The gradient of the reduced loss with respect to the input, times `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's
        /// length.
        ///
        /// ```
        #[doc = concat!("let loss = trueloss::", stringify!($loss), "::new();")]
        /// let mut grad = [0.0_f32; 2];
        /// loss.backward(&[0.5, 0.25], &[1.0, 0.0], 1.0, &mut grad)?;
        /// // Towards the targets the loss falls: 0.5 is below its own, 0.25 above.
        /// assert!(grad[0] < 0.0 && grad[1] > 0.0);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn backward$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            grad_output: $T,
            grad_input: &mut [$T],
        ) -> Result<(), Error> {
            let call = Checked::new(self, input, target)?;
            <$T as Loss<_>>::backward(&call, grad_output, grad_input)
        }

        /// The gradient of each element's loss, times that element's `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_output` or `grad_input` does not
        /// have the input's length.
        ///
        /// ```
        #[doc = concat!("let loss = trueloss::", stringify!($loss), "::new();")]
        /// let (input, target) = ([0.5_f32, 0.25], [1.0, 0.0]);
        /// let (mut grad, mut mean) = ([0.0; 2], [0.0; 2]);
        /// loss.backward_each(&input, &target, &[0.5, 0.0], &mut grad)?;
        /// loss.backward(&input, &target, 1.0, &mut mean)?;
        /// // In the mean of two each counts a half; here the second does not count.
        /// assert_eq!(grad, [mean[0], 0.0]);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn backward_each$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            grad_output: &[$T],
            grad_input: &mut [$T],
        ) -> Result<(), Error> {
            let call = Checked::new(self, input, target)?;
            <$T as Loss<_>>::backward_each(&call, grad_output, grad_input)
        }

        /// [`forward`](Self::forward), and [`backward`](Self::backward) with a `grad_output` of 1, in
        /// one pass and with the same bits.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's
        /// length.
        ///
        /// ```
        #[doc = concat!("let loss = trueloss::", stringify!($loss), "::new();")]
        /// let (input, target) = ([0.5_f32, 0.25], [1.0, 0.0]);
        /// let (mut both, mut grad) = ([0.0; 2], [0.0; 2]);
        /// let value = loss.forward_backward(&input, &target, &mut both)?;
        /// loss.backward(&input, &target, 1.0, &mut grad)?;
        /// assert_eq!((value, both), (loss.forward(&input, &target)?, grad));
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn forward_backward$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            grad_input: &mut [$T],
        ) -> Result<$T, Error> {
            <$T as Loss<_>>::forward_backward(&Checked::new(self, input, target)?, grad_input)
        }

        /// The part of a larger batch's loss that comes from these elements, `start` of which come
        /// before them. Weights broadcast from the first of these elements.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::NotOnBlockBoundary`] where `start` is not a multiple
        /// of [`BLOCK`](crate::BLOCK), [`Error::ShapeOverflow`] where the batch has more than a `usize` counts.
        ///
        /// ```
        /// use trueloss::{BLOCK, Reduction};
        ///
        #[doc = concat!("let loss = trueloss::", stringify!($loss), "::new();")]
        /// let (input, target) = ([0.25_f32; BLOCK + 1], [1.0; BLOCK + 1]);
        /// let mut whole = loss.partial(&input[..BLOCK], &target[..BLOCK], 0)?;
        /// whole.merge(&loss.partial(&input[BLOCK..], &target[BLOCK..], BLOCK)?)?;
        /// assert_eq!(whole.finish(Reduction::Mean)?, loss.forward(&input, &target)?);
        /// # Ok::<(), trueloss::Error>(())
        /// ```
        pub fn partial$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            start: usize,
        ) -> Result<Partial<$T>, Error> {
            <$T as Loss<_>>::partial(&Checked::new(self, input, target)?, start)
        }
    };
}
pub(crate) use methods;
