#!/usr/bin/env python3
"""Measures the kernels on a device beside PyTorch, eager and compiled, in one run, and writes cuda/SPEED.md.

It needs a GPU, Rust, and a Python with torch. Each figure is the median of batches timed by the device's events, on
inputs larger than the L2, used in turn. PyTorch's gradients are those of its autograd.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CALLS, BATCHES, SETS = 12, 9, 3


def ours(command):
    """The lines of the example `speed`, as they come, so that a long run shows that it goes on."""
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent) as process:
        for line in process.stdout:
            lines.append(json.loads(line))
            print(line.strip(), file=sys.stderr)
    if process.returncode != 0:
        sys.exit(f"speed.py: {' '.join(command)} failed")
    return lines[0]["device"], lines[1:]


def timed(torch, sets, call):
    """The median of the milliseconds that `call(set)` takes."""
    for one in sets:
        call(one)
    torch.cuda.synchronize()
    batches = []
    for _ in range(BATCHES):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for i in range(CALLS):
            call(sets[i % SETS])
        end.record()
        end.synchronize()
        batches.append(start.elapsed_time(end) / CALLS)
    return statistics.median(batches)


def call_of(torch, function, direction):
    """What PyTorch does for a function in a direction, of (x, y)."""
    functional = torch.nn.functional

    def forward(x, y):
        if function in ("sigmoid", "softmax"):
            return torch.sigmoid(x) if function == "sigmoid" else torch.softmax(x, -1)
        return getattr(functional, function)(x, y)

    def both(x, y):
        x.grad = None
        loss = forward(x, y)
        loss.backward()
        return loss

    return forward if direction == "forward" else both


def peers(torch, rows):
    """PyTorch's milliseconds for each of our lines; a gradient alone is not to be had there."""
    found, sets, of_shape = {}, None, None
    for row in rows:
        key = (row["function"], row["direction"], tuple(row["shape"]))
        if row["checks"] or row["function"] == "copy" or row["direction"] == "backward" or key in found:
            continue
        if row["shape"] != of_shape or sets is None:
            sets, of_shape = None, row["shape"]
            torch.cuda.empty_cache()
            sets = [torch.rand(of_shape, device="cuda") for _ in range(SETS)]
        one_of = row["function"] == "cross_entropy"
        targets = [
            torch.randint(of_shape[1], (of_shape[0],), device="cuda") if one_of else torch.rand_like(x).round()
            for x in sets
        ]
        graded = row["direction"] == "forward_backward"
        inputs = [(x.detach().requires_grad_(graded), y) for x, y in zip(sets, targets)]
        call = call_of(torch, row["function"], row["direction"])
        eager = timed(torch, inputs, lambda pair: call(*pair))
        compiled = torch.compile(call)
        found[key] = eager, timed(torch, inputs, lambda pair: compiled(*pair))
        print(key, found[key], file=sys.stderr)
    return found


def table(device, version, rows, peer):
    copy = next(row for row in rows if row["function"] == "copy")
    speed_of_copy = copy["bytes"] / copy["ms"]
    lines = [
        "# Speed on a GPU",
        "",
        f"Written by `python3 cuda/speed.py` on {device}, PyTorch {version}, f32. Of a copy: the bytes that must move, over",
        f"the time, beside the {speed_of_copy / 1e9:.2f} TB/s of a copy on the device. Ratios: PyTorch's time over ours; "
        "above 1 ours is the",
        "faster one. With checks: targets and labels are looked at first, as the default is.",
        "",
        "| function | direction | shape | ms | of a copy | with checks, ms | PyTorch eager | torch.compile |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    checked = {(r["function"], r["direction"], tuple(r["shape"])): r["ms"] for r in rows if r["checks"]}
    for row in rows:
        if row["checks"]:
            continue
        key = (row["function"], row["direction"], tuple(row["shape"]))
        ratios = [f"{theirs / row['ms']:.2f}" for theirs in peer.get(key, ())] or ["", ""]
        with_checks = f"{checked[key]:.3f}" if key in checked else ""
        lines.append(
            f"| {key[0]} | {key[1]} | {tuple(row['shape'])} | {row['ms']:.3f} "
            f"| {row['bytes'] / row['ms'] / speed_of_copy:.0%} | {with_checks} | {' | '.join(ratios)} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", help="the example `speed`, if it is built already")
    parser.add_argument("--out", type=Path, default=HERE / "SPEED.md")
    arguments = parser.parse_args()
    try:
        import torch
    except ImportError:
        sys.exit("speed.py: there is no torch in this Python; `pip install torch`")
    if not torch.cuda.is_available():
        sys.exit("speed.py: torch finds no GPU")
    command = [arguments.program] if arguments.program else None
    device, rows = ours(command or "cargo run --release -q -p trueloss-cuda --example speed".split())
    arguments.out.write_text(table(device, torch.__version__, rows, peers(torch, rows)))
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
