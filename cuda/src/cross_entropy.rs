//! Cross-entropy of logits, with class indices or class probabilities.

use crate::classes::{Call, ClassIndex, Classes, Count, methods};
use crate::element::Element;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::Reduction;
use trueloss_kernels::Kernel;

/// Cross-entropy of logits, `cross_entropy`: [`trueloss::CrossEntropy`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Classes, CrossEntropy, Gpu};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let data = gpu.stream().clone_htod(&[100.0_f32, 0.0, 0.0, 0.0])?;
/// let labels = gpu.stream().clone_htod(&[0_i64, 1])?;
/// let probabilities = gpu.stream().clone_htod(&[1.0_f32, 0.0, 0.5, 0.5])?;
/// let mut losses = gpu.stream().alloc_zeros::<f32>(2)?;
/// let logits = Classes::new(&data, [2, 2])?;
/// CrossEntropy::new().forward_each(&gpu, logits, &labels, &mut losses)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&losses)?, [3.783506e-44, core::f32::consts::LN_2]);
/// let loss = CrossEntropy::new().forward_probabilities(&gpu, logits, &probabilities)?;
/// assert_eq!(loss.wait()?, core::f32::consts::LN_2 / 2.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct CrossEntropy<'a, T> {
    weight: Option<&'a dyn DevicePtr<T>>,
    ignore_index: i64,
    label_smoothing: f64,
    reduction: Reduction,
}

impl<T> Default for CrossEntropy<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> CrossEntropy<'_, T> {
    /// The mean, unweighted, without smoothing, with labels of -100 ignored.
    pub const fn new() -> Self {
        Self {
            weight: None,
            ignore_index: -100,
            label_smoothing: 0.0,
            reduction: Reduction::Mean,
        }
    }
}

impl<'w, T: Element> CrossEntropy<'w, T> {
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

    /// How much of the target, from 0 to 1, is spread evenly over all classes.
    #[must_use]
    pub const fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
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
            [
                cross_entropy_thread_f32,
                cross_entropy_warp_f32,
                cross_entropy_block_f32,
            ],
            [
                cross_entropy_thread_f64,
                cross_entropy_warp_f64,
                cross_entropy_block_f64,
            ],
        ];
        Call::new(gpu, kernels, input)?
            .label_smoothing(self.label_smoothing)?
            .weight(self.weight)?
            .labels(target, Some(self.ignore_index))
    }

    fn call_probabilities<'a>(
        &'a self,
        gpu: &'a Gpu,
        input: Classes<'a, T>,
        target: &'a dyn DevicePtr<T>,
    ) -> Result<Call<'a, T>, Error> {
        use Kernel::*;
        let kernels = [
            [
                cross_entropy_probabilities_thread_f32,
                cross_entropy_probabilities_warp_f32,
                cross_entropy_probabilities_block_f32,
            ],
            [
                cross_entropy_probabilities_thread_f64,
                cross_entropy_probabilities_warp_f64,
                cross_entropy_probabilities_block_f64,
            ],
        ];
        Call::new(gpu, kernels, input)?
            .label_smoothing(self.label_smoothing)?
            .weight(self.weight)?
            .probabilities(target)
    }

    methods!(
        call, Count::Labels, [I: ClassIndex] I;
        forward, forward_each, backward, backward_each, forward_backward, partial
    );

    methods!(
        call_probabilities, Count::Rows, [] T;
        forward_probabilities, forward_each_probabilities, backward_probabilities, backward_each_probabilities,
        forward_backward_probabilities, partial_probabilities
    );
}
