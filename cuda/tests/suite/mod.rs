//! What must hold of a device, real or emulated: its answers are core's, to the bit, and so are its errors.

mod compared;
pub(crate) mod device;

use compared::Compared;
use device::Device;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use trueloss::device::Domain;
use trueloss::{BLOCK, Partial};
use trueloss_cuda::{Classes, CrossEntropy, Element, Error, Gpu, Mse, Nll, Reduction, Sigmoid};
use trueloss_digest::Set;
use trueloss_digest::call::{
    Core, Direction, ElementCall, ElementFunction, Labels, Library, RowCall, RowFunction,
};
use trueloss_digest::random::SplitMix64;
use trueloss_verify::case::{Case, Dtype};
use trueloss_verify::claims::{self, Inputs};
use trueloss_verify::generate::{self, ElementType, Sampler};
use trueloss_verify::kernels;
use trueloss_verify::oracle::Call;

/// How much there is time for.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// The set of digests.
    pub(crate) digests: Set,
    /// How many elements the calls of each claim have together.
    pub(crate) elements: u64,
    /// The most classes of a row.
    pub(crate) classes: usize,
    /// The most elements of a batch.
    pub(crate) batch: usize,
    /// Whether each digest is printed.
    pub(crate) print: bool,
}

/// The command line's choice of checks, by parts of their names. Without a name all checks are chosen; `--skip` takes
/// some out.
#[derive(Default)]
pub(crate) struct Chosen {
    only: Vec<String>,
    skip: Vec<String>,
}

impl Chosen {
    /// # Panics
    ///
    /// Where there is an option that it does not have.
    pub(crate) fn new(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut chosen = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--skip" => chosen.skip.push(arguments.next().expect("--skip NAME")),
                option if option.starts_with('-') => panic!("{option}: the only option is --skip"),
                _ => chosen.only.push(argument),
            }
        }
        chosen
    }

    fn has(&self, name: &str) -> bool {
        let named = |parts: &[String]| parts.iter().any(|part| name.contains(part));
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

type Check = fn(&Gpu, Effort, &mut Random);

/// The most telling come first and the slowest last, as a run on a borrowed device may be cut short.
const CHECKS: [(&str, Check); 12] = [
    ("every digest is the CPU's", digests),
    ("the case files have core's bits", case_files),
    ("rows of few and of many classes have core's bits", rows),
    ("views, streams, and losses that stay on the device", views),
    (
        "what core refuses is refused, and nothing is written",
        refused,
    ),
    ("labels of every type are read", labels),
    ("calls without checks", without_checks),
    ("partials of a device and of core merge", partials),
    ("the mean of nothing is NaN, and its sum 0", nothing),
    ("functions of one argument have core's bits", one_argument),
    ("the calls of the table of claims have core's bits", claims),
    ("batches of many elements have core's bits", batches),
];

/// How many checks there are.
pub(crate) const COUNT: usize = CHECKS.len();

/// Runs the chosen checks, and says whether they passed. It is a failure if none was chosen.
pub(crate) fn run(gpu: &Gpu, effort: Effort, chosen: &Chosen) -> bool {
    let seed = match std::env::var("TRUELOSS_SEED") {
        Ok(seed) => seed.parse().expect("TRUELOSS_SEED is a number"),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u64)
        }
    };
    println!("fresh random numbers: TRUELOSS_SEED={seed} gives them again");
    let (mut ran, mut failed) = (0, 0);
    for (name, check) in CHECKS {
        if !chosen.has(name) {
            continue;
        }
        ran += 1;
        let start = Instant::now();
        let mut random = Random(SplitMix64::new(seed));
        let passed = catch_unwind(AssertUnwindSafe(|| check(gpu, effort, &mut random))).is_ok();
        failed += usize::from(!passed);
        let verdict = if passed { "ok" } else { "FAILED" };
        println!(
            "{name} ... {verdict} ({:.1} s)",
            start.elapsed().as_secs_f64()
        );
    }
    println!("{failed} of {ran} failed");
    if ran == 0 {
        println!("no check has such a name");
    }
    ran > 0 && failed == 0
}

