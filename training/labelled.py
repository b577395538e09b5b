"""Questions whose answers somebody labelled, as pairs to learn from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from indexer.catalog import CatalogReader, StoredPassage
from service.evaluate import Question, is_answered_by, is_asked_of
from training.pairs import Pair, Source, is_taught

# A long answer is many passages, and not each of them alone would be one.
_PASSAGES_OF_A_QUESTION = 2


def labelled_pairs(questions: Sequence[Question], catalog: CatalogReader, seed: int) -> Mapping[int, Sequence[Pair]]:
    """The pairs of each question that is answered in an archive, by its place among the questions.

    Of the passages that answer a question so many are drawn, the same ones for the same seed.
    """
    right: dict[int, list[StoredPassage]] = defaultdict(list)
    by_episode: dict[str | None, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        by_episode[question.episode].append(place)
    for row in catalog.episodes:
        asked = [place for name, places in by_episode.items() if is_asked_of(name, row.source) for place in places]
        taught = [stored for stored in catalog.passages_of(row.number) if is_taught(stored, catalog)] if asked else []
        for place in asked:
            right[place] += [stored for stored in taught if is_answered_by(questions[place], stored.passage.text)]
    drawn = np.random.default_rng(seed)
    return {place: _pairs(questions[place].query, right[place], drawn) for place in sorted(right) if right[place]}


def _pairs(query: str, right: Sequence[StoredPassage], drawn: np.random.Generator) -> list[Pair]:
    numbers = frozenset(stored.number for stored in right)
    chosen = [right[place] for place in drawn.permutation(len(right))[:_PASSAGES_OF_A_QUESTION]]
    return [
        Pair(
            Source.LABELLED,
            " ".join(query.split()),
            stored.passage.header,
            stored.passage.text,
            stored.episode,
            stored.number,
            numbers - {stored.number},
        )
        for stored in chosen
    ]
