// The `openai` client for Node and the AI SDK read the LLM gateway.
//
//     NODE_PATH=…/node_modules node llm_gateway.mjs path/to/lambda-stream path/to/demo

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { after, test } from "node:test";

// Unlike `import`, this finds what NODE_PATH names.
const require = createRequire(import.meta.url);
const OpenAI = require("openai");
const { createOpenAI } = require("@ai-sdk/openai");
const { APICallError, DefaultChatTransport, readUIMessageStream, streamText } = require("ai");

const [command, program] = process.argv.slice(2);
const TIMEOUT = 6;
const WORDS = ["Every", " token", " in", " its", " own", " event."];

// The terminal of the gateway, and who waits for a line of it.
const lines = [];
const waiting = new Set();
const gateway = spawn(
  command,
  ["local", "--address", "127.0.0.1:0", "--timeout", `${TIMEOUT}`, "--", program],
  { stdio: ["ignore", "pipe", "pipe"] },
);
for (const output of [gateway.stdout, gateway.stderr]) {
  createInterface({ input: output }).on("line", (text) => {
    lines.push(text);
    for (const look of waiting) look();
  });
}
after(() => gateway.kill());

/** Waits for a line with all of these parts, from this one on. */
function line(since, ...parts) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new Error(`no line has ${parts}: ${lines.slice(since).join("\n")}`));
    }, 30_000);
    const look = () => {
      const found = lines.slice(since).find((text) => parts.every((part) => text.includes(part)));
      if (found === undefined) return;
      clearTimeout(late);
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    look();
  });
}

