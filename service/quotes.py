"""Quotes: of each passage that answers a query, the whole sentences that carry the point, and no more.

A quote is the run of one to three sentences of a turn, some of it in the passage, that gathers most: each sentence
counts with its cosine to the query, less four fifths of the best one's, so that a sentence must pay for its length. A
run that opens with a word that points back ("It", "But") is worth a little less, and beyond 60 words several sentences
are no quote. Fitted on the tuning half of a set of labelled questions; `make bench-quotes` measures the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import StoredPassage
from indexer.sentences import sentence_spans
from service.archive import Archive
from service.search import Hit

MOST_SENTENCES = 3
MOST_WORDS = 60
_WORTH = 0.8
_POINTS_BACK = 0.05
_BACK = frozenset(
    "it it's its that that's this these those they they're them he she his her so and but or because which then also "
    "such there".split()
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some words, and where they stand: `text` is `[start:end]` of the canonical text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Quote:
    """Whole sentences of a hit's turn, and the sentence before and after them.

    `divided`: they begin or end inside a sentence that was too long for one passage.
    """

    hit: Hit
    words: Stretch
    before: Stretch | None
    after: Stretch | None
    divided: bool


def quotes_of(hits: Sequence[Hit], vector: NDArray[np.float32], archive: Archive) -> list[Quote]:
    """One quote of each hit, in their order.

    Args:
        vector: the query's, shape (dimension,).
    """
    numbers = [hit.stored.number for hit in hits]
    near = sorted({n for number in numbers for n in (number - 1, number, number + 1) if 0 <= n < archive.passages})
    passages = {stored.number: stored for stored in archive.catalog.passages(near)}
    return [_quote(hit, vector, passages, archive) for hit in hits]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """`row`: of its vector."""

    row: int
    words: Stretch
    in_passage: bool


def _quote(hit: Hit, vector: NDArray[np.float32], passages: Mapping[int, StoredPassage], archive: Archive) -> Quote:
    [(offset, _, turn)] = archive.catalog.turns(hit.stored.episode, [hit.stored.passage.turn])

    def said(start: int, end: int) -> Stretch:
        return Stretch(turn.text[start - offset : end - offset], start, end)

    sentences = [
        _Sentence(one.first_sentence + place, said(*span), one is hit.stored)
        for one in _in_a_row(hit.stored, passages, said)
        for place, span in enumerate(one.passage.sentences)
    ]
    cosines = archive.vectors.sentences.cosines(np.array([sentence.row for sentence in sentences]), vector)
    first, last = _best_run(sentences, cosines)
    start, end = sentences[first].words.start, sentences[last].words.end
    whole = [(offset + left, offset + right) for left, right in sentence_spans(turn.text)]
    earlier = [span for span in whole if span[1] <= start]
    later = [span for span in whole if span[0] >= end]
    return Quote(
        hit=hit,
        words=said(start, end),
        before=said(*earlier[-1]) if earlier else None,
        after=said(*later[0]) if later else None,
        divided=start not in {span[0] for span in whole} or end not in {span[1] for span in whole},
    )


def _in_a_row(
    stored: StoredPassage, passages: Mapping[int, StoredPassage], said: Callable[[int, int], Stretch]
) -> list[StoredPassage]:
    """A passage with the one before and the one after it, where the turn goes on from one to the other."""

    def goes_on(one: StoredPassage, other: StoredPassage) -> bool:
        return _place(one) == _place(other) and not said(one.passage.char_end, other.passage.char_start).text.strip()

    before, after = passages.get(stored.number - 1), passages.get(stored.number + 1)
    return [
        *([before] if before and goes_on(before, stored) else []),
        stored,
        *([after] if after and goes_on(stored, after) else []),
    ]


def _place(stored: StoredPassage) -> tuple[int, int, str]:
    return stored.episode, stored.passage.turn, stored.passage.kind


def _best_run(sentences: Sequence[_Sentence], cosines: NDArray[np.float32]) -> tuple[int, int]:
    """The first and the last sentence of the run that gathers most; of equal ones the shortest, then the first."""
    best = max(float(cosine) for cosine, one in zip(cosines, sentences, strict=True) if one.in_passage)

    def gathers(run: tuple[int, int]) -> float:
        first, last = run
        less = _POINTS_BACK if first and _points_back(sentences[first].words.text) else 0.0
        return float((cosines[first : last + 1] - _WORTH * best).sum()) - less

    return max(_runs(sentences), key=gathers)


def _runs(sentences: Sequence[_Sentence]) -> Iterator[tuple[int, int]]:
    for size in range(1, MOST_SENTENCES + 1):
        for first in range(len(sentences) - size + 1):
            run = sentences[first : first + size]
            short_enough = size == 1 or sum(len(one.words.text.split()) for one in run) <= MOST_WORDS
            if short_enough and any(one.in_passage for one in run):
                yield first, first + size - 1


def _points_back(text: str) -> bool:
    return text.split(maxsplit=1)[0].strip(",.—-…\"“'‘").casefold().replace("’", "'") in _BACK
