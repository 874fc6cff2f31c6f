//! scratch
use rayon::prelude::*;
use trueloss_verify::claims::*;
fn main() {
    let n: u64 = std::env::args()
        .nth(1)
        .and_then(|a| a.parse().ok())
        .unwrap_or(2000);
    let pat = std::env::args().nth(2).unwrap_or_default();
    let seed: u64 = std::env::args()
        .nth(3)
        .and_then(|a| a.parse().ok())
        .unwrap_or(1);
    let t = table();
    let r: Vec<_> = t
        .par_iter()
        .filter(|c| c.name().contains(&pat))
        .map(|c| {
            let s = std::time::Instant::now();
            let o = std::panic::catch_unwind(|| check(c, n, seed).and(check_edges(c)));
            (c, o, s.elapsed())
        })
        .collect();
    for (c, o, e) in r {
        match o {
            Ok(o) => println!(
                "{:6.2}s {} {:8} {:.5} 2^{:.1} | {} | {} | {}",
                e.as_secs_f64(),
                if o.passes() { "ok  " } else { "FAIL" },
                o.inputs,
                o.worst_ulp,
                o.excess.log2(),
                c.bound,
                c.name(),
                if o.passes() {
                    o.worst_at.clone()
                } else {
                    format!("{} fails, first: {}", o.failures, o.first_failure)
                }
            ),
            Err(_) => println!("PANIC {}", c.name()),
        }
    }
}
