//! scratch
use trueloss_verify::equivalences::*;
fn main() {
    let n: u64 = std::env::args()
        .nth(1)
        .and_then(|a| a.parse().ok())
        .unwrap_or(2000);
    for e in table() {
        let s = std::time::Instant::now();
        let t = (e.check)(3, n);
        println!(
            "{:6.2}s {} {} {} worst {:.4} {} | {}",
            s.elapsed().as_secs_f64(),
            e.number,
            if t.passes() { "ok  " } else { "FAIL" },
            t.inputs,
            t.worst,
            e.statement,
            t.first_failure.chars().take(300).collect::<String>()
        );
    }
}
