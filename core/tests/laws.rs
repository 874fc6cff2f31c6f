//! Laws that hold to the bit, on a fixed sequence of numbers.

#[macro_use]
mod common;
#[path = "common/random.rs"]
mod random;

use common::{bits, cast};
use random::Random;
#[cfg(feature = "half")]
use trueloss::half;
use trueloss::{
    Bce, BceWithLogits, Classes, CrossEntropy, Element, LogSigmoid, LogSoftmax, Mse, Nll,
    Reduction, Sigmoid, Softmax, Softplus, log_sigmoid, sigmoid, softplus,
};

for_each_element_type!(
    elements_do_not_see_their_neighbours,
    rows_do_not_see_their_neighbours,
    methods_agree,
    weights_of_one_are_none,
    weights_of_the_other_sign_negate,
    class_indices_of_any_type,
    one_row_needs_no_batch,
    slices_are_numbers_one_by_one,
);

/// Enough for more than one chunk and less than a block.
const N: usize = 150;

/// Finite in every type: those of an f16 end at 2^16.
fn logit(random: &mut Random) -> f64 {
    if random.below(8) == 0 {
        random.of_any_magnitude(15)
    } else {
        random.within(40.0)
    }
}

/// Targets in [0, 1], half of them hard.
fn probability(random: &mut Random) -> f64 {
    match random.below(4) {
        0 => 0.0,
        1 => 1.0,
        _ => random.unit(),
    }
}

/// Runs a block of code for every element-wise loss, as `loss` with its `input`.
macro_rules! for_each_elementwise {
    ($T:ty, $weight:expr, $random:expr, |$loss:ident, $x:ident| $body:block) => {{
        let logits: Vec<$T> = $random.elements(N, logit);
        let unit: Vec<$T> = $random.elements(N, probability);
        {
            let ($loss, $x) = (Mse::new(), &logits);
            $body
        }
        {
            let ($loss, $x) = (Bce::new(), &unit);
            $body
        }
        {
            let ($loss, $x) = (Bce::new().weight($weight), &unit);
            $body
        }
        {
            let ($loss, $x) = (BceWithLogits::new(), &logits);
            $body
        }
        {
            let ($loss, $x) = (BceWithLogits::new().weight($weight), &logits);
            $body
        }
        {
            let ($loss, $x) = (BceWithLogits::new().pos_weight($weight), &logits);
            $body
        }
    }};
}

/// Likewise for every loss of classes with labels, one of them ignored.
macro_rules! for_each_of_classes {
    ($T:ty, $weight:expr, |$loss:ident| $body:block) => {{
        {
            let $loss = Nll::new();
            $body
        }
        {
            let $loss = Nll::new().weight($weight).ignore_index(2);
            $body
        }
        {
            let $loss = CrossEntropy::<$T>::new();
            $body
        }
        {
            let $loss = CrossEntropy::new().weight($weight).ignore_index(2);
            $body
        }
        {
            let $loss = CrossEntropy::<$T>::new().label_smoothing(0.1);
            $body
        }
        {
            let $loss = CrossEntropy::new().weight($weight).label_smoothing(0.3);
            $body
        }
    }};
}

fn elements_do_not_see_their_neighbours<T: Element>() {
    let random = &mut Random::new(11);
    let (y, g) = (
        random.elements::<T>(N, probability),
        random.elements::<T>(N, |random| random.within(3.0)),
    );
    let w = [T::narrow(1.7)];
    for_each_elementwise!(T, &w, random, |loss, x| {
        let (mut losses, mut grad) = (vec![T::zero(); N], vec![T::zero(); N]);
        loss.forward_each(x, &y, &mut losses).unwrap();
        loss.backward_each(x, &y, &g, &mut grad).unwrap();
        for i in 0..N {
            let (mut one, mut one_grad) = ([T::zero()], [T::zero()]);
            loss.forward_each(&x[i..=i], &y[i..=i], &mut one).unwrap();
            loss.backward_each(&x[i..=i], &y[i..=i], &g[i..=i], &mut one_grad)
                .unwrap();
            assert_eq!(bits(&one), bits(&losses[i..=i]));
            assert_eq!(bits(&one_grad), bits(&grad[i..=i]));
            // A batch of one is its own mean.
            let mean = loss.forward(&x[i..=i], &y[i..=i]).unwrap();
            assert_eq!(bits(&one), bits(&[mean]));
        }
    });
}

