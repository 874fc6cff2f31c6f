#!/usr/bin/env python3
"""Times PyTorch beside the kernels, and writes the pages of a run on a device. cuda/device.sh calls it.

    speed.py torch LINES [--seconds N]   where the device is: PyTorch, eager and compiled, for the lines of `speed`
    speed.py report OUT FOLDER           anywhere: SPEED.md, and the table in README.md, from what the run has left in OUT

A figure of PyTorch's is the median of batches of calls, timed by the device's events, as those of `speed` are. Its gradients
are those of its autograd.
"""

import argparse
import json
import re
import statistics
import sys
import time
from pathlib import Path

BUDGET, BATCHES, CALLS = 300, 9, 50


def lines_of(path):
    """The lines of JSON of a file, which may have been cut."""
    found = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return found


def key(row):
    return row["function"], row["direction"], row["element"], tuple(row["shape"])


# --- PyTorch


def peers(torch):
    """PyTorch's functions of (x, y)."""
    of = torch.nn.functional

    def focal(x, y):
        # torchvision's sigmoid_focal_loss.
        p, loss = torch.sigmoid(x), of.binary_cross_entropy_with_logits(x, y, reduction="none")
        p_t = p * y + (1 - p) * (1 - y)
        return ((0.25 * y + 0.75 * (1 - y)) * loss * (1 - p_t) ** 2).mean()

    return {
        "sigmoid": lambda x, y: torch.sigmoid(x),
        "logsigmoid": lambda x, y: of.logsigmoid(x),
        "softplus": lambda x, y: of.softplus(x),
        "mse_loss": of.mse_loss,
        "binary_cross_entropy": of.binary_cross_entropy,
        "binary_cross_entropy_with_logits": of.binary_cross_entropy_with_logits,
        "huber_loss": of.huber_loss,
        "sigmoid_focal_loss": focal,
        "binary_accuracy": lambda x, y: ((x > 0) == (y > 0.5)).to(x.dtype).mean(),
        "softmax": lambda x, y: torch.softmax(x, 1),
        "log_softmax": lambda x, y: torch.log_softmax(x, 1),
        "nll_loss": of.nll_loss,
        "cross_entropy": of.cross_entropy,
        "cross_entropy_smoothing": lambda x, y: of.cross_entropy(x, y, label_smoothing=0.1),
        "cross_entropy_probabilities": of.cross_entropy,
        "accuracy": lambda x, y: (x.argmax(1) == y).to(x.dtype).mean(),
    }


def arguments(torch, row):
    """Inputs and targets like those of `speed`."""
    function, shape = row["function"], row["shape"]
    options = {"device": "cuda", "dtype": torch.float32 if row["element"] == "f32" else torch.float64}
    x = torch.rand(shape, **options)
    if function != "binary_cross_entropy":
        x = x.mul_(16).sub_(8)
    if function == "cross_entropy_probabilities":
        y = torch.rand(shape, **options)
    elif len(shape) == 2:
        y = torch.randint(shape[1], (shape[0],), device="cuda")
    else:
        y = torch.rand(shape, **options).round_()
    return x.requires_grad_(row["direction"] == "forward_backward"), y


def timed(torch, sets, call):
    """The median of the milliseconds that `call` takes."""
    turn = 0

    def batch(calls):
        nonlocal turn
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(calls):
            call(*sets[turn % len(sets)])
            turn += 1
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / calls

    batch(1)
    one = max(batch(1), 1e-3)
    calls = min(max(int(BUDGET / one / BATCHES), 1), CALLS)
    batches = min(max(int(BUDGET / one / calls), 1), BATCHES)
    return statistics.median(batch(calls) for _ in range(batches))


def measure(arguments_of_line):
    try:
        import torch
    except ImportError as error:
        sys.exit(f"speed.py: {error}")
    if not torch.cuda.is_available():
        sys.exit("speed.py: torch finds no GPU")
    end = time.monotonic() + (arguments_of_line.seconds or float("inf"))
    functions, rows = peers(torch), {}
    for row in lines_of(arguments_of_line.lines):
        # A gradient alone is not to be had there.
        if "ms" in row and not row["checks"] and row["direction"] in ("forward", "forward_backward"):
            if row["function"] in functions:
                rows[key(row)] = row
    print(json.dumps({"torch": str(torch.__version__), "cuda": str(torch.version.cuda)}), flush=True)
    left_out = 0
    # Compiling takes long: eager comes first, for all of them.
    for how in ("eager", "compile"):
        for row in rows.values():
            if time.monotonic() > end:
                left_out += 1
                continue
            names = {name: row[name] for name in ("function", "direction", "element", "shape")}
            try:
                found = {"ms": one_figure(torch, functions[row["function"]], row, how)}
            except Exception as error:  # What PyTorch can't do is no reason to stop.
                found = {"failed": str(error).strip().split("\n")[0][:200]}
            print(json.dumps({"how": how, **names, **found}), flush=True)
    print(json.dumps({"left_out": left_out}), flush=True)


