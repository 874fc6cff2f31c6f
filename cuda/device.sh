#!/usr/bin/env bash
# Everything that a borrowed GPU can show, in one command: see the usage.
set -euo pipefail
self=$(realpath "${BASH_SOURCE[0]}")
here=$(dirname "$self")

usage='usage: cuda/device.sh pack           here: builds what a machine with a GPU needs into cuda/device-pack/
       device.sh run OUT             there: runs it in 9 minutes at most; what came of it is in the folder OUT
       cuda/device.sh report OUT [FOLDER]
                                     here: writes SPEED.md and the table in README.md, in cuda/ or FOLDER, from OUT

The machine there is an x86-64 Linux with the driver of an NVIDIA GPU, bash and the usual small tools. It needs no Rust, no
network and no Python. Take the folder cuda/device-pack/ there (device.sh is in it), and bring OUT back.

The parts of a run, the most valuable first. Each has a time limit, and its result is in OUT when it ends. A part that fails
does not stop the next.
  1 device     driver, device, clocks
  2 digests    every digest of the full set; where one differs, the first element that does, beside core'"'"'s
  3 suite      the other checks of the device suite, with fresh random numbers, poisoned outputs and streams
  4 speed      every function, direction and type, as JSON lines, beside a copy of as many bytes
  5 sanitizer  compute-sanitizer memcheck and racecheck on the small set, where the tool is there
  6 torch      PyTorch, eager and compiled, where python3 has it
OUT/parts.tsv has a line for each: number, name, ok or failed or killed or skipped, seconds, and what there is to say.
Exit status of run: 1 if a part failed or was killed, 0 otherwise.

Variables of run:
  TRUELOSS_DEVICE_SCALE=N          divides the sizes of parts 3 and 4, to rehearse on an emulated device (1)
  TRUELOSS_DEVICE_LIMITS="N …"     seconds that the parts may take, six numbers (15 100 100 170 95 60).
                                   Without it parts may also use what those before them have left over
  TRUELOSS_DEVICE_PARTS="N …"      the parts to run (1 2 3 4 5 6)
  TRUELOSS_SEED=N                  the seed of the fresh random numbers; part 3 prints the one it had
An emulated device is a driver for the same programs: a folder with libcuda.so in LD_LIBRARY_PATH. cuda/device_test.sh
rehearses with one.'

names=(- device digests suite speed sanitizer torch)

# All of it, in seconds.
total=540

fail() { echo "device.sh: $*" >&2; exit 1; }

### Here: pack

# Limits of the pack: the newest glibc that it may need, which is Ubuntu 22.04's, and its bytes.
glibc=2.35
most=60000000

