//! `trueloss check`: somebody else's answers, judged.
//!
//! Each answer is compared with an enclosure of the exact value. What is wrong is counted by what it is; where answers
//! are those of another convention (`conventions.rs` knows some), it says of which; and the kernels' own answers are judged beside
//! them.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::{Serialize, Serializer};
use trueloss::Element;

use crate::case::{Case, for_dtype};
use crate::oracle::{self, Call, Exact, Reduction, Target};
use crate::ulp::{self, Format, Judged};
use crate::{conventions, kernels, probe, report};

/// So many elements or rows are judged at a time, by one thread.
const PART: usize = 1024;

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// Of this program.
    pub version: &'static str,
    /// Of each file, in the order in which they were named.
    pub files: Vec<File>,
    /// Of all answers in all files.
    pub overall: Tally,
    /// The kernels of trueloss on the same inputs.
    pub trueloss: Tally,
}

/// What was found in one file.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Its path.
    pub file: String,
    /// Why it could not be judged, in one line. Then there is nothing else.
    pub error: Option<String>,
    /// PyTorch's name of the function.
    pub function: Option<String>,
    /// The type of the elements.
    pub dtype: Option<&'static str>,
    /// Of `loss` or `output`, and of `grad_input`, where the file has them.
    pub tensors: Vec<Tensor>,
}

/// What was found in one tensor of answers.
#[derive(Clone, Debug, Serialize)]
pub struct Tensor {
    /// `loss`, `output` or `grad_input`.
    pub tensor: &'static str,
    /// Of its answers.
    pub answers: Tally,
    /// The kernels of trueloss on the same inputs.
    pub trueloss: Tally,
    /// Conventions that differ, in words.
    pub conventions: Vec<String>,
    /// The worst answer, unless all are exact.
    pub worst: Option<Worst>,
    /// The same of each kind of input, where the file is a probe.
    pub kinds: Vec<Kind>,
}

/// Answers to inputs of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Kind {
    /// Its name.
    pub kind: String,
    /// What was found.
    #[serde(flatten)]
    pub answers: Tally,
}

/// Counts of answers by what is wrong with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// All of them.
    pub answers: usize,
    /// The largest error; infinite where an answer is NaN or infinite and should not be, or the other way round.
    #[serde(serialize_with = "number")]
    pub worst_ulp: f64,
    /// The mean of the errors that are not infinite.
    #[serde(serialize_with = "number")]
    pub mean_ulp: f64,
    /// How many errors are above 1 ULP.
    pub above_one_ulp: usize,
    /// Zero, where the exact value does not round to zero.
    pub wrong_zeros: usize,
    /// NaN, where a number or an infinity is due.
    pub nan_for_number: usize,
    /// Anything else, where NaN is due.
    pub number_for_nan: usize,
    /// Infinite, where a number is due that does not round to infinity.
    pub infinity_for_number: usize,
    /// A number, where an infinity is due.
    pub number_for_infinity: usize,
    /// Of the wrong sign.
    pub wrong_signs: usize,
    /// How many errors are not infinite: what the mean is taken of.
    #[serde(skip)]
    measured: usize,
}

/// The worst answer of a tensor.
#[derive(Clone, Debug, Serialize)]
pub struct Worst {
    /// Where it stands; empty for a single number.
    pub index: Vec<usize>,
    /// The kind of input, where the file is a probe.
    pub kind: Option<String>,
    /// The input there; of the loss of a row the logit of its label. None for a reduced loss.
    pub input: Option<Number>,
    /// The target that belongs to it.
    pub target: Option<String>,
    /// What was answered.
    pub got: Number,
    /// The exact value, as an f64.
    #[serde(serialize_with = "number")]
    pub exact: f64,
    /// The error.
    #[serde(serialize_with = "number")]
    pub ulp: f64,
}

/// A number of the file's type.
#[derive(Clone, Debug, Serialize)]
pub struct Number {
    /// In as many digits as tell it from its neighbours.
    pub value: String,
    /// Its bits, in hexadecimal.
    pub bits: String,
}

