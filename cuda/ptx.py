#!/usr/bin/env python3
"""The text of the GPU's kernels: what cuda/ptx.sh calls.

`ptx.py split ASSEMBLY` writes cuda/ptx/NAME.ptx for each kernel, from what the compiler made of all of them. (That these are
those of the list is for the crate trueloss-cuda to see, which includes each of them, and which no other file passes its tests with.) So a driver compiles only the kernels that are called. With --check it compares with the files that are there.
Names that the compiler makes up depend on where the sources lie, so that they are replaced: the text does not.
Every file is held against RULES.

`ptx.py assemble` runs ptxas over those files and writes cuda/PTX.md: registers, spills and stack. No GPU is needed. With
--check it compares with the table, and fails on any spill that is not in it. ptxas is the one in $PTXAS or on the PATH, if
it knows all of GPUS, or that of a package that pip fetches into target/. Without any it says that nothing was
assembled, which is a failure only where TRUELOSS_REQUIRE_PTXAS=1.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
PTX = HERE / "ptx"
TABLE = HERE / "PTX.md"
RUSTC = "/usr/bin/rustc"

# The size of a block: THREADS of cuda/kernels/src/machine.rs.
BLOCK = ".reqntid 256, 1, 1"

# Kernels of quick paths, which may use fused multiply-add: what they leave open has a bound.
QUICK = []

FUSED = (r"^(fma\b|mad\..*f\d)", "a fused multiply-add rounds once where the formula rounds twice")

# What no instruction may be, and why. Each pattern is held against an instruction without its predicate and operands.
RULES = [
    FUSED,
    (r"\.(approx|full)\b", "an approximation is not correctly rounded, and differs from GPU to GPU"),
    (r"\.ftz\b", "denormals must not be flushed to zero"),
    (r"\.sat\b", "clamps to [0, 1]"),
    # rcp.rn is 1 / x, correctly rounded.
    (r"^(ex2|lg2|sin|cos|tanh|rsqrt|rcp(?!\.rn\.f\d))\b", "a function of the hardware, with bits of its own"),
    (r"^(add|sub|mul|div|sqrt)(?!\.rn\.).*f\d", "arithmetic that does not say how it rounds, or not to the nearest"),
    # From a floating-point number to an integer too: none is needed, and what it gives out of range is the GPU's own.
    (
        r"^cvt(?!\.rn\.b?f\d)(?!\.f64\.f32$)(?!\.f(64|32)\.b?f16$).*f\d",
        "a conversion that does not say how it rounds, or not to the nearest",
    ),
    (r"^(mma|wmma|wgmma|tcgen05)\b", "tensor cores add in an order of their own"),
    (r"^(red|atom)\..*f\d", "threads would add in whatever order they come"),
    (r"^(red|atom)\.(?!global\.max\.u64$)", "only reports of faults are written to by several threads"),
    (r"^(shfl|vote|match|activemask|bar|barrier)\b(?!\.sync)", "threads need not be at the same instruction"),
    (r"^(trap|brkpt|exit)\b", "a panic, or code that cannot be reached, is left over"),
    (r"^\.extern\b", "there is nothing to link with"),
    (r"^\.callprototype\b", "a call of something that is not known"),
    (r"^\.(file|loc|section)\b", "debug information holds paths"),
]

# What assembles: Volta, Ampere, Hopper, Blackwell.
GPUS = ["sm_70", "sm_80", "sm_90", "sm_100"]
PACKAGE = "nvidia-cuda-nvcc-cu12==12.9.86"

MADE_BY = "// Made by cuda/ptx.sh with "
NAME = re.compile(r"[A-Za-z_$][\w$]*")


def compiler():
    """What the text depends on. Debian's rustc takes LLVM from a package of its own."""
    version = subprocess.run([RUSTC, "-vV"], text=True, stdout=subprocess.PIPE, check=True).stdout
    return f"{version.splitlines()[0]}, LLVM {re.search('LLVM version: (.*)', version)[1]}"


def uncommented(text):
    """The text without comments, and without the space and the lines that they leave."""
    lines = (line.split("//")[0].rstrip() for line in text.splitlines())
    return [line for line in lines if line]


