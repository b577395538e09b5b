"""Drafts in every format and finished answers with citations, over HTTP and through the command."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import docx
import httpx2
import pytest

from indexer.catalog import CatalogReader
from indexer.generations import current_generation
from tests.conftest import COMMAND, ROOT, Onrecord
from tests.indexer.making import LENA, OMAR, markdown, write

SAID = "It's always in the end the nurse, or the youngest doctor on the shift."
ILSE, DESMOND = "Ilse Brandvold", "Desmond Achterloo"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PAGE = f"""<!DOCTYPE html>
<html><head><title>“No quotation at all here”</title></head><body>
<p>As {ILSE} told us, &ldquo;It&rsquo;s <em>always</em> in the end the nurse&rdquo;.</p>

<blockquote><p>{SAID}</p><footer>— {DESMOND}</footer></blockquote>
<p>She said <q>the moon pays for it in gold</q>.</p>
<script>let x = "it is no quotation either";</script>
</body></html>"""
EXPECTED = [("verified", ILSE), ("misattributed", DESMOND), ("not_found", DESMOND)]


def _word_file() -> bytes:
    document = docx.Document()
    paragraph = document.add_paragraph(f"As {ILSE} told us, “It’s ")
    paragraph.add_run("always").italic = True
    paragraph.add_run(" in the end the nurse”.")
    document.add_paragraph("")
    document.add_paragraph(SAID, style="Quote")
    document.add_paragraph(f"— {DESMOND}", style="Quote")
    document.add_paragraph("She said “the moon pays for it in gold”.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _send(client: httpx2.Client, content: bytes, content_type: str) -> httpx2.Response:
    return client.post("/v1/verify", content=content, headers={"content-type": content_type})


def _told(response: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(result["verdict"], result["attributed_to"]) for result in response["results"]]


def test_a_page_is_checked_as_json_and_as_a_file(client: httpx2.Client) -> None:
    answers = [
        client.post("/v1/verify", json={"text": PAGE}),
        *(_send(client, PAGE.encode(), kind) for kind in ("text/html; charset=utf-8", "application/octet-stream")),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        response = answer.json()
        assert _told(response) == EXPECTED
        assert response["draft"]["format"] == "html"
        text = response["draft"]["text"]
        places = [text[result["start"] : result["end"]] for result in response["results"]]
        assert places == ["“It’s always in the end the nurse”", SAID, "“the moon pays for it in gold”"]
        assert [(result["line"], result["paragraph"]) for result in response["results"]] == [(3, 1), (5, 2), (6, 4)]


def test_a_word_file_is_checked_as_the_body(client: httpx2.Client) -> None:
    answer = _send(client, _word_file(), WORD)
    assert answer.status_code == 200, answer.text
    response = answer.json()
    assert _told(response) == EXPECTED
    assert response["draft"]["format"] == "docx"
    assert response["draft"]["text"].startswith(f"As {ILSE} told us, “It’s always in the end the nurse”.\n\n{SAID}")
    assert [(result["line"], result["paragraph"]) for result in response["results"]] == [
        (None, 1),
        (None, 2),
        (None, 4),
    ]


def test_a_text_is_checked_as_a_file_with_its_lines(client: httpx2.Client) -> None:
    draft = f"First.\n\nSecond: “{SAID}”, says {ILSE}.\n"
    response = _send(client, draft.encode(), "text/markdown").json()
    assert (response["draft"], _told(response)) == ({"format": "text", "text": None}, [("verified", ILSE)])
    assert (response["results"][0]["line"], response["results"][0]["paragraph"]) == (3, 2)


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 80_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "content_type", "status", "mention"),
    [
        (_bomb(), WORD, 422, "it unpacks to more than 64 MB."),
        (b"PK\x03\x04", WORD, 422, "a zip archive that is no Word document."),
        (b"\x89PNG\0", "application/octet-stream", 422, "the file is a picture, not text."),
        (b"<div>" * 400, "text/html", 422, "it is nested too deeply."),
        (b"One two three. " * 20_000, "text/plain", 422, "The draft holds 300,000 characters of text; 200,000 are"),
        (b"text=x", "application/x-www-form-urlencoded", 415, "A draft is sent as JSON"),
        (b"x" * (16 * 1_048_576 + 1), "text/plain", 413, "The body is larger than 16777216 bytes."),
        (b'"' + b"x" * 1_048_576 + b'"', "application/json", 413, "The body is larger than 1048576 bytes."),
        (b'["a"]', "application/json", 422, "send one JSON object"),
    ],
)
def test_what_cannot_be_checked_is_a_problem_that_says_why(
    content: bytes, content_type: str, status: int, mention: str, client: httpx2.Client
) -> None:
    answer = _send(client, content, content_type)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert mention in answer.json()["detail"]


def test_a_draft_without_words_has_no_quotations(client: httpx2.Client) -> None:
    for content in (b"", b" \n"):
        answer = _send(client, content, "text/plain")
        assert answer.status_code in (200, 422)
    assert client.post("/v1/verify", json={"text": ""}).json()["results"] == []


def test_the_title_of_an_episode_is_no_quotation_and_an_open_mark_is_noted(client: httpx2.Client) -> None:
    draft = "In “A Warehouse on a Closed Road” they talk.\n\nShe says: “We sold the moon to a volcano, and kept it.\n"
    response = client.post("/v1/verify", json={"text": draft}).json()
    assert [(result["quote"], result["verdict"]) for result in response["results"]] == [
        ("We sold the moon to a volcano, and kept it.", "not_found")
    ]
    assert response["notes"] == [
        "line 3: no mark closes what opens here; it is checked to the end of its paragraph: “We sold the moon to a …"
    ]


@pytest.fixture(scope="module")
def cited(client: httpx2.Client) -> dict[str, Any]:
    """The passage that holds what was said."""
    hits = client.get("/v1/search", params={"query": f'"{SAID}"', "limit": 1}).json()["results"]
    assert SAID in hits[0]["text"]
    passage: dict[str, Any] = hits[0]
    return passage


@pytest.fixture(scope="module")
def other(client: httpx2.Client) -> str:
    """A passage of another person."""
    hits = client.get("/v1/search", params={"query": "who pays?", "speaker": DESMOND}).json()["results"]
    return str(hits[0]["id"])


def _cited(client: httpx2.Client, text: str, sources: list[str] | None = None) -> list[tuple[str, str]]:
    body = {"text": text} if sources is None else {"text": text, "sources": sources}
    answer = client.post("/v1/verify", json=body)
    assert answer.status_code == 200, answer.text
    response = answer.json()
    for citation in response["citations"]:
        assert (citation["passage"] is None) is (citation["status"] == "unknown")
    counts = [citation["status"] for citation in response["citations"]]
    assert response["cited"] == {status: counts.count(status) for status in set(counts)}
    return [(text[c["start"] : c["end"]], c["status"]) for c in response["citations"]]


def test_each_way_to_cite_a_passage(client: httpx2.Client, cited: dict[str, Any]) -> None:
    id_, link = cited["id"], cited["link"]
    for written, place in (
        (f"[{id_}]", id_),
        (f"({id_})", id_),
        (f"id={id_}", id_),
        (f"[source](http://127.0.0.1:8000/v1/passages/{id_})", f"/v1/passages/{id_}"),
        (f"[source]({link})", link),
    ):
        assert _cited(client, f"{ILSE}: “{SAID}” {written} And so on.") == [(place, "holds")]
        assert _cited(client, f"Nurses pay {written}, they say.") == [(place, "known")]


def test_numbers_mean_the_sources_that_were_given(client: httpx2.Client, cited: dict[str, Any], other: str) -> None:
    text = f"{ILSE}: “{SAID}” [1] It is not contested [2][3]. She adds: “{SAID}” [2]"
    assert _cited(client, text, [cited["id"], other]) == [
        ("1", "holds"),
        ("2", "known"),
        ("3", "unknown"),
        ("2", "elsewhere"),
    ]
    assert _cited(client, text) == []
    assert _cited(client, f"“{SAID}” [1, 2]", [other, cited["id"]]) == [("1", "known"), ("2", "holds")]
    assert _cited(client, f"“{SAID}”【1】", [cited["id"]]) == [("1", "holds")]


def test_a_citation_belongs_to_the_quotation_in_front_of_it_or_else_behind_it(
    client: httpx2.Client, cited: dict[str, Any], other: str
) -> None:
    sources = [cited["id"], other]
    assert _cited(client, f"As [1] has it, “{SAID}”.", sources) == [("1", "holds")]
    assert _cited(client, f"As [2] has it, “{SAID}”.", sources) == [("2", "elsewhere")]
    assert _cited(client, f"“{SAID}” [1]\n\nContracts decide [2].", sources) == [("1", "holds"), ("2", "known")]
    assert _cited(client, f"> {SAID}\n\n— {ILSE} [1]\n", sources) == [("1", "holds")]


def test_what_looks_like_an_id_and_is_none_is_unknown_and_other_numbers_are_no_citations(client: httpx2.Client) -> None:
    assert _cited(client, "So it is [00aa11bb22cc33dd].") == [("00aa11bb22cc33dd", "unknown")]
    assert _cited(client, "See /v1/passages/nothing and /episodes/none-123456#t4.") == [
        ("/v1/passages/nothing", "unknown"),
        ("/episodes/none-123456#t4", "unknown"),
    ]
    for text in ("It cost 1234567890123456 [in all].", "The commit 00aa11bb22cc33dd00aa11bb22cc33dd00aa11bb."):
        assert _cited(client, text) == []


def test_too_many_citations_are_refused_before_they_are_looked_up(client: httpx2.Client) -> None:
    answer = client.post("/v1/verify", json={"text": "It is so [1-400]. " * 10_000, "sources": ["a"] * 400})
    assert answer.status_code == 422
    assert "more than 500 citations" in answer.json()["detail"]


def test_sources_belong_to_a_text(client: httpx2.Client) -> None:
    answer = client.post("/v1/verify", json={"quotes": [{"text": "It is the nurse."}], "sources": ["a"]})
    assert answer.status_code == 422
    assert "sources belong to a text" in answer.json()["detail"]


def test_what_the_context_gives_can_be_cited_by_number_and_by_id(client: httpx2.Client) -> None:
    context = client.get("/v1/context", params={"query": "who pays when the machine is wrong?"}).json()
    sources = [source["id"] for source in context["sources"]]
    for number, id_ in enumerate(sources, 1):
        assert f"[{number}] id={id_}" in context["text"]
        passage = client.get(f"/v1/passages/{id_}").json()
        words = " ".join(passage["text"].split()[:12])
        text = f"{passage['speaker']['name']}: “{words}” [{number}] ({id_})"
        assert {status for _, status in _cited(client, text, sources)} == {"holds"}


def test_an_id_that_is_no_longer_in_use_is_followed_to_its_words_or_they_are_gone(
    onrecord: Onrecord, tmp_path: Path
) -> None:
    talks, index, draft = tmp_path / "talks", tmp_path / "index", tmp_path / "answer.md"
    talks.mkdir()
    words = "A rope tells you who laid it, and how tired they were on that afternoon in the ropewalk."
    write(talks / "ropes.md", markdown((LENA, "What does a rope tell you, when you hold it for long?"), (OMAR, words)))
    write(
        talks / "weirs.md",
        markdown((LENA, "What does a weir do, when the river is high?"), (OMAR, "It holds and waits.")),
    )

    def cited() -> tuple[int, str]:
        assert onrecord("index", talks, "--out", index).returncode == 0
        if not draft.exists():
            catalog = CatalogReader(current_generation(index).folder)
            [id_] = [stored.passage.id for stored in catalog.all_passages() if words in stored.passage.text]
            catalog.close()
            draft.write_text(f"{OMAR}: “{words}” [{id_}]\n", encoding="utf-8")
        done = onrecord("verify", draft, "--index", index, "--json")
        [citation] = json.loads(done.stdout)["citations"]
        return done.returncode, citation["status"]

    assert cited() == (0, "holds")
    (talks / "ropes.md").rename(talks / "cords.md")
    assert cited() == (0, "holds")
    (talks / "cords.md").unlink()
    assert cited() == (1, "gone")


@pytest.mark.parametrize("name", ["draft.docx", "draft.html", "draft.txt"])
def test_the_command_reads_files_of_every_format_whatever_their_name(
    name: str, onrecord: Onrecord, seeds_index: Path, tmp_path: Path
) -> None:
    word = tmp_path / name
    word.write_bytes(_word_file())
    done = onrecord("verify", word, "--index", seeds_index)
    assert done.returncode == 1, done.stderr
    assert "paragraph 1  verified" in done.stdout
    assert "paragraph 2  misattributed" in done.stdout
    word.write_text(PAGE, encoding="utf-8")
    done = onrecord("verify", word, "--index", seeds_index)
    assert "line 3  verified" in done.stdout
    assert "line 5  misattributed" in done.stdout
    assert done.stdout.endswith("3 quotations: 1 verified, 1 misattributed, 1 not_found\n")


def test_the_command_reads_a_word_file_from_standard_input(seeds_index: Path, offline: dict[str, str]) -> None:
    command: list[str | Path] = [COMMAND, "verify", "-", "--index", seeds_index, "--json"]
    done = subprocess.run(command, input=_word_file(), env=offline, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert _told(json.loads(done.stdout)) == EXPECTED


def test_the_command_ends_with_1_on_an_unknown_citation_and_on_a_broken_file(
    onrecord: Onrecord, seeds_index: Path, tmp_path: Path, cited: dict[str, Any]
) -> None:
    draft = tmp_path / "answer.md"
    draft.write_text(f"{ILSE}: “{SAID}” [1]\n", encoding="utf-8")
    done = onrecord("verify", draft, "--index", seeds_index, "--source", cited["id"])
    assert done.returncode == 0, done.stderr
    assert "line 1  holds" in done.stdout
    assert "1 citation: 1 holds" in done.stdout
    done = onrecord("verify", draft, "--index", seeds_index, "--source", "00aa11bb22cc33dd")
    assert done.returncode == 1
    assert "line 1  unknown\n   [1] is no passage of this archive" in done.stdout
    draft.write_bytes(b"PK\x03\x04" + os.urandom(200))
    done = onrecord("verify", draft, "--index", seeds_index)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {draft}: cannot be read: a zip archive that is no Word document." in done.stderr
