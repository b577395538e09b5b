"""Requests that are made to break something: each is refused, or answered, and the service goes on."""

from __future__ import annotations

import json

import httpx2
import pytest

JSON = {"content-type": "application/json"}
DEEP = "[" * 200_000
BODIES = {
    "deep list": DEEP,
    "deep object": '{"query":' * 100_000,
    "deep and closed": "[" * 100_000 + "]" * 100_000,
    "deep value": '{"query": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a number without end": '{"query": "x", "limit": ' + "9" * 100_000 + "}",
    "infinity": '{"query": "x", "limit": 1e999}',
    "no number": '{"query": "x", "limit": NaN}',
    "a fraction without end": '{"query": "x", "min_score": 0.' + "1" * 100_000 + "}",
    "half a character": '{"query": "\\ud800"}',
    "no text": b'{"query": "\xff\xfe"}',
    "a sign of nothing": '{"query": "\\u0000"}',
    "many names": json.dumps({"query": "x", **{f"k{number}": 1 for number in range(50_000)}}),
    "one name twice": '{"query": "x", "query": ["y"], "limit": 0}',
}
PATHS = (
    "/v1/search",
    "/v1/quotes",
    "/v1/context",
    "/v1/verify",
    "/v1/ask",
    "/v1/export",
    "/v1/vector_stores/onrecord/search",
)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", [*PATHS, "/retrieval", "/mcp"])
def test_a_body_that_is_made_to_break_the_parser_is_refused(
    path: str, body: str | bytes, client: httpx2.Client
) -> None:
    headers = {**JSON, "authorization": "Bearer x", "accept": "application/json, text/event-stream"}
    answer = client.post(path, content=body, headers=headers)
    # A sign of nothing and half a character are text to some, who find nothing by it.
    assert answer.status_code in (200, 400, 422), answer.text[:500]
    assert answer.status_code == 200 or len(answer.content) < 100_000
    assert client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../http.py",
        "/static/%2e%2e/layout.py",
        "/static/..%2flayout.py",
        "/static/..%5clayout.py",
        "/static//etc/passwd",
        "/static/%00",
        "/v1/episodes/..%2f..%2fetc%2fpasswd",
        "/v1/episodes/%00/transcript",
        "/v1/passages/'%20OR%201=1",
        "/episodes/..%2f..%2fCURRENT",
        "/speakers/%0d%0aset-cookie:%20a=b",
    ],
)
def test_no_path_leads_to_a_file_or_into_a_header(path: str, client: httpx2.Client) -> None:
    raw = client.build_request("GET", "/")
    raw.url = raw.url.copy_with(raw_path=path.encode())
    answer = client.send(raw)
    assert answer.status_code in (404, 422), answer.text[:500]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "text",
    [
        "“" * 300_000,
        '"' * 900_000,
        "“a” " * 150_000,
        "'" * 900_000,
        "> " * 400_000,
        "— " * 200_000,
        "“a " * 200_000,
        "[1]" * 300_000,
        "“" + "a " * 400_000 + "”",
        "…" * 300_000,
        "“a … " * 100_000,
        "(" * 900_000,
        "![" * 400_000,
        "<" * 900_000,
        "\n" * 900_000,
    ],
    ids=lambda text: text[:5],
)
def test_a_draft_that_is_made_to_keep_the_service_busy_is_answered(text: str, client: httpx2.Client) -> None:
    answer = client.post("/v1/verify", json={"text": text}, timeout=60)
    assert answer.status_code in (200, 413, 422), answer.text[:500]
    assert client.get("/livez").status_code == 200
