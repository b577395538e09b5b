from __future__ import annotations

from collections.abc import Iterator

import pytest

from embeddings.fake import FakeEmbedder
from service.archive import assemble
from tests.service.synthetic import Synthetic, episodes, passages_of, write


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synthetic]:
    """Ten invented episodes with every kind of filter to tell them apart."""
    embedder = FakeEmbedder()
    contents = [(episode, tuple(passages_of(episode))) for episode in episodes()]
    archive = assemble(write(tmp_path_factory.mktemp("synthetic") / "index", contents, embedder), embedder)
    yield Synthetic(archive, tuple((episode, passage) for episode, passages in contents for passage in passages))
    archive.catalog.close()
