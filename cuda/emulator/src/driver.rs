//! NVIDIA's driver, as far as cudarc calls it: the functions have NVIDIA's names, arguments and errors, see
//! <https://docs.nvidia.com/cuda/cuda-driver-api/>.
//!
//! Work has ended when the call that starts it returns, on every stream; but kernels, and memory that is to be freed after them,
//! wait, if a variable says so, until another call on their stream, one of an event of it, or one for all streams. Memory of
//! the device is memory of the host, poisoned when it is new, and guarded. A module is PTX text, of which only the names, the
//! arguments' sizes and the target are looked at: its kernels are those of [`trueloss_kernels`]. A panic (a kernel that hangs,
//! a guard that was written over) is printed, and from then on every call fails with CUDA_ERROR_LAUNCH_FAILED, as on a GPU.
//!
//! What kind of machine it is, environment variables say, which are read at each call:
//!
//! | variable | | without it |
//! |---|---|---|
//! | `TRUELOSS_EMULATOR_DEVICES` | how many devices there are | 1 |
//! | `TRUELOSS_EMULATOR_MEMORY` | bytes of memory that each has | 2^33 |
//! | `TRUELOSS_EMULATOR_DRIVER_VERSION` | what `cuDriverGetVersion` says | 12080 |
//! | `TRUELOSS_EMULATOR_CAPABILITY` | the devices' compute capability | 9.0 |
//! | `TRUELOSS_EMULATOR_LATE` | 1: kernels begin as late as they may, which shows where another stream has not waited | 0 |
//! | `TRUELOSS_EMULATOR_ORDER` | how threads are run: `forward`, `backward` or a number, the seed of a shuffled order | forward |

#![allow(non_snake_case)]
// The functions' pages are NVIDIA's: what each promises, and what its pointers must be.
#![allow(missing_docs, clippy::missing_safety_doc)]

use crate::executor::{self, Order};
use crate::memory::{Memory, Owner};
use crate::ptx::Program;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use trueloss_kernels::{Kernel, THREADS, WARP};

/// The name of every device.
pub const NAME: &CStr = c"trueloss emulator";

type CUresult = c_uint;
type CUdevice = c_int;
type CUdeviceptr = u64;
/// Contexts, streams, events, modules and functions are numbers: those of devices from [`FIRST_CONTEXT`] on, and of
/// [`State::objects`].
type Handle = *mut c_void;

macro_rules! results {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        $(const $name: CUresult = $code;)*

        /// The name of a result and what it means.
        fn result(code: CUresult) -> Option<[&'static CStr; 2]> {
            let texts = match code {
                $($name => [concat!(stringify!($name), "\0"), concat!($text, "\0")],)*
                _ => return None,
            };
            Some(texts.map(|text| CStr::from_bytes_with_nul(text.as_bytes()).unwrap_or(c"")))
        }
    };
}

results! {
    CUDA_SUCCESS = 0, "no error";
    CUDA_ERROR_INVALID_VALUE = 1, "invalid argument";
    CUDA_ERROR_OUT_OF_MEMORY = 2, "out of memory";
    CUDA_ERROR_NOT_INITIALIZED = 3, "initialization error";
    CUDA_ERROR_NO_DEVICE = 100, "no CUDA-capable device is detected";
    CUDA_ERROR_INVALID_DEVICE = 101, "invalid device ordinal";
    CUDA_ERROR_INVALID_CONTEXT = 201, "invalid device context";
    CUDA_ERROR_INVALID_PTX = 218, "a PTX JIT compilation failed";
    CUDA_ERROR_INVALID_HANDLE = 400, "invalid resource handle";
    CUDA_ERROR_NOT_FOUND = 500, "named symbol not found";
    CUDA_ERROR_LAUNCH_FAILED = 719, "unspecified launch failure";
    CUDA_ERROR_NOT_SUPPORTED = 801, "operation not supported";
}

/// What a call comes to.
type Outcome = Result<(), CUresult>;

/// The handle of the context of device 0.
const FIRST_CONTEXT: usize = 0x1000;

/// The stream that everyone has, and the one that every thread has.
const DEFAULT_STREAMS: std::ops::RangeInclusive<usize> = 0..=2;

/// What a handle stands for.
enum Object {
    Stream,
    /// Where it was last recorded.
    Event(Option<Recorded>),
    /// The kernels whose names it has, and its text, where that is to be run.
    Module(Vec<Kernel>, Option<Arc<Program>>),
    /// A kernel of a module.
    Function(Kernel, usize, Option<Arc<Program>>),
}

