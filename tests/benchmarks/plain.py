"""What plain tools do over the same texts: nearest vectors, best words, and both joined by rank fusion."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.base import Embedder, PassageInput, Vectors
from indexer.progress import Progress
from indexer.store import Lexical
from indexer.vectors import VectorReader
from service.archive import Archive
from service.evaluate import DEPTH, Judged, Question

PLAIN = ("dense", "BM25", "RRF")
_DEPTH = 300
_FUSION_K = 60
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Units:
    """What is ranked, by number. `vectors`: shape (units, dimension). `tokens`: how long each text is to read."""

    texts: Sequence[str]
    tokens: Sequence[int]
    vectors: Vectors
    lexical: Lexical


def units_of(archive: Archive) -> Units:
    """The passages of an archive, with the vectors and words that it has of them."""
    texts = archive.catalog.texts(range(archive.passages))
    vectors = VectorReader(archive.generation.folder).passages.vectors(np.arange(archive.passages))
    return Units(texts, archive.embedder.count_tokens(texts), vectors, archive.lexical)


def rankings(query: str, vector: Vectors, allowed: NDArray[np.bool_], units: Units) -> dict[str, list[int]]:
    """The units that are allowed, best first, one ranking for each of `PLAIN`."""
    dense = nearest(vector, allowed, units.vectors)
    words = [int(n) for n in units.lexical.matched(units.lexical.terms(query)).best(_DEPTH, allowed)]
    return {"dense": dense, "BM25": words, "RRF": fused([dense, words])}


def nearest(vector: Vectors, allowed: NDArray[np.bool_], vectors: Vectors) -> list[int]:
    """The rows nearest to a vector, best first."""
    numbers = np.flatnonzero(allowed)
    order = np.argsort(-(vectors[numbers] @ vector), kind="stable")[:_DEPTH]
    return [int(number) for number in numbers[order]]


def fused(orders: Sequence[Sequence[int]]) -> list[int]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009).

    >>> fused([[1, 2, 3], [3, 4]])
    [3, 1, 2, 4]
    """
    scores: dict[int, float] = defaultdict(float)
    for order in orders:
        for place, number in enumerate(order, 1):
            scores[number] += 1 / (_FUSION_K + place)
    return sorted(scores, key=lambda number: -scores[number])


def judged(question: Question, order: Sequence[int], right: set[int], units: Units) -> Judged:
    """Where the first right unit stands, as `service.evaluate` counts."""
    read = 0
    for rank, number in enumerate(order[:DEPTH], 1):
        read += units.tokens[number]
        if number in right:
            return Judged(question, rank, read)
    return Judged(question, None, None)


def judge_plain(
    questions: Sequence[Question],
    vectors: Vectors,
    allowed: Sequence[NDArray[np.bool_]],
    right: Sequence[set[int]],
    units: Units,
) -> Mapping[str, list[Judged]]:
    """Every plain ranking of every question. All sequences are in the questions' order."""
    found: dict[str, list[Judged]] = {name: [] for name in PLAIN}
    for question, vector, mask, answers in zip(questions, vectors, allowed, right, strict=True):
        for name, order in rankings(question.query, vector, mask, units).items():
            found[name].append(judged(question, order, answers, units))
    return found


def embed_cached(name: str, texts: Sequence[str], embedder: Embedder, folder: Path, progress: Progress) -> Vectors:
    """Vectors of texts; what an earlier run embedded under this name is read back."""
    keys = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{embedder.fingerprint.weights[:12]}"
    keys_path, vectors_path = path.with_suffix(".keys.npy"), path.with_suffix(".npy")
    known: dict[str, Vectors] = {}
    if keys_path.exists() and vectors_path.exists():
        old = np.load(keys_path, allow_pickle=False).tolist()
        known = dict(zip(old, np.load(vectors_path, allow_pickle=False), strict=True))
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    for batch in _batches(f"Embedding {name}", list(missing.items()), progress):
        made = embedder.embed_passages([PassageInput(text, ()) for _, text in batch])
        known |= {key: vectors.vector for (key, _), vectors in zip(batch, made, strict=True)}
    vectors = np.stack([known[key] for key in keys])
    if missing:
        np.save(vectors_path, vectors)
        np.save(keys_path, np.array(keys))
    return vectors


def _batches(stage: str, items: Sequence[tuple[str, str]], progress: Progress) -> Iterator[Sequence[tuple[str, str]]]:
    for start in range(0, len(items), _BATCH):
        progress(stage, start, len(items))
        yield items[start : start + _BATCH]
    progress(stage, len(items), len(items))
