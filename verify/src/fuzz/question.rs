//! Calls made of bytes.

use arbitrary::{Result, Unstructured};
use trueloss::device::{Domain, NUMBERS};
use trueloss::half::{bf16, f16};
use trueloss::{Element, Reduction};
use trueloss_digest::call::{
    Direction, ElementCall, ElementFunction, Labels, Library, RowCall, RowFunction,
};

use crate::generate::{EDGE_LOGITS, ElementType, REGRESSIONS};
use crate::losses;
use crate::oracle::{self, Call, Function};
use crate::ulp::Format;

/// An element as its bits.
pub(super) trait Number: Element + Format {
    const TYPE: ElementType;
    fn from_bits(bits: u64) -> Self;
    /// Every NaN is the same one, as IEEE 754 does not say which one an operation returns; -0 is not 0.
    fn to_bits(self) -> u64;
}

macro_rules! number {
    ($T:ident, $bits:ty, $element:ident) => {
        impl Number for $T {
            const TYPE: ElementType = ElementType::$element;
            fn from_bits(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }
            fn to_bits(self) -> u64 {
                if self.is_nan() { Self::NAN } else { self }
                    .to_bits()
                    .into()
            }
        }
    };
}
number!(f32, u32, F32);
number!(f64, u64, F64);
number!(f16, u16, F16);
number!(bf16, u16, BF16);

/// Any bits at all: NaN with payloads, subnormal numbers.
pub(super) fn any_bits<T: Number>(bytes: &mut Unstructured<'_>) -> Result<T> {
    let bits = match size_of::<T>() {
        2 => bytes.arbitrary::<u16>()?.into(),
        4 => bytes.arbitrary::<u32>()?.into(),
        _ => bytes.arbitrary::<u64>()?,
    };
    Ok(T::from_bits(bits))
}

fn nearest<T: Number>(x: f64) -> T {
    T::narrow(T::TYPE.nearest(x))
}

/// A logit or value.
fn logit<T: Number>(bytes: &mut Unstructured<'_>) -> Result<T> {
    let kind: u8 = bytes.arbitrary()?;
    let which = usize::from(kind / 8);
    let sign = if kind & 0x80 == 0 { 1.0 } else { -1.0 };
    Ok(match kind % 8 {
        0 | 1 => any_bits(bytes)?,
        2 => nearest(sign * EDGE_LOGITS[usize::from(bytes.arbitrary::<u8>()?) % EDGE_LOGITS.len()]),
        3 => T::narrow(f32::from_bits(REGRESSIONS[which % REGRESSIONS.len()]).into()),
        4 => T::narrow([f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, -0.0][which % 5]),
        5 => nearest(sign * 2_f64.powi(-(which as i32) * 9)),
        _ => nearest(f64::from(bytes.arbitrary::<i16>()?) / 1024.0),
    })
}

/// A number in [0, 1].
fn unit<T: Number>(bytes: &mut Unstructured<'_>) -> Result<T> {
    let kind: u8 = bytes.arbitrary()?;
    let power = 2_f64.powi(-i32::from(kind / 8));
    Ok(match kind % 8 {
        0 => T::zero(),
        1 => T::one(),
        2 => nearest(0.5),
        3 => nearest(power),
        4 => nearest(1.0 - power),
        5 => {
            let x = any_bits::<T>(bytes)?.abs();
            // Not `x > 1`: a NaN is no probability either.
            if x <= T::one() { x } else { nearest(0.25) }
        }
        _ => nearest(f64::from(bytes.arbitrary::<u16>()?) / 65535.0),
    })
}

/// A number of a domain.
fn within<T: Number>(domain: Domain, bytes: &mut Unstructured<'_>) -> Result<T> {
    match domain {
        Domain::Any => logit(bytes),
        Domain::UnitInterval => unit(bytes),
        Domain::HardLabels | Domain::Signs if bytes.arbitrary()? => Ok(T::one()),
        Domain::HardLabels => Ok(T::zero()),
        Domain::Signs => Ok(-T::one()),
    }
}

/// Legal options that are numbers, of a loss that has them: what they are where nothing is said, or others. For any other
/// function no byte is read.
fn numbers_of(kind: Kind, bytes: &mut Unstructured<'_>) -> Result<[f64; NUMBERS]> {
    let Some(arguments) = kind.function().arguments() else {
        return Ok([0.0; NUMBERS]);
    };
    let mut numbers = arguments.defaults();
    for (number, row) in numbers.iter_mut().zip(losses::of(kind.function()).numbers) {
        let other = match bytes.arbitrary::<u8>()? {
            0..96 => *number,
            96..128 => Element::widen(any_bits::<f64>(bytes)?).abs(),
            byte => f64::from(byte - 128) / 32.0,
        };
        if (row.legal)(other) {
            *number = other;
        }
    }
    Ok(numbers)
}

