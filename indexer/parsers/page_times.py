"""Page copies with `Full Name - HH:MM:SS` above each turn and blank lines between paragraphs.

    Lena Ortiz - 00:01:17

    What made you change your mind?

What stands above the first turn, and from a line such as "Related Listening" on, is the page's, not speech.
"""

from __future__ import annotations

import re
from datetime import datetime

from indexer.clock import CLOCK, seconds
from indexer.errors import TranscriptError
from indexer.labels import is_label
from indexer.markup import spaces
from indexer.types import Dropped, Person, Role, TimeMark, Transcript, Utterance

_TURN = re.compile(rf"^(?P<name>[^\n]{{1,60}}?)\s+[-–—]\s+(?P<clock>{CLOCK})$")
_DATE = re.compile(r"^(?P<month>[A-Z][a-z]{2})[a-z]{0,6}\.? (?P<rest>\d{1,2}, \d{4})$")
_AFTERWORD = re.compile(
    r"^(?:related|more|recommended|other) (?:listening|episodes?|reading|posts?|articles?|resources?|content)\b"
    r"|^you (?:may|might) also (?:like|enjoy)\b",
    re.IGNORECASE,
)
_WITH_GUEST = re.compile(r"\b(?:with|ft\.?|feat\.?|featuring)\s+(?P<name>[A-Z][^,:;(|]{2,60})$")


def recognises(text: str) -> bool:
    return sum(_turn(line) is not None for line in text.split("\n")) >= 3


def parse(text: str) -> Transcript:
    lines = text.split("\n")
    turns = [i for i, line in enumerate(lines) if _turn(line)]
    if not turns:
        raise TranscriptError(
            "no speaker label: expected lines such as `Lena Ortiz - 00:01:17`.", remedy="Name the speakers in the file."
        )
    first = turns[0]
    end = next((i for i in range(turns[-1], len(lines)) if _opens_afterword(lines[i].strip())), len(lines))
    header = [spaces(line) for line in lines[:first] if line.strip()]
    title = _title(header)
    return Transcript(
        utterances=tuple(_utterances(lines, first, end)),
        title=title,
        show=header[0] if header and header[0] != title and len(header[0]) <= 60 else None,
        date=next((date for line in header if (date := _date(line))), None),
        people=_people(title, header),
        dropped=tuple(
            Dropped("page furniture", number, line.strip())
            for number, line in enumerate(lines, 1)
            if line.strip() and line.strip() != title and not first < number <= end
        ),
    )


def _turn(line: str) -> re.Match[str] | None:
    match = _TURN.match(line.strip())
    return match if match and is_label(match["name"]) else None


def _opens_afterword(line: str) -> bool:
    """A heading, not a sentence that happens to begin like one."""
    return _AFTERWORD.match(line) is not None and len(line) <= 60 and line[-1] not in ".!?,;…"


def _utterances(lines: list[str], first: int, end: int) -> list[Utterance]:
    label: str | None = None
    start_s: float | None = None
    found: list[Utterance] = []
    for index in range(first, end):
        line = spaces(lines[index])
        if not line:
            continue
        if turn := _turn(line):
            label, start_s = turn["name"], seconds(turn["clock"])
            continue
        marks = () if start_s is None else (TimeMark(0, start_s),)
        found.append(Utterance(label=label, text=line, line=index + 1, marks=marks))
        start_s = None
    return found


def _title(header: list[str]) -> str | None:
    repeated = next((line for line in header if header.count(line) > 1), None)
    if repeated:
        return repeated
    dated = next((i for i, line in enumerate(header) if _date(line)), None)
    if dated:
        return header[dated - 1]
    return header[0] if header else None


def _date(line: str) -> str | None:
    match = _DATE.match(line)
    if match is None:
        return None
    try:
        return datetime.strptime(f"{match['month']} {match['rest']}", "%b %d, %Y").date().isoformat()
    except ValueError:
        return None


def _people(title: str | None, header: list[str]) -> tuple[Person, ...]:
    named = _WITH_GUEST.search(title or "")
    if named is None or title is None:
        return ()
    below = header[header.index(title) + 1] if header.index(title) + 1 < len(header) else ""
    description = below if "," in below and not _date(below) else None
    return (Person(named["name"].strip(), Role.GUEST, description),)