pack() {
  local pack=$here/device-pack program needed version size
  cd "$here/.."
  # With the features and the profile that .ci/run has, so that nothing is built twice there.
  export CARGO_PROFILE_RELEASE_DEBUG=false
  cargo build --release --locked --workspace --example speed
  program=$(cargo test --release --locked --workspace --test device --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\/device-[^"]*\)".*/\1/p')
  [ -x "$program" ] || fail 'cargo built no test named device'
  rm -rf "$pack"
  mkdir -p "$pack/bin"
  strip -o "$pack/bin/device" "$program"
  strip -o "$pack/bin/speed" "${CARGO_TARGET_DIR:-target}/release/examples/speed"
  cp -r verify/cases "$pack/cases"
  cp "$self" "$here/speed.py" "$pack"
  git describe --always --dirty --abbrev=10 >"$pack/commit" 2>/dev/null || echo unknown >"$pack/commit"
  for program in device speed; do
    # The driver is looked for at run time: nothing but the C library and its like is linked.
    needed=$(ldd "$pack/bin/$program" | awk '{ print $1 }' |
      grep -vE '^(linux-vdso|libc|libm|libgcc_s|libdl|libpthread|librt|/lib.*/ld-linux-x86-64)\.so' || true)
    [ -z "$needed" ] || fail "bin/$program needs $needed"
    version=$(objdump -T "$pack/bin/$program" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -n 1)
    [ "$(printf '%s\n' "$version" "$glibc" | sort -V | tail -n 1)" = "$glibc" ] ||
      fail "bin/$program needs glibc $version, newer than $glibc"
    echo "bin/$program: $(stat -c %s "$pack/bin/$program") bytes, needs glibc $version or later"
  done
  size=$(du -sb "$pack" | cut -f 1)
  echo "$pack: $size bytes, commit $(cat "$pack/commit")"
  [ "$size" -le "$most" ] || fail "that is more than $most"
}

### There: run

# The first line of a file that a pattern is in.
first() { grep -m 1 -e "$1" "$2" || true; }

# A number in a line of JSON.
number() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" "$2" | tail -n 1; }

# A part leaves a line for the summary. Its exit status is 77 if there is nothing to run.
say() { echo "$*" >"$out/line"; }
skip() { say "$*"; exit 77; }
# Why a program has failed: its panic message, or else its last line, without the program's name.
said() {
  awk '/panicked at/ { getline; why = $0; exit } { why = $0 } END { sub(/^[a-z]+: /, "", why); print why }' "$1"
}

part_1() {
  local file=$out/1-device.txt status=0
  { uname -srm; sed -n '/model name/ { s/.*: //p; q }' /proc/cpuinfo; nproc; } >"$out/1-machine.txt" 2>&1 || true
  if command -v nvidia-smi >/dev/null; then
    timeout 5 nvidia-smi -q >"$out/1-nvidia-smi.txt" 2>&1 || true
    timeout 5 nvidia-smi --format=csv --query-gpu="$clocks" >"$out/1-clocks.csv" 2>&1 || true
  fi
  "$bin/speed" --describe >"$file" 2>&1 || status=$?
  if [ "$status" = 0 ]; then
    say "$(sed 's/[{}"]//g' "$file")"
  else
    say "$(said "$file")"
  fi
  return "$status"
}
clocks=timestamp,name,driver_version,clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem,power.draw,power.limit,temperature.gpu

# Runs a command with the variables of the device suite.
suite() { TRUELOSS_REQUIRE_GPU=only TRUELOSS_CASES=$here/cases "$@"; }

part_2() {
  local file=$out/2-digests.txt status=0 equal differs
  suite "$bin/device" 'every digest' >"$file" 2>&1 || status=$?
  equal=$(first ' digests (' "$file") differs=$(first ' differs: ' "$file")
  differs=${differs:+the first: $differs}
  # If every element is core's, core itself has other bits than those on record, and the suite says so.
  [ "$status" = 0 ] || [ -n "$differs" ] || differs=$(said "$file")
  say "$equal${equal:+${differs:+; }}$differs"
  return "$status"
}

part_3() {
  local file=$out/3-suite.txt status=0 failed
  suite "$bin/device" --skip 'every digest' >"$file" 2>&1 || status=$?
  failed=$(sed -n 's/ \.\.\. FAILED.*//p' "$file" | tr '\n' ';')
  if grep -q ' of [0-9]* failed$' "$file"; then
    say "$(grep -c ' \.\.\. ok' "$file" || true) checks passed,${failed:+ these FAILED: $failed}" \
      "$(first TRUELOSS_SEED= "$file" | sed 's/.*: \(TRUELOSS_SEED=[0-9]*\).*/\1/')"
  else
    say "$(said "$file")"
  fi
  return "$status"
}

part_4() {
  local file=$out/4-speed.jsonl errors=$out/4-speed.txt status=0 watch=
  if command -v nvidia-smi >/dev/null; then
    nvidia-smi --format=csv -l 1 --query-gpu="$clocks" >"$out/4-clocks.csv" 2>&1 &
    watch=$!
  fi
  # It ends by itself, a little before it would be killed.
  "$bin/speed" --seconds $((limit > 20 ? limit - 10 : limit / 2)) >"$file" 2>"$errors" || status=$?
  [ -z "$watch" ] || kill "$watch" 2>/dev/null || true
  if [ -n "$(number measured "$file")" ]; then
    say "$(number measured "$file") figures, $(number left_out "$file") left out, $(number failed "$file") failed"
  else
    say "$(said "$errors")"
  fi
  return "$status"
}

part_5() {
  local tool candidate program file line='' status=0 this
  for candidate in compute-sanitizer /usr/local/cuda*/bin/compute-sanitizer \
    /usr/local/cuda*/compute-sanitizer/compute-sanitizer /opt/nvidia/*/compute-sanitizer; do
    ! tool=$(command -v "$candidate") || break
  done
  [ -n "$tool" ] || skip 'there is no compute-sanitizer'
  export TRUELOSS_DEVICE_SET=small TRUELOSS_DEVICE_SCALE=1000000
  # The check of rows adds the kernels of blocks: rows of the small set are too short for them.
  for program in memcheck racecheck; do
    file=$out/5-$program.txt this=0
    suite timeout -k 3 $((limit / 2 - 2)) "$tool" --tool "$program" --error-exitcode 9 "$bin/device" \
      'rows of few' 'every digest' >"$file" 2>&1 || this=$?
    case $this in
      0) line+="$program: $(first '========= .*SUMMARY' "$file" | sed 's/^=* *//'); " ;;
      124 | 137)
        line+="$program: not finished after $((limit / 2 - 2)) s, $(grep -c '^========= [A-Z]' "$file" || true) lines of its own; "
        status=124
        ;;
      *) line+="$program: FAILED, $(first '========= .*SUMMARY\|FAILED\|rror' "$file"); " status=1 ;;
    esac
    say "${line%; }"
  done
  return "$status"
}

