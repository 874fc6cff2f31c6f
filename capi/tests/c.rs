//! The interface as C and C++ use it: programs are compiled against the header, linked with the static and with the
//! shared library, and run.

#![cfg(unix)]

mod list;

use list::{ENTRIES, Entry, status};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use trueloss::device::{Domain, FromOptions, NUMBERS, Options};
use trueloss::{
    Classes, CrossEntropy, Element, Error, LogSigmoid, LogSoftmax, Nll, Partial, Reduction,
    Sigmoid, Softmax, Softplus, accuracy, binary_accuracy,
};
use trueloss_digest::call::{Core, Direction, ElementCall, ElementFunction, Library};

const LOGITS: [f64; 12] = [
    0.5, -2.25, 40.0, 1.1, -0.3, 17.5, 3.0, -40.0, 0.0, 2.7, -1e-3, 0.9,
];
const TARGETS: [f64; 12] = [1.0, 0.0, 0.25, 1.0, 0.9, 0.0, 0.1, 1.0, 0.5, 0.0, 0.75, 1.0];
const HARD_LABELS: [f64; 12] = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
const SIGNS: [f64; 12] = [
    1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0,
];
const PROBABILITIES: [f64; 12] = [
    0.3, 0.999, 1e-7, 1.0, 0.0, 0.5, 0.62, 0.1, 0.01, 0.7, 0.45, 0.88,
];
const GRADS: [f64; 12] = [
    1.0, -0.5, 2.0, 0.3, 1e3, -7.0, 0.01, 1.5, -2.5, 0.125, 3.3, -1.0,
];
const FACTORS: [f64; 4] = [0.3, 2.0, 1.25, 0.7];
const LABELS: [i64; 4] = [0, 2, -100, 1];
const LABELS_2: [i64; 4] = [0, 2, 1, 2];
const GRAD_OUTPUT: f64 = 0.75;
const LABEL_SMOOTHING: f64 = 0.1;
const BETA: f64 = 2.5;
/// Options of losses of elements: no default, and legal for all that there are.
const OPTIONS: [f64; NUMBERS] = [0.75, 1.5];
const SHAPE: [usize; 3] = [2, 3, 2];

/// The data as C's macros.
fn data() -> String {
    fn list<T: std::fmt::Debug>(numbers: &[T]) -> String {
        let numbers: Vec<_> = numbers.iter().map(|n| format!("{n:?}")).collect();
        numbers.join(", ")
    }
    [
        ("LOGITS", list(&LOGITS)),
        ("TARGETS", list(&TARGETS)),
        ("HARD_LABELS", list(&HARD_LABELS)),
        ("SIGNS", list(&SIGNS)),
        ("PROBABILITIES", list(&PROBABILITIES)),
        ("GRADS", list(&GRADS)),
        ("FACTORS", list(&FACTORS)),
        ("LABELS", list(&LABELS)),
        ("LABELS_2", list(&LABELS_2)),
        ("GRAD_OUTPUT", list(&[GRAD_OUTPUT])),
        ("LABEL_SMOOTHING", list(&[LABEL_SMOOTHING])),
        ("BETA", list(&[BETA])),
    ]
    .map(|(name, numbers)| format!("#define {name} {numbers}\n"))
    .concat()
}

/// What C calls an array of a loss of elements, and the numbers in it.
fn array(domain: Domain, of_any: &'static str) -> (&'static str, [f64; 12]) {
    match domain {
        Domain::Any if of_any == "logits" => (of_any, LOGITS),
        Domain::Any => (of_any, TARGETS),
        Domain::UnitInterval if of_any == "logits" => ("probabilities", PROBABILITIES),
        Domain::UnitInterval => ("targets", TARGETS),
        Domain::HardLabels => ("hard_labels", HARD_LABELS),
        Domain::Signs => ("signs", SIGNS),
    }
}

/// What is wrong with an array of which a number is NaN.
fn error_of(domain: Domain) -> Option<&'static str> {
    let nan = [0.0, 0.0, 0.0, f64::NAN];
    domain
        .check(trueloss::Argument::Target, &nan[3..])
        .err()
        .map(status)
}

