"""The catalog: episodes, voices, turns, passages and sentences in one SQLite file; the home of sqlite3.

A voice is one person in one episode (or nobody named, in one episode). Passages and sentences are numbered
from 0 in the order in which they were added; vectors and words are stored under the same numbers. A
passage's text is never stored: it is read out of its turn's, so that it cannot differ. The turns make up the
canonical text.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexBroken
from indexer.types import TURN_SEPARATOR, Episode, Kind, Passage, Role, Speaker, TimeMark, TimeSource, Turn

CATALOG_FILE = "catalog.sqlite"
KINDS = tuple(Kind)

_SCHEMA = """
CREATE TABLE episodes (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL UNIQUE, format TEXT NOT NULL,
    title TEXT NOT NULL, show TEXT, date TEXT, url TEXT, language TEXT,
    words INTEGER NOT NULL, turns INTEGER NOT NULL, duplicate_of TEXT, duration_s REAL, link_template TEXT
);
CREATE TABLE voices (
    number INTEGER PRIMARY KEY, episode INTEGER NOT NULL, name TEXT, role TEXT NOT NULL,
    confidence REAL NOT NULL, aliases TEXT NOT NULL, description TEXT, evidence TEXT NOT NULL,
    anonymous INTEGER NOT NULL
);
CREATE INDEX voices_by_episode ON voices (episode);
CREATE TABLE turns (
    episode INTEGER NOT NULL, number INTEGER NOT NULL, voice INTEGER NOT NULL, section TEXT, kind TEXT NOT NULL,
    flags TEXT NOT NULL, char_start INTEGER NOT NULL, char_end INTEGER NOT NULL, marks TEXT NOT NULL,
    end_s REAL, text TEXT NOT NULL, PRIMARY KEY (episode, number)
);
CREATE TABLE passages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, episode INTEGER NOT NULL, turn INTEGER NOT NULL,
    voice INTEGER NOT NULL, section TEXT, kind TEXT NOT NULL, flags TEXT NOT NULL,
    char_start INTEGER NOT NULL, char_end INTEGER NOT NULL, header TEXT NOT NULL, question_turn INTEGER,
    start_s REAL, end_s REAL, time TEXT NOT NULL, first_sentence INTEGER NOT NULL, sentences INTEGER NOT NULL,
    vector_key TEXT NOT NULL, said_again_at INTEGER, question INTEGER
);
CREATE TABLE questions (
    number INTEGER PRIMARY KEY, episode INTEGER NOT NULL, turn INTEGER NOT NULL, char_start INTEGER NOT NULL,
    char_end INTEGER NOT NULL, vector_key TEXT NOT NULL
);
CREATE INDEX passages_by_place ON passages (episode, turn, char_start);
CREATE TABLE sentences (
    number INTEGER PRIMARY KEY, char_start INTEGER NOT NULL, char_end INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class AskedIn:
    """The part of a turn that asks: (start, end) in the canonical text, and what its vector depends on."""

    start: int
    end: int
    vector_key: str


class CatalogWriter:
    """Writes a new catalog: all episodes first, then what is concluded from them together, then their passages."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / CATALOG_FILE, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
        self._voices = self._passages = self._sentences = self._questions = 0

    def add_episode(self, number: int, episode: Episode) -> None:
        """An episode with its voices and turns."""
        self._insert(
            "episodes",
            number,
            episode.id,
            episode.source,
            episode.format,
            episode.title,
            episode.show,
            episode.date,
            episode.url,
            episode.language,
            sum(len(turn.text.split()) for turn in episode.turns),
            len(episode.turns),
            None,
            episode.duration_s,
            episode.link_template,
        )
        voices = self._add_voices(number, episode)
        for turn_number, (turn, offset) in enumerate(zip(episode.turns, episode.turn_offsets, strict=True)):
            self._insert(
                "turns",
                number,
                turn_number,
                voices[turn.speaker],
                turn.section,
                turn.kind,
                json.dumps(turn.flags),
                offset,
                offset + len(turn.text),
                json.dumps([(mark.char, mark.seconds) for mark in turn.marks]),
                turn.end_s,
                turn.text,
            )

    def set_speakers(self, number: int, speakers: Sequence[Speaker]) -> None:
        """Puts an episode's speakers, in their order, in the place of those it was added with."""
        voices = self._db.execute(
            "SELECT number FROM voices WHERE episode = ? AND name IS NOT NULL ORDER BY number", (number,)
        ).fetchall()
        for (voice,), speaker in zip(voices, speakers, strict=True):
            self._db.execute(
                "UPDATE voices SET name = ?, role = ?, confidence = ?, aliases = ?, description = ?, evidence = ?, "
                "anonymous = ? WHERE number = ?",
                (*_voice_columns(speaker), voice),
            )

    def set_duplicate(self, source: str, kept: str) -> None:
        """Says that an episode is another one's double; both are sources."""
        self._db.execute(
            "UPDATE episodes SET duplicate_of = (SELECT id FROM episodes WHERE source = ?) WHERE source = ?",
            (kept, source),
        )

    def set_turn_kind(self, number: int, turn: int, kind: Kind) -> None:
        self._db.execute("UPDATE turns SET kind = ? WHERE episode = ? AND number = ?", (kind, number, turn))

    def episode(self, number: int) -> Episode:
        """An episode as it stands in the catalog now; what was dropped from its file is not kept."""
        row = self._db.execute(
            "SELECT id, source, format, title, show, date, url, language, duration_s, link_template FROM episodes "
            "WHERE number = ?",
            (number,),
        ).fetchone()
        speakers = self._db.execute(
            "SELECT name, role, confidence, aliases, description, evidence, anonymous FROM voices "
            "WHERE episode = ? AND name IS NOT NULL ORDER BY number",
            (number,),
        )
        turns = self._db.execute(f"{_SELECT_TURNS} WHERE t.episode = ? ORDER BY t.number", (number,))
        episode_id, source, format_name, title, show, date, url, language, duration_s, link_template = row
        return Episode(
            id=episode_id,
            source=source,
            format=format_name,
            title=title,
            show=show,
            date=date,
            url=url,
            language=language,
            speakers=tuple(_speaker(columns) for columns in speakers),
            turns=tuple(_turn(columns)[2] for columns in turns),
            duration_s=duration_s,
            link_template=link_template,
        )

    def add_passages(
        self,
        number: int,
        passages: Sequence[Passage],
        vector_keys: Sequence[str],
        questions: Mapping[int, AskedIn],
    ) -> None:
        """Passages of one episode, which take the next numbers.

        Args:
            questions: for each turn that is some passage's question, what of it asks.
        """
        asked: dict[int | None, int] = {}
        for turn, question in questions.items():
            asked[turn] = self._questions
            self._insert("questions", self._questions, number, turn, question.start, question.end, question.vector_key)
            self._questions += 1
        voices = dict(self._db.execute("SELECT name, number FROM voices WHERE episode = ?", (number,)))
        for passage, key in zip(passages, vector_keys, strict=True):
            self._insert(
                "passages",
                self._passages,
                passage.id,
                number,
                passage.turn,
                voices[passage.speaker],
                passage.section,
                passage.kind,
                json.dumps(passage.flags),
                passage.char_start,
                passage.char_end,
                passage.header,
                passage.question_turn,
                passage.start_s,
                passage.end_s,
                passage.time,
                self._sentences,
                len(passage.sentences),
                key,
                passage.said_again_at,
                asked.get(passage.question_turn),
            )
            for start, end in passage.sentences:
                self._insert("sentences", self._sentences, start, end)
                self._sentences += 1
            self._passages += 1

    def close(self) -> None:
        self._db.execute("COMMIT")
        self._db.execute("ANALYZE")
        self._db.close()

    def _add_voices(self, episode: int, content: Episode) -> dict[str | None, int]:
        voices: dict[str | None, int] = {}
        named: list[tuple[str | None, Speaker]] = [(speaker.name, speaker) for speaker in content.speakers]
        if any(turn.speaker is None for turn in content.turns):
            named.append((None, Speaker("", Role.UNKNOWN, 0.0)))
        for name, speaker in named:
            voices[name] = self._voices
            self._insert("voices", self._voices, episode, name, *_voice_columns(speaker)[1:])
            self._voices += 1
        return voices

    def _insert(self, table: str, *values: Any) -> None:
        self._db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)


