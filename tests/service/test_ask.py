"""`/v1/ask`: answers out of the archive, by quotes or by a language model, and what in them can be trusted."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import COMMAND, ROOT, Onrecord, serving
from tests.service.language_model_server import Script, language_model_server
from tests.service.verbatim import check_verbatim

ASKED = "who pays when the machine is wrong?"
NURSE = "It's always in the end the nurse, or the youngest doctor on the shift."


def _with_network(index: Path, url: str) -> subprocess.CompletedProcess[str]:
    """`onrecord ask` of a language model, as a process that may open connections."""
    command: list[str | Path] = [COMMAND, "ask", "--index", index, ASKED, "--llm-url", url, "--llm-model", "parrot"]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def model_url(script: Script) -> Iterator[str]:
    with language_model_server(script) as address:
        yield address


@pytest.fixture(scope="module")
def asked(
    seeds_index: Path, script: Script, model_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    """A client of the service that has a language model."""
    environment = {
        **os.environ,
        "ONRECORD_LLM_URL": model_url,
        "ONRECORD_LLM_MODEL": "parrot",
        "ONRECORD_LLM_KEY": "sesame",
        "NO_PROXY": "127.0.0.1",
    }
    log = tmp_path_factory.mktemp("asked") / "stderr.txt"
    with (
        serving(seeds_index, environment, log) as (address, _),
        httpx2.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def _fresh(script: Script) -> None:
    script.status, script.breaks_off = 200, False
    script.requests.clear()
    script.keys.clear()


def _excerpts(request: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The numbered excerpts that the model was given."""
    prompt = request["messages"][1]["content"]
    return [(int(number), text) for number, text in re.findall(r"^\[(\d+)\] (.*?)(?=\n\n|\Z)", prompt, re.M | re.S)]


def _where(request: Mapping[str, Any], words: str) -> int:
    return next(number for number, text in _excerpts(request) if words in text)


def _id_of(request: Mapping[str, Any], number: int) -> str:
    [found] = re.findall(r"id=(\w+)", dict(_excerpts(request))[number])
    return str(found)


def _events(response: httpx2.Response) -> list[tuple[str, Any]]:
    found = re.findall(r"event: (\w+)\ndata: (.*)\n\n", response.text)
    return [(name, json.loads(data)) for name, data in found]


def _ask(client: httpx2.Client, **parameters: Any) -> dict[str, Any]:
    response = client.post("/v1/ask", json={"query": ASKED, "stream": False, **parameters})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    for span in found["spans"]:
        assert found["answer"][span["start"] : span["end"]] == span["text"]
    return found


def test_without_a_model_the_answer_is_the_best_quote_of_each_of_several_people(
    client: httpx2.Client, transcript: Callable[[str], str]
) -> None:
    response = client.post("/v1/ask", json={"query": ASKED})
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert (found["mode"], found["model"]) == ("extractive", None)
    names = [source["speaker"]["name"] for source in found["sources"]]
    assert len(names) == len(set(names)) == 5
    for paragraph, source in zip(found["answer"].split("\n\n"), found["sources"], strict=True):
        assert paragraph.startswith(f"{source['speaker']['name']} ({source['speaker']['role']}): “")
        assert paragraph.endswith(f"” [{source['number']}]")
    assert check_verbatim(found, transcript) == 5
    assert found["summary"] == {"verified": 10}
    for span in found["spans"]:
        assert found["answer"][span["start"] : span["end"]] == span["text"]
        assert span["match"] is None or span["text"] == f"“{span['match']['text']}”"


