"""A model learns beside the words what these do not tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from embeddings.model_files import ModelFolder
from embeddings.sentence_transformer import load_model
from indexer.catalog import CatalogReader
from indexer.generations import current_generation
from indexer.lexical import Analyzer, LexicalReader
from service.ranking import WEIGHTS, Mode
from training.late_pooling import Preprocess, add_sentences, score
from training.loss import RankingLoss
from training.negatives import Example
from training.pairs import Pair, Source
from training.words import QueryWords, query_words, shares

_QUERIES = ("What does a kilowatt-hour of storage cost?", "the ash that flies through a kiln", "qwertyuiop")


def test_words_tell_what_they_tell_the_search(index: Path) -> None:
    folder = current_generation(index).folder
    lexical, catalog = LexicalReader(folder), CatalogReader(folder)
    texts = [stored.passage.text for stored in catalog.all_passages()]
    catalog.close()
    found = shares([query_words(query, lexical) for query in _QUERIES], texts, Analyzer())
    expected = [lexical.matched(lexical.terms(query)).shares(np.arange(len(texts))) for query in _QUERIES]
    assert found == pytest.approx(np.stack(expected), abs=2e-3)
    assert found[:2].max(axis=1).min() > 0.1
    assert not found[2].any()


def test_the_answer_is_to_come_first_by_meaning_and_words_together(tiny: ModelFolder) -> None:
    asked = [QueryWords(("ash", "kiln"), (0.75, 0.25), 10.0), QueryWords(("cost",), (1.0,), 10.0)]
    answers, negatives = ("ash in the kiln", "no such word"), ("of harbours", "a cost, the cost")
    examples = [
        Example(Pair(Source.SENTENCE, "", "", answer, 0, 9 * place), words, "", negative)
        for place, (words, answer, negative) in enumerate(zip(asked, answers, negatives, strict=True))
    ]
    loss = RankingLoss(load_model(tiny), examples, 2)
    drawn = torch.Generator().manual_seed(1)
    reps = [[torch.randn(1, 3, 8, generator=drawn, requires_grad=True) for _ in range(2)] for _ in range(3)]
    queries, *texts = (torch.cat(parts) for parts in reps)
    weights = WEIGHTS[Mode.HYBRID]
    words = shares(asked, [*answers, *negatives], Analyzer()) * weights["around"]
    logits = score(queries, torch.cat(texts)).detach().numpy() + words / (weights["passage"] + weights["sentence"])
    log_shares = 20 * logits - np.log(np.exp(20 * logits).sum(axis=1, keepdims=True))
    expected = -np.diagonal(log_shares).mean()
    assert words[0, 0] > 0 == words[0, 1:].max()
    assert words[1, 3] > 0 == words[1, :3].max()
    labels = torch.tensor([0, 1])
    assert loss.calculate_loss(reps, labels).item() == pytest.approx(expected, rel=1e-4)
    assert reps[0][0].grad is None
    assert loss.calculate_loss(reps, labels, with_backward=True).item() == pytest.approx(expected, rel=1e-4)
    assert reps[0][0].grad is not None
    swapped = loss.calculate_loss([parts[::-1] for parts in reps], torch.tensor([1, 0]))
    assert swapped.item() == pytest.approx(expected, rel=1e-4)


def test_what_answers_a_query_too_is_no_negative_of_it(tiny: ModelFolder) -> None:
    words = QueryWords(("ash",), (1.0,), 10.0)

    def first_loss(other: Pair, *, also: frozenset[int] = frozenset()) -> float:
        answer = Pair(Source.LABELLED, "", "The kiln", "of ash", 3, 40, also)
        examples = [Example(answer, words, "", "of harbours"), Example(other, words, "", "of harbours")]
        loss = RankingLoss(load_model(tiny), examples, 2)
        drawn = torch.Generator().manual_seed(1)
        reps = [[0.1 * torch.randn(2, 3, 8, generator=drawn)] for _ in range(3)]
        return float(loss.calculate_loss(reps, torch.tensor([0, 1])))

    far = first_loss(Pair(Source.LABELLED, "", "The kiln", "of ash", 3, 43))
    assert first_loss(Pair(Source.LABELLED, "", "The kiln", "of ash", 3, 42)) < far
    assert first_loss(Pair(Source.LABELLED, "", "The kiln", "of ash", 4, 42)) == far
    assert first_loss(Pair(Source.LABELLED, "", "The harbour", "of ash", 3, 42)) == far
    assert first_loss(Pair(Source.LABELLED, "", "The harbour", "of ash", 4, 99), also=frozenset({99})) < far


def test_in_one_go_gives_the_same_loss_and_gradients(tiny: ModelFolder) -> None:
    texts = ["ash", "the ash that flies through a kiln, and what it costs", "of harbours and ropes", "a kilowatt-hour"]
    examples = [
        Example(Pair(Source.LABELLED, text, "", text, 0, 9 * place), QueryWords((), (), 10.0), "", text)
        for place, text in enumerate(texts)
    ]
    found = []
    for in_one_go in (False, True):
        model = load_model(tiny).train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model.register_forward_hook(add_sentences)
        features = [Preprocess(model)(column) for column in (texts, texts[::-1], ["so", *texts[1:]])]
        loss = RankingLoss(model, examples, 3, in_one_go=in_one_go)(features, torch.arange(4))
        loss.backward()
        gradient = model[0].auto_model.encoder.layer[0].attention.self.query.weight.grad
        found.append((float(loss.detach()), gradient))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert found[0][1].abs().max() > 0
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-7)
