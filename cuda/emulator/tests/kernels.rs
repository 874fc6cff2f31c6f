//! Every kernel beside core's public functions, bit by bit: in the executor, without a driver.
//!
//! Lengths are around those of warps, blocks of threads and blocks of the fixed tree, there are fewer blocks than work and
//! more, and threads run in all orders. Outputs are poisoned, and there is more poison behind them.

#[path = "../../../core/tests/common/random.rs"]
#[allow(dead_code)]
mod random;

use random::Random;
use std::any::type_name;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Display;
use trueloss::device::{Alone, Extent, Node, Real, Sum, block, divide};
use trueloss::{
    BLOCK, Bce, BceWithLogits, Classes, CrossEntropy, Element, Error, FocalWithLogits, Huber,
    LogSigmoid, LogSoftmax, Mse, Nll, Reduction, Sigmoid, Softmax, Softplus, accuracy,
    binary_accuracy,
};
use trueloss_emulator::executor::{Order, launch};
use trueloss_kernels::{
    CheckArgs, Divisor, ElementArgs, Kernel, LABEL, Labels, NO_FAULT, Places, RowArgs, Slice,
    Spread, SumOf, TREE_WIDTH, TermArgs, TreeArgs, WeightArgs, fault,
};

/// How many blocks, and in which order they and their threads run.
#[derive(Clone, Copy, Debug)]
struct Grid(usize, Order);

const GRIDS: [Grid; 4] = [
    Grid(1, Order::Forward),
    Grid(3, Order::Backward),
    Grid(2, Order::Shuffled(1)),
    Grid(40, Order::Shuffled(2)),
];

/// Of checks, which go element by element.
const FEW_LENGTHS: &[usize] = if cfg!(debug_assertions) {
    &[1, 257]
} else {
    &[1, 32, 257, 1025, 9001]
};

/// An unoptimised build, which may be one of hundreds of mutants, tries three of them.
const LENGTHS: &[usize] = if cfg!(debug_assertions) {
    &[1, 33, 300]
} else {
    &[1, 31, 32, 33, 255, 256, 257, 4095, 4096, 4097, 9001]
};

/// What outputs hold before they are written to: no result is this.
const POISON: f64 = -((1_u64 << 43) as f64);

/// A fault that some check has found, in row 0.
const FOUND: u64 = fault(3, 0);

thread_local! {
    /// The kernels that this thread has launched.
    static LAUNCHED: RefCell<HashSet<Kernel>> = RefCell::new(HashSet::new());
}

fn run<A>(kernel: Kernel, Grid(blocks, order): Grid, args: &A) {
    assert_eq!(size_of::<A>(), kernel.size_of_args(), "{kernel:?}");
    LAUNCHED.with_borrow_mut(|launched| launched.insert(kernel));
    // SAFETY: what the tests pass are slices and places of their own vectors, each of them once.
    unsafe { launch(kernel, blocks, order, (&raw const *args).cast()) };
}

/// Poisoned places, and as many behind them that must stay so.
struct Out<T> {
    values: Vec<T>,
    len: usize,
}

impl<T: Copy> Out<T> {
    fn of(poison: T, len: usize) -> Self {
        let values = vec![poison; 2 * len];
        Self { values, len }
    }

    fn places(&mut self) -> Places<T> {
        Places::new(self.values.as_mut_ptr() as u64, self.len)
    }
}

impl<T: Element> Out<T> {
    fn new(len: usize) -> Self {
        Self::of(T::narrow(POISON), len)
    }

    /// Checks what was written, and poisons it again.
    #[track_caller]
    fn check(&mut self, expected: &[T], what: impl Display) {
        let (values, behind) = self.values.split_at_mut(self.len);
        same(values, expected, what);
        values.fill(T::narrow(POISON));
        assert!(behind.iter().all(|value| value.widen() == POISON));
    }

    #[track_caller]
    fn check_unwritten(&self) {
        assert!(self.values.iter().all(|value| value.widen() == POISON));
    }
}

fn sums<T: Element>(len: usize) -> Out<SumOf<T>> {
    Out::of(SumOf::<T>::default().add(POISON), len)
}

fn are_unwritten(sums: &[impl Sum]) -> bool {
    sums.iter().all(|sum| sum.real().hi() == POISON)
}

fn slice<T>(of: &[T]) -> Slice<T> {
    Slice::new(of.as_ptr() as u64, of.len())
}

/// The bits of a number, every NaN being the same one.
fn bits<T: Element>(x: T) -> u64 {
    if x.is_nan() { f64::NAN } else { x.widen() }.to_bits()
}

#[track_caller]
fn same<T: Element>(got: &[T], expected: &[T], what: impl Display) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let pair = |index: &usize| bits(got[*index]) != bits(expected[*index]);
    if let Some(index) = (0..got.len()).find(pair) {
        let (got, expected) = (got[index], expected[index]);
        panic!("{what}: at {index} {got:?} instead of {expected:?}");
    }
}

/// The kernel of this name for elements of this type.
fn of_type<T: Element>(name: &str) -> Kernel {
    let full = format!("{name}_{}", type_name::<T>());
    let found = Kernel::ALL.iter().find(|kernel| kernel.name() == full);
    *found.unwrap_or_else(|| panic!("no kernel {full}"))
}

fn divided_by(number: f64) -> Divisor {
    Divisor {
        number,
        at: Slice::NONE,
    }
}

/// What the nodes of one level come to, and that divided and rounded: in as many rounds as it takes.
fn reduce<T: Element>(grid: Grid, mut nodes: Vec<SumOf<T>>, divisor: Divisor) -> ([f64; 2], T) {
    loop {
        let groups = nodes.len().div_ceil(TREE_WIDTH);
        let last = usize::from(groups <= 1);
        let mut above = sums::<T>(if groups <= 1 { 0 } else { groups });
        let (mut total, mut result) = (Out::<f64>::new(2 * last), Out::<T>::new(last));
        let args = TreeArgs {
            nodes: slice(&nodes),
            above: above.places(),
            total: total.places(),
            result: result.places(),
            divisor,
            report: Places::NONE,
        };
        run(of_type::<T>("tree"), grid, &args);
        if last == 1 {
            return ([total.values[0], total.values[1]], result.values[0]);
        }
        above.values.truncate(groups);
        nodes = above.values;
    }
}

