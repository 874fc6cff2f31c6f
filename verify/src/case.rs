//! Case files: one call of one function in safetensors, with somebody's answers or the kernels'.
//!
//! Tensors: `input`; for a loss `target`, and `weight` and `pos_weight` where the function has them; `grad_output`,
//! taken to be ones where it is missing. The subject's answers are `loss` (for an activation `output`, or `loss` too)
//! and `grad_input`, and `loss_f64` and `grad_input_f64`, its answers in f64.
//! Shapes are PyTorch's, those of single numbers empty.
//!
//! Elements have the type of `input`: F32, F64, F16 or BF16. Other tensors may have a type all of whose numbers that type
//! has too. Targets that are class indices are I64, I32 or U8.
//!
//! Metadata, all strings: `function` (PyTorch's name in `torch.nn.functional`), `reduction` (none, mean, sum; mean
//! where it is missing), `ignore_index`, `label_smoothing`, `dim`, `beta`, and the options of a loss of elements. Others mean nothing
//! here: softplus's `threshold` dodges an overflow that the stable form does not have.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use safetensors::tensor::{SafeTensors, TensorView};
use trueloss::Element;
use trueloss::half::{bf16, f16};
use trueloss_digest::call::ElementFunction;

use crate::generate::ElementType;
use crate::kernels;
use crate::oracle::{Call, Function, Reduction, Target};

/// The type of a case's elements.
///
/// ```
/// use trueloss_verify::case::{Case, Dtype, contents};
/// use trueloss_verify::oracle::{Call, Function};
///
/// let call = Call::new(Function::Sigmoid, &[1], &[0.5]);
/// let file = contents(&call, Dtype::BF16, Default::default())?;
/// assert_eq!(Case::from_bytes(&file)?.dtype, Dtype::BF16);
/// # Ok::<(), trueloss_verify::case::CaseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Their names are the types' own.
pub enum Dtype {
    F32,
    F64,
    F16,
    BF16,
}

impl Dtype {
    fn tensor(self) -> safetensors::Dtype {
        match self {
            Dtype::F32 => safetensors::Dtype::F32,
            Dtype::F64 => safetensors::Dtype::F64,
            Dtype::F16 => safetensors::Dtype::F16,
            Dtype::BF16 => safetensors::Dtype::BF16,
        }
    }

    fn of_tensor(tensor: safetensors::Dtype) -> Option<Self> {
        match tensor {
            safetensors::Dtype::F32 => Some(Dtype::F32),
            safetensors::Dtype::F64 => Some(Dtype::F64),
            safetensors::Dtype::F16 => Some(Dtype::F16),
            safetensors::Dtype::BF16 => Some(Dtype::BF16),
            _ => None,
        }
    }

    /// Whether it has all numbers of another type.
    fn holds(self, other: Self) -> bool {
        match self {
            Dtype::F64 => true,
            Dtype::F32 => other != Dtype::F64,
            Dtype::F16 | Dtype::BF16 => self == other,
        }
    }

    /// The type with this name in Rust.
    #[doc(hidden)]
    pub fn of(element: ElementType) -> Self {
        match element {
            ElementType::F32 => Dtype::F32,
            ElementType::F64 => Dtype::F64,
            ElementType::F16 => Dtype::F16,
            ElementType::BF16 => Dtype::BF16,
        }
    }

    /// The bits of one of its numbers, in hexadecimal.
    pub(crate) fn bits(self, x: f64) -> String {
        let bytes = self.to_bytes(x);
        let digits = bytes.iter().rev().map(|byte| format!("{byte:02x}"));
        digits.fold("0x".to_owned(), |bits, digits| bits + &digits)
    }

    /// One of its numbers as the file has it, little-endian.
    pub(crate) fn to_bytes(self, x: f64) -> Vec<u8> {
        match self {
            Dtype::F32 => (x as f32).to_le_bytes().to_vec(),
            Dtype::F64 => x.to_le_bytes().to_vec(),
            Dtype::F16 => f16::narrow(x).to_le_bytes().to_vec(),
            Dtype::BF16 => bf16::narrow(x).to_le_bytes().to_vec(),
        }
    }
}