pub(crate) struct Random(SplitMix64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    /// In [0, 1), with 24 bits.
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 40) as f64 / (1 << 24) as f64
    }

    fn numbers<T: Element>(&mut self, len: usize, from: f64, to: f64) -> Vec<T> {
        let number = |_| T::narrow(from + (to - from) * self.unit());
        (0..len).map(number).collect()
    }
}

fn bits<T: Element>(x: T) -> u64 {
    if x.is_nan() {
        u64::MAX
    } else {
        x.widen().to_bits()
    }
}

fn all_bits<T: Element>(values: &[T]) -> Vec<u64> {
    values.iter().map(|&x| bits(x)).collect()
}

/// A device answers a call of elements as core does.
fn same_elements<T: Element>(gpu: &Gpu, call: &ElementCall<'_, T>) {
    let (mut expected, mut actual) = (
        vec![T::zero(); call.outputs()],
        vec![T::one(); call.outputs()],
    );
    let of_core = Core.elements(call, &mut expected).expect("legal");
    let of_device = Device(gpu).elements(call, &mut actual).expect("legal");
    let what = || {
        let (name, direction) = (call.function.name(), call.direction.name());
        format!("{name} {direction} of {} elements", call.input.len())
    };
    assert_eq!(of_device.map(bits), of_core.map(bits), "{}", what());
    first_difference(&actual, &expected, what);
}

/// And one of rows.
fn same_rows<T: Element>(gpu: &Gpu, call: &RowCall<'_, T>) {
    let (mut expected, mut actual) = (
        vec![T::zero(); call.outputs()],
        vec![T::one(); call.outputs()],
    );
    let of_core = Core.rows(call, &mut expected).expect("legal");
    let of_device = Device(gpu).rows(call, &mut actual).expect("legal");
    let what = || {
        let (name, direction) = (call.function.name(), call.direction.name());
        format!("{name} {direction} of shape {:?}", call.shape)
    };
    assert_eq!(of_device.map(bits), of_core.map(bits), "{}", what());
    first_difference(&actual, &expected, what);
}

fn first_difference<T: Element>(actual: &[T], expected: &[T], what: impl Fn() -> String) {
    let differs = |(_, (a, e)): &(usize, (&T, &T))| bits(**a) != bits(**e);
    let difference = actual.iter().zip(expected).enumerate().find(differs);
    if let Some((at, (actual, expected))) = difference {
        panic!("{}: at {at} it is {actual:?}, not {expected:?}", what());
    }
}

fn digests(gpu: &Gpu, effort: Effort, _: &mut Random) {
    let library = &mut Compared::new(gpu);
    let mut compared = 0;
    let mut differ = Vec::new();
    trueloss_digest::each_of(library, effort.digests, &mut |name, digest| {
        compared += 1;
        let equal = trueloss_digest::committed(effort.digests, name) == Some(digest);
        if !equal {
            differ.push(name);
        }
        if effort.print {
            let verdict = if equal { "equal" } else { "DIFFERS" };
            println!("{name} {digest:016x} {verdict}");
        }
    })
    .expect("the inputs are legal");
    println!(
        "{compared} digests ({:?} set): {} equal, {} differ",
        effort.digests,
        compared - differ.len(),
        differ.len()
    );
    assert!(compared > 80, "{compared}");
    let from_core = library.differ();
    assert!(
        differ.is_empty() || !from_core.is_empty(),
        "the device has core's bits, and core has others on this machine than those on record: {differ:?}"
    );
    assert!(
        from_core.is_empty(),
        "{} functions differ from core",
        from_core.len()
    );
}

