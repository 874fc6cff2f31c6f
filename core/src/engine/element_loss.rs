//! What a loss says of one element.

use crate::check::Domain;
use crate::engine::batch::Wanted;
use crate::engine::element_map::FastElement;
use crate::engine::fixed_losses;
use crate::engine::rounding_test::{Bracket, SumEstimate};
use crate::engine::try_lanes::TryLanes;
use crate::error::Error;
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::sum::reduction::Reduction;

/// A loss of pairs of elements: its formula for one pair, and its options.
pub(crate) trait ElementwiseLoss<T: Format>: Copy + Sync {
    fn reduction(&self) -> Reduction;

    /// Slices that broadcast over the input; those that a loss does not have are [`Format::ONE`].
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
    fn value(&self, x: f64, y: f64, pos_weight: f64) -> T::Real;

    /// Its derivative with respect to x.
    fn gradient(&self, x: f64, y: f64, pos_weight: f64) -> T::Real;

    /// The same by a formula without branches, which loops can be vectorised with, and whether it is the derivative: where
    /// not, another formula gives it.
    #[inline(always)]
    fn branchless_gradient(&self, x: f64, y: f64, pos_weight: f64) -> (T::Real, bool) {
        (self.gradient(x, y, pos_weight), true)
    }

    /// Whether there are fast paths: the three functions below, for weights of 1.
    const FAST: bool = false;

    /// An element that adds nothing to a sum, and whose value and gradient are certain.
    const PADDING: [f64; 2] = [0.0; 2];

    /// The loss as (linear, factor), standing for linear + ln(factor), for a sum: see [`SumEstimate`].
    #[inline(always)]
    fn fast_term<A: Arithmetic>(_x: f64, _y: f64) -> (f64, f64) {
        (f64::NAN, 1.0)
    }

    /// The loss.
    #[inline(always)]
    fn fast_value<A: Arithmetic>(_x: f64, _y: f64) -> Bracket {
        Bracket::UNKNOWN
    }

    /// The gradient times `scale`, and the loss as above.
    #[inline(always)]
    fn fast_gradient<A: Arithmetic>(_x: f64, _y: f64, _scale: f64) -> FastElement {
        FastElement::output(Bracket::UNKNOWN)
    }

    /// Whether there is a fast path in integers: the function below, for weights of 1.
    const HAS_FIXED_POINT: bool = false;

    /// Adds the loss, and gives the gradient times `scale`, if that is given and it is certain.
    #[inline(always)]
    fn integer(
        _x: f32,
        _y: f32,
        _scale: Option<fixed_losses::FixedScale>,
        _losses: &mut fixed_losses::FixedLosses,
    ) -> Option<f32> {
        None
    }
}

/// The fast paths of a loss in lanes.
pub(crate) trait LaneLoss<T: TryLanes>: ElementwiseLoss<T> {
    /// Whether every value and gradient of an element type with lanes is evaluated in lanes, so that the path without them is
    /// compiled for the baseline only.
    const ALWAYS_IN_LANES: bool;

    /// What is wanted of the losses; see [`batch`](super::batch). `None` if there is no fast path for that on this machine; then
    /// nothing is written.
    fn evaluate_in_lanes(
        &self,
        input: &[T],
        target: &[T],
        wanted: Wanted<'_, T>,
        output: &mut [T],
    ) -> Option<SumEstimate>;
}

/// A loss that is made of its options as data, so that what calls any loss need not know each of them: the kernels of a
/// GPU, the digests, the verifier.
#[allow(private_bounds)]
pub trait FromOptions<'a, T: Format>: ElementwiseLoss<T> {
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

/// The domains of a loss's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Domains {
    pub(crate) input: Domain,
    pub(crate) target: Domain,
}
