//! Times every kernel on a device. It prints a line of JSON for each function, direction, type and shape, with checks of the
//! arguments and without. `cuda/speed.py` makes a page of the lines.
//!
//! `cargo run --release -p trueloss-cuda --example speed -- [--seconds N]` begins with the most wanted figures. It leaves out
//! figures that would end later than N seconds after the start, and prints a line for each of them too. `--describe` prints
//! the device's properties alone. `TRUELOSS_DEVICE_SCALE` divides the sizes, for an emulated device. `LD_LIBRARY_PATH`
//! finds that one's library, if it lies there as libcuda.so.
//!
//! A figure is the median of batches of calls, timed by the device's events, with the kernels loaded and warm. If the L2
//! could hold the inputs and outputs, several sets of them take turns. A slow call is made less often.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;
use trueloss::device::Domain;
use trueloss_cuda::cudarc::driver::sys::{self, CUdevice_attribute as Attribute};
use trueloss_cuda::cudarc::driver::{CudaSlice, DeviceRepr, ValidAsZeroBits};
use trueloss_cuda::{Classes, Element, Gpu};
use trueloss_digest::call::{Direction, ElementCall, ElementFunction, RowCall, RowFunction};
use trueloss_digest::random::SplitMix64;

#[path = "../tests/suite/device.rs"]
#[allow(dead_code)] // The rest of it is for slices of the host.
mod device;

use device::Sent;

/// The shapes, as elements or as rows and classes.
const SHAPES: [&[usize]; 4] = [
    &[1 << 26],
    &[4096, 50_257],
    &[16_384, 128_256],
    &[1 << 20, 10],
];

/// The most milliseconds that a figure takes once its kernel is warm, if a call takes less.
const BUDGET: f64 = 300.0;

/// Batches of which the median is taken, and calls of one, at most.
const BATCHES: usize = 9;
const CALLS: usize = 50;

/// Sets of inputs and outputs, at most.
const SETS: usize = 8;

/// An argument repeats so many random numbers.
const PATTERN: usize = (1 << 22) - 3;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Clone, Copy, PartialEq)]
enum Function {
    /// The driver's copy of the input to the output: the yardstick.
    Copy,
    Elements(ElementFunction),
    Rows(RowFunction),
    /// Cross-entropy with `label_smoothing`.
    Smoothing,
    BinaryAccuracy,
    Accuracy,
}

impl Function {
    fn all() -> Vec<Self> {
        let elements = [
            &ElementFunction::LOSSES[..],
            &ElementFunction::ACTIVATIONS[..],
        ];
        let rows = [&RowFunction::LOSSES[..], &RowFunction::ACTIVATIONS[..]];
        let mut all = vec![Self::Copy];
        all.extend(elements.concat().into_iter().map(Self::Elements));
        all.extend(rows.concat().into_iter().map(Self::Rows));
        all.extend([Self::Smoothing, Self::BinaryAccuracy, Self::Accuracy]);
        all
    }

    fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Elements(function) => function.name(),
            Self::Rows(function) => function.name(),
            Self::Smoothing => "cross_entropy_smoothing",
            Self::BinaryAccuracy => "binary_accuracy",
            Self::Accuracy => "accuracy",
        }
    }

    /// Whether it has such a shape.
    fn takes(self, shape: &[usize]) -> bool {
        match self {
            Self::Copy => true,
            Self::Elements(_) | Self::BinaryAccuracy => shape.len() == 1,
            Self::Rows(_) | Self::Smoothing | Self::Accuracy => shape.len() == 2,
        }
    }

    fn is_activation(self) -> bool {
        match self {
            Self::Elements(function) => function.arguments().is_none(),
            Self::Rows(function) => function.is_activation(),
            _ => false,
        }
    }

    fn directions(self) -> &'static [Direction] {
        match self {
            Self::Copy | Self::BinaryAccuracy | Self::Accuracy => &[Direction::Forward],
            _ if self.is_activation() => &[Direction::ForwardEach, Direction::BackwardEach],
            _ => &Direction::ALL,
        }
    }

    /// Whether there is something to check.
    fn is_checked(self) -> bool {
        match self {
            Self::Copy => false,
            Self::Elements(function) => function
                .arguments()
                .is_some_and(|of| of.input != Domain::Any || of.target != Domain::Any),
            _ => !self.is_activation(),
        }
    }

    /// Whether its inputs are probabilities.
    fn takes_probabilities(self) -> bool {
        match self {
            Self::Elements(function) => {
                (function.arguments()).is_some_and(|of| of.input == Domain::UnitInterval)
            }
            _ => false,
        }
    }

    /// Whether its targets are -1 and 1.
    fn takes_signs(self) -> bool {
        match self {
            Self::Elements(function) => {
                (function.arguments()).is_some_and(|of| of.target == Domain::Signs)
            }
            _ => false,
        }
    }
}