/// A device answers a call of the oracle's as core does.
fn same<T: Element>(gpu: &Gpu, call: &Call) {
    let device = &mut Device(gpu);
    let of_core: Vec<T> = kernels::forward(call).expect("legal");
    let of_device: Vec<T> = kernels::forward_of(device, call).expect("legal");
    assert_eq!(
        all_bits(&of_device),
        all_bits(&of_core),
        "forward of {call:?}"
    );
    let of_core: Vec<T> = kernels::backward(call).expect("legal");
    let of_device: Vec<T> = kernels::backward_of(device, call).expect("legal");
    assert_eq!(
        all_bits(&of_device),
        all_bits(&of_core),
        "backward of {call:?}"
    );
}

fn claims(gpu: &Gpu, effort: Effort, random: &mut Random) {
    for claim in claims::table() {
        let Inputs::Calls(calls) = claim.inputs else {
            continue;
        };
        let strategy = calls(claim.element);
        let mut sampler = Sampler::new(random.0.next_u64());
        let mut elements = 0;
        while elements < effort.elements {
            let call = sampler.sample(&strategy);
            elements += call.input.len() as u64;
            match claim.element {
                ElementType::F32 => same::<f32>(gpu, &call),
                ElementType::F64 => same::<f64>(gpu, &call),
                // There are no kernels for them.
                ElementType::F16 | ElementType::BF16 => break,
            }
        }
    }
}

fn one_argument(gpu: &Gpu, effort: Effort, random: &mut Random) {
    let spread = generate::spread(random.0.next_u64() % (1 << 40), 10 * effort.elements);
    let input: Vec<f32> = generate::edges().into_iter().chain(spread).collect();
    let ones = vec![1.0; input.len()];
    for function in ElementFunction::ACTIVATIONS {
        for direction in [Direction::ForwardEach, Direction::BackwardEach] {
            let call = ElementCall {
                function,
                direction,
                grad_outputs: &ones,
                ..elements_of(&input, &[])
            };
            same_elements(gpu, &call);
        }
    }
    for label in [0.0, 1.0] {
        let target = vec![label; input.len()];
        for direction in [Direction::ForwardEach, Direction::BackwardEach] {
            let call = ElementCall {
                direction,
                grad_outputs: &ones,
                ..elements_of(&input, &target)
            };
            same_elements(gpu, &call);
        }
    }
}

/// The loss of logits, and what other functions need besides.
fn elements_of<'a, T: Element>(input: &'a [T], target: &'a [T]) -> ElementCall<'a, T> {
    let function = ElementFunction::BinaryCrossEntropyWithLogits;
    ElementCall {
        target,
        ..ElementCall::new(function, Direction::Forward, input)
    }
}

fn case_files(gpu: &Gpu, _: Effort, _: &mut Random) {
    // A copy of this program on another machine has its case files beside it.
    let folder = std::env::var_os("TRUELOSS_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../verify/cases"),
        PathBuf::from,
    );
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    files.sort();
    assert_eq!(files.len(), 172);
    for file in files {
        let case = Case::read(&file).unwrap_or_else(|error| panic!("{error}"));
        // Every f32 is an f64 too.
        same::<f64>(gpu, &case.call);
        if case.dtype == Dtype::F32 {
            same::<f32>(gpu, &case.call);
        }
    }
}

fn rows(gpu: &Gpu, effort: Effort, random: &mut Random) {
    let most = effort.classes;
    // Around where another number of threads takes a row, and where a row has more than a block of the tree.
    let shapes = [
        [700, 1, 1],
        [300, 10, 1],
        [257, 16, 1],
        [9, 17, 1],
        [8, 33, 1],
        [3, 1024, 1],
        [3, 1025, 1],
        [2, 4096, 1],
        [2, 4097, 1],
        [1, 12_345, 1],
        [1, most, 1],
        [2, 5, 130],
        [1, 1024, 3],
        [2, 1500, 2],
    ];
    for shape in shapes {
        rows_of_shape::<f32>(gpu, shape, random);
        rows_of_shape::<f64>(gpu, shape, random);
    }
}