/// A place in a stream.
#[derive(Clone, Copy)]
struct Recorded {
    time: Instant,
    stream: usize,
    /// How many launches there have been before it, on all streams.
    launches: usize,
}

/// What a stream is to do.
struct Late {
    stream: usize,
    /// How many launches there have been before it, and with it.
    number: usize,
    task: Task,
}

enum Task {
    Launch {
        kernel: Kernel,
        program: Option<Arc<Program>>,
        blocks: usize,
        /// A copy: the caller's may be gone.
        arguments: Vec<u64>,
    },
    Free(CUdeviceptr),
}

/// All that the driver knows.
struct State {
    initialised: bool,
    /// The error after which nothing works any more.
    broken: Option<CUresult>,
    /// How often the context of a device was retained.
    contexts: BTreeMap<CUdevice, usize>,
    memory: Memory,
    /// What each handle stands for, and on which device.
    objects: BTreeMap<usize, (CUdevice, Object)>,
    last_handle: usize,
    launches: usize,
    /// What nobody has waited for yet.
    late: Vec<Late>,
}

static STATE: Mutex<State> = Mutex::new(State {
    initialised: false,
    broken: None,
    contexts: BTreeMap::new(),
    memory: Memory::new(),
    objects: BTreeMap::new(),
    last_handle: 0x10_0000,
    launches: 0,
    late: Vec::new(),
});

thread_local! {
    /// The device whose context is this thread's.
    static CURRENT: Cell<Option<CUdevice>> = const { Cell::new(None) };
}

/// A variable of the environment.
///
/// # Panics
///
/// Where it is not a value of this type.
fn variable<T: FromStr<Err: Display>>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|error| panic!("{name}={text}: {error}")),
        Err(_) => default,
    }
}

fn devices() -> c_int {
    variable("TRUELOSS_EMULATOR_DEVICES", 1)
}

fn total_memory() -> usize {
    variable("TRUELOSS_EMULATOR_MEMORY", 1 << 33)
}

/// Major and minor.
fn capability() -> [c_int; 2] {
    let text = variable("TRUELOSS_EMULATOR_CAPABILITY", "9.0".to_owned());
    let parts = text.split_once('.');
    let parsed = parts.and_then(|(major, minor)| Some([major.parse().ok()?, minor.parse().ok()?]));
    parsed.unwrap_or_else(|| {
        panic!("TRUELOSS_EMULATOR_CAPABILITY={text}: it is two numbers, such as 9.0")
    })
}

/// Whether the text of modules is run, not the kernels as they are compiled for this machine.
fn runs_ptx() -> bool {
    variable("TRUELOSS_EMULATOR_PTX", 0) == 1
}

/// Whether kernels begin as late as they may.
fn runs_late() -> bool {
    variable("TRUELOSS_EMULATOR_LATE", 0) == 1
}

fn order() -> Order {
    let text = variable("TRUELOSS_EMULATOR_ORDER", "forward".to_owned());
    match text.as_str() {
        "forward" => Order::Forward,
        "backward" => Order::Backward,
        seed => Order::Shuffled(seed.parse().unwrap_or_else(|error| {
            panic!(
                "TRUELOSS_EMULATOR_ORDER={seed}: neither forward, backward nor a number: {error}"
            )
        })),
    }
}

/// Makes a call: one at a time, none after a panic.
fn call(work: impl FnOnce(&mut State) -> Outcome) -> CUresult {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = state.broken {
        return error;
    }
    match catch_unwind(AssertUnwindSafe(|| work(&mut state))) {
        Ok(Ok(())) => CUDA_SUCCESS,
        Ok(Err(error)) => error,
        Err(panic) => {
            eprintln!("trueloss emulator: {}", executor::message(panic.as_ref()));
            state.broken = Some(CUDA_ERROR_LAUNCH_FAILED);
            CUDA_ERROR_LAUNCH_FAILED
        }
    }
}

/// Writes what a call returns through a pointer.
///
/// # Safety
///
/// The pointer is null or may be written to.
unsafe fn give<T>(place: *mut T, value: T) -> Outcome {
    if place.is_null() {
        return Err(CUDA_ERROR_INVALID_VALUE);
    }
    // SAFETY: the caller's promise.
    unsafe { place.write(value) };
    Ok(())
}