/// The nodes that a kernel made, and poison behind them.
fn nodes<T: Element>(mut sums: Out<SumOf<T>>) -> Vec<SumOf<T>> {
    let behind = sums.values.split_off(sums.len);
    assert!(are_unwritten(&behind));
    sums.values
}

/// The divisors of a mean and of a sum.
const REDUCTIONS: [Reduction; 2] = [Reduction::Mean, Reduction::Sum];

/// What core makes of the data of a loss.
struct Expected<T> {
    losses: Vec<T>,
    /// With a `grad_output` each.
    gradients: Vec<T>,
    /// The mean and the sum, and the gradient of each times one `grad_output`.
    reduced: Vec<(T, Vec<T>)>,
}

/// Calls the methods of a loss.
macro_rules! expected {
    (
        $loss:expr, $input:expr, $target:expr, $g:expr, $grad_output:expr, $losses:expr, $elements:expr,
        $forward:ident $forward_each:ident $backward:ident $backward_each:ident
    ) => {{
        let (mut losses, mut gradients) = (vec![T::zero(); $losses], vec![T::zero(); $elements]);
        let loss = $loss;
        loss.$forward_each($input, $target, &mut losses)
            .expect("losses");
        loss.$backward_each($input, $target, $g, &mut gradients)
            .expect("gradients");
        let reduced = REDUCTIONS.map(|reduction| {
            let (loss, mut grad) = (loss.reduction(reduction), vec![T::zero(); $elements]);
            loss.$backward($input, $target, $grad_output, &mut grad)
                .expect("a gradient");
            (loss.$forward($input, $target).expect("a loss"), grad)
        });
        Expected {
            losses,
            gradients,
            reduced: reduced.into(),
        }
    }};
}

// Elements.

fn nothing<T: Element>() -> ElementArgs<T> {
    ElementArgs {
        input: Slice::NONE,
        target: Slice::NONE,
        weight: Slice::NONE,
        pos_weight: Slice::NONE,
        numbers: [1.0; 2],
        grad_output: Slice::NONE,
        scale: f64::NAN,
        values: Places::NONE,
        grad_input: Places::NONE,
        sums: Places::NONE,
        report: Places::NONE,
    }
}

/// Logits, a few of which are not finite.
fn logits<T: Element>(random: &mut Random, len: usize) -> Vec<T> {
    random.elements(len, |random| match random.below(400) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => f64::NAN,
        3 => -0.0,
        4..40 => random.within(800.0),
        _ => random.within(6.0),
    })
}

/// Numbers in [0, 1], many of them 0 or 1.
fn probabilities<T: Element>(random: &mut Random, len: usize) -> Vec<T> {
    random.elements(len, |random| match random.below(4) {
        0 => 0.0,
        1 => 1.0,
        _ => random.unit(),
    })
}

/// The hard labels nearest to probabilities.
fn labels<T: Element>(probabilities: &[T]) -> Vec<T> {
    let label = |&p: &T| {
        if p < T::narrow(0.5) {
            T::zero()
        } else {
            T::one()
        }
    };
    probabilities.iter().map(label).collect()
}

fn factors<T: Element>(random: &mut Random, len: usize) -> Vec<T> {
    random.elements(len, |random| random.within(3.0))
}

fn losses_of_elements<T: Element>(kernel: Kernel, function: &str) {
    for &len in LENGTHS {
        let random = &mut Random::new(len as u64);
        let is_probability = function == "bce";
        let x: Vec<T> = if is_probability {
            probabilities(random, len)
        } else {
            logits(random, len)
        };
        let (mut y, g) = (probabilities::<T>(random, len), factors::<T>(random, len));
        if function == "focal_with_logits" {
            y = labels(&y);
        }
        let numbers = [0.75, 1.5];
        // Of the input's length, or broadcast over it.
        let divisor = (2..len).find(|&d| len.is_multiple_of(d)).unwrap_or(1);
        let (weight, pos_weight) = (factors(random, len), factors(random, divisor));
        let grad_output = T::narrow(-1.75);
        let weights: &[[&[T]; 2]] = match function {
            "mse" | "huber" | "focal_with_logits" => &[[&[], &[]]],
            "bce" => &[[&[], &[]], [&weight, &[]], [&pos_weight, &[]]],
            _ => &[
                [&[], &[]],
                [&pos_weight, &[]],
                [&[], &weight],
                [&weight, &pos_weight],
            ],
        };
        for &[weight, pos_weight] in weights {
            let one = [T::one()];
            let or_one = |weight| {
                if <[T]>::is_empty(weight) {
                    &one
                } else {
                    weight
                }
            };
            let each = (len, len);
            let expected = match function {
                "mse" => {
                    expected!(Mse::new(), &x, &y, &g, grad_output, each.0, each.1,
                        forward forward_each backward backward_each)
                }
                "huber" => {
                    expected!(Huber::new().delta(numbers[0]), &x, &y, &g, grad_output, each.0, each.1,
                        forward forward_each backward backward_each)
                }
                "focal_with_logits" => {
                    let loss = FocalWithLogits::new().alpha(numbers[0]).gamma(numbers[1]);
                    expected!(loss, &x, &y, &g, grad_output, each.0, each.1,
                        forward forward_each backward backward_each)
                }
                "bce" => {
                    expected!(Bce::new().weight(or_one(weight)), &x, &y, &g, grad_output, each.0, each.1,
                        forward forward_each backward backward_each)
                }
                _ => {
                    let loss = BceWithLogits::new()
                        .weight(or_one(weight))
                        .pos_weight(or_one(pos_weight));
                    expected!(loss, &x, &y, &g, grad_output, each.0, each.1,
                        forward forward_each backward backward_each)
                }
            };
            let args = ElementArgs {
                input: slice(&x),
                target: slice(&y),
                weight: slice(weight),
                pos_weight: slice(pos_weight),
                numbers,
                ..nothing()
            };
            for grid in GRIDS {
                let what = format!(
                    "{kernel:?}, {len} elements, {} and {} weights, {grid:?}",
                    weight.len(),
                    pos_weight.len()
                );
                check_elements(kernel, grid, args, &expected, &g, grad_output, &what);
            }
        }
    }
}

