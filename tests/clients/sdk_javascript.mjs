// The AWS SDK for JavaScript against the local Lambda. Start the command with a program that answers
// `{"kind":…,"chunks":…,"size":…}`, then: `node sdk_javascript.mjs http://127.0.0.1:7000`.
//
//     lambda-stream local -- python3 stress_program.py
//
// Tested with @aws-sdk/client-lambda 3.1164.0.

import assert from "node:assert/strict";

import {
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
} from "@aws-sdk/client-lambda";

const client = new LambdaClient({
  endpoint: process.argv[2],
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
  maxAttempts: 1,
});

async function stream(event) {
  const command = new InvokeWithResponseStreamCommand({
    FunctionName: "my-function",
    Payload: JSON.stringify(event),
    LogType: "Tail",
  });
  const answer = await client.send(command);
  const chunks = [];
  let complete;
  for await (const { PayloadChunk, InvokeComplete } of answer.EventStream) {
    if (PayloadChunk) chunks.push(Buffer.from(PayloadChunk.Payload));
    if (InvokeComplete) complete = InvokeComplete;
  }
  return { payload: Buffer.concat(chunks).toString(), complete };
}

const good = await stream({ kind: "ok", chunks: 3, size: 2 });
assert.equal(good.payload, "0000xx0001xx0002xx");
assert.equal(good.complete.ErrorCode, undefined);
assert.match(Buffer.from(good.complete.LogResult, "base64").toString(), /^START RequestId: /);

const failed = await stream({ kind: "fail", chunks: 2, size: 0 });
assert.equal(failed.payload, "00000001");
assert.equal(failed.complete.ErrorCode, "Function.Late");
assert.equal(JSON.parse(failed.complete.ErrorDetails).errorMessage, "late");

const crashed = await stream({ kind: "crash" });
assert.equal(crashed.complete.ErrorCode, "Runtime.ExitError");

const invoke = (event) =>
  client.send(new InvokeCommand({ FunctionName: "f", Payload: JSON.stringify(event) }));
const buffered = await invoke({ kind: "ok", chunks: 1, size: 1 });
assert.equal(Buffer.from(buffered.Payload).toString(), "0000x");
assert.equal((await invoke({ kind: "error" })).FunctionError, "Unhandled");
await assert.rejects(
  client.send(new InvokeCommand({ FunctionName: "f", Payload: "not json" })),
  { name: "InvalidRequestContentException" },
);
console.log("ok");
