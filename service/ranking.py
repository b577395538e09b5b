"""The order of passages for a query.

Candidates are the passages nearest in meaning and those that match most words, both under the filters. Each gets every
signal, and the score is their weighted mean:

- `passage`: cosine of the query and the passage read with its title, section and speaker;
- `sentence`: mean cosine of the query and the passage's two best sentences; the best one is the quote;
- `question`: cosine of the query and the interviewer's question that the passage replies to;
- `neighbour`: the better `passage` signal of the two passages around it, for a thought goes on beyond one;
- `lexical`: the share of the query's words that the passage matches (BM25 over its own upper bound);
- `answer`: 1 for a guest's words, 0 for those of the guest's host, 1/2 where neither is known: people look for answers,
  and questions resemble questions.

Scores lie between 0 and 1, mean the same from query to query, and fall down the ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from service.archive import Archive

CANDIDATES = 300


class Mode(StrEnum):
    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


_DENSE = {"passage": 0.15, "sentence": 0.45, "question": 0.1, "neighbour": 0.1, "answer": 0.15}

# Fitted on the tuning half of a set of labelled questions; `make bench-quality` measures the other half, and
# docs/ranking.md says how, and what else was tried.
WEIGHTS: Mapping[Mode, Mapping[str, float]] = {
    Mode.HYBRID: {**_DENSE, "lexical": 0.25},
    Mode.DENSE: {**_DENSE, "lexical": 0.0},
    Mode.LEXICAL: {**dict.fromkeys(_DENSE, 0.0), "lexical": 1.0},
}


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates, best first: numbers, scores, best sentences (row in the sentence vectors), signals."""

    numbers: NDArray[np.int64]
    scores: NDArray[np.float32]
    sentences: NDArray[np.int64]
    signals: Mapping[str, NDArray[np.float32]]


def rank(
    words: str,
    vector: NDArray[np.float32],
    mask: NDArray[np.bool_],
    depth: int,
    archive: Archive,
    weights: Mapping[str, float],
) -> Ranking:
    """The best of the passages that a mask lets through.

    Args:
        words: the query's text, for its words.
        vector: the query's vector, shape (dimension,).
        mask: bool, shape (passages,).
        depth: how many candidates to take from each side.
        weights: one for each signal; a side without any weight gives no candidates.
    """
    terms = archive.lexical.terms(words)
    everything = None if mask.all() else mask
    found: set[int] = set()
    if any(weight for name, weight in weights.items() if name != "lexical"):
        found |= set(archive.vectors.nearest(vector, depth, everything)[0].tolist())
    matched: dict[int, float] = {}
    if weights["lexical"]:
        matched = archive.lexical.best(terms, depth, everything)
        found |= matched.keys()
    numbers = np.array(sorted(found), dtype=np.int64)
    missing = _members([number for number in found if number not in matched], archive.passages)
    if matched and missing.any():
        matched |= archive.lexical.best(terms, int(missing.sum()), missing)
    sentence, best = _best_sentences(vector, numbers, archive)
    signals = {
        "passage": archive.vectors.passages(numbers) @ vector,
        "sentence": sentence,
        "question": _questions(vector, numbers, archive),
        "neighbour": _neighbours(vector, numbers, archive),
        "answer": archive.answering[archive.columns.voice[numbers]],
        "lexical": np.array([matched.get(int(number), 0.0) for number in numbers], dtype=np.float32),
    }
    total = sum(weights.values())
    scores = sum(
        (np.clip(values, 0, 1) * np.float32(weights[name] / total) for name, values in signals.items()),
        start=np.zeros(len(numbers), dtype=np.float32),
    )
    order = np.lexsort((numbers, -scores))
    return Ranking(
        numbers[order], scores[order], best[order], {name: values[order] for name, values in signals.items()}
    )


def _best_sentences(
    vector: NDArray[np.float32], numbers: NDArray[np.int64], archive: Archive
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """For each passage the mean cosine of its two best sentences, and the number of the best one."""
    first = archive.columns.first_sentence
    if len(numbers) == 0:
        return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
    counts = first[numbers + 1] - first[numbers]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    rows = np.concatenate(
        [np.arange(start, end) for start, end in zip(first[numbers], first[numbers + 1], strict=True)]
    )
    cosines = archive.vectors.sentences[rows].astype(np.float32) @ vector
    means = np.zeros(len(numbers), dtype=np.float32)
    best = np.zeros(len(numbers), dtype=np.int64)
    for i, (start, end) in enumerate(pairwise(offsets)):
        order = np.argsort(-cosines[start:end])[:2]
        means[i] = cosines[start + order].mean()
        best[i] = rows[start + order[0]]
    return means, best


def _questions(vector: NDArray[np.float32], numbers: NDArray[np.int64], archive: Archive) -> NDArray[np.float32]:
    """The cosine of the query and each passage's question; 0 for a passage that replies to none."""
    asked = archive.columns.question[numbers]
    rows, place = np.unique(asked, return_inverse=True)
    cosines = archive.vectors.questions[np.maximum(rows, 0)].astype(np.float32) @ vector
    found: NDArray[np.float32] = np.where(asked < 0, np.float32(0), cosines[place])
    return found


def _neighbours(vector: NDArray[np.float32], numbers: NDArray[np.int64], archive: Archive) -> NDArray[np.float32]:
    """The better cosine of the passages before and after each in its episode; 0 where there are none."""
    episode = archive.columns.episode
    beside = np.stack([numbers - 1, numbers + 1])
    inside = (beside >= 0) & (beside < archive.passages)
    inside &= episode[np.clip(beside, 0, archive.passages - 1)] == episode[numbers]
    rows, place = np.unique(np.where(inside, beside, 0), return_inverse=True)
    cosines = (archive.vectors.passages(rows) @ vector)[place.reshape(beside.shape)]
    found: NDArray[np.float32] = np.where(inside, cosines, np.float32(0)).max(axis=0, initial=0)
    return found


def _members(numbers: Sequence[int], size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=np.bool_)
    mask[list(numbers)] = True
    return mask