fn check_elements<T: Element>(
    kernel: Kernel,
    grid: Grid,
    args: ElementArgs<T>,
    expected: &Expected<T>,
    g: &[T],
    grad_output: T,
    what: &str,
) {
    let len = args.input.len();
    let (mut values, mut grad) = (Out::<T>::new(len), Out::<T>::new(len));
    let mut of_blocks = sums::<T>(len.div_ceil(BLOCK));
    let mut report = [NO_FAULT, 7];
    let everything = ElementArgs {
        grad_output: slice(g),
        values: values.places(),
        grad_input: grad.places(),
        sums: of_blocks.places(),
        report: Places::new(report.as_mut_ptr() as u64, 2),
        ..args
    };
    run(kernel, grid, &everything);
    values.check(&expected.losses, what);
    grad.check(&expected.gradients, what);
    let of_blocks = nodes::<T>(of_blocks);
    assert_eq!(report, [NO_FAULT, 7]);

    for (divisor, (loss, gradients)) in [len as f64, 1.0].into_iter().zip(&expected.reduced) {
        let (_, got) = reduce::<T>(grid, of_blocks.clone(), divided_by(divisor));
        same(&[got], &[*loss], what);
        let scale = divide(T::Real::from(grad_output.widen()), T::Real::from(divisor));
        run(
            kernel,
            grid,
            &ElementArgs {
                scale,
                grad_input: grad.places(),
                ..args
            },
        );
        grad.check(gradients, what);
    }
    run(
        kernel,
        grid,
        &ElementArgs {
            values: values.places(),
            ..args
        },
    );
    values.check(&expected.losses, what);

    // After a fault nothing is written.
    report = [FOUND, 7];
    let mut of_blocks = sums::<T>(len.div_ceil(BLOCK));
    run(
        kernel,
        grid,
        &ElementArgs {
            sums: of_blocks.places(),
            ..everything
        },
    );
    values.check_unwritten();
    grad.check_unwritten();
    assert!(are_unwritten(&of_blocks.values));
    assert_eq!(report, [FOUND, 7]);
}

fn activations<T: Element>(kernel: Kernel, function: &str) {
    for &len in LENGTHS {
        let random = &mut Random::new(len as u64);
        let (x, g) = (logits::<T>(random, len), factors::<T>(random, len));
        for beta in [1.0, 2.5] {
            let (mut values, mut gradients) = (vec![T::zero(); len], vec![T::zero(); len]);
            macro_rules! expect {
                ($activation:expr) => {{
                    $activation.forward(&x, &mut values).expect("values");
                    $activation
                        .backward(&x, &g, &mut gradients)
                        .expect("gradients");
                }};
            }
            match function {
                "sigmoid" => expect!(Sigmoid::new()),
                "log_sigmoid" => expect!(LogSigmoid::new()),
                _ => expect!(Softplus::new().beta(beta)),
            }
            for grid in GRIDS {
                let what = format!("{kernel:?}, {len} elements, {grid:?}");
                let (mut out, mut grad) = (Out::<T>::new(len), Out::<T>::new(len));
                let mut report = NO_FAULT;
                let args = ElementArgs {
                    input: slice(&x),
                    numbers: [beta, 1.0],
                    report: Places::new(&raw mut report as u64, 1),
                    ..nothing()
                };
                let forward = ElementArgs {
                    values: out.places(),
                    ..args
                };
                let backward = ElementArgs {
                    grad_output: slice(&g),
                    grad_input: grad.places(),
                    ..args
                };
                run(kernel, grid, &forward);
                out.check(&values, &what);
                run(kernel, grid, &backward);
                grad.check(&gradients, &what);
                report = FOUND;
                run(kernel, grid, &forward);
                run(kernel, grid, &backward);
                out.check_unwritten();
                grad.check_unwritten();
                assert_eq!(report, FOUND);
            }
        }
    }
}

fn binary_accuracies<T: Element>(kernel: Kernel) {
    for &len in LENGTHS {
        let random = &mut Random::new(len as u64);
        let (x, y) = (logits::<T>(random, len), probabilities::<T>(random, len));
        let right = |index: usize| binary_accuracy(&x[index..=index], &y[index..=index]);
        let each: Vec<T> = (0..len)
            .map(|index| right(index).expect("0 or 1"))
            .collect();
        let all = binary_accuracy(&x, &y).expect("an accuracy");
        for grid in GRIDS {
            let what = format!("{kernel:?}, {len} elements, {grid:?}");
            let (mut values, mut of_blocks) = (Out::new(len), sums::<T>(len.div_ceil(BLOCK)));
            let mut report = NO_FAULT;
            let args = ElementArgs {
                input: slice(&x),
                target: slice(&y),
                values: values.places(),
                sums: of_blocks.places(),
                report: Places::new(&raw mut report as u64, 1),
                ..nothing()
            };
            run(kernel, grid, &args);
            values.check(&each, &what);
            let (_, got) = reduce::<T>(grid, nodes::<T>(of_blocks), divided_by(len as f64));
            same(&[got], &[all], &what);
            report = FOUND;
            run(
                kernel,
                grid,
                &ElementArgs {
                    sums: Places::NONE,
                    ..args
                },
            );
            values.check_unwritten();
            assert_eq!(report, FOUND);
        }
    }
}

