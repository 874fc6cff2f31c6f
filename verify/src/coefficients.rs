//! Where the constants of the elementary functions come from.
//!
//! The functions `exp`, `log` and `log1p` of `trueloss` are polynomials around exact argument
//! reductions. This module fits those polynomials and renders them as the block of Rust text that
//! stands in `core/src/number/elementary.rs`, between the lines [`BEGIN`] and [`END`]. A test compares the
//! two, so the constants in use are always the ones made here.
//!
//! Each polynomial is made in three steps.
//!
//! 1. The Remez exchange algorithm ([`minimax`]) finds the polynomial whose largest error is
//!    smallest, the error being weighted so that it is the relative error of the function, not of
//!    the polynomial inside it.
//! 2. The coefficients are rounded to `f64` one at a time, low order first ([`rounded`]). After
//!    each, the ones still free are fitted again, so that they make up for what the rounding has
//!    moved. Rounding all of them at once would lose a
//!    bit and a half of `exp` and nearly one of `log1p`.
//! 3. The result is checked ([`worst_error`]) on the formula of the function as it is used, with
//!    the rounded coefficients, against MPFR's own function. No formula of the
//!    first two steps is used again.
//!
//! The error found is that of the formula in exact arithmetic; the rounding of its steps in `f64`
//! comes on top. All arithmetic is MPFR's, correctly rounded at stated precisions, so the text is
//! the same on every machine.

use rug::Float;
use rug::float::Constant;
use rug::ops::Pow as _;

/// The line before the generated block.
pub const BEGIN: &str = "// BEGIN GENERATED COEFFICIENTS";

/// The line after the generated block.
pub const END: &str = "// END GENERATED COEFFICIENTS";

/// Bits of every number here, unless said otherwise. The errors looked for are near 2^-60, and
/// solving for the coefficients loses less than 100 bits more.
const PRECISION: u32 = 256;

/// Bits for the functions to approximate, whose closed forms subtract nearly equal numbers:
/// `(exp(r) - 1 - r) / r^2` loses twice as many bits as `r` has leading zeros. No argument is below
/// 2^-100.
const CANCELLING_PRECISION: u32 = 600;

/// Intervals between the points on which a polynomial is fitted. A multiple of 6, which puts the
/// points `1/4` and `1/2` of the way on the grid. The largest error on the grid is within 1e-4,
/// relatively, of the largest on the whole interval: the offset of a maximum from the grid is at
/// most half a step, and an arch of the error is about a hundred steps wide.
const FIT_INTERVALS: u32 = 1536;

/// Intervals between the points on which a finished polynomial is checked. Prime to
/// [`FIT_INTERVALS`], so that only the ends of the interval are points of both.
const CHECK_INTERVALS: u32 = 4099;

/// Steps of the search for a maximum of the error between two points of the check. Each leaves 0.618 of
/// what is between them.
const REFINEMENTS: u32 = 40;

/// Exchanges after which the algorithm is taken to be stuck. It needs fewer than twenty.
const MAX_EXCHANGES: usize = 100;

/// One point of a fit: where it is, the value to approximate there, and the weight that error has.
#[derive(Clone, Debug)]
pub struct Node {
    /// The argument of the polynomial.
    pub x: Float,
    /// The value that the polynomial should have there.
    pub value: Float,
    /// What the error there is multiplied by. Never negative.
    pub weight: Float,
}

/// The polynomial that [`minimax`] finds.
#[derive(Clone, Debug)]
pub struct Minimax {
    /// The coefficients that were free, low order first.
    pub coefficients: Vec<Float>,
    /// The largest weighted error on the nodes, in absolute value.
    pub error: Float,
    /// The nodes where the error is largest, with alternating sign, by index. One more than there
    /// are coefficients.
    pub reference: Vec<usize>,
}

/// A polynomial with coefficients in `f64`, ready for use.
#[derive(Clone, Debug)]
pub struct Polynomial {
    /// The coefficients, low order first.
    pub coefficients: Vec<f64>,
    /// The base-2 logarithm of the largest relative error of the function that the polynomial
    /// serves, in exact arithmetic.
    pub error_log2: f64,
}

/// The extremes of a Chebyshev polynomial on an interval, in ascending order: the points where the
/// errors of minimax polynomials are seen best, being closest together near the ends.
fn chebyshev_points(low: &Float, high: &Float, intervals: u32) -> Vec<Float> {
    let pi = Float::with_val(PRECISION, Constant::Pi);
    let middle = Float::with_val(PRECISION, low + high) / 2u32;
    let half = Float::with_val(PRECISION, high - low) / 2u32;
    let inner = (1..intervals).map(|index| {
        let cosine = (Float::with_val(PRECISION, &pi * index) / intervals).cos();
        Float::with_val(PRECISION, &middle - &half * cosine)
    });
    // The ends themselves are not computed, lest rounding put them inside or outside.
    std::iter::once(low.clone())
        .chain(inner)
        .chain(std::iter::once(high.clone()))
        .collect()
}

