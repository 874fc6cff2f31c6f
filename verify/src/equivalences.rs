//! The equivalences that the documents list, each twice: as a theorem of exact arithmetic, where two
//! enclosures of the two sides must overlap and be narrower than the last bit of an `f64`, and as a
//! property of the kernels, whose two answers may differ by no more than a derived bound.
//!
//! The bounds of the kernels are sums of what is promised for each step. Where a step's rounded result is
//! the next step's input, the next step is enclosed over all numbers that the rounded one may stand for.

use crate::claims::{Direction, judged};
use crate::generate::{self, ElementType, Form, Sampler};
use crate::interval::Interval;
use crate::oracle::{self, Call, Function, Reduction, Value};
use crate::ulp::Format;
use crate::{kernels, losses, ulp};
use proptest::collection::vec;
use proptest::prelude::*;
use rug::Rational;
use trueloss::half::{bf16, f16};
use trueloss::{
    BLOCK, Bce, BceWithLogits, Classes, CrossEntropy, Element, LogSoftmax, Mse, Nll, Sigmoid,
    Softmax,
};

/// What checking an equivalence found.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Comparisons made.
    pub inputs: u64,
    /// The largest share of the bound that was used, for properties of the kernels.
    pub worst: f64,
    /// Comparisons that failed.
    pub failures: u64,
    /// The first of them.
    pub first_failure: String,
}

impl Tally {
    /// Nothing failed, and something was compared.
    pub fn passes(&self) -> bool {
        self.failures == 0 && self.inputs > 0
    }

    fn hold(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.inputs += 1;
        if !holds {
            if self.failures == 0 {
                self.first_failure = what();
            }
            self.failures += 1;
        }
    }

    /// |a - b| <= bound; a NaN is a failure.
    fn near(&mut self, a: f64, b: f64, bound: f64, what: impl FnOnce() -> String) {
        let distance = (a - b).abs();
        if distance > 0.0 {
            self.worst = self.worst.max(distance / bound);
        }
        self.hold(distance <= bound, || {
            format!("{}: {a:e} and {b:e} are more than {bound:e} apart", what())
        });
    }
}

/// One equivalence, as a theorem or as a property of the kernels.
#[derive(Clone, Copy)]
pub struct Equivalence {
    /// Its number in the documents' list.
    pub number: u32,
    /// What is equal to what.
    pub statement: &'static str,
    /// In which sense, and within which bound.
    pub bound: &'static str,
    /// Checks it on about `count` inputs.
    pub check: fn(seed: u64, count: u64) -> Tally,
}

/// All of them.
pub fn table() -> Vec<Equivalence> {
    let theorem = |number, statement, check| Equivalence {
        number,
        statement,
        bound: "exact: enclosures overlap to the last bit of an f64",
        check,
    };
    let kernels = |number, statement, bound, check| Equivalence {
        number,
        statement,
        bound,
        check,
    };
    let mut table = vec![
        theorem(
            1,
            "Sigmoid + BCELoss = BCEWithLogitsLoss, where the clamp at -100 does not act",
            bce_theorem,
        ),
        theorem(
            1,
            "its gradient, by the chain rule, where the clamp at 1e-12 does not act",
            bce_gradient_theorem,
        ),
        kernels(
            1,
            "Sigmoid + Bce = BceWithLogits, kernels in f32",
            "BCE over all p that round to the f32 + 0.5001 ULP of each side",
            bce_kernels,
        ),
        kernels(
            1,
            "its gradient, kernels in f32",
            "likewise",
            bce_gradient_kernels,
        ),
        theorem(
            2,
            "Softmax + Log + NLLLoss = LogSoftmax + NLLLoss = CrossEntropyLoss",
            cross_entropy_theorem,
        ),
        theorem(
            2,
            "its gradient, by the chain rule",
            cross_entropy_gradient_theorem,
        ),
        kernels(
            2,
            "LogSoftmax + Nll = CrossEntropy, kernels in f32",
            "0.5001 ULP of each side",
            log_softmax_kernels,
        ),
        kernels(
            2,
            "Softmax + Log + Nll = CrossEntropy, kernels in f32",
            "ln over all p that round to the f32 + 0.5001 ULP of each side",
            softmax_kernels,
        ),
        kernels(
            2,
            "their gradients, kernels in f32",
            "0.5001 ULP of each step + 2^-44 of the terms",
            cross_entropy_gradient_kernels,
        ),
        theorem(
            3,
            "CrossEntropyLoss of [0, z] with a label = BCEWithLogitsLoss(z, label); sigmoid(z) = softmax([0, z])[1]",
            two_classes_theorem,
        ),
        kernels(
            3,
            "the same and the gradients, kernels in f32",
            "0.5001 ULP of each side",
            two_classes_kernels,
        ),
        kernels(
            4,
            "mse_loss = mean((input - target)^2), by hand in exact rationals",
            "0.5001 ULP",
            mse_by_hand,
        ),
        theorem(
            5,
            "index targets = one-hot probabilities; label smoothing = smoothed probabilities",
            one_hot_theorem,
        ),
        kernels(
            5,
            "the same and the gradients, kernels in f32",
            "0.5001 ULP of each side + 2^-94 of the terms where smoothed",
            one_hot_kernels,
        ),
        kernels(
            6,
            "(N, C, d1..dK) = its rows one by one, every function, forward and gradient",
            "to the bit",
            rows_one_by_one,
        ),
        kernels(
            6,
            "a batch split into partials at block boundaries, merged in any grouping = the batch",
            "to the bit",
            partials,
        ),
        kernels(
            6,
            "forward_backward = forward and backward, every loss",
            "to the bit",
            fused,
        ),
        kernels(
            7,
            "logit > 0 exactly when sigmoid > 1/2: exactly, and up to rounding for the kernel",
            "exact; the kernel's sigmoid is never on the wrong side of 1/2",
            sign_of_the_logit,
        ),
        kernels(
            7,
            "a logit of 0 costs ln 2",
            "correctly rounded, f32 and f64",
            ln_2,
        ),
    ];
    let of_losses = losses::TABLE.iter().filter_map(|loss| loss.same_as);
    table.extend(of_losses.map(|same| {
        let bound = "to the bit, f32, f16 and bf16";
        kernels(8, same.statement, bound, same.check)
    }));
    table
}

