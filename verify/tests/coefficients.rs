//! The constants that `trueloss` computes with are the ones that the generator makes.

use std::fs;

use trueloss_verify::coefficients::{BEGIN, END, generated_block, rust_source};

/// The file that holds the generated block.
const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../core/src/number/elementary.rs"
);

#[test]
fn core_holds_the_generated_coefficients() {
    let source = fs::read_to_string(FILE).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    let block = generated_block(&source).unwrap_or_else(|| {
        panic!("{FILE} needs one line `{BEGIN}` and one line `{END}` after it");
    });
    assert!(
        block == rust_source(),
        "the coefficients in core/src/number/elementary.rs are not the generated ones; to make them \
         again, run `cargo run --release -- coefficients` and put what it prints between the lines \
         `{BEGIN}` and `{END}`"
    );
}
