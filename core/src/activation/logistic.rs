//! The formulas of the logistic functions, for the fast paths: sigmoid and softplus, with their derivatives.

use super::sigmoid::{sigmoid_gradient, sigmoid_value};
use super::softplus::{softplus_gradient, softplus_value};
use crate::number::formula::{Formula, LaneReal, Within};
use crate::number::lanes::Lanes;

/// Below x = -`FAR` nothing is certain, unless e^x vanishes there.
#[inline(always)]
fn above_far<R: LaneReal>(x: R::F) -> <R::F as Lanes>::Mask {
    if R::VANISHES {
        x.eq(x)
    } else {
        x.constant(-R::FAR).lt(x)
    }
}

/// A product with `factor`, where it has not lost its low part: it is 0 or at least `LEAST`.
#[inline(always)]
fn is_whole<R: LaneReal>(product: R, factor: R::F) -> <R::F as Lanes>::Mask {
    let least = factor.constant(R::LEAST);
    R::F::or(
        least.le(product.hi().abs()),
        factor.eq(factor.constant(0.0)),
    )
}

/// 1 + e^-x, for an x that is not below -`FAR`.
#[inline(always)]
fn one_plus_exp_neg<R: LaneReal>(x: R::F, x_low: R::F) -> R {
    // The bound is the second operand's if it is NaN. e^-86 is not seen beside 1.
    let far = x.constant(-R::FAR);
    let near = x.constant(86.0).min(x);
    R::exp_neg(far.max(near), x_low).one_plus()
}

/// beta x as two numbers, of which the second is 0 where the first is beyond `FAR`.
#[inline(always)]
fn times_beta<R: LaneReal>(beta: f64, x: R::F) -> (R::F, R::F) {
    let (hi, lo) = R::F::split(beta);
    let (hi, lo, zero) = (x.constant(hi), x.constant(lo), x.constant(0.0));
    let product = x * hi;
    if beta.abs() == 1.0 {
        return (product, zero);
    }
    let rest = x.mul_add(lo, x.mul_sub(hi, product));
    let is_near = product.abs().lt(x.constant(R::FAR));
    (product, R::F::select(is_near, rest, zero))
}

/// sigma(x) = 1 / (1 + e^-x), also for negative x: e^-x is a number up to 2^87.
#[derive(Clone, Copy)]
pub(crate) struct SigmoidValue;

impl Formula<1> for SigmoidValue {
    // Of 1 + e^-x: the exponential's error, and the sum of the low parts.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM + R::RECIP + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x]: [R::F; 1]) -> Within<R> {
        let value = one_plus_exp_neg::<R>(x, x.constant(0.0)).recip();
        Within {
            value,
            magnitude: value.hi(),
            ok: above_far::<R>(x),
        }
    }

    fn reference(&self, [x]: [f64; 1]) -> f64 {
        sigmoid_value::<f32>(x)
    }
}

/// g sigma(beta x): the gradients of softplus, and of log_sigmoid with a `beta` of -1.
#[derive(Clone, Copy)]
pub(crate) struct ScaledSigmoid {
    pub(crate) beta: f64,
}

impl Formula<2> for ScaledSigmoid {
    // As `SigmoidValue`, times g.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::SUM + R::RECIP + R::TIMES + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, g]: [R::F; 2]) -> Within<R> {
        let (x, x_low) = times_beta::<R>(self.beta, x);
        let value = one_plus_exp_neg::<R>(x, x_low).recip().times(g);
        Within {
            value,
            magnitude: value.hi().abs(),
            ok: R::F::and(above_far::<R>(x), is_whole(value, g)),
        }
    }

    fn reference(&self, [x, g]: [f64; 2]) -> f64 {
        softplus_gradient::<f32>(x, self.beta) * g
    }
}

/// g sigma'(x) = g t / (1 + t)^2 with t = e^-|x|: the gradient of sigmoid.
#[derive(Clone, Copy)]
pub(crate) struct SigmoidGradient;

impl Formula<2> for SigmoidGradient {
    // t counts (1 - t) / (1 + t) times its error, the sum and its reciprocal twice; with three products.
    fn units<R: LaneReal>() -> f64 {
        R::EXP
            + 2.0 * (R::SUM_OF_NORMAL + R::RECIP_OF_NORMAL)
            + 3.0 * R::TIMES_NORMAL
            + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x, g]: [R::F; 2]) -> Within<R> {
        let (t, is_near) = exp_neg_abs::<R>(x, x.constant(0.0));
        let recip = t.one_plus().recip().normal();
        let value = t.mul(recip).mul(recip).times(g);
        Within {
            value,
            magnitude: value.hi().abs(),
            ok: R::F::and(is_near, is_whole(value, g)),
        }
    }

    fn reference(&self, [x, g]: [f64; 2]) -> f64 {
        sigmoid_gradient::<f32>(x) * g
    }
}

