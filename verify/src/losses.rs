//! The losses that go element by element: a row of the table for each, with its exact value and gradient, its options, and
//! what it promises. Everything else that the verifier asks of such a loss follows from its row, and from what core
//! says of its arguments.

use crate::claims::{Bound, Family, NEAR, calls};
use crate::equivalences::{self, Tally};
use crate::filter::OneArgument;
use crate::generate::{self, ElementType, Form, Options};
use crate::interval::Interval;
use crate::oracle::{self, Call, Exact, Function, Target, Value};
use proptest::prelude::*;
use rug::Float;
use trueloss::device::NUMBERS;

/// What there is of one element.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    /// The input.
    pub x: f64,
    /// The target.
    pub y: f64,
    /// 1 where the loss has none.
    pub pos_weight: f64,
    /// The options that are numbers.
    pub numbers: [f64; NUMBERS],
    /// Of the enclosures that are asked for.
    pub prec: u32,
}

impl Element {
    /// A number of the call as an enclosure.
    fn exactly(&self, x: f64) -> Interval {
        Interval::from_f64(x, self.prec)
    }
}

/// A row of the table.
pub struct Loss {
    /// The function.
    pub function: Function,
    /// The exact loss, unweighted.
    pub value: fn(&Element) -> Exact,
    /// Its exact derivative with respect to x.
    pub gradient: fn(&Element) -> Exact,
    /// The options that are numbers, one at a time: which are legal, and a strategy for them.
    pub numbers: &'static [Number],
    /// Whether what is promised for `f64` is about a call, where the range of `f64` alone does not say so.
    pub(crate) covers: fn(&Call) -> bool,
    /// The targets for which it is correctly rounded, as a function of one argument: in `f32`, `f16` and `bf16`.
    pub(crate) of_one_argument: &'static [OfOneArgument],
    /// Another loss with the same bits in `f32`, `f16` and `bf16`, if there is one.
    pub(crate) same_as: Option<SameAs>,
    /// What it promises.
    pub(crate) families: fn() -> Vec<Family>,
}

/// A loss for one target.
pub(crate) struct OfOneArgument {
    /// As the tables say it.
    pub(crate) variant: &'static str,
    /// The target.
    pub(crate) target: f64,
    /// What its value is a function of x.
    pub(crate) forward: OneArgument,
    /// And its gradient.
    pub(crate) gradient: OneArgument,
}

/// A loss that is another one.
#[derive(Clone, Copy)]
pub(crate) struct SameAs {
    /// What is the same as what.
    pub(crate) statement: &'static str,
    /// Checks it on about so many inputs, with a seed: see [`equivalences::same_bits`].
    pub(crate) check: fn(u64, u64) -> Tally,
}

/// An option that is a number.
pub struct Number {
    /// Whether it is legal.
    pub legal: fn(f64) -> bool,
    /// Legal ones for the calls of a claim.
    pub strategy: fn(ElementType) -> BoxedStrategy<f64>,
}

impl Loss {
    /// Whether the options that are numbers are legal.
    pub fn are_legal(&self, numbers: [f64; NUMBERS]) -> bool {
        let mut all = self.numbers.iter().zip(numbers);
        all.all(|(number, x)| (number.legal)(x))
    }

    /// Legal options. Where there are none nothing is drawn.
    pub fn strategy(&self, element: ElementType) -> BoxedStrategy<[f64; NUMBERS]> {
        let all = self.numbers.iter().map(|number| (number.strategy)(element));
        let all: Vec<_> = all.collect();
        all.prop_map(|drawn| {
            let mut numbers = [0.0; NUMBERS];
            numbers[..drawn.len()].copy_from_slice(&drawn);
            numbers
        })
        .boxed()
    }
}

/// The row of a loss.
///
/// # Panics
///
/// Where the table has none.
pub fn of(function: Function) -> &'static Loss {
    let row = TABLE.iter().find(|loss| loss.function == function);
    row.unwrap_or_else(|| panic!("{function} has no row in the table of losses"))
}

