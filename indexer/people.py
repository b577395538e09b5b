"""Who is who across an archive: spellings of one name become one person, and hosts are known by their recurrence.

What it does: joins names that differ in case, accents or titles; completes a first name, a last name or initials by the
one full name of the same show that they can belong to; applies the aliases that the user states, which win over every
guess. What it does not: join names that differ in any other way. Ron Evans and Jon Evans are two people.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.errors import ArchiveError, TranscriptError
from indexer.metadata import mapping
from indexer.names import name_key
from indexer.reading import decode
from indexer.speakers import short_names
from indexer.types import Person, Role, Speaker

_SHOW_MIN_EPISODES = 4
_HOST_SHARE = 0.3
_RECURRENCE_CONFIDENCE = 0.8
_GUEST_CONFIDENCE = 0.7
_ROLES = (None, *Role)


def read_people(path: Path) -> dict[str, Person]:
    """The user's own list: the key of every name and alias in it (see `name_key`) to the person.

    It maps each full name to its aliases, or to `{aliases: [...], role: host, description: ...}`.

    Raises:
        ArchiveError: it cannot be understood, naming the entry.
    """
    try:
        content = mapping(decode(path.read_bytes()), first_line=1)
    except TranscriptError as error:
        raise ArchiveError(f"{path}: {error}") from error
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror}). Check it and run this again.") from error
    people: dict[str, Person] = {}
    for name, entry in content.items():
        details = entry if isinstance(entry, dict) else {"aliases": entry}
        aliases = details.get("aliases") or []
        role = details.get("role")
        if not isinstance(aliases, list) or not all(isinstance(a, str) for a in aliases) or role not in _ROLES:
            raise ArchiveError(
                f"{path}: {name!r}: expected a list of aliases, or {{aliases: [...], role: host or guest}}."
            )
        person = Person(name, Role(role) if role else None, details.get("description"), tuple(aliases))
        for spelling in (name, *aliases):
            known = people.setdefault(name_key(spelling), person)
            if known is not person:
                raise ArchiveError(f"{path}: {spelling!r} is given to both {known.name} and {name}.")
    return people


@dataclass(frozen=True, slots=True)
class Appearance:
    """One speaker of one episode. `show` is the show's name, or the folder where it is not stated."""

    episode: int
    show: str
    speaker: Speaker


def join_people(appearances: Sequence[Appearance], stated: Mapping[str, Person]) -> list[Speaker]:
    """The speakers of an archive, in the order given, under one name each and with their roles.

    Args:
        stated: the user's own list: key of a name or an alias (see `name_key`) to the person.
    """
    named = [_apply_stated(appearance.speaker, stated) for appearance in appearances]
    completed = _complete_short_names(appearances, named)
    spelled = _one_spelling(completed)
    return _roles_by_recurrence(appearances, spelled)


def _apply_stated(speaker: Speaker, stated: Mapping[str, Person]) -> Speaker:
    keys = (speaker.name, *speaker.aliases)
    person = next((stated[name_key(name)] for name in keys if name_key(name) in stated), None)
    if person is None:
        return speaker
    renamed = _rename(speaker, person.name)
    renamed = replace(renamed, aliases=tuple(dict.fromkeys((*renamed.aliases, *person.aliases))))
    if person.role is None:
        return renamed
    return replace(renamed, role=person.role, confidence=1.0, evidence="stated in the list of speakers")


def _rename(speaker: Speaker, name: str) -> Speaker:
    if name == speaker.name:
        return speaker
    aliases = tuple(dict.fromkeys((*speaker.aliases, speaker.name)))
    return replace(speaker, name=name, aliases=tuple(alias for alias in aliases if alias != name))


def _complete_short_names(appearances: Sequence[Appearance], speakers: list[Speaker]) -> list[Speaker]:
    """A first name, last name or initials are the full name that recurs in the show, if one alone fits.

    It does not fit when that person speaks in the episode under the full name.
    """
    episodes: dict[tuple[str, str], set[int]] = defaultdict(set)
    for appearance, speaker in zip(appearances, speakers, strict=True):
        key = name_key(speaker.name)
        if " " in key and not speaker.anonymous:
            episodes[appearance.show, key].add(appearance.episode)
    shortened: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (show, key), heard_in in episodes.items():
        for short in short_names(key) if len(heard_in) > 1 else ():
            shortened[show, short].add(key)
    spelling = {name_key(speaker.name): speaker.name for speaker in speakers}
    completed = []
    for appearance, speaker in zip(appearances, speakers, strict=True):
        fits = shortened[appearance.show, name_key(speaker.name)]
        full = next(iter(fits)) if len(fits) == 1 and not speaker.anonymous else None
        here = full is not None and appearance.episode in episodes[appearance.show, full]
        completed.append(_rename(speaker, spelling[full]) if full and not here else speaker)
    return completed


def _one_spelling(speakers: list[Speaker]) -> list[Speaker]:
    """The spelling that occurs most often, for all spellings of a name."""
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for speaker in speakers:
        spellings[name_key(speaker.name)][speaker.name] += 1
    best = {key: max(counts, key=lambda name: (counts[name], name)) for key, counts in spellings.items()}
    return [speaker if speaker.anonymous else _rename(speaker, best[name_key(speaker.name)]) for speaker in speakers]


def _roles_by_recurrence(appearances: Sequence[Appearance], speakers: list[Speaker]) -> list[Speaker]:
    """Whoever speaks in a good share of a show's episodes is its host, where nothing stronger says otherwise."""
    shows: dict[str, set[int]] = defaultdict(set)
    heard: dict[tuple[str, str], set[int]] = defaultdict(set)
    for appearance, speaker in zip(appearances, speakers, strict=True):
        shows[appearance.show].add(appearance.episode)
        if not speaker.anonymous:
            heard[appearance.show, speaker.name].add(appearance.episode)
    decided = []
    for appearance, speaker in zip(appearances, speakers, strict=True):
        total, times = len(shows[appearance.show]), len(heard[appearance.show, speaker.name])
        recurs = total >= _SHOW_MIN_EPISODES and times >= max(_SHOW_MIN_EPISODES - 1, _HOST_SHARE * total)
        if recurs and speaker.confidence < _RECURRENCE_CONFIDENCE:
            why = f"speaks in {times} of {total} episodes of {appearance.show or 'the archive'}"
            speaker = replace(speaker, role=Role.HOST, confidence=_RECURRENCE_CONFIDENCE, evidence=why)  # noqa: PLW2901
        decided.append(speaker)
    return _guests_of_hosts(appearances, decided)


def _guests_of_hosts(appearances: Sequence[Appearance], speakers: list[Speaker]) -> list[Speaker]:
    """Who speaks with a host who is sure, and has no role or was only guessed to be one, is a guest."""
    hosted = {
        appearance.episode
        for appearance, speaker in zip(appearances, speakers, strict=True)
        if speaker.role is Role.HOST and speaker.confidence >= _RECURRENCE_CONFIDENCE
    }
    return [
        replace(speaker, role=Role.GUEST, confidence=_GUEST_CONFIDENCE, evidence="speaks with the host of the show")
        if appearance.episode in hosted and not speaker.anonymous and _is_weak(speaker)
        else speaker
        for appearance, speaker in zip(appearances, speakers, strict=True)
    ]


def _is_weak(speaker: Speaker) -> bool:
    return speaker.role is Role.UNKNOWN or (speaker.role is Role.HOST and speaker.confidence < _GUEST_CONFIDENCE)
