//! The `trueloss` command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trueloss_verify::oracle::Function;
use trueloss_verify::{claims, coefficients, eval, report, sweep};

/// Loss functions whose every answer is the right one: what they promise, measured here.
///
/// Without a command, the report: for every function, element type and direction the worst error that was found, in
/// units in the last place, beside the bound that is promised. The exit status is 1 if one is broken.
#[derive(Parser)]
#[command(name = "trueloss", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Of the report's random inputs: another seed, other inputs.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Run the kernels on case files and write their answers.
    ///
    /// A case file is a safetensors file: tensors `input` (F32 or F64), `target` (of the same type; class indices
    /// I64, I32 or U8), and where they apply `weight`, `pos_weight` and `grad_output` (ones if missing); metadata
    /// `function` (mse_loss, binary_cross_entropy, binary_cross_entropy_with_logits, nll_loss, cross_entropy, sigmoid,
    /// logsigmoid, softplus, softmax or log_softmax), `reduction` (none, mean or sum), `ignore_index`,
    /// `label_smoothing`, `dim` and `beta`, all strings.
    ///
    /// The answers are a file of the same name with the tensors `loss` (for an activation `output`) and `grad_input`,
    /// of the input's type, and the same metadata. A case that fails takes one line on stderr, the others are still
    /// done, and the exit status is 1.
    Eval {
        /// The case files.
        #[arg(required = true, value_name = "CASE.safetensors")]
        cases: Vec<PathBuf>,
        /// The directory for the answers; it is made if need be. Never one where an answer would overwrite a case.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Compare functions of one argument with the correctly rounded value on all 2^32 f32.
    ///
    /// Minutes a function, on all cores. One that is broken off goes on where it was when it is started again. The exit
    /// status is 1 if an answer is not correctly rounded.
    Sweep {
        /// sigmoid, logsigmoid, softplus or binary_cross_entropy_with_logits (on each hard label); all of them, and
        /// the gradients of each, where none is named.
        #[arg(value_name = "FUNCTION")]
        functions: Vec<Function>,
        /// Where it is kept what has been done.
        #[arg(long, value_name = "DIR", default_value = "target/sweep")]
        state: PathBuf,
        /// Forget what has been done before.
        #[arg(long)]
        fresh: bool,
    },
    /// Print the table of bounds, as the README has it.
    Bounds,
    /// Print the polynomials of exp, log and log1p, found and bounded anew, as the Rust that the kernels contain.
    Coefficients,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        None => report::run(arguments.seed, report::Effort::REPORT),
        Some(Command::Bounds) => {
            print!("{}", claims::markdown());
            ExitCode::SUCCESS
        }
        Some(Command::Eval { cases, out }) => eval::run(&cases, &out),
        Some(Command::Sweep {
            functions,
            state,
            fresh,
        }) => sweep::run(&functions, &state, fresh),
        Some(Command::Coefficients) => {
            print!("{}", coefficients::rust_source());
            ExitCode::SUCCESS
        }
    }
}
