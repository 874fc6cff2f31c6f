//! The driver, as cudarc calls it.
//!
//! A test that needs another machine, or that breaks it, runs in a process of its own: see [`alone`].
#![cfg(target_os = "linux")]

use cudarc::driver::sys::{self, CUresult};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceRepr,
    DriverError, LaunchConfig, PushKernelArg, result,
};
use cudarc::nvrtc::Ptx;
use std::process::Command;
use std::sync::Arc;
use trueloss_kernels::{ElementArgs, Places, Slice, THREADS};

const PTX: &str = "
.version 6.0
.target sm_70
.address_size 64
.visible .entry mse_f32(
)
{
ret;
}
.visible .entry an_unknown_one(
)
{
ret;
}
";

/// Opens device 0.
fn open() -> Result<Arc<CudaContext>, DriverError> {
    trueloss_emulator::load();
    CudaContext::new(0)
}

/// Runs this test's body in a process of its own with these variables, and returns what it printed.
fn alone(test: &str, variables: &[(&str, &str)], body: fn()) -> String {
    if std::env::var_os("TRUELOSS_EMULATOR_TEST").is_some() {
        body();
        return String::new();
    }
    let output = Command::new(std::env::current_exe().expect("the test's path"))
        .args(["--exact", "--nocapture", test])
        .env("TRUELOSS_EMULATOR_TEST", "")
        .envs(variables.iter().copied())
        .output()
        .expect("the test runs");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{variables:?}\n{text}");
    assert!(text.contains("1 passed"), "{text}");
    text.into_owned()
}

fn error<T>(of: Result<T, DriverError>) -> Option<CUresult> {
    of.err().map(|error| error.0)
}

fn driver_version() -> Result<i32, DriverError> {
    let mut version = 0;
    // SAFETY: `version` may be written to.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result()?;
    Ok(version)
}

/// The arguments of a kernel.
struct Args<T>(T);

// SAFETY: kernels take this structure, which has the same layout on both sides.
unsafe impl<T> DeviceRepr for Args<T> {}

fn nothing() -> ElementArgs<f32> {
    ElementArgs {
        input: Slice::NONE,
        target: Slice::NONE,
        weight: Slice::NONE,
        pos_weight: Slice::NONE,
        numbers: [1.0; 2],
        grad_output: Slice::NONE,
        scale: 1.0,
        values: Places::NONE,
        grad_input: Places::NONE,
        sums: Places::NONE,
        report: Places::NONE,
    }
}

const GRID: LaunchConfig = LaunchConfig {
    grid_dim: (2, 1, 1),
    block_dim: (THREADS as u32, 1, 1),
    shared_mem_bytes: 0,
};

fn launch(
    stream: &CudaStream,
    function: &CudaFunction,
    args: ElementArgs<f32>,
    grid: LaunchConfig,
) -> Result<(), DriverError> {
    let args = Args(args);
    // SAFETY: each test's own.
    unsafe { stream.launch_builder(function).arg(&args).launch(grid) }.map(drop)
}

fn mse(context: &Arc<CudaContext>) -> CudaFunction {
    let module = context.load_module(Ptx::from_src(PTX)).expect("a module");
    module.load_function("mse_f32").expect("a kernel")
}

fn slice(of: &CudaSlice<f32>, stream: &CudaStream) -> Slice<f32> {
    Slice::new(of.device_ptr(stream).0, of.len())
}

fn places(of: &mut CudaSlice<f32>, stream: &CudaStream) -> Places<f32> {
    let len = of.len();
    Places::new(of.device_ptr_mut(stream).0, len)
}

