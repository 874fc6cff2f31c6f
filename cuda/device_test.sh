#!/usr/bin/env bash
# Rehearses cuda/device.sh on the emulated device, with the programs that are packed for a real one: in a folder of its own,
# without cargo, and where namespaces are allowed without network and without this repository. Then it breaks things, and
# looks at what is said.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD

cuda/device.sh pack
release=${CARGO_TARGET_DIR:-$here/target}/release

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/driver" "$work/tools" "$work/home" "$work/no" "$work/torch"
mv "$here/cuda/device-pack" "$work/pack"
trap 'rm -rf "$here/cuda/device-pack"; mv "$work/pack" "$here/cuda/device-pack"; rm -rf "$work"' EXIT
cp "$release/deps/libtrueloss_emulator.so" "$work/driver/libcuda.so"
# All that a run may need there.
for tool in bash awk cat chmod cp dirname env grep mkdir nproc realpath rm sed tail tee timeout tr uname; do
  ln -s "$(command -v "$tool")" "$work/tools/$tool"
done
# shellcheck disable=SC2016
alone=(unshare -rnm bash -c 'mount -t tmpfs none "$1" && cd / && shift && exec "$@"' - "$here")
"${alone[@]}" true 2>/dev/null || { alone=() && echo 'network and repository stay: unshare is not allowed here'; }

failed=0
expect() { # WHAT PATTERN FILE
  if grep -qsE -e "$2" "$3"; then
    echo "ok: $1"
  else
    failed=1
    printf 'FAILED: %s: there is no “%s” in %s:\n' "$1" "$2" "$3"
    tail -n 30 "$3" | cut -c 1-300 | sed 's/^/  /' || true
  fi
}

# Runs a pack as a bare machine does, and writes down its exit status. OUT is a folder in $work.
run() { # PACK OUT VARIABLE…
  local status=0
  "${alone[@]}" env -i PATH="$work/tools" HOME="$work/home" TMPDIR="$work/home" TRUELOSS_DEVICE_SCALE=8192 \
    LD_LIBRARY_PATH="$work/driver" "${@:3}" bash "$1/device.sh" run "$work/$2" >"$work/$2.txt" 2>&1 || status=$?
  echo "exit status $status" >>"$work/$2.txt"
}

# Writes the pages of a run into a folder of their own.
report() { # OUT
  mkdir "$work/$1-pages"
  cp cuda/README.md "$work/$1-pages"
  cuda/device.sh report "$work/$1" "$work/$1-pages" >/dev/null
}

begun=$SECONDS
run "$work/pack" whole
parts=$work/whole/parts.tsv
expect 'part 1 ends' $'^1\tdevice\tok\t.*trueloss emulator, driver: CUDA 12.8' "$parts"
expect 'part 2 ends' $'^2\tdigests\tok\t.*digests .Full set.: ([0-9]+) equal, 0 differ' "$parts"
expect 'part 3 ends' $'^3\tsuite\tok\t.*11 checks passed, TRUELOSS_SEED=[0-9]+' "$parts"
expect 'part 4 ends' $'^4\tspeed\tok\t.*[0-9]{3} figures, 0 left out, 0 failed' "$parts"
expect 'part 5 says what it lacks' $'^5\tsanitizer\tskipped\t.*there is no compute-sanitizer' "$parts"
expect 'part 6 says what it lacks' $'^6\ttorch\tskipped\t.*there is no python3' "$parts"
expect 'all is well' '^exit status 0$' "$work/whole.txt"
report whole
expect 'the table has the digests' '^\| every digest .*\| ([0-9]+) digests .Full set.: \1 equal, 0 differ \|$' "$work/whole-pages/README.md"
expect 'the table has the checks' '^\| rows of up to .*\| passed \|$' "$work/whole-pages/README.md"
expect 'the table says that it is a rehearsal' '^\| \| .*\| on trueloss emulator, .*sizes divided by 8192 \|$' "$work/whole-pages/README.md"
expect 'the page has the losses of rows' '^\| cross_entropy_smoothing \| backward_each \| f64 \| 128 × 10 \| .*% \|' "$work/whole-pages/SPEED.md"

# A kernel that adds where it should multiply, and one with an instruction that there is not.
cp -r "$work/pack" "$work/broken-pack"
python3 - "$work/broken-pack/bin/device" <<'END'
import sys
program = open(sys.argv[1], "rb").read()
for kernel, old, new in [(b"sigmoid_f32(", b"mul.rn.f64", b"add.rn.f64"), (b"mse_f64(", b"setp.", b"setq.")]:
    start = program.index(b".entry " + kernel)
    end = program.index(b"ret;", start)
    program = program[:start] + program[start:end].replace(old, new) + program[end:]
open(sys.argv[1], "wb").write(program)
END
run "$work/broken-pack" broken TRUELOSS_DEVICE_PARTS='2 4' TRUELOSS_DEVICE_SET=small TRUELOSS_EMULATOR_PTX=1 \
  TRUELOSS_DEVICE_LIMITS='9 99 9 2 9 9'
number='0x[0-9a-f]{8} \([^)]*\)'
expect 'a broken kernel is named, with the first element' \
  "^sigmoid f32 forward differs: element [0-9]+ is $number on the device, $number by core; input $number; of 90 elements" \
  "$work/broken/2-digests.txt"
