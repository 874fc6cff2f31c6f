#!/usr/bin/env python3
"""Fills every probe with PyTorch, JAX, TensorFlow, candle and burn, lets trueloss check judge them, and writes LEAGUE.md,
league.json and league.svg. And keeps what PyTorch, candle and burn answer to the questions of the certificate's charts in
verify/charts.

    python3 verify/league/league.py

The libraries are installed into verify/league/.venv-NAME, some gigabytes of them; --python NAME=PATH names a Python that has one
already (pytorch, jax, tensorflow; league has what this script needs). --only writes anew from league.json.
"""

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "league"

LIBRARIES = ["pytorch", "jax", "tensorflow", "candle", "burn"]
IN_PYTHON = ["pytorch", "jax", "tensorflow"]
ON_CHARTS = ["pytorch", "candle", "burn"]
TITLES = {
    "trueloss": "trueloss",
    "pytorch": "PyTorch",
    "jax": "JAX, optax",
    "tensorflow": "TensorFlow",
    "candle": "candle",
    "burn": "burn",
}
DIRECTIONS = ["forward", "gradient"]
# What the chart shows: the forms that most libraries have.
PLAIN = [
    "mse_loss-mean",
    "mse_loss-none",
    "binary_cross_entropy-none",
    "binary_cross_entropy_with_logits-mean-hard",
    "binary_cross_entropy_with_logits-none-hard",
    "binary_cross_entropy_with_logits-none",
    "cross_entropy-mean",
    "cross_entropy-mean-smoothing",
    "cross_entropy-none",
    "cross_entropy-none-probabilities",
    "sigmoid",
    "logsigmoid",
    "softplus",
    "softmax",
    "log_softmax",
]
# Inputs that are not about rounding: what is made of infinities, of NaN, and of rows that count for nothing.
SPECIAL = ["limits", "-inf", "NaN", "ignored rows"]


def run(*command, **options):
    print("+", *[Path(word).name for word in map(str, command[:2])], "…", file=sys.stderr)
    return subprocess.run(list(map(str, command)), check=True, **options)


def python_for(name, given):
    """A Python with the packages of requirements-NAME.txt."""
    if name in given:
        return given[name]
    venv = HERE / f".venv-{name}"
    python = venv / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", venv)
    requirements = "requirements.txt" if name == "league" else f"requirements-{name}.txt"
    run(python, "-m", "pip", "install", "--quiet", "-r", HERE / requirements)
    return python


def fill(library, given, probes, out):
    """Answers of a library to the probes of a folder."""
    out.mkdir()
    if library in IN_PYTHON:
        run(python_for(library, given), HERE / f"fill_{library}.py", probes, out)
    else:
        run(TARGET / "league-peers" / "release" / "trueloss-league", library, probes, out)


def measure(given, trueloss):
    """Every library's answers, judged."""
    shutil.rmtree(WORK, ignore_errors=True)
    probes = WORK / "probes"
    run(trueloss, "probe", "--all", "--out", probes)
    results = {"machine": platform.machine(), "probes": len(list(probes.glob("*"))), "libraries": {}}
    for library in ["trueloss", *LIBRARIES]:
        out = WORK / library
        if library == "trueloss":
            own_answers(trueloss, probes, out)
        else:
            fill(library, given, probes, out)
        files = sorted(out.glob("*.safetensors"))
        found = run(trueloss, "check", *files, "--json", "-", stdout=subprocess.PIPE).stdout
        results["libraries"][library] = summary(json.loads(found), json.loads((out / "notes.json").read_text()))
    return results


def own_answers(trueloss, probes, out):
    """trueloss eval writes answers alone; they are put beside the questions."""
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    out.mkdir()
    answers = WORK / "answers"
    run(trueloss, "eval", *sorted(probes.glob("*.safetensors")), "--out", answers)
    for path in probes.glob("*.safetensors"):
        with safe_open(path, "np") as file:
            words = file.metadata()
        save_file(load_file(path) | load_file(answers / path.name), out / path.name, words)
    version = run(trueloss, "--version", stdout=subprocess.PIPE).stdout.decode().strip()
    (out / "notes.json").write_text(json.dumps({"version": version, "missing": {}}))


