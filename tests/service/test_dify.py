"""Dify's external knowledge, asked as Dify asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from indexer.generations import current_generation
from service.archive import open_archive
from service.http import create_app
from service.live import LiveArchive
from service.places import LocalIndex

ASKED = "who pays when the machine is wrong?"
BEARER = {"authorization": "Bearer dify-key"}
Retrieve = Callable[..., httpx2.Response]


@pytest.fixture(scope="module")
def retrieve(client: httpx2.Client) -> Retrieve:
    """Dify's request, with all that Dify puts into it."""

    def ask(
        *conditions: dict[str, Any], top_k: int | None = 50, joined: str = "and", **changed: Any
    ) -> httpx2.Response:
        body = {
            "retrieval_setting": {"top_k": top_k, "score_threshold": 0.0},
            "query": ASKED,
            "knowledge_id": "onrecord",
            "metadata_condition": {"logical_operator": joined, "conditions": list(conditions)} if conditions else None,
            **changed,
        }
        return client.post("/retrieval", json=body, headers=BEARER)

    return ask


def _records(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    records: list[dict[str, Any]] = response.json()["records"]
    return records


def test_records_are_our_hits_word_for_word_with_all_their_provenance(
    retrieve: Retrieve, client: httpx2.Client
) -> None:
    records = _records(retrieve(top_k=40))
    hits = client.get("/v1/search", params={"query": ASKED, "limit": 40}).json()["results"]
    assert len(records) == 40
    for record, hit in zip(records, hits, strict=True):
        assert record.keys() == {"content", "score", "title", "metadata"}
        assert (record["content"], record["score"]) == (hit["text"], hit["score"])
        assert record["title"] == hit["episode"]["title"]
        stated = record["metadata"]
        text = client.get(f"/v1/episodes/{stated['episode']}/transcript").json()["text"]
        assert text[stated["char_start"] : stated["char_end"]] == record["content"]
        assert (stated["passage"], stated["speaker"]) == (hit["id"], hit["speaker"]["name"])
        assert stated.get("start_s") == hit["start_s"]
        assert stated.get("date") == hit["episode"]["date"]
        assert None not in stated.values()


def test_top_k_and_the_threshold_are_kept(retrieve: Retrieve) -> None:
    scores = [record["score"] for record in _records(retrieve(top_k=20))]
    assert len(_records(retrieve(top_k=3))) == 3
    # Dify sends null where nothing was set.
    assert len(_records(retrieve(top_k=None))) == 10
    setting = {"top_k": 20, "score_threshold": scores[4] - 1e-4}
    kept = _records(retrieve(retrieval_setting=setting))
    assert [record["score"] for record in kept] == [score for score in scores if score >= scores[4] - 1e-4]
    assert _records(retrieve(retrieval_setting={"top_k": 5, "score_threshold": 1.0})) == []
    assert len(_records(retrieve(retrieval_setting={"top_k": 5, "score_threshold": None}))) == 5


def _condition(name: Any, sign: str, value: Any = None) -> dict[str, Any]:
    return {"name": name, "comparison_operator": sign, "value": value}


_CONDITIONS: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
    (_condition("show", "contains", "opinion"), lambda has: has.get("show") == "Second Opinion"),
    (_condition(["show"], "not contains", "opinion"), lambda has: has.get("show") != "Second Opinion"),
    (_condition("speaker", "start with", "Calder"), lambda has: has["speaker"] == "Calder Nwosu"),
    (_condition("source", "end with", ".srt"), lambda has: has["source"].endswith(".srt")),
    (_condition("role", "is", "guest"), lambda has: has["role"] == "guest"),
    (_condition("role", "is not", "guest"), lambda has: has["role"] != "guest"),
    (
        _condition("speaker", "in", ["Calder Nwosu", "Ilse Brandvold"]),
        lambda has: has["speaker"] in ("Calder Nwosu", "Ilse Brandvold"),
    ),
    (
        _condition("speaker", "in", "Calder Nwosu, Ilse Brandvold"),
        lambda has: has["speaker"] in ("Calder Nwosu", "Ilse Brandvold"),
    ),
    (_condition("speaker", "not in", ["Calder Nwosu"]), lambda has: has["speaker"] != "Calder Nwosu"),
    (_condition("section", "empty"), lambda has: "section" not in has),
    (_condition("section", "not empty", ""), lambda has: "section" in has),
    (_condition("turn", "=", "4"), lambda has: has["turn"] == 4),
    (_condition("turn", "≠", 4), lambda has: has["turn"] != 4),
    (_condition("char_start", ">", 3000), lambda has: has["char_start"] > 3000),
    (_condition("char_start", "<", "3000"), lambda has: has["char_start"] < 3000),
    (_condition("start_s", "≥", 60.5), lambda has: has.get("start_s", -1) >= 60.5),
    (_condition("start_s", "≤", 60.5), lambda has: has.get("start_s", 1e9) <= 60.5),
    (_condition("date", "before", "2024-04-01"), lambda has: has.get("date", "9") < "2024-04-01"),
    (_condition("date", "after", 1710201600), lambda has: has.get("date", "") > "2024-03-12"),
    (_condition("date", "start with", "2024-03"), lambda has: has.get("date", "").startswith("2024-03")),
]


