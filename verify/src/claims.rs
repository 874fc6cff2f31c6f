//! The table of claims: what each function promises, for which inputs, within which bound. The tests, the
//! report and the README's table of bounds are all made from it.

use crate::filter::{self, OneArgument};
use crate::generate::{self, ElementType, Form, Options, Sampler};
use crate::oracle::{self, Call, Function, Reduction, Target};
use crate::ulp::{self, Format, Judged};
use crate::{kernels, losses};
use proptest::strategy::BoxedStrategy;
use rayon::prelude::*;
use trueloss::Element;
use trueloss::half::{bf16, f16};
use trueloss_digest::call::{self, Core, ElementCall, Library};

/// Forward or gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The value.
    Forward,
    /// The gradient with respect to the input.
    Gradient,
}

impl Direction {
    /// As the tables say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Gradient => "gradient",
        }
    }
}

/// |error| <= `ulp` ULP of the exact value + `terms` times the sum of the terms' magnitudes (Σ in the tables).
///
/// The second part is there where terms of different sign can cancel: no arithmetic of fixed precision
/// keeps a relative error then. A bound of exactly 0.5 ULP means correctly rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// In units of the last place.
    pub ulp: f64,
    /// A power of two, or 0.
    pub terms: f64,
}

impl Bound {
    pub(crate) const fn ulp(ulp: f64) -> Self {
        Self { ulp, terms: 0.0 }
    }

    pub(crate) const fn and_terms(self, exponent: i32) -> Self {
        Self {
            terms: f64::from_bits(((1023 + exponent) as u64) << 52),
            ..self
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.ulp)?;
        if self.terms > 0.0 {
            write!(f, " + 2^{:.0} Σ", self.terms.log2())?;
        }
        Ok(())
    }
}

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Claim {
    /// The function.
    pub function: Function,
    /// Which of its options and reductions the row is about.
    pub variant: &'static str,
    /// The element type.
    pub element: ElementType,
    /// Value or gradient.
    pub direction: Direction,
    /// The bound.
    pub bound: Bound,
    /// How inputs are made.
    pub inputs: Inputs,
}

/// How the inputs of a claim are made and judged.
#[derive(Clone, Copy)]
pub enum Inputs {
    /// One `f32` argument, every magnitude: by the correctly rounded value itself. The `f64` is the target,
    /// of a loss.
    OneArgument(OneArgument, Option<f64>),
    /// One argument of 16 bits: all there are, judged by enclosures. The label as above.
    All(Option<f64>),
    /// Calls made by a strategy, judged by enclosures.
    Calls(fn(ElementType) -> BoxedStrategy<Call>),
}

impl Claim {
    /// Function, variant, element type and direction in one line.
    pub fn name(&self) -> String {
        let variant = if self.variant.is_empty() {
            String::new()
        } else {
            format!(", {}", self.variant)
        };
        format!(
            "{}{variant}, {} {}",
            self.function.name(),
            self.element.name(),
            self.direction.name()
        )
    }
}

/// What checking a claim found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Numbers compared.
    pub inputs: u64,
    /// How many of them were decided by MPFR enclosures; the others by the audited filter.
    pub enclosures: u64,
    /// The worst error in ULP. Where the bound has a part in the terms, the worst of those that this part
    /// was not needed for.
    pub worst_ulp: f64,
    /// Where.
    pub worst_at: String,
    /// The largest excess over the ULP part of the bound, relative to the terms' magnitudes.
    pub excess: f64,
    /// The answers outside the bound: how many, and the first one.
    pub failures: u64,
    /// The first of them.
    pub first_failure: String,
}

impl Outcome {
    /// The outcome of two runs together.
    pub fn and(mut self, other: Self) -> Self {
        self.inputs += other.inputs;
        self.enclosures += other.enclosures;
        if other.worst_ulp > self.worst_ulp || self.worst_at.is_empty() {
            self.worst_ulp = other.worst_ulp;
            self.worst_at = other.worst_at;
        }
        self.excess = self.excess.max(other.excess);
        if self.failures == 0 {
            self.first_failure = other.first_failure;
        }
        self.failures += other.failures;
        self
    }

    /// Everything compared was within the bound, and something was compared.
    pub fn passes(&self) -> bool {
        self.failures == 0 && self.inputs > 0
    }

