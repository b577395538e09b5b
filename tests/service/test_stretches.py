"""Any stretch of a transcript cited, over HTTP: each person's words stay that person's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import Onrecord, serving

ILSE = "ilse-brandvold-let-it-sign-d548ed"
ROAD = "spinning-reserve-closed-road-9dc05e"
STYLES = ("markdown", "chicago", "apa", "mla", "bibtex", "csl-json")
_SKY = (
    ("Ada Ilves", "What did 👩‍🔬 you 𝒔𝒆𝒆 there, on the hill?"),
    ("Bo Lindqvist", "I saw <b>two</b> *stars* & a 🚀 go up. Then nothing."),
)
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def cited(client: httpx2.Client) -> Ask:
    def ask(episode: str, start: int, end: int, style: str = "markdown") -> dict[str, Any]:
        response = client.get(
            f"/v1/episodes/{episode}/citation", params={"char_start": start, "char_end": end, "style": style}
        )
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    return ask


def _refused(client: httpx2.Client, episode: str, **parameters: Any) -> dict[str, Any]:
    response = client.get(f"/v1/episodes/{episode}/citation", params=parameters)
    assert response.status_code == 422
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize("style", STYLES)
def test_a_quote_is_cited_as_the_search_for_quotes_cites_it(client: httpx2.Client, cited: Ask, style: str) -> None:
    asked: dict[str, str | int] = {"query": "pumped hydro", "episode": ROAD, "limit": 1, "style": style}
    [quote] = client.get("/v1/quotes", params=asked).json()["results"]
    [part] = cited(ROAD, quote["char_start"], quote["char_end"], style)["parts"]
    same = ("text", "speaker", "turn", "char_start", "char_end", "start_s", "time", "link", "deep_link", "citation")
    assert {name: part[name] for name in same} == {name: quote[name] for name in same}


def test_half_a_sentence_is_cited_to_the_letter(cited: Ask, transcript: Callable[[str], str]) -> None:
    start = transcript(ILSE).index("It's always in the end the nurse")
    found = cited(ILSE, start, start + 32)
    assert found["link"] == f"/episodes/{ILSE}?from={start}&to={start + 32}#quote"
    assert found["paste"]["text"] == found["parts"][0]["citation"]
    assert found["paste"]["text"].startswith("> It's always in the end the nurse\n\n— Ilse Brandvold, ")


def test_blanks_around_the_words_are_left_out(cited: Ask, transcript: Callable[[str], str]) -> None:
    start = transcript(ILSE).index(" It's always in the end the nurse")
    [part] = cited(ILSE, start, start + 33)["parts"]
    assert (part["char_start"], part["text"]) == (start + 1, "It's always in the end the nurse")


def test_a_stretch_with_two_people_is_a_quotation_of_each(cited: Ask, transcript: Callable[[str], str]) -> None:
    text = transcript(ILSE)
    start = text.index("un-collapse the lung")
    end = text.index("It's the nurse. It's always")
    found = cited(ILSE, start, end)
    assert [part["speaker"]["name"] for part in found["parts"]] == ["Marguerite Oyelaran", "Ilse Brandvold"]
    assert all(text[part["char_start"] : part["char_end"]] == part["text"] for part in found["parts"])
    host, guest = found["paste"]["text"].split("\n\n> ")
    assert host.startswith("> un-collapse the lung.\n\n— Marguerite Oyelaran (host), ")
    assert guest.startswith("No. It doesn't.")
    assert "— Ilse Brandvold, " in guest


def test_what_is_pasted_for_two_people_passes_the_check_of_drafts(
    client: httpx2.Client, cited: Ask, transcript: Callable[[str], str]
) -> None:
    start = transcript(ILSE).index("A critic would say money")
    end = transcript(ILSE).index(" on the shift.", start) + len(" on the shift.")
    paste = cited(ILSE, start, end)["paste"]["text"]
    checked = client.post("/v1/verify", json={"text": paste}).json()
    assert checked["summary"] == {"verified": 2}


def test_what_is_pasted_has_the_words_and_their_reference(cited: Ask, transcript: Callable[[str], str]) -> None:
    start = transcript(ROAD).index("Pumped hydro, finished")
    words = "Pumped hydro, finished in 1974, eleven hundred megawatts for ten hours."
    paste = cited(ROAD, start, start + len(words), "apa")["paste"]
    assert paste["text"].startswith(
        f"“{words}”\n\nNwosu, C. (Guest), & Achterberg-Nakamura, T. (Host). (2024, March 12)."
    )
    assert paste["html"].startswith(f"<blockquote><p>{words}</p></blockquote>\n<p>Nwosu, C. (Guest)")
    assert "<i>Spinning Reserve</i>" in paste["html"]
    [item] = json.loads(cited(ROAD, start, start + len(words), "csl-json")["paste"]["text"])
    assert item["author"] == [{"family": "Nwosu", "given": "Calder"}]


def test_offsets_without_words_are_refused_saying_which(
    client: httpx2.Client, transcript: Callable[[str], str]
) -> None:
    length = len(transcript(ILSE))
    gap = transcript(ILSE).index("\n\n")
    for start, end, parameter, message in (
        (0, length + 1, "char_end", f"the text ends at {length}"),
        (length, length + 1, "char_start", f"the text ends at {length}"),
        (5, 5, "char_end", "must be greater than char_start"),
        (9, 5, "char_end", "must be greater than char_start"),
        (gap, gap + 2, "char_end", "there are no words between these offsets"),
        (-1, 5, "char_start", "Input should be greater than or equal to 0"),
    ):
        [error] = _refused(client, ILSE, char_start=start, char_end=end)["errors"]
        assert (error["parameter"], error["message"]) == (parameter, message)


def test_a_whole_interview_is_no_quotation(client: httpx2.Client, transcript: Callable[[str], str]) -> None:
    [error] = _refused(client, ILSE, char_start=0, char_end=len(transcript(ILSE)))["errors"]
    assert error["message"].endswith("20 are cited at once")


def test_a_misspelt_parameter_and_an_unknown_episode_are_named(client: httpx2.Client) -> None:
    [error] = _refused(client, ILSE, char_start=0, char_end=5, styel="apa")["errors"]
    assert error["parameter"] == "styel"
    assert client.get("/v1/episodes/nobody/citation", params={"char_start": 0, "char_end": 5}).status_code == 404


def test_offsets_count_code_points_and_markup_in_words_stays_words(
    onrecord: Onrecord, offline: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    said = [{"speaker": name, "startTime": 4 * place, "body": words} for place, (name, words) in enumerate(_SKY)]
    (tmp_path / "in" / "sky.json").write_text(json.dumps({"segments": said}), encoding="utf-8")
    assert onrecord("index", tmp_path / "in", "--out", tmp_path / "index").returncode == 0
    with (
        serving(tmp_path / "index", offline, tmp_path / "log.txt", workers=1) as (address, _),
        httpx2.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        [episode] = client.get("/v1/episodes").json()["episodes"]
        text = client.get(f"/v1/episodes/{episode['id']}/transcript").json()["text"]
        words = "<b>two</b> *stars* & a 🚀 go up."
        start = text.index(words)
        asked = {"char_start": start, "char_end": start + len(words), "style": "mla"}
        found = client.get(f"/v1/episodes/{episode['id']}/citation", params=asked).json()
        assert found["parts"][0]["text"] == words
        assert "<p>&lt;b&gt;two&lt;/b&gt; *stars* &amp; a 🚀 go up.</p>" in found["paste"]["html"]
