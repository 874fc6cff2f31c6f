#!/usr/bin/env bash
# Links no_panic, a program that calls every public function, for this machine and for microcontrollers. It does not link if
# a panic is left anywhere. That the check can fail is shown first, with a panic that is put there on purpose.
set -euo pipefail
cd "$(dirname "$0")/no_panic"
. ../bare.sh
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The names that linkers have for it differ; the symbol does not.
refused() { grep -q 'undefined.*trueloss_must_not_panic' "$log"; }

must_link() {
  "$@" >"$log" 2>&1 && return
  cat "$log" >&2
  refused && echo "no_panic.sh: a panic is left in the kernels" >&2
  exit 1
}

if bare_cargo build --target thumbv7em-none-eabihf --features panic >"$log" 2>&1 || ! refused; then
  cat "$log" >&2
  echo 'no_panic.sh: the panic on purpose went unnoticed' >&2
  exit 1
fi
echo 'a panic on purpose: does not link, as it should'

for target in thumbv7em-none-eabihf thumbv6m-none-eabi; do
  must_link bare_cargo build --target $target
  echo "$target: no panic"
done
case $(uname -m) in
  x86_64)
    must_link cargo build --release
    echo 'x86-64: no panic'
    ;;
esac
