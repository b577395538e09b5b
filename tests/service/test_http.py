"""The HTTP interface, asked as anybody asks it: `onrecord serve` over the sample interviews, through a socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest

from indexer.catalog import CatalogReader
from indexer.generations import current_generation
from indexer.types import Kind
from service.archive import open_archive
from service.http import create_app
from service.live import LiveArchive
from service.places import LocalIndex
from service.ranking import CANDIDATES

JSON = {"content-type": "application/json"}
EVERY_KIND = [str(kind) for kind in Kind]
ASKED = "who pays when the machine is wrong?"


class Seeds(NamedTuple):
    """What the server says of the sample interviews: transcripts by episode, and their passages in order."""

    episodes: dict[str, dict[str, Any]]
    transcripts: dict[str, dict[str, Any]]
    passages: dict[str, list[dict[str, Any]]]

    @property
    def every_passage(self) -> list[dict[str, Any]]:
        return [passage for passages in self.passages.values() for passage in passages]


def _get(client: httpx2.Client, path: str, **parameters: Any) -> Any:
    response = client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture(scope="session")
def seeds(client: httpx2.Client, seeds_index: Path) -> Seeds:
    """Every passage by its id; the ids are read from the catalog, so that none is missed."""
    catalog = CatalogReader(current_generation(seeds_index).folder)
    ids = [(catalog.episodes[stored.episode].id, stored.passage.id) for stored in catalog.all_passages()]
    catalog.close()
    episodes = {row["id"]: row for row in _get(client, "/v1/episodes")["episodes"]}
    passages: dict[str, list[dict[str, Any]]] = {episode: [] for episode in episodes}
    for episode, passage in ids:
        found = _get(client, f"/v1/passages/{passage}")
        assert (found.pop("status"), found.pop("earlier_speakers")) == ("current", [])
        passages[episode].append(found)
    transcripts = {episode: _get(client, f"/v1/episodes/{episode}/transcript") for episode in episodes}
    return Seeds(episodes, transcripts, passages)


def _walk(client: httpx2.Client, **parameters: Any) -> list[dict[str, Any]]:
    """All hits of a search, page by page."""
    hits: list[dict[str, Any]] = []
    while True:
        page = _get(client, "/v1/search", query=ASKED, limit=100, offset=len(hits), **parameters)["results"]
        if not page:
            return hits
        hits += page


def _assert_reached(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """All that should be found is among the hits, or says the same as one of them; nothing else is."""
    ids = {hit["id"] for hit in found}
    assert len(ids) == len(found)
    assert ids <= {passage["id"] for passage in expected}
    for passage in expected:
        assert passage["id"] in ids or any(_share(passage["text"], hit["text"]) > 0.5 for hit in found), passage


def _share(one: str, other: str) -> float:
    """How much of the longer text's words the other has too."""
    bags = [Counter(text.casefold().split()) for text in (one, other)]
    return (bags[0] & bags[1]).total() / max(bag.total() for bag in bags)


def test_every_passage_is_its_slice_of_the_served_transcript(seeds: Seeds) -> None:
    assert len(seeds.every_passage) > 200
    for passage in seeds.every_passage:
        text = seeds.transcripts[passage["episode"]["id"]]["text"]
        assert text[passage["char_start"] : passage["char_end"]] == passage["text"]


def test_searches_reach_every_passage_and_show_it_as_it_is_by_its_id(client: httpx2.Client, seeds: Seeds) -> None:
    for episode, passages in seeds.passages.items():
        hits = _walk(client, episode=episode, kind=EVERY_KIND)
        _assert_reached(hits, passages)
        by_id = {passage["id"]: passage for passage in passages}
        for hit in hits:
            assert {key: hit[key] for key in by_id[hit["id"]]} == by_id[hit["id"]]


