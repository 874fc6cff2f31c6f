#!/usr/bin/env python3
"""Times every function, direction, element type and shape of trueloss beside PyTorch.

    python3 benches/matrix.py --json matrix.json          everything: hours
    python3 benches/matrix.py --only 'mse .* f16'         the cells whose names match
    python3 benches/matrix.py --avx2 --threads 2
    python3 benches/matrix.py --table A.json B.json       what other runs have written
    python3 benches/matrix.py --chart chart.svg A.json

A cell is a function, a direction, a type and a shape. Its figure is PyTorch's time over trueloss's: both run in one process, in
turn; each is the median of the rounds, and the figure the median of the rounds' ratios. Needs numpy and torch
(benches/requirements-torch.txt), and cargo, which builds benches/matrix.
"""

import argparse
import ctypes
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARY = {"darwin": "libtrueloss_matrix.dylib", "win32": "trueloss_matrix.dll"}.get(sys.platform, "libtrueloss_matrix.so")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "matrix"

DIRECTIONS = ["forward", "forward_backward", "each", "backward", "backward_each"]
TYPES = ["f32", "f64", "f16", "bf16"]
WIDTHS = ["baseline", "avx2", "avx512"]
ELEMENTS = [(n,) for n in (1, 7, 32, 33, 1000, 4095, 1 << 12, 1 << 16, 1 << 20, 1 << 23)]
ROWS = [(4096, 10), (4096, 1000), (128, 50257), (2, 21, 256, 256)]
# The longest that one side of a round takes.
ROUND_NS = 8e6


