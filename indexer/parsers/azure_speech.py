"""Azure Speech: `recognizedPhrases` of a batch, offsets in ticks of 100 ns, or `phrases` of fast transcription.

    {"source": "…", "combinedRecognizedPhrases": [{"channel": 0, "display": "Good morning. Hello!"}],
     "recognizedPhrases": [{"recognitionStatus": "Success", "channel": 0, "speaker": 1, "offset": "PT0.1S",
       "offsetInTicks": 1000000, "durationInTicks": 8000000, "nBest": [{"display": "Good morning.", "words": […]}]}, …]}

    {"durationMilliseconds": 2500, "combinedPhrases": […], "phrases": [{"speaker": 1, "offsetMilliseconds": 100,
       "durationMilliseconds": 800, "text": "Good morning.", "words": […]}, …]}

The best reading of a phrase is its first; its words count where they are written as displayed. Keys may be
capitalised, as older versions write them. The combined phrases hold the same words again and are read where there are
no others. Several channels are interleaved by the times of their phrases. Not speech: a phrase that was not recognised.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from indexer.fields import channel_of, end_of, first_object, known, label_of, objects, refusal, seconds, string
from indexer.tokens import Token, conversation, divided, speech
from indexer.types import Dropped, Transcript

_LISTS = ("recognizedphrases", "phrases", "combinedrecognizedphrases", "combinedphrases")
_TICKS_PER_SECOND = 10_000_000
_ISO = re.compile(r"PT(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,6}(?:\.\d{1,9})?)S)?")


def recognises(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    lists = _folded(content)
    first = next((found[0] for key in _LISTS if isinstance(found := lists.get(key), list) and found), None)
    if not isinstance(first, dict):
        return False
    keys = {key.casefold() for key in first}
    return (
        any("recognizedphrases" in key for key in lists) or "combinedphrases" in lists or "offsetmilliseconds" in keys
    )


def parse(content: Any) -> Transcript:
    if not isinstance(content, dict):
        raise refusal("", "this is no object with `recognizedPhrases` or `phrases`")
    lists = _folded(content)
    key = next((key for key in _LISTS if lists.get(key)), _LISTS[0])
    phrases = [_folded(phrase) for phrase in objects(lists, key)]
    channels: dict[str, list[Token]] = {}
    dropped: list[Dropped] = []
    for line, phrase in enumerate(phrases, 1):
        said = _phrase(phrase, f"phrase {line}", line)
        if said:
            channels.setdefault(channel_of(phrase.get("channel"), f"phrase {line}"), []).extend(said)
        else:
            dropped.append(Dropped("not recognised", line, ""))
    utterances, sounds = speech(conversation(channels))
    language = next((found for phrase in phrases if (found := known(phrase, "locale"))), None)
    return Transcript(utterances=tuple(utterances), language=language, dropped=(*dropped, *sounds))


def _folded(entry: dict[str, Any]) -> dict[str, Any]:
    return {key.casefold(): value for key, value in entry.items()}


def _phrase(phrase: dict[str, Any], where: str, line: int) -> list[Token]:
    best = _folded(first_object(phrase, "nbest", where))
    text = string(best, "display", where) or string(phrase, "text", where) or string(phrase, "display", where)
    text = text or string(best, "lexical", where)
    speaker = phrase.get("speaker") if phrase.get("speaker") is not None else best.get("speaker")
    words = [
        _timed(_folded(word), string(_folded(word), key, where), where, line)
        for entry, words_key, key in ((best, "displaywords", "displaytext"), (phrase, "words", "text"))
        for word in objects(entry, words_key, where)
    ]
    return divided(replace(_timed(phrase, text, where, line), label=label_of(speaker, where)), words) if text else []


def _timed(entry: dict[str, Any], text: str, where: str, line: int) -> Token:
    start_s, duration_s = (_time(entry, key, where) for key in ("offset", "duration"))
    return Token(text, start_s=start_s, end_s=end_of(start_s, duration_s), line=line)


def _time(entry: dict[str, Any], key: str, where: str) -> float | None:
    """A time in whichever of its three spellings the entry has."""
    for suffix, per_second in (("inticks", _TICKS_PER_SECOND), ("milliseconds", 1000)):
        if (found := seconds(entry, key + suffix, where, per_second=per_second)) is not None:
            return found
    match = _ISO.fullmatch(known(entry, key) or "")
    if match is None:
        return None
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest
