"""The catalog's episodes to passages: labelled segments, passages within the model's window, and their words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from embeddings.base import Embedder
from indexer.catalog import AskedIn, CatalogWriter
from indexer.lexical import LexicalWriter, Worded
from indexer.passages import Chunking, embedded_text, make_passages, question_span
from indexer.progress import Progress
from indexer.report import Report
from indexer.segments import find_segments, turn_kinds
from indexer.types import Episode, Passage


def cut_episodes(
    numbers: Sequence[int],
    catalog: CatalogWriter,
    lexical: LexicalWriter,
    chunking: Chunking,
    embedder: Embedder,
    report: Report,
    progress: Progress,
) -> None:
    """Adds the passages of some episodes to the catalog, and their words to the lexical index in the same order."""
    window = embedder.fingerprint.max_tokens - embedder.passage_overhead
    for done, number in enumerate(numbers):
        progress("Cutting passages", done, len(numbers))
        episode = catalog.episode(number)
        segments = find_segments(episode)
        for turn, kind in turn_kinds(episode, segments).items():
            catalog.set_turn_kind(number, turn, kind)
        passages = make_passages(episode, segments, chunking, embedder.count_tokens, window)
        keys = [vector_key(*embedded_text(passage)) for passage in passages]
        questions = _questions(episode, passages)
        catalog.add_passages(number, passages, keys, questions)
        report.questions += len(questions)
        text = episode.text
        asked = {turn: text[question.start : question.end] for turn, question in questions.items()}
        lexical.add_episode(
            [Worded(p.text, p.header, None if p.question_turn is None else asked[p.question_turn]) for p in passages]
        )
        report.count_passages(episode, passages)
    progress("Cutting passages", len(numbers), len(numbers))


def _questions(episode: Episode, passages: Sequence[Passage]) -> dict[int, AskedIn]:
    """What asks in each turn that some passage replies to."""
    found: dict[int, AskedIn] = {}
    offsets = episode.turn_offsets
    for turn in dict.fromkeys(p.question_turn for p in passages if p.question_turn is not None):
        text, offset = episode.turns[turn].text, offsets[turn]
        start, end = question_span(text)
        found[turn] = AskedIn(offset + start, offset + end, vector_key(text[start:end], ()))
    return found


def vector_key(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    """What a passage's vectors depend on beside the model; equal keys have equal vectors."""
    return hashlib.sha256(f"{text}\0{spans}".encode()).hexdigest()[:32]