/// A loss of elements has the bits of another one, of `other` than its own call.
pub fn same_bits(
    function: Function,
    other: impl Fn(&Call) -> Call,
    seed: u64,
    count: u64,
) -> Tally {
    fn compare<T: Element + Format>(tally: &mut Tally, call: &Call, other: &Call) {
        for (answer, name) in [
            (kernels::forward::<T> as fn(&Call) -> _, "forward"),
            (kernels::backward::<T>, "gradient"),
        ] {
            let [one, other] = [call, other].map(|call| answer(call).expect("a legal call"));
            let same = one.len() == other.len()
                && one.iter().zip(&other).all(|(a, b)| Format::is_same(*a, *b));
            tally.hold(same, || {
                format!("{name}: {one:?} and {other:?} of {call:?}")
            });
        }
    }
    let mut tally = Tally::default();
    for element in [ElementType::F32, ElementType::F16, ElementType::BF16] {
        for form in [Form::Each, Form::Reduced] {
            let options = generate::Options {
                special: form == Form::Each,
                ..generate::Options::default()
            };
            let calls = generate::elementwise(function, element, form, options);
            for call in sample(seed, (count / 100).max(1), calls) {
                let other = other(&call);
                match element {
                    ElementType::F16 => compare::<f16>(&mut tally, &call, &other),
                    ElementType::BF16 => compare::<bf16>(&mut tally, &call, &other),
                    _ => compare::<f32>(&mut tally, &call, &other),
                }
            }
        }
    }
    tally
}

/// Both sides enclose one number, as far as the last bit of an `f64` and beyond.
fn same(mut sides: impl FnMut(u32) -> (Interval, Interval)) -> bool {
    let mut prec = ulp::FIRST_PREC;
    loop {
        let (a, b) = sides(prec);
        if !a.overlaps(&b) {
            return false;
        }
        let narrow = |side: &Interval| {
            let width = side.width();
            // 2^-1100 is below every f64: an enclosure of zero by that much is as good as zero.
            width.is_zero()
                || width.get_exp().is_some_and(|e| e < -1100)
                || width.to_f64() <= side.mignitude() * 2_f64.powi(-60)
        };
        if narrow(&a) && narrow(&b) {
            return true;
        }
        if prec >= ulp::LAST_PREC {
            return false;
        }
        prec *= 2;
    }
}

/// The ULP of an `f32` at the larger of two numbers.
fn ulp(a: f32, b: f32) -> f64 {
    ulp::of_f32(f64::from(a.abs().max(b.abs())))
}

fn point(x: f64, prec: u32) -> Interval {
    Interval::from_f64(x, prec)
}

/// All real numbers within `ulps` of a rounded one.
fn around(x: f32, ulps: f64) -> Interval {
    let half = point(ulps * ulp(x, x), 160);
    let x = point(f64::from(x), 160);
    let (low, high) = (x.clone() - &half, x + &half);
    Interval::new(low.lo().clone(), high.hi().clone())
}

/// The part of it in [0, 1].
fn probability_around(p: f32, ulps: f64) -> Interval {
    around(p, ulps).max(&point(0.0, 160)).min(&point(1.0, 160))
}

