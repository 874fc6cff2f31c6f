//! Functions with an output for each class of a row.

use crate::engine::dispatch;
use crate::engine::dispatch::Kernel;

use crate::engine::row_loss::spread;
use crate::engine::transposed_rows::{MAX_TRANSPOSED_CLASSES, MIN_TRANSPOSED_ROWS, TransposedRows};
use crate::machine::{CHUNK, INTEGER, LANES};
use crate::number::arithmetic::Arithmetic;
use crate::number::format::Format;
use crate::rows::exponentials::{ExpCache, ROW_CHUNK, others};
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

/// The outputs of all rows, or, with a `grad_output`, their gradients.
pub(crate) fn map_rows<T: Format>(
    map: &impl RowMap<T>,
    input: Classes<'_, T>,
    grad_output: Option<&[T]>,
    output: &mut [T],
) {
    let work = |start, len, output: &mut [T], _: &mut [()]| {
        let rows = MappedRows {
            map,
            input,
            start,
            len,
            output,
        };
        if let Some(grad_output) = grad_output {
            dispatch::run(MappedGradients { rows, grad_output });
        } else if input.has_fast() && !INTEGER {
            dispatch::run_fast::<T, _>(FastMappedRows(rows));
        } else {
            dispatch::run(rows);
        }
    };
    let separate = input.extent.stride == 1;
    spread(
        &input,
        input.rows(),
        separate,
        output,
        &mut [],
        work,
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

impl<T: Format, M: RowMap<T>> FastMappedRows<'_, T, M> {
    #[inline(always)]
    fn transposed<A: Arithmetic>(mut self) {
        let MappedRows {
            map,
            input,
            start,
            len,
            ..
        } = self.0;
        let classes = input.extent.classes;
        let mut rows = TransposedRows::new(classes);
        for first in (0..len).step_by(LANES) {
            let group = LANES.min(len - first);
            let logits = input.contiguous(start + first, group).unwrap_or(&[]);
            rows.read::<A, false>(logits);
            let certain = map.fast_transposed(&mut rows);
            for lane in 0..group.min(LANES) {
                let row = first + lane;
                if certain[lane] {
                    let output = self.0.output.get_mut(row * classes..(row + 1) * classes);
                    rows.write(lane, output.unwrap_or(&mut []));
                } else {
                    self.0.reference_row(start + row);
                }
            }
        }
    }

    #[inline(always)]
    fn one_by_one<A: Arithmetic, const N: usize>(self) {
        let MappedRows {
            map,
            input,
            start,
            len,
            output,
        } = self.0;
        let mut cache =
            (!M::OF_OTHERS && input.extent.classes > MAX_TRANSPOSED_CLASSES).then(ExpCache::new);
        for (row, output) in
            (start..start + len).zip(output.chunks_mut(input.extent.classes.max(1)))
        {
            let logits = input.contiguous(row, 1).unwrap_or(&[]);
            let cache = match &mut cache {
                Some(cache) => cache.of(input.extent.classes),
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
            let row = input.row(row);
            let mut parts = None;
            map.fast_row::<A, N>(logits, &nearly, cache, output, &mut |start, output| {
                let parts = parts.get_or_insert_with(|| row.softmax_parts(Alone));
                write_chunk(output, |out| map.reference(&row, parts, start, out));
            });
        }
    }
}

impl<T: Format, M: RowMap<T>> Kernel for FastMappedRows<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        if self.0.input.extent.classes <= MAX_TRANSPOSED_CLASSES
            && self.0.len >= MIN_TRANSPOSED_ROWS
        {
            self.transposed::<A>();
        } else if self.0.input.extent.classes <= MAX_TRANSPOSED_CLASSES {
            self.one_by_one::<A, LANES>();
        } else {
            self.one_by_one::<A, ROW_CHUNK>();
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
        map_rows(&self.map, self.input, None, output);
    }

    pub(crate) fn backward(&self, grad_output: &[T], grad_input: &mut [T]) {
        map_rows(&self.map, self.input, Some(grad_output), grad_input);
    }
}
