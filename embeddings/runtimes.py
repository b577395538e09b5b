"""Which runtime embeds with a model: openvino on a CPU, sentence-transformers on a GPU and for what openvino cannot.

Importing a runtime is slow, so that it happens here and on demand.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path

from embeddings.base import Embedder, EmbeddingError
from embeddings.model_files import ModelFolder

log = logging.getLogger("onrecord.embeddings")


class Runtime(StrEnum):
    AUTO = "auto"
    OPENVINO = "openvino"
    SENTENCE_TRANSFORMERS = "sentence-transformers"


def open_embedder(folder: ModelFolder, runtime: Runtime = Runtime.AUTO) -> Embedder:
    """A model, ready to embed.

    Raises:
        EmbeddingError: the model cannot be used, or not with this runtime.
    """
    if runtime is Runtime.SENTENCE_TRANSFORMERS or (runtime is Runtime.AUTO and _has_gpu()):
        return _sentence_transformers(folder)
    from embeddings.openvino_runtime import OpenvinoEmbedder, unsupported  # noqa: PLC0415

    reason = unsupported(folder)
    if reason is None:
        return OpenvinoEmbedder(folder)
    if runtime is Runtime.OPENVINO:
        raise EmbeddingError(f"{folder.name}: openvino cannot take it: {reason}. Use --runtime sentence-transformers.")
    log.warning(
        "%s: openvino cannot take it (%s); sentence-transformers is used, which is slower.", folder.name, reason
    )
    return _sentence_transformers(folder)


def _sentence_transformers(folder: ModelFolder) -> Embedder:
    from embeddings.sentence_transformer import SentenceTransformerEmbedder  # noqa: PLC0415

    return SentenceTransformerEmbedder(folder)


def _has_gpu() -> bool:
    """Whether there is an NVIDIA driver; asking torch would cost the import that openvino saves."""
    return Path("/dev/nvidiactl").exists()