/// The class counts around the size of a chunk, and rows with a stride.
fn rows_do_not_see_their_neighbours<T: Element>() {
    let random = &mut Random::new(12);
    for shape in [
        [5, 3, 1],
        [2, 4, 3],
        [3, 63, 2],
        [2, 64, 1],
        [2, 65, 3],
        [1, 300, 2],
    ] {
        let [n, c, d] = shape;
        let x: Vec<T> = random.elements(n * c * d, logit);
        let weight: Vec<T> = random.elements(c, |random| random.within(2.0));
        let q: Vec<T> = random.elements(x.len(), probability);
        let g: Vec<T> = random.elements(x.len(), |random| random.within(3.0));
        let labels: Vec<i64> = (0..n * d).map(|_| random.below(c as u64) as i64).collect();
        let rows = Classes::new(&x, shape).unwrap();
        let places = |row: usize| (0..c).map(move |j| row / d * c * d + j * d + row % d);
        let take = |data: &[T], row| places(row).map(|i| data[i]).collect::<Vec<T>>();

        macro_rules! check {
            ($loss:expr, $target:expr, $row_target:expr, $forward:ident, $backward:ident) => {{
                let (mut losses, mut grad) = (vec![T::zero(); n * d], vec![T::zero(); x.len()]);
                $loss.$forward(rows, $target, &mut losses).unwrap();
                $loss
                    .$backward(rows, $target, &g[..n * d], &mut grad)
                    .unwrap();
                for row in 0..n * d {
                    let (mut loss, mut row_grad) = ([T::zero()], vec![T::zero(); c]);
                    let row_x = take(&x, row);
                    let alone = Classes::new(&row_x, [1, c]).unwrap();
                    let target = $row_target(row);
                    $loss.$forward(alone, &target, &mut loss).unwrap();
                    $loss
                        .$backward(alone, &target, &g[row..=row], &mut row_grad)
                        .unwrap();
                    assert_eq!(bits(&loss), bits(&losses[row..=row]));
                    assert_eq!(bits(&row_grad), bits(&take(&grad, row)));
                }
            }};
        }
        for_each_of_classes!(T, &weight, |loss| {
            check!(
                loss,
                &labels,
                |row| [labels[row]],
                forward_each,
                backward_each
            );
        });
        let ce = CrossEntropy::new().weight(&weight).label_smoothing(0.1);
        for ce in [CrossEntropy::new(), ce] {
            check!(
                ce,
                &q,
                |row| take(&q, row),
                forward_each_probabilities,
                backward_each_probabilities
            );
        }

        macro_rules! check_activation {
            ($f:expr) => {
                let (mut out, mut grad) = (vec![T::zero(); x.len()], vec![T::zero(); x.len()]);
                $f.forward(rows, &mut out).unwrap();
                $f.backward(rows, &g, &mut grad).unwrap();
                for row in 0..n * d {
                    let (mut row_out, mut row_grad) = (vec![T::zero(); c], vec![T::zero(); c]);
                    let (row_x, row_g) = (take(&x, row), take(&g, row));
                    let alone = Classes::new(&row_x, [c]).unwrap();
                    $f.forward(alone, &mut row_out).unwrap();
                    $f.backward(alone, &row_g, &mut row_grad).unwrap();
                    assert_eq!(bits(&row_out), bits(&take(&out, row)));
                    assert_eq!(bits(&row_grad), bits(&take(&grad, row)));
                }
            };
        }
        check_activation!(Softmax::new());
        check_activation!(LogSoftmax::new());
    }
}

