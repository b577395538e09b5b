"""Which passages hold which terms, and how much that tells: BM25 for any passages asked for, under any filter.

A posting is (unit, impact): a unit is a passage, an interviewer's question or a header; its impact is the part of BM25
(Robertson and Zaragoza, 2009) that depends on it, tf / (tf + k1 (1 - b + b length / mean length)), below 1. A term's
weight is its idf among the passages. Scores are divided by what a unit with all terms at impact 1 would get. Counts and
lengths are kept beside, so that another generation can take postings over: its mean length, and so its impacts, differ.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.blocks import Moved
from indexer.errors import IndexBroken
from indexer.matrices import new_matrix
from indexer.vocabulary import Vocabulary

TERMS_FILE = "terms.txt"
OFFSETS_FILE = "terms.npy"
UNITS_FILE = "units.npy"
IMPACTS_FILE = "impacts.npy"
AROUND_FILE = "around.npy"
COUNTS_FILE = "counts.npy"
LENGTHS_FILE = "lengths.npy"

_K1 = 1.2
_B = 0.75
_BATCH = 1 << 20
_RAW = np.dtype([("unit", np.int32), ("term", np.int32), ("count", np.uint8)])
MOST_COUNTED = 255
_NONE = -(1 << 31)
_PLACES_AROUND = 4
_HEADER = 2
# A term in more units than these is looked up unit by unit; of fewer, all are laid out.
_LOOKED_UP_FROM = 50_000


@dataclass(frozen=True, slots=True)
class _Postings:
    """Those of term t are from `offsets[t]` on, units ascending: `frequencies[t]` are passages, which come first."""

    offsets: NDArray[np.int64]
    frequencies: NDArray[np.int64]
    units: NDArray[np.int32]
    counts: NDArray[np.uint8]


class PostingsWriter:
    """Takes the terms of passages in the order of the catalog, with those of the header and question of each."""

    def __init__(self, folder: Path, kept: Path | None = None) -> None:
        """
        Args:
            kept: the folder of an earlier generation, out of which passages may be taken over.
        """
        self._folder = folder
        self._kept = PostingsReader(kept) if kept else None
        terms = self._kept.vocabulary.terms if self._kept else ()
        self._terms = {term: number for number, term in enumerate(terms)}
        self._lengths = {True: array("i"), False: array("i")}
        self._around = array("i")
        self._taken: list[tuple[Moved, Moved]] = []
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

    def take(self, passages: Moved) -> None:
        """Passages of the earlier generation, with what stands around them; whole episodes of it."""
        assert self._kept is not None
        around = np.array(self._kept.around[passages.source], dtype=np.int32)
        units, total = self._kept.unit_count, len(self._kept)
        rest = around[:, _HEADER:][around[:, _HEADER:] < units]
        first, end = (int(rest.min()) - total, int(rest.max()) - total + 1) if len(rest) else (0, 0)
        beside = Moved(first, len(self._lengths[False]), end - first)
        around = np.where(
            around < total, around + passages.shift, np.where(around < units, ~(around - total + beside.shift), _NONE)
        )
        self._around.frombytes(around.astype(np.int32).tobytes())
        self._lengths[True].frombytes(self._kept.lengths[passages.source].tobytes())
        self._lengths[False].frombytes(self._kept.lengths[total:][beside.source].tobytes())
        self._taken.append((passages, beside))

    def close(self) -> None:
        """Writes the files."""
        self._raw.close()
        passages = len(self._lengths[True])
        lengths = np.array(self._lengths[True] + self._lengths[False], dtype=np.int32)
        # In alphabetical order, so that what was there before leaves no trace.
        names = sorted(self._terms)
        ranks = np.empty(len(names), dtype=np.int64)
        ranks[[self._terms[name] for name in names]] = np.arange(len(names))
        postings = self._sorted(ranks)
        if self._kept:
            postings, said = self._merged(self._kept.postings(), postings, ranks)
            names = list(compress(names, said))
        impacts = new_matrix(self._folder / IMPACTS_FILE, np.float16, postings.units.shape)
        of_passages, beside = mean_lengths(lengths, passages)
        means = np.where(np.arange(len(lengths)) < passages, of_passages, beside).astype(np.float32)
        for start in range(0, int(postings.offsets[-1]), _BATCH):
            batch = slice(start, start + _BATCH)
            units = postings.units[batch]
            impacts[batch] = impact(postings.counts[batch], lengths[units], means[units])
        impacts.flush()
        around = np.array(self._around, dtype=np.int32).reshape(passages, _PLACES_AROUND)
        around = np.where(around == _NONE, len(lengths), np.where(around < 0, passages + ~around, around))
        np.save(self._folder / AROUND_FILE, around.astype(np.int32))
        np.save(self._folder / LENGTHS_FILE, lengths)
        np.save(
            self._folder / OFFSETS_FILE, np.stack([postings.offsets, np.append(postings.frequencies, len(lengths))])
        )
        (self._folder / TERMS_FILE).write_text("\n".join(names), encoding="utf-8")

    def _sorted(self, ranks: NDArray[np.int64]) -> _Postings:
        """The new postings, by the ranks of their terms."""
        size = self._raw_path.stat().st_size // _RAW.itemsize
        raw = np.memmap(self._raw_path, dtype=_RAW, mode="r", shape=(size,)) if size else np.zeros(0, dtype=_RAW)
        passages = len(self._lengths[True])
        totals = np.zeros(len(self._terms), dtype=np.int64)
        frequencies = np.zeros(len(self._terms), dtype=np.int64)
        for batch in _batches(raw):
            of_term = ranks[batch["term"]]
            totals += np.bincount(of_term, minlength=len(totals))
            frequencies += np.bincount(of_term[batch["unit"] >= 0], minlength=len(totals))
        offsets = np.concatenate([[0], np.cumsum(totals)])
        all_units, all_counts = self._files(size, "" if self._kept is None else ".new")
        # Of each term first the passages, then the rest.
        filled = np.stack([offsets[:-1], offsets[:-1] + frequencies], axis=1).ravel()
        for batch in _batches(raw):
            slots = ranks[batch["term"]] * 2 + (batch["unit"] < 0)
            order = np.argsort(slots, kind="stable")
            slots, units, counts = slots[order], batch["unit"][order], batch["count"][order]
            starts = np.flatnonzero(np.diff(slots, prepend=-1))
            within = np.arange(len(slots)) - np.repeat(starts, np.diff(starts, append=len(slots)))
            places = filled[slots] + within
            all_units[places] = np.where(units < 0, passages + ~units, units)
            all_counts[places] = counts
            filled += np.bincount(slots, minlength=len(filled))
        del raw
        self._raw_path.unlink()
        return _Postings(offsets, frequencies, all_units, all_counts)

    def _merged(self, old: _Postings, new: _Postings, ranks: NDArray[np.int64]) -> tuple[_Postings, NDArray[np.bool_]]:
        """The postings of the units that are taken over and the new ones together, some terms in memory at a time.

        Returns:
            The postings of those terms that some unit still has, and which these are.
        """
        assert self._kept is not None
        moved = np.full(self._kept.unit_count, -1, dtype=np.int64)
        passages, total = len(self._lengths[True]), len(self._kept)
        for of_passages, beside in self._taken:
            moved[of_passages.source] = np.arange(of_passages.new, of_passages.new + of_passages.count)
            moved[total:][beside.source] = passages + np.arange(beside.new, beside.new + beside.count)
        of_old = np.zeros(len(ranks), dtype=np.int64)
        of_old[ranks[: len(old.frequencies)]] = np.diff(old.offsets)
        old_offsets = np.concatenate([[0], np.cumsum(of_old)])
        units, counts = self._files(int(old.offsets[-1] + new.offsets[-1]), ".all")
        totals = np.zeros(len(self._terms), dtype=np.int64)
        frequencies = np.zeros(len(self._terms), dtype=np.int64)
        written = 0
        for terms in _term_batches(old_offsets + new.offsets):
            first = slice(old_offsets[terms.start], old_offsets[terms.stop])
            second = slice(new.offsets[terms.start], new.offsets[terms.stop])
            of_term = np.concatenate([_repeated(old_offsets, terms), _repeated(new.offsets, terms)])
            at = np.concatenate([moved[old.units[first]], new.units[second].astype(np.int64)])
            count = np.concatenate([old.counts[first], new.counts[second]])
            of_term, at, count = of_term[at >= 0], at[at >= 0], count[at >= 0]
            # Both parts are in order, so that a stable sort has little to do.
            order = np.argsort((of_term << np.int64(32)) | at, kind="stable")
            place = slice(written, written + len(order))
            units[place], counts[place] = at[order], count[order]
            totals += np.bincount(of_term, minlength=len(totals))
            frequencies += np.bincount(of_term[at < passages], minlength=len(totals))
            written += len(order)
        said = totals > 0
        totals, frequencies = totals[said], frequencies[said]
        offsets = np.concatenate([[0], np.cumsum(totals)])
        final_units, final_counts = self._files(written, "")
        final_units[:], final_counts[:] = units[: len(final_units)], counts[: len(final_counts)]
        for suffix in (".new", ".all"):
            for name in (UNITS_FILE, COUNTS_FILE):
                (self._folder / f"{name}{suffix}").unlink()
        return _Postings(offsets, frequencies, final_units, final_counts), said

    def _files(self, size: int, suffix: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        # An empty array cannot be mapped; one spare posting can.
        shape = (max(size, 1),)
        units = new_matrix(self._folder / f"{UNITS_FILE}{suffix}", np.int32, shape)
        counts = new_matrix(self._folder / f"{COUNTS_FILE}{suffix}", np.uint8, shape)
        return units, counts

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
        rows["count"] = [min(count, MOST_COUNTED) for count in counts.values()]
        self._raw.write(rows.tobytes())
        return number


def mean_lengths(lengths: NDArray[np.int32], passages: int) -> tuple[float, float]:
    """Of passages, which come first, and of what stands beside them."""
    parts = lengths[:passages], lengths[passages:]
    passage, beside = (max(float(part.mean()), 1.0) if len(part) else 1.0 for part in parts)
    return passage, beside


def impact(counts: NDArray[Any], lengths: NDArray[Any], mean: NDArray[Any] | float) -> NDArray[np.float32]:
    """What a term's count in a unit tells, below 1, as it is kept."""
    counts = counts.astype(np.float32)
    saturation = (_K1 * (1 - _B + _B * lengths / mean)).astype(np.float32)
    return (counts / (counts + saturation)).astype(np.float16)