fn rows_of_shape<T: Element>(gpu: &Gpu, shape: [usize; 3], random: &mut Random) {
    let [outer, classes, stride] = shape;
    let (rows, len) = (outer * stride, outer * classes * stride);
    let data = random.numbers::<T>(len, -12.0, 12.0);
    let probabilities = random.numbers::<T>(len, 0.0, 1.0);
    let weight = random.numbers::<T>(classes, -0.5, 2.0);
    let grad_outputs = random.numbers::<T>(len, -2.0, 2.0);
    let labels: Vec<i64> = (0..rows).map(|_| random.below(classes) as i64).collect();
    let options = RowCall {
        labels: Labels::I64(&labels),
        probabilities: &probabilities,
        weight: Some(&weight),
        ignore_index: labels[0],
        label_smoothing: 0.1,
        grad_output: T::narrow(0.7),
        grad_outputs: &grad_outputs[..rows],
        ..RowCall::new(RowFunction::CrossEntropy, Direction::Forward, &data, shape)
    };
    let plain = RowCall {
        weight: None,
        ignore_index: -100,
        label_smoothing: 0.0,
        ..options
    };
    for function in RowFunction::LOSSES {
        for direction in Direction::ALL {
            for call in [options, plain] {
                let call = RowCall {
                    function,
                    direction,
                    ..call
                };
                same_rows(gpu, &call);
            }
        }
    }
    for function in RowFunction::ACTIVATIONS {
        for direction in [Direction::ForwardEach, Direction::BackwardEach] {
            let call = RowCall {
                function,
                direction,
                grad_outputs: &grad_outputs,
                ..plain
            };
            same_rows(gpu, &call);
        }
    }
    let of_core = Core.accuracy(&data, shape, plain.labels).map(bits);
    let of_device = Device(gpu).accuracy(&data, shape, plain.labels).map(bits);
    assert_eq!(of_device.ok(), of_core.ok());
}

fn batches(gpu: &Gpu, effort: Effort, random: &mut Random) {
    for len in [
        1,
        255,
        256,
        257,
        4095,
        4096,
        4097,
        255 * 4096,
        257 * 4096 + 3,
        effort.batch,
    ] {
        if len <= effort.batch {
            batch::<f32>(gpu, len, random);
            batch::<f64>(gpu, len.min(effort.batch / 4), random);
        }
    }
}

fn batch<T: Element>(gpu: &Gpu, len: usize, random: &mut Random) {
    let (x, y) = (
        random.numbers::<T>(len, 0.0, 1.0),
        random.numbers::<T>(len, 0.0, 1.0),
    );
    let weight = random.numbers::<T>(1, -1.0, 3.0);
    let nearest = |no: T| -> Vec<T> {
        let of = |y: &T| if *y < T::narrow(0.5) { no } else { T::one() };
        y.iter().map(of).collect()
    };
    let (labels, signs) = (nearest(T::zero()), nearest(-T::one()));
    for function in ElementFunction::LOSSES {
        let Some(arguments) = function.arguments() else {
            continue;
        };
        let y = match arguments.target {
            Domain::HardLabels => &labels,
            Domain::Signs => &signs,
            _ => &y,
        };
        for (direction, reduction) in [
            (Direction::Forward, Reduction::Sum),
            (Direction::ForwardBackward, Reduction::Mean),
        ] {
            let call = ElementCall {
                function,
                direction,
                reduction,
                weight: (len % 2 == 1).then_some(&weight),
                numbers: arguments.defaults(),
                ..elements_of(&x, y)
            };
            same_elements(gpu, &call);
        }
    }
    let y: Vec<T> = y.iter().map(|y| y.round()).collect();
    let of_core = Core.binary_accuracy(&x, &y).map(bits);
    let of_device = Device(gpu).binary_accuracy(&x, &y).map(bits);
    assert_eq!(of_device.ok(), of_core.ok());
}

