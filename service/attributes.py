"""What is stated of a passage in a word or a number, by name: the vocabulary of other contracts' filters and answers.

Every attribute is read in two ways that agree: of one passage, and as a column over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import EpisodeRow, PassagePlace, StoredPassage, Voice
from indexer.columns import KINDS, PassageColumns
from indexer.links import deep_link
from indexer.store import Catalog
from indexer.types import Passage

Value: TypeAlias = str | int | float | None


# What OpenAI's vector stores allow: 16 attributes of a file, and characters of one.
_STORE_ATTRIBUTES = (
    *("passage", "speaker", "role", "episode", "title", "show", "date", "language", "section", "kind"),
    *("char_start", "char_end", "start_s", "time", "link", "deep_link"),
)
_STORE_TEXT = 512
_LINKS = ("link", "deep_link")


class Type(Enum):
    """`DAY`: text, as 2024-04-04."""

    TEXT = "text"
    NUMBER = "a number"
    DAY = "a day"


class Table:
    """A catalog and its columns; the passages' places are read once, when they are first needed."""

    def __init__(self, catalog: Catalog, columns: PassageColumns) -> None:
        self.catalog = catalog
        self.columns = columns
        self._places: list[PassagePlace] | None = None

    @property
    def places(self) -> list[PassagePlace]:
        if self._places is None:
            self._places = self.catalog.places()
        return self._places


@dataclass(frozen=True, slots=True)
class Column:
    """Passage n has `values[codes[n]]`; None where it is not stated. `codes`: int, shape (passages,)."""

    values: Sequence[Value]
    codes: NDArray[np.int32] | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Attribute:
    """`of` reads it of one passage, `column` of all."""

    type: Type
    of: Callable[[StoredPassage, Catalog], Value]
    column: Callable[[Table], Column]


def attributes_of(stored: StoredPassage, catalog: Catalog) -> dict[str, str | int | float]:
    """All that is stated of a passage, by name; what is not stated is left out."""
    found = {name: attribute.of(stored, catalog) for name, attribute in ATTRIBUTES.items()}
    return {name: value for name, value in found.items() if value is not None}


def store_attributes_of(stored: StoredPassage, catalog: Catalog) -> dict[str, str | int | float]:
    """The same within the limits of OpenAI's vector stores. A link that is too long is left out: half leads nowhere."""
    stated = attributes_of(stored, catalog)
    return {
        name: value[:_STORE_TEXT] if isinstance(value, str) else value
        for name, value in stated.items()
        if name in _STORE_ATTRIBUTES and not (name in _LINKS and len(str(value)) > _STORE_TEXT)
    }


def _of_voice(read: Callable[[Voice], str | None]) -> Attribute:
    return Attribute(
        Type.TEXT,
        lambda stored, catalog: read(catalog.voices[stored.voice]),
        lambda table: Column([read(voice) for voice in table.catalog.voices], table.columns.voice),
    )


def _of_episode(read: Callable[[EpisodeRow], str | None], type_: Type = Type.TEXT) -> Attribute:
    return Attribute(
        type_,
        lambda stored, catalog: read(catalog.episodes[stored.episode]),
        lambda table: Column([read(row) for row in table.catalog.episodes], table.columns.episode),
    )


def _of_place(type_: Type, read: Callable[[Passage | PassagePlace, EpisodeRow], Value]) -> Attribute:
    def column(table: Table) -> Column:
        rows = [table.catalog.episodes[number] for number in table.columns.episode.tolist()]
        return Column(list(map(read, table.places, rows)), np.arange(len(rows)))

    return Attribute(type_, lambda stored, catalog: read(stored.passage, catalog.episodes[stored.episode]), column)


def _recording(place: Passage | PassagePlace, row: EpisodeRow) -> str | None:
    if row.link_template is None or place.start_s is None:
        return None
    return deep_link(row.link_template, row.url, place.start_s)


# `sections` has no entry for none, whose code is -1: the last of the values.
_SECTION = Attribute(
    Type.TEXT,
    lambda stored, _: stored.passage.section,
    lambda table: Column((*table.columns.sections, None), table.columns.section),
)
_KIND = Attribute(
    Type.TEXT,
    lambda stored, _: str(stored.passage.kind),
    lambda table: Column([str(kind) for kind in KINDS], table.columns.kind),
)

ATTRIBUTES: dict[str, Attribute] = {
    "passage": _of_place(Type.TEXT, lambda place, _: place.id),
    "speaker": _of_voice(lambda voice: voice.name),
    "role": _of_voice(lambda voice: str(voice.role)),
    "episode": _of_episode(lambda row: row.id),
    "title": _of_episode(lambda row: row.title),
    "show": _of_episode(lambda row: row.show),
    "date": _of_episode(lambda row: row.date, Type.DAY),
    "language": _of_episode(lambda row: row.language),
    "section": _SECTION,
    "kind": _KIND,
    "turn": _of_place(Type.NUMBER, lambda place, _: place.turn),
    "char_start": _of_place(Type.NUMBER, lambda place, _: place.char_start),
    "char_end": _of_place(Type.NUMBER, lambda place, _: place.char_end),
    "start_s": _of_place(Type.NUMBER, lambda place, _: place.start_s),
    "end_s": _of_place(Type.NUMBER, lambda place, _: place.end_s),
    "time": _of_place(Type.TEXT, lambda place, _: str(place.time)),
    "link": _of_place(Type.TEXT, lambda place, row: f"/episodes/{row.id}#t{place.turn}"),
    "deep_link": _of_place(Type.TEXT, _recording),
    "source": _of_episode(lambda row: row.source),
    "url": _of_episode(lambda row: row.url),
}
