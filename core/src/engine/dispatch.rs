//! The SIMD width: chosen at run time with the feature `std`, at compile time without it.
//!
//! A kernel is written once, as plain Rust over arrays and slices, and compiled once for each width, so that the
//! compiler vectorises the same source for each. The reference formulas have the same bits at every width,
//! as no step of theirs depends on it; the fast paths may use a fused multiply-add where
//! the width has one, and prove that this does not change what they return.
//!
//! Calling a function that was compiled for features which the CPU may lack is undefined behaviour; each `unsafe` call here
//! stands behind the run-time test for those very features. Beside this file only `number/lanes/` has `unsafe` in it: its
//! vectors come from tokens that are made here.

use crate::machine::{INTEGER, VECTORS};
use crate::number::arithmetic::{Arithmetic, Plain};
use crate::number::format::Format;
use crate::number::lanes;

/// A SIMD width that the kernels were compiled for.
///
/// ```
/// use trueloss::dispatch::Width;
///
/// assert!(Width::Baseline < Width::Avx2 && Width::Avx2 < Width::Avx512);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Width {
    /// What the compiler was told to assume: SSE2 on x86-64, NEON on aarch64.
    Baseline,
    /// AVX2, FMA and F16C, 256 bits.
    Avx2,
    /// AVX-512 (F, BW, DQ and VL), 512 bits.
    Avx512,
}

impl Width {
    /// All widths, narrowest first.
    ///
    /// ```
    /// use trueloss::dispatch::{Width, width};
    ///
    /// assert!(Width::ALL.contains(&width()));
    /// ```
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Avx2, Self::Avx512];
}

/// A computation that is compiled for every width.
///
/// `run`, and everything it calls that should be vectorised for the width, must be inlined into the caller: a
/// function of its own has the baseline's features. Hence `#[inline(always)]` on them.
pub(crate) trait Kernel {
    type Output;
    fn run<A: Arithmetic>(self) -> Self::Output;
}

/// Runs a kernel at the [`width`] in force.
#[inline]
pub(crate) fn run<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if crate::machine::VECTORS {
        match x86::width() {
            // SAFETY: `x86::width` gives a width only after `is_x86_feature_detected` has found each feature that the
            // function called is compiled for.
            #[allow(unsafe_code)]
            Width::Avx512 => return unsafe { x86::avx512(kernel) },
            // SAFETY: as above.
            #[allow(unsafe_code)]
            Width::Avx2 => return unsafe { x86::avx2(kernel) },
            Width::Baseline => return x86::baseline(kernel),
        }
    }
    kernel.run::<Plain>()
}

/// A computation in vectors, for the widths that have them.
///
/// `run`, and everything it calls, must be inlined, as for [`Kernel`].
pub(crate) trait LaneKernel {
    type Output;
    #[cfg_attr(not(all(feature = "std", target_arch = "x86_64")), allow(dead_code))]
    fn run<W: lanes::Width>(self, token: W) -> Self::Output;
}

/// Whether the [`width`] in force has vectors. Machines without a unit for `f64` have their fast paths in integers, also those
/// that `--cfg trueloss_integer` makes.
#[inline]
pub(crate) fn has_lanes() -> bool {
    VECTORS && !INTEGER && width() > Width::Baseline
}

/// Runs a kernel at the [`width`] in force; `None` if that has no vectors.
#[inline]
pub(crate) fn run_in_lanes<K: LaneKernel>(kernel: K) -> Option<K::Output> {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if has_lanes() {
        match x86::width() {
            // SAFETY: `x86::width` gives a width only after `is_x86_feature_detected` has found each feature that the
            // function called is compiled for.
            #[allow(unsafe_code)]
            Width::Avx512 => return Some(unsafe { x86::avx512_lanes(kernel) }),
            // SAFETY: as above.
            #[allow(unsafe_code)]
            Width::Avx2 => return Some(unsafe { x86::avx2_lanes(kernel) }),
            Width::Baseline => {}
        }
    }
    drop(kernel);
    None
}

/// Runs a kernel in the vectors of each width that the machine has, whatever [`limit`] allows.
#[cfg(test)]
pub(crate) fn run_in_all_lanes<K: LaneKernel + Copy>(kernel: K) -> std::vec::Vec<K::Output> {
    #[allow(unused_mut)]
    let mut outputs = std::vec::Vec::new();
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    {
        if x86::has(Width::Avx2) {
            // SAFETY: each feature that the function is compiled for has been found.
            #[allow(unsafe_code)]
            outputs.push(unsafe { x86::avx2_lanes(kernel) });
        }
        if x86::has(Width::Avx512) {
            // SAFETY: as above.
            #[allow(unsafe_code)]
            outputs.push(unsafe { x86::avx512_lanes(kernel) });
        }
    }
    let _ = kernel;
    outputs
}