/// The part of the C program that is about the losses of elements.
fn losses_in_c() -> String {
    let mut show = String::new();
    let mut partials = String::new();
    let mut refuse = String::new();
    for entry in ENTRIES {
        show += &show_in_c(entry);
        partials += &partials_in_c(entry);
        refuse += &refuse_in_c(entry);
    }
    format!(
        "static void LOCAL(show_losses_of_elements)(void) {{
    const REAL *g = LOCAL(grads), *w = LOCAL(weights);
    REAL loss, out[ELEMENTS];
{show}}}

static void LOCAL(show_partials_of_elements)(void) {{
    const REAL *x = LOCAL(many_inputs);
    F(partial) whole, rest;
    REAL loss;
{partials}}}

static void LOCAL(refuse_losses_of_elements)(void) {{
    REAL *one = &LOCAL(loss), bad[ELEMENTS];
    trueloss_error error;
    size_t i;
{refuse}}}
"
    )
}

/// Options that are numbers, as arguments.
fn in_c(numbers: &[f64]) -> String {
    let number = |x: &f64| {
        if x.is_nan() {
            "NAN, ".to_owned()
        } else {
            format!("{x:?}, ")
        }
    };
    numbers.iter().map(number).collect()
}

/// The name of its options, for either type.
fn options_in_c(entry: &Entry) -> String {
    if entry.weights.is_empty() {
        entry.options_of("")
    } else {
        format!("F({}_options)", entry.name)
    }
}

fn show_in_c(entry: &Entry) -> String {
    let (arguments, name) = (entry.arguments(), entry.name);
    let (x, y) = (
        array(arguments.input, "logits").0,
        array(arguments.target, "targets").0,
    );
    let numbers = in_c(&OPTIONS[..entry.options.len()]);
    let call = format!("LOSS({name}, , ELEMENTS, LOCAL({x}), LOCAL({y}), ELEMENTS, {numbers}");
    let weight = |(weight, from): (&&str, &str)| {
        let len = if from == "w" { 4 } else { 3 };
        format!("        options.{weight} = {from};\n        options.{weight}_len = {len};\n")
    };
    let weights: String = entry
        .weights
        .iter()
        .zip(["w", "w + 1"])
        .map(weight)
        .collect();
    format!(
        "    {{
        {} options = ZERO;
        {call}NULL);
        {call}&options);
        options.reduction = TRUELOSS_REDUCTION_SUM;
{weights}        {call}&options);
    }}
",
        options_in_c(entry)
    )
}

/// What `y` is of many.
fn many(domain: Domain) -> &'static str {
    match domain {
        Domain::Any | Domain::UnitInterval => "many_targets",
        Domain::HardLabels => "many_hard_labels",
        Domain::Signs => "many_signs",
    }
}

fn partials_in_c(entry: &Entry) -> String {
    let numbers = in_c(&OPTIONS[..entry.options.len()]);
    let (name, y) = (entry.name, many(entry.arguments().target));
    format!("    PARTIALS_OF_ELEMENTS({name}, LOCAL({y}), {numbers}NULL);\n")
}