/// Evaluates an expression with `$T` as the type that a [`Dtype`] is in Rust.
macro_rules! for_dtype {
    ($dtype:expr, $T:ident => $expression:expr) => {
        match $dtype {
            $crate::case::Dtype::F32 => {
                type $T = f32;
                $expression
            }
            $crate::case::Dtype::F64 => {
                type $T = f64;
                $expression
            }
            $crate::case::Dtype::F16 => {
                type $T = trueloss::half::f16;
                $expression
            }
            $crate::case::Dtype::BF16 => {
                type $T = trueloss::half::bf16;
                $expression
            }
        }
    };
}
pub(crate) use for_dtype;

/// Somebody's answers to a call, widened to f64.
///
/// ```
/// use trueloss_verify::case::{Case, Dtype, contents};
/// use trueloss_verify::oracle::{Call, Function};
///
/// let call = Call::new(Function::MseLoss, &[2], &[1.0, 2.0]).values(&[0.0, 4.0]);
/// let asked = Case::from_bytes(&contents(&call, Dtype::F32, Default::default())?)?;
/// assert_eq!(asked.answers.loss, None);
/// let answered = Case::from_bytes(&asked.evaluate()?);
/// // It has the answers, and nothing of what was asked.
/// assert!(answered.is_err());
/// # Ok::<(), trueloss_verify::case::CaseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The loss, the losses or the activation's outputs.
    pub loss: Option<Vec<f64>>,
    /// The gradient with respect to the input.
    pub grad_input: Option<Vec<f64>>,
}

/// One case file.
///
/// ```
/// use trueloss_verify::case::{Case, Dtype, contents};
/// use trueloss_verify::oracle::{Call, Function};
///
/// let call = Call::new(Function::MseLoss, &[2], &[1.0, 2.0]).values(&[0.0, 4.0]);
/// let case = Case::from_bytes(&contents(&call, Dtype::F32, Default::default())?)?;
/// assert_eq!((case.call, case.output_shape), (call, vec![]));
/// # Ok::<(), trueloss_verify::case::CaseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The call. Shapes fit; whether its numbers are legal is for the kernels to say.
    pub call: Call,
    /// The type of its elements.
    pub dtype: Dtype,
    /// The shape of the loss or the outputs.
    pub output_shape: Vec<usize>,
    /// The file's metadata, all of them.
    pub metadata: HashMap<String, String>,
    /// `loss` or `output`, and `grad_input`, of the elements' type.
    pub answers: Answers,
    /// `loss_f64` and `grad_input_f64`.
    pub answers_f64: Answers,
}

/// What is wrong with a case file, in one line.
///
/// ```
/// use trueloss_verify::case::Case;
///
/// let error = Case::from_bytes(b"not a case file").unwrap_err();
/// assert!(!error.to_string().contains('\n'));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseError(String);

impl CaseError {
    pub(crate) fn new(problem: impl fmt::Display) -> Self {
        CaseError(problem.to_string())
    }

    fn in_file(self, path: &Path) -> Self {
        CaseError(format!("{}: {}", path.display(), self.0))
    }
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // File names and tensor names are other people's strings.
        f.write_str(&self.0.replace(['\n', '\r'], " "))
    }
}

impl std::error::Error for CaseError {}

macro_rules! error {
    ($($format:tt)*) => { CaseError(format!($($format)*)) };
}