/// JSON has no infinities and no NaN: they are strings.
fn number<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if x.is_finite() {
        serializer.serialize_f64(*x)
    } else {
        serializer.serialize_str(&x.to_string())
    }
}

impl Tally {
    fn add(&mut self, got: f64, judged: &Judged) {
        let Judged { ulp, exact, .. } = *judged;
        self.answers += 1;
        self.worst_ulp = self.worst_ulp.max(ulp);
        self.above_one_ulp += usize::from(above(ulp, 1.0));
        if ulp < f64::INFINITY {
            self.measured += 1;
            self.mean_ulp += (ulp - self.mean_ulp) / self.measured as f64;
        }
        let opposite = got != 0.0 && exact != 0.0 && (got < 0.0) != (exact < 0.0);
        let wrong_class = ulp == f64::INFINITY;
        if exact.is_nan() {
            self.number_for_nan += usize::from(!got.is_nan());
        } else if got.is_nan() {
            self.nan_for_number += 1;
        } else {
            self.wrong_signs += usize::from(opposite);
            self.wrong_zeros += usize::from(got == 0.0 && above(ulp, 0.5) && exact.is_finite());
            let infinite = wrong_class && got.is_infinite() && exact.is_finite();
            self.infinity_for_number += usize::from(infinite);
            self.number_for_infinity +=
                usize::from(got.is_finite() && exact.is_infinite() && wrong_class);
        }
    }

    /// Both together.
    fn and(self, other: Tally) -> Tally {
        let measured = self.measured + other.measured;
        let share = |tally: &Tally| tally.measured as f64 / measured.max(1) as f64;
        Tally {
            answers: self.answers + other.answers,
            worst_ulp: self.worst_ulp.max(other.worst_ulp),
            mean_ulp: share(&self) * self.mean_ulp + share(&other) * other.mean_ulp,
            above_one_ulp: self.above_one_ulp + other.above_one_ulp,
            wrong_zeros: self.wrong_zeros + other.wrong_zeros,
            nan_for_number: self.nan_for_number + other.nan_for_number,
            number_for_nan: self.number_for_nan + other.number_for_nan,
            infinity_for_number: self.infinity_for_number + other.infinity_for_number,
            number_for_infinity: self.number_for_infinity + other.number_for_infinity,
            wrong_signs: self.wrong_signs + other.wrong_signs,
            measured,
        }
    }

    /// The share of the answers that are off by more than 1 ULP.
    pub fn share_above_one_ulp(&self) -> f64 {
        self.above_one_ulp as f64 / self.answers.max(1) as f64
    }

    /// Whether all answers are within so many ULP. No NaN passes.
    pub fn within(&self, ulp: f64) -> bool {
        self.worst_ulp <= ulp
    }

    fn cells(&self) -> [String; 8] {
        let count = |n: usize| {
            if n == 0 {
                String::new()
            } else {
                report::grouped(n as u64)
            }
        };
        [
            report::grouped(self.answers as u64),
            in_ulp(self.worst_ulp),
            in_ulp(self.mean_ulp),
            match self.above_one_ulp {
                0 => String::new(),
                _ => format!("{:.2}%", 100.0 * self.share_above_one_ulp()),
            },
            count(self.wrong_zeros),
            count(self.nan_for_number + self.number_for_nan),
            count(self.infinity_for_number + self.number_for_infinity),
            count(self.wrong_signs),
        ]
    }
}

/// What NaN is above, too.
fn above(ulp: f64, bound: f64) -> bool {
    ulp.is_nan() || ulp > bound
}

/// An error for a table.
fn in_ulp(ulp: f64) -> String {
    match ulp {
        f64::INFINITY => "∞".to_owned(),
        0.0 => "0".to_owned(),
        _ if (0.001..10_000.0).contains(&ulp) => format!("{ulp:.3}"),
        _ => format!("{ulp:.2e}"),
    }
}

/// What `--max-ulp` may be.
///
/// # Errors
///
/// Where it is no number, or negative, or NaN.
pub fn max_ulp(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|x: &f64| *x >= 0.0);
    number.ok_or_else(|| "expected a number, 0 or more".to_owned())
}