fn refuse_in_c(entry: &Entry) -> String {
    let (arguments, name) = (entry.arguments(), entry.name);
    let (x, y) = (
        array(arguments.input, "logits").0,
        array(arguments.target, "targets").0,
    );
    let count = entry.options.len();
    let call = |y: &str, numbers: &[f64]| {
        let numbers = in_c(numbers);
        format!("F({name}_forward)(LOCAL({x}), {y}, ELEMENTS, {numbers}&options, one)")
    };
    let good = format!("LOCAL({y})");
    let mut text = format!(
        "    {{
        {} options = ZERO;
        options.error = &error;
        options.reduction = 2;
        REFUSED_AT(REDUCTION, REDUCTION, 0, 0, 0, {});
        options.reduction = TRUELOSS_REDUCTION_SUM;
        for (i = 0; i < ELEMENTS; i++) bad[i] = LOCAL({y})[i];
        bad[3] = (REAL)NAN;
",
        options_in_c(entry),
        call(&good, &OPTIONS[..count])
    );
    if let Some(status) = error_of(arguments.target) {
        let call = call("bad", &OPTIONS[..count]);
        text += &format!("        REFUSED_AT({status}, TARGET, 3, 0, 0, {call});\n");
    }
    for (at, (option, _)) in entry.options.iter().enumerate() {
        let mut numbers = OPTIONS;
        numbers[at] = f64::NAN;
        let (status, about) = (status(entry.error_of_option(at)), option.to_uppercase());
        let call = call(&good, &numbers[..count]);
        text += &format!(
            "        REFUSED_AT({status}, {about}, 0, 0, 0, {call});
        HOLDS(strcmp(trueloss_argument_name(error.argument), \"{option}\") == 0);
"
        );
    }
    text + "    }\n"
}

/// An element type, and how C's program prints it.
trait Real: Element {
    const SUFFIX: &'static str;
    fn bits(self) -> String;
}

impl Real for f32 {
    const SUFFIX: &'static str = "f32";
    fn bits(self) -> String {
        format!("{:08x}", self.to_bits())
    }
}

impl Real for f64 {
    const SUFFIX: &'static str = "f64";
    fn bits(self) -> String {
        format!("{:016x}", self.to_bits())
    }
}

fn narrow<T: Real, const N: usize>(numbers: [f64; N]) -> [T; N] {
    numbers.map(T::narrow)
}

/// The lines that the C program is to print.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn show<T: Real>(&mut self, name: &str, numbers: &[T]) {
        let bits: Vec<_> = numbers.iter().map(|x| x.bits()).collect();
        self.0
            .push(format!("{name}_{} {}", T::SUFFIX, bits.join(" ")));
    }
}

/// The five ways to call a loss, as the macro LOSS of the C program does.
macro_rules! loss {
    (
        $lines:ident, $T:ty, $options:expr, $input:expr, $target:expr, $losses:expr, $name:literal, $suffix:literal,
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident, $forward_backward:ident
    ) => {{
        let (options, input, target, losses) = ($options, $input, $target, $losses);
        let grads = narrow::<$T, 12>(GRADS);
        let (mut each, mut grad) = (vec![<$T>::default(); losses], [<$T>::default(); 12]);
        let loss = options.$forward(input, target)?;
        $lines.show(concat!($name, "_forward", $suffix), &[loss]);
        options.$forward_each(input, target, &mut each)?;
        $lines.show(concat!($name, "_forward_each", $suffix), &each);
        options.$backward(input, target, <$T>::narrow(GRAD_OUTPUT), &mut grad)?;
        $lines.show(concat!($name, "_backward", $suffix), &grad);
        options.$backward_each(input, target, &grads[..losses], &mut grad)?;
        $lines.show(concat!($name, "_backward_each", $suffix), &grad);
        let loss = options.$forward_backward(input, target, &mut grad)?;
        $lines.show(concat!($name, "_forward_backward", $suffix), &[loss]);
        $lines.show(concat!($name, "_forward_backward", $suffix), &grad);
    }};
    ($lines:ident, $T:ty, $options:expr, $input:expr, $target:expr, $losses:expr, $name:literal) => {
        loss!(
            $lines,
            $T,
            $options,
            $input,
            $target,
            $losses,
            $name,
            "",
            forward,
            forward_each,
            backward,
            backward_each,
            forward_backward
        )
    };
    (probabilities, $lines:ident, $T:ty, $options:expr, $input:expr, $target:expr) => {
        loss!(
            $lines,
            $T,
            $options,
            $input,
            $target,
            4,
            "cross_entropy",
            "_probabilities",
            forward_probabilities,
            forward_each_probabilities,
            backward_probabilities,
            backward_each_probabilities,
            forward_backward_probabilities
        )
    };
}

