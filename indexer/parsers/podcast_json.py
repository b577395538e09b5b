"""Podcasting 2.0 transcripts: `{"version": …, "segments": [{"speaker", "startTime", "endTime", "body"}]}`.

A segment is a phrase, a word, or a punctuation mark; one without a speaker goes on in the last voice.
"""

from __future__ import annotations

from typing import Any

from indexer.cues import continue_speakers
from indexer.errors import TranscriptError
from indexer.markup import spaces
from indexer.types import Dropped, TimeMark, Transcript, Utterance

_SHAPE = 'expected {"segments": [{"speaker": "…", "startTime": 0.0, "endTime": 1.0, "body": "…"}]}'
_OTHERS_KEYS = frozenset({"start", "start_time", "start_time_ms", "begin", "speaker_name", "name"})


def recognises(content: Any) -> bool:
    segments = content.get("segments") if isinstance(content, dict) else None
    return isinstance(segments, list) and any(
        isinstance(s, dict) and "body" in s and not _OTHERS_KEYS & s.keys() for s in segments[:5]
    )


def parse(content: Any) -> Transcript:
    segments = content.get("segments") if isinstance(content, dict) else None
    if not isinstance(segments, list):
        raise TranscriptError("`segments` is not a list.", remedy=f"{_SHAPE}.")
    utterances: list[Utterance] = []
    dropped: list[Dropped] = []
    for number, segment in enumerate(segments, 1):
        said = _segment(segment, number)
        if said.text:
            utterances.append(said)
        else:
            dropped.append(Dropped("empty cue", number, ""))
    return Transcript(utterances=tuple(continue_speakers(utterances)), dropped=tuple(dropped))


def _segment(segment: Any, number: int) -> Utterance:
    if not isinstance(segment, dict) or not isinstance(segment.get("body", ""), str):
        raise TranscriptError(f"segment {number} is not an object with a `body`.", remedy=f"{_SHAPE}.")
    label = segment.get("speaker")
    start_s, end_s = (_time(segment, key, number) for key in ("startTime", "endTime"))
    return Utterance(
        label=spaces(label.replace("\n", " ")) or None if isinstance(label, str) else None,
        text=spaces(segment.get("body", "").replace("\n", " ")),
        line=number,
        marks=() if start_s is None else (TimeMark(0, start_s),),
        end_s=end_s,
        starts_paragraph=False,
    )


def _time(segment: dict[str, Any], key: str, number: int) -> float | None:
    value = segment.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1_000_000:
        raise TranscriptError(f"segment {number}: `{key}` is {value!r}, not a number of seconds.", remedy=f"{_SHAPE}.")
    return float(value)
