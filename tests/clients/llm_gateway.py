"""The `openai` client for Python reads the LLM gateway.

`python llm_gateway.py path/to/lambda-stream path/to/demo path/to/llm-gateway`
"""

import http.client
import json
import sys
import time
import unittest
from urllib.parse import urlsplit

import openai

from gateway import Gateway

COMMAND, PROGRAM, DEPLOYED = (sys.argv.pop(1) for _ in range(3))
TIMEOUT = 6
WORDS = ["Every", " token", " in", " its", " own", " event."]


class Reading:
    """What a client reads of a stream, with the moments at which it arrived."""

    def __init__(self):
        self.words, self.moments, self.events = [], [], []

    def add(self, event, word):
        self.events.append(event)
        if word:
            self.words.append(word)
            self.moments.append(time.monotonic())


class GatewayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway(COMMAND, PROGRAM, TIMEOUT)
        cls.client = cls.connect(cls.gateway, "demo-key")

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    @staticmethod
    def connect(gateway, key):
        return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0)

    def read(self, reading, model, client=None):
        """Reads the answer of a model; each protocol has its own way."""
        raise NotImplementedError

    def fails(self, model, error, words, client=None):
        """Reads an answer that fails, and returns the exception."""
        reading = Reading()
        with self.assertRaises(error) as raised:
            self.read(reading, model, client)
        self.assertIs(type(raised.exception), error)
        self.assertEqual(reading.words, WORDS[:words])
        return raised.exception


class Protocol:
    """What holds in both protocols."""

    def test_tokens_arrive_one_by_one(self):
        reading = Reading()
        self.read(reading, "good")
        self.assertEqual(reading.words, WORDS)
        gaps = [b - a for a, b in zip(reading.moments, reading.moments[1:])]
        for gap in gaps:
            self.assertTrue(0.03 < gap < 0.4, gaps)
        self.assertEqual(self.end(reading), ("complete", 11, 6))

    def test_events_in_pieces_are_put_together(self):
        reading = Reading()
        self.read(reading, "trickle")
        self.assertEqual(reading.words, WORDS)
        self.assertEqual(self.end(reading), ("complete", 11, 6))

    def test_refusal_is_the_client_s_own_error(self):
        for model, error, status, code in [
            ("refuse", openai.RateLimitError, 429, "rate_limit_exceeded"),
            ("refuse-key", openai.InternalServerError, 502, "refused"),
            ("crash", openai.InternalServerError, 502, "refused"),
            ("fail-first", openai.InternalServerError, 502, "server_error"),
        ]:
            mark = self.gateway.mark()
            raised = self.fails(model, error, 0)
            self.assertEqual((raised.status_code, raised.code), (status, code))
            self.assertIsNotNone(raised.request_id)
            if status == 429:
                self.assertEqual(raised.response.headers["retry-after"], "7")
            # The gateway answered, so nothing failed for the platform.
            self.gateway.line(f"-> {status}, 1 chunk", since=mark)
            self.usage(mark, model, "failed before the first token")

    def test_failure_in_the_middle_is_raised_and_reported(self):
        for model, words, code in [
            ("fail", 3, "server_error"),
            ("break-off", 3, "incomplete"),
            ("end-early", 3, "incomplete"),
            ("stall", 3, "silent"),
            # Thinks for longer than the gateway waits with the head.
            ("fail-late", 0, "server_error"),
            ("hang", 0, "silent"),
        ]:
            with self.subTest(model):
                mark = self.gateway.mark()
                raised = self.fails(model, openai.APIError, words)
                self.assertEqual(raised.code, code)
                failure = f"Function.UpstreamFailed: {raised.message}"
                # The client may have left at the error event, before the end; the function reports
                # its failure in any case.
                self.gateway.line(failure, since=mark)
                usage = self.usage(mark, model, "failed")
                self.assertEqual((usage["completion_tokens"], usage["reported"]), (words, False))

    def test_deadline_is_an_end_that_the_client_understands(self):
        mark = self.gateway.mark()
        begun = time.monotonic()
        reading = Reading()
        self.read(reading, "endless")
        took = time.monotonic() - begun
        self.assertTrue(TIMEOUT - 1.5 < took < TIMEOUT - 0.5, took)
        self.assertGreater(len(reading.words), 20)
        self.assertEqual(self.end(reading), ("cut", 0, len(reading.words)))
        self.assertNotIn("failed", self.gateway.line("-> 200", since=mark))
        self.gateway.line("upstream: endless aborted", since=mark)
        self.usage(mark, "endless", "cut at the deadline")

    def test_client_that_leaves_aborts_the_upstream(self):
        for model in ["endless", "stall"]:
            mark = self.gateway.mark()
            stream = self.open(model)
            next(iter(stream))
            stream.close()
            self.gateway.line("the client left after", since=mark)
            self.gateway.line(f"upstream: {model} aborted", since=mark)
            self.usage(mark, model, "the client left")

    def test_client_that_gives_up_early_aborts_the_upstream(self):
        mark = self.gateway.mark()
        self.fails("hang", openai.APITimeoutError, 0, self.client.with_options(timeout=0.5))
        self.gateway.line("the client left before the response began", since=mark)
        self.gateway.line("upstream: hang aborted after 0 chunks", since=mark)

    def test_heartbeats_bridge_long_thinking(self):
        reading = Reading()
        begun = time.monotonic()
        self.read(reading, "think")
        self.assertEqual(reading.words, WORDS)
        self.assertGreater(reading.moments[0] - begun, 2.4)

    def test_wrong_key_asks_nothing_of_the_upstream(self):
        mark = self.gateway.mark()
        client = self.connect(self.gateway, "wrong")
        raised = self.fails("good", openai.AuthenticationError, 0, client)
        self.assertEqual((raised.status_code, raised.code), (401, "invalid_api_key"))
        self.gateway.line("-> 401", since=mark)
        self.assertFalse([line for line in self.gateway.lines[mark:] if "usage" in line])

    def usage(self, mark, model, outcome):
        """Waits for what the gateway logs of an answer that ended in this way."""
        line = self.gateway.line(
            "usage {", f'"model":"{model}"', f'"outcome":"{outcome}"', since=mark
        )
        return json.loads(line[line.index("{") :])


