"""Writes the catalog of a new generation: what is new, and whole runs of episodes out of an earlier one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.blocks import Block, Moved
from indexer.catalog import CATALOG_FILE, SELECT_TURNS, joined_turn, packed, speaker_of, text_of, turn_of
from indexer.columns import ColumnsWriter, read_columns
from indexer.database import read_only, unfinished
from indexer.origins import Counts, Origin, origin_columns
from indexer.types import Episode, Kind, Passage, Role, Speaker

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
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, episode INTEGER NOT NULL, turn INTEGER NOT NULL,
    voice INTEGER NOT NULL, section TEXT, kind TEXT NOT NULL, flags TEXT NOT NULL,
    char_start INTEGER NOT NULL, char_end INTEGER NOT NULL, header TEXT NOT NULL, question_turn INTEGER,
    start_s REAL, end_s REAL, time TEXT NOT NULL, first_sentence INTEGER NOT NULL, sentences BLOB NOT NULL,
    vector_key TEXT NOT NULL, said_again_at INTEGER, question INTEGER
);
CREATE TABLE questions (
    number INTEGER PRIMARY KEY, episode INTEGER NOT NULL, turn INTEGER NOT NULL, char_start INTEGER NOT NULL,
    char_end INTEGER NOT NULL, vector_key TEXT NOT NULL
);
CREATE TABLE origins (
    episode INTEGER PRIMARY KEY, show TEXT NOT NULL, digest TEXT NOT NULL, speakers TEXT NOT NULL, sketch BLOB NOT NULL,
    quality TEXT NOT NULL, counts TEXT NOT NULL, cut TEXT
);
"""
# Made last: rows that come in order of their numbers come in no order of these.
_INDEXES = """
CREATE UNIQUE INDEX passages_by_id ON passages (id);
CREATE INDEX passages_by_place ON passages (episode, turn, char_start);
CREATE INDEX teasers ON passages (episode) WHERE said_again_at IS NOT NULL;
"""


@dataclass(frozen=True, slots=True)
class AskedIn:
    """The part of a turn that asks: (start, end) in the canonical text, and what its vector depends on."""

    start: int
    end: int
    vector_key: str


