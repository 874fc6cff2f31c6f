//! Batches of more than 2^32 elements. They take minutes, and 16 GiB of addresses, of which hardly any memory is touched:
//! `cargo test --release -p trueloss-emulator --test large -- --ignored`.

use trueloss::BLOCK;
use trueloss::device::Extent;
use trueloss_emulator::executor::{Order, launch};
use trueloss_kernels::{
    Divisor, ElementArgs, Kernel, Labels, Places, RowArgs, Slice, Spread, TREE_WIDTH, TreeArgs,
};

/// More than 2^32, with a short block at the end.
const LEN: usize = (1 << 32) + BLOCK + 1;

fn run<A>(kernel: Kernel, args: &A, blocks: usize) {
    assert_eq!(size_of::<A>(), kernel.size_of_args());
    // SAFETY: the arguments are the kernel's, and what they point to lives in the test that has made them.
    unsafe {
        launch(
            kernel,
            blocks,
            Order::Forward,
            std::ptr::from_ref(args).cast(),
        )
    };
}

const NO_DIVISOR: Divisor = Divisor {
    number: 1.0,
    at: Slice::NONE,
};

#[test]
#[ignore = "takes minutes"]
fn elements_beyond_32_bits() {
    // Zeros that nobody has written to take no memory. The targets are the inputs from the second one on.
    let mut data = vec![0.0_f32; LEN + 1];
    for (index, x) in [
        (0, 1.0),
        ((1 << 31) + 1, 2.0),
        ((1 << 32) + 3, 4.0),
        (LEN - 1, 8.0),
    ] {
        data[index] = x;
    }
    let blocks = LEN.div_ceil(BLOCK);
    let mut sums = vec![0.0_f64; blocks];
    let address = data.as_ptr() as u64;
    let args = ElementArgs::<f32> {
        input: Slice::new(address, LEN),
        target: Slice::new(address + size_of::<f32>() as u64, LEN),
        weight: Slice::NONE,
        pos_weight: Slice::NONE,
        numbers: [1.0; 2],
        grad_output: Slice::NONE,
        scale: 1.0,
        values: Places::NONE,
        grad_input: Places::NONE,
        sums: Places::new(sums.as_mut_ptr() as u64, blocks),
        report: Places::NONE,
    };
    run(Kernel::mse_f32, &args, blocks);
    // Each of the numbers is an input, and but for the first a target.
    assert_eq!(sums[0], 1.0);
    assert_eq!(sums[1 << 19], 8.0);
    assert_eq!(sums[1 << 20..], [32.0 + 64.0, 64.0]);
    let mut result = [0.0_f32];
    while sums.len() > 1 {
        let above = sums.len().div_ceil(TREE_WIDTH);
        let mut next = vec![0.0_f64; above];
        let args = TreeArgs::<f32> {
            nodes: Slice::new(sums.as_ptr() as u64, sums.len()),
            above: Places::new(next.as_mut_ptr() as u64, above),
            total: Places::NONE,
            result: if above == 1 {
                Places::new(result.as_mut_ptr() as u64, 1)
            } else {
                Places::NONE
            },
            divisor: NO_DIVISOR,
            report: Places::NONE,
        };
        run(Kernel::tree_f32, &args, above);
        sums = next;
    }
    assert_eq!(result, [1.0 + 8.0 + 32.0 + 128.0]);
}

#[test]
#[ignore = "takes minutes"]
fn rows_beyond_32_bits() {
    const CLASSES: usize = 2048;
    let rows = LEN.div_ceil(CLASSES);
    let mut data = vec![0.0_f32; rows * CLASSES];
    let labels = vec![2047_u16; rows];
    let wanted = [(0, 1.0), (1 << 20, 2.0), (1 << 21, 3.0), (rows - 1, 4.0)];
    for (row, x) in wanted {
        data[row * CLASSES + 2047] = x;
    }
    let mut losses = vec![f32::NAN; rows];
    let args = RowArgs::<f32> {
        input: Slice::new(data.as_ptr() as u64, data.len()),
        extent: Extent {
            outer: rows,
            classes: CLASSES,
            stride: 1,
        },
        labels: Labels::from(Slice::<u16>::new(labels.as_ptr() as u64, rows)),
        probabilities: Slice::NONE,
        weight: Slice::NONE,
        ignore_index: -100,
        label_smoothing: 0.0,
        grad_output: Slice::NONE,
        scale: 1.0,
        divisor: NO_DIVISOR,
        losses: Places::new(losses.as_mut_ptr() as u64, rows),
        terms: Places::NONE,
        output: Places::NONE,
        report: Places::NONE,
    };
    run(
        Kernel::nll_block_f32,
        &args,
        rows.div_ceil(Spread::Block.rows()),
    );
    let found: Vec<(usize, f32)> = losses
        .iter()
        .enumerate()
        .filter(|&(_, &loss)| loss != 0.0)
        .map(|(row, &loss)| (row, -loss))
        .collect();
    assert_eq!(found, wanted);
}
