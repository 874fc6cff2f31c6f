//! Inputs: edge cases, every magnitude, random ones, and those that were once answered wrongly.
//!
//! Everything is a proptest strategy, so that the tests shrink a failure, and the report samples the same
//! inputs with a seed of its own.

use crate::losses;
use crate::oracle::{Call, Function, Reduction};
use crate::ulp::Format;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use trueloss::device::{Domain, NUMBERS};
use trueloss::half::{bf16, f16};

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `half::f16`.
    F16,
    /// `half::bf16`.
    BF16,
}

impl ElementType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::F64, Self::F16, Self::BF16];

    /// Those of 16 bits, which have so few numbers that all of them can be tried.
    pub const HALF: [Self; 2] = [Self::F16, Self::BF16];

    /// Its name in Rust.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
        }
    }

    /// The nearest number of the type.
    pub fn nearest(self, x: f64) -> f64 {
        match self {
            Self::F32 => f64::from(x as f32),
            Self::F64 => x,
            Self::F16 => f16::from_f64_nearest(x).into(),
            Self::BF16 => bf16::from_f64_nearest(x).into(),
        }
    }

    /// The nearest finite number of the type.
    fn finite(self, x: f64) -> f64 {
        let largest = match self {
            Self::F32 => f32::MAX.into(),
            Self::F64 => f64::MAX,
            Self::F16 => f16::MAX.into(),
            Self::BF16 => bf16::MAX.into(),
        };
        self.nearest(x).clamp(-largest, largest)
    }

    /// The exponents that the generators draw from: all of those of the type; of `f64` those with which no
    /// product of a few factors leaves the range, as the bounds for `f64` ask.
    fn exponents(self) -> std::ops::Range<f64> {
        match self {
            Self::F32 => -149.0..128.0,
            Self::F64 => -200.0..200.0,
            Self::F16 => -24.0..16.0,
            Self::BF16 => -133.0..128.0,
        }
    }
}

/// 2^exponent with a random significand.
fn magnitude(
    element: ElementType,
    exponents: std::ops::Range<f64>,
) -> impl Strategy<Value = f64> + Clone {
    (exponents, 1.0..2.0).prop_map(move |(exponent, significand): (f64, f64)| {
        element.finite(significand * exponent.floor().exp2())
    })
}

fn signed(positive: impl Strategy<Value = f64> + Clone) -> impl Strategy<Value = f64> + Clone {
    (positive, any::<bool>()).prop_map(|(x, negative)| if negative { -x } else { x })
}

/// A finite number of any magnitude.
pub fn number(element: ElementType) -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        1 => Just(0.0),
        8 => signed(magnitude(element, element.exponents())),
        8 => (-8.0..8.0).prop_map(move |x| element.nearest(x)),
    ]
}

/// Logits at which something happens: the ends of the exponential's range, the places where a sum
/// swallows its smaller term, the near-ties of sigmoid, the inputs of the issues that other libraries
/// have.
pub const EDGE_LOGITS: [f64; 26] = [
    0.0, 1.0, 2.0, 16.635_532, 16.75, 17.0, 17.328_68, 20.0, 36.043_65, 37.43, 40.0, 50.0,
    87.336_54, 88.722_84, 100.0, 103.278_93, 103.972_08, 104.0, 128.0, 708.396_4, 744.44, 745.2,
    1e4, 1e8, 1e30, 3e38,
];

/// A logit: most of them where the loss still depends on it, some of any magnitude, some edge cases.
pub fn any_logit(element: ElementType) -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        6 => (-20.0..20.0).prop_map(move |x| element.nearest(x)),
        2 => (-110.0..110.0).prop_map(move |x| element.nearest(x)),
        3 => signed(magnitude(element, element.exponents())),
        1 => signed(proptest::sample::select(&EDGE_LOGITS[..]).prop_map(move |x| element.finite(x))),
    ]
}

/// A logit whose exponential may be multiplied by other factors. In `f64` the exponential of -708 and less
/// is subnormal or 0: factors above 1 can't bring its digits back, so no two logits differ by as little
/// more than that as would show in the product.
pub fn logit(element: ElementType) -> impl Strategy<Value = f64> + Clone {
    any_logit(element).prop_map(move |x| match element {
        ElementType::F64 if !is_ordinary_logit(x) => x * 1e-10,
        _ => x,
    })
}

