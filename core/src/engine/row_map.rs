//! Functions with an output for each class of a row.

use crate::engine::dispatch;
use crate::engine::dispatch::Kernel;
use crate::engine::row_groups::{RowGroups, each_group};
use crate::engine::row_loss::spread;
use crate::engine::transposed_rows::TransposedRows;
use crate::machine::{CHUNK, INTEGER, LANES};
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::rows::exponentials::{ExpCache, others};
use crate::rows::max;
use crate::rows::row::{Row, SoftmaxParts};
use crate::rows::shape::{Classes, Layout, Output};
use crate::sum::thread_group::{Alone, ThreadGroup};

/// An output for each class of each row.
pub(crate) trait RowMap<T: Format>: Sync {
    /// The outputs of a row's classes from `start` on, before they are rounded.
    fn reference(&self, row: &Row<'_, T>, parts: &SoftmaxParts, start: usize, out: &mut [f64]);

    /// The gradient of a row, times its classes' `grad_output`, to its places in `grad_input`.
    fn gradient<M: ThreadGroup>(
        &self,
        group: M,
        row: &Row<'_, T>,
        grad_output: &[T],
        places: Layout,
        grad_input: &mut (impl Output<T> + ?Sized),
    );

    /// Whether the fast path needs S to its own last digits, not to those of 1 + S.
    const OF_OTHERS: bool;

    /// A row by the fast path, from its parts and perhaps the exponentials that [`others`] has left; what is
    /// not certain by `reference`.
    fn fast_row<A: Arithmetic, const N: usize>(
        &self,
        row: &[T],
        parts: &SoftmaxParts,
        cache: &[f64],
        output: &mut [T],
        reference: &mut impl FnMut(usize, &mut [T]),
    );

    /// Rows of few classes by the fast path, and which of them are certain.
    fn fast_transposed(&self, rows: &mut TransposedRows<T>) -> [bool; LANES];
}

/// The outputs of all rows.
fn write_outputs<T: Format>(map: &impl RowMap<T>, input: Classes<'_, T>, output: &mut [T]) {
    over_rows(map, input, output, |rows| {
        if input.has_fast() && !INTEGER {
            dispatch::run_fast::<T, _>(FastMappedRows(rows));
        } else {
            dispatch::run(rows);
        }
    });
}

/// The gradients of all rows. Apart, so that a program which asks for one of the two is linked with that one alone.
fn write_gradients<T: Format>(
    map: &impl RowMap<T>,
    input: Classes<'_, T>,
    grad_output: &[T],
    grad_input: &mut [T],
) {
    over_rows(map, input, grad_input, |rows| {
        dispatch::run(MappedGradients { rows, grad_output });
    });
}

/// Does `work` on all rows, in runs of them.
#[inline(always)]
fn over_rows<'a, T: Format, M: RowMap<T>>(
    map: &'a M,
    input: Classes<'a, T>,
    output: &mut [T],
    work: impl Fn(MappedRows<'_, T, M>) + Sync,
) {
    let run = |start, len, output: &mut [T], _: &mut [()]| {
        work(MappedRows {
            map,
            input,
            start,
            len,
            output,
        });
    };
    let separate = input.extent.stride == 1;
    spread(
        &input,
        input.rows(),
        separate,
        output,
        &mut [],
        run,
        |(), ()| (),
    );
}

/// A run of rows, by the reference formula.
struct MappedRows<'a, T, M> {
    map: &'a M,
    input: Classes<'a, T>,
    start: usize,
    len: usize,
    output: &'a mut [T],
}

impl<T: Format, M: RowMap<T>> MappedRows<'_, T, M> {
    #[inline(always)]
    fn reference_row(&mut self, row: usize) {
        let layout = self.input.layout_from(self.start, row);
        let row = self.input.row(row);
        let parts = row.softmax_parts(Alone);
        layout.write_all(Alone, self.output, |start, out| {
            self.map.reference(&row, &parts, start, out);
        });
    }
}

impl<T: Format, M: RowMap<T>> Kernel for MappedRows<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(mut self) {
        for row in self.start..self.start + self.len {
            self.reference_row(row);
        }
    }
}

