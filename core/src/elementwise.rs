//! The loops over elements, written once for every loss that compares inputs and targets one by one.

use crate::element::Element;
use crate::error::{Argument, Error, check_length};
use crate::reduce::{self, Partial, Reduction, Sum, Weighted, weigh};

/// A loss of pairs of elements: its formula for one pair, and its options.
pub(crate) trait ElementwiseLoss<T: Element>: Copy {
    fn reduction(&self) -> Reduction;

    /// Slices that broadcast over the input; those that a loss does not have are [`Element::ONE`].
    fn weight(&self) -> &[T] {
        T::ONE
    }

    fn pos_weight(&self) -> &[T] {
        T::ONE
    }

    /// What must hold of inputs and targets besides their lengths.
    fn check(&self, input: &[T], target: &[T]) -> Result<(), Error>;

    /// The unweighted loss of one element.
    fn value(x: f64, y: f64, pos_weight: f64) -> f64;

    /// Its derivative with respect to x.
    fn gradient(x: f64, y: f64, pos_weight: f64) -> f64;
}

/// Inputs and targets that have passed a loss's checks.
pub(crate) struct Checked<'a, T, L> {
    loss: &'a L,
    input: &'a [T],
    target: &'a [T],
}

impl<'a, T: Element, L: ElementwiseLoss<T>> Checked<'a, T, L> {
    pub(crate) fn new(loss: &'a L, input: &'a [T], target: &'a [T]) -> Result<Self, Error> {
        check_length(Argument::Target, input.len(), target.len())?;
        reduce::check_weights(Argument::Weight, loss.weight(), input.len())?;
        reduce::check_weights(Argument::PosWeight, loss.pos_weight(), input.len())?;
        loss.check(input, target)?;
        Ok(Self {
            loss,
            input,
            target,
        })
    }

    /// Calls `f(out, x, y, weight, pos_weight)` for the elements from `start` on, one for each `out`.
    #[inline(always)]
    fn each<O>(
        &self,
        start: usize,
        out: impl IntoIterator<Item = O>,
        mut f: impl FnMut(O, f64, f64, f64, f64),
    ) {
        let input = self.input.get(start..).unwrap_or(&[]);
        let target = self.target.get(start..).unwrap_or(&[]);
        let pairs = out.into_iter().zip(input.iter().zip(target));
        match (self.loss.weight(), self.loss.pos_weight()) {
            // The usual case by itself: without the weights to step through, the loop vectorises.
            (&[weight], &[pos_weight]) => {
                let (weight, pos_weight) = (weight.widen(), pos_weight.widen());
                for (out, (x, y)) in pairs {
                    f(out, x.widen(), y.widen(), weight, pos_weight);
                }
            }
            (weight, pos_weight) => {
                let weights = broadcast(weight, start).zip(broadcast(pos_weight, start));
                for ((out, (x, y)), (weight, pos_weight)) in pairs.zip(weights) {
                    f(out, x.widen(), y.widen(), weight, pos_weight);
                }
            }
        }
    }

    /// The losses of one block.
    fn losses(&self, start: usize, len: usize) -> T::Sum {
        reduce::block(len, |from, out| {
            self.each(start + from, out, |out, x, y, weight, pos_weight| {
                *out = weigh(weight, L::value(x, y, pos_weight));
            });
        })
    }

    /// What the sum of the losses, and a `grad_output`, is divided by.
    fn divisor(&self) -> f64 {
        self.loss.reduction().divisor(|| self.input.len() as f64)
    }

    pub(crate) fn forward(&self) -> T {
        let losses: T::Sum = reduce::whole(self.input.len(), |start, len| self.losses(start, len));
        T::narrow(reduce::divide(losses.value(), self.divisor()))
    }

    pub(crate) fn forward_each(&self, losses: &mut [T]) -> Result<(), Error> {
        check_length(Argument::Losses, self.input.len(), losses.len())?;
        self.each(0, losses, |loss, x, y, weight, pos_weight| {
            *loss = T::narrow(weigh(weight, L::value(x, y, pos_weight)));
        });
        Ok(())
    }

    pub(crate) fn backward(&self, grad_output: T, grad_input: &mut [T]) -> Result<(), Error> {
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let scale = reduce::divide(grad_output.widen(), self.divisor());
        self.each(0, grad_input, |grad, x, y, weight, pos_weight| {
            *grad = T::narrow(T::scale(
                T::product(scale, weight),
                L::gradient(x, y, pos_weight),
            ));
        });
        Ok(())
    }

