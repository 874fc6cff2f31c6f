//! What the certificate rests on is there, and of the answers which the kernels give now. That its text fits is for
//! `trueloss certificate --check`.

use std::collections::HashSet;
use std::process::Command;

use trueloss::half::{bf16, f16};
use trueloss_verify::case::{self, Dtype};
use trueloss_verify::generate::ElementType;
use trueloss_verify::sweep::Sweep;
use trueloss_verify::{curves, naive};

#[test]
fn every_sweep_is_on_record() {
    for sweep in Sweep::all(&[], true) {
        let name = sweep.name();
        let found = sweep.recorded();
        let found =
            found.unwrap_or_else(|| panic!("{name}: no sweep of these answers is on record"));
        assert!(found.passes(), "{name}");
    }
}

#[test]
fn nothing_else_is_on_record() {
    let names: HashSet<String> = Sweep::all(&[], true).iter().map(Sweep::name).collect();
    let lines = include_str!("../sweeps.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (name, _) = line.split_once('\t').expect("words between tabs");
        assert!(names.contains(name), "{name}");
    }
}

/// Another spelling would count as another result, after minutes of sweeping.
#[test]
fn places_on_record_are_spelled_as_sweeps_do() {
    for sweep in Sweep::all(&[], true) {
        let worst_at = sweep.recorded().expect("it is on record").worst_at;
        let element = ElementType::ALL
            .into_iter()
            .find(|element| sweep.of().starts_with(element.name()))
            .expect("an element type");
        let number = |bits: u32| match element {
            ElementType::F16 => f16::from_bits(bits as u16).into(),
            ElementType::BF16 => bf16::from_bits(bits as u16).into(),
            ElementType::F32 => f64::from(f32::from_bits(bits)),
            ElementType::F64 => panic!("{}: f64 has too many numbers", sweep.name()),
        };
        let numbers: Vec<(&str, f64)> = worst_at
            .split(", ")
            .map(|place| {
                let (name, bits) = place.split_once(" = ").expect("a name");
                let (_, bits) = bits.split_once(" (0x").expect("bits");
                let bits = u32::from_str_radix(bits.trim_end_matches(')'), 16).expect("digits");
                (name, number(bits))
            })
            .collect();
        assert_eq!(
            case::place(&numbers, Dtype::of(element)),
            worst_at,
            "{}",
            sweep.name()
        );
    }
}

#[test]
fn plain_formulas_answer_every_question() {
    for curve in curves::all() {
        let (forward, gradient) = naive::answers(&curve.call);
        assert_eq!(forward.len(), curve.call.outputs(), "{}", curve.name);
        assert_eq!(gradient.len(), curve.call.input.len(), "{}", curve.name);
    }
}

#[test]
fn there_is_no_certificate_without_what_it_rests_on() {
    let root = env!("CARGO_TARGET_TMPDIR");
    let run = Command::new(env!("CARGO_BIN_EXE_trueloss"))
        .args(["certificate", "--root", root])
        .output()
        .expect("it runs");
    assert_eq!(run.status.code(), Some(1));
    let message = String::from_utf8(run.stderr).expect("text");
    assert!(message.contains("no call is kept"), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
}
