//! Rows of classes on a device, and what the losses of rows share.

use crate::element::Element;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use crate::work::{Numbers, Sums, Work};
use cudarc::driver::{DevicePtr, DevicePtrMut, DeviceRepr};
use trueloss::device::{Extent, check_length, check_unit_interval};
use trueloss::{Argument, Partial, Reduction};
use trueloss_kernels::{
    Divisor, Kernel, Labels, Places, RowArgs, Slice, Spread, TermArgs, WeightArgs,
};

/// A slice on a device seen as rows of classes: [`trueloss::Classes`].
///
/// ```no_run
/// use trueloss_cuda::{Classes, Gpu};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gpu = Gpu::new(0)?;
/// let data = gpu.stream().alloc_zeros::<f32>(24)?;
/// let input = Classes::new(&data, [2, 3, 4])?;
/// assert_eq!((input.rows(), input.classes(), input.elements()), (8, 3, 24));
/// assert_eq!(Classes::along(&data, [2, 12], 0)?.rows(), 12);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Classes<'a, T> {
    data: &'a dyn DevicePtr<T>,
    extent: Extent,
}

impl<'a, T: Element> Classes<'a, T> {
    /// `data` of a `shape` whose classes are its second dimension, or its first where it has only one.
    ///
    /// # Errors
    ///
    /// Those of [`trueloss::Classes::new`].
    pub fn new(data: &'a dyn DevicePtr<T>, shape: impl AsRef<[usize]>) -> Result<Self, Error> {
        let shape = shape.as_ref();
        Self::along(data, shape, usize::from(shape.len() > 1))
    }

    /// `data` of a `shape` whose rows run along dimension `dim`.
    ///
    /// # Errors
    ///
    /// Those of [`trueloss::Classes::along`].
    pub fn along(
        data: &'a dyn DevicePtr<T>,
        shape: impl AsRef<[usize]>,
        dim: usize,
    ) -> Result<Self, Error> {
        let extent = Extent::along(shape.as_ref(), dim)?;
        check_length(Argument::Input, extent.elements(), data.len())?;
        Ok(Self { data, extent })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.extent.rows()
    }

    /// How many classes each row has.
    pub fn classes(&self) -> usize {
        self.extent.classes
    }

    /// How many elements there are.
    pub fn elements(&self) -> usize {
        self.extent.elements()
    }
}

/// A type of class indices: those of [`trueloss::ClassIndex`]. Sealed.
pub trait ClassIndex: trueloss::ClassIndex + DeviceRepr {
    #[doc(hidden)]
    fn labels(slice: Slice<Self>) -> Labels;
}

macro_rules! class_index {
    ($($index:ty),*) => {$(
        impl ClassIndex for $index {
            fn labels(slice: Slice<Self>) -> Labels {
                slice.into()
            }
        }
    )*};
}

class_index!(i64, i32, u32, u16, u8, usize);

/// A function of rows: its kernels for f32 and f64, each for a row that is the work of a thread, a warp and a block.
pub(crate) type RowKernels = [[Kernel; 3]; 2];

/// Up to as many classes a row is the work of one thread.
const BY_A_THREAD: usize = 16;

/// Up to as many, where a row's classes are not neighbours: those of the rows beside it are, and so are their threads.
const STRIDED_BY_A_THREAD: usize = 1024;

/// Up to as many it is the work of a warp, beyond that of a block.
const BY_A_WARP: usize = 1024;

fn spread(extent: Extent) -> Spread {
    let by_a_thread = if extent.stride > 1 {
        STRIDED_BY_A_THREAD
    } else {
        BY_A_THREAD
    };
    match extent.classes {
        classes if classes <= by_a_thread => Spread::Thread,
        classes if classes <= BY_A_WARP => Spread::Warp,
        _ => Spread::Block,
    }
}

/// What the mean of a loss of rows divides by.
pub(crate) enum Count {
    /// The rows.
    Rows,
    /// The weights of the labels' classes, which the device adds up.
    Labels,
}

/// A call whose arguments have been looked at.
pub(crate) struct Call<'a, T: Element> {
    work: Work<'a, T>,
    kernels: RowKernels,
    args: RowArgs<T>,
}