def test_a_model_is_given_the_context_and_its_true_quotation_is_verified(
    asked: httpx2.Client, script: Script, transcript: Callable[[str], str]
) -> None:
    script.answer = lambda request: f'Ilse Brandvold says: "{NURSE}" [{_where(request, NURSE)}]'
    found = _ask(asked)
    assert (found["mode"], found["model"]) == ("generated", "parrot")
    assert found["summary"] == {"verified": 2}
    quotation, citation = found["spans"]
    assert (quotation["kind"], quotation["verdict"]) == ("quotation", "verified")
    assert quotation["match"]["speaker"]["name"] == "Ilse Brandvold"
    assert (citation["kind"], citation["source"]) == ("citation", found["sources"][citation["source"] - 1]["number"])
    assert check_verbatim(found, transcript) == 1
    [request] = script.requests
    assert request["model"] == "parrot"
    assert script.keys == ["Bearer sesame"]
    assert [number for number, _ in _excerpts(request)] == [source["number"] for source in found["sources"]]
    assert request["messages"][1]["content"].endswith(f"Question: {ASKED}")


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (
            "Ilse Brandvold says: “It is the hospital board that pays for everything, always.” [1]",
            "not_found",
            "nobody",
        ),
        (f"Ilse Brandvold says: “{NURSE.replace('nurse', 'patient')}” [1]", "altered", "words were changed"),
        (f"Ilse Brandvold says: “{NURSE.replace('always', 'never')}” [1]", "altered", "words were changed"),
        (f"Desmond Achterloo says: “{NURSE}” [1]", "misattributed", "somebody else"),
    ],
)
def test_what_a_model_makes_up_is_not_verified(
    asked: httpx2.Client, script: Script, answer: str, verdict: str, reason: str
) -> None:
    script.answer = lambda _: answer
    found = _ask(asked)
    quotation, citation = found["spans"]
    assert (quotation["status"], quotation["verdict"]) == ("unverified", verdict)
    assert reason in quotation["reason"]
    assert quotation["text"] in answer
    if verdict != "misattributed":
        assert citation["status"] == "unverified"
        assert "does not stand in that excerpt" in citation["reason"]
    assert (quotation["match"] is None) == (verdict == "not_found")


def test_a_citation_of_another_excerpt_or_of_none_is_not_verified(asked: httpx2.Client, script: Script) -> None:
    def wrong(request: Mapping[str, Any]) -> str:
        other = next(number for number, text in _excerpts(request) if NURSE not in text)
        return f"Ilse Brandvold: “{NURSE}” [{other}]\n\nOthers agree [99], and [{other}]."

    script.answer = wrong
    spans = _ask(asked)["spans"]
    assert [span["kind"] for span in spans] == ["quotation", "citation", "citation", "citation"]
    assert [span["status"] for span in spans] == ["verified", "unverified", "unverified", "verified"]
    assert "does not stand in that excerpt" in spans[1]["reason"]
    assert spans[2]["reason"] == "no such excerpt was given"


def test_several_citations_of_one_quotation_hold_when_it_stands_in_one_of_them(
    asked: httpx2.Client, script: Script
) -> None:
    def both(request: Mapping[str, Any]) -> str:
        right = _where(request, NURSE)
        other = next(number for number, text in _excerpts(request) if NURSE not in text)
        return f"Ilse Brandvold: “{NURSE}” [{other}, {right}] and [sic], [2018] inside “It's [2018] the nurse, or so”."

    script.answer = both
    spans = [span for span in _ask(asked)["spans"] if span["kind"] == "citation"]
    assert [span["status"] for span in spans] == ["verified", "verified"]


def test_a_range_of_citations_names_all_of_it_and_an_id_is_a_citation_too(asked: httpx2.Client, script: Script) -> None:
    script.answer = lambda request: f"The others say so [1–3], and see id={_id_of(request, 2)}."
    spans = _ask(asked)["spans"]
    assert [(span["kind"], span["status"], span["source"]) for span in spans] == [
        *(("citation", "verified", number) for number in (1, 2, 3)),
        ("citation", "verified", 2),
    ]


def test_a_citation_where_no_excerpt_was_given_is_not_verified(asked: httpx2.Client, script: Script) -> None:
    script.answer = lambda _: "Everybody knows that [1]."
    [span] = _ask(asked, show="No Such Show")["spans"]
    assert (span["status"], span["reason"]) == ("unverified", "no such excerpt was given")


