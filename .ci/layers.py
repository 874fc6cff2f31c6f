#!/usr/bin/env python3
"""Checks that core/src is made of layers: no import goes up, no two files of a layer import each other in a circle, and no
file is longer than 600 lines.

A file is named by its path: `sum/tree.rs` is `sum::tree`. Tests don't count, neither their imports nor their lines.

  .ci/layers.py                 checks core/src
  .ci/layers.py FOLDER LAYER…   checks another folder with these layers, lowest first
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Lowest first: each uses only those before it.
LAYERS = "error machine check number sum rows engine activation loss front".split()
MOST_LINES = 600
# Written by programs, so that their length is nobody's.
GENERATED = set()


def without_tests(text):
    """The text without comments, strings and the tests at its end."""
    text = re.split(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*mod ", text, flags=re.M)[0]
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)


def expand(tree):
    """The paths of a use tree: `a::{b, c::{d}}` is a::b and a::c::d."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        yield tree.split(" as ")[0].strip()
        return
    depth, part, parts = 0, "", []
    for char in tree[brace + 1 : tree.rindex("}")]:
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    for part in parts + [part]:
        if part.strip():
            for path in expand(part):
                yield tree[:brace] + path


def module_of(path, folder):
    name = path.relative_to(folder).with_suffix("").as_posix().replace("/", "::")
    return name.removesuffix("::mod")


def imports(text):
    """The paths that a file names: those of its `use`, and those in full."""
    for tree in re.findall(r"\buse\s+([^;]+);", text):
        for path in expand(tree):
            yield path
    for path in re.findall(r"\b((?:crate|super)(?:::\w+)+)", text):
        yield path


def resolve(path, module, modules):
    """The module that a path leads to, if it is one of this crate's."""
    parts = [part.strip() for part in path.split("::")]
    here = module.split("::")
    if parts[0] == "crate":
        parts = parts[1:]
    elif parts[0] == "super":
        base = here[:-1]
        parts = parts[1:]
        while parts and parts[0] == "super":
            base, parts = base[:-1], parts[1:]
        parts = base + parts
    elif parts[0] == "self":
        parts = here + parts[1:]
    else:
        return None
    while parts and "::".join(parts) not in modules:
        parts = parts[:-1]
    return "::".join(parts) or None


def circles(edges):
    """The groups of modules that lead to each other."""
    index, low, stack, found, counter = {}, {}, [], [], [0]

    def visit(node):
        index[node] = low[node] = counter[0]
        counter[0] += 1
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while True:
                other = stack.pop()
                group.append(other)
                if other == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def check(folder, layers):
    files = sorted(path for path in folder.rglob("*.rs") if path.name not in ("lib.rs", "main.rs", "tests.rs"))
    modules = {module_of(path, folder): path for path in files}
    order = {layer: at for at, layer in enumerate(layers)}
    faults, edges = [], {}
    for module, path in modules.items():
        text = path.read_text()
        layer = module.split("::")[0]
        if layer not in order:
            faults.append(f"{path}: no such layer: {layer}")
            continue
        code = without_tests(text)
        name = path.relative_to(folder)
        counted = re.split(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*mod ", text, flags=re.M)[0]
        if counted.count("\n") > MOST_LINES and str(name) not in GENERATED:
            faults.append(f"{name}: {counted.count(chr(10))} lines, more than {MOST_LINES}")
        if "include!" in code:
            faults.append(f"{name}: include!")
        for used in imports(code):
            target = resolve(used, module, modules)
            if target is None or target == module or target.startswith(module + "::"):
                continue
            to = target.split("::")[0]
            if order.get(to, len(layers)) > order[layer]:
                faults.append(f"{name}: uses {used}, which is above it")
            if module.startswith(target + "::") and to == layer:
                # What a folder's own page defines, or passes on, is below its other files.
                continue
            edges.setdefault(module, set()).add(target)
    for group in circles(edges):
        faults.append("a circle: " + ", ".join(group))
    return faults, len(files)


def main():
    if len(sys.argv) > 2:
        folder, layers = Path(sys.argv[1]).resolve(), sys.argv[2:]
    elif len(sys.argv) == 1:
        folder, layers = ROOT / "core/src", LAYERS
    else:
        sys.exit(__doc__)
    faults, count = check(folder, layers)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{count} files, {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
