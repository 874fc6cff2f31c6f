//! A device, its kernels and the stream that calls go to.

use crate::error::Error;
use crate::launch::Kernels;
use cudarc::driver::sys::{self, CUresult};
use cudarc::driver::{CudaContext, CudaStream, DriverError};
use std::sync::Arc;

/// The oldest version of CUDA whose driver will do: that of cudarc's bindings.
const OLDEST_DRIVER: (i32, i32) = (12, 0);

/// The lowest compute capability that the kernels are made for: Volta.
const OLDEST_DEVICE: (i32, i32) = (7, 0);

/// A device with the kernels on it, and the stream that calls go to.
///
/// Calls are asynchronous: they return as soon as the stream has been told what to do. They take the place in
/// the order of the stream that they were made in. A kernel is loaded when it is first called, which takes the driver a
/// second or so, and less once it has it in its cache.
///
/// ```no_run
/// use trueloss_cuda::{BceWithLogits, Gpu};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let logits = gpu.stream().clone_htod(&[2.0_f32, -40.0])?;
/// let targets = gpu.stream().clone_htod(&[1.0_f32, 0.0])?;
/// let mut grad = gpu.stream().alloc_zeros::<f32>(2)?;
/// let loss = BceWithLogits::new().forward_backward(&gpu, &logits, &targets, &mut grad)?;
/// assert_eq!(loss.wait()?, 0.063_464_01);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gpu {
    stream: Arc<CudaStream>,
    kernels: Arc<Kernels>,
    checks: bool,
}

/// How many devices there are.
///
/// # Errors
///
/// [`Error::NoDriver`], [`Error::DriverTooOld`], [`Error::Driver`]. A machine with a driver and no device has 0.
///
/// ```
/// match trueloss_cuda::devices() {
///     Ok(count) => println!("{count} devices"),
///     // There is none here, and this says why.
///     Err(error) => println!("{error}"),
/// }
/// ```
pub fn devices() -> Result<usize, Error> {
    check_driver()?;
    match CudaContext::device_count() {
        Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
        Err(DriverError(CUresult::CUDA_ERROR_NO_DEVICE)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// cudarc panics where there is no driver, so it is asked nothing before this.
fn check_driver() -> Result<(), Error> {
    // SAFETY: this loads the driver's library, which may be done at any time.
    if !unsafe { sys::is_culib_present() } {
        return Err(Error::NoDriver);
    }
    let mut version = 0;
    // SAFETY: this writes a number, and may be called before all else.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result()?;
    let found = (version / 1000, version % 1000 / 10);
    if found < OLDEST_DRIVER {
        let needed = OLDEST_DRIVER;
        return Err(Error::DriverTooOld { found, needed });
    }
    Ok(())
}

impl Gpu {
    /// The device with this number, and its default stream.
    ///
    /// # Errors
    ///
    /// [`Error::NoDriver`], [`Error::DriverTooOld`], [`Error::NoDevice`], [`Error::DeviceTooOld`], [`Error::Driver`].
    ///
    /// ```
    /// use trueloss_cuda::Gpu;
    ///
    /// // Nothing panics where there is no driver, or no such device.
    /// assert!(Gpu::new(1_000_000).is_err());
    /// ```
    pub fn new(ordinal: usize) -> Result<Self, Error> {
        check_driver()?;
        let context = CudaContext::new(ordinal).map_err(|DriverError(result)| match result {
            CUresult::CUDA_ERROR_NO_DEVICE | CUresult::CUDA_ERROR_INVALID_DEVICE => {
                Error::NoDevice { ordinal }
            }
            other => Error::Driver(DriverError(other)),
        })?;
        Self::on(context.default_stream())
    }

    /// The device of a stream, and that stream.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceTooOld`], [`Error::Driver`].
    ///
    /// ```no_run
    /// use trueloss_cuda::{Gpu, cudarc::driver::CudaContext};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::on(CudaContext::new(0)?.new_stream()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on(stream: Arc<CudaStream>) -> Result<Self, Error> {
        let found = stream.context().compute_capability()?;
        if found < OLDEST_DEVICE {
            let needed = OLDEST_DEVICE;
            return Err(Error::DeviceTooOld { found, needed });
        }
        let kernels = Arc::new(Kernels::of(stream.context()));
        Ok(Self {
            stream,
            kernels,
            checks: true,
        })
    }

    /// The same device and kernels, and another of its streams.
    ///
    /// # Errors
    ///
    /// [`Error::OtherDevice`] where the stream is not of this device's context.
    ///
    /// ```no_run
    /// use trueloss_cuda::Gpu;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::new(0)?;
    /// let other = gpu.with_stream(gpu.stream().fork()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_stream(&self, stream: Arc<CudaStream>) -> Result<Self, Error> {
        if stream.context() != self.stream.context() {
            return Err(Error::OtherDevice);
        }
        Ok(Self {
            stream,
            ..self.clone()
        })
    }

    /// The same, for calls whose targets, labels and weights are known to be legal: they are not looked at before the
    /// call does its work, which saves a pass over them. What is not legal then gives some number, and no error.
    ///
    /// ```no_run
    /// use trueloss_cuda::{Classes, Gpu, Nll};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::new(0)?.without_checks();
    /// let input = gpu.stream().clone_htod(&[-1.0_f32, -2.0])?;
    /// let labels = gpu.stream().clone_htod(&[1_i64])?;
    /// assert_eq!(Nll::new().forward(&gpu, Classes::new(&input, [1, 2])?, &labels)?.wait()?, 2.0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn without_checks(&self) -> Self {
        Self {
            checks: false,
            ..self.clone()
        }
    }

    /// The stream that calls go to.
    ///
    /// ```no_run
    /// use trueloss_cuda::Gpu;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::new(0)?;
    /// let numbers = gpu.stream().clone_htod(&[1.0_f32, 2.0])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    pub(crate) fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    pub(crate) fn checks(&self) -> bool {
        self.checks
    }
}