def test_it_streams_events_and_the_last_says_what_was_verified(asked: httpx2.Client, script: Script) -> None:
    script.answer = lambda request: f'Ilse Brandvold says: "{NURSE}" [{_where(request, NURSE)}]'
    with asked.stream("POST", "/v1/ask", json={"query": ASKED}) as response:
        response.read()
    assert response.headers["content-type"].startswith("text/event-stream")
    events = _events(response)
    assert [name for name, _ in events[:2]] == ["sources", "delta"]
    assert events[-1][0] == "answer"
    text = "".join(content["text"] for name, content in events if name == "delta")
    assert len(events) > 10
    assert events[-1][1]["answer"] == text == script.answer(script.requests[0])
    assert events[-1][1]["sources"] == events[0][1]
    assert events[-1][1]["summary"] == {"verified": 2}


def test_without_a_model_the_same_events_come_when_asked_for(client: httpx2.Client) -> None:
    events = _events(client.post("/v1/ask", json={"query": ASKED, "stream": True, "limit": 2}))
    assert [name for name, _ in events] == ["sources", "delta", "answer"]
    assert events[1][1]["text"] == events[2][1]["answer"]
    assert len(events[0][1]) == 2


def test_a_server_that_refuses_is_a_problem_that_says_what_to_check(asked: httpx2.Client, script: Script) -> None:
    script.status = 401
    response = asked.post("/v1/ask", json={"query": ASKED, "stream": False})
    assert (response.status_code, response.headers["content-type"]) == (502, "application/problem+json")
    assert "no such key" in response.json()["detail"]
    assert "ONRECORD_LLM_KEY" in response.json()["detail"]
    assert "sesame" not in response.text
    streamed = _events(asked.post("/v1/ask", json={"query": ASKED}))
    assert [name for name, _ in streamed] == ["sources", "error"]
    assert streamed[1][1]["status"] == 502


def test_an_answer_that_breaks_off_is_never_taken_for_a_whole_one(asked: httpx2.Client, script: Script) -> None:
    script.answer, script.breaks_off = (lambda _: "The nurse pays in the end, they all say so."), True
    assert asked.post("/v1/ask", json={"query": ASKED, "stream": False}).status_code == 502
    names = [name for name, _ in _events(asked.post("/v1/ask", json={"query": ASKED}))]
    assert names[:2] == ["sources", "delta"]
    assert names[-1] == "error"


def test_filters_hold_for_what_a_model_is_given(asked: httpx2.Client, script: Script) -> None:
    script.answer = lambda _: "I do not know."
    found = _ask(asked, speaker="Calder Nwosu", max_tokens=800)
    assert {source["speaker"]["name"] for source in found["sources"]} == {"Calder Nwosu"}
    assert found["spans"] == []
    assert found["answer"] == "I do not know."


def test_where_nothing_is_found_the_model_is_told_so(asked: httpx2.Client, script: Script) -> None:
    script.answer = lambda _: "Nothing."
    assert _ask(asked, show="No Such Show")["sources"] == []
    assert "Nothing was found in the archive." in script.requests[0]["messages"][1]["content"]


def test_the_command_prints_the_answer_and_what_is_wrong_with_it(
    onrecord: Onrecord, seeds_index: Path, script: Script, model_url: str
) -> None:
    done = onrecord("ask", "--index", seeds_index, ASKED, "--limit", "2")
    assert done.returncode == 0
    assert done.stdout.count("” [") == 2
    assert "4 quotations and citations: 4 verified" in done.stdout


def test_the_command_asks_a_model_and_exits_with_1_when_it_made_something_up(
    seeds_index: Path, script: Script, model_url: str
) -> None:
    script.answer = lambda _: "Ilse Brandvold: “The board pays for every single mistake it makes.” [1]"
    done = _with_network(seeds_index, model_url)
    assert done.returncode == 1, done.stderr
    assert "The board pays" in done.stdout
    assert "nobody in the archive said this" in done.stdout


def test_half_a_model_is_refused(onrecord: Onrecord, seeds_index: Path) -> None:
    done = onrecord("ask", "--index", seeds_index, ASKED, "--llm-url", "http://127.0.0.1:1/v1")
    assert done.returncode == 2
    assert "--llm-model" in done.stderr


def test_a_server_that_is_not_there_is_named(seeds_index: Path) -> None:
    done = _with_network(seeds_index, "http://127.0.0.1:9/v1")
    assert done.returncode == 1
    assert "error: http://127.0.0.1:9/v1: no whole answer of parrot" in done.stderr
    assert "Traceback" not in done.stderr
