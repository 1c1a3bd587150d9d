"""The LLM gateway of `examples/llm-gateway` behind the command `lambda-stream`, for its clients."""

import re
import subprocess
import threading
import time

PATIENCE = 30


class Gateway:
    """A running gateway, behind a local Lambda; its terminal can be waited on."""

    def __init__(self, command, program, timeout, **settings):
        self.lines = []
        self.changed = threading.Condition()
        arguments = ["--address", "127.0.0.1:0", "--timeout", str(timeout)]
        for name, value in settings.items():
            arguments += ["--env", f"{name}={value}"]
        self.process = subprocess.Popen(
            [command, "local", *arguments, "--", program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        line = self.line("listening on http://")
        self.url = re.search(r"http://[\d.:]+", line)[0]

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip())
                self.changed.notify_all()

    def mark(self):
        """Returns where the terminal is now, for `line`."""
        return len(self.lines)

    def line(self, *parts, since=0):
        """Waits for a line with all of these parts, and returns it."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                for line in self.lines[since:]:
                    if all(part in line for part in parts):
                        return line
                left = deadline - time.monotonic()
                if left < 0 or not self.changed.wait(left):
                    raise AssertionError(f"no line has {parts}: {self.lines[since:]}")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        self.reader.join()
        self.process.stdout.close()