expect 'so is one that does not load' '^mse_loss f64 forward differs: the device.s error is: .*INVALID_PTX' "$work/broken/2-digests.txt"
expect 'the others are equal' '^log_softmax f64 backward [0-9a-f]{16} equal$' "$work/broken/2-digests.txt"
expect 'the summary says so' $'^2\tdigests\tfailed\t.* 7 differ; the first: sigmoid f32 forward differs: element ' "$work/broken/parts.tsv"
expect 'the next part is tried' $'^4\tspeed\t' "$work/broken/parts.tsv"
expect 'what there is no time for is said' '"left_out": "it would take [0-9.]+ s, and [0-9.]+ s are left"' "$work/broken/4-speed.jsonl"
expect 'the run has failed' '^exit status 1$' "$work/broken.txt"

# A digest on record that core does not have on this machine; the text of kernels is not run this time.
python3 - "$work/broken-pack/bin/device" <<'END'
import re, sys
program = open(sys.argv[1], "rb").read()
line = re.search(rb"nll_loss +f64 +backward +", program).end()
open(sys.argv[1], "wb").write(program[:line] + b"0123456789abcdef" + program[line + 16:])
END
run "$work/broken-pack" other TRUELOSS_DEVICE_PARTS=2 TRUELOSS_DEVICE_SET=small
expect 'core that has other bits is told apart from the device' \
  $'^2\tdigests\tfailed\t.* 1 differ; the device has core.s bits, .* on record: .*nll_loss' "$work/other/parts.tsv"

if ldconfig -p 2>/dev/null | grep -q libcuda.so; then
  echo 'left out: a missing driver, as there is one'
else
  run "$work/pack" missing LD_LIBRARY_PATH="$work/no"
  for part in '1\tdevice' '2\tdigests' '3\tsuite' '4\tspeed'; do
    expect "part ${part%%\\*} misses the driver" "^$(printf '%b' "$part")"$'\tfailed\t.*there is no NVIDIA driver' "$work/missing/parts.tsv"
  done
  expect 'the run has failed' '^exit status 1$' "$work/missing.txt"
fi

# A part that takes too long, and one that another process kills.
cp -r "$work/pack" "$work/cut-pack"
printf '#!%s\necho "{\\"ms\\": 1}"\nkill -9 $$\n' "$(command -v bash)" >"$work/cut-pack/bin/speed"
run "$work/cut-pack" cut TRUELOSS_DEVICE_PARTS='2 3 4' TRUELOSS_DEVICE_LIMITS='9 2 99 9 9 9'
expect 'a part is cut short' $'^2\tdigests\tkilled\t2\tnot finished after 2 s: [0-9]+ digests compared by then, 0 differ; the last was .* equal' "$work/cut/parts.tsv"
expect 'the next part is run' $'^3\tsuite\tok\t' "$work/cut/parts.tsv"
expect 'a program is killed' $'^4\tspeed\tkilled\t.*killed by another: 1 figures by then' "$work/cut/parts.tsv"
expect 'the run has failed' '^exit status 1$' "$work/cut.txt"
report cut
expect 'the table says so' '^\| every digest .*\| \*\*killed\*\*: not finished after 2 s: ' "$work/cut-pages/README.md"
expect 'the page says so' '^\*\*This part has not finished\*\*: killed by another' "$work/cut-pages/SPEED.md"

# Whoever ends a run ends its part too.
TRUELOSS_DEVICE_SCALE=8192 LD_LIBRARY_PATH="$work/driver" timeout 2 bash "$work/pack/device.sh" run "$work/ended" >/dev/null || true
sleep 1
(pgrep -af "$work/pack/bin/" || echo nothing) >"$work/ended.txt"
expect 'nothing runs on after a run that is ended' '^nothing$' "$work/ended.txt"

# Stand-ins for what is not there: they show that the parts run, not what PyTorch or the tool say.
ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$work/tools/python3"
cat >"$work/tools/compute-sanitizer" <<'END'
#!/usr/bin/env bash
[ "$1 $3 $4" = '--tool --error-exitcode 9' ] || exit 3
"${@:5}" || exit
if [ "$2" = memcheck ]; then
  echo '========= ERROR SUMMARY: 0 errors'
else
  echo '========= RACECHECK SUMMARY: 2 hazards displayed (2 errors, 0 warnings)'
  exit 9
fi
END
chmod +x "$work/tools/compute-sanitizer"
sed -i "1s:.*:#!$work/tools/bash:" "$work/tools/compute-sanitizer"
cat >"$work/torch/torch.py" <<'END'
import sys
from unittest.mock import MagicMock
torch = MagicMock(__version__="of a test", version=MagicMock(cuda="none"))
torch.cuda.Event.return_value.elapsed_time.return_value = 10.0
torch.compile.side_effect = RuntimeError("no compiler\nat all")
sys.modules["torch"] = torch
END
cp "$work/whole/4-speed.jsonl" "$work/speed.jsonl"
mkdir "$work/both"
# Cut in the middle of a line.
head -c 9000 "$work/speed.jsonl" >"$work/both/4-speed.jsonl"
run "$work/pack" both TRUELOSS_DEVICE_PARTS='5 6' PYTHONPATH="$work/torch"
expect 'the sanitizer is run, and its errors fail' \
  $'^5\tsanitizer\tfailed\t.*memcheck: ERROR SUMMARY: 0 errors; racecheck: FAILED, ========= RACECHECK SUMMARY: 2 hazards' "$work/both/parts.tsv"
expect 'PyTorch is run' $'^6\ttorch\tok\t.*[0-9]+ figures, [0-9]+ failed, 0 left out' "$work/both/parts.tsv"
report both
expect 'the page has the ratio' '^\| cross_entropy \| forward_backward \| f32 \| [^|]* \|.*\| [0-9.]+ \|  \|$' "$work/both-pages/SPEED.md"
expect 'and why there is none' '^- PyTorch compile, cross_entropy forward f32 .*: failed: no compiler$' "$work/both-pages/SPEED.md"

echo "rehearsed in $((SECONDS - begun)) s"
exit "$failed"
