"""The catalog's passages to vectors: those that an earlier run made where they are the same, new ones elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from embeddings.base import Embedder, PassageInput, PassageVectors, Vectors
from indexer.catalog import CatalogReader
from indexer.passages import embedded_text
from indexer.progress import Progress
from indexer.report import Report
from indexer.rows import RowReader
from indexer.vectors import PASSAGES_FILE, QUESTIONS_FILE, SENTENCES_FILE, VectorWriter

_BATCH = 1024
_Item = TypeVar("_Item")


class KeptVectors:
    """The vectors in a folder, by key: all of them, or the first ones of a folder that is not finished."""

    def __init__(self, folder: Path, *, passages: int | None = None, questions: int | None = None) -> None:
        catalog = CatalogReader(folder)
        self._places = {key: at for key, at in catalog.vectors_by_key().items() if passages is None or at[0] < passages}
        self._questions = {key: number for number, (key, _) in enumerate(islice(catalog.questions(), questions))}
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


def embed_catalog(
    folder: Path,
    embedder: Embedder,
    kept: list[KeptVectors],
    report: Report,
    progress: Progress,
    made: Callable[[int, int], None],
) -> None:
    """Writes the vectors of all passages, sentences and questions of a folder's catalog beside it.

    Args:
        made: told, from time to time, how many passages and questions have their vectors on disk.
    """
    catalog = CatalogReader(folder)
    vectors = VectorWriter(
        folder,
        dimension=embedder.fingerprint.dimension,
        passages=report.passages,
        sentences=report.sentences,
        questions=report.questions,
    )
    done = 0
    for batch in _reported("Embedding passages", catalog.all_passages(), report.passages, progress):
        texts = [embedded_text(stored.passage) for stored in batch]
        lengths = embedder.count_tokens([text for text, _ in texts])
        report.count_tokens([length + embedder.passage_overhead for length in lengths])
        known = [_first(one.passage(stored.vector_key) for one in kept) for stored in batch]
        fresh = [PassageInput(*text) for text, vector in zip(texts, known, strict=True) if vector is None]
        new = iter(embedder.embed_passages(fresh))
        rows = [vector or next(new) for vector in known]
        vectors.add(np.stack([row.vector for row in rows]), np.concatenate([row.spans for row in rows]))
        report.vectors_made += len(fresh)
        report.vectors_reused += len(batch) - len(fresh)
        done += len(batch)
        made(done, 0)
    asked = 0
    for questions in _reported("Embedding questions", catalog.questions(), report.questions, progress):
        before = [_first(one.question(key) for one in kept) for key, _ in questions]
        unknown = [text for (_, text), vector in zip(questions, before, strict=True) if vector is None]
        embedded = iter(embedder.embed_queries(unknown) if unknown else ())
        vectors.add_questions(np.stack([next(embedded) if vector is None else vector for vector in before]))
        asked += len(questions)
        made(done, asked)
    report.engine = asdict(vectors.close())
    catalog.close()


def _first(found: Iterator[_Item | None]) -> _Item | None:
    return next((item for item in found if item is not None), None)


def _reported(stage: str, items: Iterator[_Item], total: int, progress: Progress) -> Iterator[list[_Item]]:
    done = 0
    for batch in _batches(items, _BATCH):
        progress(stage, done, total)
        yield batch
        done += len(batch)
    progress(stage, done, total)


def _batches(items: Iterator[_Item], size: int) -> Iterator[list[_Item]]:
    while batch := list(islice(items, size)):
        yield batch
