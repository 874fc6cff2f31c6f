//! Digests of the bits of every function of `trueloss`.
//!
//! Bits are API: every machine returns the same ones, and every later version too. Here each function, in each
//! direction and for each type of element, is run on a fixed set of inputs, and the bits of all that it returns are
//! hashed to one number. `digests.txt` holds the numbers. A machine whose digests equal these has returned the same
//! bits, all of them; a version whose digests differ from those of the one before it has broken a promise.
//!
//! The inputs are made by [SplitMix64](https://doi.org/10.1145/2714064.2660195), seeded with the number of the case,
//! and integer arithmetic on bits, never by arithmetic on floating-point numbers: logits of every magnitude that the type
//! has, subnormal numbers to the largest, zeros of both signs, infinities, NaN, numbers next to ties of rounding; hard
//! and soft targets; rows of 1 to 9,001 classes, side by side and strided, with ties of the largest and -inf among
//! them; weights, zeros and negative ones among them, `pos_weight`, `label_smoothing`, ignored rows; means and sums
//! that cross a block of the tree of additions. The hash is FNV-1a of 64 bits over the bits of the results, lowest byte
//! first. All NaN count as one.
//!
//! There are two sets. [`Set::Full`] takes a second on a PC. [`Set::Small`] is for emulated microcontrollers without an
//! FPU: its buffers take 4 KB, and its arithmetic some 10^9 instructions there.
//!
//! Elements of 16 bits are there with the feature `half`.
//!
//! [`call`] says a call of any function as data, so that another library can be asked for its digests: [`each_of`].
//! And what tests and programs that ask the same questions share: [`random`], and with the feature `allocations` a count of calls
//! of the allocator.
#![no_std]

#[cfg(feature = "allocations")]
extern crate std;

#[cfg(feature = "allocations")]
pub mod allocations;
pub mod call;
mod elements;
mod hash;
mod number;
pub mod random;
mod rows;

use call::{Core, Direction, Library};
use core::fmt;
use hash::Hash;
use number::Number;
use trueloss::{Error, Reduction};

/// Which inputs.
///
/// ```
/// use trueloss_digest::{Set, each_f32};
///
/// let count = |set| {
///     let mut count = 0;
///     each_f32(set, &mut |_, _| count += 1).map(|()| count)
/// };
/// assert_eq!(count(Set::Small)?, count(Set::Full)?);
/// # Ok::<(), trueloss::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Calls of up to 90 elements.
    Small,
    /// Calls of up to 9,001 elements.
    Full,
}

/// What a digest is of.
///
/// ```
/// use trueloss_digest::{Name, Set, committed};
///
/// let name = Name { function: "softmax", element: "f32", direction: "forward" };
/// assert!(committed(Set::Full, name).is_some());
/// assert!(committed(Set::Full, Name { function: "hinge", ..name }).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// PyTorch's functional name; `cross_entropy_probabilities` for class probabilities as targets.
    pub function: &'a str,
    /// `f32`, `f64`, `f16` or `bf16`.
    pub element: &'a str,
    /// The method: `forward`, `forward_each`, `backward`, `backward_each` or `forward_backward`; `value` and
    /// `derivative` for an activation of one number. Reduced losses are taken as a mean and as a sum.
    pub direction: &'a str,
}

impl Name<'static> {
    fn of<T: Number>(function: &'static str, direction: &'static str) -> Self {
        Self {
            function,
            element: T::NAME,
            direction,
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.function, self.element, self.direction)
    }
}

/// `digests.txt`: the digests of the first version that had them, and of all since.
pub const COMMITTED: &str = include_str!("../digests.txt");

/// The committed digest of a name, if there is one.
///
/// ```
/// use trueloss_digest::{Name, Set, committed};
///
/// let name = |element| Name { function: "mse_loss", element, direction: "forward" };
/// assert!(committed(Set::Full, name("f32")).is_some());
/// assert!(committed(Set::Full, name("f128")).is_none());
/// ```
pub fn committed(set: Set, name: Name<'_>) -> Option<u64> {
    COMMITTED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let mut word = || words.next().unwrap_or_default();
            let of = Name {
                function: word(),
                element: word(),
                direction: word(),
            };
            let (small, full) = (word(), word());
            let digest = match set {
                Set::Small => small,
                Set::Full => full,
            };
            (of == name).then(|| u64::from_str_radix(digest, 16).ok())?
        })
}

/// The hash of the bits of some numbers, as digests are made of them.
///
/// ```
/// use trueloss_digest::hash;
///
/// assert_ne!(hash(&[0.0]), hash(&[-0.0]));
/// // All NaN are one.
/// assert_eq!(hash(&[f32::NAN]), hash(&[-f32::NAN]));
/// ```
pub fn hash(numbers: &[f32]) -> u64 {
    let mut hash = Hash::new();
    hash.numbers(numbers);
    hash.finish()
}

/// How long calls are, and of what shape.
struct Size {
    lengths: &'static [usize],
    /// Rows, classes, and how many rows lie between the classes of one.
    shapes: &'static [[usize; 3]],
}

const SMALL_LEN: usize = 90;
const SMALL: Size = Size {
    lengths: &[SMALL_LEN],
    shapes: &[
        [90, 1, 1],
        [45, 2, 1],
        [30, 3, 1],
        [9, 10, 1],
        [2, 33, 1],
        [1, 90, 1],
        [2, 5, 9],
    ],
};

