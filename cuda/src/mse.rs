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
