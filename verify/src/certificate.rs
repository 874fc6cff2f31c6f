//! `trueloss certificate`: ACCURACY.md, with every claim, how it is shown, the worst case that is known, and the command
//! that shows it again.
//!
//! It is made from the table of claims, the record of the sweeps, the lemmas, the worst calls that a search has found, which are
//! judged again, and the digests. Where one of them is missing or of other answers there is no certificate.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use rayon::prelude::*;

use crate::case::{self, CaseError, Dtype};
use crate::claims::{self, Claim, Inputs};
use crate::oracle::{Call, Function, Target};
use crate::sweep::{Kind, Sweep};
use crate::{curves, equivalences, proofs, report, search};

/// Where it is, from the root of the repository.
const PAGE: &str = "ACCURACY.md";

/// Where the charts are, and other libraries' answers.
const CHARTS: &str = "verify/charts";

/// Where the worst calls are.
const WORST: &str = "verify/worst";

/// Writes the certificate and its charts, or only compares them with what is there. Status 1 if something that it rests on is
/// missing, or, where it is compared, if something differs.
pub fn run(root: &Path, check: bool) -> ExitCode {
    let files = match files(root) {
        Ok(files) => files,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = false;
    for (name, contents) in files {
        let path = root.join(&name);
        if check {
            let same = fs::read_to_string(&path).is_ok_and(|old| old == contents);
            if !same {
                eprintln!("{name} is stale: `trueloss certificate` writes it anew");
                failed = true;
            }
        } else if let Err(error) = fs::write(&path, contents) {
            eprintln!("{}: {error}", path.display());
            failed = true;
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// A row of a function's table.
struct Row {
    case: String,
    of: String,
    bound: String,
    shown: String,
    worst_ulp: f64,
    at: String,
}

/// All files with their contents.
fn files(root: &Path) -> Result<Vec<(String, String)>, CaseError> {
    let sweeps = Sweep::all(&[], true);
    let rows = rows(root, &sweeps)?;
    let curves = curves::all();
    let answers = curves::answers(&root.join(CHARTS))?;
    let bar = report::bar("charts", curves.len());
    let mut files: Vec<(String, String)> = curves
        .iter()
        .map(|curve| {
            let chart = curves::chart(curve, &answers);
            bar.inc(1);
            (format!("{CHARTS}/{}.svg", curve.name), chart)
        })
        .collect();
    bar.finish_and_clear();
    let versions: Vec<&str> = answers
        .iter()
        .map(|answers| answers.version.as_str())
        .collect();
    let mut page = introduction(&versions);
    for function in Function::ALL {
        let _ = write!(page, "\n## {function}\n\n");
        for curve in curves
            .iter()
            .filter(|curve| curve.call.function == function)
        {
            let _ = writeln!(
                page,
                "![Error in ULP of {} against x]({CHARTS}/{}.svg)\n",
                curve.of, curve.name
            );
        }
        if function == Function::NllLoss {
            page += "No chart: without a weight the loss is -x, and exact.\n\n";
        }
        page += "| case | of | bound, ULP | shown by | worst known, ULP | at |\n|---|---|---|---|---:|---|\n";
        for Row {
            case,
            of,
            bound,
            shown,
            worst_ulp,
            at,
        } in rows
            .iter()
            .filter(|(of, _)| *of == function)
            .map(|(_, row)| row)
        {
            let _ = writeln!(
                page,
                "| {case} | {of} | {bound} | {shown} | {worst_ulp:.9} | {at} |"
            );
        }
        let _ = write!(
            page,
            "\nShow it again:\n\n```sh\n{}```\n",
            commands(function, &sweeps)
        );
    }
    page += &equivalences_and_digests();
    files.push((PAGE.to_owned(), page));
    Ok(files)
}

fn introduction(versions: &[&str]) -> String {
    format!(
        "# The certificate\n\n\
         What trueloss {} promises of its answers, how each promise is shown, and the command that shows it again. Written by\n\
         `cargo run --release -- certificate` from the table of claims, the record of the sweeps (`verify/sweeps.txt`), the lemmas\n\
         (`verify/proofs`), the worst calls that are known (`verify/worst`, judged again for this page) and the digests. CI fails where it\n\
         does not fit them, and where they do not fit the code.\n\n\
         - **ULP**: a unit in the last place of the exact value. A bound of 0.5 is *correctly rounded*: no other answer is nearer. In a bound\n\
         \x20 with Σ the last part is of the sum of the magnitudes of terms that cancel.\n\
         - **all inputs**: every one was compared with the correctly rounded value, most by an expansion whose error is bounded\n\
         \x20 (`verify/src/expansion.rs`), the others by MPFR; the count of these is in brackets.\n\
         - **proof**: Gappa and Sollya prove the lemmas that are named, for all inputs; `verify/proofs/README.md` says what they are about.\n\
         - **derivation**: by hand, beside the formula in `core/src`.\n\
         - **search**: `trueloss search` climbs from random calls towards the worst answer. What it has found is a case file, named in the\n\
         \x20 last column, with all bits of its inputs; it shows how near an answer comes to the bound, and keeps it there.\n\
         - Charts: the worst of {} neighbouring x, of 1,024 in all; below the axis 0, at its top NaN or an infinity where a number is due;\n\
         \x20 the grey line is 0.5. Gradients of softmax and log_softmax are for a grad_output of (1, 0). The lines are\n\
         \x20 {}.\n",
        env!("CARGO_PKG_VERSION"),
        curves::PER_POINT,
        versions.join(";\n  "),
    )
}

fn rows(root: &Path, sweeps: &[Sweep]) -> Result<Vec<(Function, Row)>, CaseError> {
    let mut rows = vec![];
    for sweep in sweeps {
        let Some(found) = sweep.recorded() else {
            let function = sweep.function();
            let name = sweep.name();
            return Err(CaseError::new(format!(
                "{name}: no sweep of these answers is on record; `trueloss sweep {function} --soft-targets --record verify/sweeps.txt`"
            )));
        };
        rows.push((
            sweep.function(),
            Row {
                case: sweep.case().to_owned(),
                of: sweep.of().to_owned(),
                bound: sweep.promise().trim_end_matches(" ULP").to_owned(),
                shown: format!(
                    "all {} inputs ({})",
                    report::grouped(found.inputs),
                    report::grouped(found.enclosures)
                ),
                worst_ulp: found.worst_ulp,
                at: found.worst_at,
            },
        ));
    }
    let table = claims::table();
    let bar = report::bar("claims", table.len());
    let of_claims: Vec<Option<(Function, Row)>> = table
        .par_iter()
        .map(|claim| {
            let row = row(claim, root);
            bar.inc(1);
            Ok(row?.map(|row| (claim.function, row)))
        })
        .collect::<Result<_, CaseError>>()?;
    bar.finish_and_clear();
    rows.extend(of_claims.into_iter().flatten());
    Ok(rows)
}

/// The row of a claim. None for one that a sweep is about.
fn row(claim: &Claim, root: &Path) -> Result<Option<Row>, CaseError> {
    let refuted = || CaseError::new(format!("{}: is not so", claim.name()));
    let (shown, worst_ulp, at) = match claim.inputs {
        Inputs::OneArgument(..) => return Ok(None),
        Inputs::All(_) => {
            let outcome = claims::check_edges(claim);
            if !outcome.passes() {
                return Err(refuted());
            }
            (
                format!("all {} inputs", report::grouped(outcome.inputs)),
                outcome.worst_ulp,
                outcome.worst_at,
            )
        }
        Inputs::Calls(_) => {
            let find = search::kept(claim, &root.join(WORST))?;
            let find = find.ok_or_else(|| {
                CaseError::new(format!(
                    "{}: no call is kept; `trueloss search` looks for one",
                    claim.name()
                ))
            })?;
            if !search::is_within(claim, &find) {
                return Err(refuted());
            }
            let shown = match proofs::of(claim) {
                Some(proven) if proven.shows(claim) => {
                    let rest = if proven.plain {
                        ", and derivation where terms cancel"
                    } else {
                        ""
                    };
                    format!("proof: {}{rest}; search", proven.lemmas.join(", "))
                }
                _ => "derivation; search".to_owned(),
            };
            let at = format!(
                "{}: [file]({WORST}/{})",
                describe(claim, &find),
                search::file_name(claim)
            );
            (shown, find.ulp, at)
        }
    };
    Ok(Some(Row {
        case: claim.variant.to_owned(),
        of: format!("{} {}", claim.element.name(), claim.direction.name()),
        bound: match claim.bound.ulp {
            0.5 => "correctly rounded".to_owned(),
            _ => format!("within {}", claim.bound),
        },
        shown,
        worst_ulp,
        at,
    }))
}

/// A single element with its bits, else the place in a larger call.
fn describe(claim: &Claim, find: &search::Find) -> String {
    let Call {
        input,
        target,
        grad_output,
        ..
    } = &find.call;
    if input.len() > 1 || find.call.function.has_rows() {
        return claims::describe(&find.call, claim.direction, find.index);
    }
    let target = match target {
        Target::Values(y) => Some(y[0]),
        _ => None,
    };
    let weight = |weight: &Option<Vec<f64>>| weight.as_ref().map(|weight| weight[0]);
    let g = Some(grad_output[0])
        .filter(|&g| claim.direction == claims::Direction::Gradient && g != 1.0);
    let numbers = [
        ("x", Some(input[0])),
        ("y", target),
        ("weight", weight(&find.call.weight)),
        ("pos_weight", weight(&find.call.pos_weight)),
        ("g", g),
    ];
    let numbers: Vec<(&str, f64)> = numbers
        .into_iter()
        .filter_map(|(name, x)| Some((name, x?)))
        .collect();
    case::place(&numbers, Dtype::of(claim.element))
}

fn commands(function: Function, sweeps: &[Sweep]) -> String {
    let mut text = String::new();
    let mut sweeps = sweeps
        .iter()
        .filter(|sweep| sweep.function() == function)
        .peekable();
    if sweeps.peek().is_some() {
        let soft = sweeps.any(|sweep| sweep.kind() == Kind::SoftTargets);
        let option = if soft { " --soft-targets" } else { "" };
        let _ = writeln!(text, "cargo run --release -- sweep {function}{option}");
    }
    text += "python3 verify/proofs/check.py\n";
    let _ = writeln!(text, "cargo run --release -- search {function}");
    text += "cargo run --release -- certificate --check\n";
    text
}

fn equivalences_and_digests() -> String {
    let mut text = String::from(
        "\n## Equivalences\n\n\
         Checked on random inputs by the report (`cargo run --release`) and by `cargo test --release`.\n\n\
         | | equivalence | within |\n|---|---|---|\n",
    );
    for equivalence in equivalences::table() {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            equivalence.number, equivalence.statement, equivalence.bound
        );
    }
    text += "\n## Digests\n\n\
         Of the bits of every function: type of element, direction, digest of the small and of the full set of inputs. The same on every\n\
         machine (`firmware/run.sh`), on a GPU, for any number of threads. `cargo test --release -p trueloss-digest` computes them.\n\n```text\n";
    for line in trueloss_digest::COMMITTED
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        text += line;
        text.push('\n');
    }
    text += "```\n";
    text
}
