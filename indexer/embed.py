"""The catalog's passages to vectors: those of the live generation where they are the same, new ones elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from embeddings.base import Embedder, Fingerprint, PassageInput, PassageVectors, Vectors
from indexer.catalog import CatalogReader
from indexer.generations import Generation
from indexer.passages import embedded_text
from indexer.progress import Progress
from indexer.report import Report
from indexer.vectors import VectorReader, VectorWriter

_BATCH = 512
_Item = TypeVar("_Item")


class PreviousVectors:
    """The vectors of a generation, by key. Without a generation, or with one of another model, there are none."""

    def __init__(self, generation: Generation | None, model: Fingerprint) -> None:
        self._passages: dict[str, tuple[int, int, int]] = {}
        self._questions: dict[str, int] = {}
        if generation and Fingerprint(**generation.manifest.model).comparable_with(model):
            catalog = CatalogReader(generation.folder)
            self._passages = catalog.vectors_by_key()
            self._questions = {key: number for number, (key, _) in enumerate(catalog.questions())}
            catalog.close()
            self._vectors = VectorReader(generation.folder)

    def passage(self, key: str) -> PassageVectors | None:
        """A passage's vector and its sentences', if they are there."""
        if key not in self._passages:
            return None
        number, first, count = self._passages[key]
        vector = self._vectors.passages.vectors(np.array([number], dtype=np.int64))[0]
        return PassageVectors(vector, self._vectors.sentences.vectors(np.arange(first, first + count)))

    def question(self, key: str) -> Vectors | None:
        """A question's vector, if it is there."""
        number = self._questions.get(key)
        return None if number is None else self._vectors.questions.vectors(np.array([number], dtype=np.int64))[0]


def embed_catalog(
    folder: Path, embedder: Embedder, previous: PreviousVectors, report: Report, progress: Progress
) -> None:
    """Writes the vectors of all passages, sentences and questions of a folder's catalog beside it."""
    catalog = CatalogReader(folder)
    vectors = VectorWriter(
        folder,
        dimension=embedder.fingerprint.dimension,
        passages=report.passages,
        sentences=report.sentences,
        questions=report.questions,
    )
    for batch in _reported("Embedding passages", catalog.all_passages(), report.passages, progress):
        texts = [embedded_text(stored.passage) for stored in batch]
        lengths = embedder.count_tokens([text for text, _ in texts])
        report.count_tokens([length + embedder.passage_overhead for length in lengths])
        known = [previous.passage(stored.vector_key) for stored in batch]
        fresh = [PassageInput(*text) for text, vector in zip(texts, known, strict=True) if vector is None]
        made = iter(embedder.embed_passages(fresh))
        rows = [vector or next(made) for vector in known]
        vectors.add(np.stack([row.vector for row in rows]), np.concatenate([row.spans for row in rows]))
        report.vectors_made += len(fresh)
        report.vectors_reused += len(batch) - len(fresh)
    for asked in _reported("Embedding questions", catalog.questions(), report.questions, progress):
        before = [previous.question(key) for key, _ in asked]
        new = [text for (_, text), vector in zip(asked, before, strict=True) if vector is None]
        embedded = iter(embedder.embed_queries(new) if new else ())
        vectors.add_questions(np.stack([next(embedded) if vector is None else vector for vector in before]))
    report.engine = asdict(vectors.close())
    catalog.close()


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
