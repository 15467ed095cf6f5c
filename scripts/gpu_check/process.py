"""Runs commands with a time limit and logs their output."""

import os
import signal
import subprocess
import tempfile
import time


class Log:
    """The log file of every command and its output."""

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
    """A finished command: its exit code, or `None` if it timed out, and its two streams."""

    def __init__(self, code, stdout, stderr, seconds):
        self.code, self.stdout, self.stderr, self.seconds = code, stdout, stderr, seconds

    def last_words(self, lines=1):
        """Returns the end of its output."""
        output = [line for line in (self.stderr + "\n" + self.stdout).splitlines() if line.strip()]
        errors = [line for line in output if line.startswith("error")]
        return "\n".join(errors[-lines:] or output[-lines:]) or "no output"


def run(command, limit, log, variables=None):
    """Runs a command for up to `limit` seconds, and keeps what it printed until then."""
    command = [str(word) for word in command]
    shown = " ".join([f"{name}={value}" for name, value in (variables or {}).items()] + command)
    log.write(f"\n$ {shown}\n")
    start = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # A separate process group, so that the command's children can be killed with it.
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
    log.write("".join(texts) + f"\n[{'timed out' if code is None else f'exit code {code}'}, {seconds:.1f} s]\n")
    return Ran(code, *texts, seconds)
