//! The list of the losses of elements says of each what its own file says.

use trueloss::device::FromOptions;
use trueloss::each_elementwise_loss;

macro_rules! entries {
    ($a:lifetime, $T:ty; $($variant:ident = $name:literal of $loss:ty, $about:tt;)*) => {
        $(entry!($name, $loss, $about);)*
    };
}

macro_rules! entry {
    ($name:literal, $loss:ty, {
        $Loss:ident, $snake:ident, kernels $f32:ident $f64:ident: $cost:ident;
        $title:literal
        formula $formula:literal;
        gradient $gradient:literal;
        source $source:literal;
        weights ($($weight:ident)*);
        options { $($(#[doc = $doc:literal])* $option:ident;)* }
    }) => {{
        let numbers = <$loss as FromOptions<'_, f32>>::NUMBERS;
        let names: Vec<_> = numbers.iter().map(|&(name, _)| name).collect();
        assert_eq!(names, [$(stringify!($option)),*] as [&str; names_in!($($option)*)], "{}", $name);
        let (weight, pos_weight) = (
            <$loss as FromOptions<'_, f32>>::HAS_WEIGHT,
            <$loss as FromOptions<'_, f32>>::HAS_POS_WEIGHT,
        );
        let weights: [&str; names_in!($($weight)*)] = [$(stringify!($weight)),*];
        let expected = [("weight", weight), ("pos_weight", pos_weight)];
        let expected = expected.iter().filter(|(_, has)| *has).map(|(name, _)| *name);
        assert_eq!(weights.to_vec(), expected.collect::<Vec<_>>(), "{}", $name);
        let (f32, f64) = (stringify!($f32), stringify!($f64));
        let kernels = [concat!(stringify!($snake), "_f32"), concat!(stringify!($snake), "_f64")];
        assert_eq!([f32, f64], kernels);
        assert!(["cheap", "costly"].contains(&stringify!($cost)), "{}", $name);
        let defaults = numbers.iter().map(|&(_, default)| default).chain([0.0; 2]);
        let defaults: Vec<_> = defaults.take(2).collect();
        let checked = trueloss::device::check_options::<f32, $loss>([defaults[0], defaults[1]]);
        assert_eq!(checked, Ok(()), "{}", $name);
    }};
}

macro_rules! names_in {
    ($($name:ident)*) => {
        { let names: &[&str] = &[$(stringify!($name)),*]; names.len() }
    };
}

#[test]
fn entries_are_those_of_the_files() {
    each_elementwise_loss!(entries, 'static, f32);
}
