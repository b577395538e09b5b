"""Several workers that index one archive into one Milvus."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pymilvus import DataType, MilvusClient

from embeddings.base import PassageInput, PassageVectors
from embeddings.fake import FakeEmbedder
from indexer.build import Outcome
from indexer.errors import IndexMissing
from indexer.generations import current_generation
from indexer.milvus import LONGEST, Milvus
from indexer.milvus_rows import PART_TEXTS, passages_collection, turns_collection
from indexer.milvus_sharing import SharedWork
from indexer.milvus_work import WorkList
from indexer.milvus_writer import Published, create_collections, publish_to
from service.places import StoredIndex
from service.search import Search, search
from tests.changing_archive import ALWAYS, COMES_AND_GOES, contents
from tests.conftest import SEEDS, Onrecord
from tests.indexer.making import LENA, interview, markdown, no_progress
from tests.store.changing import Changing, said, sources
from tests.store.server import Server

EPISODES = len(ALWAYS) + 1
_ALONE_WITHIN_S = 60


class Counting(FakeEmbedder):
    """Counts the passages that it embeds, and takes its time for them."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self._seconds = seconds
        self.embedded = 0
        self.begun = threading.Event()

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        self.begun.set()
        time.sleep(self._seconds)
        self.embedded += len(passages)
        return super().embed_passages(passages)


def worked(
    changing: Changing, state: int, index: str, embedder: Counting, dead_after_s: float = 30.0
) -> tuple[Outcome, Published | None]:
    """What `onrecord index --shared` does."""
    store = Milvus(changing.store.address, patience_s=60.0)
    with WorkList(store, say_every_s=0.2, dead_after_s=dead_after_s) as work:
        outcome = changing.run(state, SharedWork(store, work), index, embedder)
        if outcome.finished_elsewhere:
            return outcome, None
        assert outcome.generation is not None
        return outcome, publish_to(store, outcome.generation, no_progress)


def test_workers_share_an_archive_and_one_finishes_it(changing: Changing) -> None:
    alone = contents(changing.built(1))
    workers = [Counting(seconds=0.5), Counting(seconds=0.5)]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda name: worked(changing, 1, name, workers[int(name)]), ("0", "1")))
    assert sorted(outcome.finished_elsewhere for outcome, _ in done) == [False, True]
    [(outcome, published)] = [one for one in done if not one[0].finished_elsewhere]
    assert published == Published(written=0, kept=EPISODES + 1, removed=0)
    assert outcome.generation is not None
    assert contents(outcome.generation) == alone
    archive = changing.opened()
    assert archive.generation.manifest.id == outcome.generation.manifest.id
    assert sources(archive) == {*ALWAYS, COMES_AND_GOES, "log"}
    assert "chapter 1" in said(archive, "chapter")
    assert all(worker.embedded for worker in workers)
    # Now and then two take the same episode in the same moment.
    assert sum(worker.embedded for worker in workers) <= archive.passages * 1.5


def test_who_is_at_work_for_long_is_not_taken_for_dead(changing: Changing) -> None:
    slow, quick = Counting(seconds=3.0), Counting()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(worked, changing, 0, "slow", slow, 1.5)
        assert slow.begun.wait(_ALONE_WITHIN_S)
        second = pool.submit(worked, changing, 0, "quick", quick, 1.5)
        assert {first.result()[0].finished_elsewhere, second.result()[0].finished_elsewhere} == {True, False}
    assert slow.embedded
    assert slow.embedded + quick.embedded == changing.opened().passages


def test_doubles_and_what_has_no_passages_is_shared_too(changing: Changing) -> None:
    said = interview("harbours and weirs")
    changing.beside = {"a.md": said, "b.md": said, "c.md": markdown((LENA, "Hello."), title="Short")}
    alone = contents(changing.built(0))
    outcome, published = worked(changing, 0, "shared", Counting())
    assert outcome.generation is not None
    assert outcome.report["duplicates"]
    assert contents(outcome.generation) == alone
    assert published == Published(written=0, kept=EPISODES + 3, removed=0)
    assert sources(changing.opened()) == {*ALWAYS, "log", "a", "b", "c"}


