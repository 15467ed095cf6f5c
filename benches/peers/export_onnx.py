#!/usr/bin/env python3
"""Exports a preset's network, as asap_torch.py has it, for engines that read ONNX.

Writes into a folder of the preset's own: the model with its weights, what goes in (labels one-hot already, and edges),
the picture that PyTorch draws of it, and the network's size.
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
        picture = g(x)
    folder.mkdir(parents=True, exist_ok=True)
    # The shapes are fixed, so that engines can plan for them.
    names = dict(input_names=["input"], output_names=["picture"])
    torch.onnx.export(g, (x,), folder / "model.onnx", dynamo=True, external_data=False, verbose=False, **names)
    np.save(folder / "input.npy", x.numpy())
    np.save(folder / "picture.npy", picture.numpy())
    about = dict(height=preset.height, width=preset.width, parameters=sum(p.numel() for p in g.parameters()))
    # Written last: a folder that has it is whole.
    (folder / "about.json").write_text(json.dumps(about))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", required=True, metavar="NAME", help="a preset, or a configuration file")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    export(args.preset, args.batch, args.folder)
