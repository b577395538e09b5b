"""Strangers' pages: under which names the service answers, whom it lets ask, and what browsers are told to refuse."""

from __future__ import annotations

import asyncio
import http.client

import httpx2
import pytest

from service.archive import open_archive
from service.http import create_app
from service.live import LiveArchive

EVIL = "https://evil.example"
IMAGE = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    "path", ["/", "/v1/episodes", "/readyz", "/mcp", "/retrieval", "/static/style.css", "/nothing"]
)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8000", "localhost.", "a.b@127.0.0.1.x", "[::1"]
)
def test_under_a_strangers_name_nothing_answers(path: str, host: str, client: httpx2.Client) -> None:
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 421
    assert "--public-url" in answer.text


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:9", "192.168.1.20:8000", "archive"])
def test_under_an_address_or_a_name_of_this_network_it_answers(host: str, client: httpx2.Client) -> None:
    assert client.get("/v1/episodes", headers={"host": host}).status_code == 200


def test_a_second_name_in_one_request_is_refused(client: httpx2.Client) -> None:
    connection = http.client.HTTPConnection(str(client.base_url.host), client.base_url.port)
    connection.putrequest("GET", "/v1/episodes", skip_host=True)
    for name in ("localhost", "evil.example"):
        connection.putheader("host", name)
    connection.endheaders()
    assert connection.getresponse().status == 421
    connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": EVIL}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, 200),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, 200),
        (LINK, 200),
        (IMAGE, 403),
        ({**IMAGE, "sec-fetch-site": "same-site"}, 403),
        ({**LINK, "sec-fetch-dest": "iframe"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "origin": EVIL}, 403),
        ({**LINK, "origin": EVIL}, 403),
    ],
    ids=str,
)
def test_a_strangers_page_may_link_here_and_nothing_else(
    headers: dict[str, str], status: int, client: httpx2.Client
) -> None:
    for path in ("/v1/episodes", "/verify"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert client.get("/livez", headers=headers).status_code == 200


def test_a_strangers_form_is_refused_and_our_own_is_not(client: httpx2.Client) -> None:
    form = {**LINK, "content-type": "application/x-www-form-urlencoded"}
    assert client.post("/verify", content="text=x", headers={**form, "origin": EVIL}).status_code == 403
    own = {**form, "sec-fetch-site": "same-origin", "origin": "null"}
    assert client.post("/verify", content="text=x", headers=own).status_code == 200


def test_no_origin_is_allowed_to_read(client: httpx2.Client) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    for origin, status in ((EVIL, 403), (str(client.base_url).rstrip("/"), 405)):
        answer = client.options("/v1/search", headers={**asked, "origin": origin})
        assert answer.status_code == status
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/episodes",
        "/v1/search",
        "/nothing",
        "/static/style.css",
        "/static/nothing",
        "/livez",
        "/readyz",
        "/mcp",
    ],
)
def test_every_answer_tells_browsers_what_to_refuse(path: str, client: httpx2.Client) -> None:
    _assert_hardened(client.get(path))
    _assert_hardened(client.get(path, headers={"origin": EVIL}))
    _assert_hardened(client.post(path, content=b"x" * 1_100_000))


def test_the_answer_to_a_defect_does_too() -> None:
    app = create_app(LiveArchive(None, lambda: open_archive(None)))  # type: ignore[arg-type]

    @app.get("/defect")
    def defect() -> None:
        raise ZeroDivisionError

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/defect")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    _assert_hardened(answer)


def _assert_hardened(answer: httpx2.Response) -> None:
    [policy] = answer.headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    assert ("script-src" in policy) == is_page
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert "server" not in answer.headers
    assert "uvicorn" not in str(answer.headers)