fn show_losses_of_elements<T: Real>(lines: &mut Lines) -> Result<(), Error> {
    let (grads, w) = (narrow::<T, 12>(GRADS), narrow::<T, 4>(FACTORS));
    for entry in ENTRIES {
        let arguments = entry.arguments();
        let x = narrow::<T, 12>(array(arguments.input, "logits").1);
        let y = narrow::<T, 12>(array(arguments.target, "targets").1);
        let plain = ElementCall {
            target: &y,
            grad_output: T::narrow(GRAD_OUTPUT),
            grad_outputs: &grads,
            numbers: OPTIONS,
            ..ElementCall::new(entry.function, Direction::Forward, &x)
        };
        let every_option = ElementCall {
            reduction: Reduction::Sum,
            weight: Some(&w),
            pos_weight: Some(&w[1..]),
            ..plain
        };
        for call in [plain, plain, every_option] {
            for direction in Direction::ALL {
                let call = ElementCall { direction, ..call };
                let mut out = vec![T::default(); call.outputs()];
                let loss = Core.elements(&call, &mut out)?;
                let name = format!("{}_{}", entry.name, direction.name());
                if let Some(loss) = loss {
                    lines.show(&name, &[loss]);
                }
                if !out.is_empty() {
                    lines.show(&name, &out);
                }
            }
        }
    }
    Ok(())
}

fn show_losses_of_rows<T: Real>(lines: &mut Lines) -> Result<(), Error> {
    let (x, y) = (narrow::<T, 12>(LOGITS), narrow::<T, 12>(TARGETS));
    let w = narrow::<T, 4>(FACTORS);
    let rows = Classes::new(&x, SHAPE)?;
    for _ in 0..3 {
        loss!(lines, T, Nll::new(), rows, &LABELS, 4, "nll");
        loss!(
            lines,
            T,
            CrossEntropy::new(),
            rows,
            &LABELS,
            4,
            "cross_entropy"
        );
        loss!(probabilities, lines, T, CrossEntropy::new(), rows, &y);
    }
    let sum = Reduction::Sum;
    let nll = Nll::new().reduction(sum).weight(&w[1..]).ignore_index(2);
    let cross_entropy = CrossEntropy::new().reduction(sum).weight(&w[1..]);
    let cross_entropy = cross_entropy
        .ignore_index(2)
        .label_smoothing(LABEL_SMOOTHING);
    loss!(lines, T, nll, rows, &LABELS_2, 4, "nll");
    loss!(lines, T, cross_entropy, rows, &LABELS_2, 4, "cross_entropy");
    loss!(probabilities, lines, T, cross_entropy, rows, &y);
    Ok(())
}

/// The partial of a loss of elements, of the whole.
fn partial_of_elements<T: Real>(
    function: ElementFunction,
    x: &[T],
    y: &[T],
) -> Result<Partial<T>, Error> {
    macro_rules! partial {
        ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, $about:tt;)*) => {
            match function {
                $(ElementFunction::$variant => <$loss>::from_options(Options {
                    reduction: Reduction::Mean,
                    weight: T::ONE,
                    pos_weight: T::ONE,
                    numbers: OPTIONS,
                })
                .partial(x, y, 0),)*
                other => panic!("{} is no loss", other.name()),
            }
        };
    }
    trueloss::each_elementwise_loss!(partial, '_, T)
}

/// Partials of the C program are merged; here one is made of the whole.
fn show_partials<T: Real>(lines: &mut Lines) -> Result<(), Error> {
    let rows = trueloss::BLOCK + 100;
    let fractions = |of: usize| -> Vec<T> {
        let fraction = |i: usize| T::narrow((i % (of + 1)) as f64 / of as f64);
        (0..rows * 3).map(fraction).collect()
    };
    let (x, y) = (fractions(16), fractions(4));
    let labels: Vec<i64> = (0..rows as i64).map(|i| i % 3).collect();
    let input = Classes::new(&x, [rows, 3])?;
    let mut show = |name: &str, partial: Partial<T>| -> Result<(), Error> {
        lines.show(name, &[partial.finish(Reduction::Mean)?]);
        lines.show(name, &[partial.finish(Reduction::Sum)?]);
        Ok(())
    };
    let alternating = |no: f64| -> Vec<T> {
        let target = |i| T::narrow(if i % 2 == 0 { no } else { 1.0 });
        (0..rows).map(target).collect()
    };
    let (hard_labels, signs) = (alternating(0.0), alternating(-1.0));
    for entry in ENTRIES {
        let target = match many(entry.arguments().target) {
            "many_hard_labels" => &hard_labels,
            "many_signs" => &signs,
            _ => &y[..rows],
        };
        let partial = partial_of_elements(entry.function, &x[..rows], target)?;
        show(&format!("{}_partial", entry.name), partial)?;
    }
    show("nll_partial", Nll::new().partial(input, &labels, 0)?)?;
    let cross_entropy = CrossEntropy::new();
    show(
        "cross_entropy_partial",
        cross_entropy.partial(input, &labels, 0)?,
    )?;
    let partial = cross_entropy.partial_probabilities(input, &y, 0)?;
    show("cross_entropy_partial_probabilities", partial)
}