#[test]
fn finds_the_emulator() -> Result<(), DriverError> {
    let context = open()?;
    assert_eq!(
        context.name()?,
        trueloss_emulator::driver::NAME.to_string_lossy()
    );
    assert_eq!(CudaContext::device_count()?, 1);
    assert_eq!(context.compute_capability()?, (9, 0));
    assert_eq!(context.total_mem()?, 1 << 33);
    let attribute = |of| context.attribute(of);
    use sys::CUdevice_attribute_enum as Attribute;
    assert_eq!(attribute(Attribute::CU_DEVICE_ATTRIBUTE_WARP_SIZE)?, 32);
    assert_eq!(
        attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        2
    );
    assert_eq!(
        error(attribute(Attribute::CU_DEVICE_ATTRIBUTE_TCC_DRIVER)),
        Some(CUresult::CUDA_ERROR_NOT_SUPPORTED)
    );
    assert_eq!(
        error(CudaContext::new(1)),
        Some(CUresult::CUDA_ERROR_INVALID_DEVICE)
    );
    assert_eq!(driver_version()?, 12080);
    context.synchronize()
}

#[test]
fn a_loss() -> Result<(), DriverError> {
    let context = open()?;
    for stream in [context.default_stream(), context.new_stream()?] {
        let function = mse(&context);
        let input: Vec<f32> = (0..9001).map(|i| (i % 97) as f32 * 0.37).collect();
        let target: Vec<f32> = (0..9001).map(|i| (i % 89) as f32 * 0.41).collect();
        let (x, y) = (stream.clone_htod(&input)?, stream.clone_htod(&target)?);
        // SAFETY: written before they are read.
        let (mut losses, mut grad) =
            unsafe { (stream.alloc::<f32>(9001)?, stream.alloc::<f32>(9001)?) };
        let args = ElementArgs {
            input: slice(&x, &stream),
            target: slice(&y, &stream),
            values: places(&mut losses, &stream),
            grad_input: places(&mut grad, &stream),
            ..nothing()
        };
        launch(&stream, &function, args, GRID)?;
        let mut expected = vec![0.0; 9001];
        let mse = trueloss::Mse::new();
        mse.forward_each(&input, &target, &mut expected)
            .expect("losses");
        assert_eq!(stream.clone_dtoh(&losses)?, expected);
        mse.backward_each(&input, &target, &vec![1.0; 9001], &mut expected)
            .expect("gradients");
        assert_eq!(stream.clone_dtoh(&grad)?, expected);
        stream.synchronize()?;
    }
    context.check_err()
}

#[test]
fn copies() -> Result<(), DriverError> {
    let context = open()?;
    let stream = context.new_stream()?;
    let a = stream.clone_htod(&[1.0_f32, 2.0, 3.0])?;
    let b = stream.clone_dtod(&a.slice(1..))?;
    assert_eq!(stream.clone_dtoh(&b)?, [2.0, 3.0]);
    assert_eq!(stream.clone_dtoh(&stream.alloc_zeros::<u64>(5)?)?, [0; 5]);
    // New memory is no zeros.
    // SAFETY: bytes are bytes.
    let new = unsafe { stream.alloc::<u8>(300)? };
    assert_eq!(stream.clone_dtoh(&new)?, [0xa5; 300]);
    // Nothing is copied without an error.
    let none = stream.clone_htod::<f32, _>(&[])?;
    assert_eq!(stream.clone_dtoh(&none)?, []);
    drop(none);
    drop(stream.null::<f32>()?);
    // SAFETY: written before it is read.
    let mut pinned = unsafe { context.alloc_pinned::<f32>(3)? };
    stream.memcpy_dtoh(&a, &mut pinned)?;
    assert_eq!(pinned.as_slice()?, [1.0, 2.0, 3.0]);
    drop(pinned);
    // Without a stream.
    // SAFETY: the addresses are those of `a` and of `bytes`.
    unsafe {
        let mut bytes = [0_u8; 4];
        let address = a.device_ptr(&stream).0;
        result::memcpy_dtoh_sync(&mut bytes, address + 8)?;
        assert_eq!(bytes, 3.0_f32.to_ne_bytes());
        result::memcpy_htod_sync(address, &bytes)?;
        assert_eq!(stream.clone_dtoh(&a)?, [3.0, 2.0, 3.0]);
        let own = result::malloc_sync(12)?;
        result::memcpy_dtod_sync(own, address, 12)?;
        result::memset_d8_sync(own, 0, 4)?;
        result::memcpy_dtoh_sync(&mut bytes, own)?;
        assert_eq!(bytes, [0; 4]);
        result::free_sync(own)?;
    }
    context.check_err()
}