def curves(given, trueloss):
    """What the certificate's charts are made from: answers alone, a file for each library."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    questions = WORK / "curves"
    run(trueloss, "probe", "--curves", "--out", questions)
    for library in ON_CHARTS:
        out = WORK / f"curves-{library}"
        fill(library, given, questions, out)
        words = {"version": json.loads((out / "notes.json").read_text())["version"]}
        answers = {}
        for path in sorted(out.glob("*.safetensors")):
            with safe_open(path, "np") as file:
                words["questions"] = file.metadata()["questions"]
                for name in file.keys():
                    if name in ("loss", "output", "grad_input"):
                        answers[f"{path.stem}.{name.replace('output', 'loss')}"] = file.get_tensor(name).reshape(-1)
        save_file(answers, HERE.parent / "charts" / f"{library}.safetensors", words)


def summary(found, notes):
    """For each probe and direction what was found on inputs that are about rounding, and on those that are not."""
    sums = {}
    for file in found["files"]:
        assert not file["error"], file["error"]
        for tensor in file["tensors"]:
            direction = "gradient" if tensor["tensor"] == "grad_input" else "forward"
            cell = sums[f"{Path(file['file']).stem} {direction}"] = empty_cell()
            # A reduced loss is of no single kind.
            for tally in tensor["kinds"] or [tensor["answers"]]:
                wrong_class = tally["nan_for_number"] + tally["number_for_nan"]
                wrong_class += tally["infinity_for_number"] + tally["number_for_infinity"]
                if tally.get("kind") in SPECIAL:
                    cell["special"] += tally["answers"]
                    cell["special_wrong"] += wrong_class
                    continue
                cell["answers"] += tally["answers"]
                cell["above_one_ulp"] += tally["above_one_ulp"]
                cell["wrong_zeros"] += tally["wrong_zeros"]
                cell["wrong_signs"] += tally["wrong_signs"]
                cell["wrong_class"] += wrong_class
                cell["worst_ulp"] = max(cell["worst_ulp"], float(tally["worst_ulp"]))
            cell["conventions"] += tensor["conventions"]
    for cell in sums.values():
        cell["worst_ulp"] = str(cell["worst_ulp"]) if math.isinf(cell["worst_ulp"]) else cell["worst_ulp"]
    return {"version": notes["version"], "missing": notes["missing"], "cells": sums}


def empty_cell():
    names = ["answers", "above_one_ulp", "wrong_zeros", "wrong_signs", "wrong_class", "special", "special_wrong"]
    return dict.fromkeys(names, 0) | {"worst_ulp": 0.0, "conventions": []}


def ulp(x):
    x = float(x)
    if math.isinf(x):
        return "∞"
    return f"{x:.3f}" if x < 10_000 else f"{x:.1e}".replace("e+0", "e").replace("e+", "e")


def share(part, whole):
    if part == 0:
        return "0"
    percent = 100 * part / whole
    return f"{percent:.1f}%" if percent >= 0.1 else f"{percent:.2g}%"


def table(results, cell_text, nothing="0"):
    """A row for each probe, its cells forward / gradient; where they are `nothing` for all, no row."""
    libraries = results["libraries"]
    lines = ["| probe | " + " | ".join(TITLES[name] for name in libraries) + " |"]
    lines.append("|---|" + "---:|" * len(libraries))
    for probe in dict.fromkeys(key.split()[0] for key in libraries["trueloss"]["cells"]):
        cells = []
        for name in libraries:
            both = [libraries[name]["cells"].get(f"{probe} {direction}") for direction in DIRECTIONS]
            cells.append("—" if None in both else " / ".join(map(cell_text, both)))
        if any(cell not in ("—", f"{nothing} / {nothing}") for cell in cells):
            lines.append(f"| {probe} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page(results):
    libraries = results["libraries"]
    versions = ", ".join(library["version"] for library in libraries.values())
    text = f"""# The league

Other libraries' losses in f32 on the same hard inputs, each answer compared with the exact value. Written by
`python3 verify/league/league.py`, which installs the libraries, fills the {results["probes"]} files of `trueloss probe --all`
with each, and runs `trueloss check`. On the CPU, {results["machine"]}:
{versions}.

Each library is asked through its documented function and its defaults, in f32. What that function lacks is a dash, with the reason
at the end. The scripts are beside this page, one a library.

A row is a file; its name says the function, the reduction and the options, and all libraries were given the same numbers.
Cells are of the loss or output / of the gradient. The loss of a mean or a sum is a single number, which may be near the exact
value by luck; its gradient is as many as there are inputs.

The inputs are chosen to be hard: a number here is not what a training run meets on average, but what a function can be
off by. Some have a gradient that nearly vanishes (targets beside the sigmoid or the softmax), where arithmetic in f32 can't
but be off by many ULP, and where bounds of trueloss too have a part relative to the terms that cancel. Where an
exact value of 0 is missed by as little as 1e-7, that is 8e37 ULP.

