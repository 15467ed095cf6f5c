"""The steps: what each runs, and when it is well."""

import glob
import json
import os
import re
import shutil
import sys
import time
from collections import namedtuple

import process

# Tests take the real GPU, and fail rather than skip where it, or NVRTC, can't be used.
REAL = {"ASAP_CUDA": "real", "ASAP_REQUIRE_CUDA": "1", "ASAP_REQUIRE_NVRTC": "1"}
# The exit code that compute-sanitizer is told to end with where it found something.
FOUND = 86
PRECISIONS = ["high", "medium", "highest"]
# Those of the paper first: time may be up before the last.
FIRST = ["cityscapes-256", "facades-512", "facades-1024", "cityscapes-512", "facades-2048"]
# The network of facades-1024 at the size it draws at; nobody trains it.
NOT_TRAINED = ["facades-2048"]


class Bad(Exception):
    """Something is not as it should be."""

    def __init__(self, why, status="failed"):
        super().__init__(why)
        self.status = status


class Missing(Exception):
    """A tool is not installed here."""


class Context:
    """What steps share, and the results of the one that runs."""

    def __init__(self, folder, log, args, fault, results):
        self.folder, self.log, self.args, self.fault, self.results = folder, log, args, fault, results
        self.quick = args.quick
        self.asap = folder / "bin/asap"

    def begin(self, step):
        self.lines = []
        self.deadline = time.monotonic() + (step.quick_limit if self.quick else step.limit)

    def run(self, command, variables=None):
        """Runs a command within what is left of the step's time."""
        return process.run(command, self.deadline - time.monotonic(), self.log, variables)

    def need(self, command, variables=None):
        """As `run`, where success is expected."""
        ran = self.run(command, variables)
        if ran.code is None:
            raise Bad("time is up", "time is up")
        if ran.code != 0:
            raise Bad(f"exit code {ran.code}: {ran.last_words()}")
        return ran

    def presets(self):
        there = sorted(file.stem for file in (self.folder / "configs").glob("*.toml"))
        every = self.args.preset or FIRST + [name for name in there if name not in FIRST]
        return every[:2] if self.quick else every


def objects(text):
    """The JSON objects of whole lines."""
    found = []
    for line in text.splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            found.append(json.loads(line))
    return found


def doctor(context):
    ran = context.need([context.asap, "doctor"])
    print(ran.stdout, end="")
    if context.fault:
        raise Bad(f"no GPU can be used here: {context.fault}")


def test(context, name, binary, words, variables=None, wrapper=()):
    """Runs tests of one binary, and counts them: a filter that no test matches is a failure, not a success."""
    ran = context.run([*wrapper, context.folder / "tests" / binary, *words], {**REAL, **(variables or {})})
    passed = sum(int(count) for count in re.findall(r"(\d+) passed", ran.stdout))
    failed = re.findall(r"^test (\S+) .*FAILED$", ran.stdout, re.MULTILINE)
    code = "time is up" if ran.code is None else ran.code
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
        problem = f"{name}: time is up"
    elif ran.code != 0:
        problem = f"{name}: {', '.join(failed) or f'exit code {code}: {ran.last_words()}'}"
    elif passed == 0:
        problem = f"{name}: no test is named {' '.join(words)}"
    return problem


def all_well(problems):
    problems = [problem for problem in problems if problem]
    if problems:
        raise Bad("; ".join(problems))


def kernels(context):
    definitions = "kernels against their definitions, tensor cores against their twins"
    problems = [test(context, definitions, "asap_tensor", ["cuda"])]
    problems.append(test(context, "kernels compiled for every card", "kernels_compile", []))
    all_well(problems)


def properties(context):
    cases = {"PROPTEST_CASES": "32"} if context.quick else {}
    words = ["properties::", "--skip", "planted"]
    all_well([test(context, "every op against the reference", "all", words, cases)])


