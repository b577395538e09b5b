"""What an index in Milvus answers is what the same index answers on disk: part by part, and as a whole."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.types import Kind, Role
from service import answers, schemas
from service.archive import Archive
from service.filters import Filters, resolve
from service.search import Search, search
from service.verify import verify
from tests.conftest import SEEDS

QUESTIONS = [json.loads(line)["query"] for line in (SEEDS / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
ODD = ["", "zzzz", '"', "the of and", "a\\b", "salt salt", "it's", "GPT-3 100% _", "x" * 300]


def masks(archive: Archive) -> dict[str, NDArray[np.bool_] | None]:
    count = archive.passages
    numbers = np.arange(count)
    return {
        "all": None,
        "none": np.zeros(count, dtype=np.bool_),
        "one": numbers == count // 2,
        "every third": numbers % 3 == 0,
        "guests": resolve(Filters(role=Role.GUEST), archive).mask,
        "sponsors": archive.kinds.of({Kind.SPONSOR}),
        "an episode": archive.columns.episode == 1,
    }


def test_the_catalog_holds_the_same_words_of_the_same_people(local: Archive, stored: Archive) -> None:
    one, other = local.catalog, stored.catalog
    numbers = list(range(local.passages))
    assert stored.passages == local.passages
    assert other.episodes == one.episodes
    assert other.voices == one.voices
    assert other.passages(numbers[::-1]) == one.passages(numbers[::-1])
    assert other.texts(numbers) == one.texts(numbers)
    assert list(other.all_passages()) == list(one.all_passages())
    assert other.places() == one.places()
    assert other.teasers() == one.teasers()
    assert other.turns_of(numbers) == one.turns_of(numbers)
    assert other.questions_of(numbers) == one.questions_of(numbers)
    assert dict(other.words_by_voice()) == dict(one.words_by_voice())
    asked = sorted(set(local.columns.question.tolist()) - {-1})
    assert other.questions(asked) == one.questions(asked)
    assert other.passages([]) == []


def test_passages_are_found_by_their_ids(local: Archive, stored: Archive) -> None:
    ids = [passage.passage.id for passage in local.catalog.passages([3, 1, 8])]
    assert stored.catalog.passages_by_id([*ids, "nothing", '"']) == local.catalog.passages_by_id([*ids, "nothing"])


def test_every_turn_is_the_same(local: Archive, stored: Archive) -> None:
    for row in local.catalog.episodes:
        turns = local.catalog.turns(row.number)
        assert stored.catalog.turns(row.number) == turns
        assert stored.catalog.text(row.number) == local.catalog.text(row.number)
        assert stored.catalog.passages_of(row.number) == local.catalog.passages_of(row.number)
        some = [2, 0, 99_999]
        assert stored.catalog.turns(row.number, some) == local.catalog.turns(row.number, some)
        numbers = list(range(len(turns)))
        assert stored.catalog.sentences_of(row.number, numbers) == local.catalog.sentences_of(row.number, numbers)


@pytest.mark.parametrize("apart", [" ", "%"])
def test_turns_are_found_by_words_in_their_order(local: Archive, stored: Archive, apart: str) -> None:
    voices = {voice.number for voice in local.catalog.voices if voice.role is Role.GUEST}
    for words in (["it", "is"], ["when", "it's"], ["nobody", "says", "this", "so"], ['"', "a"]):
        for whose in (None, voices):
            found = local.catalog.turns_with(words, 10_000, apart=apart, voices=whose)
            assert stored.catalog.turns_with(words, 10_000, apart=apart, voices=whose) == sorted(found)


def test_vectors_are_as_near(local: Archive, stored: Archive) -> None:
    [vector] = local.embedder.embed_queries(["who pays when the machine is wrong?"])
    for name in ("passages", "sentences"):
        count = local.passages if name == "passages" else int(local.columns.first_sentence[-1])
        numbers = np.arange(count)[::-1]
        expected = getattr(local.vectors, name).cosines(numbers, vector)
        np.testing.assert_allclose(getattr(stored.vectors, name).cosines(numbers, vector), expected, atol=1e-6)
    asked = np.unique(local.columns.question[local.columns.question >= 0]).astype(np.int64)
    expected = local.vectors.questions.cosines(asked, vector)
    np.testing.assert_allclose(stored.vectors.questions.cosines(asked, vector), expected, atol=1e-6)


@pytest.mark.parametrize("limit", [0, 1, 10, 1000])
def test_the_nearest_are_the_same_under_every_filter(local: Archive, stored: Archive, limit: int) -> None:
    for vector in local.embedder.embed_queries(QUESTIONS[:8]):
        for name, mask in masks(local).items():
            expected = local.vectors.nearest(vector, limit, mask)
            found = stored.vectors.nearest(vector, limit, mask)
            assert len(found) == len(expected), name
            cosines = local.vectors.passages.cosines
            np.testing.assert_allclose(cosines(found, vector), cosines(expected, vector), atol=1e-4, err_msg=name)


@pytest.mark.parametrize("query", [*QUESTIONS[:12], *ODD])
def test_words_count_the_same(local: Archive, stored: Archive, query: str) -> None:
    terms = local.lexical.terms(query)
    assert stored.lexical.terms(query) == terms
    one, other = local.lexical.matched(terms), stored.lexical.matched(terms)
    numbers = np.arange(local.passages)
    for what in ("shares", "around", "phrases"):
        np.testing.assert_allclose(getattr(other, what)(numbers), getattr(one, what)(numbers), atol=1e-5, err_msg=what)
    for name, mask in masks(local).items():
        # Milvus has its own BM25, so that the order is a little another one.
        expected, found = one.best(10, mask), other.best(40, mask)
        assert mask is None or mask[found].all(), name
        assert np.isin(expected, found).all(), name
    pools = [(np.arange(local.passages) % 2 == 0, 3), (np.ones(local.passages, dtype=np.bool_), 40)]
    for found, (mask, limit) in zip(other.best_of_each(pools), pools, strict=True):
        np.testing.assert_array_equal(found, other.best(limit, mask))


def test_phrases_and_words_that_must_stand_there(local: Archive, stored: Archive) -> None:
    everything = np.ones(local.passages, dtype=np.bool_)
    texts = [" ".join(local.catalog.texts([number])[0].split()[2:9]) for number in range(0, local.passages, 25)]
    for text in [*texts, *ODD, "state of the art"]:
        assert set(stored.lexical.holding_phrase(text, 100)) == set(local.lexical.holding_phrase(text, 100)), text
        if terms := local.lexical.terms(text):
            for mask in (everything, ~everything, np.arange(local.passages) % 2 == 0):
                found = stored.lexical.holding_all(terms, mask)
                assert set(found) == set(local.lexical.holding_all(terms, mask)), text


def test_the_vocabulary_is_the_same(local: Archive, stored: Archive) -> None:
    one, other = local.lexical.vocabulary, stored.lexical.vocabulary
    assert list(other.terms) == list(one.terms)
    assert [other.frequency(term) for term in one.terms] == [one.frequency(term) for term in one.terms]
    assert other.nearest("machiin") == one.nearest("machiin")


@pytest.mark.parametrize("filters", [Filters(), Filters(role=Role.GUEST), Filters(episode="1")], ids=str)
def test_a_search_finds_the_same_in_the_same_order(local: Archive, stored: Archive, filters: Filters) -> None:
    same = total = 0
    for query in QUESTIONS:
        expected, found = (search(Search(query, filters=filters), archive) for archive in (local, stored))
        assert found.notes == expected.notes
        ids = [[hit.stored.passage.id for hit in hits.hits] for hits in (expected, found)]
        same += len(set(ids[0]) & set(ids[1]))
        total += len(ids[0])
        if ids[0] == ids[1]:
            for one, other in zip(expected.hits, found.hits, strict=True):
                assert other.stored == one.stored
                assert (other.quote, other.also_at) == (one.quote, one.also_at)
                assert other.score == pytest.approx(one.score, abs=1e-4)
    assert same >= 0.98 * total


def test_an_answer_says_the_same(local: Archive, stored: Archive) -> None:
    parameters = schemas.SearchQuery.model_validate({"query": "x", "context": 1, "facets": True, "limit": 5})
    for query in QUESTIONS[:10]:
        one, other = (answers.answer([query], parameters, archive)[0] for archive in (local, stored))
        left_out = {"took_ms", "as_of", "total", "facets", "results"}
        assert other.model_dump(exclude=left_out) == one.model_dump(exclude=left_out)
        hits = [
            [hit.model_dump(exclude={"score", "signals", "rank"}) for hit in answer.results] for answer in (one, other)
        ]
        assert hits[1] == hits[0]


def test_quotations_are_judged_the_same(local: Archive, stored: Archive) -> None:
    from service.quotations import Quotation

    quotes = [
        Quotation(text, 0, 0, speaker)
        for number in range(5, local.passages, 20)
        for passage in local.catalog.passages([number])
        for text in (passage.passage.text[:90], passage.passage.text[:40] + " or something else")
        for speaker in (None, passage.passage.speaker)
    ]
    assert verify(quotes, stored) == verify(quotes, local)
