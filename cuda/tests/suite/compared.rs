//! A device beside core: each answer of the one is compared with the other's, element by element.

use super::bits;
use super::device::Device;
use trueloss_cuda::{Element, Error, Gpu};
use trueloss_digest::Name;
use trueloss_digest::call::{Core, Direction, ElementCall, Labels, Library, RowCall, RowFunction};

/// A device. It prints the first element of each function, type and direction in which it differs from core.
pub(crate) struct Compared<'a> {
    device: Device<'a>,
    differ: Vec<Name<'static>>,
}

/// A call's name, and texts about it for the first difference.
struct Asked<'a> {
    function: &'static str,
    direction: &'static str,
    /// The place and the arguments of an element.
    element: &'a dyn Fn(usize) -> String,
    /// The sizes and options of the call.
    call: &'a dyn Fn() -> String,
}

/// A number that no function returns.
const POISON: f64 = -7.25e22;

impl<'a> Compared<'a> {
    pub(crate) fn new(gpu: &'a Gpu) -> Self {
        Self {
            device: Device(gpu),
            differ: Vec::new(),
        }
    }

    /// The functions, types and directions that differ.
    pub(crate) fn differ(&self) -> &[Name<'static>] {
        &self.differ
    }

    /// Prints a difference, if it is the first one of its name.
    fn differs<T: Element>(&mut self, asked: &Asked<'_>, what: impl FnOnce() -> String) {
        let name = Name {
            function: asked.function,
            element: type_of::<T>(),
            direction: asked.direction,
        };
        if !self.differ.contains(&name) {
            println!("{name} differs: {}; {}", what(), (asked.call)());
            self.differ.push(name);
        }
    }

    /// Compares the answers, and returns the device's. An error is printed and answered with [`POISON`], so that the
    /// remaining functions are still compared.
    fn compare<T: Element>(
        &mut self,
        asked: &Asked<'_>,
        (of_core, expected): (Option<T>, &[T]),
        of_device: Result<Option<T>, Error>,
        actual: &mut [T],
    ) -> Option<T> {
        let of_device = match of_device {
            Ok(of_device) => of_device,
            Err(error) => {
                self.differs::<T>(asked, || format!("the device's error is: {error}"));
                actual.fill(T::narrow(POISON));
                return of_core.map(|_| T::narrow(POISON));
            }
        };
        if of_device.map(bits) != of_core.map(bits) {
            let show = |loss: Option<T>| loss.map_or("none".to_owned(), shown);
            self.differs::<T>(asked, || {
                let (device, core) = (show(of_device), show(of_core));
                format!("the returned number is {device} on the device, {core} by core")
            });
        }
        let mut pairs = actual.iter().zip(expected);
        if let Some(at) = pairs.position(|(&a, &e)| bits(a) != bits(e)) {
            self.differs::<T>(asked, || {
                let (device, core) = (shown(actual[at]), shown(expected[at]));
                let element = (asked.element)(at);
                format!("element {at} is {device} on the device, {core} by core; {element}")
            });
        }
        of_device
    }
}

fn type_of<T>() -> &'static str {
    match size_of::<T>() {
        4 => "f32",
        _ => "f64",
    }
}

/// A number's bits, and the number.
fn shown<T: Element>(x: T) -> String {
    let wide = x.widen();
    match type_of::<T>() {
        "f32" => format!("{:#010x} ({x:?})", (wide as f32).to_bits()),
        _ => format!("{:#018x} ({x:?})", wide.to_bits()),
    }
}

/// The text for an element of an argument, or nothing if the argument is absent.
fn argument<T: Element>(name: &str, of: &[T], at: usize) -> String {
    of.get(at)
        .map_or(String::new(), |&x| format!(", {name} {}", shown(x)))
}

/// A method's name. An activation's methods have no `_each` in theirs.
fn method(direction: Direction, is_activation: bool) -> &'static str {
    match direction {
        Direction::ForwardEach if is_activation => Direction::Forward.name(),
        Direction::BackwardEach if is_activation => Direction::Backward.name(),
        other => other.name(),
    }
}

