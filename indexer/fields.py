"""Fields of a JSON value: read, or refused with the place that is wrong. A missing field and `null` are one.

>>> entry = {"start": "1.5", "words": [{"word": "Yes."}]}
>>> seconds(entry, "start", "segment 1"), string(entry, "text", "segment 1"), objects(entry, "words", "segment 1")
(1.5, '', [{'word': 'Yes.'}])
"""

from __future__ import annotations

import re
from typing import Any

from indexer import clock
from indexer.errors import TranscriptError
from indexer.markup import spaces

LONGEST_S = 1_000_000
_TOO_MUCH = 1e15
_REMEDY = "Export the transcript again."
_NUMBER = re.compile(r"\d{1,7}(?:\.\d{1,12})?")
_UNNAMED = re.compile(r"\d{1,4}[A-Z]?")


def refusal(where: str, problem: str, *, remedy: str = _REMEDY) -> TranscriptError:
    """The error to raise; `where` is empty for the file itself."""
    return TranscriptError(one_line(f"{where}: {problem}." if where else f"{problem}."), remedy=remedy)


def member(content: Any, *keys: str) -> Any:
    """What lies at the end of a path of keys, None where the path breaks off."""
    for key in keys:
        if not isinstance(content, dict):
            return None
        content = content.get(key)
    return content


def objects(entry: dict[str, Any], key: str, where: str = "") -> list[dict[str, Any]]:
    """The objects of a list."""
    found = entry.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise refusal(where, f"`{key}` is not a list")
    for number, one in enumerate(found, 1):
        if not isinstance(one, dict):
            raise refusal(where, f"entry {number} of `{key}` is not an object")
    return found


def mapping(entry: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
    """An object; an empty one where there is none."""
    found = entry.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise refusal(where, f"`{key}` is not an object")
    return found


def first_object(entry: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
    """The first object of a list, such as the best of several readings; an empty one where there is none."""
    found = objects(entry, key, where)
    return found[0] if found else {}


def string(entry: dict[str, Any], key: str, where: str = "") -> str:
    """A text on one line, blanks collapsed."""
    found = entry.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise refusal(where, f"`{key}` is {_shown(found)}, not text")
    return one_line(found)


def one_line(text: str) -> str:
    return spaces(text.replace("\n", " "))


def known(content: Any, *keys: str) -> str | None:
    """A text at the end of a path of keys that may be missing or of another kind, as descriptions are."""
    found = member(content, *keys)
    return one_line(found) or None if isinstance(found, str) else None


def seconds(entry: dict[str, Any], key: str, where: str = "", *, per_second: int = 1) -> float | None:
    """A time in seconds: a number, or a text that holds one or a clock."""
    found = entry.get(key)
    if found is None or found == "":
        return None
    value = _number(found)
    if value is None or not 0 <= value < LONGEST_S * per_second:
        raise refusal(where, f"`{key}` is {_shown(found)}, not a time")
    return value if per_second == 1 else value / per_second


def end_of(start_s: float | None, duration_s: float | None) -> float | None:
    """When what lasts so long ends, if both are known."""
    return None if start_s is None or duration_s is None else round(start_s + duration_s, 6)


def label_of(value: Any, where: str = "") -> str | None:
    """A speaker as a label: numbers, which are nobody's name, become "Speaker n"; negative ones name nobody.

    >>> [label_of(value) for value in (0, "1", "SPEAKER_00", " Lena  Ortiz", "", None, -1)]
    ['Speaker 0', 'Speaker 1', 'SPEAKER_00', 'Lena Ortiz', None, None, None]
    """
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise refusal(where, f"the speaker is {_shown(value)}, not a name or a number")
    text = one_line(str(value))
    if _UNNAMED.fullmatch(text):
        return f"Speaker {text}"
    return None if text.startswith("-") and text[1:].isdigit() else text or None


def channel_of(value: Any, where: str = "") -> str:
    """A channel's number or name; empty where none is stated."""
    if isinstance(value, bool) or not isinstance(value, int | str | None):
        raise refusal(where, f"the channel is {_shown(value)}, not a number or a name")
    return "" if value is None else one_line(str(value))


def lettered(label: str | None) -> str | None:
    """The label of a tool that letters its speakers: "A" becomes "Speaker A", names stay."""
    return f"Speaker {label}" if label and len(label) == 1 and label.isupper() else label


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        if _NUMBER.fullmatch(value.strip()):
            return float(value)
        try:
            return clock.seconds(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _TOO_MUCH:
        return None
    return float(value)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
