#!/usr/bin/env python3
"""The axum example in headless Chromium, against the local Lambda.

  tests/browser/axum_app.py [PROGRAM]     PROGRAM is the built example; without it, cargo builds and runs it

Needs chromedriver and Chromium (Debian: apt-get install chromium chromium-driver). Speaks WebDriver by itself.
"""
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

CARGO = ["cargo", "run", "--quiet", "--example", "axum-app", "--features", "axum"]
DOWNLOAD = bytes(n % 251 for n in range(251)) * (50 * 1024 * 1024 // 251 + 1)
DOWNLOAD = DOWNLOAD[:50 * 1024 * 1024]

# Records when each event arrives, before the page makes its own EventSource.
RECORD = """
window.arrived = [];
const Native = window.EventSource;
window.EventSource = class extends Native {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", (event) => window.arrived.push([event.data, performance.now()]));
    this.addEventListener("end", () => { window.ended = true; });
  }
};
"""

FETCH = """
const [path, redirect, done] = arguments;
const began = performance.now();
fetch(path, { redirect, cache: "no-store" }).then(async (response) => {
  const bytes = await response.arrayBuffer();
  const took = performance.now() - began;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  done({ status: response.status, redirected: response.redirected, url: response.url,
         length: bytes.byteLength, hex, took });
}).catch((error) => done({ error: String(error) }));
"""


class Started:
    """A process that says on which address it listens."""

    def __init__(self, command, pattern, stream, **options):
        self.process = subprocess.Popen(
            command, text=True, start_new_session=True, stdin=subprocess.DEVNULL, **options)
        for line in getattr(self.process, stream):
            found = re.search(pattern, line)
            if found:
                self.address = found.group(1)
                return
        raise SystemExit(f"{command[0]} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Browser:
    def __init__(self, driver):
        self.driver = driver
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        options = {"goog:chromeOptions": {"args": arguments}}
        self.session = "/session/" + self.call(
            "/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]
        self.call(self.session + "/timeouts", {"script": 60_000})

    def call(self, path, body=None, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.driver}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=90) as response:
            return json.load(response)["value"]

    def run(self, script, *args):
        return self.call(self.session + "/execute/sync", {"script": script, "args": args})

    def fetch(self, path, redirect="follow"):
        answer = self.call(self.session + "/execute/async", {"script": FETCH, "args": [path, redirect]})
        assert "error" not in answer, answer
        return answer

    def record(self):
        command = {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": RECORD}}
        self.call(self.session + "/goog/cdp/execute", command)

    def open(self, url):
        self.call(self.session + "/url", {"url": url})

    def quit(self):
        self.call(self.session, method="DELETE")


def until(what, read):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        value = read()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"it never came: {what}")


def check(browser, site):
    browser.record()
    browser.open(site)
    assert browser.run("return document.title") == "axum on Lambda"
    print("the page loads")

    until("the end of the events", lambda: browser.run("return window.ended === true"))
    arrived = browser.run("return window.arrived")
    assert [data for data, _ in arrived] == [f"event {n}" for n in range(1, 6)], arrived
    gaps = [b - a for (_, a), (_, b) in zip(arrived, arrived[1:])]
    assert all(150 < gap < 600 for gap in gaps), gaps
    print("5 events, ms between them:", ", ".join(f"{gap:.0f}" for gap in gaps))
    assert browser.run("return document.querySelectorAll('#events li').length") == 5
    square = until("the JSON", lambda: browser.run(
        "const text = document.getElementById('square').textContent; return text === '…' ? '' : text"))
    assert square == "144", square
    print("the JSON is shown")

    download = browser.fetch("/download")
    assert (download["status"], download["length"]) == (200, len(DOWNLOAD)), download
    assert download["hex"] == hashlib.sha256(DOWNLOAD).hexdigest()
    print(f"50 MB are exact, {download['took']:.0f} ms")

    nothing = browser.fetch("/nothing")
    assert (nothing["status"], nothing["length"]) == (204, 0), nothing
    assert nothing["took"] < 100, nothing
    print(f"a 204 ends after {nothing['took']:.1f} ms")

    redirect = browser.fetch("/old")
    assert redirect["status"] == 200 and redirect["redirected"] and redirect["url"] == site, redirect
    assert redirect["took"] < 100, redirect
    print(f"a redirect and its page end after {redirect['took']:.1f} ms")
    alone = browser.fetch("/old", "manual")
    assert alone["took"] < 100, alone
    print(f"a redirect that is not followed ends after {alone['took']:.1f} ms")


def main():
    environment = dict(os.environ, LAMBDA_STREAM_LOCAL_ADDR="127.0.0.1:0")
    environment.pop("AWS_LAMBDA_RUNTIME_API", None)
    program = Started(sys.argv[1:2] or CARGO, r"listening on (http://\S+)", "stderr",
                      stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
    driver = Started(["chromedriver", "--port=0"], r"successfully on port (\d+)", "stdout",
                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with program, driver:
        browser = Browser(f"127.0.0.1:{driver.address}")
        try:
            check(browser, program.address + "/")
        finally:
            browser.quit()
    print("passed")


main()
