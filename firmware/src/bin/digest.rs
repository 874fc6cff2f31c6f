//! Computes the digests of the bits of every function, prints them, and compares them with those that are committed. And sees
//! that shapes are refused which have more elements than a `usize` of this machine counts.
//!
//! `digest [baseline|avx2|avx512]` on a host: at this SIMD width, which must be there.
#![no_std]
#![no_main]

use trueloss::{Classes, Error};
use trueloss_digest::{Set, committed, each};
use trueloss_firmware::println;

trueloss_firmware::entry!(run);

const SET: Set = if cfg!(feature = "full") {
    Set::Full
} else {
    Set::Small
};

#[cfg(platform = "host")]
fn limit() -> Result<(), &'static str> {
    extern crate std;
    use trueloss::dispatch::{Width, limit};
    let width = match std::env::args().nth(1).as_deref() {
        None => return Ok(()),
        Some("baseline") => Width::Baseline,
        Some("avx2") => Width::Avx2,
        Some("avx512") => Width::Avx512,
        Some(_) => return Err("usage: digest [baseline|avx2|avx512]"),
    };
    if limit(width) == width {
        Ok(())
    } else {
        Err("this machine has no vectors of this width")
    }
}

/// Without an operating system, the width is that of the compiler's target.
#[cfg(not(platform = "host"))]
fn limit() -> Result<(), &'static str> {
    Ok(())
}

/// Shapes of more elements than a `usize` counts, on whatever machine this is. The first product wraps around to 0, which is
/// how many elements the empty slice has.
fn refuses_overflowing_shapes() -> bool {
    let root = 1_usize << (usize::BITS / 2);
    let empty: &[f32] = &[];
    let overflows = |shape: &[usize]| {
        let dims = shape.len();
        Classes::new(empty, shape).err() == Some(Error::ShapeOverflow)
            && (0..dims)
                .all(|dim| Classes::along(empty, shape, dim).err() == Some(Error::ShapeOverflow))
    };
    overflows(&[root, root])
        && overflows(&[usize::MAX, 2])
        && overflows(&[root / 2, 2, root])
        && overflows(&[3, usize::MAX, 3])
        // Beside a size of 0 nothing overflows.
        && Classes::new(empty, [0, root, root]).is_ok()
}

fn run() -> i32 {
    if let Err(error) = limit() {
        println!("{error}");
        return 2;
    }
    println!("{SET:?} set, width: {:?}", trueloss::dispatch::width());
    let (mut passed, mut failed) = (0, 0);
    let all = each(SET, &mut |name, digest| match committed(SET, name) {
        Some(expected) if expected == digest => {
            passed += 1;
            println!("{name} {digest:016x}");
        }
        expected => {
            failed += 1;
            println!("{name} {digest:016x} differs, committed: {expected:016x?}");
        }
    });
    if let Err(error) = all {
        println!("a legal call was refused: {error}");
        failed += 1;
    }
    if !refuses_overflowing_shapes() {
        println!(
            "a shape of more elements than {} bits count is not refused",
            usize::BITS
        );
        failed += 1;
    }
    println!("{passed} passed, {failed} failed");
    i32::from(failed > 0 || passed == 0)
}