/// The subject of one line.
#[derive(Clone)]
struct Cell {
    function: Function,
    direction: Direction,
    element: &'static str,
    shape: Vec<usize>,
    checks: bool,
}

impl Cell {
    /// All of them, the most wanted first, and those of a type and shape together.
    fn all(scale: usize) -> Vec<Self> {
        let mut all = Vec::new();
        for element in ["f32", "f64"] {
            for shape in SHAPES {
                for function in Function::all() {
                    if !function.takes(shape) {
                        continue;
                    }
                    for &direction in function.directions() {
                        for checks in [false, true] {
                            if checks && (direction.is_each() || !function.is_checked()) {
                                continue;
                            }
                            let shape = scaled(shape, scale);
                            all.push(Self {
                                function,
                                direction,
                                element,
                                shape,
                                checks,
                            });
                        }
                    }
                }
            }
        }
        all.sort_by_key(|cell| cell.rank());
        all
    }

    /// Cells of a lower rank are wanted more, and come first.
    fn rank(&self) -> usize {
        let each = self.direction.is_each() && !self.function.is_activation();
        match (self.function, self.element, self.checks) {
            (
                Function::Copy
                | Function::Elements(ElementFunction::BinaryCrossEntropyWithLogits)
                | Function::Rows(RowFunction::CrossEntropy),
                "f32",
                false,
            ) if !each => 0,
            (_, "f32", false) if !each => 1,
            (_, "f64", false) if !each => 2,
            (_, "f32", true) => 3,
            (_, "f32", _) => 4,
            _ => 5,
        }
    }

    fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    fn rows(&self) -> usize {
        self.shape[0]
    }

    /// The method's name.
    fn direction(&self) -> &'static str {
        let name = self.direction.name();
        if self.function.is_activation() {
            name.trim_end_matches("_each")
        } else {
            name
        }
    }

    /// The bytes that a call must read and write, each counted once. Reads by checks are not counted.
    fn bytes(&self) -> usize {
        let size = if self.element == "f32" { 4 } else { 8 };
        let (all, rows) = (self.elements() * size, self.rows());
        let labels = rows * size_of::<i64>();
        // The bytes of the arguments, and those of one number for each loss or value.
        let (read, each) = match self.function {
            Function::Copy => (all, all),
            Function::Elements(_) if self.function.is_activation() => (all, all),
            Function::Elements(_) | Function::BinaryAccuracy => (2 * all, all),
            Function::Rows(RowFunction::NllLoss) => match self.direction {
                // The loss needs one number of each row, the gradient none.
                Direction::Backward | Direction::BackwardEach => (labels, rows * size),
                _ => (labels + rows * size, rows * size),
            },
            Function::Rows(RowFunction::CrossEntropyProbabilities) => (2 * all, rows * size),
            Function::Rows(_) if self.function.is_activation() => (all, all),
            Function::Rows(_) | Function::Smoothing | Function::Accuracy => {
                (all + labels, rows * size)
            }
        };
        read + match (self.function, self.direction) {
            (Function::Copy, _) | (_, Direction::ForwardEach) => each,
            (_, Direction::Forward) => 0,
            (_, Direction::Backward | Direction::ForwardBackward) => all,
            (_, Direction::BackwardEach) => all + each,
        }
    }

    /// Prints the cell's line; `rest` is its end.
    fn line(&self, rest: &str) {
        let Self {
            element,
            shape,
            checks,
            ..
        } = self;
        let (function, direction, bytes) = (self.function.name(), self.direction(), self.bytes());
        println!(
            "{{\"function\": \"{function}\", \"direction\": \"{direction}\", \"element\": \"{element}\", \
             \"shape\": {shape:?}, \"checks\": {checks}, \"bytes\": {bytes}, {rest}}}"
        );
    }
}

/// A shape with fewer elements. Rows are cut first, then classes, but not below 2000: a block still works on a row.
fn scaled(shape: &[usize], scale: usize) -> Vec<usize> {
    let &[rows, classes] = shape else {
        return vec![(shape[0] / scale).max(1)];
    };
    let more = scale.div_ceil(rows);
    let fewer = (classes / more).max(classes.min(2000));
    vec![(rows / scale).max(1), fewer]
}

