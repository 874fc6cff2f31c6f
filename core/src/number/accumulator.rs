//! Numbers that terms are added to.

use crate::machine::LANES;
use crate::number::error_free::two_sum;
use crate::number::pair::Pair;
use crate::number::real::Real;

/// What the nodes of the tree hold.
#[doc(hidden)]
pub trait Node: Copy + Default {
    /// The node above two others.
    fn merge(self, other: Self) -> Self;
}

/// A number that terms are added to.
#[doc(hidden)]
pub trait Sum: Node {
    /// What formulas are evaluated in that the sum is part of.
    type Real: Real;
    /// The sum with one more term.
    fn add(self, term: impl Real) -> Self;
    /// What it comes to.
    fn real(self) -> Self::Real;
    /// The sum with each of its parts changed.
    fn map(self, part: impl FnMut(u64) -> u64) -> Self;
}

impl Node for f64 {
    #[inline(always)]
    fn merge(self, other: Self) -> Self {
        self + other
    }
}

impl Sum for f64 {
    type Real = f64;

    #[inline(always)]
    fn add(self, term: impl Real) -> Self {
        self + term.hi()
    }

    #[inline(always)]
    fn real(self) -> f64 {
        self
    }

    #[inline(always)]
    fn map(self, mut part: impl FnMut(u64) -> u64) -> Self {
        Self::from_bits(part(self.to_bits()))
    }
}

/// A sum and the sum of the rounding errors made on the way.
///
/// Within 2^-92 of its terms' magnitudes, for up to 2^64 of them (`compensated` in `verify/proofs`).
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Compensated {
    pub(crate) hi: f64,
    pub(crate) lo: f64,
}

impl Compensated {
    /// What it comes to, as what formulas are evaluated in: rounded where that is an `f64`.
    #[inline(always)]
    pub(crate) fn to<W: Real>(self) -> W {
        let sum = self.real();
        W::of_parts(sum.hi(), sum.lo())
    }
}

impl Node for Compensated {
    #[inline(always)]
    fn merge(self, other: Self) -> Self {
        let (hi, lost) = two_sum(self.hi, other.hi);
        Self {
            hi,
            lo: (self.lo + other.lo) + lost,
        }
    }
}

impl Sum for Compensated {
    type Real = Pair;

    #[inline(always)]
    fn add(self, term: impl Real) -> Self {
        let (hi, lost) = two_sum(self.hi, term.hi());
        Self {
            hi,
            lo: self.lo + (lost + term.lo()),
        }
    }

    /// The rounding errors around an infinity are NaN: they count only where the sum is finite. The low part comes to more
    /// than a few u of the high one where terms cancel, or after many of them.
    #[inline(always)]
    fn real(self) -> Pair {
        let (hi, lo) = if self.hi.is_finite() {
            two_sum(self.hi, self.lo)
        } else {
            (self.hi, 0.0)
        };
        Pair::of_parts(hi, lo)
    }

    #[inline(always)]
    fn map(self, mut part: impl FnMut(u64) -> u64) -> Self {
        Self {
            hi: f64::from_bits(part(self.hi.to_bits())),
            lo: f64::from_bits(part(self.lo.to_bits())),
        }
    }
}

/// The sum of the lanes, in halves.
#[inline(always)]
pub(crate) fn fold(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
