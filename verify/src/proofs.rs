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
    /// The magnitudes of a binade are below this many ULP.
    digits: f64,
    /// The part of the error that is relative to the sum of the magnitudes of its terms, where these can cancel.
    pub terms: f64,
    /// That is the error of plain `f64`, or of pairs: where the claim's own part in the terms is smaller, a formula in double-double
    /// takes over before it matters, whose error is derived beside it and not here.
    pub plain: bool,
}

impl Proven {
    /// A bound in ULP of an `f32` or `f64`, last rounding included: a number is below 2^24 or 2^53 of its ULP. Of types
    /// with fewer digits it is less.
    ///
    /// An error below an ULP takes a result just below a power of two to what is rounded to that power, if it takes it
    /// beyond; a larger one to where numbers are two ULP apart.
    pub fn ulp(&self) -> f64 {
        let error = self.relative * self.digits;
        error + if error < 1.0 { 0.5 } else { 1.0 }
    }

    /// Whether the claim follows.
    pub fn shows(&self, claim: &Claim) -> bool {
        self.ulp() <= claim.bound.ulp && (self.plain || self.terms <= claim.bound.terms)
    }
}

/// What is proven of a claim. Of those of one argument only as part of wider ones: that they are correctly rounded is shown
/// on all inputs.
pub fn of(claim: &Claim) -> Option<Proven> {
    if claim.bound.ulp == 0.5 {
        return None;
    }
    if claim.element == ElementType::F64 {
        return of_pairs(claim);
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
        (Function::CrossEntropy, false) if factors => (
            &["factors_gradient_kept", "factors_gradient_again"],
            Some("factors_gradient"),
        ),
        (Function::CrossEntropy, false) => (&["cross_entropy_gradient"], None),
        (Function::Softmax, true) => (&["softmax"], None),
        (Function::Softmax, false) => (&["softmax"], Some("softmax_gradient")),
        (Function::LogSoftmax, true) => (&["cross_entropy"], None),
        (Function::LogSoftmax, false) => (&["difference_relative"], Some("log_softmax_gradient")),
        // By hand, beside the formula.
        _ => return None,
    };
    let after = match (reduced, forward) {
        (false, _) => "each",
        (true, true) => "reduced",
        (true, false) => "reduced_gradient",
    };
    let plain = !forward
        && terms.is_some()
        && (factors || claim.function == Function::BinaryCrossEntropyWithLogits);
    Some(proven(formulas, terms, after, plain, f64::from(1 << 24)))
}

/// The same of `f64` elements, whose formulas are evaluated in pairs.
fn of_pairs(claim: &Claim) -> Option<Proven> {
    let reduced = claim.variant.starts_with("mean or sum");
    let factors = ["smoothing", "probabilities"]
        .iter()
        .any(|option| claim.variant.contains(option));
    let signs = claim.variant.contains("negative weights");
    let forward = claim.direction == Direction::Forward;
    // Of the terms of an element or a row, or of the sum of those.
    let signs_of = |[one, sum]: [&'static str; 2]| signs.then_some(if reduced { sum } else { one });
    // Without factors after it, logits of every magnitude are claimed.
    let every_magnitude = ["", "beta", "each, g = 1"].contains(&claim.variant);
    let with_tiny =
        |formulas: [&'static str; 2]| formulas[..1 + usize::from(every_magnitude)].to_vec();
    let (formulas, terms) = match (claim.function, forward) {
        (Function::Sigmoid, true) => (with_tiny(["sigmoid_pair", "exp_pair_tiny"]), None),
        (Function::Sigmoid, false) => (
            with_tiny(["sigmoid_derivative_pair", "exp_pair_tiny"]),
            None,
        ),
        // Exponentials below 2^-960 are taken in double-double, by hand.
        (Function::Softplus, true) if claim.variant == "beta" => (vec!["softplus_pair"], None),
        (Function::LogSigmoid | Function::Softplus, true) => {
            (with_tiny(["softplus_pair", "exp_pair_tiny"]), None)
        }
        (Function::LogSigmoid | Function::Softplus, false) => {
            (with_tiny(["sigmoid_pair", "exp_pair_tiny"]), None)
        }
        (Function::MseLoss, true) => (vec!["mse_pair"], None),
        (Function::MseLoss, false) => (vec!["mse_gradient_pair"], None),
        (Function::BinaryCrossEntropy, true) => (vec!["bce_pair"], signs.then_some("signs_pair")),
        (Function::BinaryCrossEntropy, false) => (vec!["bce_gradient_pair"], None),
        (Function::BinaryCrossEntropyWithLogits, true) => (
            with_tiny(["bce_with_logits_pair", "exp_pair_tiny"]),
            signs_of(["bce_with_logits_pair", "signs_pair"]),
        ),
        (Function::BinaryCrossEntropyWithLogits, false) => (
            with_tiny(["bce_with_logits_gradient_pair", "exp_pair_tiny"]),
            None,
        ),
        (Function::NllLoss, true) => (vec![], reduced.then_some("signs_pair")),
        (Function::NllLoss, false) => (vec![], None),
        (Function::CrossEntropy, true) if factors => (
            vec!["cross_entropy_factors_pair"],
            signs_of(["cross_entropy_factors_pair", "factors_signs_pair"]),
        ),
        (Function::CrossEntropy, false) if factors => (vec!["factors_gradient_pair"], None),
        (Function::CrossEntropy | Function::LogSoftmax, true) => (vec!["cross_entropy_pair"], None),
        (Function::CrossEntropy, false) => {
            (vec!["cross_entropy_at_label_pair", "softmax_pair"], None)
        }
        (Function::Softmax, true) => (vec!["softmax_pair"], None),
        (Function::Softmax, false) => (vec!["softmax_pair"], Some("softmax_gradient_pair")),
        (Function::LogSoftmax, false) => (
            vec!["row_denominator_pair"],
            Some("log_softmax_gradient_pair"),
        ),
        _ => return None,
    };
    let after = match (reduced, forward) {
        (false, _) => "each_pair",
        (true, true) => "reduced_pair",
        (true, false) => "reduced_gradient_pair",
    };
    let plain = !forward && claim.function == Function::BinaryCrossEntropyWithLogits;
    Some(proven(&formulas, terms, after, plain, U.recip()))
}

/// The errors of formulas, of which the largest counts, of the sums of terms that can cancel, and of what comes after, for a
/// type with numbers below `digits` ULP.
fn proven(
    formulas: &[&'static str],
    terms: Option<&'static str>,
    after: &'static str,
    plain: bool,
    digits: f64,
) -> Proven {
    let lemmas = formulas.iter().copied().chain(terms).chain([after]);
    let formula = formulas.iter().map(|name| bound(name)).fold(0.0, f64::max);
    // In units of u, with twice what these lines round.
    let relative = (formula + bound(after) + formula * bound(after) * U) * (1.0 + 16.0 * U);
    Proven {
        lemmas: lemmas.collect(),
        relative: relative * U,
        digits,
        // The factors that come after belong to the result as far as they are rounded.
        terms: terms.map_or(0.0, bound) * U * (1.0 + bound(after) * U),
        plain,
    }
}

/// The bound of a lemma.
fn bound(name: &str) -> f64 {
    let lemma = lemmas().into_iter().find(|lemma| lemma.name == name);
    lemma.unwrap_or_else(|| panic!("no lemma {name}")).bound
}
