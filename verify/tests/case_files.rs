//! Case files as such: what is read, what is refused, and what `trueloss eval` writes.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use trueloss_verify::case::{self, Case};
use trueloss_verify::kernels;
use trueloss_verify::oracle::{Function, Target};

/// A case file in the making.
#[derive(Clone, Default)]
struct File {
    tensors: Vec<(&'static str, Dtype, Vec<usize>, Vec<u8>)>,
    metadata: HashMap<String, String>,
}

impl File {
    fn new(function: &str) -> Self {
        File::default().meta("function", function)
    }

    fn meta(mut self, name: &str, value: &str) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    fn bytes(mut self, name: &'static str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Self {
        self.tensors.retain(|tensor| tensor.0 != name);
        self.tensors.push((name, dtype, shape.to_vec(), bytes));
        self
    }

    fn f32(self, name: &'static str, shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.bytes(name, Dtype::F32, shape, bytes)
    }

    fn f64(self, name: &'static str, shape: &[usize], values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.bytes(name, Dtype::F64, shape, bytes)
    }

    fn i64(self, name: &'static str, shape: &[usize], values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.bytes(name, Dtype::I64, shape, bytes)
    }

    fn without(mut self, name: &str) -> Self {
        self.tensors.retain(|tensor| tensor.0 != name);
        self.metadata.remove(name);
        self
    }

    fn finish(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (*name, view.unwrap())
        });
        safetensors::serialize(views, Some(self.metadata.clone())).unwrap()
    }

    fn read(&self) -> Result<Case, case::CaseError> {
        Case::from_bytes(&self.finish())
    }
}

/// Cross-entropy of two rows of three classes.
fn cross_entropy() -> File {
    File::new("cross_entropy")
        .f32("input", &[2, 3], &[0.5, -1.0, 2.0, 0.0, 3.0, -0.25])
        .i64("target", &[2], &[2, 0])
}

/// Binary cross-entropy of a matrix of logits.
fn bce_with_logits() -> File {
    File::new("binary_cross_entropy_with_logits")
        .f32("input", &[2, 3], &[0.5, -1.0, 2.0, 0.0, 3.0, -0.25])
        .f32("target", &[2, 3], &[0.0, 1.0, 1.0, 0.0, 1.0, 0.5])
}

/// Binary cross-entropy of two logits, 2 and -1, in a type of 16 bits; the second target is a soft one, 1/2.
fn of_16_bits(dtype: &str) -> File {
    let (dtype, two, minus_one, half) = match dtype {
        "F16" => (Dtype::F16, 0x4000_u16, 0xbc00_u16, 0x3800_u16),
        _ => (Dtype::BF16, 0x4000, 0xbf80, 0x3f00),
    };
    let bytes = |numbers: [u16; 2]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    File::new("binary_cross_entropy_with_logits")
        .meta("reduction", "none")
        .bytes("input", dtype, &[2], bytes([two, minus_one]))
        .bytes("target", dtype, &[2], bytes([0, half]))
}

/// Reading, and running the kernels where reading succeeds: an answer or an error, in one line.
fn evaluate(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let result = Case::from_bytes(bytes).and_then(|case| case.evaluate());
    result.map_err(|error| {
        let line = error.to_string();
        assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
        line
    })
}

#[test]
fn elements_of_16_bits() {
    // softplus(2) = 2.12692…, softplus(1) - 1/2 = 0.81326…; sigmoid(2) = 0.88079…, sigmoid(-1) - 1/2 = -0.23105….
    for (dtype, loss, grad_input) in [
        (
            "F16",
            [2.126953125, 0.8134765625],
            [0.880859375, -0.2310791015625],
        ),
        ("BF16", [2.125, 0.8125], [0.87890625, -0.2314453125]),
    ] {
        let case = of_16_bits(dtype).read().unwrap();
        assert_eq!(format!("{:?}", case.dtype), dtype);
        assert_eq!(case.call.input, [2.0, -1.0]);
        assert_eq!(case.call.target, Target::Values(vec![0.0, 0.5]));
        // What is written is a case of the same type, its input and target apart.
        let written = case.evaluate().unwrap();
        let file = SafeTensors::deserialize(&written).unwrap();
        let mut answered = of_16_bits(dtype);
        for name in ["loss", "grad_input"] {
            let tensor = file.tensor(name).unwrap();
            answered = answered.bytes(name, tensor.dtype(), &[2], tensor.data().to_vec());
        }
        let answers = answered.read().unwrap().answers;
        assert_eq!(answers.loss, Some(loss.to_vec()));
        assert_eq!(answers.grad_input, Some(grad_input.to_vec()));
    }
    // In a case of more digits, tensors of fewer.
    let weight = vec![0x80, 0x3f, 0, 0x40, 0, 0x3f];
    let file = bce_with_logits().bytes("weight", Dtype::BF16, &[1, 3], weight);
    let case = file.read().unwrap();
    assert_eq!(case.call.weight, Some(vec![1.0, 2.0, 0.5]));
}

