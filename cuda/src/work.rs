//! What every call does: it looks at its arguments' lengths, has the device check the numbers, and adds up sums.

use crate::classes::ClassIndex;
use crate::element::Element;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::launch::launch;
use crate::pending::{Done, Loss, Report};
use cudarc::driver::{CudaSlice, DevicePtr, DevicePtrMut, DeviceRepr, SyncOnDrop, ValidAsZeroBits};
use std::marker::PhantomData;
use trueloss::device::{self, Sum, check_length};
use trueloss::{Argument, BLOCK, Partial};
use trueloss_kernels::{
    CheckArgs, Divisor, Kernel, Labels, Places, REPORT, Slice, SumOf, THREADS, TREE_WIDTH, TreeArgs,
};

/// What a check looks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    Numbers(Numbers, Argument),
    Labels { classes: usize },
}

/// Which numbers are legal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Numbers {
    UnitInterval,
    HardLabels,
    Signs,
    Finite,
}

impl Numbers {
    /// What is wrong where one is not.
    pub(crate) fn error(self, argument: Argument, index: usize) -> trueloss::Error {
        use trueloss::Error;
        match self {
            Self::UnitInterval => Error::OutsideUnitInterval { argument, index },
            Self::HardLabels => Error::NotHardLabel { argument, index },
            Self::Signs => Error::NotSign { argument, index },
            Self::Finite => Error::NotFinite { argument, index },
        }
    }
}

/// A call that is being made: the addresses of its arguments are good, and their streams wait for it, until it is
/// dropped.
pub(crate) struct Work<'a, T> {
    gpu: &'a Gpu,
    checks: Vec<Check>,
    report: Option<CudaSlice<u64>>,
    guards: Vec<SyncOnDrop<'a>>,
    of: PhantomData<T>,
}

/// As many blocks of threads as there are elements for: a check has little to do for each.
const CHECKED_BY_A_BLOCK: usize = 16 * THREADS;

impl<'a, T: Element> Work<'a, T> {
    pub(crate) fn new(gpu: &'a Gpu) -> Self {
        Self {
            gpu,
            checks: Vec::new(),
            report: None,
            guards: Vec::new(),
            of: PhantomData,
        }
    }

    /// An argument that is read.
    pub(crate) fn read<U>(&mut self, slice: &'a dyn DevicePtr<U>) -> Result<Slice<U>, Error> {
        self.same_device(slice.stream().context())?;
        let len = slice.len();
        let (address, guard) = slice.device_ptr(self.gpu.stream());
        self.guards.push(guard);
        Ok(Slice::new(address, len))
    }

    /// An argument that may be missing.
    pub(crate) fn read_any<U>(
        &mut self,
        slice: Option<&'a dyn DevicePtr<U>>,
    ) -> Result<Slice<U>, Error> {
        slice.map_or(Ok(Slice::NONE), |slice| self.read(slice))
    }

    /// An argument that is written.
    pub(crate) fn write<U>(
        &mut self,
        slice: &'a mut dyn DevicePtrMut<U>,
    ) -> Result<Places<U>, Error> {
        self.same_device(slice.stream().context())?;
        let len = slice.len();
        let (address, guard) = slice.device_ptr_mut(self.gpu.stream());
        self.guards.push(guard);
        Ok(Places::new(address, len))
    }

    fn same_device(&self, context: &cudarc::driver::CudaContext) -> Result<(), Error> {
        if *context == **self.gpu.stream().context() {
            Ok(())
        } else {
            Err(Error::OtherDevice)
        }
    }

    /// Memory of the call's own, on its stream: it is given back in the stream's order, after the kernels that
    /// were told of it.
    pub(crate) fn scratch<U: DeviceRepr + ValidAsZeroBits>(
        &self,
        len: usize,
    ) -> Result<CudaSlice<U>, Error> {
        Ok(self.gpu.stream().alloc_zeros(len.max(1))?)
    }

