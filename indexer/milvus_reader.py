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
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import EpisodeRow, Voice
from indexer.columns import PassageColumns, read_columns
from indexer.errors import IndexBroken, IndexMissing, NotNow
from indexer.generations import MANIFEST, Generation, file_problem, read_manifest
from indexer.milvus import MOST, Milvus, one_of
from indexer.milvus_rows import (
    PASSAGE_FIELDS,
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
# As many times more as are wanted are asked for at first, since some may be of other generations.
_SPARE = 1.25
_PICKED_MORE = 8
_Places: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
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
        # A passage that replies to each question, of those that were asked for.
        self.replying: dict[int, int] = {}
        self._kept: OrderedDict[int, KeptRow] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, numbers: Sequence[int]) -> list[KeptRow]:
        """In the order asked for.

        Raises:
            NotNow: some are not there any more, since another generation is live.
        """
        found: dict[int, KeptRow] = {}
        with self._lock:
            for number in numbers:
                if number in self._kept:
                    self._kept.move_to_end(number)
                    found[number] = self._kept[number]
        if missing := [number for number in dict.fromkeys(numbers) if number not in found]:
            fetched = self._fetched(missing)
            found |= fetched
            with self._lock:
                self._kept |= fetched
                self.replying |= {int(self.head.columns.question[number]): number for number in fetched}
                while len(self._kept) > _ROWS_KEPT:
                    self._kept.popitem(last=False)
        return [found[number] for number in numbers]

    def _fetched(self, numbers: Sequence[int]) -> dict[int, KeptRow]:
        keys = [self.key_of(number) for number in numbers]
        rows = self.store.get(self.collection, keys, PASSAGE_FIELDS)
        if len(rows) != len(keys):
            raise NotNow(f"{self.store}: {len(keys) - len(rows)} passages are gone; a newer generation is on its way.")
        return {number: KeptRow(rows[key], self._dimension) for number, key in zip(numbers, keys, strict=True)}

    def key_of(self, number: int) -> str:
        episode = int(self.head.columns.episode[number])
        return place_key(self.head.keys[episode], number - int(self.first_of_episode[episode]))

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
        depth = min(MOST, int(limit * _SPARE) + 8)
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
        keys = ask(limit, one_of("key", [self.key_of(int(number)) for number in numbers]))
        return self._allowed(keys, None)

    def _expression(self, allowed: NDArray[np.bool_]) -> str:
        """What can be said of the allowed passages in a few words: their kinds, and their episodes if they are few."""
        columns = self.head.columns
        kinds = np.unique(columns.kind[allowed]).tolist()
        parts = [f"kind in {kinds}"]
        episodes = np.unique(columns.episode[allowed])
        if len(episodes) <= _EPISODES_NAMED:
            parts.append(one_of("episode", [self.head.keys[number] for number in episodes]))
        return " and ".join(parts)


class _Rows:
    """Vectors of one sort by number, out of the rows of passages."""

    def __init__(self, rows: PassageRows, place: Callable[[NDArray[np.int64]], _Places]) -> None:
        """
        Args:
            place: the passages in whose rows some vectors stand, and where in them, from the end if below 0.
        """
        self._rows = rows
        self._place = place

    def cosines(self, numbers: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each with a unit vector of shape (dimension,)."""
        if len(numbers) == 0:
            return np.zeros(0, dtype=np.float32)
        passages, places = self._place(numbers)
        distinct, which = np.unique(passages, return_inverse=True)
        rows = self._rows.get(distinct.tolist())
        scales = [row.scales for row in rows]
        counts = np.array([len(held) for held in scales])
        first = np.cumsum(counts) - counts
        wanted = first[which] + np.where(places < 0, counts[which] + places, places)
        values = vector_values(np.concatenate([row.shifted for row in rows])[wanted])
        found: NDArray[np.float32] = (values.astype(np.float32) @ vector) * np.concatenate(scales)[wanted]
        return found


class StoredVectors:
    """Vectors by nearness and by number."""

    def __init__(self, rows: PassageRows) -> None:
        self._rows = rows
        self.passages = _Rows(rows, lambda numbers: (numbers, np.zeros_like(numbers)))
        self.sentences = _Rows(rows, self._sentences)
        self.questions = _Rows(rows, self._questions)

    def __len__(self) -> int:
        return self._rows.head.passages

    def nearest(self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The numbers of the `limit` passages nearest to a query of shape (dimension,), best first."""
        store, collection = self._rows.store, self._rows.collection

        def ask(depth: int, expression: str) -> list[str]:
            return store.nearest(collection, query, depth, expression)

        # Milvus compares what is rounded otherwise: a few more are picked, and put in our order.
        picked = self._rows.first_found(ask, limit and limit + _PICKED_MORE, allowed)
        order = np.lexsort((picked, -self.passages.cosines(picked, query)))[:limit]
        found: NDArray[np.int64] = picked[order]
        return found

    def _sentences(self, numbers: NDArray[np.int64]) -> _Places:
        first = self._rows.head.columns.first_sentence
        passages = np.searchsorted(first, numbers, side="right") - 1
        return passages, numbers - first[passages] + 1

    def _questions(self, numbers: NDArray[np.int64]) -> _Places:
        replying, first = self._rows.replying, self._first_replies
        passages = [replying.get(number, int(first[number])) for number in numbers.tolist()]
        return np.array(passages, dtype=np.int64), np.full(len(passages), -1)

    @cached_property
    def _first_replies(self) -> NDArray[np.int64]:
        """The first passage that replies to each question; 0 for a question that has no reply."""
        asked = self._rows.head.columns.question
        first = np.zeros(int(asked.max(initial=-1)) + 2, dtype=np.int64)
        replies = np.flatnonzero(asked >= 0)[::-1]
        first[asked[replies]] = replies
        return first
