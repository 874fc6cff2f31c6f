//! Other libraries' losses, and the floors of memory, behind plain C functions for `peers.py`.
//!
//! `peer_prepare` makes a library's own tensors from the caller's numbers, `peer_run` makes the library's call, and only
//! that is timed. How many threads a library has is decided once in a process, by `RAYON_NUM_THREADS`; `peers.py`
//! loads a copy of this library for each number of threads.

mod burn;
mod candle;
mod floor;
mod scalar;

use ::burn::tensor::Device;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

/// What can be asked of a peer. `peers.py` has the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Mse,
    BceWithLogits,
    CrossEntropy,
    Sigmoid,
    LogSigmoid,
    Softplus,
    Softmax,
    LogSoftmax,
}

impl Function {
    fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Mse,
            1 => Self::BceWithLogits,
            2 => Self::CrossEntropy,
            3 => Self::Sigmoid,
            4 => Self::LogSigmoid,
            5 => Self::Softplus,
            6 => Self::Softmax,
            7 => Self::LogSoftmax,
            _ => return None,
        })
    }

    /// Whether it returns one number rather than one for each input.
    fn is_loss(self) -> bool {
        matches!(self, Self::Mse | Self::BceWithLogits | Self::CrossEntropy)
    }
}

/// What a call is about.
struct Task<'a> {
    function: Function,
    /// Whether the gradient is wanted too.
    backward: bool,
    input: &'a [f32],
    /// As many as inputs, for the losses that compare them one by one.
    target: &'a [f32],
    /// One for each row, for cross-entropy.
    labels: &'a [i64],
    rows: usize,
    columns: usize,
}

/// A library's call with its tensors.
trait Peer {
    /// Makes the call and keeps what it returned.
    fn run(&mut self);

    /// What the last call returned: the loss (0 where there is none), and the outputs or the gradient.
    fn read(&self) -> (f32, Vec<f32>);
}

/// Starts the threads of all libraries, so that no call has to.
#[unsafe(no_mangle)]
pub extern "C" fn peer_start() -> u32 {
    candle_core::utils::barrier_pool();
    rayon::current_num_threads() as u32
}

/// A call of one library (see the `match`); null where it has no such function.
///
/// # Safety
///
/// `input` points to `rows * columns` numbers; `target`, where a loss compares elements, to as many; `labels`, for
/// cross-entropy, to `rows`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn peer_prepare(
    library: u32,
    function: u32,
    backward: bool,
    input: *const f32,
    target: *const f32,
    labels: *const i64,
    rows: usize,
    columns: usize,
) -> *mut c_void {
    let Some(function) = Function::from_number(function) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the caller's promise.
    let (input, target, labels) = unsafe {
        (
            slice::from_raw_parts(input, rows * columns),
            if target.is_null() {
                &[]
            } else {
                slice::from_raw_parts(target, rows * columns)
            },
            if labels.is_null() {
                &[]
            } else {
                slice::from_raw_parts(labels, rows)
            },
        )
    };
    let task = Task {
        function,
        backward,
        input,
        target,
        labels,
        rows,
        columns,
    };
    let peer = catch_unwind(|| match library {
        0 => scalar::prepare(&task),
        1 => candle::prepare(&task),
        2 => burn::prepare(&task, burn::ndarray()),
        3 => burn::prepare(&task, Device::flex()),
        4 => floor::read(&task),
        5 => floor::copy(&task),
        _ => None,
    });
    match peer {
        Ok(Some(peer)) => Box::into_raw(Box::new(peer)).cast(),
        _ => std::ptr::null_mut(),
    }
}

/// Makes the call `times` times. 0, or 1 where the library panicked.
///
/// # Safety
///
/// `peer` is from `peer_prepare` and not yet freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn peer_run(peer: *mut c_void, times: usize) -> i32 {
    // SAFETY: the caller's promise.
    let peer = unsafe { &mut *peer.cast::<Box<dyn Peer>>() };
    let run = AssertUnwindSafe(|| (0..times).for_each(|_| peer.run()));
    catch_unwind(run).map_or(1, |()| 0)
}

/// Reads what the last call returned. 0, or 1 where it is not as long as `len`.
///
/// # Safety
///
/// `peer` as above; `loss` points to one number, `output` to `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn peer_read(
    peer: *const c_void,
    loss: *mut f32,
    output: *mut f32,
    len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    let peer = unsafe { &*peer.cast::<Box<dyn Peer>>() };
    let Ok((value, values)) = catch_unwind(AssertUnwindSafe(|| peer.read())) else {
        return 1;
    };
    if values.len() != len {
        return 1;
    }
    // SAFETY: the caller's promise.
    unsafe {
        *loss = value;
        slice::from_raw_parts_mut(output, len).copy_from_slice(&values);
    }
    0
}

/// Frees what `peer_prepare` made.
///
/// # Safety
///
/// `peer` as above, and it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn peer_free(peer: *mut c_void) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(peer.cast::<Box<dyn Peer>>()) });
}

/// The type of trueloss's C functions for element-wise losses, forward.
type ForwardFunction =
    unsafe extern "C" fn(*const f32, *const f32, usize, *const c_void, *mut f32) -> i32;

/// Nanoseconds for `times` calls of a C function, without what it costs to call one from Python.
///
/// # Safety
///
/// `function` is of that type, and `input` and `target` point to `len` numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn peer_time_forward(
    function: ForwardFunction,
    input: *const f32,
    target: *const f32,
    len: usize,
    times: usize,
) -> u64 {
    let mut loss = 0.0;
    let start = std::time::Instant::now();
    for _ in 0..times {
        // SAFETY: the caller's promise.
        let code = unsafe { function(input, target, len, std::ptr::null(), &mut loss) };
        std::hint::black_box((code, loss));
    }
    start.elapsed().as_nanos() as u64
}
