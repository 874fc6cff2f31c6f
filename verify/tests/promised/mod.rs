//! What the table of claims promises for a call, for tests that have calls of their own.

use trueloss_verify::claims::{self, Bound, Claim, Direction};
use trueloss_verify::generate::ElementType;
use trueloss_verify::oracle::{Call, Function, Reduction, Target};

/// The bound of the row that is about such a call. Where it depends on the logits which one that is, the loosest. Whether
/// logits of `f64` are so far out that no row is about them is for the caller to know.
pub(crate) fn promised(call: &Call, element: ElementType, direction: Direction) -> Bound {
    let each = call.function.is_activation() || call.reduction == Reduction::None;
    let targets = match &call.target {
        _ if call.function != Function::CrossEntropy => "",
        Target::Values(_) => "probabilities",
        _ if call.label_smoothing > 0.0 => "smoothing",
        _ => "labels",
    };
    let factors = call.function.is_activation()
        && direction == Direction::Gradient
        && call.grad_output.iter().any(|&g| g != 1.0);
    let special = factors || call.beta != 1.0 || call.weight.is_some() || call.pos_weight.is_some();
    let is_special = |claim: &Claim| {
        let words = ["weights", "any g", "beta"];
        words.iter().any(|word| claim.variant.contains(word))
    };
    let table = claims::table();
    let rows = table.iter().filter(|claim| {
        (claim.function, claim.element, claim.direction) == (call.function, element, direction)
            && claim.variant.starts_with("mean or sum") != each
            // Those of one argument: they are for claims that are swept.
            && !claim.variant.starts_with("y = ")
            && claim.variant.contains(targets)
    });
    // A row with weights is about calls without them, too, where there is no other one; one with negative weights likewise.
    let negative = [&call.weight, &call.pos_weight]
        .into_iter()
        .flatten()
        .flatten()
        .any(|&weight| weight < 0.0);
    let rows = fitting(rows.collect(), |claim| is_special(claim) == special);
    let rows = fitting(rows, |claim| {
        claim.variant.ends_with("negative weights") == negative
    });
    let bounds = rows.into_iter().map(|claim| claim.bound);
    let loosest = bounds.reduce(|a, b| Bound {
        ulp: a.ulp.max(b.ulp),
        terms: a.terms.max(b.terms),
    });
    loosest.unwrap_or_else(|| panic!("no row is about {call:?}"))
}

/// Those that fit, if any does.
fn fitting(claims: Vec<&Claim>, fits: impl Fn(&Claim) -> bool) -> Vec<&Claim> {
    let (fitting, others): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| fits(claim));
    if fitting.is_empty() { others } else { fitting }
}