/// What two methods say of one thing, and one method twice, has the same bits; a mean's gradient is that
/// of each loss with a grad_output divided by the count, but for the rounding of that quotient to the
/// element's type, and of the product.
macro_rules! assert_methods_agree {
    ($loss:expr, $input:expr, $target:expr, $rows:expr, $elements:expr, $divisor:expr) => {
        assert_methods_agree!(
            $loss,
            $input,
            $target,
            $rows,
            $elements,
            $divisor,
            forward,
            forward_each,
            backward,
            backward_each,
            forward_backward,
            partial
        )
    };
    (
        $loss:expr, $input:expr, $target:expr, $rows:expr, $elements:expr, $divisor:expr,
        $forward:ident, $forward_each:ident, $backward:ident, $backward_each:ident,
        $forward_backward:ident, $partial:ident
    ) => {{
        let (loss, input, target) = ($loss, $input, $target);
        let gradient = |f: &dyn Fn(&mut [T])| {
            let mut grad = vec![T::one(); $elements];
            f(&mut grad);
            grad
        };
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let loss = loss.reduction(reduction);
            let value = loss.$forward(input, target).unwrap();
            let mut both = vec![T::one(); $elements];
            let again = loss.$forward_backward(input, target, &mut both).unwrap();
            let partial = loss.$partial(input, target, 0).unwrap();
            let third = partial.finish(reduction).unwrap();
            assert_eq!(
                bits(&[value; 3]),
                bits(&[loss.$forward(input, target).unwrap(), again, third])
            );
            let one = |grad: &mut [T]| loss.$backward(input, target, T::one(), grad).unwrap();
            assert_eq!(bits(&both), bits(&gradient(&one)));
            assert_eq!(bits(&both), bits(&gradient(&one)));
        }
        for g in cast::<T, 3>([1.0, -2.5, 0.1]) {
            let sum = loss.reduction(Reduction::Sum);
            let reduced = gradient(&|grad| sum.$backward(input, target, g, grad).unwrap());
            let each = |g: T| {
                gradient(&|grad| {
                    loss.$backward_each(input, target, &vec![g; $rows], grad)
                        .unwrap()
                })
            };
            assert_eq!(bits(&reduced), bits(&each(g)));

            let mean = loss.reduction(Reduction::Mean);
            let reduced = gradient(&|grad| mean.$backward(input, target, g, grad).unwrap());
            let each = each(T::narrow(g.widen() / $divisor));
            for (mean, each) in reduced.iter().zip(&each) {
                let (mean, each) = (mean.widen(), each.widen());
                let bound = 2.0 * T::epsilon().widen() * each.abs() + 4.0 * T::TINY;
                // Both may be infinite: an f16 ends below the 10^12 of bce's clamp.
                let near = mean == each || (mean - each).abs() <= bound;
                assert!(near, "{mean:e} is not {each:e}");
            }
        }
        let mut losses = [vec![T::zero(); $rows], vec![T::one(); $rows]];
        for losses in &mut losses {
            loss.$forward_each(input, target, losses).unwrap();
        }
        assert_eq!(bits(&losses[0]), bits(&losses[1]));
    }};
}

/// The smallest number of a type.
trait Tiny: Element {
    const TINY: f64;
}

impl Tiny for f32 {
    const TINY: f64 = 1.0 / (1_u128 << 100) as f64 / (1_u64 << 49) as f64;
}

impl Tiny for f64 {
    const TINY: f64 = 5e-324;
}

#[cfg(feature = "half")]
impl Tiny for half::f16 {
    const TINY: f64 = 1.0 / (1 << 24) as f64;
}

#[cfg(feature = "half")]
impl Tiny for half::bf16 {
    const TINY: f64 = 1.0 / (1_u128 << 100) as f64 / (1_u64 << 33) as f64;
}

