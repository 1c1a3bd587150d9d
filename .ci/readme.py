#!/usr/bin/env python3
"""Runs the commands of README files and compares what they print with what the file shows.

  readme.py commands FILE...     each `curl -N` line that is followed by its output, against the example
                                 that the nearest `cargo run` above it starts; and each command that is
                                 followed by an output whose measured numbers vary
  readme.py test-command FILE    prints the file's test command
"""
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
PATIENCE = 600

# The info string of an output that has measured numbers. All else in it has to be as shown.
VARIES = "text measured"
MEASURED = re.compile(r"\d[\d.]* (?:[nµm]?s|[kMGT]?B/s)(?![\w/])")
# What curl says of a transfer that failed, with its exit status.
CURL_ERROR = re.compile(r"curl: \((\d+)\) ")
# A row of a histogram; how many there are varies as well.
BAR = re.compile(r"^~ (?:[▏▎▍▌▋▊▉█]+ )?\d+$")


def blocks(path):
    with open(path, encoding="utf-8") as file:
        return [(lang, text.strip("\n")) for lang, text in FENCE.findall(file.read())]


def checks(path):
    """Pairs of (cargo run line, curl line, output that is shown)."""
    run, found = None, []
    all_blocks = blocks(path)
    for at, (lang, text) in enumerate(all_blocks):
        if lang != "sh":
            continue
        for line in text.splitlines():
            if line.startswith("cargo run "):
                run = line
        if text.startswith("curl -N") and "127.0.0.1:7000" in text:
            follows = all_blocks[at + 1] if at + 1 < len(all_blocks) else ("", "")
            if follows[0] == "text" and run:
                found.append((run, text, follows[1].splitlines()))
    return found


def measurements(path):
    """Pairs of (command, output that is shown), where measured numbers vary."""
    all_blocks = blocks(path)
    return [(text, shown.splitlines())
            for (lang, text), (varies, shown) in zip(all_blocks, all_blocks[1:])
            if lang == "sh" and varies == VARIES]


class Program:
    """A running example; it is up once it says where it listens."""

    def __init__(self, command):
        self.lines, self.up = [], threading.Event()
        self.process = subprocess.Popen(
            shlex.split(command), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, text=True, start_new_session=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if "listening on" in line:
                self.up.set()
        self.up.set()

    def __enter__(self):
        self.up.wait(PATIENCE)
        if not any("listening on" in line for line in self.lines):
            raise SystemExit("it did not start:\n" + "\n".join(self.lines))
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def timed(command):
    """The lines that a command prints, each with the moment at which it came."""
    # What curl says of a broken transfer is shown; its progress meter is not there on a terminal.
    is_curl = command.startswith("curl -N")
    command = command.replace("curl -N", "curl -sS -N", 1)
    # One read a line: `stdbuf` is not needed, because curl -N does not hold lines back.
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", command], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if is_curl else subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    lines = [(line.decode().rstrip("\r\n"), time.monotonic()) for line in process.stdout]
    return lines, process.wait()


def without_date(lines):
    return [line for line in lines if not line.lower().startswith("date: ")]


def check(run, curl, shown):
    with Program(run) as program:
        print(f"$ {run}\n" + "\n".join(f"  {line}" for line in program.lines[-3:]), flush=True)
        lines, status = timed(curl)
    print(f"$ {curl}\n" + "\n".join(f"  {line}" for line, _ in lines), flush=True)
    printed = [line for line, _ in lines]
    # An event stream ends in a blank line, which no file shows.
    while printed and not printed[-1]:
        printed.pop()
    told = CURL_ERROR.match(shown[-1]) if shown else None
    assert status == (int(told[1]) if told else 0), f"curl ended with {status}"
    assert without_date(printed) == without_date(shown), f"the README shows {shown}"
    at = {line: moment for line, moment in lines}
    numbers = ["Number: 1", "Number: 2", "Number: 3", "Streaming complete!"]
    if numbers[0] in at:
        gaps = [at[b] - at[a] for a, b in zip(numbers, numbers[1:])]
        print("  seconds between the lines: " + ", ".join(f"{gap:.2f}" for gap in gaps))
        assert all(0.7 < gap < 1.5 for gap in gaps), "the lines are not about a second apart"


def unmeasured(lines):
    """The lines without measured numbers and the spaces around them, and one row of each histogram."""
    lines = [" ".join(MEASURED.sub("~", line).split()) for line in lines]
    lines = ["~ bar" if BAR.match(line) else line for line in lines]
    return [line for before, line in zip([None, *lines], lines) if line != before]


def check_measurement(command, shown):
    printed, status = timed(command)
    printed = [line for line, _ in printed]
    print(f"$ {command}\n" + "\n".join(f"  {line}" for line in printed), flush=True)
    assert status == 0, f"it ended with {status}"
    expected, found = unmeasured(shown), unmeasured(printed)
    assert found == expected, f"without what is measured: the README shows {expected}, not {found}"


def main():
    mode, *paths = sys.argv[1:]
    if mode == "test-command":
        tests = [text for lang, text in blocks(paths[0]) if lang == "sh" and text.startswith("cargo test")]
        assert tests, "no test command"
        print(tests[0])
        return
    count = 0
    for path in paths:
        found, measured = checks(path), measurements(path)
        assert found or measured, f"{path} shows no command with its output"
        for run, curl, shown in found:
            check(run, curl, shown)
        for command, shown in measured:
            check_measurement(command, shown)
        count += len(found) + len(measured)
    print(f"{count} passed, 0 failed")


main()