/// The nodes for a fit of `value` on an interval, with errors multiplied by `weight`. Points where
/// the weight vanishes carry no information and would make the equations singular; they are left
/// out, and `value` is not asked for there.
pub fn nodes(
    low: &Float,
    high: &Float,
    value: impl Fn(&Float) -> Float,
    weight: impl Fn(&Float) -> Float,
) -> Vec<Node> {
    // Also the point that should be 0 and is 2^-258 after rounding.
    let negligible = Float::with_val(PRECISION, Float::i_exp(1, -200));
    chebyshev_points(low, high, FIT_INTERVALS)
        .into_iter()
        .filter_map(|x| {
            let weight = weight(&x);
            (weight > negligible).then(|| Node {
                value: value(&x),
                weight,
                x,
            })
        })
        .collect()
}

/// The value of a polynomial, coefficients low order first, by Horner's rule.
fn evaluate(coefficients: &[Float], x: &Float) -> Float {
    let zero = Float::new(PRECISION);
    coefficients
        .iter()
        .rev()
        .fold(zero, |sum, coefficient| sum * x + coefficient)
}

/// Coefficients in `f64` as numbers of full precision; exact.
fn widened(coefficients: &[f64]) -> Vec<Float> {
    coefficients
        .iter()
        .map(|&coefficient| Float::with_val(PRECISION, coefficient))
        .collect()
}

/// Solves a square system of linear equations, each row holding its right-hand side last, by
/// Gaussian elimination with partial pivoting.
fn solve(mut rows: Vec<Vec<Float>>) -> Vec<Float> {
    let size = rows.len();
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|&a, &b| {
                rows[a][column]
                    .cmp_abs(&rows[b][column])
                    .expect("the equations are finite")
            })
            .expect("no column is beyond the last row");
        rows.swap(column, pivot);
        let (above, below) = rows.split_at_mut(column + 1);
        let pivot_row = &above[column];
        for row in below {
            let factor = Float::with_val(PRECISION, &row[column] / &pivot_row[column]);
            for (entry, pivot_entry) in row.iter_mut().zip(pivot_row).skip(column) {
                *entry -= Float::with_val(PRECISION, &factor * pivot_entry);
            }
        }
    }
    let mut solution = vec![Float::new(PRECISION); size];
    for column in (0..size).rev() {
        let mut sum = rows[column][size].clone();
        for known in column + 1..size {
            sum -= Float::with_val(PRECISION, &rows[column][known] * &solution[known]);
        }
        solution[column] = sum / &rows[column][column];
    }
    solution
}

/// The polynomial of the given degree, its lowest coefficients being `fixed`, whose largest
/// weighted error on the nodes is smallest.
///
/// This is the Remez exchange algorithm on a finite set of points. With `n` coefficients free, the
/// best polynomial is the one whose error takes its largest size at `n + 1` points, with
/// alternating sign. So:
///
/// ```text
/// choose n + 1 nodes, the reference
/// repeat
///     solve for the coefficients and h: the error at the k-th node of the reference is (-1)^k h
///     if no node has an error larger than |h|, stop
///     move the reference to the extremes of the error, one in each stretch of one sign,
///     the largest of all among them
/// ```
///
/// `|h|` grows with every exchange, and there are finitely many references, so it ends.
///
/// With `j` coefficients fixed, the free ones multiply `x^j ..= x^degree`. Seen as `x^j` times an
/// ordinary polynomial, they can change sign at 0 without a zero of that polynomial if `j` is odd;
/// so in this case it is the error times the sign of `x` that must alternate.
///
/// # Panics
///
/// If coefficients are fixed and a node is at 0, where only the lowest coefficient has an effect.
pub fn minimax(nodes: &[Node], fixed: &[f64], degree: usize) -> Minimax {
    assert!(
        fixed.is_empty() || nodes.iter().all(|node| !node.x.is_zero()),
        "at 0 only the lowest coefficient has an effect, and it is fixed"
    );
    let free = degree + 1 - fixed.len();
    let fixed_count = u32::try_from(fixed.len()).expect("degrees are small");
    let fixed = widened(fixed);

    // What the free coefficients have to make up, weighted, and the weight of their polynomial.
    // Both carry the sign that makes the error alternate.
    let (targets, weights): (Vec<Float>, Vec<Float>) = nodes
        .iter()
        .map(|node| {
            let power = Float::with_val(PRECISION, (&node.x).pow(fixed_count));
            let flip = power.is_sign_negative();
            let rest =
                Float::with_val(PRECISION, &node.value - evaluate(&fixed, &node.x)) * &node.weight;
            (if flip { -rest } else { rest }, power.abs() * &node.weight)
        })
        .unzip();

    let mut reference: Vec<usize> = (0..=free).map(|k| k * (nodes.len() - 1) / free).collect();
    for _ in 0..MAX_EXCHANGES {
        let equations = reference.iter().enumerate().map(|(k, &index)| {
            let mut row = Vec::with_capacity(free + 2);
            let mut term = weights[index].clone();
            for _ in 0..free {
                row.push(term.clone());
                term *= &nodes[index].x;
            }
            row.push(Float::with_val(PRECISION, if k % 2 == 0 { 1 } else { -1 }));
            row.push(targets[index].clone());
            row
        });
        let mut coefficients = solve(equations.collect());
        let level = coefficients.pop().expect("h is the last unknown").abs();

        let errors: Vec<Float> = nodes
            .iter()
            .zip(targets.iter().zip(&weights))
            .map(|(node, (target, weight))| target - evaluate(&coefficients, &node.x) * weight)
            .collect();
        let next = exchanged(&errors, free + 1);
        let error = next
            .iter()
            .map(|&index| errors[index].clone().abs())
            .max_by(Float::total_cmp)
            .expect("a reference is never empty");
        // The errors at the reference equal h but for rounding, far below 2^-60 of it.
        if error <= level.clone() + Float::with_val(PRECISION, &level >> 60u32) {
            return Minimax {
                coefficients,
                error,
                reference: next,
            };
        }
        reference = next;
    }
    panic!("no minimax polynomial of degree {degree} after {MAX_EXCHANGES} exchanges");
}

