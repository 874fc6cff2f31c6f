//! Every public kernel as a row of a table: one call site each, so that a test goes through all of them with one
//! instantiation a type of element.

use crate::random::Random;
use trueloss::device::{Domain, FromOptions, NUMBERS, Options};
use trueloss::{
    Classes, CrossEntropy, Element, Error, LogSigmoid, LogSoftmax, Nll, Reduction, Sigmoid,
    Softmax, Softplus, each_elementwise_loss,
};

/// What the kernels of elements take. Each uses what it needs.
pub(crate) struct Elements<'a, T> {
    /// Logits.
    pub(crate) x: &'a [T],
    /// Probabilities, in the place of logits for losses that take them.
    pub(crate) p: &'a [T],
    pub(crate) y: &'a [T],
    /// In the place of `y` for losses of two labels.
    pub(crate) hard: &'a Hard<T>,
    pub(crate) g: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) pos_weight: &'a [T],
    pub(crate) grad_output: T,
    pub(crate) beta: f64,
    pub(crate) reduction: Reduction,
}

/// What the kernels of rows take.
pub(crate) struct Rows<'a, T> {
    pub(crate) input: Classes<'a, T>,
    pub(crate) labels: &'a [i64],
    /// Probabilities of the input's shape.
    pub(crate) q: &'a [T],
    /// A `grad_output` for each row.
    pub(crate) g: &'a [T],
    /// One for each element.
    pub(crate) g_each: &'a [T],
    pub(crate) weight: Option<&'a [T]>,
    pub(crate) grad_output: T,
    pub(crate) smoothing: f64,
    pub(crate) reduction: Reduction,
}

/// A kernel: it writes to the start of a buffer that has room for all of the input, and returns the loss, or 0 where
/// it returns none.
pub(crate) type OfElements<T> = fn(&Elements<'_, T>, &mut [T]) -> Result<T, Error>;
pub(crate) type OfRows<T> = fn(&Rows<'_, T>, &mut [T]) -> Result<T, Error>;
/// Kernels and their names.
pub(crate) type Table<F> = Vec<(&'static str, F)>;

/// Calls that return no loss.
fn no_loss<T: Element>((): ()) -> T {
    T::zero()
}

/// A loss of elements, and what it takes as its input and target.
fn loss<'b, T: Element, L: FromOptions<'b, T>>(e: &Elements<'b, T>) -> (L, &'b [T], &'b [T]) {
    let mut numbers = [0.0; NUMBERS];
    for (number, &(_, default)) in numbers.iter_mut().zip(L::NUMBERS) {
        *number = default;
    }
    let options = Options {
        reduction: e.reduction,
        weight: e.weight,
        pos_weight: e.pos_weight,
        numbers,
    };
    let x = match L::INPUT {
        Domain::UnitInterval => e.p,
        _ => e.x,
    };
    let y = match L::TARGET {
        Domain::HardLabels => &e.hard.labels,
        Domain::Signs => &e.hard.signs,
        _ => e.y,
    };
    (L::from_options(options), x, y)
}

/// Targets of which there are two.
pub(crate) struct Hard<T> {
    /// 0 or 1.
    labels: Vec<T>,
    /// -1 or 1.
    signs: Vec<T>,
}

/// The hard labels nearest to probabilities.
pub(crate) fn hard<T: Element>(probabilities: &[T]) -> Hard<T> {
    let half = T::narrow(0.5);
    let nearest = |no: T| {
        let of = move |&p: &T| if p < half { no } else { T::one() };
        probabilities.iter().map(of).collect()
    };
    Hard {
        labels: nearest(T::zero()),
        signs: nearest(-T::one()),
    }
}

macro_rules! elementwise {
    ($table:ident, $name:literal, $loss:ty) => {
        $table.extend([
            (
                concat!($name, " forward"),
                (|e, _| {
                    let (loss, x, y) = loss::<T, $loss>(e);
                    loss.forward(x, y)
                }) as OfElements<T>,
            ),
            (concat!($name, " forward_each"), |e, out| {
                let (loss, x, y) = loss::<T, $loss>(e);
                loss.forward_each(x, y, out).map(no_loss)
            }),
            (concat!($name, " backward"), |e, out| {
                let (loss, x, y) = loss::<T, $loss>(e);
                loss.backward(x, y, e.grad_output, out).map(no_loss)
            }),
            (concat!($name, " backward_each"), |e, out| {
                let (loss, x, y) = loss::<T, $loss>(e);
                loss.backward_each(x, y, e.g, out).map(no_loss)
            }),
            (concat!($name, " forward_backward"), |e, out| {
                let (loss, x, y) = loss::<T, $loss>(e);
                loss.forward_backward(x, y, out)
            }),
            (concat!($name, " partial"), |e, _| {
                let (loss, x, y) = loss::<T, $loss>(e);
                let partial = &loss.partial(x, y, 0);
                partial
                    .as_ref()
                    .map_err(|&error| error)?
                    .finish(e.reduction)
            }),
        ]);
    };
}

macro_rules! activation {
    ($table:ident, $name:literal, $activation:expr) => {
        $table.extend([
            (
                concat!($name, " forward"),
                (|e, out| $activation(e).forward(e.x, out).map(no_loss)) as OfElements<T>,
            ),
            (concat!($name, " backward"), |e, out| {
                $activation(e).backward(e.x, e.g, out).map(no_loss)
            }),
        ]);
    };
}

/// The kernels of elements.
pub(crate) fn of_elements<T: Element>() -> Table<OfElements<T>> {
    let mut table: Table<OfElements<T>> = Vec::new();
    macro_rules! losses {
        ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, $about:tt;)*) => {
            $(elementwise!(table, $name, $loss);)*
        };
    }
    each_elementwise_loss!(losses, '_, T);
    activation!(table, "sigmoid", |_: &Elements<'_, T>| Sigmoid::new());
    activation!(table, "log_sigmoid", |_: &Elements<'_, T>| LogSigmoid::new(
    ));
    activation!(table, "softplus", |e: &Elements<'_, T>| {
        Softplus::new().beta(e.beta)
    });
    table
}

macro_rules! row_loss {
    (
        $table:ident, $name:literal, $target:ident, $loss:expr, $forward:ident, $forward_each:ident,
        $backward:ident, $backward_each:ident, $forward_backward:ident, $partial:ident
    ) => {
        $table.extend([
            (
                concat!($name, " forward"),
                (|r, _| $loss(r).$forward(r.input, r.$target)) as OfRows<T>,
            ),
            (concat!($name, " forward_each"), |r, out| {
                let (losses, _) = out.split_at_mut(r.input.rows());
                $loss(r)
                    .$forward_each(r.input, r.$target, losses)
                    .map(no_loss)
            }),
            (concat!($name, " backward"), |r, out| {
                $loss(r)
                    .$backward(r.input, r.$target, r.grad_output, out)
                    .map(no_loss)
            }),
            (concat!($name, " backward_each"), |r, out| {
                $loss(r)
                    .$backward_each(r.input, r.$target, r.g, out)
                    .map(no_loss)
            }),
            (concat!($name, " forward_backward"), |r, out| {
                $loss(r).$forward_backward(r.input, r.$target, out)
            }),
            (concat!($name, " partial"), |r, _| {
                let partial = &$loss(r).$partial(r.input, r.$target, 0);
                partial
                    .as_ref()
                    .map_err(|&error| error)?
                    .finish(r.reduction)
            }),
        ]);
    };
}

/// The kernels of rows.
pub(crate) fn of_rows<T: Element>() -> Table<OfRows<T>> {
    let mut table: Table<OfRows<T>> = Vec::new();
    fn cross_entropy<'b, T: Element>(r: &Rows<'b, T>) -> CrossEntropy<'b, T> {
        let loss = CrossEntropy::new()
            .label_smoothing(r.smoothing)
            .reduction(r.reduction);
        r.weight.map_or(loss, |weight| loss.weight(weight))
    }
    fn nll<'b, T: Element>(r: &Rows<'b, T>) -> Nll<'b, T> {
        let loss = Nll::new().reduction(r.reduction);
        r.weight.map_or(loss, |weight| loss.weight(weight))
    }
    row_loss!(
        table,
        "cross_entropy",
        labels,
        cross_entropy,
        forward,
        forward_each,
        backward,
        backward_each,
        forward_backward,
        partial
    );
    row_loss!(
        table,
        "cross_entropy of probabilities",
        q,
        cross_entropy,
        forward_probabilities,
        forward_each_probabilities,
        backward_probabilities,
        backward_each_probabilities,
        forward_backward_probabilities,
        partial_probabilities
    );
    row_loss!(
        table,
        "nll",
        labels,
        nll,
        forward,
        forward_each,
        backward,
        backward_each,
        forward_backward,
        partial
    );
    table.extend([
        (
            "softmax forward",
            (|r, out| Softmax::new().forward(r.input, out).map(no_loss)) as OfRows<T>,
        ),
        ("softmax backward", |r, out| {
            Softmax::new().backward(r.input, r.g_each, out).map(no_loss)
        }),
        ("log_softmax forward", |r, out| {
            LogSoftmax::new().forward(r.input, out).map(no_loss)
        }),
        ("log_softmax backward", |r, out| {
            LogSoftmax::new()
                .backward(r.input, r.g_each, out)
                .map(no_loss)
        }),
    ]);
    table
}