def test_a_change_of_what_is_known_of_an_episode_alone_is_published(changing: Changing) -> None:
    text = interview("harbours and weirs")
    for day in ("2024-01-31", "2024-02-01"):
        changing.beside = {"dated.md": text.replace("---\n", f"---\ndate: {day}\n", 1)}
        outcome, _ = worked(changing, 0, day, Counting())
        assert not outcome.finished_elsewhere
        assert [str(row.date) for row in changing.opened().catalog.episodes if row.source == "dated.md"] == [day]


def test_episodes_that_another_run_removes_meanwhile_are_not_taken_for_whole(changing: Changing) -> None:
    changing.published(0)

    class Removed(Counting):
        def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
            if not self.embedded:
                # Whoever knows only the first state publishes it once more, and clears away what it does not know.
                publish_to(changing.store, current_generation(changing._folder / "index"), no_progress)
            return super().embed_passages(passages)

    outcome, _ = worked(changing, 1, "other", Removed(), dead_after_s=1.0)
    assert not outcome.finished_elsewhere
    archive = changing.opened()
    assert "chapter 1" in said(archive, "chapter")
    rows = changing.store.everywhere(passages_collection(changing.store.address.name), "", ["key"])
    numbers = {archive.catalog._rows.number_of(row["key"]) for row in rows}  # type: ignore[attr-defined]
    assert numbers >= set(range(archive.passages))


def test_the_same_again_embeds_nothing(changing: Changing) -> None:
    worked(changing, 0, "first", Counting())
    again = Counting()
    outcome, published = worked(changing, 0, "other", again)
    assert outcome.finished_elsewhere
    assert published is None
    assert outcome.generation is None
    assert again.embedded == 0
    # On the machine that finished it, nothing changed.
    outcome, published = worked(changing, 0, "first", again)
    assert not outcome.changed
    assert published == Published(written=0, kept=EPISODES, removed=0)


def test_only_what_changed_is_embedded_and_what_was_before_comes_back(changing: Changing) -> None:
    worked(changing, 0, "first", Counting())
    changed = Counting()
    outcome, _ = worked(changing, 1, "other", changed)
    assert not outcome.finished_elsewhere
    archive = changing.opened()
    numbers = [row.number for row in archive.catalog.episodes if Path(row.source).stem in {COMES_AND_GOES, "log"}]
    assert changed.embedded == sum(len(archive.catalog.passages_of(number)) for number in numbers)
    back = Counting()
    outcome, published = worked(changing, 0, "third", back)
    assert (back.embedded, outcome.finished_elsewhere) == (0, False)
    assert published == Published(written=0, kept=EPISODES, removed=0)
    assert "chapter 0" in said(changing.opened(), "chapter")


_DIES = """
import os, signal, sys
from pathlib import Path
from indexer import milvus_sharing
from indexer.milvus import Milvus, store_address
from tests.store.changing import Changing
from tests.store.test_sharing import Counting, worked

class Dying(Counting):
    calls = 0
    def embed_passages(self, passages):
        self.calls += 1
        if self.calls == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_passages(passages)

milvus_sharing._SAFE_EVERY_S = 0.0
changing = Changing(Path(sys.argv[1]), Milvus(store_address(sys.argv[2])), Dying(seconds=1.0))
worked(changing, 0, "dying", changing.embedder)
"""


