"""For each pair a passage that looks like its answer and is none: what a model learns most from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embeddings.base import Embedder
from indexer.catalog import CatalogReader, StoredPassage
from indexer.progress import Progress
from indexer.vectors import VectorReader
from training.pairs import Pair, is_taught

_NEAREST = 40
_TAKEN_FROM = 10
# What is nearly as near to a query as its answer is, may well answer it too ("positive-aware mining", NV-Retriever,
# arXiv 2407.15831).
_LESS_NEAR = 0.95
# The passages beside an answer go on with it.
_BESIDE = 2


@dataclass(frozen=True, slots=True)
class Example:
    """A pair, and a passage that does not answer its query."""

    pair: Pair
    negative_header: str
    negative: str


def with_negatives(
    pairs: Sequence[Pair],
    catalog: CatalogReader,
    vectors: VectorReader,
    embedder: Embedder,
    held_out: set[int],
    seed: int,
    progress: Progress,
) -> list[Example]:
    """Examples of the pairs, in their order; the same ones for the same seed. A pair without such a passage has none.

    The passage is drawn from those nearest to the query in the index as it is. It is none that replies to the same
    question, stands beside the answer, or is nearly as near as the answer is; where all are, one of another episode
    is drawn. Nothing is taken of what is not learnt from either.

    Args:
        held_out: numbers of episodes that nothing is learnt from.
    """
    drawn = np.random.default_rng(seed)
    passages = list(catalog.all_passages())
    allowed = np.array([stored.episode not in held_out and is_taught(stored, catalog) for stored in passages])
    others = np.flatnonzero(allowed)
    episodes = np.array([passages[number].episode for number in others])
    asked = embedder.embed_queries([pair.query for pair in pairs])
    examples = []
    for done, (pair, vector) in enumerate(zip(pairs, asked, strict=True), 1):
        nearest = vectors.nearest(vector, _NEAREST, allowed)
        bound = _LESS_NEAR * float(vectors.passages.cosines(np.array([pair.passage]), vector)[0])
        answer = passages[pair.passage]
        far = [
            int(number)
            for number, cosine in zip(nearest, vectors.passages.cosines(nearest, vector), strict=True)
            if cosine < bound and not _belong_together(passages[number], answer)
        ]
        choices = far[:_TAKEN_FROM] or others[episodes != answer.episode].tolist()
        if not choices:
            continue
        number = choices[drawn.integers(len(choices))]
        chosen = passages[number].passage
        # Where the answer goes without its header, so does what is no answer: else the header would tell them apart.
        examples.append(Example(pair, chosen.header if pair.header else "", chosen.text))
        progress("Finding negatives", done, len(pairs))
    return examples


def _belong_together(one: StoredPassage, other: StoredPassage) -> bool:
    if one.episode != other.episode:
        return False
    question = other.passage.question_turn
    beside = abs(one.number - other.number) <= _BESIDE
    return beside or (question is not None and one.passage.question_turn == question)