fn width(x: &Interval) -> f64 {
    x.width().to_f64_round(rug::float::Round::Up)
}

fn sample<S: Strategy>(seed: u64, count: u64, strategy: S) -> impl Iterator<Item = S::Value> {
    let mut sampler = Sampler::new(seed);
    (0..count).map(move |_| sampler.sample(&strategy))
}

const F32: ElementType = ElementType::F32;

/// Logits up to `most`, and probabilities as targets.
fn logit_and_target(most: f64) -> impl Strategy<Value = (f64, f64)> {
    let logit = prop_oneof![
        3 => (-most..most).prop_map(|x| F32.nearest(x)),
        1 => generate::logit(F32).prop_filter("beyond the range", move |x| x.abs() <= most),
    ];
    (logit, generate::probability(F32))
}

fn bce_theorem(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (x, y) in sample(seed, count, logit_and_target(99.0)) {
        let holds = same(|prec| {
            let (x, y) = (point(x, prec), point(y, prec));
            (
                oracle::bce_of(&oracle::sigmoid_of(&x), &y),
                oracle::bce_with_logits_of(&x, &y, &point(1.0, prec)),
            )
        });
        tally.hold(holds, || format!("x = {x:e}, y = {y:e}"));
    }
    tally
}

fn bce_gradient_theorem(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    // sigma(x) sigma(-x) is 1e-12 at 27.63.
    for (x, y) in sample(seed, count, logit_and_target(27.5)) {
        let holds = same(|prec| {
            let (x, y) = (point(x, prec), point(y, prec));
            let outer = oracle::bce_gradient_of(&oracle::sigmoid_of(&x), &y);
            (
                outer * &oracle::sigmoid_derivative_of(&x),
                oracle::bce_with_logits_gradient_of(&x, &y, &point(1.0, prec)),
            )
        });
        tally.hold(holds, || format!("x = {x:e}, y = {y:e}"));
    }
    tally
}

fn bce_kernels(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (x, y) in sample(seed, count, logit_and_target(99.0)) {
        let (x, y) = (x as f32, y as f32);
        let p = trueloss::sigmoid(x);
        let (Ok(detour), Ok(direct)) = (
            Bce::new().forward(&[p], &[y]),
            BceWithLogits::new().forward(&[x], &[y]),
        ) else {
            tally.hold(false, || format!("x = {x:e}, y = {y:e}: refused"));
            continue;
        };
        // Both the exact loss and that of p itself lie in the enclosure over all that round to p.
        let y_point = point(f64::from(y), 160);
        let spread = width(&oracle::bce_of(&probability_around(p, 0.5), &y_point));
        let bound = spread + 1.0002 * ulp(detour, direct);
        tally.near(f64::from(detour), f64::from(direct), bound, || {
            format!("x = {x:e}, y = {y:e}")
        });
    }
    tally
}

fn bce_gradient_kernels(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (x, y) in sample(seed, count, logit_and_target(27.5)) {
        let (x, y) = (x as f32, y as f32);
        let p = trueloss::sigmoid(x);
        let (mut outer, mut detour, mut direct) = ([0.0_f32], [0.0_f32], [0.0_f32]);
        let done = Bce::new()
            .backward(&[p], &[y], 1.0, &mut outer)
            .and_then(|()| Sigmoid::new().backward(&[x], &outer, &mut detour))
            .and_then(|()| BceWithLogits::new().backward(&[x], &[y], 1.0, &mut direct));
        if let Err(error) = done {
            tally.hold(false, || format!("x = {x:e}, y = {y:e}: {error}"));
            continue;
        }
        let ([detour], [direct]) = (detour, direct);
        let (x_point, y_point) = (point(f64::from(x), 160), point(f64::from(y), 160));
        let slope = oracle::sigmoid_derivative_of(&x_point);
        let spread = oracle::bce_gradient_of(&probability_around(p, 0.5), &y_point) * &slope;
        let rounded_once = 0.5001 * ulp(outer[0], outer[0]) * slope.magnitude();
        // BCE's own gradient stops at 1e-12: where a p that rounds to this one is past it, the chain rule
        // holds no more.
        let past = probability_around(p, 0.5).hi() == &1 || probability_around(p, 0.5).lo() == &0;
        if past {
            continue;
        }
        let bound = width(&spread) + rounded_once + 1.0002 * ulp(detour, direct);
        tally.near(f64::from(detour), f64::from(direct), bound, || {
            format!("x = {x:e}, y = {y:e}")
        });
    }
    tally
}

