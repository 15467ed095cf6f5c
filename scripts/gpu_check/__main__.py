"""Checks and times the project on this machine's GPU, step by step, and stores all results in one JSON file.

A failed step does not stop the later ones. Rerunning a step replaces its results in the file, so the steps can be run in
parts of ten minutes: doctor to dry-run; bench and roofline; peers; memcheck and racecheck. The exit code is 0 if every
step that ran succeeded, and 1 otherwise. A tool that is not installed is reported, but is not a failure. Set ASAP_PYTHON
to the Python that has PyTorch, if it is not python3.
"""

import argparse
import sys
import time
import traceback
from pathlib import Path

import machine
import tables
from process import Log
from results import Results
from steps import STEPS, Bad, Context, Missing

FOLDER = Path(__file__).resolve().parent.parent


def arguments():
    steps = "\n".join(f"  {step.name:<12}{step.what}" for step in STEPS)
    parser = argparse.ArgumentParser(
        prog="run",
        description=__doc__,
        epilog="steps:\n" + steps,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer cases, presets and precisions: 5 minutes, not 25")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the JSON file (default: DATE-CARD.json here); commands and their output go to FILE.log",
    )
    parser.add_argument(
        "--step",
        action="append",
        metavar="NAME",
        choices=[step.name for step in STEPS],
        help="run only this step; repeatable",
    )
    parser.add_argument(
        "--preset",
        action="append",
        metavar="NAME|FILE",
        help="time only this preset or configuration file; repeatable",
    )
    parser.add_argument(
        "--dry-run", default="quickstart", metavar="NAME|FILE", help="configuration for the dry run (default: quickstart)"
    )
    parser.add_argument("--cases", type=Path, default=FOLDER / "published", metavar="DIR", help="reference cases to verify")
    return parser.parse_args()


def run(step, context, results):
    """Runs one step and stores its result; returns whether it succeeded."""
    print(f"\n== {step.name}: {step.what}", flush=True)
    start = time.monotonic()
    context.begin(step)
    status, why = "ok", None
    try:
        if context.problem and step.needs_gpu:
            raise Bad(f"no usable GPU: {context.problem}", "not run")
        step.run(context)
    except Missing as error:
        status, why = "missing", str(error)
    except Bad as error:
        status, why = error.status, str(error)
    except Exception as error:  # any error: continue with the other steps
        context.log.write(traceback.format_exc())
        status, why = "failed", f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - start
    results.put(
        step.name,
        {"status": status, "why": why, "quick": context.quick, "seconds": round(seconds, 1), "lines": context.lines},
    )
    print(f"-- {step.name}: {status}{f' ({why})' if why else ''}, {seconds:.0f} s", flush=True)
    return status in ("ok", "missing")


def main():
    args = arguments()
    about, problem = machine.about(FOLDER)
    out = args.out or Path(machine.file_name(about))
    results = Results(out, about)
    with Log(out.with_name(out.name + ".log")) as log:
        context = Context(FOLDER, log, args, problem, results)
        print(
            f"{about['card'] or 'no GPU'}, driver {about['driver']}, CUDA {about['cuda']}, NVRTC {about['nvrtc']}, "
            f"PyTorch {about['torch']}; built from {about['commit']}"
        )
        chosen = [step for step in STEPS if not args.step or step.name in args.step]
        succeeded = [run(step, context, results) for step in chosen]
    print()
    print(tables.times(results.lines("bench"), results.lines("peers")))
    print(tables.roofline(results.lines("roofline")))
    print(tables.steps(results.steps))
    print(f"results: {out}; output of all commands: {log.path}")
    sys.exit(0 if all(succeeded) else 1)


main()
