//! Sigmoid, softplus, softmax and their logarithms, with their gradients.

use crate::classes::{self, Classes, RowKernels};
use crate::element::Element;
use crate::elementwise::Call;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::Done;
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::{Argument, Reduction};
use trueloss_kernels::Kernel;

/// The methods of an activation that goes element by element.
macro_rules! elementwise {
    () => {
        /// The value of each element.
        ///
        /// # Errors
        ///
        /// Those of the type's page in `trueloss`, and the [`Error`]s of a device.
        pub fn forward<T: Element>(
            &self,
            gpu: &Gpu,
            input: &dyn DevicePtr<T>,
            output: &mut dyn DevicePtrMut<T>,
        ) -> Result<Done, Error> {
            self.call(gpu, input)?.each(Argument::Output, output)
        }

        /// The derivative at each element of `input` (not of the output), times that element's `grad_output`.
        ///
        /// # Errors
        ///
        /// As for [`forward`](Self::forward).
        pub fn backward<T: Element>(
            &self,
            gpu: &Gpu,
            input: &dyn DevicePtr<T>,
            grad_output: &dyn DevicePtr<T>,
            grad_input: &mut dyn DevicePtrMut<T>,
        ) -> Result<Done, Error> {
            self.call(gpu, input)?
                .backward_each(grad_output, grad_input)
        }
    };
}

/// The methods of an activation of rows.
macro_rules! of_rows {
    () => {
        /// There are no options.
        pub const fn new() -> Self {
            Self(())
        }

        /// The outputs of each row.
        ///
        /// # Errors
        ///
        /// Those of the type's page in `trueloss`, and the [`Error`]s of a device.
        pub fn forward<T: Element>(
            &self,
            gpu: &Gpu,
            input: Classes<'_, T>,
            output: &mut dyn DevicePtrMut<T>,
        ) -> Result<Done, Error> {
            classes::Call::new(gpu, Self::KERNELS, input)?.outputs(output)
        }

        /// The gradient of each row, times that row's `grad_output`.
        ///
        /// # Errors
        ///
        /// As for [`forward`](Self::forward).
        pub fn backward<T: Element>(
            &self,
            gpu: &Gpu,
            input: Classes<'_, T>,
            grad_output: &dyn DevicePtr<T>,
            grad_input: &mut dyn DevicePtrMut<T>,
        ) -> Result<Done, Error> {
            classes::Call::new(gpu, Self::KERNELS, input)?.gradients(grad_output, grad_input)
        }
    };
}

fn call<'a, T: Element>(
    gpu: &'a Gpu,
    f32: Kernel,
    f64: Kernel,
    input: &'a dyn DevicePtr<T>,
) -> Result<Call<'a, T>, Error> {
    Call::new(gpu, T::choose(f32, f64), Reduction::Sum, input, None)
}

/// [`trueloss::Sigmoid`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Gpu, Sigmoid};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let input = gpu.stream().clone_htod(&[0.0_f32, -100.0])?;
/// let grad_output = gpu.stream().clone_htod(&[1.0_f32, 1.0])?;
/// let mut output = gpu.stream().alloc_zeros::<f32>(2)?;
/// let mut grad_input = gpu.stream().alloc_zeros::<f32>(2)?;
/// Sigmoid::new().forward(&gpu, &input, &mut output)?.wait()?;
/// Sigmoid::new().backward(&gpu, &input, &grad_output, &mut grad_input)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&output)?, [0.5, 3.783506e-44]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sigmoid(());

impl Sigmoid {
    /// There are no options.
    pub const fn new() -> Self {
        Self(())
    }

    fn call<'a, T: Element>(
        &self,
        gpu: &'a Gpu,
        input: &'a dyn DevicePtr<T>,
    ) -> Result<Call<'a, T>, Error> {
        call(gpu, Kernel::sigmoid_f32, Kernel::sigmoid_f64, input)
    }

    elementwise!();
}

/// [`trueloss::LogSigmoid`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Gpu, LogSigmoid};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let input = gpu.stream().clone_htod(&[0.0_f32, -100.0])?;
/// let grad_output = gpu.stream().clone_htod(&[1.0_f32, 1.0])?;
/// let mut output = gpu.stream().alloc_zeros::<f32>(2)?;
/// let mut grad_input = gpu.stream().alloc_zeros::<f32>(2)?;
/// LogSigmoid::new().forward(&gpu, &input, &mut output)?.wait()?;
/// LogSigmoid::new().backward(&gpu, &input, &grad_output, &mut grad_input)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&output)?, [-core::f32::consts::LN_2, -100.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogSigmoid(());

