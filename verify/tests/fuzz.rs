//! What fuzzing has found worth keeping, tried again without a fuzzer.

use std::fs;
use std::path::Path;

use trueloss_verify::fuzz::Target;

/// Every input in `fuzz/corpus`, which has a folder for each target and for nothing else.
#[test]
fn the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let list = |folder: &Path| -> Vec<_> {
        let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        entries
            .map(|entry| entry.expect("it is listed").path())
            .collect()
    };
    for target in Target::ALL {
        let inputs = list(&corpus.join(target.name()));
        assert!(!inputs.is_empty(), "{} has no corpus", target.name());
        for input in inputs {
            let bytes = fs::read(&input).unwrap_or_else(|e| panic!("{}: {e}", input.display()));
            // The file is named where a property does not hold.
            let result = std::panic::catch_unwind(|| target.run(&bytes));
            assert!(result.is_ok(), "{} fails, see above", input.display());
        }
    }
    assert_eq!(list(&corpus).len(), Target::ALL.len());
}
