"""An archive that several workers index together, on as many machines: each embeds the episodes that no other has.

All read and cut the whole archive, since who speaks and what is said twice is known only from all of it, which is a
small part of the work; what is found is the same everywhere. The rows that a worker writes stay, whatever becomes of
it, so that a run that is started again goes on where all were. One of them finishes: it makes the generation of what
all have written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embeddings.base import Embedder, PassageInput, PassageVectors, Vectors
from indexer.ahead import made_ahead
from indexer.catalog import StoredPassage
from indexer.embed import VectorsByKey
from indexer.errors import IndexMissing, NotNow
from indexer.milvus import Milvus
from indexer.milvus_reader import live_collection
from indexer.milvus_rows import (
    KeptRow,
    digest,
    finishing_key,
    part_key,
    passages_collection,
    place_key,
    place_of,
    read_parts,
    vector_values,
)
from indexer.milvus_source import EpisodeSource, EpisodeVectors
from indexer.milvus_work import WorkList, Written
from indexer.milvus_writer import STATE_PART, create_collections, write_episode
from indexer.passages import embedded_text
from indexer.progress import Progress
from indexer.rows import rounded

# Of what is left, each worker takes so much at a time: much of a large archive, and little where it comes to its end.
_SHARE = 0.01
_MOST_EPISODES = 64
_SAFE_EVERY_S = 10.0
_LOOK_EVERY_S = 2.0


class _Episode(NamedTuple):
    """What an episode's vectors are made for, and those that are known already, by key."""

    number: int
    stored: list[StoredPassage]
    questions: list[tuple[str, str]]
    known: dict[str, PassageVectors]
    known_questions: dict[str, Vectors]

    def new_passages(self) -> Iterator[PassageInput]:
        return (PassageInput(*embedded_text(one.passage)) for one in self.stored if one.vector_key not in self.known)

    def new_questions(self) -> Iterator[str]:
        return (text for key, text in self.questions if key not in self.known_questions)


class SharedWork:
    """What one worker does for an index that several make."""

    def __init__(self, store: Milvus, work: WorkList) -> None:
        self._store = store
        self._work = work

    def embed(
        self,
        folder: Path,
        writer: str,
        embedder: Embedder,
        kept: Sequence[VectorsByKey],
        progress: Progress,
    ) -> VectorsByKey | None:
        """Embeds what is missing of a folder's catalog, with the others, until nothing is.

        Args:
            writer: the digest of the code that made the folder.
            kept: where vectors may be found that need not be made.

        Returns:
            All vectors, for this worker to finish the index; None where another one has finished it.

        Raises:
            NotNow: Milvus does not answer.
            IndexMismatch: it holds vectors of another size.
        """
        source = EpisodeSource(folder, embedder.fingerprint.to_json(), writer)
        create_collections(self._store, embedder.fingerprint.dimension)
        is_to_finish = False
        try:
            keys = source.keys()
            self._embed_missing(source, keys, embedder, kept, progress)
            is_to_finish = self._is_to_finish(source.state(keys))
            if not is_to_finish:
                return None
            return _WrittenVectors(self._store, self._work, source, keys, embedder.fingerprint.dimension)
        finally:
            if not is_to_finish:
                source.close()

    def _embed_missing(
        self,
        source: EpisodeSource,
        keys: Sequence[str],
        embedder: Embedder,
        kept: Sequence[VectorsByKey],
        progress: Progress,
    ) -> None:
        def make(episodes: Sequence[_Episode]) -> tuple[list[PassageVectors], Vectors]:
            passages = [passage for one in episodes for passage in one.new_passages()]
            questions = [question for one in episodes for question in one.new_questions()]
            asked = embedder.embed_queries(questions) if questions else np.zeros((0, 0), dtype=np.float32)
            return embedder.embed_passages(passages), asked

        while self._missing(keys, progress):
            written: dict[str, Written] = {}
            safe_at = time.monotonic()
            for episodes, (passages, questions) in made_ahead(make, self._taken(source, keys, kept, progress)):
                new, asked = iter(passages), iter(questions)
                for one in episodes:
                    key = keys[one.number]
                    written[key] = write_episode(self._store, source, one.number, key, _vectors(one, new, asked))
                if time.monotonic() - safe_at > _SAFE_EVERY_S:
                    self._work.finish(written)
                    written, safe_at = {}, time.monotonic()
            if written:
                self._work.finish(written)
            else:
                time.sleep(_LOOK_EVERY_S)  # others are at work on what is left, or have died over it

    def _missing(self, keys: Sequence[str], progress: Progress) -> list[int]:
        done = self._work.done()
        missing = [number for number, key in enumerate(keys) if key not in done]
        progress("Embedding, all workers", len(keys) - len(missing), len(keys))
        return missing

    def _taken(
        self, source: EpisodeSource, keys: Sequence[str], kept: Sequence[VectorsByKey], progress: Progress
    ) -> Iterator[tuple[list[_Episode], list[_Episode]]]:
        """Episodes that this worker is at work on, while there are any: to be written, and to be embedded."""
        numbers = {key: number for number, key in enumerate(keys)}
        # Each begins elsewhere, so that few take the same.
        order = sorted(keys, key=lambda key: digest([self._work.worker, key]))
        while True:
            most = max(1, min(_MOST_EPISODES, int(_SHARE * len(self._missing(keys, progress)))))
            taken = [_episode(source, numbers[key], kept) for key in self._work.take(order, most)]
            if not taken:
                return
            yield taken, taken

    def _is_to_finish(self, state: str) -> bool:
        """Whether this worker is the one; waits while another one is at it."""
        while self._live() != state:
            if self._work.take([finishing_key(state)], 1):
                return self._live() != state
            time.sleep(_LOOK_EVERY_S)
        return False

    def _live(self) -> str | None:
        """The state of the generation that is live."""
        try:
            collection = live_collection(self._store)
        except IndexMissing:
            return None
        found = self._store.get(collection, [part_key(STATE_PART, 0)], ["content"])
        parts = read_parts(list(found.values()))
        return parts[STATE_PART].decode() if STATE_PART in parts else None


