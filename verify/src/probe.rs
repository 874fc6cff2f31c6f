//! `trueloss probe`: case files of hard inputs, for somebody else's answers.
//!
//! A probe is made of units: elements, or rows of classes. Each unit is of one kind, and the kinds follow each other in the
//! order of the metadata `kinds`, `name:count,name:count,…`, so that [`crate::check`] can say which kind an answer missed.
//! The same options and the same seed give the same file.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use proptest::prelude::*;
use trueloss::device::Domain;

use crate::case::{self, Dtype, for_dtype};
use crate::generate::{self, EDGE_LOGITS, ElementType, REGRESSIONS, Sampler};
use crate::losses;
use crate::oracle::{self, Call, Function, Reduction, Target};
use crate::ulp::{self, Format};

/// So many candidates are tried for each near-tie, or at least so many.
const CANDIDATES: [usize; 2] = [64, 16];

/// So many numbers are tried for all near-ties of a probe: a second's work at most.
const ALL_CANDIDATES: usize = 1 << 14;

/// So many columns has the input of a function with `pos_weight`, one `pos_weight` each.
const COLUMNS: usize = 4;

/// The precision in which candidates for near-ties are compared: enough for an f64 that lies 2^-30 ULP off a midpoint.
const TIE_PREC: u32 = 96;

/// What a probe asks.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// none, mean or sum. With none each answer is judged by itself, and there are infinite and NaN inputs too.
    #[arg(long, default_value = "none", value_name = "NAME")]
    pub reduction: Reduction,
    /// The type of the elements: f32, f64, f16 or bf16.
    #[arg(long, default_value = "f32", value_name = "TYPE", value_parser = element)]
    pub dtype: ElementType,
    /// How many elements; of a function with classes: how many rows.
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub elements: u32,
    /// How many classes a row has.
    #[arg(long, default_value_t = 10, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub classes: u32,
    /// With a `weight`, zeros among them.
    #[arg(long)]
    pub weight: bool,
    /// With a `pos_weight` for each of four columns.
    #[arg(long)]
    pub pos_weight: bool,
    /// With rows of this class, which is ignored; -100 is what PyTorch ignores by default.
    #[arg(long, value_name = "CLASS", allow_negative_numbers = true)]
    pub ignore_index: Option<i64>,
    /// cross_entropy's `label_smoothing`, from 0 to 1.
    #[arg(long, default_value_t = 0.0, value_name = "E", value_parser = unit_interval)]
    pub label_smoothing: f64,
    /// cross_entropy's targets are class probabilities.
    #[arg(long)]
    pub probabilities: bool,
    /// The targets of the binary losses are 0 and 1 alone.
    #[arg(long)]
    pub hard_targets: bool,
    /// softplus's `beta`.
    #[arg(long, default_value_t = 1.0, value_name = "B", value_parser = positive)]
    pub beta: f64,
    /// The dimension of the classes, for softmax and log_softmax: 0 or 1.
    #[arg(long, default_value_t = 1, value_name = "D", value_parser = clap::value_parser!(u8).range(0..=1))]
    pub dim: u8,
    /// A third dimension of this size after the classes.
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1 << 10))]
    pub positions: u32,
    /// `grad_output` is other numbers than 1. (That of softmax and log_softmax always is.)
    #[arg(long)]
    pub grad_output: bool,
    /// Another seed, other inputs.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
}

fn element(name: &str) -> Result<ElementType, String> {
    let found = ElementType::ALL.into_iter().find(|e| e.name() == name);
    found.ok_or_else(|| {
        let names = ElementType::ALL.map(ElementType::name);
        format!("expected one of {}", names.join(", "))
    })
}

fn number(text: &str, legal: impl Fn(&f64) -> bool, expected: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(legal);
    number.ok_or_else(|| format!("expected {expected}"))
}

fn unit_interval(text: &str) -> Result<f64, String> {
    number(text, |x| (0.0..=1.0).contains(x), "a number from 0 to 1")
}

fn positive(text: &str) -> Result<f64, String> {
    let legal = |x: &f64| *x > 0.0 && x.is_finite();
    number(text, legal, "a finite number above 0")
}

