//! The digests of the small set of inputs alone, which take half a second unoptimised: for whoever changes one thing after
//! the other, such as cargo-mutants. The test `digests` has both sets, at every SIMD width.

use trueloss_digest::{COMMITTED, Set, committed, each};

#[test]
fn digests_of_the_small_set() {
    let mut digests = 0;
    each(Set::Small, &mut |name, digest| {
        assert_eq!(committed(Set::Small, name), Some(digest), "{name}");
        digests += 1;
    })
    .expect("the inputs are legal");
    let lines = COMMITTED.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(digests, lines.count());
}