// Rows.

/// Rows before the classes, classes, and rows after.
const SHAPES: [[usize; 3]; 17] = [
    [1, 1, 1],
    [3, 2, 1],
    [5, 31, 1],
    [9, 32, 1],
    [7, 33, 1],
    [2, 255, 1],
    [3, 256, 1],
    [2, 257, 1],
    [1, 4095, 1],
    [1, 4096, 1],
    [2, 4097, 1],
    [1, 5000, 1],
    [2, 3, 4],
    [3, 40, 7],
    [1, 300, 3],
    [1, 4200, 2],
    [530, 10, 1],
];

/// The shapes for rows of so many threads: blocks take long for many rows. An unoptimised build tries the small ones.
fn shapes(spread: Spread) -> impl Iterator<Item = [usize; 3]> {
    let few = move |&[outer, _, stride]: &[usize; 3]| spread.rows() > 1 || outer * stride < 100;
    let small =
        |shape: &[usize; 3]| !cfg!(debug_assertions) || shape.iter().product::<usize>() <= 300;
    SHAPES.into_iter().filter(few).filter(small)
}

fn no_rows<T: Element>(extent: Extent) -> RowArgs<T> {
    RowArgs {
        input: Slice::NONE,
        extent,
        labels: Labels::NONE,
        probabilities: Slice::NONE,
        weight: Slice::NONE,
        ignore_index: -100,
        label_smoothing: 0.0,
        grad_output: Slice::NONE,
        scale: f64::NAN,
        divisor: divided_by(f64::NAN),
        losses: Places::NONE,
        terms: Places::NONE,
        output: Places::NONE,
        report: Places::NONE,
    }
}

fn extent([outer, classes, stride]: [usize; 3]) -> Extent {
    Extent {
        outer,
        classes,
        stride,
    }
}

/// Labels of one of the six types: `$body` with `$labels` as a vector of it.
macro_rules! with_labels {
    ($kind:expr, $classes:expr, |$labels:ident| $body:expr) => {
        match $kind % 6 {
            0 => with_labels!(i64, $classes, $labels, $body),
            1 => with_labels!(i32, $classes, $labels, $body),
            2 => with_labels!(u32, $classes, $labels, $body),
            3 => with_labels!(u16, $classes, $labels, $body),
            4 if $classes.iter().all(|&class| class < 256) => {
                with_labels!(u8, $classes, $labels, $body)
            }
            _ => with_labels!(usize, $classes, $labels, $body),
        }
    };
    ($of:ty, $classes:expr, $labels:ident, $body:expr) => {{
        let $labels: Vec<$of> = $classes.iter().map(|&class| class as $of).collect();
        $body
    }};
}

/// The sum of the weights of rows, as the kernels find it.
fn total_weight<T: Element>(
    grid: Grid,
    labels: Labels,
    ignore_index: i64,
    weight: &[T],
) -> [f64; 2] {
    let mut of_blocks = sums::<f64>(labels.len().div_ceil(BLOCK));
    let args = WeightArgs::<T> {
        labels,
        ignore_index,
        weight: slice(weight),
        sums: of_blocks.places(),
        report: Places::NONE,
    };
    run(of_type::<T>("weights"), grid, &args);
    reduce::<f64>(grid, nodes::<f64>(of_blocks), divided_by(1.0)).0
}

fn losses_of_rows<T: Element>(kernel: Kernel, function: &str, spread: Spread) {
    for (kind, shape) in shapes(spread).enumerate() {
        let extent = extent(shape);
        let (rows, len) = (extent.rows(), extent.elements());
        let random = &mut Random::new(kind as u64);
        let x: Vec<T> = if function == "nll" {
            random.elements(len, |random| -30.0 * random.unit())
        } else {
            logits(random, len)
        };
        let q = probabilities::<T>(random, len);
        let classes: Vec<usize> = (0..rows)
            .map(|_| random.below(extent.classes as u64) as usize)
            .collect();
        let (weight, g) = (factors::<T>(random, extent.classes), factors(random, rows));
        let grad_output = T::narrow(2.25);
        // The label that is ignored is one of the classes.
        for (option, (weight, ignore_index, smoothing)) in [
            (None, -100, 0.0),
            (Some(&weight[..]), 1, 0.0),
            (None, 0, 0.1),
            (Some(&weight[..]), -100, 0.3),
        ]
        .into_iter()
        .enumerate()
        {
            if function == "nll" && smoothing > 0.0 {
                continue;
            }
            let input = Classes::new(&x, shape).expect("a shape");
            let args = RowArgs {
                input: slice(&x),
                weight: slice(weight.unwrap_or(&[])),
                ignore_index,
                label_smoothing: smoothing,
                ..no_rows(extent)
            };
            let cross_entropy = CrossEntropy::new()
                .ignore_index(ignore_index)
                .label_smoothing(smoothing);
            let cross_entropy = weight.map_or(cross_entropy, |weight| cross_entropy.weight(weight));
            let nll = Nll::new().ignore_index(ignore_index);
            let nll = weight.map_or(nll, |weight| nll.weight(weight));
            // All grids without options, then another one for each.
            let grids = if option == 0 {
                &GRIDS[..]
            } else {
                &GRIDS[option..=option]
            };
            let check = |args: RowArgs<T>, expected: &Expected<T>| {
                for &grid in grids {
                    let what = format!(
                        "{kernel:?}, shape {shape:?}, {grid:?}, weights: {}, smoothing {smoothing}",
                        weight.is_some()
                    );
                    check_rows(kernel, grid, args, expected, &g, grad_output, &what);
                }
            };
            if function == "cross_entropy_probabilities" {
                let expected = expected!(cross_entropy, input, &q, &g, grad_output, rows, len,
                    forward_probabilities forward_each_probabilities
                    backward_probabilities backward_each_probabilities);
                check(
                    RowArgs {
                        probabilities: slice(&q),
                        ..args
                    },
                    &expected,
                );
                continue;
            }
            with_labels!(kind, classes, |labels| {
                let expected = match function {
                    "nll" => {
                        expected!(nll, input, &labels, &g, grad_output, rows, len,
                            forward forward_each backward backward_each)
                    }
                    _ => {
                        expected!(cross_entropy, input, &labels, &g, grad_output, rows, len,
                            forward forward_each backward backward_each)
                    }
                };
                check(
                    RowArgs {
                        labels: slice(&labels).into(),
                        ..args
                    },
                    &expected,
                );
            });
        }
    }
}

