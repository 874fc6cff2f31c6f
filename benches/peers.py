#!/usr/bin/env python3
"""The side-by-side tables: trueloss and its peers, in one run.

    python3 benches/peers.py                  everything: writes results.json, RESULTS.md and chart.svg into benches/
    python3 benches/peers.py --quick          a first impression
    python3 benches/peers.py --only 'bce_with_logits forward .*65536'

It makes benches/.venv with pinned packages (PyTorch among them, 4 GB), builds the C library of trueloss twice, with and
without threads, and benches/peers, which holds candle, burn, the scalar formulas and the floors (the first build takes many
minutes). All subjects run in one process, one after the other in an order that is drawn anew in each round; a figure is the
median over the rounds, a ratio the median of the ratios within a round. Each answer is compared with the truth.
A run that leaves anything out writes under target/ instead, unless --out says where.
"""

import argparse
import ctypes
import json
import math
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VENV = HERE / ".venv"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()

LIBRARY_NAME = {"Linux": "lib{}.so", "Darwin": "lib{}.dylib", "Windows": "{}.dll"}[platform.system()]
CAPI = LIBRARY_NAME.format("trueloss_capi")
PEERS = LIBRARY_NAME.format("trueloss_peers")

TRUELOSS = "trueloss"
FROM_RUST = "trueloss, called from Rust"
TORCH = "PyTorch"
TORCH_OUT = "PyTorch, out="
# The numbers are those of peers/src/lib.rs.
LIBRARIES = {"libm": 0, "candle": 1, "burn ndarray": 2, "burn flex": 3, "read": 4, "copy": 5}
FLOORS = ("read", "copy")
FUNCTIONS = {
    name: number
    for number, name in enumerate(
        ["mse", "bce_with_logits", "cross_entropy", "sigmoid", "log_sigmoid", "softplus", "softmax", "log_softmax"]
    )
}
LOSSES = ("mse", "bce_with_logits", "cross_entropy")
ROWS = ("cross_entropy", "softmax", "log_softmax")
SKIPPABLE = {"torch": (TORCH, TORCH_OUT), "candle": ("candle",), "burn": ("burn ndarray", "burn flex"), "libm": ("libm",)}

SAMPLE_NS = 20_000_000
SLOW_NS = 3_000_000_000


def say(*words):
    print(*words, flush=True)


def loud(text):
    say(f"\n!!! {text}\n")


# What is measured.


class Workload:
    def __init__(self, function, direction, rows, columns):
        self.function, self.direction, self.rows, self.columns = function, direction, rows, columns
        self.backward = direction == "forward_backward"
        self.elements = rows * columns
        self.shape = f"{rows}x{columns}" if function in ROWS else str(self.elements)
        self.name = f"{function} {direction} {self.shape}"
        self.writes = self.backward or function not in LOSSES
        # Bytes that a call has to read or write.
        self.bytes = 4 * self.elements * (1 + (function in ("mse", "bce_with_logits")) + self.writes)


def workloads():
    both = ("forward", "forward_backward")
    yield Workload("bce_with_logits", "forward", 1, 32)
    for function in ("bce_with_logits", "mse"):
        for direction in both:
            for power in (16, 20, 24):
                yield Workload(function, direction, 1, 1 << power)
    for direction in both:
        for rows, columns in ((4096, 10), (4096, 1000), (256, 50257)):
            yield Workload("cross_entropy", direction, rows, columns)
    for function in ("sigmoid", "log_sigmoid", "softplus"):
        for power in (16, 24):
            yield Workload(function, "forward", 1, 1 << power)
    for function in ("softmax", "log_softmax"):
        for rows, columns in ((4096, 10), (64, 1000), (4096, 1000), (256, 50257)):
            yield Workload(function, "forward", rows, columns)


# Where the tools come from.


def run(command, **options):
    done = subprocess.run([str(word) for word in command], **options)
    if done.returncode != 0:
        sys.exit(f"peers.py: failed ({done.returncode}): {' '.join(map(str, command))}")
    return done


def in_venv():
    return Path(sys.prefix).resolve() == VENV.resolve()