/// A logit of `f64` whose exponential any factor may be multiplied by: what [`logit`] gives.
pub(crate) fn is_ordinary_logit(x: f64) -> bool {
    !(300.0..1e12).contains(&x.abs())
}

/// Infinite and NaN logits among the others.
pub fn special_logit(
    logit: impl Strategy<Value = f64> + Clone,
) -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        4 => logit,
        2 => Just(f64::NEG_INFINITY),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NAN),
        1 => Just(0.0),
    ]
}

/// A soft target or probability, hard ones and those next to 0 and 1 included.
pub fn probability(element: ElementType) -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        1 => prop_oneof![Just(0.0), Just(-0.0)],
        1 => Just(1.0),
        1 => Just(0.5),
        4 => (0.0..1.0).prop_map(move |x| element.nearest(x)),
        2 => magnitude(element, element.exponents().start..-1.0),
        2 => magnitude(element, -53.0..-1.0).prop_map(move |x| element.nearest(1.0 - x)),
    ]
}

/// A positive option: 1, a number of its size, or one of any magnitude.
pub fn around_one(element: ElementType) -> BoxedStrategy<f64> {
    let exponents = match element {
        ElementType::F64 => -100.0..100.0,
        _ => -30.0..30.0,
    };
    prop_oneof![
        2 => Just(1.0),
        4 => 0.1..10.0,
        1 => magnitude(ElementType::F64, exponents),
    ]
    .boxed()
}

/// A number of a domain.
fn within(domain: Domain, element: ElementType) -> BoxedStrategy<f64> {
    match domain {
        Domain::Any => number(element).boxed(),
        Domain::UnitInterval => probability(element).boxed(),
        Domain::HardLabels => prop_oneof![Just(0.0), Just(1.0)].boxed(),
        Domain::Signs => prop_oneof![Just(-1.0), Just(1.0)].boxed(),
    }
}

/// A weight, never negative.
pub fn weight(element: ElementType) -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        1 => Just(0.0),
        2 => Just(1.0),
        6 => (0.0..4.0).prop_map(move |x| element.nearest(x)),
        2 => magnitude(element, -40.0..40.0),
    ]
}

/// A weight of either sign.
pub fn any_weight(element: ElementType) -> impl Strategy<Value = f64> + Clone {
    signed(weight(element))
}

/// Weights w, -w and some that are much smaller: what a mean divides by is often what is left of much more.
pub fn cancelling_weights(
    element: ElementType,
    len: usize,
) -> impl Strategy<Value = Vec<f64>> + Clone {
    let kinds = vec((0..5_u8, 1.0..2.0), len);
    (0.5..4.0, 1..24_i32, kinds).prop_map(move |(weight, bits, kinds)| {
        let weight = element.nearest(weight);
        let one = |(kind, factor): (u8, f64)| match kind {
            0 | 1 => weight,
            2 | 3 => -weight,
            _ => element.nearest(weight * factor * 2_f64.powi(-bits)),
        };
        kinds.into_iter().map(one).collect()
    })
}

/// A grad_output.
pub fn grad_output(element: ElementType) -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        1 => Just(1.0),
        1 => Just(0.0),
        4 => (-2.0..2.0).prop_map(move |x| element.nearest(x)),
        2 => signed(magnitude(element, -100.0..100.0)),
    ]
}

/// How a generated call is reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Not at all: a `grad_output` an output.
    Each,
    /// To a mean or a sum: one `grad_output`.
    Reduced,
}

fn reductions(form: Form) -> BoxedStrategy<Reduction> {
    match form {
        Form::Each => Just(Reduction::None).boxed(),
        Form::Reduced => prop_oneof![Just(Reduction::Mean), Just(Reduction::Sum)].boxed(),
    }
}

