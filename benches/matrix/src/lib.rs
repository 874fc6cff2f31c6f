//! Any call of trueloss behind one C function, for `matrix.py`: function, direction, element type and shape are data.

use std::ffi::c_char;
use std::hint::black_box;
use std::slice;
use std::time::Instant;
use trueloss::half::{bf16, f16};
use trueloss::{
    Bce, BceWithLogits, Classes, CrossEntropy, Element, FocalWithLogits, Huber, LogSigmoid,
    LogSoftmax, Mse, Nll, Sigmoid, SoftMargin, Softmax, Softplus, dispatch,
};

/// What is timed. The numbers are those of `DIRECTIONS` in `matrix.py`.
const FORWARD: u32 = 0;
const BOTH: u32 = 1;
const EACH: u32 = 2;
const BACKWARD: u32 = 3;
const BACKWARD_EACH: u32 = 4;

/// Why no call here fails.
const LEGAL: &str = "legal arguments";

/// The arguments of a call.
struct Arguments<'a, T> {
    direction: u32,
    shape: &'a [usize],
    input: &'a [T],
    target: &'a [T],
    /// One for each class of rows, or each element.
    weight: &'a [T],
    labels: &'a [i64],
    /// For each element, or for each row.
    grad_output: &'a [T],
    output: &'a mut [T],
    times: u32,
}

/// Nanoseconds a call.
fn time<R>(times: u32, mut call: impl FnMut() -> R) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        black_box(call());
    }
    start.elapsed().as_nanos() as f64 / f64::from(times)
}

/// Times a loss in the direction that is asked for.
macro_rules! loss {
    ($arguments:ident, $loss:expr, $input:expr, $target:expr) => {{
        let Arguments {
            direction,
            grad_output,
            output,
            times,
            ..
        } = $arguments;
        let (loss, one) = ($loss, T::narrow(1.0));
        let losses = grad_output.len();
        match direction {
            FORWARD => time(times, || loss.forward($input, $target).expect(LEGAL)),
            BOTH => time(times, || {
                loss.forward_backward($input, $target, output).expect(LEGAL)
            }),
            EACH => time(times, || {
                loss.forward_each($input, $target, &mut output[..losses])
                    .expect(LEGAL)
            }),
            BACKWARD => time(times, || {
                loss.backward($input, $target, one, output).expect(LEGAL)
            }),
            BACKWARD_EACH => time(times, || {
                loss.backward_each($input, $target, grad_output, output)
                    .expect(LEGAL)
            }),
            _ => -1.0,
        }
    }};
}

macro_rules! activation {
    ($arguments:ident, $activation:expr, $input:expr) => {{
        let Arguments {
            direction,
            grad_output,
            output,
            times,
            ..
        } = $arguments;
        match direction {
            EACH => time(times, || $activation.forward($input, output).expect(LEGAL)),
            BACKWARD_EACH => time(times, || {
                $activation
                    .backward($input, grad_output, output)
                    .expect(LEGAL)
            }),
            _ => -1.0,
        }
    }};
}

/// Probabilities have methods of their own names.
macro_rules! probabilities {
    ($arguments:ident, $loss:expr, $input:expr) => {{
        let Arguments {
            direction,
            target,
            output,
            times,
            ..
        } = $arguments;
        match direction {
            FORWARD => time(times, || {
                $loss.forward_probabilities($input, target).expect(LEGAL)
            }),
            BOTH => time(times, || {
                $loss
                    .forward_backward_probabilities($input, target, output)
                    .expect(LEGAL)
            }),
            _ => -1.0,
        }
    }};
}

/// The functions by their names in `matrix.py`: the list of names, and the call of each.
macro_rules! functions {
    ($($name:literal => $macro:ident($($part:tt)*);)*) => {
        const NAMES: &str = concat!($($name, "\n",)* "\0");

        /// Times a function by its name: nanoseconds a call, or -1 if it has no such direction.
        fn call<T: Element>(name: &str, arguments: Arguments<'_, T>) -> f64 {
            let Arguments { shape, input, target, weight, labels, .. } = arguments;
            let rows = Classes::new(input, shape);
            // What there is of them depends on the function.
            let _ = (target, weight, labels);
            match name {
                $($name => functions!(@ $macro arguments input target weight labels rows, $($part)*),)*
                _ => -1.0,
            }
        }
    };
    (@ elements $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        loss!($a, $loss::new(), $x, $y)
    };
    (@ weighted $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        loss!($a, $loss::new().weight($w), $x, $y)
    };
    (@ pos_weighted $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        loss!($a, $loss::new().pos_weight($w.get(..1).unwrap_or($w)), $x, $y)
    };
    (@ activation $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        activation!($a, $loss::new(), $x)
    };
    (@ rows $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        $rows.map_or(-1.0, |rows| activation!($a, $loss::new(), rows))
    };
    (@ labels $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        $rows.map_or(-1.0, |rows| loss!($a, $loss::new(), rows, $l))
    };
    (@ class_weights $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        $rows.map_or(-1.0, |rows| loss!($a, $loss::new().weight($w), rows, $l))
    };
    (@ smoothing $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        $rows.map_or(-1.0, |rows| loss!($a, $loss::new().label_smoothing(0.1), rows, $l))
    };
    (@ probabilities $a:ident $x:ident $y:ident $w:ident $l:ident $rows:ident, $loss:ident) => {
        $rows.map_or(-1.0, |rows| probabilities!($a, $loss::new(), rows))
    };
}

