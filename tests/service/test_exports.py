"""`/v1/export` over the sample interviews: the words are those of the transcripts, and every format is read back."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import httpx2
import pytest

ILSE = "ilse-brandvold-let-it-sign-d548ed"
ROAD = "spinning-reserve-closed-road-9dc05e"
MONEY: dict[str, Any] = {"episode": ILSE, "char_start": 11721, "char_end": 11753}
UNITS: dict[str, Any] = {"episode": ROAD, "char_start": 6586, "char_end": 6621}
Text = Callable[[str], str]


def _export(client: httpx2.Client, **body: Any) -> httpx2.Response:
    answer = client.post("/v1/export", json=body)
    assert answer.status_code == 200, answer.text
    return answer


def _refused(client: httpx2.Client, **body: Any) -> list[tuple[str, str]]:
    answer = client.post("/v1/export", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    return [(entry["parameter"], entry["message"]) for entry in answer.json()["errors"]]


def _cited(client: httpx2.Client, stretch: dict[str, Any], style: str) -> dict[str, Any]:
    """The same stretch as `/v1/episodes/{id}/citation` cites it."""
    places = {"char_start": stretch["char_start"], "char_end": stretch["char_end"], "style": style}
    found: list[dict[str, Any]] = client.get(f"/v1/episodes/{stretch['episode']}/citation", params=places).json()[
        "parts"
    ]
    [part] = found
    return part


def test_markdown_quotes_the_transcript_and_cites_as_v1_quotes_does(client: httpx2.Client, transcript: Text) -> None:
    answer = _export(client, quotes=[UNITS, MONEY])
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="quotes.md"'
    blocks = answer.text.split("\n\n")
    assert blocks[0] == f"> {transcript(ROAD)[6586:6621]}" == "> We rewound two of the units in 2016"
    assert blocks[2] == f"> {transcript(ILSE)[11721:11753]}"
    assert _cited(client, UNITS, "markdown")["citation"] == f"{blocks[0]}\n\n{blocks[1]}".strip()
    assert _cited(client, MONEY, "markdown")["citation"] == f"{blocks[2]}\n\n{blocks[3]}".strip()


def test_what_several_people_say_is_given_to_each_of_them(client: httpx2.Client) -> None:
    text = _export(client, quotes=[{"episode": ROAD, "char_start": 6300, "char_end": 6560}]).text
    assert re.findall(r"— ([^,]+),", text) == ["Calder Nwosu", "Tobias Achterberg-Nakamura (host)", "Calder Nwosu"]


@pytest.mark.parametrize("style", ["chicago", "apa", "mla"])
def test_a_word_document_holds_the_words_the_reference_and_its_link(
    client: httpx2.Client, transcript: Text, style: str
) -> None:
    answer = _export(client, format="docx", style=style, quotes=[UNITS, MONEY])
    document = docx.Document(io.BytesIO(answer.content))
    quotes = [
        paragraph.text for paragraph in document.paragraphs if paragraph.style and paragraph.style.name == "Quote"
    ]
    assert quotes == [transcript(ROAD)[6586:6621], transcript(ILSE)[11721:11753]]
    lines = _cited(client, UNITS, style)["citation"].split("\n")
    assert [paragraph.text for paragraph in document.paragraphs[1 : 1 + len(lines)]] == lines
    [link] = document.paragraphs[1].hyperlinks
    assert link.address == "https://example.org/spinning-reserve/closed-road"
    italics = [run.text for run in document.paragraphs[1].runs if run.italic]
    assert "Spinning Reserve" in italics
    assert (document.core_properties.author, document.core_properties.comments) == ("", "")


def test_chicago_is_the_style_of_a_word_document(client: httpx2.Client) -> None:
    files = [_export(client, format="docx", quotes=[UNITS], **more).content for more in ({}, {"style": "chicago"})]
    bodies = [zipfile.ZipFile(io.BytesIO(file)).read("word/document.xml") for file in files]
    assert bodies[0] == bodies[1]


def test_records_are_those_of_the_citations_and_each_stands_once(client: httpx2.Client) -> None:
    for style, read in (("bibtex", str), ("csl-json", json.loads)):
        answer = _export(client, format=style, quotes=[UNITS, MONEY, UNITS])
        cited = _cited(client, UNITS, style)["citation"]
        found = read(answer.text)
        if style == "bibtex":
            assert found.count("@misc{") == 2
            assert found.startswith(cited.strip())
        else:
            assert len(found) == 2
            assert found[0] == cited


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_exported(client: httpx2.Client, transcript: Text) -> None:
    end = len(transcript(ILSE))
    quotes = [
        {**MONEY, "episode": "nowhere"},
        MONEY,
        {**MONEY, "char_end": end + 1},
        {**MONEY, "char_end": 11721},
        {**MONEY, "text": "It's always in the end the doctor"},
        {"episode": ILSE, "char_start": end + 5, "char_end": end + 9},
    ]
    assert _refused(client, quotes=quotes) == [
        ("quotes.0.episode", "no episode has the id 'nowhere'; /v1/episodes lists them"),
        ("quotes.2.char_end", f"the text ends at {end}"),
        ("quotes.3.char_end", "must be greater than char_start"),
        ("quotes.4.text", "other words stand there now; the transcript was changed"),
        ("quotes.5.char_start", f"the text ends at {end}"),
    ]


def test_the_words_expected_are_compared_to_the_letter(client: httpx2.Client, transcript: Text) -> None:
    _export(client, quotes=[{**MONEY, "text": transcript(ILSE)[11721:11753]}])


@pytest.mark.parametrize(
    "body",
    [
        {"quotes": []},
        {"quotes": [MONEY] * 501},
        {"quotes": [{**MONEY, "words": "mine"}]},
        {"quotes": [{**MONEY, "char_start": -1}]},
        {"quotes": [{**MONEY, "char_start": True}]},
        {"quotes": [MONEY], "format": "pdf"},
        {"quotes": [MONEY], "format": "markdown", "style": "apa"},
        {"quotes": [MONEY], "format": "docx", "style": "bibtex"},
    ],
)
def test_what_cannot_be_meant_is_refused(client: httpx2.Client, body: dict[str, Any]) -> None:
    assert _refused(client, **body)