impl Case {
    /// Reads a case file.
    ///
    /// # Errors
    ///
    /// Where it is not one: the error names the file and the problem.
    ///
    /// ```
    /// use std::path::Path;
    /// use trueloss_verify::case::Case;
    ///
    /// let error = Case::read(Path::new("no such file")).unwrap_err();
    /// assert!(error.to_string().starts_with("no such file: "));
    /// ```
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        std::fs::read(path)
            .map_err(CaseError::new)
            .and_then(|bytes| Case::from_bytes(&bytes))
            .map_err(|error| error.in_file(path))
    }

    /// Reads the contents of a case file.
    ///
    /// # Errors
    ///
    /// Where they are not those of one.
    ///
    /// ```
    /// use trueloss_verify::case::{Case, Dtype, contents};
    /// use trueloss_verify::oracle::{Call, Function};
    ///
    /// let call = Call::new(Function::NllLoss, &[1, 2], &[-1.0, -2.0]).classes(&[1]);
    /// let file = contents(&call, Dtype::F64, Default::default())?;
    /// assert_eq!(Case::from_bytes(&file)?.call, call);
    /// assert!(Case::from_bytes(&file[1..]).is_err());
    /// # Ok::<(), trueloss_verify::case::CaseError>(())
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CaseError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(CaseError::new)?;
        let file = SafeTensors::deserialize(bytes).map_err(CaseError::new)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let function: Function = match metadata.get("function") {
            Some(name) => name.parse().map_err(CaseError::new)?,
            None => return Err(error!("no `function` in the metadata")),
        };
        let reader = Reader { file, function };

        let input = reader.required("input")?;
        let Some(dtype) = Dtype::of_tensor(input.dtype()) else {
            let found = input.dtype();
            return Err(error!(
                "input: expected F32, F64, F16 or BF16, found {found}"
            ));
        };
        let shape = input.shape();
        // A shape that holds nothing may be as large as it likes elsewhere. Then no product of its sizes is safe.
        let nonzero = shape.iter().filter(|&&n| n > 0);
        if nonzero
            .copied()
            .try_fold(1, usize::checked_mul)
            .is_none_or(|n| n > isize::MAX as usize)
        {
            return Err(error!("input: the shape {shape:?} is too large"));
        }
        let mut call = Call::new(function, shape, &reader.numbers("input", &input, dtype)?);
        set_options(&mut call, &metadata)?;
        let output_shape = reader.target(&mut call, dtype)?;
        let outputs = output_shape.iter().product::<usize>();
        let all: Vec<usize> = shape.to_vec();
        let arguments = function.arguments();
        call.weight = match function {
            Function::NllLoss | Function::CrossEntropy => {
                let classes = shape[usize::from(shape.len() > 1)];
                reader.of_shape("weight", dtype, &[classes])?
            }
            _ if arguments.is_some_and(|of| of.weight) => {
                reader.broadcast("weight", dtype, &all)?
            }
            _ => reader.absent("weight")?,
        };
        call.pos_weight = if arguments.is_some_and(|of| of.pos_weight) {
            reader.broadcast("pos_weight", dtype, &all)?
        } else {
            reader.absent("pos_weight")?
        };
        call.grad_output = reader
            .of_shape("grad_output", dtype, &output_shape)?
            .unwrap_or_else(|| vec![1.0; outputs]);

        let mut answers = Answers {
            loss: reader.of_shape("loss", dtype, &output_shape)?,
            grad_input: reader.of_shape("grad_input", dtype, &all)?,
        };
        if function.is_activation() {
            let output = reader.of_shape("output", dtype, &output_shape)?;
            if output.is_some() && answers.loss.is_some() {
                return Err(error!("both `output` and `loss`"));
            }
            answers.loss = output.or(answers.loss);
        }
        let answers_f64 = Answers {
            loss: reader.of_shape("loss_f64", Dtype::F64, &output_shape)?,
            grad_input: reader.of_shape("grad_input_f64", Dtype::F64, &all)?,
        };
        Ok(Case {
            call,
            dtype,
            output_shape,
            metadata,
            answers,
            answers_f64,
        })
    }

    /// Runs the kernels and returns the contents of a case file with their answers: `loss`, or for an activation
    /// `output`, and `grad_input`, with the metadata of this one.
    ///
    /// # Errors
    ///
    /// Where the kernels refuse the call.
    ///
    /// ```
    /// use trueloss_verify::case::{Case, Dtype, contents};
    /// use trueloss_verify::oracle::{Call, Function};
    ///
    /// let call = Call::new(Function::Sigmoid, &[1], &[0.0]);
    /// let case = Case::from_bytes(&contents(&call, Dtype::F32, Default::default())?)?;
    /// let answers = case.evaluate()?;
    /// // `grad_input`, 0.25, and `output`, 0.5, are at the end of the file.
    /// assert!(answers.ends_with(&[0.25_f32.to_le_bytes(), 0.5_f32.to_le_bytes()].concat()));
    /// # Ok::<(), trueloss_verify::case::CaseError>(())
    /// ```
    pub fn evaluate(&self) -> Result<Vec<u8>, CaseError> {
        match self.dtype {
            Dtype::F32 => self.evaluate_as::<f32>(|x| x.to_le_bytes().to_vec()),
            Dtype::F64 => self.evaluate_as::<f64>(|x| x.to_le_bytes().to_vec()),
            Dtype::F16 => self.evaluate_as::<f16>(|x| x.to_le_bytes().to_vec()),
            Dtype::BF16 => self.evaluate_as::<bf16>(|x| x.to_le_bytes().to_vec()),
        }
    }

    fn evaluate_as<T: Element>(
        &self,
        to_bytes: impl Fn(T) -> Vec<u8>,
    ) -> Result<Vec<u8>, CaseError> {
        let bytes = |values: Vec<T>| values.into_iter().flat_map(&to_bytes).collect::<Vec<u8>>();
        let loss = bytes(kernels::forward(&self.call).map_err(CaseError::new)?);
        let grad_input = bytes(kernels::backward(&self.call).map_err(CaseError::new)?);
        let name = if self.call.function.is_activation() {
            "output"
        } else {
            "loss"
        };
        let tensors = [
            (name, &self.output_shape, loss.as_slice()),
            ("grad_input", &self.call.shape, grad_input.as_slice()),
        ];
        let view = |(name, shape, bytes): (_, &Vec<usize>, _)| {
            TensorView::new(self.dtype.tensor(), shape.clone(), bytes).map(|view| (name, view))
        };
        let tensors = tensors
            .into_iter()
            .map(view)
            .collect::<Result<Vec<_>, _>>()
            .map_err(CaseError::new)?;
        safetensors::serialize(tensors, Some(self.metadata.clone())).map_err(CaseError::new)
    }
}

