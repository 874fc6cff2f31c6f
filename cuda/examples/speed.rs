//! How long the kernels take on a device: a line of JSON for each, which `cuda/speed.py` makes a table of, with PyTorch
//! beside it.
//!
//! `cargo run --release -p trueloss-cuda --example speed` measures; with `-- --emulated` it is only tried out, on few
//! elements of an emulated device.
//!
//! A figure is the median of batches of calls, timed by the device's events, with the kernels loaded and warm. Inputs and
//! outputs are several sets larger than the L2 together, used in turn.

use std::error::Error;
use trueloss_cuda::cudarc::driver::{CudaSlice, sys};
use trueloss_cuda::{Bce, BceWithLogits, Classes, CrossEntropy, Gpu, Mse, Sigmoid, Softmax};
use trueloss_digest::random::SplitMix64;

/// Calls of a batch, and batches of which the median is taken.
const CALLS: usize = 12;
const BATCHES: usize = 9;

/// How many sets of inputs and outputs take turns.
const SETS: usize = 3;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One set.
struct Set {
    x: CudaSlice<f32>,
    y: CudaSlice<f32>,
    labels: CudaSlice<i64>,
    out: CudaSlice<f32>,
}

struct Random(SplitMix64);

impl Random {
    /// In [0, 1).
    fn next(&mut self) -> f32 {
        (self.0.next_u64() >> 40) as f32 / (1 << 24) as f32
    }
}

/// The median of the milliseconds that a call takes.
fn time(gpu: &Gpu, sets: &mut [Set], call: impl Fn(&Gpu, &mut Set) -> Outcome<()>) -> Outcome<f64> {
    let stream = gpu.stream();
    for set in sets.iter_mut() {
        call(gpu, set)?;
    }
    stream.synchronize()?;
    let mut batches = Vec::new();
    for _ in 0..BATCHES {
        let flags = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
        let start = stream.record_event(flags)?;
        for set in 0..CALLS {
            call(gpu, &mut sets[set % SETS])?;
        }
        let end = stream.record_event(flags)?;
        end.synchronize()?;
        batches.push(f64::from(start.elapsed_ms(&end)?) / CALLS as f64);
    }
    batches.sort_unstable_by(f64::total_cmp);
    Ok(batches[BATCHES / 2])
}

fn report(what: &str, direction: &str, shape: &[usize], bytes: usize, checked: bool, ms: f64) {
    println!(
        "{{\"function\": \"{what}\", \"direction\": \"{direction}\", \"shape\": {shape:?}, \"bytes\": {bytes}, \
         \"checks\": {checked}, \"ms\": {ms}}}"
    );
}

fn sets(gpu: &Gpu, elements: usize, rows: usize, classes: usize) -> Outcome<Vec<Set>> {
    let mut random = Random(SplitMix64::new(1));
    let mut set = || -> Outcome<Set> {
        let x: Vec<f32> = (0..elements).map(|_| random.next()).collect();
        let y: Vec<f32> = (0..elements).map(|_| random.next().round()).collect();
        let labels: Vec<i64> = (0..rows)
            .map(|_| (random.0.next_u64() % classes as u64) as i64)
            .collect();
        let stream = gpu.stream();
        Ok(Set {
            x: stream.clone_htod(&x)?,
            y: stream.clone_htod(&y)?,
            labels: stream.clone_htod(&labels)?,
            out: stream.alloc_zeros(elements)?,
        })
    };
    (0..SETS).map(|_| set()).collect()
}