const FULL_LEN: usize = 9001;
const FULL: Size = Size {
    // Around the lengths of vectors, stretches and blocks.
    lengths: &[
        1, 2, 15, 16, 17, 33, 90, 511, 513, 4095, 4096, 4097, FULL_LEN,
    ],
    shapes: &[
        [17, 1, 1],
        [4097, 2, 1],
        [700, 3, 1],
        [201, 10, 1],
        [40, 33, 1],
        [12, 100, 1],
        [3, 1000, 1],
        [1, FULL_LEN, 1],
        [2, 7, 100],
        [1, 33, 40],
        [4200, 1, 2],
    ],
};

const POS_WEIGHTS: usize = 3;

/// Room for the inputs and outputs of a call.
struct Buffers<'a, T> {
    x: &'a mut [T],
    y: &'a mut [T],
    g: &'a mut [T],
    weight: &'a mut [T],
    pos_weight: &'a mut [T],
    labels: &'a mut [i32],
    out: &'a mut [T],
}

type Visit<'a> = dyn FnMut(Name<'static>, u64) + 'a;

/// Computes all digests of a set and hands them to `visit` one by one, in the order of `digests.txt`.
///
/// Buffers lie on the stack: 4 KB for [`Set::Small`], 400 KB for [`Set::Full`].
///
/// # Errors
///
/// None: every input is legal. The error of a function that says otherwise.
///
/// ```
/// use trueloss_digest::{Set, committed, each};
///
/// // This machine has the bits of all others.
/// each(Set::Small, &mut |name, digest| assert_eq!(committed(Set::Small, name), Some(digest)))?;
/// # Ok::<(), trueloss::Error>(())
/// ```
// Inlined, so that what a constant set does not need is left out of a program.
#[inline(always)]
pub fn each(set: Set, visit: &mut dyn FnMut(Name<'static>, u64)) -> Result<(), Error> {
    each_of(&mut Core, set, visit)?;
    #[cfg(feature = "half")]
    {
        of_set::<trueloss::half::f16, _>(&mut Core, set, visit)?;
        of_set::<trueloss::half::bf16, _>(&mut Core, set, visit)?;
    }
    Ok(())
}

/// As [`each`], with the answers of any library, to calls of `f32` and `f64`. Digests of functions that it does not
/// have, those of one number, are left out.
///
/// # Errors
///
/// The library's.
///
/// ```
/// use trueloss_digest::call::Core;
/// use trueloss_digest::{Set, committed, each_of};
///
/// each_of(&mut Core, Set::Small, &mut |name, digest| {
///     assert_eq!(committed(Set::Small, name), Some(digest));
/// })?;
/// # Ok::<(), trueloss::Error>(())
/// ```
#[inline(always)]
pub fn each_of<E, L>(
    library: &mut L,
    set: Set,
    visit: &mut dyn FnMut(Name<'static>, u64),
) -> Result<(), E>
where
    L: Library<f32, Error = E> + Library<f64, Error = E>,
{
    of_set::<f32, L>(library, set, visit)?;
    of_set::<f64, L>(library, set, visit)
}

/// As [`each`], for `f32` alone: a program with the functions of both types may be too large for a small machine.
///
/// # Errors
///
/// As for [`each`].
///
/// ```
/// use trueloss_digest::{Set, each_f32};
///
/// each_f32(Set::Small, &mut |name, _| assert_eq!(name.element, "f32"))?;
/// # Ok::<(), trueloss::Error>(())
/// ```
#[inline(always)]
pub fn each_f32(set: Set, visit: &mut dyn FnMut(Name<'static>, u64)) -> Result<(), Error> {
    of_set::<f32, _>(&mut Core, set, visit)
}

/// As [`each_f32`], for `f64`.
///
/// # Errors
///
/// As for [`each`].
///
/// ```
/// use trueloss_digest::{Set, each_f64};
///
/// each_f64(Set::Small, &mut |name, _| assert_eq!(name.element, "f64"))?;
/// # Ok::<(), trueloss::Error>(())
/// ```
#[inline(always)]
pub fn each_f64(set: Set, visit: &mut dyn FnMut(Name<'static>, u64)) -> Result<(), Error> {
    of_set::<f64, _>(&mut Core, set, visit)
}

#[inline(always)]
fn of_set<T: Number, L: Library<T>>(
    library: &mut L,
    set: Set,
    visit: &mut Visit<'_>,
) -> Result<(), L::Error> {
    match set {
        Set::Small => of_type::<T, SMALL_LEN, L>(library, &SMALL, visit),
        Set::Full => of_type::<T, FULL_LEN, L>(library, &FULL, visit),
    }
}

#[inline(never)]
fn of_type<T: Number, const N: usize, L: Library<T>>(
    library: &mut L,
    size: &Size,
    visit: &mut Visit<'_>,
) -> Result<(), L::Error> {
    let mut buffers = Buffers {
        x: &mut [T::zero(); N],
        y: &mut [T::zero(); N],
        g: &mut [T::zero(); N],
        weight: &mut [T::zero(); N],
        pos_weight: &mut [T::zero(); POS_WEIGHTS],
        labels: &mut [0; N],
        out: &mut [T::zero(); N],
    };
    elements::each(library, &mut buffers, size, visit)?;
    rows::each(library, &mut buffers, size, visit)
}

/// An activation's directions, by the names of its methods.
const ACTIVATION: [(Direction, &str); 2] = [
    (Direction::ForwardEach, "forward"),
    (Direction::BackwardEach, "backward"),
];

/// The reductions that a direction is hashed with. Where nothing is reduced, any will do.
fn reductions(direction: Direction) -> &'static [Reduction] {
    if direction.is_each() {
        &[Reduction::Sum]
    } else {
        &[Reduction::Mean, Reduction::Sum]
    }
}
