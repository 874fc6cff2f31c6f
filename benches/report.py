#!/usr/bin/env python3
"""RESULTS.md and chart.svg, from results.json. peers.py calls it; `benches/.venv/bin/python benches/report.py` draws them anew."""

import json
import sys
from pathlib import Path

TRUELOSS = "trueloss"
FROM_RUST = "trueloss, called from Rust"
ORDER = [TRUELOSS, "PyTorch", "PyTorch, out=", "candle", "burn ndarray", "burn flex", "libm", "read", "copy"]
LIBRARIES = ("candle", "burn ndarray", "burn flex")
BOUND = 0.5001

# Time of PyTorch / time of trueloss, one thread: what is due, and what is wanted where that is more.
LOSS_TARGETS = {
    ("bce_with_logits", "forward", "65536"): (1.5, 2.5),
    ("bce_with_logits", "forward", "1048576"): (3, 5),
    ("bce_with_logits", "forward", "16777216"): (4, 7),
    ("bce_with_logits", "forward_backward", "65536"): (1.3, 2.5),
    ("bce_with_logits", "forward_backward", "1048576"): (2, 4),
    ("bce_with_logits", "forward_backward", "16777216"): (3, 6),
    ("cross_entropy", "forward", "4096x10"): (3, 8),
    ("cross_entropy", "forward", "4096x1000"): (1.2, 2),
    ("cross_entropy", "forward", "256x50257"): (2, 4),
    ("cross_entropy", "forward_backward", "4096x10"): (3, 8),
    ("cross_entropy", "forward_backward", "4096x1000"): (1.2, 2),
    ("cross_entropy", "forward_backward", "256x50257"): (2.5, 4),
}
MSE_TARGET = (1.5, 2)
ACTIVATION_IN_CACHE = (0.5, 1)
ACTIVATION_FROM_MEMORY = (1, None)
IN_CACHE = ("65536", "4096x10", "64x1000")
LIBRARY_TARGET = 3
READ_LIMIT = 1.3
SHORT_CALL_NS = 200


def target(row):
    function, direction, shape = row
    if row in LOSS_TARGETS:
        return LOSS_TARGETS[row]
    if function == "mse":
        return MSE_TARGET
    if direction == "forward" and function in ("sigmoid", "log_sigmoid", "softplus", "softmax", "log_softmax"):
        return ACTIVATION_IN_CACHE if shape in IN_CACHE else ACTIVATION_FROM_MEMORY
    return None


class Cells:
    """The measurements, by row (function, direction, shape), subject, number of threads and SIMD width."""

    def __init__(self, results):
        self.by = {}
        for m in results["measurements"]:
            self.by[(m["function"], m["direction"], m["shape"]), m["subject"], m["threads"], m["simd"]] = m
        self.rows = list(dict.fromkeys(row for row, *_ in self.by))
        self.widths = list(dict.fromkeys(simd for *_, simd in self.by))
        self.threads = sorted({threads for _, _, threads, _ in self.by})

    def get(self, row, subject, threads, simd):
        return self.by.get((row, subject, threads, simd))

    def subjects(self, threads, simd):
        known = {s for _, s, t, w in self.by if (t, w) == (threads, simd)}
        return [subject for subject in ORDER if subject in known]


def words(row):
    function, direction, shape = row
    direction = {"forward": "forward", "forward_backward": "forward and gradient"}[direction]
    return function, direction, power(shape)


def power(shape):
    if shape.isdigit():
        n = int(shape)
        return f"2^{n.bit_length() - 1}" if n > 32 and n & (n - 1) == 0 else shape
    return f"({shape.replace('x', ', ')})"


def figure(x):
    return f"{x:.3g}" if x < 100 else f"{x:.0f}"


def markdown(header, rows, left=1):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * left + "---:|" * (len(header) - left)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def ulp(judgement):
    if judgement is None:
        return ""
    text = "" if judgement["ulp"] is None else spell(judgement["ulp"])
    remarks = [
        f"{judgement[key]} {name}" for key, name in (("nan", "NaN"), ("infinite", "infinite"), ("zero", "zeros")) if judgement[key]
    ]
    return ", ".join(filter(None, [text, *remarks]))


def spell(error):
    if error < 0.6:
        return f"{error:.4f}"
    return f"{error:.2f}" if error < 1000 else f"{error:.1e}".replace("e+0", "e")


def times(cells, threads, simd):
    subjects = cells.subjects(threads, simd)
    table = []
    for row in cells.rows:
        ours = cells.get(row, TRUELOSS, threads, simd)
        if ours is None or ours["elements"] <= 32:
            continue
        line = [*words(row)]
        for subject in subjects:
            m = cells.get(row, subject, threads, simd)
            each = "" if m is None else figure(m["ns_per_element"])
            line.append(each if m is None or subject == TRUELOSS else f"{each} ({figure(m['ratio'])})")
        table.append(line)
    return markdown(["function", "direction", "shape", *subjects], table, left=3)


