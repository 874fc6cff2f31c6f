//! The worst calls that `trueloss search` has found, one for each claim, are within its bound.

use std::path::Path;

use trueloss_verify::claims::{self, Bound, Claim, Inputs};
use trueloss_verify::search;

fn searched() -> impl Iterator<Item = Claim> {
    let claims = claims::table().into_iter();
    claims.filter(|claim| matches!(claim.inputs, Inputs::Calls(_)))
}

#[test]
fn the_worst_calls_keep_their_bounds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("worst");
    let mut files = 0;
    for claim in searched() {
        let kept = search::kept(&claim, &folder).unwrap_or_else(|error| panic!("{error}"));
        let find = kept.unwrap_or_else(|| {
            panic!(
                "{}: no call is kept; `trueloss search` looks for one",
                claim.name()
            )
        });
        assert!(
            search::is_within(&claim, &find),
            "{}: {} ULP",
            claim.name(),
            find.ulp
        );
        files += 1;
    }
    let all = folder.read_dir().expect("there is one").count();
    assert_eq!(all, files, "files of no claim in {}", folder.display());
}

/// A bound that no formula could keep is broken by what climbing finds, and the same seed finds it again.
#[test]
fn climbing_finds_what_breaks_a_bound() {
    for claim in searched().step_by(7) {
        let tight = Claim {
            bound: Bound {
                ulp: 0.25,
                terms: 0.0,
            },
            ..claim
        };
        let find = search::climb(&tight, 200, 3).expect("it has calls");
        assert!(find.ulp > 0.25, "{}: {}", claim.name(), find.ulp);
        assert!(!search::is_within(&tight, &find));
        let again = search::climb(&tight, 200, 3).expect("it has calls");
        assert_eq!(again.ulp.to_bits(), find.ulp.to_bits());
    }
}
