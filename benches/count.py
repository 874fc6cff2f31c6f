#!/usr/bin/env python3
"""Counts the instructions of trueloss's calls under callgrind and compares them with benches/counts.json.

Unlike a time, a count is the same on a busy machine, so it can fail a build: exit status 1 when a call takes over 5% more
instructions than recorded, is not recorded, or is recorded and no longer made. The counts depend on the compiler: with another
rustc than the recorded one, the table is printed and no count fails.

Needs rustc's cargo, valgrind and an x86-64 machine; without these it says so and exits with status 0, or 2 with --required.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORD = HERE / "counts.json"
COUNTED = "count::counted_call"  # in src/bin/count.rs
TOLERANCE = 0.05


def run(command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, **options)
    if done.returncode != 0:
        sys.exit(f"count.py: failed: {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def build():
    command = ["cargo", "build", "--release", "-p", "trueloss-benches", "--bin", "count", "--message-format=json"]
    for line in run(command, cwd=HERE.parent).splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "count":
            return message["executable"]
    sys.exit("count.py: cargo named no binary `count`")


def count(binary):
    """{name of the call: (instructions, elements)}, in the order of the calls."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "callgrind.out"
        log = Path(directory) / "log"
        calls = run(
            [
                "valgrind",
                "--tool=callgrind",
                "--collect-atstart=no",
                f"--toggle-collect={COUNTED}",
                f"--dump-after={COUNTED}",
                f"--callgrind-out-file={out}",
                f"--log-file={log}",
                binary,
            ]
        ).splitlines()
        # callgrind writes one file after each call; the last one, without a number, is what came after all of them.
        parts = len(list(Path(directory).glob("callgrind.out.*")))
        if parts != len(calls):
            sys.exit(f"count.py: {len(calls)} calls, but callgrind saw {parts}:\n{log.read_text()}")
        counts = {}
        for number, call in enumerate(calls, 1):
            name, elements = call.rsplit(" ", 1)
            totals = re.search(r"^totals: (\d+)$", Path(f"{out}.{number}").read_text(), re.MULTILINE)
            counts[name] = (int(totals[1]), int(elements))
        return counts


def unavailable():
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"the counts are those of x86-64, this is {platform.machine()}"
    if not shutil.which("valgrind"):
        return "valgrind is not installed"
    return None


def fail(calls, what):
    """Names the calls that are not as recorded, and ends with status 1."""
    print(f"{len(calls)} calls {what}:")
    for name in calls:
        print(f"  {name}")
    print("If this is meant, `python3 benches/count.py --bless` records it.")
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bless", action="store_true", help="write what was counted to counts.json")
    parser.add_argument("--required", action="store_true", help="fail where nothing can be counted")
    arguments = parser.parse_args()

    if reason := unavailable():
        print(f"!!! NOT COUNTED: {reason}", file=sys.stderr)
        sys.exit(2 if arguments.required else 0)

    rustc = run(["rustc", "--version"]).strip()
    binary = build()
    print(f"counting under callgrind ({rustc}) ...", flush=True)
    counts = count(binary)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"rustc": None, "instructions": {}}
    recorded = record["instructions"]

    rows, grown, fallen = [], [], []
    for name, (instructions, elements) in counts.items():
        before = recorded.get(name)
        change = instructions / before - 1 if before else None
        remark = ""
        if change is None:
            grown.append(name)
            remark = "not recorded"
        elif change > TOLERANCE:
            grown.append(name)
            remark = "GREW"
        elif change < -TOLERANCE:
            fallen.append(name)
            remark = "fell"
        percent = "" if change is None else f"{change:+.1%}"
        rows.append((name, f"{instructions:,}", f"{instructions / elements:.2f}", percent, remark))
    gone = [name for name in recorded if name not in counts]

    print(f"{'call':<62} {'instructions':>14} {'an element':>11} {'change':>8}")
    for name, instructions, each, percent, remark in rows:
        print(f"{name:<62} {instructions:>14} {each:>11} {percent:>8} {remark}".rstrip())

    if arguments.bless:
        instructions = {name: count for name, (count, _) in counts.items()}
        RECORD.write_text(json.dumps({"rustc": rustc, "instructions": instructions}, indent=2) + "\n")
        print(f"wrote {os.path.relpath(RECORD)}")
        return
    # A machine without AVX2 counts less, which is no reason to fail. What every machine has must be there, with any compiler.
    lost = [name for name in gone if name.endswith(" baseline")]
    if lost:
        fail(lost, "of counts.json are no longer made")
    if record["rustc"] != rustc:
        print(f"!!! NOT COMPARED: counts.json is from {record['rustc']}, this is {rustc}", file=sys.stderr)
        return
    if gone:
        print(f"!!! NOT COUNTED HERE: {len(gone)} calls of counts.json, such as {gone[0]}", file=sys.stderr)
    if fallen:
        print(f"{len(fallen)} calls take over {TOLERANCE:.0%} less: record that with `python3 benches/count.py --bless`")
    if grown:
        fail(grown, f"take over {TOLERANCE:.0%} more than recorded, or are not recorded")


if __name__ == "__main__":
    main()
