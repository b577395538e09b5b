"""WebVTT: cues with voice tags, open or closed, or `Name:` in front, or no names at all.

    WEBVTT
    Kind: captions
    Language: en

    NOTE corrected by hand

    7b1f…-c0de/12-0
    00:00:01.000 --> 00:00:04.000 align:start position:10%
    <v Lena Ortiz>What made you change your mind?</v>

    00:04.250 --> 00:05.000
    <v.loud Omar Haddad>The ice. <00:04.500>It came early.

The header, NOTE, STYLE and REGION blocks, cue ids and cue settings are not speech. A line of blanks does not end a cue
(YouTube writes them inside); an empty one does, but a block without times right below a cue is the rest of its words.
Where segments of a stream are joined, the cues that stand in two of them are read once, and all on one clock.
"""

from __future__ import annotations

import re

from indexer.clock import seconds
from indexer.cues import Cue, read_cues, read_timing, regions
from indexer.rolling import unroll
from indexer.types import SHOWN_AGAIN, Dropped, Transcript

_HEADER = re.compile(r"[\ufeff\s]{0,20}WEBVTT(?=\s|\Z)")
_NOT_SPEECH = re.compile(r"(?:NOTE|STYLE|REGION|WEBVTT)(?=\s|\Z)|X-TIMESTAMP-MAP=")
_LANGUAGE = re.compile(r"^(?:NOTE\s{1,9})?language:\s{0,9}([a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3})\b", re.IGNORECASE | re.M)
_STREAM_CLOCK = re.compile(r"X-TIMESTAMP-MAP=(?=.{0,60}?MPEGTS:(\d{1,12}))(?=.{0,60}?LOCAL:([\d:.]{1,20}))")
_NOTES = ("NOTE", "STYLE", "REGION")
_STREAM_HZ = 90_000
_EXAMPLE = "00:00:01.000 --> 00:00:04.000"


def recognises(text: str) -> bool:
    return _HEADER.match(text) is not None


def parse(text: str) -> Transcript:
    lines = text.lstrip("\ufeff").split("\n")
    cues: list[Cue] = []
    notes: list[Dropped] = []
    stream_starts: list[float] = []
    for region in regions(lines, ids=True):
        words_end = region.start
        if region.timing is not None:
            start_s, end_s = read_timing(lines[region.timing], region.timing + 1, _EXAMPLE)
            words_end = _end_of_words(lines, region.start, region.end)
            shift_s = stream_starts[-1] - stream_starts[0] if stream_starts else 0.0
            words = tuple(lines[region.start : words_end])
            cues.append(Cue(start_s + shift_s, end_s + shift_s, words, region.timing + 1))
        found = _blocks(lines, words_end, region.end)
        notes += found
        stream_starts += (start for note in found for start in _stream_starts(note.text))
    segments = sum(note.text.startswith("WEBVTT") for note in notes)
    once, joined = _once_each(cues) if segments > 1 else (cues, [])
    unrolled, rolled = unroll(once)
    said, dropped = read_cues(unrolled)
    return Transcript(
        utterances=tuple(said),
        language=next((match[1] for note in notes if (match := _LANGUAGE.search(note.text))), None),
        dropped=tuple(sorted([*notes, *joined, *rolled, *dropped], key=lambda entry: entry.line)),
    )


def _end_of_words(lines: list[str], start: int, end: int) -> int:
    """Where a cue's words end: at a block that is no speech, below a blank line."""
    below_blank = False
    for index in range(start, end):
        if below_blank and _NOT_SPEECH.match(lines[index]):
            return index
        below_blank = not lines[index].strip()
    return end


def _blocks(lines: list[str], start: int, end: int) -> list[Dropped]:
    """The runs of lines between blank ones: headers and notes."""
    blocks: list[list[int]] = [[]]
    for index in range(start, end):
        if lines[index].strip():
            blocks[-1].append(index)
        elif blocks[-1]:
            blocks.append([])
    return [
        Dropped(
            "caption note" if lines[block[0]].startswith(_NOTES) else "caption header",
            block[0] + 1,
            "\n".join(lines[index] for index in block),
        )
        for block in blocks
        if block
    ]


def _once_each(cues: list[Cue]) -> tuple[list[Cue], list[Dropped]]:
    """The cues of joined segments without those that a segment repeats from the one before."""
    once: list[Cue] = []
    repeated: list[Dropped] = []
    before: tuple[float, float, list[str]] | None = None
    for cue in cues:
        shown = cue.start_s, cue.end_s, [line for line in cue.lines if line.strip()]
        if shown == before:
            repeated.append(Dropped(SHOWN_AGAIN, cue.line, " ".join(shown[2])))
        else:
            once.append(cue)
        before = shown
    return once, repeated


def _stream_starts(note: str) -> list[float]:
    """When, by the clock of the stream, the cues of a joined segment count from, in seconds."""
    match = _STREAM_CLOCK.search(note)
    try:
        return [int(match[1]) / _STREAM_HZ - seconds(match[2])] if match else []
    except ValueError:
        return []
