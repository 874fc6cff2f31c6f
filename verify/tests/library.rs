//! A library other than core is asked the same, and its answers and errors are returned.

use std::fmt;
use trueloss::{Element, Error};
use trueloss_digest::call::{Core, ElementCall, Labels, Library, RowCall};
use trueloss_verify::kernels;
use trueloss_verify::oracle::{Call, Function, Reduction};

/// Core, counting, with errors of its own type.
#[derive(Default)]
struct Counting {
    elements: usize,
    rows: Vec<[usize; 3]>,
}

#[derive(Debug, PartialEq)]
struct Refused(Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl<T: Element> Library<T> for Counting {
    type Error = Refused;

    fn elements(&mut self, call: &ElementCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Refused> {
        self.elements += 1;
        Ok(Core.elements(call, out)?)
    }

    fn rows(&mut self, call: &RowCall<'_, T>, out: &mut [T]) -> Result<Option<T>, Refused> {
        self.rows.push(call.shape);
        Ok(Core.rows(call, out)?)
    }

    fn binary_accuracy(&mut self, input: &[T], target: &[T]) -> Result<T, Refused> {
        Ok(Core.binary_accuracy(input, target)?)
    }

    fn accuracy(
        &mut self,
        data: &[T],
        shape: [usize; 3],
        labels: Labels<'_>,
    ) -> Result<T, Refused> {
        Ok(Core.accuracy(data, shape, labels)?)
    }
}

const X: [f64; 6] = [0.5, -1.0, 2.0, 0.25, 3.0, -0.5];

#[test]
fn calls_reach_the_library_and_answers_return() {
    let mut library = Counting::default();
    let mse = Call::new(Function::MseLoss, &[6], &X).values(&[0.0; 6]);
    let loss: Vec<f32> = kernels::forward_of(&mut library, &mse).unwrap();
    assert_eq!(loss, kernels::forward::<f32>(&mse).unwrap());
    let gradient: Vec<f32> = kernels::backward_of(&mut library, &mse).unwrap();
    assert_eq!(gradient, kernels::backward::<f32>(&mse).unwrap());
    let both: (f32, Vec<f32>) = kernels::forward_backward_of(&mut library, &mse).unwrap();
    assert_eq!(both, (loss[0], gradient));
    let each = mse.reduction(Reduction::None);
    let losses: Vec<f64> = kernels::forward_of(&mut library, &each).unwrap();
    assert_eq!(losses, X.map(|x| x * x));
    assert_eq!((library.elements, library.rows.len()), (4, 0));
}

#[test]
fn rows_along_any_dimension_are_three_dimensions() {
    let mut library = Counting::default();
    let mut ask = |shape: &[usize], dim| {
        let len = shape.iter().product();
        let call = Call::new(Function::Softmax, shape, &X[..len]).dim(dim);
        let output: Vec<f64> = kernels::forward_of(&mut library, &call).unwrap();
        assert_eq!(output.len(), len);
    };
    ask(&[], 0);
    ask(&[6], 0);
    ask(&[1, 3, 2], 0);
    ask(&[1, 3, 2], 1);
    ask(&[1, 3, 2], 2);
    // There are no rows, and the other sizes have no product.
    ask(&[0, 3], 1);
    let huge = Call::new(Function::Softmax, &[0, 3, usize::MAX, 2], &[]).dim(1);
    assert_eq!(
        kernels::forward_of::<f64, _>(&mut library, &huge),
        Ok(vec![])
    );
    let expected = [
        [1, 1, 1],
        [1, 6, 1],
        [1, 1, 6],
        [1, 3, 2],
        [3, 2, 1],
        [0, 3, 1],
        [0, 3, 1],
    ];
    assert_eq!(library.rows, expected);
}

#[test]
fn errors_are_the_librarys() {
    let refused = |call: &Call, error| {
        let mut library = Counting::default();
        assert_eq!(kernels::forward::<f32>(call), Err(error));
        let expected = Err(Refused(error));
        assert_eq!(kernels::forward_of::<f32, _>(&mut library, call), expected);
    };
    // By core, asked by the library.
    let beta = Call::new(Function::Softplus, &[6], &X).beta(-1.0);
    let argument = trueloss::Argument::Beta;
    refused(&beta, Error::NotPositive { argument });
    // By the shape, before the library is asked.
    let softmax = Call::new(Function::Softmax, &[2, 3], &X);
    let (dim, rank) = (2, 2);
    refused(&softmax.clone().dim(dim), Error::Dimension { dim, rank });
    let none = Call::new(Function::Softmax, &[2, 0], &[]);
    refused(&none, Error::NoClasses);
    let labels = Call::new(Function::CrossEntropy, &[], &X[..1]).classes(&[0]);
    refused(&labels, Error::Dimension { dim: 0, rank: 0 });
}