def prepare_venv(with_torch):
    """Makes the virtual environment, and keeps it as the requirements say. Returns its Python."""
    python = VENV / ("Scripts/python.exe" if platform.system() == "Windows" else "bin/python")
    if not python.exists():
        say(f"making {VENV.relative_to(ROOT)} ...")
        run([sys.executable, "-m", "venv", VENV])
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]

    def install(name, *options):
        wanted = (HERE / name).read_text()
        stamp = VENV / f"{name}.installed"
        if stamp.exists() and stamp.read_text() == wanted:
            return True
        say(f"installing {name} into {VENV.relative_to(ROOT)} ...")
        if subprocess.run([*map(str, pip), *options, "-r", str(HERE / name)]).returncode != 0:
            return False
        stamp.write_text(wanted)
        return True

    if not install("requirements.txt"):
        sys.exit("peers.py: the packages of benches/requirements.txt can't be installed (see above)")
    if with_torch and not torch_imports(python):
        (VENV / "requirements-torch.txt.installed").unlink(missing_ok=True)
        pinned = re.search(r"^torch==\S+", (HERE / "requirements-torch.txt").read_text(), re.MULTILINE)[0]
        if not (install("requirements-torch.txt", "--no-deps") and torch_imports(python)):
            say(f"that is not enough here; installing {pinned} with all it asks for ...")
            subprocess.run([*map(str, pip), pinned])
    return python


def torch_imports(python):
    return subprocess.run([str(python), "-c", "import torch"], capture_output=True).returncode == 0


def build():
    """The paths of: trueloss with one thread, with all threads, the peers."""
    say("building the C library, once for one thread and once for all, and the peers (the first time takes long) ...")
    parallel = TARGET / "peers-parallel"
    peers = TARGET / "peers"
    cargo = ["cargo", "build", "--release"]
    run([*cargo, "-p", "trueloss-capi"], cwd=ROOT)
    run([*cargo, "-p", "trueloss-capi", "--features", "parallel", "--target-dir", parallel], cwd=ROOT)
    run([*cargo, "--locked", "--target-dir", peers], cwd=HERE / "peers")
    return TARGET / "release" / CAPI, parallel / "release" / CAPI, peers / "release" / PEERS


# The subjects: `prepare` gives a call with `run(times)` and `read()`, or None where there is no such function.


class Data:
    """The numbers of a workload, from one seed, and their addresses."""

    def __init__(self, workload=None, arrays=None):
        import numpy as np

        if arrays is None:
            generator = np.random.default_rng(20_260_101)
            shape = (workload.rows, workload.columns)
            x = 3 * generator.standard_normal(shape, dtype=np.float32)
            y = labels = None
            if workload.function == "mse":
                y = generator.standard_normal(shape, dtype=np.float32)
            elif workload.function == "bce_with_logits":
                y = generator.integers(0, 2, shape).astype(np.float32)
            elif workload.function == "cross_entropy":
                labels = generator.integers(0, workload.columns, workload.rows)
            arrays = x, y, labels
        contiguous = [None if a is None else np.ascontiguousarray(a) for a in arrays]
        self.x, self.y, self.labels = contiguous


def address(array):
    return None if array is None else ctypes.c_void_p(array.ctypes.data)


class Trueloss:
    name = TRUELOSS

    def __init__(self, path, simd):
        self.library = ctypes.CDLL(str(path))
        if simd == "avx2":
            self.library.trueloss_limit_simd_width(ctypes.c_uint32(1))
        self.width = ("baseline", "AVX2", "AVX-512")[self.library.trueloss_simd_width()]

    def function(self, workload):
        function = getattr(self.library, f"trueloss_{workload.function}_{workload.direction}_f32")
        function.restype = ctypes.c_int32
        return function

    def prepare(self, workload, data):
        import numpy as np

        output = np.zeros_like(data.x) if workload.writes else None
        loss = ctypes.c_float(0.0)
        length = ctypes.c_size_t(data.x.size)
        shape = (ctypes.c_size_t * 2)(*data.x.shape)
        rows = [address(data.x), shape, ctypes.c_size_t(2)]
        if workload.function in ("mse", "bce_with_logits"):
            arguments = [address(data.x), address(data.y), length, None, ctypes.byref(loss)]
        elif workload.function == "cross_entropy":
            arguments = [*rows, address(data.labels), None, ctypes.byref(loss)]
        elif workload.function == "softplus":
            arguments = [address(data.x), length, ctypes.c_double(1.0)]
        elif workload.function in ROWS:
            arguments = [*rows, ctypes.c_size_t(1)]
        else:
            arguments = [address(data.x), length]
        if workload.writes:
            arguments.append(address(output))
        function = self.function(workload)

        def call(times):
            for _ in range(times):
                code = function(*arguments)
            if code != 0:
                raise RuntimeError(f"trueloss returned {code} for {workload.name}")

        return Call(call, lambda: (loss.value, output), keep=data)


