//! Negative log-likelihood.

use crate::classes::{Call, ClassIndex, Classes, Count, methods};
use crate::element::Element;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::Reduction;
use trueloss_kernels::Kernel;

/// Negative log-likelihood of log-probabilities, `nll_loss`: [`trueloss::Nll`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Classes, Gpu, Nll};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let input = gpu.stream().clone_htod(&[-0.5_f32, -1.0, -2.0, -0.25])?;
/// let labels = gpu.stream().clone_htod(&[0_u8, 1])?;
/// let loss = Nll::new().forward(&gpu, Classes::new(&input, [2, 2])?, &labels)?;
/// assert_eq!(loss.wait()?, 0.375);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Nll<'a, T> {
    weight: Option<&'a dyn DevicePtr<T>>,
    ignore_index: i64,
    reduction: Reduction,
}

impl<T> Default for Nll<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Nll<'_, T> {
    /// The mean, unweighted, with labels of -100 ignored.
    pub const fn new() -> Self {
        Self {
            weight: None,
            ignore_index: -100,
            reduction: Reduction::Mean,
        }
    }
}

impl<'w, T: Element> Nll<'w, T> {
    /// A weight for each class, on the device.
    #[must_use]
    pub const fn weight(mut self, weight: &'w dyn DevicePtr<T>) -> Self {
        self.weight = Some(weight);
        self
    }

    /// The label of rows that don't count. It may be one of the classes.
    #[must_use]
    pub const fn ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = ignore_index;
        self
    }

    /// Mean or sum.
    #[must_use]
    pub const fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    fn call<'a, I: ClassIndex>(
        &'a self,
        gpu: &'a Gpu,
        input: Classes<'a, T>,
        target: &'a dyn DevicePtr<I>,
    ) -> Result<Call<'a, T>, Error> {
        use Kernel::*;
        let kernels = [
            [nll_thread_f32, nll_warp_f32, nll_block_f32],
            [nll_thread_f64, nll_warp_f64, nll_block_f64],
        ];
        Call::new(gpu, kernels, input)?
            .weight(self.weight)?
            .labels(target, Some(self.ignore_index))
    }

    methods!(
        call, Count::Labels, [I: ClassIndex] I;
        forward, forward_each, backward, backward_each, forward_backward, partial
    );
}
