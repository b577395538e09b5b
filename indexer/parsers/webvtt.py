"""WebVTT: cues with voice tags, open or closed, or `Name:` in front, or no names at all.

NOTE, STYLE and REGION blocks, cue ids and cue settings are not speech. A cue without a voice goes on in the
last one.
"""

from __future__ import annotations

from indexer.cues import TIMING, continue_speakers, read_cue
from indexer.errors import TranscriptError
from indexer.types import Dropped, Transcript, Utterance

_NOT_SPEECH = ("NOTE", "STYLE", "REGION")


def recognises(text: str) -> bool:
    return text.lstrip("\ufeff \n").startswith("WEBVTT")


def parse(text: str) -> Transcript:
    utterances: list[Utterance] = []
    dropped: list[Dropped] = []
    for line, block in _blocks(text.lstrip("\ufeff").split("\n")):
        timed = next((i for i, content in enumerate(block) if "-->" in content), None)
        if timed is None:
            reason = "caption note" if block[0].startswith(_NOT_SPEECH) else "caption header"
            dropped.append(Dropped(reason, line, "\n".join(block)))
            continue
        timing = TIMING.match(block[timed])
        if timing is None:
            raise TranscriptError(
                f"expected a cue's times, found {block[timed]!r}.",
                line=line + timed,
                remedy="Write them as `00:00:01.000 --> 00:00:04.000`.",
            )
        said, empty = read_cue(timing, block[timed + 1 :], line + timed)
        utterances += said
        dropped += empty
    return Transcript(utterances=tuple(continue_speakers(utterances)), dropped=tuple(dropped))


def _blocks(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Runs of lines between blank ones, with the number of their first line."""
    blocks: list[tuple[int, list[str]]] = []
    current: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            current.append(line)
        elif current:
            blocks.append((number - len(current), current))
            current = []
    return blocks