    /// The address of such memory, if it does not outlive the call: that kernels write to it no other stream gets to know.
    pub(crate) fn address<U>(&self, memory: &CudaSlice<U>) -> u64 {
        let (address, _) = memory.device_ptr(self.gpu.stream());
        address
    }

    fn check(
        &mut self,
        check: Check,
        kernel: Kernel,
        args: CheckArgs<T>,
        len: usize,
    ) -> Result<(), Error> {
        if !self.gpu.checks() || len == 0 {
            return Ok(());
        }
        if self.report.is_none() {
            self.report = Some(self.scratch(REPORT)?);
        }
        let args = CheckArgs {
            check: self.checks.len() as u64,
            report: self.report(),
            ..args
        };
        self.checks.push(check);
        // SAFETY: the addresses are those of arguments and of the report, which is written to by kernels on this stream
        // alone.
        unsafe { launch(self.gpu, kernel, args, len.div_ceil(CHECKED_BY_A_BLOCK)) }
    }

    const NOTHING_TO_CHECK: CheckArgs<T> = CheckArgs {
        values: Slice::NONE,
        labels: Labels::NONE,
        ignore_index: 0,
        ignores: 0,
        classes: 0,
        check: 0,
        report: Places::NONE,
    };

    /// Each number is legal.
    pub(crate) fn check_numbers(
        &mut self,
        numbers: Numbers,
        argument: Argument,
        values: Slice<T>,
    ) -> Result<(), Error> {
        use Kernel::*;
        let kernel = match numbers {
            Numbers::UnitInterval => T::choose(check_unit_interval_f32, check_unit_interval_f64),
            Numbers::HardLabels => T::choose(check_hard_labels_f32, check_hard_labels_f64),
            Numbers::Signs => T::choose(check_signs_f32, check_signs_f64),
            Numbers::Finite => T::choose(check_finite_f32, check_finite_f64),
        };
        let args = CheckArgs {
            values,
            ..Self::NOTHING_TO_CHECK
        };
        let check = Check::Numbers(numbers, argument);
        self.check(check, kernel, args, values.len())
    }

    /// There is a label for each row, and each is a class or ignored.
    pub(crate) fn read_labels<I: ClassIndex>(
        &mut self,
        labels: &'a dyn DevicePtr<I>,
        ignore_index: Option<i64>,
        rows: usize,
        classes: usize,
    ) -> Result<Labels, Error> {
        check_length(Argument::Target, rows, labels.len())?;
        let labels = I::labels(self.read(labels)?);
        let args = CheckArgs {
            labels,
            ignore_index: ignore_index.unwrap_or(0),
            ignores: ignore_index.is_some().into(),
            classes: classes as u64,
            ..Self::NOTHING_TO_CHECK
        };
        self.check(
            Check::Labels { classes },
            Kernel::check_labels,
            args,
            labels.len(),
        )?;
        Ok(labels)
    }

    /// Where the checks say what they found, for the kernels that come after them.
    pub(crate) fn report(&self) -> Places<u64> {
        self.report.as_ref().map_or(Places::NONE, |report| {
            Places::new(self.address(report), REPORT)
        })
    }

    /// Launches a kernel.
    ///
    /// # Safety
    ///
    /// The arguments are those of the kernel, and made of what this has given.
    pub(crate) unsafe fn launch<A: Copy>(
        &self,
        kernel: Kernel,
        args: A,
        blocks: usize,
    ) -> Result<(), Error> {
        // SAFETY: arguments are there, on this device, as long as this lives, of their lengths, and what is written to is
        // borrowed for it alone; memory of the call's own is given back in the stream's order.
        unsafe { launch(self.gpu, kernel, args, blocks) }
    }

