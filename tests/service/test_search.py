"""What a ranking is: one order, whatever page, thinning or company it is asked for in."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embeddings.fake import FakeEmbedder
from indexer.types import Kind
from service.archive import open_archive
from service.filters import Filters
from service.ranking import CANDIDATES, WEIGHTS, Mode
from service.search import GroupBy, Hit, Hits, Search, merged, search, search_many
from tests.indexer.making import LENA, OMAR, index, markdown, write
from tests.service.synthetic import Synthetic

ASKED = "who repairs the lantern of the harbour tonight?"
PLAIN_QUERIES = (ASKED, "glacier", "the bridge, again and again", "an unheard-of word", "what was it?")


def _ids(hits: Hits) -> list[str]:
    return [hit.stored.passage.id for hit in hits.hits]


def _quote(hit: Hit, synthetic: Synthetic) -> str:
    start, end = hit.quote
    episode, _ = synthetic.entries[hit.stored.number]
    return episode.text[start:end]


def _whole(request: Search, synthetic: Synthetic, page: int = 100) -> list[Hit]:
    """The ranking to its end, read a page at a time."""
    hits: list[Hit] = []
    while found := search(replace(request, limit=page, offset=len(hits)), synthetic.archive).hits:
        hits += found
    return hits


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("group_by", [None, GroupBy.SPEAKER])
def test_pages_join_up_to_one_ranking_without_gaps_or_repeats(
    mode: Mode, group_by: GroupBy | None, synthetic: Synthetic
) -> None:
    request = Search(ASKED, mode=mode, group_by=group_by)
    whole = _whole(request, synthetic)
    assert [hit.rank for hit in whole] == list(range(1, len(whole) + 1))
    assert len({hit.stored.number for hit in whole}) == len(whole)
    for page in (30, 77):
        assert _whole(request, synthetic, page) == whole


def test_the_ranking_is_longer_than_a_page_and_total_says_how_long(synthetic: Synthetic) -> None:
    found = search(Search(ASKED, mode=Mode.DENSE), synthetic.archive)
    assert (len(found.hits), found.total) == (10, CANDIDATES)
    beyond = search(Search(ASKED, mode=Mode.DENSE, offset=found.total), synthetic.archive)
    assert (beyond.hits, beyond.total) == ((), found.total)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("query", PLAIN_QUERIES)
def test_scores_lie_between_0_and_1_and_fall_down_the_ranking(query: str, mode: Mode, synthetic: Synthetic) -> None:
    scores = [hit.score for hit in _whole(Search(query, mode=mode), synthetic)]
    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("mode", Mode)
def test_every_hit_shows_every_signal(mode: Mode, synthetic: Synthetic) -> None:
    for hit in search(Search(ASKED, mode=mode), synthetic.archive).hits:
        assert hit.signals.keys() == WEIGHTS[mode].keys() > {"passage", "sentence", "lexical"}
        assert all(-1.001 <= value <= 1.001 for value in hit.signals.values())


@pytest.mark.parametrize("mode", Mode)
def test_a_score_is_the_weighted_mean_of_the_signals_shown(mode: Mode, synthetic: Synthetic) -> None:
    weights = WEIGHTS[mode]
    for hit in search(Search(ASKED, mode=mode), synthetic.archive).hits:
        by_hand = sum(weights[name] * min(1, max(0, value)) for name, value in hit.signals.items())
        assert hit.score == pytest.approx(by_hand / sum(weights.values()), abs=1e-6)


def test_words_count_for_nothing_in_dense_mode_and_alone_in_lexical_mode() -> None:
    assert WEIGHTS[Mode.DENSE]["lexical"] == 0
    assert {name for name, weight in WEIGHTS[Mode.LEXICAL].items() if weight} == {"lexical"}


def test_hits_of_lexical_mode_hold_a_word_of_the_query(synthetic: Synthetic) -> None:
    hits = _whole(Search("what about the lantern", mode=Mode.LEXICAL), synthetic)
    assert hits
    assert all(re.search("lantern", hit.stored.passage.text, re.IGNORECASE) for hit in hits)
    contents = [passage for _, passage in synthetic.entries if passage.kind is Kind.CONTENT]
    expected = {p.id for p in contents if re.search("lantern", p.text, re.IGNORECASE)}
    assert len(expected) < CANDIDATES
    assert {hit.stored.passage.id for hit in hits} == expected


def test_words_that_stand_nowhere_find_nothing_in_lexical_mode_and_something_in_the_others(
    synthetic: Synthetic,
) -> None:
    for query in ("zymurgy", "what was it?", "...", "?"):
        assert search(Search(query, mode=Mode.LEXICAL), synthetic.archive).hits == ()
        assert search(Search(query, mode=Mode.HYBRID), synthetic.archive).total == CANDIDATES


def test_a_sentence_asked_for_word_by_word_is_found_and_is_the_quote(synthetic: Synthetic) -> None:
    contents = [(episode, passage) for episode, passage in synthetic.entries if passage.kind is Kind.CONTENT]
    for episode, passage in contents[::30]:
        start, end = passage.sentences[-1]
        words = episode.text[start:end]
        hits = search(Search(words, mode=Mode.DENSE, limit=100), synthetic.archive).hits
        assert words in [_quote(hit, synthetic) for hit in hits]


def test_a_quote_is_one_sentence_of_its_passage(synthetic: Synthetic) -> None:
    for hit in _whole(Search(ASKED), synthetic):
        assert hit.quote in hit.stored.passage.sentences


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("most", [1, 2, 5])
def test_per_episode_keeps_the_best_of_each_episode_and_no_more_than_asked(
    most: int, mode: Mode, synthetic: Synthetic
) -> None:
    seen: Counter[int] = Counter()
    expected = []
    for hit in _whole(Search(ASKED, mode=mode, per_episode=100), synthetic):
        seen[hit.stored.episode] += 1
        if seen[hit.stored.episode] <= most:
            expected.append(hit.stored.passage.id)
    thinned = _whole(Search(ASKED, mode=mode, per_episode=most), synthetic)
    assert [hit.stored.passage.id for hit in thinned] == expected
    assert len(expected) == min(most, 5) * 10


def test_grouped_by_episode_every_episode_has_its_best_hit_alone(synthetic: Synthetic) -> None:
    grouped = _whole(Search(ASKED, group_by=GroupBy.EPISODE), synthetic)
    assert [hit.stored for hit in grouped] == [h.stored for h in _whole(Search(ASKED, per_episode=1), synthetic)]
    assert len(grouped) == 10


def test_grouped_by_speaker_every_person_has_their_best_hit_alone(synthetic: Synthetic) -> None:
    grouped = _whole(Search(ASKED, group_by=GroupBy.SPEAKER), synthetic)
    named = [hit.stored.passage.speaker for hit in grouped if hit.stored.passage.speaker]
    assert sorted(named) == ["Ada Merriweather", "José Ünal", "Kim Alder", "Kim Birch", "Orla Finch"]
    for hit in grouped:
        speaker = hit.stored.passage.speaker
        if speaker:
            best = search(Search(ASKED, filters=Filters(speaker=speaker), limit=1), synthetic.archive).hits[0]
            assert best.stored == hit.stored


@pytest.mark.parametrize("mode", Mode)
def test_min_score_leaves_out_what_scores_lower_and_touches_nothing_else(mode: Mode, synthetic: Synthetic) -> None:
    whole = _whole(Search(ASKED, mode=mode), synthetic)
    for least in (0.0, whole[4].score, whole[4].score + 1e-6, whole[-1].score, 1.0):
        found = search(Search(ASKED, mode=mode, limit=100, min_score=least), synthetic.archive)
        kept = [hit for hit in whole if hit.score >= least]
        assert found.total == len(kept)
        assert list(found.hits) == kept[:100]


def test_several_queries_at_once_get_what_each_gets_alone(synthetic: Synthetic) -> None:
    requests = [Search(query, mode=mode) for query in PLAIN_QUERIES for mode in Mode]
    together = search_many(requests, synthetic.archive)
    assert [_ids(hits) for hits in together] == [_ids(search(request, synthetic.archive)) for request in requests]


def test_many_threads_at_once_get_the_same_hits(synthetic: Synthetic) -> None:
    requests = [Search(query, filters=Filters(show="Slow Craft")) for query in PLAIN_QUERIES]
    expected = [_ids(hits) for hits in search_many(requests, synthetic.archive)]

    def ask(_: int) -> list[list[str]]:
        return [_ids(search(request, synthetic.archive)) for request in requests]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == [expected] * 40


def test_a_better_match_of_a_kind_that_is_not_searched_is_counted_as_hidden(synthetic: Synthetic) -> None:
    read = next(passage for _, passage in synthetic.entries if passage.kind is Kind.SPONSOR)
    found = search(Search(read.text), synthetic.archive)
    assert read.id not in _ids(found)
    assert found.hidden["sponsor"] >= 1
    shown = search(Search(read.text, filters=Filters(kinds=tuple(Kind))), synthetic.archive)
    assert read.id in _ids(shown)[:3]
    assert shown.hidden == {}


def test_a_query_beyond_the_models_window_is_answered_with_a_note(synthetic: Synthetic) -> None:
    notes = search(Search("lantern " * 300), synthetic.archive).notes
    assert "query: 300 tokens; its meaning is taken from the first 256, its words from all of it." in notes


@settings(max_examples=40, deadline=None)
@given(query=st.text(min_size=1), mode=st.sampled_from(Mode))
@example(query='text:lantern AND "the harbour"~2 OR NOT (kiln', mode=Mode.LEXICAL)
@example(query='"" \\ ^2 +[a TO z] {* -"', mode=Mode.LEXICAL)
@example(query="'; DROP TABLE passages; --", mode=Mode.HYBRID)
@example(query="%_\x00' OR 1=1", mode=Mode.HYBRID)
@example(query="🦉🦉 ﷽ \u202e\u0301\u0301", mode=Mode.HYBRID)
@example(query="\ud7ff\ue000\U0010ffff", mode=Mode.DENSE)
def test_any_text_can_be_asked(query: str, mode: Mode, synthetic: Synthetic) -> None:
    found = search(Search(query, mode=mode, filters=Filters(speaker=query)), synthetic.archive)
    assert found.hits == ()
    found = search(Search(query, mode=mode), synthetic.archive)
    assert found.total <= 2 * CANDIDATES
    assert all(0 <= hit.score <= 1 for hit in found.hits)
    if mode is not Mode.LEXICAL and query.isalnum():
        assert len(found.hits) == 10


def test_what_does_not_hold_the_phrase_is_not_counted_as_hidden(synthetic: Synthetic) -> None:
    read = next(passage for _, passage in synthetic.entries if passage.kind is Kind.SPONSOR)
    with_phrase = search(Search(f'"{" ".join(read.text.split()[:6])}"'), synthetic.archive)
    assert with_phrase.hidden == {"sponsor": 1}
    assert search(Search('"a phrase that nobody says"'), synthetic.archive).hidden == {}


def test_hits_of_nobody_are_no_experts(synthetic: Synthetic) -> None:
    found = search(Search("lantern", limit=100, group_by=GroupBy.SPEAKER), synthetic.archive)
    speakers = [hit.stored.passage.speaker for hit in found.hits]
    assert None in speakers
    assert found.experts == len(speakers) - speakers.count(None)


def test_a_note_on_a_misspelt_word_shows_words_and_no_stems(synthetic: Synthetic) -> None:
    [note] = search(Search("turbbines,"), synthetic.archive).notes
    assert note == "turbbines: nobody says this; turbine was searched for in its place."


def test_what_several_queries_find_is_one_ranking_in_which_nothing_is_said_twice(tmp_path: Path) -> None:
    said = "The old lantern stood in the harbour all night and nobody came to see the {metal} in it."
    turns = [
        (LENA, "What did you see there?"),
        (OMAR, said.format(metal="copper")),
        (LENA, "And how was the orchard after that summer of yours?"),
        (OMAR, said.format(metal="nickel")),
        (LENA, "Tell me of the violin."),
        (OMAR, "My violin was carved by a neighbour who had never played one in her life, out of pear wood."),
    ]
    index(write(tmp_path / "talk.md", markdown(*turns)), tmp_path / "index")
    archive = open_archive(tmp_path / "index", embedder=FakeEmbedder())
    requests = [Search(query, mode=Mode.LEXICAL) for query in ("copper lantern", "nickel", "violin carved by")]
    found = search_many(requests, archive)
    assert ["copper" in _first(found[0]), "nickel" in _first(found[1])] == [True, True]
    ranking = merged(found, 10)
    scores = {hit.stored.number: hit.score for hits in found for hit in sorted(hits.hits, key=lambda hit: hit.score)}
    assert [hit.rank for hit in ranking] == list(range(1, len(ranking) + 1))
    assert [hit.score for hit in ranking] == sorted((scores[hit.stored.number] for hit in ranking), reverse=True)
    texts = [hit.stored.passage.text for hit in ranking]
    assert sum("lantern" in text for text in texts) == 1
    assert sum("violin was" in text for text in texts) == 1
    assert merged(found, 1) == ranking[:1]
    archive.close()


def _first(hits: Hits) -> str:
    return hits.hits[0].stored.passage.text