/// Judges the files and prints what it found; as JSON into the file `json`, or to stdout where that is `-`. Status 1 if a
/// file could not be judged or, with `max_ulp`, an answer's error is larger or has no measure.
pub fn run(files: &[PathBuf], json: Option<&Path>, max_ulp: Option<f64>) -> ExitCode {
    let findings = check(files);
    let mut failed = false;
    for file in &findings.files {
        if let Some(error) = &file.error {
            failed = true;
            eprintln!("{error}");
        }
    }
    let mut show = |text: &str| {
        // Whoever reads it may have seen enough.
        if let Err(error) = io::stdout().write_all(text.as_bytes())
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            failed = true;
            eprintln!("stdout: {error}");
        }
    };
    if json != Some(Path::new("-")) {
        show(&findings.table());
    }
    if let Some(json) = json {
        // Nothing in it can fail to be written as JSON.
        let text = serde_json::to_string_pretty(&findings).unwrap_or_default() + "\n";
        if json == Path::new("-") {
            show(&text);
        } else if let Err(error) = fs::write(json, text) {
            failed = true;
            eprintln!("{}: {error}", json.display());
        }
    }
    if let Some(max_ulp) = max_ulp {
        let tensors = findings
            .files
            .iter()
            .flat_map(|file| file.tensors.iter().map(move |tensor| (file, tensor)));
        for (file, tensor) in tensors.filter(|(_, tensor)| !tensor.answers.within(max_ulp)) {
            failed = true;
            let worst = in_ulp(tensor.answers.worst_ulp);
            eprintln!(
                "{}: {}: {worst} ULP, more than {max_ulp}",
                file.file, tensor.tensor
            );
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Judges the files.
pub fn check(files: &[PathBuf]) -> Findings {
    let size = |file: &PathBuf| fs::metadata(file).map_or(1, |metadata| metadata.len().max(1));
    let bar = ProgressBar::new(files.iter().map(size).sum());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {elapsed} {eta}") {
        bar.set_style(style);
    }
    let files: Vec<File> = files
        .par_iter()
        .map(|path| {
            let progress = Progress {
                bar: &bar,
                bytes: size(path),
            };
            let file = path.display().to_string();
            match check_file(path, &progress) {
                Ok(found) => File { file, ..found },
                Err(error) => File {
                    file,
                    error: Some(error),
                    function: None,
                    dtype: None,
                    tensors: vec![],
                },
            }
        })
        .collect();
    bar.finish_and_clear();
    let tensors = || files.iter().flat_map(|file| &file.tensors);
    Findings {
        version: env!("CARGO_PKG_VERSION"),
        overall: tensors().fold(Tally::default(), |sum, tensor| sum.and(tensor.answers)),
        trueloss: tensors().fold(Tally::default(), |sum, tensor| sum.and(tensor.trueloss)),
        files,
    }
}

/// A file's share of the progress bar, which counts bytes.
struct Progress<'a> {
    bar: &'a ProgressBar,
    bytes: u64,
}

impl Progress<'_> {
    /// One of so many equal parts is done.
    fn part_of(&self, parts: usize) {
        self.bar.inc(self.bytes / parts as u64);
    }
}

fn check_file(path: &Path, progress: &Progress<'_>) -> Result<File, String> {
    let in_file = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    // A pipe or a device may have no end.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return Err(in_file(&"not a regular file"));
    }
    let case = Case::read(path).map_err(|error| error.to_string())?;
    let tensors = judge_case(&case, progress)
        .map_err(|problem| in_file(&problem.replace(['\n', '\r'], " ")))?;
    Ok(File {
        file: String::new(),
        error: None,
        function: Some(case.call.function.to_string()),
        dtype: Some(for_dtype!(case.dtype, T => <T as Format>::NAME)),
        tensors,
    })
}

