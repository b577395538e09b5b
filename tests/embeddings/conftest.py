"""Sentence-transformers models of a few thousand random weights, made on the spot: every mechanism, no download."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

from embeddings.base import Embedder
from embeddings.model_files import locate_model
from embeddings.runtimes import Runtime, open_embedder

WINDOW = 32
WIDTH = 16
PROMPTS = {"query": "query: ", "passage": "passage: "}
_WORDS = "the kiln was cold when she lit it so glaze cracked we waited clay remembers every hand query passage".split()
_MARKS = ". , : ? ! ' é".split()
# What every vocabulary holds: any word can be spelt with it.
LETTERS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *ascii_lowercase,
    *(f"##{letter}" for letter in ascii_lowercase),
]
_VOCABULARY = [*LETTERS, *_WORDS, *_MARKS]


@dataclass(frozen=True, slots=True)
class Case:
    """A model in one runtime, and the same folder opened by sentence-transformers itself."""

    folder: Path
    exact: bool
    embedder: Embedder
    reference: Any
    query_prompt: str
    passage_prompt: str


def save_tiny_model(
    folder: Path,
    *,
    dense: bool = False,
    prompts: Mapping[str, str] | None = None,
    pooling: str = "mean",
    seed: int = 0,
    vocabulary: Sequence[str] = _VOCABULARY,
    window: int = WINDOW,
    width: int = WIDTH,
    layers: int = 2,
    spread: float = 0.5,
) -> Path:
    """A BERT with random weights, as far from 0 as `spread` says, saved as any sentence-transformers model is."""
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    parts = folder.with_name(f"{folder.name}-parts")
    parts.mkdir(parents=True)
    (parts / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    transformers.BertTokenizerFast(vocab=str(parts / "vocab.txt")).save_pretrained(parts)
    shape = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=2 * window,
        initializer_range=spread,
    )
    transformers.BertModel(shape).save_pretrained(parts)
    after = [Dense(width, width // 2)] if dense else [Normalize()]
    modules = [Transformer(str(parts), max_seq_length=window), Pooling(width, pooling_mode=pooling), *after]
    SentenceTransformer(modules=modules, prompts=dict(prompts or {})).save_pretrained(str(folder))
    return folder


def edit_json(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture(scope="session")
def prompted_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "prompted", prompts=PROMPTS)


@pytest.fixture(scope="session")
def dense_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "dense", dense=True)


@pytest.fixture(scope="session")
def cls_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "cls", pooling="cls")


def open_case(folder: Path, runtime: Runtime, prompts: Mapping[str, str] | None = None) -> Case:
    stated = prompts or {}
    return Case(
        folder=folder,
        exact=runtime is not Runtime.OPENVINO,
        embedder=open_embedder(locate_model(str(folder)), runtime),
        reference=SentenceTransformer(str(folder), local_files_only=True),
        query_prompt=stated.get("query", ""),
        passage_prompt=stated.get("passage", ""),
    )


_CASES = {
    "sentence-transformers": ("plain_model", Runtime.SENTENCE_TRANSFORMERS, None),
    "sentence-transformers, prompts": ("prompted_model", Runtime.SENTENCE_TRANSFORMERS, PROMPTS),
    "sentence-transformers, cls": ("cls_model", Runtime.SENTENCE_TRANSFORMERS, None),
    "sentence-transformers, dense": ("dense_model", Runtime.SENTENCE_TRANSFORMERS, None),
    "openvino": ("plain_model", Runtime.OPENVINO, None),
    "openvino, prompts": ("prompted_model", Runtime.OPENVINO, PROMPTS),
    "openvino, cls": ("cls_model", Runtime.OPENVINO, None),
}


@pytest.fixture(scope="session", params=list(_CASES.values()), ids=list(_CASES))
def case(request: pytest.FixtureRequest) -> Case:
    """Every kind of model in every runtime that takes it."""
    fixture, runtime, prompts = request.param
    return open_case(request.getfixturevalue(fixture), runtime, prompts)
