//! The numbers that the functions are given, made from bits by integer arithmetic alone, so that no machine's floating
//! point has a say in them.

use crate::random::SplitMix64;
use trueloss::Element;

/// An element as its bits.
pub(crate) trait Number: Element {
    const NAME: &'static str;
    /// How many bits of the significand are stored.
    const SIGNIFICAND: u32;
    /// How many bits the exponent has.
    const EXPONENT: u32;

    /// The exponent of 1.
    const BIAS: u64 = (1 << (Self::EXPONENT - 1)) - 1;
    /// The exponent of infinities and NaN.
    const NOT_FINITE: u64 = (1 << Self::EXPONENT) - 1;
    const QUIET_NAN: u64 = (2 * Self::NOT_FINITE + 1) << (Self::SIGNIFICAND - 1);

    fn from_bits(bits: u64) -> Self;
    fn to_bits(self) -> u64;

    /// The number with this sign, exponent as stored, and significand in the upper bits of `significand`, without
    /// the leading 1 that is not stored.
    fn compose(negative: bool, exponent: u64, significand: u64) -> Self {
        let sign = u64::from(negative) << (Self::EXPONENT + Self::SIGNIFICAND);
        let significand = significand >> (u64::BITS - Self::SIGNIFICAND);
        Self::from_bits(sign | (exponent << Self::SIGNIFICAND) | significand)
    }
}

impl Number for f32 {
    const NAME: &'static str = "f32";
    const SIGNIFICAND: u32 = 23;
    const EXPONENT: u32 = 8;

    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits as u32)
    }

    fn to_bits(self) -> u64 {
        self.to_bits().into()
    }
}

impl Number for f64 {
    const NAME: &'static str = "f64";
    const SIGNIFICAND: u32 = 52;
    const EXPONENT: u32 = 11;

    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }

    fn to_bits(self) -> u64 {
        self.to_bits()
    }
}

#[cfg(feature = "half")]
macro_rules! of_16_bits {
    ($T:ident, $significand:expr, $exponent:expr) => {
        impl Number for trueloss::half::$T {
            const NAME: &'static str = stringify!($T);
            const SIGNIFICAND: u32 = $significand;
            const EXPONENT: u32 = $exponent;

            fn from_bits(bits: u64) -> Self {
                Self::from_bits(bits as u16)
            }

            fn to_bits(self) -> u64 {
                self.to_bits().into()
            }
        }
    };
}

#[cfg(feature = "half")]
of_16_bits!(f16, 10, 5);
#[cfg(feature = "half")]
of_16_bits!(bf16, 7, 8);

/// How many edge cases there are.
pub(crate) const EDGES: usize = 30;

/// Where formulas, types and exponentials have their ends, and numbers known to lie next to a tie, of both signs.
pub(crate) fn edge<T: Number>(i: usize) -> T {
    let integer = |n: u64| {
        let shift = n.leading_zeros();
        let exponent = T::BIAS + u64::from(u64::BITS - 1 - shift);
        (exponent, (n << shift) << 1)
    };
    let smallest = 1 << (u64::BITS - T::SIGNIFICAND);
    let (exponent, significand) = match i % EDGES / 2 {
        0 => (0, 0),
        // Subnormal numbers: the smallest and the largest. Then the smallest and the largest normal ones.
        1 => (0, smallest),
        2 => (0, u64::MAX),
        3 => (1, 0),
        4 => (T::NOT_FINITE - 1, u64::MAX),
        5 => (T::NOT_FINITE, 0),
        6 => integer(1),
        // 2^-13, below which the sigmoid of an f32 has a formula of its own, and 2^-24, where it comes near a tie.
        7 => (T::BIAS - 13, 0),
        8 => (T::BIAS.saturating_sub(24), 0),
        // 0x39ea41d0 as an f32, whose softplus comes nearest to a tie.
        9 => (T::BIAS - 12, 0x006a_41d0 << 41),
        // Beyond 88 and 709, exponentials of f32 and f64 overflow; beyond 104 and 745, they vanish.
        10 => integer(89),
        11 => integer(104),
        12 => integer(709),
        13 => integer(745),
        _ => (T::NOT_FINITE, u64::MAX),
    };
    T::compose(i % 2 == 1, exponent, significand)
}

/// What the inputs are drawn from.
pub(crate) struct Random(SplitMix64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    /// Of either sign, its magnitude from 2^low to 2^(low + count); below the smallest normal number any subnormal one.
    fn within<T: Number>(&mut self, low: i64, count: u64) -> T {
        let exponent = (T::BIAS + self.below(count)).saturating_add_signed(low);
        let significand = self.next();
        T::compose(significand & 1 == 1, exponent, significand)
    }

    /// Of either sign and below 8: what the logits of a model are like.
    pub(crate) fn ordinary<T: Number>(&mut self) -> T {
        self.within(-5, 8)
    }

    /// In [0, 1]: one in four is 0, one in four is 1, one in eight is at either end of what lies between.
    pub(crate) fn unit<T: Number>(&mut self) -> T {
        let (exponent, significand) = match self.below(16) {
            0..4 => (0, 0),
            4..8 => (T::BIAS, 0),
            8 => (0, self.next()),
            9 => (T::BIAS - 1, u64::MAX),
            _ => {
                let below = u64::from(self.next().trailing_zeros().min(40));
                ((T::BIAS - 1).saturating_sub(below), self.next())
            }
        };
        T::compose(false, exponent, significand)
    }

    /// One in eight is 0, two in eight are negative.
    pub(crate) fn weight<T: Number>(&mut self) -> T {
        let x: T = self.ordinary();
        match self.below(8) {
            0 => T::zero(),
            1 | 2 => -x.abs(),
            _ => x.abs(),
        }
    }
}

/// What logits are like.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Logits {
    /// Below 8.
    Ordinary,
    /// From 2^-40 to 2^10.
    Wide,
    /// Of every magnitude that the type has, subnormal numbers too.
    Spread,
    /// +-1 and +-2, so that the largest of a row is often there more than once.
    Ties,
    /// Ordinary ones with edge cases among them: one in eight.
    Special,
    /// Edge cases.
    Edges,
}

impl Logits {
    /// The logit at place `i`.
    pub(crate) fn next<T: Number>(self, random: &mut Random, i: usize) -> T {
        match self {
            Self::Ordinary => random.ordinary(),
            Self::Wide => random.within(-40, 50),
            Self::Spread => {
                // 37 has no divisor in common with 31, 255 and 2047, the numbers of exponents.
                let exponent = (37 * i as u64) % T::NOT_FINITE;
                let significand = random.next();
                T::compose(significand & 1 == 1, exponent, significand)
            }
            Self::Ties => {
                let bits = random.next();
                T::compose(bits & 1 == 1, T::BIAS + (bits >> 63), 0)
            }
            Self::Special if random.below(8) == 0 => edge(random.below(EDGES as u64) as usize),
            Self::Special => random.ordinary(),
            Self::Edges => edge(i),
        }
    }

    /// The probability at place `i`.
    pub(crate) fn probability<T: Number>(self, random: &mut Random, i: usize) -> T {
        let logit: T = self.next(random, i);
        let magnitude = logit.abs();
        if self == Self::Ordinary || magnitude.is_nan() || magnitude > T::one() {
            random.unit()
        } else {
            magnitude
        }
    }

    /// The `grad_output` at place `i`.
    pub(crate) fn grad_output<T: Number>(self, random: &mut Random) -> T {
        match self {
            Self::Special | Self::Edges => Self::Special.next(random, 0),
            _ => random.ordinary(),
        }
    }
}