_SELECT_TURNS = (
    "SELECT v.name, t.text, t.section, t.kind, t.flags, t.marks, t.end_s, t.char_start, t.char_end FROM turns t "
    "JOIN voices v ON v.number = t.voice"
)


def _text_of(part: str) -> str:
    return f"substr(t.text, {part}.char_start - t.char_start + 1, {part}.char_end - {part}.char_start)"


def _turn_of(part: str) -> str:
    return f"JOIN turns t ON t.episode = {part}.episode AND t.number = {part}.turn"


def _voice_columns(speaker: Speaker) -> tuple[Any, ...]:
    aliases = json.dumps(speaker.aliases, ensure_ascii=False)
    about = (speaker.description, speaker.evidence, int(speaker.anonymous))
    return (speaker.name, speaker.role, speaker.confidence, aliases, *about)


def _speaker(columns: tuple[Any, ...]) -> Speaker:
    name, role, confidence, aliases, description, evidence, anonymous = columns
    return Speaker(name, Role(role), confidence, tuple(json.loads(aliases)), description, evidence, bool(anonymous))


def _turn(columns: tuple[Any, ...]) -> tuple[int, int, Turn]:
    name, text, section, kind, flags, marks, end_s, start, end = columns
    turn = Turn(
        speaker=name,
        text=text,
        section=section,
        kind=Kind(kind),
        flags=tuple(json.loads(flags)),
        marks=tuple(TimeMark(char, seconds) for char, seconds in json.loads(marks)),
        end_s=end_s,
    )
    return start, end, turn


