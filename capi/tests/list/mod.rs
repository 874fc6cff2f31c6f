//! Core's list of the losses of elements as data: what the functions of C, their pages and their tests are made from.

#![allow(dead_code)] // Each test looks at some of it.

use trueloss::Error;
use trueloss_digest::call::{Arguments, ElementFunction};

/// An entry of the list.
pub(crate) struct Entry {
    pub(crate) function: ElementFunction,
    /// The name of its identifier in Rust.
    pub(crate) variant: &'static str,
    /// Of its type.
    pub(crate) loss: &'static str,
    /// Of its functions in C.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) formula: &'static str,
    pub(crate) gradient: &'static str,
    pub(crate) source: &'static str,
    pub(crate) weights: &'static [&'static str],
    /// Each option that is a number, with what it is.
    pub(crate) options: &'static [(&'static str, &'static str)],
    /// What is wrong with options, if anything is.
    check_options: fn([f64; 2]) -> Result<(), Error>,
}

macro_rules! entries {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, {
        $Loss:ident, $snake:ident, kernels $f32:ident $f64:ident: $cost:ident;
        $title:literal
        formula $formula:literal;
        gradient $gradient:literal;
        source $source:literal;
        weights ($($weight:ident)*);
        options { $($(#[doc = $doc:literal])* $option:ident;)* }
    };)*) => {
        /// All of them.
        pub(crate) const ENTRIES: &[Entry] = &[$(Entry {
            function: ElementFunction::$variant,
            variant: stringify!($variant),
            loss: stringify!($Loss),
            name: stringify!($snake),
            title: $title,
            formula: $formula,
            gradient: $gradient,
            source: $source,
            weights: &[$(stringify!($weight)),*],
            options: &[$((stringify!($option), concat!($($doc),*))),*],
            check_options: trueloss::device::check_options::<$T, $loss>,
        }),*];
    };
}

trueloss::each_elementwise_loss!(entries, 'static, f32);

impl Entry {
    pub(crate) fn arguments(&self) -> Arguments {
        self.function.arguments().expect("a loss has arguments")
    }

    /// The name of its options' type.
    pub(crate) fn options_of(&self, element: &str) -> String {
        let suffix = if self.weights.is_empty() {
            String::new()
        } else {
            format!("_{element}")
        };
        format!("trueloss_{}_options{suffix}", self.name)
    }

    /// The error of NaN as an option: there is none of which it is legal.
    pub(crate) fn error_of_option(&self, at: usize) -> Error {
        let mut numbers = self.arguments().defaults();
        numbers[at] = f64::NAN;
        (self.check_options)(numbers).expect_err("NaN is no option")
    }
}

/// The word for an error in TRUELOSS_ERROR_….
pub(crate) fn status(error: Error) -> &'static str {
    match error {
        Error::OutsideUnitInterval { .. } => "OUTSIDE_UNIT_INTERVAL",
        Error::NotHardLabel { .. } => "NOT_HARD_LABEL",
        Error::NotSign { .. } => "NOT_SIGN",
        Error::OutsideRange { .. } => "OUTSIDE_RANGE",
        Error::NotPositive { .. } => "NOT_POSITIVE",
        other => panic!("{other}: not an error of a number"),
    }
}
