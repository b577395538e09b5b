"""Page copies with `Full Name - HH:MM:SS` above each turn and blank lines between paragraphs.

    Lena Ortiz - 00:01:17

    What made you change your mind?

What stands above the first turn, and from a line such as "Related Listening" on, is the page's, not speech.
"""

from __future__ import annotations

import re
from datetime import datetime

from indexer.clock import CLOCK, seconds
from indexer.labels import is_label
from indexer.markup import spaces
from indexer.types import Dropped, Person, Role, TimeMark, Transcript, Utterance

_TURN = re.compile(rf"^(?P<name>[^\n]{{1,60}}?)\s+[-–—]\s+(?P<clock>{CLOCK})$")
_DATE = re.compile(r"^[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4}$")
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
    first = next(i for i, line in enumerate(lines) if _turn(line))
    last_turn = max(i for i, line in enumerate(lines) if _turn(line))
    end = next((i for i in range(last_turn, len(lines)) if _AFTERWORD.match(lines[i].strip())), len(lines))
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
    if not _DATE.match(line):
        return None
    for layout in ("%B %d, %Y", "%b %d, %Y"):
        try:
            return datetime.strptime(line.replace(".", ""), layout).date().isoformat()
        except ValueError:
            continue
    return None


def _people(title: str | None, header: list[str]) -> tuple[Person, ...]:
    named = _WITH_GUEST.search(title or "")
    if named is None or title is None:
        return ()
    below = header[header.index(title) + 1] if header.index(title) + 1 < len(header) else ""
    description = below if "," in below and not _date(below) else None
    return (Person(named["name"].strip(), Role.GUEST, description),)
