"""A program for `stress.py`: it does what events say."""

import json
import os
import time

from runtime_api import Program

ADDRESS = os.environ["AWS_LAMBDA_RUNTIME_API"]


def answer(invocation, event):
    kind = event["kind"]
    if kind == "error":
        invocation.post("error", b'{"errorMessage":"no","errorType":"Function.No"}')
    elif kind == "crash":
        os._exit(9)
    elif kind == "hang":
        time.sleep(100)
    else:
        invocation.begin()
        for number in range(event["chunks"]):
            invocation.chunk(b"%04d" % number + b"x" * event["size"])
        if kind == "fail":
            invocation.fail("Function.Late", "late")
        elif kind == "cut":
            os._exit(8)
        else:
            invocation.end()


program = Program(ADDRESS)
while True:
    invocation = program.next()
    try:
        answer(invocation, json.loads(invocation.event))
    except (OSError, IndexError, ValueError):
        # The connection was closed, because nobody reads.
        program = Program(ADDRESS)
