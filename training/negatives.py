"""For each pair a passage that looks like its answer and is none: what a model learns most from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embeddings.base import Embedder
from indexer.catalog import CatalogReader, StoredPassage
from indexer.lexical import Analyzer, LexicalReader
from indexer.progress import Progress
from indexer.types import Passage
from indexer.vectors import VectorReader
from training.pairs import BESIDE, Pair, Source, is_taught
from training.words import WEIGHT, QueryWords, query_words, shares

_NEAREST = 40
_AHEAD = 256
_TAKEN_FROM = 10
# What is nearly as near to a query as its answer is, may well answer it too ("positive-aware mining", NV-Retriever,
# arXiv 2407.15831).
_LESS_NEAR = 0.95
# No more passages than so many of a pool drawn from everywhere may be nearer to a query than its answer: else the two
# hardly have to do with each other ("consistency filter", E5, arXiv 2212.03533). Who labelled an answer knew better.
_POOL = 1_000
_NEARER = 20


@dataclass(frozen=True, slots=True)
class Example:
    """A pair, the words of its query, and a passage that does not answer it."""

    pair: Pair
    words: QueryWords
    negative_header: str
    negative: str


def with_negatives(
    pairs: Sequence[Pair],
    limit: int,
    catalog: CatalogReader,
    vectors: VectorReader,
    lexical: LexicalReader,
    embedder: Embedder,
    held_out: set[int],
    seed: int,
    progress: Progress,
) -> tuple[list[Example], Counter[str]]:
    """Examples of the first pairs that are fit, in their order, and how many were not, by why; the same for a seed.

    The negative passage is drawn from those that the index as it is finds for the query first, by meaning and words
    together. It is none that answers the query too, replies to the same question, stands beside the answer, or is
    nearly as near as the answer is; where all are, one of another episode is drawn. Nothing is taken of what is not
    learnt from either.

    Args:
        limit: how many at most.
        held_out: numbers of episodes that nothing is learnt from.
    """
    drawn = np.random.default_rng(seed)
    passages = list(catalog.all_passages())
    allowed = np.array([stored.episode not in held_out and is_taught(stored, catalog) for stored in passages])
    others = np.flatnonzero(allowed)
    episodes = np.array([passages[number].episode for number in others])
    pool = vectors.passages.vectors(drawn.choice(others, min(_POOL, len(others)), replace=False))
    analyzer = Analyzer()
    examples: list[Example] = []
    unfit: Counter[str] = Counter()
    for pair, query in zip(pairs, _embedded(pairs, embedder), strict=True):
        if len(examples) == limit:
            break
        near = float(vectors.passages.cosines(np.array([pair.passage]), query)[0])
        if pair.source is not Source.LABELLED and (pool @ query > near).sum() > _NEARER:
            unfit["has hardly to do with its answer"] += 1
            continue
        answer = passages[pair.passage]
        words = query_words(pair.query, lexical)
        found = lexical.matched(lexical.terms(pair.query)).best(_NEAREST, allowed)
        nearest = np.union1d(vectors.nearest(query, _NEAREST, allowed), found)
        texts = [_read_as(pair, passages[number].passage) for number in nearest]
        told = shares([words], [pair.header + pair.text, *(header + text for header, text in texts)], analyzer)[0]
        scores = vectors.passages.cosines(nearest, query) + WEIGHT * told[1:]
        best = near + WEIGHT * told[0]
        far = [
            int(nearest[place])
            for place in np.argsort(-scores, kind="stable")
            if scores[place] < _LESS_NEAR * best
            and nearest[place] not in pair.also
            and not _belong_together(passages[nearest[place]], answer)
        ]
        choices = far[:_TAKEN_FROM] or others[episodes != answer.episode].tolist()
        if not choices:
            unfit["nothing but answers is near it"] += 1
            continue
        chosen = passages[choices[drawn.integers(len(choices))]].passage
        examples.append(Example(pair, words, *_read_as(pair, chosen)))
        progress("Finding negatives", len(examples), limit)
    return examples, unfit


def _embedded(pairs: Sequence[Pair], embedder: Embedder) -> Iterator[NDArray[np.float32]]:
    """The vector of each query, made as far ahead as a batch goes."""
    for first in range(0, len(pairs), _AHEAD):
        yield from embedder.embed_queries([pair.query for pair in pairs[first : first + _AHEAD]])


def _read_as(pair: Pair, passage: Passage) -> tuple[str, str]:
    """A passage's header and text. Where the answer goes without its header, so does what is none: else that would
    tell them apart.
    """
    return passage.header if pair.header else "", passage.text


def _belong_together(one: StoredPassage, other: StoredPassage) -> bool:
    if one.episode != other.episode:
        return False
    question = other.passage.question_turn
    beside = abs(one.number - other.number) <= BESIDE
    return beside or (question is not None and one.passage.question_turn == question)
