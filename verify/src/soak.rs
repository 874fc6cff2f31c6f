//! `trueloss soak`: random calls, as many as there is time for, each held to all that fuzzing holds a call to
//! ([`crate::fuzz`]), and to calling the allocator not once within the kernels.
//!
//! Call `n` of a seed is the same one on every machine, whichever thread makes it. What a call that fails was made from is
//! kept as a file, which can be put into `fuzz/corpus`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use trueloss_digest::random::SplitMix64;

use crate::fuzz::{self, LONGEST, Target};
use crate::{allocations, probe, report};

/// So many failures are kept; others are only counted.
const KEPT: u64 = 20;

/// How to soak.
pub struct Options {
    /// For how long, unless there are to be so many calls.
    pub time: Duration,
    /// How many calls, however long they take.
    pub calls: Option<u64>,
    /// Another seed, other calls.
    pub seed: u64,
    /// Where what fails is kept.
    pub out: PathBuf,
}

/// What there was of one target.
#[derive(Default)]
struct Tally {
    calls: AtomicU64,
    bytes: AtomicU64,
    failures: AtomicU64,
}

struct Random(SplitMix64);

impl Random {
    /// Of one call.
    fn new(seed: u64, call: u64) -> Self {
        let first = SplitMix64::new(seed).next_u64();
        Self(SplitMix64::new(first.wrapping_add(call)))
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.0.next_u64().to_le_bytes());
        words.take(len.div_ceil(8)).flatten().take(len).collect()
    }
}

/// Small probes of every function, one of which a case file is made from: bytes at random are no file.
fn case_files() -> Result<Vec<Vec<u8>>, String> {
    let base = probe::Options {
        elements: 8,
        classes: 3,
        ..probe::Options::default()
    };
    let probes = probe::all(&base).into_iter();
    probes
        .map(|(_, function, options)| probe::probe(function, &options))
        .collect()
}

/// What call `call` is made from.
fn bytes(target: Target, random: &mut Random, case_files: &[Vec<u8>]) -> Vec<u8> {
    if target == Target::CaseFile {
        let mut file = case_files[random.below(case_files.len())].clone();
        for _ in 0..random.below(5) {
            let at = random.below(file.len());
            file[at] = random.0.next_u64() as u8;
        }
        return file;
    }
    // Most calls are small: they find as much, and many of them fit a minute.
    let most = [64, 256, 1024, LONGEST][random.below(4)];
    let len = random.below(most + 1);
    random.bytes(len)
}

