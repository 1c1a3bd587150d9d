"""A headless Chromium, driven through chromedriver by plain WebDriver requests (W3C WebDriver)."""

import contextlib
import json
import re
import subprocess
import threading
import urllib.error
import urllib.request

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Browser:
    def __init__(self, driver, chromium, profile):
        self.driver, self.chromium, self.profile = driver, chromium, profile

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            for line in self.process.stdout:
                found = re.search(r"started successfully on port (\d+)", line)
                if found:
                    break
            else:
                raise SystemExit("chromedriver did not start")
            # Whatever it says later must not fill the pipe.
            threading.Thread(target=self.process.stdout.read, daemon=True).start()
            self.base = f"http://127.0.0.1:{found[1]}"
            self.base += f"/session/{self.new_session()}"
            self.call("POST", "/timeouts", {"script": 60_000, "pageLoad": 30_000})
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", "")
        finally:
            self.stop()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def new_session(self):
        options = {"binary": self.chromium, "args": [*FLAGS, f"--user-data-dir={self.profile}"]}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        return self.call("POST", "/session", wanted)["sessionId"]

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method)
        request.add_header("content-type", "application/json")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=90) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from error

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    @contextlib.contextmanager
    def tab(self):
        """A tab that is closed at the end."""
        before = self.call("GET", "/window")
        tab = self.call("POST", "/window/new", {"type": "tab"})["handle"]
        self.call("POST", "/window", {"handle": tab})
        try:
            yield
        finally:
            self.call("DELETE", "/window")
            self.call("POST", "/window", {"handle": before})

    def script(self, source, *arguments):
        """Runs a script, and returns what it returns."""
        return self.call("POST", "/execute/sync", {"script": source, "args": arguments})

    def run(self, source, *arguments):
        """Runs a script, and returns what it calls its last argument with."""
        return self.call("POST", "/execute/async", {"script": source, "args": arguments})
