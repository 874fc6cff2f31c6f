//! Calls each function on two sizes of input, and prints what that took on the machine's timer and how deep the stack
//! went. `cost.py` builds it, runs it where the timer counts instructions, and makes the table.
//!
//! A line is a name, ticks for [`SMALL`], ticks for [`LARGE`], bytes of stack for `LARGE`.
#![no_std]

mod usual;

use core::hint::black_box;
use trueloss::device::{Domain, FromOptions};
use trueloss::{
    Classes, CrossEntropy, Error, LogSigmoid, LogSoftmax, Nll, Sigmoid, Softmax, Softplus,
    each_elementwise_loss,
};
use trueloss_firmware::{println, stack};

trueloss_firmware::entry!(run);

/// How many classes a row has.
const CLASSES: usize = 10;
/// How many elements the inputs have: what the two differ by leaves out all that is done once a call.
const SMALL: usize = 120;
const LARGE: usize = 240;
/// How many calls are timed together, as a tick is dozens of instructions.
const CALLS: usize = if cfg!(target_feature = "v7") { 32 } else { 8 };

/// Inputs and outputs of a call.
pub(crate) struct Case<'a> {
    /// Logits, between -8 and 8, most of them small.
    x: &'a [f32],
    /// Probabilities: for `bce`, and as `grad_output` of activations.
    p: &'a [f32],
    /// Targets: 0 or 1.
    y: &'a [f32],
    /// The same as -1 or 1.
    signs: &'a [f32],
    labels: &'a [u8],
    out: &'a mut [f32],
}

impl<'a> Case<'a> {
    fn rows(&self) -> Result<Classes<'a, f32>, Error> {
        Classes::new(self.x, [self.labels.len(), CLASSES])
    }
}

macro_rules! losses_of_elements {
    ($a:lifetime, $T:ty; $($variant:ident = $title:literal of $loss:ty, {
        $Loss:ident, $snake:ident, $($about:tt)*
    };)*) => {
        $(mod $snake {
            use super::*;

            fn arguments<'a>(case: &Case<'a>) -> (&'a [f32], &'a [f32]) {
                let x = match <$loss as FromOptions<'_, f32>>::INPUT {
                    Domain::UnitInterval => case.p,
                    _ => case.x,
                };
                let y = match <$loss as FromOptions<'_, f32>>::TARGET {
                    Domain::Signs => case.signs,
                    _ => case.y,
                };
                (x, y)
            }

            #[unsafe(export_name = concat!(stringify!($snake), "_forward"))]
            fn forward(case: &mut Case<'_>) {
                let (x, y) = arguments(case);
                let _ = black_box(trueloss::$Loss::new().forward(x, y));
            }

            #[unsafe(export_name = concat!(stringify!($snake), "_backward"))]
            fn backward(case: &mut Case<'_>) {
                let (x, y) = arguments(case);
                let _ = black_box(trueloss::$Loss::new().backward(x, y, 1.0, case.out));
            }

            #[unsafe(export_name = concat!(stringify!($snake), "_forward_backward"))]
            fn forward_backward(case: &mut Case<'_>) {
                let (x, y) = arguments(case);
                let _ = black_box(trueloss::$Loss::new().forward_backward(x, y, case.out));
            }

            pub(super) const FUNCTIONS: [Function; 3] = [
                (concat!(stringify!($snake), "_forward"), forward),
                (concat!(stringify!($snake), "_backward"), backward),
                (concat!(stringify!($snake), "_forward_backward"), forward_backward),
            ];
        })*

        /// Those of the list, each in three directions. By its name cost.py finds a function in the library.
        const LOSSES_OF_ELEMENTS: &[[Function; 3]] = &[$($snake::FUNCTIONS),*];
    };
}

/// A function and its name.
type Function = (&'static str, fn(&mut Case<'_>));

