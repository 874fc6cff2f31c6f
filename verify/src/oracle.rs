//! What every function is worth, exactly: each value and gradient as an enclosure of arbitrary precision.
//!
//! Written from the published formulas alone (`semantics.md` has the table), on [`Interval`]; no kernel is read or
//! called here. Where a formula cancels, precision takes care of it: the caller asks again with more bits
//! ([`crate::ulp::judge`] does). Where an argument or a factor is infinite, [`Value`] carries the limit.
//!
//! - The building blocks (`sigmoid_of`, `softplus_of`, `softmax_of`, `bce_of`, …) map enclosures to
//!   enclosures, so that they compose: an identity between two of them can be checked on the composition.
//! - [`forward`] and [`backward`] evaluate a whole [`Call`], reduction, weights and special values included.

use std::fmt;
use std::str::FromStr;

use rug::Float;

use crate::interval::Interval;
use crate::losses;
use trueloss::device::{Domain, NUMBERS};
use trueloss_digest::call::{Arguments, ElementFunction};

/// The floor of both logarithms in binary_cross_entropy.
const LOG_FLOOR: i64 = -100;

/// The floor of x (1 - x) in binary_cross_entropy's gradient: PyTorch's constant, as the f64 it is.
const BCE_GRADIENT_FLOOR: f64 = 1e-12;

/// Enough bits to add 2^64 f64 numbers of any size without an error.
const EXACT_SUM_PREC: u32 = 2100 + 64;

macro_rules! functions {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, $about:tt;)*) => {
        /// A function of the table.
        ///
        /// ```
        /// use trueloss_verify::oracle::Function;
        ///
        /// assert!(Function::ALL.contains(&Function::CrossEntropy));
        /// assert_eq!("mse_loss".parse(), Ok(Function::MseLoss));
        /// assert!("hinge".parse::<Function>().is_err());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // Their names are the functions' own.
        pub enum Function {
            $($variant,)*
            NllLoss,
            CrossEntropy,
            Sigmoid,
            LogSigmoid,
            Softplus,
            Softmax,
            LogSoftmax,
        }

        impl Function {
            /// All of them.
            pub const ALL: [Function; [$($name),*].len() + 7] = [
                $(Function::$variant,)*
                Function::NllLoss,
                Function::CrossEntropy,
                Function::Sigmoid,
                Function::LogSigmoid,
                Function::Softplus,
                Function::Softmax,
                Function::LogSoftmax,
            ];

            /// One that goes element by element, as libraries know it.
            pub(crate) const fn of_elements(self) -> Option<ElementFunction> {
                Some(match self {
                    $(Function::$variant => ElementFunction::$variant,)*
                    Function::Sigmoid => ElementFunction::Sigmoid,
                    Function::LogSigmoid => ElementFunction::LogSigmoid,
                    Function::Softplus => ElementFunction::Softplus,
                    _ => return None,
                })
            }
        }

        impl From<ElementFunction> for Function {
            fn from(function: ElementFunction) -> Self {
                match function {
                    $(ElementFunction::$variant => Function::$variant,)*
                    ElementFunction::Sigmoid => Function::Sigmoid,
                    ElementFunction::LogSigmoid => Function::LogSigmoid,
                    ElementFunction::Softplus => Function::Softplus,
                }
            }
        }
    };
}
trueloss::each_elementwise_loss!(functions, 'static, f32);

impl Function {
    /// PyTorch's name of it, in `torch.nn.functional`.
    ///
    /// ```
    /// use trueloss_verify::oracle::Function;
    ///
    /// assert_eq!(Function::LogSoftmax.name(), "log_softmax");
    /// ```
    pub fn name(self) -> &'static str {
        match (self.of_elements(), self) {
            (Some(function), _) => function.name(),
            (None, Function::NllLoss) => "nll_loss",
            (None, Function::CrossEntropy) => "cross_entropy",
            (None, Function::Softmax) => "softmax",
            (None, _) => "log_softmax",
        }
    }

    /// What the arguments of a loss of elements may be; None of any other function.
    pub(crate) fn arguments(self) -> Option<Arguments> {
        self.of_elements()?.arguments()
    }

    /// Whether it has no target and no reduction.
    ///
    /// ```
    /// use trueloss_verify::oracle::Function;
    ///
    /// assert!(Function::Softmax.is_activation() && !Function::NllLoss.is_activation());
    /// ```
    pub fn is_activation(self) -> bool {
        matches!(
            self,
            Function::Sigmoid
                | Function::LogSigmoid
                | Function::Softplus
                | Function::Softmax
                | Function::LogSoftmax
        )
    }

    /// Whether it looks at rows of classes along one dimension.
    ///
    /// ```
    /// use trueloss_verify::oracle::Function;
    ///
    /// assert!(Function::Softmax.has_rows() && !Function::Sigmoid.has_rows());
    /// ```
    pub fn has_rows(self) -> bool {
        self.of_elements().is_none()
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Function {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let found = Function::ALL
            .into_iter()
            .find(|function| function.name() == name);
        found.ok_or_else(|| format!("no function is called `{name}`"))
    }
}

/// How the losses of the elements or rows become the answer.
///
/// ```
/// use trueloss_verify::oracle::Reduction;
///
/// assert_eq!("sum".parse(), Ok(Reduction::Sum));
/// assert_eq!(Reduction::default(), Reduction::Mean);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Reduction {
    /// They are the answer.
    None,
    /// Their mean; what it divides by depends on the function.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

impl fmt::Display for Reduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reduction::None => "none",
            Reduction::Mean => "mean",
            Reduction::Sum => "sum",
        })
    }
}

impl FromStr for Reduction {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "none" => Ok(Reduction::None),
            "mean" => Ok(Reduction::Mean),
            "sum" => Ok(Reduction::Sum),
            _ => Err(format!("no reduction is called `{name}`")),
        }
    }
}

/// What the input is compared with.
///
/// ```
/// use trueloss_verify::oracle::{Call, Function, Target};
///
/// let call = Call::new(Function::NllLoss, &[2], &[-0.5, -1.0]).classes(&[1]);
/// assert_eq!(call.target, Target::Classes(vec![1]));
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Target {
    /// Nothing: the activations.
    #[default]
    None,
    /// A number for each element; for [`Function::CrossEntropy`] the probability of each class.
    Values(Vec<f64>),
    /// The class of each row.
    Classes(Vec<i64>),
}

/// One call of one function, its numbers widened to f64 (exact for elements of f64 and all smaller formats).
///
/// ```
/// use trueloss_verify::oracle::{self, Call, Function};
/// use trueloss_verify::ulp;
///
/// let call = Call::new(Function::MseLoss, &[2], &[1.0, 2.0]).values(&[0.0, 4.0]);
/// let loss = &oracle::forward(&call, 128)[0];
/// assert_eq!(ulp::round(&loss.value), Some(2.5_f64));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub function: Function,
    /// Ignored by the activations.
    pub reduction: Reduction,
    /// The shape of `input`; empty for a single number.
    pub shape: Vec<usize>,
    /// The dimension of softmax and log_softmax. The class losses use 1, or 0 if the input has one dimension.
    pub dim: usize,
    /// The input, row-major.
    pub input: Vec<f64>,
    /// The target.
    pub target: Target,
    /// Of elements (its length divides the input's) or of classes.
    pub weight: Option<Vec<f64>>,
    /// Of positive targets, for [`Function::BinaryCrossEntropyWithLogits`]; its length divides the input's.
    pub pos_weight: Option<Vec<f64>>,
    /// One number for each output of [`forward`], or a single number that stands for each of them.
    pub grad_output: Vec<f64>,
    /// The class index that takes a row out of the loss.
    pub ignore_index: i64,
    /// Of [`Function::CrossEntropy`], from 0 to 1.
    pub label_smoothing: f64,
    /// Of [`Function::Softplus`], above 0.
    pub beta: f64,
    /// The options that are numbers of a loss of elements, in the order of [`Arguments::numbers`].
    pub numbers: [f64; NUMBERS],
}