fn labels(gpu: &Gpu, _: Effort, random: &mut Random) {
    fn of_type<I: trueloss_cuda::ClassIndex>(gpu: &Gpu, logits: &[f32], labels: &[I]) {
        let stream = gpu.stream();
        let data = stream.clone_htod(logits).expect("room");
        let target = stream.clone_htod(labels).expect("room");
        let shape = [labels.len(), logits.len() / labels.len()];
        let loss = CrossEntropy::new()
            .ignore_index(2)
            .forward(gpu, Classes::new(&data, shape).expect("fits"), &target)
            .and_then(|loss| loss.wait());
        let input = trueloss::Classes::new(logits, shape).expect("fits");
        let of_core = trueloss::CrossEntropy::new()
            .ignore_index(2)
            .forward(input, labels);
        assert_eq!(loss.map(bits), Ok(of_core.map(bits).expect("legal")));
    }
    let logits = random.numbers::<f32>(300 * 5, -4.0, 4.0);
    let labels: Vec<u8> = (0..300).map(|_| random.below(5) as u8).collect();
    of_type::<u8>(gpu, &logits, &labels);
    of_type::<u16>(
        gpu,
        &logits,
        &labels.iter().map(|&y| y.into()).collect::<Vec<_>>(),
    );
    of_type::<u32>(
        gpu,
        &logits,
        &labels.iter().map(|&y| y.into()).collect::<Vec<_>>(),
    );
    of_type::<i32>(
        gpu,
        &logits,
        &labels.iter().map(|&y| y.into()).collect::<Vec<_>>(),
    );
    of_type::<i64>(
        gpu,
        &logits,
        &labels.iter().map(|&y| y.into()).collect::<Vec<_>>(),
    );
    of_type::<usize>(
        gpu,
        &logits,
        &labels.iter().map(|&y| y.into()).collect::<Vec<_>>(),
    );
}

/// Both refuse a call, for the same reason, and the device writes nothing.
fn refused_alike<T: Element>(
    of_core: Result<Option<T>, trueloss::Error>,
    of_device: Result<Option<T>, Error>,
    output: &[T],
) {
    let expected = of_core.expect_err("illegal");
    assert_eq!(of_device.map(|_| ()), Err(Error::Argument(expected)));
    let poison = bits(T::narrow(-7.25e22));
    assert!(
        output.iter().all(|&x| bits(x) == poison),
        "{expected}: something was written"
    );
}

fn refused(gpu: &Gpu, _: Effort, random: &mut Random) {
    refused_elements::<f32>(gpu, random);
    refused_elements::<f64>(gpu, random);
    refused_rows::<f32>(gpu, random);
    refused_rows::<f64>(gpu, random);
}