fn methods_agree<T: Tiny>() {
    let random = &mut Random::new(13);
    let y: Vec<T> = random.elements(N, probability);
    let w: Vec<T> = random.elements(N / 3, |random| random.within(2.0));
    for_each_elementwise!(T, &w, random, |loss, x| {
        assert_methods_agree!(loss, x, &y, N, N, N as f64);
    });

    let (rows, classes) = (N / 3, 3);
    let x: Vec<T> = random.elements(N, logit);
    let w: Vec<T> = random.elements(classes, |random| 0.25 + random.unit());
    let labels: Vec<i64> = (0..rows).map(|_| random.below(3) as i64).collect();
    let q: Vec<T> = random.elements(N, probability);
    let input = Classes::new(&x, [rows, classes]).unwrap();
    for (weight, ignored) in [(None, -100), (Some(&w), -100), (Some(&w), 2), (None, 0)] {
        let class_weight = |&y: &i64| match weight {
            _ if y == ignored => 0.0,
            None => 1.0,
            Some(w) => w[y as usize].widen(),
        };
        let divisor: f64 = labels.iter().map(class_weight).sum();
        let (mut nll, mut ce) = (Nll::new(), CrossEntropy::new());
        if let Some(w) = weight {
            (nll, ce) = (nll.weight(w), ce.weight(w));
        }
        let (nll, ce) = (nll.ignore_index(ignored), ce.ignore_index(ignored));
        assert_methods_agree!(nll, input, &labels, rows, N, divisor);
        for ce in [ce, ce.label_smoothing(0.1), ce.label_smoothing(1.0)] {
            assert_methods_agree!(ce, input, &labels, rows, N, divisor);
            assert_methods_agree!(
                ce,
                input,
                &q,
                rows,
                N,
                rows as f64,
                forward_probabilities,
                forward_each_probabilities,
                backward_probabilities,
                backward_each_probabilities,
                forward_backward_probabilities,
                partial_probabilities
            );
        }
    }
}

fn weights_of_one_are_none<T: Element>() {
    let random = &mut Random::new(14);
    let (x, y) = (
        random.elements::<T>(N, logit),
        random.elements::<T>(N, probability),
    );
    let p: Vec<T> = random.elements(N, probability);
    let labels: Vec<u8> = (0..N / 3).map(|_| random.below(3) as u8).collect();
    let rows = Classes::new(&x, [N / 3, 3]).unwrap();
    let ones = vec![T::one(); N];
    macro_rules! assert_same {
        ($a:expr, $b:expr, $input:expr, $target:expr, $forward:ident, $forward_backward:ident) => {
            for reduction in [Reduction::Mean, Reduction::Sum] {
                let (a, b) = ($a.reduction(reduction), $b.reduction(reduction));
                let (mut grad_a, mut grad_b) = (vec![T::zero(); N], vec![T::zero(); N]);
                let loss_a = a.$forward_backward($input, $target, &mut grad_a).unwrap();
                let loss_b = b.$forward_backward($input, $target, &mut grad_b).unwrap();
                assert_eq!(bits(&[loss_a]), bits(&[loss_b]));
                assert_eq!(bits(&grad_a), bits(&grad_b));
                let (loss_a, loss_b) = (a.$forward($input, $target), b.$forward($input, $target));
                assert_eq!(loss_a, loss_b);
            }
        };
    }
    for len in [1, 3, 50, N] {
        let w = &ones[..len];
        let (bce, logits) = (Bce::new(), BceWithLogits::new());
        assert_same!(bce.weight(w), bce, &p, &y, forward, forward_backward);
        assert_same!(logits.weight(w), logits, &x, &y, forward, forward_backward);
        assert_same!(
            logits.pos_weight(w),
            logits,
            &x,
            &y,
            forward,
            forward_backward
        );
        let both = logits.weight(w).pos_weight(&ones);
        assert_same!(both, logits, &x, &y, forward, forward_backward);
    }
    let w = &ones[..3];
    assert_same!(
        Nll::new().weight(w),
        Nll::new(),
        rows,
        &labels,
        forward,
        forward_backward
    );
    for smoothing in [0.0, 0.1] {
        let ce = CrossEntropy::new().label_smoothing(smoothing);
        assert_same!(ce.weight(w), ce, rows, &labels, forward, forward_backward);
        assert_same!(
            ce.weight(w),
            ce,
            rows,
            &p,
            forward_probabilities,
            forward_backward_probabilities
        );
    }
    // A weight that broadcasts is the same one repeated, also across blocks and chunks.
    let cycle: Vec<T> = random.elements(7, |random| random.within(2.0));
    let n = 7 * 1171;
    let repeated: Vec<T> = cycle.iter().copied().cycle().take(n).collect();
    let (x, y) = (
        random.elements::<T>(n, logit),
        random.elements::<T>(n, probability),
    );
    let (mut short, mut long) = (vec![T::zero(); n], vec![T::zero(); n]);
    let loss = BceWithLogits::new();
    let a = loss.weight(&cycle).pos_weight(&repeated);
    let b = loss.weight(&repeated).pos_weight(&cycle);
    let all = loss.weight(&repeated).pos_weight(&repeated);
    for loss in [a, b] {
        assert_eq!(loss.forward(&x, &y), all.forward(&x, &y));
        loss.forward_backward(&x, &y, &mut short).unwrap();
        all.backward(&x, &y, T::one(), &mut long).unwrap();
        assert_eq!(bits(&short), bits(&long));
        loss.forward_each(&x, &y, &mut short).unwrap();
        all.forward_each(&x, &y, &mut long).unwrap();
        assert_eq!(bits(&short), bits(&long));
    }
}

