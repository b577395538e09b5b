"""One conversation, exported by several tools, is the same turns: who says what, word for word, and when."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable
from itertools import groupby

import pytest

from tests.indexer.making import LENA, OMAR, episode_of

# (start, end, who, words): captions cut a turn anywhere.
CUES = (
    (0.0, 3.5, LENA, "So here's the thing: the ferry is late"),
    (3.5, 5.25, LENA, "every day. Why is that?"),
    (6.0, 9.5, OMAR, "Sand & silt. It's the harbour, not the ferry:"),
    (9.5, 12.0, OMAR, "nobody dredged it at 6:30,"),
    (12.0, 14.75, OMAR, "as the plan said."),
    (15.0, 16.0, LENA, "Nobody?"),
    (16.5, 21.0, OMAR, "Nobody at all. Two boats were sold in 1998, and the third"),
    (21.0, 24.0, OMAR, "is a museum."),
    (25.0, 28.5, LENA, "What would you buy first?"),
    (29.0, 33.0, OMAR, "A chart. Then a boat."),
)
TURNS = [(who, list(said)) for who, said in groupby(CUES, key=lambda cue: cue[2])]


def text_of(said: list[tuple[float, float, str, str]]) -> str:
    return " ".join(words for *_, words in said)


def clock(seconds: float, comma: str = ".") -> str:
    return f"00:{int(seconds) // 60:02}:{int(seconds) % 60:02}{comma}{round(seconds % 1 * 1000):03}"


def srt() -> str:
    blocks, before = [], ""
    for number, (start, end, who, words) in enumerate(CUES, 1):
        label = f"{who}: " if who != before else ""
        blocks.append(f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{label}{words}\n")
        before = who
    return "\n".join(blocks)


def webvtt() -> str:
    blocks = [f"{clock(start)} --> {clock(end)}\n<v {who}>{html.escape(words)}" for start, end, who, words in CUES]
    return "\n\n".join(["WEBVTT", *blocks])


def podcast_json() -> str:
    segments = [{"speaker": who, "startTime": start, "endTime": end, "body": words} for start, end, who, words in CUES]
    return json.dumps({"version": "1.0.0", "segments": segments})


def whisperx() -> str:
    segments = [{"start": start, "end": end, "text": f" {words}", "speaker": who} for start, end, who, words in CUES]
    return json.dumps({"segments": segments, "language": "en"})


def table() -> str:
    out = io.StringIO()
    csv.writer(out).writerows([("start", "end", "speaker", "text"), *CUES])
    return out.getvalue()


def podcast_html() -> str:
    return "\n".join(f"<cite>{who}:</cite>\n<p>{html.escape(text_of(said))}</p>" for who, said in TURNS)


def markdown() -> str:
    return "\n\n".join(f"**{who}:** {text_of(said)}" for who, said in TURNS)


def labelled() -> str:
    return "\n\n".join(f"{who}: {text_of(said)}" for who, said in TURNS)


def page() -> str:
    return "\n\n".join(f"{who}:\n{text_of(said)}" for who, said in TURNS)


TIMED: dict[str, Callable[[], str]] = {
    "srt": srt,
    "webvtt": webvtt,
    "podcast-json": podcast_json,
    "whisper": whisperx,
    "csv": table,
}
UNTIMED: dict[str, Callable[[], str]] = {
    "podcast-html": podcast_html,
    "markdown": markdown,
    "labelled-text": labelled,
    "page-sections": page,
}


@pytest.mark.parametrize("name", [*TIMED, *UNTIMED])
def test_every_format_gives_the_same_turns(name: str) -> None:
    episode = episode_of((TIMED | UNTIMED)[name]())
    assert episode.format == name
    assert [(turn.speaker, turn.text) for turn in episode.turns] == [(who, text_of(said)) for who, said in TURNS]
    if name in TIMED:
        times = [(turn.start_s, turn.end_s) for turn in episode.turns]
        assert times == [(said[0][0], said[-1][1]) for _, said in TURNS]