    fn add(&mut self, bound: Bound, judged: &Judged, got: f64, at: impl Fn() -> String) {
        self.inputs += 1;
        self.enclosures += 1;
        let within = judged.within(bound.ulp, bound.terms);
        if !within {
            if self.failures == 0 {
                self.first_failure = format!("{}, got {got:e}, exact {:e}", at(), judged.exact);
            }
            self.failures += 1;
        }
        // What the part in the terms was needed for is counted by what it had to cover.
        if within && judged.ulp > bound.ulp {
            self.excess = self.excess.max(judged.excess(bound.ulp));
        } else if judged.ulp > self.worst_ulp {
            self.worst_ulp = judged.ulp;
            self.worst_at = at();
        }
    }
}

/// The bounds of one kind of call, for all element types and both directions.
pub(crate) struct Family {
    function: Function,
    variant: &'static str,
    calls: Calls,
    /// f32 forward, f32 gradient, f64 forward, f64 gradient; none where another row says more. Types of 16 bits have
    /// the bounds of f32: the arithmetic is the same, and their digits are fewer.
    bounds: [Option<Bound>; 4],
}

type Calls = fn(ElementType) -> BoxedStrategy<Call>;

impl Family {
    /// With a bound for each.
    pub(crate) fn new(
        function: Function,
        variant: &'static str,
        calls: Calls,
        bounds: [Bound; 4],
    ) -> Self {
        Self {
            function,
            variant,
            calls,
            bounds: bounds.map(Some),
        }
    }

    /// Of all but `f64`.
    fn single(
        function: Function,
        variant: &'static str,
        calls: Calls,
        [forward, gradient]: [Bound; 2],
    ) -> Self {
        Self {
            function,
            variant,
            calls,
            bounds: [Some(forward), Some(gradient), None, None],
        }
    }

    /// Of `f64` alone.
    pub(crate) fn double(
        function: Function,
        variant: &'static str,
        calls: Calls,
        [forward, gradient]: [Bound; 2],
    ) -> Self {
        Self {
            function,
            variant,
            calls,
            bounds: [None, None, Some(forward), Some(gradient)],
        }
    }
}

/// 0.5001 ULP: the last rounding, and an error before it of at most 2^-38, which leaves 2^-14 ULP.
pub(crate) const NEAR: Bound = Bound::ulp(0.5001);

/// Every claim there is.
pub fn table() -> Vec<Claim> {
    use Function::*;
    let mut claims = Vec::new();
    let mut one = |function, variant, direction, argument, label| {
        claims.push(Claim {
            function,
            variant,
            element: ElementType::F32,
            direction,
            bound: Bound::ulp(0.5),
            inputs: Inputs::OneArgument(argument, label),
        });
        claims.extend(ElementType::HALF.map(|element| Claim {
            function,
            variant,
            element,
            direction,
            bound: Bound::ulp(0.5),
            inputs: Inputs::All(label),
        }));
    };
    use Direction::{Forward, Gradient};
    one(Sigmoid, "", Forward, OneArgument::Sigmoid, None);
    one(Sigmoid, "", Gradient, OneArgument::SigmoidDerivative, None);
    one(LogSigmoid, "", Forward, OneArgument::LogSigmoid, None);
    one(
        LogSigmoid,
        "",
        Gradient,
        OneArgument::LogSigmoidDerivative,
        None,
    );
    one(Softplus, "", Forward, OneArgument::Softplus, None);
    one(Softplus, "", Gradient, OneArgument::Sigmoid, None);
    for loss in losses::TABLE {
        for of in loss.of_one_argument {
            let label = Some(of.target);
            one(loss.function, of.variant, Forward, of.forward, label);
            one(loss.function, of.variant, Gradient, of.gradient, label);
        }
    }
    for family in families() {
        for element in ElementType::ALL {
            for direction in [Forward, Gradient] {
                let [a, b, c, d] = family.bounds;
                let Some(bound) = (match (element, direction) {
                    (ElementType::F64, Forward) => c,
                    (ElementType::F64, Gradient) => d,
                    (_, Forward) => a,
                    (_, Gradient) => b,
                }) else {
                    continue;
                };
                claims.push(Claim {
                    function: family.function,
                    variant: family.variant,
                    element,
                    direction,
                    bound,
                    inputs: Inputs::Calls(family.calls),
                });
            }
        }
    }
    claims
}

