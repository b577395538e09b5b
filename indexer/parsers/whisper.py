"""Whisper's JSON in its dialects: segments of text in seconds, some with words, some with speakers.

    {"text": " Good morning. Hello!", "language": "en", "segments": [
      {"start": 0.0, "end": 2.5, "text": " Good morning. Hello!", "words": [
        {"word": " Good", "start": 0.0, "end": 0.4, "speaker": "SPEAKER_00"}, …]}]}

The dialects: openai-whisper, faster-whisper, whisper-timestamped and WhisperX; OpenAI's `verbose_json` and
`diarized_json`; whisper.cpp (`transcription`, in clocks and milliseconds); Transformers (`chunks`, each with a
`timestamp` pair). Any of them may lie below another key, as cloud functions write them.

The segment's text is what is said, its words say when and by whom: a segment whose words change speaker is split, and
a word without a speaker, which WhisperX could not align, goes with its sentence. Not speech: `[BLANK_AUDIO]` and
`[Music]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from indexer.fields import known, label_of, lettered, member, objects, refusal, seconds, string
from indexer.tokens import Token, divided, speech
from indexer.types import Transcript

_TRACES = frozenset({"seek", "tokens", "avg_logprob", "no_speech_prob", "compression_ratio", "words"})
_FRAME = frozenset({"language", "text", "task", "word_segments"})
_OTHERS_KEYS = frozenset({"body", "name", "speaker_name"})
_NOBODY = "?"


def recognises(content: Any) -> bool:
    return _result(content) is not None


def parse(content: Any) -> Transcript:
    result = _result(content)
    if result is None:
        raise refusal("", "there are no `segments`, `transcription` or `chunks` with texts and times")
    utterances, dropped = speech(_tokens(result))
    language = known(result, "language") or known(result, "result", "language")
    return Transcript(utterances=tuple(utterances), language=language, dropped=tuple(dropped))


def _result(content: Any) -> dict[str, Any] | None:
    """The object that holds the segments: the whole, or the value of one of its keys."""
    if isinstance(content, list):
        content = {"segments": content}
    if not isinstance(content, dict):
        return None
    return next((value for value in (content, *content.values()) if _is_result(value)), None)


def _is_result(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if segments := _first(value, "segments"):
        return all(map(_is_segment, segments)) and (
            bool(_FRAME & value.keys()) or any(_TRACES & segment.keys() for segment in segments)
        )
    if pieces := _first(value, "transcription"):
        return all("text" in piece and {"offsets", "timestamps"} & piece.keys() for piece in pieces)
    if chunks := _first(value, "chunks"):
        return all("text" in chunk and isinstance(chunk.get("timestamp"), list) for chunk in chunks)
    return isinstance(value.get("text"), str) and (
        any("word" in word for word in _first(value, "words"))
        or (isinstance(value.get("segments"), list) and "language" in value)
        or member(value, "usage", "type") in ("tokens", "duration")
    )


def _is_segment(segment: dict[str, Any]) -> bool:
    return {"text", "start", "end"} <= segment.keys() and not _OTHERS_KEYS & segment.keys()


def _first(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The first objects of a list, to recognise it by; none where it is something else."""
    found = value.get(key)
    return [entry for entry in found[:5] if isinstance(entry, dict)] if isinstance(found, list) else []


def _tokens(result: dict[str, Any]) -> Iterator[Token]:
    if result.get("segments"):
        yield from _segments(objects(result, "segments"))
    elif result.get("transcription"):
        yield from _whisper_cpp(objects(result, "transcription"))
    elif result.get("chunks"):
        yield from _transformers(objects(result, "speakers") or objects(result, "chunks"))
    else:
        yield from _segments([result])


def _segments(segments: list[dict[str, Any]]) -> Iterator[Token]:
    for line, segment in enumerate(segments, 1):
        where = f"segment {line}"
        words = (
            _token(word, "word" if "word" in word else "text", where, line) for word in objects(segment, "words", where)
        )
        yield from divided(_token(segment, "text", where, line), list(words))


def _token(entry: dict[str, Any], key: str, where: str, line: int) -> Token:
    label = lettered(label_of(entry.get("speaker"), where))
    return Token(string(entry, key, where), label, seconds(entry, "start", where), seconds(entry, "end", where), line)


def _whisper_cpp(pieces: list[dict[str, Any]]) -> Iterator[Token]:
    """`-ml 1` puts out pieces of words, of which those that begin a word have a blank before them."""
    turned = False
    spaced = any(_opens_word(piece) for piece in pieces)
    for line, piece in enumerate(pieces, 1):
        where = f"segment {line}"
        text = string(piece, "text", where)
        start_s, end_s = (_offset(piece, key, where) for key in ("from", "to"))
        yield Token(
            text=text,
            label=None if piece.get("speaker") == _NOBODY else label_of(piece.get("speaker"), where),
            start_s=start_s,
            end_s=end_s,
            line=line,
            joined=spaced and " " not in text and not _opens_word(piece),
            begins_paragraph=turned,
        )
        turned = piece.get("speaker_turn_next") is True


def _opens_word(piece: dict[str, Any]) -> bool:
    return str(piece.get("text")).startswith(" ")


def _offset(piece: dict[str, Any], key: str, where: str) -> float | None:
    for place, per_second in (("offsets", 1000), ("timestamps", 1)):
        if isinstance(found := piece.get(place), dict):
            return seconds(found, key, where, per_second=per_second)
    return None


def _transformers(chunks: list[dict[str, Any]]) -> Iterator[Token]:
    for line, chunk in enumerate(chunks, 1):
        where = f"chunk {line}"
        pair = chunk.get("timestamp")
        if not isinstance(pair, list) or len(pair) != 2:
            raise refusal(where, "`timestamp` is not a pair of times")
        times = dict(zip(("start", "end"), pair, strict=True))
        label = label_of(chunk.get("speaker"), where)
        yield Token(
            string(chunk, "text", where), label, seconds(times, "start", where), seconds(times, "end", where), line
        )