/// Numbers with their names and bits, as the tables say where something was.
#[doc(hidden)]
pub fn place(numbers: &[(&str, f64)], dtype: Dtype) -> String {
    let number = |(name, x): &(&str, f64)| format!("{name} = {x:e} ({})", dtype.bits(*x));
    numbers.iter().map(number).collect::<Vec<_>>().join(", ")
}

/// A name as that of a file.
pub(crate) fn file_name(name: &str) -> String {
    let legible = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    // A target of -1 is none of 1.
    let name: String = name.replace('-', "minus_").chars().map(legible).collect();
    name.replace("__", "_")
}

/// The metadata that name a call's function and options, but for the class index that is ignored.
fn options(call: &Call) -> HashMap<String, String> {
    let mut options = HashMap::from([("function".to_owned(), call.function.to_string())]);
    let mut option = |name: &str, value: String| options.insert(name.to_owned(), value);
    if !call.function.is_activation() {
        option("reduction", call.reduction.to_string());
    }
    let arguments = call.function.arguments();
    for (&(name, _), value) in arguments.iter().flat_map(|of| of.numbers).zip(call.numbers) {
        option(name, value.to_string());
    }
    match call.function {
        Function::Softplus => option("beta", call.beta.to_string()),
        Function::Softmax | Function::LogSoftmax => option("dim", call.dim.to_string()),
        Function::CrossEntropy => option("label_smoothing", call.label_smoothing.to_string()),
        _ => None,
    };
    options
}

/// The shape of what [`oracle::forward`](crate::oracle::forward) returns.
fn output_shape(call: &Call) -> Vec<usize> {
    let mut shape = call.shape.clone();
    if call.function.is_activation() {
        return shape;
    }
    if call.reduction != Reduction::None {
        return vec![];
    }
    if call.function.has_rows() {
        shape.remove(call.dim_of_classes());
    }
    shape
}

