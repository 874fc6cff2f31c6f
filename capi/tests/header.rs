//! What is made from other source is what is committed: the functions of the losses of elements, from core's list of them;
//! `functions_f64.rs`; and the header.
//!
//! `TRUELOSS_BLESS=1 cargo test -p trueloss-capi --test header` writes them instead.

mod list;

use list::{ENTRIES, Entry, status};
use std::fs;
use std::path::{Path, PathBuf};
use trueloss::device::Domain;

fn package(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(package(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// `functions_f32.rs` with the other type's name.
fn functions_f64() -> String {
    read("src/functions_f32.rs")
        .replace("`float`", "`double`")
        .replace("f32", "f64")
}

/// What the six functions of a loss are made from.
const TEMPLATE: &str = include_str!("header/losses.rs.in");

const MADE: &str =
    "Written by tests/header.rs from core's list of losses; a change made here is lost.";

/// Which numbers are legal, in words.
fn are(domain: Domain) -> &'static str {
    match domain {
        Domain::Any => "",
        Domain::UnitInterval => "between 0 and 1",
        Domain::HardLabels => "0 or 1",
        Domain::Signs => "-1 or 1",
    }
}

impl Entry {
    /// What input and target are.
    fn takes(&self) -> String {
        let arguments = self.arguments();
        let (input, target) = (are(arguments.input), are(arguments.target));
        let which = match (input, target) {
            ("", "") => String::new(),
            ("", _) => format!(", the targets {target}"),
            _ if input == target => format!(" {input}"),
            _ => format!(", the inputs {input} and the targets {target}"),
        };
        format!("`input` and `target` have `len` numbers{which}.")
    }

    /// The page's paragraphs about options that are numbers.
    fn options_are(&self) -> String {
        let defaults = self.arguments().defaults();
        let paragraph = |(&(option, doc), default): (&(&str, &str), f64)| {
            let (first, rest) = doc.split_at(1);
            let first = first.to_lowercase();
            format!("///\n/// `{option}`: {first}{rest} PyTorch's default is {default}.\n")
        };
        let options = self.options.iter().zip(defaults);
        options.map(paragraph).collect()
    }

    /// What is refused, with its status.
    fn errors(&self) -> String {
        let arguments = self.arguments();
        let mut errors = vec![];
        let who = match arguments.input {
            Domain::Any => "a target",
            _ => "an input or target",
        };
        match arguments.target {
            Domain::Any => {}
            Domain::UnitInterval => errors.push(format!(
                "TRUELOSS_ERROR_OUTSIDE_UNIT_INTERVAL for {who} outside [0, 1] or NaN"
            )),
            Domain::HardLabels => errors.push(format!(
                "TRUELOSS_ERROR_NOT_HARD_LABEL for {who} that is neither 0 nor 1"
            )),
            Domain::Signs => errors.push(format!(
                "TRUELOSS_ERROR_NOT_SIGN for {who} that is neither -1 nor 1"
            )),
        }
        if !self.weights.is_empty() {
            errors.push(
                "TRUELOSS_ERROR_BROADCAST and TRUELOSS_ERROR_NOT_FINITE for a weight that does not fit or is not finite"
                    .to_owned(),
            );
        }
        for (at, (option, _)) in self.options.iter().enumerate() {
            let status = status(self.error_of_option(at));
            errors.push(format!(
                "TRUELOSS_ERROR_{status} for `{option}` where it is not as above"
            ));
        }
        if errors.is_empty() {
            return "those of every function".to_owned();
        }
        errors.join("; ")
    }

    /// Its functions for a type of element.
    fn functions(&self, element: &str) -> String {
        let names: Vec<_> = self.options.iter().map(|&(option, _)| option).collect();
        let parameters: String = names
            .iter()
            .map(|name| format!("    {name}: f64,\n"))
            .collect();
        let text = [
            ("{title}", self.title),
            ("{formula}", self.formula),
            ("{gradient}", self.gradient),
            ("{source}", self.source),
            ("{takes}", &self.takes()),
            ("{options are}", &self.options_are()),
            ("{errors}", &self.errors()),
            ("{loss}", self.name),
            ("{options}", &self.options_of(element)),
            ("{parameters}", &parameters),
            ("{numbers}", &names.join(", ")),
            ("{T}", element),
        ];
        let made = text.iter().fold(TEMPLATE.to_owned(), |made, (name, text)| {
            made.replace(name, text)
        });
        wrapped(&made)
    }

    /// The structure of its options.
    fn structure(&self, element: &str) -> String {
        let (name, options) = (self.name, self.options_of(element));
        let unweighted = if self.weights.is_empty() {
            ""
        } else {
            ", unweighted"
        };
        let mut text = format!(
            "
/// Options of {name}. All zeros, or a NULL in their place, are the default: the mean{unweighted}.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct {options} {{
"
        );
        let mut lengths = String::new();
        for (at, weight) in self.weights.iter().enumerate() {
            let what = match (*weight, at) {
                ("weight", _) => {
                    "Factors for the elements' losses, which broadcast over trailing dimensions: their count divides the input's. NULL for none."
                }
                ("pos_weight", 0) => {
                    "Factors for the loss of the positive class, which broadcast over trailing dimensions: their count divides the input's. NULL for none."
                }
                ("pos_weight", _) => {
                    "Factors for the loss of the positive class, which broadcast likewise. NULL for none."
                }
                (other, _) => panic!("{other}: no such weight"),
            };
            text += &format!(
                "    /// {what}
    pub {weight}: *const {element},
    /// How many numbers `{weight}` has.
    pub {weight}_len: usize,
"
            );
            lengths += &format!(" {weight} {weight}_len");
        }
        let of_type = if self.weights.is_empty() {
            self.loss.to_owned()
        } else {
            format!("{}<'a, {element}>", self.loss)
        };
        text += &format!(
            "    /// TRUELOSS_REDUCTION_MEAN or TRUELOSS_REDUCTION_SUM. Where each loss is asked for, either will do.
    pub reduction: u32,
    /// Where to say which argument is wrong; may be NULL.
    pub error: *mut trueloss_error,
}}

options_of_elements!({options} of {element}: trueloss::{of_type};{lengths});
"
        );
        wrapped(&text)
    }

    /// Its line in the list of functions.
    fn line(&self, element: &str) -> String {
        let weights = self.weights.iter();
        let fields: String = weights.map(|w| format!("{w} {w}_len ")).collect();
        let module = if self.weights.is_empty() {
            "losses".to_owned()
        } else {
            format!("losses_{element}")
        };
        let functions = [
            "forward",
            "forward_each",
            "backward",
            "backward_each",
            "forward_backward",
            "partial",
        ]
        .map(|direction| format!("trueloss_{}_{direction}_{element}", self.name));
        let numbers: Vec<_> = (0..self.options.len()).map(|at| at.to_string()).collect();
        format!(
            "            {} = $crate::{module}::{} {{ {fields}reduction error }}, ({}), [{}];\n",
            self.variant,
            self.options_of(element),
            numbers.join(" "),
            functions.join(" "),
        )
    }
}

