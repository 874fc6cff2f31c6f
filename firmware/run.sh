#!/usr/bin/env bash
# Builds the digest program for every target, or for those named, runs it, and says whether its bits are the committed
# ones.
set -euo pipefail
cd "$(dirname "$0")"

usage="usage: firmware/run.sh [--small] [TARGET…]

Computes the digests of all functions (verify/digest) on each target and compares them with the committed ones; with
--small those of fewer inputs, of f32 and f64 alone, which is what small microcontrollers have memory for anyway.
What is missing is installed with apt-get, if that is there and this is root. Exit status: 1 if a digest differs.

Targets:
  x86-64-sse2    this machine, limited to SSE2
  x86-64-avx2    this machine, limited to AVX2 and FMA
  x86-64-avx512  this machine if it has AVX-512, else an emulated one in Bochs
  aarch64        Cortex-A57 with NEON, QEMU
  cortex-m4f     thumbv7em, FPU for f32 alone, QEMU (mps2-an386)
  cortex-m7      thumbv7em, FPU for f64, QEMU (mps2-an500)
  cortex-m0      thumbv6m, no FPU, 16 KiB of RAM, QEMU (microbit)
  riscv32        riscv32imac, no FPU, QEMU (virt)
  riscv64        riscv64gc, FPU, QEMU (virt)
  wasm32         WebAssembly, Node
  wasm32-simd    WebAssembly with simd128, Node"
all=$(awk '/^  [a-z]/ { print $1 }' <<<"$usage")

case "${1:-}" in
  -h | --help) echo "$usage" && exit ;;
  --small) export TRUELOSS_SMALL=1 && shift ;;
esac
for target in "$@"; do
  grep -qx -- "$target" <<<"$all" || { printf 'no such target: %s\n\n%s\n' "$target" "$usage" >&2; exit 2; }
done

# A program is run once: how long it takes to build matters most.
export CARGO_PROFILE_RELEASE_DEBUG=false

# As many targets at a time as there are cores, each in a run of this script of its own with a directory of its own, and
# a line each when it is done.
if [ "${TRUELOSS_ONE_TARGET:-}" != 1 ]; then
  : "${CARGO_TARGET_DIR:=target}"
  mkdir -p "$CARGO_TARGET_DIR"
  results=$CARGO_TARGET_DIR/results
  TRUELOSS_ONE_TARGET=1 CARGO_TARGET_DIR=$(realpath "$CARGO_TARGET_DIR") \
    xargs -n 1 -P "$(nproc)" ./run.sh <<<"${@:-$all}" | tee "$results" || true
  # Whatever did not end with a line of its own has failed too.
  passed=$(grep -c ' equal, ' "$results" || true)
  skipped=$(grep -c ' skipped: ' "$results" || true)
  failed=$(($(wc -w <<<"${@:-$all}") - passed - skipped))
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && exit
  exit 1
fi

target=$1
base=$CARGO_TARGET_DIR/$target
mkdir -p "$base"
log=$base/run.log
: >"$log"
semihosting='-nographic -semihosting-config enable=on,target=native'

# How the function of a target ends when it can't be run.
skip() { echo "$*" >"$base/skipped"; return 77; }

# The feature of the large set, if it is asked for.
full=full
[ -z "${TRUELOSS_SMALL:-}" ] || full=''

install_log=$log
. ./install.sh

need() { # COMMAND PACKAGE…
  command -v "$1" >/dev/null || install "${@:2}" || skip "there is no $1, and it cannot be installed"
}

# qemu-utils-: another version of it may be installed, which would stand in the way.
need_qemu() { need "qemu-system-$1" "$2" qemu-utils-; }

# Compiled on all cores, and not once more as a whole.
in_parts=(CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16)

debian_source() { [ -d "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/core" ]; }