#[test]
fn memory_of_nobody() -> Result<(), DriverError> {
    let context = open()?;
    let stream = context.default_stream();
    let a = stream.clone_htod(&[0_u8; 16])?;
    let address = a.device_ptr(&stream).0;
    let invalid = Some(CUresult::CUDA_ERROR_INVALID_VALUE);
    let mut bytes = [0_u8; 8];
    // SAFETY: what is not allowed is refused before anything is read or written.
    unsafe {
        assert_eq!(
            error(result::memcpy_dtoh_sync(&mut bytes, address + 9)),
            invalid
        );
        assert_eq!(
            error(result::memcpy_dtoh_sync(&mut bytes, address - 1)),
            invalid
        );
        assert_eq!(
            error(result::memcpy_htod_sync(address + 9, &bytes)),
            invalid
        );
        assert_eq!(
            error(result::memcpy_dtod_sync(address, address + 9, 8)),
            invalid
        );
        assert_eq!(error(result::memset_d8_sync(address, 0, 17)), invalid);
        assert_eq!(error(result::free_sync(address + 1)), invalid);
        assert_eq!(
            error(result::free_async(address + 1, stream.cu_stream())),
            invalid
        );
        assert_eq!(error(result::malloc_sync(0)), invalid);
        let own = result::malloc_sync(1)?;
        result::free_sync(own)?;
        assert_eq!(error(result::free_sync(own)), invalid);
    }
    drop(a);
    context.check_err()
}

#[test]
fn events() -> Result<(), DriverError> {
    let context = open()?;
    let stream = context.new_stream()?;
    let timed = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
    let start = stream.record_event(timed)?;
    std::thread::sleep(std::time::Duration::from_millis(2));
    let end = stream.record_event(timed)?;
    assert!(start.elapsed_ms(&end)? >= 2.0);
    assert!(end.elapsed_ms(&start)? <= -2.0);
    assert!(end.is_complete());
    context.default_stream().wait(&end)?;
    stream.join(&context.default_stream())?;
    let never = context.new_event(timed)?;
    assert_eq!(
        error(start.elapsed_ms(&never)),
        Some(CUresult::CUDA_ERROR_INVALID_HANDLE)
    );
    drop((start, end, never));
    context.check_err()
}

#[test]
fn modules() -> Result<(), DriverError> {
    let context = open()?;
    let module = context.load_module(Ptx::from_src(PTX))?;
    module.load_function("mse_f32")?;
    for name in ["mse_f64", "an_unknown_one", "mse_f3", ""] {
        let found = module.load_function(name);
        assert_eq!(error(found), Some(CUresult::CUDA_ERROR_NOT_FOUND), "{name}");
    }
    let size = size_of::<ElementArgs<f32>>();
    let with =
        |parameter: String| PTX.replacen("mse_f32(\n", &format!("mse_f32(\n{parameter}\n"), 1);
    let of_size = |size| with(format!(".param .align 8 .b8 mse_f32_param_0[{size}]"));
    context.load_module(Ptx::from_src(of_size(size)))?;
    for ptx in [
        String::new(),
        PTX.replace("mse_f32", "mse_f16"),
        PTX.replace("sm_70", "sm_91"),
        PTX.replace(".target", ".goal"),
        of_size(size + 8),
    ] {
        let loaded = context.load_module(Ptx::from_src(ptx.clone()));
        assert_eq!(
            error(loaded),
            Some(CUresult::CUDA_ERROR_INVALID_PTX),
            "{ptx}"
        );
    }
    Ok(())
}

