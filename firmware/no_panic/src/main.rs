//! Every public function of trueloss, linked into a program that has no way to panic: the handler calls a function that
//! is nowhere defined. If the linker asks for it, some path in the kernels leads to a panic. `no_panic.sh` beside this
//! package builds it for several machines. The program is linked, and never run.
//!
//! What the calls are given is opaque to the compiler, each time anew, so that no check is optimised away that a
//! caller's data could fail.
#![no_std]
#![no_main]
// Without the calls, nothing uses what they are made of.
#![cfg_attr(feature = "panic", allow(dead_code, unused_imports))]

use core::fmt::{self, Write};
use core::hint::black_box;
use core::panic::PanicInfo;
use trueloss::Element;
use trueloss::dispatch::{self, Width};
use trueloss::half::{bf16, f16};
use trueloss::{
    ClassIndex, Classes, CrossEntropy, Error, LogSigmoid, LogSoftmax, Nll, Partial, Reduction,
    Sigmoid, Softmax, Softplus, accuracy, binary_accuracy, cross_entropy, each_elementwise_loss,
    elementary, nll,
};

unsafe extern "C" {
    safe fn trueloss_must_not_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    trueloss_must_not_panic()
}

/// The core library that comes with a compiler for machines with an operating system has been compiled for panics that
/// unwind, and asks for this by name.
#[cfg(not(target_os = "none"))]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// What a caller may pass: anything.
#[derive(Clone, Copy)]
struct Given<'a, T> {
    x: &'a [T],
    y: &'a [T],
    g: &'a [T],
    weight: &'a [T],
    pos_weight: &'a [T],
    grad_output: T,
    number: f64,
    reduction: Reduction,
    ignore_index: i64,
    start: usize,
    shape: &'a [usize],
    dim: usize,
}

/// Keeps what a call returns, and what it has written.
fn keep<T, R>(result: R, out: &mut [T]) {
    black_box(result);
    black_box(out);
}

/// The methods that every loss has, by their names for this kind of target.
macro_rules! loss {
    (
        $given:ident, $out:ident, $loss:expr, $input:expr, $target:expr;
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident, $forward_backward:ident,
        $partial:ident
    ) => {
        let loss = || black_box($loss);
        let input = || black_box($input);
        let target = || black_box($target);
        keep(loss().$forward(input(), target()), $out);
        keep(loss().$forward_each(input(), target(), $out), $out);
        let grad_output = black_box($given.grad_output);
        keep(loss().$backward(input(), target(), grad_output, $out), $out);
        keep(
            loss().$backward_each(input(), target(), black_box($given.g), $out),
            $out,
        );
        keep(loss().$forward_backward(input(), target(), $out), $out);
        let partial = |start| loss().$partial(input(), target(), start);
        keep(
            whole(
                partial(black_box($given.start)),
                partial(black_box($given.dim)),
                $given,
            ),
            $out,
        );
    };
}

macro_rules! activation {
    ($given:ident, $out:ident, $activation:expr, $input:expr) => {
        let activation = || black_box($activation);
        keep(activation().forward(black_box($input), $out), $out);
        keep(
            activation().backward(black_box($input), black_box($given.g), $out),
            $out,
        );
    };
}

/// Everything that a partial result can do.
fn whole<T: Element>(
    first: Result<Partial<T>, Error>,
    second: Result<Partial<T>, Error>,
    given: &Given<'_, T>,
) -> Result<T, Error> {
    let (mut first, second) = (black_box(first?), black_box(second?));
    black_box((first.start(), first.end()));
    first.merge(&second)?;
    black_box(first).finish(black_box(given.reduction))
}

