"""The promise, over every endpoint: what is returned with a place stands at that place, and is that person's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import SEEDS
from tests.service.verbatim import check_verbatim

_WORDS = sorted({word for path in SEEDS.glob("*.txt") for word in re.findall(r"[A-Za-z]{4,}", path.read_text("utf-8"))})
_QUERIES = st.one_of(
    st.lists(st.sampled_from(_WORDS), min_size=1, max_size=8).map(" ".join),
    st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()) and "\x00" not in text),
)
_KINDS = st.sampled_from([["content"], ["content", "teaser", "sponsor", "intro", "outro"]])


@pytest.fixture(scope="session")
def said_by(client: httpx2.Client) -> Callable[[str, int], str | None]:
    """Who speaks at a code point of an episode, as its transcript is served."""
    turns: dict[str, list[dict[str, Any]]] = {}

    def speaker(episode: str, char: int) -> str | None:
        if episode not in turns:
            turns[episode] = client.get(f"/v1/episodes/{episode}/transcript").json()["turns"]
        name: str | None = next(t["speaker"] for t in turns[episode] if t["char_start"] <= char < t["char_end"])
        return name

    return speaker


def _asked_everywhere(client: httpx2.Client, query: str, kinds: list[str]) -> Iterator[Any]:
    """What each endpoint that takes a query answers."""
    narrowed = {"query": query, "kind": kinds}
    yield client.post("/v1/search", json={**narrowed, "limit": 20, "context": 2})
    yield client.post("/v1/search", json={**narrowed, "group_by": "speaker", "mode": "lexical"})
    yield client.post("/v1/quotes", json={**narrowed, "limit": 20, "style": "csl-json"})
    yield client.post("/v1/context", json={**narrowed, "max_tokens": 1500, "format": "json"})
    yield client.post("/v1/ask", json={**narrowed, "stream": False})
    yield client.post("/v1/verify", json={"quotes": [{"text": query, "speaker": None}]})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=_QUERIES, kinds=_KINDS)
def test_every_endpoint_returns_what_stands_there_and_names_who_said_it(
    client: httpx2.Client,
    transcript: Callable[[str], str],
    said_by: Callable[[str, int], str | None],
    query: str,
    kinds: list[str],
) -> None:
    for response in _asked_everywhere(client, query, kinds):
        assert response.status_code == 200, response.text
        answer = response.json()
        check_verbatim(answer, transcript)
        for entry in _speaking(answer):
            assert entry["speaker"]["name"] == said_by(entry["episode"]["id"], entry["char_start"]), entry


def _speaking(answer: Any) -> Iterator[dict[str, Any]]:
    """Whatever names a place and who speaks there."""
    if isinstance(answer, list):
        for entry in answer:
            yield from _speaking(entry)
    elif isinstance(answer, dict):
        if isinstance(answer.get("speaker"), dict) and "char_start" in answer and isinstance(answer["episode"], dict):
            yield answer
        for value in answer.values():
            yield from _speaking(value)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=_QUERIES)
def test_so_do_the_contracts_of_others(
    client: httpx2.Client, transcript: Callable[[str], str], said_by: Callable[[str, int], str | None], query: str
) -> None:
    store = client.post("/v1/vector_stores/onrecord/search", json={"query": query, "max_num_results": 20}).json()
    for result in store["data"]:
        stated = result["attributes"]
        there = transcript(result["file_id"])[stated["char_start"] : stated["char_end"]]
        assert result["content"] == [{"type": "text", "text": there}]
        assert stated.get("speaker") == said_by(result["file_id"], stated["char_start"])
    asked = {"knowledge_id": "onrecord", "query": query, "retrieval_setting": {"top_k": 20, "score_threshold": 0.0}}
    records = client.post("/retrieval", json=asked, headers={"Authorization": "Bearer any"}).json()["records"]
    for record in records:
        stated = record["metadata"]
        assert record["content"] == transcript(stated["episode"])[stated["char_start"] : stated["char_end"]]
        assert stated.get("speaker") == said_by(stated["episode"], stated["char_start"])
    assert len(records) == len(store["data"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_so_does_any_stretch_of_a_transcript(
    client: httpx2.Client,
    transcript: Callable[[str], str],
    said_by: Callable[[str, int], str | None],
    data: st.DataObject,
) -> None:
    episodes = [episode["id"] for episode in client.get("/v1/episodes").json()["episodes"]]
    episode = data.draw(st.sampled_from(sorted(episodes)))
    length = len(transcript(episode))
    start = data.draw(st.integers(0, length - 2))
    end = data.draw(st.integers(start + 1, min(length, start + 1_500)))
    asked = {"char_start": start, "char_end": end}
    response = client.get(f"/v1/episodes/{episode}/citation", params=asked)
    words = transcript(episode)[start:end]
    if response.status_code == 422:
        assert not words.strip() or "cited at once" in response.text
        return
    answer = response.json()
    parts = answer["parts"]
    assert check_verbatim(answer, transcript) == len(parts) > 0
    for part in parts:
        assert part["speaker"]["name"] == said_by(episode, part["char_start"])
    assert " ".join(part["text"] for part in parts).split() == words.split()


def test_every_passage_and_exchange_by_its_id(
    client: httpx2.Client, transcript: Callable[[str], str], seeds_index: Path
) -> None:
    hits = client.get("/v1/search", params={"query": "machine", "limit": 100}).json()["results"]
    ids = [hit["id"] for hit in hits]
    assert len(ids) > 50
    for passage in ids:
        assert check_verbatim(client.get(f"/v1/passages/{passage}").json(), transcript) == 1
        exchange = client.get(f"/v1/passages/{passage}/exchange").json()
        assert check_verbatim(exchange, transcript) >= 1


def test_the_check_itself_finds_a_word_that_was_changed(
    client: httpx2.Client, transcript: Callable[[str], str]
) -> None:
    answer = client.post("/v1/quotes", json={"query": "machine"}).json()
    changed = json.loads(json.dumps(answer).replace(json.dumps(answer["results"][0]["text"])[1:-1], "Never said."))
    with pytest.raises(AssertionError, match="Never said"):
        check_verbatim(changed, transcript)
