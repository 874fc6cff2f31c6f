//! Reductions of many losses to one.

use crate::number::real::Real;

/// What is returned for many losses: PyTorch's `reduction`. Its 'none' is the `_each` methods.
///
/// ```
/// use trueloss::{Mse, Reduction};
///
/// let of_nothing = |reduction| Mse::new().reduction(reduction).forward(&[0.0_f32; 0], &[]);
/// assert_eq!(of_nothing(Reduction::Sum)?, 0.0);
/// assert!(of_nothing(Reduction::default())?.is_nan());
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum over the count, or over the sum of the weights: each loss's page says which. The mean of
    /// nothing is NaN.
    #[default]
    Mean,
    /// The sum. That of nothing is 0.
    Sum,
}

impl Reduction {
    /// What a sum of losses, or a `grad_output`, is divided by: the weights, which a sum does not need.
    pub(crate) fn divisor<W: Real>(self, weights: impl FnOnce() -> W) -> W {
        match self {
            Self::Mean => weights(),
            Self::Sum => W::from(1.0),
        }
    }
}

/// value / divisor, and NaN for the mean of nothing.
#[doc(hidden)]
pub fn divide<W: Real>(value: W, divisor: W) -> f64 {
    if divisor.hi() == 0.0 {
        f64::NAN
    } else {
        (value / divisor).round()
    }
}