impl Call {
    /// A call with PyTorch's default options, no target yet, and a `grad_output` of 1.
    ///
    /// ```
    /// use trueloss_verify::oracle::{Call, Function};
    ///
    /// let call = Call::new(Function::Softmax, &[2, 3], &[0.0; 6]);
    /// assert_eq!((call.dim, call.beta, call.ignore_index), (1, 1.0, -100));
    /// ```
    pub fn new(function: Function, shape: &[usize], input: &[f64]) -> Self {
        Call {
            function,
            reduction: Reduction::Mean,
            shape: shape.to_vec(),
            dim: usize::from(shape.len() > 1),
            input: input.to_vec(),
            target: Target::None,
            weight: None,
            pos_weight: None,
            grad_output: vec![1.0],
            ignore_index: -100,
            label_smoothing: 0.0,
            beta: 1.0,
            numbers: function
                .arguments()
                .map_or([0.0; NUMBERS], Arguments::defaults),
        }
    }

    /// Sets the reduction.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Call, Function, Reduction};
    /// use trueloss_verify::ulp;
    ///
    /// let call = Call::new(Function::MseLoss, &[2], &[1.0, 2.0]).values(&[0.0, 4.0]);
    /// assert_eq!(ulp::round(&oracle::forward(&call.reduction(Reduction::Sum), 128)[0].value), Some(5.0_f64));
    /// ```
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// Sets the dimension of softmax and log_softmax.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Call, Function};
    /// use trueloss_verify::ulp;
    ///
    /// let call = Call::new(Function::Softmax, &[2, 1], &[0.0, 0.0]);
    /// assert_eq!(ulp::round(&oracle::forward(&call.clone().dim(0), 128)[0].value), Some(0.5_f64));
    /// assert_eq!(ulp::round(&oracle::forward(&call.dim(1), 128)[0].value), Some(1.0_f64));
    /// ```
    pub fn dim(mut self, dim: usize) -> Self {
        self.dim = dim;
        self
    }

    /// Sets targets that are numbers: values or probabilities.
    ///
    /// ```
    /// use trueloss_verify::oracle::{Call, Function, Target};
    ///
    /// let call = Call::new(Function::MseLoss, &[1], &[1.0]).values(&[0.5]);
    /// assert_eq!(call.target, Target::Values(vec![0.5]));
    /// ```
    pub fn values(mut self, target: &[f64]) -> Self {
        self.target = Target::Values(target.to_vec());
        self
    }

    /// Sets targets that are class indices.
    ///
    /// ```
    /// use trueloss_verify::oracle::{Call, Function, Target};
    ///
    /// let call = Call::new(Function::CrossEntropy, &[1, 3], &[0.0; 3]).classes(&[2]);
    /// assert_eq!(call.target, Target::Classes(vec![2]));
    /// ```
    pub fn classes(mut self, target: &[i64]) -> Self {
        self.target = Target::Classes(target.to_vec());
        self
    }

    /// Sets the weights of elements or classes.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Call, Function};
    /// use trueloss_verify::ulp;
    ///
    /// let call = Call::new(Function::NllLoss, &[2, 2], &[-1.0, -2.0, -3.0, -4.0]).classes(&[0, 1]);
    /// // (1 * 3 + 4 * 1) / (3 + 1)
    /// assert_eq!(ulp::round(&oracle::forward(&call.weight(&[3.0, 1.0]), 128)[0].value), Some(1.75_f64));
    /// ```
    pub fn weight(mut self, weight: &[f64]) -> Self {
        self.weight = Some(weight.to_vec());
        self
    }

    /// Sets the weights of positive targets.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Call, Function};
    /// use trueloss_verify::ulp;
    ///
    /// let call = Call::new(Function::BinaryCrossEntropyWithLogits, &[1], &[0.0]).values(&[1.0]);
    /// let gradient = oracle::backward(&call.pos_weight(&[8.0]), 128);
    /// assert_eq!(ulp::round(&gradient[0].value), Some(-4.0_f64));
    /// ```
    pub fn pos_weight(mut self, pos_weight: &[f64]) -> Self {
        self.pos_weight = Some(pos_weight.to_vec());
        self
    }

    /// Sets the gradient that comes in.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Call, Function};
    /// use trueloss_verify::ulp;
    ///
    /// let call = Call::new(Function::MseLoss, &[1], &[3.0]).values(&[1.0]);
    /// assert_eq!(ulp::round(&oracle::backward(&call.grad_output(&[10.0]), 128)[0].value), Some(40.0_f64));
    /// ```
    pub fn grad_output(mut self, grad_output: &[f64]) -> Self {
        self.grad_output = grad_output.to_vec();
        self
    }