/// A row of logits whose softmax an `f32` can hold, and a label.
fn row_and_label(element: ElementType) -> impl Strategy<Value = (Vec<f64>, usize)> {
    (2..12_usize).prop_flat_map(move |classes| {
        let logit = prop_oneof![
            4 => (-40.0..40.0).prop_map(move |x| element.nearest(x)),
            1 => Just(3.0),
            1 => (-1e-3..1e-3).prop_map(move |x| element.nearest(x)),
        ];
        (vec(logit, classes), 0..classes)
    })
}

fn points(row: &[f64], prec: u32) -> Vec<Interval> {
    row.iter().map(|&x| point(x, prec)).collect()
}

fn cross_entropy_theorem(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (row, label) in sample(seed, count, row_and_label(ElementType::F64)) {
        let cross_entropy = |x: &[Interval]| oracle::log_sum_exp(x) - &x[label];
        let by_softmax = same(|prec| {
            let x = points(&row, prec);
            (
                -oracle::softmax_of(&x)[label].clone().ln(),
                cross_entropy(&x),
            )
        });
        let by_log_softmax = same(|prec| {
            let x = points(&row, prec);
            (
                -oracle::log_softmax_of(&x)[label].clone(),
                cross_entropy(&x),
            )
        });
        tally.hold(by_softmax && by_log_softmax, || {
            format!("{row:?}, label {label}")
        });
    }
    tally
}

fn cross_entropy_gradient_theorem(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (row, label) in sample(seed, count, row_and_label(ElementType::F64)) {
        for j in 0..row.len() {
            let indicator = i32::from(j == label);
            // softmax' of log' of nll': the gradient that comes in is -1 / p_y at the label.
            let by_softmax = same(|prec| {
                let p = oracle::softmax_of(&points(&row, prec));
                let incoming = -p[label].clone().recip();
                let dot = incoming.clone() * &p[label];
                let own = if j == label {
                    incoming
                } else {
                    point(0.0, prec)
                };
                ((own - &dot) * &p[j], p[j].clone() + -indicator)
            });
            // log_softmax' of nll': -1 comes in at the label, and that is its sum.
            let by_log_softmax = same(|prec| {
                let x = points(&row, prec);
                let p = oracle::log_softmax_of(&x)[j].clone().exp();
                let own = point(f64::from(-indicator), prec);
                (
                    own - &(p * &point(-1.0, prec)),
                    oracle::softmax_of(&x)[j].clone() + -indicator,
                )
            });
            tally.hold(by_softmax && by_log_softmax, || {
                format!("{row:?}, label {label}, class {j}")
            });
        }
    }
    tally
}

/// A row in `f32` and what `f` writes of it.
fn row_of(row: &[f64]) -> Vec<f32> {
    row.iter().map(|&x| x as f32).collect()
}

fn log_softmax_kernels(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (row, label) in sample(seed, count, row_and_label(F32)) {
        let x = row_of(&row);
        let mut logs = vec![0.0_f32; x.len()];
        let losses = Classes::new(&x, [x.len()]).and_then(|logits| {
            LogSoftmax::new().forward(logits, &mut logs)?;
            let detour = Nll::new().forward(Classes::new(&logs, [x.len()])?, &[label])?;
            Ok((detour, CrossEntropy::new().forward(logits, &[label])?))
        });
        let (detour, direct) = losses.unwrap_or((f32::NAN, f32::NAN));
        tally.near(
            f64::from(detour),
            f64::from(direct),
            1.0002 * ulp(detour, direct),
            || format!("{row:?}, label {label}"),
        );
    }
    tally
}

fn softmax_kernels(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (row, label) in sample(seed, count, row_and_label(F32)) {
        let x = row_of(&row);
        let mut p = vec![0.0_f32; x.len()];
        let losses = Classes::new(&x, [x.len()]).and_then(|logits| {
            Softmax::new().forward(logits, &mut p)?;
            // The logarithm in between, rounded once like everything else.
            let logs: Vec<f32> = p
                .iter()
                .map(|&p| trueloss::elementary::log(f64::from(p)) as f32)
                .collect();
            let detour = Nll::new().forward(Classes::new(&logs, [x.len()])?, &[label])?;
            Ok((detour, CrossEntropy::new().forward(logits, &[label])?))
        });
        let (detour, direct) = losses.unwrap_or((f32::NAN, f32::NAN));
        let spread = width(&probability_around(p[label], 0.5001).ln());
        tally.near(
            f64::from(detour),
            f64::from(direct),
            spread + 1.0002 * ulp(detour, direct),
            || format!("{row:?}, label {label}"),
        );
    }
    tally
}

