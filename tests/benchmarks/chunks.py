"""Common practice: chunks of about 250 tokens cut across turns, whoever speaks, without a context header."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embeddings.base import Vectors
from indexer.lexical import LexicalReader, LexicalWriter, Worded
from indexer.progress import Progress
from service.archive import Archive
from service.evaluate import Judged, Question
from tests.benchmarks.plain import Units, embed_cached, judge_plain

CHUNK_TOKENS = 250

_Word = tuple[str, bool]
"""A word, and whether it is said; labels are not."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` has the labels ("Name: …") in it, `said` has not."""

    episode: int
    text: str
    said: str


def chunks_of(archive: Archive) -> list[Chunk]:
    """Every episode's turns as "Name: text" lines, joined and cut at the token that would be too many, no overlap."""
    lengths: dict[str, int] = {}
    chunks = []
    for row in archive.catalog.episodes:
        words: list[_Word] = []
        for _, _, turn in archive.catalog.turns(row.number):
            label = f"{turn.speaker}:".split() if turn.speaker else []
            words += [(word, False) for word in label] + [(word, True) for word in turn.text.split()]
        new = sorted({word for word, _ in words} - lengths.keys())
        lengths |= dict(zip(new, archive.embedder.count_tokens(new), strict=True))
        for cut in _cut(words, lengths):
            said = " ".join(word for word, is_said in cut if is_said)
            chunks.append(Chunk(row.number, " ".join(word for word, _ in cut), said))
    return chunks


def judge_chunks(
    questions: Sequence[Question], vectors: Vectors, archive: Archive, cache: Path, progress: Progress
) -> list[Judged]:
    """Dense and BM25 over the chunks by reciprocal rank fusion."""
    chunks = chunks_of(archive)
    texts = [chunk.text for chunk in chunks]
    folder = cache / "chunks"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    writer = LexicalWriter(folder)
    writer.add_episode([Worded(text) for text in texts])
    writer.close()
    units = Units(
        texts=texts,
        tokens=archive.embedder.count_tokens([chunk.said for chunk in chunks]),
        vectors=embed_cached("chunks", texts, archive.embedder, cache, progress),
        lexical=LexicalReader(folder),
    )
    everything = [np.ones(len(chunks), dtype=np.bool_)] * len(questions)
    right = [_right(question, chunks, archive) for question in questions]
    return judge_plain(questions, vectors, everything, right, units)["RRF"]


def _cut(words: Sequence[_Word], lengths: dict[str, int]) -> Iterator[list[_Word]]:
    chunk: list[_Word] = []
    total = 0
    for word in words:
        if chunk and total + lengths[word[0]] > CHUNK_TOKENS:
            yield chunk
            chunk, total = [], 0
        chunk.append(word)
        total += lengths[word[0]]
    if chunk:
        yield chunk


def _right(question: Question, chunks: Sequence[Chunk], archive: Archive) -> set[int]:
    episodes = {row.number for row in archive.catalog.episodes if row.source.rsplit("/", 1)[-1] == question.episode}
    return {
        number
        for number, chunk in enumerate(chunks)
        if chunk.episode in episodes and any(anchor in chunk.said for anchor in question.anchors)
    }