/// Options of a generated call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `weight` (and `pos_weight`, where the function has it), never negative.
    pub weights: bool,
    /// Weights of either sign.
    pub negative: bool,
    /// `ignore_index`, with some rows ignored.
    pub ignore: bool,
    /// `label_smoothing`.
    pub smoothing: bool,
    /// Class probabilities instead of labels.
    pub probabilities: bool,
    /// `beta`.
    pub beta: bool,
    /// Infinities and NaN among the inputs.
    pub special: bool,
    /// No factors at all: a `grad_output` of 1, and then logits of every magnitude.
    pub unit: bool,
}

/// A number of elements: few, so that much is tried; now and then more than a lane, more than a block.
fn lengths(form: Form) -> impl Strategy<Value = usize> {
    match form {
        Form::Each => prop_oneof![1 => 1..4_usize, 8 => Just(48_usize)].boxed(),
        Form::Reduced => prop_oneof![
            16 => 1..40_usize,
            3 => 200..600_usize,
            1 => 4000..9000_usize,
        ]
        .boxed(),
    }
}

fn inputs(element: ElementType, options: Options) -> BoxedStrategy<f64> {
    let logit = if options.unit {
        any_logit(element).boxed()
    } else {
        logit(element).boxed()
    };
    if options.special {
        special_logit(logit).boxed()
    } else {
        logit
    }
}

fn weights(element: ElementType, options: Options, len: usize) -> BoxedStrategy<Option<Vec<f64>>> {
    if !options.weights {
        return Just(None).boxed();
    }
    let some = if options.negative {
        prop_oneof![
            3 => vec(any_weight(element), len),
            1 => cancelling_weights(element, len),
        ]
        .boxed()
    } else {
        vec(weight(element), len).boxed()
    };
    some.prop_map(Some).boxed()
}

/// Calls of a function that goes element by element.
pub fn elementwise(
    function: Function,
    element: ElementType,
    form: Form,
    options: Options,
) -> BoxedStrategy<Call> {
    let form = if function.is_activation() {
        Form::Each
    } else {
        form
    };
    let arguments = function.arguments();
    // Where the target may be any number, so is the input; else it is a logit.
    let (input, target) = match arguments.map(|of| (of.input, of.target)) {
        Some((Domain::Any, Domain::Any)) => (number(element).boxed(), number(element).boxed()),
        Some((Domain::Any, target)) => (inputs(element, options), within(target, element)),
        Some((input, target)) => (within(input, element), within(target, element)),
        None => (inputs(element, options), probability(element).boxed()),
    };
    let numbers = match arguments {
        Some(_) => losses::of(function).strategy(element),
        None => Just([0.0; NUMBERS]).boxed(),
    };
    (lengths(form), 1..4_usize)
        .prop_flat_map(move |(len, columns)| {
            let len = len.next_multiple_of(columns);
            let outputs = if form == Form::Each { len } else { 1 };
            (
                vec(input.clone(), len),
                vec(target.clone(), len),
                weights(element, options, columns),
                weights(element, options, len),
                vec(grad_output(element), outputs),
                reductions(form),
                prop_oneof![
                    Just(1.0),
                    0.1..10.0,
                    magnitude(ElementType::F64, -60.0..60.0)
                ],
                numbers.clone(),
            )
        })
        .prop_map(
            move |(input, target, weight, pos_weight, grad, reduction, beta, numbers)| {
                let mut call = Call::new(function, &[input.len()], &input).reduction(reduction);
                if !options.unit {
                    call = call.grad_output(&grad);
                }
                if !function.is_activation() {
                    call = call.values(&target);
                }
                call.numbers = numbers;
                if arguments.is_some_and(|of| of.weight) {
                    call.weight = weight;
                }
                if arguments.is_some_and(|of| of.pos_weight) {
                    // A negative pos_weight is legal as well, and makes the terms of one element cancel.
                    call.pos_weight = pos_weight;
                }
                if options.beta {
                    call.beta = beta;
                }
                call
            },
        )
        .boxed()
}

