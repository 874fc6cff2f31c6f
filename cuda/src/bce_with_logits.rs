//! Binary cross-entropy of logits.

use crate::element::Element;
use crate::elementwise::{Call, methods};
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::Reduction;
use trueloss_kernels::Kernel;

/// Binary cross-entropy of logits, `binary_cross_entropy_with_logits`: [`trueloss::BceWithLogits`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{BceWithLogits, Gpu};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let logits = gpu.stream().clone_htod(&[0.0_f32, 0.0])?;
/// let target = gpu.stream().clone_htod(&[1.0_f32, 0.0])?;
/// let pos_weight = gpu.stream().clone_htod(&[2.0_f32])?;
/// let mut grad = gpu.stream().alloc_zeros::<f32>(2)?;
/// let loss = BceWithLogits::new().pos_weight(&pos_weight);
/// loss.backward(&gpu, &logits, &target, 1.0, &mut grad)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&grad)?, [-0.5, 0.25]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct BceWithLogits<'a, T> {
    weight: Option<&'a dyn DevicePtr<T>>,
    pos_weight: Option<&'a dyn DevicePtr<T>>,
    reduction: Reduction,
}

impl<T> Default for BceWithLogits<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> BceWithLogits<'_, T> {
    /// The mean, unweighted.
    pub const fn new() -> Self {
        Self {
            weight: None,
            pos_weight: None,
            reduction: Reduction::Mean,
        }
    }
}

impl<'w, T: Element> BceWithLogits<'w, T> {
    /// A factor for each element's loss, on the device.
    #[must_use]
    pub const fn weight(mut self, weight: &'w dyn DevicePtr<T>) -> Self {
        self.weight = Some(weight);
        self
    }

    /// A factor for the loss of the positive class, on the device.
    #[must_use]
    pub const fn pos_weight(mut self, pos_weight: &'w dyn DevicePtr<T>) -> Self {
        self.pos_weight = Some(pos_weight);
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
        let kernel = T::choose(Kernel::bce_with_logits_f32, Kernel::bce_with_logits_f64);
        Call::new(gpu, kernel, self.reduction, input, Some(target))?
            .weight(self.weight)?
            .pos_weight(self.pos_weight)?
            .check::<trueloss::BceWithLogits<'_, T>>(&[])
    }

    methods!(T);
}