/// Pages of at most 100 columns.
fn wrapped(text: &str) -> String {
    const COLUMNS: usize = 100;
    let mut out = String::new();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let Some(words) = line.trim_start().strip_prefix("/// ") else {
            out += line;
            out.push('\n');
            continue;
        };
        let mut current = format!("{indent}///");
        for word in words.split(' ') {
            if current.len() + 1 + word.len() > COLUMNS && !current.ends_with("///") {
                out += &current;
                out.push('\n');
                current = format!("{indent}///");
            }
            current.push(' ');
            current += word;
        }
        out += &current;
        out.push('\n');
    }
    out
}

/// `losses.rs`: what is of no element type.
fn losses() -> String {
    let mut text = format!(
        "//! Options of the losses of elements that have no weights, and the numbers of options as arguments.
//!
//! {MADE}

use crate::call::options_of_elements;
use crate::status::{{trueloss_argument, trueloss_error}};
"
    );
    let mut named: Vec<&str> = vec!["beta", "label_smoothing"];
    let options = ENTRIES.iter().flat_map(|entry| entry.options);
    for (number, &(option, _)) in (16..).zip(options) {
        if !named.contains(&option) {
            named.push(option);
            let upper = option.to_uppercase();
            text += &format!(
                "\n/// `{option}`\npub const TRUELOSS_ARGUMENT_{upper}: trueloss_argument = {number};\n"
            );
        }
    }
    let plain = ENTRIES.iter().filter(|entry| entry.weights.is_empty());
    text + &plain
        .map(|entry| entry.structure("f32"))
        .collect::<String>()
}