def test_every_quote_is_its_slice_of_the_transcript_and_lies_in_its_passage(
    client: httpx2.Client, seeds: Seeds
) -> None:
    for episode in seeds.episodes:
        text = seeds.transcripts[episode]["text"]
        for hit in _walk(client, episode=episode, kind=EVERY_KIND):
            quote = hit["quote"]
            assert quote["text"] == text[quote["char_start"] : quote["char_end"]]
            assert quote["text"] == quote["text"].strip() != ""
            assert hit["char_start"] <= quote["char_start"] < quote["char_end"] <= hit["char_end"]


def test_every_turn_is_its_slice_of_the_transcript_and_all_turns_make_it_up(seeds: Seeds) -> None:
    for transcript in seeds.transcripts.values():
        turns = transcript["turns"]
        for turn in turns:
            assert transcript["text"][turn["char_start"] : turn["char_end"]] == turn["text"]
        assert "\n\n".join(turn["text"] for turn in turns) == transcript["text"]


def test_every_passage_lies_in_its_turn_and_is_said_by_that_turns_speaker(seeds: Seeds) -> None:
    for passage in seeds.every_passage:
        turn = seeds.transcripts[passage["episode"]["id"]]["turns"][passage["turn"]]
        assert turn["char_start"] <= passage["char_start"] < passage["char_end"] <= turn["char_end"]
        assert (passage["speaker"]["name"], passage["section"]) == (turn["speaker"], turn["section"])
        assert passage["link"] == f"/episodes/{passage['episode']['id']}#t{passage['turn']}"


def test_the_question_of_a_passage_is_an_earlier_turn_of_somebody_else(seeds: Seeds) -> None:
    replies = [passage for passage in seeds.every_passage if passage["question"]]
    assert len(replies) > 100
    for passage in replies:
        question = passage["question"]
        turn = seeds.transcripts[passage["episode"]["id"]]["turns"][question["turn"]]
        assert question["turn"] < passage["turn"]
        assert (question["speaker"], question["text"]) == (turn["speaker"], turn["text"])
        assert question["speaker"] != passage["speaker"]["name"]


def test_a_time_is_absent_or_lies_within_the_passages_turn(seeds: Seeds) -> None:
    for passage in seeds.every_passage:
        assert (passage["time"] == "absent") == (passage["start_s"] is None)
    assert {passage["time"] for passage in seeds.every_passage} == {"exact", "interpolated", "absent"}


def test_episode_pages_count_what_they_hold(client: httpx2.Client, seeds: Seeds) -> None:
    for episode, row in seeds.episodes.items():
        detail = _get(client, f"/v1/episodes/{episode}")
        transcript = seeds.transcripts[episode]
        assert transcript["id"] == detail["id"] == episode
        assert detail["passages"] == len(seeds.passages[episode])
        assert detail["turns"] == row["turns"] == len(transcript["turns"])
        assert detail["words"] == row["words"] == len(transcript["text"].split())
        assert detail["sections"] == list(dict.fromkeys(t["section"] for t in transcript["turns"] if t["section"]))
        named = {speaker["name"] for speaker in detail["speakers"]}
        assert named == {turn["speaker"] for turn in transcript["turns"] if turn["speaker"]}


def test_lists_come_in_pages_that_join_up(client: httpx2.Client) -> None:
    for path, name in (("/v1/episodes", "episodes"), ("/v1/speakers", "speakers")):
        whole = _get(client, path)
        assert len(whole[name]) == whole["total"] > 5
        pages = [_get(client, path, limit=2, offset=offset)[name] for offset in range(0, whole["total"], 2)]
        assert [entry for page in pages for entry in page] == whole[name]


def test_speakers_are_those_of_the_passages_most_first(client: httpx2.Client, seeds: Seeds) -> None:
    speakers = _get(client, "/v1/speakers")["speakers"]
    for speaker in speakers:
        theirs = [passage for passage in seeds.every_passage if passage["speaker"]["name"] == speaker["name"]]
        assert speaker["passages"] == len(theirs)
        assert speaker["episodes"] == sum(speaker["roles"].values())
        assert {passage["speaker"]["role"] for passage in theirs} <= speaker["roles"].keys()
    assert [speaker["passages"] for speaker in speakers] == sorted((s["passages"] for s in speakers), reverse=True)


