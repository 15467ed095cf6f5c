#!/usr/bin/env python3
"""Exports a preset's network, as defined in asap_torch.py, to ONNX.

Writes to one folder per preset: the model with its weights, the input (one-hot labels, and edges), PyTorch's output for
it, and the network's size.
"""

import argparse
import json
from pathlib import Path

import asap_torch
import numpy as np
import torch
from presets import Preset


def export(name, batch, folder):
    torch.manual_seed(0)
    preset = Preset(name)
    g = asap_torch.build(preset).eval()
    x = asap_torch.upload(preset, *asap_torch.sample(preset, batch), "cpu")
    with torch.inference_mode():
        output = g(x)
    folder.mkdir(parents=True, exist_ok=True)
    # Fixed shapes let engines plan ahead.
    names = dict(input_names=["input"], output_names=["output"])
    torch.onnx.export(g, (x,), folder / "model.onnx", dynamo=True, external_data=False, verbose=False, **names)
    np.save(folder / "input.npy", x.numpy())
    np.save(folder / "output.npy", output.numpy())
    about = dict(height=preset.height, width=preset.width, parameters=sum(p.numel() for p in g.parameters()))
    # Written last: a folder with this file is complete.
    (folder / "about.json").write_text(json.dumps(about))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", required=True, metavar="NAME", help="a preset or a configuration file")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    export(args.preset, args.batch, args.folder)
