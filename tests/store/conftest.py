"""The sample interviews on disk and in Milvus, both open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from embeddings.fake import FakeEmbedder
from indexer.generations import current_generation
from indexer.milvus_writer import publish_to
from service.archive import Archive
from service.places import LocalIndex, index_place
from tests.store.changing import Changing
from tests.store.server import Server


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def local(seeds_index: Path) -> Iterator[Archive]:
    archive = LocalIndex(seeds_index).open()
    yield archive
    archive.close()


@pytest.fixture(scope="session")
def stored(milvus: Server, seeds_index: Path, local: Archive) -> Iterator[Archive]:
    store = milvus.connected("interviews")
    publish_to(store, current_generation(seeds_index), lambda *_: None)
    archive = index_place(seeds_index, milvus.address("interviews")).open(embedder=local.embedder)
    yield archive
    archive.close()


@pytest.fixture
def changing(milvus: Server, tmp_path: Path) -> Changing:
    return Changing(tmp_path, milvus.connected(f"changing_{tmp_path.name.replace('-', '_')}"), FakeEmbedder())