    pub(crate) fn backward_each(
        &self,
        grad_output: &[T],
        grad_input: &mut [T],
    ) -> Result<(), Error> {
        check_length(Argument::GradOutput, self.input.len(), grad_output.len())?;
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let out = grad_input.iter_mut().zip(grad_output);
        self.each(0, out, |(grad, scale), x, y, weight, pos_weight| {
            *grad = T::narrow(T::scale(
                T::product(scale.widen(), weight),
                L::gradient(x, y, pos_weight),
            ));
        });
        Ok(())
    }

    pub(crate) fn forward_backward(&self, grad_input: &mut [T]) -> Result<T, Error> {
        check_length(Argument::GradInput, self.input.len(), grad_input.len())?;
        let divisor = self.divisor();
        let scale = reduce::divide(1.0, divisor);
        let losses: T::Sum = reduce::sum(self.input.len(), |start, out| {
            let grad_input = grad_input.get_mut(start..).unwrap_or(&mut []);
            let out = out.iter_mut().zip(grad_input);
            self.each(start, out, |(out, grad), x, y, weight, pos_weight| {
                *out = weigh(weight, L::value(x, y, pos_weight));
                *grad = T::narrow(T::scale(
                    T::product(scale, weight),
                    L::gradient(x, y, pos_weight),
                ));
            });
        });
        Ok(T::narrow(reduce::divide(losses.value(), divisor)))
    }

    pub(crate) fn partial(&self, start: usize) -> Result<Partial<T>, Error> {
        Partial::new(start, self.input.len(), |start, len| Weighted {
            losses: self.losses(start, len),
            weights: T::Sum::default().add(len as f64),
        })
    }
}

/// The weights of the elements from `start` on.
fn broadcast<T: Element>(weights: &[T], start: usize) -> impl Iterator<Item = f64> {
    let (before, from) = weights
        .split_at_checked(start.checked_rem(weights.len()).unwrap_or(0))
        .unwrap_or((weights, &[]));
    from.iter()
        .chain(before)
        .cycle()
        .map(|weight| weight.widen())
}

/// All of `values` lie in [0, 1].
pub(crate) fn check_unit_interval<T: Element>(
    argument: Argument,
    values: &[T],
) -> Result<(), Error> {
    let unit = T::zero()..=T::one();
    match values.iter().position(|v| !unit.contains(v)) {
        Some(index) => Err(Error::OutsideUnitInterval { argument, index }),
        None => Ok(()),
    }
}

/// The public methods of an element-wise loss, alike for all of them.
macro_rules! methods {
    ($T:ident $(, $bound:path)?) => {
        /// The reduced loss of all elements: their mean or sum.
        ///
        /// # Errors
        ///
        /// Those of the type's page.
        pub fn forward$(<$T: $bound>)?(&self, input: &[$T], target: &[$T]) -> Result<$T, Error> {
            Ok(Checked::new(self, input, target)?.forward())
        }

        /// The loss of each element (`reduction='none'`).
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `losses` does not have the input's
        /// length.
        pub fn forward_each$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            losses: &mut [$T],
        ) -> Result<(), Error> {
            Checked::new(self, input, target)?.forward_each(losses)
        }

        /// The gradient of the reduced loss with respect to the input, times `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's
        /// length.
        pub fn backward$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            grad_output: $T,
            grad_input: &mut [$T],
        ) -> Result<(), Error> {
            Checked::new(self, input, target)?.backward(grad_output, grad_input)
        }

        /// The gradient of each element's loss, times that element's `grad_output`.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_output` or `grad_input` does not
        /// have the input's length.
        pub fn backward_each$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            grad_output: &[$T],
            grad_input: &mut [$T],
        ) -> Result<(), Error> {
            Checked::new(self, input, target)?.backward_each(grad_output, grad_input)
        }

        /// [`forward`](Self::forward), and [`backward`](Self::backward) with a `grad_output` of 1, in
        /// one pass and with the same bits.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::Length`] where `grad_input` does not have the input's
        /// length.
        pub fn forward_backward$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            grad_input: &mut [$T],
        ) -> Result<$T, Error> {
            Checked::new(self, input, target)?.forward_backward(grad_input)
        }

        /// The part of a larger batch's loss that comes from these elements, `start` of which come
        /// before them. Weights broadcast from the first of these elements.
        ///
        /// # Errors
        ///
        /// Those of the type's page, and [`Error::NotOnBlockBoundary`] where `start` is not a multiple
        /// of [`BLOCK`](crate::BLOCK), [`Error::ShapeOverflow`] where the batch has more than a `usize` counts.
        pub fn partial$(<$T: $bound>)?(
            &self,
            input: &[$T],
            target: &[$T],
            start: usize,
        ) -> Result<Partial<$T>, Error> {
            Checked::new(self, input, target)?.partial(start)
        }
    };
}
pub(crate) use methods;
