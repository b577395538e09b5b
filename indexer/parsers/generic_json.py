"""Plain JSON that people write: a list of objects with a text, and perhaps with a speaker and times.

    {"title": "Grain by rail", "speakers": [{"id": 1, "name": "Lena Ortiz", "role": "host"}], "dialogue": [
      {"speaker": 1, "start": "00:01:02", "text": "What moves it?"}, …]}

    [{"text": "what moves it", "start": 62.1, "duration": 2.4}, …]

The list is the file or lies in it under a key such as `segments`, `turns` or `transcript`. Keys are read whatever their
spelling (`startTime`, `start_time`); times are seconds or clocks, and milliseconds where the key says so. An entry
without a speaker goes on in the last voice. Where nobody is named and all have times, the entries are captions: a text
may name its speaker (`Lena: …`), and what is shown again is read once. Not speech: entries without text, `[Music]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from indexer.cues import Cue, read_cues
from indexer.errors import TranscriptError
from indexer.fields import end_of, known, label_of, member, one_line, refusal, seconds
from indexer.markup import unescape
from indexer.metadata import apply
from indexer.rolling import unroll
from indexer.tokens import Token, is_sound, speech
from indexer.types import Dropped, Transcript, Utterance

_SPOKEN_LISTS = "segments utterances transcript transcription turns dialogue dialog monologues conversation".split()
_OTHER_LISTS = "results result sentences paragraphs captions subtitles cues lines entries messages".split()
_WRAPPERS = "data output response content episode".split()
_TEXTS = "text body content utterance transcript sentence speech line message caption".split()
_PARTS = "blocks sentences paragraphs lines segments utterances".split()
_SPEAKERS = "speakername displayname speaker name speakerlabel speakerid who author participant role".split()
_UNITS = {"": 1, "s": 1, "sec": 1, "seconds": 1, "inseconds": 1, "ms": 1000, "millis": 1000, "milliseconds": 1000}
_STARTS = "start starttime begin begintime from starttimestamp startoffset".split()
_LOOSE_STARTS = "time timestamp offset t".split()
_ENDS = "end endtime stop to until endtimestamp endoffset".split()
_DURATIONS = "duration dur".split()
_RANGE = re.compile(r"\s{0,9}(?:-->|[–—]|(?<=\d)\s{0,9}-(?=\s{0,9}\d))\s{0,9}")
_BLANK_LINES = re.compile(r"\n[^\S\n]{0,99}\n")
_DEPTH = 4
_LOOKED_AT = 20

_Fields = dict[str, tuple[str, Any]]
"""An entry's fields by their bare key: the key as spelled, and the value."""


def recognises(content: Any) -> bool:
    return _entries(content) is not None


def parse(content: Any) -> Transcript:
    entries = _entries(content)
    if entries is None:
        raise refusal("", "there is no list of objects with a `text` and a `speaker` or a `start`")
    dropped: list[Dropped] = []
    said: list[Token] = []
    for token in _said(entries, _names(content)):
        if is_sound(token.text.strip()) or not token.text.strip():
            dropped.append(Dropped("sound" if token.text.strip() else "no text", token.line, token.text.strip()))
        else:
            said.append(token)
    captions = all(token.label is None and token.start_s is not None and token.end_s is not None for token in said)
    utterances, left_out = _read_captions(said) if captions else speech(_paragraphs(said))
    transcript = Transcript(tuple(utterances), dropped=tuple(sorted([*dropped, *left_out], key=lambda one: one.line)))
    return apply(_about(content), transcript, first=True)


def _entries(content: Any, depth: int = _DEPTH, *, spoken: bool = False) -> list[Any] | None:
    """The list of what is said; `spoken`: its key alone says that it is one."""
    if isinstance(content, list):
        return content if _is_spoken(content[:_LOOKED_AT], spoken) else None
    if not isinstance(content, dict) or not depth:
        return None
    lists = {_bare(key): value for key, value in content.items()}
    for name in (*_SPOKEN_LISTS, *_OTHER_LISTS, *_WRAPPERS):
        found = _entries(lists.get(name), depth - 1, spoken=name in _SPOKEN_LISTS)
        if found is not None:
            return found
    return None


def _is_spoken(entries: list[Any], spoken: bool) -> bool:
    keys = [{_bare(key) for key in entry} if isinstance(entry, dict) else set() for entry in entries]
    worded = sum(not found.isdisjoint((*_TEXTS, *_PARTS)) for found in keys)
    voiced = any(not found.isdisjoint((*_SPEAKERS, *_KEYS_OF_TIMES)) for found in keys)
    return bool(entries) and worded >= 0.8 * len(entries) and (spoken or voiced)


def _said(entries: Sequence[Any], names: dict[str, str]) -> Iterator[Token]:
    """What the entries say, with its line breaks."""
    label: str | None = None
    for line, entry in enumerate(entries, 1):
        for fields in _parts(entry, f"entry {line}"):
            label = _label(fields, names, f"entry {line}") or label
            yield _token(fields, label, line)