@dataclass(frozen=True, slots=True)
class Voice:
    """One person in one episode; `name` is None where nobody is named."""

    number: int
    episode: int
    name: str | None
    role: Role
    confidence: float
    aliases: tuple[str, ...]
    description: str | None
    evidence: str
    anonymous: bool


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """What the catalog says of an episode beside its words."""

    number: int
    id: str
    source: str
    format: str
    title: str
    show: str | None
    date: str | None
    url: str | None
    language: str | None
    words: int
    turns: int
    duplicate_of: str | None
    duration_s: float | None
    link_template: str | None


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as it is in the index. `sentences` are (start, end) in the canonical text."""

    number: int
    episode: int
    voice: int
    first_sentence: int
    vector_key: str
    passage: Passage


@dataclass(frozen=True, slots=True)
class PassageColumns:
    """One entry per passage, for filters and ranking: numbers of its voice, section, question (-1: none) and kind.

    `first_sentence` has one entry more: a passage's sentences are those up to the next entry.
    """

    voice: NDArray[np.int32]
    section: NDArray[np.int32]
    kind: NDArray[np.int8]
    episode: NDArray[np.int32]
    first_sentence: NDArray[np.int64]
    question: NDArray[np.int32]
    sections: tuple[str, ...]


class CatalogReader:
    """Reads a finished catalog. Each thread that asks gets a connection of its own."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `CatalogWriter` wrote.

        Raises:
            IndexBroken: it is missing or cannot be read.
        """
        self._path = folder / CATALOG_FILE
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self.episodes = tuple(
            EpisodeRow(*row)
            for row in self._rows(
                "SELECT number, id, source, format, title, show, date, url, language, words, turns, duplicate_of, "
                "duration_s, link_template FROM episodes ORDER BY number"
            )
        )
        self.voices = tuple(
            Voice(
                number,
                episode,
                name,
                Role(role),
                confidence,
                tuple(json.loads(aliases)),
                about,
                evidence,
                bool(anonymous),
            )
            for number, episode, name, role, confidence, aliases, about, evidence, anonymous in self._rows(
                "SELECT * FROM voices ORDER BY number"
            )
        )

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def columns(self) -> PassageColumns:
        """The passages' columns that filters and ranking need, in memory."""
        rows = list(
            self._rows(
                "SELECT voice, section, kind, episode, first_sentence, sentences, ifnull(question, -1) "
                "FROM passages ORDER BY number"
            )
        )
        sections = {name: i for i, name in enumerate(dict.fromkeys(row[1] for row in rows if row[1]))}
        end = rows[-1][4] + rows[-1][5] if rows else 0
        return PassageColumns(
            voice=np.array([row[0] for row in rows], dtype=np.int32),
            section=np.array([sections.get(row[1], -1) for row in rows], dtype=np.int32),
            kind=np.array([KINDS.index(Kind(row[2])) for row in rows], dtype=np.int8),
            episode=np.array([row[3] for row in rows], dtype=np.int32),
            first_sentence=np.array([*(row[4] for row in rows), end], dtype=np.int64),
            question=np.array([row[6] for row in rows], dtype=np.int32),
            sections=tuple(sections),
        )

    def passages(self, numbers: Sequence[int]) -> list[StoredPassage]:
        """Passages by number, in the order asked for."""
        if not numbers:
            return []
        found = {p.number: p for p in self._passages("WHERE p.number IN (SELECT value FROM json_each(?))", numbers)}
        return [found[number] for number in numbers]

    def texts(self, numbers: Sequence[int]) -> list[str]:
        """Passages' texts by number, in the order asked for."""
        found = dict(
            self._rows(
                f"SELECT p.number, {_text_of('p')} FROM passages p {_turn_of('p')} "
                "WHERE p.number IN (SELECT value FROM json_each(?))",
                json.dumps(list(numbers)),
            )
        )
        return [found[number] for number in numbers]

    def passages_by_id(self, ids: Sequence[str]) -> list[StoredPassage]:
        """Passages by id; ids that the index does not hold are left out."""
        return list(self._passages("WHERE p.id IN (SELECT value FROM json_each(?))", ids))

    def passages_of(self, episode: int) -> list[StoredPassage]:
        """All passages of an episode, in order."""
        return list(self._passages("WHERE p.episode IN (SELECT value FROM json_each(?))", [episode]))

    def all_passages(self) -> Iterator[StoredPassage]:
        """Every passage, in order, a few in memory at a time."""
        step = 1000
        total = self._one("SELECT count(*) FROM passages")
        for start in range(0, total, step):
            yield from self.passages(range(start, min(total, start + step)))

    def teasers(self) -> list[tuple[int, int, int]]:
        """(episode, where in its canonical text the words are really said, passage number) of every teaser."""
        return list(self._rows("SELECT episode, said_again_at, number FROM passages WHERE said_again_at IS NOT NULL"))

    def questions(self) -> Iterator[tuple[str, str]]:
        """(vector key, text) of every question, in order."""
        yield from self._rows(
            f"SELECT q.vector_key, {_text_of('q')} FROM questions q {_turn_of('q')} ORDER BY q.number"
        )

    def vectors_by_key(self) -> dict[str, tuple[int, int, int]]:
        """vector key to (passage number, first sentence, sentences)."""
        return {
            key: (number, first, count)
            for key, number, first, count in self._rows(
                "SELECT vector_key, number, first_sentence, sentences FROM passages"
            )
        }

    def turns_of(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        """(episode, turn) of passages, in the order asked for."""
        found = {
            number: (episode, turn)
            for number, episode, turn in self._rows(
                "SELECT number, episode, turn FROM passages WHERE number IN (SELECT value FROM json_each(?))",
                json.dumps(list(numbers)),
            )
        }
        return [found[number] for number in numbers]

    def turns_with(self, words: Sequence[str], limit: int, *, apart: str) -> list[tuple[int, int]]:
        """(episode, turn) of the first turns that hold some words in this order, without regard to signs in them.

        Args:
            apart: what stands between the words, "%" for anything.
        """
        pattern = apart.join(re.sub(r"\W", "_", word) for word in words)
        return list(self._rows("SELECT episode, number FROM turns WHERE text LIKE ? LIMIT ?", f"%{pattern}%", limit))

    def text(self, episode: int) -> str:
        """The canonical text of an episode."""
        turns = self._rows("SELECT text FROM turns WHERE episode = ? ORDER BY number", episode)
        return TURN_SEPARATOR.join(text for (text,) in turns)

    def turns(self, episode: int, numbers: Sequence[int] | None = None) -> list[tuple[int, int, Turn]]:
        """(char_start, char_end, turn) of an episode's turns, all or those asked for, in order."""
        chosen = "" if numbers is None else "AND t.number IN (SELECT value FROM json_each(?))"
        parameters: list[Any] = [episode] if numbers is None else [episode, json.dumps(list(numbers))]
        statement = f"{_SELECT_TURNS} WHERE t.episode = ? {chosen} ORDER BY t.number"
        return [_turn(columns) for columns in self._rows(statement, *parameters)]

    def _passages(self, where: str, values: Sequence[int] | Sequence[str]) -> Iterator[StoredPassage]:
        rows = list(
            self._rows(
                "SELECT p.number, p.id, p.episode, p.turn, p.voice, p.section, p.kind, p.flags, p.char_start, "
                "p.char_end, p.header, p.question_turn, p.start_s, p.end_s, p.time, p.first_sentence, "
                f"p.vector_key, p.said_again_at, v.name, {_text_of('p')} "
                f"FROM passages p JOIN voices v ON v.number = p.voice {_turn_of('p')} "
                f"{where} ORDER BY p.number",
                json.dumps(list(values)),
            )
        )
        sentences: dict[int, list[tuple[int, int]]] = {row[0]: [] for row in rows}
        for number, start, end in self._rows(
            "SELECT p.number, s.char_start, s.char_end FROM passages p JOIN sentences s "
            "ON s.number >= p.first_sentence AND s.number < p.first_sentence + p.sentences "
            "WHERE p.number IN (SELECT value FROM json_each(?)) ORDER BY s.number",
            json.dumps(list(sentences)),
        ):
            sentences[number].append((start, end))
        for row in rows:
            (number, key, episode, turn, voice, section, kind, flags, start, end) = row[:10]
            (header, question, start_s, end_s, time, first, vector_key, again, name, text) = row[10:]
            yield StoredPassage(
                number=number,
                episode=episode,
                voice=voice,
                first_sentence=first,
                vector_key=vector_key,
                passage=Passage(
                    id=key,
                    turn=turn,
                    char_start=start,
                    char_end=end,
                    text=text,
                    header=header,
                    sentences=tuple(sentences[number]),
                    speaker=name,
                    section=section,
                    kind=Kind(kind),
                    flags=tuple(json.loads(flags)),
                    question_turn=question,
                    start_s=start_s,
                    end_s=end_s,
                    time=TimeSource(time),
                    said_again_at=again,
                ),
            )

    def _one(self, statement: str, *parameters: Any) -> Any:
        return next(self._rows(statement, *parameters))[0]

    def _rows(self, statement: str, *parameters: Any) -> Iterator[Any]:
        try:
            yield from self._connection().execute(statement, parameters)
        except sqlite3.DatabaseError as error:
            raise IndexBroken(f"{self._path}: {error}. Run `onrecord index` again.") from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Closed by `close`, which may run on another thread; used on this one alone.
            connection = sqlite3.connect(
                f"{self._path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            self._local.connection = connection
            self._connections.append(connection)
        return connection
