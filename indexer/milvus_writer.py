"""A generation on disk to Milvus: what is new of it is written, and then it is live there, in one step.

Whatever stops the writer, readers see what was live before; the next run writes what is missing. Rows that are there
are the same, since their keys say what they are made of, so that writing them again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np

from indexer.catalog import CatalogReader, StoredPassage
from indexer.columns import COLUMNS_FILE, SECTIONS_FILE, PassageColumns, read_columns
from indexer.errors import IndexMismatch
from indexer.generations import MANIFEST, REPORT, Generation
from indexer.lexical import LexicalReader
from indexer.milvus import Milvus, one_of
from indexer.milvus_rows import (
    PART_TEXTS,
    PASSAGE_NUMBERS,
    PASSAGE_TEXTS,
    TURN_NUMBERS,
    TURN_TEXTS,
    WHOLE,
    PassageRow,
    Question,
    digest,
    generation_collection,
    is_generation_of,
    part_rows,
    passage_row,
    passages_collection,
    place_key,
    read_parts,
    turn_rows,
    turns_collection,
    whole_row,
)
from indexer.progress import Progress
from indexer.retired import RETIRED_FILE
from indexer.vectors import VectorReader

ARCHIVE_PART = "archive.json"
TERMS_PART = "terms.txt"
FREQUENCIES_PART = "frequencies.npy"
_FILES = (MANIFEST, REPORT, COLUMNS_FILE, SECTIONS_FILE, RETIRED_FILE)
# Readers change to a new generation within a second; what was live before is kept for the next one.
_KEPT = 2


@dataclass(frozen=True, slots=True)
class Published:
    """What a run did to the store: how many episodes were written, were there, and were removed."""

    written: int
    kept: int
    removed: int


def publish_to(store: Milvus, generation: Generation, progress: Progress) -> Published:
    """Makes a generation the live one of a store.

    Raises:
        NotNow: Milvus does not answer. What was live there is live still.
        ArchiveError: it lets nobody in, or a row does not fit.
        IndexMismatch: what is there is of a model whose vectors have another size.
    """
    source = _Source(generation)
    try:
        return _publish(store, source, progress)
    finally:
        source.close()


def _publish(store: Milvus, source: _Source, progress: Progress) -> Published:
    name = store.address.name
    there = set(store.collections())
    if passages_collection(name) not in there:
        store.create(passages_collection(name), PASSAGE_TEXTS, PASSAGE_NUMBERS, source.dimension)
    if turns_collection(name) not in there:
        store.create(turns_collection(name), TURN_TEXTS, TURN_NUMBERS)
    _refuse_other_dimension(store, source.dimension)
    keys = source.episode_keys()
    whole = _whole_episodes(store)
    missing = [number for number, key in enumerate(keys) if key not in whole]
    for done, number in enumerate(missing, 1):
        _write_episode(store, source, number, keys[number])
        progress("Writing to the store", done, len(missing))
    if missing:
        store.flush(passages_collection(name))
        store.put(turns_collection(name), [whole_row(keys[number], is_whole=True) for number in missing])
        store.flush(turns_collection(name))
    target = generation_collection(name, source.generation.manifest.id)
    if store.alias(name) != target:
        if target in there:
            store.drop(target)
        store.create(target, PART_TEXTS)
        store.put(target, list(source.parts(keys)))
        store.flush(target)
        store.name_alias(name, target)
    removed = _clear_away(store, target, keys)
    return Published(len(missing), len(keys) - len(missing), removed)


def _refuse_other_dimension(store: Milvus, dimension: int) -> None:
    there = store.dimension(passages_collection(store.address.name))
    if there != dimension:
        raise IndexMismatch(
            f"{store}: it holds vectors of {there} values, the model at hand makes {dimension}. Give the collection "
            "another name for another model."
        )


def _write_episode(store: Milvus, source: _Source, number: int, key: str) -> None:
    name = store.address.name
    # Its own row comes first, so that what a run leaves half done is known to the next.
    store.put(turns_collection(name), [whole_row(key, is_whole=False), *source.turns(number, key)])
    store.put(passages_collection(name), list(source.passages(number, key)))


def _whole_episodes(store: Milvus) -> set[str]:
    rows = store.everywhere(turns_collection(store.address.name), f"turn == {WHOLE}", ["content"])
    return {row["key"] for row in rows if json.loads(row["content"])}


def _clear_away(store: Milvus, live: str, keys: Sequence[str]) -> int:
    """Removes the generations that are not kept, and the episodes that none of those that are kept holds."""
    name = store.address.name
    others = sorted(one for one in store.collections() if is_generation_of(name, one) and one != live)
    for gone in others[: len(others) - (_KEPT - 1)]:
        store.drop(gone)
    held = set(keys)
    for kept in others[len(others) - (_KEPT - 1) :]:
        held |= set(_keys_in(store, kept))
    rows = store.everywhere(turns_collection(name), f"turn == {WHOLE}", [])
    gone_keys = sorted(row["key"] for row in rows if row["key"] not in held)
    for start in range(0, len(gone_keys), 100):
        expression = one_of("episode", gone_keys[start : start + 100])
        store.delete(passages_collection(name), expression)
        store.delete(turns_collection(name), expression)
    return len(gone_keys)


def _keys_in(store: Milvus, collection: str) -> list[str]:
    found = read_parts(store.everywhere(collection, "", ["content"]))
    keys: list[str] = json.loads(found[ARCHIVE_PART])["keys"] if ARCHIVE_PART in found else []
    return keys


class _Source:
    """A generation on disk, as rows."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        folder = generation.folder
        self._catalog = CatalogReader(folder)
        self._columns: PassageColumns = read_columns(folder)
        self._vectors = VectorReader(folder)
        self._lexical = LexicalReader(folder)
        self.dimension = int(generation.manifest.model["dimension"])
        by_episode = groupby(self._catalog.voices, key=lambda voice: voice.episode)
        self._names = {episode: [voice.name for voice in voices] for episode, voices in by_episode}

    def close(self) -> None:
        self._catalog.close()

    def episode_keys(self) -> list[str]:
        """By the numbers of the episodes: of all that their rows hold."""
        manifest = self.generation.manifest
        made_by = [manifest.format_version, manifest.model, manifest.settings["indexer"]]
        return [digest([made_by, *self._said(row.number)]) for row in self._catalog.episodes]

    def _said(self, episode: int) -> Iterator[Any]:
        yield self._names.get(episode)
        yield [asdict(turn) for _, _, turn in self._catalog.turns(episode)]
        for stored in self._catalog.passages_of(episode):
            yield [asdict(stored.passage), stored.vector_key]

    def turns(self, episode: int, key: str) -> Iterator[dict[str, Any]]:
        for number, (start, _, turn) in enumerate(self._catalog.turns(episode)):
            yield from turn_rows(key, number, start, self._names[episode].index(turn.speaker), turn)

    def passages(self, episode: int, key: str) -> Iterator[dict[str, Any]]:
        stored = self._catalog.passages_of(episode)
        if not stored:
            return
        starts = [start for start, _, _ in self._catalog.turns(episode)]
        numbers = np.arange(stored[0].number, stored[-1].number + 1)
        vectors = self._vectors.passages.vectors(numbers)
        asked = self._questions(episode, starts)
        terms = [self._lexical.placed_terms(one.passage.text) for one in stored]
        for place, (one, vector) in enumerate(zip(stored, vectors, strict=True)):
            number = int(self._columns.question[one.number])
            question, words = asked.get(number, (None, ""))
            around = (
                terms[place - 1] if place else (),
                terms[place + 1] if place + 1 < len(stored) else (),
                self._lexical.placed_terms(one.passage.header),
                self._lexical.placed_terms(words),
            )
            row = PassageRow(
                turn_start=starts[one.passage.turn],
                vector_key=one.vector_key,
                passage=one.passage,
                question=question,
                terms=tuple(terms[place]),
                around=tuple(tuple(filter(None, line)) for line in around),
                vectors=self._stored_vectors(one, number),
            )
            yield {**passage_row(place_key(key, place), row), "vector": vector.tolist()}

    def _stored_vectors(self, stored: StoredPassage, question: int) -> Any:
        first = stored.first_sentence
        rows = [
            self._vectors.passages.stored(slice(stored.number, stored.number + 1)),
            self._vectors.sentences.stored(slice(first, first + len(stored.passage.sentences))),
        ]
        if question >= 0:
            rows.append(self._vectors.questions.stored(slice(question, question + 1)))
        return np.concatenate(rows)

    def _questions(self, episode: int, starts: Sequence[int]) -> dict[int, tuple[Question, str]]:
        """The questions of an episode by number, and their words."""
        return {
            number: (Question(turn, start, end, starts[turn], key), words)
            for number, turn, start, end, key, words in self._catalog.questions_in(episode)
        }

    def parts(self, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        """What readers keep in memory."""
        folder = self.generation.folder
        for name in _FILES:
            if (folder / name).exists():
                yield from part_rows(name, (folder / name).read_bytes())
        archive = {
            "keys": list(keys),
            "episodes": [asdict(row) for row in self._catalog.episodes],
            "voices": [asdict(voice) for voice in self._catalog.voices],
            "teasers": self._catalog.teasers(),
            "words_by_voice": sorted(self._catalog.words_by_voice().items()),
            "mean_lengths": self._lexical.mean_lengths(),
        }
        yield from part_rows(ARCHIVE_PART, json.dumps(archive, ensure_ascii=False).encode())
        vocabulary = self._lexical.vocabulary
        yield from part_rows(TERMS_PART, "\n".join(vocabulary.terms).encode())
        yield from part_rows(FREQUENCIES_PART, np.asarray(vocabulary.frequencies, dtype="<i8").tobytes())
