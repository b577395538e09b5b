"""How many tokens a text has, without cutting the same words into tokens again and again.

A tokenizer of BERT's kind never looks across a blank, so that a text has the tokens of its words: each word is counted
once. Any other tokenizer counts whole texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import chain

_WORDS_KEPT = 200_000


class TokenCounter:
    """Tokens of texts as one tokenizer makes them. Safe to use from several threads."""

    def __init__(self, tokenizer_json: str, count: Callable[[list[str]], list[int]]) -> None:
        """
        Args:
            tokenizer_json: the tokenizer as `tokenizers` writes it.
            count: the number of tokens of each text, by the tokenizer itself.
        """
        self._count = count
        self._by_word = _is_additive(tokenizer_json)
        self._known: dict[str, int] = {}

    def count(self, texts: Sequence[str]) -> list[int]:
        if not self._by_word:
            return self._count(list(texts))
        words = [text.split(" ") for text in texts]
        known = self._known
        if len(known) > _WORDS_KEPT:
            # Another thread may still be counting with the old ones.
            self._known = known = {}
        if unseen := list({word for word in chain.from_iterable(words) if word not in known}):
            known.update(zip(unseen, self._count(unseen), strict=True))
        return [sum(map(known.__getitem__, parts)) for parts in words]


def _is_additive(tokenizer_json: str) -> bool:
    parts = json.loads(tokenizer_json)
    kinds = [(parts.get(name) or {}).get("type") for name in ("normalizer", "pre_tokenizer", "model")]
    return kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"]
