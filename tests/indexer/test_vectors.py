from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer import vectors
from indexer.blocks import Block, Moved
from indexer.errors import IndexBroken
from indexer.rows import RowReader, RowWriter
from indexer.vectors import (
    ENOUGH_RECALL,
    EXACT_UP_TO,
    NEAREST_FILE,
    PASSAGES_FILE,
    QUESTIONS_FILE,
    SENTENCES_FILE,
    Engine,
    VectorReader,
    VectorWriter,
)

COUNT, DIMENSION = 67, 8


def unit_rows(count: int, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def put(writer: VectorWriter, rows: NDArray[np.float32], sentences: NDArray[np.float32], passages: slice) -> None:
    """Some passages and their sentences, as many to each as there are."""
    each = len(sentences) // len(rows) or 1
    of_passages = slice(passages.start * each, passages.stop * each)
    numbers, of_sentences = np.arange(len(rows))[passages], np.arange(len(sentences))[of_passages]
    writer.put(numbers, rows[passages], of_sentences, sentences[of_passages])


ROWS, SENTENCES, QUESTIONS = unit_rows(COUNT, 1), unit_rows(COUNT * 2, 2), unit_rows(4, 3)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> VectorReader:
    folder = tmp_path_factory.mktemp("vectors")
    writer = VectorWriter(folder, dimension=DIMENSION, passages=COUNT, sentences=len(SENTENCES), questions=4)
    for start in range(0, COUNT, 20):
        put(writer, ROWS, SENTENCES, slice(start, min(start + 20, COUNT)))
    writer.put_questions(np.array([3, 0]), QUESTIONS[[3, 0]])
    writer.put_questions(np.arange(1, 3), QUESTIONS[1:3])
    writer.close()
    return VectorReader(folder)


def brute_force(reader: VectorReader, query: NDArray[np.float32], limit: int, mask: NDArray[np.bool_]) -> list[int]:
    scores = np.where(mask, reader.passages.cosines(np.arange(COUNT), query), -np.inf)
    order: list[int] = np.argsort(-scores, kind="stable")[: min(limit, int(mask.sum()))].tolist()
    return order


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 80), st.lists(st.booleans(), min_size=COUNT, max_size=COUNT))
def test_the_nearest_under_a_mask_are_those_of_brute_force(
    reader: VectorReader, seed: int, limit: int, mask: list[bool]
) -> None:
    query, allowed = unit_rows(1, seed)[0], np.array(mask)
    assert reader.nearest(query, limit, allowed).tolist() == brute_force(reader, query, limit, allowed)


@pytest.mark.parametrize("only", range(0, COUNT, 11))
def test_a_mask_of_one_finds_that_one(reader: VectorReader, only: int) -> None:
    allowed = np.zeros(COUNT, dtype=np.bool_)
    allowed[only] = True
    assert reader.nearest(ROWS[0], 10, allowed).tolist() == [only]


def test_an_empty_mask_finds_nothing_and_no_mask_finds_all(reader: VectorReader) -> None:
    assert len(reader.nearest(ROWS[0], 10, np.zeros(COUNT, dtype=np.bool_))) == 0
    everything = reader.nearest(ROWS[0], COUNT + 5, None)
    assert everything.tolist() == brute_force(reader, ROWS[0], COUNT, np.ones(COUNT, dtype=np.bool_))
    assert everything[0] == 0


def test_no_limit_finds_nothing(reader: VectorReader) -> None:
    assert len(reader.nearest(ROWS[0], 0, None)) == 0


def test_vectors_come_back_by_number_within_the_stated_error(reader: VectorReader) -> None:
    assert len(reader) == COUNT
    numbers = np.array([5, 0, 66, 5])
    for rows, written in ((reader.passages, ROWS), (reader.sentences, SENTENCES)):
        np.testing.assert_allclose(rows.vectors(numbers), written[numbers], atol=0.005)
        np.testing.assert_allclose(rows.cosines(numbers, QUESTIONS[0]), written[numbers] @ QUESTIONS[0], atol=0.01)
    assert reader.passages.vectors(np.zeros(0, dtype=np.int64)).shape == (0, DIMENSION)
    np.testing.assert_allclose(reader.questions.vectors(np.arange(4)), QUESTIONS, atol=0.005)


def test_vectors_that_were_read_and_written_again_are_the_same_bytes(reader: VectorReader, tmp_path: Path) -> None:
    read = reader.sentences.vectors(np.arange(len(SENTENCES)))
    writer = RowWriter(tmp_path / "again.npy", len(SENTENCES), DIMENSION)
    writer.put(np.arange(len(read)), read)
    writer.close()
    assert RowReader(tmp_path / "again.npy").vectors(np.arange(len(SENTENCES))).tobytes() == read.tobytes()


