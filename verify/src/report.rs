//! `trueloss` without a command: every claim and every equivalence checked, and a real classifier's
//! logits, in a minute or two.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use safetensors::SafeTensors;
use trueloss::{BceWithLogits, Classes, CrossEntropy};
use trueloss_digest::{Name, Set, committed};

use crate::claims::{self, Claim, Inputs, Outcome};
use crate::equivalences::{self, Tally};
use crate::filter::{self, OneArgument};
use crate::generate::{self, ElementType, Sampler};
use crate::oracle::{self, Call, Function, Reduction};
use crate::{naive, ulp};

/// How much is checked.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Inputs of each function of one argument, besides the edge cases.
    pub one_argument: u64,
    /// Elements of generated calls for each other claim.
    pub elements: u64,
    /// Inputs of each equivalence.
    pub equivalences: u64,
    /// Inputs of each function on which the filter is compared with enclosures.
    pub audit: u64,
}

impl Effort {
    /// What the report does.
    pub const REPORT: Self = Self {
        one_argument: 1 << 24,
        elements: 60_000,
        equivalences: 4_000,
        audit: 10_000,
    };
}

/// Runs everything and prints it. Status 1 if a claim or an equivalence fails.
pub fn run(seed: u64, effort: Effort) -> ExitCode {
    let start = Instant::now();
    println!(
        "trueloss {}: what it promises, measured against MPFR\n",
        env!("CARGO_PKG_VERSION")
    );
    let audits = audits(seed, effort);
    let claims = claims(seed, effort);
    let equivalences = equivalences(seed, effort);
    println!("{}", audit_table(&audits));
    println!("{}", claim_table(&claims));
    println!("{}", equivalence_table(&equivalences));
    let data = real_data();
    println!("{}", data.text);
    let digests = digests();
    println!("{}", digest_table(&digests));

    let mut failures = Vec::new();
    failures.extend(
        audits
            .iter()
            .filter(|(_, audit)| !audit.passes())
            .map(|(f, audit)| format!("the filter of {}: {audit:?}", f.name())),
    );
    failures.extend(
        claims
            .iter()
            .filter(|(_, outcome)| !outcome.passes())
            .map(|(claim, o)| {
                format!(
                    "{}: {} of {} outside the bound, the first: {}",
                    claim.name(),
                    o.failures,
                    o.inputs,
                    o.first_failure
                )
            }),
    );
    failures.extend(
        equivalences
            .iter()
            .filter(|(_, tally)| !tally.passes())
            .map(|(e, t)| {
                format!(
                    "{}: {} of {} fail, the first: {}",
                    e.statement, t.failures, t.inputs, t.first_failure
                )
            }),
    );
    failures.extend(data.failures);
    failures.extend(digests.iter().filter(|d| !d.passes()).map(|d| {
        format!(
            "the bits of {}: digest {:016x}, committed {:016x?}",
            d.name, d.actual, d.committed
        )
    }));
    let checks = audits.len() + claims.len() + equivalences.len() + data.checks + digests.len();
    println!(
        "seed {seed}, {:.0} s: {} checks passed, {} failed",
        start.elapsed().as_secs_f64(),
        checks - failures.len().min(checks),
        failures.len()
    );
    for failure in &failures {
        println!("FAILED {failure}");
    }
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A bar on the terminal, silent where there is none.
pub(crate) fn bar(what: &'static str, steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:14} {wide_bar} {pos}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(steps as u64)
        .with_style(style)
        .with_message(what);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

type Audits = Vec<(OneArgument, filter::Audit)>;

fn audits(seed: u64, effort: Effort) -> Audits {
    let bar = bar("filter", OneArgument::ALL.len());
    let audits = OneArgument::ALL
        .par_iter()
        .map(|&function| {
            let logits = generate::any_logit(ElementType::F32);
            let mut sampler = Sampler::new(seed);
            let random = (0..effort.audit / 2).map(|_| sampler.sample(&logits) as f32);
            let spread = generate::spread(0, effort.audit / 2);
            let audit = filter::audit(function, random.chain(spread).chain(generate::edges()));
            bar.inc(1);
            (function, audit)
        })
        .collect();
    bar.finish_and_clear();
    audits
}

/// Every claim checked, cut into tasks so that all cores have some to the end.
fn claims(seed: u64, effort: Effort) -> Vec<(Claim, Outcome)> {
    const PARTS: u64 = 8;
    let table = claims::table();
    let tasks: Vec<(usize, u64)> = (0..table.len())
        .flat_map(|i| (0..PARTS).map(move |part| (i, part)))
        .collect();
    let bar = bar("claims", tasks.len());
    let outcomes: Vec<(usize, Outcome)> = tasks
        .into_par_iter()
        .map(|(i, part)| {
            let claim = &table[i];
            let part_seed = seed.wrapping_mul(PARTS).wrapping_add(part);
            let count = match claim.inputs {
                Inputs::OneArgument(..) => effort.one_argument,
                // The formulas and the arithmetic are those of f32, which has been looked at.
                _ if ElementType::HALF.contains(&claim.element) => effort.elements / 4,
                Inputs::All(_) | Inputs::Calls(_) => effort.elements,
            };
            let outcome = claims::check(claim, count / PARTS, part_seed);
            let edges = if part == 0 {
                claims::check_edges(claim)
            } else {
                Outcome::default()
            };
            bar.inc(1);
            (i, outcome.and(edges))
        })
        .collect();
    bar.finish_and_clear();
    let mut whole: Vec<(Claim, Outcome)> = table
        .iter()
        .map(|claim| (*claim, Outcome::default()))
        .collect();
    for (i, outcome) in outcomes {
        let (_, so_far) = &mut whole[i];
        *so_far = std::mem::take(so_far).and(outcome);
    }
    whole
}

fn equivalences(seed: u64, effort: Effort) -> Vec<(equivalences::Equivalence, Tally)> {
    let table = equivalences::table();
    let bar = bar("equivalences", table.len());
    let tallies = table
        .into_par_iter()
        .map(|equivalence| {
            let tally = (equivalence.check)(seed, effort.equivalences);
            bar.inc(1);
            (equivalence, tally)
        })
        .collect();
    bar.finish_and_clear();
    tallies
}

/// A table as wide as the terminal, or as wide as it must be where there is none.
pub(crate) fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// 12345678 as 12,345,678.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn pass(passes: bool) -> &'static str {
    if passes { "pass" } else { "FAIL" }
}

fn audit_table(audits: &Audits) -> String {
    let inputs: u64 = audits.iter().map(|(_, audit)| audit.inputs).sum();
    let wrong: usize = audits.iter().map(|(_, audit)| audit.wrong.len()).sum();
    let worst = audits
        .iter()
        .map(|(_, audit)| audit.worst_relative_error)
        .fold(0.0, f64::max);
    format!(
        "The f64 filter that decides most inputs of one argument, compared with MPFR on {}: {wrong} wrong,\n\
         worst error of its reference 2^{:.1}, margin 2^-45. The others are decided by MPFR itself.\n",
        grouped(inputs),
        worst.log2()
    )
}

fn claim_table(claims: &[(Claim, Outcome)]) -> String {
    let mut table = table(
        &[
            "function",
            "case",
            "of",
            "compared",
            "by MPFR",
            "worst ULP",
            "at",
            "bound, ULP",
            "",
        ],
        &[3, 4, 5],
    );
    for (claim, outcome) in claims {
        let mut worst = format!("{:.6}", outcome.worst_ulp);
        if outcome.excess > 0.0 {
            let _ = write!(worst, ", beyond: 2^{:.1} Σ", outcome.excess.log2());
        }
        table.add_row([
            claim.function.name().to_owned(),
            claim.variant.to_owned(),
            format!("{} {}", claim.element.name(), claim.direction.name()),
            grouped(outcome.inputs),
            grouped(outcome.enclosures),
            worst,
            outcome.worst_at.clone(),
            claim.bound.to_string(),
            pass(outcome.passes()).to_owned(),
        ]);
    }
    format!(
        "Claims. A bound of 0.5 ULP: correctly rounded. Σ: the sum of the magnitudes of terms that cancel.\n{table}\n"
    )
}

fn equivalence_table(equivalences: &[(equivalences::Equivalence, Tally)]) -> String {
    let mut table = table(
        &["", "equivalence", "within", "compared", "of bound", ""],
        &[3, 4],
    );
    for (equivalence, tally) in equivalences {
        table.add_row([
            equivalence.number.to_string(),
            equivalence.statement.to_owned(),
            equivalence.bound.to_owned(),
            grouped(tally.inputs),
            format!("{:.0}%", 100.0 * tally.worst),
            pass(tally.passes()).to_owned(),
        ]);
    }
    format!("Equivalences.\n{table}\n")
}

/// The digest of a function's bits in one direction.
struct Digest {
    name: Name<'static>,
    actual: u64,
    committed: Option<u64>,
}

impl Digest {
    fn passes(&self) -> bool {
        self.committed == Some(self.actual)
    }
}

fn digests() -> Vec<Digest> {
    let mut digests = Vec::new();
    let of_all = trueloss_digest::each(Set::Full, &mut |name, actual| {
        digests.push(Digest {
            name,
            actual,
            committed: committed(Set::Full, name),
        });
    });
    of_all.expect("the digests' inputs are legal");
    digests
}

fn digest_table(digests: &[Digest]) -> String {
    const DIRECTIONS: [&str; 5] = [
        "forward",
        "forward_each",
        "backward",
        "backward_each",
        "forward_backward",
    ];
    let mut header = vec!["function", "of"];
    header.extend(DIRECTIONS);
    header.push("");
    let mut table = table(&header, &[]);
    // An activation of one number has a row of its own: its value and its derivative.
    let place = |name: Name<'static>| match name.direction {
        "value" => (format!("{}(x)", name.function), "forward"),
        "derivative" => (format!("{}(x)", name.function), "backward"),
        direction => (name.function.to_owned(), direction),
    };
    let row_of = |digest: &Digest| (place(digest.name).0, digest.name.element);
    for row in digests.chunk_by(|a, b| row_of(a) == row_of(b)) {
        let (function, element) = row_of(&row[0]);
        let mut cells = vec![function, element.to_owned()];
        cells.extend(DIRECTIONS.map(|direction| {
            row.iter()
                .find(|digest| place(digest.name).1 == direction)
                .map_or(String::new(), |digest| format!("{:016x}", digest.actual))
        }));
        cells.push(pass(row.iter().all(Digest::passes)).to_owned());
        table.add_row(cells);
    }
    format!("Digests of the bits: the same on every machine, and in every version.\n{table}\n")
}

