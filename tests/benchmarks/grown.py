"""An index of as many passages as asked for: the episodes of a real one again and again, their vectors with noise.

In a copy, words of one length have changed places throughout the episode: every term is as frequent as in the real
archive, every sentence as long, and no two passages say the same.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import CATALOG_FILE, CatalogReader, EpisodeRow, StoredPassage
from indexer.catalog_writer import AskedIn, CatalogWriter
from indexer.columns import read_columns
from indexer.generations import GENERATIONS, REPORT, Generation, current_generation, new_folder, publish
from indexer.lexical import LexicalWriter, Worded
from indexer.types import Episode, Passage, Speaker, Turn
from indexer.vectors import VectorReader, VectorWriter

# With 384 values of this deviation a copy's cosine to the original is .93.
NOISE = 0.02
_SEED = 1


def grown_index(real: Generation, passages: int, index: Path) -> Generation:
    """At least that many passages; an index that is already there is taken as it is."""
    if (index / GENERATIONS).exists():
        return current_generation(index)
    (index / GENERATIONS).mkdir(parents=True)
    catalog, vectors = CatalogReader(real.folder), VectorReader(real.folder)
    questions = _questions(real.folder)
    columns = read_columns(real.folder)
    chosen = list(_chosen(catalog, passages))
    with new_folder(index) as folder:
        written, lexical = CatalogWriter(folder), LexicalWriter(folder)
        totals = [0, 0, 0]
        for number, (copy, row, stored) in enumerate(chosen):
            asked = questions.get(row.number, {})
            episode = _episode(row, copy, catalog)
            text = episode.text
            written.add_episode(number, episode)
            content = [
                replace(
                    entry.passage,
                    id=f"{copy}-{entry.passage.id}",
                    text=text[entry.passage.char_start : entry.passage.char_end],
                )
                for entry in stored
            ]
            written.add_passages(number, content, [f"{copy}-{entry.vector_key}" for entry in stored], asked)
            lexical.add_episode([_worded(passage, text, asked) for passage in content])
            totals[0] += len(content)
            totals[1] += sum(len(passage.sentences) for passage in content)
            totals[2] += len(asked)
        written.close()
        lexical.close()
        dimension = real.manifest.model["dimension"]
        writer = VectorWriter(folder, dimension=dimension, passages=totals[0], sentences=totals[1], questions=totals[2])
        chance = np.random.default_rng(_SEED)
        done = np.zeros(3, dtype=np.int64)
        for copy, _, stored in chosen:
            numbers = np.array([entry.number for entry in stored], dtype=np.int64)
            sentences = np.arange(
                columns.first_sentence[numbers[0]], columns.first_sentence[numbers[-1] + 1], dtype=np.int64
            )
            noise = NOISE if copy else 0.0
            rows = np.unique(columns.question[numbers]).astype(np.int64)
            asked_in = rows[rows >= 0]
            writer.put(
                done[0] + np.arange(len(numbers)),
                _noisy(vectors.passages.vectors(numbers), noise, chance),
                done[1] + np.arange(len(sentences)),
                _noisy(vectors.sentences.vectors(sentences), noise, chance),
            )
            writer.put_questions(
                done[2] + np.arange(len(asked_in)), _noisy(vectors.questions.vectors(asked_in), noise, chance)
            )
            done += len(numbers), len(sentences), len(asked_in)
        engine = asdict(writer.close())
        (folder / REPORT).write_text(json.dumps(real.report()), encoding="utf-8")
        counts = {"episodes": len(chosen), "passages": totals[0], "sentences": totals[1]}
        return publish(index, folder, model=real.manifest.model, settings={}, counts=counts, engine=engine, inputs={})


def _chosen(catalog: CatalogReader, passages: int) -> Iterator[tuple[int, EpisodeRow, list[StoredPassage]]]:
    """Copies of episodes with their passages, until there are enough of these."""
    total = 0
    for copy in count():
        for row in catalog.episodes:
            stored = catalog.passages_of(row.number)
            if stored:
                yield copy, row, stored
                total += len(stored)
            if total >= passages:
                return


def _questions(folder: Path) -> dict[int, dict[int, AskedIn]]:
    found: dict[int, dict[int, AskedIn]] = {}
    with closing(sqlite3.connect(folder / CATALOG_FILE)) as connection:
        rows = connection.execute(
            "SELECT episode, turn, char_start, char_end, vector_key FROM questions ORDER BY number"
        )
        for episode, turn, start, end, key in rows:
            found.setdefault(episode, {})[turn] = AskedIn(start, end, key)
    return found


def _worded(passage: Passage, text: str, asked: Mapping[int, AskedIn]) -> Worded:
    if passage.question_turn is None:
        return Worded(passage.text, passage.header)
    question = asked[passage.question_turn]
    return Worded(passage.text, passage.header, text[question.start : question.end])


def _episode(row: EpisodeRow, copy: int, catalog: CatalogReader) -> Episode:
    turns = [turn for _, _, turn in catalog.turns(row.number)]
    voices = [voice for voice in catalog.voices if voice.episode == row.number and voice.name]
    return Episode(
        id=f"{row.id}-{copy}",
        source=f"{copy}/{row.source}",
        format=row.format,
        title=row.title,
        show=row.show,
        date=row.date,
        url=row.url,
        language=row.language,
        speakers=tuple(Speaker(voice.name or "", voice.role, voice.confidence) for voice in voices),
        turns=tuple(_with_words_exchanged(turns, random.Random(f"{copy} {row.id}")) if copy else turns),
    )


def _with_words_exchanged(turns: Sequence[Turn], chance: random.Random) -> Iterator[Turn]:
    """The turns with words of one length exchanged among all of them."""
    words = [re.split(r"(\s+)", turn.text) for turn in turns]
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, parts in enumerate(words):
        for place in range(0, len(parts), 2):
            places[len(parts[place])].append((number, place))
    for of_length in places.values():
        taken = [words[number][place] for number, place in of_length]
        chance.shuffle(taken)
        for (number, place), word in zip(of_length, taken, strict=True):
            words[number][place] = word
    yield from (replace(turn, text="".join(parts)) for turn, parts in zip(turns, words, strict=True))


def _noisy(rows: NDArray[np.float32], noise: float, chance: np.random.Generator) -> NDArray[np.float32]:
    if not noise:
        return rows
    moved = rows + chance.standard_normal(rows.shape, dtype=np.float32) * np.float32(noise)
    found: NDArray[np.float32] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return found
