"""The seam: what every runtime offers, and what it may raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class EmbeddingError(Exception):
    """A model cannot be used. The message names the model and the remedy."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What must be equal for two vectors to be comparable.

    `weights` and `files` are hex sha256: of the weights, and of the configuration and tokenizer files.
    """

    name: str
    weights: str
    files: str
    dimension: int
    max_tokens: int
    query_prompt: str
    passage_prompt: str

    def comparable_with(self, other: Fingerprint) -> bool:
        """True when vectors of both may be compared; the name alone does not matter."""
        return {**asdict(self), "name": ""} == {**asdict(other), "name": ""}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PassageInput:
    """A text to embed and the spans of it, as (start, end) code points, that get vectors of their own."""

    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """`vector`: float32 of shape (dimension,). `spans`: float32 of shape (number of spans, dimension).

    All rows have length 1. A span's vector is the mean of its tokens' states in the whole text's forward
    pass ("late chunking", arXiv 2409.04701), so that it knows what the text around it is about.
    """

    vector: Vectors
    spans: Vectors


class Embedder(Protocol):
    """Text to vectors of length 1, for one model."""

    @property
    def fingerprint(self) -> Fingerprint: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text in the model's own tokenizer, prompts and special tokens left out."""
        ...

    @property
    def passage_overhead(self) -> int:
        """Tokens that the passage prompt and the special tokens add to every passage."""
        ...

    def embed_queries(self, queries: Sequence[str]) -> Vectors:
        """float32 of shape (len(queries), dimension). A query beyond the window is cut at its end."""
        ...

    def warm_up(self) -> None:
        """Does what would else keep the first queries waiting."""
        ...

    def warm_up_passages(self) -> None:
        """Does what would else keep the first passages waiting."""
        ...

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        """One result per passage, in order.

        Raises:
            EmbeddingError: a passage is longer than the model's window; nothing is truncated in silence.
        """
        ...


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; a row of zeros stays as it is."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Vectors = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
    return scaled


class Reranker(Protocol):
    """What judges a query and a passage together. Safe to use from several threads."""

    name: str

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """How well each text answers the query, 0 to 1, shape (len(texts),)."""
        ...
