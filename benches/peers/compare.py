#!/usr/bin/env python3
"""Alternates between asap and its peers on the CPU, and prints tables of times and ratios.

Every run is a separate process, and the programs take turns, so that changes in the machine's speed affect all alike. A
ratio is a peer's time divided by asap's in the same round. See benches/README.md.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import arithmetic
from presets import Preset

HERE = Path(__file__).resolve().parent
TORCH = ["bench_torch.py", "--device", "cpu", "--precision", "highest"]
COMPILED = [*TORCH, "--compile"]
PEERS = {
    "torch": TORCH,
    "torch channels-last": [*TORCH, "--channels-last"],
    "torch compiled": COMPILED,
    "torch compiled channels-last": [*COMPILED, "--channels-last"],
    "onnxruntime": ["bench_onnx.py", "--engine", "onnxruntime"],
    "openvino": ["bench_onnx.py", "--engine", "openvino"],
}
INFER = ["cityscapes-256", "facades-512", "facades-1024", "facades-2048"]
TRAIN = ["cityscapes-256", "facades-512"]
# MLPs with a fixed tile size, on images with more and more tiles.
MLP_PRESET, MLP_SIDES = "facades-2048", [256, 512, 1024, 2048]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--preset", action="append", metavar="NAME", help=f"repeatable (default: {', '.join(INFER)})")
    add("--train", action="store_true", help=f"time training steps (default presets: {', '.join(TRAIN)})")
    add("--scaling", action="store_true", help="only asap: one thread against all, and the MLPs at growing sizes")
    add("--peer", action="append", choices=PEERS, help="repeatable (default: all)")
    add("--rounds", type=int, default=5, metavar="N", help="runs of each program (default 5)")
    add("--runs", type=int, metavar="N", help="timed repetitions per run (default 5, for training 3)")
    add("--threads", type=int, default=os.cpu_count(), metavar="N", help="default: one per core")
    add("--asap", metavar="PATH", help="the asap binary (default: target/release/asap)")
    add("--json", type=Path, metavar="FILE", help="write all measurements to FILE")
    args = parser.parse_args()
    if args.rounds < 1 or args.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    args.asap = shutil.which(args.asap or HERE.parents[1] / "target/release/asap")
    if not args.asap:
        parser.error("asap not found: build it with `cargo build --release`, or pass --asap PATH")
    args.preset = args.preset or (TRAIN if args.train else INFER)
    # The first steps of a process still allocate memory from the system.
    args.runs = args.runs or (3 if args.train else 5)
    args.peer = args.peer or [peer for peer in PEERS if not args.train or peer.startswith("torch")]
    return args


class Failed(Exception):
    """A program returned no result; the message says why."""


def run(command, threads):
    """Returns the JSON objects that a program prints."""
    # OpenMP reads this at process start.
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    command = [*map(str, command), "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = [line["error"] for line in lines if "error" in line]
    if errors or done.returncode or not lines:
        messages = errors or done.stderr.strip().splitlines() or [f"exit code {done.returncode}, no output"]
        raise Failed(messages[-1])
    return lines


def log(text):
    print(text, file=sys.stderr, flush=True)


class Session:
    """Runs the programs and keeps every line of results."""

    def __init__(self, args, models):
        self.args, self.models, self.lines = args, models, []

    def asap(self, *arguments, threads=None):
        command = [self.args.asap, *arguments, "--device", "cpu", "--json"]
        return run(command, threads or self.args.threads)

    def run_once(self, program, preset, number, threads=None):
        """Runs a program once and returns its line."""
        args = self.args
        what = ["--preset", preset, "--runs", args.runs, *(["--train"] if args.train else [])]
        if program == "asap":
            line = self.asap("bench", *what, threads=threads)[0]
        else:
            script, *options = PEERS[program]
            models = ["--models", self.models] if script == "bench_onnx.py" else []
            line = run([sys.executable, HERE / script, *options, *models, *what], args.threads)[0]
        self.lines.append({"program": program, "round": number} | line)
        took = f"{line['median_s']:.4g} s, {line['threads']} threads"
        log(f"{preset}, round {number} of {args.rounds}: {program} {took}")
        return line

    def compare(self, preset):
        """Returns each program's lines, asap first, one per round. Programs that fail are skipped."""
        lines = {program: [] for program in ["asap", *self.args.peer]}
        for number in range(1, self.args.rounds + 1):
            for program in list(lines):
                try:
                    line = self.run_once(program, preset, number)
                except Failed as why:
                    if program == "asap":
                        raise SystemExit(f"asap, {preset}: {why}") from None
                    log(f"{preset}: {program} skipped: {why}")
                    del lines[program]
                    continue
                lines[program].append(line)
                if line["parameters"] != lines["asap"][0]["parameters"]:
                    raise SystemExit(f"{preset}: {program} has a different network, with {line['parameters']} parameters")
        return lines

    def peak(self):
        """Returns the operations per second of the faster matrix product, asap's or PyTorch's."""
        found = {}
        for program, measure in (
            ("asap", lambda: self.asap("profile", "--roofline", "--preset", "facades-512")),
            ("torch", lambda: run([sys.executable, HERE / "peak_torch.py"], self.args.threads)),
        ):
            try:
                found[program] = measure()[0]["peak_gflop_per_s"]
            except Failed as why:
                log(f"peak of {program} skipped: {why}")
        if not found:
            raise SystemExit("could not measure the machine's peak")
        self.lines.append({"peak_gflop_per_s": found})
        return 1e9 * max(found.values())


