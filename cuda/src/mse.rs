//! Mean squared error.

use crate::element::Element;
use crate::elementwise::{Call, methods};
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::Reduction;
use trueloss_kernels::Kernel;

/// Mean squared error, `mse_loss`: [`trueloss::Mse`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Gpu, Mse, Reduction};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let input = gpu.stream().clone_htod(&[1.0_f32, 2.5])?;
/// let target = gpu.stream().clone_htod(&[1.5_f32, 2.0])?;
/// let mut grad = gpu.stream().alloc_zeros::<f32>(2)?;
/// let loss = Mse::new().reduction(Reduction::Sum).forward_backward(&gpu, &input, &target, &mut grad)?;
/// assert_eq!(loss.wait()?, 0.5);
/// assert_eq!(gpu.stream().clone_dtoh(&grad)?, [-1.0, 1.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mse {
    reduction: Reduction,
}

impl Mse {
    /// The mean.
    pub const fn new() -> Self {
        Self {
            reduction: Reduction::Mean,
        }
    }

    /// Mean or sum.
    #[must_use]
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    fn call<'a, T: Element>(
        &self,
        gpu: &'a Gpu,
        input: &'a dyn DevicePtr<T>,
        target: &'a dyn DevicePtr<T>,
    ) -> Result<Call<'a, T>, Error> {
        let kernel = T::choose(Kernel::mse_f32, Kernel::mse_f64);
        Call::new(gpu, kernel, self.reduction, input, Some(target))
    }

    methods!(T, Element);
}