/// The contents of a case file: a call, and metadata that name its function and options, with more of it. A `grad_output`
/// of one number stands for as many as there are outputs.
///
/// # Errors
///
/// Where a tensor does not fill its shape.
///
/// ```
/// use std::collections::HashMap;
/// use trueloss_verify::case::{Case, Dtype, contents};
/// use trueloss_verify::oracle::{Call, Function};
///
/// let call = Call::new(Function::Softmax, &[1, 2], &[0.0, 1.0]);
/// let more = HashMap::from([("library".to_owned(), "mine".to_owned())]);
/// let case = Case::from_bytes(&contents(&call, Dtype::F16, more)?)?;
/// assert_eq!((&case.metadata["library"][..], &case.metadata["dim"][..]), ("mine", "1"));
/// # Ok::<(), trueloss_verify::case::CaseError>(())
/// ```
pub fn contents(
    call: &Call,
    dtype: Dtype,
    more: HashMap<String, String>,
) -> Result<Vec<u8>, CaseError> {
    let mut metadata = options(call);
    metadata.extend(more);
    let bytes =
        |numbers: &[f64]| -> Vec<u8> { numbers.iter().flat_map(|&x| dtype.to_bytes(x)).collect() };
    let elements = dtype.tensor();
    let shape = &call.shape[..];
    let mut tensors = vec![("input", elements, shape.to_vec(), bytes(&call.input))];
    match &call.target {
        Target::None => {}
        Target::Values(target) => tensors.push(("target", elements, shape.to_vec(), bytes(target))),
        Target::Classes(target) => {
            let bytes = target.iter().flat_map(|i| i.to_le_bytes()).collect();
            let mut rows = shape.to_vec();
            rows.remove(usize::from(rows.len() > 1));
            tensors.push(("target", safetensors::Dtype::I64, rows, bytes));
        }
    }
    for (name, weight) in [("weight", &call.weight), ("pos_weight", &call.pos_weight)] {
        if let Some(weight) = weight {
            let whole = weight.len() == call.input.len() && !call.function.has_rows();
            let shape = if whole {
                shape.to_vec()
            } else {
                vec![weight.len()]
            };
            tensors.push((name, elements, shape, bytes(weight)));
        }
    }
    let grad_output = match call.grad_output[..] {
        [g] => bytes(&vec![g; call.outputs()]),
        _ => bytes(&call.grad_output),
    };
    tensors.push(("grad_output", elements, output_shape(call), grad_output));
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (*name, view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(CaseError::new)?;
    let mut file = safetensors::serialize(views, Some(metadata)).map_err(CaseError::new)?;
    // The order of the metadata is that of a hash map, another in each run. Sorted, the header is as long as it was.
    let (length, header) = file.split_at_mut(8);
    let length = u64::from_le_bytes(length.try_into().map_err(CaseError::new)?) as usize;
    let header = &mut header[..length];
    let sorted: serde_json::Value = serde_json::from_slice(header).map_err(CaseError::new)?;
    let sorted = sorted.to_string();
    if sorted.len() <= length {
        header.fill(b' ');
        header[..sorted.len()].copy_from_slice(sorted.as_bytes());
    }
    Ok(file)
}

/// Sets the options that the metadata name.
fn set_options(call: &mut Call, metadata: &HashMap<String, String>) -> Result<(), CaseError> {
    fn option<T: FromStr>(
        metadata: &HashMap<String, String>,
        name: &str,
    ) -> Result<Option<T>, CaseError> {
        let parse = |text: &String| {
            text.parse()
                .map_err(|_| error!("{name}: `{text}` is no number that it can be"))
        };
        metadata.get(name).map(parse).transpose()
    }
    let function = call.function;
    if let Some(reduction) = metadata.get("reduction") {
        call.reduction = reduction.parse::<Reduction>().map_err(CaseError::new)?;
    }
    let mut known = vec![];
    if let Some(ignore_index) = option(metadata, "ignore_index")? {
        known.push(("ignore_index", ignore_index == call.ignore_index));
        call.ignore_index = ignore_index;
    }
    if let Some(label_smoothing) = option(metadata, "label_smoothing")? {
        known.push(("label_smoothing", label_smoothing == call.label_smoothing));
        call.label_smoothing = label_smoothing;
    }
    if let Some(beta) = option(metadata, "beta")? {
        known.push(("beta", beta == call.beta));
        call.beta = beta;
    }
    // Those of a loss of elements; None where the function has no number of this name.
    for loss in ElementFunction::LOSSES {
        for (i, &(name, default)) in loss
            .arguments()
            .iter()
            .flat_map(|of| of.numbers)
            .enumerate()
        {
            let Some(value) = option(metadata, name)? else {
                continue;
            };
            if Function::from(loss) == function {
                call.numbers[i] = value;
            } else if !has_number(function, name) && value != default {
                return Err(error!("{function} has no {name}"));
            }
        }
    }
    // An option that the function does not have is harmless at its default, and a mistake elsewhere.
    for (name, is_default) in known {
        let has = match name {
            "ignore_index" => matches!(function, Function::NllLoss | Function::CrossEntropy),
            "label_smoothing" => function == Function::CrossEntropy,
            _ => function == Function::Softplus,
        };
        if !has && !is_default {
            return Err(error!("{function} has no {name}"));
        }
    }
    let dim: Option<i64> = option(metadata, "dim")?;
    if matches!(function, Function::Softmax | Function::LogSoftmax) {
        let Some(dim) = dim else {
            return Err(error!("no `dim` in the metadata"));
        };
        // A single number counts as one dimension.
        let rank = call.shape.len().max(1);
        let counted = if dim < 0 {
            dim.checked_add_unsigned(rank as u64)
        } else {
            Some(dim)
        };
        call.dim = counted
            .and_then(|dim| usize::try_from(dim).ok())
            .filter(|&dim| dim < rank)
            .ok_or_else(|| error!("dim: {dim} is not one of {rank} dimensions"))?;
        if call.shape.get(call.dim) == Some(&0) {
            return Err(error!("input: no classes in its shape {:?}", call.shape));
        }
    }
    Ok(())
}

/// Whether it is a loss of elements with an option of this name.
fn has_number(function: Function, name: &str) -> bool {
    let arguments = function.arguments();
    let mut numbers = arguments.iter().flat_map(|of| of.numbers);
    numbers.any(|&(other, _)| other == name)
}

/// A file's tensors, for a function.
struct Reader<'a> {
    file: SafeTensors<'a>,
    function: Function,
}

