"""What the ranked passages divide into, counted by `/v1/search` when it is asked to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx2

from embeddings.fake import FakeEmbedder
from service.archive import assemble
from service.facets import Facet
from service.filters import Filters
from service.search import Search, search
from tests.service.synthetic import Synthetic, episodes, passages_of, write

ASKED = "who pays when the machine is wrong?"


def _search(client: httpx2.Client, **parameters: Any) -> Any:
    response = client.get("/v1/search", params={"query": ASKED, **parameters})
    assert response.status_code == 200, response.text
    return response.json()


def _counts(found: Any, facet: str) -> dict[str, int]:
    return {entry["value"]: entry["count"] for entry in found["facets"][facet]}


def _every_hit(client: httpx2.Client, **parameters: Any) -> tuple[list[Any], Any]:
    """All hits, and the answer that the last of them came in."""
    hits: list[Any] = []
    while True:
        found = _search(client, limit=100, offset=len(hits), facets=True, **parameters)
        hits += found["results"]
        if len(hits) == found["total"]:
            return hits, found


def test_nothing_is_counted_unless_asked(client: httpx2.Client) -> None:
    assert _search(client)["facets"] is None


def test_every_hit_is_counted_once_in_each_list(client: httpx2.Client) -> None:
    hits, found = _every_hit(client)
    assert len(hits) > 100
    assert _counts(found, "speaker") == Counter(hit["speaker"]["name"] for hit in hits if hit["speaker"]["name"])
    assert _counts(found, "role") == Counter(hit["speaker"]["role"] for hit in hits)
    assert _counts(found, "show") == Counter(hit["episode"]["show"] for hit in hits if hit["episode"]["show"])
    assert _counts(found, "episode") == Counter(hit["episode"]["id"] for hit in hits)
    assert _counts(found, "year") == Counter(hit["episode"]["date"][:4] for hit in hits if hit["episode"]["date"])


def test_lists_begin_with_most_and_call_episodes_by_their_titles(client: httpx2.Client) -> None:
    found = _search(client, facets=True)
    for entries in found["facets"].values():
        assert [entry["count"] for entry in entries] == sorted((entry["count"] for entry in entries), reverse=True)
    titles = {row["id"]: row["title"] for row in client.get("/v1/episodes").json()["episodes"]}
    assert {entry["value"]: entry["label"] for entry in found["facets"]["episode"]} == titles


def test_a_filter_narrows_every_list_but_its_own(client: httpx2.Client) -> None:
    unfiltered, found = _search(client, facets=True), _search(client, facets=True, speaker="Ilse Brandvold")
    assert _counts(found, "speaker").keys() == _counts(unfiltered, "speaker").keys()
    assert all(_counts(found, "speaker")[name] >= count for name, count in _counts(unfiltered, "speaker").items())
    assert _counts(found, "role") == {"guest": found["total"]}
    assert _counts(found, "speaker")["Ilse Brandvold"] == found["total"]
    assert len(found["facets"]["episode"]) == 1


def test_two_filters_narrow_each_others_lists(client: httpx2.Client) -> None:
    found = _search(client, facets=True, role="host", show="Second Opinion")
    assert set(_counts(found, "speaker")) == {"Marguerite Oyelaran"}
    assert set(_counts(found, "role")) == {"host", "guest"}
    assert set(_counts(found, "show")) == {"Second Opinion", "Spinning Reserve"}


def test_a_year_has_no_days_of_another(client: httpx2.Client) -> None:
    found = _search(client, facets=True, date_from="2024-01-01", date_to="2024-12-31")
    assert all(hit["episode"]["date"].startswith("2024") for hit in found["results"])
    unfiltered = _counts(_search(client, facets=True), "year")
    assert _counts(found, "year") == {**unfiltered, "2024": found["total"]}


def test_a_filter_in_the_question_counts_as_one(client: httpx2.Client) -> None:
    found = _search(client, facets=True, query='who pays? speaker:"Calder Nwosu"')
    assert len(found["facets"]["episode"]) == 1
    assert len(found["facets"]["speaker"]) > 3


def test_phrases_and_groups_are_counted_too(client: httpx2.Client) -> None:
    phrase = _search(client, facets=True, query='"the machine" is wrong', speaker="Ilse Brandvold")
    assert sum(_counts(phrase, "speaker").values()) < sum(_counts(_search(client, facets=True), "speaker").values())
    grouped = _search(client, facets=True, group_by="speaker")
    assert set(_counts(grouped, "speaker").values()) == {1}
    assert grouped["experts_total"] == len(grouped["facets"]["speaker"])


def test_each_of_several_queries_has_its_own(client: httpx2.Client) -> None:
    queries = [ASKED, '"pumped hydro" in winter']
    body = client.post("/v1/search", json={"query": queries, "facets": True}).json()
    alone = [_search(client, facets=True, query=query)["facets"] for query in queries]
    assert [found["facets"] for found in body["searches"]] == alone
    assert alone[0] != alone[1]


def test_years_are_told_apart_and_undated_episodes_are_in_none(synthetic: Synthetic) -> None:
    found = search(Search("who repairs the lantern?", facets=True), synthetic.archive)
    assert found.facets is not None
    years = {entry.value: entry.count for entry in found.facets[Facet.YEAR]}
    dated = {row.date[:4] for row in synthetic.archive.catalog.episodes if row.date}
    assert years.keys() == dated
    assert len(dated) > 1
    assert sum(years.values()) < found.total
    year = min(dated)
    filters = Filters(date_from=date(int(year), 1, 1), date_to=date(int(year), 12, 31))
    narrowed = search(Search("who repairs the lantern?", facets=True, filters=filters), synthetic.archive)
    assert narrowed.facets is not None
    assert {entry.value for entry in narrowed.facets[Facet.YEAR]} == dated
    rows = {row.id: row for row in synthetic.archive.catalog.episodes}
    assert {(rows[entry.value].date or "")[:4] for entry in narrowed.facets[Facet.EPISODE]} == {year}


def test_passages_that_say_the_same_are_counted_once(tmp_path: Path) -> None:
    first = episodes()[0]
    again = replace(first, id="again", source="again.md", title="The First Kiln, once more")
    embedder = FakeEmbedder()
    contents = [(episode, tuple(passages_of(episode))) for episode in (first, again)]
    archive = assemble(write(tmp_path / "index", contents, embedder), embedder)
    found = search(Search("who repairs the lantern?", limit=100, facets=True), archive)
    archive.close()
    assert any(hit.also_at for hit in found.hits)
    assert found.facets is not None
    assert sum(entry.count for entry in found.facets[Facet.EPISODE]) == found.total == len(found.hits)
