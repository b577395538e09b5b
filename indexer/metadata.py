"""What is known of an episode beside its words: front matter inside the file, or a sidecar next to it.

A sidecar of `talk.srt` is `talk.meta.yaml`, `talk.meta.yml` or `talk.meta.json`, with the same keys:
title, show, date, url (or link, media), language, speakers (names, or {name, role, description}), hosts.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from indexer.errors import TranscriptError
from indexer.markup import spaces
from indexer.reading import decode
from indexer.types import Person, Role, Transcript

SIDECAR_SUFFIXES = (".meta.yaml", ".meta.yml", ".meta.json")
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n(?P<yaml>.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_ROLE_IN_NAME = re.compile(r"\s*[(\[](?P<role>host|co-host|cohost|guest|interviewer|interviewee)[)\]]\s*$", re.I)
_ROLES = {"host": Role.HOST, "co-host": Role.HOST, "cohost": Role.HOST, "interviewer": Role.HOST}
_ROLES |= {"guest": Role.GUEST, "interviewee": Role.GUEST}


def split_front_matter(text: str) -> tuple[dict[str, Any], str, int]:
    """The front matter, the text below it, and the number of that text's first line.

    Raises:
        TranscriptError: the front matter is no YAML mapping.
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text, 1
    return (
        _mapping(match["yaml"], first_line=2),
        text[match.end() :],
        text.count("\n", 0, match.end()) + 1,
    )


def sidecar_of(path: Path) -> Path | None:
    """The metadata file that stands beside a transcript, if there is one."""
    candidates = (path.with_name(path.stem + suffix) for suffix in SIDECAR_SUFFIXES)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def read_sidecar(path: Path) -> dict[str, Any]:
    """A sidecar's keys.

    Raises:
        TranscriptError: it cannot be read, naming it and the line.
    """
    try:
        return _mapping(decode(path.read_bytes()), first_line=1)
    except TranscriptError as error:
        raise TranscriptError(f"{path.name}: {error.reason}", line=error.line, remedy=error.remedy) from error


def apply(metadata: dict[str, Any], transcript: Transcript, *, first: bool) -> Transcript:
    """The transcript with what the metadata states. With `first` it wins over what is there, else it fills gaps.

    Raises:
        TranscriptError: a date or a list of speakers cannot be understood.
    """
    stated = Transcript(
        utterances=transcript.utterances,
        title=_text(metadata, "title"),
        show=_text(metadata, "show", "podcast"),
        date=_date(metadata.get("date")),
        url=_text(metadata, "url", "link", "media"),
        language=_text(metadata, "language", "lang"),
        people=_people(metadata),
    )
    stronger, weaker = (stated, transcript) if first else (transcript, stated)
    return Transcript(
        utterances=transcript.utterances,
        title=stronger.title or weaker.title,
        show=stronger.show or weaker.show,
        date=stronger.date or weaker.date,
        url=stronger.url or weaker.url,
        language=stronger.language or weaker.language,
        people=(*stronger.people, *weaker.people),
        dropped=transcript.dropped,
    )


def person(text: str) -> Person:
    """A name with its role where that stands in parentheses behind it.

    >>> person("Ana Ruiz (host)")
    Person(name='Ana Ruiz', role=<Role.HOST: 'host'>, description=None)
    """
    match = _ROLE_IN_NAME.search(text)
    if match is None:
        return Person(spaces(text))
    return Person(spaces(text[: match.start()]), _ROLES[match["role"].casefold()])


def _mapping(text: str, *, first_line: int) -> dict[str, Any]:
    remedy = "Write `key: value` lines, and quote a value that holds a colon."
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + first_line if mark else None
        problem = getattr(error, "problem", None) or "not understood"
        raise TranscriptError(f"the metadata is no valid YAML: {problem}.", line=line, remedy=remedy) from error
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"the metadata is no valid YAML: {error}.", remedy=remedy) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TranscriptError("the metadata is not a list of keys and values.", line=first_line, remedy=remedy)
    return {str(key): content for key, content in value.items()}


def _text(metadata: dict[str, Any], *keys: str) -> str | None:
    for key in keys:
        value = metadata.get(key)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and spaces(str(value)):
            return spaces(str(value))
    return None


def _date(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return datetime.fromisoformat(str(value).strip()).date().isoformat()
    except ValueError as error:
        raise TranscriptError(
            f"`date` is {value!r}, not a day.", remedy="Write it as YYYY-MM-DD, or leave it out."
        ) from error


def _people(metadata: dict[str, Any]) -> tuple[Person, ...]:
    found: list[Person] = []
    for key, role in (("hosts", Role.HOST), ("guests", Role.GUEST), ("speakers", None)):
        for entry in _list(metadata, key):
            found.append(_person(entry, role, key))
    return tuple(found)


def _list(metadata: dict[str, Any], key: str) -> list[Any]:
    value = metadata.get(key)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _person(entry: Any, role: Role | None, key: str) -> Person:
    if isinstance(entry, str):
        stated = person(entry)
        return replace(stated, role=stated.role or role)
    if isinstance(entry, dict) and isinstance(entry.get("name"), str):
        stated = person(entry["name"])
        named = _ROLES.get(str(entry.get("role", "")).casefold())
        return Person(stated.name, named or stated.role or role, _text(entry, "description", "title"))
    raise TranscriptError(f"`{key}` holds {entry!r}, not a name.", remedy="List names, or `{name: …, role: host}`.")
