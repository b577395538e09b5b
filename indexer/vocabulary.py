"""The terms that an archive's passages hold: how many hold each, what it weighs, and which one a misspelt word is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

_SPELT_FROM = 5
_SPELT_FREELY_FROM = 8
_SPELLINGS = 20


class Vocabulary:
    """Terms by their frequencies. Safe to use from several threads."""

    def __init__(self, terms: Sequence[str], frequencies: NDArray[np.int64], passages: int) -> None:
        """
        Args:
            frequencies: how many passages hold each term; 0 for one that only headers and questions hold.
            passages: how many there are.
        """
        self.terms = terms
        self.frequencies = frequencies
        self.numbers = {term: number for number, term in enumerate(terms)}
        self._passages = passages
        self._by_length: Mapping[int, Sequence[str]] | None = None

    def frequency(self, term: str) -> int:
        """How many passages hold a term."""
        number = self.numbers.get(term)
        return 0 if number is None else int(self.frequencies[number])

    def weight(self, term: str) -> float:
        """A term's idf among the passages."""
        frequency = self.frequency(term)
        return math.log(1 + (self._passages - frequency + 0.5) / (frequency + 0.5))

    def nearest(self, term: str) -> str | None:
        """What a word that nobody says was most likely heard or spelt as: the nearest one that somebody says.

        Nearest by optimal string alignment distance: one letter off for 5 to 7 letters, two for more. Numbers and
        shorter words have no such neighbour.
        """
        reach = 0 if len(term) < _SPELT_FROM or not term.isalpha() else 1 if len(term) < _SPELT_FREELY_FROM else 2
        if not reach:
            return None
        of_length = self._terms_of_length()
        said = [
            (distance, -self.frequency(found), found)
            for length in range(len(term) - reach, len(term) + reach + 1)
            for found, distance, _ in process.extract(
                term,
                of_length.get(length, ()),
                scorer=OSA.distance,
                score_cutoff=reach,
                limit=_SPELLINGS,
                processor=None,
            )
        ]
        return min((entry for entry in said if entry[1]), default=(0, 0, None))[2]

    def _terms_of_length(self) -> Mapping[int, Sequence[str]]:
        if self._by_length is None:
            by_length: dict[int, list[str]] = defaultdict(list)
            for term in self.terms:
                by_length[len(term)].append(term)
            self._by_length = by_length
        return self._by_length
