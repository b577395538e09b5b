"""Where an index is kept, and how it is opened: in a directory of this machine, or in Milvus."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from embeddings.base import Embedder
from embeddings.runtimes import Runtime
from indexer.catalog import CatalogReader, EpisodeRow, Voice
from indexer.generations import Manifest, current_generation, live_name
from service.archive import (
    Archive,
    Parts,
    Reranking,
    embedder_for,
    joined,
    open_archive,
    open_archive_or_earlier,
    refuse_other_model,
)

if TYPE_CHECKING:
    from indexer.milvus import Milvus


class Described(NamedTuple):
    """A generation, and of whom and what it is. `report`: what the indexer reported when it built it."""

    manifest: Manifest
    report: dict[str, Any]
    episodes: Sequence[EpisodeRow]
    voices: Sequence[Voice]


class IndexPlace(Protocol):
    """A place that an index is kept at; `str` of it names it."""

    def live(self) -> str:
        """What is live there now, by a name that only it has.

        Raises:
            OnRecordError: nothing is, or it cannot be told.
        """
        ...

    def open(
        self,
        *,
        model: str | None = None,
        runtime: Runtime = Runtime.AUTO,
        embedder: Embedder | None = None,
        reranking: Reranking | None = None,
    ) -> Archive:
        """What is live there: see `open_archive`."""
        ...

    def open_first(self, model: str | None, runtime: Runtime, reranking: Reranking | None) -> Archive:
        """The same for a service that starts: see `open_archive_or_earlier`."""
        ...

    def described(self) -> Described:
        """What is live there, without a model."""
        ...


@dataclass(frozen=True, slots=True)
class LocalIndex:
    """An index directory."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def live(self) -> str:
        return live_name(self.path)

    def open(
        self,
        *,
        model: str | None = None,
        runtime: Runtime = Runtime.AUTO,
        embedder: Embedder | None = None,
        reranking: Reranking | None = None,
    ) -> Archive:
        return open_archive(self.path, model=model, runtime=runtime, embedder=embedder, reranking=reranking)

    def open_first(self, model: str | None, runtime: Runtime, reranking: Reranking | None) -> Archive:
        return open_archive_or_earlier(self.path, model=model, runtime=runtime, reranking=reranking)

    def described(self) -> Described:
        generation = current_generation(self.path)
        catalog = CatalogReader(generation.folder)
        return Described(generation.manifest, generation.report(), catalog.episodes, catalog.voices)


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """An index in Milvus."""

    store: Milvus

    def __str__(self) -> str:
        return str(self.store)

    def live(self) -> str:
        from indexer.milvus_reader import live_collection  # noqa: PLC0415

        collection = live_collection(self.store)
        return collection.removeprefix(f"{self.store.address.name}_").replace("_", "-")

    def open(
        self,
        *,
        model: str | None = None,
        runtime: Runtime = Runtime.AUTO,
        embedder: Embedder | None = None,
        reranking: Reranking | None = None,
    ) -> Archive:
        from indexer.milvus_catalog import StoredCatalog  # noqa: PLC0415
        from indexer.milvus_reader import PassageRows, StoredVectors, read_head  # noqa: PLC0415
        from indexer.milvus_words import StoredWords  # noqa: PLC0415

        head = read_head(self.store)
        try:
            embedder = embedder or embedder_for(head.generation, str(self), model, runtime)
            refuse_other_model(head.generation, str(self), embedder.fingerprint)
            rows = PassageRows(self.store, head)
            parts = Parts(StoredCatalog(rows), head.columns, StoredVectors(rows), StoredWords(rows), head.retired)
            return joined(head.generation, parts, embedder, reranking, lambda: None)
        except BaseException:
            head.close()
            raise

    def open_first(self, model: str | None, runtime: Runtime, reranking: Reranking | None) -> Archive:
        return self.open(model=model, runtime=runtime, reranking=reranking)

    def described(self) -> Described:
        from indexer.milvus_reader import read_head  # noqa: PLC0415

        head = read_head(self.store)
        try:
            return Described(head.generation.manifest, head.generation.report(), head.episodes, head.voices)
        finally:
            head.close()


def index_place(index: Path, store: str | None) -> IndexPlace:
    """Where an index is: at a path, or in a store, where one is given.

    Raises:
        ArchiveError: the store's address is none.
    """
    return LocalIndex(index) if store is None else StoredIndex(connected(store))


def connected(store: str, *, patience_s: float | None = None) -> Milvus:
    """A store by its address. Its token comes from the environment alone: a command line is read by everybody.

    Whose word is taken for who an encrypted one is comes from there too.

    Raises:
        ArchiveError: it is no address, what speaks to Milvus is not installed, or the certificates are not there.
    """
    from indexer.errors import ArchiveError  # noqa: PLC0415

    try:
        from indexer.milvus import Milvus, store_address  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ArchiveError(f"{store}: pymilvus is not installed. `pip install 'onrecord[milvus]'` does.") from error
    address, token = store_address(store), os.environ.get("ONRECORD_STORE_TOKEN")
    trusted = Path(given) if (given := os.environ.get("ONRECORD_STORE_CA")) else None
    if trusted and not trusted.is_file():
        raise ArchiveError(f"{trusted}: no such file. ONRECORD_STORE_CA names the certificates that are trusted.")
    return Milvus(address, token, trusted=trusted, **({"patience_s": patience_s} if patience_s else {}))