/// `losses_f32.rs` or `losses_f64.rs`.
fn losses_of(element: &str, in_c: &str) -> String {
    let mut text = format!(
        "//! The functions of the losses of elements for `{in_c}`, and their options where they have weights.
//!
//! {MADE}

use crate::call::{{call_with, flat, options_of_elements}};
use crate::functions_{element}::trueloss_partial_{element};
use crate::losses::*;
use crate::status::*;
"
    );
    for entry in ENTRIES.iter().filter(|entry| !entry.weights.is_empty()) {
        text += &entry.structure(element);
    }
    for entry in ENTRIES {
        text += &entry.functions(element);
    }
    text += &format!(
        "
/// Calls a macro with the functions of each loss: its options and their fields, the places of the options that are numbers, and
/// forward, forward_each, backward, backward_each, forward_backward and partial. For tests that call all of them.
#[doc(hidden)]
#[macro_export]
macro_rules! each_elementwise_function_{element} {{
    ($($then:ident)::+ $(, $($more:tt)*)?) => {{
        $($then)::+! {{
            $($($more)*)?
"
    );
    text += &ENTRIES
        .iter()
        .map(|entry| entry.line(element))
        .collect::<String>();
    text + "        }\n    };\n}\n"
}

fn header() -> String {
    let config = cbindgen::Config::from_file(package("cbindgen.toml"))
        .unwrap_or_else(|error| panic!("cbindgen.toml: {error}"));
    let sources = [
        "status.rs",
        "library.rs",
        "losses.rs",
        "losses_f32.rs",
        "functions_f32.rs",
        "losses_f64.rs",
        "functions_f64.rs",
    ];
    let builder = sources.iter().fold(
        cbindgen::Builder::new().with_config(config),
        |builder, source| builder.with_src(package("src").join(source)),
    );
    let mut header = Vec::new();
    builder
        .generate()
        .unwrap_or_else(|error| panic!("cbindgen: {error}"))
        .write(&mut header);
    String::from_utf8(header).expect("cbindgen writes text")
}

fn is_up_to_date(file: &str, made: &str) {
    if std::env::var_os("TRUELOSS_BLESS").is_some() {
        fs::write(package(file), made).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    let committed = read(file);
    let differs = committed
        .lines()
        .zip(made.lines())
        .position(|(committed, made)| committed != made);
    assert!(
        committed == made,
        "{file} is stale (line {}): TRUELOSS_BLESS=1 cargo test -p trueloss-capi --test header makes it anew",
        differs.unwrap_or(committed.lines().count().min(made.lines().count())) + 1
    );
}

// One test, as the header is made from the other files.
#[test]
fn functions_and_the_header_are_up_to_date() {
    is_up_to_date("src/losses.rs", &losses());
    is_up_to_date("src/losses_f32.rs", &losses_of("f32", "float"));
    is_up_to_date("src/losses_f64.rs", &losses_of("f64", "double"));
    is_up_to_date("src/functions_f64.rs", &functions_f64());
    is_up_to_date("include/trueloss.h", &header());
    the_header_declares_every_function();
}

/// What the exported functions of a source file are called.
fn functions(file: &str) -> Vec<String> {
    read(file)
        .lines()
        .filter_map(|line| line.split_once("extern \"C\" fn ")?.1.split_once('('))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn the_header_declares_every_function() {
    let header = read("include/trueloss.h");
    for entry in fs::read_dir(package("src")).expect("the package has a source") {
        let name = entry.expect("its files can be listed").file_name();
        for function in functions(&format!("src/{}", name.to_string_lossy())) {
            assert!(
                header.contains(&format!("{function}(")),
                "{function} is missing"
            );
        }
    }
}