# Builds the program for a target and prints where it is. A target that rustup has installed is used as it is;
# otherwise Debian's compiler builds its core library from source.
build() { # TRIPLE FEATURES FLAGS [small]
  local options=() env=() program=digest linker
  if [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]; then
    :
  elif debian_source || { install rustc-web rust-web-src && debian_source; }; then
    # rust-lld comes with rustup.
    case $1 in wasm*) linker=wasm-ld ;; *) linker=ld.lld ;; esac
    need "$linker" lld
    env=(RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 "CARGO_TARGET_$(tr a-z- A-Z_ <<<"$1")_LINKER=$linker")
    options=(-Zbuild-std=core)
  else
    skip "no compiler for it: rustup target add $1"
  fi
  case $1 in wasm*) program=digest.wasm ;; esac
  [ -z "$2" ] || options+=(--features "$2")
  # Without vectors to look at, a small program does.
  if [ "${4:-}" = small ]; then
    env+=(CARGO_PROFILE_RELEASE_OPT_LEVEL=s)
  else
    env+=("${in_parts[@]}")
  fi
  env ${env[@]+"${env[@]}"} RUSTFLAGS="$3" \
    cargo build --release --locked --bin digest --target "$1" --target-dir "$base" ${options[@]+"${options[@]}"} \
    >>"$log" 2>&1 || { tail -n 30 "$log" >&2; echo 'it does not build'; return 1; }
  echo "$base/$1/release/$program"
}

# A program that hangs fails; one may have less than a core to itself.
emulate() { timeout 600 "$@"; }

# Fails unless a program contains an instruction.
contains() { # PROGRAM INSTRUCTION [DISASSEMBLER'S OPTION]
  local objdump
  objdump=$(command -v llvm-objdump llvm-objdump-{22,21,20,19,18,17,16,15,14} | head -n 1) || true
  [ -n "$objdump" ] || { need llvm-objdump llvm; objdump=llvm-objdump; }
  # Not grep -q: it would leave objdump with nobody to write to, which counts as a failure.
  "$objdump" -d "${@:3}" "$1" | grep -- "$2" >/dev/null || { echo "$1 has no $2" >&2; return 1; }
}

host() { # WIDTH
  [ "$(uname -m)" = x86_64 ] || skip 'this machine is not an x86-64'
  local status=0
  # One program for all widths: cargo makes the others wait while one of them builds it.
  env "${in_parts[@]}" \
    cargo build --release --locked --bin digest --features "$full" --target-dir "$base/../host" >>"$log" 2>&1 ||
    { tail -n 30 "$log" >&2; return 1; }
  "$base/../host/release/digest" "$1" || status=$?
  [ "$status" != 2 ] || skip 'this CPU has none'
  return "$status"
}

run_x86_64_sse2() { host baseline; }
run_x86_64_avx2() { host avx2; }
run_x86_64_avx512() {
  if grep -qw avx512dq /proc/cpuinfo; then
    host avx512
  else
    avx512_in_bochs
  fi
}

# The host's own target without its operating system, see src/platform/bochs.rs. The vectors are 512 bits wide because
# the compiler is told so: without std, that is what decides.
avx512_in_bochs() {
  [ "$(uname -m)" = x86_64 ] || skip 'this machine is not an x86-64'
  command -v bochs >/dev/null || install bochs || skip 'this CPU has none, and there is no Bochs'
  need objcopy binutils
  local flags='--cfg bochs -C relocation-model=static'
  flags+=' -C target-feature=+avx2,+fma,+avx512f,+avx512bw,+avx512dq,+avx512vl'
  # Bochs 2.7 takes the vpgatherdq that the compiler would use for an invalid instruction.
  flags+=',+prefer-no-gather'
  # And no loop is unrolled, so that the program fits the 2 MiB of ROM that Bochs 2.7 has.
  flags+=' -C llvm-args=-unroll-threshold=0 -C llvm-args=-unroll-partial-threshold=0'
  for argument in -nostartfiles -static -no-pie; do flags+=" -C link-arg=$argument"; done
  program=$(build x86_64-unknown-linux-gnu '' "$flags")
  contains "$program" zmm
  objcopy -O binary "$program" "$base/bochs.rom"
  cat >"$base/bochsrc" <<END
megs: 64
romimage: file=$base/bochs.rom, address=0xffe00000
cpu: model=corei7_skylake_x, reset_on_triple_fault=0
display_library: rfb, options="timeout=0"
plugin_ctrl: speaker=0, gameport=0, parallel=0, serial=0
sound: driver=dummy
port_e9_hack: enabled=1
panic: action=fatal
log: $base/bochs.log
END
  # Debian's Bochs begins in its debugger: continue. It writes lines of its own around those of the program.
  echo c >"$base/bochs.debugger"
  emulate bochs -q -f "$base/bochsrc" -rc "$base/bochs.debugger" 2>>"$log" >"$base/bochs.out" || true
  grep -aE '^[A-Z][a-z]* set|^[a-z_]* f(32|64) |^[0-9]+ passed' "$base/bochs.out"
}