/// An error that the emulator has more to say of.
fn refuse(error: CUresult, why: impl Display) -> Outcome {
    eprintln!("trueloss emulator: {why}");
    Err(error)
}

impl State {
    fn initialised(&self) -> Outcome {
        if self.initialised {
            Ok(())
        } else {
            Err(CUDA_ERROR_NOT_INITIALIZED)
        }
    }

    /// That there is such a device.
    fn device(&self, device: CUdevice) -> Outcome {
        self.initialised()?;
        if (0..devices()).contains(&device) {
            Ok(())
        } else {
            Err(CUDA_ERROR_INVALID_DEVICE)
        }
    }

    fn retained(&mut self, device: CUdevice) -> &mut usize {
        self.contexts.entry(device).or_default()
    }

    /// The device whose context is this thread's.
    fn current(&mut self) -> Result<CUdevice, CUresult> {
        self.initialised()?;
        let device = CURRENT.get().ok_or(CUDA_ERROR_INVALID_CONTEXT)?;
        if *self.retained(device) == 0 {
            return Err(CUDA_ERROR_INVALID_CONTEXT);
        }
        Ok(device)
    }

    fn insert(&mut self, object: Object) -> Result<Handle, CUresult> {
        let device = self.current()?;
        self.last_handle += 16;
        let handle = self.last_handle;
        self.objects.insert(handle, (device, object));
        Ok(handle as Handle)
    }

    /// What a handle stands for.
    fn object(&mut self, handle: Handle) -> Result<&mut Object, CUresult> {
        self.current()?;
        let found = self.objects.get_mut(&(handle as usize));
        found
            .map(|(_, object)| object)
            .ok_or(CUDA_ERROR_INVALID_HANDLE)
    }

    fn remove(&mut self, handle: Handle) -> Outcome {
        self.object(handle)?;
        self.objects.remove(&(handle as usize));
        Ok(())
    }

    /// That this is a stream, of the current context.
    fn stream(&mut self, stream: Handle) -> Outcome {
        let current = self.current()?;
        if DEFAULT_STREAMS.contains(&(stream as usize)) {
            return Ok(());
        }
        match self.objects.get(&(stream as usize)) {
            Some((device, Object::Stream)) if *device == current => Ok(()),
            _ => Err(CUDA_ERROR_INVALID_HANDLE),
        }
    }

    fn event(&mut self, event: Handle) -> Result<&mut Option<Recorded>, CUresult> {
        match self.object(event)? {
            Object::Event(recorded) => Ok(recorded),
            _ => Err(CUDA_ERROR_INVALID_HANDLE),
        }
    }

    /// Does what a stream, or all, are to do, up to a number of launches.
    fn run(&mut self, stream: Option<usize>, launches: usize) {
        // Streams that cudarc makes do not wait for the default stream either.
        let is_meant = |late: &mut Late| {
            stream.is_none_or(|stream| late.stream == stream) && late.number <= launches
        };
        for late in self.late.extract_if(.., is_meant).collect::<Vec<_>>() {
            match late.task {
                Task::Launch {
                    kernel,
                    program,
                    blocks,
                    arguments,
                } => {
                    let arguments = arguments.as_ptr().cast();
                    // SAFETY: of a kernel's own arguments, whose size the PTX and the caller agree on; the rest is the caller's
                    // promise.
                    unsafe {
                        match program {
                            Some(program) => {
                                executor::launch_ptx(&program, kernel, blocks, order(), arguments);
                            }
                            None => executor::launch(kernel, blocks, order(), arguments),
                        }
                    }
                    self.memory.check(kernel.name());
                }
                Task::Free(address) => {
                    self.memory.free(false, address);
                }
            }
        }
    }

    /// Has a stream do something: late, if that is what a variable says.
    fn push(&mut self, stream: Handle, task: Task) {
        self.late.push(Late {
            stream: stream as usize,
            number: self.launches,
            task,
        });
        if !runs_late() {
            self.finish();
        }
    }

    /// Runs what has been launched on any stream.
    fn finish(&mut self) {
        self.run(None, usize::MAX);
    }

    /// Runs what has been launched on a stream.
    fn finish_stream(&mut self, stream: Handle) -> Outcome {
        self.stream(stream)?;
        self.run(Some(stream as usize), usize::MAX);
        Ok(())
    }

