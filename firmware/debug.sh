#!/usr/bin/env bash
# The digests of a debug build: unoptimised, with overflow checks and debug assertions, the same bits. Once as this machine
# is, and once as one without vectors and without a unit for f64, where much of the arithmetic is in integers.
#
#     debug.sh          the full set of inputs
#     debug.sh small    the small one, which has no elements of 16 bits
set -euo pipefail
cd "$(dirname "$0")"
case ${1:-full} in
  full) features=(--features full) ;;
  small) features=() ;;
  *) sed -n 's/^#  *\(debug.sh\)/\1/p' "$0" >&2; exit 2 ;;
esac
mkdir -p "${CARGO_TARGET_DIR:-target}"
base=$(realpath "${CARGO_TARGET_DIR:-target}")

digests() { # NAME FLAGS
  RUSTFLAGS=$2 cargo build -q --locked --bin digest ${features[@]+"${features[@]}"} --target-dir "$base/debug-$1"
  local output status=0
  output=$("$base/debug-$1/debug/digest" 2>&1) || status=$?
  printf '%-9s %s\n' "$1" "$(tail -n 1 <<<"$output")"
  [ "$status" = 0 ] || { grep -v ' [0-9a-f]\{16\}$' <<<"$output"; return "$status"; }
}

digests host ''
digests integer '--cfg trueloss_scalar --cfg trueloss_integer'
