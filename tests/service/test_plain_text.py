"""What is asked is text: no sign in a query, a filter or an id is a command to what searches, stores or routes."""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

ID = "ilse-brandvold-let-it-sign-d548ed"
# Of words that the sample interviews hold, with what search engines, databases, shells and file systems act upon.
SYNTAX = [
    "nurse AND doctor",
    "nurse OR doctor",
    "NOT nurse",
    "nurse NOT doctor",
    "(nurse doctor",
    "nurse) doctor(",
    "text:nurse",
    "body:nurse",
    "nurse*",
    "nur?e",
    "nurse~2",
    "nurse^4",
    "+nurse -doctor",
    "[nurse TO doctor]",
    "{nurse TO doctor}",
    "nurse\\",
    "/nurse/",
    "nurse && doctor || !machine",
    "NEAR(nurse doctor, 5)",
    "nurse'; DROP TABLE passages; --",
    "nurse' OR '1'='1",
    "%nurse%",
    "n_rse",
    "nurse\x00doctor",
    "../../etc/passwd nurse",
    "C:\\nurse",
    "${nurse} $(nurse) `nurse`",
    "{{nurse}} {% nurse %}",
    "<b>nurse</b>",
    "nurse\r\nX-Header: doctor",
]
TRICKS = {
    "right to left": "\u202enurse\u202c \u2067doctor\u2069",
    "nothing to see": "nu\u200brse\u200d doc\u2060tor\ufeff",
    "combining signs": "nurse" + "\u0301" * 5000,
    "beyond the first plane": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U00020000 \U0010ffff nurse",
    "full width": "ｎｕｒｓｅ　ＡＮＤ　ｄｏｃｔｏｒ",
    "full width signs": "ｓｐｅａｋｅｒ：＂nurse＂",
    "noncharacters": "\ufffe\uffff nurse",
    "private use": "\ue000\uf8ff nurse",
    "dotless": "ıİſß nurse",
    "controls": "".join(map(chr, range(1, 32))) + "nurse\x7f\x85",
    "line ends": "nurse\u2028doctor\u2029machine\x0b\x0c",
    "signs alone": "?!… — “”",
    "tags": "".join(chr(0xE0000 + ord(letter)) for letter in "nurse") + " nurse",
}
HALVES = ["\\ud800", "\\udfff\\ud800 nurse", "nurse \\udc00"]
LONG = {"a long word": "n" * 100_000, "many words": "nurse " * 16_667}


def _found(client: httpx2.Client, query: str, **others: Any) -> dict[str, Any]:
    answer = client.post("/v1/search", json={"query": query, "limit": 20, **others})
    assert answer.status_code == 200, answer.text[:500]
    return dict(answer.json())


def _ids(found: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in found["results"]]


def _plain(query: str) -> str:
    """The words of a query, without any sign."""
    return " ".join("".join(letter if letter.isalnum() else " " for letter in query).split())


@pytest.mark.parametrize("query", SYNTAX)
def test_signs_of_other_languages_change_nothing(query: str, client: httpx2.Client) -> None:
    """By the words alone, so that how a model reads a sign plays no part: as the same words without any."""
    lexical = {"mode": "lexical"}
    found, plain = _found(client, query, **lexical), _found(client, _plain(query), **lexical)
    assert _ids(found) == _ids(plain)
    assert found["total"] == plain["total"]
    assert found["query"] == query
    assert _ids(_found(client, query))


@pytest.mark.parametrize("query", TRICKS.values(), ids=TRICKS)
def test_a_query_in_strange_signs_is_answered_everywhere(query: str, client: httpx2.Client) -> None:
    assert _found(client, query)["query"] == query
    for path in ("/v1/search", "/v1/quotes", "/v1/context"):
        assert client.get(path, params={"query": query}).status_code == 200
        assert client.post(path, json={"query": query}).status_code == 200
    assert client.post("/v1/ask", json={"query": query}).status_code == 200
    assert client.post("/v1/verify", json={"text": f"She said: “{query}”"}).status_code == 200
    assert client.post("/v1/vector_stores/onrecord/search", json={"query": query}).status_code == 200
    assert client.get("/", params={"query": query}, headers={"accept": "text/html"}).status_code == 200