def one_figure(torch, function, row, how):
    def both(x, y):
        x.grad = None
        function(x, y).backward()

    sets = [arguments(torch, row) for _ in range(min(row["sets"], 2))]
    if how == "compile":
        # For this shape alone, as if no other had been seen.
        torch._dynamo.reset()
        function = torch.compile(function, dynamic=False)
    try:
        return timed(torch, sets, both if row["direction"] == "forward_backward" else function)
    finally:
        del sets
        torch.cuda.empty_cache()


# --- The pages


class Run:
    """The results in a run's folder."""

    def __init__(self, folder):
        parts = folder / "parts.tsv"
        if not parts.exists():
            sys.exit(f"speed.py: {parts} is not there: is it the folder of a run?")
        self.parts = {}
        for line in parts.read_text(errors="replace").splitlines():
            _, name, verdict, seconds, text = (line.split("\t") + [""] * 5)[:5]
            self.parts[name] = verdict, seconds, text.strip()
        self.commit = (folder / "commit").read_text().strip()
        lines = lines_of(folder / "4-speed.jsonl")
        self.rows = [row for row in lines if "function" in row]
        described = [row for row in lines_of(folder / "1-device.txt") + lines if "device" in row]
        self.device = described[0] if described else {}
        self.torch = lines_of(folder / "6-torch.jsonl")
        suite = folder / "3-suite.txt"
        checks = re.findall(r"^(.*) \.\.\. (ok|FAILED) \(", suite.read_text() if suite.exists() else "", re.M)
        self.checks = dict(checks)
        clocks = folder / "4-clocks.csv"
        self.clocks = clocks.read_text(errors="replace").splitlines() if clocks.exists() else []

    def name(self):
        return self.device.get("device", "an unknown device")

    def rehearsal(self):
        """Whether sizes were divided."""
        return self.device.get("scale", 1) != 1

    def part(self, name, ok):
        """A part's verdict and line for the table, or `ok` if it passed."""
        verdict, _, text = self.parts.get(name, ("not run", "", ""))
        text = text.replace("|", "\\|")
        return ok or text if verdict == "ok" else f"**{verdict}**{': ' if text else ''}{text}"

    def of_checks(self, *names):
        """The verdict on some checks of the suite."""
        found = {}
        for name in names:
            of = [check for check in self.checks if name in check]
            found[name] = self.checks[of[0]] if of else "not reached"
        if set(found.values()) == {"ok"}:
            return "passed"
        if not self.checks:
            return self.part("suite", None)
        return "; ".join(f"{name}: {'passed' if how == 'ok' else f'**{how}**'}" for name, how in found.items())


