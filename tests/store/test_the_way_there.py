"""What becomes of questions that Milvus does not let in, or does not answer in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from embeddings.fake import FakeEmbedder
from indexer.errors import ArchiveError, NotNow
from indexer.milvus import Milvus
from indexer.milvus_writer import publish_to
from service.places import StoredIndex, connected
from service.search import Search, search
from tests.conftest import SEEDS, Onrecord, serving
from tests.indexer.making import no_progress
from tests.store.changing import Changing
from tests.store.doorkeeper import Doorkeeper, localhost
from tests.store.server import Server

TOKEN = "reader:let me in"
WRONG = ["", "reader:let me out", "nobody", "root:Milvus"]


@pytest.fixture
def door(milvus: Server) -> Iterator[Doorkeeper]:
    with Doorkeeper(milvus.port, TOKEN) as door:
        yield door


@pytest.mark.parametrize("token", WRONG)
def test_who_has_not_the_token_is_told_so_and_changes_nothing(door: Doorkeeper, changing: Changing, token: str) -> None:
    refused = Milvus(door.address(changing.store.address.name), token)
    with pytest.raises(ArchiveError, match="ONRECORD_STORE_TOKEN"):
        StoredIndex(refused).open(embedder=FakeEmbedder())
    generation = changing.built(0)
    with pytest.raises(ArchiveError, match="ONRECORD_STORE_TOKEN"):
        publish_to(refused, generation, no_progress)
    assert changing.store.alias(changing.store.address.name) is None


def test_who_has_the_token_is_let_in(door: Doorkeeper, changing: Changing) -> None:
    trusted = Milvus(door.address(changing.store.address.name), TOKEN)
    publish_to(trusted, changing.built(0), no_progress)
    archive = StoredIndex(trusted).open(embedder=changing.embedder)
    assert search(Search("harbours"), archive).hits


def test_the_commands_say_what_to_do(door: Doorkeeper, onrecord: Onrecord, tmp_path: Path) -> None:
    store = str(door.address("guarded"))
    for command in (
        ("index", SEEDS, "--out", tmp_path / "index", "--store", store),
        ("search", "harbours", "--store", store),
        ("serve", "--store", store, "--port", "0"),
        ("info", "--store", store),
    ):
        done = onrecord(*command, ONRECORD_STORE_TOKEN=WRONG[1])
        assert done.returncode == 1, command
        assert (
            done.stderr.strip() == f"error: {store}: Milvus lets nobody in with this token. Set ONRECORD_STORE_TOKEN."
        )
        assert WRONG[1] not in done.stdout + done.stderr
    done = onrecord("search", "harbours", "--store", store, ONRECORD_STORE_TOKEN=TOKEN)
    assert "no index there" in done.stderr


def test_an_encrypted_way_leads_there_and_only_to_whom_is_trusted(
    milvus: Server, changing: Changing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, other = localhost(), localhost()
    (tmp_path / "one.pem").write_bytes(one.certificate)
    (tmp_path / "other.pem").write_bytes(other.certificate)
    monkeypatch.setenv("ONRECORD_STORE_TOKEN", TOKEN)
    with Doorkeeper(milvus.port, TOKEN, one) as door:
        address = door.address(changing.store.address.name)
        assert str(address).startswith("milvus+tls://localhost:")
        # Whoever is let in once stays connected: so those who are not come first.
        monkeypatch.setenv("ONRECORD_STORE_CA", str(tmp_path / "other.pem"))
        with pytest.raises(NotNow, match="does not answer"):
            connected(str(address), patience_s=2.0).collections()
        monkeypatch.delenv("ONRECORD_STORE_CA")
        with pytest.raises(NotNow, match="does not answer"):
            connected(str(address), patience_s=2.0).collections()
        with pytest.raises(NotNow, match="does not answer"):
            connected(str(address).replace("+tls", ""), patience_s=2.0).collections()
        monkeypatch.setenv("ONRECORD_STORE_CA", str(tmp_path / "one.pem"))
        store = connected(str(address))
        publish_to(store, changing.built(0), no_progress)
        assert search(Search("harbours"), StoredIndex(store).open(embedder=changing.embedder)).hits
        monkeypatch.setenv("ONRECORD_STORE_CA", str(tmp_path / "none.pem"))
        with pytest.raises(ArchiveError, match=r"none\.pem: no such file"):
            connected(str(address))


def test_a_question_that_is_not_answered_in_time_is_given_up(door: Doorkeeper, changing: Changing) -> None:
    store = Milvus(door.address(changing.store.address.name), TOKEN, patience_s=1.0)
    publish_to(changing.store, changing.built(0), no_progress)
    archive = StoredIndex(store).open(embedder=changing.embedder)
    expected = search(Search("harbours"), archive)
    door.hold()
    started = time.monotonic()
    with pytest.raises(NotNow, match="does not answer"):
        search(Search("something else about tunnels"), archive)
    assert time.monotonic() - started < 10
    door.let_go()
    assert search(Search("harbours"), archive).hits == expected.hits


def test_the_service_says_503_while_milvus_is_silent_and_answers_when_it_speaks(
    door: Doorkeeper, onrecord: Onrecord, offline: dict[str, str], tmp_path: Path
) -> None:
    store = str(door.address("silent"))
    done = onrecord("index", SEEDS, "--out", tmp_path / "index", "--store", store, ONRECORD_STORE_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    environment = {**offline, "ONRECORD_STORE": store, "ONRECORD_STORE_TOKEN": TOKEN}
    with (
        serving(Path("none"), environment, tmp_path / "log", workers=1) as (address, _),
        httpx2.Client(base_url=address, trust_env=False, timeout=60) as ours,
    ):
        asked = {"query": "who pays when the machine is wrong?"}
        expected = [hit["id"] for hit in ours.get("/v1/search", params=asked).json()["results"]]
        assert expected
        door.hold()
        refused = ours.get("/v1/search", params={"query": "what nobody asked before"})
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert ours.get("/livez").status_code == 200
        door.let_go()
        again = ours.get("/v1/search", params=asked)
        assert [hit["id"] for hit in again.json()["results"]] == expected
