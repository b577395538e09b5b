"""An index in Milvus, as the service asks for it: see `indexer.store`. What is small is kept here.

Passages, sentences and questions have the numbers of the generation, as on disk; a row is found by the key of its
episode and its place in it. Rows never change, so that the last ones that were fetched are kept.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import EpisodeRow, Voice
from indexer.columns import KINDS, PassageColumns, read_columns
from indexer.errors import IndexBroken, IndexMissing, NotNow
from indexer.generations import MANIFEST, Generation, file_problem, read_manifest
from indexer.milvus import MOST, Milvus, one_of
from indexer.milvus_rows import (
    PASSAGE_FIELDS,
    ROLES,
    KeptRow,
    generation_collection,
    passages_collection,
    place_key,
    place_of,
    read_parts,
    vector_values,
)
from indexer.milvus_writer import ARCHIVE_PART, FREQUENCIES_PART, TERMS_PART
from indexer.retired import RetiredReader
from indexer.types import Role
from indexer.vocabulary import Vocabulary

# Of the last passages that were asked for.
_ROWS_KEPT = 4_000
_AT_ONCE = 16
# What came first is looked at while the next ones come.
_FETCHED_AT_ONCE = 80
_QUERIES_KEPT = 32
_MASKS_KEPT = 8
# As many times more as are wanted are asked for at first where some may be of other generations.
_SPARE = 1.25
# An expression names so many episodes, at most.
_EPISODES_NAMED = 500


def live_collection(store: Milvus) -> str:
    """The collection of the generation that is live.

    Raises:
        IndexMissing: there is none.
    """
    found = store.alias(store.address.name)
    if found is None:
        raise IndexMissing(f"{store}: no index there. Make one with `onrecord index TRANSCRIPTS --store {store}`.")
    return found


class _Files:
    """A folder that is removed when it is told, or nobody has it any more, or the process ends."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="onrecord-"))
        self.remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Head:
    """What readers of a generation keep of it; its small files in a folder of their own."""

    generation: Generation
    files: _Files
    episodes: tuple[EpisodeRow, ...]
    voices: tuple[Voice, ...]
    teasers: tuple[tuple[int, int, int], ...]
    words_by_voice: dict[int, int]
    keys: tuple[str, ...]
    columns: PassageColumns
    vocabulary: Vocabulary
    mean_lengths: tuple[float, float]
    retired: RetiredReader

    @property
    def passages(self) -> int:
        return len(self.columns.voice)

    def close(self) -> None:
        """Removes the files."""
        self.retired.close()
        self.files.remove()


def read_head(store: Milvus) -> Head:
    """The generation that is live.

    Raises:
        IndexMissing: there is none.
        IndexBroken: it is not there as a whole.
        FormatMismatch: another format version wrote it.
        NotNow: Milvus does not answer.
    """
    collection = live_collection(store)
    parts = read_parts(store.everywhere(collection, "", ["content"]))
    files = _Files()
    try:
        return _head(store, collection, parts, files)
    except (KeyError, ValueError) as error:
        raise IndexBroken(f"{store}: {collection} is not whole ({error}). Run `onrecord index` again.") from error


def _head(store: Milvus, collection: str, parts: dict[str, bytes], files: _Files) -> Head:
    folder = files.folder / _generation_in(store, collection, parts)
    folder.mkdir()
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    manifest = read_manifest(folder)
    for name in parts.keys() & manifest.files.keys():
        if problem := file_problem(folder / name, manifest.files[name]):
            raise IndexBroken(f"{store}: {collection}: {name}: {problem}. Run `onrecord index` again.")
    archive = json.loads(parts[ARCHIVE_PART])
    columns = read_columns(folder)
    terms = parts[TERMS_PART].decode().split("\n")
    frequencies = np.frombuffer(parts[FREQUENCIES_PART], dtype="<i8")
    passages, beside = archive["mean_lengths"]
    return Head(
        generation=Generation(folder, manifest),
        files=files,
        episodes=tuple(EpisodeRow(**row) for row in archive["episodes"]),
        voices=tuple(_voice(voice) for voice in archive["voices"]),
        teasers=tuple((episode, char, number) for episode, char, number in archive["teasers"]),
        words_by_voice=dict(archive["words_by_voice"]),
        keys=tuple(archive["keys"]),
        columns=columns,
        vocabulary=Vocabulary(terms, frequencies, len(columns.voice)),
        mean_lengths=(passages, beside),
        retired=RetiredReader(folder),
    )


