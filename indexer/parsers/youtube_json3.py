"""YouTube's captions as json3: `events` in milliseconds, each with the pieces of what is shown.

    {"wireMagic": "pb3", "events": [
      {"tStartMs": 0, "dDurationMs": 9000, "id": 1, "wpWinPosId": 1},
      {"tStartMs": 80, "dDurationMs": 4000, "segs": [{"utf8": "good"}, {"utf8": " morning", "tOffsetMs": 320}]},
      {"tStartMs": 4070, "aAppend": 1, "segs": [{"utf8": "\\n"}]}, …]}

They are read as any captions: a line may name its speaker (`Lena: …`), `>>` says that somebody else speaks, and what is
shown again is read once. Not speech: windows, which have no `segs`; line breaks; `[Music]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from indexer.cues import Cue, read_cues
from indexer.fields import end_of, member, objects, refusal, seconds
from indexer.rolling import unroll
from indexer.tokens import ends_sentence, is_sound
from indexer.types import Dropped, Transcript

_NO_END_S = -1.0  # an end before the start is none
_NO_WIDTH = dict.fromkeys(map(ord, "\u200b\ufeff"))


def recognises(content: Any) -> bool:
    events = member(content, "events")
    if not isinstance(events, list) or not events:
        return False
    return all(isinstance(event, dict) for event in events[:5]) and any(
        "tStartMs" in event and ("segs" in event or "wireMagic" in content) for event in events[:5]
    )


def parse(content: Any) -> Transcript:
    if not isinstance(content, dict):
        raise refusal("", "this is no object with `events`")
    cues: list[Cue] = []
    sounds: list[Dropped] = []
    for line, event in enumerate(objects(content, "events"), 1):
        pieces = list(_pieces(event, f"event {line}"))
        sounds += (Dropped("sound", line, text.strip()) for text, _ in pieces if is_sound(text.strip()))
        lines = _lines([(text, start_s) for text, start_s in pieces if not is_sound(text.strip())])
        if any(lines):
            cues.append(_cue(event, lines, line))
    unrolled, repeated = unroll(cues)
    said, dropped = read_cues(unrolled)
    return Transcript(
        utterances=tuple(replace(utterance, line=utterance.line - 1) for utterance in said),
        dropped=tuple(sorted([*sounds, *repeated, *dropped], key=lambda entry: entry.line)),
    )


def _pieces(event: dict[str, Any], where: str) -> Iterator[tuple[str, float | None]]:
    """The pieces of an event as they stand, with the times of those that have their own."""
    start_s = seconds(event, "tStartMs", where, per_second=1000)
    for piece in objects(event, "segs", where):
        text = piece.get("utf8", "")
        if not isinstance(text, str):
            raise refusal(where, "`utf8` is not text")
        offset_s = seconds(piece, "tOffsetMs", where, per_second=1000)
        yield text.translate(_NO_WIDTH), None if start_s is None or offset_s is None else start_s + offset_s


def _lines(pieces: list[tuple[str, float | None]]) -> tuple[str, ...]:
    """The lines of a cue, with a time inside where a piece begins a sentence."""
    text = ""
    for piece, start_s in pieces:
        if start_s is not None and ends_sentence(text.rstrip()):
            text += _inner_time(start_s)
        text += piece.replace("<", "&lt;")
    return tuple(line for line in text.split("\n") if line.strip())


def _inner_time(time_s: float) -> str:
    minutes, second = divmod(time_s, 60)
    return f"<{int(minutes // 60):02}:{int(minutes % 60):02}:{second:06.3f}>"


def _cue(event: dict[str, Any], lines: tuple[str, ...], line: int) -> Cue:
    start_s = seconds(event, "tStartMs", f"event {line}", per_second=1000)
    duration_s = seconds(event, "dDurationMs", f"event {line}", per_second=1000)
    if start_s is None:
        raise refusal(f"event {line}", "it has words and no `tStartMs`")
    end_s = end_of(start_s, duration_s)
    return Cue(start_s, _NO_END_S if end_s is None else end_s, lines, line)
