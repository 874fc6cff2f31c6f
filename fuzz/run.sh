#!/usr/bin/env bash
# Builds all targets and runs each for some seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

usage="usage: fuzz/run.sh [SECONDS | --runs N [TARGET…]]

Builds the targets and runs each, or those named, for SECONDS (30), as many at a time as there are cores. It begins with the
committed corpus; what it finds beyond goes to a folder of its own, fuzz/target/found/TARGET, which \`cargo fuzz cmin\` can
make smaller. Exit status: 1 if a property does not hold; the input is then in fuzz/artifacts/TARGET.

With --runs each makes N runs, from the committed corpus alone and always with the same seed: the same inputs each time, so that
a build does not fail by chance.

It needs a nightly compiler and cargo-fuzz, which it installs; where they are not to be had, it says so, and that is no
failure."
case "${1:-}" in -h | --help) echo "$usage" && exit ;; esac
limit=-max_total_time=
[ "${1:-}" != --runs ] || { limit='-seed=1 -runs=' && shift; }
number=${1:-30}
[[ $number =~ ^[1-9][0-9]*$ ]] || { printf 'not a number: %s\n\n%s\n' "$number" "$usage" >&2; exit 2; }

skip() { echo "fuzzing skipped: $*"; exit 0; }
cargo +nightly --version >/dev/null 2>&1 || skip 'there is no nightly compiler (rustup toolchain install nightly)'
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked ||
  skip 'there is no cargo-fuzz, and it cannot be installed'

all=$(cargo +nightly fuzz list)
targets=${*:2}
targets=${targets:-$all}
for target in $targets; do
  grep -qx -- "$target" <<<"$all" || { printf 'no such target: %s\n\n%s\n' "$target" "$usage" >&2; exit 2; }
done

# What is tried is safe code, but for the C interface, whose pointers lead nowhere else: no sanitizer.
cargo +nightly fuzz build --sanitizer none --codegen-units 16

fuzz() { # LIMIT TARGET
  local found=fuzz/target/found/$2 log=fuzz/target/found/$2.log
  case $1 in *-runs=*) found+=.again && rm -rf "$found" ;; esac
  mkdir -p "$found"
  # shellcheck disable=SC2086
  if cargo +nightly fuzz run --sanitizer none --codegen-units 16 "$2" "$found" "fuzz/corpus/$2" -- \
    $1 -timeout=60 -len_control=0 -print_final_stats=1 >"$log" 2>&1; then
    printf '%-20s %s runs, %s a second\n' "$2" "$(stat number_of_executed_units "$log")" \
      "$(stat average_exec_per_sec "$log")"
  else
    printf '%-20s FAILED\n' "$2"
    tail -n 60 "$log"
    return 1
  fi
}
stat() { sed -n "s/^stat::$1: *//p" "$2"; }

export -f fuzz stat
# xargs fails if one of them does.
xargs -n 1 -P "$(nproc)" bash -c 'fuzz "$0" "$1"' "$limit$number" <<<"$targets"