@pytest.mark.parametrize(("condition", "fits"), _CONDITIONS, ids=[str(condition)[:80] for condition, _ in _CONDITIONS])
def test_every_operator_finds_what_fits_and_misses_nothing_near(
    condition: dict[str, Any], fits: Callable[[dict[str, Any]], bool], retrieve: Retrieve
) -> None:
    found = _records(retrieve(condition))
    assert found
    assert all(fits(record["metadata"]) for record in found)
    # What is best without the condition is still there with it, in the same order; only what is better takes its place.
    without = [record for record in _records(retrieve()) if fits(record["metadata"])]
    best = [record["content"] for record in without]
    kept = [record["content"] for record in found if record["content"] in best]
    assert kept == best[: len(kept)]
    assert all(record["score"] <= found[-1]["score"] for record in without[len(kept) :])
    assert len(kept) == len(best) or len(found) == 50


def test_conditions_are_joined_by_and_or_by_or(retrieve: Retrieve) -> None:
    guest, show = _condition("role", "is", "guest"), _condition("show", "is", "Spinning Reserve")
    both = [record["metadata"] for record in _records(retrieve(guest, show))]
    assert {(has["role"], has["show"]) for has in both} == {("guest", "Spinning Reserve")}
    host = _condition("role", "is", "host")
    either = [record["metadata"] for record in _records(retrieve(host, show, joined="or", top_k=100))]
    assert all(has["role"] == "host" or has["show"] == "Spinning Reserve" for has in either)
    assert any(has["role"] == "host" and has.get("show") != "Spinning Reserve" for has in either)
    assert any(has["role"] == "guest" for has in either)
    assert _records(retrieve(guest, host)) == []


def test_kinds_other_than_content_are_found_where_a_condition_speaks_of_them(retrieve: Retrieve) -> None:
    assert {record["metadata"]["kind"] for record in _records(retrieve())} == {"content"}
    sponsors = _records(retrieve(_condition("kind", "is", "sponsor")))
    assert {record["metadata"]["kind"] for record in sponsors} == {"sponsor"}


def test_a_condition_without_tests_filters_nothing(retrieve: Retrieve) -> None:
    for empty in ({"logical_operator": "and", "conditions": []}, {"logical_operator": None, "conditions": None}, {}):
        assert _records(retrieve(metadata_condition=empty)) == _records(retrieve())


