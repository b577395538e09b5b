"""Google Speech-to-Text, v1 and v2: `results[].alternatives[]`, offsets such as "1.200s", speakers tagged.

    {"results": [
      {"alternatives": [{"transcript": "Good morning.", "words": [
        {"startTime": "0.100s", "endTime": "0.400s", "word": "Good"}, …]}], "languageCode": "en-us"},
      {"alternatives": [{"words": [
        {"startTime": "0.100s", "endTime": "0.400s", "word": "Good", "speakerTag": 1}, …]}]}]}

The first alternative is what is read. v1 repeats all words, now with speaker tags, in the last result, and streams
repeat them in each: what a result says again is read once, with its tags. v2 writes `startOffset` and `speakerLabel`,
client libraries `start_time` or {"seconds": …, "nanos": …}; operations wrap the results in `response`, batches in the
recording's address. Several channels are interleaved phrase by phrase.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from indexer.fields import channel_of, first_object, known, label_of, member, objects, seconds, string
from indexer.tokens import Token, conversation, respaced, speech
from indexer.types import Transcript

_STARTS = ("startTime", "startOffset", "start_time", "start_offset")
_ENDS = ("endTime", "endOffset", "end_time", "end_offset")
_TAGS = ("speakerLabel", "speakerTag", "speaker_label", "speaker_tag")
_CHANNELS = ("channelTag", "channel_tag")
_LANGUAGES = ("languageCode", "language_code")
_RESULT_ENDS = ("resultEndTime", "resultEndOffset", "result_end_time", "result_end_offset")
_UNTAGGED = (0, "")


@dataclass(frozen=True, slots=True)
class _Result:
    """What is heard in a stretch of one channel: its words where they are listed, else its transcript."""

    transcript: str
    words: list[Token]
    end_s: float | None

    def spoken(self) -> list[str]:
        return [word for token in self.words for word in token.text.split()] or self.transcript.split()


def recognises(content: Any) -> bool:
    results = _results(content)
    if not isinstance(results, list) or (isinstance(content, dict) and "result_index" in content):
        return False
    return all(isinstance(result, dict) for result in results[:5]) and any(map(_is_result, results[:5]))


def parse(content: Any) -> Transcript:
    results = objects({"results": _results(content)}, "results")
    channels: dict[str, list[_Result]] = {}
    for line, result in enumerate(results, 1):
        channels.setdefault(channel_of(_any(result, _CHANNELS), f"result {line}"), []).append(_read(result, line))
    spoken = {tag: list(_said(_without_repeats(heard))) for tag, heard in channels.items()}
    utterances, dropped = speech(conversation(spoken))
    language = next((found for result in results for key in _LANGUAGES if (found := known(result, key))), None)
    return Transcript(utterances=tuple(utterances), language=language, dropped=tuple(dropped))


def _results(content: Any) -> Any:
    """The list of results: at the top, below an operation's `response`, or below a batch's one recording."""
    if isinstance(content, list):
        return content
    results = member(content, "results") or member(content, "response", "results")
    if isinstance(results, dict) and len(results) == 1:
        recording = next(iter(results.values()))
        batch = member(recording, "transcript", "results") or member(recording, "inlineResult", "transcript", "results")
        return batch or results
    return results


def _is_result(result: dict[str, Any]) -> bool:
    alternatives = result.get("alternatives")
    if not isinstance(alternatives, list) or not alternatives or {"final", "type"} & result.keys():
        return False
    best = alternatives[0]
    return isinstance(best, dict) and not {"transcript", "words"}.isdisjoint(best) and "timestamps" not in best


def _read(result: dict[str, Any], line: int) -> _Result:
    where = f"result {line}"
    best = first_object(result, "alternatives", where)
    words = [
        _word(word, f"word {place} of {where}", line) for place, word in enumerate(objects(best, "words", where), 1)
    ]
    return _Result(string(best, "transcript", where), [w for w in words if w.text], _time(result, _RESULT_ENDS, where))


def _word(word: dict[str, Any], where: str, line: int) -> Token:
    tag = _any(word, _TAGS)
    label = None if tag in _UNTAGGED else label_of(tag, where)
    return Token(string(word, "word", where), label, _time(word, _STARTS, where), _time(word, _ENDS, where), line)


def _any(entry: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _time(entry: dict[str, Any], keys: tuple[str, ...], where: str) -> float | None:
    found = _any(entry, keys)
    if found is None:
        return None
    if isinstance(found, dict):
        whole = seconds(found, "seconds", where) or 0.0
        return whole + (seconds(found, "nanos", where, per_second=10**9) or 0.0)
    text = found[:-1] if isinstance(found, str) and found.endswith("s") else found
    return seconds({"offset": text}, "offset", where)


def _without_repeats(results: list[_Result]) -> list[_Result]:
    kept: list[_Result] = []
    count = 0
    for result in results:
        length = len(result.spoken())
        if kept and length >= count and _repeats(result, kept):
            transcript = result.transcript or " ".join(earlier.transcript for earlier in kept)
            kept, count = [_Result(transcript, result.words, result.end_s)], length
        elif length:
            kept.append(result)
            count += length
    return kept


def _repeats(result: _Result, kept: list[_Result]) -> bool:
    """Does a result begin where the first began? Without times: does it tag the speakers of the same words?"""
    first = kept[0].words[:1]
    began = first[0].start_s if first else None
    begins = result.words[0].start_s if result.words else None
    if began is not None and begins is not None:
        return begins <= began
    if not any(word.label for word in result.words) or any(word.label for earlier in kept for word in earlier.words):
        return False
    spoken = [word for earlier in kept for word in earlier.spoken()]
    return result.spoken()[: len(spoken)] == spoken


def _said(results: list[_Result]) -> Iterator[Token]:
    for result in results:
        yield from (
            respaced(result.words, result.transcript) or result.words or [Token(result.transcript, end_s=result.end_s)]
        )