impl Default for Options {
    fn default() -> Self {
        Options {
            reduction: Reduction::None,
            dtype: ElementType::F32,
            elements: 512,
            classes: 10,
            weight: false,
            pos_weight: false,
            ignore_index: None,
            label_smoothing: 0.0,
            probabilities: false,
            hard_targets: false,
            beta: 1.0,
            dim: 1,
            positions: 1,
            grad_output: false,
            seed: 1,
        }
    }
}

/// Writes a probe of `function` to `out`, or where there is none, the probes of [`all`] into the directory `out`.
pub fn run(function: Option<Function>, options: &Options, out: &Path) -> ExitCode {
    let result = match function {
        Some(function) => probe(function, options).and_then(|file| write(out.to_path_buf(), &file)),
        None => write_all(options, out),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn write(path: PathBuf, file: &[u8]) -> Result<(), String> {
    fs::write(&path, file).map_err(|error| format!("{}: {error}", path.display()))
}

fn write_all(options: &Options, out: &Path) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    for (name, function, options) in all(options) {
        write(out.join(name + ".safetensors"), &probe(function, &options)?)?;
    }
    Ok(())
}

/// A probe of each function in each of its forms, and a name for it. Of `base` the type, the sizes and the seed are taken.
pub fn all(base: &Options) -> Vec<(String, Function, Options)> {
    let base = Options {
        dtype: base.dtype,
        elements: base.elements,
        classes: base.classes,
        seed: base.seed,
        ..Options::default()
    };
    let mut probes = vec![];
    let mut add = |function: Function, words: &str| {
        let mut options = base.clone();
        for word in words.split('-') {
            match word {
                "" | "none" => {}
                "mean" => options.reduction = Reduction::Mean,
                "sum" => options.reduction = Reduction::Sum,
                "weight" => options.weight = true,
                "pos_weight" => options.pos_weight = true,
                "ignored" => options.ignore_index = Some(-100),
                "smoothing" => options.label_smoothing = 0.1,
                "hard" => options.hard_targets = true,
                "probabilities" => options.probabilities = true,
                "beta" => options.beta = 2.5,
                "dim0" => options.dim = 0,
                "positions" => options.positions = 4,
                "grad_output" => options.grad_output = true,
                other => unreachable!("no option is called {other}"),
            }
        }
        let separator = if words.is_empty() { "" } else { "-" };
        probes.push((format!("{function}{separator}{words}"), function, options));
    };
    for loss in losses::TABLE {
        for form in forms_of(loss.function) {
            add(loss.function, &form);
        }
    }
    for (function, forms) in [
        (
            Function::NllLoss,
            &[
                "none",
                "none-weight-ignored-grad_output",
                "mean",
                "mean-weight-ignored",
            ][..],
        ),
        (
            Function::CrossEntropy,
            &[
                "none",
                "none-weight-ignored-grad_output",
                "none-smoothing",
                "none-probabilities",
                "none-positions-ignored",
                "mean",
                "mean-weight-ignored",
                "mean-smoothing",
                "mean-weight-ignored-smoothing",
                "mean-probabilities-weight",
                "mean-positions",
                "sum",
            ],
        ),
        (Function::Sigmoid, &["", "grad_output"]),
        (Function::LogSigmoid, &["", "grad_output"]),
        (Function::Softplus, &["", "beta-grad_output"]),
        (Function::Softmax, &["", "dim0"]),
        (Function::LogSoftmax, &["", "dim0"]),
    ] {
        for form in forms {
            add(function, form);
        }
    }
    probes
}

/// The forms of a loss of elements: with its weights and without, and on hard targets, where they make a difference.
fn forms_of(function: Function) -> Vec<String> {
    let Some(arguments) = function.arguments() else {
        return vec![];
    };
    let mut weights = String::new();
    for (name, has) in [
        ("-weight", arguments.weight),
        ("-pos_weight", arguments.pos_weight),
    ] {
        weights += if has { name } else { "" };
    }
    let mut forms = vec![
        "none".to_owned(),
        format!("none{weights}-grad_output"),
        "mean".to_owned(),
    ];
    if !weights.is_empty() {
        forms.push(format!("mean{weights}"));
    }
    if (arguments.input, arguments.target) == (Domain::Any, Domain::UnitInterval) {
        forms.extend(["none-hard".to_owned(), "mean-hard".to_owned()]);
    }
    forms.push("sum".to_owned());
    forms
}

/// The contents of a probe.
///
/// # Errors
///
/// In one line, where the function does not have an option that is asked for.
pub fn probe(function: Function, options: &Options) -> Result<Vec<u8>, String> {
    refuse_what_it_lacks(function, options)?;
    let mut maker = Maker::new(function, options);
    let units = maker.units();
    let call = maker.call(&units);
    let mut metadata = HashMap::from([
        ("kinds".to_owned(), kinds(&units)),
        (
            "source".to_owned(),
            format!(
                "trueloss probe {}, seed {}",
                env!("CARGO_PKG_VERSION"),
                options.seed
            ),
        ),
    ]);
    if let Some(index) = options.ignore_index {
        metadata.insert("ignore_index".to_owned(), index.to_string());
    }
    case::contents(&call, Dtype::of(options.dtype), metadata).map_err(|error| error.to_string())
}

fn refuse_what_it_lacks(function: Function, options: &Options) -> Result<(), String> {
    use Function as F;
    let labels = matches!(function, F::NllLoss | F::CrossEntropy);
    let softmax = matches!(function, F::Softmax | F::LogSoftmax);
    let arguments = function.arguments();
    for (name, asked, has) in [
        (
            "reduction",
            options.reduction != Reduction::None,
            !function.is_activation(),
        ),
        (
            "weight",
            options.weight,
            labels || arguments.is_some_and(|of| of.weight),
        ),
        (
            "pos-weight",
            options.pos_weight,
            arguments.is_some_and(|of| of.pos_weight),
        ),
        ("ignore-index", options.ignore_index.is_some(), labels),
        (
            "label-smoothing",
            options.label_smoothing != 0.0,
            function == F::CrossEntropy,
        ),
        (
            "probabilities",
            options.probabilities,
            function == F::CrossEntropy,
        ),
        (
            "hard-targets",
            options.hard_targets,
            arguments.is_some_and(|of| of.target == Domain::UnitInterval),
        ),
        ("beta", options.beta != 1.0, function == F::Softplus),
        ("dim", options.dim != 1, softmax),
        ("positions", options.positions != 1, function.has_rows()),
    ] {
        if asked && !has {
            return Err(format!("{function} has no --{name}"));
        }
    }
    if options.probabilities && options.ignore_index.is_some() {
        return Err("--ignore-index is of class indices, not of --probabilities".to_owned());
    }
    if options.dim == 0 && options.positions != 1 {
        return Err("--positions needs --dim 1".to_owned());
    }
    Ok(())
}

/// `name:count`, for each run of units of one kind.
fn kinds(units: &[Unit]) -> String {
    let runs = units.chunk_by(|a, b| a.kind == b.kind);
    let run = |run: &[Unit]| format!("{}:{}", run[0].kind, run.len());
    runs.map(run).collect::<Vec<_>>().join(",")
}

/// The kinds of a file's units, one name each, from its metadata.
///
/// # Errors
///
/// Where they are not of so many units.
pub fn read_kinds(text: &str, units: usize) -> Result<Vec<String>, String> {
    let wrong = || format!("kinds: expected `name:count,…` of {units} in all");
    let mut kinds = vec![];
    for run in text.split(',') {
        let (name, count) = run.rsplit_once(':').ok_or_else(wrong)?;
        let count: usize = count.parse().map_err(|_| wrong())?;
        if count > units - kinds.len() {
            return Err(wrong());
        }
        kinds.extend(std::iter::repeat_n(name.to_owned(), count));
    }
    if kinds.len() == units {
        Ok(kinds)
    } else {
        Err(wrong())
    }
}

/// An element, or a row of classes, and what belongs to it.
#[derive(Clone, Debug, Default)]
struct Unit {
    kind: &'static str,
    /// One number, or one a class.
    input: Vec<f64>,
    /// As many numbers.
    target: Vec<f64>,
    label: i64,
    weight: f64,
    /// One number for each output.
    grad_output: Vec<f64>,
}

struct Maker<'a> {
    function: Function,
    options: &'a Options,
    element: ElementType,
    sampler: Sampler,
    /// Of classes or of columns.
    shared_weight: Vec<f64>,
}

