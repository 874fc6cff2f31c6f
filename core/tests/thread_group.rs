//! A group of threads, as on a GPU, finds what one thread finds, to the bit.

#[path = "common/random.rs"]
mod random;

use std::cell::Cell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use random::Random;
use trueloss::device::{
    self, Alone, Compensated, Indices, Output, RowLosses, RowOutputs, Sum, ThreadGroup,
};
use trueloss::{
    BLOCK, Classes, CrossEntropy, Element, Error, FocalWithLogits, Huber, Mse, Partial, Reduction,
    Softmax,
};

const THREADS: usize = 32;

/// What the threads of a group give each other.
struct Board {
    places: [AtomicU64; THREADS],
    barrier: Barrier,
}

#[derive(Clone, Copy)]
struct Member<'a> {
    board: &'a Board,
    rank: usize,
}

impl ThreadGroup for Member<'_> {
    const THREADS: usize = THREADS;

    fn rank(self) -> usize {
        self.rank
    }

    fn shuffle(self, bits: u64, rank: usize) -> u64 {
        self.board.places[self.rank].store(bits, Ordering::SeqCst);
        self.board.barrier.wait();
        let found = self.board.places[rank].load(Ordering::SeqCst);
        self.board.barrier.wait();
        found
    }
}

/// A thread that panics ends the tests: the others of its group would wait for it for ever.
fn or_exit<R>(work: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or(panic.downcast_ref::<&str>().copied());
        // Not by a macro, whose output is kept until a test has ended.
        let _ = writeln!(
            io::stderr(),
            "a thread of a group has panicked: {}",
            said.unwrap_or_default()
        );
        exit(101)
    })
}