/// Judges the contents of a case file.
///
/// # Errors
///
/// In one line: where it is no case, where the kernels refuse the call, where there is no answer in it.
pub fn check_bytes(bytes: &[u8]) -> Result<Vec<Tensor>, String> {
    let case = Case::from_bytes(bytes).map_err(|error| error.to_string())?;
    let bar = ProgressBar::hidden();
    judge_case(
        &case,
        &Progress {
            bar: &bar,
            bytes: 0,
        },
    )
}

fn judge_case(case: &Case, progress: &Progress<'_>) -> Result<Vec<Tensor>, String> {
    for_dtype!(case.dtype, T => judge_case_as::<T>(case, progress))
}

fn judge_case_as<T: Element + Format>(
    case: &Case,
    progress: &Progress<'_>,
) -> Result<Vec<Tensor>, String> {
    let call = &case.call;
    let loss = if call.function.is_activation() {
        "output"
    } else {
        "loss"
    };
    if case.answers.loss.is_none() && case.answers.grad_input.is_none() {
        return Err(format!(
            "neither `{loss}` nor `grad_input`: nothing to judge"
        ));
    }
    let units = if call.function.has_rows() {
        call.rows().count()
    } else {
        call.input.len()
    };
    let kinds = case
        .metadata
        .get("kinds")
        .map(|text| probe::read_kinds(text, units))
        .transpose()?;
    let error = |error: trueloss::Error| error.to_string();
    let mut tensors = vec![];
    for (tensor, got, is_gradient) in [
        (loss, &case.answers.loss, false),
        ("grad_input", &case.answers.grad_input, true),
    ] {
        let Some(got) = got else { continue };
        let ours: Vec<T> = if is_gradient {
            kernels::backward(call).map_err(error)?
        } else {
            kernels::forward(call).map_err(error)?
        };
        let got: Vec<T> = got.iter().map(|&x| T::from_f64_nearest(x)).collect();
        let both = judge_both(call, is_gradient, &got, &ours, progress);
        tensors.push(summary(
            case,
            tensor,
            is_gradient,
            &got,
            &ours,
            &both,
            kinds.as_deref(),
        ));
    }
    Ok(tensors)
}

/// The judgements of two answers to each question, theirs and ours: the exact values are found once.
fn judge_both<T: Format + Send + Sync>(
    call: &Call,
    is_gradient: bool,
    theirs: &[T],
    ours: &[T],
    progress: &Progress<'_>,
) -> Vec<[Judged; 2]> {
    let exact = |call: &Call, prec| match is_gradient {
        true => oracle::backward(call, prec),
        false => oracle::forward(call, prec),
    };
    let parts = parts(call);
    let starts: Vec<usize> = parts
        .iter()
        .scan(0, |end, part| {
            let start = *end;
            *end += if is_gradient {
                part.input.len()
            } else {
                part.outputs()
            };
            Some(start)
        })
        .chain([theirs.len()])
        .collect();
    let judged: Vec<Vec<[Judged; 2]>> = parts
        .par_iter()
        .zip(starts.par_windows(2))
        .map(|(part, ends)| {
            let answers = ends[0]..ends[1];
            let both = [&theirs[answers.clone()], &ours[answers]].concat();
            let judged = ulp::measure(&both, |prec| {
                let values: Vec<Exact> = exact(part, prec);
                [&values[..], &values].concat()
            });
            progress.part_of(2 * parts.len());
            let (theirs, ours) = judged.split_at(judged.len() / 2);
            theirs.iter().zip(ours).map(|(&a, &b)| [a, b]).collect()
        })
        .collect();
    judged.concat()
}