/// The table.
pub const TABLE: &[Loss] = &[
    Loss {
        function: Function::MseLoss,
        value: |e| Exact::of(oracle::mse(e.x, e.y, e.prec)),
        gradient: |e| Exact::of(oracle::mse_gradient(e.x, e.y, e.prec)),
        numbers: &[],
        covers: |_| true,
        of_one_argument: &[],
        same_as: None,
        families: mse,
    },
    Loss {
        function: Function::BinaryCrossEntropy,
        value: |e| {
            let loss = oracle::bce_of(&e.exactly(e.x), &e.exactly(e.y));
            Exact::of(Value::Number(loss))
        },
        gradient: |e| {
            let gradient = oracle::bce_gradient_of(&e.exactly(e.x), &e.exactly(e.y));
            Exact::of(Value::Number(gradient))
        },
        numbers: &[],
        covers: |_| true,
        of_one_argument: &[],
        same_as: None,
        families: bce,
    },
    Loss {
        function: Function::BinaryCrossEntropyWithLogits,
        value: |e| oracle::bce_with_logits(e.x, e.y, e.pos_weight, e.prec),
        gradient: |e| oracle::bce_with_logits_gradient(e.x, e.y, e.pos_weight, e.prec),
        numbers: &[],
        covers: |_| true,
        of_one_argument: &[
            OfOneArgument {
                variant: "y = 0",
                target: 0.0,
                forward: OneArgument::Softplus,
                gradient: OneArgument::Sigmoid,
            },
            OfOneArgument {
                variant: "y = 1",
                target: 1.0,
                forward: OneArgument::NegLogSigmoid,
                gradient: OneArgument::NegLogSigmoidDerivative,
            },
        ],
        same_as: None,
        families: bce_with_logits,
    },
    Loss {
        function: Function::HuberLoss,
        value: huber,
        gradient: huber_gradient,
        numbers: &[Number {
            legal: |delta| delta > 0.0 && delta.is_finite(),
            strategy: |element| generate::around_one(element),
        }],
        covers: |_| true,
        of_one_argument: &[],
        same_as: None,
        families: huber_claims,
    },
    Loss {
        function: Function::SigmoidFocalLoss,
        value: focal,
        gradient: focal_gradient,
        numbers: &[
            Number {
                legal: |alpha| alpha == -1.0 || (0.0..=1.0).contains(&alpha),
                strategy: |_| prop_oneof![Just(0.25), Just(-1.0), Just(0.0), 0.0..=1.0].boxed(),
            },
            Number {
                legal: |gamma| (0.0..=1000.0).contains(&gamma),
                strategy: gammas,
            },
        ],
        covers: |call| call.numbers[1] <= 4.0 && call.input.iter().all(|&x| is_ordinary(x)),
        of_one_argument: &[],
        same_as: None,
        families: focal_claims,
    },
    Loss {
        function: Function::SoftMarginLoss,
        value: soft_margin,
        gradient: soft_margin_gradient,
        numbers: &[],
        covers: |call| call.input.iter().all(|&x| generate::is_ordinary_logit(x)),
        of_one_argument: &[
            OfOneArgument {
                variant: "y = -1",
                target: -1.0,
                forward: OneArgument::Softplus,
                gradient: OneArgument::Sigmoid,
            },
            OfOneArgument {
                variant: "y = 1",
                target: 1.0,
                forward: OneArgument::NegLogSigmoid,
                gradient: OneArgument::NegLogSigmoidDerivative,
            },
        ],
        same_as: Some(SameAs {
            statement: "SoftMargin = BceWithLogits with the targets (y + 1) / 2, kernels",
            check: |seed, count| {
                equivalences::same_bits(Function::SoftMarginLoss, of_labels, seed, count)
            },
        }),
        families: soft_margin_claims,
    },
];

/// What a difference comes to, with a function of its magnitude that does not decrease, and its limit.
fn huber(e: &Element) -> Exact {
    let delta = e.exactly(e.numbers[0]);
    // Of a number. It grows with |r|, so that an enclosure of r takes no more than its ends.
    let at = |magnitude: &Float| {
        let r = Interval::from_float(magnitude, e.prec);
        if *magnitude <= e.numbers[0] {
            r.square() / &e.exactly(2.0)
        } else {
            (r - &(delta.clone() / &e.exactly(2.0))) * &delta
        }
    };
    Exact::of(match residual(e) {
        Value::Nan => Value::Nan,
        Value::Infinite { .. } => Value::Infinite { negative: false },
        Value::Number(r) if !r.is_bounded() => Value::Number(Interval::unbounded(e.prec)),
        Value::Number(r) => {
            let magnitude = r.abs();
            let (least, most) = (at(magnitude.lo()), at(magnitude.hi()));
            Value::Number(Interval::new(least.lo().clone(), most.hi().clone()))
        }
    })
}

/// x - y, but no less than -delta and no more than delta.
fn huber_gradient(e: &Element) -> Exact {
    let delta = e.exactly(e.numbers[0]);
    Exact::of(match residual(e) {
        Value::Nan => Value::Nan,
        Value::Infinite { negative } => Value::Number(if negative { -delta } else { delta }),
        Value::Number(r) => Value::Number(r.min(&delta).max(&-delta.clone())),
    })
}

/// x - y.
fn residual(e: &Element) -> Value {
    let [x, y] = [e.x, e.y].map(|x| Value::from_f64(x, e.prec));
    x.minus(y)
}

