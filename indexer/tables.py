"""Tables whose columns say who speaks, what, and when: what CSV files, Word tables and lists of episodes share.

A column is known by its heading, whatever its case and punctuation: "Speaker Name", "startTime" and "start (ms)" are
a speaker and two starts, the second in milliseconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from indexer.clock import CLOCK, seconds
from indexer.errors import TranscriptError
from indexer.fields import LONGEST_S, label_of, one_line
from indexer.markup import spaces
from indexer.types import Dropped, TimeMark, Utterance

# The first heading that a table has is taken: the surer ones stand first.
_SPEAKER = tuple(
    "speaker name,speaker label,speaker,speakers,participant name,participant,name,who,person,speaker id".split(",")
)
_TEXT = tuple(
    "text,transcript,transcription,utterance,content,dialogue,dialog,caption,speech,sentence,message,body".split(",")
)
_START = tuple(
    "start,start time,start timestamp,starttime,begin,begin time,from,in,time in,timestamp,time stamp,timestamps,"
    "timecode,time code,time,clock".split(",")
)
_END = ("end", "end time", "end timestamp", "endtime", "finish", "to", "stop", "out", "time out")
_SECTION = ("section", "chapter", "heading", "topic")
_EPISODE = ("episode", "episode id", "episode title", "interview", "interview id", "transcript id")
_UNITS = {"ms": 1000, "msec": 1000, "millis": 1000, "milliseconds": 1000, "s": 1, "sec": 1, "secs": 1, "seconds": 1}
_CLOCK_PATTERN = ("hh", "h", "mm", "m", "ss", "ff")

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SIGNS = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"(\d{1,15}(?:[.,]\d{1,20})?(?:[eE]-\d{1,2})?) ?s?")
_FRAMES = re.compile(r"(\d{1,2}:\d{2}:\d{2})[:;]\d{2}")
_RANGE = re.compile(r"\s{0,9}(?:-->|–|—|→|\bto\b|(?<=\d)-(?=\d)|\s-\s)\s{0,9}")
_WALL_CLOCK = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d[^\n]{0,20}[ap]\.?m\.?$", re.IGNORECASE
)
_NOTHING = ("", "-", "–", "—", "n/a", "none", "null", "nan")
_LONGEST_TIME = 60
_BRACKETS = "[](){}<> "
_SENTENCE_END = '.!?…:;"”'


class Row(NamedTuple):
    """A line of a table, and where it begins."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what, counted from 0. `per_second` is the unit of `start` and `end`: 1000 for milliseconds."""

    text: int
    speaker: int | None = None
    start: int | None = None
    end: int | None = None
    section: int | None = None
    episode: int | None = None
    per_second: int = 1

    @property
    def used(self) -> frozenset[int]:
        chosen = (self.text, self.speaker, self.start, self.end, self.section)
        return frozenset(place for place in chosen if place is not None)


def find_columns(header: Sequence[str]) -> Columns | None:
    """The columns that a row of headings names; None where none of them is the text's.

    >>> find_columns(["id", "Speaker Name", "start (ms)", "Transcript"])
    Columns(text=3, speaker=1, start=2, end=None, section=None, episode=None, per_second=1000)
    """
    names: dict[str, int] = {}
    units: dict[int, int] = {}
    for place, heading in enumerate(header):
        name, units[place] = _heading(heading)
        names.setdefault(name, place)
    text, start = _first(names, _TEXT), _first(names, _START)
    if text is None:
        return None
    return Columns(
        text=text,
        speaker=_first(names, _SPEAKER),
        start=start,
        end=_first(names, _END),
        section=_first(names, _SECTION),
        episode=_first(names, _EPISODE),
        per_second=1 if start is None else units[start],
    )


def read_rows(
    rows: Iterable[Row], columns: Columns, *, blank_is_same: bool
) -> tuple[tuple[Utterance, ...], tuple[Dropped, ...]]:
    """What is said in the rows of a table.

    Args:
        blank_is_same: whether a blank speaker goes on in the voice above, or is nobody named.

    Raises:
        TranscriptError: a time cannot be read.
    """
    utterances: list[Utterance] = []
    dropped: list[Dropped] = []
    label: str | None = None
    for row in rows:
        said = _label(row, columns)
        label = said or (label if blank_is_same else None)
        found, wall_clock = _utterances(row, columns, label)
        utterances += found
        if not found and any(cell.strip() for cell in row.cells):
            dropped.append(Dropped("row without words", row.line, one_line(" ".join(row.cells))))
        if wall_clock:
            dropped.append(Dropped("time of day, not of the recording", row.line, wall_clock))
    return tuple(utterances), tuple(dropped)