/// The losses of elements: all that the list has, with every option, and their formulas for loops of one's own.
macro_rules! losses_of_elements {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, {
        $Loss:ident, $snake:ident, kernels $f32:ident $f64:ident: $cost:ident;
        $title:literal
        formula $formula:literal;
        gradient $gradient:literal;
        source $source:literal;
        weights ($($weight:ident)*);
        options { $($(#[$doc:meta])* $option:ident;)* }
    };)*) => {
        mod of_loss {
            use super::*;

            $(
                pub(super) fn $snake<T: Element>(given: &Given<'_, T>, out: &mut [T]) {
                    let made = trueloss::$Loss::new().reduction(given.reduction)
                        $(.$weight(given.$weight))*
                        $(.$option({ let $option = given.number; $option }))*;
                    loss!(
                        given, out, made, given.x, given.y;
                        forward, forward_each, backward, backward_each, forward_backward, partial
                    );
                    let v = || black_box(given.number);
                    formulas!(trueloss::$snake, v, ($($weight)*), ($($option)*));
                }
            )*
        }

        fn losses_of_elements<T: Element>(given: &Given<'_, T>, out: &mut [T]) {
            $(of_loss::$snake(given, out);)*
        }
    };
}

/// The formulas of a loss: of x and y, of its pos_weight, where it has one, and its options.
macro_rules! formulas {
    ($($module:ident)::+, $v:ident, (weight), $options:tt) => {
        formulas!($($module)::+, $v, (), $options)
    };
    ($($module:ident)::+, $v:ident, (weight pos_weight), ()) => {
        formulas!($($module)::+, $v, (), (pos_weight))
    };
    ($($module:ident)::+, $v:ident, (), ($($option:ident)*)) => {
        black_box((
            $($module)::+::value::<T>($v(), $v() $(, { let $option = $v(); $option })*),
            $($module)::+::gradient::<T>($v(), $v() $(, { let $option = $v(); $option })*),
        ))
    };
}

each_elementwise_loss!(losses_of_elements, 'static, f32);

fn of_elements<T: Element>(given: &Given<'_, T>, out: &mut [T]) {
    losses_of_elements(given, out);
    activation!(given, out, Sigmoid::new(), given.x);
    activation!(given, out, LogSigmoid::new(), given.x);
    activation!(given, out, Softplus::new().beta(given.number), given.x);
    keep(binary_accuracy(black_box(given.x), black_box(given.y)), out);
}

/// The shapes that rows may have, as an array or a slice.
fn shapes<'a, T: Element>(given: &Given<'a, T>) -> Result<[Classes<'a, T>; 4], Error> {
    let shape = black_box(given.shape);
    let input = black_box(given.x);
    let all = [
        Classes::new(input, black_box([given.dim]))?,
        Classes::new(input, black_box([given.dim, given.start]))?,
        Classes::new(input, shape)?,
        Classes::along(input, shape, black_box(given.dim))?,
    ];
    for rows in black_box(&all) {
        black_box((rows.rows(), rows.classes(), rows.elements()));
    }
    Ok(black_box(all))
}

fn cross_entropy_of<'a, T: Element>(given: &Given<'a, T>) -> CrossEntropy<'a, T> {
    CrossEntropy::new()
        .weight(given.weight)
        .label_smoothing(given.number)
        .ignore_index(given.ignore_index)
        .reduction(given.reduction)
}

fn nll_of<'a, T: Element>(given: &Given<'a, T>) -> Nll<'a, T> {
    Nll::new()
        .weight(given.weight)
        .ignore_index(given.ignore_index)
        .reduction(given.reduction)
}

fn of_labels<T: Element, I: ClassIndex>(
    given: &Given<'_, T>,
    input: Classes<'_, T>,
    labels: &[I],
    out: &mut [T],
) {
    loss!(
        given, out, cross_entropy_of(given), input, labels;
        forward, forward_each, backward, backward_each, forward_backward, partial
    );
    loss!(
        given, out, nll_of(given), input, labels;
        forward, forward_each, backward, backward_each, forward_backward, partial
    );
    keep(accuracy(black_box(input), black_box(labels)), out);
}

/// Labels of every type.
#[derive(Clone, Copy)]
struct Labels<'a> {
    i64: &'a [i64],
    i32: &'a [i32],
    u32: &'a [u32],
    u16: &'a [u16],
    u8: &'a [u8],
    usize: &'a [usize],
}