#[test]
fn options_and_defaults() {
    let case = cross_entropy().read().unwrap();
    assert_eq!(case.dtype, case::Dtype::F32);
    assert_eq!(case.output_shape, [0; 0]);
    assert_eq!(case.call.function, Function::CrossEntropy);
    assert_eq!(case.call.grad_output, [1.0]);
    assert_eq!(case.call.ignore_index, -100);
    assert_eq!(case.call.target, Target::Classes(vec![2, 0]));

    let case = cross_entropy()
        .meta("reduction", "none")
        .meta("ignore_index", "2")
        .meta("label_smoothing", "0.1")
        .meta("source", "by hand")
        .f32("weight", &[3], &[1.0, -2.0, 0.5])
        .f32("loss", &[2], &[0.25, 0.5])
        .f64("grad_input_f64", &[2, 3], &[0.125; 6])
        .read()
        .unwrap();
    assert_eq!(case.output_shape, [2]);
    assert_eq!(case.call.grad_output, [1.0; 2]);
    assert_eq!(
        (case.call.ignore_index, case.call.label_smoothing),
        (2, 0.1)
    );
    assert_eq!(case.call.weight, Some(vec![1.0, -2.0, 0.5]));
    assert_eq!(case.answers.loss, Some(vec![0.25, 0.5]));
    assert_eq!(case.answers.grad_input, None);
    assert_eq!(case.answers_f64.grad_input, Some(vec![0.125; 6]));
    assert_eq!(case.metadata["source"], "by hand");

    // The type of the indices makes no difference.
    let right = cross_entropy().read().unwrap().evaluate().unwrap();
    for (dtype, bytes) in [
        (Dtype::I32, vec![2, 0, 0, 0, 0, 0, 0, 0]),
        (Dtype::U8, vec![2, 0]),
    ] {
        let file = cross_entropy().bytes("target", dtype, &[2], bytes);
        let case = file.read().unwrap();
        assert_eq!(case.call.target, Target::Classes(vec![2, 0]));
        assert_eq!(tensors(&case.evaluate().unwrap()), tensors(&right));
    }

    // F64 where the input is, with F32 beside it; probabilities; a negative dimension; `output` or `loss`.
    let case = File::new("cross_entropy")
        .f64("input", &[2, 2, 1], &[0.1, 0.2, 0.3, 0.4])
        .f32("target", &[2, 2, 1], &[0.25, 0.75, 1.0, 0.0])
        .meta("reduction", "none")
        .read()
        .unwrap();
    assert_eq!(case.dtype, case::Dtype::F64);
    assert_eq!(case.output_shape, [2, 1]);
    assert_eq!(case.call.target, Target::Values(vec![0.25, 0.75, 1.0, 0.0]));
    let softmax = File::new("softmax")
        .f32("input", &[2, 3, 4], &[0.0; 24])
        .meta("dim", "-2");
    for name in ["output", "loss"] {
        let case = softmax.clone().f32(name, &[2, 3, 4], &[0.5; 24]);
        let case = case.read().unwrap();
        assert_eq!(case.call.dim, 1);
        assert_eq!(case.answers.loss, Some(vec![0.5; 24]));
    }
    let case = File::new("softplus")
        .f32("input", &[], &[1.0])
        .meta("beta", "2.5")
        .meta("threshold", "nonsense");
    assert_eq!(case.read().unwrap().call.beta, 2.5);

    // A reader may hold nothing.
    let empty = File::new("mse_loss")
        .f32("input", &[0, 3], &[])
        .f32("target", &[0, 3], &[]);
    let answers = tensors(&evaluate(&empty.finish()).unwrap());
    assert!(f32::from_le_bytes(answers["loss"].2[..].try_into().unwrap()).is_nan());
    assert_eq!(answers["grad_input"].1, [0, 3]);
}

