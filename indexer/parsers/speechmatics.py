"""Speechmatics json-v2: `results`, words and punctuation in seconds, speakers S1, S2, …

    {"format": "2.9", "metadata": {"transcription_config": {"language": "en"}}, "results": [
      {"type": "word", "start_time": 0.1, "end_time": 0.4, "alternatives": [{"content": "Good", "speaker": "S1"}]}, …,
      {"type": "punctuation", "attaches_to": "previous", "alternatives": [{"content": ".", "speaker": "S1"}]}, …]}

The first alternative is what is read. "UU" is nobody; of several channels, each has its own speakers. Not speech: what
a model wrote about the words, such as chapters and the summary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from indexer.fields import channel_of, first_object, known, label_of, mapping, member, objects, refusal, seconds, string
from indexer.tokens import Token, conversation, speech
from indexer.types import Dropped, Transcript

_NOBODY = "UU"
_TO_PREVIOUS = ("previous", "both")
_TO_NEXT = ("next", "both")


def recognises(content: Any) -> bool:
    results = member(content, "results")
    if not isinstance(results, list) or not isinstance(member(content, "metadata"), dict):
        return False
    first = [result for result in results[:5] if isinstance(result, dict) and "type" in result]
    if not first:
        return not results and "transcription_config" in content["metadata"]
    return any(isinstance(result.get("alternatives"), list) for result in first)


def parse(content: Any) -> Transcript:
    if not isinstance(content, dict):
        raise refusal("", "this is no object with `results`")
    metadata = mapping(content, "metadata")
    blank = "" if member(metadata, "language_pack_info", "word_delimiter") == "" else " "
    channels: dict[str, list[dict[str, Any]]] = {}
    for line, result in enumerate(objects(content, "results"), 1):
        channels.setdefault(channel_of(result.get("channel"), f"result {line}"), []).append({**result, "line": line})
    spoken = {channel: list(_tokens(results, blank)) for channel, results in channels.items()}
    utterances, dropped = speech(conversation(spoken))
    detected = known(metadata, "language_identification", "predicted_language")
    return Transcript(
        utterances=tuple(utterances),
        language=detected or known(metadata, "transcription_config", "language"),
        dropped=(*dropped, *_written_about(content)),
    )


def _tokens(results: list[dict[str, Any]], blank: str) -> Iterator[Token]:
    open_before = False
    label: str | None = None
    for result in results:
        where = f"result {result['line']}"
        best = first_object(result, "alternatives", where)
        attached = result.get("attaches_to")
        if attached not in _TO_PREVIOUS:
            label = None if best.get("speaker") == _NOBODY else label_of(best.get("speaker"), where)
        yield Token(
            text=string(best, "content", where),
            label=label,
            start_s=seconds(result, "start_time", where),
            end_s=seconds(result, "end_time", where),
            line=result["line"],
            joined=open_before or not blank or attached in _TO_PREVIOUS,
        )
        open_before = attached in _TO_NEXT


def _written_about(content: dict[str, Any]) -> Iterator[Dropped]:
    for line, chapter in enumerate(objects(content, "chapters"), 1):
        for key in ("title", "summary"):
            if text := known(chapter, key):
                yield Dropped(f"chapter {key}", line, text)
    if summary := known(content, "summary", "content"):
        yield Dropped("summary", 1, summary)
