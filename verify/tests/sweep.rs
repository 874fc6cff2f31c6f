//! A sweep that was broken off goes on where it was, and finds what is wrong.

use std::fs;
use std::path::PathBuf;

use trueloss::half::{bf16, f16};
use trueloss_verify::claims::{self, Claim, Direction, Inputs, Outcome};
use trueloss_verify::filter::OneArgument;
use trueloss_verify::oracle::Function;
use trueloss_verify::sweep::Sweep;

/// Parts of 2^20 inputs around 1, and one of NaN.
const PARTS: std::ops::Range<u32> = 0x3f7..0x3f9;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn sigmoid_claim() -> Claim {
    let mut claims = claims::table().into_iter();
    let found = claims
        .find(|claim| claim.function == Function::Sigmoid && claim.direction == Direction::Forward);
    found.expect("there is one")
}

fn sigmoid() -> Sweep {
    Sweep::of_one_argument(sigmoid_claim()).expect("it has one argument")
}

fn numbers(outcome: &Outcome) -> (u64, u64, u64, u64, &str) {
    let Outcome {
        inputs,
        enclosures,
        failures,
        worst_ulp,
        worst_at,
        ..
    } = outcome;
    (
        *inputs,
        *enclosures,
        *failures,
        worst_ulp.to_bits(),
        worst_at,
    )
}

#[test]
fn a_sweep_goes_on_where_it_was() {
    let (sweep, file) = (sigmoid(), file("goes_on.txt"));
    let whole = sweep
        .run(PARTS, &file, true)
        .expect("the file can be written");
    assert!(whole.passes());
    assert_eq!(whole.inputs, 2 << 20);
    let text = fs::read_to_string(&file).expect("it was written");
    assert_eq!(text.lines().count(), 3);
    // Nothing is left to do: had it been done again, there would be more lines.
    let again = sweep
        .run(PARTS, &file, false)
        .expect("the file can be read");
    assert_eq!(numbers(&again), numbers(&whole));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), text);
    // One part is missing, and only that is done.
    let shorter: String = text.split_inclusive('\n').take(2).collect();
    fs::write(&file, shorter).expect("it can be written");
    let rest = sweep
        .run(PARTS, &file, false)
        .expect("the file can be read");
    assert_eq!(numbers(&rest), numbers(&whole));
    assert_eq!(
        fs::read_to_string(&file)
            .expect("it is there")
            .lines()
            .count(),
        3
    );
}

#[test]
fn what_others_have_found_does_not_count() {
    let (sweep, file) = (sigmoid(), file("others.txt"));
    for others in [
        "",
        "trueloss 0.0.1\tsigmoid\tanswers 0\n1015\t1048576\t0\t0\tx\t0\t\n",
        "no file of ours",
    ] {
        fs::write(&file, others).expect("it can be written");
        let outcome = sweep
            .run(0x3f7..0x3f8, &file, false)
            .expect("it can be written");
        assert_eq!(outcome.inputs, 1 << 20);
        assert!(outcome.worst_ulp > 0.49);
    }
    // Nor does a line that was broken off, but those before it do.
    let text = fs::read_to_string(&file).expect("it was written");
    fs::write(&file, text.clone() + "1016\t10485").expect("it can be written");
    let outcome = sweep
        .run(0x3f7..0x3f8, &file, false)
        .expect("it can be read");
    assert!(outcome.worst_ulp > 0.49);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), text);
}

#[test]
fn wrong_answers_are_found_and_kept() {
    // Answers of sigmoid, judged as if they were those of softplus.
    let claim = Claim {
        inputs: Inputs::OneArgument(OneArgument::Softplus, None),
        ..sigmoid_claim()
    };
    let sweep = Sweep::of_one_argument(claim).expect("it has one argument");
    let file = file("wrong.txt");
    for fresh in [true, false] {
        let outcome = sweep
            .run(0x3f7..0x3f8, &file, fresh)
            .expect("the file can be written");
        assert_eq!(outcome.failures, 1 << 20);
        assert!(!outcome.passes() && outcome.first_failure.contains("exact"));
    }
}

/// Pairs of both formats: a part of x near 1 of each loss, and one with infinities and NaN.
#[test]
fn pairs_keep_the_bound() {
    for function in trueloss_verify::pairs::FUNCTIONS {
        for direction in [Direction::Forward, Direction::Gradient] {
            for (sweep, near_1) in [
                (Sweep::of_pairs::<f16>(function, direction), 0x3c0),
                (Sweep::of_pairs::<bf16>(function, direction), 0x3f8),
            ] {
                let file = file(&format!("{}.txt", sweep.name()));
                for parts in [near_1..near_1 + 1, 0x7c0..0x7c1, 0x7f8..0x7f9] {
                    let of_probabilities = function == Function::BinaryCrossEntropy;
                    let outcome = sweep.run(parts, &file, true).expect("it can be written");
                    assert_eq!(
                        outcome.failures,
                        0,
                        "{}: {}",
                        sweep.name(),
                        outcome.first_failure
                    );
                    assert!(of_probabilities || outcome.inputs >= 16 * 15_000);
                    assert!(outcome.worst_ulp <= 0.5001);
                }
            }
        }
    }
}
