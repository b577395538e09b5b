"""Words of an index in Milvus: its BM25 finds passages, and what each holds is counted here, as on disk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.lexical import Analyzer
from indexer.milvus import quoted
from indexer.milvus_reader import PassageRows
from indexer.milvus_terms import PackedTerms
from indexer.postings import impact
from indexer.vocabulary import Vocabulary

_PASSAGES_AROUND = 2


class StoredWords:
    """Passages by their words."""

    def __init__(self, rows: PassageRows) -> None:
        self._rows = rows
        self._analyzer = Analyzer()

    def __len__(self) -> int:
        return self._rows.head.passages

    @property
    def vocabulary(self) -> Vocabulary:
        return self._rows.head.vocabulary

    def terms(self, query: str) -> list[str]:
        """The query's words as the index knows them, in order; stop words are gone."""
        return self._analyzer.terms(query)

    def matched(self, terms: Sequence[str]) -> StoredMatched:
        """What the passages hold of some terms, in order."""
        return StoredMatched(terms, self._rows)

    def holding_phrase(self, text: str, limit: int) -> list[int]:
        """Passages that hold a text's words one after the other, whatever stands at the places of its stop words."""
        places = [(place, term) for place, term in enumerate(self._analyzer.placed_terms(text)) if term]
        if not places:
            return []
        first = places[0][0]
        wanted = [(place - first, term) for place, term in places]
        numbers = self._holding([term for _, term in wanted], None)
        holding: list[int] = numbers[self._packed(numbers).holding_phrase(wanted)][:limit].tolist()
        return holding

    def holding_all(self, terms: Sequence[str], allowed: NDArray[np.bool_]) -> list[int]:
        """The passages of a mask that hold every one of some terms, in no order."""
        numbers: list[int] = self._holding(terms, allowed).tolist()
        return numbers

    def _holding(self, terms: Sequence[str], allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        rarest = sorted(set(terms), key=self.vocabulary.frequency)
        if not self.vocabulary.frequency(rarest[0]):
            return np.zeros(0, dtype=np.int64)
        expression = " and ".join(f"TEXT_MATCH(words, {quoted(term)})" for term in rarest)
        store, collection = self._rows.store, self._rows.collection
        named = [self._rows.number_of(row["key"]) for row in store.everywhere(collection, expression, [])]
        found = np.sort(np.array([number for number in named if number is not None], dtype=np.int64))
        numbers = found if allowed is None else found[allowed[found]]
        # Milvus takes some of our words apart.
        return numbers[self._packed(numbers).holding(terms)]

    def _packed(self, numbers: NDArray[np.int64]) -> PackedTerms:
        return PackedTerms([row.terms for row in self._rows.get(numbers.tolist())])


class StoredMatched:
    """What the passages hold of some terms."""

    def __init__(self, terms: Sequence[str], rows: PassageRows) -> None:
        self._terms = terms
        self._distinct = sorted(set(terms))
        self._rows = rows
        self._vocabulary = rows.head.vocabulary
        self._last: tuple[bytes, PackedTerms] | None = None

    def best(self, limit: int, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """The numbers of the `limit` passages that hold most of the terms, best first by Milvus's own BM25.

        It takes some words apart, and so ranks a little otherwise than `shares`.
        """
        known = [term for term in self._distinct if self._vocabulary.frequency(term)]
        if not known:
            return np.zeros(0, dtype=np.int64)
        words, store, collection = " ".join(known), self._rows.store, self._rows.collection

        def ask(depth: int, expression: str) -> list[str]:
            return store.with_words(collection, words, depth, expression)

        found = self._rows.first_found(ask, limit, allowed)
        self._rows.begin(found)
        return found

    def best_of_each(self, pools: Sequence[tuple[NDArray[np.bool_], int]]) -> list[NDArray[np.int64]]:
        """The same for each of some pools: masks, and how many of each. All are asked for at once."""
        return self._rows.at_once([partial(self.best, limit, allowed) for allowed, limit in pools])

    def shares(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """How much of the terms some passages hold: BM25 over its own upper bound, 0 to 1."""
        mean, _ = self._rows.head.mean_lengths
        return self._weighed(numbers, [mean])

    def around(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The same, where each term counts as much as it does at the best place around."""
        passages, beside = self._rows.head.mean_lengths
        return self._weighed(numbers, [passages] * (1 + _PASSAGES_AROUND) + [beside] * 2)

    def phrases(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """How much of the pairs of neighbouring terms some passages hold side by side, 0 to 1."""
        weight = self._vocabulary.weight
        held = self._packed(numbers)
        found = np.zeros(len(numbers), dtype=np.float32)
        for pair in sorted(set(pairwise(self._terms))):
            found += held.side_by_side(*pair) * np.float32(min(map(weight, pair)))
        return found / np.float32(sum(map(weight, set(self._terms))) or 1)

    def _weighed(self, numbers: NDArray[np.int64], means: Sequence[float]) -> NDArray[np.float32]:
        """The best impact of each term in the first units of some passages, by its weight.

        Args:
            means: how many terms each of these units has in the mean.
        """
        held, of = self._packed(numbers), slice(len(means))
        lengths, in_the_mean = held.lengths[:, of], np.array(means, dtype=np.float32)
        scores, total = np.zeros(len(numbers), dtype=np.float32), 0.0
        for term in self._distinct:
            weight = self._vocabulary.weight(term)
            total += weight
            impacts = impact(held.counts(term)[:, of], lengths, in_the_mean).astype(np.float32)
            scores += impacts.max(axis=1, initial=0) * np.float32(weight)
        return scores / np.float32(total) if total else scores

    def _packed(self, numbers: NDArray[np.int64]) -> PackedTerms:
        """A ranking asks several things of the same passages."""
        key = numbers.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, PackedTerms([row.terms for row in self._rows.get(numbers.tolist())])
        return self._last[1]
