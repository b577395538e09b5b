"""A tiny model with random weights that knows the words of the sample interviews, and an index of them made with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from embeddings.model_files import ModelFolder, locate_model
from embeddings.runtimes import Runtime, open_embedder
from tests.conftest import SEEDS
from tests.embeddings.conftest import LETTERS, save_tiny_model
from tests.indexer.making import index as make_index

_WORDS = "embeddings.word_embeddings.weight"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """So little work is done no sooner by two, and tests run beside each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """It hears little of the words, so that there is much to learn."""
    texts = (path.read_text(encoding="utf-8").casefold() for path in sorted(SEEDS.glob("*")))
    words = [word for text in texts for word in re.findall(r"[^\W_]+|[^\w\s]", text)]
    vocabulary = list(dict.fromkeys([*LETTERS, *words]))
    folder = tmp_path_factory.mktemp("tiny") / "model"
    save_tiny_model(folder, vocabulary=vocabulary, window=128, width=32, layers=1, spread=0.02)
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, _WORDS: 0.7 * weights[_WORDS]}, folder / "model.safetensors", metadata={"format": "pt"})
    return locate_model(str(folder))


@pytest.fixture(scope="session")
def index(tiny: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample interviews, indexed with the tiny model."""
    out = tmp_path_factory.mktemp("adapted") / "index"
    make_index(SEEDS, out, open_embedder(tiny, Runtime.SENTENCE_TRANSFORMERS))
    return out
