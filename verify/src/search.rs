//! `trueloss search`: the worst case of every function of several arguments, by climbing from random calls.
//!
//! A step changes numbers of a call: by some of their last digits, or for those of a fresh random call; what is worse is
//! kept. An element-wise loss is as many searches as it has elements, each of which keeps its own. After some steps without
//! success it starts anew. The worst call that was ever found for a claim is a case file in `verify/worst`, which the tests
//! judge again: each of them is what a formula once did worst.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use proptest::prelude::Rng;
use rayon::prelude::*;

use crate::case::{self, Case, CaseError, Dtype, for_dtype};
use crate::claims::{self, Claim, Inputs};
use crate::generate::{ElementType, Sampler};
use crate::oracle::{Call, Function, Reduction, Target};
use crate::report;
use crate::ulp::Judged;

/// Calls have at most so many numbers, so that many can be tried.
const MOST_NUMBERS: usize = 64;

/// After so many steps in vain, another start.
const PATIENCE: u32 = 60;

/// How a file says which claim its call belongs to.
const CLAIM: &str = "claim";

/// An answer, as bad as it is.
#[derive(Clone, Debug)]
pub struct Find {
    /// What was asked.
    pub call: Call,
    /// Of which answer this is.
    pub index: usize,
    /// How bad it is: its error in ULP; beyond that part of the bound, the share of the other part that it takes, on top.
    pub badness: f64,
    /// Its error in ULP.
    pub ulp: f64,
}

/// How bad an answer is: its error in ULP; beyond that part of the bound, where the claim has another in the terms, the
/// share of the other which that takes, on top.
fn badness(claim: &Claim, judged: &Judged) -> f64 {
    let bound = claim.bound;
    if bound.terms > 0.0 && judged.ulp > bound.ulp {
        bound.ulp + judged.excess(bound.ulp) / bound.terms
    } else {
        judged.ulp
    }
}

fn judged(claim: &Claim, call: &Call) -> Option<Vec<Judged>> {
    if claims::divisor_cancels(call) {
        return None;
    }
    for_dtype!(Dtype::of(claim.element), T => {
        claims::judged::<T>(claim.direction, call).ok().map(|(_, judged)| judged)
    })
}

/// The worst of a call's answers.
fn worst(claim: &Claim, call: Call) -> Option<Find> {
    let judged = judged(claim, &call)?;
    let badness = judged.iter().map(|judged| badness(claim, judged));
    let (index, badness) = badness.enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Find {
        index,
        badness,
        ulp: judged[index].ulp,
        call,
    })
}

/// What changes numbers.
struct Mutation<'a> {
    element: ElementType,
    sampler: &'a mut Sampler,
}

impl Mutation<'_> {
    fn below(&mut self, n: usize) -> usize {
        (self.sampler.rng().next_u64() % n.max(1) as u64) as usize
    }

    /// A number near x, of the same sign. One in [0, 1] stays there.
    fn near(&mut self, x: f64) -> f64 {
        // From a change by half to one of the last digit.
        let digits = match self.element {
            ElementType::F32 => 24,
            ElementType::F64 => 53,
            ElementType::F16 => 11,
            ElementType::BF16 => 8,
        };
        let exponent = 1 + self.below(digits) as i32;
        let sign = [-1.0, 1.0][self.below(2)];
        let moved = self.element.nearest(x + x * sign * 2_f64.powi(-exponent));
        if !moved.is_finite() {
            x
        } else if x.abs() <= 1.0 {
            moved.clamp(-1.0, 1.0)
        } else {
            moved
        }
    }

    /// Changes one number of a list, or all of them, to near ones or to some of `fresh`.
    fn change(&mut self, numbers: &mut [f64], fresh: &[f64], all: bool) {
        if numbers.is_empty() {
            return;
        }
        let one = self.below(numbers.len());
        for (i, x) in numbers.iter_mut().enumerate() {
            if all || i == one {
                *x = match self.below(4) {
                    0 if !fresh.is_empty() => fresh[self.below(fresh.len())],
                    _ => self.near(*x),
                };
            }
        }
    }

    /// The call with some numbers changed. `fresh` has numbers that are legal in the same places.
    fn of(&mut self, call: &Call, fresh: &Call, all: bool) -> Call {
        let mut call = call.clone();
        match self.below(4) {
            0 => match (&mut call.target, &fresh.target) {
                (Target::Values(target), Target::Values(fresh)) => self.change(target, fresh, all),
                (Target::Classes(target), _) => {
                    let classes = call.shape[call.dim] as i64;
                    let one = self.below(target.len());
                    if let Some(label) = target.get_mut(one).filter(|label| **label >= 0) {
                        *label = self.below(classes as usize) as i64;
                    }
                }
                _ => self.change(&mut call.input, &fresh.input, all),
            },
            1 => match (&mut call.pos_weight, &fresh.pos_weight) {
                (Some(weight), Some(fresh)) => self.change(weight, fresh, all),
                // Where calls have a `grad_output` of 1 the claim is about that.
                _ if fresh.grad_output.iter().all(|&g| g == 1.0) => {
                    self.change(&mut call.input, &fresh.input, all);
                }
                _ => self.change(&mut call.grad_output, &fresh.grad_output, all),
            },
            2 => match (&mut call.weight, &fresh.weight) {
                // A weight that elements share is not theirs to change.
                (Some(weight), Some(fresh)) if !all => self.change(weight, fresh, all),
                _ => self.change(&mut call.input, &fresh.input, all),
            },
            _ => self.change(&mut call.input, &fresh.input, all),
        }
        call
    }
}