/// (N, C, d1..dK) of rows.
fn shapes(form: Form) -> BoxedStrategy<Vec<usize>> {
    let classes = || {
        prop_oneof![
            1 => Just(1_usize),
            4 => 2..12_usize,
            2 => 12..70_usize,
            1 => 200..400_usize,
        ]
    };
    let rows = match form {
        Form::Each => 1..4_usize,
        Form::Reduced => 1..9_usize,
    };
    prop_oneof![
        1 => classes().prop_map(|c| vec![c]),
        4 => (rows.clone(), classes()).prop_map(|(n, c)| vec![n, c]),
        1 => (rows.clone(), 2..6_usize, 1..4_usize).prop_map(|(n, c, d)| vec![n, c, d]),
        1 => (rows, 2..6_usize, 1..4_usize, 1..3_usize).prop_map(|(n, c, d, e)| vec![n, c, d, e]),
    ]
    .boxed()
}

/// Rows of logits: independent ones, rows with ties for the maximum, rows where one class is certain.
fn rows_of_logits(
    element: ElementType,
    options: Options,
    len: usize,
) -> impl Strategy<Value = Vec<f64>> {
    let tied = proptest::sample::select(vec![-1.0, 0.0, 1.0, 30.0, 1e8]);
    prop_oneof![
        4 => vec(inputs(element, options), len),
        2 => vec((-6.0..6.0).prop_map(move |x| element.nearest(x)), len),
        1 => vec(tied.prop_map(move |x| element.finite(x)), len),
        1 => vec((-90.0..-30.0).prop_map(move |x| element.nearest(x)), len).prop_map(|mut row| {
            if let Some(x) = row.first_mut() {
                *x = 0.0;
            }
            row
        }),
    ]
}

/// A row of a softmax in which one class is ahead of the others.
#[derive(Clone, Debug)]
struct Ahead {
    /// Which one.
    class: Index,
    /// By how much: 0 is a tie; beyond 37 its probability is 1 in an `f64`.
    by: f64,
    /// Where `grad_output` is not 0, if it is that of a loss with a label: at this class, or where there is none, at
    /// the one ahead.
    label: Option<Option<Index>>,
}

fn ahead() -> impl Strategy<Value = Ahead> {
    let by = prop_oneof![
        2 => Just(0.0),
        2 => 0.0..3.0,
        4 => 3.0..60.0,
    ];
    let label = prop_oneof![
        1 => Just(None),
        1 => Just(Some(None)),
        1 => any::<Index>().prop_map(|label| Some(Some(label))),
    ];
    (any::<Index>(), by, label).prop_map(|(class, by, label)| Ahead { class, by, label })
}

/// The call with each of its rows as `ahead` says, if its logits are numbers.
fn lead(mut call: Call, ahead: &[Ahead], element: ElementType) -> Call {
    let rows = call.rows();
    for (row, ahead) in (0..rows.count()).zip(ahead.iter().cycle()) {
        let class = ahead.class.index(rows.classes);
        let others = (0..rows.classes)
            .filter(|&other| other != class)
            .map(|other| call.input[rows.index(row, other)]);
        let largest = others.fold(f64::NEG_INFINITY, f64::max);
        if largest.is_finite() {
            call.input[rows.index(row, class)] = element.finite(largest + ahead.by);
        }
        if let Some(label) = &ahead.label {
            let label = label.map_or(class, |label| label.index(rows.classes));
            for other in (0..rows.classes).filter(|&other| other != label) {
                call.grad_output[rows.index(row, other)] = 0.0;
            }
        }
    }
    call
}

/// Calls of a function of rows of classes.
pub fn rows(
    function: Function,
    element: ElementType,
    form: Form,
    options: Options,
) -> BoxedStrategy<Call> {
    let calls = any_rows(function, element, form, options);
    if !function.is_activation() {
        return calls;
    }
    let led = (calls.clone(), vec(ahead(), 4));
    prop_oneof![
        1 => calls,
        1 => led.prop_map(move |(call, ahead)| lead(call, &ahead, element)),
    ]
    .boxed()
}