/// The logit of the wrong class, for a target of 0 or 1, and the weight of the right one.
fn focal_arguments(e: &Element) -> (f64, Interval) {
    let alpha = e.numbers[0];
    let weight = match (alpha == -1.0, e.y == 1.0) {
        (true, _) => e.exactly(1.0),
        (_, true) => e.exactly(alpha),
        (_, false) => 1 - e.exactly(alpha),
    };
    (if e.y == 1.0 { -e.x } else { e.x }, weight)
}

/// sigma(z)^gamma.
fn focal_power(e: &Element, z: &Interval) -> Interval {
    (oracle::log_sigmoid_of(z) * &e.exactly(e.numbers[1])).exp()
}

/// a sigma(z)^gamma softplus(z).
fn focal(e: &Element) -> Exact {
    let (z, weight) = focal_arguments(e);
    let limits = [
        Value::from_f64(0.0, e.prec),
        Value::from_f64(f64::INFINITY, e.prec),
    ];
    let value = Value::map(z, e.prec, limits, |z| {
        focal_power(e, z) * &oracle::softplus_of(z)
    });
    Exact::of(value.times(&Value::Number(weight)))
}

/// a sigma(z)^gamma (gamma sigma(-z) softplus(z) + sigma(z)), with the sign that z has of x.
fn focal_gradient(e: &Element) -> Exact {
    let (z, weight) = focal_arguments(e);
    let limits = [0.0, 1.0].map(|limit| Value::from_f64(limit, e.prec));
    let value = Value::map(z, e.prec, limits, |z| {
        let (wrong, right) = (oracle::sigmoid_of(z), oracle::sigmoid_of(&-z.clone()));
        let slope = right * &oracle::softplus_of(z) * &e.exactly(e.numbers[1]) + &wrong;
        focal_power(e, z) * &slope
    });
    let value = value.times(&Value::Number(weight));
    Exact::of(if e.y == 1.0 { -value } else { value })
}

/// softplus(z) with z = -y x.
fn soft_margin(e: &Element) -> Exact {
    let limits = [0.0, f64::INFINITY].map(|limit| Value::from_f64(limit, e.prec));
    Exact::of(Value::map(-e.y * e.x, e.prec, limits, |z| {
        oracle::softplus_of(z)
    }))
}

/// -y sigma(z).
fn soft_margin_gradient(e: &Element) -> Exact {
    let limits = [0.0, 1.0].map(|limit| Value::from_f64(limit, e.prec));
    let sigma = Value::map(-e.y * e.x, e.prec, limits, oracle::sigmoid_of);
    Exact::of(if e.y == 1.0 { -sigma } else { sigma })
}

/// Binary cross-entropy with the labels that signs stand for.
fn of_labels(call: &Call) -> Call {
    let Target::Values(signs) = &call.target else {
        panic!("targets are numbers");
    };
    let labels: Vec<f64> = signs.iter().map(|y| (y + 1.0) / 2.0).collect();
    Call {
        function: Function::BinaryCrossEntropyWithLogits,
        ..call.clone().values(&labels)
    }
}

/// Those of `f64` up to 4, which is what its claims are about.
fn gammas(element: ElementType) -> BoxedStrategy<f64> {
    let most = if element == ElementType::F64 {
        4.0
    } else {
        20.0
    };
    prop_oneof![2 => Just(2.0), 1 => Just(0.0), 1 => Just(0.5), 4 => 0.0..most].boxed()
}

/// Calls in which no power of `f64` is below 2^-960: 5 |x| is below 500, or so large that the loss is 0 or |x|.
fn focal_calls(element: ElementType, form: Form, options: Options) -> BoxedStrategy<Call> {
    let calls = generate::elementwise(Function::SigmoidFocalLoss, element, form, options);
    let of_f64 = element == ElementType::F64;
    calls
        .prop_map(move |mut call| {
            for x in call
                .input
                .iter_mut()
                .filter(|x| of_f64 && !is_ordinary(**x))
            {
                *x *= 1e-10;
            }
            call
        })
        .boxed()
}

/// See [`focal_calls`].
fn is_ordinary(x: f64) -> bool {
    !(100.0..1e12).contains(&x.abs())
}

/// What each row promises; where the bounds come from is said in `claims.rs`, and beside each formula.
#[rustfmt::skip] // A row a line.
fn mse() -> Vec<Family> {
    use Function::MseLoss;
    let u = Bound::ulp;
    vec![
        Family::new(MseLoss, "each", calls!(elementwise, MseLoss, Each), [NEAR, NEAR, NEAR, NEAR]),
        Family::new(MseLoss, "mean or sum", calls!(elementwise, MseLoss, Reduced), [NEAR, NEAR, u(2.0001), u(2.0001)]),
    ]
}