class FromRust:
    """The same C function, called in a loop in Rust: what a short call takes without the cost of calling from Python."""

    name = FROM_RUST

    def __init__(self, trueloss, peers):
        self.trueloss, self.peers = trueloss, peers

    def prepare(self, workload, data):
        if workload.function != "bce_with_logits" or workload.backward or workload.elements > 32:
            return None
        function = ctypes.cast(self.trueloss.function(workload), ctypes.c_void_p)
        length = ctypes.c_size_t(data.x.size)

        def call(times):
            self.peers.library.peer_time_forward(function, address(data.x), address(data.y), length, ctypes.c_size_t(times))

        return Call(call, None, keep=data)


class Peers:
    """A copy of the library of peers, whose number of threads is settled as it starts."""

    def __init__(self, path, threads):
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        self.library = ctypes.CDLL(str(path))
        self.library.peer_prepare.restype = ctypes.c_void_p
        self.library.peer_start.restype = ctypes.c_uint32
        started = self.library.peer_start()
        del os.environ["RAYON_NUM_THREADS"]
        if started != threads:
            sys.exit(f"peers.py: the peers run {started} threads, not {threads}")


class Peer:
    def __init__(self, name, peers):
        self.name, self.library, self.number = name, peers.library, LIBRARIES[name]

    def prepare(self, workload, data):
        import numpy as np

        rows, columns = data.x.shape
        pointer = self.library.peer_prepare(
            ctypes.c_uint32(self.number),
            ctypes.c_uint32(FUNCTIONS[workload.function]),
            ctypes.c_bool(workload.backward),
            address(data.x),
            address(data.y),
            address(data.labels),
            ctypes.c_size_t(rows),
            ctypes.c_size_t(columns),
        )
        if not pointer:
            return None
        pointer = ctypes.c_void_p(pointer)

        def call(times):
            if self.library.peer_run(pointer, ctypes.c_size_t(times)) != 0:
                raise RuntimeError(f"{self.name} panicked at {workload.name}")

        def read():
            loss = ctypes.c_float(0.0)
            output = np.zeros(data.x.shape if workload.writes else 0, dtype=np.float32)
            length = ctypes.c_size_t(output.size)
            if self.library.peer_read(pointer, ctypes.byref(loss), address(output), length) != 0:
                raise RuntimeError(f"{self.name} gave back something else at {workload.name}")
            return loss.value, output

        return Call(call, None if self.name in FLOORS else read, close=lambda: self.library.peer_free(pointer))


class Torch:
    def __init__(self, torch, threads, out):
        self.torch, self.threads, self.out = torch, threads, out
        self.name = TORCH_OUT if out else TORCH

    def prepare(self, workload, data):
        torch, functional = self.torch, self.torch.nn.functional
        # All calls that are alive at a time have the same number of threads.
        torch.set_num_threads(self.threads)
        flat = (-1,) if workload.function not in ROWS else data.x.shape
        x = torch.from_numpy(data.x).reshape(flat).clone()
        y = None if data.y is None else torch.from_numpy(data.y).reshape(flat).clone()
        labels = None if data.labels is None else torch.from_numpy(data.labels).clone()
        if self.out:
            if workload.function in LOSSES:
                return None
            result = torch.empty_like(x)
            # The functions behind torch.nn.functional's, with a place for the result that is not allocated anew.
            once = {
                "sigmoid": lambda: torch.sigmoid(x, out=result),
                "log_sigmoid": lambda: torch._C._nn.log_sigmoid(x, out=result),
                "softplus": lambda: torch._C._nn.softplus(x, out=result),
                "softmax": lambda: torch.softmax(x, 1, out=result),
                "log_softmax": lambda: torch.log_softmax(x, 1, out=result),
            }[workload.function]
        else:
            once = {
                "mse": lambda: functional.mse_loss(x, y),
                "bce_with_logits": lambda: functional.binary_cross_entropy_with_logits(x, y),
                "cross_entropy": lambda: functional.cross_entropy(x, labels),
                "sigmoid": lambda: functional.sigmoid(x),
                "log_sigmoid": lambda: functional.logsigmoid(x),
                "softplus": lambda: functional.softplus(x),
                "softmax": lambda: functional.softmax(x, 1),
                "log_softmax": lambda: functional.log_softmax(x, 1),
            }[workload.function]
        last = None

        def call(times):
            nonlocal last
            if workload.backward:
                x.requires_grad_()
                for _ in range(times):
                    x.grad = None
                    last = once()
                    last.backward()
            else:
                with torch.no_grad():
                    for _ in range(times):
                        # What the last call returned is freed first, so that its memory can be used again.
                        last = None
                        last = once()

        def read():
            if workload.function not in LOSSES:
                return 0.0, last.numpy()
            return last.item(), x.grad.numpy() if workload.backward else None

        return Call(call, read)


