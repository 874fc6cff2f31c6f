//! The properties find what is wrong: a library that answers as core does, but for one mistake, fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arbitrary::Unstructured;
use trueloss::Error;
use trueloss_digest::call::{Core, Direction, ElementCall, Labels, Library, RowCall};

use super::Target;
use super::watched::Watched;

/// What core's answers are changed by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    None,
    /// The first loss or value of each is the number above.
    Value,
    /// So is the first gradient of each.
    Gradient,
    /// The reduced loss is, but not that of forward_backward.
    Reduced,
    /// The last loss of each is NaN.
    Nan,
    /// What is refused has been written to.
    Written,
    /// What is refused is answered with what was there.
    Accepted,
    /// A legal call is refused.
    Refused,
    /// The allocator is called.
    Allocates,
}

struct Wrong(Mistake);

impl Wrong {
    fn answer(
        &self,
        direction: Direction,
        answer: Result<Option<f32>, Error>,
        out: &mut [f32],
    ) -> Result<Option<f32>, Error> {
        match (self.0, &answer) {
            (Mistake::Value, Ok(_)) if direction == Direction::ForwardEach => {
                out.iter_mut().take(1).for_each(|x| *x = x.next_up());
            }
            (Mistake::Gradient, Ok(_)) if direction == Direction::BackwardEach => {
                out.iter_mut().take(1).for_each(|x| *x = x.next_up());
            }
            (Mistake::Reduced, Ok(Some(loss))) if direction == Direction::Forward => {
                return Ok(Some(loss.next_up()));
            }
            (Mistake::Nan, Ok(_)) if direction == Direction::ForwardEach => {
                out.iter_mut().rev().take(1).for_each(|x| *x = f32::NAN);
            }
            (Mistake::Written, Err(_)) => out.iter_mut().take(1).for_each(|x| *x = 0.0),
            (Mistake::Accepted, Err(_)) => return Ok(None),
            (Mistake::Refused, Ok(_)) => return Err(Error::NoClasses),
            (Mistake::Allocates, _) => drop(std::hint::black_box(vec![1_u8])),
            _ => {}
        }
        answer
    }
}

impl Library<f32> for Wrong {
    type Error = Error;

    fn elements(
        &mut self,
        call: &ElementCall<'_, f32>,
        out: &mut [f32],
    ) -> Result<Option<f32>, Error> {
        self.answer(call.direction, Core.elements(call, out), out)
    }

    fn rows(&mut self, call: &RowCall<'_, f32>, out: &mut [f32]) -> Result<Option<f32>, Error> {
        self.answer(call.direction, Core.rows(call, out), out)
    }

    fn binary_accuracy(&mut self, input: &[f32], target: &[f32]) -> Result<f32, Error> {
        Core.binary_accuracy(input, target)
    }

    fn accuracy(
        &mut self,
        data: &[f32],
        shape: [usize; 3],
        labels: Labels<'_>,
    ) -> Result<f32, Error> {
        Core.accuracy(data, shape, labels)
    }

    fn one_by_one(&mut self, call: &ElementCall<'_, f32>, out: &mut [f32]) -> Result<bool, Error> {
        Core.one_by_one(call, out)
    }
}

/// Bytes that look random, the same ones for the same seed.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(300).collect()
}

/// How many of some calls fail.
fn failures(target: Target, mistake: Mistake) -> usize {
    let fails = |seed: &u64| {
        let bytes = bytes(*seed);
        let run =
            || target.of::<f32, _>(&mut Unstructured::new(&bytes), &mut Watched(Wrong(mistake)));
        catch_unwind(AssertUnwindSafe(run)).is_err()
    };
    (0..40).filter(fails).count()
}

#[test]
fn mistakes_are_found() {
    let functions = &Target::ALL[..7];
    for &target in functions {
        assert_eq!(failures(target, Mistake::None), 0, "{target:?}");
        for mistake in [
            Mistake::Value,
            Mistake::Gradient,
            Mistake::Nan,
            Mistake::Refused,
            Mistake::Allocates,
        ] {
            assert!(failures(target, mistake) > 0, "{target:?}, {mistake:?}");
        }
        if target != Target::Activations {
            assert!(failures(target, Mistake::Reduced) > 0, "{target:?}");
        }
    }
    for mistake in [Mistake::Written, Mistake::Accepted] {
        let found = failures(Target::ShapesAndOptions, mistake);
        assert!(found > 0, "{mistake:?}");
    }
    assert_eq!(failures(Target::ShapesAndOptions, Mistake::None), 0);
}