/// Also where each gradient cancels but for its last digits: targets are the probabilities themselves, rounded.
fn weights_of_the_other_sign_negate<T: Element>() {
    let mut random = Random::new(16);
    for classes in [1, 2, 3, 4, 5, 8, 33, 100] {
        for _ in 0..8 {
            let x: Vec<T> = random.elements(2 * classes, |r| r.within(4.0));
            let input = Classes::new(&x, [2, classes]).unwrap();
            let mut p = vec![T::zero(); x.len()];
            Softmax::new().forward(input, &mut p).unwrap();
            // All of one sign, and both.
            for negative in [0.0, 0.5] {
                let weight: Vec<T> =
                    random.elements(classes, |r| if r.unit() < negative { -1.0 } else { 1.0 });
                let negated: Vec<T> = weight.iter().map(|&w| T::zero() - w).collect();
                let of = |weight: &[T]| {
                    let loss = CrossEntropy::new().weight(weight).reduction(Reduction::Sum);
                    let mut grad = vec![T::zero(); x.len()];
                    let value = loss.forward_probabilities(input, &p).unwrap();
                    loss.backward_probabilities(input, &p, T::one(), &mut grad)
                        .unwrap();
                    (value, grad)
                };
                let ((value, grad), (of_negated, grad_of_negated)) = (of(&weight), of(&negated));
                assert_eq!(value, T::zero() - of_negated, "{x:?}, {weight:?}");
                for (a, b) in grad.into_iter().zip(grad_of_negated) {
                    assert_eq!(a, T::zero() - b, "{x:?}, {weight:?}");
                }
            }
        }
    }
}

