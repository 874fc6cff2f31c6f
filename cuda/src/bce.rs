//! Binary cross-entropy of probabilities.

use crate::element::Element;
use crate::elementwise::{Call, methods};
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::Reduction;
use trueloss_kernels::Kernel;

/// Binary cross-entropy of probabilities, `binary_cross_entropy`: [`trueloss::Bce`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Bce, Gpu};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let input = gpu.stream().clone_htod(&[0.5_f32, 0.5])?;
/// let target = gpu.stream().clone_htod(&[1.0_f32, 0.0])?;
/// let weight = gpu.stream().clone_htod(&[2.0_f32, 0.0])?;
/// let mut losses = gpu.stream().alloc_zeros::<f32>(2)?;
/// Bce::new().weight(&weight).forward_each(&gpu, &input, &target, &mut losses)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&losses)?, [2.0 * core::f32::consts::LN_2, 0.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Bce<'a, T> {
    weight: Option<&'a dyn DevicePtr<T>>,
    reduction: Reduction,
}

impl<T> Default for Bce<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Bce<'_, T> {
    /// The mean, unweighted.
    pub const fn new() -> Self {
        Self {
            weight: None,
            reduction: Reduction::Mean,
        }
    }
}

impl<'w, T: Element> Bce<'w, T> {
    /// A factor for each element's loss, on the device.
    #[must_use]
    pub const fn weight(mut self, weight: &'w dyn DevicePtr<T>) -> Self {
        self.weight = Some(weight);
        self
    }

    /// Mean or sum.
    #[must_use]
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    fn call<'a>(
        &'a self,
        gpu: &'a Gpu,
        input: &'a dyn DevicePtr<T>,
        target: &'a dyn DevicePtr<T>,
    ) -> Result<Call<'a, T>, Error> {
        let kernel = T::choose(Kernel::bce_f32, Kernel::bce_f64);
        Call::new(gpu, kernel, self.reduction, input, Some(target))?
            .weight(self.weight)?
            .check::<trueloss::Bce<'_, T>>(&[])
    }

    methods!(T);
}
