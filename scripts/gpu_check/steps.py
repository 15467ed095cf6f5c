"""The steps: what each runs, and what counts as success."""

import glob
import json
import os
import re
import shutil
import sys
import time
from collections import namedtuple

import process

# Tests use the real GPU, and fail rather than skip if it, or NVRTC, is not usable.
REAL = {"ASAP_CUDA": "real", "ASAP_REQUIRE_CUDA": "1", "ASAP_REQUIRE_NVRTC": "1"}
# Makes compute-sanitizer exit with this code when it finds an error.
FOUND = 86
PRECISIONS = ["high", "medium", "highest"]
# The paper's presets first, since later ones may time out.
FIRST = ["cityscapes-256", "facades-512", "facades-1024", "cityscapes-512", "facades-2048"]
# The network of facades-1024 at its inference size; not meant for training.
NOT_TRAINED = ["facades-2048"]


class Bad(Exception):
    """A step failed."""

    def __init__(self, why, status="failed"):
        super().__init__(why)
        self.status = status


class Missing(Exception):
    """A tool is not installed."""


class Context:
    """State shared by the steps, and the results of the current one."""

    def __init__(self, folder, log, args, problem, results):
        self.folder, self.log, self.args, self.problem, self.results = folder, log, args, problem, results
        self.quick = args.quick
        self.asap = folder / "bin/asap"

    def begin(self, step):
        self.lines = []
        self.deadline = time.monotonic() + (step.quick_limit if self.quick else step.limit)

    def run(self, command, variables=None):
        """Runs a command within the step's remaining time."""
        return process.run(command, self.deadline - time.monotonic(), self.log, variables)

    def need(self, command, variables=None):
        """Like `run`, but a failure fails the step."""
        ran = self.run(command, variables)
        if ran.code is None:
            raise Bad("timed out", "timed out")
        if ran.code != 0:
            raise Bad(f"exit code {ran.code}: {ran.last_words()}")
        return ran

    def presets(self):
        there = sorted(file.stem for file in (self.folder / "configs").glob("*.toml"))
        every = self.args.preset or FIRST + [name for name in there if name not in FIRST]
        return every[:2] if self.quick else every


def objects(text):
    """Returns the JSON objects of complete lines."""
    found = []
    for line in text.splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            found.append(json.loads(line))
    return found


def doctor(context):
    ran = context.need([context.asap, "doctor"])
    print(ran.stdout, end="")
    if context.problem:
        raise Bad(f"no usable GPU: {context.problem}")


def test(context, name, binary, words, variables=None, wrapper=()):
    """Runs and counts the tests of one binary. A filter that matches no test is a failure."""
    ran = context.run([*wrapper, context.folder / "tests" / binary, *words], {**REAL, **(variables or {})})
    passed = sum(int(count) for count in re.findall(r"(\d+) passed", ran.stdout))
    failed = re.findall(r"^test (\S+) .*FAILED$", ran.stdout, re.MULTILINE)
    code = "timed out" if ran.code is None else ran.code
    context.lines.append(
        {"tests": name, "passed": passed, "failed": failed, "exit_code": ran.code, "seconds": round(ran.seconds, 1)}
    )
    print(f"{name}: {passed} passed, {len(failed)} failed, {ran.seconds:.0f} s")
    for one in failed:
        print(f"  {one}")
    problem = None
    if ran.code == FOUND:
        summary = re.search(r"^=+ ((?:ERROR|RACECHECK) SUMMARY.*)$", ran.stdout, re.MULTILINE)
        problem = f"{name}: {summary[1] if summary else 'errors were found'}"
    elif ran.code is None:
        problem = f"{name}: timed out"
    elif ran.code != 0:
        problem = f"{name}: {', '.join(failed) or f'exit code {code}: {ran.last_words()}'}"
    elif passed == 0:
        problem = f"{name}: no test matches {' '.join(words)}"
    return problem


def require_success(problems):
    problems = [problem for problem in problems if problem]
    if problems:
        raise Bad("; ".join(problems))


def kernels(context):
    definitions = "kernels against their definitions, tensor cores against their emulation"
    problems = [test(context, definitions, "asap_tensor", ["cuda"])]
    problems.append(test(context, "kernels compiled for every architecture", "kernels_compile", []))
    require_success(problems)


