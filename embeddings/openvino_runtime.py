"""Encoder models through openvino: the same weights, several times the speed on a CPU, and no torch once compiled.

For models of a transformer with mean or CLS pooling; `unsupported` says why another one is not. The compiled form is
made once, from the loaded model, and kept in a cache under the fingerprint of the model's files. It multiplies in what
the processor is fastest in: see `Precisions`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openvino
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from embeddings.base import EmbeddingError, Fingerprint, PassageInput, PassageVectors, Vectors, unit
from embeddings.model_files import ModelFolder, fingerprint
from embeddings.openvino_8bit import GROUP, write_8bit
from embeddings.processor import has_matrix_units, processor_flags
from embeddings.token_counts import TokenCounter

# A batch holds about this many tokens, padding included: enough to fill the matrix units, little enough for the cache,
# and for the last ones to leave no core waiting for long.
_BATCH_TOKENS = 1024
_PASSAGE_SETTINGS = {"PERFORMANCE_HINT": "THROUGHPUT"}
# A query is too short for two threads: they took half as much time of the cores again, and no less time.
_QUERY_SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
_SUPPORTED_MODULES = ("Transformer", "Pooling", "Normalize")
# openvino prepares itself anew for each shape of its input, which takes as long as a query: queries have few shapes. A
# query has the same width alone and among others, for in 8 bits its vector depends on it by some ten thousandths.
# Five of six are that short; one alone has a model made for its shape, which takes two thirds of the time.
_SHORT = 20
_QUERY_WIDTHS = (_SHORT, 32, 48, 96, 192)
_QUERIES_TOGETHER = 8
_FEW_QUERIES = 64
_CALIBRATED_ON = 64


class Precision(StrEnum):
    """What a model multiplies in. Vectors of all of them have a cosine of .999 and more with each other."""

    BFLOAT16 = "bf16"
    EIGHT_BIT = "8-bit"
    FLOAT32 = "f32"


_SETTINGS: Mapping[Precision, Mapping[str, Any]] = {
    Precision.BFLOAT16: {"INFERENCE_PRECISION_HINT": "bf16"},
    Precision.EIGHT_BIT: {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP},
    Precision.FLOAT32: {"INFERENCE_PRECISION_HINT": "f32"},
}


class Precisions(NamedTuple):
    """What passages and queries are multiplied in.

    On passages of interviews, two cores each: with matrix units (AMX) bfloat16 took 0.4 to 0.55 of float32's time; with
    VNNI alone 8 bits took 0.55 of it, and bfloat16 1.5 times as long. A query is a few words for which all weights are
    fetched, so that the smallest ones are fastest even where there are matrix units: 0.55 to 0.9 of bfloat16's time.
    """

    passages: Precision
    queries: Precision


def fastest_precisions(flags: frozenset[str]) -> Precisions:
    """What a processor with these flags is fastest in."""
    if "avx512_vnni" in flags or "avx_vnni" in flags:
        return Precisions(Precision.BFLOAT16 if has_matrix_units(flags) else Precision.EIGHT_BIT, Precision.EIGHT_BIT)
    return Precisions(Precision.FLOAT32, Precision.FLOAT32)


def unsupported(folder: ModelFolder) -> str | None:
    """Why this runtime cannot take a model; None when it can."""
    modules = [entry["type"].rsplit(".", 1)[-1] for entry in json.loads((folder.path / "modules.json").read_text())]
    if modules[:2] != ["Transformer", "Pooling"] or not set(modules) <= set(_SUPPORTED_MODULES):
        return f"it is made of {', '.join(modules)}"
    if not (folder.path / "tokenizer.json").is_file():
        return "it has no tokenizer.json"
    if _pooling(folder.path) is None:
        return "its pooling is neither mean nor CLS"
    return None


class OpenvinoEmbedder:
    """An `Embedder` over openvino. Safe to use from several threads."""

    def __init__(self, folder: ModelFolder, precisions: Precisions | None = None) -> None:
        """
        Args:
            precisions: by default the fastest on this processor.
        """
        self.fingerprint: Fingerprint = fingerprint(folder)
        self._precisions = precisions or fastest_precisions(processor_flags())
        self._pooling = _pooling(folder.path)
        self._tokenizer = Tokenizer.from_file(str(folder.path / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._counter = TokenCounter(self._tokenizer.to_str(), self._lengths)
        vocabulary = self._tokenizer.get_vocab_size()
        self._models = {
            precision: _Model(_in_cache(folder, self.fingerprint, precision, vocabulary), precision)
            for precision in sorted(set(self._precisions))
        }
        self._inputs = self._models[self._precisions.queries].inputs
        self._for_queries: dict[bool, Any] = {}
        self._for_passages: Any = None
        self._compiling = threading.Lock()
        self._local = threading.local()

    @cached_property
    def _cutting_tokenizer(self) -> Tokenizer:
        """One that keeps of a text what fits the window."""
        tokenizer = Tokenizer.from_str(self._tokenizer.to_str())
        tokenizer.enable_truncation(self.fingerprint.max_tokens)
        return tokenizer

    @property
    def passage_overhead(self) -> int:
        prompt = self.fingerprint.passage_prompt
        return int(self._tokenizer.num_special_tokens_to_add(False)) + self.count_tokens([prompt])[0]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._counter.count(texts)

    def _lengths(self, texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def embed_queries(self, queries: Sequence[str]) -> Vectors:
        texts = [self.fingerprint.query_prompt + query for query in queries]
        encoded = self._tokenizer.encode_batch(texts)
        if any(len(one) > self.fingerprint.max_tokens for one in encoded):
            encoded = self._cutting_tokenizer.encode_batch(texts)
        vectors = np.zeros((len(queries), self.fingerprint.dimension), dtype=np.float32)

        def collect(batch: list[int], states: Vectors, mask: NDArray[np.int64]) -> None:
            vectors[batch] = self._pool(states, mask)

        # What is compiled already is used: for few, compiling takes longer than the rest.
        if len(queries) > _FEW_QUERIES or (self._for_passages and not self._for_queries):
            self._infer_all(encoded, collect)
        else:
            for batch, width in _query_batches(encoded, self.fingerprint.max_tokens):
                ids, mask = _padded([encoded[i] for i in batch], width)
                request = self._query_request(is_one_short=ids.shape == (1, _SHORT))
                collect(batch, request.infer(self._feed(ids, mask))[0], mask)
        return unit(vectors)

    def warm_up(self) -> None:
        together = 2 * _QUERIES_TOGETHER - 1  # in batches of every size
        self.embed_queries(["word"] * together)

    def warm_up_passages(self) -> None:
        self._passage_model()

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        prompt = self.fingerprint.passage_prompt
        encoded = self._tokenizer.encode_batch([prompt + passage.text for passage in passages])
        self._refuse_too_long(passages, encoded)
        results: dict[int, PassageVectors] = {}

        def collect(batch: list[int], states: Vectors, mask: NDArray[np.int64]) -> None:
            vectors = unit(self._pool(states, mask))
            for row, i in enumerate(batch):
                spans = _pool_spans(states[row], encoded[i], passages[i].spans, len(prompt))
                results[i] = PassageVectors(vectors[row], spans)

        self._infer_all(encoded, collect)
        return [results[i] for i in range(len(passages))]

    def _infer_all(
        self,
        encoded: Sequence[Encoding],
        collect: Callable[[list[int], Vectors, NDArray[np.int64]], None],
    ) -> None:
        """Token states of many texts on all cores, batch by batch in no order: the texts' numbers, states and mask."""
        if not encoded:
            return
        queue = openvino.AsyncInferQueue(self._passage_model())
        queue.set_callback(lambda request, taken: collect(taken[0], request.get_output_tensor(0).data, taken[1]))
        for batch in _batches(encoded):
            texts = [encoded[i] for i in batch]
            ids, mask = _padded(texts, max(map(len, texts)))
            queue.start_async(self._feed(ids, mask), (batch, mask))
        queue.wait_all()

    def _feed(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return {name: value for name, value in feed.items() if name in self._inputs}

    def _pool(self, states: Vectors, mask: NDArray[np.int64]) -> Vectors:
        if self._pooling == "cls":
            return np.asarray(states[:, 0], dtype=np.float32)
        weights = mask[:, :, np.newaxis].astype(np.float32)
        return np.asarray((states * weights).sum(axis=1) / weights.sum(axis=1), dtype=np.float32)

    def _passage_model(self) -> Any:
        with self._compiling:
            if self._for_passages is None:
                self._for_passages = self._models[self._precisions.passages].compiled(_PASSAGE_SETTINGS)
        return self._for_passages

    def _query_request(self, *, is_one_short: bool) -> Any:
        """This thread's own, for one short query, or for any queries."""
        requests: dict[bool, Any] = self._local.__dict__.setdefault("requests", {})
        if is_one_short not in requests:
            with self._compiling:
                if is_one_short not in self._for_queries:
                    shape = [1, _SHORT] if is_one_short else None
                    model = self._models[self._precisions.queries]
                    self._for_queries[is_one_short] = model.compiled(_QUERY_SETTINGS, shape)
            requests[is_one_short] = self._for_queries[is_one_short].create_infer_request()
        return requests[is_one_short]

    def _refuse_too_long(self, passages: Sequence[PassageInput], encoded: Sequence[Encoding]) -> None:
        for passage, encoding in zip(passages, encoded, strict=True):
            if len(encoding) > self.fingerprint.max_tokens:
                raise EmbeddingError(
                    f"a passage of {len(encoding)} tokens does not fit the window of {self.fingerprint.name} "
                    f"({self.fingerprint.max_tokens}): {passage.text[:80]!r}"
                )


class _Model:
    """A model of the cache, read when it is first needed."""

    def __init__(self, path: Path, precision: Precision) -> None:
        self._path = path
        self._settings = _SETTINGS[precision]
        self._core = openvino.Core()
        # What is compiled for this processor is kept beside the model: the next start takes a fifth of the time.
        if _can_be_made(compiled := path.parent / "compiled"):
            self._core.set_property({"CACHE_DIR": str(compiled)})

    @cached_property
    def _read(self) -> Any:
        return self._core.read_model(self._path)

    @property
    def inputs(self) -> set[str]:
        return {port.get_any_name() for port in self._read.inputs}

    def compiled(self, settings: Mapping[str, Any], shape: Sequence[int] | None = None) -> Any:
        """Ready to infer. `shape`: of every input, if it is always the same."""
        model = self._read.clone()
        if shape is not None:
            model.reshape({name: list(shape) for name in self.inputs})
        try:
            return self._core.compile_model(model, "CPU", {**settings, **self._settings})
        except RuntimeError:
            # What an earlier run left is not whole; without it, it is made anew.
            shutil.rmtree(self._core.get_property("CACHE_DIR"), ignore_errors=True)
            return self._core.compile_model(model, "CPU", {**settings, **self._settings})


def _pool_spans(states: Vectors, encoding: Encoding, spans: tuple[tuple[int, int], ...], shift: int) -> Vectors:
    """The mean of each span's token states; special tokens have no width and belong to none."""
    offsets = np.array(encoding.offsets, dtype=np.int64)
    pooled = np.zeros((len(spans), states.shape[1]), dtype=np.float32)
    for row, (start, end) in enumerate(spans):
        inside = (offsets[:, 0] < end + shift) & (offsets[:, 1] > start + shift)
        if inside.any():
            pooled[row] = states[: len(offsets)][inside].mean(axis=0)
    return unit(pooled)


def _batches(encoded: Sequence[Encoding]) -> list[list[int]]:
    """Numbers of texts of like length, together at most `_BATCH_TOKENS` with their padding."""
    batches: list[list[int]] = []
    for i in sorted(range(len(encoded)), key=lambda i: len(encoded[i])):
        if batches and (len(batches[-1]) + 1) * len(encoded[i]) <= _BATCH_TOKENS:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def _query_batches(encoded: Sequence[Encoding], window: int) -> list[tuple[list[int], int]]:
    """Numbers of texts to be padded to the same width, 1, 2, 4 or 8 of them; and that width."""
    of_width: dict[int, list[int]] = {}
    for i, encoding in enumerate(encoded):
        width = next((width for width in _QUERY_WIDTHS if width >= len(encoding)), window)
        of_width.setdefault(min(width, window), []).append(i)
    batches = []
    for width, numbers in of_width.items():
        taken = 0
        while left := len(numbers) - taken:
            size = min(_QUERIES_TOGETHER, 1 << (left.bit_length() - 1))
            batches.append((numbers[taken : taken + size], width))
            taken += size
    return batches


def _padded(encoded: Sequence[Encoding], width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ids = np.zeros((len(encoded), width), dtype=np.int64)
    mask = np.zeros((len(encoded), width), dtype=np.int64)
    for row, encoding in enumerate(encoded):
        ids[row, : len(encoding)] = encoding.ids
        mask[row, : len(encoding)] = 1
    return ids, mask


def _pooling(folder: Path) -> str | None:
    """ "mean" or "cls"; None when it is something else."""
    for path in sorted(folder.glob("*_Pooling/config.json")):
        settings = json.loads(path.read_text(encoding="utf-8"))
        modes = {key[len("pooling_mode_") :] for key, value in settings.items() if value is True and "mode" in key}
        named = settings.get("pooling_mode")
        if named == "mean" or modes == {"mean_tokens"}:
            return "mean"
        if named == "cls" or modes == {"cls_token"}:
            return "cls"
    return None


def _in_cache(folder: ModelFolder, stated: Fingerprint, precision: Precision, vocabulary: int) -> Path:
    """The model in openvino's form, out of the cache or newly made."""
    cache = Path(os.environ.get("ONRECORD_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "onrecord"))
    name = f"{stated.weights[:16]}-{stated.files[:16]}-{openvino.__version__[:9]}"
    whole = _kept(cache.expanduser() / "openvino" / name, lambda path: _convert(folder, path))
    if precision is not Precision.EIGHT_BIT:
        return whole
    tokens = min(_CALIBRATED_ON, stated.max_tokens)
    return _kept(
        whole.parent.with_name(f"{name}-8bit-1"),
        lambda path: write_8bit(whole, path, vocabulary=vocabulary, tokens=tokens),
    )


def _can_be_made(folder: Path) -> bool:
    """Whether a folder is there, now at least. Of a cache that is read-only what it holds is used all the same."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return False
    return True


def _kept(target: Path, make: Callable[[Path], None]) -> Path:
    """The model in a folder of the cache. It is written beside and renamed, never half there.

    Raises:
        EmbeddingError: the cache cannot be written, or is full. Nothing is left in it.
    """
    if (target / "model.xml").is_file():
        return target / "model.xml"
    try:
        _make_beside(target, make)
    except (OSError, RuntimeError) as error:  # openvino raises the latter, for whatever it is
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise EmbeddingError(
            f"{target.parent}: the model, made ready for openvino, cannot be kept there ({why}). The default "
            "model takes 120 MB. Free space there, set ONRECORD_CACHE to a folder that can be written to, or use "
            "--runtime sentence-transformers."
        ) from error
    return target / "model.xml"


def _make_beside(target: Path, make: Callable[[Path], None]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        make(beside / "model.xml")
        if not target.exists():  # another process may have been faster
            beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _convert(folder: ModelFolder, target: Path) -> None:
    from embeddings.sentence_transformer import transformer_module  # noqa: PLC0415  torch, once

    module, example = transformer_module(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of shapes; the parity test says what matters
        converted = openvino.convert_model(module, example_input=example)
    openvino.save_model(converted, target)
