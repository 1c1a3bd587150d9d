"""The example under its local Lambda, and what it prints."""

import os
import queue
import re
import subprocess
import threading
import time


class Program:
    def __init__(self, path):
        self.path = path
        self.lines = queue.Queue()

    def __enter__(self):
        environment = {**os.environ, "LAMBDA_STREAM_LOCAL_ADDR": "127.0.0.1:0"}
        environment.pop("AWS_LAMBDA_RUNTIME_API", None)
        self.process = subprocess.Popen(
            [self.path],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self.read, daemon=True).start()
        try:
            banner = self.wait_for("lambda-stream: ")
            self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", banner)[1])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def forget(self):
        """Leaves out what was printed so far."""
        while not self.lines.empty():
            self.lines.get_nowait()

    def wait_for(self, start, patience=20):
        """The next line with this start."""
        deadline = time.monotonic() + patience
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the program printed no line with {start!r}") from None
            if line.startswith(start):
                return line