def short_calls(cells, simd):
    table = []
    for row in cells.rows:
        ours = cells.get(row, TRUELOSS, 1, simd)
        if ours and ours["elements"] <= 32:
            for subject in [TRUELOSS, FROM_RUST, *ORDER[1:]]:
                if m := cells.get(row, subject, 1, simd):
                    table.append([" ".join(words(row)), subject, figure(m["ns_per_call"])])
    return markdown(["call", "subject", "ns a call"], table, left=2) if table else ""


def verdict(reached, due, wanted):
    if wanted is not None and reached >= wanted:
        return "yes, as wanted"
    return "yes" if reached >= due else "**no**"


def targets(results, cells, simd):
    lines = []
    cache = max(results["machine"]["caches"].values(), default=0)
    for row in cells.rows:
        ours = cells.get(row, TRUELOSS, 1, simd)
        if ours is None:
            continue
        name = " ".join(words(row))
        torch, goal = cells.get(row, "PyTorch", 1, simd), target(row)
        if torch and goal and ours["elements"] > 32:
            due, wanted = goal
            lines.append(
                [
                    name,
                    "PyTorch / trueloss",
                    f"{due}" + (f" [{wanted}]" if wanted else ""),
                    figure(torch["ratio"]),
                    verdict(torch["ratio"], due, wanted),
                ]
            )
        read, copy = cells.get(row, "read", 1, simd), cells.get(row, "copy", 1, simd)
        if row[0] == "mse" and read and ours["bytes"] > cache:
            slower = 1 / read["ratio"]
            met = "yes" if slower <= READ_LIMIT else "**no**"
            lines.append([name, "trueloss / a read of the same bytes", f"at most {READ_LIMIT}", figure(slower), met])
        if copy and target(row) in (ACTIVATION_IN_CACHE, ACTIVATION_FROM_MEMORY):
            lines.append([name, "trueloss / a copy of the same bytes", "", figure(1 / copy["ratio"]), ""])
        if ours["elements"] <= 32:
            rust = cells.get(row, FROM_RUST, 1, simd)
            if rust:
                ns = rust["ns_per_call"]
                met = "yes" if ns < SHORT_CALL_NS else "**no**"
                lines.append([name, "ns a call", f"under {SHORT_CALL_NS}", figure(ns), met])
    compared = [
        (cells.get(row, subject, 1, simd)["ratio"], f"{subject}, {' '.join(words(row))}")
        for row in cells.rows
        for subject in LIBRARIES
        if cells.get(row, subject, 1, simd)
    ]
    if compared:
        below = sorted(cell for cell in compared if cell[0] < LIBRARY_TARGET)
        lowest, where = min(compared)
        met = "yes" if not below else f"**no**, in {len(below)} of {len(compared)}"
        lines.append(
            [f"every cell of candle and burn; least: {where}", "peer / trueloss", str(LIBRARY_TARGET), figure(lowest), met]
        )
    return markdown(["", "ratio of times", "due [wanted]", "reached", "met"], lines, left=2)


def accuracies(results):
    known = {s for subjects in results["accuracy"].values() for s in subjects}
    subjects = [s for s in ORDER if s in known and s != "PyTorch, out="]
    table = []
    for function, found in results["accuracy"].items():
        for direction in ("forward", "gradient"):
            if any(direction in found.get(s, {}) for s in subjects):
                table.append([function, direction, *(ulp(found.get(s, {}).get(direction)) for s in subjects)])
    return markdown(["function", "", *subjects], table, left=2)


def timed_accuracies(cells, simd):
    subjects = [s for s in cells.subjects(1, simd) if s not in ("read", "copy", "PyTorch, out=")]
    table = []
    for row in cells.rows:
        for part, name in (("loss", "mean"), ("output", "gradient" if row[1] != "forward" else "outputs")):
            line = []
            for subject in subjects:
                m = cells.get(row, subject, 1, simd)
                line.append(ulp(((m or {}).get("ulp_of_these_numbers") or {}).get(part)))
            if any(line):
                table.append([*words(row), name, *line])
    return markdown(["function", "direction", "shape", "of", *subjects], table, left=4)


def wrong(results):
    """Where trueloss is not what it promises to be."""
    problems = []

    def look(judgement, where):
        if judgement and (
            judgement["ulp"] is None or judgement["ulp"] > BOUND or judgement["nan"] or judgement["infinite"] or judgement["zero"]
        ):
            problems.append(f"{where}: {ulp(judgement)} ULP")

    for function, found in results["accuracy"].items():
        for direction, judgement in found.get(TRUELOSS, {}).items():
            look(judgement, f"{function} {direction}")
    for m in results["measurements"]:
        if m["subject"] in (TRUELOSS, FROM_RUST):
            for part, judgement in (m["ulp_of_these_numbers"] or {}).items():
                look(judgement, f"{m['function']} {m['direction']} {m['shape']} {part}")
    return list(dict.fromkeys(problems))


def size(n):
    return f"{n / 2**20:.4g} MiB" if n >= 2**20 else f"{n // 1024} KiB"


