//! What is made from other source is what is committed: `functions_f64.rs`, and the header.
//!
//! `TRUELOSS_BLESS=1 cargo test -p trueloss-capi --test header` writes both instead.

use std::fs;
use std::path::{Path, PathBuf};

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

fn header() -> String {
    let config = cbindgen::Config::from_file(package("cbindgen.toml"))
        .unwrap_or_else(|error| panic!("cbindgen.toml: {error}"));
    let sources = [
        "status.rs",
        "library.rs",
        "functions_f32.rs",
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

// One test, as the header is made from the other file.
#[test]
fn functions_f64_and_the_header_are_up_to_date() {
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