/// The next reference: the extremes of the error in consecutive stretches of one sign, `count` of
/// them, always with the largest of all.
fn exchanged(errors: &[Float], count: usize) -> Vec<usize> {
    let smaller =
        |a: usize, b: usize| errors[a].cmp_abs(&errors[b]) == Some(std::cmp::Ordering::Less);

    let mut extremes: Vec<usize> = Vec::new();
    for (index, error) in errors.iter().enumerate() {
        match extremes.last_mut() {
            Some(last) if errors[*last].is_sign_negative() == error.is_sign_negative() => {
                if smaller(*last, index) {
                    *last = index;
                }
            }
            _ => extremes.push(index),
        }
    }

    // The smallest go first. One from the inside leaves two neighbours of the same sign, of which
    // only the larger may stay; where that would be one too many, the smaller end goes instead.
    while extremes.len() > count {
        let last = extremes.len() - 1;
        let smallest = (0..=last)
            .min_by(|&a, &b| {
                errors[extremes[a]]
                    .cmp_abs(&errors[extremes[b]])
                    .expect("errors are finite")
            })
            .expect("there are more extremes than none");
        if smallest == 0 || smallest == last || extremes.len() == count + 1 {
            let end = if smaller(extremes[0], extremes[last]) {
                0
            } else {
                last
            };
            extremes.remove(end);
        } else {
            let neighbour = if smaller(extremes[smallest - 1], extremes[smallest + 1]) {
                smallest - 1
            } else {
                smallest + 1
            };
            let first = smallest.min(neighbour);
            extremes.drain(first..first + 2);
        }
    }
    assert_eq!(
        extremes.len(),
        count,
        "the error has fewer signs than the reference it was made from"
    );
    extremes
}

/// The best polynomial with coefficients in `f64`, or nearly: the lowest free coefficient is
/// rounded and the others are fitted again, until none is free.
pub fn rounded(nodes: &[Node], degree: usize) -> Vec<f64> {
    let mut coefficients = Vec::with_capacity(degree + 1);
    while coefficients.len() <= degree {
        let fit = minimax(nodes, &coefficients, degree);
        coefficients.push(fit.coefficients[0].to_f64());
    }
    coefficients
}

/// The largest absolute value of `error` on an interval: on a fine grid, then between its points
/// around each maximum by golden-section search. Not a proof, but the errors here are smooth curves
/// of a dozen arches, hundreds of points to each. `error` is not asked for at 0, where a relative
/// error is a limit.
pub fn worst_error(low: &Float, high: &Float, error: impl Fn(&Float) -> Float) -> Float {
    let negligible = Float::with_val(PRECISION, Float::i_exp(1, -200));
    let size = |x: &Float| {
        let size = error(x).abs();
        // A NaN would pass every comparison below unseen.
        assert!(size.is_finite(), "the error at {x} is no number");
        size
    };
    let points: Vec<Float> = chebyshev_points(low, high, CHECK_INTERVALS)
        .into_iter()
        .filter(|x| x.clone().abs() > negligible)
        .collect();
    let sizes: Vec<Float> = points.iter().map(size).collect();

    let golden = (Float::with_val(PRECISION, 5).sqrt() - 1u32) / 2u32;
    let mut worst = Float::new(PRECISION);
    for index in 0..points.len() {
        worst = worst.max(&sizes[index]);
        let inside = index > 0 && index + 1 < points.len();
        if !inside || sizes[index] < sizes[index - 1] || sizes[index] < sizes[index + 1] {
            continue;
        }
        let (mut left, mut right) = (points[index - 1].clone(), points[index + 1].clone());
        for _ in 0..REFINEMENTS {
            let step = Float::with_val(PRECISION, &right - &left) * &golden;
            let (near_left, near_right) = (
                Float::with_val(PRECISION, &right - &step),
                Float::with_val(PRECISION, &left + &step),
            );
            let (at_left, at_right) = (size(&near_left), size(&near_right));
            if at_left < at_right {
                left = near_left;
            } else {
                right = near_right;
            }
            worst = worst.max(&at_left).max(&at_right);
        }
    }
    worst
}