impl<T: Element> Library<T> for Compared<'_> {
    type Error = Error;

    fn elements(&mut self, call: &ElementCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        let mut expected = vec![T::zero(); out.len()];
        let of_core = Core.elements(call, &mut expected)?;
        let of_device = self.device.elements(call, out);
        let asked = Asked {
            function: call.function.name(),
            direction: method(call.direction, call.function.arguments().is_none()),
            element: &|at| {
                // The call may carry arguments that the function ignores.
                let takes = call.function.arguments();
                let target = takes.map_or(&[][..], |_| call.target);
                let weight = match (takes, call.weight) {
                    (Some(takes), Some(weight)) if takes.weight => weight,
                    _ => &[],
                };
                let grad_outputs = match call.direction {
                    Direction::BackwardEach => call.grad_outputs,
                    _ => &[],
                };
                [
                    format!("input {}", shown(call.input[at])),
                    argument("target", target, at),
                    argument("weight", weight, at % weight.len().max(1)),
                    argument("grad_output", grad_outputs, at),
                ]
                .concat()
            },
            call: &|| {
                let ElementCall {
                    reduction, input, ..
                } = call;
                let grad_output = shown(call.grad_output);
                let len = input.len();
                format!("of {len} elements, {reduction:?}, grad_output {grad_output}")
            },
        };
        Ok(self.compare(&asked, (of_core, &expected), of_device, out))
    }

    fn rows(&mut self, call: &RowCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Error> {
        let mut expected = vec![T::zero(); out.len()];
        let of_core = Core.rows(call, &mut expected)?;
        let of_device = self.device.rows(call, out);
        let [_, classes, stride] = call.shape;
        let asked = Asked {
            function: call.function.name(),
            direction: method(call.direction, call.function.is_activation()),
            element: &|at| {
                if expected.len() != call.data.len() {
                    return format!("row {at}");
                }
                let class = at / stride % classes;
                let row = at / (classes * stride) * stride + at % stride;
                let input = shown(call.data[at]);
                let q = match call.function {
                    RowFunction::CrossEntropyProbabilities => call.probabilities,
                    _ => &[],
                };
                let target = argument("target", q, at);
                format!("row {row}, class {class}, input {input}{target}")
            },
            call: &|| {
                let RowCall {
                    shape, reduction, ..
                } = call;
                let grad_output = shown(call.grad_output);
                format!(
                    "of shape {shape:?}, {reduction:?}, grad_output {grad_output}, weighted {}, ignore_index {}, \
                     label_smoothing {}",
                    call.weight.is_some(),
                    call.ignore_index,
                    call.label_smoothing
                )
            },
        };
        Ok(self.compare(&asked, (of_core, &expected), of_device, out))
    }

    fn binary_accuracy(&mut self, input: &[T], target: &[T]) -> Result<T, Error> {
        let of_core = Core.binary_accuracy(input, target)?;
        let of_device = self.device.binary_accuracy(input, target).map(Some);
        let asked = Asked {
            function: "binary_accuracy",
            direction: Direction::Forward.name(),
            element: &|_| String::new(),
            call: &|| format!("of {} elements", input.len()),
        };
        let answer = self.compare(&asked, (Some(of_core), &[]), of_device, &mut []);
        Ok(answer.unwrap_or(T::narrow(POISON)))
    }

    fn accuracy(&mut self, data: &[T], shape: [usize; 3], labels: Labels<'_>) -> Result<T, Error> {
        let of_core = Core.accuracy(data, shape, labels)?;
        let of_device = self.device.accuracy(data, shape, labels).map(Some);
        let asked = Asked {
            function: "accuracy",
            direction: Direction::Forward.name(),
            element: &|_| String::new(),
            call: &|| format!("of shape {shape:?}"),
        };
        let answer = self.compare(&asked, (Some(of_core), &[]), of_device, &mut []);
        Ok(answer.unwrap_or(T::narrow(POISON)))
    }
}