/// What the real data showed.
struct RealData {
    text: String,
    checks: usize,
    failures: Vec<String>,
}

/// How one form of a loss does on real rows.
#[derive(Default)]
struct Score {
    correctly_rounded: usize,
    off: usize,
    zeros: usize,
    not_finite: usize,
    worst: f64,
}

impl Score {
    fn of(losses: &[f32], call: &Call) -> Self {
        let judged = ulp::judge(losses, |prec| oracle::forward(call, prec));
        let mut score = Self::default();
        for (loss, judged) in losses.iter().zip(&judged) {
            score.correctly_rounded += usize::from(judged.correctly_rounded == Some(true));
            score.off += usize::from(!matches!(judged.ulp.partial_cmp(&1.0), Some(o) if o.is_le()));
            score.zeros += usize::from(*loss == 0.0 && judged.exact != 0.0);
            score.not_finite += usize::from(!loss.is_finite());
            score.worst = score.worst.max(judged.ulp);
        }
        score
    }
}

fn real_data() -> RealData {
    let mut failures = Vec::new();
    let mut text = String::from(
        "Real logits: the losses of single rows in f32. No exact loss is 0, and all are finite.\n",
    );
    let mut table = table(
        &[
            "data",
            "formula in f32",
            "rows",
            "correctly rounded",
            "off by > 1 ULP",
            "exactly 0",
            "inf or NaN",
            "worst ULP",
        ],
        &[2, 3, 4, 5, 6, 7],
    );
    match (digits(), breast_cancer()) {
        (Ok(digits), Ok(cancer)) => {
            for (data, forms) in [("digits, 10 classes", digits), ("breast_cancer", cancer)] {
                for (form, losses, call) in forms {
                    let score = Score::of(&losses, &call);
                    if form == "trueloss" && score.correctly_rounded != losses.len() {
                        failures.push(format!(
                            "{data}: {} of {} losses are not correctly rounded",
                            losses.len() - score.correctly_rounded,
                            losses.len()
                        ));
                    }
                    table.add_row([
                        data.to_owned(),
                        form.to_owned(),
                        losses.len().to_string(),
                        score.correctly_rounded.to_string(),
                        score.off.to_string(),
                        score.zeros.to_string(),
                        score.not_finite.to_string(),
                        format!("{:.4e}", score.worst),
                    ]);
                }
            }
        }
        (digits, cancer) => {
            let errors = [digits.err(), cancer.err()].into_iter().flatten();
            failures.extend(errors.map(|error| format!("real data: {error}")));
        }
    }
    let _ = writeln!(text, "{table}");
    RealData {
        text,
        checks: 2,
        failures,
    }
}