#[test]
fn weights_broadcast_as_pytorchs() {
    let numbers: Vec<f32> = (0..24_u8).map(f32::from).collect();
    let weighted = |name, shape: &[usize]| {
        let len = shape.iter().product();
        File::new("binary_cross_entropy_with_logits")
            .f32("input", &[2, 3, 4], &[0.5; 24])
            .f32("target", &[2, 3, 4], &[1.0; 24])
            .f32(name, shape, &numbers[..len])
            .read()
    };
    let whole: Vec<f64> = numbers.iter().copied().map(f64::from).collect();
    for shape in [
        &[][..],
        &[1],
        &[4],
        &[3, 4],
        &[1, 4],
        &[1, 3, 4],
        &[2, 3, 4],
        &[1, 1, 1],
    ] {
        let len: usize = shape.iter().product();
        let weight = weighted("weight", shape).unwrap().call.weight.unwrap();
        assert_eq!(weight, whole[..len], "{shape:?}");
        let pos_weight = weighted("pos_weight", shape)
            .unwrap()
            .call
            .pos_weight
            .unwrap();
        assert_eq!(pos_weight, whole[..len], "{shape:?}");
    }
    // What no repetition of the whole gives: one weight for each row, and for each matrix.
    let rows = weighted("weight", &[3, 1]).unwrap().call.weight.unwrap();
    assert_eq!(
        rows,
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    );
    let matrices = weighted("weight", &[2, 1, 4]).unwrap().call.weight.unwrap();
    let expected: Vec<f64> = (0..24).map(|i| f64::from(i / 12 * 4 + i % 4)).collect();
    assert_eq!(matrices, expected);
    for shape in [
        &[2][..],
        &[3],
        &[2, 4],
        &[4, 3],
        &[1, 2, 3, 4],
        &[2, 3, 1, 1],
    ] {
        let error = weighted("weight", shape).unwrap_err().to_string();
        assert!(
            error.starts_with("weight: the shape") && error.contains("does not broadcast"),
            "{error}"
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let softmax = File::new("softmax").f32("input", &[2, 2], &[0.0; 4]);
    let mse = File::new("mse_loss")
        .f32("input", &[2], &[0.0; 2])
        .f32("target", &[2], &[0.0; 2]);
    let nll = File::new("nll_loss")
        .f32("input", &[2, 2], &[-1.0; 4])
        .i64("target", &[2], &[0, 1]);
    let none = cross_entropy().meta("reduction", "none");
    let refused = [
        (cross_entropy().without("function"), "no `function`"),
        (
            cross_entropy().meta("function", "hinge_loss"),
            "no function is called `hinge_loss`",
        ),
        (cross_entropy().without("input"), "no tensor `input`"),
        (cross_entropy().without("target"), "no tensor `target`"),
        (
            cross_entropy().i64("input", &[2, 3], &[0; 6]),
            "input: expected F32, F64, F16 or BF16, found I64",
        ),
        (
            cross_entropy().bytes("input", Dtype::F8_E4M3, &[2, 3], vec![0; 6]),
            "input: expected F32, F64, F16 or BF16, found F8_E4M3",
        ),
        (
            bce_with_logits().bytes("input", Dtype::F16, &[2, 3], vec![0; 12]),
            "target: expected F16, found F32",
        ),
        (
            of_16_bits("F16").bytes("target", Dtype::BF16, &[2], vec![0; 4]),
            "target: expected F16, found BF16",
        ),
        (
            cross_entropy().bytes("target", Dtype::BOOL, &[2], vec![0; 2]),
            "target: expected F32, found BOOL",
        ),
        (
            cross_entropy().f64("target", &[2, 3], &[0.5; 6]),
            "target: expected F32, found F64",
        ),
        (
            cross_entropy().f32("target", &[2], &[0.5; 2]),
            "target: expected the shape [2, 3], found [2]",
        ),
        (
            cross_entropy().i64("target", &[3], &[0; 3]),
            "target: expected the shape [2], found [3]",
        ),
        (
            cross_entropy().i64("target", &[2, 1], &[0; 2]),
            "target: expected the shape [2], found [2, 1]",
        ),
        (
            cross_entropy().f32("input", &[], &[0.0]),
            "input: no classes in its shape []",
        ),
        (
            cross_entropy().f32("input", &[2, 0], &[]),
            "input: no classes in its shape [2, 0]",
        ),
        (
            cross_entropy().f32("weight", &[2], &[1.0; 2]),
            "weight: expected the shape [3], found [2]",
        ),
        (
            cross_entropy().f32("weight", &[], &[1.0]),
            "weight: expected the shape [3], found []",
        ),
        (
            cross_entropy().f64("weight", &[3], &[1.0; 3]),
            "weight: expected F32, found F64",
        ),
        (
            cross_entropy().f32("pos_weight", &[3], &[1.0; 3]),
            "cross_entropy has no pos_weight",
        ),
        (
            cross_entropy().f32("grad_output", &[1], &[1.0]),
            "grad_output: expected the shape [], found [1]",
        ),
        (
            none.clone().f32("grad_output", &[], &[1.0]),
            "grad_output: expected the shape [2], found []",
        ),
        (
            none.f32("loss", &[3], &[1.0; 3]),
            "loss: expected the shape [2], found [3]",
        ),
        (
            cross_entropy().f32("grad_input", &[6], &[1.0; 6]),
            "grad_input: expected the shape [2, 3], found [6]",
        ),
        (
            cross_entropy().f64("loss", &[], &[1.0]),
            "loss: expected F32, found F64",
        ),
        (
            cross_entropy().i64("grad_input_f64", &[2, 3], &[1; 6]),
            "grad_input_f64: expected F64, found I64",
        ),
        (
            cross_entropy().meta("reduction", "average"),
            "no reduction is called `average`",
        ),
        (
            cross_entropy().meta("ignore_index", "1.5"),
            "ignore_index: `1.5`",
        ),
        (
            cross_entropy().meta("label_smoothing", "a tenth"),
            "label_smoothing: `a tenth`",
        ),
        (cross_entropy().meta("dim", ""), "dim: ``"),
        (
            cross_entropy().meta("beta", "2"),
            "cross_entropy has no beta",
        ),
        (
            nll.clone().f32("target", &[2], &[0.0; 2]),
            "target: expected I64, I32 or U8, found F32",
        ),
        (
            nll.clone().meta("label_smoothing", "0.1"),
            "nll_loss has no label_smoothing",
        ),
        (
            mse.clone().i64("target", &[2], &[0; 2]),
            "target: expected F32, found I64",
        ),
        (
            mse.clone().f32("target", &[1], &[0.0]),
            "target: expected the shape [2], found [1]",
        ),
        (
            mse.clone().f32("weight", &[2], &[1.0; 2]),
            "mse_loss has no weight",
        ),
        (
            mse.meta("ignore_index", "1"),
            "mse_loss has no ignore_index",
        ),
        (softmax.clone(), "no `dim`"),
        (
            softmax.clone().meta("dim", "2"),
            "dim: 2 is not one of 2 dimensions",
        ),
        (
            softmax.clone().meta("dim", "-3"),
            "dim: -3 is not one of 2 dimensions",
        ),
        (
            softmax.clone().meta("dim", "-9223372036854775808"),
            "dim: -9223372036854775808 is not",
        ),
        (
            softmax.clone().meta("dim", "9223372036854775807"),
            "dim: 9223372036854775807 is not",
        ),
        (
            softmax
                .clone()
                .meta("dim", "1")
                .f32("target", &[2], &[0.0; 2]),
            "softmax has no target",
        ),
        (
            softmax.clone().meta("dim", "1").f32("input", &[2, 0], &[]),
            "input: no classes",
        ),
        (
            softmax
                .meta("dim", "1")
                .f32("output", &[2, 2], &[0.0; 4])
                .f32("loss", &[2, 2], &[0.0; 4]),
            "both `output` and `loss`",
        ),
        (
            nll.f32("input", &[0, 1 << 32, 1 << 31], &[])
                .i64("target", &[0, 1 << 31], &[]),
            "input: the shape [0, 4294967296, 2147483648] is too large",
        ),
        // What the kernels refuse, in their words.
        (
            cross_entropy().i64("target", &[2], &[0, 3]),
            "target[1]: expected a class index below 3, found 3",
        ),
        (
            cross_entropy().i64("target", &[2], &[i64::MIN, 0]),
            "target[0]: expected a class index below 3",
        ),
        (
            cross_entropy().meta("label_smoothing", "-0.1"),
            "label_smoothing[0]",
        ),
        (
            cross_entropy().meta("label_smoothing", "nan"),
            "label_smoothing[0]",
        ),
        (
            cross_entropy().f32("weight", &[3], &[1.0, f32::NAN, 1.0]),
            "weight[1]: expected a finite number",
        ),
        (
            bce_with_logits().f32("target", &[2, 3], &[2.0; 6]),
            "target[0]: expected a number between 0 and 1",
        ),
        (
            bce_with_logits().f32("pos_weight", &[3], &[f32::INFINITY; 3]),
            "pos_weight[0]: expected a finite",
        ),
        (
            File::new("softplus")
                .f32("input", &[], &[0.0])
                .meta("beta", "0"),
            "beta: expected a finite number above 0",
        ),
    ];
    for (file, problem) in refused {
        let error = evaluate(&file.finish()).expect_err(problem);
        assert!(error.starts_with(problem), "{error:?} for {problem:?}");
    }
}

#[test]
fn broken_files_are_errors() {
    let whole = bce_with_logits()
        .f32("weight", &[3], &[1.0; 3])
        .meta("reduction", "none")
        .finish();
    assert!(whole.len() > 200);
    for length in 0..whole.len() {
        assert!(evaluate(&whole[..length]).is_err(), "{length} bytes");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(evaluate(&longer).is_err());
    for header in [
        0,
        1,
        1 << 31,
        1 << 32,
        1 << 62,
        1 << 63,
        u64::MAX - 7,
        u64::MAX,
    ] {
        let mut broken = whole.clone();
        broken[..8].copy_from_slice(&header.to_le_bytes());
        assert!(evaluate(&broken).is_err(), "a header of {header} bytes");
    }
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "{\"__metadata__\":{\"function\":\"mse_loss\"}}",
        "{\"__metadata__\":{\"function\":1}}",
        "{\"__metadata__\":{\"function\":\"sigmoid\"},\"input\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,4],\"data_offsets\":[0,4]}}",
        "{\"__metadata__\":{\"function\":\"sigmoid\"},\"input\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
        "{\"__metadata__\":{\"function\":\"sigmoid\"},\"input\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"__metadata__\":{\"function\":\"sigmoid\"},\"input\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}",
        "{\"__metadata__\":{\"function\":\"sigmoid\"},\"input\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
    ] {
        let mut file = (text.len() as u64).to_le_bytes().to_vec();
        file.extend(text.bytes());
        file.extend([0; 8]);
        assert!(evaluate(&file).is_err(), "{text}");
    }
    let deep = "[".repeat(100_000);
    let mut file = (deep.len() as u64).to_le_bytes().to_vec();
    file.extend(deep.bytes());
    assert!(evaluate(&file).is_err());
    // A flipped byte may leave a legal file; what counts is that nothing panics.
    let (mut legal, mut flips) = (0, 0);
    for at in 0..whole.len() {
        for mask in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
            let mut broken = whole.clone();
            broken[at] ^= mask;
            flips += 1;
            legal += usize::from(evaluate(&broken).is_ok());
        }
    }
    assert!(0 < legal && legal < flips / 2, "{legal} of {flips}");
}

#[test]
fn an_error_names_the_file() {
    let directory = directory("named");
    let missing = directory.join("missing.safetensors");
    let error = Case::read(&missing).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{}: ", missing.display())),
        "{error}"
    );
    assert!(Case::read(&directory).is_err());
    let file = directory.join("two\nlines.safetensors");
    fs::write(&file, cross_entropy().without("input").finish()).unwrap();
    let error = Case::read(&file).unwrap_err().to_string();
    assert!(
        error.ends_with("two lines.safetensors: no tensor `input`"),
        "{error}"
    );
}