    /// Sets the class index that is ignored.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Call, Function, Reduction};
    /// use trueloss_verify::ulp;
    ///
    /// let call = Call::new(Function::NllLoss, &[2, 1], &[-1.0, -2.0]).classes(&[0, 7]);
    /// assert_eq!(ulp::round(&oracle::forward(&call.ignore_index(7), 128)[0].value), Some(1.0_f64));
    /// ```
    pub fn ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = ignore_index;
        self
    }

    /// Sets the label smoothing.
    ///
    /// ```
    /// use trueloss_verify::oracle::{Call, Function};
    ///
    /// let call = Call::new(Function::CrossEntropy, &[1, 3], &[0.0; 3]).classes(&[2]);
    /// assert_eq!(call.label_smoothing(0.1).label_smoothing, 0.1);
    /// ```
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }

    /// Sets softplus's beta.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Call, Function};
    /// use trueloss_verify::ulp;
    ///
    /// // The derivative of softplus is sigmoid(beta x).
    /// let call = Call::new(Function::Softplus, &[1], &[0.0]).beta(3.0);
    /// assert_eq!(ulp::round(&oracle::backward(&call, 128)[0].value), Some(0.5_f64));
    /// ```
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// Sets the options that are numbers.
    ///
    /// ```
    /// use trueloss_verify::oracle::{self, Call, Function};
    /// use trueloss_verify::ulp;
    ///
    /// // Huber's delta: beyond it the loss is delta (|x - y| - delta / 2).
    /// let call = Call::new(Function::HuberLoss, &[1], &[4.0]).values(&[0.0]).numbers([2.0, 0.0]);
    /// assert_eq!(ulp::round(&oracle::forward(&call, 128)[0].value), Some(6.0_f64));
    /// ```
    pub fn numbers(mut self, numbers: [f64; NUMBERS]) -> Self {
        self.numbers = numbers;
        self
    }

    /// The dimension along which rows lie.
    pub(crate) fn dim_of_classes(&self) -> usize {
        match self.function {
            Function::NllLoss | Function::CrossEntropy => usize::from(self.shape.len() > 1),
            _ => self.dim,
        }
    }

    /// How the input divides into rows of classes.
    pub(crate) fn rows(&self) -> Rows {
        let dim = self.dim_of_classes();
        if self.shape.is_empty() {
            return Rows {
                outer: 1,
                classes: 1,
                stride: 1,
            };
        }
        assert!(
            dim < self.shape.len(),
            "dimension {dim} of an input of shape {:?}",
            self.shape
        );
        Rows {
            outer: self.shape[..dim].iter().product(),
            classes: self.shape[dim],
            stride: self.shape[dim + 1..].iter().product(),
        }
    }

    /// The number of values that [`forward`] returns.
    ///
    /// ```
    /// use trueloss_verify::oracle::{Call, Function, Reduction};
    ///
    /// let call = Call::new(Function::CrossEntropy, &[5, 3], &[0.0; 15]).classes(&[0; 5]);
    /// assert_eq!(call.outputs(), 1);
    /// assert_eq!(call.reduction(Reduction::None).outputs(), 5);
    /// ```
    pub fn outputs(&self) -> usize {
        match (self.function.is_activation(), self.reduction) {
            (true, _) => self.input.len(),
            (false, Reduction::Mean | Reduction::Sum) => 1,
            (false, Reduction::None) if self.function.has_rows() => self.rows().count(),
            (false, Reduction::None) => self.input.len(),
        }
    }

    /// Element `i` of a loss of elements.
    fn element(&self, i: usize, x: f64, prec: u32) -> losses::Element {
        losses::Element {
            x,
            y: self.target_values()[i],
            pos_weight: self.pos_weight_at(i),
            numbers: self.numbers,
            prec,
        }
    }

    fn weight_at(&self, index: usize) -> f64 {
        self.weight
            .as_ref()
            .map_or(1.0, |weight| weight[index % weight.len()])
    }

    fn pos_weight_at(&self, index: usize) -> f64 {
        self.pos_weight
            .as_ref()
            .map_or(1.0, |weight| weight[index % weight.len()])
    }

    fn target_values(&self) -> &[f64] {
        match &self.target {
            Target::Values(values) => values,
            other => panic!(
                "{} needs targets that are numbers, not {other:?}",
                self.function
            ),
        }
    }

    /// Panics, with the reason, where this is not a legal call.
    fn check(&self) {
        let len = self.input.len();
        let name = self.function.name();
        assert_eq!(
            len,
            self.shape.iter().product::<usize>(),
            "{name}: the input does not fill its shape"
        );
        let outputs = self.outputs();
        let grads = self.grad_output.len();
        assert!(
            grads == 1 || grads == outputs,
            "{name}: {grads} grad_output for {outputs} outputs"
        );
        let class_loss = matches!(self.function, Function::NllLoss | Function::CrossEntropy);
        for weight in [&self.weight, &self.pos_weight].into_iter().flatten() {
            assert!(
                weight.iter().all(|w| w.is_finite()),
                "{name}: a weight is not finite"
            );
            let fits = match class_loss {
                true => weight.len() == self.rows().classes,
                false => len == 0 || !weight.is_empty() && len.is_multiple_of(weight.len()),
            };
            assert!(fits, "{name}: {} weights do not fit", weight.len());
        }
        match &self.target {
            Target::None => assert!(self.function.is_activation(), "{name}: no target"),
            Target::Values(values) => {
                assert_eq!(
                    values.len(),
                    len,
                    "{name}: the target is not as long as the input"
                );
                match self.function {
                    Function::CrossEntropy => {
                        assert!(
                            values.iter().all(|q| !q.is_infinite()),
                            "{name}: an infinite probability"
                        );
                    }
                    function => {
                        let Some(arguments) = function.arguments() else {
                            panic!("{name} takes no targets that are numbers");
                        };
                        assert!(
                            values.iter().all(|&y| contains(arguments.target, y)),
                            "{name}: a target {}",
                            illegal(arguments.target)
                        );
                        assert!(
                            self.input.iter().all(|&x| contains(arguments.input, x)),
                            "{name}: an input {}",
                            illegal(arguments.input)
                        );
                        assert!(
                            losses::of(function).are_legal(self.numbers),
                            "{name}: illegal options"
                        );
                    }
                }
            }
            Target::Classes(classes) => {
                assert!(class_loss, "{name} takes no class indices");
                let rows = self.rows();
                assert_eq!(
                    classes.len(),
                    rows.count(),
                    "{name}: the target has not one class a row"
                );
                for &class in classes {
                    let legal =
                        class == self.ignore_index || (0..rows.classes as i64).contains(&class);
                    assert!(legal, "{name}: class {class} of {}", rows.classes);
                }
            }
        }
        assert!(
            (0.0..=1.0).contains(&self.label_smoothing),
            "{name}: label_smoothing outside [0, 1]"
        );
        assert!(
            self.beta > 0.0 && self.beta.is_finite(),
            "{name}: beta is not a positive number"
        );
    }
}

/// Whether a number is legal.
pub(crate) fn contains(domain: Domain, x: f64) -> bool {
    match domain {
        Domain::Any => true,
        Domain::UnitInterval => (0.0..=1.0).contains(&x),
        Domain::HardLabels => x == 0.0 || x == 1.0,
        Domain::Signs => x.abs() == 1.0,
    }
}

/// What is wrong with a number that is not.
fn illegal(domain: Domain) -> &'static str {
    match domain {
        Domain::Any => "that is legal",
        Domain::UnitInterval => "outside [0, 1]",
        Domain::HardLabels => "that is neither 0 nor 1",
        Domain::Signs => "that is neither -1 nor 1",
    }
}

/// The input as rows of `classes` numbers, `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) outer: usize,
    pub(crate) classes: usize,
    pub(crate) stride: usize,
}

impl Rows {
    pub(crate) fn count(self) -> usize {
        self.outer * self.stride
    }

    /// Where class `class` of row `row` lies.
    pub(crate) fn index(self, row: usize, class: usize) -> usize {
        (row / self.stride * self.classes + class) * self.stride + row % self.stride
    }

    /// The row in which the number at `index` is.
    pub(crate) fn row_of(self, index: usize) -> usize {
        index / (self.classes * self.stride) * self.stride + index % self.stride
    }

    fn gather(self, row: usize, values: &[f64]) -> Vec<f64> {
        (0..self.classes)
            .map(|class| values[self.index(row, class)])
            .collect()
    }
}

/// The exact value of an expression, as far as it is known.
///
/// ```
/// use trueloss_verify::oracle::{self, Value};
///
/// assert!(matches!(oracle::softplus(f64::INFINITY, 128), Value::Infinite { negative: false }));
/// assert!(matches!(oracle::softplus(f64::NAN, 128), Value::Nan));
/// assert!(matches!(oracle::softplus(1.0, 128), Value::Number(_)));
/// ```
#[derive(Clone, Debug)]
pub enum Value {
    /// There is no value, and no limit.
    Nan,
    /// The value, or its limit, is infinite.
    Infinite {
        /// Which of the two infinities.
        negative: bool,
    },
    /// The value is a number in this enclosure. (Without bounds, at worst: ask with more bits.)
    Number(Interval),
}

impl Value {
    /// Exactly `x`.
    ///
    /// ```
    /// use trueloss_verify::oracle::Value;
    ///
    /// assert!(matches!(Value::from_f64(0.1, 128), Value::Number(x) if *x.lo() == 0.1 && *x.hi() == 0.1));
    /// ```
    pub fn from_f64(x: f64, prec: u32) -> Self {
        if x.is_nan() {
            Value::Nan
        } else if x.is_infinite() {
            Value::Infinite { negative: x < 0.0 }
        } else {
            Value::Number(Interval::from_f64(x, prec))
        }
    }

    const INFINITY: Value = Value::Infinite { negative: false };

    fn zero(prec: u32) -> Self {
        Value::from_f64(0.0, prec)
    }

    /// The enclosure, if the value is a number.
    pub(crate) fn number(&self) -> Option<&Interval> {
        match self {
            Value::Number(interval) => Some(interval),
            _ => None,
        }
    }

    /// The magnitude, rounded up; 0 for NaN.
    pub(crate) fn magnitude(&self) -> f64 {
        match self {
            Value::Nan => 0.0,
            Value::Infinite { .. } => f64::INFINITY,
            Value::Number(interval) => interval.magnitude(),
        }
    }

    /// The sum; infinities of opposite signs have none.
    pub(crate) fn plus(self, other: Value) -> Value {
        match (self, other) {
            (Value::Nan, _) | (_, Value::Nan) => Value::Nan,
            (Value::Number(a), Value::Number(b)) => Value::Number(a + &b),
            (Value::Infinite { negative: a }, Value::Infinite { negative: b }) => {
                if a == b {
                    Value::Infinite { negative: a }
                } else {
                    Value::Nan
                }
            }
            (Value::Infinite { negative }, Value::Number(b))
            | (Value::Number(b), Value::Infinite { negative }) => {
                // An enclosure without bounds may hide the other infinity.
                if b.is_bounded() {
                    Value::Infinite { negative }
                } else {
                    Value::Number(Interval::unbounded(b.prec()))
                }
            }
        }
    }

