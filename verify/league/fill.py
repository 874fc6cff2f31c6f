"""What the fillers share: each answers the probes of a folder with one library, where the library has the function."""

import json
import sys
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import save_file


class Missing(Exception):
    """The library's documented functions do not do what the probe asks; says why."""


def fill(version, answer):
    """`answer(words, tensors)` returns the loss or output and the gradient times grad_output, as arrays of f32."""
    probes, out = map(Path, sys.argv[1:])
    missing = {}
    for path in sorted(probes.glob("*.safetensors")):
        with safe_open(path, "np") as file:
            tensors, words = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
        try:
            loss, gradient = answer(words, tensors)
        except Missing as reason:
            missing[path.stem] = str(reason)
            continue
        save_file(tensors | {"loss": loss, "grad_input": gradient}, out / path.name, words)
    (out / "notes.json").write_text(json.dumps({"version": version, "missing": missing}, indent=1) + "\n")


def refuse(words, tensors, names):
    """Raises Missing for options that the library lacks, and for losses that are not asked of it here."""
    if words["function"] in ("huber_loss", "sigmoid_focal_loss"):
        raise Missing("not asked")
    used = {
        "weight": "weight" in tensors,
        "pos_weight": "pos_weight" in tensors,
        "ignore_index": "ignore_index" in words,
        "beta": float(words.get("beta", 1)) != 1,
        "positions": "target" in tensors and tensors["input"].ndim > 2,
    }
    for name in names:
        if used[name]:
            raise Missing({"positions": "the classes are the last dimension"}.get(name, f"no {name}"))