/// What each thread of a group comes to.
fn in_a_team<R: Send>(work: impl Fn(Member<'_>) -> R + Sync) -> Vec<R> {
    let board = Board {
        places: std::array::from_fn(|_| AtomicU64::new(0)),
        barrier: Barrier::new(THREADS),
    };
    std::thread::scope(|scope| {
        let (work, board) = (&work, &board);
        let threads: Vec<_> = (0..THREADS)
            .map(|rank| scope.spawn(move || or_exit(|| work(Member { board, rank }))))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Places that all threads of a group write to.
struct Places<'a>(&'a [AtomicU64]);

impl<T: Element> Output<T> for Places<'_> {
    fn write(&mut self, first: usize, stride: usize, values: &[f64]) {
        for (k, &value) in values.iter().enumerate() {
            let bits = T::narrow(value).widen().to_bits();
            self.0[first + k * stride].store(bits, Ordering::SeqCst);
        }
    }
}

#[test]
fn what_one_has_found_all_know() {
    let (none, all) = (vec![false; THREADS], vec![true; THREADS]);
    let any = |found: &[bool]| in_a_team(|group| group.any(found[group.rank]));
    assert_eq!(any(&none), none);
    assert_eq!(any(&all), all);
    for first in 0..THREADS {
        // One alone; and two, whose findings meet at some step.
        for second in [first, (first + 1) % THREADS, first ^ 16] {
            let mut found = none.clone();
            (found[first], found[second]) = (true, true);
            assert_eq!(any(&found), all, "{first} and {second}");
        }
    }
}

/// A NaN anywhere and two of them; which of equals is the first, among those of one thread and of several.
#[test]
fn rows_without_a_single_largest_logit() {
    const NAN: f32 = f32::NAN;
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for classes in [1, 2, 33, 70, 100] {
        let ascending: Vec<f32> = (0..classes).map(|j| j as f32).collect();
        let largest = classes as f32;
        for (a, b) in [
            (0, 0),
            (0, 1),
            (3, 4),
            (3, 35),
            (4, 35),
            (5, 69),
            (40, 33),
            (32, 64),
        ] {
            if a.max(b) < classes {
                for special in [NAN, largest] {
                    let mut row = ascending.clone();
                    (row[a], row[b]) = (special, special);
                    rows.push(row);
                }
            }
        }
        rows.push(vec![f32::NEG_INFINITY; classes]);
    }
    for row in rows {
        let input = Classes::new(&row, [1, row.len()]).unwrap();
        for label in 0..row.len() as i64 {
            let labels = [label];
            let labels = Indices::I64(&labels);
            let expected = device::is_row_right(Alone, input, labels, 0);
            // Few labels are worth a group: those that are right, and some that are not.
            if expected || label % 16 == 3 || row[label as usize] == row.len() as f32 {
                let right = in_a_team(|group| device::is_row_right(group, input, labels, 0));
                assert_eq!(right, [expected; THREADS], "{label} of {row:?}");
            }
        }
    }
}

/// The bits of each output, and of what the first thread returns: of a group, and of a thread that works alone.
fn outputs(classes: usize, work: impl FnOnce(&[AtomicU64]) -> f64) -> (u64, Vec<u64>) {
    let places: Vec<AtomicU64> = (0..classes).map(|_| AtomicU64::new(!0)).collect();
    let returned = work(&places);
    let places = places.into_iter().map(AtomicU64::into_inner);
    (returned.to_bits(), places.collect())
}

fn compare_losses<T: Element>(classes: usize, loss: &(impl RowLosses<T> + Sync), what: &str) {
    let group = outputs(classes, |places| {
        in_a_team(|group| loss.row(group, 0, true, Some(0.7), &mut Places(places)))[0]
    });
    let one = outputs(classes, |places| {
        loss.row(Alone, 0, true, Some(0.7), &mut Places(places))
    });
    assert_eq!(group, one, "{what}, {classes} classes");
}

fn compare_outputs<T: Element>(classes: usize, map: &(impl RowOutputs<T> + Sync), what: &str) {
    let group = outputs(classes, |places| {
        in_a_team(|group| map.row(group, 0, &mut Places(places)));
        0.0
    });
    let one = outputs(classes, |places| {
        map.row(Alone, 0, &mut Places(places));
        0.0
    });
    assert_eq!(group, one, "{what}, {classes} classes");
}

/// Also where the largest logit belongs to any of the threads, where factors are negative, which one thread may see alone,
/// and where gradients cancel in every class.
fn rows_of<T: Element>() {
    let mut random = Random::new(31);
    for classes in [1, 2, 5, 33, 70, 600] {
        let mut x: Vec<T> = random.elements(classes, |r| r.within(5.0));
        x[(7 * classes / 8).min(classes - 1)] = T::narrow(6.0);
        let input = Classes::new(&x, [1, classes]).unwrap();
        let mut p = vec![T::zero(); classes];
        Softmax::new().forward(input, &mut p).unwrap();
        let q: Vec<T> = random.elements(classes, |r| r.unit());
        let plus = vec![T::one(); classes];
        let minus: Vec<T> = plus.iter().map(|&w| T::zero() - w).collect();
        let mut one_minus = plus.clone();
        one_minus[classes / 2] = minus[0];
        let label = [(classes / 3) as i64];
        let labels = Indices::I64(&label);
        for weight in [&plus, &minus, &one_minus] {
            let loss = CrossEntropy::new().weight(weight);
            for (target, what) in [(&p, "softmax as target"), (&q, "probabilities")] {
                let loss = device::cross_entropy_probabilities(&loss, input, target);
                compare_losses(classes, &loss, what);
            }
            compare_losses(
                classes,
                &device::cross_entropy(&loss, input, labels),
                "label",
            );
            let smoothed = loss.label_smoothing(0.1);
            let loss = device::cross_entropy(&smoothed, input, labels);
            compare_losses(classes, &loss, "smoothed label");
        }
        for grad_output in [None, Some(&q[..])] {
            compare_outputs(classes, &device::softmax(input, grad_output), "softmax");
            compare_outputs(
                classes,
                &device::log_softmax(input, grad_output),
                "log_softmax",
            );
        }
    }
}

#[test]
fn rows_of_f32() {
    rows_of::<f32>();
}

#[test]
fn rows_of_f64() {
    rows_of::<f64>();
}

#[test]
fn sums_of_blocks() {
    let mut random = Random::new(32);
    let terms: Vec<f64> = random.elements(BLOCK, |r| r.of_any_magnitude(30));
    for len in [0, 1, 31, 32, 33, 512, 513, 4000, BLOCK] {
        let alone: f64 = device::block(Alone, len, |i| terms[i]);
        let group = in_a_team(|group| device::block::<f64, _>(group, len, |i| terms[i]));
        assert_eq!(group[0].to_bits(), alone.to_bits(), "{len}");
    }
}

/// Indices below the length, each once and in order, with what was read for it.
#[test]
fn nothing_past_the_end_is_worked_on() {
    for len in 0..40 {
        let next = Cell::new(0);
        let work = |index, read| {
            assert_eq!((index, read), (next.get(), 3 * index));
            next.set(index + 1);
        };
        device::each_ahead::<4, _, _>(Alone, len, |index| 3 * index, work);
        assert_eq!(next.get(), len);
    }
}

/// A partial's blocks are asked for by their number in it.
#[test]
fn partials_of_a_device() -> Result<(), Error> {
    for (start, len) in [(0, 10), (0, 3 * BLOCK + 5), (2 * BLOCK, 5 * BLOCK + 1)] {
        let end = start + len;
        // The input of block b is b + 1 throughout, and the target 0.
        let value = |i: usize| (i / BLOCK + 1) as f32;
        let input: Vec<f32> = (start..end).map(value).collect();
        let expected = Mse::new().partial(&input, &vec![0.0; len], start)?;
        let partial = device::partial::<f32>(start, len, |block| {
            let terms = BLOCK.min(len - block * BLOCK) as f64;
            let value = value(start + block * BLOCK);
            let weights = Compensated::default().add(terms);
            (terms * f64::from(value * value), weights)
        })?;
        assert_eq!((partial.start(), partial.end()), (start, end));
        // With what comes before, if anything does.
        let whole = |partial: Partial<f32>| {
            if start == 0 {
                return partial.finish(Reduction::Mean);
            }
            let before = vec![0.0; start];
            let mut whole = Mse::new().partial(&before, &before, 0)?;
            whole.merge(&partial)?;
            whole.finish(Reduction::Mean)
        };
        assert_eq!(whole(partial)?, whole(expected)?);
    }
    Ok(())
}

#[test]
fn options_are_checked() {
    assert_eq!(device::check_options::<f32, Mse>([0.0; 2]), Ok(()));
    assert_eq!(device::check_options::<f32, Huber>([1.0, 0.0]), Ok(()));
    for delta in [0.0, -1.0, f64::NAN] {
        let huber = Huber::new().delta(delta).forward(&[0.0_f32], &[0.0]);
        assert!(huber.is_err());
        let checked = device::check_options::<f32, Huber>([delta, 0.0]);
        assert_eq!(checked.err(), huber.err(), "{delta}");
    }
    assert!(device::check_options::<f64, FocalWithLogits>([0.25, -1.0]).is_err());
}
