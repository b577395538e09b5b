"""`/v1/quotes`: whole sentences to print, word for word, with all that a writer needs to cite them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from indexer.catalog import CatalogReader
from indexer.generations import current_generation
from indexer.sentences import sentence_spans
from indexer.times import Timeline
from tests.conftest import Onrecord
from tests.service.verbatim import check_verbatim

QUERIES = (
    "who pays when the machine is wrong?",
    "why is nobody building pumped hydro",
    "alarm fatigue",
    "what did the contract say?",
    "batteries that last a hundred hours",
)
STYLES = ("markdown", "chicago", "apa", "mla", "bibtex", "csl-json")


def _quotes(client: httpx2.Client, **parameters: Any) -> list[dict[str, Any]]:
    response = client.post("/v1/quotes", json={"query": QUERIES[0], **parameters})
    assert response.status_code == 200, response.text
    results: list[dict[str, Any]] = response.json()["results"]
    return results


@pytest.mark.parametrize("query", QUERIES)
def test_every_quote_and_its_neighbours_stand_in_the_transcript(
    client: httpx2.Client, transcript: Callable[[str], str], query: str
) -> None:
    quotes = _quotes(client, query=query, limit=50)
    beside = sum(quote[side] is not None for quote in quotes for side in ("before", "after"))
    assert check_verbatim(quotes, transcript) == len(quotes) + beside
    assert beside > len(quotes)


@pytest.mark.parametrize("query", QUERIES)
def test_a_quote_is_one_to_three_whole_sentences_of_one_turn(client: httpx2.Client, query: str) -> None:
    sizes = []
    for quote in _quotes(client, query=query, limit=50):
        turns = client.get(f"/v1/episodes/{quote['episode']['id']}/transcript").json()["turns"]
        turn = turns[quote["turn"]]
        assert turn["speaker"] == quote["speaker"]["name"]
        spans = [(turn["char_start"] + a, turn["char_start"] + b) for a, b in sentence_spans(turn["text"])]
        inside = [span for span in spans if quote["char_start"] <= span[0] and span[1] <= quote["char_end"]]
        assert (inside[0][0], inside[-1][1]) == (quote["char_start"], quote["char_end"])
        assert 1 <= len(inside) <= 3
        assert len(inside) == 1 or len(quote["text"].split()) <= 60
        neighbours = [
            spans[i] for i in (spans.index(inside[0]) - 1, spans.index(inside[-1]) + 1) if 0 <= i < len(spans)
        ]
        stated = [quote[side] for side in ("before", "after") if quote[side]]
        assert [(one["char_start"], one["char_end"]) for one in stated] == neighbours
        sizes.append(len(inside))
    assert len(set(sizes)) > 1


def test_quotes_come_in_the_order_of_the_search_and_out_of_its_passages(client: httpx2.Client) -> None:
    hits = client.get("/v1/search", params={"query": QUERIES[0], "limit": 20}).json()["results"]
    quotes = _quotes(client, limit=20)
    assert [quote["passage"] for quote in quotes] == [hit["id"] for hit in hits]
    assert [quote["score"] for quote in quotes] == [hit["score"] for hit in hits]
    for quote, hit in zip(quotes, hits, strict=True):
        assert quote["char_start"] < hit["char_end"] and hit["char_start"] < quote["char_end"]
        assert quote["question"] == hit["question"]


def test_times_are_those_of_the_first_word_or_said_to_be_absent(client: httpx2.Client, seeds_index: Path) -> None:
    catalog = CatalogReader(current_generation(seeds_index).folder)
    numbers = {row.id: row.number for row in catalog.episodes}
    sources = set()
    for query in QUERIES:
        for quote in _quotes(client, query=query, limit=50):
            turns = [(start, turn) for start, _, turn in catalog.turns(numbers[quote["episode"]["id"]])]
            assert (quote["start_s"], quote["time"]) == Timeline(turns).at(quote["char_start"])
            sources.add(quote["time"])
    catalog.close()
    assert sources == {"exact", "interpolated", "absent"}


def test_diverse_gives_one_quote_of_each_speaker(client: httpx2.Client) -> None:
    names = [quote["speaker"]["name"] for quote in _quotes(client, limit=50, diverse="speaker")]
    assert len(names) == len(set(names)) >= 6
    episodes = [quote["episode"]["id"] for quote in _quotes(client, limit=50, diverse="episode")]
    assert len(episodes) == len(set(episodes)) == 6


def test_filters_hold(client: httpx2.Client) -> None:
    assert {quote["speaker"]["role"] for quote in _quotes(client, role="guest", limit=30)} == {"guest"}
    assert {quote["speaker"]["name"] for quote in _quotes(client, speaker="Calder Nwosu")} == {"Calder Nwosu"}
    assert _quotes(client, show="No Such Show") == []


@pytest.mark.parametrize("style", STYLES)
def test_every_quote_has_its_citation_in_the_style_asked_for(client: httpx2.Client, style: str) -> None:
    for quote in _quotes(client, style=style, limit=20):
        cited = quote["citation"]
        assert isinstance(cited, dict) == (style == "csl-json")
        written = json.dumps(cited, ensure_ascii=False)
        assert quote["speaker"]["name"].split()[-1] in written
        assert (quote["text"].split()[0] in written) or style != "markdown"


def test_an_unknown_style_is_refused(client: httpx2.Client) -> None:
    response = client.post("/v1/quotes", json={"query": "x", "style": "harvard"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == "style"


def test_get_answers_as_post_does(client: httpx2.Client) -> None:
    got = client.get("/v1/quotes", params={"query": QUERIES[0], "style": "mla", "limit": 3}).json()
    assert got["results"] == _quotes(client, style="mla", limit=3)


def test_the_command_prints_quotes_and_citations_to_copy(onrecord: Onrecord, seeds_index: Path) -> None:
    done = onrecord("quotes", "--index", seeds_index, QUERIES[0], "--style", "mla", "--limit", "2")
    found = json.loads(
        onrecord("quotes", "--index", seeds_index, QUERIES[0], "--style", "mla", "--limit", "2", "--json").stdout
    )
    assert done.returncode == 0
    assert len(found["results"]) == 2
    for quote in found["results"]:
        assert quote["citation"] in done.stdout
        assert " ".join(quote["text"].split()) in " ".join(done.stdout.split())


def test_whom_the_transcript_does_not_name_is_no_author(onrecord: Onrecord, tmp_path: Path) -> None:
    said = "The harbour wall was rebuilt twice before anybody measured the tide."
    (tmp_path / "walls.txt").write_text(
        f"Speaker 1: Who rebuilt the harbour wall, and when was it?\n\nSpeaker 2: {said}\n\n"
        "Speaker 1: And what did the tide do to it then?\n\nSpeaker 2: It came in over the top, as we all expected.\n",
        encoding="utf-8",
    )
    assert onrecord("index", tmp_path / "walls.txt", "--out", tmp_path / "index").returncode == 0
    command = ("quotes", "--index", tmp_path / "index", "harbour wall rebuilt", "--limit", "1", "--style", "csl-json")
    [quote] = json.loads(onrecord(*command, "--json").stdout)["results"]
    assert quote["text"] == said
    assert quote["speaker"]["name"] == "Speaker 2"
    assert "Speaker" not in json.dumps({**quote["citation"], "custom": None})
