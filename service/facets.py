"""What some passages divide into: how many are of each speaker, role, show, episode and year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import EpisodeRow, Voice
from service.archive import Archive
from service.filters import Filters


class Facet(StrEnum):
    SPEAKER = "speaker"
    ROLE = "role"
    SHOW = "show"
    EPISODE = "episode"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class FacetCount:
    """`value`: what to filter by; `label`: what to call it; `count`: how many passages."""

    value: str
    label: str
    count: int


def without(facet: Facet, filters: Filters) -> Filters:
    """The filters less the facet's own."""
    match facet:
        case Facet.SPEAKER:
            return replace(filters, speaker=None)
        case Facet.ROLE:
            return replace(filters, role=None)
        case Facet.SHOW:
            return replace(filters, show=None)
        case Facet.EPISODE:
            return replace(filters, episode=None)
        case Facet.YEAR:
            return replace(filters, date_from=None, date_to=None)


def counted(facet: Facet, numbers: NDArray[np.int64], archive: Archive) -> tuple[FacetCount, ...]:
    """How many of some passages are of each value of a facet, most first. Those that state none are not counted."""
    counts: Counter[tuple[str, str]] = Counter()
    # A voice is of one episode, so that each is described once, whatever it says.
    for number, count in zip(*np.unique(archive.columns.voice[numbers], return_counts=True), strict=True):
        voice = archive.catalog.voices[number]
        described = _DESCRIBED[facet](voice, archive.catalog.episodes[voice.episode])
        if described is not None:
            counts[described] += int(count)
    return _ordered(FacetCount(value, label, count) for (value, label), count in counts.items())


def beside(chosen: Sequence[FacetCount], others: Sequence[FacetCount]) -> tuple[FacetCount, ...]:
    """The values that a filter chose, and those others that it did not."""
    values = {entry.value for entry in chosen}
    return _ordered([*chosen, *(entry for entry in others if entry.value not in values)])


def _ordered(counts: Iterable[FacetCount]) -> tuple[FacetCount, ...]:
    return tuple(sorted(counts, key=lambda entry: (-entry.count, entry.label.casefold(), entry.value)))


_Described = tuple[str, str] | None


def _alike(value: str | None) -> _Described:
    return (value, value) if value else None


_DESCRIBED: Mapping[Facet, Callable[[Voice, EpisodeRow], _Described]] = {
    Facet.SPEAKER: lambda voice, _: _alike(voice.name),
    Facet.ROLE: lambda voice, _: _alike(voice.role.value),
    Facet.SHOW: lambda _, row: _alike(row.show),
    Facet.EPISODE: lambda _, row: (row.id, row.title),
    Facet.YEAR: lambda _, row: _alike(row.date and row.date[:4]),
}