    /// The difference; infinities of equal signs have none.
    pub(crate) fn minus(self, other: Value) -> Value {
        self.plus(-other)
    }

    /// The product. A factor that is exactly zero makes it zero, against an infinite factor too; not against NaN.
    pub(crate) fn times(self, other: &Value) -> Value {
        match (self, other) {
            (Value::Nan, _) | (_, Value::Nan) => Value::Nan,
            (Value::Number(a), Value::Number(b)) => Value::Number(a * b),
            (Value::Infinite { negative: a }, Value::Infinite { negative: b }) => {
                Value::Infinite { negative: a != *b }
            }
            (Value::Infinite { negative }, Value::Number(b)) => infinity_times(negative, b),
            (Value::Number(a), Value::Infinite { negative }) => infinity_times(*negative, &a),
        }
    }

    /// The quotient by a number that is not zero.
    pub(crate) fn over(self, divisor: &Interval) -> Value {
        match self {
            Value::Nan => Value::Nan,
            Value::Infinite { negative } => Value::Infinite {
                negative: negative == divisor.is_nonnegative(),
            },
            Value::Number(a) => Value::Number(a / divisor),
        }
    }

    /// Applies a function of a finite argument, with its limits at the two infinities.
    pub(crate) fn map(
        x: f64,
        prec: u32,
        at: [Value; 2],
        function: impl FnOnce(&Interval) -> Interval,
    ) -> Value {
        let [negative_limit, positive_limit] = at;
        match Value::from_f64(x, prec) {
            Value::Nan => Value::Nan,
            Value::Infinite { negative } => {
                if negative {
                    negative_limit
                } else {
                    positive_limit
                }
            }
            Value::Number(x) => Value::Number(function(&x)),
        }
    }
}

impl std::ops::Neg for Value {
    type Output = Value;
    fn neg(self) -> Value {
        match self {
            Value::Nan => Value::Nan,
            Value::Infinite { negative } => Value::Infinite {
                negative: !negative,
            },
            Value::Number(a) => Value::Number(-a),
        }
    }
}

fn infinity_times(negative: bool, factor: &Interval) -> Value {
    if factor.is_zero() {
        Value::Number(factor.clone())
    } else if *factor.lo() > 0 {
        Value::Infinite { negative }
    } else if *factor.hi() < 0 {
        Value::Infinite {
            negative: !negative,
        }
    } else {
        // The factor's sign, or whether it is zero, is not known yet.
        Value::Number(Interval::unbounded(factor.prec()))
    }
}

/// One exact answer.
///
/// ```
/// use trueloss_verify::oracle;
///
/// // (1 - y) sigma(x) - y sigma(-x) with y = sigma(x): its terms cancel.
/// let exact = oracle::bce_with_logits_gradient(0.0, 0.5, 1.0, 128);
/// assert!((0.5..0.5000001).contains(&exact.magnitude));
/// ```
#[derive(Clone, Debug)]
pub struct Exact {
    /// The answer.
    pub value: Value,
    /// An upper bound of the sum of the magnitudes of the terms that can cancel in it; its own magnitude where none
    /// can. 0 for NaN.
    pub magnitude: f64,
}

impl Exact {
    /// A value in which nothing cancels.
    ///
    /// ```
    /// use trueloss_verify::oracle::{Exact, Value};
    ///
    /// assert_eq!(Exact::of(Value::from_f64(-2.0, 128)).magnitude, 2.0);
    /// ```
    pub fn of(value: Value) -> Self {
        Exact {
            magnitude: value.magnitude(),
            value,
        }
    }

    fn with_magnitude(value: Value, magnitude: f64) -> Self {
        match value {
            Value::Nan => Exact {
                value,
                magnitude: 0.0,
            },
            _ => Exact { value, magnitude },
        }
    }

    fn zero(prec: u32) -> Self {
        Exact {
            value: Value::zero(prec),
            magnitude: 0.0,
        }
    }
}

/// Upper bounds in f64: each rounds to nearest and then takes the next number up.
fn upper_product(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 {
        0.0
    } else {
        (a * b).next_up()
    }
}

fn upper_sum(a: f64, b: f64) -> f64 {
    if a == 0.0 {
        b
    } else if b == 0.0 {
        a
    } else {
        (a + b).next_up()
    }
}

fn upper_quotient(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { (a / b).next_up() }
}

// ---------------------------------------------------------------------------------------------------------------
// Functions of enclosures.

/// t = exp(-|x|) and 1 + t, from which all three sigmoid-like functions follow.
fn tail(x: &Interval) -> (Interval, Interval) {
    let t = (-x.clone().abs()).exp();
    let one_plus = t.clone() + 1;
    (t, one_plus)
}

/// Applies an increasing function whose formula depends on the sign of x.
fn by_sign(x: &Interval, function: impl Fn(&Interval) -> Interval) -> Interval {
    if x.is_nonnegative() || x.is_nonpositive() {
        return function(x);
    }
    let at = |end: &Float| function(&Interval::from_float(end, x.prec()));
    if !x.is_bounded() {
        return Interval::unbounded(x.prec());
    }
    Interval::new(at(x.lo()).lo().clone(), at(x.hi()).hi().clone())
}

/// sigma(x) = 1 / (1 + exp(-x)).
pub(crate) fn sigmoid_of(x: &Interval) -> Interval {
    by_sign(x, |x| {
        let (t, one_plus) = tail(x);
        if x.is_nonnegative() {
            one_plus.recip()
        } else {
            t / &one_plus
        }
    })
}

/// sigma(x) sigma(-x), the derivative of [`sigmoid_of`].
pub(crate) fn sigmoid_derivative_of(x: &Interval) -> Interval {
    let (t, one_plus) = tail(x);
    (t / &one_plus) / &one_plus
}

/// sigma(x) and sigma(-x).
fn sigmoid_pair(x: &Interval) -> (Interval, Interval) {
    if !x.is_nonnegative() && !x.is_nonpositive() {
        return (sigmoid_of(x), sigmoid_of(&-x.clone()));
    }
    let (t, one_plus) = tail(x);
    let (small, large) = (t / &one_plus, one_plus.recip());
    if x.is_nonnegative() {
        (large, small)
    } else {
        (small, large)
    }
}

/// ln(1 + exp(x)), which is x + ln(1 + exp(-x)) where exp(x) could overflow.
pub(crate) fn softplus_of(x: &Interval) -> Interval {
    by_sign(x, |x| {
        if x.is_nonnegative() {
            (-x.clone()).exp().ln_1p() + x
        } else {
            x.clone().exp().ln_1p()
        }
    })
}

/// softplus(x) and softplus(-x), which differ by x: one exponential and one logarithm for both.
fn softplus_pair(x: &Interval) -> (Interval, Interval) {
    if !x.is_nonnegative() && !x.is_nonpositive() {
        return (softplus_of(x), softplus_of(&-x.clone()));
    }
    let magnitude = x.clone().abs();
    let small = (-magnitude.clone()).exp().ln_1p();
    let large = magnitude + &small;
    if x.is_nonnegative() {
        (large, small)
    } else {
        (small, large)
    }
}

/// ln sigma(x) = -softplus(-x).
pub(crate) fn log_sigmoid_of(x: &Interval) -> Interval {
    -softplus_of(&-x.clone())
}

/// ln(1 + exp(beta x)) / beta.
pub(crate) fn softplus_beta_of(x: &Interval, beta: &Interval) -> Interval {
    softplus_of(&(x.clone() * beta)) / beta
}

/// A row of finite logits, its exponentials taken relative to the largest logit.
struct Exponentials {
    /// The first of the largest.
    argmax: usize,
    /// exp(x_j - x_argmax); 1 at argmax.
    each: Vec<Interval>,
    /// Their sum without argmax's own.
    rest: Interval,
}