class ChatTest(Protocol, GatewayTest):
    def open(self, model, client=None):
        return (client or self.client).chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "hello"}],
            stream=True,
            stream_options={"include_usage": True},
        )

    def read(self, reading, model, client=None):
        for chunk in self.open(model, client):
            reading.add(chunk, chunk.choices[0].delta.content if chunk.choices else None)

    def end(self, reading):
        finish, usage = reading.events[-2:]
        reason = {"stop": "complete", "length": "cut"}[finish.choices[0].finish_reason]
        return reason, usage.usage.prompt_tokens, usage.usage.completion_tokens

    def test_usage_is_sent_to_who_asks(self):
        mark = self.gateway.mark()
        stream = self.client.chat.completions.create(model="good", messages=[], stream=True)
        self.assertTrue(all(chunk.choices and not chunk.usage for chunk in stream))
        usage = self.usage(mark, "good", "complete")
        self.assertEqual((usage["prompt_tokens"], usage["completion_tokens"]), (11, 6))

    def test_api_gateway_streams_as_well(self):
        url = f"{self.gateway.url}/_apigateway/prod/v1"
        client = openai.OpenAI(base_url=url, api_key="demo-key", max_retries=0)
        reading = Reading()
        self.read(reading, "good", client)
        self.assertEqual(reading.words, WORDS)
        self.assertGreater(reading.moments[-1] - reading.moments[0], 0.4)

    def test_invalid_requests_are_typed(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            self.client.chat.completions.create(model="good", messages=[])
        self.assertIn("stream", raised.exception.message)
        with self.assertRaises(openai.NotFoundError):
            self.client.models.list()

    def test_thinking_until_the_deadline_is_a_status(self):
        gateway = Gateway(COMMAND, PROGRAM, 1)
        try:
            with self.assertRaises(openai.InternalServerError) as raised:
                self.read(Reading(), "hang", self.connect(gateway, "demo-key"))
        finally:
            gateway.stop()
        self.assertEqual((raised.exception.status_code, raised.exception.code), (504, "deadline"))


class DeployedTest(unittest.TestCase):
    """The program that is deployed, with settings from the environment."""

    def ask(self, **settings):
        gateway = Gateway(COMMAND, DEPLOYED, TIMEOUT, DEFAULT_MODEL="good", **settings)
        self.addCleanup(gateway.stop)
        client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="b", max_retries=0)
        with self.assertRaises(openai.InternalServerError) as raised:
            client.responses.create(input="x", stream=True)
        return gateway, raised.exception

    def test_unreachable_upstream_is_a_status(self):
        _, raised = self.ask(UPSTREAM_URL="http://127.0.0.1:1/v1/", GATEWAY_KEYS="ann=a, bob=b")
        self.assertEqual((raised.status_code, raised.code), (502, "unreachable"))

    def test_missing_setting_is_reported_at_the_start(self):
        gateway, _ = self.ask(UPSTREAM_URL="http://127.0.0.1:1", GATEWAY_KEYS="a")
        gateway.line("GATEWAY_KEYS is not of the form")