part_6() {
  local file=$out/6-torch.jsonl errors=$out/6-torch.txt status=0
  command -v python3 >/dev/null || skip 'there is no python3'
  python3 -c 'import torch' 2>/dev/null || skip 'python3 has no torch'
  [ -s "$out/4-speed.jsonl" ] || skip 'part 4 has measured nothing to be compared with'
  python3 "$here/speed.py" torch "$out/4-speed.jsonl" --seconds $((limit > 10 ? limit - 5 : limit / 2)) \
    >"$file" 2>"$errors" || status=$?
  if [ "$status" = 0 ]; then
    say "$(grep -c '"ms"' "$file" || true) figures, $(grep -c '"failed"' "$file" || true) failed," \
      "$(number left_out "$file") left out for lack of time"
  else
    say "$(said "$errors")"
  fi
  return "$status"
}

# How far a killed part got.
so_far() {
  case $1 in
    2) echo "$(grep -cE ' (equal|DIFFERS)$' "$out/2-digests.txt" || true) digests compared by then," \
      "$(grep -c ' DIFFERS$' "$out/2-digests.txt" || true) differ; the last was" \
      "$(grep -E ' (equal|DIFFERS)$' "$out/2-digests.txt" | tail -n 1)" ;;
    3) echo "$(grep -c ' \.\.\. ok' "$out/3-suite.txt" || true) checks passed by then," \
      "$(grep -c ' \.\.\. FAILED' "$out/3-suite.txt" || true) failed" ;;
    4) echo "$(grep -c '"ms"' "$out/4-speed.jsonl" || true) figures by then" ;;
    5) echo "by then: $(cat "$out/line")" ;;
    6) echo "$(grep -c '"ms"' "$out/6-torch.jsonl" || true) figures by then" ;;
    *) cat "$out/line" ;;
  esac 2>/dev/null
}

