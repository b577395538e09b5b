"""The episodes in a folder on disk, as rows for Milvus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import CatalogReader
from indexer.columns import PassageColumns, read_columns
from indexer.generations import FORMAT_VERSION
from indexer.lexical import Analyzer
from indexer.milvus_rows import PassageRow, Question, digest, passage_row, place_key, turn_rows
from indexer.rows import restored
from indexer.vectors import VectorReader


class EpisodeVectors(NamedTuple):
    """Of an episode's passages, of their sentences, and of its questions, in order, as `indexer.rows` keeps them."""

    passages: NDArray[np.int8]
    sentences: NDArray[np.int8]
    questions: NDArray[np.int8]


class EpisodeSource:
    """A folder's catalog, and what is made of it."""

    def __init__(self, folder: Path, model: dict[str, Any], writer: str) -> None:
        """
        Args:
            writer: the digest of the code that made the folder.
        """
        self.catalog = CatalogReader(folder)
        self.columns: PassageColumns = read_columns(folder)
        self._made_by = [FORMAT_VERSION, model, writer]
        self._analyzer = Analyzer()
        by_episode = groupby(self.catalog.voices, key=lambda voice: voice.episode)
        self._voices = {episode: list(voices) for episode, voices in by_episode}

    def close(self) -> None:
        self.catalog.close()

    def keys(self) -> list[str]:
        """By the numbers of the episodes: of all that their rows hold."""
        return [digest([self._made_by, row.id, *self._said(row.number)]) for row in self.catalog.episodes]

    def state(self, keys: Sequence[str]) -> str:
        """A digest of the episodes and of all that is said of them."""
        told = [[asdict(one) for one in kind] for kind in (self.catalog.episodes, self.catalog.voices)]
        return digest([keys, *told, self.catalog.teasers()])

    def _said(self, episode: int) -> Iterator[Any]:
        yield [(voice.name, voice.role) for voice in self._voices.get(episode, ())]
        yield [asdict(turn) for _, _, turn in self.catalog.turns(episode)]
        for stored in self.catalog.passages_of(episode):
            yield [asdict(stored.passage), stored.vector_key]

    def turns(self, episode: int, key: str) -> Iterator[dict[str, Any]]:
        """The rows of an episode's turns."""
        places = {voice.name: place for place, voice in enumerate(self._voices.get(episode, ()))}
        for number, (start, _, turn) in enumerate(self.catalog.turns(episode)):
            yield from turn_rows(key, number, start, places[turn.speaker], turn)

    def passages(self, episode: int, key: str, vectors: EpisodeVectors) -> Iterator[dict[str, Any]]:
        """The rows of its passages."""
        stored = self.catalog.passages_of(episode)
        if not stored:
            return
        starts = [start for start, _, _ in self.catalog.turns(episode)]
        asked = self._questions(episode, starts)
        places = {number: place for place, number in enumerate(asked)}
        terms = [self._analyzer.placed_terms(one.passage.text) for one in stored]
        nearest = restored(vectors.passages)
        first_sentence = 0
        for place, one in enumerate(stored):
            number = int(self.columns.question[one.number])
            question, words = asked.get(number, (None, ""))
            around = (
                terms[place - 1] if place else (),
                terms[place + 1] if place + 1 < len(stored) else (),
                self._analyzer.placed_terms(one.passage.header),
                self._analyzer.placed_terms(words),
            )
            last_sentence = first_sentence + len(one.passage.sentences)
            of_question = [vectors.questions[places[number]][np.newaxis]] if question else []
            row = PassageRow(
                turn_start=starts[one.passage.turn],
                vector_key=one.vector_key,
                passage=one.passage,
                role=self.catalog.voices[one.voice].role,
                question=question,
                terms=(terms[place], *(list(filter(None, unit)) for unit in around)),
                vectors=np.concatenate(
                    [
                        vectors.passages[place : place + 1],
                        vectors.sentences[first_sentence:last_sentence],
                        *of_question,
                    ]
                ),
            )
            first_sentence = last_sentence
            yield {**passage_row(place_key(key, place), row), "vector": nearest[place].tolist()}

    def _questions(self, episode: int, starts: Sequence[int]) -> dict[int, tuple[Question, str]]:
        """The questions of an episode by number, and their words."""
        return {
            number: (Question(turn, start, end, starts[turn], key), words)
            for number, turn, start, end, key, words in self.catalog.questions_in(episode)
        }

    def written_vectors(self, episode: int, reader: VectorReader) -> EpisodeVectors:
        """The vectors of an episode that are on disk."""
        passages = self.columns.passages_of(episode, 1)
        sentences = self.columns.first_sentence[[passages.start, passages.stop]].tolist()
        questions = [number for number, *_ in self.catalog.questions_in(episode)]
        return EpisodeVectors(
            reader.passages.stored(passages),
            reader.sentences.stored(slice(*sentences)),
            reader.questions.stored(slice(questions[0], questions[-1] + 1) if questions else slice(0)),
        )