impl LogSigmoid {
    /// There are no options.
    pub const fn new() -> Self {
        Self(())
    }

    fn call<'a, T: Element>(
        &self,
        gpu: &'a Gpu,
        input: &'a dyn DevicePtr<T>,
    ) -> Result<Call<'a, T>, Error> {
        call(gpu, Kernel::log_sigmoid_f32, Kernel::log_sigmoid_f64, input)
    }

    elementwise!();
}

/// [`trueloss::Softplus`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Gpu, Softplus};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let input = gpu.stream().clone_htod(&[0.0_f32, 50.0])?;
/// let grad_output = gpu.stream().clone_htod(&[1.0_f32, 1.0])?;
/// let mut output = gpu.stream().alloc_zeros::<f32>(2)?;
/// let mut grad_input = gpu.stream().alloc_zeros::<f32>(2)?;
/// let softplus = Softplus::new().beta(2.0);
/// softplus.forward(&gpu, &input, &mut output)?.wait()?;
/// softplus.backward(&gpu, &input, &grad_output, &mut grad_input)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&output)?, [core::f32::consts::LN_2 / 2.0, 50.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softplus {
    beta: f64,
}

impl Default for Softplus {
    fn default() -> Self {
        Self::new()
    }
}

impl Softplus {
    /// With a `beta` of 1.
    pub const fn new() -> Self {
        Self { beta: 1.0 }
    }

    /// How sharp the bend at 0 is: the larger, the closer to max(x, 0).
    #[must_use]
    pub const fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    fn call<'a, T: Element>(
        &self,
        gpu: &'a Gpu,
        input: &'a dyn DevicePtr<T>,
    ) -> Result<Call<'a, T>, Error> {
        trueloss::Softplus::new().beta(self.beta).value(0.0)?;
        let call = call(gpu, Kernel::softplus_f32, Kernel::softplus_f64, input)?;
        Ok(call.beta(self.beta))
    }

    elementwise!();
}

/// [`trueloss::Softmax`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Classes, Gpu, Softmax};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let logits = gpu.stream().clone_htod(&[7.0_f32, 7.0])?;
/// let grad_output = gpu.stream().clone_htod(&[1.0_f32, 0.0])?;
/// let mut output = gpu.stream().alloc_zeros::<f32>(2)?;
/// let mut grad_input = gpu.stream().alloc_zeros::<f32>(2)?;
/// let input = Classes::new(&logits, [1, 2])?;
/// Softmax::new().forward(&gpu, input, &mut output)?.wait()?;
/// Softmax::new().backward(&gpu, input, &grad_output, &mut grad_input)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&output)?, [0.5, 0.5]);
/// assert_eq!(gpu.stream().clone_dtoh(&grad_input)?, [0.25, -0.25]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Softmax(());

impl Softmax {
    const KERNELS: RowKernels = [
        [
            Kernel::softmax_thread_f32,
            Kernel::softmax_warp_f32,
            Kernel::softmax_block_f32,
        ],
        [
            Kernel::softmax_thread_f64,
            Kernel::softmax_warp_f64,
            Kernel::softmax_block_f64,
        ],
    ];

    of_rows!();
}

/// [`trueloss::LogSoftmax`] on a device.
///
/// ```no_run
/// use trueloss_cuda::{Classes, Gpu, LogSoftmax};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let logits = gpu.stream().clone_htod(&[7.0_f32, 7.0])?;
/// let grad_output = gpu.stream().clone_htod(&[1.0_f32, 0.0])?;
/// let mut output = gpu.stream().alloc_zeros::<f32>(2)?;
/// let mut grad_input = gpu.stream().alloc_zeros::<f32>(2)?;
/// let input = Classes::new(&logits, [1, 2])?;
/// LogSoftmax::new().forward(&gpu, input, &mut output)?.wait()?;
/// LogSoftmax::new().backward(&gpu, input, &grad_output, &mut grad_input)?.wait()?;
/// assert_eq!(gpu.stream().clone_dtoh(&output)?, [-core::f32::consts::LN_2; 2]);
/// assert_eq!(gpu.stream().clone_dtoh(&grad_input)?, [0.5, -0.5]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogSoftmax(());

impl LogSoftmax {
    const KERNELS: RowKernels = [
        [
            Kernel::log_softmax_thread_f32,
            Kernel::log_softmax_warp_f32,
            Kernel::log_softmax_block_f32,
        ],
        [
            Kernel::log_softmax_thread_f64,
            Kernel::log_softmax_warp_f64,
            Kernel::log_softmax_block_f64,
        ],
    ];

    of_rows!();
}
