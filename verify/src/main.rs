//! The `trueloss` command.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use trueloss_digest::call::ElementFunction;
use trueloss_verify::oracle::Function;
use trueloss_verify::{
    allocations, certificate, check, claims, coefficients, curves, eval, probe, report, search,
    soak, sweep,
};

/// So that `soak` sees that the kernels call it not once.
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// Loss functions whose every answer is the right one: what they promise, measured here.
///
/// Without a command, the report: for every function, element type and direction the worst error that was found, in
/// units in the last place, beside the bound that is promised. The exit status is 1 if one is broken.
#[derive(Parser)]
// An option of the report before a command would be dropped in silence.
#[command(name = "trueloss", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Of the report's random inputs: another seed, other inputs.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

/// The functions and the options of losses, for the help of commands that take them.
fn names() -> String {
    let functions = Function::ALL.map(|function| function.name()).join(", ");
    let losses = ElementFunction::LOSSES.into_iter();
    let options: Vec<&str> = losses
        .filter_map(ElementFunction::arguments)
        .flat_map(|of| of.numbers.iter().map(|&(name, _)| name))
        .collect();
    format!(
        "Functions: {functions}\n\nOptions of losses: {}",
        options.join(", ")
    )
}

#[derive(Subcommand)]
enum Command {
    /// Run the kernels on case files and write their answers.
    ///
    /// A case file is a safetensors file: tensors `input` (F32, F64, F16 or BF16), `target` (of the same type; class
    /// indices I64, I32 or U8), and where they apply `weight`, `pos_weight` and `grad_output` (ones if missing); metadata
    /// `function` (one of those below), `reduction` (none, mean or sum), `ignore_index`,
    /// `label_smoothing`, `dim`, `beta`, and a loss's options by their names in PyTorch, such as `delta`, all strings.
    ///
    /// The answers are a file of the same name with the tensors `loss` (for an activation `output`) and `grad_input`,
    /// of the input's type, and the same metadata. A case that fails takes one line on stderr, the others are still
    /// done, and the exit status is 1.
    #[command(after_long_help = names())]
    Eval {
        /// The case files.
        #[arg(required = true, value_name = "CASE.safetensors")]
        cases: Vec<PathBuf>,
        /// The directory for the answers; it is made if need be. Never one where an answer would overwrite a case.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Write a case file of hard inputs, for answers of your own.
    ///
    /// Edge cases, tails, ties, exact values near a midpoint of two numbers, sums that cancel, infinities, NaN. Fill in `loss`
    /// (for an activation `output`) and `grad_input`, the gradient times `grad_output`, in any language, and let
    /// `trueloss check` judge them. The tensors and metadata are those that `trueloss eval --help` describes; `kinds` in
    /// the metadata says of which kind the elements or rows are, in their order. The same options give the same file.
    #[command(after_long_help = format!("{}\n\nExample:\n  \
        trueloss probe cross_entropy --label-smoothing 0.1 --classes 100 --out probe.safetensors\n  \
        trueloss probe --all --out probes", names()))]
    Probe {
        /// PyTorch's name of the function, such as mse_loss: one of those below.
        #[arg(value_name = "FUNCTION", required_unless_present_any = ["all", "curves"])]
        function: Option<Function>,
        /// A probe of every function in each of its forms, into the directory `out`; of the options below only --dtype,
        /// --elements, --classes and --seed.
        #[arg(long, conflicts_with_all = ["function", "reduction", "weight", "pos_weight", "ignore_index",
            "label_smoothing", "probabilities", "hard_targets", "beta", "dim", "positions", "grad_output"])]
        all: bool,
        /// What the certificate's charts are made from: functions of one x, into the directory `out`; of the options below none.
        #[arg(long, conflicts_with_all = ["all", "function", "reduction", "dtype", "elements", "classes", "weight",
            "pos_weight", "ignore_index", "label_smoothing", "probabilities", "hard_targets", "beta", "dim", "positions",
            "grad_output", "seed"])]
        curves: bool,
        /// The file; with --all and --curves the directory.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        options: probe::Options,
    },
    /// Judge somebody else's answers: their errors in ULP, and what else is wrong with them.
    ///
    /// Reads case files (see `trueloss eval --help`, and `trueloss probe`, which writes hard ones) with `loss` or `output`,
    /// `grad_input`, or both, and compares each number with the exact value. Prints for each file and for all the worst
    /// and the mean error, the share above 1 ULP, zeros where the exact value does not round to zero, NaN and infinities
    /// where they are not due (or missing where they are), wrong signs, the worst answers with their inputs, and the worst
    /// error of trueloss on the same inputs; and where another convention explains the answers (what a mean is divided by,
    /// options that are ignored, signs, a softmax taken twice), which. (Not for inputs of more than 32,768 numbers.)
    ///
    /// An error is infinite where an answer is NaN or infinite and should not be, or the other way round. Means are of the
    /// others.
    ///
    /// A file that can't be judged takes one line on stderr, the others are still judged, and the exit status is 1.
    /// Otherwise it is 0 however large the errors are, unless --max-ulp says what is too large.
    #[command(after_long_help = "Example:\n  \
        trueloss check probes/*.safetensors --max-ulp 4 --json findings.json")]
    Check {
        /// The case files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Exit with status 1 where an answer's error is larger than this, or infinite.
        #[arg(long, value_name = "X", value_parser = check::max_ulp)]
        max_ulp: Option<f64>,
        /// Write what was found as JSON, too; `-` is stdout, without the tables. Numbers that JSON does not have are the
        /// strings "inf", "-inf" and "NaN".
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Try all inputs: functions of one argument on all 2^32 f32, losses of two on every pair of f16 and of bf16.
    ///
    /// Half a minute each, on all cores. One that is broken off goes on where it was when it is started again. The exit
    /// status is 1 if an answer to one argument is not correctly rounded, or one to a pair not within 0.5001 ULP; if a function that
    /// rises or falls throughout has answers that do not, from one f32 to the next; and if what was found is not what is on
    /// record in `verify/sweeps.txt`, which the certificate is made from.
    Sweep {
        /// sigmoid, logsigmoid, softplus, mse_loss, binary_cross_entropy, or a loss that has targets for which it is correctly
        /// rounded, such as binary_cross_entropy_with_logits; all of them, and the gradients of each, where none is named.
        #[arg(value_name = "FUNCTION")]
        functions: Vec<Function>,
        /// The gradient of binary_cross_entropy_with_logits at soft targets, too: for every f32 logit the target nearest to its
        /// sigmoid, which takes a quarter of an hour.
        #[arg(long)]
        soft_targets: bool,
        /// No pairs: functions of one argument alone, six minutes for all of them on two cores.
        #[arg(long, conflicts_with = "soft_targets")]
        one_argument: bool,
        /// Where it is kept what has been done.
        #[arg(long, value_name = "DIR", default_value = "target/sweep")]
        state: PathBuf,
        /// Forget what has been done before.
        #[arg(long)]
        fresh: bool,
        /// Write what was found into this record, and do not compare it with the one there.
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
    },
    /// Look for the worst case of functions of several arguments, by climbing from random calls.
    ///
    /// Prints, for each claim, the worst answer that is known. The call is kept as a case file where it is worse than the
    /// one there. The exit status is 1 if an answer is outside its bound.
    Search {
        /// PyTorch's name of a function; all of them where none is named.
        #[arg(value_name = "FUNCTION")]
        functions: Vec<Function>,
        /// How many steps for each claim.
        #[arg(long, default_value_t = 2000, value_name = "N")]
        steps: u32,
        /// Another seed, other starts.
        #[arg(long, default_value_t = 1, value_name = "N")]
        seed: u64,
        /// Where the worst calls are kept.
        #[arg(long, value_name = "DIR", default_value = "verify/worst")]
        out: PathBuf,
    },
    /// Try random calls, legal and illegal ones, of every function and element type, for as long as you like.
    ///
    /// Each is held to all that fuzzing holds a call to: what is refused and why, that nothing is written then, methods that
    /// agree to the bit, rows that do not see their neighbours, the bounds of the table by MPFR; the C interface and the reader
    /// of case files too. And no kernel may call the allocator. The same seed gives the same calls. What a call that
    /// fails was made from is kept as a file, which can be put into `fuzz/corpus`; the exit status is 1 then.
    #[command(after_long_help = "Example:\n  \
        trueloss soak --minutes 60 --seed 2\n  \
        trueloss soak --calls 100000")]
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = minutes)]
        minutes: f64,
        /// So many calls instead, however long they take.
        #[arg(long, value_name = "N", conflicts_with = "minutes")]
        calls: Option<u64>,
        /// Another seed, other calls.
        #[arg(long, default_value_t = 1, value_name = "N")]
        seed: u64,
        /// Where what fails is kept.
        #[arg(long, value_name = "DIR", default_value = "target/soak")]
        out: PathBuf,
    },
    /// Write ACCURACY.md: every claim, how it is shown, the worst case that is known, and charts.
    ///
    /// From the record of the sweeps, the proofs, the worst calls and the digests, in the root of the repository. The exit
    /// status is 1 if one of them is missing or of other answers.
    Certificate {
        /// Compare with what is there, and write nothing; the exit status is 1 if it is stale.
        #[arg(long)]
        check: bool,
        /// The root of the repository.
        #[arg(long, value_name = "DIR", default_value = ".")]
        root: PathBuf,
    },
    /// Print the table of bounds, as the README has it.
    Bounds,
    /// Print the polynomials of exp, log and log1p, found and bounded anew, as the Rust that the kernels contain.
    Coefficients,
}

fn minutes(text: &str) -> Result<f64, String> {
    // Up to a year.
    let number = text
        .parse()
        .ok()
        .filter(|x: &f64| *x > 0.0 && *x <= 525_600.0);
    number.ok_or_else(|| "expected a number above 0, of minutes up to a year".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        None => report::run(arguments.seed, report::Effort::REPORT),
        Some(Command::Bounds) => {
            print!("{}", claims::markdown());
            ExitCode::SUCCESS
        }
        Some(Command::Certificate { check, root }) => certificate::run(&root, check),
        Some(Command::Eval { cases, out }) => eval::run(&cases, &out),
        Some(Command::Probe {
            curves: true, out, ..
        }) => match curves::write(&out) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        Some(Command::Probe {
            function,
            options,
            out,
            ..
        }) => probe::run(function, &options, &out),
        Some(Command::Check {
            files,
            max_ulp,
            json,
        }) => check::run(&files, json.as_deref(), max_ulp),
        Some(Command::Sweep {
            functions,
            soft_targets,
            one_argument,
            state,
            fresh,
            record,
        }) => {
            let options = sweep::Options {
                soft_targets,
                one_argument,
                state,
                fresh,
                record,
            };
            sweep::run(&functions, &options)
        }
        Some(Command::Search {
            functions,
            steps,
            seed,
            out,
        }) => search::run(&functions, &out, steps, seed),
        Some(Command::Soak {
            minutes,
            calls,
            seed,
            out,
        }) => soak::run(&soak::Options {
            time: Duration::from_secs_f64(60.0 * minutes),
            calls,
            seed,
            out,
        }),
        Some(Command::Coefficients) => {
            print!("{}", coefficients::rust_source());
            ExitCode::SUCCESS
        }
    }
}
