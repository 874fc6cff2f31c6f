//! The types that inputs, targets and outputs may have.

use cudarc::driver::{DeviceRepr, ValidAsZeroBits};
use trueloss_kernels::Kernel;

/// An element type: `f32` or `f64`. Sealed.
pub trait Element: trueloss::Element + DeviceRepr + ValidAsZeroBits + sealed::Sealed {
    /// The kernel for this type.
    #[doc(hidden)]
    fn choose(f32: Kernel, f64: Kernel) -> Kernel;
}

impl Element for f32 {
    fn choose(f32: Kernel, _: Kernel) -> Kernel {
        f32
    }
}

impl Element for f64 {
    fn choose(_: Kernel, f64: Kernel) -> Kernel {
        f64
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
