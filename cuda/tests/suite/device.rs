//! A device as a library that is asked what core is asked: arguments go there, the call is made, answers come back.

use trueloss_cuda::cudarc::driver::{CudaSlice, DeviceRepr, DriverError};
use trueloss_cuda::{
    ClassIndex, Classes, CrossEntropy, Done, Element, Error, Gpu, LogSigmoid, LogSoftmax, Loss,
    Nll, Sigmoid, Softmax, Softplus,
};
use trueloss_digest::call::{
    Direction, ElementCall, ElementFunction, Labels, Library, RowCall, RowFunction,
};

/// A device. Every slice that goes there is a new one, and outputs are poisoned first.
pub(crate) struct Device<'a>(pub(crate) &'a Gpu);

impl Device<'_> {
    fn send<T: DeviceRepr>(&self, values: &[T]) -> Result<CudaSlice<T>, DriverError> {
        if values.is_empty() {
            return self.0.stream().null();
        }
        self.0.stream().clone_htod(values)
    }

    fn send_any<T: DeviceRepr>(
        &self,
        values: Option<&[T]>,
    ) -> Result<Option<CudaSlice<T>>, DriverError> {
        values.map(|values| self.send(values)).transpose()
    }

    /// Where `len` numbers are to be written, none of which is there yet.
    fn poisoned<T: Element>(&self, len: usize) -> Result<CudaSlice<T>, DriverError> {
        self.send(&vec![T::narrow(-7.25e22); len])
    }

    fn receive<T: Element>(&self, from: &CudaSlice<T>, out: &mut [T]) -> Result<(), DriverError> {
        if !out.is_empty() {
            self.0.stream().memcpy_dtoh(from, out)?;
        }
        self.0.stream().synchronize()
    }
}

/// `TRUELOSS_DEVICE_SCALE`, by default 1: it divides the sizes of a run on a device, so that an emulated one can rehearse it.
pub(crate) fn scale() -> usize {
    match std::env::var("TRUELOSS_DEVICE_SCALE") {
        Ok(scale) => match scale.parse() {
            Ok(scale) if scale > 0 => scale,
            _ => panic!("TRUELOSS_DEVICE_SCALE={scale}: it is a number from 1 on"),
        },
        Err(_) => 1,
    }
}

/// What a call has returned.
pub(crate) enum Returned<T> {
    Loss(Loss<T>),
    Done(Done),
}

/// The slices of a call, on the device.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a, T> {
    pub(crate) x: &'a CudaSlice<T>,
    /// The targets, or the probabilities.
    pub(crate) y: &'a CudaSlice<T>,
    pub(crate) g: &'a CudaSlice<T>,
    pub(crate) weight: Option<&'a CudaSlice<T>>,
    pub(crate) pos_weight: Option<&'a CudaSlice<T>>,
}

impl<T: Element> Returned<T> {
    fn wait(self) -> Result<Option<T>, Error> {
        match self {
            Self::Loss(loss) => loss.wait().map(Some),
            Self::Done(done) => done.wait().map(|()| None),
        }
    }
}

/// A loss's method for a direction, by the names that it has for targets of this type.
macro_rules! loss {
    ($loss:expr, $gpu:expr, $x:expr, $y:expr, $call:expr, $g:expr, $out:expr) => {
        loss!(
            $loss, $gpu, $x, $y, $call, $g, $out;
            forward, forward_each, backward, backward_each, forward_backward
        )
    };
    (
        $loss:expr, $gpu:expr, $x:expr, $y:expr, $call:expr, $g:expr, $out:expr;
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident, $forward_backward:ident
    ) => {{
        let loss = $loss.reduction($call.reduction);
        match $call.direction {
            Direction::Forward => Returned::Loss(loss.$forward($gpu, $x, $y)?),
            Direction::ForwardEach => Returned::Done(loss.$forward_each($gpu, $x, $y, $out)?),
            Direction::Backward => {
                Returned::Done(loss.$backward($gpu, $x, $y, $call.grad_output, $out)?)
            }
            Direction::BackwardEach => {
                Returned::Done(loss.$backward_each($gpu, $x, $y, $g, $out)?)
            }
            Direction::ForwardBackward => {
                Returned::Loss(loss.$forward_backward($gpu, $x, $y, $out)?)
            }
        }
    }};
}

/// An activation's method for a direction.
macro_rules! activation {
    ($activation:expr, $gpu:expr, $x:expr, $call:expr, $g:expr, $out:expr) => {
        match $call.direction {
            Direction::ForwardEach => Returned::Done($activation.forward($gpu, $x, $out)?),
            Direction::BackwardEach => Returned::Done($activation.backward($gpu, $x, $g, $out)?),
            other => panic!("an activation has no {}", other.name()),
        }
    };
}

