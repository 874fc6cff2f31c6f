//! No kernel allocates: with threads, rayon does.
#![cfg(not(feature = "parallel"))]

#[allow(dead_code)]
#[path = "common/kernels.rs"]
mod kernels;
#[path = "common/random.rs"]
mod random;

use kernels::{Elements, Logits, Rows};
use random::Random;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use trueloss::{Classes, Element, Reduction, accuracy, binary_accuracy};

/// The system's allocator, which counts the calls of each thread: the test harness has threads of its own.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has nothing to count with, and runs no test.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed on as it is to the system's allocator, which keeps the contract. Counting neither
// allocates nor panics: the counter is a constant without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller keeps `dealloc`'s contract, and every pointer came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` calls the allocator.
fn calls(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

#[test]
fn no_kernel_allocates() {
    // Else nothing is shown below.
    assert_eq!(calls(|| drop(std::hint::black_box(vec![1_u8; 10]))), 2);
    // The CPU's features are looked up once.
    trueloss::dispatch::width();
    try_all::<f32>();
    try_all::<f64>();
}

fn try_all<T: Element>() {
    let mut random = Random::new(3);
    // Fast paths and what they leave to the reference formulas.
    for logits in Logits::ALL {
        let len = 10_000;
        let x: Vec<T> = random.elements(len, |r| logits.next(r));
        let p: Vec<T> = random.elements(len, kernels::probability);
        let one = [T::one()];
        let mut out = vec![T::zero(); len];
        for weight in [&one[..], &x[..0], &p] {
            // An empty slice is a weight that does not fit: errors do not allocate either.
            let input = Elements {
                x: &x,
                p: &p,
                y: &p,
                hard: &kernels::hard(&p),
                g: &x,
                weight,
                pos_weight: &one,
                grad_output: T::one(),
                beta: 1.0,
                reduction: Reduction::Mean,
            };
            for (name, kernel) in kernels::of_elements() {
                let calls = calls(|| _ = kernel(&input, &mut out));
                assert_eq!(calls, 0, "{name}");
            }
        }
        assert_eq!(calls(|| _ = binary_accuracy(&x, &p)), 0);
        for shape in [[1000, 10, 1], [2, 5000, 1], [100, 100, 1], [10, 10, 100]] {
            let labels = vec![1_i64; shape[0] * shape[2]];
            for smoothing in [0.0, 0.1] {
                let input = Rows {
                    input: Classes::new(&x, shape).unwrap(),
                    labels: &labels,
                    q: &p,
                    g: &x[..labels.len()],
                    g_each: &x,
                    weight: Some(&p[..shape[1]]),
                    grad_output: T::one(),
                    smoothing,
                    reduction: Reduction::Mean,
                };
                for (name, kernel) in kernels::of_rows() {
                    let calls = calls(|| _ = kernel(&input, &mut out));
                    assert_eq!(calls, 0, "{name}, {shape:?}");
                }
                assert_eq!(calls(|| _ = accuracy::<T, _>(input.input, &labels)), 0);
            }
        }
    }
}
