"""Which runtime embeds with a model. Importing a runtime is slow, so that it happens here and on demand."""

from __future__ import annotations

from embeddings.base import Embedder
from embeddings.model_files import ModelFolder


def open_embedder(folder: ModelFolder) -> Embedder:
    """A model, ready to embed.

    Raises:
        EmbeddingError: the model cannot be used.
    """
    from embeddings.sentence_transformer import SentenceTransformerEmbedder  # noqa: PLC0415

    return SentenceTransformerEmbedder(folder)