def test_a_vector_of_zeros_stays_one(tmp_path: Path) -> None:
    writer = RowWriter(tmp_path / "zeros.npy", 1, DIMENSION)
    writer.put(np.arange(1), np.zeros((1, DIMENSION), dtype=np.float32))
    writer.close()
    assert not RowReader(tmp_path / "zeros.npy").vectors(np.array([0])).any()


@pytest.fixture(scope="module", params=["pq", "ivf-pq"])
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VectorReader:
    """More passages than are compared one by one, in clusters as those of texts are; in either engine for many."""
    folder = tmp_path_factory.mktemp("many")
    count, dimension = EXACT_UP_TO + 1000, 64
    chance = np.random.default_rng(4)
    centres = chance.standard_normal((60, dimension))
    scattered = centres[chance.integers(0, 60, count)] + 0.8 * chance.standard_normal((count, dimension))
    rows = (scattered / np.linalg.norm(scattered, axis=1, keepdims=True)).astype(np.float32)
    writer = VectorWriter(folder, dimension=dimension, passages=count, sentences=1, questions=0)
    writer.put(np.arange(count), rows, np.arange(1), rows[:1])
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "ivf-pq":
            patch.setattr(vectors, "WHOLE_UP_TO", EXACT_UP_TO)
        engine = writer.close()
    assert engine.name == request.param
    assert ENOUGH_RECALL <= engine.recall_at_100 <= 1
    return VectorReader(folder)


@pytest.mark.parametrize("share", [0.0005, 0.02, 0.3, 1.0])
def test_of_many_passages_the_nearest_are_found_under_any_filter(many: VectorReader, share: float) -> None:
    chance = np.random.default_rng(5)
    rows = many.passages.vectors(np.arange(len(many)))
    allowed = chance.random(len(many)) < share
    missed = wanted = 0
    for query in rows[chance.integers(0, len(many), 20)]:
        found = many.nearest(query, 50, allowed)
        assert allowed[found].all()
        assert len(found) == min(50, allowed.sum())
        assert len(set(found.tolist())) == len(found)
        right = np.argsort(-np.where(allowed, rows @ query, -2))[: len(found)]
        missed += len(set(right.tolist()) - set(found.tolist()))
        wanted += len(found)
    assert missed <= wanted * 0.02


@pytest.mark.parametrize(("sentences", "questions", "message"), [(3, 1, "2 vectors"), (2, 2, "1 vectors")])
def test_too_few_vectors_are_never_saved(sentences: int, questions: int, message: str, tmp_path: Path) -> None:
    writer = VectorWriter(tmp_path, dimension=DIMENSION, passages=1, sentences=sentences, questions=questions)
    put(writer, ROWS[:1], SENTENCES[:2], slice(0, 1))
    writer.put_questions(np.arange(1), QUESTIONS[:1])
    with pytest.raises(IndexBroken, match=rf"^{message} were written, not {max(sentences, questions)}\.$"):
        writer.close()


def test_an_archive_without_questions_has_none(tmp_path: Path) -> None:
    writer = VectorWriter(tmp_path, dimension=DIMENSION, passages=1, sentences=1, questions=0)
    put(writer, ROWS[:1], SENTENCES[:1], slice(0, 1))
    writer.close()
    assert len(VectorReader(tmp_path)) == 1


@pytest.mark.parametrize("name", [NEAREST_FILE, PASSAGES_FILE, SENTENCES_FILE, QUESTIONS_FILE])
@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 40])
def test_a_file_that_is_missing_or_nonsense_is_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    writer = VectorWriter(tmp_path, dimension=DIMENSION, passages=1, sentences=2, questions=0)
    put(writer, ROWS[:1], SENTENCES[:2], slice(0, 1))
    writer.close()
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(IndexBroken, match=name):
        VectorReader(tmp_path)


def test_a_quantiser_serves_until_a_quarter_of_the_passages_came_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "EXACT_UP_TO", 100)
    rows = unit_rows(1400, 7)

    def build(name: str, count: int, kept: str | None, taken: int, engine: Engine | None) -> Engine:
        folder = tmp_path / name
        folder.mkdir()
        writer = VectorWriter(folder, dimension=DIMENSION, passages=count, sentences=count, questions=0)
        reader = VectorReader(tmp_path / kept) if kept else None
        if reader:
            run, none = Moved(0, 0, taken), Moved(0, 0, 0)
            writer.take(Block(run, run, run, run, none), reader)
        new = np.arange(taken, count)
        writer.put(new, rows[new], new, rows[new])
        return writer.close(reader, engine)

    first = build("first", 1000, None, 0, None)
    second = build("second", 1150, "first", 1000, first)
    assert (first.name, first.added, second.added) == ("pq", 0, 150)
    assert second.recall_at_100 == first.recall_at_100
    for number in range(0, 1150, 50):
        assert VectorReader(tmp_path / "second").nearest(rows[number], 50, None)[0] == number
    assert build("third", 1400, "second", 1150, second).added == 0