impl<'a> Reader<'a> {
    fn optional(&self, name: &str) -> Option<TensorView<'a>> {
        self.file.tensor(name).ok()
    }

    fn required(&self, name: &str) -> Result<TensorView<'a>, CaseError> {
        self.optional(name)
            .ok_or_else(|| error!("no tensor `{name}`"))
    }

    fn absent(&self, name: &str) -> Result<Option<Vec<f64>>, CaseError> {
        match self.optional(name) {
            None => Ok(None),
            Some(_) => Err(error!("{} has no {name}", self.function)),
        }
    }

    /// A tensor's elements, widened.
    fn numbers(
        &self,
        name: &str,
        tensor: &TensorView<'_>,
        dtype: Dtype,
    ) -> Result<Vec<f64>, CaseError> {
        fn read<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            let (numbers, _) = bytes.as_chunks();
            numbers.iter().map(|&x| number(x)).collect()
        }
        let (found, bytes) = (tensor.dtype(), tensor.data());
        match Dtype::of_tensor(found).filter(|&found| dtype.holds(found)) {
            Some(Dtype::F32) => Ok(read(bytes, |x| f32::from_le_bytes(x).into())),
            Some(Dtype::F64) => Ok(read(bytes, f64::from_le_bytes)),
            Some(Dtype::F16) => Ok(read(bytes, |x| f16::from_le_bytes(x).into())),
            Some(Dtype::BF16) => Ok(read(bytes, |x| bf16::from_le_bytes(x).into())),
            None => Err(error!("{name}: expected {dtype:?}, found {found}")),
        }
    }

    /// A tensor's class indices; None where it holds numbers.
    fn indices(tensor: &TensorView<'_>) -> Option<Vec<i64>> {
        let bytes = tensor.data();
        match tensor.dtype() {
            safetensors::Dtype::I64 => {
                let (indices, _) = bytes.as_chunks();
                Some(indices.iter().map(|&i| i64::from_le_bytes(i)).collect())
            }
            safetensors::Dtype::I32 => {
                let (indices, _) = bytes.as_chunks();
                let widen = |&i| i64::from(i32::from_le_bytes(i));
                Some(indices.iter().map(widen).collect())
            }
            safetensors::Dtype::U8 => Some(bytes.iter().map(|&i| i64::from(i)).collect()),
            _ => None,
        }
    }

    /// A tensor that may be missing, of one shape.
    fn of_shape(
        &self,
        name: &str,
        dtype: Dtype,
        expected: &[usize],
    ) -> Result<Option<Vec<f64>>, CaseError> {
        let Some(tensor) = self.optional(name) else {
            return Ok(None);
        };
        check_shape(name, &tensor, expected)?;
        self.numbers(name, &tensor, dtype).map(Some)
    }

    /// A tensor that may be missing and broadcasts over the input as PyTorch's tensors do: sizes align at their ends,
    /// and each is the input's or 1.
    fn broadcast(
        &self,
        name: &str,
        dtype: Dtype,
        input: &[usize],
    ) -> Result<Option<Vec<f64>>, CaseError> {
        let Some(tensor) = self.optional(name) else {
            return Ok(None);
        };
        let shape = tensor.shape();
        let trailing = input
            .len()
            .checked_sub(shape.len())
            .map(|skip| &input[skip..]);
        let Some(trailing) = trailing.filter(|trailing| {
            let mut pairs = shape.iter().zip(*trailing);
            pairs.all(|(&size, &whole)| size == whole || size == 1)
        }) else {
            return Err(error!(
                "{name}: the shape {shape:?} does not broadcast over {input:?}"
            ));
        };
        let numbers = self.numbers(name, &tensor, dtype)?;
        // The kernels repeat a weight as a whole. One that fills the trailing dimensions from some dimension on needs
        // no more than that; any other is written out.
        let leading = shape.iter().take_while(|&&size| size == 1).count();
        if shape[leading..] == trailing[leading..] {
            return Ok(Some(numbers));
        }
        let whole: usize = trailing.iter().product();
        let at = |mut index: usize| {
            let (mut offset, mut stride) = (0, 1);
            for (&size, &whole) in shape.iter().zip(trailing).rev() {
                offset += index % whole % size * stride;
                stride *= size;
                index /= whole;
            }
            numbers[offset]
        };
        Ok(Some((0..whole).map(at).collect()))
    }

    /// Reads the target, and says what shape the outputs have.
    fn target(&self, call: &mut Call, dtype: Dtype) -> Result<Vec<usize>, CaseError> {
        let function = self.function;
        let shape = call.shape.clone();
        if function.is_activation() {
            self.absent("target")?;
            return Ok(shape);
        }
        let tensor = self.required("target")?;
        let reduced = call.reduction != Reduction::None;
        if !function.has_rows() {
            check_shape("target", &tensor, &shape)?;
            call.target = Target::Values(self.numbers("target", &tensor, dtype)?);
            return Ok(if reduced { vec![] } else { shape });
        }
        let mut rows = shape.clone();
        if rows.is_empty() || rows.remove(usize::from(rows.len() > 1)) == 0 {
            return Err(error!("input: no classes in its shape {shape:?}"));
        }
        call.target = match Self::indices(&tensor) {
            Some(indices) => {
                check_shape("target", &tensor, &rows)?;
                Target::Classes(indices)
            }
            None if function == Function::NllLoss => {
                let found = tensor.dtype();
                return Err(error!("target: expected I64, I32 or U8, found {found}"));
            }
            None => {
                let values = self.numbers("target", &tensor, dtype)?;
                check_shape("target", &tensor, &shape)?;
                Target::Values(values)
            }
        };
        Ok(if reduced { vec![] } else { rows })
    }
}

fn check_shape(name: &str, tensor: &TensorView<'_>, expected: &[usize]) -> Result<(), CaseError> {
    if tensor.shape() == expected {
        return Ok(());
    }
    let found = tensor.shape();
    Err(error!(
        "{name}: expected the shape {expected:?}, found {found:?}"
    ))
}