fn refused_elements<T: Element>(gpu: &Gpu, random: &mut Random) {
    const LEN: usize = 9000;
    let good = random.numbers::<T>(LEN, 0.0, 1.0);
    let with = |at: &[(usize, f64)]| {
        let mut bad = good.clone();
        for &(index, value) in at {
            bad[index] = T::narrow(value);
        }
        bad
    };
    let negative = with(&[(8191, -0.5), (70, -1e-30), (8999, 2.0)]);
    let nan = with(&[(8999, f64::NAN)]);
    let infinite = with(&[(256, f64::INFINITY), (4097, f64::NAN)]);
    let calls = [
        (
            ElementFunction::BinaryCrossEntropyWithLogits,
            &good,
            &negative,
            None,
            None,
        ),
        (
            ElementFunction::BinaryCrossEntropyWithLogits,
            &good,
            &nan,
            None,
            None,
        ),
        (
            ElementFunction::BinaryCrossEntropyWithLogits,
            &good,
            &good,
            Some(&infinite),
            None,
        ),
        (
            ElementFunction::BinaryCrossEntropyWithLogits,
            &good,
            &nan,
            None,
            Some(&infinite),
        ),
        (
            ElementFunction::BinaryCrossEntropyWithLogits,
            &good,
            &nan,
            Some(&nan),
            Some(&infinite),
        ),
        (
            ElementFunction::BinaryCrossEntropy,
            &negative,
            &nan,
            None,
            None,
        ),
        (ElementFunction::BinaryCrossEntropy, &good, &nan, None, None),
        (
            ElementFunction::BinaryCrossEntropy,
            &nan,
            &good,
            Some(&infinite),
            None,
        ),
    ];
    for (function, x, y, weight, pos_weight) in calls {
        for direction in Direction::ALL {
            let call = ElementCall {
                function,
                direction,
                weight: weight.map(Vec::as_slice),
                pos_weight: pos_weight.map(Vec::as_slice),
                grad_outputs: &good,
                ..elements_of(x, y)
            };
            let mut out = vec![T::zero(); call.outputs()];
            let of_core = Core.elements(&call, &mut out);
            let of_device = Device(gpu).elements(&call, &mut out);
            refused_alike(of_core, of_device, &out);
        }
    }
    // Lengths that do not fit.
    for direction in Direction::ALL {
        let call = ElementCall {
            direction,
            grad_outputs: &good,
            ..elements_of(&good, &good)
        };
        let short = ElementCall {
            target: &good[1..],
            ..call
        };
        let odd = ElementCall {
            weight: Some(&good[..7]),
            ..call
        };
        let none = ElementCall {
            pos_weight: Some(&[]),
            ..call
        };
        for call in [short, odd, none] {
            let mut out = vec![T::narrow(-7.25e22); call.outputs()];
            let of_core = Core.elements(&call, &mut out.clone());
            // Nothing comes back from a call that was never made.
            let of_device = Device(gpu).elements(&call, &mut out);
            refused_alike(of_core, of_device, &out);
        }
    }
    let call = ElementCall {
        function: ElementFunction::Softplus,
        direction: Direction::ForwardEach,
        beta: -1.0,
        ..elements_of(&good, &[])
    };
    let mut out = vec![T::narrow(-7.25e22); LEN];
    let of_core = Core.elements(&call, &mut out.clone());
    let of_device = Device(gpu).elements(&call, &mut out);
    refused_alike(of_core, of_device, &out);
}

fn refused_rows<T: Element>(gpu: &Gpu, random: &mut Random) {
    let shape = [300, 5, 3];
    let data = random.numbers::<T>(4500, -3.0, 3.0);
    let mut infinite = random.numbers::<T>(4500, 0.0, 1.0);
    infinite[4400] = T::infinity();
    let weight = random.numbers::<T>(5, 0.0, 1.0);
    let labels: Vec<i32> = (0..900).map(|_| random.below(5) as i32).collect();
    let mut illegal = labels.clone();
    (illegal[850], illegal[899], illegal[851]) = (5, -1, i32::MIN);
    let good = RowCall {
        function: RowFunction::CrossEntropy,
        direction: Direction::Forward,
        reduction: Reduction::Mean,
        data: &data,
        shape,
        labels: Labels::I32(&labels),
        probabilities: &data,
        weight: Some(&weight),
        ignore_index: -100,
        label_smoothing: 0.0,
        grad_output: T::one(),
        grad_outputs: &data[..900],
    };
    let calls = [
        RowCall {
            labels: Labels::I32(&illegal),
            ..good
        },
        RowCall {
            function: RowFunction::NllLoss,
            labels: Labels::I32(&illegal),
            ..good
        },
        RowCall {
            weight: Some(&infinite[4396..4401]),
            labels: Labels::I32(&illegal),
            ..good
        },
        RowCall {
            function: RowFunction::CrossEntropyProbabilities,
            probabilities: &infinite,
            ..good
        },
    ];
    for call in calls {
        for direction in Direction::ALL {
            let call = RowCall { direction, ..call };
            let mut out = vec![T::zero(); call.outputs()];
            let of_core = Core.rows(&call, &mut out);
            let of_device = Device(gpu).rows(&call, &mut out);
            refused_alike(of_core, of_device, &out);
        }
    }
    let calls = [
        RowCall {
            labels: Labels::I32(&labels[1..]),
            ..good
        },
        RowCall {
            weight: Some(&weight[..4]),
            ..good
        },
        RowCall {
            label_smoothing: 1.5,
            ..good
        },
        RowCall {
            function: RowFunction::CrossEntropyProbabilities,
            probabilities: &data[..4499],
            ..good
        },
        RowCall {
            shape: [301, 5, 3],
            ..good
        },
    ];
    for call in calls {
        let of_core = Core.rows(&call, &mut []);
        let of_device = Device(gpu).rows(&call, &mut []);
        refused_alike(of_core, of_device, &[]);
    }
    let of_core = Core.accuracy(&data, shape, Labels::I32(&illegal));
    let of_device = Device(gpu).accuracy(&data, shape, Labels::I32(&illegal));
    refused_alike(of_core.map(Some), of_device.map(Some), &[]);
}