fn cross_entropy_gradient_kernels(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (row, label) in sample(seed, count, row_and_label(F32)) {
        let x = row_of(&row);
        let classes = x.len();
        let zeros = || vec![0.0_f32; classes];
        let (mut p, mut logs, mut incoming) = (zeros(), zeros(), zeros());
        let (mut by_log_softmax, mut by_softmax, mut direct) = (zeros(), zeros(), zeros());
        let done = Classes::new(&x, [classes]).and_then(|logits| {
            CrossEntropy::new().backward(logits, &[label], 1.0, &mut direct)?;
            LogSoftmax::new().forward(logits, &mut logs)?;
            Nll::new().backward(
                Classes::new(&logs, [classes])?,
                &[label],
                1.0,
                &mut incoming,
            )?;
            LogSoftmax::new().backward(logits, &incoming, &mut by_log_softmax)?;
            Softmax::new().forward(logits, &mut p)?;
            // ln' is 1 / p, and nll' is -1 at the label.
            incoming.fill(0.0);
            incoming[label] = -1.0 / p[label];
            Softmax::new().backward(logits, &incoming, &mut by_softmax)
        });
        if let Err(error) = done {
            tally.hold(false, || format!("{row:?}, label {label}: {error}"));
            continue;
        }
        let exact = oracle::softmax_of(&points(&row, 160));
        // 1 / p has the relative error of the rounded p, and one of its own.
        let p_label = f64::from(p[label]);
        let relative = 1.001 * (0.5001 * ulp(p[label], p[label]) / p_label + 2_f64.powi(-24));
        for j in 0..classes {
            let indicator = f64::from(u8::from(j == label));
            let terms = exact[j].magnitude() + indicator;
            let what = || format!("{row:?}, label {label}, class {j}");
            // The part in the terms is that of the softmaxes alone: the direct gradient at a label has none.
            let absolute = 2_f64.powi(-44) * terms;
            let ulps = |a: f32| 1.0002 * ulp(a, direct[j]);
            let (a, b) = (by_log_softmax[j], by_softmax[j]);
            tally.near(f64::from(a), f64::from(direct[j]), ulps(a) + absolute, what);
            // Softmax's terms are as far off as the rounded 1 / p is.
            let bound = ulps(b)
                + relative * (f64::from(direct[j]).abs() + ulp(b, direct[j]))
                + (1.0 + relative) * absolute;
            tally.near(f64::from(b), f64::from(direct[j]), bound, what);
        }
    }
    tally
}

fn two_classes_theorem(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    let logits = generate::logit(F32).prop_filter("exp(-1e30) has no digits", |z| z.abs() < 1e4);
    for z in sample(seed, count, logits) {
        for label in [0, 1] {
            let loss = same(|prec| {
                let row = points(&[0.0, z], prec);
                let one = point(1.0, prec);
                (
                    oracle::log_sum_exp(&row) - &row[label],
                    oracle::bce_with_logits_of(&row[1], &point(label as f64, prec), &one),
                )
            });
            let probability = same(|prec| {
                let row = points(&[0.0, z], prec);
                (
                    oracle::softmax_of(&row)[1].clone(),
                    oracle::sigmoid_of(&row[1]),
                )
            });
            tally.hold(loss && probability, || format!("z = {z:e}, label {label}"));
        }
    }
    tally
}

fn two_classes_kernels(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for z in sample(seed, count, generate::logit(F32)) {
        let z = z as f32;
        let row = [0.0, z];
        for label in [0_u8, 1] {
            let target = [f32::from(label)];
            let (mut by_row, mut by_number, mut p) = ([0.0_f32; 2], [0.0_f32], [0.0_f32; 2]);
            let losses = Classes::new(&row, [2]).and_then(|logits| {
                Softmax::new().forward(logits, &mut p)?;
                Ok((
                    CrossEntropy::new().forward_backward(logits, &[label], &mut by_row)?,
                    BceWithLogits::new().forward_backward(&[z], &target, &mut by_number)?,
                ))
            });
            let (a, b) = losses.unwrap_or((f32::NAN, f32::NAN));
            let what = || format!("z = {z:e}, label {label}");
            let mut compare = |a: f32, b: f32| {
                tally.near(f64::from(a), f64::from(b), 1.0002 * ulp(a, b), what);
            };
            compare(a, b);
            compare(by_row[1], by_number[0]);
            compare(by_row[0], -by_number[0]);
            compare(p[1], trueloss::sigmoid(z));
            compare(p[0], trueloss::sigmoid(-z));
        }
    }
    tally
}

fn mse_by_hand(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    let number = || (-8.0..8.0).prop_map(|x| F32.nearest(x));
    for pairs in sample(seed, count, vec((number(), number()), 1..20)) {
        let (x, y): (Vec<f32>, Vec<f32>) = pairs.iter().map(|&(x, y)| (x as f32, y as f32)).unzip();
        let mut sum = Rational::new();
        for (&x, &y) in x.iter().zip(&y) {
            let (Some(x), Some(y)) = (Rational::from_f32(x), Rational::from_f32(y)) else {
                continue;
            };
            let residual = x - y;
            sum += residual.clone() * residual;
        }
        let mean = sum / pairs.len() as u32;
        let got = Mse::new().forward(&x, &y).unwrap_or(f32::NAN);
        let error = Rational::from_f32(got).map_or(f64::NAN, |got| (got - &mean).abs().to_f64());
        tally.near(error, 0.0, 0.5001 * ulp(mean.to_f32(), got), || {
            format!("{pairs:?}")
        });
    }
    tally
}

