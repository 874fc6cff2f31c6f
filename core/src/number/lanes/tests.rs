//! Every vector against the scalar model, bit for bit, at each width that the machine has.

use super::{Double, GROUP, Lanes, Single, Width};
use crate::engine::dispatch::{self, LaneKernel};
use std::vec;
use std::vec::Vec;

const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    -2.75,
    1e30,
    -1e-30,
    1e-40,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    16_777_215.0,
    -3.000_000_2,
    65_519.999,
];

/// All pairs of numbers, and one more of each.
fn triples() -> Vec<[f64; 3]> {
    let mut triples = Vec::new();
    for (i, a) in SPECIAL.into_iter().enumerate() {
        for (j, b) in SPECIAL.into_iter().enumerate() {
            triples.push([a, b, SPECIAL[(i + 3 * j) % 16]]);
        }
    }
    let mut seed = 3_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        f64::from(f32::from_bits((seed >> 32) as u32))
    };
    triples.extend((0..1024).map(|_| [next(), next(), next()]));
    triples
}

/// The results of each operation on a vector, as numbers, and those of its comparisons.
fn operations<F: Lanes>(a: F, b: F, c: F) -> (Vec<F>, Vec<F::Mask>) {
    let masks = [a.lt(b), a.le(b), a.eq(b)];
    let (least, most) = (a.constant(2_f64.powi(-126)), a.constant(f32::MAX.into()));
    let normal = a.abs().max(least).min(most);
    let values = [
        a + b,
        a - b,
        a * b,
        a / b,
        -a,
        a.mul_add(b, c),
        a.mul_sub(b, c),
        a.neg_mul_add(b, c),
        a.neg_mul_sub(b, c),
        a.max(b),
        a.min(b),
        a.abs(),
        a.flip_sign(b),
        F::select(masks[0], a, b),
        a.constant(0.1),
        // Of normal positive numbers.
        normal.exponent_and_significand().0,
        normal.exponent_and_significand().1,
    ];
    let both = [F::and(masks[1], masks[2]), F::or(masks[0], masks[2])];
    (values.to_vec(), [&masks[..], &both].concat())
}

#[derive(Clone, Copy)]
struct Operations;

impl LaneKernel for Operations {
    type Output = ();

    fn run<W: Width>(self, token: W) {
        compare::<W::Single, f32>(token, |x| x as f32, |x| x.to_bits().into());
        compare::<W::Double, f64>(token, |x| x, f64::to_bits);
        scales::<W>(token);
        powers::<W>(token);
        #[cfg(feature = "half")]
        halves::<W>(token);
    }
}

fn compare<F: Lanes<Scalar = S>, S: Lanes<Scalar = S, Mask = bool, Token = ()>>(
    token: F::Token,
    of: fn(f64) -> S,
    bits: fn(S) -> u64,
) {
    let is_nan = |x: S| !x.eq(x);
    for triples in triples().chunks_exact(F::N) {
        let column = |k: usize| -> Vec<S> { triples.iter().map(|x| of(x[k])).collect() };
        let columns = [column(0), column(1), column(2)];
        let [a, b, c] = [0, 1, 2].map(|k| F::load(token, &columns[k], 0));
        let (values, masks) = operations(a, b, c);
        for lane in 0..F::N {
            let [a, b, c] = [0, 1, 2].map(|k| columns[k][lane]);
            let (expected, expected_masks) = operations(a, b, c);
            for (i, (value, expected)) in values.iter().zip(expected).enumerate() {
                let mut stored = vec![of(0.0); F::N];
                value.store(&mut stored, 0);
                let same = bits(stored[lane]) == bits(expected);
                assert!(
                    same || is_nan(stored[lane]) && is_nan(expected),
                    "{i}: {:?}",
                    triples[lane],
                );
            }
            for (mask, expected) in masks.iter().zip(expected_masks) {
                assert_eq!(F::bits(*mask) >> lane & 1 != 0, expected);
            }
        }
    }
    // Beyond the ends of slices nothing is read or written.
    let numbers = vec![of(3.0); F::N];
    let mut stored = vec![of(7.0); F::N];
    F::load(token, &numbers, F::N).store(&mut stored, 0);
    assert!(stored.iter().all(|x| bits(*x) == 0));
    F::load(token, &numbers, 0).store(&mut stored, F::N);
    assert!(stored.iter().all(|x| bits(*x) == 0));
}

fn scales<W: Width>(token: W) {
    let magic = crate::number::elementary::MAGIC;
    for k in [-1000, -3, 0, 5, 1000] {
        let x = W::Double::splat(token, 1.25);
        let mut scaled = [0.0; GROUP];
        x.scale(x.constant(magic + f64::from(k)))
            .store(&mut scaled, 0);
        let expected = 1.25_f64.scale(magic + f64::from(k));
        assert_eq!(scaled[W::Double::N - 1], expected);
        assert_eq!(expected, 1.25 * 2_f64.powi(k));
    }
}

