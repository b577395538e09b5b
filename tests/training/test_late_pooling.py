"""What a model is trained on is what the search compares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embeddings.base import PassageInput
from embeddings.model_files import ModelFolder
from embeddings.sentence_transformer import SentenceTransformerEmbedder, load_model
from indexer.sentences import sentence_spans
from service.ranking import WEIGHTS, Mode
from training.late_pooling import HEADER_END, Preprocess, add_sentences, score

_HEADER = "Kilns and what they cost\nOdd Nygaard: "
_TEXTS = [
    "Because ash is a glaze. It flies through the chamber for three days, and where it lands it melts! Does it? Yes.",
    "One sentence alone.",
]
_QUERY = "what does the ash do"


@pytest.fixture(scope="module")
def found(tiny: ModelFolder) -> tuple[torch.Tensor, torch.Tensor]:
    """What comes of the query and of the texts, with their header, in a model that is trained."""
    model = load_model(tiny)
    preprocess = Preprocess(model)
    hook = model.register_forward_hook(add_sentences)
    with torch.no_grad():
        query = model(preprocess([_QUERY]))["sentence_embedding"]
        texts = model(preprocess([_HEADER + HEADER_END + text for text in _TEXTS]))["sentence_embedding"]
    hook.remove()
    return query, texts


def test_vectors_are_those_that_are_searched(tiny: ModelFolder, found: tuple[torch.Tensor, torch.Tensor]) -> None:
    embedder = SentenceTransformerEmbedder(tiny)
    spans = [
        tuple((start + len(_HEADER), end + len(_HEADER)) for start, end in sentence_spans(text)) for text in _TEXTS
    ]
    inputs = [PassageInput(_HEADER + text, places) for text, places in zip(_TEXTS, spans, strict=True)]
    for rows, searched in zip(found[1].numpy(), embedder.embed_passages(inputs), strict=True):
        assert rows[0] == pytest.approx(searched.vector, abs=1e-5)
        count = len(searched.spans)
        assert rows[1 : 1 + count] == pytest.approx(searched.spans, abs=1e-5)
        assert not rows[1 + count :].any()
    assert found[0][0, 0].numpy() == pytest.approx(embedder.embed_queries([_QUERY])[0], abs=1e-5)


def test_the_score_is_the_searchs(found: tuple[torch.Tensor, torch.Tensor]) -> None:
    query, texts = (tensor.numpy() for tensor in found)
    weights = WEIGHTS[Mode.DENSE]
    expected = []
    for rows, count in zip(texts, map(len, map(sentence_spans, _TEXTS)), strict=True):
        best = np.sort(rows[1 : 1 + count] @ query[0, 0])[-2:].mean()
        whole = weights["passage"] * float(rows[0] @ query[0, 0]) + weights["sentence"] * float(best)
        expected.append(whole / (weights["passage"] + weights["sentence"]))
    assert score(*found)[0].numpy() == pytest.approx(expected, abs=1e-5)


def test_a_text_beyond_what_is_read_keeps_the_sentences_that_are_read(tiny: ModelFolder) -> None:
    model = load_model(tiny)
    model.max_seq_length = 16
    features = Preprocess(model)([HEADER_END + "a glaze of ash. " * 20])
    assert features["sentence_of"].shape == features["input_ids"].shape
    assert features["sentence_of"].max() < 16
    assert features["sentence_of"][0, 1] == 1


def test_what_is_learnt_reaches_the_sentences(tiny: ModelFolder) -> None:
    model = load_model(tiny)
    preprocess = Preprocess(model)
    model.register_forward_hook(add_sentences)
    query = model(preprocess([_QUERY]))["sentence_embedding"]
    texts = model(preprocess([HEADER_END + text for text in _TEXTS]))["sentence_embedding"]
    texts.retain_grad()
    torch.autograd.backward([score(query, texts)[0, 0]])
    assert texts.grad is not None
    taught = texts.grad[0].abs().sum(dim=-1) > 0
    assert taught.tolist()[:1] == [True]
    assert int(taught[1:].sum()) == 2
