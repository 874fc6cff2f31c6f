//! `trueloss sweep`: the functions of one `f32` argument on all 2^32 of them, each compared with the correctly rounded
//! value: what the formula of record answers, and what the method for slices does, which has quick paths.
//!
//! All cores, in parts of 2^20 inputs. What a part comes to is written to a file as soon as it is known, so that a sweep
//! that was broken off goes on where it was. The file names the version and has a hash of the function's answers to some
//! inputs: what another function, or another version of it, has found is not counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use trueloss::{activation, bce_with_logits};

use crate::claims::{self, Claim, Direction, Inputs, Outcome};
use crate::oracle::Function;
use crate::{expansion, generate, report};

/// How many inputs a part has: as many as there are bits below the upper 12.
const PART_BITS: u32 = 20;

/// How many parts there are.
pub const PARTS: u32 = 1 << (u32::BITS - PART_BITS);

/// Sweeps the claims of these functions, or all, and prints what was found. Status 1 if an answer is wrong, or if what
/// was asked for can't be done.
pub fn run(functions: &[Function], state: &Path, fresh: bool) -> ExitCode {
    let claims: Vec<Claim> = claims::table()
        .into_iter()
        .filter(|claim| matches!(claim.inputs, Inputs::OneArgument(..)))
        .filter(|claim| functions.is_empty() || functions.contains(&claim.function))
        .collect();
    for function in functions {
        if !claims.iter().any(|claim| claim.function == *function) {
            eprintln!(
                "{function}: has more than one argument, so that not all of them can be tried"
            );
            return ExitCode::FAILURE;
        }
    }
    let header = [
        "function",
        "case",
        "of",
        "inputs",
        "by MPFR",
        "worst ULP",
        "at",
        "seconds",
        "",
    ];
    let mut table = report::table(&header, &[3, 4, 5, 7]);
    let mut failed = false;
    for claim in &claims {
        let start = Instant::now();
        let outcome = match sweep(claim, 0..PARTS, &file(state, claim), fresh) {
            Ok(outcome) => outcome,
            Err(error) => {
                eprintln!("{}: {error}", file(state, claim).display());
                return ExitCode::FAILURE;
            }
        };
        let passes = outcome.passes() && outcome.inputs == 1 << 32;
        failed |= !passes;
        if !passes {
            let Outcome {
                failures,
                inputs,
                first_failure,
                ..
            } = &outcome;
            eprintln!(
                "{}: {failures} of {inputs} are not correctly rounded, the first: {first_failure}",
                claim.name()
            );
        }
        table.add_row([
            claim.function.name().to_owned(),
            claim.variant.to_owned(),
            claim.direction.name().to_owned(),
            report::grouped(outcome.inputs),
            report::grouped(outcome.enclosures),
            format!("{:.9}", outcome.worst_ulp),
            outcome.worst_at,
            format!("{:.0}", start.elapsed().as_secs_f64()),
            if passes { "pass" } else { "FAIL" }.to_owned(),
        ]);
    }
    println!("{table}");
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// The file of a claim.
fn file(state: &Path, claim: &Claim) -> PathBuf {
    let name: String = claim
        .name()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    state.join(name + ".txt")
}

/// Sweeps some parts of a claim, but for those that `file` has already, unless all is to be done afresh.
///
/// # Errors
///
/// What becomes of the file.
pub fn sweep(claim: &Claim, parts: Range<u32>, file: &Path, fresh: bool) -> io::Result<Outcome> {
    let header = header(claim);
    let known = if fresh {
        None
    } else {
        fs::read_to_string(file)
            .ok()
            .and_then(|text| read(&text, &header))
    };
    if let Some((_, whole)) = &known {
        // A line that was broken off goes, so that the next one begins a line.
        OpenOptions::new()
            .write(true)
            .open(file)?
            .set_len(*whole as u64)?;
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let (mut done, to) = match known {
        Some((done, _)) => (done, OpenOptions::new().append(true).open(file)?),
        None => {
            let mut to = File::create(file)?;
            writeln!(to, "{header}")?;
            (BTreeMap::new(), to)
        }
    };
    let left: Vec<u32> = parts
        .clone()
        .filter(|part| !done.contains_key(part))
        .collect();
    let bar = bar(claim, parts.len(), parts.len() - left.len());
    let to = Mutex::new(to);
    let new: Vec<(u32, Outcome)> = left
        .into_par_iter()
        .map(|part| {
            let outcome = check(claim, part);
            let line = line(part, &outcome);
            to.lock()
                .map_err(|_| io::Error::other("a thread has failed"))?
                .write_all(line.as_bytes())?;
            bar.inc(1);
            Ok((part, outcome))
        })
        .collect::<io::Result<_>>()?;
    bar.finish_and_clear();
    done.extend(new);
    let swept = done.into_iter().filter(|(part, _)| parts.contains(part));
    Ok(swept
        .map(|(_, outcome)| outcome)
        .fold(Outcome::default(), Outcome::and))
}

/// Compares what the formula of record answers to the inputs of a part, and what the method for slices does, with the
/// correctly rounded value.
fn check(claim: &Claim, part: u32) -> Outcome {
    // Few enough at a time that they stay in a cache.
    const INPUTS: u32 = 1 << 16;
    let Inputs::OneArgument(argument, label) = claim.inputs else {
        return Outcome::default();
    };
    let of_record = formula(claim.function, claim.direction, label);
    let mut answers = vec![0.0; INPUTS as usize];
    let mut outcome = Outcome::default();
    for piece in 0..(1 << PART_BITS) / INPUTS {
        let first = (part << PART_BITS) + piece * INPUTS;
        let inputs: Vec<f32> = (0..INPUTS).map(|i| f32::from_bits(first + i)).collect();
        of_record(&inputs, &mut answers);
        let of_slices = claims::answers(claim, &inputs);
        let found = expansion::compare(argument, first, [&answers, &of_slices]);
        let described =
            |[x, got, right]: [f32; 3]| format!("x = {x:e}, got {got:e}, exact {right:e}");
        outcome = outcome.and(Outcome {
            inputs: u64::from(INPUTS),
            enclosures: found.undecided,
            worst_ulp: found.worst_ulp,
            worst_at: format!("x = {:e}", found.worst_at),
            failures: found.wrong,
            first_failure: found.first_wrong.map_or(String::new(), described),
            ..Outcome::default()
        });
    }
    outcome
}

/// The formulas of record in loops of their own: what the functions of one number are, and what all quick paths fall back
/// on.
macro_rules! formulas {
    ($($name:ident = |$x:ident| $value:expr;)*) => {$(
        #[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
        fn $name(inputs: &[f32], outputs: &mut [f32]) {
            for (output, &input) in outputs.iter_mut().zip(inputs) {
                let $x = f64::from(input);
                *output = $value as f32;
            }
        }
    )*};
}

formulas! {
    sigmoid = |x| activation::sigmoid_value::<f32>(x);
    sigmoid_gradient = |x| activation::sigmoid_gradient(x);
    log_sigmoid = |x| activation::log_sigmoid_value::<f32>(x);
    log_sigmoid_gradient = |x| activation::log_sigmoid_gradient::<f32>(x);
    softplus = |x| activation::softplus_value::<f32>(x, 1.0);
    softplus_gradient = |x| activation::softplus_gradient::<f32>(x, 1.0);
    bce_with_logits_of_0 = |x| bce_with_logits::value::<f32>(x, 0.0, 1.0);
    bce_with_logits_of_1 = |x| bce_with_logits::value::<f32>(x, 1.0, 1.0);
    bce_with_logits_gradient_of_0 = |x| bce_with_logits::gradient::<f32>(x, 0.0, 1.0);
    bce_with_logits_gradient_of_1 = |x| bce_with_logits::gradient::<f32>(x, 1.0, 1.0);
}

fn formula(function: Function, direction: Direction, label: Option<f64>) -> fn(&[f32], &mut [f32]) {
    use Direction::{Forward, Gradient};
    use Function::{BinaryCrossEntropyWithLogits, LogSigmoid, Sigmoid, Softplus};
    match (function, direction, label) {
        (Sigmoid, Forward, _) => sigmoid,
        (Sigmoid, Gradient, _) => sigmoid_gradient,
        (LogSigmoid, Forward, _) => log_sigmoid,
        (LogSigmoid, Gradient, _) => log_sigmoid_gradient,
        (Softplus, Forward, _) => softplus,
        (Softplus, Gradient, _) => softplus_gradient,
        (BinaryCrossEntropyWithLogits, Forward, Some(0.0)) => bce_with_logits_of_0,
        (BinaryCrossEntropyWithLogits, Forward, Some(1.0)) => bce_with_logits_of_1,
        (BinaryCrossEntropyWithLogits, Gradient, Some(0.0)) => bce_with_logits_gradient_of_0,
        (BinaryCrossEntropyWithLogits, Gradient, Some(1.0)) => bce_with_logits_gradient_of_1,
        (function, ..) => panic!("{function}: more than one argument"),
    }
}

fn bar(claim: &Claim, parts: usize, done: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {elapsed}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(parts as u64)
        .with_style(style)
        .with_message(claim.name());
    bar.set_position(done as u64);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What a file begins with. The hash is that of the digests, of the answers to the edge cases and to 2^16 inputs of every magnitude.
fn header(claim: &Claim) -> String {
    let inputs: Vec<f32> = generate::edges()
        .into_iter()
        .chain(generate::spread(0, 1 << 16))
        .collect();
    let hash = trueloss_digest::hash(&claims::answers(claim, &inputs));
    let version = env!("CARGO_PKG_VERSION");
    format!("trueloss {version}\t{}\tanswers {hash:016x}", claim.name())
}

/// What a part comes to, as a line.
fn line(part: u32, outcome: &Outcome) -> String {
    let mut line = String::new();
    let Outcome {
        inputs,
        enclosures,
        worst_ulp,
        worst_at,
        failures,
        first_failure,
        ..
    } = outcome;
    // A string can always be written to.
    let _ = writeln!(
        line,
        "{part}\t{inputs}\t{enclosures}\t{:016x}\t{worst_at}\t{failures}\t{first_failure}",
        worst_ulp.to_bits()
    );
    line
}

/// The parts in a file, if it is of this claim, and how long it is without a last line that was broken off.
fn read(text: &str, header: &str) -> Option<(BTreeMap<u32, Outcome>, usize)> {
    let whole = text.rfind('\n')? + 1;
    let text = &text[..whole];
    let (first, rest) = text.split_once('\n')?;
    if first != header {
        return None;
    }
    let part = |line: &str| -> Option<(u32, Outcome)> {
        let words: Vec<&str> = line.split('\t').collect();
        let [
            part,
            inputs,
            enclosures,
            worst_ulp,
            worst_at,
            failures,
            first_failure,
        ] = words[..]
        else {
            return None;
        };
        let outcome = Outcome {
            inputs: inputs.parse().ok()?,
            enclosures: enclosures.parse().ok()?,
            worst_ulp: f64::from_bits(u64::from_str_radix(worst_ulp, 16).ok()?),
            worst_at: worst_at.to_owned(),
            failures: failures.parse().ok()?,
            first_failure: first_failure.to_owned(),
            ..Outcome::default()
        };
        (outcome.inputs == 1 << PART_BITS).then_some((part.parse().ok()?, outcome))
    };
    Some((rest.lines().filter_map(part).collect(), whole))
}
