//! The memory of the device, as kernels are given it.

use core::marker::PhantomData;
use trueloss::Element;
use trueloss::device::{Format, Indices, Output};

/// What sums of losses of `T` are kept in.
pub type SumOf<T> = <T as Format>::Sum;

/// Numbers that a kernel reads: the address of the first one and how many there are, on the device.
#[derive(Debug)]
#[repr(C)]
pub struct Slice<T> {
    address: u64,
    len: u64,
    of: PhantomData<*const T>,
}

impl<T> Clone for Slice<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slice<T> {}

impl<T> Slice<T> {
    /// No numbers.
    pub const NONE: Self = Self::new(0, 0);

    /// `len` numbers from an address on.
    pub const fn new(address: u64, len: usize) -> Self {
        Self {
            address,
            len: len as u64,
            of: PhantomData,
        }
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The numbers.
    ///
    /// # Safety
    ///
    /// They are there, as long as the result lives, and nothing writes to them.
    #[inline(always)]
    pub(crate) unsafe fn read<'a>(self) -> &'a [T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the caller's promise. An address that is not that of an empty slice is not 0.
        unsafe { core::slice::from_raw_parts(self.address as *const T, self.len as usize) }
    }
}

/// Where a kernel writes.
#[derive(Debug)]
#[repr(C)]
pub struct Places<T>(Slice<T>);

impl<T> Clone for Places<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Places<T> {}

impl<T> Places<T> {
    /// Nowhere.
    pub const NONE: Self = Self::new(0, 0);

    /// `len` places from an address on.
    pub const fn new(address: u64, len: usize) -> Self {
        Self(Slice::new(address, len))
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The address of the first.
    pub const fn address(self) -> u64 {
        self.0.address
    }

    /// Writes to one place, if there is one of this index: an emulated kernel that asks for another has a mistake in it.
    ///
    /// # Safety
    ///
    /// The places are there, and no other thread reads this one or writes to it meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn put(self, index: usize, value: T) {
        #[cfg(not(target_arch = "nvptx64"))]
        assert!(index < self.len(), "place {index} of {}", self.len());
        if index < self.len() {
            let first = self.0.address as *mut T;
            // SAFETY: the caller's promise.
            unsafe { first.add(index).write(value) };
        }
    }

    /// Reads from one place.
    ///
    /// # Safety
    ///
    /// The places are there, hold a number at this index, and no other thread writes to it meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn get(self, index: usize) -> Option<T>
    where
        T: Copy,
    {
        let first = self.0.address as *const T;
        // SAFETY: the caller's promise.
        (index < self.len()).then(|| unsafe { first.add(index).read() })
    }
}

/// Places for the outputs of core's functions.
pub(crate) struct Outputs<T>(Places<T>);

impl<T> Outputs<T> {
    /// # Safety
    ///
    /// As for [`Places::put`], for every index that is written to.
    pub(crate) unsafe fn new(places: Places<T>) -> Self {
        Self(places)
    }
}

impl<T: Element> Output<T> for Outputs<T> {
    #[inline(always)]
    fn write(&mut self, first: usize, stride: usize, values: &[f64]) {
        for (k, &value) in values.iter().enumerate() {
            // SAFETY: that of `new`.
            unsafe { self.0.put(first + k * stride, T::narrow(value)) };
        }
    }
}

/// Class indices of any of core's types.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Labels {
    address: u64,
    len: u64,
    kind: u64,
}

macro_rules! kinds {
    ($($kind:literal: $index:ty = $variant:ident;)*) => {
        impl Labels {
            /// The class indices.
            ///
            /// # Safety
            ///
            /// As for [`Slice::read`].
            #[inline(always)]
            pub(crate) unsafe fn read<'a>(self) -> Indices<'a> {
                let len = self.len as usize;
                // SAFETY: the caller's promise.
                unsafe {
                    match self.kind {
                        $($kind => Indices::$variant(Slice::new(self.address, len).read()),)*
                        _ => Indices::U8(&[]),
                    }
                }
            }
        }

        $(impl From<Slice<$index>> for Labels {
            fn from(labels: Slice<$index>) -> Self {
                Self {
                    address: labels.address,
                    len: labels.len,
                    kind: $kind,
                }
            }
        })*
    };
}

kinds! {
    0: i64 = I64;
    1: i32 = I32;
    2: u32 = U32;
    3: u16 = U16;
    4: u8 = U8;
    5: usize = Usize;
}

impl Labels {
    /// No labels.
    pub const NONE: Self = Self {
        address: 0,
        len: 0,
        kind: 0,
    };

    /// How many there are.
    pub const fn len(self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}
