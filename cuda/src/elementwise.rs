//! What the losses that go element by element share.

use crate::element::Element;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::pending::{Done, Loss};
use crate::work::{Numbers, Work};
use cudarc::driver::{DevicePtr, DevicePtrMut};
use trueloss::device::{
    Domain, FromOptions, NUMBERS, check_broadcast, check_length, check_options, divide,
};
use trueloss::{Argument, Partial, Reduction};
use trueloss_kernels::{Divisor, ElementArgs, Kernel, Places, Slice};

/// A call whose arguments have been looked at.
pub(crate) struct Call<'a, T: Element> {
    work: Work<'a, T>,
    kernel: Kernel,
    reduction: Reduction,
    args: ElementArgs<T>,
}

impl<'a, T: Element> Call<'a, T> {
    pub(crate) fn new(
        gpu: &'a Gpu,
        kernel: Kernel,
        reduction: Reduction,
        input: &'a dyn DevicePtr<T>,
        target: Option<&'a dyn DevicePtr<T>>,
    ) -> Result<Self, Error> {
        if let Some(target) = target {
            check_length(Argument::Target, input.len(), target.len())?;
        }
        let mut work = Work::new(gpu);
        let args = ElementArgs {
            input: work.read(input)?,
            target: work.read_any(target)?,
            weight: Slice::NONE,
            pos_weight: Slice::NONE,
            numbers: [1.0; NUMBERS],
            grad_output: Slice::NONE,
            scale: 1.0,
            values: Places::NONE,
            grad_input: Places::NONE,
            sums: Places::NONE,
            report: Places::NONE,
        };
        Ok(Self {
            work,
            kernel,
            reduction,
            args,
        })
    }

