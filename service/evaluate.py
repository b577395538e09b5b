"""How good the ranking is, by questions whose answers are known.

A hit is right when its text, whitespace collapsed, contains one of the question's anchors and it comes from the
question's episode. R@k: a right hit is among the first k. MRR@10: the mean of 1/rank of the first right hit, 0
below rank 10. R@1000 tok: a right hit is met within the first 1,000 tokens read down the ranking, counted by
the embedding model's tokenizer; fair across passage sizes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from indexer.errors import QuestionFileError
from service.archive import Archive
from service.search import Hit, Mode, Search, search_many

DEPTH = 50
TOKEN_BUDGET = 1000
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a question file. `episode`: the source's file name; None is any."""

    query: str
    episode: str | None
    anchors: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Judged:
    """`rank`: of the first right hit, None when there is none; `tokens`: those read when its end is reached."""

    question: Question
    rank: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Shares between 0 and 1 over `questions` questions."""

    questions: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    mrr_at_10: float
    recall_at_1000_tokens: float


def read_questions(path: Path) -> list[Question]:
    """The questions of a file, one JSON object a line.

    Raises:
        QuestionFileError: the file or a line is not as it should be, naming the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionFileError(f"{path}: cannot be read ({error}).") from error
    questions = [_question(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise QuestionFileError(f"{path}: no questions in it.")
    return questions


def judge(questions: Sequence[Question], archive: Archive, mode: Mode) -> list[Judged]:
    """Where the answer of each question stands in the ranking."""
    judged = []
    for start in range(0, len(questions), _BATCH):
        batch = questions[start : start + _BATCH]
        found = search_many([Search(q.query, limit=DEPTH, mode=mode) for q in batch], archive)
        judged += [_judge(q, hits.hits, archive) for q, hits in zip(batch, found, strict=True)]
    return judged


def measure(judged: Sequence[Judged]) -> Metrics:
    """The metrics over some questions."""

    def share(right: Sequence[bool]) -> float:
        return sum(right) / len(judged) if judged else 0.0

    ranks = [entry.rank or DEPTH + 1 for entry in judged]
    return Metrics(
        questions=len(judged),
        recall_at_1=share([rank <= 1 for rank in ranks]),
        recall_at_5=share([rank <= 5 for rank in ranks]),
        recall_at_10=share([rank <= 10 for rank in ranks]),
        mrr_at_10=sum(1 / rank for rank in ranks if rank <= 10) / len(judged) if judged else 0.0,
        recall_at_1000_tokens=share([e.tokens is not None and e.tokens <= TOKEN_BUDGET for e in judged]),
    )


def measure_by_kind(judged: Sequence[Judged]) -> dict[str, Metrics]:
    """The metrics per kind of question, in the order of the kinds' names, and `all` last."""
    kinds = sorted({entry.question.kind for entry in judged})
    tables = {kind: measure([entry for entry in judged if entry.question.kind == kind]) for kind in kinds}
    return {**tables, "all": measure(judged)}


def _judge(question: Question, hits: Sequence[Hit], archive: Archive) -> Judged:
    lengths = archive.embedder.count_tokens([hit.stored.passage.text for hit in hits])
    read = 0
    for hit, length in zip(hits, lengths, strict=True):
        read += length
        if _is_right(hit, question, archive):
            return Judged(question, hit.rank, read)
    return Judged(question, None, None)


def _is_right(hit: Hit, question: Question, archive: Archive) -> bool:
    source = archive.catalog.episodes[hit.stored.episode].source
    if question.episode is not None and question.episode not in (source, source.rsplit("/", 1)[-1]):
        return False
    text = " ".join(hit.stored.passage.text.split())
    return any(anchor in text for anchor in question.anchors)


def _question(line: str, place: str) -> Question:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise QuestionFileError(f"{place}: no valid JSON ({error}). Write one object a line.") from error
    stated = content if isinstance(content, dict) else {}
    query, anchors = stated.get("query"), stated.get("anchors")
    if not isinstance(query, str) or not query.strip() or not _are_anchors(anchors):
        raise QuestionFileError(f'{place}: expected {{"query": "…", "anchors": ["…"]}}, with at least one anchor.')
    episode, kind = stated.get("episode"), stated.get("kind")
    return Question(
        query=query,
        episode=episode if isinstance(episode, str) else None,
        anchors=tuple(" ".join(anchor.split()) for anchor in anchors),
        kind=kind if isinstance(kind, str) else "-",
    )


def _are_anchors(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and bool(value) and all(isinstance(a, str) and a.strip() for a in value)