fn check_rows<T: Element>(
    kernel: Kernel,
    grid: Grid,
    args: RowArgs<T>,
    expected: &Expected<T>,
    g: &[T],
    grad_output: T,
    what: &str,
) {
    let (rows, len) = (args.extent.rows(), args.extent.elements());
    let (mut losses, mut grad) = (Out::<T>::new(rows), Out::<T>::new(len));
    let mut terms = Out::<f64>::new(rows);
    let mut report = [NO_FAULT, 7];
    let everything = RowArgs {
        grad_output: slice(g),
        losses: losses.places(),
        terms: terms.places(),
        output: grad.places(),
        report: Places::new(report.as_mut_ptr() as u64, 2),
        ..args
    };
    run(kernel, grid, &everything);
    losses.check(&expected.losses, what);
    grad.check(&expected.gradients, what);
    assert_eq!(report, [NO_FAULT, 7]);
    let of_blocks = sums_of_terms::<T>(grid, &terms.values[..rows]);

    let weight = if args.labels.is_empty() {
        [rows as f64, 0.0]
    } else {
        // SAFETY: the weights that the test passed.
        let weight = unsafe { std::slice::from_raw_parts(address(args.weight), args.weight.len()) };
        total_weight::<T>(grid, args.labels, args.ignore_index, weight)
    };
    // In memory of the device, or not.
    let mean = Divisor {
        number: f64::NAN,
        at: slice(&weight),
    };
    for (divisor, (loss, gradients)) in [mean, divided_by(1.0)].into_iter().zip(&expected.reduced) {
        let (_, got) = reduce::<T>(grid, of_blocks.clone(), divisor);
        same(&[got], &[*loss], what);
        let scale = grad_output.widen();
        run(
            kernel,
            grid,
            &RowArgs {
                scale,
                divisor,
                output: grad.places(),
                ..args
            },
        );
        grad.check(gradients, what);
    }
    run(
        kernel,
        grid,
        &RowArgs {
            losses: losses.places(),
            ..args
        },
    );
    losses.check(&expected.losses, what);

    terms = Out::new(rows);
    report = [FOUND, 7];
    run(
        kernel,
        grid,
        &RowArgs {
            terms: terms.places(),
            ..everything
        },
    );
    losses.check_unwritten();
    grad.check_unwritten();
    terms.check_unwritten();
    check_label(report, args.labels, what);
}

/// Where a slice begins.
fn address<T>(of: Slice<T>) -> *const T {
    // SAFETY: two `u64`, the address before the length, and nothing else.
    let [address, _] = unsafe { std::mem::transmute_copy::<Slice<T>, [u64; 2]>(&of) };
    if address == 0 {
        std::ptr::dangling()
    } else {
        address as *const T
    }
}

/// The fault lies in row 0, so the report has its label, where there are labels.
#[track_caller]
fn check_label(report: [u64; 2], labels: Labels, what: &str) {
    assert_eq!(report[0], FOUND, "{what}");
    assert_eq!(report[LABEL] == 7, labels.is_empty(), "{what}: {report:?}");
}

fn sums_of_terms<T: Element>(grid: Grid, terms: &[f64]) -> Vec<SumOf<T>> {
    let mut of_blocks = sums::<T>(terms.len().div_ceil(BLOCK));
    let args = TermArgs::<T> {
        terms: slice(terms),
        sums: of_blocks.places(),
        report: Places::NONE,
    };
    run(of_type::<T>("terms"), grid, &args);
    nodes::<T>(of_blocks)
}

fn accuracies<T: Element>(kernel: Kernel, spread: Spread) {
    for (kind, shape) in shapes(spread).enumerate() {
        let extent = extent(shape);
        let rows = extent.rows();
        let random = &mut Random::new(kind as u64);
        // Of few values, so that many are the largest.
        let x: Vec<T> = random.elements(extent.elements(), |random| match random.below(300) {
            0 => f64::NAN,
            1 => f64::NEG_INFINITY,
            _ => random.below(50) as f64,
        });
        let input = Classes::new(&x, shape).expect("a shape");
        let class = |row: usize, j: usize| {
            let [_, classes, stride] = shape;
            x[row / stride * classes * stride + row % stride + j * stride]
        };
        // Half of the labels are the first largest.
        let classes: Vec<usize> = (0..rows)
            .map(|row| {
                let largest = (0..extent.classes).rev().max_by(|&a, &b| {
                    let [a, b] = [a, b].map(|j| class(row, j).widen());
                    a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
                });
                match random.below(2) {
                    0 => largest.unwrap_or(0),
                    _ => random.below(extent.classes as u64) as usize,
                }
            })
            .collect();
        with_labels!(kind, classes, |labels| {
            let each: Vec<T> = (0..rows)
                .map(|row| {
                    let alone: Vec<T> = (0..extent.classes).map(|j| class(row, j)).collect();
                    let alone = Classes::new(&alone, [extent.classes]).expect("a row");
                    accuracy(alone, &labels[row..=row]).expect("0 or 1")
                })
                .collect();
            let all: T = accuracy(input, &labels).expect("an accuracy");
            for grid in GRIDS {
                let what = format!("{kernel:?}, shape {shape:?}, {grid:?}");
                let (mut right, mut terms) = (Out::<T>::new(rows), Out::<f64>::new(rows));
                let mut report = [NO_FAULT, 7];
                let args = RowArgs {
                    input: slice(&x),
                    labels: slice(&labels).into(),
                    losses: right.places(),
                    terms: terms.places(),
                    report: Places::new(report.as_mut_ptr() as u64, 2),
                    ..no_rows(extent)
                };
                run(kernel, grid, &args);
                right.check(&each, &what);
                let of_blocks = sums_of_terms::<T>(grid, &terms.values[..rows]);
                let (_, got) = reduce::<T>(grid, of_blocks, divided_by(rows as f64));
                same(&[got], &[all], &what);
                report = [FOUND, 7];
                run(
                    kernel,
                    grid,
                    &RowArgs {
                        terms: Places::NONE,
                        ..args
                    },
                );
                right.check_unwritten();
                check_label(report, args.labels, &what);
            }
        });
    }
}

