"""How well a model finds answers in episodes that nothing was learnt from.

The interviewers' questions, and labelled ones, are asked of the held-out episodes. A passage is ranked by its own
vector, by those of its two best sentences and by its own words, as the search weighs them. The questions that an index
keeps beside the answers, and the words around these, would give the answer away.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.base import Embedder, PassageInput, PassageVectors
from indexer.catalog import CatalogReader
from indexer.lexical import LexicalReader
from indexer.passages import embedded_text
from indexer.types import Kind
from service.evaluate import DEPTH, Judged, Question
from service.ranking import WEIGHTS, Mode
from training.pairs import Pair, Source

_SHARE = 10
_AT_LEAST, _AT_MOST = 2, 40
_ASKED = (Source.QUESTION, Source.LABELLED)


def held_out_episodes(catalog: CatalogReader) -> set[int]:
    """A tenth of the episodes, from 2 to 40 of them, told by their ids alone: the same ones in every run."""
    numbers = [row.number for row in catalog.episodes if row.duplicate_of is None]
    ids = {row.number: hashlib.sha256(row.id.encode()).hexdigest() for row in catalog.episodes}
    count = min(_AT_MOST, max(_AT_LEAST, len(numbers) // _SHARE))
    return set(sorted(numbers, key=lambda number: ids[number])[:count])


def judge_held_out(
    pairs: Sequence[Pair], catalog: CatalogReader, lexical: LexicalReader, episodes: set[int], embedder: Embedder
) -> list[Judged]:
    """Where the answers to the questions of some episodes stand among all passages of these.

    Args:
        pairs: those of the archive; taken are the questions of these episodes. A question's kind is its pair's source.
    """
    passages = [
        stored
        for number in sorted(episodes)
        for stored in catalog.passages_of(number)
        if stored.passage.kind is Kind.CONTENT
    ]
    place = {stored.number: i for i, stored in enumerate(passages)}
    answers: dict[tuple[int, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.episode in episodes and pair.source in _ASKED:
            answers[pair.episode, pair.query].append(pair)
    if not answers:
        return []
    vectors = embedder.embed_passages([PassageInput(*embedded_text(stored.passage)) for stored in passages])
    asked = embedder.embed_queries([query for _, query in answers])
    lengths = np.array(embedder.count_tokens([stored.passage.text for stored in passages]))
    numbers = np.array([stored.number for stored in passages])
    words = [lexical.matched(lexical.terms(query)).shares(numbers) for _, query in answers]
    scores = _scores(vectors, asked) + WEIGHTS[Mode.HYBRID]["around"] * np.stack(words)
    turns = np.array([(stored.episode, stored.passage.turn) for stored in passages])
    judged = []
    for found, row in zip(answers.values(), scores, strict=True):
        right = {place[number] for pair in found for number in (pair.passage, *pair.also) if number in place}
        first = passages[place[found[0].passage]]
        if found[0].source is Source.QUESTION:
            # What the interviewer said is the nearest of all to itself.
            row[(turns == (first.episode, first.passage.question_turn)).all(axis=1)] = -np.inf
        judged.append(_judged(_question(found, catalog), row, right, lengths))
    return judged


def _scores(vectors: Sequence[PassageVectors], asked: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape (queries, passages)."""
    weights = WEIGHTS[Mode.DENSE]
    columns = []
    for one in vectors:
        best = np.sort(one.spans @ asked.T, axis=0)[-2:].mean(axis=0) if len(one.spans) else np.zeros(len(asked))
        columns.append(weights["passage"] * (one.vector @ asked.T) + weights["sentence"] * best)
    return np.stack(columns, axis=1)


def _question(found: Sequence[Pair], catalog: CatalogReader) -> Question:
    anchors = tuple(pair.text for pair in found)
    return Question(found[0].query, catalog.episodes[found[0].episode].source, anchors, found[0].source)


def _judged(question: Question, scores: NDArray[np.float32], right: set[int], lengths: NDArray[np.int64]) -> Judged:
    order = np.argsort(-scores, kind="stable")[:DEPTH].tolist()
    rank = next((rank for rank, place in enumerate(order, 1) if place in right), None)
    return Judged(question, rank, None if rank is None else int(lengths[order[:rank]].sum()))