class ResponsesTest(Protocol, GatewayTest):
    def open(self, model, client=None):
        return (client or self.client).responses.create(model=model, input="hello", stream=True)

    def read(self, reading, model, client=None):
        for event in self.open(model, client):
            self.assertEqual(event.sequence_number, len(reading.events))
            is_word = event.type == "response.output_text.delta"
            reading.add(event, event.delta if is_word else None)

    def end(self, reading):
        response = reading.events[-1].response
        self.assertEqual(response.output_text, "".join(reading.words))
        usage = (response.usage.input_tokens, response.usage.output_tokens)
        if response.status == "incomplete":
            self.assertEqual(response.incomplete_details.reason, "max_output_tokens")
            return "cut", *usage
        self.assertEqual(response.status, "completed")
        return "complete", *usage

    def test_stream_helper_puts_the_response_together(self):
        with self.client.responses.stream(model="good", input="hello") as stream:
            self.assertEqual(stream.get_final_response().output_text, "".join(WORDS))

    def test_tools_are_refused(self):
        tool = {"type": "function", "name": "f", "parameters": {}, "strict": False}
        with self.assertRaises(openai.BadRequestError):
            self.client.responses.create(model="good", input="x", stream=True, tools=[tool])


class HttpTest(GatewayTest):
    def ask(self, method, path, headers, body=None):
        connection = http.client.HTTPConnection(urlsplit(self.gateway.url).netloc, timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def test_heartbeats_are_comments(self):
        body = json.dumps({"model": "think", "messages": [], "stream": True})
        begun = time.monotonic()
        response = self.ask(
            "POST", "/v1/chat/completions", {"authorization": "Bearer demo-key"}, body
        )
        moments = []
        while (line := response.readline()) and b"Every" not in line:
            if line == b":\n":
                moments.append(time.monotonic() - begun)
        self.assertGreaterEqual(len(moments), 3, moments)
        for gap in [b - a for a, b in zip(moments, moments[1:])]:
            self.assertTrue(0.3 < gap < 0.7, moments)

    def test_preflight_needs_no_key_and_refusals_are_readable(self):
        origin = "http://localhost:5173"
        wanted = "authorization,content-type,x-stainless-lang"
        response = self.ask(
            "OPTIONS",
            "/v1/responses",
            {
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": wanted,
            },
        )
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["access-control-allow-origin"], origin)
        self.assertEqual(response.headers["access-control-allow-headers"], wanted)
        response = self.ask("POST", "/v1/responses", {"origin": origin}, "{}")
        self.assertEqual(response.status, 401)
        self.assertEqual(response.headers["access-control-allow-origin"], origin)
        response = self.ask("POST", "/v1/responses", {"origin": "http://localhost:1"}, "{}")
        self.assertIsNone(response.headers["access-control-allow-origin"])


del GatewayTest
unittest.main()
