#!/usr/bin/env python3
"""Judges the kernels' answers by a second oracle: Arb, through python-flint. README.md says more.

    check.py CASES ANSWERS [--trueloss PROGRAM]

CASES is a directory of case files (`trueloss probe --all --out CASES`), ANSWERS one of the kernels' answers to them
(`trueloss eval CASES/*.safetensors --out ANSWERS`). With --trueloss, MPFR judges them too (`PROGRAM check`), and the
worst error by either oracle must be the same. The exit status is 1 if anything is not as it should be.
"""

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from flint import arb, arb_series, ctx
from safetensors import safe_open
from safetensors.numpy import save_file

HERE = Path(__file__).parent
# Bits that an evaluation begins with, and those after which it is given up.
PRECISIONS = [128, 256, 512, 1024, 2048, 4096, 8192]
# A ball is narrow where its radius is at most so many ULP.
NARROW = 2.0**-20
# Significand bits, the exponent of the smallest number, and that of what lies beyond the largest.
FORMATS = {"float32": (24, -149, 128), "float64": (53, -1074, 1024)}
# How far two oracles may differ in ULP: each gives an upper bound, from values known to 2^-20 ULP.
AGREE = 1e-4


def bounds():
    """The README's table: (function, case) to the two parts of each bound."""
    table = {}
    text = (HERE / "../../README.md").read_text()
    rows = text.split("<!-- BEGIN BOUNDS -->")[1].split("<!-- END BOUNDS -->")[0].strip().splitlines()[2:]
    for row in rows:
        function, case, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        columns = [("float32", "forward"), ("float32", "gradient"), ("float64", "forward"), ("float64", "gradient")]
        for column, cell in zip(columns, cells):
            if cell:
                ulp, _, terms = cell.partition(" + ")
                power = re.fullmatch(r"2\^(-\d+) Σ", terms)
                table[function, case, *column] = (float(ulp), 2.0 ** int(power[1]) if power else 0.0)
    return table


def row_of_the_table(case):
    """Which case of the table this is, in either direction; where the table has a stricter one too, the looser."""
    f, each, soft = case.function, case.reduction == "none", case.probabilities
    unit = case.weight is None and case.pos_weight is None and bool((case.grad_output == 1).all())
    weights = case.weight is not None or case.pos_weight is not None
    if f in ("mse_loss", "huber_loss", "sigmoid_focal_loss"):
        return "each" if each else "mean or sum"
    if f == "binary_cross_entropy":
        return "each, weights" if each else "mean or sum"
    if f == "binary_cross_entropy_with_logits":
        if each and case.dtype == "float64" and unit:
            return "each, g = 1"
        if each:
            return "each, weights" if weights else "each"
        return "mean or sum, negative weights" if weights else "mean or sum"
    if f == "nll_loss":
        return "each, weights, ignored rows" if each else "mean or sum, weights, ignored rows"
    if f == "cross_entropy":
        if soft:
            return "each, probabilities, weights" if each else "mean or sum, probabilities"
        if case.smoothing > 0:
            return "each, smoothing, weights" if each else "mean or sum, smoothing, negative weights"
        return "each, labels, weights, ignored rows" if each else "mean or sum, labels, weights, ignored rows"
    if f in ("sigmoid", "logsigmoid"):
        return "" if unit else "any g"
    if f == "softplus":
        if case.beta == 1 and unit:
            return ""
        return "beta, any g" if case.dtype == "float32" else "beta"
    return ""


# Those that there are formulas of below.
FUNCTIONS = {
    *("mse_loss", "huber_loss", "sigmoid_focal_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"),
    *("nll_loss", "cross_entropy", "sigmoid", "logsigmoid", "softplus", "softmax", "log_softmax"),
}


