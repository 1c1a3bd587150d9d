"""A program that was built for deployment survives its panics, under AWS's emulator.

  panic.py EMULATOR BOOTSTRAP
"""
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

with open("examples/streaming-function-url/event.json", encoding="utf-8") as file:
    EVENT = json.load(file)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Emulator:
    """The emulator with the program below it, and their output."""

    def __init__(self, emulator, bootstrap):
        self.address = f"127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [
                os.path.abspath(emulator),
                "--runtime-interface-emulator-address", self.address,
                "--runtime-api-address", f"127.0.0.1:{free_port()}",
                os.path.abspath(bootstrap),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.output.append(line)

    def wait(self):
        """Waits until the emulator takes invocations."""
        ends = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(self.address.split(":")).close()
                return
            except ConnectionRefusedError:
                assert time.monotonic() < ends and self.process.poll() is None
                time.sleep(0.05)

    def invoke(self, path):
        """Returns status and body of an invocation."""
        event = json.dumps({**EVENT, "rawPath": path})
        url = f"http://{self.address}/2015-03-31/functions/function/invocations"
        try:
            with urllib.request.urlopen(url, event.encode(), timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def main(emulator, bootstrap):
    running = Emulator(emulator, bootstrap)
    try:
        running.wait()
        for _ in range(2):
            status, body = running.invoke("/panic")
            assert json.loads(body)["errorType"] == "Function.Panic", (status, body)
            assert json.loads(body)["errorMessage"] == "panicked: the handler is broken", body
            status, body = running.invoke("/")
            assert status == 200 and body.endswith(b"1\n2\ncomplete\n"), (status, body)
            # The emulator has no trailers in this mode; that the program goes on is what counts.
            running.invoke("/stream-panic")
            status, body = running.invoke("/")
            assert status == 200 and body.endswith(b"1\n2\ncomplete\n"), (status, body)
        output = "".join(running.output)
        assert "Runtime.ExitError" not in output, output
        assert "panic = " not in output, output
    except BaseException:
        print("".join(running.output), file=sys.stderr)
        raise
    finally:
        running.stop()
    print("ok: four panics, and the same process answers on")


main(*sys.argv[1:])
