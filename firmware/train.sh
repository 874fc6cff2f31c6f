#!/usr/bin/env bash
# Trains the classifiers of src/train.rs here, in Rust on three emulated microcontrollers and in C on one, and compares:
# every line must be the same, down to the bits of the weights, but for those that say how much memory it took.
set -euo pipefail
cd "$(dirname "$0")"
. ./bare.sh
needs qemu-system-arm:qemu-system-arm qemu-system-misc:qemu-system-riscv32 gcc-arm-none-eabi:arm-none-eabi-gcc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

emulate() { timeout 120 "$@" -nographic -semihosting-config enable=on,target=native </dev/null; }

compare() {
  grep -v '^stack:' "$work/out" | diff "$2" - || { echo "train.sh: $1 differs" >&2; exit 1; }
  stack=$(sed -n 's/^stack: \(.*\) bytes$/\1/p' "$work/out" | sort -n | tail -n 1)
  arm-none-eabi-size -A "$3" | awk -v machine="$1" -v stack="$stack" '
    /^\.(vector_table|text|rodata|data) / { flash += $2 }
    /^\.(data|bss) / { ram += $2 }
    END { print "== " machine ": the same bits; stack " stack ", static RAM " ram + 0 ", flash " flash " bytes" }'
}

cargo run -q --release --bin train >"$work/host"
cat "$work/host"

for target in thumbv7em-none-eabihf thumbv6m-none-eabi riscv32imac-unknown-none-elf; do
  bare_cargo build -q --target $target --bin train
  program=$bare_target/$target/release/train
  case $target in
    thumbv7em*) machine='Cortex-M4F' && emulate qemu-system-arm -machine mps2-an386 -kernel "$program" >"$work/out" ;;
    thumbv6m*) machine='Cortex-M0' && emulate qemu-system-arm -machine microbit -kernel "$program" >"$work/out" ;;
    riscv32*) machine='riscv32' && emulate qemu-system-riscv32 -machine virt -bios none -kernel "$program" >"$work/out" ;;
  esac
  compare "$machine" "$work/host" "$program"
done

# In C the second of the two, with the library as capi builds it for that processor.
(cd .. && bare_cargo rustc -q -p trueloss-capi --crate-type staticlib --no-default-features --target thumbv7em-none-eabihf)
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -std=c99 -O2 -Wall -Wextra -Werror \
  -ffreestanding -ffp-contract=off -nostdlib -Wl,-z,noexecstack -I ../capi/include -L link -T c/link.x -Wl,--gc-sections \
  c/train.c c/machine.c "$bare_target/thumbv7em-none-eabihf/release/libtrueloss_capi.a" -o "$work/train-c"
sed -n '/^vibration/,$p' "$work/host" >"$work/host-c"
emulate qemu-system-arm -machine mps2-an386 -kernel "$work/train-c" >"$work/out"
compare 'C on Cortex-M4F' "$work/host-c" "$work/train-c"