def document(results):
    cells = Cells(results)
    about, versions = results["machine"], results["versions"]
    native, count = cells.widths[0], results["all_threads"]
    caches = ", ".join(f"{level} {size(n)}" for level, n in about["caches"].items())
    peers = ", ".join(f"{name} {versions[name]}" for name in ("PyTorch", "candle", "burn", "libm", "python") if versions[name])
    parts = [
        "# trueloss and its peers\n",
        "Written by `python3 benches/peers.py`; `benches/README.md` says how to read it.\n",
        f"- Machine: {about['cpu']}, {about['cores']} cores, {caches}; SIMD: {', '.join(about['simd'])}; {about['system']}.",
        f"- trueloss {versions['trueloss']}, SIMD width {native}; rustc {versions['rustc']}.",
        f"- {peers}.",
        f"- Median of {results['rounds']} rounds, the subjects in an order drawn anew in each; all in one process.\n",
        "## Targets\n",
        "One thread.\n",
        targets(results, cells, native),
    ]
    for simd in cells.widths:
        held = "" if simd == native else f", trueloss and PyTorch held to {simd}"
        for threads in cells.threads:
            named = "one thread" if threads == 1 else f"all {count} threads"
            parts += [f"## Nanoseconds an element, {named}{held}\n"]
            parts += ["In brackets the time as a multiple of trueloss's.\n", times(cells, threads, simd)]
        if calls := short_calls(cells, simd):
            parts += [f"## Calls on 32 elements, one thread{held}\n", calls]
    parts += [
        "## Worst error\n",
        "In ULP of an f32 against arbitrary precision; 0.5 is correctly rounded. The sets: for sigmoid, log_sigmoid, softplus and "
        "bce_with_logits (targets 0 and 1) logits of every magnitude of both signs below 120 and many in the tails; for mse "
        "pairs, half of them close; for the others 1,200 rows of ten classes, from even to very sure. For a loss each element or "
        "row is a call of its own. "
        "`zeros`: answers of 0 to a question whose answer is another f32.\n",
        accuracies(results),
        "And on the numbers that were timed, against f64: the mean of so many, and every output.\n",
        timed_accuracies(cells, native),
    ]
    return "\n".join(parts)


CHART = [
    ("bce_with_logits", "forward", "65536"),
    ("bce_with_logits", "forward", "16777216"),
    ("bce_with_logits", "forward_backward", "65536"),
    ("bce_with_logits", "forward_backward", "16777216"),
    ("cross_entropy", "forward", "4096x10"),
    ("cross_entropy", "forward", "4096x1000"),
    ("cross_entropy", "forward", "256x50257"),
    ("cross_entropy", "forward_backward", "4096x10"),
    ("cross_entropy", "forward_backward", "4096x1000"),
    ("cross_entropy", "forward_backward", "256x50257"),
    ("mse", "forward", "16777216"),
    ("mse", "forward_backward", "16777216"),
    ("sigmoid", "forward", "65536"),
    ("softplus", "forward", "65536"),
    ("softmax", "forward", "64x1000"),
    ("softmax", "forward", "4096x1000"),
]

# Colours that the colour-blind can tell apart (Okabe and Ito), and a shape for each.
LOOKS = {
    TRUELOSS: ("#D55E00", "D", 60),
    "PyTorch": ("#0072B2", "o", 40),
    "candle": ("#E69F00", "^", 40),
    "burn ndarray": ("#009E73", "s", 34),
    "burn flex": ("#56B4E9", "v", 40),
    "libm": ("#CC79A7", "P", 40),
    "read": ("#777777", "|", 90),
}


def chart(results, path):
    import matplotlib

    matplotlib.use("svg")
    # The same numbers give the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "trueloss", "font.family": "DejaVu Sans", "font.size": 9})
    from matplotlib import pyplot, ticker

    cells = Cells(results)
    native = cells.widths[0]
    rows = [row for row in CHART if cells.get(row, TRUELOSS, 1, native)]
    rows = rows or [row for row in cells.rows if cells.get(row, TRUELOSS, 1, native)][:16]
    # A white ground of its own, so that it can be read on a dark page too.
    figure, axes = pyplot.subplots(figsize=(8.6, 0.9 + 0.34 * len(rows)), facecolor="white")
    for subject, (colour, marker, area) in LOOKS.items():
        points = [(cells.get(row, subject, 1, native), y) for y, row in enumerate(rows)]
        points = [(m["ns_per_element"], y) for m, y in points if m]
        if points:
            label = {"read": "a read of the same bytes", "libm": "scalar formula, libm"}.get(subject, subject)
            axes.scatter(*zip(*points), color=colour, marker=marker, s=area, label=label, zorder=3)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [f"{f}, {d}, {s}" for f, d, s in map(words, rows)])
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:g}"))
    axes.grid(axis="x", which="major", color="#cccccc", linewidth=0.7)
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"nanoseconds an element, one thread, f32 ({results['machine']['cpu']}, {native}); left is faster")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False)
    figure.legend(loc="upper center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.55 / figure.get_figheight()))
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write(results, out):
    (out / "RESULTS.md").write_text(document(results))
    chart(results, out / "chart.svg")


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    write(json.loads((directory / "results.json").read_text()), directory)
