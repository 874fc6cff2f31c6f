//! The inputs of a formula, a group of lanes at a time. Weights that are shorter than the output are repeated.

use crate::number::format::Format;
use crate::number::lanes::GROUP;

/// The inputs of part of a call: each has the part's elements, or a period that is repeated.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a, T, const IN: usize> {
    pub(crate) values: [&'a [T]; IN],
    repeats: [bool; IN],
    /// Where the part begins in what is repeated.
    phase: [usize; IN],
}

impl<'a, T: Format, const IN: usize> Inputs<'a, T, IN> {
    /// Elements `start..start + len` of inputs of a call of `whole` elements.
    #[inline(always)]
    pub(crate) fn part(inputs: [&'a [T]; IN], whole: usize, start: usize, len: usize) -> Self {
        let mut part = Self::all(inputs);
        for k in 0..IN {
            if inputs[k].len() == whole {
                part.values[k] = inputs[k].get(start..start + len).unwrap_or(&[]);
            } else {
                part.repeats[k] = true;
                part.phase[k] = start.checked_rem(inputs[k].len()).unwrap_or(0);
            }
        }
        part
    }

    /// Inputs that all have the part's elements.
    #[inline(always)]
    pub(crate) fn all(values: [&'a [T]; IN]) -> Self {
        Self {
            values,
            repeats: [false; IN],
            phase: [0; IN],
        }
    }

    /// Input `k` of one element.
    #[inline(always)]
    pub(crate) fn at(&self, k: usize, index: usize) -> T {
        let values = self.values[k];
        let index = if self.repeats[k] {
            (self.phase[k] + index)
                .checked_rem(values.len())
                .unwrap_or(0)
        } else {
            index
        };
        values.get(index).copied().unwrap_or(T::zero())
    }
}

/// Slices that have a group of each input, one group after the other.
pub(crate) struct InputGroups<'a, T, const IN: usize> {
    inputs: Inputs<'a, T, IN>,
    /// A period of up to a group, repeated so that a group may begin anywhere in it; or a group in which the end of a
    /// longer period meets its beginning.
    copies: [[T; 2 * GROUP]; IN],
    /// Where the next group begins.
    next: [usize; IN],
    /// What is added to that, but for whole periods.
    step: [usize; IN],
}

impl<'a, T: Format, const IN: usize> InputGroups<'a, T, IN> {
    #[inline(always)]
    pub(crate) fn new(inputs: Inputs<'a, T, IN>) -> Self {
        Self {
            inputs,
            copies: [[T::zero(); 2 * GROUP]; IN],
            next: inputs.phase,
            step: [GROUP; IN],
        }
    }

    /// Repeats short periods.
    #[inline(always)]
    pub(crate) fn repeat(&mut self) {
        for k in 0..IN {
            let values = self.inputs.values[k];
            if self.inputs.repeats[k] && (1..=GROUP).contains(&values.len()) {
                self.step[k] = GROUP % values.len();
                let mut from = values.iter().cycle();
                for copy in &mut self.copies[k] {
                    if let Some(&x) = from.next() {
                        *copy = x;
                    }
                }
            }
        }
    }

    /// The next group: slices, and where in them it begins.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> ([&[T]; IN], [usize; IN]) {
        let mut copied = [false; IN];
        let mut at = self.next;
        for k in 0..IN {
            let values = self.inputs.values[k];
            let period = values.len();
            if self.inputs.repeats[k] {
                copied[k] = period <= GROUP;
                if !copied[k] && at[k] + GROUP > period {
                    copied[k] = true;
                    let mut from = values.iter().skip(at[k]).chain(values);
                    for copy in self.copies[k].iter_mut().take(GROUP) {
                        if let Some(&x) = from.next() {
                            *copy = x;
                        }
                    }
                    at[k] = 0;
                }
                self.next[k] += self.step[k];
                if self.next[k] >= period {
                    self.next[k] -= period;
                }
            } else {
                self.next[k] += GROUP;
            }
        }
        let mut slices: [&[T]; IN] = self.inputs.values;
        for k in 0..IN {
            if copied[k] {
                slices[k] = &self.copies[k];
            }
        }
        (slices, at)
    }
}