![Worst error in ULP by function and library](league.svg)

## Worst error, ULP

Of finite inputs. 0.5 is correctly rounded; from 8 to 17 million is an answer of 0 where a number is due; ∞ is a NaN or an
infinity where a number is due.

{table(results, lambda cell: ulp(cell["worst_ulp"]), nothing="")}

## Share of the answers that are off by more than 1 ULP

{table(results, lambda cell: share(cell["above_one_ulp"], cell["answers"]))}

## Zeros where a number is due

Files in which no library has one are left out.

{table(results, lambda cell: str(cell["wrong_zeros"]))}

## Infinities and NaN

How many answers to inputs of ±∞, to rows with -∞, to rows that are ignored, and to NaN in one element or row, are NaN, infinite or
a number where something else is due: the limit where there is one, and nothing from an ignored row. Files in which no
library has one are left out.

{table(results, lambda cell: str(cell["special_wrong"]))}

"""
    conventions = [
        f"- {TITLES[name]}, {key}: {words}"
        for name, library in libraries.items()
        for key, cell in library["cells"].items()
        for words in cell["conventions"]
    ]
    if conventions:
        text += "## Other conventions\n\n" + "\n".join(conventions) + "\n\n"
    text += "## What is left out\n\n"
    for name, library in libraries.items():
        reasons = {}
        for probe, reason in library["missing"].items():
            reasons.setdefault(reason, []).append(probe)
        for reason, probes in sorted(reasons.items()):
            text += f"- {TITLES[name]}, {reason}: {', '.join(sorted(probes))}\n"
    return text


def chart(results, path):
    import matplotlib

    matplotlib.use("svg")
    # The same numbers give the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "trueloss", "font.family": "DejaVu Sans", "font.size": 9})
    from matplotlib import pyplot

    end = 1e11
    libraries = results["libraries"]
    figure, both = pyplot.subplots(1, 2, figsize=(11, 6), sharey=True, layout="constrained")
    for axes, direction in zip(both, DIRECTIONS):
        for at, (name, library) in enumerate(libraries.items()):
            xs, ys = [], []
            for row, probe in enumerate(PLAIN):
                cell = library["cells"].get(f"{probe} {direction}")
                if cell is not None:
                    xs.append(min(max(float(cell["worst_ulp"]), 0.1), end))
                    ys.append(row + (at - (len(libraries) - 1) / 2) * 0.14)
            axes.scatter(xs, ys, s=22, marker="DosvP^"[at], label=TITLES[name], zorder=3, linewidths=0)
        axes.axvline(0.5, color="0.6", linewidth=0.8, zorder=1)
        axes.set_xscale("log")
        axes.set_xlim(0.06, 3e11)
        axes.set_xticks([0.5, 10, 1e3, 1e5, 2.0**24, end], ["0.5", "10", "10³", "10⁵", "2²⁴", "more, ∞"])
        axes.minorticks_off()
        axes.set_yticks(range(len(PLAIN)), PLAIN)
        axes.set_ylim(len(PLAIN) - 0.5, -0.5)
        for row in range(1, len(PLAIN), 2):
            axes.axhspan(row - 0.5, row + 0.5, color="0.96", zorder=0)
        axes.grid(axis="x", color="0.9", linewidth=0.6)
        axes.set_title({"forward": "loss or output", "gradient": "gradient"}[direction], fontsize=10)
    figure.supxlabel("worst error on finite hard inputs, ULP of f32 (0.5: correctly rounded)", fontsize=9)
    handles, labels = both[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(libraries), frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--only", action="store_true", help="draw anew from league.json")
    arguments = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in arguments.python)
    # This script needs packages too.
    own = Path(python_for("league", given))
    if Path(sys.executable).absolute() != own.absolute():
        os.execv(own, [str(own), __file__, *sys.argv[1:], "--python", f"league={own}"])
    stored = HERE / "league.json"
    if arguments.only:
        results = json.loads(stored.read_text())
    else:
        run("cargo", "build", "--release", "-p", "trueloss-verify", cwd=ROOT)
        peers = TARGET / "league-peers"
        run("cargo", "build", "--release", "--locked", "--target-dir", peers, cwd=HERE / "peers")
        trueloss = TARGET / "release" / "trueloss"
        results = measure(given, trueloss)
        curves(given, trueloss)
        stored.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (HERE / "LEAGUE.md").write_text(page(results))
    chart(results, HERE / "league.svg")


if __name__ == "__main__":
    main()
