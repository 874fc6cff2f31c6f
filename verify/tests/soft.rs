//! Gradients at soft targets, where their two terms nearly cancel.

use trueloss::Element;
use trueloss::bce_with_logits::gradient;
use trueloss_verify::oracle;
use trueloss_verify::ulp::{self, Format, Judged};

/// The gradient of one element, judged.
fn judged<T: Element + Format>(x: f64, y: f64, pos_weight: f64) -> Judged {
    let got = T::narrow(gradient::<T>(x, y, pos_weight));
    let judged = ulp::measure(&[got], |prec| {
        vec![oracle::bce_with_logits_gradient(x, y, pos_weight, prec)]
    });
    judged.into_iter().next().unwrap()
}

/// 64-bit numbers of a known sequence.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed ^ *seed >> 29
}

/// From 0 to 1.
fn unit(seed: &mut u64) -> f64 {
    (random(seed) >> 11) as f64 / 2_f64.powi(53)
}

#[test]
fn the_example() {
    let x = f64::from(f32::from_bits(0x3d91_300f));
    let sigma = 1.0 / (1.0 + (-x).exp());
    let y = f64::from(sigma as f32);
    let judged = judged::<f32>(x, y, 1.0);
    println!("{:e} {}", judged.exact, judged.ulp);
    assert!((judged.exact.abs() / 2.68e-17 - 1.0).abs() < 0.01);
    assert!(judged.within(0.5001, 0.0));
}

#[test]
fn scan() {
    let mut seed = 1;
    for range in [1.0, 20.0, 100.0, 700.0, 745.0] {
        for kind in 0..4 {
            let mut worst = [(0.0, 0.0, 0.0, 0.0); 2];
            let mut excess = [0.0_f64; 2];
            for i in 0..20000 {
                let x32 = (2.0 * unit(&mut seed) - 1.0) * range;
                let c = match kind { 0 | 1 => 1.0, 2 => unit(&mut seed) * 4.0, _ => (unit(&mut seed) * 100.0 - 50.0).exp2() };
                for (k, f32s) in [true, false].into_iter().enumerate() {
                    let n = |x: f64| if f32s { f64::from(x as f32) } else { x };
                    let x = n(x32);
                    let c = n(c);
                    if f32s && x.abs() > 104.0 { continue }
                    // c y = (1 - y) e^x
                    let e = x.exp();
                    let mut y = n(e / (c + e));
                    if !y.is_finite() { y = 1.0; }
                    if kind == 0 { y = n(unit(&mut seed)); }
                    if i % 7 == 0 { y = n(y * (1.0 + unit(&mut seed) * 0.5)).min(1.0) }
                    let judged = if f32s { judged::<f32>(x, y, c) } else { judged::<f64>(x, y, c) };
                    let ulp = if f32s { 0.5001 } else { 1.0 };
                    if judged.ulp > ulp { excess[k] = excess[k].max(judged.excess(ulp)); }
                    if judged.ulp > worst[k].0 { worst[k] = (judged.ulp, x, y, c) }
                }
            }
            println!("{range} {kind} f32 {:?} 2^{:.1}   f64 {:?} 2^{:.1}", worst[0], excess[0].log2(), worst[1], excess[1].log2());
        }
    }
}