/// A call in pieces that give the same answers, one after the other, where it has no reduction.
fn parts(call: &Call) -> Vec<Call> {
    let whole = || vec![call.clone()];
    if !call.function.is_activation() && call.reduction != Reduction::None {
        return whole();
    }
    // Elements, or what lies behind one index of the first dimension, where that is not the classes' own.
    let (pieces, size, outputs, shape) = if call.function.has_rows() {
        let rows = call.rows();
        if call.dim_of_classes() == 0 || rows.outer == 0 {
            return whole();
        }
        let pieces = call.shape[0];
        let outputs = call.outputs() / pieces;
        (pieces, call.input.len() / pieces, outputs, &call.shape[1..])
    } else {
        (call.input.len(), 1, 1, &[][..])
    };
    let at_a_time = (PART / size.max(1)).max(1);
    if pieces <= at_a_time {
        return whole();
    }
    let starts = (0..pieces).step_by(at_a_time);
    starts
        .map(|start| {
            let pieces = start..pieces.min(start + at_a_time);
            let inputs = pieces.start * size..pieces.end * size;
            let outputs = pieces.start * outputs..pieces.end * outputs;
            let shape = [&[pieces.len()], shape].concat();
            let mut part = Call::new(call.function, &shape, &call.input[inputs.clone()]);
            part.reduction = call.reduction;
            part.dim = call.dim;
            part.ignore_index = call.ignore_index;
            part.label_smoothing = call.label_smoothing;
            part.beta = call.beta;
            part.numbers = call.numbers;
            part.target = match &call.target {
                Target::None => Target::None,
                Target::Values(values) => Target::Values(values[inputs.clone()].to_vec()),
                Target::Classes(labels) => Target::Classes(labels[outputs.clone()].to_vec()),
            };
            let repeated = |weight: &Option<Vec<f64>>| {
                let weight = weight.as_ref()?;
                Some(match call.function.has_rows() {
                    true => weight.clone(),
                    false => inputs.clone().map(|i| weight[i % weight.len()]).collect(),
                })
            };
            part.weight = repeated(&call.weight);
            part.pos_weight = repeated(&call.pos_weight);
            part.grad_output = match &call.grad_output[..] {
                &[one] => vec![one],
                all => all[outputs].to_vec(),
            };
            part
        })
        .collect()
}

fn summary<T: Format>(
    case: &Case,
    tensor: &'static str,
    is_gradient: bool,
    got: &[T],
    ours: &[T],
    judged: &[[Judged; 2]],
    kinds: Option<&[String]>,
) -> Tensor {
    let call = &case.call;
    let elements = is_gradient || call.function.is_activation();
    let reduced = !elements && call.reduction != Reduction::None;
    let unit = |i: usize| match call.function.has_rows() && elements {
        true => call.rows().row_of(i),
        false => i,
    };
    let kind_of = |i: usize| kinds.filter(|_| !reduced).map(|kinds| &kinds[unit(i)]);
    let (mut theirs, mut trueloss) = (Tally::default(), Tally::default());
    let mut by_kind: Vec<Kind> = vec![];
    let mut worst: Option<usize> = None;
    for (i, [judged_theirs, judged_ours]) in judged.iter().enumerate() {
        theirs.add(got[i].to_f64(), judged_theirs);
        trueloss.add(ours[i].to_f64(), judged_ours);
        if let Some(kind) = kind_of(i) {
            let at = by_kind
                .iter()
                .position(|k| k.kind == *kind)
                .unwrap_or_else(|| {
                    by_kind.push(Kind {
                        kind: kind.clone(),
                        answers: Tally::default(),
                    });
                    by_kind.len() - 1
                });
            by_kind[at].answers.add(got[i].to_f64(), judged_theirs);
        }
        if judged_theirs.ulp > worst.map_or(0.0, |worst| judged[worst][0].ulp) {
            worst = Some(i);
        }
    }
    let shape = if elements {
        &call.shape
    } else {
        &case.output_shape
    };
    let number = |x: f64| Number {
        value: for_dtype!(case.dtype, E => format!("{:e}", <E as Format>::from_f64_nearest(x))),
        bits: case.dtype.bits(x),
    };
    let worst = worst.map(|i| {
        let label = |row: usize| match &call.target {
            Target::Classes(labels) => Some(labels[row]),
            _ => None,
        };
        // The loss of a row has many logits: that of its label says most.
        let input = match (elements || !call.function.has_rows(), reduced) {
            (_, true) => None,
            (true, _) => Some(call.input[i]),
            (false, _) => label(i)
                .and_then(|label| usize::try_from(label).ok())
                .filter(|&label| label < call.rows().classes)
                .map(|label| call.input[call.rows().index(i, label)]),
        };
        let target = match &call.target {
            _ if reduced => None,
            Target::None => None,
            Target::Classes(_) => label(unit(i)).map(|label| label.to_string()),
            Target::Values(values) if elements || !call.function.has_rows() => {
                Some(number(values[i]).value)
            }
            Target::Values(_) => None,
        };
        Worst {
            index: unravel(i, shape),
            kind: kind_of(i).cloned(),
            input: input.map(number),
            target,
            got: number(got[i].to_f64()),
            // An exact zero has no sign.
            exact: judged[i][0].exact + 0.0,
            ulp: judged[i][0].ulp,
        }
    });
    let numbers: Vec<f64> = got.iter().map(|x| x.to_f64()).collect();
    let exact: Vec<f64> = judged.iter().map(|[theirs, _]| theirs.exact).collect();
    Tensor {
        tensor,
        answers: theirs,
        trueloss,
        conventions: conventions::recognise::<T>(call, is_gradient, &numbers, &exact),
        worst,
        kinds: by_kind,
    }
}