fn views(gpu: &Gpu, _: Effort, random: &mut Random) {
    let (x, y) = (
        random.numbers::<f32>(5000, -9.0, 9.0),
        random.numbers::<f32>(5000, -1.0, 1.0),
    );
    let run = || -> Result<(), Box<dyn std::error::Error>> {
        let stream = gpu.stream();
        let (on_device, target) = (stream.clone_htod(&x)?, stream.clone_htod(&y)?);
        let mut output = stream.alloc_zeros::<f32>(5000)?;
        // A part of a slice, into a part of another.
        let (part, mut places) = (on_device.slice(100..200), output.slice_mut(7..107));
        Sigmoid::new().forward(gpu, &part, &mut places)?.wait()?;
        let output = stream.clone_dtoh(&output)?;
        let expected: Vec<f32> = x[100..200].iter().map(|&x| trueloss::sigmoid(x)).collect();
        assert_eq!(output[7..107], expected);
        assert!(output[..7].iter().chain(&output[107..]).all(|&x| x == 0.0));
        // A loss whose number is left where it is.
        let loss = Mse::new().forward(gpu, &on_device, &target)?;
        let number = stream.clone_dtoh(loss.on_device())?;
        let expected = trueloss::Mse::new().forward(&x, &y)?;
        assert_eq!((number[0], loss.wait()?), (expected, expected));
        // Another stream, which waits for what this one does to the slices.
        let other = gpu.with_stream(stream.context().new_stream()?)?;
        let loss = Mse::new().forward(gpu, &on_device, &target)?;
        let number = other.stream().clone_dtoh(loss.on_device())?;
        assert_eq!((number[0], loss.wait()?), (expected, expected));
        let mut gradient = stream.clone_htod(&y)?;
        let loss = Mse::new().forward_backward(&other, &on_device, &target, &mut gradient)?;
        let again = Mse::new().forward(gpu, &gradient, &target)?;
        assert_eq!(loss.wait()?, expected);
        let mut of_core = vec![0.0; 5000];
        trueloss::Mse::new().backward(&x, &y, 1.0, &mut of_core)?;
        assert_eq!(again.wait()?, trueloss::Mse::new().forward(&of_core, &y)?);
        Ok(())
    };
    run().expect("legal");
}

fn without_checks(gpu: &Gpu, _: Effort, random: &mut Random) {
    let gpu = &gpu.without_checks();
    let data = random.numbers::<f32>(12, -2.0, 2.0);
    let run = || -> Result<(), Error> {
        let stream = gpu.stream();
        let input = stream.clone_htod(&data)?;
        let labels = stream.clone_htod(&[0_i64, 2, 3, 1])?;
        let classes = Classes::new(&input, [4, 3])?;
        // A label beyond the classes: no error, and no other row's numbers come to harm.
        let mut losses = stream.alloc_zeros::<f32>(4)?;
        Nll::new()
            .forward_each(gpu, classes, &labels, &mut losses)?
            .wait()?;
        let losses = stream.clone_dtoh(&losses)?;
        assert_eq!(losses[..2], [-data[0], -data[5]]);
        assert_eq!(losses[3], -data[10]);
        // Legal numbers have the bits that they always have.
        let labels = stream.clone_htod(&[0_i64, 2, 2, 1])?;
        let loss = CrossEntropy::new().forward(gpu, classes, &labels)?.wait()?;
        let input = trueloss::Classes::new(&data, [4, 3])?;
        let expected = trueloss::CrossEntropy::new().forward(input, &[0_i64, 2, 2, 1])?;
        assert_eq!(loss, expected);
        Ok(())
    };
    run().expect("legal");
}

