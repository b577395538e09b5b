"""Filters, applied before the search: which passages may be found at all.

None means "all"; a filter that matches nothing leaves nothing. Names and titles are compared whole, without
regard to case; languages by their first part, so that `en` is `en-US` too. An episode without a date is
outside every range of dates, one that states no language is in none (`und` asks for these).
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import EpisodeRow
from indexer.columns import KINDS
from indexer.names import name_key
from indexer.types import Kind, Role
from service.archive import Archive
from service.conditions import Condition

UNSTATED = "und"  # BCP 47: undetermined


@dataclass(frozen=True, slots=True)
class Filters:
    """What the asker narrows the search to. `episode` is an id, a source or a title.

    `condition`: what must hold beside all these.
    """

    speaker: str | None = None
    role: Role | None = None
    episode: str | None = None
    show: str | None = None
    section: str | None = None
    language: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    kinds: tuple[Kind, ...] = (Kind.CONTENT,)
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """`mask`: bool, shape (passages,), True where a passage may be found. `notes`: what the asker should know.

    `other_kinds`: the passages that could be found if their kind were among the filters'.
    """

    mask: NDArray[np.bool_]
    other_kinds: NDArray[np.bool_]
    notes: tuple[str, ...]


def resolve(filters: Filters, archive: Archive) -> Allowed:
    """The passages that filters let through."""
    notes: list[str] = []
    columns = archive.columns
    of_kind, of_others = archive.kinds.of(filters.kinds), archive.kinds.of(set(KINDS) - set(filters.kinds))
    if replace(filters, kinds=()) == Filters(kinds=()):
        return Allowed(of_kind, of_others, ())
    rest = np.ones(len(of_kind), dtype=np.bool_)
    if replace(filters, section=None, condition=None, kinds=()) != Filters(kinds=()):
        rest &= _voices(filters, archive, notes)[columns.voice]
    _note_unknown(filters, archive, notes)
    notes += _date_notes(filters, archive)
    if filters.section is not None:
        wanted = [i for i, name in enumerate(columns.sections) if _key(name) == _key(filters.section)]
        rest &= np.isin(columns.section, wanted)
    if filters.condition is not None:
        rest &= archive.conditions.of(filters.condition)
    return Allowed(of_kind & rest, of_others & rest, tuple(notes))


def unknown_names(filters: Filters, archive: Archive) -> list[str]:
    """What is asked for by a name that the archive does not hold, or that may be several people's, and what is near."""
    notes: list[str] = []
    found = _speaker_names(filters.speaker, archive, notes)
    if found != set():
        notes.clear()
    _note_unknown(replace(filters, language=None), archive, notes)
    return notes


def episodes_called(wanted: str, archive: Archive) -> list[EpisodeRow]:
    """The episodes with this id, source or title."""
    return [row for row in archive.catalog.episodes if _episode_matches(row, Filters(episode=wanted))]


def _voices(filters: Filters, archive: Archive, notes: list[str]) -> NDArray[np.bool_]:
    """Which voices may be heard, shape (voices,)."""
    names = _speaker_names(filters.speaker, archive, notes)
    episodes = {row.number for row in archive.catalog.episodes if _episode_matches(row, filters)}
    return np.array(
        [
            voice.episode in episodes
            and (names is None or _key(voice.name) in names)
            and (filters.role is None or voice.role is filters.role)
            for voice in archive.catalog.voices
        ],
        dtype=np.bool_,
    )


def language_key(tag: str | None) -> str:
    """What two language tags are compared by: `en-US` and `EN_gb` by `en`."""
    return _key(tag or UNSTATED).replace("_", "-").partition("-")[0]


def _key(text: str | None) -> str:
    return " ".join((text or "").casefold().split())


def _speaker_names(wanted: str | None, archive: Archive, notes: list[str]) -> set[str] | None:
    """The canonical name asked for; an alias counts when it is one person's only. Keys, not spellings."""
    if wanted is None:
        return None
    candidates = archive.people.called(wanted)
    if not candidates:
        notes.append(_unknown("speaker", wanted, archive.people.names))
        return set()
    if len(candidates) > 1:
        notes.append(f"speaker: {wanted!r} may be {listed(candidates)}; give the full name.")
        return set()
    if name_key(candidates[0]) != name_key(wanted):
        notes.append(f"speaker: {wanted!r} is taken for {candidates[0]}.")
    return {_key(candidates[0])}


def _episode_matches(row: EpisodeRow, filters: Filters) -> bool:
    if filters.episode is not None and _key(filters.episode) not in map(_key, (row.id, row.source, row.title)):
        return False
    if filters.show is not None and _key(filters.show) != _key(row.show):
        return False
    if filters.language is not None and language_key(filters.language) != language_key(row.language):
        return False
    if filters.date_from is None and filters.date_to is None:
        return True
    if row.date is None:
        return False
    day = date.fromisoformat(row.date)
    return (filters.date_from or date.min) <= day <= (filters.date_to or date.max)


def _note_unknown(filters: Filters, archive: Archive, notes: list[str]) -> None:
    rows = archive.catalog.episodes
    known: tuple[tuple[str, str | None, Iterable[str]], ...] = (
        ("episode", filters.episode, (name for row in rows for name in (row.id, row.source, row.title))),
        ("show", filters.show, (row.show for row in rows if row.show)),
        ("section", filters.section, archive.columns.sections),
    )
    for what, wanted, names in known:
        if wanted is not None and _key(wanted) not in map(_key, spelled := set(names)):
            notes.append(_unknown(what, wanted, spelled))
    if filters.language is not None:
        notes += _language_notes(filters.language, archive)


def _language_notes(wanted: str, archive: Archive) -> list[str]:
    counts = Counter(language_key(row.language) for row in archive.catalog.episodes)
    unstated = counts.pop(UNSTATED, 0)
    if language_key(wanted) == UNSTATED:
        return [] if unstated else ["language: every episode of this archive states its own."]
    notes = []
    if language_key(wanted) not in counts:
        held = f"; it holds {listed(sorted(counts))}." if counts else "."
        notes.append(f"language: {wanted!r} is not in this archive{held}")
    if unstated:
        notes.append(f"language: {_episodes(unstated)} left out; {UNSTATED} asks for such.")
    return notes


def _date_notes(filters: Filters, archive: Archive) -> list[str]:
    if filters.date_from is None and filters.date_to is None:
        return []
    notes = []
    if filters.date_from and filters.date_to and filters.date_from > filters.date_to:
        notes.append(f"date: no day is both from {filters.date_from} on and up to {filters.date_to}.")
    if undated := sum(row.date is None for row in archive.catalog.episodes):
        notes.append(f"date: {_episodes(undated)} left out.")
    return notes


def _episodes(stating_none: int) -> str:
    return "1 episode states none and is" if stating_none == 1 else f"{stating_none:,} episodes state none and are"


def _unknown(what: str, wanted: str, known: set[str]) -> str:
    spelled = {_key(name): name for name in sorted(known)}
    near = [spelled[key] for key in difflib.get_close_matches(_key(wanted), spelled, n=3)]
    near = near or [name for key, name in spelled.items() if f" {_key(wanted)} " in f" {key} "]
    return f"{what}: {wanted!r} is not in this archive" + (f"; near to it: {listed(near)}." if near else ".")


def listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
