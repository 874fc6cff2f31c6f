//! The digests of the small set of inputs alone, which take half a second unoptimised: for whoever changes one thing after
//! the other, such as cargo-mutants. The test `digests` has both sets, at every SIMD width.

use trueloss_digest::{COMMITTED, Set, each};

#[test]
fn digests_of_the_small_set() {
    let mut committed = COMMITTED.lines().filter(|line| !line.starts_with('#'));
    each(Set::Small, &mut |name, digest| {
        let line = committed.next().expect("there is a line for each digest");
        let columns: Vec<_> = line.split_whitespace().collect();
        assert_eq!(
            columns[..4],
            [
                name.function,
                name.element,
                name.direction,
                &format!("{digest:016x}")
            ]
        );
    })
    .expect("the inputs are legal");
    assert_eq!(committed.next(), None);
}