    /// Looks at the options that are numbers, at inputs and at targets, as core does for a loss.
    pub(crate) fn check<L: FromOptions<'a, T>>(mut self, numbers: &[f64]) -> Result<Self, Error> {
        for (to, &number) in self.args.numbers.iter_mut().zip(numbers) {
            *to = number;
        }
        check_options::<T, L>(self.args.numbers)?;
        let (input, target) = (self.args.input, self.args.target);
        self.check_domain(L::INPUT, Argument::Input, input)?;
        self.check_domain(L::TARGET, Argument::Target, target)?;
        Ok(self)
    }

    /// Targets are probabilities.
    pub(crate) fn check_target(mut self) -> Result<Self, Error> {
        let target = self.args.target;
        self.check_domain(Domain::UnitInterval, Argument::Target, target)?;
        Ok(self)
    }

    fn check_domain(
        &mut self,
        domain: Domain,
        argument: Argument,
        values: Slice<T>,
    ) -> Result<(), Error> {
        let numbers = match domain {
            Domain::Any => return Ok(()),
            Domain::UnitInterval => Numbers::UnitInterval,
            Domain::HardLabels => Numbers::HardLabels,
            Domain::Signs => Numbers::Signs,
        };
        self.work.check_numbers(numbers, argument, values)
    }

    fn len(&self) -> usize {
        self.args.input.len()
    }

    /// Softplus's option.
    pub(crate) fn beta(mut self, beta: f64) -> Self {
        self.args.numbers[0] = beta;
        self
    }

    /// A weight that broadcasts over the trailing dimensions.
    fn read_weight(
        &mut self,
        argument: Argument,
        weight: Option<&'a dyn DevicePtr<T>>,
    ) -> Result<Slice<T>, Error> {
        let Some(weight) = weight else {
            return Ok(Slice::NONE);
        };
        check_broadcast(argument, weight.len(), self.len())?;
        let weight = self.work.read(weight)?;
        self.work.check_numbers(Numbers::Finite, argument, weight)?;
        Ok(weight)
    }

    pub(crate) fn weight(mut self, weight: Option<&'a dyn DevicePtr<T>>) -> Result<Self, Error> {
        self.args.weight = self.read_weight(Argument::Weight, weight)?;
        Ok(self)
    }

    pub(crate) fn pos_weight(
        mut self,
        pos_weight: Option<&'a dyn DevicePtr<T>>,
    ) -> Result<Self, Error> {
        self.args.pos_weight = self.read_weight(Argument::PosWeight, pos_weight)?;
        Ok(self)
    }

    fn divisor(&self) -> f64 {
        match self.reduction {
            Reduction::Mean => self.len() as f64,
            Reduction::Sum => 1.0,
        }
    }

    fn write_gradient(&mut self, grad_input: &'a mut dyn DevicePtrMut<T>) -> Result<(), Error> {
        check_length(Argument::GradInput, self.len(), grad_input.len())?;
        self.args.grad_input = self.work.write(grad_input)?;
        Ok(())
    }

    fn launch(&self, args: ElementArgs<T>) -> Result<(), Error> {
        let args = ElementArgs {
            report: self.work.report(),
            ..args
        };
        let blocks = self.len().div_ceil(trueloss::BLOCK);
        // SAFETY: of what `work` has given.
        unsafe { self.work.launch(self.kernel, args, blocks) }
    }

    /// The reduced loss, and gradients if there are places for them.
    pub(crate) fn forward(self) -> Result<Loss<T>, Error> {
        let sums = self.work.sums(self.len())?;
        self.launch(ElementArgs {
            sums: sums.places(&self.work),
            ..self.args
        })?;
        let divisor = Divisor {
            number: self.divisor(),
            at: Slice::NONE,
        };
        self.work.loss(sums, divisor)
    }

    pub(crate) fn partial(self, start: usize) -> Result<Partial<T>, Error> {
        let (len, sums) = (self.len(), self.work.sums(self.len())?);
        self.launch(ElementArgs {
            sums: sums.places(&self.work),
            ..self.args
        })?;
        self.work.partial(start, len, &sums, None)
    }

    /// The value of each element.
    pub(crate) fn each(
        mut self,
        argument: Argument,
        values: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Done, Error> {
        check_length(argument, self.len(), values.len())?;
        self.args.values = self.work.write(values)?;
        self.launch(self.args)?;
        Ok(self.work.done())
    }

    pub(crate) fn backward(
        mut self,
        grad_output: T,
        grad_input: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Done, Error> {
        self.write_gradient(grad_input)?;
        self.args.scale = divide(trueloss::Element::widen(grad_output), self.divisor());
        self.launch(self.args)?;
        Ok(self.work.done())
    }

    pub(crate) fn backward_each(
        mut self,
        grad_output: &'a dyn DevicePtr<T>,
        grad_input: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Done, Error> {
        check_length(Argument::GradOutput, self.len(), grad_output.len())?;
        self.write_gradient(grad_input)?;
        self.args.grad_output = self.work.read(grad_output)?;
        self.launch(self.args)?;
        Ok(self.work.done())
    }

    pub(crate) fn forward_backward(
        mut self,
        grad_input: &'a mut dyn DevicePtrMut<T>,
    ) -> Result<Loss<T>, Error> {
        self.write_gradient(grad_input)?;
        self.args.scale = divide(1.0, self.divisor());
        self.forward()
    }
}

/// The public methods of an element-wise loss, alike for all of them: those of core, for a device.
macro_rules! methods {
    ($T:ident $(, $bound:path)?) => {
        /// The reduced loss of all elements: their mean or sum.
        ///
        /// # Errors
        ///
        /// Those of the type's page in `trueloss`, and the [`Error`]s of a device.
        pub fn forward$(<$T: $bound>)?(
            &self,
            gpu: &Gpu,
            input: &dyn DevicePtr<$T>,
            target: &dyn DevicePtr<$T>,
        ) -> Result<Loss<$T>, Error> {
            self.call(gpu, input, target)?.forward()
        }

        /// The loss of each element (`reduction='none'`).
        ///
        /// # Errors
        ///
        /// As for [`forward`](Self::forward), and [`trueloss::Error::Length`] where `losses` does not have the input's
        /// length.
        pub fn forward_each$(<$T: $bound>)?(
            &self,
            gpu: &Gpu,
            input: &dyn DevicePtr<$T>,
            target: &dyn DevicePtr<$T>,
            losses: &mut dyn DevicePtrMut<$T>,
        ) -> Result<Done, Error> {
            self.call(gpu, input, target)?.each(trueloss::Argument::Losses, losses)
        }

        /// The gradient of the reduced loss with respect to the input, times `grad_output`.
        ///
        /// # Errors
        ///
        /// As for [`forward`](Self::forward), and [`trueloss::Error::Length`] where `grad_input` does not have the
        /// input's length.
        pub fn backward$(<$T: $bound>)?(
            &self,
            gpu: &Gpu,
            input: &dyn DevicePtr<$T>,
            target: &dyn DevicePtr<$T>,
            grad_output: $T,
            grad_input: &mut dyn DevicePtrMut<$T>,
        ) -> Result<Done, Error> {
            self.call(gpu, input, target)?.backward(grad_output, grad_input)
        }

        /// The gradient of each element's loss, times that element's `grad_output`.
        ///
        /// # Errors
        ///
        /// As for [`forward`](Self::forward), and [`trueloss::Error::Length`] where `grad_output` or `grad_input` does
        /// not have the input's length.
        pub fn backward_each$(<$T: $bound>)?(
            &self,
            gpu: &Gpu,
            input: &dyn DevicePtr<$T>,
            target: &dyn DevicePtr<$T>,
            grad_output: &dyn DevicePtr<$T>,
            grad_input: &mut dyn DevicePtrMut<$T>,
        ) -> Result<Done, Error> {
            self.call(gpu, input, target)?.backward_each(grad_output, grad_input)
        }

        /// [`forward`](Self::forward), and [`backward`](Self::backward) with a `grad_output` of 1, in one pass and
        /// with the same bits.
        ///
        /// # Errors
        ///
        /// As for [`forward`](Self::forward), and [`trueloss::Error::Length`] where `grad_input` does not have the
        /// input's length.
        pub fn forward_backward$(<$T: $bound>)?(
            &self,
            gpu: &Gpu,
            input: &dyn DevicePtr<$T>,
            target: &dyn DevicePtr<$T>,
            grad_input: &mut dyn DevicePtrMut<$T>,
        ) -> Result<Loss<$T>, Error> {
            self.call(gpu, input, target)?.forward_backward(grad_input)
        }

        /// The part of a larger batch's loss that comes from these elements, `start` of which come before them: it is
        /// merged with those that other devices, or core, have made. Waits for the device.
        ///
        /// # Errors
        ///
        /// Those of the method of this name in `trueloss`, and the [`Error`]s of a device.
        pub fn partial$(<$T: $bound>)?(
            &self,
            gpu: &Gpu,
            input: &dyn DevicePtr<$T>,
            target: &dyn DevicePtr<$T>,
            start: usize,
        ) -> Result<trueloss::Partial<$T>, Error> {
            self.call(gpu, input, target)?.partial(start)
        }
    };
}
pub(crate) use methods;
