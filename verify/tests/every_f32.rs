//! Every function of one `f32` argument on all 2^32 of them. Minutes a function, so only when asked for:
//! `cargo test --release -p trueloss-verify --test every_f32 -- --ignored --nocapture`

use rayon::prelude::*;
use trueloss_verify::claims::{self, Inputs, Outcome};

#[test]
#[ignore = "minutes a function"]
fn correctly_rounded_on_every_f32() {
    for claim in claims::table() {
        if !matches!(claim.inputs, Inputs::OneArgument(..)) {
            continue;
        }
        const STEP: u32 = 1 << 20;
        let outcome = (0..=u32::MAX / STEP)
            .into_par_iter()
            .map(|i| claims::check_bits(&claim, i * STEP..=i * STEP + (STEP - 1)))
            .reduce(Outcome::default, Outcome::and);
        println!(
            "{}: {} inputs, {} of them by MPFR, worst {:.9} ULP at {}",
            claim.name(),
            outcome.inputs,
            outcome.enclosures,
            outcome.worst_ulp,
            outcome.worst_at
        );
        assert_eq!(outcome.inputs, 1 << 32);
        assert!(outcome.passes(), "{}: {outcome:?}", claim.name());
    }
}
