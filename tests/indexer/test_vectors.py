from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.errors import IndexBroken
from indexer.vectors import PASSAGES_FILE, QUESTIONS_FILE, SENTENCES_FILE, VectorReader, VectorWriter

COUNT, DIMENSION = 67, 8


def unit_rows(count: int, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


ROWS, SENTENCES, QUESTIONS = unit_rows(COUNT, 1), unit_rows(COUNT * 2, 2), unit_rows(4, 3)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> VectorReader:
    folder = tmp_path_factory.mktemp("vectors")
    writer = VectorWriter(folder, dimension=DIMENSION, sentences=len(SENTENCES), questions=4)
    for start in range(0, COUNT, 20):
        writer.add(ROWS[start : start + 20], SENTENCES[2 * start : 2 * (start + 20)])
    writer.add_questions(QUESTIONS[:3])
    writer.add_questions(QUESTIONS[3:])
    writer.close()
    return VectorReader(folder)


def brute_force(query: NDArray[np.float32], limit: int, mask: NDArray[np.bool_]) -> list[int]:
    scores = np.where(mask, ROWS @ query, -np.inf)
    order: list[int] = np.argsort(-scores, kind="stable")[: min(limit, int(mask.sum()))].tolist()
    return order


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 80), st.lists(st.booleans(), min_size=COUNT, max_size=COUNT))
def test_the_nearest_under_a_mask_are_those_of_brute_force(
    reader: VectorReader, seed: int, limit: int, mask: list[bool]
) -> None:
    query, allowed = unit_rows(1, seed)[0], np.array(mask)
    numbers, scores = reader.nearest(query, limit, allowed)
    assert numbers.tolist() == brute_force(query, limit, allowed)
    np.testing.assert_allclose(scores, ROWS[numbers] @ query, atol=1e-6)


@pytest.mark.parametrize("only", range(0, COUNT, 11))
def test_a_mask_of_one_finds_that_one(reader: VectorReader, only: int) -> None:
    allowed = np.zeros(COUNT, dtype=np.bool_)
    allowed[only] = True
    numbers, scores = reader.nearest(ROWS[0], 10, allowed)
    assert (numbers.tolist(), len(scores)) == ([only], 1)


def test_an_empty_mask_finds_nothing_and_no_mask_finds_all(reader: VectorReader) -> None:
    nothing, scores = reader.nearest(ROWS[0], 10, np.zeros(COUNT, dtype=np.bool_))
    assert len(nothing) == len(scores) == 0
    everything, _ = reader.nearest(ROWS[0], COUNT + 5, None)
    assert everything.tolist() == brute_force(ROWS[0], COUNT, np.ones(COUNT, dtype=np.bool_))
    assert everything[0] == 0


def test_no_limit_finds_nothing(reader: VectorReader) -> None:
    assert len(reader.nearest(ROWS[0], 0, None)[0]) == 0


def test_vectors_come_back_exactly(reader: VectorReader) -> None:
    assert len(reader) == COUNT
    np.testing.assert_array_equal(reader.passages(np.array([5, 0, 66, 5])), ROWS[[5, 0, 66, 5]])
    assert reader.passages(np.zeros(0, dtype=np.int64)).shape == (0, DIMENSION)
    np.testing.assert_array_equal(reader.sentences, SENTENCES.astype(np.float16))
    np.testing.assert_array_equal(reader.questions, QUESTIONS.astype(np.float16))


@pytest.mark.parametrize(("sentences", "questions", "message"), [(3, 1, "2 vectors"), (2, 2, "1 vectors")])
def test_too_few_vectors_are_never_saved(sentences: int, questions: int, message: str, tmp_path: Path) -> None:
    writer = VectorWriter(tmp_path, dimension=DIMENSION, sentences=sentences, questions=questions)
    writer.add(ROWS[:1], SENTENCES[:2])
    writer.add_questions(QUESTIONS[:1])
    with pytest.raises(IndexBroken, match=rf"^{message} were written, not {max(sentences, questions)}\.$"):
        writer.close()


def test_an_archive_without_questions_has_none(tmp_path: Path) -> None:
    writer = VectorWriter(tmp_path, dimension=DIMENSION, sentences=1, questions=0)
    writer.add(ROWS[:1], SENTENCES[:1])
    writer.close()
    assert len(VectorReader(tmp_path)) == 1


@pytest.mark.parametrize("name", [PASSAGES_FILE, SENTENCES_FILE, QUESTIONS_FILE])
@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 40])
def test_a_file_that_is_missing_or_nonsense_is_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    writer = VectorWriter(tmp_path, dimension=DIMENSION, sentences=2, questions=0)
    writer.add(ROWS[:1], SENTENCES[:2])
    writer.close()
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(IndexBroken, match=name):
        VectorReader(tmp_path)
