#!/usr/bin/env python3
"""Prints the peak operations per second of PyTorch's large float32 matrix product, as JSON."""

import argparse
import json
import time

import torch

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
args = parser.parse_args()
torch.set_num_threads(args.threads)
side, seconds = 2048, []
a = torch.rand(side, side) - 0.5
for _ in range(10):
    start = time.perf_counter()
    a @ a
    seconds.append(time.perf_counter() - start)
rate = 2 * side**3 / min(seconds) / 1e9
print(json.dumps({"peer": f"torch {torch.__version__}", "threads": args.threads, "peak_gflop_per_s": rate}))
