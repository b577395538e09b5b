"""Whatever is said, in every format: each word is in exactly one turn, in order, under the right name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import groupby
from typing import Protocol, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indexer.making import episode_of

Talk = list[tuple[str, list[list[str]]]]
"""Turns: a name, and paragraphs of words."""

T = TypeVar("T")


class Draw(Protocol):
    def __call__(self, strategy: st.SearchStrategy[T], /) -> T: ...


NAMES = (
    "Ana de Souza",
    "Zoë O’Brien",
    "Łukasz Wróbel-Nowak",
    "Ægir Þórsson",
    "Dr. Mei-Ling Wu",
    "李 小龍",
    "SPEAKER_7",
)
CURIOUS_WORDS = (
    "thing: [inaudible] [laughs] 08:15 & R&D AT&T &amp; &#39;tis copy&section <b> </v> --> snake_case __init__ *stars* "
    "**bold** `code` [x](y) \\[z\\] # > - 1. ... … — “quoted” l’été naïve 日本語。 ¿qué? 𝔘n 🎙️ e\u0301 ﬁn (host) "
    "3.5% C++ $5 ~2 a|b {x} x_{2} http://example.org/a_(b)?c=d&e=f I’m Dr. U.S. it's".split()
)
LETTERS = st.characters(categories=("L", "M", "N", "P", "S"), exclude_characters=":：")
words = st.one_of(
    st.sampled_from("well the grid was never built for it and nobody asked why so we did".split()),
    st.sampled_from(CURIOUS_WORDS),
    st.text(LETTERS, min_size=1, max_size=8),
)
paragraphs = st.lists(words, max_size=12).map(lambda found: ["and", *found, "so."])


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """Two or three people, at least four turns, so that somebody speaks twice."""
    people = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=3, unique=True))
    count = draw(st.integers(4, 9))
    order = [people[0], people[1], *draw(st.lists(st.sampled_from(people), min_size=count, max_size=count))]
    speaking = [name for name, _ in groupby(order)]
    while len(speaking) < 4:
        speaking.append(people[0] if speaking[-1] != people[0] else people[1])
    return [(name, draw(st.lists(paragraphs, min_size=1, max_size=3))) for name in speaking]


def render_page_sections(talk: Talk, draw: Draw) -> str:
    between = draw(st.sampled_from(["\n", "\n\n"]))
    inner = draw(st.sampled_from(["\n", "\n\n"])) if between == "\n\n" else "\n"
    turns = (f"{name}:\n" + inner.join(map(" ".join, said)) for name, said in talk)
    preface = draw(st.sampled_from(["", "Skip to main content\n\nA Title\n\nWords about it.\n\nTranscript\n\n"]))
    return preface + between.join(turns) + "\n"


def render_page_times(talk: Talk, draw: Draw) -> str:
    after = draw(st.sampled_from(["", "\n\nRelated Listening\n\nBuy a boat.\n"]))
    dash = draw(st.sampled_from("-–—"))
    return (
        "\n\n".join(
            f"{name} {dash} 00:{number:02}:07\n\n" + "\n\n".join(map(" ".join, said))
            for number, (name, said) in enumerate(talk)
        )
        + after
    )


def render_markdown(talk: Talk, draw: Draw) -> str:
    colon = draw(st.sampled_from(["**{}:** ", "**{}**: "]))
    stamp = draw(st.sampled_from(["", "\\[08:15\\]", "[1:02:03.5]"]))

    def paragraph(said: list[str]) -> str:
        escaped = [re.sub(r"([\\`*_{}\[\]()#+\-.!<>~|$])", r"\\\1", word.replace("&", "&amp;")) for word in said]
        place = draw(st.sampled_from([n for n, word in enumerate([*said[1:], "end"], 1) if word[0].isalnum()]))
        return " ".join(word for word in [*escaped[:place], stamp, *escaped[place:]] if word)

    return "\n\n".join(colon.format(name) + "\n\n".join(map(paragraph, said)) for name, said in talk)


def caption_cues(talk: Talk, draw: Draw) -> list[tuple[str, bool, list[str]]]:
    """(name, first of its turn, words) of each cue; captions cut turns anywhere."""
    cues = []
    for name, said in talk:
        flat = [word for paragraph in said for word in paragraph]
        size = draw(st.integers(2, 9))
        cues += [(name, start == 0, flat[start : start + size]) for start in range(0, len(flat), size)]
    return cues


def caption_text(said: list[str], draw: Draw) -> str:
    escaped = [word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for word in said]
    return draw(st.sampled_from([" ", "\n"])).join(escaped)


def render_webvtt(talk: Talk, draw: Draw) -> str:
    closing = draw(st.sampled_from(["", "</v>"]))
    clock = draw(st.sampled_from(["00:00:{:02}.000", "00:{:02}.000", "{}.5", "{}"]))
    always = draw(st.booleans())
    blocks = ["WEBVTT", "STYLE\n::cue { color: red }", "NOTE not\nspoken"]
    for number, (name, first, said) in enumerate(caption_cues(talk, draw)):
        voice, end = (f"<v {name}>", closing) if first or always else ("", "")
        times = f"{clock.format(number % 50)} --> {clock.format(number % 50 + 2)} align:start"
        blocks.append(f"{number}\n{times}\n{voice}{caption_text(said, draw)}{end}")
    return "\n\n".join(blocks) + "\n"


def render_srt(talk: Talk, draw: Draw) -> str:
    always = draw(st.booleans())
    blocks = []
    for number, (name, first, said) in enumerate(caption_cues(talk, draw), 1):
        label = f"{name}: " if first or always else ""
        times = f"00:00:{number % 60:02},000 --> 00:00:{number % 60:02},900"
        blocks.append(f"{number}\n{times}\n{label}{caption_text(said, draw)}\n")
    return "\n".join(blocks)


def render_podcast_json(talk: Talk, draw: Draw) -> str:
    segments = []
    for number, (name, first, said) in enumerate(caption_cues(talk, draw)):
        segment: dict[str, object] = {"startTime": number / 4, "endTime": number / 4 + 1, "body": " ".join(said)}
        if first or draw(st.booleans()):
            segment["speaker"] = name
        segments.append(segment)
    return json.dumps({"version": "1.0.0", "segments": segments}, ensure_ascii=draw(st.booleans()))


RENDERERS: dict[str, Callable[[Talk, Draw], str]] = {
    "page-sections": render_page_sections,
    "page-times": render_page_times,
    "markdown": render_markdown,
    "webvtt": render_webvtt,
    "srt": render_srt,
    "podcast-json": render_podcast_json,
}


@pytest.mark.parametrize("name", RENDERERS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_spoken_word_is_in_one_turn_in_order_under_its_speaker(name: str, data: st.DataObject) -> None:
    talk = data.draw(talks())
    text = RENDERERS[name](talk, data.draw)
    said = [(speaker, [word for part in parts for word in part]) for speaker, parts in talk]
    episode = episode_of(text)
    assert episode.format == name
    assert [(turn.speaker, turn.text.split()) for turn in episode.turns] == said
    assert {speaker.name for speaker in episode.speakers} == {speaker for speaker, _ in talk}
    assert [episode.text[o : o + len(t.text)] for o, t in zip(episode.turn_offsets, episode.turns, strict=True)] == [
        turn.text for turn in episode.turns
    ]
