//! Core, watched: no call of it may call the allocator. That counts in programs which count, see [`allocations`].

use std::sync::atomic::{AtomicU64, Ordering};

use trueloss::{Element, Error};
use trueloss_digest::call::{Core, ElementCall, Labels, Library, RowCall};

use crate::allocations;

/// How often a watched library was called, by all threads.
pub(super) static CALLS: AtomicU64 = AtomicU64::new(0);

/// A library, every call of which must leave the allocator alone.
pub(super) struct Watched<L = Core>(pub(super) L);

fn watch<R>(what: &str, call: impl FnOnce() -> R) -> R {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let (calls, result) = allocations::within(call);
    assert_eq!(calls, 0, "{what} called the allocator");
    result
}

impl<T: Element, L: Library<T, Error = Error>> Library<T> for Watched<L> {
    type Error = Error;

    fn elements(&mut self, call: &ElementCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        watch(call.function.name(), || self.0.elements(call, out))
    }

    fn rows(&mut self, call: &RowCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        watch(call.function.name(), || self.0.rows(call, out))
    }

    fn binary_accuracy(&mut self, input: &[T], target: &[T]) -> Result<T, Error> {
        watch("binary_accuracy", || self.0.binary_accuracy(input, target))
    }

    fn accuracy(&mut self, data: &[T], shape: [usize; 3], labels: Labels<'_>) -> Result<T, Error> {
        watch("accuracy", || self.0.accuracy(data, shape, labels))
    }

    fn one_by_one(&mut self, call: &ElementCall<'_, T>, out: &mut [T]) -> Result<bool, Error> {
        watch(call.function.name(), || self.0.one_by_one(call, out))
    }
}
