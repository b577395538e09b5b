"""What a model is trained by: of the texts of a batch the answer is to come first, by meaning and words together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss
from torch.nn.functional import cross_entropy

from indexer.lexical import Analyzer
from training.late_pooling import score
from training.negatives import Example
from training.pairs import are_of_one_answer
from training.words import WEIGHT, shares

_NEVER = -1e4


class RankingLoss(CachedMultipleNegativesRankingLoss):  # type: ignore[misc]
    """Cross entropy over the answers and the negatives of a batch; its labels are the examples' numbers.

    Gradients are held for `at_a_time` texts (GradCache, arXiv 2101.06983); with `in_one_go` for all of a batch, which
    takes more memory and saves a forward pass.
    """

    def __init__(self, model: Any, examples: Sequence[Example], at_a_time: int, *, in_one_go: bool = False) -> None:
        super().__init__(model, mini_batch_size=at_a_time)
        self._examples = examples
        self._analyzer = Analyzer()
        self._in_one_go = in_one_go

    def forward(self, sentence_features: Iterable[dict[str, torch.Tensor]], labels: torch.Tensor) -> torch.Tensor:
        if not self._in_one_go:
            cached: torch.Tensor = super().forward(sentence_features, labels)
            return cached
        return self.calculate_loss([[self._embedded(features)] for features in sentence_features], labels)

    def calculate_loss(
        self, reps: list[list[torch.Tensor]], labels: torch.Tensor, *, with_backward: bool = False
    ) -> torch.Tensor:
        """
        Args:
            reps: what comes of the queries, the answers and the negatives, each in parts; see `add_sentences`.
            labels: shape (batch,).
        """
        queries, *texts = (torch.cat(parts) for parts in reps)
        batch = [self._examples[number] for number in labels.tolist()]
        meaning = score(queries, torch.cat(texts))
        words = torch.from_numpy(self._words(batch)).to(meaning)
        scores = self.scale * (meaning + WEIGHT * words)
        scores[:, : len(batch)].masked_fill_(_other_answers(batch).to(scores.device), _NEVER)
        loss = cross_entropy(scores, torch.arange(len(queries), device=meaning.device))
        if not with_backward:
            return loss
        torch.autograd.backward(loss)
        return loss.detach()

    def _embedded(self, features: dict[str, torch.Tensor]) -> torch.Tensor:
        """Texts of like lengths together, so that few are padded."""
        lengths = features["attention_mask"].sum(dim=1)
        parts = torch.split(lengths.argsort(stable=True), self.mini_batch_size)
        found = [
            self.model({name: values[rows, : int(lengths[rows].max())] for name, values in features.items()})
            for rows in parts
        ]
        embedded: torch.Tensor = torch.cat([one["sentence_embedding"] for one in found])
        return embedded[torch.cat(parts).argsort()]

    def _words(self, batch: Sequence[Example]) -> Any:
        texts = [one.pair.header + one.pair.text for one in batch]
        negatives = [one.negative_header + one.negative for one in batch]
        return shares([one.words for one in batch], texts + negatives, self._analyzer)


def _other_answers(batch: Sequence[Example]) -> torch.Tensor:
    """Whose answers answer whose query too, without its own: bool of shape (queries, answers)."""
    return torch.tensor([[i is not j and are_of_one_answer(i.pair, j.pair) for j in batch] for i in batch])
