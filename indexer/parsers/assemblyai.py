"""AssemblyAI: `utterances`, times in milliseconds, speakers lettered.

    {"audio_url": "…", "status": "completed", "language_code": "en", "text": "Good morning. Hello!", "words": […],
     "utterances": [{"speaker": "A", "start": 170, "end": 910, "text": "Good morning.", "words": [
       {"text": "Good", "start": 170, "end": 400, "speaker": "A"}, …]}, …]}

Without utterances the `words` tell who speaks, without words the `text` stands alone; `/sentences` and `/paragraphs`
are read too. Not speech: what a model wrote about the words, such as chapters and the summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from indexer.fields import known, label_of, lettered, member, objects, refusal, seconds, string
from indexer.tokens import Token, divided, speech
from indexer.types import Dropped, Transcript

_LETTER = re.compile(r"[A-Z]")
_LISTS = ("utterances", "paragraphs", "sentences")
_FRAME = frozenset({"audio_url", "acoustic_model", "audio_duration", "speech_model", "language_model"})


def recognises(content: Any) -> bool:
    if isinstance(content, list):
        return _are_utterances(content)
    if not isinstance(content, dict) or not ({*_LISTS, "words", "text"} & content.keys()):
        return False
    return bool(_FRAME & content.keys()) or _are_utterances(content.get("utterances"))


def parse(content: Any) -> Transcript:
    if isinstance(content, list):
        content = {"utterances": content}
    if not isinstance(content, dict):
        raise refusal("", "this is no object with `utterances`, `words` or `text`")
    status = known(content, "status")
    if status not in (None, "completed"):
        raise refusal("", f"the transcription's status is {status!r}", remedy="Fetch it again when it is completed.")
    utterances, dropped = speech(_tokens(content))
    return Transcript(
        utterances=tuple(utterances),
        language=known(content, "language_code"),
        dropped=(*dropped, *_written_about(content)),
    )


def _are_utterances(found: Any) -> bool:
    """Whole milliseconds, a confidence, and a letter that speaks or words: even without the frame, no other tool's."""
    first = found[0] if isinstance(found, list) and found else None
    if not isinstance(first, dict) or not {"speaker", "text", "confidence"} <= first.keys():
        return False
    words = first.get("words")
    timed = [first, *(words[:1] if isinstance(words, list) else [])]
    is_lettered = isinstance(first["speaker"], str) and _LETTER.fullmatch(first["speaker"]) is not None
    return (is_lettered or len(timed) > 1) and all(
        isinstance(member(entry, key), int) for entry in timed for key in ("start", "end")
    )


def _tokens(content: dict[str, Any]) -> Iterator[Token]:
    key = next((key for key in _LISTS if content.get(key)), None)
    if key is None:
        yield from _said(content, "text", 1)
    else:
        for line, entry in enumerate(objects(content, key), 1):
            yield from _said(entry, f"entry {line} of `{key}`", line)


def _said(entry: dict[str, Any], where: str, line: int) -> list[Token]:
    words = [_token(word, where, line) for word in objects(entry, "words", where)]
    return divided(_token(entry, where, line), words)


def _token(entry: dict[str, Any], where: str, line: int) -> Token:
    label = lettered(label_of(entry.get("speaker"), where))
    start_s, end_s = (seconds(entry, key, where, per_second=1000) for key in ("start", "end"))
    return Token(string(entry, "text", where), label, start_s, end_s, line)


def _written_about(content: dict[str, Any]) -> Iterator[Dropped]:
    for line, chapter in enumerate(objects(content, "chapters"), 1):
        for key in ("headline", "gist", "summary"):
            if text := known(chapter, key):
                yield Dropped(f"chapter {key}", line, text)
    if summary := known(content, "summary"):
        yield Dropped("summary", 1, summary)
