"""What a search compares a query with: a passage's vector and those of its sentences, here with gradients.

A sentence's vector is pooled from its passage's token states ("late chunking", arXiv 2409.04701), so only a loss that
sees it there teaches it anything. Score and weights are those of the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import normalize, one_hot

from indexer.sentences import sentence_spans
from service.ranking import WEIGHTS, Mode

# Between a passage's header, which is in no sentence, and its words.
HEADER_END = "\x1f"
_MOST_SENTENCES = 24
_BEST = 2
_SENTENCE_OF = "sentence_of"


class Preprocess:
    """Texts to a model's features, and for every token the number of its sentence, from 1; 0 is in none."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, texts: Sequence[str], **_: Any) -> dict[str, Any]:
        marked = [text if HEADER_END in text else text + HEADER_END for text in texts]
        headers = [text.index(HEADER_END) for text in marked]
        bare = [text.replace(HEADER_END, "", 1) for text in marked]
        features = self._model.tokenizer(
            bare,
            padding=True,
            truncation=True,
            max_length=self._model.max_seq_length,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        offsets = features.pop("offset_mapping").tolist()
        rows = list(map(_sentence_of, offsets, bare, headers))
        return {**features, _SENTENCE_OF: torch.tensor(rows)}


def _sentence_of(offsets: Sequence[tuple[int, int]], text: str, header: int) -> list[int]:
    spans = [(start + header, end + header) for start, end in sentence_spans(text[header:])][:_MOST_SENTENCES]
    numbers = []
    at = 0
    for start, end in offsets:
        while at < len(spans) and start >= spans[at][1]:
            at += 1
        numbers.append(at + 1 if at < len(spans) and end > spans[at][0] and end > start else 0)
    return numbers


def add_sentences(model: Any, _: Any, features: dict[str, Any]) -> dict[str, Any]:
    """A forward hook of a model that is trained: puts the sentences' vectors behind the text's.

    `sentence_embedding` becomes (texts, 1 + sentences, dimension); rows of sentences that are not there are zeros.
    """
    states = features["token_embeddings"]
    with torch.autocast(states.device.type, enabled=False):
        member = one_hot(features[_SENTENCE_OF], _MOST_SENTENCES + 1)[..., 1:].float()
        counts = member.sum(dim=1).unsqueeze(-1)
        pooled = torch.einsum("nts,ntd->nsd", member, states.float()) / counts.clamp(min=1)
        for module in list(model)[2:]:
            pooled = module({"sentence_embedding": pooled})["sentence_embedding"]
        sentences = normalize(pooled, dim=-1) * (counts > 0)
        whole = normalize(features["sentence_embedding"].float(), dim=-1).unsqueeze(1)
    return {**features, "sentence_embedding": torch.cat([whole, sentences], dim=1)}


def score(queries: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """How near texts are to queries, as the search by meaning weighs it: shape (queries, texts), 1 at most."""
    weights = WEIGHTS[Mode.DENSE]
    cosines = torch.einsum("qd,tsd->qts", queries[:, 0], texts)
    there = (texts != 0).any(dim=-1)[:, 1:]
    best = cosines[..., 1:].masked_fill(~there, -1).topk(_BEST, dim=-1).values
    second = torch.where(there.sum(dim=-1) > 1, best[..., 1], best[..., 0])
    sentence = (best[..., 0] + second) / _BEST
    whole = cosines[..., 0]
    sentence = torch.where(there.any(dim=-1), sentence, whole)
    total = weights["passage"] + weights["sentence"]
    return (weights["passage"] * whole + weights["sentence"] * sentence) / total