@pytest.mark.parametrize("header", [None, "", "dify-key", "Bearer", "Basic eDp5"])
def test_a_header_that_is_no_bearers_is_refused_with_1001(header: str | None, client: httpx2.Client) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = client.post("/retrieval", json={}, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (403, 1001)
    assert answer.json()["error_msg"].startswith("Invalid Authorization header format. Expected 'Bearer <api-key>'")


def test_the_trial_that_dify_makes_of_an_address_does_not_look_like_a_failure(client: httpx2.Client) -> None:
    answer = client.post("/retrieval", headers=BEARER)
    assert answer.status_code not in (403, 404, 502)
    assert answer.json().keys() == {"error_code", "error_msg"}


def test_another_knowledge_is_refused_with_2001(retrieve: Retrieve) -> None:
    answer = retrieve(knowledge_id="mine")
    assert (answer.status_code, answer.json()["error_code"]) == (404, 2001)
    assert answer.json()["error_msg"] == "The knowledge 'mine' does not exist. The archive's id is 'onrecord'."


def test_the_live_generation_is_a_knowledge_by_its_own_name(retrieve: Retrieve, seeds_index: Path) -> None:
    generation = current_generation(seeds_index).manifest.id
    assert _records(retrieve(knowledge_id=generation)) == _records(retrieve())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"query": ""}, "query: String should have at least 1 character"),
        ({"top_k": 0}, "retrieval_setting.top_k: Input should be greater than or equal to 1"),
        ({"top_k": 101}, "retrieval_setting.top_k: Input should be less than or equal to 100"),
        ({"retrieval_setting": {"top_k": 1, "score_threshold": 2}}, "score_threshold: Input should be less than or"),
        ({"retrieval_setting": {"top_k": 1, "k": 1}}, "retrieval_setting.k: unknown parameter"),
        ({"extra": 1}, "extra: unknown parameter"),
        (
            {"joined": "xor", "conditions": [_condition("role", "is", "host")]},
            "logical_operator: Input should be 'and'",
        ),
        (
            {"conditions": [_condition("mood", "is", "x")]},
            "conditions.0: there is no attribute 'mood'; there are passage,",
        ),
        ({"conditions": [_condition(["role", "mood"], "is", "x")]}, "there is no attribute 'mood'"),
        ({"conditions": [_condition([], "is", "x")]}, "`name` names no attribute"),
        (
            {"conditions": [_condition("role", "like", "x")]},
            "conditions.0.comparison_operator: Input should be 'contains'",
        ),
        ({"conditions": [_condition("role", "is")]}, "`is` takes a value"),
        ({"conditions": [_condition("role", "is", "")]}, "`is` takes a value"),
        ({"conditions": [_condition("role", "is", True)]}, "value: Input should be text, a number or a list of texts"),
        ({"conditions": [_condition("role", "before", "x")]}, "`before` compares times, and role is text"),
        ({"conditions": [_condition("turn", ">", ["1", "2"])]}, "`>` takes one value"),
        ({"conditions": [_condition("turn", ">", "many")]}, "turn is compared with a number, not with 'many'"),
        ({"conditions": [_condition("turn", "contains", "1")]}, "turn is a number, which has no parts to compare"),
        ({"conditions": [_condition("date", "after", "soon")]}, "date is compared with a day as 2024-04-04"),
        ({"conditions": [_condition("role", "is", "host")] * 101}, "conditions: List should have at most 100 items"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_with_what_to_change(
    changed: dict[str, Any], message: str, retrieve: Retrieve
) -> None:
    answer = retrieve(*changed.pop("conditions", ()), **changed)
    assert (answer.status_code, answer.json()["error_code"]) == (400, 400)
    assert message in answer.json()["error_msg"]


def test_while_no_index_is_open_the_answer_says_when_to_ask_again(tmp_path: Path) -> None:
    app = create_app(LiveArchive(LocalIndex(tmp_path), lambda: open_archive(tmp_path)))

    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://x") as client:
            setting = {"top_k": 1, "score_threshold": 0}
            body = {"knowledge_id": "onrecord", "query": ASKED, "retrieval_setting": setting}
            return await client.post("/retrieval", json=body, headers=BEARER)

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["error_code"], answer.headers["retry-after"]) == (503, 503, "1")


def test_the_contracts_example_can_be_sent_as_it_is(client: httpx2.Client) -> None:
    contract = client.get("/openapi.json").json()
    assert contract["paths"]["/retrieval"]["post"]["security"] == [{"HTTPBearer": []}]
    for example in contract["components"]["schemas"]["Retrieval"]["examples"]:
        answer = client.post("/retrieval", json=example, headers=BEARER)
        assert (answer.status_code, len(answer.json()["records"])) == (200, 3)
