"""A generation on disk to Milvus: what is new of it is written, and then it is live there, in one step.

Whatever stops the writer, readers see what was live before; the next run writes what is missing. Rows that are there
are the same, since their keys say what they are made of, so that writing them again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from indexer.columns import COLUMNS_FILE, SECTIONS_FILE
from indexer.errors import IndexMismatch, NotNow
from indexer.generations import MANIFEST, REPORT, Generation
from indexer.lexical import LexicalReader
from indexer.milvus import Milvus, one_of
from indexer.milvus_rows import (
    PART_TEXTS,
    PASSAGE_NUMBERS,
    PASSAGE_TEXTS,
    TURN_NUMBERS,
    TURN_TEXTS,
    WORK,
    generation_collection,
    is_episode_key,
    is_generation_of,
    part_rows,
    passages_collection,
    read_parts,
    turns_collection,
)
from indexer.milvus_source import EpisodeSource, EpisodeVectors
from indexer.milvus_work import WorkList, Written
from indexer.progress import Progress
from indexer.retired import RETIRED_FILE
from indexer.vectors import VectorReader

ARCHIVE_PART = "archive.json"
STATE_PART = "state.txt"
TERMS_PART = "terms.txt"
FREQUENCIES_PART = "frequencies.npy"
_FILES = (MANIFEST, REPORT, COLUMNS_FILE, SECTIONS_FILE, RETIRED_FILE)


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
    manifest = generation.manifest
    source = EpisodeSource(generation.folder, manifest.model, manifest.settings["indexer"])
    try:
        return _publish(store, generation, source, progress)
    finally:
        source.close()


def _publish(store: Milvus, generation: Generation, source: EpisodeSource, progress: Progress) -> Published:
    name = store.address.name
    create_collections(store, int(generation.manifest.model["dimension"]))
    work = WorkList(store)
    keys = source.keys()
    done = work.done()
    missing = [number for number, key in enumerate(keys) if key not in done]
    vectors = VectorReader(generation.folder)
    written: dict[str, Written] = {}
    for count, number in enumerate(missing, 1):
        work.begin([keys[number]])
        written[keys[number]] = write_episode(
            store, source, number, keys[number], source.written_vectors(number, vectors)
        )
        progress("Writing to the store", count, len(missing))
    if gone := work.finish(written):
        raise NotNow(f"{store}: another run removed {len(gone)} episodes that this one wrote. Run this again.")
    target = generation_collection(name, generation.manifest.id)
    before = store.alias(name)
    if before != target:
        if target in store.collections():
            store.drop(target)
        for rows in (passages_collection(name), turns_collection(name)):
            store.flush(rows)
        store.create(target, PART_TEXTS)
        store.put(target, list(_parts(generation, source, keys)))
        store.flush(target)
        store.name_alias(name, target)
        _drop_generations(store, but={target, before})
    removed = _clear_away(store, keys)
    return Published(len(missing), len(keys) - len(missing), removed)


def create_collections(store: Milvus, dimension: int) -> None:
    """Has the collections that all generations share.

    Raises:
        IndexMismatch: they are there, of a model whose vectors have another size.
    """
    name = store.address.name
    store.create(passages_collection(name), PASSAGE_TEXTS, PASSAGE_NUMBERS, dimension)
    store.create(turns_collection(name), TURN_TEXTS, TURN_NUMBERS)
    found = store.dimension(passages_collection(name))
    if found != dimension:
        raise IndexMismatch(
            f"{store}: it holds vectors of {found} values, the model at hand makes {dimension}. Give the collection "
            "another name for another model."
        )


def write_episode(store: Milvus, source: EpisodeSource, number: int, key: str, vectors: EpisodeVectors) -> Written:
    """The rows of an episode, in place of those that are there."""
    name = store.address.name
    turns, passages = list(source.turns(number, key)), list(source.passages(number, key, vectors))
    store.put(turns_collection(name), turns)
    store.put(passages_collection(name), passages)
    return Written(len(turns), len(passages))


def _generations(store: Milvus) -> list[str]:
    return [one for one in store.collections() if is_generation_of(store.address.name, one)]


def _drop_generations(store: Milvus, but: Collection[str | None]) -> None:
    """Readers change to a new generation within a second; what was live before is kept for the next one."""
    for one in _generations(store):
        if one not in but:
            store.drop(one)


def _clear_away(store: Milvus, keys: Sequence[str]) -> int:
    """Removes the episodes that no generation holds."""
    name = store.address.name
    held = set(keys)
    for one in _generations(store):
        held |= set(_keys_in(store, one))
    rows = store.everywhere(turns_collection(name), f"turn == {WORK}", [])
    gone_keys = sorted(row["key"] for row in rows if row["key"] not in held)
    for start in range(0, len(gone_keys), 100):
        expression = one_of("episode", gone_keys[start : start + 100])
        store.delete(passages_collection(name), expression)
        store.delete(turns_collection(name), expression)
    return sum(map(is_episode_key, gone_keys))


def _keys_in(store: Milvus, collection: str) -> list[str]:
    found = read_parts(store.everywhere(collection, "", ["content"]))
    keys: list[str] = json.loads(found[ARCHIVE_PART])["keys"] if ARCHIVE_PART in found else []
    return keys


def _parts(generation: Generation, source: EpisodeSource, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What readers keep in memory."""
    folder = generation.folder
    for name in _FILES:
        if (folder / name).exists():
            yield from part_rows(name, (folder / name).read_bytes())
    catalog, lexical = source.catalog, LexicalReader(folder)
    archive = {
        "keys": list(keys),
        "episodes": [asdict(row) for row in catalog.episodes],
        "voices": [asdict(voice) for voice in catalog.voices],
        "teasers": catalog.teasers(),
        "words_by_voice": sorted(catalog.words_by_voice().items()),
        "mean_lengths": lexical.mean_lengths(),
    }
    yield from part_rows(ARCHIVE_PART, json.dumps(archive, ensure_ascii=False).encode())
    yield from part_rows(STATE_PART, source.state(keys).encode())
    yield from part_rows(TERMS_PART, "\n".join(lexical.vocabulary.terms).encode())
    yield from part_rows(FREQUENCIES_PART, np.asarray(lexical.vocabulary.frequencies, dtype="<i8").tobytes())
