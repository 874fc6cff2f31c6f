//! The equivalences of the documents, checked on less than the report checks.

use trueloss_verify::equivalences;

#[test]
fn equivalences_hold() {
    for equivalence in equivalences::table() {
        let tally = (equivalence.check)(99, 400);
        assert!(tally.passes(), "{}: {tally:?}", equivalence.statement);
    }
}

/// All seven of the documents' list are there, and each is more than one check.
#[test]
fn every_equivalence_of_the_list_is_checked() {
    let numbers: Vec<u32> = equivalences::table().iter().map(|e| e.number).collect();
    for number in 1..=7 {
        assert!(numbers.contains(&number), "equivalence {number} is missing");
    }
}