run() {
  local begun=$SECONDS numbers number later limits limit left start status verdict failed=0
  mkdir -p "$1"
  out=$(realpath "$1")
  bin=$here/bin
  [ -f "$bin/device" ] || bin=$here/device-pack/bin
  [ -f "$bin/device" ] || fail 'there is no bin/device beside it: cuda/device.sh pack builds it'
  [ "$(dirname "$bin")" = "$here" ] || exec "$BASH" "$(dirname "$bin")/device.sh" run "$out"
  read -ra limits <<<"- ${TRUELOSS_DEVICE_LIMITS:-15 100 100 170 95 60}"
  [ ${#limits[@]} = 7 ] || fail 'TRUELOSS_DEVICE_LIMITS are six numbers'
  # Copying may have dropped the mode.
  chmod +x "$bin"/* 2>/dev/null || true
  cp "$here/commit" "$out/commit"
  : >"$out/parts.tsv"
  # The driver compiles each kernel once, for all parts.
  export CUDA_CACHE_PATH=${CUDA_CACHE_PATH:-${TMPDIR:-/tmp}/trueloss-cuda-cache} CUDA_CACHE_MAXSIZE=2147483648
  # Containers have the driver in places that the loader may not know.
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64:/usr/lib/wsl/lib:/run/opengl-driver/lib
  child=
  trap '[ -z "$child" ] || kill "$child" 2>/dev/null; exit 143' INT TERM HUP
  read -ra numbers <<<"${TRUELOSS_DEVICE_PARTS:-1 2 3 4 5 6}"
  while [ ${#numbers[@]} -gt 0 ]; do
    number=${numbers[0]} numbers=("${numbers[@]:1}")
    start=$SECONDS limit=${limits[$number]} left=$((total - SECONDS + begun)) status=0
    if [ -z "${TRUELOSS_DEVICE_LIMITS:-}" ]; then
      # Whatever earlier parts have left over; the limits of later parts stay reserved.
      limit=$left
      for later in "${numbers[@]}"; do limit=$((limit - limits[later])); done
      [ "$limit" -ge "${limits[$number]}" ] || limit=${limits[$number]}
    fi
    [ "$limit" -le "$left" ] || limit=$left
    : >"$out/line"
    if [ "$limit" -lt 1 ]; then
      say 'no time was left' && status=124
    else
      echo "part $number, ${names[$number]}, $limit s at most …"
      # In the background, so that whoever ends the run can end the part with it.
      timeout -k 3 "$limit" "$BASH" "$self" part "$number" "$limit" "$out" &
      child=$!
      wait "$child" || status=$?
    fi
    case $status in
      0) verdict=ok ;;
      77) verdict=skipped ;;
      124 | 137)
        verdict=killed
        if [ $((SECONDS - start)) -ge "$limit" ]; then
          say "not finished after $limit s: $(so_far "$number")"
        elif [ "$status" = 137 ]; then
          say "killed by another: $(so_far "$number")"
        fi
        ;;
      *)
        verdict=failed
        [ "$status" -le 128 ] || say "ended by signal $((status - 128)): $(so_far "$number")"
        ;;
    esac
    [ "$verdict" = ok ] || [ "$verdict" = skipped ] || failed=1
    printf '%s\t%s\t%s\t%s\t%s\n' "$number" "${names[$number]}" "$verdict" $((SECONDS - start)) \
      "$(tr '\n\t' '  ' <"$out/line")" | tee -a "$out/parts.tsv" |
      awk -F '\t' '{ printf "part %s, %s: %s (%s s): %s\n", $1, $2, $3, $4, $5 }'
  done
  rm -f "$out/line"
  echo
  echo "In $((SECONDS - begun)) s, of commit $(cat "$out/commit"):"
  awk -F '\t' '{ printf "%s %-10s %-8s %4s s  %s\n", $1, $2, $3, $4, $5 }' "$out/parts.tsv"
  return "$failed"
}

case "${1:-}" in
  -h | --help) echo "$usage" ;;
  pack) pack ;;
  run)
    [ $# = 2 ] || { echo "$usage" >&2; exit 2; }
    run "$2"
    ;;
  # One part, in a process of its own that can be killed.
  part)
    limit=$3 out=$4 bin=$here/bin
    "part_$2"
    ;;
  report)
    [ $# = 2 ] || [ $# = 3 ] || { echo "$usage" >&2; exit 2; }
    exec python3 "$here/speed.py" report "$2" "${3:-$here}"
    ;;
  *) echo "$usage" >&2; exit 2 ;;
esac