impl Exponentials {
    fn new(row: &[Option<Interval>], prec: u32) -> Self {
        let mut largest: Option<(usize, &Interval)> = None;
        for (j, x) in row.iter().enumerate() {
            if let Some(x) = x
                && largest.is_none_or(|(_, m)| x.lo() > m.lo())
            {
                largest = Some((j, x));
            }
        }
        let (argmax, max) = largest.expect("a row without a finite logit has no exponentials");
        let mut rest = Interval::from_f64(0.0, prec);
        let mut each = Vec::with_capacity(row.len());
        for (j, x) in row.iter().enumerate() {
            let e = match x {
                _ if j == argmax => Interval::from_f64(1.0, prec),
                Some(x) => (x.clone() - max).exp(),
                None => Interval::from_f64(0.0, prec),
            };
            if j != argmax {
                rest.accumulate(&e);
            }
            each.push(e);
        }
        Exponentials { argmax, each, rest }
    }

    fn softmax(self) -> Vec<Interval> {
        let sum = self.rest + 1;
        self.each.into_iter().map(|e| e / &sum).collect()
    }
}

/// ln of the sum of the exponentials of a row that is not empty.
pub(crate) fn log_sum_exp(row: &[Interval]) -> Interval {
    let row: Vec<_> = row.iter().cloned().map(Some).collect();
    let prec = row[0].as_ref().map_or(53, Interval::prec);
    let exponentials = Exponentials::new(&row, prec);
    let max = row[exponentials.argmax]
        .as_ref()
        .expect("argmax is a finite logit");
    exponentials.rest.ln_1p() + max
}

/// exp(x_j) over the sum of the exponentials, for each j of a row that is not empty.
pub(crate) fn softmax_of(row: &[Interval]) -> Vec<Interval> {
    let prec = row[0].prec();
    let row: Vec<_> = row.iter().cloned().map(Some).collect();
    Exponentials::new(&row, prec).softmax()
}

/// x_j - ln of the sum of the exponentials, for each j of a row that is not empty.
pub(crate) fn log_softmax_of(row: &[Interval]) -> Vec<Interval> {
    let lse = log_sum_exp(row);
    row.iter().map(|x| x.clone() - &lse).collect()
}

/// -y max(ln x, -100) - (1 - y) max(ln(1 - x), -100), for x and y in [0, 1].
pub(crate) fn bce_of(x: &Interval, y: &Interval) -> Interval {
    let floor = Interval::from_f64(LOG_FLOOR as f64, x.prec());
    let positive = -x.clone().ln().max(&floor) * y;
    let negative = -(-x.clone()).ln_1p().max(&floor) * &(1 - y.clone());
    positive + &negative
}

/// (x - y) / max(x (1 - x), 1e-12), for x and y in [0, 1].
pub(crate) fn bce_gradient_of(x: &Interval, y: &Interval) -> Interval {
    let floor = Interval::from_f64(BCE_GRADIENT_FLOOR, x.prec());
    (x.clone() - y) / &((1 - x.clone()) * x).max(&floor)
}

/// (1 - y) softplus(x) + c y softplus(-x), c = pos_weight.
pub(crate) fn bce_with_logits_of(x: &Interval, y: &Interval, pos_weight: &Interval) -> Interval {
    let (softplus, reflected) = softplus_pair(x);
    let negative = (1 - y.clone()) * &softplus;
    let positive = pos_weight.clone() * y * &reflected;
    negative + &positive
}

/// (1 - y) sigma(x) - c y sigma(-x), c = pos_weight: the derivative of [`bce_with_logits_of`].
pub(crate) fn bce_with_logits_gradient_of(
    x: &Interval,
    y: &Interval,
    pos_weight: &Interval,
) -> Interval {
    let (sigma, complement) = sigmoid_pair(x);
    (1 - y.clone()) * &sigma - &(pos_weight.clone() * y * &complement)
}

// ---------------------------------------------------------------------------------------------------------------
// Functions of one f64.

/// sigma(x).
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::sigmoid(0.0, 128)), Some(0.5_f64));
/// ```
pub fn sigmoid(x: f64, prec: u32) -> Value {
    Value::map(
        x,
        prec,
        [Value::zero(prec), Value::from_f64(1.0, prec)],
        sigmoid_of,
    )
}

/// The derivative of sigma, sigma(x) sigma(-x).
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::sigmoid_derivative(0.0, 128)), Some(0.25_f64));
/// ```
pub fn sigmoid_derivative(x: f64, prec: u32) -> Value {
    Value::map(
        x,
        prec,
        [Value::zero(prec), Value::zero(prec)],
        sigmoid_derivative_of,
    )
}

/// ln(1 + exp(x)); its derivative is [`sigmoid`].
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::softplus(0.0, 128)), Some(std::f64::consts::LN_2));
/// ```
pub fn softplus(x: f64, prec: u32) -> Value {
    Value::map(x, prec, [Value::zero(prec), Value::INFINITY], softplus_of)
}

/// ln(1 + exp(beta x)) / beta.
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::softplus_beta(0.0, 0.5, 128)), Some(2.0 * std::f64::consts::LN_2));
/// ```
pub fn softplus_beta(x: f64, beta: f64, prec: u32) -> Value {
    if beta == 1.0 {
        return softplus(x, prec);
    }
    let beta = Interval::from_f64(beta, prec);
    Value::map(x, prec, [Value::zero(prec), Value::INFINITY], |x| {
        softplus_beta_of(x, &beta)
    })
}

/// The derivative of [`softplus_beta`], sigma(beta x).
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// let [of_beta, sigmoid] = [oracle::softplus_beta_derivative(3.0, 2.0, 128), oracle::sigmoid(6.0, 128)];
/// assert_eq!(ulp::round::<f64>(&of_beta), ulp::round(&sigmoid));
/// ```
pub fn softplus_beta_derivative(x: f64, beta: f64, prec: u32) -> Value {
    let beta = Interval::from_f64(beta, prec);
    let limits = [Value::zero(prec), Value::from_f64(1.0, prec)];
    Value::map(x, prec, limits, |x| sigmoid_of(&(x.clone() * &beta)))
}

/// ln sigma(x).
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::log_sigmoid(-1000.0, 128)), Some(-1000.0_f64));
/// ```
pub fn log_sigmoid(x: f64, prec: u32) -> Value {
    -softplus(-x, prec)
}

/// The derivative of ln sigma, sigma(-x).
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::log_sigmoid_derivative(f64::NEG_INFINITY, 128)), Some(1.0_f64));
/// ```
pub fn log_sigmoid_derivative(x: f64, prec: u32) -> Value {
    sigmoid(-x, prec)
}

/// (x - y)^2.
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::mse(1.0, 4.0, 128)), Some(9.0_f64));
/// ```
pub fn mse(x: f64, y: f64, prec: u32) -> Value {
    match Value::from_f64(x, prec).minus(Value::from_f64(y, prec)) {
        Value::Number(difference) => Value::Number(difference.square()),
        Value::Infinite { .. } => Value::INFINITY,
        Value::Nan => Value::Nan,
    }
}

/// 2 (x - y).
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// assert_eq!(ulp::round(&oracle::mse_gradient(1.0, 4.0, 128)), Some(-6.0_f64));
/// ```
pub fn mse_gradient(x: f64, y: f64, prec: u32) -> Value {
    Value::from_f64(x, prec)
        .minus(Value::from_f64(y, prec))
        .times(&Value::from_f64(2.0, prec))
}

