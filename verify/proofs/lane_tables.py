#!/usr/bin/env python3
"""Makes core/src/number/lanes/tables.rs: the tables and polynomials of the fast paths in lanes of f32.

    verify/proofs/lane_tables.py > core/src/number/lanes/tables.rs

Sollya fits the polynomials (fpminimax, with coefficients of 24 bits) and bounds their errors (supnorm, which is
rigorous). The same Sollya gives the same text; `--check` compares it with the file: status 1 if they differ, 2 without Sollya.
"""

import pathlib
import struct
import subprocess
import sys

FILE = pathlib.Path(__file__).parents[2] / "core/src/number/lanes/tables.rs"

SCRIPT = """
display = dyadic!;
procedure put(name, value) { write(name, " ", value, "\\n"); };
procedure of24(value) { return round(value, 24, RN); };
procedure bounded(name, enclosure) {
  display = decimal!;
  write(name, " ", ceil(log2(sup(enclosure)) * 100), "\\n");
  display = dyadic!;
};

// 2^(i/T) as H e^D, H of 24 bits, and T / ln 2, ln 2 / T as two numbers.
procedure exponentials(T) {
  var i, h, d;
  put("INVERSE_" @ T, of24(T / log(2)));
  put("STEP_" @ T, of24(log(2) / T));
  put("STEP_LOW_" @ T, of24(log(2) / T - of24(log(2) / T)));
  put("POWER_" @ T @ "_0", 1);
  put("POWER_REST_" @ T @ "_0", 0);
  for i from 1 to T - 1 do {
    h = of24(2^(i / T));
    d = of24(log(2) * i / T - log(h));
    put("POWER_" @ T @ "_" @ i, h);
    put("POWER_REST_" @ T @ "_" @ i, d);
  };
};
exponentials(8);
exponentials(16);

// C near 1 / (1 + i/(T-1)), of 24 bits, and -ln C as two numbers.
procedure logarithms(T) {
  var i, c, l;
  put("CENTRE_" @ T @ "_0", 1);
  put("LN_" @ T @ "_0", 0);
  put("LN_REST_" @ T @ "_0", 0);
  for i from 1 to T - 1 do {
    c = of24((T - 1) / (T - 1 + i));
    l = of24(-log(c));
    put("CENTRE_" @ T @ "_" @ i, c);
    put("LN_" @ T @ "_" @ i, l);
    put("LN_REST_" @ T @ "_" @ i, of24(-log(c) - l));
  };
};
logarithms(8);
logarithms(16);

// q in e^r = 1 + r + r^2 q(r), relative; its first coefficient is 1/2, or free.
procedure exponential(name, reach, most, least, known) {
  var p, degrees, k;
  degrees = [||];
  for k from least to most + 2 do degrees = degrees :. k;
  p = fpminimax(exp(x), degrees, [|single...|], [-reach; reach], floating, relative, known);
  for k from 2 to most + 2 do put(name @ "_" @ (k - 2), coeff(p, k));
  bounded("ERROR_" @ name, supnorm(p, exp(x), [-reach; reach], relative, 2^-10));
};
exponential("EXP_16", 0.02167, 2, 3, 1 + x + x^2 / 2);
exponential("EXP_8", 0.04334, 3, 3, 1 + x + x^2 / 2);
exponential("EXP_SHORT_16", 0.02167, 1, 2, 1 + x);
exponential("EXP_SHORT_8", 0.04334, 1, 2, 1 + x);

// p in ln(1 + r) = r + r^2 p(r), relative to r; its first coefficient is -1/2, or free.
procedure logarithm(name, reach, most, least, known) {
  var p, f, degrees, k;
  degrees = [||];
  for k from least to most + 1 do degrees = degrees :. k;
  // ln(1 + x) / x up to a rest below 2^-150.
  f = 0;
  for k from 0 to 40 do f = f + (-x)^k / (k + 1);
  p = fpminimax(f, degrees, [|single...|], [-reach; reach], floating, relative, known);
  for k from 1 to most + 1 do put(name @ "_" @ (k - 1), coeff(p, k));
  bounded("ERROR_" @ name, supnorm(p, f, [-reach; reach], relative, 2^-10));
};
logarithm("LN_1P_16", 0.03334, 4, 2, 1 - x / 2);
logarithm("LN_1P_8", 0.07144, 5, 2, 1 - x / 2);
logarithm("LN_1P_SHORT_16", 0.03334, 2, 1, 1);
logarithm("LN_1P_SHORT_8", 0.07144, 3, 1, 1);
quit;
"""


