"""Cues of a caption file to utterances: what WebVTT and SubRip share."""

from __future__ import annotations

import html
import re

from indexer.clock import seconds
from indexer.errors import TranscriptError
from indexer.labels import split_label
from indexer.markup import spaces
from indexer.types import Dropped, TimeMark, Utterance

_STAMP = r"\d{1,6}(?::\d{1,3}){0,2}(?:[.,]\d{1,6})?"
TIMING = re.compile(rf"^\s*({_STAMP})\s*-->\s*({_STAMP})(?:\s+(.*))?$")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>\n]{1,200})>")
_TAG = re.compile(r"</?[a-zA-Z][^>\n]{0,200}>|<\d[\d:.]{0,20}>|\{\\[^}\n]{1,50}\}")


def read_cue(timing: re.Match[str], lines: list[str], line: int) -> tuple[list[Utterance], list[Dropped]]:
    """What is said in one cue, one utterance a voice. `line` is the timing's line number.

    Raises:
        TranscriptError: a timestamp cannot be read.
    """
    try:
        start_s, end_s = seconds(timing.group(1)), seconds(timing.group(2))
    except ValueError as error:
        raise TranscriptError(f"{error}.", line=line, remedy="Write times as HH:MM:SS.mmm.") from error
    raw = " ".join(lines)
    found: list[Utterance] = []
    for label, words in _voices(raw):
        text = spaces(html.unescape(_TAG.sub("", words)))
        if not text:
            continue
        marks = (TimeMark(0, start_s),) if not found else ()
        found.append(Utterance(label, text, line + 1, marks=marks, end_s=end_s, starts_paragraph=False))
    return found, [] if found else [Dropped("empty cue", line, raw)]


def continue_speakers(utterances: list[Utterance]) -> list[Utterance]:
    """A cue without a name goes on in the voice of the cue before it."""
    current: str | None = None
    named = []
    for utterance in utterances:
        current = utterance.label or current
        named.append(
            Utterance(
                current,
                utterance.text,
                utterance.line,
                utterance.marks,
                utterance.end_s,
                utterance.section,
                utterance.starts_paragraph,
            )
        )
    return named


def _voices(raw: str) -> list[tuple[str | None, str]]:
    pieces = _VOICE.split(raw)
    voices: list[tuple[str | None, str]] = []
    if pieces[0].strip():
        voices.append(split_label(_TAG.sub("", pieces[0]).strip()))
    voices += [(spaces(html.unescape(name)), words) for name, words in zip(pieces[1::2], pieces[2::2], strict=True)]
    return voices or [(None, "")]