/// What logits are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Logits {
    /// Those of a model: within 8 of 0.
    Ordinary,
    /// Of all finite magnitudes, subnormal numbers, zeros of both signs.
    Wide,
    /// With infinities and NaN among them. One is enough for a reduced loss, so they are rare.
    Special,
}

impl Logits {
    pub(crate) const ALL: [Self; 3] = [Self::Ordinary, Self::Wide, Self::Special];

    pub(crate) fn next(self, random: &mut Random) -> f64 {
        const EDGES: [f64; 12] = [
            0.0, -0.0, 1e-40, -1e-40, 1e-45, 745.5, -745.5, 104.0, -104.0, 3e38, -3e38, 1e-20,
        ];
        const NOT_FINITE: [f64; 3] = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let pick = |random: &mut Random, of: &[f64]| of[random.below(of.len() as u64) as usize];
        match self {
            Self::Special if random.below(25) == 0 => pick(random, &NOT_FINITE),
            Self::Ordinary | Self::Special => random.within(8.0),
            Self::Wide => match random.below(6) {
                0 => pick(random, &EDGES),
                1 => random.of_any_magnitude(120),
                2 => random.within(1000.0),
                _ => random.within(20.0),
            },
        }
    }
}

/// In [0, 1], half of them 0 or 1.
pub(crate) fn probability(random: &mut Random) -> f64 {
    match random.below(8) {
        0 | 1 => 0.0,
        2 | 3 => 1.0,
        4 => 1e-30,
        _ => random.unit(),
    }
}

/// A `grad_output`: mostly ordinary numbers, rarely what is hard.
pub(crate) fn grad_output(random: &mut Random) -> f64 {
    const EDGES: [f64; 8] = [
        0.0,
        -0.0,
        1e-40,
        -1e-40,
        1e38,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    match random.below(20) {
        0 => EDGES[random.below(8) as usize],
        _ => random.within(3.0),
    }
}
