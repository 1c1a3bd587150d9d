// The TypeScript client of MCP, which speaks the protocol with `initialize`, against
// examples/mcp-server: `node mcp_client.mjs URL`, from where the package is installed.
//
// Tested with @modelcontextprotocol/sdk 1.32.2.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// Packages are looked up from the current directory, not from where this file is.
const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const load = async (path) =>
  import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${path}`)).href);
const { Client } = await load("client/index.js");
const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");
const { McpError } = await load("types.js");

const client = new Client({ name: "test", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));

async function call(name, args = {}) {
  const times = [];
  const onprogress = () => times.push(performance.now());
  const options = { onprogress, timeout: 20_000 };
  const result = await client
    .callTool({ name, arguments: args }, undefined, options)
    .catch((error) => error);
  return { result, times };
}

const counted = await call("count", { steps: 4 });
assert.equal(counted.result.content[0].text, "counted to 4");
assert.equal(counted.times.length, 4);
const gaps = counted.times.slice(1).map((time, n) => time - counted.times[n]);
assert.ok(gaps.every((gap) => gap > 200 && gap < 1000), `progress came at once: ${gaps}`);

const failed = await call("fail");
assert.equal(failed.result.isError, true);
assert.equal(failed.result.content[0].text, "the shelf is empty");

const crashed = await call("crash");
assert.ok(crashed.result instanceof McpError, String(crashed.result));
assert.equal(crashed.result.code, -32603);
assert.match(crashed.result.message, /the tool panicked/);
assert.equal(crashed.times.length, 1);

await client.close();
console.log(`ok: the TypeScript client, gaps of ${gaps.map(Math.round)} ms`);
