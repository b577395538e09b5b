from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import IndexBroken
from indexer.lexical import LexicalReader, LexicalWriter

WORDS = "harbour tunnel gauge salt ferry gate reservoir hydrologist Straße naïve GPT-3 3.5% O'Brien 日本".split()
TEXTS = [
    "The harbour gauge was never read.",
    "Nobody read the second gauge in the tunnel.",
    "Salt, salt and salt again; that is what the ferry carries.",
    "GPT-3 scored 3.5% on the naïve benchmark, said O'Brien.",
    "It is what it is.",
    "Hydrologists measure reservoirs. A hydrologist measured this reservoir.",
    "title:harbour AND (text OR NOT tunnel)",
    *(f"Filler number {n} about gates and locks and weather." for n in range(20)),
]
COUNT = len(TEXTS)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> LexicalReader:
    folder = tmp_path_factory.mktemp("lexical")
    writer = LexicalWriter(folder)
    for text in TEXTS:
        writer.add(text)
    writer.close()
    return LexicalReader(folder)


def best(reader: LexicalReader, query: str, limit: int = 50) -> list[int]:
    return list(reader.best(reader.terms(query), limit, None))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([*WORDS, "the", "gates", "weather", "unheard"]), max_size=6),
    st.lists(st.booleans(), min_size=COUNT, max_size=COUNT),
    st.integers(0, 40),
)
def test_nothing_outside_the_mask_is_found_and_scores_are_shares(
    reader: LexicalReader, words: list[str], mask: list[bool], limit: int
) -> None:
    allowed = np.array(mask)
    terms = reader.terms(" ".join(words))
    found = reader.best(terms, limit, allowed)
    everything = reader.best(terms, COUNT, None)
    assert len(found) == min(limit, sum(mask[number] for number in everything))
    assert all(mask[number] and 0 <= score <= 1 for number, score in found.items())
    assert list(found.values()) == sorted(found.values(), reverse=True)
    for number, score in found.items():
        assert score == pytest.approx(everything[number], abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.text('+-&|!(){}[]^"~*?:\\/ ANDORNOTharbour', max_size=40))
def test_any_text_is_a_query(reader: LexicalReader, query: str) -> None:
    assert all(0 <= score <= 1 for score in reader.best(reader.terms(query), 10, None).values())


@pytest.mark.parametrize(
    "query", ["title:harbour", "+harbour -tunnel", '"harbour"~2', "harbour*", "(harbour", "harbour^9", "[harbour TO x]"]
)
def test_signs_of_a_query_language_are_plain_text(reader: LexicalReader, query: str) -> None:
    assert {0, 6} <= set(best(reader, query))


@pytest.mark.parametrize("query", ["", "   ", "the of and it's", "What is it that you’re really like?", "?!*"])
def test_stop_words_alone_find_nothing(reader: LexicalReader, query: str) -> None:
    assert reader.terms(query) == []
    assert best(reader, query) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("GAUGES", {0, 1}),
        ("naive", {3}),
        ("naïve", {3}),
        ("O’Brien", {3}),
        ("gpt", {3}),
        ("3.5", {3}),
        ("measuring reservoirs", {5}),
        ("unheard", set()),
    ],
)
def test_a_word_is_found_in_its_other_forms(reader: LexicalReader, query: str, expected: set[int]) -> None:
    assert set(best(reader, query)) == expected


def test_a_name_with_a_number_is_found_before_the_number_alone(reader: LexicalReader) -> None:
    assert best(reader, "GPT-3")[0] == 3


def test_the_passage_with_more_of_the_query_is_first(reader: LexicalReader) -> None:
    assert best(reader, "second gauge tunnel")[0] == 1


def test_a_word_that_nobody_said_lowers_the_score(reader: LexicalReader) -> None:
    alone, with_more = (reader.best(reader.terms(query), 1, None) for query in ("salt", "salt unheard"))
    assert with_more[2] < alone[2]


def test_a_word_twice_in_the_query_counts_once(reader: LexicalReader) -> None:
    assert reader.terms("salt salt Salt") == reader.terms("salt")


def test_the_empty_mask_and_the_limit_of_zero_find_nothing(reader: LexicalReader) -> None:
    terms = reader.terms("gauge")
    assert reader.best(terms, 10, np.zeros(COUNT, dtype=np.bool_)) == {}
    assert reader.best(terms, 0, None) == {}
    assert len(reader) == COUNT


def test_a_missing_or_broken_index_of_words_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexBroken, match=r"lexical: tantivy cannot read it\. Run `onrecord index` again\.$"):
        LexicalReader(tmp_path)
    (tmp_path / "lexical").mkdir()
    (tmp_path / "lexical" / "meta.json").write_text("{}", encoding="utf-8")
    with pytest.raises(IndexBroken, match="lexical"):
        LexicalReader(tmp_path)