def items(lines):
    """What a module consists of, outside of braces: [[line, …], …]. A function ends with its body, all else with a semicolon;
    of the header, each line is one."""
    found, item, depth = [], [], 0
    for line in lines:
        item.append(line)
        depth += line.count("{") - line.count("}")
        header = re.match(r"\.(version|target|address_size)\b", item[0])
        if depth == 0 and (header or line.endswith(";") or line == "}"):
            found.append(item)
            item = []
    if item or depth:
        sys.exit(f"ptx.py: no end of: {item[0] if item else lines[-1]}")
    return found


def name_of(item):
    """What an item declares, and whether it is a function."""
    line = item[0]
    function = re.match(r"(?:\.\w+ )*\.(?:func|entry)\s+(?:\(.*?\)\s*)?([\w$]+)", line)
    variable = re.match(r"(?:\.\w+ )*\.(?:shared|global|const)\b.*?\s([\w$]+)(?:\[\d*\])?(?: =|;)", line)
    if not (function or variable):
        sys.exit(f"ptx.py: not known: {line}")
    return (function or variable)[1], bool(function)


def owner(name):
    """The function whose parameter this is, or the name itself."""
    return re.sub(r"_param_\d+$", "", name)


def instructions(lines):
    """The instructions of a body, without their operands: what must not get lost."""
    return [line.split()[0] for line in lines]


def split(assembly):
    """{name of the kernel: its file}"""
    parts = items(uncommented(assembly))
    header = [item[0] for item in parts if item[0].startswith((".version", ".target", ".address_size"))]
    declared, functions, entries = {}, set(), []
    for item in parts[len(header) :]:
        name, function = name_of(item)
        declared[name] = item
        if function:
            functions.add(name)
        if ".entry " in item[0]:
            entries.append(name)
    panics = [name for name in functions if "panic" in name]
    if panics:
        sys.exit(f"ptx.py: a panic is left over: {panics}")
    return {entry: file_of(entry, header, declared, functions) for entry in entries}


def file_of(entry, header, declared, functions):
    # What is needed comes first, in the order in which it is needed.
    order = []

    def need(name):
        if name in order:
            return
        for word in NAME.findall("\n".join(declared[name])):
            word = owner(word)
            if word in declared and word != name:
                need(word)
        order.append(name)

    need(entry)
    short = {entry: entry, "trueloss_exchange": "trueloss_exchange"}
    for letter, kind in ("v", [n for n in order if n not in functions]), ("f", [n for n in order if n in functions]):
        for name in kind:
            short.setdefault(name, f"{letter}{sum(key[0] == letter and key[1:].isdigit() for key in short.values())}")

    def renamed(match):
        name = owner(match[0])
        return short[name] + match[0][len(name) :] if name in short else match[0]

    out = [MADE_BY + compiler(), *header]
    # Variables first: a function may come between two of them.
    order.sort(key=lambda name: name in functions)
    for place, name in enumerate(order):
        item = declared[name]
        text = [NAME.sub(renamed, line) for line in item]
        # The compiler numbers functions, and in its labels calls, throughout the module.
        text = [re.sub(r"(\$L__BB|__local_depot)\d+", rf"\g<1>{place}", line) for line in text]
        if name in functions and instructions(text[1:]) != [
            re.sub(r"\$L__BB\d+", f"$L__BB{place}", word) for word in instructions(item[1:])
        ]:
            sys.exit(f"ptx.py: {entry}: instructions got lost")
        if name == entry:
            text.insert(text.index("{"), BLOCK)
        out += ["", *text] if name in functions else text
    return "\n".join(out) + "\n"


