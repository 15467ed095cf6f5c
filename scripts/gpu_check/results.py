"""The JSON file: the machine, and by step what came of it."""

import json
import os
import sys

# What must be the same for results to stand in one file.
IDENTITY = ("card", "driver", "commit", "difference")


class Results:
    def __init__(self, path, about):
        self.path, self.about, self.steps = path, about, {}
        if path.exists():
            try:
                old = json.loads(path.read_text())
                self.steps = old["steps"]
            except (ValueError, KeyError):
                sys.exit(f"run: {path} is no file of results; name another with --out")
            differs = [key for key in IDENTITY if old.get(key) != about[key]]
            if differs:
                key = differs[0]
                was, now = old.get(key), about[key]
                sys.exit(f"run: {path} holds results of another {key} ({was}, now {now}); name another with --out")

    def put(self, step, result):
        """Replaces what is there of a step, and writes the file whole."""
        self.steps[step] = result
        own = self.path.with_name(self.path.name + ".new")
        own.write_text(json.dumps({**self.about, "steps": self.steps}, indent=1) + "\n")
        os.replace(own, self.path)

    def lines(self, step):
        return self.steps.get(step, {}).get("lines", [])
