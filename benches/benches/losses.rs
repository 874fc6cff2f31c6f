//! Every function, direction, element type and a ladder of sizes, one thread unless the feature `parallel` is on.
//!
//! `cargo bench -p trueloss-benches -- bce_with_logits/forward/f32` runs those whose name contains the pattern;
//! all of them take hours.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use trueloss_benches::{Call, Direction, FromF64, Function, Shape};

const ELEMENTS: [Shape; 5] = [
    Shape::elements(32),
    Shape::elements(1 << 10),
    Shape::elements(1 << 16),
    Shape::elements(1 << 20),
    Shape::elements(1 << 24),
];

const CLASSES: [Shape; 5] = [
    Shape::classes(4, 10),
    Shape::classes(64, 1000),
    Shape::classes(4096, 10),
    Shape::classes(4096, 1000),
    Shape::classes(256, 50257),
];

fn all(criterion: &mut Criterion) {
    for function in Function::ALL {
        for &direction in function.directions() {
            group::<f32>(criterion, function, direction);
            group::<f64>(criterion, function, direction);
        }
    }
}

fn group<T: FromF64>(criterion: &mut Criterion, function: Function, direction: Direction) {
    let name = format!("{}/{}/{}", function.name(), direction.name(), T::NAME);
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(2));
    for shape in if function.of_rows() {
        CLASSES
    } else {
        ELEMENTS
    } {
        group.throughput(Throughput::Elements(shape.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(shape), |bencher| {
            // Made here, so that what a filter leaves out costs nothing.
            let mut call = Call::<T>::new(function, direction, shape);
            bencher
                .iter(|| black_box(black_box(&mut call).run()).expect("the arguments are right"));
        });
    }
    group.finish();
}

criterion_group!(benches, all);
criterion_main!(benches);
