//! The kernels' PTX, and the one place where kernels are launched.

use crate::error::Error;
use crate::gpu::Gpu;
use cudarc::driver::{CudaContext, CudaFunction, DeviceRepr, LaunchConfig, PushKernelArg};
use cudarc::nvrtc::Ptx;
use std::fmt;
use std::sync::{Arc, OnceLock};
use trueloss_kernels::{Kernel, THREADS};

macro_rules! texts {
    ($($name:ident($args:ty) = $body:path;)*) => {
        /// A kernel's PTX, which the driver compiles for its device.
        const fn ptx(kernel: Kernel) -> &'static str {
            match kernel {
                $(Kernel::$name => include_str!(concat!("../ptx/", stringify!($name), ".ptx")),)*
            }
        }
    };
}

trueloss_kernels::each_kernel!(texts);

/// The kernels of a device, loaded one by one when they are first called.
pub(crate) struct Kernels {
    context: Arc<CudaContext>,
    loaded: Vec<OnceLock<CudaFunction>>,
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernels").finish_non_exhaustive()
    }
}

impl Kernels {
    pub(crate) fn of(context: &Arc<CudaContext>) -> Self {
        Self {
            context: context.clone(),
            loaded: Kernel::ALL.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    fn function(&self, kernel: Kernel) -> Result<&CudaFunction, Error> {
        let place = &self.loaded[kernel as usize];
        if let Some(function) = place.get() {
            return Ok(function);
        }
        let module = self.context.load_module(Ptx::from_src(ptx(kernel)))?;
        let function = module.load_function(kernel.name())?;
        Ok(place.get_or_init(|| function))
    }
}

/// The arguments of a kernel, which it is given as one.
#[repr(transparent)]
struct Arguments<A>(A);

// SAFETY: the kernels' arguments are structures of numbers and addresses, laid out as C does, on the device too.
unsafe impl<A: Copy> DeviceRepr for Arguments<A> {}

/// Launches a kernel on `blocks` blocks of threads, or as many as a grid may have: kernels go on until there is no more to
/// do.
///
/// # Errors
///
/// [`Error::Driver`].
///
/// # Safety
///
/// See `trueloss_kernels`: the arguments are those of the kernel; what they point to is there until the kernel has
/// ended, on this device, of the type and the length that they say; and nothing else reads or writes meanwhile what
/// it writes.
pub(crate) unsafe fn launch<A: Copy>(
    gpu: &Gpu,
    kernel: Kernel,
    args: A,
    blocks: usize,
) -> Result<(), Error> {
    debug_assert_eq!(size_of::<A>(), kernel.size_of_args(), "{kernel:?}");
    let blocks = u32::try_from(blocks)
        .unwrap_or(u32::MAX)
        .min(i32::MAX as u32);
    if blocks == 0 {
        return Ok(());
    }
    let config = LaunchConfig {
        grid_dim: (blocks, 1, 1),
        block_dim: (THREADS as u32, 1, 1),
        shared_mem_bytes: 0,
    };
    let args = Arguments(args);
    let function = gpu.kernels().function(kernel)?;
    let mut launch = gpu.stream().launch_builder(function);
    launch.arg(&args);
    // SAFETY: the caller's promise.
    unsafe { launch.launch(config) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use trueloss_kernels::Kernel;

    /// That each has a file the compiler sees.
    #[test]
    fn every_file_is_of_a_kernel() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/ptx");
        let files: BTreeSet<_> = std::fs::read_dir(folder)
            .expect("the folder of the PTX")
            .map(|file| file.expect("a file of it").file_name())
            .collect();
        let kernels = Kernel::ALL
            .iter()
            .map(|kernel| format!("{}.ptx", kernel.name()).into());
        assert_eq!(files, kernels.collect());
    }
}
