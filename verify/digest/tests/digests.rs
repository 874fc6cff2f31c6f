//! The digests are the committed ones, at every SIMD width.
//!
//! `TRUELOSS_BLESS=1 cargo test --release -p trueloss-digest --test digests` writes `digests.txt` anew.

use std::fmt::Write;
use trueloss::dispatch::{Width, limit};
use trueloss_digest::{COMMITTED, Name, Set, each};

const HEADER: &str = "\
# The bits of every function of trueloss, hashed: function, type of element, direction, digest of the small set of
# inputs, digest of the full set. See src/lib.rs. Every machine and every version returns these bits: a digest that
# changes is a breaking change.
";

fn digests(set: Set) -> Vec<(Name<'static>, u64)> {
    let mut digests = Vec::new();
    each(set, &mut |name, digest| digests.push((name, digest))).expect("the inputs are legal");
    digests
}

fn file() -> String {
    let mut file = HEADER.to_owned();
    for ((name, small), (_, full)) in digests(Set::Small).into_iter().zip(digests(Set::Full)) {
        let Name {
            function,
            element,
            direction,
        } = name;
        writeln!(
            file,
            "{function:32} {element} {direction:16} {small:016x} {full:016x}"
        )
        .expect("a string can be written to");
    }
    file
}

// One test, as the width is a setting of the whole process.
#[test]
fn digests_are_the_committed_ones_at_every_width() {
    if std::env::var_os("TRUELOSS_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/digests.txt");
        std::fs::write(path, file()).expect("digests.txt can be written");
        return;
    }
    for wanted in Width::ALL {
        if limit(wanted) != wanted {
            println!("{wanted:?}: not on this machine");
            continue;
        }
        let file = file();
        let differ: Vec<_> = file
            .lines()
            .zip(COMMITTED.lines())
            .filter(|(actual, committed)| actual != committed)
            .map(|(actual, _)| actual)
            .collect();
        assert!(
            file == COMMITTED,
            "{wanted:?}: these lines are not those of digests.txt. Bits are API: if a function has changed, this is a \
             breaking change.\n{}\nIf that is meant, or the inputs have changed:\n\
             TRUELOSS_BLESS=1 cargo test --release -p trueloss-digest --test digests",
            differ.join("\n")
        );
        println!("{wanted:?}: {} digests", file.lines().count() - 3);
    }
}
