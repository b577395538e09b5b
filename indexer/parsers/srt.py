"""SubRip: numbered cues with `Name:` in front where the speaker changes, or no names at all."""

from __future__ import annotations

import re

from indexer.cues import TIMING, continue_speakers, read_cue
from indexer.errors import TranscriptError
from indexer.types import Dropped, Transcript, Utterance

_FIRST_CUE = re.compile(r"\s*(?:\d+[ \t]*\n)?[ \t]*\d{1,3}:\d{1,2}:\d{1,2}[,.]\d{1,3}[ \t]*-->")


def recognises(text: str) -> bool:
    return _FIRST_CUE.match(text.lstrip("\ufeff")) is not None


def parse(text: str) -> Transcript:
    lines = text.lstrip("\ufeff").split("\n")
    timed = [i for i, line in enumerate(lines) if "-->" in line]
    utterances: list[Utterance] = []
    dropped: list[Dropped] = []
    for position, index in enumerate(timed):
        timing = TIMING.match(lines[index])
        if timing is None:
            raise TranscriptError(
                f"expected a cue's times, found {lines[index]!r}.",
                line=index + 1,
                remedy="Write them as `00:00:01,000 --> 00:00:04,000`.",
            )
        following = timed[position + 1] if position + 1 < len(timed) else None
        said, empty = read_cue(timing, _words(lines, index + 1, following), index + 1)
        utterances += said
        dropped += empty
    return Transcript(utterances=tuple(continue_speakers(utterances)), dropped=tuple(dropped))


def _words(lines: list[str], start: int, next_timing: int | None) -> list[str]:
    """A cue's lines: up to the next cue, less that cue's number."""
    end = len(lines) if next_timing is None else next_timing
    if next_timing is not None and end > start and lines[end - 1].strip().isdigit():
        end -= 1
    return [line for line in lines[start:end] if line.strip()]