def _episode(source: EpisodeSource, number: int, kept: Sequence[VectorsByKey]) -> _Episode:
    stored = source.catalog.passages_of(number)
    questions = [(key, text) for _, _, _, _, key, text in source.catalog.questions_in(number)]
    known: dict[str, PassageVectors] = {}
    known_questions: dict[str, Vectors] = {}
    for one in kept:
        known |= one.passages([passage.vector_key for passage in stored if passage.vector_key not in known])
        known_questions |= one.questions([key for key, _ in questions if key not in known_questions])
    return _Episode(number, stored, questions, known, known_questions)


def _vectors(episode: _Episode, new: Iterator[PassageVectors], asked: Iterator[Vectors]) -> EpisodeVectors:
    passages = [episode.known.get(one.vector_key) or next(new) for one in episode.stored]
    questions = [
        episode.known_questions[key] if key in episode.known_questions else next(asked) for key, _ in episode.questions
    ]
    return EpisodeVectors(
        _rounded([one.vector for one in passages]),
        _rounded([span for one in passages for span in one.spans]),
        _rounded(questions),
    )


def _rounded(vectors: Sequence[Vectors]) -> NDArray[np.int8]:
    return rounded(np.stack(vectors)) if vectors else np.zeros((0, 0), dtype=np.int8)


class _WrittenVectors:
    """The vectors of a catalog's episodes, all of which are in Milvus."""

    def __init__(
        self, store: Milvus, work: WorkList, source: EpisodeSource, keys: Sequence[str], dimension: int
    ) -> None:
        self._store = store
        self._work = work
        self._source = source
        self._keys = keys
        self._dimension = dimension
        asked, replies = np.unique(source.columns.question, return_index=True)
        self._first_reply = dict(zip(asked.tolist(), replies.tolist(), strict=True))

    def close(self) -> None:
        self._source.close()

    def passages(self, keys: Sequence[str]) -> dict[str, PassageVectors]:
        """The vectors of passages and of their sentences, by key."""
        places = self._source.catalog.vectors_by_key(keys)
        rows = self._rows([number for number, _, _ in places.values()])
        return {
            key: PassageVectors(rows[number][0], rows[number][1 : 1 + count])
            for key, (number, _, count) in places.items()
        }

    def questions(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of questions, by key."""
        numbers = self._source.catalog.questions_by_key(keys)
        rows = self._rows([self._first_reply[number] for number in numbers.values()])
        return {key: rows[self._first_reply[number]][-1] for key, number in numbers.items()}

    def _rows(self, passages: Sequence[int]) -> dict[int, Vectors]:
        columns = self._source.columns
        keys = {}
        for number, episode in zip(passages, columns.episode[list(passages)].tolist(), strict=True):
            keys[number] = place_key(self._keys[episode], number - columns.passages_of(episode, 1).start)
        found = self._store.get(
            passages_collection(self._store.address.name), sorted(set(keys.values())), ["vectors", "scales", "terms"]
        )
        if missing := set(keys.values()) - found.keys():
            self._work.reopen({place_of(key)[0] for key in missing})
            raise NotNow(f"{self._store}: {len(missing)} passages are gone; another run removed them. Run this again.")
        rows = {number: KeptRow(found[key], self._dimension) for number, key in keys.items()}
        return {number: vector_values(row.shifted) * row.scales[:, np.newaxis] for number, row in rows.items()}