/// An activation's values and gradients.
macro_rules! activation {
    ($lines:ident, $T:ty, $function:expr, $input:expr, $name:literal) => {{
        let mut out = [<$T>::default(); 12];
        $function.forward($input, &mut out)?;
        $lines.show(concat!($name, "_forward"), &out);
        $function.backward($input, &narrow::<$T, 12>(GRADS), &mut out)?;
        $lines.show(concat!($name, "_backward"), &out);
    }};
}

fn show<T: Real>(lines: &mut Lines) -> Result<(), Error> {
    let (x, y) = (narrow::<T, 12>(LOGITS), narrow::<T, 12>(TARGETS));
    show_losses_of_elements::<T>(lines)?;
    show_losses_of_rows::<T>(lines)?;
    show_partials::<T>(lines)?;
    activation!(lines, T, Sigmoid::new(), &x, "sigmoid");
    activation!(lines, T, LogSigmoid::new(), &x, "log_sigmoid");
    activation!(lines, T, Softplus::new().beta(BETA), &x, "softplus");
    for dim in 0..3 {
        let rows = Classes::along(&x, SHAPE, dim)?;
        activation!(lines, T, Softmax::new(), rows, "softmax");
        activation!(lines, T, LogSoftmax::new(), rows, "log_softmax");
    }
    let rows = Classes::new(&x, SHAPE)?;
    lines.show("accuracy", &[accuracy(rows, &LABELS_2)?]);
    lines.show("binary_accuracy", &[binary_accuracy(&x, &y)?]);
    Ok(())
}

/// What the C program prints, for each SIMD width that this machine has.
fn expected() -> Vec<String> {
    let mut lines = Lines(vec![format!("version {}", env!("CARGO_PKG_VERSION"))]);
    let widest = trueloss::dispatch::width();
    for width in trueloss::dispatch::Width::ALL {
        if width <= widest {
            lines.0.push("width".to_owned());
            show::<f32>(&mut lines).expect("the arguments are right");
            show::<f64>(&mut lines).expect("the arguments are right");
        }
    }
    lines.0
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Language {
    C,
    Cpp,
}

impl Language {
    /// The compiler: what the environment says, or what such a system has.
    fn compiler(self) -> OsString {
        let (variable, usual) = match self {
            Self::C => ("CC", "cc"),
            Self::Cpp => ("CXX", "c++"),
        };
        std::env::var_os(variable).unwrap_or_else(|| usual.into())
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::C => &["-std=c99", "-x", "c"],
            Self::Cpp => &["-std=c++11", "-x", "c++"],
        }
    }

    fn exists(self) -> bool {
        Command::new(self.compiler())
            .arg("--version")
            .output()
            .is_ok()
    }
}

#[derive(Clone, Copy, Debug)]
enum Link {
    Static,
    Shared,
}

/// The libraries that cargo has built for this very run: they lie where this test does.
fn library(link: Link) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let name = match link {
        Link::Static => "libtrueloss_capi.a".to_owned(),
        Link::Shared => format!("libtrueloss_capi{}", std::env::consts::DLL_SUFFIX),
    };
    let library = test.with_file_name(name);
    assert!(library.is_file(), "{} is missing", library.display());
    library
}