class Call:
    def __init__(self, run, read, keep=None, close=None):
        self.run, self.read, self.keep, self.close = run, read, keep, close or (lambda: None)


# Measuring.


def nanoseconds(call, times):
    start = time.perf_counter_ns()
    call.run(times)
    return (time.perf_counter_ns() - start) / times


def median(values):
    return statistics.median(values) if values else None


def measure(workload, subjects, threads, options, check):
    """{subject: {ns of a call, ratio to trueloss, judgement}} for one workload."""
    import truth

    data = Data(workload)
    reference = truth.double(workload.function, data.x, data.y, data.labels) if check else None
    calls, judged, times = {}, {}, {}
    for subject in subjects:
        call = subject.prepare(workload, data)
        if call is None:
            continue
        calls[subject.name] = call
        first = nanoseconds(call, 1)
        if reference is not None and call.read is not None:
            judged[subject.name] = judge_call(workload, call, reference)
        again = nanoseconds(call, 1) if first < SLOW_NS else first
        times[subject.name] = max(1, math.ceil(options.sample_ns / again))
    del reference

    samples = {name: {} for name in calls}
    spent = dict.fromkeys(calls, 0)
    for number in range(options.rounds):
        order = list(calls)
        random.shuffle(order)
        for name in order:
            # Three rounds of what is so slow that a single call fills them.
            if number >= 3 and spent[name] > SLOW_NS:
                continue
            if threads > 1:
                # Threads that wait for more work by spinning have given up by then.
                time.sleep(0.005)
            if times[name] > 1:
                calls[name].run(1)
            sample = nanoseconds(calls[name], times[name])
            samples[name][number] = sample
            spent[name] += sample * times[name]
    for call in calls.values():
        call.close()

    ours = samples[TRUELOSS]
    return {
        name: {
            "ns_per_call": median(list(taken.values())),
            "ratio": median([sample / ours[number] for number, sample in taken.items() if number in ours]),
            "rounds": len(taken),
            "here": judged.get(name),
        }
        for name, taken in samples.items()
    }


def judge_call(workload, call, reference):
    import numpy as np
    import truth

    loss, output = call.read()
    exact_loss, exact_output = reference
    result = {"loss": None, "output": None}
    if workload.function in LOSSES:
        result["loss"] = truth.judge([loss], np.array([exact_loss]))
    if workload.writes:
        result["output"] = truth.judge(output, exact_output)
    return result


def accuracy(function, subjects):
    """{subject: {direction: judgement}} on the test set: each row of a loss is a call of its own."""
    import numpy as np
    import truth

    x, y, labels = truth.test_set(function)
    values, gradients = truth.exact(function, x, y, labels)
    result = {}
    for subject in subjects:
        found = {}
        if function in LOSSES:
            for direction in ("forward", "forward_backward"):
                workload = Workload(function, direction, 1, x.shape[1])
                losses, outputs = [], []
                for row in range(len(x)):
                    one = slice(row, row + 1)
                    arrays = x[one], None if y is None else y[one], None if labels is None else labels[one]
                    call = subject.prepare(workload, Data(arrays=arrays))
                    if call is None or call.read is None:
                        break
                    call.run(1)
                    loss, output = call.read()
                    call.close()
                    losses.append(loss)
                    if workload.backward:
                        outputs.append(np.asarray(output).ravel().copy())
                if losses:
                    found["forward"] = truth.worse(found.get("forward"), truth.judge(losses, values))
                if outputs:
                    found["gradient"] = truth.judge(np.concatenate(outputs), gradients)
        else:
            workload = Workload(function, "forward", *x.shape)
            call = subject.prepare(workload, Data(arrays=(x, y, labels)))
            if call is not None and call.read is not None:
                call.run(1)
                found["forward"] = truth.judge(call.read()[1], values)
                call.close()
        if found:
            result[subject.name] = found
    return result