/// The gradients of a run of rows.
struct MappedGradients<'a, T, M> {
    rows: MappedRows<'a, T, M>,
    grad_output: &'a [T],
}

impl<T: Format, M: RowMap<T>> Kernel for MappedGradients<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        let rows = self.rows;
        for row in rows.start..rows.start + rows.len {
            let places = rows.input.layout_from(rows.start, row);
            let row = rows.input.row(row);
            rows.map
                .gradient(Alone, &row, self.grad_output, places, rows.output);
        }
    }
}

/// A run of rows, by the fast path.
struct FastMappedRows<'a, T, M>(MappedRows<'a, T, M>);

impl<T: Format, M: RowMap<T>> Kernel for FastMappedRows<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        let (classes, len) = (self.0.input.extent.classes, self.0.len);
        each_group::<A, T>(classes, len, !M::OF_OTHERS, self);
    }
}

impl<A: Arithmetic, T: Format, M: RowMap<T>> RowGroups<A, T> for FastMappedRows<'_, T, M> {
    #[inline(always)]
    fn side_by_side(&mut self, rows: &mut TransposedRows<T>, first: usize, len: usize) {
        let MappedRows {
            map, input, start, ..
        } = self.0;
        let classes = input.extent.classes;
        let logits = input.contiguous(start + first, len).unwrap_or(&[]);
        rows.read::<A, false>(logits);
        let certain = map.fast_transposed(rows);
        for lane in 0..len.min(LANES) {
            let row = first + lane;
            if certain[lane] {
                let output = self.0.output.get_mut(row * classes..(row + 1) * classes);
                rows.write(lane, output.unwrap_or(&mut []));
            } else {
                self.0.reference_row(start + row);
            }
        }
    }

    #[inline(always)]
    fn in_turn<const N: usize>(&mut self, cache: &mut Option<ExpCache>, first: usize, len: usize) {
        let MappedRows {
            map, input, start, ..
        } = self.0;
        let classes = input.extent.classes;
        for row in first..first + len {
            let output = self.0.output.get_mut(row * classes..(row + 1) * classes);
            let logits = input.contiguous(start + row, 1).unwrap_or(&[]);
            let cache = match cache {
                Some(cache) => cache.of(classes),
                None => &mut [],
            };
            let max = max::max(logits);
            let (argmax, largest) = if M::OF_OTHERS {
                let argmax = max::position(logits, max);
                (argmax, Some(argmax))
            } else {
                (0, None)
            };
            let others = others::<A, T, false, N>(logits, max, largest, cache);
            let nearly = SoftmaxParts {
                max,
                argmax,
                others,
                others_lo: 0.0,
            };
            let row = input.row(start + row);
            let mut parts = None;
            map.fast_row::<A, N>(
                logits,
                &nearly,
                cache,
                output.unwrap_or(&mut []),
                &mut |start, output| {
                    let parts = parts.get_or_insert_with(|| row.softmax_parts(Alone));
                    write_chunk(output, |out| map.reference(&row, parts, start, out));
                },
            );
        }
    }
}

/// Rounds and writes a chunk of at most [`CHUNK`] outputs.
pub(crate) fn write_chunk<T: Format>(output: &mut [T], fill: impl FnOnce(&mut [f64])) {
    let mut buffer = [0.0; CHUNK];
    let (values, _) = buffer.split_at_mut(output.len().min(CHUNK));
    fill(values);
    for (out, value) in output.iter_mut().zip(values) {
        *out = T::encode(*value);
    }
}

/// A call of a function of rows, likewise.
pub(crate) struct RowMapCall<'a, T, M> {
    map: M,
    input: Classes<'a, T>,
}

impl<'a, T: Format, M: RowMap<T>> RowMapCall<'a, T, M> {
    pub(crate) fn new(map: M, input: Classes<'a, T>) -> Self {
        Self { map, input }
    }

    pub(crate) fn forward(&self, output: &mut [T]) {
        write_outputs(&self.map, self.input, output);
    }

    pub(crate) fn backward(&self, grad_output: &[T], grad_input: &mut [T]) {
        write_gradients(&self.map, self.input, grad_output, grad_input);
    }
}