    /// Runs what an event stands for.
    fn finish_event(&mut self, event: Handle) -> Outcome {
        if let Some(recorded) = *self.event(event)? {
            self.run(Some(recorded.stream), recorded.launches);
        }
        Ok(())
    }

    fn allocate(&mut self, bytes: usize) -> Result<CUdeviceptr, CUresult> {
        let owner = Owner::Device(self.current()?);
        let free = total_memory().saturating_sub(self.memory.used(owner));
        if bytes > free {
            return Err(CUDA_ERROR_OUT_OF_MEMORY);
        }
        let address = self.memory.allocate(owner, bytes);
        address.ok_or(CUDA_ERROR_OUT_OF_MEMORY)
    }

    fn fill(&mut self, address: CUdeviceptr, value: u8, bytes: usize) -> Outcome {
        self.range(address, bytes)?;
        if bytes > 0 {
            // SAFETY: the range is one of the device's memory.
            unsafe { (address as *mut u8).write_bytes(value, bytes) };
        }
        Ok(())
    }

    fn free(&mut self, address: CUdeviceptr) -> Outcome {
        self.current()?;
        // Nothing is freed without complaint, and what is another device's too: addresses are those of all.
        if address == 0 || self.memory.free(false, address) {
            Ok(())
        } else {
            refuse(
                CUDA_ERROR_INVALID_VALUE,
                format_args!(
                    "nothing that is allocated begins at {address:#x}, which was to be freed"
                ),
            )
        }
    }

    /// That these bytes are the device's.
    fn range(&mut self, address: CUdeviceptr, bytes: usize) -> Outcome {
        self.current()?;
        if bytes == 0 || self.memory.has(address, bytes) {
            return Ok(());
        }
        refuse(
            CUDA_ERROR_INVALID_VALUE,
            format_args!("the {bytes} bytes at {address:#x} are not those of one allocation"),
        )
    }

