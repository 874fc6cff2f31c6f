#!/usr/bin/env bash
# Links no_panic, a program that calls every public function, for this machine and for microcontrollers. It does not
# link if a panic is left anywhere. That the check can fail is shown first, with a panic that is put there on purpose.
set -euo pipefail
cd "$(dirname "$0")/no_panic"
. ../bare.sh
log=$(mktemp)
program=$(mktemp)
trap 'rm -f "$log" "$program"' EXIT

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
# The C library is compiled without regard to a whole program, and none of its functions may lead to a panic either. The
# archive holds those of the core library, which shows that the name is the right one.
(cd ../.. && must_link bare_cargo rustc -p trueloss-capi --crate-type staticlib --no-default-features \
  --target thumbv7em-none-eabihf)
library=$bare_target/thumbv7em-none-eabihf/release/libtrueloss_capi.a
functions=$(grep -o '^[a-z].*(' ../../capi/include/trueloss.h | grep -o 'trueloss_[a-z0-9_]*(' | tr -d '(' | sort -u)
# shellcheck disable=SC2046
ld.lld -m armelf --gc-sections -e trueloss_version $(printf -- '-u %s ' $functions) "$library" -o "$program"
if grep -q core9panicking "$program" || ! grep -q core9panicking "$library"; then
  echo 'no_panic.sh: a panic is left in the C library' >&2
  exit 1
fi
echo "thumbv7em-none-eabihf, C library of $(echo "$functions" | wc -l) functions: no panic"

case $(uname -m) in
  x86_64)
    must_link cargo build --release
    echo 'x86-64: no panic'
    ;;
esac