fn package(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Writes what the program includes that is made here.
fn write_made(folder: &Path) {
    for (name, text) in [("data.h", data()), ("losses.inc", losses_in_c())] {
        fs::write(folder.join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Compiles a program, links it as README.md says, runs it, and returns what it prints.
fn run(source: &Path, language: Language, link: Link) -> String {
    let name = source.file_stem().unwrap().to_string_lossy();
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{language:?}-{link:?}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    // Alone in its folder, so that the linker has no choice.
    let library = library(link);
    let copy = folder.join(library.file_name().unwrap());
    fs::copy(&library, copy).expect("the library can be copied");
    write_made(&folder);

    let program = folder.join("program");
    let mut compile = Command::new(language.compiler());
    compile
        .args(language.flags())
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"])
        .arg("-I")
        .arg(package("include"))
        .arg("-I")
        .arg(&folder)
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg("-L")
        .arg(&folder)
        .arg("-ltrueloss_capi");
    match link {
        Link::Static => compile.args(["-lpthread", "-ldl", "-lm"]),
        Link::Shared => compile.arg(format!("-Wl,-rpath,{}", folder.display())),
    };
    let output = compile
        .output()
        .unwrap_or_else(|error| panic!("these tests need a C compiler: {compile:?}: {error}"));
    assert!(
        output.status.success(),
        "{compile:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let output = Command::new(&program)
        .output()
        .expect("the program can be run");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{language:?}, {link:?}: {}\n{}",
        output.status,
        // What is not an answer is a complaint.
        printed
            .lines()
            .filter(|line| line.contains(".c:"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    printed
}

fn gives_the_bits_of_rust(language: Language, link: Link) {
    let printed = run(&package("tests/c/check.c"), language, link);
    let expected = expected();
    for (number, (printed, expected)) in printed.lines().zip(&expected).enumerate() {
        assert_eq!(printed, expected, "line {number}");
    }
    assert_eq!(printed.lines().count(), expected.len());
}

#[test]
fn c_with_the_static_library() {
    gives_the_bits_of_rust(Language::C, Link::Static);
}

#[test]
fn c_with_the_shared_library() {
    gives_the_bits_of_rust(Language::C, Link::Shared);
}

#[test]
fn cpp_with_either_library() {
    if !Language::Cpp.exists() {
        // Straight to stderr, as what a test that passes prints is not shown.
        let compiler = Language::Cpp.compiler();
        let _ = writeln!(std::io::stderr(), "skipped: no C++ compiler {compiler:?}");
        return;
    }
    gives_the_bits_of_rust(Language::Cpp, Link::Static);
    gives_the_bits_of_rust(Language::Cpp, Link::Shared);
}

/// The example in README.md, which also says what it prints.
#[test]
fn the_example_of_the_readme() {
    let readme = fs::read_to_string(package("README.md")).expect("there is a README.md");
    let between = |before: &str, after: &str| {
        let (_, rest) = readme.split_once(before).expect(before);
        rest.split_once(after).expect(after).0
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    fs::create_dir_all(&folder).expect("a folder for the example");
    let source = folder.join("example.c");
    fs::write(&source, between("```c\n", "```")).expect("the example can be written");
    for link in [Link::Static, Link::Shared] {
        let printed = run(&source, Language::C, link);
        assert_eq!(printed.trim_end(), between("It prints `", "`"));
    }
}

/// No function of the header is left out by the program above.
#[test]
fn the_program_calls_every_function() {
    let mut preprocess = Command::new(Language::C.compiler());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("preprocessed");
    fs::create_dir_all(&folder).expect("a folder for what is made");
    write_made(&folder);
    preprocess
        .args(["-E", "-P", "-I"])
        .arg(package("include"))
        .arg("-I")
        .arg(folder)
        .arg(package("tests/c/check.c"));
    let output = preprocess
        .output()
        .unwrap_or_else(|error| panic!("these tests need a C compiler: {preprocess:?}: {error}"));
    assert!(output.status.success(), "{preprocess:?}");
    let program = String::from_utf8_lossy(&output.stdout);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names: Vec<_> = program.split(|c| !is_name(c)).collect();

    let header = fs::read_to_string(package("include/trueloss.h")).expect("there is a header");
    let functions: Vec<_> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#', '}']))
        .filter_map(|line| line.split_once('(')?.0.split(|c| !is_name(c)).next_back())
        .collect();
    assert!(functions.len() > 100, "{} functions", functions.len());
    for function in functions {
        let mentions = names.iter().filter(|&&name| name == function).count();
        assert!(mentions > 1, "{function} is declared and never called");
    }
}
