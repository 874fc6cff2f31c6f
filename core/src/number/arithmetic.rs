//! The arithmetic of the fast paths: a multiplication and an addition, fused where the machine can.

/// The arithmetic of a fast path.
pub(crate) trait Arithmetic: Copy {
    /// a * b + c, rounded once or twice.
    fn mul_add(a: f64, b: f64, c: f64) -> f64;
}

/// Multiplication and addition: what every machine has.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Arithmetic for Plain {
    #[inline(always)]
    fn mul_add(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
}

/// Fused multiply-add, on a machine that has one. `WIDTH` keeps apart the code for different machines: each
/// has its own copy of every generic function, so that all of it can be inlined into a function
/// compiled for that machine.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[derive(Clone, Copy)]
pub(crate) struct Fused<const WIDTH: usize>;

#[cfg(all(feature = "std", target_arch = "x86_64"))]
impl<const WIDTH: usize> Arithmetic for Fused<WIDTH> {
    #[inline(always)]
    fn mul_add(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }
}