def properties(context):
    cases = {"PROPTEST_CASES": "32"} if context.quick else {}
    words = ["properties::", "--skip", "planted"]
    require_success([test(context, "every op against the reference", "all", words, cases)])


def sanitizer():
    """Finds compute-sanitizer on the path or in a CUDA toolkit."""
    homes = [os.environ.get(name, "") for name in ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT")]
    homes = [home for home in homes if home] + sorted(glob.glob("/usr/local/cuda*"), reverse=True) + ["/opt/cuda"]
    places = [f"{home}/{folder}/compute-sanitizer" for home in homes for folder in ("bin", "compute-sanitizer")]
    for file in [shutil.which("compute-sanitizer"), *places]:
        if file and os.access(file, os.X_OK) and os.path.isfile(file):
            return file
    raise Missing("compute-sanitizer is neither on the path nor in a CUDA toolkit")


def sanitize(tool, cases):
    def step(context):
        # Check only kernels: tests make API calls that are expected to fail.
        wrapper = [sanitizer(), "--tool", tool, "--error-exitcode", FOUND, "--report-api-errors", "no"]
        wrapper = wrapper if tool == "memcheck" else wrapper[:-2]
        fewer = {"PROPTEST_CASES": str(cases[context.quick])}
        one = ["--test-threads", "1"]
        ops = ["properties::", "--skip", "planted", "--skip", "threads", *one]
        problems = [test(context, f"{tool}: kernels", "asap_tensor", ["cuda", *one], fewer, wrapper)]
        problems.append(test(context, f"{tool}: every op", "all", ops, fewer, wrapper))
        require_success(problems)

    return step


def verify(context):
    ran = context.run([context.asap, "verify", context.args.cases, "--device", "cuda", "--json"])
    context.lines = objects(ran.stdout)
    compared = [line for line in context.lines if not line.get("skipped")]
    bad = [f"{line['case']} {line['quantity']}" for line in compared if not line["ok"]]
    shares = [
        (line["rel_error"] / max(line["tolerance"], 1e-300), line) for line in compared if line["rel_error"] is not None
    ]
    print(f"{len(compared)} quantities compared, {len(bad)} out of tolerance", end="")
    if shares:
        share, line = max(shares, key=lambda pair: pair[0])
        print(f"; largest error {share:.2f} of its tolerance: {line['case']} {line['quantity']}", end="")
    print()
    if ran.code == 0 and not compared:
        raise Bad(f"nothing was compared in {context.args.cases}")
    if bad or ran.code != 0:
        why = "timed out" if ran.code is None else f"exit code {ran.code}: {ran.last_words()}"
        raise Bad(f"out of tolerance: {', '.join(bad[:3])}" if bad else why)


def dry_run(context):
    ran = context.need([context.asap, "train", "--dry-run", "--config", context.args.dry_run, "--device", "cuda"])
    print(ran.stdout, end="")


def time_all(context, command, presets, about):
    """Runs a timing command for some presets and stores its lines; returns what went wrong, if anything."""
    ran = context.run([*command, *(word for preset in presets for word in ("--preset", preset))])
    lines = objects(ran.stdout)
    context.lines += [{**line, **about} for line in lines]
    timed = [line for line in lines if "error" not in line]
    for line in timed:
        label = about.get("label", line["precision"])
        print(f"{line['preset']:<16}{line['mode']:<7}{label:<10}{1e3 * line['median_s']:>10.3f} ms", flush=True)
    if ran.code is None:
        return f"timed out after {len(lines)} of {len(presets)} presets"
    if len(timed) < len(presets):
        errors = [line["error"] for line in lines if "error" in line] or [ran.last_words()]
        return f"{len(presets) - len(timed)} presets failed: {errors[0]}"
    return None


def modes(context):
    """Returns flags, runs and presets for inference and for training."""
    trained = [preset for preset in context.presets() if preset not in NOT_TRAINED]
    return [("infer", [], 20, context.presets()), ("train", ["--train"], 5 if context.quick else 7, trained)]


def bench(context):
    problems = []
    for precision in PRECISIONS[:1] if context.quick else PRECISIONS:
        for mode, flags, runs, presets in modes(context):
            # One process each, so that a failed preset, or its memory use, does not affect the next.
            for preset in presets:
                command = [
                    context.asap,
                    "bench",
                    *flags,
                    "--device",
                    "cuda",
                    "--matmul-precision",
                    precision,
                    "--runs",
                    runs,
                    "--json",
                ]
                problem = time_all(context, command, [preset], {})
                problems.append(problem and f"{mode} {precision}: {problem}")
    require_success(problems)


# The most important first, in case of a timeout: compiling takes the longest.
VARIANTS = [("eager", []), ("bf16", ["--bf16"]), ("compiled", ["--compile"])]
# Compiling a training step takes a minute or more, so only the first presets are compiled.
MOST_COMPILED = {"infer": 5, "train": 2}


def peers(context):
    ran = context.run([sys.executable, "-c", "import torch; assert torch.cuda.is_available(), 'PyTorch sees no GPU'"])
    if ran.code != 0:
        raise Missing(f"{sys.executable} has no usable PyTorch: {ran.last_words()}")
    problems = []
    for label, variant in VARIANTS:
        for mode, flags, runs, presets in modes(context):
            if label == "compiled":
                presets = presets[: MOST_COMPILED[mode]]
            command = [
                sys.executable,
                "-B",
                context.folder / "benches/peers/bench_torch.py",
                *flags,
                *variant,
                "--device",
                "cuda",
                "--precision",
                "high",
                "--runs",
                runs,
            ]
            problem = time_all(context, command, presets, {"label": label})
            problems.append(problem and f"{mode} {label}: {problem}")
    require_success([*problems, *different_networks(context)])


def different_networks(context):
    """Yields networks whose parameter counts differ between the two sides: their times are not comparable."""
    counts = {
        (line["preset"], line["mode"]): line["parameters"]
        for line in context.results.lines("bench")
        if "error" not in line
    }
    for line in context.lines:
        key = line["preset"], line["mode"]
        if "error" not in line and counts.setdefault(key, line["parameters"]) != line["parameters"]:
            yield f"{' '.join(key)}: asap counts {counts[key]} parameters, PyTorch {line['parameters']}"


def roofline(context):
    problems = []
    for precision in PRECISIONS[:1] if context.quick else PRECISIONS:
        for mode, flags, _, presets in modes(context):
            if context.quick and mode == "train":
                continue
            command = [
                context.asap,
                "profile",
                "--roofline",
                *flags,
                "--device",
                "cuda",
                "--matmul-precision",
                precision,
                "--json",
            ]
            ran = context.run([*command, *(word for preset in presets[:3] for word in ("--preset", preset))])
            lines = objects(ran.stdout)
            context.lines += [{**line, "precision": precision} for line in lines]
            if ran.code != 0:
                problems.append(f"{mode} {precision}: " + ("timed out" if ran.code is None else ran.last_words()))
    require_success(problems)


# `limit` and `quick_limit` are in seconds, 25 and 5 minutes in total; steps with `needs_gpu` do not run without a GPU.
Step = namedtuple("Step", "name what run limit quick_limit needs_gpu", defaults=[True])

STEPS = [
    Step("doctor", "hardware and libraries of this machine", doctor, 30, 20, False),
    Step("kernels", "tests of single kernels, and compilation for every architecture", kernels, 120, 35),
    Step("properties", "every op on random inputs against the double-precision reference", properties, 210, 45),
    Step("verify", "comparison with published values", verify, 60, 25),
    Step("dry-run", "two training steps and everything that a run writes", dry_run, 40, 20),
    Step("bench", "asap's times at every precision", bench, 270, 30),
    Step("peers", "PyTorch's times: eager, bf16, compiled", peers, 400, 55),
    Step("roofline", "every op's share of the card's limit", roofline, 90, 15),
    Step("memcheck", "compute-sanitizer: out-of-bounds accesses", sanitize("memcheck", [8, 2]), 120, 25),
    Step("racecheck", "compute-sanitizer: races in shared memory", sanitize("racecheck", [4, 1]), 160, 25),
]
