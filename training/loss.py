"""What a model is trained by: of the texts of a batch the answer is to come first, by meaning and words together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss
from torch.nn.functional import cross_entropy

from indexer.lexical import Analyzer
from training.late_pooling import score
from training.negatives import Example
from training.words import WEIGHT, shares


class RankingLoss(CachedMultipleNegativesRankingLoss):  # type: ignore[misc]
    """Cross entropy over the answers and the negatives of a batch; its labels are the examples' numbers.

    Gradients are held for `at_a_time` texts (GradCache, arXiv 2101.06983).
    """

    def __init__(self, model: Any, examples: Sequence[Example], at_a_time: int) -> None:
        super().__init__(model, mini_batch_size=at_a_time)
        self._examples = examples
        self._analyzer = Analyzer()

    def calculate_loss(
        self, reps: list[list[torch.Tensor]], labels: torch.Tensor, *, with_backward: bool = False
    ) -> torch.Tensor:
        """
        Args:
            reps: what comes of the queries, the answers and the negatives, each in parts; see `add_sentences`.
            labels: shape (batch,).
        """
        queries, *texts = (torch.cat(parts) for parts in reps)
        meaning = score(queries, torch.cat(texts))
        words = torch.from_numpy(self._words(labels.tolist())).to(meaning)
        loss = cross_entropy(self.scale * (meaning + WEIGHT * words), torch.arange(len(queries), device=meaning.device))
        if not with_backward:
            return loss
        torch.autograd.backward(loss)
        return loss.detach()

    def _words(self, numbers: Sequence[int]) -> Any:
        batch = [self._examples[number] for number in numbers]
        texts = [one.pair.header + one.pair.text for one in batch]
        negatives = [one.negative_header + one.negative for one in batch]
        return shares([one.words for one in batch], texts + negatives, self._analyzer)