#[test]
fn launches() -> Result<(), DriverError> {
    let context = open()?;
    let stream = context.default_stream();
    let function = mse(&context);
    launch(&stream, &function, nothing(), GRID)?;
    let wrong = [
        LaunchConfig {
            grid_dim: (0, 1, 1),
            ..GRID
        },
        LaunchConfig {
            grid_dim: (1, 2, 1),
            ..GRID
        },
        LaunchConfig {
            grid_dim: (1, 1, 2),
            ..GRID
        },
        LaunchConfig {
            block_dim: (128, 1, 1),
            ..GRID
        },
        LaunchConfig {
            block_dim: (256, 2, 1),
            ..GRID
        },
        LaunchConfig {
            shared_mem_bytes: 8,
            ..GRID
        },
    ];
    for grid in wrong {
        let launched = launch(&stream, &function, nothing(), grid);
        assert_eq!(
            error(launched),
            Some(CUresult::CUDA_ERROR_INVALID_VALUE),
            "{grid:?}"
        );
    }
    Ok(())
}

#[test]
fn errors_have_names() {
    trueloss_emulator::load();
    let invalid = DriverError(CUresult::CUDA_ERROR_INVALID_VALUE);
    assert_eq!(
        invalid
            .error_name()
            .ok()
            .and_then(|name| name.to_str().ok()),
        Some("CUDA_ERROR_INVALID_VALUE")
    );
    assert_eq!(
        invalid
            .error_string()
            .ok()
            .and_then(|text| text.to_str().ok()),
        Some("invalid argument")
    );
    // One that is never returned here.
    let other = DriverError(CUresult::CUDA_ERROR_ECC_UNCORRECTABLE);
    assert!(other.error_name().is_err());
}

#[test]
fn no_device() {
    alone("no_device", &[("TRUELOSS_EMULATOR_DEVICES", "0")], || {
        assert_eq!(error(open()), Some(CUresult::CUDA_ERROR_NO_DEVICE));
        let count = CudaContext::device_count();
        assert_eq!(error(count), Some(CUresult::CUDA_ERROR_NO_DEVICE));
    });
}

#[test]
fn two_devices() {
    alone("two_devices", &[("TRUELOSS_EMULATOR_DEVICES", "2")], || {
        let first = open().expect("device 0");
        assert_eq!(CudaContext::device_count(), Ok(2));
        let second = CudaContext::new(1).expect("device 1");
        let (one, other) = (first.default_stream(), second.default_stream());
        let a = one.clone_htod(&[1_u8]).expect("memory");
        let b = other.clone_htod(&[2_u8]).expect("memory");
        assert_eq!(one.clone_dtoh(&a), Ok(vec![1]));
        assert_eq!(other.clone_dtoh(&b), Ok(vec![2]));
        drop((a, b));
        assert_eq!((first.check_err(), second.check_err()), (Ok(()), Ok(())));
    });
}

#[test]
fn little_memory() {
    alone(
        "little_memory",
        &[("TRUELOSS_EMULATOR_MEMORY", "1000")],
        || {
            let context = open().expect("device 0");
            assert_eq!(context.total_mem(), Ok(1000));
            let stream = context.default_stream();
            // SAFETY: it is not read.
            let first = unsafe { stream.alloc::<u8>(600) }.expect("memory");
            assert_eq!(context.mem_get_info(), Ok((400, 1000)));
            // SAFETY: see above.
            let second = unsafe { stream.alloc::<u8>(401) };
            assert_eq!(error(second), Some(CUresult::CUDA_ERROR_OUT_OF_MEMORY));
            drop(first);
            // SAFETY: see above.
            drop(unsafe { stream.alloc::<u8>(1000) }.expect("memory"));
            assert_eq!(context.check_err(), Ok(()));
        },
    );
}

