"""The program behind the page: for each invocation it does what `local_page.py` says.

It asks for what to do on the port CONTROL, one JSON document a line.
"""

import json
import os
import socket
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[1] / "clients"))
from runtime_api import Program  # noqa: E402

HTTP = "application/vnd.awslambda.http-integration-response"

program = Program(os.environ["AWS_LAMBDA_RUNTIME_API"])
control = socket.create_connection(("127.0.0.1", int(os.environ["CONTROL"]))).makefile("rw")


def tell(what):
    control.write(json.dumps(what) + "\n")
    control.flush()


while True:
    invocation = program.next()
    tell(invocation.event.decode())
    for line in control:
        [(action, value)] = json.loads(line).items()
        if action == "print":
            print(value, flush=True)
        elif action == "begin":
            invocation.begin(HTTP)
            invocation.chunk(json.dumps(value).encode() + bytes(8))
        elif action == "chunk":
            invocation.chunk(value.encode())
        elif action == "fail":
            invocation.fail(*value)
        elif action == "end":
            invocation.end()
        if action in ("fail", "end"):
            tell("done")
            break
