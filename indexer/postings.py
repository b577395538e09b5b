"""Which passages hold which terms, and how much that tells: BM25 for any passages asked for, under any filter.

A posting is (unit, impact): a unit is a passage, an interviewer's question or a header; its impact is the part of BM25
(Robertson and Zaragoza, 2009) that depends on it, tf / (tf + k1 (1 - b + b length / mean length)), below 1. A term's
weight is its idf among the passages. Scores are divided by what a unit with all terms at impact 1 would get.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexBroken

TERMS_FILE = "terms.txt"
OFFSETS_FILE = "terms.npy"
UNITS_FILE = "units.npy"
IMPACTS_FILE = "impacts.npy"
AROUND_FILE = "around.npy"

_K1 = 1.2
_B = 0.75
_BATCH = 1 << 20
_RAW = np.dtype([("unit", np.int32), ("term", np.int32), ("count", np.int32)])
_NONE = -(1 << 31)
_PLACES_AROUND = 4


class PostingsWriter:
    """Takes the terms of passages in the order of the catalog, with those of the header and question of each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._terms: dict[str, int] = {}
        self._lengths = {True: array("i"), False: array("i")}
        self._around = array("i")
        self._raw_path = folder / "postings.raw"
        self._raw = self._raw_path.open("wb")

    def add_episode(
        self,
        passages: Sequence[Sequence[str]],
        headers: Sequence[Sequence[str]],
        questions: Sequence[Sequence[str] | None],
    ) -> None:
        """Each passage's terms, its header's, and those of the question it replies to, in order."""
        known: dict[tuple[str, ...], int] = {}
        for place, (terms, header, question) in enumerate(zip(passages, headers, questions, strict=True)):
            number = self._add(terms, is_passage=True)
            self._around.extend(
                (
                    number - 1 if place else _NONE,
                    number + 1 if place + 1 < len(passages) else _NONE,
                    self._beside(header, known),
                    _NONE if question is None else self._beside(question, known),
                )
            )

    def close(self) -> None:
        """Writes the files."""
        self._raw.close()
        passages = len(self._lengths[True])
        size = self._raw_path.stat().st_size // _RAW.itemsize
        raw = np.memmap(self._raw_path, dtype=_RAW, mode="r", shape=(size,)) if size else np.zeros(0, dtype=_RAW)
        lengths = np.array(self._lengths[True] + self._lengths[False], dtype=np.float32)
        means = np.ones(len(lengths), dtype=np.float32)
        for part in (slice(0, passages), slice(passages, None)):
            if len(lengths[part]):
                means[part] = max(float(lengths[part].mean()), 1.0)
        saturation = _K1 * (1 - _B + _B * lengths / means)
        totals = np.zeros(len(self._terms), dtype=np.int64)
        frequencies = np.zeros(len(self._terms), dtype=np.int64)
        for batch in _batches(raw):
            totals += np.bincount(batch["term"], minlength=len(totals))
            frequencies += np.bincount(batch["term"][batch["unit"] >= 0], minlength=len(totals))
        offsets = np.concatenate([[0], np.cumsum(totals)])
        # An empty array cannot be mapped; one spare posting can.
        all_units, impacts = (
            np.lib.format.open_memmap(self._folder / name, mode="w+", dtype=dtype, shape=(max(size, 1),))
            for name, dtype in ((UNITS_FILE, np.int32), (IMPACTS_FILE, np.float16))
        )
        # Of each term first the passages, then the rest.
        filled = np.stack([offsets[:-1], offsets[:-1] + frequencies], axis=1).ravel()
        for batch in _batches(raw):
            slots = batch["term"] * 2 + (batch["unit"] < 0)
            order = np.argsort(slots, kind="stable")
            slots, units, counts = slots[order], batch["unit"][order], batch["count"][order]
            units = np.where(units < 0, passages + ~units, units)
            starts = np.flatnonzero(np.diff(slots, prepend=-1))
            within = np.arange(len(slots)) - np.repeat(starts, np.diff(starts, append=len(slots)))
            places = filled[slots] + within
            all_units[places] = units
            impacts[places] = counts / (counts + saturation[units])
            filled += np.bincount(slots, minlength=len(filled))
        all_units.flush()
        impacts.flush()
        around = np.array(self._around, dtype=np.int32).reshape(passages, _PLACES_AROUND)
        around = np.where(around == _NONE, len(lengths), np.where(around < 0, passages + ~around, around))
        np.save(self._folder / AROUND_FILE, around.astype(np.int32))
        np.save(self._folder / OFFSETS_FILE, np.stack([offsets, np.append(frequencies, len(lengths))]))
        (self._folder / TERMS_FILE).write_text("\n".join(self._terms), encoding="utf-8")
        del raw
        self._raw_path.unlink()

    def _beside(self, terms: Sequence[str], known: dict[tuple[str, ...], int]) -> int:
        """The number of a header or question: below 0, for the passages' numbers are not all given out yet."""
        key = tuple(terms)
        if key not in known:
            known[key] = self._add(terms, is_passage=False)
        return known[key]

    def _add(self, terms: Sequence[str], *, is_passage: bool) -> int:
        lengths = self._lengths[is_passage]
        number = len(lengths) if is_passage else ~len(lengths)
        lengths.append(len(terms))
        counts = Counter(terms)
        rows = np.empty(len(counts), dtype=_RAW)
        rows["unit"] = number
        rows["term"] = [self._terms.setdefault(term, len(self._terms)) for term in counts]
        rows["count"] = list(counts.values())
        self._raw.write(rows.tobytes())
        return number