#[test]
fn an_old_device() {
    let variables = [
        ("TRUELOSS_EMULATOR_CAPABILITY", "6.1"),
        ("TRUELOSS_EMULATOR_DRIVER_VERSION", "11040"),
    ];
    let text = alone("an_old_device", &variables, || {
        let context = open().expect("device 0");
        assert_eq!(context.compute_capability(), Ok((6, 1)));
        assert_eq!(driver_version(), Ok(11040));
        let loaded = context.load_module(Ptx::from_src(PTX));
        assert_eq!(error(loaded), Some(CUresult::CUDA_ERROR_INVALID_PTX));
    });
    assert!(text.is_empty() || text.contains("the PTX is for sm_70, this device is an sm_61"));
}

#[test]
fn orders() {
    for order in ["forward", "backward", "7"] {
        let variables = [("TRUELOSS_EMULATOR_ORDER", order)];
        alone("orders", &variables, || a_loss().expect("a loss"));
    }
}

#[test]
fn wrong_variables() {
    for variables in [
        [("TRUELOSS_EMULATOR_DEVICES", "many")],
        [("TRUELOSS_EMULATOR_MEMORY", "-1")],
        [("TRUELOSS_EMULATOR_CAPABILITY", "9")],
        [("TRUELOSS_EMULATOR_ORDER", "sideways")],
    ] {
        let text = alone("wrong_variables", &variables, || {
            let run = || {
                let context = open()?;
                context.total_mem()?;
                let function = context
                    .load_module(Ptx::from_src(PTX))?
                    .load_function("mse_f32")?;
                launch(&context.default_stream(), &function, nothing(), GRID)
            };
            assert_eq!(error(run()), Some(CUresult::CUDA_ERROR_LAUNCH_FAILED));
        });
        let [(name, value)] = variables;
        assert!(
            text.is_empty() || text.contains(&format!("{name}={value}")),
            "{text}"
        );
    }
}

/// A kernel that writes past the end of its output: the lengths it was given say that it may.
#[test]
fn a_panic_stays() {
    let text = alone("a_panic_stays", &[], || {
        let context = open().expect("device 0");
        let stream = context.default_stream();
        let function = mse(&context);
        let x = stream.clone_htod(&[1.0_f32; 9]).expect("memory");
        // SAFETY: it is not read.
        let mut losses = unsafe { stream.alloc::<f32>(8) }.expect("memory");
        let args = ElementArgs {
            input: slice(&x, &stream),
            target: slice(&x, &stream),
            values: Places::new(places(&mut losses, &stream).address(), 9),
            ..nothing()
        };
        let failed = Some(CUresult::CUDA_ERROR_LAUNCH_FAILED);
        assert_eq!(error(launch(&stream, &function, args, GRID)), failed);
        assert_eq!(error(stream.synchronize()), failed);
        // SAFETY: it is not read.
        assert_eq!(error(unsafe { stream.alloc::<f32>(8) }), failed);
        assert_eq!(error(CudaContext::new(0)), failed);
    });
    let fault =
        "0 bytes behind the end of an allocation of 32 bytes, memory was written to, by mse_f32";
    assert!(text.is_empty() || text.contains(fault), "{text}");
}

/// Fewer places than there are losses.
#[test]
fn a_panic_in_a_kernel() {
    let text = alone("a_panic_in_a_kernel", &[], || {
        let context = open().expect("device 0");
        let stream = context.default_stream();
        let x = stream.clone_htod(&[1.0_f32; 9]).expect("memory");
        // SAFETY: it is not read.
        let mut losses = unsafe { stream.alloc::<f32>(8) }.expect("memory");
        let args = ElementArgs {
            input: slice(&x, &stream),
            target: slice(&x, &stream),
            values: places(&mut losses, &stream),
            ..nothing()
        };
        let launched = launch(&stream, &mse(&context), args, GRID);
        assert_eq!(error(launched), Some(CUresult::CUDA_ERROR_LAUNCH_FAILED));
    });
    let fault = "kernel mse_f32, block 0 of 2, thread 8: place 8 of 8";
    assert!(text.is_empty() || text.contains(fault), "{text}");
}
