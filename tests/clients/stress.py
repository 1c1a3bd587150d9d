"""200 clients at once against a program that fails in every way.

`python stress.py path/to/lambda-stream [seconds]`, Python 3.11 or newer, on Linux.

Clients leave, do not read for a while, and ask for responses that fail, are cut, crash or hang. Each
answer has to be the right one, and in the end no process, connection or memory is left.
"""

import asyncio
import collections
import json
import os
import random
import subprocess
import sys
import time

CLIENTS = 200
KINDS = ["ok"] * 10 + ["fail", "error", "crash", "cut", "leave", "leave early", "slow"]
# What a client may wait for its turn, with so many others.
PATIENCE = 120


async def exchange(chooser, port):
    """Sends one request, and returns what was wrong or right about the answer."""
    kind = "hang" if chooser.random() < 0.005 else chooser.choice(KINDS)
    event = {
        "kind": kind if kind in ("fail", "error", "crash", "cut", "hang") else "ok",
        "chunks": chooser.randint(0, 20),
        "size": chooser.choice([0, 10, 1000, 60_000]),
    }
    body = json.dumps(event).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            b"POST /invoke HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        if kind == "leave early":
            await asyncio.sleep(chooser.random() * 0.05)
            return f"{kind}: right"
        async with asyncio.timeout(PATIENCE):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if kind == "leave":
                return f"{kind}: right"
            if kind == "slow":
                await asyncio.sleep(chooser.random() * 2)
            return f"{kind}: {judge(event, head, await reader.read())}"
    finally:
        writer.close()


def judge(event, head, body):
    status = int(head.split()[1])
    if status == 502:
        return "right" if event["kind"] in ("error", "crash", "hang", "cut") else f"wrong 502 {body}"
    if status != 200 or event["kind"] in ("error", "crash", "hang"):
        return f"wrong {status}"
    expected = b"".join(b"%04d" % n + b"x" * event["size"] for n in range(event["chunks"]))
    received, whole = decode(body)
    if whole != (event["kind"] == "ok"):
        return f"wrong: whole is {whole}"
    if event["kind"] != "cut" and received != expected:
        return f"wrong: {len(received)} bytes of {len(expected)}"
    return "right"


def decode(body):
    """The chunks of a body, and whether the last one is there."""
    received = b""
    while True:
        line, _, rest = body.partition(b"\r\n")
        size = int(line, 16) if line else 0
        if size == 0 or len(rest) < size + 2:
            return received, body == b"0\r\n\r\n"
        received += rest[:size]
        body = rest[size + 2 :]


async def load(port, seconds):
    outcomes = collections.Counter()
    deadline = time.monotonic() + seconds

    async def client(seed):
        chooser = random.Random(seed)
        while time.monotonic() < deadline:
            outcomes[await exchange(chooser, port)] += 1

    await asyncio.gather(*(client(seed) for seed in range(CLIENTS)))
    return outcomes


def memory_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


def main(path, seconds):
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stress_program.py")
    command = [path, "local", "--address", "127.0.0.1:0", "--timeout", "5", "--processes", "8"]
    with open("/dev/null", "w") as nowhere:
        process = subprocess.Popen(
            [*command, "--", sys.executable, program], stderr=subprocess.PIPE, stdout=nowhere
        )
    port = int(process.stderr.readline().rsplit(b":", 1)[1])
    drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    outcomes = asyncio.run(load(port, seconds))
    time.sleep(2)
    memory = memory_mb(process.pid)
    descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
    process.terminate()
    process.wait(timeout=30)
    drain.wait(timeout=30)
    for outcome, count in sorted(outcomes.items()):
        print(count, outcome)
    print(f"{memory} MB, {descriptors} descriptors")
    wrong = [outcome for outcome in outcomes if not outcome.endswith(": right")]
    # 8 programs have at most two outputs, a listener and a connection each.
    return not wrong and memory < 100 and descriptors < 64


if __name__ == "__main__":
    is_right = main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30)
    sys.exit(0 if is_right else 1)
