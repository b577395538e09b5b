"""The commands over an index in Milvus, and what they do when Milvus dies under them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conftest import SEEDS, Onrecord, serving
from tests.store.server import Server

QUERY = "who pays when the machine is wrong?"
# A service of ours that lost its Milvus finds it again within this time.
_BACK_WITHIN_S = 60.0


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A Milvus of one test's own, which may be killed."""
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


def ids(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [result["id"] for result in answer.json()["results"]]


def test_the_service_outlives_its_store(
    mortal: Server, onrecord: Onrecord, offline: dict[str, str], client: httpx2.Client, tmp_path: Path
) -> None:
    store = mortal.address("interviews")
    done = onrecord("index", SEEDS, "--out", tmp_path / "index", "--store", store)
    assert done.returncode == 0, done.stderr
    assert f"{store}: generation" in done.stdout
    environment = {**offline, "ONRECORD_STORE": store}
    with (
        serving(Path("none"), environment, tmp_path / "log", workers=1) as (address, _),
        httpx2.Client(base_url=address, trust_env=False, timeout=60) as ours,
    ):
        found = ours.get("/v1/search", params={"query": QUERY})
        assert ids(found) == ids(client.get("/v1/search", params={"query": QUERY}))
        episode = found.json()["results"][0]["episode"]["id"]
        text = ours.get(f"/v1/episodes/{episode}/transcript").json()["text"]
        for hit in found.json()["results"]:
            if hit["episode"]["id"] == episode:
                assert text[hit["char_start"] : hit["char_end"]] == hit["text"]
        assert ours.get("/", params={"query": QUERY}).status_code == 200
        mortal.kill()
        refused = ours.get("/v1/search", params={"query": "something that nobody asked before"})
        assert refused.status_code == 503
        assert "Milvus does not answer" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) >= 1
        assert ours.get("/livez").status_code == 200
        mortal.start()
        end = time.monotonic() + _BACK_WITHIN_S
        while (again := ours.get("/v1/search", params={"query": QUERY})).status_code == 503:
            assert time.monotonic() < end, again.text
            time.sleep(0.2)
        assert ids(again) == ids(found)


def test_a_store_that_dies_while_it_is_written_to_loses_nothing(
    mortal: Server, onrecord: Onrecord, tmp_path: Path
) -> None:
    from indexer.errors import NotNow
    from indexer.generations import current_generation
    from indexer.milvus import Milvus, store_address
    from indexer.milvus_writer import publish_to

    store = mortal.address("interviews")
    first = onrecord("index", SEEDS / "desmond-achterloo-left-shoes.srt", "--out", tmp_path / "one", "--store", store)
    assert first.returncode == 0, first.stderr
    before = onrecord("search", QUERY, "--store", store, "--json")
    assert before.returncode == 0, before.stderr
    assert onrecord("index", SEEDS, "--out", tmp_path / "all").returncode == 0

    def kill(stage: str, done: int, total: int) -> None:
        if done == 2:
            mortal.kill()

    impatient = Milvus(store_address(store), patience_s=1.0)
    with pytest.raises(NotNow, match="does not answer"):
        publish_to(impatient, current_generation(tmp_path / "all"), kill)
    down = onrecord("search", QUERY, "--store", store)
    assert down.returncode == 1
    assert down.stderr.startswith(f"error: {store}: Milvus does not answer")
    assert "Traceback" not in down.stderr
    mortal.start()
    same = onrecord("search", QUERY, "--store", store, "--json")
    assert same.returncode == 0, same.stderr
    assert '"episodes": 1' in same.stdout
    again = onrecord("index", SEEDS, "--out", tmp_path / "all", "--store", store)
    assert again.returncode == 0, again.stderr
    assert "is live" in again.stdout
    found = onrecord("search", QUERY, "--store", store, "--json")
    assert '"episodes": 6' in found.stdout
    told = json.loads(onrecord("info", "--store", store, "--json").stdout)
    assert told["settings"]["index"] == store
    assert told["generation"]["counts"]["episodes"] == told["report"]["episodes"] == 6
    assert "Ilse Brandvold" in onrecord("info", "--store", store, "--speakers").stdout


def test_what_is_wrong_is_told_before_anything_is_read(onrecord: Onrecord, tmp_path: Path) -> None:
    for store, message in (
        ("milvus://127.0.0.1:9/talks", "does not answer"),
        ("http://127.0.0.1/talks", "give a store as milvus://HOST:PORT/COLLECTION"),
    ):
        done = onrecord("index", SEEDS, "--out", tmp_path / "index", "--store", store)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "index").exists()
