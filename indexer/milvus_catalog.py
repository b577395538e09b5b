"""The words of an index in Milvus, and whose they are: see `CatalogReader`, whose answers these are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from indexer.catalog import EpisodeRow, PassagePlace, StoredPassage, Voice
from indexer.errors import NotNow
from indexer.milvus import one_of, quoted
from indexer.milvus_reader import PassageRows
from indexer.milvus_rows import (
    PIECE,
    TURN_FIELDS,
    WORK,
    KeptRow,
    folded,
    pieces_of,
    read_turn,
    turn_key,
    turns_collection,
    voice_of,
)
from indexer.types import TURN_SEPARATOR, Kind, Turn

_STEP = 1_000
_EPISODES_NAMED = 500


class StoredCatalog:
    """A finished catalog. Safe to use from several threads."""

    def __init__(self, rows: PassageRows) -> None:
        self._rows = rows
        self._store = rows.store
        self._turns = turns_collection(rows.store.address.name)
        self.episodes: tuple[EpisodeRow, ...] = rows.head.episodes
        self.voices: tuple[Voice, ...] = rows.head.voices
        self._voices_of: dict[int, list[Voice]] = {row.number: [] for row in self.episodes}
        for voice in self.voices:
            self._voices_of[voice.episode].append(voice)

    def close(self) -> None:
        self._rows.close()

    def passages(self, numbers: Sequence[int]) -> list[StoredPassage]:
        """Passages by number, in the order asked for."""
        rows = self._rows.get(numbers)
        columns = self._rows.head.columns
        return [
            StoredPassage(
                number=number,
                episode=int(columns.episode[number]),
                voice=int(columns.voice[number]),
                first_sentence=int(columns.first_sentence[number]),
                vector_key=row.place.vector_key,
                passage=replace(row.place.passage, text=text),
            )
            for number, row, text in zip(numbers, rows, self._texts(numbers, rows), strict=True)
        ]

    def texts(self, numbers: Sequence[int]) -> list[str]:
        """Passages' texts by number, in the order asked for."""
        return self._texts(numbers, self._rows.get(numbers))

    def passages_by_id(self, ids: Sequence[str]) -> list[StoredPassage]:
        """Passages by id; ids that the index does not hold are left out."""
        found: list[int] = []
        for start in range(0, len(ids), _STEP):
            expression = one_of("id", ids[start : start + _STEP])
            rows = self._store.everywhere(self._rows.collection, expression, [])
            found += [number for row in rows if (number := self._rows.number_of(row["key"])) is not None]
        return self.passages(sorted(found))

    def passages_of(self, episode: int) -> list[StoredPassage]:
        """All passages of an episode, in order."""
        return self.passages(self._numbers_of(episode))

    def all_passages(self) -> Iterator[StoredPassage]:
        """Every passage, in order, a few in memory at a time."""
        for start in range(0, self._rows.head.passages, _STEP):
            yield from self.passages(range(start, min(self._rows.head.passages, start + _STEP)))

    def places(self) -> list[PassagePlace]:
        """Where every passage stands, in order. Reads every row."""
        places = []
        for start in range(0, self._rows.head.passages, _STEP):
            for row in self._rows.get(range(start, min(self._rows.head.passages, start + _STEP))):
                one = row.place.passage
                times = (one.start_s, one.end_s, one.time)
                places.append(PassagePlace(one.id, one.turn, one.char_start, one.char_end, *times))
        return places

    def teasers(self) -> list[tuple[int, int, int]]:
        """(episode, where in its canonical text the words are really said, passage number) of every teaser."""
        return list(self._rows.head.teasers)

    def questions(self, numbers: Sequence[int]) -> list[tuple[str, str]]:
        """(vector key, text) of questions by number, in the order of their numbers."""
        asked = self._rows.head.columns.question
        wanted = sorted(set(numbers))
        replying = [int(np.flatnonzero(asked == number)[0]) for number in wanted]
        found = []
        for passage, row in zip(replying, self._rows.get(replying), strict=True):
            assert row.place.question is not None
            one = row.place.question
            [text] = self._stretches([(passage, one.turn, one.start - one.turn_start, one.end - one.turn_start)])
            found.append((one.vector_key, text))
        return found

    def turns_of(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        """(episode, turn) of passages, in the order asked for."""
        episode = self._rows.head.columns.episode
        rows = self._rows.get(numbers)
        return [(int(episode[number]), row.place.passage.turn) for number, row in zip(numbers, rows, strict=True)]

    def questions_of(self, numbers: Sequence[int]) -> dict[int, tuple[int, str | None, str]]:
        """(turn, speaker, text) of the question that passages reply to; passages that reply to none are left out."""
        asked = {
            number: (int(self._rows.head.columns.episode[number]), row.place.passage.question_turn)
            for number, row in zip(numbers, self._rows.get(numbers), strict=True)
            if row.place.passage.question_turn is not None
        }
        places = [(episode, turn) for episode, turn in asked.values() if turn is not None]
        turns = self._read(list(dict.fromkeys(places)))
        return {
            number: (turn, turns[episode, turn][2].speaker, turns[episode, turn][2].text)
            for number, (episode, turn) in asked.items()
            if turn is not None
        }

    def turns_with(
        self, words: Sequence[str], limit: int, *, apart: str, voices: Collection[int] | None = None
    ) -> list[tuple[int, int]]:
        """(episode, turn) of the first turns that hold some words in this order: see `CatalogReader.turns_with`."""
        pattern = folded(apart.join(re.sub(r"\W", "_", word) for word in words))
        expression = f"turn > {WORK} and folded like {quoted(f'%{pattern}%')}"
        episodes = None if voices is None else {self.voices[voice].episode for voice in voices}
        if episodes is not None and len(episodes) <= _EPISODES_NAMED:
            expression += f" and {one_of('episode', [self._rows.head.keys[number] for number in sorted(episodes)])}"
        found = set()
        for row in self._store.everywhere(self._turns, expression, ["episode", "turn", "content"]):
            episode = self._rows.episode_of(row["episode"])
            if episode is None:
                continue
            voice = self._voices_of[episode][voice_of(row)].number
            if voices is None or voice in voices:
                found.add((episode, int(row["turn"])))
        return sorted(found)[:limit]

    def text(self, episode: int) -> str:
        """The canonical text of an episode."""
        return TURN_SEPARATOR.join(turn.text for _, _, turn in self.turns(episode))

    def turns(self, episode: int, numbers: Sequence[int] | None = None) -> list[tuple[int, int, Turn]]:
        """(char_start, char_end, turn) of an episode's turns, all or those asked for, in order."""
        there = range(self.episodes[episode].turns)
        wanted = list(there) if numbers is None else sorted(number for number in set(numbers) if number in there)
        found = self._read([(episode, number) for number in wanted])
        return [found[episode, number] for number in wanted]

    def words_by_voice(self) -> dict[int, int]:
        """How many words each voice says."""
        return self._rows.head.words_by_voice

    def sentences_of(self, episode: int, turns: Sequence[int]) -> dict[int, list[tuple[tuple[int, int], Kind]]]:
        """(start, end) and kind of the sentences of some turns, by turn and in order, as far as passages hold them."""
        found: dict[int, list[tuple[tuple[int, int], Kind]]] = {turn: [] for turn in turns}
        for row in self._rows.get(self._numbers_of(episode)):
            if row.place.passage.turn in found:
                found[row.place.passage.turn] += [
                    (span, row.place.passage.kind) for span in row.place.passage.sentences
                ]
        return found

    def _numbers_of(self, episode: int) -> range:
        first = self._rows.first_of_episode
        return range(int(first[episode]), int(first[episode + 1]))

    def _texts(self, numbers: Sequence[int], rows: Sequence[KeptRow]) -> list[str]:
        return self._stretches(
            [
                (number, one.turn, one.char_start - row.place.turn_start, one.char_end - row.place.turn_start)
                for number, row in zip(numbers, rows, strict=True)
                for one in (row.place.passage,)
            ]
        )

    def _stretches(self, stretches: Sequence[tuple[int, int, int, int]]) -> list[str]:
        """Parts of turns: of the episode of a passage, its turn, from and up to code points of the turn."""
        keys = []
        for passage, turn, start, end in stretches:
            episode = self._rows.head.keys[int(self._rows.head.columns.episode[passage])]
            pieces = range(start // PIECE, max(start, end - 1) // PIECE + 1)
            keys.append([turn_key(episode, turn, piece) for piece in pieces])
        held = self._pieces([key for parts in keys for key in parts])
        texts = []
        for parts, (_, _, start, end) in zip(keys, stretches, strict=True):
            text = "".join(held[key]["text"][:PIECE] for key in parts)
            offset = start // PIECE * PIECE
            texts.append(text[start - offset : end - offset])
        return texts

    def _read(self, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int, Turn]]:
        keys = self._rows.head.keys
        first = self._pieces([turn_key(keys[episode], turn, 0) for episode, turn in places])
        parts = {
            (episode, turn): [
                turn_key(keys[episode], turn, piece)
                for piece in range(pieces_of(first[turn_key(keys[episode], turn, 0)]))
            ]
            for episode, turn in places
        }
        rest = self._pieces([key for all_keys in parts.values() for key in all_keys[1:]])
        held = {**first, **rest}
        return {
            (episode, turn): read_turn(
                [held[key] for key in parts[episode, turn]], [voice.name for voice in self._voices_of[episode]]
            )
            for episode, turn in places
        }

    def _pieces(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return {}
        found = self._store.get(self._turns, wanted, TURN_FIELDS)
        if len(found) != len(wanted):
            missing = len(wanted) - len(found)
            raise NotNow(f"{self._store}: {missing} turns are gone; a newer generation is on its way.")
        return found
