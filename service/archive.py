"""One generation of an index, open for questions: what it holds, and the model that its vectors are of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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
    catalog: CatalogReader
    columns: PassageColumns
    vectors: VectorReader
    lexical: LexicalReader
    retired: RetiredReader
    embedder: Embedder
    answering: NDArray[np.float32]
    voices_of: Mapping[int, Sequence[Voice]]
    episode_numbers: Mapping[str, int]
    teasers: tuple[tuple[int, int, int], ...]
    people: People
    kinds: KindMasks
    conditions: ConditionMasks
    reranking: Reranking | None
    hold: Hold | None

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
        if self.hold is not None:
            self.hold.release()


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
        if embedder is None:
            folder = locate_model(model or generation.manifest.model["name"])
            _refuse_other_model(generation, fingerprint(folder))
            embedder = open_embedder(folder, runtime)
        return assemble(generation, embedder, reranking, hold)
    except BaseException:
        hold.release()
        raise


def assemble(
    generation: Generation, embedder: Embedder, reranking: Reranking | None = None, hold: Hold | None = None
) -> Archive:
    """A generation and an embedder, checked against each other.

    Raises:
        IndexMismatch: the vectors are of another model.
        IndexBroken: the parts of the index do not hold the same passages.
    """
    _refuse_other_model(generation, embedder.fingerprint)
    catalog = CatalogReader(generation.folder)
    columns = read_columns(generation.folder)
    archive = Archive(
        generation=generation,
        catalog=catalog,
        columns=columns,
        vectors=VectorReader(generation.folder),
        lexical=LexicalReader(generation.folder),
        retired=RetiredReader(generation.folder),
        embedder=embedder,
        answering=_answering(catalog),
        voices_of=_voices_by_episode(catalog),
        episode_numbers={row.id: row.number for row in catalog.episodes},
        teasers=tuple(catalog.teasers()),
        people=People(catalog.voices),
        kinds=KindMasks(columns.kind),
        conditions=ConditionMasks(catalog, columns),
        reranking=reranking,
        hold=hold,
    )
    sizes = {
        archive.passages,
        len(archive.vectors),
        len(archive.lexical),
        generation.manifest.counts["passages"],
    }
    if len(sizes) != 1:
        raise IndexBroken(f"{generation.folder}: its files hold {sorted(sizes)} passages. Run `onrecord index` again.")
    return archive


def _voices_by_episode(catalog: CatalogReader) -> dict[int, list[Voice]]:
    voices: dict[int, list[Voice]] = {row.number: [] for row in catalog.episodes}
    for voice in catalog.voices:
        voices[voice.episode].append(voice)
    return voices


def _answering(catalog: CatalogReader) -> NDArray[np.float32]:
    """Where nobody is a guest, as in a meeting or when two hosts talk, all speak on equal terms."""
    with_guest = {voice.episode for voice in catalog.voices if voice.role is Role.GUEST}
    return np.array([_ANSWERING[v.role] if v.episode in with_guest else 0.5 for v in catalog.voices], dtype=np.float32)


def _refuse_other_model(generation: Generation, found: Fingerprint) -> None:
    stated = Fingerprint(**generation.manifest.model)
    if not stated.comparable_with(found):
        raise IndexMismatch(
            f"{generation.folder}: its vectors were made by {stated.name} (weights {stated.weights[:12]}), the model "
            f"at hand is {found.name} (weights {found.weights[:12]}). Give --model {stated.name}, or run "
            f"`onrecord index … --model {found.name}` to make them anew."
        )