class CatalogWriter:
    """Writes a new catalog: all episodes first, then what is concluded from them together, then their passages.

    Episodes, and then passages, come in the order of their numbers, be they new or taken over.
    """

    def __init__(self, folder: Path, kept: Path | None = None) -> None:
        """
        Args:
            kept: the folder of an earlier generation, out of which episodes may be taken over.
        """
        self._db = unfinished(folder / CATALOG_FILE)
        self._db.executescript(_SCHEMA)
        if kept:
            self._db.execute("ATTACH ? AS kept", (read_only(kept / CATALOG_FILE),))
            self._kept_columns = read_columns(kept)
        self._db.execute("BEGIN")
        self._columns = ColumnsWriter(folder)
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

    def add_origin(self, number: int, origin: Origin) -> None:
        """What an episode was made from, so that a later generation may take it over."""
        self._insert("origins", number, origin.show, *origin_columns(origin), None)

    def set_cut(self, number: int, counts: Counts | None) -> None:
        """What the report says of an episode's passages; None when it has none, being a double."""
        cut = None if counts is None else json.dumps(counts, ensure_ascii=False)
        self._db.execute("UPDATE origins SET cut = ? WHERE episode = ?", (cut, number))

    def take_episodes(self, old: int, new: int, count: int) -> tuple[Moved, Moved]:
        """A run of episodes out of the earlier generation, with their voices, turns and origins."""
        last = old + count - 1
        voices = "FROM kept.voices WHERE episode BETWEEN ? AND ?"
        first, heard = self._db.execute(f"SELECT ifnull(min(number), 0), count(*) {voices}", (old, last)).fetchone()
        episodes, moved = Moved(old, new, count), Moved(first, self._voices, heard)
        self._take("episodes", {"number": episodes, "duplicate_of": None}, "number", old, last)
        self._take("origins", {"episode": episodes}, "episode", old, last)
        self._take("voices", {"number": moved, "episode": episodes}, "episode", old, last)
        self._take("turns", {"episode": episodes, "voice": moved}, "episode", old, last)
        self._voices += heard
        return episodes, moved

    def take_passages(self, episodes: Moved, voices: Moved) -> Block:
        """All passages of a run of episodes that were taken over, with their questions."""
        columns, last = self._kept_columns, episodes.old + episodes.count - 1
        source = columns.passages_of(episodes.old, episodes.count)
        first, end = (int(columns.first_sentence[place]) for place in (source.start, source.stop))
        first_question, questions = self._db.execute(
            "SELECT ifnull(min(number), 0), count(*) FROM kept.questions WHERE episode BETWEEN ? AND ?",
            (episodes.old, last),
        ).fetchone()
        block = Block(
            episodes=episodes,
            voices=voices,
            passages=Moved(source.start, self._passages, source.stop - source.start),
            sentences=Moved(first, self._sentences, end - first),
            questions=Moved(first_question, self._questions, questions),
        )
        numbers = {"number": block.passages, "episode": episodes, "voice": voices}
        numbers |= {"first_sentence": block.sentences, "question": block.questions}
        self._take("passages", numbers, "number", source.start, source.stop - 1)
        of_question = {"number": block.questions, "episode": episodes}
        self._take("questions", of_question, "number", first_question, first_question + questions - 1)
        self._columns.take(block, columns)
        self._passages += block.passages.count
        self._sentences += block.sentences.count
        self._questions += questions
        return block

    def _take(self, table: str, numbers: Mapping[str, Moved | None], by: str, first: int, last: int) -> None:
        """Rows of a table whose `by` is from `first` to `last`, the columns of `numbers` moved, or empty."""
        names = [row[1] for row in self._db.execute(f"PRAGMA main.table_info({table})")]
        moved = {name: "NULL" if by_how is None else f"{name} + {by_how.shift}" for name, by_how in numbers.items()}
        chosen = ", ".join(moved.get(name, name) for name in names)
        self._db.execute(
            f"INSERT INTO main.{table} SELECT {chosen} FROM kept.{table} WHERE {by} BETWEEN ? AND ? ORDER BY rowid",
            (first, last),
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

    def set_turn_kinds(self, number: int, kinds: Mapping[int, Kind]) -> None:
        """The kinds of an episode's turns; those that are not named are content."""
        self._db.execute(
            "UPDATE turns SET kind = ? WHERE episode = ? AND kind != ?", (Kind.CONTENT, number, Kind.CONTENT)
        )
        for turn, kind in kinds.items():
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
        turns = self._db.execute(f"{SELECT_TURNS} WHERE t.episode = ? ORDER BY t.number", (number,))
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
            speakers=tuple(speaker_of(columns) for columns in speakers),
            turns=tuple(turn_of(columns)[2] for columns in turns),
            duration_s=duration_s,
            link_template=link_template,
        )

    def texts(self, passages: range) -> Iterator[str]:
        """The texts of passages that are in the catalog already, in order."""
        statement = (
            f"SELECT {text_of('p')} FROM passages p {joined_turn('p')} WHERE p.number BETWEEN ? AND ? ORDER BY p.number"
        )
        yield from (text for (text,) in self._db.execute(statement, (passages.start, passages.stop - 1)))

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
                packed(passage.sentences),
                key,
                passage.said_again_at,
                asked.get(passage.question_turn),
            )
            self._columns.add(
                voice=voices[passage.speaker],
                section=passage.section,
                kind=passage.kind,
                episode=number,
                question=asked.get(passage.question_turn),
                sentences=len(passage.sentences),
            )
            self._sentences += len(passage.sentences)
            self._passages += 1

    def close(self) -> None:
        self._db.execute("COMMIT")
        self._db.executescript(_INDEXES)
        self._db.execute("ANALYZE main")
        self._db.close()
        self._columns.close()

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


def _voice_columns(speaker: Speaker) -> tuple[Any, ...]:
    aliases = json.dumps(speaker.aliases, ensure_ascii=False)
    about = (speaker.description, speaker.evidence, int(speaker.anonymous))
    return (speaker.name, speaker.role, speaker.confidence, aliases, *about)