/// The rows' losses by each form, and the call that they answer.
type Forms = Vec<(&'static str, Vec<f32>, Call)>;

fn digits() -> Result<Forms, String> {
    let file = SafeTensors::deserialize(include_bytes!("../data/digits_logits.safetensors"))
        .map_err(|error| error.to_string())?;
    let logits = floats(&file, "logits")?;
    let labels: Vec<i64> = bytes(&file, "labels")?
        .as_chunks::<8>()
        .0
        .iter()
        .map(|&b| i64::from_le_bytes(b))
        .collect();
    let classes = logits.len() / labels.len().max(1);
    let naive = |form: fn(&[f32], usize) -> f32| -> Vec<f32> {
        let rows = logits.chunks_exact(classes).zip(&labels);
        rows.map(|(row, &label)| form(row, label as usize))
            .collect()
    };
    let mut losses = vec![0.0; labels.len()];
    Classes::new(&logits, [labels.len(), classes])
        .and_then(|logits| CrossEntropy::new().forward_each(logits, &labels, &mut losses))
        .map_err(|error| error.to_string())?;
    let wide: Vec<f64> = logits.iter().map(|&x| f64::from(x)).collect();
    let call = Call::new(Function::CrossEntropy, &[labels.len(), classes], &wide)
        .classes(&labels)
        .reduction(Reduction::None);
    Ok(vec![
        (
            "-ln(softmax(x)_y)",
            naive(naive::log_of_softmax),
            call.clone(),
        ),
        (
            "ln(sum exp(x - m)) - (x_y - m)",
            naive(naive::log_of_shifted_sum),
            call.clone(),
        ),
        ("trueloss", losses, call),
    ])
}

fn breast_cancer() -> Result<Forms, String> {
    let file = SafeTensors::deserialize(include_bytes!("../data/breast_cancer_logits.safetensors"))
        .map_err(|error| error.to_string())?;
    let (logits, targets) = (floats(&file, "logits")?, floats(&file, "targets")?);
    let naive = |form: fn(f32, f32) -> f32| -> Vec<f32> {
        logits
            .iter()
            .zip(&targets)
            .map(|(&x, &y)| form(x, y))
            .collect()
    };
    let mut losses = vec![0.0; logits.len()];
    BceWithLogits::new()
        .forward_each(&logits, &targets, &mut losses)
        .map_err(|error| error.to_string())?;
    let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let call = Call::new(
        Function::BinaryCrossEntropyWithLogits,
        &[logits.len()],
        &wide(&logits),
    )
    .values(&wide(&targets))
    .reduction(Reduction::None);
    Ok(vec![
        (
            "-ln(sigmoid(x)), -ln(1 - sigmoid(x))",
            naive(naive::log_of_sigmoid),
            call.clone(),
        ),
        (
            "max(x, 0) - x y + log1p(exp(-|x|))",
            naive(naive::max_less_product),
            call.clone(),
        ),
        ("trueloss", losses, call),
    ])
}

fn bytes<'a>(file: &SafeTensors<'a>, name: &str) -> Result<&'a [u8], String> {
    file.tensor(name)
        .map(|tensor| tensor.data())
        .map_err(|error| error.to_string())
}

fn floats(file: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, String> {
    let chunks = bytes(file, name)?.as_chunks::<4>().0;
    Ok(chunks.iter().map(|&b| f32::from_le_bytes(b)).collect())
}
