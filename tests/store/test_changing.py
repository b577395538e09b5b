"""Generations of an archive in Milvus: what comes, changes and goes, and what a writer that is stopped leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from embeddings.fake import FakeEmbedder
from indexer.build import build_index
from indexer.errors import ArchiveError, IndexBroken, IndexMismatch, IndexMissing, NotNow
from indexer.milvus import LONGEST, Milvus, store_address
from indexer.milvus_rows import OVERLAP, PIECE, passages_collection, read_turn, turn_rows, turns_collection
from indexer.milvus_writer import Published, publish_to
from indexer.passages import Chunking
from indexer.types import TimeMark, Turn
from service.places import StoredIndex, connected
from tests.changing_archive import ALWAYS, COMES_AND_GOES
from tests.indexer.making import no_progress
from tests.store.changing import Changing, said, sources
from tests.store.server import Server

EPISODES = len(ALWAYS) + 1


def test_only_what_changed_is_written_and_what_went_is_removed(changing: Changing) -> None:
    first, published = changing.published(0)
    assert published == Published(written=EPISODES, kept=0, removed=0)
    assert sources(changing.opened()) == {*ALWAYS, "log"}
    second, published = changing.published(1)
    assert published == Published(written=2, kept=EPISODES - 1, removed=0)
    archive = changing.opened()
    assert archive.generation.manifest.id == second.manifest.id != first.manifest.id
    assert sources(archive) == {*ALWAYS, COMES_AND_GOES, "log"}
    assert "chapter 1" in said(archive, "chapter")
    assert "chapter 0" not in said(archive, "chapter")
    # What was live before is kept for those who read it still; what was live before that is not.
    assert changing.published(2)[1] == Published(written=1, kept=EPISODES - 1, removed=1)
    assert changing.published(3)[1].removed == 1
    rows = changing.store.everywhere(passages_collection(changing.store.address.name), "", ["episode"])
    assert len({row["episode"] for row in rows}) == len(ALWAYS) + 3


def test_the_same_again_writes_nothing(changing: Changing) -> None:
    generation, _ = changing.published(0)
    collections = sorted(changing.store.collections())
    assert publish_to(changing.store, generation, no_progress) == Published(0, EPISODES, 0)
    assert sorted(changing.store.collections()) == collections


def test_who_reads_a_generation_reads_it_on_while_the_next_one_comes(changing: Changing) -> None:
    changing.published(0)
    archive = changing.opened()
    changing.published(1)
    assert "chapter 0" in said(archive, "chapter")
    assert archive.catalog.text(0) == archive.catalog.text(0)


def test_a_reader_whose_rows_are_gone_says_so_and_gives_no_wrong_answer(changing: Changing) -> None:
    changing.published(0)
    archive = changing.opened()
    for state in (1, 2):
        changing.published(state)
    log = next(row for row in archive.catalog.episodes if row.source == "log.md")
    with pytest.raises(NotNow, match="gone"):
        archive.catalog.turns(log.number)
    with pytest.raises(NotNow, match="gone"):
        archive.catalog.passages_of(log.number)


def test_an_index_whose_name_begins_the_same_is_left_alone(changing: Changing, tmp_path: Path) -> None:
    other = Milvus(replace(changing.store.address, name=f"{changing.store.address.name}_2024"))
    beside = Changing(tmp_path / "beside", other, changing.embedder)
    beside.published(0)
    for state in (0, 1, 2, 3):
        changing.published(state)
    assert "chapter 0" in said(beside.opened(), "chapter")


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("after", [1, EPISODES])
def test_a_writer_that_is_stopped_changes_nothing_and_the_next_one_finishes(changing: Changing, after: int) -> None:
    first, _ = changing.published(0)
    store = changing.store

    def stop(stage: str, done: int, total: int) -> None:
        if done == min(after, 2):
            raise StoppedError

    with pytest.raises(StoppedError):
        changing.published(1, stop)
    assert StoredIndex(store).live() == first.manifest.id
    assert "chapter 0" in said(changing.opened(), "chapter")
    generation = changing.built(1)
    assert publish_to(store, generation, no_progress).written == 2
    assert StoredIndex(store).live() == generation.manifest.id
    assert "chapter 1" in said(changing.opened(), "chapter")


def test_what_a_stopped_run_left_and_nobody_needs_is_removed(changing: Changing) -> None:
    changing.published(0)

    def stop(stage: str, done: int, total: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        changing.published(1, stop)
    _, published = changing.published(0)
    assert (published.written, published.removed) == (0, 1)


def test_a_collection_of_another_model_is_refused(changing: Changing, tmp_path: Path) -> None:
    changing.published(0)
    with pytest.raises(IndexMismatch, match="were made by"):
        StoredIndex(changing.store).open(embedder=FakeEmbedder(dimension=16))
    other = Changing(tmp_path / "other", changing.store, FakeEmbedder(dimension=16))
    with pytest.raises(IndexMismatch, match="vectors of 32"):
        other.published(0)
    assert "chapter 0" in said(changing.opened(), "chapter")


def test_a_generation_that_is_not_whole_or_was_altered_is_refused(changing: Changing) -> None:
    changing.published(0)
    store = changing.store
    live = store.alias(store.address.name)
    assert live is not None
    store.put(live, [{"key": "report.json-00000000", "content": "e30="}])
    with pytest.raises(IndexBroken, match=r"report\.json: 2 bytes, not"):
        changing.opened()
    changing.published(1)
    live = store.alias(store.address.name)
    assert live is not None
    store.delete(live, 'key in ["archive.json-00000000"]')
    with pytest.raises(IndexBroken, match="not whole"):
        changing.opened()


def test_where_there_is_no_index_it_is_said_how_to_make_one(milvus: Server) -> None:
    with pytest.raises(IndexMissing, match="onrecord index"):
        StoredIndex(milvus.connected("nothing")).open(embedder=FakeEmbedder())


@pytest.mark.parametrize(
    "text",
    [
        *("", "localhost", "http://h:1/a", "milvus://h", "milvus://h/", "milvus://h/a-b", "milvus://h/a?b"),
        *("milvus://:1/a", "milvus://u:p@h:1/a", "milvus://h:port/a", f"milvus://h/{'a' * 200}"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ArchiveError, match="milvus://HOST:PORT/COLLECTION"):
        store_address(text)


def test_an_address_without_a_port_has_the_usual_one() -> None:
    assert str(store_address("milvus://localhost/talks")) == "milvus://localhost:19530/talks"
    assert connected("milvus://localhost/talks").address.name == "talks"


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + OVERLAP + 7])
def test_a_turn_of_any_length_comes_back_as_it_was(length: int) -> None:
    text = ("ä€𝄞 word " * (length // 8 + 1))[:length]
    marks = tuple(TimeMark(char, char / 10) for char in range(0, length + 1, 997))
    turn = Turn("Ada", text, section="One", marks=marks, end_s=12.5, flags=("shown",))
    rows = [json.loads(json.dumps(row)) for row in turn_rows("e" * 32, 3, 50, 0, turn)]
    assert read_turn(rows, ["Ada"]) == (50, 50 + length, turn)
    assert all(len(row["text"].encode()) <= LONGEST for row in rows)


def test_a_row_that_does_not_fit_is_refused_by_name() -> None:
    marks = tuple(TimeMark(char, char / 7) for char in range(PIECE))
    with pytest.raises(ArchiveError, match="content is longer"):
        list(turn_rows("e" * 32, 0, 0, 0, replace(Turn("Ada", "a" * PIECE), marks=marks)))


def test_a_very_long_turn_is_found_and_cited_exactly(changing: Changing, tmp_path: Path) -> None:
    from tests.indexer.making import LENA, OMAR, markdown, write

    long = " ".join(f"Sentence {number} is about stone and water." for number in range(900))
    talks = tmp_path / "talks"
    talks.mkdir()
    write(talks / "long.md", markdown((LENA, "What happened?"), (OMAR, long), title="Long"))
    outcome = build_index(
        [talks],
        tmp_path / "index",
        model=changing.embedder.fingerprint,
        load_embedder=lambda: changing.embedder,
        chunking=Chunking(max_tokens=60),
        strict=True,
        progress=no_progress,
    )
    assert outcome.generation is not None
    publish_to(changing.store, outcome.generation, no_progress)
    archive = changing.opened()
    text = archive.catalog.text(0)
    assert long in text
    for stored in archive.catalog.all_passages():
        assert text[stored.passage.char_start : stored.passage.char_end] == stored.passage.text
    rows = changing.store.everywhere(turns_collection(changing.store.address.name), "turn == 1", ["piece"])
    assert sorted(row["piece"] for row in rows) == list(range(-(-len(long) // PIECE)))