def value(text):
    """A dyadic number of Sollya: `5b-3` is 5 2^-3."""
    significand, _, exponent = text.partition("b")
    return float(significand) * 2.0 ** int(exponent or "0")


def single(number):
    bits = struct.unpack("<I", struct.pack("<f", number))[0]
    assert struct.unpack("<f", struct.pack("<f", number))[0] == number
    return f"f32::from_bits(0x{bits >> 16:04x}_{bits & 0xFFFF:04x})"


def main():
    try:
        run = subprocess.run(["sollya", "--warnonstderr"], input=SCRIPT, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        print("Sollya is missing: nothing was checked.", file=sys.stderr)
        sys.exit(2)
    found = {}
    for line in run.stdout.splitlines():
        name, _, text = line.partition(" ")
        found[name] = text
    out = [
        "//! Tables and polynomials of the fast paths in lanes of `f32`, made by `verify/proofs/lane_tables.py`.",
        "//!",
        "//! Errors are those of the formulas in exact arithmetic, bounded by Sollya's `supnorm`.",
        "",
    ]

    def scalar(name, doc):
        out.extend([f"/// {doc}", f"pub(crate) const {name}: f32 = {single(value(found[name]))};", ""])

    def array(name, doc, errors=False):
        numbers = []
        while f"{name}_{len(numbers)}" in found:
            numbers.append(value(found[f"{name}_{len(numbers)}"]))
        out.append(f"/// {doc}")
        if errors:
            out[-1] += f" Relative error at most 2^{int(found['ERROR_' + name]) / 100:.2f}."
        out.append(f"pub(crate) const {name}: [f32; {len(numbers)}] = [")
        out.extend(f"    {single(number)}, // {number:.9e}" for number in numbers)
        out.extend(["];", ""])

    for t, reach, log_reach in [(16, 0.02167, 0.03334), (8, 0.04334, 0.07144)]:
        scalar(f"INVERSE_{t}", f"{t} / ln 2.")
        scalar(f"STEP_{t}", f"ln 2 / {t}, of 24 bits.")
        scalar(f"STEP_LOW_{t}", f"ln 2 / {t} - `STEP_{t}`.")
        array(f"POWER_{t}", f"2^(i/{t}), rounded.")
        array(f"POWER_REST_{t}", f"d such that 2^(i/{t}) is e^d times its number in `POWER_{t}`.")
        array(f"EXP_{t}", f"q in e^r = 1 + r + r^2 q(r) for |r| <= {reach}.", True)
        array(f"EXP_SHORT_{t}", "The same with fewer terms.", True)
        array(f"CENTRE_{t}", f"1 / (1 + i/{t - 1}), rounded.")
        array(f"LN_{t}", f"-ln of the numbers in `CENTRE_{t}`, rounded.")
        array(f"LN_REST_{t}", f"What the numbers in `LN_{t}` lack.")
        array(f"LN_1P_{t}", f"p in ln(1 + r) = r + r^2 p(r) for |r| <= {log_reach}, relative to r.", True)
        array(f"LN_1P_SHORT_{t}", "The same with fewer terms.", True)
    text = "\n".join(out)
    if sys.argv[1:] == ["--check"]:
        sys.exit(text != FILE.read_text())
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