def three(value):
    """Formats with three significant digits and no exponent."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def spread(values):
    """Formats median, minimum and maximum."""
    return f"{three(median(values))} ({three(min(values))}–{three(max(values))})"


def seconds(lines):
    return [line["median_s"] for line in lines]


def ratios(slow, fast):
    return [a / b for a, b in zip(seconds(slow), seconds(fast))]


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def comparison(session):
    """Prints two tables: asap against its peers, and against the arithmetic limit."""
    args, times, limits = session.args, [], []
    peak, compared = session.peak(), {}
    for preset in args.preset:
        compared[preset] = session.compare(preset)
    peak = max(peak, session.peak())
    for preset, lines in compared.items():
        ours, theirs = lines.pop("asap"), lines
        memory = {program: median(line["peak_rss_bytes"] for line in of) / 1e9 for program, of in theirs.items()}
        mine = f"{median(line['peak_rss_bytes'] for line in ours) / 1e9:.2f}"
        row = [preset, spread(seconds(ours))]
        row += [spread(seconds(theirs[peer])) if peer in theirs else "–" for peer in args.peer]
        if theirs:
            fastest = min(theirs, key=lambda peer: median(seconds(theirs[peer])))
            row += [fastest, spread(ratios(theirs[fastest], ours))]
            row.append(f"{mine} / {memory[fastest]:.2f} / {min(memory.values()):.2f}")
        else:
            row += ["–", "–", f"{mine} / – / –"]
        times.append(row)
        count = arithmetic.count(Preset(preset), args.train)
        reported = 1e9 * ours[0]["gmac"]
        if abs(reported - count.direct) > 1e-3 * reported:
            log(f"{preset}: arithmetic.py counts {count.direct:.4g} multiply-accumulates, asap {reported:.4g}")
        limit, taken = 2 * count.fast / peak, median(seconds(ours))
        giga = [f"{value / 1e9:.1f}" for value in count]
        limits.append([preset, *giga, f"{three(limit)} s", f"{three(taken)} s", f"{100 * limit / taken:.0f}%"])
    what = "Training step" if args.train else "Inference"
    print(f"{what}, float32, batch size 1, in seconds: median of {args.rounds} rounds (min–max).")
    print("Peak memory in GB: asap / fastest peer / smallest of any peer.")
    table(["preset", "asap", *args.peer, "fastest peer", "ratio", "memory"], times)
    print(f"\nArithmetic limit at {peak / 1e9:.0f} GFLOP/s, the fastest large matrix product:")
    fields = ["preset", "G multiply-accumulates", "with fast algorithms", "limit", "asap", "asap's share of the limit"]
    table(fields, limits)


def scaling(session):
    """Prints two tables: one thread against all, and the MLPs' time by number of pixels."""
    args, rows = session.args, []
    for preset in args.preset:
        one, all = [], []
        for number in range(1, args.rounds + 1):
            one.append(session.run_once("asap", preset, number, threads=1))
            all.append(session.run_once("asap", preset, number))
        rows.append([preset, spread(seconds(one)), spread(seconds(all)), spread(ratios(one, all))])
    table(["preset", "1 thread, s", f"{args.threads} threads, s", "speedup"], rows)
    times = {side: [] for side in MLP_SIDES}
    for _ in range(args.rounds):
        for side in MLP_SIDES:
            size = ["--set", f"data.size=[{side}, {side}]"]
            layers = session.asap("profile", "--preset", MLP_PRESET, *size)
            times[side].append(next(line["seconds"] for line in layers if line.get("layer") == "pixel_mlp"))
            session.lines.append({"mlp_side": side, "seconds": times[side][-1]})
    print(f"\nThe MLPs of {MLP_PRESET} at different image sizes, {args.threads} threads:")
    rows = []
    for side in MLP_SIDES:
        pixel = [1e9 * time / side**2 for time in times[side]]
        rows.append([f"{side}×{side}", spread([1e3 * time for time in times[side]]), spread(pixel)])
    table(["pixels", "ms", "ns per pixel"], rows)


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown processor"
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "unknown processor")


def main():
    args = arguments()
    print(f"On {processor()}, {args.threads} threads, {args.runs} timed repetitions per run.")
    with tempfile.TemporaryDirectory() as models:
        session = Session(args, models)
        try:
            scaling(session) if args.scaling else comparison(session)
        except Failed as why:
            raise SystemExit(f"asap: {why}") from None
        finally:
            if args.json:
                args.json.write_text(json.dumps({"processor": processor(), "lines": session.lines}, indent=1))
        versions = sorted({line["peer"] for line in session.lines if "peer" in line})
        if versions:
            print(f"\nPeers: {', '.join(versions)}.")


main()
