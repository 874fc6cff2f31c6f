#!/usr/bin/env python3
"""Counts what each function of trueloss costs on three microcontrollers: instructions an element, bytes of stack, bytes
of flash; beside the usual formulas in f32 with the crate libm. Writes cost.json and COST.md beside this file, and a
table in the README.

QEMU counts: with -icount shift=0 one instruction takes one nanosecond on the emulated timer, so the numbers are the
same on every run. What a real processor needs is cycles, of which an instruction takes one or more.

Needs Debian's compiler (rustc-web, rust-web-src), lld and qemu-system-arm. The numbers depend on the compiler: with
another than the recorded one, --check prints and no number fails; a function that is recorded and no longer measured does.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORD = HERE / "cost.json"
TABLE = HERE / "COST.md"
README = HERE.parent / "README.md"
MARKS = ("<!-- BEGIN COST -->\n", "<!-- END COST -->\n")
# What the README shows.
CHOSEN = [
    "mse_forward_backward",
    "bce_forward_backward",
    "bce_with_logits_forward_backward",
    "nll_forward_backward",
    "cross_entropy_forward_backward",
    "sigmoid_forward",
    "softmax_forward",
]
RUSTC = os.environ.get("BARE_RUSTC", "/usr/bin/rustc")
LINKER = os.environ.get("BARE_LINKER", "ld.lld")
TOLERANCE = 0.05
# Counts of a few instructions an element move by more than 5% when one moves.
SLACK = 0.5

# Of each machine: the target, the processor, QEMU's machine, the linker script of its memory, what it is.
MACHINES = {
    "M0": ("thumbv6m-none-eabi", None, "microbit", "microbit.x", "Cortex-M0, no FPU"),
    "M4F": ("thumbv7em-none-eabihf", None, "mps2-an386", "mps2.x", "Cortex-M4F, FPU for f32"),
    "M7": ("thumbv7em-none-eabihf", "cortex-m7", "mps2-an500", "mps2.x", "Cortex-M7, FPU for f32 and f64"),
}


def run(command, **options):
    command = [str(part) for part in command]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, **options)
    if done.returncode != 0:
        sys.exit(f"cost.py: failed: {' '.join(command)}\n{done.stdout}")
    return done.stdout


def missing():
    """What is needed and not here, and Debian's packages that have it."""
    for command in (RUSTC, LINKER, "qemu-system-arm"):
        if not shutil.which(command):
            return command
    # The core library is built from its source.
    core = Path(run([RUSTC, "--print", "sysroot"]).strip()) / "lib/rustlib/src/rust/library/core"
    return None if core.is_dir() else core


def build(machine):
    """The static library, and the folders with the linker scripts."""
    target, processor, *_ = MACHINES[machine]
    environment = dict(os.environ, RUSTC=RUSTC, RUSTC_BOOTSTRAP="1")
    features = []
    if processor:
        environment["RUSTFLAGS"] = f"-C target-cpu={processor}"
        features = ["--features", "f64-unit"]
    command = ["cargo", "build", "--release", "-Zbuild-std=core", "--target", target, "--message-format=json", *features]
    folder = os.environ.get("CARGO_TARGET_DIR") or HERE.parent / "target"
    command += ["--target-dir", Path(folder) / ("cost-" + machine if processor else "bare")]
    library, scripts = None, []
    for line in run(command, cwd=HERE / "cost", env=environment).splitlines():
        message = json.loads(line)
        if message["reason"] == "build-script-executed":
            scripts.append(message["out_dir"])
        for file in message.get("filenames", []):
            if file.endswith("libtrueloss_cost.a"):
                library = file
    if not library:
        sys.exit("cost.py: cargo named no library")
    return library, scripts


def link(library, to, arguments):
    run([LINKER, "-m", "armelf", "--gc-sections", *arguments, library, "-o", to])


