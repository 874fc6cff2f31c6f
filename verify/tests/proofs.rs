//! The scripts of `verify/proofs` are about the kernels' formulas: each of their definitions, evaluated in `f64`, gives the
//! kernels' bits. And what they prove is what the table of claims says.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use trueloss::device::{Pair, Real};
use trueloss::{Classes, CrossEntropy, LogSoftmax, Reduction, Softmax, elementary};
use trueloss_verify::claims::{self, Direction};
use trueloss_verify::generate::ElementType;
use trueloss_verify::oracle::{Call, Function};
use trueloss_verify::proofs;

fn read(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("proofs")
        .join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every claim of which something is proven: all but those of one argument, which are shown on
/// all inputs.
#[test]
fn the_claims_follow_from_the_lemmas() {
    let (mut shown, mut of_pairs) = (0, 0);
    for claim in claims::table() {
        let Some(proven) = proofs::of(&claim) else {
            continue;
        };
        assert!(
            proven.shows(&claim),
            "{}, {}: {} ULP, {:e} of the terms",
            claim.name(),
            claim.bound,
            proven.ulp(),
            proven.terms
        );
        shown += 1;
        of_pairs += u32::from(claim.element == ElementType::F64);
    }
    assert!(shown - of_pairs >= 38, "{shown}");
    assert!(of_pairs >= 52, "{of_pairs}");
}

#[test]
fn a_claim_that_says_more_does_not_follow() {
    let mut claims = claims::table()
        .into_iter()
        .filter(|c| proofs::of(c).is_some());
    for (element, ulp) in [(ElementType::F64, 0.58), (ElementType::F32, 0.500_001)] {
        let mut claim = claims.find(|c| c.element == element).unwrap();
        claim.bound.ulp = ulp;
        assert!(!proofs::of(&claim).unwrap().shows(&claim));
    }
    let mut claim = claims
        .find(|c| c.bound.terms > 0.0 && c.name().starts_with("softmax"))
        .unwrap();
    claim.bound.terms /= 2.0;
    assert!(!proofs::of(&claim).unwrap().shows(&claim));
}

/// The scale, 401.0039… / 401, is rounded up by nearly u, and the formula loses some more: an error of more than an ULP of
/// 0.25 - 2^-65, which is rounded to 0.25 + 2^-54.
#[test]
fn just_below_a_power_of_two_the_last_rounding_is_an_ulp() {
    let function = Function::BinaryCrossEntropyWithLogits;
    let claim = claims::table()
        .into_iter()
        .find(|c| {
            (c.function, c.variant, c.element, c.direction)
                == (
                    function,
                    "mean or sum",
                    ElementType::F64,
                    Direction::Gradient,
                )
        })
        .unwrap();
    let (mut input, mut target) = (vec![0.0; 401], vec![0.0; 401]);
    input[0] = f64::from_bits(0xbff0_6b6b_7f42_4310);
    target[0] = f64::from_bits(0x3f8c_4dd4_c17d_2f3a);
    let call = Call::new(function, &[401], &input)
        .values(&target)
        .grad_output(&[f64::from_bits(0x4079_1019_1000_009f)]);
    let (gradient, judged) = claims::judged::<f64>(Direction::Gradient, &call).unwrap();
    assert_eq!(gradient[0], 0.25 + 2_f64.powi(-54));
    assert!((2.001..2.002).contains(&judged[0].ulp), "{:?}", judged[0]);
    assert!(judged[0].within(claim.bound.ulp, claim.bound.terms));
    assert!(!judged[0].within(claim.bound.ulp - 0.5, claim.bound.terms));
}

/// What a definition reads, numbers or pairs.
type Values<W = f64> = HashMap<String, W>;

/// A model: the definitions of a script that are rounded, `name rnd= expression;`, or evaluated in pairs, `name pair=
/// expression;`, or the leading bits of a number, `name = first_bits(other);`, for one of its cases.
struct Model {
    definitions: Vec<(String, Vec<String>)>,
    constants: Values,
}

impl Model {
    /// `# case: a = b; c = d` puts b for %a and d for %c.
    fn new(text: &str, case: &str) -> Self {
        let mut text = text.to_owned();
        for (name, value) in case.split(';').filter_map(|pair| pair.split_once('=')) {
            text = text.replace(&format!("%{}", name.trim()), value.trim());
        }
        let mut model = Self {
            definitions: Vec::new(),
            constants: Values::new(),
        };
        let first_bits = |(_, value): &(&str, &str)| value.starts_with("first_bits(");
        let head = read("constants.g") + text.split("\n{").next().unwrap();
        for line in head.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim_end_matches(';');
            if let Some((name, expression)) = line
                .split_once(" rnd= ")
                .or_else(|| line.split_once(" pair= "))
                .or_else(|| line.split_once(" = ").filter(first_bits))
            {
                let definition = (name.to_owned(), tokens(expression));
                model.definitions.push(definition);
            } else if let Some((name, value)) = line.split_once(" = ")
                && let Some(value) = number(value)
            {
                model.constants.insert(name.to_owned(), value);
            }
        }
        model
    }

    /// Everything that is defined, from the inputs.
    fn run<W: Real>(&self, inputs: &[(&str, W)]) -> Values<W> {
        let constants = self.constants.iter();
        let mut values: Values<W> = constants
            .map(|(name, &value)| (name.clone(), W::from(value)))
            .collect();
        values.extend(inputs.iter().map(|&(name, value)| (name.to_owned(), value)));
        for (name, tokens) in &self.definitions {
            let mut rest = tokens.as_slice();
            let value = sum(&mut rest, &values);
            assert!(rest.is_empty(), "{name}: {rest:?}");
            values.insert(name.clone(), value);
        }
        values
    }
}