impl<'a> Maker<'a> {
    fn new(function: Function, options: &'a Options) -> Self {
        let mut maker = Maker {
            function,
            options,
            element: options.dtype,
            sampler: Sampler::new(options.seed),
            shared_weight: vec![],
        };
        if options.pos_weight {
            maker.shared_weight = vec![0.25, 1.0, 3.0, 100.0];
        } else if options.weight && function.has_rows() {
            // Every third is 0, but never that of the first class, so that the weights' sum is not 0.
            let weight = |class: usize| {
                if class % 3 == 2 {
                    0.0
                } else {
                    0.5 + (class % 7) as f64
                }
            };
            maker.shared_weight = (0..maker.classes()).map(weight).collect();
        }
        maker
    }

    fn classes(&self) -> usize {
        if self.function.has_rows() {
            self.options.classes as usize
        } else {
            1
        }
    }

    fn is_softmax(&self) -> bool {
        matches!(self.function, Function::Softmax | Function::LogSoftmax)
    }

    fn is_reduced(&self) -> bool {
        self.options.reduction != Reduction::None
    }

    /// As many as were asked for, rounded up to what fills the shape.
    fn count(&self) -> usize {
        let multiple = if self.options.pos_weight {
            COLUMNS
        } else {
            self.options.positions as usize
        };
        (self.options.elements as usize).next_multiple_of(multiple)
    }

