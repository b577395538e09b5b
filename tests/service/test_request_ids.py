"""Every answer carries the id of its request, whatever gives it."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

ASKED = {"query": "who pays when the machine is wrong?"}
HTML = {"accept": "text/html"}
MCP = {"accept": "application/json, text/event-stream"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.mark.parametrize(
    ("status", "method", "path", "more"),
    [
        (200, "GET", "/v1/search", {"params": ASKED}),
        (200, "HEAD", "/v1/search", {"params": ASKED}),
        (200, "POST", "/v1/ask", {"json": {**ASKED, "stream": True}}),
        (200, "POST", "/mcp", {"json": LIST, "headers": MCP}),
        (200, "GET", "/", {"headers": HTML}),
        (200, "GET", "/static/style.css", {}),
        (200, "GET", "/openapi.json", {}),
        (200, "GET", "/livez", {}),
        (200, "GET", "/metrics", {}),
        (404, "GET", "/v1/episodes/none", {}),
        (404, "GET", "/nothing", {"headers": HTML}),
        (405, "DELETE", "/v1/search", {}),
        (413, "POST", "/v1/search", {"content": b"x" * 1_100_000}),
        (421, "GET", "/v1/search", {"headers": {"host": "elsewhere.example"}}),
        (403, "GET", "/v1/search", {"headers": {"origin": "https://elsewhere.example"}}),
        (422, "GET", "/v1/search", {}),
        (404, "GET", "/v1/vector_stores/none", {}),
    ],
)
def test_an_answer_carries_the_id_of_its_request(
    status: int, method: str, path: str, more: dict[str, Any], client: httpx2.Client
) -> None:
    headers = more.pop("headers", {})
    answer = client.request(method, path, headers=headers, **more)
    assert answer.status_code == status
    fresh = answer.headers["x-request-id"]
    assert len(fresh) == 16
    own = client.request(method, path, headers={**headers, "X-Request-ID": "desk-7_a.B"}, **more)
    assert own.headers.get_list("x-request-id") == ["desk-7_a.B"]
    if own.headers.get("content-type") == "application/problem+json":
        assert own.json()["request_id"] == "desk-7_a.B"


@pytest.mark.parametrize("stated", [b"", b"a" * 65, b"a b", b"a\tb", b"a,b", b"\xc3\xa9", b"<script>", b"a\\nb"])
def test_an_id_that_is_no_sane_token_is_replaced(stated: bytes, client: httpx2.Client) -> None:
    answer = client.get("/livez", headers={b"x-request-id": stated})
    assert answer.status_code == 200
    assert len(answer.headers["x-request-id"]) == 16
    assert len(client.get("/livez", headers={b"x-request-id": b"a" * 64}).headers["x-request-id"]) == 64


def test_of_two_ids_neither_counts(client: httpx2.Client) -> None:
    answer = client.get("/livez", headers=[("x-request-id", "one"), ("x-request-id", "two")])
    assert answer.headers["x-request-id"] not in ("one", "two", "one, two")


def test_what_cannot_be_read_as_a_request_has_an_id_too(server: str) -> None:
    place = urlsplit(server)
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(b"NO REQUEST\r\n\r\n")
        with connection.makefile("rb") as answer:
            lines = answer.read().split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 400 Bad Request"
    assert sum(line.startswith(b"x-request-id: ") for line in lines) == 1