/// The tensors of a file by name: type, shape and bytes.
fn tensors(bytes: &[u8]) -> HashMap<String, (Dtype, Vec<usize>, Vec<u8>)> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let tensor = |(name, view): (String, TensorView<'_>)| {
        let contents = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
        (name, contents)
    };
    file.tensors().into_iter().map(tensor).collect()
}

/// An empty directory for a test.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("case_files")
        .join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn eval(cases: &[PathBuf], out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trueloss"))
        .arg("eval")
        .args(cases)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap()
}

fn errors(output: &Output) -> Vec<String> {
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    errors.lines().map(str::to_owned).collect()
}

#[test]
fn eval_writes_the_bits_of_the_kernels() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(samples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    let inputs = directory("inputs");
    let double = inputs.join("double.safetensors");
    let file = File::new("mse_loss")
        .f64("input", &[3], &[0.1, -2.5, 1e300])
        .f64("target", &[3], &[0.3, 0.0, 0.0])
        .meta("reduction", "none");
    fs::write(&double, file.finish()).unwrap();
    cases.push(double);
    // Made by the command, one level more than there is.
    let out = directory("answers").join("new");
    let output = eval(&cases, &out);
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 173);
    for file in &cases {
        let written = fs::read(out.join(file.file_name().unwrap())).unwrap();
        let read = fs::read(file).unwrap();
        let case = Case::from_bytes(&read).unwrap();
        let (answers, theirs) = (tensors(&written), tensors(&read));
        let name = if case.call.function.is_activation() {
            "output"
        } else {
            "loss"
        };
        let names: BTreeSet<&str> = answers.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            BTreeSet::from([name, "grad_input"]),
            "{}",
            file.display()
        );
        let (dtype, [loss, gradient]) = match case.dtype {
            case::Dtype::F32 => {
                let answers: [Vec<f32>; 2] = [
                    kernels::forward(&case.call).unwrap(),
                    kernels::backward(&case.call).unwrap(),
                ];
                (
                    Dtype::F32,
                    answers.map(|a| a.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()),
                )
            }
            case::Dtype::F64 => {
                let answers: [Vec<f64>; 2] = [
                    kernels::forward(&case.call).unwrap(),
                    kernels::backward(&case.call).unwrap(),
                ];
                (
                    Dtype::F64,
                    answers.map(|a| a.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()),
                )
            }
            case::Dtype::F16 | case::Dtype::BF16 => panic!("PyTorch's samples have none"),
        };
        // PyTorch's shapes.
        if let Some(theirs) = theirs.get("loss") {
            assert_eq!(answers[name].1, theirs.1, "{}", file.display());
        }
        assert_eq!(answers[name], (dtype, case.output_shape.clone(), loss));
        assert_eq!(
            answers["grad_input"],
            (dtype, case.call.shape.clone(), gradient)
        );
        let (_, header) = SafeTensors::read_metadata(&written).unwrap();
        assert_eq!(header.metadata().as_ref(), Some(&case.metadata));
    }
}

