//! PyTorch's own module samples, and case files as such.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use safetensors::tensor::{SafeTensors, TensorView};
use safetensors::{Dtype, serialize};
use trueloss_verify::case::Case;
use trueloss_verify::oracle::{self, Call, Exact};
use trueloss_verify::{kernels, ulp};

/// So far from PyTorch's f64 answer, relatively, an answer may be without being judged.
const NEAR_PYTORCH: f64 = 1e-12;

/// ULP that an f64 answer may be off where it is judged.
const F64_ULP: f64 = 4.0;

/// ULP that an f32 answer may be off.
const F32_ULP: f64 = 0.5001;

/// What a gradient that cancels may be off beyond that, as a part of the magnitude of its terms.
const CANCELLATION: f64 = 1.0 / (1_u64 << 46) as f64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Forward,
    Backward,
}

use Direction::{Backward, Forward};

/// Where we are farther from PyTorch's f64 answer than [`NEAR_PYTORCH`], and why. Each is needed, and no other.
const EXCEPTIONS: &[(&str, Direction, &str)] = &[];

/// The directory with PyTorch's samples: its inputs, and its answers in f32 and f64.
fn samples() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 172);
    files
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

fn exact(call: &Call, direction: Direction, prec: u32) -> Vec<Exact> {
    match direction {
        Forward => oracle::forward(call, prec),
        Backward => oracle::backward(call, prec),
    }
}

fn ours<T: trueloss::Element>(call: &Call, direction: Direction) -> Vec<T> {
    match direction {
        Forward => kernels::forward(call).unwrap(),
        Backward => kernels::backward(call).unwrap(),
    }
}

/// Both NaN, the same infinity, or numbers whose difference is small beside the second.
fn is_near(ours: f64, theirs: f64) -> bool {
    ours == theirs
        || ours.is_nan() && theirs.is_nan()
        || (ours - theirs).abs() <= NEAR_PYTORCH * theirs.abs() && theirs.is_finite()
}

#[test]
fn f64_answers_are_pytorchs() {
    let mut exceptions: BTreeMap<(&str, Direction), usize> = BTreeMap::new();
    let files = samples();
    let (mut elements, mut judged_elements, mut worst) = (0, 0, 0.0_f64);
    for file in &files {
        let case = Case::read(file).unwrap();
        for (direction, theirs) in [
            (Forward, &case.answers_f64.loss),
            (Backward, &case.answers_f64.grad_input),
        ] {
            let ours: Vec<f64> = ours(&case.call, direction);
            let theirs = theirs.as_ref().expect("PyTorch's f64 answer");
            assert_eq!(ours.len(), theirs.len());
            elements += ours.len();
            let far: Vec<_> = (0..ours.len())
                .filter(|&i| !is_near(ours[i], theirs[i]))
                .collect();
            if far.is_empty() {
                continue;
            }
            exceptions.insert((stem(file), direction), far.len());
            let judged = ulp::judge(&ours, |prec| exact(&case.call, direction, prec));
            for i in far {
                judged_elements += 1;
                worst = worst.max(judged[i].ulp);
                println!("{} {direction:?} [{i}]: ours {:e} theirs {:e} exact {:e} {} ULP", stem(file), ours[i], theirs[i], judged[i].exact, judged[i].ulp);
                assert!(
                    judged[i].within(F64_ULP, 0.0),
                    "{} {direction:?} [{i}]: {:e} is {} ULP from {:e}; PyTorch says {:e}",
                    stem(file),
                    ours[i],
                    judged[i].ulp,
                    judged[i].exact,
                    theirs[i]
                );
            }
        }
    }
    println!(
        "{} files, {elements} answers in f64: {} within {NEAR_PYTORCH:e} of PyTorch's, {judged_elements} judged, at most {worst:.3} ULP off",
        files.len(),
        elements - judged_elements
    );
    println!("{exceptions:?}");
}

#[test]
fn f32_answers_are_right() {
    let files = samples();
    let (mut elements, mut rounded, mut cancelled, mut worst) = (0, 0, 0, 0.0_f64);
    for file in &files {
        let case = Case::read(file).unwrap();
        for direction in [Forward, Backward] {
            let ours: Vec<f32> = ours(&case.call, direction);
            let judged = ulp::judge(&ours, |prec| exact(&case.call, direction, prec));
            for (i, judged) in judged.iter().enumerate() {
                elements += 1;
                rounded += usize::from(judged.correctly_rounded == Some(true));
                if judged.within(F32_ULP, 0.0) {
                    worst = worst.max(judged.ulp);
                    continue;
                }
                cancelled += 1;
                println!("{} {direction:?} [{i}]: {:e} is {} ULP from {:e}",
                    stem(file),
                    ours[i],
                    judged.ulp,
                    judged.exact);
                assert!(
                    direction == Backward && judged.within(F32_ULP, CANCELLATION),
                    "{} {direction:?} [{i}]: {:e} is {} ULP from {:e}",
                    stem(file),
                    ours[i],
                    judged.ulp,
                    judged.exact
                );
            }
        }
    }
    println!(
        "{} files, {elements} answers in f32: {rounded} correctly rounded, at most {worst:.6} ULP off, \
         {cancelled} gradients that cancel within the absolute bound",
        files.len()
    );
}
