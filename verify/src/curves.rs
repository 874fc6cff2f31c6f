//! The charts of the certificate: the error in ULP against x, of each function and its gradient; trueloss beside the same
//! formulas in `f32` with libm, and beside other libraries.
//!
//! `trueloss probe --curves` writes the questions, league.py lets the libraries answer, and keeps the answers in
//! `verify/charts`; they are judged anew each time.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use plotters::prelude::*;
use rayon::prelude::*;
use safetensors::SafeTensors;

use crate::case::{self, CaseError, Dtype};
use crate::claims::Direction;
use crate::oracle::{self, Call, Function, Reduction};
use crate::{kernels, naive, ulp};

/// How many values of x a function is asked.
const POINTS: usize = 1024;

/// So many of them, next to each other, are one point of the chart: the worst.
pub(crate) const PER_POINT: usize = 8;

/// Where the axis of errors begins and ends; what is beyond is drawn there.
const LOW: f64 = 0.01;
const HIGH: f64 = 1e9;

/// The other libraries: the names of their files, and of their lines.
const PEERS: [(&str, &str); 3] = [
    ("pytorch", "PyTorch"),
    ("candle", "candle"),
    ("burn", "burn"),
];

/// One function of one number.
pub struct Curve {
    /// The name of its file.
    pub name: &'static str,
    /// What x is.
    pub of: &'static str,
    /// All of x, as one call.
    pub call: Call,
    from: f64,
    to: f64,
}

/// All curves.
pub fn all() -> Vec<Curve> {
    use Function as F;
    let logits = (-120.0, 120.0);
    let curve = |name, of, function, (from, to): (f64, f64)| {
        let step = (to - from) / POINTS as f64;
        // Not a round number, anywhere between two steps.
        let golden = (5_f64.sqrt() - 1.0) / 2.0;
        let x = |i: usize| from + (i as f64 + (i as f64 * golden).fract()) * step;
        let x: Vec<f64> = (0..POINTS).map(|i| f64::from(x(i) as f32)).collect();
        let call = if F::has_rows(function) {
            let rows: Vec<f64> = x.iter().flat_map(|&x| [x, 0.0]).collect();
            Call::new(function, &[POINTS, 2], &rows)
        } else {
            Call::new(function, &[POINTS], &x)
        };
        Curve {
            name,
            of,
            call: call.reduction(Reduction::None),
            from,
            to,
        }
    };
    let with = |curve: Curve, call: fn(Call) -> Call| Curve {
        call: call(curve.call),
        ..curve
    };
    let first_of_two = |call: Call| Call {
        grad_output: [1.0, 0.0].repeat(POINTS),
        ..call
    };
    vec![
        curve("sigmoid", "sigmoid(x)", F::Sigmoid, logits),
        curve("logsigmoid", "logsigmoid(x)", F::LogSigmoid, logits),
        curve("softplus", "softplus(x)", F::Softplus, logits),
        with(
            curve(
                "bce_with_logits_0",
                "binary_cross_entropy_with_logits(x, 0)",
                F::BinaryCrossEntropyWithLogits,
                logits,
            ),
            |call| call.values(&[0.0; POINTS]),
        ),
        with(
            curve(
                "bce_with_logits_1",
                "binary_cross_entropy_with_logits(x, 1)",
                F::BinaryCrossEntropyWithLogits,
                logits,
            ),
            |call| call.values(&[1.0; POINTS]),
        ),
        with(
            curve(
                "bce_0",
                "binary_cross_entropy(x, 0)",
                F::BinaryCrossEntropy,
                (0.0, 1.0),
            ),
            |call| call.values(&[0.0; POINTS]),
        ),
        with(
            curve(
                "bce_1",
                "binary_cross_entropy(x, 1)",
                F::BinaryCrossEntropy,
                (0.0, 1.0),
            ),
            |call| call.values(&[1.0; POINTS]),
        ),
        with(
            curve("mse", "mse_loss(x, 0.3)", F::MseLoss, (-2.0, 2.0)),
            |call| call.values(&[f64::from(0.3_f32); POINTS]),
        ),
        with(
            curve(
                "cross_entropy",
                "cross_entropy((x, 0), 0)",
                F::CrossEntropy,
                logits,
            ),
            |call| call.classes(&[0; POINTS]),
        ),
        with(
            curve("softmax", "softmax((x, 0))", F::Softmax, logits),
            first_of_two,
        ),
        with(
            curve("log_softmax", "log_softmax((x, 0))", F::LogSoftmax, logits),
            first_of_two,
        ),
    ]
}

