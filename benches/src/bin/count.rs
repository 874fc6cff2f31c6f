//! Makes the calls whose instructions `count.py` counts under callgrind, and prints the name and the number of elements
//! of each, in order.

use std::hint::black_box;
use std::process::ExitCode;
use trueloss::dispatch::{self, Width};
use trueloss_benches::{Call, Function, Shape};

/// A call too short to leave the first chunk, and one of many blocks.
const ELEMENTS: [Shape; 2] = [Shape::elements(32), Shape::elements(1 << 16)];

const CLASSES: [Shape; 3] = [
    Shape::classes(4, 10),
    Shape::classes(1024, 10),
    Shape::classes(64, 1000),
];

fn main() -> ExitCode {
    let widths: Vec<(&str, Width)> = [("baseline", Width::Baseline), ("avx2", Width::Avx2)]
        .into_iter()
        .filter(|&(_, width)| dispatch::limit(width) == width)
        .collect();
    for (width_name, width) in widths {
        dispatch::limit(width);
        for function in Function::ALL {
            for &direction in function.directions() {
                let shapes: &[Shape] = if function.of_rows() {
                    &CLASSES
                } else {
                    &ELEMENTS
                };
                for &shape in shapes {
                    let mut call = Call::<f32>::new(function, direction, shape);
                    // What only a first call does is not what is counted.
                    if call.run().is_err() {
                        eprintln!("{} {}: an error", function.name(), direction.name());
                        return ExitCode::FAILURE;
                    }
                    counted_call(black_box(&mut call));
                    println!(
                        "{} {} f32 {shape} {width_name} {}",
                        function.name(),
                        direction.name(),
                        shape.len()
                    );
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// The function that callgrind is told to look at.
#[inline(never)]
fn counted_call(call: &mut Call<f32>) {
    let _ = black_box(call.run());
}
