"""A real cross-encoder, tiny and with random weights: whatever it says must decide the order, within the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from sentence_transformers import CrossEncoder

from embeddings.base import EmbeddingError
from embeddings.cross_encoder import CrossEncoderReranker
from service.archive import Archive, Reranking
from service.search import Search, search
from tests.service.synthetic import TOPICS, Synthetic

ASKED = "who repairs the lantern?"
TOP = 12


def _save(folder: Path, *, labels: int = 1) -> Path:
    torch.manual_seed(7)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "repairs", "the", *TOPICS]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    shape = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        initializer_range=0.5,
        num_labels=labels,
    )
    transformers.BertForSequenceClassification(shape).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("reranker") / "tiny")


@pytest.fixture(scope="module")
def reranked(model: Path, synthetic: Synthetic) -> Iterator[Archive]:
    yield replace(synthetic.archive, reranking=Reranking(CrossEncoderReranker(str(model)), TOP, 60_000))


def test_the_first_passages_are_ordered_by_the_mean_of_both_scores_and_the_rest_follow(
    model: Path, reranked: Archive, synthetic: Synthetic
) -> None:
    plain = search(Search(ASKED, limit=30, per_episode=100), synthetic.archive).hits
    found = search(Search(ASKED, limit=30, per_episode=100), reranked).hits
    texts = [hit.stored.passage.text for hit in plain[:TOP]]
    judged = CrossEncoder(str(model)).predict([(ASKED, text) for text in texts], activation_fn=torch.nn.Sigmoid())
    expected = sorted(
        ((float(j) + hit.score) / 2, hit.stored.number) for j, hit in zip(judged, plain[:TOP], strict=True)
    )[::-1]
    assert [hit.stored.number for hit in found[:TOP]] == [number for _, number in expected]
    assert [hit.score for hit in found[:TOP]] == pytest.approx([score for score, _ in expected], abs=1e-5)
    assert [hit.stored.number for hit in found[:TOP]] != [hit.stored.number for hit in plain[:TOP]]
    assert [hit.stored.number for hit in found[TOP:]] == [hit.stored.number for hit in plain[TOP:]]
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_who_does_not_want_it_gets_the_plain_ranking(reranked: Archive, synthetic: Synthetic) -> None:
    assert search(Search(ASKED, rerank=False), reranked) == search(Search(ASKED), synthetic.archive)


def test_when_the_time_is_up_the_rest_stays_unread_and_the_notes_say_so(reranked: Archive) -> None:
    assert reranked.reranking is not None
    hurried = replace(reranked, reranking=replace(reranked.reranking, budget_ms=0))
    found = search(Search(ASKED, limit=30), hurried)
    read = [hit.signals["rerank"] > 0 for hit in found.hits]
    assert sum(read) == 8
    assert read == sorted(read, reverse=True)
    assert f"rerank: the time allowed for 8 of the first {TOP} passages." in found.notes
    assert not any(note.startswith("rerank") for note in search(Search(ASKED), reranked).notes)


def test_scores_lie_between_0_and_1_and_need_no_order(model: Path) -> None:
    judge = CrossEncoderReranker(str(model))
    texts = ["the lantern", "a glacier and a loom " * 60, "", "kiln"]
    scores = judge.scores(ASKED, texts)
    assert ((scores >= 0) & (scores <= 1)).all()
    np.testing.assert_allclose(judge.scores(ASKED, texts[::-1])[::-1], scores, atol=1e-5)


def test_what_is_no_reranker_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="it gives 3 numbers for a pair, a reranker gives one"):
        CrossEncoderReranker(str(_save(tmp_path / "three", labels=3)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbeddingError, match=r"no config\.json\. Save one there"):
        CrossEncoderReranker(str(tmp_path / "empty"))
    with pytest.raises(EmbeddingError, match="no such folder"):
        CrossEncoderReranker(str(tmp_path / "nowhere"))
