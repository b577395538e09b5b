"""What a user reads when a file is no transcript: what was found, where, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import TranscriptError
from indexer.files import SourceFile
from indexer.gather import read_episode
from indexer.metadata import sidecar_of
from indexer.parsers import FORMATS
from tests.indexer.making import OTHERWISE

TEXTS, JSONS = (", ".join(row.name for row in FORMATS if row.reads == reads) for reads in ("text", "json"))
NO_WORDS = (
    "no words were found. Check that the file holds the transcript's text, or force another format with --format."
)
PLAIN = "Give the transcript as text, Markdown, captions, JSON, CSV, HTML, Word or PDF."
SEGMENTS = 'expected {"segments": [{"speaker": "…", "startTime": 0.0, "endTime": 1.0, "body": "…"}]}.'
YAML = "Write `key: value` lines, and quote a value that holds a colon."
TURNS = "\n**Lena:** Good morning.\n\n**Omar:** Good morning.\n"
CUE = "00:00:01,000 --> 00:00:02,000\nLena: Good morning.\n"

REFUSALS = {
    "an empty file": (
        b"",
        "the file is empty. Export the transcript again, or remove the file.",
    ),
    "blank lines alone": (
        b" \n\t\r\n",
        "the file is empty. Export the transcript again, or remove the file.",
    ),
    "a byte order mark alone": (
        b"\xff\xfe",
        "the file is empty. Export the transcript again, or remove the file.",
    ),
    "a recording": (
        b"ID3\x04\x00\x00\x01\xff\xfb\x90\x64",
        f"the file is a recording, not text. {PLAIN}",
    ),
    "a picture": (
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        f"the file is a picture, not text. {PLAIN}",
    ),
    "a spreadsheet": (
        b"PK\x03\x04\x14\x00xl/workbook.xml",
        f"the file is a document of another kind, not text. {PLAIN}",
    ),
    "a zero in UTF-16 text": (
        "\ufeffWEBVTT\n\n00:01.000 --> 00:02.000\nHi\0there\n".encode("utf-16-le"),
        f"the file is binary, not text. {PLAIN}",
    ),
    "Latin-1 text": (
        "**Lena:** Fine.\n\n**Omar:** A café.\n".encode("latin-1"),
        "line 3: byte 0xe9 is not valid UTF-8. Save the file as UTF-8.",
    ),
    "bad UTF-8 after a byte order mark": (
        b"\xef\xbb\xbfone\ntwo\nthr\xe9e\n",
        "line 3: byte 0xe9 is not valid UTF-8. Save the file as UTF-8.",
    ),
    "half a character of UTF-16": (
        b"\xff\xfea\x00\n\x00b",
        "line 2: byte 0x62 is not valid UTF-16. Save the file as UTF-8.",
    ),
    "prose": (
        b"A shopping list.\n\nMilk: two.\n",
        "no transcript: no speaker labels and no cues were found. "
        f"Expected `Name: text`, captions or the like; force a format with --format: {TEXTS}.",
    ),
    "JSON of another kind": (
        b'{"utterances": []}',
        "no transcript: this JSON is of no known shape. "
        f"Export it as text or captions, or force one with --format: {JSONS}.",
    ),
    "broken JSON": (
        b'{"segments": [\n{"speaker": "Lena", "body": "Hi"},\n{"speaker": "Omar" "body": "Hi"}\n]}',
        "line 3: taken for JSON, which is broken: Expecting ',' delimiter. Export the transcript again.",
    ),
    "JSON cut off": (
        b'{"segments": [\n{"speaker": "Lena", "body": "Hi',
        "line 2: taken for JSON, which is broken: Unterminated string starting at. Export the transcript again.",
    ),
    "JSON with a number of 5,000 digits": (
        b'{"segments": [{"body": "Hi", "startTime": ' + b"1" * 5000 + b"}]}",
        "taken for JSON, which is broken: a number is too long. Export the transcript again.",
    ),
    "JSON nested a hundred thousand deep": (
        b'{"segments": [{"body": ' + b"[" * 100_000,
        "taken for JSON: it is nested too deeply. Export the transcript again.",
    ),
    "a segment that is no object": (
        b'{"segments": [{"body": "Hi"}, "there"]}',
        f"taken for podcast-json: segment 2 is not an object with a `body`. {SEGMENTS}",
    ),
    "a segment whose time is text": (
        b'{"segments": [{"body": "Hi", "startTime": "0:01"}]}',
        f"taken for podcast-json: segment 1: `startTime` is '0:01', not a number of seconds. {SEGMENTS}",
    ),
    "a segment whose time is no number": (
        b'{"segments": [{"body": "Hi", "startTime": NaN}]}',
        f"taken for podcast-json: segment 1: `startTime` is nan, not a number of seconds. {SEGMENTS}",
    ),
    "JSON without words": (
        b'{"segments": [{"speaker": "Lena", "body": " "}]}',
        f"taken for podcast-json: {NO_WORDS}",
    ),
    "a broken WebVTT cue time": (
        b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHi\n\nid-2\n00:00:0x.000 --> 00:00:04.000\nHo\n",
        "line 7: taken for webvtt: expected a cue's times, found '00:00:0x.000 --> 00:00:04.000'. "
        "Write them as `00:00:01.000 --> 00:00:04.000`.",
    ),
    "an arrow of another kind": (
        b"WEBVTT\n\n00:01.000 -> 00:02.000\nHi\n",
        "line 3: taken for webvtt: expected a cue's times, found '00:01.000 -> 00:02.000'. "
        "Write them as `00:00:01.000 --> 00:00:04.000`.",
    ),
    "a list of JSON cut off": (
        b'[\n {"speaker": "Lena", "text": "Hi"},\n {"speaker": "Om',
        "line 3: taken for JSON, which is broken: Unterminated string starting at. Export the transcript again.",
    ),
    "a WebVTT clock out of range": (
        b"WEBVTT\n\n99999:00:01.000 --> 00:00:02.000\nHi\n",
        "line 3: taken for webvtt: '99999:00:01.000' is no timestamp. Write times as HH:MM:SS.mmm.",
    ),
    "WebVTT without words": (
        b"WEBVTT\n\nNOTE to do\n\n00:00:01.000 --> 00:00:02.000\n\n",
        f"taken for webvtt: {NO_WORDS}",
    ),
    "a broken SubRip cue time": (
        f"1\n{CUE}\n2\n00:00:03,000 --> soon\nOmar: Hi.\n".encode(),
        "line 6: taken for srt: expected a cue's times, found '00:00:03,000 --> soon'. "
        "Write them as `00:00:01,000 --> 00:00:04,000`.",
    ),
    "front matter that is no YAML": (
        f"---\ntitle: Left Shoes\nshow: [unclosed\n---\n{TURNS}".encode(),
        f"line 3: the metadata is no valid YAML: expected ',' or ']', but got '<stream end>'. {YAML}",
    ),
    "front matter with an unquoted colon": (
        f"---\nshow: Slack Tide\ntitle: Lena: the left shoe\n---\n{TURNS}".encode(),
        f"line 3: the metadata is no valid YAML: mapping values are not allowed here. {YAML}",
    ),
    "front matter that is a list": (
        f"---\n- one\n- two\n---\n{TURNS}".encode(),
        f"line 2: the metadata is not a list of keys and values. {YAML}",
    ),
    "a date that is none": (
        f"---\ndate: last spring\n---\n{TURNS}".encode(),
        "taken for markdown: `date` is 'last spring', not a day. Write it as YYYY-MM-DD, or leave it out.",
    ),
    "the 45th of the 13th month": (
        f"---\ndate: 2024-13-45\n---\n{TURNS}".encode(),
        "taken for markdown: `date` is '2024-13-45', not a day. Write it as YYYY-MM-DD, or leave it out.",
    ),
    "speakers that are no names": (
        f"---\nspeakers: [[Lena]]\n---\n{TURNS}".encode(),
        "taken for markdown: `speakers` holds ['Lena'], not a name. List names, or `{name: …, role: host}`.",
    ),
}

SIDECARS = {
    "a sidecar that is no YAML": (
        b'title: "Left\nshow: x\n',
        f"line 3: talk.meta.yaml: the metadata is no valid YAML: found unexpected end of stream. {YAML}",
    ),
    "a sidecar that is a list": (
        b"- one\n",
        f"line 1: talk.meta.yaml: the metadata is not a list of keys and values. {YAML}",
    ),
    "a sidecar in Latin-1": (
        "title: Café\n".encode("latin-1"),
        "line 1: talk.meta.yaml: byte 0xe9 is not valid UTF-8. Save the file as UTF-8.",
    ),
    "an empty sidecar": (
        b"",
        "talk.meta.yaml: the file is empty. Export the transcript again, or remove the file.",
    ),
    "a sidecar with a bad date": (
        b"date: 2024-02-30\n",
        "talk.meta.yaml: `date` is '2024-02-30', not a day. Write it as YYYY-MM-DD, or leave it out.",
    ),
    "a sidecar whose host is a number of things": (
        b"hosts: {age: 40}\n",
        "talk.meta.yaml: `hosts` holds {'age': '40'}, not a name. List names, or `{name: …, role: host}`.",
    ),
}


def told(message: str) -> str:
    """The whole message: where a format was guessed, it says besides how to force another."""
    guessed = "taken for " in message and "--format" not in message
    return f"{message} {OTHERWISE}" if guessed else message


@pytest.mark.parametrize("name", REFUSALS)
def test_a_bad_file_is_refused_saying_what_was_found_and_the_remedy(name: str, tmp_path: Path) -> None:
    content, message = REFUSALS[name]
    path = tmp_path / "talk.txt"
    path.write_bytes(content)
    with pytest.raises(TranscriptError) as refusal:
        read_episode(SourceFile(path, path.name, None))
    assert str(refusal.value) == told(message)


@pytest.mark.parametrize("name", SIDECARS)
def test_a_bad_sidecar_is_refused_naming_it(name: str, tmp_path: Path) -> None:
    content, message = SIDECARS[name]
    path = tmp_path / "talk.srt"
    path.write_text(CUE, encoding="utf-8")
    path.with_name("talk.meta.yaml").write_bytes(content)
    with pytest.raises(TranscriptError) as refusal:
        read_episode(SourceFile(path, path.name, sidecar_of(path)))
    assert str(refusal.value) == message


def test_a_file_that_vanished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError) as refusal:
        read_episode(SourceFile(tmp_path / "gone.md", "gone.md", None))
    assert str(refusal.value) == (
        "cannot be read (No such file or directory). "
        "It was there when the run began: run this again when nothing moves it."
    )


def test_a_sidecar_that_vanished_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "talk.srt"
    path.write_text(CUE, encoding="utf-8")
    with pytest.raises(TranscriptError) as refusal:
        read_episode(SourceFile(path, path.name, tmp_path / "talk.meta.yaml"))
    assert str(refusal.value) == "talk.meta.yaml: cannot be read (No such file or directory). Check its permissions."


FORCED = {
    "page-times": "taken for page-times: no speaker label: expected lines such as `Lena Ortiz - 00:01:17`. "
    "Name the speakers in the file.",
    "page-sections": "taken for page-sections: no speaker label: expected lines such as `Lena Ortiz:`. "
    "Name the speakers in the file.",
    "podcast-json": "this is no JSON. Choose another --format.",
    "srt": f"taken for srt: {NO_WORDS}",
    "webvtt": f"taken for webvtt: {NO_WORDS}",
    "markdown": f"taken for markdown: {NO_WORDS}",
    "papyrus": f"there is no format 'papyrus'. Choose one of {', '.join(row.name for row in FORMATS)}.",
}


@pytest.mark.parametrize("name", FORCED)
def test_a_format_forced_upon_prose_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("Only prose here.\n", encoding="utf-8")
    with pytest.raises(TranscriptError) as refusal:
        read_episode(SourceFile(path, path.name, None), force=name)
    assert str(refusal.value) == FORCED[name]