def child(options):
    """Measures at one SIMD width and writes what was found."""
    library, parallel, peers = options.libraries
    skipped = {name for skip in options.skip for name in SKIPPABLE[skip]}
    all_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    # trueloss starts its threads at its first long call, and must not see what the peers are told.
    for name in ("RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"):
        os.environ.pop(name, None)
    counts = [1] + ([all_threads] if all_threads > 1 and options.threads != "1" else [])
    torch = None
    if "torch" not in options.skip:
        try:
            import torch
        except (ImportError, OSError, ValueError) as error:
            loud(f"NO PYTORCH: it can't be imported ({str(error).splitlines()[-1]}). Its columns are left out.")
    subjects = {}
    for count in counts:
        # Another file is another copy of the library, with threads of its own.
        copy = peers.with_name(f"{count}-{os.getpid()}-{peers.name}")
        shutil.copy(peers, copy)
        try:
            loaded = Peers(copy, count)
        finally:
            copy.unlink()
        ours = Trueloss(library if count == 1 else parallel, options.simd)
        here = [ours]
        if count == 1:
            here.append(FromRust(ours, loaded))
        for name in LIBRARIES:
            if name == "libm" and count > 1:
                continue
            here.append(Peer(name, loaded))
        if torch is not None:
            here += [Torch(torch, count, False), Torch(torch, count, True)]
        subjects[count] = [subject for subject in here if subject.name not in skipped]
    width = subjects[1][0].width
    say(f"trueloss uses {width}" + (f", PyTorch {torch.backends.cpu.get_cpu_capability()}" if torch else ""))

    chosen = [w for w in workloads() if not options.only or re.search(options.only, w.name)]
    if not chosen:
        sys.exit(f"peers.py: no workload matches {options.only!r}; they are:\n" + "\n".join(w.name for w in workloads()))
    exact = {}
    for function in dict.fromkeys(w.function for w in chosen):
        say(f"accuracy of {function} ...")
        exact[function] = accuracy(function, [s for s in subjects[1] if s.name != FROM_RUST])

    random.seed(1)
    measurements = []
    start = time.monotonic()
    total = len(chosen) * len(counts)
    for number, (workload, count) in enumerate(((w, c) for w in chosen for c in counts), 1):
        elapsed = time.monotonic() - start
        say(f"[{number}/{total}, {elapsed:.0f} s] {workload.name}, {count} thread{'s' if count > 1 else ''} ...")
        found = measure(workload, subjects[count], count, options, check=count == 1)
        line = []
        for name, figures in found.items():
            each = figures["ns_per_call"] / workload.elements
            line.append(f"{name} {each:.3f}")
            known = exact[workload.function].get(name, {})
            measurements.append(
                {
                    "function": workload.function,
                    "direction": workload.direction,
                    "shape": workload.shape,
                    "elements": workload.elements,
                    "bytes": workload.bytes,
                    "subject": name,
                    "threads": count,
                    "simd": width,
                    "ns_per_element": each,
                    "ns_per_call": figures["ns_per_call"],
                    "ratio": figures["ratio"],
                    "rounds": figures["rounds"],
                    "worst_ulp": {
                        "forward": known.get("forward"),
                        "gradient": known.get("gradient") if workload.backward else None,
                    },
                    "ulp_of_these_numbers": figures["here"],
                }
            )
        say("    ns an element: " + ", ".join(line))
    options.child.write_text(
        json.dumps(
            {
                "measurements": measurements,
                "accuracy": exact,
                "torch": torch.__version__ if torch else None,
                "torch_simd": torch.backends.cpu.get_cpu_capability() if torch else None,
                "all_threads": all_threads,
            }
        )
    )


# What was measured with.


def output(*command, **options):
    try:
        return subprocess.run(command, text=True, capture_output=True, **options).stdout.strip()
    except OSError:
        return ""