/// The tables, by what they are for: h e^d is a power of two to 2^-47, and ln its logarithm.
fn powers<W: Width>(token: W) {
    let magic = crate::number::single_pair::MAGIC;
    let table = W::Single::TABLE as i32;
    for k in -120 * table..120 * table {
        let shifted = W::Single::splat(token, magic + f64::from(k));
        let (h, d) = W::Single::power(shifted);
        let [h, d] = [h, d].map(first);
        let exact = 2_f64.powf(f64::from(k) / f64::from(table));
        assert!((h * d.exp() / exact - 1.0).abs() < 2_f64.powi(-47), "{k}");
    }
    for i in 0..table {
        let shifted = W::Single::splat(token, magic + f64::from(i));
        let (c, ln, rest) = W::Single::centre(shifted);
        let [c, ln, rest] = [c, ln, rest].map(first);
        assert!((c * (1.0 + f64::from(i) / f64::from(table - 1)) - 1.0).abs() < 1e-6);
        assert!((ln + rest + c.ln()).abs() < 2_f64.powi(-48), "{i}");
    }
    // Estimates of reciprocals: 1.5 2^-12 and 2^-14.
    let most = if table == 16 {
        2_f64.powi(-14)
    } else {
        1.5 * 2_f64.powi(-12)
    };
    for i in 0..10_000 {
        let x = 1.0 + f64::from(i) / 1000.0;
        let y = first(W::Single::splat(token, x).reciprocal());
        assert!((y * f64::from(x as f32) - 1.0).abs() <= most, "{x}");
    }
}

fn first<F: Single>(x: F) -> f64 {
    let mut lanes = [0.0; GROUP];
    x.store(&mut lanes, 0);
    lanes[F::N - 1].into()
}

/// All numbers of 16 bits, and numbers between them and at the midpoints, as the scalar conversions have them.
#[cfg(feature = "half")]
fn halves<W: Width>(token: W) {
    let bits: Vec<u16> = (0..=u16::MAX).collect();
    let n = W::Single::N;
    for at in (0..bits.len()).step_by(n) {
        let loaded = [
            W::Single::load_f16(token, &bits, at),
            W::Single::load_bf16(token, &bits, at),
        ];
        let mut numbers = [[0.0_f32; GROUP]; 2];
        for (loaded, numbers) in loaded.iter().zip(&mut numbers) {
            loaded.store(numbers, 0);
        }
        for lane in 0..n {
            let expected = [
                f32::load_f16((), &bits, at + lane),
                f32::load_bf16((), &bits, at + lane),
            ];
            for (numbers, expected) in numbers.iter().zip(expected) {
                let same = numbers[lane].to_bits() == expected.to_bits();
                assert!(same || numbers[lane].is_nan() && expected.is_nan());
            }
        }
    }
    let between = (0..1_u32 << 18).map(|i| {
        let high = i >> 2 << 16;
        f32::from_bits(high + [0, 0x7fff, 0x8000, 0x8001][i as usize % 4])
    });
    let f16_ties = (0..1_u32 << 16).map(|i| (f64::from(i) + 0.5) as f32 * 2_f32.powi(-14));
    let numbers: Vec<f32> = between.chain(f16_ties).filter(|x| !x.is_nan()).collect();
    for numbers in numbers.chunks_exact(n) {
        let lo = W::Single::load(token, numbers, 0);
        let hi = lo * lo.constant(1.000_001);
        let mut his = [0.0; GROUP];
        hi.store(&mut his, 0);
        let mut rounded = [[0; GROUP]; 2];
        let equal = [
            W::Single::store_f16(lo, hi, &mut rounded[0], 0),
            W::Single::store_bf16(lo, hi, &mut rounded[1], 0),
        ];
        for lane in 0..n {
            let mut expected = [[0; 1]; 2];
            let expected_equal = [
                f32::store_f16(numbers[lane], his[lane], &mut expected[0], 0),
                f32::store_bf16(numbers[lane], his[lane], &mut expected[1], 0),
            ];
            for k in 0..2 {
                assert_eq!(rounded[k][lane], expected[k][0], "{:e}", numbers[lane]);
                assert_eq!(
                    equal[k] >> lane & 1,
                    expected_equal[k],
                    "{:e}",
                    numbers[lane]
                );
            }
        }
    }
}

#[test]
fn vectors_are_the_model_in_lanes() {
    Operations.run(());
    dispatch::run_in_all_lanes(Operations);
}
