//! What the oracle and its filter cost: `cargo run --release -p trueloss-verify --example oracle_cost`.

use std::hint::black_box;
use std::time::Instant;

use trueloss_verify::filter::{self, OneArgument};
use trueloss_verify::oracle::{self, Call, Function, Reduction};
use trueloss_verify::ulp::judge;

fn time(name: &str, n: u32, mut f: impl FnMut(u32)) {
    let start = Instant::now();
    for i in 0..n {
        f(i);
    }
    println!(
        "{name:<40} {:>10.3} us",
        start.elapsed().as_secs_f64() * 1e6 / f64::from(n)
    );
}

fn main() {
    let x = |i: u32| f64::from(i % 2048) / 128.0 - 8.0 + 0.01;
    time("sigmoid, 128 bits", 100_000, |i| {
        drop(black_box(oracle::sigmoid(x(i), 128)))
    });
    time("softplus, 128 bits", 100_000, |i| {
        drop(black_box(oracle::softplus(x(i), 128)))
    });
    time("sigmoid derivative, 128 bits", 100_000, |i| {
        drop(black_box(oracle::sigmoid_derivative(x(i), 128)))
    });
    time("bce_with_logits, soft target, 128 bits", 100_000, |i| {
        drop(black_box(oracle::bce_with_logits(x(i), 0.3, 1.0, 128)));
    });
    time("bce_with_logits gradient, 128 bits", 100_000, |i| {
        drop(black_box(oracle::bce_with_logits_gradient(
            x(i),
            0.3,
            1.0,
            128,
        )));
    });
    let rows = 1000_u32;
    let logits: Vec<f64> = (0..rows * 10)
        .map(|i| x(i.wrapping_mul(2_654_435_761)))
        .collect();
    let classes: Vec<i64> = (0..i64::from(rows)).map(|i| i % 10).collect();
    let call = Call::new(Function::CrossEntropy, &[rows as usize, 10], &logits).classes(&classes);
    let call = call.reduction(Reduction::None);
    let start = Instant::now();
    black_box(oracle::forward(&call, 128));
    println!(
        "{:<40} {:>10.3} us",
        "cross_entropy row of 10, forward",
        start.elapsed().as_secs_f64() * 1e6 / 1000.0
    );
    let start = Instant::now();
    black_box(oracle::backward(&call, 128));
    println!(
        "{:<40} {:>10.3} us",
        "cross_entropy row of 10, backward",
        start.elapsed().as_secs_f64() * 1e6 / 1000.0
    );
    let got = vec![0.5_f32; 10_000];
    let exact = oracle::backward(&call, 128);
    let start = Instant::now();
    black_box(judge(&got, |_| exact.clone()));
    println!(
        "{:<40} {:>10.3} us",
        "judge, an answer",
        start.elapsed().as_secs_f64() * 1e6 / 10_000.0
    );
    for function in OneArgument::ALL {
        let mut needed = 0_u64;
        time(&format!("filter, {}", function.name()), 20_000_000, |i| {
            // Magnitudes from 2^-30 to 2^7, both signs: a stride that is odd reaches all bits.
            let bits = 0x3080_0000 + i.wrapping_mul(2_654_435_761) % 0x1280_0000;
            let x = f32::from_bits(bits | (i & 1) << 31);
            let (value, enclosure) = filter::correctly_rounded(function, x);
            needed += u64::from(enclosure);
            black_box(value);
        });
        println!("    needed the enclosure: {needed} of 20,000,000");
    }
}