/// The three directions of a loss of elements.
macro_rules! elements {
    ($gpu:expr, $sets:expr, $elements:expr, $name:literal, $loss:expr) => {
        for checked in [false, true] {
            let gpu = &if checked {
                $gpu.clone()
            } else {
                $gpu.without_checks()
            };
            let (shape, loss) = (&[$elements][..], $loss);
            let ms = time(gpu, $sets, |gpu, set| {
                let _ = loss.forward(gpu, &set.x, &set.y)?;
                Ok(())
            })?;
            report($name, "forward", shape, 8 * $elements, checked, ms);
            let ms = time(gpu, $sets, |gpu, set| {
                let _ = loss.backward(gpu, &set.x, &set.y, 1.0, &mut set.out)?;
                Ok(())
            })?;
            report($name, "backward", shape, 12 * $elements, checked, ms);
            let ms = time(gpu, $sets, |gpu, set| {
                let _ = loss.forward_backward(gpu, &set.x, &set.y, &mut set.out)?;
                Ok(())
            })?;
            report(
                $name,
                "forward_backward",
                shape,
                12 * $elements,
                checked,
                ms,
            );
        }
    };
}

fn of_elements(gpu: &Gpu, elements: usize) -> Outcome<()> {
    let sets = &mut sets(gpu, elements, 1, 2)?;
    let ms = time(gpu, sets, |gpu, set| {
        Ok(gpu.stream().memcpy_dtod(&set.x, &mut set.out)?)
    })?;
    report("copy", "forward", &[elements], 8 * elements, false, ms);
    let ms = time(gpu, sets, |gpu, set| {
        let _ = Sigmoid::new().forward(gpu, &set.x, &mut set.out)?;
        Ok(())
    })?;
    report("sigmoid", "forward", &[elements], 8 * elements, false, ms);
    elements!(gpu, sets, elements, "mse_loss", Mse::new());
    elements!(gpu, sets, elements, "binary_cross_entropy", Bce::new());
    elements!(
        gpu,
        sets,
        elements,
        "binary_cross_entropy_with_logits",
        BceWithLogits::new()
    );
    Ok(())
}

fn of_rows(gpu: &Gpu, rows: usize, classes: usize) -> Outcome<()> {
    let elements = rows * classes;
    let sets = &mut sets(gpu, elements, rows, classes)?;
    let shape = [rows, classes];
    let ms = time(gpu, sets, |gpu, set| {
        let _ = Softmax::new().forward(gpu, Classes::new(&set.x, shape)?, &mut set.out)?;
        Ok(())
    })?;
    report("softmax", "forward", &shape, 8 * elements, false, ms);
    let loss = CrossEntropy::new();
    for checked in [false, true] {
        let gpu = &if checked {
            gpu.clone()
        } else {
            gpu.without_checks()
        };
        let ms = time(gpu, sets, |gpu, set| {
            let _ = loss.forward(gpu, Classes::new(&set.x, shape)?, &set.labels)?;
            Ok(())
        })?;
        report(
            "cross_entropy",
            "forward",
            &shape,
            4 * elements,
            checked,
            ms,
        );
        let ms = time(gpu, sets, |gpu, set| {
            let input = Classes::new(&set.x, shape)?;
            let _ = loss.backward(gpu, input, &set.labels, 1.0, &mut set.out)?;
            Ok(())
        })?;
        report(
            "cross_entropy",
            "backward",
            &shape,
            8 * elements,
            checked,
            ms,
        );
        let ms = time(gpu, sets, |gpu, set| {
            let input = Classes::new(&set.x, shape)?;
            let _ = loss.forward_backward(gpu, input, &set.labels, &mut set.out)?;
            Ok(())
        })?;
        report(
            "cross_entropy",
            "forward_backward",
            &shape,
            8 * elements,
            checked,
            ms,
        );
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let emulated = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--emulated") => true,
        Some(other) => return Err(format!("{other}: the only option is --emulated").into()),
    };
    if emulated {
        trueloss_emulator::load();
    }
    let gpu = Gpu::new(0)?;
    println!("{{\"device\": {:?}}}", gpu.stream().context().name()?);
    let scale = if emulated { 1 << 12 } else { 1 };
    of_elements(&gpu, (1 << 27) / scale)?;
    for [rows, classes] in [[4096, 50_257], [65_536, 1000], [4 << 20, 10]] {
        of_rows(&gpu, (rows / scale).max(2), classes)?;
    }
    Ok(())
}
