"""The service as a process: what it loads, how it is stopped, how it takes too much, and how it follows its index."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest

from embeddings.base import Embedder
from embeddings.fake import FakeEmbedder
from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from indexer.build import build_index
from indexer.generations import Generation, current_generation
from indexer.passages import Chunking
from service.workers import MAX_INSIDE
from tests.conftest import COMMAND, ROOT, serving
from tests.indexer.making import index as index_with_fake
from tests.indexer.making import interview, no_progress, write
from tests.service.exposition import scraped, value

# Put before everything else: whoever imports one of these ends the process.
_NO_TORCH = """
import os, sys
class Refuse:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "sentence_transformers"):
            os.write(2, f"{name} was imported".encode())
            os._exit(98)
sys.meta_path.insert(0, Refuse)
"""
ASKED = {"query": "who pays when the machine is wrong?"}


@pytest.fixture(scope="module")
def without_torch(offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    guard = tmp_path_factory.mktemp("without-torch")
    (guard / "sitecustomize.py").write_text(_NO_TORCH, encoding="utf-8")
    return {**offline, "PYTHONPATH": str(guard)}


def test_answers_come_without_torch(without_torch: dict[str, str], seeds_index: Path, tmp_path: Path) -> None:
    with serving(seeds_index, without_torch, tmp_path / "log.txt") as (address, _):
        assert httpx2.get(f"{address}/v1/search", params=ASKED, trust_env=False).json()["results"]
        assert httpx2.get(address, params=ASKED, trust_env=False).status_code == 200
    done = subprocess.run(
        [COMMAND, "search", ASKED["query"], "--index", seeds_index],
        env=without_torch,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_was_asked_before_the_end_is_answered(seeds_index: Path, offline: dict[str, str], tmp_path: Path) -> None:
    body = json.dumps({"query": ["who pays?", "why wires?"] * 16}).encode()
    head = (
        f"POST /v1/search HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with serving(seeds_index, offline, tmp_path / "log.txt", workers=1) as (address, process):
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
            connection.sendall(head.encode() + body)
            assert httpx2.get(f"{address}/livez", trust_env=False).status_code == 200
            process.send_signal(signal.SIGTERM)
            with connection.makefile("rb") as file:
                answer = file.read()
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["searches"]) == 32
        process.wait(timeout=30)


def test_a_taken_port_is_reported_before_the_index_is_opened(offline: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [COMMAND, "serve", "--index", tmp_path / "none", "--port", str(port)],
            env=offline,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"127.0.0.1:{port}: cannot be listened on" in done.stderr


def test_too_much_at_once_is_refused_with_a_time_to_ask_again_and_the_rest_is_answered(server: str) -> None:
    queries = [f"who pays for number {number}?" for number in range(32)]
    callers = 4 * MAX_INSIDE // len(queries)
    together = threading.Barrier(callers)

    def ask(_: int) -> httpx2.Response:
        with httpx2.Client(base_url=server, trust_env=False, timeout=120) as client:
            client.get("/livez")
            together.wait(timeout=60)
            answer = client.post("/v1/search", json={"query": queries})
            assert client.get("/livez").status_code == client.get("/readyz").status_code == 200
            return answer

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(ask, range(callers)))
    refused = [answer for answer in answers if answer.status_code == 503]
    answered = [answer for answer in answers if answer.status_code == 200]
    assert len(refused) + len(answered) == callers
    assert refused
    assert value(scraped(server), "onrecord_refused_total", reason="queue") >= len(refused)
    assert len(answered) >= MAX_INSIDE // len(queries)
    for answer in refused:
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["detail"] == "Too many requests at once. Ask again in a moment."
    assert all(len(answer.json()["searches"]) == len(queries) for answer in answered)
    assert httpx2.get(f"{server}/v1/search", params=ASKED, trust_env=False).status_code == 200


class Growing(NamedTuple):
    """A small index that is served while it is written to."""

    out: Path
    talks: Path
    address: str
    log: Path
    embedder: Embedder

    def publish(self, topic: str) -> Generation:
        """Adds a talk."""
        write(self.talks / f"{topic}.md", interview(topic))
        return _built(self.talks, self.out, self.embedder)

    def ready(self) -> dict[str, object]:
        found = httpx2.get(f"{self.address}/readyz", trust_env=False)
        assert found.status_code == 200
        return dict(found.json())

    def wait_until(self, holds: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        end = time.monotonic() + 60
        while not holds(ready := self.ready()):
            assert time.monotonic() < end, ready
            time.sleep(0.05)
        return ready

    def served(self) -> str:
        return str(httpx2.get(f"{self.address}/v1/search", params=ASKED, trust_env=False).json()["index"]["generation"])


def _built(talks: Path, index: Path, embedder: Embedder) -> Generation:
    built = build_index(
        [talks],
        index,
        model=embedder.fingerprint,
        load_embedder=lambda: embedder,
        chunking=Chunking(),
        strict=False,
        progress=no_progress,
    )
    assert built.generation is not None
    return built.generation


@pytest.fixture
def growing(
    seeds_index: Path, offline: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Growing]:
    monkeypatch.setenv("ONRECORD_CACHE", offline["ONRECORD_CACHE"])  # where the sample interviews' model is compiled
    embedder = open_embedder(locate_model(DEFAULT_MODEL))
    talks, index, log = tmp_path / "talks", tmp_path / "index", tmp_path / "log.txt"
    write(talks / "harbours.md", interview("harbours"))
    _built(talks, index, embedder)
    # Several would not all follow at the same moment.
    with serving(index, offline, log, workers=1) as (address, _):
        yield Growing(index, talks, address, log, embedder)


def test_new_generations_are_served_without_one_failed_request(growing: Growing) -> None:
    first = current_generation(growing.out).manifest
    passage = httpx2.get(f"{growing.address}/v1/search", params=ASKED, trust_env=False).json()["results"][0]["id"]
    stop = threading.Event()
    seen: list[list[tuple[int, str]]] = []

    def ask() -> None:
        mine: list[tuple[int, str]] = []
        seen.append(mine)
        with httpx2.Client(base_url=growing.address, trust_env=False, timeout=60) as client:
            while not stop.is_set():
                found = client.get("/v1/search", params=ASKED)
                mine.append((found.status_code, found.json()["index"]["generation"]))
                assert client.get(f"/v1/passages/{passage}").status_code == 200
                assert client.get("/v1/episodes").status_code == 200

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            names = [first.id]
            for topic in ("tunnels", "canals"):
                generation = growing.publish(topic)
                names.append(generation.manifest.id)
                growing.wait_until(lambda ready: ready["index"]["generation"] == names[-1])  # type: ignore[index]
            names += [growing.publish(topic).manifest.id for topic in ("locks", "weirs", "piers", "docks")]
            growing.wait_until(lambda ready: ready["index"]["generation"] == names[-1])  # type: ignore[index]
        finally:
            stop.set()
        for done in asking:
            done.result()
    for answers in seen:
        assert {status for status, _ in answers} == {200}
        places = [names.index(generation) for _, generation in answers]
        assert all(earlier <= later for earlier, later in pairwise(places))
    assert len({generation for answers in seen for _, generation in answers}) >= 3
    assert growing.ready()["index"]["episodes"] == 7  # type: ignore[index]


def test_a_generation_that_cannot_be_served_leaves_the_old_one_and_readyz_says_why(growing: Growing) -> None:
    old = growing.served()
    foreign = index_with_fake(growing.talks, growing.out, FakeEmbedder()).generation
    assert foreign is not None
    ready = growing.wait_until(lambda ready: bool(ready["notes"]))
    assert "its vectors were made by fake" in str(ready["notes"])
    assert growing.served() == old

    broken = foreign.folder.with_name("20990101T000000Z-00000000")
    shutil.copytree(current_generation(growing.out).folder, broken)
    (growing.out / "CURRENT").write_text(f"{broken.name}\n", encoding="utf-8")
    growing.wait_until(lambda ready: broken.name in str(ready["notes"]))
    (growing.out / "CURRENT").unlink()
    growing.wait_until(lambda ready: "no index there" in str(ready["notes"]))
    assert growing.served() == old
    assert "A newer generation is not served" in growing.log.read_text(encoding="utf-8")
    refused = scraped(growing.address)
    assert value(refused, "onrecord_generation_refused") == 1
    assert value(refused, "onrecord_reloads_total", outcome="refused") >= 3

    mended = growing.publish("tunnels").manifest.id
    growing.wait_until(lambda ready: not ready["notes"])
    assert growing.served() == mended
    assert value(scraped(growing.address), "onrecord_generation_refused") == 0
    assert value(scraped(growing.address), "onrecord_reloads_total", outcome="served") == 1