/// The index in each dimension.
fn unravel(mut index: usize, shape: &[usize]) -> Vec<usize> {
    let mut indices: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let i = index % size.max(1);
            index /= size.max(1);
            i
        })
        .collect();
    indices.reverse();
    indices
}

impl Findings {
    /// The tables for people.
    pub fn table(&self) -> String {
        let judged = || {
            self.files
                .iter()
                .flat_map(|file| file.tensors.iter().map(move |t| (file, t)))
        };
        if judged().next().is_none() {
            return String::new();
        }
        let mut table = report::table(
            &[
                "file",
                "answers",
                "of",
                "worst ULP",
                "mean ULP",
                "> 1 ULP",
                "wrong 0",
                "NaN",
                "inf",
                "sign",
                "trueloss, worst",
            ],
            &[2, 3, 4, 5, 6, 7, 8, 9, 10],
        );
        let mut row = |file: &str, tensor: &str, tally: &Tally, ours: &Tally| {
            let mut cells = vec![file.to_owned(), tensor.to_owned()];
            cells.extend(tally.cells());
            cells.push(in_ulp(ours.worst_ulp));
            table.add_row(cells);
        };
        for (file, tensor) in judged() {
            row(
                stem(&file.file),
                tensor.tensor,
                &tensor.answers,
                &tensor.trueloss,
            );
        }
        row("all", "", &self.overall, &self.trueloss);
        let mut text = format!("{table}\n");

        let mut worst = report::table(
            &[
                "file", "answers", "kind", "at", "input", "bits", "target", "got", "exact", "ULP",
            ],
            &[9],
        );
        for (file, tensor) in judged() {
            let Some(at) = &tensor.worst else { continue };
            let (value, bits) = match &at.input {
                Some(Number { value, bits }) => (value.clone(), bits.clone()),
                None => Default::default(),
            };
            worst.add_row([
                stem(&file.file).to_owned(),
                tensor.tensor.to_owned(),
                at.kind.clone().unwrap_or_default(),
                if at.index.is_empty() {
                    String::new()
                } else {
                    format!("{:?}", at.index)
                },
                value,
                bits,
                at.target.clone().unwrap_or_default(),
                at.got.value.clone(),
                format!("{:.9e}", at.exact),
                in_ulp(at.ulp),
            ]);
        }
        if worst.row_count() > 0 {
            let _ = writeln!(text, "\nThe worst answer of each tensor:\n{worst}");
        }
        let differ = judged().filter(|(_, tensor)| !tensor.conventions.is_empty());
        for (i, (file, tensor)) in differ.enumerate() {
            if i == 0 {
                text.push_str("\nAnother convention than the file's explains:\n");
            }
            let words = tensor.conventions.join("; or ");
            let _ = writeln!(text, "  {}, {}: {words}", stem(&file.file), tensor.tensor);
        }
        text
    }
}

/// A file's name without what all names have.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".safetensors").unwrap_or(name)
}
