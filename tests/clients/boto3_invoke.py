"""boto3 against the local Lambda: `python boto3_invoke.py path/to/server` (example of the crate).

Tested with boto3 1.44.8.
"""

import base64
import json
import sys
import threading
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from runtime_api import Server

PATH = sys.argv.pop() if len(sys.argv) > 1 else None


class Invoke(unittest.TestCase):
    def setUp(self):
        self.server = Server(PATH)
        self.client = boto3.client(
            "lambda",
            endpoint_url=f"http://{self.server.address}",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 0}, read_timeout=30),
        )
        self.handlings = []

    def tearDown(self):
        for handling in self.handlings:
            handling.join()
        self.client.close()
        self.server.stop()

    def handle(self, *handlers):
        self.handlings.append(self.server.handle(*handlers))

    def stream(self, **arguments):
        answer = self.client.invoke_with_response_stream(
            FunctionName="my-function", **{"Payload": b"{}", **arguments}
        )
        return answer, iter(answer["EventStream"])

    def test_each_chunk_arrives_before_the_next_is_written(self):
        received = threading.Semaphore(0)

        def handler(invocation):
            self.assertEqual(json.loads(invocation.event), {"n": 3})
            invocation.begin()
            for n in range(3):
                invocation.chunk(b"chunk %d" % n)
                # The next one is written once the client has this one.
                self.assertTrue(received.acquire(timeout=30))
            invocation.end()

        self.handle(handler)
        answer, events = self.stream(Payload=b'{"n":3}')
        self.assertEqual(answer["StatusCode"], 200)
        self.assertEqual(answer["ExecutedVersion"], "$LATEST")
        for n in range(3):
            self.assertEqual(next(events)["PayloadChunk"]["Payload"], b"chunk %d" % n)
            received.release()
        self.assertEqual(next(events), {"InvokeComplete": {}})
        self.assertEqual(list(events), [])

    def test_prelude_and_large_chunks_pass_as_they_are(self):
        body = b'{"statusCode":200}' + bytes(8) + bytes(range(256)) * 20_000

        def handler(invocation):
            invocation.begin("application/vnd.awslambda.http-integration-response")
            invocation.chunk(body)
            invocation.end()

        self.handle(handler)
        _, events = self.stream()
        chunks = [it["PayloadChunk"]["Payload"] for it in events if "PayloadChunk" in it]
        self.assertEqual(b"".join(chunks), body)

    def test_error_in_the_middle_is_in_invoke_complete(self):
        def handler(invocation):
            invocation.begin()
            invocation.chunk(b"one")
            invocation.fail("Function.Quota", "no tokens left")

        self.handle(handler)
        _, events = self.stream(LogType="Tail")
        self.assertEqual(next(events)["PayloadChunk"]["Payload"], b"one")
        complete = next(events)["InvokeComplete"]
        self.assertEqual(complete["ErrorCode"], "Function.Quota")
        self.assertEqual(json.loads(complete["ErrorDetails"])["errorMessage"], "no tokens left")
        log = base64.b64decode(complete["LogResult"]).decode()
        self.assertTrue(log.startswith("START RequestId: "), log)

    def test_error_before_the_response_is_in_invoke_complete(self):
        error = {"errorMessage": "no key", "errorType": "Function.Setup"}
        self.handle(lambda it: it.post("error", json.dumps(error).encode()))
        _, events = self.stream()
        complete = next(events)["InvokeComplete"]
        self.assertEqual(complete["ErrorCode"], "Function.Setup")
        self.assertEqual(json.loads(complete["ErrorDetails"])["errorMessage"], "no key")

    def test_buffered_invoke(self):
        def handler(invocation):
            headers = invocation.headers
            self.assertEqual(
                headers["lambda-runtime-client-context"], '{"custom":{"a":"b"}}'
            )
            self.assertTrue(
                headers["lambda-runtime-invoked-function-arn"].endswith(":my-function:7")
            )
            invocation.post("response", b'{"answer":42}')

        self.handle(handler)
        context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
        answer = self.client.invoke(
            FunctionName="my-function",
            Qualifier="7",
            Payload=b'{"n":3}',
            ClientContext=context,
            LogType="Tail",
        )
        self.assertEqual((answer["StatusCode"], answer["ExecutedVersion"]), (200, "7"))
        self.assertNotIn("FunctionError", answer)
        self.assertEqual(json.load(answer["Payload"]), {"answer": 42})
        self.assertIn("REPORT RequestId: ", base64.b64decode(answer["LogResult"]).decode())

    def test_buffered_invoke_of_a_failed_function(self):
        def streamed(invocation):
            invocation.begin()
            invocation.chunk(b"one")
            invocation.fail("Function.Quota", "no tokens left")

        error = json.dumps({"errorMessage": "no tokens left", "errorType": "Function.Quota"})
        self.handle(lambda it: it.post("error", error.encode()), streamed)
        for _ in range(2):
            answer = self.client.invoke(FunctionName="f", Payload=b"{}")
            self.assertEqual(answer["StatusCode"], 200)
            self.assertEqual(answer["FunctionError"], "Unhandled")
            document = json.load(answer["Payload"])
            self.assertEqual(document["errorMessage"], "no tokens left")

    def test_buffered_invoke_has_a_limit(self):
        def handler(size):
            def respond(invocation):
                status, _, _ = invocation.post("response", b"1" * size)
                self.assertEqual(status, 202 if size <= 6_291_556 else 413)

            return respond

        self.handle(handler(6_291_556), handler(6_291_557))
        answer = self.client.invoke(FunctionName="f", Payload=b"{}")
        self.assertEqual(len(answer["Payload"].read()), 6_291_556)
        answer = self.client.invoke(FunctionName="f", Payload=b"{}")
        document = json.load(answer["Payload"])
        self.assertEqual(document["errorType"], "Function.ResponseSizeTooLarge")

    def test_asynchronous_invocation_does_not_wait(self):
        answer = self.client.invoke(FunctionName="f", InvocationType="Event", Payload=b"[1]")
        self.assertEqual(answer["StatusCode"], 202)
        # Nobody has asked for it yet.
        self.handle(lambda it: self.assertEqual(it.post("response", b"{}")[0], 202))

    def test_dry_run_does_not_invoke(self):
        answer = self.client.invoke(FunctionName="f", InvocationType="DryRun", Payload=b"{}")
        self.assertEqual(answer["StatusCode"], 204)

    def test_errors_have_the_names_of_the_service(self):
        for arguments, code, status in [
            ({"Payload": b"not json"}, "InvalidRequestContentException", 400),
            ({"Payload": b"1" * (6 * 1024 * 1024 + 1)}, "RequestTooLargeException", 413),
            (
                {"Payload": b"1" * (1024 * 1024 + 1), "InvocationType": "Event"},
                "RequestTooLargeException",
                413,
            ),
        ]:
            with self.assertRaises(ClientError) as raised:
                self.client.invoke(FunctionName="f", **arguments)
            response = raised.exception.response
            self.assertEqual(response["Error"]["Code"], code)
            self.assertEqual(response["ResponseMetadata"]["HTTPStatusCode"], status)
            self.assertNotEqual(response["Error"]["Message"], "")
        with self.assertRaises(ClientError) as raised:
            self.client.list_functions()
        self.assertEqual(
            raised.exception.response["Error"]["Code"], "UnknownOperationException"
        )


if __name__ == "__main__":
    unittest.main()
