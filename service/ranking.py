"""The order of passages for a query.

Candidates are the passages nearest in meaning and those that match most words, both under the filters. Each gets every
signal, and the score is their weighted mean:

- `passage`: cosine of the query and the passage read with its title, section and speaker;
- `sentence`: mean cosine of the query and the passage's two best sentences; the best one is the quote;
- `question`: cosine of the query and the interviewer's question that the passage replies to;
- `lexical`: the share of the query's words that the passage holds (BM25 over its own upper bound);
- `around`: the same, where a word may as well stand in the passage before or after, in the question or in the header;
- `phrase`: how much of the query's pairs of neighbouring words the passage holds side by side;
- `answer`: 1 for a guest's words, 0 for those of the guest's host, 1/2 where neither is known: people look for answers,
  and questions resemble questions.

Scores lie between 0 and 1, mean the same from query to query, and fall down the ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from service.archive import Archive

CANDIDATES = 150


class Mode(StrEnum):
    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


_DENSE = {"passage": 0.15, "sentence": 0.55, "question": 0.1, "answer": 0.2}
_WORDS = {"lexical": 0.0, "around": 0.0, "phrase": 0.0}

# Fitted on the tuning half of a set of labelled questions; `make bench-quality` measures the other half, and
# docs/ranking.md says how, and what else was tried.
WEIGHTS: Mapping[Mode, Mapping[str, float]] = {
    Mode.HYBRID: {**_DENSE, "lexical": 0.0, "around": 0.45, "phrase": 0.1},
    Mode.DENSE: {**_DENSE, **_WORDS},
    Mode.LEXICAL: {**dict.fromkeys(_DENSE, 0.0), **_WORDS, "lexical": 1.0},
}


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates, best first: numbers, scores, best sentences (row in the sentence vectors), signals."""

    numbers: NDArray[np.int64]
    scores: NDArray[np.float32]
    sentences: NDArray[np.int64]
    signals: Mapping[str, NDArray[np.float32]]

    def taken(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> Ranking:
        """Some of it, in the order of the places."""
        signals = {name: values[places] for name, values in self.signals.items()}
        return Ranking(self.numbers[places], self.scores[places], self.sentences[places], signals)


def rank(
    terms: Sequence[str],
    vector: NDArray[np.float32],
    pools: Sequence[tuple[NDArray[np.bool_], int]],
    archive: Archive,
    weights: Mapping[str, float],
) -> Ranking:
    """The best passages of some pools, in one order.

    Args:
        terms: the query's words, as the lexical index knows them, in order.
        vector: the query's vector, shape (dimension,).
        pools: masks of shape (passages,), and how many candidates to take of each from either side.
        weights: one for each signal; a side without any weight gives no candidates.
    """
    words = archive.lexical.matched(terms)
    found = [np.zeros(0, dtype=np.int64)]
    if any(weights[name] for name in _DENSE):
        found += _nearest(vector, pools, archive)
    if any(weights[name] for name in _WORDS):
        found += words.best_of_each(pools)
    numbers = np.unique(np.concatenate(found))
    sentence, best_sentence = _best_sentences(vector, numbers, archive)
    signals = {
        "passage": archive.vectors.passages.cosines(numbers, vector),
        "sentence": sentence,
        "question": _questions(vector, numbers, archive),
        "lexical": words.shares(numbers),
        "around": words.around(numbers),
        "phrase": words.phrases(numbers),
        "answer": archive.answering[archive.columns.voice[numbers]],
    }
    total = sum(weights.values())
    scores = sum(
        (np.clip(values, 0, 1) * np.float32(weights[name] / total) for name, values in signals.items()),
        start=np.zeros(len(numbers), dtype=np.float32),
    )
    return Ranking(numbers, scores, best_sentence, signals).taken(np.lexsort((numbers, -scores)))


def _nearest(
    vector: NDArray[np.float32], pools: Sequence[tuple[NDArray[np.bool_], int]], archive: Archive
) -> list[NDArray[np.int64]]:
    """The nearest of each pool, out of the nearest of all; of the first pool alone where these are too few."""
    together = np.logical_or.reduce([mask for mask, _ in pools])
    wanted = sum(depth for _, depth in pools) * 5 // 4
    nearest = archive.vectors.nearest(vector, wanted, None if together.all() else together)
    found = [nearest[mask[nearest]][:depth] for mask, depth in pools]
    (first, depth), *_ = pools
    if len(found[0]) < min(depth, int(np.count_nonzero(first))):
        found[0] = archive.vectors.nearest(vector, depth, first)
    return found


def _best_sentences(
    vector: NDArray[np.float32], numbers: NDArray[np.int64], archive: Archive
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """For each passage the mean cosine of its two best sentences, and the number of the best one."""
    if len(numbers) == 0:
        return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
    first = archive.columns.first_sentence[numbers]
    counts = archive.columns.first_sentence[numbers + 1] - first
    offsets = np.cumsum(counts) - counts
    places = np.arange(offsets[-1] + counts[-1])
    rows = places + np.repeat(first - offsets, counts)
    cosines = archive.vectors.sentences.cosines(rows, vector)
    highest = np.maximum.reduceat(cosines, offsets)
    is_highest = cosines == np.repeat(highest, counts)
    place = np.minimum.reduceat(np.where(is_highest, places, len(places)), offsets)
    cosines[place] = -1
    second: NDArray[np.float32] = np.where(counts > 1, np.maximum.reduceat(cosines, offsets), highest)
    return (highest + second) * np.float32(0.5), rows[place]


def _questions(vector: NDArray[np.float32], numbers: NDArray[np.int64], archive: Archive) -> NDArray[np.float32]:
    """The cosine of the query and each passage's question; 0 for a passage that replies to none."""
    asked = archive.columns.question[numbers].astype(np.int64)
    replies = asked >= 0
    rows, place = np.unique(asked[replies], return_inverse=True)
    found = np.zeros(len(numbers), dtype=np.float32)
    found[replies] = archive.vectors.questions.cosines(rows, vector)[place]
    return found
