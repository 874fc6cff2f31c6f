#!/usr/bin/env bash
# Makes the corpus anew where fuzzing has found more: what is committed, what fuzz/run.sh has found, and for case_file hard inputs
# and PyTorch's cases. Of all these, as few as cover the same.
set -euo pipefail
cd "$(dirname "$0")/.."

for target in $(cargo +nightly fuzz list); do
  found=fuzz/target/found/$target corpus=fuzz/corpus/$target
  mkdir -p "$found" "$corpus"
  if [ "$target" = case_file ]; then
    cargo run --release -- probe --all --elements 8 --classes 3 --out "$found/probes"
    cp "$found"/probes/*.safetensors verify/worst/*.safetensors verify/cases/*.safetensors "$found"
    rm -r "$found/probes"
  fi
  cp "$corpus"/* "$found"
  find "$found" -type f -size +4k -delete
  # What once failed is kept, under a name that says how.
  find "$corpus" -type f ! -name 'found-*' -delete
  cargo +nightly fuzz run --sanitizer none --codegen-units 16 "$target" "$corpus" "$found" -- \
    -set_cover_merge=1 -use_counters=0
done
du -sh fuzz/corpus
