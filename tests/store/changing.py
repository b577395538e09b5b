"""An archive that changes, as tests of its generations in Milvus need it."""

from __future__ import annotations

from pathlib import Path

from embeddings.base import Embedder
from indexer.build import Outcome, Shared, build_index
from indexer.generations import Generation
from indexer.milvus import Milvus
from indexer.milvus_writer import Published, publish_to
from indexer.passages import Chunking
from indexer.progress import Progress
from service.archive import Archive
from service.places import StoredIndex
from service.search import Search, search
from tests.changing_archive import write_state
from tests.indexer.making import no_progress


class Changing:
    """An archive that goes from state to state, on disk and in a store."""

    def __init__(self, folder: Path, store: Milvus, embedder: Embedder) -> None:
        self._folder = folder
        self.store = store
        self.embedder = embedder
        # Further transcripts, by their names.
        self.beside: dict[str, str] = {}

    def built(self, state: int) -> Generation:
        outcome = self.run(state)
        assert outcome.generation is not None
        return outcome.generation

    def run(
        self,
        state: int,
        shared: Shared | None = None,
        index: str = "index",
        embedder: Embedder | None = None,
        progress: Progress = no_progress,
    ) -> Outcome:
        talks = self._folder / "talks"
        talks.mkdir(exist_ok=True, parents=True)
        write_state(talks, state)
        for name, text in self.beside.items():
            (talks / name).write_text(text, encoding="utf-8")
        return build_index(
            [talks],
            self._folder / index,
            model=self.embedder.fingerprint,
            load_embedder=lambda: embedder or self.embedder,
            chunking=Chunking(max_tokens=60),
            strict=True,
            progress=progress,
            shared=shared,
        )

    def published(self, state: int, progress: Progress = no_progress) -> tuple[Generation, Published]:
        generation = self.built(state)
        return generation, publish_to(self.store, generation, progress)

    def opened(self) -> Archive:
        return StoredIndex(self.store).open(embedder=self.embedder)


def sources(archive: Archive) -> set[str]:
    return {Path(row.source).stem for row in archive.catalog.episodes}


def said(archive: Archive, query: str) -> str:
    return " ".join(hit.stored.passage.text for hit in search(Search(query, limit=50), archive).hits)