/// softplus(x) = max(x, 0) + ln(1 + e^-|beta x|) / beta, or log_sigmoid(x) = -softplus(-x).
#[derive(Clone, Copy)]
pub(crate) struct SoftplusFormula {
    beta: f64,
    inverse: f64,
    /// 1, or -1 for log_sigmoid.
    sign: f64,
}

impl SoftplusFormula {
    pub(crate) fn new(beta: f64) -> Self {
        Self {
            beta,
            inverse: 1.0 / beta,
            sign: 1.0,
        }
    }

    pub(crate) const LOG_SIGMOID: Self = Self {
        beta: 1.0,
        inverse: 1.0,
        sign: -1.0,
    };
}

impl Formula<1> for SoftplusFormula {
    // Of the logarithm: those of its argument and its own, the product with 1 / beta; and the sum.
    fn units<R: LaneReal>() -> f64 {
        R::EXP + R::LN + 2.0 * R::TIMES_NORMAL + R::SUM_OF_NORMAL + R::REFERENCE
    }

    #[inline(always)]
    fn eval<R: LaneReal>(&self, [x]: [R::F; 1]) -> Within<R> {
        let (scaled, scaled_low) = times_beta::<R>(self.beta, x);
        let (t, is_near) = exp_neg_abs::<R>(scaled, scaled_low);
        let (mut ln, square) = t.ln_1p();
        let mut ok = is_near;
        if self.beta != 1.0 {
            ln = ln.mul(R::constant(x, self.inverse));
            ok = R::F::and(ok, is_whole(ln, x.constant(1.0)));
        }
        let sign = x.constant(self.sign);
        // x is the second operand: NaN stays.
        let linear = x.constant(0.0).max(x.flip_sign(sign));
        let sum = R::from_lanes(linear).add(ln);
        let mut magnitude = sum.hi();
        if R::LN_SQUARE > 0.0 {
            let square_units = R::LN_SQUARE / Self::units::<R>() * self.inverse;
            magnitude = square.mul_add(x.constant(square_units), magnitude);
        }
        Within {
            value: sum.flip_sign(sign),
            magnitude,
            ok,
        }
    }

    fn reference(&self, [x]: [f64; 1]) -> f64 {
        self.sign * softplus_value::<f32>(self.sign * x, self.beta)
    }
}