def machine():
    cpu, flags = platform.processor() or platform.machine(), []
    info = Path("/proc/cpuinfo")
    if info.exists():
        text = info.read_text()
        if found := re.search(r"^model name\s*: (.*)$", text, re.MULTILINE):
            cpu = found[1]
        if found := re.search(r"^flags\s*: (.*)$", text, re.MULTILINE):
            flags = [flag for flag in ("sse4_2", "avx", "avx2", "fma", "avx512f") if flag in found[1].split()]
    elif platform.system() == "Darwin":
        cpu = output("sysctl", "-n", "machdep.cpu.brand_string") or cpu
    caches = {}
    for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((cache / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            caches[f"L{level}"] = int(size.rstrip("K")) * 1024
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "simd": flags,
        "caches": caches,
        "memory": memory,
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions():
    lock = (HERE / "peers" / "Cargo.lock").read_text()

    def locked(name):
        return re.search(rf'name = "{name}"\nversion = "(.*)"', lock)[1]

    commit = output("git", "rev-parse", "--short=12", "HEAD", cwd=ROOT)
    changed = output("git", "status", "--porcelain", "--untracked-files=no", cwd=ROOT)
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    at = f", commit {commit}{' with changes' if changed else ''}" if commit else ""
    return {
        "trueloss": f"{version}{at}",
        "rustc": output("rustc", "--version").removeprefix("rustc "),
        "candle": locked("candle-nn"),
        "burn": locked("burn"),
        "libm": locked("libm"),
        "python": platform.python_version(),
    }


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="REGEX", help="only workloads whose name (function direction shape) matches")
    parser.add_argument("--rounds", type=int, help="how often each subject is measured (default 7)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of shorter samples")
    parser.add_argument("--skip", default="", metavar="LIST", help=f"leave out some of: {', '.join(SKIPPABLE)}")
    parser.add_argument("--threads", choices=("1", "both"), default="both", help="one thread only, or all of them too")
    parser.add_argument(
        "--simd",
        choices=("both", "native", "avx2"),
        default="both",
        help="as wide as the CPU is, or held to AVX2, or (default) both where the CPU has AVX-512",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default benches/, or target/ for a part)")
    # What the run hands to the process that measures.
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--libraries", type=Path, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.skip = [skip for skip in options.skip.split(",") if skip]
    if unknown := [skip for skip in options.skip if skip not in SKIPPABLE]:
        parser.error(f"--skip {unknown[0]}: there are {', '.join(SKIPPABLE)}")
    try:
        re.compile(options.only or "")
    except re.error as error:
        parser.error(f"--only {options.only}: {error}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be at least 1")
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.sample_ns = SAMPLE_NS // 4 if options.quick else SAMPLE_NS
    return options


def main():
    options = parse()
    if options.child:
        child(options)
        return
    if not in_venv():
        python = prepare_venv("torch" not in options.skip)
        sys.exit(subprocess.run([str(python), __file__, *sys.argv[1:]]).returncode)

    import report

    if not shutil.which("cargo"):
        sys.exit("peers.py: cargo is not installed, and everything here is built with it")
    libraries = build()
    about = machine()
    widths = {"both": ["native"] + (["avx2"] if "avx512f" in about["simd"] else [])}.get(options.simd, [options.simd])
    part = options.only or options.skip or options.quick or options.threads == "1" or options.simd != "both"
    out = options.out or (TARGET / "peers-results" if part else HERE)
    out.mkdir(parents=True, exist_ok=True)

    found = []
    for simd in widths:
        say(f"\nmeasuring, SIMD width: {simd}")
        file = TARGET / f"peers-{simd}.json"
        environment = dict(os.environ)
        if simd == "avx2":
            environment["ATEN_CPU_CAPABILITY"] = "avx2"
        arguments = [arg for arg in sys.argv[1:] if not arg.startswith("--simd")]
        if "--simd" in sys.argv[1:]:
            arguments.remove(options.simd)
        command = [sys.executable, __file__, *arguments, "--simd", simd, "--child", file, "--libraries", *libraries]
        run(command, env=environment)
        found.append(json.loads(file.read_text()))
    results = {
        "machine": about,
        "versions": versions() | {"PyTorch": found[0]["torch"]},
        "all_threads": found[0]["all_threads"],
        "rounds": options.rounds,
        "measurements": [measurement for f in found for measurement in f["measurements"]],
        "accuracy": found[0]["accuracy"],
    }
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    report.write(results, out)
    say(f"\nwrote {', '.join(os.path.relpath(out / name) for name in ('results.json', 'RESULTS.md', 'chart.svg'))}")
    if problems := report.wrong(results):
        loud("trueloss is not within its bound: " + "; ".join(problems))
        sys.exit(1)


if __name__ == "__main__":
    main()