fn softmaxes<T: Element>(kernel: Kernel, function: &str, spread: Spread) {
    for shape in shapes(spread) {
        let extent = extent(shape);
        let len = extent.elements();
        let random = &mut Random::new(len as u64);
        let (x, g) = (logits::<T>(random, len), factors::<T>(random, len));
        let input = Classes::new(&x, shape).expect("a shape");
        let (mut values, mut gradients) = (vec![T::zero(); len], vec![T::zero(); len]);
        if function == "softmax" {
            Softmax::new().forward(input, &mut values).expect("values");
            Softmax::new()
                .backward(input, &g, &mut gradients)
                .expect("gradients");
        } else {
            LogSoftmax::new()
                .forward(input, &mut values)
                .expect("values");
            LogSoftmax::new()
                .backward(input, &g, &mut gradients)
                .expect("gradients");
        }
        for grid in GRIDS {
            let what = format!("{kernel:?}, shape {shape:?}, {grid:?}");
            let mut out = Out::<T>::new(len);
            let mut report = NO_FAULT;
            let forward = RowArgs {
                input: slice(&x),
                output: out.places(),
                report: Places::new(&raw mut report as u64, 1),
                ..no_rows(extent)
            };
            let backward = RowArgs {
                grad_output: slice(&g),
                ..forward
            };
            run(kernel, grid, &forward);
            out.check(&values, &what);
            run(kernel, grid, &backward);
            out.check(&gradients, &what);
            report = FOUND;
            run(kernel, grid, &forward);
            run(kernel, grid, &backward);
            out.check_unwritten();
            assert_eq!(report, FOUND);
        }
    }
}

// The tree.

/// Terms of many magnitudes and both signs.
fn terms_of(len: usize) -> Vec<f64> {
    let random = &mut Random::new(len as u64);
    (0..len).map(|_| random.of_any_magnitude(40)).collect()
}

/// The sums of blocks, and what they come to: by core, and by merging neighbours, level by level.
fn tree_of<T: Element>(terms: &[f64]) -> [f64; 2] {
    let of_block = |terms: &[f64]| -> SumOf<T> { block(Alone, terms.len(), |k| terms[k]) };
    let sum = merged::<T>(terms.chunks(BLOCK).map(of_block).collect());
    [sum.hi(), sum.lo()]
}

fn merged<T: Element>(mut nodes: Vec<SumOf<T>>) -> T::Real {
    while nodes.len() > 1 {
        let merge = |pair: &[SumOf<T>]| match *pair {
            [left, right] => left.merge(right),
            _ => pair[0],
        };
        nodes = nodes.chunks(2).map(merge).collect();
    }
    nodes.pop().unwrap_or_default().real()
}

fn terms<T: Element>(kernel: Kernel) {
    let check = |len, grid| {
        let terms = terms_of(len);
        let (got, _) = reduce::<T>(grid, sums_of_terms::<T>(grid, &terms), divided_by(1.0));
        same(
            &got,
            &tree_of::<T>(&terms),
            format_args!("{kernel:?}, {len} terms, {grid:?}"),
        );
    };
    for grid in GRIDS {
        LENGTHS.iter().for_each(|&len| check(len, grid));
        let mut of_blocks = sums::<T>(3);
        let mut report = [FOUND, 7];
        let args = TermArgs::<T> {
            terms: slice(&terms_of(9001)),
            sums: of_blocks.places(),
            report: Places::new(report.as_mut_ptr() as u64, 2),
        };
        run(kernel, grid, &args);
        assert!(are_unwritten(&of_blocks.values));
        assert_eq!(report, [FOUND, 7]);
    }
    // In two rounds.
    check(257 * BLOCK + 5, Grid(30, Order::Shuffled(5)));
}

fn weights<T: Element>(kernel: Kernel) {
    for (kind, &len) in LENGTHS.iter().enumerate() {
        let random = &mut Random::new(len as u64);
        let classes: Vec<usize> = (0..len).map(|_| random.below(20) as usize).collect();
        let of_classes = factors::<T>(random, 20);
        for (weight, ignore_index) in [(&of_classes[..], 3), (&of_classes, -1), (&[], 3), (&[], -1)]
        {
            let of_row = |&class: &usize| match weight {
                _ if class as i64 == ignore_index => 0.0,
                [] => 1.0,
                weight => weight[class].widen(),
            };
            let of_rows: Vec<f64> = classes.iter().map(of_row).collect();
            let expected = tree_of::<f64>(&of_rows);
            with_labels!(kind, classes, |labels| {
                let labels: Labels = slice(&labels).into();
                for grid in GRIDS {
                    let what = format!("{kernel:?}, {len} rows, {grid:?}, ignored {ignore_index}");
                    let got = total_weight::<T>(grid, labels, ignore_index, weight);
                    same(&got, &expected, &what);
                    let mut of_blocks = sums::<f64>(len.div_ceil(BLOCK));
                    let mut report = [FOUND, 7];
                    let args = WeightArgs {
                        labels,
                        ignore_index,
                        weight: slice(weight),
                        sums: of_blocks.places(),
                        report: Places::new(report.as_mut_ptr() as u64, 2),
                    };
                    run(kernel, grid, &args);
                    assert!(are_unwritten(&of_blocks.values));
                    assert_eq!(report, [FOUND, classes[0] as u64], "{what}");
                }
            });
        }
    }
}