/// One set of arguments.
struct Set<T> {
    /// Logits.
    x: CudaSlice<T>,
    /// Probabilities, as inputs.
    p: CudaSlice<T>,
    /// Targets, 0 or 1, or for rows probabilities.
    /// The targets -1 and 1.
    signs: CudaSlice<T>,
    y: CudaSlice<T>,
    g: CudaSlice<T>,
    labels: CudaSlice<i64>,
    output: CudaSlice<T>,
    /// A number for each row: grad_outputs and losses.
    row_g: CudaSlice<T>,
    losses: CudaSlice<T>,
}

/// A slice on the device that repeats a pattern.
fn filled<T: DeviceRepr + ValidAsZeroBits>(
    gpu: &Gpu,
    pattern: &[T],
    len: usize,
) -> Outcome<CudaSlice<T>> {
    let stream = gpu.stream();
    let mut slice = stream.alloc_zeros(len.max(1))?;
    let mut done = len.min(pattern.len());
    if done == 0 {
        return Ok(slice);
    }
    stream.memcpy_htod(&pattern[..done], &mut slice.slice_mut(..done))?;
    while done < len {
        let next = done.min(len - done);
        let (from, mut to) = slice.split_at_mut(done);
        stream.memcpy_dtod(&from.as_view().slice(..next), &mut to.slice_mut(..next))?;
        done += next;
    }
    Ok(slice)
}

impl<T: Element> Set<T> {
    /// The size of a set, in numbers of its type.
    fn numbers(shape: &[usize]) -> usize {
        let elements = shape.iter().product::<usize>();
        elements * if shape.len() == 1 { 5 } else { 4 }
    }

    fn new(gpu: &Gpu, shape: &[usize], random: &mut SplitMix64) -> Outcome<Self> {
        let elements: usize = shape.iter().product();
        let of_rows = shape.len() == 2;
        let mut pattern = |from: f64, to: f64, round: bool| -> Vec<T> {
            let number = |_| {
                let unit = (random.next_u64() >> 40) as f64 / (1 << 24) as f64;
                T::narrow(if round {
                    unit.round()
                } else {
                    from + (to - from) * unit
                })
            };
            (0..elements.min(PATTERN)).map(number).collect()
        };
        let (x, y, g) = (
            pattern(-8.0, 8.0, false),
            pattern(0.0, 1.0, !of_rows),
            pattern(0.0, 1.0, false),
        );
        let signs: Vec<T> = (y.iter())
            .map(|y| T::narrow(2.0 * y.widen().round() - 1.0))
            .collect();
        let (rows, classes) = (shape[0], shape.last().copied().unwrap_or(1));
        let labels: Vec<i64> = (0..if of_rows { rows } else { 0 })
            .map(|_| (random.next_u64() % classes as u64) as i64)
            .collect();
        Ok(Self {
            x: filled(gpu, &x, elements)?,
            p: filled(gpu, &g, if of_rows { 0 } else { elements })?,
            signs: filled(gpu, &signs, if of_rows { 0 } else { elements })?,
            y: filled(gpu, &y, elements)?,
            g: filled(gpu, &g, elements)?,
            labels: filled(gpu, &labels, labels.len())?,
            output: gpu.stream().alloc_zeros(elements)?,
            row_g: filled(gpu, &g, labels.len())?,
            losses: gpu.stream().alloc_zeros(labels.len().max(1))?,
        })
    }

    /// Starts a call.
    fn call(&mut self, gpu: &Gpu, cell: &Cell) -> Outcome<()> {
        let (function, direction) = (cell.function, cell.direction);
        let input = if function.takes_probabilities() {
            &self.p
        } else {
            &self.x
        };
        // A loss of rows has a number for each of them.
        let of_losses = cell.shape.len() == 2 && !function.is_activation();
        let output = match direction {
            Direction::ForwardEach if of_losses => &mut self.losses,
            _ => &mut self.output,
        };
        let labels = &self.labels;
        let shape = [cell.rows(), cell.elements() / cell.rows(), 1];
        let sent = Sent {
            x: input,
            y: if function.takes_signs() {
                &self.signs
            } else {
                &self.y
            },
            g: if of_losses { &self.row_g } else { &self.g },
            weight: None,
            pos_weight: None,
        };
        match function {
            Function::Copy => gpu.stream().memcpy_dtod(input, output)?,
            Function::Elements(function) => {
                let call = ElementCall::new(function, direction, &[]);
                let _ = device::elements(gpu, &call, sent, output)?;
            }
            Function::BinaryAccuracy => {
                let _ = trueloss_cuda::binary_accuracy(gpu, input, &self.y)?;
            }
            Function::Accuracy => {
                let _ = trueloss_cuda::accuracy(gpu, Classes::new(input, shape)?, labels)?;
            }
            Function::Rows(_) | Function::Smoothing => {
                let mut call = RowCall::new(RowFunction::CrossEntropy, direction, &[], shape);
                match function {
                    Function::Rows(function) => call.function = function,
                    _ => call.label_smoothing = 0.1,
                }
                let _ = device::rows(gpu, &call, sent, labels, output)?;
            }
        }
        Ok(())
    }
}

