"""Any bytes at all: an episode or a TranscriptError, and never text that UTF-8 cannot hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.episodes import understand
from indexer.errors import TranscriptError
from indexer.parsers import FORMATS, parse_transcript
from indexer.reading import decode
from service.episode_view import episode_json

FRAGMENTS = (
    "WEBVTT|NOTE|STYLE|00:00:01.000 --> 00:00:02.000|00:00:03,000 --> 1:00|1 --> 2|-->|<v Lena Ortiz>|</v>|<v >|"
    "<v.x y>|Lena:|Lena Ortiz:|LENA:|(host):|Lena (host):|**Lena:**|**Lena Ortiz**:|**:**|## |# Title|---|...|***|"
    "Lena Ortiz - 00:01:17|Omar – 75:03|Transcript|Related Listening|Intro|title: x|date: 2024-01-01|date: no|- a|[|{|"
    "\"|'|: |!!int x|&a *a|\\[08:15\\]|[99:99]|[inaudible 00:01:53]|&#0;|&#xD800;|&amp;|\ufeff|\u2028|\x85|\x0b|\x1c|"
    "Words that somebody says.|So here's the thing: no|With Lena Ortiz|Try it free today.|1|2017|\t|  "
).split("|")
soup = st.lists(st.sampled_from(["\n", "\n\n", " ", *FRAGMENTS]) | st.text(max_size=6), max_size=40).map("".join)
opened = st.tuples(
    st.sampled_from(["WEBVTT\n\n", "1\n00:00:01,000 --> 00:00:02,000\n", "---\n", "**Lena:** a\n\n**Omar:** b\n", ""]),
    soup,
).map("".join)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["Lena", "(host)", "\ud83d", "a\0b", "0:01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
keys = st.sampled_from(["speaker", "startTime", "endTime", "body", "segments", "text", "start", "end", "words"])
segments = st.lists(st.dictionaries(keys, values, max_size=5) | values, max_size=5)
containers = st.fixed_dictionaries({"segments": segments | values}, optional={"version": values, "body": values})
jsons = (containers | values).map(json.dumps)


def read(data: bytes, force: str | None = None) -> None:
    """Reads as the indexer does; only a refusal may be raised."""
    try:
        name, transcript = parse_transcript(data, force=force)
        episode = understand(transcript, source="a.md", format_name=name)
    except TranscriptError as error:
        assert error.reason
        assert error.remedy
        str(error).encode()
        return
    shown = json.dumps(episode_json(episode), ensure_ascii=False)
    shown.encode()
    assert "\0" not in episode.text
    assert episode.turns
    assert all(turn.text == turn.text.strip() != "" for turn in episode.turns)
    assert all(speaker.name for speaker in episode.speakers)
    assert all(0 <= mark.char <= len(turn.text) for turn in episode.turns for mark in turn.marks)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-16")))
def test_bytes_are_text_or_a_refusal(data: bytes) -> None:
    try:
        text = decode(data)
    except TranscriptError as error:
        assert error.reason
        assert error.remedy
        return
    text.encode()
    assert text.strip()
    assert "\0" not in text
    assert "\r" not in text


@settings(max_examples=150, deadline=None)
@given(opened)
def test_any_text_is_an_episode_or_a_refusal(text: str) -> None:
    read(text.encode("utf-8", "replace"))


@settings(max_examples=100, deadline=None)
@given(jsons)
def test_any_json_is_an_episode_or_a_refusal(text: str) -> None:
    read(text.encode())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([row.name for row in FORMATS]), opened | jsons)
def test_any_text_forced_into_any_format_is_an_episode_or_a_refusal(name: str, text: str) -> None:
    read(text.encode("utf-8", "replace"), force=name)


@pytest.mark.parametrize("text", ["[" * 50_000, '{"a":' * 50_000, "---\na: " + "[" * 1_500 + "\n---\n**Lena:** Hi.\n"])
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(TranscriptError):
        parse_transcript(text.encode())
