#!/usr/bin/env bash
# The kernels' answers to hard inputs, judged by Arb; README.md says more. Where python-flint is not to be had, it says so.
#
#     run.sh [ELEMENTS [SEED]]    so many elements or rows of each function and option
set -euo pipefail
cd "$(dirname "$0")/../.."
elements=${1:-32} seed=${2:-1}
mkdir -p "${CARGO_TARGET_DIR:-target}/arb"
base=$(realpath "${CARGO_TARGET_DIR:-target}/arb")

python=$base/venv/bin/python
if ! cmp -s verify/arb/requirements.txt "$base/installed"; then
  if ! { python3 -m venv --clear "$base/venv" &&
    "$python" -m pip install -q --disable-pip-version-check --only-binary :all: -r verify/arb/requirements.txt; } >"$base/install.log" 2>&1
  then
    echo "skipped: python-flint cannot be installed ($base/install.log says why)"
    exit 0
  fi
  cp verify/arb/requirements.txt "$base/installed"
fi

cargo build -q --release -p trueloss-verify
trueloss=$(realpath "${CARGO_TARGET_DIR:-target}/release/trueloss")
status=0
for dtype in f32 f64; do
  rm -rf "$base/cases" "$base/answers"
  "$trueloss" probe --all --dtype "$dtype" --elements "$elements" --seed "$seed" --out "$base/cases"
  "$trueloss" eval "$base"/cases/*.safetensors --out "$base/answers"
  echo "$dtype:"
  "$python" verify/arb/check.py "$base/cases" "$base/answers" --trueloss "$trueloss" || status=1
done
exit "$status"