/// (1 - y) softplus(x) + c y softplus(-x), c = pos_weight, and the sum of the magnitudes of its two terms.
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// let loss = oracle::bce_with_logits(-1000.0, 1.0, 2.0, 128).value;
/// assert_eq!(ulp::round(&loss), Some(2000.0_f64));
/// ```
pub fn bce_with_logits(x: f64, y: f64, pos_weight: f64, prec: u32) -> Exact {
    let (softplus, reflected) = match Value::from_f64(x, prec) {
        Value::Nan => (Value::Nan, Value::Nan),
        Value::Infinite { negative: true } => (Value::zero(prec), Value::INFINITY),
        Value::Infinite { negative: false } => (Value::INFINITY, Value::zero(prec)),
        Value::Number(x) => {
            let (softplus, reflected) = softplus_pair(&x);
            (Value::Number(softplus), Value::Number(reflected))
        }
    };
    let y = Interval::from_f64(y, prec);
    let positive_weight = Value::Number(y.clone() * &Interval::from_f64(pos_weight, prec));
    let negative = Value::Number(1 - y).times(&softplus);
    let positive = positive_weight.times(&reflected);
    let magnitude = upper_sum(negative.magnitude(), positive.magnitude());
    Exact::with_magnitude(negative.plus(positive), magnitude)
}

/// (1 - y) sigma(x) - c y sigma(-x), c = pos_weight, and the sum of the magnitudes of its two terms.
///
/// ```
/// use trueloss_verify::{oracle, ulp};
///
/// let gradient = oracle::bce_with_logits_gradient(-1000.0, 1.0, 2.0, 128).value;
/// assert_eq!(ulp::round(&gradient), Some(-2.0_f64));
/// ```
pub fn bce_with_logits_gradient(x: f64, y: f64, pos_weight: f64, prec: u32) -> Exact {
    let (sigma, complement) = match Value::from_f64(x, prec) {
        Value::Nan => (Value::Nan, Value::Nan),
        Value::Infinite { negative: true } => (Value::zero(prec), Value::from_f64(1.0, prec)),
        Value::Infinite { negative: false } => (Value::from_f64(1.0, prec), Value::zero(prec)),
        Value::Number(x) => {
            let (sigma, complement) = sigmoid_pair(&x);
            (Value::Number(sigma), Value::Number(complement))
        }
    };
    let y = Interval::from_f64(y, prec);
    let positive_weight = Value::Number(y.clone() * &Interval::from_f64(pos_weight, prec));
    let negative = Value::Number(1 - y).times(&sigma);
    let positive = positive_weight.times(&complement);
    let magnitude = upper_sum(negative.magnitude(), positive.magnitude());
    Exact::with_magnitude(negative.minus(positive), magnitude)
}

// ---------------------------------------------------------------------------------------------------------------
// Rows.

/// A row of logits, special values sorted out.
enum Row {
    /// A NaN among them, two of +inf, or none above -inf.
    Nan,
    /// One +inf, at this class: the limit in which its probability is 1.
    Limit(usize),
    /// Everything else: at least one finite logit.
    Finite {
        /// None is -inf.
        logits: Vec<Option<Interval>>,
        exponentials: Exponentials,
    },
}

impl Row {
    fn new(row: &[f64], prec: u32) -> Self {
        let infinite = row.iter().filter(|&&x| x == f64::INFINITY).count();
        if row.iter().any(|x| x.is_nan())
            || infinite > 1
            || row.iter().all(|&x| x == f64::NEG_INFINITY)
        {
            return Row::Nan;
        }
        if let Some(class) = row.iter().position(|&x| x == f64::INFINITY) {
            return Row::Limit(class);
        }
        let logits: Vec<_> = row
            .iter()
            .map(|&x| (x != f64::NEG_INFINITY).then(|| Interval::from_f64(x, prec)))
            .collect();
        let exponentials = Exponentials::new(&logits, prec);
        Row::Finite {
            logits,
            exponentials,
        }
    }

    /// The first class with the largest logit, and the sum of the others' exponentials relative to it. None where the
    /// row has no probabilities.
    fn largest(&self, prec: u32) -> Option<(usize, Interval)> {
        match self {
            Row::Nan => None,
            Row::Limit(class) => Some((*class, Interval::from_f64(0.0, prec))),
            Row::Finite { exponentials, .. } => {
                Some((exponentials.argmax, exponentials.rest.clone()))
            }
        }
    }

    /// The probabilities.
    fn softmax(self, classes: usize, prec: u32) -> Vec<Value> {
        match self {
            Row::Nan => vec![Value::Nan; classes],
            Row::Limit(k) => (0..classes)
                .map(|j| Value::from_f64(f64::from(u8::from(j == k)), prec))
                .collect(),
            Row::Finite { exponentials, .. } => exponentials
                .softmax()
                .into_iter()
                .map(Value::Number)
                .collect(),
        }
    }

    /// l_j = log-sum-exp(x) - x_j of the classes for which `wanted` holds; the others are left at zero.
    fn losses(self, classes: usize, prec: u32, wanted: impl Fn(usize) -> bool) -> Vec<Value> {
        match self {
            Row::Nan => vec![Value::Nan; classes],
            Row::Limit(k) => (0..classes)
                .map(|j| {
                    if j == k {
                        Value::zero(prec)
                    } else {
                        Value::INFINITY
                    }
                })
                .collect(),
            Row::Finite {
                logits,
                exponentials,
            } => {
                let max = logits[exponentials.argmax]
                    .as_ref()
                    .expect("argmax is a finite logit");
                let log = exponentials.rest.ln_1p();
                let loss = |(j, x): (usize, &Option<Interval>)| match x {
                    _ if !wanted(j) => Value::zero(prec),
                    Some(x) => Value::Number(max.clone() - x + &log),
                    None => Value::INFINITY,
                };
                logits.iter().enumerate().map(loss).collect()
            }
        }
    }
}

/// The coefficients v_j of one row of a class loss, loss = sum_j v_j l_j.
struct Coefficients {
    /// Only NaN where a probability is.
    each: Vec<Value>,
    /// Their magnitudes, and the sum of these.
    magnitudes: Vec<f64>,
    total_magnitude: f64,
}