/// A base-2 logarithm as an ordinary number.
fn log2(x: &Float) -> f64 {
    x.clone().log2().to_f64()
}

/// A function with a polynomial inside.
pub struct Fit {
    /// The least argument of the polynomial.
    low: Float,
    /// The greatest argument of the polynomial.
    high: Float,
    /// What the polynomial stands for, computed from an argument other than 0.
    value: fn(&Float) -> Float,
    /// The change of the function, relative to the function, when the polynomial changes by 1.
    weight: fn(&Float) -> Float,
    /// The interval of the function's own argument.
    domain: (Float, Float),
    /// The relative error of the function with the given coefficients, from the function's own
    /// argument.
    relative_error: fn(&[Float], &Float) -> Float,
    /// The degree in use.
    pub degree: usize,
}

impl Fit {
    /// `exp(r) = 1 + (r + r^2 Q(r))` for `|r| <= 0.34658`.
    ///
    /// The reduction leaves `|r| <= ln(2)/2 = 0.346573...`; since `k` is rounded from a product
    /// that was itself rounded, `r` may lie beyond by a trifle.
    pub fn exp() -> Self {
        let high = Float::with_val(PRECISION, 34_658) / 100_000u32;
        let low = -high.clone();
        Self {
            domain: (low.clone(), high.clone()),
            low,
            high,
            value: |r| {
                let r = Float::with_val(CANCELLING_PRECISION, r);
                let above_line = r.clone().exp_m1() - &r;
                Float::with_val(PRECISION, above_line / r.square())
            },
            weight: |r| r.clone().square() / r.clone().exp(),
            relative_error: |q, r| {
                let formula =
                    Float::with_val(PRECISION, r.square_ref()) * evaluate(q, r) + r + 1u32;
                formula / r.clone().exp() - 1u32
            },
            degree: 9,
        }
    }

    /// `exp2(f)` for `|f| <= 1/2`, and a trifle beyond, as for [`Fit::exp`]: the exponential of a quick path, with as
    /// few terms as leave one sum in some hundred to the formula of record.
    pub fn exp2_short() -> Self {
        let high = Float::with_val(PRECISION, 50_001) / 100_000u32;
        let low = -high.clone();
        Self {
            domain: (low.clone(), high.clone()),
            low,
            high,
            value: |f| f.clone().exp2(),
            weight: |f| f.clone().exp2().recip(),
            relative_error: |p, f| evaluate(p, f) / f.clone().exp2() - 1u32,
            degree: 7,
        }
    }

    /// `exp2(u / 16) = 1 + u q(u)` for `u` from 0 to 1: what a table of sixteenths leaves, for the quick paths in
    /// integers.
    pub fn exp2_sixteenth() -> Self {
        Self {
            low: Float::new(PRECISION),
            high: Float::with_val(PRECISION, 1),
            domain: (Float::new(PRECISION), Float::with_val(PRECISION, 1)),
            value: |u| {
                let above_one = sixteenth(u) * Float::with_val(PRECISION, Constant::Log2);
                above_one.exp_m1() / u
            },
            weight: |u| u.clone() / sixteenth(u).exp2(),
            relative_error: |q, u| (evaluate(q, u) * u + 1u32) / sixteenth(u).exp2() - 1u32,
            degree: 3,
        }
    }

    /// `log(1 + f)` for `1 + f` from `sqrt(1/2)` to `sqrt(2)`, a significand centred on 1. The
    /// polynomial is that of [`Fit::log1p_unit`] on a shorter interval.
    pub fn log() -> Self {
        // Just beyond ((sqrt(2) - 1) / (sqrt(2) + 1))^2 = 0.02943725...
        let high = Float::with_val(PRECISION, 294_373) / 10_000_000u32;
        let s = high.clone().sqrt();
        // The inverse of s = f / (2 + f).
        let f = |s: Float| Float::with_val(PRECISION, &s * 2u32) / (1u32 - s);
        Self {
            low: Float::new(PRECISION),
            domain: (f(-s.clone()), f(s)),
            high,
            value: log_value,
            weight: log_weight,
            relative_error: log_relative_error,
            // 6 would do: one more makes the coefficients pairs, as the kernels evaluate them.
            degree: 7,
        }
    }

