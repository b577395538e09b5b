"""The terms of passages as rows in Milvus have them, and how often each stands where, for many rows at once.

A term is eight signs of ASCII that are made of it alone, so that all terms of all rows that a search looks at are one
array of numbers. Two of a million terms have the same signs in one archive of 560, and one of them stands in one query
of 47 million that have six terms.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexBroken
from indexer.postings import MOST_COUNTED

# A passage itself, the ones before and after it, its header, and its question.
UNITS = 5
# How far apart two words may stand that count as side by side, beside the one place: as `indexer.lexical` asks tantivy.
_SLOP = 2
_SIGNS = 8
_CODE = np.dtype("<u8")
_NO_TERM = "." * _SIGNS
_END = "-" * _SIGNS
_REMEMBERED = 200_000


def packed(units: Sequence[Iterable[str]]) -> str:
    """The terms of the units of a passage, in order, as its row has them; "" is the place of a word that is no term."""
    return "".join("".join(map(_signs, unit)) + _END for unit in units)


def unpacked(terms: str) -> NDArray[np.uint64]:
    """What `packed` made, as `PackedTerms` takes it.

    Raises:
        IndexBroken: it did not make this.
    """
    try:
        codes = np.frombuffer(terms.encode("ascii"), dtype=_CODE)
    except ValueError as error:
        raise IndexBroken(f"The terms of a passage are not what was written ({error}).") from error
    return codes


class PackedTerms:
    """The terms of some rows. A unit is (row, place among its units)."""

    def __init__(self, rows: Sequence[NDArray[np.uint64]]) -> None:
        """
        Args:
            rows: see `unpacked`.

        Raises:
            IndexBroken: a row has not as many units as it should.
        """
        self._codes = np.concatenate(rows) if rows else np.zeros(0, dtype=_CODE)
        self._ends = np.flatnonzero(self._codes == _code(_END))
        self._found: dict[str, NDArray[np.int64]] = {}
        self._counts: dict[str, NDArray[np.int32]] = {}
        self._shape = (len(rows), UNITS)
        if len(self._ends) != len(rows) * UNITS:
            raise IndexBroken("The terms of a passage are not what was written.")

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """How many terms each unit has, shape (rows, UNITS)."""
        places = np.diff(self._ends, prepend=-1) - 1
        return (places - self._in_units(self._places(""))).astype(np.int32).reshape(self._shape)

    def counts(self, term: str) -> NDArray[np.int32]:
        """How often a term stands in each unit, shape (rows, UNITS), and not more than is counted."""
        if term not in self._counts:
            counts = np.minimum(self._in_units(self._places(term)), MOST_COUNTED)
            self._counts[term] = counts.astype(np.int32).reshape(self._shape)
        return self._counts[term]

    def holding(self, terms: Iterable[str]) -> NDArray[np.bool_]:
        """Which passages hold every one of some terms themselves, shape (rows,)."""
        found = np.ones(self._shape[0], dtype=np.bool_)
        for term in set(terms):
            found &= self.counts(term)[:, 0] > 0
        return found

    def side_by_side(self, first: str, second: str) -> NDArray[np.bool_]:
        """Which passages hold two terms side by side, or almost so, shape (rows,)."""
        left, right = self._of_passages(first), self._of_passages(second)
        if len(left) == 0:
            return self._rows_of(left)
        # More signs than these are between the terms of two passages, so that both are of the same one.
        nearest = left[np.minimum(np.searchsorted(left, right - 1 - _SLOP), len(left) - 1)]
        return self._rows_of(right[(nearest >= right - 1 - _SLOP) & (nearest <= right - 1 + _SLOP)])

    def holding_phrase(self, places: Sequence[tuple[int, str]]) -> NDArray[np.bool_]:
        """Which passages hold some terms at places that are so far from the first one's, shape (rows,)."""
        (_, first), *rest = places
        starts = self._of_passages(first)
        for place, term in rest:
            starts = starts[self._are(starts, self._of_passages(term), -place)]
        return self._rows_of(starts)

    def _places(self, term: str) -> NDArray[np.int64]:
        if term not in self._found:
            self._found[term] = np.flatnonzero(self._codes == _code(_signs(term)))
        return self._found[term]

    def _of_passages(self, term: str) -> NDArray[np.int64]:
        places = self._places(term)
        found: NDArray[np.int64] = places[np.searchsorted(self._ends, places) % UNITS == 0]
        return found

    def _are(self, places: NDArray[np.int64], others: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """Which places are so many steps behind one of the others, in the same passage."""
        found = np.isin(places - step, others, assume_unique=True)
        found[found] &= np.searchsorted(self._ends, places[found]) == np.searchsorted(self._ends, places[found] - step)
        return found

    def _in_units(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.bincount(np.searchsorted(self._ends, places), minlength=len(self._ends))
        return found

    def _rows_of(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        found = np.zeros(self._shape[0], dtype=np.bool_)
        found[np.searchsorted(self._ends, places) // UNITS] = True
        return found


@lru_cache(_REMEMBERED)
def _signs(term: str) -> str:
    if not term:
        return _NO_TERM
    size = _SIGNS * 6 // 8
    return base64.b64encode(hashlib.blake2b(term.encode(), digest_size=size).digest()).decode("ascii")


def _code(signs: str) -> np.uint64:
    code: np.uint64 = np.frombuffer(signs.encode("ascii"), dtype=_CODE)[0]
    return code