functions! {
    "mse" => elements(Mse);
    "huber" => elements(Huber);
    "bce" => elements(Bce);
    "bce, weight" => weighted(Bce);
    "bce_with_logits" => elements(BceWithLogits);
    "bce_with_logits, soft" => elements(BceWithLogits);
    "bce_with_logits, weight" => weighted(BceWithLogits);
    "bce_with_logits, pos_weight" => pos_weighted(BceWithLogits);
    "focal_with_logits" => elements(FocalWithLogits);
    "soft_margin" => elements(SoftMargin);
    "sigmoid" => activation(Sigmoid);
    "log_sigmoid" => activation(LogSigmoid);
    "softplus" => activation(Softplus);
    "softmax" => rows(Softmax);
    "log_softmax" => rows(LogSoftmax);
    "nll" => labels(Nll);
    "cross_entropy" => labels(CrossEntropy);
    "cross_entropy, weight" => class_weights(CrossEntropy);
    "cross_entropy, smoothing" => smoothing(CrossEntropy);
    "cross_entropy, probabilities" => probabilities(CrossEntropy);
}

/// The names of the functions, one a line.
#[unsafe(no_mangle)]
pub extern "C" fn matrix_names() -> *const c_char {
    NAMES.as_ptr().cast()
}

/// Allows SIMD widths up to this one, and gives the one in force: 0 the baseline, 1 AVX2, 2 AVX-512.
#[unsafe(no_mangle)]
pub extern "C" fn matrix_width(widest: u32) -> u32 {
    let widest = dispatch::Width::ALL[widest.min(2) as usize];
    dispatch::limit(widest) as u32
}

/// A call as C says it. Slices are pointers to numbers of the element type.
#[repr(C)]
pub struct Call {
    function: u32,
    direction: u32,
    /// 0 to 3: `f32`, `f64`, `f16`, `bf16`.
    element: u32,
    times: u32,
    shape: *const usize,
    dimensions: usize,
    input: *const u8,
    target: *const u8,
    weight: *const u8,
    weights: usize,
    labels: *const i64,
    rows: usize,
    grad_output: *const u8,
    grad_outputs: usize,
    output: *mut u8,
}

/// Times a call: nanoseconds, or -1 if the function has no such direction.
///
/// # Safety
///
/// Each pointer is that of as many numbers as the shape, or the count beside it, says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matrix_time(call: &Call) -> f64 {
    // SAFETY: the caller's, for the element type that the call names.
    unsafe {
        match call.element {
            0 => typed::<f32>(call),
            1 => typed::<f64>(call),
            2 => typed::<f16>(call),
            3 => typed::<bf16>(call),
            _ => -1.0,
        }
    }
}

/// # Safety
///
/// As above, for numbers of this type.
unsafe fn typed<T: Element>(c: &Call) -> f64 {
    // SAFETY: the caller's.
    unsafe {
        let shape = slice::from_raw_parts(c.shape, c.dimensions);
        let elements = shape.iter().product();
        let numbers = |from: *const u8, len| slice::from_raw_parts(from.cast::<T>(), len);
        let arguments = Arguments {
            direction: c.direction,
            shape,
            input: numbers(c.input, elements),
            target: numbers(c.target, elements),
            weight: numbers(c.weight, c.weights),
            labels: slice::from_raw_parts(c.labels, c.rows),
            grad_output: numbers(c.grad_output, c.grad_outputs),
            output: slice::from_raw_parts_mut(c.output.cast::<T>(), elements),
            times: c.times,
        };
        let name = NAMES.lines().nth(c.function as usize).unwrap_or("");
        self::call(name, arguments)
    }
}
