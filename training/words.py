"""How much the words of a text tell of its answering a query: what a model need not tell again.

Words are weighed beside meaning in every search, so that a model is trained beside them and learns what they do not
tell ("residual" training, CLEAR, arXiv 2004.13969).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.lexical import Analyzer, LexicalReader
from indexer.postings import impact
from service.ranking import WEIGHTS, Mode

_RANKING = WEIGHTS[Mode.HYBRID]
# Of words, where meaning weighs 1.
WEIGHT = _RANKING["around"] / (_RANKING["passage"] + _RANKING["sentence"])


@dataclass(frozen=True, slots=True)
class QueryWords:
    """A query's terms and their weights, which are 1 together. `mean_length`: of its archive's passages, in terms."""

    terms: tuple[str, ...]
    weights: tuple[float, ...]
    mean_length: float


def query_words(query: str, lexical: LexicalReader) -> QueryWords:
    """What the words of a query weigh in its archive."""
    terms = sorted(set(lexical.terms(query)))
    weights = [lexical.vocabulary.weight(term) for term in terms]
    total = sum(weights)
    mean, _ = lexical.mean_lengths()
    return QueryWords(tuple(terms), tuple(weight / total for weight in weights), mean)


def shares(queries: Sequence[QueryWords], texts: Sequence[str], analyzer: Analyzer) -> NDArray[np.float32]:
    """How much of each query's words each text holds: BM25 over its own upper bound, shape (queries, texts)."""
    counted = [Counter(analyzer.terms_of_words(text)) for text in texts]
    lengths = np.array([counts.total() for counts in counted])
    found = np.zeros((len(queries), len(texts)), dtype=np.float32)
    for row, query in enumerate(queries):
        for term, weight in zip(query.terms, query.weights, strict=True):
            counts = np.array([one[term] for one in counted])
            found[row] += weight * impact(counts, lengths, query.mean_length)
    return found
