//! The losses that go element by element, made from core's list of them.

use crate::element::Element;
use crate::elementwise::{Call, methods};
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::Reduction;
use trueloss::device::FromOptions;
use trueloss_kernels::Kernel;

macro_rules! losses {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, $about:tt;)*) => {
        $(loss!($name, $loss, $about);)*
    };
}

/// A loss, with an example that holds of all of them.
macro_rules! loss {
    ($name:literal, $loss:ty, {
        $Loss:ident, $snake:ident, kernels $f32:ident $f64:ident: $cost:ident;
        $title:literal
        formula $formula:literal;
        gradient $gradient:literal;
        source $source:literal;
        weights $weights:tt;
        options $options:tt
    }) => {
        loss_type! {
            #[doc = concat!($title, ", `", $name, "`: [`trueloss::", stringify!($Loss), "`] on a device.")]
            ///
            /// ```no_run
            #[doc = concat!("use trueloss_cuda::{Gpu, ", stringify!($Loss), ", Reduction};")]
            ///
            /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// let (x, y, mut of_core) = ([0.5_f32, 0.25], [1.0, 1.0], [0.0; 2]);
            /// let gpu = Gpu::new(0)?;
            /// let (input, target) = (gpu.stream().clone_htod(&x)?, gpu.stream().clone_htod(&y)?);
            /// let mut grad = gpu.stream().alloc_zeros::<f32>(2)?;
            #[doc = concat!("let loss = ", stringify!($Loss), "::new().reduction(Reduction::Sum);")]
            /// let loss = loss.forward_backward(&gpu, &input, &target, &mut grad)?.wait()?;
            ///
            /// // The bits are core's.
            #[doc = concat!("let core = trueloss::", stringify!($Loss), "::new().reduction(Reduction::Sum);")]
            /// assert_eq!(loss, core.forward_backward(&x, &y, &mut of_core)?);
            /// assert_eq!(gpu.stream().clone_dtoh(&grad)?, of_core);
            /// # Ok(())
            /// # }
            /// ```
            $Loss of $f32, $f64, as $loss;
            weights $weights;
            options $options
        }
    };
}

/// A loss without weights is of no element type; one that has some is of theirs, as in core.
macro_rules! loss_type {
    (
        $(#[$doc:meta])* $Loss:ident of $f32:ident, $f64:ident, as $loss:ty;
        weights ();
        options { $($(#[$of:meta])* $option:ident;)* }
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
            new! { $loss; weights (); options ($($option)*) }

            setters! { $($(#[$of])* $option;)* }

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
    (
        $(#[$doc:meta])* $Loss:ident of $f32:ident, $f64:ident, as $loss:ty;
        weights ($($weight:ident)+);
        options { $($(#[$of:meta])* $option:ident;)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $Loss<'w, T> {
            $($weight: Option<&'w dyn DevicePtr<T>>,)+
            $($option: f64,)*
            reduction: Reduction,
        }

        impl<T> Default for $Loss<'_, T> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<T> $Loss<'_, T> {
            new! { $loss; weights ($($weight)+); options ($($option)*) }
        }

        impl<'w, T: Element> $Loss<'w, T> {
            $(
                #[doc = what_a_weight_is!($weight)]
                #[must_use]
                pub const fn $weight(mut self, $weight: &'w dyn DevicePtr<T>) -> Self {
                    self.$weight = Some($weight);
                    self
                }
            )+

            setters! { $($(#[$of])* $option;)* }

            fn call<'a>(
                &'a self,
                gpu: &'a Gpu,
                input: &'a dyn DevicePtr<T>,
                target: &'a dyn DevicePtr<T>,
            ) -> Result<Call<'a, T>, Error> {
                let kernel = T::choose(Kernel::$f32, Kernel::$f64);
                Call::new(gpu, kernel, self.reduction, input, Some(target))?
                    $(.$weight(self.$weight)?)+
                    .check::<trueloss::$Loss<'_, T>>(&[$(self.$option),*])
            }

            methods!(T);
        }
    };
}

/// The function that makes a loss.
macro_rules! new {
    ($loss:ty; weights ($($weight:ident)*); options ($($option:ident)*)) => {
        /// The mean, without weights, and with the options that core has where nothing is said.
        pub const fn new() -> Self {
            Self {
                $($weight: None,)*
                $($option: default_of(<$loss as FromOptions<'_, f32>>::NUMBERS, stringify!($option)),)*
                reduction: Reduction::Mean,
            }
        }
    };
}

/// The setters of the options that are numbers, and of the reduction.
macro_rules! setters {
    ($($(#[$of:meta])* $option:ident;)*) => {
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
    };
}

macro_rules! what_a_weight_is {
    (weight) => {
        "A factor for each element's loss, on the device."
    };
    (pos_weight) => {
        "A factor for the loss of the positive class, on the device."
    };
}

/// What an option is where nothing is said of it. Evaluated by the compiler, which would say where one has no such name.
const fn default_of(numbers: &[(&str, f64)], name: &str) -> f64 {
    let mut number = 0;
    while !are_same(numbers[number].0, name) {
        number += 1;
    }
    numbers[number].1
}

const fn are_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

trueloss::each_elementwise_loss!(losses, 'static, f32);

impl FocalWithLogits {
    /// Both classes have a weight of 1.
    #[must_use]
    pub const fn without_alpha(self) -> Self {
        self.alpha(-1.0)
    }
}
