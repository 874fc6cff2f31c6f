//! `trueloss sweep`: all inputs there are. Of the functions of one `f32` argument all 2^32, each compared with the correctly
//! rounded value: what the reference formula answers, and what the method for slices does, which has fast paths. Of the
//! losses of two arguments all pairs of 16-bit numbers.
//!
//! All cores, in parts. What a part comes to is written to a file as soon as it is known, so that a sweep
//! that was broken off goes on where it was. The file names the version and has a hash of the function's answers to some
//! inputs: what another function, or another version of it, has found is not counted.
//!
//! What whole sweeps have found is on record in `verify/sweeps.txt`: each sweep is compared with it, and the certificate is
//! made from it.

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

use trueloss::half::{bf16, f16};
use trueloss::{activation, bce_with_logits};

use crate::case::{self, Dtype};
use crate::claims::{self, Claim, Direction, Inputs, Outcome};
use crate::oracle::Function;
use crate::pairs::{self, Half};
use crate::{expansion, generate, monotone, report, soft};

/// What sweeps have found.
const RECORD: &str = include_str!("../sweeps.txt");

/// The first lines of a record.
const RECORD_HEADER: &str = "\
# What sweeps of all inputs have found. Written by `trueloss sweep --record verify/sweeps.txt`.
# sweep	hash of answers to some inputs	inputs	decided by MPFR	worst ULP	at	wrong
";

/// How many inputs of one argument a part has: as many as there are bits below the upper 12.
const PART_BITS: u32 = 20;

/// What is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A function of one argument, on all numbers.
    OneArgument,
    /// A loss of two, on all pairs of numbers of 16 bits.
    Pairs,
    /// A gradient, on all logits and the soft targets where it is hardest.
    SoftTargets,
}

/// All inputs of one function.
pub struct Sweep {
    kind: Kind,
    function: Function,
    /// Which of its arguments are swept, as the tables say it.
    case: String,
    /// The element type and the direction.
    of: String,
    parts: u32,
    /// How many inputs there are in all parts, where that is known beforehand.
    inputs: Option<u64>,
    /// Of the answers to some inputs.
    hash: u64,
    check: Box<dyn Fn(u32) -> Outcome + Send + Sync>,
}

impl Sweep {
    /// Of a claim about one argument; none if it has more.
    pub fn of_one_argument(claim: Claim) -> Option<Self> {
        let Inputs::OneArgument(..) = claim.inputs else {
            return None;
        };
        let edges = generate::edges().into_iter();
        let inputs: Vec<f32> = edges.chain(generate::spread(0, 1 << 16)).collect();
        Some(Self {
            kind: Kind::OneArgument,
            function: claim.function,
            case: claim.variant.to_owned(),
            of: format!("{} {}", claim.element.name(), claim.direction.name()),
            parts: 1 << (u32::BITS - PART_BITS),
            inputs: Some(1 << u32::BITS),
            hash: trueloss_digest::hash(&claims::answers(&claim, &inputs)),
            check: Box::new(move |part| check(&claim, part)),
        })
    }

    /// Of a loss of two arguments, on all pairs of numbers of a 16-bit format.
    pub fn of_pairs<T: Half>(function: Function, direction: Direction) -> Self {
        Self {
            kind: Kind::Pairs,
            function,
            case: "every pair".to_owned(),
            of: format!("{} {}", T::NAME, direction.name()),
            parts: pairs::PARTS,
            inputs: Some(pairs::count::<T>(function)),
            hash: trueloss_digest::hash(&pairs::sample::<T>(function, direction)),
            check: Box::new(move |part| pairs::check::<T>(function, direction, part)),
        }
    }

    /// Of the gradient of binary cross-entropy with logits at the soft targets where it is hardest, for every logit.
    pub fn of_soft_targets() -> Self {
        let gradient = |x: f32| {
            let y = trueloss::sigmoid(x);
            bce_with_logits::gradient::<f32>(x.into(), y.into(), 1.0) as f32
        };
        let sample: Vec<f32> = generate::spread(0, 1 << 16).map(gradient).collect();
        Self {
            kind: Kind::SoftTargets,
            function: Function::BinaryCrossEntropyWithLogits,
            case: "y nearest to sigma(x)".to_owned(),
            of: "f32 gradient".to_owned(),
            parts: 1 << (u32::BITS - PART_BITS),
            inputs: None,
            hash: trueloss_digest::hash(&sample),
            check: Box::new(|part| {
                let first = part << PART_BITS;
                // The last pattern of all is a NaN.
                soft::sweep_part(first..first.saturating_add(1 << PART_BITS))
            }),
        }
    }

