"""The JSON file of results: the machine, and the result of each step."""

import json
import os
import sys

# What must be equal for results to share a file.
IDENTITY = ("card", "driver", "commit", "difference")


class Results:
    def __init__(self, path, about):
        self.path, self.about, self.steps = path, about, {}
        if path.exists():
            try:
                old = json.loads(path.read_text())
                self.steps = old["steps"]
            except (ValueError, KeyError):
                sys.exit(f"run: {path} is not a results file; choose another with --out")
            differs = [key for key in IDENTITY if old.get(key) != about[key]]
            if differs:
                key = differs[0]
                was, now = old.get(key), about[key]
                sys.exit(f"run: {path} has results for another {key} ({was}, now {now}); choose another with --out")

    def put(self, step, result):
        """Replaces a step's result, and rewrites the file atomically."""
        self.steps[step] = result
        own = self.path.with_name(self.path.name + ".new")
        own.write_text(json.dumps({**self.about, "steps": self.steps}, indent=1) + "\n")
        os.replace(own, self.path)

    def lines(self, step):
        return self.steps.get(step, {}).get("lines", [])
