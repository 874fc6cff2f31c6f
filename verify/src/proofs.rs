//! What is proven of the claims for all inputs: the lemmas of `verify/proofs`, which `check.py` there proves with Gappa and
//! Sollya, and which of them bound the error of which claim.

use crate::claims::{Claim, Direction};
use crate::generate::ElementType;
use crate::oracle::Function;

/// The largest relative error of one rounding to `f64`, which the lemmas' bounds are in units of.
pub const U: f64 = f64::EPSILON / 2.0;

/// The table of lemmas.
const TABLE: &str = include_str!("../proofs/bounds.txt");

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lemma {
    /// What other lemmas and the scripts call it.
    pub name: &'static str,
    /// In units of [`U`].
    pub bound: f64,
    /// The scripts that prove it, or `= ` and the formula that it follows from.
    pub how: &'static str,
}

/// All lemmas, each after those that it needs.
///
/// # Panics
///
/// If a line of the table is not one.
pub fn lemmas() -> Vec<Lemma> {
    let lines = TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| lemma(line).unwrap_or_else(|| panic!("no lemma: {line}")))
        .collect()
}

fn lemma(line: &'static str) -> Option<Lemma> {
    let (name, rest) = line.split_once(' ')?;
    let (bound, how) = rest.trim_start().split_once(' ')?;
    let bound = match bound.strip_prefix("2^") {
        Some(exponent) => exponent.parse::<i32>().ok().map(|e| f64::from(e).exp2()),
        None => bound.parse().ok(),
    }?;
    let how = how.trim();
    Some(Lemma { name, bound, how })
}

/// What the lemmas say of a claim: before the last rounding the error is at most `relative` of the exact result + `terms` of
/// the sum of its terms' magnitudes.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// The lemmas whose bounds add up to the error.
    pub lemmas: Vec<&'static str>,
    /// The part of the error that is relative to the result.
    pub relative: f64,
    /// The part of the error that is relative to the sum of the magnitudes of its terms, where these can cancel.
    pub terms: f64,
    /// That is the error of plain `f64`: where the claim's own part in the terms is smaller, a formula in double-double
    /// takes over before it matters, whose error is derived beside it and not here.
    pub plain: bool,
}

impl Proven {
    /// A bound in ULP of an `f32`, last rounding included: a number is below 2^24 of its ULP. Of types with fewer
    /// digits it is less.
    pub fn ulp(&self) -> f64 {
        0.5 + self.relative * f64::from(1 << 24)
    }

    /// Whether the claim follows.
    pub fn shows(&self, claim: &Claim) -> bool {
        self.ulp() <= claim.bound.ulp && (self.plain || self.terms <= claim.bound.terms)
    }
}

/// What is proven of a claim. Nothing of claims of `f64` elements, and of those of one argument only as part of wider
/// ones: that they are correctly rounded is shown on all inputs.
pub fn of(claim: &Claim) -> Option<Proven> {
    if claim.element == ElementType::F64 || claim.bound.ulp == 0.5 {
        return None;
    }
    let reduced = claim.variant.starts_with("mean or sum");
    let factors = ["smoothing", "probabilities"]
        .iter()
        .any(|option| claim.variant.contains(option));
    let signs = claim.variant.contains("negative weights");
    let forward = claim.direction == Direction::Forward;
    // Of several formulas for different inputs the largest error counts; and the part in the terms.
    let (formulas, terms): (&[&'static str], Option<&'static str>) = match (claim.function, forward)
    {
        (Function::Sigmoid, true) => (&["sigmoid", "sigmoid_near_0"], None),
        (Function::Sigmoid, false) => (&["sigmoid_derivative"], None),
        (Function::LogSigmoid, true) => (&["softplus"], None),
        (Function::LogSigmoid, false) => (&["sigmoid", "sigmoid_near_0"], None),
        (Function::Softplus, true) => (&["softplus", "softplus_beta"], None),
        (Function::Softplus, false) => (&["sigmoid_of_rounded", "sigmoid_near_0"], None),
        (Function::MseLoss, true) => (&["mse"], None),
        (Function::MseLoss, false) => (&["mse_gradient"], None),
        (Function::BinaryCrossEntropy, true) => (&["bce"], signs.then_some("signs")),
        (Function::BinaryCrossEntropy, false) => (&["bce_gradient"], None),
        (Function::BinaryCrossEntropyWithLogits, true) => {
            (&["bce_with_logits"], signs.then_some("signs"))
        }
        (Function::BinaryCrossEntropyWithLogits, false) => (
            &["bce_with_logits_gradient_kept", "sigmoid_near_0"],
            Some("bce_with_logits_gradient"),
        ),
        // One product, which is exact.
        (Function::NllLoss, true) => (&[], reduced.then_some("signs")),
        (Function::NllLoss, false) => (&[], None),
        (Function::CrossEntropy, true) if factors => {
            (&["cross_entropy_factors"], signs.then_some("factors_signs"))
        }
        (Function::CrossEntropy, true) => (&["cross_entropy"], None),
        (Function::CrossEntropy, false) if factors => {
            (&["difference_relative"], Some("factors_gradient"))
        }
        (Function::CrossEntropy, false) => (&["cross_entropy_gradient"], None),
        (Function::Softmax, true) => (&["softmax"], None),
        (Function::Softmax, false) => (&["difference_relative"], Some("softmax_gradient")),
        (Function::LogSoftmax, true) => (&["cross_entropy"], None),
        (Function::LogSoftmax, false) => (&["difference_relative"], Some("log_softmax_gradient")),
    };
    let after = match (reduced, forward) {
        (false, _) => "each",
        (true, true) => "reduced",
        (true, false) => "reduced_gradient",
    };
    let formula = formulas.iter().map(|name| bound(name)).fold(0.0, f64::max);
    let relative = (1.0 + formula * U) * (1.0 + bound(after) * U) - 1.0;
    Some(Proven {
        lemmas: formulas
            .iter()
            .copied()
            .chain(terms)
            .chain([after])
            .collect(),
        // Twice 2^-52 for what these lines round.
        relative: relative + 4.0 * U,
        // The factors that come after belong to the result as far as they are rounded.
        terms: terms.map_or(0.0, bound) * U * (1.0 + bound(after) * U),
        plain: !forward
            && terms.is_some()
            && (factors || claim.function == Function::BinaryCrossEntropyWithLogits),
    })
}

/// The bound of a lemma.
fn bound(name: &str) -> f64 {
    let lemma = lemmas().into_iter().find(|lemma| lemma.name == name);
    lemma.unwrap_or_else(|| panic!("no lemma {name}")).bound
}