    /// `log(1 + f) = f - s (f - z P(z))` for `f` from 0 to 1, with `s = f / (2 + f)` and `z = s^2
    /// <= 1/9`.
    ///
    /// Since `log(1 + f) = 2 atanh(s)` and `f - s f = 2 s`, the polynomial is
    /// `P(z) = 2 (atanh(s) / s - 1) / z = 2/3 + 2/5 z + 2/7 z^2 + ...`
    pub fn log1p_unit() -> Self {
        Self {
            low: Float::new(PRECISION),
            high: Float::with_val(PRECISION, 1) / 9u32,
            domain: (Float::new(PRECISION), Float::with_val(PRECISION, 1)),
            value: log_value,
            weight: log_weight,
            relative_error: log_relative_error,
            degree: 9,
        }
    }

    /// The points to fit on.
    fn nodes(&self) -> Vec<Node> {
        nodes(&self.low, &self.high, self.value, self.weight)
    }

    /// The base-2 logarithm of the least error that a polynomial of this degree can have, its
    /// coefficients being any real numbers.
    pub fn least_error_log2(&self, degree: usize) -> f64 {
        log2(&minimax(&self.nodes(), &[], degree).error)
    }

    /// The polynomial of this degree with coefficients in `f64`, and its error as found by the
    /// check.
    pub fn polynomial(&self, degree: usize) -> Polynomial {
        let coefficients = rounded(&self.nodes(), degree);
        let exact = widened(&coefficients);
        let (low, high) = &self.domain;
        let error = worst_error(low, high, |argument| {
            (self.relative_error)(&exact, argument)
        });
        Polynomial {
            coefficients,
            error_log2: log2(&error),
        }
    }
}

/// `u / 16`.
fn sixteenth(u: &Float) -> Float {
    Float::with_val(PRECISION, u / 16u32)
}

/// `2 (atanh(s) / s - 1) / z` at `z = s^2 > 0`.
fn log_value(z: &Float) -> Float {
    let s = Float::with_val(CANCELLING_PRECISION, z).sqrt();
    let ratio = s.clone().atanh() / s - 1u32;
    Float::with_val(PRECISION, ratio * 2u32 / z)
}

/// `s z / log(1 + f)`, where `log(1 + f) = 2 atanh(s)`. Its limit at 0 is 0.
fn log_weight(z: &Float) -> Float {
    if z.is_zero() {
        return Float::new(PRECISION);
    }
    let s = z.clone().sqrt();
    Float::with_val(PRECISION, &s * z) / (s.atanh() * 2u32)
}

/// The relative error of `f - s (f - z P(z))` as `log(1 + f)`.
fn log_relative_error(p: &[Float], f: &Float) -> Float {
    let s = Float::with_val(PRECISION, f / Float::with_val(PRECISION, f + 2u32));
    let z = Float::with_val(PRECISION, s.square_ref());
    let bracket = f - evaluate(p, &z) * z;
    let formula = f - s * bracket;
    formula / f.clone().ln_1p() - 1u32
}

/// The constants that are no polynomials.
#[derive(Clone, Copy, Debug)]
pub struct Scalars {
    /// The first [`LN2_HI_BITS`] bits of `ln(2)`.
    pub ln2_hi: f64,
    /// The rest of `ln(2)`, rounded.
    pub ln2_lo: f64,
    /// The base-2 logarithm of what is missing from the sum of the two.
    pub ln2_error_log2: f64,
    /// `log2(e)`, rounded.
    pub log2_e: f64,
}

/// Bits of `ln(2)` in the first of its two parts: the product with an integer below 2^11 is then
/// exact, and no exponent of an `f64` is as large as that.
pub const LN2_HI_BITS: u32 = f64::MANTISSA_DIGITS - 11;

/// Computes the constants that are no polynomials.
pub fn scalars() -> Scalars {
    let ln2 = Float::with_val(PRECISION, Constant::Log2);
    let (ln2_hi, _) = Float::with_val_round(LN2_HI_BITS, &ln2, rug::float::Round::Zero);
    let rest = Float::with_val(PRECISION, &ln2 - &ln2_hi);
    let ln2_lo = rest.to_f64();
    Scalars {
        ln2_hi: ln2_hi.to_f64(),
        ln2_lo,
        ln2_error_log2: log2(&(rest - ln2_lo).abs()),
        log2_e: ln2.recip().to_f64(),
    }
}

/// An `f64` as an expression that leaves no doubt about its bits.
fn expression(x: f64) -> String {
    let bits = format!("{:016x}", x.to_bits());
    format!(
        "f64::from_bits(0x{}_{}_{}_{})",
        &bits[..4],
        &bits[4..8],
        &bits[8..12],
        &bits[12..]
    )
}

/// Bits after the point of the coefficients of [`Fit::exp2_sixteenth`], low order first. Each coefficient then fills the
/// 32 bits of its integer.
pub const SIXTEENTH_BITS: [u32; 4] = [36, 42, 48, 54];

