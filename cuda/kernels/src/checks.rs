//! What must hold of numbers in the memory of the device. A kernel that finds a fault reports the first one, and those
//! that come after it write nothing.

use crate::machine::{Machine, THREADS};
use crate::memory::{Labels, Places, Slice};
use trueloss::Element;
use trueloss::device::{illegal_label, is_no_sign, is_soft, not_finite, outside_unit_interval};

/// How many numbers a report has: the fault, if there is one, and the illegal label, if that is the fault.
pub const REPORT: usize = 2;

const FAULT: usize = 0;

/// Where in a report the label lies.
pub const LABEL: usize = 1;

/// A report in which there is none.
pub const NO_FAULT: u64 = 0;

/// How many bits the index of a fault has.
const INDEX_BITS: u32 = 56;

const INDEX: u64 = (1 << INDEX_BITS) - 1;

/// A fault as a number: of two, that of the earlier check is the larger one, and of two of a check that with the smaller
/// index.
pub const fn fault(check: u64, index: usize) -> u64 {
    !(check << INDEX_BITS | index as u64 & INDEX)
}

/// What a report says: the number of the check, the index, and the label, which means something if the check was one
/// of labels.
pub fn read_report(report: [u64; REPORT]) -> Option<(usize, usize, i64)> {
    let fault = !report[FAULT];
    (report[FAULT] != NO_FAULT).then(|| {
        let (check, index) = (fault >> INDEX_BITS, fault & INDEX);
        (check as usize, index as usize, report[LABEL] as i64)
    })
}

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CheckArgs<T> {
    /// The numbers.
    pub values: Slice<T>,
    /// Or the labels, with the one that is ignored where `ignores`, and how many classes there are.
    pub labels: Labels,
    /// See `labels`.
    pub ignore_index: i64,
    /// See `labels`.
    pub ignores: u64,
    /// See `labels`.
    pub classes: u64,
    /// The number of the check: those made first have the smaller ones.
    pub check: u64,
    /// The report.
    pub report: Places<u64>,
}

/// Looks at each element in turn.
#[inline(always)]
fn check<M: Machine, T>(
    machine: M,
    args: &CheckArgs<T>,
    len: usize,
    at_fault: impl Fn(usize) -> bool,
) {
    let mut index = machine.block() * THREADS + machine.thread();
    while index < len {
        if at_fault(index) {
            // SAFETY: during a call, its report is written to by its checks alone.
            unsafe { machine.maximum(args.report.address(), fault(args.check, index)) };
            return;
        }
        index += machine.blocks() * THREADS;
    }
}

/// All numbers are such as `is_wrong` does not say.
#[inline(always)]
fn numbers<M: Machine, T: Element>(machine: M, args: &CheckArgs<T>, is_wrong: impl Fn(T) -> bool) {
    // SAFETY: that of a launch, see `list`.
    let values = unsafe { args.values.read() };
    check(machine, args, values.len(), |index| {
        values.get(index).is_some_and(|&value| is_wrong(value))
    });
}

/// All numbers lie in [0, 1].
#[inline(always)]
pub(crate) fn unit_interval<M: Machine, T: Element>(machine: M, args: &CheckArgs<T>) {
    numbers(machine, args, outside_unit_interval);
}

/// All numbers are 0 or 1.
#[inline(always)]
pub(crate) fn hard_labels<M: Machine, T: Element>(machine: M, args: &CheckArgs<T>) {
    numbers(machine, args, is_soft);
}

/// All numbers are -1 or 1.
#[inline(always)]
pub(crate) fn signs<M: Machine, T: Element>(machine: M, args: &CheckArgs<T>) {
    numbers(machine, args, is_no_sign);
}

/// All numbers are finite.
#[inline(always)]
pub(crate) fn finite<M: Machine, T: Element>(machine: M, args: &CheckArgs<T>) {
    numbers(machine, args, not_finite);
}

/// All labels are classes, or ignored.
#[inline(always)]
pub(crate) fn labels<M: Machine>(machine: M, args: &CheckArgs<u8>) {
    // SAFETY: that of a launch, see `list`.
    let labels = unsafe { args.labels.read() };
    let ignored = (args.ignores != 0).then_some(args.ignore_index);
    check(machine, args, args.labels.len(), |index| {
        illegal_label(labels, ignored, args.classes as usize, index).is_some()
    });
}

/// Whether a fault was found before; the label that it is about goes into the report.
#[inline(always)]
pub(crate) fn found<M: Machine>(machine: M, report: Places<u64>, labels: Labels) -> bool {
    // SAFETY: the checks came before.
    let fault = unsafe { report.get(FAULT) };
    let Some((_, row, _)) = fault.and_then(|fault| read_report([fault, 0])) else {
        return false;
    };
    if machine.block() == 0 && machine.thread() == 0 && !labels.is_empty() {
        // SAFETY: that of a launch, see `list`. Only this thread writes here.
        unsafe {
            let label = illegal_label(labels.read(), None, 0, row);
            report.put(LABEL, label.unwrap_or(0) as u64);
        }
    }
    true
}
