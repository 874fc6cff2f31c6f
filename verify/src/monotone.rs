//! Whether answers to one `f32` after the other go the way that the function goes: never down where it rises, never up
//! where it falls.
//!
//! Rounding keeps order, so correctly rounded answers of a monotonic function are monotonic: of right answers this says
//! nothing new. It is looked at all the same, as it is what people ask for, and needs neither oracle nor expansion: a mistake
//! that those share with the kernels would have to keep the order of all answers, too.

use crate::filter::OneArgument;

const SIGN: u32 = 1 << 31;
const INFINITY: u32 = 0x7f80_0000;

/// Whether the function rises, in the wider sense, everywhere; false where it falls everywhere, none if it does neither.
fn rises(function: OneArgument) -> Option<bool> {
    match function {
        OneArgument::Sigmoid
        | OneArgument::LogSigmoid
        | OneArgument::Softplus
        | OneArgument::NegLogSigmoidDerivative => Some(true),
        OneArgument::LogSigmoidDerivative | OneArgument::NegLogSigmoid => Some(false),
        OneArgument::SigmoidDerivative => None,
    }
}

/// The `f32` whose answer those to the bits `first`, `first` + 1, … are to follow; none where 0 begins. Before -0 comes
/// 0, so that those below 0 follow those above it.
pub(crate) fn before(first: u32) -> Option<f32> {
    match first {
        0 => None,
        SIGN => Some(0.0),
        _ => Some(f32::from_bits(first - 1)),
    }
}

/// Neighbours whose answers are in the wrong order, or not in any.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Turns {
    pub(crate) count: u64,
    /// The first of them: the `f32` that is nearer to 0 and the other one, each with its answer.
    pub(crate) first: Option<[[f32; 2]; 2]>,
}

/// Looks at two answers to each `f32` of the bits `first`, `first` + 1, …, all of one sign: those of the reference formula
/// and those of the methods for slices. `last` are the two to what is [`before`] them.
pub(crate) fn turns(
    function: OneArgument,
    first: u32,
    last: Option<[f32; 2]>,
    answers: [&[f32]; 2],
) -> Turns {
    let Some(rises) = rises(function) else {
        return Turns::default();
    };
    let negative = first & SIGN != 0;
    // As bits grow, so does the magnitude.
    let rises = rises != negative;
    // NaN has no place in the order; an infinity has.
    let numbers = (INFINITY + 1).saturating_sub(first & !SIGN) as usize;
    let numbers = numbers.min(answers[0].len());
    if numbers == 0 {
        return Turns::default();
    }
    let is_turn = |a: f32, b: f32| {
        let wrong = if rises { a > b } else { a < b };
        // NaN is in no order.
        wrong | a.is_nan() | b.is_nan()
    };
    let [of_record, of_slices] = answers.map(|answers| &answers[..numbers]);
    let mut found = Turns::default();
    let mut at = |index: usize, a: f32, b: f32| {
        found.count += 1;
        let bits = first + index as u32;
        let nearer = before(bits).unwrap_or_default();
        found
            .first
            .get_or_insert([[nearer, a], [f32::from_bits(bits), b]]);
    };
    if let Some(last) = last {
        let pairs = [[last[0], of_record[0]], [last[1], of_slices[0]]];
        if let Some([a, b]) = pairs.into_iter().find(|&[a, b]| is_turn(a, b)) {
            at(0, a, b);
        }
    }
    // Without a branch: a look at each pair by itself is for where there is a turn.
    let has_turns = |answers: &[f32]| {
        let pairs = answers.iter().zip(&answers[1..]);
        pairs.fold(false, |found, (&a, &b)| found | is_turn(a, b))
    };
    if !(has_turns(of_record) || has_turns(of_slices)) {
        return found;
    }
    for index in 1..numbers {
        let pairs = [of_record, of_slices].map(|answers| [answers[index - 1], answers[index]]);
        if let Some([a, b]) = pairs.into_iter().find(|&[a, b]| is_turn(a, b)) {
            at(index, a, b);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter;

    const LEN: usize = 1 << 10;

    fn right(function: OneArgument, first: u32) -> Vec<f32> {
        let x = |i: usize| f32::from_bits(first + i as u32);
        (0..LEN)
            .map(|i| filter::correctly_rounded(function, x(i)).0)
            .collect()
    }

    /// Where the answers are no constant: some about 1, and about -1.
    const FIRST: [u32; 2] = [0x3f7f_fe00, 0xbf7f_fe00];

    #[test]
    fn right_answers_have_no_turns() {
        for function in OneArgument::ALL {
            for first in
                FIRST
                    .into_iter()
                    .chain([0, SIGN, INFINITY - 1000, INFINITY, SIGN + INFINITY])
            {
                let answers = right(function, first);
                let last = before(first).map(|x| [filter::correctly_rounded(function, x).0; 2]);
                let found = turns(function, first, last, [&answers, &answers]);
                assert_eq!(
                    found,
                    Turns::default(),
                    "{} from {first:x}",
                    function.name()
                );
            }
        }
    }

    #[test]
    fn one_turn_is_found_in_either_of_the_two_answers() {
        for function in OneArgument::ALL {
            let Some(rises) = rises(function) else {
                continue;
            };
            for first in FIRST {
                let answers = right(function, first);
                let last = before(first).map(|x| [filter::correctly_rounded(function, x).0; 2]);
                for at in [1, LEN / 2, LEN - 1] {
                    let mut wrong = answers.clone();
                    // One ULP past the one before it.
                    let previous = wrong[at - 1];
                    wrong[at] = if rises != (first & SIGN != 0) {
                        previous.next_down()
                    } else {
                        previous.next_up()
                    };
                    for answers in [[&wrong, &answers], [&answers, &wrong]] {
                        let found = turns(function, first, last, answers.map(|a| &a[..]));
                        assert_eq!(found.count, 1);
                        let [a, b] =
                            [at - 1, at].map(|i| [f32::from_bits(first + i as u32), wrong[i]]);
                        assert_eq!(found.first, Some([a, b]));
                    }
                }
            }
        }
    }

    #[test]
    fn turns_between_pieces_and_answers_that_are_no_numbers() {
        let function = OneArgument::Sigmoid;
        let count =
            |first, last, answers: &[f32]| turns(function, first, last, [answers, answers]).count;
        let ones = vec![1.0; LEN];
        let first = 0x4200_0000;
        assert_eq!(count(first, Some([1.0, 1.0]), &ones), 0);
        assert_eq!(count(first, Some([1.0, 1.0_f32.next_up()]), &ones), 1);
        assert_eq!(count(first, Some([f32::NAN, 1.0]), &ones), 1);
        // Below 0 the bits go the other way, and -0 is not above 0.
        assert_eq!(count(SIGN, Some([0.5, 0.5]), &[0.5_f32; LEN]), 0);
        assert_eq!(count(SIGN, Some([0.5, 0.5]), &[0.5_f32.next_up(); LEN]), 1);
        let mut nan = ones.clone();
        nan[7] = f32::NAN;
        assert_eq!(count(first, None, &nan), 2);
        // There is no order among the answers to NaN.
        assert_eq!(
            count(INFINITY, Some([1.0; 2]), &[&[1.0][..], &nan[..9]].concat()),
            0
        );
    }
}
