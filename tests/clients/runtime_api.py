"""A local Lambda and a program behind it that the test scripts, byte by byte."""

import base64
import json
import socket
import subprocess
import threading


class Invocation:
    def __init__(self, program, headers, event):
        self.program = program
        self.headers = headers
        self.event = event
        self.id = headers["lambda-runtime-aws-request-id"]

    def begin(self, content_type="application/octet-stream"):
        self.program.send(
            f"POST /2018-06-01/runtime/invocation/{self.id}/response HTTP/1.1\r\n"
            "host: localhost\r\ntransfer-encoding: chunked\r\n"
            "lambda-runtime-function-response-mode: streaming\r\n"
            "trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
            f"content-type: {content_type}\r\n\r\n"
        )

    def chunk(self, data):
        self.program.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end(self):
        self.program.send("0\r\n\r\n")
        return self.program.answer()

    def fail(self, error_type, message):
        """Ends a response that has begun with an error."""
        document = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
        self.program.send(
            f"0\r\nLambda-Runtime-Function-Error-Type: {error_type}\r\n"
            f"Lambda-Runtime-Function-Error-Body: {base64.b64encode(document).decode()}\r\n\r\n"
        )
        return self.program.answer()

    def post(self, call, body, headers=""):
        self.program.send(
            f"POST /2018-06-01/runtime/invocation/{self.id}/{call} HTTP/1.1\r\n"
            f"host: localhost\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body
        )
        return self.program.answer()


class Program:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def close(self):
        self.file.close()
        self.socket.close()

    def answer(self):
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline().decode().strip()) != "":
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        body = self.file.read(int(headers.get("content-length", 0)))
        return status, headers, body

    def next(self):
        self.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: localhost\r\n\r\n")
        status, headers, body = self.answer()
        assert status == 200, (status, body)
        return Invocation(self, headers, body)


class Handling(threading.Thread):
    def __init__(self, program, handlers):
        super().__init__()
        self.program = program
        self.handlers = handlers
        self.error = None
        self.start()

    def run(self):
        try:
            for handler in self.handlers:
                handler(self.program.next())
        except BaseException as error:
            self.error = error

    def join(self):
        super().join(timeout=30)
        assert not self.is_alive(), "the program did not get what it waits for"
        self.program.close()
        if self.error:
            raise self.error


class Server:
    """A running server; `path` is the executable of the example `server`."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.address = self.process.stdout.readline().strip()
        self.runtime_api = self.process.stdout.readline().strip()

    def handle(self, *handlers):
        """Answers invocations on a thread of its own; `join` raises what a handler raised."""
        return Handling(Program(self.runtime_api), handlers)

    def stop(self):
        """Returns what the terminal showed."""
        self.process.stdin.close()
        shown = self.process.stderr.read()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        self.process.stderr.close()
        return shown
