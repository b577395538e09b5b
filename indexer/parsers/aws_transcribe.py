"""Amazon Transcribe: `results.items`, words and punctuation with times as texts.

    {"jobName": "…", "results": {"transcripts": [{"transcript": "Good morning. Hello!"}], "items": [
      {"type": "pronunciation", "start_time": "0.1", "end_time": "0.4", "alternatives": [{"content": "Good"}],
       "speaker_label": "spk_0"}, …,
      {"type": "punctuation", "alternatives": [{"content": "."}]}, …]}}

Who speaks stands at the item or, in older files, in `speaker_labels.segments` under the same time; several channels lie
in `channel_labels.channels` and are interleaved phrase by phrase. A mark is the speaker's of the word before.
`transcripts` and `audio_segments` hold the same words again; they are read where there are no items.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from indexer.fields import first_object, known, label_of, mapping, member, objects, refusal, seconds, string
from indexer.tokens import Token, conversation, respaced, speech
from indexer.types import Transcript

_MARK = "punctuation"


def recognises(content: Any) -> bool:
    results = member(content, "results")
    return isinstance(results, dict) and any(
        isinstance(results.get(key), list) for key in ("transcripts", "items", "audio_segments")
    )


def parse(content: Any) -> Transcript:
    results = member(content, "results")
    if not isinstance(results, dict):
        raise refusal("", "there is no object `results` with `items`")
    utterances, dropped = speech(_tokens(results))
    return Transcript(utterances=tuple(utterances), language=known(results, "language_code"), dropped=tuple(dropped))


def _tokens(results: dict[str, Any]) -> list[Token]:
    speakers = _Speakers(results)
    channels = objects(mapping(results, "channel_labels"), "channels")
    if len(channels) > 1 and any(channel.get("items") for channel in channels):
        spoken = (_items(objects(channel, "items"), speakers) for channel in channels)
        return conversation(dict(zip(_names(channels), spoken, strict=True)))
    transcript = string(first_object(results, "transcripts"), "transcript")
    if items := _items(objects(results, "items"), speakers):
        return respaced(items, transcript) or items
    return list(_audio_segments(results)) or [Token(transcript)]


def _names(channels: list[dict[str, Any]]) -> Sequence[str]:
    names = [string(channel, "channel_label") for channel in channels]
    return names if all(names) and len(set(names)) == len(names) else [str(number) for number in range(len(names))]


class _Speakers:
    """Who speaks when, as older files tell it: at the time of an item, or else within a segment."""

    def __init__(self, results: dict[str, Any]) -> None:
        self._at: dict[float | None, str | None] = {}
        segments = objects(mapping(results, "speaker_labels"), "segments")
        spans = []
        for line, segment in enumerate(segments, 1):
            where = f"segment {line}"
            label = label_of(segment.get("speaker_label"), where)
            start_s, end_s = seconds(segment, "start_time", where), seconds(segment, "end_time", where)
            spans.append((start_s or 0.0, end_s or 0.0, label))
            self._at |= {seconds(item, "start_time", where): label for item in objects(segment, "items", where)}
        self._spans = sorted(spans, key=itemgetter(0))
        self._starts = [start_s for start_s, *_ in self._spans]

    def at(self, time_s: float | None) -> str | None:
        if time_s is None or time_s in self._at:
            return self._at.get(time_s)
        place = bisect_right(self._starts, time_s) - 1
        return self._spans[place][2] if place >= 0 and time_s < self._spans[place][1] else None


def _items(items: list[dict[str, Any]], speakers: _Speakers) -> list[Token]:
    tokens: list[Token] = []
    for line, item in enumerate(items, 1):
        where = f"item {line}"
        text = string(first_object(item, "alternatives", where), "content", where)
        start_s, end_s = seconds(item, "start_time", where), seconds(item, "end_time", where)
        mark = item.get("type") == _MARK
        label = label_of(item.get("speaker_label"), where) or speakers.at(start_s)
        if mark and tokens:
            label = tokens[-1].label
        if text:
            tokens.append(Token(text, label, start_s, end_s, line, joined=mark))
    return tokens


def _audio_segments(results: dict[str, Any]) -> Iterator[Token]:
    for line, segment in enumerate(objects(results, "audio_segments"), 1):
        where = f"audio segment {line}"
        text = string(segment, "transcript", where)
        label = label_of(segment.get("speaker_label") or segment.get("channel_label"), where)
        yield Token(text, label, seconds(segment, "start_time", where), seconds(segment, "end_time", where), line)
