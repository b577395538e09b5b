"""What every runtime promises, tested on every kind of model against sentence-transformers itself."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.base import Embedder, EmbeddingError, PassageInput, Vectors
from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import Runtime, open_embedder
from embeddings.token_counts import TokenCounter
from tests.conftest import ROOT
from tests.embeddings.conftest import WINDOW, Case, save_tiny_model

TEXTS = (
    "the kiln was cold.",
    "When she lit it, the glaze cracked! So we waited.",
    "Clay remembers every hand.",
    "É, the café: naïve 😀 clay?",
    "it",
)


def _words_of(text: str) -> tuple[tuple[int, int], ...]:
    """Spans between blanks, and the whole."""
    edges = [-1, *(i for i, letter in enumerate(text) if letter == " "), len(text)]
    return (*((left + 1, right) for left, right in pairwise(edges)), (0, len(text)))


def _passages(texts: tuple[str, ...] = TEXTS) -> list[PassageInput]:
    return [PassageInput(text, _words_of(text)) for text in texts]


def _unit(rows: Vectors) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True))


def _spans_by_hand(case: Case, passage: PassageInput) -> Vectors:
    """The mean of the token states that sentence-transformers gives, over the tokens that lie in each span."""
    text, shift = case.passage_prompt + passage.text, len(case.passage_prompt)
    states = case.reference.encode(text, prompt="", output_value="token_embeddings").cpu().numpy()
    offsets = case.reference.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    rows = []
    for start, end in passage.spans:
        inside = [left < right and left < end + shift and right > start + shift for left, right in offsets]
        rows.append(states[inside].mean(axis=0))
    features = {"sentence_embedding": torch.from_numpy(np.stack(rows))}
    with torch.inference_mode():
        for module in list(case.reference)[2:]:
            features = module(features)
    return _unit(features["sentence_embedding"].numpy())


def _assert_same(case: Case, found: Vectors, expected: Vectors) -> None:
    """To rounding; openvino computes in half precision where the processor can, which random weights make much of."""
    if case.exact:
        assert found == pytest.approx(expected, abs=1e-5)
    else:
        assert (found * expected).sum(axis=-1).min() > 0.999


def test_query_vectors_are_the_models_own(case: Case) -> None:
    expected = case.reference.encode(list(TEXTS), prompt=case.query_prompt, normalize_embeddings=True)
    _assert_same(case, case.embedder.embed_queries(TEXTS), expected)


def test_passage_vectors_are_the_models_own(case: Case) -> None:
    expected = case.reference.encode(list(TEXTS), prompt=case.passage_prompt, normalize_embeddings=True)
    found = np.stack([result.vector for result in case.embedder.embed_passages(_passages())])
    _assert_same(case, found, expected)


def test_all_vectors_are_float32_of_length_1_and_of_the_stated_dimension(case: Case) -> None:
    results = case.embedder.embed_passages(_passages())
    rows = [case.embedder.embed_queries(TEXTS), *(r.vector[np.newaxis] for r in results), *(r.spans for r in results)]
    for vectors in rows:
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == case.embedder.fingerprint.dimension
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_spans_vector_is_the_mean_of_its_tokens_states_in_the_whole_text(case: Case) -> None:
    for passage, found in zip(_passages(), case.embedder.embed_passages(_passages()), strict=True):
        _assert_same(case, found.spans, _spans_by_hand(case, passage))


def test_spans_of_one_text_differ_and_know_what_stands_around_them(case: Case) -> None:
    first, second = case.embedder.embed_passages(
        [PassageInput("the clay. the hand.", ((0, 9), (10, 19))), PassageInput("the clay. so it cracked.", ((0, 9),))]
    )
    assert not np.allclose(first.spans[0], first.spans[1], atol=1e-3)
    assert not np.allclose(first.spans[0], second.spans[0], atol=1e-3)


def test_neither_order_nor_company_changes_a_passages_vectors(case: Case) -> None:
    many = _passages(TEXTS * 20)
    alone = [case.embedder.embed_passages([passage])[0] for passage in _passages()]
    for passages, expected in ((many, alone * 20), (many[::-1], (alone * 20)[::-1])):
        for found, single in zip(case.embedder.embed_passages(passages), expected, strict=True):
            _assert_same(case, found.vector, single.vector)
            _assert_same(case, found.spans, single.spans)


def test_neither_order_nor_company_changes_a_querys_vector(case: Case) -> None:
    alone = np.concatenate([case.embedder.embed_queries([text]) for text in TEXTS])
    _assert_same(case, case.embedder.embed_queries(TEXTS[::-1] * 9), np.tile(alone[::-1], (9, 1)))


def test_a_passage_that_fills_the_window_is_embedded_and_one_token_more_is_refused(case: Case) -> None:
    room = WINDOW - case.embedder.passage_overhead
    assert case.embedder.fingerprint.max_tokens == WINDOW == case.reference.max_seq_length
    assert case.embedder.count_tokens(["clay " * room]) == [room]
    case.embedder.embed_passages([PassageInput("clay " * room, ())])
    with pytest.raises(EmbeddingError) as refusal:
        case.embedder.embed_passages([*_passages(), PassageInput("clay " * (room + 1), ())])
    assert f"a passage of {WINDOW + 1} tokens does not fit the window of {case.folder} ({WINDOW}): 'clay" in str(
        refusal.value
    )


def test_a_query_over_the_window_is_cut_as_the_model_itself_cuts_it(case: Case) -> None:
    prompt = case.embedder.count_tokens([case.query_prompt])[0]
    whole = ["clay"] * 7 + ["remembers every hand"] * 50
    cut = " ".join(" ".join(whole).split()[: WINDOW - 2 - prompt])
    expected = case.reference.encode([cut], prompt=case.query_prompt, normalize_embeddings=True)
    [long, short] = case.embedder.embed_queries([" ".join(whole), cut])
    assert long == pytest.approx(short, abs=1e-6)
    _assert_same(case, long[np.newaxis], expected)


def test_tokens_are_those_of_the_models_tokenizer_without_prompts_and_special_tokens(case: Case) -> None:
    texts = [*TEXTS, "", "clay " * 500]
    expected = [len(case.reference.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    assert case.embedder.count_tokens(texts) == expected
    prompt = case.reference.tokenizer(case.passage_prompt, add_special_tokens=False)["input_ids"]
    assert case.embedder.passage_overhead == 2 + len(prompt)


@settings(deadline=None)
@given(
    text=st.text(
        st.one_of(st.sampled_from(" \n\t\x1c\x85\u3000.,'[]cl"), st.characters(exclude_categories=["Cs"])), max_size=30
    )
)
def test_any_text_has_as_many_tokens_as_the_model_itself_makes_of_it(text: str) -> None:
    embedder, reference = _default_model()
    counted = [embedder.count_tokens([words])[0] for words in (text, f"{text} {text}")]
    assert counted == [len(ids) for ids in reference([text, f"{text} {text}"], add_special_tokens=False)["input_ids"]]


@cache
def _default_model() -> tuple[Embedder, Any]:
    folder = locate_model(DEFAULT_MODEL)
    return open_embedder(folder, Runtime.OPENVINO), transformers.AutoTokenizer.from_pretrained(folder.path)


def test_a_tokenizer_that_looks_across_blanks_counts_whole_texts() -> None:
    counted: list[list[str]] = []

    def count(texts: list[str]) -> list[int]:
        counted.append(texts)
        return [7 for _ in texts]

    described = json.dumps({"normalizer": None, "pre_tokenizer": {"type": "Metaspace"}, "model": {"type": "BPE"}})
    assert TokenCounter(described, count).count(["two words", "one"]) == [7, 7]
    assert counted == [["two words", "one"]]


def test_nothing_to_embed_gives_nothing(case: Case) -> None:
    dimension = case.embedder.fingerprint.dimension
    assert case.embedder.embed_passages([]) == []
    assert case.embedder.embed_queries([]).shape == (0, dimension)
    assert case.embedder.embed_passages([PassageInput("clay", ())])[0].spans.shape == (0, dimension)


def test_many_threads_at_once_get_the_same_vectors(case: Case) -> None:
    queries = case.embedder.embed_queries(TEXTS)
    passages = np.stack([result.vector for result in case.embedder.embed_passages(_passages())])
    counts = case.embedder.count_tokens(TEXTS)

    def work(turn: int) -> None:
        long = "clay " * 40 * (turn % 3)
        case.embedder.embed_queries([long])
        _assert_same(case, case.embedder.embed_queries(TEXTS), queries)
        found = np.stack([result.vector for result in case.embedder.embed_passages(_passages())])
        _assert_same(case, found, passages)
        assert case.embedder.count_tokens([*TEXTS, long])[:-1] == counts

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))


def test_openvino_refuses_a_model_that_it_cannot_run_and_names_the_remedy(dense_model: Path) -> None:
    with pytest.raises(EmbeddingError) as refusal:
        open_embedder(locate_model(str(dense_model)), Runtime.OPENVINO)
    assert str(refusal.value) == (
        f"{dense_model}: openvino cannot take it: it is made of Transformer, Pooling, Dense. "
        "Use --runtime sentence-transformers."
    )


def test_openvino_refuses_a_pooling_that_it_would_get_wrong(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "max", pooling="max")
    with pytest.raises(EmbeddingError, match="its pooling is neither mean nor CLS"):
        open_embedder(locate_model(str(folder)), Runtime.OPENVINO)


def test_auto_takes_any_model_and_says_when_it_is_the_slower_way(
    dense_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="onrecord.embeddings"):
        embedder = open_embedder(locate_model(str(dense_model)))
    assert embedder.embed_queries(["clay"]).shape == (1, 8)
    if not Path("/dev/nvidiactl").exists():
        assert "sentence-transformers is used, which is slower" in caplog.text


def test_a_compiled_model_is_opened_without_torch(plain_model: Path, tmp_path: Path) -> None:
    program = f"""import sys
from embeddings.model_files import locate_model
from embeddings.runtimes import Runtime, open_embedder
open_embedder(locate_model({str(plain_model)!r}), Runtime.OPENVINO).embed_queries(["clay"])
print(sorted({{"torch", "transformers", "sentence_transformers"}} & sys.modules.keys()))
"""
    open_embedder(locate_model(str(plain_model)), Runtime.OPENVINO)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_what_was_compiled_and_is_not_whole_any_more_is_compiled_anew(
    plain_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRECORD_CACHE", str(tmp_path))
    folder = locate_model(str(plain_model))
    expected = open_embedder(folder, Runtime.OPENVINO).embed_queries(TEXTS)
    compiled = list(tmp_path.rglob("*.blob"))
    assert compiled
    for path in compiled:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert open_embedder(folder, Runtime.OPENVINO).embed_queries(TEXTS) == pytest.approx(expected, abs=1e-6)