macro_rules! calls {
    ($generator:ident, $function:expr, $form:ident $(, $option:ident)*) => {
        |element| generate::$generator(
            $function,
            element,
            Form::$form,
            Options { $($option: true,)* ..Options::default() },
        )
    };
}
pub(crate) use calls;

/// Where the parts in the terms come from, with u = 2^-53, the largest relative error of one rounding:
///
/// - BCE-with-logits, gradient, of any element type: in double-double where the two terms cancel, 64 u^2 = 2^-100, see
///   `bce_with_logits.rs`. That of `f32` without a `pos_weight` never comes so near 0 that this counts: see
///   `soft.rs`.
/// - Cross-entropy, gradient with smoothing or probabilities: likewise, 1800 u^2 < 2^-95 for rows of up to 2^27 classes,
///   see `cross_entropy.rs`.
/// - Rows, `f32`: e_j = exp(x_j - m) has the relative error (1.9 + |x_j - m|) u, as the difference is rounded. A
///   term that an `f32` can show after all factors (2^128 each for a weight and a `grad_output`) has
///   |x_j - m| <= 282 at the very most and 104 without such factors; S has the error of its terms and of at most
///   34 additions, and counts beside 1 only where its terms are near 1. Below 512 u = 2^-44.
/// - Gradients of softmax and log_softmax, `f64`: in pairs, p_j is within 0.2 u, which is 2^-55.3. The terms whose
///   magnitudes count are those that the formulas in `activation.rs` have, not those of the published ones: what
///   cancels there wherever one class is certain is gone.
/// - Losses of an element or a row, `f64`: those of the formulas in pairs, below 0.2 u, which is 2^-55.3.
/// - Sums of terms of both signs: the terms' own error, below 11 u, and at most 24 + log2(n / 4096) additions:
///   below 128 u = 2^-46; with compensated sums below 32 u.
///
/// And where those of `f64` come from. A formula is rounded once, which is 0.5 ULP; a relative error of u before that
/// is at most 1 ULP. The derivations stand beside the formulas:
///
/// - No exponential or logarithm (mse, nll, the gradient of bce): within 2^-70 before the rounding: [`NEAR`].
/// - exp is within 0.1 u, log and log1p within 0.09 u. Sigmoid and its derivative: 0.1 u. Softplus, bce, bce with logits,
///   log-softmax and cross-entropy: below 0.2 u, and so is softmax, of e_j and 1 + S. The gradient of cross-entropy at a
///   label: 0.3 u. Beside their terms, the gradients of softmax 0.2 u and of log-softmax 0.1 u.
/// - Gradients at soft targets: 0.3 u for bce with logits and 0.5 u for cross-entropy where their terms do not cancel,
///   else in double-double.
/// - An exponential below 2^-969 loses up to 2^-1075 of its low part: half an ULP of results below 2^-1021, which are not
///   rounded any more, as there is nothing below 2^-1074; a quarter below 2^-1020, and so on. So 0.9 ULP where logits of
///   every magnitude are claimed.
/// - A mean or sum is one of terms that are rounded, each within 1 u more than its formula, and is rounded once. Its
///   gradient has a scale that is rounded, `grad_output` over the divisor: another 1 u.
/// - An error of an ULP and more takes a result just below a power of two so far beyond it that it is rounded as a number of
///   the next binade, whose ULP is twice as large: the last rounding is 1 ULP then.
#[rustfmt::skip] // A row a line.
fn families() -> Vec<Family> {
    use Function::*;
    let u = Bound::ulp;
    let (family, single, double) = (Family::new, Family::single, Family::double);
    let mut families = vec![
        double(Sigmoid, "", calls!(elementwise, Sigmoid, Each, special, unit), [u(0.9), u(0.9)]),
        double(LogSigmoid, "", calls!(elementwise, LogSigmoid, Each, special, unit), [u(0.9), u(0.9)]),
        double(Softplus, "", calls!(elementwise, Softplus, Each, special, unit), [u(0.9), u(0.9)]),
        family(Sigmoid, "any g", calls!(elementwise, Sigmoid, Each, special), [NEAR, NEAR, u(0.6), u(0.6)]),
        family(LogSigmoid, "any g", calls!(elementwise, LogSigmoid, Each, special), [NEAR, NEAR, u(0.7), u(0.6)]),
        single(Softplus, "beta, any g", calls!(elementwise, Softplus, Each, special, beta), [NEAR, NEAR]),
        double(Softplus, "beta", calls!(elementwise, Softplus, Each, special, beta, unit), [u(0.9), u(0.9)]),
        family(Softmax, "", calls!(rows, Softmax, Each, special), [NEAR, NEAR.and_terms(-44), u(0.7), u(0.7).and_terms(-55)]),
        family(LogSoftmax, "", calls!(rows, LogSoftmax, Each, special), [NEAR, NEAR.and_terms(-44), u(0.7), u(0.6).and_terms(-55)]),
    ];
    families.extend(losses::TABLE.iter().flat_map(|loss| (loss.families)()));
    families.extend([
        family(NllLoss, "each, weights, ignored rows", calls!(rows, NllLoss, Each, weights, ignore, special), [NEAR, NEAR, NEAR, NEAR]),
        family(NllLoss, "mean or sum, weights, ignored rows", calls!(rows, NllLoss, Reduced, weights, negative, ignore), [NEAR.and_terms(-46), NEAR, u(2.0001).and_terms(-48), u(2.0001)]),
        family(CrossEntropy, "each, labels", calls!(rows, CrossEntropy, Each, special), [NEAR, NEAR, u(0.7), u(0.8)]),
        family(CrossEntropy, "each, labels, weights, ignored rows", calls!(rows, CrossEntropy, Each, weights, ignore, special), [NEAR, NEAR, u(0.7), u(0.8)]),
        family(CrossEntropy, "each, smoothing, weights", calls!(rows, CrossEntropy, Each, weights, ignore, smoothing), [NEAR, NEAR.and_terms(-95), u(0.7), u(1.0).and_terms(-95)]),
        family(CrossEntropy, "each, smoothing, negative weights", calls!(rows, CrossEntropy, Each, weights, negative, ignore, smoothing), [NEAR.and_terms(-44), NEAR.and_terms(-95), u(0.7).and_terms(-55), u(1.0).and_terms(-95)]),
        family(CrossEntropy, "each, probabilities, weights", calls!(rows, CrossEntropy, Each, weights, probabilities, smoothing), [NEAR, NEAR.and_terms(-95), u(0.7), u(1.0).and_terms(-95)]),
        family(CrossEntropy, "each, probabilities, negative weights", calls!(rows, CrossEntropy, Each, weights, negative, probabilities, smoothing), [NEAR.and_terms(-44), NEAR.and_terms(-95), u(0.7).and_terms(-55), u(1.0).and_terms(-95)]),
        family(CrossEntropy, "mean or sum, labels, weights, ignored rows", calls!(rows, CrossEntropy, Reduced, weights, ignore), [NEAR, NEAR, u(2.2), u(2.3)]),
        family(CrossEntropy, "mean or sum, smoothing, negative weights", calls!(rows, CrossEntropy, Reduced, weights, negative, ignore, smoothing), [NEAR.and_terms(-44), NEAR.and_terms(-95), u(2.2).and_terms(-48), u(2.5).and_terms(-95)]),
        family(CrossEntropy, "mean or sum, probabilities", calls!(rows, CrossEntropy, Reduced, weights, probabilities), [NEAR, NEAR.and_terms(-95), u(2.2), u(2.5).and_terms(-95)]),
        family(CrossEntropy, "mean or sum, probabilities, negative weights", calls!(rows, CrossEntropy, Reduced, weights, negative, probabilities), [NEAR.and_terms(-44), NEAR.and_terms(-95), u(2.2).and_terms(-48), u(2.5).and_terms(-95)]),
    ]);
    families
}

