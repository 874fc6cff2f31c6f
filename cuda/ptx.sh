#!/usr/bin/env bash
# The GPU's kernels as PTX, a file each: cuda/ptx.sh writes cuda/ptx/*.ptx, cuda/ptx.sh --check builds them again and
# says where they differ. cuda/ptx.sh --assemble [--check] assembles those files for real GPUs, see ptx.py.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --assemble ]; then
  shift
  exec python3 cuda/ptx.py assemble "$@"
fi
. firmware/bare.sh

# sm_70 is the oldest GPU whose threads have each their own program counter, on which the shuffles rely. There is nothing
# to link: `true` stands for the linker.
RUSTFLAGS='' CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_PANIC=abort \
  CARGO_PROFILE_RELEASE_DEBUG=false bare_cargo rustc --locked --target nvptx64-nvidia-cuda -p trueloss-kernels \
  --crate-type cdylib -- --emit=asm -C target-cpu=sm_70 -C linker=true
python3 cuda/ptx.py split "$bare_target/nvptx64-nvidia-cuda/release/deps/trueloss_kernels.s" "$@"
