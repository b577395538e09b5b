"""Any sentence-transformers model, on whatever device torch finds."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer

from embeddings.adapters import add_adapter
from embeddings.base import EmbeddingError, Fingerprint, PassageInput, PassageVectors, Vectors, unit
from embeddings.model_files import ModelFolder, fingerprint
from embeddings.token_counts import TokenCounter

BATCH_SIZE = 32


def load_model(folder: ModelFolder) -> Any:
    """The model itself, from its folder alone: no hub is asked, no code of the model's is run.

    Raises:
        EmbeddingError: it cannot be loaded.
    """
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    try:
        model = SentenceTransformer(
            str(folder.path), local_files_only=True, trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
        for adapter in folder.adapters:
            add_adapter(adapter, model[0].auto_model)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EmbeddingError(f"{folder.name}: the model cannot be loaded ({error}).") from error
    return model.eval()


def transformer_module(folder: ModelFolder) -> tuple[Any, dict[str, Any]]:
    """The transformer alone, and an input of the shape that it takes: what a compiler needs."""
    model = load_model(folder).to("cpu")
    features = model.preprocess(["one text", "another, longer text"])
    names = ("input_ids", "attention_mask", "token_type_ids")
    return model[0].auto_model, {name: features[name] for name in names if name in features}


class SentenceTransformerEmbedder:
    """An `Embedder` over sentence-transformers.

    Passages go through the model's own modules once; the spans' vectors are pooled from the same token
    states and then take the modules that follow pooling (a Dense layer, say), as the passage's vector does.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.fingerprint: Fingerprint = fingerprint(folder)
        self._model: Any = load_model(folder)
        self._tokenizer: Any = self._model.tokenizer
        if not self._tokenizer.is_fast:
            raise EmbeddingError(f"{folder.name}: its tokenizer gives no offsets; a fast tokenizer is needed.")
        # A fast tokenizer keeps its truncation and padding in shared state: one caller at a time.
        self._tokenizing = threading.Lock()
        self._counter = TokenCounter(self._tokenizer.backend_tokenizer.to_str(), self._lengths)

    @property
    def passage_overhead(self) -> int:
        prompt = self.fingerprint.passage_prompt
        return int(self._tokenizer.num_special_tokens_to_add()) + self.count_tokens([prompt])[0]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._counter.count(texts)

    def _lengths(self, texts: list[str]) -> list[int]:
        with self._tokenizing:
            encoded = self._tokenizer(texts, add_special_tokens=False, truncation=False, padding=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def embed_queries(self, queries: Sequence[str]) -> Vectors:
        if not queries:
            return np.zeros((0, self.fingerprint.dimension), dtype=np.float32)
        with self._tokenizing:
            vectors = self._model.encode(
                [self.fingerprint.query_prompt + query for query in queries],
                prompt="",
                batch_size=BATCH_SIZE,
                show_progress_bar=False,
            )
        return unit(np.asarray(vectors, dtype=np.float32))

    def warm_up(self) -> None:
        self.embed_queries(["word"])

    def warm_up_passages(self) -> None:
        """There is nothing that only passages need."""

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        order = sorted(range(len(passages)), key=lambda i: len(passages[i].text))
        found: dict[int, PassageVectors] = {}
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            found.update(zip(batch, self._embed_batch([passages[i] for i in batch]), strict=True))
        return [found[i] for i in range(len(passages))]

    def _embed_batch(self, passages: list[PassageInput]) -> list[PassageVectors]:
        prompt = self.fingerprint.passage_prompt
        with self._tokenizing:
            encoded = self._tokenizer(
                [prompt + passage.text for passage in passages],
                padding=True,
                truncation=False,
                return_offsets_mapping=True,
                return_tensors="pt",
                verbose=False,
            )
        offsets = encoded.pop("offset_mapping").numpy()
        self._refuse_too_long(passages, encoded["attention_mask"])
        with torch.inference_mode():
            features = {name: tensor.to(self._model.device) for name, tensor in encoded.items()}
            output = self._model(features)
        states = output["token_embeddings"].float().cpu().numpy()
        vectors = unit(output["sentence_embedding"].float().cpu().numpy())
        return [
            PassageVectors(vector, self._pool(state, offset, passage.spans, len(prompt)))
            for vector, state, offset, passage in zip(vectors, states, offsets, passages, strict=True)
        ]

    def _refuse_too_long(self, passages: list[PassageInput], attention_mask: Any) -> None:
        lengths = attention_mask.sum(dim=1).tolist()
        for passage, length in zip(passages, lengths, strict=True):
            if length > self.fingerprint.max_tokens:
                raise EmbeddingError(
                    f"a passage of {length} tokens does not fit the window of {self.fingerprint.name} "
                    f"({self.fingerprint.max_tokens}): {passage.text[:80]!r}"
                )

    def _pool(self, states: Vectors, offsets: Any, spans: tuple[tuple[int, int], ...], shift: int) -> Vectors:
        if not spans:
            return np.zeros((0, self.fingerprint.dimension), dtype=np.float32)
        pooled = np.zeros((len(spans), states.shape[1]), dtype=np.float32)
        for row, (start, end) in enumerate(spans):
            inside = (offsets[:, 0] < end + shift) & (offsets[:, 1] > start + shift)
            pooled[row] = states[inside].mean(axis=0) if inside.any() else 0
        after_pooling = list(self._model)[2:]
        if not after_pooling:
            return unit(pooled)
        features = {"sentence_embedding": torch.from_numpy(pooled).to(self._model.device)}
        with torch.inference_mode():
            for module in after_pooling:
                features = module(features)
        return unit(features["sentence_embedding"].float().cpu().numpy())