/// Checks a claim of which not all inputs are tried on calls of about `count` elements together, the same ones for the same seed.
pub fn check(claim: &Claim, count: u64, seed: u64) -> Outcome {
    match claim.inputs {
        Inputs::OneArgument(argument, _) => {
            let start = seed.wrapping_mul(count);
            let inputs = generate::spread(start, count);
            one_argument(claim, argument, inputs)
        }
        Inputs::All(_) => Outcome::default(),
        Inputs::Calls(calls) => {
            let strategy = calls(claim.element);
            let mut sampler = Sampler::new(seed);
            let mut outcome = Outcome::default();
            let mut elements = 0;
            while elements < count {
                let call = sampler.sample(&strategy);
                elements += call.input.len() as u64;
                outcome = outcome.and(check_call(claim, &call));
            }
            outcome
        }
    }
}

/// Checks a claim of one argument at the edge cases, which are all inputs of 16 bits.
pub fn check_edges(claim: &Claim) -> Outcome {
    match claim.inputs {
        Inputs::OneArgument(argument, _) => {
            one_argument(claim, argument, generate::edges().into_iter())
        }
        Inputs::All(label) => match claim.element {
            ElementType::F16 => all(claim, label, f16::from_bits),
            _ => all(claim, label, bf16::from_bits),
        },
        Inputs::Calls(_) => Outcome::default(),
    }
}