def _generation_in(store: Milvus, collection: str, parts: dict[str, bytes]) -> str:
    name = str(json.loads(parts[MANIFEST])["id"])
    if generation_collection(store.address.name, name) != collection:
        raise ValueError(f"its manifest is of {name}")
    return name


def _voice(stated: dict[str, Any]) -> Voice:
    return Voice(**{**stated, "role": Role(stated["role"]), "aliases": tuple(stated["aliases"])})


class PassageRows:
    """The rows of passages by number. Safe to use from several threads."""

    def __init__(self, store: Milvus, head: Head) -> None:
        self.store = store
        self.head = head
        self.collection = passages_collection(store.address.name)
        self._dimension = int(head.generation.manifest.model["dimension"])
        self._episodes = {key: number for number, key in enumerate(head.keys)}
        counts = np.bincount(head.columns.episode, minlength=len(head.keys))
        self.first_of_episode = np.concatenate([[0], np.cumsum(counts)])
        # A passage that replies to each question, of those that were fetched last.
        self.replying: dict[int, int] = {}
        self._kept: dict[int, KeptRow] = {}
        self._coming: dict[int, Future[dict[int, KeptRow]]] = {}
        self._asking = ThreadPoolExecutor(_AT_ONCE, "milvus")
        # What is said of the masks that were asked for last.
        self._said: list[tuple[NDArray[np.bool_], str]] = []
        # Whether the rows that were found last were of other generations too.
        self._sees_others = False
        self._lock = threading.Lock()

    def close(self) -> None:
        self._asking.shutdown(wait=False, cancel_futures=True)
        self.head.close()

    def at_once(self, asked: Sequence[Callable[[], NDArray[np.int64]]]) -> list[NDArray[np.int64]]:
        """What several questions to Milvus give."""
        others = [self._asking.submit(ask) for ask in asked[1:]]
        return [*(ask() for ask in asked[:1]), *(other.result() for other in others)]

    def begin(self, numbers: NDArray[np.int64], use: Callable[[Mapping[int, KeptRow]], None] = lambda _: None) -> None:
        """Fetches rows that will be asked for, while something else is waited for.

        Args:
            use: what will be done with them.
        """

        def fetch(wanted: Sequence[int]) -> dict[int, KeptRow]:
            found = self._fetched(wanted)
            use(found)
            return found

        with self._lock:
            missing = [number for number in numbers.tolist() if number not in self._kept and number not in self._coming]
            for start in range(0, len(missing), _FETCHED_AT_ONCE):
                wanted = missing[start : start + _FETCHED_AT_ONCE]
                self._coming |= dict.fromkeys(wanted, self._asking.submit(fetch, wanted))

    def get(self, numbers: Sequence[int]) -> list[KeptRow]:
        """In the order asked for.

        Raises:
            NotNow: some are not there any more, since another generation is live.
        """
        found: dict[int, KeptRow] = {}
        for rows in self.arriving(numbers):
            found |= rows
        return [found[number] for number in numbers]

    def arriving(self, numbers: Sequence[int]) -> Iterator[dict[int, KeptRow]]:
        """The same some at a time, first those that need not be waited for."""
        kept = self._kept
        yield {number: row for number in numbers if (row := kept.get(number))}
        missing = {number for number in numbers if number not in kept}
        if not missing:
            return
        with self._lock:
            coming = {self._coming[number] for number in missing if number in self._coming}
        for fetch in as_completed(coming):
            rows = fetch.result()
            yield {number: rows[number] for number in missing & rows.keys()}
            missing -= rows.keys()
        if missing:
            yield self._fetched(sorted(missing))

    def _fetched(self, numbers: Sequence[int]) -> dict[int, KeptRow]:
        keys = self._keys_of(np.array(numbers, dtype=np.int64))
        fetched: dict[int, KeptRow] = {}
        try:
            rows = self.store.get(self.collection, keys, PASSAGE_FIELDS)
            if gone := len(keys) - len(rows):
                raise NotNow(f"{self.store}: {gone} passages are gone; a newer generation is on its way.")
            fetched = {number: KeptRow(rows[key], self._dimension) for number, key in zip(numbers, keys, strict=True)}
        finally:
            with self._lock:
                # Whoever looks meanwhile finds what was there or what is.
                self._kept = dict(islice(chain(fetched.items(), self._kept.items()), _ROWS_KEPT))
                before = self.replying if len(self.replying) < _ROWS_KEPT else {}
                asked = zip(self.head.columns.question[list(fetched)].tolist(), fetched, strict=True)
                self.replying = {**before, **dict(asked)}
                for number in numbers:
                    self._coming.pop(number, None)
        return fetched

    def _keys_of(self, numbers: NDArray[np.int64]) -> list[str]:
        episodes = self.head.columns.episode[numbers]
        places = (numbers - self.first_of_episode[episodes]).tolist()
        keys = self.head.keys
        return [place_key(keys[episode], place) for episode, place in zip(episodes.tolist(), places, strict=True)]

    def number_of(self, key: str) -> int | None:
        """None for a row of another generation."""
        episode_key, place = place_of(key)
        episode = self._episodes.get(episode_key)
        return None if episode is None else int(self.first_of_episode[episode]) + place

    def episode_of(self, key: str) -> int | None:
        """The number of an episode by its key; None where it is of another generation."""
        return self._episodes.get(key)

    def first_found(
        self, ask: Callable[[int, str], Sequence[str]], limit: int, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """The numbers of the first `limit` allowed passages of a ranking that Milvus makes, exact under any filter.

        What an expression can say narrows it down there. What comes back of other generations, or is not allowed, is
        left out, and more is asked for until enough are left, or all that are allowed have been named.

        Args:
            ask: the keys of the best rows, best first: of so many, for which an expression holds.
        """
        total = self.head.passages if allowed is None else int(np.count_nonzero(allowed))
        if total == 0 or limit == 0:
            return np.zeros(0, dtype=np.int64)
        expression = "" if allowed is None else self._expression(allowed)
        depth = min(MOST, int(limit * _SPARE) + 8) if self._sees_others else min(MOST, limit)
        while True:
            keys = ask(depth, expression)
            numbers = self._allowed(keys, allowed)
            if len(numbers) >= min(limit, total) or len(keys) < depth:
                return numbers[:limit]
            if depth == MOST:
                break
            depth = min(MOST, depth * 4)
        return self._named(ask, limit, np.arange(self.head.passages) if allowed is None else np.flatnonzero(allowed))

    def _allowed(self, keys: Sequence[str], allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        numbers = [number for number in map(self.number_of, keys) if number is not None]
        self._sees_others = len(numbers) < len(keys)
        found = np.array(numbers, dtype=np.int64)
        return found if allowed is None else found[allowed[found]]

    def _named(
        self, ask: Callable[[int, str], Sequence[str]], limit: int, numbers: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The first of passages that are named one by one: some at a time, then the first of these."""
        while len(numbers) > MOST:
            parts = np.array_split(numbers, -(-len(numbers) // MOST))
            numbers = np.concatenate([self._first_named(ask, limit, part) for part in parts])
        return self._first_named(ask, limit, numbers)

    def _first_named(
        self, ask: Callable[[int, str], Sequence[str]], limit: int, numbers: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        keys = ask(limit, one_of("key", self._keys_of(numbers)))
        return self._allowed(keys, None)

    def _expression(self, allowed: NDArray[np.bool_]) -> str:
        """What can be said of the allowed passages in few words: their kinds, roles, and episodes if these are few."""
        for mask, said in self._said:
            if mask is allowed:
                return said
        said = self._saying(allowed)
        self._said = [(allowed, said), *self._said[: _MASKS_KEPT - 1]]
        return said

    def _saying(self, allowed: NDArray[np.bool_]) -> str:
        columns = self.head.columns
        kinds = [number for number in range(len(KINDS)) if np.any(allowed & (columns.kind == number))]
        voices = np.flatnonzero(np.bincount(columns.voice[allowed], minlength=len(self.head.voices)))
        roles = sorted({ROLES.index(self.head.voices[voice].role) for voice in voices.tolist()})
        episodes = sorted({self.head.voices[voice].episode for voice in voices.tolist()})
        parts = [f"kind in {kinds}", f"role in {roles}"]
        if len(episodes) <= _EPISODES_NAMED:
            parts.append(one_of("episode", [self.head.keys[number] for number in episodes]))
        return " and ".join(parts)


class _QueryCosines:
    """The cosines of a query, of shape (dimension,), with all vectors of the rows of passages."""

    def __init__(self, query: NDArray[np.float32]) -> None:
        self._query = query
        self._found: dict[int, NDArray[np.float32]] = {}

    def of(self, rows: PassageRows, passages: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """Of each passage: of its own vector, those of its sentences, and that of its question."""
        numbers = passages.tolist()
        for arrived in rows.arriving([number for number in numbers if number not in self._found]):
            self.take(arrived)
        return [self._found[number] for number in numbers]

    def take(self, rows: Mapping[int, KeptRow]) -> None:
        """Rows that will be asked for."""
        if not rows:
            return
        scales = [row.scales for row in rows.values()]
        values = vector_values(np.concatenate([row.shifted for row in rows.values()]))
        cosines = (values.astype(np.float32) @ self._query) * np.concatenate(scales)
        ends = np.cumsum([len(held) for held in scales]).tolist()
        self._found |= {
            number: cosines[end - len(rows[number].scales) : end] for number, end in zip(rows, ends, strict=True)
        }


class _OnePerRow:
    """Vectors of one sort by number, of which a row has one."""

    def __init__(
        self, vectors: StoredVectors, place: int, passages: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    ) -> None:
        """
        Args:
            place: which of its vectors.
            passages: in whose rows vectors of some numbers stand.
        """
        self._vectors = vectors
        self._place = place
        self._passages = passages

    def cosines(self, numbers: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each with a unit vector of shape (dimension,)."""
        found = self._vectors.cosines(self._passages(numbers), vector)
        return np.array([cosines[self._place] for cosines in found], dtype=np.float32)


class _Sentences:
    """Those of sentences."""

    def __init__(self, vectors: StoredVectors, first: NDArray[np.int32]) -> None:
        """
        Args:
            first: see `PassageColumns.first_sentence`.
        """
        self._vectors = vectors
        self._first = first

    def cosines(self, numbers: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each with a unit vector of shape (dimension,)."""
        if len(numbers) == 0:
            return np.zeros(0, dtype=np.float32)
        first = self._first
        passages, which = np.unique(np.searchsorted(first, numbers, side="right") - 1, return_inverse=True)
        counts = first[passages + 1] - first[passages]
        found = self._vectors.cosines(passages, vector)
        cosines = np.concatenate([held[1 : 1 + count] for held, count in zip(found, counts.tolist(), strict=True)])
        taken: NDArray[np.float32] = cosines[(np.cumsum(counts) - counts - first[passages])[which] + numbers]
        return taken


class StoredVectors:
    """Vectors by nearness and by number."""

    def __init__(self, rows: PassageRows) -> None:
        self._rows = rows
        self.passages = _OnePerRow(self, 0, lambda numbers: numbers)
        self.sentences = _Sentences(self, rows.head.columns.first_sentence)
        self.questions = _OnePerRow(self, -1, self._replying)
        # Of the last queries: a ranking asks several things of the same rows.
        self._asked: dict[bytes, _QueryCosines] = {}

    def cosines(self, passages: NDArray[np.int64], query: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """See `_QueryCosines.of`."""
        return self._cosines_with(query).of(self._rows, passages)

    def _cosines_with(self, query: NDArray[np.float32]) -> _QueryCosines:
        key = query.tobytes()
        if (found := self._asked.get(key)) is None:
            found = _QueryCosines(query)
            self._asked = dict(islice(chain([(key, found)], self._asked.items()), _QUERIES_KEPT))
        return found

    def __len__(self) -> int:
        return self._rows.head.passages

    def nearest(self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The numbers of the `limit` passages nearest to a query of shape (dimension,), best first."""
        store, collection = self._rows.store, self._rows.collection

        def ask(depth: int, expression: str) -> list[str]:
            return store.nearest(collection, query, depth, expression)

        found = self._rows.first_found(ask, limit, allowed)
        self._rows.begin(found, self._cosines_with(query).take)
        return found

    def _replying(self, questions: NDArray[np.int64]) -> NDArray[np.int64]:
        """A passage that replies to each question: one whose row is at hand, if there is one."""
        replying, first = self._rows.replying, self._first_replies
        passages = [replying.get(number, int(first[number])) for number in questions.tolist()]
        return np.array(passages, dtype=np.int64)

    @cached_property
    def _first_replies(self) -> NDArray[np.int64]:
        """The first passage that replies to each question; 0 for a question that has no reply."""
        asked = self._rows.head.columns.question
        first = np.zeros(int(asked.max(initial=-1)) + 2, dtype=np.int64)
        replies = np.flatnonzero(asked >= 0)[::-1]
        first[asked[replies]] = replies
        return first
