//! Runs kernels on the CPU.
//!
//! The threads of a block are coroutines, each with a stack of its own, of which one runs at a time. A shuffle or an
//! exchange suspends its thread until all threads of the warp or of the block have come to theirs. Where they
//! never will, as some have ended or wait for something else, a GPU hangs or makes up an answer. Here that is a panic
//! that says which threads.
//!
//! Blocks run one after the other.

use crate::ptx::Program;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use trueloss_kernels::{Kernel, Machine, THREADS, WARP};

/// The size of a thread's stack. Memory is taken when it is touched: most of it is for the message of a panic.
const STACK: usize = if cfg!(debug_assertions) {
    4 << 20
} else {
    256 << 10
};

thread_local! {
    /// Stacks that no thread is on: making one takes longer than most threads run.
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// In which order blocks are run, and threads that could go on. No result depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the first to the last.
    Forward,
    /// From the last to the first.
    Backward,
    /// Each time in another order, made from this seed.
    Shuffled(u64),
}

impl Order {
    /// Puts numbers in order, and makes the next order another one.
    fn arrange(&mut self, numbers: &mut [usize]) {
        match self {
            Self::Forward => numbers.sort_unstable(),
            Self::Backward => numbers.sort_unstable_by(|a, b| b.cmp(a)),
            Self::Shuffled(seed) => {
                for last in (1..numbers.len()).rev() {
                    // Knuth's linear congruential generator, of which the upper bits are used.
                    *seed = seed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    numbers.swap(last, (*seed >> 33) as usize % (last + 1));
                }
            }
        }
    }
}

/// What a thread waits for.
#[derive(Clone, Copy)]
enum Wait {
    Shuffle { bits: u64, lane: usize },
    Exchange { bits: u64, thread: usize },
}

/// A thread of a kernel, as the kernel sees it.
#[derive(Clone, Copy)]
pub struct Thread<'a> {
    yielder: &'a Yielder<u64, Wait>,
    thread: usize,
    block: usize,
    blocks: usize,
}

impl Machine for Thread<'_> {
    fn thread(self) -> usize {
        self.thread
    }

    fn block(self) -> usize {
        self.block
    }

    fn blocks(self) -> usize {
        self.blocks
    }

    fn shuffle(self, bits: u64, lane: usize) -> u64 {
        assert!(lane < WARP, "a shuffle asks for lane {lane} of {WARP}");
        self.yielder.suspend(Wait::Shuffle { bits, lane })
    }

    fn exchange(self, bits: u64, thread: usize) -> u64 {
        assert!(
            thread < THREADS,
            "an exchange asks for thread {thread} of {THREADS}"
        );
        self.yielder.suspend(Wait::Exchange { bits, thread })
    }

    unsafe fn maximum(self, address: u64, value: u64) {
        let place = address as *mut u64;
        // SAFETY: the caller's promise. One thread runs at a time.
        unsafe { place.write(place.read().max(value)) };
    }
}

/// Runs a kernel to its end.
///
/// # Panics
///
/// Where threads wait for others that never come, and where a thread panics. The message names the kernel, the block and
/// the thread.
///
/// # Safety
///
/// That of a launch, as `trueloss_kernels` says in `list.rs`; the kernel's arguments lie at `args`.
pub unsafe fn launch(kernel: Kernel, blocks: usize, order: Order, args: *const u8) {
    let body = |thread: Thread<'_>| {
        // SAFETY: the caller's promise.
        unsafe { trueloss_kernels::run(kernel, thread, args) };
    };
    grid(kernel.name(), blocks, order, &body);
}

/// The same from a kernel's PTX.
///
/// # Panics
///
/// As above; and where the text has no such kernel, with arguments of its size.
///
/// # Safety
///
/// As above.
pub(crate) unsafe fn launch_ptx(
    program: &Program,
    kernel: Kernel,
    blocks: usize,
    order: Order,
    args: *const u8,
) {
    let name = kernel.name();
    let (entry, size) = program.entry(name).expect("the text has the kernel");
    assert_eq!(size, kernel.size_of_args(), "the arguments of {name}");
    // One block runs at a time.
    let mut shared = program.shared();
    let shared = shared.as_mut_ptr();
    let body = |thread: Thread<'_>| {
        // SAFETY: the caller's promise.
        unsafe { program.run(thread, entry, args, shared) };
    };
    grid(name, blocks, order, &body);
}

