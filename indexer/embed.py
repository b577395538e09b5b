"""The catalog's passages to vectors: those that an earlier run made where they are the same, new ones elsewhere.

While the model embeds one batch, the next one is read and the one before is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from embeddings.base import Embedder, PassageInput, PassageVectors, Vectors
from indexer.ahead import made_ahead
from indexer.blocks import Block, Moved
from indexer.catalog import CatalogReader, StoredPassage
from indexer.passages import embedded_text
from indexer.progress import Progress
from indexer.report import Report
from indexer.rows import RowReader
from indexer.vectors import PASSAGES_FILE, QUESTIONS_FILE, SENTENCES_FILE, Engine, VectorReader, VectorWriter

_BATCH = 1024


class VectorsByKey(Protocol):
    """Vectors that need not be made."""

    def passages(self, keys: Sequence[str]) -> dict[str, PassageVectors]:
        """Of those keys that are there, the passage's vector and its sentences'."""
        ...

    def questions(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """Of those keys that are there, the question's vector."""
        ...

    def close(self) -> None: ...


class KeptVectors:
    """The vectors in a folder, by key: of all that it holds, or of the first ones where it is not finished."""

    def __init__(self, folder: Path, *, passages: int | None = None, questions: int | None = None) -> None:
        self._catalog = CatalogReader(folder)
        self._passages, self._questions = passages, questions
        self._passage_rows = RowReader(folder / PASSAGES_FILE)
        self._sentence_rows = RowReader(folder / SENTENCES_FILE)
        self._question_rows = RowReader(folder / QUESTIONS_FILE)

    def close(self) -> None:
        self._catalog.close()

    def passages(self, keys: Sequence[str]) -> dict[str, PassageVectors]:
        """Of those keys that are there, the passage's vector and its sentences'."""
        found = {}
        for key, (number, first, count) in self._catalog.vectors_by_key(keys).items():
            if self._passages is None or number < self._passages:
                vector = self._passage_rows.vectors(np.array([number], dtype=np.int64))[0]
                found[key] = PassageVectors(vector, self._sentence_rows.vectors(np.arange(first, first + count)))
        return found

    def questions(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """Of those keys that are there, the question's vector."""
        return {
            key: self._question_rows.vectors(np.array([number], dtype=np.int64))[0]
            for key, number in self._catalog.questions_by_key(keys).items()
            if self._questions is None or number < self._questions
        }


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
    kept: Sequence[VectorsByKey],
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

    def take() -> None:
        for block in blocks:
            assert reader is not None
            vectors.take(block, reader)
            report.vectors_reused += block.passages.count

    _embed_passages(catalog, blocks, embedder, vectors, kept, report, progress, lambda done: made(done, 0), take)
    _embed_questions(
        catalog, blocks, embedder, vectors, kept, report, progress, lambda done: made(report.passages, done)
    )
    report.engine = asdict(vectors.close(reader, taken.engine if taken else None))
    catalog.close()
    for one in kept:
        one.close()


def _embed_passages(
    catalog: CatalogReader,
    blocks: Sequence[Block],
    embedder: Embedder,
    vectors: VectorWriter,
    kept: Sequence[VectorsByKey],
    report: Report,
    progress: Progress,
    made: Callable[[int], None],
    take: Callable[[], None],
) -> None:
    """
    Args:
        take: copies what is taken over, which is done while the model embeds the first batch.
    """

    def read() -> Iterator[tuple[tuple[list[StoredPassage], dict[str, PassageVectors]], list[PassageInput]]]:
        is_taken = False
        for numbers in _new(report.passages, [block.passages for block in blocks]):
            batch = catalog.passages(numbers)
            known: dict[str, PassageVectors] = {}
            for one in kept:
                known |= one.passages([stored.vector_key for stored in batch if stored.vector_key not in known])
            fresh = [stored.passage for stored in batch if stored.vector_key not in known]
            yield (batch, known), [PassageInput(*embedded_text(passage)) for passage in fresh]
            if not is_taken:
                take()
                is_taken = True
        if not is_taken:
            take()

    done = sum(block.passages.count for block in blocks)
    progress("Embedding passages", done, report.passages)
    for (batch, known), found in made_ahead(embedder.embed_passages, read()):
        new = iter(found)
        rows = [known.get(stored.vector_key) or next(new) for stored in batch]
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
    kept: Sequence[VectorsByKey],
    report: Report,
    progress: Progress,
    made: Callable[[int], None],
) -> None:
    def read() -> Iterator[tuple[tuple[list[int], list[Vectors | None]], list[str]]]:
        for numbers in _new(report.questions, [block.questions for block in blocks]):
            batch = catalog.questions(numbers)
            known: dict[str, Vectors] = {}
            for one in kept:
                known |= one.questions([key for key, _ in batch if key not in known])
            yield (numbers, [known.get(key) for key, _ in batch]), [text for key, text in batch if key not in known]

    done = sum(block.questions.count for block in blocks)
    for (numbers, known), found in made_ahead(embedder.embed_queries, read()):
        new = iter(found)
        rows = [next(new) if vector is None else vector for vector in known]
        vectors.put_questions(np.array(numbers, dtype=np.int64), np.stack(rows))
        vectors.flush()
        made(numbers[-1] + 1)
        done += len(numbers)
        progress("Embedding questions", done, report.questions)
    progress("Embedding questions", report.questions, report.questions)


def _new(total: int, taken: Sequence[Moved]) -> Iterator[list[int]]:
    """The numbers below `total` that were not taken over, in batches."""
    taken_over = np.zeros(total, dtype=np.bool_)
    for run in taken:
        taken_over[run.target] = True
    numbers = np.flatnonzero(~taken_over)
    for start in range(0, len(numbers), _BATCH):
        yield numbers[start : start + _BATCH].tolist()
