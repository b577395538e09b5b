"""Models that bring code: no line of it is run, and no weights are read that could hold any."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from embeddings.base import EmbeddingError
from embeddings.cross_encoder import CrossEncoderReranker
from embeddings.model_files import locate_model
from embeddings.runtimes import Runtime, open_embedder
from tests.embeddings.conftest import save_tiny_model

# Whoever runs it leaves a mark.
_CODE = """
from pathlib import Path
from sentence_transformers.sentence_transformer.modules import Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast
Path({mark!r}).touch()
class Evil(Transformer): ...
class EvilConfig(BertConfig): ...
class EvilModel(BertModel): ...
"""


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "it-was-run"


@pytest.fixture
def folder(tmp_path: Path, mark: Path) -> Path:
    made = save_tiny_model(tmp_path / "model")
    (made / "evil.py").write_text(_CODE.format(mark=str(mark)), encoding="utf-8")
    return made


def _edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def _opened(folder: Path, runtime: Runtime) -> None:
    with suppress(EmbeddingError):  # to be refused is as good as to be read without it
        open_embedder(locate_model(str(folder)), runtime).embed_queries(["the kiln was cold"])


@pytest.mark.parametrize("runtime", [Runtime.SENTENCE_TRANSFORMERS, Runtime.OPENVINO])
@pytest.mark.parametrize("place", [0, 1], ids=["transformer", "pooling"])
def test_a_module_of_its_own_is_not_run(place: int, runtime: Runtime, folder: Path, mark: Path) -> None:
    _edit(folder / "modules.json", lambda modules: modules[place].update(type="evil.Evil"))
    with pytest.raises(EmbeddingError):
        open_embedder(locate_model(str(folder)), runtime)
    assert not mark.exists()


@pytest.mark.parametrize("runtime", [Runtime.SENTENCE_TRANSFORMERS, Runtime.OPENVINO])
def test_classes_of_its_own_are_not_run(runtime: Runtime, folder: Path, mark: Path) -> None:
    auto = {"AutoConfig": "evil.EvilConfig", "AutoModel": "evil.EvilModel"}
    config = folder / "config.json"
    config = config if config.is_file() else folder / "0_Transformer" / "config.json"
    _edit(config, lambda content: content.update(auto_map=auto))
    _opened(folder, runtime)
    _edit(config, lambda content: content.update(model_type="evil"))
    with pytest.raises(EmbeddingError):
        open_embedder(locate_model(str(folder)), runtime)
    assert not mark.exists()


def test_a_function_that_its_configuration_names_is_not_called(folder: Path, mark: Path) -> None:
    name = "evil.Evil"
    _edit(
        folder / "config.json",
        lambda content: content.update(
            architectures=["BertForSequenceClassification"],
            num_labels=1,
            id2label={"0": "x"},
            sentence_transformers={"activation_fn": name},
            auto_map={"AutoModelForSequenceClassification": "evil.EvilModel"},
        ),
    )
    with suppress(EmbeddingError):
        CrossEncoderReranker(str(folder)).scores("the kiln", ["was cold"])
    assert not mark.exists()


def test_weights_that_are_a_pickle_are_refused_unread(folder: Path, mark: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (mark,)

    for weights in folder.rglob("*.safetensors"):
        weights.unlink()
    torch.save({"x": Runs()}, folder / "pytorch_model.bin")
    with pytest.raises(EmbeddingError, match=r"no \.safetensors weights; other weight formats are not loaded"):
        open_embedder(locate_model(str(folder)))
    with pytest.raises(EmbeddingError):
        CrossEncoderReranker(str(folder))
    assert not mark.exists()
