//! Properties of the kernels on arbitrary bytes: what the targets in `fuzz/` run under libFuzzer, and what
//! `tests/fuzz.rs` runs on the corpus that is committed there.
//!
//! `question` turns bytes into a call, `properties` says what must hold of the answers, `bounds` looks up what the
//! table of claims promises for a call. A property that does not hold is a panic.

mod bounds;
mod c;
mod properties;
mod question;
mod shapes;
mod watched;

use arbitrary::{Result, Unstructured};
use trueloss::half::{bf16, f16};
use trueloss_digest::call::{Core, ElementFunction, Library, RowFunction};

use crate::case::Case;
use crate::check;
use crate::claims::Direction;
use question::{Kind, Number, Question};
use watched::Watched;

/// Longer inputs are cut off: what they add are more numbers of the same kinds.
pub const LONGEST: usize = 4096;

/// How often kernels have been called so far, but for those behind case files and the C interface.
pub(crate) fn kernel_calls() -> u64 {
    watched::CALLS.load(std::sync::atomic::Ordering::Relaxed)
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Their names are the functions' own.
pub enum Target {
    Mse,
    Bce,
    BceWithLogits,
    Nll,
    CrossEntropy,
    Activations,
    /// Any loss that goes element by element.
    ElementwiseLosses,
    /// Lengths, shapes and options that do not fit, of every function.
    ShapesAndOptions,
    /// What reads case files.
    CaseFile,
    /// The C interface.
    Capi,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Mse,
        Self::Bce,
        Self::BceWithLogits,
        Self::Nll,
        Self::CrossEntropy,
        Self::Activations,
        Self::ElementwiseLosses,
        Self::ShapesAndOptions,
        Self::CaseFile,
        Self::Capi,
    ];

    /// The name of the target, and of the folder of its corpus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mse => "mse",
            Self::Bce => "bce",
            Self::BceWithLogits => "bce_with_logits",
            Self::Nll => "nll",
            Self::CrossEntropy => "cross_entropy",
            Self::Activations => "activations",
            Self::ElementwiseLosses => "elementwise_losses",
            Self::ShapesAndOptions => "shapes_and_options",
            Self::CaseFile => "case_file",
            Self::Capi => "capi",
        }
    }

    /// Tries what the bytes say.
    ///
    /// # Panics
    ///
    /// Where a property does not hold.
    pub fn run(self, bytes: &[u8]) {
        if self == Self::CaseFile {
            return case_file(bytes);
        }
        // Bytes that end early are no call: there is nothing to try.
        let _ = self.of_elements(&mut Unstructured::new(&bytes[..bytes.len().min(LONGEST)]));
    }

    fn of_elements(self, bytes: &mut Unstructured<'_>) -> Result<()> {
        match bytes.arbitrary::<u8>()? % 4 {
            0 | 1 if self == Self::Capi => c::check::<f32>(bytes),
            _ if self == Self::Capi => c::check::<f64>(bytes),
            0 => self.of::<f32, _>(bytes, &mut Watched(Core)),
            1 => self.of::<f64, _>(bytes, &mut Watched(Core)),
            2 => self.of::<f16, _>(bytes, &mut Watched(Core)),
            _ => self.of::<bf16, _>(bytes, &mut Watched(Core)),
        }
    }

    fn of<T: Number, L: Library<T>>(
        self,
        bytes: &mut Unstructured<'_>,
        library: &mut L,
    ) -> Result<()> {
        let kind = match self {
            Self::Mse => Kind::Elements(ElementFunction::MseLoss),
            Self::Bce => Kind::Elements(ElementFunction::BinaryCrossEntropy),
            Self::BceWithLogits => Kind::Elements(ElementFunction::BinaryCrossEntropyWithLogits),
            Self::Nll => Kind::Rows(RowFunction::NllLoss),
            Self::CrossEntropy => Kind::Rows(*bytes.choose(&[
                RowFunction::CrossEntropy,
                RowFunction::CrossEntropyProbabilities,
            ])?),
            Self::Activations => *bytes.choose(&Kind::activations())?,
            Self::ElementwiseLosses => Kind::Elements(*bytes.choose(&ElementFunction::LOSSES)?),
            Self::ShapesAndOptions => return shapes::check::<T, _>(bytes, library),
            Self::CaseFile | Self::Capi => return Ok(()),
        };
        properties::check(&Question::<T>::legal(kind, bytes)?, library);
        Ok(())
    }
}

/// A file is read or refused; what is judged can be read and evaluated; and the kernels' own answers are NaN where the exact
/// value is none and nowhere else, unless a `grad_output` is not finite or numbers leave the range of `f64` on the way.
fn case_file(bytes: &[u8]) {
    let case = Case::from_bytes(bytes);
    let judged = check::check_bytes(bytes);
    let Ok(case) = case else {
        assert!(judged.is_err(), "judged a file that cannot be read");
        return;
    };
    let evaluated = case.evaluate();
    let Ok(tensors) = judged else { return };
    assert!(evaluated.is_ok(), "judged what the kernels refuse");
    let grads_are_finite = case.call.grad_output.iter().all(|g| g.is_finite());
    let in_range = grads_are_finite && bounds::in_range(&case.call, Direction::Gradient);
    for tensor in tensors {
        let ours = &tensor.trueloss;
        let wrong = ours.nan_for_number + ours.number_for_nan;
        assert!(wrong == 0 || !in_range, "{}: {ours:?}", tensor.tensor);
    }
}

#[cfg(test)]
mod tests;