/// Whether kernels are compiled for more widths than the baseline.
pub(crate) const HAS_WIDTHS: bool = cfg!(all(feature = "std", target_arch = "x86_64"));

/// Runs a kernel that is for machines without wider vectors: it is compiled for no other.
#[inline(never)]
pub(crate) fn run_at_baseline<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Plain>()
}

/// Runs the kernel of a fast path. Elements that have none get the default, and nothing is compiled for them.
#[inline]
pub(crate) fn run_fast<T: Format, K: Kernel<Output: Default>>(kernel: K) -> K::Output {
    if T::FAST {
        run(kernel)
    } else {
        K::Output::default()
    }
}

/// The width in force: the widest that the CPU has and [`limit`] allows.
///
/// ```
/// use trueloss::dispatch::{Width, limit, width};
///
/// assert_eq!(width(), limit(Width::Avx512));
/// ```
pub fn width() -> Width {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    return x86::width();
    #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
    Width::Baseline
}

/// Allows widths up to this one, in the whole process, and returns the one that is then in force. The bits
/// of every result are the same at all of them; this is for measuring, and for tests that show it.
///
/// ```
/// use trueloss::dispatch::{Width, limit};
///
/// for width in Width::ALL {
///     limit(width);
///     // The same bits, whatever this machine has.
///     assert_eq!(trueloss::Mse::new().forward(&[0.1_f32; 100], &[0.3; 100])?, 0.040000003);
/// }
/// # Ok::<(), trueloss::Error>(())
/// ```
pub fn limit(widest: Width) -> Width {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    x86::limit(widest);
    let _ = widest;
    width()
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
mod x86 {
    use super::{Kernel, LaneKernel, Width};
    use crate::machine::VECTORS;
    use crate::number::arithmetic::{Fused, Plain};
    use crate::number::lanes::{avx2::Avx2, avx512::Avx512};
    use core::sync::atomic::{AtomicU8, Ordering};

    const BASELINE: u8 = 0;
    const AVX2: u8 = 1;
    const AVX512: u8 = 2;
    const UNKNOWN: u8 = 3;

    /// The width in force. One number that nothing else depends on, so no order has to be kept.
    static IN_FORCE: AtomicU8 = AtomicU8::new(UNKNOWN);

    fn widest() -> u8 {
        let avx2 = std::is_x86_feature_detected!("avx2")
            && std::is_x86_feature_detected!("fma")
            && std::is_x86_feature_detected!("f16c");
        let avx512 = std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512dq")
            && std::is_x86_feature_detected!("avx512vl");
        match (VECTORS && avx2, avx512) {
            (true, true) => AVX512,
            (true, false) => AVX2,
            (false, _) => BASELINE,
        }
    }

    /// Whether the machine has all features of a width.
    #[cfg(test)]
    pub(super) fn has(width: Width) -> bool {
        widest() >= width as u8
    }

    #[inline]
    pub(super) fn width() -> Width {
        match IN_FORCE.load(Ordering::Relaxed) {
            BASELINE => Width::Baseline,
            AVX2 => Width::Avx2,
            AVX512 => Width::Avx512,
            _ => {
                limit(Width::Avx512);
                width()
            }
        }
    }

    pub(super) fn limit(at_most: Width) {
        let at_most = match at_most {
            Width::Baseline => BASELINE,
            Width::Avx2 => AVX2,
            Width::Avx512 => AVX512,
        };
        IN_FORCE.store(widest().min(at_most), Ordering::Relaxed);
    }

    /// A function of its own, as the wider ones are: where it is inlined, there is a copy of the kernel in each of the
    /// compiler's codegen units that calls it, and compiling the crate takes twice as long.
    #[inline(never)]
    pub(super) fn baseline<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Plain>()
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Fused<1>>()
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn avx512<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Fused<2>>()
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn avx2_lanes<K: LaneKernel>(kernel: K) -> K::Output {
        // SAFETY: this function is called only where these features have been found.
        #[allow(unsafe_code)]
        kernel.run(unsafe { Avx2::new() })
    }

    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn avx512_lanes<K: LaneKernel>(kernel: K) -> K::Output {
        // SAFETY: this function is called only where these features have been found.
        #[allow(unsafe_code)]
        kernel.run(unsafe { Avx512::new() })
    }
}
