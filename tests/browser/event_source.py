#!/usr/bin/env python3
"""A real browser reads the server-sent events of examples/sse-tokens.

    tests/browser/event_source.py [PROGRAM]

PROGRAM is the example as it was built; without it, cargo builds it. Needs chromium and chromedriver (or
CHROMIUM and CHROMEDRIVER with their paths), and nothing but Python's own library. Between browser and
program stands a proxy that records every byte and can cut a connection at an exact one.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from browser import Browser  # noqa: E402
from program import Program  # noqa: E402
from proxy import Proxy  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# How the page of the example is told apart from what a test brings along: a path without a page.
BLANK = "/blank"
TOKENS = 44

# Collects what an EventSource gives until `done` or `failure`; times are milliseconds.
COLLECT = """
const finish = arguments[arguments.length - 1];
const seen = { messages: [], opens: [], errors: 0, start: performance.now() };
const source = new EventSource(arguments[0]);
source.onopen = () => seen.opens.push(performance.now());
source.onerror = () => seen.errors++;
source.onmessage = (event) =>
  seen.messages.push({ id: event.lastEventId, data: event.data, at: performance.now() });
const end = (event) => { source.close(); seen.end = event.type; seen.last = event.data; finish(seen); };
source.addEventListener('done', end);
source.addEventListener('failure', end);
"""


def built_example():
    """Builds the example, and returns where cargo put it."""
    command = ["cargo", "build", "--example", "sse-tokens", "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for message in map(json.loads, lines.splitlines()):
        if message.get("executable") and message["target"]["name"] == "sse-tokens":
            return message["executable"]
    raise SystemExit("cargo built no program")


class Stage:
    """The program, the proxy in front of it, and the browser."""

    def __init__(self, program, proxy, browser):
        self.program, self.proxy, self.browser = program, proxy, browser

    def collect(self, path="/tokens"):
        self.browser.open(self.proxy.url + BLANK)
        self.proxy.forget()
        return self.browser.run(COLLECT, path)

    def page(self):
        return self.browser.script(
            "return [document.querySelector('#answer').textContent,"
            " document.querySelector('#state').textContent]"
        )

    def page_until(self, is_reached, patience=30):
        """The states of the page, each with its time, up to the one that is waited for."""
        states, deadline = [], time.monotonic() + patience
        while time.monotonic() < deadline:
            state = self.page()
            if not states or states[-1][1] != state:
                states.append((time.monotonic(), state))
            if is_reached(*state):
                return states
            time.sleep(0.02)
        raise AssertionError(f"the page got stuck at {states[-1:]}")


def ids(seen):
    return [int(message["id"]) for message in seen["messages"]]


def the_page_shows_token_by_token(stage):
    stage.proxy.forget()
    stage.browser.open(stage.proxy.url + "/")
    states = stage.page_until(lambda _, state: state == "done")
    answer = states[-1][1][0]
    assert answer.startswith("A Lambda function that streams"), answer
    assert "it is there.\nThe page" in answer, "a line break in a token arrives as one"
    assert answer.endswith("asks for the rest."), answer
    texts = sorted({state[0] for _, state in states}, key=len)
    assert len(texts) > TOKENS / 2, f"only {len(texts)} different texts were seen"
    assert all(after.startswith(before) for before, after in zip(texts, texts[1:]))


def events_arrive_one_by_one_with_their_times_apart(stage):
    seen = stage.collect()
    assert ids(seen) == list(range(1, TOKENS + 1)), ids(seen)
    assert (seen["end"], seen["last"]) == ("done", "")
    at = [message["at"] for message in seen["messages"]]
    gaps = [after - before for before, after in zip(at, at[1:])]
    middle = statistics.median(gaps)
    assert 60 < middle < 160, f"made 80 ms apart, seen {middle:.0f} ms apart"
    assert at[0] - seen["start"] > 2000 and at[-1] - at[0] > 3000, "nothing was held back"


def keep_alive_comments_come_and_disturb_nobody(stage):
    seen = stage.collect()
    [exchange] = stage.proxy.exchanges("/tokens")
    before_first = exchange.response[: exchange.response.index(b"id: 1\n")]
    assert before_first.count(b":\n\n") == 2, before_first
    assert ids(seen) == list(range(1, TOKENS + 1))
    assert len(seen["opens"]) == 1 and seen["errors"] == 0
    assert all(message["data"] for message in seen["messages"])


def after_a_cut_the_browser_asks_for_the_rest(stage):
    stage.program.forget()
    stage.proxy.cut_after(b"id: 10\ndata: and \n\n")
    seen = stage.collect()
    first, second = stage.proxy.exchanges("/tokens")
    assert first.header("last-event-id") is None
    assert second.header("last-event-id") == "10", second.request
    assert ids(seen) == list(range(1, TOKENS + 1)), ids(seen)
    assert len(seen["opens"]) == 2 and seen["errors"] == 1
    pause = seen["opens"][1] - seen["messages"][9]["at"]
    assert pause > 950, f"retry says 1000 ms, and it came back after {pause:.0f} ms"
    # The generation that nobody reads any more has stopped.
    assert re.fullmatch(r"generation cancelled after 1\d tokens", stage.program.wait_for("generation "))


def an_event_that_was_cut_in_the_middle_is_sent_again(stage):
    stage.proxy.cut_after(b"id: 20\ndata: pa")
    seen = stage.collect()
    second = stage.proxy.exchanges("/tokens")[1]
    assert second.header("last-event-id") == "19", second.request
    assert ids(seen) == list(range(1, TOKENS + 1)), ids(seen)
    assert seen["messages"][19]["data"] == "page "


def the_page_survives_a_cut(stage):
    stage.proxy.forget()
    stage.proxy.cut_after(b"id: 30\n")
    stage.browser.open(stage.proxy.url + "/")
    states = stage.page_until(lambda _, state: state == "done")
    assert any(state == "reconnecting" for _, (_, state) in states)
    assert states[-1][1][0].endswith("should the connection break, the browser asks for the rest.")


def an_error_of_the_stream_reaches_the_page(stage):
    stage.proxy.forget()
    stage.browser.open(stage.proxy.url + "/?break=3")
    states = stage.page_until(lambda _, state: state.startswith("failed"))
    assert states[-1][1] == ["A Lambda function ", "failed: the model has lost its thread"], states[-1]
    time.sleep(1.5)
    assert len(stage.proxy.exchanges("/tokens")) == 1, "a page that closed does not come back"


def closing_the_page_cancels_the_generation(stage):
    # Closed, not left: a page that was left may live on in the browser's back/forward cache.
    with stage.browser.tab():
        stage.browser.open(stage.proxy.url + "/")
        stage.page_until(lambda answer, _: len(answer) > 30)
        stage.program.forget()
    line = stage.program.wait_for("generation ")
    assert line.startswith("generation cancelled after "), line


CASES = [
    the_page_shows_token_by_token,
    events_arrive_one_by_one_with_their_times_apart,
    keep_alive_comments_come_and_disturb_nobody,
    after_a_cut_the_browser_asks_for_the_rest,
    an_event_that_was_cut_in_the_middle_is_sent_again,
    the_page_survives_a_cut,
    an_error_of_the_stream_reaches_the_page,
    closing_the_page_cancels_the_generation,
]


def main():
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    driver = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    if not chromium or not driver:
        raise SystemExit("this needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    path = sys.argv[1] if len(sys.argv) > 1 else built_example()
    failed = 0
    with tempfile.TemporaryDirectory() as profile, Program(path) as program:
        with Proxy(program.port) as proxy, Browser(driver, chromium, profile) as browser:
            for case in CASES:
                name = case.__name__.replace("_", " ")
                try:
                    case(Stage(program, proxy, browser))
                    print(f"ok      {name}", flush=True)
                except Exception as error:  # whatever went wrong, the other cases are run too
                    failed += 1
                    print(f"FAILED  {name}: {error!r}", flush=True)
                finally:
                    proxy.cut_after(None)
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
