"""Rev and Rev AI: `monologues` of `elements`, which spell the text out, blanks included.

    {"speakers": [{"id": 0, "name": "Lena Ortiz"}], "monologues": [{"speaker": 0, "elements": [
      {"type": "text", "value": "Good", "ts": 0.1, "end_ts": 0.4}, {"type": "punct", "value": " "}, …,
      {"type": "punct", "value": "."}]}, …]}

A speaker's name is read from `speakers` or the monologue's `speaker_info`, else the number stands for it. People's
transcripts have clocks (`timestamp`) and longer elements. Everything is speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from indexer.fields import known, label_of, mapping, member, objects, refusal, seconds, string
from indexer.tokens import Token, speech
from indexer.types import Transcript

_MARK = "punct"


def recognises(content: Any) -> bool:
    monologues = member(content, "monologues")
    if not isinstance(monologues, list) or not monologues:
        return False
    return all(isinstance(one, dict) and isinstance(one.get("elements"), list) for one in monologues[:5])


def parse(content: Any) -> Transcript:
    if not isinstance(content, dict):
        raise refusal("", "this is no object with `monologues`")
    names = {str(speaker.get("id")): known(speaker, "name") for speaker in objects(content, "speakers")}
    monologues = objects(content, "monologues")
    spaced = any(_is_blank(element) for one in monologues for element in objects(one, "elements"))
    tokens = (token for line, one in enumerate(monologues, 1) for token in _monologue(one, names, spaced, line))
    utterances, dropped = speech(tokens)
    return Transcript(utterances=tuple(utterances), language=known(content, "language"), dropped=tuple(dropped))


def _is_blank(element: dict[str, Any]) -> bool:
    return element.get("type") == _MARK and " " in str(element.get("value"))


def _monologue(monologue: dict[str, Any], names: dict[str, str | None], spaced: bool, line: int) -> Iterator[Token]:
    where = f"monologue {line}"
    speaker = monologue.get("speaker")
    named = names.get(str(speaker)) or known(mapping(monologue, "speaker_info", where), "display_name")
    label = named or label_of(speaker, where)
    blank_before = True
    for element in objects(monologue, "elements", where):
        text = string(element, "value", where)
        raw = str(element.get("value") or "")
        if text:
            joined = not (blank_before or raw[0].isspace()) if spaced else element.get("type") == _MARK
            start_s = seconds(element, "ts" if "ts" in element else "timestamp", where)
            end_s = seconds(element, "end_ts" if "end_ts" in element else "end_timestamp", where)
            yield Token(text, label, start_s, end_s, line, joined)
        blank_before = raw[-1:].isspace()