const url = (await line(0, "listening on")).match(/http:\/\/[\d.:]+/)[0];
const connect = (apiKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const client = connect("demo-key");

/** Words of an answer, with the moments at which they arrived. */
class Reading {
  words = [];
  moments = [];

  add(word) {
    if (!word) return;
    this.words.push(word);
    this.moments.push(performance.now());
  }

  cameOneByOne() {
    assert.deepEqual(this.words, WORDS);
    const gaps = this.moments.slice(1).map((moment, at) => moment - this.moments[at]);
    assert.ok(gaps.every((gap) => gap > 30 && gap < 400), `${gaps}`);
  }
}

// How each protocol is asked, read and finished.
const protocols = {
  chat: {
    open: (model, from = client) =>
      from.chat.completions.create({
        model,
        messages: [{ role: "user", content: "hello" }],
        stream: true,
        stream_options: { include_usage: true },
      }),
    word: (chunk) => chunk.choices[0]?.delta.content,
    end: (events) => {
      const [finish, { usage }] = events.slice(-2);
      return [finish.choices[0].finish_reason, usage.prompt_tokens, usage.completion_tokens];
    },
  },
  responses: {
    open: (model, from = client) => from.responses.create({ model, input: "hello", stream: true }),
    word: (event) => (event.type === "response.output_text.delta" ? event.delta : undefined),
    end: (events) => {
      const { type, response } = events.at(-1);
      const reason = { "response.completed": "stop", "response.incomplete": "length" }[type];
      return [reason, response.usage.input_tokens, response.usage.output_tokens];
    },
  },
};

for (const [name, { open, word, end }] of Object.entries(protocols)) {
  const read = async (reading, model, from) => {
    const events = [];
    for await (const event of await open(model, from)) {
      events.push(event);
      reading.add(word(event));
    }
    return events;
  };

  for (const model of ["good", "trickle", "think"]) {
    test(`openai, ${name}: ${model} arrives word by word`, async () => {
      const reading = new Reading();
      assert.deepEqual(end(await read(reading, model)), ["stop", 11, 6]);
      reading.cameOneByOne();
    });
  }

  for (const [model, type, status, code] of [
    ["refuse", OpenAI.RateLimitError, 429, "rate_limit_exceeded"],
    ["crash", OpenAI.InternalServerError, 502, "refused"],
    ["fail-first", OpenAI.InternalServerError, 502, "server_error"],
  ]) {
    test(`openai, ${name}: ${model} is ${type.name}`, async () => {
      await assert.rejects(read(new Reading(), model), (error) => {
        assert.equal(error.constructor, type);
        assert.deepEqual([error.status, error.code], [status, code]);
        assert.ok(error.requestID);
        return true;
      });
    });
  }

  test(`openai, ${name}: a wrong key is AuthenticationError`, async () => {
    await assert.rejects(read(new Reading(), "good", connect("wrong")), OpenAI.AuthenticationError);
  });

  for (const [model, count, code] of [
    ["fail", 3, "server_error"],
    ["break-off", 3, "incomplete"],
    ["end-early", 3, "incomplete"],
    ["stall", 3, "silent"],
  ]) {
    test(`openai, ${name}: ${model} is APIError, and the invocation fails`, async () => {
      const since = lines.length;
      const reading = new Reading();
      let raised;
      await assert.rejects(read(reading, model), (error) => {
        raised = error;
        return error.constructor === OpenAI.APIError;
      });
      assert.equal(raised.code, code);
      assert.deepEqual(reading.words, WORDS.slice(0, count));
      await line(since, "UpstreamFailed", raised.error.message);
      await line(since, `"model":"${model}"`, '"outcome":"failed"');
    });
  }

  test(`openai, ${name}: the deadline is an end`, async () => {
    const since = lines.length;
    const reading = new Reading();
    assert.deepEqual(end(await read(reading, "endless")), ["length", 0, reading.words.length]);
    await line(since, "upstream: endless aborted");
  });

  test(`openai, ${name}: leaving aborts the upstream`, async () => {
    const since = lines.length;
    for await (const event of await open("endless")) {
      if (word(event)) break;
    }
    await line(since, "the client left after");
    await line(since, "upstream: endless aborted");
  });
}

const provider = createOpenAI({ baseURL: `${url}/v1`, apiKey: "demo-key" });

for (const api of ["chat", "responses"]) {
  /** Returns the parts of the SDK's stream, and what it throws in the end. */
  const read = async (model) => {
    const reading = new Reading();
    const parts = [];
    const answer = streamText({
      model: provider[api](model),
      prompt: "hello",
      maxRetries: 0,
      onError: () => {},
    });
    let thrown;
    try {
      for await (const part of answer.fullStream) {
        parts.push(part);
        if (part.type === "text-delta") reading.add(part.text);
      }
    } catch (error) {
      thrown = error;
    }
    return { reading, parts, thrown, error: parts.find((part) => part.type === "error")?.error };
  };

  test(`ai, ${api}: tokens, usage and the reason of the end`, async () => {
    const { reading, parts, thrown, error } = await read("good");
    assert.deepEqual([thrown, error], [undefined, undefined]);
    reading.cameOneByOne();
    const { finishReason, totalUsage } = parts.at(-1);
    assert.deepEqual([finishReason, totalUsage.totalTokens], ["stop", 17]);
  });

  for (const [model, status, message] of [
    ["refuse", 429, "the model refuses"],
    ["crash", 502, "the model answered 503 Service Unavailable"],
  ]) {
    test(`ai, ${api}: ${model} is APICallError`, async () => {
      const { error } = await read(model);
      assert.ok(APICallError.isInstance(error));
      assert.deepEqual([error.statusCode, error.message], [status, message]);
    });
  }

  for (const [model, message] of [
    ["fail", "the model lost its thread"],
    ["break-off", "the model broke off"],
  ]) {
    test(`ai, ${api}: ${model} is an error part, then APICallError`, async () => {
      const { reading, error, thrown } = await read(model);
      assert.deepEqual(reading.words, WORDS.slice(0, 3));
      assert.equal(error.message, message);
      // The invocation fails, so the response is cut after the event.
      assert.ok(APICallError.isInstance(thrown), `${thrown}`);
    });
  }

  test(`ai, ${api}: the deadline is an end`, async () => {
    const { parts, thrown } = await read("endless");
    assert.equal(thrown, undefined);
    assert.equal(parts.at(-1).finishReason, "length");
  });
}

/** Reads an answer as `useChat` does, and returns the message as it is in the end. */
async function chat(model, headers = { authorization: "Bearer demo-key" }) {
  const transport = new DefaultChatTransport({ api: `${url}/api/chat`, headers, body: { model } });
  const stream = await transport.sendMessages({
    chatId: "1",
    trigger: "submit-message",
    messages: [{ id: "1", role: "user", parts: [{ type: "text", text: "hello" }] }],
  });
  const reading = new Reading();
  const errors = [];
  let message;
  const states = readUIMessageStream({ stream, onError: (error) => errors.push(error) });
  for await (message of states) {
    const text = message.parts.find((part) => part.type === "text")?.text ?? "";
    reading.add(text.slice(reading.words.join("").length));
  }
  return { reading, message, errors };
}

for (const model of ["good", "trickle", "think"]) {
  test(`ai, UI stream: ${model} arrives word by word`, async () => {
    const { reading, message, errors } = await chat(model);
    assert.deepEqual(errors, []);
    reading.cameOneByOne();
    assert.equal(message.metadata.usage.totalTokens, 17);
    assert.equal(message.parts.at(-1).state, "done");
  });
}

test("ai, UI stream: a refusal is thrown before the stream", async () => {
  await assert.rejects(chat("refuse"), /rate_limit_exceeded/);
  await assert.rejects(chat("good", {}), /invalid_api_key/);
});

test("ai, UI stream: a failure in the middle is its error, and the invocation fails", async () => {
  const since = lines.length;
  const { reading, errors } = await chat("break-off");
  assert.deepEqual(reading.words, WORDS.slice(0, 3));
  assert.equal(errors[0].message, "the model broke off");
  await line(since, "UpstreamFailed: the model broke off");
});

test("ai, UI stream: the deadline is an end", async () => {
  const { message, errors } = await chat("endless");
  assert.deepEqual(errors, []);
  assert.equal(message.parts.at(-1).state, "done");
  assert.equal(message.metadata.usage.totalTokens > 20, true);
});