_PARAMETERS: list[dict[str, Any]] = [
    {"query": ASKED},
    {"query": "storage", "limit": 3, "offset": 2, "mode": "lexical"},
    {"query": "why wires?", "role": "guest", "group_by": "speaker", "context": 1},
    {"query": "alarms", "kind": ["content", "teaser"], "per_episode": 1, "min_score": 0.1, "mode": "dense"},
    {"query": "the contract", "show": "second opinion", "date_from": "2024-01-01", "date_to": "2024-03-31"},
    {"query": "Ünïcødé & 100% +plus 🦉", "speaker": "Noémie Tavares-Holm"},
]


def _lasting(response: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in response.items() if key not in ("took_ms", "as_of")}


@pytest.mark.parametrize("parameters", _PARAMETERS, ids=lambda parameters: str(parameters["query"]))
def test_get_and_post_give_the_same_answer(parameters: dict[str, Any], client: httpx2.Client) -> None:
    posted = client.post("/v1/search", json=parameters)
    assert posted.status_code == 200
    assert posted.json()["query"] == parameters["query"]
    assert posted.json()["results"]
    assert _lasting(posted.json()) == _lasting(_get(client, "/v1/search", **parameters))


def test_a_list_of_queries_gets_one_answer_each_in_its_order(client: httpx2.Client) -> None:
    queries = [ASKED, "why wires?", ASKED]
    searches = client.post("/v1/search", json={"query": queries, "limit": 4}).json()["searches"]
    alone = [_get(client, "/v1/search", query=query, limit=4) for query in queries]
    assert [answer["query"] for answer in searches] == queries
    assert [[hit["id"] for hit in answer["results"]] for answer in searches] == [
        [hit["id"] for hit in answer["results"]] for answer in alone
    ]


_FILTERS: list[tuple[dict[str, str], Callable[[dict[str, Any]], bool]]] = [
    ({"speaker": "calder nwosu"}, lambda p: p["speaker"]["name"] == "Calder Nwosu"),
    ({"role": "host"}, lambda p: p["speaker"]["role"] == "host"),
    ({"show": "Second Opinion"}, lambda p: p["episode"]["show"] == "Second Opinion"),
    ({"episode": "The Peak Is a Choice"}, lambda p: p["episode"]["title"] == "The Peak Is a Choice"),
    (
        {"episode": "spinning-reserve-closed-road.vtt"},
        lambda p: p["episode"]["source"] == "spinning-reserve-closed-road.vtt",
    ),
    ({"date_from": "2024-04-04"}, lambda p: (p["episode"]["date"] or "") >= "2024-04-04"),
    ({"date_to": "2024-03-12"}, lambda p: "" < (p["episode"]["date"] or "") <= "2024-03-12"),
    ({"language": "EN-gb"}, lambda p: p["episode"]["language"] == "en"),
    ({"language": "und"}, lambda p: p["episode"]["language"] is None),
    ({"section": "why the number was wrong"}, lambda p: p["section"] == "Why the number was wrong"),
    (
        {"speaker": "Marguerite Oyelaran", "role": "host", "date_from": "2024-04-01"},
        lambda p: p["speaker"]["name"] == "Marguerite Oyelaran" and (p["episode"]["date"] or "") >= "2024-04-01",
    ),
]