def is_time(cell: str) -> bool:
    """Whether a cell holds a clock, or two of them: where a recording is, never a bare number.

    >>> [is_time(cell) for cell in ("[0:03]", "00:00:01.000 --> 00:00:04.000", "12", "At 0:03")]
    [True, True, False, False]
    """
    parts = _RANGE.split(cell.strip(_BRACKETS)) if len(cell) <= _LONGEST_TIME else ()
    return 0 < len(parts) <= 2 and all(
        re.fullmatch(rf"{CLOCK}(?:[:;]\d{{2}})?", part.strip(_BRACKETS)) for part in parts
    )


def cell_of(row: Row, place: int | None) -> str:
    """A row's cell; blank where the row is shorter."""
    return row.cells[place] if place is not None and place < len(row.cells) else ""


def plain_headings(header: Sequence[str]) -> list[str]:
    """Headings as keys.

    >>> plain_headings(["File", "Link Template", "duration"])
    ['file', 'link_template', 'duration']
    """
    return ["_".join(_SIGNS.sub(" ", heading).split()).casefold() for heading in header]


def _heading(text: str) -> tuple[str, int]:
    words = _SIGNS.sub(" ", _CAMEL.sub(" ", text.strip())).casefold().split()
    while len(words) > 1 and words[-1] in _CLOCK_PATTERN:
        words.pop()
    unit = _UNITS.get(words[-1], 0) if len(words) > 1 else 0
    return " ".join(words[:-1] if unit else words), unit or 1


def _first(names: Mapping[str, int], wanted: Iterable[str]) -> int | None:
    return next((names[name] for name in wanted if name in names), None)


def _label(row: Row, columns: Columns) -> str | None:
    return label_of(one_line(cell_of(row, columns.speaker)).removesuffix(":").rstrip())


def _utterances(row: Row, columns: Columns, label: str | None) -> tuple[list[Utterance], str | None]:
    """What is said in a row, a paragraph each, and the start that says the time of day instead."""
    start_s, end_s, wall_clock = _times(row, columns)
    section = one_line(cell_of(row, columns.section)) or None
    paragraphs = [words for line in cell_of(row, columns.text).split("\n") if (words := spaces(line))]
    found = [
        Utterance(
            label=label,
            text=words,
            line=row.line,
            marks=(TimeMark(0, start_s),) if number == 0 and start_s is not None else (),
            end_s=end_s if number == len(paragraphs) - 1 else None,
            section=section,
            starts_paragraph=number > 0 or columns.start is None,
        )
        for number, words in enumerate(paragraphs)
    ]
    return found, wall_clock


def _times(row: Row, columns: Columns) -> tuple[float | None, float | None, str | None]:
    start, end = (cell_of(row, place).strip(_BRACKETS) for place in (columns.start, columns.end))
    is_short = len(start) <= _LONGEST_TIME
    if is_short and len(parts := _RANGE.split(start)) == 2 and not _WALL_CLOCK.match(start):
        start, end = parts[0], end or parts[1]
    if _WALL_CLOCK.match(start):
        return None, None, start
    start_s = _time(start, columns.per_second, row.line)
    end_s = _time(end, columns.per_second, row.line)
    if start_s is not None and start_s >= LONGEST_S:
        return None, None, start
    return start_s, end_s, None


def _time(cell: str, per_second: int, line: int) -> float | None:
    text = cell.strip(_BRACKETS)
    if text.casefold() in _NOTHING:
        return None
    if len(text) > _LONGEST_TIME:
        raise _no_time(text, line)
    if number := _NUMBER.fullmatch(text):
        value = float(number[1].replace(",", "."))
        return value / per_second if math.isfinite(value) else None
    if frames := _FRAMES.fullmatch(text):
        text = frames[1]
    try:
        return seconds(text)
    except ValueError as error:
        raise _no_time(text, line) from error


def _no_time(text: str, line: int) -> TranscriptError:
    shown = text if len(text) <= _LONGEST_TIME else f"{text[:_LONGEST_TIME]}…"
    return TranscriptError(f"{shown!r} is no time.", line=line, remedy="Write times as HH:MM:SS.mmm or as seconds.")
