#!/usr/bin/env python3
"""Times a forward pass in ONNX Runtime or OpenVINO, and prints the same JSON as `asap bench`, one object a line.

A pass goes from a one-hot tensor in host memory to a float picture in host memory, all of it in float32. The network is
exported from PyTorch in a process of its own, so that this one holds nothing but the engine; its picture must be
PyTorch's. See benches/README.md.
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

# The pictures are in [-1, 1].
MAX_DIFFERENCE = 1e-3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True, choices=sorted(ENGINES))
    parser.add_argument(
        "--preset", action="append", metavar="NAME", help="a preset, or a configuration file; may be repeated"
    )
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5, help="timed runs, after the warming ones")
    parser.add_argument("--threads", type=int, help="default: the engine's own choice")
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="keep the exported networks there, and take those that are there"
    )
    return parser.parse_args()


def onnxruntime(model, x, picture, threads):
    """The engine's name, and what to time: it fills `picture`."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads or 0, 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    # Both stay where they are: nothing is copied, and no memory is asked of the system in the timed part.
    binding = session.io_binding()
    for bind, name, array in (
        (binding.bind_input, "input", x),
        (binding.bind_output, "picture", picture),
    ):
        bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    return f"onnxruntime {ort.__version__}", lambda: session.run_with_iobinding(binding)


def openvino(model, x, picture, threads):
    """The engine's name, and what to time: it fills `picture`."""
    import openvino as ov

    core = ov.Core()
    # Left alone, it computes in bfloat16 where the processor multiplies such numbers.
    properties = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
    if threads:
        properties["INFERENCE_NUM_THREADS"] = str(threads)
    compiled = core.compile_model(model, "CPU", properties)
    precision = compiled.get_property("INFERENCE_PRECISION_HINT")
    if precision != ov.Type.f32:
        raise RuntimeError(f"OpenVINO computes in {precision.get_type_name()}, not in f32")
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(x, shared_memory=True))
    request.set_output_tensor(ov.Tensor(picture, shared_memory=True))
    return f"openvino {ov.__version__.split('-')[0]}", lambda: request.infer()


ENGINES = dict(onnxruntime=onnxruntime, openvino=openvino)


def exported(name, batch, models):
    """The folder with the exported network, which is written if it isn't there."""
    folder = models / f"{Path(name).stem}-{batch}"
    if not (folder / "about.json").exists():
        command = [sys.executable, Path(__file__).with_name("export_onnx.py"), "--preset", name, "--batch", str(batch)]
        done = subprocess.run([*command, folder], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"could not be exported: {(done.stderr.strip() or 'unknown').splitlines()[-1]}")
    return folder


def measure(name, args, models):
    folder = exported(name, args.batch, models)
    about = json.loads((folder / "about.json").read_text())
    x = np.load(folder / "input.npy")
    picture = np.zeros(np.load(folder / "picture.npy", mmap_mode="r").shape, np.float32)
    start = time.perf_counter()
    peer, run = ENGINES[args.engine](str(folder / "model.onnx"), x, picture, args.threads)
    # The second may still plan memory.
    for _ in range(2):
        run()
    warming = time.perf_counter() - start
    seconds = []
    for _ in range(args.runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    difference = float(np.abs(picture - np.load(folder / "picture.npy")).max())
    if not difference <= MAX_DIFFERENCE:
        raise RuntimeError(f"{peer}'s picture is {difference:.1e} from PyTorch's")
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
