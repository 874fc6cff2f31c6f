//! The losses whose options are numbers alone: a line each, with their options.

use crate::element::Element;
use crate::elementwise::{Call, methods};
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::Reduction;
use trueloss_kernels::Kernel;

macro_rules! loss {
    (
        $(#[$doc:meta])* $Loss:ident of $f32:ident, $f64:ident;
        $($(#[$of:meta])* $option:ident = $default:expr;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $Loss {
            $($option: f64,)*
            reduction: Reduction,
        }

        impl Default for $Loss {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $Loss {
            /// The mean, with the options that core has where nothing is said.
            pub const fn new() -> Self {
                Self {
                    $($option: $default,)*
                    reduction: Reduction::Mean,
                }
            }

            $(
                $(#[$of])*
                #[must_use]
                pub const fn $option(mut self, $option: f64) -> Self {
                    self.$option = $option;
                    self
                }
            )*

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
                let kernel = T::choose(Kernel::$f32, Kernel::$f64);
                Call::new(gpu, kernel, self.reduction, input, Some(target))?
                    .check::<trueloss::$Loss>(&[$(self.$option),*])
            }

            methods!(T, Element);
        }
    };
}

loss! {
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
    Mse of mse_f32, mse_f64;
}

loss! {
    /// Huber's loss, `huber_loss`: [`trueloss::Huber`] on a device.
    ///
    /// ```no_run
    /// use trueloss_cuda::{Gpu, Huber, Reduction};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::new(0)?;
    /// let input = gpu.stream().clone_htod(&[1.0_f32, 8.0])?;
    /// let target = gpu.stream().clone_htod(&[0.0_f32, 3.0])?;
    /// let mut grad = gpu.stream().alloc_zeros::<f32>(2)?;
    /// let loss = Huber::new().delta(2.0).reduction(Reduction::Sum).forward_backward(&gpu, &input, &target, &mut grad)?;
    /// assert_eq!(loss.wait()?, 8.5);
    /// assert_eq!(gpu.stream().clone_dtoh(&grad)?, [1.0, 2.0]);
    /// # Ok(())
    /// # }
    /// ```
    Huber of huber_f32, huber_f64;
    /// How large a residual may be whose square counts.
    delta = 1.0;
}

loss! {
    /// Focal loss of logits, `sigmoid_focal_loss`: [`trueloss::FocalWithLogits`] on a device.
    ///
    /// ```no_run
    /// use trueloss_cuda::{Gpu, FocalWithLogits, Reduction};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gpu = Gpu::new(0)?;
    /// let input = gpu.stream().clone_htod(&[0.0_f32, 0.0])?;
    /// let target = gpu.stream().clone_htod(&[1.0_f32, 0.0])?;
    /// let mut grad = gpu.stream().alloc_zeros::<f32>(2)?;
    /// let loss = FocalWithLogits::new().alpha(0.5).gamma(0.0).reduction(Reduction::Sum).forward_backward(&gpu, &input, &target, &mut grad)?;
    /// assert_eq!(loss.wait()?, core::f32::consts::LN_2);
    /// assert_eq!(gpu.stream().clone_dtoh(&grad)?, [-0.25, 0.25]);
    /// # Ok(())
    /// # }
    /// ```
    FocalWithLogits of focal_with_logits_f32, focal_with_logits_f64;
    /// The weight of the positive class; that of the other is what it lacks to 1. -1 is none.
    alpha = 0.25;
    /// The power of the probability of the wrong class.
    gamma = 2.0;
}

impl FocalWithLogits {
    /// Both classes have a weight of 1.
    #[must_use]
    pub const fn without_alpha(self) -> Self {
        self.alpha(-1.0)
    }
}
