//! Batches of more than 2^32 elements. They take 17 GB of addresses, of which hardly any memory is touched, and a minute or
//! two: `cargo test --release -p trueloss --features half --test large -- --ignored --test-threads 1`.
#![cfg(target_pointer_width = "64")]

use std::f64::consts::LN_2;
use trueloss::{BLOCK, BceWithLogits, Classes, CrossEntropy, Mse, Nll, Reduction};

/// More than 2^32, with a short block at the end.
const LEN: usize = (1 << 32) + BLOCK + 1;

/// Places on both sides of 2^31 and 2^32, and the last one.
const PLACES: [usize; 5] = [0, (1 << 31) - 1, 1 << 31, (1 << 32) + 3, LEN - 1];

/// Zeros that nobody has written to take no memory, and any number of slices may be read from them.
fn zeros(len: usize) -> Vec<f32> {
    vec![0.0; len]
}

/// Of numbers and those after them, which are their targets: each that is not 0 counts twice, but for the first.
#[test]
#[ignore = "takes 17 GB of addresses"]
fn mse_beyond_32_bits() {
    let mut data = zeros(LEN + 1);
    for (power, index) in PLACES.into_iter().enumerate() {
        data[index] = (1 << power) as f32;
    }
    let squares = [1.0, 4.0 * 2.0, 16.0 * 2.0, 64.0 * 2.0, 256.0 * 2.0];
    let (x, y) = (&data[..LEN], &data[1..]);
    // 1 and 2 lie side by side before 4: (2 - 4)^2 is in the place of 2^2 + 4^2.
    let expected: f64 = squares.iter().sum::<f64>() - (4.0 + 16.0) + 4.0;
    let loss = Mse::new();
    let sum = loss.reduction(Reduction::Sum).forward(x, y).unwrap();
    assert_eq!(f64::from(sum), expected);
    assert_eq!(loss.forward(x, y), Ok((expected / LEN as f64) as f32));
}

#[test]
#[ignore = "takes 17 GB of addresses"]
fn bce_with_logits_beyond_32_bits() {
    let x = zeros(LEN);
    let loss = BceWithLogits::new();
    // 2^32 terms alone would be 11 numbers less.
    let sum = loss.reduction(Reduction::Sum).forward(&x, &x).unwrap();
    assert_eq!(sum, (LEN as f64 * LN_2) as f32);
    assert_eq!(loss.forward(&x, &x), Ok(LN_2 as f32));
}

#[test]
#[ignore = "takes 17 GB of addresses"]
fn sum_of_rows_beyond_32_bits() {
    const CLASSES: usize = 64;
    let rows = LEN.div_ceil(CLASSES);
    let (x, labels) = (zeros(CLASSES * rows), vec![0_u8; rows]);
    let input = Classes::new(&x, [rows, CLASSES]).unwrap();
    let loss = CrossEntropy::<f32>::new();
    let sum = loss.reduction(Reduction::Sum).forward(input, &labels);
    // ln 64 each.
    assert_eq!(sum, Ok((rows as f64 * (6.0 * LN_2)) as f32));
}

/// The loss of each row is at its place, in either layout.
#[test]
#[ignore = "takes 17 GB of addresses"]
fn rows_of_many_classes_beyond_32_bits() {
    const CLASSES: usize = 2048;
    let rows = LEN.div_ceil(CLASSES);
    let (mut x, labels) = (zeros(rows * CLASSES), vec![CLASSES as u16 - 1; rows]);
    let wanted = [(0, 1.0), (1 << 20, 2.0), (1 << 21, 3.0), (rows - 1, 4.0)];
    for shape in [[rows, CLASSES, 1], [1, CLASSES, rows]] {
        let place = |row: usize| match shape[2] {
            1 => row * CLASSES + CLASSES - 1,
            stride => (CLASSES - 1) * stride + row,
        };
        for (row, value) in wanted {
            x[place(row)] = value;
        }
        let mut losses = vec![f32::NAN; rows];
        let input = Classes::new(&x, shape).unwrap();
        Nll::new()
            .forward_each(input, &labels, &mut losses)
            .unwrap();
        let rows_with_losses = losses.iter().enumerate().filter(|&(_, &loss)| loss != 0.0);
        let found: Vec<(usize, f32)> = rows_with_losses.map(|(row, &loss)| (row, -loss)).collect();
        assert_eq!(found, wanted, "{shape:?}");
        for (row, _) in wanted {
            x[place(row)] = 0.0;
        }
    }
}

#[cfg(feature = "half")]
#[test]
#[ignore = "takes 9 GB of addresses"]
fn bf16_beyond_32_bits() {
    use trueloss::half::bf16;
    use trueloss::half::slice::HalfBitsSliceExt;
    // Zeros of the type itself would be written.
    let mut bits = vec![0_u16; LEN];
    let (one, two) = (bf16::from_f32(1.0).to_bits(), bf16::from_f32(2.0).to_bits());
    bits[1 << 31] = one;
    bits[1 << 32] = two;
    bits[LEN - 1] = two;
    let x = bits.reinterpret_cast::<bf16>();
    let y = &vec![0_u16; LEN][..];
    let sum = Mse::new()
        .reduction(Reduction::Sum)
        .forward(x, y.reinterpret_cast())
        .unwrap();
    assert_eq!(sum, bf16::from_f32(9.0));
    let loss = BceWithLogits::new().forward(y.reinterpret_cast(), y.reinterpret_cast::<bf16>());
    assert_eq!(loss, Ok(bf16::from_f32(LN_2 as f32)));
}
