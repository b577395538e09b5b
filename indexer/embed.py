"""The catalog's passages to vectors: those that an earlier run made where they are the same, new ones elsewhere.

While the model embeds one batch, the next one is read and the one before is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from embeddings.base import Embedder, PassageInput, PassageVectors, Vectors
from indexer.blocks import Block, Moved
from indexer.catalog import CatalogReader, StoredPassage
from indexer.passages import embedded_text
from indexer.progress import Progress
from indexer.report import Report
from indexer.rows import RowReader
from indexer.vectors import PASSAGES_FILE, QUESTIONS_FILE, SENTENCES_FILE, Engine, VectorReader, VectorWriter

_BATCH = 1024
_Item = TypeVar("_Item")
_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")


class KeptVectors:
    """The vectors in a folder, by key: all of them, or the first ones of a folder that is not finished."""

    def __init__(self, folder: Path, *, passages: int | None = None, questions: int | None = None) -> None:
        catalog = CatalogReader(folder)
        self._places = {key: at for key, at in catalog.vectors_by_key().items() if passages is None or at[0] < passages}
        self._questions = {
            key: number for key, number in catalog.question_keys().items() if questions is None or number < questions
        }
        catalog.close()
        self._passage_rows = RowReader(folder / PASSAGES_FILE)
        self._sentence_rows = RowReader(folder / SENTENCES_FILE)
        self._question_rows = RowReader(folder / QUESTIONS_FILE)

    def passage(self, key: str) -> PassageVectors | None:
        """A passage's vector and its sentences', if they are there."""
        if key not in self._places:
            return None
        number, first, count = self._places[key]
        vector = self._passage_rows.vectors(np.array([number], dtype=np.int64))[0]
        return PassageVectors(vector, self._sentence_rows.vectors(np.arange(first, first + count)))

    def question(self, key: str) -> Vectors | None:
        """A question's vector, if it is there."""
        number = self._questions.get(key)
        return None if number is None else self._question_rows.vectors(np.array([number], dtype=np.int64))[0]


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken over from an earlier generation as it is: runs of its rows, and its engine."""

    folder: Path
    blocks: Sequence[Block]
    engine: Engine


def embed_catalog(
    folder: Path,
    embedder: Embedder,
    taken: Taken | None,
    kept: Sequence[KeptVectors],
    report: Report,
    progress: Progress,
    made: Callable[[int, int], None],
) -> None:
    """Writes the vectors of all passages, sentences and questions of a folder's catalog beside it.

    Args:
        kept: where vectors of single passages may be found.
        made: told, from time to time, how many passages and questions, from the first on, have their vectors on disk.
    """
    catalog = CatalogReader(folder)
    vectors = VectorWriter(
        folder,
        dimension=embedder.fingerprint.dimension,
        passages=report.passages,
        sentences=report.sentences,
        questions=report.questions,
    )
    reader = VectorReader(taken.folder) if taken else None
    blocks = taken.blocks if taken else []
    for block in blocks:
        assert reader is not None
        vectors.take(block, reader)
        report.vectors_reused += block.passages.count
    _embed_passages(catalog, blocks, embedder, vectors, kept, report, progress, lambda done: made(done, 0))
    _embed_questions(
        catalog, blocks, embedder, vectors, kept, report, progress, lambda done: made(report.passages, done)
    )
    report.engine = asdict(vectors.close(reader, taken.engine if taken else None))
    catalog.close()


def _embed_passages(
    catalog: CatalogReader,
    blocks: Sequence[Block],
    embedder: Embedder,
    vectors: VectorWriter,
    kept: Sequence[KeptVectors],
    report: Report,
    progress: Progress,
    made: Callable[[int], None],
) -> None:
    def read() -> Iterator[tuple[tuple[list[StoredPassage], list[PassageVectors | None]], list[PassageInput]]]:
        for numbers in _new(report.passages, [block.passages for block in blocks]):
            batch = catalog.passages(numbers)
            known = [_first(one.passage(stored.vector_key) for one in kept) for stored in batch]
            yield (
                (batch, known),
                [
                    PassageInput(*embedded_text(stored.passage))
                    for stored, vector in zip(batch, known, strict=True)
                    if vector is None
                ],
            )

    done = sum(block.passages.count for block in blocks)
    progress("Embedding passages", done, report.passages)
    for (batch, known), found in _beside(embedder.embed_passages, read()):
        new = iter(found)
        rows = [vector or next(new) for vector in known]
        sentences = [np.arange(len(row.spans)) + stored.first_sentence for stored, row in zip(batch, rows, strict=True)]
        vectors.put(
            np.array([stored.number for stored in batch], dtype=np.int64),
            np.stack([row.vector for row in rows]),
            np.concatenate(sentences).astype(np.int64),
            np.concatenate([row.spans for row in rows]),
        )
        vectors.flush()
        report.vectors_made += len(found)
        report.vectors_reused += len(batch) - len(found)
        made(batch[-1].number + 1)
        done += len(batch)
        progress("Embedding passages", done, report.passages)
    progress("Embedding passages", report.passages, report.passages)


def _embed_questions(
    catalog: CatalogReader,
    blocks: Sequence[Block],
    embedder: Embedder,
    vectors: VectorWriter,
    kept: Sequence[KeptVectors],
    report: Report,
    progress: Progress,
    made: Callable[[int], None],
) -> None:
    def read() -> Iterator[tuple[tuple[list[int], list[Vectors | None]], list[str]]]:
        for numbers in _new(report.questions, [block.questions for block in blocks]):
            batch = catalog.questions(numbers)
            known = [_first(one.question(key) for one in kept) for key, _ in batch]
            yield (numbers, known), [text for (_, text), vector in zip(batch, known, strict=True) if vector is None]

    done = sum(block.questions.count for block in blocks)
    for (numbers, known), found in _beside(embedder.embed_queries, read()):
        new = iter(found)
        rows = [next(new) if vector is None else vector for vector in known]
        vectors.put_questions(np.array(numbers, dtype=np.int64), np.stack(rows))
        vectors.flush()
        made(numbers[-1] + 1)
        done += len(numbers)
        progress("Embedding questions", done, report.questions)
    progress("Embedding questions", report.questions, report.questions)


def _beside(
    embed: Callable[[list[_Asked]], _Found], batches: Iterator[tuple[_Item, list[_Asked]]]
) -> Iterator[tuple[_Item, _Found]]:
    """Each batch with what the model makes of it; the next one is read while the model is at work."""
    with ThreadPoolExecutor(1, "embedding") as model:
        running: tuple[_Item, Future[_Found]] | None = None
        for item, asked in batches:
            future = model.submit(embed, asked)
            if running:
                yield running[0], running[1].result()
            running = item, future
        if running:
            yield running[0], running[1].result()


def _new(total: int, taken: Sequence[Moved]) -> Iterator[list[int]]:
    """The numbers below `total` that were not taken over, in batches."""
    taken_over = np.zeros(total, dtype=np.bool_)
    for run in taken:
        taken_over[run.target] = True
    numbers = np.flatnonzero(~taken_over)
    for start in range(0, len(numbers), _BATCH):
        yield numbers[start : start + _BATCH].tolist()


def _first(found: Iterator[_Item | None]) -> _Item | None:
    return next((item for item in found if item is not None), None)