def sanitizer():
    """compute-sanitizer, on the path or in a toolkit."""
    homes = [os.environ.get(name, "") for name in ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT")]
    homes = [home for home in homes if home] + sorted(glob.glob("/usr/local/cuda*"), reverse=True) + ["/opt/cuda"]
    places = [f"{home}/{folder}/compute-sanitizer" for home in homes for folder in ("bin", "compute-sanitizer")]
    for file in [shutil.which("compute-sanitizer"), *places]:
        if file and os.access(file, os.X_OK) and os.path.isfile(file):
            return file
    raise Missing("compute-sanitizer is neither on the path nor in a CUDA toolkit")


def sanitize(tool, cases):
    def step(context):
        # Only kernels are of interest: a call that a test expects to fail is no finding.
        wrapper = [sanitizer(), "--tool", tool, "--error-exitcode", FOUND, "--report-api-errors", "no"]
        wrapper = wrapper if tool == "memcheck" else wrapper[:-2]
        fewer = {"PROPTEST_CASES": str(cases[context.quick])}
        one = ["--test-threads", "1"]
        ops = ["properties::", "--skip", "planted", "--skip", "threads", *one]
        problems = [test(context, f"{tool}: kernels", "asap_tensor", ["cuda", *one], fewer, wrapper)]
        problems.append(test(context, f"{tool}: every op", "all", ops, fewer, wrapper))
        all_well(problems)

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
        print(f"; the worst is {share:.2f} of its tolerance: {line['case']} {line['quantity']}", end="")
    print()
    if ran.code == 0 and not compared:
        raise Bad(f"nothing was compared in {context.args.cases}")
    if bad or ran.code != 0:
        why = "time is up" if ran.code is None else f"exit code {ran.code}: {ran.last_words()}"
        raise Bad(f"out of tolerance: {', '.join(bad[:3])}" if bad else why)


def dry_run(context):
    ran = context.need([context.asap, "train", "--dry-run", "--config", context.args.dry_run, "--device", "cuda"])
    print(ran.stdout, end="")


def time_all(context, command, presets, about):
    """Lines of a timing command, one for each preset, together with what else is known of them; what went wrong."""
    ran = context.run([*command, *(word for preset in presets for word in ("--preset", preset))])
    lines = objects(ran.stdout)
    context.lines += [{**line, **about} for line in lines]
    well = [line for line in lines if "error" not in line]
    for line in well:
        label = about.get("label", line["precision"])
        print(f"{line['preset']:<16}{line['mode']:<7}{label:<10}{1e3 * line['median_s']:>10.3f} ms", flush=True)
    if ran.code is None:
        return f"time was up after {len(lines)} of {len(presets)} presets"
    if len(well) < len(presets):
        errors = [line["error"] for line in lines if "error" in line] or [ran.last_words()]
        return f"{len(presets) - len(well)} presets failed: {errors[0]}"
    return None


def modes(context):
    """For inference and for training: the flags, and the presets."""
    trained = [preset for preset in context.presets() if preset not in NOT_TRAINED]
    return [("infer", [], 20, context.presets()), ("train", ["--train"], 5 if context.quick else 7, trained)]


def bench(context):
    problems = []
    for precision in PRECISIONS[:1] if context.quick else PRECISIONS:
        for mode, flags, runs, presets in modes(context):
            # One process each, so that a preset that fails, or what it leaves in memory, does not touch the next.
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
    all_well(problems)


# In the order of what is wanted most, should time be up: compiling takes the longest.
VARIANTS = [("eager", []), ("bf16", ["--bf16"]), ("compiled", ["--compile"])]
# Compiling a round takes a minute or more: only the first presets are.
MOST_COMPILED = {"infer": 5, "train": 2}


def peers(context):
    ran = context.run([sys.executable, "-c", "import torch; assert torch.cuda.is_available(), 'it sees no GPU'"])
    if ran.code != 0:
        raise Missing(f"{sys.executable} has no PyTorch that can be used: {ran.last_words()}")
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
    all_well([*problems, *different_networks(context)])


def different_networks(context):
    """Networks whose parameters the other side counts differently: their times can't be compared."""
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
                problems.append(f"{mode} {precision}: " + ("time is up" if ran.code is None else ran.last_words()))
    all_well(problems)


# `limit` and `quick_limit` are seconds, 25 and 5 minutes in all; `needs_gpu`: nothing can be done without one.
Step = namedtuple("Step", "name what run limit quick_limit needs_gpu", defaults=[True])

STEPS = [
    Step("doctor", "what this machine offers", doctor, 30, 20, False),
    Step("kernels", "tests of single kernels, and all compiled for every card", kernels, 120, 35),
    Step("properties", "every op on drawn inputs against the reference in double precision", properties, 210, 45),
    Step("verify", "the published numbers", verify, 60, 25),
    Step("dry-run", "two rounds of training and all that a run writes", dry_run, 40, 20),
    Step("bench", "asap's times at every precision", bench, 270, 30),
    Step("peers", "PyTorch's times: eager, bf16, compiled", peers, 400, 55),
    Step("roofline", "every op's share of what the card can do", roofline, 90, 15),
    Step("memcheck", "compute-sanitizer: reads and writes out of bounds", sanitize("memcheck", [8, 2]), 120, 25),
    Step("racecheck", "compute-sanitizer: races in shared memory", sanitize("racecheck", [4, 1]), 160, 25),
]
