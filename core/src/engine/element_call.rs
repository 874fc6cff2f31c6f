//! Calls of losses that go element by element.

use crate::check::{check_length, check_weights};
use crate::engine::batch::{Factors, Wanted};
use crate::engine::dispatch::Kernel;
use crate::engine::element_loss::{ElementwiseLoss, LaneLoss};
use crate::engine::element_map::{
    FastElement, Map, Weights, across, fill, fill_without_lanes, groups, groups_at,
    reference_where_uncertain,
};
use crate::engine::estimates::estimates;
use crate::engine::groups::{Groups, GroupsMut};
use crate::engine::rounding_test::{LogProduct, SumEstimate};
use crate::engine::try_lanes::TryLanes;
use crate::engine::{dispatch, fixed_losses, threads};
use crate::error::{Argument, Error};
use crate::machine::{INTEGER, LANES};
use crate::number::accumulator::{Compensated, Sum};
use crate::number::arithmetic::Arithmetic;
use crate::number::fixed;
use crate::number::format::Format;
use crate::number::real::{Real, mul_zero_wins};
use crate::sum::partial::{Partial, Weighted};
use crate::sum::reduction::divide;
use crate::sum::terms::Terms;
use crate::sum::thread_group::Alone;
use crate::sum::tree;
use core::marker::PhantomData;

/// Inputs and targets that have passed a loss's checks.
#[derive(Clone, Copy)]
pub(crate) struct ElementLossCall<'a, T, L> {
    loss: &'a L,
    input: &'a [T],
    target: &'a [T],
}

/// The loss of each element, from (x, y).
#[derive(Clone, Copy)]
struct Value<'a, T, L>(ElementLossCall<'a, T, L>);

impl<T: Format, L: ElementwiseLoss<T>> Map<T, 2> for Value<'_, T, L> {
    const PADDING: [f64; 2] = L::PADDING;

    #[inline(always)]
    fn weights(&self, start: usize) -> Weights {
        self.0.weights(start)
    }

    #[inline(always)]
    fn reference(&self, [x, y]: [f64; 2], weight: f64, pos_weight: f64) -> f64 {
        let value = self.0.loss.value(x, y, pos_weight);
        if L::WEIGHTED {
            mul_zero_wins(weight, value).round()
        } else {
            value.round()
        }
    }

    fn has_fast(&self) -> bool {
        self.0.has_fast()
    }

    #[inline(always)]
    fn fast<A: Arithmetic>(&self, [x, y]: [f64; 2]) -> FastElement {
        FastElement::output(L::fast_value::<A>(x, y))
    }
}

/// The gradient of each element times a scale of its own, from (x, y, scale).
#[derive(Clone, Copy)]
struct GradientEach<'a, T, L>(ElementLossCall<'a, T, L>);

impl<T: Format, L: ElementwiseLoss<T>> Map<T, 3> for GradientEach<'_, T, L> {
    const PADDING: [f64; 3] = [L::PADDING[0], L::PADDING[1], 0.0];

    #[inline(always)]
    fn weights(&self, start: usize) -> Weights {
        self.0.weights(start)
    }

    #[inline(always)]
    fn reference(&self, [x, y, scale]: [f64; 3], weight: f64, pos_weight: f64) -> f64 {
        let gradient = self.0.loss.gradient(x, y, pos_weight);
        if L::WEIGHTED {
            (gradient * T::Real::product(scale, weight)).round()
        } else {
            (gradient * scale).round()
        }
    }

    #[inline(always)]
    fn branchless(&self, [x, y, scale]: [f64; 3], weight: f64, pos_weight: f64) -> (f64, bool) {
        let (gradient, certain) = self.0.loss.branchless_gradient(x, y, pos_weight);
        let scaled = gradient * T::Real::product(scale, weight);
        (scaled.round(), certain)
    }

    fn has_fast(&self) -> bool {
        self.0.has_fast()
    }

    #[inline(always)]
    fn fast<A: Arithmetic>(&self, [x, y, scale]: [f64; 3]) -> FastElement {
        L::fast_gradient::<A>(x, y, scale)
    }

    const HAS_FIXED_POINT: bool = L::HAS_FIXED_POINT;

    #[inline(always)]
    fn integer(
        &self,
        [x, y, scale]: [T; 3],
        losses: &mut fixed_losses::FixedLosses,
    ) -> Option<f32> {
        let scale = fixed_losses::FixedScale::new(scale.decode())?;
        L::integer(fixed::single(x), fixed::single(y), Some(scale), losses)
    }
}