impl<'a, T: Element> Call<'a, T> {
    pub(crate) fn new(
        gpu: &'a Gpu,
        kernels: RowKernels,
        input: Classes<'a, T>,
    ) -> Result<Self, Error> {
        let mut work = Work::new(gpu);
        let args = RowArgs {
            input: work.read(input.data)?,
            extent: input.extent,
            labels: Labels::NONE,
            probabilities: Slice::NONE,
            weight: Slice::NONE,
            ignore_index: 0,
            label_smoothing: 0.0,
            grad_output: Slice::NONE,
            scale: 1.0,
            divisor: Divisor {
                number: 1.0,
                at: Slice::NONE,
            },
            losses: Places::NONE,
            terms: Places::NONE,
            output: Places::NONE,
            report: Places::NONE,
        };
        Ok(Self {
            work,
            kernels,
            args,
        })
    }

    fn rows(&self) -> usize {
        self.args.extent.rows()
    }

    /// A weight a class.
    pub(crate) fn weight(mut self, weight: Option<&'a dyn DevicePtr<T>>) -> Result<Self, Error> {
        if let Some(weight) = weight {
            check_length(Argument::Weight, self.args.extent.classes, weight.len())?;
            self.args.weight = self.work.read(weight)?;
            self.work
                .check_numbers(Numbers::Finite, Argument::Weight, self.args.weight)?;
        }
        Ok(self)
    }

    /// A label a row.
    pub(crate) fn labels<I: ClassIndex>(
        mut self,
        labels: &'a dyn DevicePtr<I>,
        ignore_index: Option<i64>,
    ) -> Result<Self, Error> {
        let (rows, classes) = (self.rows(), self.args.extent.classes);
        self.args.labels = self.work.read_labels(labels, ignore_index, rows, classes)?;
        self.args.ignore_index = ignore_index.unwrap_or(0);
        Ok(self)
    }

    /// A probability for each class of each row.
    pub(crate) fn probabilities(mut self, target: &'a dyn DevicePtr<T>) -> Result<Self, Error> {
        check_length(Argument::Target, self.args.extent.elements(), target.len())?;
        self.args.probabilities = self.work.read(target)?;
        self.work
            .check_numbers(Numbers::Finite, Argument::Target, self.args.probabilities)?;
        Ok(self)
    }

    pub(crate) fn label_smoothing(mut self, label_smoothing: f64) -> Result<Self, Error> {
        check_unit_interval(Argument::LabelSmoothing, label_smoothing)?;
        self.args.label_smoothing = label_smoothing;
        Ok(self)
    }

    fn launch(&self, args: RowArgs<T>) -> Result<(), Error> {
        let args = RowArgs {
            report: self.work.report(),
            ..args
        };
        let spread = spread(args.extent);
        let [f32, f64] = self.kernels.map(|kernels| kernels[spread as usize]);
        let blocks = self.rows().div_ceil(spread.rows());
        // SAFETY: of what `work` has given.
        unsafe { self.work.launch(T::choose(f32, f64), args, blocks) }
    }

    /// The sums of the weights of the labels' classes: for every type of element those of `f64`.
    fn weights(&self) -> Result<Sums<f64>, Error> {
        let sums = self.work.sums(self.rows())?;
        let args = WeightArgs {
            labels: self.args.labels,
            ignore_index: self.args.ignore_index,
            weight: self.args.weight,
            sums: sums.places(&self.work),
            report: self.work.report(),
        };
        let kernel = T::choose(Kernel::weights_f32, Kernel::weights_f64);
        // SAFETY: of what `work` has given.
        unsafe { self.work.launch(kernel, args, sums.blocks()) }?;
        Ok(sums)
    }

    /// What a loss and its gradient are divided by, of which the device finds out itself; the memory it is in.
    fn divide_by(&mut self, reduction: Reduction, count: &Count) -> Result<Divided, Error> {
        self.args.divisor.number = match (reduction, count) {
            (Reduction::Sum, _) => 1.0,
            (Reduction::Mean, Count::Rows) => self.rows() as f64,
            (Reduction::Mean, Count::Labels) => {
                let sums = self.weights()?;
                let total = self.work.scratch::<f64>(2)?;
                let address = self.work.address(&total);
                let to = Places::new(address, 2);
                let divisor = self.args.divisor;
                self.work.total(sums, to, Places::NONE, divisor)?;
                self.args.divisor.at = Slice::new(address, 2);
                return Ok(Divided(Some(total)));
            }
        };
        Ok(Divided(None))
    }