/// Runs every thread of every block.
pub(crate) fn grid(name: &str, blocks: usize, mut order: Order, body: &impl Fn(Thread<'_>)) {
    let mut turns: Vec<usize> = (0..blocks).collect();
    order.arrange(&mut turns);
    for block in turns {
        let run = Block::new(block, blocks, body).run(&mut order);
        if let Err((thread, message)) = run {
            panic!("kernel {name}, block {block} of {blocks}, thread {thread}: {message}");
        }
    }
}

/// Where a thread is.
enum State {
    /// It can go on, with this answer.
    Ready(u64),
    Waiting(Wait),
    Ended,
}

impl State {
    fn shuffles(&self) -> bool {
        matches!(self, Self::Waiting(Wait::Shuffle { .. }))
    }

    fn exchanges(&self) -> bool {
        matches!(self, Self::Waiting(Wait::Exchange { .. }))
    }

    /// The bits that it gives others.
    fn bits(&self) -> u64 {
        match *self {
            Self::Waiting(Wait::Shuffle { bits, .. } | Wait::Exchange { bits, .. }) => bits,
            Self::Ready(_) | Self::Ended => 0,
        }
    }
}

/// A thread that has begun, and has not ended.
type Fiber = Coroutine<u64, Wait, (), DefaultStack>;

/// The threads of a block.
struct Block<'a, F> {
    block: usize,
    blocks: usize,
    body: &'a F,
    states: [State; THREADS],
    fibers: [Option<Fiber>; THREADS],
}

/// What is wrong, and with which thread.
type Fault = (usize, String);

impl<'a, F: Fn(Thread<'_>)> Block<'a, F> {
    fn new(block: usize, blocks: usize, body: &'a F) -> Self {
        Self {
            block,
            blocks,
            body,
            states: [const { State::Ready(0) }; THREADS],
            fibers: [const { None }; THREADS],
        }
    }

    fn run(mut self, order: &mut Order) -> Result<(), Fault> {
        let mut turns: [usize; THREADS] = std::array::from_fn(|thread| thread);
        loop {
            order.arrange(&mut turns);
            for &thread in &turns {
                if let State::Ready(answer) = self.states[thread] {
                    self.states[thread] =
                        self.step(thread, answer).map_err(|text| (thread, text))?;
                }
            }
            if self
                .states
                .iter()
                .all(|state| matches!(state, State::Ended))
            {
                return Ok(());
            }
            self.answer()?;
        }
    }

    /// Lets a thread go on until it waits, or ends.
    fn step(&mut self, thread: usize, answer: u64) -> Result<State, String> {
        let mut fiber = match self.fibers[thread].take() {
            Some(fiber) => fiber,
            None => self.begin(thread),
        };
        match catch_unwind(AssertUnwindSafe(|| fiber.resume(answer))) {
            Ok(CoroutineResult::Yield(wait)) => {
                self.fibers[thread] = Some(fiber);
                Ok(State::Waiting(wait))
            }
            Ok(CoroutineResult::Return(())) => {
                end(fiber);
                Ok(State::Ended)
            }
            Err(panic) => {
                end(fiber);
                Err(message(panic.as_ref()).to_owned())
            }
        }
    }

    fn begin(&self, thread: usize) -> Fiber {
        let stack = STACKS.with_borrow_mut(Vec::pop).unwrap_or_else(|| {
            DefaultStack::new(STACK).expect("there is memory for the stack of a thread")
        });
        let Self {
            block,
            blocks,
            body,
            ..
        } = *self;
        // SAFETY: `body` outlives the block, with which the coroutine is dropped at the latest.
        unsafe {
            Fiber::with_stack_unchecked(stack, move |yielder, _| {
                body(Thread {
                    yielder,
                    thread,
                    block,
                    blocks,
                });
            })
        }
    }

    /// Answers the threads of each warp that all shuffle, or, where there is no such warp, those of the block, which must
    /// then all exchange.
    fn answer(&mut self) -> Result<(), Fault> {
        let mut any = false;
        for first in (0..THREADS).step_by(WARP) {
            let lanes = first..first + WARP;
            let Some(shuffles) = lanes.clone().find(|&lane| self.states[lane].shuffles()) else {
                continue;
            };
            if let Some(other) = lanes.clone().find(|&lane| !self.states[lane].shuffles()) {
                return Err(self.alone(shuffles, "a shuffle", other));
            }
            self.hand_out(lanes);
            any = true;
        }
        if any {
            return Ok(());
        }
        let find = |exchanges| (0..THREADS).find(|&of| self.states[of].exchanges() == exchanges);
        if let (Some(exchanges), Some(other)) = (find(true), find(false)) {
            return Err(self.alone(exchanges, "an exchange", other));
        }
        self.hand_out(0..THREADS);
        Ok(())
    }

    /// Gives each of these threads the bits that it asks for.
    fn hand_out(&mut self, threads: std::ops::Range<usize>) {
        let start = threads.start;
        let given: Vec<u64> = self.states[threads.clone()]
            .iter()
            .map(State::bits)
            .collect();
        for state in &mut self.states[threads] {
            if let State::Waiting(wait) = *state {
                *state = State::Ready(match wait {
                    Wait::Shuffle { lane, .. } => given[lane],
                    Wait::Exchange { thread, .. } => given[thread - start],
                });
            }
        }
    }

    fn alone(&self, thread: usize, waits_at: &str, other: usize) -> Fault {
        let other_does = match self.states[other] {
            State::Waiting(Wait::Shuffle { .. }) => "waits at a shuffle",
            State::Waiting(Wait::Exchange { .. }) => "waits at an exchange",
            State::Ready(_) | State::Ended => "has ended",
        };
        let message = format!("it waits at {waits_at}, while thread {other} {other_does}");
        (thread, message)
    }
}