run_aarch64() {
  need_qemu aarch64 qemu-system-arm
  program=$(build aarch64-unknown-none "$full" '')
  contains "$program" 'fmul.*v[0-9]*\.2d'
  emulate qemu-system-aarch64 -machine virt -cpu cortex-a57 -nic none $semihosting -kernel "$program"
}

run_cortex_m4f() {
  need_qemu arm qemu-system-arm
  program=$(build thumbv7em-none-eabihf '' '' small)
  emulate qemu-system-arm -machine mps2-an386 $semihosting -kernel "$program"
}

run_cortex_m7() {
  need_qemu arm qemu-system-arm
  program=$(build thumbv7em-none-eabihf "$full f64-unit" '-C target-cpu=cortex-m7' small)
  contains "$program" vadd.f64 --mcpu=cortex-m7
  emulate qemu-system-arm -machine mps2-an500 $semihosting -kernel "$program"
}

run_cortex_m0() {
  need_qemu arm qemu-system-arm
  # It has 256 KiB of flash: a program for each type of elements. What they print is put together.
  local element
  for element in f32 f64; do
    program=$(build thumbv6m-none-eabi "only-$element" '' small)
    emulate qemu-system-arm -machine microbit $semihosting -kernel "$program" >"$base/$element" ||
      { cat "$base/$element"; return 1; }
  done
  grep -hv ' passed, ' "$base"/f{32,64}
  awk '/ passed, / { passed += $1; failed += $3 } END { print passed + 0 " passed, " failed + 0 " failed" }' "$base"/f{32,64}
}

run_riscv32() {
  need_qemu riscv32 qemu-system-misc
  program=$(build riscv32imac-unknown-none-elf '' '' small)
  emulate qemu-system-riscv32 -machine virt -bios none $semihosting -kernel "$program"
}

run_riscv64() {
  need_qemu riscv64 qemu-system-misc
  program=$(build riscv64gc-unknown-none-elf "$full" '' small)
  contains "$program" fmul.d
  emulate qemu-system-riscv64 -machine virt -bios none $semihosting -kernel "$program"
}

run_wasm32() {
  need node nodejs
  program=$(build wasm32v1-none "$full" '' small)
  emulate node wasm.js "$program"
}

run_wasm32_simd() {
  need node nodejs
  program=$(build wasm32v1-none "$full" '-C target-feature=+simd128')
  contains "$program" f64x2.mul
  emulate node wasm.js "$program"
}

# What it runs on, as the usage says.
describe() { sed -n "s/^  $1  *//p" <<<"$usage"; }

start=$SECONDS status=0
# In a shell of its own, which ends at the first failure. (Under `if` or `||`, `set -e` would be off in it.)
set +e
(set -e; "run_${target//-/_}") >"$base/output" 2>>"$log" </dev/null
status=$?
set -e
differ=$(grep ' differs' "$base/output" || true)
equal=$(tail -n 1 "$base/output" | sed -n 's/^\([1-9][0-9]*\) passed, 0 failed$/\1/p')
line=$(printf '%-14s %-65s' "$target" "$(describe "$target")")
if [ "$status" = 77 ]; then
  echo "$line skipped: $(cat "$base/skipped")"
elif [ "$status" = 0 ] && [ -n "$equal" ]; then
  functions=$(grep -E ' f(32|64) ' "$base/output" | cut -d ' ' -f 1 | sort -u | wc -l)
  set=$(sed -n 's/^\([A-Z][a-z]*\) set.*/\L\1/p' "$base/output")
  echo "$line $functions functions, $equal digests ($set set): equal, $((SECONDS - start)) s"
else
  [ -n "$differ" ] || differ=$(tail -n 3 "$base/output"; tail -n 5 "$log")
  printf '%s FAILED, status %s\n%s\n' "$line" "$status" "$(sed 's/^/  /' <<<"$differ")"
fi