/// A batch of rows with labels, and a label smoothing.
fn batch(element: ElementType) -> impl Strategy<Value = (usize, Vec<f64>, Vec<i64>, f64)> {
    (2..7_usize, 1..4_usize).prop_flat_map(move |(classes, rows)| {
        (
            Just(classes),
            vec(
                (-30.0..30.0).prop_map(move |x| element.nearest(x)),
                classes * rows,
            ),
            vec(0..classes as i64, rows),
            prop_oneof![Just(0.0), Just(0.1), 0.0..1.0],
        )
    })
}

/// The call with labels, and the same one with one-hot probabilities.
fn index_and_one_hot(element: ElementType) -> impl Strategy<Value = (Call, Call)> {
    batch(element).prop_map(|(classes, input, labels, smoothing)| {
        let one_hot: Vec<f64> = labels
            .iter()
            .flat_map(|&label| (0..classes as i64).map(move |j| f64::from(u8::from(j == label))))
            .collect();
        let call = Call::new(Function::CrossEntropy, &[labels.len(), classes], &input)
            .label_smoothing(smoothing);
        (call.clone().classes(&labels), call.values(&one_hot))
    })
}

fn number(value: &Value, prec: u32) -> Interval {
    value
        .number()
        .cloned()
        .unwrap_or_else(|| Interval::unbounded(prec))
}

fn one_hot_theorem(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (index, one_hot) in sample(seed, count, index_and_one_hot(ElementType::F64)) {
        let loss = same(|prec| {
            let side = |call| number(&oracle::forward(call, prec)[0].value, prec);
            (side(&index), side(&one_hot))
        });
        let gradient = (0..index.input.len()).all(|j| {
            same(|prec| {
                let side = |call| number(&oracle::backward(call, prec)[j].value, prec);
                (side(&index), side(&one_hot))
            })
        });
        tally.hold(loss && gradient, || format!("{index:?}"));
        // Smoothing by hand: q' = (1 - e) q + e/C, exact where e/C is a power of two.
        if index.shape[1].is_power_of_two() {
            let mut smoothed = one_hot.clone();
            smoothed.label_smoothing = 0.0;
            let (e, c) = (0.25, index.shape[1] as f64);
            if let oracle::Target::Values(q) = &mut smoothed.target {
                q.iter_mut().for_each(|q| *q = (1.0 - e) * *q + e / c);
            }
            let by_option = index.clone().label_smoothing(e);
            let loss = same(|prec| {
                let side = |call| number(&oracle::forward(call, prec)[0].value, prec);
                (side(&by_option), side(&smoothed))
            });
            tally.hold(loss, || format!("{by_option:?}"));
        }
    }
    tally
}

fn one_hot_kernels(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (index, one_hot) in sample(seed, count, index_and_one_hot(F32)) {
        let both = kernels::forward_backward::<f32>(&index)
            .and_then(|a| Ok((a, kernels::forward_backward::<f32>(&one_hot)?)));
        let Ok(((loss, gradient), (loss_one_hot, gradient_one_hot))) = both else {
            tally.hold(false, || format!("refused: {index:?}"));
            continue;
        };
        let what = || format!("{index:?}");
        tally.near(
            f64::from(loss),
            f64::from(loss_one_hot),
            1.0002 * ulp(loss, loss_one_hot),
            what,
        );
        let exact = oracle::backward(&index, ulp::FIRST_PREC);
        for ((&a, &b), exact) in gradient.iter().zip(&gradient_one_hot).zip(&exact) {
            // One-hot, the gradient is the label's to the bound of a label, and nothing cancels. Smoothed, each side is
            // within 2^-95 of the terms beyond its ULP.
            let smoothed = if index.label_smoothing > 0.0 {
                2_f64.powi(-94) * exact.magnitude
            } else {
                0.0
            };
            let bound = 1.0002 * ulp(a, b) + smoothed;
            tally.near(f64::from(a), f64::from(b), bound, what);
        }
    }
    tally
}