/// The coefficients of [`Fit::exp2_sixteenth`] as integers, rounded to nearest, the lowest after 1/2 was added: what the sum
/// that it stands in loses on average, as its product is rounded down.
pub fn sixteenth_integers() -> [u32; 4] {
    let fit = Fit::exp2_sixteenth();
    let coefficients = fit.polynomial(fit.degree).coefficients;
    core::array::from_fn(|order| {
        let scaled = Float::with_val(PRECISION, coefficients[order]) << SIXTEENTH_BITS[order];
        let offset = if order == 0 { 0.5 } else { 0.0 };
        let rounded = Float::with_val(PRECISION, scaled + offset)
            .round()
            .to_integer()
            .and_then(|n| n.to_u32());
        rounded.expect("a coefficient of 32 bits")
    })
}

/// `2^(i/16)` in units of 2^-63, rounded down.
pub fn sixteenths() -> [u64; 16] {
    core::array::from_fn(|i| units(sixteenth(&Float::with_val(PRECISION, i)).exp2()))
}

/// `log2(e)` in units of 2^-63, rounded down.
pub fn log2_e_units() -> u64 {
    units(Float::with_val(PRECISION, Constant::Log2).recip())
}

/// A number from 1 to 2 in units of 2^-63, rounded down.
fn units(x: Float) -> u64 {
    let scaled = Float::with_val(PRECISION, x << 63u32).floor();
    let integer = scaled.to_integer().and_then(|n| n.to_u64());
    integer.expect("a number of 64 bits")
}

/// A base-2 logarithm with two digits after the point, never below the true one: an error bound
/// must not be rounded down.
fn hundredths(log2: f64) -> String {
    format!("{:.2}", (log2 * 100.0).ceil() / 100.0)
}

/// Doc comments, one for each line.
fn comment(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| format!("/// {line}").trim_end().to_owned() + "\n")
        .collect()
}

/// The array of a polynomial's coefficients, with `description` and the error above it.
fn array(name: &str, description: &[&str], fit: &Fit) -> String {
    let polynomial = fit.polynomial(fit.degree);
    let error = hundredths(polynomial.error_log2);
    let error = format!("Relative error of the formula in exact arithmetic: at most 2^{error}.");
    let comment = comment(description) + &comment(&["", "Low order first.", &error]);
    let count = polynomial.coefficients.len();
    let rows: String = polynomial
        .coefficients
        .iter()
        .map(|&coefficient| format!("    {}, // {coefficient:.16e}\n", expression(coefficient)))
        .collect();
    format!("{comment}pub(crate) const {name}: [f64; {count}] = [\n{rows}];\n")
}

/// A single constant, with `description` above it.
fn scalar(name: &str, description: &[&str], value: f64) -> String {
    let comment = comment(description);
    let expression = expression(value);
    format!("{comment}pub(crate) const {name}: f64 = {expression}; // {value:.16e}\n")
}

/// Sixteen hexadecimal digits, or eight, in fours.
fn hexadecimal(digits: &str) -> String {
    let fours: Vec<&str> = (0..digits.len())
        .step_by(4)
        .map(|i| &digits[i..i + 4])
        .collect();
    format!("0x{}", fours.join("_"))
}

/// The generated block: the text between the lines [`BEGIN`] and [`END`] of
/// `core/src/number/elementary.rs`, as `rustfmt` leaves it.
pub fn rust_source() -> String {
    let scalars = scalars();
    let missing = hundredths(scalars.ln2_error_log2);
    [
        array(
            "EXP",
            &["`Q` in `exp(r) = 1 + (r + r^2 Q(r))` for `|r| <= 0.34658`, just beyond `ln(2)/2`."],
            &Fit::exp(),
        ),
        array(
            "EXP2_SHORT",
            &["`P` in `2^f = P(f)` for `|f| <= 0.50001`, just beyond 1/2: for quick paths."],
            &Fit::exp2_short(),
        ),
        array(
            "LOG",
            &[
                "`P` in `log(1 + f) = f - s (f - z P(z))`, with `s = f / (2 + f)` and `z = s^2`,",
                "for `1 + f` from `sqrt(1/2)` to `sqrt(2)`, that is, `z <= 0.0294373`.",
            ],
            &Fit::log(),
        ),
        array(
            "LOG1P_UNIT",
            &[
                "`P` in `log(1 + f) = f - s (f - z P(z))`, with `s = f / (2 + f)` and `z = s^2`,",
                "for `f` from 0 to 1, that is, `z <= 1/9`.",
            ],
            &Fit::log1p_unit(),
        ),
        {
            let fit = Fit::exp2_sixteenth();
            let error = hundredths(fit.polynomial(fit.degree).error_log2);
            let rows: String = sixteenth_integers()
                .iter()
                .zip(SIXTEENTH_BITS)
                .map(|(n, bits)| {
                    let value = f64::from(*n) / 2f64.powi(bits as i32);
                    let digits = hexadecimal(&format!("{n:08x}"));
                    format!("    {digits}, // 2^{bits} * {value:.9e}\n")
                })
                .collect();
            comment(&[
                "`q` in `2^(u/16) = 1 + u q(u)` for `u` from 0 to 1, in integers.",
                "",
                "Low order first, with 36, 42, 48 and 54 bits after the point, rounded to nearest; the",
                "lowest has another 1/2 unit in it, for a product that is rounded down.",
                &format!("Relative error of the formula in exact arithmetic, before that rounding: at most 2^{error}."),
            ]) + &format!("pub(crate) const SIXTEENTH: [u32; 4] = [\n{rows}];\n")
        },
        {
            let rows: String = sixteenths()
                .iter()
                .map(|n| format!("    {},\n", hexadecimal(&format!("{n:016x}"))))
                .collect();
            comment(&["`2^(i/16)` in units of 2^-63, rounded down."])
                + &format!("pub(crate) const SIXTEENTHS: [u64; 16] = [\n{rows}];\n")
        },
        {
            let digits = hexadecimal(&format!("{:016x}", log2_e_units()));
            comment(&["The base-2 logarithm of e in units of 2^-63, rounded down."])
                + &format!("pub(crate) const LOG2_E_UNITS: u64 = {digits};\n")
        },
        scalar(
            "LN2_HI",
            &[
                &format!("The first {LN2_HI_BITS} bits of `ln(2)`."),
                "The product with an integer below 2^11 is exact.",
            ],
            scalars.ln2_hi,
        ),
        scalar(
            "LN2_LO",
            &[
                "`ln(2) - LN2_HI`, rounded.",
                &format!("`LN2_HI + LN2_LO` is within 2^{missing} of `ln(2)`."),
            ],
            scalars.ln2_lo,
        ),
        scalar(
            "LOG2_E",
            &["The base-2 logarithm of e, rounded."],
            scalars.log2_e,
        ),
    ]
    .join("\n")
}

