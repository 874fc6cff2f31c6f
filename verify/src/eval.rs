//! `trueloss eval`: the kernels' answers to case files.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use crate::case::Case;

/// So many files take long enough for a progress bar.
const MANY: usize = 8;

/// Evaluates each case and writes the answers to a file of the same name in `out`, which is made if need be. Says on
/// stderr which cases failed, one line each, and goes on with the others.
pub fn run(cases: &[PathBuf], out: &Path) -> ExitCode {
    if let Err(error) = fs::create_dir_all(out) {
        eprintln!("{}: {error}", out.display());
        return ExitCode::FAILURE;
    }
    let inputs: HashSet<PathBuf> = cases.iter().filter_map(|c| c.canonicalize().ok()).collect();
    let mut written = HashSet::new();
    let bar = if cases.len() < MANY {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(cases.len() as u64)
    };
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    let mut failed = false;
    for case in cases {
        if let Err(problem) = evaluate(case, out, &inputs, &mut written) {
            failed = true;
            bar.suspend(|| eprintln!("{problem}"));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn evaluate(
    case: &Path,
    out: &Path,
    inputs: &HashSet<PathBuf>,
    written: &mut HashSet<PathBuf>,
) -> Result<(), String> {
    let refuse = |problem: &dyn fmt::Display| format!("{}: {problem}", case.display());
    let name = case
        .file_name()
        .ok_or_else(|| refuse(&"not the name of a file"))?;
    let to = out.join(name);
    if to.canonicalize().is_ok_and(|to| inputs.contains(&to)) {
        return Err(refuse(&format_args!(
            "the answers would overwrite an input, {}",
            to.display()
        )));
    }
    if written.contains(&to) {
        return Err(refuse(&format_args!(
            "another case of this name has its answers in {}",
            to.display()
        )));
    }
    let read = Case::read(case).map_err(|error| error.to_string())?;
    let answers = read.evaluate().map_err(|error| refuse(&error))?;
    fs::write(&to, answers).map_err(|error| format!("{}: {error}", to.display()))?;
    written.insert(to);
    Ok(())
}
