//! The training comes to good models, and always to the same ones.

use super::{IRIS, Line, Sensor, train_iris, train_vibration};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// The loss falls by two fifths at least from the first line to the last, and the last lines are right about most rows.
fn has_learnt(lines: &[Line]) {
    let [first, .., before, last] = lines else {
        panic!("{} lines", lines.len());
    };
    assert!(
        last.loss <= 0.6 * first.loss,
        "{} to {}",
        first.loss,
        last.loss
    );
    assert!(before.accuracy > 0.93 && last.accuracy > 0.93, "{lines:?}");
}

/// The bits are the microcontrollers' too: `train.sh` compares.
#[test]
fn iris_is_learnt() {
    let training = train_iris().unwrap();
    has_learnt(&training.lines);
    assert_eq!(train_iris(), Ok(training));
    assert!(training.model.bits().eq([
        0xbfd15348, 0x3f5b7c48, 0x3f472a48, 0x400e3847, 0xbf616903, 0xbfabbc19, 0xc07016cd,
        0xbe09b447, 0x4078b20a, 0xc0690316, 0xbfad92d2, 0x409fe63d, 0xbf745bfc, 0x40030433,
        0xbf8bda64,
    ]));
}

#[test]
fn a_knocking_bearing_is_learnt() {
    let training = train_vibration().unwrap();
    has_learnt(&training.lines);
    assert_eq!(train_vibration(), Ok(training));
    assert!(
        training
            .model
            .bits()
            .eq([0x3f903b26, 0x40612749, 0x3faca656, 0xbf345d04])
    );
}

/// The table in the program is the file, read in another way.
#[test]
fn the_irises_are_those_of_the_file() {
    let file = include_str!("../../../core/examples/data/iris.csv");
    let mut lines = file.lines().skip(1);
    for row in &IRIS {
        let [lengths @ .., species] = row;
        let mut numbers: Vec<String> = lengths
            .iter()
            .map(|tenths| format!("{}.{}", tenths / 10, tenths % 10))
            .collect();
        numbers.push(species.to_string());
        assert_eq!(lines.next(), Some(numbers.join(",").as_str()));
    }
    assert_eq!(lines.next(), None);
}

/// Half of the windows are of worn bearings, and no feature alone says which.
#[test]
fn the_sensor_needs_all_features() {
    let mut sensor = Sensor::new(1);
    let windows: Vec<_> = (0..2000).map(|_| sensor.window()).collect();
    let worn = windows.iter().filter(|(_, worn)| *worn == 1).count();
    assert!((900..1100).contains(&worn), "{worn}");
    for feature in 0..3 {
        let of = |class| {
            let own = windows.iter().filter(move |(_, worn)| *worn == class);
            own.map(move |(x, _)| x[feature])
        };
        let largest_sound = of(0).fold(f32::MIN, f32::max);
        assert!(of(1).any(|x| x < largest_sound), "feature {feature}");
        let mean = |class| of(class).sum::<f32>() / of(class).count() as f32;
        assert!(mean(0) < mean(1), "feature {feature}");
    }
}
