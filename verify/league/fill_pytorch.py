"""PyTorch on the CPU: the lines of CHECK.md, on copies of the probes."""

import json
import re
import shutil
import sys
from pathlib import Path

import torch

page = (Path(__file__).parent.parent / "CHECK.md").read_text()
[lines] = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
probes, out = map(Path, sys.argv[1:])
for path in probes.glob("*.safetensors"):
    shutil.copy(path, out)
sys.argv[1:] = map(str, sorted(out.glob("*.safetensors")))
exec(compile(lines, "CHECK.md", "exec"))
(out / "notes.json").write_text(json.dumps({"version": f"PyTorch {torch.__version__}", "missing": {}}, indent=1) + "\n")