/// Soaks, and prints what was tried. Status 1 if anything failed, or nothing was tried.
pub fn run(options: &Options) -> ExitCode {
    match soak(options, &|target, bytes| target.run(bytes)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all calls passed; `try_one` is what is done with each, and panics where it fails.
fn soak(options: &Options, try_one: &(dyn Fn(Target, &[u8]) + Sync)) -> Result<bool, String> {
    if !allocations::are_counted() {
        return Err("the allocator of this program does not count its calls".to_owned());
    }
    // The CPU's features are looked up once.
    trueloss::dispatch::width();
    let case_files = case_files()?;
    let tallies: [Tally; Target::ALL.len()] = Default::default();
    let (next, kept) = (AtomicU64::new(0), AtomicU64::new(0));
    let not_kept = Mutex::new(None);
    let kernel_calls = fuzz::kernel_calls();
    let start = Instant::now();
    let bar = bar(options);
    let threads = rayon::current_num_threads();
    (0..threads).into_par_iter().for_each(|_| {
        loop {
            let call = next.fetch_add(1, Ordering::Relaxed);
            let is_over = match options.calls {
                Some(calls) => call >= calls,
                None => start.elapsed() >= options.time,
            };
            if is_over {
                break;
            }
            let which = (call % Target::ALL.len() as u64) as usize;
            let (target, tally) = (Target::ALL[which], &tallies[which]);
            let bytes = bytes(target, &mut Random::new(options.seed, call), &case_files);
            let passed = catch_unwind(AssertUnwindSafe(|| try_one(target, &bytes))).is_ok();
            tally.calls.fetch_add(1, Ordering::Relaxed);
            tally.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if !passed {
                tally.failures.fetch_add(1, Ordering::Relaxed);
                bar.suspend(|| {
                    eprintln!(
                        "call {call} of seed {}, {}, failed",
                        options.seed,
                        target.name()
                    )
                });
                if kept.fetch_add(1, Ordering::Relaxed) < KEPT
                    && let Err(problem) = keep(&options.out, target, options.seed, call, &bytes)
                    && let Ok(mut not_kept) = not_kept.lock()
                {
                    *not_kept = Some(problem);
                }
            }
            match options.calls {
                Some(_) => bar.inc(1),
                None if call.is_multiple_of(64) => {
                    bar.set_message(format!("{} calls", report::grouped(call)));
                    bar.set_position(start.elapsed().min(options.time).as_secs());
                }
                None => {}
            }
        }
    });
    bar.finish_and_clear();
    if let Ok(Some(problem)) = not_kept.into_inner() {
        return Err(problem);
    }
    let mut table = report::table(&["of", "calls", "bytes", "failed", ""], &[1, 2, 3]);
    let mut passes = true;
    for (target, tally) in Target::ALL.iter().zip(&tallies) {
        let [calls, bytes, failures] = [&tally.calls, &tally.bytes, &tally.failures]
            .map(|count| count.load(Ordering::Relaxed));
        let passed = failures == 0 && calls > 0;
        passes &= passed;
        table.add_row([
            target.name().to_owned(),
            report::grouped(calls),
            report::grouped(bytes),
            report::grouped(failures),
            report::pass(passed).to_owned(),
        ]);
    }
    println!("{table}");
    println!(
        "seed {}, {:.0} s: kernels called {} times, {}",
        options.seed,
        start.elapsed().as_secs_f64(),
        report::grouped(fuzz::kernel_calls() - kernel_calls),
        if passes {
            "the allocator by none of them"
        } else {
            "see above for what failed"
        }
    );
    Ok(passes)
}

fn keep(out: &Path, target: Target, seed: u64, call: u64, bytes: &[u8]) -> Result<(), String> {
    let path = out.join(format!("{}-{seed}-{call}", target.name()));
    fs::create_dir_all(out)
        .and_then(|()| fs::write(&path, bytes))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn bar(options: &Options) -> ProgressBar {
    let (len, template) = match options.calls {
        Some(calls) => (calls, "{wide_bar} {pos}/{len} calls, {elapsed}, {eta} left"),
        None => (
            options.time.as_secs(),
            "{wide_bar} {percent}%, {msg}, {elapsed}, {eta} left",
        ),
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(len).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    // Of this crate's own tests; the program has one of its own.
    #[global_allocator]
    static ALLOCATOR: allocations::Counting = allocations::Counting;

    fn options(name: &str, calls: u64) -> Options {
        Options {
            time: Duration::ZERO,
            calls: Some(calls),
            seed: 7,
            out: std::env::temp_dir().join(format!("trueloss-soak-{name}-{}", std::process::id())),
        }
    }

    #[test]
    fn some_calls_hold() {
        let options = options("holds", 450);
        assert_eq!(soak(&options, &|target, bytes| target.run(bytes)), Ok(true));
        assert!(!options.out.exists(), "something was kept");
    }

    /// The same calls whichever thread makes them; and one that fails is counted and kept.
    #[test]
    fn a_call_that_fails_is_kept() {
        let options = options("keeps", 90);
        let has_failed = AtomicBool::new(false);
        let fail = |target: Target, bytes: &[u8]| {
            if target == Target::Nll && bytes.len() > 8 {
                has_failed.store(true, Ordering::Relaxed);
                panic!("not at all");
            }
        };
        assert_eq!(soak(&options, &fail), Ok(false));
        assert!(has_failed.into_inner());
        let kept: Vec<_> = fs::read_dir(&options.out)
            .expect("it was made")
            .flatten()
            .collect();
        assert!(!kept.is_empty());
        for file in kept {
            let name = file
                .file_name()
                .into_string()
                .expect("its name is one of ours");
            let call = name
                .rsplit('-')
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a call");
            let again = bytes(Target::Nll, &mut Random::new(options.seed, call), &[]);
            assert_eq!(fs::read(file.path()).expect("it is there"), again);
        }
        fs::remove_dir_all(&options.out).expect("it is there");
    }

    #[test]
    fn nothing_tried_is_no_pass() {
        assert_eq!(soak(&options("nothing", 0), &|_, _| ()), Ok(false));
    }
}
