//! Gradients at soft targets where their terms nearly cancel: hand-made, as random ones rarely come near.

use trueloss::Element;
use trueloss::bce_with_logits::gradient;
use trueloss_digest::random::SplitMix64;
use trueloss_verify::claims::{self, Direction, Outcome};
use trueloss_verify::generate::ElementType;
use trueloss_verify::oracle::{self, Call, Function};
use trueloss_verify::ulp::{self, Format, Judged};

/// A known sequence.
struct Random(SplitMix64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0.unit()
    }

    /// From -`range` to `range`.
    fn within(&mut self, range: f64) -> f64 {
        (2.0 * self.unit() - 1.0) * range
    }
}

/// The gradient of one element, judged.
fn judged<T: Element + Format>(x: f64, y: f64, pos_weight: f64) -> Judged {
    let got = T::narrow(gradient::<T>(x, y, pos_weight));
    let exact = |prec| vec![oracle::bce_with_logits_gradient(x, y, pos_weight, prec)];
    ulp::measure(&[got], exact).remove(0)
}

#[test]
fn the_example() {
    let x = f64::from(f32::from_bits(0x3d91_300f));
    let y = f64::from((1.0 / (1.0 + (-x).exp())) as f32);
    let judged = judged::<f32>(x, y, 1.0);
    assert!((judged.exact.abs() / 2.68e-17 - 1.0).abs() < 0.01);
    assert!(judged.within(0.5001, 0.0), "{judged:?}");
}

/// The bounds of single elements, at the target where the gradient is nearest to 0, and near it.
fn elements<T: Element + Format>(element: ElementType, ranges: &[f64]) {
    let [plain, weighted, far] = ["each", "each, weights", "each, g = 1"].map(|variant| {
        let mut table = claims::table().into_iter();
        let row = table.find(|claim| {
            claim.function == Function::BinaryCrossEntropyWithLogits
                && (claim.variant, claim.element, claim.direction)
                    == (variant, element, Direction::Gradient)
        });
        row.map(|claim| claim.bound)
    });
    let mut random = Random::new(1);
    let mut cancelled = 0;
    for &range in ranges {
        for i in 0..6000 {
            let x = element.nearest(random.within(range));
            let pos_weight = element.nearest(match i % 3 {
                0 => 1.0,
                1 => 4.0 * random.unit(),
                _ => random.within(50.0).exp2(),
            });
            // c y sigma(-x) = (1 - y) sigma(x), which is a ratio of infinities for a large x.
            let y = 1.0 / (1.0 + pos_weight * (-x).exp());
            let y = element.nearest(if i % 7 == 0 {
                (y * (1.0 + 0.5 * random.unit())).min(1.0)
            } else {
                y
            });
            let judged = judged::<T>(x, y, pos_weight);
            // Other weights than 1 are claimed for logits of f64 within 300. Beyond those the bound without one must do.
            let bound = match (
                pos_weight == 1.0,
                element == ElementType::F64 && x.abs() >= 300.0,
            ) {
                (_, true) => far,
                (true, false) => plain,
                (false, false) => weighted,
            };
            let bound = bound.expect("the table has such a row");
            let within = judged.within(bound.ulp, bound.terms);
            assert!(within, "{x:e}, {y:e}, {pos_weight:e}: {judged:?}, {bound}");
            let exact = oracle::bce_with_logits_gradient(x, y, pos_weight, 128);
            cancelled += u32::from(judged.exact.abs() < exact.magnitude * 2_f64.powi(-20));
        }
    }
    assert!(cancelled > 5000, "{cancelled}");
}

#[test]
fn elements_of_f32() {
    elements::<f32>(ElementType::F32, &[1.0, 20.0, 100.0]);
}

#[test]
fn elements_of_f64() {
    elements::<f64>(ElementType::F64, &[1.0, 20.0, 300.0, 745.0]);
}

/// A row of a random range, and what its softmax is, rounded.
fn row(random: &mut Random, element: ElementType, classes: usize) -> (Vec<f64>, Vec<f64>) {
    let range = [1.0, 10.0, 60.0, 300.0][random.below(4) as usize];
    let x: Vec<f64> = (0..classes)
        .map(|_| element.nearest(random.within(range)))
        .collect();
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = x.iter().map(|x| (x - max).exp()).sum();
    let p = x
        .iter()
        .map(|x| element.nearest((x - max).exp() / sum))
        .collect();
    (x, p)
}

/// A row whose gradients nearly vanish, with probabilities for targets.
fn probabilities(random: &mut Random, element: ElementType, classes: usize) -> Call {
    let (x, p) = row(random, element, classes);
    let mut call = Call::new(Function::CrossEntropy, &[1, classes], &x);
    // Half of the classes at all distances from 0.
    let mut q = p.clone();
    for q in &mut q {
        if random.below(2) == 0 {
            *q = element.nearest(*q * (1.0 + random.within(1.0) * (-30.0 * random.unit()).exp2()));
        }
    }
    match random.below(4) {
        0 => {}
        1 => call.label_smoothing = 0.1,
        // Weights that leave w q = p, and so V p = w q, but for roundings; or of either sign.
        kind => {
            let least = if kind == 2 { 0.0 } else { -0.5 };
            let weight: Vec<f64> = (0..classes)
                .map(|_| element.nearest(random.unit() + least))
                .collect();
            if kind == 2 {
                q = p
                    .iter()
                    .zip(&weight)
                    .map(|(p, w)| element.nearest(p / w))
                    .collect();
            }
            call = call.weight(&weight);
        }
    }
    call.values(&q)
        .grad_output(&[element.nearest(random.unit())])
}

/// The same with a label and smoothing: p_j = e/C at all other classes.
fn smoothed(random: &mut Random, element: ElementType, classes: usize) -> Call {
    let smoothing = random.unit();
    let label = random.below(classes as u64) as usize;
    let share = smoothing / classes as f64;
    let x: Vec<f64> = (0..classes)
        .map(|j| {
            if j == label {
                1.0 - smoothing + share
            } else {
                share
            }
        })
        .map(|v| element.nearest(v.ln()))
        .collect();
    Call::new(Function::CrossEntropy, &[1, classes], &x)
        .classes(&[label as i64])
        .label_smoothing(smoothing)
        .grad_output(&[element.nearest(random.unit())])
}

fn rows(variant: &str, call: fn(&mut Random, ElementType, usize) -> Call) {
    let mut random = Random::new(7);
    let table = claims::table();
    for claim in table.iter().filter(|claim| {
        claim.function == Function::CrossEntropy
            && claim.variant == variant
            && claim.direction == Direction::Gradient
    }) {
        let mut outcome = Outcome::default();
        for classes in [1, 2, 3, 10, 100, 5000] {
            for _ in 0..(20_000 / classes).min(400) {
                let mut call = call(&mut random, claim.element, classes);
                call.reduction = oracle::Reduction::None;
                outcome = outcome.and(claims::check_call(claim, &call));
            }
        }
        assert!(outcome.passes(), "{}: {outcome:?}", claim.name());
    }
}

#[test]
fn rows_with_probabilities() {
    rows("each, probabilities, weights", probabilities);
}

#[test]
fn rows_with_smoothing() {
    rows("each, smoothing, weights", smoothed);
}