/// The gradient of each element times one scale, from (x, y).
#[derive(Clone, Copy)]
struct Gradient<'a, T, L> {
    each: GradientEach<'a, T, L>,
    scale: f64,
}

impl<T: Format, L: ElementwiseLoss<T>> Map<T, 2> for Gradient<'_, T, L> {
    const PADDING: [f64; 2] = L::PADDING;

    #[inline(always)]
    fn weights(&self, start: usize) -> Weights {
        self.each.weights(start)
    }

    #[inline(always)]
    fn reference(&self, [x, y]: [f64; 2], weight: f64, pos_weight: f64) -> f64 {
        self.each.reference([x, y, self.scale], weight, pos_weight)
    }

    #[inline(always)]
    fn branchless(&self, [x, y]: [f64; 2], weight: f64, pos_weight: f64) -> (f64, bool) {
        self.each.branchless([x, y, self.scale], weight, pos_weight)
    }

    fn has_fast(&self) -> bool {
        self.each.has_fast()
    }

    #[inline(always)]
    fn fast<A: Arithmetic>(&self, [x, y]: [f64; 2]) -> FastElement {
        self.each.fast::<A>([x, y, self.scale])
    }

    const HAS_FIXED_POINT: bool = L::HAS_FIXED_POINT;

    #[inline(always)]
    fn integer(&self, [x, y]: [T; 2], losses: &mut fixed_losses::FixedLosses) -> Option<f32> {
        let scale = fixed_losses::FixedScale::new(self.scale);
        L::integer(fixed::single(x), fixed::single(y), scale, losses)
    }
}

/// The sum of one block's losses by the reference formula; their gradients times `scale` too, where
/// `grad_input` has places for them.
struct BlockLosses<'a, T, L> {
    checked: &'a ElementLossCall<'a, T, L>,
    start: usize,
    len: usize,
    scale: f64,
    grad_input: &'a mut [T],
}

impl<T: Format, L: ElementwiseLoss<T>> Kernel for BlockLosses<'_, T, L> {
    type Output = T::Sum;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> T::Sum {
        let BlockLosses {
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
            let sum = tree::block(Alone, len, Of::<_, true>(&mut terms));
            terms.grad_input.finish();
            sum
        } else {
            tree::block(Alone, len, Of::<_, false>(&mut terms))
        }
    }
}

/// What the losses of a block come from. `A` keeps apart the code for different machines.
struct LossTerms<'a, A, T, L> {
    checked: ElementLossCall<'a, T, L>,
    inputs: [Groups<'a, T>; 2],
    start: usize,
    scale: f64,
    grad_input: GroupsMut<'a, T>,
    arithmetic: PhantomData<A>,
}

/// The losses as terms of a sum, their gradients written on the way where `GRADIENT`.
struct Of<'a, F, const GRADIENT: bool>(&'a mut F);

impl<A, T: Format, L: ElementwiseLoss<T>, const GRADIENT: bool> Terms
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
            let mut uncertain = [0; LANES];
            for lane in 0..LANES {
                let (weight, pos_weight) = (weights.weight[lane], weights.pos_weight[lane]);
                let element = across(&inputs, lane);
                losses[lane] = value.reference(element, weight, pos_weight);
                if GRADIENT {
                    let (value, certain) = gradient.branchless(element, weight, pos_weight);
                    gradients[lane] = T::encode(value);
                    uncertain[lane] = u32::from(!certain);
                }
            }
            if GRADIENT {
                reference_where_uncertain(&gradient, &inputs, &weights, &uncertain, &mut gradients);
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

/// The sum of one block's losses by the fast path.
struct FastLosses<'a, T, L> {
    checked: &'a ElementLossCall<'a, T, L>,
    start: usize,
    len: usize,
}