impl Coefficients {
    /// None for an ignored row.
    fn new(call: &Call, rows: Rows, row: usize, prec: u32) -> Option<Self> {
        let e = Interval::from_f64(call.label_smoothing, prec);
        let rest = 1 - e.clone();
        let share = || e.clone() / &Interval::from_f64(rows.classes as f64, prec);
        let weight = |class| Interval::from_f64(call.weight_at(class), prec);
        let each: Vec<Value> = match &call.target {
            Target::Classes(targets) => {
                let target = targets[row];
                if target == call.ignore_index {
                    return None;
                }
                let share = share();
                let coefficient = |class: usize| {
                    let is_target = class as i64 == target;
                    if !is_target && share.is_zero() {
                        return Value::zero(prec);
                    }
                    let q = if is_target {
                        rest.clone() + &share
                    } else {
                        share.clone()
                    };
                    Value::Number(weight(class) * &q)
                };
                (0..rows.classes).map(coefficient).collect()
            }
            Target::Values(probabilities) => {
                let share = share();
                let coefficient = |class: usize| match probabilities[rows.index(row, class)] {
                    q if q.is_nan() => Value::Nan,
                    q => Value::Number(
                        weight(class) * &(rest.clone() * &Interval::from_f64(q, prec) + &share),
                    ),
                };
                (0..rows.classes).map(coefficient).collect()
            }
            Target::None => panic!("{} needs a target", call.function),
        };
        let magnitudes: Vec<f64> = each.iter().map(Value::magnitude).collect();
        let total_magnitude = magnitudes.iter().copied().fold(0.0, upper_sum);
        Some(Coefficients {
            each,
            magnitudes,
            total_magnitude,
        })
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Whole calls.

/// What `mean` divides by. None if that is zero.
fn divisor(call: &Call, prec: u32) -> Option<Interval> {
    let count = match (&call.target, &call.weight) {
        (Target::Classes(targets), weight) => {
            let counted = targets
                .iter()
                .filter(|&&target| target != call.ignore_index);
            match weight {
                None => counted.count(),
                Some(weight) => {
                    // Whether weights sum to zero must be known and not approximated: this sum is exact.
                    let mut sum = Float::new(EXACT_SUM_PREC);
                    for &target in counted {
                        sum += weight[target as usize];
                    }
                    return (!sum.is_zero()).then(|| Interval::from_float(&sum, prec));
                }
            }
        }
        _ if call.function == Function::CrossEntropy => call.rows().count(),
        _ => call.input.len(),
    };
    (count > 0).then(|| Interval::from_f64(count as f64, prec))
}

/// Element or row losses to answers.
fn reduce(call: &Call, prec: u32, losses: impl Iterator<Item = Exact>) -> Vec<Exact> {
    if call.reduction == Reduction::None {
        return losses.collect();
    }
    let mut sum = Value::zero(prec);
    let mut magnitude = 0.0;
    for loss in losses {
        magnitude = upper_sum(magnitude, loss.magnitude);
        match (&mut sum, &loss.value) {
            (Value::Number(sum), Value::Number(loss)) => sum.accumulate(loss),
            _ => sum = sum.plus(loss.value),
        }
    }
    if call.reduction == Reduction::Mean {
        let Some(divisor) = divisor(call, prec) else {
            return vec![Exact::of(Value::Nan)];
        };
        magnitude = upper_quotient(magnitude, divisor.mignitude());
        sum = sum.over(&divisor);
    }
    vec![Exact::with_magnitude(sum, magnitude)]
}

/// What comes in from behind the reduction: grad_output, divided by the mean's divisor.
struct Incoming {
    /// One for each output of `reduction=none`, or one for all.
    each: Vec<Value>,
    magnitudes: Vec<f64>,
}

impl Incoming {
    fn new(call: &Call, prec: u32) -> Self {
        let divisor = match call.reduction {
            Reduction::Mean if !call.function.is_activation() => Some(divisor(call, prec)),
            _ => None,
        };
        let incoming = |&g: &f64| match &divisor {
            None => Value::from_f64(g, prec),
            Some(Some(divisor)) => Value::from_f64(g, prec).over(divisor),
            Some(None) => Value::Nan,
        };
        let each: Vec<Value> = call.grad_output.iter().map(incoming).collect();
        Incoming {
            magnitudes: each.iter().map(Value::magnitude).collect(),
            each,
        }
    }

    fn at(&self, output: usize) -> (&Value, f64) {
        let i = if self.each.len() == 1 { 0 } else { output };
        (&self.each[i], self.magnitudes[i])
    }
}

/// The loss (one entry), the losses (`reduction=none`: one for each element or row) or the activation's outputs.
///
/// Panics if the call is not legal: see [`Call`].
///
/// ```
/// use trueloss_verify::oracle::{self, Call, Function};
/// use trueloss_verify::ulp;
///
/// let call = Call::new(Function::CrossEntropy, &[1, 3], &[0.0; 3]).classes(&[2]);
/// assert_eq!(ulp::round(&oracle::forward(&call, 128)[0].value), Some(1.0986122886681098_f64));
/// ```
pub fn forward(call: &Call, prec: u32) -> Vec<Exact> {
    call.check();
    let prec = prec.max(53);
    let elements = || call.input.iter().copied().enumerate();
    let weighted = |i: usize, loss: Exact| match &call.weight {
        None => loss,
        Some(_) => {
            let weight = call.weight_at(i);
            let magnitude = upper_product(loss.magnitude, weight.abs());
            Exact::with_magnitude(loss.value.times(&Value::from_f64(weight, prec)), magnitude)
        }
    };
    match call.function {
        Function::Sigmoid => elements()
            .map(|(_, x)| Exact::of(sigmoid(x, prec)))
            .collect(),
        Function::LogSigmoid => elements()
            .map(|(_, x)| Exact::of(log_sigmoid(x, prec)))
            .collect(),
        Function::Softplus => elements()
            .map(|(_, x)| Exact::of(softplus_beta(x, call.beta, prec)))
            .collect(),
        Function::Softmax => each_row(call, |row| Row::new(row, prec).softmax(row.len(), prec)),
        Function::LogSoftmax => each_row(call, |row| {
            Row::new(row, prec)
                .losses(row.len(), prec, |_| true)
                .into_iter()
                .map(|l| -l)
                .collect()
        }),
        Function::NllLoss => {
            let Target::Classes(targets) = &call.target else {
                panic!("nll_loss needs class indices")
            };
            let rows = call.rows();
            let loss = |(row, &target): (usize, &i64)| {
                if target == call.ignore_index {
                    return Exact::zero(prec);
                }
                let x = Value::from_f64(call.input[rows.index(row, target as usize)], prec);
                Exact::of(-x.times(&Value::from_f64(call.weight_at(target as usize), prec)))
            };
            reduce(call, prec, targets.iter().enumerate().map(loss))
        }
        Function::CrossEntropy => {
            let rows = call.rows();
            let loss = |row: usize| {
                let Some(v) = Coefficients::new(call, rows, row, prec) else {
                    return Exact::zero(prec);
                };
                let x = rows.gather(row, &call.input);
                let is_zero = |j: usize| v.each[j].number().is_some_and(Interval::is_zero);
                let losses = Row::new(&x, prec).losses(x.len(), prec, |j| !is_zero(j));
                let mut sum = Value::zero(prec);
                let mut magnitude = 0.0;
                for (loss, v) in losses.into_iter().zip(&v.each) {
                    let term = loss.times(v);
                    magnitude = upper_sum(magnitude, term.magnitude());
                    sum = sum.plus(term);
                }
                Exact::with_magnitude(sum, magnitude)
            };
            reduce(call, prec, (0..rows.count()).map(loss))
        }
        function => {
            let loss = losses::of(function);
            let value = |(i, x)| weighted(i, (loss.value)(&call.element(i, x, prec)));
            reduce(call, prec, elements().map(value))
        }
    }
}

/// The gradient of the loss, or of `sum(grad_output * outputs)`, with respect to each element of the input.
///
/// Panics if the call is not legal: see [`Call`].
///
/// ```
/// use trueloss_verify::oracle::{self, Call, Function};
/// use trueloss_verify::ulp;
///
/// let call = Call::new(Function::CrossEntropy, &[1, 2], &[0.0; 2]).classes(&[1]);
/// let gradient = oracle::backward(&call, 128);
/// assert_eq!(ulp::round(&gradient[0].value), Some(0.5_f64));
/// assert_eq!(ulp::round(&gradient[1].value), Some(-0.5_f64));
/// ```
pub fn backward(call: &Call, prec: u32) -> Vec<Exact> {
    call.check();
    let prec = prec.max(53);
    let incoming = Incoming::new(call, prec);
    let elements = || call.input.iter().copied().enumerate();
    // Derivative times grad_output, times the element's weight.
    let chain = |i: usize, derivative: Exact| {
        let (g, g_magnitude) = incoming.at(i);
        let mut value = derivative.value;
        let mut magnitude = derivative.magnitude;
        if call.weight.is_some() {
            let weight = call.weight_at(i);
            value = value.times(&Value::from_f64(weight, prec));
            magnitude = upper_product(magnitude, weight.abs());
        }
        // Unlike a weight of 0, a grad_output of 0 takes nothing from an infinite derivative, as differences have them.
        let is_zero = g.number().is_some_and(Interval::is_zero);
        let product = match value {
            Value::Infinite { .. } if is_zero => Value::Nan,
            _ => value.times(g),
        };
        Exact::with_magnitude(product, upper_product(magnitude, g_magnitude))
    };
    let unary = |derivative: &dyn Fn(f64) -> Value| {
        let gradient = |(i, x)| Exact::of(derivative(x).times(incoming.at(i).0));
        elements().map(gradient).collect()
    };
    match call.function {
        Function::Sigmoid => unary(&|x| sigmoid_derivative(x, prec)),
        Function::LogSigmoid => unary(&|x| log_sigmoid_derivative(x, prec)),
        Function::Softplus => unary(&|x| softplus_beta_derivative(x, call.beta, prec)),
        Function::Softmax | Function::LogSoftmax => backward_softmax(call, &incoming, prec),
        Function::NllLoss => {
            let Target::Classes(targets) = &call.target else {
                panic!("nll_loss needs class indices")
            };
            let rows = call.rows();
            let mut gradients = vec![Exact::zero(prec); call.input.len()];
            for (row, &target) in targets.iter().enumerate() {
                if target == call.ignore_index {
                    continue;
                }
                let (g, g_magnitude) = incoming.at(row);
                let weight = call.weight_at(target as usize);
                let value = -Value::from_f64(weight, prec).times(g);
                gradients[rows.index(row, target as usize)] =
                    Exact::with_magnitude(value, upper_product(g_magnitude, weight.abs()));
            }
            gradients
        }
        Function::CrossEntropy => {
            let rows = call.rows();
            let mut gradients = vec![Exact::zero(prec); call.input.len()];
            for row in 0..rows.count() {
                let Some(v) = Coefficients::new(call, rows, row, prec) else {
                    continue;
                };
                let (g, g_magnitude) = incoming.at(row);
                let x = rows.gather(row, &call.input);
                let probabilities = Row::new(&x, prec).softmax(x.len(), prec);
                let total = v.each.iter().cloned().fold(Value::zero(prec), Value::plus);
                for (j, p) in probabilities.into_iter().enumerate() {
                    let magnitude = upper_sum(
                        upper_product(v.total_magnitude, p.magnitude()),
                        v.magnitudes[j],
                    );
                    let difference = p.times(&total).minus(v.each[j].clone());
                    gradients[rows.index(row, j)] = Exact::with_magnitude(
                        difference.times(g),
                        upper_product(magnitude, g_magnitude),
                    );
                }
            }
            gradients
        }
        function => {
            let loss = losses::of(function);
            let gradient = |(i, x)| chain(i, (loss.gradient)(&call.element(i, x, prec)));
            elements().map(gradient).collect()
        }
    }
}

/// p_j (g_j - sum g p), or g_j - p_j sum g.
///
/// The magnitudes of the terms are those that cannot be helped. Both formulas have terms that cancel exactly, however
/// large they are: a number that is added to every g_k changes nothing in the first, and g_j (1 - p_j) is what the
/// second has of g_j. With m the first class of the largest logit and S the sum of the others' exp(x_k - x_m):
/// - softmax: p_j (|h_j| + sum |h_k| p_k) with h_k = g_k - g_m where S < 3, so that m's own probability is above 1/4,
///   and h_k = g_k elsewhere;
/// - log_softmax: |g_j| (1 - p_j) + p_j sum |g_k| over the k other than j.
fn backward_softmax(call: &Call, incoming: &Incoming, prec: u32) -> Vec<Exact> {
    let rows = call.rows();
    let mut gradients = vec![Exact::zero(prec); call.input.len()];
    for row in 0..rows.count() {
        let x = rows.gather(row, &call.input);
        let logits = Row::new(&x, prec);
        let largest = logits.largest(prec);
        let p = logits.softmax(x.len(), prec);
        let g: Vec<&Value> = (0..x.len())
            .map(|j| incoming.at(rows.index(row, j)).0)
            .collect();
        let (values, magnitudes): (Vec<Value>, Vec<f64>) = if call.function == Function::Softmax {
            // Counted from the g of the largest class, so that no precision has to keep what cancels.
            let zero = Value::zero(prec);
            let shift = match &largest {
                Some((class, _)) if g[*class].number().is_some() => g[*class],
                _ => &zero,
            };
            let h: Vec<Value> = g.iter().map(|&g| g.clone().minus(shift.clone())).collect();
            let sum = p.iter().zip(&h).fold(Value::zero(prec), |sum, (p, h)| {
                sum.plus(p.clone().times(h))
            });
            let value = |(p, h): (&Value, &Value)| p.clone().times(&h.clone().minus(sum.clone()));
            let values = p.iter().zip(&h).map(value).collect();
            (values, softmax_magnitudes(&p, &g, largest, prec))
        } else {
            let sum = g
                .iter()
                .fold(Value::zero(prec), |sum, &g| sum.plus(g.clone()));
            let value = |(p, &g): (&Value, &&Value)| g.clone().minus(p.clone().times(&sum));
            let mut values: Vec<Value> = p.iter().zip(&g).map(value).collect();
            // At the largest class p (g S - the sum of the others), likewise.
            if let Some((class, others)) = &largest
                && g.iter().all(|g| g.number().is_some())
            {
                let all = g.iter().enumerate().filter(|(j, _)| j != class);
                let rest = all.fold(Value::zero(prec), |sum, (_, &g)| sum.plus(g.clone()));
                let kept = g[*class].clone().times(&Value::Number(others.clone()));
                values[*class] = p[*class].clone().times(&kept.minus(rest));
            }
            (values, log_softmax_magnitudes(&p, &g, largest))
        };
        for (j, (value, magnitude)) in values.into_iter().zip(magnitudes).enumerate() {
            gradients[rows.index(row, j)] = Exact::with_magnitude(value, magnitude);
        }
    }
    gradients
}

/// See [`backward_softmax`]. Where S is so near 3 that a kernel's may be on the other side, the larger of the two.
fn softmax_magnitudes(
    p: &[Value],
    g: &[&Value],
    largest: Option<(usize, Interval)>,
    prec: u32,
) -> Vec<f64> {
    let near = 2_f64.powi(-40);
    let zero = Value::zero(prec);
    let mut shifts = vec![];
    match &largest {
        Some((class, others)) if *others.lo() < 3.0 + near && g[*class].number().is_some() => {
            shifts.push(g[*class]);
            if *others.hi() > 3.0 - near {
                shifts.push(&zero);
            }
        }
        _ => shifts.push(&zero),
    }
    let mut magnitudes = vec![0.0_f64; p.len()];
    for shift in shifts {
        let h: Vec<f64> = g
            .iter()
            .map(|&g| g.clone().minus(shift.clone()).magnitude())
            .collect();
        let sum = p.iter().zip(&h).fold(0.0, |sum, (p, &h)| {
            upper_sum(sum, upper_product(p.magnitude(), h))
        });
        for ((magnitude, p), h) in magnitudes.iter_mut().zip(p).zip(h) {
            *magnitude = magnitude.max(upper_product(p.magnitude(), upper_sum(h, sum)));
        }
    }
    magnitudes
}

/// See [`backward_softmax`].
fn log_softmax_magnitudes(
    p: &[Value],
    g: &[&Value],
    largest: Option<(usize, Interval)>,
) -> Vec<f64> {
    let g: Vec<f64> = g.iter().map(|g| g.magnitude()).collect();
    let mut others = vec![0.0; g.len()];
    let mut sum = 0.0;
    for (others, &g) in others.iter_mut().zip(&g) {
        *others = sum;
        sum = upper_sum(sum, g);
    }
    sum = 0.0;
    for (others, &g) in others.iter_mut().zip(&g).rev() {
        *others = upper_sum(*others, sum);
        sum = upper_sum(sum, g);
    }
    let complement = |j: usize, p: &Interval| match &largest {
        // Its digits are those of S.
        Some((class, others)) if *class == j => others.clone() * p,
        _ => 1 - p.clone(),
    };
    let magnitude = |(j, p): (usize, &Value)| {
        let complement = p.number().map_or(0.0, |p| complement(j, p).magnitude());
        upper_sum(
            upper_product(g[j], complement),
            upper_product(p.magnitude(), others[j]),
        )
    };
    p.iter().enumerate().map(magnitude).collect()
}

/// Applies a function to each row and puts its values where the row came from.
fn each_row(call: &Call, function: impl Fn(&[f64]) -> Vec<Value>) -> Vec<Exact> {
    let rows = call.rows();
    let mut outputs = vec![
        Exact {
            value: Value::Nan,
            magnitude: 0.0
        };
        call.input.len()
    ];
    for row in 0..rows.count() {
        for (class, value) in function(&rows.gather(row, &call.input))
            .into_iter()
            .enumerate()
        {
            outputs[rows.index(row, class)] = Exact::of(value);
        }
    }
    outputs
}

#[cfg(test)]
mod tests;