    /// All of these functions, or of all; the one of soft targets, which takes long, if it is asked for.
    pub fn all(functions: &[Function], soft_targets: bool) -> Vec<Self> {
        let chosen = |function| functions.is_empty() || functions.contains(&function);
        let claims = claims::table().into_iter();
        let mut sweeps: Vec<Self> = claims
            .filter(|claim| chosen(claim.function))
            .filter_map(Self::of_one_argument)
            .collect();
        if soft_targets && chosen(Function::BinaryCrossEntropyWithLogits) {
            sweeps.push(Self::of_soft_targets());
        }
        for function in pairs::FUNCTIONS.into_iter().filter(|&f| chosen(f)) {
            for direction in [Direction::Forward, Direction::Gradient] {
                sweeps.push(Self::of_pairs::<f16>(function, direction));
                sweeps.push(Self::of_pairs::<bf16>(function, direction));
            }
        }
        sweeps
    }

    /// Function, case, element type and direction in one line.
    pub fn name(&self) -> String {
        let Self {
            function, case, of, ..
        } = self;
        let separator = if case.is_empty() { "" } else { ", " };
        format!("{function}{separator}{case}, {of}")
    }

    /// The function.
    pub fn function(&self) -> Function {
        self.function
    }

    /// Which of its arguments are swept.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// The element type and the direction.
    pub fn of(&self) -> &str {
        &self.of
    }

    /// What is promised.
    pub fn promise(&self) -> &'static str {
        match self.kind {
            Kind::OneArgument => "correctly rounded",
            Kind::Pairs | Kind::SoftTargets => "within 0.5001 ULP",
        }
    }

    /// What is swept.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where in a folder it is kept what has been done.
    fn file(&self, state: &Path) -> PathBuf {
        state.join(case::file_name(&self.name()) + ".txt")
    }

    /// What the record says of it, if that is of the answers which it gives now.
    pub fn recorded(&self) -> Option<Outcome> {
        let record = record(RECORD);
        let (hash, outcome) = record.get(&self.name())?;
        (*hash == self.hash).then(|| outcome.clone())
    }

    /// What the file begins with.
    fn header(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "trueloss {version}\t{}\tanswers {:016x}",
            self.name(),
            self.hash
        )
    }
}

/// How to sweep.
pub struct Options {
    /// Soft targets, too.
    pub soft_targets: bool,
    /// Functions of one argument alone.
    pub one_argument: bool,
    /// Where it is kept what has been done.
    pub state: PathBuf,
    /// Forget that.
    pub fresh: bool,
    /// Write what was found into this record.
    pub record: Option<PathBuf>,
}

