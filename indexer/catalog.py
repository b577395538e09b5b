"""The catalog: episodes, voices, turns, passages and sentences in one SQLite file, as it is read.

A voice is one person in one episode (or nobody named, in one episode). Passages and sentences are numbered
from 0 in the order in which they were added; vectors and words are stored under the same numbers. A
passage's text is never stored: it is read out of its turn's, so that it cannot differ. The turns make up the
canonical text.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from indexer.database import Database
from indexer.origins import KeptEpisode, stored_origin
from indexer.types import TURN_SEPARATOR, Kind, Passage, Role, Speaker, TimeMark, TimeSource, Turn

CATALOG_FILE = "catalog.sqlite"

SELECT_TURNS = (
    "SELECT v.name, t.text, t.section, t.kind, t.flags, t.marks, t.end_s, t.char_start, t.char_end FROM turns t "
    "JOIN voices v ON v.number = t.voice"
)


def text_of(part: str) -> str:
    return f"substr(t.text, {part}.char_start - t.char_start + 1, {part}.char_end - {part}.char_start)"


def joined_turn(part: str) -> str:
    return f"JOIN turns t ON t.episode = {part}.episode AND t.number = {part}.turn"


def speaker_of(columns: tuple[Any, ...]) -> Speaker:
    name, role, confidence, aliases, description, evidence, anonymous = columns
    return Speaker(name, Role(role), confidence, tuple(json.loads(aliases)), description, evidence, bool(anonymous))


def turn_of(columns: tuple[Any, ...]) -> tuple[int, int, Turn]:
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


def packed(spans: Sequence[tuple[int, int]]) -> bytes:
    """(start, end) of sentences as a passage's row holds them."""
    return array("i", [place for span in spans for place in span]).tobytes()


def _unpacked(content: bytes) -> tuple[tuple[int, int], ...]:
    places = array("i")
    places.frombytes(content)
    return tuple(zip(places[::2], places[1::2], strict=True))


_BYTES_OF_SPAN = len(packed([(0, 0)]))


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


class WordedPassage(NamedTuple):
    """What the columns and the lexical index are made of. `asked`: the words of its question, where it has one."""

    voice: int
    section: str | None
    kind: Kind
    question: int | None
    sentences: int
    header: str
    text: str
    asked: str | None


class PassagePlace(NamedTuple):
    """Where a passage stands, without its words; each field as in `Passage`."""

    id: str
    turn: int
    char_start: int
    char_end: int
    start_s: float | None
    end_s: float | None
    time: TimeSource