fn rows_one_by_one(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    let functions = [
        Function::NllLoss,
        Function::CrossEntropy,
        Function::Softmax,
        Function::LogSoftmax,
    ];
    let options = generate::Options {
        weights: true,
        ignore: true,
        special: true,
        ..Default::default()
    };
    for function in functions {
        let calls = generate::rows(function, F32, generate::Form::Each, options);
        for call in sample(seed, count / 4, calls) {
            let stride: usize = call.shape[call.dim + 1..].iter().product();
            let classes = call.shape[call.dim];
            let rows = call.input.len() / classes.max(1);
            let (Ok(whole), Ok(whole_gradient)) = (
                kernels::forward::<f32>(&call),
                kernels::backward::<f32>(&call),
            ) else {
                tally.hold(false, || format!("refused: {call:?}"));
                continue;
            };
            for row in 0..rows {
                let at = |j: usize| row / stride * classes * stride + row % stride + j * stride;
                let pick = |values: &[f64]| (0..classes).map(|j| values[at(j)]).collect::<Vec<_>>();
                let mut alone =
                    Call::new(function, &[classes], &pick(&call.input)).reduction(Reduction::None);
                alone.weight.clone_from(&call.weight);
                if let oracle::Target::Classes(labels) = &call.target {
                    alone = alone.classes(&labels[row..=row]);
                }
                alone.grad_output = if function.is_activation() {
                    pick(&call.grad_output)
                } else {
                    vec![call.grad_output[row]]
                };
                let (Ok(values), Ok(gradient)) = (
                    kernels::forward::<f32>(&alone),
                    kernels::backward::<f32>(&alone),
                ) else {
                    tally.hold(false, || format!("refused: {alone:?}"));
                    continue;
                };
                let of_whole = |values: &[f32]| -> Vec<u32> {
                    if values.len() == rows && !function.is_activation() {
                        vec![bits(values[row])]
                    } else {
                        (0..classes).map(|j| bits(values[at(j)])).collect()
                    }
                };
                let alone_bits =
                    |values: &[f32]| values.iter().map(|&x| bits(x)).collect::<Vec<_>>();
                let gradient_bits: Vec<u32> =
                    (0..classes).map(|j| bits(whole_gradient[at(j)])).collect();
                let holds = of_whole(&whole) == alone_bits(&values)
                    && gradient_bits == alone_bits(&gradient);
                tally.hold(holds, || format!("row {row} of {call:?}"));
            }
        }
    }
    tally
}

/// The bits of a number, all NaN alike.
fn bits(x: f32) -> u32 {
    if x.is_nan() {
        f32::NAN.to_bits()
    } else {
        x.to_bits()
    }
}

fn partials(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    let lengths = (0..6 * BLOCK, vec(0..6_usize, 0..4), any::<bool>());
    for (len, cuts, from_the_right) in sample(seed, (count / 8).max(8), lengths) {
        let mut x: Vec<f32> = generate::spread(seed % 1000, len as u64)
            .map(|x| x.to_bits() as f32 * 1e-8 - 20.0)
            .collect();
        // The second half takes back what the first one gave: of the sum only its roundings are left, and they
        // show the order of the additions, which the rounding to f32 would hide.
        let (first, second) = x.split_at_mut(len / 2);
        for (x, &earlier) in second.iter_mut().zip(first.iter().rev()) {
            *x = earlier;
        }
        let sign = |i| if i < len / 2 { 1.0_f32 } else { -1.0 };
        let signs: Vec<f32> = (0..len).map(sign).collect();
        let y: Vec<f32> = x.iter().map(|x| (x.to_bits() >> 3 & 1) as f32).collect();
        let labels: Vec<u8> = x.iter().map(|x| (x.to_bits() >> 5 & 1) as u8).collect();
        let weight = [0.7_f32, 1.9];
        let two: Vec<f32> = x.iter().flat_map(|&x| [x, 0.25 * x]).collect();
        let mut cuts: Vec<usize> = cuts
            .iter()
            .map(|c| (c * BLOCK).min(len / BLOCK * BLOCK))
            .collect();
        cuts.extend([0, len]);
        cuts.sort_unstable();
        let bce = |from, to| BceWithLogits::new().weight(&signs[from..to]);
        let ce = CrossEntropy::new().weight(&weight);
        let whole = bce(0, len)
            .forward(&x, &y)
            .and_then(|bce| Ok((bce, ce.forward(Classes::new(&two, [len, 2])?, &labels)?)));
        let of_parts = || {
            let (mut elements, mut rows) = (Vec::new(), Vec::new());
            for (from, to) in cuts.iter().copied().zip(cuts.iter().copied().skip(1)) {
                elements.push(bce(from, to).partial(&x[from..to], &y[from..to], from)?);
                let logits = Classes::new(&two[2 * from..2 * to], [to - from, 2])?;
                rows.push(ce.partial(logits, &labels[from..to], from)?);
            }
            Ok::<_, trueloss::Error>((
                merge(elements, from_the_right)?.finish(trueloss::Reduction::Mean)?,
                merge(rows, from_the_right)?.finish(trueloss::Reduction::Mean)?,
            ))
        };
        let holds = match (&whole, of_parts()) {
            (Ok((a, b)), Ok((c, d))) => bits(*a) == bits(c) && bits(*b) == bits(d),
            _ => false,
        };
        tally.hold(holds, || format!("{len} elements, cut at {cuts:?}"));
    }
    tally
}