def _parts(entry: Any, where: str) -> Iterator[_Fields]:
    """The fields of an entry, or those of each of its parts with what the entry says of all of them."""
    if not isinstance(entry, dict):
        raise refusal(where, "it is not an object")
    fields = {_bare(key): (key, value) for key, value in entry.items()}
    parts = next((fields[key][1] for key in _PARTS if key in fields and isinstance(fields[key][1], list)), None)
    if parts is None or not fields.keys().isdisjoint(_TEXTS):
        yield fields
        return
    for number, part in enumerate(parts):
        own = part if isinstance(part, dict) else {"text": part}
        shared = fields if number == 0 else {key: fields[key] for key in fields if key in _SPEAKERS}
        yield {**shared, **{_bare(key): (key, value) for key, value in own.items()}}


def _token(fields: _Fields, label: str | None, line: int) -> Token:
    where = f"entry {line}"
    start_s = _time(fields, _START_KEYS, where)
    if start_s is None:
        start_s = _loose_time(fields, where)
    end_s = _time(fields, _END_KEYS, where)
    if end_s is None:
        end_s = end_of(start_s, _time(fields, _DURATION_KEYS, where))
    return Token(_text(fields, where), label, start_s, end_s, line)


def _text(fields: _Fields, where: str) -> str:
    key, value = next((fields[name] for name in _TEXTS if name in fields), ("text", None))
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = "\n\n".join(value)
    if not isinstance(value, str | None):
        raise refusal(where, f"`{key}` is not text")
    return value or ""


def _label(fields: _Fields, names: dict[str, str], where: str) -> str | None:
    for key in _SPEAKERS:
        value = fields.get(key, (key, None))[1]
        if isinstance(value, dict):
            value = next(
                (value[k] for k in ("name", "displayName", "display_name", "label", "id") if value.get(k)), None
            )
        if isinstance(value, str | int | float) and str(value) in names:
            return names[str(value)]
        if label := label_of(unescape(value) if isinstance(value, str) else value, where):
            return label
    return None


def _time(fields: _Fields, keys: dict[str, int], where: str) -> float | None:
    for name in fields:
        key, value = fields[name]
        if name in keys and value is not None:
            text = _clock(value) if isinstance(value, str) else value
            return seconds({key: text}, key, where, per_second=keys[name])
    return None


def _loose_time(fields: _Fields, where: str) -> float | None:
    """A time under a key that may as well hold the time of day, which is none."""
    try:
        return _time(fields, _LOOSE_KEYS, where)
    except TranscriptError:
        return None


def _clock(text: str) -> str | None:
    """The clock in a text, the first of a range; None for a date."""
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return _RANGE.split(text.strip(" []()"))[0]
    return None if "-" in text else text


def _paragraphs(said: Sequence[Token]) -> Iterator[Token]:
    for token in said:
        first, *others = filter(None, map(one_line, _BLANK_LINES.split(unescape(token.text))))
        yield Token(first, token.label, token.start_s, None if others else token.end_s, token.line)
        for number, text in enumerate(others, 1):
            end_s = token.end_s if number == len(others) else None
            yield Token(text, token.label, None, end_s, token.line, begins_paragraph=True)


def _read_captions(said: Sequence[Token]) -> tuple[list[Utterance], list[Dropped]]:
    cues = [Cue(t.start_s or 0.0, t.end_s or 0.0, tuple(t.text.split("\n")), t.line) for t in said]
    unrolled, repeated = unroll(cues)
    utterances, dropped = read_cues(unrolled)
    return [replace(utterance, line=utterance.line - 1) for utterance in utterances], [*repeated, *dropped]


def _names(content: Any) -> dict[str, str]:
    """The names that a list of speakers, or an object of them, gives to ids."""
    speakers = member(content, "speakers")
    if isinstance(speakers, dict):
        speakers = [{"id": key, "name": known(value, "name") or value} for key, value in speakers.items()]
    if not isinstance(speakers, list):
        return {}
    named = {str(member(speaker, "id")): known(speaker, "name") for speaker in speakers}
    return {key: name for key, name in named.items() if name and key != "None"}


def _about(content: Any) -> dict[str, Any]:
    """What the file states of the episode, as far as it is stated as metadata is."""
    places = [content, member(content, "metadata"), member(content, "episode")]
    about: dict[str, Any] = {}
    for place in places:
        for key in ("title", "show", "podcast", "date", "url", "link", "language", "lang"):
            if key not in about and (text := known(place, key)):
                about[key] = text
    for key in ("hosts", "guests", "speakers"):
        people = member(content, key)
        if isinstance(people, list):
            about[key] = [one for one in people if isinstance(one, str) or known(one, "name")]
    try:
        datetime.fromisoformat(about.get("date", ""))
    except ValueError:
        about.pop("date", None)
    return about


@lru_cache(maxsize=1000)
def _bare(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.casefold())


def _spelled(names: Sequence[str]) -> dict[str, int]:
    return {name + unit: per_second for name in names for unit, per_second in _UNITS.items()}


_START_KEYS, _LOOSE_KEYS, _END_KEYS, _DURATION_KEYS = map(_spelled, (_STARTS, _LOOSE_STARTS, _ENDS, _DURATIONS))
_KEYS_OF_TIMES = frozenset((*_START_KEYS, *_LOOSE_KEYS))