def test_what_a_worker_that_was_killed_had_done_stays_and_another_does_the_rest(
    changing: Changing, tmp_path: Path
) -> None:
    died = subprocess.run(
        [sys.executable, "-c", _DIES, tmp_path, str(changing.store)], capture_output=True, check=False, text=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    with pytest.raises(IndexMissing):
        StoredIndex(changing.store).live()
    other = Counting()
    outcome, _ = worked(changing, 0, "other", other, dead_after_s=1.0)
    assert not outcome.finished_elsewhere
    archive = changing.opened()
    assert 0 < other.embedded < archive.passages
    assert sources(archive) == {*ALWAYS, "log"}
    rows = changing.store.everywhere(passages_collection(changing.store.address.name), "", ["episode"])
    assert len(rows) == archive.passages


def test_who_was_to_finish_and_died_is_replaced(changing: Changing) -> None:
    class DyingError(Exception):
        pass

    def die(stage: str, done: int, total: int) -> None:
        if stage == "Embedding passages":
            raise DyingError

    with WorkList(changing.store) as work, pytest.raises(DyingError):
        changing.run(0, SharedWork(changing.store, work), "dying", progress=die)
    outcome, _ = worked(changing, 0, "other", Counting(), dead_after_s=1.0)
    assert not outcome.finished_elsewhere
    assert sources(changing.opened()) == {*ALWAYS, "log"}


def test_the_command_shares_the_samples(
    milvus: Server, onrecord: Onrecord, offline: dict[str, str], seeds_index: Path, tmp_path: Path
) -> None:
    store = milvus.address("shared_samples")
    command: list[str | Path] = [
        Path(sys.executable).with_name("onrecord"),
        "index",
        SEEDS,
        "--shared",
        "--store",
        store,
    ]
    environment = {**os.environ, **offline}
    running = [
        subprocess.Popen([*command, "--out", tmp_path / name], stdout=subprocess.PIPE, env=environment, text=True)
        for name in ("one", "two")
    ]
    told = [process.communicate(timeout=_ALONE_WITHIN_S * 2)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    finished = [name for name, text in zip(("one", "two"), told, strict=True) if "is live" in text]
    assert len(finished) == 1
    assert sum("another worker finished it" in text for text in told) == 1
    made = current_generation(tmp_path / finished[0])
    assert made.manifest.counts == current_generation(seeds_index).manifest.counts
    archive = StoredIndex(milvus.connected("shared_samples")).open()
    assert archive.generation.manifest.id == made.manifest.id
    assert search(Search("who pays when the machine is wrong?"), archive).hits
    refused = onrecord("index", SEEDS, "--shared", "--out", tmp_path / "three")
    assert refused.returncode == 1
    assert "--store" in refused.stderr
    refused = onrecord("index", SEEDS, "--shared", "--forget", "--store", store, "--out", tmp_path / "three")
    assert refused.returncode == 1
    assert "--forget" in refused.stderr


def test_a_collection_that_a_killed_worker_left_half_made_is_made(milvus: Server) -> None:
    store = milvus.connected("half")
    left = MilvusClient(f"http://127.0.0.1:{milvus.port}")
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=100)
    schema.add_field("content", DataType.VARCHAR, max_length=LONGEST)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    left.create_collection("half_made", schema=schema)
    assert left.list_indexes("half_made") == []
    store.create("half_made", PART_TEXTS)
    store.put("half_made", [{"key": "one", "content": "kept"}])
    assert store.get("half_made", ["one"], ["content"])["one"]["content"] == "kept"
    assert left.list_indexes("half_made") == ["vector"]


def test_workers_that_begin_in_the_same_moment_make_one_collection(milvus: Server) -> None:
    workers = 4
    for number in range(10):
        name = f"begun_{number}"
        together = threading.Barrier(workers)

        def begin(worker: int, name: str = name, together: threading.Barrier = together) -> None:
            store = milvus.connected(name)
            together.wait()
            create_collections(store, 8)
            row = {"key": str(worker), "episode": "", "text": "", "folded": "", "content": "", "turn": 0, "piece": 0}
            store.put(turns_collection(name), [row])

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(begin, range(workers)))
        rows = milvus.connected(name).everywhere(turns_collection(name), "turn == 0", [])
        assert sorted(row["key"] for row in rows) == [*map(str, range(workers))]