class Case:
    """A case file and the kernels' answers; classes are the last dimension of the matrix that the input becomes."""

    def __init__(self, path, answers):
        with safe_open(path, "numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            self.metadata = metadata = file.metadata()
        with safe_open(answers / path.name, "numpy") as file:
            got = {name: file.get_tensor(name) for name in file.keys()}
        self.tensors, self.answers = tensors, got
        self.name = path.stem
        self.function = metadata["function"]
        self.reduction = metadata.get("reduction", "none")
        self.ignore_index = int(metadata.get("ignore_index", -100))
        self.smoothing = float(metadata.get("label_smoothing", 0))
        self.beta = float(metadata.get("beta", 1))
        self.delta = float(metadata.get("delta", 1))
        self.alpha, self.gamma = float(metadata.get("alpha", 0.25)), float(metadata.get("gamma", 2))
        self.weight, self.pos_weight = tensors.get("weight"), tensors.get("pos_weight")
        x = tensors["input"]
        self.dtype = x.dtype.name
        self.of_rows = self.function in ("nll_loss", "cross_entropy", "softmax", "log_softmax")
        self.is_activation = "target" not in tensors
        target = tensors.get("target")
        self.probabilities = self.function == "cross_entropy" and target.dtype == x.dtype
        value = got.get("output", got.get("loss"))
        g = tensors["grad_output"]
        if self.of_rows:
            dim = int(metadata["dim"]) if self.is_activation else min(1, x.ndim - 1)
            rows = lambda a: np.moveaxis(a, dim, -1).reshape(-1, x.shape[dim])
        else:
            rows = lambda a: np.broadcast_to(a, x.shape).reshape(-1, 1)
        self.x, self.got_gradient = rows(x), rows(got["grad_input"])
        n = len(self.x)
        # One loss a row, or one number for each input.
        each = lambda a: rows(a) if self.is_activation or not self.of_rows else np.broadcast_to(a.reshape(-1, 1), (n, 1))
        self.grad_output = each(g)
        self.got_value = each(value) if self.reduction == "none" else value.reshape(1, 1)
        if target is not None:
            self.target = each(target) if not self.probabilities else rows(target)
        if not self.of_rows:
            self.weights = [None if w is None else rows(w) for w in (self.weight, self.pos_weight)]


# ---- The published formulas, of balls or of power series about them ----


def sigma(x):
    return 1 / (1 + (-x).exp())


def softplus(x):
    return (1 + x.exp()).log()


def lse(row):
    # The largest goes out, so that it does not take the digits of the others.
    shift = max(row, key=lambda x: float(middle(x)))
    return shift + sum(((x - shift).exp() for x in row[1:]), (row[0] - shift).exp()).log()


def middle(x):
    return (x[0] if isinstance(x, arb_series) else x).mid()


def residual_beyond(case, x, y):
    """Huber's: 0 where |x - y| is at most delta, else the sign of x - y. A ball could not tell at delta itself."""
    r = Fraction(float(middle(x))) - Fraction(float(y))
    return 0 if abs(r) <= Fraction(case.delta) else 1 if r > 0 else -1


def focal_parts(case, x, y):
    """torchvision's alpha_t, and 1 - p_t as a sum in which nothing cancels."""
    alpha = case.alpha * y + (1 - case.alpha) * (1 - y) if case.alpha >= 0 else arb(1)
    return alpha, y * sigma(-x) + (1 - y) * sigma(x)


def element_value(case, x, y, w, c):
    """Of one element; x may be a series."""
    if case.function == "mse_loss":
        return (x - y) * (x - y)
    if case.function == "huber_loss":
        sign = residual_beyond(case, x, y)
        if sign == 0:
            return (x - y) * (x - y) / 2
        return case.delta * (sign * (x - y) - arb(case.delta) / 2)
    if case.function == "sigmoid_focal_loss":
        alpha, wrong = focal_parts(case, x, y)
        cross_entropy = (1 - y) * softplus(x) + y * softplus(-x)
        return alpha * cross_entropy * (case.gamma * wrong.log()).exp()
    if case.function == "binary_cross_entropy_with_logits":
        return w * ((1 - y) * softplus(x) + c * y * softplus(-x))
    if case.function == "sigmoid":
        return sigma(x)
    if case.function == "logsigmoid":
        return -softplus(-x)
    if case.function == "softplus":
        return softplus(case.beta * x) / case.beta
    raise ValueError(case.function)


def bce_value(x, y, w):
    clamped = lambda p: arb(-100) if p == 0 else p.log().max(arb(-100))
    return w * (-y * clamped(x) - (1 - y) * clamped(1 - x))


def element_gradient(case, x, y, w, c, g):
    """By the formula that the table of the functions gives, and the magnitudes of its terms."""
    if case.function == "mse_loss":
        return 2 * (x - y) * g, arb(0)
    if case.function == "huber_loss":
        sign = residual_beyond(case, x, y)
        return (x - y if sign == 0 else arb(sign * case.delta)) * g, arb(0)
    if case.function == "sigmoid_focal_loss":
        # With z the logit of the wrong class, 1 - p_t is sigma(z), and softplus(z) the cross-entropy.
        alpha, wrong = focal_parts(case, x, y)
        z = (1 - 2 * y) * x
        slope = case.gamma * sigma(-z) * softplus(z) + wrong
        return (1 - 2 * y) * g * alpha * (case.gamma * wrong.log()).exp() * slope, arb(0)
    if case.function == "binary_cross_entropy":
        return w * g * (x - y) / (x * (1 - x)).max(arb(1e-12)), arb(0)
    if case.function == "binary_cross_entropy_with_logits":
        terms = [(1 - y) * sigma(x), c * y * sigma(-x)]
        return w * g * (terms[0] - terms[1]), abs(w * g) * (abs(terms[0]) + abs(terms[1]))
    if case.function == "sigmoid":
        return g * sigma(x) * sigma(-x), arb(0)
    if case.function == "logsigmoid":
        return g * sigma(-x), arb(0)
    if case.function == "softplus":
        return g * sigma(case.beta * x), arb(0)
    raise ValueError(case.function)


def class_weights(case, row):
    """v_j of row `row`: the loss is the sum of v_j l_j, with l_j = lse(x) - x_j, or -x_j for nll_loss; none if ignored."""
    classes = case.x.shape[1]
    w = [arb(1)] * classes if case.weight is None else [arb(float(w)) for w in case.weight]
    e, y = arb(case.smoothing), case.target[row]
    if case.probabilities:
        return [w[j] * ((1 - e) * arb(float(y[j])) + e / classes) for j in range(classes)], arb(1)
    label = int(y[0])
    if label == case.ignore_index:
        return None, arb(0)
    return [(1 - e) * (w[j] if j == label else arb(0)) + e / classes * w[j] for j in range(classes)], w[label]


def row_value(case, x, v):
    if case.function == "nll_loss":
        return sum((-v[j] * x[j] for j in range(len(x))), arb(0))
    # A class without weight adds nothing.
    total = lse(x)
    return sum((v[j] * (total - x[j]) for j in range(len(x)) if v[j] != 0), arb(0))


def leaves_range(case, logits):
    """Whether a factor may multiply an exponential that is subnormal in f64: there the bounds of f64 do not hold."""
    soft = not case.is_activation and case.target.dtype == case.x.dtype or case.smoothing > 0
    weights = case.weight is not None or case.pos_weight is not None
    factors = soft or weights or not bool((case.grad_output == 1).all())
    spread = max(logits) - min(logits)
    return case.dtype == "float64" and factors and not spread <= 708


def series(x):
    return arb_series([x, 1], prec=2)


def constant(x):
    return arb_series([x], prec=2)


def derivative(value):
    # The function of a constant is no series of length 2.
    return value[1] if isinstance(value, arb_series) else arb(0)


class Element:
    def __init__(self, case, row):
        self.case, self.row = case, row
        number = lambda a: 0.0 if a is None else float(a[row, 0])
        self.numbers = [number(case.x), number(case.target) if not case.is_activation else 0.0]
        self.numbers += [1.0 if w is None else number(w) for w in getattr(case, "weights", [None, None])]
        self.numbers.append(number(case.grad_output))
        self.is_finite = all(map(math.isfinite, self.numbers))
        self.leaves_range = leaves_range(case, [0.0, self.numbers[0] * case.beta])
        # Its powers come to the end of the range sooner: what is promised of f64 is about other logits.
        is_focal = case.function == "sigmoid_focal_loss" and case.dtype == "float64"
        self.leaves_range |= is_focal and 100 <= abs(self.numbers[0]) < 1e12

    def loss(self):
        x, y, w, c, _ = map(arb, self.numbers)
        if self.case.function == "binary_cross_entropy":
            return bce_value(x, y, w)
        return element_value(self.case, x, y, w, c)

    weight_of_mean = staticmethod(lambda: arb(1))

    def values(self):
        return [(self.loss(), arb(0))]

    def gradients(self, scale):
        """By formula, by Arb's own power series where the two are the same function, and the terms' magnitudes."""
        x, y, w, c, g = map(arb, self.numbers)
        g = g * scale
        by_formula, terms = element_gradient(self.case, x, y, w, c, g)
        if self.case.function == "binary_cross_entropy":
            # PyTorch's gradient is that of the loss where neither the logarithms nor the divisor are clamped.
            if not x * (1 - x) > 1e-12:
                return [(by_formula, None, terms)]
            t = series(x)
            value = w * (-y * t.log() - (1 - y) * (1 - t).log())
        else:
            value = element_value(self.case, series(x), y, w, c)
        return [(by_formula, g * derivative(value), terms)]


class Row:
    def __init__(self, case, row):
        self.case, self.row = case, row
        self.numbers = [float(x) for x in case.x[row]]
        self.g = [float(g) for g in case.grad_output[row]]
        used = self.numbers + self.g + ([float(q) for q in case.target[row]] if case.probabilities else [])
        self.is_finite = all(map(math.isfinite, used))
        if not case.is_activation and not case.probabilities:
            self.is_finite |= int(case.target[row, 0]) == case.ignore_index and math.isfinite(self.g[0])
        self.leaves_range = leaves_range(case, self.numbers)

    def loss(self):
        v, _ = class_weights(self.case, self.row)
        return arb(0) if v is None else row_value(self.case, [arb(x) for x in self.numbers], v)

    def weight_of_mean(self):
        return class_weights(self.case, self.row)[1]

    def values(self):
        if not self.case.is_activation:
            return [(self.loss(), arb(0))]
        x = [arb(x) for x in self.numbers]
        total = lse(x)
        logs = [x - total for x in x]
        return [(l if self.case.function == "log_softmax" else l.exp(), arb(0)) for l in logs]

    def gradients(self, scale):
        case, n = self.case, len(self.numbers)
        g = [arb(g) * scale for g in self.g]
        if not case.is_activation and class_weights(case, self.row)[0] is None:
            return [(arb(0), arb(0), arb(0))] * n
        x = [arb(x) for x in self.numbers]
        total = lse(x)
        p = [(x - total).exp() for x in x]
        found = []
        if case.is_activation:
            sums = [sum((g * p for g, p in zip(g, p)), arb(0)), sum(g, arb(0))]
            sizes = [sum((abs(g) * p for g, p in zip(g, p)), arb(0)), sum(map(abs, g), arb(0))]
        else:
            v, _ = class_weights(case, self.row)
            sum_of_v = sum(v, arb(0))
        for j in range(n):
            varied = [series(x) if i == j else constant(x) for i, x in enumerate(x)]
            if case.function == "softmax":
                formula, terms = p[j] * (g[j] - sums[0]), p[j] * (abs(g[j]) + sizes[0])
                logs = [t - lse(varied) for t in varied]
                by_series = derivative(sum((g * l.exp() for g, l in zip(g, logs)), constant(arb(0))))
            elif case.function == "log_softmax":
                formula, terms = g[j] - p[j] * sums[1], abs(g[j]) + p[j] * sizes[1]
                by_series = derivative(sum((g * (t - lse(varied)) for g, t in zip(g, varied)), constant(arb(0))))
            else:
                if case.function == "nll_loss":
                    formula, terms = -v[j] * g[0], arb(0)
                else:
                    formula = (sum_of_v * p[j] - v[j]) * g[0]
                    terms = (abs(sum_of_v) * p[j] + abs(v[j])) * abs(g[0])
                by_series = g[0] * derivative(row_value(case, varied, v))
            found.append((formula, by_series, terms))
        return found


# ---- Judging ----


def ulp(x, dtype):
    """The ULP at the end of the ball that is nearer to 0, and the radius of the ball in it."""
    digits, smallest, beyond = FORMATS[dtype]
    mantissa, exponent = x.abs_lower().mid().man_exp()
    exponent = int(exponent) + int(mantissa).bit_length() if mantissa != 0 else smallest
    unit = arb(2) ** max(smallest, min(exponent, beyond) - digits)
    return unit, float((x.rad() / unit).mid())


def is_narrow(x, dtype):
    return x.is_finite() and ulp(x, dtype)[1] <= NARROW


def error(answer, exact, dtype):
    """An upper bound of the answer's distance from the exact value in ULP."""
    if math.isnan(answer):
        return math.inf
    unit, _ = ulp(exact, dtype)
    beyond = arb(2) ** FORMATS[dtype][2]
    if math.isinf(answer):
        answer = beyond if answer > 0 else -beyond
        # Past what would be the next number any distance is none.
        exact = exact.min(beyond) if answer > 0 else exact.max(-beyond)
    else:
        answer = arb(answer)
    return float((abs(answer - exact) / unit).upper())


class Tally:
    def __init__(self):
        self.count = self.differentiated = self.skipped = self.moved = self.unbounded = 0
        self.worst, self.problems = 0.0, []

    def judge(self, answer, exact, terms, bound, dtype, where):
        self.count += 1
        found = error(answer, exact, dtype)
        self.worst = max(self.worst, found)
        if bound is None:
            self.unbounded += 1
            return
        allowed = lambda found: found <= bound[0] or bool(
            (found - bound[0]) * ulp(exact, dtype)[0] <= arb(bound[1]) * terms.lower()
        )
        if not allowed(found):
            self.problems.append(f"{where}: got {answer!r}, exact {exact.str(20)}, {found} ULP, promised {bound}")
        # That a wrong answer would be seen: one that is two numbers off, where the bound has no other part.
        if bound[1] == 0 and bound[0] < 1 and math.isfinite(answer):
            of = np.float32 if dtype == "float32" else np.float64
            wrong = np.nextafter(np.nextafter(of(answer), of(np.inf)), of(np.inf))
            if np.isfinite(wrong):
                self.moved += 1
                if allowed(error(float(wrong), exact, dtype)):
                    self.problems.append(f"{where}: {wrong!r} would have passed for {exact.str(20)}")


def at_precision(work, dtype):
    """What `work` gives as soon as all balls are narrow: lists of (exact, …)."""
    for ctx.prec in PRECISIONS:
        found = work()
        balls = [ball for answer in found for ball in answer[:-1] if ball is not None]
        if all(is_narrow(ball, dtype) for ball in balls):
            return found
    return None


def check(case, table):
    units = [(Row if case.of_rows else Element)(case, row) for row in range(len(case.x))]
    name = row_of_the_table(case)
    forward, gradient = Tally(), Tally()
    bound = {way: table[case.function, name, case.dtype, way] for way in ("forward", "gradient")}

    def scale():
        """What each gradient is multiplied by."""
        return 1 / sum((unit.weight_of_mean() for unit in units), arb(0)) if case.reduction == "mean" else arb(1)

    if case.reduction == "none":
        for row, unit in enumerate(units):
            if not unit.is_finite:
                forward.skipped += 1
                continue
            values = at_precision(unit.values, case.dtype)
            if values is None:
                forward.problems.append(f"row {row}: no value to be had")
                continue
            for j, (exact, terms) in enumerate(values):
                answer = float(case.got_value[row, j])
                promised = None if unit.leaves_range else bound["forward"]
                forward.judge(answer, exact, terms, promised, case.dtype, f"value {row}, {j}")
    elif all(unit.is_finite for unit in units):

        def reduced():
            losses = [unit.loss() for unit in units]
            total, terms = sum(losses, arb(0)), sum(map(abs, losses), arb(0))
            return [(total * scale(), terms * abs(scale()))]

        (exact, terms), = at_precision(reduced, case.dtype) or [(None, None)]
        answer = float(case.got_value[0, 0])
        if exact is None:
            forward.problems.append("no value to be had")
        else:
            forward.judge(answer, exact, terms, bound["forward"], case.dtype, case.reduction)
    else:
        forward.skipped += 1
    for row, unit in enumerate(units):
        if not unit.is_finite:
            gradient.skipped += 1
            continue
        gradients = at_precision(lambda: unit.gradients(scale()), case.dtype)
        if gradients is None:
            gradient.problems.append(f"row {row}: no gradient to be had")
            continue
        for j, (formula, by_series, terms) in enumerate(gradients):
            answer, where = float(case.got_gradient[row, j]), f"gradient {row}, {j}"
            promised = None if unit.leaves_range else bound["gradient"]
            gradient.judge(answer, formula, terms, promised, case.dtype, where)
            if by_series is not None:
                gradient.differentiated += 1
                if not formula.overlaps(by_series):
                    gradient.problems.append(f"{where}: {formula.str(20)} by formula, {by_series.str(20)} by series")
                if promised is not None:
                    gradient.judge(answer, by_series, terms, promised, case.dtype, where + " by series")
                    gradient.count -= 1
    return {"forward": forward, "gradient": gradient}


def by_mpfr(program, cases):
    """The worst errors by the other oracle, as `trueloss check` has them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for case in cases:
            path = Path(folder) / f"{case.name}.safetensors"
            tensors = {name: np.array(t, order="C") for name, t in (case.tensors | case.answers).items()}
            save_file(tensors, path, case.metadata)
            paths.append(path)
        command = [program, "check", *paths, "--json", "-"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def agree(findings, worst):
    """Whether both oracles have found the same worst error in each tensor; and not a larger one where Arb left rows out."""
    differ = compared = 0
    for file in findings["files"]:
        name = Path(file["file"]).stem
        tensors = file["tensors"] or []
        if len(tensors) != 2:
            print(f"{name}: not judged by MPFR: {file['error']}")
            differ += 1
        for tensor in tensors:
            way = "gradient" if tensor["tensor"] == "grad_input" else "forward"
            by_mpfr, (by_arb, some_left_out) = float(tensor["answers"]["worst_ulp"]), worst[name, way]
            compared += 1
            if not (by_arb <= by_mpfr + AGREE and (some_left_out or by_mpfr <= by_arb + AGREE)):
                print(f"{name}, {way}: the worst error is {by_mpfr} ULP by MPFR, {by_arb} by Arb")
                differ += 1
    print(f"MPFR: the worst errors of {compared} tensors, {differ} of them other than by Arb")
    return differ == 0 and compared == 2 * len(findings["files"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--trueloss", metavar="PROGRAM")
    arguments = parser.parse_args()
    table = bounds()
    cases = [Case(path, arguments.answers) for path in sorted(arguments.cases.glob("*.safetensors"))]
    if without := sorted({case.function for case in cases} - FUNCTIONS):
        print(f"no formula here, and left out: {', '.join(without)}")
    cases = [case for case in cases if case.function in FUNCTIONS]
    failed = not cases
    totals = [0] * 5
    worst = {}
    for case in cases:
        for way, tally in check(case, table).items():
            worst[case.name, way] = tally.worst, tally.skipped > 0
            numbers = [tally.count, tally.differentiated, tally.moved, tally.skipped, tally.unbounded]
            totals = [a + b for a, b in zip(totals, numbers)]
            failed |= bool(tally.problems)
            for problem in tally.problems[:5]:
                print(f"{case.name}, {way}: {problem}")
            if len(tally.problems) > 5:
                print(f"{case.name}, {way}: and {len(tally.problems) - 5} more")
    if arguments.trueloss:
        failed |= not agree(by_mpfr(arguments.trueloss, cases), worst)
    print(
        f"Arb: {len(cases)} files, {totals[0]} answers, {totals[1]} of them derivatives by power series too, "
        f"{totals[4]} without a bound; {totals[3]} rows with infinities or NaN left out; "
        f"{totals[2]} answers moved by 2 ULP, which must be seen: "
        + ("FAILED" if failed else "passed")
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
