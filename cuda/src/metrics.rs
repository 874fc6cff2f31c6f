//! Accuracy.

use crate::classes::{self, ClassIndex, Classes, Count};
use crate::element::Element;
use crate::elementwise;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::Loss;
use cudarc::driver::DevicePtr;
use trueloss::Reduction;
use trueloss_kernels::Kernel;

/// The share of rows whose largest logit is at the label: [`trueloss::accuracy`] on a device.
///
/// # Errors
///
/// Those of [`trueloss::accuracy`], and the [`Error`]s of a device.
///
/// ```no_run
/// use trueloss_cuda::{Classes, Gpu, accuracy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let logits = gpu.stream().clone_htod(&[0.1_f32, 0.9, 2.0, 2.0])?;
/// let labels = gpu.stream().clone_htod(&[1_u8, 1])?;
/// let share = accuracy(&gpu, Classes::new(&logits, [2, 2])?, &labels)?;
/// assert_eq!(share.wait()?, 0.5);
/// # Ok(())
/// # }
/// ```
pub fn accuracy<T: Element, I: ClassIndex>(
    gpu: &Gpu,
    input: Classes<'_, T>,
    target: &dyn DevicePtr<I>,
) -> Result<Loss<T>, Error> {
    use Kernel::*;
    let kernels = [
        [accuracy_thread_f32, accuracy_warp_f32, accuracy_block_f32],
        [accuracy_thread_f64, accuracy_warp_f64, accuracy_block_f64],
    ];
    classes::Call::new(gpu, kernels, input)?
        .labels(target, None)?
        .forward(Reduction::Mean, &Count::Rows)
}

/// The share of elements where (logit > 0) says what the target says: [`trueloss::binary_accuracy`] on a device.
///
/// # Errors
///
/// Those of [`trueloss::binary_accuracy`], and the [`Error`]s of a device.
///
/// ```no_run
/// use trueloss_cuda::{Gpu, binary_accuracy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let logits = gpu.stream().clone_htod(&[0.3_f32, -2.0, 0.0, 1.0])?;
/// let targets = gpu.stream().clone_htod(&[1.0_f32, 0.0, 0.0, 0.0])?;
/// assert_eq!(binary_accuracy(&gpu, &logits, &targets)?.wait()?, 0.75);
/// # Ok(())
/// # }
/// ```
pub fn binary_accuracy<T: Element>(
    gpu: &Gpu,
    input: &dyn DevicePtr<T>,
    target: &dyn DevicePtr<T>,
) -> Result<Loss<T>, Error> {
    let kernel = T::choose(Kernel::binary_accuracy_f32, Kernel::binary_accuracy_f64);
    elementwise::Call::new(gpu, kernel, Reduction::Mean, input, Some(target))?
        .check_target()?
        .forward()
}