fn merge<T: trueloss::Element>(
    mut parts: Vec<trueloss::Partial<T>>,
    from_the_right: bool,
) -> Result<trueloss::Partial<T>, trueloss::Error> {
    while parts.len() > 1 {
        let at = if from_the_right { parts.len() - 2 } else { 0 };
        let next = parts.remove(at + 1);
        parts[at].merge(&next)?;
    }
    Ok(parts.remove(0))
}

fn fused(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    let options = generate::Options {
        weights: true,
        ignore: true,
        ..Default::default()
    };
    let reduced = generate::Form::Reduced;
    let mut check = |call: Call| {
        let call = call.grad_output(&[1.0]);
        let sides = kernels::forward_backward::<f32>(&call).and_then(|fused| {
            Ok((
                fused,
                kernels::forward::<f32>(&call)?,
                kernels::backward::<f32>(&call)?,
            ))
        });
        let holds = sides.is_ok_and(|((loss, gradient), forward, backward)| {
            bits(loss) == bits(forward[0])
                && gradient
                    .iter()
                    .zip(&backward)
                    .all(|(a, b)| bits(*a) == bits(*b))
        });
        tally.hold(holds, || format!("{call:?}"));
    };
    for function in Function::ALL {
        if function.is_activation() {
            continue;
        }
        let calls = if function.has_rows() {
            generate::rows(function, F32, reduced, options)
        } else {
            generate::elementwise(function, F32, reduced, options)
        };
        sample(seed, (count / 50).max(20), calls).for_each(&mut check);
    }
    tally
}

fn sign_of_the_logit(seed: u64, count: u64) -> Tally {
    let mut tally = Tally::default();
    for x in sample(seed, count, generate::number(F32)) {
        let exact = oracle::sigmoid(x, 256);
        let side = exact.number().map(|p| (p.lo() > &0.5, p.hi() > &0.5));
        // 2^-200 from 0, sigma is 2^-202 from 1/2: 256 bits tell.
        tally.hold(side == Some((x > 0.0, x > 0.0)), || format!("x = {x:e}"));
        let p = trueloss::sigmoid(x as f32);
        let wrong_side = if x > 0.0 { p < 0.5 } else { p > 0.5 };
        // From 2^-23 on, 1/2 + x/4 is past the midpoint between 1/2 and the next f32.
        let decided = x <= 2_f64.powi(-23) || p > 0.5;
        tally.hold(!wrong_side && decided, || format!("sigmoid({x:e}) = {p:e}"));
        let target = [f32::from(u8::from(x > 0.0))];
        let right = trueloss::binary_accuracy(&[x as f32], &target);
        tally.hold(right == Ok(1.0), || format!("accuracy at {x:e}"));
    }
    tally
}

fn ln_2(_: u64, _: u64) -> Tally {
    let mut tally = Tally::default();
    for label in [0.0, 1.0] {
        let call = Call::new(Function::BinaryCrossEntropyWithLogits, &[1], &[0.0]).values(&[label]);
        for (bits, right) in [
            (
                judged::<f32>(Direction::Forward, &call).map(|(got, _)| f64::from(got[0])),
                f64::from(std::f32::consts::LN_2),
            ),
            (
                judged::<f64>(Direction::Forward, &call).map(|(got, _)| got[0]),
                std::f64::consts::LN_2,
            ),
        ] {
            tally.hold(bits == Ok(right), || format!("label {label}: {bits:?}"));
        }
        let exact = oracle::forward(&call, 256);
        let nearest = (
            ulp::round::<f32>(&exact[0].value),
            ulp::round::<f64>(&exact[0].value),
        );
        let constants = (Some(std::f32::consts::LN_2), Some(std::f64::consts::LN_2));
        tally.hold(nearest == constants, || format!("{nearest:?}"));
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bits_are_those_of_the_same_loss() {
        let same = |other: Function| {
            let instead = |call: &Call| Call {
                function: other,
                // Legal where there is a delta.
                numbers: call.numbers.map(|_| 1.0),
                ..call.clone()
            };
            same_bits(Function::MseLoss, instead, 1, 1000)
        };
        assert!(same(Function::MseLoss).passes());
        let huber = same(Function::HuberLoss);
        assert!(huber.failures > huber.inputs / 2, "{huber:?}");
    }
}