/// Whether each answer depends on its own element alone.
fn is_elementwise(call: &Call) -> bool {
    call.reduction == Reduction::None && !call.function.has_rows()
}

/// Takes element `i` of `from`.
fn copy_element(from: &Call, to: &mut Call, i: usize) {
    to.input[i] = from.input[i];
    if let (Target::Values(from), Target::Values(to)) = (&from.target, &mut to.target) {
        to[i] = from[i];
    }
    if let (Some(from), Some(to)) = (&from.pos_weight, &mut to.pos_weight)
        && from.len() > i
        && to.len() > i
    {
        to[i] = from[i];
    }
    if to.grad_output.len() > i && from.grad_output.len() > i {
        to.grad_output[i] = from.grad_output[i];
    }
}

/// Element `i` as a call of its own.
fn element(call: &Call, i: usize) -> Call {
    let mut one = Call::new(call.function, &[1], &call.input[i..=i]);
    one.reduction = call.reduction;
    (one.beta, one.numbers) = (call.beta, call.numbers);
    if let Target::Values(target) = &call.target {
        one = one.values(&target[i..=i]);
    }
    let at = |weight: &Option<Vec<f64>>| weight.as_ref().map(|w| vec![w[i % w.len()]]);
    (one.weight, one.pos_weight) = (at(&call.weight), at(&call.pos_weight));
    one.grad_output = vec![call.grad_output[i % call.grad_output.len()]];
    one
}

/// The worst answer that climbing finds in so many steps. None for a claim that has no calls.
pub fn climb(claim: &Claim, steps: u32, seed: u64) -> Option<Find> {
    let Inputs::Calls(calls) = claim.inputs else {
        return None;
    };
    let strategy = calls(claim.element);
    let mut sampler = Sampler::new(seed);
    let sample = |sampler: &mut Sampler| loop {
        let call = sampler.sample(&strategy);
        if call.input.len() <= MOST_NUMBERS {
            return call;
        }
    };
    let mut best: Option<Find> = None;
    let mut current: Option<(Call, Vec<f64>)> = None;
    let mut in_vain = 0;
    for _ in 0..steps {
        let fresh = sample(&mut sampler);
        let call = match &current {
            Some((call, _)) if in_vain < PATIENCE => {
                let element = claim.element;
                let all = is_elementwise(call);
                let sampler = &mut sampler;
                Mutation { element, sampler }.of(call, &fresh, all)
            }
            _ => {
                current = None;
                fresh
            }
        };
        in_vain += 1;
        let Some(judged) = judged(claim, &call) else {
            continue;
        };
        let scores: Vec<f64> = judged.iter().map(|judged| badness(claim, judged)).collect();
        for (index, (&score, judged)) in scores.iter().zip(&judged).enumerate() {
            if best.as_ref().is_none_or(|best| score > best.badness) {
                best = Some(Find {
                    call: call.clone(),
                    index,
                    badness: score,
                    ulp: judged.ulp,
                });
            }
        }
        let highest = |scores: &[f64]| scores.iter().copied().fold(0.0, f64::max);
        if current.is_none() && highest(&scores) == 0.0 {
            // All infinite, or zero: nowhere to climb from.
            continue;
        }
        match &mut current {
            None => (current, in_vain) = (Some((call, scores)), 0),
            Some((kept, so_far)) if is_elementwise(&call) => {
                for i in 0..scores.len() {
                    if scores[i] > so_far[i] {
                        copy_element(&call, kept, i);
                        so_far[i] = scores[i];
                        in_vain = 0;
                    }
                }
            }
            Some((_, so_far)) if highest(&scores) > highest(so_far) => {
                (current, in_vain) = (Some((call, scores)), 0);
            }
            Some(_) => {}
        }
    }
    let best = best?;
    if is_elementwise(&best.call) {
        return worst(claim, element(&best.call, best.index));
    }
    Some(best)
}

