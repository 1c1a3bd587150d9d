#!/usr/bin/env python3
"""The page of the local Lambda, /_lambda/, in headless Chromium.

    tests/browser/local_page.py [--screenshots FOLDER] [COMMAND]

COMMAND is the built `lambda-stream`; without it, cargo builds it. With --screenshots it writes
local-page-light.png and local-page-dark.png to FOLDER instead of testing:

    tests/browser/local_page.py --screenshots docs

Needs chromium and chromedriver (or CHROMIUM and CHROMEDRIVER with their paths), and nothing but
Python's own library. The program behind the page does what the test says, chunk by chunk.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from browser import Browser  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("page_program.py")
PATIENCE = 30

EVENT_STREAM = {
    "statusCode": 200,
    "headers": {"content-type": "text/event-stream", "cache-control": "no-cache"},
}
ROWS = {"statusCode": 200, "headers": {"content-type": "application/x-ndjson"}}

# What the page shows, as a person reads it.
SHOWN = """
const text = (id) => document.getElementById(id).innerText;
const rows = (id) => Array.from(document.querySelectorAll(`#${id} .row`), (row) => row.lastChild.innerText);
const isHidden = (id) => document.getElementById(id).hidden;
return {
  list: Array.from(document.querySelectorAll('#list a'), (row) => row.innerText.split('\\n')),
  detail: isHidden('detail') ? null : {
    status: text('status'), request: text('request'), state: text('state'), door: text('door'),
    failure: isHidden('failure') ? null : text('failure'),
    facts: Object.fromEntries(Array.from(document.querySelectorAll('#facts div'), (fact) =>
      [fact.firstChild.textContent, fact.lastChild.textContent])),
    dots: document.querySelectorAll('#chart .dot').length,
    gap: document.querySelectorAll('#chart .gap').length,
    line: document.querySelector('#chart .line')?.getAttribute('d') ?? '',
    payload: text('payload'), payloadRows: rows('payload'), head: text('head'),
    log: rows('log'), readout: text('readout'), repeats: text('repeats'),
    view: document.querySelector('[name=view]:checked')?.value,
  },
  dialog: document.getElementById('dialog').open,
  problem: text('problem'),
  link: document.getElementById('link').dataset.state,
};
"""

PRESS = """
const [key, id, ctrlKey] = arguments;
const target = id ? document.getElementById(id) : document.activeElement ?? document.body;
target.dispatchEvent(new KeyboardEvent('keydown', { key, ctrlKey, bubbles: true, cancelable: true }));
"""


def built_command():
    """Builds the command, and returns where cargo put it."""
    command = ["cargo", "build", "-p", "lambda-stream-local", "--features", "cli", "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for message in map(json.loads, lines.splitlines()):
        if message.get("executable") and message["target"]["name"] == "lambda-stream":
            return message["executable"]
    raise SystemExit("cargo built no command")


class Lambda:
    """The command with the scripted program, and its present invocation."""

    def __init__(self, command, address):
        self.command, self.address = command, address

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        control = self.listener.getsockname()[1]
        self.process = subprocess.Popen(
            [self.command, "local", "--address", self.address, "--processes", "1",
             "--env", f"CONTROL={control}", "--", sys.executable, str(PROGRAM)],
            stderr=subprocess.PIPE, text=True)
        banner = self.process.stderr.readline()
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", banner)[1])
        # Whatever it says later must not fill the pipe.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.url, self.control = f"http://127.0.0.1:{self.port}", None
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.listener.close()

    def send(self, path, body=None):
        """Sends a request, and returns the client's connection."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        client.request("POST" if body else "GET", path, body)
        return client

    def heard(self):
        if self.control is None:
            connection, _ = self.listener.accept()
            connection.settimeout(PATIENCE)
            self.control = connection.makefile("rw")
        return json.loads(self.control.readline())

    def event(self):
        """The event of the next invocation, which the program has taken."""
        return json.loads(self.heard())

    def do(self, **action):
        self.control.write(json.dumps(action) + "\n")
        self.control.flush()
        if action.keys() & {"fail", "end"}:
            assert self.heard() == "done"