each_elementwise_loss!(losses_of_elements, 'static, f32);

macro_rules! functions {
    ($($name:ident: |$case:ident| $call:expr;)*) => {
        $(
            // By its name cost.py finds it in the library.
            #[unsafe(no_mangle)]
            fn $name($case: &mut Case<'_>) {
                let _ = black_box($call);
            }
        )*
        const FUNCTIONS: &[Function] = &[$((stringify!($name), $name)),*];
    };
}

/// A row of classes, or nothing where the shape is wrong, which it is not.
macro_rules! rows {
    ($case:ident, |$rows:ident| $call:expr) => {
        $case.rows().and_then(|$rows| $call)
    };
}

functions! {
    nothing: |_c| ();
    nll_forward: |c| rows!(c, |x| Nll::new().forward(x, c.labels));
    nll_backward: |c| rows!(c, |x| Nll::new().backward(x, c.labels, 1.0, c.out));
    nll_forward_backward: |c| rows!(c, |x| Nll::new().forward_backward(x, c.labels, c.out));
    cross_entropy_forward: |c| rows!(c, |x| CrossEntropy::new().forward(x, c.labels));
    cross_entropy_backward: |c| rows!(c, |x| CrossEntropy::new().backward(x, c.labels, 1.0, c.out));
    cross_entropy_forward_backward: |c| {
        rows!(c, |x| CrossEntropy::new().forward_backward(x, c.labels, c.out))
    };
    sigmoid_forward: |c| Sigmoid::new().forward(c.x, c.out);
    sigmoid_backward: |c| Sigmoid::new().backward(c.x, c.p, c.out);
    log_sigmoid_forward: |c| LogSigmoid::new().forward(c.x, c.out);
    log_sigmoid_backward: |c| LogSigmoid::new().backward(c.x, c.p, c.out);
    softplus_forward: |c| Softplus::new().forward(c.x, c.out);
    softplus_backward: |c| Softplus::new().backward(c.x, c.p, c.out);
    softmax_forward: |c| rows!(c, |x| Softmax::new().forward(x, c.out));
    softmax_backward: |c| rows!(c, |x| Softmax::new().backward(x, c.p, c.out));
    log_softmax_forward: |c| rows!(c, |x| LogSoftmax::new().forward(x, c.out));
    log_softmax_backward: |c| rows!(c, |x| LogSoftmax::new().backward(x, c.p, c.out));

    usual_mse_forward: |c| usual::mse(c.x, c.y);
    usual_mse_backward: |c| usual::mse_backward(c.x, c.y, 1.0, c.out);
    usual_mse_forward_backward: |c| (
        usual::mse(c.x, c.y), usual::mse_backward(c.x, c.y, 1.0, c.out)
    );
    usual_bce_forward: |c| usual::bce(c.p, c.y);
    usual_bce_backward: |c| usual::bce_backward(c.p, c.y, 1.0, c.out);
    usual_bce_forward_backward: |c| (
        usual::bce(c.p, c.y), usual::bce_backward(c.p, c.y, 1.0, c.out)
    );
    usual_bce_with_logits_forward: |c| usual::bce_with_logits(c.x, c.y);
    usual_bce_with_logits_backward: |c| usual::bce_with_logits_backward(c.x, c.y, 1.0, c.out);
    usual_bce_with_logits_forward_backward: |c| (
        usual::bce_with_logits(c.x, c.y), usual::bce_with_logits_backward(c.x, c.y, 1.0, c.out)
    );
    usual_nll_forward: |c| usual::nll(c.x, c.labels);
    usual_nll_backward: |c| usual::nll_backward(c.labels, 1.0, c.out);
    usual_nll_forward_backward: |c| (
        usual::nll(c.x, c.labels), usual::nll_backward(c.labels, 1.0, c.out)
    );
    usual_cross_entropy_forward: |c| usual::cross_entropy(c.x, c.labels);
    usual_cross_entropy_backward: |c| usual::cross_entropy_backward(c.x, c.labels, 1.0, c.out);
    usual_cross_entropy_forward_backward: |c| {
        usual::cross_entropy_forward_backward(c.x, c.labels, c.out)
    };
    usual_sigmoid_forward: |c| usual::map(c.x, c.out, usual::sigmoid);
    usual_sigmoid_backward: |c| usual::chain(c.x, c.p, c.out, usual::sigmoid_derivative);
    usual_log_sigmoid_forward: |c| usual::map(c.x, c.out, |x| -usual::softplus(-x));
    usual_log_sigmoid_backward: |c| usual::chain(c.x, c.p, c.out, |x| usual::sigmoid(-x));
    usual_softplus_forward: |c| usual::map(c.x, c.out, usual::softplus);
    usual_softplus_backward: |c| usual::chain(c.x, c.p, c.out, usual::sigmoid);
    usual_softmax_forward: |c| usual::softmax(c.x, c.out);
    usual_softmax_backward: |c| usual::softmax_backward(c.x, c.p, c.out);
    usual_log_softmax_forward: |c| usual::log_softmax(c.x, c.out);
    usual_log_softmax_backward: |c| usual::log_softmax_backward(c.x, c.p, c.out);
}

/// The SysTick timer, which counts down 24 bits at the processor's clock.
mod timer {
    const CONTROL: *mut u32 = 0xe000_e010 as *mut u32;
    const RELOAD: *mut u32 = 0xe000_e014 as *mut u32;
    const COUNT: *mut u32 = 0xe000_e018 as *mut u32;
    const LARGEST: u32 = 0xff_ffff;

    /// How many ticks `work` takes: fewer than 2^24, or 0.
    pub(super) fn ticks(work: impl FnOnce()) -> u32 {
        // SAFETY: these are the timer's registers on every Cortex-M, and nothing else uses them.
        let start = unsafe {
            CONTROL.write_volatile(0);
            RELOAD.write_volatile(LARGEST);
            COUNT.write_volatile(0);
            CONTROL.write_volatile(0b101);
            COUNT.read_volatile()
        };
        work();
        // SAFETY: as above. Bit 16 says that it came to 0 since it was last read; it does so once at the start.
        unsafe {
            let end = COUNT.read_volatile();
            start.wrapping_sub(end) & LARGEST
        }
    }
}

/// A loop of 2 `rounds` instructions.
fn calibrate(mut rounds: u32) {
    // SAFETY: it counts a register down.
    unsafe {
        core::arch::asm!(
            "1:",
            "subs {0}, {0}, #1",
            "bne 1b",
            inout(reg) rounds,
            options(nomem, nostack),
        );
    }
    let _ = rounds;
}

/// 24 random bits: the upper part of a linear congruential generator (the constants are those of Numerical Recipes).
fn random(state: &mut u32) -> f32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*state >> 8) as f32 * (1.0 / 16_777_216.0)
}

