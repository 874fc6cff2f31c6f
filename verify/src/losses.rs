//! The losses that go element by element: a row of the table for each, with its exact value and gradient, its options, and
//! what it promises. Everything else that the verifier asks of such a loss follows from its row, and from what core
//! says of its arguments.

use crate::claims::{Bound, Family, NEAR, calls};
use crate::generate::{self, ElementType, Form, Options};
use crate::interval::Interval;
use crate::oracle::{self, Exact, Function, Value};
use proptest::prelude::*;
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
    /// What it promises.
    pub(crate) families: fn() -> Vec<Family>,
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
        families: bce,
    },
    Loss {
        function: Function::BinaryCrossEntropyWithLogits,
        value: |e| oracle::bce_with_logits(e.x, e.y, e.pos_weight, e.prec),
        gradient: |e| oracle::bce_with_logits_gradient(e.x, e.y, e.pos_weight, e.prec),
        numbers: &[],
        families: bce_with_logits,
    },
];

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
        Family::new(BinaryCrossEntropyWithLogits, "mean or sum", calls!(elementwise, BinaryCrossEntropyWithLogits, Reduced), [NEAR, NEAR, u(2.2), u(2.3).and_terms(-100)]),
        Family::new(BinaryCrossEntropyWithLogits, "mean or sum, negative weights", calls!(elementwise, BinaryCrossEntropyWithLogits, Reduced, weights, negative), [NEAR.and_terms(-46), NEAR.and_terms(-100), u(2.2).and_terms(-48), u(2.3).and_terms(-100)]),
    ]
}
