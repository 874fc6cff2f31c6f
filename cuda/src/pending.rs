//! What a call returns while the device is still at work.

use crate::element::Element;
use crate::error::Error;
use crate::work::Check;
use cudarc::driver::{CudaSlice, CudaStream};
use std::sync::Arc;
use trueloss_kernels::{REPORT, read_report};

/// Where the device says what is wrong with the numbers that it was given.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) stream: Arc<CudaStream>,
    pub(crate) memory: Option<CudaSlice<u64>>,
    pub(crate) checks: Vec<Check>,
}

impl Report {
    /// Waits for the device.
    fn wait(self) -> Result<(), Error> {
        let mut report = [0; REPORT];
        if let Some(memory) = &self.memory {
            self.stream.memcpy_dtoh(memory, &mut report)?;
        }
        self.stream.synchronize()?;
        let Some((check, index, class)) = read_report(report) else {
            return Ok(());
        };
        let error = match self.checks.get(check) {
            Some(&Check::Numbers(numbers, argument)) => numbers.error(argument, index),
            Some(&Check::Labels { classes }) => trueloss::Error::ClassIndex {
                index,
                class,
                classes,
            },
            None => return Ok(()),
        };
        Err(error.into())
    }
}

/// A loss that the device is working on.
///
/// ```no_run
/// use trueloss_cuda::{Gpu, Mse};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let input = gpu.stream().clone_htod(&[1.0_f32, 3.0])?;
/// let target = gpu.stream().clone_htod(&[1.0_f32, 1.0])?;
/// // Returns at once: the device works on it.
/// let loss = Mse::new().forward(&gpu, &input, &target)?;
/// assert_eq!(loss.wait()?, 2.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "`wait` says what the loss is, and whether the numbers were legal"]
pub struct Loss<T> {
    value: CudaSlice<T>,
    report: Report,
}

impl<T: Element> Loss<T> {
    pub(crate) fn new(value: CudaSlice<T>, report: Report) -> Self {
        Self { value, report }
    }

    /// Waits for the device, and returns the loss.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] where a target, label or weight is not legal: nothing has been written then.
    /// [`Error::Driver`].
    ///
    /// ```no_run
    /// use trueloss_cuda::{Bce, Error, Gpu};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::new(0)?;
    /// let input = gpu.stream().clone_htod(&[0.5_f32])?;
    /// let target = gpu.stream().clone_htod(&[2.0_f32])?;
    /// // Targets are looked at by the device.
    /// let error = Bce::new().forward(&gpu, &input, &target)?.wait().unwrap_err();
    /// assert!(matches!(error, Error::Argument(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(self) -> Result<T, Error> {
        let mut value = [T::default()];
        self.report.stream.memcpy_dtoh(&self.value, &mut value)?;
        self.report.wait()?;
        let [value] = value;
        Ok(value)
    }

    /// The loss where it is, for what comes next on the device: one number. It is 0 where the numbers were not legal.
    ///
    /// ```no_run
    /// use trueloss_cuda::{Gpu, Mse};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::new(0)?;
    /// let input = gpu.stream().clone_htod(&[1.0_f32, 3.0])?;
    /// let target = gpu.stream().clone_htod(&[1.0_f32, 1.0])?;
    /// let loss = Mse::new().forward(&gpu, &input, &target)?;
    /// assert_eq!(gpu.stream().clone_dtoh(loss.on_device())?, [2.0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_device(&self) -> &CudaSlice<T> {
        &self.value
    }
}

/// Losses or gradients that the device is working on.
///
/// ```no_run
/// use trueloss_cuda::{Gpu, Mse};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let input = gpu.stream().clone_htod(&[1.0_f32, 3.0])?;
/// let target = gpu.stream().clone_htod(&[1.0_f32, 1.0])?;
/// let mut losses = gpu.stream().alloc_zeros::<f32>(2)?;
/// Mse::new().forward_each(&gpu, &input, &target, &mut losses)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&losses)?, [0.0, 4.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "`wait` says whether the numbers were legal"]
pub struct Done {
    report: Report,
}

impl Done {
    pub(crate) fn new(report: Report) -> Self {
        Self { report }
    }

    pub(crate) fn into_report(self) -> Report {
        self.report
    }

    /// Waits for the device.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] where a target, label or weight is not legal: nothing has been written then.
    /// [`Error::Driver`].
    ///
    /// ```no_run
    /// use trueloss_cuda::{Bce, Error, Gpu};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::new(0)?;
    /// let input = gpu.stream().clone_htod(&[0.5_f32])?;
    /// let target = gpu.stream().clone_htod(&[2.0_f32])?;
    /// let mut losses = gpu.stream().alloc_zeros::<f32>(1)?;
    /// let error = Bce::new().forward_each(&gpu, &input, &target, &mut losses)?.wait().unwrap_err();
    /// assert!(matches!(error, Error::Argument(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(self) -> Result<(), Error> {
        self.report.wait()
    }
}
