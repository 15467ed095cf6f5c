#!/usr/bin/env python3
"""Times the PyTorch version of what `asap bench` times, and prints the same JSON, one object per line.

A forward pass ends with an image in host memory. On a GPU it starts from ids in host memory, on the CPU from a prepared
one-hot tensor. A training step updates the generator and then the discriminators, with the preset's losses; VGG weights
are random. See benches/README.md.
"""

import argparse
import gc
import json
import resource
import statistics
import sys
import time

import asap_torch
import torch
from presets import Preset
from train_torch import TrainingStep


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--preset", action="append", metavar="NAME", help="a preset or a configuration file; repeatable"
    )
    parser.add_argument("--train", action="store_true", help="time training steps")
    parser.add_argument("--device", default="cpu", metavar="cpu|cuda[:N]")
    parser.add_argument(
        "--precision",
        default="high",
        choices=["highest", "high", "medium"],
        help="float32 matrix multiplication, see torch.set_float32_matmul_precision: f32, TF32, bf16 (default high)",
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile the networks")
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--channels-last", action="store_true", help="use the channels-last memory format")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5, help="timed runs, after the warm-up")
    parser.add_argument("--threads", type=int, help="CPU threads (default: chosen by PyTorch)")
    return parser.parse_args()


def forward(preset, args):
    """Returns the generator's parameter count and the function to time."""
    g = asap_torch.build(preset).eval().to(args.device)
    parameters = sum(p.numel() for p in g.parameters())
    if args.channels_last:
        g = g.to(memory_format=torch.channels_last)
    on_cpu = args.device == "cpu"
    if args.compile:
        # Weights become constants, which CPU convolutions then keep in the layout that they read.
        torch._inductor.config.freezing = on_cpu
        g = torch.compile(g, dynamic=False)
    x, edges = asap_torch.sample(preset, args.batch)
    autocast = torch.autocast(args.device.split(":")[0], torch.bfloat16, enabled=args.bf16)
    if on_cpu:
        ready = asap_torch.upload(preset, x, edges, "cpu")
        if args.channels_last:
            ready = ready.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run():
        with autocast:
            return g(ready if on_cpu else asap_torch.upload(preset, x, edges, args.device)).float().cpu()

    return parameters, run


def measure(name, args):
    preset = Preset(name)
    on_gpu = args.device.startswith("cuda")
    synchronize = torch.cuda.synchronize if on_gpu else lambda: None
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    if args.train:
        run = TrainingStep(preset, args.batch, args.device, args.compile, args.bf16, args.channels_last)
        parameters = run.parameters
    else:
        parameters, run = forward(preset, args)
    start = time.perf_counter()
    # The first run compiles and chooses kernels; with torch.compile, the second may compile again.
    for _ in range(3 if on_gpu or args.compile else 1):
        first = run()
        synchronize()
    warming = time.perf_counter() - start
    seconds = []
    for _ in range(args.runs):
        start = time.perf_counter()
        run()
        synchronize()
        seconds.append(time.perf_counter() - start)
    if args.train and not all(x == x for x in first):
        raise RuntimeError(f"losses are not finite: {first}")
    return {
        "preset": name,
        "mode": "train" if args.train else "infer",
        "device": args.device,
        "threads": torch.get_num_threads(),
        "precision": args.precision,
        "batch": args.batch,
        "height": preset.height,
        "width": preset.width,
        "runs": args.runs,
        "median_s": statistics.median(seconds),
        "min_s": min(seconds),
        "max_s": max(seconds),
        "parameters": parameters,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "peak_device_bytes": torch.cuda.max_memory_allocated() if on_gpu else None,
        "peer": f"torch {torch.__version__}",
        "compiled": args.compile,
        "bf16": args.bf16,
        "channels_last": args.channels_last,
        "warming_s": warming,
    }


def main():
    args = arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = args.precision != "highest"
    torch.set_float32_matmul_precision(args.precision)
    failed = False
    for name in args.preset or ["cityscapes-256"]:
        torch.manual_seed(0)
        try:
            line = measure(name, args)
        except (RuntimeError, OSError) as error:
            failed = True
            line = {"preset": name, "mode": "train" if args.train else "infer", "error": str(error).split("\n")[0]}
        print(json.dumps(line), flush=True)
        torch.compiler.reset()
        gc.collect()
        if args.device.startswith("cuda"):
            torch.cuda.empty_cache()
    sys.exit(1 if failed else 0)


main()
