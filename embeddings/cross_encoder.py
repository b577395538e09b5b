"""Any sentence-transformers cross-encoder: it reads query and passage together and says how well the one answers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from safetensors import SafetensorError
from sentence_transformers import CrossEncoder

from embeddings.base import EmbeddingError
from embeddings.model_files import locate_cross_encoder


class CrossEncoderReranker:
    """A `Reranker` over sentence-transformers."""

    def __init__(self, name: str) -> None:
        """A model by folder or hub name; its weights must be safetensors, and no code of its own is run.

        Raises:
            EmbeddingError: there is no such model, it cannot be loaded, or it gives more than one score.
        """
        folder = locate_cross_encoder(name)
        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
        try:
            self._model: Any = CrossEncoder(
                str(folder.path),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise EmbeddingError(f"{folder.name}: the model cannot be loaded ({error}).") from error
        if self._model.num_labels != 1:
            raise EmbeddingError(
                f"{folder.name}: it gives {self._model.num_labels} numbers for a pair, a reranker gives one."
            )
        self.name = folder.name
        # A fast tokenizer keeps its truncation and padding in shared state: one caller at a time.
        self._asking = threading.Lock()

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._asking:
            found = self._model.predict(
                [(query, text) for text in texts], activation_fn=torch.nn.Sigmoid(), show_progress_bar=False
            )
        return np.asarray(found, dtype=np.float32)
