"""The catalog's episodes to passages: labelled segments, passages within the model's window, and their words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from embeddings.base import Embedder
from indexer.blocks import Block, Moved
from indexer.catalog_writer import AskedIn, CatalogWriter
from indexer.gather import Fate, Gathered
from indexer.lexical import LexicalWriter, Worded
from indexer.passages import Chunking, embedded_text, make_passages, question_span
from indexer.progress import Progress
from indexer.report import Report, cut_counts
from indexer.segments import find_segments, turn_kinds
from indexer.types import Episode, Passage


def cut_episodes(
    gathered: Gathered,
    catalog: CatalogWriter,
    lexical: LexicalWriter,
    chunking: Chunking,
    embedder: Embedder,
    report: Report,
    progress: Progress,
) -> list[Block]:
    """Adds the passages of the episodes to the catalog, and their words to the lexical index in the same order.

    Returns:
        The passages that were taken over from the earlier generation.
    """
    blocks: list[Block] = []
    total = len(gathered.fates)
    for part in _parts(gathered):
        if isinstance(part, int):
            progress("Cutting passages", part, total)
            _cut_episode(part, catalog, lexical, chunking, embedder, report)
            continue
        block = catalog.take_passages(*part)
        numbers = block.passages.target
        lexical.take(block.passages, catalog.texts(range(numbers.start, numbers.stop)))
        report.questions += block.questions.count
        blocks.append(block)
    for number, counts in gathered.cut_before.items():
        if gathered.fates[number] is Fate.TAKE:
            report.add(counts)
    progress("Cutting passages", total, total)
    return blocks


def _parts(gathered: Gathered) -> Iterator[int | tuple[Moved, Moved]]:
    """In order, each episode that is to be cut, and each run with its voices whose passages are taken over."""
    run_of = {number: run for run in gathered.runs for number in range(run[0].new, run[0].new + run[0].count)}
    taking: list[int] = []
    for number, fate in enumerate(gathered.fates):
        if fate is Fate.NONE:
            continue
        if taking and (fate is not Fate.TAKE or run_of[number] is not run_of[taking[0]]):
            yield _part(run_of[taking[0]], taking[0], taking[-1])
            taking = []
        if fate is Fate.TAKE:
            taking.append(number)
        elif fate is Fate.CUT:
            yield number
    if taking:
        yield _part(run_of[taking[0]], taking[0], taking[-1])


def _part(run: tuple[Moved, Moved], first: int, last: int) -> tuple[Moved, Moved]:
    episodes, voices = run
    return Moved(first - episodes.shift, first, last - first + 1), voices


def _cut_episode(
    number: int,
    catalog: CatalogWriter,
    lexical: LexicalWriter,
    chunking: Chunking,
    embedder: Embedder,
    report: Report,
) -> None:
    window = embedder.fingerprint.max_tokens
    episode = catalog.episode(number)
    segments = find_segments(episode)
    catalog.set_turn_kinds(number, turn_kinds(episode, segments))
    room = window - embedder.passage_overhead
    passages = make_passages(episode, segments, chunking, embedder.count_tokens, room)
    texts = [embedded_text(passage) for passage in passages]
    keys = [vector_key(*text) for text in texts]
    questions = _questions(episode, passages)
    catalog.add_passages(number, passages, keys, questions)
    report.questions += len(questions)
    text = episode.text
    asked = {turn: text[question.start : question.end] for turn, question in questions.items()}
    lexical.add_episode(
        [Worded(p.text, p.header, None if p.question_turn is None else asked[p.question_turn]) for p in passages]
    )
    lengths = [length + embedder.passage_overhead for length in embedder.count_tokens([text for text, _ in texts])]
    counts = cut_counts(episode, passages, lengths, window)
    catalog.set_cut(number, counts)
    report.add(counts)


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