def test_one_text_in_two_normal_forms_finds_the_same(client: httpx2.Client) -> None:
    for query in ("Noémie Tavares-Holm", "naïve über façade"):
        forms = [unicodedata.normalize(form, query) for form in ("NFC", "NFD")]
        assert forms[0] != forms[1]
        one, other = (_ids(_found(client, form, mode="lexical")) for form in forms)
        assert one == other


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("path", ["/v1/search", "/v1/quotes", "/v1/context", "/v1/ask", "/v1/verify"])
def test_half_a_character_is_refused_with_what_to_change(path: str, half: str, client: httpx2.Client) -> None:
    name = "text" if path == "/v1/verify" else "query"
    answer = client.post(path, content=f'{{"{name}": "{half}"}}', headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text[:500]
    problem = answer.json()
    assert problem["errors"][0]["message"]
    assert name in problem["detail"] or "body" in problem["detail"]


@pytest.mark.parametrize("query", LONG.values(), ids=LONG)
def test_a_query_that_is_too_long_is_refused_with_how_long_it_may_be(query: str, client: httpx2.Client) -> None:
    in_address = client.get("/v1/search", params={"query": query[:60_000]})
    for answer in (in_address, client.post("/v1/search", json={"query": query})):
        assert answer.status_code == 422
        assert "query: String should have at most 10000 characters" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["speaker", "episode", "show", "section", "language"])
@pytest.mark.parametrize("value", [*SYNTAX[-12:], "*", "%", "_", "' OR 1=1 --", "*:*", "..", *TRICKS.values()])
def test_a_filter_is_a_name_and_no_pattern(name: str, value: str, client: httpx2.Client) -> None:
    found = _found(client, "who pays when the machine is wrong?", **{name: value})
    assert (found["total"], found["results"]) == (0, [])
    assert found["notes"]


def test_a_filter_is_compared_as_a_whole(client: httpx2.Client) -> None:
    whole = _found(client, "machine", speaker="Ilse Brandvold")
    assert whole["total"] > 0
    for part in ("Ilse Brandvol_", "Ilse%", "Ilse*", "Brandvold' --", 'Ilse Brandvold" OR "1"="1'):
        assert _found(client, "machine", speaker=part)["total"] == 0


@pytest.mark.parametrize("sign", ["%", "_", "*", "'", '"', "\\", "../", "\x00"])
def test_text_in_the_conditions_of_other_contracts_is_literal(sign: str, client: httpx2.Client) -> None:
    body = {
        "knowledge_id": "onrecord",
        "query": "machine",
        "retrieval_setting": {"top_k": 5},
        "metadata_condition": {"conditions": [{"name": "speaker", "comparison_operator": "contains", "value": sign}]},
    }
    answer = client.post("/retrieval", json=body, headers={"authorization": "Bearer x"})
    assert (answer.status_code, answer.json()) == (200, {"records": []})
    filters = {"type": "eq", "key": "speaker", "value": sign}
    page = client.post("/v1/vector_stores/onrecord/search", json={"query": "machine", "filters": filters})
    assert (page.status_code, page.json()["data"]) == (200, [])


PATHS = [
    "../CURRENT",
    "../../etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%2f..%2fCURRENT",
    "..\\CURRENT",
    "C:\\Windows",
    "C:/Windows",
    f"{ID}/../{ID}",
    f"{ID}\x00",
    f" {ID}",
    f"{ID}'--",
    "%",
    "*",
    *TRICKS.values(),
]


@pytest.mark.parametrize("path", PATHS)
def test_an_id_is_one_that_there_is_or_there_is_nothing(path: str, client: httpx2.Client) -> None:
    for before, after in (
        ("/v1/episodes/", ""),
        ("/v1/episodes/", "/transcript"),
        ("/v1/episodes/", "/citation?char_start=0&char_end=5"),
        ("/v1/passages/", ""),
        ("/v1/passages/", "/exchange"),
        ("/v1/vector_stores/", ""),
        ("/episodes/", ""),
    ):
        address = f"{before}{quote(path, safe='')}{after}"
        asked = client.build_request("GET", "/")
        asked.url = asked.url.copy_with(raw_path=address.encode())
        answer = client.send(asked)
        assert answer.status_code == 404, (address, answer.status_code, answer.text[:200])
    assert client.get(f"/v1/episodes/{ID}").status_code == 200