class CatalogReader:
    """Reads a finished catalog. Each thread that asks gets a connection of its own."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `CatalogWriter` wrote.

        Raises:
            IndexBroken: it is missing or cannot be read.
        """
        self._database = Database(folder / CATALOG_FILE)
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
        self._database.close()

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
                f"SELECT p.number, {text_of('p')} FROM passages p {joined_turn('p')} "
                "WHERE p.number IN (SELECT value FROM json_each(?))",
                json.dumps(list(numbers)),
            )
        )
        return [found[number] for number in numbers]

    def passages_by_id(self, ids: Sequence[str]) -> list[StoredPassage]:
        """Passages by id; ids that the index does not hold are left out."""
        return self._passages("WHERE p.id IN (SELECT value FROM json_each(?))", ids)

    def passages_of(self, episode: int) -> list[StoredPassage]:
        """All passages of an episode, in order."""
        return self._passages("WHERE p.episode IN (SELECT value FROM json_each(?))", [episode])

    def all_passages(self) -> Iterator[StoredPassage]:
        """Every passage, in order, a few in memory at a time."""
        step = 1000
        total = self._one("SELECT count(*) FROM passages")
        for start in range(0, total, step):
            yield from self.passages(range(start, min(total, start + step)))

    def places(self) -> list[PassagePlace]:
        """Where every passage stands, in order."""
        times = {str(time): time for time in TimeSource}
        return [
            PassagePlace._make((*place, times[time]))
            for *place, time in self._rows(
                "SELECT id, turn, char_start, char_end, start_s, end_s, time FROM passages ORDER BY number"
            )
        ]

    def teasers(self) -> list[tuple[int, int, int]]:
        """(episode, where in its canonical text the words are really said, passage number) of every teaser."""
        return self._rows("SELECT episode, said_again_at, number FROM passages WHERE said_again_at IS NOT NULL")

    def questions(self, numbers: Sequence[int]) -> list[tuple[str, str]]:
        """(vector key, text) of questions by number, in the order of their numbers."""
        return self._rows(
            f"SELECT q.vector_key, {text_of('q')} FROM questions q {joined_turn('q')} "
            "WHERE q.number IN (SELECT value FROM json_each(?)) ORDER BY q.number",
            json.dumps(list(numbers)),
        )

    def questions_in(self, episode: int) -> list[tuple[int, int, int, int, str, str]]:
        """(number, turn, char_start, char_end, vector key, text) of the questions of an episode."""
        return self._rows(
            f"SELECT q.number, q.turn, q.char_start, q.char_end, q.vector_key, {text_of('q')} "
            f"FROM questions q {joined_turn('q')} WHERE q.episode = ? ORDER BY q.number",
            episode,
        )

    def questions_by_key(self, keys: Sequence[str]) -> dict[str, int]:
        """vector key to the number of its question, of those keys that are there."""
        return dict(
            self._rows(
                "SELECT vector_key, number FROM questions WHERE vector_key IN (SELECT value FROM json_each(?))",
                json.dumps(list(keys)),
            )
        )

    def kept_episodes(self) -> list[KeptEpisode]:
        """The episodes with what they were made from, in order."""
        voices: dict[int, list[Speaker]] = {row.number: [] for row in self.episodes}
        for voice in self.voices:
            if voice.name is not None:
                about = (voice.aliases, voice.description, voice.evidence, voice.anonymous)
                voices[voice.episode].append(Speaker(voice.name, voice.role, voice.confidence, *about))
        return [
            KeptEpisode(
                number=number,
                origin=stored_origin(source, show, *columns),
                speakers=tuple(voices[number]),
                cut=json.loads(cut) if cut else None,
            )
            for number, source, show, cut, *columns in self._rows(
                "SELECT e.number, e.source, o.show, o.cut, o.digest, o.speakers, o.sketch, o.quality, o.counts "
                "FROM episodes e JOIN origins o ON o.episode = e.number ORDER BY e.number"
            )
        ]

    def question_count(self) -> int:
        return int(self._one("SELECT count(*) FROM questions"))

    def worded(self, episode: int) -> list[WordedPassage]:
        """The passages of an episode, in order."""
        rows = self._rows(
            f"SELECT p.voice, p.section, p.kind, p.question, length(p.sentences) / {_BYTES_OF_SPAN}, p.header, "
            f"{text_of('p')}, substr(u.text, q.char_start - u.char_start + 1, q.char_end - q.char_start) "
            f"FROM passages p {joined_turn('p')} LEFT JOIN questions q ON q.number = p.question "
            "LEFT JOIN turns u ON u.episode = q.episode AND u.number = q.turn WHERE p.episode = ? ORDER BY p.number",
            episode,
        )
        return [WordedPassage(voice, section, Kind(kind), *rest) for voice, section, kind, *rest in rows]

    def vectors_by_key(self, keys: Sequence[str]) -> dict[str, tuple[int, int, int]]:
        """vector key to (passage number, first sentence, sentences), of those keys that are there."""
        rows = self._rows(
            f"SELECT vector_key, number, first_sentence, length(sentences) / {_BYTES_OF_SPAN} FROM passages "
            "WHERE vector_key IN (SELECT value FROM json_each(?))",
            json.dumps(list(keys)),
        )
        return {key: (number, first, count) for key, number, first, count in rows}

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

    def questions_of(self, numbers: Sequence[int]) -> dict[int, tuple[int, str | None, str]]:
        """(turn, speaker, text) of the question that passages reply to; passages that reply to none are left out."""
        rows = self._rows(
            "SELECT p.number, t.number, v.name, t.text FROM passages p "
            "JOIN turns t ON t.episode = p.episode AND t.number = p.question_turn JOIN voices v ON v.number = t.voice "
            "WHERE p.number IN (SELECT value FROM json_each(?))",
            json.dumps(list(numbers)),
        )
        return {number: (turn, speaker, text) for number, turn, speaker, text in rows}

    def turns_with(
        self, words: Sequence[str], limit: int, *, apart: str, voices: Collection[int] | None = None
    ) -> list[tuple[int, int]]:
        """(episode, turn) of the first turns that hold some words in this order, without regard to signs in them.

        Args:
            apart: what stands between the words, "%" for anything.
            voices: whose turns; None for everybody's.
        """
        pattern = apart.join(re.sub(r"\W", "_", word) for word in words)
        chosen = "" if voices is None else "voice IN (SELECT value FROM json_each(?)) AND "
        parameters = [] if voices is None else [json.dumps(sorted(voices))]
        statement = f"SELECT episode, number FROM turns WHERE {chosen}text LIKE ? LIMIT ?"
        return self._rows(statement, *parameters, f"%{pattern}%", limit)

    def text(self, episode: int) -> str:
        """The canonical text of an episode."""
        turns = self._rows("SELECT text FROM turns WHERE episode = ? ORDER BY number", episode)
        return TURN_SEPARATOR.join(text for (text,) in turns)

    def turns(self, episode: int, numbers: Sequence[int] | None = None) -> list[tuple[int, int, Turn]]:
        """(char_start, char_end, turn) of an episode's turns, all or those asked for, in order."""
        chosen = "" if numbers is None else "AND t.number IN (SELECT value FROM json_each(?))"
        parameters: list[Any] = [episode] if numbers is None else [episode, json.dumps(list(numbers))]
        statement = f"{SELECT_TURNS} WHERE t.episode = ? {chosen} ORDER BY t.number"
        return [turn_of(columns) for columns in self._rows(statement, *parameters)]

    def words_by_voice(self) -> dict[int, int]:
        """How many words each voice says. Reads every turn."""
        blanks = "length(text) - length(replace(replace(text, ' ', ''), char(10), ''))"
        return dict(self._rows(f"SELECT voice, sum({blanks} + 1) FROM turns WHERE text <> '' GROUP BY voice"))

    def sentences_of(self, episode: int, turns: Sequence[int]) -> dict[int, list[tuple[tuple[int, int], Kind]]]:
        """(start, end) and kind of the sentences of some turns, by turn and in order, as far as passages hold them."""
        rows = self._rows(
            "SELECT turn, kind, sentences FROM passages "
            "WHERE episode = ? AND turn IN (SELECT value FROM json_each(?)) ORDER BY number",
            episode,
            json.dumps(list(turns)),
        )
        found: dict[int, list[tuple[tuple[int, int], Kind]]] = {turn: [] for turn in turns}
        for turn, kind, sentences in rows:
            found[turn] += [(span, Kind(kind)) for span in _unpacked(sentences)]
        return found

    def _passages(self, where: str, values: Sequence[int] | Sequence[str]) -> list[StoredPassage]:
        rows = self._rows(
            "SELECT p.number, p.id, p.episode, p.turn, p.voice, p.section, p.kind, p.flags, p.char_start, "
            "p.char_end, p.header, p.question_turn, p.start_s, p.end_s, p.time, p.first_sentence, "
            f"p.sentences, p.vector_key, p.said_again_at, v.name, {text_of('p')} "
            f"FROM passages p JOIN voices v ON v.number = p.voice {joined_turn('p')} "
            f"{where} ORDER BY p.number",
            json.dumps(list(values)),
        )
        return [_passage(row) for row in rows]

    def _one(self, statement: str, *parameters: Any) -> Any:
        return self._rows(statement, *parameters)[0][0]

    def _rows(self, statement: str, *parameters: Any) -> list[Any]:
        return self._database.rows(statement, *parameters)


def _passage(row: tuple[Any, ...]) -> StoredPassage:
    (number, key, episode, turn, voice, section, kind, flags, start, end) = row[:10]
    (header, question, start_s, end_s, time, first, sentences, vector_key, again, name, text) = row[10:]
    return StoredPassage(
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
            sentences=_unpacked(sentences),
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
