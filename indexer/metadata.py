"""What is known of an episode beside its words: front matter inside the file, or a sidecar next to it.

Lists of episodes and feeds (`indexer.listings`) state the same; what stands nearer to the words wins.

A sidecar of `talk.srt` is `talk.meta.yaml`, `talk.meta.yml` or `talk.meta.json`, with the same keys:
title, show, date, url (or link, media), language, duration, link_template, hosts, guests, speakers (names, or {name,
role, description}).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from indexer.archives import Member
from indexer.clock import seconds
from indexer.errors import TranscriptError
from indexer.labels import is_label
from indexer.links import template_error
from indexer.markup import spaces
from indexer.reading import decode
from indexer.types import Person, Role, Transcript

SIDECAR_SUFFIXES = (".meta.yaml", ".meta.yml", ".meta.json")
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n(?P<yaml>.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_INITIALS_BEHIND_NAME = re.compile(r"(?<=\w)\s+\([A-Z][A-Za-z]{0,3}\)\s*$")
_PRONOUNS = re.compile(r"\s*\((?:she|he|they|ze|xe)(?:\s?/\s?\w{2,6}){1,3}\)", re.IGNORECASE)
_ROLE_IN_NAME = re.compile(r"\s*[(\[](?P<role>host|co-host|cohost|guest|interviewer|interviewee)[)\]]\s*$", re.I)
_MONTH = r"(?P<month>[A-Z][a-z]{2})[a-z]{0,6}\.?"
_DAY, _YEAR = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<year>\d{4})"
_MONTH_FIRST = re.compile(rf"{_MONTH} {_DAY},? {_YEAR}")
_DAY_FIRST = re.compile(rf"{_DAY}\.? {_MONTH},? {_YEAR}")
_DURATION = re.compile(
    r"(?:PT)?(?:(\d{1,3})\s?h(?:ours?|rs?)?)?\s?(?:(\d{1,4})\s?m(?:in(?:utes?|s)?)?\.?)?\s?(?:(\d{1,5})\s?s(?:ec(?:onds?)?)?\.?)?",
    re.IGNORECASE,
)
# ISO 639-1.
_LANGUAGES = frozenset(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz "
    "ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik "
    "io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml "
    "mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd "
    "se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi "
    "vo wa wo xh yi yo za zh zu".split()
)
_BETWEEN_NAMES = re.compile(r"\s*[,;&]\s*|\s+(?:and|y)\s+")
_NULL = "tag:yaml.org,2002:null"
_ROLES = {"host": Role.HOST, "co-host": Role.HOST, "cohost": Role.HOST, "interviewer": Role.HOST}
_ROLES |= {"guest": Role.GUEST, "interviewee": Role.GUEST}
_PEOPLE = (
    *((key, Role.HOST) for key in ("hosts", "host")),
    *((key, Role.GUEST) for key in ("guests", "guest")),
    *((key, None) for key in ("speakers", "speaker")),
)


class _Loader(yaml.BaseLoader):
    """Reads every value as the text that stands there (a title may be `No` or 1:30), nothing as None."""


_Loader.add_implicit_resolver(_NULL, re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_constructor(_NULL, lambda *_: None)


def split_front_matter(text: str) -> tuple[dict[str, Any], str, int]:
    """The front matter, the text below it, and the number of that text's first line.

    Raises:
        TranscriptError: the front matter is no YAML mapping.
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text, 1
    return (
        mapping(match["yaml"], first_line=2),
        text[match.end() :],
        text.count("\n", 0, match.end()) + 1,
    )


def sidecar_of(path: Path) -> Path | None:
    """The metadata file that stands beside a transcript, if there is one."""
    candidates = (path.with_name(path.stem + suffix) for suffix in SIDECAR_SUFFIXES)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def apply_sidecar(path: Path | Member, transcript: Transcript) -> Transcript:
    """The transcript with its gaps filled from a sidecar.

    Raises:
        TranscriptError: it cannot be read or understood, naming it and the line.
    """
    try:
        return apply(mapping(decode(path.read_bytes()), first_line=1), transcript, first=False)
    except OSError as error:
        raise TranscriptError(
            f"{path.name}: cannot be read ({error.strerror}).", remedy="Check its permissions."
        ) from error
    except TranscriptError as error:
        raise TranscriptError(f"{path.name}: {error.reason}", line=error.line, remedy=error.remedy) from error


def apply(metadata: Mapping[str, Any], transcript: Transcript, *, first: bool) -> Transcript:
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
        duration_s=_duration(metadata.get("duration")),
        link_template=_link_template(_text(metadata, "link_template")),
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
        duration_s=stronger.duration_s if stronger.duration_s is not None else weaker.duration_s,
        link_template=stronger.link_template or weaker.link_template,
    )


def apply_lists(
    stated: Sequence[Mapping[str, Any]], shows: Sequence[Mapping[str, Any]], transcript: Transcript
) -> Transcript:
    """The transcript with its gaps filled from what lists of episodes state of it, and then of its show."""
    for metadata in stated:
        transcript = apply(metadata, transcript, first=False)
    for metadata in shows:
        show = _text(metadata, "show", "podcast") or ""
        if transcript.show and show.casefold() == transcript.show.casefold():
            transcript = apply(metadata, transcript, first=False)
    return transcript


