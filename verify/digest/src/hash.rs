//! FNV-1a with 64 bits.

use crate::number::Number;

/// FNV-1a: for each byte, exclusive or, then a product with the prime.
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// The bytes of a number's bits, lowest first. IEEE 754 does not say which NaN an operation returns: all of them
    /// count as the positive quiet one.
    pub(crate) fn number<T: Number>(&mut self, x: T) {
        let bits = if x.is_nan() {
            T::QUIET_NAN
        } else {
            x.to_bits()
        };
        for byte in bits.to_le_bytes().into_iter().take(size_of::<T>()) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    pub(crate) fn numbers<T: Number>(&mut self, numbers: &[T]) {
        for &x in numbers {
            self.number(x);
        }
    }

    /// What a call returned, then what it wrote.
    pub(crate) fn answer<T: Number>(&mut self, loss: Option<T>, written: &[T]) {
        if let Some(loss) = loss {
            self.number(loss);
        }
        self.numbers(written);
    }

    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;

    /// The FNV authors' value for the bytes "foobar" is 0x85944171f73967e8; here 4 + 4 bytes "foobar!!" made of `f32`.
    #[test]
    fn is_fnv_1a() {
        let mut hash = Hash::new();
        hash.numbers(&[
            f32::from_bits(u32::from_le_bytes(*b"foob")),
            f32::from_bits(u32::from_le_bytes(*b"ar!!")),
        ]);
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        assert_eq!(
            hash.finish(),
            b"!!".iter().fold(0x8594_4171_f739_67e8, |h, &b| step(h, b))
        );
    }

    #[test]
    fn all_nan_count_as_one() {
        let of = |x: f32| {
            let mut hash = Hash::new();
            hash.number(x);
            hash.finish()
        };
        assert_eq!(of(f32::NAN), of(-f32::from_bits(0x7f80_0001)));
        assert_ne!(of(0.0), of(-0.0));
    }
}
