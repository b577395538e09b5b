"""Ids of passages that earlier generations held and this one does not, with what is needed to find their words again.

They are history, which the transcripts do not tell: a file of their own, beside what a clean build makes. It is there
only when there is something in it. What was forgotten (`onrecord index --forget`) has its id and its last generation
left, and nothing else.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.database import Database
from indexer.types import Role, TimeSource

RETIRED_FILE = "retired.sqlite"


@dataclass(frozen=True, slots=True)
class FormerEpisode:
    """An episode as a generation described it; it may still be there, or be described otherwise now."""

    id: str
    source: str
    title: str
    show: str | None
    date: str | None
    language: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class FormerPassage:
    """A passage as it stood in the last generation that held it.

    `before` and `after` are the ids of its neighbours in the episode. `speaker` is None where nobody was named.
    After forgetting, `episode` is None where it is not in the archive any more, and `speaker` where they are not.
    """

    text: str
    episode: FormerEpisode | None
    speaker: str | None
    role: Role
    section: str | None
    turn: int
    char_start: int
    char_end: int
    start_s: float | None
    time: TimeSource
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Retired:
    """An id and the last generation that held it, made at `as_of`. `was` is None where its words were forgotten."""

    id: str
    generation: str
    as_of: str
    was: FormerPassage | None


@dataclass(frozen=True, slots=True)
class EarlierSpeaker:
    """Whom a passage was given to up to a generation, made at `as_of`."""

    name: str
    role: Role
    generation: str
    as_of: str


@dataclass(frozen=True, slots=True)
class RetiredCounts:
    """How many ids a generation remembers, and of how many of them nothing else than that they were.

    `unread`: the names of generations whose ids cannot be remembered, being broken or of another form.
    """

    ids: int = 0
    forgotten: int = 0
    unread: tuple[str, ...] = ()


class RetiredReader:
    """Reads what `indexer.retiring` wrote; a generation without the file retired nothing. Safe to use from threads."""

    def __init__(self, folder: Path) -> None:
        path = folder / RETIRED_FILE
        self._database = Database(path) if path.exists() else None

    def close(self) -> None:
        if self._database:
            self._database.close()

    def find(self, ids: Sequence[str]) -> dict[str, Retired]:
        """Those of some ids that are retired."""
        rows = self._rows(
            "SELECT p.id, p.generation, g.created, p.speaker, p.role, p.section, p.turn, p.char_start, p.char_end, "
            "p.start_s, p.time, p.before, p.after, p.text, "
            "e.id, e.source, e.title, e.show, e.date, e.language, e.url "
            "FROM passages p JOIN generations g ON g.id = p.generation "
            "LEFT JOIN episodes e ON e.id = p.episode AND e.generation = p.generation "
            "WHERE p.id IN (SELECT value FROM json_each(?))",
            json.dumps(list(ids)),
        )
        return {row[0]: _retired(row) for row in rows}

    def earlier_speakers(self, passage_id: str) -> list[EarlierSpeaker]:
        """Whom a passage was given to before, the last one first."""
        rows = self._rows(
            "SELECT s.name, s.role, s.generation, g.created FROM speakers s JOIN generations g ON g.id = s.generation "
            "WHERE s.passage = ? ORDER BY s.generation DESC, s.name",
            passage_id,
        )
        return [EarlierSpeaker(name, Role(role), generation, as_of) for name, role, generation, as_of in rows]

    def _rows(self, statement: str, *parameters: Any) -> list[Any]:
        return self._database.rows(statement, *parameters) if self._database else []


def squeezed(text: str) -> bytes:
    """A text as it is stored."""
    return zlib.compress(text.encode())


def unsqueezed(content: bytes) -> str:
    """The reverse."""
    return zlib.decompress(content).decode()


def _retired(row: tuple[Any, ...]) -> Retired:
    passage_id, generation, as_of, speaker, role, section, turn, start, end, start_s, time, before, after, text = row[
        :14
    ]
    if text is None:
        return Retired(passage_id, generation, as_of, None)
    return Retired(
        passage_id,
        generation,
        as_of,
        FormerPassage(
            text=unsqueezed(text),
            episode=None if row[14] is None else FormerEpisode(*row[14:]),
            speaker=speaker,
            role=Role(role),
            section=section,
            turn=turn,
            char_start=start,
            char_end=end,
            start_s=start_s,
            time=TimeSource(time),
            before=before,
            after=after,
        ),
    )