/// Of the numbers in all questions: answers to others are not answers.
fn questions() -> String {
    let inputs = all().into_iter().flat_map(|curve| curve.call.input);
    let numbers: Vec<f32> = inputs.map(|x| x as f32).collect();
    format!("{:016x}", trueloss_digest::hash(&numbers))
}

/// Writes the questions as case files.
///
/// # Errors
///
/// What becomes of a file.
pub fn write(folder: &Path) -> Result<(), CaseError> {
    fs::create_dir_all(folder).map_err(CaseError::new)?;
    let questions = questions();
    for curve in all() {
        let metadata = HashMap::from([("questions".to_owned(), questions.clone())]);
        let file = case::contents(&curve.call, Dtype::F32, metadata)?;
        let path = folder.join(curve.name.to_owned() + ".safetensors");
        fs::write(&path, file)
            .map_err(|error| CaseError::new(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

/// Somebody's answers to all questions that they have a function for.
pub struct Answers {
    /// As the legend has it.
    pub title: &'static str,
    /// With its version.
    pub version: String,
    /// The losses or outputs of a curve, and its gradient.
    of: HashMap<&'static str, [Vec<f32>; 2]>,
}

impl Answers {
    fn trueloss() -> Result<Self, CaseError> {
        let answers = |curve: &Curve| -> Result<_, trueloss::Error> {
            let forward = kernels::forward::<f32>(&curve.call)?;
            Ok((
                curve.name,
                [forward, kernels::backward::<f32>(&curve.call)?],
            ))
        };
        let of = all().iter().map(answers).collect::<Result<_, _>>();
        Ok(Self {
            title: "trueloss",
            version: format!("trueloss {}", env!("CARGO_PKG_VERSION")),
            of: of.map_err(CaseError::new)?,
        })
    }

    fn libm() -> Self {
        let answers = |curve: &Curve| {
            let (forward, gradient) = naive::answers(&curve.call);
            (curve.name, [forward, gradient])
        };
        Self {
            title: "f32, libm",
            version: "the usual formulas in f32, with the functions of libm 0.2".to_owned(),
            of: all().iter().map(answers).collect(),
        }
    }

    fn peer(title: &'static str, path: &Path) -> Result<Self, CaseError> {
        let problem = |problem: &dyn std::fmt::Display| {
            CaseError::new(format!("{}: {problem}", path.display()))
        };
        let bytes = fs::read(path).map_err(|error| problem(&error))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| problem(&error))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| problem(&error))?;
        let words = header.metadata().clone().unwrap_or_default();
        if words.get("questions") != Some(&questions()) {
            return Err(problem(&"answers to other questions; league.py asks these"));
        }
        let mut of = HashMap::new();
        for curve in all() {
            let numbers = |name: &str| -> Option<Vec<f32>> {
                let tensor = file.tensor(&format!("{}.{name}", curve.name)).ok()?;
                let chunks = tensor.data().as_chunks::<4>().0;
                Some(chunks.iter().map(|&b| f32::from_le_bytes(b)).collect())
            };
            let (Some(forward), Some(gradient)) = (numbers("loss"), numbers("grad_input")) else {
                continue;
            };
            if forward.len() != curve.call.outputs() || gradient.len() != curve.call.input.len() {
                return Err(problem(&format!(
                    "{}: not as many answers as questions",
                    curve.name
                )));
            }
            of.insert(curve.name, [forward, gradient]);
        }
        let version = words.get("version").cloned();
        Ok(Self {
            title,
            version: version.unwrap_or_else(|| title.to_owned()),
            of,
        })
    }
}

/// All who answer.
///
/// # Errors
///
/// Where the file of another library's answers can't be read.
pub fn answers(folder: &Path) -> Result<Vec<Answers>, CaseError> {
    let peers = PEERS
        .into_iter()
        .map(|(file, title)| Answers::peer(title, &folder.join(file.to_owned() + ".safetensors")));
    // What is drawn last lies on top.
    let mut all: Vec<Answers> = peers.collect::<Result<_, _>>()?;
    all.insert(0, Answers::libm());
    all.push(Answers::trueloss()?);
    Ok(all)
}

/// The worst error in ULP of each [`PER_POINT`] values of x.
fn errors(curve: &Curve, direction: Direction, answers: &[f32]) -> Vec<f64> {
    let judged = ulp::measure(answers, |prec| match direction {
        Direction::Forward => oracle::forward(&curve.call, prec),
        Direction::Gradient => oracle::backward(&curve.call, prec),
    });
    // Of rows there may be two for each x.
    let points = judged.chunks(judged.len() / POINTS * PER_POINT);
    points
        .map(|point| point.iter().map(|judged| judged.ulp).fold(0.0, f64::max))
        .collect()
}

/// A chart of a curve.
///
/// # Panics
///
/// Where drawing into memory fails, which it does not.
pub fn chart(curve: &Curve, answers: &[Answers]) -> String {
    let lines: Vec<_> = answers
        .par_iter()
        .map(|answers| {
            let of = answers.of.get(curve.name)?;
            Some(
                [Direction::Forward, Direction::Gradient]
                    .map(|direction| errors(curve, direction, &of[direction as usize])),
            )
        })
        .collect();
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (960, 300)).into_drawing_area();
    let drawn = || -> Result<(), Box<dyn std::error::Error + '_>> {
        area.fill(&WHITE)?;
        for (direction, panel) in [Direction::Forward, Direction::Gradient]
            .into_iter()
            .zip(area.split_evenly((1, 2)))
        {
            let mut chart = ChartBuilder::on(&panel)
                .caption(
                    format!("{}, {}", curve.of, direction.name()),
                    ("sans-serif", 14),
                )
                .margin(8)
                .x_label_area_size(28)
                .y_label_area_size(48)
                .build_cartesian_2d(curve.from..curve.to, (LOW..HIGH).log_scale())?;
            chart
                .configure_mesh()
                .disable_mesh()
                .x_desc("x")
                .y_desc("ULP")
                .x_label_formatter(&|x| format!("{x}"))
                .y_label_formatter(&|ulp| power_of_ten(*ulp))
                .label_style(("sans-serif", 11))
                .draw()?;
            chart.draw_series(LineSeries::new(
                [(curve.from, 0.5), (curve.to, 0.5)],
                BLACK.mix(0.3),
            ))?;
            for (at, (answers, errors)) in answers.iter().zip(&lines).enumerate() {
                let Some(errors) = errors else { continue };
                let errors = &errors[direction as usize];
                let step = (curve.to - curve.from) / errors.len() as f64;
                let points = errors
                    .iter()
                    .enumerate()
                    .map(|(i, ulp)| (curve.from + (i as f64 + 0.5) * step, ulp.clamp(LOW, HIGH)));
                let color = COLORS[at];
                chart
                    .draw_series(LineSeries::new(
                        points,
                        color.stroke_width(if at + 1 == lines.len() { 2 } else { 1 }),
                    ))?
                    .label(answers.title)
                    .legend(move |(x, y)| {
                        PathElement::new([(x, y), (x + 14, y)], color.stroke_width(2))
                    });
            }
            chart
                .configure_series_labels()
                .label_font(("sans-serif", 11))
                .position(SeriesLabelPosition::MiddleLeft)
                .draw()?;
        }
        area.present()?;
        Ok(())
    };
    drawn().unwrap_or_else(|error| panic!("{}: {error}", curve.name));
    drop(area);
    svg
}

/// The label of a power of ten; of the largest, which stands for all that is no number.
fn power_of_ten(ulp: f64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    match ulp.log10().round() as i32 {
        exponent if ulp >= HIGH || exponent > 9 => "∞".to_owned(),
        0 => "1".to_owned(),
        exponent => {
            let sign = if exponent < 0 { "⁻" } else { "" };
            format!("10{sign}{}", DIGITS[exponent.unsigned_abs() as usize])
        }
    }
}

/// Colours that most eyes tell apart (Okabe and Ito), the last for trueloss.
const COLORS: [RGBColor; 5] = [
    RGBColor(153, 153, 153),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(0, 114, 178),
];