fn of_rows<T: Element>(
    given: &Given<'_, T>,
    labels: &Labels<'_>,
    out: &mut [T],
) -> Result<(), Error> {
    for input in shapes(given)? {
        of_labels(given, input, labels.i64, out);
        of_labels(given, input, labels.i32, out);
        of_labels(given, input, labels.u32, out);
        of_labels(given, input, labels.u16, out);
        of_labels(given, input, labels.u8, out);
        of_labels(given, input, labels.usize, out);
        loss!(
            given, out, cross_entropy_of(given), input, given.y;
            forward_probabilities, forward_each_probabilities, backward_probabilities,
            backward_each_probabilities, forward_backward_probabilities, partial_probabilities
        );
        activation!(given, out, Softmax::new(), input);
        activation!(given, out, LogSoftmax::new(), input);
    }
    Ok(())
}

/// The functions of single numbers, and the formulas for loops of one's own.
fn of_numbers<T: Element>(given: &Given<'_, T>) {
    let x = || black_box(given.grad_output);
    black_box((trueloss::sigmoid(x()), trueloss::sigmoid_derivative(x())));
    black_box((
        trueloss::log_sigmoid(x()),
        trueloss::log_sigmoid_derivative(x()),
    ));
    black_box((trueloss::softplus(x()), trueloss::softplus_derivative(x())));
    let softplus = Softplus::new().beta(black_box(given.number));
    let _ = black_box((softplus.value(x()), softplus.derivative(x())));

    let v = || black_box(given.number);
    black_box((nll::value(v()), nll::gradient()));
    black_box(cross_entropy::value(v(), v()));
    black_box(cross_entropy::gradient(
        v(),
        v(),
        black_box(true),
        black_box(true),
    ));
    use trueloss::activation::*;
    black_box((sigmoid_value::<T>(v()), sigmoid_gradient::<T>(v())));
    black_box((
        softplus_value::<T>(v(), v()),
        softplus_gradient::<T>(v(), v()),
    ));
    black_box((log_sigmoid_value::<T>(v()), log_sigmoid_gradient::<T>(v())));
    use elementary::*;
    black_box((exp(v()), log(v()), log1p(v()), log1p_unit(v())));
}

/// Takes the words of an error, and may refuse them.
struct Sink(bool);

impl Write for Sink {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        black_box(words);
        black_box(self.0).then_some(()).ok_or(fmt::Error)
    }
}

/// All of it for one type of element.
fn all<T: Element>(given: &Given<'_, T>, labels: &Labels<'_>, out: &mut [T]) {
    of_elements(given, out);
    of_numbers(given);
    if let Err(error) = black_box(of_rows(given, labels, out)) {
        black_box(write!(Sink(black_box(true)), "{error}")).ok();
    }
}

/// A slice of which nothing is known.
fn some<T>(nothing: &[T]) -> &[T] {
    black_box(nothing)
}

fn given<'a, T: Element>() -> Given<'a, T> {
    Given {
        x: some(&[]),
        y: some(&[]),
        g: some(&[]),
        weight: some(&[]),
        pos_weight: some(&[]),
        grad_output: black_box(T::one()),
        number: black_box(1.0),
        reduction: black_box(Reduction::Mean),
        ignore_index: black_box(1),
        start: black_box(1),
        shape: some(&[]),
        dim: black_box(1),
    }
}

/// Where the program would begin.
#[cfg(not(feature = "panic"))]
#[unsafe(no_mangle)]
extern "C" fn _start() {
    let labels = Labels {
        i64: some(&[]),
        i32: some(&[]),
        u32: some(&[]),
        u16: some(&[]),
        u8: some(&[]),
        usize: some(&[]),
    };
    all::<f32>(&given(), &labels, black_box(&mut []));
    all::<f64>(&given(), &labels, black_box(&mut []));
    all::<f16>(&given(), &labels, black_box(&mut []));
    all::<bf16>(&given(), &labels, black_box(&mut []));
    dispatch::limit(black_box(Width::Avx2));
    black_box(dispatch::width());
}

/// With a panic on purpose: an index that may be too large.
#[cfg(feature = "panic")]
#[unsafe(no_mangle)]
extern "C" fn _start() {
    black_box(some::<u8>(&[])[black_box(3)]);
}