/// The file of a claim's worst call.
pub fn file_name(claim: &Claim) -> String {
    case::file_name(&claim.name()) + ".safetensors"
}

/// The worst call that a folder has of a claim, judged again.
///
/// # Errors
///
/// Where there is a file, but none that can be read, or of another claim.
pub fn kept(claim: &Claim, folder: &Path) -> Result<Option<Find>, CaseError> {
    let path = folder.join(file_name(claim));
    if !path.exists() {
        return Ok(None);
    }
    let case = Case::read(&path)?;
    if case.metadata.get(CLAIM) != Some(&claim.name()) {
        let name = path.display();
        return Err(CaseError::new(format!("{name}: not of {}", claim.name())));
    }
    Ok(worst(claim, case.call))
}

fn keep(claim: &Claim, find: &Find, folder: &Path) -> Result<(), CaseError> {
    let mut call = find.call.clone();
    if let Some(weight) = &call.weight
        && !call.function.has_rows()
    {
        // In a file a weight broadcasts as in PyTorch.
        call.shape = vec![call.input.len() / weight.len(), weight.len()];
    }
    let metadata = HashMap::from([(CLAIM.to_owned(), claim.name())]);
    let contents = case::contents(&call, Dtype::of(claim.element), metadata)?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join(file_name(claim)), contents))
        .map_err(CaseError::new)
}

/// Searches the claims of these functions, or all, and prints what was found. What is worse than the call in `folder` takes
/// its place. Status 1 if an answer is outside its bound, or if a file can't be read or written.
pub fn run(functions: &[Function], folder: &Path, steps: u32, seed: u64) -> ExitCode {
    let claims: Vec<Claim> = claims::table()
        .into_iter()
        .filter(|claim| matches!(claim.inputs, Inputs::Calls(_)))
        .filter(|claim| functions.is_empty() || functions.contains(&claim.function))
        .collect();
    let bar = report::bar("search", claims.len());
    let finds: Vec<_> = claims
        .par_iter()
        .map(|claim| {
            let found = climb(claim, steps, seed);
            let result = kept(claim, folder).and_then(|kept| {
                let old = kept.as_ref().map_or(-1.0, |kept| kept.badness);
                match found {
                    Some(found) if found.badness > old => {
                        keep(claim, &found, folder).map(|()| (Some(found), true))
                    }
                    _ => Ok((kept, false)),
                }
            });
            bar.inc(1);
            result
        })
        .collect();
    bar.finish_and_clear();
    let mut failed = false;
    let header = [
        "function",
        "case",
        "of",
        "worst ULP",
        "at",
        "bound, ULP",
        "",
        "",
    ];
    let mut table = report::table(&header, &[3]);
    for (claim, result) in claims.iter().zip(finds) {
        let (find, is_new) = match result {
            Ok((Some(find), is_new)) => (find, is_new),
            Ok((None, _)) => continue,
            Err(error) => {
                eprintln!("{error}");
                failed = true;
                continue;
            }
        };
        let passes = is_within(claim, &find);
        failed |= !passes;
        table.add_row([
            claim.function.name().to_owned(),
            claim.variant.to_owned(),
            format!("{} {}", claim.element.name(), claim.direction.name()),
            format!("{:.6}", find.ulp),
            claims::describe(&find.call, claim.direction, find.index),
            claim.bound.to_string(),
            if is_new { "new" } else { "" }.to_owned(),
            report::pass(passes).to_owned(),
        ]);
    }
    println!("{table}");
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Whether the claim holds for the call.
pub fn is_within(claim: &Claim, find: &Find) -> bool {
    claims::check_call(claim, &find.call).passes()
}