/// Whether a mean divides by weights of both signs that cancel to 2^-24 of their magnitudes or less: no bound is claimed
/// then. The sum that core divides by is within 2^-92 of the magnitudes (`compensated` in `verify/proofs`), which is up to
/// 2^-68 of it. What decides here is a sum in `f64`, and a few of its roundings off.
pub fn divisor_cancels(call: &Call) -> bool {
    let (Reduction::Mean, Some(weight), Target::Classes(labels)) =
        (call.reduction, &call.weight, &call.target)
    else {
        return false;
    };
    let counted = labels.iter().filter(|&&label| label != call.ignore_index);
    let weights = counted.map(|&label| weight[label as usize]);
    let (sum, magnitudes) = weights.fold((0.0, 0.0), |(sum, magnitudes): (f64, f64), weight| {
        (sum + weight, magnitudes + weight.abs())
    });
    magnitudes > 0.0 && sum.abs() <= magnitudes * 2_f64.powi(-24)
}

/// Checks one call, if the claim is about it.
pub fn check_call(claim: &Claim, call: &Call) -> Outcome {
    if divisor_cancels(call) {
        return Outcome::default();
    }
    match claim.element {
        ElementType::F32 => check_call_in::<f32>(claim, call),
        ElementType::F64 => check_call_in::<f64>(claim, call),
        ElementType::F16 => check_call_in::<f16>(claim, call),
        ElementType::BF16 => check_call_in::<bf16>(claim, call),
    }
}

fn check_call_in<T: Element + Format>(claim: &Claim, call: &Call) -> Outcome {
    let (got, judged) = judged::<T>(claim.direction, call)
        .unwrap_or_else(|error| panic!("{}: {error}\n{call:?}", claim.name()));
    let mut outcome = Outcome::default();
    for (i, (got, judged)) in got.iter().zip(&judged).enumerate() {
        outcome.add(claim.bound, judged, Format::to_f64(*got), || {
            describe(call, claim.direction, i)
        });
    }
    outcome
}

/// What a kernel answers to a call, and what the oracle says of it.
pub fn judged<T: Element + Format>(
    direction: Direction,
    call: &Call,
) -> Result<(Vec<T>, Vec<Judged>), trueloss::Error> {
    Ok(match direction {
        Direction::Forward => {
            let got = kernels::forward::<T>(call)?;
            let judged = ulp::measure(&got, |prec| oracle::forward(call, prec));
            (got, judged)
        }
        Direction::Gradient => {
            let got = kernels::backward::<T>(call)?;
            let judged = ulp::measure(&got, |prec| oracle::backward(call, prec));
            (got, judged)
        }
    })
}

/// Where in a call an answer stands, in a few words.
pub fn describe(call: &Call, direction: Direction, index: usize) -> String {
    let x = call.input.get(index);
    let reduced = direction == Direction::Forward && call.outputs() == 1 && call.input.len() > 1;
    let number = |x: Option<&f64>| x.map_or("?".to_owned(), |x| format!("{x:e}"));
    if reduced {
        return format!("{} of shape {:?}", call.reduction, call.shape);
    }
    if call.function.has_rows() {
        return format!("shape {:?}, entry {index}", call.shape);
    }
    match &call.target {
        Target::Values(y) => {
            let mut words = format!("x = {}, y = {}", number(x), number(y.get(index)));
            let arguments = call.function.arguments();
            let options = arguments.iter().flat_map(|of| of.numbers);
            for (&(name, default), value) in options.zip(call.numbers) {
                if value != default {
                    words += &format!(", {name} = {value:e}");
                }
            }
            words
        }
        _ if call.beta != 1.0 => format!("x = {}, beta = {:e}", number(x), call.beta),
        _ => format!("x = {}", number(x)),
    }
}