def faults(name, text):
    """What is wrong with a file: [(line, what)]."""
    lines = [line.split("//")[0].strip() for line in text.splitlines()]
    found = []
    functions, calls, entries, label = {}, [], [], None
    for number, line in enumerate(lines, 1):
        instruction = re.sub(r"^@!?%\w+\s+", "", line)
        if not instruction:
            continue
        # A line may have several in braces. What else braces part is operands, which begin like no instruction.
        operations = [part.split()[0] for part in re.split(r"[;{}]\s*(?:@!?%\w+\s+)?", instruction) if part.strip()]
        for pattern, reason in RULES:
            if name in QUICK and (pattern, reason) == FUSED:
                continue
            if any(re.search(pattern, operation) for operation in operations):
                found.append((number, f"{instruction}: {reason}"))
        if re.match(r"bra\b", instruction) and label and instruction.split()[-1] == label + ";":
            found.append((number, f"{instruction}: a loop without an end, what is left of a panic"))
        label = line[:-1] if re.fullmatch(r"[\w$]+:", line) else None
        if re.match(r"(?:\.\w+ )*\.(?:func|entry)\b", line):
            function = name_of([line])[0]
            functions[function] = number
            if ".entry" in line:
                entries.append((number, function))
        if instruction.startswith("call"):
            # The name stands after the result, if there is one.
            called = re.search(r"call(?:\.uni)?\s+(?:\([^)]*\),\s*)?([\w$%]+)", instruction)
            calls.append((number, called[1] if called else instruction))
    for number, called in calls:
        if called not in functions:
            found.append((number, f"{called} is called and is not here"))
        elif functions[called] > number:
            found.append((number, f"{called} is called before it is declared"))
    if [function for _, function in entries] != [name]:
        found.append((1, f"has other entries than {name}: {[function for _, function in entries]}"))
    if lines.count(BLOCK) != 1:
        found.append((1, f"lacks {BLOCK}"))
    if lines.count(".target sm_70") != 1:
        found.append((1, "is not for sm_70"))
    defined = set()
    for number, line in enumerate(lines, 1):
        if re.match(r"\.(shared|global|const|visible|weak|extern|func)\b", line):
            defined.add(name_of([line])[0])
        # Names of variables and functions are v0, f0 and so on; whatever else is named lies within its function.
        for word in re.findall(r"(?<![\w$%.])(?:[vf]\d+|trueloss_\w+)(?![\w$])", line):
            if word not in defined:
                found.append((number, f"{word} is not declared"))
    return found


def check_all(files, names):
    """Says what is wrong with {name: text}, which should be of these names; whether nothing is."""
    wrong = [f"{name}: no file" for name in sorted(names - set(files))]
    wrong += [f"{name}.ptx: not a kernel" for name in sorted(set(files) - names)]
    for name, text in sorted(files.items()):
        wrong += [f"cuda/ptx/{name}.ptx:{line}: {what}" for line, what in faults(name, text)]
    for line in wrong:
        print(line, file=sys.stderr)
    return not wrong


def committed():
    return {path.stem: path.read_text() for path in sorted(PTX.glob("*"))}


def run_split(arguments):
    files = split(Path(arguments.assembly).read_text())
    good = check_all(files, set(files))
    if not arguments.check:
        if not good:
            sys.exit("ptx.py: nothing is written")
        PTX.mkdir(exist_ok=True)
        for path in PTX.glob("*"):
            path.unlink()
        for name, text in files.items():
            (PTX / f"{name}.ptx").write_text(text)
        print(f"{len(files)} kernels, {sum(map(len, files.values())) // 1024} KiB, in {PTX.relative_to(HERE.parent)}")
        return
    there = committed()
    good &= check_all(there, set(files))
    makers = {text.split("\n", 1)[0].removeprefix(MADE_BY) for text in there.values()}
    if makers <= {compiler()}:
        different = [name for name in files if there.get(name, files[name]) != files[name]]
        for name in different:
            print(f"cuda/ptx/{name}.ptx: is not what cuda/ptx.sh makes", file=sys.stderr)
        good &= not different
        compared = "the same as what is built"
    else:
        compared = f"not compared: the compiler here is {compiler()}, theirs {'; '.join(sorted(makers))}"
    if not good:
        sys.exit(1)
    print(f"{len(there)} kernels, no rule broken, {compared}")