/// Words, numbers and operators.
fn tokens(expression: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    for c in expression.chars() {
        let last = tokens.last_mut().unwrap();
        // The sign of an exponent, as in 0x1p-3 and 1b-53, belongs to its number.
        let exponent = last.starts_with(|c: char| c.is_ascii_digit())
            && (last.ends_with('p') || (last.ends_with('b') && !last.starts_with("0x")));
        if c.is_alphanumeric() || c == '_' || c == '.' || (exponent && "+-".contains(c)) {
            last.push(c);
        } else {
            if c != ' ' {
                tokens.push(c.to_string());
            }
            tokens.push(String::new());
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// 12, 0.5, 1b-53 = 2^-53, or 0x1.8p52.
fn number(token: &str) -> Option<f64> {
    if let Some(digits) = token.strip_prefix("0x") {
        let (digits, exponent) = digits.split_once('p')?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let significand = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()?;
        let exponent = exponent.parse::<i32>().ok()? - 4 * fraction.len() as i32;
        return Some(significand as f64 * f64::from(exponent).exp2());
    }
    let (significand, exponent) = token.split_once('b').unwrap_or((token, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    Some(significand.parse::<f64>().ok()? * f64::from(exponent).exp2())
}

fn sum<W: Real>(tokens: &mut &[String], values: &Values<W>) -> W {
    let mut total = product(tokens, values);
    loop {
        total = match tokens.first().map(String::as_str) {
            Some("+") => total + product(advance(tokens), values),
            Some("-") => total - product(advance(tokens), values),
            _ => return total,
        };
    }
}

fn product<W: Real>(tokens: &mut &[String], values: &Values<W>) -> W {
    let mut total = factor(tokens, values);
    loop {
        total = match tokens.first().map(String::as_str) {
            Some("*") => total * factor(advance(tokens), values),
            Some("/") => total / factor(advance(tokens), values),
            _ => return total,
        };
    }
}

fn factor<W: Real>(tokens: &mut &[String], values: &Values<W>) -> W {
    let first = &tokens[0];
    advance(tokens);
    match first.as_str() {
        "-" => -factor(tokens, values),
        "(" => {
            let value = sum(tokens, values);
            assert_eq!(tokens[0], ")");
            advance(tokens);
            value
        }
        "first_bits" => W::from(first_bits(factor(tokens, values).hi())),
        "over_one_plus" => {
            let numerator = sum(advance(tokens), values);
            assert_eq!(tokens[0], ",");
            let t = sum(advance(tokens), values);
            assert_eq!(tokens[0], ")");
            advance(tokens);
            numerator.over_one_plus(t)
        }
        token => number(token)
            .map(W::from)
            .or_else(|| values.get(token).copied())
            .unwrap_or_else(|| panic!("what is {token}?")),
    }
}

/// The first 26 bits.
fn first_bits(x: f64) -> f64 {
    f64::from_bits(x.to_bits() >> 27 << 27)
}

fn advance<'a, 'b>(tokens: &'b mut &'a [String]) -> &'b mut &'a [String] {
    *tokens = &tokens[1..];
    tokens
}

#[test]
fn the_evaluation_of_definitions() {
    let value = |expression| {
        let model = Model::new(&format!("a rnd= {expression};\n{{ }}"), "b = 7; c = 4");
        model.run(&[("x", 3.0)])["a"]
    };
    assert_eq!(value("1 + x * 2 - 8 / 2 / 2"), 5.0);
    assert_eq!(value("-x * (x - 5) + %b"), 13.0);
    assert_eq!(value("0x1.8p+1 * 3b-1 + 0x1p-1 - 1b1"), 3.0);
    assert_eq!(value("LOG2_E"), std::f64::consts::LOG2_E);
    assert_eq!(
        value("first_bits(1 + 1b-25 + 1b-26)"),
        1.0 + 1.0 / 33_554_432.0
    );
    let model = Model::new("a pair= over_one_plus(x, 2) * 3;\n{ }", "");
    let third = model.run(&[("x", Pair::from(1.0))])["a"];
    assert_eq!((third.hi(), third.lo().abs() < 1e-21), (1.0, true));
}

/// Numbers of a known sequence.
struct Random(SplitMix64);

impl Random {
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between two powers of two, any as likely as any other, or now and then one of the ends.
    fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        match (self.unit() * 20.0) as u32 {
            0 => low.exp2(),
            1 => high.exp2(),
            _ => (low + (high - low) * self.unit()).exp2(),
        }
    }

    fn sign(&mut self) -> f64 {
        if self.unit() < 0.5 { -1.0 } else { 1.0 }
    }
}

/// As an element.
fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

/// e^-x and its log1p, as the kernels have them.
fn tail(x: f64) -> (f64, f64) {
    let t = elementary::exp(-x);
    (t, elementary::log1p_unit(t))
}

/// 2^e m for a positive number, m from sqrt(1/2) to sqrt(2).
fn split(x: f64) -> (f64, f64) {
    let e = x.log2().round();
    let (e, m) = [e - 1.0, e, e + 1.0]
        .map(|e| (e, x / e.exp2()))
        .into_iter()
        .find(|&(_, m)| {
            (f64::from_bits(0x3fe6_a09e_667f_3bcd)..f64::from_bits(0x3ff6_a09e_667f_3bcd))
                .contains(&m)
        })
        .unwrap();
    (e, m)
}

/// Everything that a script defines, from its inputs.
type Run<'a> = dyn Fn(&str, &[(&str, f64)]) -> Values + 'a;

/// The same of definitions in pairs.
type RunPairs<'a> = dyn Fn(&str, &[(&str, Pair)]) -> Values<Pair> + 'a;

/// [`compare`] for the scripts about pairs. `None` if it is not one of them.
fn compare_pairs(
    script: &str,
    case: usize,
    run: &Run<'_>,
    run_pairs: &RunPairs<'_>,
    random: &mut Random,
) -> Option<(f64, f64)> {
    use trueloss::{activation, bce, bce_with_logits, cross_entropy, mse};
    let v = |inputs: &[(&str, Pair)]| run_pairs(script, inputs)["v"].round();
    // One of the parts, that of the model and that of the code.
    let pick = random.unit() < 0.5;
    let part = |model: (f64, f64), code: Pair| {
        Some(if pick {
            (model.0, code.hi())
        } else {
            (model.1, code.lo())
        })
    };
    let fast_two_sum = |a: f64, b: f64| (a + b, b - ((a + b) - a));
    let x = random.sign() * random.magnitude(-30.0, 9.0);
    let t = Pair::exp(Pair::from(-x.abs()));
    let log = Pair::log1p(t);
    let y = match random.unit() {
        z if z < 0.1 => 0.0,
        z if z < 0.2 => 1.0,
        z if z < 0.4 => random.magnitude(-200.0, 0.0),
        z => z,
    };
    let c = random.magnitude(-200.0, 200.0);
    let one = Pair::from;
    // Pairs with their high parts from 1 to 2.
    let (a, b) = (1.0 + random.unit(), 1.0 + random.unit());
    let mut low_of = |high: f64| high * (random.unit() - 0.5) * 2_f64.powi(-52);
    let (a_low, b_low) = (low_of(a), low_of(b));
    let (first, second) = (Pair::of_parts(a, a_low), Pair::of_parts(b, b_low));
    let parts = [("a", a), ("a_low", a_low), ("b", b), ("b_low", b_low)];
    let quotient = |a: f64, a_low: f64, t: f64, t_low: f64| {
        let denominator = run("one_plus.g", &[("t", t), ("t_low", t_low)]);
        let inputs = [
            ("a", a),
            ("a_low", a_low),
            ("b", denominator["high"]),
            ("b_low", denominator["low"]),
        ];
        let quotient = run("leading_quotient.g", &inputs);
        (quotient["quotient"], quotient["rest"])
    };
    // The logarithm of 2^e (1 + f).
    let log_of_parts = |e: f64, f: f64, f_low: f64| {
        let (leading, rest) = quotient(f, f_low, 0.5 * f, 0.5 * f_low);
        let near = run("log_pair_near_1.g", &[("leading", leading), ("rest", rest)]);
        if e == 0.0 {
            return fast_two_sum(leading, near["tail"]);
        }
        let inputs = [("e", e), ("leading", leading), ("tail", near["tail"])];
        let joined = run("log_pair_joined.g", &inputs);
        fast_two_sum(joined["top"], joined["low"])
    };
    let others = || Pair::of_parts(c.min(1e13), b_low * c.min(1e13));
    match script {
        "two_product.g" => {
            let model = run(script, &[("a", a), ("b", b)]);
            part((model["high"], model["low"]), Pair::product(a, b))
        }
        "fast_two_sum_small.g" => {
            let model = run(script, &[("a", a * 1e-10), ("b", b * 1e-12)]);
            part(
                (model["high"], model["low"]),
                Pair::difference(a * 1e-10, -b * 1e-12),
            )
        }
        "pair_sum.g" => {
            let other = Pair::of_parts(x * b, x * b_low);
            let model = run(
                script,
                &[
                    ("a", a),
                    ("a_low", a_low),
                    ("b", x * b),
                    ("b_low", x * b_low),
                ],
            );
            part((model["high"], model["low"]), first + other)
        }
        "pair_product.g" => {
            let lost = Pair::product(a, b).lo();
            let model = run(script, &[&parts[..], &[("lost", lost)]].concat());
            part((model["high"], model["low"]), first * second)
        }
        "product_cancelled.g" => {
            let (rest, rest_low) = (a - 1.0, 1e3 * a_low);
            let lost = ("lost", Pair::product(rest, b).lo());
            let inputs = [("a", rest), ("a_low", rest_low), parts[2], parts[3], lost];
            let model = run(script, &inputs);
            let code = Pair::of_parts(rest, rest_low) * second;
            part((model["high"], model["low"]), code)
        }
        "pair_quotient.g" => {
            let lost = Pair::product(a / b, b).lo();
            let model = run(script, &[&parts[..], &[("lost", lost)]].concat());
            part((model["high"], model["low"]), first / second)
        }
        "one_plus.g" | "leading_quotient.g" => {
            let (t, t_low) = (c * b, c * b_low);
            let (leading, rest) = quotient(a, a_low, t, t_low);
            let code = first.over_one_plus(Pair::of_parts(t, t_low));
            part(fast_two_sum(leading, rest), code)
        }
        "exp_pair_reduced.g" | "exp_pair.g" => {
            let x = -650.0 * (a - 1.0) * (if y < 0.5 { y } else { 1.0 });
            let low = x * a_low;
            let reduced = run("exp_pair_reduced.g", &[("x", x), ("low", low)]);
            let sum = run(
                "exp_pair.g",
                &[("r", reduced["r"]), ("r_low", reduced["r_low"])],
            );
            let (high, low_sum) = fast_two_sum(sum["high"], sum["low"]);
            let power = reduced["k"].exp2();
            part(
                (high * power, low_sum * power),
                Pair::exp(Pair::of_parts(x, low)),
            )
        }
        "log_pair_near_1.g" => {
            let f = if case == 0 { 0.41 } else { -0.29 } * a.fract();
            let f_low = f.max(0.0) * b_low;
            part(
                log_of_parts(0.0, f, f_low),
                Pair::log1p(Pair::of_parts(f, f_low)),
            )
        }
        "log_pair_joined.g" => {
            let x = if case == 0 {
                c.max(1.5) * a
            } else {
                c.min(0.7) * a / 2.0
            };
            let (e, m) = split(x);
            part(log_of_parts(e, m - 1.0, 0.0), Pair::log(x))
        }
        "log1p_pair_sum.g" => {
            let x = c.clamp(0.42, 1e18) * a;
            let x_low = x * b_low;
            let sum = Pair::difference(x, -1.0);
            let (e, m) = split(sum.hi());
            let inputs = [
                ("m", m),
                ("lost", sum.lo() / e.exp2()),
                ("x_low", x_low / e.exp2()),
            ];
            let f = run(script, &inputs);
            part(
                log_of_parts(e, f["f"], f["f_low"]),
                Pair::log1p(Pair::of_parts(x, x_low)),
            )
        }
        "sigmoid_pair.g" => {
            let at = if case == 0 { x.abs() } else { -x.abs() };
            Some((v(&[("t", t)]), activation::sigmoid_value::<f64>(at)))
        }
        "sigmoid_derivative_pair.g" => {
            Some((v(&[("t", t)]), activation::sigmoid_gradient::<f64>(x)))
        }
        "softplus_pair.g" => {
            let beta = if case < 2 { c.clamp(0.01, 100.0) } else { 1.0 };
            let x = x.abs();
            let argument = Pair::product(beta, -x);
            let log = Pair::log1p(Pair::exp(argument));
            let model = v(&[("x", one(x)), ("log", log), ("beta", one(beta))]);
            let at = if case.is_multiple_of(2) { x } else { -x };
            Some(if case < 2 {
                (model, activation::softplus_value::<f64>(at, beta))
            } else {
                (-model, activation::log_sigmoid_value::<f64>(-at))
            })
        }
        "mse_pair.g" => {
            let model = run_pairs(script, &[("x", one(x)), ("y", one(y))]);
            Some(if pick {
                (model["v"].round(), mse::value::<f64>(x, y))
            } else {
                (model["g"].round(), mse::gradient::<f64>(x, y))
            })
        }
        "bce_pair.g" => {
            let p = a.fract();
            let clamp = |log: Pair| {
                if log.hi() < -100.0 { one(100.0) } else { -log }
            };
            let (a, b) = (clamp(Pair::log(p)), clamp(Pair::log1p(one(-p))));
            let model = v(&[("y", one(y)), ("a", a), ("b", b)]);
            Some((model, bce::value::<f64>(p, y)))
        }
        "bce_variance_pair.g" | "bce_gradient_pair.g" => {
            let p = a.fract();
            let variance = run_pairs("bce_variance_pair.g", &[("x", one(p))])["v"];
            let w = if variance.hi() < 1e-12 {
                one(1e-12)
            } else {
                variance
            };
            let inputs = [("x", one(p)), ("y", one(y)), ("w", w)];
            let model = run_pairs("bce_gradient_pair.g", &inputs)["v"];
            Some((model.round(), bce::gradient::<f64>(p, y)))
        }
        "bce_with_logits_pair.g" => {
            let at = if case == 0 { x.abs() } else { -x.abs() };
            let inputs = [
                ("x", one(x.abs())),
                ("y", one(y)),
                ("c", one(c)),
                ("log", log),
            ];
            Some((v(&inputs), bce_with_logits::value::<f64>(at, y, c)))
        }
        "bce_with_logits_gradient_pair.g" => {
            let at = if case < 2 { x.abs() } else { -x.abs() };
            let model = run_pairs(script, &[("y", one(y)), ("c", one(c)), ("t", t)]);
            let code = bce_with_logits::gradient::<f64>(at, y, c);
            let sum = model["a"].hi() + model["b"].hi();
            let cancels = model["difference"].hi().abs() < sum / 4.0;
            Some((if cancels { code } else { model["v"].round() }, code))
        }
        "cross_entropy_pair.g" => {
            let (m, at, w) = (x.abs(), y.min(x.abs()), one(c));
            let log = Pair::log1p(others());
            let model = v(&[("m", one(m)), ("x", one(at)), ("w", w), ("log", log)]);
            let value = cross_entropy::value(Pair::difference(m, at), log);
            Some((model, (value * c).round()))
        }
        "softmax_pair.g"
        | "cross_entropy_at_label_max_pair.g"
        | "cross_entropy_at_label_other_pair.g" => {
            let at_label = script != "softmax_pair.g";
            let is_max = script == "cross_entropy_at_label_max_pair.g";
            let others = others() + t;
            let code = cross_entropy::gradient(t, others, at_label, is_max);
            Some((v(&[("e", t), ("others", others)]), code.round()))
        }
        "factor_smoothed_pair.g" | "factor_probability_pair.g" => {
            // As below, of rows of f64.
            let (s, w, q) = (random.unit(), random.unit(), random.unit());
            let (logits, weight) = ([0.0, -1000.0], [1.0, w]);
            let loss = CrossEntropy::new()
                .weight(&weight)
                .label_smoothing(s)
                .reduction(Reduction::Sum);
            let logits = Classes::new(&logits, [1, 2]).unwrap();
            let inputs = [("s", s), ("w", w), ("q", q), ("c", 2.0)];
            let factor = run_pairs(script, &inputs.map(|(name, value)| (name, one(value))))["v"];
            let loss = if script == "factor_smoothed_pair.g" {
                loss.forward(logits, &[1 - case])
            } else {
                loss.forward_probabilities(logits, &[0.0, q])
            };
            Some(((one(1000.0) * factor).round(), loss.unwrap()))
        }
        "factors_gradient_pair.g" => {
            // Of the second of two classes, with weights of both signs in the last case.
            let row = [0.0, -x.abs()];
            let at_max = y.max(0.5);
            let ratio = if case == 1 { 2.0 + c.min(1e3) } else { b / 4.0 };
            let q = (at_max * t.hi() * ratio).min(0.4);
            let weight = [1.0, if case == 2 { -1.0 } else { 1.0 }];
            let mut code = [0.0; 2];
            CrossEntropy::new()
                .weight(&weight)
                .reduction(Reduction::Sum)
                .backward_probabilities(
                    Classes::new(&row, [1, 2]).unwrap(),
                    &[at_max, q],
                    1.0,
                    &mut code,
                )
                .unwrap();
            let v = one(q * weight[1]);
            let positive = (one(at_max) + v) * t;
            let negative = v * (t + 1.0);
            let inputs = [
                ("positive", positive),
                ("negative", negative),
                ("others", t),
            ];
            let model = run_pairs(script, &inputs);
            let sum = positive.hi() + negative.hi().abs();
            let cancels = model["numerator"].hi().abs() < 0.26 * sum;
            Some((if cancels { code[1] } else { model["v"].round() }, code[1]))
        }
        // Rows of two classes, of which the first has the largest logit: S is t.
        "softmax_gradient_pair.g" => {
            let row = [0.0, -x.abs()];
            let at_max = case == 1;
            let magnitude = c.clamp(1e-6, 1e30);
            let grad_output = [y, if at_max { y - magnitude } else { y + magnitude }];
            let mut code = [0.0; 2];
            let logits = Classes::new(&row, [2]).unwrap();
            Softmax::new()
                .backward(logits, &grad_output, &mut code)
                .unwrap();
            let other = Pair::difference(grad_output[1], y);
            let product = other * t;
            let sum = Pair::difference(product.hi(), -product.lo());
            let (h, e, code) = if at_max {
                (Pair::default(), one(1.0), code[0])
            } else {
                (other, t, code[1])
            };
            let model = run_pairs(script, &[("others", t), ("sum", sum), ("h", h)]);
            Some(((model["difference"] * e.over_one_plus(t)).round(), code))
        }
        "log_softmax_at_max_pair.g" => {
            let row = [0.0, -x.abs()];
            let rest = if case == 0 { c } else { -c };
            let mut code = [0.0; 2];
            let logits = Classes::new(&row, [2]).unwrap();
            LogSoftmax::new()
                .backward(logits, &[y, rest], &mut code)
                .unwrap();
            let model = run_pairs(script, &[("g", one(y)), ("rest", one(rest)), ("others", t)]);
            Some((model["numerator"].over_one_plus(t).round(), code[0]))
        }
        _ => None,
    }
}

/// The definitions of a script for a random input of its case: the value that they end in, and the kernels' own.
fn compare(script: &str, case: usize, run: &Run<'_>, random: &mut Random) -> (f64, f64) {
    use trueloss::{activation, bce, bce_with_logits, cross_entropy, mse};
    let v = |inputs: &[(&str, f64)]| run(script, inputs)["v"];
    let logit = single(random.sign() * random.magnitude(-30.0, 9.0));
    let x = logit.abs();
    let (t, l) = tail(x);
    let y = single(match random.unit() {
        z if z < 0.1 => 0.0,
        z if z < 0.2 => 1.0,
        z if z < 0.4 => random.magnitude(-149.0, 0.0),
        z => z,
    });
    let c = single(random.magnitude(-149.0, 100.0));
    let others = random.magnitude(-700.0, 45.0);
    let e = random.magnitude(-700.0, 0.0).min(others);
    match script {
        "exp_reduced.g" | "exp_unreduced.g" | "exp.g" => {
            let unreduced = case == 0 && script == "exp_unreduced.g";
            let x = if unreduced {
                -0.34 * random.unit()
            } else {
                -0.34 - 707.0 * random.unit()
            };
            let reduced = run("exp_reduced.g", &[("x", x)]);
            let k = if unreduced {
                run("exp_unreduced.g", &[("x", x)])["k"]
            } else {
                reduced["k"]
            };
            let s = run("exp.g", &[("r", if unreduced { x } else { reduced["r"] })])["s"];
            (s * k.exp2(), elementary::exp(x))
        }
        "log1p_unit.g" => {
            let f = random.magnitude(-60.0, 0.0);
            (run(script, &[("f", f)])["l"], elementary::log1p_unit(f))
        }
        "log_near_1.g" => {
            let f = if case == 0 {
                random.magnitude(-60.0, -1.3)
            } else {
                -random.magnitude(-60.0, -1.8)
            };
            (run(script, &[("f", f)])["l"], elementary::log1p(f))
        }
        "log.g" => {
            let (e, m) = split(if case == 0 {
                random.magnitude(0.6, 1000.0)
            } else {
                random.magnitude(-1000.0, -0.6)
            });
            let low = run("log_near_1.g", &[("f", m - 1.0)])["l"];
            (v(&[("e", e), ("low", low)]), elementary::log(m * e.exp2()))
        }
        "log1p_sum.g" | "log1p.g" => {
            let x = if case == 0 {
                random.magnitude(-1.2, 60.0)
            } else {
                -1.0 + random.magnitude(-24.0, -0.6)
            };
            let one_and_x = 1.0 + x;
            let lost = if x < 1.0 {
                x - (one_and_x - 1.0)
            } else {
                1.0 - (one_and_x - x)
            };
            let (e, m) = split(one_and_x);
            let f = run("log1p_sum.g", &[("m", m), ("lost", lost / e.exp2())])["f"];
            let low = run("log_near_1.g", &[("f", f)])["l"];
            (
                run("log1p.g", &[("e", e), ("low", low)])["v"],
                elementary::log1p(x),
            )
        }
        "sigmoid.g" => {
            let x = if case == 0 { x.max(1e-3) } else { -x.max(1e-3) };
            (
                v(&[("t", elementary::exp(-x.abs()))]),
                activation::sigmoid_value::<f32>(x),
            )
        }
        "sigmoid_of_rounded.g" => {
            let beta = random.magnitude(-1.0, 1.0);
            let x = if case == 0 { x.max(1e-2) } else { -x.max(1e-2) };
            let t = elementary::exp(-(beta * x).abs());
            (
                v(&[("t", t)]),
                activation::softplus_gradient::<f32>(x, beta),
            )
        }
        "sigmoid_near_0.g" => {
            let x = single(random.sign() * random.magnitude(-149.0, -13.1));
            (v(&[("x", x)]), activation::sigmoid_value::<f32>(x))
        }
        "sigmoid_derivative.g" => (v(&[("t", t)]), activation::sigmoid_gradient::<f32>(logit)),
        "softplus.g" => {
            let at = if case == 0 { x } else { -x };
            (
                v(&[("x", x), ("l", l)]),
                activation::softplus_value::<f32>(at, 1.0),
            )
        }
        "softplus_far.g" => {
            let x = single(random.magnitude(7.6, 127.99));
            (
                v(&[("x", x), ("q", tail(x).1)]),
                activation::softplus_value::<f32>(x, 1.0),
            )
        }
        "softplus_near_tie.g" => {
            let x = f64::from(f32::from_bits(0x39ea_41d0));
            (
                v(&[("x", x), ("l", tail(x).1)]),
                activation::softplus_value::<f32>(x, 1.0),
            )
        }
        "softplus_beta.g" => {
            let beta = random.magnitude(-20.0, 20.0);
            let at = if case == 0 { x } else { -x };
            let (_, l) = tail(beta * x);
            (
                v(&[("x", x), ("l", l), ("beta", beta)]),
                activation::softplus_value::<f32>(at, beta),
            )
        }
        "mse.g" => (v(&[("x", logit), ("y", y)]), mse::value::<f32>(logit, y)),
        "mse_gradient.g" => (v(&[("x", logit), ("y", y)]), mse::gradient::<f32>(logit, y)),
        "bce.g" | "bce_variance.g" | "bce_gradient.g" => {
            let p = single(random.magnitude(-149.0, 0.0));
            if script == "bce.g" {
                let clamp = |log: f64| (-log).min(100.0);
                let (a, b) = (clamp(elementary::log(p)), clamp(elementary::log1p(-p)));
                return (v(&[("y", y), ("a", a), ("b", b)]), bce::value::<f32>(p, y));
            }
            let w = run("bce_variance.g", &[("x", p)])["v"].max(1e-12);
            (
                run("bce_gradient.g", &[("x", p), ("y", y), ("w", w)])["v"],
                bce::gradient::<f32>(p, y),
            )
        }
        "bce_with_logits.g" => {
            let y = [y, y, 0.0, 0.0, 1.0][case];
            let at = if [1, 3, 4].contains(&case) { -x } else { x };
            (
                v(&[("x", x), ("y", y), ("c", c), ("l", l)]),
                bce_with_logits::value::<f32>(at, y, c),
            )
        }
        "bce_with_logits_far.g" => {
            let x = single(random.magnitude(9.0, 127.99));
            let (w, rest) = (1.0 - y, ((1.0 - y) + c * y) * tail(x).1);
            (
                v(&[("x", x), ("w", w), ("rest", rest)]),
                bce_with_logits::value::<f32>(x, y, c),
            )
        }
        "bce_with_logits_gradient.g" => {
            let at = if case < 2 { x } else { -x };
            // Below, a hard label takes sigmoid_near_0.g.
            let y = if x < 1e-3 { 0.3 } else { y };
            let model = run(script, &[("y", y), ("c", c), ("t", t)]);
            let code = bce_with_logits::gradient::<f32>(at, y, c);
            // Where little is left, what the script proves says nothing of the digits.
            let cancels = model["difference"].abs() < (model["a"] + model["b"]) / 4096.0;
            (if cancels { code } else { model["v"] }, code)
        }
        "bce_with_logits_gradient_far.g" => {
            let x = single(random.magnitude(9.0, 127.99));
            let (main, rest) = (1.0 - y, c * y * elementary::exp(-x));
            let difference = run(script, &[("main", main), ("rest", rest)])["difference"];
            (difference, bce_with_logits::gradient::<f32>(x, y, c))
        }
        "cross_entropy.g" | "cross_entropy_far.g" => {
            let l = elementary::log1p(others);
            let value = cross_entropy::value(logit.abs() - y, l);
            (
                v(&[("m", logit.abs()), ("x", y), ("w", c), ("l", l)]),
                c * value,
            )
        }
        "softmax.g" => (
            v(&[("e", e), ("others", others)]),
            cross_entropy::gradient(e, others, false, false),
        ),
        "softmax_gradient.g" => {
            // Of the second of two classes: S is t.
            let (g, c) = (
                single(random.sign() * random.magnitude(-30.0, 30.0)),
                single(y),
            );
            let mut code = [0.0; 2];
            let row = [0.0, -x as f32];
            Softmax::new()
                .backward(
                    Classes::new(&row, [2]).unwrap(),
                    &[c as f32, g as f32],
                    &mut code,
                )
                .unwrap();
            let inputs = [("g", g), ("c", c), ("others", t), ("sum", (g - c) * t)];
            let difference = run(script, &inputs)["difference"];
            (single(difference * (t / (1.0 + t))), f64::from(code[1]))
        }
        "cross_entropy_at_label_max.g" => (
            v(&[("others", others)]),
            cross_entropy::gradient(1.0, others, true, true),
        ),
        "cross_entropy_at_label_other.g" => (
            v(&[("e", e), ("others", others)]),
            cross_entropy::gradient(e, others, true, false),
        ),
        "factor_smoothed.g" | "factor_probability.g" => {
            // The factors are not public; the loss of this row is that of its second class times 1000, in an f32.
            let (s, w, q) = (random.unit(), single(random.unit()), single(random.unit()));
            let (logits, weight) = ([0.0, -1000.0], [1.0, w as f32]);
            let loss = CrossEntropy::new()
                .weight(&weight)
                .label_smoothing(s)
                .reduction(Reduction::Sum);
            let logits = Classes::new(&logits, [1, 2]).unwrap();
            let factor = v(&[("s", s), ("w", w), ("q", q), ("c", 2.0)]);
            let loss = if script == "factor_smoothed.g" {
                loss.forward(logits, &[1 - case])
            } else {
                loss.forward_probabilities(logits, &[0.0, q as f32])
            };
            (single(1000.0 * factor), f64::from(loss.unwrap()))
        }
        _ => panic!("{script}: of which formula is it?"),
    }
}

#[test]
fn the_scripts_are_about_the_formulas() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("proofs");
    let files = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let scripts: BTreeSet<String> = files
        .filter(|file| file.ends_with(".g") && file != "constants.g")
        .collect();
    let lemmas = proofs::lemmas();
    let mut models: HashMap<(String, usize), Model> = HashMap::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for script in &scripts {
        assert!(
            lemmas
                .iter()
                .any(|lemma| lemma.how.split(' ').any(|word| word == script)),
            "{script}"
        );
        let text = read(script);
        let mut cases: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# case: "))
            .collect();
        if cases.is_empty() {
            cases.push("");
        }
        counts.insert(script, cases.len());
        for (index, case) in cases.iter().enumerate() {
            models.insert((script.clone(), index), Model::new(&text, case));
        }
    }
    let mut random = Random(SplitMix64::seed_from_u64(1));
    for script in &scripts {
        for case in 0..counts[script.as_str()] {
            // Where the value of one script goes into another, all cases of that have the same definitions.
            let run = |file: &str, inputs: &[(&str, f64)]| {
                let case = if file == script { case } else { 0 };
                models[&(file.to_owned(), case)].run(inputs)
            };
            let run_pairs = |file: &str, inputs: &[(&str, Pair)]| {
                let case = if file == script { case } else { 0 };
                models[&(file.to_owned(), case)].run(inputs)
            };
            for _ in 0..2000 {
                let (model, code) = compare_pairs(script, case, &run, &run_pairs, &mut random)
                    .unwrap_or_else(|| compare(script, case, &run, &mut random));
                assert_eq!(
                    model.to_bits(),
                    code.to_bits(),
                    "{script}, case {case}: {model:e}, {code:e}"
                );
            }
        }
    }
}