#[rustfmt::skip]
fn bce() -> Vec<Family> {
    use Function::BinaryCrossEntropy;
    let u = Bound::ulp;
    vec![
        Family::new(BinaryCrossEntropy, "each, weights", calls!(elementwise, BinaryCrossEntropy, Each, weights), [NEAR, NEAR, u(0.6), NEAR]),
        Family::new(BinaryCrossEntropy, "mean or sum", calls!(elementwise, BinaryCrossEntropy, Reduced), [NEAR, NEAR, u(2.1), u(2.0001)]),
        Family::new(BinaryCrossEntropy, "mean or sum, negative weights", calls!(elementwise, BinaryCrossEntropy, Reduced, weights, negative), [NEAR.and_terms(-46), NEAR, u(2.1).and_terms(-48), u(2.0001)]),
    ]
}

#[rustfmt::skip]
fn bce_with_logits() -> Vec<Family> {
    use Function::BinaryCrossEntropyWithLogits;
    let u = Bound::ulp;
    vec![
        Family::double(BinaryCrossEntropyWithLogits, "each, g = 1", calls!(elementwise, BinaryCrossEntropyWithLogits, Each, special, unit), [u(0.9), u(0.9).and_terms(-100)]),
        Family::new(BinaryCrossEntropyWithLogits, "each", calls!(elementwise, BinaryCrossEntropyWithLogits, Each, special), [NEAR, NEAR, u(0.7), u(0.8).and_terms(-100)]),
        Family::new(BinaryCrossEntropyWithLogits, "each, weights", calls!(elementwise, BinaryCrossEntropyWithLogits, Each, weights), [NEAR, NEAR.and_terms(-100), u(0.7), u(0.8).and_terms(-100)]),
        Family::new(BinaryCrossEntropyWithLogits, "each, negative weights", calls!(elementwise, BinaryCrossEntropyWithLogits, Each, weights, negative), [NEAR.and_terms(-46), NEAR.and_terms(-100), u(0.7).and_terms(-55), u(0.8).and_terms(-100)]),
        Family::new(BinaryCrossEntropyWithLogits, "mean or sum", calls!(elementwise, BinaryCrossEntropyWithLogits, Reduced), [NEAR, NEAR, u(2.2), u(2.3).and_terms(-100)]),
        Family::new(BinaryCrossEntropyWithLogits, "mean or sum, negative weights", calls!(elementwise, BinaryCrossEntropyWithLogits, Reduced, weights, negative), [NEAR.and_terms(-46), NEAR.and_terms(-100), u(2.2).and_terms(-48), u(2.3).and_terms(-100)]),
    ]
}

/// Huber: one of two formulas of mse's kind. The gradient's scale is rounded where it is reduced, as mse's is.
#[rustfmt::skip]
fn huber_claims() -> Vec<Family> {
    use Function::HuberLoss;
    let u = Bound::ulp;
    vec![
        Family::new(HuberLoss, "each", calls!(elementwise, HuberLoss, Each), [NEAR, NEAR, NEAR, NEAR]),
        Family::new(HuberLoss, "mean or sum", calls!(elementwise, HuberLoss, Reduced), [NEAR, NEAR, u(2.0001), u(2.0001)]),
    ]
}

/// Focal loss of `f64`: (0.14 gamma + 0.3) u, and for the gradient (0.14 gamma + 0.4) u, are 0.86 u and 0.96 u for a gamma
/// of 4, before the rounding. A reduced one has 2 u more, see `claims.rs`.
#[rustfmt::skip]
fn focal_claims() -> Vec<Family> {
    use Function::SigmoidFocalLoss;
    let u = Bound::ulp;
    vec![
        Family::new(SigmoidFocalLoss, "each", |element| focal_calls(element, Form::Each, Options { special: true, ..Options::default() }), [NEAR, NEAR, u(1.4), u(1.5)]),
        Family::new(SigmoidFocalLoss, "mean or sum", |element| focal_calls(element, Form::Reduced, Options::default()), [NEAR, NEAR, u(2.9), u(3.0)]),
    ]
}

/// Soft margin loss is softplus of x or -x, its gradient a sigmoid with a sign: 0.2 u and 0.1 u before the rounding, as they are in
/// `activation.rs`. A reduced one has 1 u more for its terms, and 1 u for the scale of its gradient.
#[rustfmt::skip]
fn soft_margin_claims() -> Vec<Family> {
    use Function::SoftMarginLoss;
    let u = Bound::ulp;
    vec![
        Family::double(SoftMarginLoss, "each, g = 1", calls!(elementwise, SoftMarginLoss, Each, special, unit), [u(0.9), u(0.9)]),
        Family::new(SoftMarginLoss, "each", calls!(elementwise, SoftMarginLoss, Each, special), [NEAR, NEAR, u(0.7), u(0.6)]),
        Family::new(SoftMarginLoss, "mean or sum", calls!(elementwise, SoftMarginLoss, Reduced), [NEAR, NEAR, u(2.2), u(2.1)]),
    ]
}