fn run() -> i32 {
    let (small, large) = (
        timer::ticks(|| calibrate(1_000_000)),
        timer::ticks(|| calibrate(3_000_000)),
    );
    println!("calibration {} {}", small, large);
    println!("calls {CALLS} {}", LARGE - SMALL);

    let mut state = 1;
    let (mut x, mut p, mut y) = ([0.0; LARGE], [0.0; LARGE], [0.0; LARGE]);
    let mut signs = [0.0; LARGE];
    let (mut labels, mut out) = ([0; LARGE / CLASSES], [0.0; LARGE]);
    for i in 0..LARGE {
        // A bell of four uniform numbers.
        let sum: f32 = (0..4).map(|_| random(&mut state)).sum();
        x[i] = 4.0 * sum - 8.0;
        p[i] = trueloss::sigmoid(x[i]);
        y[i] = f32::from(random(&mut state) < 0.5);
        signs[i] = 2.0 * y[i] - 1.0;
    }
    for label in &mut labels {
        *label = (random(&mut state) * CLASSES as f32) as u8;
    }
    for &(name, function) in LOSSES_OF_ELEMENTS.iter().flatten().chain(FUNCTIONS) {
        let mut timed = |n: usize| {
            let mut case = Case {
                x: &x[..n],
                p: &p[..n],
                y: &y[..n],
                signs: &signs[..n],
                labels: &labels[..n / CLASSES],
                out: &mut out[..n],
            };
            timer::ticks(|| {
                for _ in 0..CALLS {
                    black_box(function)(black_box(&mut case));
                }
            })
        };
        let (small, large) = (timed(SMALL), timed(LARGE));
        let mut case = Case {
            x: &x,
            p: &p,
            y: &y,
            signs: &signs,
            labels: &labels,
            out: &mut out,
        };
        let depth = stack::depth(&mut || black_box(function)(black_box(&mut case)));
        println!("{name} {small} {large} {}", depth.unwrap_or(0));
    }
    0
}