/// Keeps the stack of a thread that has ended.
fn end(fiber: Fiber) {
    STACKS.with_borrow_mut(|stacks| stacks.push(fiber.into_stack()));
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied())
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use trueloss_kernels::{Block, Warp};

    const ORDERS: [Order; 4] = [
        Order::Forward,
        Order::Backward,
        Order::Shuffled(1),
        Order::Shuffled(2),
    ];

    fn runs(blocks: usize, body: impl Fn(Thread<'_>)) {
        for order in ORDERS {
            grid("test", blocks, order, &body);
        }
    }

    /// The message of the panic that a kernel of one block comes to in every order.
    fn panics(body: impl Fn(Thread<'_>)) -> Vec<String> {
        let of = |order| {
            let run = catch_unwind(AssertUnwindSafe(|| grid("test", 3, order, &body)));
            message(run.expect_err("a panic").as_ref()).to_owned()
        };
        ORDERS.map(of).to_vec()
    }

    #[test]
    fn every_thread_runs_once() {
        for order in ORDERS {
            let seen: Vec<Cell<u32>> = vec![Cell::new(0); 5 * THREADS];
            grid("test", 5, order, &|t: Thread<'_>| {
                assert_eq!(t.blocks(), 5);
                let seen = &seen[t.block() * THREADS + t.thread()];
                seen.set(seen.get() + 1);
            });
            assert!(seen.iter().all(|seen| seen.get() == 1), "{order:?}");
        }
    }

    #[test]
    fn orders_differ() {
        let trace = |order| {
            let trace = RefCell::new(Vec::new());
            grid("test", 2, order, &|t: Thread<'_>| {
                trace.borrow_mut().push(t.block() * THREADS + t.thread());
            });
            trace.into_inner()
        };
        let [forward, backward, one, two] = ORDERS.map(trace);
        assert!(forward.is_sorted());
        assert!(backward.iter().rev().is_sorted());
        assert!(one != two && !one.is_sorted());
        for mut shuffled in [one, two] {
            shuffled.sort_unstable();
            assert_eq!(shuffled, forward);
        }
    }

    #[test]
    fn shuffle_within_the_warp() {
        runs(2, |t| {
            for by in 0..40 {
                let lane = (t.thread() + by) % WARP;
                let got = t.shuffle((t.thread() * 1000 + by) as u64, lane);
                assert_eq!(got as usize, (t.thread() / WARP * WARP + lane) * 1000 + by);
            }
        });
    }

    #[test]
    fn exchange_within_the_block() {
        runs(3, |t| {
            // Warps that shuffle more often than others come later to the exchange.
            for _ in 0..t.thread() / WARP {
                t.shuffle(0, 0);
            }
            for by in 0..5 {
                let thread = (t.thread() + 37 * by) % THREADS;
                let got = t.exchange((t.block() * 1000 + t.thread()) as u64, thread);
                assert_eq!(got as usize, t.block() * 1000 + thread);
            }
        });
    }

    #[test]
    fn a_warp_may_end_while_others_shuffle() {
        runs(1, |t| {
            if t.thread() >= WARP {
                t.shuffle(1, 3);
            }
        });
    }

    #[test]
    fn ended_beside_a_shuffle() {
        for message in panics(|t| {
            if t.thread() != 40 {
                t.shuffle(0, 0);
            }
        }) {
            assert!(message.starts_with("kernel test, block "), "{message}");
            assert!(
                message.ends_with(
                    " of 3, thread 32: it waits at a shuffle, while thread 40 has ended"
                ),
                "{message}"
            );
        }
    }

    #[test]
    fn exchange_beside_a_shuffle() {
        for message in panics(|t| {
            if t.thread() == 255 {
                t.exchange(0, 0);
            }
            t.shuffle(0, 0);
        }) {
            let fault = "thread 224: it waits at a shuffle, while thread 255 waits at an exchange";
            assert!(message.ends_with(fault), "{message}");
        }
    }

    #[test]
    fn ended_beside_an_exchange() {
        for message in panics(|t| {
            t.exchange(0, 0);
            if t.thread() >= WARP {
                t.exchange(0, 0);
            }
        }) {
            let fault = "thread 32: it waits at an exchange, while thread 0 has ended";
            assert!(message.ends_with(fault), "{message}");
        }
    }

    #[test]
    fn panic_in_a_thread() {
        for message in panics(|t| {
            t.exchange(0, 0);
            assert!(t.block() != 1 || t.thread() != 77, "no seventy-seven");
        }) {
            assert_eq!(
                message,
                "kernel test, block 1 of 3, thread 77: no seventy-seven"
            );
        }
    }

    #[test]
    fn lanes_out_of_range() {
        for message in panics(|t| {
            t.shuffle(0, WARP);
        }) {
            assert!(message.ends_with("asks for lane 32 of 32"), "{message}");
        }
        for message in panics(|t| {
            t.exchange(0, THREADS);
        }) {
            assert!(message.ends_with("asks for thread 256 of 256"), "{message}");
        }
    }

    #[test]
    fn stacks_are_kept() {
        let kept = || STACKS.with_borrow(Vec::len);
        STACKS.with_borrow_mut(Vec::clear);
        // Threads that wait for nobody share one stack, and what a faulty kernel leaves is dropped with it.
        grid("test", 2, Order::Forward, &|_: Thread<'_>| {});
        assert_eq!(kept(), 1);
        for _ in 0..2 {
            grid("test", 2, Order::Forward, &|t: Thread<'_>| {
                t.exchange(0, 0);
            });
            assert_eq!(kept(), THREADS);
        }
    }

    #[test]
    fn teams() {
        use trueloss::device::ThreadGroup;
        runs(1, |t| {
            assert_eq!(Warp(t).rank(), t.thread() % WARP);
            assert_eq!(Block(t).rank(), t.thread());
            assert_eq!(Block(t).shuffle(t.thread() as u64, 200), 200);
            let mut by = 128;
            while by > 0 {
                let got = Block(t).shuffle_down(t.thread() as u64, by);
                if t.thread() < by || t.thread().is_multiple_of(2 * by) {
                    assert_eq!(got as usize, t.thread() + by);
                }
                by /= 2;
            }
        });
    }

    #[test]
    fn maximum_of_all() {
        let mut most = 0;
        let address = &raw mut most as u64;
        runs(2, |t| {
            // SAFETY: `most` lives, and nothing else looks at it.
            unsafe { t.maximum(address, (t.block() * THREADS + t.thread() + 5) as u64) };
        });
        assert_eq!(most, 2 * THREADS as u64 + 4);
    }
}
