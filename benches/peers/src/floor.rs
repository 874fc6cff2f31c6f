//! What the memory alone takes: reading every byte that a call reads or writes, and reading what it reads while writing
//! as much as it writes.

use crate::{Peer, Task};
use rayon::prelude::*;
use std::hint::black_box;

/// Long enough that a thread's turn is not felt, short enough that all threads get some.
const CHUNK: usize = 1 << 16;

struct Read {
    arrays: Vec<Vec<u32>>,
}

struct Copy {
    inputs: Vec<Vec<u32>>,
    output: Vec<u32>,
}

/// The arrays that the call reads, in bits.
fn inputs(task: &Task<'_>) -> Vec<Vec<u32>> {
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect();
    // A row's label is next to nothing beside its logits.
    [task.input, task.target]
        .into_iter()
        .filter(|values| !values.is_empty())
        .map(bits)
        .collect()
}

fn writes(task: &Task<'_>) -> bool {
    task.backward || !task.function.is_loss()
}

pub(crate) fn read(task: &Task<'_>) -> Option<Box<dyn Peer>> {
    let mut arrays = inputs(task);
    if writes(task) {
        arrays.push(vec![1; task.input.len()]);
    }
    Some(Box::new(Read { arrays }))
}

pub(crate) fn copy(task: &Task<'_>) -> Option<Box<dyn Peer>> {
    writes(task).then(|| {
        Box::new(Copy {
            inputs: inputs(task),
            output: vec![1; task.input.len()],
        }) as Box<dyn Peer>
    })
}

/// The sum of all words, in as many vectors as it takes to keep the loads going.
#[inline(always)]
fn sum_plain(values: &[u32]) -> u32 {
    let mut sums = [0_u32; 64];
    let mut chunks = values.chunks_exact(64);
    for chunk in &mut chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(value);
        }
    }
    let rest = chunks.remainder().iter();
    sums.iter()
        .chain(rest)
        .fold(0, |sum, &value| sum.wrapping_add(value))
}

#[inline(always)]
fn combine_plain(a: &[u32], b: &[u32], out: &mut [u32]) {
    for ((&a, &b), out) in a.iter().zip(b).zip(out) {
        *out = a.wrapping_add(b);
    }
}

/// A copy that adds a number on the way, so that it is a loop and no call of `memcpy`, which some CPUs slow down
/// twentyfold where the two addresses are unlucky.
#[inline(always)]
fn shift_plain(a: &[u32], by: u32, out: &mut [u32]) {
    for (&a, out) in a.iter().zip(out) {
        *out = a.wrapping_add(by);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn shift_avx2(a: &[u32], by: u32, out: &mut [u32]) {
    shift_plain(a, by, out);
}

fn shift(a: &[u32], out: &mut [u32]) {
    let by = black_box(1);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the CPU has it.
        return unsafe { shift_avx2(a, by, out) };
    }
    shift_plain(a, by, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_avx2(values: &[u32]) -> u32 {
    sum_plain(values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn combine_avx2(a: &[u32], b: &[u32], out: &mut [u32]) {
    combine_plain(a, b, out);
}

fn sum(values: &[u32]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the CPU has it.
        return unsafe { sum_avx2(values) };
    }
    sum_plain(values)
}

fn combine(a: &[u32], b: &[u32], out: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the CPU has it.
        return unsafe { combine_avx2(a, b, out) };
    }
    combine_plain(a, b, out);
}

fn alone() -> bool {
    rayon::current_num_threads() == 1
}

impl Peer for Read {
    fn run(&mut self) {
        let total: u32 = if alone() {
            self.arrays
                .iter()
                .map(|array| sum(array))
                .fold(0, u32::wrapping_add)
        } else {
            let chunks = self
                .arrays
                .par_iter()
                .flat_map(|array| array.par_chunks(CHUNK));
            chunks.map(sum).reduce(|| 0, u32::wrapping_add)
        };
        black_box(total);
    }

    fn read(&self) -> (f32, Vec<f32>) {
        (0.0, Vec::new())
    }
}

impl Peer for Copy {
    fn run(&mut self) {
        let output = &mut self.output[..];
        match (&self.inputs[..], alone()) {
            ([a], true) => shift(a, output),
            ([a], false) => output
                .par_chunks_mut(CHUNK)
                .zip(a.par_chunks(CHUNK))
                .for_each(|(out, a)| shift(a, out)),
            ([a, b], true) => combine(a, b, output),
            ([a, b], false) => output
                .par_chunks_mut(CHUNK)
                .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
                .for_each(|(out, (a, b))| combine(a, b, out)),
            _ => unreachable!("a call has one input or two"),
        }
        black_box(&mut self.output);
    }

    fn read(&self) -> (f32, Vec<f32>) {
        (0.0, Vec::new())
    }
}
