#!/usr/bin/env python3
"""Times a forward pass in ONNX Runtime or OpenVINO, and prints the same JSON as `asap bench`, one object per line.

A pass goes from a one-hot tensor in host memory to a float image in host memory, all in float32. The network is exported
from PyTorch in a separate process, so that this one holds only the engine. The output must match PyTorch's. See
benches/README.md.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

# The outputs are in [-1, 1].
MAX_DIFFERENCE = 1e-3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True, choices=sorted(ENGINES))
    parser.add_argument(
        "--preset", action="append", metavar="NAME", help="a preset or a configuration file; repeatable"
    )
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5, help="timed runs, after the warm-up")
    parser.add_argument("--threads", type=int, help="default: chosen by the engine")
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="keep exported networks in DIR, and reuse those already there"
    )
    return parser.parse_args()


def onnxruntime(model, x, output, threads):
    """Returns the engine's name and the function to time, which fills `output`."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads or 0, 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    # Input and output are bound in place: the timed part copies and allocates nothing.
    binding = session.io_binding()
    for bind, name, array in (
        (binding.bind_input, "input", x),
        (binding.bind_output, "output", output),
    ):
        bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    return f"onnxruntime {ort.__version__}", lambda: session.run_with_iobinding(binding)


def openvino(model, x, output, threads):
    """Returns the engine's name and the function to time, which fills `output`."""
    import openvino as ov

    core = ov.Core()
    # By default it computes in bfloat16 if the processor supports it.
    properties = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
    if threads:
        properties["INFERENCE_NUM_THREADS"] = str(threads)
    compiled = core.compile_model(model, "CPU", properties)
    precision = compiled.get_property("INFERENCE_PRECISION_HINT")
    if precision != ov.Type.f32:
        raise RuntimeError(f"OpenVINO computes in {precision.get_type_name()}, not in f32")
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(x, shared_memory=True))
    request.set_output_tensor(ov.Tensor(output, shared_memory=True))
    return f"openvino {ov.__version__.split('-')[0]}", lambda: request.infer()


ENGINES = dict(onnxruntime=onnxruntime, openvino=openvino)


def exported(name, batch, models):
    """Returns the folder with the exported network, exporting it if needed."""
    folder = models / f"{Path(name).stem}-{batch}"
    if not (folder / "about.json").exists():
        command = [sys.executable, Path(__file__).with_name("export_onnx.py"), "--preset", name, "--batch", str(batch)]
        done = subprocess.run([*command, folder], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"export failed: {(done.stderr.strip() or 'unknown').splitlines()[-1]}")
    return folder


def measure(name, args, models):
    folder = exported(name, args.batch, models)
    about = json.loads((folder / "about.json").read_text())
    x = np.load(folder / "input.npy")
    output = np.zeros(np.load(folder / "output.npy", mmap_mode="r").shape, np.float32)
    start = time.perf_counter()
    peer, run = ENGINES[args.engine](str(folder / "model.onnx"), x, output, args.threads)
    # The second run may still plan memory.
    for _ in range(2):
        run()
    warming = time.perf_counter() - start
    seconds = []
    for _ in range(args.runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    difference = float(np.abs(output - np.load(folder / "output.npy")).max())
    if not difference <= MAX_DIFFERENCE:
        raise RuntimeError(f"{peer}'s output differs from PyTorch's by {difference:.1e}")
    return {
        "preset": name,
        "mode": "infer",
        "device": "cpu",
        "threads": args.threads,
        "precision": "highest",
        "batch": args.batch,
        "height": about["height"],
        "width": about["width"],
        "runs": args.runs,
        "median_s": statistics.median(seconds),
        "min_s": min(seconds),
        "max_s": max(seconds),
        "parameters": about["parameters"],
        "peak_rss_bytes": peak,
        "peak_device_bytes": None,
        "peer": peer,
        "max_difference": difference,
        "warming_s": warming,
    }


def main():
    args = arguments()
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        for name in args.preset or ["cityscapes-256"]:
            try:
                line = measure(name, args, args.models or Path(temporary))
            except (ImportError, RuntimeError, OSError) as error:
                failed = True
                line = {"preset": name, "mode": "infer", "error": (str(error) or repr(error)).split("\n")[0]}
            print(json.dumps(line), flush=True)
    sys.exit(1 if failed else 0)


main()
