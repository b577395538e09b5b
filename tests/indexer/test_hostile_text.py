"""Texts that backtracking patterns take for ever on: a transcript, or one of our own errors, comes out at once."""

from __future__ import annotations

import pytest

from indexer.episodes import understand
from indexer.errors import TranscriptError
from indexer.parsers import parse_transcript
from indexer.segments import with_kinds

PIECES = (
    " ",
    "\n",
    "A. ",
    "a-",
    "[00:",
    "(",
    "**Ann",
    "<v ",
    "1.",
    "Ann: a. ",
    "&#",
    '{"a":',
    "00:00:01 ",
    "<!--",
    ',"a',
)
CALLED = (
    "Ann Lee: hello there.\n\nBob Ray: ",
    "WEBVTT\n\n00:00:01.000 --> 00:00:05.000\n<v Ann Lee>",
    "<html><body><p>Ann Lee: ",
)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("before", CALLED, ids=("labelled", "captions", "page"))
def test_a_piece_repeated_ten_thousand_times_is_read_or_refused(before: str, piece: str) -> None:
    text = f"{before}{piece * 10_000}\n\nAnn Lee: And what did you say?\n\nBob Ray: Nothing that I would repeat.\n"
    try:
        name, transcript = parse_transcript(text.encode())
        episode = with_kinds(understand(transcript, source="talk.txt", format_name=name))
    except TranscriptError:
        return
    assert episode.turns