/// Starts a call of a function of rows, of slices that are on the device.
pub(crate) fn rows<T: Element, I: ClassIndex>(
    gpu: &Gpu,
    call: &RowCall<'_, T>,
    sent: Sent<'_, T>,
    labels: &CudaSlice<I>,
    output: &mut CudaSlice<T>,
) -> Result<Returned<T>, Error> {
    let Sent { y: q, g, .. } = sent;
    let x = Classes::new(sent.x, call.shape)?;
    let mut nll = Nll::new().ignore_index(call.ignore_index);
    let mut cross_entropy = CrossEntropy::new()
        .ignore_index(call.ignore_index)
        .label_smoothing(call.label_smoothing);
    if let Some(weight) = sent.weight {
        nll = nll.weight(weight);
        cross_entropy = cross_entropy.weight(weight);
    }
    Ok(match call.function {
        RowFunction::NllLoss => loss!(nll, gpu, x, labels, call, g, output),
        RowFunction::CrossEntropy => loss!(cross_entropy, gpu, x, labels, call, g, output),
        RowFunction::CrossEntropyProbabilities => loss!(
            cross_entropy, gpu, x, q, call, g, output;
            forward_probabilities, forward_each_probabilities, backward_probabilities,
            backward_each_probabilities, forward_backward_probabilities
        ),
        RowFunction::Softmax => activation!(Softmax::new(), gpu, x, call, g, output),
        RowFunction::LogSoftmax => activation!(LogSoftmax::new(), gpu, x, call, g, output),
    })
}

/// Starts a call of a function that goes element by element, of slices that are on the device.
pub(crate) fn elements<T: Element>(
    gpu: &Gpu,
    call: &ElementCall<'_, T>,
    sent: Sent<'_, T>,
    output: &mut CudaSlice<T>,
) -> Result<Returned<T>, Error> {
    let Sent { x, y, g, .. } = sent;
    macro_rules! returned {
        ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, {
            $Loss:ident, $snake:ident, kernels $f32:ident $f64:ident: $cost:ident;
            $title:literal
            formula $formula:literal;
            gradient $gradient:literal;
            source $source:literal;
            weights ($($weight:ident)*);
            options { $($(#[$doc:meta])* $option:ident;)* }
        };)*) => {
            match call.function {
                $(ElementFunction::$variant => {
                    let loss = trueloss_cuda::$Loss::new();
                    $(let loss = match sent.$weight {
                        Some(weight) => loss.$weight(weight),
                        None => loss,
                    };)*
                    let [$($option,)* ..] = call.numbers;
                    $(let loss = loss.$option($option);)*
                    loss!(loss, gpu, x, y, call, g, output)
                })*
                ElementFunction::Sigmoid => activation!(Sigmoid::new(), gpu, x, call, g, output),
                ElementFunction::LogSigmoid => activation!(LogSigmoid::new(), gpu, x, call, g, output),
                ElementFunction::Softplus => {
                    activation!(Softplus::new().beta(call.beta), gpu, x, call, g, output)
                }
            }
        };
    }
    Ok(trueloss::each_elementwise_loss!(returned, '_, T))
}

impl Device<'_> {
    fn rows_with<T: Element, I: ClassIndex>(
        &self,
        call: &RowCall<'_, T>,
        labels: &[I],
        out: &mut [T],
    ) -> Result<Option<T>, Error> {
        let (x, labels) = (self.send(call.data)?, self.send(labels)?);
        let (q, g) = (
            self.send(call.probabilities)?,
            self.send(call.grad_outputs)?,
        );
        let weight = self.send_any(call.weight)?;
        let output = &mut self.poisoned::<T>(out.len())?;
        let sent = Sent {
            x: &x,
            y: &q,
            g: &g,
            weight: weight.as_ref(),
            pos_weight: None,
        };
        let loss = rows(self.0, call, sent, &labels, output)?.wait();
        self.receive(output, out)?;
        loss
    }
}

impl<T: Element> Library<T> for Device<'_> {
    type Error = Error;

    fn elements(&mut self, call: &ElementCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        let (x, y) = (self.send(call.input)?, self.send(call.target)?);
        let g = self.send(call.grad_outputs)?;
        let (weight, pos_weight) = (self.send_any(call.weight)?, self.send_any(call.pos_weight)?);
        let output = &mut self.poisoned::<T>(out.len())?;
        let sent = Sent {
            x: &x,
            y: &y,
            g: &g,
            weight: weight.as_ref(),
            pos_weight: pos_weight.as_ref(),
        };
        let loss = elements(self.0, call, sent, output)?.wait();
        self.receive(output, out)?;
        loss
    }

    fn rows(&mut self, call: &RowCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        match call.labels {
            Labels::I32(labels) => self.rows_with(call, labels, out),
            Labels::I64(labels) => self.rows_with(call, labels, out),
        }
    }

    fn binary_accuracy(&mut self, input: &[T], target: &[T]) -> Result<T, Error> {
        trueloss_cuda::binary_accuracy(self.0, &self.send(input)?, &self.send(target)?)?.wait()
    }

    fn accuracy(&mut self, data: &[T], shape: [usize; 3], labels: Labels<'_>) -> Result<T, Error> {
        let data = self.send(data)?;
        let input = Classes::new(&data, shape)?;
        match labels {
            Labels::I32(labels) => {
                trueloss_cuda::accuracy(self.0, input, &self.send(labels)?)?.wait()
            }
            Labels::I64(labels) => {
                trueloss_cuda::accuracy(self.0, input, &self.send(labels)?)?.wait()
            }
        }
    }
}
