"""A tiny model with random weights that knows the words of the sample interviews, and an index of them made with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase

import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from embeddings.model_files import ModelFolder, locate_model
from embeddings.runtimes import Runtime, open_embedder
from indexer.build import build_index
from indexer.passages import Chunking
from tests.conftest import SEEDS

WINDOW = 128
WIDTH = 32


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """So little work is done no sooner by two, and tests run beside each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """A BERT of one layer."""
    folder = tmp_path_factory.mktemp("tiny")
    words = Counter(
        word for path in SEEDS.glob("*") if path.is_file() for word in re.findall(r"[^\W_]+|[^\w\s]", _text(path))
    )
    letters = [*ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(w for w in words if len(w) > 1 or w > "z")]
    parts = folder / "parts"
    parts.mkdir()
    (parts / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)), encoding="utf-8")
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    transformers.BertTokenizerFast(vocab=str(parts / "vocab.txt")).save_pretrained(parts)
    shape = transformers.BertConfig(
        vocab_size=len(set(vocabulary)),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=2 * WINDOW,
    )
    transformer = transformers.BertModel(shape)
    with torch.no_grad():  # it hears hardly anything of the words, so that there is much to learn
        transformer.embeddings.word_embeddings.weight *= 0.05
    transformer.save_pretrained(parts)
    modules = [Transformer(str(parts), max_seq_length=WINDOW), Pooling(WIDTH, pooling_mode="mean"), Normalize()]
    SentenceTransformer(modules=modules).save_pretrained(str(folder / "model"))
    return locate_model(str(folder / "model"))


@pytest.fixture(scope="session")
def index(tiny: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample interviews, indexed with the tiny model."""
    out = tmp_path_factory.mktemp("adapted") / "index"
    index_of([SEEDS], out, tiny)
    return out


def index_of(paths: list[Path], out: Path, model: ModelFolder) -> None:
    embedder = open_embedder(model, Runtime.SENTENCE_TRANSFORMERS)
    build_index(
        paths,
        out,
        model=embedder.fingerprint,
        load_embedder=lambda: embedder,
        chunking=Chunking(),
        strict=False,
        progress=lambda *_: None,
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").casefold()