#[test]
fn eval_goes_on_after_a_failure() {
    let inputs = directory("some-fail");
    let [good, bad, worse, last] = ["good", "bad", "worse", "last"]
        .map(|name| inputs.join(name).with_extension("safetensors"));
    fs::write(&good, cross_entropy().finish()).unwrap();
    fs::write(&bad, cross_entropy().i64("target", &[2], &[0, 7]).finish()).unwrap();
    fs::write(&worse, b"not a case").unwrap();
    fs::write(&last, cross_entropy().finish()).unwrap();
    let missing = inputs.join("missing.safetensors");
    let out = directory("some-fail-answers");
    let output = eval(
        &[good, bad.clone(), worse.clone(), missing.clone(), last],
        &out,
    );
    assert_eq!(output.status.code(), Some(1));
    let errors = errors(&output);
    assert_eq!(errors.len(), 3, "{errors:?}");
    for (error, file) in errors.iter().zip([bad, worse, missing]) {
        assert!(
            error.starts_with(&format!("{}: ", file.display())),
            "{error}"
        );
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
}

#[test]
fn eval_overwrites_no_input() {
    let inputs = directory("overwrite");
    let case = inputs.join("case.safetensors");
    let before = cross_entropy().finish();
    fs::write(&case, &before).unwrap();
    let output = eval(std::slice::from_ref(&case), &inputs);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output)[0].contains("would overwrite an input"),
        "{output:?}"
    );
    assert_eq!(fs::read(&case).unwrap(), before);
    // Not by a detour, and not that of another.
    let other = directory("overwrite-other").join("case.safetensors");
    fs::write(&other, &before).unwrap();
    let detour = inputs.join("..").join("overwrite");
    let output = eval(&[other.clone(), case.clone()], &detour);
    assert_eq!(
        (output.status.code(), errors(&output).len()),
        (Some(1), 2),
        "{output:?}"
    );
    assert_eq!(fs::read(&case).unwrap(), before);
    // Two cases of one name have one file for their answers: the first has it.
    let output = eval(&[case.clone(), other], &directory("overwrite-answers"));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output)[0].contains("another case of this name"),
        "{output:?}"
    );
    // The answers to an earlier run are no input.
    let out = directory("overwrite-again");
    for _ in 0..2 {
        assert!(eval(std::slice::from_ref(&case), &out).status.success());
    }
}