class Stage:
    def __init__(self, function, browser):
        self.function, self.browser = function, browser

    def open(self, rest=""):
        # A page of its own: the hash alone would not load it anew.
        self.browser.open("about:blank")
        self.browser.open(f"{self.function.url}/_lambda/{rest}")
        self.until(lambda shown: shown["link"] == "live")

    def shown(self):
        return self.browser.script(SHOWN)

    def until(self, is_reached):
        """What the page shows once it is what is waited for."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            shown = self.shown()
            with contextlib.suppress(TypeError):  # there is no detail yet
                if is_reached(shown):
                    return shown
            time.sleep(0.02)
        raise AssertionError(f"the page got stuck at {json.dumps(shown, indent=1)}")

    def press(self, key, target=None, ctrl=False):
        self.browser.script(PRESS, key, target, ctrl)

    def click(self, selector):
        self.browser.script("document.querySelector(arguments[0]).click()", selector)

    def cdp(self, command, **parameters):
        return self.browser.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})


def is_at(request, state):
    """What is true once the page shows this invocation in this state."""
    return lambda shown: (shown["detail"]["request"], shown["detail"]["state"]) == (request, state)


def an_invocation_appears_and_its_timeline_grows(stage):
    function = stage.function
    stage.open()
    client = function.send("/tokens?n=3")
    function.event()
    shown = stage.until(is_at("GET /tokens", "the function works"))
    assert shown["list"][0][1] == "GET /tokens", shown["list"]
    function.do(begin=EVENT_STREAM)
    function.do(print="the model has been asked")
    lines = []
    for n in range(1, 4):
        function.do(chunk=f"id: {n}\ndata: token {n}\n\n")
        rows = [f"#{m}token {m}" for m in range(1, n + 1)]
        shown = stage.until(lambda shown: shown["detail"]["payloadRows"] == rows)
        assert shown["detail"]["facts"]["Chunks"] == str(n), shown
        assert shown["detail"]["dots"] == n, shown
        lines.append(shown["detail"]["line"])
    assert len(set(lines)) == 3, "the line of the timeline has grown"
    assert shown["detail"]["view"] == "events"
    assert shown["detail"]["state"] == "responding" and shown["detail"]["status"] == "200"
    assert "text/event-stream" in shown["detail"]["head"]
    function.do(end=True)
    shown = stage.until(lambda shown: shown["detail"]["state"] == "complete")
    assert stage.until(lambda shown: shown["detail"]["log"] == ["the model has been asked"])
    client.close()


def an_error_in_the_middle_is_shown_with_its_trailers(stage):
    function = stage.function
    stage.open()
    client = function.send("/rows")
    function.event()
    function.do(begin=ROWS)
    function.do(chunk='{"id":1,"name":"Ada"}\n')
    function.do(fail=["Function.Quota", "no tokens left"])
    shown = stage.until(lambda shown: shown["detail"]["state"] == "failed")["detail"]
    said = shown["failure"].split("\n\n")
    assert said == ["Function.Quota", "no tokens left", "in the trailers of the response, after 1 chunk"], shown
    assert '{"errorType": "Function.Quota", "errorMessage": "no tokens left"}' in shown["head"], shown
    assert shown["view"] == "lines" and shown["payloadRows"] == ['{ "id": 1, "name": "Ada" }'], shown
    assert shown["status"] == "200"
    client.close()


def sending_again_gives_the_function_the_same_event(stage):
    function = stage.function
    stage.open()
    client = function.send("/invoke", '{"n": 1}')
    assert function.event() == {"n": 1}
    function.do(begin={})
    function.do(end=True)
    first = stage.until(is_at("POST /invoke", "complete"))
    stage.press("r")
    assert function.event() == {"n": 1}
    function.do(begin={"statusCode": 201})
    function.do(chunk="again")
    function.do(end=True)
    shown = stage.until(is_at("page: POST /invoke", "complete"))
    assert shown["detail"]["status"] == "201" and shown["detail"]["payload"] == "again"
    assert shown["detail"]["repeats"].strip().startswith("· again #"), shown
    assert len(shown["list"]) == len(first["list"]) + 1
    client.close()


def the_form_sends_a_sample_through_each_door(stage):
    function = stage.function
    stage.open()
    for door, request, version in [
        ("function-url", "page: POST /", "2.0"),
        ("api-gateway", "page: POST /hello", None),
        ("invoke", "page: POST /invoke", None),
    ]:
        stage.press("n")
        stage.until(lambda shown: shown["dialog"])
        stage.click(f"[name=door][value={door}]")
        sent = json.loads(stage.browser.script("return document.getElementById('text').value"))
        assert sent.get("version") == version, sent
        stage.press("Enter", "text", ctrl=True)
        assert function.event() == sent
        function.do(begin={"statusCode": 204})
        function.do(end=True)
        shown = stage.until(is_at(request, "complete"))
        assert not shown["dialog"]


def a_mistake_in_an_event_is_named(stage):
    stage.open()
    stage.press("n")
    stage.until(lambda shown: shown["dialog"])
    stage.browser.script("document.getElementById('text').value = '{'")
    stage.press("Enter", "text", ctrl=True)
    shown = stage.until(lambda shown: shown["problem"])
    assert "not JSON" in shown["problem"] and shown["dialog"], shown


def keys_choose_invocations_views_and_chunks(stage):
    function = stage.function
    for path in ["/first", "/second"]:
        client = function.send(path)
        function.event()
        function.do(begin={})
        function.do(chunk=f"from {path}")
        function.do(end=True)
        client.close()
    stage.open()
    shown = stage.until(is_at("GET /second", "complete"))
    assert shown["detail"]["payload"] == "from /second", shown
    stage.press("j")
    stage.until(lambda shown: shown["detail"]["request"] == "GET /first")
    stage.press("2")
    stage.until(lambda shown: shown["detail"]["view"] == "lines" and shown["detail"]["payloadRows"] == ["from /first"])
    stage.press("ArrowRight", "chart")
    stage.until(lambda shown: "1 chunk, 11 B" in shown["detail"]["readout"])
    stage.press("k")
    stage.until(lambda shown: shown["detail"]["request"] == "GET /second")


def a_page_that_was_chosen_stays(stage):
    function = stage.function
    for path in ["/chosen", "/later"]:
        client = function.send(path)
        function.event()
        function.do(begin={})
        function.do(chunk="<b>x</b>")
        function.do(end=True)
        client.close()
        if path == "/chosen":
            stage.open()
            stage.until(lambda shown: shown["detail"]["request"] == "GET /chosen")
            number = stage.browser.script("return location.hash")
            stage.open(number)
    shown = stage.until(lambda shown: shown["list"][0][1] == "GET /later")
    assert shown["detail"]["request"] == "GET /chosen", shown
    assert shown["detail"]["payload"] == "<b>x</b>", "a payload is text"


def nothing_but_the_local_lambda_is_asked(stage):
    stage.open()
    asked = stage.browser.script("return performance.getEntriesByType('resource').map((it) => it.name)")
    assert len(asked) >= 3 and all(name.startswith(stage.function.url + "/_lambda/") for name in asked), asked


CASES = [
    an_invocation_appears_and_its_timeline_grows,
    an_error_in_the_middle_is_shown_with_its_trailers,
    sending_again_gives_the_function_the_same_event,
    the_form_sends_a_sample_through_each_door,
    a_mistake_in_an_event_is_named,
    keys_choose_invocations_views_and_chunks,
    a_page_that_was_chosen_stays,
    nothing_but_the_local_lambda_is_asked,
]


def test(stage):
    failed = 0
    for case in CASES:
        name = case.__name__.replace("_", " ")
        try:
            case(stage)
            print(f"ok      {name}", flush=True)
        except Exception as error:  # whatever went wrong, the other cases are run too
            failed += 1
            print(f"FAILED  {name}: {error!r}", flush=True)
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


def respond(function, path, head, chunks, pauses, body=None, end=None):
    """Lets the function respond in real time, so that the picture has something to show."""
    client = function.send(path, body)
    function.event()
    time.sleep(pauses[0])
    function.do(begin=head)
    for n, chunk in enumerate(chunks):
        function.do(chunk=chunk)
        time.sleep(pauses[n % len(pauses)])
    function.do(**(end or {"end": True}))
    client.close()


def tokens(function, failing):
    text = ("Response streaming sends each part of an answer as soon as it is there, so that the first word "
            "is on the screen before the last one has been thought of. ") * 2
    words = text.split(" ")[:46]
    client = function.send("/chat?model=small")
    function.event()
    function.do(print="INFO asked the model, 46 tokens at most")
    time.sleep(0.45)
    function.do(begin=EVENT_STREAM)
    for n, word in enumerate(words, 1):
        data = json.dumps({"token": word + " "})
        function.do(chunk=f"id: {n}\nevent: token\ndata: {data}\n\n")
        if n == 24:
            function.do(print="WARN the model is slow: no token for a second")
        time.sleep(1.0 if n == 24 else 0.02 + 0.05 * (n * 7 % 5 == 0))
    function.do(print="ERROR quota exceeded after 46 tokens")
    if failing:
        function.do(fail=["Function.QuotaExceeded", "the model refused to go on: 46 of 46 tokens used"])
    else:
        function.do(end=True)
    client.close()


def screenshots(stage, folder):
    function = stage.function
    respond(function, "/", {"statusCode": 200, "headers": {"content-type": "text/html"}}, ["<h1>hello</h1>"], [0.02])
    respond(function, "/export.ndjson", ROWS, ['{"id":%d,"name":"row %d"}\n' % (n, n) * 40 for n in range(30)], [0.01])
    respond(function, "/old", {"statusCode": 301, "headers": {"location": "/"}}, [], [0.01])
    respond(function, "/_apigateway/prod/orders", {"statusCode": 201}, ['{"id":7}'], [0.05])
    respond(function, "/invoke", {"statusCode": 200}, ["one\n", "two\n"], [0.1], body='{"name":"Ada"}')
    tokens(function, failing=True)
    stage.browser.call("POST", "/window/rect", {"width": 1360, "height": 1400})
    stage.open()
    shown = stage.until(lambda shown: shown["detail"]["state"] == "failed")
    assert shown["detail"]["gap"] == 1, "the longest gap is marked"
    for scheme in ["light", "dark"]:
        stage.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        time.sleep(0.3)  # what is drawn is what is being looked at, not what is waited for
        picture = base64.b64decode(stage.browser.call("GET", "/screenshot"))
        path = Path(folder) / f"local-page-{scheme}.png"
        path.write_bytes(picture)
        print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", metavar="FOLDER")
    parser.add_argument("command", nargs="?")
    arguments = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    driver = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    if not chromium or not driver:
        raise SystemExit("this needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    command = arguments.command or built_command()
    # The pictures show the address that users see.
    address = "127.0.0.1:7000" if arguments.screenshots else "127.0.0.1:0"
    with tempfile.TemporaryDirectory() as profile, Lambda(command, address) as function:
        with Browser(driver, chromium, profile) as browser:
            stage = Stage(function, browser)
            if arguments.screenshots:
                return screenshots(stage, arguments.screenshots)
            return test(stage)


if __name__ == "__main__":
    sys.exit(main())
