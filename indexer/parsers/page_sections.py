"""Page copies with `Name:` alone on its line, the words below, and section headings between blank lines.

    Intro

    Lena:
    Good morning.
    Two paragraphs of one turn stand on two lines.

What stands above the line "Transcript" is the page's, not speech; so is a last line that advertises.
"""

from __future__ import annotations

import re

from indexer.errors import TranscriptError
from indexer.labels import is_label
from indexer.markup import spaces
from indexer.types import Dropped, Person, Role, Transcript, Utterance

_SKIP_LINKS = frozenset({"skip to main content", "skip to content", "menu"})
_BIOGRAPHY = re.compile(
    r"^(?P<name>[^\W\d_a-z][\w'’.\-]+(?: [^\W\d_a-z][\w'’.\-]+){1,3}) is (?:an? |the )?"
    r"(?P<what>(?:[\w\-]+ ){0,4}(?:founder|chief|head|director|principal|professor|partner|president|officer|CEO|CTO"
    r"|engineer|scientist|researcher|economist|physician|investor|author)\b[^.,;]{0,80})"
)
_TITLE_NAME = re.compile(r"^(?P<name>[^\W\d_a-z][\w'’.\-]+(?: (?:[a-z]{2,3} )?[^\W\d_a-z][\w'’.\-]+){1,3}) [—–|-] ")
_ADVERTISEMENT = re.compile(
    r"\b(?:try|get started|sign up|start|book|download|join|visit|subscribe)\b[^.!?]{0,80}"
    r"\b(?:today|now|free|trial|demo|account)\b[^.!?]{0,20}[.!]?$",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i’m|we|we're|we’re|my|our|me|us|so|thanks|thank|bye)\b", re.IGNORECASE)


def recognises(text: str) -> bool:
    labels = [line[:-1] for line in text.split("\n") if _is_label_line(line)]
    return len(labels) >= 3 and len(set(labels)) < len(labels)


def parse(text: str) -> Transcript:
    lines = text.split("\n")
    start = _first_spoken_line(lines)
    preface = [line.strip() for line in lines[:start]]
    title = next((line for line in preface if line and line.casefold() not in _SKIP_LINKS), None)
    end, advertisement = _strip_advertisement(lines)
    dropped = [
        Dropped("page furniture", number, line.strip())
        for number, line in enumerate(lines[:start], 1)
        if line.strip() and line.strip() != title
    ]
    return Transcript(
        utterances=tuple(_utterances(lines, start, end)),
        title=title,
        people=_people(title, preface),
        dropped=(*dropped, *advertisement),
    )


def _is_label_line(line: str) -> bool:
    stripped = line.strip()
    return stripped.endswith(":") and is_label(stripped[:-1])


def _first_spoken_line(lines: list[str]) -> int:
    first_label = next((i for i, line in enumerate(lines) if _is_label_line(line)), None)
    if first_label is None:
        raise TranscriptError(
            "no speaker label: expected lines such as `Lena Ortiz:`.", remedy="Name the speakers in the file."
        )
    for index in range(first_label, -1, -1):
        if lines[index].strip().casefold() == "transcript":
            return index + 1
    above = first_label - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    is_heading = above >= 0 and _is_heading(lines, above, compact=_is_compact(lines))
    return above if is_heading and above > 0 else first_label


def _is_compact(lines: list[str]) -> bool:
    """True where turns follow each other without blank lines, so that blank lines mean a heading."""
    labels = [i for i, line in enumerate(lines) if _is_label_line(line) and i > 0]
    after_blank = sum(not lines[i - 1].strip() for i in labels)
    return after_blank * 2 < len(labels)


def _is_heading(lines: list[str], index: int, *, compact: bool) -> bool:
    line = lines[index].strip()
    if not line or len(line) > 120 or _is_label_line(line):
        return False
    alone = (index == 0 or not lines[index - 1].strip()) and (index + 1 < len(lines) and not lines[index + 1].strip())
    if not alone or not (compact or line[-1] not in '.!?…"”'):
        return False
    before = next((other for other in reversed(lines[:index]) if other.strip()), "")
    following = next((other for other in lines[index + 1 :] if other.strip()), "")
    return _is_label_line(following) and not _is_label_line(before)


def _utterances(lines: list[str], start: int, end: int) -> list[Utterance]:
    compact = _is_compact(lines)
    label: str | None = None
    section: str | None = None
    found: list[Utterance] = []
    for index in range(start, end):
        line = spaces(lines[index])
        if not line:
            continue
        if _is_label_line(line):
            label = line[:-1].strip()
        elif _is_heading(lines, index, compact=compact):
            section, label = line, None
        else:
            found.append(Utterance(label=label, text=line, line=index + 1, section=section))
    return found


def _strip_advertisement(lines: list[str]) -> tuple[int, list[Dropped]]:
    last = max(i for i, line in enumerate(lines) if line.strip())
    line = lines[last].strip()
    if _ADVERTISEMENT.search(line) and not _FIRST_PERSON.search(line) and not _is_label_line(lines[last - 1]):
        return last, [Dropped("advertisement", last + 1, line)]
    return len(lines), []


def _people(title: str | None, preface: list[str]) -> tuple[Person, ...]:
    described = {m["name"]: spaces(m["what"]) for line in preface if (m := _BIOGRAPHY.match(line))}
    named = _TITLE_NAME.match(title or "")
    guest = [Person(named["name"], Role.GUEST, described.pop(named["name"], None))] if named else []
    return (*guest, *(Person(name, None, what) for name, what in described.items()))
