//! What kind of machine the crate is compiled for.

/// Whether the kernels work on groups of elements and on lanes of the fixed tree side by side, for the compiler to
/// turn into vectors. Where there are none to gain, the same is done one element and one lane at a time: buffers for
/// many would cost kilobytes of stack, which microcontrollers don't have. Threads need stretches of work to share, and
/// where there are threads there is stack.
///
/// `--cfg trueloss_scalar` makes any machine one without vectors, so that tests can run there.
pub(crate) const VECTORS: bool = cfg!(all(
    not(trueloss_scalar),
    any(
        feature = "parallel",
        target_feature = "sse2",
        target_feature = "neon",
        target_feature = "simd128",
        target_feature = "v",
        target_feature = "vsx",
        target_feature = "vector",
        target_feature = "lsx",
    )
));

/// Whether fast paths are those in [`fixed`](crate::number::fixed): on machines that have no unit for `f64`. The compiler does
/// not tell which ARM and RISC-V processors of 32 bits have one: the feature `f64-unit` does.
///
/// `--cfg trueloss_integer` forces them on any machine, so that tests can run there.
pub(crate) const INTEGER: bool = cfg!(any(
    trueloss_integer,
    all(
        not(feature = "f64-unit"),
        any(
            all(target_arch = "arm", not(target_feature = "neon")),
            target_arch = "riscv32"
        )
    )
));

/// How many elements, or rows, are worked on side by side: two vectors of AVX-512, four of AVX2. Loops over
/// arrays of this length are what the compiler vectorises. One where there are no vectors.
pub(crate) const LANES: usize = if VECTORS { 16 } else { 1 };

/// How many terms are evaluated before they are added: a small buffer, so that the evaluation is a loop
/// of its own. Also how many outputs are written before their rounding tests are looked at: what one failure
/// sends to the reference formula. Without vectors, terms are evaluated one by one, and a few outputs share what
/// does not depend on the class.
pub(crate) const CHUNK: usize = if VECTORS { 64 } else { 4 };

/// A function's body, inlined but on machines without a unit for `f64`: there every operation is a call, and a copy of them all
/// for each use would be kilobytes of flash.
macro_rules! out_of_line_without_f64 {
    (|$($argument:ident: $type:ty),*| -> $result:ty $body:block) => {{
        #[inline(always)]
        fn inlined($($argument: $type),*) -> $result $body

        #[inline(never)]
        fn called($($argument: $type),*) -> $result {
            inlined($($argument),*)
        }

        if crate::machine::INTEGER {
            called($($argument),*)
        } else {
            inlined($($argument),*)
        }
    }};
}
pub(crate) use out_of_line_without_f64;
