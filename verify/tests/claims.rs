//! The table of claims, checked on less than the report checks, with failures shrunk to small ones, and
//! the table of bounds in the README, compared with it.

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use trueloss_verify::claims::{self, Claim, Direction, Inputs};
use trueloss_verify::generate::ElementType;
use trueloss_verify::oracle::Function;
use trueloss_verify::{kernels, oracle, ulp};

#[test]
fn claims_hold_on_every_magnitude() {
    for claim in claims::table() {
        let outcome = claims::check(&claim, 2_000, 12_345).and(claims::check_edges(&claim));
        assert!(outcome.passes(), "{}: {outcome:?}", claim.name());
    }
}

/// Where a subnormal exponential is divided by a beta, the quotient need not be subnormal.
#[test]
fn softplus_keeps_its_digits_for_every_beta() {
    let is_it = |claim: &Claim| {
        claim.function == Function::Softplus
            && claim.element == ElementType::F64
            && claim.variant == "beta"
    };
    for claim in claims::table().into_iter().filter(is_it) {
        for beta in [
            1e-305,
            1e-200,
            1e-30,
            0.1,
            0.9,
            1.007_007_867_062_011_7,
            3.7,
            1e15,
            1e30,
            1e200,
        ] {
            let x: Vec<f64> = (0..2000)
                .map(|i| -(640.0 + 0.06 * f64::from(i)) / beta)
                .collect();
            let call = oracle::Call::new(Function::Softplus, &[x.len()], &x).beta(beta);
            let outcome = claims::check_call(&claim, &call);
            assert!(
                outcome.passes(),
                "{}, beta {beta:e}: {outcome:?}",
                claim.name()
            );
        }
    }
}

/// What proptest finds it shrinks, and prints. The same calls at every run.
#[test]
fn claims_hold_on_random_calls() {
    for claim in claims::table() {
        let Inputs::Calls(calls) = claim.inputs else {
            continue;
        };
        let config = Config {
            cases: 12,
            failure_persistence: None,
            ..Config::default()
        };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let shown = TestRunner::new_with_rng(config, rng).run(&calls(claim.element), |call| {
            let outcome = claims::check_call(&claim, &call);
            if outcome.failures == 0 {
                Ok(())
            } else {
                Err(TestCaseError::fail(outcome.first_failure))
            }
        });
        shown.unwrap_or_else(|error| panic!("{}: {error}", claim.name()));
    }
}

/// An answer two ULP away from the kernel's is outside every bound of 0.5001 ULP. (One ULP away may be as good,
/// where the exact value lies midway.)
#[test]
fn a_wrong_answer_is_seen() {
    let f32_alone = |claim: &Claim| claim.element == ElementType::F32 && claim.bound.terms == 0.0;
    for claim in claims::table().into_iter().filter(f32_alone) {
        let Inputs::Calls(calls) = claim.inputs else {
            continue;
        };
        let mut sampler = trueloss_verify::generate::Sampler::new(7);
        let call = sampler.sample(&calls(claim.element));
        let (got, exact): (_, fn(&oracle::Call, u32) -> _) = match claim.direction {
            Direction::Forward => (kernels::forward::<f32>(&call), oracle::forward),
            Direction::Gradient => (kernels::backward::<f32>(&call), oracle::backward),
        };
        let wrong: Vec<f32> = got
            .expect("generated calls are valid")
            .iter()
            // Infinity has no neighbour, and NaN none either.
            .map(|x| {
                if x.is_finite() {
                    x.next_up().next_up()
                } else {
                    0.0
                }
            })
            .collect();
        for judged in ulp::measure(&wrong, |prec| exact(&call, prec)) {
            let within = judged.within(claim.bound.ulp, claim.bound.terms);
            assert!(!within, "{}: {judged:?}", claim.name());
        }
    }
}

#[test]
fn the_readme_has_the_table_of_bounds() {
    let readme = include_str!("../../README.md");
    let table = readme
        .split_once("<!-- BEGIN BOUNDS -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- END BOUNDS -->"))
        .map(|(table, _)| table);
    assert_eq!(
        table,
        Some(claims::markdown().as_str()),
        "bring the README up to date with `cargo run --release -- bounds`"
    );
}

/// The parts of the bounds that are relative to the terms stand in the kernels' pages too, for `f32`.
#[test]
fn the_pages_state_the_same_bounds() {
    for claim in claims::table() {
        if claim.element != ElementType::F32 || claim.bound.terms == 0.0 {
            continue;
        }
        let page = match claim.function {
            Function::BinaryCrossEntropy => include_str!("../../core/src/loss/bce.rs"),
            Function::NllLoss => include_str!("../../core/src/loss/nll.rs"),
            Function::CrossEntropy => include_str!("../../core/src/loss/cross_entropy/mod.rs"),
            Function::BinaryCrossEntropyWithLogits => {
                include_str!("../../core/src/loss/bce_with_logits.rs")
            }
            Function::LogSoftmax => include_str!("../../core/src/activation/log_softmax.rs"),
            _ => include_str!("../../core/src/activation/softmax.rs"),
        };
        let stated = format!("2^{:.0}", claim.bound.terms.log2());
        assert!(page.contains(&stated), "{}: {stated}", claim.name());
    }
}