fn tree<T: Element>(kernel: Kernel) {
    for len in [
        0, 1, 2, 3, 31, 33, 255, 256, 257, 511, 4097, 65535, 65536, 65537,
    ] {
        let of_term = |&term: &f64| SumOf::<T>::default().add(term).add(1.0 / 3.0);
        let nodes: Vec<SumOf<T>> = terms_of(len).iter().map(of_term).collect();
        let expected = merged::<T>(nodes.clone());
        // The mean of nothing is NaN, its sum 0.
        for divisor in [len as f64, 1.0] {
            for grid in if len > 60_000 { &GRIDS[3..] } else { &GRIDS } {
                let what = format!("{kernel:?}, {len} nodes, {grid:?}");
                let (total, result) = reduce::<T>(*grid, nodes.clone(), divided_by(divisor));
                same(&total, &[expected.hi(), expected.lo()], &what);
                same(
                    &[result],
                    &[T::narrow(divide(expected, T::Real::from(divisor)))],
                    &what,
                );
            }
        }
        let (mut above, mut total, mut result) = (sums::<T>(300), Out::new(2), Out::<T>::new(1));
        let mut report = FOUND;
        let args = TreeArgs {
            nodes: slice(&nodes),
            above: above.places(),
            total: total.places(),
            result: result.places(),
            divisor: divided_by(1.0),
            report: Places::new(&raw mut report as u64, 1),
        };
        run(kernel, GRIDS[1], &args);
        assert!(are_unwritten(&above.values));
        total.check_unwritten();
        result.check_unwritten();
        assert_eq!(report, FOUND);
    }
}

// Checks.

/// What a check of these values reports in every grid, after a report.
fn reported<A: Copy>(kernel: Kernel, args: impl Fn(Places<u64>) -> A, before: u64) -> u64 {
    let reports = GRIDS.map(|grid| {
        let mut report = [before, 7];
        run(
            kernel,
            grid,
            &args(Places::new(report.as_mut_ptr() as u64, 2)),
        );
        assert_eq!(report[LABEL], 7);
        report[0]
    });
    assert!(
        reports.iter().all(|&report| report == reports[0]),
        "{kernel:?} {reports:?}"
    );
    reports[0]
}

/// Checks with a fault at each of these places, which the first of them must be found at; `core` says where core finds one.
fn faults<A: Copy>(
    kernel: Kernel,
    len: usize,
    args: impl Fn(&[usize], Places<u64>) -> (A, Option<usize>),
) {
    let at: [&[usize]; 6] = [
        &[],
        &[0],
        &[len - 1],
        &[len / 2],
        &[len / 3, len - 1, len / 2],
        &[len - 1, 0],
    ];
    for at in at {
        let what = format!("{kernel:?}, {len} elements, faults at {at:?}");
        let first = at.iter().min().copied();
        let of = |places| {
            let (args, of_core) = args(at, places);
            assert_eq!(of_core, first, "{what}");
            args
        };
        let found = first.map_or(NO_FAULT, |index| fault(4, index));
        assert_eq!(reported(kernel, of, NO_FAULT), found, "{what}");
        // A fault that an earlier check found stays, one of a later check does not.
        let (earlier, later) = (fault(3, usize::MAX), fault(5, 0));
        assert_eq!(reported(kernel, of, earlier), earlier, "{what}");
        assert_eq!(reported(kernel, of, later), found.max(later), "{what}");
    }
}

fn check_args<T>(values: Slice<T>, report: Places<u64>) -> CheckArgs<T> {
    CheckArgs {
        values,
        labels: Labels::NONE,
        ignore_index: 0,
        ignores: 0,
        classes: 0,
        check: 4,
        report,
    }
}

fn index_of(error: Option<Error>) -> Option<usize> {
    match error? {
        Error::OutsideUnitInterval { index, .. }
        | Error::NotHardLabel { index, .. }
        | Error::NotFinite { index, .. }
        | Error::ClassIndex { index, .. } => Some(index),
        error => panic!("{error}"),
    }
}

fn checks_of_values<T: Element>(kernel: Kernel, function: &str) {
    let is_unit = function == "check_unit_interval";
    let is_label = function == "check_hard_labels";
    let wrong: &[f64] = if is_label {
        &[f64::NAN, 0.5, 1.0000001192092896, -1.0]
    } else if is_unit {
        &[f64::NAN, 1.0000001192092896, -1e-40, f64::INFINITY]
    } else {
        &[f64::NAN, f64::NEG_INFINITY, f64::INFINITY]
    };
    for &len in LENGTHS {
        let random = &mut Random::new(len as u64);
        let right = if is_label {
            labels(&probabilities::<T>(random, len))
        } else if is_unit {
            probabilities::<T>(random, len)
        } else {
            factors(random, len)
        };
        for &wrong in wrong {
            let values = RefCell::new(Vec::new());
            faults(kernel, len, |at, report| {
                let mut values = values.borrow_mut();
                values.clone_from(&right);
                at.iter().for_each(|&at| values[at] = T::narrow(wrong));
                let mut out = vec![T::zero(); len];
                let zeros = vec![T::zero(); len];
                let of_core = if is_label {
                    FocalWithLogits::new().forward_each(&zeros, &values, &mut out)
                } else if is_unit {
                    Bce::new().forward_each(&zeros, &values, &mut out)
                } else {
                    Bce::new()
                        .weight(&values)
                        .forward_each(&zeros, &zeros, &mut out)
                };
                (check_args(slice(&values), report), index_of(of_core.err()))
            });
        }
    }
}

