"""Commands with a time limit, their output kept in a log."""

import os
import signal
import subprocess
import tempfile
import time


class Log:
    """The file that every command and its output are written to."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = open(self.path, "a", encoding="utf-8")
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, text):
        self.file.write(text)
        self.file.flush()


class Ran:
    """What a command left: its exit code, or `None` if its time was up, and its two streams."""

    def __init__(self, code, stdout, stderr, seconds):
        self.code, self.stdout, self.stderr, self.seconds = code, stdout, stderr, seconds

    def last_words(self, lines=1):
        """The end of what it said."""
        said = [line for line in (self.stderr + "\n" + self.stdout).splitlines() if line.strip()]
        errors = [line for line in said if line.startswith("error")]
        return "\n".join(errors[-lines:] or said[-lines:]) or "it said nothing"


def run(command, limit, log, variables=None):
    """Runs a command, for `limit` seconds at most; what it printed until then is kept."""
    command = [str(word) for word in command]
    shown = " ".join([f"{name}={value}" for name, value in (variables or {}).items()] + command)
    log.write(f"\n$ {shown}\n")
    start = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # A group of its own, so that what the command started ends with it.
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                env={**os.environ, **(variables or {})},
            )
        except OSError as error:
            log.write(f"[{error}]\n")
            return Ran(127, "", f"error: {error}\n", 0.0)
        try:
            code = process.wait(timeout=max(limit, 0.1))
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    seconds = time.monotonic() - start
    log.write("".join(texts) + f"\n[{'time is up' if code is None else f'exit code {code}'}, {seconds:.1f} s]\n")
    return Ran(code, *texts, seconds)
