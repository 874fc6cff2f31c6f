//! Which row of the table of claims is about a call.

use std::sync::LazyLock;

use crate::claims::{self, Bound, Claim, Direction};
use crate::generate::{ElementType, is_ordinary_logit};
use crate::losses;
use crate::oracle::{Call, Function, Reduction, Target};

static TABLE: LazyLock<Vec<Claim>> = LazyLock::new(claims::table);

/// What the table promises for answers to a legal call; None where no row is about such calls.
///
/// No row is about weights of both signs in some places, or about probabilities that are negative.
///
/// # Panics
///
/// Where the table has no row of a name that is used here.
pub(super) fn promised(call: &Call, element: ElementType, direction: Direction) -> Option<Bound> {
    let variant = variant(call, element, direction)?;
    let claim = TABLE.iter().find(|claim| {
        (
            claim.function,
            claim.variant,
            claim.element,
            claim.direction,
        ) == (call.function, variant, element, direction)
    });
    let name = || format!("{}, {variant}, {}", call.function, element.name());
    Some(
        claim
            .unwrap_or_else(|| panic!("no claim for {}", name()))
            .bound,
    )
}

fn variant(call: &Call, element: ElementType, direction: Direction) -> Option<&'static str> {
    let is_f64 = element == ElementType::F64;
    let each = call.reduction == Reduction::None;
    let weights = || {
        let both = [&call.weight, &call.pos_weight];
        both.into_iter().flatten().flatten()
    };
    let weighted = weights().next().is_some();
    let negative = weights().any(|&w| w < 0.0);
    // Factors of 1 are none, and leave logits of every magnitude.
    let unit = direction == Direction::Forward || call.grad_output.iter().all(|&g| g == 1.0);
    let unit = unit && !weighted;
    let logits_in_range = !is_f64 || call.input.iter().all(|&x| is_ordinary_logit(x));
    Some(match call.function {
        Function::Sigmoid | Function::LogSigmoid => match (is_f64, unit, logits_in_range) {
            (false, true, _) | (true, true, false) => "",
            (false, false, _) | (true, _, true) => "any g",
            (true, false, false) => return None,
        },
        Function::Softplus if unit && call.beta == 1.0 => "",
        Function::Softplus if !is_f64 => "beta, any g",
        Function::Softplus if unit && call.beta >= 1.0 => "beta",
        Function::Softmax | Function::LogSoftmax if logits_in_range => "",
        Function::MseLoss if each => "each",
        Function::MseLoss => "mean or sum",
        Function::BinaryCrossEntropy if each => "each, weights",
        Function::BinaryCrossEntropy if negative => "mean or sum, negative weights",
        Function::BinaryCrossEntropy => "mean or sum",
        Function::BinaryCrossEntropyWithLogits => match (each, weighted) {
            (true, false) if logits_in_range => "each",
            (true, false) if unit => "each, g = 1",
            (true, true) if logits_in_range && negative => "each, negative weights",
            (true, true) if logits_in_range => "each, weights",
            (false, false) if logits_in_range => "mean or sum",
            (false, true) if logits_in_range => "mean or sum, negative weights",
            _ => return None,
        },
        Function::NllLoss if each => "each, weights, ignored rows",
        Function::NllLoss => "mean or sum, weights, ignored rows",
        Function::CrossEntropy if !logits_in_range => return None,
        Function::CrossEntropy => {
            let smooth = call.label_smoothing > 0.0;
            let probabilities = matches!(&call.target, Target::Values(_));
            match (each, probabilities, smooth, weighted, negative) {
                (true, false, false, false, _) => "each, labels",
                (true, false, false, true, _) => "each, labels, weights, ignored rows",
                (true, false, true, _, false) => "each, smoothing, weights",
                (true, false, true, _, true) => "each, smoothing, negative weights",
                (true, true, _, _, false) => "each, probabilities, weights",
                (true, true, _, _, true) => "each, probabilities, negative weights",
                (false, false, false, _, false) => "mean or sum, labels, weights, ignored rows",
                (false, false, _, _, _) => "mean or sum, smoothing, negative weights",
                (false, true, _, _, false) => "mean or sum, probabilities",
                (false, true, _, _, true) => "mean or sum, probabilities, negative weights",
            }
        }
        function => {
            let arguments = function.arguments()?;
            let plain = !arguments.weight && !arguments.pos_weight;
            if !plain || is_f64 && !(losses::of(function).covers)(call) {
                return None;
            }
            if each { "each" } else { "mean or sum" }
        }
    })
}

/// Whether no intermediate result leaves the range of `f64`, as the bounds of `f64` ask; those of smaller types never do.
/// The magnitudes are those that the claims' own calls have.
pub(super) fn in_range(call: &Call, direction: Direction) -> bool {
    let within = |x: f64, exponent: i32| {
        let magnitude = 2_f64.powi(exponent);
        x == 0.0 || !x.is_finite() || (magnitude.recip()..=magnitude).contains(&x.abs())
    };
    let all = |numbers: &[f64], exponent| numbers.iter().all(|&x| within(x, exponent));
    let weights = [&call.weight, &call.pos_weight];
    all(&call.input, 200)
        && weights.into_iter().flatten().all(|w| all(w, 41))
        && (direction == Direction::Forward || all(&call.grad_output, 101))
        && within(call.label_smoothing, 60)
        && within(call.beta, 60)
        && call.numbers.iter().all(|&x| within(x, 101))
        && match &call.target {
            Target::Values(target) => all(target, 200),
            _ => true,
        }
}