impl<T: Format, L: ElementwiseLoss<T>> Kernel for FastLosses<'_, T, L> {
    type Output = SumEstimate;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> SumEstimate {
        let sources = [self.checked.input, self.checked.target];
        if INTEGER {
            let mut losses = fixed_losses::FixedLosses::new();
            let [x, y] = sources.map(|source| source.iter().skip(self.start).take(self.len));
            for (&x, &y) in x.zip(y) {
                L::integer(fixed::single(x), fixed::single(y), None, &mut losses);
            }
            return losses.estimate();
        }
        let groups = groups(&sources, L::PADDING, self.start, self.len);
        let mut total = SumEstimate::default();
        for from in (0..self.len).step_by(LogProduct::LEN) {
            let to = self.len.min(from + LogProduct::LEN);
            let mut losses = LogProduct::new();
            for at in (from..to).step_by(LANES) {
                let inputs = groups_at(&groups, at);
                for lane in 0..LANES {
                    let [x, y] = across(&inputs, lane);
                    let (linear, factor) = L::fast_term::<A>(x, y);
                    losses.add(lane, linear, factor);
                }
            }
            total = total.merge(losses.finish(to - from));
        }
        total
    }
}

impl<'a, T: Format, L: ElementwiseLoss<T>> ElementLossCall<'a, T, L> {
    pub(crate) fn new(loss: &'a L, input: &'a [T], target: &'a [T]) -> Result<Self, Error> {
        check_length(Argument::Target, input.len(), target.len())?;
        check_weights(Argument::Weight, loss.weight(), input.len())?;
        check_weights(Argument::PosWeight, loss.pos_weight(), input.len())?;
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
            [one] => one.decode(),
            _ => at(weights, index.checked_rem(weights.len()).unwrap_or(0)),
        };
        [
            at(self.input, index),
            at(self.target, index),
            weight(self.loss.weight()),
            weight(self.loss.pos_weight()),
        ]
    }

    /// The loss of one element by the reference formula.
    #[inline(always)]
    pub(crate) fn value_of(&self, [x, y, weight, pos_weight]: [f64; 4]) -> f64 {
        Value(*self).reference([x, y], weight, pos_weight)
    }

    /// Its gradient times `scale`.
    #[inline(always)]
    pub(crate) fn gradient_of(&self, [x, y, weight, pos_weight]: [f64; 4], scale: f64) -> f64 {
        GradientEach(*self).reference([x, y, scale], weight, pos_weight)
    }

    #[inline(always)]
    fn weights(&self, start: usize) -> Weights {
        Weights {
            weight: broadcast(self.loss.weight(), start),
            pos_weight: broadcast(self.loss.pos_weight(), start),
        }
    }

    /// Whether the fast paths apply.
    fn has_fast(&self) -> bool {
        let fast = if INTEGER { L::HAS_FIXED_POINT } else { L::FAST };
        T::FAST && fast && self.loss.weight() == T::ONE && self.loss.pos_weight() == T::ONE
    }

    /// What the sum of the losses, and a `grad_output`, is divided by.
    fn divisor(&self) -> f64 {
        self.loss.reduction().divisor(|| self.input.len() as f64)
    }

    // `f64`: each loss is rounded before it is added, so that the sum is within 1 u of what its terms are within, and the
    // quotient is rounded once more.
    fn reduced(&self, losses: T::Sum) -> T {
        let divisor = T::Real::from(self.divisor());
        T::encode(divide(losses.real(), divisor))
    }

    /// The losses of one block.
    fn block(&self, start: usize, len: usize, scale: f64, grad_input: &mut [T]) -> T::Sum {
        dispatch::run(BlockLosses {
            checked: self,
            start,
            len,
            scale,
            grad_input,
        })
    }

    /// The reduced loss by the reference formula.
    fn forward_by_reference(&self) -> T {
        self.reduced(threads::blocks(
            self.input.len(),
            1,
            &mut [],
            |start, len, none: &mut [T]| self.block(start, len, 0.0, none),
        ))
    }

    fn gradient(&self, scale: f64) -> Gradient<'a, T, L> {
        Gradient {
            each: GradientEach(*self),
            scale,
        }
    }

    pub(crate) fn partial(&self, start: usize) -> Result<Partial<T>, Error> {
        Partial::new(start, self.input.len(), |start, len| Weighted {
            losses: self.block(start, len, 0.0, &mut []),
            weights: Compensated::default().add(len as f64),
        })
    }
}

