#!/usr/bin/env bash
# Changes the core in thousands of ways, one at a time, and says which changes no test notices.
set -euo pipefail
cd "$(dirname "$0")/.."

usage="usage: verify/mutants.sh [FILE…]

Runs cargo-mutants on all of core/src, or on these files of it, in passes: each has other tests, and tries what those before it
have missed, the quickest first. What they have found is kept in target/mutants; a run that was interrupted goes on there, and
\`rm -r target/mutants\` begins again. All of core takes some five hours on two cores.

Changes that nothing can notice are left out, in .cargo/mutants.toml, with the reason.

Exit status: 1 if a change was missed by all passes.
It needs cargo-mutants: cargo install cargo-mutants --locked"
case "${1:-}" in -h | --help) echo "$usage" && exit ;; esac
command -v cargo-mutants >/dev/null || { printf '%s\n\nthere is no cargo-mutants\n' "$usage" >&2; exit 2; }
files=()
for file in "$@"; do
  [ -f "$file" ] || { printf 'no such file: %s\n\n%s\n' "$file" "$usage" >&2; exit 2; }
  files+=(--file "$file")
done

out=target/mutants
mkdir -p "$out"
# Of what a test prints nothing is kept, and debug information is not looked at.
export CARGO_PROFILE_DEV_DEBUG=0

# Tries what is left with the tests that the options name. What hangs is noticed too: the slowest tests that pass take half as
# long as it may on a busy machine.
pass() { # NAME RUSTFLAGS OPTION…
  printf '\n== %s\n' "$1"
  local status=0
  RUSTFLAGS="$2" cargo mutants -p trueloss --profile dev --baseline skip --jobs "$(nproc)" --iterate --output "$out" \
    --build-timeout 300 --timeout 300 ${files[@]+"${files[@]}"} "${@:3}" || status=$?
  # 2: some are missed, 3: some hang.
  case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac
  cat "$out/mutants.out/timeout.txt" >>"$out/mutants.out/caught.txt"
}

scalar='--cfg trueloss_scalar'
pass 'lanes one after the other' "$scalar" --test-package trueloss-digest -C=--test=small
pass 'integers' "$scalar --cfg trueloss_integer" --test-package trueloss-digest -C=--test=small
pass 'fast paths in integers' "$scalar --cfg trueloss_integer" --no-default-features --re 'fixed|Fixed|double_double' -C=--lib -C=--test=hard -C=--test=fast
pass 'the core without std' '' --no-default-features --features half \
  -C=--lib -C=--test=errors -C=--test=laws -C=--test=hard -C=--test=special_values -C=--test=tree -C=--test=thread_group
pass 'fast paths' '' --features half -C=--lib -C=--test=fast
pass 'threads' '' --features half,parallel -C=--lib -C=--test=threads -C=--test=widths
pass 'thread groups of a GPU' '' --re 'device\.rs|group|ElementLossCall<|Labels<|Row<|write_all|Factors' --test-package trueloss-emulator -C=--test=kernels
# While it is only built, cargo knows no --doc.
pass 'examples' '' --cargo-test-arg=--doc
pass 'the oracle' '' --test-package trueloss-verify \
  -C=--test=elementary -C=--test=half -C=--test=soft -C=--test=laws -C=--test=claims

printf '\n== missed by all\n'
left=$(cargo mutants -p trueloss --list --iterate --output "$out" ${files[@]+"${files[@]}"} 2>/dev/null)
[ -z "$left" ] && echo none && exit
echo "$left"
exit 1