@pytest.mark.parametrize(("filters", "fits"), _FILTERS, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_a_filter_finds_exactly_the_passages_that_fit(
    filters: dict[str, str], fits: Callable[[dict[str, Any]], bool], client: httpx2.Client, seeds: Seeds
) -> None:
    expected = [passage for passage in seeds.every_passage if fits(passage)]
    assert 0 < len(expected) <= CANDIDATES
    _assert_reached(_walk(client, mode="dense", kind=EVERY_KIND, **filters), expected)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_kind_filter_finds_that_kind_alone(kind: str, client: httpx2.Client, seeds: Seeds) -> None:
    expected = [passage for passage in seeds.every_passage if passage["kind"] == kind]
    reached = [_walk(client, mode="dense", kind=kind, episode=episode) for episode in seeds.episodes]
    _assert_reached([hit for hits in reached for hit in hits], expected)


def test_a_name_that_is_not_there_finds_nothing_and_the_notes_say_what_is_near(client: httpx2.Client) -> None:
    answer = _get(client, "/v1/search", query=ASKED, speaker="Calder Nwoso")
    assert answer["results"] == []
    assert "speaker: 'Calder Nwoso' is not in this archive; near to it: Calder Nwosu." in answer["notes"]


def test_context_is_the_adjacent_passages_of_the_same_episode(client: httpx2.Client, seeds: Seeds) -> None:
    for size in (0, 2, 5):
        for hit in _get(client, "/v1/search", query=ASKED, limit=30, context=size)["results"]:
            passages = seeds.passages[hit["episode"]["id"]]
            place = [passage["id"] for passage in passages].index(hit["id"])
            assert hit["before"] == passages[max(0, place - size) : place]
            assert hit["after"] == passages[place + 1 : place + 1 + size]


def test_an_answer_says_which_index_it_is_from(client: httpx2.Client, seeds_index: Path) -> None:
    manifest = current_generation(seeds_index).manifest
    answer = _get(client, "/v1/search", query=ASKED)
    assert answer["index"] == {
        "generation": manifest.id,
        "model": "all-MiniLM-L6-v2-interviews",
        "episodes": manifest.counts["episodes"],
        "passages": manifest.counts["passages"],
    }
    assert _get(client, "/readyz") == {"status": "ok", "index": answer["index"], "notes": []}
    assert _get(client, "/livez") == {"status": "ok"}


def test_requests_in_parallel_all_succeed_and_agree(client: httpx2.Client) -> None:
    def ask(turn: int) -> Any:
        return _get(client, "/v1/search", **_PARAMETERS[turn % len(_PARAMETERS)])

    expected = [_lasting(ask(turn)) for turn in range(len(_PARAMETERS))]
    with ThreadPoolExecutor(32) as pool:
        for turn, answer in enumerate(pool.map(ask, range(64))):
            assert _lasting(answer) == expected[turn % len(_PARAMETERS)]


def _assert_problem(response: httpx2.Response, status: int, mention: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["type"] == "about:blank"
    assert problem["instance"] == response.url.path
    assert mention in problem["detail"]
    for error in problem["errors"]:
        assert {"parameter", "in", "message", "code"} <= error.keys()
        assert f"{error['parameter']}: {error['message']}" in problem["detail"]


@pytest.mark.parametrize(
    ("parameters", "mention"),
    [
        ({"query": "x", "limmit": 3}, "limmit: unknown parameter; /docs lists those there are"),
        ({}, "query: Field required"),
        ({"query": ""}, "query: String should have at least 1 character"),
        ({"query": " \t\n"}, "query: no word in it"),
        ({"query": "salt", "language": " "}, "language: no word in it"),
        ({"query": "x" * 10_001}, "query: String should have at most 10000 characters"),
        ({"query": "x", "limit": 0}, "limit: Input should be greater than or equal to 1"),
        ({"query": "x", "limit": 101}, "limit: Input should be less than or equal to 100"),
        ({"query": "x", "limit": "ten"}, "limit: Input should be a valid integer"),
        ({"query": "x", "offset": -1}, "offset: Input should be greater than or equal to 0"),
        ({"query": "x", "offset": 1001}, "offset: Input should be less than or equal to 1000"),
        ({"query": "x", "per_episode": 0}, "per_episode: Input should be greater than or equal to 1"),
        ({"query": "x", "context": 6}, "context: Input should be less than or equal to 5"),
        ({"query": "x", "min_score": 1.5}, "min_score: Input should be less than or equal to 1"),
        ({"query": "x", "min_score": "nan"}, "min_score: "),
        ({"query": "x", "role": "boss"}, "role: Input should be 'host', 'guest' or 'unknown'"),
        ({"query": "x", "mode": "magic"}, "mode: Input should be 'hybrid', 'dense' or 'lexical'"),
        ({"query": "x", "group_by": "show"}, "group_by: Input should be 'episode' or 'speaker'"),
        ({"query": "x", "kind": "advert"}, "Input should be 'content', 'teaser', 'sponsor', 'intro' or 'outro'"),
        ({"query": "x", "date_from": "2024-02-30"}, "date_from: Input should be a valid date"),
        ({"query": "x", "date_to": "yesterday"}, "date_to: Input should be a valid date"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_a_problem_that_names_it(
    parameters: dict[str, Any], mention: str, client: httpx2.Client
) -> None:
    _assert_problem(client.get("/v1/search", params=parameters), 422, mention)


@pytest.mark.parametrize(
    ("body", "mention"),
    [
        (b'{"query": "x", "limmit": 3}', "limmit: unknown parameter; /docs lists those there are"),
        (b'{"query": "x",}', "body: no valid JSON at character 14: "),
        (b"", "body: send one JSON object, as content-type application/json"),
        (b"[]", "body: send one JSON object, as content-type application/json"),
        (b'"x"', "body: send one JSON object, as content-type application/json"),
        (b"{}", "query: Field required"),
        (b'{"query": null}', "query: Input should be a valid string"),
        (b'{"query": 5}', "query: Input should be a valid string"),
        (b'{"query": {"text": "x"}}', "query: Input should be a valid string"),
        (b'{"query": "\\ud800"}', "query: Input should be a valid string"),
        (b'{"query": []}', "query: List should have at least 1 item"),
        (b'{"query": ["x", ""]}', "query.1: String should have at least 1 character"),
        (json.dumps({"query": ["x"] * 33}).encode(), "query: List should have at most 32 items"),
        (b'{"query": "x", "limit": "many"}', "limit: Input should be a valid integer"),
        (b'{"query": "x", "limit": 1.5}', "limit: Input should be a valid integer"),
        (b'{"query": "x", "limit": true}', "limit: Input should be a number, not true or false"),
        (b'{"query": "x", "min_score": false}', "min_score: Input should be a number, not true or false"),
        (b'{"query": "x", "kind": []}', "kind: List should have at least 1 item"),
        (b'{"query": "x", "kind": "content"}', "kind: Input should be a valid list"),
        (b'{"query": "x", "speaker": 7}', "speaker: Input should be a valid string"),
        (b'{"query": "x", "min_score": NaN}', "min_score: "),
    ],
    ids=lambda value: value.decode()[:40] if isinstance(value, bytes) else "",
)
def test_a_wrong_body_is_a_problem_that_says_what_to_change(body: bytes, mention: str, client: httpx2.Client) -> None:
    _assert_problem(client.post("/v1/search", content=body, headers=JSON), 422, mention)


@pytest.mark.parametrize("body", [b'{"query": "\xff"}', b"[" * 100_000], ids=["not UTF-8", "100,000 brackets"])
def test_a_body_that_cannot_be_read_is_a_problem(body: bytes, client: httpx2.Client) -> None:
    response = client.post("/v1/search", content=body, headers=JSON)
    _assert_problem(response, 400, "The body cannot be read; send JSON in UTF-8.")


def test_json_that_is_not_announced_as_json_is_a_problem_that_says_so(client: httpx2.Client) -> None:
    response = client.post("/v1/search", content=b"query=x", headers={"content-type": "text/plain"})
    _assert_problem(response, 422, "as content-type application/json")


def test_a_query_of_a_megabyte_is_refused_by_post_and_by_get(client: httpx2.Client, server: str) -> None:
    long = "a" * 1_000_000
    _assert_problem(client.post("/v1/search", json={"query": long}), 422, "query: String should have at most 10000")
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
    connection.request("GET", f"/v1/search?{urlencode({'query': long})}")
    response = connection.getresponse()
    assert (response.status, response.headers["content-type"]) == (422, "application/problem+json")
    assert "query: String should have at most 10000" in json.loads(response.read())["detail"]
    connection.close()


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_two_megabytes_is_refused_whether_its_length_is_announced_or_not(
    announced: bool, client: httpx2.Client
) -> None:
    pieces = [b"a" * 100_000] * 20
    for _ in range(5):
        response = client.post("/v1/search", content=b"".join(pieces) if announced else iter(pieces), headers=JSON)
        _assert_problem(response, 413, "The body is larger than 1048576 bytes. Send less text, or fewer queries.")
    assert _get(client, "/livez") == {"status": "ok"}


@pytest.mark.parametrize(
    ("path", "mention"),
    [
        ("/v1/passages/nothing", "No passage has or had the id 'nothing'; take one from a search."),
        ("/v1/episodes/nothing", "No episode has the id 'nothing'; /v1/episodes lists them."),
        ("/v1/episodes/nothing/transcript", "No episode has the id 'nothing'; /v1/episodes lists them."),
        ("/v1/episodes/' OR 1=1", "No episode has the id"),
        ("/v1/nothing", "There is nothing at this path; /docs lists the paths there are."),
        ("/nothing", "There is nothing at this path; /docs lists the paths there are."),
        ("/../../etc/passwd", "There is nothing at this path; /docs lists the paths there are."),
    ],
)
def test_what_is_not_there_is_a_problem_that_says_where_to_look(path: str, mention: str, client: httpx2.Client) -> None:
    _assert_problem(client.get(path), 404, mention)


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/v1/search"), ("POST", "/v1/episodes"), ("PUT", "/livez")])
def test_a_wrong_method_is_a_problem(method: str, path: str, client: httpx2.Client) -> None:
    response = client.request(method, path)
    _assert_problem(response, 405, "This path does not take this method; /docs lists those of every path.")
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/v1/episodes", "/v1/search?query=storage", "/v1/nothing"])
def test_head_is_answered_as_get_without_a_body(path: str, client: httpx2.Client) -> None:
    asked, got = client.head(path), client.get(path)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    assert asked.headers["content-type"] == got.headers["content-type"]


def test_head_is_refused_where_get_is(client: httpx2.Client) -> None:
    assert client.head("/v1/search", params={"limit": 3}).status_code == 422


def test_a_request_line_without_end_is_cut_off(server: str) -> None:
    address = urlsplit(server)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(b"GET /v1/search?query=")
        with pytest.raises(OSError), connection.makefile("rb") as answer:
            for _ in range(64):
                connection.sendall(b"a" * 1_000_000)
            raise OSError(answer.read())


@pytest.mark.parametrize("path", ["/v1/episodes", "/v1/speakers"])
def test_lists_refuse_wrong_parameters_too(path: str, client: httpx2.Client) -> None:
    _assert_problem(client.get(path, params={"page": 2}), 422, "page: unknown parameter")
    _assert_problem(client.get(path, params={"limit": 0}), 422, "limit: Input should be greater than or equal to 1")
    _assert_problem(client.get(path, params={"offset": "x"}), 422, "offset: Input should be a valid integer")


def test_the_contract_lists_every_route(client: httpx2.Client, tmp_path: Path) -> None:
    listed = _get(client, "/openapi.json")["paths"].keys()
    served = {
        str(getattr(route, "path", ""))
        for route in create_app(LiveArchive(LocalIndex(tmp_path), lambda: open_archive(tmp_path))).routes
    }
    assert {path for path in served if path.startswith("/v1/") or path.endswith("z")} <= listed
    assert {"/v1/search", "/v1/episodes/{episode_id}/transcript", "/v1/passages/{passage_id}", "/readyz"} <= listed


def test_the_contracts_examples_of_a_search_can_be_sent_as_they_are(client: httpx2.Client) -> None:
    contract = _get(client, "/openapi.json")
    methods = contract["paths"]["/v1/search"]
    [query] = [parameter for parameter in methods["get"]["parameters"] if parameter["name"] == "query"]
    for example in query["schema"]["examples"]:
        assert _get(client, "/v1/search", query=example)["results"]
    examples = contract["components"]["schemas"]["SearchBody"]["examples"]
    assert len(examples) >= 2
    for example in examples:
        assert client.post("/v1/search", json=example).status_code == 200
