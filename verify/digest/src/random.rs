//! Numbers that look random and are the same in every run and on every machine.

/// SplitMix64 (Steele, Lea and Flood, 2014): what the digests, tests and benchmarks draw their numbers from.
///
/// ```
/// use trueloss_digest::random::SplitMix64;
///
/// let mut random = SplitMix64::new(1);
/// assert_eq!(random.next_u64(), 0x910a_2dec_8902_5cc1);
/// assert!(random.below(6) < 6 && random.unit() < 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The sequence of a seed.
    ///
    /// ```
    /// use trueloss_digest::random::SplitMix64;
    ///
    /// let [a, b] = [1, 1].map(|seed| SplitMix64::new(seed).next_u64());
    /// assert_eq!(a, b);
    /// ```
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    ///
    /// ```
    /// use trueloss_digest::random::SplitMix64;
    ///
    /// assert_ne!(SplitMix64::new(1).next_u64(), SplitMix64::new(2).next_u64());
    /// ```
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer below `n`, for an `n` below 2^32.
    ///
    /// ```
    /// assert_eq!(trueloss_digest::random::SplitMix64::new(1).below(1), 0);
    /// ```
    pub const fn below(&mut self, n: u64) -> u64 {
        ((self.next_u64() >> 32) * n) >> 32
    }

    /// A number in [0, 1), a multiple of 2^-53.
    ///
    /// ```
    /// let number = trueloss_digest::random::SplitMix64::new(1).unit();
    /// assert!((0.0..1.0).contains(&number));
    /// ```
    pub const fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
