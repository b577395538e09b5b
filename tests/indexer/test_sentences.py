from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sentences import sentence_spans, split_long

SPEECH = st.text(st.sampled_from('abcXYZ.,!?… \n"”’()[]1é。？Dr'), max_size=120) | st.text(max_size=80)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["It rained.", "It poured!", "Why?", "Nobody knows…", "Well."],
        ["Dr. Ruiz met Mr. Wu at 5 p.m. on St. Olaf's.", "They spoke."],
        ["It is 3.5% of U.S. output, i.e. nothing.", "Really."],
        ["J. R. Okafor wrote it.", "So did I.", "Then he left."],
        ["He said “no.”", "She said “yes.”", "(Both laughed.)", "End."],
        ["Well... maybe not.", "Wait...", "No."],
        ["Who?!", "Me?"],
        ["no end mark at all and nothing else"],
        ["これは文です。", "これも文です。"],
        ["Version 2.0 is out.", "V2.1 is not."],
        ["No.", "I can’t.", "It's theirs.", "He won't.", "She saw No. 5 in vol. 2.", "Go."],
        ["See example.org for it.", "Done."],
    ],
    ids=lambda expected: expected[0],
)
def test_sentences_end_where_a_reader_says_they_do(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


def test_a_new_paragraph_ends_a_sentence() -> None:
    assert sentences("one thing\nanother thing\n\na third") == ["one thing", "another thing", "a third"]


def test_blank_text_has_no_sentences() -> None:
    assert sentence_spans("") == sentence_spans(" \n\t ") == ()


@given(SPEECH)
def test_every_character_that_is_not_blank_is_in_exactly_one_sentence_in_order(text: str) -> None:
    spans = sentence_spans(text)
    assert [i for start, end in spans for i in range(start, end) if not text[i].isspace()] == [
        i for i, character in enumerate(text) if not character.isspace()
    ]
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)


@given(st.lists(st.text("abcé,;:—", min_size=1, max_size=9), min_size=1, max_size=60), st.integers(1, 12))
def test_a_long_sentence_cut_in_pieces_keeps_every_word(words: list[str], pieces: int) -> None:
    text = f"Before. {' '.join(words)} After."
    spans = split_long(text, 8, len(text) - 7, pieces)
    assert 1 <= len(spans) <= pieces
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == "".join(words)
    if (len(text) - 15) / pieces >= 3 * 10:
        assert [word for start, end in spans for word in text[start:end].split()] == words


def test_a_long_sentence_is_cut_at_a_comma_where_one_is_near() -> None:
    text = "we went to the harbour before dawn, and then we counted every single one of the gauges"
    assert [text[s:e] for s, e in split_long(text, 0, len(text), 2)] == [
        "we went to the harbour before dawn,",
        "and then we counted every single one of the gauges",
    ]


def test_a_stretch_without_blanks_is_cut_all_the_same() -> None:
    assert split_long("x" * 100, 0, 100, 4) == [(0, 25), (25, 50), (50, 75), (75, 100)]