fn checks_of_labels(kernel: Kernel) {
    const CLASSES: usize = 20;
    for &len in FEW_LENGTHS {
        let random = &mut Random::new(len as u64);
        let right: Vec<i64> = (0..len)
            .map(|_| random.below(CLASSES as u64) as i64)
            .collect();
        let input = vec![0.0_f32; len * CLASSES];
        let mut out = vec![0.0; len];
        let out = RefCell::new(&mut out);
        macro_rules! of_type {
            ($of:ty: $($wrong:expr),*) => {
                for wrong in [$($wrong),*] {
                    // The label that core ignores, which is none of these.
                    for ignored in [None, Some(-100)] {
                        let labels = RefCell::new(Vec::<$of>::new());
                        faults(kernel, len, |at, report| {
                            let mut labels = labels.borrow_mut();
                            labels.clear();
                            labels.extend(right.iter().map(|&label| label as $of));
                            at.iter().for_each(|&at| labels[at] = wrong);
                            let args = CheckArgs {
                                labels: slice(&labels).into(),
                                ignore_index: ignored.unwrap_or(0),
                                ignores: u64::from(ignored.is_some()),
                                classes: CLASSES as u64,
                                ..check_args::<u8>(Slice::NONE, report)
                            };
                            let input = Classes::new(&input, [len, CLASSES]).expect("a shape");
                            let loss = Nll::new().ignore_index(-100);
                            let of_core = loss.forward_each(input, &labels, &mut out.borrow_mut());
                            (args, index_of(of_core.err()))
                        });
                    }
                }
            };
        }
        of_type!(i64: CLASSES as i64, -1, i64::MIN, i64::MAX);
        of_type!(i32: CLASSES as i32, -1);
        of_type!(u32: CLASSES as u32, u32::MAX);
        of_type!(u16: CLASSES as u16);
        of_type!(u8: CLASSES as u8, 255);
        of_type!(usize: CLASSES, usize::MAX);
        // The ignored label is no fault where labels are ignored, and one where they are not.
        let labels: Vec<i64> = right.iter().map(|_| -100).collect();
        for (ignores, expected) in [(1, NO_FAULT), (0, fault(4, 0))] {
            let args = |report| CheckArgs {
                labels: slice(&labels).into(),
                ignore_index: -100,
                ignores,
                classes: CLASSES as u64,
                ..check_args::<u8>(Slice::NONE, report)
            };
            assert_eq!(reported(kernel, args, NO_FAULT), expected);
        }
    }
}

// All of them.

/// What a kernel's name says: its function, how many threads share a row, if it is of rows, and whether it is of `f64`.
fn parts(kernel: Kernel) -> (&'static str, Option<Spread>, bool) {
    const SPREADS: [(&str, Spread); 3] = [
        ("_thread", Spread::Thread),
        ("_warp", Spread::Warp),
        ("_block", Spread::Block),
    ];
    let name = kernel.name();
    let wide = name.ends_with("_f64");
    let name = name.trim_end_matches("_f32").trim_end_matches("_f64");
    let stripped = |(end, spread)| Some((name.strip_suffix(end)?, Some(spread), wide));
    SPREADS
        .into_iter()
        .find_map(stripped)
        .unwrap_or((name, None, wide))
}

/// Tests the kernels of a function.
fn check(function: &str) {
    let of_function = |kernel: &&Kernel| parts(**kernel).0 == function;
    for &kernel in Kernel::ALL.iter().filter(of_function) {
        let (_, spread, wide) = parts(kernel);
        LAUNCHED.with_borrow_mut(HashSet::clear);
        if wide {
            check_kernel::<f64>(kernel, function, spread);
        } else {
            check_kernel::<f32>(kernel, function, spread);
        }
        let launched = LAUNCHED.with_borrow(|launched| launched.contains(&kernel));
        assert!(launched, "{kernel:?}");
    }
}

fn check_kernel<T: Element>(kernel: Kernel, function: &str, spread: Option<Spread>) {
    match (function, spread) {
        ("check_unit_interval" | "check_hard_labels" | "check_finite", None) => {
            checks_of_values::<T>(kernel, function);
        }
        ("check_labels", None) => checks_of_labels(kernel),
        ("mse" | "huber" | "bce" | "bce_with_logits" | "focal_with_logits", None) => {
            losses_of_elements::<T>(kernel, function);
        }
        ("sigmoid" | "log_sigmoid" | "softplus", None) => activations::<T>(kernel, function),
        ("binary_accuracy", None) => binary_accuracies::<T>(kernel),
        ("nll" | "cross_entropy" | "cross_entropy_probabilities", Some(spread)) => {
            losses_of_rows::<T>(kernel, function, spread);
        }
        ("softmax" | "log_softmax", Some(spread)) => softmaxes::<T>(kernel, function, spread),
        ("accuracy", Some(spread)) => accuracies::<T>(kernel, spread),
        ("terms", None) => terms::<T>(kernel),
        ("weights", None) => weights::<T>(kernel),
        ("tree", None) => tree::<T>(kernel),
        _ => panic!("{kernel:?} has no test"),
    }
}

/// A test for each function.
macro_rules! functions {
    ($($function:ident)*) => {
        mod function {
            $(#[test] fn $function() { super::check(stringify!($function)) })*
        }

        #[test]
        fn every_kernel_has_a_test() {
            let tested = [$(stringify!($function)),*];
            for &kernel in Kernel::ALL {
                assert!(tested.contains(&parts(kernel).0), "{kernel:?}");
            }
            for function in tested {
                assert!(Kernel::ALL.iter().any(|&kernel| parts(kernel).0 == function), "{function}");
            }
        }
    };
}

functions! {
    cross_entropy cross_entropy_probabilities nll softmax log_softmax accuracy
    mse huber bce bce_with_logits focal_with_logits sigmoid log_sigmoid softplus binary_accuracy
    check_unit_interval check_hard_labels check_finite check_labels
    terms weights tree
}
