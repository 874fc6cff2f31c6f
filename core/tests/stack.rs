//! How much stack the kernels need without `std`: at most 8 KiB on machines without vectors, those with little memory
//! among them, which `--cfg trueloss_scalar` makes of this one.
//!
//! Each kernel runs on a stack of the test's own, a buffer on the heap that is filled with a pattern first. The lowest
//! place that has changed says how deep the calls went. Nothing that belongs to the thread's stack is read, so all
//! of it is within what the language defines, but for the few instructions that move to the buffer and back.
//!
//! Machines differ in how many registers they save: on a 32-bit Arm the frames are smaller, their arrays the same.
#![cfg(all(not(feature = "std"), target_arch = "x86_64"))]

#[allow(dead_code)]
#[path = "common/kernels.rs"]
mod kernels;
#[path = "common/random.rs"]
mod random;

use kernels::{Elements, Logits, Rows, Table};
use random::Random;
use std::arch::asm;
use std::ffi::c_void;
use trueloss::{Classes, Element, Error, Partial, Reduction, accuracy, binary_accuracy};

/// What every kernel keeps to.
const LIMIT: usize = if cfg!(trueloss_scalar) {
    8 * 1024
} else {
    40 * 1024
};

/// What a partial takes on this machine for levels of the tree that one of 32 bits does not have: there they are 20, not
/// 52, and a partial lies on the stack twice, where it is made and where it is returned to. Machines of 64 bits have
/// room for it.
fn beyond_32_bits<T: Element>() -> usize {
    2 * size_of::<Partial<T>>() * 32 / 52
}

/// Far more than any should.
const STACK: usize = 256 * 1024;

/// What lies where nothing has been written.
const PATTERN: u8 = 0xa5;

/// How many bytes of stack `work` used, with the frame that calls it.
fn depth(work: &mut dyn FnMut()) -> usize {
    let mut stack = vec![PATTERN; STACK];
    let mut work: &mut dyn FnMut() = work;
    // A panic must not leave this function: `extern "C"` aborts.
    extern "C" fn call(work: *mut c_void) {
        // SAFETY: `depth` passes a pointer to its `work`, which nothing else uses meanwhile.
        let work = unsafe { &mut *work.cast::<&mut dyn FnMut()>() };
        work();
    }
    let call: extern "C" fn(*mut c_void) = call;
    let top = stack.as_mut_ptr_range().end as usize & !15;
    // SAFETY: the stack pointer is moved to the aligned end of a buffer that nothing else uses, large enough
    // for every kernel, and moved back: the ABI has r12 kept by the function called, and all that it may
    // change is declared. The thread's own stack is not touched in between.
    unsafe {
        asm!(
            "xchg rsp, r12",
            "call {call}",
            "mov rsp, r12",
            call = in(reg) call,
            inout("r12") top => _,
            in("rdi") (&raw mut work).cast::<c_void>(),
            clobber_abi("C"),
        );
    }
    let untouched = stack.iter().take_while(|&&byte| byte == PATTERN).count();
    assert!(untouched > STACK / 2, "the stack may have overflowed");
    STACK - untouched
}

/// The depth of a call that does nothing is that of the two frames around it.
#[test]
fn depth_is_measured() {
    assert!(depth(&mut || ()) < 200);
    let large = depth(&mut || {
        std::hint::black_box([1_u8; 10_000]);
    });
    assert!((10_000..11_000).contains(&large), "{large}");
}

#[test]
fn no_kernel_is_beyond_the_limit() {
    let mut deepest = Vec::new();
    measure::<f32>("f32", &mut deepest);
    measure::<f64>("f64", &mut deepest);
    deepest.sort_by_key(|&(_, depth)| std::cmp::Reverse(depth));
    for (name, depth) in &deepest {
        println!("{depth:6} {name}");
    }
    deepest.retain(|&(_, depth)| depth > LIMIT);
    assert!(deepest.is_empty(), "{deepest:#?}");
}

/// The largest depth of each kernel over batches of different sizes, which take different paths.
fn measure<T: Element>(of: &str, deepest: &mut Vec<(String, usize)>) {
    let mut random = Random::new(4);
    let one = [T::one()];
    for logits in [Logits::Ordinary, Logits::Special] {
        let len = 20_000;
        let p: Vec<T> = random.elements(len, kernels::probability);
        let x: Vec<T> = random.elements(len, |r| logits.next(r));
        let mut out = vec![T::zero(); len];
        for n in [1, 100, len] {
            for weight in [&one[..], &p[..n]] {
                let input = Elements {
                    x: &x[..n],
                    p: &p[..n],
                    y: &p[..n],
                    hard: &kernels::hard(&p[..n]),
                    g: &x[..n],
                    weight,
                    pos_weight: weight,
                    grad_output: T::one(),
                    beta: 1.0,
                    reduction: Reduction::Mean,
                };
                let out = &mut out[..n];
                measure_kernels(of, &kernels::of_elements(), &input, out, deepest);
            }
        }
        let shapes = [
            [1, 3, 1],
            [2000, 10, 1],
            [4, 5000, 1],
            [10, 10, 200],
            [5000, 4, 1],
        ];
        for [outer, classes, inner] in shapes {
            let (rows, n) = (outer * inner, outer * classes * inner);
            let labels: Vec<i64> = (0..rows).map(|row| (row % classes) as i64).collect();
            for smoothing in [0.0, 0.1] {
                let input = Rows {
                    input: Classes::new(&x[..n], [outer, classes, inner]).unwrap(),
                    labels: &labels,
                    q: &p[..n],
                    g: &x[..rows],
                    g_each: &x[..n],
                    weight: Some(&p[..classes]),
                    grad_output: T::one(),
                    smoothing,
                    reduction: Reduction::Mean,
                };
                let out = &mut out[..n];
                measure_kernels(of, &kernels::of_rows(), &input, out, deepest);
                let depth = depth(&mut || _ = accuracy::<T, _>(input.input, &labels));
                keep(format!("{of} accuracy"), depth, deepest);
            }
        }
        let depth = depth(&mut || _ = binary_accuracy(&x, &p));
        keep(format!("{of} binary_accuracy"), depth, deepest);
    }
}

fn measure_kernels<I, T: Element>(
    of: &str,
    table: &Table<impl Fn(&I, &mut [T]) -> Result<T, Error>>,
    input: &I,
    out: &mut [T],
    deepest: &mut Vec<(String, usize)>,
) {
    for (name, kernel) in table {
        let mut depth = depth(&mut || {
            kernel(input, out).unwrap();
        });
        if name.ends_with("partial") {
            depth -= beyond_32_bits::<T>();
        }
        keep(format!("{of} {name}"), depth, deepest);
    }
}

fn keep(name: String, depth: usize, deepest: &mut Vec<(String, usize)>) {
    match deepest.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = depth.max(*known),
        None => deepest.push((name, depth)),
    }
}
