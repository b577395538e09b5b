"""A service with keys, as two processes: who is let in, and how the others are told in each contract."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx2
import openai
import pytest
from fastapi.routing import APIRoute
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from service.archive import open_archive
from service.http import create_app
from service.keys import Scope, add_key, remove_key
from service.live import LiveArchive
from service.places import LocalIndex
from service.retrievers.client import Service, search
from tests.conftest import Onrecord, serving

ASKED = {"query": "who pays when the machine is wrong?"}
BROWSER = {"accept": "text/html,*/*"}
RETRIEVAL = {
    "knowledge_id": "onrecord",
    "query": "who pays?",
    "retrieval_setting": {"top_k": 1, "score_threshold": 0},
}


class Keyed(NamedTuple):
    """A service with keys, the file of them, and its log."""

    address: str
    file: Path
    log: Path
    reader: str
    admin: str

    def get(self, path: str, key: str | None = None, **headers: str) -> httpx2.Response:
        bearer = {"authorization": f"Bearer {key}"} if key else {}
        return httpx2.get(f"{self.address}{path}", headers={**bearer, **headers}, trust_env=False)


@pytest.fixture(scope="module")
def keyed(seeds_index: Path, offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    folder = tmp_path_factory.mktemp("keyed")
    file, log = folder / "keys.json", folder / "log.txt"
    reader, admin = (add_key(file, scope, scope, 60_000) for scope in (Scope.READ, Scope.ADMIN))
    with serving(seeds_index, {**offline, "ONRECORD_API_KEYS": str(file)}, log) as (address, _):
        yield Keyed(address, file, log, reader, admin)
    written = log.read_text(encoding="utf-8")
    assert not any(secret in written for secret in (reader, admin))


def test_without_a_key_no_route_answers_but_the_probes(keyed: Keyed, tmp_path: Path) -> None:
    routes = create_app(LiveArchive(LocalIndex(tmp_path), lambda: open_archive(tmp_path))).routes
    asked = {("POST", "/mcp"), ("GET", "/openapi.json"), ("GET", "/nothing"), ("OPTIONS", "/"), ("POST", "/livez/")}
    for route in routes:
        if isinstance(route, APIRoute):
            asked |= {(method, route.path) for method in route.methods or ()}
    assert len(asked) > 25
    with httpx2.Client(base_url=keyed.address, trust_env=False) as client:
        answers = {(method, path): client.request(method, path).status_code for method, path in asked}
    let_in = {path for (_, path), status in answers.items() if status not in (401, 403)}
    assert let_in == {"/livez", "/readyz", "/favicon.ico"}
    assert {path for (_, path), status in answers.items() if status == 403} == {"/retrieval"}
    assert keyed.get("/static/style.css").status_code == 200


def test_a_key_is_sent_as_a_bearer_or_as_a_password(keyed: Keyed) -> None:
    found = keyed.get("/v1/episodes", keyed.reader)
    assert (found.status_code, found.headers["cache-control"]) == (200, "no-store")
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert keyed.get("/v1/episodes", authorization=f"{scheme} {keyed.reader}").status_code == 200
    password = base64.b64encode(f"anybody:{keyed.reader}".encode()).decode()
    page = keyed.get("/", authorization=f"Basic {password}", **BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer onrecord_" + "A" * 43, "Basic", "Basic !!!", "Basic /w==", "Digest x", "\xff"],
)
def test_what_is_no_key_is_refused_and_told_how_to_send_one(authorization: str, keyed: Keyed) -> None:
    headers = {b"authorization": authorization.encode("latin-1")}
    answer = httpx2.get(f"{keyed.address}/v1/search", params=ASKED, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="On Record"')
    assert "key" in answer.json()["detail"]
    assert "onrecord_A" not in answer.text
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_a_key_in_the_address_is_none(keyed: Keyed) -> None:
    for name in ("api_key", "key", "access_token"):
        assert keyed.get(f"/v1/episodes?{name}={keyed.reader}").status_code == 401


def test_a_browser_is_asked_for_the_key_and_a_pages_script_is_not(keyed: Keyed) -> None:
    page = keyed.get("/", **BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert page.headers["www-authenticate"] == 'Basic realm="On Record", charset="UTF-8"'
    assert "A key is needed" in page.text
    assert keyed.get("/v1/episodes", **BROWSER).headers["www-authenticate"].startswith("Basic ")
    assert keyed.get("/", accept="*/*").headers["www-authenticate"].startswith("Bearer ")


def test_metrics_are_for_the_scope_admin(keyed: Keyed) -> None:
    refused = keyed.get("/metrics", keyed.reader)
    assert (refused.status_code, keyed.get("/metrics").status_code) == (403, 401)
    assert "/metrics is for keys of the scope admin; 'read' has the scope read" in refused.json()["detail"]
    assert "onrecord_requests_total" in keyed.get("/metrics", keyed.admin).text
    assert keyed.get("/v1/episodes", keyed.admin).status_code == 200


def test_probes_need_no_key_and_are_told_no_details(keyed: Keyed) -> None:
    assert keyed.get("/livez", host="probe.example.org").json() == {"status": "ok"}
    assert keyed.get("/readyz").json() == {"status": "ok", "index": None, "notes": []}
    assert keyed.get("/readyz", keyed.reader).json()["index"]["episodes"] == 6


def test_openais_client_raises_its_own_errors(keyed: Keyed) -> None:
    hasty = add_key(keyed.file, "openai", Scope.READ, 1)
    time.sleep(1)

    with openai.DefaultHttpxClient(trust_env=False) as http_client:

        def found(key: str) -> list[object]:
            base_url = f"{keyed.address}/v1"
            client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, http_client=http_client)
            return list(client.vector_stores.search("onrecord", query="who pays?").data)

        with pytest.raises(openai.AuthenticationError) as refused:
            found("wrong")
        assert refused.value.code == "invalid_api_key"
        assert found(hasty)
        with pytest.raises(openai.RateLimitError) as late:
            found(hasty)
    assert late.value.code == "rate_limit_exceeded"
    assert 1 <= int(late.value.response.headers["retry-after"]) <= 60


def test_dify_is_told_in_its_own_words(keyed: Keyed) -> None:
    def asked(key: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.post(f"{keyed.address}/retrieval", json=RETRIEVAL, headers=headers, trust_env=False)

    assert asked(keyed.reader).json()["records"]
    refused = asked("wrong")
    assert (refused.status_code, refused.json()["error_code"]) == (403, 1002)
    assert "not known" in refused.json()["error_msg"]


def test_an_agent_with_a_key_is_answered_and_one_without_is_not(keyed: Keyed) -> None:
    async def tools(key: str) -> int:
        headers = {"authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False) as http_client:
            transport = streamable_http_client(f"{keyed.address}/mcp", http_client=http_client)
            async with Client(transport, read_timeout_seconds=60) as client:
                return len((await client.list_tools()).tools)

    assert asyncio.run(tools(keyed.reader)) == 9
    refused = httpx2.post(f"{keyed.address}/mcp", json={}, trust_env=False)
    assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer")


def test_retrievers_send_the_key_of_the_environment(keyed: Keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRECORD_API_KEY", keyed.reader)
    assert search(Service(keyed.address, None, {}, 60), "who pays?", 1)


def test_over_its_limit_a_key_is_refused_by_whichever_process(keyed: Keyed) -> None:
    once = add_key(keyed.file, "once", Scope.READ, 1)
    time.sleep(1)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: keyed.get("/v1/speakers", once), range(24)))
    assert sorted(answer.status_code for answer in answers) == [200] + [429] * 23
    late = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert "The key 'once' may send 1 requests a minute. Ask again in" in late.json()["detail"]
    assert keyed.get("/readyz", once).status_code == 200
    assert keyed.get("/v1/speakers", keyed.reader).status_code == 200


def test_a_removed_key_is_refused_without_a_restart_by_every_process(keyed: Keyed) -> None:
    guest = add_key(keyed.file, "guest", Scope.READ, 60_000)
    time.sleep(1)
    assert {keyed.get("/v1/speakers", guest).status_code for _ in range(12)} == {200}
    remove_key(keyed.file, "guest")
    time.sleep(1)
    assert {keyed.get("/v1/speakers", guest).status_code for _ in range(12)} == {401}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "archive.example.org"])
def test_an_address_that_others_reach_is_refused_without_keys(host: str, onrecord: Onrecord) -> None:
    done = onrecord("serve", "--port", "0", "--index", "nowhere", ONRECORD_HOST=host)
    assert (done.returncode, done.stdout) == (2, "")
    for word in ("onrecord key add", "--keys", "--insecure"):
        assert word in done.stderr


def test_insecure_says_so_and_comes_as_far_as_the_index(onrecord: Onrecord) -> None:
    done = onrecord("serve", "--host", "0.0.0.0", "--port", "0", "--index", "nowhere", ONRECORD_INSECURE="1")
    assert done.returncode == 1
    assert "0.0.0.0: anybody who reaches this address can read the archive" in done.stderr
    assert "nowhere: no index there" in done.stderr