/// e^-|x|, normal, and whether that is so: |x| is not beyond `FAR`, or e^-`FAR` stands for the power.
#[inline(always)]
fn exp_neg_abs<R: LaneReal>(x: R::F, x_low: R::F) -> (R, <R::F as Lanes>::Mask) {
    let far = x.constant(R::FAR);
    let magnitude = x.abs();
    // The magnitude is the second operand: NaN stays.
    let t = R::exp_neg(far.min(magnitude), x_low.flip_sign(x)).normal();
    let is_near = if R::VANISHES {
        x.eq(x)
    } else {
        magnitude.lt(far)
    };
    (t, is_near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::dispatch::{LaneKernel, run_in_lanes};
    use crate::number::lanes::{GROUP, Single, Width};
    use crate::number::plain::PlainSingle;
    use crate::number::single_pair::SinglePair;
    use std::vec::Vec;

    /// The largest error of a formula in each arithmetic of the width in force, as a part of what its units allow.
    struct Worst<'a, F, E, const IN: usize> {
        formula: F,
        exact: E,
        inputs: &'a [Vec<f32>; IN],
    }

    impl<F: Formula<IN>, E: Fn([f64; IN]) -> f64, const IN: usize> LaneKernel for Worst<'_, F, E, IN> {
        type Output = [(f64, [f64; IN]); 2];

        fn run<W: Width>(self, token: W) -> Self::Output {
            [
                self.in_arithmetic::<SinglePair<W::Single>>(token),
                self.in_arithmetic::<PlainSingle<W::Single>>(token),
            ]
        }
    }

    impl<F: Formula<IN>, E: Fn([f64; IN]) -> f64, const IN: usize> Worst<'_, F, E, IN> {
        fn in_arithmetic<R: LaneReal<F: Single>>(
            &self,
            token: <R::F as Lanes>::Token,
        ) -> (f64, [f64; IN]) {
            let mut worst = (0.0, [0.0; IN]);
            for at in (0..self.inputs[0].len()).step_by(R::F::N) {
                let mut lanes = [R::F::splat(token, 0.0); IN];
                for (lanes, input) in lanes.iter_mut().zip(self.inputs) {
                    *lanes = R::F::load(token, input, at);
                }
                let within = self.formula.eval::<R>(lanes);
                let hi = within.value.hi();
                // What the high part lacks.
                let rest = within.value.add(R::from_lanes(-hi));
                let (lo, _) = rest.bracket(hi.constant(0.0));
                let mut parts = [[0.0; GROUP]; 3];
                hi.store(&mut parts[0], 0);
                lo.store(&mut parts[1], 0);
                within.magnitude.store(&mut parts[2], 0);
                let ok = R::F::bits(within.ok);
                for lane in 0..R::F::N {
                    if ok >> lane & 1 == 0 {
                        continue;
                    }
                    let mut element = [0.0; IN];
                    for (x, input) in element.iter_mut().zip(self.inputs) {
                        *x = input[at + lane].into();
                    }
                    let [hi, lo, magnitude] = parts.map(|part| f64::from(part[lane]));
                    let error = ((hi - (self.exact)(element)) + lo).abs();
                    let part = error / (magnitude * F::units::<R>() * R::UNIT);
                    if part > worst.0 {
                        worst = (part, element);
                    }
                }
            }
            worst
        }
    }

    /// Ordinary, wide and tiny numbers. The second column has no number near 0.
    fn inputs<const IN: usize>() -> [Vec<f32>; IN] {
        let mut seed = 5_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 32) as f32 / (1_u64 << 32) as f32
        };
        let mut inputs = [const { Vec::new() }; IN];
        for i in 0..1 << 17 {
            let wide = [8.0, 30.0, 118.0, 2_f32.powi(-(i / 4 % 32))][i as usize % 4];
            for (k, input) in inputs.iter_mut().enumerate() {
                let x = next() - 0.5;
                input.push(if k == 0 { x * wide } else { x + 1.0 });
            }
        }
        inputs
    }

    fn check<F: Formula<IN>, const IN: usize>(
        name: &str,
        formula: F,
        exact: impl Fn([f64; IN]) -> f64,
    ) {
        let inputs = &inputs();
        let Some(worst) = run_in_lanes(Worst {
            formula,
            exact,
            inputs,
        }) else {
            return;
        };
        for (part, at) in worst {
            assert!(
                0.1 < part && part < 1.0,
                "{name} {at:?}: {part} of the bound"
            );
        }
    }

    /// Of `f64`, whose own functions are good enough to measure those of `f32` pairs with.
    #[test]
    fn errors_are_within_the_units() {
        let t = |x: f64| (-x.abs()).exp();
        let sigmoid = |x: f64| if x < 0.0 { t(x) } else { 1.0 } / (1.0 + t(x));
        let softplus = |x: f64, beta: f64| x.max(0.0) + t(beta * x).ln_1p() / beta;
        check("sigmoid", SigmoidValue, |[x]| sigmoid(x));
        check("sigmoid'", SigmoidGradient, |[x, g]| {
            g * t(x) / ((1.0 + t(x)) * (1.0 + t(x)))
        });
        for beta in [1.0, -1.0, 2.5, 0.7] {
            check("softplus'", ScaledSigmoid { beta }, |[x, g]| {
                g * sigmoid(beta * x)
            });
        }
        for beta in [1.0, 2.5, 0.3] {
            check("softplus", SoftplusFormula::new(beta), |[x]| {
                softplus(x, beta)
            });
        }
        check("log_sigmoid", SoftplusFormula::LOG_SIGMOID, |[x]| {
            -softplus(-x, 1.0)
        });
    }

    /// A NaN, an infinity and the sign of zero go through every formula.
    #[test]
    fn special_values_are_those_of_the_reference() {
        let numbers = [
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            1e-45,
            -1e38,
            86.5,
            -100.0,
        ];
        let beta = 0.7;
        let (x, g): (Vec<f32>, Vec<f32>) = numbers
            .iter()
            .flat_map(|&x| numbers.map(|g| (x, g)))
            .unzip();
        let same = |formula: &dyn Fn(&mut [f32]) -> bool, reference: &dyn Fn(usize) -> f64| {
            let mut output = std::vec![0.0; x.len()];
            if formula(&mut output) {
                for (i, &actual) in output.iter().enumerate() {
                    let expected = reference(i) as f32;
                    assert!(
                        actual.to_bits() == expected.to_bits()
                            || actual.is_nan() && expected.is_nan(),
                        "{} {}: {actual} is not {expected}",
                        x[i],
                        g[i]
                    );
                }
            }
        };
        let of = |i: usize| [x[i].into(), g[i].into()];
        use crate::engine::batch::fill;
        let softplus = SoftplusFormula::new(beta);
        same(&|out| fill(&softplus, [&x], out), &|i| {
            softplus.reference([x[i].into()])
        });
        let log_sigmoid = SoftplusFormula::LOG_SIGMOID;
        same(&|out| fill(&log_sigmoid, [&x], out), &|i| {
            log_sigmoid.reference([x[i].into()])
        });
        same(&|out| fill(&SigmoidValue, [&x], out), &|i| {
            SigmoidValue.reference([x[i].into()])
        });
        same(&|out| fill(&SigmoidGradient, [&x, &g], out), &|i| {
            SigmoidGradient.reference(of(i))
        });
        for beta in [1.0, -1.0, beta] {
            let gradient = ScaledSigmoid { beta };
            same(&|out| fill(&gradient, [&x, &g], out), &|i| {
                gradient.reference(of(i))
            });
        }
    }
}