    /// Room for the sums of the blocks of `len` terms.
    pub(crate) fn sums<U: Element>(&self, len: usize) -> Result<Sums<U>, Error> {
        let blocks = len.div_ceil(BLOCK);
        Ok(Sums {
            memory: self.scratch(blocks * (size_of::<SumOf<U>>() / size_of::<u64>()))?,
            blocks,
            of: PhantomData,
        })
    }

    /// What the sums of blocks come to: unrounded to `total`, or over a divisor and rounded to `result`.
    pub(crate) fn total<U: Element>(
        &self,
        sums: Sums<U>,
        total: Places<f64>,
        result: Places<U>,
        divisor: Divisor,
    ) -> Result<(), Error> {
        let mut below = sums;
        loop {
            let above = below.blocks.div_ceil(TREE_WIDTH);
            let last = above <= 1;
            let room = (!last).then(|| self.sums(above * BLOCK)).transpose()?;
            let args = TreeArgs {
                nodes: below.slice(self),
                above: room.as_ref().map_or(Places::NONE, |room| room.places(self)),
                total: if last { total } else { Places::NONE },
                result: if last { result } else { Places::NONE },
                divisor,
                report: self.report(),
            };
            // SAFETY: of what this has given.
            unsafe {
                self.launch(
                    U::choose(Kernel::tree_f32, Kernel::tree_f64),
                    args,
                    above.max(1),
                )
            }?;
            match room {
                Some(room) => below = room,
                None => return Ok(()),
            }
        }
    }

    /// The end of a call that returns a partial: waits for the device. Without sums of weights each element counts 1.
    pub(crate) fn partial(
        self,
        start: usize,
        len: usize,
        losses: &Sums<T>,
        weights: Option<&Sums<f64>>,
    ) -> Result<Partial<T>, Error> {
        let losses = self.receive(losses)?;
        let weights = weights.map(|weights| self.receive(weights)).transpose()?;
        self.done().wait()?;
        let partial = device::partial(start, len, |block| {
            let weights = match &weights {
                Some(weights) => weights[block],
                None => SumOf::<f64>::default().add(BLOCK.min(len - block * BLOCK) as f64),
            };
            (losses[block], weights)
        });
        Ok(partial?)
    }

    fn receive<U: Element>(&self, sums: &Sums<U>) -> Result<Vec<SumOf<U>>, Error> {
        let mut words = self.gpu.stream().clone_dtoh(&sums.memory)?.into_iter();
        self.gpu.stream().synchronize()?;
        let sum = |_| SumOf::<U>::default().map(|_| words.next().unwrap_or(0));
        Ok((0..sums.blocks).map(sum).collect())
    }

    /// The end of a call that returns a loss: what the sums of its blocks come to, over a divisor.
    pub(crate) fn loss(self, sums: Sums<T>, divisor: Divisor) -> Result<Loss<T>, Error> {
        let mut value = self.scratch(1)?;
        // Whoever reads the number on another stream waits for what is recorded when this guard goes: after the launch.
        let (address, written) = value.device_ptr_mut(self.gpu.stream());
        self.total(sums, Places::NONE, Places::new(address, 1), divisor)?;
        drop(written);
        Ok(Loss::new(value, self.done().into_report()))
    }

    /// The end of a call that returns nothing.
    pub(crate) fn done(self) -> Done {
        Done::new(Report {
            stream: self.gpu.stream().clone(),
            memory: self.report,
            checks: self.checks,
        })
    }
}

/// Memory for the sums of blocks, of what elements of `T` are added up in.
pub(crate) struct Sums<T> {
    memory: CudaSlice<u64>,
    blocks: usize,
    of: PhantomData<T>,
}

impl<T: Element> Sums<T> {
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    pub(crate) fn places<U: Element>(&self, work: &Work<'_, U>) -> Places<SumOf<T>> {
        Places::new(work.address(&self.memory), self.blocks)
    }

    fn slice<U: Element>(&self, work: &Work<'_, U>) -> Slice<SumOf<T>> {
        Slice::new(work.address(&self.memory), self.blocks)
    }
}