/// Sweeps these functions, or all, and prints what was found. Status 1 if an answer is wrong, if the record says otherwise,
/// or if what was asked for can't be done.
pub fn run(functions: &[Function], options: &Options) -> ExitCode {
    let mut sweeps = Sweep::all(functions, options.soft_targets);
    if options.one_argument {
        sweeps.retain(|sweep| sweep.kind == Kind::OneArgument);
    }
    for function in functions {
        if !sweeps.iter().any(|sweep| sweep.function == *function) {
            if options.one_argument && !Sweep::all(&[*function], false).is_empty() {
                eprintln!("{function}: has two arguments, and --one-argument leaves pairs out");
            } else {
                eprintln!("{function}: has too many arguments for all of them to be tried");
            }
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
    for sweep in &sweeps {
        let start = Instant::now();
        let file = sweep.file(&options.state);
        let outcome = match sweep.run(0..sweep.parts, &file, options.fresh) {
            Ok(outcome) => outcome,
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                return ExitCode::FAILURE;
            }
        };
        let name = sweep.name();
        let is_whole = sweep.inputs.is_none_or(|inputs| inputs == outcome.inputs);
        let passes = outcome.passes() && is_whole;
        failed |= !passes;
        if !passes {
            let Outcome {
                failures,
                inputs,
                first_failure,
                ..
            } = &outcome;
            eprintln!(
                "{name}: {failures} of {inputs} are not {}, the first: {first_failure}",
                sweep.promise()
            );
        }
        let line = recorded_line(&name, sweep.hash, &outcome);
        match &options.record {
            Some(path) if passes => {
                if let Err(error) = write_record(path, &name, &line) {
                    eprintln!("{}: {error}", path.display());
                    return ExitCode::FAILURE;
                }
            }
            Some(_) => {}
            None if RECORD.lines().any(|recorded| recorded == line.trim_end()) => {}
            None => {
                eprintln!(
                    "{name}: another result than on record; --record verify/sweeps.txt writes it\n  {line}"
                );
                failed = true;
            }
        }
        table.add_row([
            sweep.function.name().to_owned(),
            sweep.case.clone(),
            sweep.of.clone(),
            report::grouped(outcome.inputs),
            report::grouped(outcome.enclosures),
            format!("{:.9}", outcome.worst_ulp),
            outcome.worst_at,
            format!("{:.0}", start.elapsed().as_secs_f64()),
            report::pass(passes).to_owned(),
        ]);
    }
    println!("{table}");
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// A sweep in the record.
fn recorded_line(name: &str, hash: u64, outcome: &Outcome) -> String {
    let Outcome {
        inputs,
        enclosures,
        worst_ulp,
        worst_at,
        failures,
        ..
    } = outcome;
    format!(
        "{name}\t{hash:016x}\t{inputs}\t{enclosures}\t{worst_ulp:.12}\t{worst_at}\t{failures}\n"
    )
}

/// The sweeps in a record, with the hash of the answers that they were of.
fn record(text: &str) -> BTreeMap<String, (u64, Outcome)> {
    let sweep = |line: &str| {
        let words: Vec<&str> = line.split('\t').collect();
        let [
            name,
            hash,
            inputs,
            enclosures,
            worst_ulp,
            worst_at,
            failures,
        ] = words[..]
        else {
            return None;
        };
        let outcome = Outcome {
            worst_ulp: worst_ulp.parse().ok()?,
            ..counts(inputs, enclosures, worst_at, failures)?
        };
        let hash = u64::from_str_radix(hash, 16).ok()?;
        Some((name.to_owned(), (hash, outcome)))
    };
    text.lines().filter_map(sweep).collect()
}

/// Puts a line into a record, in the place of one of the same sweep.
fn write_record(path: &Path, name: &str, line: &str) -> io::Result<()> {
    let old = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    let is_other = |line: &&str| line.split('\t').next() != Some(name) && !line.starts_with('#');
    let mut lines: Vec<&str> = old.lines().filter(is_other).collect();
    lines.push(line.trim_end());
    lines.sort_unstable();
    fs::write(path, RECORD_HEADER.to_owned() + &lines.join("\n") + "\n")
}

impl Sweep {
    /// Sweeps some parts, but for those that `file` has already, unless all is to be done afresh.
    ///
    /// # Errors
    ///
    /// What becomes of the file.
    pub fn run(&self, parts: Range<u32>, file: &Path, fresh: bool) -> io::Result<Outcome> {
        let header = self.header();
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
        let bar = bar(self.name(), parts.len(), parts.len() - left.len());
        let to = Mutex::new(to);
        let new: Vec<(u32, Outcome)> = left
            .into_par_iter()
            .map(|part| {
                let outcome = (self.check)(part);
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
}

/// Compares what the reference formula answers to the inputs of a part, and what the method for slices does, with the
/// correctly rounded value.
fn check(claim: &Claim, part: u32) -> Outcome {
    // Few enough at a time that they stay in a cache.
    const INPUTS: u32 = 1 << 16;
    let Inputs::OneArgument(argument, label) = claim.inputs else {
        return Outcome::default();
    };
    let (of_record, target) = (
        formula(claim.function, claim.direction),
        label.unwrap_or(0.0),
    );
    let mut answers = vec![0.0; INPUTS as usize];
    let mut outcome = Outcome::default();
    // The answers to the number before this part, which is in another one.
    let mut last = monotone::before(part << PART_BITS).map(|x| {
        of_record(&[x], target, &mut answers[..1]);
        [answers[0], claims::answers(claim, &[x])[0]]
    });
    for piece in 0..(1 << PART_BITS) / INPUTS {
        let first = (part << PART_BITS) + piece * INPUTS;
        let inputs: Vec<f32> = (0..INPUTS).map(|i| f32::from_bits(first + i)).collect();
        of_record(&inputs, target, &mut answers);
        let of_slices = claims::answers(claim, &inputs);
        let found = expansion::compare(argument, first, [&answers, &of_slices]);
        let described =
            |[x, got, right]: [f32; 3]| format!("x = {x:e}, got {got:e}, exact {right:e}");
        outcome = outcome.and(Outcome {
            inputs: u64::from(INPUTS),
            enclosures: found.undecided,
            worst_ulp: found.worst_ulp,
            worst_at: case::place(&[("x", found.worst_at.into())], Dtype::F32),
            failures: found.wrong,
            first_failure: found.first_wrong.map_or(String::new(), described),
            ..Outcome::default()
        });
        let turns = monotone::turns(argument, first, last, [&answers, &of_slices]);
        outcome = outcome.and(Outcome {
            failures: turns.count,
            first_failure: turns.first.map_or(String::new(), not_monotonic),
            ..Outcome::default()
        });
        let end = answers.len() - 1;
        last = Some([answers[end], of_slices[end]]);
    }
    outcome
}

/// Two neighbours and their answers, in the wrong order.
fn not_monotonic([[x, a], [next, b]]: [[f32; 2]; 2]) -> String {
    format!("not monotonic: {a:e} at x = {x:e}, {b:e} at its neighbour {next:e}")
}

/// A reference formula, for inputs and a target.
type Formula = fn(&[f32], f64, &mut [f32]);

/// The reference formulas in loops of their own: what the functions of one number are, and what all fast paths fall back
/// on.
macro_rules! formulas {
    ($($name:ident = |$x:ident, $y:ident| $value:expr;)*) => {$(
        #[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
        fn $name(inputs: &[f32], $y: f64, outputs: &mut [f32]) {
            for (output, &input) in outputs.iter_mut().zip(inputs) {
                let $x = f64::from(input);
                *output = $value as f32;
            }
        }
    )*};
}

formulas! {
    sigmoid = |x, _y| activation::sigmoid_value::<f32>(x);
    sigmoid_gradient = |x, _y| activation::sigmoid_gradient::<f32>(x);
    log_sigmoid = |x, _y| activation::log_sigmoid_value::<f32>(x);
    log_sigmoid_gradient = |x, _y| activation::log_sigmoid_gradient::<f32>(x);
    softplus = |x, _y| activation::softplus_value::<f32>(x, 1.0);
    softplus_gradient = |x, _y| activation::softplus_gradient::<f32>(x, 1.0);
}

macro_rules! losses_of_elements {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, {
        $Loss:ident, $snake:ident, kernels $f32:ident $f64:ident: $cost:ident;
        $title:literal
        formula $formula:literal;
        gradient $gradient:literal;
        source $source:literal;
        weights $weights:tt;
        options $options:tt
    };)*) => {
        $(mod $snake {
            loss!($snake, weights $weights, options $options);
        })*

        /// Those of a loss of elements: value and gradient.
        fn of_loss(function: Function) -> Option<[super::Formula; 2]> {
            match function {
                $(Function::$variant => $snake::FORMULAS,)*
                _ => None,
            }
        }
    };
}

/// A loss with options has more than one argument, whatever the target.
macro_rules! loss {
    ($snake:ident, weights (weight pos_weight), options {}) => {
        formulas! {
            value = |x, y| trueloss::$snake::value::<f32>(x, y, 1.0);
            gradient = |x, y| trueloss::$snake::gradient::<f32>(x, y, 1.0);
        }
        pub(super) const FORMULAS: Option<[super::super::Formula; 2]> = Some([value, gradient]);
    };
    ($snake:ident, weights $weights:tt, options {}) => {
        formulas! {
            value = |x, y| trueloss::$snake::value::<f32>(x, y);
            gradient = |x, y| trueloss::$snake::gradient::<f32>(x, y);
        }
        pub(super) const FORMULAS: Option<[super::super::Formula; 2]> = Some([value, gradient]);
    };
    ($snake:ident, weights $weights:tt, options $options:tt) => {
        pub(super) const FORMULAS: Option<[super::super::Formula; 2]> = None;
    };
}

mod losses {
    use crate::oracle::Function;

    trueloss::each_elementwise_loss!(losses_of_elements, 'static, f32);

    pub(super) fn formulas(function: Function) -> Option<[super::Formula; 2]> {
        of_loss(function)
    }
}

fn formula(function: Function, direction: Direction) -> Formula {
    let [value, gradient] = match function {
        Function::Sigmoid => [sigmoid as Formula, sigmoid_gradient],
        Function::LogSigmoid => [log_sigmoid as Formula, log_sigmoid_gradient],
        Function::Softplus => [softplus as Formula, softplus_gradient],
        function => losses::formulas(function)
            .unwrap_or_else(|| panic!("{function}: more than one argument")),
    };
    match direction {
        Direction::Forward => value,
        Direction::Gradient => gradient,
    }
}

fn bar(name: String, parts: usize, done: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {elapsed}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(parts as u64)
        .with_style(style)
        .with_message(name);
    bar.set_position(done as u64);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
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

/// What the words say of an outcome that parts and records have in common.
fn counts(inputs: &str, enclosures: &str, worst_at: &str, failures: &str) -> Option<Outcome> {
    Some(Outcome {
        inputs: inputs.parse().ok()?,
        enclosures: enclosures.parse().ok()?,
        worst_at: worst_at.to_owned(),
        failures: failures.parse().ok()?,
        ..Outcome::default()
    })
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
            worst_ulp: f64::from_bits(u64::from_str_radix(worst_ulp, 16).ok()?),
            first_failure: first_failure.to_owned(),
            ..counts(inputs, enclosures, worst_at, failures)?
        };
        Some((part.parse().ok()?, outcome))
    };
    Some((rest.lines().filter_map(part).collect(), whole))
}
