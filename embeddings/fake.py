"""A deterministic embedder for tests: words hashed into a small vector. No model, no files, no threads.

Equal words give equal vectors on every machine. It knows nothing of meaning, and says so in its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from embeddings.base import EmbeddingError, Fingerprint, PassageInput, PassageVectors, Vectors, unit


class FakeEmbedder:
    """Counts a word or a punctuation mark as one token, and averages the words' random directions."""

    def __init__(self, *, dimension: int = 32, max_tokens: int = 256, name: str = "fake") -> None:
        self.fingerprint = Fingerprint(
            name=name,
            weights=hashlib.sha256(f"fake {dimension}".encode()).hexdigest(),
            files="",
            dimension=dimension,
            max_tokens=max_tokens,
            query_prompt="",
            passage_prompt="",
        )
        self.passage_overhead = 2

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]

    def embed_queries(self, queries: Sequence[str]) -> Vectors:
        return unit(self._rows(list(queries)))

    def warm_up(self) -> None:
        """There is nothing to warm."""

    def warm_up_passages(self) -> None:
        """There is nothing to warm."""

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        for passage, tokens in zip(passages, self.count_tokens([p.text for p in passages]), strict=True):
            if tokens + self.passage_overhead > self.fingerprint.max_tokens:
                raise EmbeddingError(f"a passage of {tokens} tokens does not fit: {passage.text[:80]!r}")
        return [
            PassageVectors(
                unit(self._mean(passage.text)),
                unit(self._rows([passage.text[start:end] for start, end in passage.spans])),
            )
            for passage in passages
        ]

    def _rows(self, texts: list[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.fingerprint.dimension), dtype=np.float32)
        return np.stack([self._mean(text) for text in texts])

    def _mean(self, text: str) -> Vectors:
        words = re.findall(r"\w+", text.casefold()) or [""]
        total = np.zeros(self.fingerprint.dimension, dtype=np.float32)
        for word in words:
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
            total += np.random.default_rng(seed).standard_normal(self.fingerprint.dimension, dtype=np.float32)
        return np.asarray(total / len(words), dtype=np.float32)
