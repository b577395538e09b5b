"""What a query asks for beside its words, without any guessing: whose words, which phrases, which show or days.

`speaker:"Lena Ortiz"`, `show:`, `episode:`, `section:`, `role:`, `after:2024-01-31` and `before:` are filters. So is
a person of the archive in "what does Lena Ortiz say about …", "according to Lena Ortiz" and "Lena Ortiz on …". A name
that may be several people's is reported and filters nothing. A "quoted phrase" must occur.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from indexer.types import Role
from service.archive import Archive
from service.filters import Filters, listed

_Value = TypeVar("_Value")
_OPERATOR = re.compile(
    r"(?<!\S)(speaker|show|episode|section|role|after|before):(?:[\"“”]([^\"“”]{1,200})[\"“”]|(\S{1,200}))",
    re.IGNORECASE,
)
_PHRASE = re.compile(r"[\"“”]([^\"“”]{1,500})[\"“”]")
_NAME = r"(?P<name>[^\W\d_][\w'’.\-]*(?: [^\W\d_][\w'’.\-]*){0,3}?)"
_SAYS = "(?:says?|said|thinks?|thought|believes?|argues?|means?|recommends?|feels?|suggests?)"
_VIEW = "(?:views?|opinion|take|thoughts?|position)"
# "Rust on small machines" may be anybody's question: a last name alone is no name here.
_NAME_ON = rf"^\s*{_NAME}\s+(?:on|about)\s+"
_ASKS_WHOSE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^\s*(?:what|how|why)\s+(?:does|do|did|would|has)\s+{_NAME}\s+(?:have\s+to\s+)?{_SAYS}\b"
        r"(?:\s+(?:about|of|on|that))?\s*",
        rf"\baccording to {_NAME}(?=[,?.]|$)[,]?\s*",
        rf"^\s*(?:what (?:is|are|was|were)\s+)?{_NAME}['’]s?\s+{_VIEW}\s+(?:on|of|about)\s+",
        _NAME_ON,
    )
)


@dataclass(frozen=True, slots=True)
class Understood:
    """A query taken apart. `text` is what is searched for; `phrases` must occur in a hit's text."""

    text: str
    phrases: tuple[str, ...]
    filters: Filters
    notes: tuple[str, ...]


def understand_query(query: str, filters: Filters, archive: Archive) -> Understood:
    """What a query asks for. Filters that are given beside it win over those in it."""
    notes: list[str] = []
    text, stated = _operators(query, notes)
    phrases = tuple(" ".join(phrase.split()) for phrase in _PHRASE.findall(text) if phrase.strip())
    if stated.speaker is None and filters.speaker is None:
        text, speaker = _whose(text, archive, notes)
        stated = replace(stated, speaker=speaker)
    merged = Filters(
        speaker=filters.speaker or stated.speaker,
        role=filters.role or stated.role,
        episode=filters.episode or stated.episode,
        show=filters.show or stated.show,
        section=filters.section or stated.section,
        language=filters.language,
        date_from=filters.date_from or stated.date_from,
        date_to=filters.date_to or stated.date_to,
        kinds=filters.kinds,
        condition=filters.condition,
    )
    return Understood(text if text.strip() else query, phrases, merged, tuple(notes))


def holds_phrases(text: str, phrases: Sequence[str]) -> bool:
    """Whether all phrases stand in a text, whatever the case, the blanks and the shape of apostrophes."""
    flat = _flat(text)
    return all(_flat(phrase) in flat for phrase in phrases)


def _operators(query: str, notes: list[str]) -> tuple[str, Filters]:
    stated: dict[str, str] = {}
    for match in _OPERATOR.finditer(query):
        stated[match.group(1).casefold()] = match.group(2) or match.group(3)
    return " ".join(_OPERATOR.sub(" ", query).split()), Filters(
        speaker=stated.get("speaker"),
        show=stated.get("show"),
        episode=stated.get("episode"),
        section=stated.get("section"),
        role=_converted(Role, stated.get("role"), "role", "host, guest or unknown", notes),
        date_from=_converted(date.fromisoformat, stated.get("after"), "after", "a day, YYYY-MM-DD", notes),
        date_to=_converted(date.fromisoformat, stated.get("before"), "before", "a day, YYYY-MM-DD", notes),
    )


def _converted(
    convert: Callable[[str], _Value], stated: str | None, name: str, expected: str, notes: list[str]
) -> _Value | None:
    if stated is None:
        return None
    try:
        return convert(stated.casefold())
    except ValueError:
        notes.append(f"{name}: {stated!r} is not {expected}; it filters nothing.")
        return None


def _whose(text: str, archive: Archive, notes: list[str]) -> tuple[str, str | None]:
    """The text without the words that ask whose it is, and that person's name."""
    for pattern in _ASKS_WHOSE:
        match = pattern.search(text)
        if match is None:
            continue
        people = archive.people.called(match["name"], last_names=pattern.pattern != _NAME_ON)
        if len(people) == 1:
            notes.append(f"speaker: only the words of {people[0]}; put the name elsewhere to search for it as a word.")
            return f"{text[: match.start()]} {text[match.end() :]}".strip(), people[0]
        if people:
            notes.append(f"speaker: {match['name']!r} may be {listed(people)}; nobody was picked. Give the full name.")
            return text, None
        if near := archive.people.near(match["name"]):
            notes.append(f"speaker: nobody is called {match['name']!r}, and nobody was picked; near: {listed(near)}.")
            return text, None
    return text, None


def _flat(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").split())


def names_in(text: str) -> list[str]:
    """Runs of two to four capitalised words, which are likely names.

    >>> names_in("what did Ada Lovelace tell Charles?")
    ['Ada Lovelace']
    """
    return re.findall(r"\b(?:[A-Z][\w'’\-]+ ){1,3}[A-Z][\w'’\-]+", text)