/// A finite weight.
fn weight<T: Number>(bytes: &mut Unstructured<'_>, negative: bool) -> Result<T> {
    let kind: u8 = bytes.arbitrary()?;
    let weight = match kind % 8 {
        0 => T::zero(),
        1 | 2 => T::one(),
        3 => nearest::<T>(2_f64.powi(i32::from(kind / 8) - 16)),
        4 => any_bits(bytes)?,
        _ => nearest(f64::from(bytes.arbitrary::<u16>()?) / 8192.0),
    };
    let weight = if weight.is_finite() { weight } else { T::one() };
    Ok(if negative && kind & 0x80 != 0 {
        -weight.abs()
    } else {
        weight.abs()
    })
}

/// A `grad_output`: 1, an ordinary number, or anything.
fn grad_output<T: Number>(bytes: &mut Unstructured<'_>) -> Result<T> {
    Ok(match bytes.arbitrary::<u8>()? % 8 {
        0..4 => T::one(),
        4 => any_bits(bytes)?,
        _ => nearest(f64::from(bytes.arbitrary::<i16>()?) / 4096.0),
    })
}

/// As many numbers; those beyond the first 96 repeat them.
pub(super) fn list<'b, N: Copy>(
    bytes: &mut Unstructured<'b>,
    len: usize,
    mut next: impl FnMut(&mut Unstructured<'b>) -> Result<N>,
) -> Result<Vec<N>> {
    let some: Vec<N> = (0..len.min(96))
        .map(|_| next(bytes))
        .collect::<Result<_>>()?;
    Ok(some.iter().copied().cycle().take(len).collect())
}

/// A function of either family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Elements(ElementFunction),
    Rows(RowFunction),
}

impl Kind {
    /// The losses, those of elements first.
    pub(super) fn losses() -> Vec<Self> {
        Self::of(ElementFunction::LOSSES, RowFunction::LOSSES)
    }

    pub(super) fn activations() -> Vec<Self> {
        Self::of(ElementFunction::ACTIVATIONS, RowFunction::ACTIVATIONS)
    }

    /// All there are.
    pub(super) fn all() -> Vec<Self> {
        [Self::losses(), Self::activations()].concat()
    }

    fn of<const E: usize, const R: usize>(
        elements: [ElementFunction; E],
        rows: [RowFunction; R],
    ) -> Vec<Self> {
        let elements = elements.into_iter().map(Self::Elements);
        elements.chain(rows.into_iter().map(Self::Rows)).collect()
    }

    /// As the oracle knows it.
    pub(super) fn function(self) -> Function {
        match self {
            Self::Elements(function) => function.into(),
            Self::Rows(RowFunction::NllLoss) => Function::NllLoss,
            Self::Rows(RowFunction::CrossEntropy | RowFunction::CrossEntropyProbabilities) => {
                Function::CrossEntropy
            }
            Self::Rows(RowFunction::Softmax) => Function::Softmax,
            Self::Rows(RowFunction::LogSoftmax) => Function::LogSoftmax,
        }
    }

    pub(super) fn is_activation(self) -> bool {
        self.function().is_activation()
    }

    pub(super) fn takes_labels(self) -> bool {
        matches!(
            self,
            Self::Rows(RowFunction::NllLoss | RowFunction::CrossEntropy)
        )
    }

    pub(super) fn takes_values(self) -> bool {
        !self.is_activation() && !self.takes_labels()
    }
}

/// A call's arguments, whatever direction is asked for. A function looks at what it takes.
#[derive(Clone, Debug)]
pub(super) struct Question<T> {
    pub(super) kind: Kind,
    pub(super) input: Vec<T>,
    /// Of rows: blocks, classes, and how far apart those lie. Each element is a row of its own.
    pub(super) shape: [usize; 3],
    /// Values or probabilities.
    pub(super) target: Vec<T>,
    pub(super) labels: Vec<i64>,
    pub(super) weight: Option<Vec<T>>,
    pub(super) pos_weight: Option<Vec<T>>,
    pub(super) grad_output: T,
    pub(super) grad_outputs: Vec<T>,
    pub(super) ignore_index: i64,
    pub(super) label_smoothing: f64,
    pub(super) beta: f64,
    pub(super) numbers: [f64; NUMBERS],
    /// Which of a loss's answers are compared with exact values: one kind a call, as that takes most of the time. The others
    /// are held to what they have in common with these.
    pub(super) judged: oracle::Reduction,
}

