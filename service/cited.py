"""What a reference is made of, made ready for every style: clean words, names in parts, a date, a time, an address."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass
from urllib.parse import quote

from indexer.clock import clock
from indexer.names import name_key
from indexer.types import Role, TimeSource
from service.person_names import PersonName, person_name

# Control characters, halves of surrogate pairs, what turns the direction of writing, and noncharacters: none of them
# is a word, some of them break files, and `service.citations` uses the last ones for marks of its own.
_NO_WORDS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef]")
_NO_KEY = re.compile(r"[^A-Za-z0-9-]")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T.*)?)?)?", re.ASCII)
_WEB = re.compile(r"https?://[^\s/?#]\S*", re.ASCII | re.IGNORECASE)
# What may stand in an address as it is; the percent sign, because addresses come with their escapes.
_PLAIN_IN_ADDRESS = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True)
class Cited:
    """A quote and where it comes from, in plain values.

    `hosts` are the interviewers of the episode, as far as they are known. `speaker` is None where the transcript names
    nobody. `accessed` is the day on which the address was looked at: as a rule, today.
    """

    text: str
    speaker: str | None
    role: Role
    hosts: tuple[str, ...]
    episode_id: str
    title: str
    show: str | None
    date: str | None
    url: str | None
    deep_link: str | None
    language: str | None
    start_s: float | None
    time: TimeSource
    char_start: int
    char_end: int
    accessed: datetime.date


@dataclass(frozen=True, slots=True)
class Day:
    """A date as far as it is known. `words`: how it is stated, where that is no date."""

    year: int = 0
    month: int = 0
    day: int = 0
    words: str = ""

    @property
    def parts(self) -> list[int]:
        return [part for part in (self.year, self.month, self.day) if part]


@dataclass(frozen=True, slots=True)
class Facts:
    """A `Cited` made ready.

    `key` is of one place in one episode, the same after each indexing, and of ASCII letters, digits, - and _ alone.
    `hosts` are those beside the speaker. `start_s` is None where no time is to be shown; `is_about`: it lies between
    two that were read.
    """

    key: str
    episode_id: str
    char_start: int
    char_end: int
    speaker: PersonName | None
    role: Role
    hosts: tuple[PersonName, ...]
    title: str
    show: str | None
    day: Day | None
    url: str | None
    language: str | None
    start_s: int | None
    is_about: bool
    accessed: Day

    @property
    def leads(self) -> tuple[PersonName, ...]:
        """Whom a reference begins with: the speaker, and the other hosts where a host speaks."""
        if self.speaker is None:
            return ()
        return (self.speaker, *self.hosts) if self.role is Role.HOST else (self.speaker,)

    @property
    def others(self) -> tuple[PersonName, ...]:
        """The hosts that it names further on."""
        return () if self.leads and self.role is Role.HOST else self.hosts

    @property
    def is_interview(self) -> bool:
        """Whether the speaker is the one who was asked."""
        return self.speaker is not None and self.role is Role.GUEST

    @property
    def at(self) -> str | None:
        """The time that the quote begins at: `7:59`, or `ca. 7:59` where it was interpolated."""
        if self.start_s is None:
            return None
        return f"ca. {clock(self.start_s)}" if self.is_about else clock(self.start_s)


def facts_of(cited: Cited) -> Facts:
    """What the styles write from."""
    speaker = _name(cited.speaker)
    known = {name_key(speaker.natural)} if speaker else set()
    hosts: list[PersonName] = []
    for host in filter(None, map(_name, cited.hosts)):
        if name_key(host.natural) not in known:
            known.add(name_key(host.natural))
            hosts.append(host)
    return Facts(
        key=f"{_NO_KEY.sub(_hexadecimal, cited.episode_id)}-{cited.char_start}-{cited.char_end}",
        episode_id=cited.episode_id,
        char_start=cited.char_start,
        char_end=cited.char_end,
        speaker=speaker,
        role=cited.role,
        hosts=tuple(hosts),
        title=clean(cited.title) or clean(cited.episode_id),
        show=clean(cited.show or "") or None,
        day=_day(clean(cited.date or "")),
        url=_address(cited.deep_link) or _address(cited.url),
        language=clean(cited.language or "") or None,
        start_s=_whole_seconds(cited.start_s, cited.time),
        is_about=cited.time is TimeSource.INTERPOLATED,
        accessed=Day(cited.accessed.year, cited.accessed.month, cited.accessed.day),
    )


def clean(text: str) -> str:
    """One line without anything that is not to be seen."""
    return " ".join(without_controls(text).split())


def without_controls(text: str) -> str:
    """A text without control characters; lines stay."""
    return _NO_WORDS.sub("", text)


def _hexadecimal(sign: re.Match[str]) -> str:
    return f"_{ord(sign[0]):x}_"


def _name(spelled: str | None) -> PersonName | None:
    whole = clean(spelled or "")
    return person_name(whole) if whole else None


def _day(stated: str) -> Day | None:
    if not stated:
        return None
    match = _DATE.fullmatch(stated)
    if match is None:
        return Day(words=stated)
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        datetime.date(year or 0, 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        return Day(words=stated)
    return Day(year or 0, month or 0, day or 0)


def _address(url: str | None) -> str | None:
    """A web address that can stand anywhere; None for what is none, which may be a script."""
    trimmed = (url or "").strip()
    return quote(trimmed, safe=_PLAIN_IN_ADDRESS, errors="replace") if _WEB.fullmatch(trimmed) else None


def _whole_seconds(start_s: float | None, time: TimeSource) -> int | None:
    if start_s is None or time is TimeSource.ABSENT or not math.isfinite(start_s) or start_s < 0:
        return None
    return int(start_s)
