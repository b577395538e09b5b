from __future__ import annotations

import doctest
import json

import pytest
from pydantic import BaseModel

from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from service import bounds
from service.bounds import fitting, json_tokens, most_tokens
from tests.conftest import SEEDS


class Entry(BaseModel):
    text: str
    note: str | None = None


def test_the_examples_are_true() -> None:
    assert doctest.testmod(bounds).failed == 0


def test_a_text_has_no_more_tokens_than_the_bound_says() -> None:
    count = open_embedder(locate_model(DEFAULT_MODEL)).count_tokens
    for path in (path for path in sorted(SEEDS.iterdir()) if path.suffix in (".txt", ".md", ".vtt", ".srt", ".jsonl")):
        text = path.read_text(encoding="utf-8")
        for part in (text, json.dumps(text), text.upper()):
            assert count([part])[0] <= most_tokens(part) < 2 * count([part])[0]


@pytest.mark.parametrize("text", ["Так вышло", "それは違います", "🦉🦉🦉", "naïve façade", "\u2028"])
def test_outside_ascii_a_character_may_be_two_tokens(text: str) -> None:
    assert most_tokens(text) >= 2 * sum(letter > "\x7f" for letter in text)


def test_as_many_entries_fit_as_are_within_the_budget_together() -> None:
    entries = [Entry(text="one two three") for _ in range(9)]
    each = json_tokens(entries[0]) + 1
    assert json_tokens(entries[0]) == most_tokens('{"text":"one two three"}')
    assert [fitting(entries, budget) for budget in (0, each - 1, each, 3 * each + 1, 100 * each)] == [0, 0, 1, 3, 9]