    /// Copies between host and device, or on it; the ranges on the device are named.
    ///
    /// # Safety
    ///
    /// Addresses that are not named are those of as many bytes of the host's.
    unsafe fn copy(
        &mut self,
        to: u64,
        from: u64,
        bytes: usize,
        on_device: &[CUdeviceptr],
    ) -> Outcome {
        self.current()?;
        for &address in on_device {
            self.range(address, bytes)?;
        }
        if bytes == 0 {
            return Ok(());
        }
        if to == 0 || from == 0 {
            return Err(CUDA_ERROR_INVALID_VALUE);
        }
        // SAFETY: the caller's promise, and what was just looked at. The ranges may overlap.
        unsafe { std::ptr::copy(from as *const u8, to as *mut u8, bytes) };
        Ok(())
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuInit(flags: c_uint) -> CUresult {
    call(|state| {
        if flags != 0 {
            return Err(CUDA_ERROR_INVALID_VALUE);
        }
        if devices() == 0 {
            return Err(CUDA_ERROR_NO_DEVICE);
        }
        state.initialised = true;
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDriverGetVersion(version: *mut c_int) -> CUresult {
    // SAFETY: NVIDIA's page. So in every function below.
    call(|_| unsafe { give(version, variable("TRUELOSS_EMULATOR_DRIVER_VERSION", 12080)) })
}

/// One of the texts of a result. These work when nothing else does.
unsafe fn text_of(error: CUresult, text: *mut *const c_char, which: usize) -> CUresult {
    let found = result(error).map(|texts| texts[which].as_ptr());
    // SAFETY: see above.
    let given = unsafe { give(text, found.unwrap_or(std::ptr::null())) };
    match found {
        Some(_) => given.err().unwrap_or(CUDA_SUCCESS),
        None => CUDA_ERROR_INVALID_VALUE,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorName(error: CUresult, name: *mut *const c_char) -> CUresult {
    // SAFETY: see above.
    unsafe { text_of(error, name, 0) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorString(error: CUresult, text: *mut *const c_char) -> CUresult {
    // SAFETY: see above.
    unsafe { text_of(error, text, 1) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> CUresult {
    call(|state| {
        state.initialised()?;
        // SAFETY: see above.
        unsafe { give(count, devices()) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGet(device: *mut CUdevice, ordinal: c_int) -> CUresult {
    call(|state| {
        state.device(ordinal)?;
        // SAFETY: see above.
        unsafe { give(device, ordinal) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetName(
    name: *mut c_char,
    len: c_int,
    device: CUdevice,
) -> CUresult {
    call(|state| {
        state.device(device)?;
        let text = NAME.to_bytes();
        let len = usize::try_from(len).unwrap_or(0);
        if name.is_null() || len == 0 {
            return Err(CUDA_ERROR_INVALID_VALUE);
        }
        let shown = text.len().min(len - 1);
        // SAFETY: see above. There are `len` bytes, of which the last one written ends the name.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), name.cast(), shown);
            name.add(shown).write(0);
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetUuid(uuid: *mut [u8; 16], device: CUdevice) -> CUresult {
    call(|state| {
        state.device(device)?;
        let mut bytes = *b"trueloss_gpu   0";
        bytes[15] += device as u8;
        // SAFETY: see above.
        unsafe { give(uuid, bytes) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetUuid_v2(uuid: *mut [u8; 16], device: CUdevice) -> CUresult {
    // SAFETY: see above.
    unsafe { cuDeviceGetUuid(uuid, device) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, device: CUdevice) -> CUresult {
    call(|state| {
        state.device(device)?;
        // SAFETY: see above.
        unsafe { give(bytes, total_memory()) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetAttribute(
    value: *mut c_int,
    attribute: c_uint,
    device: CUdevice,
) -> CUresult {
    call(|state| {
        state.device(device)?;
        let [major, minor] = capability();
        // The numbers of CU_DEVICE_ATTRIBUTE_….
        let found = match attribute {
            // MAX_THREADS_PER_BLOCK, MAX_BLOCK_DIM_X, _Y, _Z
            1..=3 => 1024,
            4 => 64,
            // MAX_GRID_DIM_X, _Y, _Z
            5 => c_int::MAX,
            6 | 7 => 65535,
            // MAX_SHARED_MEMORY_PER_BLOCK
            8 => 48 << 10,
            10 => WARP as c_int,
            // CLOCK_RATE and MEMORY_CLOCK_RATE in kHz, L2_CACHE_SIZE
            13 | 36 => 1_000_000,
            38 => 1 << 20,
            // MAX_REGISTERS_PER_BLOCK
            12 => 65536,
            // MULTIPROCESSOR_COUNT: so few that blocks have more to do than one thing
            16 => 2,
            // INTEGRATED, COMPUTE_MODE
            18 | 20 => 0,
            // MAX_THREADS_PER_MULTIPROCESSOR
            39 => 2048,
            // UNIFIED_ADDRESSING
            41 => 1,
            // COMPUTE_CAPABILITY_MAJOR, _MINOR
            75 => major,
            76 => minor,
            // MEMORY_POOLS_SUPPORTED
            115 => 1,
            _ => {
                let why = format_args!("attribute {attribute} of a device is not emulated");
                return refuse(CUDA_ERROR_NOT_SUPPORTED, why);
            }
        };
        // SAFETY: see above.
        unsafe { give(value, found) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDevicePrimaryCtxRetain(
    context: *mut Handle,
    device: CUdevice,
) -> CUresult {
    call(|state| {
        state.device(device)?;
        // SAFETY: see above.
        unsafe { give(context, (FIRST_CONTEXT + device as usize) as Handle) }?;
        *state.retained(device) += 1;
        Ok(())
    })
}

/// With the last one, all that the context has goes.
#[unsafe(no_mangle)]
pub extern "C" fn cuDevicePrimaryCtxRelease_v2(device: CUdevice) -> CUresult {
    call(|state| {
        state.device(device)?;
        state.finish();
        let retained = state.retained(device);
        *retained = retained.checked_sub(1).ok_or(CUDA_ERROR_INVALID_CONTEXT)?;
        if *retained == 0 {
            state.objects.retain(|_, (of, _)| *of != device);
            state.memory.free_all(Owner::Device(device));
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSetCurrent(context: Handle) -> CUresult {
    call(|state| {
        state.initialised()?;
        if context.is_null() {
            CURRENT.set(None);
            return Ok(());
        }
        let device = (context as usize).wrapping_sub(FIRST_CONTEXT);
        let device = CUdevice::try_from(device).map_err(|_| CUDA_ERROR_INVALID_CONTEXT)?;
        if *state.retained(device) == 0 {
            return Err(CUDA_ERROR_INVALID_CONTEXT);
        }
        CURRENT.set(Some(device));
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuCtxGetCurrent(context: *mut Handle) -> CUresult {
    call(|state| {
        state.initialised()?;
        let current = CURRENT.get().map(|device| FIRST_CONTEXT + device as usize);
        // SAFETY: see above.
        unsafe { give(context, current.unwrap_or(0) as Handle) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSetFlags(_flags: c_uint) -> CUresult {
    call(|state| state.current().map(drop))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSynchronize() -> CUresult {
    call(|state| {
        state.current()?;
        state.finish();
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamCreate(stream: *mut Handle, _flags: c_uint) -> CUresult {
    call(|state| {
        let handle = state.insert(Object::Stream)?;
        // SAFETY: see above.
        unsafe { give(stream, handle) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamCreateWithPriority(
    stream: *mut Handle,
    flags: c_uint,
    _priority: c_int,
) -> CUresult {
    // SAFETY: see above.
    unsafe { cuStreamCreate(stream, flags) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamDestroy_v2(stream: Handle) -> CUresult {
    call(|state| match state.object(stream)? {
        Object::Stream => {
            state.finish_stream(stream)?;
            state.remove(stream)
        }
        _ => Err(CUDA_ERROR_INVALID_HANDLE),
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamSynchronize(stream: Handle) -> CUresult {
    call(|state| state.finish_stream(stream))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamQuery(stream: Handle) -> CUresult {
    call(|state| state.finish_stream(stream))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamIsCapturing(stream: Handle, status: *mut c_int) -> CUresult {
    call(|state| {
        state.stream(stream)?;
        // SAFETY: see above.
        unsafe { give(status, 0) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamWaitEvent(stream: Handle, event: Handle, _flags: c_uint) -> CUresult {
    call(|state| {
        state.stream(stream)?;
        state.finish_event(event)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventCreate(event: *mut Handle, _flags: c_uint) -> CUresult {
    call(|state| {
        let handle = state.insert(Object::Event(None))?;
        // SAFETY: see above.
        unsafe { give(event, handle) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventDestroy_v2(event: Handle) -> CUresult {
    call(|state| {
        state.event(event)?;
        state.remove(event)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventRecord(event: Handle, stream: Handle) -> CUresult {
    call(|state| {
        state.stream(stream)?;
        let launches = state.launches;
        *state.event(event)? = Some(Recorded {
            time: Instant::now(),
            stream: stream as usize,
            launches,
        });
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventSynchronize(event: Handle) -> CUresult {
    call(|state| state.finish_event(event))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventQuery(event: Handle) -> CUresult {
    call(|state| state.finish_event(event))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventElapsedTime(
    milliseconds: *mut f32,
    start: Handle,
    end: Handle,
) -> CUresult {
    call(|state| {
        state.finish_event(end)?;
        let (start, end) = (*state.event(start)?, *state.event(end)?);
        // Events that were never recorded.
        let (Some(Recorded { time: start, .. }), Some(Recorded { time: end, .. })) = (start, end)
        else {
            return Err(CUDA_ERROR_INVALID_HANDLE);
        };
        let seconds = if end >= start {
            (end - start).as_secs_f32()
        } else {
            -(start - end).as_secs_f32()
        };
        // SAFETY: see above.
        unsafe { give(milliseconds, 1e3 * seconds) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventElapsedTime_v2(
    milliseconds: *mut f32,
    start: Handle,
    end: Handle,
) -> CUresult {
    // SAFETY: see above.
    unsafe { cuEventElapsedTime(milliseconds, start, end) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAlloc_v2(address: *mut CUdeviceptr, bytes: usize) -> CUresult {
    call(|state| {
        if bytes == 0 {
            return Err(CUDA_ERROR_INVALID_VALUE);
        }
        let allocated = state.allocate(bytes)?;
        // SAFETY: see above.
        unsafe { give(address, allocated) }
    })
}

/// Unlike `cuMemAlloc`, this gives address 0 for no bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAllocAsync(
    address: *mut CUdeviceptr,
    bytes: usize,
    stream: Handle,
) -> CUresult {
    call(|state| {
        state.stream(stream)?;
        let allocated = if bytes == 0 {
            0
        } else {
            state.allocate(bytes)?
        };
        // SAFETY: see above.
        unsafe { give(address, allocated) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFree_v2(address: CUdeviceptr) -> CUresult {
    call(|state| {
        state.finish();
        state.free(address)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFreeAsync(address: CUdeviceptr, stream: Handle) -> CUresult {
    call(|state| {
        state.stream(stream)?;
        if !runs_late() {
            return state.free(address);
        }
        state.range(address, usize::from(address != 0))?;
        state.push(stream, Task::Free(address));
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> CUresult {
    call(|state| {
        let owner = Owner::Device(state.current()?);
        let used = state.memory.used(owner);
        // SAFETY: see above.
        unsafe {
            give(free, total_memory().saturating_sub(used))?;
            give(total, total_memory())
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemHostAlloc(
    place: *mut *mut c_void,
    bytes: usize,
    _flags: c_uint,
) -> CUresult {
    call(|state| {
        state.current()?;
        if bytes == 0 {
            return Err(CUDA_ERROR_INVALID_VALUE);
        }
        let address = state.memory.allocate(Owner::Host, bytes);
        let address = address.ok_or(CUDA_ERROR_OUT_OF_MEMORY)?;
        // SAFETY: see above.
        unsafe { give(place, address as *mut c_void) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFreeHost(place: *mut c_void) -> CUresult {
    call(|state| {
        state.current()?;
        if state.memory.free(true, place as u64) {
            Ok(())
        } else {
            Err(CUDA_ERROR_INVALID_VALUE)
        }
    })
}

/// Copies, with a stream and without one.
macro_rules! copies {
    ($($name:ident, $name_async:ident: $to:ty, $from:ty => |$a:ident, $b:ident| $on_device:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($a: $to, $b: $from, bytes: usize) -> CUresult {
            let ($a, $b) = ($a as u64, $b as u64);
            // SAFETY: see above.
            call(|state| unsafe {
                state.finish();
                state.copy($a, $b, bytes, &$on_device)
            })
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name_async(
            $a: $to,
            $b: $from,
            bytes: usize,
            stream: Handle,
        ) -> CUresult {
            let ($a, $b) = ($a as u64, $b as u64);
            call(|state| {
                state.finish_stream(stream)?;
                // SAFETY: see above.
                unsafe { state.copy($a, $b, bytes, &$on_device) }
            })
        }
    )*};
}

copies! {
    cuMemcpyHtoD_v2, cuMemcpyHtoDAsync_v2: CUdeviceptr, *const c_void => |to, from| [to];
    cuMemcpyDtoH_v2, cuMemcpyDtoHAsync_v2: *mut c_void, CUdeviceptr => |to, from| [from];
    cuMemcpyDtoD_v2, cuMemcpyDtoDAsync_v2: CUdeviceptr, CUdeviceptr => |to, from| [to, from];
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemsetD8_v2(address: CUdeviceptr, value: u8, bytes: usize) -> CUresult {
    call(|state| {
        state.finish();
        state.fill(address, value, bytes)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemsetD8Async(
    address: CUdeviceptr,
    value: u8,
    bytes: usize,
    stream: Handle,
) -> CUresult {
    call(|state| {
        state.finish_stream(stream)?;
        state.fill(address, value, bytes)
    })
}

/// The kernels that PTX text has entry points for.
fn entries(ptx: &str) -> Result<Vec<Kernel>, String> {
    let target = after(ptx, ".target sm_").ok_or("the PTX has no .target sm_…")?;
    let digits = target.split(|c: char| !c.is_ascii_digit()).next();
    let target: c_int = digits
        .and_then(|digits| digits.parse().ok())
        .ok_or("the PTX's .target is no number")?;
    let [major, minor] = capability();
    if target > 10 * major + minor {
        return Err(format!(
            "the PTX is for sm_{target}, this device is an sm_{major}{minor}"
        ));
    }
    let mut kernels = Vec::new();
    for entry in ptx.split(".visible .entry ").skip(1) {
        let (name, rest) = entry.split_once('(').unwrap_or((entry, ""));
        let Some(&kernel) = Kernel::ALL.iter().find(|of| of.name() == name.trim()) else {
            continue;
        };
        let parameters = rest.split(')').next().unwrap_or("");
        // Its one argument is passed as bytes: `.param .align 8 .b8 mse_f32_param_0[232]`.
        if let Some(size) = after(parameters, "[").and_then(|size| size.split(']').next())
            && size.trim().parse() != Ok(kernel.size_of_args())
        {
            return Err(format!(
                "the arguments of {} have {size} bytes in the PTX and {} here: it is of another version",
                kernel.name(),
                kernel.size_of_args()
            ));
        }
        kernels.push(kernel);
    }
    if kernels.is_empty() {
        return Err("the PTX has no entry of a known kernel".to_owned());
    }
    Ok(kernels)
}

/// What comes after the first of these.
fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.split_once(start).map(|(_, rest)| rest)
}

/// Takes PTX text alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleLoadData(module: *mut Handle, image: *const c_void) -> CUresult {
    call(|state| {
        state.current()?;
        if image.is_null() {
            return Err(CUDA_ERROR_INVALID_VALUE);
        }
        // SAFETY: see above. PTX text ends in a zero.
        let ptx = unsafe { CStr::from_ptr(image.cast()) };
        let text = ptx.to_str().map_err(|error| error.to_string());
        let read = text.and_then(|text| {
            let program = runs_ptx().then(|| Program::read(text)).transpose()?;
            Ok((entries(text)?, program.map(Arc::new)))
        });
        match read {
            Ok((kernels, program)) => {
                let handle = state.insert(Object::Module(kernels, program))?;
                // SAFETY: see above.
                unsafe { give(module, handle) }
            }
            Err(why) => refuse(CUDA_ERROR_INVALID_PTX, why),
        }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuModuleUnload(module: Handle) -> CUresult {
    call(|state| match state.object(module)? {
        Object::Module(..) => {
            state.finish();
            let of_module = |object: &Object| matches!(object, Object::Function(_, of, _) if *of == module as usize);
            state.objects.retain(|_, (_, object)| !of_module(object));
            state.remove(module)
        }
        _ => Err(CUDA_ERROR_INVALID_HANDLE),
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleGetFunction(
    function: *mut Handle,
    module: Handle,
    name: *const c_char,
) -> CUresult {
    call(|state| {
        let Object::Module(kernels, program) = state.object(module)? else {
            return Err(CUDA_ERROR_INVALID_HANDLE);
        };
        if name.is_null() {
            return Err(CUDA_ERROR_INVALID_VALUE);
        }
        // SAFETY: see above.
        let name = unsafe { CStr::from_ptr(name) }.to_bytes();
        let found = kernels.iter().find(|of| of.name().as_bytes() == name);
        let kernel = *found.ok_or(CUDA_ERROR_NOT_FOUND)?;
        let of = Object::Function(kernel, module as usize, program.clone());
        let handle = state.insert(of)?;
        // SAFETY: see above.
        unsafe { give(function, handle) }
    })
}

/// Runs the kernel to its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuLaunchKernel(
    function: Handle,
    blocks: c_uint,
    blocks_y: c_uint,
    blocks_z: c_uint,
    threads: c_uint,
    threads_y: c_uint,
    threads_z: c_uint,
    shared_bytes: c_uint,
    stream: Handle,
    arguments: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> CUresult {
    call(|state| {
        state.stream(stream)?;
        let Object::Function(kernel, _, program) = state.object(function)? else {
            return Err(CUDA_ERROR_INVALID_HANDLE);
        };
        let (kernel, program) = (*kernel, program.clone());
        let name = kernel.name();
        let grid = [blocks, blocks_y, blocks_z];
        let block = [threads, threads_y, threads_z];
        let is_one_row = blocks > 0 && blocks <= c_int::MAX as c_uint && grid[1..] == [1, 1];
        if !is_one_row || block != [THREADS as c_uint, 1, 1] || shared_bytes != 0 {
            let why = format_args!(
                "kernel {name}: a grid of {grid:?} blocks of {block:?} threads with {shared_bytes} bytes of \
                 shared memory is none of [n, 1, 1] blocks of [{THREADS}, 1, 1] threads without any"
            );
            return refuse(CUDA_ERROR_INVALID_VALUE, why);
        }
        if arguments.is_null() || !extra.is_null() {
            let why = format_args!("kernel {name}: arguments are passed as an array of pointers");
            return refuse(CUDA_ERROR_INVALID_VALUE, why);
        }
        // SAFETY: see above. Kernels have one argument, a structure whose size the PTX and the caller agree on.
        let copied = unsafe {
            let bytes = kernel.size_of_args();
            let mut copied = vec![0_u64; bytes.div_ceil(size_of::<u64>())];
            let arguments: *const u8 = (*arguments).cast_const().cast();
            copied
                .as_mut_ptr()
                .cast::<u8>()
                .copy_from_nonoverlapping(arguments, bytes);
            copied
        };
        state.launches += 1;
        state.push(
            stream,
            Task::Launch {
                kernel,
                program,
                blocks: blocks as usize,
                arguments: copied,
            },
        );
        Ok(())
    })
}