    fn shape_of(&self, count: usize) -> Vec<usize> {
        let (classes, positions) = (self.classes(), self.options.positions as usize);
        match self.function.has_rows() {
            true if self.options.dim == 0 => vec![classes, count],
            true if positions > 1 => vec![count / positions, classes, positions],
            true => vec![count, classes],
            false if self.options.pos_weight => vec![count / COLUMNS, COLUMNS],
            false => vec![count],
        }
    }

    fn sample<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        self.sampler.sample(strategy)
    }

    fn uniform(&mut self, lo: f64, hi: f64) -> f64 {
        let x = self.sample(&(lo..hi));
        self.finite(x)
    }

    fn index(&mut self, len: usize) -> usize {
        self.sample(&(0..len))
    }

    fn sign(&mut self) -> f64 {
        if self.sample(&any::<bool>()) {
            1.0
        } else {
            -1.0
        }
    }

    /// The nearest number of the type that is not infinite.
    fn finite(&self, x: f64) -> f64 {
        let nearest = self.element.nearest(x);
        if nearest.is_infinite() && x.is_finite() {
            self.element.nearest(x.signum() * 60_000.0)
        } else {
            nearest
        }
    }

    /// A number a few units in the last place beside x, or x itself.
    fn beside(&mut self, x: f64) -> f64 {
        let bits = for_dtype!(Dtype::of(self.element), T => <T as Format>::MANTISSA_BITS);
        let steps = self.index(7) as f64 - 3.0;
        self.finite(x * (1.0 + steps * 2_f64.powi(1 - bits as i32)))
    }

    /// Beyond this nothing is left of exp(-x).
    fn end_of_tail(&self) -> f64 {
        let exponent = for_dtype!(Dtype::of(self.element), T => <T as Format>::MIN_EXPONENT);
        -f64::from(exponent) * std::f64::consts::LN_2 + 2.0
    }

    /// Kinds of units and their shares.
    fn plan(&self) -> Vec<(&'static str, usize)> {
        let mut plan = vec![("ordinary", 4)];
        let mut also = |kinds: &[(&'static str, usize)]| plan.extend_from_slice(kinds);
        let labels = !self.options.probabilities;
        let smooth = self.options.label_smoothing > 0.0;
        match self.domains() {
            Some((Domain::UnitInterval, _)) => also(&[
                ("edges", 2),
                ("tails", 2),
                ("tiny loss", 2),
                ("cancellation", 2),
            ]),
            Some((_, Domain::Any)) => also(&[("edges", 1), ("cancellation", 2)]),
            Some((_, Domain::UnitInterval)) => also(&[
                ("edges", 2),
                ("tails", 2),
                ("tiny loss", 3),
                ("tiny target", 1),
                ("cancellation", 2),
            ]),
            Some((_, Domain::HardLabels | Domain::Signs)) => also(&[("edges", 2), ("tails", 3)]),
            None => {}
        }
        match self.function {
            Function::NllLoss => {}
            Function::CrossEntropy | Function::Softmax | Function::LogSoftmax => {
                also(&[
                    ("ties of the maximum", 2),
                    ("tails", 2),
                    ("tiny loss", 3),
                    ("large logits", 1),
                ]);
                if !labels || smooth || self.is_softmax() {
                    also(&[("cancellation", 2)]);
                }
            }
            Function::Sigmoid | Function::LogSigmoid | Function::Softplus => {
                also(&[("edges", 2), ("tails", 3)]);
            }
            _ => {}
        }
        if self.options.ignore_index.is_some() {
            also(&[("ignored rows", 1)]);
        }
        if self.options.grad_output && !self.is_reduced() {
            also(&[("grad_output", 1)]);
        }
        if !self.is_reduced() {
            also(&[("near-ties", 3), ("every magnitude", 2)]);
            match self.function {
                _ if self.takes_probabilities() => {}
                Function::CrossEntropy | Function::Softmax | Function::LogSoftmax => {
                    also(&[("-inf", 1), ("limits", 1), ("NaN", 1)]);
                }
                _ => also(&[("limits", 1), ("NaN", 1)]),
            }
        } else if self.function == Function::CrossEntropy && labels && !smooth {
            also(&[("-inf", 1)]);
        }
        if self.options.hard_targets {
            // These are nothing without soft ones.
            plan.retain(|(kind, _)| !matches!(*kind, "tiny target" | "cancellation"));
        }
        plan
    }

    fn units(&mut self) -> Vec<Unit> {
        let plan = self.plan();
        let shares: usize = plan.iter().map(|(_, share)| share).sum();
        let count = self.count();
        let mut units: Vec<Unit> = vec![];
        let mut so_far = 0;
        for (kind, share) in plan {
            so_far += share;
            let end = count * so_far / shares;
            if kind == "near-ties" {
                let ties = self.near_ties(units.len(), end - units.len());
                units.extend(ties);
            } else {
                while units.len() < end {
                    let unit = self.unit(kind, units.len());
                    units.push(unit);
                }
            }
        }
        units
    }

    /// The unit at a place of the file.
    fn unit(&mut self, kind: &'static str, place: usize) -> Unit {
        let mut unit = Unit {
            kind,
            weight: 1.0,
            ..Unit::default()
        };
        if self.options.weight && !self.function.has_rows() {
            unit.weight = match self.index(6) {
                0 => 0.0,
                _ => self.uniform(0.25, 4.0),
            };
        }
        if self.function.has_rows() {
            self.row(&mut unit);
        } else {
            let (x, mut y) = self.element(kind, place);
            if self.options.hard_targets {
                y = y.round();
            }
            (unit.input, unit.target) = (vec![x], vec![y]);
        }
        let outputs = if self.is_softmax() { self.classes() } else { 1 };
        unit.grad_output = (0..outputs).map(|_| self.grad_output(kind)).collect();
        if kind == "cancellation" && self.is_softmax() {
            self.cancelling_grad_output(&mut unit);
        }
        unit
    }

    fn grad_output(&mut self, kind: &str) -> f64 {
        if kind == "grad_output" {
            let g = self.sample(&generate::grad_output(self.element));
            return self.finite(g);
        }
        if self.options.grad_output || self.is_softmax() {
            let sign = self.sign();
            return sign * self.uniform(0.25, 2.0);
        }
        1.0
    }

    /// An element's input and target.
    fn element(&mut self, kind: &str, place: usize) -> (f64, f64) {
        match self.domains() {
            Some((Domain::UnitInterval, _)) => self.pair_of_probabilities(kind),
            Some((_, Domain::Any)) => self.pair_of_numbers(kind),
            Some((_, Domain::UnitInterval)) => self.logit_and_target(kind, place),
            Some((_, target)) => {
                let no = if target == Domain::Signs { -1.0 } else { 0.0 };
                (self.logit(kind), [no, 1.0][self.index(2)])
            }
            None => (self.logit(kind), 0.0),
        }
    }

    /// What input and target of a loss of elements may be.
    fn domains(&self) -> Option<(Domain, Domain)> {
        let arguments = self.function.arguments()?;
        Some((arguments.input, arguments.target))
    }

    /// Whether inputs are probabilities.
    fn takes_probabilities(&self) -> bool {
        matches!(self.domains(), Some((Domain::UnitInterval, _)))
    }

    fn edge_logit(&mut self) -> f64 {
        let regressions = REGRESSIONS.map(|bits| f64::from(f32::from_bits(bits)));
        let mut edges = [&EDGE_LOGITS[..], &regressions].concat();
        if self.is_reduced() {
            // A huge one would be all that is seen of a mean.
            edges.retain(|x| *x <= 128.0);
        }
        let x = edges[self.index(edges.len())];
        let factor = self.sign_and_scale();
        let x = self.finite(x * factor);
        self.beside(x)
    }

    /// A sign, over beta: what happens at x happens at beta x.
    fn sign_and_scale(&mut self) -> f64 {
        self.sign() / self.options.beta
    }

    fn logit(&mut self, kind: &str) -> f64 {
        match kind {
            "edges" => self.edge_logit(),
            "tails" => {
                let x = self.uniform(8.0, self.end_of_tail());
                let factor = self.sign_and_scale();
                self.finite(x * factor)
            }
            "every magnitude" => {
                let x = self.sample(&generate::number(self.element));
                self.finite(x)
            }
            "limits" => self.sign() * f64::INFINITY,
            "NaN" => f64::NAN,
            _ => {
                let x = self.uniform(-12.0, 12.0);
                self.finite(x / self.options.beta)
            }
        }
    }

    fn pair_of_numbers(&mut self, kind: &str) -> (f64, f64) {
        let x = match kind {
            "every magnitude" => self.sample(&generate::number(self.element)),
            "limits" => self.sign() * f64::INFINITY,
            "NaN" => f64::NAN,
            "edges" => [0.0, 1.0, -1.0, 2_f64.powi(-24), 8.0][self.index(5)],
            _ => self.uniform(-8.0, 8.0),
        };
        let x = self.finite(x);
        let y = match kind {
            "cancellation" => self.beside(x),
            "edges" => [0.0, 1.0, x][self.index(3)],
            _ => self.uniform(-8.0, 8.0),
        };
        (x, y)
    }

    fn pair_of_probabilities(&mut self, kind: &str) -> (f64, f64) {
        let any = generate::probability(self.element);
        let in_range = |x: f64| x.clamp(0.0, 1.0);
        match kind {
            "edges" => {
                let ends = [0.0, 1.0, 0.5];
                (ends[self.index(3)], ends[self.index(3)])
            }
            // Small, down to where the clamp at -100 acts.
            "tails" => {
                let x = (-self.uniform(5.0, 102.0)).exp();
                (self.finite(x), [0.0, 1.0][self.index(2)])
            }
            "tiny loss" => {
                let x = self.beside(1.0);
                if self.sample(&proptest::bool::ANY) {
                    (in_range(x), 1.0)
                } else {
                    (self.element.nearest((1.0 - x).abs()), 0.0)
                }
            }
            "cancellation" => {
                let x = self.uniform(0.01, 0.99);
                (x, in_range(self.beside(x)))
            }
            "every magnitude" => (self.sample(&any), self.sample(&any)),
            _ => (
                self.uniform(0.01, 0.99),
                [0.0, 1.0, self.uniform(0.0, 1.0)][self.index(3)],
            ),
        }
    }

    fn logit_and_target(&mut self, kind: &str, place: usize) -> (f64, f64) {
        let hard = [0.0, 1.0][self.index(2)];
        match kind {
            "edges" | "tails" | "limits" | "NaN" => (self.logit(kind), hard),
            // On the cheap side.
            "tiny loss" => {
                let x = self.logit("tails").abs();
                (if hard == 1.0 { x } else { -x }, hard)
            }
            // What is lost where y times softplus(-x) is taken from a larger term.
            "tiny target" => {
                let x = -self.uniform(8.0, 25.0);
                let y = (-self.uniform(8.0, 25.0)).exp();
                (x, self.finite(y))
            }
            // (1 - y) sigma(x) = c y sigma(-x).
            "cancellation" => {
                let x = self.uniform(-4.0, 4.0);
                let c = match self.options.pos_weight {
                    true => self.shared_weight[place % COLUMNS],
                    false => 1.0,
                };
                let y = self.finite(1.0 / (1.0 + c * (-x).exp()));
                (x, self.beside(y).clamp(0.0, 1.0))
            }
            _ => {
                let soft = self.uniform(0.0, 1.0);
                (self.logit(kind), [hard, soft][self.index(2)])
            }
        }
    }

    /// A row's logits, its label and its probabilities.
    fn row(&mut self, unit: &mut Unit) {
        let classes = self.classes();
        let label = self.index(classes);
        let mut row: Vec<f64> = (0..classes).map(|_| self.uniform(-6.0, 6.0)).collect();
        let other = (label + 1 + self.index(classes.max(2) - 1)) % classes;
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match unit.kind {
            "ties of the maximum" => {
                let level = [0.0, -1.0, 30.0, 3.0][self.index(4)];
                let all = self.index(3) == 0;
                for x in &mut row {
                    if all || self.sample(&proptest::bool::ANY) {
                        *x = level;
                    }
                }
                row[label] = level;
                row[other] = level;
            }
            // Another class is far ahead: the probability of the label, and those of most classes, are tails.
            "tails" => {
                let ahead = self.uniform(8.0, self.end_of_tail() - 8.0);
                row[other] = self.finite(largest + ahead);
            }
            // The label itself is.
            "tiny loss" => {
                let ahead = self.uniform(8.0, self.end_of_tail() - 8.0);
                row[label] = self.finite(largest + ahead);
            }
            // Logits beside which the loss is small.
            "large logits" => {
                let offset = self.sign() * [1e3, 1e4][self.index(2)];
                for x in &mut row {
                    *x = self.finite(*x + offset);
                }
            }
            "every magnitude" => {
                for x in &mut row {
                    *x = self.logit("every magnitude");
                }
            }
            "-inf" => {
                for (j, x) in row.iter_mut().enumerate() {
                    // Now and then the label too, where each loss stands by itself: it is infinite then.
                    let spared = j == label && (self.is_reduced() || self.index(4) != 0);
                    if !spared && self.sample(&proptest::bool::ANY) {
                        *x = f64::NEG_INFINITY;
                    }
                }
            }
            "limits" => {
                let at = [label, other][self.index(2)];
                row[at] = f64::INFINITY;
            }
            "NaN" => row[label] = f64::NAN,
            // Whatever is in them, they count for nothing. (In a mean a single one would be all that is seen.)
            "ignored rows" if !self.is_reduced() => {
                row[label] = [0.0, f64::NEG_INFINITY, f64::NAN][self.index(3)];
            }
            _ => {}
        }
        unit.label = label as i64;
        if let Some(ignored) = self.options.ignore_index {
            if unit.kind == "ignored rows" {
                unit.label = ignored;
            } else if unit.label == ignored {
                unit.label = other as i64;
            }
        }
        let cancels = unit.kind == "cancellation";
        if cancels && self.options.label_smoothing > 0.0 && !self.options.probabilities {
            // v_j = V p_j with the label ahead by the logarithm of the ratio of its v to that of the others.
            let share = self.options.label_smoothing / classes as f64;
            let ahead = ((1.0 - self.options.label_smoothing + share) / share).ln();
            let level = self.uniform(-2.0, 2.0);
            row.fill(level);
            let x = self.finite(level + ahead);
            row[label] = self.beside(x);
        }
        unit.target = match unit.kind {
            "cancellation" => softmax(&row),
            "tiny loss" | "tails" | "limits" => (0..classes)
                .map(|j| f64::from(u8::from(j == label)))
                .collect(),
            _ => {
                let raw: Vec<f64> = (0..classes).map(|_| self.uniform(-3.0, 3.0)).collect();
                softmax(&raw)
            }
        };
        for q in &mut unit.target {
            *q = self.finite(*q);
        }
        if self.function == Function::NllLoss
            && !matches!(unit.kind, "every magnitude" | "ignored rows")
        {
            // Log-probabilities, near enough.
            for x in &mut row {
                *x = -x.abs();
            }
        }
        unit.input = row;
    }

    /// softmax: g_j - sum g p; log_softmax: g_j - p_j sum g.
    fn cancelling_grad_output(&mut self, unit: &mut Unit) {
        let p = softmax(&unit.input);
        for (g, p) in unit.grad_output.iter_mut().zip(p) {
            let level = if self.function == Function::Softmax {
                1.0
            } else {
                p
            };
            let level = self.finite(level);
            *g = self.beside(level);
        }
    }

    /// Of many candidates those whose exact losses, or gradients, lie nearest to a midpoint of two numbers of the type:
    /// the first half by their loss or output, the others by their gradient. Fewer than `count`, where that is too many.
    fn near_ties(&mut self, first: usize, count: usize) -> Vec<Unit> {
        let [most, least] = CANDIDATES;
        let affordable = ALL_CANDIDATES / self.classes();
        let count = count.min(affordable / least);
        let candidates = affordable.min(most * count);
        let columns = if self.options.pos_weight { COLUMNS } else { 1 };
        let positions = self.options.positions as usize;
        let candidates = candidates.next_multiple_of(columns * positions);
        let mut units: Vec<Unit> = (0..candidates)
            .map(|i| {
                let mut unit = self.unit("ordinary", i);
                unit.kind = "near-ties";
                unit
            })
            .collect();
        if units.is_empty() {
            return units;
        }
        let call = self.call(&units);
        let scores = for_dtype!(Dtype::of(self.element), T => {
            [oracle::forward(&call, TIE_PREC), oracle::backward(&call, TIE_PREC)].map(|exact| {
                // The larger the error of the nearest number, the nearer the midpoint.
                let score = |exact: &oracle::Exact| {
                    ulp::round::<T>(&exact.value).map_or(0.0, |x| ulp::error(x, &exact.value))
                };
                exact.iter().map(score).collect::<Vec<f64>>()
            })
        });
        let mut order: [Vec<usize>; 2] = scores.map(|scores| {
            let rows = self.function.has_rows().then(|| call.rows());
            let mut best = vec![0.0_f64; candidates];
            for (i, score) in scores.iter().enumerate() {
                let unit = match rows {
                    Some(rows) if scores.len() == call.input.len() => rows.row_of(i),
                    _ => i,
                };
                best[unit] = best[unit].max(*score);
            }
            let mut order: Vec<usize> = (0..candidates).collect();
            order.sort_by(|&a, &b| best[b].total_cmp(&best[a]));
            order
        });
        // A unit keeps its column, and with it its pos_weight.
        let mut chosen = vec![];
        for i in 0..count {
            let order = &mut order[usize::from(2 * i >= count)];
            let fits = |&candidate: &usize| {
                candidate % columns == (first + i) % columns && !units[candidate].input.is_empty()
            };
            if let Some(at) = order.iter().position(fits) {
                chosen.push(std::mem::take(&mut units[order.remove(at)]));
            }
        }
        chosen
    }

    /// The units as one call.
    fn call(&self, units: &[Unit]) -> Call {
        let shape = self.shape_of(units.len());
        let mut call = Call::new(self.function, &shape, &[]).reduction(self.options.reduction);
        call.dim = usize::from(self.options.dim);
        if shape.len() == 1 {
            call.dim = 0;
        }
        call.beta = self.options.beta;
        call.label_smoothing = self.options.label_smoothing;
        call.ignore_index = self.options.ignore_index.unwrap_or(call.ignore_index);
        let arrange = |numbers: &dyn Fn(&Unit) -> &Vec<f64>| {
            if !self.function.has_rows() {
                return units.iter().map(|unit| numbers(unit)[0]).collect();
            }
            let rows = call.rows();
            let mut arranged = vec![0.0; units.len() * rows.classes];
            for (row, unit) in units.iter().enumerate() {
                for (class, &x) in numbers(unit).iter().enumerate() {
                    arranged[rows.index(row, class)] = x;
                }
            }
            arranged
        };
        let input = arrange(&|unit| &unit.input);
        let values = arrange(&|unit| &unit.target);
        let mut grad_output: Vec<f64> = if self.is_softmax() {
            arrange(&|unit| &unit.grad_output)
        } else {
            units.iter().map(|unit| unit.grad_output[0]).collect()
        };
        if self.is_reduced() {
            grad_output = vec![if self.options.grad_output { -1.5 } else { 1.0 }];
        }
        call.input = input;
        call.grad_output = grad_output;
        let labels = matches!(self.function, Function::NllLoss | Function::CrossEntropy);
        call.target = match self.function {
            function if function.is_activation() => Target::None,
            _ if labels && !self.options.probabilities => {
                Target::Classes(units.iter().map(|unit| unit.label).collect())
            }
            _ => Target::Values(values),
        };
        if self.options.weight {
            call.weight = Some(match labels {
                true => self.shared_weight.clone(),
                false => units.iter().map(|unit| unit.weight).collect(),
            });
        }
        if self.options.pos_weight {
            call.pos_weight = Some(self.shared_weight.clone());
        }
        call
    }
}

/// Probabilities in f64, near enough to make inputs of.
fn softmax(row: &[f64]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let each: Vec<f64> = row.iter().map(|x| (x - largest).exp()).collect();
    let sum: f64 = each.iter().sum();
    each.iter().map(|e| e / sum).collect()
}