/// The generated block within a source text: what stands between the lines [`BEGIN`] and [`END`].
/// `None` where either is missing, or stands more than once, or the end stands first.
pub fn generated_block(source: &str) -> Option<&str> {
    // Where a marker stands alone on a line: the line's start, and the start of the next one.
    let find = |marker: &str| {
        let mut start = 0;
        let mut found = source.split_inclusive('\n').filter_map(|line| {
            let here = start;
            start += line.len();
            (line.trim_end() == marker).then_some((here, start))
        });
        let first = found.next()?;
        found.next().is_none().then_some(first)
    };
    let (_, start) = find(BEGIN)?;
    let (end, _) = find(END)?;
    source.get(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number of full precision.
    fn float(x: f64) -> Float {
        Float::with_val(PRECISION, x)
    }

    /// The distance of a number from one expected.
    fn distance(x: &Float, expected: f64) -> Float {
        Float::with_val(PRECISION, x - expected).abs()
    }

    /// Nodes for `sqrt(x)` on `[0, 1]`, unweighted.
    fn sqrt_nodes() -> Vec<Node> {
        nodes(
            &float(0.0),
            &float(1.0),
            |x| x.clone().sqrt(),
            |_| float(1.0),
        )
    }

    /// All fits, by name.
    fn fits() -> [(&'static str, Fit); 5] {
        [
            ("EXP", Fit::exp()),
            ("EXP2_SHORT", Fit::exp2_short()),
            ("SIXTEENTH", Fit::exp2_sixteenth()),
            ("LOG", Fit::log()),
            ("LOG1P_UNIT", Fit::log1p_unit()),
        ]
    }

    #[test]
    fn the_best_line_for_sqrt_is_the_known_one() {
        // x + 1/8, off by 1/8 at 0, 1/4 and 1.
        let line = minimax(&sqrt_nodes(), &[], 1);
        assert!(distance(&line.coefficients[0], 0.125) < 1e-60);
        assert!(distance(&line.coefficients[1], 1.0) < 1e-60);
        assert!(distance(&line.error, 0.125) < 1e-60);
    }

    #[test]
    fn a_fixed_coefficient_stays_and_the_others_are_the_best_beside_it() {
        // c x for sqrt(x): the error at 1/(4 c^2), which is 1/(4 c), is as large as c - 1 at 1, so
        // c = (1 + sqrt(2))/2. The grid misses that first point by a little.
        let nodes: Vec<Node> = sqrt_nodes()
            .into_iter()
            .filter(|node| !node.x.is_zero())
            .collect();
        let line = minimax(&nodes, &[0.0], 1);
        assert_eq!(line.coefficients.len(), 1);
        assert!(distance(&line.coefficients[0], (1.0 + 2f64.sqrt()) / 2.0) < 1e-5);
        assert!(distance(&line.error, (2f64.sqrt() - 1.0) / 2.0) < 1e-5);
    }

    #[test]
    fn an_odd_power_is_fitted_on_both_sides_of_zero() {
        // c x for x^3 on [-1, 1]: the third Chebyshev polynomial over 4, so c = 3/4, off by 1/4.
        let cube = nodes(
            &float(-1.0),
            &float(1.0),
            |x| Float::with_val(PRECISION, x.square_ref()) * x,
            |x| {
                if x.clone().abs() < 1e-30 {
                    float(0.0)
                } else {
                    float(1.0)
                }
            },
        );
        let line = minimax(&cube, &[0.0], 1);
        assert!(distance(&line.coefficients[0], 0.75) < 1e-60);
        assert!(distance(&line.error, 0.25) < 1e-60);
    }

    #[test]
    fn the_error_takes_its_largest_size_with_alternating_signs() {
        for (name, fit) in fits() {
            let nodes = fit.nodes();
            let best = minimax(&nodes, &[], fit.degree);
            assert_eq!(best.reference.len(), fit.degree + 2, "{name}");
            assert!(best.reference.is_sorted(), "{name}");
            let errors: Vec<Float> = best
                .reference
                .iter()
                .map(|&index| {
                    let Node { x, value, weight } = &nodes[index];
                    (value - evaluate(&best.coefficients, x)) * weight
                })
                .collect();
            for pair in errors.windows(2) {
                assert_ne!(
                    pair[0].is_sign_negative(),
                    pair[1].is_sign_negative(),
                    "{name}"
                );
                let difference = Float::with_val(PRECISION, &pair[0] + &pair[1]).abs();
                assert!(difference < best.error.clone() * 1e-15, "{name}");
            }
        }
    }

    #[test]
    fn the_functions_are_as_accurate_as_they_need_to_be() {
        // No polynomial of degree 9 brings exp to 2^-58; see the next test.
        for ((name, fit), bound) in fits().into_iter().zip([-57.9, -34.4, -38.3, -66.5, -59.4]) {
            let found = fit.polynomial(fit.degree).error_log2;
            assert!(found <= bound, "{name}: 2^{found}");
        }
    }

    #[test]
    fn the_fit_and_the_check_agree_on_the_best_there_is() {
        // The rounding of the coefficients may cost a small part of a bit, and can't gain anything.
        for (name, fit) in fits() {
            let least = fit.least_error_log2(fit.degree);
            let found = fit.polynomial(fit.degree).error_log2;
            assert!(
                least <= found && found <= least + 0.15,
                "{name}: 2^{least}, 2^{found}"
            );
        }
        let least = Fit::exp().least_error_log2(9);
        assert!(-58.0 < least && least < -57.9, "2^{least}");
    }

    #[test]
    fn one_degree_less_would_not_do() {
        for (name, fit) in fits() {
            // The logarithm has a degree to spare, see `Fit::log`.
            let less = fit.degree - if name == "LOG" { 2 } else { 1 };
            let least = fit.least_error_log2(less);
            assert!(least > -57.0, "{name}: 2^{least}");
        }
    }

    #[test]
    fn the_check_finds_a_maximum_between_its_points() {
        let found = worst_error(&float(1.0), &float(2.0), |x| {
            1u32 - Float::with_val(PRECISION, x - 1.234_567_f64).square()
        });
        assert!(distance(&found, 1.0) < 1e-18);
    }

    #[test]
    #[should_panic(expected = "is no number")]
    fn the_check_refuses_what_is_no_number() {
        worst_error(&float(1.0), &float(2.0), |_| {
            Float::with_val(PRECISION, f64::NAN)
        });
    }

    #[test]
    fn the_scalars_are_the_nearest_numbers() {
        let scalars = scalars();
        assert_eq!(scalars.log2_e, std::f64::consts::LOG2_E);
        assert_eq!(scalars.ln2_hi + scalars.ln2_lo, std::f64::consts::LN_2);
        assert_eq!(scalars.ln2_hi.to_bits().trailing_zeros(), 53 - LN2_HI_BITS);
        assert!(scalars.ln2_error_log2 < -100.0);
    }

    #[test]
    fn a_bound_is_never_rounded_down() {
        assert_eq!(hundredths(-58.019), "-58.01");
        assert_eq!(hundredths(-58.0), "-58.00");
    }

    #[test]
    fn the_block_stands_between_its_markers() {
        let source = format!("use a;\n{BEGIN}\nconst A: f64 = 1.0;\n{END}\nfn b() {{}}\n");
        assert_eq!(generated_block(&source), Some("const A: f64 = 1.0;\n"));
        assert_eq!(generated_block(&format!("{BEGIN}\n{END}")), Some(""));
    }

    #[test]
    fn no_block_without_exactly_one_of_each_marker_in_order() {
        for source in [
            String::new(),
            format!("{BEGIN}\nconst A: f64 = 1.0;\n"),
            format!("const A: f64 = 1.0;\n{END}\n"),
            format!("{END}\n{BEGIN}\n"),
            format!("{BEGIN}\n{BEGIN}\n{END}\n"),
            format!("{BEGIN}\n{END}\n{END}\n"),
            format!("// between {BEGIN}\n{END}\n"),
        ] {
            assert_eq!(generated_block(&source), None, "{source:?}");
        }
    }
}