fn class_indices_of_any_type<T: Element>() {
    let random = &mut Random::new(15);
    let (rows, classes) = (60, 100);
    let x: Vec<T> = random.elements(rows * classes, logit);
    let x = Classes::new(&x, [rows, classes]).unwrap();
    let labels: Vec<u8> = (0..rows).map(|_| random.below(100) as u8).collect();
    let nll = Nll::new().ignore_index(7);
    let ce = CrossEntropy::new().ignore_index(7);
    macro_rules! results {
        ($index:ty) => {{
            let labels: Vec<$index> = labels.iter().map(|&label| <$index>::from(label)).collect();
            let (mut a, mut b) = (
                vec![T::zero(); rows * classes],
                vec![T::zero(); rows * classes],
            );
            let losses = [
                nll.forward_backward(x, &labels, &mut a).unwrap(),
                ce.forward_backward(x, &labels, &mut b).unwrap(),
                ce.label_smoothing(0.2).forward(x, &labels).unwrap(),
                trueloss::accuracy(x, &labels).unwrap(),
            ];
            [bits(&losses), bits(&a), bits(&b)]
        }};
    }
    let expected = results!(u8);
    assert_eq!(results!(i64), expected);
    assert_eq!(results!(i32), expected);
    assert_eq!(results!(u32), expected);
    assert_eq!(results!(u16), expected);
    assert_eq!(results!(usize), expected);
}

/// (C) is (1, C), and a last dimension of 1 is none.
fn one_row_needs_no_batch<T: Element>() {
    let random = &mut Random::new(16);
    for classes in [1, 2, 10, 70] {
        let x: Vec<T> = random.elements(classes, logit);
        let results = [&[classes][..], &[1, classes], &[1, classes, 1]].map(|shape| {
            let rows = Classes::new(&x, shape).unwrap();
            assert_eq!(
                (rows.rows(), rows.classes(), rows.elements()),
                (1, classes, classes)
            );
            let (mut grad, mut p) = (vec![T::zero(); classes], vec![T::zero(); classes]);
            let label = [classes - 1];
            let loss = CrossEntropy::new()
                .forward_backward(rows, &label, &mut grad)
                .unwrap();
            Softmax::new().forward(rows, &mut p).unwrap();
            [bits(&[loss]), bits(&grad), bits(&p)]
        });
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], results[2]);
        // Along the first dimension of (C, 1), too.
        let rows = Classes::along(&x, [classes, 1], 0).unwrap();
        let mut p = vec![T::zero(); classes];
        Softmax::new().forward(rows, &mut p).unwrap();
        assert_eq!(bits(&p), results[0][2]);
    }
}

fn slices_are_numbers_one_by_one<T: Element>() {
    let random = &mut Random::new(17);
    let x: Vec<T> = random.elements(1000, logit);
    let ones = vec![T::one(); x.len()];
    let (mut out, mut grad) = (vec![T::zero(); x.len()], vec![T::zero(); x.len()]);
    macro_rules! check {
        ($($f:expr, $value:path, $derivative:path;)*) => {$(
            $f.forward(&x, &mut out).unwrap();
            $f.backward(&x, &ones, &mut grad).unwrap();
            let each = |f: fn(T) -> T| x.iter().map(|&x| f(x)).collect::<Vec<T>>();
            assert_eq!(bits(&out), bits(&each($value)));
            assert_eq!(bits(&grad), bits(&each($derivative)));
        )*};
    }
    check! {
        Sigmoid::new(), sigmoid, trueloss::sigmoid_derivative;
        LogSigmoid::new(), log_sigmoid, trueloss::log_sigmoid_derivative;
        Softplus::new(), softplus, trueloss::softplus_derivative;
        Softplus::new().beta(1.0), softplus, trueloss::softplus_derivative;
    }
    for &x in &x {
        let pairs = [
            (log_sigmoid(x), -softplus(-x)),
            (trueloss::log_sigmoid_derivative(x), sigmoid(-x)),
            (trueloss::softplus_derivative(x), sigmoid(x)),
            (
                trueloss::sigmoid_derivative(x),
                trueloss::sigmoid_derivative(-x),
            ),
        ];
        for (a, b) in pairs {
            assert_eq!(bits(&[a]), bits(&[b]));
        }
        // A hard label is one of the two.
        for (y, expected) in [(T::zero(), softplus(x)), (T::one(), softplus(-x))] {
            let loss = BceWithLogits::new().forward(&[x], &[y]).unwrap();
            assert_eq!(bits(&[loss]), bits(&[expected]));
        }
    }
}