def _batches(rows: NDArray[Any]) -> list[NDArray[Any]]:
    return [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]


class PostingsReader:
    """Scores by terms. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `PostingsWriter` wrote.

        Raises:
            IndexBroken: a file is missing or cannot be read, naming it.
        """
        self._units = _mapped(folder / UNITS_FILE)
        self._impacts = _mapped(folder / IMPACTS_FILE)
        self._around = _mapped(folder / AROUND_FILE)
        table = _mapped(folder / OFFSETS_FILE)
        try:
            terms = (folder / TERMS_FILE).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise IndexBroken(f"{folder / TERMS_FILE}: cannot be read. Run `onrecord index` again.") from error
        if len(terms) != table.shape[1] - 1 and table.shape[1] > 1:
            raise IndexBroken(f"{folder / TERMS_FILE}: {len(terms)} terms, not {table.shape[1] - 1}.")
        self._numbers = {term: number for number, term in enumerate(terms)}
        self._offsets = table[0]
        self._frequencies = table[1]
        self._unit_count = int(table[1, -1])
        self._local = threading.local()

    def __len__(self) -> int:
        return len(self._around)

    def frequency(self, term: str) -> int:
        """How many passages hold a term."""
        number = self._numbers.get(term)
        return 0 if number is None else int(self._frequencies[number])

    def shares(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """How much of some terms each passage holds: 0 to 1, shape (passages,)."""
        scores = np.zeros(len(self), dtype=np.float32)
        total = 0.0
        for term in terms:
            weight = self._idf(term)
            total += weight
            units, impacts = self._found(term)
            passages = slice(self.frequency(term))
            scores[units[passages]] += impacts[passages] * np.float32(weight)
        return scores / np.float32(total) if total else scores

    def shares_around(self, terms: Sequence[str], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The same of the passages asked for, where each term counts as much as it does at the best place around.

        That is the passage itself, the one before and after it in its episode, its header, or its question.
        """
        units = np.concatenate([numbers[:, np.newaxis], self._around[numbers]], axis=1)
        best = self._scratch()
        scores = np.zeros(len(numbers), dtype=np.float32)
        total = 0.0
        for term in terms:
            weight = self._idf(term)
            total += weight
            holding, impacts = self._found(term)
            best[holding] = impacts
            scores += best[units].max(axis=1) * np.float32(weight)
            best[holding] = 0
        return scores / np.float32(total) if total else scores

    def _found(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The units that hold a term, passages first, and its impacts."""
        number = self._numbers.get(term)
        place = slice(0, 0) if number is None else slice(self._offsets[number], self._offsets[number + 1])
        return self._units[place], self._impacts[place].astype(np.float32)

    def _idf(self, term: str) -> float:
        frequency = self.frequency(term)
        return math.log(1 + (len(self) - frequency + 0.5) / (frequency + 0.5))

    def _scratch(self) -> NDArray[np.float32]:
        """A zero for each unit and one more, this thread's own, to be left as zeros."""
        scratch: NDArray[np.float32] | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = np.zeros(self._unit_count + 1, dtype=np.float32)
        return scratch


def _mapped(path: Path) -> NDArray[Any]:
    try:
        mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise IndexBroken(f"{path}: cannot be read ({error}). Run `onrecord index` again.") from error
    return mapped