def knows(ptxas):
    """Whether this assembler is there, and for all GPUs."""
    try:
        text = subprocess.run([ptxas, "--help"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    except OSError:
        return False
    return all(f"'{gpu}'" in text for gpu in GPUS)


def assembler():
    """Where ptxas is, or None."""
    named = os.environ.get("PTXAS")
    if named:
        if not knows(named):
            sys.exit(f"ptx.py: PTXAS={named} does not assemble for {', '.join(GPUS)}")
        return named
    target = Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parent / "target") / "ptxas"
    ours = target / "nvidia/cuda_nvcc/bin/ptxas"
    on_path = shutil.which("ptxas")
    for ptxas in filter(None, [on_path, ours]):
        if knows(ptxas):
            return ptxas
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    try:
        subprocess.run([*pip, "--target", target, PACKAGE], timeout=300, stderr=subprocess.PIPE, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    # Packages lose what makes a file executable.
    ours.chmod(0o755)
    return ours if knows(ours) else None


def assemble(ptxas, name, gpu, folder):
    """(registers, bytes of spill stores and loads, bytes of stack)"""
    command = [ptxas, "-v", f"-arch={gpu}", "-o", folder / f"{name}.{gpu}", PTX / f"{name}.ptx"]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"ptx.py: {name} does not assemble for {gpu}:\n{done.stdout}")
    registers = max(map(int, re.findall(r"Used (\d+) registers", done.stdout)))
    spills = sum(map(int, re.findall(r"(\d+) bytes spill (?:stores|loads)", done.stdout)))
    # That of the functions which it calls too, where ptxas can tell.
    stack = max(map(int, re.findall(r"(\d+) bytes (?:stack frame|cumulative stack size)", done.stdout)))
    return registers, spills, stack


HEAD = """# What the assembler makes of the GPU's kernels

For each kernel and each generation of GPUs, as `registers, spills, stack`: the registers of a thread, the bytes of
instructions that move registers to memory and back for lack of them, and the bytes of its arrays in memory. A block
has 256 threads, and a multiprocessor 65,536 registers and at most 2,048 threads: 32 registers let all of them run
at once, 64 half of them, 128 a quarter.

`cuda/ptx.sh --assemble` writes this table, with ptxas {version}.

"""


def table(version, rows):
    lines = [HEAD.format(version=version) + "| kernel | " + " | ".join(GPUS) + " |", "|---" * (len(GPUS) + 1) + "|"]
    for name, cells in rows.items():
        lines.append(f"| {name} | " + " | ".join(", ".join(map(str, cell)) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def parsed(text):
    """The version of ptxas in a table, and its rows."""
    version = re.search(r"with ptxas (\S+)\.$", text, re.MULTILINE)
    rows = {}
    for line in re.findall(r"^\| (\w+ \| \d.*) \|$", text, re.MULTILINE):
        name, *cells = line.split(" | ")
        rows[name] = [tuple(map(int, cell.split(", "))) for cell in cells]
    return version and version[1], rows


def run_assemble(arguments):
    ptxas = assembler()
    if not ptxas:
        print(f"nothing was assembled: no ptxas here, and pip cannot install {PACKAGE}")
        sys.exit(os.environ.get("TRUELOSS_REQUIRE_PTXAS") == "1")
    names = list(committed())
    version = subprocess.run([ptxas, "--version"], text=True, stdout=subprocess.PIPE, check=True).stdout
    version = re.search(r"\bV(\d[\d.]*)", version)[1]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [(name, gpu) for name in names for gpu in GPUS]
        cells = list(pool.map(lambda job: assemble(ptxas, *job, Path(folder)), jobs))
    rows = {name: cells[k * len(GPUS) : (k + 1) * len(GPUS)] for k, name in enumerate(names)}
    if not arguments.check:
        TABLE.write_text(table(version, rows))
        print(f"{len(rows)} kernels, {sum(cell[1] > 0 for cell in cells)} spills, in {TABLE.relative_to(HERE.parent)}")
        return
    old_version, old = parsed(TABLE.read_text())
    wrong = [f"{name}: in the table and not a kernel" for name in old if name not in rows]
    for name, new in rows.items():
        for gpu, cell, before in zip(GPUS, new, old.get(name, [(0, 0, 0)] * len(GPUS))):
            if cell[1] > before[1]:
                wrong.append(f"{name}: {cell[1]} bytes of spills on {gpu}, {before[1]} in the table")
            elif version == old_version and cell != before:
                wrong.append(f"{name}: {cell} on {gpu}, {before} in the table")
    if version == old_version and not wrong and TABLE.read_text() != table(version, rows):
        wrong.append(f"{TABLE.name}: is not what cuda/ptx.sh --assemble writes")
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(1)
    compared = "as in the table" if version == old_version else f"not compared: ptxas {version}, not {old_version}"
    print(f"{len(rows)} kernels assembled for {', '.join(GPUS)}, no new spills, registers and stack {compared}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("split")
    command.add_argument("assembly")
    command.add_argument("--check", action="store_true")
    command.set_defaults(run=run_split)
    command = commands.add_parser("assemble")
    command.add_argument("--check", action="store_true")
    command.set_defaults(run=run_assemble)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