def speed_page(run):
    text = ["# Speed on a GPU", ""]
    if run.rehearsal():
        text += [f"**A rehearsal, with sizes divided by {run.device['scale']}: no figure here means anything.**", ""]
    torch = next((row["torch"] for row in run.torch if "torch" in row), None)
    about = ", ".join(f"{name} {run.device[name]}" for name in ("driver", "capability", "l2") if name in run.device)
    text += [
        f"Written by `cuda/device.sh report`, of commit {run.commit}, on {run.name()} ({about}), "
        f"with {'PyTorch ' + torch if torch else 'no PyTorch beside it'}.",
        "",
        "A figure is the median of batches of calls, timed by the device's events, with kernels loaded and inputs that the L2",
        "does not keep. GB/s are the bytes that must move, each once, over the time; of a copy: beside the driver's copy",
        "of as large an input on the device. With checks: targets and labels are looked at first, as the default is. PyTorch:",
        "its time over ours; above 1 ours is the faster one.",
        "",
    ]
    part = run.parts.get("speed", ("not run", "", ""))
    if part[0] != "ok":
        text += [f"**This part has {'failed' if part[0] == 'failed' else 'not finished'}**: {part[2] or part[0]}.", ""]
    rows = [row for row in run.rows if "ms" in row]
    speed = {key(row): row["bytes"] / row["ms"] for row in rows if row["function"] == "copy"}
    copies = {of[2:]: number for of, number in speed.items()}
    if copies:
        text += ["| copy of | shape | GB/s |", "|---|---|---:|"]
        text += [f"| {element} | {shape_of(shape)} | {number / 1e6:.0f} |" for (element, shape), number in copies.items()]
        text += [""]
    if rows:
        text += [
            "| function | direction | type | shape | ms | GB/s | of a copy | with checks, ms | PyTorch eager | torch.compile |",
            "|---|---|---|---|---:|---:|---:|---:|---:|---:|",
        ]
    checked = {key(row): row["ms"] for row in rows if row["checks"]}
    theirs = {(row["how"], key(row)): row["ms"] for row in run.torch if "ms" in row}
    for row in rows:
        if row["checks"] or row["function"] == "copy":
            continue
        of = key(row)
        number = row["bytes"] / row["ms"]
        copy = copies.get(of[2:])
        cells = [*of[:3], shape_of(of[3]), f"{row['ms']:.4f}", f"{number / 1e6:.0f}"]
        cells += [f"{number / copy:.0%}" if copy else "", f"{checked[of]:.4f}" if of in checked else ""]
        cells += [
            f"{theirs[how, of] / row['ms']:.2f}" if (how, of) in theirs else "" for how in ("eager", "compile")
        ]
        text.append(f"| {' | '.join(cells)} |")
    missing = [row for row in run.rows if "ms" not in row] + [row for row in run.torch if "failed" in row]
    if missing:
        text += ["", "Not measured:", ""]
        for row in missing:
            who = f"PyTorch {row['how']}, " if "how" in row else ""
            with_checks = ", with checks" if row.get("checks") else ""
            what = f"{who}{row['function']} {row['direction']} {row['element']} {shape_of(row['shape'])}{with_checks}"
            why = f"failed: {row['failed']}" if "failed" in row else row["left_out"]
            text.append(f"- {what}: {why}")
    if run.clocks:
        text += ["", "Clocks while it ran, first and last:", "", "```", run.clocks[0], *run.clocks[1:][:1]]
        text += [*run.clocks[2:][-1:], "```"]
    return "\n".join(text) + "\n"


def shape_of(shape):
    return " × ".join(f"{size:,}" for size in shape)


BEGIN, END = "<!-- from a device: cuda/device.sh report -->", "<!-- to here -->"


def shown(run):
    """The last column of the table, by the beginnings of its lines."""
    figures = sum("ms" in row for row in run.rows)
    return {
        "every digest": run.part("digests", None),
        "the case files": run.of_checks("the calls of the table of claims", "the case files"),
        "a loss that another stream": run.of_checks("views, streams"),
        "rows of up to": run.of_checks("rows of few and of many", "batches of many"),
        "calls without checks": run.of_checks(
            "what core refuses", "labels of every type", "calls without checks", "partials of a device"
        ),
        "no access out of bounds": run.part("sanitizer", None),
        "speed": run.part("speed", f"[{figures} figures](SPEED.md)"),
    }


def table(page, run):
    """The page, with the run's results in the last column of its table."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        sys.exit(f"speed.py: the page has not one {BEGIN} and one {END}")
    before, rest = page.split(BEGIN)
    inside, after = rest.split(END)
    found, lines = shown(run), []
    for line in inside.split("\n"):
        first, sep, _ = line.removeprefix("| ").partition(" | ")
        begins = [name for name in found if first.startswith(name)]
        head, _, _ = line.rstrip().removesuffix("|").rstrip().rpartition(" | ")
        if line.startswith("| | "):
            sizes = f", sizes divided by {run.device['scale']}" if run.rehearsal() else ""
            line = f"{head} | on {run.name()}, commit {run.commit}{sizes} |"
        elif sep and begins:
            line = f"{head} | {found.pop(begins[0])} |"
        lines.append(line)
    if found:
        sys.exit(f"speed.py: the table has no line for: {', '.join(found)}")
    return before + BEGIN + "\n".join(lines) + END + after


def report(arguments_of_line):
    run, folder = Run(arguments_of_line.out), arguments_of_line.folder
    readme = folder / "README.md"
    page = table(readme.read_text(), run)
    readme.write_text(page)
    (folder / "SPEED.md").write_text(speed_page(run))
    print(f"wrote {folder / 'SPEED.md'} and the table in {readme}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    of_torch = commands.add_parser("torch")
    of_torch.add_argument("lines", type=Path)
    of_torch.add_argument("--seconds", type=float)
    of_torch.set_defaults(run=measure)
    of_report = commands.add_parser("report")
    of_report.add_argument("out", type=Path)
    of_report.add_argument("folder", type=Path)
    of_report.set_defaults(run=report)
    arguments_of_line = parser.parse_args()
    arguments_of_line.run(arguments_of_line)


if __name__ == "__main__":
    main()
