"""The Python client of MCP against examples/mcp-server: `python mcp_client.py URL MODE [deadline]`.

MODE is `auto` (the stateless protocol of 2026-07-28) or `legacy` (with `initialize`). With
`deadline` the function has a timeout of 3 seconds, and the test is the call that does not end in
time. Tested with mcp 2.3.0.
"""

import asyncio
import sys
import time

from mcp import Client, MCPError

URL, MODE, *REST = sys.argv[1:]


async def call(client, name, arguments=None):
    """The result, and each progress with the moment at which it came."""
    seen = []

    async def on_progress(progress, total, message):
        seen.append((progress, total, message, time.monotonic()))

    try:
        result = await client.call_tool(name, arguments or {}, progress_callback=on_progress)
    except MCPError as error:
        result = error
    return result, seen, time.monotonic()


def text(result):
    return result.content[0].text


async def progress_comes_one_by_one(client):
    result, seen, end = await call(client, "count", {"steps": 4})
    assert not result.is_error and text(result) == "counted to 4", result
    assert [step[:3] for step in seen] == [(n, 4, f"step {n} of 4") for n in range(1, 5)], seen
    times = [step[3] for step in seen]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    print("  seconds between the notifications: " + ", ".join(f"{gap:.2f}" for gap in gaps))
    assert all(0.2 < gap < 1.0 for gap in gaps), gaps
    assert end - times[-1] < 0.2, "the result was held back"


async def failed_tool_is_a_result(client):
    result, seen, _ = await call(client, "fail")
    assert result.is_error and text(result) == "the shelf is empty", result
    assert len(seen) == 1, seen


async def panic_is_a_json_rpc_error(client):
    result, seen, _ = await call(client, "crash")
    assert isinstance(result, MCPError), result
    assert (result.code, result.message) == (-32603, "the tool panicked"), result
    assert len(seen) == 1, "the progress before the panic is lost"
    result, _, _ = await call(client, "count", {"steps": 1})
    assert text(result) == "counted to 1", "the next call is not served"


async def deadline_is_a_json_rpc_error(client):
    begin = time.monotonic()
    result, seen, end = await call(client, "count", {"steps": 100})
    assert isinstance(result, MCPError), result
    assert "deadline" in result.message and result.code == -32603, result
    assert 4 <= len(seen) <= 7, seen
    assert 1.5 < end - begin < 2.9, f"it took {end - begin} s"


async def main():
    tests = [progress_comes_one_by_one, failed_tool_is_a_result, panic_is_a_json_rpc_error]
    if REST == ["deadline"]:
        tests = [deadline_is_a_json_rpc_error]
    async with Client(URL, mode=MODE, read_timeout_seconds=20) as client:
        version = client.protocol_version
        assert (version == "2026-07-28") == (MODE == "auto"), version
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"count", "fail", "crash"}, names
        for test in tests:
            await test(client)
            print(f"ok: {test.__name__} ({version})", flush=True)


asyncio.run(asyncio.wait_for(main(), 60))