fn nothing(gpu: &Gpu, _: Effort, _: &mut Random) {
    for reduction in [Reduction::Mean, Reduction::Sum] {
        let call = ElementCall::<f32> {
            reduction,
            ..elements_of(&[], &[])
        };
        same_elements(gpu, &call);
        for function in RowFunction::LOSSES {
            for shape in [[0, 3, 1], [0, 5000, 1]] {
                let call = RowCall::<f64> {
                    function,
                    direction: Direction::Forward,
                    reduction,
                    data: &[],
                    shape,
                    labels: Labels::I32(&[]),
                    probabilities: &[],
                    weight: None,
                    ignore_index: -100,
                    label_smoothing: 0.0,
                    grad_output: 1.0,
                    grad_outputs: &[],
                };
                same_rows(gpu, &call);
            }
        }
    }
}

fn partials(gpu: &Gpu, _: Effort, random: &mut Random) {
    partials_of::<f32>(gpu, random);
    partials_of::<f64>(gpu, random);
}

/// The first part is the device's, the second core's, and the third the device's again.
fn partials_of<T: Element>(gpu: &Gpu, random: &mut Random) {
    let cuts = [0, 2 * BLOCK, 3 * BLOCK, 5 * BLOCK + 77];
    let (x, y) = (
        random.numbers::<T>(cuts[3], -9.0, 9.0),
        random.numbers::<T>(cuts[3], 0.0, 1.0),
    );
    let weight = random.numbers::<T>(1, 0.5, 2.0);
    let labels = vec![0_i64; cuts[3]];
    let run = || -> Result<(), Error> {
        let stream = gpu.stream();
        let on_device = (stream.clone_htod(&x)?, stream.clone_htod(&y)?);
        let on_device_too = (stream.clone_htod(&labels)?, stream.clone_htod(&weight)?);
        let (mut mse, mut nll) = (None::<Partial<T>>, None::<Partial<T>>);
        let options = trueloss::Nll::new().weight(&weight);
        for (part, cut) in cuts.windows(2).enumerate() {
            let run = cut[0]..cut[1];
            let shape = [run.len(), 1];
            let (of_mse, of_nll) = if part == 1 {
                let input = trueloss::Classes::new(&x[run.clone()], shape)?;
                (
                    trueloss::Mse::new().partial(&x[run.clone()], &y[run.clone()], run.start)?,
                    options.partial(input, &labels[run.clone()], run.start)?,
                )
            } else {
                let (x, y) = (
                    on_device.0.slice(run.clone()),
                    on_device.1.slice(run.clone()),
                );
                let labels = on_device_too.0.slice(run.clone());
                let input = Classes::new(&x, shape)?;
                (
                    Mse::new().partial(gpu, &x, &y, run.start)?,
                    Nll::new()
                        .weight(&on_device_too.1)
                        .partial(gpu, input, &labels, run.start)?,
                )
            };
            for (all, next) in [(&mut mse, of_mse), (&mut nll, of_nll)] {
                match all {
                    Some(all) => all.merge(&next)?,
                    None => *all = Some(next),
                }
            }
        }
        let mse = mse.map(|all| all.finish(Reduction::Mean)).transpose()?;
        assert_eq!(
            mse.map(bits),
            Some(bits(trueloss::Mse::new().forward(&x, &y)?))
        );
        let nll = nll.map(|all| all.finish(Reduction::Mean)).transpose()?;
        let input = trueloss::Classes::new(&x, [cuts[3], 1])?;
        assert_eq!(nll.map(bits), Some(bits(options.forward(input, &labels)?)));
        Ok(())
    };
    run().expect("legal");
}
