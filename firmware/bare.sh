# For the scripts beside it: what programs for machines without an operating system are built and run with.

. "$(dirname "${BASH_SOURCE[0]}")/install.sh"

# Installs packages where commands are missing and this may be done: `needs PACKAGE:COMMAND…`.
needs() {
  missing=''
  for pair in "$@"; do
    command -v "${pair#*:}" >/dev/null || missing="$missing ${pair%:*}"
  done
  [ -n "$missing" ] || return 0
  # The minus keeps out a qemu-utils of another version, which would stop the others.
  # shellcheck disable=SC2086
  install $missing qemu-utils- || true
  for pair in "$@"; do
    command -v "${pair#*:}" >/dev/null || { echo "$0: needs ${pair#*:} (Debian's package ${pair%:*})" >&2; exit 1; }
  done
}

# cargo for a target without an operating system: Debian's compiler builds its own core library from source.
# `bare_cargo build …` compiles, and links with LLVM's linker.
bare_cargo() {
  needs rustc-web:/usr/bin/rustc lld:ld.lld
  if [ ! -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/core" ]; then
    install rust-web-src || true
  fi
  command=$1
  shift
  CARGO_TARGET_THUMBV6M_NONE_EABI_LINKER=ld.lld \
    CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER=ld.lld \
    CARGO_TARGET_RISCV32IMAC_UNKNOWN_NONE_ELF_LINKER=ld.lld \
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 cargo "$command" --release -Zbuild-std=core --target-dir "$bare_target" "$@"
}

# The workspace's, where .ci/run builds too.
bare_target=${CARGO_TARGET_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/target}/bare