impl<T: TryLanes, L: LaneLoss<T>> ElementLossCall<'_, T, L> {
    fn evaluate_in_lanes(&self, wanted: Wanted<'_, T>, output: &mut [T]) -> Option<SumEstimate> {
        self.loss
            .evaluate_in_lanes(self.input, self.target, wanted, output)
    }

    /// The reduced loss: of a fast path's sum, else of a sum in `f64` lanes, else of the reference formula.
    fn round(&self, losses: SumEstimate) -> T {
        let divisor = self.divisor();
        losses
            .round(divisor)
            .or_else(|| {
                self.evaluate_in_lanes(Wanted::SumInDouble, &mut [])?
                    .round(divisor)
            })
            .unwrap_or_else(|| self.forward_by_reference())
    }

    pub(crate) fn forward(&self) -> T {
        if let Some(losses) = self.evaluate_in_lanes(Wanted::Sum, &mut []) {
            return self.round(losses);
        }
        if !self.has_fast() {
            return self.forward_by_reference();
        }
        let losses = estimates(self.input.len(), &mut [], |start, len, _: &mut [()]| {
            dispatch::run_fast::<T, _>(FastLosses {
                checked: self,
                start,
                len,
            })
        });
        self.round(losses)
    }

    /// Fills `output` where there is no fast path in lanes.
    fn fill_rest<M: Map<T, K>, const K: usize>(map: M, inputs: [&[T]; K], output: &mut [T]) {
        if L::ALWAYS_IN_LANES {
            fill_without_lanes(map, inputs, output);
        } else {
            fill(map, inputs, output);
        }
    }

    pub(crate) fn forward_each(&self, losses: &mut [T]) -> Result<(), Error> {
        check_length(Argument::Losses, self.input.len(), losses.len())?;
        if self.evaluate_in_lanes(Wanted::Values, losses).is_none() {
            Self::fill_rest(Value(*self), [self.input, self.target], losses);
        }
        Ok(())
    }

    pub(crate) fn backward(&self, grad_output: T, grad_input: &mut [T]) -> Result<(), Error> {
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let scale = divide(grad_output.decode(), self.divisor());
        let wanted = Wanted::Gradients(Factors::All(scale));
        if self.evaluate_in_lanes(wanted, grad_input).is_none() {
            let inputs = [self.input, self.target];
            Self::fill_rest(self.gradient(scale), inputs, grad_input);
        }
        Ok(())
    }

    pub(crate) fn backward_each(
        &self,
        grad_output: &[T],
        grad_input: &mut [T],
    ) -> Result<(), Error> {
        check_length(Argument::GradOutput, self.input.len(), grad_output.len())?;
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let wanted = Wanted::Gradients(Factors::Each(grad_output));
        if self.evaluate_in_lanes(wanted, grad_input).is_none() {
            let inputs = [self.input, self.target, grad_output];
            Self::fill_rest(GradientEach(*self), inputs, grad_input);
        }
        Ok(())
    }

    pub(crate) fn forward_backward(&self, grad_input: &mut [T]) -> Result<T, Error> {
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let scale = divide(1.0, self.divisor());
        let wanted = Wanted::SumAndGradients(Factors::All(scale));
        if let Some(losses) = self.evaluate_in_lanes(wanted, grad_input) {
            return Ok(self.round(losses));
        }
        if self.has_fast() {
            let inputs = [self.input, self.target];
            let losses = fill(self.gradient(scale), inputs, grad_input);
            return Ok(self.round(losses));
        }
        let len = self.input.len();
        Ok(
            self.reduced(threads::blocks(len, 1, grad_input, |start, len, grad| {
                self.block(start, len, scale, grad)
            })),
        )
    }
}

/// The weights of the elements from `start` on.
#[inline(always)]
fn broadcast<T: Format>(weights: &[T], start: usize) -> [f64; LANES] {
    if let [one] = weights {
        return [one.decode(); LANES];
    }
    let mut lanes = [1.0; LANES];
    let mut at = start.checked_rem(weights.len()).unwrap_or(0);
    for lane in &mut lanes {
        *lane = weights.get(at).map_or(1.0, |weight| weight.decode());
        at += 1;
        if at == weights.len() {
            at = 0;
        }
    }
    lanes
}

/// An element, widened.
#[inline(always)]
pub fn at<T: Format>(values: &[T], index: usize) -> f64 {
    values.get(index).map_or(f64::NAN, |value| value.decode())
}