/// All 2^16 inputs, in calls of some thousand elements each. An answer whose rounding the first precision leaves open
/// would count as wrong; no number of 16 bits brings these functions that close to a midpoint.
fn all<T: Element + Format>(claim: &Claim, label: Option<f64>, from_bits: fn(u16) -> T) -> Outcome {
    let numbers: Vec<f64> = (0..=u16::MAX)
        .map(|bits| Format::to_f64(from_bits(bits)))
        .collect();
    numbers
        .par_chunks(4096)
        .map(|inputs| {
            let mut call = Call::new(claim.function, &[inputs.len()], inputs)
                .reduction(oracle::Reduction::None);
            if let Some(label) = label {
                call = call.values(&vec![label; inputs.len()]);
            }
            check_call(claim, &call)
        })
        .reduce(Outcome::default, Outcome::and)
}

fn one_argument(
    claim: &Claim,
    argument: OneArgument,
    inputs: impl Iterator<Item = f32>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let inputs: Vec<f32> = inputs.collect();
    for (x, got) in inputs.iter().zip(answers(claim, &inputs)) {
        let (right, enclosed) = filter::correctly_rounded(argument, *x);
        outcome.inputs += 1;
        outcome.enclosures += u64::from(enclosed);
        if !Format::is_same(got, right) {
            if outcome.failures == 0 {
                outcome.first_failure = format!("x = {x:e}, got {got:e}, exact {right:e}");
            }
            outcome.failures += 1;
        }
        // The reference is good to 2^-20 ULP of an f32: enough to show how far off the rounding is.
        let error = filter::error_in_ulp(argument, *x, got);
        if error > outcome.worst_ulp {
            outcome.worst_ulp = error;
            outcome.worst_at = format!("x = {x:e}");
        }
    }
    outcome
}

/// What the kernels answer to one argument.
pub(crate) fn answers(claim: &Claim, inputs: &[f32]) -> Vec<f32> {
    let label = match claim.inputs {
        Inputs::OneArgument(_, label) | Inputs::All(label) => label,
        Inputs::Calls(_) => None,
    };
    let function = claim
        .function
        .of_elements()
        .unwrap_or_else(|| panic!("{}: a function of rows", claim.name()));
    let direction = match claim.direction {
        Direction::Forward => call::Direction::ForwardEach,
        Direction::Gradient => call::Direction::BackwardEach,
    };
    let call = ElementCall {
        target: &vec![label.unwrap_or(0.0) as f32; inputs.len()],
        grad_outputs: &vec![1.0; inputs.len()],
        ..ElementCall::new(function, direction, inputs)
    };
    let mut out = vec![0.0; inputs.len()];
    Core.elements(&call, &mut out)
        .unwrap_or_else(|error| panic!("{}: {error}", claim.name()));
    out
}

/// The README's table of bounds: one line for each function and variant.
pub fn markdown() -> String {
    let claims = table();
    let mut lines: Vec<(Function, &str)> = Vec::new();
    for claim in &claims {
        if !lines.contains(&(claim.function, claim.variant)) {
            lines.push((claim.function, claim.variant));
        }
    }
    lines.sort_by_key(|&(function, _)| Function::ALL.iter().position(|&f| f == function));
    let mut text = String::from(
        "| function | case | f32 forward | f32 gradient | f64 forward | f64 gradient |\n\
         |---|---|---|---|---|---|\n",
    );
    for (function, variant) in lines {
        text += &format!("| {function} | {variant} |");
        for element in [ElementType::F32, ElementType::F64] {
            for direction in [Direction::Forward, Direction::Gradient] {
                let claim = claims.iter().find(|c| {
                    (c.function, c.variant, c.element, c.direction)
                        == (function, variant, element, direction)
                });
                text += &claim.map_or(" |".to_owned(), |c| format!(" {} |", c.bound));
            }
        }
        text.push('\n');
    }
    text
}