/// A function, a direction and a type.
type Of = (&'static str, &'static str, &'static str);

/// The state of a run.
struct Speed {
    gpu: Gpu,
    scale: usize,
    started: Instant,
    /// Seconds from the start.
    limit: f64,
    /// The most milliseconds an element that a call has taken, to predict its next shape.
    rates: BTreeMap<Of, f64>,
    measured: usize,
    left_out: usize,
    failed: usize,
}

impl Speed {
    /// Milliseconds that are left.
    fn left(&self) -> f64 {
        1e3 * (self.limit - self.started.elapsed().as_secs_f64())
    }

    /// The milliseconds to expect for an element: the most of the same call, else of the same function, else the median of
    /// all, so that one slow function does not keep out the others.
    fn rate(&self, of: Of) -> f64 {
        let alike = |is: &dyn Fn(&Of) -> bool| {
            let known = self.rates.iter().filter(|(known, _)| is(known));
            known.map(|(_, &rate)| rate).max_by(f64::total_cmp)
        };
        let mut all: Vec<f64> = self.rates.values().copied().collect();
        all.sort_unstable_by(f64::total_cmp);
        alike(&|known| *known == of)
            .or_else(|| alike(&|known| known.0 == of.0))
            .or_else(|| all.get(all.len() / 2).copied())
            .unwrap_or(0.0)
    }

    fn leave_out(&mut self, cell: &Cell, why: &str) {
        self.left_out += 1;
        cell.line(&format!("\"left_out\": \"{why}\""));
    }

    /// The lines of a type and a shape.
    fn of_shape<T: Element>(&mut self, cells: &[Cell], more: usize) -> Outcome<()> {
        if self.left() <= 0.0 {
            for cell in cells {
                self.leave_out(cell, "no time is left");
            }
            return Ok(());
        }
        let shape = &cells[0].shape;
        let stream = self.gpu.stream().clone();
        // The memory of the shape before is free after this.
        stream.synchronize()?;
        let (free, _) = stream.context().mem_get_info()?;
        let l2 = attribute(&self.gpu, Attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE).unwrap_or(0);
        let argument = shape.iter().product::<usize>() * size_of::<T>();
        let bytes = Set::<T>::numbers(shape) * size_of::<T>();
        let wanted = match l2.max(1) as usize {
            l2 if argument > 8 * l2 => 1,
            l2 => (2 * l2).div_ceil(argument).clamp(2, SETS),
        };
        let count = wanted.min(free / 10 * 9 / bytes);
        if count == 0 {
            let why = format!("it needs {bytes} bytes, and {free} are free");
            cells.iter().for_each(|cell| self.leave_out(cell, &why));
            return Ok(());
        }
        let mut random = SplitMix64::new(1);
        let sets = (0..count).map(|_| Set::<T>::new(&self.gpu, shape, &mut random));
        let sets = &mut sets.collect::<Outcome<Vec<_>>>()?;
        for (done, cell) in cells.iter().enumerate() {
            self.cell(cell, sets, more + cells.len() - done);
        }
        Ok(())
    }

    /// Measures a cell. `cells` of them, with this one, share the time that is left.
    fn cell<T: Element>(&mut self, cell: &Cell, sets: &mut [Set<T>], cells: usize) {
        let of = (cell.function.name(), cell.direction(), cell.element);
        let (elements, left) = (cell.elements() as f64, self.left());
        // At least three calls: a warm-up, one to see how long it takes, a batch of one.
        let expected = 3.0 * elements * self.rate(of);
        if left <= expected {
            let seconds = |ms: f64| ms.max(0.0) / 1e3;
            let (needs, left) = (seconds(expected), seconds(left));
            let why = format!("it would take {needs:.3} s, and {left:.3} s are left");
            return self.leave_out(cell, &why);
        }
        let budget = BUDGET.min(left / cells as f64) / self.scale as f64;
        let gpu = if cell.checks {
            self.gpu.clone()
        } else {
            self.gpu.without_checks()
        };
        match time(&gpu, cell, sets, budget) {
            Ok((ms, calls)) => {
                self.measured += 1;
                let rate = self.rates.entry(of).or_default();
                *rate = rate.max(ms / elements);
                let sets = sets.len();
                cell.line(&format!(
                    "\"ms\": {ms}, \"calls\": {calls}, \"sets\": {sets}"
                ));
            }
            Err(error) => {
                self.failed += 1;
                cell.line(&format!("\"failed\": {:?}", error.to_string()));
            }
        }
    }
}

/// The median of the milliseconds that a call takes, and how many calls it is of.
fn time<T: Element>(
    gpu: &Gpu,
    cell: &Cell,
    sets: &mut [Set<T>],
    budget: f64,
) -> Outcome<(f64, usize)> {
    let stream = gpu.stream();
    let mut turn = 0;
    let mut batch = |calls: usize| -> Outcome<f64> {
        let flags = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
        let start = stream.record_event(flags)?;
        for _ in 0..calls {
            let set = turn % sets.len();
            sets[set].call(gpu, cell)?;
            turn += 1;
        }
        let end = stream.record_event(flags)?;
        end.synchronize()?;
        Ok(f64::from(start.elapsed_ms(&end)?) / calls as f64)
    };
    // Its kernels are loaded.
    batch(1)?;
    let one = batch(1)?.max(1e-3);
    let calls = ((budget / one / BATCHES as f64) as usize).clamp(1, CALLS);
    let batches = ((budget / one / calls as f64) as usize).clamp(1, BATCHES);
    let mut times = Vec::new();
    for _ in 0..batches {
        times.push(batch(calls)?);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok((times[batches / 2], calls * batches))
}

fn attribute(gpu: &Gpu, attribute: Attribute) -> Option<i32> {
    gpu.stream().context().attribute(attribute).ok()
}

/// A line that says what the device is.
fn describe(gpu: &Gpu) -> Outcome<()> {
    let context = gpu.stream().context();
    let mut version = 0;
    // SAFETY: this writes a number.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result()?;
    let (major, minor) = context.compute_capability()?;
    let number = |of| attribute(gpu, of).map_or("null".to_owned(), |number| number.to_string());
    println!(
        "{{\"device\": {:?}, \"driver\": \"CUDA {}.{}\", \"capability\": \"{major}.{minor}\", \"memory\": {}, \
         \"multiprocessors\": {}, \"l2\": {}, \"clock_khz\": {}, \"memory_clock_khz\": {}, \"scale\": {}}}",
        context.name()?,
        version / 1000,
        version % 1000 / 10,
        context.total_mem()?,
        number(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
        number(Attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE),
        number(Attribute::CU_DEVICE_ATTRIBUTE_CLOCK_RATE),
        number(Attribute::CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE),
        device::scale(),
    );
    Ok(())
}

fn measure(limit: f64) -> Outcome<bool> {
    let started = Instant::now();
    let gpu = Gpu::new(0)?;
    describe(&gpu)?;
    let mut speed = Speed {
        gpu,
        scale: device::scale(),
        started,
        limit,
        rates: BTreeMap::new(),
        measured: 0,
        left_out: 0,
        failed: 0,
    };
    let cells = Cell::all(speed.scale);
    let mut rest = &cells[..];
    while let Some(Cell { element, shape, .. }) = rest.first() {
        let alike = |cell: &&Cell| cell.element == *element && cell.shape == *shape;
        let (these, more) = rest.split_at(rest.iter().take_while(alike).count());
        let outcome = match *element {
            "f32" => speed.of_shape::<f32>(these, more.len()),
            _ => speed.of_shape::<f64>(these, more.len()),
        };
        if let Err(error) = outcome {
            speed.failed += these.len();
            for cell in these {
                cell.line(&format!("\"failed\": {:?}", error.to_string()));
            }
        }
        rest = more;
    }
    let Speed {
        measured,
        left_out,
        failed,
        ..
    } = speed;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{{\"measured\": {measured}, \"left_out\": {left_out}, \"failed\": {failed}, \"seconds\": {seconds:.1}}}"
    );
    Ok(failed == 0)
}

fn run() -> Outcome<bool> {
    let mut limit = f64::INFINITY;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--describe" => return describe(&Gpu::new(0)?).map(|()| true),
            "--seconds" => limit = arguments.next().ok_or("--seconds N")?.parse()?,
            other => {
                return Err(format!("{other}: the options are --describe and --seconds N").into());
            }
        }
    }
    measure(limit)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("speed: {error}");
            ExitCode::FAILURE
        }
    }
}