class Call(ctypes.Structure):
    """`Call` of matrix/src/lib.rs."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("function", "direction", "element", "times")),
        ("shape", ctypes.c_void_p),
        ("dimensions", ctypes.c_size_t),
        ("input", ctypes.c_void_p),
        ("target", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("weights", ctypes.c_size_t),
        ("labels", ctypes.c_void_p),
        ("rows", ctypes.c_size_t),
        ("grad_output", ctypes.c_void_p),
        ("grad_outputs", ctypes.c_size_t),
        ("output", ctypes.c_void_p),
    ]


def functions(torch):
    """{name: (kind of arguments, PyTorch's function of (input, target, weight, labels))}."""
    F = torch.nn.functional

    def focal(x, y, w, l, reduction="mean"):
        p = torch.sigmoid(x)
        losses = F.binary_cross_entropy_with_logits(x, y, reduction="none")
        of_true = p * y + (1 - p) * (1 - y)
        losses = (0.25 * y + 0.75 * (1 - y)) * losses * (1 - of_true) ** 2
        return losses if reduction == "none" else losses.mean()

    bce, logits, rows = F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.cross_entropy
    return {
        "mse": ("numbers", lambda x, y, w, l, **o: F.mse_loss(x, y, **o)),
        "huber": ("numbers", lambda x, y, w, l, **o: F.huber_loss(x, y, **o)),
        "bce": ("probabilities", lambda x, y, w, l, **o: bce(x, y, **o)),
        "bce, weight": ("probabilities", lambda x, y, w, l, **o: bce(x, y, weight=w, **o)),
        "bce_with_logits": ("hard", lambda x, y, w, l, **o: logits(x, y, **o)),
        "bce_with_logits, soft": ("soft", lambda x, y, w, l, **o: logits(x, y, **o)),
        "bce_with_logits, weight": ("hard", lambda x, y, w, l, **o: logits(x, y, weight=w, **o)),
        "bce_with_logits, pos_weight": ("hard", lambda x, y, w, l, **o: logits(x, y, pos_weight=w[:1], **o)),
        "focal_with_logits": ("hard", focal),
        "soft_margin": ("signs", lambda x, y, w, l, **o: F.soft_margin_loss(x, y, **o)),
        "sigmoid": ("activation", torch.sigmoid),
        "log_sigmoid": ("activation", F.logsigmoid),
        "softplus": ("activation", F.softplus),
        "softmax": ("row activation", lambda x: F.softmax(x, 1)),
        "log_softmax": ("row activation", lambda x: F.log_softmax(x, 1)),
        "nll": ("rows", lambda x, y, w, l, **o: F.nll_loss(x, l, **o)),
        "cross_entropy": ("rows", lambda x, y, w, l, **o: rows(x, l, **o)),
        "cross_entropy, weight": ("rows", lambda x, y, w, l, **o: rows(x, l, weight=w, **o)),
        "cross_entropy, smoothing": ("rows", lambda x, y, w, l, **o: rows(x, l, label_smoothing=0.1, **o)),
        "cross_entropy, probabilities": ("row probabilities", lambda x, y, w, l, **o: rows(x, y, **o)),
    }


def arguments(torch, kind, shape, dtype):
    """input, target, weight, labels, grad_output."""
    generator = torch.Generator().manual_seed(1)
    normal = lambda: torch.randn(shape, generator=generator)
    uniform = lambda: torch.rand(shape, generator=generator)
    is_row = kind.startswith("row")
    x = uniform() if kind == "probabilities" else 3 * normal()
    if kind == "numbers":
        y = 3 * normal()
    elif kind == "soft":
        y = uniform()
    elif kind == "row probabilities":
        y = torch.softmax(normal(), 1)
    else:
        y = (uniform() > 0.5).float()
        y = 2 * y - 1 if kind == "signs" else y
    classes = shape[1] if is_row else 1
    weight = torch.rand(classes if is_row else shape, generator=generator) + 0.5
    of_rows = (shape[0], *shape[2:]) if is_row else (1,)
    labels = torch.randint(classes, of_rows, generator=generator)
    g = torch.randn(of_rows if is_row and "activation" not in kind else shape, generator=generator)
    return x.to(dtype), y.to(dtype), weight.to(dtype), labels, g.to(dtype)


def of_torch(torch, kind, function, direction, x, y, w, labels, g):
    """What PyTorch does in a direction, or None where it has no such call."""
    grad = x.clone().requires_grad_()
    if "activation" in kind:
        if direction == "each":

            def call():
                with torch.no_grad():
                    function(x)

            return call
        if direction != "backward_each":
            return None
        output = function(grad)
        return lambda: torch.autograd.grad(output, grad, g, retain_graph=True)
    if direction == "forward_backward":

        def call():
            grad.grad = None
            function(grad, y, w, labels).backward()

        return call
    each = {"reduction": "none"} if "each" in direction else {}
    if direction in ("forward", "each"):

        def call():
            with torch.no_grad():
                function(x, y, w, labels, **each)

        return call
    output = function(grad, y, w, labels, **each)
    if each:
        return lambda: torch.autograd.grad(output, grad, g, retain_graph=True)
    return lambda: torch.autograd.grad(output, grad, retain_graph=True)


def measure(options):
    if options.avx2:
        os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)
    # PyTorch's idle threads must not spin on the cores that ours are timed on.
    os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT="0", KMP_BLOCKTIME="0")
    try:
        import torch
    except ImportError:
        sys.exit("matrix.py: needs torch and numpy: pip install --no-deps -r benches/requirements-torch.txt numpy")
    torch.set_num_threads(options.threads)
    library = build(options.threads)
    width = library.matrix_width(1 if options.avx2 else 2)
    library.matrix_names.restype = ctypes.c_char_p
    names = library.matrix_names().decode().splitlines()
    known = functions(torch)
    if names != list(known):
        sys.exit("matrix.py and matrix/src/lib.rs list other functions")
    run = {
        "width": WIDTHS[width],
        "threads": options.threads,
        "torch": torch.__version__,
        "torch_width": torch.backends.cpu.get_cpu_capability(),
        "cells": [],
    }
    print(f"trueloss {run['width']}, torch {run['torch']} {run['torch_width']}, threads {run['threads']}", flush=True)
    dtypes = {"f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16}
    for number, (name, (kind, function)) in enumerate(known.items()):
        for shape in ROWS if kind.startswith("row") else ELEMENTS:
            for element, direction in ((e, d) for e in options.types.split(",") for d in DIRECTIONS):
                cell = f"{name} {direction} {element} {'x'.join(map(str, shape))}"
                if not re.search(options.only, cell):
                    continue
                given = arguments(torch, kind, shape, dtypes[element])
                x, y, w, labels, g = (tensor.contiguous() for tensor in given)
                output = torch.empty_like(x)
                sizes = (ctypes.c_size_t * len(shape))(*shape)
                call = Call(
                    number, DIRECTIONS.index(direction), TYPES.index(element), 1,
                    ctypes.addressof(sizes), len(shape), x.data_ptr(), y.data_ptr(), w.data_ptr(), w.numel(),
                    labels.data_ptr(), labels.numel() if kind.startswith("row") else 0, g.data_ptr(), g.numel(),
                    output.data_ptr(),
                )

                def ours(times):
                    call.times = times
                    return library.matrix_time(ctypes.byref(call))

                try:
                    theirs = of_torch(torch, kind, function, direction, x, y, w, labels, g)
                    if theirs is None or ours(1) < 0:
                        continue
                    theirs()
                except (RuntimeError, NotImplementedError) as error:
                    print(f"{cell}: PyTorch has none: {str(error).splitlines()[0][:80]}")
                    continue
                run["cells"].append(compare(ours, theirs, options.rounds, x.numel(), name, direction, element, shape))
                print(line(run["cells"][-1]), flush=True)
    return run


def build(threads):
    command = ["cargo", "build", "--release", "--manifest-path", HERE / "matrix" / "Cargo.toml", "--target-dir", TARGET]
    print("building benches/matrix ...", flush=True)
    subprocess.run([*command, *(["--features", "parallel"] if threads > 1 else [])], check=True)
    library = ctypes.CDLL(str(TARGET / "release" / LIBRARY))
    library.matrix_time.restype = ctypes.c_double
    return library


def compare(ours, theirs, rounds, elements, name, direction, element, shape):
    def of_torch(times):
        start = time.perf_counter_ns()
        for _ in range(times):
            theirs()
        return (time.perf_counter_ns() - start) / times

    counts = [max(1, int(ROUND_NS / max(side(1), 1.0))) for side in (ours, of_torch)]
    pairs = [(ours(counts[0]), of_torch(counts[1])) for _ in range(rounds)]
    return {
        "function": name,
        "direction": direction,
        "type": element,
        "shape": list(shape),
        "trueloss_ns": statistics.median(a for a, _ in pairs) / elements,
        "torch_ns": statistics.median(b for _, b in pairs) / elements,
        "ratio": statistics.median(b / a for a, b in pairs),
    }


def line(cell):
    name = f"{cell['function']} {cell['direction']} {cell['type']} {'x'.join(map(str, cell['shape']))}"
    return f"{name:64} {cell['trueloss_ns']:9.3f} {cell['torch_ns']:9.3f} ns an element, PyTorch / trueloss {cell['ratio']:6.2f}"


def table(cells):
    """A line for each function, direction and shape; ratios by type, and what they come to."""
    by_row = {}
    for cell in cells:
        row = f"{cell['function']} {cell['direction']} {'x'.join(map(str, cell['shape']))}"
        by_row.setdefault(row, {})[cell["type"]] = cell
    print(f"{'PyTorch / trueloss (ns an element)':56}", *(f"{element:>16}" for element in TYPES))
    for row, of in by_row.items():
        texts = (f"{of[e]['ratio']:.2f} ({of[e]['trueloss_ns']:.2f})" if e in of else "-" for e in TYPES)
        print(f"{row:56}", *(f"{text:>16}" for text in texts))
    for element in TYPES:
        ratios = sorted(cell["ratio"] for cell in cells if cell["type"] == element)
        if ratios:
            mean = math.exp(statistics.fmean(map(math.log, ratios)))
            print(
                f"{element}: {len(ratios)} cells, geometric mean {mean:.2f}, {sum(r >= 1 for r in ratios)} at PyTorch's speed,"
                f" {sum(r < 0.5 for r in ratios)} below half of it, least {ratios[0]:.2f}"
            )
    for cell in sorted(cells, key=lambda cell: cell["ratio"])[:15]:
        print("slowest:", line(cell))


def chart(cells, path):
    """A point for each cell, on a line for each function and direction; those left of the middle are slower than PyTorch."""
    colours = dict(zip(TYPES, ("#1b6ca8", "#7a3b8f", "#c8641b", "#2e8b57")))
    rows = list(dict.fromkeys((cell["function"], cell["direction"]) for cell in cells))
    left, width, height, top = 330, 560, 18, 46
    at = lambda ratio: left + width * (min(max(math.log2(ratio), -5), 5) + 5) / 10
    bottom = top + height * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {bottom + 40}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
    ]
    for power in range(-5, 6):
        x = at(2.0**power)
        name = f"{2**power}" if power >= 0 else f"1/{2**-power}"
        out.append(f'<line x1="{x}" y1="{top - 4}" x2="{x}" y2="{bottom}" stroke="{"#333" if power == 0 else "#ddd"}"/>')
        out.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{name}</text>')
    out.append(f'<text x="{left + width / 2}" y="{bottom + 34}" text-anchor="middle">PyTorch\'s time over that of trueloss</text>')
    for k, element in enumerate(TYPES):
        x = left + 80 * k
        out.append(f'<circle cx="{x}" cy="20" r="4" fill="{colours[element]}"/><text x="{x + 8}" y="24">{element}</text>')
    for k, row in enumerate(rows):
        y = top + height * (k + 0.5)
        out.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{" ".join(row)}</text>')
        for cell in cells:
            if (cell["function"], cell["direction"]) == row:
                title = line(cell).replace("&", "&amp;")
                out.append(
                    f'<circle cx="{at(cell["ratio"]):.1f}" cy="{y}" r="3" fill="{colours[cell["type"]]}" fill-opacity="0.7">'
                    f"<title>{title}</title></circle>"
                )
    path.write_text("\n".join([*out, "</svg>\n"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="REGEX", help="cells whose names match: 'function direction type shape'")
    parser.add_argument("--types", default=",".join(TYPES), help="element types, with commas (default: all four)")
    parser.add_argument("--avx2", action="store_true", help="AVX2 where the machine has AVX-512: both libraries")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the cells")
    parser.add_argument("--table", action="store_true", help="print the table of these files, and measure nothing")
    parser.add_argument("--chart", type=Path, metavar="SVG", help="draw the cells: of these files, or of what is measured")
    parser.add_argument("files", nargs="*", type=Path, help="JSON files of other runs")
    options = parser.parse_args()
    unknown = set(options.types.split(",")) - set(TYPES)
    if unknown:
        parser.error(f"no such element type: {', '.join(sorted(unknown))}; there are {', '.join(TYPES)}")
    if options.table and not options.files:
        parser.error("--table needs files")
    if options.files:
        cells = [cell for path in options.files for cell in json.loads(path.read_text())["cells"]]
    else:
        run = measure(options)
        cells = run["cells"]
        if options.json:
            options.json.write_text(json.dumps(run, indent=1) + "\n")
    if not cells:
        sys.exit("matrix.py: no cell matches")
    table(cells)
    if options.chart:
        chart(cells, options.chart)


if __name__ == "__main__":
    main()