def apply_file_name(name: str, transcript: Transcript) -> Transcript:
    """The transcript with the language that its file's name gives, where nothing else does.

    >>> apply_file_name("talks/rain.es.md", Transcript(utterances=())).language
    'es'
    """
    _, *suffixes = PurePosixPath(name.casefold()).name.split(".")
    if transcript.language is None and len(suffixes) >= 2 and suffixes[-2] in _LANGUAGES:
        return replace(transcript, language=suffixes[-2])
    return transcript


def person(text: str) -> Person:
    """A name with its role where that stands in parentheses behind it; pronouns there are no part of the name.

    >>> person("Ana Ruiz (host)")
    Person(name='Ana Ruiz', role=<Role.HOST: 'host'>, description=None, aliases=())
    """
    text = _INITIALS_BEHIND_NAME.sub("", _PRONOUNS.sub("", text))
    match = _ROLE_IN_NAME.search(text)
    if match is None or match.start() == 0:
        return Person(spaces(text))
    return Person(spaces(text[: match.start()]), _ROLES[match["role"].casefold()])


def mapping(text: str, *, first_line: int) -> dict[str, Any]:
    """The keys and values of a YAML (or JSON) text, every value as it is spelled.

    Raises:
        TranscriptError: it is no YAML mapping, with the line.
    """
    remedy = "Write `key: value` lines, and quote a value that holds a colon."
    try:
        value = yaml.load(text, _Loader)  # noqa: S506  no tag constructs anything  # nosec B506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + first_line if mark else None
        problem = getattr(error, "problem", None) or "not understood"
        raise TranscriptError(f"the metadata is no valid YAML: {problem}.", line=line, remedy=remedy) from error
    except RecursionError as error:
        raise TranscriptError("the metadata is nested too deeply.", remedy=remedy) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TranscriptError("the metadata is not a list of keys and values.", line=first_line, remedy=remedy)
    return {str(key): content for key, content in value.items()}


def _text(metadata: Mapping[str, Any], *keys: str) -> str | None:
    for key in keys:
        value = metadata.get(key)
        if isinstance(value, str) and value.strip():
            return spaces(value.replace("\n", " "))
    return None


def read_date(text: str) -> str | None:
    """The day that a text names, as YYYY-MM-DD.

    >>> read_date("2024-05-14T09:00:00Z"), read_date("August 8th, 2019"), read_date("8 Aug 2019"), read_date("soon")
    ('2024-05-14', '2019-08-08', '2019-08-08', None)
    """
    match = _DAY_FIRST.fullmatch(text.strip()) or _MONTH_FIRST.fullmatch(text.strip())
    try:
        if match is None:
            return datetime.fromisoformat(text.strip().replace("/", "-")).date().isoformat()
        return datetime.strptime(f"{match['month']} {match['day']} {match['year']}", "%b %d %Y").date().isoformat()
    except ValueError:
        return None


def _date(value: Any) -> str | None:
    if value is None or value == "":
        return None
    found = read_date(str(value))
    if found is None:
        raise TranscriptError(f"`date` is {value!r}, not a day.", remedy="Write it as YYYY-MM-DD, or leave it out.")
    return found


def read_duration(text: str) -> float | None:
    """A length in seconds.

    >>> [read_duration(text) for text in ("3723", "1:02:03", "62:03", "PT1H2M3S", "54 min", "about an hour")]
    [3723.0, 3723.0, 3723.0, 3723.0, 3240.0, None]
    """
    try:
        return float(seconds(text))
    except ValueError:
        match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def _duration(value: Any) -> float | None:
    if value is None or value == "":
        return None
    found = read_duration(str(value))
    if found is None:
        raise TranscriptError(f"`duration` is {value!r}, not a length.", remedy="Write it as H:MM:SS or in seconds.")
    return found or None


def _link_template(template: str | None) -> str | None:
    if template and (problem := template_error(template)):
        raise TranscriptError(f"{problem}: {template!r}.", remedy="Write it as https://example.org/episode?t={s}.")
    return template


def _people(metadata: Mapping[str, Any]) -> tuple[Person, ...]:
    found: list[Person] = []
    for key, role in _PEOPLE:
        for entry in _list(metadata, key):
            found.append(_person(entry, role, key))
    return tuple(found)


def _list(metadata: Mapping[str, Any], key: str) -> list[Any]:
    value = metadata.get(key)
    if value is None:
        return []
    if isinstance(value, str):
        return split_names(value) or [value]
    return value if isinstance(value, list) else [value]


def split_names(text: str) -> list[str]:
    """The full names that a text lists; none where any part of it is something else.

    >>> split_names("Ana Ruiz, Lena Ortiz and Omar Haddad (guest)"), split_names("Ana Ruiz, sailor")
    (['Ana Ruiz', 'Lena Ortiz', 'Omar Haddad (guest)'], [])
    """
    names = _BETWEEN_NAMES.split(text.strip())
    return names if all(is_label(name) and " " in name for name in names) else []


def _person(entry: Any, role: Role | None, key: str) -> Person:
    if isinstance(entry, str):
        stated = person(entry)
        return replace(stated, role=stated.role or role)
    if isinstance(entry, dict) and isinstance(entry.get("name"), str):
        stated = person(entry["name"])
        named = _ROLES.get(str(entry.get("role", "")).casefold())
        return Person(stated.name, named or stated.role or role, _text(entry, "description", "title"))
    raise TranscriptError(f"`{key}` holds {entry!r}, not a name.", remedy="List names, or `{name: …, role: host}`.")