fn any_rows(
    function: Function,
    element: ElementType,
    form: Form,
    options: Options,
) -> BoxedStrategy<Call> {
    let form = if function.is_activation() {
        Form::Each
    } else {
        form
    };
    (shapes(form), any::<bool>())
        .prop_flat_map(move |(shape, first_dim)| {
            let len: usize = shape.iter().product();
            // Softmax takes any dimension, the losses have theirs.
            let dim = match function.is_activation() && first_dim {
                true => 0,
                false => usize::from(shape.len() > 1),
            };
            let classes = shape[dim];
            let rows = len / classes;
            let outputs = match (form, function.is_activation()) {
                (_, true) => len,
                (Form::Each, _) => rows,
                (Form::Reduced, _) => 1,
            };
            let ignored = if options.ignore { 3_u32 } else { 0 };
            (
                Just((shape, dim)),
                rows_of_logits(element, options, len),
                vec(
                    prop_oneof![
                        8 => (0..classes as i64).boxed(),
                        ignored => Just(-100_i64).boxed(),
                    ],
                    rows,
                ),
                vec(probability(element), len),
                weights(element, options, classes),
                vec(grad_output(element), outputs),
                reductions(form),
                prop_oneof![Just(0.1), Just(1.0), 0.0..1.0],
            )
        })
        .prop_map(
            move |(
                (shape, dim),
                input,
                labels,
                probabilities,
                weight,
                grad,
                reduction,
                smoothing,
            )| {
                let mut call = Call::new(function, &shape, &input)
                    .dim(dim)
                    .reduction(reduction)
                    .grad_output(&grad);
                if function.is_activation() {
                    return call;
                }
                call.weight = weight;
                call = if options.probabilities {
                    call.values(&probabilities)
                } else {
                    call.classes(&labels)
                };
                if options.smoothing {
                    call.label_smoothing = smoothing;
                }
                call
            },
        )
        .boxed()
}

/// Samples of a strategy, the same ones for the same seed.
pub struct Sampler {
    runner: TestRunner,
}

impl Sampler {
    /// A sampler with a seed.
    pub fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self {
            runner: TestRunner::new_with_rng(Config::default(), rng),
        }
    }

    /// Where its randomness comes from.
    pub(crate) fn rng(&mut self) -> &mut TestRng {
        self.runner.rng()
    }

    /// The next sample.
    pub fn sample<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy
            .new_tree(&mut self.runner)
            .unwrap_or_else(|reason| panic!("a strategy gave no value: {reason}"))
            .current()
    }
}

/// `f32` of every magnitude and both signs, `count` of them from the `start`th on: bit patterns spread evenly over
/// all 2^32, in an order in which neighbours are far apart. NaN and infinities among them.
pub fn spread(start: u64, count: u64) -> impl Iterator<Item = f32> + Clone {
    // An odd factor near 2^32 / golden ratio: every pattern once before any twice.
    (0..count)
        .map(move |i| f32::from_bits((start.wrapping_add(i) as u32).wrapping_mul(0x9e37_79b1)))
}

/// Inputs of one `f32` argument that every check includes: edge cases and the neighbourhood of each,
/// powers of two, infinities, NaN, subnormals, inputs that were once answered wrongly, and every number of
/// eight significant bits, among which are those whose sigmoid is a hair off the midpoint of two `f32`.
pub fn edges() -> Vec<f32> {
    let mut edges: Vec<f32> = EDGE_LOGITS.iter().map(|&x| x as f32).collect();
    edges.extend((-149..128).map(|e| 2_f64.powi(e) as f32));
    edges.extend([f32::MAX, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN]);
    edges.extend(REGRESSIONS.iter().map(|&bits| f32::from_bits(bits)));
    let around = edges
        .iter()
        .flat_map(|&x| [x, x.next_up(), x.next_down()])
        .flat_map(|x| [x, -x]);
    let short = (0..=u16::MAX).map(|bits| f32::from_bits(u32::from(bits) << 16));
    around.chain(short).collect()
}

/// Bits of `f32` at which a formula of this project, or a prototype of it, once missed the nearest value:
/// softplus 2^-33.5 ULP from a tie, sigma(x) - y by cancellation, and the sigmoid's near-ties below 2^-13 (the
/// first and the last of 78).
pub const REGRESSIONS: [u32; 4] = [0x39ea_41d0, 0x3d91_300f, 0x34c0_0000, 0xb773_0000];