def _term_batches(offsets: NDArray[np.int64]) -> Iterator[range]:
    """Runs of terms with about `_BATCH` postings together, or of one term."""
    first, last = 0, len(offsets) - 1
    while first < last:
        end = int(np.searchsorted(offsets, offsets[first] + _BATCH, side="right")) - 1
        end = min(max(end, first + 1), last)
        yield range(first, end)
        first = end


def _repeated(offsets: NDArray[np.int64], terms: range) -> NDArray[np.int64]:
    """The term of each posting."""
    return np.repeat(np.arange(terms.start, terms.stop), np.diff(offsets[terms.start : terms.stop + 1]))


def _batches(rows: NDArray[Any]) -> list[NDArray[Any]]:
    return [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]


class PostingsReader:
    """Scores by terms. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `PostingsWriter` wrote.

        Raises:
            IndexBroken: a file is missing or cannot be read, naming it.
        """
        self._folder = folder
        self._units = _mapped(folder / UNITS_FILE)
        self._impacts = _mapped(folder / IMPACTS_FILE)
        self.around: NDArray[np.int32] = _mapped(folder / AROUND_FILE)
        table = _mapped(folder / OFFSETS_FILE)
        try:
            terms = (folder / TERMS_FILE).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise IndexBroken(f"{folder / TERMS_FILE}: cannot be read. Run `onrecord index` again.") from error
        if len(terms) != table.shape[1] - 1 and table.shape[1] > 1:
            raise IndexBroken(f"{folder / TERMS_FILE}: {len(terms)} terms, not {table.shape[1] - 1}.")
        self._offsets = table[0]
        self.vocabulary = Vocabulary(tuple(terms), table[1, :-1], len(self.around))
        self.unit_count = int(table[1, -1])
        self._local = threading.local()

    def __len__(self) -> int:
        return len(self.around)

    @property
    def lengths(self) -> NDArray[np.int32]:
        """How many terms each unit has."""
        return _mapped(self._folder / LENGTHS_FILE)

    def postings(self) -> _Postings:
        """All of them, as they were written."""
        counts = _mapped(self._folder / COUNTS_FILE)
        return _Postings(self._offsets, self.vocabulary.frequencies, self._units, counts)

    def shares(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """How much of some terms each passage holds: 0 to 1, shape (passages,)."""
        scores = np.zeros(len(self), dtype=np.float32)
        total = 0.0
        for term in terms:
            weight = self.vocabulary.weight(term)
            total += weight
            units, impacts = self._found(term)
            passages = slice(self.vocabulary.frequency(term))
            scores[units[passages]] += impacts[passages] * np.float32(weight)
        return scores / np.float32(total) if total else scores

    def shares_around(self, terms: Sequence[str], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The same of the passages asked for, where each term counts as much as it does at the best place around.

        That is the passage itself, the one before and after it in its episode, its header, or its question.
        """
        units = np.concatenate([numbers[:, np.newaxis], self.around[numbers]], axis=1)
        scores = np.zeros(len(numbers), dtype=np.float32)
        total = 0.0
        for term in terms:
            weight = self.vocabulary.weight(term)
            total += weight
            scores += self._impacts_of(term, units).max(axis=1) * np.float32(weight)
        return scores / np.float32(total) if total else scores

    def _impacts_of(self, term: str, units: NDArray[np.int32]) -> NDArray[np.float32]:
        """A term's impact in each of some units, 0 where it is not."""
        number = self.vocabulary.numbers.get(term)
        if number is None:
            return np.zeros(units.shape, dtype=np.float32)
        place = slice(int(self._offsets[number]), int(self._offsets[number + 1]))
        holding, impacts = self._units[place], self._impacts[place]
        if len(holding) > _LOOKED_UP_FROM:
            at = np.minimum(np.searchsorted(holding, units), len(holding) - 1)
            found: NDArray[np.float32] = np.where(holding[at] == units, impacts[at].astype(np.float32), np.float32(0))
            return found
        scratch = self._scratch()
        scratch[holding] = impacts
        found = scratch[units]
        scratch[holding] = 0
        return found

    def _found(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The units that hold a term, passages first, and its impacts."""
        number = self.vocabulary.numbers.get(term)
        place = slice(0, 0) if number is None else slice(self._offsets[number], self._offsets[number + 1])
        return self._units[place], self._impacts[place].astype(np.float32)

    def _scratch(self) -> NDArray[np.float32]:
        """A zero for each unit and one more, this thread's own, to be left as zeros."""
        scratch: NDArray[np.float32] | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = np.zeros(self.unit_count + 1, dtype=np.float32)
        return scratch


def _mapped(path: Path) -> NDArray[Any]:
    try:
        mapped: NDArray[Any] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise IndexBroken(f"{path}: cannot be read ({error}). Run `onrecord index` again.") from error
    return mapped