def flash(library, function, folder):
    """Bytes of code and constants in a program that is this function and all that it calls."""
    program = Path(folder) / "function"
    link(library, program, ["-e", function])
    total = 0
    for name, size in sections(program):
        if name.startswith((".text", ".rodata")):
            total += size
    return total


def sections(program):
    """(name, size) of each section of a 32-bit little-endian ELF file."""
    data = Path(program).read_bytes()
    word = lambda at, size=4: int.from_bytes(data[at : at + size], "little")
    headers, entry, count, names = word(32), word(46, 2), word(48, 2), word(50, 2)
    strings = word(headers + names * entry + 16)
    for header in range(headers, headers + count * entry, entry):
        start = strings + word(header)
        yield data[start : data.index(b"\0", start)].decode(), word(header + 20)


def measure(machine):
    """{name of the function: {"instructions", "stack", "flash"}}."""
    _, _, emulated, memory, what = MACHINES[machine]
    print(f"{machine} ({what}): building ...", flush=True)
    library, scripts = build(machine)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "memory.x").write_text((HERE / "link" / memory).read_text())
        program = Path(folder) / "cost"
        link(library, program, ["-L", folder, *(f"-L{script}" for script in scripts), "-Tlink.x"])
        print(f"{machine}: running in QEMU ...", flush=True)
        printed = run(
            ["qemu-system-arm", "-machine", emulated, "-nographic", "-icount", "shift=0", "-kernel", program]
            + ["-semihosting-config", "enable=on,target=native"],
            stdin=subprocess.DEVNULL,
            timeout=500,
        )
        lines = [line.split() for line in printed.splitlines()]
        if len(lines) < 3 or lines[0][0] != "calibration" or lines[1][0] != "calls":
            sys.exit(f"cost.py: {machine} printed:\n{printed}")
        # A loop of 2 instructions, 2,000,000 times more.
        per_tick = 4_000_000 / (int(lines[0][2]) - int(lines[0][1]))
        calls, elements = int(lines[1][1]), int(lines[1][2])
        print(f"{machine}: a tick is {per_tick:.2f} instructions; sizes ...", flush=True)
        functions = {}
        for name, small, large, stack in lines[2:]:
            instructions = (int(large) - int(small)) * per_tick / (calls * elements)
            functions[name] = {"instructions": round(instructions, 1), "stack": int(stack)}
        nothing = flash(library, "nothing", folder)
        for name, numbers in functions.items():
            numbers["flash"] = flash(library, name, folder) - nothing
        above = functions.pop("nothing")["stack"]
        for numbers in functions.values():
            numbers["stack"] -= above
    return functions


def title(name):
    for direction in ("forward_backward", "forward", "backward"):
        if name.endswith("_" + direction):
            return f"{name[: -len(direction) - 1]} | {direction}"
    return f"{name} | "


def number(key, n):
    return f"{n:.1f}" if key == "instructions" and n < 20 else f"{n:,.0f}"


def cell(functions, name, key):
    """Of trueloss, and in brackets of the usual formula, where there is one to compare with."""
    usual = functions.get("usual_" + name)
    return number(key, functions[name][key]) + (f" ({number(key, usual[key])})" if usual else "")