impl<T: Number> Question<T> {
    /// A call that no function refuses.
    pub(super) fn legal(kind: Kind, bytes: &mut Unstructured<'_>) -> Result<Self> {
        let flags: u8 = bytes.arbitrary()?;
        let size: u8 = bytes.arbitrary()?;
        let shape = match kind {
            Kind::Elements(_) => {
                let size = usize::from(size);
                let len = match size {
                    // A block of the tree of additions, or one more.
                    255 => 4097,
                    235..255 => size % 70,
                    _ => size % 7,
                };
                [len, 1, 1]
            }
            Kind::Rows(_) => {
                let classes: u8 = bytes.arbitrary()?;
                let classes = match classes {
                    240.. => 60 + classes % 10,
                    200..240 => classes % 34,
                    _ => classes % 8,
                };
                let stride = if size & 0xc0 == 0 { 2 + size % 2 } else { 1 };
                [size % 4, classes.max(1), stride].map(usize::from)
            }
        };
        let [outer, classes, stride] = shape;
        let (rows, len) = (outer * stride, outer * classes * stride);
        let arguments = kind.function().arguments();
        let target_of = |bytes: &mut Unstructured<'_>| match arguments.map(|of| of.target) {
            Some(domain) => within(domain, bytes),
            None => unit(bytes),
        };
        let input = list(bytes, len, |bytes| match arguments.map(|of| of.input) {
            Some(domain) => within(domain, bytes),
            None => logit(bytes),
        })?;
        let target = if kind.takes_values() {
            list(bytes, len, target_of)?
        } else {
            vec![]
        };
        let ignore_index = match flags & 3 {
            0 => 0,
            _ => -100,
        };
        let labels = if kind.takes_labels() {
            list(bytes, rows, |bytes| {
                Ok(match bytes.arbitrary::<u8>()? {
                    255 => ignore_index,
                    label => i64::from(label) % classes as i64,
                })
            })?
        } else {
            vec![]
        };
        let weights = |bytes: &mut Unstructured<'_>, wanted: bool, len: usize| {
            if wanted && !kind.is_activation() {
                list(bytes, len, |bytes| weight(bytes, flags & 0x80 != 0)).map(Some)
            } else {
                Ok(None)
            }
        };
        // Of elements, a divisor of their number.
        let count = |bytes: &mut Unstructured<'_>| -> Result<usize> {
            let wanted = 1 + usize::from(bytes.arbitrary::<u8>()? % 8);
            Ok(match kind {
                Kind::Rows(_) => classes,
                Kind::Elements(_) if len.is_multiple_of(wanted) => wanted,
                Kind::Elements(_) => len,
            })
        };
        let (weight_len, pos_weight_len) = (count(bytes)?, count(bytes)?);
        let losses = if kind.is_activation() { len } else { rows };
        Ok(Self {
            kind,
            input,
            shape,
            target,
            labels,
            weight: weights(bytes, flags & 4 != 0, weight_len)?,
            pos_weight: weights(bytes, flags & 8 != 0, pos_weight_len)?,
            grad_output: grad_output(bytes)?,
            grad_outputs: match flags & 16 {
                0 => vec![T::one(); losses],
                _ => list(bytes, losses, grad_output)?,
            },
            ignore_index,
            label_smoothing: match flags & 0x60 {
                0 => Element::widen(unit::<f64>(bytes)?),
                0x20 => 0.1,
                _ => 0.0,
            },
            beta: match bytes.arbitrary::<u8>()? {
                0..128 => 1.0,
                exponent => 1.5 * 2_f64.powi(i32::from(exponent) - 192),
            },
            numbers: numbers_of(kind, bytes)?,
            judged: *bytes.choose(&[
                oracle::Reduction::None,
                oracle::Reduction::Mean,
                oracle::Reduction::Sum,
            ])?,
        })
    }

    /// How many losses there are: one an element or row. None where there are more than can be counted.
    pub(super) fn rows(&self) -> Option<usize> {
        match self.kind {
            Kind::Elements(_) => Some(self.input.len()),
            Kind::Rows(_) => self.shape[0].checked_mul(self.shape[2]),
        }
    }

    /// How many numbers are written.
    pub(super) fn outputs(&self, direction: Direction) -> usize {
        match direction {
            Direction::Forward => 0,
            Direction::ForwardEach if !self.kind.is_activation() => self.rows().unwrap_or(0),
            _ => self.input.len(),
        }
    }

    /// Asks a library.
    pub(super) fn ask<L: Library<T>>(
        &self,
        library: &mut L,
        direction: Direction,
        reduction: Reduction,
        out: &mut [T],
    ) -> std::result::Result<Option<T>, L::Error> {
        match self.kind {
            Kind::Elements(function) => {
                library.elements(&self.elements(function, direction, reduction), out)
            }
            Kind::Rows(function) => library.rows(
                &RowCall {
                    function,
                    direction,
                    reduction,
                    data: &self.input,
                    shape: self.shape,
                    labels: Labels::I64(&self.labels),
                    probabilities: &self.target,
                    weight: self.weight.as_deref(),
                    ignore_index: self.ignore_index,
                    label_smoothing: self.label_smoothing,
                    grad_output: self.grad_output,
                    grad_outputs: &self.grad_outputs,
                },
                out,
            ),
        }
    }

    /// As the call of a function that goes element by element.
    pub(super) fn elements(
        &self,
        function: ElementFunction,
        direction: Direction,
        reduction: Reduction,
    ) -> ElementCall<'_, T> {
        ElementCall {
            function,
            direction,
            reduction,
            input: &self.input,
            target: &self.target,
            weight: self.weight.as_deref(),
            pos_weight: self.pos_weight.as_deref(),
            grad_output: self.grad_output,
            grad_outputs: &self.grad_outputs,
            beta: self.beta,
            numbers: self.numbers,
        }
    }

    /// The same for the oracle, which a legal call can be given.
    pub(super) fn exact(&self, reduction: oracle::Reduction) -> Call {
        let widen = |numbers: &[T]| -> Vec<f64> { numbers.iter().map(|x| x.widen()).collect() };
        let function = self.kind.function();
        let [outer, classes, stride] = self.shape;
        let shape = match self.kind {
            Kind::Elements(_) => vec![self.input.len()],
            // The sizes beside a 0 may be too large for a product.
            Kind::Rows(_) if self.input.is_empty() => vec![0, classes, 1],
            Kind::Rows(_) => vec![outer, classes, stride],
        };
        let mut call = Call::new(function, &shape, &widen(&self.input)).reduction(reduction);
        if self.kind.takes_labels() {
            call = call.classes(&self.labels);
        } else if self.kind.takes_values() {
            call = call.values(&widen(&self.target));
        }
        let arguments = function.arguments();
        if function.has_rows() && !function.is_activation() || arguments.is_some_and(|of| of.weight)
        {
            call.weight = self.weight.as_deref().map(widen);
        }
        if arguments.is_some() {
            call.numbers = self.numbers;
        }
        if arguments.is_some_and(|of| of.pos_weight) {
            call.pos_weight = self.pos_weight.as_deref().map(widen);
        }
        if function == Function::CrossEntropy {
            call.label_smoothing = self.label_smoothing;
        }
        if function == Function::Softplus {
            call.beta = self.beta;
        }
        call.ignore_index = self.ignore_index;
        call.grad_output = match reduction {
            oracle::Reduction::None => widen(&self.grad_outputs),
            _ => vec![self.grad_output.widen()],
        };
        call
    }

    /// Element or row `row` as a call of its own.
    pub(super) fn alone(&self, row: usize) -> Self {
        let places = self.places(row);
        let take = |from: &[T]| match from.len() == self.input.len() {
            true => places.iter().map(|&i| from[i]).collect(),
            false => vec![],
        };
        let of_element = |weight: &Option<Vec<T>>| match self.kind {
            Kind::Elements(_) => weight
                .as_ref()
                .map(|w| row.checked_rem(w.len()).map_or(vec![], |i| vec![w[i]])),
            Kind::Rows(_) => weight.clone(),
        };
        Self {
            input: take(&self.input),
            shape: [1, places.len(), 1],
            target: take(&self.target),
            labels: self.labels.get(row).map_or(vec![], |&label| vec![label]),
            weight: of_element(&self.weight),
            pos_weight: of_element(&self.pos_weight),
            grad_outputs: match self.kind.is_activation() {
                true => take(&self.grad_outputs),
                false => vec![self.grad_outputs[row]],
            },
            ..self.clone()
        }
    }

    /// Where the numbers of a row lie.
    pub(super) fn places(&self, row: usize) -> Vec<usize> {
        let [_, classes, stride] = match self.kind {
            Kind::Elements(_) => [self.input.len(), 1, 1],
            Kind::Rows(_) => self.shape,
        };
        (0..classes)
            .map(|class| (row / stride * classes + class) * stride + row % stride)
            .collect()
    }
}
