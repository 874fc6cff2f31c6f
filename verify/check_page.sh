#!/usr/bin/env bash
# Runs the Python lines of CHECK.md on a probe of every function and has the answers judged. They need a Python that has
# torch, torchvision, safetensors and numpy: PYTHON names it. `check_page.sh DIR` keeps the filled probes in DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import torch, torchvision, safetensors, numpy' 2>/dev/null; then
  echo "$python has no torch, torchvision, safetensors and numpy: the lines of CHECK.md are not run"
  exit 0
fi
probes=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -r "$probes"' EXIT
trueloss() { cargo run --quiet --release -p trueloss-verify -- "$@"; }
trueloss probe --all --out "$probes"
sed -n '/^```python$/,/^```$/{//!p}' verify/CHECK.md | "$python" - "$probes"/*.safetensors
trueloss check "$probes"/*.safetensors
