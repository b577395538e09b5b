"""One generation of an index, open for questions: what it holds, and the model that its vectors are of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embeddings.base import Embedder, Fingerprint, Reranker
from embeddings.model_files import fingerprint, locate_model
from embeddings.runtimes import Runtime, open_embedder
from indexer.catalog import CatalogReader, Voice
from indexer.columns import KINDS, PassageColumns, read_columns
from indexer.errors import FormatMismatch, IndexBroken, IndexMismatch, IndexMissing
from indexer.generations import (
    Generation,
    Hold,
    hold_current,
    hold_generation,
    named_generation,
    published_folders,
)
from indexer.lexical import LexicalReader
from indexer.retired import RetiredReader
from indexer.store import Catalog, Lexical, RetiredIds, Vectors
from indexer.types import Kind, Role
from indexer.vectors import VectorReader
from service.conditions import ConditionMasks
from service.people import People

log = logging.getLogger("onrecord.service")


class KindMasks:
    """Which passages are of some kinds; each is worked out once, for most searches ask for the same."""

    def __init__(self, kind: NDArray[np.int32]) -> None:
        self._kind = kind
        self._masks: dict[frozenset[Kind], NDArray[np.bool_]] = {}

    def of(self, kinds: Iterable[Kind]) -> NDArray[np.bool_]:
        """Bool, shape (passages,), not to be written to."""
        wanted = frozenset(kinds)
        if wanted not in self._masks:
            mask = np.isin(self._kind, [KINDS.index(kind) for kind in wanted])
            mask.flags.writeable = False
            self._masks[wanted] = mask
        return self._masks[wanted]


_ANSWERING = {Role.GUEST: 1.0, Role.HOST: 0.0, Role.UNKNOWN: 0.5}


@dataclass(frozen=True, slots=True)
class Reranking:
    """A model that reads passages with the query, how many of the first ones, and for how long at most."""

    model: Reranker
    top: int = 20
    budget_ms: int = 300


@dataclass(frozen=True, slots=True)
class Archive:
    """Everything that answers are made from. Immutable, and safe to use from several threads.

    `answering`: one entry per voice, 1 for a guest, 0 for a guest's host, 1/2 for others. `voices_of`: by episode.
    `episode_numbers`: by id.
    `teasers`: see `CatalogReader.teasers`.
    """

    generation: Generation
    catalog: Catalog
    columns: PassageColumns
    vectors: Vectors
    lexical: Lexical
    retired: RetiredIds
    embedder: Embedder
    answering: NDArray[np.float32]
    voices_of: Mapping[int, Sequence[Voice]]
    episode_numbers: Mapping[str, int]
    teasers: tuple[tuple[int, int, int], ...]
    people: People
    kinds: KindMasks
    conditions: ConditionMasks
    reranking: Reranking | None
    let_go: Callable[[], None]

    @property
    def passages(self) -> int:
        return len(self.columns.voice)

    def passages_by_voice(self) -> NDArray[np.int64]:
        """How many passages each voice has, shape (voices,)."""
        counts: NDArray[np.int64] = np.bincount(self.columns.voice, minlength=len(self.catalog.voices))
        return counts

    def close(self) -> None:
        """Closes its files, and lets writers remove them. The embedder stays."""
        self.catalog.close()
        self.retired.close()
        self.let_go()


def open_archive(
    index: Path,
    *,
    model: str | None = None,
    runtime: Runtime = Runtime.AUTO,
    embedder: Embedder | None = None,
    reranking: Reranking | None = None,
) -> Archive:
    """The live generation of an index, which stays on disk until the archive is closed.

    Args:
        model: the model to embed queries with, by name or folder; by default the one the index names.
        embedder: one that is already open, in place of `model` and `runtime`.

    Raises:
        IndexMissing, IndexBroken: there is no index, or a file of it is not as it was written.
        IndexMismatch: the index is of another format version, or its vectors are of another model.
        EmbeddingError: the model is not to be had.
    """
    return _opened(*hold_current(index), model, runtime, embedder, reranking)


def open_archive_or_earlier(
    index: Path, *, model: str | None = None, runtime: Runtime = Runtime.AUTO, reranking: Reranking | None = None
) -> Archive:
    """As `open_archive`; where the live generation is not whole, the newest one before it that is. The log says so.

    Raises:
        IndexMissing, IndexBroken, FormatMismatch: none is whole; it says what is wrong with the live one.
    """
    try:
        return open_archive(index, model=model, runtime=runtime, reranking=reranking)
    except (IndexBroken, IndexMissing, FormatMismatch) as error:
        live, wrong = named_generation(index), error
    # What came after the live one was gone back from.
    for folder in reversed([folder for folder in published_folders(index) if live is None or folder.name < live]):
        with suppress(IndexBroken, FormatMismatch):
            held = hold_generation(folder)
            if held is None:
                continue
            archive = _opened(*held, model, runtime, None, reranking)
            log.warning("%s Generation %s, an earlier one, is served in its place.", wrong, folder.name)
            return archive
    raise wrong


def _opened(
    generation: Generation,
    hold: Hold,
    model: str | None,
    runtime: Runtime,
    embedder: Embedder | None,
    reranking: Reranking | None,
) -> Archive:
    try:
        embedder = embedder or embedder_for(generation, str(generation.folder), model, runtime)
        return assemble(generation, embedder, reranking, hold)
    except BaseException:
        hold.release()
        raise


def embedder_for(generation: Generation, place: str, model: str | None, runtime: Runtime) -> Embedder:
    """What a generation's queries are embedded with.

    Raises:
        IndexMismatch: the model is another one than its vectors are of, which is known before it is loaded.
        EmbeddingError: the model is not to be had.
    """
    folder = locate_model(model or generation.manifest.model["name"])
    refuse_other_model(generation, place, fingerprint(folder))
    return open_embedder(folder, runtime)


def assemble(
    generation: Generation, embedder: Embedder, reranking: Reranking | None = None, hold: Hold | None = None
) -> Archive:
    """A generation on disk and an embedder, checked against each other.

    Raises:
        IndexMismatch: the vectors are of another model.
        IndexBroken: the parts of the index do not hold the same passages.
    """
    refuse_other_model(generation, str(generation.folder), embedder.fingerprint)
    folder = generation.folder
    parts = Parts(
        CatalogReader(folder), read_columns(folder), VectorReader(folder), LexicalReader(folder), RetiredReader(folder)
    )
    sizes = {len(part) for part in (parts.columns.voice, parts.vectors, parts.lexical)}
    if sizes != {generation.manifest.counts["passages"]}:
        raise IndexBroken(f"{folder}: its files hold {sorted(sizes)} passages. Run `onrecord index` again.")
    return joined(generation, parts, embedder, reranking, hold.release if hold else lambda: None)


class Parts(NamedTuple):
    """What an index is read through."""

    catalog: Catalog
    columns: PassageColumns
    vectors: Vectors
    lexical: Lexical
    retired: RetiredIds


def joined(
    generation: Generation,
    parts: Parts,
    embedder: Embedder,
    reranking: Reranking | None,
    let_go: Callable[[], None],
) -> Archive:
    """An archive of its parts. `let_go`: called when it is closed."""
    catalog, columns, vectors, lexical, retired = parts
    return Archive(
        generation=generation,
        catalog=catalog,
        columns=columns,
        vectors=vectors,
        lexical=lexical,
        retired=retired,
        embedder=embedder,
        answering=_answering(catalog),
        voices_of=_voices_by_episode(catalog),
        episode_numbers={row.id: row.number for row in catalog.episodes},
        teasers=tuple(catalog.teasers()),
        people=People(catalog.voices),
        kinds=KindMasks(columns.kind),
        conditions=ConditionMasks(catalog, columns),
        reranking=reranking,
        let_go=let_go,
    )


def _voices_by_episode(catalog: Catalog) -> dict[int, list[Voice]]:
    voices: dict[int, list[Voice]] = {row.number: [] for row in catalog.episodes}
    for voice in catalog.voices:
        voices[voice.episode].append(voice)
    return voices


def _answering(catalog: Catalog) -> NDArray[np.float32]:
    """Where nobody is a guest, as in a meeting or when two hosts talk, all speak on equal terms."""
    with_guest = {voice.episode for voice in catalog.voices if voice.role is Role.GUEST}
    return np.array([_ANSWERING[v.role] if v.episode in with_guest else 0.5 for v in catalog.voices], dtype=np.float32)


def refuse_other_model(generation: Generation, place: str, found: Fingerprint) -> None:
    """
    Args:
        place: where the generation is.

    Raises:
        IndexMismatch: its vectors are of another model than this one.
    """
    stated = Fingerprint(**generation.manifest.model)
    if not stated.comparable_with(found):
        raise IndexMismatch(
            f"{place}: its vectors were made by {stated.name} (weights {stated.weights[:12]}), the model "
            f"at hand is {found.name} (weights {found.weights[:12]}). Give --model {stated.name}, or run "
            f"`onrecord index … --model {found.name}` to make them anew."
        )
