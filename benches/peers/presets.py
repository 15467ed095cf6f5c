"""Reads the project's presets, `configs/*.toml`."""

import tomllib
from pathlib import Path

GENERATOR = dict(tile=16, learned_factor=16, width=64, max_width=1024, depth=7, mlp_width=64, mlp_depth=5)
DISCRIMINATOR = dict(scales=2, width=64, max_width=512, layers=4, spectral_norm=True)


class Preset:
    """The shapes in a preset or a configuration file; missing keys have the paper's values."""

    def __init__(self, name):
        file = Path(name) if name.endswith(".toml") else Path(__file__).parents[2] / "configs" / f"{name}.toml"
        config = tomllib.loads(file.read_text())
        data, self.loss, self.train = (config.get(key, {}) for key in ("data", "loss", "train"))
        self.generator = GENERATOR | config.get("generator", {})
        self.discriminator = DISCRIMINATOR | config.get("discriminator", {})
        size = data.get("size", [256, 256])
        self.height, self.width = size if isinstance(size, list) else (size, size)
        self.labels = data.get("input", "labels") == "labels"
        self.classes = data.get("classes", 13) if self.labels else 3
        self.edges = data.get("instances", False)
        self.inputs = self.classes + self.edges
        self.outputs = 1 if data.get("output") == "depth" else 3
        unknown = {"padding", "positions", "spatially_varying", "kind"} & set(self.generator)
        if unknown:
            raise SystemExit(f"{name}: generator.{unknown.pop()} is not implemented in the peer")
        if not self.discriminator.pop("spectral_norm"):
            raise SystemExit(f"{name}: discriminators without spectral norm are not implemented in the peer")
