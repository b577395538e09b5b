from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.errors import IndexBroken
from indexer.lexical import LexicalReader, LexicalWriter, Worded

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
    writer.add_episode([Worded(text) for text in TEXTS])
    writer.close()
    return LexicalReader(folder)


def best(reader: LexicalReader, query: str, limit: int = 50) -> list[int]:
    return [int(number) for number in reader.matched(reader.terms(query)).best(limit)]


def shares_of(reader: LexicalReader, query: str) -> NDArray[np.float32]:
    return reader.matched(reader.terms(query)).shares(np.arange(len(reader)))


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
    matched = reader.matched(reader.terms(" ".join(words)))
    shares = matched.shares(np.arange(COUNT))
    assert ((shares >= 0) & (shares <= 1)).all()
    found = matched.best(limit, allowed)
    assert len(found) == min(limit, int(((shares > 0) & allowed).sum()))
    assert allowed[found].all()
    assert (shares[found] > 0).all()
    assert shares[found].tolist() == sorted(shares[found].tolist(), reverse=True)
    left_out = np.setdiff1d(np.flatnonzero(allowed), found)
    assert not len(found) or not len(left_out) or shares[left_out].max() <= shares[found].min() or len(found) < limit


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.text('+-&|!(){}[]^"~*?:\\/ ANDORNOTharbour', max_size=40))
def test_any_text_is_a_query(reader: LexicalReader, query: str) -> None:
    shares = shares_of(reader, query)
    assert ((shares >= 0) & (shares <= 1)).all()


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
    alone, with_more = (shares_of(reader, query) for query in ("salt", "salt unheard"))
    assert with_more[2] < alone[2]


def test_a_word_twice_in_the_query_counts_once(reader: LexicalReader) -> None:
    once, often = (shares_of(reader, query) for query in ("salt gate", "salt gate salt Salt"))
    assert often.tolist() == once.tolist()


@pytest.mark.parametrize(
    ("heard", "said"),
    [("harbur", "harbour"), ("reservior", "reservoir"), ("hidrologist", "hydrologist"), ("harbours", "harbour")],
)
def test_a_misspelt_word_is_taken_for_the_nearest_one_that_is_said(
    reader: LexicalReader, heard: str, said: str
) -> None:
    [term] = reader.terms(heard)
    [expected] = reader.terms(said)
    assert (expected if reader.vocabulary.frequency(term) else reader.vocabulary.nearest(term)) == expected


@pytest.mark.parametrize("word", ["sult", "gpt4", "35000", "lanterns", "zzzzzzzz", ""])
def test_short_words_numbers_and_far_words_are_taken_for_nothing(reader: LexicalReader, word: str) -> None:
    assert reader.vocabulary.nearest(word) is None


def test_neighbouring_words_count_side_by_side_and_only_there(tmp_path: Path) -> None:
    writer = LexicalWriter(tmp_path)
    texts = ["the salt harbour opened", "harbour of the salt", "a salt and a far away harbour", "state of the art"]
    writer.add_episode([Worded(text, "salt harbour", "salt harbour") for text in texts])
    writer.close()
    reader = LexicalReader(tmp_path)
    everything = np.arange(len(texts))
    phrases = {
        query: reader.matched(reader.terms(query)).phrases(everything)
        for query in ("salt harbour", "state of the art", "harbour", "salt harbour opened")
    }
    assert np.flatnonzero(phrases["salt harbour"]).tolist() == [0]
    assert np.flatnonzero(phrases["state of the art"]).tolist() == [3]
    assert not phrases["harbour"].any()
    common, rare = math.log(1 + 1.5 / 3.5), math.log(1 + 3.5 / 1.5)  # the idf of three and of one in four
    assert phrases["salt harbour"][0] == pytest.approx(0.5)
    assert phrases["salt harbour opened"][0] == pytest.approx(2 * common / (2 * common + rare))


def test_the_empty_mask_and_the_limit_of_zero_find_nothing(reader: LexicalReader) -> None:
    matched = reader.matched(reader.terms("gauge"))
    assert matched.best(10, np.zeros(COUNT, dtype=np.bool_)).tolist() == []
    assert matched.best(0).tolist() == []
    assert len(reader) == COUNT


def test_scores_are_bm25_over_its_upper_bound(tmp_path: Path) -> None:
    """Computed here anew, from the texts alone."""
    texts = [text.split() for text in ("salt salt ferry", "ferry tunnel", "salt tunnel gate lock", "gate")]
    writer = LexicalWriter(tmp_path)
    writer.add_episode([Worded(" ".join(words), "", "salt") for words in texts])
    writer.close()
    found = LexicalReader(tmp_path).matched(["salt", "tunnel"]).shares(np.arange(len(texts)))
    mean = sum(map(len, texts)) / len(texts)
    idf = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    for share, words in zip(found, texts, strict=True):
        saturation = 1.2 * (0.25 + 0.75 * len(words) / mean)
        counts = (words.count("salt"), words.count("tunnel"))
        assert share == pytest.approx(sum(idf * n / (n + saturation) for n in counts) / (2 * idf), abs=1e-3)


def test_around_a_passage_its_neighbours_question_and_header_count_and_another_episode_does_not(tmp_path: Path) -> None:
    writer = LexicalWriter(tmp_path)
    writer.add_episode(
        [
            Worded("The harbour was empty.", "Boats", None),
            Worded("Nobody came in winter.", "Boats", "Who mended the lantern?"),
            Worded("The ferry carried salt.", "Boats", "Who mended the lantern?"),
        ]
    )
    writer.add_episode([Worded("Kilns are hot.", "Bricks", None)])
    writer.close()
    reader = LexicalReader(tmp_path)
    everything = np.arange(4)
    holding = {
        word: np.flatnonzero(reader.matched(reader.terms(word)).around(everything)).tolist()
        for word in ("harbour", "salt", "lantern", "boats", "kilns", "bricks", "unheard")
    }
    assert holding == {
        "harbour": [0, 1],
        "salt": [1, 2],
        "lantern": [1, 2],
        "boats": [0, 1, 2],
        "kilns": [3],
        "bricks": [3],
        "unheard": [],
    }
    assert np.flatnonzero(shares_of(reader, "lantern boats")).tolist() == []
    both = reader.matched(reader.terms("harbour salt")).around(everything)
    assert both[1] == both.max()


def test_a_missing_or_broken_index_of_words_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexBroken, match=r"lexical: tantivy cannot read it \(.+\)\. Run `onrecord index` again\.$"):
        LexicalReader(tmp_path)
    (tmp_path / "lexical").mkdir()
    (tmp_path / "lexical" / "meta.json").write_text("{}", encoding="utf-8")
    with pytest.raises(IndexBroken, match="lexical"):
        LexicalReader(tmp_path)