    fn write_gradient(&mut self, grad_input: &'a mut dyn DevicePtrMut<T>) -> Result<(), Error> {
        let elements = self.args.extent.elements();
        check_length(Argument::GradInput, elements, grad_input.len())?;
        self.args.output = self.work.write(grad_input)?;
        Ok(())
    }

    /// The sums of the rows' losses; gradients too, if there are places for them.
    fn losses(&self) -> Result<Sums<T>, Error> {
        let terms = self.work.scratch::<f64>(self.rows())?;
        let address = self.work.address(&terms);
        self.launch(RowArgs {
            terms: Places::new(address, self.rows()),
            ..self.args
        })?;
        let sums = self.work.sums(self.rows())?;
        let args = TermArgs::<T> {
            terms: Slice::new(address, self.rows()),
            sums: sums.places(&self.work),
            report: self.work.report(),
        };
        let kernel = T::choose(Kernel::terms_f32, Kernel::terms_f64);
        // SAFETY: of what `work` has given.
        unsafe { self.work.launch(kernel, args, sums.blocks()) }?;
        Ok(sums)
    }

    pub(crate) fn partial(self, count: &Count, start: usize) -> Result<Partial<T>, Error> {
        let losses = self.losses()?;
        let weights = match count {
            Count::Rows => None,
            Count::Labels => Some(self.weights()?),
        };
        let rows = self.rows();
        self.work.partial(start, rows, &losses, weights.as_ref())
    }

    /// The reduced loss, and gradients if there are places for them.
    pub(crate) fn forward(mut self, reduction: Reduction, count: &Count) -> Result<Loss<T>, Error> {
        let _divided = self.divide_by(reduction, count)?;
        let sums = self.losses()?;
        self.work.loss(sums, self.args.divisor)
    }

