//! The digests of a library other than core: the same for the same answers, others for others.

use trueloss::{Element, Error, Reduction};
use trueloss_digest::call::{
    Core, Direction, ElementCall, ElementFunction, Labels, Library, RowCall, RowFunction,
};
use trueloss_digest::{Name, Set, committed, each, each_of};

/// Core's slices, but without its functions of one number, and with the wrong sign in one place: the last number that
/// a function writes in one direction, or the loss that it returns where it writes none, or its accuracy.
#[derive(Default)]
struct Other {
    wrong: Option<(&'static str, Direction)>,
}

impl Other {
    fn answer<T: Element>(
        &self,
        of: (&'static str, Direction),
        loss: Option<T>,
        out: &mut [T],
    ) -> Option<T> {
        if self.wrong != Some(of) {
            return loss;
        }
        let Some(last) = out.last_mut() else {
            return loss.map(|loss| -loss);
        };
        *last = -*last;
        loss
    }
}

impl<T: Element> Library<T> for Other {
    type Error = Error;

    fn elements(&mut self, call: &ElementCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        let loss = Core.elements(call, out)?;
        Ok(self.answer((call.function.name(), call.direction), loss, out))
    }

    fn rows(&mut self, call: &RowCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        let loss = Core.rows(call, out)?;
        Ok(self.answer((call.function.name(), call.direction), loss, out))
    }

    fn binary_accuracy(&mut self, input: &[T], target: &[T]) -> Result<T, Error> {
        let share = Core.binary_accuracy(input, target)?;
        let of = ("binary_accuracy", Direction::Forward);
        Ok(self.answer(of, Some(share), &mut []).unwrap_or(share))
    }

    fn accuracy(&mut self, data: &[T], shape: [usize; 3], labels: Labels<'_>) -> Result<T, Error> {
        let share = Core.accuracy(data, shape, labels)?;
        let of = ("accuracy", Direction::Forward);
        Ok(self.answer(of, Some(share), &mut []).unwrap_or(share))
    }
}

/// How many digests there are of a library's slices: of each method, for two types of element.
fn all() -> usize {
    let losses = ElementFunction::LOSSES.len() + RowFunction::LOSSES.len();
    let activations = ElementFunction::ACTIVATIONS.len() + RowFunction::ACTIVATIONS.len();
    // And the two accuracies.
    2 * (5 * losses + 2 * activations + 2)
}

fn digests(library: &mut Other) -> Vec<(Name<'static>, u64)> {
    let mut digests = Vec::new();
    let mut visit = |name, digest| digests.push((name, digest));
    each_of(library, Set::Small, &mut visit).expect("the inputs are legal");
    digests
}

#[test]
fn a_library_without_functions_of_one_number_has_the_digests_of_slices() {
    let mut of_slices = Vec::new();
    let mut visit = |name: Name<'static>, digest| {
        // A library answers calls of these types.
        let asked = ["f32", "f64"].contains(&name.element);
        if asked && !["value", "derivative"].contains(&name.direction) {
            of_slices.push((name, digest));
        }
    };
    each(Set::Small, &mut visit).expect("the inputs are legal");
    assert_eq!(of_slices.len(), all());
    assert_eq!(digests(&mut Other::default()), of_slices);
}

#[test]
fn each_wrong_answer_changes_its_digests_and_no_other() {
    const ACTIVATION: &[Direction] = &[Direction::ForwardEach, Direction::BackwardEach];
    let mut functions: Vec<(&str, &[Direction])> = vec![
        ("binary_accuracy", &[Direction::Forward]),
        ("accuracy", &[Direction::Forward]),
    ];
    functions.extend(ElementFunction::LOSSES.map(|f| (f.name(), &Direction::ALL[..])));
    functions.extend(ElementFunction::ACTIVATIONS.map(|f| (f.name(), ACTIVATION)));
    functions.extend(RowFunction::LOSSES.map(|f| (f.name(), &Direction::ALL[..])));
    functions.extend(RowFunction::ACTIVATIONS.map(|f| (f.name(), ACTIVATION)));
    let mut wrong = 0;
    for (function, directions) in functions {
        for &direction in directions {
            let of = Some((function, direction));
            let differ: Vec<_> = digests(&mut Other { wrong: of })
                .into_iter()
                .filter(|&(name, digest)| committed(Set::Small, name) != Some(digest))
                .map(|(name, _)| name)
                .collect();
            // An activation's methods have no other name for each element.
            let method = if directions == ACTIVATION {
                direction.name().trim_end_matches("_each")
            } else {
                direction.name()
            };
            let expected = ["f32", "f64"].map(|element| Name {
                function,
                element,
                direction: method,
            });
            assert_eq!(differ, expected);
            wrong += differ.len();
        }
    }
    assert_eq!(wrong, all());
}

#[test]
fn labels_of_either_type_have_the_same_answers() {
    let data = [2.0_f32, 1.0, 0.1, 0.5, 2.5, 0.3];
    let shape = [2, 3, 1];
    let types = [Labels::I32(&[0, 2]), Labels::I64(&[0, 2])];
    assert_eq!(types.map(|y| Core.accuracy(&data, shape, y)), [Ok(0.5); 2]);
    for function in [RowFunction::NllLoss, RowFunction::CrossEntropy] {
        let [a, b] = types.map(|labels| {
            let call = RowCall {
                reduction: Reduction::Sum,
                labels,
                ..RowCall::new(function, Direction::ForwardBackward, &data, shape)
            };
            let mut out = [0.0; 6];
            (Core.rows(&call, &mut out), out)
        });
        assert!(matches!(a.0, Ok(Some(_))));
        assert_eq!(a, b);
    }
}

#[test]
#[should_panic(expected = "sigmoid has no reduced loss, and so no forward_backward")]
fn an_activation_has_no_reduced_loss() {
    let call = ElementCall::new(
        ElementFunction::Sigmoid,
        Direction::ForwardBackward,
        &[0.0_f32],
    );
    let _ = Core.elements(&call, &mut [0.0]);
}