def short_table(record):
    """Instructions, and on the smallest machine memory."""
    machines = list(record["machines"])
    smallest = machines[0]
    out = ["| function | direction | " + " | ".join(machines) + f" | stack, {smallest} | flash, {smallest} |"]
    out.append("|---|---|" + "---:|" * (len(machines) + 2))
    for name in CHOSEN:
        cells = [cell(record["machines"][machine], name, "instructions") for machine in machines]
        cells += [cell(record["machines"][smallest], name, key) for key in ("stack", "flash")]
        out.append(f"| {title(name)} | " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def with_table(readme, table):
    """The README with the table between its marks."""
    before, rest = readme.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return before + MARKS[0] + table + MARKS[1] + after


def table(record):
    machines = list(record["machines"])
    names = [name for name in record["machines"][machines[0]] if not name.startswith("usual_")]
    out = [
        "# The cost on a microcontroller",
        "",
        "Made by `python3 firmware/cost.py`; a change made here is lost. Of each machine trueloss, and in brackets the usual",
        "formula in `f32` with the crate libm, if there is one here, whose answers are neither the nearest nor everywhere the same.",
        "Elements are `f32`;",
        "rows have 10 classes, and their elements are counted, not the rows.",
        "",
        *(f"- {name}: {MACHINES[name][4]} ({MACHINES[name][2]} in QEMU)." for name in machines),
        f"- Compiled by {record['rustc']}, optimised for speed.",
    ]
    parts = {
        "instructions": (
            "Instructions an element",
            "The difference between 240 and 120 elements, so without what a call does once.",
        ),
        "stack": ("Stack", "Bytes that a call needs, for 240 elements."),
        "flash": (
            "Flash",
            "Bytes of code and constants of a program that calls this function alone. Several functions share most. Where the\n"
            "usual formula indexes a row (nll, cross_entropy), some 3,500 of its bytes are a panic's; trueloss has none.",
        ),
    }
    for key, (heading, words) in parts.items():
        out += ["", f"## {heading}", "", words, ""]
        out += ["| function | direction | " + " | ".join(machines) + " |", "|---|---|" + "---:|" * len(machines)]
        for name in names:
            cells = [cell(record["machines"][machine], name, key) for machine in machines]
            out.append(f"| {title(name)} | " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a count grew by over 5%%")
    parser.add_argument("--machine", action="append", choices=MACHINES, help="only this one, with --check")
    arguments = parser.parse_args()
    if arguments.machine and not arguments.check:
        parser.error("--machine goes with --check: the record is of all of them")

    if lacks := missing():
        sys.exit(f"cost.py: there is no {lacks}: install rustc-web rust-web-src lld qemu-system-arm (Debian's packages)")
    rustc = run([RUSTC, "--version"]).strip()
    measured = {machine: measure(machine) for machine in arguments.machine or MACHINES}
    if not arguments.check:
        record = {"rustc": rustc, "machines": measured}
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
        TABLE.write_text(table(record))
        README.write_text(with_table(README.read_text(), short_table(record)))
        print(f"wrote {', '.join(os.path.relpath(file) for file in (RECORD, TABLE, README))}")
        return

    record = json.loads(RECORD.read_text())
    grown, fallen, lost = [], [], []
    for machine, functions in measured.items():
        recorded = record["machines"].get(machine, {})
        lost += [f"{machine} {name}" for name in recorded if name not in functions]
        for name, numbers in functions.items():
            now, before = numbers["instructions"], recorded.get(name, {}).get("instructions")
            line = f"{machine} {name}: {before} before, {now} now"
            if before is None or now > before * (1 + TOLERANCE) + SLACK:
                grown.append(line)
            elif now < before * (1 - TOLERANCE) - SLACK:
                fallen.append(line)
    readme = README.read_text()
    if TABLE.read_text() != table(record) or readme != with_table(readme, short_table(record)):
        sys.exit("cost.py: COST.md or the README's table is not that of cost.json: run `python3 firmware/cost.py`")
    if lost:
        sys.exit("cost.py: recorded and no longer measured, `python3 firmware/cost.py` records that:\n  " + "\n  ".join(lost))
    if fallen:
        print(f"{len(fallen)} functions take over 5% fewer instructions: `python3 firmware/cost.py` records that")
    if grown:
        print(f"{len(grown)} functions take over 5% more instructions an element than recorded:")
        print("\n".join(f"  {line}" for line in grown))
        if rustc != record["rustc"]:
            print(f"!!! NOT COMPARED: cost.json is from {record['rustc']}, this is {rustc}", file=sys.stderr)
            return
        print("If this is meant, `python3 firmware/cost.py` records it.")
        sys.exit(1)
    print(f"instructions an element: {sum(map(len, measured.values()))} functions, none grew by over 5%")


if __name__ == "__main__":
    main()