    pub(crate) fn forward_each(
        mut self,
        losses: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Done, Error> {
        check_length(Argument::Losses, self.rows(), losses.len())?;
        self.args.losses = self.work.write(losses)?;
        self.launch(self.args)?;
        Ok(self.work.done())
    }

    pub(crate) fn backward(
        mut self,
        reduction: Reduction,
        count: &Count,
        grad_output: T,
        grad_input: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Done, Error> {
        self.write_gradient(grad_input)?;
        let _divided = self.divide_by(reduction, count)?;
        self.args.scale = trueloss::Element::widen(grad_output);
        self.launch(self.args)?;
        Ok(self.work.done())
    }

    pub(crate) fn backward_each(
        mut self,
        grad_output: &'a dyn DevicePtr<T>,
        grad_input: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Done, Error> {
        check_length(Argument::GradOutput, self.rows(), grad_output.len())?;
        self.write_gradient(grad_input)?;
        self.args.grad_output = self.work.read(grad_output)?;
        self.launch(self.args)?;
        Ok(self.work.done())
    }

    pub(crate) fn forward_backward(
        mut self,
        reduction: Reduction,
        count: &Count,
        grad_input: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Loss<T>, Error> {
        self.write_gradient(grad_input)?;
        self.forward(reduction, count)
    }

    /// An activation's outputs.
    pub(crate) fn outputs(mut self, output: &'a mut dyn DevicePtrMut<T>) -> Result<Done, Error> {
        let elements = self.args.extent.elements();
        check_length(Argument::Output, elements, output.len())?;
        self.args.output = self.work.write(output)?;
        self.launch(self.args)?;
        Ok(self.work.done())
    }

    /// Its gradients.
    pub(crate) fn gradients(
        mut self,
        grad_output: &'a dyn DevicePtr<T>,
        grad_input: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Done, Error> {
        let elements = self.args.extent.elements();
        check_length(Argument::GradOutput, elements, grad_output.len())?;
        self.write_gradient(grad_input)?;
        self.args.grad_output = self.work.read(grad_output)?;
        self.launch(self.args)?;
        Ok(self.work.done())
    }
}

/// Keeps a divisor's memory until the kernels that read it have been launched.
struct Divided(#[allow(dead_code)] Option<cudarc::driver::CudaSlice<f64>>);

/// The public methods of a loss of rows, alike for every kind of target: those of core, for a device.
macro_rules! methods {
    (
        $call:ident, $count:expr, [$($generics:tt)*] $target:ty;
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident, $forward_backward:ident, $partial:ident
    ) => {
        /// The reduced loss of all rows: their mean or sum.
        ///
        /// # Errors
        ///
        /// Those of the type's page in `trueloss`, and the [`Error`]s of a device.
        pub fn $forward<$($generics)*>(
            &self,
            gpu: &Gpu,
            input: Classes<'_, T>,
            target: &dyn DevicePtr<$target>,
        ) -> Result<Loss<T>, Error> {
            self.$call(gpu, input, target)?.forward(self.reduction, &$count)
        }

        /// The loss of each row (`reduction='none'`).
        ///
        /// # Errors
        ///
        /// As for the reduced loss, and [`trueloss::Error::Length`] where `losses` does not have an entry a row.
        pub fn $forward_each<$($generics)*>(
            &self,
            gpu: &Gpu,
            input: Classes<'_, T>,
            target: &dyn DevicePtr<$target>,
            losses: &mut dyn DevicePtrMut<T>,
        ) -> Result<Done, Error> {
            self.$call(gpu, input, target)?.forward_each(losses)
        }

        /// The gradient of the reduced loss with respect to the input, times `grad_output`.
        ///
        /// # Errors
        ///
        /// As for the reduced loss, and [`trueloss::Error::Length`] where `grad_input` does not have the input's
        /// length.
        pub fn $backward<$($generics)*>(
            &self,
            gpu: &Gpu,
            input: Classes<'_, T>,
            target: &dyn DevicePtr<$target>,
            grad_output: T,
            grad_input: &mut dyn DevicePtrMut<T>,
        ) -> Result<Done, Error> {
            self.$call(gpu, input, target)?
                .backward(self.reduction, &$count, grad_output, grad_input)
        }

        /// The gradient of each row's loss, times that row's `grad_output`.
        ///
        /// # Errors
        ///
        /// As for the reduced loss, and [`trueloss::Error::Length`] where `grad_output` does not have an entry a row
        /// or `grad_input` not the input's length.
        pub fn $backward_each<$($generics)*>(
            &self,
            gpu: &Gpu,
            input: Classes<'_, T>,
            target: &dyn DevicePtr<$target>,
            grad_output: &dyn DevicePtr<T>,
            grad_input: &mut dyn DevicePtrMut<T>,
        ) -> Result<Done, Error> {
            self.$call(gpu, input, target)?.backward_each(grad_output, grad_input)
        }

        /// The reduced loss, and its gradient with a `grad_output` of 1, with the bits that the two calls give.
        ///
        /// # Errors
        ///
        /// As for the reduced loss, and [`trueloss::Error::Length`] where `grad_input` does not have the input's
        /// length.
        pub fn $forward_backward<$($generics)*>(
            &self,
            gpu: &Gpu,
            input: Classes<'_, T>,
            target: &dyn DevicePtr<$target>,
            grad_input: &mut dyn DevicePtrMut<T>,
        ) -> Result<Loss<T>, Error> {
            self.$call(gpu, input, target)?
                .forward_backward(self.reduction, &$count, grad_input)
        }

        /// The part of a larger batch's loss that comes from these rows, `start` of which come before them: it is
        /// merged with those that other devices, or core, have made. Waits for the device.
        ///
        /// # Errors
        ///
        /// Those of the method of this name in `trueloss`, and the [`Error`]s of a device.
        pub fn $partial<$($generics)*>(
            &self,
            gpu: &Gpu,
            input: Classes<'_, T>,
            target: &dyn DevicePtr<$target>,
            start: usize,
        ) -> Result<trueloss::Partial<T>, Error> {
            self.$call(gpu, input, target)?.partial(&$count, start)
        }
    };
}
pub(crate) use methods;
