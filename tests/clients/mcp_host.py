"""The checks of `Host` and `Origin` in examples/mcp-server: `python mcp_host.py http://127.0.0.1:7000`.

The events go to `/invoke`, past the local Lambda's own check of the two headers.
"""

import json
import sys
import urllib.error
import urllib.request

DOMAIN = "abc.lambda-url.us-east-1.on.aws"


def status(**headers):
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    event = {
        "version": "2.0",
        "rawPath": "/mcp",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "x-forwarded-proto": "https",
            **headers,
        },
        "requestContext": {"domainName": DOMAIN, "http": {"method": "POST", "path": "/mcp"}},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    request = urllib.request.Request(sys.argv[1] + "/invoke", json.dumps(event).encode())
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


for expected, headers in [
    (200, {"host": DOMAIN}),
    (200, {"host": DOMAIN, "origin": f"https://{DOMAIN}"}),
    (403, {"host": "evil.example"}),
    (403, {"host": "localhost"}),
    (403, {"host": DOMAIN, "origin": "https://evil.example"}),
    (403, {"host": DOMAIN, "origin": f"http://{DOMAIN}"}),
    (403, {"host": DOMAIN, "origin": "null"}),
]:
    found = status(**headers)
    assert found == expected, f"{headers}: {found}, not {expected}"
print("ok: only the function's own domain is served")
